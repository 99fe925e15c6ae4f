//! The key of a folder that is named by its path: the one thing that has to be asked of Orchestrator before a server can
//! be reached.

use std::fmt;

use serde_json::Value;

use super::address::{Address, shown};
use super::{Mistake, Rest, Trouble};
use crate::auth::Secret;
use crate::nearest::nearest;

/// Folders of one answer.
const PAGE: usize = 100;

/// How many answers are read: nobody has more folders.
const PAGES: usize = 50;

/// How many folders are named where none of them is meant.
const TOLD: usize = 5;

/// What to do where Orchestrator does not say it.
const WRITE_KEY: &str =
    "write the folder's key instead: it is in the server's address, after `mcp/`, on the page MCP Servers";

/// The key of the folder of a path, among those that the token's user may see: one question to Orchestrator, of as many
/// pages as there are.
///
/// # Errors
/// Where there is no such folder, or Orchestrator does not say.
pub async fn folder_key(
    rest: &Rest,
    address: &Address,
    path: &str,
    token: &Secret,
) -> Result<String, Trouble> {
    let asked = |what: &dyn fmt::Display, help| {
        let message = format!("the key of the folder `{}` could not be looked up: {what}", shown(path));
        Trouble::new(message, help).being(Mistake::NotLookedUp)
    };
    let url = address.below(&["orchestrator_", "api", "FoldersNavigation", "GetFoldersForCurrentUser"]);
    let url = url.ok_or_else(|| asked(&"the base is no address", WRITE_KEY))?;
    let mut known: Vec<(String, String)> = Vec::new();
    for page in 0..PAGES {
        let mut url = url.clone();
        let (skip, take) = ((page * PAGE).to_string(), PAGE.to_string());
        url.query_pairs_mut().append_pair("skip", &skip).append_pair("take", &take);
        let answer = rest.get(&url, Some(token), &[]).await;
        let answer = answer.map_err(|error| asked(&error, WRITE_KEY))?;
        if let Some(refusal) = rest.refusal(&answer) {
            let help = match answer.status {
                401 => {
                    "the token is not accepted there: has it run out, is it of another organization, or is the base another one's?"
                }
                403 => "external applications may not ask for folders: write the folder's key, `folderKey`",
                _ => WRITE_KEY,
            };
            let trouble = asked(&refusal, help);
            return Err(if answer.status == 401 { trouble.being(Mistake::LookUpRefused) } else { trouble });
        }
        let items = answer.json.as_ref().and_then(|body| body.get("PageItems")?.as_array());
        let Some(items) = items else {
            let kind = match answer.media_type.as_str() {
                "" => "nothing",
                kind => kind,
            };
            let what = format!("the answer is no list of folders, but {}", shown(kind));
            return Err(asked(&what, WRITE_KEY));
        };
        let text = |item: &Value, name: &str| item.get(name).and_then(Value::as_str).map(str::to_owned);
        let found = items.iter().filter_map(|item| {
            let name = text(item, "FullyQualifiedName").or_else(|| text(item, "DisplayName"))?;
            Some((name, text(item, "Key")?))
        });
        known.extend(found);
        if items.len() < PAGE {
            break;
        }
    }
    choose(known, path)
}

/// The key of a path. Upper and lower case count only where two folders differ in nothing else.
fn choose(known: Vec<(String, String)>, path: &str) -> Result<String, Trouble> {
    let is_alike = |name: &str| name.to_lowercase() == path.to_lowercase();
    let exact = known.iter().find(|(name, _)| name == path);
    if let Some((_, key)) = exact.or_else(|| known.iter().find(|(name, _)| is_alike(name))) {
        // What comes from outside becomes a part of an address.
        return match super::address::is_key(key) {
            true => Ok(key.clone()),
            false => Err(Trouble::new(
                format!("the key that Orchestrator gives for `{}` is no GUID", shown(path)),
                WRITE_KEY,
            )),
        };
    }
    let names = || known.iter().map(|(name, _)| name.as_str());
    // The last name alone may be meant, or the right folder under another one.
    let last = |name: &str| name.rsplit('/').next().map(str::to_lowercase);
    let below = names().find(|name| last(name) == last(path));
    let help = match nearest(path, names()).or(below) {
        Some(near) => format!("did you mean `{}`?", shown(near)),
        None if known.is_empty() => {
            "the token's user sees no folder at all: somebody has to assign the user to it".to_owned()
        }
        None => {
            let more = if known.len() > TOLD { " and others" } else { "" };
            let seen: Vec<String> = names().take(TOLD).map(|name| format!("`{}`", shown(name))).collect();
            let seen = seen.join(", ");
            format!(
                "write the whole path, or have the user assigned to the folder; the user sees {seen}{more}"
            )
        }
    };
    let message = format!("the token's user sees no folder `{}`", shown(path));
    Err(Trouble::new(message, help).being(Mistake::FolderNotSeen))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "6f0c2a4e-8a1b-4c3d-9e5f-0123456789ab";

    fn known() -> Vec<(String, String)> {
        ["Shared", "Shared/Finance", "Shared/finance", "Sales/Orders"]
            .map(|name| (name.to_owned(), KEY.to_owned()))
            .to_vec()
    }

    #[test]
    fn a_folder_is_found_by_its_path() {
        assert_eq!(choose(known(), "Shared/Finance").unwrap(), KEY);
        assert_eq!(choose(known(), "sales/orders").unwrap(), KEY);
        let odd = vec![("Shared".to_owned(), "../x".to_owned())];
        assert_eq!(
            choose(odd, "Shared").unwrap_err().message,
            "the key that Orchestrator gives for `Shared` is no GUID"
        );
    }

    #[test]
    fn what_is_not_found_is_guessed() {
        for (path, help) in [
            ("Shared/Finanse", "did you mean `Shared/Finance`?"),
            ("Orders", "did you mean `Sales/Orders`?"),
            (
                "Elsewhere/Deep/Down",
                "write the whole path, or have the user assigned to the folder; the user sees `Shared`, \
                 `Shared/Finance`, `Shared/finance`, `Sales/Orders`",
            ),
        ] {
            assert_eq!(choose(known(), path).unwrap_err().help, help, "{path}");
        }
        assert!(choose(Vec::new(), "x").unwrap_err().help.contains("no folder at all"));
    }
}

//! What a suite says of an address, and what it leaves to the environment.

use url::Url;

use super::Trouble;
use super::address::{Address, DEFAULT_BASE, Fault, Folder, Mistake, Part, fault};
use super::whole::{read, tenant};
use crate::auth::Environment;

/// The whole address, for a suite that says nothing of it.
pub const SERVER_URL: &str = "UIPATH_MCP_SERVER_URL";
/// The same by its other name, which is looked at second.
const SERVER_URL_TOO: &str = "UIPATH_MCP_URL";
/// Host, organization and tenant.
pub const URL: &str = "UIPATH_URL";
/// The folder's key.
pub const FOLDER_KEY: &str = "UIPATH_FOLDER_KEY";
/// The folder's path.
pub const FOLDER_PATH: &str = "UIPATH_FOLDER_PATH";

/// The parts of an address that a suite says. What it says was judged when it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// `base`.
    pub base: Option<String>,
    /// `org`.
    pub org: Option<String>,
    /// `tenant`.
    pub tenant: Option<String>,
    /// `folderKey` or `folderPath`.
    pub folder: Option<Folder>,
    /// `slug`.
    pub slug: Option<String>,
}

impl From<Address> for Written {
    fn from(address: Address) -> Self {
        Self {
            base: Some(address.base),
            org: Some(address.org),
            tenant: Some(address.tenant),
            folder: Some(address.folder),
            slug: Some(address.slug),
        }
    }
}

impl Written {
    /// The address, with what is left out filled from the environment: what is written stands. Without a slug it is
    /// all of `UIPATH_MCP_SERVER_URL`, or of `UIPATH_MCP_URL`; else host, organization and tenant are those of
    /// `UIPATH_URL`, and the folder that of `UIPATH_FOLDER_KEY`, else of `UIPATH_FOLDER_PATH`.
    ///
    /// # Errors
    /// Where a variable that is needed is not set, or holds what is no address.
    pub fn fill(&self, environment: &Environment) -> Result<Address, Trouble> {
        let variable = |name| environment.get(name).map(str::trim).filter(|value| !value.is_empty());
        let Some(slug) = self.slug.clone() else {
            let (name, found) = server_url(environment).ok_or_else(|| {
                unset(
                    SERVER_URL,
                    "the whole address of the server, as its details on the page MCP Servers show it",
                )
            })?;
            let reading = read(&parsed(name, found)?);
            return match (reading.usable().cloned(), reading.faults.into_iter().find(|fault| fault.fatal)) {
                (Some(address), _) => Ok(address),
                (None, Some(fault)) => Err(wrong(name, fault)),
                (None, None) => Err(unset(name, "the whole address of the server")),
            };
        };
        let (base, org, tenant) = match (&self.org, &self.tenant) {
            (Some(org), Some(tenant)) => (DEFAULT_BASE.to_owned(), org.clone(), tenant.clone()),
            (org, known) => {
                let found = variable(URL).ok_or_else(|| {
                    unset(URL, "`https://cloud.uipath.com/` and then organization and tenant")
                })?;
                let (base, its_org, its_tenant) =
                    tenant(&parsed(URL, found)?).map_err(|fault| wrong(URL, *fault))?;
                (base, org.clone().unwrap_or(its_org), known.clone().unwrap_or(its_tenant))
            }
        };
        let base = self.base.clone().unwrap_or(base);
        let folder = match (&self.folder, variable(FOLDER_KEY), variable(FOLDER_PATH)) {
            (Some(folder), ..) => folder.clone(),
            (None, Some(key), _) => Folder::Key(judged(FOLDER_KEY, Part::FolderKey, key)?),
            (None, None, Some(path)) => Folder::Path(judged(FOLDER_PATH, Part::FolderPath, path)?),
            (None, None, None) => {
                let unset = unset(FOLDER_KEY, "the folder's key, or `UIPATH_FOLDER_PATH` to its path");
                return Err(Trouble {
                    message: format!(
                        "neither `{FOLDER_KEY}` nor `{FOLDER_PATH}` is set, and the suite names no folder"
                    ),
                    mistake: Mistake::NoFolderKey,
                    ..unset
                });
            }
        };
        Ok(Address { base, org, tenant, folder, slug })
    }
}

/// The variable that holds a whole address, and what it holds.
#[must_use]
pub fn server_url(environment: &Environment) -> Option<(&'static str, &str)> {
    let names = [SERVER_URL, SERVER_URL_TOO].into_iter();
    let mut found = names.filter_map(|name| Some((name, environment.get(name)?.trim())));
    found.find(|(_, value)| !value.is_empty())
}

fn unset(name: &str, what: &str) -> Trouble {
    Trouble::new(
        format!("`{name}` is not set, and the suite leaves that part of the address out"),
        format!("set it in the environment or in `.env` to {what}; or write the parts under `uipath`"),
    )
}

fn wrong(name: &str, fault: Fault) -> Trouble {
    Trouble { message: format!("`{name}` is no address that can be used: {}", fault.message), ..fault.into() }
}

fn judged(name: &str, part: Part, text: &str) -> Result<String, Trouble> {
    match fault(part, text) {
        Some(fault) => Err(Trouble { message: format!("`{name}`: {}", fault.message), ..fault.into() }),
        None => Ok(text.to_owned()),
    }
}

/// The message does not repeat the text: a password may stand in it.
fn parsed(name: &str, text: &str) -> Result<Url, Trouble> {
    if text.starts_with(['"', '\'', '`', '“', '‘']) {
        let help = "take the quotes out: a shell does, and `docker --env-file` and its like do not";
        return Err(Trouble::new(format!("`{name}` stands in quotes"), help));
    }
    let parsed = Url::parse(text).ok().filter(|url| url.host_str().is_some());
    parsed.filter(|url| url.username().is_empty() && url.password().is_none()).ok_or_else(|| {
        let help = "begin it with `https://`, without a user name, quotes and spaces";
        Trouble::new(format!("`{name}` is no address"), help)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "6f0c2a4e-8a1b-4c3d-9e5f-0123456789ab";

    fn filled(written: &Written, variables: &[(&str, &str)]) -> Result<Address, Trouble> {
        let pairs = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        written.fill(&Environment::new(pairs))
    }

    fn slug() -> Written {
        Written { slug: Some("orders".into()), ..Written::default() }
    }

    #[test]
    fn the_environment_fills_what_is_left_out() {
        for url in [
            "https://staging.uipath.com/acme/Default",
            "https://staging.uipath.com/acme/Default/",
            " https://staging.uipath.com/acme/Default/orchestrator_/ ",
        ] {
            let address = filled(&slug(), &[(URL, url), (FOLDER_KEY, KEY), (FOLDER_PATH, "Shared")]).unwrap();
            assert_eq!(
                address.url().unwrap().as_str(),
                format!("https://staging.uipath.com/acme/Default/agenthub_/mcp/{KEY}/orders")
            );
        }
        let by_path = filled(
            &slug(),
            &[(URL, "https://h.example/acme/Default"), (FOLDER_KEY, ""), (FOLDER_PATH, "Shared/Finance")],
        )
        .unwrap();
        assert_eq!(by_path.folder, Folder::Path("Shared/Finance".into()));
        let whole = format!("https://cloud.uipath.com/acme/Default/agenthub_/mcp/{KEY}/orders/");
        let address = filled(&Written::default(), &[(SERVER_URL, &whole)]).unwrap();
        assert_eq!(address.url().unwrap().as_str(), whole.trim_end_matches('/'));
        for variables in [
            &[(SERVER_URL_TOO, &*whole)][..],
            &[(SERVER_URL, " "), (SERVER_URL_TOO, &whole)],
            &[(SERVER_URL, &whole), (SERVER_URL_TOO, "https://h/")],
        ] {
            assert_eq!(filled(&Written::default(), variables).unwrap(), address);
        }
        let wrong = filled(&Written::default(), &[(SERVER_URL_TOO, "\"https://h/\"")]).unwrap_err();
        assert_eq!(wrong.message, "`UIPATH_MCP_URL` stands in quotes");
    }

    #[test]
    fn what_is_written_stands() {
        let written = Written {
            org: Some("mine".into()),
            tenant: Some("T".into()),
            folder: Some(Folder::Key(KEY.into())),
            ..slug()
        };
        let address = filled(
            &written,
            &[(URL, "https://evil.example/acme/Default"), (SERVER_URL, "x"), (FOLDER_KEY, "y")],
        )
        .unwrap();
        assert_eq!(
            address.url().unwrap().as_str(),
            format!("https://cloud.uipath.com/mine/T/agenthub_/mcp/{KEY}/orders")
        );
        let part = Written { tenant: None, ..written };
        assert_eq!(
            filled(&part, &[(URL, "https://cloud.uipath.com/acme/Default")]).unwrap().tenant,
            "Default"
        );
    }

    #[test]
    fn what_cannot_be_filled_is_explained() {
        for (written, variables, message) in [
            (
                Written::default(),
                &[][..],
                "`UIPATH_MCP_SERVER_URL` is not set, and the suite leaves that part of the address out",
            ),
            (
                Written::default(),
                &[(SERVER_URL, "\"https://h/\"")],
                "`UIPATH_MCP_SERVER_URL` stands in quotes",
            ),
            (
                Written::default(),
                &[(SERVER_URL, "https://me:hunter2@h/")],
                "`UIPATH_MCP_SERVER_URL` is no address",
            ),
            (
                Written::default(),
                &[(SERVER_URL, "https://cloud.uipath.com/a/b/mcp_/mcp/server_slug")],
                "`UIPATH_MCP_SERVER_URL` is no address that can be used: the address has the form of before June 2025, with `mcp_` for `agenthub_`, and without a folder key",
            ),
            (slug(), &[], "`UIPATH_URL` is not set, and the suite leaves that part of the address out"),
            (
                slug(),
                &[(URL, "https://cloud.uipath.com/acme")],
                "`UIPATH_URL` is no address that can be used: it has an organization, and no tenant",
            ),
            (
                slug(),
                &[(URL, "https://cloud.uipath.com/{org}/{tenant}")],
                "`UIPATH_URL` is no address that can be used: it still holds the placeholder `{org}`",
            ),
            (
                slug(),
                &[(URL, "https://cloud.uipath.com/acme/Default")],
                "neither `UIPATH_FOLDER_KEY` nor `UIPATH_FOLDER_PATH` is set, and the suite names no folder",
            ),
            (
                slug(),
                &[(URL, "https://cloud.uipath.com/acme/Default"), (FOLDER_KEY, "Shared/Finance")],
                "`UIPATH_FOLDER_KEY`: `Shared/Finance` is the path of a folder, and its key is a GUID",
            ),
        ] {
            assert_eq!(filled(&written, variables).unwrap_err().message, message);
        }
    }
}

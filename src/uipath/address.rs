//! `{base}/{org}/{tenant}/agenthub_/mcp/{folderKey}/{slug}`: its parts, and what is wrong with one of them.

use url::Url;

use super::whole::{placeholder, wrong_host};
use crate::auth::looks_like_token;

/// The host of UiPath Automation Cloud.
pub const DEFAULT_BASE: &str = "https://cloud.uipath.com";

/// Where the parts are to be seen.
pub(super) const PANEL: &str = "copy the address from the server's details on the page MCP Servers of Orchestrator: its \
                                parts are org, tenant, `agenthub_`, `mcp`, folderKey, slug";

/// Where the key of a folder is to be seen.
const KEY: &str = "the key is in the server's address, after `mcp/`, on the page MCP Servers; or give the folder's \
                   path, and its key is looked up: `folderPath: Shared/Finance`";

/// How much of what was written a message repeats.
const SHOWN: usize = 60;

/// The address of an Orchestrator MCP Server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Scheme and host.
    pub base: String,
    /// The organization's name or id.
    pub org: String,
    /// The tenant's name.
    pub tenant: String,
    /// The folder.
    pub folder: Folder,
    /// The server's slug.
    pub slug: String,
}

/// How a folder is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Folder {
    /// By its key, a GUID.
    Key(String),
    /// By its path, `Shared/Finance`: Orchestrator is asked for its key.
    Path(String),
}

/// A part of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// `org`.
    Org,
    /// `tenant`.
    Tenant,
    /// `folderKey`.
    FolderKey,
    /// `folderPath`.
    FolderPath,
    /// `slug`.
    Slug,
    /// `base`.
    Base,
    /// The address as a whole.
    Whole,
}

impl Part {
    /// The key of the suite file that it stands under; none for the whole.
    #[must_use]
    pub fn key(self) -> Option<&'static str> {
        Some(match self {
            Self::Org => "org",
            Self::Tenant => "tenant",
            Self::FolderKey => "folderKey",
            Self::FolderPath => "folderPath",
            Self::Slug => "slug",
            Self::Base => "base",
            Self::Whole => return None,
        })
    }
}

/// What kind of mistake is made with an address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mistake {
    /// The form of before June 2025.
    OldForm,
    /// The folder's key is missing.
    NoFolderKey,
    /// Something else stands in its place.
    FolderNotKey,
    /// Orchestrator could not be asked for the key of a folder's path.
    NotLookedUp,
    /// The token is not accepted where the key of a folder's path is looked up.
    LookUpRefused,
    /// Orchestrator knows no such folder of the user's.
    FolderNotSeen,
    /// Anything else: a placeholder, a wrong host, a part that is missing.
    #[default]
    Other,
}

/// What is wrong with an address or a part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The part.
    pub part: Part,
    /// Whether it cannot be used; else it is only unusual, or was mended.
    pub fatal: bool,
    /// What is wrong.
    pub message: String,
    /// The way out.
    pub help: String,
    /// What kind of mistake it is.
    pub mistake: Mistake,
}

impl Fault {
    pub(super) fn fatal(part: Part, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { part, fatal: true, message: message.into(), help: help.into(), mistake: Mistake::Other }
    }

    pub(super) fn hint(part: Part, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { fatal: false, ..Self::fatal(part, message, help) }
    }

    pub(super) fn being(self, mistake: Mistake) -> Self {
        Self { mistake, ..self }
    }
}

impl Address {
    /// The address as it is asked. None where its base is none, and for a folder that is named by its path.
    #[must_use]
    pub fn url(&self) -> Option<Url> {
        match &self.folder {
            Folder::Key(key) => self.url_in(key),
            Folder::Path(_) => None,
        }
    }

    /// The address with this folder key. Every part becomes one segment, encoded where it has to be.
    #[must_use]
    pub fn url_in(&self, key: &str) -> Option<Url> {
        self.below(&["agenthub_", "mcp", key, &self.slug])
    }

    /// An address below the tenant.
    #[must_use]
    pub fn below(&self, segments: &[&str]) -> Option<Url> {
        let mut url = Url::parse(&self.base).ok()?;
        url.path_segments_mut().ok()?.pop_if_empty().push(&self.org).push(&self.tenant).extend(segments);
        Some(url)
    }

    /// Everything that is wrong with its parts.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        let folder = match &self.folder {
            Folder::Key(key) => (Part::FolderKey, key),
            Folder::Path(path) => (Part::FolderPath, path),
        };
        let parts = [
            (Part::Base, &self.base),
            (Part::Org, &self.org),
            (Part::Tenant, &self.tenant),
            folder,
            (Part::Slug, &self.slug),
        ];
        parts.into_iter().filter_map(|(part, text)| fault(part, text)).collect()
    }
}

/// What is wrong with one part. The message never repeats what might be a token.
#[must_use]
pub fn fault(part: Part, text: &str) -> Option<Fault> {
    let key = part.key().unwrap_or("the address");
    if let Some(left) = placeholder(text) {
        return Some(Fault::fatal(part, format!("`{key}` still holds the placeholder `{left}`"), PANEL));
    }
    if looks_like_token(text) {
        let help = "a token belongs to `auth`, by where it is: `auth: {pat: {env: NAME}}`";
        return Some(Fault::fatal(
            part,
            format!("`{key}` holds a token, and is a part of the address"),
            help,
        ));
    }
    match part {
        Part::Base => base_fault(text),
        Part::FolderPath => path_fault(text),
        Part::Whole => None,
        Part::FolderKey if !is_key(text) => Some(key_fault(text)),
        _ if text.contains(['/', '\\', '?', '#']) || text.trim() != text || matches!(text, "." | "..") => {
            Some(Fault::fatal(
                part,
                format!("`{key}` is one part of an address, without `/`, `?` and spaces around it"),
                "write each part under its own key, or the whole address: `uipath: https://…`",
            ))
        }
        Part::Slug if !is_slug(text) => Some(Fault::hint(
            part,
            format!(
                "`{}` is an unusual slug: they are 3 to 50 characters of `a-z`, `0-9` and `-`",
                shown(text)
            ),
            "compare it with the last part of the server's address; it is sent as it is written",
        )),
        Part::Org | Part::Tenant if text.ends_with('_') => Some(Fault::fatal(
            part,
            format!(
                "`{}` is the name of a service, not of {}",
                shown(text),
                if part == Part::Org { "an organization" } else { "a tenant" }
            ),
            PANEL,
        )),
        _ => None,
    }
}

/// Whether a text is the key of a folder, as addresses have it.
pub(super) fn is_key(text: &str) -> bool {
    text.len() == 36 && uuid::Uuid::try_parse(text).is_ok()
}

fn is_slug(text: &str) -> bool {
    let of_slugs = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (3..=50).contains(&text.len()) && text.chars().all(of_slugs)
}

/// What stands where a folder's key should.
pub(super) fn key_fault(text: &str) -> Fault {
    not_a_key(text).being(Mistake::FolderNotKey)
}

fn not_a_key(text: &str) -> Fault {
    let known = shown(text);
    if let Ok(key) = uuid::Uuid::try_parse(text.trim()) {
        let message = format!("`{known}` is a folder key in another form than addresses have");
        return Fault::fatal(Part::FolderKey, message, format!("write `{}`", key.hyphenated()));
    }
    let path = text.trim_matches('/');
    if path.contains('/') {
        let message = format!("`{known}` is the path of a folder, and its key is a GUID");
        let help = format!("write `folderPath: {}` in its place, and the key is looked up", shown(path));
        return Fault::fatal(Part::FolderKey, message, help);
    }
    let what = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        "this is the folder's number"
    } else {
        "a key is a GUID, not the folder's name or number"
    };
    Fault::fatal(Part::FolderKey, format!("`{known}` is no folder key: {what}"), KEY)
}

fn path_fault(text: &str) -> Option<Fault> {
    if is_key(text) {
        let message = format!("`{text}` is the key of a folder, not its path");
        let fault = Fault::fatal(Part::FolderPath, message, "write it as `folderKey`");
        return Some(fault.being(Mistake::FolderNotKey));
    }
    let empty = text.split('/').any(|name| name.trim().is_empty() || name.trim() != name);
    let strange = text.contains('\\') || text.chars().any(char::is_control);
    (empty || strange).then(|| {
        let message = format!("`{}` is no path of a folder", shown(text));
        Fault::fatal(
            Part::FolderPath,
            message,
            "write the folders' names with `/` between them: `Shared/Finance`",
        )
        .being(Mistake::FolderNotKey)
    })
}

fn base_fault(text: &str) -> Option<Fault> {
    let url = Url::parse(text).ok()?;
    if matches!(url.path(), "" | "/") && url.query().is_none() {
        return wrong_host(&url).map(|fault| Fault { part: Part::Base, ..fault });
    }
    let mut parts = url.path_segments()?.filter(|part| !part.is_empty() && !part.ends_with('_'));
    let origin = url.origin().ascii_serialization();
    let help = match (parts.next(), parts.next()) {
        (Some(org), Some(tenant)) => {
            format!("write `base: {origin}`, `org: {}`, `tenant: {}`", shown(org), shown(tenant))
        }
        _ => format!("write `base: {origin}`: the other parts follow it"),
    };
    Some(Fault::fatal(Part::Base, "`base` is more than a scheme and a host", help))
}

/// What was written, as messages repeat it.
pub(super) fn shown(text: &str) -> String {
    if looks_like_token(text) {
        return "***".to_owned();
    }
    let mut shown: String = text.chars().take(SHOWN).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "6f0c2a4e-8a1b-4c3d-9e5f-0123456789ab";

    fn address() -> Address {
        Address {
            base: DEFAULT_BASE.into(),
            org: "acme".into(),
            tenant: "Default Tenant".into(),
            folder: Folder::Key(KEY.into()),
            slug: "orders".into(),
        }
    }

    #[test]
    fn the_address_is_built_of_its_parts() {
        assert!(address().faults().is_empty());
        assert_eq!(
            address().url().unwrap().as_str(),
            format!("https://cloud.uipath.com/acme/Default%20Tenant/agenthub_/mcp/{KEY}/orders")
        );
        let other = Address { base: "https://suite.example.com/".into(), ..address() };
        assert!(other.faults().is_empty());
        assert!(other.url().unwrap().as_str().starts_with("https://suite.example.com/acme/"));
        let by_path = Address { folder: Folder::Path("Shared/Finance".into()), ..address() };
        assert_eq!((by_path.url(), by_path.faults().len()), (None, 0));
        assert_eq!(by_path.url_in(KEY), address().url());
    }

    #[test]
    fn what_cannot_be_a_part_is_refused() {
        for (part, text, message, help) in [
            (Part::Org, "{org}", "`org` still holds the placeholder `{org}`", "copy the address"),
            (Part::Tenant, "<tenant>", "`tenant` still holds the placeholder `<tenant>`", "copy the address"),
            (Part::Tenant, "TENANT", "`tenant` still holds the placeholder `TENANT`", "copy the address"),
            (
                Part::Tenant,
                "orchestrator_",
                "`orchestrator_` is the name of a service, not of a tenant",
                "copy the address",
            ),
            (
                Part::FolderKey,
                "Shared",
                "`Shared` is no folder key: a key is a GUID, not the folder's name or number",
                "folderPath",
            ),
            (
                Part::FolderKey,
                "991782",
                "`991782` is no folder key: this is the folder's number",
                "folderPath",
            ),
            (
                Part::FolderKey,
                "Shared/Finance",
                "`Shared/Finance` is the path of a folder, and its key is a GUID",
                "write `folderPath: Shared/Finance`",
            ),
            (
                Part::FolderKey,
                "6f0c2a4e8a1b4c3d9e5f0123456789ab",
                "`6f0c2a4e8a1b4c3d9e5f0123456789ab` is a folder key in another form than addresses have",
                "write `6f0c2a4e-8a1b-4c3d-9e5f-0123456789ab`",
            ),
            (
                Part::FolderPath,
                KEY,
                "`6f0c2a4e-8a1b-4c3d-9e5f-0123456789ab` is the key of a folder, not its path",
                "folderKey",
            ),
            (Part::FolderPath, "/Shared", "`/Shared` is no path of a folder", "Shared/Finance"),
            (
                Part::Org,
                "acme/Default",
                "`org` is one part of an address, without `/`, `?` and spaces around it",
                "each part",
            ),
            (
                Part::Base,
                "https://cloud.uipath.com/acme/Default/orchestrator_/",
                "`base` is more than a scheme and a host",
                "write `base: https://cloud.uipath.com`, `org: acme`, `tenant: Default`",
            ),
            (
                Part::Base,
                "https://cloud.uipath.com/acme",
                "`base` is more than a scheme and a host",
                "write `base: https://cloud.uipath.com`: the",
            ),
            (
                Part::Base,
                "https://cloud.uipth.com",
                "`cloud.uipth.com` is no host of UiPath's",
                "did you mean `cloud.uipath.com`?",
            ),
            (
                Part::Slug,
                "rt_0123456789ABCDEF0123",
                "`slug` holds a token, and is a part of the address",
                "auth",
            ),
        ] {
            let found = fault(part, text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((found.fatal, found.message.as_str()), (true, message), "{text}");
            assert!(found.help.contains(help), "{text}: {}", found.help);
        }
    }

    #[test]
    fn an_unusual_slug_is_only_a_hint() {
        let faults = Address { slug: "Orders".into(), ..address() }.faults();
        assert_eq!((faults[0].part, faults[0].fatal), (Part::Slug, false));
    }
}

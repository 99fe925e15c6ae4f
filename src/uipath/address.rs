//! `{base}/{org}/{tenant}/agenthub_/mcp/{folderKey}/{slug}`.

use url::Url;

/// The host of UiPath Automation Cloud.
pub const DEFAULT_BASE: &str = "https://cloud.uipath.com";

/// The environment variable that holds the token unless a suite says otherwise.
pub const TOKEN_VARIABLE: &str = "UIPATH_ACCESS_TOKEN";

/// The parts of the address of an Orchestrator MCP Server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The organization's name or id.
    pub org: String,
    /// The tenant's name.
    pub tenant: String,
    /// The folder's key, a GUID.
    pub folder_key: String,
    /// The server's slug.
    pub slug: String,
    /// Scheme and host.
    pub base: String,
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
    /// `slug`.
    Slug,
    /// `base`.
    Base,
}

impl Part {
    /// The key of the suite file that it stands under.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Org => "org",
            Self::Tenant => "tenant",
            Self::FolderKey => "folderKey",
            Self::Slug => "slug",
            Self::Base => "base",
        }
    }
}

/// What is wrong with a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The part.
    pub part: Part,
    /// Whether it cannot be used; else it is only unusual.
    pub fatal: bool,
    /// What is wrong.
    pub message: String,
    /// The way out.
    pub help: &'static str,
}

impl Address {
    /// Everything that is wrong with the parts.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        for (part, text) in self.parts() {
            if let Some((fatal, message, help)) = fault(part, text) {
                faults.push(Fault { part, fatal, message, help });
            }
        }
        faults
    }

    /// The address, unless its base is none. Every part becomes one segment, encoded where it has to be.
    #[must_use]
    pub fn url(&self) -> Option<Url> {
        let mut url = Url::parse(&self.base).ok()?;
        url.path_segments_mut().ok()?.pop_if_empty().extend([
            self.org.as_str(),
            &self.tenant,
            "agenthub_",
            "mcp",
            &self.folder_key,
            &self.slug,
        ]);
        Some(url)
    }

    fn parts(&self) -> [(Part, &str); 5] {
        [
            (Part::Org, &self.org),
            (Part::Tenant, &self.tenant),
            (Part::FolderKey, &self.folder_key),
            (Part::Slug, &self.slug),
            (Part::Base, &self.base),
        ]
    }
}

fn fault(part: Part, text: &str) -> Option<(bool, String, &'static str)> {
    let key = part.key();
    if text.contains(['{', '}', '<', '>', '…']) {
        return Some((
            true,
            format!("`{key}` still holds a placeholder"),
            "copy the address from the server's page in Orchestrator: its parts are org, tenant, `agenthub_`, `mcp`, folderKey, slug",
        ));
    }
    match part {
        Part::Base => {
            let orchestrator = text.contains("orchestrator_") || text.contains("agenthub_");
            let bare =
                Url::parse(text).is_ok_and(|url| matches!(url.path(), "" | "/") && url.query().is_none());
            if orchestrator || Url::parse(text).is_ok() && !bare {
                return Some((
                    true,
                    "`base` is more than a scheme and a host".to_owned(),
                    "leave out what comes after the host: the other parts follow it",
                ));
            }
        }
        _ if text.contains(['/', '\\', '?', '#']) || text.trim() != text || matches!(text, "." | "..") => {
            return Some((
                true,
                format!("`{key}` is one part of an address, without `/`, `?` and spaces around it"),
                "write each part under its own key",
            ));
        }
        Part::FolderKey if uuid::Uuid::try_parse(text).is_err() || text.len() != 36 => {
            return Some((
                true,
                format!("`{text}` is no folder key, which is a GUID and not the folder's name or number"),
                "the MCP Servers page shows it in the server's address, after `mcp/`",
            ));
        }
        Part::Slug
            if !(3..=50).contains(&text.len())
                || !text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-') =>
        {
            return Some((
                false,
                format!("`{text}` is an unusual slug: they are 3 to 50 characters of `a-z`, `0-9` and `-`"),
                "compare it with the last part of the server's address",
            ));
        }
        _ => {}
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address() -> Address {
        Address {
            org: "acme".into(),
            tenant: "Default Tenant".into(),
            folder_key: "6f0c2a4e-8a1b-4c3d-9e5f-0123456789ab".into(),
            slug: "orders".into(),
            base: DEFAULT_BASE.into(),
        }
    }

    #[test]
    fn the_address_is_built_of_its_parts() {
        assert!(address().faults().is_empty());
        assert_eq!(
            address().url().unwrap().as_str(),
            "https://cloud.uipath.com/acme/Default%20Tenant/agenthub_/mcp/6f0c2a4e-8a1b-4c3d-9e5f-0123456789ab/orders"
        );
        let other = Address { base: "https://suite.example.com/".into(), ..address() };
        assert!(other.faults().is_empty());
        assert!(other.url().unwrap().as_str().starts_with("https://suite.example.com/acme/"));
    }

    #[test]
    fn what_cannot_be_a_part_is_refused() {
        let refused = |address: Address, part: Part, message: &str| {
            let faults = address.faults();
            assert_eq!(faults.len(), 1, "{faults:?}");
            assert_eq!((faults[0].part, faults[0].fatal, faults[0].message.as_str()), (part, true, message));
        };
        refused(Address { org: "{org}".into(), ..address() }, Part::Org, "`org` still holds a placeholder");
        refused(
            Address { tenant: "<tenant>".into(), ..address() },
            Part::Tenant,
            "`tenant` still holds a placeholder",
        );
        refused(
            Address { folder_key: "Shared".into(), ..address() },
            Part::FolderKey,
            "`Shared` is no folder key, which is a GUID and not the folder's name or number",
        );
        refused(
            Address { org: "acme/Default".into(), ..address() },
            Part::Org,
            "`org` is one part of an address, without `/`, `?` and spaces around it",
        );
        refused(
            Address { base: "https://cloud.uipath.com/acme/orchestrator_".into(), ..address() },
            Part::Base,
            "`base` is more than a scheme and a host",
        );
    }

    #[test]
    fn an_unusual_slug_is_only_a_hint() {
        let faults = Address { slug: "Orders".into(), ..address() }.faults();
        assert_eq!((faults[0].part, faults[0].fatal), (Part::Slug, false));
    }
}

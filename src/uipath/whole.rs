//! A whole address, as somebody copied it: its parts, and every wrong form of it that is known, mended where there is
//! one thing that it can mean, explained where there is not.

use percent_encoding::percent_decode_str;
use url::Url;

use super::address::{Address, Fault, Folder, Mistake, PANEL, Part, fault, is_key, key_fault, shown};
use crate::auth::looks_like_token;
use crate::nearest::nearest;

/// The hosts that are known to have Orchestrators; dedicated ones and Automation Suite have others.
const HOSTS: &[&str] =
    &["cloud.uipath.com", "staging.uipath.com", "alpha.uipath.com", "govcloud.uipath.us", "cloud.uipath.us"];

/// First labels of hosts of UiPath's that are sites for people.
const SITES: &[&str] = &[
    "www",
    "docs",
    "account",
    "academy",
    "forum",
    "marketplace",
    "platform",
    "portal",
    "id",
    "connect",
    "status",
];

/// What our own documents write for the parts that everybody has to fill in.
const CAPITALS: &[&str] = &[
    "ORG",
    "ORGANIZATION",
    "TENANT",
    "FOLDERKEY",
    "FOLDER_KEY",
    "FOLDER-KEY",
    "FOLDERPATH",
    "FOLDER_PATH",
    "SLUG",
    "SERVER",
    "SERVER_SLUG",
];

/// The service that MCP servers were at before.
const OLD: &str = "mcp_";

/// The service that they are at.
const SERVICE: &str = "agenthub_";

/// What a whole address says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Its parts; none where they cannot be told.
    pub address: Option<Address>,
    /// What is wrong. What is not fatal was mended in `address`, or is only unusual.
    pub faults: Vec<Fault>,
}

impl Reading {
    /// The address as it is to be asked; none where something is wrong that cannot be mended.
    #[must_use]
    pub fn url(&self) -> Option<Url> {
        self.usable()?.url()
    }

    /// The parts, unless something is wrong that cannot be mended.
    #[must_use]
    pub fn usable(&self) -> Option<&Address> {
        self.address.as_ref().filter(|_| self.faults.iter().all(|fault| !fault.fatal))
    }
}

/// Whether a host is one of UiPath's cloud.
#[must_use]
pub fn is_host(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    [".uipath.com", ".uipath.us"].iter().any(|end| host.ends_with(end)) || host == "uipath.com"
}

/// Whether an address was probably meant to be that of an Orchestrator MCP Server: by its host, also a misspelt one,
/// or by the services in its path.
#[must_use]
pub fn looks_like(url: &Url) -> bool {
    let services = [SERVICE, OLD, "orchestrator_"];
    let mut segments = url.path_segments().into_iter().flatten();
    url.host_str().is_some_and(is_host)
        || segments.any(|segment| services.iter().any(|service| segment.eq_ignore_ascii_case(service)))
        || wrong_host(url).is_some()
}

/// The first placeholder that nobody filled in: `{org}`, `<tenant>`, `your-org`, `FOLDERKEY`, `…`.
#[must_use]
pub fn placeholder(text: &str) -> Option<String> {
    let text = percent_decode_str(text).decode_utf8_lossy();
    let of_names = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '_' | '-' | '.');
    for (open, close) in [('{', '}'), ('<', '>')] {
        let Some((_, after)) = text.split_once(open) else { continue };
        let name = after.split(close).next().unwrap_or_default();
        let known =
            !name.is_empty() && name.len() < after.len() && name.len() <= 30 && name.chars().all(of_names);
        let shown = known && !looks_like_token(name);
        return Some(if shown { format!("{open}{name}{close}") } else { open.to_string() });
    }
    if text.contains('…') {
        return Some("…".to_owned());
    }
    let segment = |segment: &&str| {
        let lower = segment.to_ascii_lowercase();
        CAPITALS.contains(segment)
            || ["your-", "your_", "yourorg", "yourtenant", "yourdomain"]
                .iter()
                .any(|start| lower.starts_with(start))
    };
    text.split('/').find(segment).map(shown)
}

/// What is wrong with a host.
pub(super) fn wrong_host(url: &Url) -> Option<Fault> {
    let host = url.host_str()?.to_ascii_lowercase();
    if HOSTS.contains(&host.as_str()) || url.host().is_some_and(|host| !matches!(host, url::Host::Domain(_)))
    {
        return None;
    }
    let labels: Vec<&str> = host.split('.').collect();
    let known = format!(
        "the hosts of the cloud are `{}` and its like",
        HOSTS.iter().take(3).copied().collect::<Vec<_>>().join("`, `")
    );
    match labels.as_slice() {
        ["uipath", "com"] => Some(Fault::fatal(
            Part::Base,
            "`uipath.com` is a site for people, not a host of Orchestrators",
            known,
        )),
        [first, "uipath", "com"] if SITES.contains(first) => Some(Fault::fatal(
            Part::Base,
            format!("`{host}` is a site for people, not a host of Orchestrators"),
            known,
        )),
        [.., "dedicated", "uipath", "com"] => None,
        [.., "uipath", "com" | "us"] => Some(Fault::hint(
            Part::Base,
            format!("`{host}` is a host of UiPath's that is not known to have Orchestrators"),
            known,
        )),
        // A token must not go to whoever registered a name that is easily mistyped.
        [first, second, end] if is_nearly(first, second, end) => {
            let meant = nearest(&host, HOSTS.iter().copied()).unwrap_or("cloud.uipath.com");
            Some(Fault::fatal(
                Part::Base,
                format!("`{}` is no host of UiPath's", shown(&host)),
                format!("did you mean `{meant}`?"),
            ))
        }
        _ => None,
    }
}

/// Whether a host is one of the cloud's, but for a slip of the hand.
fn is_nearly(first: &str, second: &str, end: &str) -> bool {
    let mut firsts = HOSTS.iter().filter_map(|host| host.split('.').next());
    firsts.any(|known| known == first || nearest(first, [known]).is_some())
        && (second == "uipath" || nearest(second, ["uipath"]).is_some())
        && matches!(end, "com" | "co" | "cm" | "con" | "net" | "org" | "io" | "us" | "eu" | "ai")
}

/// Reads a whole address.
#[must_use]
pub fn read(url: &Url) -> Reading {
    let refused = |faults: Vec<Fault>| Reading { address: None, faults };
    if let Some(left) = placeholder(url.path()) {
        let message = format!("the address still holds the placeholder `{left}`");
        return refused(vec![Fault::fatal(Part::Whole, message, PANEL)]);
    }
    let mut faults: Vec<Fault> = wrong_host(url).into_iter().collect();
    let segments: Vec<String> = url
        .path_segments()
        .into_iter()
        .flatten()
        .map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned())
        .collect();
    let mut segments = segments.as_slice();
    // A slash at the end is in some of UiPath's own samples.
    while let [rest @ .., last] = segments
        && last.trim().is_empty()
    {
        segments = rest;
    }
    match parts(segments, &mut faults) {
        Ok((org, tenant, folder, slug)) => {
            if url.query().is_some() {
                let message = "the address of an MCP server has nothing behind a `?`";
                faults.push(Fault::hint(Part::Whole, message, "leave it out; it is not sent"));
            }
            let base = url.origin().ascii_serialization();
            let address = Address { base, org, tenant, folder: Folder::Key(folder), slug };
            // The host was looked at.
            faults.extend(address.faults().into_iter().filter(|fault| fault.part != Part::Base));
            Reading { address: Some(address), faults }
        }
        Err(fault) => {
            // What could have been mended does not matter any more.
            faults.retain(|fault| fault.fatal);
            faults.push(*fault);
            refused(faults)
        }
    }
}

/// Organization, tenant, folder, slug.
type Parts = (String, String, String, String);

fn parts(segments: &[String], faults: &mut Vec<Fault>) -> Result<Parts, Box<Fault>> {
    let refuse_as = |mistake: Mistake, message: String, help: String| {
        Err(Box::new(Fault::fatal(Part::Whole, message, help).being(mistake)))
    };
    let refuse = |message: String, help: String| refuse_as(Mistake::Other, message, help);
    let is = |segment: &String, service: &str| segment.eq_ignore_ascii_case(service);
    let Some(at) = segments.iter().position(|segment| is(segment, SERVICE) || is(segment, OLD)) else {
        return Err(Box::new(no_service(segments)));
    };
    let (before, after) = segments.split_at(at);
    let old = after.first().is_some_and(|service| is(service, OLD));
    let before = match before {
        [before @ .., last] if is(last, "orchestrator_") => {
            let message = "`orchestrator_` does not belong before `agenthub_`";
            faults.push(Fault::hint(Part::Whole, message, "leave it out; it is left out here"));
            before
        }
        all => all,
    };
    let [org, tenant] = before else {
        return refuse(of_the_beginning(before), PANEL.to_owned());
    };
    if org.is_empty() || tenant.is_empty() {
        let missing = if org.is_empty() { "organization" } else { "tenant" };
        return refuse(
            format!("the address has no {missing}: two slashes stand side by side"),
            PANEL.to_owned(),
        );
    }
    let rest = match after {
        [_, mcp, rest @ ..] if is(mcp, "mcp") => rest,
        [service, ..] => {
            let service = shown(service);
            return refuse(format!("`mcp` is missing after `{service}`"), PANEL.to_owned());
        }
        [] => return Err(Box::new(no_service(segments))),
    };
    let rest = match rest {
        [rest @ .., last] if rest.len() > 1 || old => match last.as_str() {
            "sse" | "messages" | "message" => {
                let message = format!("`{last}` at the end is of an older kind of server");
                faults.push(Fault::hint(Part::Whole, message, "leave it out; it is left out here"));
                rest
            }
            _ => after_mcp(after),
        },
        _ => rest,
    };
    let moved = "the address has the form of before June 2025, with `mcp_` for `agenthub_`";
    match rest {
        [] => refuse_as(
            Mistake::NoFolderKey,
            "the folder key and the slug are missing after `mcp/`".to_owned(),
            PANEL.to_owned(),
        ),
        [one] if is_key(one) => {
            refuse("the slug is missing after the folder key".to_owned(), PANEL.to_owned())
        }
        [_] if old => refuse_as(
            Mistake::OldForm,
            format!("{moved}, and without a folder key"),
            format!("copy it anew from the server's details: `…/{SERVICE}/mcp/` and then folderKey and slug"),
        ),
        [slug] => refuse_as(
            Mistake::NoFolderKey,
            format!("the folder key is missing between `mcp/` and `{}`", shown(slug)),
            PANEL.to_owned(),
        ),
        [slug, key] if is_key(key) && !is_key(slug) => refuse(
            "the slug stands before the folder key".to_owned(),
            format!("write `…/mcp/{key}/{}`", shown(slug)),
        ),
        [folder, slug] if !slug.is_empty() => {
            if !is_key(folder) {
                return Err(Box::new(in_whole(key_fault(folder))));
            }
            if old {
                let help = format!("write `{SERVICE}`; that is where it is sent");
                faults.push(Fault::hint(Part::Whole, moved, help).being(Mistake::OldForm));
            }
            Ok((org.clone(), tenant.clone(), folder.clone(), slug.clone()))
        }
        [folder @ .., slug] => {
            if folder.iter().any(|name| is_key(name)) {
                let message = "there is more than a slug behind the folder key".to_owned();
                return refuse(message, PANEL.to_owned());
            }
            Err(Box::new(by_path(&folder.join("/"), slug)))
        }
    }
}

fn after_mcp(after: &[String]) -> &[String] {
    after.get(2..).unwrap_or_default()
}

/// A key that is none, in an address that has no key of its own for it.
fn in_whole(fault: Fault) -> Fault {
    Fault { part: Part::Whole, ..fault }
}

fn by_path(path: &str, slug: &str) -> Fault {
    let (path, slug) = (shown(path), shown(slug));
    let help = format!(
        "name the parts, and its key is looked up: `uipath: {{org: …, tenant: …, folderPath: {path}, slug: {slug}}}`"
    );
    Fault::fatal(
        Part::Whole,
        format!("`{path}` is the path of a folder, and an address has its key, a GUID"),
        help,
    )
    .being(Mistake::FolderNotKey)
}

fn of_the_beginning(before: &[String]) -> String {
    match before {
        [] => "the organization and the tenant are missing before `agenthub_`".to_owned(),
        [one] => format!(
            "the organization or the tenant is missing: there is only `{}` before `agenthub_`",
            shown(one)
        ),
        _ => "there is more than an organization and a tenant before `agenthub_`".to_owned(),
    }
}

/// An address without the service that MCP servers are at.
fn no_service(segments: &[String]) -> Fault {
    let service = segments.iter().find(|segment| segment.len() > 1 && segment.ends_with('_'));
    let message = match service {
        Some(service) => format!(
            "this is an address of `{}`, a page or another service, not of an MCP server",
            shown(service)
        ),
        None => match segments {
            [_, _, mcp, ..] if mcp == "mcp" => "`agenthub_` is missing before `mcp`".to_owned(),
            [_, _] => "the address ends behind the tenant".to_owned(),
            _ => "this is no address of an Orchestrator MCP Server: there is no `agenthub_` in it".to_owned(),
        },
    };
    Fault::fatal(Part::Whole, message, PANEL)
}

/// The organization and the tenant of an address such as `UIPATH_URL` has: `https://cloud.uipath.com/acme/Default`,
/// with what may follow it. The faults of an address that is none are fatal.
pub(super) fn tenant(url: &Url) -> Result<(String, String, String), Box<Fault>> {
    if let Some(left) = placeholder(url.path()) {
        let message = format!("it still holds the placeholder `{left}`");
        return Err(Box::new(Fault::fatal(Part::Whole, message, PANEL)));
    }
    if let Some(fault) = wrong_host(url).filter(|fault| fault.fatal) {
        return Err(Box::new(fault));
    }
    let segments = url.path_segments().into_iter().flatten().filter(|segment| !segment.is_empty());
    let decoded: Vec<String> =
        segments.map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned()).collect();
    let refuse = |message: &str| {
        let help = "write it as `https://cloud.uipath.com/ORG/TENANT`";
        Err(Box::new(Fault::fatal(Part::Whole, message, help)))
    };
    match decoded.as_slice() {
        [org, tenant] | [org, tenant, _] if !org.ends_with('_') && !tenant.ends_with('_') => {
            if decoded.get(2).is_some_and(|more| !more.ends_with('_')) {
                return refuse("it has more than an organization and a tenant");
            }
            for (part, text) in [(Part::Org, org), (Part::Tenant, tenant)] {
                if let Some(fault) = fault(part, text) {
                    return Err(Box::new(fault));
                }
            }
            Ok((url.origin().ascii_serialization(), org.clone(), tenant.clone()))
        }
        [_] => refuse("it has an organization, and no tenant"),
        [] => refuse("it has no organization and no tenant"),
        _ => refuse("it has more than an organization and a tenant"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "6f0c2a4e-8a1b-4c3d-9e5f-0123456789ab";
    const GOOD: &str =
        "https://cloud.uipath.com/acme/Default/agenthub_/mcp/6f0c2a4e-8a1b-4c3d-9e5f-0123456789ab/orders";

    fn reading(text: &str) -> Reading {
        read(&Url::parse(&text.replace("KEY", KEY)).unwrap())
    }

    #[test]
    fn a_good_address_is_taken_as_it_is() {
        for text in [
            GOOD,
            "https://suite.example.com/acme/My%20Tenant/agenthub_/mcp/KEY/orders",
            "https://a.dedicated.uipath.com/acme/Default/agenthub_/mcp/KEY/orders",
        ] {
            let reading = reading(text);
            assert_eq!(reading.faults, [], "{text}");
            assert_eq!(reading.url().unwrap().as_str(), text.replace("KEY", KEY));
        }
    }

    #[test]
    fn what_can_only_mean_one_thing_is_mended() {
        for (text, said) in [
            ("https://cloud.uipath.com/acme/Default/agenthub_/mcp/KEY/orders/", None),
            ("https://cloud.uipath.com/acme/Default/agenthub_/mcp/KEY/orders//", None),
            ("https://Cloud.UiPath.com/acme/Default/AgentHub_/MCP/KEY/orders", None),
            (
                "https://cloud.uipath.com/acme/Default/agenthub_/mcp/KEY/orders?tid=1",
                Some("the address of an MCP server has nothing behind a `?`"),
            ),
            (
                "https://cloud.uipath.com/acme/Default/orchestrator_/agenthub_/mcp/KEY/orders",
                Some("`orchestrator_` does not belong before `agenthub_`"),
            ),
            (
                "https://cloud.uipath.com/acme/Default/mcp_/mcp/KEY/orders",
                Some("the address has the form of before June 2025, with `mcp_` for `agenthub_`"),
            ),
            (
                "https://cloud.uipath.com/acme/Default/agenthub_/mcp/KEY/orders/sse",
                Some("`sse` at the end is of an older kind of server"),
            ),
        ] {
            let reading = reading(text);
            assert_eq!(
                reading.url().map(|url| url.to_string()).as_deref(),
                Some(GOOD),
                "{text}: {reading:?}"
            );
            assert_eq!(reading.faults.first().map(|fault| fault.message.as_str()), said, "{text}");
        }
    }

    #[test]
    fn upper_case_is_kept() {
        let reading = reading("https://cloud.uipath.com/ACME/DefaultTenant/agenthub_/mcp/KEY/Orders");
        assert_eq!(reading.url().unwrap().path(), format!("/ACME/DefaultTenant/agenthub_/mcp/{KEY}/Orders"));
        assert!(reading.faults.iter().all(|fault| !fault.fatal && fault.part == Part::Slug));
    }

    #[test]
    fn all_else_is_explained() {
        for (text, said) in [
            (
                "acme/Default/mcp_/mcp/orders",
                "the address has the form of before June 2025, with `mcp_` for `agenthub_`, and without a folder key",
            ),
            (
                "acme/Default/mcp_/mcp/orders/sse",
                "the address has the form of before June 2025, with `mcp_` for `agenthub_`, and without a folder key",
            ),
            ("acme/Default/agenthub_/mcp/orders", "the folder key is missing between `mcp/` and `orders`"),
            ("acme/Default/agenthub_/mcp/KEY", "the slug is missing after the folder key"),
            ("acme/Default/agenthub_/mcp/KEY/", "the slug is missing after the folder key"),
            ("acme/Default/agenthub_/mcp/", "the folder key and the slug are missing after `mcp/`"),
            ("acme/Default/agenthub_", "`mcp` is missing after `agenthub_`"),
            ("acme/Default/agenthub_/KEY/orders", "`mcp` is missing after `agenthub_`"),
            ("acme/Default/mcp/KEY/orders", "`agenthub_` is missing before `mcp`"),
            (
                "acme/agenthub_/mcp/KEY/orders",
                "the organization or the tenant is missing: there is only `acme` before `agenthub_`",
            ),
            ("agenthub_/mcp/KEY/orders", "the organization and the tenant are missing before `agenthub_`"),
            (
                "/Default/agenthub_/mcp/KEY/orders",
                "the address has no organization: two slashes stand side by side",
            ),
            (
                "a/b/c/agenthub_/mcp/KEY/orders",
                "there is more than an organization and a tenant before `agenthub_`",
            ),
            ("acme/Default", "the address ends behind the tenant"),
            (
                "acme/Default/orchestrator_/mcp-servers",
                "this is an address of `orchestrator_`, a page or another service, not of an MCP server",
            ),
            (
                "acme/Default/agenthub_/mcp/Shared/orders",
                "`Shared` is no folder key: a key is a GUID, not the folder's name or number",
            ),
            (
                "acme/Default/agenthub_/mcp/Shared/Finance/orders",
                "`Shared/Finance` is the path of a folder, and an address has its key, a GUID",
            ),
            (
                "acme/Default/agenthub_/mcp/Shared%2FFinance/orders",
                "`Shared/Finance` is the path of a folder, and its key is a GUID",
            ),
            ("acme/Default/agenthub_/mcp/orders/KEY", "the slug stands before the folder key"),
            ("acme/Default/agenthub_/mcp/KEY/orders/more", "there is more than a slug behind the folder key"),
            ("ORG/TENANT/agenthub_/mcp/FOLDERKEY/SLUG", "the address still holds the placeholder `ORG`"),
            (
                "acme/%7Btenant%7D/agenthub_/mcp/KEY/orders",
                "the address still holds the placeholder `{tenant}`",
            ),
            (
                "acme/your-tenant/agenthub_/mcp/KEY/orders",
                "the address still holds the placeholder `your-tenant`",
            ),
        ] {
            let reading = read(
                &Url::parse(&format!("https://cloud.uipath.com/{text}").replace("/KEY", &format!("/{KEY}")))
                    .unwrap(),
            );
            let fatal: Vec<&str> = reading
                .faults
                .iter()
                .filter(|fault| fault.fatal)
                .map(|fault| fault.message.as_str())
                .collect();
            assert_eq!(fatal, [said], "{text}");
            assert_eq!(reading.url(), None);
        }
    }

    #[test]
    fn hosts_are_judged() {
        for (host, fatal) in [
            ("cloud.uipath.com", None),
            ("govcloud.uipath.us", None),
            ("eu.dedicated.uipath.com", None),
            ("orchestrator.acme.com", None),
            ("127.0.0.1", None),
            ("eu.uipath.com", Some(false)),
            ("uipath.com", Some(true)),
            ("www.uipath.com", Some(true)),
            ("platform.uipath.com", Some(true)),
            ("cloud.uipth.com", Some(true)),
            ("coud.uipath.com", Some(false)),
            ("cloud.uipath.co", Some(true)),
            ("stagin.uipaht.com", Some(true)),
        ] {
            let found = wrong_host(&Url::parse(&format!("https://{host}/")).unwrap());
            assert_eq!(found.map(|fault| fault.fatal), fatal, "{host}");
        }
        assert!(looks_like(&Url::parse("https://cloud.uipth.com/").unwrap()));
        assert!(looks_like(&Url::parse("http://localhost/a/b/agenthub_/mcp/c").unwrap()));
        assert!(!looks_like(&Url::parse("https://mcp.example.com/mcp").unwrap()));
    }

    #[test]
    fn a_mistake_is_of_a_kind() {
        for (path, mistake) in [
            ("acme/Default/mcp_/mcp/KEY/orders", Mistake::OldForm),
            ("acme/Default/mcp_/mcp/orders", Mistake::OldForm),
            ("acme/Default/agenthub_/mcp/orders", Mistake::NoFolderKey),
            ("acme/Default/agenthub_/mcp/", Mistake::NoFolderKey),
            ("acme/Default/agenthub_/mcp/Shared/orders", Mistake::FolderNotKey),
            ("acme/Default/agenthub_/mcp/Shared/Finance/orders", Mistake::FolderNotKey),
            ("acme/Default/agenthub_/mcp/17/orders", Mistake::FolderNotKey),
            ("acme/{tenant}/agenthub_/mcp/x/orders", Mistake::Other),
            ("acme/Default", Mistake::Other),
        ] {
            let reading = reading(&format!("https://cloud.uipath.com/{path}"));
            assert_eq!(reading.faults[0].mistake, mistake, "{path}");
        }
    }
}

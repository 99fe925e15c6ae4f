//! The address of a UiPath server: whole, or by its parts; and the same judgement of a `url` that is one of UiPath's.

use url::Url;

use super::address::{AddressError, address};
use super::cursor::Cursor;
use crate::diagnostic::{Code, Diagnostic};
use crate::uipath::{self, Fault, Folder, Part, Written};

/// Reads `uipath`.
pub(super) fn uipath(cursor: &Cursor<'_>, insecure: bool, problems: &mut Vec<Diagnostic>) -> Option<Written> {
    if cursor.value().is_string() {
        let url = judged(cursor, insecure, problems)?;
        return whole(cursor, &url, problems).map(Written::from);
    }
    parts(cursor, insecure, problems)
}

/// Reads `url`. Where it is an address of UiPath's, it is the mended one.
pub(super) fn url(cursor: &Cursor<'_>, insecure: bool, problems: &mut Vec<Diagnostic>) -> Option<Url> {
    let url = judged(cursor, insecure, problems)?;
    if uipath::looks_like(&url) { whole(cursor, &url, problems)?.url() } else { Some(url) }
}

/// An address that a token may be sent to.
fn judged(cursor: &Cursor<'_>, insecure: bool, problems: &mut Vec<Diagnostic>) -> Option<Url> {
    let text = cursor.value().as_str().filter(|text| !text.trim().is_empty() && !text.contains("{{"))?;
    match address(text, insecure) {
        Ok(url) => Some(url),
        Err(AddressError { message, help }) => {
            problems.push(Diagnostic::error(Code::BadAddress, cursor.site(), message).help(help));
            None
        }
    }
}

fn whole(cursor: &Cursor<'_>, url: &Url, problems: &mut Vec<Diagnostic>) -> Option<uipath::Address> {
    let reading = uipath::read(url);
    let mended = reading.url().filter(|mended| mended != url);
    let usable = reading.usable().cloned();
    for fault in reading.faults {
        let is_whole = fault.part == Part::Whole;
        let mut problem = told(fault, cursor);
        if let Some(mended) = mended.as_ref().filter(|_| is_whole) {
            problem = problem.fix(cursor.site(), mended.as_str());
        }
        problems.push(problem);
    }
    usable
}

fn told(fault: Fault, cursor: &Cursor<'_>) -> Diagnostic {
    let part = fault.part.key().and_then(|key| cursor.get(key));
    let site = part.map_or_else(|| cursor.site(), |part| part.site());
    let problem = match fault.fatal {
        true => Diagnostic::error(Code::BadAddress, site, fault.message),
        false => Diagnostic::warning(Code::BadAddress, site, fault.message),
    };
    problem.help(fault.help)
}

fn parts(cursor: &Cursor<'_>, insecure: bool, problems: &mut Vec<Diagnostic>) -> Option<Written> {
    let before = problems.len();
    let text = |key: &str| cursor.text(key).filter(|text| !text.trim().is_empty() && !text.contains("{{"));
    if let Some(base) = cursor.get("base") {
        judged(&base, insecure, problems);
    }
    for part in [Part::Base, Part::Org, Part::Tenant, Part::FolderKey, Part::FolderPath, Part::Slug] {
        let found = part.key().and_then(text).and_then(|text| uipath::fault(part, &text));
        problems.extend(found.map(|fault| told(fault, cursor)));
    }
    let (key, path) = (cursor.get("folderKey"), cursor.get("folderPath"));
    if let (Some(key), Some(path)) = (&key, &path) {
        let message = "`folderKey` and `folderPath` name the folder twice";
        let problem = Diagnostic::error(Code::Conflict, path.key_site(), message);
        problems.push(problem.also(key.key_site(), "the other one").help("leave one of them out"));
    }
    let keys = cursor.value().as_object().map_or(0, serde_json::Map::len);
    if keys > 0 && cursor.get("slug").is_none() {
        let message = "`uipath` needs the key `slug`: all else can come from the environment";
        let problem = Diagnostic::error(Code::MissingKey, cursor.first_key_site(), message);
        problems.push(problem.help("add `slug`: the last part of the server's address").help(format!(
            "without any key, as `uipath: {{}}`, the whole address is that of `{}`",
            uipath::SERVER_URL
        )));
    }
    if problems.iter().skip(before).any(Diagnostic::is_error) {
        return None;
    }
    let folder = text("folderKey").map(Folder::Key).or_else(|| text("folderPath").map(Folder::Path));
    Some(Written { base: text("base"), org: text("org"), tenant: text("tenant"), folder, slug: text("slug") })
}

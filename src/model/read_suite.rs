//! A suite file's document to a [`Suite`].

use std::path::PathBuf;
use std::sync::Arc;

use super::address::{ALLOW_PLAIN, AddressError, TOKEN_ELSEWHERE, address};
use super::cursor::Cursor;
use super::hide;
use super::read_server::server;
use super::scenario::Spot;
use super::shape::{self, choices};
use super::suite::{Checks, Level, Server, Set, Suite, Target};
use super::suite_keys::SUITE;
use crate::auth::Credential;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::{Document, Pointer};
use crate::uipath;

/// Reads a suite file. What can be read is returned, so that scenarios can be judged by it; where a problem is
/// an error, the suite is not fit to be run.
///
/// `root` is the suite's folder, `shown_root` how messages show it.
pub fn read_suite(
    document: &Arc<Document>,
    root: PathBuf,
    shown_root: String,
    problems: &mut Vec<Diagnostic>,
) -> Option<Suite> {
    let before = problems.len();
    let suite = read(document, root, shown_root, problems);
    hide::in_problems_of_suite(document, problems.get_mut(before..).unwrap_or_default());
    suite
}

fn read(
    document: &Arc<Document>,
    root: PathBuf,
    shown_root: String,
    problems: &mut Vec<Diagnostic>,
) -> Option<Suite> {
    let document = hide::in_suite(document);
    if document.value().is_null() {
        let problem = Diagnostic::error(Code::Empty, document.site(&Pointer::root()), "the suite is empty");
        problems.push(problem.help("name a server: `servers: {NAME: {url: URL}}`"));
        return None;
    }
    let meant = shape::check(&document, &SUITE, None, problems);
    if !document.value().is_object() {
        return None;
    }
    let cursor = Cursor::root(&document, &meant);
    let servers = cursor.get("servers").map(|servers| servers.entries()).unwrap_or_default();
    let suite = Suite {
        default: cursor.get("default").and_then(|default| default.spot()),
        servers: servers.into_iter().map(|(name, entry)| server(name, &entry, &root, problems)).collect(),
        scenarios: patterns(cursor.get("scenarios")),
        sets: sets(&cursor),
        env: spots(&cursor, "env"),
        secrets: spots(&cursor, "secrets"),
        vars: variables(&cursor),
        checks: checks(&cursor),
        root,
        shown_root,
        document: Some(Arc::clone(&document)),
    };
    if let Some(default) = &suite.default
        && !default.value.contains("{{")
        && suite.server(&default.value).is_none()
    {
        problems.push(unknown_server(&suite, default, &document));
    }
    Some(suite)
}

/// The suite that a command line means which names an address in place of a suite file: one server, `url`.
///
/// # Errors
/// Where the address cannot be used.
#[expect(clippy::result_large_err, reason = "it is read once, and told as it is")]
pub fn suite_of_url(url: &str, pat: Option<Credential>, root: PathBuf) -> Result<Suite, Diagnostic> {
    let problem = |message: String| {
        Diagnostic::new(Code::BadAddress, Severity::Error, None, format!("`--url`: {message}"))
    };
    let url = address(url, false).map_err(|AddressError { message, help }| {
        let help = match help {
            // There is no suite that the flag's server could say it in.
            TOKEN_ELSEWHERE => "take it out, and name the variable that holds the token: `--pat-env NAME`",
            ALLOW_PLAIN => "write `https://`; only a suite file can allow it, with `insecure: true`",
            help => help,
        };
        problem(message).help(help)
    })?;
    let url = if uipath::looks_like(&url) {
        let reading = uipath::read(&url);
        match (reading.url(), reading.faults.into_iter().find(|fault| fault.fatal)) {
            (_, Some(fault)) => return Err(problem(fault.message).help(fault.help)),
            (mended, None) => mended.unwrap_or(url),
        }
    } else {
        url
    };
    let name = Spot { value: "url".to_owned(), at: Pointer::root() };
    let server = Server { auth: pat, ..Server::new(name, Target::Url(url)) };
    Ok(Suite { root, servers: vec![server], ..Suite::default() })
}

/// A server that the suite does not have.
pub(super) fn unknown_server(suite: &Suite, name: &Spot<String>, document: &Document) -> Diagnostic {
    let problem = Diagnostic::error(
        Code::UnknownName,
        document.site(&name.at),
        format!("the suite has no server `{}`", name.value),
    );
    let names: Vec<&str> = suite.servers.iter().map(|server| server.name.value.as_str()).collect();
    if names.is_empty() {
        return problem.help("add it under `servers` of the suite");
    }
    choices(problem, &name.value, &names, "it has")
}

/// The patterns of `scenarios` or of a set; `suite/` judges them.
fn patterns(cursor: Option<Cursor<'_>>) -> Vec<Spot<String>> {
    let Some(written) = cursor else { return Vec::new() };
    let mut patterns: Vec<Spot<String>> = written.spot().into_iter().collect();
    patterns.extend(written.elements().iter().filter_map(Cursor::spot));
    patterns
}

fn sets(cursor: &Cursor<'_>) -> Vec<Set> {
    let entries = cursor.get("sets").map(|sets| sets.entries()).unwrap_or_default();
    let set = |(name, entry): (&str, _)| Set { name: name.to_owned(), patterns: patterns(Some(entry)) };
    entries.into_iter().map(set).collect()
}

/// The strings of a list, each with its place.
pub(super) fn spots(cursor: &Cursor<'_>, name: &str) -> Vec<Spot<String>> {
    let elements = cursor.get(name).map(|list| list.elements()).unwrap_or_default();
    elements.iter().filter_map(Cursor::spot).collect()
}

/// The names of `vars`, each with the place of its value.
pub(super) fn variables(cursor: &Cursor<'_>) -> Vec<Spot<String>> {
    let entries = cursor.get("vars").map(|vars| vars.entries()).unwrap_or_default();
    entries.into_iter().map(|(name, entry)| Spot { value: name.to_owned(), at: entry.at().clone() }).collect()
}

/// `checks` of whatever the cursor stands on.
pub(super) fn checks(cursor: &Cursor<'_>) -> Checks {
    let level = |name: &str| match cursor.get("checks")?.text(name)?.as_str() {
        "error" => Some(Level::Error),
        "warn" => Some(Level::Warn),
        "ignore" => Some(Level::Ignore),
        _ => None,
    };
    Checks {
        wire: level("wire"),
        output_schema: level("output_schema"),
        contradiction: level("contradiction"),
        order: level("order"),
        progress: level("progress"),
        ids: level("ids"),
        capabilities: level("capabilities"),
        echo: level("echo"),
    }
}

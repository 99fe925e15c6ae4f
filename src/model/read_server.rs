//! One entry of a suite's `servers`.

use std::path::Path;

use super::cursor::Cursor;
use super::hide::holds_token;
use super::read_suite::checks;
use super::read_tls::{socket, tls};
use super::read_uipath::{uipath, url};
use super::scenario::Spot;
use super::shape::literal_secret;
use super::suite::{Command, Expiry, Limits, Server, Setting, Target, Timeouts};
use super::suite_keys::{PAT, SERVER};
use super::values::{date, looks_like_token, rate};
use crate::auth::{App, Credential};
use crate::diagnostic::{Code, Diagnostic};
use crate::knobs::Knobs;
use crate::uipath::TOKEN_VARIABLES;

/// Cases at once on a UiPath server unless said: each call starts a job.
const UIPATH_CASES: usize = 4;

/// Reads a server. One that is wrong is returned too, with a target that is never used, so that scenarios which
/// name it are not told that it does not exist.
pub(super) fn server(name: &str, cursor: &Cursor<'_>, root: &Path, problems: &mut Vec<Diagnostic>) -> Server {
    let name = Spot { value: name.to_owned(), at: cursor.at().clone() };
    let insecure = cursor.flag("insecure");
    misplaced(cursor, problems);
    // What goes over a socket of this machine leaves it on no wire.
    let plain = insecure || cursor.get("socket").is_some();
    let (target, own) = target(cursor, plain, root, problems);
    let target = target.unwrap_or(Target::Sandbox { slug: String::new(), knobs: Knobs::default() });
    let mut server = Server::new(name, target);
    if let Some(auth) = cursor.get("auth") {
        server.auth = credential(&auth, root, problems);
        server.expires.extend(expiry("default", &auth));
    }
    server.auth = server.auth.or(own);
    for (identity, entry) in cursor.get("identities").map(|all| all.entries()).unwrap_or_default() {
        server.expires.extend(expiry(identity, &entry));
        if let Some(credential) = credential(&entry, root, problems) {
            server.identities.push((identity.to_owned(), credential));
        }
    }
    if matches!(server.target, Target::Sandbox { .. }) {
        sandbox_identities(&mut server);
    }
    for (header, value) in cursor.get("headers").map(|all| all.entries()).unwrap_or_default() {
        if let Some(text) = value.value().as_str() {
            server.headers.push((header.to_owned(), text.to_owned()));
        }
    }
    server.limits = limits(cursor);
    if cursor.get("uipath").is_some() {
        server.limits.concurrency = server.limits.concurrency.or(Some(UIPATH_CASES));
    }
    server.timeouts = timeouts(cursor);
    server.insecure = insecure;
    server.tls = tls(cursor, &server.target, root, problems);
    server.socket = socket(cursor, &server.target, root, problems);
    server.checks = checks(cursor);
    let tools = cursor.get("integration_service").map(|all| all.elements()).unwrap_or_default();
    server.integration_service = tools.iter().filter_map(Cursor::spot).collect();
    server
}

/// How the server is reached, and the credential that comes with it.
fn target(
    cursor: &Cursor<'_>,
    insecure: bool,
    root: &Path,
    problems: &mut Vec<Diagnostic>,
) -> (Option<Target>, Option<Credential>) {
    let mut given = SERVER.one_of.iter().filter_map(|key| Some((*key, cursor.get(key)?)));
    let Some((key, first)) = given.next() else { return (None, None) };
    match key {
        "sandbox" => sandbox(&first, problems),
        "uipath" => (
            uipath(&first, insecure, problems).map(Target::Uipath),
            Some(Credential::FirstOf(TOKEN_VARIABLES)),
        ),
        "url" => (url(&first, insecure, problems).map(Target::Url), None),
        _ => (command(cursor, root, problems).map(Target::Command), None),
    }
}

/// A command, and what belongs to it.
fn command(cursor: &Cursor<'_>, root: &Path, problems: &mut Vec<Diagnostic>) -> Option<Command> {
    let words: Vec<Spot<String>> =
        cursor.get("command")?.elements().iter().filter_map(Cursor::spot).collect();
    let mut settings = Vec::new();
    for (name, entry) in cursor.get("env").map(|all| all.entries()).unwrap_or_default() {
        match entry.spot() {
            Some(text) => settings.push((name.to_owned(), Setting::Plain(text.value))),
            None => settings
                .extend(place(&entry, root, problems).map(|it| (name.to_owned(), Setting::Secret(it)))),
        }
    }
    let texts = cursor.get("env").map(|all| all.entries()).unwrap_or_default();
    let texts = texts.into_iter().filter_map(|(_, entry)| entry.spot());
    for word in words.iter().cloned().chain(texts).filter(|word| holds_token(&word.value)) {
        let problem = literal_secret(cursor.document(), &word.at);
        problems.push(problem.help("a `command` gets it in its environment: `env: {NAME: {env: NAME}}`"));
    }
    let folder = cursor.text("cwd").map_or_else(|| root.to_owned(), |cwd| root.join(cwd));
    let cwd = if folder.as_os_str().is_empty() { ".".into() } else { folder };
    let argv: Vec<String> = words.into_iter().map(|word| word.value).collect();
    (!argv.is_empty()).then_some(Command { argv, env: settings, cwd })
}

/// What belongs to an address stands beside a command, or the other way round.
fn misplaced(cursor: &Cursor<'_>, problems: &mut Vec<Diagnostic>) {
    let starts = cursor.get("command").is_some();
    let (wrong, message): (&[&str], _) = if starts {
        (
            &["auth", "identities", "headers", "tls", "socket", "insecure"],
            "is of a server at an address, and this one is a `command`",
        )
    } else {
        (&["env", "cwd"], "is of a `command`, and this server is none")
    };
    for (key, found) in wrong.iter().filter_map(|key| Some((key, cursor.get(key)?))) {
        let problem = Diagnostic::error(Code::Conflict, found.key_site(), format!("`{key}` {message}"));
        problems.push(problem.help(match *key {
            "auth" | "identities" | "headers" => {
                "give a `command` its credentials in `env`: `{NAME: {env: NAME}}`"
            }
            _ => "leave it out",
        }));
    }
}

#[cfg(feature = "sandbox")]
fn sandbox(cursor: &Cursor<'_>, problems: &mut Vec<Diagnostic>) -> (Option<Target>, Option<Credential>) {
    use crate::auth::Secret;
    let slug = cursor.text("slug").unwrap_or_else(|| "orders".to_owned());
    let own = Credential::Own(Secret::new(crate::sandbox::OWNER_TOKEN), "the sandbox itself");
    let profile = cursor.value().as_str().map(str::to_owned).or_else(|| cursor.text("profile"));
    // What is wrong with names and values was told by the table of keys.
    let mut knobs = Knobs::profile(&profile.unwrap_or_default()).unwrap_or_default();
    for (name, entry) in cursor.get("knobs").map(|all| all.entries()).unwrap_or_default() {
        let value = entry.value();
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let _ = knobs.set(name, &text);
        let fault = name == crate::knobs::FAULT.name && !text.is_empty();
        if let Some(error) = fault.then(|| crate::sandbox::Fault::check(&text).err()).flatten() {
            let problem = Diagnostic::error(Code::BadValue, entry.site(), format!("`fault`: {error}"));
            problems
                .push(problem.help("write one as in `x-sandbox-fault`: `429; method=initialize; times=1`"));
        }
    }
    (Some(Target::Sandbox { slug, knobs }), Some(own))
}

#[cfg(not(feature = "sandbox"))]
fn sandbox(cursor: &Cursor<'_>, problems: &mut Vec<Diagnostic>) -> (Option<Target>, Option<Credential>) {
    let message = "this callsheet was built without the sandbox";
    let problem = Diagnostic::error(Code::BadValue, cursor.key_site(), message);
    problems.push(problem.help("build it with `--features sandbox`, or name a `url`"));
    (None, None)
}

/// The sandbox's other tokens, unless the suite has identities of these names.
#[cfg(feature = "sandbox")]
fn sandbox_identities(server: &mut Server) {
    use crate::auth::Secret;
    if !server.identities.iter().any(|(name, _)| name == "auditor") {
        let token = Secret::new(crate::sandbox::AUDITOR_TOKEN);
        let own = Credential::Own(token, "the sandbox itself, as that of a user without OR.Jobs");
        server.identities.push(("auditor".to_owned(), own));
    }
    if !server.identities.iter().any(|(name, _)| name == "interactive") {
        let token = Secret::new(crate::sandbox::INTERACTIVE_TOKEN);
        let own = Credential::Own(token, "the sandbox itself, as that of a user who logged in");
        server.identities.push(("interactive".to_owned(), own));
    }
}

#[cfg(not(feature = "sandbox"))]
fn sandbox_identities(_: &mut Server) {}

/// Where a token comes from: a `pat`, or an `app` whose keys are exchanged for one.
fn credential(cursor: &Cursor<'_>, root: &Path, problems: &mut Vec<Diagnostic>) -> Option<Credential> {
    let is_mapping = |found: &Cursor<'_>| found.value().is_object();
    if let Some(pat) = cursor.get("pat").filter(is_mapping) {
        return place(&pat, root, problems);
    }
    let app = cursor.get("app").filter(is_mapping)?;
    let mut key = |name: &str| place(&app.get(name).filter(is_mapping)?, root, problems);
    let (id, secret) = (key("id"), key("secret"));
    Some(Credential::App(Box::new(App { id: id?, secret: secret?, scope: app.text("scope")? })))
}

/// The day that a token runs out on, by the suite.
fn expiry(identity: &str, cursor: &Cursor<'_>) -> Option<Expiry> {
    let written = cursor.get("expires")?.spot()?;
    let day = Spot { value: date(&written.value)?, at: written.at };
    Some(Expiry { identity: identity.to_owned(), day })
}

fn place(pat: &Cursor<'_>, root: &Path, problems: &mut Vec<Diagnostic>) -> Option<Credential> {
    let (key, place) = PAT.one_of.iter().find_map(|key| Some((*key, pat.get(key)?)))?;
    let words = [place.clone()].into_iter().chain(place.elements());
    let words: Vec<Spot<String>> = words.filter_map(|word| word.spot()).collect();
    // A variable's name was judged by the table.
    for word in words.iter().filter(|word| key != "env" && looks_like_token(&word.value)) {
        problems.push(literal_secret(place.document(), &word.at));
    }
    let mut words = words.into_iter().map(|word| word.value);
    match key {
        "env" => words.next().map(Credential::Env),
        "file" => words.next().map(|path| Credential::File(root.join(path))),
        _ => Some(Credential::Command(words.collect())),
    }
}

fn limits(cursor: &Cursor<'_>) -> Limits {
    let Some(limits) = cursor.get("limits") else { return Limits::default() };
    Limits {
        concurrency: limits
            .get("concurrency")
            .and_then(|count| count.value().as_u64())
            .and_then(|count| usize::try_from(count).ok()),
        rate: limits.text("rate").as_deref().and_then(rate),
    }
}

fn timeouts(cursor: &Cursor<'_>) -> Timeouts {
    let Some(timeouts) = cursor.get("timeouts") else { return Timeouts::default() };
    Timeouts {
        connect: timeouts.duration("connect"),
        start: timeouts.duration("start"),
        step: timeouts.duration("step"),
    }
}

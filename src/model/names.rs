//! Whether the servers and identities that a scenario names exist.

use super::keys::listed;
use super::read_suite::unknown_server;
use super::scenario::{Scenario, Spot};
use super::shape::choices;
use super::suite::{Server, Suite};
use crate::diagnostic::{Code, Diagnostic};
use crate::exchange::Verb;
use crate::source::{Document, Pointer};

/// Checks every name of a scenario and its steps.
pub(super) fn check(scenario: &Scenario, suite: &Suite, problems: &mut Vec<Diagnostic>) {
    let document = &scenario.document;
    let mut unknown = |name: Option<&Spot<String>>| {
        if let Some(name) = name
            && is_name(name)
            && suite.server(&name.value).is_none()
        {
            problems.push(unknown_server(suite, name, document));
        }
    };
    unknown(scenario.server.as_ref());
    scenario.steps.iter().for_each(|step| unknown(step.server.as_ref()));

    let mut servers: Vec<Option<&Server>> = Vec::new();
    let mut undecided = false;
    for step in scenario.steps.iter().filter(|step| step.verb.value != Verb::Wait) {
        let named = step.server.as_ref().or(scenario.server.as_ref());
        let server = suite.server_for(named.map(|name| name.value.as_str()));
        undecided |= named.is_none() && suite.default.is_none() && server.is_none();
        match &step.identity {
            Some(identity) => unknown_identity(server, identity, document, problems),
            None => servers.push(server),
        }
    }
    if undecided {
        problems.push(no_server(scenario, suite));
    }
    if let Some(identity) = &scenario.identity {
        let server = scenario.server.as_ref().map(|name| name.value.as_str());
        let mut servers = servers.into_iter().chain([suite.server_for(server)]).flatten();
        let lacking = servers.find(|server| !server.has_identity(&identity.value));
        unknown_identity(lacking, identity, document, problems);
    }
}

/// Whether it is the name itself: empty ones and templates were refused already.
fn is_name(name: &Spot<String>) -> bool {
    !name.value.trim().is_empty() && !name.value.contains("{{")
}

fn unknown_identity(
    server: Option<&Server>,
    identity: &Spot<String>,
    document: &Document,
    problems: &mut Vec<Diagnostic>,
) {
    let Some(server) = server.filter(|server| is_name(identity) && !server.has_identity(&identity.value))
    else {
        return;
    };
    let message = format!("server `{}` has no identity `{}`", server.name.value, identity.value);
    let problem = Diagnostic::error(Code::UnknownName, document.site(&identity.at), message);
    let names: Vec<&str> = server.identity_names().collect();
    problems.push(choices(problem, &identity.value, &names, "it has"));
}

/// Nothing says which server is meant.
fn no_server(scenario: &Scenario, suite: &Suite) -> Diagnostic {
    let site = scenario.document.key_site(&Pointer::root().key("scenario"));
    match suite.servers.first() {
        None => Diagnostic::error(Code::MissingKey, site, "there is no server to run this scenario on").help(
            "add one under `servers` of a suite file, `callsheet.yaml`, or name an address with `--url`",
        ),
        Some(first) => {
            let names = listed(suite.servers.iter().map(|server| server.name.value.as_str()), "and");
            let first = &first.name.value;
            Diagnostic::error(Code::MissingKey, site, "nothing says which server this scenario runs on")
                .note(format!("the suite has {names}"))
                .help(format!("write `server: {first}` in the scenario, or `default: {first}` in the suite"))
        }
    }
}

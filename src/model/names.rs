//! Whether the servers and identities that scenarios and fragments name exist. A name that a template makes is not
//! known before its row is.

use super::keys::listed;
use super::read_suite::unknown_server;
use super::scenario::{Fragment, Scenario, Spot, Step};
use super::shape::choices;
use super::suite::{Server, Suite};
use crate::diagnostic::{Code, Diagnostic};
use crate::exchange::Verb;
use crate::source::{Document, Pointer};

/// Checks every name of a scenario and its steps.
pub(super) fn in_scenario(scenario: &Scenario, suite: &Suite, problems: &mut Vec<Diagnostic>) {
    let mut names = Names { suite, document: &scenario.document, problems };
    let mut steps = Vec::new();
    all(&scenario.steps, Given::default(), &mut steps);
    names.servers(scenario.server.iter().chain(steps.iter().filter_map(|(step, _)| step.server.as_ref())));

    let mut servers: Vec<&Server> = Vec::new();
    let mut undecided = false;
    for (step, given) in steps.iter().filter(|(step, _)| meets_server(step)) {
        let named = given.server.or(scenario.server.as_ref());
        if named.is_some_and(is_template) {
            continue;
        }
        let server = suite.server_for(named.map(|name| name.value.as_str()));
        undecided |= named.is_none() && suite.default.is_none() && server.is_none();
        match (given.identity, server) {
            // What is given as a whole was judged where it is said.
            (Some(_), _) if step.server.is_none() && step.identity.is_none() => {}
            (Some(identity), Some(server)) => names.identity(server, identity),
            (None, Some(server)) => servers.push(server),
            (_, None) => {}
        }
    }
    if undecided {
        names.problems.push(no_server(scenario, suite));
    }
    if let Some(identity) = &scenario.identity {
        if !scenario.server.as_ref().is_some_and(is_template) {
            servers.extend(suite.server_for(scenario.server.as_ref().map(|name| name.value.as_str())));
        }
        if let Some(server) = servers.into_iter().find(|server| !server.has_identity(&identity.value)) {
            names.identity(server, identity);
        }
    }
}

/// Checks every name of a fragment. Which server its steps meet that name none is known where it is used.
pub(super) fn in_fragment(fragment: &Fragment, suite: &Suite, problems: &mut Vec<Diagnostic>) {
    let mut names = Names { suite, document: &fragment.document, problems };
    let mut steps = Vec::new();
    all(&fragment.steps, Given::default(), &mut steps);
    names.servers(steps.iter().filter_map(|(step, _)| step.server.as_ref()));
    for (step, given) in steps {
        let Some(identity) = given.identity.filter(|_| step.server.is_some() || step.identity.is_some())
        else {
            continue;
        };
        match given.server {
            Some(server) if is_template(server) => {}
            Some(server) => {
                if let Some(server) = suite.server(&server.value) {
                    names.identity(server, identity);
                }
            }
            None => names.identity_of_any(identity),
        }
    }
}

/// What a step says itself, or what the step says that it is part of.
#[derive(Clone, Copy, Default)]
struct Given<'a> {
    server: Option<&'a Spot<String>>,
    identity: Option<&'a Spot<String>>,
}

/// Every step, those that stand in others too.
fn all<'a>(
    steps: impl IntoIterator<Item = &'a Step>,
    above: Given<'a>,
    found: &mut Vec<(&'a Step, Given<'a>)>,
) {
    for step in steps {
        let server = step.server.as_ref().or(above.server);
        let given = Given { server, identity: step.identity.as_ref().or(above.identity) };
        found.push((step, given));
        // As deep as the reader lets steps stand in steps.
        all(&mut step.inner() as &mut dyn Iterator<Item = &'a Step>, given, found);
    }
}

/// Whether a step by itself needs to know its server. What a fragment's steps meet is that of the step that uses it.
fn meets_server(step: &Step) -> bool {
    !matches!(step.verb.value, Verb::Wait | Verb::Parallel | Verb::Defer)
}

fn is_template(name: &Spot<String>) -> bool {
    name.value.contains("{{")
}

/// Whether it is the name itself: empty ones were refused already.
fn is_name(name: &Spot<String>) -> bool {
    !name.value.trim().is_empty() && !is_template(name)
}

struct Names<'a> {
    suite: &'a Suite,
    document: &'a Document,
    problems: &'a mut Vec<Diagnostic>,
}

impl Names<'_> {
    fn servers<'n>(&mut self, names: impl Iterator<Item = &'n Spot<String>>) {
        for name in names.filter(|name| is_name(name) && self.suite.server(&name.value).is_none()) {
            self.problems.push(unknown_server(self.suite, name, self.document));
        }
    }

    fn identity(&mut self, server: &Server, identity: &Spot<String>) {
        if is_name(identity) && !server.has_identity(&identity.value) {
            let message = format!("server `{}` has no identity `{}`", server.name.value, identity.value);
            let problem = Diagnostic::error(Code::UnknownName, self.document.site(&identity.at), message);
            let names: Vec<&str> = server.identity_names().collect();
            self.problems.push(choices(problem, &identity.value, &names, "it has"));
        }
    }

    fn identity_of_any(&mut self, identity: &Spot<String>) {
        let servers = &self.suite.servers;
        if is_name(identity) && !servers.iter().any(|server| server.has_identity(&identity.value)) {
            let message = format!("no server of the suite has an identity `{}`", identity.value);
            let problem = Diagnostic::error(Code::UnknownName, self.document.site(&identity.at), message);
            let mut names: Vec<&str> = Vec::new();
            for name in servers.iter().flat_map(Server::identity_names) {
                if !names.contains(&name) {
                    names.push(name);
                }
            }
            self.problems.push(choices(problem, &identity.value, &names, "there are"));
        }
    }
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

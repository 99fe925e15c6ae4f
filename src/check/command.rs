//! What only HTTP has, asked of a server that is a command.

use crate::diagnostic::{Code, Diagnostic};
use crate::exchange::Verb;
use crate::model::{Suite, Target};
use crate::plan::{Choice, Scenario};

/// Steps that mean nothing to a server that is a command.
#[must_use]
pub fn http_of_commands(scenario: &Scenario, suite: &Suite) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    if !suite.servers.iter().any(|server| matches!(server.target, Target::Command(_))) {
        return problems;
    }
    scenario.each_step(&mut |visit| {
        let Some(Choice::Name(name)) = visit.server.map(|given| given.choice) else { return };
        let Some(server) = suite.server(name).filter(|server| matches!(server.target, Target::Command(_)))
        else {
            return;
        };
        let expected = visit.step.at.key("expect").key("http");
        let has = |at| visit.document.get(at).is_some();
        let (at, message) = if visit.step.verb.value == Verb::Http {
            (&visit.step.verb.at, format!("`http` needs a server at an address, and `{name}` is a command"))
        } else if visit.step.headers.is_some() {
            (&visit.step.at.key("headers"), format!("a message to `{name}` has no headers: it is a command"))
        } else if has(&expected) && !has(&expected.key("$exists")) {
            (&expected, format!("an answer of `{name}` has no `http`: it is a command"))
        } else {
            return;
        };
        let problem = Diagnostic::error(Code::Conflict, visit.document.key_site(at), message);
        let problem = match &suite.document {
            Some(document) => problem.also(document.key_site(&server.at().key("command")), "it is this one"),
            None => problem,
        };
        problems.push(problem.help("leave it out, or give the step a `server` that has a `url`"));
    });
    problems
}

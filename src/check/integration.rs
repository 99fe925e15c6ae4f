//! Calls of Integration Service activities with tokens that do not suffice for them. `check` warns of them, as far as
//! the suite says which tools these are; whether a variable holds a PAT or something else is not looked at.

use serde_json::Value;

use crate::diagnostic::{Code, Diagnostic};
use crate::model::{Server, Suite};
use crate::plan::{Action, Choice, Scenario, Visit};

/// How many rows of a scenario are looked at for whom its steps are done as.
const ROWS: u32 = 200;

/// A warning for each call of a marked tool with a PAT or an application's token, unless the step expects it to fail
/// or is chosen by `session.auth`.
pub(super) fn activities(scenario: &Scenario, suite: &Suite) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    if suite.servers.iter().all(|server| server.integration_service.is_empty()) {
        return problems;
    }
    scenario.each_step(&mut |visit| {
        let Action::Call { tool, .. } = &visit.step.action else { return };
        if !tool.is_literal() || visit.by_auth || is_expected(&visit) {
            return;
        }
        let tool = tool.source();
        let Some((server, identity, kind)) = first_that_fails(scenario, suite, &visit, tool) else { return };
        let whose = match (kind, identity.as_str()) {
            ("app", "default") => "the server's own token is that of an application".to_owned(),
            ("app", _) => format!("the token of `{identity}` is that of an application"),
            (_, "default") => "the server's own token is a PAT".to_owned(),
            _ => format!("the token of `{identity}` is a PAT"),
        };
        let message = format!(
            "`{tool}` of `{}` is an Integration Service activity, and {whose}: likely the call fails or times out",
            server.name.value
        );
        let site = visit.document.site(&visit.step.verb.at);
        let mut problem = Diagnostic::warning(Code::IntegrationService, site, message);
        if let Some((document, at)) = suite.document.as_ref().zip(server.is_activity(tool)) {
            problem = problem.also(document.site(at), "marked here");
        }
        problems.push(
            problem
                .help("expect it: `expect: {is_error: true}`, or `expect: {outcome: timed_out}`")
                .help("or leave it out under such a token: `requires: {$.session.auth: jwt}`")
                .help(
                    "what suffices: a token of `uipath auth`, or of an external application with user scopes, as an \
                     identity of the suite",
                ),
        );
    });
    problems
}

/// The server that marks a tool, the identity, and what its token is, where that does not suffice: of the first row
/// where it is so.
fn first_that_fails<'s>(
    scenario: &Scenario,
    suite: &'s Suite,
    visit: &Visit<'_>,
    tool: &str,
) -> Option<(&'s Server, String, &'static str)> {
    let (server, identity) = (visit.server?.choice, visit.identity?.choice);
    let fails = |row: Option<&Value>| {
        let server = suite.server(&server.name(row).ok()?)?;
        server.is_activity(tool)?;
        let identity = identity.name(row).ok()?;
        let kind = server.credential(&identity)?.kind(None);
        (kind != "jwt").then_some((server, identity, kind))
    };
    let chosen = [server, identity].iter().any(|choice| matches!(choice, Choice::Template(..)));
    match scenario.rows.as_ref().filter(|_| chosen) {
        Some(rows) => {
            let count = u32::try_from(rows.names().len()).unwrap_or(u32::MAX).min(ROWS);
            (0..count).find_map(|index| fails(rows.value(index).ok().as_ref()))
        }
        None => fails(None),
    }
}

/// Whether the step expects its call to fail, or is known to.
fn is_expected(visit: &Visit<'_>) -> bool {
    let expected = visit.document.get(&visit.step.at.key("expect"));
    visit.step.known_bug.is_some() || expected.is_some_and(fails)
}

/// Whether an expectation holds for no call that goes well.
fn fails(expected: &Value) -> bool {
    let Some(members) = expected.as_object() else { return false };
    members.iter().any(|(key, value)| match key.trim_start_matches("$.") {
        "is_error" => value != &Value::Bool(false),
        "outcome" => value != "answered",
        "error" => value.get("$exists") != Some(&Value::Bool(false)),
        "$any" | "$all" => value.as_array().is_some_and(|parts| parts.iter().any(fails)),
        _ => false,
    })
}

//! Advice: what is allowed, and seldom meant. `check` gives it, a run does not.
//!
//! Each has a way to say that it is meant, so that a suite can be free of warnings without losing anything.

use std::collections::HashSet;
use std::sync::Arc;

use super::flow::Reads;
use super::integration::activities;
use crate::diagnostic::{Code, Diagnostic};
use crate::exchange::Verb;
use crate::model::{self, Suite, shown_duration};
use crate::plan::{Action, Branch, Choice, Plan, Scenario, Step};
use crate::source::{Document, Pointer, Site};

/// Advice on one scenario.
#[must_use]
pub fn lint(scenario: &Scenario, suite: &Suite) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    let reads = Reads::of(scenario);
    let document = &scenario.document;
    unread(&reads, document, scenario.vars.iter().map(|(name, _)| name.as_str()), &mut problems);
    unused_rows(&reads, scenario, &mut problems);
    steps(&scenario.steps, true, document, &mut problems);
    repeated_calls(scenario, suite, &mut problems);
    problems.extend(activities(scenario, suite));
    problems
}

/// Advice on a whole suite: its variables that no scenario reads. Fragments do not see them.
#[must_use]
pub fn lint_suite(plan: &Plan) -> Vec<Diagnostic> {
    let Some(document) = plan.suite.document.as_ref().filter(|_| !plan.vars.is_empty()) else {
        return Vec::new();
    };
    let mut reads = Reads::of_vars(&plan.vars);
    plan.scenarios.iter().for_each(|scenario| reads.scenario(scenario));
    let mut problems = Vec::new();
    unread(&reads, document, plan.vars.iter().map(|(name, _)| name.as_str()), &mut problems);
    problems
}

/// Advice on every fragment that a scenario uses.
#[must_use]
pub fn lint_fragments(plan: &Plan) -> Vec<Diagnostic> {
    let (mut problems, mut seen) = (Vec::new(), HashSet::new());
    for scenario in &plan.scenarios {
        scenario.each_step(&mut |visit| {
            if let Action::Use { fragment, .. } = &visit.step.action
                && seen.insert(Arc::as_ptr(fragment))
            {
                // Whether it expects something is up to those who use it.
                steps(&fragment.steps, false, &fragment.document, &mut problems);
            }
        });
    }
    problems
}

/// What was said of one place by several scenarios, such as those that use one fragment, is said once.
pub fn said_once(problems: &mut Vec<Diagnostic>) {
    let mut seen = HashSet::new();
    problems.retain(|problem| match problem.site() {
        Some(site) if matches!(problem.code, Code::RepeatedCall | Code::IntegrationService) => {
            seen.insert((site.file.path().to_owned(), site.span))
        }
        _ => true,
    });
}

fn unread<'a>(
    reads: &Reads<'_>,
    document: &Document,
    names: impl Iterator<Item = &'a str>,
    problems: &mut Vec<Diagnostic>,
) {
    let vars = Pointer::root().key("vars");
    for name in names.filter(|name| !name.starts_with('_') && !reads.has(name)) {
        let site = document.key_site(&vars.key(name));
        let problem = Diagnostic::warning(Code::UnusedVar, site, format!("nothing reads `{name}`"));
        problems.push(problem.help("take it out, or begin its name with `_` if it only has to be there"));
    }
}

fn unused_rows(reads: &Reads<'_>, scenario: &Scenario, problems: &mut Vec<Diagnostic>) {
    if scenario.rows.is_none() || reads.has("row") {
        return;
    }
    let site = scenario.document.key_site(&Pointer::root().key("rows"));
    let message = "nothing reads `row`, so every row does the same";
    let problem = Diagnostic::warning(Code::UnusedRows, site, message);
    problems.push(problem.help("read it, as in `{{ row.name }}`, or take `rows` out"));
}

/// Goes through steps that are done one after the other. `judged`: whether they have to expect something.
fn steps(steps: &[Step], judged: bool, document: &Document, problems: &mut Vec<Diagnostic>) {
    let mut is_listening = false;
    for (index, step) in steps.iter().enumerate() {
        let next = steps.get(index + 1);
        match &step.action {
            Action::Wait(time) => {
                let time = shown_duration(*time);
                let slept = next.and_then(|next| slept(step, next, is_listening, &time, document));
                problems.extend(slept);
            }
            Action::Listen { tools, prompts, resources } => {
                is_listening = *tools || *prompts || !resources.is_empty();
            }
            // What a branch does is judged by what is expected of all of them.
            Action::Parallel(branches) => {
                let judged = judged && step.expect.is_none();
                branches
                    .iter()
                    .for_each(|Branch { steps: branch, .. }| self::steps(branch, judged, document, problems));
            }
            _ if judged && is_unjudged(step, next) => problems.push(no_expectation(step, document)),
            _ => {}
        }
    }
}

/// Whether a step tests nothing but what is implied, and nothing needs it that can be seen.
fn is_unjudged(step: &Step, next: Option<&Step>) -> bool {
    let asks =
        matches!(step.verb.value, Verb::Call | Verb::Read | Verb::Prompt | Verb::Request | Verb::Complete);
    let is_needed = !step.save.is_empty()
        || !step.defer.is_empty()
        || !step.respond.is_empty()
        || step.known_bug.is_some()
        // It makes what the next step takes.
        || next.is_some_and(|next| next.verb.value == Verb::Await);
    asks && step.expect.is_none() && !is_needed
}

fn no_expectation(step: &Step, document: &Document) -> Diagnostic {
    let site = document.site(&step.verb.at);
    let (example, meant) = match step.verb.value {
        Verb::Call => ("{json: {…}}", "{is_error: false}"),
        Verb::Read | Verb::Prompt => ("{text: {$contains: …}}", "{outcome: answered}"),
        Verb::Complete => ("{items: {$contains: …}}", "{outcome: answered}"),
        _ => ("{result: {…}}", "{outcome: answered}"),
    };
    let message = "this step tests only what is implied: that an answer comes, and no error";
    Diagnostic::warning(Code::NoExpectation, site, message)
        .help(format!("say what the answer is, `expect: {example}`"))
        .help(format!("if that is all that is meant, say so: `expect: {meant}`"))
}

/// Advice on a pause, where the next step can do the waiting. A pause that is named is meant.
fn slept(
    step: &Step,
    next: &Step,
    is_listening: bool,
    time: &str,
    document: &Document,
) -> Option<Diagnostic> {
    if document.get(&step.at.key("name")).is_some() {
        return None;
    }
    let way = match next.verb.value {
        Verb::Await => "`await` waits by itself, up to its `timeout`: take the `wait` out".to_owned(),
        _ if is_listening => {
            "the steps before listen: `await` the notification that says it is done, and take the `wait` out"
                .to_owned()
        }
        Verb::Read | Verb::List | Verb::Prompt | Verb::Complete | Verb::Request
            if next.expect.is_some() && next.eventually.is_none() =>
        {
            format!(
                "let the next step ask again until it holds, `eventually: {{within: 30s, every: {}}}`, and take the `wait` out",
                time.replace(' ', "")
            )
        }
        _ if next.eventually.is_some() => {
            "the next step asks again until it holds: take the `wait` out".to_owned()
        }
        _ => return None,
    };
    let message = format!("this sleeps {time} every time, and is too short on a slow day");
    let problem = Diagnostic::warning(Code::Sleep, document.site(&step.verb.at), message);
    Some(problem.help(way).help("give the step a `name` if the pause itself is what is tested"))
}

/// Calls that are repeated on a UiPath server.
fn repeated_calls(scenario: &Scenario, suite: &Suite, problems: &mut Vec<Diagnostic>) {
    if !suite.servers.iter().any(model::Server::is_uipath) {
        return;
    }
    scenario.each_step(&mut |visit| {
        let Some(eventually) = &visit.step.eventually else { return };
        let Some(Choice::Name(server)) = visit.server.map(|given| given.choice) else { return };
        if visit.step.verb.value != Verb::Call || !suite.server(server).is_some_and(model::Server::is_uipath) {
            return;
        }
        let site: Site = visit.document.key_site(&eventually.at);
        let message = format!("each attempt is a call, and each call starts a job on `{server}`");
        let problem = Diagnostic::warning(Code::RepeatedCall, site, message);
        problems.push(problem.help(
            "call once, save what names the job, and let a `read` or a tool that only looks ask again; reads start no job",
        ));
    });
}

//! What a step asks for that a version does not have, where `protocol` names such a version.

use crate::diagnostic::{Code, Diagnostic};
use crate::mcp::Version;
use crate::model::Protocols;
use crate::plan::{Action, Scenario, Step};
use crate::source::{Document, Pointer};

/// What is wrong with a scenario whose `protocol` names versions. A step with a condition, and what stands in it, may
/// leave them out.
#[must_use]
pub fn versions(scenario: &Scenario) -> Vec<Diagnostic> {
    let named = match &scenario.protocols {
        Protocols::Auto => return Vec::new(),
        Protocols::One(version) => vec![*version],
        Protocols::Each(all) => all.iter().copied().flatten().collect(),
    };
    let mut problems = Vec::new();
    if let Some(oldest) = named.into_iter().min() {
        steps(&mut scenario.steps.iter(), &scenario.document, oldest, &mut problems);
    }
    problems
}

fn steps(
    all: &mut dyn Iterator<Item = &Step>,
    document: &Document,
    oldest: Version,
    problems: &mut Vec<Diagnostic>,
) {
    for step in all.filter(|step| step.when.is_none()) {
        if let Some((key, what, first)) = young(step)
            && oldest < first
        {
            let message = format!("{what} before {first}, and `protocol` names {oldest}");
            let problem = Diagnostic::error(Code::Conflict, document.key_site(&key), message);
            problems.push(problem.help("take the version out of `protocol`, or choose the step with `when`"));
        }
        if let Action::Use { fragment, .. } = &step.action {
            steps(&mut fragment.steps.iter(), &fragment.document, oldest, problems);
        }
        steps(&mut step.inner(), document, oldest, problems);
    }
}

/// What of a step not every version has: its key, what to say of it, and the first version that has it.
fn young(step: &Step) -> Option<(Pointer, &'static str, Version)> {
    match &step.action {
        Action::Call { task: Some(_), .. } => {
            Some((step.at.key("task"), "there are no tasks", Version::V2025_11_25))
        }
        Action::Complete { context: Some(_), .. } => {
            let key = step.verb.at.key("context");
            Some((key, "a completion has no `context`", Version::V2025_06_18))
        }
        _ => None,
    }
}

//! Two cases of one name: nextest would run one of them and not say so.

use std::collections::HashMap;

use crate::diagnostic::{Code, Diagnostic};
use crate::plan::Plan;

/// An error for each case whose name an earlier case has.
#[must_use]
pub fn equal_names(plan: &Plan) -> Vec<Diagnostic> {
    let mut first: HashMap<&str, usize> = HashMap::new();
    let mut problems = Vec::new();
    for case in &plan.cases {
        let Some(scenario) = plan.scenario(case) else { continue };
        let known = *first.entry(&case.name).or_insert(case.scenario);
        let Some(other) = plan.scenarios.get(known).filter(|_| known != case.scenario) else { continue };
        problems.push(
            Diagnostic::error(
                Code::EqualNames,
                scenario.site.clone(),
                format!("two cases are called `{}`", case.name),
            )
            .also(other.site.clone(), "the other one")
            .help("give one of them another title or file name"),
        );
    }
    problems
}

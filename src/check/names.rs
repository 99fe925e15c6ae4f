//! Names: two cases of one, which nextest would run one of and not say so; and what is said of a name that was
//! refused already.

use std::collections::{HashMap, HashSet};

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

/// Drops what is said of the uses of a variable whose name was refused: `{{ first }}` of `save: {first: …}` is then a
/// helper without its parameters, which is no mistake of its own.
pub fn without_follow_ups(problems: &mut Vec<Diagnostic>) {
    fn place(problem: &Diagnostic) -> Option<(&str, &str)> {
        let site = problem.site()?;
        Some((site.file.path(), site.file.slice(site.span)))
    }
    let refused: HashSet<(String, String)> = problems
        .iter()
        .filter(|problem| problem.code == Code::BadName)
        .filter_map(|problem| place(problem).map(|(file, name)| (file.to_owned(), name.to_owned())))
        .collect();
    problems.retain(|problem| {
        !matches!(problem.code, Code::TemplateSyntax | Code::UndefinedName)
            || place(problem)
                .is_none_or(|(file, name)| !refused.contains(&(file.to_owned(), name.to_owned())))
    });
}

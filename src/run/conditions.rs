//! Matchers over the scope: `when` of a step, `requires` of a scenario, `when` of a known bug.

use crate::matcher::{Actual, Matcher, Mismatch};
use crate::template::Scope;

/// Why a condition does not hold; none where it does.
pub(super) fn unmet(condition: &Matcher, scope: &Scope) -> Option<Mismatch> {
    let names = scope.document();
    condition.compare(Actual { value: &names, inexact: &[] }, scope).into_iter().next()
}

/// Whether a condition reads what is known only once a session is open.
pub(super) fn reads_session(condition: &Matcher) -> bool {
    reads(condition, &["session", "protocol"])
}

/// Whether a condition reads one of these words.
pub(super) fn reads(condition: &Matcher, words: &[&str]) -> bool {
    let mut names = Vec::new();
    !condition.reads(&mut names)
        || names.iter().any(|name| words.contains(name))
        || condition
            .templates()
            .iter()
            .flat_map(|(_, template)| template.uses())
            .any(|used| words.contains(&used.name.as_str()))
}

/// A condition that does not hold, in a line: `session.auth`: the value differs, expected …, found ….
pub(super) fn shown(mismatch: &Mismatch) -> String {
    /// What is longer says little in a line.
    const LONGEST: usize = 60;
    let place = mismatch.actual_at.trim_start_matches('$').trim_start_matches('.');
    let side = |word: &str, value: &Option<String>| {
        let value = value.as_ref().filter(|value| value.chars().count() <= LONGEST);
        value.map(|value| format!(", {word} {value}")).unwrap_or_default()
    };
    let (expected, found) = (side("expected", &mismatch.expected), side("found", &mismatch.actual));
    let place = if place.is_empty() { String::new() } else { format!("`{place}`: ") };
    format!("{place}{}{expected}{found}", mismatch.message)
}

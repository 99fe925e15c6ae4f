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
    // What the message says is not said again.
    let told =
        mismatch.expected.as_ref().is_some_and(|expected| mismatch.message.contains(expected.as_str()));
    let expected = if told { String::new() } else { side("expected", &mismatch.expected) };
    let found = side("found", &mismatch.actual);
    let place = if place.is_empty() { String::new() } else { format!("`{place}`: ") };
    format!("{place}{}{expected}{found}", mismatch.message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Pointer;

    #[test]
    fn what_is_expected_is_said_once() {
        let mismatch = |message: &str, expected: &str| Mismatch {
            expected_at: Pointer::root(),
            at_key: false,
            actual_at: "$.protocol".to_owned(),
            message: message.to_owned(),
            expected: Some(expected.to_owned()),
            actual: Some("string \"2025-06-18\"".to_owned()),
            notes: Vec::new(),
            help: Vec::new(),
            stored: None,
            found: None,
        };
        let found = "found string \"2025-06-18\"";
        assert_eq!(
            shown(&mismatch("it is not at least date 2025-11-25", "at least date 2025-11-25")),
            format!("`protocol`: it is not at least date 2025-11-25, {found}")
        );
        assert_eq!(
            shown(&mismatch("the value differs", "string \"2025-11-25\"")),
            format!("`protocol`: the value differs, expected string \"2025-11-25\", {found}")
        );
    }
}

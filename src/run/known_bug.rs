//! `known_bug`: a ratchet on a step. While the bug shows, the case is reported as ignored with the bug as its
//! reason; when it is gone, or its day has passed, the step fails.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::implied::can_be_known;
use crate::diagnostic::{Code, Diagnostic};
use crate::plan::KnownBug;
use crate::source::Document;

/// What a step's problems mean where a bug is known.
pub(super) enum Ratchet {
    /// The bug shows and is tolerated: the reason that the case is ignored for, and how it shows.
    Tolerated(String, Vec<Diagnostic>),
    /// The step fails with these.
    Failed(Vec<Diagnostic>),
}

/// Judges a step's problems by its known bug.
pub(super) fn judge(
    bug: &KnownBug,
    document: &Document,
    mut problems: Vec<Diagnostic>,
    now: Timestamp,
) -> Ratchet {
    let is_its = |problem: &Diagnostic| {
        matches!(problem.code, Code::Mismatch | Code::NotEventually) || can_be_known(problem)
    };
    let errors = || problems.iter().filter(|problem| problem.is_error());
    if !errors().all(is_its) {
        return Ratchet::Failed(problems);
    }
    let issue = &bug.issue;
    if errors().next().is_none() {
        let message = format!("the known bug {issue} does not show any more");
        problems.insert(
            0,
            Diagnostic::error(Code::KnownBug, document.key_site(&bug.at), message)
                .help("take `known_bug` out: from then on the step guards against it"),
        );
        return Ratchet::Failed(problems);
    }
    let today = now.to_zoned(TimeZone::UTC).date();
    if let Some(until) = bug.until.as_ref().filter(|until| today > until.value) {
        let message = format!("the known bug {issue} was tolerated until {}, and still shows", until.value);
        problems.insert(
            0,
            Diagnostic::error(Code::KnownBug, document.site(&until.at), message)
                .help("have it mended, or move `until`"),
        );
        return Ratchet::Failed(problems);
    }
    Ratchet::Tolerated(format!("known bug {issue}"), problems)
}

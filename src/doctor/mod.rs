//! The preflight: why can I not connect, or list, or call? [`Findings`] is what was asked and what came back, one probe
//! after the other, each using as little as possible; [`causes`] concludes from it, and from nothing else, what the
//! likely cause is, how that was told and what to do next.
//!
//! What a 401 or 403 means is not in the answer: UiPath leaves it out on purpose. So the conclusion is a table over what
//! several probes met. Nothing here prints, and no tool is called unless somebody names it.

mod asked;
mod causes;
mod diagnosis;
mod explain;
mod findings;
mod json;
pub(crate) mod mask;
mod offline;
pub mod page;
mod probes;

pub use causes::{Cause, Certainty, Row, Weight, causes};
pub use diagnosis::Diagnosis;
pub use findings::{
    Answered, Break, CallFinding, Difference, Findings, FolderSeen, NotAsked, Probe, RecordSeen, Reply, Step,
    TokenFinding, TokenLook, TokenState,
};
pub use json::object;
pub(crate) use probes::{Question, examine, is_uipath};

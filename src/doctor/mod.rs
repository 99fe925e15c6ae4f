//! The preflight: why can I not connect, or list, or call? [`Findings`] is what was asked and what came back, one probe
//! after the other, each using as little as possible; [`causes`] concludes from it, and from nothing else, what the
//! likely cause is, how that was told and what to do next.
//!
//! What a 401 or 403 means is not in the answer: UiPath leaves it out on purpose. So the conclusion is a table over what
//! several probes met. Nothing here prints, and no tool is called unless somebody names it.

mod causes;
mod findings;

pub use causes::{Cause, Certainty, Row, Weight, causes};
pub use findings::{
    Answered, Break, CallFinding, Difference, Findings, FolderSeen, Probe, RecordSeen, Reply, TokenFinding,
    TokenLook, TokenState,
};

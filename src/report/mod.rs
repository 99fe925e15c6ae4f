//! Reports: what people and machines read of a run. Each is a consumer or a pure function of sealed events,
//! one file per format; a new format is a new file and a new [`Kind`]. Nothing here knows how cases are run,
//! and nothing here asks for the time.

mod failure;
mod json;
mod jsonl;
mod junit;
mod layout;
mod open;
mod trace;

pub use failure::{failure_text, warning_text};
pub use jsonl::Jsonl;
pub use junit::Junit;
pub use open::{Kind, Spec, open};
pub use trace::Trace;

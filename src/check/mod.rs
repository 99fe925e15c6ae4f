//! Every diagnostic that needs no server and is not the reader's or a compiler's: the flow of names through a
//! scenario or a fragment, saves that nothing reads, variables of the command line that nothing reads, equal case
//! names, what a version does not have, tokens that run out, activities that a token does not suffice for, and advice. Opens no socket, reads no credential.

mod command;
mod expires;
mod flow;
mod integration;
mod lint;
mod names;
mod versions;

pub use command::http_of_commands;
pub use expires::expiring;
pub use flow::{Known, flow, flow_in_fragment, unknown_vars};
pub use lint::{lint, lint_fragments, lint_suite, said_once};
pub use names::{equal_names, without_follow_ups};
pub use versions::not_in_version;

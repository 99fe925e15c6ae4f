//! No secret is in anything that callsheet leaves behind, whatever a server does with it. A table of where a canary is
//! planted, in which form, and what is written; and a search of everything that was written, to the byte.
//!
//! Nothing here asks the product what a form of a secret is. That the search finds what is there is shown by what the
//! server kept of its own answers: it is run over that, too.
#![cfg(all(unix, feature = "sandbox"))]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test that cannot set itself up has to fail"
)]

mod canary;
mod commands;
#[path = "../common/mod.rs"]
mod common;
mod doctor;
mod endpoints;
mod hostile;
mod left;
mod places;
mod programs;
mod sources;

/// What stands before each canary that a server says, and behind it.
const MARK: &str = "[[";
const UNMARK: &str = "]]";

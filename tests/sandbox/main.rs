//! The sandbox over real sockets: what a client meets, in both eras.
#![cfg(feature = "sandbox")]
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod asks;
mod completion;
mod faults;
mod gate;
mod jobs;
mod listening;
mod orders;
mod page;
mod peer;
mod rest;
mod running;
mod situations;
mod states;
mod tasks;

//! The command line: the only place that reads argv, the environment and the clock, and the only one that
//! prints. One file for each subcommand.

mod args;
mod check;
mod doctor;
mod exit;
mod hidden;
mod init;
mod live;
mod panic;
mod pump;
mod reader;
#[cfg(feature = "sandbox")]
mod sandbox;
mod schema;
mod screen;
mod settings;
mod show;
mod signals;
mod start;
mod summary;
mod surroundings;
mod test;
mod update;

pub use exit::Exit;
pub use start::{harness, main};

//! The run: every selected case is a task of one tokio runtime. It takes its places on its servers, then a run
//! slot, then its clock starts. Limits, fail-fast and interruption act here. Nothing here prints.

mod advice;
mod board;
mod case;
mod clock;
mod compose;
mod conditions;
mod defer;
mod diagnose;
mod eventually;
mod frame;
mod implied;
mod judge;
mod known_bug;
mod rules;
mod running;
mod save;
mod scheduler;
mod secrets;
mod send;
mod slots;
mod step;
mod steps;
mod whole;

use std::io;
use std::sync::Arc;

use serde_json::Value;

use crate::auth::{Environment, Redactor};
use crate::event::Event;
use crate::snapshot::Store;

pub use scheduler::Run;
pub use secrets::{learn_secrets, learn_suite};

/// What consumes the events of a run: a report, the trace, the live line.
pub trait Consumer: Send {
    /// Takes one event.
    ///
    /// # Errors
    /// Where it cannot be written. The run goes on; the error is told at the end.
    fn event(&mut self, event: &Event) -> io::Result<()>;

    /// Writes what is left. Called once, after the last event.
    ///
    /// # Errors
    /// Where it cannot be written.
    fn finish(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// What it writes, for the message where it cannot: `the JUnit report report.xml`.
    fn name(&self) -> String;
}

/// How to run.
#[derive(Debug)]
pub struct Config {
    /// Cases at once.
    pub threads: usize,
    /// The first failure ends the run.
    pub fail_fast: bool,
    /// Cases that their scenario skips are run, too.
    pub run_skipped: bool,
    /// Seeds everything random.
    pub seed: u64,
    /// `{{ run.id }}`.
    pub run_id: String,
    /// The clock.
    pub now: fn() -> jiff::Timestamp,
    /// The variables of the process and of `.env`.
    pub environment: Environment,
    /// `--var`: names and values, in place of the suite's and scenarios' vars of that name.
    pub vars: Vec<(String, Value)>,
    /// How a case is run again: the command line before the case's name, such as `callsheet test --exact`.
    pub rerun: String,
    /// The snapshots. Handed in, since what `--update` took is written when the run is over.
    pub snapshots: Arc<Store>,
    /// Whether it is asked, after the cases, why a server could not be used.
    pub diagnose: bool,
    /// The secrets of the run. Handed in, since the panic hook masks with it, too.
    pub redactor: Redactor,
}

/// Why a run ends early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interrupt {
    /// SIGINT, SIGTERM.
    Signal,
    /// Nobody reads the output any more.
    ClosedPipe,
}

impl Interrupt {
    /// What a case that it stopped says.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Signal => "interrupted by a signal",
            Self::ClosedPipe => "interrupted: nobody reads the output any more",
        }
    }
}

/// What is left to say when a run is over.
#[derive(Debug)]
pub struct Finished {
    /// The last event: the counts.
    pub ended: Event,
    /// Why servers could not be used: each a [`crate::event::Kind::Diagnosed`].
    pub diagnoses: Vec<Event>,
    /// What consumers could not write.
    pub problems: Vec<String>,
}

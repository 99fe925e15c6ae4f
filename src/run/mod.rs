//! The run: every selected case is a task of one tokio runtime. It takes its places on its servers, then a run
//! slot, then its clock starts. Limits, fail-fast and interruption act here. Nothing here prints.

use std::io;
use std::sync::Arc;

use serde_json::Value;

use crate::auth::{Environment, Redactor};
use crate::event::Event;
use crate::plan::Plan;

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

/// A run of selected cases.
pub struct Run {
    _private: (),
}

/// What is left to say when a run is over.
#[derive(Debug)]
pub struct Finished {
    /// The last event: the counts.
    pub ended: Event,
    /// What consumers could not write.
    pub problems: Vec<String>,
}

impl Run {
    /// A run of the cases at `selected` (indexes into the plan's cases), in that order. Nothing is started.
    #[must_use]
    pub fn new(
        plan: Arc<Plan>,
        selected: Vec<usize>,
        filtered_out: usize,
        config: Config,
        consumers: Vec<Box<dyn Consumer>>,
    ) -> Arc<Self> {
        let _ = (plan, selected, filtered_out, config, consumers);
        Arc::new(Self { _private: () })
    }

    /// Waits until a case is over and returns its event, a [`crate::event::Kind::CaseEnded`]. The first call
    /// starts the run. `index` is that of the plan's cases.
    #[must_use]
    pub fn wait(&self, index: usize) -> Option<Arc<Event>> {
        let _ = index;
        None
    }

    /// Ends the run early: running cases fail as interrupted and clean up (at most 8 s), those not started are
    /// not run.
    pub fn interrupt(&self, why: Interrupt) {
        let _ = why;
    }

    /// Whether [`Self::interrupt`] was called.
    #[must_use]
    pub fn interrupted(&self) -> bool {
        false
    }

    /// Waits until everything is over, sessions closed and reports written. None where it was never started.
    #[must_use]
    pub fn finish(&self) -> Option<Finished> {
        None
    }
}

//! The one stream of a run. Every report, the live line and the failure text are made from these events and
//! from nothing else. A report meets sealed events only: [`Redactor::seal`] is the only way to an [`Event`],
//! so that no secret can reach one. Whole messages, never chunks.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::auth::Redactor;
use crate::diagnostic::Diagnostic;
use crate::doctor::Diagnosis;
use crate::source::{Position, SourceFile};

/// What happened, with every secret masked.
#[derive(Clone, Debug)]
pub struct Event(Happening);

impl Event {
    /// What happened.
    #[must_use]
    pub fn happening(&self) -> &Happening {
        &self.0
    }
}

impl Redactor {
    /// Masks every secret in what happened. The only constructor of [`Event`].
    #[must_use]
    pub fn seal(&self, mut raw: Happening) -> Event {
        raw.kind.mask(self);
        Event(raw)
    }

    /// Masks every secret in a diagnostic that is drawn outside of a run, and in the lines that it shows.
    pub fn mask_diagnostic(&self, diagnostic: &mut Diagnostic) {
        diagnostic.mask(self);
    }
}

/// One thing that happened, and when.
#[derive(Clone, Debug)]
pub struct Happening {
    /// Time since the run began.
    pub at: Duration,
    /// What happened.
    pub kind: Kind,
}

/// What can happen in a run.
#[derive(Clone, Debug)]
pub enum Kind {
    /// The first event.
    RunStarted(RunStarted),
    /// A case got its places and its clock started.
    CaseStarted {
        /// The case's name.
        case: Arc<str>,
    },
    /// A step of a case is over.
    StepEnded(StepEnded),
    /// The runner listed the tools for itself, because a check needs their schemas.
    ToolsListed(ToolsListed),
    /// A case is over, or will not be run.
    CaseEnded(CaseEnded),
    /// Why a server could not be used, asked after the cases: once for each server and identity.
    Diagnosed(Box<Diagnosis>),
    /// The last event.
    RunEnded(RunEnded),
}

/// How a run begins.
#[derive(Clone, Debug)]
pub struct RunStarted {
    /// The run's id, `{{ run.id }}`.
    pub run_id: String,
    /// The seed of everything random; printed so that a run can be repeated.
    pub seed: u64,
    /// How many cases are selected.
    pub selected: usize,
    /// How many cases exist but were not selected.
    pub filtered_out: usize,
}

/// A place in a file, without the file.
#[derive(Clone, Debug)]
pub struct Place {
    /// The path as it is shown.
    pub path: String,
    /// Line and column, from 1.
    pub position: Position,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", self.path, self.position.line, self.position.column)
    }
}

/// A step that is over.
#[derive(Clone, Debug)]
pub struct StepEnded {
    /// The case's name.
    pub case: Arc<str>,
    /// Its place in the scenario, from 1: `3`, `3.2` for the second step inside of it, `defer 3.1` for the first
    /// of its cleanup.
    pub number: String,
    /// Its name, or its verb and what the verb is about: `call createInvoice`.
    pub title: String,
    /// Where it stands.
    pub place: Place,
    /// The server that it met.
    pub server: String,
    /// The identity that it used.
    pub identity: String,
    /// The exchange's document; none where nothing was sent.
    pub exchange: Option<Value>,
    /// Why there was no answer, for people.
    pub cause: Option<String>,
    /// What is wrong; empty for a step that holds.
    pub problems: Vec<Diagnostic>,
    /// The step's time: that of its exchange.
    pub duration: Duration,
}

impl StepEnded {
    /// Whether it did not hold; a warning alone fails nothing.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.problems.iter().any(Diagnostic::is_error)
    }
}

/// Tools that the runner listed for itself.
#[derive(Clone, Debug)]
pub struct ToolsListed {
    /// The server.
    pub server: String,
    /// The identity.
    pub identity: String,
    /// The exchange's document.
    pub exchange: Value,
}

/// How a case ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every step held.
    Passed,
    /// Something did not.
    Failed,
    /// It was not run, for a reason that the suite states.
    Ignored(String),
    /// It was not run: what its scenario requires is not there. The reason.
    Unmet(String),
    /// Nothing but a known bug showed. The bug.
    KnownBug(String),
    /// It was not run because the run ended first: fail-fast or an interruption.
    NotRun(String),
}

/// A case that is over.
#[derive(Clone, Debug)]
pub struct CaseEnded {
    /// The case's name.
    pub case: Arc<str>,
    /// The scenario's title.
    pub title: String,
    /// Where the scenario stands.
    pub place: Place,
    /// How it ended.
    pub verdict: Verdict,
    /// Its time, waiting for a turn left out.
    pub duration: Duration,
    /// The steps that have something to tell: those that did not hold, and those with warnings.
    pub findings: Vec<StepEnded>,
    /// What is wrong with the case as a whole: a timeout, an interruption, something left behind.
    pub problems: Vec<Diagnostic>,
    /// What is worth knowing and fails nothing: late answers, a session that could not be closed.
    pub notes: Vec<String>,
    /// A command that runs this case again.
    pub rerun: String,
}

/// How a run ends.
#[derive(Clone, Debug)]
pub struct RunEnded {
    /// Cases that passed.
    pub passed: usize,
    /// Cases that failed.
    pub failed: usize,
    /// Cases that were ignored.
    pub ignored: usize,
    /// Cases that were not run.
    pub not_run: usize,
    /// Whether a signal or a closed pipe ended it.
    pub interrupted: bool,
}

/// Masks every text of a value in place.
trait Mask {
    fn mask(&mut self, redactor: &Redactor);
}

impl Mask for String {
    fn mask(&mut self, redactor: &Redactor) {
        redactor.mask_in_place(self);
    }
}

impl Mask for Arc<str> {
    fn mask(&mut self, redactor: &Redactor) {
        if let Some(masked) = redactor.masked(self) {
            *self = masked.into();
        }
    }
}

impl Mask for Value {
    fn mask(&mut self, redactor: &Redactor) {
        redactor.mask_value(self);
    }
}

impl<T: Mask> Mask for Vec<T> {
    fn mask(&mut self, redactor: &Redactor) {
        self.iter_mut().for_each(|item| item.mask(redactor));
    }
}

impl<T: Mask> Mask for Option<T> {
    fn mask(&mut self, redactor: &Redactor) {
        self.iter_mut().for_each(|item| item.mask(redactor));
    }
}

impl Mask for Diagnostic {
    fn mask(&mut self, redactor: &Redactor) {
        let source = |file: &Arc<SourceFile>| {
            if !redactor.is_in(file.text()) && !redactor.is_in(file.path()) {
                Arc::clone(file)
            } else {
                let path = redactor.masked(file.path()).unwrap_or_else(|| file.path().to_owned());
                Arc::new(SourceFile::excerpt(
                    path,
                    redactor.mask_keeping_length(file.text()),
                    file.first_line(),
                ))
            }
        };
        self.rewrite(&|text| redactor.mask_in_place(text), &source);
    }
}

impl Mask for Place {
    fn mask(&mut self, redactor: &Redactor) {
        self.path.mask(redactor);
    }
}

impl Mask for StepEnded {
    fn mask(&mut self, redactor: &Redactor) {
        self.case.mask(redactor);
        self.title.mask(redactor);
        self.place.mask(redactor);
        self.server.mask(redactor);
        self.identity.mask(redactor);
        self.exchange.mask(redactor);
        self.cause.mask(redactor);
        self.problems.mask(redactor);
    }
}

impl Mask for Verdict {
    fn mask(&mut self, redactor: &Redactor) {
        match self {
            Self::Ignored(reason) | Self::Unmet(reason) | Self::KnownBug(reason) | Self::NotRun(reason) => {
                reason.mask(redactor);
            }
            Self::Passed | Self::Failed => {}
        }
    }
}

impl Mask for CaseEnded {
    fn mask(&mut self, redactor: &Redactor) {
        self.case.mask(redactor);
        self.title.mask(redactor);
        self.place.mask(redactor);
        self.verdict.mask(redactor);
        self.findings.mask(redactor);
        self.problems.mask(redactor);
        self.notes.mask(redactor);
        self.rerun.mask(redactor);
    }
}

impl Mask for Kind {
    fn mask(&mut self, redactor: &Redactor) {
        match self {
            Self::RunStarted(started) => started.run_id.mask(redactor),
            Self::CaseStarted { case } => case.mask(redactor),
            Self::StepEnded(step) => step.mask(redactor),
            Self::ToolsListed(listed) => {
                listed.server.mask(redactor);
                listed.identity.mask(redactor);
                listed.exchange.mask(redactor);
            }
            Self::CaseEnded(ended) => ended.mask(redactor),
            Self::Diagnosed(diagnosis) => diagnosis.mask(redactor),
            Self::RunEnded(_) => {}
        }
    }
}

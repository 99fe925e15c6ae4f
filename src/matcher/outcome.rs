//! What a comparison finds, and the bounds it keeps.

use std::cell::Cell;

use super::place::Place;
use super::{Mismatch, Recorder};
use crate::template::Scope;

/// How many mismatches are told.
const MAX_MISMATCHES: usize = 50;

/// How many nodes one comparison may look at, counting those that it tries against each other.
const MAX_STEPS: u64 = 20_000_000;

/// What is the same for all of a comparison, but what was decoded has places of its own.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) scope: &'a Scope,
    /// JSON Pointers of numbers that are kept as text.
    pub(super) inexact: &'a [String],
    /// Takes part in what is compared once, and not in what is only tried.
    pub(super) recorder: Option<&'a dyn Recorder>,
    steps: &'a Cell<u64>,
}

impl<'a> Context<'a> {
    pub(super) fn new(
        scope: &'a Scope,
        inexact: &'a [String],
        recorder: Option<&'a dyn Recorder>,
        steps: &'a Cell<u64>,
    ) -> Self {
        Self { scope, inexact, recorder, steps }
    }

    /// The same where it is only tried whether something holds, or where it stands in no file.
    pub(super) fn unrecorded(self) -> Self {
        Self { recorder: None, ..self }
    }

    /// The same for another document.
    pub(super) fn with<'b>(self, inexact: &'b [String]) -> Context<'b>
    where
        'a: 'b,
    {
        Context { scope: self.scope, inexact, recorder: self.recorder, steps: self.steps }
    }

    /// Counts a step; whether there were too many.
    pub(super) fn exhausted(&self) -> bool {
        let steps = self.steps.get().saturating_add(1);
        self.steps.set(steps);
        steps > MAX_STEPS
    }

    /// Whether the number at a place is one that neither 64 bits nor a double holds.
    pub(super) fn is_inexact(&self, place: &Place<'_>) -> bool {
        !self.inexact.is_empty() && {
            let pointer = place.pointer();
            self.inexact.contains(&pointer)
        }
    }

    /// Whether there is such a number at a place or below it.
    pub(super) fn is_inexact_below(&self, place: &Place<'_>) -> bool {
        !self.inexact.is_empty() && {
            let pointer = place.pointer();
            self.inexact.iter().any(|at| below(at, &pointer).is_some())
        }
    }
}

/// The rest of a pointer that is at or below another.
pub(super) fn below<'a>(pointer: &'a str, parent: &str) -> Option<&'a str> {
    pointer.strip_prefix(parent).filter(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// How many nodes a comparison may look at, for its message.
pub(super) fn max_steps() -> u64 {
    MAX_STEPS
}

/// Whether a node holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Holds,
    Differs,
    /// It could not be told: what it is compared with cannot be compared, or its template has no value.
    /// `$not` does not turn this around.
    Unknown,
}

/// Collects what is found.
pub(super) struct Outcome {
    mode: Mode,
    mismatches: Vec<Mismatch>,
    differs: usize,
    unknown: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Every mismatch is told.
    Tell,
    /// Only whether there is one.
    Probe,
    /// Those alone that `$not` does not turn around.
    Unknown,
}

impl Outcome {
    fn new(mode: Mode) -> Self {
        Self { mode, mismatches: Vec::new(), differs: 0, unknown: 0 }
    }

    pub(super) fn tell() -> Self {
        Self::new(Mode::Tell)
    }

    pub(super) fn probe() -> Self {
        Self::new(Mode::Probe)
    }

    pub(super) fn unknown_only() -> Self {
        Self::new(Mode::Unknown)
    }

    /// A difference.
    pub(super) fn differs(&mut self, mismatch: impl FnOnce() -> Mismatch) {
        self.differs += 1;
        if self.mode == Mode::Tell && self.mismatches.len() < MAX_MISMATCHES {
            self.mismatches.push(mismatch());
        }
    }

    /// Something that is wrong whether it stands under `$not` or not.
    pub(super) fn unknown(&mut self, mismatch: impl FnOnce() -> Mismatch) {
        self.unknown += 1;
        if self.mode != Mode::Probe && self.mismatches.len() < MAX_MISMATCHES {
            self.mismatches.push(mismatch());
        }
    }

    /// What another collected that `$not` does not turn around.
    pub(super) fn append_unknown(&mut self, other: Self) {
        self.unknown += other.unknown;
        let room = MAX_MISMATCHES.saturating_sub(self.mismatches.len());
        self.mismatches.extend(other.mismatches.into_iter().take(room));
    }

    pub(super) fn verdict(&self) -> Verdict {
        match (self.unknown, self.differs) {
            (0, 0) => Verdict::Holds,
            (0, _) => Verdict::Differs,
            _ => Verdict::Unknown,
        }
    }

    /// Whether nothing more needs to be looked at.
    pub(super) fn is_settled(&self) -> bool {
        self.mode == Mode::Probe && self.unknown > 0
    }

    pub(super) fn mismatches(self) -> (Vec<Mismatch>, usize) {
        let more = (self.differs + self.unknown).saturating_sub(self.mismatches.len());
        (self.mismatches, more)
    }
}

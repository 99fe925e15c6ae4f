//! How the process ends.

use std::process::ExitCode;

use crate::auth::Redactor;

/// The exit codes. They are a promise: CI decides by them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Everything held, or there was nothing to object to.
    Good = 0,
    /// The command line, the environment or the machine: a flag, a file that cannot be written, a report that
    /// could not be.
    Usage = 2,
    /// The suite or a scenario is invalid; nothing was sent.
    Invalid = 3,
    /// Nothing was selected, or every selected case was ignored.
    Nothing = 4,
    /// A test failed, as cargo's; and `--test-threads 0`, as libtest's.
    Failed = 101,
    /// A signal, or nobody reads the output any more.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command ends before its work: one line, and the exit code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(super) struct Stop {
    /// What is said after `error: `.
    pub message: String,
    /// The exit code.
    pub exit: Exit,
}

impl Stop {
    /// One that ends with `exit`.
    pub(super) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { message: message.into(), exit }
    }

    /// The same without secrets.
    pub(super) fn masked(mut self, redactor: &Redactor) -> Self {
        redactor.mask_in_place(&mut self.message);
        self
    }

    /// One for the command line and its surroundings.
    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }
}

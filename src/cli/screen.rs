//! Writing to stdout and stderr, past the live line if there is one. A closed pipe is never a panic.

use std::io::{self, Write};

use indicatif::ProgressBar;

use super::exit::{Exit, Stop};

/// The terminal, shared by everything that writes to it during a run.
#[derive(Clone, Debug, Default)]
pub(super) struct Screen(Option<ProgressBar>);

impl Screen {
    /// One with a live line.
    #[must_use]
    pub(super) fn with(live: ProgressBar) -> Self {
        Self(Some(live))
    }

    /// Whether there is a live line, past which only whole lines can be written.
    #[must_use]
    pub(super) fn is_live(&self) -> bool {
        self.0.is_some()
    }

    /// Takes the live line away while `write` writes.
    pub(super) fn past<T>(&self, write: impl FnOnce() -> T) -> T {
        match &self.0 {
            Some(live) => live.suspend(write),
            None => write(),
        }
    }
}

/// Stderr, past the live line.
#[derive(Clone, Debug, Default)]
pub(super) struct Stderr(pub(super) Screen);

impl Write for Stderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.past(|| io::stderr().write(bytes))
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.past(|| io::stderr().write_all(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// Writes to stdout. Nobody reading is a quiet end.
pub(super) fn print(text: &str) -> Result<(), Stop> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Stop::new(Exit::Usage, format!("cannot write to stdout: {error}")))
        }
        _ => Ok(()),
    }
}

/// Writes a text to stderr. Where even that fails there is nobody left to tell.
pub(super) fn say(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}

//! `--update`, once the run is over: what is written, what is left, and what that makes of the exit code.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::exit::Exit;
use super::screen::say;
use crate::diagnostic::{Code, Diagnostic};
use crate::event::Verdict;
use crate::plan::Plan;
use crate::snapshot::{Store, Updated};

/// How many changes are told of each kind.
const SHOWN: usize = 50;

/// What a run with `--update` has to remember.
#[derive(Debug)]
pub(super) struct Update {
    store: Arc<Store>,
    plan: Arc<Plan>,
    /// The files of snapshots that are there.
    found: Vec<(PathBuf, String)>,
    ran: Mutex<HashSet<usize>>,
}

impl Update {
    pub(super) fn new(store: Arc<Store>, plan: Arc<Plan>, found: Vec<(PathBuf, String)>) -> Self {
        Self { store, plan, found, ran: Mutex::default() }
    }

    /// Takes how a case ended.
    pub(super) fn take(&self, case: usize, verdict: &Verdict) {
        if matches!(verdict, Verdict::Passed | Verdict::Failed | Verdict::KnownBug(_)) {
            self.ran.lock().unwrap_or_else(PoisonError::into_inner).insert(case);
        }
    }

    /// Writes, and tells what was written. What a run ends with: an expected value that differs and could not be
    /// written is a failure, though no case failed of it.
    pub(super) fn end(&self, exit: Exit) -> Exit {
        if exit == Exit::Interrupted {
            say("interrupted: nothing was updated\n");
            return exit;
        }
        let ran = self.ran.lock().unwrap_or_else(PoisonError::into_inner);
        let updated = self.store.write(&self.plan, &ran, &self.found);
        tell(&updated);
        if exit == Exit::Good && updated.unresolved { Exit::Failed } else { exit }
    }
}

fn tell(updated: &Updated) {
    let more = |all: usize| match all.saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!("and {more} more\n"),
    };
    if updated.done.is_empty() {
        say("nothing had to be updated\n");
    } else {
        let lines: String = updated.done.iter().take(SHOWN).map(|line| format!("  {line}\n")).collect();
        say(&format!("updated:\n{lines}{}", more(updated.done.len())));
    }
    if !updated.left.is_empty() {
        let parts: Vec<&str> = updated.left.iter().take(SHOWN).map(String::as_str).collect();
        say(&format!("left for you:\n\n{}{}", parts.join("\n"), more(updated.left.len())));
    }
}

/// Whether a warning is to be shown before a run: which snapshots no scenario names matters where all are run, and is
/// no matter where they are removed.
pub(super) fn is_shown(warning: &Diagnostic, whole: bool, update: bool) -> bool {
    warning.code != Code::OrphanSnapshot || (whole && !update)
}

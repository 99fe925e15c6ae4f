//! What is wrong with the files, or with the words of the command line, without the secrets that stand in them: nothing
//! is run then, so that the secrets have to be learnt for this alone.

use std::path::Path;

use super::exit::Stop;
use super::surroundings::Surroundings;
use crate::auth::{Environment, Redactor};
use crate::diagnostic::Diagnostic;
use crate::plan::{Load, load_suite};
use crate::run::learn_suite;

/// Where secrets may be learnt from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Origin<'a> {
    /// The environment of the process: `check` reads no credential, and it is there unread.
    Process,
    /// That, and `.env` or the file in place of it, as a run reads them.
    File(Option<&'a Path>),
}

/// Masks the problems that keep a run, or the problems that `check` found.
pub(super) fn hide(
    mut problems: Vec<Diagnostic>,
    load: &Load,
    from: Origin<'_>,
    around: &Surroundings,
    redactor: &Redactor,
) -> Vec<Diagnostic> {
    if !problems.is_empty() {
        learn(load, from, around, redactor);
        problems.iter_mut().for_each(|problem| redactor.mask_diagnostic(problem));
    }
    problems
}

/// Masks why a command line cannot be understood: its words are said again.
pub(super) fn hide_words(stop: Stop, from: Origin<'_>, around: &Surroundings) -> Stop {
    let (working_directory, start) = (around.folder.clone(), around.folder.clone());
    let load = Load { working_directory, start, ..Load::default() };
    let redactor = Redactor::new();
    learn(&load, from, around, &redactor);
    stop.masked(&redactor)
}

/// No other file is read for them, and no command is run.
fn learn(load: &Load, from: Origin<'_>, around: &Surroundings, redactor: &Redactor) {
    // A name that the suite does not have is no reason to know nothing of it.
    let (Some(suite), _) = load_suite(&Load { server: None, ..load.clone() }) else { return };
    let environment = match from {
        Origin::Process => None,
        Origin::File(file) => around.with_env_file(file, &suite.root).ok(),
    };
    let environment = environment.unwrap_or_else(|| Environment::new(around.variables.iter().cloned()));
    // What cannot be masked is told by a run.
    let _ = learn_suite(&suite, &environment, redactor);
}

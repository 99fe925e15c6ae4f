//! What is wrong with the files, or with the words of the command line, without the secrets that stand in them: nothing
//! is run then, so that the secrets have to be learnt for this alone.

use std::path::Path;

use super::exit::Stop;
use super::surroundings::Surroundings;
use crate::auth::{Environment, Redactor};
use crate::diagnostic::Diagnostic;
use crate::plan::{Load, load_suite};
use crate::run::learn_suite;

/// Masks the problems. The secrets are those that the environment and `.env` hold; no other file is read for them, and
/// no command is run.
pub(super) fn hide(
    mut problems: Vec<Diagnostic>,
    load: &Load,
    env_file: Option<&Path>,
    around: &Surroundings,
    redactor: &Redactor,
) -> Vec<Diagnostic> {
    if !problems.is_empty() {
        learn(load, env_file, around, redactor);
        problems.iter_mut().for_each(|problem| redactor.mask_diagnostic(problem));
    }
    problems
}

/// Masks why a command line cannot be understood: its words are said again.
pub(super) fn hide_words(stop: Stop, around: &Surroundings) -> Stop {
    let (working_directory, start) = (around.folder.clone(), around.folder.clone());
    let load = Load { working_directory, start, ..Load::default() };
    let redactor = Redactor::new();
    learn(&load, None, around, &redactor);
    stop.masked(&redactor)
}

fn learn(load: &Load, env_file: Option<&Path>, around: &Surroundings, redactor: &Redactor) {
    let Some(suite) = load_suite(load) else { return };
    let environment = around
        .with_env_file(env_file, &suite.root)
        .unwrap_or_else(|_| Environment::new(around.variables.iter().cloned()));
    // What cannot be masked is told by a run.
    let _ = learn_suite(&suite, &environment, redactor);
}

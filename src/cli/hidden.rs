//! What is wrong with the files, without the secrets that stand in their lines: nothing is run then, so that the
//! secrets have to be learnt for this alone.

use std::path::Path;

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
    if let Some(suite) = load_suite(load).filter(|_| !problems.is_empty()) {
        let environment = around
            .with_env_file(env_file, &suite.root)
            .unwrap_or_else(|_| Environment::new(around.variables.iter().cloned()));
        // What cannot be masked is told by a run.
        let _ = learn_suite(&suite, &environment, redactor);
        problems.iter_mut().for_each(|problem| redactor.mask_diagnostic(problem));
    }
    problems
}

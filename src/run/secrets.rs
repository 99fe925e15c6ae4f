//! What the redactor learns before anything is shown: every secret that can be known without reading a file or
//! running a command.

use std::collections::HashSet;

use crate::auth::{Environment, Redactor, Secret};
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::model::Suite;
use crate::plan::Plan;
use crate::source::Site;
use crate::suite::slug;

/// A name of this length is no coincidence.
const LONG: usize = 12;

/// Teaches the redactor the secrets of a suite. An error for each that cannot be masked.
#[must_use]
pub fn learn_suite(suite: &Suite, environment: &Environment, redactor: &Redactor) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    for name in &suite.secrets {
        let Some(value) = environment.get(&name.value) else { continue };
        if !learn(&Secret::new(value), redactor) {
            let site = suite.document.as_ref().map(|document| document.site(&name.at));
            let message =
                format!("the secret `{}` is shorter than 6 characters and cannot be masked", name.value);
            problems.push(
                error(site, message).help("use a longer one, or list it under `env` if it is no secret"),
            );
        }
    }
    for secret in suite.credentials().flat_map(|credential| credential.known(environment)) {
        learn(&secret, redactor);
    }
    problems
}

/// Teaches the redactor every secret that is known before the run. A secret that cannot be masked, or that
/// stands in a name that is shown, is an error. The errors can be shown: they are masked.
#[must_use]
pub fn learn_secrets(
    plan: &Plan,
    selected: &[usize],
    environment: &Environment,
    redactor: &Redactor,
) -> Vec<Diagnostic> {
    let mut problems = learn_suite(&plan.suite, environment, redactor);
    let (mut seen, mut told) = (HashSet::new(), HashSet::new());
    for case in selected.iter().filter_map(|index| plan.cases.get(*index)) {
        let Some(scenario) = plan.scenario(case) else { continue };
        // Each row has a name of its own; the rest is the same for all of them.
        let mut shown = vec![&*case.name];
        if seen.insert(case.scenario) {
            shown.extend([scenario.title.as_str(), scenario.site.file.path()]);
            scenario.each_step(&mut |visit| shown.push(&visit.step.title));
        }
        if shown.into_iter().any(|text| redactor.is_in(text)) && told.insert(case.scenario) {
            problems.push(
                error(
                    Some(scenario.site.clone()),
                    "a secret stands in a name or title of this scenario".to_owned(),
                )
                .help(
                    "names are shown everywhere: take the secret out of the title, the file name or the step",
                ),
            );
        }
    }
    problems.iter_mut().for_each(|problem| redactor.mask_diagnostic(problem));
    problems
}

/// A secret, and what it is as a part of a case's name, where that is no word that others may use.
fn learn(secret: &Secret, redactor: &Redactor) -> bool {
    let name = slug(secret.reveal());
    if name.len() >= LONG {
        redactor.add(&Secret::new(name));
    }
    redactor.add(secret)
}

fn error(site: Option<Site>, message: String) -> Diagnostic {
    Diagnostic::new(Code::Credential, Severity::Error, site, message)
}

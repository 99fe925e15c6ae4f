//! `callsheet show`: a case as it will run.

use super::args::{ShowArgs, TestArgs};
use super::exit::{Exit, Stop};
use super::hidden::{Origin, hide, hide_words};
use super::panic;
use super::screen::print;
use super::settings::{Caller, Settings};
use super::surroundings::{Surroundings, now};
use super::test::{count, nothing, refuse};
use crate::auth::Redactor;
use crate::plan::{IgnoredCases, Loaded, Selection, ShowAround, load, select, show as parts};
use crate::run::learn_secrets;
use crate::source::emit;

/// How many names are listed where several cases are meant.
const LISTED: usize = 10;

/// Prints the case. Nothing is sent, and no credential is read.
pub(super) fn show(args: ShowArgs, around: &Surroundings) -> Result<Exit, Stop> {
    let redactor = Redactor::new();
    panic::install(redactor.clone());
    load_and_show(args, around, &redactor).map_err(|stop| stop.masked(&redactor))
}

fn load_and_show(args: ShowArgs, around: &Surroundings, redactor: &Redactor) -> Result<Exit, Stop> {
    let ShowArgs { name, suite, protocol, env_file } = args;
    let words = TestArgs { what: vec![name], suite, protocol, env_file, ..TestArgs::default() };
    let settings = Settings::resolve(words, around, Caller::Command, 0)
        .map_err(|stop| hide_words(stop, Origin::File(None), around))?;
    let Loaded { plan, .. } = match load(&settings.load) {
        Ok(loaded) => loaded,
        Err(problems) => {
            let problems =
                hide(problems, &settings.load, Origin::File(settings.env_file.as_deref()), around, redactor);
            return Ok(refuse(&problems, settings.stderr_style));
        }
    };
    // A whole name means its case, though others begin with it.
    let exactly = Selection { exact: true, ..settings.selection.clone() };
    let selection = Selection { ignored: IgnoredCases::Include, ..settings.selection.clone() };
    let mut selected = select(&plan, &exactly).cases;
    if selected.is_empty() {
        selected = select(&plan, &selection).cases;
    }
    let environment = around.with_env_file(settings.env_file.as_deref(), &plan.suite.root)?;
    let problems = learn_secrets(&plan, &selected, &environment, redactor);
    if !problems.is_empty() {
        return Ok(refuse(&problems, settings.stderr_style));
    }
    let mut cases = selected.iter().filter_map(|index| plan.cases.get(*index));
    let (case, others) = match (cases.next(), cases.next()) {
        (Some(case), None) => (case, 0),
        (Some(case), Some(_)) => (case, selected.len()),
        (None, _) => return Err(Stop::new(Exit::Nothing, nothing(&plan, &settings.selection))),
    };
    if others > 0 {
        let names = selected.iter().filter_map(|index| plan.cases.get(*index)).take(LISTED);
        let mut listed: String = names.map(|case| format!("\n  {}", case.name)).collect();
        if others > LISTED {
            listed.push_str(&format!("\n  and {} more", others - LISTED));
        }
        return Err(Stop::usage(format!("{} are meant; name one of them:{listed}", count(others, "case"))));
    }
    let known = ShowAround { environment: &environment, vars: &settings.vars, now };
    let shown = match parts(&plan, case, known) {
        Ok(mut parts) => {
            parts.values_mut().for_each(|value| redactor.mask_value(value));
            emit::entries(parts.iter().map(|(name, value)| (name.as_str(), value)))
        }
        Err(problem) => {
            let mut problems = [*problem];
            problems.iter_mut().for_each(|problem| redactor.mask_diagnostic(problem));
            return Ok(refuse(&problems, settings.stderr_style));
        }
    };
    print(&shown)?;
    Ok(Exit::Good)
}

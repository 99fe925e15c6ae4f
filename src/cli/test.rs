//! `callsheet test`, and the same as a test executable: load, select, run, and the exit code.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::exit::{Exit, Stop};
use super::hidden::{Origin, hide};
use super::live::Live;
use super::pump::Pump;
use super::screen::{Screen, Stderr, say};
use super::settings::{Caller, Settings};
use super::summary::Summary;
use super::surroundings::{Surroundings, now};
use super::update::{Update, is_shown};
use super::{panic, reader, signals};
use crate::auth::Redactor;
use crate::diagnostic::{Diagnostic, Style, render_all};
use crate::doctor::page;
use crate::event::{Kind, RunEnded};
use crate::harness::{self, Format, Options};
use crate::nearest::nearest;
use crate::plan::{IgnoredCases, Loaded, Plan, Selected, Selection, idle_paths, load, select};
use crate::report::{self, Trace};
use crate::run::{Config, Consumer, Finished, Interrupt, Run, learn_secrets};
use crate::snapshot::Store;

/// Runs what the settings say.
pub(super) fn test(settings: &Settings, around: &Surroundings) -> Result<Exit, Stop> {
    let redactor = Redactor::new();
    panic::install(redactor.clone());
    load_and_run(settings, around, &redactor).map_err(|stop| stop.masked(&redactor))
}

fn load_and_run(settings: &Settings, around: &Surroundings, redactor: &Redactor) -> Result<Exit, Stop> {
    let Loaded { plan, mut warnings, snapshots, .. } = match load(&settings.load) {
        Ok(loaded) => loaded,
        Err(problems) => {
            let problems =
                hide(problems, &settings.load, Origin::File(settings.env_file.as_deref()), around, redactor);
            return Ok(refuse(&problems, settings.stderr_style));
        }
    };
    let selected = select(&plan, &settings.selection);
    let environment = around.with_env_file(settings.env_file.as_deref(), &plan.suite.root)?;
    // Before anything of the suite is shown, be it a name.
    let problems = learn_secrets(&plan, &selected.cases, &environment, redactor);
    if !settings.list {
        warnings.retain(|warning| is_shown(warning, selected.filtered_out == 0, settings.update));
        warnings.iter_mut().for_each(|warning| redactor.mask_diagnostic(warning));
        draw(&warnings, settings.stderr_style);
    }
    if !problems.is_empty() {
        return Ok(refuse(&problems, settings.stderr_style));
    }
    if settings.list {
        return list(settings, &plan, &selected);
    }
    if selected.cases.is_empty() && settings.must_select && !is_empty_shard(&plan, &settings.selection) {
        return Err(Stop::new(Exit::Nothing, nothing(&plan, &settings.selection)));
    }
    if let Some(path) = idle_paths(&plan, &settings.selection).first() {
        let shown = path.path.strip_prefix(&settings.load.working_directory).unwrap_or(&path.path).display();
        let place = path.line.map_or_else(|| format!("`{shown}`"), |line| format!("`{shown}:{line}`"));
        return Err(Stop::new(
            Exit::Nothing,
            format!("nothing is selected by {place}: no scenario of the suite is there"),
        ));
    }
    let config = Config {
        threads: settings.threads.get(),
        fail_fast: settings.fail_fast,
        run_skipped: settings.selection.ignored != IgnoredCases::Ignore,
        seed: settings.seed,
        run_id: run_id(),
        now,
        environment,
        vars: settings.vars.clone(),
        rerun: settings.rerun.clone(),
        snapshots: Arc::new(Store::new(settings.update, redactor.clone())),
        diagnose: settings.diagnose,
        redactor: redactor.clone(),
    };
    run(settings, (Arc::new(plan), snapshots), selected, config)
}

/// Draws problems on stderr.
fn draw(problems: &[Diagnostic], style: Style) {
    if !problems.is_empty() {
        say(&format!("{}\n", render_all(problems, style)));
    }
}

/// Draws why nothing can be run.
pub(super) fn refuse(problems: &[Diagnostic], style: Style) -> Exit {
    draw(problems, style);
    let errors = || problems.iter().filter(|problem| problem.is_error());
    let found = count(errors().count(), "problem");
    say(&format!("error: {found}{}; nothing was sent\n", in_files(errors())));
    Exit::Invalid
}

/// ` in 2 files`; nothing where no problem stands in a file.
pub(super) fn in_files<'a>(problems: impl Iterator<Item = &'a Diagnostic>) -> String {
    let files: BTreeSet<&str> = problems.filter_map(|problem| Some(problem.site()?.file.path())).collect();
    match files.len() {
        0 => String::new(),
        files => format!(" in {}", count(files, "file")),
    }
}

/// `1 file`, `2 files`.
pub(super) fn count(number: usize, of: &str) -> String {
    format!("{number} {of}{}", if number == 1 { "" } else { "s" })
}

fn list(settings: &Settings, plan: &Plan, selected: &Selected) -> Result<Exit, Stop> {
    let cases = harness::items(plan, selected);
    let shown = cases.len();
    let mut pump = start_pump(settings, Screen::default(), || {})?;
    // A list asks for no case, so there is nothing to wait for.
    let _ = harness::run(cases, selected.filtered_out, &options(settings, &pump), |_| None);
    if settings.format == Format::Pretty {
        // libtest's last line, which libtest-mimic leaves out.
        let gap = if shown > 0 { "\n" } else { "" };
        pump.write(&format!("{gap}{}, 0 benchmarks\n", count(shown, "test")));
    }
    finish_pump(settings, pump)?;
    Ok(Exit::Good)
}

fn run(
    settings: &Settings,
    (plan, found): (Arc<Plan>, Vec<(PathBuf, String)>),
    selected: Selected,
    config: Config,
) -> Result<Exit, Stop> {
    let cases = harness::items(&plan, &selected);
    let (consumers, screen) = consumers(settings, cases.len())?;
    let filtered_out = selected.filtered_out;
    let update =
        settings.update.then(|| Update::new(Arc::clone(&config.snapshots), Arc::clone(&plan), found));
    let update = Arc::new(update);
    let redactor = config.redactor.clone();
    let run = match Run::new(plan, selected.cases, filtered_out, config, consumers) {
        Ok(run) => run,
        Err(mut problems) => {
            problems.iter_mut().for_each(|problem| redactor.mask_diagnostic(problem));
            return Ok(refuse(&problems, settings.stderr_style));
        }
    };
    let broken = {
        let run = Arc::clone(&run);
        move || run.interrupt(Interrupt::ClosedPipe)
    };
    let pump = start_pump(settings, screen, broken.clone())?;
    if settings.logfile.is_none() {
        reader::watch(broken);
    }
    signals::watch(&run).map_err(|error| Stop::usage(format!("cannot watch for signals: {error}")))?;
    let summary = Arc::new(Mutex::new(Summary::default()));
    let wait = {
        let (run, summary, style) = (Arc::clone(&run), Arc::clone(&summary), settings.stderr_style);
        let update = Arc::clone(&update);
        move |index| {
            let event = run.wait(index)?;
            if let Kind::CaseEnded(ended) = &event.happening().kind {
                summary.lock().unwrap_or_else(PoisonError::into_inner).take(ended, style);
                if let Some(update) = &*update {
                    update.take(index, &ended.verdict);
                }
            }
            Some(event)
        }
    };
    let conclusion = harness::run(cases, filtered_out, &options(settings, &pump), wait);
    let finished = run.finish();
    finish_pump(settings, pump)?;
    summary.lock().unwrap_or_else(PoisonError::into_inner).tell();
    tell_diagnoses(finished.as_ref(), settings.stderr_style);
    let mut exit = match finished.as_ref().map(|finished| finished.ended.happening()) {
        _ if run.interrupted() => Exit::Interrupted,
        _ if conclusion.has_failed() => Exit::Failed,
        Some(happening) => match &happening.kind {
            Kind::RunEnded(ended) if settings.deny_ignored && ended.ignored > 0 => {
                let ignored = count(ended.ignored, "case");
                let were = if ended.ignored == 1 { "was" } else { "were" };
                say(&format!("error: {ignored} {were} ignored, and `--deny ignored` is set\n"));
                Exit::Failed
            }
            Kind::RunEnded(ended) if is_nothing(ended) && settings.caller == Caller::Command => {
                say("error: every selected case was ignored\n");
                Exit::Nothing
            }
            _ => Exit::Good,
        },
        // Nothing was selected, and that is no mistake here.
        None => Exit::Good,
    };
    for problem in finished.iter().flat_map(|finished| &finished.problems) {
        let problem = redactor.masked(problem).unwrap_or_else(|| problem.clone());
        say(&format!("error: {problem}\n"));
        if exit == Exit::Good {
            exit = Exit::Usage;
        }
    }
    if let Some(update) = update.as_ref() {
        exit = update.end(exit);
    }
    if settings.format == Format::Pretty && finished.is_some() && exit != Exit::Interrupted {
        say(&format!("seed: {}\n", settings.seed));
    }
    Ok(exit)
}

/// Says why servers could not be used.
fn tell_diagnoses(finished: Option<&Finished>, style: Style) {
    for event in finished.iter().flat_map(|finished| &finished.diagnoses) {
        if let Kind::Diagnosed(diagnosis) = &event.happening().kind {
            say(&format!("\n{}\n", page::whole(diagnosis, style)));
        }
    }
}

fn is_nothing(ended: &RunEnded) -> bool {
    ended.passed == 0 && ended.failed == 0 && ended.ignored > 0
}

/// The consumers of the run's events, and the screen with the live line if there is one.
fn consumers(settings: &Settings, cases: usize) -> Result<(Vec<Box<dyn Consumer>>, Screen), Stop> {
    let mut consumers = Vec::new();
    for spec in &settings.reports {
        consumers.push(report::open(spec).map_err(Stop::usage)?);
    }
    one_file_each(settings)?;
    let mut screen = Screen::default();
    if settings.live && cases > 1 {
        let (live, bar) = Live::new(cases);
        screen = Screen::with(bar);
        consumers.push(Box::new(live));
    }
    if settings.trace {
        consumers.push(Box::new(Trace::new(Stderr(screen.clone()))));
    }
    Ok((consumers, screen))
}

/// Two writers of one file would leave neither. What is no regular file, such as `/dev/null`, may be shared.
fn one_file_each(settings: &Settings) -> Result<(), Stop> {
    let mut seen = BTreeSet::new();
    for path in settings.reports.iter().map(|spec| &spec.path).chain(&settings.logfile) {
        let real = std::path::absolute(path).unwrap_or_else(|_| path.clone());
        // The folder is there; of the log the file may not be yet.
        let real = real.canonicalize().unwrap_or_else(|_| match (real.parent(), real.file_name()) {
            (Some(folder), Some(name)) => folder.canonicalize().unwrap_or_default().join(name),
            _ => real.clone(),
        });
        if (real.is_file() || !real.exists()) && !seen.insert(real) {
            return Err(Stop::usage(format!("`{}` cannot be written twice in one run", path.display())));
        }
    }
    Ok(())
}

fn options(settings: &Settings, pump: &Pump) -> Options {
    Options {
        list: settings.list,
        ignored: settings.selection.ignored,
        threads: settings.threads,
        format: settings.format,
        style: settings.style,
        // Where a pipe has no path, libtest-mimic writes by itself; a closed pipe is a panic there.
        output: pump.path().or_else(|| settings.logfile.clone()),
    }
}

fn start_pump(
    settings: &Settings,
    screen: Screen,
    broken: impl FnOnce() + Send + 'static,
) -> Result<Pump, Stop> {
    let sink: Box<dyn Write + Send> = match &settings.logfile {
        Some(path) => Box::new(File::create(path).map_err(|error| cannot_write(Some(path), &error))?),
        None => Box::new(io::stdout()),
    };
    Pump::start(sink, screen, broken)
        .map_err(|error| Stop::usage(format!("cannot start the output's thread: {error}")))
}

/// A closed pipe is a quiet end, whatever else is an error.
fn finish_pump(settings: &Settings, pump: Pump) -> Result<(), Stop> {
    match pump.finish() {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(cannot_write(settings.logfile.as_deref(), &error))
        }
        _ => Ok(()),
    }
}

fn cannot_write(path: Option<&Path>, error: &io::Error) -> Stop {
    let what = path.map_or_else(|| "stdout".to_owned(), |path| format!("`{}`", path.display()));
    Stop::usage(format!("cannot write to {what}: {error}"))
}

/// Twelve hex digits: enough to tell runs apart, short enough to be part of the names that a run makes.
fn run_id() -> String {
    uuid::Uuid::new_v4().simple().to_string().chars().take(12).collect()
}

/// A shard may be empty where there are fewer cases than shards.
fn is_empty_shard(plan: &Plan, selection: &Selection) -> bool {
    let whole = Selection { shard: None, ..selection.clone() };
    selection.shard.is_some() && !select(plan, &whole).cases.is_empty()
}

/// Why nothing is selected: what was asked for, and what is near.
pub(super) fn nothing(plan: &Plan, selection: &Selection) -> String {
    let mut asked = Vec::new();
    let or = |words: &[String]| words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" or ");
    if !selection.filters.is_empty() {
        let verb = if selection.exact { "is" } else { "contains" };
        asked.push(format!("whose name {verb} {}", or(&selection.filters)));
    }
    if !selection.tags.is_empty() {
        asked.push(format!("with the tag {}", or(&selection.tags)));
    }
    if selection.paths.iter().any(|path| path.line.is_some()) {
        asked.push("at the lines that are named".to_owned());
    } else if !selection.paths.is_empty() {
        asked.push("in the files that are named".to_owned());
    }
    if !selection.skips.is_empty() {
        asked.push("that `--skip` leaves".to_owned());
    }
    if selection.ignored == IgnoredCases::Only {
        asked.push("that its scenario skips".to_owned());
    }
    if plan.cases.is_empty() && plan.suite.document.is_none() {
        return "nothing is selected: there is no `callsheet.yaml` here or above that says where the scenarios are; \
                without one, name a scenario file, as in `callsheet test first.yaml --url URL`"
            .to_owned();
    }
    let mut message = match plan.cases.len() {
        0 => "nothing is selected: there is no case".to_owned(),
        cases => format!("nothing is selected: of {} there is none", count(cases, "case")),
    };
    if !asked.is_empty() {
        message.push(' ');
        message.push_str(&asked.join(" and "));
    }
    let near: Vec<String> = selection.filters.iter().filter_map(|filter| near_name(plan, filter)).collect();
    if !near.is_empty() {
        message.push_str(&format!("; did you mean {}?", or(&near)));
    } else if !selection.filters.is_empty() && !plan.cases.is_empty() {
        message.push_str("; `callsheet test --list` shows the names");
    }
    if near.is_empty() && !selection.filters.is_empty() && !plan.suite.sets.is_empty() {
        let names: Vec<String> = plan.suite.sets.iter().map(|set| format!("`{}`", set.name)).collect();
        let (sets, each) = if names.len() == 1 { ("set", "it") } else { ("sets", "one of them") };
        message.push_str(&format!(
            "; what stands in the {sets} {} is run where {each} is named",
            names.join(", ")
        ));
    }
    let tags = || plan.scenarios.iter().flat_map(|scenario| scenario.tags.iter().map(String::as_str));
    for tag in selection.tags.iter().filter(|tag| !tags().any(|known| known == *tag)) {
        if let Some(near) = nearest(tag, tags()) {
            message.push_str(&format!("; did you mean the tag `{near}`?"));
        }
    }
    message
}

/// The name that was probably meant: by all of it, else by one of its parts.
fn near_name(plan: &Plan, filter: &str) -> Option<String> {
    let names = || plan.cases.iter().map(|case| &*case.name);
    if names().any(|name| name == filter) {
        return None;
    }
    if let Some(name) = nearest(filter, names()) {
        return Some(name.to_owned());
    }
    let holding = |part: &str| names().find(|name| name.split("::").any(|known| known == part));
    holding(nearest(filter, names().flat_map(|name| name.split("::")))?).map(str::to_owned)
}

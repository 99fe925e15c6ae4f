//! From a command line's words to a plan: find the suite, read it, read the scenario files side by side,
//! check and compile them. All problems of all files come in one go.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::compile::{Context, compile, suite_vars};
use super::{Case, Plan, Scenario};
use crate::auth::{Credential, Redactor, Secret};
use crate::check::{Known, equal_names, flow, unknown_vars};
use crate::diagnostic::{Code, Diagnostic, Severity, whole_file};
use crate::mcp::Version;
use crate::model::{self, Protocols, Spot, Suite};
use crate::nearest::nearest;
use crate::source::{Document, Pointer};
use crate::suite;

/// What to load.
#[derive(Clone, Debug, Default)]
pub struct Load {
    /// Where the user stands; relative paths and shown paths are meant from here. Absolute.
    pub working_directory: PathBuf,
    /// Where the search for `callsheet.yaml` starts and goes upwards: the first PATH, else the working directory.
    pub start: PathBuf,
    /// PATHs that name scenario files: without a suite file, they are the scenarios; with one, they are read in
    /// addition to what it finds.
    pub files: Vec<PathBuf>,
    /// `--url`: the server in place of the suite's, and the credential of `--pat-env`.
    pub url: Option<(String, Option<Credential>)>,
    /// `--server`: in place of the default and of what scenarios name. A step that names a server keeps it.
    pub server: Option<String>,
    /// `--protocol`: pins what says `auto`, and takes only this version of a list.
    pub protocol: Option<Version>,
    /// Names that `--var` sets: known to templates.
    pub vars: Vec<String>,
    /// Whole names, with `--exact`: only files that such a case can stand in are read.
    pub exact: Vec<String>,
}

/// What was loaded.
#[derive(Debug)]
pub struct Loaded {
    /// The plan.
    pub plan: Plan,
    /// Warnings: nothing is refused for them.
    pub warnings: Vec<Diagnostic>,
    /// How many scenario files were read.
    pub files: usize,
}

/// Where scenarios are looked for unless the suite says.
const DEFAULT_PATTERN: &str = "scenarios/**/*.yaml";

/// The name of the server that `--url` makes.
const URL_SERVER: &str = "url";

/// A scenario file, before it is read.
struct File {
    path: PathBuf,
    /// The part of its cases' names that the path gives.
    name: String,
}

/// What one file gave.
#[derive(Default)]
struct Read {
    scenarios: Vec<Scenario>,
    problems: Vec<Diagnostic>,
}

/// Loads and checks everything. Opens no socket, reads no credential.
///
/// # Errors
/// Every diagnostic, warnings included, where one of them is an error.
pub fn load(load: &Load) -> Result<Loaded, Vec<Diagnostic>> {
    let mut problems = Vec::new();
    let suite = suite(load, &mut problems).ok_or_else(|| std::mem::take(&mut problems))?;
    let vars = suite_vars(&suite, &mut problems);
    problems.extend(Known::suite_vars(&suite, &vars, &load.vars));
    let files = files(load, &suite, &mut problems);
    let known = Known::new(&suite, &load.vars);
    let mut scenarios = Vec::new();
    for mut read in side_by_side(&files, |file| read(load, &suite, &known, file)) {
        scenarios.extend(read.scenarios.drain(..).map(Arc::new));
        problems.append(&mut read.problems);
    }
    let (cases, left_out) = cases(&scenarios, load.protocol);
    let plan = Plan { suite: Arc::new(suite), vars, scenarios, cases, left_out };
    problems.extend(equal_names(&plan));
    // What was not read could read it.
    if load.exact.is_empty() && !problems.iter().any(Diagnostic::is_error) {
        problems.extend(unknown_vars(&plan, &load.vars));
    }
    if problems.iter().any(Diagnostic::is_error) {
        return Err(problems);
    }
    Ok(Loaded { plan, warnings: problems, files: files.len() })
}

fn failure(code: Code, message: String) -> Diagnostic {
    Diagnostic::new(code, Severity::Error, None, message)
}

/// The suite of the file that is found, or the one that the command line means.
fn suite(load: &Load, problems: &mut Vec<Diagnostic>) -> Option<Suite> {
    let found = suite::find(&load.start);
    let mut suite = match &found {
        Some(path) => read_suite(load, path, problems)?,
        None if load.url.is_some() => Suite { root: load.working_directory.clone(), ..Suite::default() },
        None => {
            let message = "there is no `callsheet.yaml` here or in a folder above";
            let problem = failure(Code::NothingFound, message.to_owned());
            problems.push(if load.start.join("callsheet.yml").is_file() {
                problem.help("there is a `callsheet.yml`: rename it")
            } else {
                problem
                    .help("`callsheet init` writes one, and a first scenario")
                    .help("without one, name a server: `callsheet test file.yaml --url URL --pat-env NAME`")
            });
            return None;
        }
    };
    if let Some((url, credential)) = &load.url {
        match model::suite_of_url(url, credential.clone(), suite.root.clone()) {
            Ok(meant) => {
                // The others stay: scenarios may name them, though it is this one that they meet.
                suite.servers.retain(|server| server.name.value != URL_SERVER);
                suite.servers.splice(0..0, meant.servers);
                suite.default = Some(Spot { value: URL_SERVER.to_owned(), at: Pointer::root() });
            }
            Err(problem) => {
                problems.push(problem);
                return None;
            }
        }
    }
    if let Some(name) = &load.server {
        let names = || suite.servers.iter().map(|server| server.name.value.as_str());
        if !names().any(|known| known == name) {
            let problem = failure(Code::UnknownName, format!("the suite has no server `{name}`"));
            problems.push(match nearest(name, names()) {
                Some(near) => problem.help(format!("did you mean `{near}`?")),
                None => problem.help(format!("it has {}", names().collect::<Vec<_>>().join(", "))),
            });
            return None;
        }
        suite.default = Some(Spot { value: name.clone(), at: Pointer::root() });
    }
    Some(suite)
}

fn read_suite(load: &Load, path: &Path, problems: &mut Vec<Diagnostic>) -> Option<Suite> {
    let root = path.parent().map(Path::to_owned).unwrap_or_default();
    let parsed = match suite::read(path, shown(load, path)) {
        Ok(parsed) => parsed,
        Err(errors) => {
            problems.extend(hidden(errors, true));
            return None;
        }
    };
    problems.extend(hidden(parsed.warnings, true));
    let document = Arc::new(parsed.documents.into_iter().next()?);
    let shown_root = shown(load, &root);
    model::read_suite(&document, root, shown_root, problems)
}

/// What the reader of YAML says, without the tokens that may stand in the lines it shows: it does not know what a
/// token is.
fn hidden(mut problems: Vec<Diagnostic>, of_suite: bool) -> Vec<Diagnostic> {
    let redactor = Redactor::new();
    if let Some(site) = problems.iter().find_map(Diagnostic::site) {
        for secret in model::literals(site.file.text(), of_suite) {
            redactor.add(&Secret::new(secret));
        }
    }
    problems.iter_mut().for_each(|problem| redactor.mask_diagnostic(problem));
    problems
}

/// A path as it is shown: from where the user stands, if it is below.
fn shown(load: &Load, path: &Path) -> String {
    let path = path.strip_prefix(&load.working_directory).unwrap_or(path);
    path.to_string_lossy().replace('\\', "/")
}

/// The scenario files: what the suite's patterns find, and the files that the command line names.
fn files(load: &Load, suite: &Suite, problems: &mut Vec<Diagnostic>) -> Vec<File> {
    let mut files = Vec::new();
    let mut seen = HashSet::new();
    let mut patterns: Vec<&str> = suite.scenarios.iter().map(|pattern| pattern.value.as_str()).collect();
    if patterns.is_empty() && suite.document.is_some() {
        patterns.push(DEFAULT_PATTERN);
    }
    let discovery = suite::discover(&suite.root, &patterns);
    for refused in discovery.refused {
        let Some(document) = &suite.document else { continue };
        let spot = suite.scenarios.get(refused.pattern);
        let site = spot.map_or_else(|| whole_file(&document.file), |spot| document.site(&spot.at));
        problems.push(refused.error.diagnostic(site));
    }
    for found in discovery.files {
        let below = patterns.get(found.pattern).map_or("", |pattern| suite::fixed_part(pattern));
        let path = suite.root.join(&found.path);
        if seen.insert(path.clone()) {
            files.push(File { name: name_of(&path, &suite.root.join(below)), path });
        }
    }
    for path in &load.files {
        let nearest = suite.document.as_ref().and_then(|_| suite::find(path));
        if let Some(other) = nearest.filter(|found| found.parent() != Some(suite.root.as_path())) {
            let (path, other) = (shown(load, path), shown(load, &other));
            let message = format!("`{path}` belongs to another suite, `{other}`");
            problems.push(failure(Code::Conflict, message).help("run each suite by itself"));
            continue;
        }
        if seen.insert(path.clone()) {
            files.push(File { name: name_of(path, &suite.root), path: path.clone() });
        }
    }
    if !load.exact.is_empty() {
        files.retain(|file| load.exact.iter().any(|name| file.may_hold(name)));
    }
    files
}

impl File {
    /// Whether a case of this name can stand in it.
    fn may_hold(&self, case: &str) -> bool {
        case.strip_prefix(&self.name)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with("::") || rest.starts_with('@'))
    }
}

/// The path below a folder as a name: `/` as `::`, without its ending.
fn name_of(path: &Path, below: &Path) -> String {
    let relative = path.strip_prefix(below).unwrap_or_else(|_| path.file_name().map_or(path, Path::new));
    let relative = relative.with_extension("");
    let parts = relative.components().map(|part| part.as_os_str().to_string_lossy().into_owned());
    parts.collect::<Vec<_>>().join("::")
}

/// Reads, checks and compiles one file.
fn read(load: &Load, suite: &Suite, known: &Known<'_>, file: &File) -> Read {
    let mut read = Read::default();
    let documents = match suite::read(&file.path, shown(load, &file.path)) {
        Ok(parsed) => {
            read.problems = hidden(parsed.warnings, false);
            parsed.documents.into_iter().map(Arc::new).collect::<Vec<_>>()
        }
        Err(problems) => {
            read.problems = hidden(problems, false);
            return read;
        }
    };
    for unit in model::read_documents(documents, suite, &mut read.problems) {
        let model::Unit::Scenario(scenario) = unit else { continue };
        let mut name = file.name.clone();
        if scenario.form.several_documents {
            name = format!("{name}::{}", suite::slug(&scenario.title.value));
        }
        let context = Context {
            name,
            path: file.path.clone(),
            lines: lines(&scenario.document),
            server: load.server.as_deref().or_else(|| load.url.is_some().then_some(URL_SERVER)),
            suite,
        };
        if let Some(scenario) = compile(&scenario, context, &mut read.problems) {
            read.problems.extend(flow(&scenario, known));
            read.scenarios.push(scenario);
        }
    }
    read
}

/// The first and the last line of a document.
fn lines(document: &Document) -> (usize, usize) {
    let line = |offset: usize| document.file.position(offset).line;
    let starts = document.spans.values().map(|node| node.key.map_or(node.value.start, |key| key.start));
    let ends = document.spans.values().map(|node| node.value.end);
    (starts.min().map_or(1, line), ends.max().map_or(1, line))
}

/// Does one thing with each item on all cores; results in the items' order.
fn side_by_side<T: Sync, R: Send>(items: &[T], job: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(items.len().div_ceil(8));
    if threads <= 1 {
        return items.iter().map(job).collect();
    }
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(index) else { return done };
            done.push((index, job(item)));
        }
    };
    let mut results: Vec<(usize, R)> = std::thread::scope(|scope| {
        let handles: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        // A job does not panic; if it did, its items would be missing and the panic is passed on here.
        handles
            .into_iter()
            .flat_map(|handle| handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

/// The cases: one for each scenario and version, named by form; and how many `only` leaves out.
fn cases(scenarios: &[Arc<Scenario>], only: Option<Version>) -> (Vec<Case>, usize) {
    let (mut cases, mut left_out) = (Vec::new(), 0);
    for (index, scenario) in scenarios.iter().enumerate() {
        let mut add = |suffix: &str, version: Option<Version>| {
            if only.is_none() || version.is_none() || version == only {
                let name = format!("{}{suffix}", scenario.name).into();
                cases.push(Case { name, scenario: index, row: None, version: version.or(only) });
            } else {
                left_out += 1;
            }
        };
        match &scenario.protocols {
            Protocols::Auto => add("", None),
            Protocols::One(version) => add("", Some(*version)),
            Protocols::Each(versions) => {
                for version in versions {
                    match version {
                        Some(version) => add(&format!("@{version}"), Some(*version)),
                        None => add("@auto", None),
                    }
                }
            }
        }
    }
    (cases, left_out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_results_keep_their_order() {
        let items: Vec<usize> = (0..100).collect();
        assert_eq!(side_by_side(&items, |item| item * 2), (0..200).step_by(2).collect::<Vec<_>>());
        assert!(side_by_side(&[], |item: &usize| *item).is_empty());
    }
}

//! From a command line's words to a plan: find the suite, read it, read the scenario files side by side,
//! check and compile them. All problems of all files come in one go.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::cases::cases;
use super::compile::{Context, chosen_by_rows, compile, suite_vars};
use super::link::{Linker, Links, Outcome, Source};
use super::{Around, Plan, Rows, Scenario};
use crate::auth::{Credential, Redactor, Secret};
use crate::check::{
    Known, equal_names, expiring, flow, http_of_commands, lint, lint_fragments, lint_suite, not_in_version,
    said_once, unknown_vars, without_follow_ups,
};
use crate::diagnostic::{Code, Diagnostic, Severity, whole_file};
use crate::mcp::Version;
use crate::model::{self, RowSource, Spot, Suite, Unit};
use crate::nearest::nearest;
use crate::snapshot;
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
    /// What the command line asks for by FILTERs and PATHs, which decides what is read of a suite with sets; none
    /// where everything is wanted.
    pub words: Option<Vec<Word>>,
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
    /// Whether advice is given on what is allowed and seldom meant.
    pub lint: bool,
    /// The day (UTC), which tells whether a token runs out soon; none where that is not to be told.
    pub today: Option<jiff::civil::Date>,
}

/// A FILTER or a PATH.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// Part of a case's name.
    Filter(String),
    /// A file or folder, absolute and normal.
    Path(PathBuf),
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
    /// The files of snapshots that the suite's patterns lead to: the path, and as it is shown.
    pub snapshots: Vec<(PathBuf, String)>,
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
    scenarios: Vec<Slot>,
    fragments: Vec<model::Fragment>,
    /// Whether a document could not be read.
    broken: bool,
    problems: Vec<Diagnostic>,
    /// The YAML files that its documents name as their rows.
    rows: Vec<PathBuf>,
}

/// A scenario on its way into the plan.
enum Slot {
    /// It uses no fragment, or they were found.
    Compiled(Option<Arc<Scenario>>),
    /// The fragments that it uses are not known yet.
    Waiting(Box<model::Scenario>),
}

/// Loads and checks everything. Opens no socket, reads no credential.
///
/// # Errors
/// Every diagnostic, warnings included, where one of them is an error.
pub fn load(load: &Load) -> Result<Loaded, Vec<Diagnostic>> {
    let mut problems = Vec::new();
    let suite = suite(load, &mut problems).ok_or_else(|| std::mem::take(&mut problems))?;
    let vars = suite_vars(&suite, &mut problems);
    problems.extend(load.today.iter().flat_map(|today| expiring(&suite, *today)));
    problems.extend(Known::suite_vars(&suite, &vars, &load.vars));
    let (files, snapshots) = files(load, &suite, &mut problems);
    let known = Known::new(&suite, &load.vars);
    let mut reads = side_by_side(&files, |file| read(load, &suite, &known, file));
    let passed_over = pass_over_rows(&files, &mut reads);
    let (scenarios, unused) = link(load, &suite, &known, &files, reads, &mut problems);
    // What was not read may use them, as what could not be read.
    if load.exact.is_empty() && !problems.iter().any(Diagnostic::is_error) {
        problems.extend(unused);
    }
    let (cases, left_out) = cases(&scenarios, load.protocol);
    let plan = Plan { suite: Arc::new(suite), vars, scenarios, cases, left_out };
    problems.extend(equal_names(&plan));
    without_follow_ups(&mut problems);
    // What was not read could read it.
    let all = load.exact.is_empty() && main_is_wanted(load, &plan.suite);
    if all && !problems.iter().any(Diagnostic::is_error) {
        problems.extend(unknown_vars(&plan, &load.vars));
        let names = snapshot::names(&plan, &snapshots);
        problems.extend(side_by_side(&names, snapshot::problems).into_iter().flatten());
    }
    // What is in error is mended first.
    if load.lint && !problems.iter().any(Diagnostic::is_error) {
        problems.extend(advice(&plan));
    }
    if problems.iter().any(Diagnostic::is_error) {
        return Err(problems);
    }
    Ok(Loaded { plan, warnings: problems, files: files.len() - passed_over, snapshots })
}

/// Reads the suite alone, as far as it can be read, and no scenario; and every diagnostic of it.
#[must_use]
pub fn load_suite(load: &Load) -> (Option<Suite>, Vec<Diagnostic>) {
    let mut problems = Vec::new();
    (suite(load, &mut problems), problems)
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

/// The scenario files: what the suite's patterns find, and the files that the command line names; and the files of
/// snapshots beside them.
fn files(load: &Load, suite: &Suite, problems: &mut Vec<Diagnostic>) -> (Vec<File>, Vec<(PathBuf, String)>) {
    let main = discovered(suite, &suite.scenarios, problems);
    let sets: Vec<(&model::Set, Finds)> =
        suite.sets.iter().map(|set| (set, discovered(suite, &set.patterns, problems))).collect();
    let apart: HashSet<PathBuf> = sets.iter().flat_map(|(_, finds)| finds.paths()).collect();
    let (mut files, mut seen, mut snapshots) = (Vec::new(), HashSet::new(), Vec::new());
    if main_is_wanted(load, suite) {
        files.extend(main.files.into_iter().filter(|file| !apart.contains(&file.path)));
        snapshots.extend(main.snapshots.into_iter().filter(|path| !apart.contains(path)));
    }
    for (set, finds) in sets {
        if is_wanted(load, suite, set) {
            let of_set = |file: File| File { name: format!("{}::{}", set.name, file.name), path: file.path };
            files.extend(finds.files.into_iter().map(of_set));
            snapshots.extend(finds.snapshots);
        }
    }
    files.retain(|file| seen.insert(file.path.clone()));
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
    let snapshots = snapshots.into_iter().map(|path| (path.clone(), shown(load, &path))).collect();
    (files, snapshots)
}

/// What patterns lead to.
struct Finds {
    files: Vec<File>,
    snapshots: Vec<PathBuf>,
}

impl Finds {
    fn paths(&self) -> impl Iterator<Item = PathBuf> {
        self.files.iter().map(|file| &file.path).chain(&self.snapshots).cloned()
    }
}

/// What the patterns of a suite or of one of its sets lead to.
fn discovered(suite: &Suite, written: &[Spot<String>], problems: &mut Vec<Diagnostic>) -> Finds {
    let mut patterns: Vec<&str> = written.iter().map(|pattern| pattern.value.as_str()).collect();
    if patterns.is_empty() && suite.document.is_some() {
        patterns.push(DEFAULT_PATTERN);
    }
    let discovery = suite::discover(&suite.root, &patterns);
    for refused in discovery.refused {
        let Some(document) = &suite.document else { continue };
        let spot = written.get(refused.pattern);
        let site = spot.map_or_else(|| whole_file(&document.file), |spot| document.site(&spot.at));
        problems.push(refused.error.diagnostic(site));
    }
    let file = |found: suite::Found| {
        let below = patterns.get(found.pattern).map_or("", |pattern| suite::fixed_part(pattern));
        let path = suite.root.join(&found.path);
        File { name: name_of(&path, &suite.root.join(below)), path }
    };
    let snapshots = discovery.snapshots.iter().map(|path| suite.root.join(path)).collect();
    Finds { files: discovery.files.into_iter().map(file).collect(), snapshots }
}

/// Whether a word of the command line asks for a set: a FILTER with its name, or with what the names of its cases
/// begin with, or a PATH that is its folder or in it.
fn asks(word: &Word, suite: &Suite, set: &model::Set) -> bool {
    match word {
        Word::Filter(filter) => {
            filter.strip_prefix(&set.name).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
        }
        Word::Path(path) => {
            let folder = |pattern: &Spot<String>| suite.root.join(suite::fixed_part(&pattern.value));
            set.patterns.iter().any(|pattern| path.starts_with(folder(pattern)))
        }
    }
}

fn is_wanted(load: &Load, suite: &Suite, set: &model::Set) -> bool {
    load.words.as_ref().is_none_or(|words| words.iter().any(|word| asks(word, suite, set)))
}

/// Whether something is wanted that is in no set. What is not wanted is not read either: it may need what a server
/// of `--url` does not have.
fn main_is_wanted(load: &Load, suite: &Suite) -> bool {
    let Some(words) = &load.words else { return true };
    let of_a_set = |word: &Word| suite.sets.iter().any(|set| asks(word, suite, set));
    words.is_empty() || !words.iter().all(of_a_set)
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

/// Reads one file, and checks and compiles what in it uses no fragment.
fn read(load: &Load, suite: &Suite, known: &Known<'_>, file: &File) -> Read {
    let mut read = Read::default();
    let (units, none) = (units(load, suite, &file.path, &mut read), Links::default());
    for unit in units {
        match unit {
            Unit::Fragment(fragment) => read.fragments.push(fragment),
            Unit::Scenario(scenario) if uses(&scenario.steps) => read.scenarios.push(Slot::Waiting(scenario)),
            Unit::Scenario(scenario) => {
                let compiled = compiled(load, suite, known, file, &scenario, &none, &mut read.problems);
                read.scenarios.push(Slot::Compiled(compiled));
            }
        }
    }
    read
}

/// The documents of a file. Its problems are added, and whether it could be read as a whole.
fn units(load: &Load, suite: &Suite, path: &Path, read: &mut Read) -> Vec<Unit> {
    match suite::read(path, shown(load, path)) {
        Ok(parsed) => {
            read.problems = hidden(parsed.warnings, false);
            let documents: Vec<Arc<Document>> = parsed.documents.into_iter().map(Arc::new).collect();
            read.rows =
                documents.iter().filter_map(|document| named_as_rows(document, suite, path)).collect();
            let units = model::read_documents(documents, suite, &mut read.problems);
            read.broken = read.problems.iter().any(Diagnostic::is_error);
            units
        }
        Err(problems) => {
            read.problems = hidden(problems, false);
            read.broken = true;
            Vec::new()
        }
    }
}

/// Whether one of the steps, or of those in them, uses a fragment.
fn uses<'a>(steps: impl IntoIterator<Item = &'a model::Step>) -> bool {
    steps.into_iter().any(|step| {
        matches!(step.action, model::Action::Use { .. })
            || uses(&mut step.inner() as &mut dyn Iterator<Item = &'a model::Step>)
    })
}

/// A scenario, compiled and its names followed.
fn compiled(
    load: &Load,
    suite: &Suite,
    known: &Known<'_>,
    file: &File,
    scenario: &model::Scenario,
    links: &Links,
    problems: &mut Vec<Diagnostic>,
) -> Option<Arc<Scenario>> {
    let (mut name, mut part) = (file.name.clone(), String::new());
    if scenario.form.several_documents {
        part = suite::slug(&scenario.title.value);
        name = format!("{name}::{part}");
    }
    let server = load.server.as_deref().or_else(|| load.url.is_some().then_some(URL_SERVER));
    let (path, lines) = (file.path.clone(), lines(&scenario.document));
    let context = Context { name, part, path, lines, server, suite, links };
    let mut compiled = compile(scenario, context, problems)?;
    if let Some(rows) = &scenario.rows {
        let shown = |path: &Path| shown(load, path);
        let around =
            Around { document: &scenario.document, path: &file.path, root: &suite.root, shown: &shown };
        // What reads `row` was written for rows that are there.
        let rows = Rows::compile(rows, around, problems)?;
        chosen_by_rows(scenario, &rows, server, suite, problems);
        compiled.rows = Some(rows);
    }
    problems.extend(flow(&compiled, known));
    problems.extend(not_in_version(&compiled));
    problems.extend(http_of_commands(&compiled, suite));
    // Ten thousand scenarios are kept at once.
    compiled.steps.shrink_to_fit();
    compiled.steps.iter_mut().for_each(|step| step.save.shrink_to_fit());
    if !matches!(&scenario.rows, Some(rows) if matches!(rows.source, RowSource::Inline(_))) {
        compiled.document = Arc::new(compiled.document.lean());
    }
    Some(Arc::new(compiled))
}

/// Finds the fragments, and compiles what waited for them. Problems come in the order of the files, those of files
/// that no pattern found after them; beside the scenarios there is a warning for each fragment that nothing uses.
fn link(
    load: &Load,
    suite: &Suite,
    known: &Known<'_>,
    files: &[File],
    mut reads: Vec<Read>,
    problems: &mut Vec<Diagnostic>,
) -> (Vec<Arc<Scenario>>, Vec<Diagnostic>) {
    let on_demand = |path: &Path| {
        let mut read = Read::default();
        let fragments = units(load, suite, path, &mut read).into_iter().filter_map(|unit| match unit {
            Unit::Fragment(fragment) => Some(fragment),
            Unit::Scenario(_) => None,
        });
        let fragments = fragments.collect();
        (Source { path: path.to_owned(), fragments, broken: read.broken }, read.problems)
    };
    let mut linker = Linker::new(suite, known, &on_demand);
    for (file, read) in files.iter().zip(&mut reads) {
        if read.broken || !read.fragments.is_empty() {
            let fragments = std::mem::take(&mut read.fragments);
            linker.add(Source { path: file.path.clone(), fragments, broken: read.broken });
        }
    }
    for (file, read) in files.iter().zip(&reads) {
        for slot in &read.scenarios {
            if let Slot::Waiting(scenario) = slot {
                linker.scenario(scenario, &file.path);
            }
        }
    }
    let Outcome { links, problems: mut told, unused } = linker.finish();
    let is_waiting = |slot: &Slot| matches!(slot, Slot::Waiting(_));
    let waiting: Vec<(&File, &Read)> =
        files.iter().zip(&reads).filter(|(_, read)| read.scenarios.iter().any(is_waiting)).collect();
    let late = side_by_side(&waiting, |(file, read)| {
        let mut problems = Vec::new();
        let compiled: Vec<Option<Arc<Scenario>>> = read
            .scenarios
            .iter()
            .filter_map(|slot| match slot {
                Slot::Waiting(scenario) => Some(scenario),
                Slot::Compiled(_) => None,
            })
            .map(|scenario| compiled(load, suite, known, file, scenario, &links, &mut problems))
            .collect();
        (compiled, problems)
    });
    let mut late = late.into_iter();
    let places: HashMap<PathBuf, usize> =
        told.iter().enumerate().map(|(index, (path, _))| (path.clone(), index)).collect();
    let mut scenarios = Vec::new();
    for (file, mut read) in files.iter().zip(reads) {
        problems.append(&mut read.problems);
        let of_fragments = places.get(&file.path).and_then(|index| told.get_mut(*index));
        problems.extend(of_fragments.map(|(_, told)| std::mem::take(told)).into_iter().flatten());
        let waited = read.scenarios.iter().any(is_waiting);
        let (compiled, more) = if waited { late.next().unwrap_or_default() } else { Default::default() };
        problems.extend(more);
        let mut compiled = compiled.into_iter();
        for slot in read.scenarios {
            scenarios.extend(match slot {
                Slot::Compiled(scenario) => scenario,
                Slot::Waiting(_) => compiled.next().flatten(),
            });
        }
    }
    problems.extend(told.into_iter().flat_map(|(_, problems)| problems));
    (scenarios, unused)
}

/// What is allowed and seldom meant, in the order of the scenarios.
fn advice(plan: &Plan) -> Vec<Diagnostic> {
    let mut advice: Vec<Diagnostic> =
        side_by_side(&plan.scenarios, |scenario| lint(scenario, &plan.suite)).into_iter().flatten().collect();
    advice.extend(lint_suite(plan));
    advice.extend(lint_fragments(plan));
    said_once(&mut advice);
    advice
}

/// The YAML file that a document names as its rows, links resolved, whatever else is wrong with the document.
fn named_as_rows(document: &Document, suite: &Suite, path: &Path) -> Option<PathBuf> {
    let name = document.get(&Pointer::root().key("rows").key("file"))?.as_str()?;
    if !name.ends_with(".yaml") && !name.ends_with(".yml") {
        return None;
    }
    Some(suite::named_file(&suite.root, path.parent()?, name).ok()?.canonical)
}

/// Takes out what was read of files that are rows of a scenario: a pattern may find them, but they are none. How
/// many they are.
fn pass_over_rows(files: &[File], found: &mut [Read]) -> usize {
    let rows: HashSet<PathBuf> = found.iter_mut().flat_map(|read| std::mem::take(&mut read.rows)).collect();
    if rows.is_empty() {
        return 0;
    }
    let mut passed_over = 0;
    for (file, read) in files.iter().zip(found) {
        if file.path.canonicalize().is_ok_and(|path| rows.contains(&path)) {
            *read = Read::default();
            passed_over += 1;
        }
    }
    passed_over
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

//! What the command line and the surroundings mean together: everything resolved, nothing done yet.

use std::num::NonZeroUsize;
use std::path::{Component, Path, PathBuf};

use jiff::tz::TimeZone;
use serde_json::Value;

use super::args::{Colour, SuiteArgs, TestArgs};
use super::exit::{Exit, Stop};
use super::surroundings::{Surroundings, now};
use crate::auth::Credential;
use crate::diagnostic::Style;
use crate::harness::Format;
use crate::mcp::Version;
use crate::nearest::nearest;
use crate::plan::{IgnoredCases, Load, PathFilter, Selection, Word};
use crate::report::Spec;

/// Cases at once unless said: they wait for servers, so there may be more of them than cores.
const THREADS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(31);

/// Who asks for the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Caller {
    /// `callsheet test`.
    Command,
    /// A test executable with `harness = false`. `cargo test FILTER` hands the filter to every executable, so
    /// that nothing selected is no mistake there.
    Harness,
}

/// A run, resolved.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) caller: Caller,
    pub(super) load: Load,
    pub(super) selection: Selection,
    /// Whether a selection without a case is a mistake.
    pub(super) must_select: bool,
    pub(super) list: bool,
    pub(super) format: Format,
    pub(super) threads: NonZeroUsize,
    /// How libtest's output is drawn.
    pub(super) style: Style,
    /// How problems are drawn on stderr.
    pub(super) stderr_style: Style,
    /// Whether a live line can be drawn.
    pub(super) live: bool,
    pub(super) logfile: Option<PathBuf>,
    pub(super) fail_fast: bool,
    /// `--deny ignored`: an ignored case fails the run.
    pub(super) deny_ignored: bool,
    /// Whether it is asked why a server could not be used: not by each process of nextest, which knows one case.
    pub(super) diagnose: bool,
    pub(super) seed: u64,
    pub(super) reports: Vec<Spec>,
    pub(super) trace: bool,
    /// `--update`.
    pub(super) update: bool,
    pub(super) env_file: Option<PathBuf>,
    pub(super) vars: Vec<(String, Value)>,
    /// How a case is run again, without its name.
    pub(super) rerun: String,
}

impl Settings {
    /// Resolves the flags of a run. `seed` is taken where none is given.
    pub(super) fn resolve(
        args: TestArgs,
        around: &Surroundings,
        caller: Caller,
        seed: u64,
    ) -> Result<Self, Stop> {
        if args.update && is_ci(around) {
            return Err(Stop::usage(
                "`--update` writes files for somebody to read, and `CI` is set: run it where you work, and commit what it writes",
            ));
        }
        let threads = threads(args.test_threads, around)?;
        let rerun = rerun(&args, around, caller);
        let (paths, filters): (Vec<&String>, Vec<&String>) = args.what.iter().partition(|word| is_path(word));
        let paths = paths.into_iter().map(|path| path_filter(path, around)).collect::<Result<Vec<_>, _>>()?;
        let vars = args.suite.vars.iter().map(|var| variable(var)).collect::<Result<Vec<_>, _>>()?;
        let mut load = load(&args.suite, &paths, &vars, around);
        if let (Caller::Harness, true) = (caller, paths.is_empty()) {
            load.start = around.variable("CARGO_MANIFEST_DIR").map_or(load.start, PathBuf::from);
        }
        let words = filters.iter().map(|filter| Word::Filter((*filter).clone()));
        load.words = Some(words.chain(paths.iter().map(|path| Word::Path(path.path.clone()))).collect());
        load.protocol = args.protocol.as_deref().map(version).transpose()?;
        let nextest = around.variable("NEXTEST").is_some();
        if nextest && caller == Caller::Harness && args.exact {
            // nextest starts a process for each case: none of them needs to read all files. Elsewhere all
            // problems of all files are told, and all cases that are left out are counted.
            load.exact = filters.iter().map(|filter| (*filter).clone()).collect();
        }
        let seed = args.seed.unwrap_or(seed);
        let selection = Selection {
            filters: filters.into_iter().cloned().collect(),
            paths,
            skips: args.skip,
            exact: args.exact,
            tags: args.tags,
            ignored: match (args.ignored, args.include_ignored) {
                (true, _) => IgnoredCases::Only,
                (_, true) => IgnoredCases::Include,
                _ => IgnoredCases::Ignore,
            },
            shard: args.shard.as_deref().map(shard).transpose()?,
            shuffle: args.shuffle.then_some(seed),
        };
        let format = match args.format {
            _ if args.quiet => Format::Terse,
            Some(format) => format.into(),
            None => Format::Pretty,
        };
        let to_terminal = around.stdout_is_terminal && args.logfile.is_none();
        let on_terminals = to_terminal && around.stderr_is_terminal;
        Ok(Self {
            caller,
            load,
            selection,
            must_select: caller == Caller::Command || nextest,
            list: args.list,
            format,
            threads,
            style: style(args.color, to_terminal, around),
            stderr_style: style(args.color, around.stderr_is_terminal, around),
            // libtest announces each test where there is one thread: the live line would say the same.
            live: on_terminals && format == Format::Pretty && !args.list && threads.get() > 1,
            logfile: args.logfile,
            fail_fast: args.fail_fast,
            deny_ignored: args.deny.is_some(),
            diagnose: !nextest,
            seed,
            reports: args.reports,
            trace: args.trace,
            update: args.update,
            env_file: args.env_file,
            vars,
            rerun,
        })
    }
}

/// Whether this is a machine that nobody sits at, as all of them say it.
fn is_ci(around: &Surroundings) -> bool {
    around.variable("CI").is_some_and(|value| !matches!(value, "false" | "0"))
}

/// What to load, for `check`.
pub(super) fn check_load(paths: &[String], suite: &SuiteArgs, around: &Surroundings) -> Result<Load, Stop> {
    let paths = paths.iter().map(|path| path_filter(path, around)).collect::<Result<Vec<_>, _>>()?;
    let vars = suite.vars.iter().map(|var| variable(var)).collect::<Result<Vec<_>, _>>()?;
    Ok(Load { lint: true, ..load(suite, &paths, &vars, around) })
}

/// Whether there is colour.
pub(super) fn style(asked: Option<Colour>, is_terminal: bool, around: &Surroundings) -> Style {
    let colour = match asked.unwrap_or_default() {
        Colour::Always => true,
        Colour::Never => false,
        Colour::Auto => {
            is_terminal
                && around.variable("NO_COLOR").is_none()
                && around.variable("TERM").is_none_or(|term| term != "dumb")
        }
    };
    if colour { Style::Colour } else { Style::Plain }
}

fn load(suite: &SuiteArgs, paths: &[PathFilter], vars: &[(String, Value)], around: &Surroundings) -> Load {
    let folder_of = |path: &Path| match path.is_dir() {
        true => path.to_owned(),
        false => path.parent().map_or_else(|| around.folder.clone(), Path::to_owned),
    };
    Load {
        working_directory: around.folder.clone(),
        start: paths.first().map_or_else(|| around.folder.clone(), |first| folder_of(&first.path)),
        files: paths.iter().map(|filter| filter.path.clone()).filter(|path| path.is_file()).collect(),
        url: suite.url.clone().map(|url| (url, suite.pat_env.clone().map(Credential::Env))),
        server: suite.server.clone(),
        vars: vars.iter().map(|(name, _)| name.clone()).collect(),
        today: Some(now().to_zoned(TimeZone::UTC).date()),
        ..Load::default()
    }
}

/// libtest's words and status for what libtest refuses.
fn threads(asked: Option<usize>, around: &Surroundings) -> Result<NonZeroUsize, Stop> {
    if let Some(asked) = asked {
        return NonZeroUsize::new(asked)
            .ok_or_else(|| Stop::new(Exit::Failed, "argument for --test-threads must not be 0"));
    }
    let Some(text) = around.variable("RUST_TEST_THREADS") else { return Ok(THREADS) };
    text.parse().map_err(|_| {
        Stop::new(Exit::Failed, format!("RUST_TEST_THREADS is `{text}`, should be a positive integer"))
    })
}

/// A PATH ends in `.yaml` or `.yml`, perhaps with a line and a column behind it, or contains `/`.
fn is_path(word: &str) -> bool {
    let (path, _) = split_line(word);
    word.contains('/') || has_yaml_ending(path)
}

fn has_yaml_ending(path: &str) -> bool {
    path.ends_with(".yaml") || path.ends_with(".yml")
}

/// `a.yaml:12:5`, as our own messages write it, is `a.yaml` and 12.
fn split_line(word: &str) -> (&str, Option<usize>) {
    let cut = |text: &'_ str| -> Option<(usize, usize)> {
        let (before, number) = text.rsplit_once(':')?;
        Some((before.len(), number.parse().ok()?))
    };
    let before = |end: usize| word.get(..end).unwrap_or(word);
    let Some((end, last)) = cut(word) else { return (word, None) };
    if let Some((end, line)) = cut(before(end)).filter(|(end, _)| has_yaml_ending(before(*end))) {
        return (before(end), Some(line));
    }
    if has_yaml_ending(before(end)) { (before(end), Some(last)) } else { (word, None) }
}

fn path_filter(word: &str, around: &Surroundings) -> Result<PathFilter, Stop> {
    let (path, line) = split_line(word);
    let path = normal(&around.folder.join(path));
    if !path.exists() {
        let word = split_line(word).0;
        let below = Path::new("scenarios").join(word);
        let hint = match around.folder.join(&below).exists() {
            true => format!("; did you mean `{}`?", below.display()),
            false => String::new(),
        };
        return Err(Stop::usage(format!("there is no file or folder `{word}`{hint}")));
    }
    Ok(PathFilter { path, line })
}

/// Without `.` and `..`, by the letters of the path alone.
fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}

fn shard(text: &str) -> Result<(u64, u64), Stop> {
    text.split_once('/')
        .and_then(|(part, of)| Some((part.parse().ok()?, of.parse().ok()?)))
        .filter(|(part, of)| (1..=*of).contains(part))
        .ok_or_else(|| {
            Stop::usage(format!(
                "`--shard {text}` is no part: write `K/N`, with K from 1 to N, such as `2/4`"
            ))
        })
}

fn version(text: &str) -> Result<Version, Stop> {
    Version::parse(text).ok_or_else(|| {
        let names = || Version::ALL.iter().map(|version| version.as_str());
        let hint =
            nearest(text, names()).map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        let names: Vec<&str> = names().collect();
        Stop::usage(format!("`--protocol {text}` is none of {}{hint}", names.join(", ")))
    })
}

/// `NAME=VALUE`: the value is JSON where it is JSON, else text.
fn variable(text: &str) -> Result<(String, Value), Stop> {
    let Some((name, value)) = text.split_once('=') else {
        return Err(Stop::usage(format!("`--var {text}` has no value: write `--var {text}=VALUE`")));
    };
    crate::template::check_name(name).map_err(|reason| Stop::usage(format!("`--var {name}=…`: {reason}")))?;
    let value = match crate::json::parse(value.as_bytes()) {
        Ok(parsed) if parsed.inexact.is_empty() => parsed.value,
        Ok(_) => {
            let way = format!("write `--var '{name}=\"…\"'` for text");
            return Err(Stop::usage(format!("`--var {name}=…`: no number holds it exactly; {way}")));
        }
        Err(_) => Value::from(value),
    };
    Ok((name.to_owned(), value))
}

/// The flags that decide what a case meets; those that select or print do not matter for one case.
fn rerun(args: &TestArgs, around: &Surroundings, caller: Caller) -> String {
    let mut words: Vec<String> = match caller {
        Caller::Command => vec!["callsheet".to_owned(), "test".to_owned()],
        Caller::Harness => {
            let mut words = vec!["cargo".to_owned(), "test".to_owned()];
            if let Some(package) = around.variable("CARGO_PKG_NAME") {
                words.extend(["-p".to_owned(), package.to_owned()]);
            }
            words.extend(["--test".to_owned(), test_target(&around.program), "--".to_owned()]);
            words
        }
    };
    let mut flag = |name: &str, value: Option<&str>| {
        if let Some(value) = value {
            words.extend([name.to_owned(), quoted(value)]);
        }
    };
    flag("--server", args.suite.server.as_deref());
    flag("--url", args.suite.url.as_deref());
    flag("--pat-env", args.suite.pat_env.as_deref());
    flag("--env-file", args.env_file.as_ref().map(|path| path.to_string_lossy()).as_deref());
    flag("--protocol", args.protocol.as_deref());
    args.suite.vars.iter().for_each(|var| flag("--var", Some(var)));
    if args.include_ignored || args.ignored {
        words.push("--include-ignored".to_owned());
    }
    // The suite is looked for from the first path.
    words
        .extend(args.what.iter().filter(|word| is_path(word)).take(1).map(|word| quoted(split_line(word).0)));
    words.push("--exact".to_owned());
    words.join(" ")
}

/// `scenarios` of `target/debug/deps/scenarios-0123456789abcdef`.
fn test_target(program: &str) -> String {
    let name = Path::new(program).file_stem().map(|name| name.to_string_lossy()).unwrap_or_default();
    let is_hash = |hash: &str| hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    name.rsplit_once('-').filter(|(_, hash)| is_hash(hash)).map_or(&*name, |(name, _)| name).to_owned()
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests;

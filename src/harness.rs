//! Cases to libtest-mimic's trials. A trial waits for its case and does not execute it, so that one server's
//! limits do not stop the others. What is selected was decided before; nothing here parses or prints.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use libtest_mimic::{Arguments, ColorSetting, Completion, Conclusion, Failed, FormatSetting, Trial};

use crate::diagnostic::Style;
use crate::event::{Event, Kind, Verdict};
use crate::plan::{IgnoredCases, Plan, Selected};
use crate::report::failure_text;

/// How deselected cases are called, so that one `--skip` counts them as filtered out. No case can have the
/// name: names are slugs.
const DESELECTED: &str = "\u{0}deselected";

/// The most threads that wait for cases. More would only cost memory: what runs does not depend on them.
const WAITERS: usize = 64;

/// A case as libtest sees it.
#[derive(Clone, Debug)]
pub struct Item {
    /// Its index in the plan.
    pub index: usize,
    /// Its name.
    pub name: Arc<str>,
    /// Whether its scenario says `skip`.
    pub skipped: bool,
}

/// The selected cases, in their order.
#[must_use]
pub fn items(plan: &Plan, selected: &Selected) -> Vec<Item> {
    let item = |index: &usize| {
        let case = plan.cases.get(*index)?;
        let skipped = plan.scenario(case).is_some_and(|scenario| scenario.skip.is_some());
        Some(Item { index: *index, name: Arc::clone(&case.name), skipped })
    };
    selected.cases.iter().filter_map(item).collect()
}

/// A format of libtest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// A line for each test.
    #[default]
    Pretty,
    /// A character for each test.
    Terse,
    /// A JSON object for each event.
    Json,
}

/// What libtest-mimic is told.
#[derive(Clone, Debug)]
pub struct Options {
    /// `--list`: names only; nothing is waited for.
    pub list: bool,
    /// What happens to cases that their scenario skips.
    pub ignored: IgnoredCases,
    /// Cases at once: with one, each is announced before it is run.
    pub threads: NonZeroUsize,
    /// The format.
    pub format: Format,
    /// Whether there is colour.
    pub style: Style,
    /// Where it writes; none for stdout.
    pub output: Option<PathBuf>,
}

/// Lists the cases, or waits for each of them with `wait`, which gets the case's index and gives its
/// [`Kind::CaseEnded`].
pub fn run<W>(cases: Vec<Item>, filtered_out: usize, options: &Options, wait: W) -> Conclusion
where
    W: Fn(usize) -> Option<Arc<Event>> + Send + Sync + 'static,
{
    let wait = Arc::new(wait);
    // libtest-mimic prints no reason for a test that is ignored by flag, so the flag is set only where
    // somebody asks which tests are ignored.
    let by_flag = options.list || options.ignored != IgnoredCases::Ignore;
    // The failure's text is a string in JSON.
    let style = if options.format == Format::Json { Style::Plain } else { options.style };
    let arguments = arguments(options, cases.len());
    let mut trials: Vec<Trial> = cases
        .into_iter()
        .map(|case| {
            let wait = Arc::clone(&wait);
            let trial =
                Trial::ignorable_test(&*case.name, move || outcome(wait(case.index).as_deref(), style));
            trial.with_ignored_flag(by_flag && case.skipped)
        })
        .collect();
    trials.extend((0..filtered_out).map(|_| Trial::test(DESELECTED, || Ok(()))));
    libtest_mimic::run(&arguments, trials)
}

fn arguments(options: &Options, cases: usize) -> Arguments {
    let waiters = match options.threads.get() {
        1 => 1,
        _ => cases.clamp(2, WAITERS),
    };
    Arguments {
        list: options.list,
        ignored: options.ignored == IgnoredCases::Only,
        include_ignored: options.ignored == IgnoredCases::Include,
        test_threads: Some(waiters),
        skip: vec![DESELECTED.to_owned()],
        format: Some(match options.format {
            Format::Pretty => FormatSetting::Pretty,
            Format::Terse => FormatSetting::Terse,
            Format::Json => FormatSetting::Json,
        }),
        color: Some(match options.style {
            Style::Plain => ColorSetting::Never,
            Style::Colour => ColorSetting::Always,
        }),
        logfile: options.output.as_ref().map(|path| path.to_string_lossy().into_owned()),
        ..Arguments::default()
    }
}

fn outcome(event: Option<&Event>, style: Style) -> Result<Completion, Failed> {
    let Some(Kind::CaseEnded(ended)) = event.map(|event| &event.happening().kind) else {
        return Err("the run ended without a verdict on this case; please report this as a bug".into());
    };
    match &ended.verdict {
        Verdict::Passed => Ok(Completion::Completed),
        Verdict::Failed => Err(failure_text(ended, style).into()),
        Verdict::Ignored(reason)
        | Verdict::Unmet(reason)
        | Verdict::KnownBug(reason)
        | Verdict::NotRun(reason) => Ok(Completion::ignored_with(one_line(reason))),
    }
}

/// A reason stands within a line of libtest's output.
fn one_line(reason: &str) -> String {
    reason.split(char::is_control).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;
    use crate::auth::Redactor;
    use crate::event::{CaseEnded, Happening, Place};
    use crate::source::Position;

    fn ended(name: &str, verdict: Verdict) -> Option<Arc<Event>> {
        let place = Place { path: "a.yaml".to_owned(), position: Position { line: 1, column: 1 } };
        let kind = Kind::CaseEnded(CaseEnded {
            case: name.into(),
            title: name.to_owned(),
            place,
            verdict,
            duration: Duration::ZERO,
            findings: Vec::new(),
            problems: Vec::new(),
            notes: vec!["look here".to_owned()],
            rerun: format!("callsheet test --exact {name}"),
        });
        Some(Arc::new(Redactor::new().seal(Happening { at: Duration::ZERO, kind })))
    }

    fn cases() -> Vec<Item> {
        ["good", "bad", "skipped", "late"]
            .iter()
            .enumerate()
            .map(|(index, name)| Item { index, name: (*name).into(), skipped: *name == "skipped" })
            .collect()
    }

    /// Output, counts, and how many cases were waited for.
    fn go(options: Options, cases: Vec<Item>) -> (String, Conclusion, usize) {
        let file = tempfile::NamedTempFile::new().unwrap();
        let options = Options { output: Some(file.path().to_owned()), ..options };
        let waited = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&waited);
        let runs_skipped = options.ignored != IgnoredCases::Ignore;
        let conclusion = run(cases, 7, &options, move |index| {
            count.fetch_add(1, Ordering::SeqCst);
            match index {
                0 => ended("good", Verdict::Passed),
                1 => ended("bad", Verdict::Failed),
                2 if runs_skipped => ended("skipped", Verdict::Passed),
                2 => ended("skipped", Verdict::Ignored("bug\n12".to_owned())),
                3 => ended("late", Verdict::NotRun("not run: interrupted".to_owned())),
                _ => None,
            }
        });
        let output = std::fs::read_to_string(file.path()).unwrap();
        (output, conclusion, waited.load(Ordering::SeqCst))
    }

    fn options() -> Options {
        Options {
            list: false,
            ignored: IgnoredCases::Ignore,
            threads: NonZeroUsize::MIN,
            format: Format::Pretty,
            style: Style::Plain,
            output: None,
        }
    }

    #[test]
    fn a_run_reads_like_libtest() {
        let (output, conclusion, waited) = go(options(), cases());
        let (shown, _) = output.rsplit_once(" finished in ").unwrap();
        insta::assert_snapshot!(shown);
        assert_eq!((conclusion.num_passed, conclusion.num_failed, conclusion.num_ignored), (1, 1, 2));
        assert_eq!((conclusion.num_filtered_out, waited), (7, 4));
    }

    #[test]
    fn a_list_waits_for_nothing() {
        let (output, _, waited) = go(Options { list: true, ..options() }, cases());
        assert_eq!(output, "good: test\nbad: test\nskipped: test\nlate: test\n");
        let only = Options { list: true, ignored: IgnoredCases::Only, ..options() };
        let (output, _, waited_again) = go(only, cases());
        assert_eq!(output, "skipped: test\n");
        assert_eq!(waited + waited_again, 0);
    }

    #[test]
    fn skipped_cases_run_when_they_are_asked_for() {
        let skipped = || cases().into_iter().filter(|case| case.skipped).collect::<Vec<_>>();
        for ignored in [IgnoredCases::Only, IgnoredCases::Include] {
            let (_, conclusion, waited) = go(Options { ignored, ..options() }, skipped());
            assert_eq!((conclusion.num_passed, conclusion.num_filtered_out, waited), (1, 7, 1));
        }
    }

    #[test]
    fn a_case_without_a_verdict_fails() {
        let lost = vec![Item { index: 9, name: "lost".into(), skipped: false }];
        let (output, conclusion, _) = go(options(), lost);
        assert_eq!(conclusion.num_failed, 1);
        assert!(output.contains("without a verdict"), "{output}");
    }

    #[test]
    fn failure_texts_are_plain_in_json() {
        let options = Options { format: Format::Json, style: Style::Colour, ..options() };
        let (output, _, _) = go(options, cases());
        for line in output.lines() {
            serde_json::from_str::<serde_json::Value>(line).unwrap();
        }
        assert!(!output.contains("u001b"), "{output}");
    }
}

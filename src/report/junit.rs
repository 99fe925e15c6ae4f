//! `--report junit=PATH`: one test suite with a test case for each case. Written whole at the end, since the
//! counts stand at its head.

use std::io::{self, Write};
use std::time::Duration;

use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};

use super::failure_text;
use crate::diagnostic::Style;
use crate::doctor::page;
use crate::event::{CaseEnded, Event, Kind, Verdict};
use crate::run::Consumer;

const TITLE: &str = "callsheet";

/// Collects the cases and writes JUnit XML.
#[derive(Debug)]
pub struct Junit<W: Write> {
    out: W,
    name: String,
    suite: TestSuite,
    seed: Option<u64>,
    time: Duration,
    diagnoses: Vec<String>,
}

impl<W: Write> Junit<W> {
    /// Writes to `out`; `name` is what messages call the report.
    pub fn new(out: W, name: impl Into<String>) -> Self {
        Self {
            out,
            name: name.into(),
            suite: TestSuite::new(TITLE),
            seed: None,
            time: Duration::ZERO,
            diagnoses: Vec::new(),
        }
    }
}

impl<W: Write + Send> Consumer for Junit<W> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        let happening = event.happening();
        self.time = happening.at;
        match &happening.kind {
            Kind::RunStarted(started) => self.seed = Some(started.seed),
            Kind::CaseEnded(ended) => {
                self.suite.add_test_case(case(ended));
            }
            // It is of no case.
            Kind::Diagnosed(diagnosis) => self.diagnoses.push(page::whole(diagnosis, Style::Plain)),
            Kind::CaseStarted { .. } | Kind::StepEnded(_) | Kind::ToolsListed(_) | Kind::RunEnded(_) => {}
        }
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        let mut suite = std::mem::replace(&mut self.suite, TestSuite::new(TITLE));
        suite.set_time(self.time);
        if let Some(seed) = self.seed {
            suite.add_property(Property::new("seed", seed.to_string()));
        }
        if !self.diagnoses.is_empty() {
            suite.set_system_err(self.diagnoses.join("\n"));
        }
        let mut report = Report::new(TITLE);
        report.set_time(self.time);
        report.add_test_suite(suite);
        let text = report.to_string().map_err(io::Error::other)?;
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }

    fn name(&self) -> String {
        self.name.clone()
    }
}

fn case(ended: &CaseEnded) -> TestCase {
    let status = match &ended.verdict {
        Verdict::Passed => TestCaseStatus::success(),
        Verdict::Failed => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            if let Some(first) = first_problem(ended) {
                status.set_message(&first.message).set_type(first.code.as_str());
            }
            status.set_description(failure_text(ended, Style::Plain));
            status
        }
        Verdict::Ignored(reason)
        | Verdict::Unmet(reason)
        | Verdict::KnownBug(reason)
        | Verdict::NotRun(reason) => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(reason);
            status
        }
    };
    let mut case = TestCase::new(&*ended.case, status);
    // CI servers group by class: the modules of the name.
    case.set_classname(ended.case.rsplit_once("::").map_or(TITLE, |(modules, _)| modules));
    case.set_time(ended.duration);
    case.add_property(Property::new("title", &ended.title));
    case.extra.insert("file".into(), ended.place.path.as_str().into());
    case.extra.insert("line".into(), ended.place.position.line.to_string().into());
    if !ended.notes.is_empty() {
        case.set_system_out(ended.notes.join("\n"));
    }
    case
}

fn first_problem(ended: &CaseEnded) -> Option<&crate::diagnostic::Diagnostic> {
    ended.findings.iter().flat_map(|step| &step.problems).chain(&ended.problems).find(|it| it.is_error())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::failure::examples;

    #[test]
    fn cases_become_test_cases() {
        let mut out = Vec::new();
        let mut report = Junit::new(&mut out, "the report");
        for event in examples::run() {
            report.event(&event).unwrap();
        }
        report.finish().unwrap();
        drop(report);
        insta::assert_snapshot!(String::from_utf8(out).unwrap());
    }
}

//! What is made of an exchange: `save`, the implied checks and `expect`.

use super::implied::{Levels, Subject, http_holds};
use super::save::save;
use super::step::{Current, Failed};
use crate::diagnostic::{Code, Diagnostic};
use crate::exchange::{Exchange, Outcome, Phase, Verb, View};
use crate::matcher::{Actual, Mismatch};
use crate::mcp::Version;
use crate::model::{Level, Target};
use crate::plan::Save;
use crate::servers::Entry;
use crate::snapshot::{self, Record};

/// What `save` and `expect` find wrong.
struct Compared<'a> {
    unsaved: Vec<Diagnostic>,
    mismatches: Vec<Mismatch>,
    /// What `--update` may write of it.
    record: Record<'a>,
}

impl Compared<'_> {
    fn differs(&self) -> bool {
        !self.unsaved.is_empty() || !self.mismatches.is_empty()
    }
}

impl<'a> Current<'_, 'a> {
    /// Saves and compares.
    fn compare(&mut self, view: &View) -> Compared<'a> {
        let document = self.frame.document;
        let redactor = &self.running.shared.config.redactor;
        let scope = &mut self.frame.scope;
        let save = |entry: &Save| {
            let problem = save(entry, document, view, scope, redactor).err()?;
            // What the name stood for before is not what later steps mean by it.
            scope.forget(&entry.name.value);
            Some(*problem)
        };
        let unsaved = self.step.save.iter().filter_map(save).collect();
        let record = self.running.shared.config.snapshots.record(snapshot::Step {
            case: self.running.case,
            scenario: self.running.scenario,
            document,
            known_bug: self.step.known_bug.is_some(),
            eventually: self.step.eventually.is_some(),
        });
        let mismatches = self.step.expect.as_ref().map_or_else(Vec::new, |expect| {
            let actual = Actual { value: &view.value, inexact: &view.inexact };
            expect.verify(actual, &self.frame.scope, &record)
        });
        Compared { unsaved, mismatches, record }
    }

    /// Everything that is wrong with an exchange, the most important first.
    pub(super) async fn judge(&mut self, exchange: &Exchange) -> Vec<Diagnostic> {
        if self.frame.clock.is_stopped() && exchange.outcome == Outcome::Closed {
            return vec![*self.interrupted()];
        }
        let document = self.frame.document;
        let mut compared = match self.step.reads().filter(|_| !self.running.shared.events().read()) {
            Some(fields) => self.compare(&exchange.part(&fields)),
            None => self.compare(exchange.view()),
        };
        if compared.differs() {
            // What is wrong is told with all that is known.
            let whole = self.compare(exchange.view());
            if whole.differs() {
                compared = whole;
            }
        }
        let Compared { unsaved, mismatches, record } = compared;
        let places: Vec<String> = mismatches.iter().map(|mismatch| mismatch.actual_at.clone()).collect();
        let (output, unchecked) = match self.output(exchange).await {
            Ok(output) => (output, None),
            Err(problem) => (None, Some(*problem)),
        };
        let subject = Subject {
            step: self.step,
            site: self.site(),
            exchange,
            http_holds: http_holds(self.step, &places),
            case_is_over: self.frame.clock.is_over(),
            levels: self.levels(),
            is_program: self.entry().is_some_and(|entry| matches!(entry.model.target, Target::Command(_))),
            output,
        };
        // Without an answer, or a session, every expectation and every save would fail for that one reason.
        let mut problems = match subject.answered() {
            Err(problem) => vec![*problem],
            Ok(()) => {
                let mut problems = subject.violated();
                problems.extend(unchecked);
                let unopened = problems.iter().any(|problem| problem.code == Code::OpenFailed);
                let clean = unsaved.is_empty() && !problems.iter().any(Diagnostic::is_error);
                let mismatches = record.settle(mismatches, clean);
                // What speaks of the refusal itself is shown: another status than the one that is expected.
                let told = mismatches
                    .iter()
                    .filter(|mismatch| !unopened || mismatch.actual_at.starts_with("$.http"));
                problems.extend(told.map(|mismatch| mismatch.explain(document)));
                if !unopened {
                    problems.extend(unsaved);
                }
                problems
            }
        };
        Self::explain_start(exchange, &mut problems);
        self.explain_wait(exchange, &mut problems);
        self.explain_call(exchange, &mut problems);
        self.explain_refusal(exchange, &mut problems);
        problems
    }

    /// 401 and 403 do not say why; where the token came from is the first thing to know.
    fn explain_refusal(&self, exchange: &Exchange, problems: &mut [Diagnostic]) {
        let status = exchange.http.as_ref().map(|http| http.status);
        let (Some(status @ (401 | 403)), Some(first)) = (status, problems.first_mut()) else { return };
        let Some(entry) = self.entry() else { return };
        let identity = &self.identity;
        match entry.model.credential(identity) {
            Some(credential) => {
                let place = credential.describe();
                first
                    .notes
                    .push(format!("HTTP {status}: the token of identity `{identity}` came from {place}"));
            }
            None => {
                first.notes.push(format!("HTTP {status}: no token was sent, identity `{identity}` has none"));
                if identity == "default" {
                    let help = "name the token's place: `auth: {pat: {env: NAME}}` of the server in the suite, or \
                                `--pat-env NAME` beside `--url`";
                    first.help.push(help.to_owned());
                }
            }
        }
        let is_listing = exchange.sent.as_ref().is_some_and(|sent| sent.method == "tools/list");
        if self.running.shared.config.diagnose && (exchange.phase == Phase::Open || is_listing) {
            first.notes.push("why is asked once, and told at the end of the run".to_owned());
            return;
        }
        let now = (self.running.shared.config.now)();
        first.notes.extend(self.running.shared.servers.remarks(entry, identity, now));
    }

    pub(super) fn entry(&self) -> Option<&Entry> {
        self.running.shared.servers.get(&self.server)
    }

    fn levels(&self) -> Levels {
        let shared = self.running.shared;
        let server = self.entry().map(|entry| entry.model.checks).unwrap_or_default();
        Levels::of(&[self.step.checks, self.running.scenario.checks, server, shared.plan.suite.checks])
    }

    /// What is wrong by the output schema of the tool that was called, where the check is on and the tool declares
    /// one.
    async fn output(&self, exchange: &Exchange) -> Result<Option<Vec<String>>, Failed> {
        let called =
            matches!(self.step.verb.value, Verb::Call | Verb::Request) && exchange.phase == Phase::Step;
        let ignored = self.levels().output_schema == Level::Ignore;
        if !called || ignored || exchange.is_error() != Some(false) {
            return Ok(None);
        }
        let running = self.running;
        let name = exchange.sent.as_ref().and_then(|sent| sent.params.get("name")?.as_str());
        let session = running.session(&self.server, &self.identity);
        let (Some(tool), Some(session)) = (name, session) else { return Ok(None) };
        let version = exchange.protocol.as_deref().unwrap_or_default();
        let structured = exchange.answer.result.as_ref().and_then(|result| result.get("structuredContent"));
        // Before structured content came with a version, only what is there can be wrong.
        if structured.is_none() && Version::parse(version).is_some_and(|version| !version.has_structured()) {
            return Ok(None);
        }
        let key = format!("{}\n{}\n{version}\n{tool}", self.server, self.identity);
        let output = match self.held("the tools were listed", session.tools()).await? {
            Ok(tools) => running.shared.outputs.of(key, tool, &tools.items),
            Err(reason) => {
                running.note(format!(
                    "output schemas were not checked: the tools could not be listed: {reason}"
                ));
                None
            }
        };
        let Some(output) = output else { return Ok(None) };
        self.held("the structured content was checked", output.wrong(structured)).await.map(Some)
    }
}

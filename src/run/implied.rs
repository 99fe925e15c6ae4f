//! The implied checks: what every step expects without saying so. Each can be lifted only by naming what it is
//! about, so that nothing passes silently.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use jsonschema::Validator;
use serde_json::Value;

use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::exchange::{Exchange, Outcome, Phase, Verb};
use crate::matcher::Matcher;
use crate::model::{Checks, Level, shown_duration};
use crate::plan::Step;
use crate::source::Site;

/// How far a pattern of a server's schema may backtrack.
const BACKTRACKS: usize = 100_000;

/// The server needs a capability that the client did not declare.
const MISSING_CAPABILITY: &str = "-32021";

/// How many violations one message lists.
const SHOWN: usize = 5;

/// What the implied checks of a step look at.
pub(super) struct Subject<'a> {
    pub(super) step: &'a Step,
    pub(super) site: Site,
    pub(super) exchange: &'a Exchange,
    /// Whether `http` is expected with a status, and holds.
    pub(super) http_holds: bool,
    /// Whether the case's own timeout has passed.
    pub(super) case_is_over: bool,
    pub(super) levels: Levels,
    /// What is wrong by the tool's output schema; none where it has none or is not asked.
    pub(super) output: Option<Vec<String>>,
}

/// The levels of the checks that can be set.
#[derive(Clone, Copy)]
pub(super) struct Levels {
    wire: Level,
    pub(super) output_schema: Level,
}

impl Levels {
    /// What is set nearest to the step counts.
    pub(super) fn of(from_inside_out: &[Checks]) -> Self {
        let level = |pick: fn(&Checks) -> Option<Level>| {
            from_inside_out.iter().find_map(pick).unwrap_or(Level::Error)
        };
        Self { wire: level(|checks| checks.wire), output_schema: level(|checks| checks.output_schema) }
    }
}

impl Subject<'_> {
    fn names(&self, field: &str) -> bool {
        self.step.expect.as_ref().is_some_and(|expect: &Matcher| expect.names(field))
    }

    fn problem(&self, code: Code, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(code, self.site.clone(), message)
    }

    /// Whether the step has an answer that its expectations can be compared with; if not, the problem.
    pub(super) fn answered(&self) -> Result<(), Box<Diagnostic>> {
        let exchange = self.exchange;
        let cause = exchange.cause.clone();
        let code = if exchange.phase == Phase::Open { Code::OpenFailed } else { Code::Implied };
        let opening = if exchange.phase == Phase::Open { "the session could not be opened: " } else { "" };
        if self.names("outcome") || (exchange.phase == Phase::Open && self.names("phase")) {
            return Ok(());
        }
        let problem = match exchange.outcome {
            Outcome::Answered => return Ok(()),
            Outcome::TimedOut if self.case_is_over => {
                let message = format!("{opening}the `timeout` of the whole case has passed");
                let help = "raise `timeout` of the scenario: it holds for all of its steps together";
                self.problem(Code::TimedOut, message).label("this step").help(help)
            }
            Outcome::TimedOut => {
                let cause = cause
                    .unwrap_or_else(|| format!("no answer within {}", shown_duration(exchange.duration)));
                let problem = self.problem(Code::TimedOut, format!("{opening}{cause}"));
                let raise = match exchange.phase {
                    Phase::Open => "`timeouts: {start: …}` of the server",
                    Phase::Step => "`timeout` of the step or `timeouts: {step: …}` of the server",
                };
                let help = format!("raise {raise}, or expect it: `outcome: timed_out`");
                return Err(Box::new(problem.label("this step").help(help)));
            }
            Outcome::Closed => self
                .problem(code, format!("{opening}the connection ended before the answer was whole"))
                .label("this step"),
            Outcome::Unreachable => self
                .problem(code, format!("{opening}the server cannot be reached"))
                .label("this step")
                .help("start the server, or correct its address"),
        };
        Err(Box::new(match cause {
            Some(cause) => problem.note(cause),
            None => problem,
        }))
    }

    /// Every implied check that does not hold, but for [`Self::answered`].
    pub(super) fn violated(&self) -> Vec<Diagnostic> {
        let mut problems = Vec::new();
        if self.exchange.outcome == Outcome::Answered {
            // What else is wrong with the answer is why the session was not opened; and a refusal need not be a
            // message: who guards the address may know nothing of the protocol.
            if let Some(problem) = self.opened() {
                return vec![problem];
            }
            if !(self.http_holds && self.is_refused()) && self.exchange.phase == Phase::Step {
                problems.extend(self.error());
            }
            problems.extend(self.tool_error());
            problems.extend(self.output_schema());
        }
        // An answer to raw HTTP need not be a message at all.
        let raw = self.step.verb.value == Verb::Http;
        if !(self.http_holds && (self.is_refused() || raw)) {
            problems.extend(self.wire());
        }
        problems.extend(self.asked());
        problems
    }

    /// Whether the HTTP status is that of a failure.
    fn is_refused(&self) -> bool {
        self.exchange.http.as_ref().is_some_and(|http| http.status >= 400)
    }

    fn opened(&self) -> Option<Diagnostic> {
        // `outcome: answered` says nothing of a refused opening, nor does an `error` that is not there.
        let lifted = self.http_holds && self.is_refused()
            || self.names("phase")
            || self.exchange.answer.error.is_some() && self.names("error");
        if self.exchange.phase == Phase::Step || lifted {
            return None;
        }
        let problem = self
            .problem(Code::OpenFailed, format!("the session could not be opened: {}", reason(self.exchange)));
        Some(problem.label("the first step that needs it"))
    }

    fn error(&self) -> Option<Diagnostic> {
        let error = self.exchange.answer.error.as_ref().filter(|_| !self.names("error"))?;
        let code = error.get("code").map(Value::to_string).unwrap_or_default();
        let message = error.get("message").and_then(Value::as_str).unwrap_or_default();
        let mut problem = self
            .problem(Code::Implied, format!("the server answered with error {code}: {message}"))
            .label("implied: no `error`");
        if code == MISSING_CAPABILITY {
            problem = problem.help(
                "a rule of `respond` declares what it needs; `client: {capabilities: …}` declares anything",
            );
        }
        Some(
            problem
                .help(format!("if that is what you expect, say so: `expect: {{error: {{code: {code}}}}}`")),
        )
    }

    fn tool_error(&self) -> Option<Diagnostic> {
        if self.exchange.is_error() != Some(true) || self.names("is_error") {
            return None;
        }
        let text = self.exchange.text().unwrap_or_default();
        let first = text.lines().next().unwrap_or_default();
        let said = if first.is_empty() { String::new() } else { format!(": {}", shortened(first)) };
        Some(
            self.problem(Code::Implied, format!("the tool reports an error{said}"))
                .label("implied: `is_error: false`")
                .help("if that is what you expect, say so: `expect: {is_error: true}`"),
        )
    }

    fn output_schema(&self) -> Option<Diagnostic> {
        let severity = severity(self.levels.output_schema)?;
        let wrong = self.output.as_ref()?;
        let first = wrong.first()?;
        let mut problem = Diagnostic::new(
            Code::Implied,
            severity,
            Some(self.site.clone()),
            format!("the structured content does not obey the tool's output schema: {first}"),
        );
        problem.notes.extend(wrong.iter().skip(1).take(SHOWN).cloned());
        Some(
            problem
                .label("implied: `structured` obeys `outputSchema`")
                .help("mend the server, or set `checks: {output_schema: warn}` where that is known"),
        )
    }

    fn wire(&self) -> Option<Diagnostic> {
        let severity = severity(self.levels.wire)?;
        let (first, rest) = self.exchange.wire.split_first()?;
        let text = |violation: &crate::exchange::Violation| {
            let at = if violation.pointer.is_empty() {
                String::new()
            } else {
                format!(" at {}", violation.pointer)
            };
            format!("{}{at} ({})", violation.message, violation.section)
        };
        let mut problem = Diagnostic::new(
            Code::Wire,
            severity,
            Some(self.site.clone()),
            format!("the answer breaks the protocol: {}", text(first)),
        );
        problem.notes.extend(rest.iter().take(SHOWN).map(text));
        if rest.len() > SHOWN {
            problem = problem.note(format!("and {} more", rest.len() - SHOWN));
        }
        Some(problem.label("implied: a valid message"))
    }

    fn asked(&self) -> Vec<Diagnostic> {
        let unexpected = self.exchange.asked.iter().filter(|asked| asked.unexpected);
        unexpected
            .map(|asked| {
                self.problem(
                    Code::Unanswered,
                    format!("the server asked `{}`, and nothing answers it", asked.method),
                )
                .note(format!("its params: {}", shortened(&asked.params.to_string())))
                .help(format!("write what answers it: `respond: [{{to: {}, result: …}}]`", asked.method))
            })
            .collect()
    }
}

fn severity(level: Level) -> Option<Severity> {
    match level {
        Level::Error => Some(Severity::Error),
        Level::Warn => Some(Severity::Warning),
        Level::Ignore => None,
    }
}

/// Why an opening failed, in a few words.
fn reason(exchange: &Exchange) -> String {
    let refused = exchange.http.as_ref().is_some_and(|http| http.status >= 300);
    // Where the status says it all, the body need not be a message.
    let broken = exchange.wire.first().filter(|_| !refused).map(|violation| violation.message.clone());
    let error = exchange.answer.error.as_ref().and_then(|error| error.get("message")).and_then(Value::as_str);
    broken
        .or_else(|| exchange.cause.clone())
        .or_else(|| error.map(str::to_owned))
        .unwrap_or_else(|| "the answer does not open one".to_owned())
}

fn shortened(text: &str) -> String {
    const LONGEST: usize = 160;
    if text.chars().count() <= LONGEST {
        text.to_owned()
    } else {
        text.chars().take(LONGEST).chain(['…']).collect()
    }
}

/// Whether the expectation speaks of the HTTP status and it holds, so that an answer which is no message is
/// judged by it alone.
pub(super) fn http_holds(step: &Step, failed_places: &[String]) -> bool {
    let named = step.expect.as_ref().is_some_and(|expect| expect.names_member("http", "status"));
    named && !failed_places.iter().any(|place| place.starts_with("$.http"))
}

/// How long a check by an output schema may take. A server can write one that takes forever.
const PATIENCE: Duration = Duration::from_secs(5);

/// A tool's output schema, compiled when it is first needed.
pub(super) struct Output {
    schema: Value,
    compiled: OnceLock<Result<Validator, String>>,
    /// Whether a check took longer than [`PATIENCE`]: it is not begun again.
    slow: AtomicBool,
}

impl Output {
    /// What is wrong with the structured content of a result. It is found out on a thread of its own: schema and
    /// content are the server's, and no deadline ends a computation.
    pub(super) async fn wrong(self: Arc<Self>, structured: Option<&Value>) -> Vec<String> {
        let too_slow =
            || vec![format!("the check by the output schema takes longer than {} s", PATIENCE.as_secs())];
        let Some(structured) = structured.cloned() else {
            return vec![
                "there is no structuredContent, though the tool declares an outputSchema".to_owned(),
            ];
        };
        if self.slow.load(Ordering::Relaxed) {
            return too_slow();
        }
        let output = Arc::clone(&self);
        let check = tokio::task::spawn_blocking(move || output.errors(&structured));
        match tokio::time::timeout(PATIENCE, check).await {
            Ok(found) => found.unwrap_or_else(|_| vec!["the check by the output schema failed".to_owned()]),
            Err(_) => {
                self.slow.store(true, Ordering::Relaxed);
                too_slow()
            }
        }
    }

    fn errors(&self, value: &Value) -> Vec<String> {
        let compile = || {
            jsonschema::options()
                // Patterns of a schema may look around; how long that may take is bounded.
                .with_pattern_options(jsonschema::PatternOptions::fancy_regex().backtrack_limit(BACKTRACKS))
                .build(&self.schema)
                .map_err(|error| error.to_string())
        };
        match self.compiled.get_or_init(compile) {
            Err(error) => vec![format!("the schema itself is not valid: {error}")],
            Ok(validator) => validator
                .iter_errors(value)
                .take(SHOWN + 1)
                .map(|error| {
                    let at = error.instance_path().to_string();
                    if at.is_empty() { error.to_string() } else { format!("{error} at {at}") }
                })
                .collect(),
        }
    }
}

/// The output schemas of a run.
#[derive(Default)]
pub(super) struct Outputs(Mutex<HashMap<String, Option<Arc<Output>>>>);

impl Outputs {
    /// The schema of a tool; `key` names server, identity, version and tool.
    pub(super) fn of(&self, key: String, schema: impl FnOnce() -> Option<Value>) -> Option<Arc<Output>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let output = |schema| Output { schema, compiled: OnceLock::new(), slow: AtomicBool::new(false) };
        known.entry(key).or_insert_with(|| schema().map(output).map(Arc::new)).clone()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    async fn wrong(schema: Value) -> Vec<String> {
        let outputs = Outputs::default();
        let output = outputs.of("tool".to_owned(), || Some(schema)).unwrap();
        output.wrong(Some(&json!({"a": "b"}))).await
    }

    #[tokio::test]
    async fn a_schema_that_refers_to_itself_ends() {
        assert!(wrong(json!({"$ref": "#"})).await.is_empty());
        let there = json!({"$ref": "#/$defs/b"});
        let back = json!({"$ref": "#/$defs/a"});
        assert!(wrong(json!({"$ref": "#/$defs/a", "$defs": {"a": there, "b": back}})).await.is_empty());
    }

    #[tokio::test]
    async fn a_schema_makes_nobody_fetch_or_compute_without_end() {
        for (schema, reason) in [
            (json!({"$ref": "http://127.0.0.1:1/x.json"}), "is not present in a registry"),
            (json!({"$ref": "file:///etc/passwd"}), "is not present in a registry"),
            (json!({"$schema": "http://127.0.0.1:1/x.json"}), "Unknown meta-schema"),
            (json!({"properties": {"a": {"pattern": "((a{1000}){1000}){1000}"}}}), "is not a \"regex\""),
        ] {
            let wrong = wrong(schema).await;
            assert!(wrong[0].starts_with("the schema itself is not valid: "), "{wrong:?}");
            assert!(wrong[0].contains(reason), "{wrong:?}");
        }
    }

    #[test]
    fn a_check_without_end_holds_nobody() {
        // Each level doubles the work.
        let level = |n: usize| {
            let next = json!({"$ref": format!("#/$defs/a{}", n + 1)});
            (format!("a{n}"), json!({"anyOf": [next, next]}))
        };
        let mut defs: serde_json::Map<String, Value> = (0..60).map(level).collect();
        defs.insert("a60".to_owned(), json!({"type": "string"}));
        let schema = json!({"$ref": "#/$defs/a0", "$defs": defs});
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let output = Outputs::default().of("tool".to_owned(), || Some(schema)).unwrap();
        for _ in 0..2 {
            let wrong = runtime.block_on(Arc::clone(&output).wrong(Some(&json!({}))));
            assert_eq!(wrong, ["the check by the output schema takes longer than 5 s"]);
        }
        runtime.shutdown_background();
    }
}

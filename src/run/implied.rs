//! The implied checks: what every step expects without saying so. Each can be lifted only by naming what it is
//! about, so that nothing passes silently.

mod output;
mod same;
mod task;

pub(super) use output::Outputs;
use same::contradicts;
use serde_json::Value;

use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::exchange::{Asked, Check, Exchange, Outcome, Phase, Verb, Violation};
use crate::json;
use crate::matcher::Matcher;
use crate::model::{Checks, Level, shown_duration};
use crate::plan::Step;
use crate::source::Site;

/// The server needs a capability that the client did not declare.
const MISSING_CAPABILITY: &str = "-32021";

/// How many violations one message lists.
const SHOWN: usize = 5;

/// What stands beside the implied checks that a known bug may break.
const NO_ERROR: &str = "implied: no `error`";
const NO_TOOL_ERROR: &str = "implied: `is_error: false`";
const OBEYS: &str = "implied: `structured` obeys `outputSchema`";

/// Whether a problem is an `error`, a tool error or a broken output schema: of what is implied, a known bug is
/// about these only.
pub(super) fn can_be_known(problem: &Diagnostic) -> bool {
    let known = |label: &str| [NO_ERROR, NO_TOOL_ERROR, OBEYS].contains(&label);
    problem.code == Code::Implied && problem.labels.iter().any(|label| known(&label.text))
}

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
    /// Whether the server is a command.
    pub(super) is_program: bool,
    /// What is wrong by the tool's output schema; none where it has none or is not asked.
    pub(super) output: Option<Vec<String>>,
}

/// The levels of the checks that can be set.
#[derive(Clone, Copy)]
pub(super) struct Levels {
    wire: Level,
    order: Level,
    progress: Level,
    ids: Level,
    capabilities: Level,
    contradiction: Level,
    echo: Level,
    pub(super) output_schema: Level,
}

impl Levels {
    /// What is set nearest to the step counts.
    pub(super) fn of(from_inside_out: &[Checks]) -> Self {
        let set = |pick: fn(&Checks) -> Option<Level>| from_inside_out.iter().find_map(pick);
        let level = |pick| set(pick).unwrap_or(Level::Error);
        Self {
            wire: level(|checks| checks.wire),
            order: level(|checks| checks.order),
            progress: level(|checks| checks.progress),
            ids: level(|checks| checks.ids),
            capabilities: level(|checks| checks.capabilities),
            contradiction: level(|checks| checks.contradiction),
            // The answer may be right all the same: it is the server's log that would leak.
            echo: set(|checks| checks.echo).unwrap_or(Level::Warn),
            output_schema: level(|checks| checks.output_schema),
        }
    }

    fn of_check(self, check: Check) -> Level {
        match check {
            Check::Wire => self.wire,
            Check::Order => self.order,
            Check::Progress => self.progress,
            Check::Ids => self.ids,
            Check::Capabilities => self.capabilities,
        }
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
                let (cause, more) = cause.split_once('\n').unwrap_or((&cause, ""));
                let problem = self.problem(Code::TimedOut, format!("{opening}{cause}"));
                let problem = if more.is_empty() { problem } else { problem.note(more) };
                let raise = match exchange.phase {
                    Phase::Open => "`timeouts: {start: …}` of the server",
                    Phase::Step => "`timeout` of the step or `timeouts: {step: …}` of the server",
                };
                let help = format!("raise {raise}, or expect it: `outcome: timed_out`");
                return Err(Box::new(self.with_reasons(problem.label("this step").help(help))));
            }
            Outcome::Closed if exchange.sent.is_none() => {
                self.problem(code, format!("{opening}nothing was sent")).label("this step")
            }
            Outcome::Closed => self
                .problem(code, format!("{opening}the connection ended before the answer was whole"))
                .label("this step"),
            Outcome::Unreachable => self
                .problem(code, format!("{opening}the server cannot be reached"))
                .label("this step")
                .help(if self.is_program {
                    "correct `command` or `cwd` of the server in the suite"
                } else {
                    "start the server, or correct its address"
                }),
        };
        let problem = match cause {
            Some(cause) => problem.note(cause),
            None => problem,
        };
        Err(Box::new(self.with_reasons(problem)))
    }

    /// What was wrong before is often why no answer came.
    fn with_reasons(&self, mut problem: Diagnostic) -> Diagnostic {
        let told =
            self.exchange.wire.iter().filter(|found| self.levels.of_check(found.check) != Level::Ignore);
        problem.notes.extend(told.take(SHOWN).map(shown));
        let unexpected = self.exchange.asked.iter().filter(|asked| asked.unexpected);
        problem.notes.extend(unexpected.take(SHOWN).map(unanswered));
        problem
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
            problems.extend(self.not_taken());
            problems.extend(self.unended());
            problems.extend(self.task());
            problems.extend(self.output_schema());
            problems.extend(self.contradiction());
        }
        // An answer to raw HTTP need not be a message at all.
        let raw = self.step.verb.value == Verb::Http;
        if !(self.http_holds && (self.is_refused() || raw)) {
            problems.extend(self.wire());
        }
        problems.extend(self.asked());
        problems.extend(self.echo());
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
        // A request about a task that is refused is no failure of the task.
        let failed = self.exchange.followed.as_ref().is_some_and(|task| task.status == "failed");
        let subject = if failed { "the task failed" } else { "the server answered" };
        let mut problem =
            self.problem(Code::Implied, format!("{subject} with error {code}: {message}")).label(NO_ERROR);
        if let Some(cause) = self.exchange.cause.as_ref().filter(|_| self.exchange.followed.is_some()) {
            problem = problem.note(cause.clone());
        }
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
                .label(NO_TOOL_ERROR)
                .help("if that is what you expect, say so: `expect: {is_error: true}`"),
        )
    }

    /// A notification is taken with any 2xx.
    fn not_taken(&self) -> Option<Diagnostic> {
        let status = self.exchange.http.as_ref()?.status;
        if self.step.verb.value != Verb::Notify || (200..300).contains(&status) || self.http_holds {
            return None;
        }
        Some(
            self.problem(Code::Implied, format!("the server did not take the notification: HTTP {status}"))
                .label("implied: any 2xx")
                .help(format!(
                    "if that is what you expect, say so: `expect: {{http: {{status: {status}}}}}`"
                )),
        )
    }

    /// A step that goes to the end has not, where the last answer still asks for input.
    fn unended(&self) -> Option<Diagnostic> {
        let follows = matches!(self.step.verb.value, Verb::Call | Verb::Read | Verb::Prompt);
        let told = self.exchange.asked.iter().any(|asked| asked.unexpected);
        if !follows || told || !self.exchange.wants_input() {
            return None;
        }
        // The older eras have no such answer, and a member of this name means nothing there.
        let cause = self.exchange.cause.as_ref()?;
        Some(
            self.problem(Code::Implied, format!("the last answer still asks for input: {cause}"))
                .label("implied: it goes to the end")
                .help("`request` sends one message and follows nothing"),
        )
    }

    /// Text and structured content are one value, said twice.
    fn contradiction(&self) -> Option<Diagnostic> {
        let severity = severity(self.levels.contradiction)?;
        if self.exchange.is_error() != Some(false) {
            return None;
        }
        let result = self.exchange.answer.result.as_ref()?;
        let structured = result.get("structuredContent")?;
        let [block] = result.get("content")?.as_array()?.as_slice() else { return None };
        let text = block.get("text").filter(|_| block.get("type").is_some_and(|kind| kind == "text"))?;
        let text = json::parse(text.as_str()?.as_bytes()).ok()?.value;
        if !text.is_object() && !text.is_array() {
            return None;
        }
        let at = contradicts(&text, structured)?;
        let shown = |value: &Value| {
            value.pointer(&at).map_or("nothing".to_owned(), |found| shortened(&found.to_string()))
        };
        let place = if at.is_empty() { String::new() } else { format!(" at {at}") };
        let problem = Diagnostic::new(
            Code::Implied,
            severity,
            Some(self.site.clone()),
            format!("the text and the structured content contradict each other{place}"),
        );
        Some(
            problem
                .label("implied: both say the same")
                .note(format!("the text, parsed: {}", shown(&text)))
                .note(format!("the structured content: {}", shown(structured)))
                .help("mend the server, or set `checks: {contradiction: warn}` where that is known"),
        )
    }

    /// Whoever can read what the server writes can read the token.
    fn echo(&self) -> Option<Diagnostic> {
        let severity = severity(self.levels.echo)?;
        let place = self.exchange.echo.as_ref()?;
        let message = format!("the server sent the token back, in {place}");
        let problem = Diagnostic::new(Code::Implied, severity, Some(self.site.clone()), message);
        Some(
            problem
                .label("this step")
                .help("mend the server, or set `checks: {echo: ignore}` where that is known"),
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
                .label(OBEYS)
                .help("mend the server, or set `checks: {output_schema: warn}` where that is known"),
        )
    }

    /// What breaks the protocol, each check with its own level.
    fn wire(&self) -> impl Iterator<Item = Diagnostic> {
        Check::ALL.iter().filter_map(|check| self.broken(*check))
    }

    fn broken(&self, check: Check) -> Option<Diagnostic> {
        let severity = severity(self.levels.of_check(check))?;
        let found: Vec<&Violation> =
            self.exchange.wire.iter().filter(|violation| violation.check == check).collect();
        let (first, rest) = found.split_first()?;
        let mut problem = Diagnostic::new(
            Code::Wire,
            severity,
            Some(self.site.clone()),
            format!("{} breaks the protocol: {}", subject(check), shown(first)),
        );
        problem.notes.extend(rest.iter().take(SHOWN).map(|violation| shown(violation)));
        if rest.len() > SHOWN {
            problem = problem.note(format!("and {} more", rest.len() - SHOWN));
        }
        Some(match check {
            Check::Wire => problem.label("implied: a valid message"),
            Check::Order | Check::Progress | Check::Ids | Check::Capabilities => {
                let check = check.as_str();
                let help = format!("mend the server, or set `checks: {{{check}: warn}}` where that is known");
                problem.label(format!("implied: `{check}`")).help(help)
            }
        })
    }

    fn asked(&self) -> Vec<Diagnostic> {
        let unexpected = self.exchange.asked.iter().filter(|asked| asked.unexpected);
        unexpected
            .map(|asked| {
                self.problem(Code::Unanswered, unanswered(asked))
                    .note(format!("its params: {}", shortened(&asked.params.to_string())))
                    .help(format!("write what answers it: `respond: [{{to: {}, result: …}}]`", asked.method))
            })
            .collect()
    }
}

fn shown(violation: &Violation) -> String {
    let at = if violation.pointer.is_empty() { String::new() } else { format!(" at {}", violation.pointer) };
    format!("{}{at} ({})", violation.message, violation.section)
}

fn unanswered(asked: &Asked) -> String {
    format!("the server asked `{}`, and nothing answers it", shortened(&asked.method))
}

/// What breaks the protocol where a check does not hold.
fn subject(check: Check) -> &'static str {
    match check {
        Check::Wire | Check::Ids => "the answer",
        Check::Order => "the order of messages",
        Check::Progress => "the progress",
        Check::Capabilities => "the server",
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

//! Tasks: a call of which the server makes a task, and the way to that task's end. Both forms come to the same
//! exchange: core tasks of 2025-11-25, where the client asks for one (`tasks/get`, `tasks/result`), and the extension
//! of 2026-07-28, where the server chooses (`tasks/get`, `tasks/update`).

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use super::cancel::BACKGROUND;
use super::follow::{Way, behind, bytes};
use super::request::Message;
use super::session::{Deadline, Inner};
use super::{SendOptions, Version, wire};
use crate::exchange::{Answer, Check, Exchange, Outcome, Task, Violation};
use crate::model::shown_duration;

/// The name of the extension, in the capabilities of both sides.
pub const TASKS_EXTENSION: &str = "io.modelcontextprotocol/tasks";

/// What names the task that a message belongs to, in core tasks.
const RELATED: &str = "io.modelcontextprotocol/related-task";

/// How often a server is asked that does not say how often.
const PACE: Duration = Duration::from_secs(1);

/// How often a server is asked at most, whatever it says.
const FASTEST: Duration = Duration::from_millis(10);

/// How long a server is asked to keep a task, unless the step may take longer.
const KEPT: Duration = Duration::from_secs(3600);

impl Inner {
    /// Why a call of a tool cannot be made a task here; none where it can.
    pub(super) async fn takes_task(self: &Arc<Self>, tool: &str) -> Result<(), String> {
        let Some(facts) = self.known() else { return Err("the session is not open".to_owned()) };
        let version = facts.version;
        if version < Version::V2025_11_25 {
            let first = Version::V2025_11_25;
            return Err(format!("there are no tasks before {first}, and this session speaks {version}"));
        }
        if version.is_modern() {
            let declared = facts.capabilities.get("extensions").and_then(|all| all.get(TASKS_EXTENSION));
            return match declared {
                Some(declared) if !declared.is_null() => Ok(()),
                _ => Err(format!(
                    "the server has no tasks: it does not declare the extension `{TASKS_EXTENSION}`"
                )),
            };
        }
        if facts.capabilities.pointer("/tasks/requests/tools/call").is_none_or(Value::is_null) {
            return Err("the server has no tasks: it does not declare `tasks.requests.tools.call`".to_owned());
        }
        // Without a list the server has to say it.
        let Ok(tools) = self.tools().await else { return Ok(()) };
        let listed = tools.items.iter().find(|item| item.get("name").is_some_and(|name| name == tool));
        let Some(listed) = listed else { return Ok(()) };
        match listed.pointer("/execution/taskSupport").and_then(Value::as_str) {
            Some("optional" | "required") => Ok(()),
            Some(other) => {
                Err(format!("the tool `{tool}` makes no tasks: its `execution.taskSupport` is `{other}`"))
            }
            None => Err(format!("the tool `{tool}` makes no tasks: it has no `execution.taskSupport`")),
        }
    }

    /// The params of a call that asks for a task, in the version where the client asks.
    pub(super) fn as_task(&self, mut params: Value, options: &SendOptions) -> Value {
        let core = self.known().is_some_and(|facts| !facts.version.is_modern());
        if let Some(members) = params.as_object_mut()
            && core
            && options.task.is_some()
        {
            let kept = KEPT.max(options.timeout.saturating_add(Duration::from_secs(60)));
            let ttl = u64::try_from(kept.as_millis()).unwrap_or(u64::MAX);
            members.insert("task".to_owned(), json!({"ttl": ttl}));
        }
        params
    }

    /// Goes from the answer to a call to the end of the task that it is.
    pub(super) async fn to_the_end(
        self: &Arc<Self>,
        mut exchange: Exchange,
        options: &SendOptions,
        deadline: Deadline,
    ) -> Exchange {
        let Some(version) = self.known().map(|facts| facts.version) else { return exchange };
        let result = exchange.answer.result.as_ref().filter(|_| !exchange.wants_input());
        let Some(task) = exchange.made() else {
            if result.is_some() && !version.is_modern() {
                let text = "the server declares tasks, and answered a call that asks for one without a task";
                exchange.wire.push(violation(version, text.to_owned(), "/result"));
            }
            return exchange;
        };
        let described = result.map(|result| result.get("task").unwrap_or(result));
        let pace = described.map_or(PACE, |described| pace(described, version));
        let (way, mut options) = (Way::of(options), options.clone());
        // The token was the call's, and stays it for as long as the task lives.
        options.meta.retain(|(name, _)| name != "progressToken");
        let following = Following {
            guard: Guard { session: Arc::clone(self), id: Some(task.id.clone()) },
            session: self,
            version,
            options,
            way,
            deadline,
            since: Instant::now(),
            before: exchange.duration,
            sent: exchange.sent.clone(),
            exchange,
            task,
            pace,
            held: 0,
            supplied: HashSet::new(),
        };
        Box::pin(following.run()).await
    }
}

/// A task on the way to its end.
struct Following<'a> {
    session: &'a Arc<Inner>,
    version: Version,
    options: SendOptions,
    /// As the step says it: without the token its options say less.
    way: Way,
    deadline: Deadline,
    since: Instant,
    /// How long the call itself took.
    before: Duration,
    /// The call.
    sent: Option<crate::exchange::Sent>,
    /// Everything so far.
    exchange: Exchange,
    task: Task,
    pace: Duration,
    held: usize,
    /// The questions that were answered: the server may need a while to notice.
    supplied: HashSet<String>,
    guard: Guard,
}

/// What comes next.
enum Next {
    Ask,
    Wait,
    End,
}

impl Following<'_> {
    async fn run(mut self) -> Exchange {
        self.exchange.answer = Answer::default();
        // What the answer to the call says of a task of the extension is not all that there is to say.
        let mut next = match self.version.is_modern() && self.task.status != "working" {
            true => Next::Ask,
            false => self.look(&Value::Null).await,
        };
        loop {
            match next {
                Next::End => break,
                Next::Wait => {
                    if let Some(outcome) = self.pause().await {
                        self.exchange.outcome = outcome;
                        break;
                    }
                }
                Next::Ask => {}
            }
            let Some(described) = self.ask("tasks/get", json!({"taskId": self.task.id})).await else { break };
            next = self.look(&described).await;
        }
        self.end()
    }

    /// What a state of the task asks of us.
    async fn look(&mut self, described: &Value) -> Next {
        if !described.is_null() {
            self.pace = pace(described, self.version);
            match Task::of(described) {
                Some(now) => self.now(now),
                None => {
                    self.exchange.cause = Some("the answer to `tasks/get` has no status".to_owned());
                    return Next::End;
                }
            }
        }
        match (self.task.status.as_str(), self.version.is_modern()) {
            ("working", _) => Next::Wait,
            ("input_required", true) => self.supply(described).await,
            ("input_required", false) => {
                // The server asks while it is asked for the result, and answers once the task is over.
                self.fetch().await;
                if self.exchange.outcome == Outcome::Answered {
                    self.settle().await;
                }
                Next::End
            }
            ("completed" | "failed", true) => {
                self.take(described);
                Next::End
            }
            ("completed" | "failed", false) => {
                self.fetch().await;
                Next::End
            }
            ("cancelled", _) => Next::End,
            (other, _) => {
                self.exchange.cause = Some(format!("`{other}` is no status of a task"));
                Next::End
            }
        }
    }

    /// Takes a state that the server told.
    fn now(&mut self, now: Task) {
        if now.id != self.task.id {
            let text =
                format!("`tasks/get` was asked of the task `{}` and answered of `{}`", self.task.id, now.id);
            let found = violation(self.version, text, "/result/taskId");
            // What is wrong with every answer is told once.
            if !self.exchange.wire.contains(&found) {
                self.exchange.wire.push(found);
            }
        }
        self.task.status = now.status;
    }

    /// Sends a request about the task; none where it was not answered with a result.
    async fn ask(&mut self, method: &str, params: Value) -> Option<Value> {
        let message: Message = self.session.request(method, Some(params));
        let later = self.session.deliver(message, &self.options, &self.way, self.deadline).await;
        let told = !later.notifications.is_empty() || !later.asked.is_empty();
        self.held += if told { bytes(&later) } else { 0 };
        let mut earlier = std::mem::take(&mut self.exchange);
        let repairs = std::mem::take(&mut earlier.repairs);
        // What is wrong with every answer is told once.
        let known = std::mem::take(&mut earlier.wire);
        self.exchange = behind(earlier, later);
        self.exchange.wire.retain(|found| !known.contains(found));
        self.exchange.wire.splice(0..0, known);
        self.exchange.repairs.splice(0..0, repairs);
        if self.exchange.outcome == Outcome::TimedOut {
            self.exchange.cause = Some(self.late(&format!(", and `{method}` was not answered")));
        }
        let result = self.exchange.answer.result.take();
        if self.held > self.session.client.config.bounds.stream {
            self.exchange.cause = Some("the messages of the task together are too large".to_owned());
            return None;
        }
        if self.exchange.answer.error.is_some() {
            let (id, status) = (&self.task.id, &self.task.status);
            self.exchange.cause =
                Some(format!("this answers `{method}`, for the task `{id}`, last `{status}`"));
        }
        result.filter(|_| self.exchange.outcome == Outcome::Answered)
    }

    /// Fetches the result of a core task.
    async fn fetch(&mut self) {
        let asked = self.exchange.asked.len();
        let Some(result) = self.ask("tasks/result", json!({"taskId": self.task.id})).await else {
            // The error of the task is its own, and not that of a request about it.
            self.exchange.cause.take_if(|_| self.exchange.answer.error.is_some());
            return;
        };
        let belongs = |message: &Value| {
            message.get("_meta").and_then(|meta| meta.get(RELATED)?.get("taskId")?.as_str())
                == Some(self.task.id.as_str())
        };
        let mut wrong = Vec::new();
        if !belongs(&result) {
            wrong.push(format!("the result of `tasks/result` does not name its task in `_meta.{RELATED}`"));
        }
        for asked in self.exchange.asked.iter().skip(asked).filter(|asked| !belongs(&asked.params)) {
            wrong.push(format!("`{}` does not name its task in `_meta.{RELATED}`", asked.method));
        }
        let version = self.version;
        self.exchange.wire.extend(wrong.into_iter().map(|text| violation(version, text, "/result")));
        self.finish(result);
    }

    /// Finds out how a core task ended whose result is there.
    async fn settle(&mut self) {
        let answer = std::mem::take(&mut self.exchange.answer);
        let http = self.exchange.http.clone();
        let inexact = self.exchange.inexact.clone();
        let Some(described) = self.ask("tasks/get", json!({"taskId": self.task.id})).await else {
            // It may be forgotten by now, and its result is what was asked for.
            if self.exchange.outcome == Outcome::Answered {
                let status = if answer.error.is_some() { "failed" } else { "completed" };
                status.clone_into(&mut self.task.status);
                (self.exchange.answer, self.exchange.cause, self.exchange.http) = (answer, None, http);
            }
            return;
        };
        if let Some(now) = Task::of(&described) {
            if !now.has_ended() {
                let text = format!("`tasks/result` was answered, and the task is `{}`", now.status);
                self.exchange.wire.push(violation(self.version, text, "/result/status"));
            }
            self.now(now);
        }
        (self.exchange.answer, self.exchange.http, self.exchange.inexact) = (answer, http, inexact);
    }

    /// Takes the result or the error out of what the extension says of a task that is over.
    fn take(&mut self, described: &Value) {
        let from = if self.task.status == "failed" { "error" } else { "result" };
        let place = format!("/result/{from}");
        let inexact = self.exchange.inexact.drain(..);
        let moved = inexact.filter_map(|at| match at.strip_prefix(&place) {
            Some(rest) => Some(format!("/{from}{rest}")),
            None => (!at.starts_with("/result")).then_some(at),
        });
        self.exchange.inexact = moved.collect();
        let Some(found) = described.get(from).cloned() else { return };
        if from == "error" {
            self.exchange.answer.error = Some(found);
        } else {
            self.finish(found);
        }
    }

    /// Takes the result of the tool.
    fn finish(&mut self, result: Value) {
        let question = wire::Question { version: self.version, method: "tools/call", tasks: false };
        let mut whole = result.clone();
        if let Some(members) = whole.as_object_mut().filter(|_| self.version.is_modern()) {
            // What kind of result it is, its task has said.
            members.entry("resultType").or_insert_with(|| "complete".into());
        }
        self.exchange.wire.extend(wire::result(question, &whole));
        self.exchange.answer.result = Some(result);
    }

    /// Answers what a task of the extension asks.
    async fn supply(&mut self, described: &Value) -> Next {
        let requests = described.get("inputRequests").and_then(Value::as_object);
        let open = requests.into_iter().flatten().filter(|(key, _)| !self.supplied.contains(*key));
        let open: serde_json::Map<String, Value> =
            open.map(|(key, request)| (key.clone(), request.clone())).collect();
        if open.is_empty() {
            return Next::Wait;
        }
        let version = self.version;
        let responses = match self.session.responses(version, &open, &mut self.exchange, &self.options) {
            Ok(responses) => responses,
            Err(cause) => {
                self.exchange.cause = cause;
                return Next::End;
            }
        };
        self.supplied.extend(open.into_iter().map(|(key, _)| key));
        let params = json!({"taskId": self.task.id, "inputResponses": responses});
        match self.ask("tasks/update", params).await {
            Some(_) => Next::Wait,
            None => Next::End,
        }
    }

    /// Waits at the server's pace; how it ended, where it ended first.
    async fn pause(&mut self) -> Option<Outcome> {
        let cancel = self.session.cancel();
        let until = self.deadline.at.min(Instant::now() + self.pace);
        tokio::select! {
            biased;
            () = cancel.cancelled() => {
                self.exchange.cause = Some("interrupted".to_owned());
                Some(Outcome::Closed)
            }
            () = tokio::time::sleep_until(until) => (until == self.deadline.at).then(|| {
                self.exchange.cause = Some(self.late(""));
                Outcome::TimedOut
            }),
        }
    }

    fn late(&self, more: &str) -> String {
        let (id, status) = (&self.task.id, &self.task.status);
        let limit = shown_duration(self.deadline.limit);
        format!("the task `{id}` did not end within {limit}: its status is `{status}`{more}")
    }

    fn end(mut self) -> Exchange {
        if self.task.has_ended() {
            self.guard.id = None;
        }
        self.exchange.sent = self.sent.take();
        self.exchange.duration = self.before + self.since.elapsed();
        self.exchange.followed = Some(self.task.clone());
        std::mem::take(&mut self.exchange)
    }
}

/// Cancels a task that is followed no longer, by a deadline, an interruption or because the step's future was
/// dropped.
struct Guard {
    session: Arc<Inner>,
    id: Option<String>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        let Some(id) = self.id.take() else { return };
        if tokio::runtime::Handle::try_current().is_err() {
            return;
        }
        let session = Arc::clone(&self.session);
        self.session.cancels.spawn(async move {
            let message = session.request("tasks/cancel", Some(json!({"taskId": id})));
            let _ = timeout(BACKGROUND, session.post(message)).await;
        });
    }
}

/// How long to wait before the next question.
fn pace(described: &Value, version: Version) -> Duration {
    let name = if version.is_modern() { "pollIntervalMs" } else { "pollInterval" };
    match described.get(name).and_then(Value::as_f64) {
        // A day is longer than any step.
        Some(millis) => Duration::from_millis(millis.clamp(0.0, 86_400_000.0) as u64).max(FASTEST),
        None => PACE,
    }
}

fn violation(version: Version, message: String, pointer: &str) -> Violation {
    Violation {
        check: Check::Wire,
        message,
        pointer: pointer.to_owned(),
        section: format!("{version} basic/utilities/tasks"),
    }
}

/// The answer to a question that belongs to a core task: it belongs to the task, too.
pub(super) fn related(question: &Value, mut answer: Answer) -> Answer {
    let task = question.get("_meta").and_then(|meta| meta.get(RELATED));
    if let Some(task) = task
        && let Some(Value::Object(result)) = &mut answer.result
        && let Some(meta) = result.entry("_meta").or_insert_with(|| json!({})).as_object_mut()
    {
        meta.entry(RELATED).or_insert_with(|| task.clone());
    }
    answer
}

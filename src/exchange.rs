//! The exchange: one JSON document that holds everything a step sent and received. `expect` matches it,
//! `save` picks from it, reports show it. Here are its type and the derived fields; [`FIELDS`] says which verb
//! fills which. Nothing here sends, matches or prints.

mod fields;
mod later;
mod task;
#[cfg(test)]
mod tests;

use std::sync::OnceLock;
use std::time::Duration;

pub use fields::{FIELDS, Field};
pub(crate) use later::retry_after;
use serde_json::{Map, Value, json};
pub use task::Task;

use crate::json;

/// What a step does to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    /// `tools/call`.
    Call,
    /// A list method, every page.
    List,
    /// `resources/read`.
    Read,
    /// `prompts/get`.
    Prompt,
    /// One request, params as given.
    Request,
    /// The lifecycle made visible.
    Session,
    /// One raw HTTP exchange.
    Http,
    /// A pause.
    Wait,
    /// `completion/complete`.
    Complete,
    /// One notification of ours.
    Notify,
    /// A subscription in the background.
    Listen,
    /// A notification of the server, waited for.
    Await,
    /// A fragment.
    Use,
    /// Branches side by side.
    Parallel,
    /// Cleanup, registered.
    Defer,
}

impl Verb {
    /// Every verb.
    pub const ALL: &'static [Self] = &[
        Self::Call,
        Self::List,
        Self::Read,
        Self::Prompt,
        Self::Request,
        Self::Session,
        Self::Http,
        Self::Wait,
        Self::Complete,
        Self::Notify,
        Self::Listen,
        Self::Await,
        Self::Use,
        Self::Parallel,
        Self::Defer,
    ];

    /// The key of the step that names it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::List => "list",
            Self::Read => "read",
            Self::Prompt => "prompt",
            Self::Request => "request",
            Self::Session => "session",
            Self::Http => "http",
            Self::Wait => "wait",
            Self::Complete => "complete",
            Self::Notify => "notify",
            Self::Listen => "listen",
            Self::Await => "await",
            Self::Use => "use",
            Self::Parallel => "parallel",
            Self::Defer => "defer",
        }
    }

    /// Whether it goes to the end by itself: pages, a lost session, a cut stream.
    #[must_use]
    pub fn follows(self) -> bool {
        matches!(self, Self::Call | Self::List | Self::Read | Self::Prompt | Self::Complete)
    }

    /// Whether it sends a message of its own.
    #[must_use]
    pub fn sends(self) -> bool {
        !matches!(self, Self::Wait | Self::Await | Self::Use | Self::Parallel | Self::Defer)
    }

    /// Whether it takes a server: it sends, or waits for what the server sends.
    #[must_use]
    pub fn meets_a_server(self) -> bool {
        self.sends() || self == Self::Await
    }
}

/// How the sending ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The whole answer came, whatever it says.
    #[default]
    Answered,
    /// The deadline passed first.
    TimedOut,
    /// The connection, stream or process ended before the answer was whole.
    Closed,
    /// No connection could be made.
    Unreachable,
}

impl Outcome {
    /// The word in the exchange.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::TimedOut => "timed_out",
            Self::Closed => "closed",
            Self::Unreachable => "unreachable",
        }
    }
}

/// What the exchange belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Phase {
    /// The step's own request.
    #[default]
    Step,
    /// The opening of the session that the step needed, which failed.
    Open,
}

impl Phase {
    /// The word in the exchange.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Step => "step",
            Self::Open => "open",
        }
    }
}

/// A message as it was sent. `Authorization` is left out of `headers`.
#[derive(Clone, Debug, PartialEq)]
pub struct Sent {
    /// The JSON-RPC id of a request; none for a notification, and for what is no message of ours.
    pub id: Option<u64>,
    /// The JSON-RPC method; for `http` and the end of a session the HTTP method.
    pub method: String,
    /// The params as sent, `_meta` included; for `http` the body. Null where there are none.
    pub params: Value,
    /// The HTTP headers as sent, without `Authorization`; empty on stdio.
    pub headers: Vec<(String, String)>,
}

/// The JSON-RPC part of an answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// The `result` member, raw.
    pub result: Option<Value>,
    /// The `error` member, raw.
    pub error: Option<Value>,
}

/// A notification that arrived.
#[derive(Clone, Debug, PartialEq)]
pub struct Notification {
    /// Its method.
    pub method: String,
    /// Its params; null where there are none.
    pub params: Value,
}

/// What the server asked during the exchange, and how it was answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// The method of its request.
    pub method: String,
    /// Its params; null where there are none.
    pub params: Value,
    /// What it was answered.
    pub answer: Answer,
    /// Whether nothing in the scenario answers it: that fails the step.
    pub unexpected: bool,
}

/// What the client did by itself, in the way of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Repair {
    /// A lost session was opened again and the request sent once more.
    Reopened,
    /// A cut stream was resumed.
    Resumed,
    /// Tool schemas were listed again.
    Refreshed,
    /// It waited because the server asked it to.
    Waited,
    /// A token that had run out was replaced and the request sent once more.
    Renewed,
}

impl Repair {
    /// The word in the exchange.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reopened => "reopened",
            Self::Resumed => "resumed",
            Self::Refreshed => "refreshed",
            Self::Waited => "waited",
            Self::Renewed => "renewed",
        }
    }
}

/// What a violation of the protocol is about: each is a check that `checks` can set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Check {
    /// The shape of a message, and how it travels.
    #[default]
    Wire,
    /// A message that belongs to a request after its result.
    Order,
    /// Progress that does not grow, or with a token that nobody gave.
    Progress,
    /// An answer with an id that is not the request's.
    Ids,
    /// The use of a capability that was not declared.
    Capabilities,
}

impl Check {
    /// Every check.
    pub const ALL: &'static [Self] =
        &[Self::Wire, Self::Order, Self::Progress, Self::Ids, Self::Capabilities];

    /// Its key in `checks`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Wire => "wire",
            Self::Order => "order",
            Self::Progress => "progress",
            Self::Ids => "ids",
            Self::Capabilities => "capabilities",
        }
    }
}

/// A violation of the protocol that was found in what the server sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Violation {
    /// What it is about.
    pub check: Check,
    /// What is wrong, in a line.
    pub message: String,
    /// Where in the message, as a JSON Pointer; empty for the message as a whole.
    pub pointer: String,
    /// The section of the specification that says so, such as `2025-11-25 basic/transports`.
    pub section: String,
}

/// One event of an SSE answer, as it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SseEvent {
    /// The `id` field.
    pub id: Option<String>,
    /// The `event` field.
    pub event: Option<String>,
    /// The `retry` field in milliseconds.
    pub retry: Option<u64>,
    /// The `data` lines joined with a newline; none where the event had no `data` field.
    pub data: Option<String>,
}

/// The HTTP side of an answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HttpAnswer {
    /// The status code.
    pub status: u16,
    /// The headers, names in lower case, in order; `Set-Cookie` and its like as they came.
    pub headers: Vec<(String, String)>,
    /// The body as text, absent for an SSE answer.
    pub body: Option<String>,
    /// The events of an SSE answer.
    pub events: Vec<SseEvent>,
}

/// What a step came to that has steps in it.
#[derive(Clone, Debug, PartialEq)]
pub enum Inner {
    /// Of `use`: the outputs of the fragment.
    Outputs(Map<String, Value>),
    /// Of `parallel`.
    Branches {
        /// The names of the steps of all branches, in the order in which they ended.
        order: Vec<String>,
        /// The documents of their exchanges, by name.
        steps: Map<String, Value>,
    },
}

/// Everything that one step sent and received.
#[derive(Debug, Default)]
pub struct Exchange {
    /// How the sending ended.
    pub outcome: Outcome,
    /// The step itself, or the opening of its session.
    pub phase: Phase,
    /// What was sent last (of the last page for `list`).
    pub sent: Option<Sent>,
    /// The JSON-RPC answer.
    pub answer: Answer,
    /// The task that was followed; that of an answer which is one is told by [`Self::task`].
    pub followed: Option<Task>,
    /// What a `list` found on all pages; the values of a completion.
    pub items: Option<Vec<Value>>,
    /// How many pages a `list` read.
    pub pages: Option<u64>,
    /// What arrived beside the answer, in order.
    pub notifications: Vec<Notification>,
    /// What the server asked.
    pub asked: Vec<Asked>,
    /// What the client did by itself.
    pub repairs: Vec<Repair>,
    /// What the server did that the protocol does not allow.
    pub wire: Vec<Violation>,
    /// Where the token of the identity came back, for people: `the body of the answer`. Never the token.
    pub echo: Option<String>,
    /// The HTTP side of the answer that counts.
    pub http: Option<HttpAnswer>,
    /// From handing the request to the HTTP client to the whole answer.
    pub duration: Duration,
    /// With `eventually`: which attempt it is of.
    pub attempts: Option<u64>,
    /// The negotiated protocol version.
    pub protocol: Option<String>,
    /// Why it was not answered, for people: `connection refused`, `the answer is larger than 16 MiB`.
    pub cause: Option<String>,
    /// What a step came to that has steps in it; such a step sends nothing by itself.
    pub inner: Option<Inner>,
    /// JSON Pointers, into `result`, `error` or `steps` (`/result/…`, `/error/…`, `/steps/…`), of numbers that neither 64 bits nor
    /// a double holds: they are kept as text, and a comparison with them fails.
    pub inexact: Vec<String>,
    document: OnceLock<View>,
}

/// The document of an exchange, or a part of it.
#[derive(Debug)]
pub struct View {
    /// The document. A field that is absent is not in it.
    pub value: Value,
    /// JSON Pointers into it of numbers that are kept as text because neither 64 bits nor a double holds them.
    pub inexact: Vec<String>,
}

impl Exchange {
    /// Whether there is a tool result in it, so that `is_error` has a meaning.
    #[must_use]
    pub fn tool_result(&self) -> bool {
        self.phase == Phase::Step
            && self.sent.as_ref().is_some_and(|sent| sent.method == "tools/call")
            && self.answer.result.is_some()
            && !self.wants_input()
            && self.made().is_none()
    }

    /// Whether the answer asks for input instead of being one, as the modern era does.
    #[must_use]
    pub fn wants_input(&self) -> bool {
        let kind = self.answer.result.as_ref().and_then(|result| result.get("resultType"));
        kind.is_some_and(|kind| kind == "input_required")
    }

    /// `result.isError` of a tool result, false if absent; none where there is no tool result.
    #[must_use]
    pub fn is_error(&self) -> Option<bool> {
        self.tool_result().then(|| {
            self.answer
                .result
                .as_ref()
                .and_then(|r| r.get("isError"))
                .and_then(Value::as_bool)
                .unwrap_or(false)
        })
    }

    /// The text blocks of the answer joined with a newline; none if there are none.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        let result = self.answer.result.as_ref()?;
        let texts: Vec<&str> = match self.sent.as_ref()?.method.as_str() {
            "tools/call" => texts_of(result.get("content")?),
            "resources/read" => {
                result.get("contents")?.as_array()?.iter().filter_map(|c| c.get("text")?.as_str()).collect()
            }
            "prompts/get" => result
                .get("messages")?
                .as_array()?
                .iter()
                .flat_map(|m| m.get("content").map(texts_of).unwrap_or_default())
                .collect(),
            _ => return None,
        };
        (!texts.is_empty()).then(|| texts.join("\n"))
    }

    /// The exchange as one JSON document, built on first use.
    #[must_use]
    pub fn document(&self) -> &Value {
        &self.view().value
    }

    /// The same, with the places of its inexact numbers.
    #[must_use]
    pub fn view(&self) -> &View {
        self.document.get_or_init(|| self.build(None))
    }

    /// A document of these fields alone: most steps read few, and to build all of them is a good part of what a
    /// step costs.
    #[must_use]
    pub fn part(&self, fields: &[&str]) -> View {
        self.build(Some(fields))
    }

    fn build(&self, fields: Option<&[&str]>) -> View {
        let mut doc = Map::new();
        let mut inexact = self.inexact.clone();
        let wanted = |name: &str| fields.is_none_or(|fields| fields.contains(&name));
        let mut put = |name: &str, value: &dyn Fn() -> Option<Value>| {
            if wanted(name)
                && let Some(value) = value()
            {
                doc.insert(name.to_owned(), value);
            }
        };
        match &self.inner {
            Some(Inner::Outputs(outputs)) => {
                put("outputs", &|| Some(Value::Object(outputs.clone())));
                return View { value: Value::Object(doc), inexact };
            }
            Some(Inner::Branches { order, steps }) => {
                put("order", &|| Some(order.clone().into()));
                put("steps", &|| Some(Value::Object(steps.clone())));
                put("duration", &|| Some(self.duration.as_secs_f64().into()));
                return View { value: Value::Object(doc), inexact };
            }
            None => {}
        }
        put("outcome", &|| Some(self.outcome.as_str().into()));
        put("phase", &|| Some(self.phase.as_str().into()));
        put("sent", &|| self.sent.as_ref().map(sent_value));
        put("result", &|| self.answer.result.clone());
        put("error", &|| self.answer.error.clone());
        put("is_error", &|| self.is_error().map(Value::Bool));
        if self.tool_result() {
            put("structured", &|| self.answer.result.as_ref()?.get("structuredContent").cloned());
            inexact.extend(moved(&self.inexact, "/result/structuredContent", "/structured"));
        }
        put("task", &|| self.task().as_ref().map(Task::value));
        if (wanted("text") || wanted("json"))
            && let Some(text) = self.text()
        {
            if wanted("json")
                && let Ok(parsed) = json::parse(text.as_bytes())
            {
                put("json", &|| Some(parsed.value.clone()));
                inexact.extend(parsed.inexact.iter().map(|at| format!("/json{at}")));
            }
            put("text", &|| Some(text.clone().into()));
        }
        put("items", &|| self.items.clone().map(Value::Array));
        put("pages", &|| self.pages.map(Value::from));
        put("notifications", &|| {
            let seen = self.notifications.iter().map(|n| json!({"method": n.method, "params": n.params}));
            Some(seen.collect())
        });
        put("asked", &|| Some(self.asked.iter().map(asked_value).collect()));
        put("repairs", &|| Some(self.repairs.iter().map(|repair| repair.as_str()).collect()));
        put("wire", &|| {
            let found = self
                .wire
                .iter()
                .map(|v| json!({"check": v.check.as_str(), "message": v.message, "pointer": v.pointer, "section": v.section}));
            Some(found.collect())
        });
        put("http", &|| self.http.as_ref().map(http_value));
        put("duration", &|| Some(self.duration.as_secs_f64().into()));
        put("attempts", &|| self.attempts.map(Value::from));
        put("protocol", &|| self.protocol.clone().map(Value::String));
        View { value: Value::Object(doc), inexact }
    }
}

/// The pointers below `from`, as they stand below `to`.
fn moved<'a>(pointers: &'a [String], from: &'a str, to: &'a str) -> impl Iterator<Item = String> + 'a {
    pointers.iter().filter_map(move |at| at.strip_prefix(from).map(|rest| format!("{to}{rest}")))
}

fn texts_of(content: &Value) -> Vec<&str> {
    let text = |block: &'_ Value| -> bool { block.get("type").and_then(Value::as_str) == Some("text") };
    match content {
        Value::Array(blocks) => {
            blocks.iter().filter(|b| text(b)).filter_map(|b| b.get("text")?.as_str()).collect()
        }
        block if text(block) => block.get("text").and_then(Value::as_str).into_iter().collect(),
        _ => Vec::new(),
    }
}

/// Headers as an object, names in lower case; a header that came twice is joined with a comma (RFC 9110, 5.3).
fn headers_value(headers: &[(String, String)]) -> Value {
    let mut object = Map::new();
    for (name, value) in headers {
        match object.entry(name.to_ascii_lowercase()) {
            serde_json::map::Entry::Occupied(mut known) => {
                let joined = format!("{}, {value}", known.get().as_str().unwrap_or_default());
                known.insert(joined.into());
            }
            serde_json::map::Entry::Vacant(free) => {
                free.insert(value.clone().into());
            }
        }
    }
    Value::Object(object)
}

fn sent_value(sent: &Sent) -> Value {
    let mut value =
        json!({"method": sent.method, "params": sent.params, "headers": headers_value(&sent.headers)});
    if let (Some(id), Some(object)) = (sent.id, value.as_object_mut()) {
        object.shift_insert(0, "id".to_owned(), id.into());
    }
    value
}

fn asked_value(asked: &Asked) -> Value {
    let mut value = json!({"method": asked.method, "params": asked.params});
    if let Some(object) = value.as_object_mut() {
        for (name, part) in [("result", &asked.answer.result), ("error", &asked.answer.error)] {
            if let Some(part) = part {
                object.insert(name.to_owned(), part.clone());
            }
        }
    }
    value
}

fn http_value(http: &HttpAnswer) -> Value {
    let mut value = json!({"status": http.status, "headers": headers_value(&http.headers)});
    if let Some(object) = value.as_object_mut() {
        if let Some(body) = &http.body {
            object.insert("body".to_owned(), body.clone().into());
        }
        object.insert("events".to_owned(), http.events.iter().map(event_value).collect());
    }
    value
}

fn event_value(event: &SseEvent) -> Value {
    let mut object = Map::new();
    let members = [
        ("id", event.id.clone().map(Value::from)),
        ("event", event.event.clone().map(Value::from)),
        ("retry", event.retry.map(Value::from)),
        ("data", event.data.clone().map(Value::from)),
    ];
    for (name, member) in members {
        if let Some(member) = member {
            object.insert(name.to_owned(), member);
        }
    }
    Value::Object(object)
}

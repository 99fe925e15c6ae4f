//! Tasks in the form of 2025-11-25, which rmcp does not have: the tap asks here first, and adds to what rmcp says of
//! the server and of its tools.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use futures_util::stream::{self, StreamExt as _};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode};
use rmcp::ErrorData;
use serde_json::{Value, json};

use super::answer::{Answer, Shape, as_event};
use super::asks::approval_of;
use super::gate::Caller;
use super::shop::Shop;
use super::tap::{json_answer, rpc_error};
use super::tasks::{KEPT, PACE, State, TOOL, Task};
use super::tools;

const VERSION: &str = "2025-11-25";
const RELATED: &str = "io.modelcontextprotocol/related-task";
/// What the id of a question begins with; the task's follows.
const QUESTION: &str = "question of ";

const METHOD_NOT_FOUND: i32 = -32601;
const INVALID_PARAMS: i32 = -32602;

/// Whether a request belongs to a session of the version that has these tasks.
pub(super) fn concerns(parts: &Parts) -> bool {
    parts.headers.get("mcp-protocol-version").is_some_and(|version| version == VERSION)
}

/// The answer to a message that is about tasks; none for any other.
pub(super) fn answer(shop: &Arc<Shop>, parts: &Parts, message: &Value) -> Option<Response<Body>> {
    let id = message.get("id");
    let text = |pointer: &str| message.pointer(pointer).and_then(Value::as_str);
    let task = text("/params/taskId").unwrap_or_default();
    let known = |found: Option<Value>| match found {
        Some(described) => result(id, described),
        None => refused(id, INVALID_PARAMS, &format!("Task not found: {task}")),
    };
    Some(match message.get("method").and_then(Value::as_str) {
        Some("tools/call") if message.pointer("/params/task").is_some_and(Value::is_object) => {
            let caller: &Caller = parts.extensions.get()?;
            let found = tools::find(caller.server.catalog, text("/params/name")?);
            let tool = found.filter(|_| caller.denied.is_none())?;
            let name = &tool.tool.name;
            if name != TOOL {
                return Some(refused(id, METHOD_NOT_FOUND, &format!("The tool {name} makes no tasks")));
            }
            let arguments = message.pointer("/params/arguments").cloned().unwrap_or_else(|| json!({}));
            if let Some(problems) = tool.problems(&arguments) {
                return Some(refused(id, INVALID_PARAMS, &problems));
            }
            let task = shop.tasks.begin(arguments.as_object()?);
            let begun = shop.tasks.poll(&task).map(|begun| describe(&task, &begun));
            result(id, json!({"task": begun}))
        }
        Some("tasks/get") => known(shop.tasks.poll(task).map(|found| describe(task, &found))),
        Some("tasks/cancel") => match shop.tasks.cancel(task) {
            Some(false) => refused(id, INVALID_PARAMS, &format!("Task is over: {task}")),
            _ => known(shop.tasks.poll(task).map(|found| describe(task, &found))),
        },
        Some("tasks/result") => match shop.tasks.hurry(task).map(|found| found.state()) {
            Some(State::InputRequired) => asking(shop, task, id?),
            Some(state) => json_answer(StatusCode::OK, &outcome(task, id?, state)),
            None => known(None),
        },
        None => {
            let task = id?.as_str()?.strip_prefix(QUESTION)?;
            let said = message.get("result").cloned();
            shop.tasks.approve(task, said.unwrap_or_else(|| json!({"action": "cancel"})));
            let mut taken = Response::new(Body::empty());
            *taken.status_mut() = StatusCode::ACCEPTED;
            taken
        }
        Some(_) => return None,
    })
}

/// The question on the stream of `tasks/result`, and the result once it is answered.
fn asking(shop: &Arc<Shop>, task: &str, id: &Value) -> Response<Body> {
    let mut question = approval_of("the month").ok().and_then(|question| serde_json::to_value(question).ok());
    if let Some(message) = question.as_mut().and_then(Value::as_object_mut) {
        message.insert("jsonrpc".to_owned(), "2.0".into());
        message.insert("id".to_owned(), format!("{QUESTION}{task}").into());
        if let Some(params) = message.get_mut("params").and_then(Value::as_object_mut) {
            params.insert("_meta".to_owned(), json!({RELATED: {"taskId": task}}));
        }
    }
    let question = as_event(question.unwrap_or_default());
    let (shop, task, id) = (Arc::clone(shop), task.to_owned(), id.clone());
    let end = async move {
        while let Some(found) = shop.tasks.hurry(&task) {
            match found.state() {
                State::Working | State::InputRequired => found.changed.notified().await,
                state => return as_event(outcome(&task, &id, state)),
            }
        }
        String::new()
    };
    let events = stream::once(async { question }).chain(stream::once(end)).map(Ok::<_, Infallible>);
    let mut answer = Response::new(Body::from_stream(events));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    answer
}

/// What `tasks/result` answers of a task that is over.
fn outcome(task: &str, id: &Value, state: State) -> Value {
    let error = match state {
        State::Completed(result) => {
            let mut result = serde_json::to_value(result).unwrap_or_default();
            if let Some(members) = result.as_object_mut() {
                members.shift_remove("resultType");
                members.insert("_meta".to_owned(), json!({RELATED: {"taskId": task}}));
            }
            return json!({"jsonrpc": "2.0", "id": id, "result": result});
        }
        State::Failed(error) => error,
        _ => ErrorData::invalid_params(format!("Task has no result: {task}"), None),
    };
    json!({"jsonrpc": "2.0", "id": id, "error": error})
}

fn describe(id: &str, task: &Task) -> Value {
    let status = match task.state() {
        State::Working => "working",
        State::InputRequired => "input_required",
        // A tool error is a failure here; the extension has it completed.
        State::Completed(result) if result.is_error == Some(true) => "failed",
        State::Completed(_) => "completed",
        State::Failed(_) => "failed",
        State::Cancelled => "cancelled",
    };
    json!({
        "taskId": id,
        "status": status,
        "createdAt": task.created,
        "lastUpdatedAt": task.created,
        "ttl": KEPT,
        "pollInterval": PACE,
    })
}

fn result(id: Option<&Value>, result: Value) -> Response<Body> {
    json_answer(StatusCode::OK, &json!({"jsonrpc": "2.0", "id": id, "result": result}))
}

fn refused(id: Option<&Value>, code: i32, message: &str) -> Response<Body> {
    rpc_error(StatusCode::OK, code, message, id)
}

/// The answer to `initialize` or `tools/list`, with what there is to say of tasks.
pub(super) async fn with_tasks(answer: Answer, add: fn(&mut Value)) -> Answer {
    let events = matches!(answer.shape, Shape::Events(_));
    let (mut head, body) = answer.whole().await;
    let changed = |text: &str| {
        let mut message: Value = serde_json::from_str(text).ok()?;
        add(message.get_mut("result")?);
        Some(message)
    };
    let text = String::from_utf8_lossy(&body);
    let text = if events {
        let line = |line: &str| match line.strip_prefix("data:").and_then(|data| changed(data.trim_start())) {
            Some(message) => format!("data: {message}\n"),
            None => format!("{line}\n"),
        };
        text.lines().map(line).collect()
    } else {
        changed(&text).map_or_else(|| text.into_owned(), |message| message.to_string())
    };
    head.headers.remove(CONTENT_LENGTH);
    Answer::read(Response::from_parts(head, Body::from(text)))
}

/// Declares them, in the version that has them.
pub(super) fn declare(result: &mut Value) {
    if result.get("protocolVersion").is_some_and(|version| version == VERSION)
        && let Some(capabilities) = result.get_mut("capabilities").and_then(Value::as_object_mut)
    {
        let tasks = json!({"cancel": {}, "requests": {"tools": {"call": {}}}});
        capabilities.insert("tasks".to_owned(), tasks);
    }
}

/// Says which tool makes them.
pub(super) fn mark(result: &mut Value) {
    let tools = result.get_mut("tools").and_then(Value::as_array_mut);
    let own = |tool: &&mut Value| tool.get("name").is_some_and(|name| name == TOOL);
    for tool in tools.into_iter().flatten().filter(own).filter_map(Value::as_object_mut) {
        tool.insert("execution".to_owned(), json!({"taskSupport": "required"}));
    }
}

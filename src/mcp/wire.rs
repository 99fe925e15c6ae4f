//! The wire check: from a message of a server to what the protocol does not allow in it. A pure function; the
//! shapes are in `schemas/mcp/`, our own writing of what each version says.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use jsonschema::{Draft, Validator};
use serde_json::{Map, Value};

use super::Version;
use crate::exchange::{Check, Violation};

/// How many violations of one message are told: the rest would say the same.
const MOST: usize = 20;

/// The methods whose result may ask for input.
pub(super) const MAY_ASK: [&str; 3] = ["tools/call", "prompts/get", "resources/read"];

/// What an answer answers.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The version that was negotiated.
    pub version: Version,
    /// The method of the request.
    pub method: &'a str,
    /// Whether the client declared the tasks extension, so that a result may be a task.
    pub tasks: bool,
}

/// What is wrong with the envelope of a message of any kind.
#[must_use]
pub fn envelope(version: Version, message: &Map<String, Value>) -> Vec<Violation> {
    let mut found = Vec::new();
    match message.get("jsonrpc") {
        Some(Value::String(text)) if text == "2.0" => {}
        Some(other) => {
            found.push(basic(version, "/jsonrpc", format!("`jsonrpc` is `{other}`, not `\"2.0\"`")));
        }
        None => found.push(basic(version, "", "`jsonrpc: \"2.0\"` is missing".to_owned())),
    }
    found
}

/// What is wrong with an answer beside its envelope and its id: `result` or `error`, and the shape of it.
#[must_use]
pub fn answer(question: Question<'_>, message: &Map<String, Value>) -> Vec<Violation> {
    let version = question.version;
    match (message.get("result"), message.get("error")) {
        (Some(result), None) => self::result(question, result),
        (None, Some(error)) => self::error(version, error),
        (Some(_), Some(_)) => vec![basic(version, "", "it has both `result` and `error`".to_owned())],
        (None, None) => vec![basic(version, "", "it has neither `result` nor `error`".to_owned())],
    }
}

fn error(version: Version, error: &Value) -> Vec<Violation> {
    let Some(members) = error.as_object() else {
        return vec![basic(version, "/error", "`error` is not an object".to_owned())];
    };
    let mut found = Vec::new();
    if !members.get("code").is_some_and(is_integer) {
        found.push(basic(version, "/error/code", "`error.code` is not an integer".to_owned()));
    }
    if !members.get("message").is_some_and(Value::is_string) {
        found.push(basic(version, "/error/message", "`error.message` is not a string".to_owned()));
    }
    found
}

/// What is wrong with the result of a method.
#[must_use]
pub fn result(question: Question<'_>, result: &Value) -> Vec<Violation> {
    let Question { version, method, tasks } = question;
    let Some(members) = result.as_object() else {
        return vec![basic(version, "/result", "`result` is not an object".to_owned())];
    };
    let mut shape = method;
    if version.is_modern() {
        match members.get("resultType").and_then(Value::as_str) {
            Some("complete") => {}
            Some("input_required") if MAY_ASK.contains(&method) => shape = "input_required",
            Some("task") if tasks && method == "tools/call" => shape = "task",
            Some(other) => {
                let message = format!("`resultType` is `{other}`, which `{method}` cannot answer");
                return vec![basic(version, "/result/resultType", message)];
            }
            // Its absence, or a value that is no string, is what the shape says.
            None => {}
        }
        if !members.get("resultType").is_some_and(Value::is_string) && !known(version, "results", method) {
            return vec![basic(version, "/result", "`resultType` is missing or is not a string".to_owned())];
        }
    }
    let mut found = check(version, "results", shape, result, "/result", section(version, method));
    if shape == "input_required" || version.is_modern() && method == "tasks/get" {
        found.extend(questions(version, members));
    }
    found
}

/// What is wrong with a notification.
#[must_use]
pub fn notification(version: Version, message: &Value) -> Vec<Violation> {
    let method = message.get("method").and_then(Value::as_str).unwrap_or_default();
    if message.get("params").is_some_and(|params| !params.is_object()) {
        return vec![basic(version, "/params", format!("the params of `{method}` are not an object"))];
    }
    check(version, "notifications", method, message, "", section(version, method))
}

/// What is wrong with a request of the server.
#[must_use]
pub fn asked(version: Version, method: &str, params: &Value, id: &Value) -> Vec<Violation> {
    let mut found = question(version, method, params, "");
    if !id.is_string() && !is_integer(id) {
        let text = format!("the id of the request `{method}` is `{id}`, no string or integer");
        found.push(basic(version, "/id", text));
    }
    found
}

/// What is wrong with a question: its params, which may be left out.
fn question(version: Version, method: &str, params: &Value, at: &str) -> Vec<Violation> {
    let mut message = Map::new();
    message.insert("method".to_owned(), method.into());
    if !params.is_null() {
        message.insert("params".to_owned(), params.clone());
    }
    check(version, "requests", method, &Value::Object(message), at, section(version, method))
}

/// What is wrong with what a result asks for.
fn questions(version: Version, result: &Map<String, Value>) -> Vec<Violation> {
    let requests = result.get("inputRequests").and_then(Value::as_object);
    let mut found = Vec::new();
    for (key, request) in requests.into_iter().flatten() {
        let at = format!("/result/inputRequests/{}", key.replace('~', "~0").replace('/', "~1"));
        let method = request.get("method").and_then(Value::as_str).unwrap_or_default();
        found.extend(check(version, "requests", method, request, &at, section(version, method)));
        if found.len() >= MOST {
            break;
        }
    }
    found.truncate(MOST);
    found
}

fn is_integer(value: &Value) -> bool {
    value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|number| number.fract() == 0.0)
}

fn basic(version: Version, pointer: &str, message: String) -> Violation {
    Violation {
        check: Check::Wire,
        message,
        pointer: pointer.to_owned(),
        section: format!("{version} basic"),
    }
}

/// The section of the specification of a version that describes a method.
pub(super) fn section(version: Version, method: &str) -> &'static str {
    match method {
        "notifications/progress" if version.is_modern() => "basic/patterns/progress",
        "notifications/cancelled" if version.is_modern() => "basic/patterns/cancellation",
        "initialize" => "basic/lifecycle",
        "server/discover" => "server/discover",
        "ping" => "basic/utilities/ping",
        "notifications/progress" => "basic/utilities/progress",
        "notifications/cancelled" => "basic/utilities/cancellation",
        "notifications/message" | "logging/setLevel" => "server/utilities/logging",
        "completion/complete" => "server/utilities/completion",
        "sampling/createMessage" => "client/sampling",
        "elicitation/create" | "notifications/elicitation/complete" => "client/elicitation",
        "roots/list" => "client/roots",
        _ if method.contains("tasks") && version.is_modern() => "extensions/tasks",
        _ if method.contains("tasks") => "basic/utilities/tasks",
        _ if method.contains("subscriptions/") => "basic/patterns/subscriptions",
        _ if method.contains("tools/") => "server/tools",
        _ if method.contains("resources/") => "server/resources",
        _ if method.contains("prompts/") => "server/prompts",
        _ => "basic",
    }
}

pub(super) fn check(
    version: Version,
    group: &'static str,
    name: &str,
    value: &Value,
    at: &str,
    section: &str,
) -> Vec<Violation> {
    let Some(validator) = validator(version, group, name) else { return Vec::new() };
    if validator.is_valid(value) {
        return Vec::new();
    }
    let violation = |error: jsonschema::ValidationError<'_>| Violation {
        check: Check::Wire,
        message: format!("`{name}`: {}", error.masked_with("the value")),
        pointer: format!("{at}{}", error.instance_path().as_str()),
        section: format!("{version} {section}"),
    };
    validator.iter_errors(value).take(MOST).map(violation).collect()
}

/// The document of shapes of a version; the versions before have the shapes of the first.
fn shapes(version: Version) -> &'static Value {
    static SHAPES: LazyLock<[Value; 3]> = LazyLock::new(|| {
        let read = |text: &str| serde_json::from_str(text).unwrap_or_default();
        [
            read(include_str!("../../schemas/mcp/2025-06-18.json")),
            read(include_str!("../../schemas/mcp/2025-11-25.json")),
            read(include_str!("../../schemas/mcp/2026-07-28.json")),
        ]
    });
    let [first, second, third] = &*SHAPES;
    match version {
        Version::V2024_11_05 | Version::V2025_03_26 | Version::V2025_06_18 => first,
        Version::V2025_11_25 => second,
        Version::V2026_07_28 => third,
    }
}

/// The document of shapes of the extension for tasks, where a shape is its.
fn extension(version: Version, group: &str, name: &str) -> Option<&'static Value> {
    static TASKS: LazyLock<Value> = LazyLock::new(|| {
        serde_json::from_str(include_str!("../../schemas/mcp/tasks.json")).unwrap_or_default()
    });
    let shapes = Some(&*TASKS).filter(|_| version.is_modern())?;
    shapes.get(group)?.get(name).and(Some(shapes))
}

fn known(version: Version, group: &str, name: &str) -> bool {
    extension(version, group, name).is_some()
        || shapes(version).get(group).and_then(|shapes| shapes.get(name)).is_some()
}

type Compiled = HashMap<(Version, &'static str, String), Option<Arc<Validator>>>;

/// The check of one shape, compiled when it is first needed.
fn validator(version: Version, group: &'static str, name: &str) -> Option<Arc<Validator>> {
    static COMPILED: LazyLock<Mutex<Compiled>> = LazyLock::new(Mutex::default);
    // A name that has no shape must not grow the table: a server could send any number of them.
    if !known(version, group, name) {
        return None;
    }
    let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    compiled.entry((version, group, name.to_owned())).or_insert_with(|| compile(version, group, name)).clone()
}

fn compile(version: Version, group: &str, name: &str) -> Option<Arc<Validator>> {
    let mut root = extension(version, group, name).unwrap_or_else(|| shapes(version)).clone();
    let place = format!("#/{group}/{}", name.replace('~', "~0").replace('/', "~1"));
    root.as_object_mut()?.insert("$ref".to_owned(), place.into());
    jsonschema::options().with_draft(Draft::Draft202012).build(&root).ok().map(Arc::new)
}

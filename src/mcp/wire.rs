//! The wire check: from a message of a server to what the protocol does not allow in it. A pure function; the
//! shapes are in `shapes.rs`.

use serde_json::{Map, Value};

use super::Version;
use super::shapes::{Group, known, validator};
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
    if let Some(code) = members.get("code").and_then(Value::as_i64).map(|code| code.to_string()) {
        let section = if code == "-32042" { "client/elicitation" } else { "basic" };
        found.extend(check(version, Group::Errors, &code, error, "/error", section));
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
        if !members.get("resultType").is_some_and(Value::is_string) && !known(version, Group::Results, method)
        {
            return vec![basic(version, "/result", "`resultType` is missing or is not a string".to_owned())];
        }
    }
    let mut found = check(version, Group::Results, shape, result, "/result", section(version, method));
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
    if is_foreign(version, method, Group::Notifications, Group::SentNotifications) {
        let text = format!("the server sent `{method}`, which is none of its notifications in {version}");
        return vec![basic(version, "/method", text)];
    }
    check(version, Group::Notifications, method, message, "", section(version, method))
}

/// What is wrong with a request of the server beside its envelope.
#[must_use]
pub fn asked(version: Version, message: &Value) -> Vec<Violation> {
    let method = message.get("method").and_then(Value::as_str).unwrap_or_default();
    let mut found = if is_foreign(version, method, Group::Requests, Group::SentRequests) {
        let text = format!("the server sent `{method}`, which is none of its requests in {version}");
        vec![basic(version, "/method", text)]
    } else if message.get("params").is_some_and(|params| !params.is_object()) {
        vec![basic(version, "/params", format!("the params of `{method}` are not an object"))]
    } else {
        check(version, Group::Requests, method, message, "", section(version, method))
    };
    found.extend(id(version, method, message.get("id").unwrap_or(&Value::Null)));
    found
}

fn id(version: Version, method: &str, id: &Value) -> Option<Violation> {
    let text = || format!("the id of the request `{method}` is `{id}`, no string or integer");
    (!id.is_string() && !is_integer(id)).then(|| basic(version, "/id", text()))
}

/// What is wrong with what we send: a request or a notification.
#[cfg(test)]
pub(super) fn sent(version: Version, message: &Value) -> Vec<Violation> {
    let method = message.get("method").and_then(Value::as_str).unwrap_or_default();
    let mut found = message.as_object().map(|message| envelope(version, message)).unwrap_or_default();
    let theirs = message.get("id");
    let (group, others) = match theirs {
        Some(_) => (Group::SentRequests, Group::Requests),
        None => (Group::SentNotifications, Group::Notifications),
    };
    found.extend(theirs.and_then(|theirs| id(version, method, theirs)));
    if message.get("params").is_some_and(|params| !params.is_object()) {
        found.push(basic(version, "/params", format!("the params of `{method}` are not an object")));
    } else if is_foreign(version, method, group, others) {
        found.push(basic(
            version,
            "/method",
            format!("`{method}` is nothing that a client sends in {version}"),
        ));
    } else {
        found.extend(check(version, group, method, message, "", section(version, method)));
    }
    found
}

/// What is wrong with what we answer to a question of the server.
pub(super) fn replied(version: Version, method: &str, result: &Value) -> Vec<Violation> {
    if !result.is_object() {
        return vec![basic(version, "/result", "`result` is not an object".to_owned())];
    }
    check(version, Group::SentResults, method, result, "/result", section(version, method))
}

/// The first version in which a server may ask this.
#[must_use]
pub fn first_to_ask(method: &str) -> Option<Version> {
    Version::ALL.iter().copied().find(|version| known(*version, Group::Requests, method))
}

/// What is wrong with what a result asks for.
fn questions(version: Version, result: &Map<String, Value>) -> Vec<Violation> {
    let requests = result.get("inputRequests").and_then(Value::as_object);
    let mut found = Vec::new();
    for (key, request) in requests.into_iter().flatten() {
        let at = format!("/result/inputRequests/{}", key.replace('~', "~0").replace('/', "~1"));
        let method = request.get("method").and_then(Value::as_str).unwrap_or_default();
        found.extend(check(version, Group::Requests, method, request, &at, section(version, method)));
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

fn check(
    version: Version,
    group: Group,
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

/// Whether a method belongs to the protocol, and not to this version, or to the other side: what the protocol does
/// not know may be an extension.
fn is_foreign(version: Version, method: &str, theirs: Group, ours: Group) -> bool {
    !known(version, theirs, method)
        && Version::ALL.iter().any(|other| known(*other, theirs, method) || known(*other, ours, method))
}

//! The wire check: from a message of a server to what the protocol does not allow in it. A pure function.

use serde_json::{Map, Value};

use super::Version;
use crate::exchange::Violation;

/// What is wrong with the envelope of any message.
#[must_use]
pub fn envelope(version: Version, message: &Map<String, Value>) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut wrong = |pointer: &str, message: String| {
        found.push(Violation { message, pointer: pointer.to_owned(), section: format!("{version} basic") });
    };
    match message.get("jsonrpc") {
        Some(Value::String(text)) if text == "2.0" => {}
        Some(other) => wrong("/jsonrpc", format!("`jsonrpc` is {other}, not \"2.0\"")),
        None => wrong("", "`jsonrpc: \"2.0\"` is missing".to_owned()),
    }
    found
}
/// What is wrong with an answer.
#[must_use]
pub fn answer(_version: Version, _method: &str, _message: &Map<String, Value>) -> Vec<Violation> {
    Vec::new()
}
/// What is wrong with the result of a method.
#[must_use]
pub fn result(_version: Version, _method: &str, _result: &Value) -> Vec<Violation> {
    Vec::new()
}
/// What is wrong with a notification.
#[must_use]
pub fn notification(_version: Version, _message: &Value) -> Vec<Violation> {
    Vec::new()
}
/// What is wrong with a request of the server.
#[must_use]
pub fn asked(_version: Version, _method: &str, _id: &Value) -> Vec<Violation> {
    Vec::new()
}

//! A message in an answer or a stream: what it is, whether it may be there, and what becomes of it. What is said
//! before the answer (notifications, questions) is taken in the order in which it comes.

use std::sync::atomic::Ordering;

use serde_json::Value;

use super::conduct::{unanswerable, undeclared, unoffered};
use super::listen::{LISTEN, misplaced};
use super::receive::{Reading, Want};
use super::request::{META_CAPABILITIES, META_LOG};
use super::{Version, tasks, wire};
use crate::exchange::{Asked, Check, Notification, Violation};
use crate::json;

pub(super) const TRANSPORTS: &str = "basic/transports";
pub(super) const MESSAGES: &str = "basic";
const LIFECYCLE: &str = "basic/lifecycle";

/// Whether a document is a JSON-RPC message. Beside an HTTP error only one that says so: `{"error": …}` is also
/// what OAuth answers.
pub(super) fn is_message(value: &Value, expected: bool) -> bool {
    let Value::Object(members) = value else { return false };
    members.contains_key("jsonrpc")
        || (expected && (members.contains_key("result") || members.contains_key("error")))
}

impl Reading {
    /// Takes a message of so many bytes; true where it is the answer. `lenient`: it came with an HTTP error, where
    /// servers often do not know the id.
    pub(super) fn message(&mut self, mut parsed: json::Parsed, weight: usize, lenient: bool) -> bool {
        let Value::Object(message) = &parsed.value else { return false };
        let (Want::Answer { version, .. } | Want::Stream { version }) = self.want else {
            return self.raw_message(parsed, weight);
        };
        self.exchange.wire.extend(wire::envelope(version, message));
        let method = message.get("method").and_then(Value::as_str).map(str::to_owned);
        let theirs = message.get("id").cloned();
        match (method, theirs) {
            (Some(method), None) => {
                self.exchange.wire.extend(wire::notification(version, &parsed.value));
                self.judge_notification(version, &method, &parsed.value);
                self.notification(method, parsed, weight);
                false
            }
            (Some(method), Some(id)) => {
                self.judge_late(&method);
                // That the modern era has no such requests says it all.
                if !version.is_modern() {
                    self.exchange.wire.extend(wire::asked(version, &parsed.value));
                }
                let params = parsed.value.as_object_mut().and_then(|message| message.shift_remove("params"));
                self.asked(version, method, params.unwrap_or(Value::Null), id);
                false
            }
            (None, theirs) => self.answer(parsed, theirs.as_ref(), lenient),
        }
    }

    fn raw_message(&mut self, parsed: json::Parsed, weight: usize) -> bool {
        let known = self.has_result() || self.exchange.answer.error.is_some();
        let Some(message) = parsed.value.as_object() else { return false };
        match message.get("method").and_then(Value::as_str).map(str::to_owned) {
            Some(method) => self.notification(method, parsed, weight),
            None if !known => self.accept(parsed),
            None => {}
        }
        false
    }

    fn answer(&mut self, parsed: json::Parsed, theirs: Option<&Value>, lenient: bool) -> bool {
        let Some(message) = parsed.value.as_object() else { return false };
        let has_error = message.contains_key("error");
        let Want::Answer { id, version, check } = self.want else {
            // Beside an HTTP error it says why there is no stream.
            if lenient {
                self.accept(parsed);
            } else if self.is_shared() {
                let theirs = theirs.unwrap_or(&Value::Null);
                let text = format!("an answer with the id `{theirs}` came, and no request waits for it");
                self.found(Check::Ids, text, MESSAGES);
            } else {
                self.violation("an answer came in a stream that no request opened".to_owned(), TRANSPORTS);
            }
            return lenient;
        };
        let same = theirs.is_some_and(|theirs| equals(theirs, id));
        if self.answered {
            let text = if same {
                format!("a second answer to `{}` came", self.method())
            } else {
                format!("another answer came after that to `{}`", self.method())
            };
            self.found(Check::Order, text, TRANSPORTS);
            return false;
        }
        if !self.is_ours(same, id, theirs, has_error, lenient) {
            return false;
        }
        // Without a method, everything but the shape of the result.
        let method = if check { self.method() } else { "" };
        let question = wire::Question { version, method, tasks: self.declares_tasks() };
        self.exchange.wire.extend(wire::answer(question, message));
        if !has_error && check {
            self.judge_offered(version);
        }
        if self.method() == LISTEN && !self.established && !has_error {
            self.violation("listening ended before it was acknowledged".to_owned(), MESSAGES);
        }
        self.accept(parsed);
        true
    }

    /// What is wrong with a notification beside its shape.
    fn judge_notification(&mut self, version: Version, method: &str, message: &Value) {
        let params = message.get("params").unwrap_or(&Value::Null);
        if version.is_modern() && method == "notifications/message" && !self.asked_for_logs() {
            let text = "a log message came that the request did not ask for".to_owned();
            self.violation(text, "server/utilities/logging");
        }
        if let Some(facts) = self.session.known()
            && let Some(capability) = undeclared(method, &facts.capabilities)
        {
            let text = format!("`{method}` came, and the server has not declared `{capability}`");
            self.found(Check::Capabilities, text, if version.is_modern() { MESSAGES } else { LIFECYCLE });
        }
        if method == "notifications/progress" {
            let wrong = self.session.tokens().told(params);
            if let Some((check, text)) = wrong {
                self.found(check, text, wire::section(version, method));
            }
        } else {
            self.judge_late(method);
        }
        if version.is_modern() && matches!(self.want, Want::Stream { .. }) {
            for text in misplaced(method, params, None, false) {
                self.violation(text, "basic/patterns/subscriptions");
            }
        }
        if version.is_modern()
            && let Want::Answer { id, .. } = self.want
        {
            let asked = self.exchange.sent.as_ref().filter(|sent| sent.method == LISTEN);
            let wrong = misplaced(method, params, asked.map(|sent| (id, &sent.params)), self.established);
            self.established |= asked.is_some() && method == super::listen::ACKNOWLEDGED;
            for text in wrong {
                self.violation(text, "basic/patterns/subscriptions");
            }
        }
    }

    /// Only what a server declares may be used.
    fn judge_offered(&mut self, version: Version) {
        let facts = self.session.known();
        let capability = facts.and_then(|facts| unoffered(version, self.method(), &facts.capabilities));
        if let Some(capability) = capability {
            let text =
                format!("the server answered `{}`, and has not declared `{capability}`", self.method());
            let section = wire::section(version, self.method());
            self.found(Check::Capabilities, text, section);
        }
    }

    /// Nothing may follow the answer in its stream.
    fn judge_late(&mut self, method: &str) {
        if self.answered {
            let text = format!("`{method}` came after the answer to `{}`", self.method());
            self.found(Check::Order, text, TRANSPORTS);
        }
    }

    /// Whether the answer may be a task of the extension.
    fn declares_tasks(&self) -> bool {
        let declared = self.sent_meta(META_CAPABILITIES).and_then(|declared| declared.get("extensions"));
        declared.is_some_and(|declared| declared.get(tasks::TASKS_EXTENSION).is_some())
    }

    fn asked_for_logs(&self) -> bool {
        self.sent_meta(META_LOG).is_some()
            || (self.is_shared() && self.session.asks_logs.load(Ordering::Relaxed))
    }

    fn sent_meta(&self, name: &str) -> Option<&Value> {
        self.exchange.sent.as_ref()?.params.get("_meta")?.get(name)
    }

    pub(super) fn is_raw(&self) -> bool {
        matches!(self.want, Want::Raw)
    }

    fn notification(&mut self, method: String, mut parsed: json::Parsed, weight: usize) {
        let number = self.exchange.notifications.len();
        let at = parsed.inexact.iter().map(|at| format!("/notifications/{number}{at}"));
        self.exchange.inexact.extend(at);
        let params = parsed.value.as_object_mut().and_then(|m| m.shift_remove("params"));
        let notification = Notification { method, params: params.unwrap_or(Value::Null) };
        self.session.store.put(notification.clone(), parsed.inexact, weight);
        self.exchange.notifications.push(notification);
    }

    fn asked(&mut self, version: Version, method: String, params: Value, id: Value) {
        if version.is_modern() {
            let text = format!("the server sent the request `{method}`, which {version} does not have");
            self.violation(text, TRANSPORTS);
            return;
        }
        self.judge_question(version, &method, &params);
        let (answer, unexpected) = self.session.respond(self.responder.as_deref(), &method, &params);
        let answer = tasks::related(&params, answer);
        self.session.post_answer(version, id, &answer);
        self.exchange.asked.push(Asked { method, params, answer, unexpected });
    }

    fn judge_question(&mut self, version: Version, method: &str, params: &Value) {
        let declared = &self.session.config.capabilities;
        if let Some(capability) = unanswerable(version, method, params, declared) {
            let text = format!("the server asked `{method}`, and the client has not declared `{capability}`");
            self.found(Check::Capabilities, text, LIFECYCLE);
        }
    }

    fn is_ours(
        &mut self,
        equal: bool,
        id: u64,
        theirs: Option<&Value>,
        has_error: bool,
        lenient: bool,
    ) -> bool {
        let theirs = theirs.unwrap_or(&Value::Null);
        if equal || (theirs.is_null() && has_error && lenient) {
            return true;
        }
        let message = if theirs.is_null() {
            format!("the answer has no id; the request's is `{id}`")
        } else {
            format!("the answer's id is `{theirs}`; the request's is `{id}`")
        };
        self.found(Check::Ids, message, MESSAGES);
        if let Some(violation) = self.exchange.wire.last_mut() {
            violation.pointer = "/id".to_owned();
        }
        // These can only be meant for this request: the same id in another type, an error that names none, and
        // what comes before a session (UiPath's relay answers `initialize` with the id 0 where it fails).
        let same = theirs.as_str().is_some_and(|text| text == id.to_string());
        let handshake = matches!(self.want, Want::Answer { check: false, .. });
        same || handshake || (has_error && (theirs.is_null() || lenient))
    }

    fn accept(&mut self, mut parsed: json::Parsed) {
        let kept = |at: &String| at.starts_with("/result") || at.starts_with("/error");
        self.exchange.inexact.extend(parsed.inexact.drain(..).filter(kept));
        if let Some(message) = parsed.value.as_object_mut() {
            self.exchange.answer.result = message.shift_remove("result");
            self.exchange.answer.error = message.shift_remove("error");
        }
    }

    pub(super) fn violation(&mut self, message: String, section: &str) {
        self.found(Check::Wire, message, section);
    }

    fn found(&mut self, check: Check, message: String, section: &str) {
        let (Want::Answer { version, .. } | Want::Stream { version }) = self.want else { return };
        let section = format!("{version} {section}");
        self.exchange.wire.push(Violation { check, message, pointer: String::new(), section });
    }
}

/// A number is the same number however it is written.
pub(super) fn equals(theirs: &Value, id: u64) -> bool {
    theirs.as_u64() == Some(id) || theirs.as_f64().is_some_and(|theirs| theirs == id as f64)
}

//! Reads one answer: frames of the transport become an exchange. What the server says before its answer
//! (notifications, requests) is taken in the order in which it comes.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::request::{META_LOG, Prepared, pairs};
use super::session::Inner;
use super::{Version, wire};
use crate::exchange::{Asked, Exchange, HttpAnswer, Notification, Outcome, Sent, SseEvent, Violation};
use crate::json;
use crate::model::shown_duration;
use crate::transport::{Error, Frame, Head, Incoming};

/// How long a stream may take to end after the answer: a connection whose stream ended can be used again.
const TAIL: Duration = Duration::from_millis(100);

/// The part of [`TAIL`] that the caller waits for. A server that ends its stream does so at once.
const TAIL_INLINE: Duration = Duration::from_millis(1);

/// What is read.
#[derive(Clone, Debug)]
pub(super) enum Want {
    /// The answer to a request.
    Answer {
        /// The request's id.
        id: u64,
        /// The version whose rules hold.
        version: Version,
        /// Whether the result is checked; that of `initialize` is, once it is known in which version.
        check: bool,
    },
    /// That a message was taken.
    Receipt,
    /// Whatever comes.
    Raw,
}

/// An answer that is being read. Its future may be dropped and made anew: nothing is lost.
pub(super) struct Reading {
    session: Arc<Inner>,
    incoming: Incoming,
    want: Want,
    exchange: Exchange,
    head: Option<Head>,
    started: Instant,
    done: bool,
    /// Whether it was told that the stream is no UTF-8.
    lossy: bool,
}

impl Reading {
    pub(super) fn start(session: Arc<Inner>, prepared: Prepared, want: Want) -> Self {
        let incoming = session.client.http.start(prepared.outgoing);
        let mut exchange = Exchange::default();
        exchange.sent = Some(prepared.sent);
        Self {
            session,
            incoming,
            want,
            exchange,
            head: None,
            started: Instant::now(),
            done: false,
            lossy: false,
        }
    }

    /// Reads until the answer is there, or nothing more can come.
    pub(super) async fn run(&mut self) {
        while !self.done {
            match self.incoming.next().await {
                Ok(Some(Frame::Head(head))) => {
                    // The status is the receipt. A stream behind it need not end.
                    let received = head.is_stream() && matches!(self.want, Want::Receipt);
                    self.head(head);
                    if received {
                        self.end();
                    }
                }
                Ok(Some(Frame::Body(bytes))) => {
                    self.body(bytes);
                    self.end();
                }
                Ok(Some(Frame::Event(event))) => {
                    if self.event(event) {
                        self.end();
                    }
                }
                Ok(None) => {
                    self.ended();
                    self.end();
                }
                Err(error) => {
                    self.failed(&error);
                    self.end();
                }
            }
        }
    }

    /// The exchange of an answer that was read to its end.
    pub(super) async fn finish(mut self) -> Exchange {
        let streams = self.exchange.http.as_ref().is_some_and(|http| !http.events.is_empty());
        if streams && self.exchange.outcome == Outcome::Answered {
            let mut incoming = self.incoming;
            let rest = async move { while let Ok(Some(_)) = incoming.next().await {} };
            let mut rest = Box::pin(rest);
            if tokio::time::timeout(TAIL_INLINE, &mut rest).await.is_err() {
                tokio::spawn(tokio::time::timeout(TAIL, rest));
            }
        }
        std::mem::take(&mut self.exchange)
    }

    /// What there is of an exchange that ends before its answer came.
    pub(super) fn cut(&mut self, outcome: Outcome, limit: Duration) -> Exchange {
        let mut exchange = std::mem::take(&mut self.exchange);
        exchange.duration = self.started.elapsed();
        exchange.outcome = outcome;
        exchange.cause = Some(match outcome {
            Outcome::TimedOut => {
                format!("no answer to `{}` within {}", method(&exchange), shown_duration(limit))
            }
            _ => "interrupted".to_owned(),
        });
        // Reading may go on in the background, to see whether the answer still comes.
        self.exchange.sent = exchange.sent.clone();
        self.exchange.outcome = outcome;
        exchange
    }

    pub(super) fn method(&self) -> &str {
        method(&self.exchange)
    }

    pub(super) fn want(&self) -> &Want {
        &self.want
    }

    pub(super) fn outcome(&self) -> Outcome {
        self.exchange.outcome
    }

    pub(super) fn has_result(&self) -> bool {
        self.exchange.answer.result.is_some()
    }

    fn end(&mut self) {
        self.exchange.duration = self.started.elapsed();
        self.done = true;
    }

    fn head(&mut self, head: Head) {
        self.exchange.http = Some(HttpAnswer {
            status: head.status.as_u16(),
            headers: pairs(&head.headers),
            body: None,
            events: Vec::new(),
        });
        self.head = Some(head);
    }

    fn failed(&mut self, error: &Error) {
        self.exchange.outcome = match error {
            Error::Unreachable(_) => Outcome::Unreachable,
            Error::Closed { .. } | Error::Limit { .. } | Error::Refused(_) => Outcome::Closed,
        };
        self.exchange.cause = Some(error.to_string());
    }

    fn body(&mut self, bytes: Vec<u8>) {
        let parsed = match &self.want {
            Want::Answer { .. } => Some(json::parse(&bytes)),
            Want::Raw if !bytes.is_empty() => Some(json::parse(&bytes)),
            Want::Raw | Want::Receipt => None,
        };
        let empty = bytes.is_empty();
        if let Some(http) = &mut self.exchange.http {
            let text = String::from_utf8(bytes)
                .unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned());
            http.body = Some(text);
        }
        let Some(parsed) = parsed else { return };
        let (success, media) = self
            .head
            .as_ref()
            .map_or_else(Default::default, |head| (head.status.is_success(), head.media_type()));
        let is_json = media == "application/json" || media.ends_with("+json");
        match parsed {
            Ok(parsed) if is_message(&parsed.value, success && is_json) => {
                if !is_json {
                    self.violation(format!("a JSON-RPC message came as {}", shown_media(&media)), TRANSPORTS);
                }
                let told = self.exchange.wire.len();
                let answered = self.message(parsed, !success);
                if !answered && !self.is_raw() && self.exchange.wire.len() == told {
                    // A notification or a question, and nothing more can come: this must not look like an answer.
                    let text = format!("the body is a message, but no answer to `{}`", self.method());
                    self.violation(text, TRANSPORTS);
                }
            }
            Ok(parsed) if parsed.value.is_array() && success && is_json => {
                self.violation(
                    "the answer is a batch, which this version does not have".to_owned(),
                    MESSAGES,
                );
            }
            Err(error) if is_json && !empty => {
                self.violation(format!("the body is not JSON: {error}"), TRANSPORTS)
            }
            _ => {
                let text = self.no_message(empty, &media);
                self.violation(text, TRANSPORTS);
            }
        }
    }

    /// What came instead of a message.
    fn no_message(&self, empty: bool, media: &str) -> String {
        let Some(head) = &self.head else { return "no answer".to_owned() };
        let status = head.status.as_u16();
        if head.status.is_redirection()
            && let Some(to) = head.headers.get(http::header::LOCATION)
        {
            let to = String::from_utf8_lossy(to.as_bytes());
            return format!(
                "the server answered HTTP {status}, a redirect to `{to}`: redirects are not followed"
            );
        }
        let what = if empty {
            "an empty body".to_owned()
        } else if head.status.is_success() {
            shown_media(media)
        } else {
            format!("{} that is no JSON-RPC message", shown_media(media))
        };
        format!("the server answered `{}` with HTTP {status} and {what}", self.method())
    }

    /// Takes an event of the stream; true where it is the answer.
    fn event(&mut self, event: SseEvent) -> bool {
        let is_message = event.event.as_deref().is_none_or(|name| name == "message");
        let parsed = event.data.as_deref().filter(|data| is_message && !data.is_empty());
        let parsed = parsed.map(|data| json::parse(data.as_bytes()));
        if let Some(http) = &mut self.exchange.http {
            http.events.push(event);
        }
        if self.incoming.is_lossy() && !std::mem::replace(&mut self.lossy, true) {
            self.violation("the stream is not UTF-8".to_owned(), TRANSPORTS);
        }
        match parsed {
            None => false,
            Some(_) if matches!(self.want, Want::Receipt) => false,
            Some(Ok(parsed)) if parsed.value.is_object() => self.message(parsed, false) && !self.is_raw(),
            Some(Ok(parsed)) => {
                let what = if parsed.value.is_array() { "a batch" } else { "no JSON-RPC message" };
                self.violation(format!("an event of the stream is {what}"), MESSAGES);
                false
            }
            Some(Err(error)) => {
                self.violation(format!("the data of an event is not JSON: {error}"), TRANSPORTS);
                false
            }
        }
    }

    /// The end of a stream.
    fn ended(&mut self) {
        if matches!(self.want, Want::Answer { .. }) {
            self.exchange.outcome = Outcome::Closed;
            self.exchange.cause = Some(format!(
                "the stream ended after {} bytes, before the answer to `{}` came",
                self.incoming.received(),
                self.method(),
            ));
        }
    }

    fn asked_for_logs(&self) -> bool {
        let params = self.exchange.sent.as_ref().map(|sent| &sent.params);
        params.and_then(|params| params.get("_meta")).is_some_and(|meta| meta.get(META_LOG).is_some())
    }

    fn is_raw(&self) -> bool {
        matches!(self.want, Want::Raw)
    }

    /// Takes a message; true where it is the answer. `lenient`: it came with an HTTP error, where servers often do
    /// not know the id.
    fn message(&mut self, mut parsed: json::Parsed, lenient: bool) -> bool {
        let Value::Object(message) = &mut parsed.value else { return false };
        if self.is_raw() {
            return self.raw_message(parsed);
        }
        let Want::Answer { id, version, check } = self.want else { return false };
        self.exchange.wire.extend(wire::envelope(version, message));
        let method = message.get("method").and_then(Value::as_str).map(str::to_owned);
        let theirs = message.get("id").cloned();
        match (method, theirs) {
            (Some(method), None) => {
                self.exchange.wire.extend(wire::notification(version, &parsed.value));
                if version.is_modern() && method == "notifications/message" && !self.asked_for_logs() {
                    let text = "a log message came that the request did not ask for".to_owned();
                    self.violation(text, "server/utilities/logging");
                }
                self.notification(method, parsed);
                false
            }
            (Some(method), Some(id)) => {
                let params = message.shift_remove("params").unwrap_or(Value::Null);
                self.asked(version, method, params, id);
                false
            }
            (None, theirs) => {
                let has_error = message.contains_key("error");
                if !self.is_ours(version, id, theirs.as_ref(), has_error, lenient) {
                    return false;
                }
                // Without a method, everything but the shape of the result.
                let method = if check { method_of(self.exchange.sent.as_ref()) } else { "" };
                let question = wire::Question { version, method, tasks: self.session.declares_tasks() };
                self.exchange.wire.extend(wire::answer(question, message));
                self.accept(parsed);
                true
            }
        }
    }

    fn raw_message(&mut self, parsed: json::Parsed) -> bool {
        let known = self.has_result() || self.exchange.answer.error.is_some();
        let Some(message) = parsed.value.as_object() else { return false };
        match message.get("method").and_then(Value::as_str).map(str::to_owned) {
            Some(method) => self.notification(method, parsed),
            None if !known => self.accept(parsed),
            None => {}
        }
        false
    }

    fn notification(&mut self, method: String, mut parsed: json::Parsed) {
        let number = self.exchange.notifications.len();
        let at = parsed.inexact.iter().map(|at| format!("/notifications/{number}{at}"));
        self.exchange.inexact.extend(at);
        let params = parsed.value.as_object_mut().and_then(|m| m.shift_remove("params"));
        self.exchange.notifications.push(Notification { method, params: params.unwrap_or(Value::Null) });
    }

    fn asked(&mut self, version: Version, method: String, params: Value, id: Value) {
        if version.is_modern() {
            let text = format!("the server sent the request `{method}`, which {version} does not have");
            self.violation(text, TRANSPORTS);
            return;
        }
        self.exchange.wire.extend(wire::asked(version, &method, &id));
        let (answer, unexpected) = self.session.respond(&method, &params);
        self.session.post_answer(version, id, &answer);
        self.exchange.asked.push(Asked { method, params, answer, unexpected });
    }

    fn is_ours(
        &mut self,
        version: Version,
        id: u64,
        theirs: Option<&Value>,
        has_error: bool,
        lenient: bool,
    ) -> bool {
        let theirs = theirs.unwrap_or(&Value::Null);
        // A number is the same number however it is written.
        let equal = theirs.as_u64() == Some(id) || theirs.as_f64().is_some_and(|theirs| theirs == id as f64);
        if equal || (theirs.is_null() && has_error && lenient) {
            return true;
        }
        let section = format!("{version} {MESSAGES}");
        let pointer = "/id".to_owned();
        let message = if theirs.is_null() {
            format!("the answer has no id; the request's is `{id}`")
        } else {
            format!("the answer's id is `{theirs}`; the request's is `{id}`")
        };
        self.exchange.wire.push(Violation { message, pointer, section });
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

    fn violation(&mut self, message: String, section: &str) {
        let Want::Answer { version, .. } = self.want else { return };
        let section = format!("{version} {section}");
        self.exchange.wire.push(Violation { message, pointer: String::new(), section });
    }
}

const TRANSPORTS: &str = "basic/transports";
const MESSAGES: &str = "basic";

/// Whether a document is a JSON-RPC message. Beside an HTTP error only one that says so: `{"error": …}` is also
/// what OAuth answers.
fn is_message(value: &Value, expected: bool) -> bool {
    let Value::Object(members) = value else { return false };
    members.contains_key("jsonrpc")
        || (expected && (members.contains_key("result") || members.contains_key("error")))
}

fn shown_media(media: &str) -> String {
    // Other characters may be those of a secret, and the type is cut from what follows it.
    let plain = media.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/.+-_*".contains(&byte));
    if media.is_empty() {
        "a body without a content type".to_owned()
    } else if !plain {
        "a body of an odd type".to_owned()
    } else {
        format!("a body of type `{media}`")
    }
}

fn method(exchange: &Exchange) -> &str {
    method_of(exchange.sent.as_ref())
}

fn method_of(sent: Option<&Sent>) -> &str {
    sent.map_or("", |sent| sent.method.as_str())
}

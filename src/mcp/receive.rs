//! Reads one answer or stream: frames of the transport become an exchange, in the order in which they come. What
//! a message in them means is in the file beside.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::listen::LISTEN;
use super::message::{MESSAGES, TRANSPORTS, is_message};
use super::request::{META_LOG, Prepared, pairs};
use super::resume::Resume;
use super::session::Inner;
use super::{Responder, SessionFacts, Version};
use crate::exchange::{Exchange, HttpAnswer, Outcome, SseEvent};
use crate::json;
use crate::model::shown_duration;
use crate::transport::{Claims, Error, Frame, Head, Incoming};

/// How long a stream may take to end after the answer: a connection whose stream ended can be used again.
const TAIL: Duration = Duration::from_millis(100);

/// How long the caller waits for the end of a stream where the server is known to leave them open.
const TAIL_INLINE: Duration = Duration::from_millis(1);

/// What a server without a stream of its own answers to GET.
pub(super) const NO_STREAM: u16 = 405;

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
    /// The session's own stream, until it is there; in the background whatever it brings.
    Stream {
        /// The version whose rules hold.
        version: Version,
    },
    /// That a message was taken.
    Receipt,
    /// Whatever comes.
    Raw,
}

/// An answer that is being read. Its future may be dropped and made anew: nothing is lost.
pub(super) struct Reading {
    pub(super) session: Arc<Inner>,
    /// Answers what the server asks in this stream; that of the session unless the step has one.
    pub(super) responder: Option<Arc<dyn Responder>>,
    incoming: Incoming,
    pub(super) want: Want,
    pub(super) exchange: Exchange,
    head: Option<Head>,
    /// Events of a shared stream that came before the head.
    ahead: Vec<SseEvent>,
    started: Instant,
    done: bool,
    /// Whether it was told that the stream is no UTF-8.
    lossy: bool,
    /// The progress token that the request gave.
    pub(super) token: Option<Value>,
    /// Whether a stream that stays open is there: what comes now belongs to no step.
    pub(super) established: bool,
    /// Whether the answer was read: nothing may follow it.
    pub(super) answered: bool,
    /// Where a cut stream could be taken up again.
    pub(super) resume: Resume,
    /// The session in which it is, where the step leaves that to us.
    pub(super) facts: Option<Arc<SessionFacts>>,
}

impl Reading {
    pub(super) fn start(session: Arc<Inner>, prepared: Prepared, want: Want) -> Self {
        let token = prepared.sent.params.get("_meta").and_then(|meta| meta.get("progressToken")).cloned();
        let token = token.filter(|_| matches!(want, Want::Answer { .. }));
        let id = if let Want::Answer { id, .. } = want { Some(id) } else { None };
        let claims = Claims { id, token: token.clone(), stays: prepared.sent.method == LISTEN };
        let incoming = match want {
            Want::Raw => session.start_raw(prepared.outgoing),
            _ => session.start(prepared.outgoing, claims),
        };
        if prepared.sent.params.get("_meta").is_some_and(|meta| meta.get(META_LOG).is_some()) {
            session.asks_logs.store(true, Ordering::Relaxed);
        }
        if let Some(token) = &token {
            session.tokens().give(token);
        }
        let mut exchange = Exchange::default();
        exchange.sent = Some(prepared.sent);
        let Prepared { responder, resumes: facts, .. } = prepared;
        Self { responder, exchange, token, facts, ..Self::of(session, incoming, want) }
    }

    /// What comes in a shared stream and belongs to no request.
    pub(super) fn background(session: Arc<Inner>, incoming: Incoming, version: Version) -> Self {
        Self { established: true, ..Self::of(session, incoming, Want::Stream { version }) }
    }

    fn of(session: Arc<Inner>, incoming: Incoming, want: Want) -> Self {
        Self {
            session,
            responder: None,
            incoming,
            want,
            exchange: Exchange::default(),
            head: None,
            ahead: Vec::new(),
            started: Instant::now(),
            done: false,
            lossy: false,
            token: None,
            established: false,
            answered: false,
            resume: Resume::default(),
            facts: None,
        }
    }

    /// Reads on in another stream.
    pub(super) fn go_on(&mut self, incoming: Incoming) {
        self.incoming = incoming;
        self.done = false;
        (self.exchange.outcome, self.exchange.cause) = (Outcome::Answered, None);
    }

    /// Whether the answer began as a stream.
    pub(super) fn streams(&self) -> bool {
        self.head.as_ref().is_some_and(|head| head.is_stream() && head.status.is_success())
    }

    /// Reads until the answer is there, or nothing more can come, or a stream that stays open is there.
    pub(super) async fn run(&mut self) {
        while !self.done && !self.established {
            self.step().await;
        }
    }

    /// Reads a stream that stays open to its end. What is wrong in it is billed to the steps of its time.
    pub(super) async fn pump(&mut self) {
        while !self.done {
            self.step().await;
            self.hand_over();
        }
    }

    async fn step(&mut self) {
        match self.incoming.next().await {
            Ok(Some(Frame::Head(head))) => {
                // The status is the receipt. A stream behind it need not end.
                let received = head.is_stream() && matches!(self.want, Want::Receipt);
                self.established =
                    head.is_stream() && head.status.is_success() && matches!(self.want, Want::Stream { .. });
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
            Ok(Some(Frame::Message(parsed, weight))) => {
                if self.piece(*parsed, weight) {
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

    /// The exchange of an answer that was read to its end.
    pub(super) async fn finish(mut self) -> Exchange {
        self.answered = self.exchange.outcome == Outcome::Answered;
        let streams = self.exchange.http.as_ref().is_some_and(|http| !http.events.is_empty())
            && !self.incoming.is_shared();
        self.release_token();
        // What comes too late is seen for certain where the server ends its streams, as nearly all do at once. The
        // first one that stays open costs its caller the wait, those after it do not.
        let lingers = &self.session.clone().client.lingers;
        let pause = if lingers.load(Ordering::Relaxed) { TAIL_INLINE } else { TAIL };
        let followed = streams && self.answered && !self.tail(pause).await;
        lingers.fetch_or(followed, Ordering::Relaxed);
        let exchange = self.leave();
        if followed {
            tokio::spawn(async move {
                self.tail(TAIL).await;
                self.hand_over();
            });
        }
        exchange
    }

    /// Reads on after the answer, for as long as no pause is longer than this: a connection whose stream ended can be used
    /// again, and what comes now comes too late. True at the end of the stream.
    async fn tail(&mut self, pause: Duration) -> bool {
        let last = Instant::now() + TAIL;
        while let Ok(frame) = timeout_at(last.min(Instant::now() + pause), self.incoming.next()).await {
            let Ok(Some(Frame::Event(event))) = frame else { return true };
            self.event(event);
        }
        false
    }

    /// The exchange of a stream that stays open, up to here.
    pub(super) fn opened(&mut self) -> Exchange {
        self.exchange.duration = self.started.elapsed();
        self.leave()
    }

    /// Gives the exchange away. What comes from now on is kept no longer than it takes to hand it over.
    fn leave(&mut self) -> Exchange {
        let mut exchange = std::mem::take(&mut self.exchange);
        exchange.echo = self.session.echo(&exchange);
        self.exchange.sent.clone_from(&exchange.sent);
        self.exchange.outcome = exchange.outcome;
        exchange
    }

    fn hand_over(&mut self) {
        let (wire, asked) =
            (std::mem::take(&mut self.exchange.wire), std::mem::take(&mut self.exchange.asked));
        self.session.store.find(wire, asked);
        self.exchange.notifications.clear();
        self.exchange.inexact.clear();
    }

    /// Whether it is over, so that a stream that was there is there no more.
    pub(super) fn is_done(&self) -> bool {
        self.done
    }

    /// Why there is no whole answer.
    pub(super) fn cause(&self) -> Option<&str> {
        self.exchange.cause.as_deref()
    }

    /// The HTTP status, once it is there.
    pub(super) fn status(&self) -> Option<u16> {
        self.head.as_ref().map(|head| head.status.as_u16())
    }

    fn release_token(&self) {
        let Some(token) = &self.token else { return };
        let result = self.exchange.answer.result.as_ref();
        let task = result.is_some_and(|result| {
            result.get("task").is_some() || result.get("resultType").is_some_and(|kind| kind == "task")
        });
        self.session.tokens().end(token, task || !self.answered);
    }

    /// What there is of an exchange that ends before its answer came.
    pub(super) fn cut(&mut self, outcome: Outcome, limit: Duration) -> Exchange {
        self.release_token();
        let mut exchange = std::mem::take(&mut self.exchange);
        exchange.duration = self.started.elapsed();
        exchange.outcome = outcome;
        exchange.cause = Some(match outcome {
            Outcome::TimedOut => {
                let text = format!("no answer to `{}` within {}", method(&exchange), shown_duration(limit));
                self.with_told(text)
            }
            _ => "interrupted".to_owned(),
        });
        // Reading may go on in the background, to see whether the answer still comes.
        self.exchange.sent = exchange.sent.clone();
        self.exchange.outcome = outcome;
        exchange
    }

    /// A reason with what the server said beside the protocol.
    fn with_told(&self, reason: String) -> String {
        match self.incoming.told() {
            Some(told) => format!("{reason}\n{told}"),
            None => reason,
        }
    }

    /// From now on it reads only what names it.
    pub(super) fn step_aside(&self) {
        self.incoming.step_aside();
    }

    /// Whether others read the same stream.
    pub(super) fn is_shared(&self) -> bool {
        self.incoming.is_shared()
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
            events: std::mem::take(&mut self.ahead),
        });
        self.head = Some(head);
    }

    fn failed(&mut self, error: &Error) {
        self.resume.over = matches!(error, Error::Limit { .. });
        self.exchange.outcome = match error {
            Error::Unreachable(_) => Outcome::Unreachable,
            Error::Closed { .. } | Error::Ended(_) | Error::Limit { .. } | Error::Refused(_) => {
                Outcome::Closed
            }
        };
        self.exchange.cause = Some(self.with_told(error.to_string()));
    }

    fn body(&mut self, bytes: Vec<u8>) {
        // To have no stream of its own is a server's right.
        if matches!(self.want, Want::Stream { .. }) && self.status() == Some(NO_STREAM) {
            return;
        }
        let weight = bytes.len();
        let parsed = match &self.want {
            Want::Answer { .. } | Want::Stream { .. } => Some(json::parse(&bytes)),
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
                let answered = self.message(parsed, weight, !success);
                self.nothing_more(answered, "a message");
            }
            Ok(parsed) if parsed.value.is_array() && success && is_json && self.takes_batches() => {
                let answered = self.batch(parsed, weight);
                self.nothing_more(answered, "a batch");
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

    /// After a body nothing more can come: without an answer it must not look like one, whatever else is wrong with
    /// it.
    fn nothing_more(&mut self, answered: bool, what: &str) {
        if !answered && !self.is_raw() {
            let text = format!("the body is {what}, but no answer to `{}`", self.method());
            self.violation(text, TRANSPORTS);
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
        let weight = event.data.as_ref().map_or(0, String::len);
        if event.id.is_some() {
            self.resume.last_id.clone_from(&event.id);
        }
        self.resume.retry = event.retry.or(self.resume.retry);
        self.resume.came = true;
        let parsed = event.data.as_deref().filter(|data| is_message && !data.is_empty());
        let parsed = parsed.map(|data| json::parse(data.as_bytes()));
        match &mut self.exchange.http {
            Some(http) => http.events.push(event),
            // What belongs to no step is kept no longer than it takes to read it.
            None if !self.established && self.head.is_none() => self.ahead.push(event),
            None => {}
        }
        if self.incoming.is_lossy() && !std::mem::replace(&mut self.lossy, true) {
            self.violation("the stream is not UTF-8".to_owned(), TRANSPORTS);
        }
        match parsed {
            None => false,
            Some(_) if matches!(self.want, Want::Receipt) => false,
            Some(Ok(parsed)) if parsed.value.is_object() => {
                self.message(parsed, weight, false) && !self.is_raw()
            }
            Some(Ok(parsed)) if parsed.value.is_array() && self.takes_batches() => self.batch(parsed, weight),
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

    /// Takes a message of a stream without events; true where it is the answer.
    fn piece(&mut self, parsed: json::Parsed, weight: usize) -> bool {
        if parsed.value.is_object() {
            return self.message(parsed, weight, false);
        }
        if self.takes_batches() {
            return self.batch(parsed, weight);
        }
        self.violation("a line of the server's stdout is a batch".to_owned(), MESSAGES);
        false
    }

    /// The end of a stream.
    fn ended(&mut self) {
        if matches!(self.want, Want::Answer { .. } | Want::Stream { .. }) {
            self.exchange.outcome = Outcome::Closed;
            self.exchange.cause = Some(format!(
                "the stream ended after {} bytes, before the answer to `{}` came",
                self.incoming.received(),
                self.method(),
            ));
        }
    }
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
    exchange.sent.as_ref().map_or("", |sent| sent.method.as_str())
}

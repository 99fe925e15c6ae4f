//! An answer of rmcp on its way back: which shape it has, and how it takes another.

use std::convert::Infallible;
use std::fmt::Display;
use std::io;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, Response, response};

use super::spoil::Spoiler;

/// What rmcp cannot leave out. Within a JSON string its quotes would be escaped, so it is a member wherever it
/// stands.
const NO_ELICITATION_ID: &str = r#","elicitationId":"""#;
/// The content type of one message.
pub(super) const JSON: HeaderValue = HeaderValue::from_static("application/json");
const EVENTS: HeaderValue = HeaderValue::from_static("text/event-stream");
const KEEP_ALIVE: &str = ":\n\n";

/// An answer of rmcp.
pub(super) struct Answer {
    pub(super) head: response::Parts,
    pub(super) shape: Shape,
}

pub(super) enum Shape {
    /// `text/event-stream`.
    Events(Events),
    /// `application/json`.
    Json(Body),
    /// None, or text for people.
    Other(Body),
}

impl Answer {
    pub(super) fn read(answer: Response<Body>) -> Self {
        let (mut head, body) = answer.into_parts();
        let kind = head.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let shape = if kind.starts_with("text/event-stream") {
            head.headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, no-transform"));
            Shape::Events(Events { body: body.into_data_stream().boxed(), rest: BytesMut::new() })
        } else if kind.starts_with("application/json") {
            Shape::Json(body)
        } else {
            Shape::Other(body)
        };
        Self { head, shape }
    }

    pub(super) fn pass(self) -> Response<Body> {
        let body = match self.shape {
            Shape::Events(events) => Body::from_stream(events.stream()),
            Shape::Json(body) | Shape::Other(body) => body,
        };
        Response::from_parts(self.head, body)
    }

    pub(super) async fn without_empty_ids(self) -> Self {
        let Shape::Json(_) = &self.shape else { return self };
        let (mut head, body) = self.whole().await;
        let shape = match std::str::from_utf8(&body) {
            Ok(text) if text.contains(NO_ELICITATION_ID) => {
                head.headers.remove(CONTENT_LENGTH);
                Shape::Json(Body::from(text.replace(NO_ELICITATION_ID, "")))
            }
            _ => Shape::Json(Body::from(body)),
        };
        Self { head, shape }
    }

    /// The head and everything of the body, once it is all there.
    pub(super) async fn whole(self) -> (response::Parts, Bytes) {
        let (head, body) = self.pass().into_parts();
        let mut whole = BytesMut::new();
        let mut chunks = body.into_data_stream();
        while let Some(Ok(chunk)) = chunks.next().await {
            whole.extend_from_slice(&chunk);
        }
        (head, whole.freeze())
    }

    pub(super) async fn cut(self) -> Response<Body> {
        let (mut head, mut body) = self.whole().await;
        head.headers.remove(CONTENT_LENGTH);
        body.truncate(body.len() / 2);
        // The step between lets the first half go out before the connection ends.
        let cut = stream::unfold((Some(body), 0), |(half, step)| async move {
            match (half, step) {
                (Some(half), _) => Some((Ok(half), (None, 1))),
                (None, 1) => {
                    tokio::task::yield_now().await;
                    Some((Err(io::Error::from(io::ErrorKind::ConnectionReset)), (None, 2)))
                }
                _ => None,
            }
        });
        Response::from_parts(head, Body::from_stream(cut))
    }

    /// Each message as the spoiler has it; more than one makes an answer in JSON one in SSE.
    pub(super) async fn spoilt(self, spoiler: Spoiler) -> Response<Body> {
        match self.shape {
            Shape::Events(events) => {
                let spoilt = stream::unfold((events, spoiler), |(mut events, spoiler)| async move {
                    let text = match events.next().await? {
                        Event::Message(message) => match serde_json::from_str(&message) {
                            Ok(message) => spoiler.spoil(message).iter().map(as_event).collect(),
                            Err(_) => as_event(&message),
                        },
                        Event::KeepAlive => KEEP_ALIVE.to_owned(),
                    };
                    Some((Ok::<_, Infallible>(Bytes::from(text)), (events, spoiler)))
                });
                Response::from_parts(self.head, Body::from_stream(spoilt))
            }
            Shape::Json(_) => {
                let (mut head, body) = self.whole().await;
                head.headers.remove(CONTENT_LENGTH);
                let messages = serde_json::from_slice(&body).map(|message| spoiler.spoil(message));
                let body = match messages.as_deref() {
                    Ok([message]) => Body::from(message.to_string()),
                    Ok(messages) => {
                        head.headers.insert(CONTENT_TYPE, EVENTS);
                        Body::from(messages.iter().map(as_event).collect::<String>())
                    }
                    Err(_) => Body::from(body),
                };
                Response::from_parts(head, body)
            }
            Shape::Other(_) => self.pass(),
        }
    }

    pub(super) async fn into_json(self) -> Response<Body> {
        match self.shape {
            Shape::Events(mut events) => {
                let mut last = String::new();
                while let Some(event) = events.next().await {
                    if let Event::Message(message) = event {
                        last = message;
                    }
                }
                let mut head = self.head;
                head.headers.insert(CONTENT_TYPE, JSON);
                Response::from_parts(head, Body::from(last))
            }
            shape => Self { head: self.head, shape }.pass(),
        }
    }
}

/// A message as the one event of an answer.
pub(super) async fn as_events(answer: Response<Body>) -> Response<Body> {
    let answer = Answer::read(answer);
    if !matches!(answer.shape, Shape::Json(_)) {
        return answer.pass();
    }
    let (mut head, body) = answer.whole().await;
    head.headers.remove(CONTENT_LENGTH);
    head.headers.insert(CONTENT_TYPE, EVENTS);
    Response::from_parts(head, Body::from(as_event(String::from_utf8_lossy(&body))))
}

/// The events of an SSE answer.
pub(super) struct Events {
    body: BoxStream<'static, Result<Bytes, axum::Error>>,
    rest: BytesMut,
}

enum Event {
    /// A JSON-RPC message.
    Message(String),
    /// A comment that keeps the connection alive.
    KeepAlive,
}

impl Events {
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(end) = self.rest.windows(2).position(|pair| pair == b"\n\n") {
                let event = self.rest.split_to(end + 2);
                let text = String::from_utf8_lossy(&event);
                let data: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("data:")).collect();
                let message = data.join("\n").trim_start().to_owned();
                return Some(if message.is_empty() { Event::KeepAlive } else { Event::Message(message) });
            }
            self.rest.extend_from_slice(&self.body.next().await?.ok()?);
        }
    }

    fn stream(self) -> impl stream::Stream<Item = Result<Bytes, Infallible>> + Send + 'static {
        stream::unfold(self, |mut events| async move {
            let text = match events.next().await? {
                Event::Message(message) => as_event(&message),
                Event::KeepAlive => KEEP_ALIVE.to_owned(),
            };
            Some((Ok(Bytes::from(text)), events))
        })
    }
}

pub(super) fn as_event(message: impl Display) -> String {
    format!("event: message\ndata: {message}\n\n")
}

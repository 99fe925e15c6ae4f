//! Sees each JSON-RPC message on its way to rmcp and back. Here an answer takes the shape that UiPath's has,
//! and here it is spoilt where a fault asks for it. Knows no tool and no token.

use std::convert::Infallible;
use std::io;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode, response};
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

use super::fault::Fault;
use super::orders::Orders;
use super::sessions::Sessions;
use super::world::World;

/// The code of a request that is no good as such.
pub(super) const INVALID_REQUEST: i32 = -32600;
/// The code of a body that is no JSON.
pub(super) const PARSE_ERROR: i32 = -32700;

/// What rmcp cannot leave out. Within a JSON string its quotes would be escaped, so it is a member wherever it
/// stands.
const NO_ELICITATION_ID: &str = r#","elicitationId":"""#;

const SESSION_ID: &str = "mcp-session-id";
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// How a server is served.
#[derive(Clone, Copy)]
pub(super) struct Serving {
    /// Whether only this machine reaches it.
    pub(super) loopback: bool,
    /// Whether a session has a stream for what belongs to none of its requests.
    pub(super) streams: bool,
}

/// The tap before one server.
pub(super) struct Tap {
    service: StreamableHttpService<Orders, Sessions>,
    sessions: Arc<Sessions>,
}

impl Tap {
    pub(super) fn new(
        Serving { loopback, streams }: Serving,
        body_limit: usize,
        world: &Arc<World>,
        closing: CancellationToken,
    ) -> Self {
        let sessions = Arc::new(Sessions::default());
        let world = Arc::clone(world);
        let mut config = StreamableHttpServerConfig::default()
            .with_json_response(true)
            .with_sse_retry(None)
            .with_max_request_body_bytes(body_limit)
            .with_cancellation_token(closing);
        if !loopback {
            config = config.disable_allowed_hosts();
        }
        let orders = move || Ok(Orders::new(Arc::clone(&world), streams));
        Self { service: StreamableHttpService::new(orders, Arc::clone(&sessions), config), sessions }
    }

    /// Passes one request on and its answer back.
    pub(super) async fn pass(
        &self,
        parts: Parts,
        body: Bytes,
        message: &Value,
        fault: Option<Fault>,
    ) -> Response<Body> {
        let id = message.get("id");
        let session = parts.headers.get(SESSION_ID).and_then(|id| id.to_str().ok()).map(str::to_owned);
        match (fault, &session) {
            (Some(Fault::Redirect), _) => return redirect(),
            (Some(Fault::LoseSession), Some(session)) => drop(self.sessions.end(session)),
            _ => {}
        }
        // rmcp accepts the end of any session; here a session ends once.
        let ends = parts.method == Method::DELETE;
        let known = session.is_some_and(|session| self.sessions.has(&session));
        let answer = self.service.handle(Request::from_parts(parts, Body::from(body))).await;
        let mut answer = Answer::read(answer.map(Body::new));
        if message.get("method").and_then(Value::as_str) == Some("tools/call") {
            answer = answer.without_empty_ids().await;
        }
        if ends && answer.head.status.is_success() {
            return if known { empty(StatusCode::OK) } else { session_not_found(id) };
        }
        if let Shape::Other(_) = answer.shape
            && !answer.head.status.is_success()
        {
            return answer.refusal(id).await;
        }
        match fault {
            Some(Fault::BadGateway) => {
                answer.whole().await;
                bad_gateway()
            }
            Some(Fault::ResetMidAnswer) => answer.cut().await,
            Some(Fault::Json) => answer.into_json().await,
            _ => answer.pass(),
        }
    }
}

/// An answer of rmcp.
struct Answer {
    head: response::Parts,
    shape: Shape,
}

enum Shape {
    /// `text/event-stream`.
    Events(Events),
    /// `application/json`.
    Json(Body),
    /// None, or text for people.
    Other(Body),
}

impl Answer {
    fn read(answer: Response<Body>) -> Self {
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

    fn pass(self) -> Response<Body> {
        let body = match self.shape {
            Shape::Events(events) => Body::from_stream(events.stream()),
            Shape::Json(body) | Shape::Other(body) => body,
        };
        Response::from_parts(self.head, body)
    }

    async fn without_empty_ids(self) -> Self {
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
    async fn whole(self) -> (response::Parts, Bytes) {
        let (head, body) = self.pass().into_parts();
        let mut whole = BytesMut::new();
        let mut chunks = body.into_data_stream();
        while let Some(Ok(chunk)) = chunks.next().await {
            whole.extend_from_slice(&chunk);
        }
        (head, whole.freeze())
    }

    /// rmcp refuses in plain text, UiPath's runtime in JSON-RPC.
    async fn refusal(self, id: Option<&Value>) -> Response<Body> {
        let (head, text) = self.whole().await;
        let text = String::from_utf8_lossy(&text);
        let (status, message) = match head.status {
            StatusCode::NOT_FOUND => return session_not_found(id),
            StatusCode::BAD_REQUEST if text.contains("Session ID") => {
                (head.status, "Bad Request: Missing session ID")
            }
            StatusCode::INTERNAL_SERVER_ERROR if text.contains("Request ID is in use") => {
                (StatusCode::BAD_REQUEST, "Bad Request: Request ID is in use")
            }
            // The gate has looked at the content type, so it is the body that rmcp could not read.
            StatusCode::UNSUPPORTED_MEDIA_TYPE => {
                (StatusCode::BAD_REQUEST, "Bad Request: The body is not one JSON-RPC message")
            }
            status => (status, &*text),
        };
        let mut answer = rpc_error(status, INVALID_REQUEST, message, id);
        if let Some(allow) = head.headers.get(ALLOW) {
            answer.headers_mut().insert(ALLOW, allow.clone());
        }
        answer
    }

    async fn cut(self) -> Response<Body> {
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

    async fn into_json(self) -> Response<Body> {
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

/// The events of an SSE answer.
struct Events {
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
                Event::Message(message) => format!("event: message\ndata: {message}\n\n"),
                Event::KeepAlive => ":\n\n".to_owned(),
            };
            Some((Ok(Bytes::from(text)), events))
        })
    }
}

/// An answer of `application/json`.
pub(super) fn json_answer(status: StatusCode, body: &Value) -> Response<Body> {
    let mut answer = Response::new(Body::from(body.to_string()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, JSON);
    answer
}

/// A JSON-RPC error as an answer.
pub(super) fn rpc_error(status: StatusCode, code: i32, message: &str, id: Option<&Value>) -> Response<Body> {
    let error = json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}});
    json_answer(status, &error)
}

fn empty(status: StatusCode) -> Response<Body> {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = status;
    answer
}

fn session_not_found(id: Option<&Value>) -> Response<Body> {
    rpc_error(StatusCode::NOT_FOUND, INVALID_REQUEST, "Session not found", id)
}

fn redirect() -> Response<Body> {
    let mut answer = empty(StatusCode::TEMPORARY_REDIRECT);
    answer.headers_mut().insert(LOCATION, HeaderValue::from_static("/elsewhere"));
    answer
}

fn bad_gateway() -> Response<Body> {
    let page = "<html><head><title>502 Bad Gateway</title></head><body>502 Bad Gateway</body></html>\n";
    let mut answer = Response::new(Body::from(page));
    *answer.status_mut() = StatusCode::BAD_GATEWAY;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
    answer
}

//! Sees each request on its way to rmcp, and each message of the answer on its way back. A mutant breaks its
//! rule here.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use futures_util::{StreamExt, stream};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, Method, Response, StatusCode, request, response};
use rmcp::transport::streamable_http_server::StreamableHttpService;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::fixture::{Fixture, World};
use crate::mutants::{How, Mutant};
use crate::sse::{self, Event};

/// Bytes of a body, of a request or of an answer in JSON.
const MAX_BODY: usize = 4 << 20;

/// How long a request is held up where only one at a time may pass, and an event where it was added.
const HOLD: Duration = Duration::from_millis(100);

pub struct Gate {
    service: StreamableHttpService<Fixture, LocalSessionManager>,
    world: Arc<World>,
    mutant: Option<&'static Mutant>,
    /// Locked while a request is held up.
    held: Mutex<()>,
}

/// A request before it is served.
pub struct Incoming {
    pub parts: request::Parts,
    /// Its message; `null` where it has none.
    pub message: Value,
}

/// What an answer answers.
pub struct Asked {
    /// The method of the message; empty where there is none.
    pub method: String,
    /// The tool or prompt that it names.
    pub name: String,
    /// Whether it is of 2026-07-28.
    pub modern: bool,
    pub progress_token: Value,
}

impl Incoming {
    pub fn is(&self, method: &str, name: &str) -> bool {
        self.method() == method && self.named() == name
    }

    pub fn method(&self) -> &str {
        self.message["method"].as_str().unwrap_or_default()
    }

    fn named(&self) -> &str {
        self.message["params"]["name"].as_str().unwrap_or_default()
    }

    /// The whole answer, in place of the server's.
    pub fn answered(&self, result: Value) -> Option<Response<Body>> {
        Some(answer(&json!({"jsonrpc": "2.0", "id": self.message["id"], "result": result})))
    }

    /// The whole answer, in place of the server's.
    pub fn refused(&self, code: i32, message: &str) -> Option<Response<Body>> {
        let error = json!({"code": code, "message": message});
        Some(answer(&json!({"jsonrpc": "2.0", "id": self.message["id"], "error": error})))
    }

    pub fn set_header(&mut self, name: &'static str, value: &str) {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.parts.headers.insert(name, value);
        }
    }
}

impl Asked {
    fn of(incoming: &Incoming) -> Self {
        let meta = &incoming.message["params"]["_meta"];
        Self {
            method: incoming.method().to_owned(),
            name: incoming.named().to_owned(),
            modern: !meta["io.modelcontextprotocol/protocolVersion"].is_null(),
            progress_token: meta["progressToken"].clone(),
        }
    }

    /// An empty name stands for all.
    pub fn is(&self, method: &str, name: &str) -> bool {
        self.method == method && (name.is_empty() || self.name == name)
    }
}

/// Answers one request.
pub async fn enter(State(gate): State<Arc<Gate>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let Ok(bytes) = to_bytes(body, MAX_BODY).await else {
        return empty(StatusCode::PAYLOAD_TOO_LARGE);
    };
    let message = serde_json::from_slice(&bytes).unwrap_or_default();
    let mut incoming = Incoming { parts, message };
    let asked = Asked::of(&incoming);
    let how = gate.mutant.map_or(&[][..], |mutant| mutant.how);
    for how in how {
        match how {
            How::Request(edit) => {
                if let Some(answer) = edit(&mut incoming) {
                    return answer;
                }
            }
            How::OneAtATime(method) if asked.method == *method => {
                let Ok(_held) = gate.held.try_lock() else { return empty(StatusCode::CONFLICT) };
                tokio::time::sleep(HOLD).await;
            }
            _ => {}
        }
    }
    let body = match &incoming.message {
        message if how.is_empty() || message.is_null() => Body::from(bytes),
        message => {
            incoming.parts.headers.remove(CONTENT_LENGTH);
            Body::from(message.to_string())
        }
    };
    let taken_up = taken_up(&incoming.parts);
    let answer = gate.service.handle(http::Request::from_parts(incoming.parts, body)).await.map(Body::new);
    if let Some(session) = taken_up {
        gate.world.taken_up.send_if_modified(|sessions| sessions.insert(session));
    }
    let (mut head, body) = answer.into_parts();
    for how in how {
        if let How::Head(edit) = how {
            edit(&asked, &mut head);
        }
    }
    if !how.is_empty() && head.headers.get(CONTENT_TYPE).is_some_and(|kind| kind == "application/json") {
        return one_message(head, body, &asked, how).await;
    }
    pass(Response::from_parts(head, body), asked, how)
}

/// The session of a request that takes up the stream of a call again. With rmcp, only the ids of such streams'
/// events have a slash.
fn taken_up(parts: &request::Parts) -> Option<String> {
    let last = parts.headers.get("last-event-id").filter(|_| parts.method == Method::GET)?;
    last.as_bytes().contains(&b'/').then(|| session(parts))?
}

/// The session of a request.
pub fn session(parts: &request::Parts) -> Option<String> {
    parts.headers.get("mcp-session-id")?.to_str().ok().map(str::to_owned)
}

impl Gate {
    pub fn new(
        service: StreamableHttpService<Fixture, LocalSessionManager>,
        world: Arc<World>,
        mutant: Option<&'static Mutant>,
    ) -> Self {
        Self { service, world, mutant, held: Mutex::new(()) }
    }
}

/// Passes an answer on, spoilt where it is one of events.
fn pass(answer: Response<Body>, asked: Asked, how: &'static [How]) -> Response<Body> {
    // The stream ends, the call does not: its answer comes on the stream that takes this one up.
    let ends = !asked.modern && asked.is("tools/call", "test_reconnection");
    let is_events = answer.headers().get(CONTENT_TYPE).is_some_and(|kind| kind == "text/event-stream");
    if !is_events || (how.is_empty() && !ends) {
        return answer;
    }
    answer.map(|body| {
        let events = sse::events(body).take(if ends { 1 } else { usize::MAX });
        let spoilt =
            events.flat_map(move |event| stream::iter(spoil(event, &asked, how).into_iter().enumerate()));
        sse::body(spoilt.then(|(place, event)| async move {
            // What a mutant adds comes by itself, not in the packet of what it follows.
            if place > 0 {
                tokio::time::sleep(HOLD).await;
            }
            event
        }))
    })
}

async fn one_message(
    mut head: response::Parts,
    body: Body,
    asked: &Asked,
    how: &'static [How],
) -> Response<Body> {
    let bytes = to_bytes(body, MAX_BODY).await.unwrap_or_default();
    let body = match serde_json::from_slice(&bytes) {
        Ok(message) => {
            head.headers.remove(CONTENT_LENGTH);
            messages(message, asked, how).pop().map_or_else(Body::empty, |last| Body::from(last.to_string()))
        }
        Err(_) => Body::from(bytes),
    };
    Response::from_parts(head, body)
}

fn spoil(mut event: Event, asked: &Asked, how: &[How]) -> Vec<Event> {
    let dropped = how.iter().any(|how| matches!(how, How::Event(keep) if !keep(&mut event)));
    if dropped {
        return Vec::new();
    }
    let Ok(message) = serde_json::from_str(&event.data) else { return vec![event] };
    let spoilt = messages(message, asked, how);
    spoilt.iter().map(|message| Event { head: event.head.clone(), data: message.to_string() }).collect()
}

/// What becomes of one message of an answer.
fn messages(message: Value, asked: &Asked, how: &[How]) -> Vec<Value> {
    let mut all = vec![message];
    for how in how {
        match how {
            How::Result(method, name, edit) if asked.is(method, name) => {
                all.iter_mut().filter_map(|message| message.get_mut("result")).for_each(edit);
            }
            How::Error(edit) => {
                all.iter_mut().filter_map(|message| message.get_mut("error")).for_each(edit);
            }
            How::Sent(method, keep) => {
                all.retain_mut(|message| message["method"] != *method || keep(&mut message["params"]));
            }
            How::Messages(edit) => all = all.into_iter().flat_map(|message| edit(asked, message)).collect(),
            _ => {}
        }
    }
    all
}

fn answer(message: &Value) -> Response<Body> {
    let mut answer = Response::new(Body::from(message.to_string()));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

pub fn empty(status: StatusCode) -> Response<Body> {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = status;
    answer
}

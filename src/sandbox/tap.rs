//! Sees each JSON-RPC message on its way to rmcp and back. Here an answer takes the shape that UiPath's has,
//! and here it is spoilt where a fault asks for it. Knows no tool and no token.

use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, LOCATION};
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::answer::{Answer, JSON, Shape};
use super::core_tasks;
use super::fault::Fault;
use super::orders::Orders;
use super::sessions::Sessions;
use super::spoil::Spoiler;
use super::world::World;

/// The code of a request that is no good as such.
pub(super) const INVALID_REQUEST: i32 = -32600;
/// The code of a body that is no JSON.
pub(super) const PARSE_ERROR: i32 = -32700;

const SESSION_ID: &str = "mcp-session-id";

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
    world: Arc<World>,
}

impl Tap {
    pub(super) fn new(
        Serving { loopback, streams }: Serving,
        body_limit: usize,
        world: &Arc<World>,
        closing: CancellationToken,
    ) -> Self {
        let sessions = Arc::new(Sessions::default());
        let (world, own) = (Arc::clone(world), Arc::clone(world));
        let mut config = StreamableHttpServerConfig::default()
            .with_json_response(true)
            .with_sse_retry(None)
            .with_max_request_body_bytes(body_limit)
            .with_cancellation_token(closing);
        if !loopback {
            config = config.disable_allowed_hosts();
        }
        let orders = move || Ok(Orders::new(Arc::clone(&world), streams));
        let service = StreamableHttpService::new(orders, Arc::clone(&sessions), config);
        Self { service, sessions, world: own }
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
        let spoiler = Spoiler::new(fault, &parts, message);
        let known = session.is_some_and(|session| self.sessions.has(&session));
        let has_tasks = core_tasks::concerns(&parts);
        if known
            && has_tasks
            && let Some(answer) = core_tasks::answer(&self.world, &parts, message)
        {
            return answer;
        }
        let answer = self.service.handle(Request::from_parts(parts, Body::from(body))).await;
        let mut answer = Answer::read(answer.map(Body::new));
        match message.get("method").and_then(Value::as_str) {
            Some("tools/call") => answer = answer.without_empty_ids().await,
            Some("initialize") => answer = core_tasks::with_tasks(answer, core_tasks::declare).await,
            Some("tools/list") if has_tasks => {
                answer = core_tasks::with_tasks(answer, core_tasks::mark).await;
            }
            _ => {}
        }
        if ends && answer.head.status.is_success() {
            return if known { empty(StatusCode::OK) } else { session_not_found(id) };
        }
        if let Shape::Other(_) = answer.shape
            && !answer.head.status.is_success()
        {
            return refusal(answer, id).await;
        }
        if let Some(spoiler) = spoiler {
            return answer.spoilt(spoiler).await;
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

/// rmcp refuses in plain text, UiPath's runtime in JSON-RPC.
async fn refusal(answer: Answer, id: Option<&Value>) -> Response<Body> {
    let (head, text) = answer.whole().await;
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

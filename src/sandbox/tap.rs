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

use super::answer::{Answer, JSON, Shape, as_events};
use super::clock::Clock;
use super::core_tasks;
use super::eras::is_modern;
use super::fault::Fault;
use super::gate::Caller;
use super::orders::Orders;
use super::refuse::{RELAY_ERROR, Refusal, empty};
use super::sessions::{Sessions, Standing};
use super::shop::Shop;
use super::spoil::Spoiler;
use super::stress::stress;
use super::world::Catalog;
use crate::knobs::{self, Knobs};

/// The code of a request that is no good as such.
pub(super) const INVALID_REQUEST: i32 = -32600;
/// The code of a body that is no JSON.
pub(super) const PARSE_ERROR: i32 = -32700;

pub(super) const SESSION_ID: &str = "mcp-session-id";

/// How a server is served.
#[derive(Clone, Copy)]
pub(super) struct Serving {
    /// Whether only this machine reaches it.
    pub(super) loopback: bool,
    /// Whether a session has a stream for what belongs to none of its requests.
    pub(super) streams: bool,
    /// What it offers.
    pub(super) catalog: Catalog,
}

/// The tap before one server.
pub(super) struct Tap {
    service: StreamableHttpService<Orders, Sessions>,
    sessions: Arc<Sessions>,
    shop: Arc<Shop>,
}

impl Tap {
    pub(super) fn new(
        Serving { loopback, streams, catalog }: Serving,
        body_limit: usize,
        shop: &Arc<Shop>,
        clock: Clock,
        closing: CancellationToken,
    ) -> Self {
        let sessions = Arc::new(Sessions::new(clock));
        let (shop, own) = (Arc::clone(shop), Arc::clone(shop));
        let mut config = StreamableHttpServerConfig::default()
            .with_json_response(true)
            .with_sse_retry(None)
            .with_max_request_body_bytes(body_limit)
            .with_cancellation_token(closing);
        if !loopback {
            config = config.disable_allowed_hosts();
        }
        let orders = move || Ok(Orders::new(Arc::clone(&shop), streams, catalog));
        let service = StreamableHttpService::new(orders, Arc::clone(&sessions), config);
        Self { service, sessions, shop: own }
    }

    /// Passes one request on and its answer back.
    pub(super) async fn pass(
        &self,
        mut parts: Parts,
        body: Bytes,
        message: &Value,
        (fault, caller): (Option<Fault>, Caller),
    ) -> Result<Response<Body>, Refusal> {
        let id = message.get("id");
        let opens = message.get("method").and_then(Value::as_str) == Some("initialize");
        let knobs = &caller.world.knobs;
        if opens {
            self.may_open(knobs, &parts, id)?;
            parts.headers.remove(SESSION_ID);
        }
        let modern = is_modern(&parts);
        let session = parts.headers.get(SESSION_ID).and_then(|id| id.to_str().ok()).map(str::to_owned);
        match (fault, &session) {
            (Some(Fault::Redirect), _) => return Ok(redirect()),
            (Some(Fault::LoseSession), Some(session)) => drop(self.sessions.end(session)),
            _ => {}
        }
        if let Some(session) = &session {
            self.visit(knobs, session, &caller.holder.subject, id)?;
        }
        let (world, owner) = (Arc::clone(&caller.world), caller.holder.subject.clone());
        parts.extensions.insert(caller);
        // rmcp accepts the end of any session; here a session ends once.
        let ends = parts.method == Method::DELETE;
        let spoiler = Spoiler::new(fault, &parts, message);
        let known = session.is_some_and(|session| self.sessions.has(&session));
        let has_tasks = core_tasks::concerns(&parts);
        if known
            && has_tasks
            && let Some(answer) = core_tasks::answer(&self.shop, &parts, message)
        {
            return Ok(answer);
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
            return if known { Ok(empty(StatusCode::OK)) } else { Err(session_not_found(&world.knobs, id)) };
        }
        if let Shape::Other(_) = answer.shape
            && !answer.head.status.is_success()
        {
            return refusal(&world.knobs, answer, id).await;
        }
        if let Some(id) =
            answer.head.headers.get(SESSION_ID).and_then(|id| id.to_str().ok()).filter(|_| opens)
        {
            self.sessions.claim(id, &owner);
        }
        let answer = Self::spoil(answer, spoiler, fault).await;
        let answer = if modern && world.knobs.is(&knobs::MODERN_ANSWER, "sse") && answer.status().is_success()
        {
            as_events(answer).await
        } else {
            answer
        };
        Ok(stress(answer, world.knobs.get(&knobs::STREAM)))
    }

    /// An answer as a fault has it.
    async fn spoil(answer: Answer, spoiler: Option<Spoiler>, fault: Option<Fault>) -> Response<Body> {
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

    /// Whether a session may be opened: the id that comes with it says no more than where to go, unless it is that of
    /// one that is open.
    fn may_open(&self, knobs: &Knobs, parts: &Parts, id: Option<&Value>) -> Result<(), Refusal> {
        let given = parts.headers.get(SESSION_ID).and_then(|id| id.to_str().ok());
        let open = given.is_some_and(|given| self.sessions.has(given));
        if !open || knobs.is(&knobs::SECOND_INITIALIZE, "accept") {
            return Ok(());
        }
        let answer = rpc_error(StatusCode::BAD_REQUEST, INVALID_REQUEST, "Server already initialized", id);
        Err(Refusal::new(answer, "the session was initialized before"))
    }

    fn visit(&self, knobs: &Knobs, session: &str, visitor: &str, id: Option<&Value>) -> Result<(), Refusal> {
        let idle = knobs.time(&knobs::SESSION_IDLE);
        // A session that never was is for rmcp to refuse: what an answer to it looks like depends on more.
        match self.sessions.visit(session, visitor, idle) {
            Standing::Own | Standing::Unknown => Ok(()),
            Standing::Idle => {
                let refusal = session_not_found(knobs, id);
                Err(Refusal { reason: format!("the session was idle for more than {idle:?}"), ..refusal })
            }
            Standing::Foreign => {
                let reason = "the session is another user's";
                match knobs.get(&knobs::FOREIGN_SESSION) {
                    "accept" => Ok(()),
                    "404" => Err(Refusal { reason: reason.to_owned(), ..session_not_found(knobs, id) }),
                    _ => {
                        let text = "Forbidden: The currently authenticated user does not match the user who \
                                    initiated the session.";
                        Err(Refusal::new(rpc_error(StatusCode::FORBIDDEN, RELAY_ERROR, text, id), reason))
                    }
                }
            }
        }
    }
}

/// rmcp refuses in plain text, UiPath's runtime in JSON-RPC.
async fn refusal(knobs: &Knobs, answer: Answer, id: Option<&Value>) -> Result<Response<Body>, Refusal> {
    let (head, text) = answer.whole().await;
    let text = String::from_utf8_lossy(&text);
    let (status, message) = match head.status {
        StatusCode::NOT_FOUND => return Err(session_not_found(knobs, id)),
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
    Ok(answer)
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

fn session_not_found(knobs: &Knobs, id: Option<&Value>) -> Refusal {
    let answer = match knobs.get(&knobs::SESSION_LOST) {
        "bare" => empty(StatusCode::NOT_FOUND),
        code => {
            let code = code.parse().unwrap_or(INVALID_REQUEST);
            rpc_error(StatusCode::NOT_FOUND, code, "Session not found", id)
        }
    };
    Refusal::new(answer, "there is no such session")
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

//! The way in: address, token, method, body. What is refused here never reaches the protocol; why, only the
//! log says.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use http::header::{ACCEPT, ALLOW, AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use serde_json::{Value, json};

use super::fault::{FAULT_HEADER, Faults};
use super::log::{Entry, EntryId, Log};
use super::tap::{INVALID_REQUEST, PARSE_ERROR, Tap, json_answer, rpc_error};
use super::{AUDITOR_TOKEN, FOLDER_KEY, ORGANIZATION, OWNER_TOKEN, TENANT};

/// Bytes of a request's body.
pub(super) const MAX_BODY: usize = 4 << 20;
/// How long a body may take to arrive.
const BODY_TIME: Duration = Duration::from_secs(30);
/// Refusals say nothing that tells them apart, this included.
const TRACE_ID: &str = "00-00000000000000000000000000000000-0000000000000000-00";

/// Whose token it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Identity {
    /// May do everything.
    Owner,
    /// May list, not call.
    Auditor,
}

/// Who makes a request; the tools find it in the request's extensions.
#[derive(Clone)]
pub(super) struct Caller {
    pub(super) identity: Identity,
    /// The body as it came, for what has to stay the same to the byte.
    pub(super) body: Bytes,
    log: Log,
    entry: EntryId,
}

impl Caller {
    /// Notes that the client cancelled what it asked for.
    pub(super) fn cancelled(&self) {
        self.log.amend(self.entry, |entry| entry.cancelled = true);
    }
}

/// The servers by their slugs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slug {
    /// POST only, as is known of UiPath's.
    Orders,
    /// GET, too.
    Lab,
}

/// The gate before the servers.
pub(super) struct Gate {
    pub(super) log: Log,
    pub(super) orders: Tap,
    pub(super) lab: Tap,
    pub(super) faults: Faults,
}

/// A refusal: what the answer is, and why for the log.
struct Refusal {
    answer: Box<Response<Body>>,
    reason: String,
}

impl Refusal {
    fn new(answer: Response<Body>, reason: impl Into<String>) -> Self {
        Self { answer: Box::new(answer), reason: reason.into() }
    }
}

/// Answers one request, and logs it.
pub(super) async fn enter(State(gate): State<Arc<Gate>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let identity = identify(&parts.headers);
    let body = read(body).await;
    let bytes = body.as_ref().map(Bytes::clone).unwrap_or_default();
    let message = crate::json::parse(&bytes).map(|parsed| parsed.value);
    let entry = gate.log.write(describe(&parts, &identity, message.as_ref().ok()), bytes.len());
    let outcome = async {
        let (identity, slug) = admit(&parts, identity)?;
        if let Err(refusal) = body {
            return Err(refusal);
        }
        let message = match (&parts.method, message) {
            (&Method::POST, Ok(message)) => message,
            (&Method::POST, Err(error)) => {
                let text = format!("Parse error: {error}");
                let answer = rpc_error(StatusCode::BAD_REQUEST, PARSE_ERROR, &text, None);
                return Err(Refusal::new(answer, error.to_string()));
            }
            _ => Value::Null,
        };
        let caller = Caller { identity, body: bytes.clone(), log: gate.log.clone(), entry };
        gate.let_in(slug, parts, bytes, &message, caller).await
    };
    let (answer, reason) = match outcome.await {
        Ok(answer) => (answer, None),
        Err(refusal) => (*refusal.answer, Some(refusal.reason)),
    };
    gate.log.amend(entry, |entry| {
        entry.status = answer.status().as_u16();
        entry.reason = reason;
    });
    answer
}

impl Gate {
    async fn let_in(
        &self,
        slug: Slug,
        mut parts: Parts,
        body: Bytes,
        message: &Value,
        caller: Caller,
    ) -> Result<Response<Body>, Refusal> {
        if parts.method == Method::POST && !is_json(&parts.headers) {
            let text = "Unsupported Media Type: Content-Type must be application/json";
            let answer =
                rpc_error(StatusCode::UNSUPPORTED_MEDIA_TYPE, INVALID_REQUEST, text, message.get("id"));
            return Err(Refusal::new(answer, "the content type is not `application/json`"));
        }
        let fault = match parts.headers.get(FAULT_HEADER).map(|value| value.to_str()) {
            None => None,
            Some(Ok(header)) => {
                self.faults.pick(header, message.get("method").and_then(Value::as_str)).map_err(bad_fault)?
            }
            Some(Err(_)) => return Err(bad_fault("it is not text".to_owned())),
        };
        be_lenient(&mut parts.headers);
        parts.extensions.insert(caller);
        let tap = match slug {
            Slug::Orders => &self.orders,
            Slug::Lab => &self.lab,
        };
        Ok(tap.pass(parts, body, message, fault).await)
    }
}

/// The token's owner, or why there is none.
fn identify(headers: &HeaderMap) -> Result<Identity, &'static str> {
    let header = headers.get(AUTHORIZATION).ok_or("no token")?;
    let (scheme, token) =
        header.to_str().ok().and_then(|text| text.split_once(' ')).ok_or("no bearer token")?;
    match token.trim() {
        _ if !scheme.eq_ignore_ascii_case("bearer") => Err("no bearer token"),
        OWNER_TOKEN => Ok(Identity::Owner),
        AUDITOR_TOKEN => Ok(Identity::Auditor),
        _ => Err("unknown token"),
    }
}

/// Whether a request may pass, as far as its head tells. The token comes first: without it nothing is learnt.
fn admit(parts: &Parts, identity: Result<Identity, &'static str>) -> Result<(Identity, Slug), Refusal> {
    let path = parts.uri.path();
    let path = path.strip_suffix('/').unwrap_or(path);
    let segments: Vec<_> = path.split('/').skip(1).collect();
    let (organization, tenant, target) = match segments.as_slice() {
        [organization, tenant, "agenthub_", "mcp", target @ ..] if matches!(target.len(), 1 | 2) => {
            (*organization, *tenant, target)
        }
        _ => return Err(nothing_here(path)),
    };
    let identity = identity.map_err(unauthenticated)?;
    let [folder, slug] = target else { return Err(no_folder_key()) };
    for (what, given, known) in [
        ("organization", organization, ORGANIZATION),
        ("tenant", tenant, TENANT),
        ("folder", *folder, FOLDER_KEY),
    ] {
        if given != known {
            return Err(unauthenticated(format!("no {what} is named `{given}`; there is `{known}`")));
        }
    }
    let slug = match *slug {
        "orders" => Slug::Orders,
        "lab" => Slug::Lab,
        other => {
            let reason = format!("no server is named `{other}`; there are `orders` and `lab`");
            return Err(unauthenticated(reason));
        }
    };
    let takes = match parts.method {
        Method::POST | Method::DELETE => true,
        Method::GET => slug == Slug::Lab,
        _ => false,
    };
    if !takes {
        let mut answer =
            rpc_error(StatusCode::METHOD_NOT_ALLOWED, INVALID_REQUEST, "Method Not Allowed", None);
        let allow = if slug == Slug::Lab { "GET, POST, DELETE" } else { "POST" };
        answer.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
        return Err(Refusal::new(answer, format!("the endpoint takes no `{}`", parts.method)));
    }
    Ok((identity, slug))
}

async fn read(body: Body) -> Result<Bytes, Refusal> {
    let collect = async {
        let mut whole = BytesMut::new();
        let mut chunks = body.into_data_stream();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|_| StatusCode::BAD_REQUEST)?;
            if whole.len() + chunk.len() > MAX_BODY {
                return Err(StatusCode::PAYLOAD_TOO_LARGE);
            }
            whole.extend_from_slice(&chunk);
        }
        Ok(whole.freeze())
    };
    let status = match tokio::time::timeout(BODY_TIME, collect).await {
        Ok(Ok(body)) => return Ok(body),
        Ok(Err(status)) => status,
        Err(_) => StatusCode::REQUEST_TIMEOUT,
    };
    let reason = match status {
        StatusCode::PAYLOAD_TOO_LARGE => format!("the body has more than {MAX_BODY} bytes"),
        StatusCode::REQUEST_TIMEOUT => format!("the body took more than {} s", BODY_TIME.as_secs()),
        _ => "the body broke off".to_owned(),
    };
    let answer = rpc_error(status, INVALID_REQUEST, &format!("Bad Request: {reason}"), None);
    Err(Refusal::new(answer, reason))
}

fn describe(parts: &Parts, identity: &Result<Identity, &'static str>, message: Option<&Value>) -> Entry {
    let value = |name: &http::HeaderName, value: &HeaderValue| match (name, identity) {
        (&AUTHORIZATION, Ok(Identity::Owner)) => "owner".to_owned(),
        (&AUTHORIZATION, Ok(Identity::Auditor)) => "auditor".to_owned(),
        (&AUTHORIZATION, Err(_)) => "unknown".to_owned(),
        _ => String::from_utf8_lossy(value.as_bytes()).into_owned(),
    };
    let headers = parts.headers.iter().map(|(name, text)| (name.to_string(), value(name, text)));
    let method = message.and_then(|message| message.get("method")).and_then(Value::as_str);
    Entry {
        http_method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        headers: headers.collect(),
        method: method.map(str::to_owned),
        body: message.cloned().unwrap_or_default(),
        status: 0,
        reason: None,
        cancelled: false,
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

/// UiPath documents a curl call that accepts `*/*`, which rmcp refuses.
fn be_lenient(headers: &mut HeaderMap) {
    let anything = |value: &HeaderValue| value.to_str().is_ok_and(|text| text.contains("*/*"));
    let accepts = headers.get_all(ACCEPT);
    if accepts.iter().next().is_none() || accepts.iter().any(anything) {
        headers.insert(ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
    }
}

fn unauthenticated(reason: impl Into<String>) -> Refusal {
    let body = json!({"message": "You are not authenticated!", "errorCode": 0, "traceId": TRACE_ID});
    let mut answer = json_answer(StatusCode::UNAUTHORIZED, &body);
    answer.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    Refusal::new(answer, reason)
}

/// What a tool says to one who may not start jobs.
pub(super) fn unauthorized() -> Value {
    json!({"message": "You are not authorized!", "errorCode": 0, "traceId": TRACE_ID})
}

fn no_folder_key() -> Refusal {
    let body = json!({"message": "Folder key is required", "errorCode": 10500, "traceId": TRACE_ID});
    Refusal::new(json_answer(StatusCode::BAD_REQUEST, &body), "the address has no folder key")
}

fn nothing_here(path: &str) -> Refusal {
    let body = json!({"message": "Not Found", "errorCode": 0, "traceId": TRACE_ID});
    Refusal::new(json_answer(StatusCode::NOT_FOUND, &body), format!("there is nothing at `{path}`"))
}

fn bad_fault(why: String) -> Refusal {
    let message = format!("Bad Request: header `{FAULT_HEADER}`: {why}");
    let answer = rpc_error(StatusCode::BAD_REQUEST, INVALID_REQUEST, &message, None);
    Refusal::new(answer, why)
}

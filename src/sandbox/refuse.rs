//! Refusals: what the wire is told, in the form that the knobs choose, and the true reason for the log.

use axum::body::Body;
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};
use serde_json::{Value, json};

use super::tap::{json_answer, rpc_error};
use crate::knobs::{self, Knob, Knobs};

/// Refusals say nothing that tells them apart, this included.
const TRACE_ID: &str = "00-00000000000000000000000000000000-0000000000000000-00";
/// The code of an error that a relay or a proxy of messages makes.
pub(super) const RELAY_ERROR: i32 = -32000;

/// A refusal: what the answer is, and why for the log.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) answer: Box<Response<Body>>,
    pub(super) reason: String,
}

impl Refusal {
    pub(super) fn new(answer: Response<Body>, reason: impl Into<String>) -> Self {
        Self { answer: Box::new(answer), reason: reason.into() }
    }
}

/// A refusal in the words of Orchestrator.
pub(super) fn refuse(
    knobs: &Knobs,
    status: StatusCode,
    (code, message): (u32, &str),
    reason: impl Into<String>,
) -> Refusal {
    let mut answer = match knobs.get(&knobs::ERROR_BODY) {
        "problem" => {
            let body = json!({
                "type": "about:blank", "title": message, "status": status.as_u16(), "errorCode": code,
                "traceId": TRACE_ID,
            });
            let mut answer = json_answer(status, &body);
            let kind = HeaderValue::from_static("application/problem+json");
            answer.headers_mut().insert(CONTENT_TYPE, kind);
            answer
        }
        "empty" => empty(status),
        _ => json_answer(status, &orchestrator(code, message)),
    };
    if status == StatusCode::UNAUTHORIZED {
        let challenge = match knobs.get(&knobs::WWW_AUTHENTICATE) {
            "none" => None,
            "metadata" => Some("Bearer resource_metadata=\"/.well-known/oauth-protected-resource\""),
            _ => Some("Bearer"),
        };
        if let Some(challenge) = challenge {
            answer.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
    }
    Refusal::new(answer, reason)
}

/// What Orchestrator says of an error.
pub(super) fn orchestrator(code: u32, message: &str) -> Value {
    json!({"message": message, "errorCode": code, "traceId": TRACE_ID})
}

/// What a tool says to one who may not start jobs.
pub(super) fn unauthorized() -> Value {
    orchestrator(0, NOT_AUTHORIZED)
}

const NOT_AUTHORIZED: &str = "You are not authorized!";

/// 401, which is the same whatever the reason.
pub(super) fn unauthenticated(knobs: &Knobs, reason: impl Into<String>) -> Refusal {
    refuse(knobs, StatusCode::UNAUTHORIZED, (0, "You are not authenticated!"), reason)
}

/// 403.
pub(super) fn forbidden(knobs: &Knobs, reason: impl Into<String>) -> Refusal {
    refuse(knobs, StatusCode::FORBIDDEN, (0, NOT_AUTHORIZED), reason)
}

/// 404, of something that there is not.
pub(super) fn not_found(knobs: &Knobs, reason: impl Into<String>) -> Refusal {
    refuse(knobs, StatusCode::NOT_FOUND, (0, "Not Found"), reason)
}

/// What a knob says: 401, 403 or 404; none where it says something else.
pub(super) fn by_status(knobs: &Knobs, knob: &Knob, reason: &str) -> Option<Refusal> {
    match knobs.get(knob) {
        "401" => Some(unauthenticated(knobs, reason)),
        "403" => Some(forbidden(knobs, reason)),
        "404" => Some(not_found(knobs, reason)),
        _ => None,
    }
}

/// 400 of an address, or a request of the REST side, that lacks its folder.
pub(super) fn no_folder_key(knobs: &Knobs) -> Refusal {
    let reason = "the address has no folder key";
    refuse(knobs, StatusCode::BAD_REQUEST, (10500, "Folder key is required"), reason)
}

/// What is told of a folder that a job would have to run in.
pub(super) const FOLDER_NEEDED: (u32, &str) = (1101, "A folder is required for this action");

/// 429.
pub(super) fn too_many(knobs: &Knobs, reason: &str) -> Refusal {
    let mut refusal = refuse(knobs, StatusCode::TOO_MANY_REQUESTS, (0, "Too Many Requests"), reason);
    let wait = HeaderValue::from(knobs.number(&knobs::RETRY_AFTER));
    refusal.answer.headers_mut().insert(RETRY_AFTER, wait);
    refusal
}

/// An answer of the gateway that something behind it did not answer.
pub(super) fn unavailable(knobs: &Knobs, status: StatusCode, reason: impl Into<String>) -> Refusal {
    let message = status.canonical_reason().unwrap_or("Unavailable");
    refuse(knobs, status, (0, message), reason)
}

/// An error of the relay, as an answer of JSON-RPC.
pub(super) fn relay(id: Option<&Value>, what: &str) -> Refusal {
    let message = format!("Error processing message: {what}");
    Refusal::new(rpc_error(StatusCode::OK, RELAY_ERROR, &message, id), format!("the relay failed: {what}"))
}

/// An answer without a body.
pub(super) fn empty(status: StatusCode) -> Response<Body> {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = status;
    answer
}

//! Which versions of the protocol a server speaks. Within one that it speaks, rmcp goes on.

use http::StatusCode;
use http::request::Parts;
use serde_json::Value;

use super::refuse::Refusal;
use super::tap::{INVALID_REQUEST, SESSION_ID, rpc_error};
use super::world::Server;
use crate::knobs::{self, Knobs};

const MODERN: &str = "2026-07-28";
const METHOD_NOT_FOUND: i32 = -32601;

/// Whether a request is of the era without sessions.
pub(super) fn is_modern(parts: &Parts) -> bool {
    parts.headers.get("mcp-protocol-version").is_some_and(|version| version == MODERN)
}

/// Lets a request pass whose version the server speaks. Where its id of a session means nothing, it is taken away:
/// in 2026-07-28 it says where to send a request, not what it belongs to.
pub(super) fn pass(
    knobs: &Knobs,
    server: &Server,
    parts: &mut Parts,
    message: &Value,
) -> Result<(), Refusal> {
    let (handshake, modern) = match knobs.get(&knobs::ERAS) {
        "both" => (true, true),
        "handshake" => (true, false),
        "modern" => (false, true),
        _ => (true, !server.kind.by_handshake()),
    };
    let (id, method) = (message.get("id"), message.get("method").and_then(Value::as_str));
    if is_modern(parts) || method == Some("server/discover") {
        if modern {
            parts.headers.remove(SESSION_ID);
            return Ok(());
        }
        let reason = format!("`{}` speaks no {MODERN}", server.slug);
        if method != Some("server/discover") {
            let text = format!(
                "Bad Request: Unsupported protocol version: {MODERN}. Supported versions: 2024-11-05, 2025-03-26, \
                 2025-06-18, 2025-11-25"
            );
            let answer = rpc_error(StatusCode::BAD_REQUEST, INVALID_REQUEST, &text, id);
            return Err(Refusal::new(answer, reason));
        }
        let status = match knobs.get(&knobs::DISCOVER_REFUSED) {
            "404" => StatusCode::NOT_FOUND,
            "400" => StatusCode::BAD_REQUEST,
            _ => StatusCode::OK,
        };
        let answer = rpc_error(status, METHOD_NOT_FOUND, "Method not found", id);
        return Err(Refusal::new(answer, reason));
    }
    if handshake {
        return Ok(());
    }
    let reason = format!("`{}` speaks {MODERN} alone", server.slug);
    let answer = rpc_error(StatusCode::NOT_FOUND, METHOD_NOT_FOUND, "Method not found", id);
    Err(Refusal::new(answer, reason))
}

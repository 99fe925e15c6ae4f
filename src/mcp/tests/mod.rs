//! The client against scripted servers on loopback sockets.

mod asking;
mod batches;
mod calls;
mod conduct;
mod corpus;
mod failures;
mod following;
mod listening;
mod mirroring;
mod openings;
mod resuming;
mod routing;
mod server;
#[cfg(unix)]
mod stdio;
mod task_shapes;
mod tasks;
mod timeouts;
mod waiting;
mod wires;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::exchange::{Answer, Exchange};
use server::{Do, Reply, Request, Server};

pub(super) const TOKEN: &str = "rt_a-secret-token";

#[derive(Debug)]
struct Silent;

impl Responder for Silent {
    fn respond(&self, method: &str, _: &Value) -> (Answer, bool) {
        let error = json!({"code": -32601, "message": format!("nothing answers {method}")});
        (Answer { result: None, error: Some(error) }, true)
    }
}

type Told = Arc<Mutex<Vec<String>>>;

fn client_with(server: &Server, change: impl FnOnce(&mut ClientConfig)) -> (Arc<Client>, Told) {
    let listed = Told::default();
    let told = Arc::clone(&listed);
    let mut config = ClientConfig {
        name: "test".to_owned(),
        endpoint: Endpoint::Url(server.url.clone()),
        headers: vec![("X-Env".to_owned(), "test".to_owned())],
        route: Route::default(),
        connect: Duration::from_secs(10),
        bounds: Bounds::default(),
        listed: Arc::new(move |identity, _| told.lock().unwrap().push(identity.to_owned())),
    };
    change(&mut config);
    (Client::new(config).unwrap(), listed)
}

fn client(server: &Server) -> Arc<Client> {
    client_with(server, |_| {}).0
}

fn config(version: Option<Version>) -> SessionConfig {
    SessionConfig {
        identity: "default".to_owned(),
        token: Some(Secret::new(TOKEN)),
        version,
        capabilities: json!({}),
        info: json!({"name": "callsheet", "version": "0"}),
        log: None,
        tasks: false,
        responder: Arc::new(Silent),
        route: None,
        start: Duration::from_secs(20),
        cancel: CancellationToken::new(),
    }
}

fn session(server: &Server, version: Option<Version>) -> Session {
    client(server).session(config(version))
}

fn options() -> SendOptions {
    SendOptions { timeout: Duration::from_secs(20), ..SendOptions::default() }
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

fn echo() -> Operation {
    Operation::Call { tool: "echo".to_owned(), arguments: Some(json!({"n": 1.10, "text": "ä"})) }
}

const LEGACY: Option<Version> = Some(Version::V2025_11_25);
const MODERN: Option<Version> = Some(Version::V2026_07_28);

fn info() -> Value {
    json!({"name": "scripted", "version": "1"})
}

/// What a good server answers to everything but the calls.
fn legacy(request: &Request) -> Option<Reply> {
    Some(match request.method().as_str() {
        "initialize" => {
            let version = request.json()["params"]["protocolVersion"].clone();
            let result = json!({"protocolVersion": version, "capabilities": {"tools": {}, "completions": {}}, "serverInfo": info()});
            let body = json!({"jsonrpc": "2.0", "id": request.json()["id"], "result": result}).to_string();
            Reply::with(200, "content-type: application/json\r\nmcp-session-id: s1\r\n", &body)
        }
        "server/discover" => request.error(400, -32000, "Bad Request: Server not initialized"),
        "DELETE" => Reply::with(200, "", ""),
        method if method.starts_with("notifications/") => Reply::accepted(),
        _ => return None,
    })
}

fn discovered() -> Value {
    json!({"resultType": "complete", "supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}, "completions": {}},
           "ttlMs": 0, "cacheScope": "private", "_meta": {"io.modelcontextprotocol/serverInfo": info()}})
}

/// What a good server of the modern era answers to everything but the calls. A call has to know the tools.
fn modern(request: &Request) -> Option<Reply> {
    match request.method().as_str() {
        "tools/list" => Some(request.result(tools(json!([])))),
        _ => discovers(request),
    }
}

fn discovers(request: &Request) -> Option<Reply> {
    (request.method() == "server/discover").then(|| request.result(discovered()))
}

fn tools(tools: Value) -> Value {
    json!({"resultType": "complete", "ttlMs": 0, "cacheScope": "public", "tools": tools})
}

fn called() -> Value {
    json!({"resultType": "complete", "content": [{"type": "text", "text": "{\"n\":1.1}"}], "isError": false})
}

/// Is told of every message that a client of a test sends: a step may break what it says itself, the client may not.
pub(super) fn sends(stage: request::Stage<'_>, body: &[u8], options: &SendOptions) {
    let message: Value = serde_json::from_slice(body).unwrap();
    let version = match stage {
        request::Stage::Legacy(version, _) | request::Stage::Modern(version) => version,
        request::Stage::Handshake => {
            Version::parse(message["params"]["protocolVersion"].as_str().unwrap()).unwrap()
        }
    };
    let wrong = wire::sent(version, &message);
    assert!(wrong.is_empty() || !options.meta.is_empty(), "{message} {wrong:?}");
}

/// Everything right, and no violations.
fn good(exchange: &Exchange) {
    assert_eq!(exchange.outcome.as_str(), "answered", "{exchange:?}");
    assert_eq!(exchange.wire, [], "{exchange:?}");
    assert_eq!(exchange.cause, None, "{exchange:?}");
    assert!(exchange.answer.error.is_none(), "{exchange:?}");
}

fn words(exchange: &Exchange) -> String {
    let wire: Vec<&str> = exchange.wire.iter().map(|violation| violation.message.as_str()).collect();
    format!("{} / {}", exchange.cause.as_deref().unwrap_or("-"), wire.join("; "))
}

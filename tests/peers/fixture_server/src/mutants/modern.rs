//! What only 2026-07-28 has, but for input that is required: what every request says of itself, errors with
//! their status, what is listened to, what may be kept.

use http::StatusCode;
use serde_json::{Value, json};

use super::Official::{Fails, Silent, Warns};
use super::{How, Mutant, V2026, remove};
use crate::gate::Incoming;

const VERSION: &str = "io.modelcontextprotocol/protocolVersion";
const CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
const LOG_LEVEL: &str = "io.modelcontextprotocol/logLevel";
const SUBSCRIPTION: &str = "io.modelcontextprotocol/subscriptionId";

const METHOD_NOT_FOUND: i32 = -32601;
const INVALID_PARAMS: i32 = -32602;
const UNSUPPORTED_VERSION: i32 = -32022;

/// The `_meta` of a request of 2026-07-28, where it has one.
fn meta(incoming: &mut Incoming) -> Option<&mut Value> {
    let meta = incoming.message.pointer_mut("/params/_meta")?;
    meta.get(VERSION).is_some().then_some(meta)
}

/// A client that declares all there is.
pub(super) fn declare_all(incoming: &mut Incoming) {
    if let Some(meta) = meta(incoming) {
        meta[CAPABILITIES] = json!({"elicitation": {}, "sampling": {}, "roots": {}});
    }
}

/// Another code in the errors that have this one.
fn recode(error: &mut Value, from: i32, to: i32) {
    if error["code"] == from {
        error["code"] = json!(to);
    }
}

pub(super) static MUTANTS: &[Mutant] = &[
    Mutant {
        name: "meta-not-needed",
        breaks: "a request is served that does not say its version and capabilities",
        scenario: "server-stateless",
        requirements: V2026,
        official: Fails,
        how: &[How::Request(|incoming| {
            if incoming.method() == "server/discover" {
                let meta = &mut incoming.message["params"]["_meta"];
                let version = meta.get(VERSION).cloned().unwrap_or(json!(V2026));
                *meta = json!({VERSION: version, CAPABILITIES: {}});
            }
            None
        })],
    },
    Mutant {
        name: "discover-without-versions",
        breaks: "`server/discover` does not tell the versions",
        scenario: "server-stateless",
        requirements: V2026,
        official: Fails,
        how: &[How::Result("server/discover", "", |result| remove(result, "", "supportedVersions"))],
    },
    Mutant {
        name: "prompts-not-declared",
        breaks: "the server has prompts, and does not declare them",
        scenario: "server-stateless",
        requirements: V2026,
        official: Fails,
        how: &[How::Result("server/discover", "", |result| remove(result, "/capabilities", "prompts"))],
    },
    Mutant {
        name: "version-header-not-compared",
        breaks: "the version in the header may be another than in the body",
        scenario: "server-stateless",
        requirements: V2026,
        official: Fails,
        how: &[How::Request(|incoming| {
            if let Some(version) = meta(incoming).and_then(|meta| meta[VERSION].as_str()).map(str::to_owned) {
                incoming.set_header("mcp-protocol-version", &version);
            }
            None
        })],
    },
    Mutant {
        name: "requested-version-not-told",
        breaks: "the error for an unsupported version does not say which one it was",
        scenario: "server-stateless",
        requirements: V2026,
        official: Fails,
        how: &[How::Error(|error| {
            if error["code"] == UNSUPPORTED_VERSION {
                remove(error, "/data", "requested");
            }
        })],
    },
    Mutant {
        name: "unsupported-version-code",
        breaks: "the error for an unsupported version has the code of invalid params",
        scenario: "server-stateless",
        requirements: V2026,
        official: Silent,
        how: &[How::Error(|error| recode(error, UNSUPPORTED_VERSION, INVALID_PARAMS))],
    },
    Mutant {
        name: "unknown-method-with-200",
        breaks: "an unknown method is answered with the status 200",
        scenario: "server-stateless",
        requirements: V2026,
        official: Fails,
        how: &[How::Head(|_, head| {
            if head.status == StatusCode::NOT_FOUND {
                head.status = StatusCode::OK;
            }
        })],
    },
    Mutant {
        name: "unknown-method-code",
        breaks: "the error for an unknown method has the code of an invalid request",
        scenario: "server-stateless",
        requirements: V2026,
        official: Fails,
        how: &[How::Error(|error| recode(error, METHOD_NOT_FOUND, -32600))],
    },
    Mutant {
        name: "ping-still-there",
        breaks: "`ping` is answered, which this version does not have",
        scenario: "server-stateless",
        requirements: V2026,
        official: Fails,
        how: &[How::Request(|incoming| {
            let is_modern = meta(incoming).is_some();
            (is_modern && incoming.method() == "ping")
                .then(|| incoming.answered(json!({"resultType": "complete"})))?
        })],
    },
    Mutant {
        name: "error-without-id",
        breaks: "an error does not say which request it answers",
        scenario: "server-stateless",
        requirements: V2026,
        official: Fails,
        how: &[How::Messages(|_, mut message| {
            if message.get("error").is_some() {
                remove(&mut message, "", "id");
            }
            vec![message]
        })],
    },
    Mutant {
        name: "undeclared-capability-used",
        breaks: "a tool runs that needs what the client did not declare",
        scenario: "server-stateless",
        requirements: V2026,
        official: Fails,
        how: &[How::Request(|incoming| {
            if incoming.is("tools/call", "test_missing_capability") {
                declare_all(incoming);
            }
            None
        })],
    },
    Mutant {
        name: "needed-capability-not-told",
        breaks: "the error for an undeclared capability does not say which one",
        scenario: "server-stateless",
        requirements: V2026,
        official: Fails,
        how: &[How::Error(|error| remove(error, "/data", "requiredCapabilities"))],
    },
    Mutant {
        name: "request-on-stream",
        breaks: "the server sends a request of its own on the stream of an answer",
        scenario: "server-stateless",
        requirements: V2026,
        official: Fails,
        how: &[How::Messages(|asked, message| {
            if !asked.is("tools/call", "test_streaming_elicitation") {
                return vec![message];
            }
            let schema = json!({"type": "object", "properties": {"name": {"type": "string"}}});
            let params = json!({"message": "What is your name?", "requestedSchema": schema});
            let request =
                json!({"jsonrpc": "2.0", "id": "ask-1", "method": "elicitation/create", "params": params});
            vec![request, message]
        })],
    },
    Mutant {
        name: "log-not-asked-for",
        breaks: "a log message is sent for a request that names no level",
        scenario: "server-stateless",
        requirements: V2026,
        official: Fails,
        how: &[How::Request(|incoming| {
            if let Some(meta) = meta(incoming) {
                meta[LOG_LEVEL] = json!("debug");
            }
            None
        })],
    },
    Mutant {
        name: "listen-without-acknowledgement",
        breaks: "a stream of notifications does not begin with what was accepted",
        scenario: "server-stateless",
        requirements: V2026,
        official: Fails,
        how: &[How::Sent("notifications/subscriptions/acknowledged", |_| false)],
    },
    Mutant {
        name: "notification-without-subscription-id",
        breaks: "a notification does not say to which subscription it belongs",
        scenario: "server-stateless",
        requirements: V2026,
        official: Fails,
        how: &[How::Sent("notifications/tools/list_changed", |params| {
            remove(params, "/_meta", SUBSCRIPTION);
            true
        })],
    },
    Mutant {
        name: "notification-filter-ignored",
        breaks: "a notification is sent that was not asked for",
        scenario: "server-stateless",
        requirements: V2026,
        official: Fails,
        how: &[How::Request(|incoming| {
            if incoming.method() == "subscriptions/listen" {
                incoming.message["params"]["notifications"] =
                    json!({"toolsListChanged": true, "promptsListChanged": true});
            }
            None
        })],
    },
    Mutant {
        name: "complete-without-result-type",
        breaks: "a result does not say that it is complete",
        scenario: "tools-call-simple-text",
        requirements: V2026,
        official: Fails,
        how: &[How::Result("tools/call", "test_simple_text", |result| remove(result, "", "resultType"))],
    },
    Mutant {
        name: "missing-resource-is-empty",
        breaks: "a resource that is not there has empty contents",
        scenario: "sep-2164-resource-not-found",
        requirements: V2026,
        official: Fails,
        how: &[How::Messages(|asked, message| {
            if asked.method != "resources/read" || message.get("error").is_none() {
                return vec![message];
            }
            let result =
                json!({"resultType": "complete", "contents": [], "ttlMs": 0, "cacheScope": "private"});
            vec![json!({"jsonrpc": "2.0", "id": message["id"], "result": result})]
        })],
    },
    Mutant {
        name: "missing-resource-code",
        breaks: "the error for a resource that is not there has the code of the older versions",
        scenario: "sep-2164-resource-not-found",
        requirements: V2026,
        official: Warns,
        how: &[How::Messages(|asked, mut message| {
            if asked.method == "resources/read"
                && let Some(error) = message.get_mut("error")
            {
                recode(error, INVALID_PARAMS, -32002);
            }
            vec![message]
        })],
    },
    Mutant {
        name: "cache-scope-missing",
        breaks: "what was read does not say who may keep it",
        scenario: "caching",
        requirements: V2026,
        official: Fails,
        how: &[How::Result("resources/read", "", |result| remove(result, "", "cacheScope"))],
    },
    Mutant {
        name: "cache-time-missing",
        breaks: "a list does not say how long it may be kept",
        scenario: "caching",
        requirements: V2026,
        official: Fails,
        how: &[How::Result("prompts/list", "", |result| remove(result, "", "ttlMs"))],
    },
    Mutant {
        name: "cache-time-negative",
        breaks: "a list may be kept for less than no time",
        scenario: "caching",
        requirements: V2026,
        official: Fails,
        how: &[How::Result("tools/list", "", |result| result["ttlMs"] = json!(-1))],
    },
    Mutant {
        name: "method-header-not-compared",
        breaks: "`Mcp-Method` may be missing, or another than in the body",
        scenario: "http-header-validation",
        requirements: V2026,
        official: Fails,
        how: &[How::Request(|incoming| {
            let method = incoming.method().to_owned();
            incoming.set_header("mcp-method", &method);
            None
        })],
    },
    Mutant {
        name: "name-header-not-compared",
        breaks: "`Mcp-Name` may be missing, or another than in the body",
        scenario: "http-header-validation",
        requirements: V2026,
        official: Fails,
        how: &[How::Request(|incoming| {
            if let Some(name) = incoming.message["params"]["name"].as_str().map(str::to_owned) {
                incoming.set_header("mcp-name", &name);
            }
            None
        })],
    },
    Mutant {
        name: "param-header-not-compared",
        breaks: "the header of an argument may be missing, broken, or another than in the body",
        scenario: "http-custom-header-server-validation",
        requirements: V2026,
        official: Fails,
        how: &[How::Request(|incoming| {
            if incoming.is("tools/call", "test_custom_header")
                && let Some(value) =
                    incoming.message["params"]["arguments"]["value"].as_str().map(str::to_owned)
            {
                incoming.set_header("mcp-param-value", &value);
            }
            None
        })],
    },
];

//! What only the versions up to 2025-11-25 have: sessions, streams that are taken up again, requests of the
//! server.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::Official::{Fails, Silent, Warns};
use super::{How, Mutant, V2025, remove};
use crate::gate::empty;

const SESSION: &str = "mcp-session-id";

pub(super) static MUTANTS: &[Mutant] = &[
    Mutant {
        name: "session-id-not-ascii",
        breaks: "the session's id has a letter that is not ASCII",
        scenario: "server-initialize",
        requirements: V2025,
        official: Fails,
        how: &[
            How::Head(|_, head| {
                if let Some(id) = head.headers.get_mut(SESSION)
                    && let Ok(changed) = [id.as_bytes(), &[0xe9]].concat().try_into()
                {
                    *id = changed;
                }
            }),
            How::Request(|incoming| {
                let id = incoming.parts.headers.get_mut(SESSION)?;
                let ascii: Vec<_> = id.as_bytes().iter().copied().filter(u8::is_ascii).collect();
                *id = ascii.try_into().ok()?;
                None
            }),
        ],
    },
    Mutant {
        name: "initialize-without-server-info",
        breaks: "the server does not say who it is",
        scenario: "server-initialize",
        requirements: V2025,
        official: Fails,
        how: &[How::Result("initialize", "", |result| remove(result, "", "serverInfo"))],
    },
    Mutant {
        name: "session-outlives-delete",
        breaks: "a session that was ended answers, and not with 404",
        scenario: "server-session-lifecycle",
        requirements: V2025,
        official: Fails,
        how: &[How::Request(|incoming| {
            (incoming.parts.method == Method::DELETE).then(|| empty(StatusCode::ACCEPTED))
        })],
    },
    Mutant {
        name: "set-level-tells-the-level",
        breaks: "the result of `logging/setLevel` is not empty",
        scenario: "logging-set-level",
        requirements: V2025,
        official: Fails,
        how: &[How::Result("logging/setLevel", "", |result| *result = json!({"level": "info"}))],
    },
    Mutant {
        name: "ping-tells-something",
        breaks: "the result of `ping` is not empty",
        scenario: "ping",
        requirements: V2025,
        official: Fails,
        how: &[How::Result("ping", "", |result| *result = json!({"pong": true}))],
    },
    Mutant {
        name: "log-message-lost",
        breaks: "the second of three log messages is not sent",
        scenario: "tools-call-with-logging",
        requirements: V2025,
        official: Fails,
        how: &[How::Sent("notifications/message", |params| params["data"] != "Tool processing data")],
    },
    Mutant {
        name: "sampling-not-asked",
        breaks: "the tool answers without asking the client's model",
        scenario: "tools-call-sampling",
        requirements: V2025,
        official: Fails,
        how: &[How::Request(|incoming| {
            let content = json!([{"type": "text", "text": "LLM response: nobody was asked"}]);
            incoming
                .is("tools/call", "test_sampling")
                .then(|| incoming.answered(json!({"content": content})))?
        })],
    },
    Mutant {
        name: "sampling-answer-not-used",
        breaks: "the tool does not say what the client's model answered",
        scenario: "tools-call-sampling",
        requirements: V2025,
        official: Silent,
        how: &[How::Result("tools/call", "test_sampling", |result| {
            result["content"][0]["text"] = json!("LLM response: something");
        })],
    },
    Mutant {
        name: "elicitation-not-asked",
        breaks: "the tool answers without asking the user",
        scenario: "tools-call-elicitation",
        requirements: V2025,
        official: Fails,
        how: &[How::Request(|incoming| {
            let text = r#"User response: action=accept, content={"username":"nobody"}"#;
            let content = json!([{"type": "text", "text": text}]);
            incoming
                .is("tools/call", "test_elicitation")
                .then(|| incoming.answered(json!({"content": content})))?
        })],
    },
    Mutant {
        name: "default-missing",
        breaks: "a number in the form has no default",
        scenario: "elicitation-sep1034-defaults",
        requirements: V2025,
        official: Fails,
        how: &[How::Sent("elicitation/create", |params| {
            remove(params, "/requestedSchema/properties/score", "default");
            true
        })],
    },
    Mutant {
        name: "default-of-another-type",
        breaks: "the default of a whole number is text",
        scenario: "elicitation-sep1034-defaults",
        requirements: V2025,
        official: Fails,
        how: &[How::Sent("elicitation/create", |params| {
            if let Some(age) = params.pointer_mut("/requestedSchema/properties/age") {
                age["default"] = json!("30");
            }
            true
        })],
    },
    Mutant {
        name: "enum-names-too-few",
        breaks: "a choice has fewer names than values",
        scenario: "elicitation-sep1330-enums",
        requirements: V2025,
        official: Fails,
        how: &[How::Sent("elicitation/create", |params| {
            let names = params.pointer_mut("/requestedSchema/properties/legacyEnum/enumNames");
            if let Some(Value::Array(names)) = names {
                names.pop();
            }
            true
        })],
    },
    Mutant {
        name: "enum-titles-missing",
        breaks: "the values of a titled choice have no titles",
        scenario: "elicitation-sep1330-enums",
        requirements: V2025,
        official: Fails,
        how: &[How::Sent("elicitation/create", |params| {
            remove(params, "/requestedSchema/properties/titledSingle/oneOf/0", "title");
            true
        })],
    },
    Mutant {
        name: "subscribe-refused",
        breaks: "`resources/subscribe` is an unknown method",
        scenario: "resources-subscribe",
        requirements: V2025,
        official: Fails,
        how: &[How::Request(|incoming| {
            (incoming.method() == "resources/subscribe")
                .then(|| incoming.refused(-32601, "Method not found"))?
        })],
    },
    Mutant {
        name: "unsubscribe-refused",
        breaks: "`resources/unsubscribe` is an error where there is a subscription",
        scenario: "resources-unsubscribe",
        requirements: V2025,
        official: Fails,
        how: &[How::Request(|incoming| {
            (incoming.method() == "resources/unsubscribe")
                .then(|| incoming.refused(-32603, "Internal error"))?
        })],
    },
    Mutant {
        name: "priming-event-missing",
        breaks: "the streams do not begin with an event that has an id and no data",
        scenario: "server-sse-polling",
        requirements: V2025,
        official: Warns,
        how: &[How::Event(|event| !event.is_priming())],
    },
    Mutant {
        name: "retry-missing",
        breaks: "no event says how long to wait before the stream is taken up again",
        scenario: "server-sse-polling",
        requirements: V2025,
        official: Warns,
        how: &[How::Event(|event| {
            event.head.retain(|line| !line.starts_with("retry:"));
            true
        })],
    },
    Mutant {
        name: "one-stream-at-a-time",
        breaks: "a request is refused while another one of the session is not answered",
        scenario: "server-sse-multiple-streams",
        requirements: V2025,
        official: Fails,
        how: &[How::OneAtATime("tools/list")],
    },
];

//! Tools that ask their client: requests on the answer's stream to 2025-11-25, `input_required` since.

use serde_json::{Value, json};

use crate::peer::{LEGACY, Peer, Reply, sandbox};

fn everything() -> Value {
    json!({"elicitation": {"form": {}, "url": {}}, "sampling": {}, "roots": {}})
}

/// What a tool asks, and what the client says to it.
fn script(tool: &str) -> Vec<(&'static str, Value)> {
    let accept =
        json!({"action": "accept", "content": {"approved": true, "limit": 2500.5, "comment": "é\n\"ok\""}});
    match tool {
        "askApproval" => vec![("elicitation/create", accept)],
        "askLink" => vec![("elicitation/create", json!({"action": "cancel"}))],
        "askModel" => vec![(
            "sampling/createMessage",
            json!({"role": "assistant", "content": {"type": "text", "text": "It is due."}, "model": "m-1"}),
        )],
        "askRoots" => vec![("roots/list", json!({"roots": [{"uri": "file:///srv", "name": "srv"}]}))],
        _ => vec![
            ("elicitation/create", json!({"action": "decline"})),
            ("elicitation/create", json!({"action": "accept", "content": {"reason": "why not"}})),
        ],
    }
}

const TOOLS: [&str; 5] = ["askApproval", "askLink", "askModel", "askRoots", "askTwice"];

fn expected(tool: &str) -> Value {
    let mut answers = script(tool).into_iter().map(|(_, answer)| answer);
    match tool {
        "askTwice" => json!({"approval": answers.next(), "reason": answers.next()}),
        _ => answers.next().unwrap(),
    }
}

/// What every question has, whatever its era.
fn check(tool: &str, params: &Value) {
    match tool {
        "askApproval" => {
            let properties = params["requestedSchema"]["properties"].as_object().unwrap();
            let kind = |name: &str| properties[name]["type"].as_str().unwrap();
            let kinds = ["approved", "limit", "copies", "priority", "comment", "approver"].map(kind);
            assert_eq!(kinds, ["boolean", "number", "integer", "string", "string", "string"]);
            let default = |name: &str| properties[name].get("default").cloned().unwrap_or_default();
            assert_eq!(default("limit"), 2500.5);
            assert_eq!((default("priority"), default("approved")), (json!("normal"), json!(true)));
            assert_eq!(properties["priority"]["enum"], json!(["low", "normal", "high"]));
            assert_eq!((default("copies"), default("approver")), (json!(2), Value::Null));
            assert_eq!(params["message"], "Please approve INV-7.");
        }
        "askLink" => {
            assert_eq!(
                (&params["mode"], &params["url"]),
                (&json!("url"), &json!("https://sign.example.com/orders"))
            );
        }
        "askModel" => assert_eq!(params["maxTokens"], 100),
        _ => {}
    }
}

fn call(peer: &Peer, tool: &str, id: i64, more: Value) -> Value {
    let mut params = json!({"name": tool, "arguments": {"in_Subject": "INV-7"}});
    params.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
    let mut message = peer.message("tools/call", params);
    message["id"] = json!(id);
    message
}

#[tokio::test]
async fn the_older_eras_are_asked_on_the_answers_stream() {
    let sandbox = sandbox().await;
    for peer in Peer::declaring(&sandbox, "orders", &everything()).await {
        for tool in TOOLS {
            if peer.is_modern() || (tool == "askLink" && peer.version == LEGACY[0]) {
                continue;
            }
            let mut stream = peer.stream(&call(&peer, tool, 40, json!({}))).await;
            for (method, answer) in script(tool) {
                let request = stream.next().await.unwrap();
                assert_eq!(request["method"], method, "{request}");
                assert!(request["id"].is_number() || request["id"].is_string());
                check(tool, &request["params"]);
                assert_eq!(peer.answer(&request, ("result", answer)).await.status, 202);
                if tool == "askLink" {
                    let done = stream.next().await.unwrap();
                    assert_eq!(done["method"], "notifications/elicitation/complete");
                    assert_eq!(done["params"]["elicitationId"], request["params"]["elicitationId"]);
                }
            }
            let answer = stream.next().await.unwrap();
            assert_eq!(answer["id"], 40);
            let result = &answer["result"];
            let output: Value = serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).unwrap();
            assert_eq!(output, expected(tool));
            assert_eq!(result.get("structuredContent").is_some(), tool == "askApproval", "{result}");
            assert_eq!(stream.next().await, None);
        }
    }
}

#[tokio::test]
async fn a_refusal_is_a_tool_error_in_the_older_eras() {
    let sandbox = sandbox().await;
    for peer in Peer::declaring(&sandbox, "orders", &everything()).await.into_iter().skip(1) {
        let mut stream = peer.stream(&call(&peer, "askRoots", 41, json!({}))).await;
        let request = stream.next().await.unwrap();
        peer.answer(&request, ("error", json!({"code": -1, "message": "User said no"}))).await;
        let result = stream.next().await.unwrap()["result"].clone();
        assert_eq!(result["isError"], true);
        assert!(result["content"][0]["text"].as_str().unwrap().contains("User said no"), "{result}");
    }
}

#[tokio::test]
async fn the_modern_era_is_told_to_come_again() {
    let sandbox = sandbox().await;
    let peer = &Peer::declaring(&sandbox, "orders", &everything()).await[0];
    let send = |message: Value| peer.send(message);
    for tool in TOOLS {
        let mut reply = send(call(peer, tool, 1, json!({}))).await;
        for (round, (method, answer)) in script(tool).into_iter().enumerate() {
            let round = i64::try_from(round).unwrap();
            let result = reply.result();
            assert_eq!(result["resultType"], "input_required", "{result}");
            let (key, request) = result["inputRequests"].as_object().unwrap().iter().next().unwrap();
            assert_eq!(request["method"], method);
            assert_eq!(request["params"].get("elicitationId"), None);
            check(tool, &request["params"]);
            let state = result["requestState"].as_str().unwrap();
            assert!(
                ['"', '\n', '\\', 'é', '🎬', '\u{2028}', '{'].iter().all(|c| state.contains(*c)),
                "{state}"
            );

            let answered = json!({key: answer});
            let again = |state: &str| json!({"requestState": state, "inputResponses": answered});
            // Not these bytes, not this call, not this id, not both, no answer.
            for other in [state.trim().to_owned(), state.replace('\n', "\\n"), String::new()] {
                refused(&send(call(peer, tool, 9, again(&other))).await, "not what was given out");
            }
            let mut other = call(peer, tool, 9, again(state));
            other["params"]["arguments"] = json!({"in_Subject": "INV-8"});
            refused(&send(other).await, "another call");
            refused(&send(call(peer, tool, 1 + round, again(state))).await, "the id that it had");
            refused(
                &send(call(peer, tool, 9, json!({"inputResponses": answered}))).await,
                "without the requestState",
            );
            let asked_again = send(call(peer, tool, 9, json!({"requestState": state}))).await.result();
            assert_eq!(asked_again["inputRequests"], result["inputRequests"]);
            let mut stray = call(peer, "echo", 9, again(state));
            stray["params"]["arguments"] = json!({});
            refused(&send(stray).await, "belong to another call");

            reply = send(call(peer, tool, 2 + round, again(state))).await;
        }
        assert_eq!(reply.outputs(), expected(tool));
        let result = reply.result();
        assert_eq!(result["resultType"], "complete");
        assert_eq!(result.get("structuredContent").is_some(), tool == "askApproval");
    }
}

fn refused(reply: &Reply, why: &str) {
    let error = reply.error();
    assert_eq!(error["code"], -32602, "{error}");
    assert!(error["message"].as_str().unwrap().contains(why), "{error}");
}

#[tokio::test]
async fn who_cannot_answer_is_not_asked() {
    let sandbox = sandbox().await;
    for (tool, needs, other) in [
        (
            "askApproval",
            json!({"elicitation": {"form": {}}}),
            json!({"elicitation": {"url": {}}, "roots": {}}),
        ),
        ("askLink", json!({"elicitation": {"url": {}}}), json!({"elicitation": {"form": {}}})),
        ("askModel", json!({"sampling": {}}), json!({"roots": {}})),
        ("askRoots", json!({"roots": {}}), json!({"sampling": {}})),
        ("askTwice", json!({"elicitation": {"form": {}}}), json!({})),
    ] {
        for peer in Peer::declaring(&sandbox, "orders", &other).await {
            let reply = peer.call(tool, json!({})).await;
            if peer.is_modern() {
                assert_eq!((reply.status, &reply.error()["code"]), (400, &json!(-32021)));
                assert_eq!(reply.error()["data"], json!({"requiredCapabilities": needs}));
            } else {
                let (text, is_error) = reply.text();
                let error: Value = serde_json::from_str(&text).unwrap();
                assert!(is_error && error["requiredCapabilities"] == needs, "{text}");
            }
        }
    }
}

//! Months that are closed by tasks, in the form of each version.

use serde_json::{Value, json};

use crate::peer::{LEGACY, Peer, Reply, sandbox};

const RELATED: &str = "io.modelcontextprotocol/related-task";

fn declared() -> Value {
    json!({"elicitation": {"form": {}}, "extensions": {"io.modelcontextprotocol/tasks": {}}})
}

async fn by_task(peer: &Peer, name: &str, arguments: Value) -> Reply {
    peer.request("tools/call", json!({"name": name, "arguments": arguments, "task": {"ttl": 1000}})).await
}

/// Asks for a task, and gives its status and what is said of it.
async fn state(peer: &Peer, id: &Value) -> (String, Value) {
    let mut message = peer.message("tasks/get", json!({"taskId": id}));
    message["id"] = json!("get");
    let request = peer.builder(&message).header("mcp-name", id.as_str().unwrap());
    let reply = crate::peer::read(request.body(message.to_string()).send().await.unwrap()).await;
    let result = reply.result();
    (result["status"].as_str().unwrap().to_owned(), result)
}

#[tokio::test]
async fn a_task_of_2025_11_25_is_asked_for_and_asks() {
    let sandbox = sandbox().await;
    let peer = Peer::legacy(&sandbox, LEGACY[1]).await;
    let task = by_task(&peer, "closeMonth", json!({"in_Polls": 2, "in_Approval": true})).await.result();
    assert_eq!((&task["task"]["status"], &task["task"]["pollInterval"]), (&json!("working"), &json!(10)));
    let id = &task["task"]["taskId"];
    assert_eq!(state(&peer, id).await.0, "working", "the call was the first to ask");
    assert_eq!(state(&peer, id).await.0, "input_required");

    let mut stream = peer.stream(&peer.message("tasks/result", json!({"taskId": id}))).await;
    let question = stream.next().await.unwrap();
    assert_eq!(question["method"], "elicitation/create");
    assert_eq!(question["params"]["_meta"][RELATED]["taskId"], *id);
    assert_eq!(peer.answer(&question, ("result", json!({"action": "decline"}))).await.status, 202);
    let result = stream.next().await.unwrap()["result"].clone();
    assert_eq!(result["_meta"], json!({RELATED: {"taskId": id}}));
    let outputs: Value = serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).unwrap();
    assert_eq!(outputs, json!({"out_Status": "Closed", "out_Approval": {"action": "decline"}}));
    assert!(stream.next().await.is_none());

    let (status, _) = state(&peer, id).await;
    assert_eq!(status, "completed");
    let again = peer.request("tasks/cancel", json!({"taskId": id})).await.error();
    assert_eq!(again["code"], -32602, "it is over");
    for method in ["tasks/get", "tasks/result", "tasks/cancel"] {
        assert_eq!(peer.request(method, json!({"taskId": "TASK-1"})).await.error()["code"], -32602);
    }
}

#[tokio::test]
async fn a_task_of_2025_11_25_fails_and_is_cancelled() {
    let sandbox = sandbox().await;
    let peer = Peer::legacy(&sandbox, LEGACY[1]).await;
    for (end, code) in [("Faulted", Value::Null), ("Refused", json!(-32010))] {
        let task = by_task(&peer, "closeMonth", json!({"in_Polls": 0, "in_End": end})).await.result();
        let id = &task["task"]["taskId"];
        assert_eq!(state(&peer, id).await.0, "failed");
        let answer = peer.request("tasks/result", json!({"taskId": id})).await.answer();
        assert_eq!(answer["error"]["code"], code);
        assert_eq!(answer["result"]["isError"] == true, code.is_null());
    }
    let task = by_task(&peer, "closeMonth", json!({"in_Polls": 100})).await.result();
    let id = &task["task"]["taskId"];
    assert_eq!(peer.request("tasks/cancel", json!({"taskId": id})).await.result()["status"], "cancelled");
    assert_eq!(state(&peer, id).await.0, "cancelled");
    assert_eq!(peer.request("tasks/result", json!({"taskId": id})).await.error()["code"], -32602);

    assert_eq!(by_task(&peer, "echo", json!({})).await.error()["code"], -32601);
    assert_eq!(by_task(&peer, "closeMonth", json!({"in_Polls": "x"})).await.error()["code"], -32602);
    assert_eq!(by_task(&peer, "none", json!({})).await.error()["message"], "Unknown tool: none");
}

#[tokio::test]
async fn a_task_of_2026_07_28_asks_and_is_answered() {
    let sandbox = sandbox().await;
    let peer = Peer { declares: declared(), ..Peer::modern(&sandbox) };
    let task = peer.call("closeMonth", json!({"in_Approval": true})).await.result();
    assert_eq!((&task["resultType"], &task["status"]), (&json!("task"), &json!("working")));
    let id = &task["taskId"];
    assert_eq!(state(&peer, id).await.0, "working");
    let (status, asks) = state(&peer, id).await;
    assert_eq!((status.as_str(), &asks["resultType"]), ("input_required", &json!("complete")));
    assert_eq!(asks["inputRequests"]["approval"]["method"], "elicitation/create");
    let update = |responses: Value| {
        let mut peer = Peer { declares: declared(), ..Peer::modern(&sandbox) };
        peer.extra = vec![("mcp-name", id.as_str().unwrap().to_owned())];
        let params = json!({"taskId": id, "inputResponses": responses});
        async move { peer.request("tasks/update", params).await }
    };
    assert_eq!(update(json!({"other": {}})).await.error()["code"], -32602);
    let taken = update(json!({"approval": {"action": "cancel"}})).await.result();
    assert_eq!(taken["resultType"], "complete");
    let (status, done) = state(&peer, id).await;
    assert_eq!(status, "completed");
    assert!(done["result"]["content"][0]["text"].as_str().unwrap().contains(r#"{"action":"cancel"}"#));
}

#[tokio::test]
async fn a_month_is_closed_by_a_task_only() {
    let sandbox = sandbox().await;
    for peer in Peer::all(&sandbox).await {
        let error = peer.call("closeMonth", json!({})).await.error();
        assert_eq!(error["code"], if peer.is_modern() { -32021 } else { -32601 }, "{error}");
        if !peer.is_modern() {
            let page = peer.request("tools/list", json!({"cursor": "cGFnZToxMA"})).await.result();
            let tools = page["tools"].as_array().unwrap();
            let support = tools.iter().filter_map(|tool| tool.pointer("/execution/taskSupport"));
            let expected = usize::from(peer.version == LEGACY[1]);
            assert_eq!(support.filter(|support| *support == "required").count(), expected);
        }
    }
}

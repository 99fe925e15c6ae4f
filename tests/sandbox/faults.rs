//! What a header can have go wrong.

use callsheet::sandbox::{FAULT_HEADER, Fault, OWNER_TOKEN};
use serde_json::{Value, json};

use crate::peer::{LEGACY, Peer, sandbox};

fn with(fault: Fault, rest: &str) -> (&'static str, String) {
    (FAULT_HEADER, format!("{}{rest}", fault.as_str()))
}

#[tokio::test]
async fn faults_befall_calls_whose_tool_ran_once() {
    let sandbox = sandbox().await;
    let log = sandbox.log();
    for mut peer in Peer::all(&sandbox).await {
        log.clear();
        let create = json!({"in_Customer": "C", "in_Amount": 1});
        peer.extra = vec![with(Fault::ResetMidAnswer, "")];
        let message = peer.message("tools/call", json!({"name": "createInvoice", "arguments": create}));
        let mut answer = peer.builder(&message).body(message.to_string()).send().await.unwrap();
        let mut received = Vec::new();
        let error = loop {
            match answer.chunk().await {
                Ok(Some(chunk)) => received.extend_from_slice(&chunk),
                Ok(None) => panic!("the answer ended well: {received:?}"),
                Err(error) => break error,
            }
        };
        assert!(error.is_body() || error.is_decode(), "{error:?}");
        assert!(received.len() > 20 && !received.ends_with(b"}\n\n"), "{received:?}");
        peer.extra = vec![with(Fault::BadGateway, "")];
        let reply = peer.call("createInvoice", create.clone()).await;
        assert_eq!((reply.status, reply.kind.as_str()), (502, "text/html"));
        assert_eq!(peer.request("tools/list", json!({})).await.status, 200);
        peer.extra.clear();
        let last = peer.call("createInvoice", create).await.outputs()["out_InvoiceId"].clone();
        let number: u32 = last.as_str().unwrap().trim_start_matches("INV-").parse().unwrap();
        assert_eq!(number % 3, 1003 % 3, "each of three calls created one invoice");
        let statuses: Vec<_> = log.calls_of("createInvoice").iter().map(|entry| entry.status).collect();
        assert_eq!(statuses, [200, 502, 200]);
    }
}

#[tokio::test]
async fn a_lost_session_is_gone() {
    let sandbox = sandbox().await;
    for version in LEGACY {
        sandbox.log().clear();
        let mut peer = Peer::legacy(&sandbox, version).await;
        peer.extra =
            vec![with(Fault::LoseSession, &format!("; times=1; method=tools/call;version={version}"))];
        assert_eq!(peer.call("echo", json!({})).await.status, 400, "`version` is no part of a fault");
        let spaces = " ".repeat(LEGACY.iter().position(|v| *v == version).unwrap());
        peer.extra = vec![with(Fault::LoseSession, &format!("; {spaces}times=1"))];
        assert_eq!(peer.request("tools/list", json!({})).await.status, 200);
        let reply = peer.call("echo", json!({})).await;
        assert_eq!((reply.status, &reply.error()["message"]), (404, &json!("Session not found")));
        assert_eq!(peer.request("tools/list", json!({})).await.status, 404);
        peer.open().await;
        assert_eq!(peer.call("echo", json!({})).await.status, 200);
    }
}

#[tokio::test]
async fn answers_in_json_and_redirects_can_be_had() {
    let sandbox = sandbox().await;
    for mut peer in Peer::all(&sandbox).await {
        peer.extra = vec![with(Fault::Json, "")];
        if !peer.is_modern() {
            peer.open().await;
        }
        let reply = peer.request(
            "tools/call",
            json!({
                "name": "importOrders", "arguments": {"in_Count": 1}, "_meta": {"progressToken": 1},
            }),
        );
        let reply = reply.await;
        assert_eq!((reply.kind.as_str(), reply.status), ("application/json", 200));
        assert_eq!(reply.outputs(), json!({"out_Imported": 1}));
        peer.extra = vec![with(Fault::Redirect, "")];
        sandbox.log().clear();
        let reply = peer.call("echo", json!({})).await;
        assert_eq!((reply.status, &reply.headers["location"]), (307, &"/elsewhere".parse().unwrap()));
        assert_eq!(sandbox.log().entries().len(), 1);
        peer.extra = vec![(FAULT_HEADER, "nope".to_owned())];
        let reply = peer.call("echo", json!({})).await;
        assert!(reply.status == 400 && reply.body.contains("no fault is named `nope`"), "{reply:?}");
    }
}

/// A call with a progress token, under a fault.
async fn under(peer: &mut Peer, fault: Fault, tool: &str, arguments: Value) -> Vec<Value> {
    peer.extra = vec![with(fault, "")];
    let params = json!({"name": tool, "arguments": arguments, "_meta": {"progressToken": "p"}});
    peer.request("tools/call", params).await.messages()
}

#[tokio::test]
async fn messages_can_be_spoilt() {
    let sandbox = sandbox().await;
    for mut peer in Peer::all(&sandbox).await {
        let echo = json!({"a": 1});
        let (progress, answer) = ("notifications/progress", "answer");
        for (fault, expected) in [
            (Fault::ProgressBackwards, vec![progress, progress, answer]),
            (Fault::ProgressForeignToken, vec![progress, answer]),
            (Fault::LateMessage, vec![answer, progress]),
            (Fault::Undeclared, vec!["notifications/resources/list_changed", answer]),
            (Fault::WrongId, vec![answer]),
            (Fault::Contradiction, vec![answer]),
            (Fault::EchoToken, vec![answer]),
        ] {
            let messages = under(&mut peer, fault, "echo", echo.clone()).await;
            let kinds: Vec<_> =
                messages.iter().map(|message| message["method"].as_str().unwrap_or("answer")).collect();
            assert_eq!(kinds, expected, "{fault:?}");
            let id = messages.iter().find_map(|message| message.get("id")).unwrap();
            assert_eq!(*id, if fault == Fault::WrongId { 1007 } else { 7 });
            let body = json!(messages).to_string();
            assert_eq!(body.contains(OWNER_TOKEN), fault == Fault::EchoToken, "{body}");
        }
        let arguments = json!({"in_Prices": [1], "in_Currency": "EUR"});
        let messages = under(&mut peer, Fault::Contradiction, "orderTotals", arguments).await;
        let result = &messages[0]["result"];
        assert_eq!(result["structuredContent"]["currency"], "EUR");
        assert!(result["content"][0]["text"].as_str().unwrap().contains("contradicts"), "{result}");
        // What came before is left as it is, and nothing waits for the end.
        let messages = under(&mut peer, Fault::WrongId, "importOrders", json!({"in_Count": 2})).await;
        assert_eq!((messages.len(), &messages[2]["id"]), (3, &json!(1007)));
        let list = peer.request("tools/list", json!({})).await;
        assert_eq!(list.answer()["id"], 7, "only calls are befallen unless another method is named");
        peer.extra = vec![with(Fault::EchoToken, "; method=resources/read")];
        let read = peer.request("resources/read", json!({"uri": "invoices://open"})).await;
        assert!(read.body.contains(OWNER_TOKEN), "{read:?}");
    }
}

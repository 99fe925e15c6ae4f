//! What a header can have go wrong.

use callsheet::sandbox::{FAULT_HEADER, Fault};
use serde_json::json;

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

//! Calls that take their time, many at once, and the end.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::json;

use crate::peer::{DEADLINE, Peer, read, sandbox};

#[tokio::test]
async fn cancellation_is_recorded_in_both_eras() {
    let sandbox = sandbox().await;
    let log = sandbox.log();
    let started = Instant::now();
    for peer in Peer::all(&sandbox).await {
        log.clear();
        let message =
            peer.message("tools/call", json!({"name": "runSlowProcess", "arguments": {"in_Seconds": 600}}));
        let sent = peer.builder(&message).body(message.to_string()).send();
        let running = tokio::spawn(async move { read(sent.await.unwrap()).await.messages().len() });
        assert!(log.wait_until(|entries| !entries.is_empty(), DEADLINE).await);
        if peer.is_modern() {
            running.abort();
        } else {
            assert!(log.wait_until(|entries| entries[0].status == 200, DEADLINE).await);
            peer.notify("notifications/cancelled", json!({"requestId": 7, "reason": "test"})).await;
            assert_eq!(running.await.unwrap(), 0, "the stream ends without an answer");
        }
        assert!(log.wait_until(|entries| entries[0].cancelled, DEADLINE).await, "{:?}", log.entries());
        assert_eq!(peer.call("runSlowProcess", json!({"in_Seconds": 0})).await.outputs()["out_Seconds"], 0);
        assert!(!log.calls_of("runSlowProcess")[1].cancelled);
    }
    assert!(started.elapsed() < Duration::from_secs(60));
}

#[tokio::test]
async fn a_legacy_call_outlives_its_stream() {
    let sandbox = sandbox().await;
    let peer = Peer::legacy(&sandbox, "2025-11-25").await;
    let params = json!({"name": "runSlowProcess", "arguments": {"in_Seconds": 600}});
    let mut message = peer.message("tools/call", params);
    message["id"] = json!("slow");
    drop(peer.builder(&message).body(message.to_string()).send().await.unwrap());
    // Its id is still in use: the call was not cancelled by the end of its connection.
    let again = read(peer.builder(&message).body(message.to_string()).send().await.unwrap()).await;
    assert_eq!((again.status, &again.error()["message"]), (400, &json!("Bad Request: Request ID is in use")));
    assert_eq!(peer.call("runSlowProcess", json!({"in_Seconds": 0.1})).await.outputs()["out_Seconds"], 0.1);
    assert!(!sandbox.log().calls_of("runSlowProcess")[0].cancelled);
    peer.notify("notifications/cancelled", json!({"requestId": "slow"})).await;
    assert!(sandbox.log().wait_until(|entries| entries.iter().any(|e| e.cancelled), DEADLINE).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn six_hundred_calls_at_once_are_answered() {
    let sandbox = sandbox().await;
    for peer in Peer::all(&sandbox).await {
        let calls = (0..600).map(|number| {
            let mut message = peer.message("tools/call", json!({"name": "echo", "arguments": {"n": number}}));
            message["id"] = json!(number);
            let sent = peer.builder(&message).body(message.to_string()).send();
            async move { (number, read(sent.await.unwrap()).await.outputs()) }
        });
        for (number, outputs) in join_all(calls).await {
            assert_eq!(outputs, json!({"n": number}));
        }
    }
    assert_eq!(sandbox.log().count("tools/call"), 1800);
}

#[tokio::test]
async fn dropping_it_ends_what_it_started() {
    let sandbox = sandbox().await;
    let log = sandbox.log();
    let peers = Peer::all(&sandbox).await;
    let calls: Vec<_> = peers
        .iter()
        .map(|peer| {
            let message = peer
                .message("tools/call", json!({"name": "runSlowProcess", "arguments": {"in_Seconds": 600}}));
            tokio::spawn(peer.builder(&message).body(message.to_string()).send())
        })
        .collect();
    assert!(log.wait_until(|_| log.calls_of("runSlowProcess").len() == calls.len(), DEADLINE).await);
    let address = sandbox.address();
    drop(sandbox);
    for call in calls {
        // A head may have come; the rest of the answer does not.
        if let Ok(Ok(answer)) = tokio::time::timeout(DEADLINE, call).await.unwrap().map(Ok::<_, ()>).unwrap()
        {
            let body = tokio::time::timeout(DEADLINE, answer.text()).await.expect("the stream ends");
            assert!(!body.unwrap_or_default().contains("out_Status"));
        }
    }
    let gone = async {
        while tokio::net::TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, gone).await.expect("the port is free");
}

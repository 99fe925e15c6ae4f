//! Notifications: of changes to those who listen, of the log and progress to their caller.

use serde_json::{Value, json};

use crate::peer::{DEADLINE, LEGACY, Peer, Stream, sandbox};

/// Listens to the lists and to these resources, in the way of the era.
async fn listen(peer: &Peer, uris: &[&str]) -> Stream {
    if !peer.is_modern() {
        let stream = peer.get().await;
        assert_eq!(stream.status, 200);
        for uri in uris {
            assert_eq!(peer.request("resources/subscribe", json!({"uri": uri})).await.result(), json!({}));
        }
        return stream;
    }
    let filter = json!({"toolsListChanged": true, "promptsListChanged": true, "resourceSubscriptions": uris});
    let mut message = peer.message("subscriptions/listen", json!({"notifications": filter}));
    message["id"] = json!("L1");
    let mut stream = peer.stream(&message).await;
    let acknowledged = stream.next().await.unwrap();
    assert_eq!(acknowledged["method"], "notifications/subscriptions/acknowledged");
    assert_eq!(acknowledged["params"]["notifications"], filter);
    stream
}

fn check(peer: &Peer, notification: &Value, method: &str, uri: Option<&str>) {
    assert_eq!(notification["method"], method, "{notification}");
    let params = notification.get("params").cloned().unwrap_or_default();
    assert_eq!(params.get("uri").and_then(Value::as_str), uri, "{notification}");
    let tag = params.pointer("/_meta/io.modelcontextprotocol~1subscriptionId").cloned();
    assert_eq!(tag, peer.is_modern().then(|| json!("L1")), "{notification}");
}

const UPDATED: &str = "notifications/resources/updated";

#[tokio::test]
async fn who_listens_is_told() {
    let sandbox = sandbox().await;
    for peer in Peer::declaring(&sandbox, "lab", &json!({})).await {
        let started = peer.call("startJob", json!({})).await.outputs();
        let job = format!("job://{}", started["out_JobId"].as_str().unwrap());
        let mut stream = listen(&peer, &[&job, "orders://catalog", "invoices://open/C-9"]).await;
        for (arguments, method, uri, times) in [
            (json!({"kind": "tools", "count": 2}), "notifications/tools/list_changed", None, 2),
            (json!({"kind": "prompts"}), "notifications/prompts/list_changed", None, 1),
            (json!({"kind": "resource", "uri": "orders://logo"}), UPDATED, None, 0),
            (
                json!({"kind": "resource", "uri": "orders://catalog", "after_ms": 20}),
                UPDATED,
                Some("orders://catalog"),
                1,
            ),
        ] {
            assert!(peer.call("notify", arguments).await.outputs()["out_Count"].is_number());
            for _ in 0..times {
                check(&peer, &stream.next().await.unwrap(), method, uri);
            }
        }
        // A read that leaves the state as it is, is none to tell of.
        for _ in 0..2 {
            assert_eq!(peer.resource(&job).await["state"], "Running");
        }
        check(&peer, &stream.next().await.unwrap(), UPDATED, Some(&job));
        peer.call("finishJob", json!({"in_JobId": started["out_JobId"]})).await.outputs();
        check(&peer, &stream.next().await.unwrap(), UPDATED, Some(&job));
        let invoice =
            peer.call("createInvoice", json!({"in_Customer": "C-9", "in_Amount": 1})).await.outputs();
        check(&peer, &stream.next().await.unwrap(), UPDATED, Some("invoices://open/C-9"));
        peer.call("deleteInvoice", json!({"in_InvoiceId": invoice["out_InvoiceId"]})).await.outputs();
        check(&peer, &stream.next().await.unwrap(), UPDATED, Some("invoices://open/C-9"));
    }
}

#[tokio::test]
async fn who_does_not_listen_any_more_is_not_told() {
    let sandbox = sandbox().await;
    let log = sandbox.log();
    for peer in Peer::declaring(&sandbox, "lab", &json!({})).await {
        log.clear();
        let mut stream = listen(&peer, &["a:1", "a:2"]).await;
        if peer.is_modern() {
            drop(stream);
            let ended = log.wait_until(|entries| entries[0].cancelled, DEADLINE).await;
            assert!(ended, "{:?}", log.entries());
            continue;
        }
        assert_eq!(peer.request("resources/unsubscribe", json!({"uri": "a:1"})).await.result(), json!({}));
        let again = peer.request("resources/unsubscribe", json!({"uri": "a:1"})).await;
        assert_eq!(again.error()["code"], -32602);
        for uri in ["a:1", "a:2"] {
            peer.call("notify", json!({"kind": "resource", "uri": uri})).await.outputs();
        }
        check(&peer, &stream.next().await.unwrap(), UPDATED, Some("a:2"));
        // A second stream takes the place of the first; the end of the session ends it.
        let mut second = peer.get().await;
        assert_eq!(stream.next().await, None);
        peer.call("notify", json!({"kind": "tools"})).await.outputs();
        check(&peer, &second.next().await.unwrap(), "notifications/tools/list_changed", None);
        assert_eq!(peer.delete().await.status, 200);
        assert_eq!(second.next().await, None);
        assert_eq!(peer.get().await.status, 404);
    }
}

#[tokio::test]
async fn orders_takes_no_get_and_promises_nothing_on_it() {
    let sandbox = sandbox().await;
    for peer in Peer::all(&sandbox).await {
        assert_eq!(peer.get().await.status, 405);
        if peer.is_modern() {
            // A listen is a POST.
            let mut stream = listen(&peer, &["a:1"]).await;
            peer.call("notify", json!({"kind": "resource", "uri": "a:1"})).await.outputs();
            check(&peer, &stream.next().await.unwrap(), UPDATED, Some("a:1"));
            continue;
        }
        let reply = peer.request("resources/subscribe", json!({"uri": "a:1"})).await;
        assert_eq!(reply.error()["code"], -32601);
        assert_eq!(peer.call("notify", json!({"kind": "tools"})).await.outputs(), json!({"out_Count": 1}));
    }
    let mut lab = Peer::declaring(&sandbox, "lab", &json!({})).await;
    assert_eq!(lab[0].get().await.status, 405, "2026-07-28 has no GET");
    // The sessions of one server are none of the other's.
    lab[1].url = sandbox.url("orders");
    assert_eq!(lab[1].call("echo", json!({})).await.status, 404);
}

#[tokio::test]
async fn capabilities_tell_what_can_be_listened_to() {
    let sandbox = sandbox().await;
    let told = json!({
        "logging": {}, "completions": {}, "prompts": {"listChanged": true}, "resources": {"subscribe": true},
        "tools": {"listChanged": true},
    });
    let untold = json!({"logging": {}, "completions": {}, "prompts": {}, "resources": {}, "tools": {}});
    for (slug, legacy) in [("orders", &untold), ("lab", &told)] {
        let modern = Peer { url: sandbox.url(slug), ..Peer::modern(&sandbox) };
        let mut discovered = modern.request("server/discover", json!({})).await.result();
        let offered = discovered["capabilities"].as_object_mut().unwrap();
        assert_eq!(offered.remove("extensions").unwrap(), json!({"io.modelcontextprotocol/tasks": {}}));
        assert_eq!(discovered["capabilities"], told, "{slug}");
        let peer = Peer { version: LEGACY[1], url: sandbox.url(slug), ..Peer::modern(&sandbox) };
        let params = json!({
            "protocolVersion": LEGACY[1], "capabilities": {}, "clientInfo": {"name": "t", "version": "1"},
        });
        let mut opened = peer.request("initialize", params).await.result();
        let tasks = opened["capabilities"].as_object_mut().unwrap().remove("tasks").unwrap();
        assert_eq!(tasks, json!({"cancel": {}, "requests": {"tools": {"call": {}}}}));
        assert_eq!(opened["capabilities"], *legacy, "{slug}");
    }
}

#[tokio::test]
async fn the_log_and_progress_are_told_to_the_caller() {
    let sandbox = sandbox().await;
    for peer in Peer::all(&sandbox).await {
        let mut meta = json!({"progressToken": "p"});
        if peer.is_modern() {
            meta["io.modelcontextprotocol/logLevel"] = json!("info");
        } else {
            peer.request("logging/setLevel", json!({"level": "info"})).await.result();
        }
        for (kind, method) in [("log", "notifications/message"), ("progress", "notifications/progress")] {
            let arguments = json!({"kind": kind, "count": 2, "after_ms": 1});
            let params = json!({"name": "notify", "arguments": arguments, "_meta": meta});
            let messages = peer.request("tools/call", params).await.messages();
            assert_eq!((messages.len(), &messages[1]["method"]), (3, &json!(method)));
        }
        let (text, is_error) = peer.call("notify", json!({"kind": "resource"})).await.text();
        assert!(is_error && text.contains("uri"), "{text}");
    }
}

//! Knobs that change what a good client meets: eras, sessions, streams, the clock; and the upgrade.

use std::time::{Duration, Instant};

use callsheet::knobs::{KNOBS, Knobs, PROFILES};
use callsheet::sandbox::{OWNER_TOKEN, Options, Sandbox, World};
use serde_json::json;

use crate::peer::{LEGACY, MODERN, Peer, client, read, sandbox};

async fn with(knobs: &[(&str, &str)]) -> Sandbox {
    let mut set = Knobs::default();
    for (name, value) in knobs {
        set.set(name, value).unwrap();
    }
    Sandbox::start(Options { world: World::with(set), ..Options::default() }).await.unwrap()
}

#[tokio::test]
async fn a_server_speaks_the_eras_of_its_type() {
    let sandbox = sandbox().await;
    let modern = Peer { url: sandbox.url("assistant"), ..Peer::modern(&sandbox) };
    let reply = modern.request("server/discover", json!({})).await;
    assert_eq!((reply.status, &reply.error()["code"]), (200, &json!(-32601)));
    assert_eq!(modern.call("echo", json!({})).await.status, 400);
    let mut handshake = Peer { version: LEGACY[1], ..modern };
    handshake.open().await;
    let (text, is_error) = handshake.call("summarize", json!({"subject": "S"})).await.text();
    assert!(!is_error && text.starts_with("# S\n"), "{text}");

    let sandbox = with(&[("eras", "modern")]).await;
    let legacy = Peer { version: LEGACY[1], ..Peer::modern(&sandbox) };
    assert_eq!(legacy.request("initialize", json!({})).await.status, 404);
    assert_eq!(Peer::modern(&sandbox).call("echo", json!({})).await.status, 200);
}

#[tokio::test]
async fn an_id_of_a_session_is_a_hint_until_there_is_one() {
    let sandbox = sandbox().await;
    let hint = Some("0123456789abcdef0123456789abcdef".to_owned());
    let modern = Peer { session: hint.clone(), ..Peer::modern(&sandbox) };
    assert_eq!(modern.request("server/discover", json!({})).await.status, 200);
    let mut peer = Peer { version: LEGACY[1], session: hint, ..Peer::modern(&sandbox) };
    let params = json!({
        "protocolVersion": LEGACY[1], "capabilities": {}, "clientInfo": {"name": "t", "version": "1"},
    });
    assert_eq!(peer.request("initialize", params.clone()).await.status, 200);
    peer.open().await;
    assert_eq!(peer.request("initialize", params.clone()).await.status, 200);
    sandbox.change(|world| world.knobs.set("second_initialize", "refuse").unwrap());
    let reply = peer.request("initialize", params).await;
    assert_eq!(reply.error(), json!({"code": -32600, "message": "Server already initialized"}));
}

#[tokio::test]
async fn a_version_that_nobody_knows_is_answered_with_one_that_is_known() {
    for (knob, version) in [("newest", "2025-11-25"), ("2025-06-18", "2025-06-18")] {
        let sandbox = with(&[("unknown_version", knob)]).await;
        let peer = Peer { version: "2031-01-01", ..Peer::modern(&sandbox) };
        let params = json!({
            "protocolVersion": "2031-01-01", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"},
        });
        let reply = peer.request("initialize", params).await;
        assert_eq!(reply.result()["protocolVersion"], version);
    }
}

#[tokio::test]
async fn a_session_ends_when_it_was_idle() {
    let sandbox = sandbox().await;
    let mut peer = Peer::legacy(&sandbox, LEGACY[1]).await;
    sandbox.advance(Duration::from_secs(59));
    assert_eq!(peer.call("echo", json!({})).await.status, 200);
    sandbox.advance(Duration::from_secs(61));
    assert_eq!(peer.call("echo", json!({})).await.status, 404);
    assert_eq!(sandbox.log().reasons(), ["the session was idle for more than 60s"]);
    peer.open().await;
    for (lost, code) in [("-32001", json!(-32001)), ("-32600", json!(-32600))] {
        sandbox.change(|world| world.knobs.set("session_lost", lost).unwrap());
        sandbox.advance(Duration::from_secs(61));
        assert_eq!(peer.call("echo", json!({})).await.error()["code"], code);
    }
    sandbox.change(|world| world.knobs.set("session_lost", "bare").unwrap());
    let reply = peer.call("echo", json!({})).await;
    assert_eq!((reply.status, reply.body.as_str()), (404, ""));
}

#[tokio::test]
async fn what_takes_its_time_takes_none_on_a_virtual_clock() {
    let sandbox = with(&[("clock", "virtual"), ("cold_start", "20s"), ("latency", "process")]).await;
    let started = Instant::now();
    let before = sandbox.now();
    let mut peer = Peer { version: LEGACY[0], url: sandbox.url("assistant"), ..Peer::modern(&sandbox) };
    peer.open().await;
    assert_eq!(sandbox.now().duration_since(before).as_secs(), 20);
    assert_eq!(peer.call("runSlowProcess", json!({"in_Seconds": 500})).await.outputs()["out_Seconds"], 500);
    let passed = sandbox.now().duration_since(before).as_millis();
    assert!((520_200..=520_800).contains(&passed), "{passed}");
    assert!(started.elapsed() < Duration::from_secs(20));
}

#[tokio::test]
async fn requests_of_a_minute_are_counted() {
    let sandbox = with(&[("clock", "virtual"), ("rate_limit", "2"), ("retry_after", "7")]).await;
    let peer = Peer::modern(&sandbox);
    let mut statuses = Vec::new();
    for _ in 0..3 {
        let reply = peer.request("server/discover", json!({})).await;
        statuses.push(reply.status);
        if reply.status == 429 {
            assert_eq!(reply.headers["retry-after"], "7");
        }
    }
    assert_eq!(statuses, [200, 200, 429]);
    sandbox.advance(Duration::from_secs(60));
    assert_eq!(peer.request("server/discover", json!({})).await.status, 200);
}

#[tokio::test]
async fn faults_come_by_number_too() {
    let sandbox = with(&[("fault", "relay-error; after=1; times=1")]).await;
    let peer = Peer::modern(&sandbox);
    let call = || peer.call("echo", json!({"a": 1}));
    assert_eq!(call().await.outputs(), json!({"a": 1}));
    let error = call().await.error();
    assert_eq!(error["code"], -32000);
    assert!(error["message"].as_str().unwrap().starts_with("Error processing message: "));
    assert_eq!(call().await.outputs(), json!({"a": 1}));
}

#[tokio::test]
async fn hard_streams_say_the_same() {
    for how in ["comments", "crlf", "split", "nulls"] {
        let sandbox = with(&[("stream", how), ("modern_answer", "sse")]).await;
        for peer in [Peer::modern(&sandbox), Peer { version: MODERN, ..Peer::modern(&sandbox) }] {
            let reply = peer.call("echo", json!({"word": "Käse"})).await;
            assert_eq!(reply.kind, "text/event-stream");
            let plain = reply.body.replace("\r\n", "\n");
            let data = plain.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
            let message: serde_json::Value = serde_json::from_str(data).unwrap();
            assert_eq!(message["result"]["content"][0]["text"], "{\"word\":\"Käse\"}", "{how}");
            assert_eq!(reply.body.contains("\r\n"), how == "crlf");
            assert_eq!(reply.body.contains(": still here"), how == "comments");
            assert_eq!(
                message["result"].as_object().unwrap().get("_meta") == Some(&json!(null)),
                how == "nulls"
            );
        }
    }
}

#[tokio::test]
async fn refusals_have_the_body_of_the_knob() {
    let sandbox = sandbox().await;
    for (body, kind, has) in [
        ("orchestrator", "application/json", "\"message\":\"You are not authenticated!\""),
        ("problem", "application/problem+json", "\"title\":\"You are not authenticated!\""),
        ("empty", "", ""),
    ] {
        sandbox.change(|world| world.knobs.set("error_body", body).unwrap());
        let reply = read(client().post(sandbox.url("orders")).send().await.unwrap()).await;
        assert_eq!((reply.status, reply.kind.as_str()), (401, kind));
        assert!(reply.body.contains(has), "{}", reply.body);
    }
    sandbox.change(|world| world.knobs.set("www_authenticate", "metadata").unwrap());
    let reply = read(client().post(sandbox.url("orders")).send().await.unwrap()).await;
    assert!(reply.headers["www-authenticate"].to_str().unwrap().starts_with("Bearer resource_metadata="));
}

#[tokio::test]
async fn the_upgrade_breaks_its_clients() {
    let sandbox = sandbox().await;
    for mut peer in Peer::all(&sandbox).await {
        let old = peer.call("createInvoice", json!({"in_Customer": "C", "in_Amount": 1})).await.outputs();
        peer.url = sandbox.url("orders-next");
        if !peer.is_modern() {
            peer.open().await;
        }
        let (text, is_error) =
            peer.call("createInvoice", json!({"in_Customer": "C", "in_Amount": 1})).await.text();
        assert!(is_error && text.contains("in_CustomerId") && text.contains("in_Currency"), "{text}");
        let new = json!({"in_CustomerId": "C", "in_Amount": 1, "in_Currency": "EUR"});
        assert_eq!(peer.call("createInvoice", new).await.outputs()["out_Currency"], "EUR");
        let read = peer.call("getInvoice", json!({"in_InvoiceId": old["out_InvoiceId"]})).await.outputs();
        assert_eq!(read, json!({"out_Status": "Created", "out_CustomerId": "C", "out_Amount": {"value": 1}}));
        let totals = json!({"in_Prices": [1, 2.5], "in_Currency": "EUR"});
        let reply = peer.call("orderTotals", totals).await.result();
        assert_eq!(reply["structuredContent"]["total"], "3.50");
        assert_eq!(peer.call("importOrders", json!({"in_Count": 1})).await.error()["code"], -32602);
    }
}

#[tokio::test]
async fn every_value_of_every_knob_is_served() {
    use callsheet::knobs::Takes;
    for knob in KNOBS {
        let Takes::OneOf(values) = knob.takes else { continue };
        for value in values {
            let sandbox = with(&[(knob.name, value)]).await;
            let request = client().post(sandbox.url("orders")).bearer_auth(OWNER_TOKEN);
            let reply = read(request.body("{}").send().await.unwrap()).await;
            assert_eq!(reply.status, 415, "{}={value}", knob.name);
        }
    }
    for profile in PROFILES {
        let knobs = Knobs::profile(profile.name).unwrap().with("clock", "virtual").unwrap();
        let options = Options { world: World::with(knobs), ..Options::default() };
        let sandbox = Sandbox::start(options).await.unwrap();
        let peer = Peer::legacy(&sandbox, LEGACY[0]).await;
        assert_eq!(peer.call("echo", json!({"a": 1})).await.outputs(), json!({"a": 1}), "{}", profile.name);
    }
}

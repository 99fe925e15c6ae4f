//! The way in: addresses, tokens, methods, versions, sessions.

use callsheet::sandbox::{FOLDER_KEY, OWNER_TOKEN};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::peer::{LEGACY, MODERN, Peer, client, read, sandbox};

#[tokio::test]
async fn the_documented_curl_call_works() {
    let sandbox = sandbox().await;
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "curl", "version": "1"},
    }});
    for accept in [Some("*/*"), None] {
        let mut request = client().post(sandbox.url("orders") + "/").bearer_auth(OWNER_TOKEN);
        request = request.header("content-type", "application/json").body(body.to_string());
        if let Some(accept) = accept {
            request = request.header("accept", accept);
        }
        let reply = read(request.send().await.unwrap()).await;
        assert_eq!((reply.status, reply.kind.as_str()), (200, "text/event-stream"));
        assert!(reply.body.starts_with("event: message\ndata: {"), "{}", reply.body);
        assert_eq!(reply.body.matches("data:").count(), 1);
        let session = reply.headers["mcp-session-id"].to_str().unwrap();
        assert!(session.len() == 32 && session.bytes().all(|b| b.is_ascii_hexdigit()), "{session}");
        let result = reply.result();
        assert_eq!(result["protocolVersion"], "2025-06-18");
        assert_eq!(result["serverInfo"], json!({"name": "orders", "version": "1.0.0"}));
        let capabilities = json!({
            "logging": {}, "completions": {}, "prompts": {}, "resources": {}, "tools": {},
        });
        assert_eq!(result["capabilities"], capabilities);
    }
    let only_json = client().post(sandbox.url("orders")).bearer_auth(OWNER_TOKEN);
    let only_json = only_json.header("accept", "application/json").header("content-type", "application/json");
    let reply = read(only_json.body(body.to_string()).send().await.unwrap()).await;
    assert_eq!((reply.status, &reply.error()["code"]), (406, &json!(-32600)));
}

#[tokio::test]
async fn the_log_shows_the_lifecycle() {
    let sandbox = sandbox().await;
    let peer = Peer::legacy(&sandbox, "2025-11-25").await;
    peer.call("echo", json!({})).await;
    assert_eq!(peer.delete().await.status, 200);
    let modern = Peer::modern(&sandbox);
    let discovered = modern.request("server/discover", json!({})).await;
    assert_eq!(discovered.kind, "application/json");
    assert!(discovered.result()["supportedVersions"].as_array().unwrap().contains(&json!(MODERN)));
    let log = sandbox.log();
    let lifecycle = ["initialize", "notifications/initialized", "tools/call", "DELETE", "server/discover"];
    assert_eq!(log.methods(), lifecycle);
    assert_eq!(log.count("tools/call"), 1);
    let call = &log.calls_of("echo")[0];
    assert_eq!((call.status, call.http_method.as_str()), (200, "POST"));
    assert_eq!(call.header("authorization"), Some("owner"));
    assert_eq!(call.header("mcp-session-id"), peer.session.as_deref());
    log.clear();
    assert!(log.entries().is_empty());
}

#[tokio::test]
async fn sessions_end_once() {
    let sandbox = sandbox().await;
    for version in LEGACY {
        let peer = Peer::legacy(&sandbox, version).await;
        assert_eq!(peer.delete().await.status, 200);
        for reply in [peer.delete().await, peer.call("echo", json!({})).await] {
            assert_eq!(reply.status, 404);
            assert_eq!(reply.error(), json!({"code": -32600, "message": "Session not found"}));
        }
        let stranger = Peer { session: None, ..peer };
        let reply = stranger.call("echo", json!({})).await;
        assert_eq!((reply.status, &reply.error()["code"]), (400, &json!(-32600)));
        assert_eq!(reply.answer()["id"], 7);
        assert_eq!(stranger.delete().await.status, 400);
    }
    let modern = Peer::modern(&sandbox);
    let reply = modern.delete().await;
    assert_eq!(reply.status, 405, "{reply:?}");
}

#[tokio::test]
async fn a_call_before_initialized_is_answered() {
    let sandbox = sandbox().await;
    let mut peer = Peer { version: LEGACY[0], ..Peer::modern(&sandbox) };
    let params = json!({
        "protocolVersion": LEGACY[0], "capabilities": {}, "clientInfo": {"name": "t", "version": "1"},
    });
    let reply = peer.request("initialize", params).await;
    peer.session = Some(reply.headers["mcp-session-id"].to_str().unwrap().to_owned());
    assert_eq!(peer.request("ping", json!({})).await.result(), json!({}));
    assert_eq!(peer.call("echo", json!({})).await.text().0, "{}");
}

#[tokio::test]
async fn versions_and_headers_are_checked() {
    let sandbox = sandbox().await;
    let mut legacy = Peer::legacy(&sandbox, LEGACY[0]).await;
    legacy.version = "2030-01-01";
    let reply = legacy.request("tools/list", json!({})).await;
    assert_eq!((reply.status, &reply.error()["code"]), (400, &json!(-32600)));
    assert!(reply.error()["message"].as_str().unwrap().contains("2030-01-01"), "{reply:?}");

    let modern = Peer::modern(&sandbox);
    let call = modern.message("tools/call", json!({"name": "echo"}));
    let other = call.to_string().replace("2026-07-28", "2030-01-01");
    let reply = read(modern.builder(&call).body(other).send().await.unwrap()).await;
    assert_eq!((reply.status, &reply.error()["code"]), (400, &json!(-32020)));
    let named = call.to_string().replace("echo", "getInvoice");
    let reply = read(modern.builder(&call).body(named).send().await.unwrap()).await;
    assert_eq!((reply.status, &reply.error()["code"]), (400, &json!(-32020)));
    let bare = json!({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": "echo"}});
    let reply = read(modern.builder(&bare).body(bare.to_string()).send().await.unwrap()).await;
    assert_eq!((reply.status, &reply.error()["code"]), (400, &json!(-32602)));
    for method in ["ping", "resources/subscribe"] {
        let reply = modern.request(method, json!({"uri": "orders://catalog"})).await;
        assert_eq!((reply.status, &reply.error()["code"]), (404, &json!(-32601)), "{method}");
    }
}

#[tokio::test]
async fn refusals_do_not_tell_why() {
    let sandbox = sandbox().await;
    let good = sandbox.url("orders");
    let send = |url: String, authorization: Option<String>| async move {
        let mut request = client().post(url).header("content-type", "application/json").body("{}");
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization);
        }
        read(request.send().await.unwrap()).await
    };
    let bearer = Some(format!("Bearer {OWNER_TOKEN}"));
    let mut bodies = Vec::new();
    for (url, authorization, reason) in [
        (good.clone(), None, "no token"),
        (good.clone(), Some("Bearer rt_other".to_owned()), "unknown token"),
        (good.clone(), Some(format!("Basic {OWNER_TOKEN}")), "no bearer token"),
        (
            good.replace("/acme/", "/acne/"),
            bearer.clone(),
            "no organization is named `acne`; there is `acme`",
        ),
        (good.replace("Default", "default"), bearer.clone(), "no tenant is named `default`"),
        (good.replace("6f0c", "6f0d"), bearer.clone(), "no folder is named"),
        (good.replace("orders", "order"), bearer.clone(), "no server is named `order`; there are `orders`"),
        (format!("{good}?access_token={OWNER_TOKEN}"), None, "no token"),
    ] {
        let reply = send(url, authorization).await;
        assert_eq!(reply.status, 401, "{reason}");
        assert_eq!(reply.headers["www-authenticate"], "Bearer");
        let entry = sandbox.log().entries().pop().unwrap();
        assert!(entry.reason.as_deref().unwrap().starts_with(reason), "{entry:?}");
        assert!(!format!("{entry:?}").contains("rt_"), "{entry:?}");
        bodies.push(reply.body);
    }
    bodies.dedup();
    let body: Value = serde_json::from_str(&bodies[0]).unwrap();
    assert_eq!(bodies.len(), 1);
    assert_eq!((&body["message"], &body["errorCode"]), (&json!("You are not authenticated!"), &json!(0)));

    let no_folder = good.replace(&format!("{FOLDER_KEY}/"), "");
    let reply = send(no_folder.clone(), bearer).await;
    let body: Value = serde_json::from_str(&reply.body).unwrap();
    assert_eq!((reply.status, &body["errorCode"]), (400, &json!(10500)));
    assert_eq!(body["message"], "Folder key is required");
    assert_eq!(send(no_folder, None).await.status, 401);
}

#[tokio::test]
async fn what_is_no_message_is_refused_in_json_rpc() {
    let sandbox = sandbox().await;
    let send = |kind: &'static str, body: String| {
        let request = client().post(sandbox.url("orders")).bearer_auth(OWNER_TOKEN);
        async move { read(request.header("content-type", kind).body(body).send().await.unwrap()).await }
    };
    for (body, code) in [
        ("{", -32700),
        ("", -32700),
        (&*format!("{}{}", "[".repeat(200), "]".repeat(200)), -32700),
        ("[]", -32600),
        (r#"{"jsonrpc":"2.0"}"#, -32600),
        (r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, -32600),
    ] {
        let reply = send("application/json", body.to_owned()).await;
        assert_eq!((reply.status, &reply.error()["code"]), (400, &json!(code)), "{body}");
    }
    assert_eq!(send("text/plain", "{}".to_owned()).await.status, 415);
    let reply = send("application/json; charset=utf-8", " ".repeat(5 << 20)).await;
    assert_eq!((reply.status, &reply.error()["code"]), (413, &json!(-32600)));
    for method in [Method::GET, Method::PUT] {
        let request = client().request(method, sandbox.url("orders")).bearer_auth(OWNER_TOKEN);
        let reply = read(request.header("accept", "text/event-stream").send().await.unwrap()).await;
        assert_eq!((reply.status, &reply.headers["allow"]), (405, &"POST".parse().unwrap()));
    }
    let elsewhere = format!("http://{}/elsewhere", sandbox.address());
    assert_eq!(client().get(elsewhere).send().await.unwrap().status(), StatusCode::NOT_FOUND);
}

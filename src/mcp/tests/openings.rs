//! How a session begins: the era, the versions, and what is wrong with them.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::exchange::{Outcome, Phase};

async fn opened(server: &Server, version: Option<Version>) -> Result<SessionFacts, Box<Exchange>> {
    let session = session(server, version);
    session.begin().await?;
    Ok(session.facts().unwrap())
}

#[tokio::test]
async fn every_known_answer_to_a_probe_leads_to_the_right_era() {
    let unsupported = |supported: Value| json!({"code": -32022, "message": "Unsupported protocol version", "data": {"supported": supported, "requested": "2026-07-28"}});
    let error =
        |status: u16, error: Value| Reply::json(status, &json!({"jsonrpc": "2.0", "id": 1, "error": error}));
    let plain =
        |status: u16, code: i64, message: &str| error(status, json!({"code": code, "message": message}));
    let discover = |versions: Value| {
        let mut result = discovered();
        result["supportedVersions"] = versions;
        Reply::json(200, &json!({"jsonrpc": "2.0", "id": 1, "result": result}))
    };
    let all = json!(["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"]);
    let cases: Vec<(&str, Reply, Result<Version, &str>)> = vec![
        ("typescript 1", plain(400, -32000, "Bad Request: Server not initialized"), Ok(Version::V2025_11_25)),
        ("supergateway", plain(404, -32601, "Method not found"), Ok(Version::V2025_11_25)),
        ("python 1", plain(200, -32602, "Invalid request parameters"), Ok(Version::V2025_11_25)),
        ("missing session", plain(400, -32600, "Bad Request: Missing session ID"), Ok(Version::V2025_11_25)),
        (
            "unsupported header",
            plain(400, -32600, "Unsupported protocol version: 2026-07-28"),
            Ok(Version::V2025_11_25),
        ),
        (
            "rmcp plain text",
            Reply::with(400, "content-type: text/plain\r\n", "no session"),
            Ok(Version::V2025_11_25),
        ),
        ("empty 4xx", Reply::with(406, "", ""), Ok(Version::V2025_11_25)),
        ("a server error with a message", plain(500, -32603, "Internal error"), Ok(Version::V2025_11_25)),
        ("no modern version", discover(json!(["2025-06-18", "2025-11-25"])), Ok(Version::V2025_11_25)),
        ("names older versions", error(400, unsupported(json!(["2025-11-25"]))), Ok(Version::V2025_11_25)),
        (
            "an empty result",
            Reply::json(200, &json!({"jsonrpc": "2.0", "id": 1, "result": {}})),
            Ok(Version::V2025_11_25),
        ),
        ("every version", discover(all), Ok(Version::V2026_07_28)),
        ("only the modern one", discover(json!(["2026-07-28"])), Ok(Version::V2026_07_28)),
        (
            "nothing in common",
            error(400, unsupported(json!(["2031-01-01"]))),
            Err("have no version in common: it offers `2031-01-01`"),
        ),
        ("header mismatch", plain(400, -32020, "Header mismatch"), Err("error -32020, `Header mismatch`")),
        ("missing capability", plain(400, -32021, "Missing capability"), Err("error -32021")),
        ("no token", Reply::with(401, "www-authenticate: Bearer\r\n", ""), Err("HTTP 401")),
        ("no right", Reply::with(403, "", "no"), Err("HTTP 403")),
        ("gateway", Reply::with(502, "content-type: text/html\r\n", "<h1>"), Err("HTTP 502")),
        (
            "redirect",
            Reply::with(302, "location: https://login.example/\r\n", ""),
            Err("HTTP 302, a redirect to `https://login.example/`"),
        ),
    ];
    for (name, reply, expected) in cases {
        let server = Server::start(move |request, _| match request.method().as_str() {
            "server/discover" => reply.clone(),
            _ => legacy(request).unwrap(),
        })
        .await;
        let mut facts = opened(&server, None).await;
        match (&mut facts, expected) {
            (Ok(facts), Ok(version)) => assert_eq!(facts.version, version, "{name}"),
            (Err(exchange), Err(text)) => {
                assert_eq!(exchange.phase, Phase::Open, "{name}");
                assert!(words(exchange).contains(text), "{name}: {}", words(exchange));
                assert_eq!(server.count("initialize"), 0, "{name}");
            }
            (found, expected) => panic!("{name}: {found:?}, expected {expected:?}"),
        }
    }
}

#[tokio::test]
async fn a_modern_server_that_names_its_version_is_asked_once_more() {
    let server = Server::start(|request, number| {
        if number == 0 {
            let data = json!({"supported": ["2026-07-28"], "requested": "x"});
            let error = json!({"code": -32022, "message": "m", "data": data});
            return Reply::json(400, &json!({"jsonrpc": "2.0", "id": 1, "error": error}));
        }
        modern(request).unwrap()
    })
    .await;
    assert_eq!(opened(&server, None).await.unwrap().version, Version::V2026_07_28);
    assert_eq!(server.methods(), ["server/discover", "server/discover"]);
}

#[tokio::test]
async fn many_sessions_send_one_probe() {
    for is_modern in [true, false] {
        let server = Server::start(move |request, _| {
            if is_modern {
                modern(request).unwrap_or_else(|| request.result(called()))
            } else {
                legacy(request).unwrap_or_else(|| request.result(json!({"content": []})))
            }
        })
        .await;
        let client = client(&server);
        let tasks: Vec<_> = (0..32)
            .map(|_| {
                let session = client.session(config(None));
                tokio::spawn(async move {
                    session.begin().await.unwrap();
                    good(&session.perform(echo(), options()).await);
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(server.count("server/discover"), 1);
        assert_eq!(server.count("tools/call"), 32);
        assert_eq!(server.count("initialize"), if is_modern { 0 } else { 32 });
        // A step that shows the lifecycle sends it.
        let session = client.session(config(None));
        good(&session.open(None).await);
        assert_eq!(server.count("server/discover"), if is_modern { 2 } else { 1 });
    }
}

#[tokio::test]
async fn steps_side_by_side_open_one_session() {
    let server = Server::start(|request, _| legacy(request).unwrap()).await;
    let session = session(&server, LEGACY);
    let (a, b, c) = tokio::join!(session.begin(), session.begin(), session.begin());
    assert!(a.is_ok() && b.is_ok() && c.is_ok());
    assert_eq!(server.count("initialize"), 1);
}

#[tokio::test]
async fn a_probe_that_failed_is_made_again() {
    let refused = Arc::new(AtomicBool::new(true));
    let switch = Arc::clone(&refused);
    let server = Server::start(move |request, _| {
        if switch.load(Ordering::SeqCst) {
            return Reply::with(401, "", "");
        }
        modern(request).unwrap()
    })
    .await;
    let client = client(&server);
    let anonymous =
        client.session(SessionConfig { token: None, identity: "anonymous".to_owned(), ..config(None) });
    let exchange = anonymous.begin().await.unwrap_err();
    assert_eq!((exchange.outcome, exchange.http.as_ref().unwrap().status), (Outcome::Answered, 401));
    assert_eq!(server.seen()[0].header("authorization"), "");
    refused.store(false, Ordering::SeqCst);
    client.session(config(None)).begin().await.unwrap();
    assert_eq!(server.count("server/discover"), 2);
    // What one identity was told is not what another is.
    anonymous.begin().await.unwrap();
    assert_eq!(server.count("server/discover"), 3);
}

#[tokio::test]
async fn a_pinned_version_that_the_server_does_not_take() {
    // An older server, asked for the modern era.
    let server = Server::start(|request, _| {
        if request.method() == "initialize" {
            let result = json!({"protocolVersion": "2025-06-18", "capabilities": {}, "serverInfo": info()});
            let body = json!({"jsonrpc": "2.0", "id": request.json()["id"], "result": result}).to_string();
            return Reply::with(200, "content-type: application/json\r\nmcp-session-id: s9\r\n", &body);
        }
        legacy(request).unwrap()
    })
    .await;
    let exchange = opened(&server, MODERN).await.unwrap_err();
    let cause = exchange.cause.unwrap();
    assert!(
        cause.starts_with("the server does not take `2026-07-28`")
            && cause.ends_with("it offers `2025-06-18`"),
        "{cause}"
    );
    assert_eq!(exchange.sent.unwrap().method, "server/discover");

    // Another version of the same era; the session that this opened is ended.
    let session = session(&server, LEGACY);
    let exchange = session.begin().await.unwrap_err();
    assert_eq!(
        exchange.cause.as_deref(),
        Some("the server does not take `2025-11-25`: it offers `2025-06-18`")
    );
    assert!(session.facts().is_none());
    session.close(soon()).await;
    session.settle(soon()).await;
    let last = server.seen().pop().unwrap();
    assert_eq!((last.verb.as_str(), last.header("mcp-session-id")), ("DELETE", "s9"));

    // A modern server, asked for an older one.
    let server = Server::start(|request, _| {
        let data = json!({"supported": ["2026-07-28"], "requested": "2025-11-25"});
        let error = json!({"code": -32022, "message": "Unsupported", "data": data});
        Reply::json(400, &json!({"jsonrpc": "2.0", "id": request.json()["id"], "error": error}))
    })
    .await;
    let exchange = opened(&server, LEGACY).await.unwrap_err();
    let expected =
        "the server answered `initialize` with error -32022, `Unsupported`: it offers `2026-07-28`";
    assert_eq!(exchange.cause.as_deref(), Some(expected));
    // One that knows no handshake at all.
    let server = Server::start(|request, _| {
        modern(request).unwrap_or_else(|| request.error(404, -32601, "Method not found"))
    })
    .await;
    let exchange = opened(&server, LEGACY).await.unwrap_err();
    let expected =
        "the server answered `initialize` with error -32601, `Method not found`: it offers `2026-07-28`";
    assert_eq!(exchange.cause.as_deref(), Some(expected));
}

#[tokio::test]
async fn a_version_that_does_not_exist_is_an_error() {
    for (text, expected) in [
        ("2030-01-01", "the server chose the protocol version `2030-01-01`, which does not exist"),
        (
            "initialize-failure",
            "the server behind the gateway did not start: it answers with the version `initialize-failure`",
        ),
        ("invalid-version", "did not start"),
        ("2026-07-28", "the server chose `2026-07-28`, which has no handshake"),
        ("", "the result names no `protocolVersion`"),
    ] {
        let server = Server::start(move |request, _| match request.method().as_str() {
            "initialize" => {
                request.result(json!({"protocolVersion": text, "capabilities": {}, "serverInfo": info()}))
            }
            _ => legacy(request).unwrap(),
        })
        .await;
        let session = session(&server, None);
        let exchange = session.begin().await.unwrap_err();
        assert!(exchange.cause.as_ref().unwrap().contains(expected), "{exchange:?}");
        assert_eq!(exchange.wire.is_empty(), text == "2026-07-28", "{exchange:?}");
        assert!(session.facts().is_none());
        assert_eq!(server.count("notifications/initialized"), 0);
    }
}

#[tokio::test]
async fn a_relay_that_did_not_start_its_server() {
    let server = Server::start(|request, _| match request.method().as_str() {
        "initialize" => {
            let result =
                json!({"protocolVersion": "initialize-failure", "capabilities": {}, "serverInfo": info()});
            Reply::stream(&[json!({"jsonrpc": "2.0", "id": 0, "result": result})])
        }
        _ => legacy(request).unwrap(),
    })
    .await;
    let exchange = opened(&server, None).await.unwrap_err();
    assert!(exchange.cause.unwrap().starts_with("the server behind the gateway did not start"));
    assert!(exchange.wire[0].message.starts_with("the server behind the gateway did not start"));
    assert_eq!(exchange.wire.len(), 2, "the id and the version");
}

#[tokio::test]
async fn violations_of_an_opening_are_not_lost() {
    let server = Server::start(|request, _| match request.method().as_str() {
        "initialize" => request.result(json!({"protocolVersion": "2025-11-25", "capabilities": {}})),
        "notifications/initialized" => Reply::with(400, "", ""),
        _ => legacy(request).unwrap(),
    })
    .await;
    let session = session(&server, LEGACY);
    session.begin().await.unwrap();
    let notes = session.settle(soon()).await;
    assert_eq!(
        notes,
        [
            "while the session was opened: `initialize`: \"serverInfo\" is a required property",
            "while the session was opened: `notifications/initialized` was answered with HTTP 400, not with 202",
        ]
    );
    let exchange = session.open(None).await;
    assert_eq!(exchange.wire.len(), 2);
    assert_eq!(exchange.sent.as_ref().unwrap().params["protocolVersion"], "2025-11-25");
}

#[tokio::test]
async fn the_dead_id_is_kept_until_the_session_is_opened_again() {
    let server = Server::start(|request, _| {
        legacy(request).unwrap_or_else(|| match request.header("mcp-session-id") {
            "s1" => request.error(404, -32600, "Session not found"),
            _ => request.result(json!({"content": []})),
        })
    })
    .await;
    let session = session(&server, LEGACY);
    session.begin().await.unwrap();
    session.close(soon()).await;
    session.begin().await.unwrap();
    assert_eq!(server.count("initialize"), 1, "a closed session stays closed");
    let exchange = session.perform(echo(), options()).await;
    assert_eq!(exchange.http.as_ref().unwrap().status, 404);
    assert_eq!(server.seen().last().unwrap().header("mcp-session-id"), "s1");
    assert!(exchange.repairs.is_empty());
    good(&session.open(None).await);
    assert!(session.facts().is_some());
}

#[tokio::test]
async fn logs_are_asked_for_in_the_way_of_the_version() {
    let server = Server::start(|request, _| match request.method().as_str() {
        "initialize" => request.result(
            json!({"protocolVersion": "2025-11-25", "capabilities": {"logging": {}}, "serverInfo": info()}),
        ),
        "logging/setLevel" => request.result(json!({})),
        _ => legacy(request).unwrap(),
    })
    .await;
    let session = client(&server).session(SessionConfig { log: Some("debug".to_owned()), ..config(LEGACY) });
    session.begin().await.unwrap();
    assert_eq!(server.seen()[2].json()["params"], json!({"level": "debug"}));
}

#[tokio::test]
async fn an_opening_that_fails_leaves_no_session_open() {
    let server = Server::start(
        |request, number| {
            if number == 2 { Reply::with(503, "", "") } else { legacy(request).unwrap() }
        },
    )
    .await;
    let session = session(&server, LEGACY);
    session.begin().await.unwrap();
    let exchange = session.open(None).await;
    assert_eq!((exchange.phase, exchange.http.as_ref().unwrap().status), (Phase::Open, 503));
    assert!(session.facts().is_none());
    // The session before it is still ended.
    session.close(soon()).await;
    session.settle(soon()).await;
    assert_eq!(server.seen().last().unwrap().verb, "DELETE");
}

#[tokio::test]
async fn a_version_that_is_refused_and_offered_is_asked_for_once_more() {
    for (version, refusals) in [(MODERN, 1), (None, 1), (MODERN, 9), (None, 9)] {
        let server = Server::start(move |request, number| {
            if number >= refusals {
                return modern(request).unwrap();
            }
            let data = json!({"supported": ["2026-07-28"], "requested": "2026-07-28"});
            let error = json!({"code": -32022, "message": "Unsupported protocol version", "data": data});
            Reply::json(400, &json!({"jsonrpc": "2.0", "id": request.json()["id"], "error": error}))
        })
        .await;
        let opened = opened(&server, version).await;
        assert_eq!((opened.is_ok(), server.seen().len()), (refusals == 1, 2), "{opened:?}");
    }
}

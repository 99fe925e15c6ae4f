//! What is followed: pages, a lost session. And what is not.

use super::*;
use crate::exchange::{Outcome, Repair};

/// A server whose sessions are lost as often as the test says; each opening gives a new id.
async fn forgetful(times: usize, refusal: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Server {
    let counts = Mutex::new((0_usize, 0_usize));
    Server::start(move |request, _| {
        let mut counts = counts.lock().unwrap();
        match request.method().as_str() {
            "initialize" => {
                counts.0 += 1;
                let result =
                    json!({"protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": info()});
                let body =
                    json!({"jsonrpc": "2.0", "id": request.json()["id"], "result": result}).to_string();
                let headers = format!("content-type: application/json\r\nMcp-Session-Id: s{}\r\n", counts.0);
                Reply::with(200, &headers, &body)
            }
            "tools/call" | "tools/list" if counts.1 < times => {
                counts.1 += 1;
                refusal(request)
            }
            "tools/call" => request.result(json!({"content": []})),
            "tools/list" => request.result(json!({"tools": []})),
            _ => legacy(request).unwrap(),
        }
    })
    .await
}

#[tokio::test]
async fn one_lost_session_is_opened_again_and_told() {
    type Refusal = fn(&Request) -> Reply;
    let refusals: [Refusal; 6] = [
        |_| Reply::with(404, "", ""),
        |_| {
            let error = json!({"code": -32600, "message": "Session not found"});
            Reply::json(404, &json!({"jsonrpc": "2.0", "id": "server-error", "error": error}))
        },
        |request| request.error(404, -32001, "Session not found"),
        |request| request.error(200, -32600, "Session terminated"),
        |request| request.error(200, 32600, "Session terminated"),
        |request| request.error(400, -32000, "Bad Request: No valid session ID provided"),
    ];
    for refusal in refusals {
        let server = forgetful(1, refusal).await;
        let session = session(&server, LEGACY);
        session.begin().await.unwrap();
        let exchange = session.perform(echo(), options()).await;
        good(&exchange);
        assert_eq!(exchange.repairs, [Repair::Reopened]);
        assert_eq!(session.facts().unwrap().id.as_deref(), Some("s2"));
        let expected = [
            "initialize",
            "notifications/initialized",
            "tools/call",
            "initialize",
            "notifications/initialized",
            "tools/call",
        ];
        assert_eq!(server.methods(), expected);
        let seen = server.seen();
        assert_eq!((seen[3].header("mcp-session-id"), seen[5].header("mcp-session-id")), ("", "s2"));
        assert_ne!(seen[2].json()["id"], seen[5].json()["id"]);

        // A list, too.
        let server = forgetful(1, refusal).await;
        let session = client(&server).session(config(LEGACY));
        session.begin().await.unwrap();
        let exchange = session.perform(Operation::List(ListKind::Tools), options()).await;
        good(&exchange);
        assert_eq!((exchange.repairs.as_slice(), exchange.pages), ([Repair::Reopened].as_slice(), Some(1)));
    }
}

#[tokio::test]
async fn a_session_lost_twice_is_an_answer() {
    let server = forgetful(2, |_| Reply::with(404, "", "")).await;
    let session = session(&server, LEGACY);
    session.begin().await.unwrap();
    let exchange = session.perform(echo(), options()).await;
    assert_eq!((exchange.outcome, exchange.http.as_ref().unwrap().status), (Outcome::Answered, 404));
    assert_eq!(exchange.repairs, [Repair::Reopened]);
    assert_eq!((server.count("tools/call"), server.count("initialize")), (2, 2));
}

#[tokio::test]
async fn steps_side_by_side_open_a_lost_session_once() {
    let server = Server::start({
        let openings = Mutex::new(0);
        move |request, _| match request.method().as_str() {
            "initialize" => {
                let mut openings = openings.lock().unwrap();
                *openings += 1;
                let result =
                    json!({"protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": info()});
                let body =
                    json!({"jsonrpc": "2.0", "id": request.json()["id"], "result": result}).to_string();
                let headers = format!("content-type: application/json\r\nMcp-Session-Id: s{openings}\r\n");
                Reply::with(200, &headers, &body)
            }
            "tools/call" if request.header("mcp-session-id") == "s1" => Reply::with(404, "", ""),
            "tools/call" => request.result(json!({"content": []})),
            _ => legacy(request).unwrap(),
        }
    })
    .await;
    let session = session(&server, LEGACY);
    session.begin().await.unwrap();
    let all = futures_util::future::join_all((0..8).map(|_| session.perform(echo(), options()))).await;
    for exchange in &all {
        good(exchange);
    }
    assert_eq!(server.count("initialize"), 2);
}

#[tokio::test]
async fn a_step_that_shapes_its_message_repairs_nothing() {
    let header =
        SendOptions { headers: vec![("Mcp-Session-Id".to_owned(), Some("mine".to_owned()))], ..options() };
    let meta = SendOptions { meta: vec![("a".to_owned(), Some(json!(1)))], ..options() };
    for options in [header, meta] {
        let server = forgetful(1, |_| Reply::with(404, "", "")).await;
        let session = session(&server, LEGACY);
        session.begin().await.unwrap();
        let exchange = session.perform(echo(), options).await;
        assert_eq!(exchange.http.as_ref().unwrap().status, 404);
        assert!(exchange.repairs.is_empty());
        assert_eq!(server.count("tools/call"), 1);
    }
    // Neither does a `request`.
    let server = forgetful(1, |_| Reply::with(404, "", "")).await;
    let session = session(&server, LEGACY);
    session.begin().await.unwrap();
    let request =
        Operation::Request { method: "tools/call".to_owned(), params: Some(json!({"name": "echo"})) };
    assert_eq!(session.perform(request, options()).await.http.unwrap().status, 404);
    assert_eq!(server.count("initialize"), 1);
}

#[tokio::test]
async fn a_lost_session_that_cannot_be_opened_again() {
    let server = Server::start(
        |request, number| {
            if number > 1 { Reply::with(404, "", "") } else { legacy(request).unwrap() }
        },
    )
    .await;
    let session = session(&server, LEGACY);
    session.begin().await.unwrap();
    let exchange = session.perform(echo(), options()).await;
    assert_eq!(exchange.phase.as_str(), "open");
    assert_eq!(
        exchange.cause.as_deref(),
        Some(
            "the session was lost and could not be opened again: the server answered `initialize` with HTTP 404"
        )
    );
}

/// Pages by cursor: none first, then the empty one.
async fn pages(cursors: &'static [&'static str], version: Option<Version>) -> (Exchange, Server) {
    let server = Server::start(move |request, _| {
        let is_modern = !request.header("mcp-method").is_empty();
        let known = if is_modern { modern(request) } else { legacy(request) };
        known.unwrap_or_else(|| {
            let cursor = request.json()["params"]["cursor"].as_str().map(str::to_owned);
            let page =
                cursor.as_ref().map_or(0, |cursor| 1 + cursors.iter().position(|c| c == cursor).unwrap());
            let mut result = json!({"resultType": "complete", "ttlMs": 0, "cacheScope": "public",
                                    "prompts": [{"name": format!("p{page}")}]});
            if let Some(next) = cursors.get(page) {
                result["nextCursor"] = (*next).into();
            }
            request.result(result)
        })
    })
    .await;
    let session = client_with(&server, |config| config.bounds.pages = 3).0.session(config(version));
    session.begin().await.unwrap();
    let exchange = session.perform(Operation::List(ListKind::Prompts), options()).await;
    (exchange, server)
}

#[tokio::test]
async fn a_list_has_every_page() {
    for version in [LEGACY, MODERN] {
        let (exchange, server) = pages(&["", "two\n"], version).await;
        good(&exchange);
        assert_eq!(exchange.document()["items"], json!([{"name": "p0"}, {"name": "p1"}, {"name": "p2"}]));
        assert_eq!(exchange.pages, Some(3));
        let cursors: Vec<Value> = server
            .seen()
            .iter()
            .filter(|request| request.method() == "prompts/list")
            .map(|request| request.json()["params"]["cursor"].clone())
            .collect();
        assert_eq!(cursors, [json!(null), json!(""), json!("two\n")]);
        assert_eq!(exchange.sent.as_ref().unwrap().params["cursor"], "two\n");
    }
}

#[tokio::test]
async fn pages_that_do_not_end_are_an_error() {
    let (exchange, server) = pages(&["a", "a"], LEGACY).await;
    assert_eq!(exchange.cause.as_deref(), Some("page 2 has a cursor that came before: \"a\""));
    assert_eq!(exchange.wire[0].pointer, "/result/nextCursor");
    assert_eq!((exchange.pages, server.count("prompts/list")), (Some(2), 2));

    let (exchange, server) = pages(&["a", "b", "c", "d"], MODERN).await;
    assert_eq!(exchange.cause.as_deref(), Some("the list has more than 3 pages"));
    assert_eq!(server.count("prompts/list"), 3);
}

#[tokio::test]
async fn tools_are_listed_once_for_each_identity_version_and_ability() {
    let server = Server::start(|request, _| {
        discovers(request).unwrap_or_else(|| {
            request.result(json!({"resultType": "complete", "ttlMs": 0, "cacheScope": "public",
                "tools": [{"name": request.header("authorization"), "inputSchema": {"type": "object"}}]}))
        })
    })
    .await;
    let (client, listed) = client_with(&server, |_| {});
    let sessions: Vec<Session> = (0..8).map(|_| client.session(config(MODERN))).collect();
    for session in &sessions {
        session.begin().await.unwrap();
    }
    for tools in futures_util::future::join_all(sessions.iter().map(Session::tools)).await {
        assert_eq!(tools.unwrap().items[0]["name"], format!("Bearer {TOKEN}"));
    }
    assert_eq!(
        (server.count("tools/list"), listed.lock().unwrap().as_slice()),
        (1, &["default".to_owned()][..])
    );
    let other = client.session(SessionConfig { identity: "other".to_owned(), token: None, ..config(MODERN) });
    other.begin().await.unwrap();
    assert_eq!(other.tools().await.unwrap().items[0]["name"], "");
    assert_eq!(listed.lock().unwrap().len(), 2);
    // A server may offer more to a client that can do more.
    let able = || {
        let capabilities = json!({"elicitation": {}});
        client.session(SessionConfig { capabilities, ..config(MODERN) })
    };
    for session in [able(), able()] {
        session.begin().await.unwrap();
        session.tools().await.unwrap();
    }
    assert_eq!(listed.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn tools_that_cannot_be_listed_are_not_asked_for_again() {
    let server = Server::start(|request, _| {
        discovers(request).unwrap_or_else(|| request.error(403, -32000, "OR.Execution is missing"))
    })
    .await;
    let session = session(&server, MODERN);
    session.begin().await.unwrap();
    let expected = "the server answered `tools/list` with error -32000, `OR.Execution is missing`";
    assert_eq!(session.tools().await.unwrap_err(), expected);
    assert_eq!(session.tools().await.unwrap_err(), expected);
    assert_eq!(server.count("tools/list"), 1);
}

#[tokio::test]
async fn a_raw_exchange_sends_what_the_step_says() {
    let server = Server::start(|request, _| match request.verb.as_str() {
        "GET" => Reply::stream(&[
            json!({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}),
            json!({"jsonrpc": "2.0", "id": "x", "result": {"a": 1}}),
        ]),
        "PUT" => Reply::with(405, "allow: POST\r\nx-a: \u{e9}\r\n", "no"),
        _ => request.error(400, -32700, "Parse error"),
    })
    .await;
    let session = session(&server, LEGACY);
    let raw = |method: &str, body: Option<&str>| Operation::Http {
        method: method.to_owned(),
        body: body.map(str::to_owned),
    };
    let headers = vec![("Content-Type".to_owned(), Some("text/x".to_owned()))];
    let exchange = session.perform(raw("POST", Some("{")), SendOptions { headers, ..options() }).await;
    assert_eq!(exchange.answer.error.as_ref().unwrap()["code"], -32700);
    assert_eq!((exchange.wire.as_slice(), exchange.http.as_ref().unwrap().status), ([].as_slice(), 400));
    let sent = exchange.sent.as_ref().unwrap();
    assert_eq!((sent.method.as_str(), &sent.params), ("POST", &json!("{")));
    let request = &server.seen()[0];
    let mut names: Vec<&str> = request.headers.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["accept", "authorization", "content-length", "content-type", "host"]);
    assert_eq!((request.header("content-type"), request.body.as_str()), ("text/x", "{"));

    let exchange = session.perform(raw("GET", None), options()).await;
    assert_eq!(exchange.answer.result, Some(json!({"a": 1})));
    assert_eq!((exchange.notifications.len(), exchange.http.as_ref().unwrap().events.len()), (1, 2));
    let exchange = session.perform(raw("PUT", None), options()).await;
    assert_eq!(exchange.document()["http"]["headers"]["allow"], "POST");
    assert_eq!(exchange.document()["http"]["body"], "no");
    assert_eq!(exchange.outcome, Outcome::Answered);

    let exchange = session.perform(raw("BAD METHOD", None), options()).await;
    assert_eq!(exchange.cause.as_deref(), Some("`BAD METHOD` is no HTTP method"));
}

#[tokio::test]
async fn headers_and_meta_are_replaced_and_removed() {
    let server =
        Server::start(|request, _| modern(request).unwrap_or_else(|| request.result(called()))).await;
    let session = session(&server, MODERN);
    session.begin().await.unwrap();
    let some = |name: &str, value: Option<&str>| (name.to_owned(), value.map(str::to_owned));
    let headers =
        vec![some("MCP-Protocol-Version", None), some("mcp-method", Some("x")), some("X-New", Some("ü"))];
    let meta = vec![
        ("io.modelcontextprotocol/protocolVersion".to_owned(), Some(json!("1999-01-01"))),
        ("io.modelcontextprotocol/clientInfo".to_owned(), None),
        ("progressToken".to_owned(), Some(json!(7))),
    ];
    let exchange = session.perform(echo(), SendOptions { headers, meta, ..options() }).await;
    let request = server.seen().pop().unwrap();
    assert_eq!((request.header("mcp-protocol-version"), request.header("mcp-method")), ("", "x"));
    let meta = &request.json()["params"]["_meta"];
    assert_eq!(
        meta,
        &json!({"io.modelcontextprotocol/protocolVersion": "1999-01-01",
                "io.modelcontextprotocol/clientCapabilities": {}, "progressToken": 7})
    );
    let sent = &exchange.document()["sent"];
    assert_eq!((&sent["headers"]["mcp-method"], &sent["headers"]["x-new"]), (&json!("x"), &json!("ü")));
    assert_eq!(&sent["params"]["_meta"], meta);

    let before = server.seen().len();
    for (name, value) in [("Authorization", Some("x")), ("a b", Some("x")), ("a", Some("x\ny"))] {
        let options = SendOptions { headers: vec![some(name, value)], ..options() };
        let exchange = session.perform(echo(), options).await;
        assert_eq!((exchange.outcome, exchange.sent.is_none()), (Outcome::Closed, true), "{name}");
    }
    assert_eq!(server.seen().len(), before);
}

#[tokio::test]
async fn questions_of_the_server_are_answered() {
    let server = Server::start(|request, _| {
        legacy(request).unwrap_or_else(|| {
            if request.method() != "tools/call" {
                return Reply::accepted();
            }
            Reply::stream(&[
                json!({"jsonrpc": "2.0", "id": "p", "method": "ping"}),
                json!({"jsonrpc": "2.0", "id": 5, "method": "roots/list", "params": {"a": 1}}),
                json!({"jsonrpc": "2.0", "id": request.json()["id"], "result": {"content": []}}),
            ])
        })
    })
    .await;
    let session =
        client(&server).session(SessionConfig { capabilities: json!({"roots": {}}), ..config(LEGACY) });
    session.begin().await.unwrap();
    let exchange = session.perform(echo(), options()).await;
    good(&exchange);
    let asked: Vec<(&str, bool)> = exchange.asked.iter().map(|a| (a.method.as_str(), a.unexpected)).collect();
    assert_eq!(asked, [("ping", false), ("roots/list", true)]);
    assert_eq!(exchange.asked[1].params, json!({"a": 1}));
    server.until(|server| server.seen().len() == 5).await;
    let mut answers: Vec<Value> = server.seen()[3..].iter().map(Request::json).collect();
    answers.sort_by_key(|answer| answer["id"].is_string());
    assert_eq!(answers[0]["error"]["code"], -32601);
    assert_eq!(answers[1], json!({"jsonrpc": "2.0", "id": "p", "result": {}}));
    assert_eq!(server.seen()[4].header("mcp-session-id"), "s1");
}

#[tokio::test]
async fn a_call_that_was_begun_is_not_sent_again() {
    let server = Server::start(|request, _| {
        legacy(request).unwrap_or_else(|| {
            let told = json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": 1, "progress": 1}});
            let error = json!({"code": -32600, "message": "Session not found"});
            Reply::stream(&[told, json!({"jsonrpc": "2.0", "id": request.json()["id"], "error": error})])
        })
    })
    .await;
    let session = session(&server, LEGACY);
    session.begin().await.unwrap();
    let exchange = session.perform(echo(), options()).await;
    assert_eq!((server.count("tools/call"), exchange.repairs.len()), (1, 0), "{exchange:?}");
}

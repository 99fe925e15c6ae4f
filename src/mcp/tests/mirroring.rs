//! Arguments that a tool wants to see in headers, and tools that say it wrongly.

use super::*;
use crate::exchange::{Outcome, Repair};

fn tool(name: &str, properties: Value) -> Value {
    json!({"name": name, "inputSchema": {"type": "object", "properties": properties}})
}

fn region(header: &str) -> Value {
    json!({"region": {"type": "string", "x-mcp-header": header}, "n": {"type": "integer", "x-mcp-header": "N"}})
}

/// A server of the modern era with these tools, by how often they were listed before.
async fn offering(tools: impl Fn(usize) -> Vec<Value> + Send + Sync + 'static) -> Server {
    judging(tools, |request| request.result(called())).await
}

async fn judging(
    tools: impl Fn(usize) -> Vec<Value> + Send + Sync + 'static,
    answer: impl Fn(&Request) -> Reply + Send + Sync + 'static,
) -> Server {
    let listed = Mutex::new(0);
    Server::start(move |request, _| match request.method().as_str() {
        "tools/list" => {
            let mut listed = listed.lock().unwrap();
            *listed += 1;
            request.result(super::tools(tools(*listed - 1).into()))
        }
        _ => discovers(request).unwrap_or_else(|| answer(request)),
    })
    .await
}

async fn open(server: &Server) -> Session {
    let session = session(server, MODERN);
    session.begin().await.unwrap();
    session
}

fn call(tool: &str, arguments: Value) -> Operation {
    Operation::Call { tool: tool.to_owned(), arguments: Some(arguments) }
}

fn last(server: &Server) -> Request {
    server.seen().pop().unwrap()
}

#[tokio::test]
async fn arguments_are_mirrored_as_the_tool_wants_it() {
    let server = offering(|_| vec![tool("other", json!({})), tool("query", region("Region"))]).await;
    let session = open(&server).await;
    let exchange = session.perform(call("query", json!({"region": " ü", "n": 42})), options()).await;
    good(&exchange);
    let request = last(&server);
    assert_eq!(
        (request.header("mcp-param-region"), request.header("mcp-param-n")),
        ("=?base64?IMO8?=", "42")
    );
    let sent = &exchange.document()["sent"]["headers"];
    assert_eq!((&sent["mcp-param-region"], &sent["mcp-param-n"]), (&json!("=?base64?IMO8?="), &json!("42")));

    // The empty text is one, null is none.
    good(&session.perform(call("query", json!({"region": "", "n": null})), options()).await);
    let request = last(&server);
    assert_eq!(request.headers.get("mcp-param-region").map(String::as_str), Some(""));
    assert!(!request.headers.contains_key("mcp-param-n"));

    // What a step says of a header stands.
    let headers =
        vec![("Mcp-Param-Region".to_owned(), None), ("mcp-param-N".to_owned(), Some("7".to_owned()))];
    let shaped = SendOptions { headers, ..options() };
    good(&session.perform(call("query", json!({"region": "a", "n": 1})), shaped).await);
    let request = last(&server);
    assert_eq!((request.headers.get("mcp-param-region"), request.header("mcp-param-n")), (None, "7"));

    // A request is sent as it is given.
    let params = json!({"name": "query", "arguments": {"region": "a"}});
    let request = Operation::Request { method: "tools/call".to_owned(), params: Some(params) };
    good(&session.perform(request, options()).await);
    assert!(!last(&server).headers.keys().any(|name| name.starts_with("mcp-param-")));
    assert_eq!(server.count("tools/list"), 1);
}

#[tokio::test]
async fn tools_are_listed_for_a_call_once_a_run_and_for_nothing_else() {
    let server = offering(|_| vec![tool("query", region("Region"))]).await;
    let client = client(&server);
    let sessions: Vec<Session> = (0..4).map(|_| client.session(config(MODERN))).collect();
    for session in &sessions {
        session.begin().await.unwrap();
        let ping = Operation::Request { method: "my/ping".to_owned(), params: None };
        session.perform(ping, options()).await;
    }
    assert_eq!(server.count("tools/list"), 0);
    let calls = sessions.iter().map(|session| async {
        session.prepare_calls(options().timeout).await.unwrap();
        session.perform(call("query", json!({"region": "a"})), options()).await
    });
    for exchange in futures_util::future::join_all(calls).await {
        good(&exchange);
    }
    assert_eq!((server.count("tools/list"), server.count("tools/call")), (1, 4));

    // The older eras have no such headers.
    let server =
        Server::start(|request, _| legacy(request).unwrap_or_else(|| request.result(called()))).await;
    let session = session(&server, LEGACY);
    session.begin().await.unwrap();
    session.prepare_calls(options().timeout).await.unwrap();
    session.perform(call("query", json!({"region": "a"})), options()).await;
    assert_eq!(server.count("tools/list"), 0);
}

#[tokio::test]
async fn tools_that_cannot_be_listed_are_called_all_the_same_and_it_is_noted() {
    let server = Server::start(|request, _| match request.method().as_str() {
        "tools/list" => request.error(403, -32000, "no"),
        _ => modern(request).unwrap_or_else(|| request.result(called())),
    })
    .await;
    let session = open(&server).await;
    for _ in 0..2 {
        good(&session.perform(call("query", json!({"region": "a"})), options()).await);
    }
    let notes = session.settle(soon()).await;
    let expected = "no argument was mirrored in a header: the tools could not be listed: the server answered `tools/list` with error -32000, `no`";
    assert_eq!(notes, [expected]);
}

#[tokio::test]
async fn tools_that_never_come_hold_a_call_no_longer_than_its_timeout() {
    let server = Server::start(|request, _| match request.method().as_str() {
        "tools/list" => Reply(vec![Do::Hang]),
        _ => discovers(request).unwrap_or_else(|| request.result(called())),
    })
    .await;
    let session = open(&server).await;
    let short = SendOptions { timeout: Duration::from_millis(100), ..SendOptions::default() };
    let exchange = session.perform(call("query", json!({})), short).await;
    assert_eq!((exchange.outcome, exchange.sent.is_none()), (Outcome::TimedOut, true));
    let expected = "a call has to know the tools, and they were not listed within 100 ms";
    assert_eq!(exchange.cause.as_deref(), Some(expected));
}

#[tokio::test]
async fn tools_that_are_not_valid_are_dropped_named_and_never_called() {
    let good_tool = || tool("good", region("Region"));
    let server =
        offering(move |_| vec![tool("first", region("a b")), good_tool(), tool("last", region("N"))]).await;
    let session = open(&server).await;
    let exchange = session.perform(Operation::List(ListKind::Tools), options()).await;
    assert_eq!(exchange.document()["items"], json!([good_tool()]));
    assert_eq!(exchange.document()["result"]["tools"].as_array().unwrap().len(), 3, "what came is shown");
    let found: Vec<(&str, &str)> = exchange
        .wire
        .iter()
        .map(|violation| (violation.pointer.as_str(), violation.message.as_str()))
        .collect();
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(found[0].0, "/result/tools/0/inputSchema");
    assert_eq!(
        found[0].1,
        "the tool \"first\" is not valid and may not be called: `x-mcp-header` of the property `region` is `a b`, which cannot be part of a header's name"
    );
    assert!(found[1].1.contains("\"last\"") && found[1].0.contains("/2/"), "{found:?}");

    good(&session.perform(call("good", json!({"region": "a"})), options()).await);
    let exchange = session.perform(call("first", json!({"region": "a"})), options()).await;
    assert_eq!((exchange.outcome, exchange.sent.is_none()), (Outcome::Closed, true));
    let cause = exchange.cause.unwrap();
    assert!(cause.starts_with("the tool \"first\" is not valid and may not be called: "), "{cause}");
    assert_eq!(server.count("tools/call"), 1);
    let tools = session.tools().await.unwrap();
    assert_eq!((tools.items.len(), tools.dropped.len()), (1, 2));

    // What a test sends by itself is sent.
    let request =
        Operation::Request { method: "tools/call".to_owned(), params: Some(json!({"name": "first"})) };
    good(&session.perform(request, options()).await);

    // The older eras know of no such thing.
    let server = Server::start(|request, _| {
        let tools = json!({"tools": [tool("first", region(""))]});
        legacy(request).unwrap_or_else(|| request.result(tools))
    })
    .await;
    let older = client(&server).session(config(LEGACY));
    older.begin().await.unwrap();
    let exchange = older.perform(Operation::List(ListKind::Tools), options()).await;
    good(&exchange);
    assert_eq!(exchange.items.unwrap().len(), 1);
}

#[tokio::test]
async fn a_header_mismatch_lists_the_tools_again_and_asks_once_more() {
    // The header has another name since.
    let refusing = |request: &Request| match request.header("mcp-param-zone") {
        "" => request.error(400, -32020, "Header mismatch"),
        _ => request.result(called()),
    };
    let zone = |listed: usize| vec![tool("query", region(if listed == 0 { "Region" } else { "Zone" }))];
    let server = judging(zone, refusing).await;
    let client = client(&server);
    let sessions: Vec<Session> = (0..2).map(|_| client.session(config(MODERN))).collect();
    for (number, session) in sessions.iter().enumerate() {
        session.begin().await.unwrap();
        let exchange = session.perform(call("query", json!({"region": "a"})), options()).await;
        good(&exchange);
        let expected: &[Repair] = if number == 0 { &[Repair::Refreshed] } else { &[] };
        assert_eq!(exchange.repairs, expected);
    }
    assert_eq!((server.count("tools/list"), server.count("tools/call")), (2, 3));
    let ids: Vec<Value> =
        server.seen().iter().filter(|r| r.method() == "tools/call").map(|r| r.json()["id"].clone()).collect();
    assert_ne!(ids[0], ids[1], "another request has another id");
}

#[tokio::test]
async fn a_header_mismatch_that_stays_is_the_answer() {
    let refuses = |request: &Request| request.error(400, -32020, "Header mismatch");
    let server = judging(|_| vec![tool("query", region("Region"))], refuses).await;
    let session = open(&server).await;
    let exchange = session.perform(call("query", json!({"region": "a"})), options()).await;
    assert_eq!(exchange.answer.error.as_ref().unwrap()["code"], -32020);
    assert_eq!(
        (exchange.repairs.as_slice(), exchange.http.unwrap().status),
        ([Repair::Refreshed].as_slice(), 400)
    );
    assert_eq!((server.count("tools/list"), server.count("tools/call")), (2, 2));

    // A step that shapes its message, and the manual mode, are answered with it at once.
    let meta = SendOptions { meta: vec![("a".to_owned(), Some(json!(1)))], ..options() };
    let exchange = session.perform(call("query", json!({"region": "a"})), meta).await;
    assert_eq!((exchange.repairs.len(), exchange.answer.error.is_some()), (0, true));
    let request =
        Operation::Request { method: "tools/call".to_owned(), params: Some(json!({"name": "query"})) };
    assert_eq!(session.perform(request, options()).await.repairs, []);
    assert_eq!((server.count("tools/list"), server.count("tools/call")), (2, 4));
}

#[tokio::test]
async fn what_is_asked_for_is_supplied_with_the_same_headers() {
    let server = judging(
        |_| vec![tool("query", region("Region"))],
        |request| {
            if request.json()["params"].get("requestState").is_some() {
                return request.result(called());
            }
            request.result(json!({"resultType": "input_required", "requestState": "{\"a\" : 1.10}"}))
        },
    )
    .await;
    let session = open(&server).await;
    good(&session.perform(call("query", json!({"region": "a"})), options()).await);
    let calls: Vec<Request> = server.seen().into_iter().filter(|r| r.method() == "tools/call").collect();
    assert_eq!(calls.len(), 2);
    assert!(calls.iter().all(|call| call.header("mcp-param-region") == "a"));
    assert_eq!(calls[1].json()["params"]["requestState"], "{\"a\" : 1.10}");
}

#[tokio::test]
async fn extensions_are_declared_and_overridden() {
    let server = offering(|_| vec![]).await;
    let capabilities = json!({"extensions": {"io.example/x": {"deep": [1]}}});
    let session =
        client(&server).session(SessionConfig { capabilities: capabilities.clone(), ..config(MODERN) });
    session.begin().await.unwrap();
    let key = "io.modelcontextprotocol/clientCapabilities";
    good(&session.perform(call("query", json!({})), options()).await);
    assert!(server.seen().iter().all(|request| request.json()["params"]["_meta"][key] == capabilities));
    let other = json!({"extensions": {"io.example/y": {}}});
    let meta = SendOptions { meta: vec![(key.to_owned(), Some(other.clone()))], ..options() };
    good(&session.perform(call("query", json!({})), meta).await);
    assert_eq!(last(&server).json()["params"]["_meta"][key], other);
}

#[tokio::test]
async fn what_is_no_header_mismatch_is_not_asked_twice() {
    // Before 2026-07-28 the code is any server's own.
    let server = Server::start(|request, _| {
        legacy(request).unwrap_or_else(|| match request.method().as_str() {
            "tools/list" => request.result(json!({"tools": []})),
            _ => request.error(200, -32020, "the order is closed"),
        })
    })
    .await;
    let older = session(&server, LEGACY);
    older.begin().await.unwrap();
    let exchange = older.perform(call("query", json!({"region": "a"})), options()).await;
    assert_eq!((exchange.answer.error.unwrap()["code"].clone(), exchange.repairs), (json!(-32020), vec![]));
    assert_eq!((server.count("tools/list"), server.count("tools/call")), (0, 1));

    // What was told before the error shows that the call was taken.
    let told = |request: &Request| {
        let log = json!({"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": 1}});
        let error = json!({"jsonrpc": "2.0", "id": request.json()["id"], "error": {"code": -32020, "message": "of another"}});
        let text = Reply::chunk(&format!("data: {log}\n\ndata: {error}\n\n"));
        Reply::raw(format!("{}{text}0\r\n\r\n", Reply::stream_head()))
    };
    let server = judging(|_| vec![tool("query", region("Region"))], told).await;
    let session = open(&server).await;
    let exchange = session.perform(call("query", json!({"region": "a"})), options()).await;
    assert_eq!((exchange.notifications.len(), exchange.repairs), (1, vec![]));
    assert_eq!((server.count("tools/list"), server.count("tools/call")), (1, 1));
}

#[tokio::test]
async fn tools_that_do_not_come_again_hold_a_call_no_longer_than_its_timeout() {
    let server = Server::start(|request, _| match request.method().as_str() {
        "tools/list" if request.json()["id"].as_u64() == Some(2) => {
            request.result(tools(json!([tool("query", region("Region"))])))
        }
        "tools/list" => Reply(vec![Do::Hang]),
        _ => discovers(request).unwrap_or_else(|| request.error(400, -32020, "Header mismatch")),
    })
    .await;
    let session = open(&server).await;
    session.prepare_calls(options().timeout).await.unwrap();
    let short = SendOptions { timeout: Duration::from_millis(300), ..SendOptions::default() };
    let performed = session.perform(call("query", json!({"region": "a"})), short);
    let exchange = tokio::time::timeout(Duration::from_secs(10), performed).await.unwrap();
    assert_eq!((exchange.answer.error.unwrap()["code"].clone(), exchange.repairs), (json!(-32020), vec![]));
    let notes = session.settle(Instant::now()).await;
    let expected =
        "after a header mismatch: a call has to know the tools, and they were not listed within 300 ms";
    assert!(notes.iter().any(|note| note == expected), "{notes:?}");
}

#[tokio::test]
async fn who_declares_tasks_may_be_offered_other_tools() {
    let server = offering(|listed| vec![tool(if listed == 0 { "plain" } else { "long" }, json!({}))]).await;
    let client = client(&server);
    for (tasks, name) in [(false, "plain"), (true, "long"), (false, "plain")] {
        let session = client.session(SessionConfig { tasks, ..config(MODERN) });
        session.begin().await.unwrap();
        assert_eq!(session.tools().await.unwrap().items[0]["name"], name);
    }
}

//! Notifications: those that are sent, listened to and taken.

use tokio::sync::Notify;

use super::*;
use crate::exchange::{Check, Notification, Outcome};

/// A server of the older eras whose own stream is what the test says.
async fn with_stream(stream: impl Fn(&Request, usize) -> Reply + Send + Sync + 'static) -> Server {
    let count = std::sync::atomic::AtomicUsize::new(0);
    Server::start(move |request, _| match request.method().as_str() {
        "GET" => stream(request, count.fetch_add(1, std::sync::atomic::Ordering::SeqCst)),
        "initialize" => {
            let capabilities =
                json!({"tools": {"listChanged": true}, "resources": {"subscribe": true}, "logging": {}});
            let result =
                json!({"protocolVersion": "2025-11-25", "capabilities": capabilities, "serverInfo": info()});
            let body = json!({"jsonrpc": "2.0", "id": request.json()["id"], "result": result}).to_string();
            Reply::with(200, "content-type: application/json\r\nmcp-session-id: s1\r\n", &body)
        }
        _ => legacy(request).unwrap_or_else(|| request.result(json!({}))),
    })
    .await
}

fn updated(uri: &str) -> Value {
    json!({"jsonrpc": "2.0", "method": "notifications/resources/updated", "params": {"uri": uri}})
}

fn resources(uris: &[&str]) -> Subscription {
    Subscription { resources: uris.iter().map(|uri| (*uri).to_owned()).collect(), ..Subscription::default() }
}

fn tools() -> Subscription {
    Subscription { tools: true, ..Subscription::default() }
}

async fn open(server: &Server, version: Option<Version>) -> Session {
    let session = session(server, version);
    session.begin().await.unwrap();
    session
}

fn any(_: &Notification) -> bool {
    true
}

fn uri(exchange: &Exchange) -> &str {
    exchange.notifications[0].params["uri"].as_str().unwrap()
}

#[tokio::test]
async fn a_notification_of_ours_is_taken_or_not() {
    for version in [LEGACY, MODERN] {
        let server = Server::start(move |request, _| match request.method().as_str() {
            "notifications/refused" => request.error(400, -32600, "no"),
            "notifications/odd" => Reply::with(204, "", ""),
            _ => modern(request).filter(|_| version == MODERN).or_else(|| legacy(request)).unwrap(),
        })
        .await;
        let session = open(&server, version).await;
        for (name, status) in [("mine", 202), ("odd", 204), ("refused", 400)] {
            let method = format!("notifications/{name}");
            let notify = Operation::Notify { method: method.clone(), params: Some(json!({"a": 1})) };
            let exchange = session.perform(notify, options()).await;
            good(&exchange);
            assert_eq!(exchange.http.as_ref().unwrap().status, status, "{name}");
            assert_eq!((&exchange.answer.result, &exchange.answer.error), (&None, &None));
            let seen = server.seen().pop().unwrap();
            assert_eq!((seen.json().get("id"), &seen.json()["params"]["a"]), (None, &json!(1)));
            assert_eq!(seen.json()["params"].get("_meta").is_some(), version == MODERN);
            assert_eq!(exchange.sent.unwrap().method, method);
        }
    }
}

#[tokio::test]
async fn the_values_of_a_completion_are_what_was_found() {
    for version in [LEGACY, MODERN] {
        let server = Server::start(move |request, _| {
            let mut result = json!({"completion": {"values": ["a", "ab"], "total": 2}});
            if version == MODERN {
                result["resultType"] = "complete".into();
            }
            let opening = if version == MODERN { modern(request) } else { legacy(request) };
            opening.unwrap_or_else(|| request.result(result))
        })
        .await;
        let session = open(&server, version).await;
        let complete = Operation::Complete {
            reference: json!({"type": "ref/prompt", "name": "p"}),
            argument: "city".to_owned(),
            value: "a".to_owned(),
            context: Some(json!({"state": "x"})),
        };
        let exchange = session.perform(complete, options()).await;
        good(&exchange);
        assert_eq!(exchange.items, Some(vec![json!("a"), json!("ab")]));
        let mut params = server.seen().pop().unwrap().json()["params"].clone();
        params.as_object_mut().unwrap().remove("_meta");
        assert_eq!(
            params,
            json!({"ref": {"type": "ref/prompt", "name": "p"}, "argument": {"name": "city", "value": "a"},
                   "context": {"arguments": {"state": "x"}}})
        );
    }
}

#[tokio::test]
async fn the_older_eras_listen_on_a_stream_of_the_session() {
    let later = Arc::new(Notify::new());
    let waits = Arc::clone(&later);
    let server = with_stream(move |_, _| {
        let first = Reply::raw(format!("{}{}", Reply::stream_head(), Reply::events(&[updated("a:1")])));
        let second = Do::Write(Reply::events(&[updated("a:2")]).into_bytes());
        first.then(Do::Wait(Arc::clone(&waits))).then(second).then(Do::Hang)
    })
    .await;
    let session = open(&server, LEGACY).await;
    let exchange = session.listen(resources(&["a:1", "a:2"]), options()).await;
    good(&exchange);
    assert_eq!(exchange.sent.as_ref().unwrap().params, json!({"uri": "a:2"}));
    assert_eq!(exchange.protocol.as_deref(), Some("2025-11-25"));
    assert_eq!(uri(&session.take(&mut any, soon()).await), "a:1");
    // What is waited for wakes the waiting at once.
    let mut waiting = |seen: &Notification| seen.params["uri"] == "a:2";
    let (taken, ()) = tokio::join!(session.take(&mut waiting, soon()), async { later.notify_one() });
    assert_eq!(
        (uri(&taken), taken.outcome, taken.protocol.as_deref()),
        ("a:2", Outcome::Answered, Some("2025-11-25"))
    );

    let exchange = session.listen(resources(&["a:2", "a:3"]), options()).await;
    good(&exchange);
    let again = session.listen(tools(), options()).await;
    good(&again);
    good(&session.listen(tools(), options()).await);
    let methods = server.methods();
    assert_eq!(
        methods[2..],
        [
            "GET",
            "resources/subscribe",
            "resources/subscribe",
            "resources/subscribe",
            "resources/unsubscribe",
            "resources/unsubscribe",
            "resources/unsubscribe"
        ]
    );
    let get = &server.seen()[2];
    assert_eq!((get.header("accept"), get.header("mcp-session-id")), ("text/event-stream", "s1"));
    assert_eq!((get.header("mcp-protocol-version"), get.header("content-type")), ("2025-11-25", ""));
    assert_eq!(get.header("authorization"), format!("Bearer {TOKEN}"));

    assert_eq!(*server.dropped.lock().unwrap(), 0);
    good(&session.listen(Subscription::default(), options()).await);
    server.until(|server| *server.dropped.lock().unwrap() == 1).await;
    assert_eq!(session.settle(soon()).await, Vec::<String>::new());
}

#[tokio::test]
async fn what_is_listened_to_ends_with_the_session() {
    for ends in ["close", "open", "drop"] {
        let server = with_stream(|_, _| Reply::open_stream(&[])).await;
        let session = open(&server, LEGACY).await;
        let exchange = session.listen(tools(), options()).await;
        good(&exchange);
        assert_eq!(exchange.sent.as_ref().unwrap().method, "GET");
        assert_eq!(exchange.http.as_ref().unwrap().status, 200);
        match ends {
            "close" => good(&session.close(soon()).await),
            "open" => good(&session.open(None).await),
            _ => drop(session),
        }
        server.until(|server| *server.dropped.lock().unwrap() == 1).await;
    }
}

#[tokio::test]
async fn a_server_may_have_no_stream_of_its_own() {
    let server = with_stream(|_, _| Reply::with(405, "", "")).await;
    let session = open(&server, LEGACY).await;
    for _ in 0..2 {
        let exchange = session.listen(resources(&["a:1"]), options()).await;
        assert_eq!((exchange.outcome, &exchange.wire), (Outcome::Answered, &Vec::new()));
        assert!(words(&exchange).contains("no stream of its own (HTTP 405 to GET)"), "{}", words(&exchange));
    }
    let exchange = session.listen(tools(), options()).await;
    assert_eq!(exchange.outcome, Outcome::Answered);
    assert_eq!(server.methods()[2..], ["GET", "resources/subscribe", "resources/unsubscribe"]);
    let deadline = Instant::now() + Duration::from_millis(20);
    let taken = session.take(&mut any, deadline).await;
    assert_eq!(taken.outcome, Outcome::TimedOut);
    let words = words(&taken);
    assert!(words.starts_with("no notification that matches came within "), "{words}");
    assert!(words.contains("none waits to be taken; the server has no stream of its own"), "{words}");
}

#[tokio::test]
async fn a_refused_stream_or_subscription_is_told() {
    for (status, body, expected) in [
        (500, "oops", "the server answered `GET` with HTTP 500 and a body without a content type"),
        (200, "hello", "the server answered `GET` with HTTP 200 and a body without a content type"),
    ] {
        let server = with_stream(move |_, _| Reply::with(status, "", body)).await;
        let exchange = open(&server, LEGACY).await.listen(resources(&["a:1"]), options()).await;
        assert!(words(&exchange).contains(expected), "{}", words(&exchange));
    }
    let server = with_stream(|_, _| {
        let error = json!({"code": -32000, "message": "another stream is open"});
        Reply::json(409, &json!({"jsonrpc": "2.0", "id": null, "error": error}))
    })
    .await;
    let exchange = open(&server, LEGACY).await.listen(resources(&["a:1"]), options()).await;
    assert_eq!(exchange.answer.error.as_ref().unwrap()["message"], "another stream is open");
    assert_eq!(server.count("resources/subscribe"), 0);

    let server = Server::start(|request, _| match request.method().as_str() {
        "GET" => Reply::open_stream(&[]),
        "resources/subscribe" => request.error(200, -32002, "no such resource"),
        _ => legacy(request).unwrap(),
    })
    .await;
    let exchange = open(&server, LEGACY).await.listen(resources(&["a:1", "a:2"]), options()).await;
    assert_eq!(exchange.answer.error.as_ref().unwrap()["code"], -32002);
    assert_eq!(server.count("resources/subscribe"), 1, "nothing goes on after a failure");
}

#[tokio::test]
async fn a_cut_stream_is_taken_up_again_after_the_last_event() {
    let server = with_stream(|_, number| {
        let text = match number {
            0 => format!("id: e7\nretry: 1\ndata: {}\n\n", updated("a:1")),
            _ => format!("data: {}\n\n", updated("a:2")),
        };
        let reply = Reply::raw(format!("{}{}", Reply::stream_head(), Reply::chunk(&text)));
        if number == 0 { reply.then(Do::Close) } else { reply.then(Do::Hang) }
    })
    .await;
    let session = open(&server, LEGACY).await;
    good(&session.listen(tools(), options()).await);
    assert_eq!(uri(&session.take(&mut any, soon()).await), "a:1");
    assert_eq!(uri(&session.take(&mut any, soon()).await), "a:2");
    let gets: Vec<Request> = server.seen().into_iter().filter(|request| request.verb == "GET").collect();
    assert_eq!(gets.iter().map(|get| get.header("last-event-id")).collect::<Vec<_>>(), ["", "e7"]);
}

#[tokio::test]
async fn a_stream_that_cannot_be_taken_up_again_is_told() {
    let server = with_stream(|_, number| match number {
        0 => Reply::raw(format!("{}{}", Reply::stream_head(), Reply::chunk("retry: 1\n\n"))).then(Do::Close),
        _ => Reply::with(404, "", ""),
    })
    .await;
    let session = open(&server, LEGACY).await;
    good(&session.listen(tools(), options()).await);
    server.until(|server| server.count("GET") == 2).await;
    let note = loop {
        if let Some(note) = session.settle(Instant::now() + Duration::from_millis(5)).await.pop() {
            break note;
        }
        tokio::task::yield_now().await;
    };
    assert!(note.starts_with("the stream that was listened to has ended: "), "{note}");
    assert!(note.ends_with("it was refused with HTTP 404 when it was opened again"), "{note}");
}

#[tokio::test]
async fn what_comes_in_the_background_is_billed_to_the_next_step() {
    let asks = json!({"jsonrpc": "2.0", "id": "q", "method": "roots/list"});
    let wrong = json!({"jsonrpc": "2.0", "method": "notifications/resources/updated", "params": {}});
    let prompts = json!({"jsonrpc": "2.0", "method": "notifications/prompts/list_changed"});
    let server =
        with_stream(move |_, _| Reply::open_stream(&[asks.clone(), wrong.clone(), prompts.clone()])).await;
    let session = open(&server, LEGACY).await;
    good(&session.listen(tools(), options()).await);
    let mut last = |seen: &Notification| seen.method.contains("prompts");
    let taken = session.take(&mut last, soon()).await;
    assert_eq!(taken.notifications.len(), 1);
    let checks: Vec<Check> = taken.wire.iter().map(|violation| violation.check).collect();
    assert_eq!(checks, [Check::Capabilities, Check::Wire, Check::Capabilities], "{}", words(&taken));
    assert_eq!((taken.asked[0].method.as_str(), taken.asked[0].unexpected), ("roots/list", true));
    server
        .until(|server| server.seen().iter().any(|request| request.json()["error"]["code"] == -32601))
        .await;
    let next =
        session.perform(Operation::Request { method: "ping".to_owned(), params: None }, options()).await;
    good(&next);
    assert!(next.asked.is_empty());
}

#[tokio::test]
async fn a_notification_beside_an_answer_stays_there_and_can_be_taken() {
    let told = |number: u64| json!({"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": number}});
    let server = Server::start(move |request, _| {
        if let Some(mut reply) = legacy(request) {
            if request.method() == "initialize" {
                let result = json!({"protocolVersion": "2025-11-25", "capabilities": {"logging": {}}, "serverInfo": info()});
                reply = request.result(result);
            }
            return reply;
        }
        let answer = json!({"jsonrpc": "2.0", "id": request.json()["id"], "result": {"content": []}});
        Reply::stream(&[told(1), told(2), answer])
    })
    .await;
    let session = open(&server, LEGACY).await;
    let exchange = session.perform(echo(), options()).await;
    good(&exchange);
    assert_eq!(exchange.notifications.len(), 2);
    let data = |exchange: &Exchange| exchange.notifications[0].params["data"].clone();
    let mut second = |seen: &Notification| seen.params["data"] == 2;
    assert_eq!(data(&session.take(&mut second, soon()).await), 2);
    let taken = session.take(&mut any, soon()).await;
    good(&taken);
    assert_eq!((data(&taken), taken.notifications.len()), (json!(1), 1));
    session.perform(echo(), options()).await;
    let mut never = |_: &Notification| false;
    let none = session.take(&mut never, Instant::now()).await;
    assert!(words(&none).contains("taken by nobody: 2 of `notifications/message`"), "{}", words(&none));
}

#[tokio::test]
async fn an_interruption_ends_the_waiting() {
    let server = Server::start(|request, _| legacy(request).unwrap()).await;
    let mut config = config(LEGACY);
    let cancel = CancellationToken::new();
    config.cancel = cancel.clone();
    let session = client(&server).session(config);
    session.begin().await.unwrap();
    let mut matches = any;
    let (taken, ()) = tokio::join!(session.take(&mut matches, soon()), async { cancel.cancel() });
    assert_eq!((taken.outcome, taken.cause.as_deref()), (Outcome::Closed, Some("interrupted")));
}

/// A server of the modern era; `events` are those of a stream that listens, by its number and its id.
async fn modern_stream(events: impl Fn(usize, &Value) -> Reply + Send + Sync + 'static) -> Server {
    let count = std::sync::atomic::AtomicUsize::new(0);
    Server::start(move |request, _| match request.method().as_str() {
        "subscriptions/listen" => {
            events(count.fetch_add(1, std::sync::atomic::Ordering::SeqCst), &request.json()["id"])
        }
        "server/discover" => {
            let mut discovered = discovered();
            discovered["capabilities"] =
                json!({"tools": {"listChanged": true}, "resources": {"subscribe": true}});
            request.result(discovered)
        }
        _ => request.result(called()),
    })
    .await
}

fn tagged(id: &Value, method: &str, mut params: Value) -> Value {
    params["_meta"] = json!({"io.modelcontextprotocol/subscriptionId": id});
    json!({"jsonrpc": "2.0", "method": format!("notifications/{method}"), "params": params})
}

fn acknowledged(id: &Value, filter: Value) -> Value {
    tagged(id, "subscriptions/acknowledged", json!({"notifications": filter}))
}

#[tokio::test]
async fn the_modern_era_listens_with_a_request() {
    let later = Arc::new(Notify::new());
    let waits = Arc::clone(&later);
    let server = modern_stream(move |number, id| {
        let filter = if number == 0 {
            json!({"toolsListChanged": true})
        } else {
            json!({"resourceSubscriptions": ["a:1"]})
        };
        let seen = if number == 0 {
            tagged(id, "tools/list_changed", json!({}))
        } else {
            tagged(id, "resources/updated", json!({"uri": "a:1"}))
        };
        let head =
            Reply::raw(format!("{}{}", Reply::stream_head(), Reply::events(&[acknowledged(id, filter)])));
        head.then(Do::Wait(Arc::clone(&waits)))
            .then(Do::Write(Reply::events(&[seen]).into_bytes()))
            .then(Do::Hang)
    })
    .await;
    let session = open(&server, MODERN).await;
    let exchange = session.listen(tools(), options()).await;
    good(&exchange);
    assert_eq!(exchange.notifications.len(), 1);
    let sent = exchange.sent.as_ref().unwrap();
    assert_eq!(sent.params["notifications"], json!({"toolsListChanged": true}));
    assert_eq!(server.seen().pop().unwrap().header("mcp-method"), "subscriptions/listen");
    let mut changed = |seen: &Notification| seen.method == "notifications/tools/list_changed";
    let (taken, ()) = tokio::join!(session.take(&mut changed, soon()), async { later.notify_one() });
    good(&taken);

    good(&session.listen(resources(&["a:1"]), options()).await);
    server.until(|server| *server.dropped.lock().unwrap() == 1).await;
    later.notify_one();
    let mut updated = |seen: &Notification| seen.method == "notifications/resources/updated";
    good(&session.take(&mut updated, soon()).await);
    let ended = session.listen(Subscription::default(), options()).await;
    good(&ended);
    assert!(ended.sent.is_none());
    server.until(|server| *server.dropped.lock().unwrap() == 2).await;
    assert_eq!(server.count("subscriptions/listen"), 2);
    good(&session.close(soon()).await);
    assert_eq!(session.settle(soon()).await, Vec::<String>::new());
}

#[tokio::test]
async fn what_a_server_does_not_send_is_told() {
    let server =
        modern_stream(|_, id| Reply::open_stream(&[acknowledged(id, json!({"toolsListChanged": true}))]))
            .await;
    let session = open(&server, MODERN).await;
    let wanted = Subscription { tools: true, prompts: true, resources: vec!["a:1".to_owned()] };
    let exchange = session.listen(wanted, options()).await;
    assert_eq!(
        words(&exchange),
        "the server does not send all that was asked for: `promptsListChanged`, `resourceSubscriptions` / "
    );
    let mut matches = |seen: &Notification| seen.method.contains("prompts");
    let taken = session.take(&mut matches, Instant::now()).await;
    assert!(words(&taken).contains("asked for: `promptsListChanged`"), "{}", words(&taken));
}

#[tokio::test]
async fn the_rules_of_a_stream_that_listens_are_checked() {
    let server = modern_stream(|_, id| {
        Reply::open_stream(&[
            tagged(id, "tools/list_changed", json!({})),
            acknowledged(id, json!({"toolsListChanged": true})),
        ])
    })
    .await;
    let exchange = open(&server, MODERN).await.listen(tools(), options()).await;
    assert_eq!(
        words(&exchange),
        "- / `notifications/tools/list_changed` came before `notifications/subscriptions/acknowledged`"
    );

    let server = modern_stream(|_, id| {
        let mut other = tagged(&json!("x"), "tools/list_changed", json!({}));
        let progress = tagged(id, "progress", json!({"progressToken": "p", "progress": 1}));
        let untagged =
            json!({"jsonrpc": "2.0", "method": "notifications/resources/updated", "params": {"uri": "a"}});
        other["params"]["x"] = 1.into();
        let end = json!({"jsonrpc": "2.0", "id": id, "result": {"resultType": "complete",
            "_meta": {"io.modelcontextprotocol/subscriptionId": id}}});
        Reply::stream(&[acknowledged(id, json!({"toolsListChanged": true})), other, progress, untagged, end])
    })
    .await;
    let session = open(&server, MODERN).await;
    let exchange = session.listen(tools(), options()).await;
    assert_eq!(exchange.outcome, Outcome::Answered);
    let mut last = |seen: &Notification| seen.method == "notifications/resources/updated";
    let taken = session.take(&mut last, soon()).await;
    let all: Vec<String> =
        exchange.wire.iter().chain(&taken.wire).map(|violation| violation.message.clone()).collect();
    let id = exchange.sent.as_ref().map(|_| server.seen().pop().unwrap().json()["id"].clone()).unwrap();
    assert_eq!(
        all,
        [
            format!("the `subscriptionId` of `notifications/tools/list_changed` is `\"x\"`; that of the stream is `{id}`"),
            "progress came with the token `\"p\"`, which no request gave".to_owned(),
            "`notifications/progress` came in a stream that listens, and belongs to a request".to_owned(),
            "`notifications/resources/updated` came, and `resourceSubscriptions` was not asked for".to_owned(),
            "`notifications/resources/updated` has no `io.modelcontextprotocol/subscriptionId` in its `_meta`".to_owned(),
        ]
    );

    let server = modern_stream(|_, id| {
        Reply::json(
            200,
            &json!({"jsonrpc": "2.0", "id": id, "result": {"resultType": "complete",
            "_meta": {"io.modelcontextprotocol/subscriptionId": id}}}),
        )
    })
    .await;
    let exchange = open(&server, MODERN).await.listen(tools(), options()).await;
    assert_eq!(words(&exchange), "- / listening ended before it was acknowledged");

    let server = modern_stream(|_, id| {
        let error = json!({"code": -32601, "message": "Method not found"});
        Reply::json(404, &json!({"jsonrpc": "2.0", "id": id, "error": error}))
    })
    .await;
    let exchange = open(&server, MODERN).await.listen(tools(), options()).await;
    assert_eq!(exchange.answer.error.as_ref().unwrap()["code"], -32601);
}

//! What a server may do when: the order of messages, progress, ids, capabilities; and the token that comes back.

use super::*;
use crate::exchange::Check;

fn message(method: &str, params: Value) -> Value {
    json!({"jsonrpc": "2.0", "method": format!("notifications/{method}"), "params": params})
}

fn progress(token: Value, progress: f64) -> Value {
    message("progress", json!({"progressToken": token, "progress": progress}))
}

/// One call of a server of the older eras, whose stream is these messages; `answer` stands for the answer.
async fn called_with(capabilities: Value, messages: Vec<Value>, options: SendOptions) -> Exchange {
    let server = Server::start(move |request, _| {
        if request.method() == "initialize" {
            let result =
                json!({"protocolVersion": "2025-11-25", "capabilities": capabilities, "serverInfo": info()});
            return request.result(result);
        }
        legacy(request).unwrap_or_else(|| {
            let answer = json!({"jsonrpc": "2.0", "id": request.json()["id"], "result": {"content": []}});
            let put = |message: &Value| if message == "answer" { answer.clone() } else { message.clone() };
            // In one piece: how fast the pieces of a stream come is nobody's promise.
            let events: String =
                messages.iter().map(|message| format!("data: {}\n\n", put(message))).collect();
            Reply::raw(format!("{}{}0\r\n\r\n", Reply::stream_head(), Reply::chunk(&events)))
        })
    })
    .await;
    let session = session(&server, LEGACY);
    session.begin().await.unwrap();
    session.perform(echo(), options).await
}

fn with_token() -> SendOptions {
    SendOptions { meta: vec![("progressToken".to_owned(), Some(json!("p")))], ..options() }
}

fn found(exchange: &Exchange) -> Vec<(Check, String)> {
    exchange.wire.iter().map(|violation| (violation.check, violation.message.clone())).collect()
}

#[tokio::test]
async fn nothing_may_follow_the_answer() {
    let answer = || json!("answer");
    let log = message("message", json!({"level": "info", "data": 1}));
    let other = json!({"jsonrpc": "2.0", "id": 4711, "result": {}});
    let asks = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"});
    let declared = json!({"logging": {}});
    let messages =
        vec![progress(json!("p"), 1.0), answer(), log, answer(), other, asks, progress(json!("p"), 2.0)];
    let exchange = called_with(declared, messages, with_token()).await;
    let told = |text: &str| (Check::Order, text.to_owned());
    assert_eq!(
        found(&exchange),
        [
            told("`notifications/message` came after the answer to `tools/call`"),
            told("a second answer to `tools/call` came"),
            told("another answer came after that to `tools/call`"),
            told("`ping` came after the answer to `tools/call`"),
            told("progress of the token `\"p\"` came after the answer to its request"),
        ]
    );
    assert_eq!(exchange.wire[0].section, "2025-11-25 basic/transports");
    assert_eq!((exchange.notifications.len(), exchange.asked.len()), (3, 1));
    assert!(exchange.answer.result.is_some());
}

#[tokio::test]
async fn progress_belongs_to_a_request_and_grows() {
    let messages = vec![
        progress(json!("p"), 1.0),
        progress(json!("p"), 1.0),
        progress(json!("other"), 1.0),
        progress(json!("p"), 1.5),
        json!("answer"),
    ];
    let exchange = called_with(json!({}), messages.clone(), with_token()).await;
    let told = |text: &str| (Check::Progress, text.to_owned());
    assert_eq!(
        found(&exchange),
        [
            told("progress has to grow, and `1.0` came after `1.0`"),
            told("progress came with the token `\"other\"`, which no request gave"),
        ]
    );
    let without = called_with(json!({}), messages, options()).await;
    assert_eq!(found(&without).len(), 4);
}

#[tokio::test]
async fn a_request_may_be_sent_again_with_its_token() {
    let server = Server::start(|request, _| {
        legacy(request).unwrap_or_else(|| {
            let answer = json!({"jsonrpc": "2.0", "id": request.json()["id"], "result": {"content": []}});
            Reply::stream(&[progress(json!("p"), 1.0), progress(json!("p"), 2.0), answer])
        })
    })
    .await;
    let session = session(&server, LEGACY);
    session.begin().await.unwrap();
    for _ in 0..3 {
        good(&session.perform(echo(), with_token()).await);
    }
    let (one, two) =
        tokio::join!(session.perform(echo(), with_token()), session.perform(echo(), with_token()));
    good(&one);
    good(&two);
}

#[tokio::test]
async fn a_capability_is_declared_before_it_is_used() {
    let messages = vec![
        message("tools/list_changed", json!({})),
        message("message", json!({"level": "info", "data": 1})),
        json!({"jsonrpc": "2.0", "id": 1, "method": "roots/list"}),
        json!("answer"),
    ];
    let exchange = called_with(json!({"tools": {"listChanged": true}}), messages.clone(), options()).await;
    let told = |text: &str| (Check::Capabilities, text.to_owned());
    assert_eq!(
        found(&exchange),
        [
            told("`notifications/message` came, and the server has not declared `logging`"),
            told("the server asked `roots/list`, and the client has not declared `roots`"),
        ]
    );
    let nothing = called_with(json!({}), messages, options()).await;
    assert_eq!(found(&nothing).len(), 3);
}

#[tokio::test]
async fn an_id_that_is_not_ours_is_its_own_check() {
    let other = json!({"jsonrpc": "2.0", "id": 4711, "result": {"content": []}});
    let exchange = called_with(json!({}), vec![other, json!("answer")], options()).await;
    assert_eq!(exchange.wire.len(), 1);
    assert_eq!((exchange.wire[0].check, exchange.wire[0].pointer.as_str()), (Check::Ids, "/id"));
    assert!(exchange.answer.result.is_some());
}

#[tokio::test]
async fn every_page_keeps_what_is_wrong_with_it() {
    let server = Server::start(|request, _| {
        legacy(request).unwrap_or_else(|| {
            let first = request.json()["params"].get("cursor").is_none();
            let mut result = json!({"tools": []});
            if first {
                result["nextCursor"] = "2".into();
            }
            let answer = json!({"jsonrpc": "2.0", "id": request.json()["id"], "result": result});
            let told = message("message", json!({"level": if first { "loud" } else { "info" }, "data": 1}));
            Reply::stream(&[told, answer])
        })
    })
    .await;
    let session = session(&server, LEGACY);
    session.begin().await.unwrap();
    let exchange = session.perform(Operation::List(ListKind::Tools), options()).await;
    assert_eq!((exchange.pages, exchange.notifications.len()), (Some(2), 2));
    let checks: Vec<Check> = exchange.wire.iter().map(|violation| violation.check).collect();
    assert_eq!(checks, [Check::Wire, Check::Capabilities, Check::Capabilities]);
}

#[tokio::test]
async fn a_token_that_comes_back_is_seen_and_not_shown() {
    let text = |text: String| json!({"content": [{"type": "text", "text": text}]});
    for (place, reply) in [
        ("the body of the answer", 0),
        ("the stream of the answer", 1),
        ("the header `x-debug` of the answer", 2),
        ("the body of the answer", 3),
    ] {
        let server = Server::start(move |request, _| {
            legacy(request).unwrap_or_else(|| match reply {
                0 => request.result(text(format!("you are {}", request.header("authorization")))),
                1 => request.sse(text(TOKEN.to_uppercase())),
                2 => {
                    let answer =
                        json!({"jsonrpc": "2.0", "id": request.json()["id"], "result": {"content": []}});
                    let headers = format!("content-type: application/json\r\nx-debug: {TOKEN}\r\n");
                    Reply::with(200, &headers, &answer.to_string())
                }
                _ => Reply::with(401, "", TOKEN),
            })
        })
        .await;
        let session = session(&server, LEGACY);
        session.begin().await.unwrap();
        let exchange = session.perform(echo(), options()).await;
        assert_eq!(exchange.echo.as_deref(), Some(place));
        let other = session
            .perform(Operation::Notify { method: "notifications/x".to_owned(), params: None }, options())
            .await;
        assert_eq!(other.echo, None);
    }
}

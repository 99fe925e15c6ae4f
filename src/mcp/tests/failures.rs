//! Answers that are none: ends, limits, gateways, wrong messages.

use super::server::Do;
use super::*;
use crate::exchange::Outcome;

/// One call in the modern era (no handshake in the way), answered as the test says.
async fn call(reply: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> (Exchange, Server) {
    call_with(|_| {}, reply).await
}

async fn call_with(
    change: impl FnOnce(&mut ClientConfig),
    reply: impl Fn(&Request) -> Reply + Send + Sync + 'static,
) -> (Exchange, Server) {
    let server = Server::start(move |request, _| modern(request).unwrap_or_else(|| reply(request))).await;
    let session = client_with(&server, change).0.session(config(MODERN));
    session.begin().await.unwrap();
    let exchange = session.perform(echo(), options()).await;
    assert_eq!(server.count("tools/call"), 1, "never sent twice");
    (exchange, server)
}

fn message(request: &Request, result: &Value) -> Value {
    json!({"jsonrpc": "2.0", "id": request.json()["id"], "result": result})
}

#[tokio::test]
async fn a_stream_may_come_in_single_bytes() {
    let (exchange, _) = call(|request| {
        let note = json!({"jsonrpc": "2.0", "method": "notifications/mine", "params": {"text": "ü€"}});
        let text = format!(
            "\u{feff}: hello\r\n\r\nid: 0\r\nretry: 3000\r\ndata:\r\n\r\nevent: message\r\ndata: {note}\r\n\r\n\
             event: other\rdata: not json\r\rdata: {}\n\n",
            message(request, &json!({"resultType": "complete", "content": [{"type": "text", "text": "größe 😀"}]}))
        );
        let mut bytes = Reply::stream_head().as_bytes().to_vec();
        for byte in text.bytes() {
            bytes.extend_from_slice(&[b"1\r\n".as_slice(), &[byte], b"\r\n"].concat());
        }
        bytes.extend_from_slice(b"0\r\n\r\n");
        Reply(vec![Do::Trickle(bytes)])
    })
    .await;
    good(&exchange);
    assert_eq!(exchange.text().as_deref(), Some("größe 😀"));
    assert_eq!(exchange.notifications.len(), 1);
    assert_eq!(exchange.notifications[0].params["text"], "ü€");
    let events = &exchange.http.as_ref().unwrap().events;
    assert_eq!(events.len(), 4);
    assert_eq!(
        (events[0].id.as_deref(), events[0].retry, events[0].data.as_deref()),
        (Some("0"), Some(3000), Some(""))
    );
}

#[tokio::test]
async fn reading_stops_at_the_answer() {
    let (exchange, _) = call(|request| Reply::open_stream(&[message(request, &called())])).await;
    good(&exchange);
}

#[tokio::test]
async fn a_connection_that_ends_in_mid_answer() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{\"jsonrpc\"";
    for (end, reason) in [(Do::Reset, "connection reset"), (Do::Close, "the server closed it")] {
        let (exchange, _) = call({
            let end = end.clone();
            move |_| Reply::raw(head).then(end.clone())
        })
        .await;
        assert_eq!(exchange.outcome, Outcome::Closed);
        let cause = exchange.cause.clone().unwrap();
        assert!(cause.contains(reason) && cause.contains("bytes of the answer"), "{cause}");
        if matches!(end, Do::Close) {
            assert_eq!(cause, "the connection ended after 10 bytes of the answer: the server closed it");
        }
        assert_eq!(exchange.http.as_ref().map(|http| http.status), Some(200));

        // Before the head.
        let (exchange, _) = call(move |_| Reply(vec![end.clone()])).await;
        assert_eq!(exchange.outcome, Outcome::Closed, "{exchange:?}");
        assert!(exchange.cause.as_ref().is_some_and(|cause| cause.contains("after 0 bytes")), "{exchange:?}");
    }
}

#[tokio::test]
async fn a_stream_that_ends_before_the_answer() {
    let note = json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": 1, "progress": 1}});
    let (exchange, _) = call(move |_| Reply::stream(std::slice::from_ref(&note))).await;
    assert_eq!(exchange.outcome, Outcome::Closed);
    assert!(words(&exchange).contains("before the answer to `tools/call` came"), "{}", words(&exchange));
    assert_eq!(exchange.notifications.len(), 1);
}

#[tokio::test]
async fn what_is_no_message_is_told() {
    let html = "content-type: text/html; charset=utf-8\r\n";
    let cases: Vec<(Reply, &str)> = vec![
        (
            Reply::with(502, html, "<h1>Bad Gateway</h1>"),
            "HTTP 502 and a body of type `text/html` that is no JSON-RPC message",
        ),
        (Reply::with(200, html, "<h1>hi</h1>"), "HTTP 200 and a body of type `text/html`"),
        (
            Reply::with(401, "content-type: application/json\r\n", "{\"error\":\"invalid_token\"}"),
            "HTTP 401 and a body of type `application/json` that is no JSON-RPC message",
        ),
        (Reply::with(401, "www-authenticate: Bearer\r\n", ""), "HTTP 401 and an empty body"),
        (Reply::accepted(), "HTTP 202 and an empty body"),
        (Reply::with(200, "content-type: application/json\r\n", "{\"jsonrpc\":"), "the body is not JSON"),
        (
            Reply::with(
                200,
                "content-type: application/json\r\n",
                "[{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{}}]",
            ),
            "the answer is a batch",
        ),
        (
            Reply::with(200, "content-type: application/json\r\n", &"[".repeat(5000)),
            "nests deeper than 100 levels",
        ),
        (Reply::stream(&[json!([1])]).then(Do::Close), "an event of the stream is a batch"),
        (
            Reply::raw(format!("{}{}0\r\n\r\n", Reply::stream_head(), Reply::chunk("data: {x\n\n"))),
            "the data of an event is not JSON",
        ),
    ];
    for (reply, expected) in cases {
        let (exchange, _) = call(move |_| reply.clone()).await;
        assert!(words(&exchange).contains(expected), "{expected}: {}", words(&exchange));
        assert!(exchange.answer.result.is_none() && exchange.answer.error.is_none());
    }
}

#[tokio::test]
async fn a_message_is_read_whatever_the_status() {
    for status in [200, 400, 404, 500] {
        let (exchange, _) = call(move |request| request.error(status, -32602, "unknown tool")).await;
        assert_eq!(exchange.outcome, Outcome::Answered);
        assert_eq!(exchange.answer.error.as_ref().unwrap()["code"], -32602);
        assert_eq!(exchange.http.as_ref().unwrap().status, status);
        assert_eq!(exchange.wire, []);
        assert!(exchange.http.as_ref().unwrap().body.as_ref().unwrap().contains("unknown tool"));
    }
}

#[tokio::test]
async fn a_redirect_is_reported_and_not_followed() {
    let target = Server::start(|_, _| Reply::accepted()).await;
    let to = target.url.to_string();
    let (exchange, _) = call(move |_| Reply::with(307, &format!("location: {to}\r\n"), "")).await;
    assert_eq!(exchange.outcome, Outcome::Answered);
    let expected = format!("HTTP 307, a redirect to `{}`", target.url);
    assert!(words(&exchange).contains(&expected), "{}", words(&exchange));
    assert_eq!(target.seen().len(), 0, "the token went nowhere else");
}

#[tokio::test]
async fn answers_are_bounded_and_the_limit_is_named() {
    let small = |config: &mut ClientConfig| {
        config.bounds = Bounds { body: 2048, event: 1024, stream: 4096, pages: 3 };
    };
    let json_head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
    let endless = |head: &str, piece: &str| {
        let pieces: String = std::iter::repeat_n(Reply::chunk(piece), 100).collect();
        Reply::raw(format!("{head}{pieces}")).then(Do::Hang)
    };
    let cases = [
        (endless(json_head, &"x".repeat(100)), "the body of the answer is larger than 2 KiB"),
        (
            Reply::raw("HTTP/1.1 200 OK\r\ncontent-length: 9000000000\r\n\r\n").then(Do::Hang),
            "the body of the answer is larger than 2 KiB",
        ),
        (
            endless(Reply::stream_head(), "data: a line of an event\n"),
            "an event of the answer is larger than 1 KiB",
        ),
        (endless(Reply::stream_head(), &"x".repeat(100)), "an event of the answer is larger than 1 KiB"),
        (
            endless(Reply::stream_head(), ": ping ping ping ping ping ping ping ping ping\n\n"),
            "the stream of the answer is larger than 4 KiB",
        ),
        (endless(Reply::stream_head(), "id\n\n"), "the stream of the answer is larger than 4 KiB"),
    ];
    for (reply, expected) in cases {
        let (exchange, _) = call_with(small, move |_| reply.clone()).await;
        assert_eq!(exchange.outcome, Outcome::Closed);
        assert_eq!(exchange.cause.as_deref(), Some(expected));
        assert_eq!(exchange.http.as_ref().unwrap().status, 200);
    }
}

#[tokio::test]
async fn ids_must_be_ours() {
    let with_id = |id: Value, part: &str| {
        let mut body = json!({"jsonrpc": "2.0", "id": id});
        let error = json!({"code": -32600, "message": "m"});
        body[part] = if part == "result" { called() } else { error };
        body
    };
    // Id, result or error, status: whether it is taken, and whether it is a violation.
    let cases = [
        (json!(999), "result", 200, false, true),
        (json!("3"), "result", 200, true, true),
        (json!(null), "result", 200, false, true),
        (json!(null), "error", 400, true, false),
        (json!(null), "error", 200, true, true),
        (json!("server-error"), "error", 404, true, true),
        (json!(999), "error", 200, false, true),
        (json!(3), "result", 200, true, false),
    ];
    for (id, part, status, taken, wrong) in cases {
        let body = with_id(id.clone(), part);
        let (exchange, _) = call(move |request| {
            assert_eq!(request.json()["id"], 3);
            Reply::json(status, &body)
        })
        .await;
        let answered = exchange.answer.result.is_some() || exchange.answer.error.is_some();
        assert_eq!(
            (answered, !exchange.wire.is_empty()),
            (taken, wrong),
            "{id} {part} {status} {exchange:?}"
        );
    }
    // In a stream a foreign answer is told, and reading goes on.
    let foreign = with_id(json!(77), "result");
    let (exchange, _) =
        call(move |request| Reply::stream(&[foreign.clone(), message(request, &called())])).await;
    assert!(exchange.answer.result.is_some());
    assert_eq!(words(&exchange), "- / the answer's id is `77`; the request's is `3`");
}

#[tokio::test]
async fn a_server_that_is_not_there() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let server = Server::start(|_, _| Reply::accepted()).await;
    let url = format!("http://127.0.0.1:{port}/mcp").parse().unwrap();
    let session = client_with(&server, |config| config.endpoint = Endpoint::Url(url)).0.session(config(None));
    let exchange = session.begin().await.unwrap_err();
    assert_eq!((exchange.outcome, exchange.phase.as_str()), (Outcome::Unreachable, "open"));
    assert_eq!(exchange.cause, Some(format!("connection refused: `127.0.0.1:{port}`")));
    assert!(session.facts().is_none());
}

#[tokio::test]
async fn what_is_not_http_is_told() {
    let (exchange, _) = call(|_| Reply::raw("SSH-2.0-OpenSSH_9.9\r\n").then(Do::Close)).await;
    assert_eq!(exchange.outcome, Outcome::Closed);
    assert!(exchange.cause.as_ref().is_some_and(|cause| cause.contains("HTTP version")), "{exchange:?}");
}

#[tokio::test]
async fn numbers_that_do_not_fit_are_known_by_their_place() {
    let (exchange, _) = call(|request| {
        let text = format!(
            "{{\"jsonrpc\":\"2.0\",\"id\":{},\"result\":{{\"resultType\":\"complete\",\"content\":[],\
             \"structuredContent\":{{\"n\":123456789012345678901234567890}}}}}}",
            request.json()["id"]
        );
        Reply::with(200, "content-type: application/json\r\n", &text)
    })
    .await;
    good(&exchange);
    assert_eq!(exchange.inexact, ["/result/structuredContent/n"]);
    assert_eq!(exchange.view().inexact, ["/result/structuredContent/n", "/structured/n"]);
}

#[tokio::test]
async fn a_log_message_that_nobody_asked_for() {
    let note =
        json!({"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": 1}});
    let (exchange, _) =
        call(move |request| Reply::stream(&[note.clone(), message(request, &called())])).await;
    assert!(words(&exchange).contains("did not ask for"), "{}", words(&exchange));
}

#[tokio::test]
async fn tls_is_set_up_for_https_and_says_what_is_wrong() {
    use tokio::io::AsyncWriteExt as _;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/mcp", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let _ = socket.write_all(b"HTTP/1.1 400 this is no TLS\r\n\r\n").await;
        }
    });
    let server = Server::start(|_, _| Reply::accepted()).await;
    let session = client_with(&server, |config| config.endpoint = Endpoint::Url(url)).0.session(config(None));
    let exchange = session.begin().await.unwrap_err();
    assert_eq!(exchange.outcome, Outcome::Unreachable, "{exchange:?}");
    assert!(
        exchange.cause.as_ref().is_some_and(|cause| {
            cause.starts_with("no connection to `127.0.0.1:") && cause.contains("does not speak TLS")
        }),
        "{exchange:?}"
    );
}

#[tokio::test]
async fn a_message_that_is_no_answer_never_looks_like_one() {
    for body in [
        json!({"jsonrpc": "2.0", "id": 9, "method": "ping"}),
        json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": 1, "progress": 1}}),
    ] {
        let server = Server::start(move |request, _| {
            legacy(request).unwrap_or_else(|| match request.method().as_str() {
                "tools/call" => Reply::json(200, &body),
                _ => Reply::accepted(),
            })
        })
        .await;
        let session = session(&server, LEGACY);
        session.begin().await.unwrap();
        let exchange = session.perform(echo(), options()).await;
        let told = exchange.wire.last().map(|violation| violation.message.as_str());
        assert_eq!(told, Some("the body is a message, but no answer to `tools/call`"));
    }
}

#[tokio::test]
async fn an_id_is_a_number_however_it_is_written() {
    let (exchange, _) = call(|request| {
        let body =
            format!("{{\"jsonrpc\":\"2.0\",\"id\":{}.0,\"result\":{}}}", request.json()["id"], called());
        Reply::with(200, "content-type: application/json\r\n", &body)
    })
    .await;
    good(&exchange);
}

#[tokio::test]
async fn many_small_events_are_bounded() {
    let bounds = Bounds { stream: 64 << 10, ..Bounds::default() };
    let (exchange, _) = call_with(
        |config| config.bounds = bounds,
        |_| {
            Reply::raw(format!("{}{}", Reply::stream_head(), Reply::chunk(&"data\n\n".repeat(1000))))
                .then(Do::Hang)
        },
    )
    .await;
    assert_eq!(words(&exchange), "the stream of the answer is larger than 64 KiB / ");
    assert!(exchange.http.unwrap().events.len() < 200);
}

/// A server that ends a connection after each answer and does not say so.
#[tokio::test]
async fn a_connection_that_was_closed_while_idle_is_no_failure() {
    let server = Server::start(|request, _| {
        modern(request).unwrap_or_else(|| request.result(called())).then(Do::Close)
    })
    .await;
    let session = session(&server, MODERN);
    session.begin().await.unwrap();
    // The end of the connection is on its way.
    let pause = || tokio::time::sleep(Duration::from_millis(5));
    pause().await;
    session.prepare_calls(options().timeout).await.unwrap();
    for calls in 1..30 {
        pause().await;
        good(&session.perform(echo(), options()).await);
        assert_eq!(server.count("tools/call"), calls, "sent once");
    }
    assert_eq!(*server.connections.lock().unwrap(), 31);
}

/// A server that takes a request on a connection that was used before, and ends the connection instead of an answer.
#[tokio::test]
async fn a_call_on_a_used_connection_is_not_sent_again() {
    for end in [Do::Close, Do::Reset] {
        let server =
            Server::start(move |request, _| modern(request).unwrap_or_else(|| Reply(vec![end.clone()])))
                .await;
        let session = session(&server, MODERN);
        session.begin().await.unwrap();
        let exchange = session.perform(echo(), options()).await;
        assert_eq!(exchange.outcome, Outcome::Closed);
        assert_eq!(server.count("tools/call"), 1, "sent once");
        assert_eq!(*server.connections.lock().unwrap(), 1, "on the used connection");
    }
}

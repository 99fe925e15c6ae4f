//! Deadlines and interruptions: the verdict at once, then the cancellation of the version.

use tokio::sync::Notify;

use super::server::Do;
use super::*;
use crate::exchange::Outcome;

fn short() -> SendOptions {
    SendOptions { timeout: Duration::from_millis(250), ..SendOptions::default() }
}

/// Answers `slow` when the test says so, and everything else at once.
async fn slow(streams: bool, gate: &Arc<Notify>) -> Server {
    let gate = Arc::clone(gate);
    Server::start(move |request, _| {
        let is_modern = !request.header("mcp-method").is_empty();
        let known = if is_modern { modern(request) } else { legacy(request) };
        known.unwrap_or_else(|| {
            if request.json()["params"]["name"] == "fast" {
                return request.result(called());
            }
            if is_modern {
                let head = if streams { Reply::stream_head() } else { "" };
                return Reply::raw(head).then(Do::Hang);
            }
            let rest = if streams { request.sse(called()) } else { request.result(called()) };
            let mut all = vec![Do::Wait(Arc::clone(&gate))];
            all.extend(rest.0);
            Reply(all)
        })
    })
    .await
}

fn fast() -> Operation {
    Operation::Call { tool: "fast".to_owned(), arguments: None }
}

#[tokio::test]
async fn a_timeout_cancels_in_the_way_of_the_older_eras() {
    for streams in [false, true] {
        let gate = Arc::new(Notify::new());
        let server = slow(streams, &gate).await;
        let session = session(&server, LEGACY);
        session.begin().await.unwrap();
        let exchange = session.perform(echo(), short()).await;
        assert_eq!(exchange.outcome, Outcome::TimedOut);
        assert_eq!(exchange.cause.as_deref(), Some("no answer to `tools/call` within 250 ms"));
        assert_eq!(exchange.sent.as_ref().unwrap().params["name"], "echo");

        server.until(|server| server.count("notifications/cancelled") == 1).await;
        let cancelled = server.seen().into_iter().find(|r| r.method() == "notifications/cancelled").unwrap();
        let call = server.seen().into_iter().find(|r| r.method() == "tools/call").unwrap();
        assert_eq!(cancelled.json()["params"]["requestId"], call.json()["id"]);
        assert!(cancelled.json().get("id").is_none());
        assert_eq!(cancelled.header("mcp-session-id"), "s1");

        good(&session.perform(fast(), options()).await);
        // A late answer is worth a note.
        gate.notify_one();
        let notes = session.settle(soon()).await;
        assert_eq!(notes.len(), 1, "{notes:?}");
        assert!(notes[0].starts_with("the answer to `tools/call` came "), "{notes:?}");
        assert!(notes[0].ends_with(" after the timeout"), "{notes:?}");
        assert_eq!(server.count("tools/call"), 2);
        good(&session.close(soon()).await);
    }
}

#[tokio::test]
async fn a_timeout_drops_the_stream_in_the_modern_era() {
    for streams in [false, true] {
        let server = slow(streams, &Arc::new(Notify::new())).await;
        let session = session(&server, MODERN);
        session.begin().await.unwrap();
        let exchange = session.perform(echo(), short()).await;
        assert_eq!(exchange.outcome, Outcome::TimedOut);
        assert_eq!(exchange.http.is_some(), streams, "what had come is shown");
        server.until(|server| *server.dropped.lock().unwrap() == 1).await;
        good(&session.perform(fast(), options()).await);
        assert_eq!(session.settle(soon()).await, Vec::<String>::new());
        assert_eq!(server.methods(), ["server/discover", "tools/list", "tools/call", "tools/call"]);
    }
}

#[tokio::test]
async fn what_came_before_a_timeout_is_shown() {
    let note = json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": 1, "progress": 1}});
    let server = Server::start(move |request, _| {
        modern(request).unwrap_or_else(|| Reply::open_stream(std::slice::from_ref(&note)))
    })
    .await;
    let session = session(&server, MODERN);
    session.begin().await.unwrap();
    let exchange = session.perform(echo(), short()).await;
    assert_eq!((exchange.outcome, exchange.notifications.len()), (Outcome::TimedOut, 1));
}

#[tokio::test]
async fn an_interruption_cancels_too() {
    let gate = Arc::new(Notify::new());
    let server = slow(false, &gate).await;
    let cancel = CancellationToken::new();
    let session = client(&server).session(SessionConfig { cancel: cancel.clone(), ..config(LEGACY) });
    session.begin().await.unwrap();
    let interrupt = async {
        server.until(|server| server.count("tools/call") == 1).await;
        cancel.cancel();
    };
    let (exchange, ()) = tokio::join!(session.perform(echo(), options()), interrupt);
    assert_eq!((exchange.outcome, exchange.cause.as_deref()), (Outcome::Closed, Some("interrupted")));
    server.until(|server| server.count("notifications/cancelled") == 1).await;
    // The session is still closed properly, and nothing else is sent.
    assert_eq!(session.perform(fast(), options()).await.outcome, Outcome::Closed);
    good(&session.close(soon()).await);
    assert_eq!(server.seen().last().unwrap().verb, "DELETE");
    assert_eq!(server.count("tools/call"), 1);
}

#[tokio::test]
async fn a_step_that_is_dropped_cancels_too() {
    for version in [LEGACY, MODERN] {
        let server = slow(false, &Arc::new(Notify::new())).await;
        let session = session(&server, version);
        session.begin().await.unwrap();
        tokio::select! {
            exchange = session.perform(echo(), options()) => panic!("{exchange:?}"),
            () = server.until(|server| server.count("tools/call") == 1) => {}
        }
        let is_modern = version == MODERN;
        server
            .until(|server| match is_modern {
                true => *server.dropped.lock().unwrap() == 1,
                false => server.count("notifications/cancelled") == 1,
            })
            .await;
    }
}

#[tokio::test]
async fn an_error_after_a_cancellation_is_no_late_answer() {
    let gate = Arc::new(Notify::new());
    let opened = Arc::clone(&gate);
    let server = Server::start(move |request, _| {
        legacy(request).unwrap_or_else(|| {
            let mut all = vec![Do::Wait(Arc::clone(&opened))];
            all.extend(request.error(200, 0, "Request cancelled").0);
            Reply(all)
        })
    })
    .await;
    let session = session(&server, LEGACY);
    session.begin().await.unwrap();
    assert_eq!(session.perform(echo(), short()).await.outcome, Outcome::TimedOut);
    gate.notify_one();
    assert_eq!(session.settle(soon()).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_server_that_never_answers_holds_nothing_beyond_its_deadline() {
    let server = Server::start(|request, _| {
        if request.method() == "initialize" { legacy(request).unwrap() } else { Reply(vec![Do::Hang]) }
    })
    .await;
    let start = Duration::from_millis(80);
    let client = client(&server);
    // Nobody probes twice at the same time, and nobody waits for another's probe beyond his own deadline.
    let begin = Instant::now();
    let all = futures_util::future::join_all((0..8).map(|_| {
        let session = client.session(SessionConfig { start, ..config(None) });
        async move { session.begin().await.unwrap_err() }
    }))
    .await;
    assert!(begin.elapsed() < Duration::from_secs(10));
    for exchange in all {
        assert_eq!((exchange.outcome, exchange.phase.as_str()), (Outcome::TimedOut, "open"));
    }
    let session = client.session(SessionConfig { start, ..config(LEGACY) });
    let exchange = session.begin().await.unwrap_err();
    assert_eq!(exchange.outcome, Outcome::TimedOut);
    assert_eq!(exchange.sent.as_ref().unwrap().method, "initialize");
    assert!(
        exchange.cause.as_ref().unwrap().starts_with("`notifications/initialized` was not taken"),
        "{exchange:?}"
    );
    let begin = Instant::now();
    session.close(Instant::now() + start).await;
    session.settle(Instant::now() + start).await;
    assert!(begin.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn closing_never_takes_longer_than_its_deadline() {
    let server = Server::start(|request, _| {
        if request.verb == "DELETE" || request.method() == "tools/call" {
            return Reply(vec![Do::Hang]);
        }
        legacy(request).unwrap()
    })
    .await;
    let session = session(&server, LEGACY);
    session.begin().await.unwrap();
    session.perform(echo(), short()).await;
    let exchange = session.close(Instant::now() + Duration::from_millis(200)).await;
    assert_eq!(exchange.outcome, Outcome::TimedOut);
    // The cancellation came first.
    let methods = server.methods();
    assert_eq!(methods[methods.len() - 2..], ["notifications/cancelled", "DELETE"]);
    assert!(session.settle(Instant::now() + Duration::from_millis(50)).await.is_empty());
}

#[tokio::test]
async fn a_refused_delete_is_fine() {
    let server = Server::start(|request, _| match request.verb.as_str() {
        "DELETE" => Reply::with(405, "allow: POST\r\n", ""),
        _ => legacy(request).unwrap(),
    })
    .await;
    let session = session(&server, LEGACY);
    session.begin().await.unwrap();
    let exchange = session.close(soon()).await;
    good(&exchange);
    let sent = exchange.sent.as_ref().unwrap();
    assert_eq!((sent.method.as_str(), exchange.http.as_ref().unwrap().status), ("DELETE", 405));
    assert_eq!(exchange.document()["sent"]["headers"]["mcp-session-id"], "s1");
}

#[tokio::test]
async fn a_receipt_is_the_status_and_not_the_stream_behind_it() {
    let server = Server::start(|request, _| {
        let is_receipt = request.verb == "DELETE" || request.method().starts_with("notifications/");
        if is_receipt {
            Reply::open_stream(&[])
        } else {
            legacy(request).unwrap_or_else(|| request.result(called()))
        }
    })
    .await;
    let session = session(&server, LEGACY);
    let begin = Instant::now();
    session.begin().await.unwrap();
    good(&session.perform(echo(), options()).await);
    good(&session.close(soon()).await);
    assert!(begin.elapsed() < Duration::from_secs(10), "nothing waits for the end of the stream");
}

//! Servers that ask to wait: who waits, for how long, and who does not.

use super::*;
use crate::exchange::{Outcome, Repair};

fn later(status: u16, after: &str) -> Reply {
    Reply::with(status, &format!("retry-after: {after}\r\n"), "")
}

/// A server that answers the first so many requests of a method with this, and else as a good one does.
async fn refusing(method: &'static str, times: usize, reply: Reply) -> Server {
    let refused = Arc::new(Mutex::new(0));
    Server::start(move |request, _| {
        let mut refused = refused.lock().unwrap();
        if request.method() == method && *refused < times {
            *refused += 1;
            return reply.clone();
        }
        legacy(request).unwrap_or_else(|| match request.method().as_str() {
            "tools/list" => request.result(tools(json!([]))),
            "resources/read" => request.result(json!({"contents": []})),
            "prompts/get" => request.result(json!({"messages": []})),
            "completion/complete" => request.result(json!({"completion": {"values": []}})),
            _ => request.result(called()),
        })
    })
    .await
}

fn following() -> Vec<(&'static str, Operation)> {
    let uri = "a://b".to_owned();
    let complete = Operation::Complete {
        reference: json!({"type": "ref/prompt", "name": "p"}),
        argument: "a".to_owned(),
        value: String::new(),
        context: None,
    };
    vec![
        ("tools/list", Operation::List(ListKind::Tools)),
        ("resources/read", Operation::Read { uri }),
        ("prompts/get", Operation::Prompt { name: "p".to_owned(), arguments: None }),
        ("completion/complete", complete),
    ]
}

#[tokio::test]
async fn what_starts_nothing_is_sent_again() {
    for (method, operation) in following() {
        let server = refusing(method, 2, later(429, "0")).await;
        let session = session(&server, LEGACY);
        session.begin().await.unwrap();
        let exchange = session.perform(operation, options()).await;
        good(&exchange);
        assert_eq!(exchange.repairs, [Repair::Waited], "{method}");
        assert_eq!(server.count(method), 3, "{method}");
        let notes = session.settle(soon()).await;
        let note = format!("the server asked to wait less than 1 ms: `{method}` was sent again then");
        assert_eq!(notes, [note.clone(), note]);
    }
}

#[tokio::test]
async fn waiting_takes_the_time_that_was_asked_for_and_is_no_part_of_the_duration() {
    let server = refusing("tools/list", 1, later(503, "1")).await;
    let session = session(&server, LEGACY);
    session.begin().await.unwrap();
    let begin = Instant::now();
    let exchange = session.perform(Operation::List(ListKind::Tools), options()).await;
    good(&exchange);
    let took = begin.elapsed();
    assert!(took >= Duration::from_secs(1), "{took:?}");
    assert!(exchange.duration + Duration::from_millis(990) < took, "{:?} of {took:?}", exchange.duration);
}

#[tokio::test]
async fn a_call_and_what_is_done_by_hand_is_sent_once() {
    let by_hand = |method: &str| Operation::Request { method: method.to_owned(), params: None };
    let meta = || SendOptions { meta: vec![("a".to_owned(), Some(json!(1)))], ..options() };
    for (method, operation, options) in [
        ("tools/call", echo(), options()),
        ("tools/list", by_hand("tools/list"), options()),
        ("tools/list", Operation::List(ListKind::Tools), meta()),
        ("resources/read", Operation::Read { uri: "a://b".to_owned() }, meta()),
    ] {
        let server = refusing(method, 9, later(429, "0")).await;
        let session = session(&server, LEGACY);
        session.begin().await.unwrap();
        let exchange = session.perform(operation, options).await;
        assert_eq!(exchange.http.as_ref().unwrap().status, 429);
        assert_eq!((exchange.repairs.len(), server.count(method)), (0, 1), "{method}");
        assert_eq!(exchange.asks_to_wait(), Some(Duration::ZERO));
    }
}

#[tokio::test]
async fn waiting_is_bounded() {
    let short = || SendOptions { timeout: Duration::from_secs(5), ..SendOptions::default() };
    for (status, after, options, sent) in [
        (429, "0", options(), 4),
        // Longer than the step has.
        (429, "5", short(), 1),
        (429, "121", SendOptions { timeout: Duration::from_secs(600), ..options() }, 1),
        (429, "18446744073709551615", options(), 1),
        (429, "later", options(), 1),
        (500, "0", options(), 1),
    ] {
        let server = refusing("tools/list", 9, later(status, after)).await;
        let session = session(&server, LEGACY);
        session.begin().await.unwrap();
        let begin = Instant::now();
        let exchange = session.perform(Operation::List(ListKind::Tools), options).await;
        assert_eq!((exchange.outcome, exchange.http.unwrap().status), (Outcome::Answered, status));
        assert_eq!(server.count("tools/list"), sent, "{status} {after}");
        assert!(begin.elapsed() < Duration::from_secs(5), "{status} {after}");
    }
}

#[tokio::test]
async fn an_opening_waits_too() {
    for (method, version) in [
        ("server/discover", None),
        ("initialize", None),
        ("initialize", LEGACY),
        ("notifications/initialized", LEGACY),
    ] {
        let server = refusing(method, 1, later(503, "0")).await;
        let session = session(&server, version);
        let exchange = session.open(None).await;
        assert_eq!(exchange.repairs.contains(&Repair::Waited), method == "initialize");
        assert!(session.facts().is_some(), "{exchange:?}");
        assert_eq!(server.count(method), 2, "{method}");
    }
    // Not past the time that it has.
    let server = refusing("initialize", 1, later(503, "60")).await;
    let session = client(&server).session(SessionConfig { start: Duration::from_secs(30), ..config(LEGACY) });
    let exchange = session.begin().await.unwrap_err();
    assert_eq!(exchange.asks_to_wait(), Some(Duration::from_secs(60)));
    assert_eq!(server.count("initialize"), 1);
}

#[tokio::test]
async fn an_interruption_ends_the_waiting() {
    let server = refusing("tools/list", 1, later(429, "15")).await;
    let cancel = CancellationToken::new();
    let session = client(&server).session(SessionConfig { cancel: cancel.clone(), ..config(LEGACY) });
    session.begin().await.unwrap();
    let begin = Instant::now();
    let listing = session.perform(Operation::List(ListKind::Tools), options());
    let interrupting = async {
        server.until(|server| server.count("tools/list") == 1).await;
        cancel.cancel();
    };
    let (exchange, ()) = tokio::join!(listing, interrupting);
    assert!(exchange.repairs.is_empty() && begin.elapsed() < Duration::from_secs(10));
}

fn refused(status: u16, after: &str) -> Exchange {
    let headers = vec![("retry-after".to_owned(), after.to_owned())];
    let http = crate::exchange::HttpAnswer { status, headers, ..Default::default() };
    let mut exchange = Exchange::default();
    exchange.http = Some(http);
    exchange
}

fn client_of(url: &str) -> Arc<Client> {
    let client = Client::new(ClientConfig {
        name: "test".to_owned(),
        endpoint: Endpoint::Url(url.parse().unwrap()),
        headers: Vec::new(),
        route: Route::default(),
        connect: Duration::from_secs(1),
        bounds: Bounds::default(),
        listed: Arc::new(|_, _| {}),
    });
    client.unwrap()
}

#[tokio::test]
async fn who_is_asked_too_often_is_left_alone() {
    let client = client_of("http://127.0.0.1:9/mcp");
    let held = || client.held().map_or(0, |until| (until - Instant::now()).as_secs_f64().ceil() as u64);
    for exchange in [refused(503, "50"), refused(200, "50"), refused(429, "soon")] {
        client.hold(&exchange);
        assert_eq!(held(), 0, "{exchange:?}");
    }
    client.welcome().await;
    client.hold(&refused(429, "100"));
    // What is asked for later does not shorten it.
    client.hold(&refused(429, "10"));
    assert!((90..=100).contains(&held()), "{}", held());
    client.hold(&refused(429, "86400"));
    assert!((110..=120).contains(&held()), "{}", held());
}

#[tokio::test]
async fn who_only_refuses_is_not_left_alone_for_ever() {
    let client = client_of("http://127.0.0.1:9/mcp");
    let ends = |exchange: Exchange| {
        client.hold(&exchange);
        let is_held = client.held().is_some_and(|until| until > Instant::now());
        // The time is over.
        client.held.lock().unwrap().until = None;
        is_held
    };
    assert_eq!([(); 7].map(|()| ends(refused(429, "100"))), [true, true, true, true, true, false, false]);
    assert!(!ends(refused(404, "100")));
    assert!(ends(refused(429, "100")), "another answer came");
}

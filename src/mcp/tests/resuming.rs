//! Streams of answers that are cut: taken up again in the older eras, lost in the modern one.

use super::*;
use crate::exchange::{Outcome, Repair};

/// A server of an older era whose answers to calls and to GET are streams of these texts, which then end as said.
async fn cutting(parts: impl Fn(usize, &Value) -> Reply + Send + Sync + 'static) -> Server {
    let state = Mutex::new((0_usize, Value::Null));
    Server::start(move |request, _| {
        let mut state = state.lock().unwrap();
        if request.verb == "POST"
            && let Some(reply) = legacy(request)
        {
            return reply;
        }
        if request.verb == "DELETE" {
            return Reply::with(200, "", "");
        }
        if request.verb == "POST" {
            state.1 = request.json()["id"].clone();
        }
        state.0 += 1;
        parts(state.0 - 1, &state.1)
    })
    .await
}

fn part(text: &str) -> Reply {
    Reply::raw(format!("{}{}", Reply::stream_head(), Reply::chunk(text)))
}

/// A stream that ends as it should, before its answer.
fn ended(text: &str) -> Reply {
    part(text).then(Do::Write(b"0\r\n\r\n".to_vec()))
}

fn answer(id: &Value) -> String {
    let message =
        json!({"jsonrpc": "2.0", "id": id, "result": {"content": [{"type": "text", "text": "late"}]}});
    format!("id: last\ndata: {message}\n\n")
}

async fn open(server: &Server, version: Version) -> Session {
    let session = session(server, Some(version));
    session.begin().await.unwrap();
    session
}

fn gets(server: &Server) -> Vec<Request> {
    server.seen().into_iter().filter(|request| request.verb == "GET").collect()
}

#[tokio::test]
async fn a_cut_answer_is_taken_up_again_after_the_last_event() {
    for end in [Do::Write(b"0\r\n\r\n".to_vec()), Do::Close, Do::Reset] {
        for version in [Version::V2025_06_18, Version::V2025_11_25] {
            let end = end.clone();
            let server = cutting(move |number, id| match number {
                // What begins a stream so that it can be taken up has no data.
                0 => part("id: e1\nretry: 1\ndata: \n\n").then(end.clone()),
                1 => {
                    let told = json!({"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": 1}});
                    ended(&format!("id: e2\ndata: {told}\n\n"))
                }
                // The server may leave it open.
                _ => part(&answer(id)).then(Do::Hang),
            })
            .await;
            let session = open(&server, version).await;
            let exchange = session.perform(echo(), options()).await;
            assert_eq!(
                (exchange.outcome, exchange.cause.as_deref()),
                (Outcome::Answered, None),
                "{exchange:?}"
            );
            assert_eq!(exchange.text().as_deref(), Some("late"));
            assert_eq!(exchange.repairs, [Repair::Resumed]);
            assert_eq!(exchange.document()["repairs"], json!(["resumed"]));
            assert_eq!(exchange.notifications.len(), 1);
            let ids: Vec<Option<&str>> =
                exchange.http.as_ref().unwrap().events.iter().map(|event| event.id.as_deref()).collect();
            assert_eq!(ids, [Some("e1"), Some("e2"), Some("last")]);
            assert_eq!(
                (exchange.sent.as_ref().unwrap().method.as_str(), server.count("tools/call")),
                ("tools/call", 1)
            );
            let gets = gets(&server);
            assert_eq!(gets.iter().map(|get| get.header("last-event-id")).collect::<Vec<_>>(), ["e1", "e2"]);
            for get in gets {
                assert_eq!(get.header("accept"), "text/event-stream");
                assert_eq!(get.header("mcp-session-id"), "s1");
                assert_eq!(get.header("mcp-protocol-version"), version.as_str());
                assert_eq!(get.header("authorization"), format!("Bearer {TOKEN}"));
                assert_eq!((get.header("x-env"), get.body.as_str()), ("test", ""));
            }
        }
    }
}

#[test]
fn the_pause_is_the_servers_within_bounds() {
    for (said, expected) in [
        ("", 1_000),
        ("retry: 500\n", 500),
        ("retry: 0\n", 10),
        ("retry: 99999999\n", 30_000),
        ("retry: x\n", 1_000),
    ] {
        let resume = resume::Resume {
            retry: said.strip_prefix("retry: ").and_then(|text| text.trim().parse().ok()),
            ..Default::default()
        };
        assert_eq!(resume.pause(), Duration::from_millis(expected), "{said:?}");
    }
}

#[tokio::test]
async fn every_verb_that_follows_takes_it_up() {
    let server = cutting(|number, id| {
        let result = json!({"tools": [], "contents": [], "messages": [], "completion": {"values": []}});
        let answer = json!({"jsonrpc": "2.0", "id": id, "result": result});
        match number % 2 {
            0 => ended("id: e\nretry: 1\n\n"),
            _ => ended(&format!("data: {answer}\n\n")),
        }
    })
    .await;
    let session = open_now(&server).await;
    let operations = [
        Operation::List(ListKind::Tools),
        Operation::Read { uri: "a:b".to_owned() },
        Operation::Prompt { name: "p".to_owned(), arguments: None },
        Operation::Complete {
            reference: json!({"type": "ref/prompt", "name": "p"}),
            argument: "a".to_owned(),
            value: String::new(),
            context: None,
        },
    ];
    for operation in operations {
        let exchange = session.perform(operation.clone(), options()).await;
        good(&exchange);
        assert_eq!(exchange.repairs, [Repair::Resumed], "{operation:?}");
    }
}

async fn open_now(server: &Server) -> Session {
    open(server, Version::V2025_11_25).await
}

#[tokio::test]
async fn the_manual_mode_takes_up_nothing() {
    let header = SendOptions { headers: vec![("X-A".to_owned(), Some("1".to_owned()))], ..options() };
    let meta = SendOptions { meta: vec![("a".to_owned(), Some(json!(1)))], ..options() };
    let request =
        Operation::Request { method: "tools/call".to_owned(), params: Some(json!({"name": "echo"})) };
    for (operation, options) in [(request, options()), (echo(), header), (echo(), meta)] {
        let server = cutting(|_, _| ended("id: e1\nretry: 1\ndata:\n\n")).await;
        let exchange = open_now(&server).await.perform(operation, options).await;
        assert_eq!((exchange.outcome, exchange.repairs.as_slice()), (Outcome::Closed, [].as_slice()));
        let cause = exchange.cause.unwrap();
        assert!(cause.ends_with("before the answer to `tools/call` came"), "{cause}");
        assert_eq!(gets(&server).len(), 0);
    }
}

#[tokio::test]
async fn a_stream_without_ids_cannot_be_taken_up() {
    for text in ["data:\n\n", "retry: 1\n\n", "id: e1\n\nid:\n\n"] {
        let server = cutting(move |_, _| ended(text)).await;
        let exchange = open_now(&server).await.perform(echo(), options()).await;
        assert_eq!(exchange.outcome, Outcome::Closed);
        let cause = exchange.cause.unwrap();
        assert!(cause.ends_with("; it cannot be taken up again, since no event had an id"), "{cause}");
        assert_eq!(gets(&server).len(), 0);
    }
}

#[tokio::test]
async fn a_stream_that_brings_nothing_is_given_up() {
    let server = cutting(|number, _| match number {
        0 => ended("id: e1\nretry: 1\n\n"),
        _ => ended(": nothing\n\n"),
    })
    .await;
    let exchange = open_now(&server).await.perform(echo(), options()).await;
    let cause = exchange.cause.clone().unwrap();
    assert!(cause.ends_with("; it was to be taken up again, and it brought nothing"), "{cause}");
    assert_eq!((exchange.outcome, gets(&server).len()), (Outcome::Closed, 5));
    assert_eq!((exchange.repairs.as_slice(), server.count("tools/call")), ([Repair::Resumed].as_slice(), 1));

    // It is refused: that is said, and it is not asked again. The answer that counts is that of the request.
    for status in [404, 405, 400, 200] {
        let server = cutting(move |number, _| match number {
            0 => ended("id: e1\nretry: 1\n\n"),
            _ => Reply::with(status, "content-type: text/plain\r\n", "no"),
        })
        .await;
        let exchange = open_now(&server).await.perform(echo(), options()).await;
        let cause = exchange.cause.clone().unwrap();
        let expected = format!(
            "; it was to be taken up again, and the server answered GET with HTTP {status} and no stream"
        );
        assert!(cause.ends_with(&expected), "{cause}");
        assert_eq!((exchange.http.unwrap().status, gets(&server).len()), (200, 1));
        assert_eq!((exchange.wire, exchange.repairs), (vec![], vec![]));
    }
}

#[tokio::test]
async fn the_timeout_of_the_step_ends_the_attempts_and_cancels() {
    let server = cutting(|number, _| match number {
        0 => ended("id: e1\nretry: 1\n\n"),
        _ => ended(&format!("id: e{number}\nretry: 1\ndata:\n\n")),
    })
    .await;
    let session = open_now(&server).await;
    let options = SendOptions { timeout: Duration::from_millis(300), ..SendOptions::default() };
    let exchange = session.perform(echo(), options).await;
    assert_eq!(exchange.outcome, Outcome::TimedOut);
    assert_eq!(exchange.cause.as_deref(), Some("no answer to `tools/call` within 300 ms"));
    assert_eq!(exchange.repairs, [Repair::Resumed]);
    assert!(gets(&server).len() > 5, "what brings something is taken up for as long as there is time");
    server.until(|server| server.count("notifications/cancelled") == 1).await;
    assert_eq!(server.count("tools/call"), 1);
}

#[tokio::test]
async fn a_cut_stream_of_the_modern_era_is_a_lost_request() {
    for end in [Do::Write(b"0\r\n\r\n".to_vec()), Do::Close] {
        let server = Server::start(move |request, _| match request.method().as_str() {
            "tools/call" => part("id: e1\nretry: 1\ndata:\n\n").then(end.clone()),
            _ => modern(request).unwrap(),
        })
        .await;
        let session = session(&server, MODERN);
        session.begin().await.unwrap();
        let exchange = session.perform(echo(), options()).await;
        let cause = exchange.cause.clone().unwrap();
        assert!(
            cause.ends_with("; the request is lost, since 2026-07-28 takes up no stream again"),
            "{cause}"
        );
        assert_eq!((exchange.outcome, exchange.repairs.len()), (Outcome::Closed, 0));
        assert_eq!((server.count("tools/call"), gets(&server).len()), (1, 0));
    }
}

#[tokio::test]
async fn several_streams_are_taken_up_side_by_side() {
    let ids = Mutex::new(std::collections::HashMap::<String, Value>::new());
    let server = Server::start(move |request, _| {
        if let Some(reply) = legacy(request).filter(|_| request.verb != "GET") {
            return reply;
        }
        let mut ids = ids.lock().unwrap();
        if request.verb == "POST" {
            let event = format!("e{}", ids.len());
            ids.insert(event.clone(), request.json()["id"].clone());
            return ended(&format!("id: {event}\nretry: 1\ndata:\n\n"));
        }
        let id = &ids[request.header("last-event-id")];
        let text = json!([{"type": "text", "text": id.to_string()}]);
        ended(&format!("data: {}\n\n", json!({"jsonrpc": "2.0", "id": id, "result": {"content": text}})))
    })
    .await;
    let session = open_now(&server).await;
    let all = futures_util::future::join_all((0..8).map(|_| session.perform(echo(), options()))).await;
    let mut texts: Vec<String> = all.iter().map(|exchange| exchange.text().unwrap()).collect();
    all.iter().for_each(good);
    texts.sort();
    texts.dedup();
    assert_eq!((texts.len(), gets(&server).len()), (8, 8));
}

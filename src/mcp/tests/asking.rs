//! What the server asks, in both eras, and who answers it.

use super::*;
use crate::exchange::{Asked, Check, Outcome};

/// Answers by method, and says what nobody answers.
#[derive(Debug)]
pub(super) struct Rules(pub(super) &'static str);

impl Responder for Rules {
    fn respond(&self, method: &str, params: &Value) -> (Answer, bool) {
        let result = match method {
            "roots/list" => json!({"roots": [{"uri": "file:///a", "name": self.0}]}),
            "elicitation/create" => json!({"action": "accept", "content": {"seen": params["message"]}}),
            "sampling/createMessage" => {
                return (Answer { result: None, error: Some(json!({"code": -1, "message": "no"})) }, false);
            }
            _ => return Silent.respond(method, params),
        };
        (Answer { result: Some(result), error: None }, false)
    }
}

pub(super) fn able(version: Option<Version>) -> SessionConfig {
    SessionConfig {
        capabilities: json!({"roots": {}, "elicitation": {}, "sampling": {}}),
        responder: Arc::new(Rules("session")),
        ..config(version)
    }
}

pub(super) fn by_step() -> SendOptions {
    SendOptions { responder: Some(Arc::new(Rules("step"))), ..options() }
}

pub(super) fn elicitation(message: &str) -> Value {
    json!({"method": "elicitation/create", "params": {"message": message,
        "requestedSchema": {"type": "object", "properties": {"seen": {"type": "string"}}}}})
}

fn input(requests: Value, state: Option<&str>) -> Value {
    let mut result = json!({"resultType": "input_required", "inputRequests": requests});
    if let Some(state) = state {
        result["requestState"] = state.into();
    }
    result
}

/// A server of the modern era that answers calls by their number and params.
async fn asking(answer: impl Fn(usize, &Value) -> Value + Send + Sync + 'static) -> Server {
    let count = std::sync::atomic::AtomicUsize::new(0);
    Server::start(move |request, _| {
        modern(request).unwrap_or_else(|| {
            let number = count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            request.result(answer(number, &request.json()["params"]))
        })
    })
    .await
}

async fn open(server: &Server, version: Option<Version>) -> Session {
    let session = client(server).session(able(version));
    session.begin().await.unwrap();
    session
}

fn names(asked: &[Asked]) -> Vec<(String, Value)> {
    asked
        .iter()
        .map(|asked| (asked.method.clone(), asked.answer.result.clone().unwrap_or_default()))
        .collect()
}

#[tokio::test]
async fn both_eras_ask_alike() {
    let legacy = Server::start(|request, _| {
        legacy(request).unwrap_or_else(|| {
            if request.method() != "tools/call" {
                return Reply::accepted();
            }
            let mut asks = elicitation("who");
            (asks["jsonrpc"], asks["id"]) = ("2.0".into(), "q1".into());
            let roots = json!({"jsonrpc": "2.0", "id": 5, "method": "roots/list"});
            let answer = json!({"jsonrpc": "2.0", "id": request.json()["id"], "result": {"content": []}});
            Reply::stream(&[asks, roots, answer])
        })
    })
    .await;
    let modern = asking(|number, _| match number {
        0 => input(json!({"a": elicitation("who"), "b": {"method": "roots/list"}}), Some("s\u{e9}\\\" 1")),
        _ => called(),
    })
    .await;
    let mut all = Vec::new();
    for (server, version) in [(&legacy, LEGACY), (&modern, MODERN)] {
        let session = open(server, version).await;
        let exchange = session.perform(echo(), by_step()).await;
        good(&exchange);
        assert!(exchange.asked.iter().all(|asked| !asked.unexpected));
        assert_eq!(exchange.asked[1].params, Value::Null);
        all.push(names(&exchange.asked));
    }
    assert_eq!(
        all[0],
        [
            ("elicitation/create".to_owned(), json!({"action": "accept", "content": {"seen": "who"}})),
            ("roots/list".to_owned(), json!({"roots": [{"uri": "file:///a", "name": "step"}]})),
        ]
    );
    assert_eq!(all[0], all[1]);

    legacy.until(|server| server.seen().iter().any(|request| request.json()["id"] == 5)).await;
    let calls: Vec<Value> =
        modern.seen().iter().map(Request::json).filter(|m| m["method"] == "tools/call").collect();
    let [first, second] = calls.as_slice() else { panic!("{calls:?}") };
    assert_ne!(first["id"], second["id"]);
    let mut params = second["params"].clone();
    let added = params.as_object_mut().unwrap();
    assert_eq!(added.remove("requestState").unwrap(), "s\u{e9}\\\" 1");
    assert_eq!(
        added.remove("inputResponses").unwrap(),
        json!({"a": {"action": "accept", "content": {"seen": "who"}},
               "b": {"roots": [{"uri": "file:///a", "name": "step"}]}})
    );
    assert_eq!(params, first["params"], "everything else is the same");
}

#[tokio::test]
async fn rounds_go_on_until_the_answer() {
    let operations = [
        echo(),
        Operation::Prompt { name: "p".to_owned(), arguments: None },
        Operation::Read { uri: "a:b".to_owned() },
    ];
    for operation in operations {
        let server = asking(|number, params| match number {
            0 => input(json!({"a": elicitation("one")}), Some("s0")),
            // The state alone asks to try again.
            1 => json!({"resultType": "input_required", "requestState": "s1"}),
            2 if params["requestState"] == "s1" && params.get("inputResponses").is_none() => {
                input(json!({"b": elicitation("two")}), None)
            }
            3 if params.get("requestState").is_none()
                && params["inputResponses"]["b"]["action"] == "accept" =>
            {
                json!({"resultType": "complete", "content": [], "messages": [], "contents": [],
                       "ttlMs": 0, "cacheScope": "public"})
            }
            _ => json!({"resultType": "nothing"}),
        })
        .await;
        let session = open(&server, MODERN).await;
        // What a step overrides is sent each time, and it is no repair to go on.
        let own = SendOptions {
            headers: vec![("X-Own".to_owned(), Some("1".to_owned()))],
            meta: vec![("own".to_owned(), Some(json!(true)))],
            ..options()
        };
        let exchange = session.perform(operation, own).await;
        good(&exchange);
        assert_eq!(exchange.repairs, []);
        assert_eq!(exchange.asked.len(), 2);
        assert_eq!(exchange.sent.unwrap().params["inputResponses"].as_object().unwrap().len(), 1);
        // What the client asks for itself is not the step's.
        let own = |request: &&Request| !matches!(request.method().as_str(), "server/discover" | "tools/list");
        let seen = server.seen();
        assert!(
            seen.iter()
                .filter(own)
                .all(|r| r.header("x-own") == "1" && r.json()["params"]["_meta"]["own"] == true)
        );
    }
}

#[tokio::test]
async fn the_manual_mode_follows_nothing() {
    let server = asking(|_, _| input(json!({"a": elicitation("one")}), Some("s"))).await;
    let session = open(&server, MODERN).await;
    let manual =
        Operation::Request { method: "tools/call".to_owned(), params: Some(json!({"name": "echo"})) };
    let exchange = session.perform(manual, options()).await;
    good(&exchange);
    assert_eq!(exchange.answer.result.as_ref().unwrap()["requestState"], "s");
    assert!(exchange.wants_input() && exchange.asked.is_empty());
    assert_eq!(server.count("tools/call"), 1);
}

#[tokio::test]
async fn what_nobody_answers_ends_it() {
    let sampling = json!({"method": "sampling/createMessage", "params": {"messages": [], "maxTokens": 1}});
    let server = asking(move |_, _| input(json!({"a": sampling.clone(), "b": elicitation("x")}), None)).await;
    let session = open(&server, MODERN).await;
    let exchange = session.perform(echo(), options()).await;
    let cause = exchange.cause.clone().unwrap();
    assert!(
        cause.starts_with("`sampling/createMessage` was answered with an error, which 2026-07-28 has no way"),
        "{cause}"
    );
    assert_eq!(exchange.asked.iter().map(|asked| asked.unexpected).collect::<Vec<_>>(), [false, false]);
    assert_eq!((server.count("tools/call"), exchange.outcome), (1, Outcome::Answered));

    let mut silent = able(MODERN);
    silent.responder = Arc::new(Silent);
    let session = client(&server).session(silent);
    session.begin().await.unwrap();
    let exchange = session.perform(echo(), options()).await;
    assert_eq!(exchange.cause, None);
    assert!(
        exchange
            .asked
            .iter()
            .all(|asked| asked.unexpected && asked.answer.error.as_ref().unwrap()["code"] == -32601)
    );
    assert_eq!(server.count("tools/call"), 2);
}

#[tokio::test]
async fn a_server_that_never_stops_asking_is_stopped() {
    let server = asking(|_, _| json!({"resultType": "input_required", "requestState": "s"})).await;
    let exchange = open(&server, MODERN).await.perform(echo(), options()).await;
    assert_eq!(exchange.cause.as_deref(), Some("the server asked for input more than 16 times"));
    assert_eq!(server.count("tools/call"), 17);

    let server = asking(|_, _| json!({"resultType": "input_required", "inputRequests": [1]})).await;
    let exchange = open(&server, MODERN).await.perform(echo(), options()).await;
    assert!(words(&exchange).contains("asks for input, and does not say for what"), "{}", words(&exchange));
    assert!(!exchange.wire.is_empty());
    assert_eq!(server.count("tools/call"), 1);
}

#[tokio::test]
async fn all_rounds_share_the_timeout_of_the_step() {
    let server = Server::start(|request, number| {
        modern(request).unwrap_or_else(|| match number {
            2 => request.result(json!({"resultType": "input_required", "requestState": "s"})),
            _ => Reply(vec![Do::Hang]),
        })
    })
    .await;
    let session = open(&server, MODERN).await;
    let limited = SendOptions { timeout: Duration::from_millis(300), ..options() };
    let exchange = session.perform(echo(), limited).await;
    assert_eq!(exchange.outcome, Outcome::TimedOut);
    assert_eq!(exchange.sent.unwrap().params["requestState"], "s");
}

#[tokio::test]
async fn a_question_that_was_not_declared_is_told() {
    let server = asking(|number, _| match number {
        0 => input(json!({"a": elicitation("x"), "b": {"method": "roots/list"}}), None),
        _ => called(),
    })
    .await;
    let session = open(&server, MODERN).await;
    let name = "io.modelcontextprotocol/clientCapabilities".to_owned();
    let own = SendOptions { meta: vec![(name, Some(json!({"roots": {}})))], ..options() };
    let exchange = session.perform(echo(), own).await;
    assert_eq!(
        words(&exchange),
        "- / the server asks `elicitation/create`, and the request has not declared `elicitation`"
    );
    assert_eq!(exchange.wire[0].check, Check::Capabilities);

    let url = json!({"jsonrpc": "2.0", "id": 1, "method": "elicitation/create",
        "params": {"mode": "url", "message": "m", "url": "https://a/", "elicitationId": "e"}});
    let server = Server::start(move |request, _| {
        legacy(request).unwrap_or_else(|| {
            let answer = json!({"jsonrpc": "2.0", "id": request.json()["id"], "result": {"content": []}});
            if request.method() == "tools/call" {
                Reply::stream(&[url.clone(), answer])
            } else {
                Reply::accepted()
            }
        })
    })
    .await;
    let exchange = open(&server, LEGACY).await.perform(echo(), options()).await;
    assert_eq!(
        words(&exchange),
        "- / the server asked `elicitation/create`, and the client has not declared `elicitation.url`"
    );
}

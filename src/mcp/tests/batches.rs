//! Batches of 2025-03-26, taken and sent.

use super::*;

const OLD: Option<Version> = Some(Version::V2025_03_26);

fn note(level: &str) -> Value {
    json!({"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": level, "data": 1}})
}

fn answers(request: &Request) -> Value {
    json!({"jsonrpc": "2.0", "id": request.json()["id"], "result": {"content": [{"type": "text", "text": "t"}]}})
}

/// A server that answers calls in this way.
async fn answering(how: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Server {
    Server::start(move |request, _| {
        if request.method() == "initialize" {
            let version = request.json()["params"]["protocolVersion"].clone();
            let capabilities = json!({"tools": {}, "logging": {}});
            return request.result(
                json!({"protocolVersion": version, "capabilities": capabilities, "serverInfo": info()}),
            );
        }
        legacy(request).unwrap_or_else(|| how(request))
    })
    .await
}

async fn open(server: &Server, version: Option<Version>) -> Session {
    let session = session(server, version);
    session.begin().await.unwrap();
    session
}

fn levels(exchange: &Exchange) -> Vec<&str> {
    exchange.notifications.iter().map(|told| told.params["level"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_batch_is_taken_message_by_message() {
    for streamed in [false, true] {
        let server = answering(move |request| {
            let ping = json!({"jsonrpc": "2.0", "id": "p", "method": "ping"});
            let batch = json!([note("info"), ping, answers(request), note("error")]);
            match (streamed, request.method().as_str()) {
                (_, "") => Reply::accepted(),
                (true, "tools/call") => Reply::stream(&[note("debug"), batch]),
                (false, "tools/call") => Reply::json(200, &batch),
                _ => Reply::accepted(),
            }
        })
        .await;
        let exchange = open(&server, OLD).await.perform(echo(), options()).await;
        good(&exchange);
        assert_eq!(exchange.text().as_deref(), Some("t"));
        let expected: &[&str] = if streamed { &["debug", "info", "error"] } else { &["info", "error"] };
        assert_eq!(levels(&exchange), expected, "in their order");
        assert_eq!(exchange.asked.len(), 1);
        server.until(|server| server.seen().iter().any(|request| request.json()["id"] == "p")).await;
    }
}

#[tokio::test]
async fn numbers_of_a_batch_are_found_where_they_stand() {
    let server = answering(|request| {
        let id = &request.json()["id"];
        let text = format!(
            r#"[{{"jsonrpc":"2.0","method":"notifications/message","params":{{"level":"info","data":1e999}}}},
                {{"jsonrpc":"2.0","id":{id},"result":{{"content":[],"structuredContent":{{"n":123456789012345678901234567890}}}}}}]"#
        );
        Reply::with(200, "content-type: application/json\r\n", &text)
    })
    .await;
    let exchange = open(&server, OLD).await.perform(echo(), options()).await;
    assert_eq!(exchange.inexact, ["/notifications/0/params/data", "/result/structuredContent/n"]);
}

#[tokio::test]
async fn what_is_wrong_with_a_batch_is_told() {
    for (batch, expected) in [
        (json!([]), "a batch without messages came; the body is a batch, but no answer to `tools/call`"),
        (json!([1]), "message 1 of a batch is no object; the body is a batch, but no answer to `tools/call`"),
        (json!([note("info")]), "the body is a batch, but no answer to `tools/call`"),
        (json!(["answer", "answer"]), "a second answer to `tools/call` came"),
        (
            json!(["answer", {"jsonrpc": "2.0", "id": 99, "result": {}}]),
            "another answer came after that to `tools/call`",
        ),
    ] {
        let server = answering(move |request| {
            let batch = batch.as_array().unwrap().iter();
            let batch = batch.map(|m| if m == "answer" { answers(request) } else { m.clone() });
            Reply::json(200, &batch.collect())
        })
        .await;
        let exchange = open(&server, OLD).await.perform(echo(), options()).await;
        let told = words(&exchange);
        assert_eq!(told, format!("- / {expected}"));
    }
}

#[tokio::test]
async fn other_versions_have_no_batches() {
    let versions = [Version::V2024_11_05, Version::V2025_06_18, Version::V2025_11_25];
    for version in versions {
        let server = answering(|request| Reply::json(200, &json!([answers(request)]))).await;
        let exchange = open(&server, Some(version)).await.perform(echo(), options()).await;
        assert_eq!(
            words(&exchange),
            "- / the answer is a batch, which this version does not have",
            "{version}"
        );
        assert_eq!(exchange.answer.result, None);
    }
    let server = answering(|request| Reply::json(200, &json!([request.json()]))).await;
    let handshake = Server::start(|request, _| {
        let result = json!({"protocolVersion": "2025-03-26", "capabilities": {}, "serverInfo": info()});
        Reply::json(200, &json!([{"jsonrpc": "2.0", "id": request.json()["id"], "result": result}]))
    })
    .await;
    drop(server);
    let exchange = session(&handshake, OLD).begin().await.unwrap_err();
    assert!(
        words(&exchange).contains("the answer is a batch"),
        "the handshake is not in one: {}",
        words(&exchange)
    );
}

#[tokio::test]
async fn a_batch_is_sent_as_a_raw_body() {
    let server = answering(|request| {
        let Value::Array(messages) = request.json() else { return Reply::with(400, "", "") };
        let answers: Vec<Value> = messages
            .iter()
            .filter(|message| message.get("id").is_some())
            .map(|message| json!({"jsonrpc": "2.0", "id": message["id"], "result": {"was": message["method"]}}))
            .collect();
        Reply::json(200, &answers.into())
    })
    .await;
    let session = open(&server, OLD).await;
    let batch = json!([
        {"jsonrpc": "2.0", "id": "a", "method": "ping"},
        {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 99}},
        {"jsonrpc": "2.0", "id": "b", "method": "tools/list"}]);
    let http = Operation::Http { method: "POST".to_owned(), body: Some(batch.to_string()) };
    let exchange = session.perform(http, options()).await;
    good(&exchange);
    let answers: Value = serde_json::from_str(exchange.http.unwrap().body.as_deref().unwrap()).unwrap();
    assert_eq!(
        answers,
        json!([{"jsonrpc": "2.0", "id": "a", "result": {"was": "ping"}},
               {"jsonrpc": "2.0", "id": "b", "result": {"was": "tools/list"}}])
    );
}

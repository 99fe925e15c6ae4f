//! Calls that are tasks, in both forms, to their end.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::asking::{Rules, able, by_step, elicitation};
use super::*;
use crate::exchange::{Check, Outcome, Task};

const RELATED: &str = "io.modelcontextprotocol/related-task";

fn follow() -> SendOptions {
    SendOptions { task: Some(TaskMode::Follow), ..options() }
}

/// A task as each form describes it.
fn described(version: Option<Version>, status: &str) -> Value {
    let mut task = json!({"taskId": "t 1", "status": status, "createdAt": "2026-01-01T00:00:00Z",
        "lastUpdatedAt": "2026-01-01T00:00:00Z"});
    if version == MODERN {
        (task["ttlMs"], task["pollIntervalMs"]) = (Value::Null, 10.into());
    } else {
        (task["ttl"], task["pollInterval"]) = (Value::Null, 10.into());
    }
    task
}

fn with(mut value: Value, more: Value) -> Value {
    value.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    value
}

fn core(status: &str) -> Value {
    described(LEGACY, status)
}

/// The state of a task of the extension, as `tasks/get` answers it.
fn state(status: &str, more: Value) -> Value {
    with(with(described(MODERN, status), json!({"resultType": "complete"})), more)
}

fn payload(text: &str) -> Value {
    json!({"content": [{"type": "text", "text": text}], "structuredContent": {"n": 1}})
}

fn of_task(result: Value) -> Value {
    with(result, json!({"_meta": {RELATED: {"taskId": "t 1"}}}))
}

fn capable(request: &Request) -> Option<Reply> {
    let id = request.json()["id"].clone();
    match request.method().as_str() {
        "initialize" => {
            let version = request.json()["params"]["protocolVersion"].clone();
            let capabilities = json!({"tools": {}, "tasks": {"requests": {"tools": {"call": {}}}}});
            let result =
                json!({"protocolVersion": version, "capabilities": capabilities, "serverInfo": info()});
            let body = json!({"jsonrpc": "2.0", "id": id, "result": result}).to_string();
            Some(Reply::with(200, "content-type: application/json\r\nmcp-session-id: s1\r\n", &body))
        }
        "server/discover" => {
            let capabilities = json!({"tools": {}, "extensions": {"io.modelcontextprotocol/tasks": {}}});
            Some(request.result(with(discovered(), json!({"capabilities": capabilities}))))
        }
        "tools/list" => {
            let tool = |name: &str, support: Value| {
                json!({"name": name, "inputSchema": {"type": "object"},
                "execution": support})
            };
            Some(request.result(json!({"tools": [
                tool("echo", json!({"taskSupport": "optional"})), tool("never", json!({"taskSupport": "forbidden"})),
                tool("silent", json!({}))]})))
        }
        _ => legacy(request),
    }
}

/// A server that answers what concerns the task by the method and by how often it was asked before.
async fn scripted(answer: impl Fn(&str, usize, &Request) -> Reply + Send + Sync + 'static) -> Server {
    let counts: Mutex<std::collections::HashMap<String, usize>> = Mutex::default();
    Server::start(move |request, _| {
        capable(request).unwrap_or_else(|| {
            let method = request.method();
            let mut counts = counts.lock().unwrap();
            let count = counts.entry(method.clone()).or_default();
            *count += 1;
            answer(&method, *count - 1, request)
        })
    })
    .await
}

async fn open(server: &Server, version: Option<Version>) -> Session {
    let session = client(server).session(SessionConfig { tasks: true, ..able(version) });
    session.begin().await.unwrap();
    session
}

fn task(status: &str) -> Option<Task> {
    Some(Task { id: "t 1".to_owned(), status: status.to_owned() })
}

fn sent(server: &Server, method: &str) -> Vec<Value> {
    server.seen().iter().map(Request::json).filter(|message| message["method"] == method).collect()
}

#[tokio::test]
async fn both_forms_come_to_the_same_end() {
    let old = scripted(|method, count, request| match (method, count) {
        ("tools/call", _) => request.sse(json!({"task": core("working")})),
        ("tasks/get", 0 | 1) => request.result(core("working")),
        ("tasks/get", _) => request.result(core("completed")),
        ("tasks/result", _) => request.sse(of_task(payload("done"))),
        _ => Reply::accepted(),
    })
    .await;
    let new = scripted(|method, count, request| match (method, count) {
        ("tools/call", _) => {
            request.result(with(described(MODERN, "working"), json!({"resultType": "task"})))
        }
        ("tasks/get", 0 | 1) => request.result(state("working", json!({}))),
        ("tasks/get", _) => request.result(state("completed", json!({"result": payload("done")}))),
        _ => Reply::accepted(),
    })
    .await;
    for (server, version) in [(&old, LEGACY), (&new, MODERN)] {
        let session = open(server, version).await;
        assert_eq!(session.takes_task("echo").await, Ok(()));
        let exchange = session.perform(echo(), follow()).await;
        good(&exchange);
        assert_eq!((exchange.task(), exchange.is_error()), (task("completed"), Some(false)));
        assert_eq!(exchange.text().as_deref(), Some("done"));
        assert_eq!(exchange.document()["structured"], json!({"n": 1}));
        assert_eq!(exchange.document()["task"], json!({"id": "t 1", "status": "completed"}));
        assert_eq!(exchange.sent.as_ref().unwrap().method, "tools/call");
        assert_eq!(exchange.repairs, []);
        assert!(exchange.duration >= Duration::from_millis(30), "{:?}", exchange.duration);
        assert_eq!((server.count("tools/call"), server.count("tasks/get")), (1, 3));
        let settled = session.settle(soon()).await;
        assert_eq!((settled, server.count("tasks/cancel")), (Vec::new(), 0));
    }
    // The client asks for a core task; of the extension it says that it can meet one.
    let [call] = &*sent(&old, "tools/call") else { panic!() };
    assert_eq!(call["params"]["task"], json!({"ttl": 3_600_000}));
    assert_eq!(old.count("tasks/result"), 1);
    let [call] = &*sent(&new, "tools/call") else { panic!() };
    assert_eq!(call["params"].get("task"), None);
    let gets = new.seen().into_iter().filter(|request| request.method() == "tasks/get");
    for request in gets {
        assert_eq!(request.header("mcp-name"), "t 1");
        let params = &request.json()["params"];
        assert_eq!(params["taskId"], "t 1");
        let declared = &params["_meta"]["io.modelcontextprotocol/clientCapabilities"];
        assert_eq!(declared["extensions"], json!({"io.modelcontextprotocol/tasks": {}}));
    }
    let [opening] = &*sent(&old, "initialize") else { panic!() };
    assert_eq!(opening["params"]["capabilities"].get("extensions"), None, "an older era has none");
}

#[tokio::test]
async fn a_task_that_is_only_begun_is_left_alone() {
    let old = scripted(|_, _, request| request.result(json!({"task": core("working")}))).await;
    let new = scripted(|_, _, request| {
        request.result(with(described(MODERN, "working"), json!({"resultType": "task"})))
    })
    .await;
    for (server, version) in [(&old, LEGACY), (&new, MODERN)] {
        let session = open(server, version).await;
        let exchange =
            session.perform(echo(), SendOptions { task: Some(TaskMode::Start), ..options() }).await;
        good(&exchange);
        assert_eq!((exchange.task(), exchange.is_error()), (task("working"), None));
        session.close(soon()).await;
        assert_eq!(server.count("tasks/get") + server.count("tasks/cancel"), 0);
        // By hand it is the same.
        let session = open(server, version).await;
        let params = json!({"name": "echo", "task": {"ttl": 1}});
        let operation = Operation::Request { method: "tools/call".to_owned(), params: Some(params) };
        let exchange = session.perform(operation, options()).await;
        assert_eq!((exchange.task(), exchange.is_error()), (task("working"), None));
    }
}

#[tokio::test]
async fn a_task_that_failed_has_its_error() {
    let old = scripted(|method, _, request| match method {
        "tools/call" => request.result(json!({"task": core("working")})),
        "tasks/get" => request.result(core("failed")),
        _ => request.error(200, -32050, "out of paper"),
    })
    .await;
    let new = scripted(|method, _, request| match method {
        "tools/call" => request.result(with(described(MODERN, "failed"), json!({"resultType": "task"}))),
        _ => {
            let error = json!({"code": -32050, "message": "out of paper", "data": 2.5});
            request.result(state("failed", json!({"error": error})))
        }
    })
    .await;
    for (server, version) in [(&old, LEGACY), (&new, MODERN)] {
        let session = open(server, version).await;
        let exchange = session.perform(echo(), follow()).await;
        assert_eq!((exchange.outcome, &exchange.cause, exchange.wire.len()), (Outcome::Answered, &None, 0));
        assert_eq!((exchange.task(), exchange.is_error()), (task("failed"), None));
        let error = exchange.answer.error.unwrap();
        assert_eq!((&error["code"], &error["message"]), (&json!(-32050), &json!("out of paper")));
        session.close(soon()).await;
        assert_eq!(server.count("tasks/cancel"), 0);
    }
}

#[tokio::test]
async fn a_cancelled_task_has_neither_result_nor_error() {
    let old = scripted(|method, _, request| match method {
        "tools/call" => request.result(json!({"task": core("working")})),
        _ => request.result(core("cancelled")),
    })
    .await;
    let new = scripted(|method, _, request| match method {
        "tools/call" => request.result(with(described(MODERN, "working"), json!({"resultType": "task"}))),
        _ => request.result(state("cancelled", json!({}))),
    })
    .await;
    for (server, version) in [(&old, LEGACY), (&new, MODERN)] {
        let exchange = open(server, version).await.perform(echo(), follow()).await;
        good(&exchange);
        assert_eq!((exchange.task(), exchange.is_error()), (task("cancelled"), None));
        assert_eq!(exchange.answer.result, None);
    }
}

#[tokio::test]
async fn a_task_asks_in_both_forms_alike() {
    let meta = json!({RELATED: {"taskId": "t 1"}});
    let asks = {
        let mut asks = elicitation("who");
        (asks["jsonrpc"], asks["id"], asks["params"]["_meta"]) = ("2.0".into(), "q1".into(), meta.clone());
        asks
    };
    let old = scripted(move |method, count, request| match (method, count) {
        ("tools/call", _) => request.result(json!({"task": core("working")})),
        ("tasks/get", 0) => request.result(core("input_required")),
        ("tasks/get", _) => request.result(core("completed")),
        ("tasks/result", _) => {
            let answer =
                json!({"jsonrpc": "2.0", "id": request.json()["id"], "result": of_task(payload("done"))});
            Reply::stream(&[asks.clone(), answer])
        }
        _ => Reply::accepted(),
    })
    .await;
    let new = scripted(|method, count, request| match (method, count) {
        ("tools/call", _) => {
            request.result(with(described(MODERN, "input_required"), json!({"resultType": "task"})))
        }
        // The server needs a while to notice that the first was answered.
        ("tasks/get", 0 | 1) => {
            request.result(state("input_required", json!({"inputRequests": {"a": elicitation("who")}})))
        }
        ("tasks/get", 2) => request.result(state("working", json!({}))),
        ("tasks/get", _) => request.result(state("completed", json!({"result": payload("done")}))),
        _ => request.result(json!({"resultType": "complete"})),
    })
    .await;
    let mut all = Vec::new();
    for (server, version) in [(&old, LEGACY), (&new, MODERN)] {
        let session = open(server, version).await;
        let exchange =
            session.perform(echo(), SendOptions { task: Some(TaskMode::Follow), ..by_step() }).await;
        good(&exchange);
        assert_eq!((exchange.task(), exchange.text().as_deref()), (task("completed"), Some("done")));
        let [asked] = exchange.asked.as_slice() else { panic!("{exchange:?}") };
        let mut answer = asked.answer.result.clone().unwrap();
        let related = answer.as_object_mut().unwrap().remove("_meta");
        assert_eq!(related, (version == LEGACY).then(|| meta.clone()), "the answer is the task's, too");
        all.push((asked.method.clone(), answer));
        session.settle(soon()).await;
    }
    assert_eq!(all[0], all[1]);
    let [update] = &*sent(&new, "tasks/update") else { panic!() };
    let responses = json!({"a": {"action": "accept", "content": {"seen": "who"}}});
    assert_eq!(
        (&update["params"]["taskId"], &update["params"]["inputResponses"]),
        (&json!("t 1"), &responses)
    );
    old.until(|server| server.seen().iter().any(|request| request.json()["id"] == "q1")).await;
}

#[tokio::test]
async fn the_timeout_holds_over_the_whole_way_and_cancels() {
    let old = scripted(|method, _, request| match method {
        "tools/call" => request.result(json!({"task": core("working")})),
        _ => request.result(core("working")),
    })
    .await;
    let new = scripted(|method, _, request| match method {
        "tools/call" => request.result(with(described(MODERN, "working"), json!({"resultType": "task"}))),
        "tasks/get" => request.result(state("working", json!({}))),
        _ => request.result(json!({"resultType": "complete"})),
    })
    .await;
    for (server, version) in [(&old, LEGACY), (&new, MODERN)] {
        let session = open(server, version).await;
        let short = SendOptions { timeout: Duration::from_millis(300), ..follow() };
        let exchange = session.perform(echo(), short).await;
        assert_eq!((exchange.outcome, exchange.task()), (Outcome::TimedOut, task("working")));
        let cause = exchange.cause.unwrap();
        assert!(
            cause.starts_with("the task `t 1` did not end within 300 ms: its status is `working`"),
            "{cause}"
        );
        session.close(soon()).await;
        let [cancel] = &*sent(server, "tasks/cancel") else { panic!("{:?}", server.methods()) };
        assert_eq!(cancel["params"]["taskId"], "t 1");
        assert!(server.count("tasks/get") >= 2);
    }
}

#[tokio::test]
async fn an_interruption_and_a_dropped_step_cancel_the_task() {
    for version in [LEGACY, MODERN] {
        let begun = Arc::new(tokio::sync::Notify::new());
        let told = Arc::clone(&begun);
        let server = scripted(move |method, _, request| match method {
            "tools/call" if version == LEGACY => request.result(json!({"task": core("working")})),
            "tools/call" => request.result(with(described(MODERN, "working"), json!({"resultType": "task"}))),
            "tasks/get" => {
                told.notify_one();
                request.result(match version == LEGACY {
                    true => core("working"),
                    false => state("working", json!({})),
                })
            }
            _ => request.result(json!({"resultType": "complete"})),
        })
        .await;
        let cancel = CancellationToken::new();
        let config = SessionConfig { tasks: true, cancel: cancel.clone(), ..able(version) };
        let session = Arc::new(client(&server).session(config));
        session.begin().await.unwrap();
        let stepping = Arc::clone(&session);
        let step = tokio::spawn(async move { stepping.perform(echo(), follow()).await });
        tokio::time::timeout(Duration::from_secs(20), begun.notified()).await.unwrap();
        step.abort();
        assert!(step.await.is_err());
        server.until(|server| server.count("tasks/cancel") == 1).await;

        let stepping = Arc::clone(&session);
        let step = tokio::spawn(async move { stepping.perform(echo(), follow()).await });
        tokio::time::timeout(Duration::from_secs(20), begun.notified()).await.unwrap();
        cancel.cancel();
        let exchange = step.await.unwrap();
        assert_eq!((exchange.outcome, exchange.cause.as_deref()), (Outcome::Closed, Some("interrupted")));
        session.close(soon()).await;
        assert_eq!(server.count("tasks/cancel"), 2);
    }
}

#[tokio::test]
async fn what_nobody_answers_ends_the_task() {
    let sampling = json!({"method": "sampling/createMessage", "params": {"messages": [], "maxTokens": 1}});
    let server = scripted(move |method, _, request| match method {
        "tools/call" => request.result(with(described(MODERN, "working"), json!({"resultType": "task"}))),
        "tasks/get" => {
            request.result(state("input_required", json!({"inputRequests": {"a": sampling.clone()}})))
        }
        _ => request.result(json!({"resultType": "complete"})),
    })
    .await;
    for (responder, unexpected) in
        [(Arc::new(Silent) as Arc<dyn Responder>, true), (Arc::new(Rules("r")), false)]
    {
        let session = open(&server, MODERN).await;
        let exchange = session.perform(echo(), SendOptions { responder: Some(responder), ..follow() }).await;
        assert_eq!((exchange.outcome, exchange.task()), (Outcome::Answered, task("input_required")));
        assert_eq!(exchange.asked.iter().map(|asked| asked.unexpected).collect::<Vec<_>>(), [unexpected]);
        assert_eq!(exchange.cause.is_none(), unexpected, "{:?}", exchange.cause);
        session.close(soon()).await;
    }
    assert_eq!((server.count("tasks/update"), server.count("tasks/cancel")), (0, 2));
}

#[tokio::test]
async fn what_is_wrong_with_a_task_is_told_once() {
    let count = AtomicUsize::new(0);
    let old = scripted(move |method, _, request| match method {
        "tools/call" => request.result(json!({"task": core("working")})),
        "tasks/get" if count.fetch_add(1, Ordering::SeqCst) < 3 => {
            let state = with(core("working"), json!({"pollInterval": 0}));
            Reply::json(200, &json!({"id": request.json()["id"], "result": state}))
        }
        "tasks/get" => request.result(core("completed")),
        _ => request.result(payload("done")),
    })
    .await;
    let exchange = open(&old, LEGACY).await.perform(echo(), follow()).await;
    assert_eq!(
        words(&exchange),
        "- / `jsonrpc: \"2.0\"` is missing; the result of `tasks/result` does not name its task in \
         `_meta.io.modelcontextprotocol/related-task`"
    );
    assert_eq!(exchange.wire[1].section, "2025-11-25 basic/utilities/tasks");

    // A core server that declares tasks makes one where it is asked to; the extension lets the server choose.
    let plain = scripted(|_, _, request| request.result(with(called(), json!({"a": 1})))).await;
    for (version, wrong) in [(LEGACY, 1), (MODERN, 0)] {
        let exchange = open(&plain, version).await.perform(echo(), follow()).await;
        assert_eq!((exchange.wire.len(), exchange.task()), (wrong, None), "{}", words(&exchange));
        assert_eq!(exchange.is_error(), Some(false));
    }
    assert!(exchange.wire.iter().all(|found| found.check == Check::Wire));

    let lost = scripted(|method, _, request| match method {
        "tools/call" => request.result(json!({"task": core("working")})),
        "tasks/get" => request.error(200, -32602, "no such task"),
        _ => request.result(core("odd")),
    })
    .await;
    let exchange = open(&lost, LEGACY).await.perform(echo(), follow()).await;
    assert_eq!(exchange.answer.error.as_ref().unwrap()["code"], -32602);
    assert_eq!(
        exchange.cause.as_deref(),
        Some("this answers `tasks/get`, for the task `t 1`, last `working`")
    );
}

#[tokio::test]
async fn where_there_are_no_tasks_it_is_said() {
    let bare = Server::start(|request, _| legacy(request).unwrap_or_else(|| request.result(json!({})))).await;
    let new = Server::start(|request, _| modern(request).unwrap_or_else(|| request.result(json!({})))).await;
    let whole = scripted(|_, _, request| request.result(json!({}))).await;
    for (server, version, tool, reason) in [
        (
            &bare,
            Some(Version::V2025_06_18),
            "echo",
            "there are no tasks before 2025-11-25, and this session speaks 2025-06-18",
        ),
        (&bare, LEGACY, "echo", "the server has no tasks: it does not declare `tasks.requests.tools.call`"),
        (
            &new,
            MODERN,
            "echo",
            "the server has no tasks: it does not declare the extension `io.modelcontextprotocol/tasks`",
        ),
        (
            &whole,
            LEGACY,
            "never",
            "the tool `never` makes no tasks: its `execution.taskSupport` is `forbidden`",
        ),
        (&whole, LEGACY, "silent", "the tool `silent` makes no tasks: it has no `execution.taskSupport`"),
    ] {
        assert_eq!(open(server, version).await.takes_task(tool).await, Err(reason.to_owned()));
    }
    assert_eq!(open(&whole, LEGACY).await.takes_task("unlisted").await, Ok(()), "the server says it");
}

#[tokio::test]
async fn the_state_of_another_task_is_a_violation() {
    let other = |task: Value| with(task, json!({"taskId": "t 2"}));
    let old = scripted(move |method, _, request| match method {
        "tools/call" => request.result(json!({"task": core("working")})),
        "tasks/get" => request.result(other(core("completed"))),
        "tasks/result" => request.result(of_task(payload("done"))),
        _ => Reply::accepted(),
    })
    .await;
    let new = scripted(move |method, _, request| match method {
        "tools/call" => request.result(with(described(MODERN, "working"), json!({"resultType": "task"}))),
        "tasks/get" => request.result(other(state("completed", json!({"result": payload("done")})))),
        _ => Reply::accepted(),
    })
    .await;
    for (server, version) in [(&old, LEGACY), (&new, MODERN)] {
        let exchange = open(server, version).await.perform(echo(), follow()).await;
        let expected = "- / `tasks/get` was asked of the task `t 1` and answered of `t 2`";
        assert_eq!(words(&exchange), expected);
    }
}

#[tokio::test]
async fn a_step_that_shapes_its_message_repairs_nothing_of_its_task_either() {
    let server = scripted(|method, _, request| match method {
        "tools/call" => request.result(json!({"task": core("working")})),
        "tasks/get" => {
            let begun = Reply::chunk("id: e1\nretry: 1\ndata: \n\n");
            Reply::raw(format!("{}{begun}0\r\n\r\n", Reply::stream_head()))
        }
        // What takes it up again would be given the answer.
        _ => Reply::accepted(),
    })
    .await;
    let session = open(&server, LEGACY).await;
    let meta = vec![("progressToken".to_owned(), Some(json!("p")))];
    let exchange = session.perform(echo(), SendOptions { meta, ..follow() }).await;
    assert_eq!((exchange.outcome, exchange.repairs.as_slice()), (Outcome::Closed, [].as_slice()));
    assert!(server.seen().iter().all(|request| request.verb != "GET"));
}

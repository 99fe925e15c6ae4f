//! Tokens of several identities, and of external applications: when another is asked for, what is sent again with it, and
//! who waits for it.
#![cfg(feature = "sandbox")]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::Project;
use common::scripted::{self, Request, answer};
use serde_json::{Value, json};

const JSON: &str = "200 OK\r\ncontent-type: application/json";

const APP: &str =
    "    auth: {app: {id: {env: APP_ID}, secret: {env: APP_SECRET}, scope: OR.Execution OR.Jobs}}\n";

/// A suite of a server at an address, with an application.
fn with_app(url: &str) -> Project {
    let suite = format!("servers:\n  orders:\n    url: {url}\n{APP}scenarios: '*.yaml'\n");
    let project = Project::new().file("callsheet.yaml", &suite);
    project.env("APP_ID", "app-orders").env("APP_SECRET", "app-orders-secret")
}

/// The answer of the identity server.
fn token(number: usize) -> String {
    answer(JSON, &json!({"access_token": format!("app-token-{number:08}"), "expires_in": 3600}).to_string())
}

fn is_identity(request: &Request) -> bool {
    request.target.ends_with("/identity_/connect/token")
}

/// What a server with tasks of either era answers: a call becomes a task or asks for more, and nothing else about it is
/// answered with this token.
fn with_tasks(request: &Request) -> String {
    let tasks = json!({"list": {}, "cancel": {}, "requests": {"tools": {"call": {}}}});
    let schema = json!({"type": "object"});
    let info = json!({"name": "scripted", "version": "1"});
    let good = |result: &Value| answer(JSON, &request.result(result));
    match request.method() {
        "initialize" => good(
            &json!({"protocolVersion": "2025-11-25", "capabilities": {"tools": {}, "tasks": tasks}, "serverInfo": info}),
        ),
        "server/discover" => good(
            &json!({"resultType": "complete", "supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}, "ttlMs": 0, "cacheScope": "private", "_meta": {"io.modelcontextprotocol/serverInfo": info}}),
        ),
        "tools/list" => good(
            &json!({"resultType": "complete", "ttlMs": 0, "cacheScope": "private", "tools": [{"name": "start", "inputSchema": schema, "execution": {"taskSupport": "optional"}}]}),
        ),
        "tools/call" if request.message.pointer("/params/task").is_some() => good(
            &json!({"task": {"taskId": "t1", "status": "working", "createdAt": "2026-11-23T12:00:00Z", "lastUpdatedAt": "2026-11-23T12:00:00Z", "ttl": 60000, "pollInterval": 10}}),
        ),
        "tools/call" if request.message.pointer("/params/requestState").is_none() => {
            good(&json!({"resultType": "input_required", "requestState": "half-way"}))
        }
        method if method.starts_with("notifications/") => answer("202 Accepted", ""),
        _ => answer("401 Unauthorized\r\nwww-authenticate: Bearer", ""),
    }
}

#[test]
fn a_call_that_was_taken_is_not_made_again_where_the_token_runs_out_after_it() {
    let followed = "call: start\n    task: follow\n    expect: {task: {status: working}, http: {status: 401}, repairs: []}";
    let asked = "call: start\n    expect: {http: {status: 401}, repairs: []}";
    for (protocol, step) in [("2025-11-25", followed), ("2026-07-28", asked)] {
        let calls = Arc::new(AtomicUsize::new(0));
        let made = Arc::clone(&calls);
        let url = scripted::start(move |request| {
            if is_identity(request) {
                return token(0);
            }
            let is_first = request.message.pointer("/params/requestState").is_none();
            if request.method() == "tools/call" && is_first {
                made.fetch_add(1, Ordering::SeqCst);
            }
            with_tasks(request)
        });
        let scenario = format!("scenario: A\nprotocol: {protocol}\nsteps:\n  - {step}\n");
        with_app(&url).file("a.yaml", &scenario).run(&["test"]).exits(0);
        assert_eq!(calls.load(Ordering::SeqCst), 1, "{protocol}");
    }
}

/// A command that gives a token once there is a file of this name, and leaves one itself.
fn gives(token: &str, leaves: &str, once: &str) -> String {
    format!("[sh, -c, 'touch {leaves}; while ! test -e {once}; do sleep 0.02; done; echo {token}']")
}

#[test]
fn a_slow_token_of_one_identity_holds_up_no_other() {
    let done = Arc::new(std::sync::OnceLock::<std::path::PathBuf>::new());
    let there = Arc::clone(&done);
    let url = scripted::start(move |request| {
        if request.method() == "tools/list" && request.token.ends_with("token-of-the-quick") {
            std::fs::write(there.get().unwrap(), "").unwrap();
        }
        scripted::lifecycle(request).unwrap_or_else(|| answer(JSON, &request.result(&json!({"tools": []}))))
    });
    // The quick one waits until the slow one is asked for, and that one until the quick one has listed the tools.
    let (slow, quick) =
        (gives("token-of-the-slow", "begun", "done"), gives("token-of-the-quick", "quick", "begun"));
    let suite = format!(
        "servers:\n  s:\n    url: {url}\n    identities: {{slow: {{pat: {{command: {slow}}}}}, quick: {{pat: {{command: {quick}}}}}}}\nscenarios: '*.yaml'\n"
    );
    let project = Project::new().file("callsheet.yaml", &suite);
    done.set(project.path().join("done")).unwrap();
    let scenario = "scenario: A\nprotocol: 2025-11-25\nrows: [{name: slow}, {name: quick}]\nas: '{{ row.name }}'\nsteps:\n  - list: tools\n    expect: {items: {$length: 0}}\n";
    project.file("a.yaml", scenario).run(&["test"]).exits(0).says("2 passed");
}

#[test]
fn who_waits_for_a_token_that_is_not_given_does_not_wait_again() {
    let asked = Arc::new(AtomicUsize::new(0));
    let fetched = Arc::clone(&asked);
    let url = scripted::start(move |request| {
        if is_identity(request) {
            fetched.fetch_add(1, Ordering::SeqCst);
            std::thread::sleep(std::time::Duration::from_secs(2));
            return answer("503 Service Unavailable", "");
        }
        answer("401 Unauthorized", "")
    });
    let scenario = "scenario: A\nrows: [{name: a}, {name: b}, {name: c}, {name: d}]\nsteps:\n  - list: tools\n    expect: {items: []}\n";
    let ran = with_app(&url).file("a.yaml", scenario).run(&["test", "--test-threads", "4"]).exits(101);
    ran.says("4 failed").says("the identity server answered HTTP 503");
    // The diagnosis at the end may be late enough to ask for itself.
    assert!(asked.load(Ordering::SeqCst) <= 2);
}

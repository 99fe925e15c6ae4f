//! What 2026-07-28 has beside the message: arguments in headers, tools that say so wrongly, hints how long an answer
//! may be kept; and how often the tools are listed for it.
#![cfg(feature = "sandbox")]
#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has to fail")]

mod common;

use std::sync::{Arc, Mutex};

use common::Project;
use common::scripted::{self, Request};
use serde_json::{Value, json};

/// A server of 2026-07-28 with a good tool and a bad one, and the methods that it was asked.
fn server() -> (String, Arc<Mutex<Vec<String>>>) {
    let asked = Arc::<Mutex<Vec<String>>>::default();
    let told = Arc::clone(&asked);
    let tool = |name: &str, header: &str| {
        let region = json!({"type": "string", "x-mcp-header": header});
        json!({"name": name, "inputSchema": {"type": "object", "properties": {"region": region}}})
    };
    let tools = json!([tool("good", "Region"), tool("bad", "a b")]);
    let url = scripted::start(move |request| {
        told.lock().unwrap().push(request.method().to_owned());
        let result = match request.method() {
            "server/discover" => {
                kept(json!({"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}}))
            }
            "tools/list" => kept(json!({"tools": tools})),
            _ => json!({"resultType": "complete", "content": []}),
        };
        answer(request, &result)
    });
    (url, asked)
}

/// A result that a client may keep for an hour.
fn kept(mut result: Value) -> Value {
    for (name, value) in
        [("resultType", json!("complete")), ("ttlMs", json!(3_600_000)), ("cacheScope", json!("public"))]
    {
        result.as_object_mut().unwrap().insert(name.to_owned(), value);
    }
    result
}

fn answer(request: &Request, result: &Value) -> String {
    scripted::answer("200 OK\r\ncontent-type: application/json", &request.result(result))
}

fn project(url: &str, scenario: &str) -> Project {
    let suite = format!("servers: {{a: {{url: '{url}'}}}}\nscenarios: '*.yaml'\n");
    Project::new().file("callsheet.yaml", &suite).file("a.yaml", scenario)
}

#[test]
fn the_tools_are_listed_once_a_run_for_all_calls() {
    let (url, asked) = server();
    let rows = "scenario: A\nprotocol: 2026-07-28\nrows: [{name: a, v: x}, {name: b, v: y}, {name: c, v: z}]\nsteps:\n";
    let call = "  - call: good\n    arguments: {region: '{{ row.v }}'}\n    expect: {sent: {headers: {mcp-param-region: '{{ row.v }}'}}}\n";
    project(&url, &format!("{rows}{call}{call}")).run(&["test"]).exits(0).says("3 passed");
    let asked = asked.lock().unwrap();
    let count = |method: &str| asked.iter().filter(|asked| *asked == method).count();
    assert_eq!((count("tools/list"), count("tools/call"), count("server/discover")), (1, 6, 1));
}

#[test]
fn no_step_is_answered_from_what_was_kept() {
    let (url, asked) = server();
    let list = "  - list: tools\n    checks: {wire: warn}\n    expect: {items: {$length: 1}, result: {ttlMs: 3600000, cacheScope: public}}\n";
    let read = "  - request: server/discover\n    expect: {result: {ttlMs: 3600000}}\n";
    let scenario = format!("scenario: A\nprotocol: 2026-07-28\nsteps:\n{list}{read}{list}{read}");
    project(&url, &scenario).run(&["test"]).exits(0).says("1 passed");
    let expected = ["server/discover", "tools/list", "server/discover", "tools/list", "server/discover"]
        .map(str::to_owned);
    assert_eq!(*asked.lock().unwrap(), expected);
}

#[test]
fn a_tool_that_is_not_valid_is_named() {
    let (url, asked) = server();
    let run = |steps: &str| {
        project(&url, &format!("scenario: A\nprotocol: 2026-07-28\nsteps:\n{steps}")).run(&["test"])
    };
    let named = "the tool \"bad\" is not valid and may not be called: `x-mcp-header` of the property `region` is `a b`, which cannot be part of a header's name";
    run("  - list: tools\n    expect: {items: [{name: good}]}\n").exits(101).says(named);
    run("  - call: good\n    arguments: {region: a}\n    expect: {is_error: false}\n").exits(0);
    asked.lock().unwrap().clear();
    let ran = run("  - call: bad\n    arguments: {region: a}\n    expect: {is_error: false}\n");
    ran.exits(101).says("error[implied]: nothing was sent").says(named);
    run("  - call: bad\n    arguments: {region: a}\n    expect: {outcome: closed, sent: {$exists: false}}\n")
        .exits(0);
    assert!(!asked.lock().unwrap().iter().any(|method| method == "tools/call"));
}

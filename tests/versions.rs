//! One scenario, every era: the same file pinned to a version, on `auto`, and what the sandbox saw of it.
#![cfg(feature = "sandbox")]

mod common;

use common::{Project, Server};

const STEPS: &str = "  - call: echo\n    arguments: {a: 1}\n    expect: {json: {a: 1}, protocol: '{{ protocol }}'}\n  - list: tools\n    expect: {pages: {$gt: 1}}\n";

fn lifecycle(protocol: &str, expected: &str) -> Vec<String> {
    let server = Server::start();
    let steps = STEPS.replace("'{{ protocol }}'", expected);
    let scenario = format!("scenario: A\nprotocol: {protocol}\nsteps:\n{steps}");
    Project::on(&server).file("a.yaml", &scenario).run(&["test"]).exits(0);
    server.log().entries().into_iter().map(|entry| entry.method.unwrap_or(entry.http_method)).collect()
}

#[test]
fn the_older_eras_open_and_end_a_session() {
    for version in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        let seen = lifecycle(version, version);
        assert_eq!(seen.first().map(String::as_str), Some("initialize"));
        assert_eq!(seen.get(1).map(String::as_str), Some("notifications/initialized"));
        assert_eq!(seen.last().map(String::as_str), Some("DELETE"));
        assert!(!seen.contains(&"server/discover".to_owned()), "{seen:?}");
    }
}

#[test]
fn the_modern_era_has_no_session() {
    for protocol in ["2026-07-28", "auto"] {
        let seen = lifecycle(protocol, "2026-07-28");
        assert_eq!(seen.first().map(String::as_str), Some("server/discover"));
        assert!(seen.iter().all(|method| method != "initialize" && method != "DELETE"), "{seen:?}");
    }
}

#[test]
fn the_era_of_a_server_is_found_once_in_a_run() {
    let server = Server::start();
    let mut project = Project::on(&server);
    for index in 0..32 {
        project = project.file(&format!("c{index}.yaml"), &format!("scenario: A\nsteps:\n{STEPS}"));
    }
    project.run(&["test", "--test-threads", "32"]).exits(0).says("32 passed");
    assert_eq!(server.count("server/discover"), 1);
}

#[test]
fn a_list_of_versions_is_a_case_each_and_can_be_picked() {
    let server = Server::start();
    let scenario = format!("scenario: A\nprotocol: [2025-11-25, 2026-07-28]\nsteps:\n{STEPS}");
    let project = Project::on(&server).file("a.yaml", &scenario);
    let ran = project.run(&["test", "--list", "--format", "terse"]).exits(0);
    assert_eq!(ran.stdout, "a@2025-11-25: test\na@2026-07-28: test\n");
    project.run(&["test", "--exact", "a@2025-11-25"]).exits(0).says("1 passed");
    assert_eq!(server.count("server/discover"), 0);
}

#[test]
fn each_of_the_five_versions_is_a_case_with_its_own_headers() {
    let server = Server::start();
    let all = "2024-11-05, 2025-03-26, 2025-06-18, 2025-11-25, 2026-07-28";
    let scenario = format!(
        "scenario: A\nprotocol: [{all}]\nsteps:\n{STEPS}  - request: tools/list\n    when: {{protocol: {{$any: [2024-11-05, 2025-03-26]}}}}\n    expect: {{sent: {{headers: {{mcp-protocol-version: {{$exists: false}}}}}}}}\n  - request: tools/list\n    when: {{protocol: {{$not: {{$any: [2024-11-05, 2025-03-26]}}}}}}\n    expect: {{sent: {{headers: {{mcp-protocol-version: '{{{{ protocol }}}}'}}}}}}\n"
    );
    let project = Project::on(&server).file("a.yaml", &scenario);
    project.run(&["test", "--test-threads", "1"]).exits(0).says("5 passed");
    for version in all.split(", ") {
        project.run(&["test", "--protocol", version]).exits(0).says("1 passed");
    }
}

#[test]
fn what_a_version_does_not_have_is_told_before_anything_is_sent() {
    let server = Server::start();
    let rule = "respond: [{to: elicitation/create, result: {action: decline}}]";
    let pinned = format!("scenario: A\nprotocol: 2025-03-26\n{rule}\nsteps:\n{STEPS}");
    let project = Project::on(&server).file("a.yaml", &pinned);
    project.run(&["test"]).exits(3).says("`elicitation/create` came with 2025-06-18");
    assert_eq!(server.log().entries().len(), 0);
    // Where the case is ignored in that version, it needs nothing.
    let required =
        pinned.replace("protocol: 2025-03-26\n", "protocol: 2025-03-26\nrequires: {protocol: 2025-06-18}\n");
    Project::on(&server).file("a.yaml", &required).run(&["check"]).exits(0);
}

/// A tool that declares an output schema, and answers without structured content.
fn no_structured_content() -> String {
    use common::scripted::{answer, lifecycle, start};
    start(|request| {
        let result = match request.method() {
            "tools/list" => serde_json::json!({"tools": [
                {"name": "sum", "inputSchema": {"type": "object"}, "outputSchema": {"type": "object"}}]}),
            _ => serde_json::json!({"content": []}),
        };
        let json = "200 OK\r\ncontent-type: application/json";
        lifecycle(request).unwrap_or_else(|| answer(json, &request.result(&result)))
    })
}

#[test]
fn structured_content_is_not_missed_in_a_version_that_has_none() {
    let url = no_structured_content();
    let steps = "steps:\n  - call: sum\n    expect: {is_error: false}\n";
    let project = Project::new()
        .file("callsheet.yaml", &format!("servers: {{it: {{url: '{url}'}}}}\nscenarios: '*.yaml'\n"))
        .file("a.yaml", &format!("scenario: A\nprotocol: [2024-11-05, 2025-03-26]\n{steps}"))
        .file("b.yaml", &format!("scenario: B\nprotocol: 2025-06-18\n{steps}"));
    project.run(&["test", "--exact", "a@2024-11-05", "a@2025-03-26"]).exits(0).says("2 passed");
    project.run(&["test", "--exact", "b"]).exits(101).says("there is no structuredContent");
}

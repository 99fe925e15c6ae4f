//! What is refused before anything is sent: exit 3, a caret at the place, and a sandbox that saw no request.
#![cfg(feature = "sandbox")]

mod common;

use common::{Project, Server, marked};

/// A scenario of these steps is refused; the text at the caret, and a part of the message.
#[track_caller]
fn refused(server: &Server, steps: &str, at: &str, message: &str) {
    let before = server.log().entries().len();
    let project = Project::on(server).steps(steps);
    let ran = project.run(&["test"]).exits(3).says(message);
    assert_eq!(server.log().entries().len(), before, "something was sent");
    let marked: Vec<String> = marked(&ran.stderr).into_iter().map(|mark| mark.text).collect();
    assert!(
        marked.iter().any(|text| text == at),
        "no caret under `{at}`, but under {marked:?} in\n{}",
        ran.stderr
    );
    project.run(&["check"]).exits(3).says(message);
}

#[test]
fn each_mistake_is_shown_at_its_place() {
    let server = Server::start();
    let call = |rest: &str| format!("  - call: echo\n    arguments: {{a: 1}}\n{rest}");
    refused(&server, &call("    expct: {text: x}"), "expct", "did you mean `expect`");
    refused(&server, &call("    expect: {json: {$matchs: x}}"), "$matchs", "did you mean `$matches`");
    refused(&server, &call("    expect: {jsn: {a: 1}}"), "jsn", "did you mean `json`");
    refused(&server, &call("    expect: {json: {a: '{{ nobody }}'}}"), "nobody", "nothing defines `nobody`");
    refused(
        &server,
        "  - call: echo\n    arguments: {a: '{{ id }}'}\n  - call: echo\n    arguments: {a: 1}\n    save: {id: $.json.a}",
        "id",
        "before it is saved",
    );
    refused(&server, &call("    save: {x: '$.json['}"), "[", "JSONPath");
    refused(&server, &call("    timeout: fast\n    expect: {json: {a: 1}}"), "fast", "duration");
    refused(&server, &call("    read: 'orders://catalog'"), "read", "a step has one verb");
    refused(&server, &call("    expect: {json: {}}"), "{}", "cannot fail");
    refused(&server, &call("    expect: {text: {$contains: ''}}"), "''", "cannot fail");
    refused(&server, &call("    expect: {items: [1]}"), "items", "`items` is not filled by `call`");
    refused(&server, &call("    expect: {text: '{{#if x}}'}"), "{{#if x}}", "when");
    refused(&server, &call("    expect: {json: {a: {$eq: 1}}}"), "$eq", "$eq");
    refused(&server, &call("    expect: {json: {$.a: 1}}"), "$.a", "root");
    refused(&server, &call("    expect: {json: {a: {$matches: '('}}}"), "(", "regular expression");
    refused(&server, &call("    expect: {json: {a: {$schema: {type: strin}}}}"), "strin", "schema");
    refused(&server, &call("    expect: {json: {a: 1}}\n    expect: {json: {a: 2}}"), "expect", "twice");
    refused(&server, &call("    expect: {outcome: {$exists: true}}"), "{$exists: true}", "cannot fail");
    refused(&server, &call("    expect: {$.repairs: {$type: list}}"), "{$type: list}", "cannot fail");
    refused(
        &server,
        &call("    expect: {json: {a: {$any: [{$exists: true}, {$exists: false}]}}}"),
        "$any",
        "cannot fail",
    );
    refused(
        &server,
        &call("    save: {x: {path: $.json.a, matches: '(.)', all: true}}"),
        "matches",
        "leave one of them out",
    );
}

#[test]
fn before_the_first_step_no_session_is_open() {
    let server = Server::start();
    let steps = "steps: [{call: echo, arguments: {a: '{{ x }}'}}]";
    let project = |head: &str, x: &str| {
        Project::on(&server)
            .file("a.yaml", &format!("scenario: A\n{head}vars: {{x: '{{{{ {x} }}}}'}}\n{steps}\n"))
    };
    for x in ["session.id", "protocol"] {
        project("", x).run(&["test"]).exits(3).says("is not known before a session is open");
    }
    assert!(server.log().entries().is_empty());
    project("protocol: 2025-11-25\n", "protocol").run(&["test"]).exits(0);
}

#[test]
fn an_identity_has_to_exist_on_the_server_that_the_command_line_names() {
    let server = Server::start();
    let project =
        Project::on(&server).steps("  - list: tools\n    as: auditor\n    expect: {http: {status: 200}}");
    project.run(&["test"]).exits(0);
    let before = server.log().entries().len();
    project.run(&["test", "--url", &server.url()]).exits(3).says("server `url` has no identity `auditor`");
    assert_eq!(server.log().entries().len(), before, "something was sent without the token");
}

#[test]
fn all_problems_of_all_files_come_in_one_go() {
    let server = Server::start();
    let project = Project::on(&server)
        .file("a.yaml", "scenario: A\nsteps:\n  - call: echo\n    expct: 1\n    timeout: fast\n")
        .file("b.yaml", "scenario: B\nsteps:\n  - cal: echo\n")
        .file("c.yaml", "scenario: C\nsteps: [\n");
    let ran = project
        .run(&["test"])
        .exits(3)
        .says("a.yaml:4:5")
        .says("a.yaml:5:14")
        .says("b.yaml:3:5")
        .says("c.yaml:");
    assert!(server.log().entries().is_empty(), "{}", ran.stderr);
}

#[test]
fn a_literal_token_is_refused_and_not_shown() {
    let token = "rt_0123456789ABCDEF0123456789ABCDEF01234567";
    let suite = format!(
        "servers:\n  a:\n    url: http://127.0.0.1:1/mcp\n    auth: {{pat: {token}}}\nscenarios: '*.yaml'\n"
    );
    let project =
        Project::new().file("callsheet.yaml", &suite).steps("  - call: echo\n    expect: {text: x}");
    project.run(&["test"]).exits(3).says("callsheet.yaml:4:").silent_on(token).silent_on("0123456789ABCDEF");
    project.run(&["check"]).exits(3).silent_on("0123456789ABCDEF");
}

#[test]
fn plain_http_goes_to_this_machine_only_unless_the_suite_says_so() {
    let suite = |more: &str| {
        format!("servers: {{a: {{url: 'http://mcp.example.com/mcp'{more}}}}}\nscenarios: '*.yaml'\n")
    };
    let steps = "  - call: echo\n    expect: {text: x}";
    Project::new()
        .file("callsheet.yaml", &suite(""))
        .steps(steps)
        .run(&["check"])
        .exits(3)
        .says("insecure: true");
    Project::new().file("callsheet.yaml", &suite(", insecure: true")).steps(steps).run(&["check"]).exits(0);
}

#[test]
fn a_scenario_cannot_write_authorization() {
    let server = Server::start();
    refused(
        &server,
        "  - call: echo\n    headers: {authorization: Bearer x}\n    expect: {text: x}",
        "authorization",
        "identities",
    );
}

#[test]
fn a_filter_that_selects_nothing_is_an_error() {
    let server = Server::start();
    let project =
        Project::on(&server).steps("  - call: echo\n    arguments: {a: 1}\n    expect: {json: {a: 1}}");
    project.run(&["test", "nobody"]).exits(4).says("nobody");
    project.run(&["test", "--exact", "aa"]).exits(4);
    project.run(&["test", "--tag", "smoke"]).exits(4);
    project.run(&["test", "--exact", "a"]).exits(0);
    assert_eq!(server.count("tools/call"), 1);
    let pinned = "scenario: B\nprotocol: 2025-11-25\nsteps: [{list: tools, expect: {http: {status: 200}}}]\n";
    let project = project.file("b.yaml", pinned);
    project
        .run(&["test", "--protocol", "2026-07-28"])
        .exits(0)
        .says("1 passed; 0 failed; 0 ignored; 0 measured; 1 filtered out");
}

#[test]
fn check_opens_no_socket_and_reads_no_credential() {
    let suite = "servers: {a: {url: 'http://127.0.0.1:9/mcp', auth: {pat: {command: [sh, -c, 'echo ran > ran.txt; exit 1']}}}}\nscenarios: '*.yaml'\n";
    let project = Project::new().file("callsheet.yaml", suite).steps("  - call: echo\n    expect: {text: x}");
    project.run(&["check"]).exits(0);
    project.run(&["test", "--list"]).exits(0);
    assert!(!project.path().join("ran.txt").exists());
}

//! What fails a case while it runs, and what does not: on a real sandbox, through the command.
#![cfg(feature = "sandbox")]

mod common;

use common::{Project, Server};

#[track_caller]
fn fails(server: &Server, steps: &str, message: &str) {
    Project::on(server).steps(steps).run(&["test"]).exits(101).says(message);
}

#[track_caller]
fn passes(server: &Server, steps: &str) {
    Project::on(server).steps(steps).run(&["test"]).exits(0).says("test result: ok. 1 passed");
}

#[test]
fn nothing_passes_silently() {
    let server = Server::start();
    let echo = |rest: &str| format!("  - call: echo\n    arguments: {{list: [], two: [1, 2], a: 1}}\n{rest}");
    fails(
        &server,
        &echo("    save: {x: $.json.nowhere}\n    expect: {json: {a: '{{ x }}'}}"),
        "finds nothing",
    );
    fails(
        &server,
        &echo("    save: {x: '$.json.two[*]'}\n    expect: {json: {a: '{{ x }}'}}"),
        "finds 2 nodes",
    );
    fails(&server, &echo("    expect: {json: {nowhere: 1}}"), "nowhere");
    fails(&server, &echo("    expect: {json: {nowhere: {$not: 1}}}"), "nowhere");
    fails(&server, &echo("    expect: {json: {list: {$each: 1}}}"), "empty");
    fails(
        &server,
        "  - call: runFailingProcess\n    expect: {error: {$exists: false}}",
        "the tool reports an error",
    );
    passes(&server, "  - call: runFailingProcess\n    expect: {is_error: true}");
}

#[test]
fn a_refused_opening_can_be_expected() {
    let server = Server::start();
    passes(&server, "  - list: tools\n    as: anonymous\n    expect: {http: {status: 401}}");
    fails(&server, "  - list: tools\n    as: anonymous\n    expect: {http: {status: 403}}", "401");
    fails(&server, "  - list: tools\n    as: anonymous\n    expect: {pages: 3}", "no token was sent");
}

#[test]
fn a_401_names_the_variable_that_was_used() {
    let server = Server::start();
    let project = Project::on(&server)
        .steps("  - list: tools\n    expect: {pages: 3}")
        .env("OWNER_PAT", "rt_WRONGWRONGWRONG");
    let project = project.file("wrong.env", "");
    let ran = project.command(&["test"]).env("OWNER_PAT", "rt_WRONGWRONGWRONG").output().unwrap();
    let text = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert_eq!(ran.status.code(), Some(101), "{text}");
    assert!(text.contains("OWNER_PAT") && text.contains("401") && !text.contains("WRONGWRONG"), "{text}");
}

#[test]
fn what_the_server_chose_is_compared_and_never_obeyed() {
    let server = Server::start();
    let steps = "  - call: echo\n    arguments: {trap: {$$exists: true}}\n    save: {trap: $.json.trap}\n    expect: {json: {trap: {$$exists: true}}}\n  - call: echo\n    arguments: {trap: 1}\n    expect: {json: {trap: '{{ trap }}'}}";
    fails(&server, steps, "$exists");
}

#[test]
fn a_backslash_is_a_backslash() {
    let server = Server::start();
    let steps = "  - call: echo\n    name: path\n    arguments: {path: 'C:\\Invoices\\{{ name }}'}\n    expect: {json: {path: {$length: 14}}}";
    let project =
        Project::on(&server).file("a.yaml", &format!("scenario: A\nvars: {{name: x1}}\nsteps:\n{steps}\n"));
    project.run(&["test"]).exits(0);
    let call = server
        .log()
        .entries()
        .into_iter()
        .find(|entry| entry.method.as_deref() == Some("tools/call"))
        .unwrap();
    assert_eq!(call.body["params"]["arguments"]["path"], "C:\\Invoices\\x1");
}

#[test]
fn types_survive_from_one_call_to_the_next() {
    let server = Server::start();
    let values = "[9007199254740993, 18446744073709551615, 31.245270191439438, 961581.4008402061, true, null, {a: [1.5, '1']}]";
    let steps = format!(
        "  - call: echo\n    arguments: {{v: {values}}}\n    save: {{v: $.json.v}}\n  - call: echo\n    arguments: {{v: '{{{{ v }}}}'}}\n    expect: {{json: {{v: {values}}}}}"
    );
    passes(&server, &steps);
    let bodies: Vec<String> = server
        .log()
        .entries()
        .iter()
        .filter(|entry| entry.method.as_deref() == Some("tools/call"))
        .map(|entry| entry.body["params"]["arguments"].to_string())
        .collect();
    assert_eq!(bodies.len(), 2);
    assert_eq!(bodies[0], bodies[1]);
    assert!(bodies[1].contains("9007199254740993,18446744073709551615,31.245270191439438,961581.4008402061"));
    let close =
        "  - call: echo\n    arguments: {v: 9007199254740993}\n    expect: {json: {v: 9007199254740992.0}}";
    fails(&server, close, "9007199254740993");
}

#[test]
fn a_failure_tells_everything() {
    let server = Server::start();
    let steps = "  - call: createInvoice\n    arguments: {in_Customer: C-1, in_Amount: 12}\n    expect:\n      json:\n        out_Status: Createt\n        out_Amount: '12'";
    let project = Project::on(&server).steps(steps);
    let ran = project.run(&["test"]).exits(101);
    for part in [
        "a.yaml:7:21", // both expected nodes, file:line:column
        "a.yaml:8:21",
        "Createt",
        "Created",
        "string",
        "number",
        "$.json.out_Status", // the place in the exchange
        "$.json.out_Amount",
        "tools/call", // what was sent
        "\"in_Customer\"",
        "out_InvoiceId", // what came back
        "callsheet test --exact a",
    ] {
        assert!(ran.stdout.contains(part), "no `{part}` in\n{}", ran.stdout);
    }
}

#[test]
fn a_lost_session_is_opened_once_and_told() {
    let server = Server::start();
    let scenario = |steps: &str| format!("scenario: A\nprotocol: 2025-11-25\nsteps:\n{steps}\n");
    let lost = "  - request: ping\n  - http: {method: DELETE}\n    headers: {Mcp-Session-Id: '{{ session.id }}'}\n    expect: {http: {status: 200}}\n  - call: echo\n    arguments: {a: 1}\n    expect: {json: {a: 1}, repairs: [reopened]}";
    Project::on(&server).file("a.yaml", &scenario(lost)).run(&["test"]).exits(0);
    assert_eq!(server.count("initialize"), 2);
}

#[test]
fn a_refused_opening_is_lifted_only_by_what_speaks_of_it() {
    let server = Server::start();
    // Without the wire check, nothing else would be left to fail.
    let refused = |expect: &str| {
        format!("  - list: tools\n    as: anonymous\n    checks: {{wire: ignore}}\n    expect: {expect}")
    };
    fails(&server, &refused("{outcome: answered}"), "the session could not be opened");
    fails(&server, &refused("{error: {$exists: false}}"), "the session could not be opened");
    passes(&server, &refused("{phase: open}"));
    // The status that is expected has its caret, beside the reason.
    let other = "  - list: tools\n    as: anonymous\n    expect: {http: {status: 403}}";
    fails(&server, other, "$.http.status: the value differs");
}

#[test]
fn raw_http_that_succeeds_may_not_carry_an_error() {
    let server = Server::start();
    let project = |expect: &str| {
        let steps = format!(
            "  - session: open\n  - http: {{method: POST, body: {{jsonrpc: '2.0', id: 1, method: nope}}}}\n    headers: {{Content-Type: application/json, Accept: 'application/json, text/event-stream', Mcp-Session-Id: '{{{{ session.id }}}}', MCP-Protocol-Version: 2025-11-25}}\n    expect: {expect}"
        );
        let text = format!("scenario: A\nprotocol: 2025-11-25\nsteps:\n{steps}\n");
        Project::on(&server).file("a.yaml", &text)
    };
    project("{http: {status: 200}}").run(&["test"]).exits(101).says("answered with error -32601");
    project("{http: {status: 200}, error: {code: -32601}}").run(&["test"]).exits(0);
}

#[test]
fn what_a_template_yields_has_to_fit_its_place() {
    let server = Server::start();
    let project = |steps: &str| {
        let text = format!("scenario: A\nvars: {{o: {{a: 1}}, n: 5}}\nsteps:\n{steps}\n");
        Project::on(&server).file("a.yaml", &text)
    };
    let header = "  - call: echo\n    arguments: {a: 1}\n    headers: {X-A: '{{ o }}'}";
    project(header)
        .run(&["test"])
        .exits(101)
        .says("the header `X-A` is a text, and its template gives an object");
    let arguments = "  - call: echo\n    arguments: '{{ n }}'\n    expect: {error: {code: -32602}}";
    project(arguments).run(&["test"]).exits(101).says("the arguments are an object");
    assert_eq!(server.count("tools/call"), 0);
    project("  - call: echo\n    arguments: '{{ o }}'\n    headers: {X-A: '{{ n }}'}")
        .run(&["test"])
        .exits(0);
}

#[test]
fn a_session_that_was_never_opened_cannot_be_closed() {
    let server = Server::start();
    fails(&server, "  - session: close", "there is no session to close");
    passes(&server, "  - session: open\n  - session: close");
}

#[test]
fn a_step_that_expects_what_was_not_saved_is_not_run() {
    let server = Server::start();
    let steps = "  - call: echo\n    arguments: {a: 1}\n    save: {id: $.json.nowhere}\n  - call: echo\n    arguments: {b: 1}\n    expect: {json: {b: '{{ id }}'}}\n";
    for vars in ["", "vars: {id: 1}\n"] {
        let scenario = format!("scenario: A\nkeep_going: true\n{vars}steps:\n{steps}");
        let project = Project::on(&server).file("a.yaml", &scenario);
        project.run(&["test"]).exits(101).says("not run: needs `id`");
    }
    assert_eq!(server.count("tools/call"), 2, "the second step was run");
}

#[test]
fn a_warning_of_a_case_that_passes_is_told() {
    let server = Server::start();
    let steps = "  - call: echo\n    arguments: {a: 1}\n    expect: {json: {a: 1}}\n";
    let scenario = format!("scenario: A\nchecks: {{wire: warn}}\nsteps:\n{steps}");
    Project::on(&server).file("a.yaml", &scenario).run(&["test"]).exits(0).silent_on("warning");
    // The tools cannot be listed, so that no output schema is known: worth a note, and no failure.
    let more = "    headers: {x-sandbox-fault: '502; method=tools/list'}";
    Project::with(&server, more)
        .file("a.yaml", &scenario)
        .run(&["test"])
        .exits(0)
        .says("output schemas were not checked");
}

//! What fails a case while it runs, and what does not: on a real sandbox, through the command.

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

//! `defer`: what was made is undone, whatever happens, and what is not undone is told.
#![cfg(feature = "sandbox")]
#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has to fail")]

mod common;

use common::{Project, Ran, Server};

const CREATE: &str = "
  - call: createInvoice
    arguments: {in_Customer: C-1, in_Amount: 1}
    save: {invoice: $.json.out_InvoiceId}
    defer: {call: deleteInvoice, arguments: {in_InvoiceId: '{{ invoice }}'}}";

const FAIL: &str = "
  - call: echo
    arguments: {note: a}
    expect: {json: {note: b}}";

fn run(server: &Server, steps: &str) -> (Project, Ran) {
    let project = Project::on(server).steps(steps);
    let ran = project.run(&["test", "--report", "jsonl=events.jsonl"]);
    (project, ran)
}

/// Numbers and titles of the steps of a run, in the order in which they ended.
fn steps(project: &Project) -> Vec<String> {
    let events = project.read("events.jsonl");
    let events = events.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let text = |event: &serde_json::Value, name: &str| event[name].as_str().unwrap().to_owned();
    events
        .filter(|event| event["event"] == "step_ended")
        .map(|event| format!("{}: {}", text(&event, "step"), text(&event, "title")))
        .collect()
}

/// The invoices that the sandbox was asked to delete, in order.
fn deleted(server: &Server) -> Vec<String> {
    let calls = server.log().calls_of("deleteInvoice");
    let id = |at: &str, body: &serde_json::Value| body.pointer(at).unwrap().as_str().unwrap().to_owned();
    calls.iter().map(|call| id("/params/arguments/in_InvoiceId", &call.body)).collect()
}

/// Checks that every invoice that was made was deleted.
#[track_caller]
fn nothing_is_left(server: &Server) {
    let made = server.log().calls_of("createInvoice").len();
    let deleted = deleted(server);
    assert_eq!(made, deleted.len());
    let looks: String = deleted
        .iter()
        .map(|id| {
            format!(
                "\n  - {{call: getInvoice, arguments: {{in_InvoiceId: {id}}}, expect: {{is_error: true}}}}"
            )
        })
        .collect();
    run(server, &looks).1.exits(0);
}

#[test]
fn the_last_is_undone_first_after_a_failure_too() {
    let server = Server::start();
    let (project, ran) = run(&server, &format!("{CREATE}{CREATE}{FAIL}{CREATE}"));
    ran.exits(101);
    assert_eq!(
        steps(&project),
        [
            "1: call createInvoice",
            "2: call createInvoice",
            "3: call echo",
            "defer 2.1: call deleteInvoice",
            "defer 1.1: call deleteInvoice",
        ]
    );
    nothing_is_left(&server);
}

#[test]
fn the_names_are_those_of_the_moment() {
    let server = Server::start();
    let (_, ran) = run(
        &server,
        "
  - call: echo
    arguments: {note: one}
    save: {note: $.json.note}
  - defer:
      - {call: echo, arguments: {note: 'defer {{ note }}'}, save: {said: $.json.note}}
      - {call: echo, arguments: {note: 'again {{ said }}'}}
  - call: echo
    arguments: {note: two}
    save: {note: $.json.note}
    defer: {call: echo, arguments: {note: 'defer {{ note }}'}}",
    );
    ran.exits(0);
    let notes: Vec<String> = server
        .log()
        .calls_of("echo")
        .iter()
        .map(|call| call.body.pointer("/params/arguments/note").unwrap().as_str().unwrap().to_owned())
        .collect();
    assert_eq!(notes, ["one", "two", "defer two", "defer one", "again defer one"]);
}

#[test]
fn the_timeout_of_the_case_does_not_count() {
    let server = Server::start();
    let slow = "
  - {call: runSlowProcess, arguments: {in_Seconds: 30}}
";
    let undo = "
  - defer: {call: runSlowProcess, arguments: {in_Seconds: 2.2}, expect: {json: {out_Status: Successful}}}";
    let text = format!("scenario: Slow\ntimeout: 2s\nsteps:{CREATE}{undo}{slow}");
    let project = Project::on(&server).file("a.yaml", &text);
    let ran = project.run(&["test", "--report", "jsonl=events.jsonl"]).exits(101);
    assert_eq!(ran.stdout.matches("error[").count(), 1, "{}", ran.stdout);
    assert_eq!(
        steps(&project)[3..],
        ["defer 2.1: call runSlowProcess".to_owned(), "defer 1.1: call deleteInvoice".to_owned()]
    );
    nothing_is_left(&server);
}

#[test]
fn cleanup_that_fails_fails_the_case_after_all_of_it_has_run() {
    let server = Server::start();
    let broken = "
  - defer:
      - {call: deleteInvoice, arguments: {in_InvoiceId: INV-none}}
      - {call: echo, arguments: {note: a}}";
    let (project, ran) = run(&server, &format!("{CREATE}{broken}"));
    ran.exits(101).says("step defer 2.1: call deleteInvoice").says("There is no invoice INV-none");
    assert_eq!(
        steps(&project)[2..],
        [
            "defer 2.1: call deleteInvoice".to_owned(),
            "defer 2.2: call echo".to_owned(),
            "defer 1.1: call deleteInvoice".to_owned(),
        ]
    );
    assert_eq!(server.log().calls_of("createInvoice").len(), 1);
}

#[test]
fn what_was_not_made_is_not_undone() {
    let server = Server::start();
    let (project, ran) = run(
        &server,
        "
  - call: getInvoice
    arguments: {in_InvoiceId: INV-none}
    expect: {is_error: true}
    defer: {call: deleteInvoice, arguments: {in_InvoiceId: INV-none}}
  - request: nothing/of_that_kind
    expect: {error: {code: -32601}}
    defer: {call: deleteInvoice, arguments: {in_InvoiceId: INV-none}}",
    );
    ran.exits(0).silent_on("left");
    assert_eq!(steps(&project).len(), 2);
}

#[test]
fn what_had_no_answer_may_be_left_behind() {
    let server = Server::start();
    let (project, ran) = run(
        &server,
        "
  - call: runSlowProcess
    arguments: {in_Seconds: 30}
    timeout: 200ms
    expect: {outcome: timed_out}
    defer: {call: deleteInvoice, arguments: {in_InvoiceId: INV-1}}",
    );
    ran.exits(0)
        .says("warning[left-behind]: `call runSlowProcess` had no answer: what it made may be left behind")
        .says("not run: call deleteInvoice");
    assert_eq!(steps(&project), ["1: call runSlowProcess"]);
}

#[test]
fn what_is_done_as_somebody_is_undone_as_them() {
    let server = Server::start();
    let (_, ran) = run(
        &server,
        "
  - list: tools
    as: auditor
    defer: {list: prompts}",
    );
    ran.exits(0);
    let entries = server.log().entries();
    let token = |method: &str| {
        let entry = entries.iter().find(|entry| entry.method.as_deref() == Some(method)).unwrap();
        entry.header("authorization").map(str::to_owned)
    };
    assert_eq!(token("prompts/list"), token("tools/list"));
    assert_eq!(token("prompts/list").as_deref(), Some("auditor"));
}

#[test]
fn fail_fast_leaves_nothing_behind() {
    let server = Server::start();
    let scenario = |steps: &str| format!("scenario: A test\nsteps:{CREATE}{steps}\n");
    let slow = "\n  - {call: runSlowProcess, arguments: {in_Seconds: 0.5}}";
    Project::on(&server)
        .file("a.yaml", &scenario(FAIL))
        .file("b.yaml", &scenario(slow))
        .run(&["test", "--fail-fast"])
        .exits(101);
    nothing_is_left(&server);
}

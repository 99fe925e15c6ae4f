//! The sandbox as a command and in suites: knobs and profiles, what it assumes, and why it refuses.
#![cfg(feature = "sandbox")]

mod common;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::Stdio;

use callsheet::knobs::KNOBS;
use common::Project;

#[test]
fn every_knob_is_in_the_help() {
    let help = Project::new().run(&["sandbox", "--help"]).exits(0).stdout;
    for knob in KNOBS {
        assert!(help.contains(&format!("  {}={}\n", knob.name, knob.default)), "{}", knob.name);
        let said: String = help.split_whitespace().collect();
        assert!(said.contains(&knob.doc.split_whitespace().collect::<String>()), "{}", knob.name);
    }
}

#[test]
fn what_is_no_knob_is_refused() {
    for (arguments, says) in [
        (["--knob", "unknwon_target=404"], "did you mean `unknown_target`?"),
        (["--knob", "unknown_target=500"], "`unknown_target` takes `401`, `404`, not `500`"),
        (["--knob", "unknown_target"], "is not NAME=VALUE"),
        (["--knob", "fault=505"], "no fault is named `505`"),
        (["--profile", "docs-2025"], "docs-2026-05"),
    ] {
        let ran = Project::new().run(&["sandbox", "--port", "0", arguments[0], arguments[1]]).exits(2);
        assert!(ran.all().contains(says), "{}", ran.all());
    }
}

#[test]
fn it_tells_what_it_assumes_and_why_it_refuses() {
    let project = Project::new();
    let mut command = project.command(&["sandbox", "--port", "0", "--knob", "unknown_target=404"]);
    let mut serving = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(serving.stdout.take().unwrap()).lines().map(Result::unwrap);
    let url = lines.find(|line| line.trim().starts_with("http://")).unwrap().trim().to_owned();
    let assumed: Vec<String> =
        lines.by_ref().take_while(|line| !line.starts_with("What is refused")).collect();
    assert!(assumed.contains(&"  unknown_target=404".to_owned()), "{assumed:?}");
    assert!(assumed.contains(&"  no_view=403".to_owned()), "{assumed:?}");
    let (address, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut connection = TcpStream::connect(address).unwrap();
    write!(
        connection,
        "POST /{path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 401") && !answer.contains("no token"), "{answer}");
    let line = lines.next().unwrap();
    assert_eq!(line, format!("POST /{path}: no token"));
    serving.kill().unwrap();
    serving.wait().unwrap();
}

#[test]
fn a_suite_sets_knobs() {
    let suite = "default: nowhere
servers:
  nowhere: {sandbox: {profile: uipath, slug: nowhere, knobs: {unknown_target: 404}}}
  connectors: {sandbox: {profile: uipath, slug: connectors}}
  silent: {sandbox: {profile: docs-2026-05, slug: connectors}}
  next: {sandbox: {profile: uipath, slug: orders-next}}
scenarios: '*.yaml'
";
    let message = "call: sendSlackMessage\n    arguments: {in_Channel: C, in_Text: T}";
    let steps = format!(
        "  - list: tools
    expect: {{phase: open, http: {{status: 404}}}}
  - {message}
    server: connectors
    expect: {{is_error: true, json: {{code: CNS1046}}}}
  - {message}
    server: connectors
    as: interactive
    expect: {{json: {{out_Channel: C}}}}
  - {message}
    server: silent
    timeout: 300ms
    expect: {{outcome: timed_out}}
  - call: createInvoice
    server: next
    arguments: {{in_CustomerId: C, in_Amount: 1, in_Currency: EUR}}
    expect: {{json: {{out_Currency: EUR}}}}
"
    );
    Project::new().file("callsheet.yaml", suite).steps(&steps).run(&["test"]).exits(0);
}

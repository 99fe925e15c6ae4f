//! Events as a run makes them, for the golden files of all reports.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::auth::{Redactor, Secret};
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::event::{CaseEnded, Event, Happening, Kind, Place, RunEnded, RunStarted, StepEnded, Verdict};
use crate::source::{Position, Site, SourceFile, Span};

const FILE: &str = "\
scenario: An invoice can be created
steps:
  - call: createInvoice
    arguments: {in_Amount: 1250.5}
    expect:
      json:
        out_Status: Created
        out_Amount: 1250
";

fn site(text: &str) -> Site {
    let start = FILE.find(text).unwrap();
    let file = Arc::new(SourceFile::new("scenarios/invoices.yaml", FILE));
    Site { file, span: Span::new(start, start + text.len()) }
}

fn place(line: usize, column: usize) -> Place {
    Place { path: "scenarios/invoices.yaml".to_owned(), position: Position { line, column } }
}

fn step(exchange: Option<Value>, problems: Vec<Diagnostic>) -> StepEnded {
    StepEnded {
        case: "invoices::create".into(),
        number: "1".to_owned(),
        title: "call createInvoice".to_owned(),
        place: place(3, 5),
        server: "sandbox".to_owned(),
        identity: "default".to_owned(),
        exchange,
        cause: None,
        problems,
        duration: Duration::from_millis(12),
    }
}

fn case(findings: Vec<StepEnded>) -> CaseEnded {
    CaseEnded {
        case: "invoices::create".into(),
        title: "An invoice can be created".to_owned(),
        place: place(1, 11),
        verdict: Verdict::Failed,
        duration: Duration::from_millis(15),
        findings,
        problems: Vec::new(),
        notes: Vec::new(),
        rerun: "callsheet test --exact invoices::create".to_owned(),
    }
}

fn sent(method: &str, params: &Value) -> Value {
    json!({
        "method": method,
        "params": params,
        "headers": {
            "accept": "application/json, text/event-stream",
            "mcp-protocol-version": "2025-11-25",
            "mcp-session-id": "6f0c2a4e",
        },
    })
}

fn call() -> Value {
    sent("tools/call", &json!({"name": "createInvoice", "arguments": {"in_Amount": 1250.5}}))
}

pub(in crate::report) fn modern() -> CaseEnded {
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "callsheet", "version": "0.1.0"},
        "io.modelcontextprotocol/clientCapabilities": {},
        "progressToken": 7,
    });
    let params = json!({"name": "createInvoice", "arguments": {}, "_meta": meta});
    let mut exchange = json!({
        "outcome": "answered", "phase": "step", "sent": sent("tools/call", &params),
        "error": {"code": -32602, "message": "in_Amount is missing"},
        "http": {"status": 400, "headers": {}, "body": "…"},
        "duration": 0.02, "protocol": "2026-07-28",
    });
    exchange["sent"]["headers"]["accept"] = json!("text/html");
    case(vec![step(
        Some(exchange),
        vec![Diagnostic::error(Code::Implied, site("createInvoice"), "the server answered with an error")],
    )])
}

pub(in crate::report) fn interrupted() -> CaseEnded {
    let exchange = json!({"outcome": "closed", "phase": "step", "sent": call(), "duration": 0.2});
    let problem = Diagnostic::error(Code::Interrupted, site("createInvoice"), "interrupted by a signal");
    let mut failed = step(Some(exchange), vec![problem]);
    failed.cause = Some("interrupted".to_owned());
    case(vec![failed])
}

pub(in crate::report) fn two_mismatches() -> CaseEnded {
    let text = r#"{"out_Status":"Faulted","out_Amount":1250.5}"#;
    let exchange = json!({
        "outcome": "answered",
        "phase": "step",
        "sent": call(),
        "result": {"content": [{"type": "text", "text": text}], "isError": false},
        "is_error": false,
        "json": {"out_Status": "Faulted", "out_Amount": 1250.5},
        "text": text,
        "notifications": [{"method": "notifications/progress", "params": {"progress": 1}}],
        "asked": [],
        "repairs": ["reopened"],
        "wire": [],
        "http": {"status": 200, "headers": {"content-type": "text/event-stream"}, "events": [
            {"id": "1", "data": "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{}}"}
        ]},
        "duration": 0.0123,
        "protocol": "2025-11-25",
    });
    let problems = vec![
        Diagnostic::error(Code::Mismatch, site("Created"), "`out_Status` differs")
            .label("expected string \"Created\", found string \"Faulted\"")
            .note("at $.json.out_Status"),
        Diagnostic::error(Code::Mismatch, site("1250\n"), "`out_Amount` differs")
            .label("expected number 1250, found number 1250.5")
            .note("at $.json.out_Amount"),
    ];
    case(vec![step(Some(exchange), problems)])
}

pub(in crate::report) fn timeout() -> CaseEnded {
    let exchange = json!({
        "outcome": "timed_out", "phase": "step", "sent": call(),
        "http": {"status": 200, "headers": {}, "events": []},
        "duration": 0.7, "protocol": "2025-11-25",
    });
    let problem =
        Diagnostic::error(Code::Implied, site("createInvoice"), "there was no answer within 700 ms")
            .help("a longer `timeout` of the step");
    let mut failed = step(Some(exchange), vec![problem]);
    failed.cause = Some("the step's timeout of 700 ms passed".to_owned());
    let mut case = case(vec![failed]);
    case.notes.push("the answer came 2.3 s late: it was not read".to_owned());
    case
}

pub(in crate::report) fn unreachable() -> CaseEnded {
    let exchange = json!({
        "outcome": "unreachable", "phase": "open",
        "sent": sent("initialize", &json!({"protocolVersion": "2025-11-25"})), "duration": 0.0002,
    });
    let problem = Diagnostic::error(Code::Implied, site("createInvoice"), "the session could not be opened");
    let mut failed = step(Some(exchange), vec![problem]);
    failed.cause = Some("127.0.0.1:3001: connection refused".to_owned());
    case(vec![failed])
}

pub(in crate::report) fn refused() -> CaseEnded {
    let exchange = json!({
        "outcome": "answered", "phase": "open",
        "sent": sent("initialize", &json!({"protocolVersion": "2025-11-25"})),
        "http": {
            "status": 401,
            "headers": {"www-authenticate": "Bearer"},
            "body": "You are not authenticated!\u{1b}[31m",
        },
        "duration": 1.5,
    });
    let problem = Diagnostic::error(Code::OpenFailed, site("createInvoice"), "the server refused the token")
        .help("the token came from the environment variable ORDERS_PAT");
    let mut failed = step(Some(exchange), vec![problem]);
    failed.identity = "auditor".to_owned();
    case(vec![failed])
}

pub(in crate::report) fn long_answer() -> CaseEnded {
    let rows: Vec<Value> =
        (0..60).map(|n| json!({"id": n, "name": "x".repeat(if n == 1 { 400 } else { 80 })})).collect();
    let exchange = json!({
        "outcome": "answered", "phase": "step", "sent": call(),
        "result": {"content": [{"type": "image", "data": "AAAA"}, {"type": "text", "text": "1"}], "rows": rows},
        "is_error": false, "json": 1, "text": "1",
        "http": {"status": 200, "headers": {}, "body": "…"},
        "duration": 0.02, "protocol": "2025-11-25",
    });
    let first = step(
        Some(exchange),
        vec![Diagnostic::error(Code::SaveFailed, site("in_Amount"), "`$.json.id` finds nothing")],
    );
    let mut second =
        step(None, vec![Diagnostic::error(Code::NotRun, site("out_Status"), "not run: needs `invoice`")]);
    second.number = "2".to_owned();
    second.title = "read invoice://1".to_owned();
    second.duration = Duration::ZERO;
    let mut case = case(vec![first, second]);
    case.problems.push(Diagnostic::new(
        Code::TimedOut,
        Severity::Error,
        None,
        "the case's timeout of 5 s passed",
    ));
    case
}

/// A run with a case of each verdict, and a secret that the server sends back.
pub(in crate::report) fn run() -> Vec<Event> {
    let redactor = Redactor::new();
    redactor.add(&Secret::new("rt_SECRET_TOKEN"));
    let failed = two_mismatches();
    let passing = |name: &str, verdict| {
        let mut case = case(Vec::new());
        case.case = name.into();
        case.verdict = verdict;
        case
    };
    let mut passed = passing("smoke", Verdict::Passed);
    passed.notes.push("it said rt_SECRET_TOKEN <b>\u{1}</b>".to_owned());
    let ignored = passing("invoices::delete", Verdict::Ignored("bug 12 & rt_SECRET_TOKEN".to_owned()));
    let not_run = passing("invoices::late", Verdict::NotRun("not run: interrupted by a signal".to_owned()));
    let started = RunStarted { run_id: "r-1".to_owned(), seed: u64::MAX, selected: 4, filtered_out: 7 };
    let ended = RunEnded { passed: 1, failed: 1, ignored: 1, not_run: 1, interrupted: true };
    [
        Kind::RunStarted(started),
        Kind::CaseStarted { case: "invoices::create".into() },
        Kind::StepEnded(failed.findings[0].clone()),
        Kind::CaseEnded(failed),
        Kind::CaseEnded(passed),
        Kind::CaseEnded(ignored),
        Kind::CaseEnded(not_run),
        Kind::RunEnded(ended),
    ]
    .into_iter()
    .zip(1..)
    .map(|(kind, n)| redactor.seal(Happening { at: Duration::from_millis(n * 10), kind }))
    .collect()
}

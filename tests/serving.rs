//! The sandbox as a command and in suites: knobs and profiles, what it assumes, and why it refuses.
#![cfg(feature = "sandbox")]
#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has to fail")]
#![expect(clippy::string_slice, reason = "as above")]
#![expect(clippy::print_stderr, reason = "a test that is skipped says so")]

mod common;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use callsheet::knobs::KNOBS;
use common::Project;
use common::pages::blocks;
use serde_json::{Value, json};

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

/// `callsheet sandbox`, until it is dropped.
struct Serving {
    child: Child,
    url: String,
    /// Everything that it prints before the first refusal.
    told: Vec<String>,
    /// The refusals, as they come.
    refusals: Box<dyn Iterator<Item = String>>,
}

impl Serving {
    fn start(knob: &str) -> Self {
        let mut command = Project::new().command(&["sandbox", "--port", "0", "--knob", knob]);
        let mut child = command.current_dir("/").stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let told: Vec<String> =
            lines.by_ref().take_while(|line| !line.starts_with("What is refused")).collect();
        let url = told.iter().find(|line| line.trim().starts_with("http://")).unwrap().trim().to_owned();
        Self { child, url, told, refusals: Box::new(lines) }
    }

    /// The lines that start so, and those below them to the next empty one, as they are to be pasted.
    fn printed(&self, start: &str) -> String {
        let from = self.told.iter().skip_while(|line| !line.trim().starts_with(start));
        from.take_while(|line| !line.is_empty()).map(|line| line[2..].to_owned() + "\n").collect()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// What a shell prints that is given this, and nothing of this machine's but the path of programs.
fn shell(script: &str) -> String {
    let output = Project::new().env("HOME", "/nowhere").shell(script).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The call of UiPath's page on personal access tokens: it works as it is printed, and docs/uipath.md prints the same.
#[test]
fn the_call_of_the_pat_page_works_as_it_is_printed() {
    if Command::new("curl").arg("--version").stdout(Stdio::null()).status().is_err() {
        eprintln!("skipped: there is no `curl` on this machine");
        return;
    }
    let page = blocks("docs/uipath.md").into_iter().find(|block| block.text.starts_with("curl ")).unwrap();
    let serving = Serving::start("accept=lenient");
    let (exports, call) = (serving.printed("export "), serving.printed("curl "));
    assert_eq!(call, page.text);
    assert!(call.contains("initialize") && !call.to_lowercase().contains("accept"), "{call}");

    let answer = shell(&(exports + &call));
    let data = answer.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
    let message: Value = serde_json::from_str(data).unwrap();
    assert_eq!(message["result"]["protocolVersion"], json!("2025-06-18"), "{answer}");
    assert!(message["result"]["capabilities"]["tools"].is_object(), "{answer}");

    // What makes it hard: curl accepts `*/*`, which is not what the protocol asks of a client.
    let mut strict = Serving::start("accept=strict");
    let answer = shell(&(strict.printed("export ") + &call));
    assert!(answer.contains("Not Acceptable"), "{answer}");
    let refusal = strict.refusals.next().unwrap();
    assert!(
        refusal.ends_with("initialize: it does not accept both `application/json` and `text/event-stream`")
    );
}

#[test]
fn what_it_prints_for_a_suite_is_one() {
    let serving = Serving::start("accept=lenient");
    let variable = |name: &str| {
        let exports = serving.printed("export ");
        let start = format!("export {name}=");
        exports.lines().find_map(|line| line.strip_prefix(&start)).unwrap().to_owned()
    };
    let names = ["UIPATH_MCP_SERVER_URL", "UIPATH_ACCESS_TOKEN"];
    let suite = serving.printed("servers:") + "scenarios: '*.yaml'\n";
    let project = Project::new().file("callsheet.yaml", &suite).steps("  - list: tools");
    let project = names.into_iter().fold(project, |project, name| project.env(name, &variable(name)));
    project.run(&["test"]).exits(0).says("1 passed");
}

#[test]
fn it_tells_what_it_assumes_and_why_it_refuses() {
    let mut serving = Serving::start("unknown_target=404");
    let (url, assumed) = (&serving.url, &serving.told);
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
    let line = serving.refusals.next().unwrap();
    assert_eq!(line, format!("POST /{path}: no token"));
    let mut connection = TcpStream::connect(address).unwrap();
    write!(connection, "POST /it's HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").unwrap();
    connection.read_to_string(&mut answer).unwrap();
    let line = serving.refusals.next().unwrap();
    assert!(line.starts_with("POST /it's: "), "{line}");
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

//! docs/uipath.md is a walk that can be followed: its files are written and its commands run, in the order of the page,
//! in an empty folder and with the sandbox in the place of UiPath.
#![cfg(feature = "sandbox")]
#![expect(clippy::panic, reason = "a test that cannot set itself up has to fail")]
#![expect(clippy::print_stderr, reason = "a test that is skipped says so")]

mod common;

use std::collections::BTreeSet;

use callsheet::knobs::KNOBS;
use callsheet::sandbox::{AUDITOR_TOKEN, OWNER_TOKEN};
use common::pages::{blocks, text};
use common::{Project, Server, binary};

const PAGE: &str = "docs/uipath.md";

/// The host that the page names, which no test may call.
const HOST: &str = "https://cloud.uipath.com";

/// The path in the first line of a block that is a file.
fn file(text: &str) -> Option<&str> {
    text.lines().next()?.strip_prefix("# ").filter(|name| name.ends_with(".yaml"))
}

/// What a variable is here that the page has the reader fill in.
fn value(name: &str, server: &Server) -> String {
    match name {
        "UIPATH_ACCESS_TOKEN" => OWNER_TOKEN.to_owned(),
        "AUDITOR_PAT" => AUDITOR_TOKEN.to_owned(),
        "UIPATH_MCP_SERVER_URL" => server.url(),
        _ => panic!("nothing fills in `{name}`"),
    }
}

#[test]
fn the_page_can_be_followed_step_by_step() {
    let server = Server::start();
    let base = server.url().split("/acme/").next().unwrap().to_owned();
    let folder = binary().parent().unwrap().display().to_string();
    let mut project = Project::new();
    let mut exports = format!("PATH={folder}:$PATH\n");
    let mut commands = BTreeSet::new();
    let mut last = String::new();
    for block in blocks(PAGE) {
        if let Some(path) = file(&block.text) {
            project = project.file(path, &block.text.replace(HOST, &base));
            continue;
        }
        if block.mark != "sh" {
            continue;
        }
        if block.text.starts_with("curl ") && !runs(&project, "curl --version") {
            eprintln!("skipped: there is no `curl` on this machine");
            continue;
        }
        let mut script = String::new();
        for line in block.text.lines() {
            match line.strip_prefix("export ").and_then(|line| line.split_once('=')) {
                Some((name, _)) => exports.push_str(&format!("export {name}='{}'\n", value(name, &server))),
                None => script.push_str(&format!("{line}\n")),
            }
            commands.extend(
                line.strip_prefix("callsheet ").and_then(|line| line.split(' ').next()).map(str::to_owned),
            );
        }
        if script.is_empty() {
            continue;
        }
        let output = project.shell(&format!("set -e\n{exports}{script}")).output().unwrap();
        last = String::from_utf8(output.stdout).unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{PAGE}:{}:\n{script}\n{last}\n{told}", block.line);
        assert!(!told.contains("warning"), "{PAGE}:{}: {told}", block.line);
        assert!(!block.text.starts_with("curl ") || last.contains("\"result\""), "{last}");
    }
    for command in ["check", "doctor", "init", "show", "test"] {
        assert!(commands.contains(command), "nothing shows `{command}`");
    }
    assert!(last.contains("3 passed"), "{last}");
    assert!(server.count("tools/call") > 0, "nothing was played against the server");
    let whole = project.shell(&format!("{exports}callsheet test")).output().unwrap();
    assert!(String::from_utf8(whole.stdout).unwrap().contains("5 passed; 0 failed"));
}

#[test]
fn what_the_doctor_says_is_real() {
    let server = Server::start();
    let project = Project::new()
        .file("callsheet.yaml", "servers: {orders: {uipath: {}}}\nscenarios: '*.yaml'\n")
        .file("a.yaml", "scenario: A\nsteps: [{list: tools}]\n")
        .env("UIPATH_ACCESS_TOKEN", &value("AUDITOR_PAT", &server))
        .env("UIPATH_MCP_SERVER_URL", &value("UIPATH_MCP_SERVER_URL", &server));
    let ran = project.run(&["doctor"]);
    let sample = blocks(PAGE).into_iter().find(|block| block.text.contains("[no-jobs-scope]")).unwrap();
    ran.says(&sample.text);
}

/// What the example of a workflow runs is taken, and green.
#[test]
fn the_workflow_runs() {
    let workflow = text("examples/ci/github-actions.yml");
    let server = Server::start();
    let project = Project::new()
        .file("callsheet.yaml", "servers: {orders: {uipath: {}}}\nscenarios: '*.yaml'\n")
        .file("a.yaml", "scenario: A\nsteps: [{list: tools}]\n")
        .env("UIPATH_ACCESS_TOKEN", &value("UIPATH_ACCESS_TOKEN", &server))
        .env("UIPATH_MCP_SERVER_URL", &value("UIPATH_MCP_SERVER_URL", &server))
        .env("CI", "true");
    let commands = workflow.lines().filter_map(|line| line.trim().strip_prefix("- run: callsheet "));
    let commands: Vec<String> = commands.map(|command| command.replace("${{ matrix.shard }}", "1")).collect();
    assert!(commands.len() > 1, "{commands:?}");
    for command in commands {
        let words: Vec<&str> = command.split(' ').collect();
        project.run(&words).exits(0);
    }
    assert!(project.path().join("junit.xml").is_file() && project.path().join("run.jsonl").is_file());
}

fn runs(project: &Project, script: &str) -> bool {
    project.shell(script).output().is_ok_and(|output| output.status.success())
}

#[test]
fn what_is_assumed_is_a_knob() {
    let page = text(PAGE);
    let (_, table) = page.split_once("| nobody says | the sandbox | knob |").unwrap();
    let rows: Vec<&str> = table.lines().skip(2).take_while(|line| line.starts_with('|')).collect();
    assert!(rows.len() >= 10, "{rows:?}");
    for row in rows {
        let knobs = row.trim_end_matches('|').rsplit('|').next().unwrap();
        for name in knobs.split('`').skip(1).step_by(2) {
            assert!(KNOBS.iter().any(|knob| knob.name == name), "no knob is named `{name}`");
        }
    }
}

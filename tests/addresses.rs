//! The address of a UiPath server from the suite, the environment and Orchestrator; its token from the variables of
//! UiPath's and from an external application.
#![cfg(feature = "sandbox")]
#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has to fail")]

mod common;

use std::sync::{Arc, Mutex};

use common::Project;
use common::scripted::{self, Request, answer, lifecycle};
use serde_json::json;

const KEY: &str = "6f0c2a4e-8a1b-4c3d-9e5f-0123456789ab";
const PAT: &str = "rt_CANARY0123456789ABCDEF";
const SECRET: &str = "canary/secret+0123456789";
const STEP: &str = "  - list: tools\n    expect: {items: []}";

/// What a host of UiPath's was asked, as `METHOD PATH TOKEN`.
#[derive(Clone, Default)]
struct Asked(Arc<Mutex<Vec<String>>>);

impl Asked {
    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    fn count(&self, what: &str) -> usize {
        self.all().iter().filter(|asked| asked.contains(what)).count()
    }
}

/// A host with Orchestrator, an identity server and one MCP server; its base. Tokens of applications last `seconds`.
fn host(asked: &Asked, seconds: u64) -> String {
    let asked = asked.clone();
    let url = scripted::start(move |request| {
        let line = format!("{} {} {}", request.verb, request.target, request.token);
        let number = {
            let mut all = asked.0.lock().unwrap();
            all.push(line);
            all.len()
        };
        respond(request, number, seconds)
    });
    url.trim_end_matches("/mcp").to_owned()
}

fn respond(request: &Request, number: usize, seconds: u64) -> String {
    let json = "200 OK\r\ncontent-type: application/json";
    if request.target.ends_with("/identity_/connect/token") {
        let token = json!({"access_token": format!("app-token-{number:08}"), "expires_in": seconds});
        return answer(json, &token.to_string());
    }
    if request.target.contains("/orchestrator_/") {
        let folder = |name: &str, key: &str| json!({"FullyQualifiedName": name, "Key": key});
        let folders =
            [folder("Shared", "0f0c2a4e-8a1b-4c3d-9e5f-0123456789ab"), folder("Shared/Finance", KEY)];
        return answer(json, &json!({"Count": 2, "PageItems": folders}).to_string());
    }
    if request.target != format!("/acme/Default/agenthub_/mcp/{KEY}/orders") {
        return answer("404 Not Found", "");
    }
    lifecycle(request).unwrap_or_else(|| match request.method() {
        "tools/list" => answer(json, &request.result(&json!({"tools": []}))),
        _ => answer("405 Method Not Allowed", ""),
    })
}

fn suite(server: &str) -> Project {
    Project::new()
        .file("callsheet.yaml", &format!("servers: {{orders: {{{server}}}}}\nscenarios: '*.yaml'\n"))
}

#[test]
fn everything_can_come_from_the_environment() {
    let asked = Asked::default();
    let base = host(&asked, 3600);
    let whole = format!("{base}/acme/Default/agenthub_/mcp/{KEY}/orders/");
    let whole = suite("uipath: {}").env("UIPATH_MCP_SERVER_URL", &whole);
    let parts = suite("uipath: {slug: orders}")
        .env("UIPATH_URL", &format!("{base}/acme/Default/orchestrator_/"))
        .env("UIPATH_FOLDER_KEY", KEY);
    for project in [whole, parts] {
        project.env("UIPATH_PAT", PAT).steps(STEP).run(&["test"]).exits(0);
    }
    assert!(asked.all().iter().all(|line| line.ends_with(PAT)), "{:?}", asked.all());
}

#[test]
fn the_file_beside_the_suite_fills_what_the_environment_does_not() {
    let asked = Asked::default();
    let base = host(&asked, 3600);
    let file = format!(
        "UIPATH_URL={base}/acme/Default\nUIPATH_FOLDER_KEY={KEY}\nUIPATH_ACCESS_TOKEN=rt_OTHER0123456789\nUIPATH_PAT=rt_UNUSED0123456789\n"
    );
    let project = suite("uipath: {slug: orders}").file(".env", &file).env("UIPATH_ACCESS_TOKEN", PAT);
    project.steps(STEP).run(&["test"]).exits(0);
    assert!(asked.all().iter().all(|line| line.ends_with(PAT)), "{:?}", asked.all());
}

#[test]
fn a_folder_is_looked_up_once_with_the_servers_own_token() {
    let asked = Asked::default();
    let base = host(&asked, 3600);
    let project = suite(&format!(
        "uipath: {{base: '{base}', org: acme, tenant: Default, folderPath: shared/finance, slug: orders}}"
    ));
    let rows = "scenario: B\nrows: [{name: a}, {name: b}, {name: c}]\nsteps:\n  - list: tools\n    as: anonymous\n    expect: {items: []}\n";
    let project = project.env("UIPATH_PAT", PAT).steps(STEP).file("b.yaml", rows);
    project.run(&["check"]).exits(0);
    assert_eq!(asked.all(), Vec::<String>::new());
    project.run(&["test"]).exits(0);
    assert_eq!(asked.count("GetFoldersForCurrentUser"), 1);
    let first = &asked.all()[0];
    assert_eq!(
        *first,
        format!(
            "GET /acme/Default/orchestrator_/api/FoldersNavigation/GetFoldersForCurrentUser?skip=0&take=100 {PAT}"
        )
    );
}

#[test]
fn an_application_gets_a_token_which_is_masked_and_renewed() {
    for (seconds, tokens) in [(3600, 1), (0, 3)] {
        let asked = Asked::default();
        let base = host(&asked, seconds);
        let project = suite(&format!(
            "uipath: {{base: '{base}', org: acme, tenant: Default, folderKey: {KEY}, slug: orders}}, \
             auth: {{app: {{id: {{env: ID}}, secret: {{env: SECRET}}, scope: OR.Execution OR.Jobs}}}}"
        ));
        let rows = "scenario: A\nrows: [{name: a}, {name: b}, {name: c}]\nsteps:\n  - list: tools\n    when: {session: {auth: app}}\n    expect: {items: [nothing]}\n";
        let project = project.file("a.yaml", rows).env("ID", "client-0123456789").env("SECRET", SECRET);
        let ran =
            project.run(&["test", "--trace", "--report", "jsonl=e.jsonl", "--test-threads", "1"]).exits(101);
        let left = [ran.all(), project.read("e.jsonl")].join("\n");
        assert_eq!(asked.count("/identity_/connect/token"), tokens, "{:?}", asked.all());
        let used = asked
            .all()
            .iter()
            .filter(|line| line.contains("/agenthub_/"))
            .all(|line| line.contains(" app-token-"));
        assert!(used, "{:?}", asked.all());
        for secret in ["app-token-", SECRET, "canary%2Fsecret"] {
            assert!(!left.contains(secret), "{secret} in {left}");
        }
    }
}

/// A server that sends whoever asks for folders, or for a token, to another host.
fn redirecting(to: &str) -> String {
    let head = format!("302 Found\r\nlocation: {to}/identity_/connect/token");
    scripted::start(move |_| answer(&head, "")).trim_end_matches("/mcp").to_owned()
}

#[test]
fn no_redirect_gets_a_token_or_a_secret() {
    let asked = Asked::default();
    let base = redirecting(&host(&asked, 3600));
    let address = format!("base: '{base}', org: acme, tenant: Default, slug: orders");
    let folder = suite(&format!("uipath: {{{address}, folderPath: Shared/Finance}}")).env("UIPATH_PAT", PAT);
    let app = suite(&format!(
        "uipath: {{{address}, folderKey: {KEY}}}, auth: {{app: {{id: {{env: ID}}, secret: {{env: SECRET}}, scope: OR.Jobs}}}}"
    ));
    let app = app.env("ID", "client-0123456789").env("SECRET", SECRET);
    for project in [folder, app] {
        project.steps(STEP).run(&["test"]).exits(101).says("HTTP 302");
    }
    assert_eq!(asked.all(), Vec::<String>::new());
}

#[test]
fn no_token_goes_over_plain_http_to_another_machine() {
    let project = suite("uipath: {slug: orders}")
        .env("UIPATH_URL", "http://orchestrator.example.com/acme/Default")
        .env("UIPATH_FOLDER_PATH", "Shared/Finance")
        .env("UIPATH_PAT", PAT);
    project
        .steps(STEP)
        .run(&["test"])
        .exits(101)
        .says("a token would be sent over plain http to another machine");
}

#[test]
fn a_token_that_runs_out_soon_is_told_by_check_and_by_a_run() {
    let asked = Asked::default();
    let base = host(&asked, 3600);
    let project = |day: &str| {
        let server = format!(
            "url: '{base}/acme/Default/agenthub_/mcp/{KEY}/orders', auth: {{pat: {{env: PAT}}, expires: {day}}}"
        );
        suite(&server).env("PAT", PAT).steps(STEP)
    };
    let good = project("2999-01-01");
    good.run(&["check"]).exits(0).says("0 errors, 0 warnings");
    let over = project("2026-01-01");
    for command in ["check", "test"] {
        over.run(&[command]).exits(3).says("the token of `orders` has run out on 2026-01-01");
    }
    assert_eq!(asked.all(), Vec::<String>::new());
}

//! The doctor beside its texts: what it sends, how it ends, and its part in a run.

use callsheet::sandbox::{AUDITOR_TOKEN, OWNER_TOKEN};
use serde_json::Value;

use crate::common::{Project, Server};

const TITLE: &str = "why the server `orders` could not be used";
const LISTS: &str = "scenario: It lists\nsteps: [{list: tools}]\n";

fn revoked() -> Server {
    let server = Server::start();
    server.change(|world| world.token_mut("owner").unwrap().revoked = true);
    server
}

#[test]
fn a_run_asks_once_and_tells_it_everywhere() {
    let server = revoked();
    let project = Project::on(&server).file("a.yaml", LISTS).file("b.yaml", LISTS).file("c.yaml", LISTS);
    let ran = project.run(&["test", "--report", "jsonl=run.jsonl", "--report", "junit=run.xml"]).exits(101);
    assert_eq!(ran.stderr.matches(TITLE).count(), 1, "{}", ran.stderr);
    assert_eq!(ran.stderr.matches("problem[token-refused]").count(), 1, "{}", ran.stderr);
    assert_eq!(ran.stdout.matches("why is asked once, and told at the end of the run").count(), 3);
    let events: Vec<Value> =
        project.read("run.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<&Value> = events.iter().filter(|event| event["event"] == "diagnosed").collect();
    assert_eq!(told.len(), 1);
    assert_eq!(
        (&told[0]["server"], &told[0]["causes"][0]["row"]),
        (&"orders".into(), &"token-refused".into())
    );
    assert_eq!(events.last().unwrap()["event"], "run_ended");
    assert!(project.read("run.xml").contains("<system-err>"));
    assert!(!(ran.all() + &project.read("run.jsonl") + &project.read("run.xml")).contains(OWNER_TOKEN));
}

#[test]
fn each_identity_is_asked_about() {
    let server = revoked();
    server.change(|world| world.token_mut("auditor").unwrap().revoked = true);
    let steps = "  - list: tools\n  - list: tools\n    as: auditor\n";
    let project =
        Project::on(&server).file("a.yaml", &format!("scenario: Both\nkeep_going: true\nsteps:\n{steps}"));
    let ran = project.run(&["test"]).exits(101);
    for title in [TITLE, "why the server `orders` as `auditor` could not be used"] {
        assert_eq!(ran.stderr.matches(title).count(), 1, "{}", ran.stderr);
    }
}

#[test]
fn what_was_expected_is_not_asked() {
    let server = revoked();
    let project = Project::on(&server).steps("  - list: tools\n    expect: {http: {status: 401}}");
    project.run(&["test"]).exits(0).silent_on("could not be used");
    assert_eq!(server.log().entries().iter().filter(|entry| entry.path.contains("odata")).count(), 0);
    let project = Project::on(&server).file("a.yaml", LISTS).env("NEXTEST", "1");
    project.run(&["test"]).exits(101).silent_on("could not be used");
}

#[test]
fn a_call_that_fails_is_no_reason_to_ask() {
    let server = Server::start();
    let project = Project::on(&server).steps("  - call: nothing-of-ours");
    project.run(&["test"]).exits(101).silent_on("could not be used");
}

/// What the table of docs/uipath.md says of a failed call stands beside the failure.
#[test]
fn a_call_that_is_refused_names_the_likely_reason() {
    for carrier in ["is_error", "403"] {
        let server = Server::start();
        server.change(|world| world.knobs.set("no_jobs", carrier).unwrap());
        let project = || {
            let suite = format!("servers: {{orders: {{uipath: '{}'}}}}\nscenarios: '*.yaml'\n", server.url());
            Project::new().file("callsheet.yaml", &suite).env("UIPATH_PAT", AUDITOR_TOKEN)
        };
        let ran = project().steps("  - call: echo").run(&["test"]).exits(101).silent_on("could not be used");
        ran.says("the token likely lacks the scope OR.Jobs").says("`callsheet doctor` tells which");
        let expected = if carrier == "403" { "{http: {status: 403}}" } else { "{is_error: true}" };
        let steps = format!("  - call: echo\n    expect: {expected}");
        project().steps(&steps).run(&["test"]).exits(0).silent_on("OR.Jobs");
    }
}

#[test]
fn no_tool_is_called_uninvited() {
    let server = Server::start();
    let project = Project::on(&server);
    // Two pages.
    project.run(&["doctor"]).exits(0).says("17 tools").silent_on(OWNER_TOKEN);
    assert_eq!((server.count("tools/call"), server.count("tools/list")), (0, 2));
    let ran = project.run(&["doctor", "--as", "auditor", "--call", "echo"]).exits(101);
    ran.says("the server `orders` as `auditor`").says("problem[no-jobs-scope]").silent_on(AUDITOR_TOKEN);
    assert_eq!(server.count("tools/call"), 1);
}

#[test]
fn a_newcomer_needs_no_suite() {
    let server = Server::start();
    let project = Project::new().file(".env", &format!("UIPATH_PAT={OWNER_TOKEN}\n"));
    project.run(&["doctor"]).exits(2).says("UIPATH_MCP_SERVER_URL");
    let project = project.env("UIPATH_MCP_SERVER_URL", &server.url());
    project.run(&["doctor"]).exits(0).says("the server `uipath`").says("17 tools");
    let project = project.env("UIPATH_PAT", AUDITOR_TOKEN);
    project
        .run(&["doctor"])
        .exits(0)
        .says("`UIPATH_PAT` of the environment was used; `.env` sets it otherwise")
        .says("warning[no-jobs-scope]");
}

#[test]
fn what_is_wrong_with_a_variable_is_said_once() {
    let project = Project::new()
        .file("callsheet.yaml", "servers: {orders: {uipath: {}}}\n")
        .env("UIPATH_PAT", OWNER_TOKEN);
    let project =
        project.env("UIPATH_MCP_SERVER_URL", "https://cloud.uipath.com/a/b/agenthub_/mcp/{key}/orders");
    let told = project.run(&["doctor"]).exits(101).stdout;
    let (steps, causes) = told.split_once("problem[").unwrap();
    assert_eq!((steps.matches("{key}").count(), causes.matches("{key}").count()), (1, 1), "{told}");
}

#[test]
fn two_tokens_are_one_too_many() {
    let server = Server::start();
    let project = Project::new().env("UIPATH_MCP_SERVER_URL", &server.url()).env("UIPATH_PAT", OWNER_TOKEN);
    let both = project.env("UIPATH_ACCESS_TOKEN", AUDITOR_TOKEN);
    let told = both.run(&["doctor"]).exits(0).says("`UIPATH_PAT` is set, too, and to something else");
    told.says("`UIPATH_PAT` holds another token, which was not used").silent_on(OWNER_TOKEN);
    let told: Value = serde_json::from_str(&both.run(&["doctor", "--format", "json"]).stdout).unwrap();
    assert_eq!(told["token"]["unused"], serde_json::json!(["UIPATH_PAT"]));
    // The same token twice is one.
    let same = both.env("UIPATH_ACCESS_TOKEN", OWNER_TOKEN);
    same.run(&["doctor"]).exits(0).silent_on("is set, too");
}

/// What the page promises of the object is there, and nothing else.
#[test]
fn the_page_has_every_member() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/doctor.md")).unwrap();
    let (_, table) = page.split_once("| member | is |").unwrap();
    let (table, _) = table.split_once("\n\n").unwrap();
    let first =
        |line: &str| line.strip_prefix("| ").and_then(|line| line.split(" | ").next().map(str::to_owned));
    let names: Vec<String> = table
        .lines()
        .filter_map(first)
        .flat_map(|cell| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>())
        .collect();
    let source = include_str!("../../src/doctor/json.rs");
    let (object, _) = source.split_once("\n}\n").unwrap();
    let put = object
        .split("put(")
        .skip(1)
        .filter_map(|rest| rest.trim_start().strip_prefix('"')?.split('"').next());
    let mut put: Vec<&str> = put.chain(["causes"]).collect();
    let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
    put.sort_unstable();
    names.sort_unstable();
    assert_eq!(names, put);
}

#[test]
fn json_is_one_object() {
    let server = Server::start();
    let ran = Project::on(&server).run(&["doctor", "--format", "json"]).exits(0);
    let told: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((&told["good"], &told["token"]["look"]), (&true.into(), &"pat".into()));
    let probes: Vec<&str> =
        told["probes"].as_array().unwrap().iter().map(|probe| probe["probe"].as_str().unwrap()).collect();
    assert_eq!(probes, ["host", "no-token", "session", "tools", "jobs", "record"]);
    assert_eq!(told["causes"][0]["row"], "expiry-unknown");
    assert_eq!(told["not_asked"][0]["probe"], "call");
    assert!(!ran.stdout.contains(OWNER_TOKEN));
}

#[test]
fn what_is_misspelt_is_told() {
    let server = Server::start();
    let project = Project::on(&server);
    project.run(&["doctor", "--as", "auditr"]).exits(2).says("did you mean `auditor`?");
    project.run(&["doctor", "--server", "order"]).exits(3).says("did you mean `orders`?");
    project.run(&["doctor", "--arguments", "{}"]).exits(2);
    project.run(&["doctor", "--call", "echo", "--arguments", "[1]"]).exits(2).says("a JSON object");
    project.run(&["doctor", "--url", "cloud.uipath.com/acme"]).exits(2).says("no scheme");
    let project = project.file("callsheet.yaml", "servers: {orders: {urll: x}}\n");
    project.run(&["doctor"]).exits(3).says("urll");
    assert_eq!(server.log().entries().len(), 0);
}

#[test]
fn of_several_servers_one_has_to_be_meant() {
    let two = "  a: {command: [no-such-program]}\n  b: {command: [no-such-program]}\n";
    let project = Project::new().file("callsheet.yaml", &format!("servers:\n{two}"));
    project.run(&["doctor"]).exits(2).says("`--server a`, `--server b`");
    let project = project.file("callsheet.yaml", &format!("default: b\nservers:\n{two}"));
    project
        .run(&["doctor"])
        .exits(101)
        .says("the server `b`")
        .says("others of the suite are asked with `--server a`");
}

#[cfg(unix)]
#[test]
fn an_interruption_ends_it() {
    let project = Project::new().file("callsheet.yaml", "servers: {slow: {command: [sleep, '100']}}\n");
    let mut child = project.command(&["doctor"]).stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut seen = [0; 64];
    // Once it has printed, its handlers are there.
    let mut out = child.stdout.take().unwrap();
    let mut text = String::new();
    while !text.contains("token") {
        let length = std::io::Read::read(&mut out, &mut seen).unwrap();
        assert!(length > 0, "{text}");
        text.push_str(&String::from_utf8_lossy(seen.get(..length).unwrap()));
    }
    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

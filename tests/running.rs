//! Running against what is like UiPath: the routing id, requests that are too many, tokens that run out, slow starts.
#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has to fail")]

mod common;

use std::time::Duration;

use common::{Project, Server};

/// A suite whose server `orders` is one of UiPath's, at a sandbox whose log is read.
fn uipath(server: &Server, more: &str) -> Project {
    let url = server.url();
    let base = url.split("/acme/").next().unwrap();
    let parts = format!(
        "{{base: '{base}', org: acme, tenant: Default, folderKey: {}, slug: orders}}",
        callsheet::sandbox::FOLDER_KEY
    );
    let suite =
        format!("default: orders\nservers:\n  orders:\n    uipath: {parts}\n{more}scenarios: '*.yaml'\n");
    Project::new().file("callsheet.yaml", &suite).env("UIPATH_PAT", callsheet::sandbox::OWNER_TOKEN)
}

/// The ids of sessions that the requests of a method had.
fn ids(server: &Server, method: &str) -> Vec<Option<String>> {
    let entries = server.log().entries();
    let of_method = entries.iter().filter(|entry| entry.method.as_deref() == Some(method));
    of_method.map(|entry| entry.header("mcp-session-id").map(str::to_owned)).collect()
}

#[test]
fn a_server_of_uipaths_gets_a_routing_id_and_no_other() {
    let steps =
        "  - list: tools\n    expect: {sent: {headers: {mcp-session-id: {$matches: '^[0-9a-f]{32}$'}}}}";
    let server = Server::start();
    let project = uipath(&server, "").steps(steps);
    let project =
        project.file("b.yaml", "scenario: B\nsteps:\n  - list: tools\n    expect: {outcome: answered}\n");
    project.run(&["test"]).exits(0);
    let found = [ids(&server, "server/discover"), ids(&server, "tools/list")].concat();
    let known: Vec<&String> = found.iter().flatten().collect();
    assert_eq!(known.len(), found.len(), "{found:?}");
    let mut different = known.clone();
    different.sort();
    different.dedup();
    assert_eq!(different.len(), 2, "one for each session: {found:?}");
    assert!(known.iter().all(|id| id.len() == 32));

    // Of the sandbox itself, too.
    Project::on_own_sandbox().steps(steps).run(&["test"]).exits(0);
    // Another server could take it for a session.
    let server = Server::start();
    let none = steps.replace("{$matches: '^[0-9a-f]{32}$'}", "{$exists: false}");
    Project::on(&server).steps(&none).run(&["test"]).exits(0);
    let found = [ids(&server, "server/discover"), ids(&server, "tools/list")].concat();
    assert!(found.len() > 1 && found.iter().all(Option::is_none), "{found:?}");
}

#[test]
fn a_handshake_with_the_sandbox_takes_its_own_id() {
    for (protocol, more) in [("2025-11-25", ""), ("auto", "knobs: {eras: handshake}, ")] {
        let suite = format!("servers: {{s: {{sandbox: {{{more}profile: uipath}}}}}}\nscenarios: '*.yaml'\n");
        let steps = format!(
            "scenario: A\nprotocol: {protocol}\nsteps:\n  - call: echo\n    arguments: {{id: '{{{{ session.id }}}}'}}\n    expect: {{json: {{id: {{$length: 32}}}}, wire: []}}\n"
        );
        Project::new().file("callsheet.yaml", &suite).file("a.yaml", &steps).run(&["test"]).exits(0);
    }
}

/// A suite of the sandbox `orders` where something goes wrong, and whose answers ask to wait for so many seconds.
fn faulty(fault: &str, seconds: u32, more: &str) -> Project {
    let knobs = format!("{{fault: '{fault}', retry_after: {seconds}}}");
    let suite = format!(
        "default: s\nservers:\n  s:\n    sandbox: {{profile: uipath, knobs: {knobs}}}\n{more}scenarios: '*.yaml'\n"
    );
    Project::new().file("callsheet.yaml", &suite)
}

#[test]
fn a_listing_waits_where_it_is_asked_to() {
    let steps = "  - list: tools\n    expect: {items: {$length: {$gt: 3}}, repairs: [waited], duration: {$lt: 1s}}\n  - session: open\n    expect: {repairs: []}";
    let ran = faulty("429; method=tools/list; times=1", 1, "").steps(steps).run(&["test"]).exits(0);
    assert!(ran.took >= Duration::from_secs(1), "{:?}", ran.took);
    // So does an opening, which may be a step.
    for (method, protocol) in [("server/discover", "auto"), ("initialize", "2025-11-25")] {
        let scenario = format!(
            "scenario: A\nprotocol: {protocol}\nsteps:\n  - session: open\n    expect: {{http: {{status: 200}}, repairs: [waited]}}\n"
        );
        let project = faulty(&format!("429; method={method}; times=1"), 0, "").file("a.yaml", &scenario);
        project.run(&["test"]).exits(0);
    }
}

#[test]
fn a_call_never_waits_and_says_what_was_asked() {
    let fault = "429; times=1";
    let step = "  - call: echo\n    arguments: {a: 1}\n    expect: {json: {a: 1}}\n";
    let ran = faulty(fault, 7, "").steps(step.trim_end()).run(&["test"]).exits(101);
    let ran = ran.says("the server asked to wait 7 s (`Retry-After`), and a call is not sent again");
    ran.says("`limits: {concurrency: 1}`");
    // It can be expected, and what comes after it leaves the server alone until then.
    let steps = "  - call: echo\n    expect: {http: {status: 429, headers: {retry-after: '1'}}}\n  - call: echo\n    arguments: {a: 1}\n    expect: {json: {a: 1}, duration: {$lt: 1s}}";
    let ran = faulty(fault, 1, "    timeouts: {step: 900ms}\n").steps(steps).run(&["test"]).exits(0);
    assert!(ran.took >= Duration::from_secs(1), "{:?}", ran.took);
}

#[test]
fn what_is_asked_beyond_the_bounds_is_told() {
    let list = "  - list: tools\n    expect: {items: []}";
    let ran = faulty("429; method=tools/list", 600, "").steps(list).run(&["test"]).exits(101);
    ran.says("the server asked to wait 600 s (`Retry-After`): at most 120 s is waited, and not past the step's timeout");
    let ran = faulty("429; method=tools/list", 0, "").steps(list).run(&["test"]).exits(101);
    ran.says("it was waited for, and asked the same again");
    let ran = faulty("429; method=server/discover", 600, "").steps(list).run(&["test"]).exits(101);
    ran.says("[open-failed]").says("not past `timeouts: {start: …}`");
}

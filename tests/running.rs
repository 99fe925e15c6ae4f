//! Running against what is like UiPath: the routing id, requests that are too many, tokens that run out, slow starts.
#![cfg(feature = "sandbox")]
#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has to fail")]

mod common;

use std::time::Duration;

use common::scripted::{self, answer, lifecycle};
use common::{Project, Server, wait_until};
use serde_json::json;

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
    let ran = ran.says("[open-failed]").says("not past `timeouts: {start: …}`");
    // Why it is so is not asked of a server that wants to be left alone.
    assert!(ran.took < Duration::from_secs(10), "{:?}", ran.took);
}

#[test]
fn a_pace_holds_after_a_server_was_left_alone() {
    let came = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let noted = std::sync::Arc::clone(&came);
    let url = scripted::start(move |request| {
        if request.method() == "tools/list" {
            let mut noted = noted.lock().unwrap();
            noted.push(std::time::Instant::now());
            if noted.len() == 1 {
                return answer("429 Too Many Requests\r\nretry-after: 1", "");
            }
            let result = request.result(&json!({"tools": []}));
            return answer("200 OK\r\ncontent-type: application/json", &result);
        }
        lifecycle(request).unwrap_or_else(|| answer("202 Accepted", ""))
    });
    let suite = format!("servers: {{s: {{url: '{url}', limits: {{rate: 4/s}}}}}}\nscenarios: '*.yaml'\n");
    let scenario = "scenario: A\nprotocol: 2025-11-25\nrows: [{name: a}, {name: b}, {name: c}, {name: d}, {name: e}]\nsteps:\n  - list: tools\n    expect: {items: {$length: 0}}\n";
    let project = Project::new().file("callsheet.yaml", &suite).file("a.yaml", scenario);
    project.run(&["test", "--test-threads", "5"]).exits(0);
    // The refusal, the same again, and the four that waited, a quarter of a second apart.
    let came = came.lock().unwrap();
    let took = came.last().unwrap().duration_since(came[1]);
    assert!(came.len() == 6 && took >= Duration::from_millis(500), "{} in {took:?}", came.len());
}

#[test]
fn the_doctor_asks_with_what_it_does_not_show() {
    let server = Server::start();
    let key = callsheet::sandbox::FOLDER_KEY;
    let project = uipath(&server, "secrets: [HIDDEN]\n").env("HIDDEN", key);
    project.run(&["doctor"]).exits(0).silent_on(key);
    let entries = server.log().entries();
    let asked: Vec<_> = entries.iter().filter(|entry| entry.path.contains("/odata/Jobs")).collect();
    assert!(!asked.is_empty());
    assert!(asked.iter().all(|entry| entry.header("x-uipath-folderkey") == Some(key)));
}

#[test]
fn the_doctor_asks_the_server_that_either_variable_names() {
    let server = Server::start();
    for name in ["UIPATH_MCP_SERVER_URL", "UIPATH_MCP_URL"] {
        let project = Project::new().env(name, &server.url());
        project.env("UIPATH_PAT", callsheet::sandbox::OWNER_TOKEN).run(&["doctor"]).exits(0);
    }
}

#[cfg(unix)]
#[test]
fn a_wait_that_a_server_asks_for_ends_with_an_interruption() {
    for method in ["tools/list", "initialize"] {
        let refused = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let counted = std::sync::Arc::clone(&refused);
        let url = scripted::start(move |request| {
            if request.method() == method {
                counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                return answer("429 Too Many Requests\r\nretry-after: 100", "");
            }
            lifecycle(request).unwrap_or_else(|| answer("202 Accepted", ""))
        });
        let suite = format!(
            "servers: {{s: {{url: '{url}', timeouts: {{start: 110s, step: 110s}}}}}}\nscenarios: '*.yaml'\n"
        );
        let scenario =
            "scenario: A\nprotocol: 2025-11-25\nsteps:\n  - list: tools\n    expect: {items: []}\n";
        let project = Project::new().file("callsheet.yaml", &suite).file("a.yaml", scenario);
        let child = project.command(&["test"]).stdout(std::process::Stdio::piped()).spawn().unwrap();
        wait_until("the refusal", || refused.load(std::sync::atomic::Ordering::SeqCst) == 1);
        // Then it waits; where it has not read the refusal yet, it is interrupted all the same.
        std::thread::sleep(Duration::from_millis(300));
        let process = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(process, rustix::process::Signal::INT).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(130), "{text}");
        assert!(text.contains("error[interrupted]: interrupted by a signal"), "{method}: {text}");
        assert!(!text.contains("Retry-After") && !text.contains("was sent again"), "{method}: {text}");
        assert_eq!(refused.load(std::sync::atomic::Ordering::SeqCst), 1, "{method}");
    }
}

const APP: &str =
    "    auth: {app: {id: {env: APP_ID}, secret: {env: APP_SECRET}, scope: OR.Execution OR.Jobs}}\n";

fn with_app(project: Project) -> Project {
    project.env("APP_ID", "app-orders").env("APP_SECRET", "app-orders-secret")
}

/// How many tokens a sandbox was asked for.
fn tokens(server: &Server) -> usize {
    server.log().entries().iter().filter(|entry| entry.path == "/identity_/connect/token").count()
}

/// Runs a project, and ends all tokens while so many slow calls run.
fn outlived(server: &Server, project: &Project, calls: usize) -> common::Ran {
    std::thread::scope(|scope| {
        let running = scope.spawn(|| project.run(&["test"]));
        wait_until("the slow calls", || {
            running.is_finished() || server.log().calls_of("runSlowProcess").len() == calls
        });
        server.advance(Duration::from_secs(3601));
        running.join().unwrap()
    })
}

const SLOW: &str =
    "  - call: runSlowProcess\n    arguments: {in_Seconds: 1}\n    expect: {is_error: false, repairs: []}\n";

#[test]
fn a_token_that_runs_out_in_a_session_is_renewed_once_for_all() {
    for protocol in ["2026-07-28", "2025-11-25"] {
        let server = Server::start();
        let scenario = format!(
            "scenario: A\nprotocol: {protocol}\nrows: [{{name: a}}, {{name: b}}]\nsteps:\n{SLOW}  - call: echo\n    arguments: {{row: '{{{{ row.name }}}}'}}\n    expect: {{json: {{row: '{{{{ row.name }}}}'}}, repairs: {{$any: [[renewed], []]}}}}\n  - list: tools\n    expect: {{items: {{$length: {{$gt: 3}}}}, repairs: []}}\n"
        );
        let project = with_app(uipath(&server, APP)).file("a.yaml", &scenario);
        outlived(&server, &project, 2).exits(0).says("2 passed");
        assert_eq!(tokens(&server), 2, "{protocol}");
        let calls = server.log().calls_of("echo");
        let refused = calls.iter().filter(|entry| entry.status == 401).count();
        // The other case may have renewed it before.
        assert!((1..=2).contains(&refused), "{protocol}: {refused}");
    }
}

#[test]
fn what_is_done_by_hand_is_not_repeated_with_another_token() {
    for step in
        ["  - request: tools/list", "  - list: tools\n    meta: {a: 1}", "  - http: {method: POST, body: {}}"]
    {
        let server = Server::start();
        let steps = format!("{SLOW}{step}\n    expect: {{http: {{status: 401}}}}");
        let project = with_app(uipath(&server, APP)).steps(&steps);
        outlived(&server, &project, 1).exits(0);
        assert_eq!(tokens(&server), 1, "{step}");
    }
}

#[test]
fn a_token_that_is_refused_whatever_its_age_is_renewed_so_often_and_no_more() {
    let asked = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let fetched = std::sync::Arc::clone(&asked);
    let url = scripted::start(move |request| {
        let json = "200 OK\r\ncontent-type: application/json";
        if request.target.ends_with("/identity_/connect/token") {
            let number = fetched.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            let token = json!({"access_token": format!("app-token-{number:08}"), "expires_in": 3600});
            return answer(json, &token.to_string());
        }
        lifecycle(request).unwrap_or_else(|| answer("401 Unauthorized\r\nwww-authenticate: Bearer", ""))
    });
    let suite = format!("servers:\n  orders:\n    url: {url}\n{APP}scenarios: '*.yaml'\n");
    let scenario = "scenario: A\nprotocol: 2025-11-25\nrows: [{name: a}, {name: b}, {name: c}, {name: d}, {name: e}]\nsteps:\n  - call: echo\n    expect: {http: {status: 401}}\n  - list: tools\n    expect: {http: {status: 401}}\n";
    let project = with_app(Project::new().file("callsheet.yaml", &suite).file("a.yaml", scenario));
    project.run(&["test", "--test-threads", "1"]).exits(0);
    assert_eq!(asked.load(std::sync::atomic::Ordering::SeqCst), 4);
}

#[test]
fn a_cold_start_is_billed_to_the_opening() {
    let suite = "servers:\n  s:\n    sandbox: {profile: uipath, slug: assistant, knobs: {cold_start: 2s}}\n    timeouts: {step: 1s}\nscenarios: '*.yaml'\n";
    let steps = "  - call: echo\n    arguments: {a: 1}\n    expect: {json: {a: 1}, duration: {$lt: 1s}}";
    let ran = Project::new().file("callsheet.yaml", suite).steps(steps).run(&["test"]).exits(0);
    assert!(ran.took >= Duration::from_secs(2), "{:?}", ran.took);
    let suite = suite.replace("step: 1s", "start: 500ms");
    let ran = Project::new().file("callsheet.yaml", &suite).steps(steps).run(&["test"]).exits(101);
    ran.says("the session could not be opened: no answer to")
        .says("raise `timeouts: {start: …}` of the server");
}

#[test]
fn a_server_that_did_not_start_is_a_failure_in_all_its_spellings() {
    for word in ["initialize-failure", "initiliaze-failure", "invalid-version"] {
        let suite = format!(
            "servers:\n  s: {{sandbox: {{profile: uipath, slug: assistant, knobs: {{fault: initialize-failure, initialize_failure: {word}}}}}}}\nscenarios: '*.yaml'\n"
        );
        let steps = "  - call: echo\n    expect: {is_error: false}";
        let ran = Project::new().file("callsheet.yaml", &suite).steps(steps).run(&["test"]).exits(101);
        let ran = ran.says(&format!(
            "the session could not be opened: the server behind the gateway did not start: it answers with the version `{word}`"
        ));
        ran.says("help: its own process failed to start").says("Orchestrator > MCP Servers");
    }
}

#[test]
fn what_is_refused_without_a_token_shows_no_era() {
    let json = "200 OK\r\ncontent-type: application/json";
    let url = scripted::start(move |request| {
        let result = match request.method() {
            _ if request.token.is_empty() => return answer("404 Not Found", ""),
            "server/discover" => json!({
                "resultType": "complete", "supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}},
                "ttlMs": 0, "cacheScope": "private",
            }),
            "tools/list" => {
                json!({"resultType": "complete", "tools": [], "ttlMs": 0, "cacheScope": "private"})
            }
            _ => return answer("404 Not Found", ""),
        };
        answer(json, &request.result(&result))
    });
    let suite = format!(
        "servers:\n  it:\n    url: {url}\n    auth: {{pat: {{env: SOME_PAT}}}}\nscenarios: '*.yaml'\n"
    );
    let steps = "  - list: tools
    as: anonymous
    expect: {phase: open, http: {status: 404}}
  - list: tools
    expect: {items: [], protocol: '2026-07-28'}";
    let project = Project::new().file("callsheet.yaml", &suite).env("SOME_PAT", "rt_0123456789abcdef0123");
    project.steps(steps).run(&["test"]).exits(0);
}

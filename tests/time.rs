//! Time is honest: timeouts hold and cancel, nothing is sent twice, and a run ends when it is told to.
#![cfg(feature = "sandbox")]

mod common;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use common::{Project, Server, wait_until};

const SLOW: &str = "  - call: runSlowProcess\n    arguments: {in_Seconds: 60}\n    timeout: 700ms\n    expect: {is_error: false}\n  - call: echo\n    arguments: {after: 1}\n    expect: {json: {after: 1}}\n";

fn slow(protocol: &str) -> String {
    format!("scenario: Slow\nprotocol: {protocol}\nkeep_going: true\nsteps:\n{SLOW}")
}

#[test]
fn a_timeout_holds_cancels_and_lets_the_next_step_work() {
    for (protocol, fault, cancelled) in [
        ("2025-11-25", "", true),
        ("2025-11-25", "    headers: {x-sandbox-fault: json}", true),
        ("2026-07-28", "", false),
    ] {
        let server = Server::start();
        let project = Project::with(&server, fault).file("a.yaml", &slow(protocol));
        let ran = project.run(&["test"]).exits(101).says("within 700 ms");
        // Far below the minute of the tool; the bound leaves room for a busy machine.
        assert!(ran.took < Duration::from_secs(20), "{protocol} {fault}: {:?}", ran.took);
        assert_eq!(server.log().calls_of("runSlowProcess").len(), 1, "{protocol}: sent again");
        assert_eq!(server.log().calls_of("echo").len(), 1, "{protocol}: the next step was not run");
        assert_eq!(server.count("notifications/cancelled"), usize::from(cancelled), "{protocol}");
        wait_until("the server to see the cancellation", || {
            server.log().calls_of("runSlowProcess").iter().all(|call| call.cancelled)
        });
    }
}

#[test]
fn the_timeout_of_a_case_holds_too() {
    let server = Server::start();
    let steps = "  - call: runSlowProcess\n    arguments: {in_Seconds: 60}\n    expect: {is_error: false}\n";
    let project =
        Project::on(&server).file("a.yaml", &format!("scenario: A\ntimeout: 500ms\nsteps:\n{steps}"));
    let ran = project.run(&["test"]).exits(101);
    assert!(ran.took < Duration::from_secs(20), "{:?}", ran.took);
}

#[test]
fn a_tool_call_is_sent_once_whatever_happens() {
    for (fault, protocol, message) in [
        ("reset-mid-answer", "2025-11-25", "ended before the answer was whole"),
        ("reset-mid-answer", "2026-07-28", "ended before the answer was whole"),
        ("502", "2025-11-25", "502"),
        ("502", "2026-07-28", "502"),
    ] {
        let server = Server::start();
        let more = format!("    headers: {{x-sandbox-fault: '{fault}'}}");
        let steps = "  - call: createInvoice\n    arguments: {in_Customer: C-1, in_Amount: 1}\n    expect: {json: {out_Status: Created}}\n";
        let scenario = format!("scenario: A\nprotocol: {protocol}\nsteps:\n{steps}");
        Project::with(&server, &more).file("a.yaml", &scenario).run(&["test"]).exits(101).says(message);
        assert_eq!(server.count("tools/call"), 1, "{fault} {protocol}");
    }
}

#[test]
fn a_session_that_was_lost_before_the_call_is_opened_again_once() {
    let server = Server::start();
    let steps = "  - call: createInvoice\n    arguments: {in_Customer: C-1, in_Amount: 1}\n    expect: {json: {out_InvoiceId: INV-1001}, repairs: [reopened]}\n";
    let scenario = format!("scenario: A\nprotocol: 2025-11-25\nsteps:\n{steps}");
    let once = "    headers: {x-sandbox-fault: 'lose-session; times=1'}";
    Project::with(&server, once).file("a.yaml", &scenario).run(&["test"]).exits(0);
    // The first was answered 404 before anything ran, and only one ran.
    assert_eq!(server.log().calls_of("createInvoice").iter().filter(|call| call.status == 200).count(), 1);
    let server = Server::start();
    let always = "    headers: {x-sandbox-fault: lose-session}";
    Project::with(&server, always).file("a.yaml", &scenario).run(&["test"]).exits(101);
    assert_eq!(server.count("initialize"), 2, "reopened more than once");
}

#[test]
fn a_server_that_accepts_and_never_answers_does_not_hold_the_process() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let holder = std::thread::spawn(move || {
        let mut held = Vec::new();
        // Ends with the message of the test below.
        while let Ok((mut stream, _)) = listener.accept() {
            let mut start = [0_u8; 4];
            if stream.read_exact(&mut start).is_ok() && &start == b"STOP" {
                return;
            }
            held.push(stream);
        }
    });
    let suite = format!(
        "servers: {{a: {{url: 'http://{address}/mcp', timeouts: {{start: 1s}}}}}}\nscenarios: '*.yaml'\n"
    );
    let project =
        Project::new().file("callsheet.yaml", &suite).steps("  - list: tools\n    expect: {pages: 1}");
    let ran = project.run(&["test"]).exits(101).says("within 1 s").says("timeouts: {start: …}");
    assert!(ran.took < Duration::from_secs(20), "{:?}", ran.took);
    std::net::TcpStream::connect(address).unwrap().write_all(b"STOP").unwrap();
    holder.join().unwrap();
}

#[cfg(unix)]
#[test]
fn a_signal_ends_the_run_properly() {
    let server = Server::start();
    let steps = "  - call: runSlowProcess\n    arguments: {in_Seconds: 0.2}\n    expect: {is_error: false}\n";
    let scenario = format!("scenario: C\nprotocol: 2025-11-25\nsteps:\n{steps}");
    let mut project = Project::on(&server);
    for index in 0..500 {
        project = project.file(&format!("c{index:04}.yaml"), &scenario);
    }
    let child = project
        .command(&["test", "--test-threads", "8"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    wait_until("some calls to be made", || server.count("tools/call") >= 10);
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let signalled = Instant::now();
    let output = child.wait_with_output().unwrap();
    assert!(signalled.elapsed() < Duration::from_secs(8), "{:?}", signalled.elapsed());
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(130), "{text}");
    assert!(text.contains("not run") && text.contains("test result: FAILED"), "{text}");
    let opened = server.count("initialize");
    let ended = server.log().entries().iter().filter(|entry| entry.http_method == "DELETE").count();
    assert!(opened > 0 && opened == ended, "{opened} sessions opened, {ended} ended");
}

#[test]
fn a_case_whose_time_is_over_fails_whatever_its_last_step_expects() {
    let server = Server::start();
    let scenario = |steps: &str| format!("scenario: A\ntimeout: 300ms\nsteps:\n{steps}\n");
    for steps in [
        "  - wait: 5s",
        "  - call: runSlowProcess\n    arguments: {in_Seconds: 60}\n    timeout: 4s\n    expect: {outcome: timed_out}",
    ] {
        let project = Project::on(&server).file("a.yaml", &scenario(steps));
        project.run(&["test"]).exits(101).says("the case's timeout of 300 ms has passed");
    }
    let steps = "  - call: runSlowProcess\n    arguments: {in_Seconds: 60}";
    let project = Project::on(&server).file("a.yaml", &scenario(steps));
    project.run(&["test"]).exits(101).says("`timeout` of the whole case");
}

#[test]
fn the_timeout_of_an_opening_holds() {
    // It accepts connections and never answers.
    let deaf = TcpListener::bind("127.0.0.1:0").unwrap();
    let suite = format!(
        "servers: {{deaf: {{url: 'http://{}/mcp'}}}}\nscenarios: '*.yaml'\n",
        deaf.local_addr().unwrap()
    );
    let project = |expect: &str| {
        Project::new()
            .file("callsheet.yaml", &suite)
            .steps(&format!("  - session: open\n    timeout: 300ms{expect}"))
    };
    let ran = project("").run(&["test"]).exits(101).says("`server/discover` within 300 ms");
    assert!(ran.took < Duration::from_secs(10), "{:?}", ran.took);
    project("\n    expect: {outcome: timed_out, phase: open}").run(&["test"]).exits(0);
}

#[test]
fn waiting_for_the_pace_is_billed_to_nobody() {
    let server = Server::start();
    let steps = "  - call: echo\n    arguments: {a: 1}\n  - call: echo\n    arguments: {a: 2}\n";
    let scenario = format!("scenario: A\ntimeout: 1500ms\nsteps:\n{steps}");
    // The second request waits two seconds for its turn.
    let project = Project::with(&server, "    limits: {rate: 30/m}").file("a.yaml", &scenario);
    let ran = project.run(&["test"]).exits(0);
    assert!(ran.took >= Duration::from_secs(2), "{:?}", ran.took);
}

/// A server whose `tools/list` never answers, and one that is asked more often than its pace allows.
#[test]
fn the_timeout_of_a_case_holds_whatever_the_client_waits_for() {
    use common::scripted::{answer, lifecycle, start};
    let url = start(|request| {
        lifecycle(request).unwrap_or_else(|| match request.method() {
            "tools/list" => {
                std::thread::sleep(Duration::from_secs(60));
                String::new()
            }
            _ => {
                let result = serde_json::json!({"content": [], "isError": false});
                answer("200 OK\r\ncontent-type: application/json", &request.result(&result))
            }
        })
    });
    let scenario = "scenario: A\nprotocol: 2025-11-25\ntimeout: 500ms\nsteps: [{call: a}, {call: b}]\n";
    for (server, reason) in [
        (String::new(), "the case's timeout passed"),
        (", auth: {pat: {command: [sleep, '25']}}".to_owned(), "the case's timeout passed"),
        (", auth: {pat: {file: pipe}}".to_owned(), "the case's timeout passed"),
    ] {
        let project = Project::new()
            .file("callsheet.yaml", &format!("servers: {{s: {{url: '{url}'{server}}}}}\nscenarios: a.yaml\n"))
            .file("a.yaml", scenario);
        std::process::Command::new("mkfifo").arg(project.path().join("pipe")).status().unwrap();
        let ran = project.run(&["test"]).exits(101).says(reason);
        assert!(ran.took < Duration::from_secs(8), "{server}: {:?}", ran.took);
    }
}

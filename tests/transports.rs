//! One session on one stream: stdio and HTTP+SSE, their failures, and that nothing is left of a process.
//!
//! A harness of its own: the test is its own server, started anew with a variable that says so.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has to fail")]
#![expect(clippy::indexing_slicing, reason = "as above")]
#![expect(clippy::panic, reason = "as above")]
#![expect(clippy::exit, clippy::print_stdout, clippy::print_stderr, reason = "a server of its own")]
#![expect(clippy::disallowed_methods, reason = "the environment says who it is")]

mod common;
#[path = "transports/server.rs"]
mod server;

use std::fmt::Write as _;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use common::{Project, Ran, wait_until};
use libtest_mimic::{Arguments, Trial};

/// The variable that makes this the server of that mode.
const MODE: &str = "CALLSHEET_TEST_SERVER";

const TESTS: &[(&str, fn())] = &[
    ("one_file_on_three_transports", three_transports),
    ("a_message_that_is_taken_once_it_is_done", done_first),
    ("the_modern_era_on_stdio", modern),
    ("servers_that_do_not_know_the_probe", probed),
    ("a_command_that_does_not_exist", missing),
    ("a_command_that_exits_at_once", exits),
    ("a_command_that_prints_rubbish", rubbish),
    ("a_line_without_an_end", endless),
    ("a_command_that_hangs", hangs),
    ("a_command_that_closes_its_stdout", closes),
    ("a_banner_is_a_violation", banner),
    ("a_server_that_dies", dies),
    ("answers_that_nobody_asked_for", foreign),
    ("the_environment_of_a_command", environment),
    ("stderr_is_redacted", redacted),
    ("what_does_not_end_is_ended", stays),
    ("nothing_is_left_after_signals", signals),
    ("a_stream_that_posts_elsewhere", elsewhere),
    ("what_only_http_has_is_refused", refused),
];

fn main() -> ExitCode {
    if let Ok(mode) = std::env::var(MODE) {
        if let Ok(file) = std::env::var("PIDS") {
            let mut file = std::fs::OpenOptions::new().create(true).append(true).open(file).unwrap();
            std::io::Write::write_all(&mut file, format!("{}\n", std::process::id()).as_bytes()).unwrap();
        }
        server::stdio(&mode);
        return ExitCode::SUCCESS;
    }
    let arguments = Arguments::from_args();
    let trials = TESTS.iter().map(|(name, test)| {
        Trial::test(*name, || {
            test();
            Ok(())
        })
    });
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}

/// The entry of a server in this mode, with more keys.
fn entry(mode: &str, more: &str) -> String {
    let this = std::env::current_exe().unwrap();
    format!("{{command: ['{}'], env: {{{MODE}: {mode}, PIDS: pids}}{more}}}", this.display())
}

/// A suite with one server in this mode.
fn project(mode: &str, more: &str) -> Project {
    suite(&entry(mode, more))
}

fn suite(entry: &str) -> Project {
    Project::new().file("callsheet.yaml", &format!("servers:\n  it: {entry}\nscenarios: '*.yaml'\n"))
}

/// Checks that none of the processes that were started is left.
#[track_caller]
fn nothing_is_left(project: &Project, started: usize) {
    let pids: Vec<String> = project.read("pids").lines().map(str::to_owned).collect();
    assert_eq!(pids.len(), started, "{pids:?}");
    wait_until("the end of every process", || pids.iter().all(|pid| !is_alive(pid)));
}

fn is_alive(pid: &str) -> bool {
    let state = Command::new("ps").args(["-o", "stat=", "-p", pid]).output().unwrap();
    let state = String::from_utf8(state.stdout).unwrap();
    !state.trim().is_empty() && !state.trim().starts_with('Z')
}

#[track_caller]
fn quickly(ran: Ran) -> Ran {
    assert!(ran.took < Duration::from_secs(20), "{:?}", ran.took);
    ran
}

const LIST: &str = "  - list: tools";

fn three_transports() {
    let (http, sse) = (server::serve(server::streamable), server::serve(server::sse));
    let text = format!(
        "servers:\n  stdio: {}\n  http: {{url: '{http}'}}\n  sse: {{url: '{sse}', auth: {{pat: {{env: DOOR}}}}}}\n\
         scenarios: '*.yaml'\n",
        entry("legacy", "")
    );
    let project = Project::new().file("callsheet.yaml", &text).env("DOOR", "door-token-1").file(
        "a.yaml",
        "
scenario: The same on every transport
respond:
  - {to: sampling/createMessage, result: {role: assistant, model: m, content: {type: text, text: hello}}}
steps:
  - list: tools
    expect: {items: {$length: 5}, wire: []}
  - {call: echo, arguments: {text: one}, expect: {text: one}}
  - call: progress
    meta: {progressToken: p1}
    expect:
      notifications:
        - {method: notifications/progress, params: {progressToken: p1, progress: 1}}
        - {params: {progress: 2}}
        - {params: {progress: 3}}
  - call: ask
    expect: {text: hello, asked: [{method: sampling/createMessage}]}
  - parallel:
      - {name: slow, call: echo, arguments: {text: a, pause: 200}, expect: {text: a, notifications: []}}
      - {name: quick, call: progress, meta: {progressToken: p2}, expect: {notifications: {$length: 3}}}
  - listen: {tools: true}
  - call: change
  - await: {method: notifications/tools/list_changed}
  - {call: slow, timeout: 300ms, expect: {outcome: timed_out}}
  - {call: cancelled, expect: {text: '1'}}
  - session: close
  - session: open
    expect: {protocol: '2025-11-25'}
  - {call: echo, arguments: {text: again}, expect: {text: again}}
",
    );
    for server in ["stdio", "http", "sse"] {
        quickly(project.run(&["test", "--server", server])).exits(0).says("1 passed").silent_on("note:");
    }
    nothing_is_left(&project, 2);
}

fn done_first() {
    let url = server::serve(server::sse_done_first);
    let text =
        format!("servers:\n  it: {{url: '{url}', auth: {{pat: {{env: DOOR}}}}}}\nscenarios: '*.yaml'\n");
    let project = Project::new().file("callsheet.yaml", &text).env("DOOR", "door-token-1").file(
        "a.yaml",
        "
scenario: What it asks meanwhile is answered
respond:
  - {to: sampling/createMessage, result: {role: assistant, model: m, content: {type: text, text: hello}}}
steps:
  - call: ask
    timeout: 10s
    expect: {text: hello, asked: [{method: sampling/createMessage}], http: {status: 202, events: {$length: 2}}}
",
    );
    quickly(project.run(&["test"])).exits(0).says("1 passed");
}

fn modern() {
    let project = project("modern", "").steps(
        "  - list: tools
    expect: {protocol: '2026-07-28', items: {$length: 5}, wire: [], http: {$exists: false}, sent: {headers: {$exact: {}}}}
  - call: progress
    meta: {progressToken: p1}
    expect: {notifications: {$length: 3}}
  - listen: {tools: true}
    expect: {notifications: [{method: notifications/subscriptions/acknowledged}]}
  - parallel:
      - {call: echo, arguments: {text: a, pause: 200}, expect: {text: a, notifications: []}}
      - {call: change, expect: {notifications: []}}
  - await: {method: notifications/tools/list_changed}
  - {call: slow, timeout: 300ms, expect: {outcome: timed_out}}
  - {call: cancelled, expect: {text: '1'}}
  - listen: {}
  - {call: change, expect: {notifications: []}}
  - {call: echo, arguments: {text: still}, expect: {text: still}}
  - call: cancelled
    arguments: {count: 2}
    expect: {text: '2'}",
    );
    quickly(project.run(&["test"])).exits(0).silent_on("note:");
    nothing_is_left(&project, 1);
}

fn probed() {
    for (mode, started) in [("dies-when-probed", 2), ("mute-when-probed", 1)] {
        let project = project(mode, ", timeouts: {start: 4s}").steps(LIST);
        quickly(project.run(&["test"])).exits(0);
        nothing_is_left(&project, started);
    }
    // One that is greeted before it can answer the probe.
    let steps = "  - list: tools\n    expect: {protocol: '2026-07-28', wire: []}";
    let project = project("slow-modern", ", timeouts: {start: 7s}").steps(steps);
    quickly(project.run(&["test"])).exits(0);
    nothing_is_left(&project, 1);
}

fn missing() {
    let ran = quickly(suite("{command: [./there-is-none, x]}").steps(LIST).run(&["test"])).exits(101);
    ran.says("the command `./there-is-none` does not exist");
}

fn exits() {
    let project = project("exits", "").steps(LIST);
    let ran = quickly(project.run(&["test"])).exits(101);
    let ran = ran.says("the server's process ended with exit status 3");
    ran.says("its stderr:").says("no configuration was found");
    nothing_is_left(&project, 2);
}

fn rubbish() {
    let project = project("rubbish", ", timeouts: {start: 1s}").steps(LIST);
    let ran = quickly(project.run(&["test"])).exits(101);
    ran.says("no answer to `initialize` within 1 s")
        .says("lines that are no messages, the first: `Listening on stdin …`");
    nothing_is_left(&project, 1);
}

fn endless() {
    let project = project("long", "").steps(LIST);
    quickly(project.run(&["test"])).exits(101).says("a line of the server's stdout is larger than 16 MiB");
}

fn hangs() {
    let project = project("hangs", ", timeouts: {start: 1s}").steps(LIST);
    let ran = quickly(project.run(&["test"])).exits(101);
    ran.says("the session could not be opened: no answer to `initialize` within 1 s")
        .says("of that `server/discover` alone was sent")
        .says("timeouts: {start: …}");
    nothing_is_left(&project, 1);
}

fn closes() {
    let script = "echo $$ >> pids; exec >&-; sleep 1000";
    let project = suite(&format!("{{command: [sh, -c, '{script}'], timeouts: {{start: 4s}}}}")).steps(LIST);
    let ran = quickly(project.run(&["test"])).exits(101);
    ran.says("the server closed its stdout, and its process goes on");
    nothing_is_left(&project, 2);
}

fn banner() {
    let strict = project("banner", "").steps(LIST);
    let told = "the server printed a line to stdout that is not JSON";
    quickly(strict.run(&["test"])).exits(101).says(told).says("`Welcome to the server`");
    let lenient = project("banner", ", checks: {wire: warn}").steps(LIST);
    quickly(lenient.run(&["test"])).exits(0).says(told);
}

fn dies() {
    let project = project("legacy", "").steps("  - call: die\n  - {call: echo, arguments: {text: a}}");
    let ran = quickly(project.run(&["test"])).exits(101);
    let ran = ran.says("the server's process ended with exit status 7").says("the last words");
    assert!(!ran.all().contains('\u{1b}'), "{}", ran.all());
    nothing_is_left(&project, 1);

    let steps = "  - call: abort
    expect: {outcome: closed}
  - call: echo
    arguments: {text: a}
    expect: {outcome: closed}
  - session: open
  - {call: echo, arguments: {text: a}, expect: {text: a}}";
    let project = self::project("legacy", "").steps(steps);
    quickly(project.run(&["test", "--trace"])).exits(0).says("ended by signal 6");
    nothing_is_left(&project, 2);
}

fn foreign() {
    let ran = project("legacy", "").steps("  - {call: foreign, expect: {text: mine}}").run(&["test"]);
    quickly(ran).exits(101).says("the answer's id is `4711`");
    let ids = "  - {call: foreign, expect: {text: mine}, checks: {ids: ignore}}";
    quickly(project("legacy", "").steps(ids).run(&["test"])).exits(0);
    // The second comes when nobody waits: the next step is told.
    let steps = "  - {call: twice, expect: {text: one}}\n  - {call: echo, arguments: {text: a, pause: 300}}";
    let ran = quickly(project("legacy", "").steps(steps).run(&["test"])).exits(101);
    let (late, early) = ("and no request waits for it", "the answer's id is `");
    assert!(ran.all().contains(late) || ran.all().contains(early), "{}", ran.all());
}

fn environment() {
    let folder = ", cwd: sub, checks: {wire: error}";
    let this = std::env::current_exe().unwrap();
    let text = format!(
        "default: it
servers:
  it: {{command: ['{}'], env: {{{MODE}: legacy, PLAIN: text, GIVEN: {{env: GIVEN_SECRET}}}}{folder}}}
  other: {{url: 'http://127.0.0.1:9/', auth: {{pat: {{env: OTHER_PAT}}}}}}
secrets: [HOOK]
scenarios: '*.yaml'
",
        this.display()
    );
    let mut steps = String::new();
    for (name, value) in [
        ("PLAIN", "text"),
        ("GIVEN", "given-secret-1"),
        ("GIVEN_SECRET", "unset"),
        ("OTHER_PAT", "unset"),
        ("HOOK", "unset"),
        ("INHERITED", "yes"),
    ] {
        let _ = writeln!(
            steps,
            "  - {{call: environment, arguments: {{name: {name}}}, expect: {{text: {value}}}}}"
        );
    }
    steps.push_str("  - {call: folder, expect: {text: sub}}");
    let project = Project::new()
        .file("callsheet.yaml", &text)
        .file("sub/empty", "")
        .steps(&steps)
        .env("GIVEN_SECRET", "given-secret-1")
        .env("OTHER_PAT", "other-secret-1")
        .env("HOOK", "hook-secret-1")
        .env("INHERITED", "yes");
    quickly(project.run(&["test"])).exits(0);
}

fn redacted() {
    let this = std::env::current_exe().unwrap();
    let text = format!(
        "servers:\n  it: {{command: ['{}'], env: {{{MODE}: legacy, GIVEN: {{env: GIVEN_SECRET}}}}}}\nscenarios: '*.yaml'\n",
        this.display()
    );
    let steps = "  - {call: tell, arguments: {text: the token is given-secret-1}, timeout: 500ms}";
    let project =
        Project::new().file("callsheet.yaml", &text).steps(steps).env("GIVEN_SECRET", "given-secret-1");
    let ran = quickly(project.run(&["test", "--trace"])).exits(101);
    ran.says("the token is ").silent_on("given-secret-1");
}

fn stays() {
    let project = project("stays", "").steps(LIST);
    quickly(project.run(&["test"])).exits(0).says("SIGTERM ended it");
    nothing_is_left(&project, 1);

    // One that hears no TERM, and has a child.
    let this = std::env::current_exe().unwrap();
    let script = format!("trap \"\" TERM; \"{}\"; {MODE}=hangs \"{}\"", this.display(), this.display());
    let text = format!("{{command: [sh, -c, '{script}'], env: {{{MODE}: legacy, PIDS: pids}}}}");
    let project = suite(&text).steps(LIST);
    quickly(project.run(&["test"])).exits(0).says("SIGKILL ended it");
    nothing_is_left(&project, 2);
}

fn signals() {
    for count in [1, 2] {
        let project = project("stays", "").steps("  - {call: slow, timeout: 60s}");
        let child = project.command(&["test"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let pids = project.path().join("pids");
        wait_until("the server runs", || std::fs::read_to_string(&pids).is_ok_and(|text| !text.is_empty()));
        let pid = child.id().to_string();
        for index in 0..count {
            if index > 0 {
                // What follows at once is the same signal.
                std::thread::sleep(Duration::from_millis(500));
            }
            assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
        }
        let started = Instant::now();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(130), "{output:?}");
        assert!(started.elapsed() < Duration::from_secs(15));
        nothing_is_left(&project, 1);
    }
}

fn elsewhere() {
    let url = server::serve(server::elsewhere);
    let ran = suite(&format!("{{url: '{url}'}}")).steps(LIST).run(&["test"]);
    quickly(ran).exits(101).says("its `endpoint` is `http://127.0.0.1:9/steal`").says("posted to");
}

fn refused() {
    let steps = "  - http: {method: POST, body: x}\n    expect: {http: {status: 200}}\n  - {list: tools, headers: {A: b}}";
    let ran = project("legacy", "").steps(steps).run(&["check"]).exits(3);
    ran.says("`http` needs a server at an address, and `it` is a command")
        .says("a message to `it` has no headers: it is a command");
}

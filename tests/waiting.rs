//! What is waited for, left out, tolerated or not run at all: none of it may hide anything.
#![cfg(feature = "sandbox")]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::scripted::{answer, lifecycle};
use common::{Project, Ran, Server, scripted};

fn run(server: &Server, head: &str, steps: &str, arguments: &[&str]) -> Ran {
    let text = format!("scenario: A test\n{head}\nsteps:\n{steps}\n");
    Project::on(server).file("a.yaml", &text).run(&[&["test"], arguments].concat())
}

fn echo(rest: &str) -> String {
    format!("  - call: echo\n    arguments: {{a: 1}}\n{rest}")
}

#[test]
fn a_refusal_ends_the_attempts_at_once() {
    for status in ["401 Unauthorized", "403 Forbidden"] {
        let calls = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&calls);
        let url = scripted::start(move |request| {
            lifecycle(request).unwrap_or_else(|| {
                if request.method() == "tools/call" {
                    seen.fetch_add(1, Ordering::SeqCst);
                }
                answer(status, "")
            })
        });
        let suite = format!("servers: {{a: {{url: '{url}'}}}}\nscenarios: '*.yaml'\n");
        let steps = echo("    eventually: {within: 20s, every: 10ms}\n    expect: {json: {a: 1}}");
        let text = format!("scenario: A test\nprotocol: 2025-11-25\nsteps:\n{steps}\n");
        let project = Project::new().file("callsheet.yaml", &suite).file("a.yaml", &text);
        project.run(&["test"]).exits(101).says("the server refused: no further attempt after 1 attempt");
        assert_eq!(calls.load(Ordering::SeqCst), 1, "{status}");
    }
}

#[test]
fn the_oldest_is_taken_and_each_once() {
    let server = Server::start();
    let steps = "
  - call: notify
    arguments: {kind: progress, count: 2}
    meta: {progressToken: t}
  - await: {method: notifications/progress, params: {progressToken: t}}
    save: {oldest: '$.notifications[0].params.progress'}
  - await: {method: notifications/progress}
    expect: {notifications: [{params: {progress: {$gt: '{{ oldest }}'}}}]}
  - await: {method: notifications/progress}
    timeout: 100ms
    expect: {outcome: timed_out}";
    run(&server, "", steps, &[]).exits(0);
    let other = format!("{steps}\n  - await: {{method: notifications/progress}}\n    timeout: 100ms");
    run(&server, "", &other, &[]).exits(101).says("no notification that matches came within 100 ms");
}

#[test]
fn a_step_that_is_left_out_sends_nothing_and_gives_no_name() {
    let server = Server::start();
    let left_out = echo("    when: {mode: write}\n    save: {_x: $.json.a}\n");
    let then =
        "  - call: echo\n    arguments: {x: \"{{ default _x 'none' }}\"}\n    expect: {json: {x: none}}";
    run(&server, "vars: {mode: read}", &format!("{left_out}{then}"), &[]).exits(0);
    assert_eq!(server.log().calls_of("echo").len(), 1);
    run(&server, "vars: {mode: write}", &format!("{left_out}{then}"), &[]).exits(101);
}

#[test]
fn a_condition_that_cannot_be_rendered_hides_nothing() {
    let server = Server::start();
    let vars = "vars: {text: abc, one: 1}";
    let when = echo("    when: {one: '{{ number text }}'}");
    run(&server, vars, &when, &[]).exits(101).says("`abc` is no number");
    let requires = format!("{vars}\nrequires: {{one: '{{{{ number text }}}}'}}");
    run(&server, &requires, &echo(""), &[]).exits(101).says("`abc` is no number");
    let bug = echo("    known_bug: {issue: X-1, when: {one: '{{ number text }}'}}");
    run(&server, vars, &bug, &[]).exits(101).says("`abc` is no number");
}

#[test]
fn a_known_bug_is_tolerated_and_nothing_else() {
    let server = Server::start();
    let judged = |rest: &str| run(&server, "", &echo(&format!("    known_bug: {{issue: X-1}}\n{rest}")), &[]);
    judged("    expect: {json: {a: 2}}").exits(4).says("ignored (known bug X-1)");
    judged("    expect: {json: {a: 1}}").exits(101).says("the known bug X-1 does not show any more");
    // Its own expectation fails, too; still the name that is missing is no part of it.
    judged("    save: {_x: $.json.b}\n    expect: {json: {a: 2}}").exits(101).says("finds nothing");
    judged("    headers: {x-sandbox-fault: '502'}\n    expect: {json: {a: 2}}").exits(101);
    let after = format!(
        "{}\n{}",
        echo("    known_bug: {issue: X-1}\n    expect: {json: {a: 2}}"),
        echo("    expect: {json: {a: 3}}")
    );
    run(&server, "", &after, &[]).exits(101);
}

#[test]
fn a_known_bug_hides_no_other_check() {
    let server = Server::start();
    let bug = "    known_bug: {issue: X-1}\n    expect: {is_error: true}\n";
    let contradiction = format!(
        "  - call: orderTotals\n    arguments: {{in_Prices: [1, 2], in_Currency: EUR}}\n    headers: {{x-sandbox-fault: contradiction}}\n{bug}"
    );
    run(&server, "", &contradiction, &[]).exits(101).says("contradict each other");
    let token =
        echo(&format!("    headers: {{x-sandbox-fault: echo-token}}\n    checks: {{echo: error}}\n{bug}"));
    run(&server, "", &token, &[]).exits(101).says("the server sent the token back");
}

#[test]
fn what_a_case_requires_and_does_not_find_is_told() {
    let server = Server::start();
    let head = "vars: {mode: read}\nrequires: {mode: write}";
    let ran = run(&server, head, &echo(""), &[]).exits(4);
    ran.says("ignored (requires `mode`: ").says("no case of these scenarios found what it requires");
    assert_eq!(server.count("tools/call"), 0);
    run(&server, head, &echo(""), &["--deny", "ignored"])
        .exits(101)
        .says("1 case was ignored, and `--deny ignored` is set");
}

#[test]
fn a_rule_that_only_cleanup_uses_is_used() {
    let server = Server::start();
    let rule = "respond:\n  - {to: roots/list, result: {roots: []}}";
    let defer = "  - defer: {call: askRoots, arguments: {in_Subject: a}}\n";
    run(&server, rule, &format!("{defer}{}", echo("")), &[]).exits(0);
    run(&server, rule, &echo(""), &[]).exits(101).says("this rule was not used");
}

#[test]
fn branches_are_told_by_their_names_only() {
    let server = Server::start();
    let steps = "
  - parallel:
      - {call: echo, arguments: {a: 1}, name: one}
      - {call: echo, arguments: {a: 2}}
      - {call: echo, arguments: {a: 3}, name: never, when: {mode: write}}
    expect: {order: [one]}";
    run(&server, "vars: {mode: read}", steps, &[]).exits(0);
    run(&server, "vars: {mode: read}", &steps.replace("[one]", "[one, call echo]"), &[]).exits(101);
}

#[test]
fn a_condition_on_the_session_is_known_or_fails() {
    let server = Server::start();
    let bug = |expected: u8| {
        echo(&format!(
            "    known_bug: {{issue: X-1, when: {{session: {{auth: pat}}}}}}\n    expect: {{json: {{a: {expected}}}}}"
        ))
    };
    run(&server, "", &bug(2), &[]).exits(4).says("ignored (known bug X-1)");
    run(&server, "", &bug(1), &[]).exits(101).says("does not show any more");
    let wait = "  - wait: 1ms\n    when: {session: {auth: pat}}";
    let refused = run(&server, "as: anonymous", wait, &[]);
    refused.exits(101).says("what `when` asks of the session is not known");
}

#[test]
fn a_known_bug_does_not_hide_what_may_be_left_behind() {
    let server = Server::start();
    let steps = "  - call: runSlowProcess
    arguments: {in_Seconds: 30}
    timeout: 100ms
    expect: {outcome: timed_out}
    defer: {list: tools}\n";
    let bug = echo("    known_bug: {issue: X-1}\n    expect: {json: {a: 2}}");
    let ran = run(&server, "", &format!("{steps}{bug}"), &[]).exits(4);
    ran.says("what it made may be left behind").silent_on("the value differs");
}

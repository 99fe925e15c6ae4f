//! What ends a run early: a signal, a reader that goes away, a place that cannot be written.
#![cfg(all(unix, feature = "sandbox"))]
#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has to fail")]

mod common;

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use common::Project;

/// That many cases, each with a call that takes so long.
fn slow(cases: usize, seconds: f64) -> Project {
    (0..cases).fold(Project::on_own_sandbox(), |suite, number| {
        suite.file(&format!("case_{number:04}.yaml"), &call(seconds))
    })
}

fn call(seconds: f64) -> String {
    format!("scenario: A test\nsteps: [{{call: runSlowProcess, arguments: {{in_Seconds: {seconds}}}}}]\n")
}

/// Its exit code; a test fails where it does not end.
fn end(child: &mut Child) -> Option<i32> {
    let deadline = Instant::now() + Duration::from_secs(60);
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    None
}

/// How many steps a run made, from its JSON lines.
fn steps(suite: &Project) -> usize {
    suite.read("events.jsonl").matches(r#"{"event":"step_ended""#).count()
}

#[test]
fn nobody_reads() {
    let suite = slow(200, 0.2);
    let mut child = suite
        .command(&["test", "--report", "jsonl=events.jsonl"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::with_capacity(1, child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "\n");
    assert_eq!(end(&mut child), Some(130));
    assert!(steps(&suite) < 40, "{}", steps(&suite));
    let mut complaints = String::new();
    child.stderr.take().unwrap().read_to_string(&mut complaints).unwrap();
    assert_eq!(complaints, "");
}

#[test]
fn a_signal_ends_in_good_order() {
    for signal in [rustix::process::Signal::INT, rustix::process::Signal::TERM] {
        // The first to start still runs when the others pass.
        let suite = slow(300, 0.2).file("a_long_one.yaml", &call(50.0));
        let mut child = suite
            .command(&["test", "--test-threads", "8", "--report", "jsonl=events.jsonl"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while !line.ends_with(" ... ok\n") {
            line.clear();
            assert!(output.read_line(&mut line).unwrap() > 0, "no case passed");
        }
        // Twice, as `timeout` does: that is one.
        let process = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(process, signal).unwrap();
        rustix::process::kill_process(process, signal).unwrap();
        let mut rest = String::new();
        output.read_to_string(&mut rest).unwrap();
        assert_eq!(end(&mut child), Some(130));
        assert!(rest.contains("test a_long_one ... FAILED\n"), "{rest}");
        assert!(rest.contains(" ... ignored (not run: interrupted by a signal)\n"), "{rest}");
        assert!(rest.contains("\ntest result: FAILED. "), "{rest}");
        assert!(steps(&suite) < 200, "{}", steps(&suite));
    }
}

#[test]
fn places_that_cannot_be_written() {
    let suite = slow(2, 0.0);
    for (arguments, place) in [
        (&["--logfile", "none/x"][..], "`none/x`"),
        (&["--logfile", "/dev/full"], "`/dev/full`"),
        (&["--report", "junit=none/x"], "the JUnit report `none/x`"),
        (&["--report", "jsonl=/dev/full"], "the JSON lines report `/dev/full`"),
        (&["--report", "junit=/dev/full"], "the JUnit report `/dev/full`"),
    ] {
        let ran = suite.run(&[&["test"], arguments].concat());
        assert_eq!(ran.code, Some(2), "{ran:?}");
        let errors: Vec<&str> = ran.stderr.lines().filter(|line| !line.starts_with("seed: ")).collect();
        assert!(errors.len() == 1 && errors.concat().contains(place), "{ran:?}");
    }
}

#[test]
fn a_logfile_holds_what_stdout_would() {
    let suite = slow(2, 0.0);
    let ran = suite.run(&["test", "--logfile", "log"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), ""));
    let log = suite.read("log");
    assert!(
        log.contains("test case_0000 ... ok\n") && log.contains("\ntest result: ok. 2 passed; "),
        "{log}"
    );
}

//! What ends a run early: a signal, a reader that goes away, a place that cannot be written.
#![cfg(all(unix, feature = "sandbox"))]
#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has to fail")]

mod common;

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use common::{Project, Server, wait_until};

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

/// Interrupts a case with cleanup once its last call has reached the sandbox, and waits for its end.
fn interrupted(sandbox: &Server, steps: &str, reached: &str) -> (Option<i32>, String) {
    let suite = Project::on(sandbox).steps(steps);
    let mut child = suite.command(&["test"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    wait_until("the call to reach the sandbox", || sandbox.log().calls_of(reached).len() == 1);
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::INT)
        .unwrap();
    let mut output = String::new();
    child.stdout.take().unwrap().read_to_string(&mut output).unwrap();
    (end(&mut child), output)
}

const TWO_INVOICES: &str = "
  - call: createInvoice
    arguments: {in_Customer: C-1, in_Amount: 1}
    save: {first_invoice: $.json.out_InvoiceId}
    defer: {call: deleteInvoice, arguments: {in_InvoiceId: '{{ first_invoice }}'}}
  - call: createInvoice
    arguments: {in_Customer: C-2, in_Amount: 2}
    save: {second_invoice: $.json.out_InvoiceId}
    defer:
      - {call: getInvoice, arguments: {in_InvoiceId: '{{ second_invoice }}'}, expect: {json: {out_Amount: 2}}}
      - {call: deleteInvoice, arguments: {in_InvoiceId: '{{ second_invoice }}'}}
  - call: runSlowProcess
    arguments: {in_Seconds: 50}
";

#[test]
fn a_case_with_two_defers_leaves_nothing_behind() {
    for protocol in ["2025-11-25", "2026-07-28"] {
        let sandbox = Server::start();
        let steps = format!("{TWO_INVOICES}protocol: '{protocol}'\n");
        let (code, output) = interrupted(&sandbox, &steps, "runSlowProcess");
        assert_eq!(code, Some(130), "{output}");
        assert!(output.contains("\ntest result: FAILED. 0 passed; 1 failed; "), "{output}");
        assert_eq!(output.matches("error[").count(), 1, "{output}");
        let deleted = sandbox.log().calls_of("deleteInvoice");
        assert_eq!((deleted.len(), sandbox.log().calls_of("createInvoice").len()), (2, 2), "{output}");
        let looks: String = deleted
            .iter()
            .map(|call| {
                let id = &call.body["params"]["arguments"]["in_InvoiceId"];
                format!("\n  - {{call: getInvoice, arguments: {{in_InvoiceId: {id}}}, expect: {{is_error: true}}}}")
            })
            .collect();
        Project::on(&sandbox).steps(&looks).run(&["test"]).exits(0);
    }
}

#[test]
fn branches_end_and_are_cleaned_up_after() {
    let sandbox = Server::start();
    let steps = "
  - parallel:
      - - call: createInvoice
          arguments: {in_Customer: C-1, in_Amount: 1}
          save: {invoice: $.json.out_InvoiceId}
          defer: {call: deleteInvoice, arguments: {in_InvoiceId: '{{ invoice }}'}}
        - {call: runSlowProcess, arguments: {in_Seconds: 50}}
      - {wait: 50s}
  - {list: tools}";
    let (code, output) = interrupted(&sandbox, steps, "runSlowProcess");
    assert_eq!(code, Some(130), "{output}");
    assert_eq!(sandbox.log().calls_of("deleteInvoice").len(), 1, "{output}");
    assert_eq!(output.matches("error[interrupted]").count(), 3, "{output}");
}

#[test]
fn cleanup_that_takes_too_long_is_told_as_left_behind() {
    let sandbox = Server::start();
    let steps = "
  - call: createInvoice
    arguments: {in_Customer: C-1, in_Amount: 1}
    save: {invoice: $.json.out_InvoiceId}
    defer: {call: deleteInvoice, arguments: {in_InvoiceId: '{{ invoice }}'}}
  - defer: {call: runSlowProcess, arguments: {in_Seconds: 50}}
  - {call: echo, arguments: {note: a}}";
    let (code, output) = interrupted(&sandbox, steps, "runSlowProcess");
    assert_eq!(code, Some(130), "{output}");
    assert_eq!(output.matches("error[left-behind]").count(), 2, "{output}");
    assert!(output.contains("not run: call deleteInvoice with {\"in_InvoiceId\":\"INV-"), "{output}");
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

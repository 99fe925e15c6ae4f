//! Selection, counts, lists and exit codes are libtest's: each command line is given to a crate of the
//! installed toolchain and to a suite whose cases have the same names and fates.
#![cfg(feature = "sandbox")]
#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has to fail")]

mod common;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use common::Project;

const CRATE: &str = r#"
#[test] fn alpha_one() {}
#[test] fn alpha_two() { panic!("no") }
#[test] #[ignore = "bug 12"] fn beta_one() {}
#[test] fn beta_two() {}
"#;

fn suite() -> Project {
    let file = |head: &str, step: &str| format!("scenario: A test\n{head}steps: [{{{step}}}]\n");
    Project::on_own_sandbox()
        .file("alpha_one.yaml", &file("", "list: tools"))
        .file("alpha_two.yaml", &file("", "call: runFailingProcess"))
        .file("beta_one.yaml", &file("skip: bug 12\n", "list: tools"))
        .file("beta_two.yaml", &file("", "list: tools"))
}

/// What a process printed, and its exit code.
#[derive(Debug)]
struct Ran {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

fn ran(mut command: Command) -> Ran {
    let output = command.output().unwrap();
    Ran {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn callsheet(suite: &Project, arguments: &[&str]) -> Ran {
    ran(suite.command(&[&["test"], arguments].concat()))
}

/// The test executable, compiled once.
static LIBTEST: LazyLock<(tempfile::TempDir, PathBuf)> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let (source, program) = (folder.path().join("x.rs"), folder.path().join("x"));
    std::fs::write(&source, CRATE).unwrap();
    let status = Command::new("rustc")
        .args(["--test", "--edition", "2024", "-o"])
        .args([&program, &source])
        .status()
        .unwrap();
    assert!(status.success());
    (folder, program)
});

fn libtest(program: &Path, arguments: &[&str]) -> Ran {
    let mut command = Command::new(program);
    // What is unstable in libtest is compared, too.
    command.args(arguments).env("RUSTC_BOOTSTRAP", "1").env_remove("RUST_TEST_THREADS");
    ran(command)
}

/// `2 passed; 1 failed; ...`, without the time and without colour.
fn counts(output: &str) -> Option<String> {
    let line = output.lines().find(|line| line.starts_with("test result: "))?;
    let (_, counts) = line.split_once(". ")?;
    counts.split_once("; finished").map(|(counts, _)| counts.to_owned())
}

#[test]
fn selection_counts_and_exit_codes() {
    let suite = suite();
    for line in [
        "",
        "alpha",
        "alpha_one two",
        "--skip one",
        "alpha --skip two --skip nothing",
        "--exact alpha_one",
        "--exact alpha_one beta_two",
        "--exact --skip alpha_two",
        "--exact beta_one",
        "--ignored",
        "--ignored beta",
        "--include-ignored",
        "--include-ignored --skip alpha_two",
        "-q",
        "--quiet alpha_one",
        "--format pretty",
        "--format terse",
        "--test-threads 1",
        "--test-threads=64",
        "--test-threads 0",
        "--color always",
        "--color never",
        "--color auto",
        "--nocapture",
        "--no-capture",
        "--show-output",
        "--nope",
    ] {
        let arguments: Vec<&str> = line.split_whitespace().collect();
        let (theirs, ours) = (libtest(&LIBTEST.1, &arguments), callsheet(&suite, &arguments));
        assert_eq!(counts(&ours.stdout), counts(&theirs.stdout), "{line}: {ours:?}");
        // An unknown flag is 2 here, as with every command line of clap.
        // Where all that is selected is ignored, nothing was tested.
        let expected = match line {
            "--nope" => Some(2),
            "--exact beta_one" => Some(4),
            _ => theirs.code,
        };
        assert_eq!(ours.code, expected, "{line}: {ours:?}");
    }
}

#[test]
fn lists() {
    let suite = suite();
    for line in [
        "--list",
        "--list --format terse",
        "--list --format terse --ignored",
        "--list --format terse --include-ignored",
        "--list alpha",
        "--list --exact beta_two",
        "--list nothing",
    ] {
        let arguments: Vec<&str> = line.split_whitespace().collect();
        let (theirs, ours) = (libtest(&LIBTEST.1, &arguments), callsheet(&suite, &arguments));
        assert_eq!((&ours.stdout, ours.code), (&theirs.stdout, theirs.code), "{line}");
        assert_eq!(ours.stderr, "", "{line}");
    }
}

#[test]
fn json_tells_the_same_of_each_test() {
    let fates = |ran: &Ran| -> BTreeSet<(String, String)> {
        let events = ran.stdout.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        let text =
            |value: Option<&serde_json::Value>| value.and_then(|v| v.as_str()).unwrap_or_default().to_owned();
        events
            .filter(|event| text(event.get("type")) == "test")
            .map(|event| (text(event.get("name")), text(event.get("event"))))
            .filter(|(_, event)| event != "started")
            .collect()
    };
    let arguments = ["-Z", "unstable-options", "--format", "json"];
    let (theirs, ours) = (libtest(&LIBTEST.1, &arguments), callsheet(&suite(), &arguments));
    assert_eq!(fates(&ours), fates(&theirs));
    assert_eq!(fates(&ours).len(), 4);
    assert_eq!(ours.code, theirs.code);
}

#[test]
fn nothing_selected_is_an_error() {
    let suite = suite();
    for (arguments, hint) in [
        (&["alpa_one"][..], "did you mean `alpha_one`?"),
        (&["--exact", "alpha"], "whose name is `alpha`"),
        (&["--tag", "smoke"], "with the tag `smoke`"),
        (&["--skip", "a"], "that `--skip` leaves"),
    ] {
        let ran = callsheet(&suite, arguments);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(4), ""), "{ran:?}");
        assert!(ran.stderr.contains(hint) && ran.stderr.lines().count() == 1, "{ran:?}");
    }
    // Fewer cases than shards are no mistake.
    assert_eq!(callsheet(&suite, &["--shard", "9/9"]).code, Some(0));
}

#[test]
fn a_file_is_written_by_one_writer() {
    let project = Project::on_own_sandbox().steps("  - call: echo\n    expect: {is_error: false}\n");
    for arguments in [
        &["test", "--report", "junit=x", "--report", "jsonl=./x"][..],
        &["test", "--report", "junit=x", "--logfile", "x"],
    ] {
        project.run(arguments).exits(2).says("cannot be written twice in one run");
    }
    let shared =
        ["test", "--report", "junit=/dev/null", "--report", "jsonl=/dev/null", "--logfile", "/dev/null"];
    project.run(&shared).exits(0);
}

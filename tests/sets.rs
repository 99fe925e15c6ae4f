//! Sets of a suite: scenarios that stand apart until the command line asks for them.

mod common;

use common::Project;

const CALL: &str = "steps:\n  - call: echo\n    arguments: {a: 1}\n    expect: {json: {a: 1}}\n";

/// One scenario that is always run, and two of a set, of which one needs an identity that a bare address lacks.
fn project() -> Project {
    Project::new()
        .file(
            "callsheet.yaml",
            "servers: {sandbox: {sandbox: uipath}}\nscenarios: s/**/*.yaml\nsets: {apart: s/apart/*.yaml}\n",
        )
        .file("s/main.yaml", "scenario: Main\nas: auditor\nsteps:\n  - list: tools\n    expect: {pages: 2}\n")
        .file("s/apart/one.yaml", &format!("scenario: One\n{CALL}"))
        .file("s/apart/two.yaml", &format!("scenario: Two\n{CALL}"))
}

fn listed(project: &Project, words: &[&str]) -> Vec<String> {
    let ran = project.run(&[&["test", "--list"], words].concat()).exits(0);
    ran.stdout.lines().filter_map(|line| Some(line.strip_suffix(": test")?.to_owned())).collect()
}

#[test]
fn a_set_is_run_where_it_is_asked_for() {
    let project = project();
    let (one, two) = ("apart::one", "apart::two");
    for (words, expected) in [
        (&[][..], &["main"][..]),
        (&["main"], &["main"]),
        (&["s/"], &["main"]),
        (&["s/main.yaml"], &["main"]),
        (&["apart"], &[one, two]),
        (&["apart::one"], &[one]),
        (&["--exact", "apart::two"], &[two]),
        (&["s/apart/"], &[one, two]),
        (&["s/apart/two.yaml"], &[two]),
        (&["s/apart/two.yaml:1"], &[two]),
        (&["apart", "main"], &["main", one, two]),
        // Part of its name does not ask for a set, nor does what is only part of a case's name.
        (&["apar"], &[]),
        (&["one"], &[]),
    ] {
        assert_eq!(listed(&project, words), expected, "{words:?}");
    }
    project.run(&["test", "apart"]).exits(0).says("2 passed").says("0 filtered out");
    project.run(&["test"]).exits(0).says("1 passed").says("0 filtered out");
}

#[test]
fn what_is_not_asked_for_is_not_read() {
    let server = common::Server::start();
    let project = project();
    // The main scenario names an identity that this server does not have.
    project.run(&["test", "--url", &server.url()]).exits(3).says("no identity `auditor`");
    let ran = project.run(&["test", "--url", &server.url(), "apart"]).exits(101);
    ran.says("2 failed").says("--exact apart::one");
    let project = project.file("s/apart/two.yaml", "scenario: Two\nstepps: []\n");
    project.run(&["test"]).exits(0);
    project.run(&["test", "apart"]).exits(3).says("stepps");
    project.run(&["check"]).exits(3).says("stepps");
}

#[test]
fn a_set_is_named_where_nothing_is_selected() {
    project().run(&["test", "one"]).exits(4).says("apart");
    project().run(&["show", "apart::one"]).exits(0).says("One");
}

//! `$snapshot` and `--update` through the command: what is stored, compared, rewritten in place, and left alone.
#![cfg(feature = "sandbox")]
#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has to fail")]

mod common;

use common::{Project, Server};

/// A step that gets back its arguments.
fn echo(arguments: &str, expect: &str) -> String {
    format!("  - call: echo\n    arguments: {arguments}\n    expect: {expect}\n")
}

fn scenario(head: &str, steps: &[String]) -> String {
    format!("scenario: A test\n{head}steps:\n{}", steps.concat())
}

fn project(server: &Server, arguments: &str, expect: &str) -> Project {
    Project::on(server).file("a.yaml", &scenario("", &[echo(arguments, expect)]))
}

fn stored(project: &Project) -> String {
    project.read("a.snap.yaml").split_once("\n\n").unwrap().1.to_owned()
}

fn is_there(project: &Project, file: &str) -> bool {
    project.path().join(file).exists()
}

/// What `--update` makes of a scenario file.
#[track_caller]
fn rewritten(project: &Project) -> String {
    project.run(&["test", "--update"]).exits(0).says("test result: ok");
    project.run(&["test"]).exits(0);
    project.read("a.yaml")
}

#[test]
fn a_snapshot_is_written_then_compared() {
    let server = Server::start();
    let project =
        project(&server, "{a: 1, b: [x, {c: null}], text: \"l1\\nl2\\n\"}", "{json: {$snapshot: all}}");
    project
        .run(&["test"])
        .exits(101)
        .says("$.json: there is no snapshot `all`")
        .says("write it: `callsheet test --update a`");
    assert!(!is_there(&project, "a.snap.yaml"));
    project.run(&["test", "--update"]).exits(0).says("a.snap.yaml: 1 new");
    assert_eq!(stored(&project), "all:\n  a: 1\n  b:\n    - x\n    - c: null\n  text: |\n    l1\n    l2\n");
    project.run(&["test"]).exits(0).silent_on("warning");
    project.run(&["check"]).exits(0).says("0 errors, 0 warnings");
    project.run(&["test", "--update"]).exits(0).says("nothing had to be updated");

    let changed = scenario(
        "",
        &[echo("{a: 2, b: [x, {c: null}], n: 1, text: \"l1\\nl3\\n\"}", "{json: {$snapshot: all}}")],
    );
    let project = project.file("a.yaml", &changed);
    let ran = project.run(&["test"]).exits(101);
    let ran = ran
        .says("$.json.a: the value differs")
        .says("expected number 1, found number 2")
        .says("$.json.n: the key `n` is not expected")
        .says("$.json.text: the value differs")
        .says("a.snap.yaml:4:6")
        .says("what was stored");
    assert!(ran.stdout.contains("--> a.yaml:5:32"), "{}", ran.stdout);
    project.run(&["test", "--update"]).exits(0).says("a.snap.yaml: 1 changed");
    project.run(&["test"]).exits(0);
    // Nothing is left beside it.
    let names: Vec<String> = std::fs::read_dir(project.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(names.iter().filter(|name| name.contains("snap")).count(), 1, "{names:?}");
}

#[test]
fn masks_keep_the_type_and_have_to_hit() {
    let server = Server::start();
    let expect = "{json: {$snapshot: {name: all, mask: [$.id, '$.list[*].at']}}}";
    let of = |id: &str, at: &str| {
        scenario("", &[echo(&format!("{{id: {id}, list: [{{at: {at}, x: 1}}]}}"), expect)])
    };
    let project = Project::on(&server).file("a.yaml", &of("INV-1", "5"));
    project.run(&["test", "--update"]).exits(0);
    assert_eq!(stored(&project), "all:\n  id: <string>\n  list:\n    - at: <number>\n      x: 1\n");
    let project = project.file("a.yaml", &of("INV-2", "6.5"));
    project.run(&["test"]).exits(0);
    let project = project.file("a.yaml", &of("7", "6"));
    project.run(&["test"]).exits(101).says("expected a masked string, found a masked number");
    let project = project.file("a.yaml", &scenario("", &[echo("{id: x, list: []}", expect)]));
    project.run(&["test"]).exits(101).says("the mask `$.list[*].at` hits nothing");
    // Then nothing is stored either.
    project.run(&["test", "--update"]).exits(101).says("hits nothing");
    assert!(stored(&project).contains("<number>"));
}

#[test]
fn a_text_that_looks_like_a_mask_is_data() {
    let server = Server::start();
    let project = project(&server, "{a: <string>, b: <<null>}", "{json: {$snapshot: all}}");
    project.run(&["test", "--update"]).exits(0);
    project.run(&["test"]).exits(0);
    let project =
        project.file("a.yaml", &scenario("", &[echo("{a: other, b: <<null>}", "{json: {$snapshot: all}}")]));
    project.run(&["test"]).exits(101).says("$.json.a: the value differs");
}

#[test]
fn rows_have_snapshots_of_their_own_and_versions_share_one() {
    let server = Server::start();
    let head = "protocol: ['2025-06-18', '2025-11-25']\nrows: [{name: First, x: 1}, {name: second, x: 2}]\n";
    let steps = [echo("{x: '{{ row.x }}'}", "{json: {$snapshot: all}}")];
    let other = "---\nscenario: Other\nsteps:\n  - call: echo\n    arguments: {y: 1}\n    expect: {json: {$snapshot: b}, $.json.y: {$snapshot: a}}\n";
    let project = Project::on(&server).file("a.yaml", &(scenario(head, &steps) + other));
    project.run(&["test", "--update"]).exits(0).says("a.snap.yaml: 4 new");
    let keys: Vec<String> = stored(&project)
        .lines()
        .filter(|line| line.starts_with(|c: char| c.is_alphabetic()))
        .map(str::to_owned)
        .collect();
    assert_eq!(keys, ["a-test::first::all:", "a-test::second::all:", "other::a: 1", "other::b:"]);
    project.run(&["test"]).exits(0).says("5 passed");

    // What depends on the version is told, and nothing is written for it.
    let head = "protocol: ['2025-06-18', '2025-11-25']\n";
    let steps = [echo("{v: '{{ protocol }}', w: 1}", "{json: {$snapshot: all}}")];
    let project = Project::on(&server).file("a.yaml", &scenario(head, &steps));
    project
        .run(&["test", "--update"])
        .exits(101)
        .says("2 passed")
        .says("`all` was not written: `a@2025-06-18` and `a@2025-11-25` differ at `$.v`; mask what depends on the version");
    assert!(!is_there(&project, "a.snap.yaml"));
    let steps = [echo("{v: '{{ protocol }}', w: 1}", "{json: {$snapshot: {name: all, mask: [$.v]}}}")];
    let project = project.file("a.yaml", &scenario(head, &steps));
    project.run(&["test", "--update"]).exits(0);
    project.run(&["test"]).exits(0);
}

#[test]
fn orphans_are_told_and_removed_when_all_cases_ran() {
    let server = Server::start();
    let two = |first: &str| {
        let second = "---\nscenario: Two\nsteps:\n  - call: echo\n    arguments: {b: 1}\n    expect: {json: {$snapshot: b}}\n";
        format!(
            "scenario: One\nsteps:\n  - call: echo\n    arguments: {{a: 1}}\n    expect: {{json: {{$snapshot: {first}}}}}\n{second}"
        )
    };
    let project = Project::on(&server).file("a.yaml", &two("older"));
    project.run(&["test", "--update"]).exits(0).says("2 new");
    let project = project.file("a.yaml", &two("old"));
    project
        .run(&["check"])
        .exits(0)
        .says("warning[orphan-snapshot]: no scenario names the snapshot `one::older`")
        .says("a.snap.yaml:3:1")
        .says("`callsheet test --update a.yaml` removes it");
    project.run(&["test"]).exits(101).says("orphan-snapshot").says("`a.snap.yaml` has `one::older`");
    project.run(&["test", "a::two"]).exits(0).silent_on("orphan-snapshot");
    // A part of the file's cases removes nothing, and keeps what others stored.
    project.run(&["test", "--update", "a::one"]).exits(0).says("a.snap.yaml: 1 new");
    assert_eq!(stored(&project), "one::old:\n  a: 1\n\ntwo::b:\n  b: 1\n\none::older:\n  a: 1\n");
    project.run(&["test", "--update", "a.yaml"]).exits(0).says("a.snap.yaml: 1 removed").silent_on("orphan");
    assert_eq!(stored(&project), "one::old:\n  a: 1\n\ntwo::b:\n  b: 1\n");
    // The last one takes the file with it.
    let project = project.file("a.yaml", &scenario("", &[echo("{a: 1}", "{json: {a: 1}}")]));
    project.run(&["check"]).exits(0).says("2 warnings");
    project.run(&["test", "--update"]).exits(0).says("2 removed");
    assert!(!is_there(&project, "a.snap.yaml"));
    // A file without a scenario file beside it is told of, and left.
    let project = project.file("b.snap.yaml", "x: 1\n");
    project.run(&["check"]).exits(0).says("no scenario file stands beside `b.snap.yaml`");
    project.run(&["test", "--update"]).exits(0);
    assert!(is_there(&project, "b.snap.yaml"));
}

#[test]
fn a_secret_is_never_stored() {
    let server = Server::start();
    let arguments = "{token: 'Bearer {{ env.KEY }}', a: 1}";
    let suite = Project::on(&server).read("callsheet.yaml") + "secrets: [KEY]\n";
    let project = project(&server, arguments, "{json: {$snapshot: all}}")
        .file("callsheet.yaml", &suite)
        .env("KEY", "rt_0123456789ABCDEF");
    project.run(&["test", "--update"]).exits(0).silent_on("ABCDEF");
    assert_eq!(stored(&project), "all:\n  token: Bearer ***\n  a: 1\n");
    project.run(&["test"]).exits(0);
    // Nor where a later step makes it one.
    let late = "  - call: echo\n    arguments: {key: made-secret}\n    expect: {json: {$snapshot: late}}\n  - call: echo\n    arguments: {key: made-secret}\n    save: {key: {path: $.json.key, secret: true}}\n";
    let project = project.file("a.yaml", &format!("scenario: A test\nsteps:\n{late}"));
    project.run(&["test", "--update"]).exits(101).says("`late` was not written: it holds a secret");
    assert!(!is_there(&project, "a.snap.yaml") || !stored(&project).contains("made-secret"));
}

#[test]
fn a_step_that_fails_otherwise_stores_nothing() {
    let server = Server::start();
    let project = project(&server, "{a: 1}", "{json: {$snapshot: all}, $.json.b: 2}");
    project.run(&["test", "--update"]).exits(101);
    assert!(!is_there(&project, "a.snap.yaml"));
}

#[test]
fn ci_refuses_to_update() {
    let server = Server::start();
    let project = project(&server, "{a: 1}", "{json: {$snapshot: all}}");
    for (value, code) in [("true", 2), ("1", 2), ("false", 0), ("", 0)] {
        let output = project.command(&["test", "--update"]).env("CI", value).output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "CI={value}\n{told}");
        assert_eq!(told.contains("`CI` is set"), code == 2, "{told}");
        assert_eq!(is_there(&project, "a.snap.yaml"), code == 0);
        let _ = std::fs::remove_file(project.path().join("a.snap.yaml"));
    }
}

#[test]
fn a_broken_file_of_snapshots_is_shown() {
    let server = Server::start();
    let project = project(&server, "{a: 1}", "{json: {$snapshot: all}}");
    let project =
        project.file("a.snap.yaml", "all:\n<<<<<<< ours\n  a: 1\n=======\n  a: 2\n>>>>>>> theirs\n");
    project.run(&["check"]).exits(3).says("a merge was left in conflict here").says("a.snap.yaml:2:1");
    project.run(&["test", "a"]).exits(3).says("a merge was left in conflict here");
    let project = project.file("a.snap.yaml", "all: {a: 1\nb: ]\n");
    project.run(&["check"]).exits(3).says("--> a.snap.yaml:");
    let project = project.file("a.snap.yaml", "- 1\n");
    project.run(&["check"]).exits(3).says("a mapping of names to values");
    let project = project.file("a.snap.yaml", "a: 1\n---\nb: 1\n");
    project.run(&["check"]).exits(3).says("one document");
}

#[test]
fn values_are_rewritten_in_place() {
    let server = Server::start();
    let text = r#"scenario: A test   # é
steps:
  - call: echo
    arguments: {status: "Queued: now", count: 3, flag: true, none: null, text: "it's # ok", name: über, list: [1, 2], digits: "12"}
    expect:
      json:
        status: Created    # why it is so
        count: 2
        flag: 'false'
        none: "x"
        text: 'old'
        name: "alt"   # ü
        list: [1, 3]
        digits: plain
"#;
    let project = Project::on(&server).file("a.yaml", text);
    let expected = text
        .replace("Created ", "'Queued: now' ")
        .replace("count: 2", "count: 3")
        .replace("'false'", "true")
        .replace("none: \"x\"", "none: null")
        .replace("'old'", "'it''s # ok'")
        .replace("\"alt\"", "\"über\"")
        .replace("[1, 3]", "[1, 2]")
        .replace("plain", "'12'");
    let ran = project.run(&["test", "--update"]).exits(0).says("test result: ok. 1 passed");
    assert_eq!(project.read("a.yaml"), expected);
    assert!(ran.stderr.contains("  a.yaml:7:17: Created is now 'Queued: now'\n"), "{}", ran.stderr);
    project.run(&["test"]).exits(0);
    // With line breaks of another system, and a byte order mark.
    let windows = format!("\u{feff}{}", text.replace('\n', "\r\n"));
    let project = project.file("a.yaml", &windows);
    assert_eq!(rewritten(&project), format!("\u{feff}{}", expected.replace('\n', "\r\n")));
}

#[test]
fn values_in_operators_and_documents_are_rewritten() {
    let server = Server::start();
    let text = "scenario: One\nsteps:\n  - call: echo\n    arguments: {a: [1, 2, 3], b: {c: 1}, t: '{\"x\": 2}'}\n    expect:\n      json: {a: {$length: 2}, b: {$exact: {c: 5}}, t: {$json: {x: 1}}}\n      $.json.a[0]: 9\n---\nscenario: Two\nsteps:\n  - call: echo\n    arguments: {a: 1}\n    expect: {json: {a: 2}}\n";
    let project = Project::on(&server).file("a.yaml", text);
    let expected = text
        .replace("$length: 2", "$length: 3")
        .replace("c: 5", "c: 1")
        .replace("{x: 1}", "{x: 2}")
        .replace("[0]: 9", "[0]: 1")
        .replace("{a: 2}", "{a: 1}");
    assert_eq!(rewritten(&project), expected);
}

#[test]
fn cases_have_to_agree() {
    let server = Server::start();
    let head = "rows: [{name: one, x: 1}, {name: two, x: 2}]\n";
    let of = |arguments: &str| scenario(head, &[echo(arguments, "{json: {x: 3, y: 1}}")]);
    // Both found the same.
    let project = Project::on(&server).file("a.yaml", &of("{x: 5, y: 1}"));
    assert_eq!(rewritten(&project), of("{x: 5, y: 1}").replace("x: 3", "x: 5"));
    // Each found another, so that no value is right.
    let project = project.file("a.yaml", &of("{x: '{{ row.x }}', y: 1}"));
    project
        .run(&["test", "--update"])
        .exits(101)
        .says("the cases disagree: 1 in `a::one`, 2 in `a::two`")
        .says("-     expect: {json: {x: 3, y: 1}}\n+     expect: {json: {x: 1, y: 1}}");
    assert_eq!(project.read("a.yaml"), of("{x: '{{ row.x }}', y: 1}"));
    // In one it holds.
    let project = project.file("a.yaml", &of("{x: 3, y: '{{ row.x }}'}"));
    project
        .run(&["test", "--update"])
        .exits(101)
        .says("the cases disagree: it holds in `a::one`, and not in `a::two`");
    assert_eq!(project.read("a.yaml"), of("{x: 3, y: '{{ row.x }}'}"));
}

#[test]
fn what_stands_elsewhere_is_left_and_shown() {
    let server = Server::start();
    let text = "scenario: A test\nvars: {wanted: 1, base: &base 4}\nsteps:\n  - call: echo\n    arguments: {t: 2, a: 5, m: \"x\\ny\", o: {k: 1}, braces: 'a {{ wanted }}'}\n    expect:\n      json:\n        t: '{{ wanted }}'\n        a: *base\n        m: |-\n          several\n          lines\n        o: text\n";
    let project = Project::on(&server).file("a.yaml", text);
    let ran = project
        .run(&["test", "--update"])
        .exits(101)
        .says("a.yaml:8:12: it comes from a template\n-         t: '{{ wanted }}'\n+         t: 2")
        .says("a.yaml:9:12: it comes from an alias\n-         a: *base\n+         a: 5")
        .says("it stands on several lines")
        .says("what is there is no single value")
        .says("nothing had to be updated");
    assert!(ran.stdout.contains("1 failed"), "{}", ran.stdout);
    assert_eq!(project.read("a.yaml"), text);

    // What is repeated elsewhere would change with it.
    let text = "scenario: A test\nsteps:\n  - call: echo\n    arguments: {a: 5, b: 5}\n    expect: {json: {a: &x 4, b: *x}}\n";
    let project = project.file("a.yaml", text);
    project.run(&["test", "--update"]).exits(101);
    assert_eq!(project.read("a.yaml"), text);
    let text = "scenario: A test\nsteps:\n  - call: echo\n    arguments: {a: 5}\n    expect: {json: {a: &x 4}}\n  - call: echo\n    arguments: {b: *x}\n    expect: {json: {b: 4}}\n";
    let project = project.file("a.yaml", text);
    project.run(&["test", "--update"]).exits(101).says("another place of the file would change with it");
    assert_eq!(project.read("a.yaml"), text);
}

#[test]
fn a_fragment_is_left_and_has_no_snapshots() {
    let server = Server::start();
    let fragment =
        "fragment: Echo\nsteps:\n  - call: echo\n    arguments: {a: 2}\n    expect: {json: {a: 1}}\n";
    let user = "scenario: A test\nsteps:\n  - use: echo.yaml\n";
    let project = Project::on(&server).file("echo.yaml", fragment).file("a.yaml", user);
    project.run(&["test", "--update"]).exits(101).says("echo.yaml:5:24: it stands in a fragment");
    assert_eq!(project.read("echo.yaml"), fragment);
    let project = project.file("echo.yaml", &fragment.replace("{a: 1}}", "{$snapshot: a}}"));
    project.run(&["check"]).exits(3).says("a fragment has no snapshots").says("`outputs`");
}

#[test]
fn a_secret_or_a_template_is_never_written_in_place() {
    let server = Server::start();
    let suite = Project::on(&server).read("callsheet.yaml") + "secrets: [KEY]\n";
    let project = project(&server, "{key: '{{ env.KEY }}'}", "{json: {key: x}}")
        .file("callsheet.yaml", &suite)
        .env("KEY", "rt_0123456789ABCDEF");
    project.run(&["test", "--update"]).exits(101).says("it holds a secret").silent_on("ABCDEF");
    assert!(!project.read("a.yaml").contains("ABCDEF"));
}

#[test]
fn other_failures_still_fail() {
    let server = Server::start();
    let steps = [echo("{a: 2}", "{json: {a: 1}}"), echo("{a: 2}", "{json: {b: 1}}")];
    let project = Project::on(&server).file("a.yaml", &scenario("", &steps));
    project.run(&["test", "--update"]).exits(101).says("is now 2").says("the key `b` is not there");
    assert!(project.read("a.yaml").contains("{json: {a: 2}}"));
    // Of a step that fails for another reason nothing is taken.
    let broken = "  - call: runFailingProcess\n    expect: {text: other}\n";
    let project = project.file("a.yaml", &format!("scenario: A test\nsteps:\n{broken}"));
    project.run(&["test", "--update"]).exits(101);
    assert!(project.read("a.yaml").contains("{text: other}"));
}

#[test]
fn waiting_and_known_bugs_are_not_rewritten() {
    let server = Server::start();
    let text = "scenario: A test\nsteps:\n  - list: tools\n    eventually: {within: 50ms, every: 20ms}\n    expect: {pages: 99}\n";
    let project = Project::on(&server).file("a.yaml", text);
    project.run(&["test", "--update"]).exits(101);
    assert_eq!(project.read("a.yaml"), text);
    let text = "scenario: A test\nsteps:\n  - call: echo\n    arguments: {a: 2}\n    known_bug: {issue: X-1}\n    expect: {json: {a: 1}}\n";
    let project = project.file("a.yaml", text);
    project.run(&["test", "--update"]);
    assert_eq!(project.read("a.yaml"), text);
}

//! Mistakes that people make in their first hour: each gets one message that says what, where, and the way out.
#![cfg(feature = "sandbox")]

mod common;

use common::{Project, Ran, Server};

const GOOD: &str = "scenario: A\nsteps:\n  - call: echo\n    arguments: {a: 1}\n    expect: {json: {a: 1}}\n";

/// How often a text was printed.
fn times(ran: &Ran, text: &str) -> usize {
    ran.all().matches(text).count()
}

/// A scenario is refused with so many errors, and these texts.
#[track_caller]
fn refused(scenario: &str, errors: usize, texts: &[&str]) {
    let ran = Project::on_own_sandbox().file("a.yaml", scenario).run(&["check"]).exits(3);
    for text in texts {
        assert!(ran.stdout.contains(text), "no `{text}` in\n{}", ran.stdout);
    }
    assert_eq!(times(&ran, "error["), errors, "{}", ran.stdout);
}

fn step(lines: &str) -> String {
    format!("scenario: A\nvars: {{customer: C-1}}\nsteps:\n  - call: echo\n{lines}\n")
}

#[test]
fn one_mistake_is_one_message() {
    refused(&step("    expect: created"), 1, &["a.yaml:5:13", "name fields: `json: {…}`"]);
    refused(&step("    arguments: {a: '{{ customer | upper }}'}"), 1, &["a.yaml:5:33", "`{{ upper x }}`"]);
    let suite = "servers: {sandbox: {sandbox: uipath}}\nscenarios: ../*.yaml\n";
    let ran = Project::new().file("callsheet.yaml", suite).file("a.yaml", GOOD).run(&["check"]).exits(3);
    assert_eq!(times(&ran, "error["), 1, "{}", ran.stdout);
}

#[test]
fn wrong_forms_are_told_the_right_one() {
    refused("scenario: A\nsteps:\n  call: echo\n", 1, &["a.yaml:3:3", "begin each element with `- `"]);
    refused("scenario: A\nvars: [a]\nsteps: [{list: tools}]\n", 1, &["`name: value`, without `- `"]);
    refused(&step("    arguments:"), 1, &["indent what belongs to it further"]);
    refused(&step("    save: $.json.id"), 1, &["`{name: $.json.id}`"]);
    refused(&step("    save: {id: json.id}"), 1, &["`$.json.id`"]);
    refused(&step("    expect: {json.id: 1}"), 1, &["`$.json.id`, or `json: {…}`"]);
    refused(&step("    expect: {status: 200}"), 1, &["`http: {status: …}`"]);
    refused(&step("    expect: {'$.json[?@.a=1]': [1]}"), 1, &["a.yaml:5:26", "equal is `==`"]);
    refused(&step("    expect: {'$.json..': [1]}"), 1, &["it ends too early"]);
    refused(&step("    arguments: {a: '{{ vars.customer }}'}"), 1, &["write `{{ customer }}`"]);
    refused(&step("    arguments: {a: '{{ protocl }}'}"), 1, &["did you mean `protocol`?"]);
}

#[test]
fn a_path_that_finds_nothing_is_told_what_is_there() {
    let save = |path: &str| {
        let scenario = step(&format!("    arguments: {{order: {{number: 7}}}}\n    save: {{_n: {path}}}"));
        Project::on_own_sandbox().file("a.yaml", &scenario).run(&["test"]).exits(101)
    };
    save("$.json.ordr.number").says("`$.json` has order").says("did you mean `order`?");
    save("$.json.order.nmber").says("`$.json.order` has number").says("did you mean `number`?");
    save("$.json.order.number.x").says("`$.json.order.number` is a number");
}

#[test]
fn times_name_the_timeout_that_passed() {
    let slow = "  - call: runSlowProcess\n    arguments: {in_Seconds: 5}\n";
    let of_case = format!("scenario: A\ntimeout: 400ms\nsteps:\n{slow}");
    let ran = Project::on_own_sandbox().file("a.yaml", &of_case).run(&["test"]).exits(101);
    ran.says("the `timeout` of the whole case has passed").says("raise `timeout` of the scenario");
    let of_step = format!("scenario: A\nsteps:\n{slow}    timeout: 200ms\n");
    let ran = Project::on_own_sandbox().file("a.yaml", &of_step).run(&["test"]).exits(101);
    assert_eq!(times(&ran, "within 200 ms"), 1, "{}", ran.stdout);
}

#[test]
fn a_wrong_token_is_one_problem() {
    let server = Server::start();
    let ran = Project::on(&server)
        .file("a.yaml", GOOD)
        .env("OWNER_PAT", "rt_WRONGWRONGWRONG")
        .run(&["test"])
        .exits(101)
        .says("the environment variable `OWNER_PAT`");
    assert_eq!(times(&ran, "error["), 1, "{}", ran.stdout);
}

#[test]
fn a_token_or_a_server_that_is_not_there_has_a_way_out() {
    let suite =
        "servers: {a: {url: 'http://127.0.0.1:1/mcp', auth: {pat: {env: NOT_SET}}}}\nscenarios: '*.yaml'\n";
    let project = Project::new().file("callsheet.yaml", suite).file("a.yaml", GOOD);
    project.run(&["test"]).exits(101).says("`NOT_SET`: it is not set").says("`.env`");
    let ran = project.env("NOT_SET", "rt_0123456789").run(&["test"]).exits(101);
    assert_eq!(ran.stdout.matches("connection refused").count(), 1, "{}", ran.stdout);
    ran.says("start the server, or correct its address");
}

#[test]
fn addresses_on_the_command_line_are_explained_in_its_words() {
    let project = Project::new().file("a.yaml", GOOD);
    let told = |url: &str, text: &str| {
        project.run(&["test", "a.yaml", "--url", url]).exits(3).says("`--url`: ").says(text);
    };
    told("localhost:3000/mcp", "or with `http://` for a server on this machine");
    told("127.0.0.1:3000/mcp", "the address has no scheme");
    told("https://me:hunter2@mcp.example.com/mcp", "--pat-env NAME");
    told("http://mcp.example.com/mcp", "only a suite file can allow it");
    project.run(&["test", "--url", "http://127.0.0.1:1/mcp"]).exits(4).says("name a scenario file");
    let set = project.run(&["test", "conformance", "--url", "http://127.0.0.1:1/mcp"]).exits(4);
    set.says("name a scenario file, as in `callsheet test first.yaml --url URL`\n");
}

#[test]
fn a_variable_that_nothing_reads_is_refused() {
    let scenario = step("    arguments: {a: '{{ customer }}'}\n    expect: {json: {a: C-2}}");
    let project = Project::on_own_sandbox().file("a.yaml", &scenario);
    project.run(&["test", "--var", "customer=C-2"]).exits(0);
    project.run(&["test", "--var", "custmer=C-2"]).exits(3).says("did you mean `customer`?");
    project.run(&["check", "--var", "region=eu"]).exits(3).says("no scenario reads `region`");
}

#[test]
fn a_path_that_selects_nothing_is_an_error_beside_one_that_does() {
    let project = Project::on_own_sandbox()
        .file("a.yaml", GOOD)
        .file("notes/a.txt", "")
        .file("other/callsheet.yaml", "servers: {b: {sandbox: uipath}}\nscenarios: '*.yaml'\n")
        .file("other/b.yaml", GOOD)
        .file("scenarios/c.yaml", GOOD);
    project.run(&["test", "a.yaml", "notes/"]).exits(4).says("nothing is selected by `notes`");
    project.run(&["test", "a.yaml:99"]).exits(4).says("at the lines that are named");
    project.run(&["test", "c.yaml"]).exits(2).says("did you mean `scenarios/c.yaml`?");
    project
        .run(&["test", "a.yaml", "other/b.yaml"])
        .exits(3)
        .says("`other/b.yaml` belongs to another suite, `other/callsheet.yaml`");
    project.run(&["test", "other/b.yaml"]).exits(0).says("test b ... ok");
    project.run(&["test", "bb"]).exits(4).says("`callsheet test --list` shows the names");
}

#[test]
fn a_suite_file_of_another_ending_is_noticed() {
    let suite = "servers: {sandbox: {sandbox: uipath}}\n";
    Project::new().file("callsheet.yml", suite).run(&["test"]).exits(3).says("rename it");
    Project::new().run(&["test"]).exits(3).says("`callsheet init`");
}

#[test]
fn files_of_odd_bytes_are_read_or_refused() {
    let project = |text: &str| Project::on_own_sandbox().file("a.yaml", text);
    project(&GOOD.replace('\n', "\r\n")).run(&["test"]).exits(0);
    project(&format!("\u{feff}{GOOD}")).run(&["test"]).exits(0);
    for (text, told) in [
        ("", "holds no document"),
        ("# nothing\n", "holds no document"),
        ("\u{0}\u{1}", "a control character"),
        (&format!("{GOOD}---\n"), "remove the `---`"),
        (&"a: 1\n".repeat(300_000), "larger than 1024 KiB"),
        (&format!("scenario: A\nsteps: {}{}\n", "[".repeat(200), "]".repeat(200)), "nests deeper"),
    ] {
        project(text).run(&["test"]).exits(3).says(told).says("a.yaml");
    }
}

#[test]
fn the_trace_ends_its_lines() {
    let project = Project::on_own_sandbox().file("a.yaml", GOOD);
    let ran = project.run(&["test", "--trace"]).exits(0);
    assert!(ran.stderr.contains("\n\nseed: "), "{}", ran.stderr);
    assert!(ran.stderr.lines().filter(|line| line.starts_with("* ")).count() >= 1, "{}", ran.stderr);
}

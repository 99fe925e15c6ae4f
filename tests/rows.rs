//! Rows, from the file to the request: names, selection, types, servers and identities that a row chooses, and
//! files that are rows and no scenarios.
#![cfg(feature = "sandbox")]

mod common;

use common::{Project, Server};

/// Echoes `n` of each row and expects it as `EXPECTED`.
fn echo(head: &str, expected: &str) -> String {
    format!(
        "scenario: Rows\n{head}steps:\n  - call: echo\n    arguments: {{n: \"{{{{ row.n }}}}\"}}\n    expect: {{json: {{n: {expected}}}}}\n"
    )
}

const CSV: &str = "\u{feff}code;n\r\nA 1;7\r\nB;\"8;\r\n9\"\r\n";

#[test]
fn a_row_is_a_case_with_a_name_of_its_own() {
    let project = Project::on_own_sandbox()
        .file("inline.yaml", &echo("rows: [{name: One, n: 1}, {name: two, n: 2}]\n", "1"))
        .file(
            "csv.yaml",
            &echo("protocol: [2025-11-25, 2026-07-28]\nrows: {file: data/c.csv, name: '{{ row.code }}', separator: ';'}\n", "'7'"),
        )
        .file("data/c.csv", CSV);
    let ran = project.run(&["test", "--list", "--format", "terse"]).exits(0);
    let names = ["csv::a-1@2025-11-25", "csv::a-1@2026-07-28", "csv::b@2025-11-25", "csv::b@2026-07-28"];
    let names = names.into_iter().chain(["inline::one", "inline::two"]);
    assert_eq!(ran.stdout, names.map(|name| format!("{name}: test\n")).collect::<String>());
    project.run(&["test", "--exact", "inline::one"]).exits(0).says("1 passed");
    project.run(&["test", "csv::a"]).exits(0).says("2 passed");
    project.run(&["check"]).exits(0).says("checked 2 files, 6 cases: 0 errors, 0 warnings");
}

#[test]
fn values_keep_their_types_and_are_no_templates() {
    let rows = "rows:\n  - {name: number, n: 1.10, is: 1.1}\n  - {name: text, n: '1.10', is: '1.10'}\n  - {name: template, n: '{{ uuid }}', is: '{{ uuid }}'}\n  - {name: deep, n: {a: [1, null]}, is: {a: [1, null]}}\n";
    let json = "[{\"name\": \"a\", \"n\": 18446744073709551615, \"is\": 18446744073709551615}, {\"name\": \"b\", \"n\": [true], \"is\": [true]}]";
    let of_file = |file: &str| format!("rows: {{file: {file}, name: '{{{{ row.name }}}}'}}\n");
    let project = Project::on_own_sandbox()
        .file("inline.yaml", &echo(rows, "\"{{ row.is }}\""))
        .file("json.yaml", &echo(&of_file("r.json"), "\"{{ row.is }}\""))
        .file("r.json", json)
        .file("text.yaml", &echo(&of_file("r.csv"), "\"{{ string row.n }}\""))
        .file("r.csv", "name,n\na,7\nb,\"x\"\"y,\n\"\n");
    project.run(&["test"]).exits(0).says("8 passed");
}

#[test]
fn yaml_rows_are_no_scenarios_wherever_they_stand() {
    let project = Project::new()
        .file("callsheet.yaml", "servers: {sandbox: {sandbox: uipath}}\n")
        .file("scenarios/a.yaml", &echo("rows: {file: data/rows.yaml, name: '{{ row.code }}'}\n", "1"))
        .file("scenarios/data/rows.yaml", "- {code: x, n: 1}\n- {code: y, n: 1}\n");
    project.run(&["check"]).exits(0).says("checked 1 file, 2 cases");
    project.run(&["test"]).exits(0).says("2 passed");
    // Not even where the scenario itself is wrong.
    let project = project.file(
        "scenarios/a.yaml",
        &echo("tag: x\nrows: {file: data/rows.yaml, name: '{{ row.code }}'}\n", "1"),
    );
    project.run(&["check"]).exits(3).says("in 1 file").silent_on("rows.yaml");
    // Unless nothing names it.
    let project = project.file("scenarios/a.yaml", &echo("rows: [{name: x, n: 1}]\n", "1"));
    project.run(&["check"]).exits(3).says("rows.yaml");
}

#[test]
fn a_line_of_a_row_means_its_cases() {
    let rows = "rows:\n  - {name: one, n: 1}\n  - name: two\n    n: 2\nprotocol: [2025-11-25, 2026-07-28]\n";
    let project = Project::on_own_sandbox().file("a.yaml", &echo(rows, "\"{{ row.n }}\""));
    for (line, names) in [
        (3, vec!["a::one@2025-11-25", "a::one@2026-07-28"]),
        (5, vec!["a::two@2025-11-25", "a::two@2026-07-28"]),
        (8, vec!["a::one@2025-11-25", "a::one@2026-07-28", "a::two@2025-11-25", "a::two@2026-07-28"]),
    ] {
        let ran = project.run(&["test", "--list", "--format", "terse", &format!("a.yaml:{line}")]).exits(0);
        assert_eq!(
            ran.stdout,
            names.iter().map(|name| format!("{name}: test\n")).collect::<String>(),
            "{line}"
        );
    }
}

#[test]
fn a_row_chooses_server_and_identity() {
    let server = Server::start();
    let head =
        "server: \"{{ row.server }}\"\nas: \"{{ row.as }}\"\nrows: {file: r.csv, name: '{{ row.as }}'}\n";
    let steps = "steps:\n  - call: echo\n    expect: {is_error: \"{{ parse row.refused }}\"}\n";
    let project = Project::on(&server)
        .file("a.yaml", &format!("scenario: Who\n{head}{steps}"))
        .file("r.csv", "server,as,refused\norders,auditor,true\norders,default,false\n");
    project.run(&["test"]).exits(0).says("2 passed");
    let project = project.file("r.csv", "server,as,refused\norders,auditr,true\n");
    project.run(&["check"]).exits(3).says("auditr");
}

#[test]
fn the_failure_of_a_row_names_it_and_the_others_pass() {
    let rows = "rows: [{name: good, n: 1}, {name: bad, n: 2}]\n";
    let project = Project::on_own_sandbox().file("a.yaml", &echo(rows, "1"));
    let ran = project.run(&["test"]).exits(101).says("1 passed").says("1 failed");
    ran.says("---- a::bad ----").says("callsheet test --exact a::bad");
}

#[test]
fn a_secret_in_a_row_s_name_is_refused() {
    let suite = "servers: {sandbox: {sandbox: uipath}}\nscenarios: '*.yaml'\nsecrets: [KEY]\n";
    let project = Project::new()
        .file("callsheet.yaml", suite)
        .file("a.yaml", &echo("rows: [{name: one, n: 1}, {name: x-hunter22-y, n: 1}]\n", "1"))
        .env("KEY", "hunter22");
    project.run(&["test"]).exits(3).says("a secret stands in a name").silent_on("hunter22");
}

#[test]
fn many_rows_are_named_quickly_and_one_of_them_is_run() {
    let rows: String = (0..20_000).map(|row| format!("C-{row},{row}\n")).collect();
    let project = Project::on_own_sandbox()
        .file("a.yaml", &echo("rows: {file: r.csv, name: '{{ row.code }}'}\n", "'19999'"))
        .file("r.csv", &format!("code,n\n{rows}"));
    let ran = project.run(&["test", "--list", "--format", "terse"]).exits(0);
    assert_eq!(ran.stdout.lines().count(), 20_000);
    assert!(ran.stdout.ends_with("a::c-19998: test\na::c-19999: test\n"));
    project.run(&["test", "--exact", "a::c-19999"]).exits(0).says("1 passed");
}

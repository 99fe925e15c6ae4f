//! Steps with steps in them: fragments that are used, branches that run side by side.
#![cfg(feature = "sandbox")]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot set itself up has to fail"
)]

mod common;

use common::{Project, Server};

const INVOICE: &str = "\
fragment: An invoice
inputs: {customer: null, amount: 5}
outputs: [invoice]
steps:
  - call: createInvoice
    arguments: {in_Customer: '{{ customer }}', in_Amount: '{{ amount }}'}
    save: {invoice: $.json.out_InvoiceId}
    defer: {call: deleteInvoice, arguments: {in_InvoiceId: '{{ invoice }}'}}
";

fn project(server: &Server) -> Project {
    Project::on(server).file("fragments/invoice.yaml", INVOICE)
}

/// The steps of a run, from its JSON lines, in the order in which they ended.
fn steps(project: &Project) -> Vec<serde_json::Value> {
    let events = project.read("events.jsonl");
    let events = events.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    events.filter(|event| event["event"] == "step_ended").collect()
}

fn numbers(project: &Project) -> Vec<String> {
    steps(project).iter().map(|step| step["step"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_fragment_sees_its_inputs_gives_its_outputs_and_is_cleaned_up_after() {
    let server = Server::start();
    let project = project(&server).steps(
        "
  - name: mine
    use: fragments/invoice.yaml
    with: {customer: C-7}
    expect: {outputs: {invoice: {$starts_with: INV-}}}
    save: {one: $.outputs.invoice}
  - use: fragments/invoice.yaml
    with: {customer: C-8, amount: 7.5}
    save: {two: $.outputs.invoice}
  - call: getInvoice
    arguments: {in_InvoiceId: '{{ one }}'}
    expect: {json: {out_Customer: C-7, out_Amount: 5}}
  - call: getInvoice
    arguments: {in_InvoiceId: '{{ two }}'}
    expect: {json: {out_Customer: C-8, out_Amount: 7.5}}",
    );
    project.run(&["test", "--report", "jsonl=events.jsonl"]).exits(0);
    assert_eq!(numbers(&project), ["1.1", "1", "2.1", "2", "3", "4", "defer 2.1.1", "defer 1.1.1"]);
    let first = &steps(&project)[0];
    assert_eq!((&first["file"], &first["line"]), (&"fragments/invoice.yaml".into(), &5.into()));
    assert_eq!(server.count("tools/call"), 6);
}

#[test]
fn a_step_of_a_fragment_that_fails_is_told_once_with_who_uses_it() {
    let server = Server::start();
    let project = project(&server)
        .file(
            "fragments/outer.yaml",
            "fragment: Outer\ninputs: {customer: null}\noutputs: [invoice]\nsteps:\n  - use: invoice.yaml\n    with: {customer: '{{ customer }}', amount: none}\n    save: {invoice: $.outputs.invoice}\n",
        )
        .steps(
            "
  - use: fragments/outer.yaml
    with: {customer: C-7}
    expect: {outputs: {invoice: INV-1}}
    save: {invoice: $.outputs.invoice}
  - call: getInvoice
    arguments: {in_InvoiceId: '{{ invoice }}'}",
        );
    let ran = project.run(&["test", "--report", "jsonl=events.jsonl"]).exits(101);
    assert_eq!(numbers(&project), ["1.1.1", "1.1", "1"]);
    assert_eq!(ran.stdout.matches("\nstep ").count(), 1, "{}", ran.stdout);
    assert_eq!(ran.stdout.matches("used here").count(), 2, "{}", ran.stdout);
    ran.says("step 1.1.1: call createInvoice   fragments/invoice.yaml:5:11");
}

#[test]
fn what_a_fragment_outputs_is_compared() {
    let server = Server::start();
    project(&server)
        .steps(
            "
  - use: fragments/invoice.yaml
    with: {customer: C-7}
    expect: {outputs: {invoice: INV-none}}",
        )
        .run(&["test"])
        .exits(101)
        .says("step 1: use fragments/invoice.yaml   a.yaml:4:10")
        .says("outputs:\n  {\"invoice\": \"INV-")
        .silent_on("sent:");
}

#[test]
fn branches_run_side_by_side_and_what_they_save_is_there_after() {
    let server = Server::start();
    let project = project(&server).steps(
        "
  - parallel:
      - name: slow
        call: runSlowProcess
        arguments: {in_Seconds: 1}
      - - name: first
          call: createInvoice
          arguments: {in_Customer: C-1, in_Amount: 1}
          save: {invoice: $.json.out_InvoiceId}
          defer: {call: deleteInvoice, arguments: {in_InvoiceId: '{{ invoice }}'}}
        - name: second
          call: getInvoice
          arguments: {in_InvoiceId: '{{ invoice }}'}
    expect:
      order: [first, second, slow]
      steps: {second: {json: {out_Customer: C-1}}}
      $.steps.first.json.out_InvoiceId: '{{ invoice }}'
  - call: getInvoice
    arguments: {in_InvoiceId: '{{ invoice }}'}",
    );
    project.run(&["test", "--report", "jsonl=events.jsonl"]).exits(0);
    assert_eq!(numbers(&project), ["1.2.1", "1.2.2", "1.1.1", "1", "2", "defer 1.2.1.1"]);
}

#[test]
fn a_branch_that_fails_ends_no_other() {
    let server = Server::start();
    let project = project(&server).steps(
        "
  - parallel:
      - call: getInvoice
        arguments: {in_InvoiceId: INV-none}
      - - call: runSlowProcess
          arguments: {in_Seconds: 0.2}
        - call: echo
          arguments: {note: a}
          expect: {json: {note: b}}
    expect: {order: [a]}
  - list: tools",
    );
    let ran = project.run(&["test", "--report", "jsonl=events.jsonl"]).exits(101);
    assert_eq!(numbers(&project), ["1.1.1", "1.2.1", "1.2.2", "1"]);
    // Both failures, and nothing of what the step itself expects.
    assert_eq!(ran.stdout.matches("\nstep 1").count(), 2, "{}", ran.stdout);
}

#[test]
fn the_timeout_of_the_case_ends_all_branches() {
    let server = Server::start();
    let project = project(&server).file(
        "a.yaml",
        "
scenario: Too slow
timeout: 300ms
steps:
  - parallel:
      - {call: runSlowProcess, arguments: {in_Seconds: 30}}
      - {wait: 30s}
      - [{list: tools}, {call: runSlowProcess, arguments: {in_Seconds: 30}}]
",
    );
    let ran = project.run(&["test"]).exits(101).says("error[timed-out]");
    assert!(ran.took < std::time::Duration::from_secs(15), "{:?}", ran.took);
}

#[test]
fn random_names_of_branches_are_those_of_the_seed() {
    let server = Server::start();
    let branch = |name: &str, seconds: f64| {
        format!(
            "
      - - {{call: runSlowProcess, arguments: {{in_Seconds: {seconds}}}}}
        - {{name: {name}, call: echo, arguments: {{note: '{{{{ uuid }}}}'}}}}"
        )
    };
    let drawn = |first: f64, second: f64| {
        let steps = format!("\n  - parallel:{}{}", branch("one", first), branch("two", second));
        let project = project(&server).steps(&steps);
        project.run(&["test", "--seed", "7", "--report", "jsonl=events.jsonl"]).exits(0);
        let mut notes: Vec<(String, String)> = steps_named(&project);
        notes.sort();
        notes
    };
    assert_eq!(drawn(0.0, 0.15), drawn(0.15, 0.0));
}

#[test]
fn a_row_of_a_file_that_chooses_what_is_not_there_fails_its_case() {
    let server = Server::start();
    Project::on(&server)
        .file("rows.csv", "name,server,who\ngood,orders,auditor\nbad,ordrs,default\nwho,orders,audit\n")
        .file(
            "a.yaml",
            "
scenario: Rows
server: '{{ row.server }}'
as: '{{ row.who }}'
rows: {file: rows.csv, name: '{{ row.name }}'}
steps: [{list: tools}]
",
        )
        .run(&["test"])
        .exits(101)
        .says("test a::good ... ok")
        .says("the suite has no server `ordrs`, which row `bad` chooses")
        .says("server `orders` has no identity `audit`, which row `who` chooses");
}

/// What the steps `one` and `two` were sent.
fn steps_named(project: &Project) -> Vec<(String, String)> {
    let named = |step: &serde_json::Value| ["one", "two"].contains(&step["title"].as_str().unwrap());
    let note = |step: &serde_json::Value| {
        (step["title"].to_string(), step["exchange"]["sent"]["params"]["arguments"]["note"].to_string())
    };
    steps(project).iter().filter(|step| named(step)).map(note).collect()
}

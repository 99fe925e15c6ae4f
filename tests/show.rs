//! `callsheet show`: a case as it will run, without a server.
#![cfg(feature = "sandbox")]

mod common;

use common::Project;

/// A suite whose server nobody can reach.
fn project() -> Project {
    let suite = "default: far\nservers:\n  far:\n    url: http://127.0.0.1:1/mcp\n    auth: {pat: {env: FAR_PAT}}\n    \
                 identities: {auditor: {pat: {env: AUDITOR_PAT}}}\n    timeouts: {step: 7s}\nscenarios: scenarios/**/*.yaml\n\
                 env: [STAGE]\nsecrets: [HOOK_KEY]\nvars: {currency: EUR}\n";
    let scenario =
        "scenario: Orders\nas: '{{ row.who }}'\nprotocol: [2025-11-25, 2026-07-28]\nrows: orders.csv.txt\n"
            .replace("rows: orders.csv.txt", "rows: {file: orders.csv, name: '{{ row.id }}'}");
    let steps = "vars: {tag: '{{ uuid }}', label: '{{ currency }}-{{ row.id }}-{{ env.STAGE }}'}\nsteps:\n\
                 - use: parts/open.yaml\n  with: {customer: '{{ row.id }}'}\n  save: {order: $.outputs.order}\n\
                 - call: echo\n  timeout: 3s\n  arguments: {order: '{{ order }}', label: '{{ label }}', tag: '{{ tag }}', key: '{{ env.HOOK_KEY }}'}\n  \
                   expect: {json: {label: '{{ label }}'}}\n";
    let fragment = "fragment: Open an order\ninputs: {customer: null, kind: new}\noutputs: [order]\nsteps:\n\
                    - call: open\n  arguments: {customer: '{{ customer }}', kind: '{{ kind }}'}\n  save: {order: $.json.id}\n";
    Project::new()
        .file("callsheet.yaml", suite)
        .file("scenarios/orders.yaml", &format!("{scenario}{steps}"))
        .file("scenarios/parts/open.yaml", fragment)
        .file("scenarios/orders.csv", "id,who\nC-1,default\nC-2,auditor\n")
        .env("STAGE", "test")
        .env("HOOK_KEY", "hook-key-value-42")
        .env("FAR_PAT", "rt_FAR_TOKEN_0123456789")
}

#[test]
fn rows_fragments_and_templates_are_shown_as_they_will_run() {
    let ran = project().run(&["show", "orders::c-2@2026-07-28"]).exits(0);
    insta::assert_snapshot!(ran.stdout);
    assert!(!ran.all().contains("hook-key-value-42") && !ran.all().contains("FAR_TOKEN"), "{}", ran.all());
}

#[test]
fn one_case_is_meant() {
    project().run(&["show", "orders"]).exits(2).says("4 cases are meant").says("orders::c-1@2025-11-25");
    project().run(&["show", "order::c-1"]).exits(4).says("nothing is selected");
    project().run(&["show", "c-1", "--protocol", "2025-11-25"]).exits(0).says("name: orders::c-1@2025-11-25");
}

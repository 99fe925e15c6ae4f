//! Activities of the Integration Service under tokens that do not suffice for them: both shapes of their failure, told,
//! expected, and left out.
#![cfg(feature = "sandbox")]

mod common;

use common::Project;

/// A suite of the sandbox's `connectors` that fails in one way, where the activity is marked or not.
fn connectors(mode: &str, marked: &str) -> Project {
    let suite = format!(
        "default: connectors\nservers:\n  connectors:\n    sandbox: {{profile: uipath, slug: connectors, knobs: {{is_mode: {mode}}}}}\n{marked}    timeouts: {{step: 300ms}}\nscenarios: '*.yaml'\n"
    );
    Project::new().file("callsheet.yaml", &suite)
}

const MARKED: &str = "    integration_service: [send*]\n";
const LIKELY: &str = "`sendSlackMessage` is likely backed by an Integration Service connection";

fn sends(more: &str, expect: &str) -> String {
    format!(
        "scenario: A message is sent\nprotocol: [2026-07-28, 2025-11-25]\n{more}steps:\n  - call: sendSlackMessage\n    arguments: {{in_Channel: general, in_Text: Hello}}\n    expect: {expect}\n"
    )
}

const GOES_WELL: &str = "{json: {out_Channel: general}}";

#[test]
fn a_failure_that_is_not_expected_names_the_likely_cause() {
    for (mode, marked, how) in [
        ("error", MARKED, "(the answer has the code CNS1046)"),
        ("error", "", "(the answer has the code CNS1046)"),
        ("timeout", MARKED, "(the suite marks it)"),
    ] {
        let ran = connectors(mode, marked).file("a.yaml", &sends("", GOES_WELL)).run(&["test"]).exits(101);
        ran.says(LIKELY).says(how).says("PATs do not work for those").says("2 failed");
    }
    // Nothing points to it.
    let ran = connectors("timeout", "").file("a.yaml", &sends("", GOES_WELL)).run(&["test"]).exits(101);
    ran.silent_on("Integration Service");
}

#[test]
fn a_failure_can_be_expected() {
    for (mode, expect) in [("error", "{is_error: true}"), ("timeout", "{outcome: timed_out}")] {
        let project = connectors(mode, MARKED).file("a.yaml", &sends("", expect));
        project.run(&["check"]).exits(0).silent_on("[integration-service]");
        project.run(&["test"]).exits(0).says("2 passed");
    }
    let either = "{$any: [{is_error: true}, {outcome: timed_out}]}";
    for mode in ["error", "timeout"] {
        connectors(mode, MARKED).file("a.yaml", &sends("", either)).run(&["test"]).exits(0).says("2 passed");
    }
}

#[test]
fn a_scenario_is_left_out_where_the_token_does_not_suffice() {
    let requires = "rows: [{name: pat, who: default}, {name: login, who: interactive}]\nas: '{{ row.who }}'\nrequires: {$.session.auth: jwt}\n";
    for mode in ["error", "timeout"] {
        let project = connectors(mode, MARKED).file("a.yaml", &sends(requires, GOES_WELL));
        project.run(&["check"]).exits(0).silent_on("[integration-service]");
        let ran = project.run(&["test"]).exits(0).says("2 passed").says("2 ignored");
        ran.says("requires `session.auth`: the value differs, expected string \"jwt\", found string \"pat\"");
    }
}

#[test]
fn the_kind_of_a_token_is_told() {
    let steps = "  - call: echo\n    arguments: {auth: '{{ session.auth }}'}\n    expect: {json: {auth: pat}}\n  - call: echo\n    as: interactive\n    arguments: {auth: '{{ session.auth }}'}\n    expect: {json: {auth: jwt}}\n  - call: echo\n    as: app\n    arguments: {auth: '{{ session.auth }}'}\n    expect: {json: {auth: app}}\n  - call: sendSlackMessage\n    as: app\n    arguments: {in_Channel: general, in_Text: Hello}\n    expect: {is_error: true}\n";
    let app = "    identities: {app: {app: {id: {env: APP_ID}, secret: {env: APP_SECRET}, scope: OR.Execution OR.Jobs}}}\n";
    let project = connectors("error", &format!("{MARKED}{app}")).steps(steps.trim_end());
    let project = project.env("APP_ID", "app-orders").env("APP_SECRET", "app-orders-secret");
    project.run(&["test"]).exits(0);
    let unexpected = steps.replace("is_error: true", "json: {out_Channel: general}");
    let project = project.steps(unexpected.trim_end());
    project.run(&["check"]).exits(0).says("the token of `app` is that of an application");
    project.run(&["test"]).exits(101).says(LIKELY).says("the tokens of applications, without user scopes,");
}

//! Wherever a secret comes from, however a case ends, and in each way in which a run can be shown.

use std::fmt::Write as _;

use serde_json::json;

use crate::canary::{Search, is_masked, secret, token};
use crate::common::Project;
use crate::common::scripted::{self, answer};
use crate::hostile;
use crate::left::{Channel, EVERYWHERE, Left, Told};

/// Where it comes from: the keys of the server, and what its scenario says beside the step.
const SOURCES: &[(&str, &str)] = &[
    ("variable", "auth: {pat: {env: PAT}}"),
    ("dotenv", "auth: {pat: {env: PAT_OF_FILE}}"),
    ("file", "auth: {pat: {file: secrets/pat.txt}}"),
    ("command", "auth: {pat: {command: [cat, secrets/printed.txt]}}"),
    ("identity", "identities: {auditor: {pat: {env: AUDITOR}}}"),
    ("app", "auth: {app: {id: {env: ID}, secret: {env: APP_SECRET}, scope: OR.Jobs}}"),
    ("secrets", ""),
    ("saved", ""),
];

/// How the case ends: where the server says it, and the rest of the step.
const ENDS: &[(&str, &str, &str)] = &[
    ("passes", "text", "expect: {outcome: answered}"),
    ("differs", "text", "expect: {text: other}"),
    ("refused", "challenge", "expect: {outcome: answered}"),
    ("forbidden", "forbidden", "expect: {outcome: answered}"),
    ("unopened", "unopened", "expect: {outcome: answered}"),
    ("failed", "html", "expect: {outcome: answered}"),
    ("reported", "tool-error", "expect: {outcome: answered}"),
    ("invalid", "no-json", "expect: {outcome: answered}"),
    ("foreign", "id", "expect: {outcome: answered}"),
    ("closed", "early-end", "expect: {outcome: answered}"),
    ("silent", "silent", "timeout: 4s"),
];

fn canaries() -> Vec<String> {
    let tokens = ["ENV", "DOT", "FIL", "CMD", "AUD", "APP", "APS"].map(token);
    tokens.into_iter().chain([secret("SEC"), secret("SAV")]).collect()
}

/// The token in `.env`, where nobody agrees on what quotes mean.
fn of_file() -> String {
    token("DOT").replace(['"', '\'', '\\'], "-")
}

fn project(url: &str) -> Project {
    let mut suite = "scenarios: '*.yaml'\nsecrets: [SECRET]\nservers:\n".to_owned();
    let mut project = Project::new()
        .env("PAT", &token("ENV"))
        .env("AUDITOR", &token("AUD"))
        .env("ID", "client-0123456789")
        .env("APP_SECRET", &token("APS"))
        .env("SECRET", &secret("SEC"))
        .file(".env", &format!("PAT_OF_FILE='{}'\n", of_file()))
        .file("secrets/pat.txt", &format!("{}\n", token("FIL")))
        .file("secrets/printed.txt", &token("CMD"));
    for (source, keys) in SOURCES {
        for (end, place, rest) in ENDS {
            let name = format!("{source}-{end}");
            let _ = writeln!(
                suite,
                "  {name}: {{url: '{url}/{place}/raw', checks: {{output_schema: ignore}}{}{keys}}}",
                if keys.is_empty() { "" } else { ", " }
            );
            let identity = if *source == "identity" { "as: auditor\n" } else { "" };
            // An opening has no arguments, so that what it says again is the name of the tool.
            let (before, arguments) = match *source {
                "secrets" => ("", "    arguments: {canary: '{{ env.SECRET }}'}\n"),
                "saved" => (
                    "  - call: fresh\n    save: {kept: {path: $.text, secret: true}}\n",
                    "    arguments: {canary: '{{ kept }}'}\n",
                ),
                _ => ("", ""),
            };
            let scenario = format!(
                "scenario: A\nserver: {name}\n{identity}protocol: 2025-11-25\ntimeout: 30s\nsteps:\n{before}  - call: t\n{arguments}    {rest}\n"
            );
            project = project.file(&format!("{name}.yaml"), &scenario);
        }
    }
    project.file("callsheet.yaml", &suite)
}

#[test]
fn wherever_it_comes_from_and_however_a_case_ends() {
    let (url, _) = hostile::start();
    let search = Search::of(&canaries().into_iter().chain([of_file()]).collect::<Vec<_>>());
    let ways: [&[&str]; 4] = [
        &[],
        &["--format", "json", "--color", "always", "--logfile", "log.txt"],
        &["-q", "--test-threads", "8"],
        &["--color", "always", "--shuffle"],
    ];
    // Most of the time is waiting for a server that is silent.
    let runs = std::thread::scope(|scope| {
        let url = &url;
        let run = move |way: &[&str]| Left::of(&project(url), &[&EVERYWHERE[..], way].concat());
        let runs = ways.map(|way| scope.spawn(move || run(way)));
        runs.map(|run| run.join().unwrap())
    });
    let (mut combinations, mut wrong) = (0, Vec::new());
    for (way, left) in ways.into_iter().zip(runs) {
        assert_eq!(left.code, Some(101), "{}", left.shown());
        let told = Told::of(&left);
        for (source, _) in SOURCES {
            for (end, ..) in ENDS {
                // Neither has anything to say before a session is open.
                if *end == "unopened" && ["secrets", "saved"].contains(source) {
                    continue;
                }
                let case = format!("{source}-{end}");
                for channel in [Channel::Trace, Channel::Jsonl] {
                    if !is_masked(told.about(&case, channel)) {
                        wrong.push(format!("{case}, {channel:?} {way:?}: no `***`"));
                    }
                    combinations += 1;
                }
            }
        }
        for (name, text) in left.all() {
            wrong.extend(search.find(text).map(|found| format!("{name} {way:?}: {found}")));
        }
    }
    assert!(wrong.is_empty(), "{} of {combinations}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(combinations > 600, "{combinations}");
}

#[test]
fn an_identity_server_that_says_again_what_it_was_sent() {
    let mark = crate::MARK;
    // Far into a text that is shown from its beginning, at each place.
    for before in [0, 200, 250, 270, 290, 299, 310] {
        let url = scripted::start(move |request| {
            let body = json!({"error": "invalid_client", "error_description": format!("{}{mark}{}", ".".repeat(before), request.body)});
            answer("400 Bad Request\r\ncontent-type: application/json", &body.to_string())
        });
        let project = Project::new()
            .file("callsheet.yaml", &format!("scenarios: '*.yaml'\nservers: {{a: {{url: '{url}', auth: {{app: {{id: {{env: ID}}, secret: {{env: APP_SECRET}}, scope: OR.Jobs}}}}}}}}\n"))
            .steps("  - call: t")
            .env("ID", "client-0123456789")
            .env("APP_SECRET", &token("APS"));
        let left = Left::of(&project, &EVERYWHERE);
        assert_eq!(left.code, Some(101), "{}", left.shown());
        let search = Search::of(&[token("APS")]);
        for (name, text) in left.all() {
            assert_eq!(search.find(text), None, "{name} {before}");
        }
        if before == 0 {
            assert!(left.stdout().contains("client_secret=***"), "{}", left.shown());
        }
    }
}

#[test]
fn the_server_of_the_command_line() {
    let (url, _) = hostile::start();
    let project = Project::new()
        .file("a.yaml", "scenario: A\nprotocol: 2025-11-25\nsteps:\n  - call: t\n    expect: {text: other}\n")
        .env("PAT", &token("ENV"));
    let url = format!("{url}/text/raw");
    let left =
        Left::of(&project, &[&EVERYWHERE[..], &["a.yaml", "--url", &url, "--pat-env", "PAT"]].concat());
    assert_eq!(left.code, Some(101), "{}", left.shown());
    let search = Search::of(&[token("ENV")]);
    for (name, text) in left.all() {
        assert_eq!(search.find(text), None, "{name}");
    }
    assert!(is_masked(&left.stdout()) && is_masked(&left.stderr()), "{}", left.shown());
}

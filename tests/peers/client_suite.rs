//! Our client under the official conformance suite: its tool starts a server for each scenario and callsheet as the
//! client, and counts what it checked. Some scenarios are passed by a client that does nothing, so that a pass counts
//! only with its checks.

use std::fs;
use std::process::Command;

use serde_json::Value;

use super::common::binary;
use super::{Peers, Test, here};

pub(super) const TESTS: &[Test] = &[
    ("client_suite::initialize", |p| run(p, "initialize", &["2025-06-18", "2025-11-25"], 1)),
    ("client_suite::tools_call", |p| run(p, "tools_call", &["2025-06-18", "2025-11-25", "2026-07-28"], 2)),
    ("client_suite::elicitation_defaults", |p| {
        run(p, "elicitation-sep1034-client-defaults", &["2025-11-25"], 5);
    }),
    ("client_suite::sse_retry", |p| run(p, "sse-retry", &["2025-11-25"], 3)),
    ("client_suite::request_metadata", |p| run(p, "request-metadata", &["2026-07-28"], 8)),
    ("client_suite::request_state", |p| run(p, "sep-2322-client-request-state", &["2026-07-28"], 7)),
    // What it skips are messages that this version does not have.
    ("client_suite::standard_headers", |p| run(p, "http-standard-headers", &["2026-07-28"], 9)),
    ("client_suite::custom_headers", |p| run(p, "http-custom-headers", &["2026-07-28"], 18)),
    ("client_suite::invalid_tool_headers", |p| run(p, "http-invalid-tool-headers", &["2026-07-28"], 12)),
    ("client_suite::schema_references", |p| run(p, "json-schema-ref-no-deref", &["2026-07-28"], 1)),
    ("client_suite::schema_preservation", |p| {
        run(p, "json-schema-2020-12-preservation", &["2025-11-25", "2026-07-28"], 9);
    }),
];

/// Runs a scenario at each version for which the suite lists it; so many checks have to succeed.
fn run(peers: &Peers, scenario: &str, versions: &[&str], checks: usize) {
    for version in versions {
        run_at(peers, scenario, version, checks);
    }
}

fn run_at(peers: &Peers, scenario: &str, version: &str, checks: usize) {
    let out = tempfile::tempdir().unwrap();
    let tools = peers.folder.join("npm/node_modules/.bin");
    // The tool says the scenario and the version in the environment, and its address behind the command.
    let client = format!(
        "'{}' test '{}'/$MCP_CONFORMANCE_SCENARIO.yaml --protocol $MCP_CONFORMANCE_PROTOCOL_VERSION --url",
        binary().display(),
        here().join("tests/peers/conformance").display(),
    );
    // It needs the Node that is installed beside it.
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths([tools.clone()].into_iter().chain(std::env::split_paths(&path)));
    let ran = Command::new(tools.join("conformance"))
        .args(["client", "--scenario", scenario, "--spec-version", version, "--command", &client, "-o"])
        .arg(out.path())
        .env("PATH", path.unwrap())
        .output()
        .unwrap();
    let file = |name: &str| {
        let mut folders = fs::read_dir(out.path()).unwrap().map(|entry| entry.unwrap().path());
        folders.find_map(|folder| fs::read_to_string(folder.join(name)).ok()).unwrap_or_default()
    };
    let all = format!(
        "{scenario} at {version}: {}\n{}{}\n{}{}",
        ran.status,
        String::from_utf8_lossy(&ran.stdout),
        String::from_utf8_lossy(&ran.stderr),
        file("stdout.txt"),
        file("stderr.txt"),
    );
    let found: Vec<Value> = serde_json::from_str(&file("checks.json")).unwrap_or_default();
    let count = |status: &str| found.iter().filter(|check| check["status"] == status).count();
    assert_eq!((count("FAILURE"), count("WARNING")), (0, 0), "{all}\n{found:#?}");
    assert!(count("SUCCESS") >= checks, "{} of {checks} checks\n{all}", count("SUCCESS"));
    assert!(ran.status.success() && file("stdout.txt").contains(" 1 passed; 0 failed;"), "{all}");
}

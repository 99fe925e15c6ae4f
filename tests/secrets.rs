//! A secret that a server sends back stands nowhere in what the run leaves behind, in no spelling.
#![cfg(feature = "sandbox")]

mod common;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::Project;

const SECRET: &str = "rt_9F/\"C+ä\\7 key";

const STEPS: &str = r#"
  - call: echo
    arguments:
      raw: "{{ env.KEY }}"
      longer: "<{{ env.KEY }}>"
      base64: "{{ base64 env.KEY }}"
"#;

/// Everything that a run leaves behind.
fn traces(expect: &str, arguments: &[&str], code: i32) -> String {
    let suite = Project::new()
        .file("callsheet.yaml", "servers: {sandbox: {sandbox: uipath}}\nscenarios: a.yaml\nsecrets: [KEY]\n")
        .steps(&format!("{STEPS}{expect}"))
        .env("KEY", SECRET);
    let reports = ["test", "--trace", "--report", "junit=junit.xml", "--report", "jsonl=events.jsonl"];
    let ran = suite.run(&[&reports, arguments].concat()).exits(code);
    [ran.all(), suite.read("junit.xml"), suite.read("events.jsonl")].join("\n")
}

#[test]
fn no_secret_is_left_behind() {
    let passing = "    expect: {json: {raw: '{{ env.KEY }}'}}\n";
    let failing = "    expect: {json: {raw: other, longer: '{{ env.KEY }}', base64: 1}}\n";
    for (expect, arguments, code) in [
        (passing, &[][..], 0),
        (failing, &[], 101),
        (failing, &["--format", "json"], 101),
        (failing, &["--color", "always"], 101),
    ] {
        let left = traces(expect, arguments, code);
        let url: String = url::form_urlencoded::byte_serialize(SECRET.as_bytes()).collect();
        let quoted = serde_json::Value::from(SECRET).to_string();
        let escaped = quoted.trim_matches('"').to_owned();
        let xml = SECRET.replace('"', "&quot;");
        let twice = serde_json::Value::from(escaped.as_str()).to_string().trim_matches('"').to_owned();
        // The last characters of base64 also hold bits of what follows.
        let mut base64 = STANDARD.encode(SECRET);
        base64.truncate(20);
        for form in [SECRET.to_owned(), url, escaped, xml, twice, base64, "9F/".to_owned()] {
            assert!(!left.contains(&form), "{arguments:?}: {form} in {left}");
        }
        assert!(left.contains("***"), "{left}");
    }
}

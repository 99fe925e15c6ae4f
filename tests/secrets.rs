//! A secret that a server sends back stands nowhere in what the run leaves behind, in no spelling.
#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has to fail")]

mod support;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use support::Suite;

const SECRET: &str = "rt_9F/\"C+ä\\7 key";

const STEPS: &str = r#"
  - call: echo
    arguments:
      raw: "{{ env.KEY }}"
      longer: "<{{ env.KEY }}>"
      base64: "{{ base64 env.KEY }}"
"#;

/// Everything that a run leaves behind.
fn traces(expect: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let suite = Suite::new()
        .write(
            "callsheet.yaml",
            "servers: {sandbox: {sandbox: uipath}}\nscenarios: scenarios/*.yaml\nsecrets: [KEY]\n",
        )
        .scenario("echo", "", &format!("{}{expect}", STEPS.trim_start_matches('\n')));
    let reports = ["--trace", "--report", "junit=junit.xml", "--report", "jsonl=events.jsonl"];
    let mut command = suite.test(arguments);
    let ran = support::Ran::from(command.args(reports).env("KEY", SECRET).output().unwrap());
    let read = |name| std::fs::read_to_string(suite.path().join(name)).unwrap();
    (ran.code, [ran.stdout, ran.stderr, read("junit.xml"), read("events.jsonl")].join("\n"))
}

#[test]
fn no_secret_is_left_behind() {
    let passing = "    expect: {json: {raw: '{{ env.KEY }}'}}\n";
    let failing = "    expect: {json: {raw: other, longer: '{{ env.KEY }}', base64: 1}}\n";
    for (expect, arguments, code) in [
        (passing, &[][..], Some(0)),
        (failing, &[], Some(101)),
        (failing, &["--format", "json"], Some(101)),
        (failing, &["--color", "always"], Some(101)),
    ] {
        let (ended, left) = traces(expect, arguments);
        assert_eq!(ended, code, "{left}");
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

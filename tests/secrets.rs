//! A secret that a server sends back stands nowhere in what the run leaves behind, in no spelling.
#![cfg(feature = "sandbox")]
#![expect(
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test that cannot set itself up has to fail"
)]
#![expect(clippy::panic, reason = "as above")]

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

/// A token with characters that every encoding writes in its own way, and long enough to be cut by every message.
const TOKEN: &str =
    "rt_CANARY0/123+456=789~ABC&def.ghi-JKL_mno<PQR>stu'vwx\"yz\\0123456789CANARY1abcdefghijklmnopq";

/// What of a token may not be seen: each of these pieces stands in it between two special characters, or at an end.
const PIECES: [&str; 4] = ["CANARY", "0123456789", "abcdefghij", "klmnopq"];

/// Every way in which a server may write the token.
fn spellings(token: &str) -> Vec<String> {
    let quoted = |text: &str| {
        let text = serde_json::Value::from(text).to_string();
        text[1..text.len() - 1].to_owned()
    };
    let dotnet = |text: &str| {
        let mut text = quoted(text).replace("\\\"", "\\u0022");
        for (c, escape) in
            [('+', "\\u002B"), ('&', "\\u0026"), ('<', "\\u003C"), ('>', "\\u003E"), ('\'', "\\u0027")]
        {
            text = text.replace(c, escape);
        }
        text
    };
    let url: String = url::form_urlencoded::byte_serialize(token.as_bytes()).collect();
    let html = token.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    let mut all = vec![token.to_owned(), url, quoted(token), dotnet(token), html];
    // With four bytes before, each alignment is met; the padding is another each time.
    all.extend((0..4).map(|shift| STANDARD.encode(format!("{}{token}", &"xxxx"[..shift]))));
    all
}

/// What of base64 shows the token, whatever stands around it.
fn base64_pieces(token: &str) -> Vec<String> {
    let inner = |shift: usize| {
        let text = STANDARD.encode(format!("{}{token}", &"xxxx"[..shift]));
        text[8..32].to_owned()
    };
    (0..3).map(inner).collect()
}

/// One suite on a scripted server that says the token in every spelling, at one place.
fn said(place: &'static str, expect: &str, arguments: &[&str], code: i32) -> String {
    use common::scripted::{Request, answer, lifecycle, start};
    let say = move |request: &Request| {
        let words = spellings(&request.token);
        let all = words.join(" ");
        // Where a header or a name of JSON may not hold it all, what it may.
        let plain: String = all.chars().filter(|c| c.is_ascii_graphic()).collect();
        let json = "200 OK\r\ncontent-type: application/json";
        let text =
            |text: &str| serde_json::json!({"content": [{"type": "text", "text": text}], "isError": false});
        match place {
            "text" => answer(json, &request.result(&text(&all))),
            "json" => answer(json, &request.result(&text(&serde_json::json!({"words": words}).to_string()))),
            "blocks" => {
                let block = |word: &String| serde_json::json!({"type": "text", "text": word});
                let content: Vec<_> = words.iter().map(block).collect();
                answer(json, &request.result(&serde_json::json!({"content": content, "isError": false})))
            }
            "key" => answer(
                json,
                &request.result(&serde_json::json!({"content": [], "isError": false, "_meta": {all: 1}})),
            ),
            "cut" => answer(json, &request.result(&text(&format!("{} {}", "x".repeat(100), all)))),
            "tool error" => {
                let content =
                    serde_json::json!([{"type": "text", "text": format!("{}{}", "x".repeat(120), all)}]);
                answer(json, &request.result(&serde_json::json!({"content": content, "isError": true})))
            }
            "error" => {
                let error = serde_json::json!({"code": -32001, "message": all, "data": {"words": words}});
                let id = request.message.get("id");
                answer(json, &serde_json::json!({"jsonrpc": "2.0", "id": id, "error": error}).to_string())
            }
            "header" => {
                let head = format!("{json}\r\nx-said: {plain}");
                answer(&head, &request.result(&text("x")))
            }
            "dotnet" => {
                let body = request.result(&text("TOKEN")).replace("TOKEN", &words[3]);
                answer(json, &body)
            }
            "event" => {
                let told = serde_json::json!({"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": words}});
                let last = request.result(&text(&all));
                let body =
                    format!(": {plain}\n\nid: {plain}\nevent: message\ndata: {told}\n\ndata: {last}\n\n");
                answer("200 OK\r\ncontent-type: text/event-stream", &body)
            }
            "html" => answer("502 Bad Gateway\r\ncontent-type: text/html", &format!("<h1>{all}</h1>")),
            "redirect" => answer(&format!("302 Found\r\nlocation: http://127.0.0.1:1/?t={plain}"), ""),
            "no json" => answer(json, &format!("{{\"jsonrpc\": {all}")),
            "id" => answer(
                json,
                &serde_json::json!({"jsonrpc": "2.0", "id": all, "result": text("x")}).to_string(),
            ),
            "media" => answer(&format!("200 OK\r\ncontent-type: {plain}"), "x"),
            other => panic!("{other}"),
        }
    };
    let url = start(move |request| lifecycle(request).unwrap_or_else(|| say(request)));
    let suite = format!(
        "servers: {{s: {{url: '{url}', auth: {{pat: {{env: PAT}}}}, checks: {{output_schema: ignore, capabilities: ignore}}}}}}\nscenarios: a.yaml\n"
    );
    let project = Project::new().file("callsheet.yaml", &suite).env("PAT", TOKEN).file(
        "a.yaml",
        &format!("scenario: A\nprotocol: 2025-11-25\nsteps:\n  - call: t\n    expect: {expect}\n"),
    );
    let reports = ["test", "--trace", "--report", "junit=junit.xml", "--report", "jsonl=events.jsonl"];
    let ran = project.run(&[&reports, arguments].concat()).exits(code);
    [ran.all(), project.read("junit.xml"), project.read("events.jsonl")].join("\n")
}

#[test]
fn whatever_a_server_says_about_the_token_is_masked() {
    let passing = "{outcome: answered}";
    let failing = "{text: nothing like it, json: {words: [a]}, is_error: maybe}";
    let wrong = "{http: {status: 418}}";
    let matching =
        "{text: {$matches: '^nothing', $length: 3}, notifications: [], http: {body: {$contains: nothing}}}";
    for (place, expects) in [
        ("text", vec![(passing, 0), (failing, 101), (matching, 101)]),
        ("json", vec![(passing, 0), (failing, 101), (matching, 101)]),
        ("blocks", vec![(passing, 0), (failing, 101), (matching, 101)]),
        ("key", vec![(passing, 0), ("{result: {$exact: {content: []}}}", 101)]),
        ("cut", vec![(failing, 101), (matching, 101)]),
        ("tool error", vec![(passing, 101), (failing, 101), ("{is_error: true}", 0)]),
        ("error", vec![(passing, 101), (wrong, 101), ("{error: {message: x}}", 101)]),
        ("header", vec![(passing, 0), (wrong, 101), ("{http: {headers: {x-said: x}}}", 101)]),
        ("dotnet", vec![(passing, 0), (failing, 101), (matching, 101)]),
        ("event", vec![(passing, 0), (failing, 101), (matching, 101)]),
        ("html", vec![("{http: {status: 502}}", 0), (passing, 101), (matching, 101)]),
        ("redirect", vec![(passing, 101), (wrong, 101)]),
        ("no json", vec![(passing, 101), (matching, 101)]),
        ("id", vec![(passing, 101)]),
        ("media", vec![(passing, 101), (wrong, 101)]),
    ] {
        for (expect, code) in expects {
            let formats = [&[][..], &["--format", "json"], &["--color", "always"]];
            let formats = if ["text", "event"].contains(&place) { &formats[..] } else { &formats[..1] };
            for arguments in formats {
                let left = said(place, expect, arguments, code);
                assert!(left.contains("***"), "{place} {expect}: {left}");
                let pieces = PIECES.iter().map(|piece| (*piece).to_owned()).chain(base64_pieces(TOKEN));
                for piece in pieces {
                    let at = left.to_lowercase().find(&piece.to_lowercase());
                    let around = at.map(|at| {
                        String::from_utf8_lossy(
                            &left.as_bytes()[at.saturating_sub(200)..(at + 100).min(left.len())],
                        )
                        .into_owned()
                    });
                    assert_eq!(around, None, "{place} {expect} {arguments:?}: {piece}");
                }
            }
        }
    }
}

#[test]
fn a_token_in_a_file_is_shown_by_no_message_about_the_file() {
    let token = "rt_CANARY00112233445566778899";
    let plain = "CANARY-secret-password";
    for (suite, scenario) in [
        (
            format!(
                "servers: {{a: {{url: 'http://127.0.0.1/', auth: {{pat: {plain}}}, auth: {{pat: {plain}}}}}}}\n"
            ),
            "{}",
        ),
        (format!("servers:\n  a:\n    auth:\n      pat: {plain}\n      pat: {plain}\n"), "{}"),
        (format!("servers:\n  a:\n    auth: {{pat: {plain}\n"), "{}"),
        (format!("servers:\n  a:\n\tauth: {{pat: {plain}}}\n"), "{}"),
        (format!("servers:\n  a:\n    auth: {{pat: !x {plain}}}\n"), "{}"),
        (format!("servers:\n  a:\n    auth: {{pat: {{env: {plain} # x\n"), "{}"),
        (format!("servers:\n  a:\n    auth: {{pat: {{env: {token} }}\n  a: {token}\n"), "{}"),
        (format!("servers: {{a: {{url: 'https://me:{plain}@h/', url: x}}}}\n"), "{}"),
        (
            "servers: {sandbox: {sandbox: uipath}}\nscenarios: a.yaml\n".to_owned(),
            "scenario: A\nsteps:\n  - call: t\n    headers: {Authorization: Bearer rt_CANARY00112233445566778899, Authorization: x}\n",
        ),
        (
            "servers: {sandbox: {sandbox: uipath}}\nscenarios: a.yaml\n".to_owned(),
            "scenario: A\nsteps:\n  - call: t\n    arguments: {a: rt_CANARY00112233445566778899, a: x}\n",
        ),
    ] {
        let project = Project::new().file("callsheet.yaml", &suite).file("a.yaml", scenario);
        for arguments in
            [&["check"][..], &["check", "--format", "json"], &["check", "--format", "github"], &["test"]]
        {
            project.run(arguments).exits(3).silent_on("CANARY");
        }
    }
}

#[test]
fn a_secret_in_a_name_is_refused_and_not_shown() {
    let suite = "servers: {sandbox: {sandbox: uipath}}\nscenarios: '*.yaml'\nsecrets: [KEY]\n";
    let steps = "steps: [{call: echo, expect: {is_error: false}}]\n";
    for (file, title) in [("a.yaml", "About CANARY-secret"), ("CANARY-secret.yaml", "A")] {
        let project = Project::new()
            .file("callsheet.yaml", suite)
            .file(file, &format!("scenario: {title}\n{steps}"))
            .env("KEY", "CANARY-secret");
        for arguments in [&["test"][..], &["test", "--list"], &["test", "--list", "--format", "terse"]] {
            project.run(arguments).exits(3).silent_on("CANARY").says("a secret stands in a name or title");
        }
    }
}

#[test]
fn a_warning_shows_no_secret() {
    let suite = "servers: {sandbox: {sandbox: uipath}}\nscenarios: '*.yaml'\nsecrets: [KEY]\n";
    let step = "  - call: echo\n    arguments: {a: CANARY-secret}\n    save: {CANARY: $.json.a} # CANARY-secret\n    expect: {is_error: false}\n";
    Project::new()
        .file("callsheet.yaml", suite)
        .steps(&step.replace("CANARY:", "unused:"))
        .env("KEY", "CANARY-secret")
        .run(&["test"])
        .exits(0)
        .says("***")
        .silent_on("CANARY");
}

#[test]
fn an_ignore_reason_is_masked() {
    let suite = "servers: {sandbox: {sandbox: uipath}}\nscenarios: '*.yaml'\nsecrets: [KEY]\n";
    let steps = "steps: [{call: echo, expect: {is_error: false}}]\n";
    let project = Project::new()
        .file("callsheet.yaml", suite)
        .file("a.yaml", &format!("scenario: A\nskip: broken with CANARY-secret\n{steps}"))
        .file("b.yaml", &format!("scenario: B\n{steps}"))
        .env("KEY", "CANARY-secret");
    project.run(&["test"]).exits(0).says("broken with ***").silent_on("CANARY");
    // libtest says no reason there.
    project.run(&["test", "--format", "json"]).exits(0).silent_on("CANARY");
    project
        .run(&["test", "-q", "--report", "junit=/dev/stderr"])
        .exits(0)
        .says("broken with ***")
        .silent_on("CANARY");
}

//! Each token goes to its own server, and to nobody else: not where a server sends us, not with another identity, not
//! in a session of another one.

use std::sync::{Arc, Mutex};

use serde_json::json;

use crate::canary::{Search, token};
use crate::common::Project;
use crate::common::scripted::{self, Request, answer, lifecycle};
use crate::left::{Channel, EVERYWHERE, Left, Told};

/// What each server received: its name, and everything of the request that could hold a token.
type Received = Arc<Mutex<Vec<(&'static str, String)>>>;

fn good(request: &Request) -> String {
    let text = json!({"content": [{"type": "text", "text": "x"}], "isError": false});
    let json = "200 OK\r\ncontent-type: application/json";
    lifecycle(request).unwrap_or_else(|| answer(json, &request.result(&text)))
}

/// A server that keeps what it receives.
fn listening(
    name: &'static str,
    received: &Received,
    say: impl Fn(&Request) -> String + Send + Sync + 'static,
) -> String {
    let kept = Arc::clone(received);
    scripted::start(move |request| {
        let all = format!("{} {} {}", request.target, request.token, request.body);
        kept.lock().unwrap().push((name, all));
        say(request)
    })
}

/// Checks that each of these tokens came to its own server only, and came there.
#[track_caller]
fn only_at_home(received: &Received, homes: &[(&str, &[&str])]) {
    let received = received.lock().unwrap();
    for (of, servers) in homes {
        // What is in the middle, all tokens have.
        let (first, second) = (format!("rt_CANARY{of}FIRST0"), format!("CANARY{of}SECOND9zZ"));
        let search = Search::of(&[first, second]);
        let at = |server: &str| {
            received.iter().any(|(name, all)| *name == server && search.find(all.as_bytes()).is_some())
        };
        for (name, all) in received.iter().filter(|(name, _)| !servers.contains(name)) {
            assert_eq!(search.find(all.as_bytes()), None, "{of} came to {name}");
        }
        for server in *servers {
            assert!(at(server), "{of} did not come to {server}: {received:?}");
        }
    }
}

#[test]
fn no_redirect_takes_a_token_along() {
    let received = Received::default();
    let other = listening("other", &received, good);
    let mut suite = "scenarios: '*.yaml'\nservers:\n".to_owned();
    let mut project = Project::new().env("PAT", &token("HOM"));
    let mut cases = Vec::new();
    for status in [
        "301 Moved Permanently",
        "302 Found",
        "303 See Other",
        "307 Temporary Redirect",
        "308 Permanent Redirect",
    ] {
        for when in ["opening", "calling"] {
            for (to, location) in [
                ("host", other.clone()),
                ("relative", "//localhost/mcp/again".to_owned()),
                ("itself", "/mcp/again".to_owned()),
                ("scheme", other.replace("http://", "https://")),
            ] {
                let head = format!("{status}\r\nlocation: {location}");
                let home = listening("home", &received, move |request| {
                    match when == "opening" || request.method() == "tools/call" {
                        true => answer(&head, ""),
                        false => good(request),
                    }
                });
                let name = format!("r{}-{when}-{to}", &status[..3]);
                suite.push_str(&format!("  {name}: {{url: '{home}', auth: {{pat: {{env: PAT}}}}}}\n"));
                let scenario =
                    format!("scenario: A\nserver: {name}\nprotocol: 2025-11-25\nsteps: [{{call: t}}]\n");
                project = project.file(&format!("{name}.yaml"), &scenario);
                cases.push((name, status));
            }
        }
    }
    let left = Left::of(&project.file("callsheet.yaml", &suite), &EVERYWHERE);
    assert_eq!(left.code, Some(101), "{}", left.shown());
    let told = Told::of(&left);
    for (name, status) in &cases {
        let shown = told.about(name, Channel::Text);
        assert!(shown.contains(&status[..3]), "{name}: {shown}");
    }
    only_at_home(&received, &[("HOM", &["home"])]);
    let received = received.lock().unwrap();
    assert!(
        received.iter().all(|(name, all)| *name == "home" && !all.contains("/mcp/again")),
        "{received:?}"
    );
    assert!(received.len() >= cases.len(), "{received:?}");
}

#[test]
fn two_identities_and_two_servers_in_one_case() {
    let received = Received::default();
    let (one, two) = (listening("one", &received, good), listening("two", &received, good));
    let plain = listening("plain", &received, good);
    let suite = format!(
        "scenarios: '*.yaml'
default: one
servers:
  one:
    url: '{one}'
    auth: {{pat: {{env: ONE}}}}
    identities: {{auditor: {{pat: {{env: AUDITOR}}}}}}
  two: {{url: '{two}', auth: {{pat: {{env: TWO}}}}, identities: {{auditor: {{pat: {{env: SECOND}}}}}}}}
  plain: {{url: '{plain}'}}
"
    );
    let mut scenario = "scenario: A\nprotocol: 2025-11-25\nsteps:\n".to_owned();
    for (server, identity) in [
        ("one", "default"),
        ("two", "default"),
        ("one", "auditor"),
        ("plain", "default"),
        ("two", "auditor"),
        ("one", "anonymous"),
        ("plain", "anonymous"),
        ("one", "default"),
    ] {
        scenario
            .push_str(&format!("  - {{call: '{server}.{identity}', server: {server}, as: {identity}}}\n"));
        scenario.push_str(&format!(
            "  - {{use: fragment.yaml, with: {{who: {identity}}}, server: {server}, as: {identity}}}\n"
        ));
    }
    let fragment = "fragment: F\ninputs: {who: null}\nsteps:\n  - call: 'inside.{{ who }}'\n  - {session: close}\n  - {session: open}\n  - {http: {method: POST, body: {a: 'inside.{{ who }}'}}, expect: {http: {status: 200}}}\n";
    let project = Project::new()
        .file("callsheet.yaml", &suite)
        .file("a.yaml", &scenario)
        .file("fragments/fragment.yaml", fragment)
        .file("a.yaml", &scenario.replace("fragment.yaml", "fragments/fragment.yaml"))
        .env("ONE", &token("ONE"))
        .env("AUDITOR", &token("AUD"))
        .env("TWO", &token("TWO"))
        .env("SECOND", &token("SEC"));
    let project = project.file("callsheet.yaml", &suite.replace("'*.yaml'", "a.yaml"));
    let left = Left::of(&project, &EVERYWHERE);
    assert_eq!(left.code, Some(0), "{}", left.shown());
    only_at_home(&received, &[("ONE", &["one"]), ("AUD", &["one"]), ("TWO", &["two"]), ("SEC", &["two"])]);
    // Who speaks is in the message: its token, or none, is beside it.
    let received = received.lock().unwrap();
    for (server, identity, token_of) in [
        ("one", "default", Some("ONE")),
        ("one", "auditor", Some("AUD")),
        ("one", "anonymous", None),
        ("two", "default", Some("TWO")),
        ("two", "auditor", Some("SEC")),
        ("plain", "default", None),
        ("plain", "anonymous", None),
    ] {
        for said in [format!("\"{server}.{identity}\""), format!("\"inside.{identity}\"")] {
            let by = |(name, all): &&(&str, String)| *name == server && all.contains(&said);
            let mut told = received.iter().filter(by).peekable();
            assert!(told.peek().is_some(), "{server} {identity}: nobody said {said}");
            for (_, all) in told {
                let expected = token_of.map_or(String::new(), token);
                assert_eq!(all.split(' ').nth(1), Some(&*expected), "{server} {identity} {all}");
            }
        }
    }
}

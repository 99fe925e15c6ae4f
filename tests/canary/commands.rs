//! Every command, with a secret in the files that it reads, in what it is asked for, and in what it is sent.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::Stdio;

use serde_json::json;

use crate::canary::{Search, html, json as quoted, secret, token};
use crate::common::Project;
use crate::left::Left;

/// A combination: what was run, what must be masked in it, and how it ends.
struct Case<'a> {
    name: &'a str,
    arguments: &'a [&'a str],
    /// What stands where the secret stood, with what is before or behind it.
    shows: &'a str,
    code: i32,
}

const SUITE: &str =
    "scenarios: '*.yaml'\nservers: {sandbox: {sandbox: uipath}}\nsecrets: [KEY]\nenv: [PLAIN]\n";

/// The canary is in the environment, or in `.env`.
fn project(in_file: bool) -> (Project, Canary) {
    // What looks like a token is hidden by its looks alone; this one has to be known.
    let canary = secret("KEY").replace('\'', "-").replace("rt_", "x_");
    let project = Project::new().file("callsheet.yaml", SUITE).env("PLAIN", "plain");
    let project = match in_file {
        true => project.file(".env", &format!("KEY='{canary}'\n")),
        false => project.env("KEY", &canary),
    };
    (project, Canary::new(canary))
}

/// A canary, and the search for it.
struct Canary {
    text: String,
    search: Search,
}

impl Canary {
    fn new(text: String) -> Self {
        Self { search: Search::of(std::slice::from_ref(&text)), text }
    }
}

impl std::fmt::Display for Canary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

#[track_caller]
fn masked(project: &Project, canary: &Canary, case: &Case<'_>) -> Left {
    let left = Left::of(project, case.arguments);
    let name = format!("{} {:?}", case.name, case.arguments);
    assert_eq!(left.code, Some(case.code), "{name}: {}", left.shown());
    for (what, text) in left.all() {
        assert_eq!(canary.search.find(text), None, "{name}: {what}");
    }
    let shown = |(_, text): &(String, &[u8])| String::from_utf8_lossy(text).contains(case.shows);
    assert!(left.all().iter().any(shown), "{name}: no `{}`: {}", case.shows, left.shown());
    left
}

/// A step of one line, which a message about it shows, with a secret behind what is wrong.
fn line(wrong: &str, canary: &Canary) -> String {
    format!("  - {{call: echo, {wrong}, arguments: {{a: 'plain {canary}'}}}} # {canary}")
}

#[test]
fn what_is_wrong_with_a_file_is_shown_without_the_secrets_in_it() {
    for in_file in [false, true] {
        let (project, canary) = project(in_file);
        let project = project.steps(&line("expct: 1", &canary));
        for arguments in [&["test"][..], &["test", "--list"], &["show", "a"]] {
            masked(&project, &canary, &Case { name: "wrong key", arguments, shows: "plain ****", code: 3 });
        }
        // `check` reads no credential: it knows what it was given without asking, and shows what else stands in a file.
        if in_file {
            continue;
        }
        for arguments in [&["check"][..], &["check", "--color", "always"]] {
            masked(&project, &canary, &Case { name: "wrong key", arguments, shows: "plain ****", code: 3 });
        }
        // They have no lines of the file.
        for format in ["json", "github"] {
            let arguments = &["check", "--format", format];
            masked(&project, &canary, &Case { name: "wrong key", arguments, shows: "expct", code: 3 });
        }
        // What messages say of a value.
        let wrong = format!("scenario: A\nsteps:\n  - {{call: echo, timeout: '{canary}'}}\n");
        let project = project.file("a.yaml", &wrong);
        for format in ["text", "json", "github"] {
            let arguments = &["check", "--format", format];
            masked(&project, &canary, &Case { name: "wrong value", arguments, shows: "***", code: 3 });
        }
        // A warning: nothing is refused for it.
        let unused = format!(
            "scenario: A\nsteps:\n  - {{call: echo, arguments: {{a: 'plain {canary}'}}, save: {{b: $.json.a}}}}\n"
        );
        let project = project.file("a.yaml", &unused);
        for (arguments, code) in [(&["check"][..], 0), (&["test"], 0)] {
            masked(&project, &canary, &Case { name: "warning", arguments, shows: "plain ****", code });
        }
    }
}

#[test]
fn a_secret_of_a_program_is_known_before_it_is_started() {
    let canary = Canary::new(token("PRG").replace('\'', "-").replace("rt_", "x_"));
    let suite = "scenarios: '*.yaml'\nservers: {it: {command: [cat], env: {TOKEN: {env: KEY}}}}\n";
    let project = Project::new().file("callsheet.yaml", suite).env("KEY", &canary.text);
    let titled = project.file("a.yaml", &format!("scenario: 'About {canary}'\nsteps: [{{list: tools}}]\n"));
    let shows = "a secret stands in a name or title";
    masked(&titled, &canary, &Case { name: "title", arguments: &["test"], shows, code: 3 });
    let wrong = titled.steps(&line("expct: 1", &canary));
    masked(&wrong, &canary, &Case { name: "line", arguments: &["check"], shows: "plain ****", code: 3 });
}

#[test]
fn a_name_with_a_secret_is_refused_in_the_form_that_names_have() {
    let steps = "steps: [{call: echo, expect: {is_error: false}}]";
    let shows = "a secret stands in a name or title of this scenario";
    for (name, scenario) in [
        ("title", format!("scenario: 'About CANARY'\n{steps}\n")),
        ("step", "scenario: A\nsteps: [{name: 'step CANARY', call: echo}]\n".to_owned()),
        ("row", format!("scenario: A\nrows: [{{name: 'row CANARY'}}]\n{steps}\n")),
        ("rows", format!("scenario: A\nrows: {{file: rows.csv, name: '{{{{ row.key }}}}'}}\n{steps}\n")),
    ] {
        let (project, canary) = project(false);
        let csv = format!("key\n\"{}\"\n", canary.text.replace('"', "\"\""));
        let project =
            project.file("a.yaml", &scenario.replace("CANARY", &canary.text)).file("rows.csv", &csv);
        for arguments in
            [&["test"][..], &["test", "--list"], &["test", "--list", "--format", "terse"], &["show", "a"]]
        {
            masked(&project, &canary, &Case { name, arguments, shows, code: 3 });
        }
    }
}

#[test]
fn what_the_command_line_is_asked_for_is_masked() {
    let (project, canary) = project(false);
    // It has no `/`, so that it is no path.
    let other = Canary::new("x_CANARYOTHFIRST0 <CANARYOTHSECOND9zZ".to_owned());
    let project = project
        .file("callsheet.yaml", &(SUITE.replace("[KEY]", "[KEY, OTHER]") + "vars: {x: 1}\n"))
        .env("OTHER", &other.text);
    let failing = "  - {call: echo, arguments: {a: '{{ x }}'}, expect: {json: {a: 2}}}";
    let project = project.steps(failing);
    let var = format!("x={canary}");
    let (junit, tag) = (format!("junit=no/{canary}/junit.xml"), canary.text.as_str());
    for (name, arguments, shows, code) in [
        ("path", &["test", &canary.text][..], "there is no file or folder `***`", 2),
        ("filter", &["test", &other.text], "whose name contains `***`", 4),
        ("tag", &["test", "--tag", tag], "with the tag `***`", 4),
        ("skip", &["test", "--skip", &other.text], "test result: FAILED", 101),
        ("variable", &["test", "--var", &var, "--report", "jsonl=run.jsonl"], "--var 'x=***' --exact a", 101),
        ("report", &["test", "--report", &junit], "***", 2),
        ("doctor", &["doctor", "--server", &other.text], "the suite has no server `***`", 3),
        ("identity", &["doctor", "--as", &canary.text], "has no identity `***`", 2),
        ("show", &["show", &other.text], "whose name contains `***`", 4),
    ] {
        masked(&project, &canary, &Case { name, arguments, shows, code });
        masked(&project, &other, &Case { name, arguments, shows, code });
    }
}

#[test]
fn reasons_are_masked_wherever_they_are_said() {
    let (project, canary) = project(false);
    let steps = "steps: [{call: echo, arguments: {a: 1}, expect: {json: {a: 2}}}]";
    let project = project
        .file("a.yaml", &format!("scenario: A\nskip: 'broken [[{canary}]]'\n{steps}\n"))
        .file("b.yaml", &format!("scenario: B\nrequires: {{env: {{PLAIN: '[[{canary}]]'}}}}\n{steps}\n"))
        .file("c.yaml", &format!("scenario: C\nsteps: [{{call: echo, arguments: {{a: 1}}, expect: {{json: {{a: 2}}}}, known_bug: {{issue: '[[{canary}]]'}}}}]\n"))
        .file("d.yaml", "scenario: D\nsteps: [{call: echo}]\n");
    let reports = ["--trace", "--report", "jsonl=run.jsonl", "--report", "junit=junit.xml"];
    for way in [&[][..], &["--format", "json"], &["-q"], &["--color", "always"], &["--logfile", "log.txt"]] {
        let arguments = [&["test"], &reports[..], way].concat();
        let shows = "broken [[***]]";
        let left =
            masked(&project, &canary, &Case { name: "reasons", arguments: &arguments, shows, code: 0 });
        for (text, count) in [(left.file("run.jsonl"), 2), (left.file("junit.xml"), 2), (left.stderr(), 1)] {
            let found = text.matches("[[***]]").count();
            assert!(found >= count, "{way:?}: {found} of {count}: {text}");
        }
    }
}

#[test]
fn a_case_is_shown_without_its_secrets() {
    let (project, canary) = project(false);
    let step = format!(
        "  - call: echo\n    arguments: {{a: '[[{{{{ env.KEY }}}}]]', b: '[[{canary}]]', '[[{canary}': 1}}\n    expect: {{json: {{a: '[[{{{{ env.KEY }}}}]]'}}}}"
    );
    let project = project.steps(&step);
    masked(&project, &canary, &Case { name: "show", arguments: &["show", "a"], shows: "[[***]]", code: 0 });
}

#[test]
fn what_is_written_into_files_is_masked() {
    let (project, canary) = project(false);
    let step = "  - call: echo
    arguments: {a: '[[{{ env.KEY }}]]', b: x, c: x}
    expect: {json: {$snapshot: whole}}
  - call: echo
    arguments: {a: '[[{{ base64 env.KEY }}]]'}
    expect: {text: {$snapshot: encoded}}
  - call: echo
    arguments: {a: '[[{{ env.KEY }}]]'}
    expect: {json: {a: other}}";
    let project = project.steps(step);
    let update = Case { name: "update", arguments: &["test", "--update"], shows: "[[***]]", code: 101 };
    masked(&project, &canary, &update);
    let snapshots = project.read("a.snap.yaml");
    assert!(snapshots.matches("***").count() >= 2, "{snapshots}");
    assert!(project.read("a.yaml").contains("{a: other}"));
    // Told anew, and compared with what was stored.
    masked(&project, &canary, &Case { name: "compared", arguments: &["test"], shows: "***", code: 101 });
    let changed = project.file("a.snap.yaml", &snapshots.replace("b: x", "b: y"));
    masked(&changed, &canary, &Case { name: "changed", arguments: &["test"], shows: "***", code: 101 });
}

#[test]
fn a_proxy_with_a_password_is_not_told() {
    let canary = Canary::new("CANARYPRXFIRST0CANARYPRXSECOND9zZ".to_owned());
    for (name, url) in [
        ("HTTPS_PROXY", "https://far.invalid/mcp"),
        ("HTTP_PROXY", "http://far.invalid/mcp"),
        ("ALL_PROXY", "https://far.invalid/mcp"),
    ] {
        let suite = format!(
            "scenarios: '*.yaml'\nservers: {{a: {{url: '{url}', insecure: true, timeouts: {{connect: 5s, start: 5s}}}}}}\n"
        );
        let project = Project::new()
            .file("callsheet.yaml", &suite)
            .steps("  - list: tools")
            .env(name, &format!("http://user:{canary}@127.0.0.1:9"));
        masked(
            &project,
            &canary,
            &Case { name, arguments: &["test", "--trace"], shows: "cannot be reached", code: 101 },
        );
    }
}

#[test]
fn the_sandbox_tells_no_token_that_it_was_sent() {
    let canary = Canary::new("rt_CANARYSBXFIRST0CANARYSBXSECOND9zZ".to_owned());
    let project = Project::new();
    let mut command = project.command(&["sandbox", "--port", "0"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let greeting: Vec<String> =
        lines.by_ref().take_while(|line| !line.starts_with("What is refused")).collect();
    let url = greeting.iter().find(|line| line.contains("http://")).unwrap().trim();
    let (host, path) = url.trim_start_matches("http://").split_once('/').unwrap();
    for (path, shows) in [
        (format!("/{path}"), "POST"),
        (format!("/{path}/{canary}"), "***"),
        (format!("/{canary}"), "POST /*** tools/list: there is nothing at `/***`"),
        (format!("/{path}?token={canary}"), "POST"),
    ] {
        let mut socket = TcpStream::connect(host).unwrap();
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"a": canary.text}})
            .to_string();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\nauthorization: Bearer {canary}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        socket.write_all((head + &body).as_bytes()).unwrap();
        let mut answer = Vec::new();
        socket.read_to_end(&mut answer).unwrap();
        assert_eq!(canary.search.find(&answer), None, "{path}");
        let line = lines.next().unwrap();
        assert!(line.contains(shows), "{path}: {line}");
        assert_eq!(canary.search.find(line.as_bytes()), None, "{path}");
    }
    child.kill().unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(canary.search.find(&output.stderr), None);
}

/// Commands that meet no secret: nothing is planted in them, and nothing of the environment may be there.
#[test]
fn commands_that_meet_no_secret_show_none() {
    let (project, canary) = project(false);
    let project = project.steps("  - {call: echo, arguments: {a: '{{ env.KEY }}'}}");
    for (arguments, shows) in [
        (&["schema", "suite"][..], "$schema"),
        (&["schema", "--write", "schemas"], "scenario"),
        (&["init", "new"], "callsheet"),
        (&["completions", "bash"], "callsheet"),
        (&["--help"], "callsheet"),
        (&["test", "--help"], "trace"),
        (&["test", "--list"], "a: test"),
        (&["check"], "0 errors"),
        (&["doctor", "--help"], "doctor"),
    ] {
        masked(&project, &canary, &Case { name: "none", arguments, shows, code: 0 });
    }
}

#[test]
fn the_search_finds_what_it_looks_for() {
    let canary = token("ANY");
    let search = Search::of(std::slice::from_ref(&canary));
    for form in crate::canary::Form::ALL {
        assert!(search.find(form.of(&canary).as_bytes()).is_some(), "{form:?}");
    }
    for part in [&canary[..15], &canary[canary.len() - 15..], &quoted(&canary), &html(&canary)] {
        assert!(search.find(format!("before {part} behind").as_bytes()).is_some(), "{part}");
    }
    for text in ["***", "rt_CANARY", "nothing", "[[***]]"] {
        assert_eq!(search.find(text.as_bytes()), None, "{text}");
    }
}

//! What an editor makes of our schemas: no complaint about a good file, the cause at its line in a bad one, the
//! words that may stand at a place, our sentence over a key.

use std::fs;
use std::path::{Path, PathBuf};

use super::language_server::Opened;
use super::{Peers, here};

/// Where the texts of this file are opened: the modeline's path is relative to it.
const FOLDER: &str = "scenarios";
const SCENARIO: &str = "# yaml-language-server: $schema=../schemas/scenario.schema.json\n";
const SUITE: &str = "# yaml-language-server: $schema=../schemas/suite.schema.json\n";

/// The words of design.md, section 3; a new one has to be offered, too.
const VERBS: &[&str] = &["call", "list", "read", "prompt", "request", "session", "http", "wait"];
const KEYS: &[&str] = &[
    "description",
    "server",
    "as",
    "protocol",
    "tags",
    "skip",
    "timeout",
    "vars",
    "client",
    "keep_going",
    "checks",
    "steps",
];
const STEP_KEYS: &[&str] =
    &["arguments", "name", "server", "as", "headers", "meta", "timeout", "expect", "save", "checks"];
const FIELDS: &[&str] = &[
    "outcome",
    "phase",
    "sent",
    "result",
    "error",
    "is_error",
    "structured",
    "text",
    "json",
    "notifications",
    "asked",
    "repairs",
    "wire",
    "http",
    "duration",
    "protocol",
];

pub(crate) fn good_files(peers: &Peers) {
    let mut editor = peers.editor();
    let mut opened = 0;
    let suites = ["callsheet.yaml", "examples/embedded/callsheet.yaml"].map(|path| here().join(path));
    let folders = ["scenarios", "examples", "tests/peers"].map(|path| here().join(path));
    for path in suites.into_iter().chain(folders.iter().flat_map(|folder| yaml_files(folder))) {
        let text = fs::read_to_string(&path).unwrap();
        if !text.contains("# yaml-language-server:") {
            // Rows and snapshots have no schema.
            continue;
        }
        let found = editor.open(path.parent().unwrap(), &text).problems;
        assert!(found.is_empty(), "{}: {found:#?}", path.display());
        opened += 1;
    }
    assert!(opened > 30, "{opened} files were opened");
}

fn yaml_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| match path.is_dir() {
            true if path.ends_with("target") || path.ends_with("node_modules") => Vec::new(),
            true => yaml_files(&path),
            false => vec![path],
        })
        .filter(|path| path.extension().is_some_and(|ending| ending == "yaml"))
        .collect()
}

pub(crate) fn completion(peers: &Peers) {
    let mut editor = peers.editor();
    let operators: Vec<&str> = callsheet::model::OPERATORS.iter().map(|operator| operator.name).collect();
    let cases: &[(&str, &[&str], &[&str])] = &[
        ("‸", &["scenario", "steps"], &["call"]),
        ("scenario: A\n‸", KEYS, &["scenario", "call"]),
        ("scenario: A\nsteps:\n  - ‸", VERBS, &["scenario", "$gt"]),
        ("scenario: A\nsteps:\n  - call: x\n    ‸", STEP_KEYS, &["tags", "outcome"]),
        ("scenario: A\nsteps:\n  - call: x\n    expect:\n      ‸", FIELDS, &["arguments"]),
        ("scenario: A\nsteps:\n  - call: x\n    expect:\n      ‸", &["$any", "$all"], &[]),
        (
            "scenario: A\nsteps:\n  - call: x\n    expect:\n      json:\n        a:\n          ‸",
            &operators,
            &["text"],
        ),
        ("scenario: A\nsteps:\n  - call: x\n    expect:\n      text:\n        $‸", &operators, &["text"]),
        ("scenario: A\nsteps:\n  - session: ‸", &["open", "close"], &["tools"]),
        ("scenario: A\nsteps:\n  - list: ‸", &["tools", "prompts", "resources", "templates"], &["open"]),
        ("scenario: A\nprotocol: ‸", &["auto", "2025-11-25", "2026-07-28"], &[]),
        (
            "scenario: A\nsteps:\n  - call: x\n    expect: {json: {a: {$type: ‸}}}",
            &["string", "list", "null"],
            &[],
        ),
        (
            "scenario: A\nsteps:\n  - call: x\n    save:\n      a:\n        ‸",
            &["path", "matches", "secret", "all"],
            &[],
        ),
    ];
    for (text, wanted, unwanted) in cases {
        let offered = editor.offers(&here().join(FOLDER), &format!("{SCENARIO}{text}"));
        // The label of a text that needs quotes has them.
        let labels: Vec<&str> = offered.iter().map(|offer| offer.label.trim_matches('"')).collect();
        for word in *wanted {
            assert!(labels.contains(word), "{text}\nno `{word}` in {labels:?}");
        }
        for word in *unwanted {
            assert!(!labels.contains(word), "{text}\n`{word}` is in {labels:?}");
        }
    }
    let offered = editor.offers(&here().join(FOLDER), &format!("{SUITE}servers:\n  a:\n    ‸"));
    for word in ["url", "sandbox", "uipath", "auth", "identities", "limits", "timeouts"] {
        assert!(offered.iter().any(|offer| offer.label == word), "no `{word}` in {offered:?}");
    }
}

pub(crate) fn hover(peers: &Peers) {
    let mut editor = peers.editor();
    let text = format!(
        "{SCENARIO}scenario: A\nsteps:\n  - call: x\n    timeout: 5s\n    expect:\n      is_error: true\n      structured: {{a: {{$near: [1, 2]}}}}\n  - session: open\n"
    );
    let opened = editor.open(&here().join(FOLDER), &text);
    assert!(opened.problems.is_empty(), "{:#?}", opened.problems);
    for (key, sentence) in [
        ("scenario: A", "what holds when every step does"),
        ("steps:", "What is done, in order"),
        ("call:", "Calls a tool"),
        ("timeout:", "How long the answer may take"),
        ("expect:", "What has to hold of the exchange"),
        ("is_error", "result.isError"),
        ("structured", "structuredContent"),
        ("$near", "at most that far away"),
        ("session", "Opens the session"),
    ] {
        let shown = editor.hover(&opened, key).replace('\\', "");
        assert!(shown.contains(sentence), "over `{key}`: {shown}");
    }
}

pub(crate) fn errors(peers: &Peers) {
    let mut editor = peers.editor();
    // A text, the line of the only problem, and what it has to say.
    let scenarios: &[(&str, u64, &[&str])] = &[
        ("scenario: A\nsteps:\n  - call: x\n    argumets: {}\n", 5, &["argumets"]),
        ("scenaro: A\nsteps:\n  - call: x\n", 2, &["scenaro"]),
        ("scenario: A\nsteps:\n  - call: 5\n", 4, &["string"]),
        ("scenario: A\nsteps:\n  - call: x\n    timeout: 5\n", 5, &["string"]),
        ("scenario: A\nsteps:\n  - call: x\n    read: y\n", 5, &["read"]),
        ("scenario: A\nsteps:\n  - call: x\n    expect: {text: {$gtt: 5}}\n", 5, &["$gtt"]),
        ("scenario: A\nsteps:\n  - call: x\n    expect:\n      texd: 5\n", 6, &["texd"]),
        ("steps:\n  - call: x\n", 2, &["scenario"]),
        ("scenario: A\n", 2, &["steps"]),
        ("scenario: A\nsteps: []\n", 3, &["1 or more"]),
        ("scenario: A\nsteps:\n  - name: x\n", 4, &["call"]),
        ("scenario: A\nsteps:\n  - session: opn\n", 4, &["open", "close"]),
        ("scenario: A\nsteps:\n  - list: tools\n    arguments: {a: 1}\n", 5, &["arguments"]),
        ("scenario: A\nsteps:\n  - read: x\n    expect: {is_error: true}\n", 5, &["is_error"]),
        ("scenario: A\nprotocol: 2025-01-01\nsteps:\n  - read: x\n", 3, &["2025-11-25"]),
        ("scenario: A\nsteps:\n  - call: x\n    expect:\n      json: {$gt: 5, a: 4}\n", 6, &["a"]),
    ];
    let suites: &[(&str, u64, &[&str])] = &[
        ("servers: {a: {url: 'http://x', command: [a]}}\nscenarios: x\n", 2, &["command"]),
        ("servers: {a: {sandbox: uipat}}\nscenarios: x\n", 2, &["uipath"]),
        ("scenarios: x\n", 2, &["servers"]),
        ("servers: {a: {url: 'http://x'}}\nscenarioss: x\n", 3, &["scenarioss"]),
    ];
    let all = scenarios.iter().map(|case| (SCENARIO, case)).chain(suites.iter().map(|case| (SUITE, case)));
    for (modeline, (text, line, words)) in all {
        let Opened { problems, .. } = editor.open(&here().join(FOLDER), &format!("{modeline}{text}"));
        let told = problems
            .iter()
            .any(|problem| problem.line == *line && words.iter().all(|word| problem.message.contains(word)));
        assert!(told, "{text}\nnothing of {words:?} at line {line}: {problems:#?}");
    }
}

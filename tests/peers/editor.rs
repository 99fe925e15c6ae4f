//! What an editor makes of our schemas: no complaint about a good file, the cause at its line in a bad one, the
//! words that may stand at a place, our sentence over a key.

use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

use super::common::Project;
use super::language_server::Opened;
use super::{Peers, here};

/// Where the texts of this file are opened: the modeline's path is relative to it.
const FOLDER: &str = "scenarios";
const SCENARIO: &str = "# yaml-language-server: $schema=../schemas/scenario.schema.json\n";
const SUITE: &str = "# yaml-language-server: $schema=../schemas/suite.schema.json\n";

/// The words of design.md, section 3.
const VERBS: &[&str] = &[
    "call", "list", "read", "prompt", "complete", "request", "notify", "listen", "await", "session", "http",
    "wait", "use", "parallel", "defer",
];
const KEYS: &[&str] = &[
    "description",
    "server",
    "as",
    "protocol",
    "tags",
    "skip",
    "requires",
    "timeout",
    "vars",
    "rows",
    "client",
    "respond",
    "keep_going",
    "checks",
    "steps",
];
const STEP_KEYS: &[&str] = &[
    "name",
    "as",
    "server",
    "headers",
    "meta",
    "timeout",
    "when",
    "eventually",
    "expect",
    "save",
    "defer",
    "respond",
    "known_bug",
    "checks",
    "arguments",
    "params",
    "with",
];
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
    "items",
    "pages",
    "notifications",
    "asked",
    "repairs",
    "wire",
    "http",
    "outputs",
    "order",
    "steps",
    "duration",
    "protocol",
    "attempts",
];
const WORDS: &[&str] = &["row", "env", "server", "protocol", "run", "session"];

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

/// Where keys are offered: the text, some that have to be among them, some that must not.
type Place<'a> = (&'a str, &'a [&'a str], &'a [&'a str]);

pub(crate) fn completion(peers: &Peers) {
    let mut editor = peers.editor();
    let operators: Vec<&str> = callsheet::model::OPERATORS.iter().map(|operator| operator.name).collect();
    let step = "scenario: A\nsteps:\n  - call: x\n";
    let in_step = |text: &str| format!("{step}    {text}");
    let places: &[Place<'_>] = &[
        ("‸", &["scenario", "fragment", "steps"], &["call"]),
        ("scenario: A\n‸", KEYS, &["scenario", "fragment", "inputs", "call"]),
        ("fragment: A\n‸", &["inputs", "outputs", "steps"], &["scenario", "rows", "vars"]),
        ("scenario: A\nrows:\n  ‸", &["file", "name", "separator"], &["steps"]),
        ("scenario: A\nrespond:\n  - ‸", &["to", "params", "result", "error", "times"], &["call"]),
        ("scenario: A\nrequires:\n  ‸", WORDS, &["text"]),
        ("scenario: A\nsteps:\n  - ‸", VERBS, &["scenario", "$gt"]),
        ("scenario: A\nsteps:\n  - parallel:\n      - ‸", VERBS, &[]),
        ("scenario: A\nsteps:\n  - parallel:\n      - - ‸", VERBS, &[]),
        (&in_step("‸"), STEP_KEYS, &["tags", "outcome"]),
        (&in_step("defer:\n      ‸"), VERBS, &["tags"]),
        (&in_step("defer:\n      - ‸"), VERBS, &["tags"]),
        (&in_step("when:\n      ‸"), WORDS, &["text"]),
        (&in_step("eventually:\n      ‸"), &["within", "every", "backoff", "abort"], &["call"]),
        (&in_step("eventually:\n      abort:\n        ‸"), FIELDS, &["within"]),
        (&in_step("known_bug:\n      ‸"), &["issue", "until", "when"], &["call"]),
        (&in_step("expect:\n      ‸"), FIELDS, &["arguments"]),
        (&in_step("expect:\n      ‸"), &["$any", "$all", "$not"], &[]),
        (&in_step("expect:\n      http:\n        ‸"), &["status", "headers", "body", "events"], &["text"]),
        (&in_step("expect:\n      error:\n        ‸"), &["code", "message", "data"], &["text"]),
        (&in_step("expect:\n      json:\n        a:\n          ‸"), &operators, &["text"]),
        (&in_step("expect:\n      text:\n        $‸"), &operators, &["text"]),
        (&in_step("save:\n      a:\n        ‸"), &["path", "matches", "secret", "all"], &[]),
        ("scenario: A\nsteps:\n  - listen:\n      ‸", &["tools", "prompts", "resources"], &["call"]),
        ("scenario: A\nsteps:\n  - await:\n      ‸", &["method", "params"], &["call"]),
        (
            "scenario: A\nsteps:\n  - complete:\n      ‸",
            &["prompt", "resource", "argument", "value", "context"],
            &[],
        ),
    ];
    let suite: &[Place<'_>] = &[
        (
            "servers:\n  a:\n    ‸",
            &["url", "sandbox", "uipath", "auth", "identities", "limits", "timeouts"],
            &[],
        ),
        ("servers:\n  a:\n    auth:\n      pat:\n        ‸", &["env", "file", "command"], &["url"]),
    ];
    let places = places.iter().map(|place| (SCENARIO, place)).chain(suite.iter().map(|place| (SUITE, place)));
    for (modeline, (text, wanted, unwanted)) in places {
        let offers = editor.offers(&here().join(FOLDER), &format!("{modeline}{text}"));
        let keys: Vec<&str> = offers.iter().map(|offer| offer.label.as_str()).collect();
        for offer in offers.iter().filter(|offer| wanted.contains(&offer.label.as_str())) {
            assert!(!offer.documentation.is_empty(), "{text}\n`{}` is not explained", offer.label);
            assert!(offer.inserted.contains(':'), "{text}\nwithout a colon: {offer:?}");
        }
        let missing: Vec<&&str> = wanted.iter().filter(|word| !keys.contains(word)).collect();
        assert!(missing.is_empty(), "{text}\nno {missing:?} in {keys:?}");
        let wrong: Vec<&&str> = unwanted.iter().filter(|word| keys.contains(word)).collect();
        assert!(wrong.is_empty(), "{text}\n{wrong:?} is in {keys:?}");
    }
    // Values: all of them, and no others.
    for (text, words) in [
        ("scenario: A\nsteps:\n  - session: ‸", &["open", "close"][..]),
        ("scenario: A\nsteps:\n  - list: ‸", &["tools", "prompts", "resources", "templates"]),
        (
            "scenario: A\nprotocol: ‸",
            &["auto", "2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"],
        ),
        ("scenario: A\nrespond:\n  - to: ‸", &["sampling/createMessage", "elicitation/create", "roots/list"]),
        ("scenario: A\nchecks:\n  wire: ‸", &["error", "warn", "ignore"]),
        (&in_step("expect:\n      outcome: ‸"), &["answered", "timed_out", "closed", "unreachable"]),
        (&in_step("expect:\n      phase: ‸"), &["step", "open"]),
        (
            &in_step("expect:\n      text: {$type: ‸}"),
            &["string", "number", "integer", "boolean", "\"null\"", "list", "object"],
        ),
    ] {
        let offers = editor.offers(&here().join(FOLDER), &format!("{SCENARIO}{text}"));
        let labels: Vec<&str> = offers.iter().map(|offer| offer.label.as_str()).collect();
        assert_eq!(labels, words, "{text}");
    }
}

pub(crate) fn hover(peers: &Peers) {
    let mut editor = peers.editor();
    let text = "scenario: A
rows: [{name: one}]
requires: {session: {tools: {$contains: x}}}
steps:
  - call: x
    timeout: 5s
    when: {row: {name: one}}
    eventually: {within: 5s, abort: {is_error: true}}
    known_bug: {issue: 5}
    expect:
      structured: {a: {$near: [1, 2]}}
  - session: open
  - await: {method: notifications/x}
";
    let text = format!("{SCENARIO}{text}");
    let opened = editor.open(&here().join(FOLDER), &text);
    assert!(opened.problems.is_empty(), "{:#?}", opened.problems);
    for (key, sentence) in [
        ("scenario: A", "what holds when every step does"),
        ("rows:", "One case for each"),
        ("requires:", "ignored"),
        ("steps:", "What is done, in order"),
        ("call:", "Calls a tool"),
        ("timeout:", "How long the answer may take"),
        ("when:", "A condition"),
        ("eventually:", "Sends the same request again"),
        ("within:", "How long attempts are begun"),
        ("abort:", "there are no more attempts"),
        ("known_bug:", "it is tolerated"),
        ("expect:", "What has to hold of the exchange"),
        ("is_error", "result.isError"),
        ("structured", "structuredContent"),
        ("$near", "at most that far away"),
        ("$contains", "some element of which matches"),
        ("session: open", "Opens the session"),
        ("await", "Takes the oldest notification"),
        ("method: ", "The notification's method"),
    ] {
        let shown = editor.hover(&opened, key).replace('\\', "");
        assert!(shown.contains(sentence), "over `{key}`: {shown}");
    }
}

/// What README.md shows: a suite that is begun by `init`, its schemas written beside it, and then the scenario of
/// the design, each of its words offered once its first letter is there.
pub(crate) fn newcomer(peers: &Peers) {
    let mut editor = peers.editor();
    let project = Project::new();
    project.run(&["init"]).exits(0);
    project.run(&["schema", "--write", "schemas"]).exits(0);
    let folder = project.path().join("scenarios");
    let text = r#"# yaml-language-server: $schema=../schemas/scenario.schema.json
scenario: An invoice can be created and found again
tags: [smoke, invoices]
vars: {customer: C-1001}

steps:
  - call: createInvoice
    arguments:
      in_Customer: "{{ customer }}"
      in_Amount: 1250.5
    expect:
      json:
        out_Status: Created
        out_InvoiceId: {$matches: '^INV-\d+$'}
    save:
      invoice: $.json.out_InvoiceId
    defer:
      call: deleteInvoice
      arguments: {in_InvoiceId: "{{ invoice }}"}

  - read: invoice://{{ invoice }}/state
    eventually: {within: 60s, every: 2s, abort: {json: {state: Faulted}}}
    expect:
      json: {state: Successful, amount: 1250.5}
      duration: {$lt: 5s}
"#;
    let written = project.file("scenarios/design.yaml", text);
    written.run(&["test", "scenarios/design.yaml"]).exits(0).says("1 passed");
    let opened = editor.open(&folder, text);
    assert!(opened.problems.is_empty(), "{:#?}", opened.problems);
    let words = Regex::new(r"(?m)(?:^|[\s{])(\$?[a-z]+):(?: |$)").unwrap();
    let own = ["customer", "invoice", "state", "amount"];
    let mut offered = 0;
    for found in words.captures_iter(text).map(|found| found.get(1).unwrap()) {
        let word = found.as_str();
        if own.contains(&word) || word == "scenario" {
            continue;
        }
        let begun = found.start() + if word.starts_with('$') { 2 } else { 1 };
        let before = text.get(..begun).unwrap();
        let offers = editor.offers(&folder, &format!("{before}‸"));
        let labels: Vec<&str> = offers.iter().map(|offer| offer.label.as_str()).collect();
        assert!(labels.contains(&word), "after\n{before}\nno `{word}` in {labels:?}");
        offered += 1;
    }
    assert_eq!(offered, 22, "{own:?} are not ours");
}

/// A text, the line of a problem in it, and words that the problem has to say.
type Mistake<'a> = (&'a str, u64, &'a [&'a str]);

pub(crate) fn errors(peers: &Peers) {
    let mut editor = peers.editor();
    let step = |text: &str| format!("scenario: A\nsteps:\n  - {text}\n");
    let scenarios: &[Mistake<'_>] = &[
        (&step("call: x\n    argumets: {}"), 5, &["argumets"]),
        ("scenaro: A\nsteps:\n  - call: x\n", 2, &["scenaro"]),
        (&step("call: 5"), 4, &["a string"]),
        (&step("5"), 4, &["a step"]),
        (&step("call: x\n    timeout: 5"), 5, &["a duration such as `30s`"]),
        (&step("call: x\n    read: y"), 5, &["exactly one verb", "`call`"]),
        (&step("name: x"), 4, &["exactly one of", "`call`", "`read`", "`parallel`"]),
        (&step("call: x\n    expect: {text: {$gtt: 5}}"), 5, &["$gtt"]),
        (&step("call: x\n    expect:\n      texd: 5"), 6, &["texd"]),
        (
            &step("call: x\n    expect:\n      json: {$gt: 5, a: 4}"),
            6,
            &["operators and plain keys do not mix"],
        ),
        (&step("call: x\n    expect:\n      http: {statuss: 4}"), 6, &["\"status\""]),
        ("steps:\n  - call: x\n", 2, &["scenario"]),
        ("scenario: A\n", 2, &["steps"]),
        ("scenario: A\nsteps: []\n", 3, &["1 or more"]),
        ("scenario: A\nsteps: x\n", 3, &["a list"]),
        (&step("session: opn"), 4, &["open", "close"]),
        (&step("list: tools\n    arguments: {a: 1}"), 5, &["`arguments`", "`call`"]),
        (&step("wait: 5s\n    expect: {text: a}"), 5, &["`wait`", "nothing is sent"]),
        (&step("read: x\n    expect: {is_error: true}"), 5, &["`read`", "does not fill"]),
        ("scenario: A\nprotocol: 2025-01-01\nsteps:\n  - read: x\n", 3, &["2025-11-25"]),
        // What came with the whole language.
        ("fragment: A\ninputss: {a: 1}\nsteps:\n  - call: x\n", 3, &["inputss"]),
        ("fragment: A\nsteps:\n  - call: x\n    argumets: {}\n", 5, &["argumets"]),
        ("scenario: A\nrows:\n  - {x: 1}\nsteps:\n  - call: x\n", 4, &["name"]),
        ("scenario: A\nrows: 5\nsteps:\n  - call: x\n", 3, &["a list", "`file`"]),
        (
            "scenario: A\nrespond:\n  - to: sampling\n    result: {}\nsteps:\n  - call: x\n",
            4,
            &["sampling/createMessage"],
        ),
        ("scenario: A\nrespond:\n  - to: roots/list\nsteps:\n  - call: x\n", 4, &["`result` and `error`"]),
        (&step("parallel:\n      - call: x\n        argumets: {}"), 6, &["argumets"]),
        (&step("parallel:\n      - - call: x\n          argumets: {}"), 6, &["argumets"]),
        (&step("call: x\n    defer:\n      call: x\n      argumets: {}"), 7, &["argumets"]),
        (&step("call: x\n    defer: x"), 5, &["a step"]),
        (&step("call: x\n    eventually: {within: 5s}"), 4, &["expect", "eventually"]),
        (&step("call: x\n    eventually: 5s\n    expect: {text: a}"), 5, &["`within`"]),
        (&step("call: x\n    eventually: {within: 5s, evry: 1s}\n    expect: {text: a}"), 5, &["evry"]),
        (
            &step("call: x\n    known_bug: {issue: 5, until: soon}\n    expect: {text: a}"),
            5,
            &["a day such as"],
        ),
        (&step("use: x.yaml\n    arguments: {a: 1}"), 5, &["`arguments`", "`call`"]),
        (
            &step("complete: {prompt: a, resource: b, argument: c, value: d}"),
            4,
            &["exactly one of", "`resource`"],
        ),
    ];
    let suites: &[Mistake<'_>] = &[
        (
            "servers: {a: {url: 'http://x', sandbox: uipath}}\nscenarios: x\n",
            2,
            &["exactly one of", "`sandbox`"],
        ),
        ("servers: {a: {headers: {b: c}}}\nscenarios: x\n", 2, &["exactly one of", "`url`"]),
        ("servers: {a: {sandbox: uipat}}\nscenarios: x\n", 2, &["uipath"]),
        ("scenarios: x\n", 2, &["servers"]),
        ("servers: {a: {url: 'http://x'}}\nscenarioss: x\n", 3, &["scenarioss"]),
        ("servers:\n  a:\n    url: http://x\n    auth: {pat: abc}\n", 5, &["a token cannot be written"]),
        ("servers: {a: {url: 'http://x', limits: {rate: 5}}}\n", 2, &["a rate such as `10/s`"]),
        ("servers: {a b: {url: 'http://x'}}\n", 2, &["a name has letters"]),
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

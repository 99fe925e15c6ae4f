//! Servers that nobody here wrote, in the eras that they speak. `tests/peers/README.md` says what they are and
//! `tests/peers/install.sh` installs them. Where they are not installed, each test is ignored with that as its
//! reason; with `CALLSHEET_PEERS=1` it fails.
//!
//! A harness of its own, because libtest decides at compile time what is ignored.
#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has to fail")]
#![expect(clippy::indexing_slicing, reason = "as above")]
#![expect(clippy::disallowed_methods, reason = "where the peers are is said by the environment")]

#[path = "peers/client_suite.rs"]
mod client_suite;
mod common;
#[path = "peers/conformance.rs"]
mod conformance;
#[path = "peers/editor.rs"]
mod editor;
#[path = "peers/language_server.rs"]
mod language_server;
#[path = "peers/stdio.rs"]
mod stdio;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::{Project, Ran};
use libtest_mimic::{Arguments, Completion, Failed, Trial};
use serde_json::Value;

const MISSING: &str = "the peers are not installed: run tests/peers/install.sh";

/// How long a peer may take until it answers: FastMCP needs seconds, and more where cargo builds beside it.
const START: Duration = Duration::from_secs(120);

/// The tokens that `fastmcp_server.py` knows, and one that it does not.
const TOKENS: [(&str, &str); 4] = [
    ("PEER_ALICE_TOKEN", "peer-alice-token"),
    ("PEER_BOB_TOKEN", "peer-bob-token"),
    ("PEER_OLD_TOKEN", "peer-old-token"),
    ("PEER_WRONG_TOKEN", "peer-wrong-token"),
];

/// A name as libtest shows it, and what is run.
type Test = (&'static str, fn(&Peers));

const TESTS: &[Test] = &[
    ("everything::its_scenarios", everything_scenarios),
    ("everything::one_scenario_in_the_older_era", everything_versions),
    ("everything::cases_run_side_by_side", side_by_side),
    ("fastmcp::its_scenarios", fastmcp_scenarios),
    ("fastmcp::one_scenario_in_both_eras", fastmcp_versions),
    ("fastmcp::refused_tokens_can_be_expected", refusals_expected),
    ("fastmcp::refused_tokens_fail_a_case_and_leave_no_trace", refusals_unexpected),
    ("fastmcp::a_token_that_is_sent_back_leaves_no_trace", token_sent_back),
    ("rmcp::its_scenarios", rmcp_scenarios),
    ("rmcp::one_scenario_in_both_eras", rmcp_versions),
    ("rmcp::failures_are_told_in_both_eras", rmcp_failures),
    ("conformance::the_scenarios_are_those_of_the_required_sets", conformance::required_sets),
    ("conformance::verdicts_are_those_of_the_official_tool", conformance::verdicts),
    ("conformance::a_server_that_wants_a_token_is_met", conformance::token),
    ("conformance::each_mutant_is_caught_by_the_scenario_that_owns_the_rule", conformance::mutants),
    ("tasks::its_scenarios", conformance::tasks),
    ("editor::good_files_are_good", editor::good_files),
    ("editor::it_offers_what_may_stand_there", editor::completion),
    ("editor::hovering_shows_our_sentences", editor::hover),
    ("editor::a_newcomer_is_offered_the_words_of_the_design", editor::newcomer),
    ("editor::mistakes_are_underlined_at_their_line", editor::errors),
    ("stdio::its_scenarios", stdio::scenarios),
    ("stdio::side_by_side", stdio::side_by_side),
    ("recorder::saved_values_arrive_as_the_same_bytes", same_bytes),
];

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let folder =
        std::env::var_os("CALLSHEET_PEERS_DIR").filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let peers = Arc::new(Peers::new(folder.unwrap_or_else(|| here().join("target/peers"))));
    let run = peers.installed() || std::env::var_os("CALLSHEET_PEERS").is_some_and(|value| value == "1");
    // libtest-mimic shows no reason for a test that is ignored by flag. So the flag is set for those only who
    // ask which tests are ignored, as nextest does; and who asks for ignored tests by name wants them to run.
    let asked = arguments.ignored || arguments.include_ignored;
    let trials = TESTS.iter().chain(client_suite::TESTS).map(|(name, test)| {
        let peers = Arc::clone(&peers);
        Trial::ignorable_test(*name, move || match (peers.installed(), run || asked) {
            (true, _) => {
                test(&peers);
                Ok(Completion::Completed)
            }
            (false, true) => Err(Failed::from(MISSING)),
            (false, false) => Ok(Completion::ignored_with(MISSING)),
        })
        .with_ignored_flag(!run && (arguments.list || asked))
    });
    // The peers end with the last owner of `peers`, which is this function: libtest-mimic joins its threads.
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

// --- server-everything: to 2025-11-25, sessions, SSE answers ---

fn everything_scenarios(peers: &Peers) {
    let (passed, ignored) = folder_of("everything").on(peers.everything()).run(&["test"]).exits(0).counts();
    assert!(passed >= 31, "{passed} cases passed");
    // A known bug, in each of its versions.
    assert_eq!(ignored, 2);
}

fn everything_versions(peers: &Peers) {
    let url = peers.everything();
    for (protocol, spoken) in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"]
        .map(|version| (version, version))
        .into_iter()
        .chain([("auto", "2025-11-25")])
    {
        one_scenario(&format!("{{url: '{url}'}}"), protocol, spoken).exits(0).says("1 passed");
    }
    // It does not take the newest, and the failure says what it takes.
    one_scenario(&format!("{{url: '{url}'}}"), "2026-07-28", "2026-07-28").exits(101).says("2025-11-25");
}

/// 20 cases, each with a call that takes half a second in a process that is not ours. How many calls were under
/// way at once follows from the events; how long the run took would tell about the machine, too.
fn side_by_side(peers: &Peers) {
    let call = "scenario: A\nprotocol: 2025-11-25\nsteps:\n  - call: trigger-long-running-operation\n    arguments: {duration: 0.5, steps: 1}\n    expect: {text: {$contains: completed}}\n";
    let project = (0..20).fold(suite(&format!("{{url: '{}'}}", peers.everything())), |project, number| {
        project.file(&format!("case_{number:02}.yaml"), call)
    });
    project.run(&["test", "--report", "jsonl=events.jsonl"]).exits(0).says("20 passed");
    let spans: Vec<(f64, f64)> = events(&project, "step_ended")
        .map(|step| {
            let (end, duration) = (step["at"].as_f64().unwrap(), step["duration"].as_f64().unwrap());
            assert!(duration >= 0.5, "the tool was not waited for: {step}");
            (end - duration, end)
        })
        .collect();
    assert_eq!(spans.len(), 20);
    let under_way = |at: f64| spans.iter().filter(|(start, end)| *start <= at && at < *end).count();
    let most = spans.iter().map(|(start, _)| under_way(*start)).max().unwrap();
    assert!(most >= 8, "at most {most} calls at once: {spans:?}");
}

// --- FastMCP: every version, bearer tokens ---

const ALICE: &str = "auth: {pat: {env: PEER_ALICE_TOKEN}}";

fn fastmcp_scenarios(peers: &Peers) {
    let (passed, ignored) = folder_of("fastmcp").on(peers.fastmcp()).run(&["test"]).exits(0).counts();
    assert!(passed >= 28, "{passed} cases passed");
    assert_eq!(ignored, 2);
}

fn fastmcp_versions(peers: &Peers) {
    let server = format!("{{url: '{}', {ALICE}}}", peers.fastmcp());
    for (protocol, spoken) in [
        ("2024-11-05", "2024-11-05"),
        ("2025-03-26", "2025-03-26"),
        ("2025-06-18", "2025-06-18"),
        ("2025-11-25", "2025-11-25"),
        ("2026-07-28", "2026-07-28"),
        ("auto", "2026-07-28"),
    ] {
        one_scenario(&server, protocol, spoken).exits(0).says("1 passed");
    }
}

/// A suite on FastMCP with an identity for each way of being refused.
fn refused(peers: &Peers) -> Project {
    suite(&format!(
        "{{url: '{}', {ALICE}, identities: {{wrong: {{pat: {{env: PEER_WRONG_TOKEN}}}}, expired: {{pat: {{env: PEER_OLD_TOKEN}}}}}}}}",
        peers.fastmcp()
    ))
}

fn refusals_expected(peers: &Peers) {
    let refusal = |identity: &str| {
        format!(
            "  - call: whoami\n    as: {identity}\n    expect: {{phase: open, http: {{status: 401, headers: {{www-authenticate: {{$starts_with: Bearer}}}}}}}}\n"
        )
    };
    let welcome = "  - call: whoami\n    expect: {structured: {client_id: alice}, phase: step}\n";
    let steps = [&refusal("wrong"), &refusal("expired"), &refusal("anonymous"), welcome].concat();
    refused(peers)
        .file("a.yaml", &format!("scenario: A\nprotocol: [2025-11-25, 2026-07-28, auto]\nsteps:\n{steps}"))
        .run(&["test"])
        .exits(0)
        .says("3 passed");
}

fn refusals_unexpected(peers: &Peers) {
    for (identity, named) in
        [("wrong", "PEER_WRONG_TOKEN"), ("expired", "PEER_OLD_TOKEN"), ("anonymous", "anonymous")]
    {
        let scenario = format!(
            "scenario: A\nprotocol: [2025-11-25, 2026-07-28]\nsteps:\n  - call: whoami\n    as: {identity}\n    expect: {{is_error: false}}\n"
        );
        let left = Left::by(&refused(peers).file("a.yaml", &scenario), 101);
        assert!(left.screen.contains("401"), "{identity}: {}", left.screen);
        assert!(left.screen.contains(named), "{identity}: no `{named}` in {}", left.screen);
        left.holds_no_token();
    }
}

fn token_sent_back(peers: &Peers) {
    let call = "  - call: echo\n    arguments: {raw: '{{ env.PEER_ALICE_TOKEN }}', longer: '<{{ env.PEER_ALICE_TOKEN }}>', base64: '{{ base64 env.PEER_ALICE_TOKEN }}'}\n";
    let holds = "    expect: {json: {raw: '{{ env.PEER_ALICE_TOKEN }}'}}\n";
    let fails = "    expect: {json: {raw: another, base64: 1}}\n";
    for (expect, code) in [(holds, 0), (fails, 101)] {
        let scenario = format!("scenario: A\nprotocol: [2025-11-25, 2026-07-28]\nsteps:\n{call}{expect}");
        let left = Left::by(&refused(peers).file("a.yaml", &scenario), code);
        assert!(left.reports.contains("***"), "{}", left.reports);
        left.holds_no_token();
    }
}

/// What a run left, with every report and in every format.
struct Left {
    screen: String,
    reports: String,
}

impl Left {
    fn by(project: &Project, code: i32) -> Self {
        let reports = ["test", "--trace", "--report", "junit=junit.xml", "--report", "jsonl=events.jsonl"];
        let screen = [&[][..], &["--format", "json"], &["--color", "always"]]
            .map(|format| project.run(&[&reports, format].concat()).exits(code).all())
            .concat();
        Self { screen, reports: project.read("junit.xml") + &project.read("events.jsonl") }
    }

    #[track_caller]
    fn holds_no_token(&self) {
        for (_, token) in TOKENS {
            // Base64 at each alignment; the characters at both ends also hold bits of their neighbours.
            let aligned = ["", "x", "xy"].map(|before| {
                let text = STANDARD.encode(format!("{before}{token}"));
                text.get(4..text.len() - 4).unwrap().to_owned()
            });
            for form in [token.to_owned()].iter().chain(&aligned) {
                for (place, text) in [("screen", &self.screen), ("reports", &self.reports)] {
                    assert!(!text.contains(form), "{token} as {form} in the {place}: {text}");
                }
            }
        }
    }
}

// --- a server built with rmcp: both eras, one world for all sessions ---

fn rmcp_scenarios(peers: &Peers) {
    let ran = folder_of("rmcp").on(peers.rmcp()).run(&["test"]).exits(0);
    let ran = ran.says("requires `session.tools`").says("known bug the job is to fault");
    let (passed, ignored) = ran.counts();
    assert!(passed >= 42, "{passed} cases passed");
    assert_eq!(ignored, 3);
    // Whatever was written was cleaned up.
    suite(&format!("{{url: '{}'}}", peers.rmcp()))
        .steps("  - list: resources\n    expect: {items: [{name: readme}]}")
        .run(&["test"])
        .exits(0);
}

fn rmcp_versions(peers: &Peers) {
    let server = format!("{{url: '{}'}}", peers.rmcp());
    for (protocol, spoken) in [
        ("2024-11-05", "2024-11-05"),
        ("2025-03-26", "2025-03-26"),
        ("2025-06-18", "2025-06-18"),
        ("2025-11-25", "2025-11-25"),
        ("2026-07-28", "2026-07-28"),
        ("auto", "2026-07-28"),
    ] {
        one_scenario(&server, protocol, spoken).exits(0).says("1 passed");
    }
}

/// What fails in the new language fails in both eras in the same words, and leaves nothing behind.
fn rmcp_failures(peers: &Peers) {
    for (steps, said) in [
        ("  - call: ask_form\n    expect: {is_error: true}", "a rule of `respond` declares what it needs"),
        (
            "  - call: ask_form\n    respond: [{to: elicitation/create, params: {message: other}, result: {action: accept}}]\n    expect: {text: x}",
            "write what answers it: `respond: [{to: elicitation/create, result: …}]`",
        ),
        (
            "  - call: echo\n    arguments: {message: x}\n    respond: [{to: roots/list, result: {roots: []}}]\n    expect: {text: x}",
            "was not used",
        ),
        ("  - await: {method: notifications/never}\n    timeout: 200ms", "notifications/never"),
        (
            "  - read: note://readme\n    eventually: {within: 300ms, every: 50ms}\n    expect: {text: Another.}",
            "Read me.",
        ),
        (
            "  - call: echo\n    arguments: {message: x}\n    known_bug: {issue: 7}\n    expect: {text: x}",
            "7",
        ),
        (
            "  - call: write_note\n    arguments: {key: 'left-{{ protocol }}', text: x}\n    defer: {call: delete_note, arguments: {key: 'left-{{ protocol }}'}}\n  - call: echo\n    arguments: {message: x}\n    expect: {text: y}",
            "string \"y\"",
        ),
        ("  - call: write_note\n    arguments: {key: readme, text: x}", "there is a note readme"),
    ] {
        let scenario = format!("scenario: A\nprotocol: [2025-11-25, 2026-07-28]\nsteps:\n{steps}\n");
        suite(&format!("{{url: '{}'}}", peers.rmcp()))
            .file("a.yaml", &scenario)
            .run(&["test"])
            .exits(101)
            .says("2 failed")
            .says(said);
    }
    suite(&format!("{{url: '{}'}}", peers.rmcp()))
        .steps(
            "  - list: resources\n    expect: {'$.items[*].name': {$not: {$contains: {$starts_with: left}}}}",
        )
        .run(&["test"])
        .exits(0);
}

// --- the recorder: bytes as they arrived ---

/// Arguments in the order and spelling of a file; 2^53+1 and the largest of 64 bits are no doubles, and the
/// decimals are some that a careless parser moves.
const VALUES: &[(&str, &str)] = &[
    ("integer", "9007199254740993"),
    ("largest", "18446744073709551615"),
    ("least", "-9223372036854775808"),
    ("price", "31.245270191439438"),
    ("rate", "961581.4008402061"),
    ("small", "5e-324"),
    ("yes", "true"),
    ("no", "false"),
    ("nothing", "null"),
    ("empty", r#""""#),
    ("digits", r#""9007199254740993""#),
    ("text", r#""a \"quote\", C:\\Invoices and Größe""#),
    ("list", r#"[1,"1",[961581.4008402061],{"four":18446744073709551615},[]]"#),
    ("object", r#"{"z":9007199254740993,"a":{"deep":[true,null]},"none":{}}"#),
];

fn same_bytes(_: &Peers) {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("requests.jsonl");
    let recorder = Peer::start(
        Command::new("node").arg(here().join("tests/peers/raw_server.mjs")).arg("0").arg(&log),
        listening,
    )
    .unwrap();
    let fields = |value: fn(&str, &str) -> String| {
        VALUES.iter().map(|(name, literal)| value(name, literal)).collect::<Vec<_>>().join(", ")
    };
    let scenario = format!(
        "scenario: A\nprotocol: [2025-06-18, 2025-11-25]\nsteps:\n  - call: echo\n    arguments: {{{literals}}}\n    save: {{{saves}, whole: $.json}}\n  - call: echo\n    arguments: {{{names}}}\n    save: {{again: $.json}}\n  - call: echo\n    arguments: {{whole: '{{{{ whole }}}}', again: '{{{{ again }}}}'}}\n    expect: {{json: {{whole: '{{{{ again }}}}'}}}}\n",
        literals = fields(|name, literal| format!("{name}: {literal}")),
        saves = fields(|name, _| format!("{name}_: $.json.{name}")),
        names = fields(|name, _| format!("{name}: '{{{{ {name}_ }}}}'")),
    );
    suite(&format!("{{url: '{}'}}", recorder.url))
        .file("a.yaml", &scenario)
        .run(&["test"])
        .exits(0)
        .says("2 passed");

    let members: Vec<String> =
        VALUES.iter().map(|(name, literal)| format!(r#""{name}":{literal}"#)).collect();
    let object = format!("{{{}}}", members.join(","));
    let whole = format!(r#"{{"whole":{object},"again":{object}}}"#);
    let calls: Vec<String> = fs::read_to_string(&log)
        .unwrap()
        .lines()
        .map(|line| {
            let entry: Value = serde_json::from_str(line).unwrap();
            let body = STANDARD.decode(entry["body"].as_str().unwrap()).unwrap();
            String::from_utf8(body).unwrap()
        })
        .filter(|body| body.contains("tools/call"))
        .collect();
    // As written in the file, as saved one by one, and as saved whole: in each of the two versions.
    let with = |arguments: &str| {
        let member = format!(r#""arguments":{arguments}"#);
        calls.iter().filter(|body| body.contains(&member)).count()
    };
    assert_eq!((with(&object), with(&whole), calls.len()), (4, 2, 6), "{calls:#?}");
}

// --- suites and what they leave ---

/// A suite with one server, written as YAML, and every token in its environment.
fn suite(server: &str) -> Project {
    let suite = format!("servers: {{peer: {server}}}\nscenarios: '*.yaml'\nenv: [PEER_ALICE_TOKEN]\n");
    with_tokens(Project::new().file("callsheet.yaml", &suite))
}

fn with_tokens(project: Project) -> Project {
    TOKENS.iter().fold(project, |project, (name, token)| project.env(name, token))
}

/// One and the same scenario for every server and version: what differs is the pin, the version expected, and
/// the lifecycle that goes with it.
fn one_scenario(server: &str, protocol: &str, spoken: &str) -> Ran {
    let lifecycle = match spoken {
        "2026-07-28" => "{mcp-method: tools/call, mcp-name: echo, mcp-session-id: {$exists: false}}",
        _ => "{mcp-session-id: {$type: string}, mcp-method: {$exists: false}}",
    };
    let scenario = format!(
        "scenario: The same on every server\nprotocol: {protocol}\nsteps:\n  - list: tools\n    expect: {{'$.items[*].name': {{$contains: [echo]}}, protocol: {spoken}}}\n  - call: echo\n    arguments: {{message: hello}}\n    expect: {{text: {{$contains: hello}}, protocol: {spoken}, sent: {{headers: {lifecycle}}}}}\n  - list: prompts\n    expect: {{items: {{$length: {{$gte: 1}}}}, protocol: {spoken}}}\n"
    );
    suite(server).file("a.yaml", &scenario).run(&["test"])
}

/// The events of a name from `events.jsonl`.
fn events(project: &Project, name: &'static str) -> impl Iterator<Item = Value> {
    let lines: Vec<Value> =
        project.read("events.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    lines.into_iter().filter(move |event| event["event"] == name)
}

/// A folder of `tests/peers`, to be copied: its suite names a fixed port, so that it works by hand.
struct Folder(PathBuf);

fn folder_of(peer: &str) -> Folder {
    Folder(here().join("tests/peers").join(peer))
}

impl Folder {
    /// The copy, with its server elsewhere.
    fn on(self, url: &str) -> Project {
        let text = fs::read_to_string(self.0.join("callsheet.yaml")).unwrap();
        let (before, rest) = text.split_once("http://127.0.0.1:").unwrap();
        let (_, after) = rest.split_once("/mcp").unwrap();
        let project = Project::new().file("callsheet.yaml", &format!("{before}{url}{after}"));
        let folders = fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().path());
        let files = folders.filter(|path| path.is_dir()).flat_map(|folder| fs::read_dir(folder).unwrap());
        with_tokens(files.fold(project, |project, file| {
            let path = file.unwrap().path();
            let name = path.strip_prefix(&self.0).unwrap().to_str().unwrap();
            project.file(name, &fs::read_to_string(&path).unwrap())
        }))
    }
}

trait Counts {
    fn counts(self) -> (usize, usize);
}

impl Counts for Ran {
    /// How many cases passed and how many were ignored; none failed.
    fn counts(self) -> (usize, usize) {
        let ran = self.says(" 0 failed;");
        let (_, counts) = ran.stdout.split_once("test result: ok. ").unwrap();
        let number = |what: &str| {
            let before = counts.split_once(what).unwrap().0;
            before.rsplit(' ').next().unwrap().parse().unwrap()
        };
        (number(" passed"), number(" ignored"))
    }
}

// --- processes ---

/// The peers that tests share, each started by the first test that needs it.
struct Peers {
    folder: PathBuf,
    everything: OnceLock<Peer>,
    fastmcp: OnceLock<Peer>,
    rmcp: OnceLock<Peer>,
}

impl Peers {
    fn new(folder: PathBuf) -> Self {
        Self { folder, everything: OnceLock::new(), fastmcp: OnceLock::new(), rmcp: OnceLock::new() }
    }

    /// `install.sh` writes this file last.
    fn installed(&self) -> bool {
        self.folder.join("installed").is_file()
    }

    fn everything(&self) -> &str {
        let script = "npm/node_modules/@modelcontextprotocol/server-everything/dist/index.js";
        let start = || {
            // It takes no port 0, and one that is free now may be taken a moment later: then the next is tried.
            let mut complaints = String::new();
            for _ in 0..5 {
                let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
                let ready = format!("listening on port {free}\n");
                let started = Peer::start(
                    Command::new("node")
                        .arg(self.folder.join(script))
                        .arg("streamableHttp")
                        .env("PORT", free.to_string()),
                    |output| output.contains(&ready).then(|| format!("http://127.0.0.1:{free}/mcp")),
                );
                match started {
                    Ok(peer) => return Ok(peer),
                    Err(output) => complaints += &output,
                }
            }
            Err(complaints)
        };
        &self.everything.get_or_init(|| start().unwrap()).url
    }

    /// One of its own for each test: it takes no port.
    fn editor(&self) -> language_server::Editor {
        language_server::Editor::start(&self.folder)
    }

    fn fastmcp(&self) -> &str {
        let start = || {
            let mut python = Command::new(self.folder.join("python/bin/python"));
            python.arg(here().join("tests/peers/fastmcp_server.py")).arg("0");
            Peer::start(&mut python, listening).unwrap()
        };
        &self.fastmcp.get_or_init(start).url
    }

    fn rmcp(&self) -> &str {
        let start =
            || Peer::start(Command::new(self.folder.join("rmcp_server")).arg("0"), listening).unwrap();
        &self.rmcp.get_or_init(start).url
    }
}

/// The address in the line that our own scripts print.
fn listening(output: &str) -> Option<String> {
    let (_, rest) = output.split_once("LISTENING ")?;
    rest.split_once('\n').map(|(url, _)| url.to_owned())
}

/// A process that is ended with its owner.
struct Peer {
    process: Child,
    url: String,
}

impl Peer {
    /// Starts it and waits until `ready` finds its address in what it prints. An error is what it printed
    /// before it ended or its time was up.
    fn start(command: &mut Command, ready: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        // A file and no pipe: nobody has to read it while the peer runs.
        let log = tempfile::NamedTempFile::new().unwrap();
        let stream = || Stdio::from(log.reopen().unwrap());
        let process = command.stdin(Stdio::null()).stdout(stream()).stderr(stream()).spawn();
        let mut peer =
            Self { process: process.map_err(|error| format!("{command:?}: {error}"))?, url: String::new() };
        let deadline = Instant::now() + START;
        loop {
            let ended = peer.process.try_wait().unwrap();
            let output = fs::read_to_string(log.path()).unwrap();
            if let Some(status) = ended {
                return Err(format!("{command:?} ended with {status}: {output}"));
            }
            if let Some(url) = ready(&output) {
                peer.url = url;
                return Ok(peer);
            }
            if Instant::now() > deadline {
                return Err(format!("{command:?} is not ready after {START:?}: {output}"));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to end.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

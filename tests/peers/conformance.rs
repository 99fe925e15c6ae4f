//! The server scenarios of the official suite, theirs and ours, on three servers; and ours on the mutants of the
//! fixture server. What differs on purpose stands in `docs/conformance.md`, whose table is read here.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use super::{Counts as _, Peer, Peers, folder_of, here, listening};

/// The revisions that have a set of required scenarios.
const REVISIONS: [&str; 2] = ["2025-11-25", "2026-07-28"];

/// Scenarios of theirs that we have, too, and that are in no required set.
const UNSCORED: &[&str] = &[
    "http-custom-header-server-validation",
    "http-header-validation",
    "json-schema-2020-12",
    "server-session-lifecycle",
    "server-sse-polling",
];

/// How many mutants are run at once: each waits for its server more than it computes.
const AT_ONCE: usize = 6;

/// Scenario and revision.
type Case = (String, String);

/// The scenarios of the folder are those of both required sets, each in the revisions that it is required in.
pub(crate) fn required_sets(peers: &Peers) {
    let ours = listed(&[]);
    assert_eq!(documented(), ours, "the document's table of scenarios");
    let mut theirs = BTreeSet::new();
    for revision in REVISIONS {
        let path = suite(peers).join(format!("requirements/{revision}.yaml"));
        let text = fs::read_to_string(path).unwrap();
        let (_, server) = text.split_once("\nserver:\n").unwrap();
        let names = server.lines().map_while(|line| line.strip_prefix("  - "));
        theirs.extend(names.map(|name| (name.to_owned(), revision.to_owned())));
    }
    assert_eq!(theirs.len(), 30 + 37);
    let scored: BTreeSet<Case> =
        ours.into_iter().filter(|(name, _)| !UNSCORED.contains(&name.as_str())).collect();
    assert_eq!(scored, theirs);
    assert_eq!(listed(&["--tag", "required"]), theirs);
}

/// The verdict of the official tool and ours are the same, but where the document says why not.
pub(crate) fn verdicts(peers: &Peers) {
    let fixture = peers.fixture(None);
    let python = peers.python();
    let servers = [
        ("server-everything", peers.everything()),
        ("python_server", &python.url),
        ("fixture_server", &fixture.url),
    ];
    let (theirs, ours) = (Mutex::new(BTreeMap::new()), Mutex::new(BTreeMap::new()));
    std::thread::scope(|scope| {
        let (theirs, ours) = (&theirs, &ours);
        for (name, url) in servers {
            scope.spawn(move || {
                // First ours, which waits for a server that is still starting.
                let verdicts = verdicts_of_ours(name, url);
                ours.lock().unwrap().extend(verdicts);
                for revision in REVISIONS {
                    let verdicts = official(peers, name, url, revision);
                    theirs.lock().unwrap().extend(verdicts);
                }
            });
        }
    });
    let (theirs, ours) = (theirs.into_inner().unwrap(), ours.into_inner().unwrap());
    print(&table(&theirs, &ours, servers.map(|(name, _)| name)));

    let mut explained = explained();
    let mut problems = String::new();
    for (place, ours) in &ours {
        let (name, revision, server) = place;
        let Some(theirs) = theirs.get(place) else {
            let _ = writeln!(problems, "{name}@{revision} on {server}: the official tool says nothing");
            continue;
        };
        let differ = (*theirs == "failed") != (*ours != "passed");
        match explained.remove(place) {
            Some(said) if differ && (&said.0, &said.1) == (theirs, ours) => {}
            Some(said) => {
                let _ = writeln!(
                    problems,
                    "{name}@{revision} on {server}: the document says {said:?}, and it is official {theirs}, ours {ours}"
                );
            }
            None if differ => {
                let _ = writeln!(problems, "{name}@{revision} on {server}: official {theirs}, ours {ours}");
            }
            None => {}
        }
    }
    for place in explained.keys() {
        let _ = writeln!(problems, "the document explains {place:?}, which does not differ");
    }
    assert!(problems.is_empty(), "{problems}");
    // What they score holds on the server that has all of their fixtures, in our words, too.
    let failed: Vec<_> = ours
        .iter()
        .filter(|((_, _, server), ours)| server == "fixture_server" && **ours != "passed")
        .collect();
    assert!(failed.is_empty(), "{failed:?}");
}

/// What the official tool cannot meet: a server that wants a token.
pub(crate) fn token(peers: &Peers) {
    let run = |words: &[&str]| {
        // Whoever starts this server has not told it which hosts are its own.
        let words = [&["conformance", "--tag", "any-server", "--skip", "dns-rebinding"], words].concat();
        let ran =
            callsheet().args(words).args(["--url", peers.fastmcp()]).envs(super::TOKENS).output().unwrap();
        (ran.status.code(), String::from_utf8(ran.stdout).unwrap())
    };
    let (code, said) = run(&["--pat-env", "PEER_ALICE_TOKEN"]);
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = run(&[]);
    assert_eq!(code, Some(101), "{said}");
    assert!(said.contains(" 0 passed") && said.contains("401"), "{said}");
}

/// Each mutant is caught by the scenario that owns the rule, which holds where nothing is broken.
pub(crate) fn mutants(peers: &Peers) {
    let program = peers.folder.join("fixture_server");
    let said = Command::new(&program).arg("--mutants").output().unwrap().stdout;
    let mutants: Vec<Value> = String::from_utf8(said)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|mutant: &Value| has(&listed(&[]), mutant))
        .collect();
    assert!(mutants.len() >= 20, "{} mutants", mutants.len());

    let good = peers.fixture(None);
    let names: BTreeSet<String> = mutants.iter().map(name_of).collect();
    let mut ran = callsheet();
    let ran = ran.args(["--url", &good.url, "--exact"]).args(&names).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stdout));

    let (next, missed) = (AtomicUsize::new(0), Mutex::new(String::new()));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(mutant) = mutants.get(next.fetch_add(1, Ordering::SeqCst)) {
                    let server = peers.fixture(mutant["name"].as_str());
                    let name = name_of(mutant);
                    let ran = callsheet().args(["--url", &server.url, "--exact", &name]).output().unwrap();
                    if ran.status.code() != Some(101) {
                        let what =
                            format!("{}: `{}` is not caught by {name}", mutant["name"], mutant["breaks"]);
                        let said = String::from_utf8_lossy(&ran.stdout);
                        let _ = writeln!(missed.lock().unwrap(), "{what}\n{said}");
                    }
                }
            });
        }
    });
    let missed = missed.into_inner().unwrap();
    assert!(missed.is_empty(), "{missed}");
}

/// Tasks of 2026-07-28, on a server that shares no code with the sandbox.
pub(crate) fn tasks(peers: &Peers) {
    let fixture = peers.fixture(None);
    let ran = folder_of("tasks").on(&fixture.url).run(&["test"]);
    assert_eq!(ran.exits(0).counts(), (2, 0));
}

fn name_of(mutant: &Value) -> String {
    format!(
        "conformance::{}@{}",
        mutant["scenario"].as_str().unwrap(),
        mutant["requirements"].as_str().unwrap()
    )
}

fn has(cases: &BTreeSet<Case>, mutant: &Value) -> bool {
    let of = |key: &str| mutant[key].as_str().unwrap().to_owned();
    cases.contains(&(of("scenario"), of("requirements")))
}

/// The official suite's package.
fn suite(peers: &Peers) -> std::path::PathBuf {
    peers.folder.join("npm/node_modules/@modelcontextprotocol/conformance")
}

/// `callsheet test conformance`, as anybody types it in this repository.
fn callsheet() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_callsheet"));
    command.current_dir(here()).stdin(Stdio::null()).env_remove("CALLSHEET_CUSTOMER").arg("test");
    command
}

/// Our cases: scenario and revision.
fn listed(words: &[&str]) -> BTreeSet<Case> {
    let listed = callsheet().args(["conformance", "--list"]).args(words).output().unwrap().stdout;
    String::from_utf8(listed).unwrap().lines().filter_map(|line| case(line.strip_suffix(": test")?)).collect()
}

/// `conformance::ping@2025-11-25` in its parts.
fn case(name: &str) -> Option<Case> {
    let (name, revision) = name.strip_prefix("conformance::")?.split_once('@')?;
    Some((name.to_owned(), revision.to_owned()))
}

/// Scenario, revision and server.
type Place = (String, String, String);

fn verdicts_of_ours(server: &str, url: &str) -> BTreeMap<Place, String> {
    let ran = callsheet().args(["conformance", "--url", url]).output().unwrap();
    let said = String::from_utf8(ran.stdout).unwrap();
    let verdict = |line: &str| {
        let (name, verdict) = line.strip_prefix("test ")?.split_once(" ... ")?;
        let (name, revision) = case(name.trim_end())?;
        let verdict = match verdict {
            "ok" => "passed",
            "FAILED" => "failed",
            _ => "ignored",
        };
        Some(((name, revision, server.to_owned()), verdict.to_owned()))
    };
    let verdicts: BTreeMap<Place, String> = said.lines().filter_map(verdict).collect();
    assert_eq!(verdicts.len(), listed(&[]).len(), "{said}{}", String::from_utf8_lossy(&ran.stderr));
    verdicts
}

/// What their tool says of a server: `failed` with a check that failed, `warned` with one that only warns.
fn official(peers: &Peers, server: &str, url: &str, revision: &str) -> BTreeMap<Place, String> {
    let reports = tempfile::tempdir().unwrap();
    let ran = Command::new(peers.folder.join("npm/node_modules/.bin/node"))
        .arg(suite(peers).join("dist/index.js"))
        .args(["server", "--url", url, "--requirements", revision, "-o"])
        .arg(reports.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let mut verdicts = BTreeMap::new();
    for entry in fs::read_dir(reports.path()).unwrap() {
        let folder = entry.unwrap().path();
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        // `server-SCENARIO-2026-11-23T11-45-39-653Z`
        let name = name.strip_prefix("server-").unwrap();
        let name = name.get(..name.len() - "-2026-11-23T11-45-39-653Z".len()).unwrap();
        // It leaves folders without a report, of scenarios that nobody scores.
        let Ok(checks) = fs::read_to_string(folder.join("checks.json")) else { continue };
        let checks: Value = serde_json::from_str(&checks).unwrap();
        let any = |status: &str| checks.as_array().unwrap().iter().any(|check| check["status"] == status);
        let verdict = match (any("FAILURE"), any("WARNING")) {
            (true, _) => "failed",
            (false, true) => "warned",
            (false, false) => "passed",
        };
        verdicts.insert((name.to_owned(), revision.to_owned(), server.to_owned()), verdict.to_owned());
    }
    assert!(verdicts.len() >= 30, "{server}, {revision}: {}", String::from_utf8_lossy(&ran.stderr));
    verdicts
}

/// The rows of a table of the document, behind this mark.
fn rows(mark: &str, text: &str) -> Vec<Vec<String>> {
    let (_, rest) = text.split_once(mark).unwrap();
    let (rows, _) = rest.split_once("<!-- end -->").unwrap();
    let cells = |row: &str| {
        row.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`').to_owned()).collect()
    };
    rows.lines().filter(|line| line.starts_with("| `")).map(cells).collect()
}

/// The cases of the document's table of scenarios.
fn documented() -> BTreeSet<Case> {
    let rows = rows("<!-- scenarios -->", &document());
    rows.iter()
        .flat_map(|cells| cells[1].split(", ").map(|revision| (cells[0].clone(), revision.to_owned())))
        .collect()
}

fn document() -> String {
    fs::read_to_string(here().join("docs/conformance.md")).unwrap()
}

/// The document's table of differences: what the official tool and we say, and why they differ.
fn explained() -> BTreeMap<Place, (String, String)> {
    let mut explained = BTreeMap::new();
    for row in rows("<!-- differences -->", &document()) {
        assert_eq!(row.len(), 6, "{row:?}");
        let [name, revision, server, theirs, ours, why] = [0, 1, 2, 3, 4, 5].map(|cell| &row[cell]);
        assert!(!why.is_empty(), "no reason: {row:?}");
        let place = (name.to_owned(), revision.to_owned(), server.to_owned());
        let twice = explained.insert(place, (theirs.to_owned(), ours.to_owned()));
        assert!(twice.is_none(), "twice: {row:?}");
    }
    explained
}

fn table(theirs: &BTreeMap<Place, String>, ours: &BTreeMap<Place, String>, servers: [&str; 3]) -> String {
    let cases: BTreeSet<(&str, &str)> =
        ours.keys().map(|(name, revision, _)| (&**revision, &**name)).collect();
    let mut table = format!("\n{:57}", "official / ours");
    for server in servers {
        let _ = write!(table, "{server:21}");
    }
    for (revision, name) in cases {
        let _ = write!(table, "\n{:57}", format!("{name}@{revision}"));
        for server in servers {
            let place = (name.to_owned(), revision.to_owned(), server.to_owned());
            let verdict = |of: &BTreeMap<Place, String>| of.get(&place).map_or("-", |word| word).to_owned();
            let (theirs, ours) = (verdict(theirs), verdict(ours));
            let mark = if (theirs == "failed") == (ours == "passed") { " *" } else { "" };
            let _ = write!(table, "{:21}", format!("{theirs} / {ours}{mark}"));
        }
    }
    table
}

#[expect(clippy::print_stdout, reason = "the table is for people")]
fn print(table: &str) {
    println!("{table}\n");
}

impl Peers {
    /// One of its own for each test, perhaps with a rule broken.
    fn fixture(&self, mutant: Option<&str>) -> Peer {
        let mut server = Command::new(self.folder.join("fixture_server"));
        server.arg("0");
        if let Some(mutant) = mutant {
            server.args(["--mutant", mutant]);
        }
        Peer::start(&mut server, listening).unwrap()
    }

    fn python(&self) -> Peer {
        let mut python = Command::new(self.folder.join("python/bin/python"));
        python.arg(here().join("tests/peers/python_server.py")).arg("0");
        Peer::start(&mut python, listening).unwrap()
    }
}

//! `callsheet doctor`, golden: for each row of the table a server in that state, the command run against it, and the
//! whole text compared. `SNAPSHOTS=overwrite` writes the files.
#![cfg(feature = "sandbox")]
#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has to fail")]
#![expect(clippy::disallowed_methods, reason = "SNAPSHOTS and the clock are read here")]

mod common;
#[path = "doctor/runs.rs"]
mod runs;

use std::fmt::Write as _;
use std::path::PathBuf;

use callsheet::doctor::{Row, Step};
use callsheet::sandbox::{
    AUDITOR_TOKEN, FINANCE_KEY, FOLDER_KEY, Grant, INTERACTIVE_TOKEN, OWNER_TOKEN, Options, Permission, Role,
    Sandbox, World, jwt,
};
use common::{Project, scripted};
use serde_json::json;

/// A state, and what is asked in it.
struct Case {
    /// The golden file's name.
    name: &'static str,
    state: fn(&mut World),
    /// From the address of `orders` to the one that is asked.
    address: fn(&str) -> String,
    /// `UIPATH_PAT`; none where it is empty.
    token: String,
    /// Further arguments.
    more: &'static [&'static str],
    /// The server in a suite, in place of `--url`: `URL` and `HOST` stand for the address and its beginning.
    suite: &'static str,
    env: &'static [(&'static str, &'static str)],
}

fn case(name: &'static str, state: fn(&mut World)) -> Case {
    Case {
        name,
        state,
        address: str::to_owned,
        token: OWNER_TOKEN.to_owned(),
        more: &[],
        suite: "",
        env: &[],
    }
}

fn nothing(_: &mut World) {}

fn knob(world: &mut World, name: &str, value: &str) {
    world.knobs.set(name, value).unwrap();
}

fn permit(world: &mut World, permissions: &[Permission]) {
    let role = Role::Custom(permissions.to_vec());
    world.user_mut("ada").unwrap().grants = vec![Grant { folder: FOLDER_KEY.to_owned(), role }];
}

fn scopes(world: &mut World, scopes: &[&str]) {
    world.token_mut("owner").unwrap().scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
}

const APP: &str = "    uipath: {base: HOST, org: acme, tenant: Default, folderKey: 6f0c2a4e-8a1b-4c3d-9e5f-0123456789ab, slug: orders}\n    auth: {app: {id: {env: APP_ID}, secret: {env: APP_SECRET}, scope: OR.Execution OR.Jobs}}\n";
const SLOW: &str = "    url: URL\n    auth: {pat: {env: UIPATH_PAT}}\n    timeouts: {step: 1s, start: 1s}\n";

fn token() -> Vec<Case> {
    let claims = |exp: u64, aud: &str| jwt(&json!({"exp": exp, "aud": aud, "sub": "ada"}));
    vec![
        Case { token: String::new(), ..case("01-no-token", nothing) },
        Case { token: "Bearer ".to_owned(), ..case("01-bearer-alone", nothing) },
        Case { token: format!("\"{OWNER_TOKEN}\""), ..case("02-damaged-token", nothing) },
        Case { token: "rt_5A4E0B".to_owned(), ..case("02-half-a-token", nothing) },
        Case { token: claims(1_700_000_000, "UiPath.Orchestrator"), ..case("03-expired-login", nothing) },
        Case { token: claims(4_102_444_800, "Else"), ..case("04-wrong-audience", nothing) },
        case("09-token-refused", |w| w.token_mut("owner").unwrap().revoked = true),
        case("11-wrong-tenant", |w| w.user_mut("ada").unwrap().organization = "globex".into()),
        Case {
            suite: APP,
            env: &[("APP_ID", "machine-orders"), ("APP_SECRET", "machine-orders-secret")],
            ..case("20-machine-credentials", nothing)
        },
        case("34-all-is-well", nothing),
    ]
}

fn address() -> Vec<Case> {
    vec![
        Case { address: |url| url.replace("agenthub_", "mcp_"), ..case("05-old-prefix", nothing) },
        Case {
            address: |url| url.replace("agenthub_", "mcp_").replace(&format!("{FOLDER_KEY}/"), ""),
            ..case("05-old-prefix-without-folder", nothing)
        },
        Case {
            address: |url| url.replace(&format!("{FOLDER_KEY}/"), ""),
            ..case("06-no-folder-key", nothing)
        },
        Case { address: |url| url.replace(FOLDER_KEY, "Shared"), ..case("07-folder-not-key", nothing) },
        Case { address: |url| url.replace("Default", "{tenant}"), ..case("08-placeholder", nothing) },
        Case { address: |url| url.replace("orders", "oders"), ..case("10-wrong-slug", nothing) },
        Case {
            address: |url| url.replace("orders", "oders"),
            ..case("10-wrong-slug-404", |w| knob(w, "unknown_target", "404"))
        },
        Case {
            address: |url| url.replace(FOLDER_KEY, "6f0c2a4e-8a1b-4c3d-9e5f-0123456789ac"),
            ..case("10-wrong-folder", nothing)
        },
        Case {
            suite: "    uipath: {base: HOST, org: acme, tenant: Default, folderPath: Sharde, slug: orders}\n    auth: {pat: {env: UIPATH_PAT}}\n",
            ..case("10-wrong-folder-path", nothing)
        },
    ]
}

fn rights() -> Vec<Case> {
    use Permission::{JobsView, McpServersView, ProcessesView};
    vec![
        case("12-no-execution-scope", |w| scopes(w, &["OR.Jobs"])),
        Case { token: AUDITOR_TOKEN.to_owned(), ..case("13-no-jobs-scope", nothing) },
        Case {
            token: AUDITOR_TOKEN.to_owned(),
            more: &["--call", "echo", "--arguments", "{\"a\": 1}"],
            ..case("13-no-jobs-scope-called", nothing)
        },
        Case {
            more: &["--call", "echo"],
            ..case("14-no-jobs-create", |w| permit(w, &[McpServersView, ProcessesView, JobsView]))
        },
        case("15-no-view", |w| permit(w, &[ProcessesView])),
        Case {
            token: AUDITOR_TOKEN.to_owned(),
            address: |url| url.replace(FOLDER_KEY, FINANCE_KEY).replace("orders", "invoice-tools"),
            ..case("16-intersection", nothing)
        },
        Case {
            suite: APP,
            env: &[("APP_ID", "app-orders"), ("APP_SECRET", "app-orders-secret")],
            more: &["--call", "echo"],
            ..case("17-app-not-assigned", |w| w.apps.iter_mut().for_each(|app| app.grants.clear()))
        },
        case("30-no-tools", |w| permit(w, &[McpServersView])),
        Case {
            address: |url| url.replace("orders", "connectors"),
            ..case("30-tools-switched-off", |w| {
                w.server_mut("connectors").unwrap().disabled =
                    ["getInvoice", "echo", "sendSlackMessage"].map(str::to_owned).to_vec();
            })
        },
    ]
}

fn calls() -> Vec<Case> {
    const MESSAGE: &[&str] =
        &["--call", "sendSlackMessage", "--arguments", "{\"in_Channel\": \"C\", \"in_Text\": \"T\"}"];
    let connectors = |name, state| Case {
        address: |url| url.replace("orders", "connectors"),
        more: MESSAGE,
        ..case(name, state)
    };
    vec![
        connectors("18-integration-service", nothing),
        Case {
            suite: SLOW,
            ..connectors("18-integration-service-silent", |w| knob(w, "is_mode", "timeout"))
        },
        Case { more: &[], ..connectors("18-integration-service-not-called", nothing) },
        Case { token: INTERACTIVE_TOKEN.to_owned(), ..connectors("18-integration-service-login", nothing) },
        Case {
            more: &["--call", "runSlowProcess", "--arguments", "{\"in_Seconds\": 9}"],
            ..case("27-job-limit", |w| {
                knob(w, "clock", "virtual");
                knob(w, "runtime_limit", "5s");
            })
        },
        Case {
            more: &["--call", "echo"],
            ..case("28-no-machine", |w| w.folders_mut().for_each(|folder| folder.machine = false))
        },
        Case {
            more: &["--call", "createInvoice", "--arguments", "{\"in_Custmer\": \"C\", \"in_Amount\": 1}"],
            ..case("31-bad-arguments", nothing)
        },
    ]
}

fn hosts() -> Vec<Case> {
    vec![
        Case {
            suite: "    url: URL\n    auth: {pat: {env: UIPATH_PAT}}\n    headers: {Accept: application/json}\n",
            ..case("21-not-acceptable", |w| knob(w, "accept", "strict"))
        },
        Case {
            address: |url| url.replace("orders", "assistant"),
            ..case("23-start-failed", |w| {
                w.server_mut("assistant").unwrap().fault = "initialize-failure".into();
            })
        },
        Case {
            address: |url| url.replace("orders", "assistant"),
            ..case("24-cold-start", |w| {
                knob(w, "cold_start", "20s");
                knob(w, "cold_answer", "504");
            })
        },
        Case {
            address: |url| url.replace("orders", "desktop"),
            ..case("25-disconnected", |w| w.server_mut("desktop").unwrap().connected = false)
        },
        Case {
            address: |url| url.replace("orders", "assistant"),
            ..case("26-session-lost", |w| knob(w, "fault", "lose-session; method=tools/list; times=1"))
        },
        case("29-rate-limit", |w| knob(w, "fault", "429; method=server/discover")),
        case("32-not-mcp", |w| knob(w, "fault", "login-page")),
        Case {
            address: |_| {
                "http://127.0.0.1:9/acme/Default/agenthub_/mcp/6f0c2a4e-8a1b-4c3d-9e5f-0123456789ab/orders"
                    .to_owned()
            },
            ..case("33-refused", nothing)
        },
        Case {
            address: |_| {
                "https://orchestrator.invalid/acme/Default/agenthub_/mcp/6f0c2a4e-8a1b-4c3d-9e5f-0123456789ab/orders".to_owned()
            },
            ..case("33-no-such-host", nothing)
        },
        Case { address: |url| url.replace("http:", "https:"), ..case("33-no-tls", nothing) },
        Case {
            address: |_| {
                "https://orchestrator.invalid/acme/Default/agenthub_/mcp/6f0c2a4e-8a1b-4c3d-9e5f-0123456789ab/orders".to_owned()
            },
            env: &[("HTTPS_PROXY", "http://PROXY")],
            ..case("33-proxy", nothing)
        },
    ]
}

/// Servers that are none of UiPath's.
fn others() -> Vec<Case> {
    let redirect = |_: &str| scripted::start(|_| scripted::answer("302 Found\r\nlocation: /login", ""));
    let post_only = |_: &str| scripted::start(|_| scripted::answer("405 Method Not Allowed", ""));
    vec![
        Case { address: redirect, ..case("32-redirect", nothing) },
        Case { address: post_only, ..case("22-post-only", nothing) },
        Case { suite: "    command: [no-such-program-of-ours]\n", ..case("33-no-such-command", nothing) },
        Case {
            address: |_| "http://127.0.0.1:9/mcp".to_owned(),
            token: String::new(),
            ..case("33-refused-elsewhere", nothing)
        },
    ]
}

fn all() -> Vec<Case> {
    [token(), address(), rights(), calls(), hosts(), others()].into_iter().flatten().collect()
}

fn golden(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/doctor").join(format!("{name}.txt"))
}

/// What the command says in a state.
fn said(case: &Case) -> String {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let sandbox = runtime
        .block_on(Sandbox::start(Options { now: jiff::Timestamp::now(), ..Options::default() }))
        .unwrap();
    sandbox.change(case.state);
    let port = format!(":{}", sandbox.address().port());
    let host = format!("http://{}", sandbox.address());
    let url = (case.address)(&sandbox.url("orders"));
    let proxy = scripted::start(|_| scripted::answer("407 Proxy Authentication Required", ""));
    let proxy = proxy.trim_start_matches("http://").trim_end_matches("/mcp").to_owned();
    let mut project = Project::new();
    for (name, value) in case.env {
        project = project.env(name, &value.replace("PROXY", &proxy));
    }
    if !case.token.is_empty() {
        project = project.env("UIPATH_PAT", &case.token);
    }
    let mut arguments = vec!["doctor"];
    if case.suite.is_empty() {
        arguments.extend(["--url", &url]);
    } else {
        let server = case.suite.replace("URL", &url).replace("HOST", &host);
        project = project.file("callsheet.yaml", &format!("servers:\n  orders:\n{server}"));
    }
    arguments.extend(case.more);
    let ran = project.run(&arguments);
    let mut text = format!("exit code: {}\n\n{}", ran.code.unwrap_or(-1), ran.stdout);
    if !ran.stderr.is_empty() {
        let _ = write!(text, "\n---- stderr ----\n{}", ran.stderr);
    }
    for secret in
        [OWNER_TOKEN, AUDITOR_TOKEN, INTERACTIVE_TOKEN, "app-orders-secret", "machine-orders-secret"]
    {
        assert!(!text.contains(secret), "{}: {text}", case.name);
    }
    drop(sandbox);
    // How long something took is another thing each time.
    for (pattern, plain) in [
        (r"\s+\(\d+(\.\d+)? (s|min)\)\n", "\n"),
        (r"took \d+ m?s\n", "took [TIME]\n"),
        (r"within [\d.]+ s\n", "within [TIME]\n"),
        (r"no answer in \d+ s\n", "no answer in [TIME]\n"),
    ] {
        text = regex::Regex::new(pattern).unwrap().replace_all(&text, plain).into_owned();
    }
    // The ports of a run have five digits, and so has what stands for them.
    let mut text = text.replace(&port, ":PORT0");
    if let Some(at) = url.strip_prefix("http://127.0.0.1:").and_then(|rest| rest.split('/').next()) {
        text = text.replace(&format!(":{at}"), if at == "9" { ":9" } else { ":PORT0" });
    }
    text
}

/// The names of rows in a text: `problem[no-token]:`.
fn rows(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| {
        let (_, rest) = line.split_once('[')?;
        rest.split_once("]:").map(|(code, _)| code)
    })
}

#[test]
fn each_row_says_what_it_is() {
    let overwrite = std::env::var("SNAPSHOTS").is_ok_and(|value| value == "overwrite");
    let mut wrong = Vec::new();
    let cases = all();
    let texts: Vec<(String, String)> = std::thread::scope(|scope| {
        let running: Vec<_> = cases.iter().map(|case| (case.name, scope.spawn(move || said(case)))).collect();
        running.into_iter().map(|(name, thread)| (name.to_owned(), thread.join().unwrap())).collect()
    });
    for (name, text) in texts {
        if overwrite {
            std::fs::write(golden(&name), &text).unwrap();
            continue;
        }
        let expected = std::fs::read_to_string(golden(&name)).unwrap_or_default();
        if expected != text {
            wrong.push(format!("{name}\n---- expected ----\n{expected}\n---- actual ----\n{text}"));
        }
        for line in text.lines() {
            let long = line.chars().count() > 80 && line.trim().contains(' ');
            let is_whole = line.split_whitespace().any(|word| word.chars().count() > 60);
            assert!(!long || is_whole, "{name}: {line}");
        }
    }
    assert!(wrong.is_empty(), "{}\nwrite them anew with SNAPSHOTS=overwrite", wrong.join("\n"));
}

#[test]
fn the_page_has_every_row_and_every_probe() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/doctor.md")).unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(" | `"));
    let rows = rows.filter_map(|(number, rest)| Some((number.parse().ok()?, rest.split_once('`')?.0)));
    let known: Vec<(u8, &str)> = Row::ALL.iter().map(|row| (row.number(), row.code())).collect();
    assert_eq!(rows.collect::<Vec<(u8, &str)>>(), known);
    let (_, asked) = page.split_once("| probe | asks |").unwrap();
    let (asked, _) = asked.split_once("\n\n").unwrap();
    let probes = asked.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    let known: Vec<&str> = Step::ALL.iter().map(|step| step.code()).collect();
    assert_eq!(probes.map(|(code, _)| code).collect::<Vec<_>>(), known);
}

#[test]
fn every_row_has_a_golden_file() {
    let texts: Vec<String> =
        all().iter().map(|case| std::fs::read_to_string(golden(case.name)).unwrap()).collect();
    for row in Row::ALL {
        let has = texts.iter().any(|text| rows(text).any(|code| code == row.code()));
        assert!(has, "no golden file of `{}`", row.code());
    }
}

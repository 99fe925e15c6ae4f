//! Golden files of every diagnostic: each folder `tests/diagnostics/CODE` or `CODE-VARIANT` is a suite, and its
//! `expected.txt` holds the exit code and what the command says of it. `SNAPSHOTS=overwrite` writes them anew.
//!
//! Codes that a file alone brings about are shown by `check`, those of the run by `test`.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test; without libtest clippy does not see that"
)]

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use callsheet::diagnostic::Code;
use common::{Project, Server, wait_until};
use libtest_mimic::{Arguments, Failed, Trial};
use regex::Regex;
use serde_json::{Value, json};
use snapbox::{Assert, Data};

const SUITE: &str = "servers: {sandbox: {sandbox: uipath}}\nscenarios: '*.yaml'\n";

fn main() -> ExitCode {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diagnostics");
    let mut names: Vec<String> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let mut trials: Vec<Trial> = names
        .iter()
        .map(|name| {
            let (name, folder) = (name.clone(), folder.join(name));
            Trial::test(name.clone(), move || golden(&name, &folder))
        })
        .collect();
    trials.push(Trial::test("every_code_has_a_folder", move || every_code_has_a_folder(&names)));
    trials.push(Trial::test("carets_are_on_the_expected_node_beside_both_types", move || carets(&folder)));
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn every_code_has_a_folder(names: &[String]) -> Result<(), Failed> {
    let missing: Vec<&str> = Code::ALL
        .iter()
        .filter(|code| !names.iter().any(|name| code_of(name) == Some(**code)))
        .map(|code| code.as_str())
        .collect();
    if missing.is_empty() { Ok(()) } else { Err(format!("no golden file for {}", missing.join(", ")).into()) }
}

/// The kinds of JSON mismatch: a folder, what its carets underline in `a.yaml`, and what stands beside them.
const KINDS: &[(&str, &[(&str, &str)])] = &[
    (
        "mismatch-value",
        &[
            ("Successful", r#"expected string "Successful", found string "Created""#),
            ("1250", "expected number 1250, found number 1250.5"),
            ("'^INV-[A-Z]+$'", r#"expected a string that matches `^INV-[A-Z]+$`, found string "INV-1001""#),
        ],
    ),
    (
        "mismatch-missing-key",
        &[
            ("out_State", r#"expected string "Created", found nothing"#),
            ("false", "expected nothing, found number 1250.5"),
        ],
    ),
    ("mismatch-unexpected-key", &[("$exact", r#"expected no other keys, found string "new""#)]),
    ("mismatch-list-element", &[("P-300", r#"expected string "P-300", found string "P-200""#)]),
    (
        "mismatch-nested",
        &[
            ("Amsterdam", r#"expected string "Amsterdam", found string "Rotterdam""#),
            ("A", r#"expected a string that starts with "A", found string "Rotterdam""#),
        ],
    ),
    ("mismatch-missing-element", &[("sent", r#"expected string "sent", found nothing"#)]),
    ("mismatch-unexpected-element", &[("tags", r#"expected no other element, found string "sent""#)]),
    (
        "mismatch-type",
        &[
            ("7", r#"expected number 7, found string "7""#),
            (r#""7""#, r#"expected string "7", found number 7"#),
            ("true", r#"expected boolean true, found string "true""#),
            (r#""""#, r#"expected string "", found null"#),
            ("[new]", r#"expected a list of 1 element, found string "new""#),
        ],
    ),
];

/// Looks at the golden files, which the other trials hold to what is said.
fn carets(folder: &Path) -> Result<(), Failed> {
    for (kind, expected) in KINDS {
        let said = std::fs::read_to_string(folder.join(kind).join("expected.txt")).unwrap();
        let lines: Vec<&str> = said.lines().collect();
        // ` 7 |   source`, and below it `   |   ^^^ label`.
        let found: Vec<(&str, &str)> = lines
            .windows(2)
            .filter_map(|pair| {
                let (before, marked) = pair[1].split_once('^')?;
                let label = marked.trim_start_matches('^');
                let underlined = pair[0].get(before.len()..pair[1].len() - label.len())?;
                Some((underlined, label.trim_start()))
            })
            .collect();
        if found != *expected {
            return Err(format!("{kind}: the carets are {found:#?}, and not {expected:#?}").into());
        }
    }
    Ok(())
}

/// The code that a folder's name begins with.
fn code_of(folder: &str) -> Option<Code> {
    let rest = |code: &Code| folder.strip_prefix(code.as_str()).map(str::to_owned);
    let mut fitting: Vec<Code> = Code::ALL
        .iter()
        .copied()
        .filter(|code| rest(code).is_some_and(|rest| rest.is_empty() || rest.starts_with('-')))
        .collect();
    // The longest, should one code begin with another.
    fitting.sort_by_key(|code| code.as_str().len());
    fitting.pop()
}

fn golden(name: &str, folder: &Path) -> Result<(), Failed> {
    let code = code_of(name).ok_or_else(|| format!("`{name}` begins with no code"))?;
    let said = said(name, folder, code >= Code::Mismatch);
    let expected = Data::read_from(&folder.join("expected.txt"), None).raw();
    let assert = Assert::new().action_env("SNAPSHOTS");
    assert.try_eq(Some(&name), Data::text(&said), expected).map_err(|error| error.to_string())?;
    if said.contains(&format!("[{}]", code.as_str())) {
        return Ok(());
    }
    Err(format!("no diagnostic `{}` is said:\n{said}", code.as_str()).into())
}

/// The exit code and what the command prints for a folder's suite.
fn said(name: &str, folder: &Path, run: bool) -> String {
    let sandbox = Server::start();
    let stub = Stub::start();
    let mut project = Project::new()
        .file("callsheet.yaml", SUITE)
        .env("OWNER_PAT", callsheet::sandbox::OWNER_TOKEN)
        .env("SHORT_SECRET", "hi")
        .env("LONG_SECRET", "hunter2-hunter2");
    for (path, text) in files(folder) {
        let text = text.replace("SANDBOX_URL", &sandbox.url()).replace("STUB_URL", &stub.url());
        project = project.file(&path, &text);
    }
    make(name, &project);
    let arguments: &[&str] = if run { &["test", "--color", "never"] } else { &["check", "--color", "never"] };
    let (code, stdout, stderr) = if name == "interrupted" {
        interrupted(&project, arguments, &sandbox)
    } else {
        let ran = project.run(arguments);
        (ran.code, ran.stdout, ran.stderr)
    };
    let code = code.map_or_else(|| "a signal".to_owned(), |code| code.to_string());
    let mut said = format!("exit code: {code}\n");
    for (stream, text) in [("stdout", stdout), ("stderr", stderr)] {
        if !text.is_empty() {
            said = format!("{said}\n---- {stream} ----\n{text}");
        }
    }
    if run { placeholders(&said, &project) } else { said }
}

/// The files of a folder but what is expected.
fn files(folder: &Path) -> Vec<(String, String)> {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    paths.retain(|path| name(path) != "expected.txt");
    paths.iter().map(|path| (name(path), std::fs::read_to_string(path).unwrap())).collect()
}

/// What no file of the repository can or should hold.
fn make(name: &str, project: &Project) {
    let write = |path: &str, bytes: &[u8]| std::fs::write(project.path().join(path), bytes).unwrap();
    match name {
        "unreadable" => write("a.yaml", b"scenario: Gr\xfc\xdfe\nsteps: [{list: tools}]\n"),
        "unreadable-link" => {
            std::os::unix::fs::symlink("nowhere.yaml", project.path().join("a.yaml")).unwrap()
        }
        "too-large" => write("a.yaml", format!("# {}\n", "long ".repeat(250_000)).as_bytes()),
        "too-large-template" => {
            let text = format!(
                "scenario: A long text\nsteps:\n  - call: echo\n    arguments:\n      note: \"{{{{ uuid }}}}{}\"\n",
                "x".repeat(70_000)
            );
            write("a.yaml", text.as_bytes());
        }
        _ => {}
    }
}

/// Runs the command, and interrupts it once a call has reached the sandbox.
fn interrupted(project: &Project, arguments: &[&str], sandbox: &Server) -> (Option<i32>, String, String) {
    let mut command = project.command(arguments);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_until("the call to reach the sandbox", || sandbox.count("tools/call") == 1);
    let process = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(process, rustix::process::Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// Puts placeholders where two runs differ.
fn placeholders(said: &str, project: &Project) -> String {
    let folder = project.path().to_str().unwrap();
    let version = format!("\"version\": \"{}\"", env!("CARGO_PKG_VERSION"));
    let mut said = said.replace(folder, "[FOLDER]").replace(&version, "\"version\": \"[VERSION]\"");
    for (pattern, placeholder) in [
        // What the doctor says has golden files of its own; here its lines would break by the length of a folder.
        (
            r"(?s)(why the server [^\n]*)\n.*?\n`callsheet doctor` shows every step\n",
            "$1: [WHAT THE DOCTOR SAYS]\n",
        ),
        (r"127\.0\.0\.1:\d{4,5}", "127.0.0.1:[PORT]"),
        // What was measured, which is over the limit by a little.
        (r"no answer within \d+(\.\d+)? m?s\n", "no answer within [TIME]\n"),
        (r"after (less than )?\d+(\.\d+)? m?s", "after [TIME]"),
        (r"finished in \d+\.\d+s", "finished in [TIME]"),
        (r"\d{4}-\d\d-\d\dT[0-9:.]+(Z|\+00:00)", "[WHEN]"),
        (r"TASK-\d+", "TASK-[NUMBER]"),
        (r"seed: \d+", "seed: [SEED]"),
        (r"([^-0-9a-f])[0-9a-f]{32}\b", "$1[ID]"),
    ] {
        said = Regex::new(pattern).unwrap().replace_all(&said, placeholder).into_owned();
    }
    said
}

/// A server that does what no decent server does, in the version 2025-11-25.
struct Stub {
    address: std::net::SocketAddr,
    ends: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Stub {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let ends = Arc::new(AtomicBool::new(false));
        let thread = std::thread::spawn({
            let ends = Arc::clone(&ends);
            move || {
                for stream in listener.incoming() {
                    if ends.load(Ordering::SeqCst) {
                        return;
                    }
                    // Ends with its connection, which the command closes at the latest when it ends.
                    std::thread::spawn(move || serve(stream.unwrap()));
                }
            }
        });
        Self { address, ends, thread: Some(thread) }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::SeqCst);
        // Wakes the listener, which then sees that it ends.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Answers the one request of a connection. A client that went away needs no answer, so errors end it.
fn serve(stream: TcpStream) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let Some((head, body)) = request(&mut reader) else { return };
    if head.contains(" /silent ") {
        // Nothing is said until the client hangs up.
        let _ = reader.read_to_end(&mut Vec::new());
        return;
    }
    let message: Value = serde_json::from_slice(&body).unwrap_or_default();
    let (status, kind, body) = if head.contains(" /identity_/connect/token ") {
        ("400 Bad Request", "application/json", json!({"error": "invalid_client"}).to_string())
    } else if head.contains("/GetFoldersForCurrentUser?") {
        let folder =
            json!({"FullyQualifiedName": "Shared/Finance", "Key": "6f0c2a4e-8a1b-4c3d-9e5f-0123456789ab"});
        ("200 OK", "application/json", json!({"Count": 1, "PageItems": [folder]}).to_string())
    } else if head.contains(" /site ") {
        ("200 OK", "text/html", "<!doctype html><title>Welcome</title>".to_owned())
    } else {
        answer(&message)
    };
    let length = body.len();
    let _ = write!(
        &stream,
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    );
}

/// The head and the body of a request.
fn request(reader: &mut impl BufRead) -> Option<(String, Vec<u8>)> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let length = head
        .to_lowercase()
        .lines()
        .find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    Some((head, body))
}

/// Status, content type and body.
fn answer(message: &Value) -> (&'static str, &'static str, String) {
    let json = |value: Value| ("200 OK", "application/json", value.to_string());
    let id = &message["id"];
    let result = |result: Value| json!({"jsonrpc": "2.0", "id": id, "result": result});
    match message["method"].as_str() {
        Some("initialize") => json(result(json!({
            "protocolVersion": "2025-11-25",
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "stub", "version": "1.0.0"},
        }))),
        Some("tools/list") => {
            let output =
                json!({"type": "object", "properties": {"count": {"type": "string"}}, "required": ["total"]});
            let tool = |name: &str| json!({"name": name, "inputSchema": {"type": "object"}});
            let mut totals = tool("totals");
            totals["outputSchema"] = output;
            json(result(json!({"tools": [totals, tool("asks"), tool("broken"), tool("no-message")]})))
        }
        Some("tools/call") => match message["params"]["name"].as_str() {
            Some("totals") => {
                let structured = json!({"count": 2});
                let content = json!([{"type": "text", "text": structured.to_string()}]);
                json(result(json!({"content": content, "structuredContent": structured})))
            }
            Some("asks") => {
                let question = json!({
                    "jsonrpc": "2.0",
                    "id": "question-1",
                    "method": "sampling/createMessage",
                    "params": {"maxTokens": 10, "messages": [
                        {"role": "user", "content": {"type": "text", "text": "What is an invoice?"}},
                    ]},
                });
                let result = result(json!({"content": [{"type": "text", "text": "done"}]}));
                let events =
                    format!("event: message\ndata: {question}\n\nevent: message\ndata: {result}\n\n");
                ("200 OK", "text/event-stream", events)
            }
            Some("broken") => json(result(json!({"content": [{"type": "txt", "text": 7}], "isError": "no"}))),
            _ => json(json!({"jsonrpc": "1.0", "id": 4711, "ok": true})),
        },
        Some("server/discover") => {
            let error = json!({"code": -32000, "message": "Bad Request: Server not initialized"});
            let body = json!({"jsonrpc": "2.0", "id": null, "error": error});
            ("400 Bad Request", "application/json", body.to_string())
        }
        Some(_) | None => ("202 Accepted", "application/json", String::new()),
    }
}

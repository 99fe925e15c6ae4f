//! What is checked, shown and listed is so without a network and without a token: no credential is read, nothing is
//! started, no socket is opened.
#![cfg(feature = "sandbox")]
#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has to fail")]
#![expect(clippy::print_stderr, reason = "a test that is skipped says so")]

mod common;

use std::io::ErrorKind;
use std::net::TcpListener;
use std::process::{Command, Stdio};

use common::{Project, Ran};

const TOKEN: &str = "rt_CANARY0123456789ABCDEF";

/// Whatever would run writes this file.
const MARKER: &str = "something-ran";

/// A suite with every kind of credential and of address; whoever connects to anything connects to the listener.
fn suite(listener: &TcpListener) -> Project {
    let host = listener.local_addr().unwrap();
    let loud = format!("{{command: [sh, -c, 'touch {MARKER}; echo no token today >&2; exit 1']}}");
    let suite = format!(
        "default: unset
env: [CUSTOMER]
secrets: [WEBHOOK_KEY]
servers:
  unset: {{url: 'http://{host}/mcp', auth: {{pat: {{env: NOT_SET_ANYWHERE}}}}}}
  gone: {{url: 'http://{host}/mcp', auth: {{pat: {{file: no/such/file}}}}}}
  there: {{url: 'http://{host}/mcp', auth: {{pat: {{file: token.pat}}}}, timeouts: {{start: 300ms}}}}
  loud: {{url: 'http://{host}/mcp', auth: {{pat: {loud}}}, identities: {{other: {{pat: {loud}}}}}}}
  certified: {{url: 'https://{host}/mcp', auth: {{pat: {loud}}}, tls: {{ca: ca.pem}}}}
  app:
    uipath: {{base: 'http://{host}', org: acme, tenant: Default, folderPath: Shared/Finance, slug: orders}}
    auth: {{app: {{id: {{env: NOT_SET_ANYWHERE}}, secret: {loud}, scope: OR.Execution OR.Jobs}}}}
  whole:
    uipath: https://cloud.uipath.com/acme/Default/agenthub_/mcp/6f0c2a4e-8a1b-4c3d-9e5f-0123456789ab/orders
    auth: {{pat: {loud}, expires: 2099-12-31}}
  parts: {{uipath: {{slug: orders}}}}
  elsewhere: {{uipath: {{}}}}
  program: {{command: [sh, -c, 'touch {MARKER}'], env: {{TOKEN: {loud}}}}}
  sandbox: {{sandbox: uipath}}
scenarios: '*.yaml'
"
    );
    let names = [
        "unset",
        "gone",
        "there",
        "loud",
        "certified",
        "app",
        "whole",
        "parts",
        "elsewhere",
        "program",
        "sandbox",
    ];
    let scenario = |name: &str| format!("scenario: On {name}\nserver: {name}\nsteps: [{{list: tools}}]\n");
    let project = Project::new()
        .file("callsheet.yaml", &suite)
        .file("other.yaml", "scenario: As another\nserver: loud\nas: other\nsteps: [{list: tools}]\n")
        .file("token.pat", TOKEN)
        .file("ca.pem", "no certificate")
        .file(".env", &format!("UIPATH_PAT={TOKEN}\nWEBHOOK_KEY={TOKEN}\n"))
        .env("UIPATH_URL", &format!("http://{host}/acme/Default"))
        .env("UIPATH_MCP_SERVER_URL", &format!("http://{host}/acme/Default/agenthub_/mcp/key/orders"));
    let project =
        names.iter().fold(project, |project, name| project.file(&format!("{name}.yaml"), &scenario(name)));
    let proxies = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"];
    proxies.iter().fold(project, |project, name| project.env(name, &format!("http://{host}")))
}

/// A listener that nobody serves: whoever connects waits in its queue.
fn listener() -> TcpListener {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    listener
}

fn connections(listener: &TcpListener) -> usize {
    let accepted = std::iter::from_fn(|| match listener.accept() {
        Ok(connection) => Some(connection),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::WouldBlock);
            None
        }
    });
    accepted.count()
}

/// Whether a program is there and may do what it is for; where it may not, that is printed.
fn can(words: &[&str]) -> bool {
    let (program, rest) = words.split_first().unwrap();
    let mut command = Command::new(program);
    let command = command.args(rest).stdout(Stdio::null()).stderr(Stdio::null());
    let can = command.status().is_ok_and(|status| status.success());
    if !can {
        eprintln!("skipped: `{}` does not work on this machine", words.join(" "));
    }
    can
}

/// Runs the command under another one.
fn under(project: &Project, wrapper: &[&str], arguments: &[&str]) -> Ran {
    let words: Vec<&str> = wrapper.iter().chain([&"\"$CALLSHEET\""]).chain(arguments).copied().collect();
    let output = project.shell(&words.join(" ")).env("CALLSHEET", common::binary()).output().unwrap();
    Ran {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
        took: std::time::Duration::ZERO,
    }
}

/// What needs no server and no token.
const OFFLINE: [&[&str]; 6] = [
    &["check"],
    &["check", "--format", "json"],
    &["check", "--format", "github"],
    &["check", "loud.yaml"],
    &["show", "loud"],
    &["test", "--list"],
];

#[test]
fn no_credential_is_read_and_nobody_is_called() {
    let listener = listener();
    let project = suite(&listener);
    for arguments in OFFLINE {
        let ran = project.run(arguments).exits(0).silent_on(TOKEN).silent_on("no token today");
        assert!(ran.stderr.is_empty(), "{arguments:?}: {}", ran.stderr);
    }
    assert!(!project.path().join(MARKER).exists(), "something ran");
    assert_eq!(connections(&listener), 0);

    // The traps are such: a run springs them.
    project.run(&["test", "loud.yaml"]).exits(101).says("no token today");
    assert!(project.path().join(MARKER).exists());
    project.run(&["test", "there.yaml"]).exits(101);
    assert_ne!(connections(&listener), 0);
}

/// Linux can say more: what a process asks of the system.
#[test]
fn no_socket_is_opened() {
    if !can(&["strace", "-f", "-e", "trace=%network", "true"]) {
        return;
    }
    let listener = listener();
    let project = suite(&listener);
    let traced = |arguments: &[&str]| {
        let trace = project.path().join("calls.trace");
        let wrapper = ["strace", "-f", "-o", "calls.trace", "-e", "trace=%network,execve,open,openat"];
        under(&project, &wrapper, arguments);
        std::fs::read_to_string(trace).unwrap()
    };
    let sockets = |trace: &str| trace.lines().filter(|line| line.contains("socket")).count();
    let programs = |trace: &str| trace.lines().filter(|line| line.contains("execve(")).count();
    for arguments in OFFLINE {
        let trace = traced(arguments);
        assert_eq!((sockets(&trace), programs(&trace)), (0, 1), "{arguments:?}: {trace}");
        for file in ["no/such/file", "token.pat", "ca.pem"] {
            assert!(!trace.contains(file), "{arguments:?}: {trace}");
        }
        assert!(trace.contains("loud.yaml"), "{trace}");
        // The variables of `.env` are for runs: what is checked is the same without them.
        assert!(arguments.first() != Some(&"check") || !trace.contains("/.env"), "{arguments:?}: {trace}");
    }
    let trace = traced(&["test", "there.yaml"]);
    assert!(sockets(&trace) > 0 && trace.contains("token.pat") && trace.contains("/.env"), "{trace}");
}

/// As on a machine that has no network at all.
#[test]
fn a_network_is_not_needed() {
    if !can(&["unshare", "-rn", "true"]) {
        return;
    }
    let listener = listener();
    let project = suite(&listener);
    for arguments in OFFLINE {
        let here = project.run(arguments).exits(0);
        let cut_off = under(&project, &["unshare", "-rn"], arguments).exits(0);
        assert_eq!(cut_off.stdout, here.stdout);
    }
    assert!(!project.path().join(MARKER).exists(), "something ran");
}

//! The 34 rows of the table that a diagnosis goes by: how the sandbox is put into the state of each, what a client
//! meets there, and the true reason in the log. Rows that are about a text, a file or another machine are named with
//! why no sandbox has them.

use std::time::Duration;

use callsheet::sandbox::{
    AUDITOR_TOKEN, FINANCE_KEY, FOLDER_KEY, Grant, OWNER_TOKEN, Options, Permission, Role, Sandbox, Token,
    TokenKind, World,
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::peer::{Peer, Reply, client, read};

/// What a client meets.
enum Meets {
    /// `initialize` is answered with this status.
    Opening(u16),
    /// The same, and the body holds this.
    OpeningSays(u16, &'static str),
    /// `tools/list` is an error of JSON-RPC.
    NoList,
    /// `tools/list` is empty.
    EmptyList,
    /// The call of this tool is a tool error that holds this.
    ToolError(&'static str, &'static str),
    /// The call of this tool has this status.
    Call(&'static str, u16),
    /// The call of this tool has no answer.
    Silence(&'static str),
    /// Another test of the suite does it.
    Elsewhere,
}

use Meets::{Call, Elsewhere, EmptyList, NoList, Opening, OpeningSays, Silence, ToolError};

/// A row that a sandbox can be in.
struct Situation {
    row: u8,
    state: fn(&mut World),
    slug: &'static str,
    token: &'static str,
    meets: Meets,
    /// What the log's reason begins with.
    reason: &'static str,
}

const fn row(row: u8, state: fn(&mut World), meets: Meets, reason: &'static str) -> Situation {
    Situation { row, state, slug: "orders", token: OWNER_TOKEN, meets, reason }
}

const fn at(slug: &'static str, situation: Situation) -> Situation {
    Situation { slug, ..situation }
}

const fn as_auditor(situation: Situation) -> Situation {
    Situation { token: AUDITOR_TOKEN, ..situation }
}

const APP: &str = "an-application";

fn nothing(_: &mut World) {}

fn knob(world: &mut World, name: &str, value: &str) {
    world.knobs.set(name, value).unwrap();
}

fn owner(world: &mut World) -> &mut Token {
    world.token_mut("owner").unwrap()
}

fn permit(world: &mut World, permissions: &[Permission]) {
    let role = Role::Custom(permissions.to_vec());
    world.user_mut("ada").unwrap().grants = vec![Grant { folder: FOLDER_KEY.to_owned(), role }];
}

/// An application without OR.Default that is assigned to no folder.
fn unassigned_app(world: &mut World) {
    world.apps[0].grants.clear();
    let id = world.apps[0].id.clone();
    let token = Token::pat("app", APP, &id, &["OR.Execution", "OR.Jobs"]);
    world.tokens.push(Token { kind: TokenKind::App, ..token });
}

fn situations() -> Vec<Situation> {
    use Permission::{JobsView, McpServersView, ProcessesView};
    vec![
        Situation { token: "", ..row(1, nothing, Opening(401), "no bearer token") },
        Situation { token: "rt_half", ..row(2, nothing, Opening(401), "unknown token") },
        row(
            3,
            |w| owner(w).expires = Some(jiff::Timestamp::UNIX_EPOCH),
            Opening(401),
            "the token `owner` expired",
        ),
        row(4, |w| owner(w).audience = "Else".to_owned(), Opening(401), "the token `owner` is for `Else`"),
        row(5, nothing, Elsewhere, "the address is of before June 2025"),
        row(6, nothing, Elsewhere, "the address has no folder key"),
        row(7, nothing, Elsewhere, "no folder is named"),
        row(9, |w| owner(w).revoked = true, Opening(401), "the token `owner` was revoked"),
        row(9, |w| w.user_mut("ada").unwrap().active = false, Opening(401), "the user `ada` is deactivated"),
        at("oders", row(10, nothing, Opening(401), "no server is named `oders`")),
        at(
            "oders",
            row(10, |w| knob(w, "unknown_target", "404"), Opening(404), "no server is named `oders`"),
        ),
        row(11, nothing, Elsewhere, "no organization is named"),
        row(
            11,
            |w| w.user_mut("ada").unwrap().organization = "globex".into(),
            Opening(401),
            "the token `owner` is of",
        ),
        row(
            12,
            |w| owner(w).scopes = vec!["OR.Jobs".into()],
            NoList,
            "the token `owner` lacks the scope `OR.Execution`",
        ),
        as_auditor(row(
            13,
            nothing,
            ToolError("echo", "not authorized"),
            "the token `auditor` lacks the scope `OR.Jobs`",
        )),
        as_auditor(row(13, |w| knob(w, "no_jobs", "403"), Call("echo", 403), "the token `auditor` lacks")),
        row(
            14,
            |w| owner(w).scopes = vec!["OR.Execution".into(), "OR.Jobs.Read".into()],
            ToolError("echo", "not authorized"),
            "the token `owner` lacks the scope `OR.Jobs`",
        ),
        row(
            14,
            |w| permit(w, &[McpServersView, ProcessesView, JobsView]),
            ToolError("echo", "not authorized"),
            "`ada` lacks `Jobs.Create`",
        ),
        row(15, |w| permit(w, &[ProcessesView]), Opening(403), "`ada` lacks `MCPServers.View`"),
        as_auditor(row(16, nothing, Elsewhere, "`audrey` lacks `MCPServers.View` in the folder `Finance`")),
        Situation {
            token: APP,
            ..row(
                17,
                unassigned_app,
                ToolError("echo", "1101"),
                "the application `app-orders` is not assigned",
            )
        },
        at(
            "connectors",
            row(18, nothing, ToolError("sendSlackMessage", "CNS1046"), "the token `owner` is not that"),
        ),
        at(
            "connectors",
            row(
                18,
                |w| knob(w, "is_mode", "timeout"),
                Silence("sendSlackMessage"),
                "the token `owner` is not that",
            ),
        ),
        row(20, nothing, Elsewhere, "`machine-orders` is a machine"),
        row(21, |w| knob(w, "accept", "strict"), Elsewhere, ""),
        row(22, nothing, Elsewhere, "the endpoint takes no `GET`"),
        at(
            "assistant",
            row(
                23,
                |w| w.server_mut("assistant").unwrap().fault = "initialize-failure".into(),
                OpeningSays(200, "\"protocolVersion\":\"initialize-failure\",\"capabilities\":{}"),
                "the runtime could not start",
            ),
        ),
        at(
            "assistant",
            row(
                24,
                |w| {
                    knob(w, "clock", "virtual");
                    knob(w, "cold_start", "20s");
                    knob(w, "cold_answer", "504");
                },
                Opening(504),
                "`assistant` starts for 20 s more",
            ),
        ),
        at(
            "desktop",
            row(
                25,
                |w| w.server_mut("desktop").unwrap().connected = false,
                Opening(503),
                "the process of `desktop`",
            ),
        ),
        row(26, |w| knob(w, "fault", "lose-session"), Call("echo", 404), "there is no such session"),
        row(
            27,
            |w| {
                knob(w, "clock", "virtual");
                knob(w, "runtime_limit", "5s");
            },
            ToolError("runSlowProcess", "stopped after 5 s"),
            "the job ran for 5 s",
        ),
        row(28, no_machine, ToolError("echo", "2818"), "no machine runs jobs"),
        row(
            28,
            |w| {
                no_machine(w);
                knob(w, "no_machine", "pending");
            },
            Silence("echo"),
            "no machine runs jobs",
        ),
        row(29, |w| knob(w, "fault", "429; method=initialize"), Opening(429), "the fault `429`"),
        row(30, |w| permit(w, &[McpServersView]), EmptyList, "`ada` lacks `Processes.View`"),
        at("connectors", row(30, switch_off, EmptyList, "")),
        row(31, nothing, ToolError("createInvoice", "in_Customer"), ""),
        row(
            32,
            |w| knob(w, "fault", "login-page"),
            OpeningSays(200, "<!DOCTYPE html>"),
            "the fault `login-page`",
        ),
    ]
}

fn no_machine(world: &mut World) {
    world.folders_mut().for_each(|folder| folder.machine = false);
}

fn switch_off(world: &mut World) {
    world.server_mut("connectors").unwrap().disabled =
        ["getInvoice", "echo", "sendSlackMessage"].map(str::to_owned).to_vec();
}

/// Rows that no sandbox has, and why.
const NOT_HERE: &[(u8, &str)] = &[
    (8, "a placeholder in an address is seen before anything is sent"),
    (19, "who has no menu for tokens has no token to send"),
    (33, "a proxy or a certificate fails before the server is met"),
    (34, "an opaque token tells nobody when it ends"),
];

#[test]
fn every_row_is_named() {
    let mut rows: Vec<u8> = situations().iter().map(|situation| situation.row).collect();
    rows.extend(NOT_HERE.iter().map(|(row, _)| row));
    rows.sort_unstable();
    rows.dedup();
    assert_eq!(rows, (1..=34).collect::<Vec<u8>>());
}

async fn in_state(state: fn(&mut World)) -> Sandbox {
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    sandbox.change(state);
    sandbox
}

async fn opening(peer: &Peer) -> Reply {
    let params = json!({
        "protocolVersion": peer.version, "capabilities": {}, "clientInfo": {"name": "t", "version": "1"},
    });
    peer.request("initialize", params).await
}

#[tokio::test]
async fn a_client_meets_what_the_row_says() {
    for Situation { row, state, slug, token, meets, reason } in situations() {
        let sandbox = in_state(state).await;
        let url = sandbox.url(slug);
        let mut peer = Peer { version: "2025-11-25", token, url, ..Peer::modern(&sandbox) };
        let arguments = json!({"in_Seconds": 9, "in_Channel": "C", "in_Text": "T"});
        let arguments = |tool: &str| match tool {
            "runSlowProcess" => json!({"in_Seconds": 9}),
            "sendSlackMessage" => json!({"in_Channel": "C", "in_Text": "T"}),
            _ => arguments.clone(),
        };
        match meets {
            Elsewhere => continue,
            Opening(status) => assert_eq!(opening(&peer).await.status, status, "row {row}"),
            OpeningSays(status, text) => {
                let reply = opening(&peer).await;
                assert_eq!(reply.status, status, "row {row}");
                assert!(reply.body.contains(text), "row {row}: {}", reply.body);
            }
            NoList | EmptyList => {
                peer.open().await;
                let reply = peer.request("tools/list", json!({})).await;
                match meets {
                    NoList => assert_eq!(reply.error()["code"], -32603, "row {row}"),
                    _ => assert_eq!(reply.result()["tools"], json!([]), "row {row}"),
                }
            }
            ToolError(tool, says) => {
                peer.open().await;
                let (text, is_error) = peer.call(tool, arguments(tool)).await.text();
                assert!(is_error && text.contains(says), "row {row}: {text}");
            }
            Call(tool, status) => {
                peer.open().await;
                assert_eq!(peer.call(tool, arguments(tool)).await.status, status, "row {row}");
            }
            Silence(tool) => {
                peer.open().await;
                let call = peer.call(tool, arguments(tool));
                let waited = tokio::time::timeout(Duration::from_millis(100), call).await;
                assert!(waited.is_err(), "row {row}");
            }
        }
        let reasons = sandbox.log().reasons();
        match reason {
            "" => assert!(reasons.is_empty(), "row {row}: {reasons:?}"),
            reason => assert!(reasons.iter().any(|it| it.starts_with(reason)), "row {row}: {reasons:?}"),
        }
    }
}

#[tokio::test]
async fn addresses_that_are_wrong_are_refused_in_their_ways() {
    let sandbox = in_state(nothing).await;
    let good = sandbox.url("orders");
    let mut peer = Peer { version: "2025-11-25", ..Peer::modern(&sandbox) };
    for (url, token, status) in [
        (good.replace("agenthub_", "mcp_"), OWNER_TOKEN, 404),
        (good.replace(&format!("{FOLDER_KEY}/"), ""), OWNER_TOKEN, 400),
        (good.replace(FOLDER_KEY, "Shared"), OWNER_TOKEN, 401),
        (good.replace("/acme/", "/globex/"), OWNER_TOKEN, 401),
        (good.replace(FOLDER_KEY, FINANCE_KEY).replace("orders", "invoice-tools"), AUDITOR_TOKEN, 403),
        (good.replace(FOLDER_KEY, FINANCE_KEY).replace("orders", "invoice-tools"), OWNER_TOKEN, 200),
        (good.replace("/acme/", "/0ac3e000-0000-4000-8000-0000000acedb/"), OWNER_TOKEN, 200),
    ] {
        (peer.url, peer.token) = (url, token);
        assert_eq!(opening(&peer).await.status, status, "{}", peer.url);
    }
    let expected: Vec<_> = situations()
        .into_iter()
        .filter(|it| matches!(it.row, 5 | 6 | 7 | 11 | 16) && matches!(it.meets, Elsewhere))
        .map(|it| it.reason)
        .collect();
    let reasons = sandbox.log().reasons();
    assert_eq!(reasons.len(), expected.len());
    for (reason, expected) in reasons.iter().zip(expected) {
        assert!(reason.starts_with(expected), "{reason}");
    }
}

#[tokio::test]
async fn a_client_that_accepts_nothing_is_refused_where_the_knob_says_so() {
    let sandbox = in_state(|world| knob(world, "accept", "strict")).await;
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {}}).to_string();
    let request = client().request(Method::POST, sandbox.url("orders")).bearer_auth(OWNER_TOKEN);
    let reply =
        read(request.header("content-type", "application/json").body(body).send().await.unwrap()).await;
    assert_eq!(reply.status, 406);
    let said: Value = reply.error();
    assert_eq!(said["code"], -32600);
}

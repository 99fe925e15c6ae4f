//! `callsheet doctor` in every shape: how UiPath tells a refusal is assumed, so each state of the table is tried with
//! each of the statuses, bodies and carriers that the knobs of the sandbox know, and has to come to the same cause.
#![cfg(feature = "sandbox")]
#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has to fail")]

mod common;

use callsheet::sandbox::{
    AUDITOR_TOKEN, FINANCE_KEY, FOLDER_KEY, Grant, OWNER_TOKEN, Options, Permission, Role, Sandbox, World,
};
use common::Project;
use serde_json::Value;

use Permission::{JobsCreate, JobsView, McpServersView, ProcessesView};

/// A knob, and what it is turned to.
type Turn = (&'static str, &'static [&'static str]);

/// A state, what is asked in it, the knobs that may tell it otherwise, and the cause that has to come first.
struct State {
    cause: &'static str,
    state: fn(&mut World),
    slug: &'static str,
    folder: &'static str,
    token: &'static str,
    call: &'static [&'static str],
    turns: &'static [Turn],
}

const BODY: Turn = ("error_body", &["orchestrator", "problem", "empty"]);
const DENIED: Turn = ("rest_denied", &["403", "401"]);
const FOLDERS: Turn = ("folders_for_pat", &["200", "403"]);
const TARGET: Turn = ("unknown_target", &["401", "404"]);
const BAD_FOLDER: Turn = ("bad_folder", &["404", "403", "400"]);
const CALL: &[&str] = &["--call", "echo", "--arguments", "{\"a\": 1}"];

const fn state(cause: &'static str, state: fn(&mut World), turns: &'static [Turn]) -> State {
    State { cause, state, slug: "orders", folder: FOLDER_KEY, token: OWNER_TOKEN, call: &[], turns }
}

fn permit(world: &mut World, permissions: &[Permission]) {
    let role = Role::Custom(permissions.to_vec());
    world.user_mut("ada").unwrap().grants = vec![Grant { folder: FOLDER_KEY.to_owned(), role }];
}

fn knob(world: &mut World, name: &str, value: &str) {
    world.knobs.set(name, value).unwrap();
}

fn scopes(world: &mut World, scopes: &[&str]) {
    world.token_mut("owner").unwrap().scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
}

fn states() -> Vec<State> {
    vec![
        state("token-refused", |w| w.token_mut("owner").unwrap().revoked = true, &[BODY, DENIED]),
        State { slug: "oders", ..state("wrong-segment", |_| (), &[TARGET, BODY, FOLDERS]) },
        State {
            folder: "99999999-8a1b-4c3d-9e5f-ffffffffffff",
            ..state(
                "wrong-segment",
                |_| (),
                &[TARGET, BAD_FOLDER, FOLDERS, ("error_body", &["problem", "empty"])],
            )
        },
        state(
            "no-view",
            |w| permit(w, &[ProcessesView]),
            &[("no_view", &["403", "401"]), DENIED, BODY, FOLDERS],
        ),
        State {
            folder: FINANCE_KEY,
            slug: "invoice-tools",
            token: AUDITOR_TOKEN,
            ..state("no-view", |_| (), &[BAD_FOLDER, BODY, FOLDERS])
        },
        state(
            "no-execution-scope",
            |w| scopes(w, &["OR.Jobs"]),
            &[("no_execution", &["jsonrpc", "403", "401"]), DENIED, BODY, FOLDERS],
        ),
        state(
            "no-execution-scope",
            |w| {
                permit(w, &[McpServersView, JobsView, JobsCreate]);
                knob(w, "no_processes_view", "error");
            },
            &[("no_execution", &["jsonrpc", "403", "401"]), DENIED],
        ),
        State {
            token: AUDITOR_TOKEN,
            call: CALL,
            ..state("no-jobs-scope", |_| (), &[("no_jobs", &["is_error", "403", "401"]), DENIED, BODY])
        },
        State { token: AUDITOR_TOKEN, ..state("no-jobs-scope", |_| (), &[DENIED, BODY]) },
        State {
            call: CALL,
            ..state(
                "no-jobs-create",
                |w| permit(w, &[McpServersView, ProcessesView, JobsView]),
                &[("no_jobs", &["is_error", "403", "401"]), BODY],
            )
        },
        State {
            slug: "desktop",
            ..state(
                "disconnected",
                |w| w.server_mut("desktop").unwrap().connected = false,
                &[("disconnected", &["503", "504", "relay"]), BODY],
            )
        },
        State {
            slug: "assistant",
            ..state(
                "cold-start",
                |w| knob(w, "cold_start", "600s"),
                &[("cold_answer", &["504", "408"]), BODY],
            )
        },
        State {
            slug: "assistant",
            ..state(
                "start-failed",
                |w| w.server_mut("assistant").unwrap().fault = "initialize-failure".into(),
                &[("initialize_failure", &["initialize-failure", "invalid-version", "initiliaze-failure"])],
            )
        },
        State {
            slug: "assistant",
            ..state(
                "session-lost",
                |w| knob(w, "fault", "lose-session; method=tools/list"),
                &[("session_lost", &["-32600", "-32001", "bare"])],
            )
        },
        State {
            call: CALL,
            ..state(
                "no-machine",
                |w| w.folders_mut().for_each(|folder| folder.machine = false),
                &[("no_machine", &["2818"]), BODY],
            )
        },
    ]
}

/// Every way to turn the knobs.
fn turned(turns: &[Turn]) -> Vec<Vec<(&'static str, &'static str)>> {
    turns.iter().fold(vec![Vec::new()], |ways, (name, values)| {
        let with = |way: &Vec<_>| {
            let way = way.clone();
            values.iter().map(move |value| way.iter().copied().chain([(*name, *value)]).collect::<Vec<_>>())
        };
        ways.iter().flat_map(with).collect()
    })
}

/// The codes of the causes, in their order; and the whole text.
fn causes(address: &str, state: &State) -> (Vec<String>, String) {
    let url = format!("http://{address}/acme/Default/agenthub_/mcp/{}/{}", state.folder, state.slug);
    let mut arguments = vec!["doctor", "--format", "json", "--url", &url];
    arguments.extend(state.call);
    let ran = Project::new().env("UIPATH_PAT", state.token).run(&arguments);
    let told: Value = serde_json::from_str(&ran.stdout).unwrap_or_default();
    let told = told.get("causes").and_then(Value::as_array);
    let row = |cause: &Value| Some(cause.get("row")?.as_str()?.to_owned());
    (told.into_iter().flatten().filter_map(row).collect(), ran.stdout)
}

#[test]
fn a_state_has_one_cause_however_it_is_told() {
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let running: Vec<_> = states()
            .into_iter()
            .map(|state| {
                scope.spawn(move || {
                    let runtime = tokio::runtime::Builder::new_multi_thread()
                        .worker_threads(1)
                        .enable_all()
                        .build()
                        .unwrap();
                    let sandbox = runtime.block_on(Sandbox::start(Options::default())).unwrap();
                    let address = sandbox.address().to_string();
                    let mut wrong = Vec::new();
                    for way in turned(state.turns) {
                        let world = World::default();
                        sandbox.change(|now| {
                            *now = world;
                            (state.state)(now);
                            for (name, value) in &way {
                                knob(now, name, value);
                            }
                        });
                        let (codes, text) = causes(&address, &state);
                        if codes.first().map(String::as_str) != Some(state.cause) {
                            wrong.push(format!("{} with {way:?}: {codes:?}\n{text}", state.cause));
                        }
                    }
                    wrong
                })
            })
            .collect();
        running.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert!(wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong.join("\n"));
}

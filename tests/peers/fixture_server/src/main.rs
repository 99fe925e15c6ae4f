//! A server with the whole fixture set of the official conformance suite, 0.2.0-alpha.12, in both eras of the
//! protocol, and its mutants. It shares no code with callsheet and its sandbox.
#![expect(
    deprecated,
    reason = "sampling, roots and logging are deprecated in 2026-07-28, and still to be met"
)]

mod asks;
mod content;
mod fixture;
mod gate;
mod input_required;
mod mutants;
mod prompts;
mod resources;
mod sse;
mod tasks;
mod tools;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::any;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};

use crate::fixture::{Fixture, World};
use crate::gate::Gate;
use crate::mutants::Mutant;

const USAGE: &str = "usage: fixture_server PORT [--mutant NAME]\n       fixture_server --mutants";

/// How long a client waits before it takes up a stream again.
const RETRY: Duration = Duration::from_millis(500);

#[tokio::main]
#[expect(clippy::disallowed_methods, reason = "it is a program of its own")]
async fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["--mutants"] => {
            mutants::all().for_each(|mutant| println!("{}", mutant.line()));
            ExitCode::SUCCESS
        }
        [port] => serve(port, None).await,
        [port, "--mutant", name] => match mutants::all().find(|mutant| mutant.name == *name) {
            Some(mutant) => serve(port, Some(mutant)).await,
            None => fail(&format!("there is no mutant {name}; --mutants lists them")),
        },
        _ => fail(USAGE),
    }
}

fn fail(why: &str) -> ExitCode {
    eprintln!("{why}");
    ExitCode::FAILURE
}

async fn serve(port: &str, mutant: Option<&'static Mutant>) -> ExitCode {
    let world = Arc::new(World::new());
    let config = StreamableHttpServerConfig::default().with_sse_retry(Some(RETRY)).with_allowed_origins([
        "http://localhost:*",
        "http://127.0.0.1:*",
        "http://[::1]:*",
    ]);
    let mut sessions = LocalSessionManager::default();
    sessions.session_config.sse_retry = Some(RETRY);
    let shared = Arc::clone(&world);
    let service =
        StreamableHttpService::new(move || Ok(Fixture::new(Arc::clone(&shared))), Arc::new(sessions), config);
    let gate = Arc::new(Gate::new(service, world, mutant));
    let listener = match tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await {
        Ok(listener) => listener,
        Err(error) => return fail(&format!("port {port}: {error}")),
    };
    match listener.local_addr() {
        Ok(address) => println!("LISTENING http://{address}/mcp"),
        Err(error) => return fail(&error.to_string()),
    }
    let router = Router::new().route("/mcp", any(gate::enter)).with_state(gate);
    match axum::serve(listener, router).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error.to_string()),
    }
}

//! A server with the whole fixture set of the official conformance suite, 0.2.0-alpha.12, in both eras of the
//! protocol; it shares no code with callsheet and its sandbox.
#![expect(
    deprecated,
    reason = "sampling, roots and logging are deprecated in 2026-07-28, and still to be met"
)]

mod asks;
mod content;
mod fixture;
mod input_required;
mod prompts;
mod resources;
mod tasks;
mod tools;

use std::sync::Arc;

use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};

use crate::fixture::{Fixture, World};

#[tokio::main]
async fn main() {
    let port = std::env::args().nth(1).expect("usage: fixture_server PORT");
    let world = Arc::new(World::new());
    let config = StreamableHttpServerConfig::default().with_allowed_origins([
        "http://localhost:*",
        "http://127.0.0.1:*",
        "http://[::1]:*",
    ]);
    let service = StreamableHttpService::new(
        move || Ok(Fixture::new(Arc::clone(&world))),
        Arc::new(LocalSessionManager::default()),
        config,
    );
    let listener =
        tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await.expect("the port is free");
    println!("LISTENING http://{}/mcp", listener.local_addr().expect("it is bound"));
    axum::serve(listener, axum::Router::new().nest_service("/mcp", service)).await.expect("it serves");
}

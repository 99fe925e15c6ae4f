//! A declarative scenario test runner for MCP servers.
//!
//! `suite → check → plan → (harness) → run ⇄ mcp ⇄ transport → exchange → matcher → event → report`: each
//! arrow is a function without hidden state. CONTRIBUTING.md says what lives where.

pub mod auth;
pub mod check;
pub mod cli;
pub mod diagnostic;
pub mod doctor;
pub mod event;
pub mod exchange;
pub mod harness;
pub mod json;
pub mod knobs;
pub mod matcher;
pub mod mcp;
pub mod model;
mod nearest;
pub mod plan;
pub mod report;
pub mod run;
#[cfg(feature = "sandbox")]
pub mod sandbox;
mod servers;
pub mod snapshot;
pub mod source;
pub mod suite;
pub mod template;
pub mod transport;
pub mod uipath;

pub use cli::harness;

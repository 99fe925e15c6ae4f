//! UiPath: the address of an Orchestrator MCP Server from its parts. Nothing here opens a connection.

mod address;

pub use address::{Address, DEFAULT_BASE, Fault, Part, TOKEN_VARIABLE};

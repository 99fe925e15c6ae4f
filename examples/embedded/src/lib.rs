//! A crate with an MCP server would be here. This one is tested on callsheet's embedded sandbox.

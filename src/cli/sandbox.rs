//! `callsheet sandbox`: serves the embedded server until a signal comes.

use super::args::SandboxArgs;
use super::exit::{Exit, Stop};
use super::screen::print;
use super::signals::Signals;
use crate::sandbox::{AUDITOR_TOKEN, OWNER_TOKEN, Options, Sandbox};

/// Serves it.
pub(super) fn sandbox(args: &SandboxArgs) -> Result<Exit, Stop> {
    let cannot = |error| Stop::usage(format!("cannot serve on {}:{}: {error}", args.host, args.port));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(cannot)?;
    runtime.block_on(async {
        let mut signals = Signals::new().map_err(cannot)?;
        let options = Options { host: args.host, port: args.port };
        let sandbox = Sandbox::start(options).await.map_err(cannot)?;
        print(&greeting(&sandbox.url("orders")))?;
        signals.next().await;
        Ok(Exit::Good)
    })
}

fn greeting(url: &str) -> String {
    format!(
        r#"The sandbox serves
  {url}

Tokens
  {OWNER_TOKEN}   may do everything
  {AUDITOR_TOKEN}   sees the tools; its calls fail for want of OR.Jobs

Try it
  curl -s {url} \
    -H 'Authorization: Bearer {OWNER_TOKEN}' \
    -H 'Content-Type: application/json' -H 'Accept: application/json, text/event-stream' \
    -d '{{"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {{"protocolVersion": "2025-11-25", "capabilities": {{}}, "clientInfo": {{"name": "curl", "version": "0"}}}}}}'

In a suite (export SANDBOX_PAT={OWNER_TOKEN})
  servers:
    sandbox:
      url: {url}
      auth: {{pat: {{env: SANDBOX_PAT}}}}

Ctrl-C ends it.
"#
    )
}

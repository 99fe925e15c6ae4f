//! `callsheet sandbox`: serves the embedded server until a signal comes, and tells what it refuses and why.

use std::fmt::Write as _;

use tokio::sync::broadcast::error::RecvError;

use super::args::SandboxArgs;
use super::exit::{Exit, Stop};
use super::screen::print;
use super::signals::Signals;
use crate::auth::looks_like_token;
use crate::knobs::{FAULT, KNOBS, Knobs, PROFILES};
use crate::sandbox::{
    AUDITOR_TOKEN, Fault, INTERACTIVE_TOKEN, OWNER_TOKEN, Options, Refused, Sandbox, World,
};

/// Serves it.
pub(super) fn sandbox(args: &SandboxArgs) -> Result<Exit, Stop> {
    let cannot = |error| Stop::usage(format!("cannot serve on {}:{}: {error}", args.host, args.port));
    let mut knobs = Knobs::profile(&args.profile).map_err(|error| Stop::usage(error.to_string()))?;
    for written in &args.knobs {
        knobs.set_written(written).map_err(|error| Stop::usage(format!("--knob: {error}")))?;
    }
    let fault = knobs.get(&FAULT);
    if !fault.is_empty() {
        Fault::check(fault).map_err(|error| Stop::usage(format!("--knob: `fault`: {error}")))?;
    }
    let assumed = assumed(&knobs);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(cannot)?;
    runtime.block_on(async {
        let mut signals = Signals::new().map_err(cannot)?;
        let (world, now) = (World::with(knobs), super::surroundings::now());
        let options = Options { host: args.host, port: args.port, world, now };
        let sandbox = Box::pin(Sandbox::start(options)).await.map_err(cannot)?;
        let mut refusals = sandbox.log().refusals();
        print(&(greeting(&sandbox.url("orders")) + &assumed))?;
        loop {
            let refused = tokio::select! {
                refused = refusals.recv() => refused,
                _ = signals.next() => return Ok(Exit::Good),
            };
            match refused {
                Ok(refused) => print(&shown(&refused))?,
                // Who is behind has missed lines, not the sandbox.
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return Ok(Exit::Good),
            }
        }
    })
}

/// A refusal in a line: what the wire was not told.
fn shown(Refused { http_method, path, method, reason }: &Refused) -> String {
    let method = method.as_ref().map(|method| format!(" {}", escaped(method))).unwrap_or_default();
    hidden(&format!("{http_method} {}{method}: {}\n", escaped(path), escaped(reason)))
}

/// On one line, with nothing in it that a terminal would obey; a quote is only a quote.
fn escaped(text: &str) -> String {
    let one = |c: char| match c {
        '\'' | '"' => c.to_string(),
        _ => c.escape_debug().to_string(),
    };
    text.chars().map(one).collect()
}

/// Without what looks like a token: somebody may have put one into an address.
fn hidden(text: &str) -> String {
    let ends = |c: char| "/`=&; \n".contains(c);
    let words = text.split_inclusive(ends).map(|word| {
        let bare = word.trim_end_matches(ends);
        if looks_like_token(bare) { word.replace(bare, "***") } else { word.to_owned() }
    });
    words.collect()
}

/// What of its ways nobody outside knows.
fn assumed(knobs: &Knobs) -> String {
    let mut text =
        "\nAssumed, since no page says it (callsheet sandbox --help tells what else there is)\n".to_owned();
    for (knob, value) in knobs.assumed() {
        let _ = writeln!(text, "  {}={value}", knob.name);
    }
    text + "\nWhat is refused, and why:\n"
}

/// The knobs and the profiles, for `--help`.
pub(super) fn knobs_help() -> String {
    let mut text = "Profiles:\n".to_owned();
    for profile in PROFILES {
        let _ = writeln!(text, "  {}\n          {}", profile.name, profile.doc);
        for (knob, value) in profile.sets {
            let _ = writeln!(text, "          {}={value}", knob.name);
        }
    }
    text.push_str("\nKnobs:\n");
    for knob in KNOBS {
        let (name, doc, values) = (knob.name, knob.doc, knob.values());
        let _ =
            writeln!(text, "  {name}={}\n          {doc} {values} [{}]", knob.default, knob.basis.as_str());
    }
    text
}

fn greeting(url: &str) -> String {
    format!(
        r#"The sandbox serves
  {url}

Tokens
  {OWNER_TOKEN}   may do everything
  {AUDITOR_TOKEN}   sees the tools; its calls fail for want of OR.Jobs
  {INTERACTIVE_TOKEN}
      is that of a user who logged in: good for the Integration Service, too

In another terminal, as UiPath's pages have it
  export UIPATH_MCP_SERVER_URL={url}
  export UIPATH_ACCESS_TOKEN={OWNER_TOKEN}

  curl -X POST "$UIPATH_MCP_SERVER_URL" \
    -H "Authorization: Bearer $UIPATH_ACCESS_TOKEN" \
    -H "Content-Type: application/json" \
    -d '{{"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {{"protocolVersion": "2025-06-18", "capabilities": {{}}, "clientInfo": {{"name": "curl", "version": "1.0"}}}}}}'

In a suite, with the same two variables
  servers:
    orders: {{uipath: {{}}}}

Ctrl-C ends it.
"#
    )
}

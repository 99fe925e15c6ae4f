//! The embedded server: an MCP server behind an address, tokens and failures like those of UiPath's, on
//! loopback, for the showcase, for trying out and for our own tests.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use serde_json::Value;

/// The token of the user who may do everything.
pub const OWNER_TOKEN: &str = "rt_5A4E0B0C0DE0F00D0C0FFEE0ACE0BA5E0FACADE1";
/// The token of a user whose PAT lacks `OR.Jobs`: tools are listed, calls fail.
pub const AUDITOR_TOKEN: &str = "rt_A0D170C0DE0F00D0C0FFEE0ACE0BA5E0FACADE02";

/// How the sandbox is started.
#[derive(Clone, Debug)]
pub struct Options {
    /// The address to listen on.
    pub host: IpAddr,
    /// The port; 0 for a free one.
    pub port: u16,
}

impl Default for Options {
    fn default() -> Self {
        Self { host: IpAddr::V4(Ipv4Addr::LOCALHOST), port: 0 }
    }
}

/// What the sandbox saw: one entry for each HTTP request.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The HTTP method.
    pub http_method: String,
    /// The path.
    pub path: String,
    /// The request's headers, names in lower case, `authorization` replaced by whose token it was: `owner`,
    /// `auditor`, `unknown`.
    pub headers: Vec<(String, String)>,
    /// The JSON-RPC method of the body, if it has one.
    pub method: Option<String>,
    /// The body, parsed; null where it is none or no JSON.
    pub body: Value,
    /// The status it was answered with.
    pub status: u16,
    /// Why it was refused, where it was: what the answer does not tell.
    pub reason: Option<String>,
    /// Whether the call that it made was cancelled by the client.
    pub cancelled: bool,
}

/// The log of a sandbox, shared with it.
#[derive(Clone, Debug, Default)]
pub struct Log(Arc<Mutex<Vec<Entry>>>);

impl Log {
    /// All entries so far.
    #[must_use]
    pub fn entries(&self) -> Vec<Entry> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}

/// A sandbox that runs. It ends when this is dropped.
#[derive(Debug)]
pub struct Sandbox {
    address: SocketAddr,
    log: Log,
}

impl Sandbox {
    /// Starts one in the current tokio runtime.
    ///
    /// # Errors
    /// Where it cannot listen.
    pub async fn start(options: Options) -> std::io::Result<Self> {
        let address = SocketAddr::new(options.host, options.port);
        Ok(Self { address, log: Log::default() })
    }

    /// The address of a server in it by its slug; `orders` is the one that the showcase uses.
    #[must_use]
    pub fn url(&self, slug: &str) -> String {
        format!(
            "http://{}/acme/Default/agenthub_/mcp/6f0c2a4e-8a1b-4c3d-9e5f-0123456789ab/{slug}",
            self.address
        )
    }

    /// What it saw.
    #[must_use]
    pub fn log(&self) -> Log {
        self.log.clone()
    }
}

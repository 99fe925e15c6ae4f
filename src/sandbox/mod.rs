//! The embedded server: an MCP server behind an address, tokens and failures like those of UiPath's, on
//! loopback, for the showcase, for trying out and for our own tests.
//!
//! A request passes three layers. `gate` looks at address, token, method and body, and may answer by itself.
//! `tap` sees each JSON-RPC message both ways, and spoils what [`FAULT_HEADER`] asks for. Behind it is rmcp,
//! an implementation of the protocol that is not ours, with the servers: `orders`, which is as UiPath's are
//! known to be, and `lab`, the same with a stream for a GET. Of the older eras' sessions `sessions` takes care.
//! Nothing here knows scenarios.

mod answer;
mod asks;
mod completion;
mod content;
mod core_tasks;
mod door;
mod fault;
mod gate;
mod jobs;
mod listeners;
mod log;
mod numbered;
mod orders;
mod processes;
mod questions;
mod sessions;
mod spoil;
mod tap;
mod tasks;
mod tools;
mod world;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio_util::sync::{CancellationToken, DropGuard};

pub use fault::{FAULT_HEADER, Fault};
pub use log::{Entry, Log, MAX_BODY_BYTES, MAX_ENTRIES};

/// The token of the user who may do everything.
pub const OWNER_TOKEN: &str = "rt_5A4E0B0C0DE0F00D0C0FFEE0ACE0BA5E0FACADE1";
/// The token of a user whose PAT lacks `OR.Jobs`: tools are listed, calls fail.
pub const AUDITOR_TOKEN: &str = "rt_A0D170C0DE0F00D0C0FFEE0ACE0BA5E0FACADE02";
/// The organization of the sandbox's address.
pub const ORGANIZATION: &str = "acme";
/// The tenant of the sandbox's address.
pub const TENANT: &str = "Default";
/// The folder key of the sandbox's address.
pub const FOLDER_KEY: &str = "6f0c2a4e-8a1b-4c3d-9e5f-0123456789ab";

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

/// A sandbox that runs. Dropping it ends all that it started: connections, sessions, tools.
#[derive(Debug)]
pub struct Sandbox {
    address: SocketAddr,
    log: Log,
    world: Arc<world::World>,
    _running: DropGuard,
}

impl Sandbox {
    /// Starts one in the current tokio runtime.
    ///
    /// # Errors
    /// Where it cannot listen.
    pub async fn start(options: Options) -> std::io::Result<Self> {
        let closing = CancellationToken::new();
        let door = door::Door::open((options.host, options.port).into(), closing.clone())?;
        let address = axum::serve::Listener::local_addr(&door)?;
        let log = Log::default();
        let world = Arc::new(world::World::new(closing.clone()));
        let tap = |streams| {
            let serving = tap::Serving { loopback: options.host.is_loopback(), streams };
            tap::Tap::new(serving, gate::MAX_BODY, &world, closing.clone())
        };
        let (orders, lab) = (tap(false), tap(true));
        let gate = Arc::new(gate::Gate { log: log.clone(), orders, lab, faults: fault::Faults::default() });
        let router = axum::Router::new().fallback(gate::enter).with_state(gate);
        let serving = axum::serve(door, router).with_graceful_shutdown(closing.clone().cancelled_owned());
        tokio::spawn(async move {
            // It cannot fail: the door waits out what keeps a connection from being accepted.
            let _ = serving.await;
        });
        Ok(Self { address, log, world, _running: closing.drop_guard() })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address of a server in it by its slug. `orders` is the one that the showcase uses: it takes no GET,
    /// as UiPath's don't, so in the eras with sessions it can tell of no change. `lab` is the same with that
    /// stream, and with `resources/subscribe`. Both work on the same invoices and jobs.
    #[must_use]
    pub fn url(&self, slug: &str) -> String {
        format!("http://{}/{ORGANIZATION}/{TENANT}/agenthub_/mcp/{FOLDER_KEY}/{slug}", self.address)
    }

    /// The ids of the invoices that were created and not deleted, the oldest first: what tests left behind.
    #[must_use]
    pub fn open_invoices(&self) -> Vec<String> {
        self.world.open_invoices().into_iter().map(|(id, _)| id).collect()
    }

    /// What it saw.
    #[must_use]
    pub fn log(&self) -> Log {
        self.log.clone()
    }
}

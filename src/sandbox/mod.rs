//! The embedded server: an MCP server behind an address, tokens and failures like those of UiPath's, on
//! loopback, for the showcase, for trying out and for our own tests.
//!
//! A request passes three layers. `gate` looks at address, token, method and body, and may answer by itself.
//! `tap` sees each JSON-RPC message both ways, and spoils what [`FAULT_HEADER`] asks for. Behind it is rmcp,
//! an implementation of the protocol that is not ours, with the servers. Of the older eras' sessions `sessions`
//! takes care.
//!
//! Who there is and what they may do is data, [`World`], which a test changes as it likes; what nobody outside
//! knows of the real server is a knob of [`crate::knobs`]; and why something was refused only the log says.
//! Nothing here knows scenarios.

mod address;
mod answer;
mod asks;
mod clock;
mod completion;
mod content;
mod core_tasks;
mod door;
mod eras;
mod fault;
mod gate;
mod holder;
mod identity;
mod jobs;
mod listeners;
mod log;
mod numbered;
mod orders;
mod processes;
mod questions;
mod refuse;
mod rest;
mod rights;
mod sessions;
mod shop;
mod spoil;
mod stress;
mod tap;
mod tasks;
mod tools;
mod troubles;
mod upgrade;
mod world;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::{CancellationToken, DropGuard};

pub use fault::{FAULT_HEADER, Fault};
pub use identity::jwt;
pub use log::{Entry, Log, MAX_BODY_BYTES, MAX_ENTRIES, Refused};
pub use world::{
    AUDIENCE, Account, App, Catalog, Folder, Grant, Organization, Permission, Role, Server, ServerKind,
    Tenant, Token, TokenKind, User, World,
};

/// The token of the user who may do everything.
pub const OWNER_TOKEN: &str = "rt_5A4E0B0C0DE0F00D0C0FFEE0ACE0BA5E0FACADE1";
/// The token of a user whose PAT lacks `OR.Jobs`: tools are listed, calls fail.
pub const AUDITOR_TOKEN: &str = "rt_A0D170C0DE0F00D0C0FFEE0ACE0BA5E0FACADE02";
/// The token of the owner who logged in, good for the Integration Service, too. It ends with the century.
pub const INTERACTIVE_TOKEN: &str = "eyJhbGciOiJSUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJhdWQiOiJVaVBhdGguT3JjaGVzdHJhdG9yIiwic3ViIjoiYWRhIiwiZXhwIjo0MTAyNDQ0ODAwfQ.dGhlIHNhbmRib3ggc2lnbnMgbm90aGluZw";
/// The organization of the sandbox's address.
pub const ORGANIZATION: &str = "acme";
/// The tenant of the sandbox's address.
pub const TENANT: &str = "Default";
/// The folder key of the sandbox's address.
pub const FOLDER_KEY: &str = "6f0c2a4e-8a1b-4c3d-9e5f-0123456789ab";

/// The key of a second folder, where the auditor has no role.
pub const FINANCE_KEY: &str = "7a1d3b5f-9b2c-4d4e-8f60-123456789abc";
/// What the sandbox's clock shows at its start unless it is told: 2026-11-23, noon UTC.
const START: i64 = 1_795_435_200;

/// How the sandbox is started.
#[derive(Clone, Debug)]
pub struct Options {
    /// The address to listen on.
    pub host: IpAddr,
    /// The port; 0 for a free one.
    pub port: u16,
    /// Its state at the start.
    pub world: World,
    /// What its clock shows at the start.
    pub now: Timestamp,
}

impl Default for Options {
    fn default() -> Self {
        let now = Timestamp::from_second(START).unwrap_or_default();
        Self { host: IpAddr::V4(Ipv4Addr::LOCALHOST), port: 0, world: World::default(), now }
    }
}

/// A sandbox that runs. Dropping it ends all that it started: connections, sessions, tools.
pub struct Sandbox {
    address: SocketAddr,
    gate: Arc<gate::Gate>,
    _running: DropGuard,
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Sandbox").field("address", &self.address).finish_non_exhaustive()
    }
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
        let gate = Arc::new(gate::Gate {
            log: Log::default(),
            world: RwLock::new(Arc::new(options.world)),
            clock: clock::Clock::new(options.now),
            shop: Arc::new(shop::Shop::new(closing.clone())),
            loopback: options.host.is_loopback(),
            closing: closing.clone(),
            troubles: troubles::Troubles::default(),
            taps: std::sync::Mutex::default(),
        });
        let router = axum::Router::new().fallback(gate::enter).with_state(Arc::clone(&gate));
        let serving = axum::serve(door, router).with_graceful_shutdown(closing.clone().cancelled_owned());
        tokio::spawn(async move {
            // It cannot fail: the door waits out what keeps a connection from being accepted.
            let _ = serving.await;
        });
        Ok(Self { address, gate, _running: closing.drop_guard() })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address of a server by its slug, in the first folder that has one of it; an unknown slug is sought in the
    /// first folder. `orders` is the one that the showcase uses: it takes no GET, as UiPath's don't, so in the eras
    /// with sessions it can tell of no change. `lab` is the same with that stream, and with `resources/subscribe`. All
    /// work on the same invoices and jobs.
    #[must_use]
    pub fn url(&self, slug: &str) -> String {
        let world = self.world();
        let folder = world.folder_with(slug).map_or(FOLDER_KEY, |folder| &folder.key);
        format!("http://{}/{ORGANIZATION}/{TENANT}/agenthub_/mcp/{folder}/{slug}", self.address)
    }

    /// The ids of the invoices that were created and not deleted, the oldest first: what tests left behind.
    #[must_use]
    pub fn open_invoices(&self) -> Vec<String> {
        self.gate.shop.open_invoices().into_iter().map(|(id, _)| id).collect()
    }

    /// What it saw.
    #[must_use]
    pub fn log(&self) -> Log {
        self.gate.log.clone()
    }

    /// Its state.
    #[must_use]
    pub fn world(&self) -> Arc<World> {
        self.gate.world()
    }

    /// Changes its state, for the requests to come.
    pub fn change(&self, change: impl FnOnce(&mut World)) {
        self.gate.change(change);
    }

    /// Moves its clock on: tokens and sessions end, servers get warm.
    pub fn advance(&self, time: Duration) {
        self.gate.clock.advance(time);
    }

    /// What its clock shows.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.gate.clock.now(self.world().is_virtual(), 0)
    }
}

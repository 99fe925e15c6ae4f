//! What the cases of a run share of a server: the HTTP client, the era, what was discovered, the tools.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use http::HeaderMap;
use serde_json::Value;
use tokio::sync::OnceCell;
use url::Url;

use super::patience::Hold;
use super::request::base_headers;
use super::{Bounds, ClientConfig, Endpoint, Program, Session, SessionConfig, Tools, Version};
use crate::auth::{Redactor, Secret};
use crate::transport::{Http, Limits};

/// A server of a run: its HTTP client, its era once it is known, its tools once they were listed. Shared by
/// all cases.
pub struct Client {
    pub(super) config: ClientConfig,
    pub(super) medium: Medium,
    /// The era of the server, once a probe has found it.
    pub(super) era: OnceCell<Era>,
    /// Whether it is known that the server speaks HTTP+SSE.
    pub(super) has_events: AtomicBool,
    /// Whether it is known that the server wants no routing id.
    pub(super) unrouted: AtomicBool,
    /// Until when the server is left alone.
    pub(super) held: Mutex<Hold>,
    discovered: Shared<Discovered>,
    tools: Shared<Result<Tools, String>>,
    echoes: Mutex<HashMap<String, Redactor>>,
    /// Whether the server leaves streams open after their answers.
    pub(super) lingers: AtomicBool,
}

/// How the server is reached.
pub(super) enum Medium {
    Http(Http),
    Program(Program),
}

/// One cell for each version and who asks in it.
type Shared<T> = Mutex<HashMap<(String, Version), Arc<OnceCell<T>>>>;

/// The tools, once they were listed; or why they could not be.
pub(super) type Listing = Arc<OnceCell<Result<Tools, String>>>;

/// How sessions with a server begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Era {
    /// With `initialize`.
    Legacy,
    /// With metadata in every request.
    Modern(Version),
}

/// What `server/discover` told one identity.
#[derive(Clone, Debug)]
pub(super) struct Discovered {
    pub(super) capabilities: Value,
    pub(super) server_info: Value,
}

impl Client {
    /// A client. Nothing is opened yet.
    ///
    /// # Errors
    /// Where TLS cannot be set up, or a header of the suite cannot be sent.
    pub fn new(config: ClientConfig) -> Result<Arc<Self>, String> {
        base_headers(&config.headers, None)?;
        let medium = match &config.endpoint {
            Endpoint::Url(url) => {
                let limits = limits_of(config.bounds);
                Medium::Http(Http::new(url.clone(), &config.route, config.connect, limits)?)
            }
            Endpoint::Program(program) => Medium::Program(program.clone()),
        };
        Ok(Arc::new(Self {
            config,
            medium,
            era: OnceCell::new(),
            has_events: AtomicBool::new(false),
            unrouted: AtomicBool::new(false),
            held: Mutex::default(),
            discovered: Mutex::default(),
            tools: Mutex::default(),
            echoes: Mutex::default(),
            lingers: AtomicBool::new(false),
        }))
    }

    /// The address that it asks; none for a command.
    #[must_use]
    pub fn url(&self) -> Option<&Url> {
        match &self.config.endpoint {
            Endpoint::Url(url) => Some(url),
            Endpoint::Program(_) => None,
        }
    }

    /// A session, not yet open.
    #[must_use]
    pub fn session(self: &Arc<Self>, config: SessionConfig) -> Session {
        Session::new(Arc::clone(self), config)
    }

    pub(super) fn limits(&self) -> Limits {
        limits_of(self.config.bounds)
    }

    pub(super) fn headers(&self, token: Option<&Secret>) -> Result<HeaderMap, String> {
        base_headers(&self.config.headers, token)
    }

    /// What knows an identity's token, made once for each.
    pub(super) fn echo(&self, identity: &str, token: &Secret) -> Redactor {
        let mut echoes = self.echoes.lock().unwrap_or_else(PoisonError::into_inner);
        let echo = echoes.entry(identity.to_owned()).or_default();
        // One that it knows already costs nothing.
        echo.add(token);
        echo.clone()
    }

    pub(super) fn discovered(&self, identity: &str, version: Version) -> Arc<OnceCell<Discovered>> {
        cell(&self.discovered, identity, version)
    }

    /// The tools, for an identity and what the client can do: a server may offer a tool that asks only to those who
    /// can answer.
    pub(super) fn listed_tools(&self, identity: &str, version: Version, capabilities: &Value) -> Listing {
        cell(&self.tools, &format!("{identity}\n{capabilities}"), version)
    }

    /// Has the tools listed anew by the next who asks, unless another listing took the place of this one already.
    pub(super) fn forget_tools(&self, listing: &Listing) {
        let mut tools = self.tools.lock().unwrap_or_else(PoisonError::into_inner);
        tools.retain(|_, known| !Arc::ptr_eq(known, listing));
    }
}

fn limits_of(bounds: Bounds) -> Limits {
    Limits { body: bounds.body, event: bounds.event, stream: bounds.stream }
}

fn cell<T>(cells: &Shared<T>, who: &str, version: Version) -> Arc<OnceCell<T>> {
    let mut cells = cells.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(cells.entry((who.to_owned(), version)).or_default())
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("name", &self.config.name).finish_non_exhaustive()
    }
}

//! The servers of a run: one client for each, built on first use; tokens, read once for each identity; the
//! embedded sandboxes, started on first use; and the pace of requests.

#[cfg(feature = "sandbox")]
use std::collections::BTreeMap;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::{Mutex, OnceCell, Semaphore};
use tokio::time::Instant;

use crate::auth::{Environment, Redactor, Secret};
use crate::exchange::Exchange;
use crate::knobs::Knobs;
use crate::mcp::{Bounds, Client, ClientConfig, Endpoint, Program, Route};
use crate::model::{self, Setting, Suite, Target};

/// The servers of one run.
pub(super) struct Servers {
    entries: HashMap<String, Entry>,
    environment: Environment,
    redactor: Redactor,
    /// The variables that hold secrets: no server that is started inherits them.
    secret_variables: Vec<String>,
    #[cfg(feature = "sandbox")]
    sandboxes: BTreeMap<Knobs, OnceCell<Result<crate::sandbox::Sandbox, String>>>,
    listed: Arc<Listed>,
}

/// Told of every listing of tools that a client makes for itself: server, identity, exchange.
type Listed = dyn Fn(&str, &str, &Exchange) + Send + Sync;

/// One server of a run.
pub(super) struct Entry {
    pub(super) model: model::Server,
    client: OnceCell<Result<Arc<Client>, String>>,
    tokens: Mutex<HashMap<String, Result<Secret, String>>>,
    /// Places for cases; none where there is no limit.
    pub(super) places: Option<Arc<Semaphore>>,
    pace: Option<Pace>,
}

impl Servers {
    pub(super) fn new(
        suite: &Suite,
        environment: Environment,
        redactor: Redactor,
        listed: Arc<Listed>,
    ) -> Self {
        let entries =
            suite.servers.iter().map(|server| (server.name.value.clone(), Entry::new(server))).collect();
        Self {
            entries,
            environment,
            redactor,
            secret_variables: suite.secret_variables(),
            #[cfg(feature = "sandbox")]
            sandboxes: suite
                .servers
                .iter()
                .filter_map(|server| match &server.target {
                    Target::Sandbox { knobs, .. } => Some((knobs.clone(), OnceCell::new())),
                    _ => None,
                })
                .collect(),
            listed,
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&Entry> {
        self.entries.get(name)
    }

    pub(super) fn environment(&self) -> &Environment {
        &self.environment
    }

    /// What templates see of a server: its name, and the host and port of its address. Those of the sandbox are
    /// not known before it is started.
    pub(super) fn scope(&self, name: &str) -> Value {
        let url = self.entries.get(name).and_then(|entry| match &entry.model.target {
            Target::Url(url) => Some(url.clone()),
            #[cfg(feature = "sandbox")]
            Target::Sandbox { slug, knobs } => {
                self.sandboxes.get(knobs)?.get()?.as_ref().ok()?.url(slug).parse().ok()
            }
            #[cfg(not(feature = "sandbox"))]
            Target::Sandbox { .. } => None,
            Target::Command(_) => None,
        });
        let mut scope = json!({"name": name});
        if let Some((host, scope)) = url.as_ref().and_then(host).zip(scope.as_object_mut()) {
            scope.insert("host".to_owned(), host.into());
        }
        scope
    }

    /// The client of a server.
    pub(super) async fn client(&self, entry: &Entry) -> Result<Arc<Client>, String> {
        entry.client.get_or_init(|| self.connect(entry)).await.clone()
    }

    async fn connect(&self, entry: &Entry) -> Result<Arc<Client>, String> {
        let name = entry.model.name.value.clone();
        let endpoint = match &entry.model.target {
            Target::Url(url) => Endpoint::Url(url.clone()),
            Target::Sandbox { slug, knobs } => Endpoint::Url(self.sandbox(slug, knobs).await?),
            Target::Command(command) => Endpoint::Program(self.program(command).await?),
        };
        let route = route(&entry.model).await?;
        let listed = Arc::clone(&self.listed);
        let server = name.clone();
        Client::new(ClientConfig {
            name,
            endpoint,
            route,
            headers: entry.model.headers.clone(),
            connect: entry.model.timeouts.connect(),
            bounds: Bounds::default(),
            listed: Arc::new(move |identity, exchange| listed(&server, identity, exchange)),
        })
    }

    /// What is started for a command, its secrets read.
    async fn program(&self, command: &model::Command) -> Result<Program, String> {
        let mut env = Vec::new();
        for (name, setting) in &command.env {
            let value = match setting {
                Setting::Plain(text) => text.clone(),
                Setting::Secret(credential) => {
                    let secret = credential.read(&self.environment).await;
                    let secret = secret.map_err(|error| format!("`env: {name}`: {error}"))?;
                    self.redactor.add(&secret);
                    secret.reveal().to_owned()
                }
            };
            env.push((name.clone(), value));
        }
        let withheld = self.secret_variables.clone();
        Ok(Program { argv: command.argv.clone(), env, withheld, cwd: command.cwd.clone() })
    }

    #[cfg(feature = "sandbox")]
    async fn sandbox(&self, slug: &str, knobs: &Knobs) -> Result<url::Url, String> {
        use crate::sandbox::{Options, Sandbox, World};
        let start = || async {
            let options = Options { world: World::with(knobs.clone()), ..Options::default() };
            Sandbox::start(options).await.map_err(|error| error.to_string())
        };
        let Some(sandbox) = self.sandboxes.get(knobs) else {
            return Err("there is no such sandbox".to_owned());
        };
        match Box::pin(sandbox.get_or_init(start)).await {
            Ok(sandbox) => sandbox.url(slug).parse().map_err(|error: url::ParseError| error.to_string()),
            Err(error) => Err(format!("the sandbox could not be started: {error}")),
        }
    }

    #[cfg(not(feature = "sandbox"))]
    async fn sandbox(&self, _: &str, _: &Knobs) -> Result<url::Url, String> {
        Err("this build has no sandbox".to_owned())
    }

    /// The token of an identity; none for `anonymous` and for a server without one.
    pub(super) async fn token(&self, entry: &Entry, identity: &str) -> Result<Option<Secret>, String> {
        let Some(credential) = entry.model.credential(identity) else { return Ok(None) };
        let mut tokens = entry.tokens.lock().await;
        if let Some(known) = tokens.get(identity) {
            return known.clone().map(Some);
        }
        let token = credential.read(&self.environment).await.map_err(|error| error.to_string());
        if let Ok(secret) = &token {
            self.redactor.add(secret);
        }
        tokens.insert(identity.to_owned(), token.clone());
        token.map(Some)
    }
}

/// The host of an address, with its port where that is not the usual one: as the header `Host` has it.
fn host(url: &url::Url) -> Option<String> {
    let host = url.host_str()?;
    Some(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
}

/// How connections to a server are made: reads the files that say it.
async fn route(server: &model::Server) -> Result<Route, String> {
    let model::Tls { ca, cert, key } = &server.tls;
    let identity = match (cert, key) {
        (Some(cert), Some(key)) => Some(format!("{}\n{}", pem("cert", cert).await?, pem("key", key).await?)),
        (Some(both), None) => Some(pem("cert", both).await?),
        (None, _) => None,
    };
    let ca = match ca {
        Some(ca) => Some(pem("ca", ca).await?),
        None => None,
    };
    Ok(Route { ca, identity: identity.map(Secret::new), socket: server.socket.clone() })
}

async fn pem(key: &str, path: &Path) -> Result<String, String> {
    let text = tokio::fs::read_to_string(path).await;
    text.map_err(|error| format!("`{key}` of `tls` cannot be read: {}: {error}", path.display()))
}

impl Entry {
    fn new(server: &model::Server) -> Self {
        Self {
            model: server.clone(),
            client: OnceCell::new(),
            tokens: Mutex::default(),
            places: server.limits.concurrency.map(|places| Arc::new(Semaphore::new(places))),
            pace: server.limits.rate.map(Pace::new),
        }
    }

    /// Waits for the server's pace, if it has one.
    pub(super) async fn turn(&self) {
        if let Some(pace) = &self.pace {
            pace.turn().await;
        }
    }
}

/// Requests a second: each takes the next free moment.
struct Pace {
    gap: Duration,
    next: Mutex<Option<Instant>>,
}

impl Pace {
    fn new(rate: f64) -> Self {
        let gap = Duration::try_from_secs_f64(1.0 / rate).unwrap_or(Duration::ZERO);
        Self { gap, next: Mutex::new(None) }
    }

    async fn turn(&self) {
        let at = {
            let mut next = self.next.lock().await;
            let now = Instant::now();
            let at = next.map_or(now, |at| at.max(now));
            *next = Some(at + self.gap);
            at
        };
        tokio::time::sleep_until(at).await;
    }
}

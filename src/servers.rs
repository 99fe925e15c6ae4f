//! The servers of a run: one client for each, built on first use; tokens, read once for each identity; the
//! embedded sandboxes, started on first use; and the pace of requests.

#[cfg(feature = "sandbox")]
use std::collections::BTreeMap;
use std::collections::HashMap;
use std::path::Path;
use std::sync::{self, Arc, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::{Mutex, OnceCell, Semaphore};
use tokio::time::Instant;

use url::Url;

use crate::auth::{App, Credential, CredentialError, Environment, Redactor, Secret};
use crate::exchange::Exchange;
use crate::knobs::Knobs;
use crate::mcp::{Bounds, Client, ClientConfig, Endpoint, Program, Route};
use crate::model::{self, Setting, Suite, Target};
use crate::uipath::{self, Address, Folder, Mistake, NoToken, Refusal, Rest, Trouble, Written};

/// How long Orchestrator and the identity server may take for one answer.
const ANSWER: Duration = Duration::from_secs(30);

/// How long the key of a folder may take, of however many answers.
const LOOK_UP: Duration = Duration::from_secs(60);

/// A token that is renewed is given to a new session only where it lasts this much longer, or half of its time.
const RESERVE: Duration = Duration::from_secs(600);

/// How long a token is given out, at the least, before another is asked for in a session that is open, or after that
/// failed.
const AGAIN: Duration = Duration::from_secs(30);

/// How often the token of an identity is replaced because it was refused: it need not be its time that is over.
const RENEWALS: u32 = 3;

/// The servers of one run.
pub(crate) struct Servers {
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
pub(crate) struct Entry {
    pub(crate) model: model::Server,
    client: OnceCell<Result<Arc<Client>, Lack>>,
    /// The tokens of the identities that have one.
    tokens: HashMap<String, Holder>,
    /// Places for cases; none where there is no limit.
    pub(crate) places: Option<Arc<Semaphore>>,
    pace: Option<Pace>,
}

/// What is missing to reach a server.
#[derive(Clone, Debug)]
pub(crate) struct Lack {
    /// What is missing or wrong.
    pub(crate) message: String,
    /// The way out, where there is one to tell.
    pub(crate) help: Option<String>,
    /// What kind of lack it is.
    pub(crate) why: Why,
}

/// What kind of thing is missing.
#[derive(Clone, Debug, Default)]
pub(crate) enum Why {
    /// Something else is missing.
    #[default]
    Other,
    /// The address: the kind of mistake in it.
    Address(Mistake),
    /// It is not where it should be.
    NoToken,
    /// What is there is none.
    Damaged,
    /// The identity server gave none; what it answered.
    Refused(Option<Box<Refusal>>),
}

/// Where the token of one identity is kept. To look at it takes no time, whatever is being asked for.
#[derive(Default)]
struct Holder {
    held: sync::Mutex<Option<Held>>,
    /// Held while it is read or asked for: the others wait, and get the same. Each identity has a turn of its own.
    turn: Mutex<()>,
}

/// A token that was read, or why there is none.
#[derive(Clone)]
struct Held {
    token: Result<Secret, Lack>,
    /// Until when that is good; for good where there is no end to see.
    until: Option<Instant>,
    /// Since when.
    since: Instant,
    /// When the token has run out, where that is known.
    ends: Option<Instant>,
    /// How often it was replaced because it was refused.
    renewals: u32,
}

impl From<String> for Lack {
    fn from(message: String) -> Self {
        Self { message, help: None, why: Why::Other }
    }
}

impl From<CredentialError> for Lack {
    fn from(error: CredentialError) -> Self {
        let why = if error.damaged { Why::Damaged } else { Why::NoToken };
        Self { message: error.to_string(), help: error.help, why }
    }
}

impl From<Trouble> for Lack {
    fn from(Trouble { message, help, mistake }: Trouble) -> Self {
        Self { message, help: Some(help), why: Why::Address(mistake) }
    }
}

impl From<Box<NoToken>> for Lack {
    fn from(no: Box<NoToken>) -> Self {
        let NoToken { trouble, refusal } = *no;
        Self { why: Why::Refused(refusal.map(Box::new)), ..trouble.into() }
    }
}

impl Servers {
    pub(crate) fn new(
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

    pub(crate) fn get(&self, name: &str) -> Option<&Entry> {
        self.entries.get(name)
    }

    pub(crate) fn environment(&self) -> &Environment {
        &self.environment
    }

    pub(crate) fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// What templates see of a server: its name, and the host and port of its address. Those of the sandbox are
    /// not known before it is started.
    pub(crate) fn scope(&self, name: &str) -> Value {
        let mut scope = json!({"name": name});
        let host = self.entries.get(name).and_then(|entry| host(&self.address(entry)?));
        if let Some((host, scope)) = host.zip(scope.as_object_mut()) {
            scope.insert("host".to_owned(), host.into());
        }
        scope
    }

    /// The address of a server, or only its host, as far as it is known without asking anybody.
    fn address(&self, entry: &Entry) -> Option<Url> {
        match &entry.model.target {
            Target::Url(url) => Some(url.clone()),
            Target::Uipath(written) => Url::parse(&written.fill(&self.environment).ok()?.base).ok(),
            #[cfg(feature = "sandbox")]
            Target::Sandbox { slug, knobs } => {
                self.sandboxes.get(knobs)?.get()?.as_ref().ok()?.url(slug).parse().ok()
            }
            #[cfg(not(feature = "sandbox"))]
            Target::Sandbox { .. } => None,
            Target::Command(_) => None,
        }
    }

    /// The client of a server.
    pub(crate) async fn client(&self, entry: &Entry) -> Result<Arc<Client>, Lack> {
        entry.client.get_or_init(|| Box::pin(self.connect(entry))).await.clone()
    }

    async fn connect(&self, entry: &Entry) -> Result<Arc<Client>, Lack> {
        let name = entry.model.name.value.clone();
        let endpoint = match &entry.model.target {
            Target::Url(url) => Endpoint::Url(url.clone()),
            Target::Uipath(written) => Endpoint::Url(self.located(entry, written).await?),
            Target::Sandbox { slug, knobs } => Endpoint::Url(self.sandbox(slug, knobs).await?),
            Target::Command(command) => Endpoint::Program(self.program(command).await?),
        };
        let route = route(&entry.model).await?;
        let listed = Arc::clone(&self.listed);
        let server = name.clone();
        Ok(Client::new(ClientConfig {
            name,
            endpoint,
            route,
            headers: entry.model.headers.clone(),
            connect: entry.model.timeouts.connect(),
            bounds: Bounds::default(),
            listed: Arc::new(move |identity, exchange| listed(&server, identity, exchange)),
        })?)
    }

    /// The address of a UiPath server: what the suite leaves out comes from the environment, and the key of a folder
    /// that is named by its path from Orchestrator, asked with the server's own token.
    async fn located(&self, entry: &Entry, written: &Written) -> Result<Url, Lack> {
        let (address, host) = self.filled(entry, written)?;
        let url = match &address.folder {
            Folder::Key(key) => address.url_in(key),
            Folder::Path(path) => {
                let token = self.token(entry, "default").await?.ok_or_else(|| Lack {
                    message: "the key of the folder cannot be looked up: the server has no token of its own"
                        .to_owned(),
                    help: Some("write `folderKey`, or give the server `auth`".to_owned()),
                    why: Why::Address(Mistake::NotLookedUp),
                })?;
                let rest = self.rest(entry, &host).await?;
                let asked = Box::pin(uipath::folder_key(&rest, &address, path, &token));
                let key = tokio::time::timeout(LOOK_UP, asked).await.map_err(|_| Lack {
                    message: format!(
                        "the key of the folder could not be looked up within {} s",
                        LOOK_UP.as_secs()
                    ),
                    help: Some("write the folder's key: `folderKey`".to_owned()),
                    why: Why::Address(Mistake::NotLookedUp),
                })?;
                address.url_in(&key?)
            }
        };
        url.ok_or_else(|| "the parts of the address make none".to_owned().into())
    }

    /// The whole address, and its host, to which a token may be sent.
    pub(crate) fn filled(&self, entry: &Entry, written: &Written) -> Result<(Address, Url), Lack> {
        let address = written.fill(&self.environment)?;
        let plain = entry.model.insecure || entry.model.socket.is_some();
        let host = model::address(&address.base, plain).map_err(|error| Lack {
            message: format!("the address cannot be used: {}", error.message),
            help: Some(error.help.to_owned()),
            why: Why::Other,
        })?;
        Ok((address, host))
    }

    /// What asks Orchestrator at the host of an address.
    pub(crate) async fn rest(&self, entry: &Entry, host: &Url) -> Result<Rest, Lack> {
        let (connect, redactor) = (entry.model.timeouts.connect(), self.redactor.clone());
        Ok(Rest::new(host, &route(&entry.model).await?, connect, ANSWER, redactor)?)
    }

    /// What is started for a command, its secrets read.
    async fn program(&self, command: &model::Command) -> Result<Program, Lack> {
        let mut env = Vec::new();
        for (name, setting) in &command.env {
            let value = match setting {
                Setting::Plain(text) => text.clone(),
                Setting::Secret(credential) => {
                    let secret = credential.read(&self.environment).await;
                    let secret = secret.map_err(|error| Lack {
                        message: format!("`env: {name}`: {error}"),
                        help: error.help.clone(),
                        why: Why::Other,
                    })?;
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
    async fn sandbox(&self, slug: &str, knobs: &Knobs) -> Result<Url, String> {
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
    async fn sandbox(&self, _: &str, _: &Knobs) -> Result<Url, String> {
        Err("this build has no sandbox".to_owned())
    }

    /// The token of an identity; none for `anonymous` and for a server without one.
    pub(crate) async fn token(&self, entry: &Entry, identity: &str) -> Result<Option<Secret>, Lack> {
        let Some((credential, holder)) = entry.holder(identity) else { return Ok(None) };
        let _turn = holder.turn.lock().await;
        let before = holder.held();
        if let Some(known) = before.as_ref().filter(|held| held.is_good()) {
            return known.token.clone().map(Some);
        }
        let renewals = before.as_ref().map_or(0, |held| held.renewals);
        let asked = Instant::now();
        let held = match credential {
            Credential::App(app) => match (Box::pin(self.exchanged(entry, app)).await, before) {
                (Ok(token), _) => Held { renewals, ..token },
                // What there is lasts a little longer.
                (Err(_), Some(held)) if held.lasts() => Held { until: Some(Instant::now() + AGAIN), ..held },
                // It may be there the next time. Who waited meanwhile need not wait as long again to be told the same.
                (Err(lack), _) => {
                    let until = Instant::now() + asked.elapsed().min(AGAIN);
                    Held { until: Some(until), renewals, ..Held::read(Err(lack)) }
                }
            },
            place => Held::read(place.read(&self.environment).await.map_err(Lack::from)),
        };
        if let Ok(secret) = &held.token {
            self.redactor.add(secret);
        }
        let token = held.token.clone();
        *holder.lock() = Some(held);
        token.map(Some)
    }

    /// The token that an open session goes on with; none where there is none to get. It is another where the time of the
    /// one before is nearly over, but not more often than every 30 s.
    pub(super) async fn next_token(&self, entry: &Entry, identity: &str) -> Option<Secret> {
        let (_, holder) = entry.holder(identity)?;
        {
            let _turn = holder.turn.lock().await;
            if let Some(held) = holder.held().filter(|held| held.since.elapsed() < AGAIN) {
                return held.token.ok();
            }
        }
        self.token(entry, identity).await.ok().flatten()
    }

    /// Another token in place of one of an application that was good and is refused now. Whoever comes later gets the
    /// same. None where there is none to get, or none was better.
    pub(super) async fn renewed(&self, entry: &Entry, identity: &str, refused: &Secret) -> Option<Secret> {
        let (Credential::App(app), holder) = entry.holder(identity)? else { return None };
        let _turn = holder.turn.lock().await;
        let renewals = {
            let mut held = holder.lock();
            let held = held.as_mut()?;
            match &held.token {
                Ok(token) if token != refused => return Some(token.clone()),
                _ if held.renewals >= RENEWALS => return None,
                _ => held.renewals += 1,
            }
            held.renewals
        };
        let new = Box::pin(self.exchanged(entry, app)).await.ok()?;
        let token = new.token.as_ref().ok().cloned();
        token.iter().for_each(|token| _ = self.redactor.add(token));
        *holder.lock() = Some(Held { renewals, ..new });
        token
    }

    /// The token of an external application.
    async fn exchanged(&self, entry: &Entry, app: &App) -> Result<Held, Lack> {
        let id = app.id.read(&self.environment).await?;
        let secret = app.secret.read(&self.environment).await?;
        self.redactor.add(&secret);
        let host = match &entry.model.target {
            Target::Url(url) => url.clone(),
            Target::Uipath(written) => self.filled(entry, written)?.1,
            Target::Sandbox { slug, knobs } => self.sandbox(slug, knobs).await?,
            Target::Command(_) => return Err("a command has no identity server".to_owned().into()),
        };
        let rest = self.rest(entry, &host).await?;
        let asked = Instant::now();
        let keys = (&id, &secret);
        let (token, lasts) = uipath::application_token(&rest, &host, keys, &app.scope).await?;
        let until = asked + lasts - RESERVE.min(lasts / 2);
        Ok(Held { until: Some(until), ends: Some(asked + lasts), ..Held::read(Ok(token)) })
    }

    /// What `session.auth` is for an identity: `pat`, `app`, `jwt`, or `none`. Its token is known once it was read.
    pub(super) fn auth(entry: &Entry, identity: &str) -> &'static str {
        let Some((credential, holder)) = entry.holder(identity) else { return "none" };
        credential.kind(holder.token().as_ref())
    }

    /// What can be told of an identity's token that was refused, without showing it.
    pub(crate) fn remarks(&self, entry: &Entry, identity: &str, now: jiff::Timestamp) -> Vec<String> {
        let Some(token) = entry.holder(identity).and_then(|(_, holder)| holder.token()) else {
            return Vec::new();
        };
        let address = self.address(entry);
        let host = address.as_ref().and_then(Url::host_str);
        crate::auth::remarks(&token, now, host, entry.model.is_uipath())
    }
}

impl Holder {
    fn lock(&self) -> sync::MutexGuard<'_, Option<Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn held(&self) -> Option<Held> {
        self.lock().clone()
    }

    fn token(&self) -> Option<Secret> {
        self.lock().as_ref()?.token.as_ref().ok().cloned()
    }
}

impl Held {
    fn read(token: Result<Secret, Lack>) -> Self {
        Self { token, until: None, since: Instant::now(), ends: None, renewals: 0 }
    }

    /// Whether there is a token that has not run out.
    fn lasts(&self) -> bool {
        self.token.is_ok() && self.ends.is_some_and(|ends| Instant::now() < ends)
    }

    fn is_good(&self) -> bool {
        self.until.is_none_or(|until| Instant::now() < until)
    }
}

/// The host of an address, with its port where that is not the usual one: as the header `Host` has it.
fn host(url: &Url) -> Option<String> {
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
        let names = server.identity_names().filter(|name| server.credential(name).is_some());
        let tokens = names.map(|name| (name.to_owned(), Holder::default())).collect();
        Self {
            model: server.clone(),
            client: OnceCell::new(),
            tokens,
            places: server.limits.concurrency.map(|places| Arc::new(Semaphore::new(places))),
            pace: server.limits.rate.map(Pace::new),
        }
    }

    /// Where the token of an identity comes from, and where it is kept.
    fn holder(&self, identity: &str) -> Option<(&Credential, &Holder)> {
        self.model.credential(identity).zip(self.tokens.get(identity))
    }

    /// Waits for the server's pace, if it has one, and while it wants to be left alone.
    pub(crate) async fn turn(&self) {
        loop {
            self.welcome().await;
            if let Some(pace) = &self.pace {
                pace.turn().await;
            }
            // Where it said so meanwhile, all that wait would come at once.
            if self.held().is_none_or(|until| until <= Instant::now()) {
                return;
            }
        }
    }

    /// Until when the server wants to be left alone, where it has said so.
    pub(super) fn held(&self) -> Option<Instant> {
        self.client.get()?.as_ref().ok()?.held()
    }

    /// Waits while the server wants to be left alone, since it was asked too often.
    pub(super) async fn welcome(&self) {
        if let Some(Ok(client)) = self.client.get() {
            client.welcome().await;
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

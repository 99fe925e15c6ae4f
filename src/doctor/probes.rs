//! The questions, one after the other, each using as little as possible: what stands there, the host without a token,
//! the protocol without one, a session, its tools, a call where one was invited. Where the answer to one makes the next
//! meaningless, it is not put, and why is found, too.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::{CallFinding, Findings, NotAsked, Probe, Reply, Step, TokenState};
use super::{asked, mask, offline};
use crate::auth::Secret;
use crate::exchange::{Answer, Exchange};
use crate::mcp::{Client, ListKind, Operation, Responder, SendOptions, Session, SessionConfig};
use crate::model::Target;
use crate::nearest::nearest;
use crate::servers::{Entry, Servers};
use crate::uipath::{self, Fault, Folder, Rest, Trouble};

/// How long a question without a token may take: nothing has to be started for it.
const BARE: Duration = Duration::from_secs(30);

/// How long one question to the REST side may take.
const REST: Duration = Duration::from_secs(20);

/// How long closing the session may take.
const CLOSING: Duration = Duration::from_secs(3);

/// Told of each step when it is over, with all that was found so far.
pub(crate) type Watch<'a> = dyn FnMut(Step, &Findings) + Send + 'a;

/// What is to be found out.
pub(crate) struct Question<'a> {
    /// The servers of the suite.
    pub(crate) servers: &'a Servers,
    /// The server.
    pub(crate) server: &'a str,
    /// The identity.
    pub(crate) identity: &'a str,
    /// What is known to be wrong with the address already.
    pub(crate) faults: Vec<Fault>,
    /// Why it cannot be asked, where that is known already.
    pub(crate) lack: Option<Trouble>,
    /// The tool to call, and its arguments.
    pub(crate) call: Option<(String, Value)>,
    /// The clock.
    pub(crate) now: Timestamp,
    /// How long all of it may take.
    pub(crate) limit: Duration,
    /// How long one question may take, where that is less than the server's `timeouts` say.
    pub(crate) patience: Duration,
    /// Ends what is in flight.
    pub(crate) cancel: CancellationToken,
}

/// Asks.
pub(crate) async fn examine(question: &Question<'_>, watch: &mut Watch<'_>) -> Findings {
    let found = Findings {
        at: question.now,
        server: question.server.to_owned(),
        identity: question.identity.to_owned(),
        faults: question.faults.clone(),
        lack: question.lack.clone(),
        ..Findings::default()
    };
    let Some(entry) = question.servers.get(question.server) else { return found };
    let until = Instant::now() + question.limit;
    let mut examination = Examination {
        question,
        entry,
        watch,
        until,
        found,
        token: None,
        client: None,
        rest: None,
        url: None,
        schemas: Vec::new(),
    };
    Box::pin(examination.all()).await;
    mask::findings(question.servers.redactor(), &mut examination.found);
    examination.found
}

/// What is known while it is asked.
pub(super) struct Examination<'a, 'w> {
    pub(super) question: &'a Question<'a>,
    pub(super) entry: &'a Entry,
    watch: &'a mut Watch<'w>,
    until: Instant,
    pub(super) found: Findings,
    pub(super) token: Option<Secret>,
    client: Option<Arc<Client>>,
    pub(super) rest: Option<Rest>,
    url: Option<Url>,
    /// The tools as they were listed.
    schemas: Vec<Value>,
}

impl Examination<'_, '_> {
    async fn all(&mut self) {
        let servers = self.question.servers;
        let target = &self.entry.model.target;
        self.found.is_uipath = is_uipath(target);
        match self.found.lack {
            None => offline::address(servers, self.entry, &mut self.found),
            Some(_) => {
                if let Target::Url(url) = target {
                    self.found.target = url.to_string();
                }
            }
        }
        let by_path =
            matches!(&self.found.address, Some(address) if matches!(address.folder, Folder::Path(_)));
        if self.found.lack.is_none() && !by_path {
            self.connect().await;
        }
        let base = self.found.address.as_ref().and_then(|address| Url::parse(&address.base).ok());
        let url = self.url.clone().or(base);
        offline::variables(servers.environment(), url.as_ref(), &mut self.found);
        self.done(Step::Address);
        self.token = offline::token(servers, self.entry, &mut self.found, self.question.now).await;
        self.done(Step::Token);
        let later = [Step::Version, Step::Bare, Step::Opening, Step::Listing, Step::Call];
        if self.found.lack.is_some() {
            return self.skip(&later, "there is no address that can be asked");
        }
        if let Some(url) = url.filter(|_| self.found.is_uipath) {
            self.rest = servers.rest(self.entry, &url).await.ok();
            self.version(&url).await;
            if let Some(why) = self.found.version.as_ref().and_then(unreachable) {
                return self.skip(&later, why);
            }
        }
        if by_path {
            self.connect().await;
            if let Some(lack) = &self.found.lack {
                let why = lack.message.clone();
                // Whether the token is good for anything is still to be told.
                if self.token.is_some() {
                    self.folders().await;
                }
                return self.skip(&later, &why);
            }
        }
        self.protocol().await;
    }

    /// What is asked of the protocol, and what explains it.
    async fn protocol(&mut self) {
        let Some(client) = self.client.clone() else { return };
        let is_wanted = !matches!(self.found.token.state, TokenState::None);
        if is_wanted && client.url().is_some() {
            self.bare(&client).await;
            if let Some(why) = self.found.bare.as_ref().and_then(unreachable) {
                return self.skip(&[Step::Opening, Step::Listing, Step::Call], why);
            }
            if is_silent(self.found.version.as_ref()) && is_silent(self.found.bare.as_ref()) {
                let why = "the host answers nothing in time";
                return self.skip(&[Step::Opening, Step::Listing, Step::Call], why);
            }
        }
        if is_wanted && self.token.is_none() {
            return self.skip(&[Step::Opening, Step::Listing, Step::Call], "there is no token to ask with");
        }
        let session = self.session(&client, self.question.identity, self.token.clone());
        if self.open(&client, &session).await {
            self.list(&client, &session).await;
            self.call(&client, &session).await;
        } else {
            self.skip(&[Step::Listing, Step::Call], "there is no session");
        }
        Box::pin(self.explain()).await;
        let deadline = Instant::now() + CLOSING.min(self.left());
        if session.facts().is_some() {
            session.close(deadline).await;
        }
        session.settle(deadline).await;
    }

    /// The client, and with it the whole address.
    async fn connect(&mut self) {
        match Box::pin(self.question.servers.client(self.entry)).await {
            Ok(client) => {
                if let Some(url) = client.url() {
                    self.found.target = url.to_string();
                    self.url = Some(url.clone());
                    if let Some(address) = uipath::read(url).address.filter(|_| self.found.is_uipath) {
                        self.found.address = Some(address);
                    }
                }
                self.client = Some(client);
            }
            Err(lack) => self.found.lack = Some(offline::trouble(lack)),
        }
    }

    async fn version(&mut self, host: &Url) {
        let Some(rest) = self.rest.clone() else { return };
        let Ok(url) = host.join("/orchestrator_/api/status/version") else { return };
        let started = Instant::now();
        let answer = self.within(rest.get(&url, None, &[])).await;
        let asked = ("GET /orchestrator_/api/status/version", &url);
        let mut probe = asked::of_answer(&rest, asked, &answer, started.elapsed());
        if let Ok(answer) = &answer {
            asked::version(&mut probe, answer);
        }
        self.found.version = Some(probe);
        self.done(Step::Version);
    }

    /// The first request without a token.
    async fn bare(&mut self, client: &Arc<Client>) {
        let session = self.session(client, "anonymous", None);
        let started = Instant::now();
        self.entry.turn().await;
        let limit = BARE.min(self.start());
        let exchange = session.open(Some(limit)).await;
        let took = started.elapsed();
        let is_open = session.facts().is_some();
        let mut probe = asked::of_exchange(&exchange, client.url(), is_open, took);
        probe.asked.push_str(" without a token");
        self.found.bare = Some(probe);
        self.done(Step::Bare);
        let deadline = Instant::now() + CLOSING.min(self.left());
        if is_open {
            session.close(deadline).await;
        }
        session.settle(deadline).await;
    }

    /// Whether there is a session.
    async fn open(&mut self, client: &Client, session: &Session) -> bool {
        let started = Instant::now();
        self.entry.turn().await;
        let exchange = session.open(Some(self.start())).await;
        let facts = session.facts();
        let mut probe = asked::of_exchange(&exchange, client.url(), facts.is_some(), started.elapsed());
        if let (Some(facts), Reply::Answered(answered)) = (&facts, &mut probe.reply) {
            answered.protocol = Some(facts.version.as_str().to_owned());
            let said = |name: &str| facts.server_info.get(name).and_then(Value::as_str).map(asked::short);
            answered.server = said("name").map(|name| match said("version") {
                Some(version) => format!("{name} {version}"),
                None => name,
            });
        }
        self.found.opening = Some(probe);
        self.done(Step::Opening);
        facts.is_some()
    }

    async fn list(&mut self, client: &Client, session: &Session) {
        let started = Instant::now();
        self.entry.turn().await;
        let exchange = session.perform(Operation::List(ListKind::Tools), self.options()).await;
        let is_list = exchange.items.is_some() && exchange.answer.error.is_none();
        self.schemas = exchange.items.clone().filter(|_| is_list).unwrap_or_default();
        let mut names: Vec<String> = self
            .schemas
            .iter()
            .filter_map(|tool| tool.get("name").and_then(Value::as_str).map(asked::short))
            .collect();
        names.sort();
        let model = &self.entry.model;
        self.found.integration_service =
            names.iter().filter(|name| model.is_activity(name).is_some()).cloned().collect();
        self.found.tools = names;
        self.found.listing = Some(asked::of_exchange(&exchange, client.url(), is_list, started.elapsed()));
        self.done(Step::Listing);
    }

    /// Calls the tool that somebody named, and no other.
    async fn call(&mut self, client: &Client, session: &Session) {
        let Some((tool, arguments)) = self.question.call.clone() else {
            let why = "a call may start a job: `--call TOOL` invites one";
            self.found.not_asked.push(NotAsked { step: Step::Call, why: why.to_owned() });
            return;
        };
        let schema = self
            .schemas
            .iter()
            .find(|known| known.get("name").and_then(Value::as_str) == Some(&*tool))
            .and_then(|known| known.get("inputSchema"));
        let (unknown_arguments, missing_arguments) =
            schema.map(|schema| compared(schema, &arguments)).unwrap_or_default();
        let started = Instant::now();
        self.entry.turn().await;
        let operation = Operation::Call { tool: tool.clone(), arguments: Some(arguments) };
        let exchange: Exchange = session.perform(operation, self.options()).await;
        let is_result = exchange.is_error().is_some();
        let probe = asked::of_exchange(&exchange, client.url(), is_result, started.elapsed());
        let failed = exchange.is_error() == Some(true);
        let said = || exchange.text().unwrap_or_else(|| "the result says `isError` and no text".to_owned());
        self.found.call = Some(CallFinding {
            tool,
            probe,
            tool_error: failed.then(said).map(|text| asked::short(&text)),
            unknown_arguments,
            missing_arguments,
        });
        self.done(Step::Call);
    }

    fn session(&self, client: &Arc<Client>, identity: &str, token: Option<Secret>) -> Session {
        client.session(SessionConfig {
            identity: identity.to_owned(),
            token,
            version: None,
            capabilities: json!({}),
            info: json!({"name": "callsheet-doctor", "version": env!("CARGO_PKG_VERSION")}),
            log: None,
            tasks: false,
            responder: Arc::new(Nobody),
            route: self.entry.model.is_like_uipath().then(|| uuid::Uuid::new_v4().simple().to_string()),
            start: self.entry.model.timeouts.start(),
            cancel: self.question.cancel.child_token(),
        })
    }

    fn options(&self) -> SendOptions {
        let timeout = self.entry.model.timeouts.step().min(self.question.patience).min(self.left());
        SendOptions { timeout, ..SendOptions::default() }
    }

    /// Bounds a question to the REST side.
    pub(super) async fn within(
        &self,
        asking: impl Future<Output = Result<uipath::Answer, uipath::RestError>>,
    ) -> Result<uipath::Answer, uipath::RestError> {
        let limit = REST.min(self.start());
        let answer = tokio::time::timeout(limit, Box::pin(asking)).await;
        answer.unwrap_or(Err(uipath::RestError::TimedOut(limit)))
    }

    /// How long an opening may take.
    fn start(&self) -> Duration {
        self.entry.model.timeouts.start().min(self.question.patience).min(self.left())
    }

    /// How much of the time for all of it is left.
    pub(super) fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }

    /// Says that a step is over.
    pub(super) fn done(&mut self, step: Step) {
        // What is asked next needs the address as it is.
        let mut shown = self.found.clone();
        mask::findings(self.question.servers.redactor(), &mut shown);
        (self.watch)(step, &shown);
    }

    pub(super) fn skip(&mut self, steps: &[Step], why: &str) {
        let is_put = |step: &Step| match step {
            Step::Version => self.found.is_uipath && self.found.version.is_none(),
            Step::Call => self.question.call.is_some(),
            step => self.found.probe(*step).is_none(),
        };
        let steps: Vec<Step> = steps.iter().copied().filter(is_put).collect();
        self.found.not_asked.extend(steps.into_iter().map(|step| NotAsked { step, why: why.to_owned() }));
    }
}

/// Whether a server has the REST side of Orchestrator beside it.
pub(crate) fn is_uipath(target: &Target) -> bool {
    match target {
        Target::Url(url) => uipath::looks_like(url),
        Target::Uipath(_) | Target::Sandbox { .. } => true,
        Target::Command(_) => false,
    }
}

/// Whether there was no answer in time.
pub(super) fn is_silent(probe: Option<&Probe>) -> bool {
    probe.is_some_and(|probe| matches!(probe.reply, Reply::Silent))
}

/// Why nothing more can be asked, where a question did not reach the server.
fn unreachable(probe: &Probe) -> Option<&'static str> {
    matches!(probe.reply, Reply::Broken { .. }).then_some("the server was not reached")
}

/// The arguments that a schema does not take, each with the nearest that it takes, and those that it requires and that
/// are not given.
fn compared(schema: &Value, arguments: &Value) -> (Vec<(String, Option<String>)>, Vec<String>) {
    let given = || arguments.as_object().into_iter().flatten().map(|(name, _)| name);
    let taken = schema.get("properties").and_then(Value::as_object);
    let is_closed = schema.get("additionalProperties") == Some(&Value::Bool(false));
    let names = || taken.into_iter().flatten().map(|(name, _)| name.as_str());
    let is_unknown = |name: &&String| !names().any(|known| known == *name);
    let unknown = given().filter(is_unknown).filter_map(|name| {
        let near = nearest(name, names()).map(str::to_owned);
        (is_closed || near.is_some()).then(|| (name.clone(), near))
    });
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
    let missing = required.filter_map(Value::as_str).filter(|name| !given().any(|it| it == name));
    (unknown.collect(), missing.map(str::to_owned).collect())
}

/// Answers nothing: nothing is declared that a server could ask for.
#[derive(Debug)]
struct Nobody;

impl Responder for Nobody {
    fn respond(&self, method: &str, _: &Value) -> (Answer, bool) {
        let error = json!({"code": -32601, "message": format!("the client does not answer {method}")});
        (Answer { result: None, error: Some(error) }, true)
    }
}

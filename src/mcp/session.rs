//! A session as steps see it. Its parts are in the files beside: opening, following, cancelling, closing.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::HeaderMap;
use serde_json::Value;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::conduct::Tokens;
use super::listen::Listening;
use super::receive::{Reading, Want};
use super::request::{self, Message, Prepared, Stage};
use super::store::Store;
use super::{Client, Operation, SendOptions, SessionConfig, SessionFacts, Subscription, Tools, Version};
use crate::auth::{Redactor, Secret};
use crate::exchange::{Exchange, Notification, Outcome, Phase};
use crate::transport::Duplex;

/// A session of one identity with one server in one case. Methods take `&self`: several steps may use it side
/// by side.
pub struct Session {
    inner: Arc<Inner>,
}

/// The part of a session that background tasks hold too.
pub(super) struct Inner {
    pub(super) client: Arc<Client>,
    pub(super) config: SessionConfig,
    who: Mutex<Arc<Who>>,
    state: Mutex<State>,
    /// The connection that it has for itself.
    pub(super) line: Mutex<Option<Arc<Duplex>>>,
    /// Whether any request asked for log messages: a shared stream does not say whose they are.
    pub(super) asks_logs: AtomicBool,
    /// Ends what is in flight.
    cancel: Mutex<CancellationToken>,
    /// Held while the session is being opened.
    pub(super) opening: tokio::sync::Mutex<()>,
    next_id: AtomicU64,
    /// Cancellations on their way to the server.
    pub(super) cancels: TaskTracker,
    /// Everything in the background.
    pub(super) tasks: TaskTracker,
    notes: Mutex<Vec<String>>,
    /// What came and was not taken yet.
    pub(super) store: Store,
    tokens: Mutex<Tokens>,
    listening: Mutex<Listening>,
    /// Held while what is listened to is changed.
    pub(super) listen_turn: tokio::sync::Mutex<()>,
    /// Knows the token alone, to see where it comes back.
    echo: Option<Redactor>,
}

/// Whose requests they are.
pub(super) struct Who {
    pub(super) token: Option<Secret>,
    /// The suite's headers and the token; the message is why they cannot be sent.
    pub(super) base: Result<HeaderMap, String>,
}

#[derive(Default)]
struct State {
    life: Life,
    /// Ids of sessions that were opened and not used: they are ended with the session.
    abandoned: Vec<SessionFacts>,
}

/// Where a session stands.
#[derive(Clone, Debug, Default)]
pub(super) enum Life {
    #[default]
    New,
    Open(Arc<SessionFacts>),
    /// Closed by us: its id is dead, and is sent until the session is opened again.
    Closed(Arc<SessionFacts>),
}

impl Session {
    pub(super) fn new(client: Arc<Client>, config: SessionConfig) -> Self {
        let token = config.token.clone();
        let who = Who { base: client.headers(token.as_ref()), token };
        let cancel = config.cancel.clone();
        let echo = config.token.as_ref().map(|token| client.echo(&config.identity, token));
        Self {
            inner: Arc::new(Inner {
                client,
                config,
                who: Mutex::new(Arc::new(who)),
                state: Mutex::default(),
                line: Mutex::default(),
                asks_logs: AtomicBool::new(false),
                cancel: Mutex::new(cancel),
                opening: tokio::sync::Mutex::default(),
                next_id: AtomicU64::new(1),
                cancels: TaskTracker::new(),
                tasks: TaskTracker::new(),
                notes: Mutex::default(),
                store: Store::default(),
                tokens: Mutex::default(),
                listening: Mutex::default(),
                listen_turn: tokio::sync::Mutex::default(),
                echo,
            }),
        }
    }

    /// What is known of it; none while it is not open.
    #[must_use]
    pub fn facts(&self) -> Option<SessionFacts> {
        match self.inner.life() {
            Life::Open(facts) => Some(SessionFacts::clone(&facts)),
            Life::New | Life::Closed(_) => None,
        }
    }

    /// From now on what is in flight ends with this token, and no longer with [`SessionConfig::cancel`]: cleanup
    /// goes on after an interruption.
    pub fn cancel_by(&self, token: CancellationToken) {
        *self.inner.cancel.lock().unwrap_or_else(PoisonError::into_inner) = token;
    }

    /// Sends this token from now on: the one before it has run out, or soon will.
    pub fn renew(&self, token: Secret) {
        let Inner { client, config, who, .. } = &*self.inner;
        client.echo(&config.identity, &token);
        let new = Who { base: client.headers(Some(&token)), token: Some(token) };
        *who.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
    }

    /// The token that is sent.
    #[must_use]
    pub fn token(&self) -> Option<Secret> {
        self.inner.who().token.clone()
    }

    /// Opens it where it was never opened, before its first step. A server of the modern era that this identity
    /// has met before in this run is not asked again. A session that [`Self::close`] ended stays closed.
    ///
    /// # Errors
    /// The exchange of the opening, where it failed.
    pub async fn begin(&self) -> Result<(), Box<Exchange>> {
        Box::pin(self.inner.begin()).await
    }

    /// Opens it: `server/discover` or `initialize` and `notifications/initialized`. The exchange is that of the
    /// answer that decided; it is open where [`Self::facts`] then says so. Where it is open already it is opened
    /// anew.
    ///
    /// `within` is how long it may take; [`SessionConfig::start`] unless said.
    pub async fn open(&self, within: Option<Duration>) -> Exchange {
        Box::pin(self.inner.open(within)).await
    }

    /// Does what a step asks for. The session has to be open, but for [`Operation::Http`].
    pub async fn perform(&self, operation: Operation, options: SendOptions) -> Exchange {
        // What is sent raw is judged by itself.
        let raw = matches!(operation, Operation::Http { .. });
        let exchange = Box::pin(self.inner.perform(operation, options)).await;
        if raw { exchange } else { self.inner.billed(exchange) }
    }

    /// Listens in the background, in the way of the version; replaces what it listened to before. Nothing wanted
    /// ends listening. What arrives is taken with [`Self::take`].
    ///
    /// The exchange is that of the last message that was needed, else of the stream; a server of the older eras
    /// that has no stream of its own is answered with HTTP 405 and a `cause`, and is no failure.
    pub async fn listen(&self, wanted: Subscription, options: SendOptions) -> Exchange {
        let exchange = Box::pin(self.inner.listen(wanted, &options)).await;
        self.inner.billed(exchange)
    }

    /// Takes the oldest notification of the session that `matches` and that was not taken before, in whatever
    /// stream it arrived; waits for it until `deadline`. The exchange holds it as its only notification; its
    /// outcome is `timed_out` where none came, and `closed` after an interruption. `matches` is asked once for
    /// each notification. Up to 4096 wait, of 16 MiB together; then the oldest are dropped, which is noted.
    pub async fn take(
        &self,
        matches: &mut (dyn FnMut(&Notification) -> bool + Send),
        deadline: Instant,
    ) -> Exchange {
        let exchange = Box::pin(self.inner.take(matches, deadline)).await;
        self.inner.billed(exchange)
    }

    /// Whether a call of this tool can be made a task: by the version, what the server declares, and what the tool
    /// says of itself. The session has to be open.
    ///
    /// # Errors
    /// Why not, for people.
    pub async fn takes_task(&self, tool: &str) -> Result<(), String> {
        Box::pin(self.inner.takes_task(tool)).await
    }

    /// Whether a completion can be told the arguments that are known already. The session has to be open.
    ///
    /// # Errors
    /// Why not, for people.
    pub fn takes_context(&self) -> Result<(), String> {
        const FIRST: Version = Version::V2025_06_18;
        match self.inner.known().map(|facts| facts.version) {
            Some(version) if version < FIRST => Err(format!(
                "a completion has no `context` before {FIRST}, and this session speaks {version}"
            )),
            _ => Ok(()),
        }
    }

    /// Lists the tools, once for each server, identity, version and set of the client's capabilities of a run.
    ///
    /// # Errors
    /// Why it could not be done, for people.
    pub async fn tools(&self) -> Result<Tools, String> {
        Box::pin(self.inner.tools()).await
    }

    /// Lists the tools where a call has to know their schemas, unless they are known: then the next call does not wait
    /// for it. That they could not be listed is no failure, but a note of the call.
    ///
    /// # Errors
    /// The exchange of a call that nothing was sent of, where this takes longer than `within`.
    pub async fn prepare_calls(&self, within: Duration) -> Result<(), Box<Exchange>> {
        Box::pin(self.inner.tools_for_calls(within)).await.map(|_| ())
    }

    /// Ends it: DELETE in the older eras, nothing on the wire in the modern one. The dead id is kept: later
    /// requests carry it until [`Self::open`].
    pub async fn close(&self, deadline: Instant) -> Exchange {
        self.inner.close(deadline).await
    }

    /// Waits until cancellations under way are sent and late answers were noted, at most until `deadline`.
    /// Returns what is worth a note.
    pub async fn settle(&self, deadline: Instant) -> Vec<String> {
        self.inner.settle(deadline).await
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.inner.stop_listening();
        self.inner.cut_line();
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn who(&self) -> Arc<Who> {
        Arc::clone(&self.who.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What ends everything in flight.
    pub(super) fn cancel(&self) -> CancellationToken {
        self.cancel.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn life(&self) -> Life {
        self.state().life.clone()
    }

    /// What is known of the session that is open, or was.
    pub(super) fn known(&self) -> Option<Arc<SessionFacts>> {
        match self.life() {
            Life::Open(facts) | Life::Closed(facts) => Some(facts),
            Life::New => None,
        }
    }

    pub(super) fn tokens(&self) -> MutexGuard<'_, Tokens> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn listening(&self) -> MutexGuard<'_, Listening> {
        self.listening.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where in an answer the token came back, for people.
    pub(super) fn echo(&self, exchange: &Exchange) -> Option<String> {
        let (token, http) = (self.echo.as_ref()?, exchange.http.as_ref()?);
        let holds = |text: &str| token.is_in(text);
        if http.body.as_deref().is_some_and(holds) {
            return Some("the body of the answer".to_owned());
        }
        if http.events.iter().filter_map(|event| event.data.as_deref()).any(holds) {
            return Some("the stream of the answer".to_owned());
        }
        let header = http.headers.iter().find(|(_, value)| holds(value));
        header.map(|(name, _)| format!("the header `{name}` of the answer"))
    }

    pub(super) fn set_life(&self, life: Life) {
        self.state().life = life;
    }

    pub(super) fn abandon(&self, facts: SessionFacts) {
        if facts.id.is_some() {
            self.state().abandoned.push(facts);
        }
    }

    pub(super) fn take_abandoned(&self) -> Vec<SessionFacts> {
        std::mem::take(&mut self.state().abandoned)
    }

    pub(super) fn note(&self, text: String) {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).push(text);
    }

    /// Notes what would be said of every step.
    pub(super) fn note_once(&self, text: String) {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        if !notes.contains(&text) {
            notes.push(text);
        }
    }

    pub(super) fn take_notes(&self) -> Vec<String> {
        std::mem::take(&mut *self.notes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A request of ours, with an id of its own.
    pub(super) fn request(&self, method: impl Into<String>, params: Option<Value>) -> Message {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        Message { id: Some(id), method: method.into(), params }
    }

    /// The routing id, while the server is one that wants it.
    pub(super) fn route(&self) -> Option<&str> {
        self.config.route.as_deref().filter(|_| !self.client.unrouted.load(Ordering::Relaxed))
    }

    /// Leaves the routing id out from now on.
    pub(super) fn drop_route(&self) {
        self.client.unrouted.store(true, Ordering::Relaxed);
    }

    pub(super) fn prepare(
        &self,
        stage: Stage<'_>,
        message: Message,
        options: &SendOptions,
    ) -> Result<Prepared, String> {
        let who = self.who();
        let base = who.base.as_ref().map_err(Clone::clone)?;
        // A server that a template names is not known before.
        if self.is_program() && !options.headers.is_empty() {
            return Err("a message to a command has no headers".to_owned());
        }
        let mut prepared = request::prepare(base, (&self.config, self.route()), stage, message, options)?;
        if self.is_program() {
            prepared.sent.headers.clear();
        }
        Ok(prepared)
    }

    /// Sends a prepared message and reads what `want` says, at most until `deadline` or the interruption.
    ///
    /// On the heap: every way of asking holds one of these, and they hold each other.
    pub(super) fn send(
        self: &Arc<Self>,
        prepared: Prepared,
        want: Want,
        deadline: Deadline,
    ) -> BoxFuture<'_, Exchange> {
        Box::pin(async move { self.send_and_stay(prepared, want, deadline).await.0 })
    }

    /// The same, where the answer may be a stream that stays open: then it comes with its exchange so far.
    pub(super) fn send_and_stay(
        self: &Arc<Self>,
        prepared: Prepared,
        want: Want,
        deadline: Deadline,
    ) -> BoxFuture<'_, (Exchange, Option<Reading>)> {
        Box::pin(async move {
            let sent = self.send_and_read(prepared, want, deadline).await;
            self.client.hold(&sent.0);
            sent
        })
    }

    async fn send_and_read(
        self: &Arc<Self>,
        prepared: Prepared,
        want: Want,
        deadline: Deadline,
    ) -> (Exchange, Option<Reading>) {
        let cancel = self.cancel();
        if cancel.is_cancelled() {
            return (unsent("interrupted".to_owned(), Phase::Step), None);
        }
        // `initialize` cannot be cancelled (2025-11-25, basic/utilities/cancellation).
        let handshake = prepared.sent.method == "initialize";
        let reading = Reading::start(Arc::clone(self), prepared, want);
        let mut flight = Flight { session: self, reading: Some(reading) };
        let Some(reading) = &mut flight.reading else { return (Exchange::default(), None) };
        let outcome = tokio::select! {
            biased;
            () = cancel.cancelled(), if !handshake => Outcome::Closed,
            () = reading.run_to_the_answer() => Outcome::Answered,
            () = tokio::time::sleep_until(deadline.at) => Outcome::TimedOut,
        };
        if outcome != Outcome::Answered {
            return (reading.cut(outcome, deadline.limit), None);
        }
        match flight.reading.take() {
            Some(mut reading) if reading.established && !reading.is_done() => {
                (reading.opened(), Some(reading))
            }
            Some(reading) => (reading.finish().await, None),
            None => (Exchange::default(), None),
        }
    }
}

/// A request under way. Where it ends before its answer came, by a deadline, an interruption or because the
/// step's future was dropped, the server is told.
struct Flight<'a> {
    session: &'a Arc<Inner>,
    reading: Option<Reading>,
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        if let Some(reading) = self.reading.take()
            && tokio::runtime::Handle::try_current().is_ok()
        {
            self.session.give_up(reading);
        }
    }
}

/// A moment, and the limit that it comes from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline {
    pub(super) at: Instant,
    pub(super) limit: Duration,
}

impl Deadline {
    /// From now on. A duration of a suite can be long enough to overflow a clock, so it is bounded.
    pub(super) fn after(limit: Duration) -> Self {
        const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
        Self { at: Instant::now() + limit.min(YEAR), limit }
    }
}

/// An exchange of something that could not be sent.
pub(super) fn unsent(reason: String, phase: Phase) -> Exchange {
    let mut exchange = Exchange::default();
    (exchange.outcome, exchange.phase, exchange.cause) = (Outcome::Closed, phase, Some(reason));
    exchange
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("identity", &self.inner.config.identity).finish_non_exhaustive()
    }
}

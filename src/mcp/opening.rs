//! Opening a session: in the era that is asked for, or in the one that the server turns out to have. The era is
//! found once for each client.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::Value;

use super::client::{Discovered, Era};
use super::legacy::supported;
use super::session::{Deadline, Inner, Life, unsent};
use super::{SessionFacts, Version};
use crate::exchange::{Exchange, Outcome, Phase};

/// How long the answer to a handshake is waited for after an interruption.
const HANDSHAKE_GRACE: Duration = Duration::from_secs(2);

/// The exchange that opened the session, if there was one; else the one that failed.
pub(super) type Opened = Result<Option<Exchange>, Box<Exchange>>;

impl Inner {
    pub(super) async fn begin(self: &Arc<Self>) -> Result<(), Box<Exchange>> {
        if !matches!(self.life(), Life::New) {
            return Ok(());
        }
        let deadline = Deadline::after(self.config.start);
        let opening = async {
            let _turn = self.opening.lock().await;
            if !matches!(self.life(), Life::New) {
                return Ok(None);
            }
            self.establish(deadline, true).await
        };
        let exchange = self.until(deadline, opening).await?;
        // Nobody sees this exchange, but what is wrong in it should not be lost.
        for violation in exchange.iter().flat_map(|exchange| &exchange.wire) {
            self.note(format!("while the session was opened: {}", violation.message));
        }
        if let Some(place) = exchange.and_then(|exchange| exchange.echo) {
            self.note(format!("while the session was opened: the token came back in {place}"));
        }
        Ok(())
    }

    pub(super) async fn open(self: &Arc<Self>, within: Option<Duration>) -> Exchange {
        let deadline = Deadline::after(within.unwrap_or(self.config.start));
        let opening = async {
            let _turn = self.opening.lock().await;
            if let Life::Open(facts) = self.life() {
                self.abandon(SessionFacts::clone(&facts));
            }
            self.stop_listening();
            self.hang_up();
            self.set_life(Life::New);
            self.establish(deadline, false).await
        };
        match self.until(deadline, opening).await {
            Ok(exchange) => exchange.unwrap_or_default(),
            Err(exchange) => *exchange,
        }
    }

    /// Opens a session in place of one that the server has lost, unless another step did it meanwhile.
    pub(super) async fn reopen(self: &Arc<Self>, lost: &Arc<SessionFacts>) -> Result<(), Box<Exchange>> {
        let deadline = Deadline::after(self.config.start);
        let opening = async {
            let _turn = self.opening.lock().await;
            match self.life() {
                Life::Open(now) if now.id == lost.id => {
                    Box::pin(self.initialize(Some(now.version), deadline)).await.map(Some)
                }
                _ => Ok(None),
            }
        };
        self.until(deadline, opening).await.map(|_| ())
    }

    /// Bounds everything that an opening may wait for: other sessions of the client, too.
    async fn until(&self, deadline: Deadline, opening: impl Future<Output = Opened>) -> Opened {
        let cancel = self.cancel();
        let mut opening = std::pin::pin!(opening);
        let outcome = tokio::select! {
            biased;
            opened = &mut opening => return opened.map_err(|mut exchange| {
                exchange.phase = Phase::Open;
                exchange
            }),
            () = tokio::time::sleep_until(deadline.at) => Outcome::TimedOut,
            () = cancel.cancelled() => {
                // A handshake under way may leave a session that only its answer tells the id of.
                let _ = tokio::time::timeout(HANDSHAKE_GRACE, opening).await;
                Outcome::Closed
            }
        };
        let cause = match outcome {
            Outcome::TimedOut => "the opening of another session with this server took too long",
            _ => "interrupted",
        };
        let mut exchange = unsent(cause.to_owned(), Phase::Open);
        exchange.outcome = outcome;
        Err(Box::new(exchange))
    }

    /// Opens the session. With `reuse`, what this identity was told before in this run is told once only.
    async fn establish(self: &Arc<Self>, deadline: Deadline, reuse: bool) -> Opened {
        self.connect()?;
        let mut line = Unused(Some(self));
        let opened = Box::pin(self.introduce(deadline, reuse)).await?;
        line.0 = None;
        Ok(opened)
    }

    async fn introduce(self: &Arc<Self>, deadline: Deadline, reuse: bool) -> Opened {
        let (mut probed, mut greeted) = (None, None);
        let era = match self.config.version {
            Some(version) if version.is_modern() => Era::Modern(version),
            Some(_) => Era::Legacy,
            None if self.is_program() => {
                let probe = async {
                    let (era, exchange, opened) = Box::pin(self.probe_and_greet(deadline)).await?;
                    (probed, greeted) = (exchange, opened);
                    Ok::<_, Box<Exchange>>(era)
                };
                *self.client.era.get_or_try_init(|| probe).await?
            }
            None => {
                let probe = async {
                    let (era, exchange) = self.probe(deadline).await?;
                    probed = exchange;
                    if matches!(era, Era::Legacy) {
                        // Who takes no handshake either, as without a token, has not shown its era.
                        self.drop_route();
                        greeted = Some(self.shake_hands(deadline).await?);
                    }
                    Ok::<_, Box<Exchange>>(era)
                };
                *self.client.era.get_or_try_init(|| Box::pin(probe)).await?
            }
        };
        let Era::Modern(version) = era else {
            if self.config.version.is_none() {
                // It was refused together with the probe, and is none of a handshake's own.
                self.drop_route();
            }
            if let Some(opened) = greeted {
                return Ok(Some(opened));
            }
            return self.shake_hands(deadline).await.map(Some);
        };
        let known = self.client.discovered(&self.config.identity, version);
        if reuse || probed.is_some() {
            let discover = async {
                let (discovered, exchange) = self.discover(version, deadline).await?;
                probed = Some(exchange);
                Ok::<_, Box<Exchange>>(discovered)
            };
            let discovered = known.get_or_try_init(|| discover).await?;
            self.opened_modern(version, discovered);
            return Ok(probed);
        }
        let (discovered, exchange) = self.discover(version, deadline).await?;
        self.opened_modern(version, &discovered);
        let _ = known.set(discovered);
        Ok(Some(exchange))
    }

    /// Opens with a handshake, over HTTP+SSE where the server does not take it otherwise.
    async fn shake_hands(self: &Arc<Self>, deadline: Deadline) -> Result<Exchange, Box<Exchange>> {
        let known = &self.client.has_events;
        let mut refused = None;
        if !known.load(Ordering::Relaxed) {
            match self.initialize(self.config.version, deadline).await {
                Err(exchange) if self.is_refused(&exchange) => refused = Some(exchange),
                opened => return opened,
            }
        }
        match self.connect_events(deadline).await {
            Ok(()) => known.store(true, Ordering::Relaxed),
            Err((why, answer)) => {
                let mut exchange = refused.unwrap_or_else(|| Box::new(unsent(String::new(), Phase::Open)));
                if let Some((sent, answer)) = answer {
                    (exchange.sent, exchange.http) = (Some(sent), Some(answer));
                }
                // Who answers with a message speaks another transport.
                let is_message = exchange.answer.error.is_some();
                exchange.cause = Some(match exchange.cause.take() {
                    Some(cause) if is_message => cause,
                    Some(cause) if !cause.is_empty() => format!("{cause}; {why}"),
                    _ => why,
                });
                return Err(exchange);
            }
        }
        self.initialize(self.config.version, deadline).await
    }

    /// Whether an answer to `initialize` is what servers of HTTP+SSE say to it.
    fn is_refused(&self, exchange: &Exchange) -> bool {
        let status = exchange.http.as_ref().map(|http| http.status);
        !self.is_shared()
            && exchange.outcome == Outcome::Answered
            && exchange.answer.result.is_none()
            && supported(exchange).is_none()
            && matches!(status, Some(400 | 404 | 405))
    }

    fn opened_modern(self: &Arc<Self>, version: Version, discovered: &Discovered) {
        self.attend(version);
        self.set_life(Life::Open(Arc::new(SessionFacts {
            id: None,
            version,
            capabilities: discovered.capabilities.clone(),
            server_info: discovered.server_info.clone(),
        })));
    }
}

/// Ends a connection that no session came of: its opening failed, or was given up.
struct Unused<'a>(Option<&'a Arc<Inner>>);

impl Drop for Unused<'_> {
    fn drop(&mut self) {
        if let Some(session) = self.0.take() {
            session.hang_up();
        }
    }
}

/// The failure of an opening, with its reason for people.
pub(super) fn failed(mut exchange: Exchange, cause: String) -> Box<Exchange> {
    exchange.phase = Phase::Open;
    exchange.cause.get_or_insert(cause);
    Box::new(exchange)
}

/// Versions as a server lists them in `supportedVersions` or in the data of an error.
pub(super) fn versions_in(value: Option<&Value>) -> Option<Vec<String>> {
    let versions = value?.as_array()?;
    Some(versions.iter().filter_map(|version| version.as_str().map(str::to_owned)).collect())
}

/// What a server offers, for people.
pub(super) fn offers(versions: &[String]) -> String {
    if versions.is_empty() {
        return "it does not say what it offers".to_owned();
    }
    let versions: Vec<String> = versions.iter().map(|version| format!("`{version}`")).collect();
    format!("it offers {}", versions.join(", "))
}

/// How a server refused, for people: the error of its answer, else the HTTP status.
pub(super) fn refusal(exchange: &Exchange) -> String {
    let error = exchange.answer.error.as_ref();
    let message = error.and_then(|error| error.get("message")).and_then(Value::as_str);
    let status = exchange.http.as_ref().map(|http| http.status);
    match (error, message, status) {
        (Some(error), Some(message), _) => {
            let code = error.get("code").map(|code| format!("error {code}, ")).unwrap_or_default();
            format!("{code}`{message}`")
        }
        (Some(error), None, _) => format!("the error {error}"),
        (None, _, Some(status)) => format!("HTTP {status}"),
        (None, _, None) => "no answer".to_owned(),
    }
}

//! How a session is connected: by HTTP exchanges of their own, or by one stream that all of it shares.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::Version;
use super::client::Medium;
use super::receive::Reading;
use super::request::{Prepared, pairs, prepare_events};
use super::session::{Deadline, Inner, unsent};
use crate::exchange::{Check, Exchange, HttpAnswer, Outcome, Phase, Sent, Violation};
use crate::model::shown_duration;
use crate::transport::{Claims, Duplex, Error, Incoming, NoEvents, Outgoing};

/// How long the end of a connection that was not used may take.
const UNUSED: Duration = Duration::from_secs(2);

/// How long the first event of a stream of HTTP+SSE is waited for.
const FIRST_EVENT: Duration = Duration::from_secs(10);

impl Inner {
    /// The connection that the session has for itself, if it has one.
    pub(super) fn line(&self) -> Option<Arc<Duplex>> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_line(&self, line: Option<Arc<Duplex>>) -> Option<Arc<Duplex>> {
        std::mem::replace(&mut *self.line.lock().unwrap_or_else(PoisonError::into_inner), line)
    }

    /// Whether the server is a command.
    pub(super) fn is_program(&self) -> bool {
        matches!(self.client.medium, Medium::Program(_))
    }

    /// Whether answers share one stream.
    pub(super) fn is_shared(&self) -> bool {
        self.is_program() || self.line().is_some()
    }

    /// Sends a message, on whatever connects the session.
    pub(super) fn start(&self, outgoing: Outgoing, claims: Claims) -> Incoming {
        match self.line() {
            Some(line) => line.start(outgoing, claims),
            None => self.start_raw(outgoing),
        }
    }

    /// Sends an HTTP request whatever connects the session.
    pub(super) fn start_raw(&self, outgoing: Outgoing) -> Incoming {
        match &self.client.medium {
            Medium::Http(http) => Incoming::Own(Box::new(http.start(outgoing))),
            Medium::Program(_) => Incoming::None(Some(Error::Ended("the session is not open".to_owned()))),
        }
    }

    /// Sends a message that nothing answers.
    pub(super) fn start_unclaimed(&self, outgoing: Outgoing) -> Incoming {
        self.start(outgoing, Claims { id: None, token: None, stays: false })
    }

    /// Makes the connection, where the session has one for itself and it is not there.
    ///
    /// # Errors
    /// The exchange of an opening that failed.
    pub(super) fn connect(&self) -> Result<(), Box<Exchange>> {
        let Medium::Program(program) = &self.client.medium else { return Ok(()) };
        if self.line().is_some_and(|line| !line.is_over()) {
            return Ok(());
        }
        match Duplex::start_program(program, self.client.limits()) {
            Ok(line) => {
                self.set_line(Some(Arc::new(line)));
                Ok(())
            }
            Err(error) => {
                let mut exchange = unsent(error.to_string(), Phase::Open);
                exchange.outcome = Outcome::Unreachable;
                Err(Box::new(exchange))
            }
        }
    }

    /// Opens the stream of HTTP+SSE.
    ///
    /// # Errors
    /// Why there is none, for people; and what was sent, and the head of the answer, where that is a refusal of who
    /// asks.
    pub(super) async fn connect_events(
        &self,
        deadline: Deadline,
    ) -> Result<(), (String, Option<(Sent, HttpAnswer)>)> {
        let Medium::Http(http) = &self.client.medium else { return Ok(()) };
        let who = self.who();
        let base = who.base.as_ref().map_err(|reason| (reason.clone(), None))?;
        let Prepared { outgoing, sent, .. } = prepare_events(base);
        let opening = Duplex::open_events(http, outgoing, self.client.limits());
        // A stream of another kind may stay open and bring nothing.
        let limit = FIRST_EVENT.min(deadline.at.saturating_duration_since(Instant::now()));
        let none = match timeout(limit, opening).await {
            Ok(Ok(line)) => {
                self.set_line(Some(Arc::new(line)));
                return Ok(());
            }
            Ok(Err(none)) => none,
            Err(_) => NoEvents::Wrong(format!("nothing came within {}", shown_duration(limit))),
        };
        let (why, answer) = match none {
            NoEvents::Refused(head) => {
                let status = head.status.as_u16();
                let answer =
                    HttpAnswer { status, headers: pairs(&head.headers), body: None, events: Vec::new() };
                let answer = matches!(status, 401 | 403).then_some((sent, answer));
                (format!("GET was answered with HTTP {status} and no stream"), answer)
            }
            NoEvents::Wrong(why) => (why, None),
            NoEvents::Failed(error) => (error.to_string(), None),
        };
        Err((format!("it has no stream of HTTP+SSE either: {why}"), answer))
    }

    /// Reads in the background what belongs to no request.
    pub(super) fn attend(self: &Arc<Self>, version: Version) {
        if let Some(line) = self.line() {
            let mut reading = Reading::background(Arc::clone(self), line.background(), version);
            tokio::spawn(async move {
                reading.pump().await;
                if reading.resume.over {
                    let why = reading.cause().unwrap_or_default();
                    reading.session.note(format!("what comes beside answers is not read any more: {why}"));
                }
            });
        }
    }

    /// Ends the connection in the background: the session was not opened, or is to be opened anew.
    pub(super) fn hang_up(self: &Arc<Self>) {
        let Some(line) = self.set_line(None) else { return };
        self.bill_rubbish(&line, |text| self.note(text));
        if tokio::runtime::Handle::try_current().is_err() {
            return;
        }
        self.cancels.spawn(async move { line.shut_down(Instant::now() + UNUSED).await });
    }

    /// Ends the connection at once.
    pub(super) fn cut_line(&self) {
        self.set_line(None);
    }

    /// Ends the connection in good order. It stays, so that what is sent later is told that it has ended.
    pub(super) async fn shut_line(&self, deadline: Instant) {
        let Some(line) = self.line() else { return };
        if let Some(note) = line.shut_down(deadline).await {
            self.note(note);
        }
    }

    /// What came on the connection and is no message.
    pub(super) fn rubbish(&self, exchange: &mut Exchange) {
        let Some(line) = self.line() else { return };
        let version = exchange.protocol.clone().unwrap_or_default();
        self.bill_rubbish(&line, |message| {
            exchange.wire.push(Violation {
                check: Check::Wire,
                message,
                pointer: String::new(),
                section: format!("{version} basic/transports"),
            });
        });
    }

    /// The same for nobody but the notes.
    pub(super) fn note_rubbish(&self) {
        if let Some(line) = self.line() {
            self.bill_rubbish(&line, |text| self.note(text));
        }
    }

    fn bill_rubbish(&self, line: &Duplex, bill: impl FnMut(String)) {
        line.rubbish().into_iter().for_each(bill);
    }
}

//! A stream that was cut is taken up again where it ended: with a GET that names the last event, after the pause that
//! the server asks for. The eras that have it are those from 2025-03-26 to 2025-11-25.

use std::sync::Arc;
use std::time::Duration;

use super::Version;
use super::follow::bytes;
use super::receive::{Reading, Want};
use super::session::Inner;
use crate::exchange::{Outcome, Repair};
use crate::transport::Frame;

/// How often a stream that brought nothing is taken up again.
pub(super) const RESUMES: u32 = 5;

/// How long is waited before a cut stream is taken up again, unless the server says.
const PAUSE: Duration = Duration::from_secs(1);

/// The longest wait that a server can ask for.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The shortest: a server that ends each of its streams at once must not make us ask without a break.
const SHORTEST_PAUSE: Duration = Duration::from_millis(10);

/// Where and when a stream that was cut can be taken up again.
#[derive(Clone, Debug, Default)]
pub(super) struct Resume {
    /// The id of the last event that had one.
    pub(super) last_id: Option<String>,
    /// How long the server wants the client to wait, in milliseconds.
    pub(super) retry: Option<u64>,
    /// Whether an event came since the stream began.
    pub(super) came: bool,
    /// Whether the stream passed a limit, as it would again.
    pub(super) over: bool,
}

impl Resume {
    /// How long is waited before.
    pub(super) fn pause(&self) -> Duration {
        self.retry.map_or(PAUSE, Duration::from_millis).clamp(SHORTEST_PAUSE, LONGEST_PAUSE)
    }

    /// The id to name. An empty one takes back those before.
    pub(super) fn from(&self) -> Option<&str> {
        self.last_id.as_deref().filter(|id| !id.is_empty())
    }
}

impl Reading {
    /// Reads like [`Reading::run`], and takes up a stream that is cut before its answer, as often as that brings
    /// anything. A request that may not be followed is read once, and nothing is ever posted again.
    pub(super) async fn run_to_the_answer(&mut self) {
        let mut failures = 0;
        let mut refused = None;
        loop {
            self.run().await;
            let Some(version) = self.cut_in() else { return };
            failures = if self.resume.came { 1 } else { failures + 1 };
            let Some(last) = self.resume.from().map(str::to_owned).filter(|_| self.resumes(version)) else {
                return self.explain(version, None);
            };
            if refused.is_some() || failures > RESUMES {
                return self
                    .explain(version, Some(refused.unwrap_or_else(|| "it brought nothing".to_owned())));
            }
            tokio::time::sleep(self.resume.pause()).await;
            refused = self.take_up(&last).await;
        }
    }

    /// The version, where a stream has ended before the answer that it was to bring.
    fn cut_in(&self) -> Option<Version> {
        let Want::Answer { version, .. } = *self.want() else { return None };
        let cut = self.is_done() && self.outcome() == Outcome::Closed && self.streams();
        (cut && !self.resume.over).then_some(version)
    }

    fn resumes(&self, version: Version) -> bool {
        let fits = bytes(&self.exchange) <= self.session.client.config.bounds.stream;
        version >= Version::V2025_03_26 && !version.is_modern() && self.facts.is_some() && fits
    }

    /// Opens the stream again after the event `last`. What it answers where it is no stream ends the attempts; that
    /// there was no answer at all does not.
    async fn take_up(&mut self, last: &str) -> Option<String> {
        let facts = self.facts.clone()?;
        let session = Arc::clone(&self.session);
        self.resume.came = false;
        let prepared = match session.prepare_stream(&facts, &[], Some(last)) {
            Ok(prepared) => prepared,
            Err(reason) => return Some(reason),
        };
        let mut incoming = session.start_raw(prepared.outgoing);
        match incoming.next().await {
            Ok(Some(Frame::Head(head))) if head.is_stream() && head.status.is_success() => {
                self.go_on(incoming);
                if !self.exchange.repairs.contains(&Repair::Resumed) {
                    self.exchange.repairs.push(Repair::Resumed);
                }
                None
            }
            Ok(Some(Frame::Head(head))) => {
                Some(format!("the server answered GET with HTTP {} and no stream", head.status.as_u16()))
            }
            _ => None,
        }
    }

    /// Says why a cut stream was not taken up, or no further.
    fn explain(&mut self, version: Version, tried: Option<String>) {
        let why = match tried {
            Some(tried) => format!("it was to be taken up again, and {tried}"),
            None if version.is_modern() => {
                format!("the request is lost, since {version} takes up no stream again")
            }
            None if self.facts.is_some() && self.resume.from().is_none() => {
                "it cannot be taken up again, since no event had an id".to_owned()
            }
            None => return,
        };
        if let Some(cause) = &mut self.exchange.cause {
            cause.push_str("; ");
            cause.push_str(&why);
        }
    }
}

impl Inner {
    /// A GET of a stream in the older eras: the session's own, or the rest of one that was cut.
    pub(super) fn prepare_stream(
        &self,
        facts: &super::SessionFacts,
        headers: &[(String, Option<String>)],
        last_id: Option<&str>,
    ) -> Result<super::request::Prepared, String> {
        let who = self.who();
        let base = who.base.as_ref().map_err(Clone::clone)?;
        super::request::prepare_stream(base, facts.version, facts.id.as_deref(), last_id, headers)
    }
}

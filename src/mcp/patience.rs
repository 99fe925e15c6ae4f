//! Waiting because the server asks for it, with `Retry-After`. What starts nothing is sent again then, within bounds; a
//! call never is. A server that says that it is asked too often is left alone by all sessions until then.

use std::sync::PoisonError;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::Client;
use super::session::{Deadline, Inner};
use crate::exchange::{Exchange, Outcome, Repair};
use crate::model::shown_duration;

/// The longest wait that a server can ask for.
pub const LONGEST_WAIT: Duration = Duration::from_secs(120);

/// How often one request waits.
const WAITS: u32 = 3;

/// How often in a row a server is left alone: one that has nothing but refusals is asked again, so that cases end.
const HOLDS: u32 = 5;

/// Whether a server is left alone.
#[derive(Debug, Default)]
pub(super) struct Hold {
    pub(super) until: Option<Instant>,
    /// How often it was, since its last answer that is none of these refusals.
    rounds: u32,
}

impl Inner {
    /// Asks, and asks again where the server says when: not past the deadline, and not without end.
    pub(super) async fn patiently<A: Future<Output = Exchange>>(
        &self,
        deadline: Deadline,
        mut ask: impl FnMut() -> A,
    ) -> Exchange {
        let cancel = self.cancel();
        let mut waited = 0;
        loop {
            let mut exchange = ask().await;
            if waited > 0 {
                exchange.repairs.insert(0, Repair::Waited);
            }
            let wait = exchange.asks_to_wait().filter(|wait| *wait <= LONGEST_WAIT && waited < WAITS);
            let until = wait.map(|wait| (wait, Instant::now() + wait));
            let Some((wait, until)) = until.filter(|(_, until)| *until < deadline.at) else {
                return exchange;
            };
            tokio::select! {
                biased;
                () = cancel.cancelled() => {
                    // It is not the refusal that ends it.
                    (exchange.outcome, exchange.cause) = (Outcome::Closed, Some("interrupted".to_owned()));
                    return exchange;
                }
                () = sleep_until(until) => waited += 1,
            }
            let method = exchange.sent.as_ref().map_or("", |sent| sent.method.as_str());
            self.note(format!(
                "the server asked to wait {}: `{method}` was sent again then",
                shown_duration(wait)
            ));
        }
    }
}

impl Client {
    /// Waits while the server is to be left alone, since it said that it is asked too often, and when to come back.
    pub async fn welcome(&self) {
        while let Some(until) = self.held().filter(|until| *until > Instant::now()) {
            sleep_until(until).await;
        }
    }

    /// Until when the server is to be left alone, where it has said so.
    pub(crate) fn held(&self) -> Option<Instant> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).until
    }

    /// Takes notice of an answer that says so, or that shows that it is over.
    pub(super) fn hold(&self, exchange: &Exchange) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if !exchange.is_too_often() {
            if exchange.outcome == Outcome::Answered {
                held.rounds = 0;
            }
            return;
        }
        let Some(wait) = exchange.asks_to_wait() else { return };
        let now = Instant::now();
        if held.until.is_none_or(|until| until <= now) {
            if held.rounds == HOLDS {
                return;
            }
            held.rounds += 1;
        }
        held.until = held.until.max(Some(now + wait.min(LONGEST_WAIT)));
    }
}

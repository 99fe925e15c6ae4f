//! The end of a session, and of what it left in the background.

use std::sync::Arc;

use tokio::time::{Duration, Instant, timeout_at};

use super::SessionFacts;
use super::cancel::read_out;
use super::receive::{Reading, Want};
use super::request::prepare_delete;
use super::session::{Inner, Life};
use crate::exchange::{Exchange, Outcome};

/// How long an answer may still come in once its session has ended.
const GRACE: Duration = Duration::from_millis(50);

impl Inner {
    pub(super) async fn close(self: &Arc<Self>, deadline: Instant) -> Exchange {
        self.delete_abandoned();
        self.stop_listening();
        let (Life::Open(facts) | Life::Closed(facts)) = self.life() else { return Exchange::default() };
        self.set_life(Life::Closed(Arc::clone(&facts)));
        // A cancellation has to arrive in the session that it belongs to; half of the time is the DELETE's.
        let now = Instant::now();
        let half = now + deadline.saturating_duration_since(now) / 2;
        self.cancels.close();
        let _ = timeout_at(half, self.cancels.wait()).await;
        self.cancels.reopen();
        let protocol = Some(facts.version.as_str().to_owned());
        let who = self.who();
        let mut exchange = match (&facts.id, &who.base) {
            (Some(id), Ok(base)) => {
                let prepared = prepare_delete(base, facts.version, id);
                let left = deadline.saturating_duration_since(Instant::now());
                let mut reading = Reading::start(Arc::clone(self), prepared, Want::Receipt);
                match timeout_at(deadline, reading.run()).await {
                    Ok(()) => reading.finish().await,
                    Err(_) => reading.cut(Outcome::TimedOut, left),
                }
            }
            _ => {
                self.shut_line(deadline).await;
                Exchange::default()
            }
        };
        exchange.protocol = protocol;
        exchange
    }

    fn delete_abandoned(self: &Arc<Self>) {
        for SessionFacts { id, version, .. } in self.take_abandoned() {
            let who = self.who();
            if let (Some(id), Ok(base)) = (id, &who.base) {
                let incoming = self.start_unclaimed(prepare_delete(base, version, &id).outgoing);
                self.cancels.spawn(read_out(incoming));
            }
        }
    }

    pub(super) async fn settle(self: &Arc<Self>, deadline: Instant) -> Vec<String> {
        self.delete_abandoned();
        self.cancels.close();
        let _ = timeout_at(deadline, self.cancels.wait()).await;
        self.cancels.reopen();
        let until = match self.life() {
            Life::Open(_) => deadline,
            Life::New | Life::Closed(_) => deadline.min(Instant::now() + GRACE),
        };
        self.tasks.close();
        let _ = timeout_at(until, self.tasks.wait()).await;
        self.tasks.reopen();
        self.note_rubbish();
        let mut notes = self.take_notes();
        notes.extend(self.store.left());
        notes
    }
}

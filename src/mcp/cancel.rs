//! What follows when an answer is waited for no longer: the server is told, in the way of its version, and an
//! answer that still comes is noted.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use super::receive::{Reading, Want};
use super::request::{Message, Stage, prepare_answer};
use super::session::{Inner, Life};
use super::wire::replied;
use super::{Responder, SendOptions, Version};
use crate::exchange::{Answer, Outcome};
use crate::model::shown_duration;
use crate::transport::Incoming;

/// How long a message in the background may take, and how long a late answer is waited for.
pub(super) const BACKGROUND: Duration = Duration::from_secs(2);

impl Inner {
    /// Cancels a request whose answer is waited for no longer. In the modern era dropping a stream of its own is the
    /// cancellation; else it means nothing, and `notifications/cancelled` does it.
    pub(super) fn give_up(self: &Arc<Self>, mut reading: Reading) {
        let Want::Answer { id, version, .. } = *reading.want() else { return };
        // The opening of a session may not be cancelled, and has no session to cancel in.
        let told = version.is_modern() && !self.is_shared();
        // A probe is sent before there is a session.
        if told || matches!(reading.method(), "initialize" | "server/discover") {
            return;
        }
        reading.step_aside();
        let since = Instant::now();
        let method = reading.method().to_owned();
        let session = Arc::clone(self);
        self.cancels.spawn(async move {
            let _ = timeout(BACKGROUND, session.post_cancelled(id)).await;
        });
        let event = match reading.outcome() {
            Outcome::TimedOut => "the timeout",
            _ => "its step had ended",
        };
        let session = Arc::clone(self);
        self.tasks.spawn(async move {
            let late = async {
                reading.run().await;
                // An error is what some servers answer to the cancellation.
                if reading.has_result() {
                    let after = shown_duration(since.elapsed());
                    session.note(format!("the answer to `{method}` came {after} after {event}"));
                }
            };
            let _ = timeout(BACKGROUND, late).await;
        });
    }

    pub(super) async fn post_cancelled(&self, id: u64) {
        let message = Message {
            id: None,
            method: "notifications/cancelled".to_owned(),
            params: Some(json!({"requestId": id, "reason": "the client waits no longer"})),
        };
        self.post(message).await;
    }

    /// Sends a message whose answer nobody looks at.
    pub(super) async fn post(&self, message: Message) {
        let Some(facts) = self.known() else { return };
        let stage = Stage::of(&facts);
        if let Ok(prepared) = self.prepare(stage, message, &SendOptions::default()) {
            read_out(self.start_unclaimed(prepared.outgoing)).await;
        }
    }

    /// The answer to a request of the server: of the step's own responder, if it has one.
    pub(super) fn respond(
        &self,
        own: Option<&dyn Responder>,
        method: &str,
        params: &Value,
    ) -> (Answer, bool) {
        if method == "ping" {
            return (Answer { result: Some(json!({})), error: None }, false);
        }
        let (answer, unexpected) = own.unwrap_or(&*self.config.responder).respond(method, params);
        // It is sent as it is: what a server makes of it may be what is tested.
        if let (Some(facts), Some(result)) = (self.known(), &answer.result) {
            for wrong in replied(facts.version, method, result) {
                let place = wrong.pointer.strip_prefix("/result").filter(|at| !at.is_empty()).unwrap_or("/");
                self.note(format!("the answer to {} (at `{place}`; {})", wrong.message, wrong.section));
            }
        }
        (answer, unexpected)
    }

    /// Sends the answer to a request of the server.
    pub(super) fn post_answer(self: &Arc<Self>, version: Version, id: Value, answer: &Answer) {
        let who = self.who();
        let Ok(base) = &who.base else { return };
        let facts = match self.life() {
            Life::Open(facts) | Life::Closed(facts) => Some(facts),
            Life::New => None,
        };
        let session = facts.as_ref().and_then(|facts| facts.id.as_deref());
        let incoming = self.start_unclaimed(prepare_answer(base, version, session, &id, answer));
        self.tasks.spawn(timeout(BACKGROUND, read_out(incoming)));
    }
}

/// Reads an answer that nobody looks at, so that its connection can be used again.
pub(super) async fn read_out(mut incoming: Incoming) {
    while let Ok(Some(_)) = incoming.next().await {}
}

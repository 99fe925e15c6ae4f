//! Listening in the background. In the older eras: the session's own stream (GET), and a subscription for each
//! resource. In the modern one: `subscriptions/listen`, whose answer is a stream that stays open.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use tokio::task::JoinHandle;
use tokio::time::{timeout, timeout_at};

use super::cancel::BACKGROUND;
use super::follow::behind;
use super::message::equals;
use super::receive::{NO_STREAM, Reading, Want};
use super::request::Stage;
use super::resume::RESUMES;
use super::session::{Deadline, Inner, Life, unsent};
use super::{SendOptions, SessionFacts, Subscription};
use crate::exchange::{Exchange, HttpAnswer, Outcome, Phase, Sent};
use crate::transport::SUBSCRIPTION_ID;

pub(super) const LISTEN: &str = "subscriptions/listen";
pub(super) const ACKNOWLEDGED: &str = "notifications/subscriptions/acknowledged";

/// What a session listens to.
#[derive(Default)]
pub(super) struct Listening {
    /// The session that it belongs to: another that was opened in its place listens to nothing.
    of: Option<Arc<SessionFacts>>,
    stream: Option<Stream>,
    /// What was subscribed to, in the older eras.
    resources: Vec<String>,
    /// Why some of what is listened to may never come, for people.
    lacks: Option<String>,
}

/// A stream in the background, and how it was opened; it ends with this.
struct Stream {
    /// None where the server has no such stream.
    task: Option<JoinHandle<()>>,
    /// The id of the request that opened it, in the modern era.
    id: Option<u64>,
    sent: Option<Sent>,
    http: Option<HttpAnswer>,
}

impl Drop for Stream {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

impl Listening {
    /// Why something that is waited for may never come.
    pub(super) fn lack(&self, life: &Life) -> Option<String> {
        let of = self.of.as_ref()?;
        match life {
            Life::Open(facts) if !Arc::ptr_eq(of, facts) => {
                Some("what was listened to ended with its session, which was lost".to_owned())
            }
            _ => self.lacks.clone(),
        }
    }

    fn is_of(&self, facts: &Arc<SessionFacts>) -> bool {
        self.of.as_ref().is_some_and(|of| Arc::ptr_eq(of, facts))
    }
}

impl Subscription {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What is asked for in the modern era.
    fn filter(&self) -> Value {
        let mut filter = Map::new();
        if self.tools {
            filter.insert("toolsListChanged".to_owned(), true.into());
        }
        if self.prompts {
            filter.insert("promptsListChanged".to_owned(), true.into());
        }
        if !self.resources.is_empty() {
            filter.insert("resourceSubscriptions".to_owned(), self.resources.clone().into());
        }
        Value::Object(filter)
    }
}

impl Inner {
    pub(super) async fn listen(self: &Arc<Self>, wanted: Subscription, options: &SendOptions) -> Exchange {
        let deadline = Deadline::after(options.timeout);
        let Ok(_turn) = timeout_at(deadline.at, self.listen_turn.lock()).await else {
            let mut exchange = unsent("another step took too long to listen".to_owned(), Phase::Step);
            exchange.outcome = Outcome::TimedOut;
            return exchange;
        };
        let (Life::Open(facts) | Life::Closed(facts)) = self.life() else {
            return unsent("the session is not open".to_owned(), Phase::Step);
        };
        let mut exchange = if facts.version.is_modern() {
            self.listen_modern(&facts, &wanted, options, deadline).await
        } else {
            self.listen_legacy(&facts, wanted, options, deadline).await
        };
        exchange.protocol = Some(facts.version.as_str().to_owned());
        exchange
    }

    /// Ends what is listened to.
    pub(super) fn stop_listening(&self) {
        *self.listening() = Listening::default();
    }

    /// The same, and tells the server. To close a stream of its own is to cancel it.
    fn cancel_listening(self: &Arc<Self>) {
        let before = std::mem::take(&mut *self.listening());
        let id = before.stream.as_ref().and_then(|stream| stream.id);
        if let Some(id) = id.filter(|_| self.is_shared()) {
            let session = Arc::clone(self);
            self.cancels.spawn(async move { timeout(BACKGROUND, session.post_cancelled(id)).await });
        }
    }

    async fn listen_modern(
        self: &Arc<Self>,
        facts: &Arc<SessionFacts>,
        wanted: &Subscription,
        options: &SendOptions,
        deadline: Deadline,
    ) -> Exchange {
        if wanted.is_empty() {
            self.cancel_listening();
            return Exchange::default();
        }
        let version = facts.version;
        let message = self.request(LISTEN, Some(json!({"notifications": wanted.filter()})));
        let id = message.id;
        let want = Want::Answer { id: message.id.unwrap_or_default(), version, check: true };
        let prepared = match self.prepare(Stage::Modern(version), message, options) {
            Ok(prepared) => prepared,
            Err(reason) => return unsent(reason, Phase::Step),
        };
        let (mut exchange, reading) = self.send_and_stay(prepared, want, deadline).await;
        let Some(reading) = reading else { return exchange };
        exchange.cause = not_taken(wanted, &exchange);
        let lacks = exchange.cause.clone();
        let task = tokio::spawn(Arc::clone(self).read_on(reading, Arc::clone(facts), false));
        let stream = Stream { task: Some(task), id, sent: None, http: None };
        // The one before ends here, so that nothing is missed between the two.
        self.cancel_listening();
        *self.listening() =
            Listening { of: Some(Arc::clone(facts)), stream: Some(stream), resources: Vec::new(), lacks };
        exchange
    }

    async fn listen_legacy(
        self: &Arc<Self>,
        facts: &Arc<SessionFacts>,
        wanted: Subscription,
        options: &SendOptions,
        deadline: Deadline,
    ) -> Exchange {
        let before = {
            let mut listening = self.listening();
            if !listening.is_of(facts) {
                *listening = Listening { of: Some(Arc::clone(facts)), ..Listening::default() };
            }
            listening.resources.clone()
        };
        let ends = wanted.is_empty();
        let mut exchange = if ends || self.is_shared() {
            Exchange::default()
        } else {
            self.own_stream(facts, options, deadline).await
        };
        let added = wanted.resources.iter().filter(|uri| !before.contains(uri));
        let removed = before.iter().filter(|uri| !wanted.resources.contains(uri));
        let changes = added.map(|uri| (true, uri)).chain(removed.map(|uri| (false, uri)));
        for (adds, uri) in changes {
            if failed(&exchange) {
                return exchange;
            }
            let method = if adds { "resources/subscribe" } else { "resources/unsubscribe" };
            let message = self.request(method, Some(json!({"uri": uri})));
            let answer = self.once(message, options, deadline).await;
            exchange = behind(exchange, answer);
            if !failed(&exchange) {
                let resources = &mut self.listening().resources;
                if adds {
                    resources.push(uri.clone());
                } else {
                    resources.retain(|known| known != uri);
                }
            }
        }
        if ends && !failed(&exchange) {
            self.stop_listening();
        } else if !failed(&exchange) {
            exchange.cause = self.listening().lacks.clone();
        }
        exchange
    }

    /// The session's own stream: opened once, or how it was opened.
    async fn own_stream(
        self: &Arc<Self>,
        facts: &Arc<SessionFacts>,
        options: &SendOptions,
        deadline: Deadline,
    ) -> Exchange {
        if let Some(stream) = &self.listening().stream
            && stream.task.as_ref().is_none_or(|task| !task.is_finished())
        {
            let mut exchange = Exchange::default();
            (exchange.sent, exchange.http) = (stream.sent.clone(), stream.http.clone());
            return exchange;
        }
        let prepared = match self.prepare_stream(facts, &options.headers, None) {
            Ok(prepared) => prepared,
            Err(reason) => return unsent(reason, Phase::Step),
        };
        let want = Want::Stream { version: facts.version };
        let (exchange, reading) = self.send_and_stay(prepared, want, deadline).await;
        let none = exchange.http.as_ref().is_some_and(|http| http.status == NO_STREAM);
        if reading.is_some() || none {
            let task = reading
                .map(|reading| tokio::spawn(Arc::clone(self).read_on(reading, Arc::clone(facts), true)));
            let (sent, http) = (exchange.sent.clone(), exchange.http.clone());
            let mut listening = self.listening();
            listening.stream = Some(Stream { task, id: None, sent, http });
            listening.lacks = none.then(|| {
                format!(
                    "the server has no stream of its own (HTTP {NO_STREAM} to GET): notifications come only \
                     beside answers"
                )
            });
        }
        exchange
    }

    /// Reads a stream in the background for as long as it lasts. The session's own is opened again where it is
    /// cut.
    async fn read_on(self: Arc<Self>, mut reading: Reading, facts: Arc<SessionFacts>, again: bool) {
        let mut failures = 0;
        let why = loop {
            reading.pump().await;
            let resume = reading.resume.clone();
            let why = reading.cause().map_or_else(|| "the server ended it".to_owned(), str::to_owned);
            failures = if resume.came { 1 } else { failures + 1 };
            let lost = !matches!(self.life(), Life::Open(now) if Arc::ptr_eq(&now, &facts));
            if !again || lost || resume.over || failures > RESUMES {
                break why;
            }
            tokio::time::sleep(resume.pause()).await;
            let Ok(prepared) = self.prepare_stream(&facts, &[], resume.from()) else { break why };
            let mut next =
                Reading::start(Arc::clone(&self), prepared, Want::Stream { version: facts.version });
            next.resume.last_id = resume.last_id;
            next.resume.retry = resume.retry;
            next.run().await;
            if next.is_done()
                && let Some(status) = next.status()
            {
                break format!("{why}, and it was refused with HTTP {status} when it was opened again");
            }
            reading = next;
        };
        let lack = format!("the stream that was listened to has ended: {why}");
        self.note(lack.clone());
        let mut listening = self.listening();
        if listening.is_of(&facts) {
            listening.lacks = Some(lack);
        }
    }
}

/// Whether listening goes on no further after this.
fn failed(exchange: &Exchange) -> bool {
    let refused = exchange.http.as_ref().is_some_and(|http| http.status >= 400 && http.status != NO_STREAM);
    exchange.outcome != Outcome::Answered || exchange.answer.error.is_some() || refused
}

/// What was asked for and is not in the acknowledgement, for people.
fn not_taken(wanted: &Subscription, exchange: &Exchange) -> Option<String> {
    let acknowledged = exchange.notifications.iter().find(|seen| seen.method == ACKNOWLEDGED)?;
    let taken = acknowledged.params.get("notifications").unwrap_or(&Value::Null);
    let has = |name: &str, wanted: &Value| match (taken.get(name), wanted) {
        (Some(Value::Array(taken)), Value::Array(wanted)) => wanted.iter().all(|uri| taken.contains(uri)),
        (taken, wanted) => taken == Some(wanted),
    };
    let filter = wanted.filter();
    let missing: Vec<String> = filter
        .as_object()?
        .iter()
        .filter(|(name, wanted)| !has(name, wanted))
        .map(|(name, _)| format!("`{name}`"))
        .collect();
    (!missing.is_empty())
        .then(|| format!("the server does not send all that was asked for: {}", missing.join(", ")))
}

/// What is wrong with the place of a notification in the modern era. `listens`: the id and the params of the
/// request that opened the stream, where it is one that listens.
pub(super) fn misplaced(
    method: &str,
    params: &Value,
    listens: Option<(u64, &Value)>,
    acknowledged: bool,
) -> Vec<String> {
    let needed = match method {
        "notifications/tools/list_changed" => Some("toolsListChanged"),
        "notifications/prompts/list_changed" => Some("promptsListChanged"),
        "notifications/resources/list_changed" => Some("resourcesListChanged"),
        "notifications/resources/updated" => Some("resourceSubscriptions"),
        _ => None,
    };
    let Some((id, asked)) = listens else {
        return needed
            .map(|_| format!("`{method}` came in a stream that does not listen"))
            .into_iter()
            .collect();
    };
    let mut wrong = Vec::new();
    if !acknowledged && method != ACKNOWLEDGED {
        wrong.push(format!("`{method}` came before `{ACKNOWLEDGED}`"));
    }
    if let Some(needed) = needed
        && asked.get("notifications").and_then(|filter| filter.get(needed)).is_none()
    {
        wrong.push(format!("`{method}` came, and `{needed}` was not asked for"));
    }
    if matches!(method, "notifications/progress" | "notifications/message") {
        wrong.push(format!("`{method}` came in a stream that listens, and belongs to a request"));
    }
    match params.get("_meta").and_then(|meta| meta.get(SUBSCRIPTION_ID)) {
        Some(theirs) if equals(theirs, id) => {}
        Some(theirs) => {
            wrong.push(format!(
                "the `subscriptionId` of `{method}` is `{theirs}`; that of the stream is `{id}`"
            ));
        }
        None => wrong.push(format!("`{method}` has no `{SUBSCRIPTION_ID}` in its `_meta`")),
    }
    wrong
}

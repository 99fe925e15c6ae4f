//! The notifications of a session that nobody took yet, in the order of their arrival, whatever stream brought
//! them; and what came in the background, until a step is billed with it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::Instant;

use super::session::{Inner, Life};
use crate::exchange::{Asked, Exchange, Notification, Outcome, Violation};
use crate::model::shown_duration;

/// How many notifications wait to be taken, at most: then the oldest go.
const MOST: usize = 4096;

/// How many bytes they may have together.
const HEAVIEST: usize = 16 << 20;

/// How many violations and how many questions of the background are kept for the next step.
const FOUND: usize = 100;

/// How many methods are named where nothing matched.
const NAMED: usize = 5;

/// What the streams of a session brought, and no step has had yet.
#[derive(Default)]
pub(super) struct Store {
    queue: Mutex<Queue>,
    arrived: Notify,
    found: Mutex<Found>,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Kept>,
    weight: usize,
    /// How many came so far.
    count: u64,
    dropped: usize,
    /// Whether it was told that some were dropped.
    told: bool,
}

/// A notification that waits.
pub(super) struct Kept {
    number: u64,
    weight: usize,
    notification: Notification,
    /// JSON Pointers of its numbers that are kept as text.
    inexact: Vec<String>,
}

/// What came in a stream that belongs to no step.
#[derive(Default)]
struct Found {
    wire: Vec<Violation>,
    asked: Vec<Asked>,
}

impl Store {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a notification of so many bytes, and wakes who waits for one.
    pub(super) fn put(&self, notification: Notification, inexact: Vec<String>, weight: usize) {
        {
            let mut queue = self.queue();
            let number = queue.count;
            queue.count += 1;
            queue.weight += weight;
            queue.waiting.push_back(Kept { number, weight, notification, inexact });
            while queue.waiting.len() > MOST || queue.weight > HEAVIEST {
                let Some(oldest) = queue.waiting.pop_front() else { break };
                queue.weight -= oldest.weight;
                queue.dropped += 1;
            }
        }
        self.arrived.notify_waiters();
    }

    /// Waits for the oldest notification that matches. Each is looked at once.
    async fn taken(&self, matches: &mut (dyn FnMut(&Notification) -> bool + Send)) -> Kept {
        let mut from = 0;
        loop {
            // Made before looking, so that what arrives meanwhile wakes it.
            let arrived = self.arrived.notified();
            if let Some(kept) = self.pick(&mut from, matches) {
                return kept;
            }
            arrived.await;
        }
    }

    fn pick(&self, from: &mut u64, matches: &mut (dyn FnMut(&Notification) -> bool + Send)) -> Option<Kept> {
        let mut queue = self.queue();
        let first = queue.waiting.partition_point(|kept| kept.number < *from);
        *from = queue.count;
        let at = queue.waiting.iter().skip(first).position(|kept| matches(&kept.notification))? + first;
        let kept = queue.waiting.remove(at)?;
        queue.weight -= kept.weight;
        Some(kept)
    }

    /// What waits, for people: the methods, with how many of each.
    fn waiting(&self) -> String {
        let queue = self.queue();
        let mut counts: Vec<(&str, usize)> = Vec::new();
        for kept in &queue.waiting {
            let method = kept.notification.method.as_str();
            if let Some((_, count)) = counts.iter_mut().find(|(known, _)| *known == method) {
                *count += 1;
            } else if counts.len() < NAMED {
                counts.push((method, 1));
            }
        }
        if counts.is_empty() {
            return "none waits to be taken".to_owned();
        }
        let named: Vec<String> =
            counts.iter().map(|(method, count)| format!("{count} of `{}`", shortened(method))).collect();
        let named = named.join(", ");
        let more = if counts.len() == NAMED { " and perhaps others" } else { "" };
        format!("of another kind or taken by nobody: {named}{more}")
    }

    /// How many were dropped, where that was not told before.
    fn overflow(&self) -> Option<usize> {
        let mut queue = self.queue();
        (queue.dropped > 0 && !std::mem::replace(&mut queue.told, true)).then_some(queue.dropped)
    }

    fn found(&self) -> MutexGuard<'_, Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps what came in a stream that belongs to no step.
    pub(super) fn find(&self, wire: Vec<Violation>, asked: Vec<Asked>) {
        if wire.is_empty() && asked.is_empty() {
            return;
        }
        let mut found = self.found();
        let (wires, asks) = (found.wire.len(), found.asked.len());
        found.wire.extend(wire.into_iter().take(FOUND.saturating_sub(wires)));
        found.asked.extend(asked.into_iter().take(FOUND.saturating_sub(asks)));
    }

    /// What nobody was billed with, for people.
    pub(super) fn left(&self) -> Vec<String> {
        let Found { wire, asked } = std::mem::take(&mut *self.found());
        let asked = asked.into_iter().filter(|asked| asked.unexpected);
        wire.into_iter()
            .map(|violation| format!("in the background: {} ({})", violation.message, violation.section))
            .chain(asked.map(|asked| {
                format!(
                    "in the background the server asked `{}`, and nothing answers it",
                    shortened(&asked.method)
                )
            }))
            .collect()
    }
}

impl Inner {
    /// Bills an exchange with what came in the background until now: what is wrong there must not pass silently.
    pub(super) fn billed(&self, mut exchange: Exchange) -> Exchange {
        // Where there is no answer, or a refusal, the rest of the exchange is not looked at.
        let refused = exchange.http.as_ref().is_some_and(|http| http.status >= 400);
        if exchange.outcome == Outcome::Answered && !refused {
            let found = std::mem::take(&mut *self.store.found());
            exchange.wire.extend(found.wire);
            exchange.asked.extend(found.asked);
            self.rubbish(&mut exchange);
        }
        exchange
    }

    pub(super) async fn take(
        self: &Arc<Self>,
        matches: &mut (dyn FnMut(&Notification) -> bool + Send),
        deadline: Instant,
    ) -> Exchange {
        let started = Instant::now();
        let limit = deadline.saturating_duration_since(started);
        let mut exchange = Exchange::default();
        let cancel = self.cancel();
        let taken = tokio::select! {
            biased;
            () = cancel.cancelled() => Err(Outcome::Closed),
            kept = self.store.taken(matches) => Ok(kept),
            () = tokio::time::sleep_until(deadline) => Err(Outcome::TimedOut),
        };
        exchange.duration = started.elapsed();
        if let Life::Open(facts) | Life::Closed(facts) = self.life() {
            exchange.protocol = Some(facts.version.as_str().to_owned());
        }
        let overflow = self.store.overflow();
        if let Some(dropped) = overflow {
            let size = HEAVIEST >> 20;
            self.note(format!(
                "{dropped} notifications were dropped untaken: {MOST} are kept, of {size} MiB together"
            ));
        }
        match taken {
            Ok(kept) => {
                exchange.inexact = kept.inexact.iter().map(|at| format!("/notifications/0{at}")).collect();
                exchange.notifications.push(kept.notification);
            }
            Err(outcome) => {
                exchange.outcome = outcome;
                exchange.cause = Some(if outcome == Outcome::TimedOut {
                    let lack = self.listening().lack(&self.life());
                    let lack = lack.map(|lack| format!("; {lack}")).unwrap_or_default();
                    let waiting = self.store.waiting();
                    format!(
                        "no notification that matches came within {}: {waiting}{lack}",
                        shown_duration(limit)
                    )
                } else {
                    "interrupted".to_owned()
                });
            }
        }
        exchange
    }
}

/// A method as a server wrote it, which can be of any length.
fn shortened(method: &str) -> String {
    const LONGEST: usize = 80;
    if method.chars().count() <= LONGEST {
        return method.to_owned();
    }
    method.chars().take(LONGEST).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn told(number: usize) -> Notification {
        Notification { method: "notifications/message".to_owned(), params: json!({"number": number}) }
    }

    fn numbers(store: &Store) -> Vec<Value> {
        store.queue().waiting.iter().map(|kept| kept.notification.params["number"].clone()).collect()
    }

    #[test]
    fn the_oldest_that_matches_is_taken_once() {
        let store = Store::default();
        (0..4).for_each(|number| store.put(told(number), Vec::new(), 10));
        let mut even =
            |seen: &Notification| seen.params["number"].as_u64().is_some_and(|n| n.is_multiple_of(2));
        let mut from = 0;
        assert_eq!(store.pick(&mut from, &mut even).unwrap().notification, told(0));
        assert!(store.pick(&mut from, &mut even).is_none(), "what was looked at is not looked at again");
        assert_eq!(store.pick(&mut 0, &mut even).unwrap().notification, told(2));
        store.put(told(4), Vec::new(), 10);
        assert_eq!(store.pick(&mut from, &mut even).unwrap().notification, told(4));
        assert_eq!(numbers(&store), [1, 3]);
        assert_eq!(store.queue().weight, 20);
        assert_eq!(store.overflow(), None);
    }

    #[test]
    fn the_oldest_are_dropped_over_the_bounds() {
        let store = Store::default();
        (0..MOST + 2).for_each(|number| store.put(told(number), Vec::new(), 1));
        assert_eq!(numbers(&store).len(), MOST);
        assert_eq!((store.overflow(), store.overflow()), (Some(2), None));
        let mut third = |seen: &Notification| seen.params["number"] == 2;
        assert!(store.pick(&mut 0, &mut third).is_some(), "the third is the oldest that is left");
        store.put(told(1_000_000), Vec::new(), HEAVIEST);
        assert_eq!(numbers(&store), [1_000_000]);
        store.put(told(2_000_000), Vec::new(), HEAVIEST + 1);
        assert!(numbers(&store).is_empty());
        assert_eq!(store.queue().weight, 0);
    }
}

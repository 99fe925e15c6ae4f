//! Who listens to changes, in either era, and what they are told. How it reaches them is `orders`' business.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rmcp::model::{
    PromptListChangedNotification, ResourceUpdatedNotification, ResourceUpdatedNotificationParam,
    ServerNotification, SubscriptionFilter, ToolListChangedNotification,
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Changes that wait for one listener; what comes when they are that many is not told.
const QUEUE: usize = 1000;
/// Addresses that one listener may name.
const MAX_URIS: usize = 1000;

/// What may be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Tools,
    Prompts,
    Resource(String),
}

/// What one listener wants to be told.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted {
    pub(super) tools: bool,
    pub(super) prompts: bool,
    pub(super) uris: BTreeSet<String>,
}

/// All listeners of a sandbox.
#[derive(Debug, Default)]
pub(super) struct Listeners {
    all: Mutex<All>,
    closing: CancellationToken,
}

#[derive(Debug, Default)]
struct All {
    entries: Vec<Entry>,
    added: u64,
}

#[derive(Debug)]
struct Entry {
    number: u64,
    wanted: Wanted,
    queue: mpsc::Sender<Change>,
}

/// A place among the listeners; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct Listener {
    number: u64,
    among: Arc<Listeners>,
}

impl Listeners {
    /// None yet. What is to be told later is not told once the token is cancelled.
    pub(super) fn new(closing: CancellationToken) -> Self {
        Self { all: Mutex::default(), closing }
    }

    /// Adds one; what it is told is in the receiver.
    pub(super) fn add(self: &Arc<Self>, wanted: Wanted) -> (Listener, mpsc::Receiver<Change>) {
        let (queue, changes) = mpsc::channel(QUEUE);
        let mut all = self.all();
        let number = all.added;
        all.added += 1;
        all.entries.push(Entry { number, wanted, queue });
        (Listener { number, among: Arc::clone(self) }, changes)
    }

    /// Tells everyone who wants to know.
    pub(super) fn tell(&self, change: &Change) {
        for entry in self.all().entries.iter().filter(|entry| entry.wanted.wants(change)) {
            // One who does not read misses what comes then; nobody else waits for that.
            let _ = entry.queue.try_send(change.clone());
        }
    }

    /// Tells it so many times after a while, unless the sandbox ends before.
    pub(super) fn tell_later(self: &Arc<Self>, change: Change, times: u64, after: Duration) {
        let listeners = Arc::clone(self);
        tokio::spawn(async move {
            let closing = listeners.closing.clone();
            if closing.run_until_cancelled(tokio::time::sleep(after)).await.is_some() {
                (0..times).for_each(|_| listeners.tell(&change));
            }
        });
    }

    fn all(&self) -> MutexGuard<'_, All> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listener {
    /// Wants to be told of a resource, too. False where it named too many.
    pub(super) fn subscribe(&self, uri: String) -> bool {
        self.change(|wanted| {
            let room = wanted.uris.len() < MAX_URIS;
            if room {
                wanted.uris.insert(uri);
            }
            room
        })
    }

    /// Does not want that any more. False where it did not.
    pub(super) fn unsubscribe(&self, uri: &str) -> bool {
        self.change(|wanted| wanted.uris.remove(uri))
    }

    fn change(&self, change: impl FnOnce(&mut Wanted) -> bool) -> bool {
        let mut all = self.among.all();
        let entry = all.entries.iter_mut().find(|entry| entry.number == self.number);
        entry.is_some_and(|entry| change(&mut entry.wanted))
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.among.all().entries.retain(|entry| entry.number != self.number);
    }
}

impl Wanted {
    fn wants(&self, change: &Change) -> bool {
        match change {
            Change::Tools => self.tools,
            Change::Prompts => self.prompts,
            Change::Resource(uri) => self.uris.contains(uri),
        }
    }
}

impl From<&SubscriptionFilter> for Wanted {
    fn from(filter: &SubscriptionFilter) -> Self {
        Self {
            tools: filter.tools_list_changed == Some(true),
            prompts: filter.prompts_list_changed == Some(true),
            uris: filter.resource_subscriptions.iter().flatten().cloned().collect(),
        }
    }
}

impl From<Change> for ServerNotification {
    fn from(change: Change) -> Self {
        match change {
            Change::Tools => ToolListChangedNotification::default().into(),
            Change::Prompts => PromptListChangedNotification::default().into(),
            Change::Resource(uri) => {
                ResourceUpdatedNotification::new(ResourceUpdatedNotificationParam::new(uri)).into()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_is_told_what_it_wants_while_it_listens() {
        let listeners = Arc::new(Listeners::default());
        let (one, mut told) = listeners.add(Wanted { tools: true, ..Wanted::default() });
        let of = |uri: &str| Change::Resource(uri.to_owned());
        for change in [Change::Prompts, of("a:1"), Change::Tools] {
            listeners.tell(&change);
        }
        assert!(one.subscribe("a:1".to_owned()) && one.subscribe("a:1".to_owned()));
        listeners.tell(&of("a:1"));
        assert!(one.unsubscribe("a:1") && !one.unsubscribe("a:1"));
        listeners.tell(&of("a:1"));
        listeners.tell_later(Change::Tools, 2, Duration::from_millis(1));
        for expected in [Change::Tools, of("a:1"), Change::Tools, Change::Tools] {
            assert_eq!(told.recv().await, Some(expected));
        }
        drop(one);
        assert_eq!(told.recv().await, None);
    }

    #[test]
    fn who_does_not_read_holds_nobody_up() {
        let listeners = Arc::new(Listeners::default());
        let (_one, mut told) = listeners.add(Wanted { tools: true, ..Wanted::default() });
        (0..QUEUE + 5).for_each(|_| listeners.tell(&Change::Tools));
        assert_eq!(std::iter::from_fn(|| told.try_recv().ok()).count(), QUEUE);
    }
}

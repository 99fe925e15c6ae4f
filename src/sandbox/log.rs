//! What the sandbox saw, for tests and for people who watch it. It keeps requests, never answers.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{broadcast, watch};

/// How many entries are kept; the oldest go first.
pub const MAX_ENTRIES: usize = 10_000;
/// How many bytes of bodies are kept together; the oldest entries go first.
pub const MAX_BODY_BYTES: usize = 64 << 20;

/// What the sandbox saw: one entry for each HTTP request.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The HTTP method.
    pub http_method: String,
    /// The path.
    pub path: String,
    /// The request's headers, names in lower case, `authorization` replaced by what the token is called: `owner`,
    /// `auditor`, `unknown`.
    pub headers: Vec<(String, String)>,
    /// The JSON-RPC method of the body, if it has one.
    pub method: Option<String>,
    /// The body, parsed; null where it is none or no JSON.
    pub body: Value,
    /// The status it was answered with; 0 while it is not answered, and for good where the client went away.
    pub status: u16,
    /// Why it got no good answer, where it did not: what the answer does not tell. It may have a status of 200.
    pub reason: Option<String>,
    /// Whether the call that it made was cancelled by the client.
    pub cancelled: bool,
}

impl Entry {
    /// The tool that it calls, if it is a `tools/call`.
    #[must_use]
    pub fn tool(&self) -> Option<&str> {
        let called = self.method.as_deref() == Some("tools/call");
        called.then(|| self.body.pointer("/params/name").and_then(Value::as_str)).flatten()
    }

    /// The value of a header by its lower-case name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// The log of a sandbox, shared with it: entries in the order in which the requests arrived.
#[derive(Clone, Debug)]
pub struct Log {
    book: Arc<Mutex<Book>>,
    changed: Arc<watch::Sender<()>>,
    refusals: broadcast::Sender<Refused>,
}

/// A request that got no good answer, as one line shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The HTTP method.
    pub http_method: String,
    /// The path.
    pub path: String,
    /// The JSON-RPC method, if there is one.
    pub method: Option<String>,
    /// The true reason.
    pub reason: String,
}

/// Lines that one who watches may be behind.
const MAX_BEHIND: usize = 1000;

/// The place of an entry, good also after older ones were dropped.
#[derive(Clone, Copy, Debug)]
pub(super) struct EntryId(u64);

#[derive(Debug, Default)]
struct Book {
    /// With the size of the body.
    entries: VecDeque<(Arc<Entry>, usize)>,
    /// The id of the first entry that is kept.
    first: u64,
    body_bytes: usize,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            book: Arc::default(),
            changed: Arc::new(watch::Sender::new(())),
            refusals: broadcast::Sender::new(MAX_BEHIND),
        }
    }
}

impl Log {
    /// All entries that are kept.
    #[must_use]
    pub fn entries(&self) -> Vec<Entry> {
        self.shared().iter().map(|entry| Entry::clone(entry)).collect()
    }

    /// How many requests had this JSON-RPC method.
    #[must_use]
    pub fn count(&self, method: &str) -> usize {
        self.book().entries.iter().filter(|(entry, _)| entry.method.as_deref() == Some(method)).count()
    }

    /// The requests that called a tool.
    #[must_use]
    pub fn calls_of(&self, tool: &str) -> Vec<Entry> {
        let calls = self.shared().into_iter().filter(|entry| entry.tool() == Some(tool));
        calls.map(|entry| Entry::clone(&entry)).collect()
    }

    /// The JSON-RPC methods in order, and `DELETE` where a session was ended: the lifecycle.
    #[must_use]
    pub fn methods(&self) -> Vec<String> {
        let name = |entry: &Arc<Entry>| entry.method.as_ref().unwrap_or(&entry.http_method).clone();
        self.shared().iter().map(name).collect()
    }

    /// Waits until the entries are as wanted. False where they are not within the time.
    pub async fn wait_until(&self, mut wanted: impl FnMut(&[Arc<Entry>]) -> bool, within: Duration) -> bool {
        let mut changes = self.changed.subscribe();
        tokio::time::timeout(within, async {
            loop {
                changes.mark_unchanged();
                if wanted(&self.shared()) {
                    return true;
                }
                if changes.changed().await.is_err() {
                    return false;
                }
            }
        })
        .await
        .unwrap_or(false)
    }

    /// Forgets all entries. Requests under way are not written any more.
    pub fn clear(&self) {
        let mut book = self.book();
        book.first += book.entries.len() as u64;
        book.entries.clear();
        book.body_bytes = 0;
    }

    /// Writes a request that arrived, whose body has that many bytes.
    pub(super) fn write(&self, entry: Entry, body_bytes: usize) -> EntryId {
        let id = {
            let mut book = self.book();
            book.entries.push_back((Arc::new(entry), body_bytes));
            book.body_bytes += body_bytes;
            while book.entries.len() > MAX_ENTRIES
                || (book.body_bytes > MAX_BODY_BYTES && book.entries.len() > 1)
            {
                let Some((_, bytes)) = book.entries.pop_front() else { break };
                book.body_bytes -= bytes;
                book.first += 1;
            }
            EntryId(book.first + book.entries.len() as u64 - 1)
        };
        self.changed.send_replace(());
        id
    }

    /// Adds to an entry what became known later.
    pub(super) fn amend(&self, id: EntryId, change: impl FnOnce(&mut Entry)) {
        {
            let mut book = self.book();
            let place = id.0.checked_sub(book.first).and_then(|place| usize::try_from(place).ok());
            let Some((entry, _)) = place.and_then(|place| book.entries.get_mut(place)) else { return };
            change(Arc::make_mut(entry));
        }
        self.changed.send_replace(());
    }

    /// Adds why a request got no good answer.
    pub(super) fn explain(&self, id: EntryId, reason: String) {
        self.amend(id, |entry| {
            let (http_method, path) = (entry.http_method.clone(), entry.path.clone());
            let refused = Refused { http_method, path, method: entry.method.clone(), reason: reason.clone() };
            entry.reason = Some(reason);
            // Nobody may be watching.
            let _ = self.refusals.send(refused);
        });
    }

    /// The refusals from here on.
    #[must_use]
    pub fn refusals(&self) -> broadcast::Receiver<Refused> {
        self.refusals.subscribe()
    }

    /// The true reasons of what was refused, in order.
    #[must_use]
    pub fn reasons(&self) -> Vec<String> {
        self.shared().iter().filter_map(|entry| entry.reason.clone()).collect()
    }

    /// The entries without a copy of their bodies, and without the lock: a predicate may ask the log.
    fn shared(&self) -> Vec<Arc<Entry>> {
        self.book().entries.iter().map(|(entry, _)| Arc::clone(entry)).collect()
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(path: &str) -> Entry {
        Entry {
            http_method: "POST".to_owned(),
            path: path.to_owned(),
            headers: Vec::new(),
            method: None,
            body: Value::Null,
            status: 0,
            reason: None,
            cancelled: false,
        }
    }

    #[test]
    fn the_oldest_go_first_and_ids_stay_good() {
        let log = Log::default();
        let first = log.write(entry("first"), 1);
        for number in 0..MAX_ENTRIES - 1 {
            log.write(entry(&number.to_string()), 1);
        }
        log.amend(first, |entry| entry.status = 200);
        assert_eq!(log.entries()[0].status, 200);
        let last = log.write(entry("last"), 1);
        log.amend(first, |entry| entry.status = 500);
        log.amend(last, |entry| entry.status = 201);
        let entries = log.entries();
        assert_eq!(entries.len(), MAX_ENTRIES);
        assert_eq!(entries[0].path, "0");
        assert_eq!(entries[MAX_ENTRIES - 1].status, 201);
    }

    #[test]
    fn bodies_are_bounded_together() {
        let log = Log::default();
        log.write(entry("a"), MAX_BODY_BYTES);
        log.write(entry("b"), 1);
        assert_eq!(log.entries().len(), 1);
        log.write(entry("c"), MAX_BODY_BYTES * 2);
        assert_eq!(log.entries()[0].path, "c");
        log.clear();
        log.write(entry("d"), 1);
        assert_eq!(log.entries()[0].path, "d");
    }

    #[tokio::test]
    async fn waiting_ends_with_the_change_or_the_time() {
        let log = Log::default();
        assert!(!log.wait_until(|entries| !entries.is_empty(), Duration::from_millis(5)).await);
        let waiting = tokio::spawn({
            let log = log.clone();
            async move { log.wait_until(|entries| entries.len() == 2, Duration::from_secs(10)).await }
        });
        log.write(entry("a"), 0);
        log.write(entry("b"), 0);
        assert!(waiting.await.unwrap());
    }
}

//! The sandbox's clock: what expires, starts cold or takes its time goes by it. It runs with the machine's, unless it
//! is virtual: then it moves where somebody waits or a test moves it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;

/// A clock that its copies share.
#[derive(Clone, Debug)]
pub(super) struct Clock {
    start: Timestamp,
    began: Instant,
    /// Milliseconds that it was moved on by.
    moved: Arc<AtomicU64>,
}

impl Clock {
    pub(super) fn new(start: Timestamp) -> Self {
        Self { start, began: Instant::now(), moved: Arc::default() }
    }

    /// Since the sandbox started.
    pub(super) fn elapsed(&self, is_virtual: bool) -> Duration {
        let moved = Duration::from_millis(self.moved.load(Ordering::Relaxed));
        if is_virtual { moved } else { moved.saturating_add(self.began.elapsed()) }
    }

    /// What it shows, so many seconds ahead.
    pub(super) fn now(&self, is_virtual: bool, skew: u32) -> Timestamp {
        let later = self.elapsed(is_virtual).saturating_add(Duration::from_secs(skew.into()));
        self.start.checked_add(later).unwrap_or(Timestamp::MAX)
    }

    /// Moves it on.
    pub(super) fn advance(&self, time: Duration) {
        let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.moved.fetch_add(millis, Ordering::Relaxed);
    }

    /// Waits; where it is virtual, by moving it on.
    pub(super) async fn wait(&self, time: Duration, is_virtual: bool) {
        if is_virtual {
            self.advance(time);
        } else if !time.is_zero() {
            tokio::time::sleep(time).await;
        }
    }
}

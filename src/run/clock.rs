//! The time that steps have: the deadline that they share, what does not count, and what stops them.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The clock of a case's steps, or of its cleanup.
#[derive(Debug)]
pub(super) struct Clock {
    /// Cancelled when its steps are to end.
    pub(super) stop: CancellationToken,
    time: Mutex<Time>,
}

#[derive(Debug)]
struct Time {
    deadline: Option<Instant>,
    /// How long steps waited for their turn, which is billed to nobody.
    waited: Duration,
    /// How many wait now, and since when there is one: side by side they wait once.
    waiting: usize,
    since: Instant,
}

impl Clock {
    pub(super) fn new(deadline: Option<Instant>, stop: CancellationToken) -> Self {
        let time = Time { deadline, waited: Duration::ZERO, waiting: 0, since: Instant::now() };
        Self { stop, time: Mutex::new(time) }
    }

    fn time(&self) -> MutexGuard<'_, Time> {
        self.time.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.time().deadline
    }

    /// Whether its deadline has passed.
    pub(super) fn is_over(&self) -> bool {
        self.deadline().is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// Whether what runs is to end.
    pub(super) fn is_stopped(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// A limit, or what is left to the deadline if that is less.
    pub(super) fn left(&self, limit: Duration) -> Duration {
        let left = |deadline: Instant| limit.min(deadline.saturating_duration_since(Instant::now()));
        self.deadline().map_or(limit, left)
    }

    /// How long it stood still.
    pub(super) fn waited(&self) -> Duration {
        self.time().waited
    }

    /// Stands still until what it returns is dropped.
    pub(super) fn stand_still(&self) -> Still<'_> {
        let mut time = self.time();
        if time.waiting == 0 {
            time.since = Instant::now();
        }
        time.waiting += 1;
        Still(self)
    }
}

/// A clock stands still while this lives.
pub(super) struct Still<'a>(&'a Clock);

impl Drop for Still<'_> {
    fn drop(&mut self) {
        let mut time = self.0.time();
        time.waiting = time.waiting.saturating_sub(1);
        if time.waiting == 0 {
            let waited = time.since.elapsed();
            time.waited += waited;
            time.deadline = time.deadline.map(|deadline| deadline + waited);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_side_by_side_moves_the_deadline_once() {
        let start = Instant::now();
        let clock = Clock::new(Some(start + Duration::from_secs(10)), CancellationToken::new());
        let first = clock.stand_still();
        let second = clock.stand_still();
        std::thread::sleep(Duration::from_millis(1));
        drop(first);
        assert_eq!(clock.waited(), Duration::ZERO);
        drop(second);
        let waited = clock.waited();
        assert!(waited >= Duration::from_millis(1) && waited <= start.elapsed(), "{waited:?}");
        assert_eq!(clock.deadline(), Some(start + Duration::from_secs(10) + waited));
        assert!(clock.left(Duration::from_secs(60)) <= Duration::from_secs(10) + waited);
    }
}

//! Run slots: so many cases at once. Who holds places of a server with a limit goes before who does not: such
//! cases are few at a time, and behind hundreds of others their server would stand idle, though it is the one
//! that the run takes longest for.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// The slots of a run.
#[derive(Debug)]
pub(super) struct Slots {
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    free: usize,
    first: VecDeque<oneshot::Sender<Slot>>,
    then: VecDeque<oneshot::Sender<Slot>>,
}

/// A slot that was taken; dropping it gives it to the next.
#[derive(Debug)]
pub(super) struct Slot(Arc<Slots>);

impl Slots {
    pub(super) fn new(count: usize) -> Arc<Self> {
        Arc::new(Self { queue: Mutex::new(Queue { free: count.max(1), ..Queue::default() }) })
    }

    /// Waits for a slot; with `first`, before all who came without. Dropping the future leaves the queue.
    pub(super) async fn take(self: &Arc<Self>, first: bool) -> Slot {
        loop {
            let turn = {
                let mut queue = self.queue();
                if queue.free > 0 {
                    queue.free -= 1;
                    return Slot(Arc::clone(self));
                }
                let (sender, turn) = oneshot::channel();
                if first {
                    queue.first.push_back(sender)
                } else {
                    queue.then.push_back(sender)
                }
                turn
            };
            if let Ok(slot) = turn.await {
                return slot;
            }
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next who still waits; where nobody does, the slot is free.
    fn next(&self) -> Option<oneshot::Sender<Slot>> {
        let mut queue = self.queue();
        loop {
            match queue.first.pop_front().or_else(|| queue.then.pop_front()) {
                Some(waiting) if waiting.is_closed() => {}
                Some(waiting) => return Some(waiting),
                None => {
                    queue.free += 1;
                    return None;
                }
            }
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(waiting) = self.0.next() {
            // Who left in this moment drops the slot, and it goes on to the next.
            let _ = waiting.send(Self(Arc::clone(&self.0)));
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn who_holds_places_goes_first_and_nobody_is_lost() {
        let slots = Slots::new(1);
        let held = slots.take(false).await;
        let mut then = Box::pin(slots.take(false));
        let mut first = Box::pin(slots.take(true));
        assert!((&mut then).now_or_never().is_none() && (&mut first).now_or_never().is_none());
        drop(held);
        assert!((&mut then).now_or_never().is_none());
        let held = (&mut first).now_or_never().expect("the slot");
        drop(held);
        assert!((&mut then).now_or_never().is_some());
        assert!(slots.take(false).now_or_never().is_some(), "the slot is free again");
    }

    #[tokio::test]
    async fn who_left_keeps_no_slot() {
        let slots = Slots::new(1);
        let held = slots.take(false).await;
        let mut gone: Vec<_> = (0..10_000).map(|_| Box::pin(slots.take(false))).collect();
        let mut given = Box::pin(slots.take(true));
        for waiting in gone.iter_mut().chain([&mut given]) {
            assert!(waiting.now_or_never().is_none());
        }
        // One is given the slot and leaves without having looked.
        drop(held);
        gone.truncate(5_000);
        drop(given);
        drop(gone);
        assert!(slots.take(false).now_or_never().is_some());
    }
}

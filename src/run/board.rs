//! Where cases put their end, and trials wait for it: the bridge from tasks to threads.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use crate::event::Event;

/// The ends of the cases that were not asked for yet.
#[derive(Default)]
pub(super) struct Board {
    ends: Mutex<HashMap<usize, Arc<Event>>>,
    changed: Condvar,
}

impl Board {
    pub(super) fn put(&self, case: usize, event: Arc<Event>) {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner).insert(case, event);
        self.changed.notify_all();
    }

    /// Takes the end of a case, waiting for it.
    pub(super) fn take(&self, case: usize) -> Arc<Event> {
        let mut ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(event) = ends.remove(&case) {
                return event;
            }
            ends = self.changed.wait(ends).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

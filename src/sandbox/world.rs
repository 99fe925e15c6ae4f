//! What the sandbox's processes work on: invoices. It is new with each sandbox and shared by all its sessions.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Number;

/// How many invoices are kept; the oldest go first.
const MAX_INVOICES: usize = 10_000;
/// The number of the first invoice.
const FIRST: u64 = 1001;

/// The invoices of a sandbox.
#[derive(Debug, Default)]
pub(super) struct World {
    invoices: Mutex<Invoices>,
}

#[derive(Debug, Default)]
struct Invoices {
    by_number: BTreeMap<u64, Invoice>,
    created: u64,
}

/// An invoice.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Invoice {
    pub(super) customer: String,
    pub(super) amount: Number,
}

impl World {
    /// Adds an invoice and gives its id.
    pub(super) fn create(&self, invoice: Invoice) -> String {
        let mut invoices = self.invoices();
        let number = FIRST + invoices.created;
        invoices.created += 1;
        invoices.by_number.insert(number, invoice);
        if invoices.by_number.len() > MAX_INVOICES {
            invoices.by_number.pop_first();
        }
        format!("INV-{number}")
    }

    /// The invoice of an id.
    pub(super) fn get(&self, id: &str) -> Option<Invoice> {
        self.invoices().by_number.get(&number(id)?).cloned()
    }

    /// Removes an invoice. False where there is none.
    pub(super) fn delete(&self, id: &str) -> bool {
        number(id).is_some_and(|number| self.invoices().by_number.remove(&number).is_some())
    }

    fn invoices(&self) -> MutexGuard<'_, Invoices> {
        self.invoices.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The number of an id; only the spelling that was given out is one.
fn number(id: &str) -> Option<u64> {
    let digits = id.strip_prefix("INV-")?;
    let number = digits.parse().ok()?;
    (format!("{number}") == digits).then_some(number)
}

//! What the sandbox's processes work on: invoices, jobs and tasks, who listens to them, and what the tools still wait
//! to hear. It is new with each sandbox and shared by all its sessions.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Number, Value};
use tokio_util::sync::CancellationToken;

use super::jobs::{End, Finish, Jobs};
use super::listeners::{Change, Listeners};
use super::numbered::Numbered;
use super::questions::Questions;
use super::tasks::Tasks;

/// The resource of all open invoices; a customer's are one level below.
pub(super) const OPEN_INVOICES: &str = "invoices://open";

/// The state of a sandbox.
#[derive(Debug)]
pub(super) struct Shop {
    invoices: Mutex<Numbered<Invoice>>,
    pub(super) jobs: Jobs,
    pub(super) listeners: Arc<Listeners>,
    pub(super) questions: Questions,
    pub(super) tasks: Tasks,
}

/// An invoice.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Invoice {
    pub(super) customer: String,
    pub(super) amount: Number,
}

impl Shop {
    /// An empty one, which ends with the token.
    pub(super) fn new(closing: CancellationToken) -> Self {
        Self {
            invoices: Mutex::new(Numbered::new("INV")),
            jobs: Jobs::default(),
            listeners: Arc::new(Listeners::new(closing)),
            questions: Questions::default(),
            tasks: Tasks::default(),
        }
    }

    /// Adds an invoice and gives its id.
    pub(super) fn create(&self, invoice: Invoice) -> String {
        let customer = invoice.customer.clone();
        let id = self.invoices().add(invoice);
        self.tell_of_invoices(&customer);
        id
    }

    /// The invoice of an id.
    pub(super) fn get(&self, id: &str) -> Option<Invoice> {
        self.invoices().get(id).cloned()
    }

    /// Removes an invoice. False where there is none.
    pub(super) fn delete(&self, id: &str) -> bool {
        let removed = self.invoices().remove(id);
        let Some(Invoice { customer, .. }) = removed else { return false };
        self.listeners.tell(&Change::Resource(format!("invoice://{id}/state")));
        self.tell_of_invoices(&customer);
        true
    }

    /// The invoices that were created and not deleted, with their ids, the oldest first.
    pub(super) fn open_invoices(&self) -> Vec<(String, Invoice)> {
        self.invoices().iter().map(|(id, invoice)| (id, invoice.clone())).collect()
    }

    /// Reads a job, which gets on by it.
    pub(super) fn read_job(&self, id: &str) -> Option<Value> {
        let (job, changed) = self.jobs.read(id)?;
        if changed {
            self.tell_of_job(id);
        }
        Some(job)
    }

    /// Ends a job that did not end by itself.
    pub(super) fn finish_job(&self, id: &str, end: End) -> Finish {
        let finish = self.jobs.finish(id, end);
        if finish == Finish::Done {
            self.tell_of_job(id);
        }
        finish
    }

    fn tell_of_job(&self, id: &str) {
        self.listeners.tell(&Change::Resource(format!("job://{id}")));
    }

    fn tell_of_invoices(&self, customer: &str) {
        self.listeners.tell(&Change::Resource(OPEN_INVOICES.to_owned()));
        self.listeners.tell(&Change::Resource(format!("{OPEN_INVOICES}/{customer}")));
    }

    fn invoices(&self) -> MutexGuard<'_, Numbered<Invoice>> {
        self.invoices.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

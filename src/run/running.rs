//! What all steps of a case share, wherever they stand: sessions, findings, notes. It is reached by `&`, since
//! steps run side by side; a lock is never held over an await.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use super::defer::Deferred;
use super::rules::{Rulebook, Rules};
use super::scheduler::Shared;
use crate::diagnostic::Diagnostic;
use crate::event::{Kind, StepEnded};
use crate::mcp::Session;
use crate::plan::{Case, Scenario};

/// A case while it runs.
pub(super) struct Running<'a> {
    pub(super) shared: &'a Shared,
    pub(super) case: &'a Case,
    pub(super) scenario: &'a Scenario,
    /// `client.capabilities`, rendered.
    pub(super) client_capabilities: Value,
    /// Whether a step makes a task.
    pub(super) tasks: bool,
    /// `client.info`, rendered, or ours.
    pub(super) client_info: Value,
    /// `respond` of the scenario.
    pub(super) rules: Option<Arc<Rules>>,
    sessions: Mutex<BTreeMap<Key, Arc<Session>>>,
    /// What is to be undone at the end, the last first.
    deferred: Mutex<Vec<Deferred<'a>>>,
    told: Mutex<Told>,
}

/// Server and identity.
type Key = (String, String);

/// What there is to tell of a case.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Steps that did not hold, or warn.
    pub(super) findings: Vec<StepEnded>,
    /// What is wrong with the case as a whole.
    pub(super) problems: Vec<Diagnostic>,
    /// What fails nothing.
    pub(super) notes: Vec<String>,
    /// Known bugs that showed.
    pub(super) known_bugs: Vec<String>,
}

impl Told {
    /// Whether something of it fails the case.
    pub(super) fn has_failed(&self) -> bool {
        self.findings.iter().any(StepEnded::has_failed) || self.problems.iter().any(Diagnostic::is_error)
    }
}

impl<'a> Running<'a> {
    pub(super) fn new(shared: &'a Shared, case: &'a Case, scenario: &'a Scenario) -> Self {
        Self {
            shared,
            case,
            scenario,
            client_capabilities: json!({}),
            tasks: false,
            client_info: json!({"name": "callsheet", "version": env!("CARGO_PKG_VERSION")}),
            rules: None,
            sessions: Mutex::default(),
            deferred: Mutex::default(),
            told: Mutex::default(),
        }
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything that was told until now.
    pub(super) fn take_told(&self) -> Told {
        std::mem::take(&mut *self.told())
    }

    /// Whether something that was told until now fails the case.
    pub(super) fn has_failed(&self) -> bool {
        self.told().has_failed()
    }

    /// Tells of a step that is over.
    pub(super) fn tell(&self, ended: StepEnded) {
        if !ended.problems.is_empty() {
            self.told().findings.push(ended.clone());
        }
        if self.shared.events().read() {
            self.shared.events().send(Kind::StepEnded(ended));
        }
    }

    /// Tells what is wrong with the case as a whole.
    pub(super) fn problem(&self, problem: Diagnostic) {
        self.told().problems.push(problem);
    }

    /// The same, unless something of that code was told: what ends a case ends many steps.
    pub(super) fn problem_once(&self, problem: Diagnostic) {
        let mut told = self.told();
        if told.problems.iter().all(|known| known.code != problem.code) {
            told.problems.push(problem);
        }
    }

    /// Keeps a known bug that showed.
    pub(super) fn tolerate(&self, bug: String) {
        let mut told = self.told();
        if !told.known_bugs.contains(&bug) {
            told.known_bugs.push(bug);
        }
    }

    /// What answers where a step has no rules of its own.
    pub(super) fn rulebook(&self) -> Arc<Rulebook> {
        Arc::new(Rulebook::new(None, self.rules.clone()))
    }

    /// Adds a note, unless it is there.
    pub(super) fn note(&self, note: String) {
        let mut told = self.told();
        if !told.notes.contains(&note) {
            told.notes.push(note);
        }
    }

    fn stack(&self) -> MutexGuard<'_, Vec<Deferred<'a>>> {
        self.deferred.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers cleanup.
    pub(super) fn defer(&self, deferred: Deferred<'a>) {
        self.stack().push(deferred);
    }

    /// The cleanup that was registered last; it is its caller's then.
    pub(super) fn take_deferred(&self) -> Option<Deferred<'a>> {
        self.stack().pop()
    }

    pub(super) fn has_deferred(&self) -> bool {
        !self.stack().is_empty()
    }

    fn held_sessions(&self) -> MutexGuard<'_, BTreeMap<Key, Arc<Session>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The session of a server and an identity, if a step has made one.
    pub(super) fn session(&self, server: &str, identity: &str) -> Option<Arc<Session>> {
        self.held_sessions().get(&(server.to_owned(), identity.to_owned())).cloned()
    }

    /// Keeps a session, and returns the one that all steps use: another branch may have been first.
    pub(super) fn keep(&self, server: &str, identity: &str, session: Session) -> Arc<Session> {
        let key = (server.to_owned(), identity.to_owned());
        Arc::clone(self.held_sessions().entry(key).or_insert_with(|| Arc::new(session)))
    }

    /// Every session of the case.
    pub(super) fn sessions(&self) -> Vec<Arc<Session>> {
        self.held_sessions().values().cloned().collect()
    }

    /// The name of the case's row.
    pub(super) fn row_name(&self) -> Option<&str> {
        let index = usize::try_from(self.case.row?).ok()?;
        self.scenario.rows.as_ref()?.names().nth(index)
    }
}

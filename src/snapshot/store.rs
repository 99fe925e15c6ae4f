//! The snapshots of a run: each file is read once, on first use. With `--update` nothing is compared: what was
//! met is taken, and written when the run is over.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use serde_json::Value;

use super::file;
use super::keys::{key, name_of, path, shown};
use super::patch::Patch;
use super::scalars::{Scalars, candidate};
use crate::auth::Redactor;
use crate::diagnostic::Diagnostic;
use crate::matcher::{Mismatch, Recorder, Stored, same};
use crate::nearest::nearest;
use crate::plan::{Case, Scenario};
use crate::source::{Document, Pointer, yaml};

/// The snapshots of a run.
#[derive(Debug)]
pub struct Store {
    /// `--update`: what is met is taken.
    pub(super) update: bool,
    pub(super) redactor: Redactor,
    files: Mutex<HashMap<PathBuf, Arc<OnceLock<Read>>>>,
    pub(super) taken: Mutex<Taken>,
}

/// What a file of snapshots was read as.
type Read = Result<Option<Arc<Document>>, Box<Diagnostic>>;

/// What `--update` is to write.
#[derive(Debug, Default)]
pub(super) struct Taken {
    pub(super) files: BTreeMap<PathBuf, TakenFile>,
    pub(super) scalars: Scalars,
    pub(super) patches: Vec<Patch>,
}

/// A value, and the cases that met it.
pub(super) type Met = (Value, Vec<Arc<str>>);

/// The snapshots that were taken for one file.
#[derive(Debug, Default)]
pub(super) struct TakenFile {
    pub(super) shown: String,
    /// By key: each value that differs from the others, and the cases that met it.
    pub(super) entries: HashMap<String, Vec<Met>>,
    /// Bytes of JSON. Beyond what a file may have nothing is kept.
    pub(super) size: usize,
}

/// A step whose exchange is compared.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// The case that it is run by.
    pub case: &'a Case,
    /// The scenario of the case.
    pub scenario: &'a Scenario,
    /// The document that the step stands in.
    pub document: &'a Document,
    /// Whether it is known to be wrong, so that nothing it meets is written.
    pub known_bug: bool,
    /// Whether it waits for what it expects, so that what is there in its place is not meant.
    pub eventually: bool,
}

/// One comparison.
#[derive(Debug)]
pub struct Record<'a> {
    store: &'a Store,
    step: Step<'a>,
    taken: RefCell<Vec<(String, Value)>>,
    held: RefCell<Vec<Pointer>>,
}

impl Store {
    /// The snapshots of a run. With `update` they are written anew; what `redactor` masks is never stored.
    #[must_use]
    pub fn new(update: bool, redactor: Redactor) -> Self {
        Self { update, redactor, files: Mutex::default(), taken: Mutex::default() }
    }

    /// Records a comparison.
    #[must_use]
    pub fn record<'a>(&'a self, step: Step<'a>) -> Record<'a> {
        Record { store: self, step, taken: RefCell::default(), held: RefCell::default() }
    }

    pub(super) fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn file(&self, scenario: &Scenario) -> Arc<OnceLock<Read>> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let cell = Arc::clone(files.entry(path(scenario)).or_default());
        drop(files);
        // The lock is not held while a file is read.
        cell.get_or_init(|| {
            let first = |problems: Vec<Diagnostic>| {
                let problem = problems.into_iter().find(Diagnostic::is_error);
                problem.map(Box::new)
            };
            match file::read(&path(scenario), &shown(scenario)) {
                Ok(document) => Ok(document),
                Err(problems) => first(problems).map_or(Ok(None), Err),
            }
        });
        cell
    }
}

impl Record<'_> {
    fn takes(&self) -> bool {
        self.store.update && !self.step.known_bug
    }

    fn absent(&self, file: Option<&Document>, name: &str) -> Stored {
        let Step { scenario, case, .. } = self.step;
        let mut notes = Vec::new();
        if let Some(members) = file.and_then(|file| file.value().as_object()) {
            let wanted = key(scenario, case, name);
            if let Some(near) = nearest(&wanted, members.keys().map(String::as_str).take(1000)) {
                notes.push(format!("`{}` has `{near}`", shown(scenario)));
            }
        }
        let help =
            format!("write it: `callsheet test --update {}`, then read the file", name_of(scenario, case));
        Stored::Absent { notes, help }
    }

    /// What is left of the mismatches once `--update` has taken what it can write. `clean`: nothing else is
    /// wrong with the step, so that what it met may be written.
    #[must_use]
    pub fn settle(self, mismatches: Vec<Mismatch>, clean: bool) -> Vec<Mismatch> {
        if !self.takes() || !clean {
            return mismatches;
        }
        let Step { case, scenario, document, eventually, .. } = self.step;
        let own = std::ptr::eq(document, &*scenario.document);
        let mut taken = self.store.taken();
        if own {
            for at in self.held.take() {
                taken.scalars.held(scenario, &at, &case.name);
            }
        }
        let mut left = Vec::new();
        for mismatch in mismatches {
            let Some(found) = mismatch.found.as_ref().filter(|_| !eventually) else {
                left.push(mismatch);
                continue;
            };
            match candidate(document, own, &mismatch.expected_at, found, &self.store.redactor) {
                Ok(span) => taken.scalars.found(scenario, &mismatch.expected_at, span, found, &case.name),
                Err(reason) => {
                    let site = document.site(&mismatch.expected_at);
                    taken.patches.extend(Patch::new(&site, found, &reason));
                    left.push(mismatch);
                }
            }
        }
        if left.is_empty() {
            let file = taken.files.entry(path(scenario)).or_default();
            file.shown = shown(scenario);
            for (name, value) in self.taken.take() {
                file.take(key(scenario, case, &name), value, &case.name);
            }
        }
        left
    }
}

impl TakenFile {
    fn take(&mut self, key: String, value: Value, case: &Arc<str>) {
        if self.size > yaml::MAX_SIZE {
            return;
        }
        let met = self.entries.entry(key).or_default();
        // What a case met last is what counts.
        met.iter_mut().for_each(|(_, cases)| cases.retain(|known| known != case));
        met.retain(|(_, cases)| !cases.is_empty());
        if let Some((_, cases)) = met.iter_mut().find(|(known, _)| same(known, &value)) {
            cases.push(Arc::clone(case));
            return;
        }
        self.size += value.to_string().len();
        met.push((value, vec![Arc::clone(case)]));
    }
}

impl Recorder for Record<'_> {
    fn snapshot(&self, name: &str, mut value: Value) -> Stored {
        self.store.redactor.mask_value(&mut value);
        if self.takes() {
            self.taken.borrow_mut().push((name.to_owned(), value));
            return Stored::Recorded;
        }
        let Step { scenario, case, .. } = self.step;
        let file = self.store.file(scenario);
        match file.get() {
            Some(Ok(Some(document))) => {
                let at = Pointer::root().key(&key(scenario, case, name));
                match document.get(&at) {
                    Some(_) => Stored::There { document: Arc::clone(document), at, value },
                    None => self.absent(Some(document), name),
                }
            }
            Some(Err(problem)) => Stored::Unreadable(problem.clone()),
            Some(Ok(None)) | None => self.absent(None, name),
        }
    }

    fn held(&self, at: &Pointer) {
        if self.takes() {
            self.held.borrow_mut().push(at.clone());
        }
    }
}

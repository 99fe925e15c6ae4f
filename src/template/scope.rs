//! The names that templates can see: one owned context for each case.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Map, Value};

/// What comes from outside and does not change in a case.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Seeds `uuid`, `random_int`, `random_string`: made of the run's seed and the case's name.
    pub seed: u64,
    /// The time that `now` starts from, in the clock of the run.
    pub now: fn() -> jiff::Timestamp,
    /// The suite's folder: `file` reads nothing outside of it.
    pub root: Arc<PathBuf>,
    /// The folder of the scenario file: `file`'s paths are relative to it.
    pub folder: Arc<PathBuf>,
}

/// The scope of a case. Values are owned; a save adds to it.
#[derive(Debug)]
pub struct Scope {
    values: Map<String, Value>,
}

impl Scope {
    /// A scope without names.
    #[must_use]
    pub fn new(facts: Facts) -> Self {
        let _ = facts;
        Self { values: Map::new() }
    }

    /// Gives a name a value; an older one is replaced.
    pub fn set(&mut self, name: &str, value: Value) {
        self.values.insert(name.to_owned(), value);
    }

    /// The value of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.values.get(name)
    }
}

//! What is known of a scenario's rows before they are run.

use std::collections::HashMap;

use serde_json::Value;

use crate::nearest::nearest;
use crate::plan::Scenario;
use crate::source::{Document, Pointer};

/// What `row` may have.
#[derive(Debug)]
pub(super) enum RowNames<'a> {
    /// There are no rows.
    None,
    /// Rows that stand in the scenario: how many, and how many of them have each key.
    Inline { places: Vec<Pointer>, keys: HashMap<&'a str, usize> },
    /// Rows of a file. Which keys they have is seen when it is read.
    File,
}

/// A key that rows do not have.
#[derive(Debug)]
pub(super) enum Lacking {
    /// No row has it; the key that was probably meant.
    All(Option<String>),
    /// The row at this place does not.
    One(Pointer),
}

impl<'a> RowNames<'a> {
    pub(super) fn of(scenario: &'a Scenario) -> Self {
        let at = Pointer::root().key("rows");
        let document: &'a Document = &scenario.document;
        let Some(rows) = document.get(&at) else { return Self::None };
        let Value::Array(rows) = rows else { return Self::File };
        let mut keys: HashMap<&str, usize> = HashMap::new();
        for key in rows.iter().filter_map(Value::as_object).flat_map(serde_json::Map::keys) {
            *keys.entry(key).or_default() += 1;
        }
        Self::Inline { places: (0..rows.len()).map(|index| at.index(index)).collect(), keys }
    }

    /// Which row lacks a key; none where all have it, or it is not known.
    pub(super) fn lacking(&self, key: &str, document: &Document) -> Option<Lacking> {
        let Self::Inline { places, keys } = self else { return None };
        match keys.get(key) {
            None => Some(Lacking::All(nearest(key, keys.keys().copied()).map(str::to_owned))),
            Some(count) if *count == places.len() => None,
            Some(_) => {
                let lacks = |at: &&Pointer| document.get(at).is_some_and(|row| row.get(key).is_none());
                places.iter().find(lacks).map(|at| Lacking::One(at.clone()))
            }
        }
    }
}

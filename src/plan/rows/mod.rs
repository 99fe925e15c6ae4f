//! The rows of a scenario: read and named when the plan is made, read again when their case runs, so that many of
//! them do not fill the memory. Of a row in a CSV or JSON file only its name, its place in the file and a checksum
//! are kept; rows of a scenario or a YAML file stay in their document, which is small.

mod compile;
mod csv;
mod feed;
mod file;
mod json;
mod keys;
mod names;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;

use file::Records;
use keys::Keys;
use names::Names;
use serde_json::Value;

use crate::diagnostic::Diagnostic;
use crate::model;
use crate::source::{Document, Pointer, Site};

/// How many rows a scenario may have.
const MAX_ROWS: usize = 1_000_000;
/// How large a CSV or JSON file of rows may be, in bytes. A YAML file has the limit of all YAML files.
const MAX_FILE: u64 = 256 << 20;
/// How large one record of such a file may be, in bytes.
const MAX_RECORD: usize = 1 << 20;

/// Where the scenario stands whose rows are compiled.
#[derive(Clone, Copy)]
pub struct Around<'a> {
    /// Its document.
    pub document: &'a Arc<Document>,
    /// The path of its file, absolute and normal.
    pub path: &'a Path,
    /// The suite's folder: no file outside of it is read.
    pub root: &'a Path,
    /// A path as it is shown.
    pub shown: &'a dyn Fn(&Path) -> String,
}

/// The rows of one scenario, at least one.
#[derive(Debug)]
pub struct Rows {
    names: Names,
    keys: Keys,
    source: Source,
}

/// Where the rows are.
#[derive(Debug)]
enum Source {
    /// In a document.
    Document {
        document: Arc<Document>,
        places: Vec<Pointer>,
        /// The last line of the last row, where it is the scenario's document; 0 where it is a YAML file's.
        last_line: usize,
    },
    /// In a CSV or JSON file.
    File(Records),
}

/// Rows that have nothing under a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lacking {
    /// The index of the first of them.
    pub first: u32,
    /// How many they are.
    pub count: usize,
}

impl Rows {
    /// Reads and names the rows. Every problem is added; the rows are there unless one of them is an error.
    pub fn compile(rows: &model::Rows, around: Around<'_>, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        compile::compile(rows, around, problems)
    }

    /// The names of the rows, as slugs, in order; each is another.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.names.iter()
    }

    /// The keys that rows have, in the order in which they come; not every row needs to have each.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.keys.iter()
    }

    /// The rows that have nothing at a path from `row` on, such as `["customer", "id"]`. None where all have it,
    /// and where a row's file is not kept: of a JSON file's rows only the first segment is known.
    #[must_use]
    pub fn lacking(&self, path: &[String]) -> Option<Lacking> {
        let (key, rest) = path.split_first()?;
        let lacking = self.keys.lacking(key);
        let (Source::Document { document, places, .. }, false) = (&self.source, rest.is_empty()) else {
            return lacking;
        };
        let lacks = |at: &&Pointer| {
            let row = document.get(at);
            path.iter()
                .try_fold(row, |value, name| value.map(|value| keys::member(value, name)))
                .flatten()
                .is_none()
        };
        let count = places.iter().filter(lacks).count();
        let first = places.iter().position(|at| lacks(&at))?;
        Some(Lacking { first: u32::try_from(first).ok()?, count })
    }

    /// Where a row stands; none where its file cannot be read any more.
    #[must_use]
    pub fn site(&self, index: u32) -> Option<Site> {
        match &self.source {
            Source::Document { document, places, .. } => Some(document.site(places.get(index as usize)?)),
            Source::File(records) => records.site(index),
        }
    }

    /// The row that stands at a line of the scenario file (from 1), where they stand there.
    #[must_use]
    pub fn at_line(&self, line: usize) -> Option<u32> {
        let Source::Document { document, places, last_line } = &self.source else { return None };
        if line > *last_line {
            return None;
        }
        let index = places.partition_point(|at| document.site(at).position().line <= line).checked_sub(1)?;
        u32::try_from(index).ok()
    }

    /// The value of a row: an object. What is in a file is read from it.
    ///
    /// # Errors
    /// Where its file changed since the plan was made.
    pub fn value(&self, index: u32) -> Result<Value, Box<Diagnostic>> {
        match &self.source {
            Source::Document { document, places, .. } => {
                let value = places.get(index as usize).and_then(|at| document.get(at));
                Ok(value.cloned().unwrap_or_default())
            }
            Source::File(records) => records.value(index),
        }
    }
}

//! Expected values: compiled to matchers, compared with a document, each difference a mismatch that knows its
//! place on both sides. Nothing here sends, and nothing here knows sessions.
//!
//! Compiling (`compile`, `operators`, `cannot_fail`) makes `node`s of what stands in a file; comparing
//! (`compare`, `list`, `operate`) walks nodes and document side by side and collects an `outcome`.

mod assign;
mod cannot_fail;
mod compare;
mod compile;
mod explain;
mod list;
mod node;
mod number;
mod operate;
mod operators;
mod outcome;
mod path;
mod place;
mod reading;
mod render;
mod snapshot;
#[cfg(test)]
mod tests;
mod text;

pub(crate) use cannot_fail::read_pattern;
pub(crate) use number::order as order_of_numbers;
pub use operators::{FORMAT_NAMES, OPERATOR_NAMES};
pub use path::{Astray, Found, Path};
pub use reading::Reading;
use serde_json::Value;
pub use snapshot::{Recorder, Stored};
pub(crate) use snapshot::{path_below, same};

use crate::diagnostic::Diagnostic;
use crate::exchange::Verb;
use crate::source::{Document, Pointer, Site};
use crate::template::{Scope, Template};

/// What a matcher's root is compared with: it decides what plain keys and `$.path` keys may be.
#[derive(Clone, Copy, Debug)]
pub enum Root<'a> {
    /// An exchange: plain keys are its fields, path keys start at it. With the verb, and the method of a
    /// `request` where it is known.
    Exchange(Verb, Option<&'a str>),
    /// The scope of templates: plain keys are its names, path keys start at it.
    Scope,
    /// Any value: plain keys are members.
    Value,
}

/// A compiled expected value.
#[derive(Debug)]
pub struct Matcher {
    root: node::Node,
}

/// One place where a document differs from a matcher.
#[derive(Clone, Debug)]
pub struct Mismatch {
    /// The node of the scenario document that does not hold.
    pub expected_at: Pointer,
    /// Whether the caret belongs under the node's key (a missing key) and not its value.
    pub at_key: bool,
    /// The place in the exchange, as a JSONPath: `$.json.out_Status`.
    pub actual_at: String,
    /// What is wrong in a line.
    pub message: String,
    /// What was expected, with its type: `string "Created"`.
    pub expected: Option<String>,
    /// What is there, with its type: `number 3`; none where there is nothing.
    pub actual: Option<String>,
    /// Further lines: a diff of long texts, where two sides look alike, the spelling of a number.
    pub notes: Vec<String>,
    /// The way out, where there is one beside mending either side.
    pub help: Vec<String>,
    /// What a snapshot says there.
    pub stored: Option<Site>,
    /// What is there in place of a scalar that stands at `expected_at`, or that its template gave; only where a
    /// [`Recorder`] takes part. It may hold a secret.
    pub found: Option<Value>,
}

/// The document that is compared, and the places in it of numbers that are kept as text.
#[derive(Clone, Copy, Debug)]
pub struct Actual<'a> {
    /// The whole document.
    pub value: &'a Value,
    /// JSON Pointers of inexact numbers: they differ from everything.
    pub inexact: &'a [String],
}

impl Matcher {
    /// Compiles the value at `at`. Every problem is added to `problems`; the matcher is there unless one of
    /// them is an error.
    pub fn compile(
        document: &Document,
        at: &Pointer,
        root: Root<'_>,
        problems: &mut Vec<Diagnostic>,
    ) -> Option<Self> {
        let value = document.get(at)?;
        let root = compile::Compiler { document, root, problems }.node(value, at, compile::Known::ROOT)?;
        Some(Self { root })
    }

    /// Every difference; empty where the document matches. At most 50 are told, and how many more there are.
    /// Nothing is recorded, so a `$snapshot` is a difference.
    #[must_use]
    pub fn compare(&self, actual: Actual<'_>, scope: &Scope) -> Vec<Mismatch> {
        compare::differences(&self.root, actual, scope, None)
    }

    /// The same with snapshots: `recorder` holds them, and learns what held.
    #[must_use]
    pub fn verify(&self, actual: Actual<'_>, scope: &Scope, recorder: &dyn Recorder) -> Vec<Mismatch> {
        compare::differences(&self.root, actual, scope, Some(recorder))
    }

    /// The names of its snapshots, each with the place of its `$snapshot`.
    #[must_use]
    pub fn snapshots(&self) -> Vec<(&str, &Pointer)> {
        let mut found = Vec::new();
        self.root.snapshots(&mut found);
        found
    }

    /// Every template in it with the place of its string: for the flow of names.
    #[must_use]
    pub fn templates(&self) -> Vec<(&Pointer, &Template)> {
        let mut found = Vec::new();
        self.root.templates(&mut found);
        found
    }

    /// Whether it names a field of the exchange, as a key, in a path, or in a branch of `$any` or `$all`, but
    /// not under `$not`: what lifts an implied check.
    #[must_use]
    pub fn names(&self, field: &str) -> bool {
        self.root.names(&[field], false)
    }

    /// Adds the fields of the exchange that it reads; `false` where it may read any.
    pub fn reads<'a>(&'a self, fields: &mut Vec<&'a str>) -> bool {
        self.root.reads(fields)
    }

    /// What it reads at its root, with the place of each key.
    #[must_use]
    pub fn readings(&self) -> Vec<Reading<'_>> {
        let mut found = Vec::new();
        self.root.readings(true, &mut found);
        found
    }

    /// Whether it names a member of a field, such as `http.status`, where that has to hold: not under `$not`, and
    /// not in a branch of `$any`.
    #[must_use]
    pub fn names_member(&self, field: &str, member: &str) -> bool {
        self.root.names(&[field, member], true)
    }
}

//! Expected values: compiled to matchers, compared with a document, each difference a mismatch that knows its
//! place on both sides. Nothing here sends, and nothing here knows sessions.

use serde_json::Value;

use crate::diagnostic::Diagnostic;
use crate::exchange::Verb;
use crate::source::{Document, Pointer};
use crate::template::{Scope, Template};

/// What a matcher's root is compared with: it decides what plain keys and `$.path` keys may be.
#[derive(Clone, Copy, Debug)]
pub enum Root<'a> {
    /// An exchange: plain keys are its fields, path keys start at it. With the verb, and the method of a
    /// `request` where it is known.
    Exchange(Verb, Option<&'a str>),
    /// Any value: plain keys are members.
    Value,
}

/// A compiled expected value.
#[derive(Debug)]
pub struct Matcher {
    _private: (),
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
        let _ = (document, at, root, problems);
        None
    }

    /// Every difference; empty where the document matches.
    #[must_use]
    pub fn compare(&self, actual: Actual<'_>, scope: &Scope) -> Vec<Mismatch> {
        let _ = (actual, scope);
        Vec::new()
    }

    /// Every template in it with the place of its string: for the flow of names.
    #[must_use]
    pub fn templates(&self) -> Vec<(&Pointer, &Template)> {
        Vec::new()
    }

    /// Whether it names a field of the exchange, as a key, in a path, or in a branch of `$any` or `$all`, but
    /// not under `$not`: what lifts an implied check.
    #[must_use]
    pub fn names(&self, field: &str) -> bool {
        let _ = field;
        false
    }
}

impl Matcher {
    /// Whether it names a member of a field, such as `http.status`, in the same way as [`Self::names`].
    #[must_use]
    pub fn names_member(&self, field: &str, member: &str) -> bool {
        let _ = (field, member);
        false
    }
}

impl Mismatch {
    /// The mismatch as a diagnostic with its caret on the expected node.
    #[must_use]
    pub fn explain(&self, document: &Document) -> Diagnostic {
        Diagnostic::error(
            crate::diagnostic::Code::Mismatch,
            document.site(&self.expected_at),
            self.message.clone(),
        )
    }
}

/// A compiled JSONPath (RFC 9535), for `save`.
#[derive(Debug)]
pub struct Path {
    _private: (),
}

/// What a path finds.
#[derive(Debug)]
pub struct Found<'a> {
    /// The nodes, each with its place as a normalized path.
    pub nodes: Vec<(String, &'a Value)>,
}

impl Path {
    /// Compiles a path that may hold templates as whole quoted literals.
    ///
    /// # Errors
    /// Where it is no JSONPath: the message, and the byte offset in `text`.
    pub fn compile(text: &str) -> Result<Self, (String, usize)> {
        let _ = text;
        Ok(Self { _private: () })
    }

    /// The first field of the exchange that it goes through, such as `json` in `$.json.id`.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        None
    }

    /// Whether it names at most one node (RFC 9535, 2.3.5.1).
    #[must_use]
    pub fn is_singular(&self) -> bool {
        true
    }

    /// The templates in its literals.
    #[must_use]
    pub fn templates(&self) -> &[Template] {
        &[]
    }

    /// The nodes of a value.
    ///
    /// # Errors
    /// Where a template in it cannot be rendered.
    pub fn query<'a>(
        &self,
        value: &'a Value,
        scope: &Scope,
    ) -> Result<Found<'a>, crate::template::RenderError> {
        let _ = (value, scope);
        Ok(Found { nodes: Vec::new() })
    }
}

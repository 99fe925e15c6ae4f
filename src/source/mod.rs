//! Bytes to documents: a YAML file becomes values and a table of where each of them stands; and values to YAML.
//! Nothing here knows what a scenario is.

pub mod emit;
mod file;
mod place;
mod scalar;
mod span;
mod trap;
mod tree;
pub mod yaml;

use std::collections::HashMap;
use std::sync::Arc;

pub use file::{Position, Site, SourceFile};
use serde_json::Value;
pub use span::{Pointer, Span};

/// Where one node stands.
#[derive(Clone, Copy, Debug)]
pub struct NodeSpan {
    /// The key that names the node; none for list elements and the root.
    pub key: Option<Span>,
    /// The value. A scalar's whole text, its quotes or `|` included; for a container what stands of it on its
    /// first line. What an alias repeats stands where the alias stands.
    pub value: Span,
}

/// One YAML document: its value, and for each node of it the place in the file.
#[derive(Clone, Debug)]
pub struct Document {
    /// The file it stands in.
    pub file: Arc<SourceFile>,
    /// The document as JSON.
    pub value: Value,
    /// From JSON Pointer to key and value span.
    pub spans: HashMap<Pointer, NodeSpan>,
}

impl Document {
    /// The value at a pointer.
    #[must_use]
    pub fn get(&self, at: &Pointer) -> Option<&Value> {
        // Half of a load is spent here, so unlike `Value::pointer` it copies no segment.
        at.segments().try_fold(&self.value, |node, segment| match node {
            Value::Object(members) => members.get(&*segment),
            Value::Array(items) => items.get(segment.parse::<usize>().ok()?),
            _ => None,
        })
    }

    /// Where the value at `at` stands; where it is not in the table, its nearest ancestor.
    #[must_use]
    pub fn site(&self, at: &Pointer) -> Site {
        Site { file: Arc::clone(&self.file), span: self.nearest(at).map_or_else(Span::default, |n| n.value) }
    }

    /// Where the key of the node at `at` stands; its value where it has none.
    #[must_use]
    pub fn key_site(&self, at: &Pointer) -> Site {
        let span = self.nearest(at).map_or_else(Span::default, |n| n.key.unwrap_or(n.value));
        Site { file: Arc::clone(&self.file), span }
    }

    fn nearest(&self, at: &Pointer) -> Option<&NodeSpan> {
        let mut at = at.clone();
        loop {
            if let Some(found) = self.spans.get(&at) {
                return Some(found);
            }
            at = at.parent()?;
        }
    }
}

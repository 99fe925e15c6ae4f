//! Bytes to documents: a YAML file becomes values and a table of where each of them stands; and values to YAML.
//! Nothing here knows what a scenario is.

pub mod emit;
mod file;
mod place;
mod scalar;
mod span;
mod spans;
mod trap;
mod tree;
pub mod yaml;

use std::sync::{Arc, OnceLock};

pub use file::{Position, Site, SourceFile};
use serde_json::Value;
pub use span::{Pointer, Span};
pub use spans::{NodeSpan, Spans};

/// One YAML document: its value, and for each node of it the place in the file.
#[derive(Clone, Debug)]
pub struct Document {
    /// The file it stands in.
    pub file: Arc<SourceFile>,
    /// From JSON Pointer to key and value span.
    pub spans: Spans,
    value: OnceLock<Value>,
    /// Which document of the file it is, where the file says all of it.
    index: Option<usize>,
}

impl Document {
    /// A document of these parts.
    #[must_use]
    pub fn new(file: Arc<SourceFile>, value: Value, spans: Spans) -> Self {
        Self { file, spans, value: OnceLock::from(value), index: None }
    }

    /// The document as JSON.
    #[must_use]
    pub fn value(&self) -> &Value {
        self.value.get_or_init(|| {
            // It was read from this very text before.
            let again = yaml::parse(&self.file).ok();
            let document = again.and_then(|documents| documents.into_iter().nth(self.index?));
            document.and_then(|document| document.value.into_inner()).unwrap_or_default()
        })
    }

    /// The same with another file, whose text has every place where this has it: how a masked source line comes
    /// under every caret.
    #[must_use]
    pub fn with_file(&self, file: Arc<SourceFile>) -> Self {
        Self { file, index: None, spans: self.spans.clone(), value: OnceLock::from(self.value().clone()) }
    }

    /// The same without its value, which is read from the file's text again where it is asked for: what is
    /// compiled needs it for messages only.
    #[must_use]
    pub fn lean(&self) -> Self {
        match self.index {
            Some(_) => Self {
                file: Arc::clone(&self.file),
                spans: self.spans.clone(),
                value: OnceLock::new(),
                index: self.index,
            },
            None => self.clone(),
        }
    }

    /// The value at a pointer.
    #[must_use]
    pub fn get(&self, at: &Pointer) -> Option<&Value> {
        // Half of a load is spent here, so unlike `Value::pointer` it copies no segment.
        at.segments().try_fold(self.value(), |node, segment| match node {
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

    fn nearest(&self, at: &Pointer) -> Option<NodeSpan> {
        let mut at = at.clone();
        loop {
            if let Some(found) = self.spans.get(&at) {
                return Some(found);
            }
            at = at.parent()?;
        }
    }
}

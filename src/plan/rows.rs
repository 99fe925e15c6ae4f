//! The rows of a scenario: named when the plan is made, read again when their case runs, so that many of them do
//! not fill the memory.

use serde_json::Value;

use crate::diagnostic::Diagnostic;

/// The rows of one scenario.
#[derive(Debug)]
pub struct Rows {
    /// The names of the rows, as slugs, in order.
    names: Vec<Box<str>>,
}

impl Rows {
    /// The names of the rows, as slugs, in order.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.names.iter().map(|name| &**name)
    }

    /// The value of a row: an object.
    ///
    /// # Errors
    /// Where its file changed since the plan was made.
    pub fn value(&self, _index: u32) -> Result<Value, Box<Diagnostic>> {
        Ok(Value::Null)
    }
}

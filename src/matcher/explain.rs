//! A mismatch as a message for people.

use super::Mismatch;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Document;

impl Mismatch {
    /// The mismatch as a diagnostic with its caret on the expected node.
    #[must_use]
    pub fn explain(&self, document: &Document) -> Diagnostic {
        let site =
            if self.at_key { document.key_site(&self.expected_at) } else { document.site(&self.expected_at) };
        let mut diagnostic =
            Diagnostic::error(Code::Mismatch, site, format!("{}: {}", self.actual_at, self.message));
        if let Some(sides) = self.sides() {
            diagnostic = diagnostic.label(sides);
        }
        if let Some(stored) = &self.stored {
            diagnostic = diagnostic.also(stored.clone(), "what was stored");
        }
        diagnostic.notes.extend(self.notes.iter().cloned());
        diagnostic.help.extend(self.help.iter().cloned());
        diagnostic
    }

    /// The mismatch in a line, for a note.
    pub(super) fn summary(&self) -> String {
        let sides = self.sides().map(|sides| format!(": {sides}")).unwrap_or_default();
        format!("{}: {}{sides}", self.actual_at, self.message)
    }

    fn sides(&self) -> Option<String> {
        match (&self.expected, &self.actual) {
            (Some(expected), Some(actual)) => Some(format!("expected {expected}, found {actual}")),
            (Some(expected), None) => Some(format!("expected {expected}, found nothing")),
            (None, Some(actual)) => Some(format!("found {actual}")),
            (None, None) => None,
        }
    }
}

//! What is wrong, where, and the way out: one type for every message about a file, whether it was found
//! before the run or by it. Drawing it is `render`'s job; nothing here prints.

mod code;
mod render;

use std::sync::Arc;

pub use code::Code;
pub use render::{Style, render, render_all, render_github, render_json};

use crate::source::{Site, SourceFile, Span};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing; nothing is refused.
    Warning,
    /// The file is refused, or the case fails.
    Error,
}

/// A place in a file, with what is to be said of it.
#[derive(Clone, Debug)]
pub struct Label {
    /// The place.
    pub site: Site,
    /// What stands beside the caret; may be empty.
    pub text: String,
}

/// A proposed change of the file.
#[derive(Clone, Debug)]
pub struct Fix {
    /// What to replace; empty to insert.
    pub site: Site,
    /// The new text.
    pub text: String,
}

/// One message: what is wrong, where, and what to do.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// The stable name of this kind of message.
    pub code: Code,
    /// Error or warning.
    pub severity: Severity,
    /// One line, lower case, without a full stop.
    pub message: String,
    /// The first is the primary one: its line and column are the diagnostic's.
    pub labels: Vec<Label>,
    /// Facts that help to understand it.
    pub notes: Vec<String>,
    /// The way out.
    pub help: Vec<String>,
    /// A change that would mend it.
    pub fix: Option<Fix>,
}

impl Diagnostic {
    /// An error at a place.
    #[must_use]
    pub fn error(code: Code, site: Site, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Error, Some(site), message)
    }

    /// A warning at a place.
    #[must_use]
    pub fn warning(code: Code, site: Site, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Warning, Some(site), message)
    }

    /// A message about no place in any file.
    #[must_use]
    pub fn new(code: Code, severity: Severity, site: Option<Site>, message: impl Into<String>) -> Self {
        Self {
            code,
            severity,
            message: message.into(),
            labels: site.map(|site| Label { site, text: String::new() }).into_iter().collect(),
            notes: Vec::new(),
            help: Vec::new(),
            fix: None,
        }
    }

    /// The text beside the primary caret.
    #[must_use]
    pub fn label(mut self, text: impl Into<String>) -> Self {
        if let Some(first) = self.labels.first_mut() {
            first.text = text.into();
        }
        self
    }

    /// A further place.
    #[must_use]
    pub fn also(mut self, site: Site, text: impl Into<String>) -> Self {
        self.labels.push(Label { site, text: text.into() });
        self
    }

    /// Adds a note.
    #[must_use]
    pub fn note(mut self, text: impl Into<String>) -> Self {
        self.notes.push(text.into());
        self
    }

    /// Adds a way out.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help.push(text.into());
        self
    }

    /// Proposes to write `text` in place of what stands at `site`.
    #[must_use]
    pub fn fix(mut self, site: Site, text: impl Into<String>) -> Self {
        self.fix = Some(Fix { site, text: text.into() });
        self
    }

    /// Where it points, if anywhere.
    #[must_use]
    pub fn site(&self) -> Option<&Site> {
        self.labels.first().map(|label| &label.site)
    }

    /// Whether it is an error.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// Passes every text through `text`, and every source line through `source`, which keeps offsets.
    pub fn rewrite(
        &mut self,
        text: &dyn Fn(&mut String),
        source: &dyn Fn(&Arc<SourceFile>) -> Arc<SourceFile>,
    ) {
        text(&mut self.message);
        for label in &mut self.labels {
            text(&mut label.text);
            label.site.file = source(&label.site.file);
        }
        self.notes.iter_mut().chain(&mut self.help).for_each(text);
        if let Some(fix) = &mut self.fix {
            text(&mut fix.text);
            fix.site.file = source(&fix.site.file);
        }
    }
}

/// The empty place at the start of a file, for messages about the file as a whole.
#[must_use]
pub fn whole_file(file: &Arc<SourceFile>) -> Site {
    Site { file: Arc::clone(file), span: Span::new(0, 0) }
}

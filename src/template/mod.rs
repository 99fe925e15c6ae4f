//! Handlebars expressions in strings, behind one seam: compile once, know the names used, get typed values
//! out. Only this room names the handlebars crate. Nothing here knows steps or servers.

mod scope;

use std::ops::Range;

pub use scope::{Facts, Scope};
use serde_json::Value;

use crate::source::Pointer;

/// A compiled string: text and expressions.
#[derive(Clone, Debug)]
pub struct Template {
    text: String,
}

/// A name that a template reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// The first segment: what has to be in scope.
    pub name: String,
    /// The segments after it, such as `id` in `row.id`.
    pub rest: Vec<String>,
    /// Where the path stands in the template's text, in bytes.
    pub at: Range<usize>,
    /// Whether it stands in `default`'s first operand, where it may be missing.
    pub optional: bool,
}

/// What is wrong with a template's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateError {
    /// Which diagnostic it is: syntax, form, helper.
    pub code: crate::diagnostic::Code,
    /// Where in the template's text, in bytes.
    pub at: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// The way out.
    pub help: Option<String>,
}

/// Why a template could not be rendered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RenderError {
    /// Where in the template's text, in bytes.
    pub at: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// The way out.
    pub help: Option<String>,
    /// The name that is missing from the scope, if that is what is wrong.
    pub missing: Option<String>,
}

impl Template {
    /// Compiles a string.
    ///
    /// # Errors
    /// Every problem of it.
    pub fn compile(text: &str) -> Result<Self, Vec<TemplateError>> {
        Ok(Self { text: text.to_owned() })
    }

    /// Whether it holds no expression: it is its text.
    #[must_use]
    pub fn is_literal(&self) -> bool {
        true
    }

    /// The text that was compiled.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.text
    }

    /// The names it reads.
    #[must_use]
    pub fn uses(&self) -> &[Use] {
        &[]
    }

    /// Its value: one whole expression keeps its JSON type, all else is text.
    ///
    /// # Errors
    /// A name that is not in scope, a helper that refuses, a list inside text.
    pub fn render(&self, scope: &Scope) -> Result<Value, RenderError> {
        let _ = scope;
        Ok(Value::String(self.text.clone()))
    }

    /// Its value as text: a scalar in its JSON spelling.
    ///
    /// # Errors
    /// As [`Self::render`], and where the value is null, a list or an object.
    pub fn render_text(&self, scope: &Scope) -> Result<String, RenderError> {
        let _ = scope;
        Ok(self.text.clone())
    }
}

/// A JSON value whose strings are templates. Keys are never templates.
#[derive(Clone, Debug)]
pub enum Tree {
    /// No template in it.
    Literal(Value),
    /// A string with expressions, and where it stands in its document.
    Text(Box<Template>, Pointer),
    /// A list.
    List(Vec<Tree>),
    /// An object.
    Map(Vec<(String, Tree)>),
}

impl Tree {
    /// Compiles every string of a value that stands at `at`. Problems are added to `problems`, with the place
    /// of their string.
    #[must_use]
    pub fn compile(value: &Value, at: &Pointer, problems: &mut Vec<(Pointer, TemplateError)>) -> Self {
        let _ = (at, problems);
        Self::Literal(value.clone())
    }

    /// Every template in it, with the place of its string.
    #[must_use]
    pub fn templates(&self) -> Vec<(&Pointer, &Template)> {
        Vec::new()
    }

    /// The value, rendered. What a template yields is never rendered again.
    ///
    /// # Errors
    /// The first template that cannot be rendered, with its place.
    pub fn render(&self, scope: &Scope) -> Result<Value, (Pointer, RenderError)> {
        let _ = scope;
        match self {
            Self::Literal(value) => Ok(value.clone()),
            _ => Ok(Value::Null),
        }
    }
}

/// The words that the runner puts into every scope; no variable may be called so.
pub const SCOPE_WORDS: &[&str] = &["row", "env", "server", "protocol", "run", "session", "request"];

/// Whether a variable may have this name: an identifier, no scope word, no helper's name, none of
/// handlebars' own names.
///
/// # Errors
/// Why not, as a message.
pub fn check_name(name: &str) -> Result<(), String> {
    let _ = name;
    Ok(())
}

/// The helpers' names, each with its parameters and meaning: the docs and "did you mean" read this.
pub const HELPERS: &[Helper] = &[];

/// A helper as documented.
#[derive(Debug)]
pub struct Helper {
    /// Its name.
    pub name: &'static str,
    /// Its parameters, such as `TEXT SEPARATOR`.
    pub parameters: &'static str,
    /// What it yields.
    pub doc: &'static str,
}

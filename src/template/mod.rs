//! Handlebars expressions in strings, behind one seam: compile once, know the names used, get typed values
//! out. Only this room names the handlebars crate. Nothing here knows steps or servers.

mod compile;
mod eval;
mod helpers;
mod scope;
mod split;
#[cfg(test)]
pub(crate) mod tests;
mod text;
mod tree;
mod words;

use std::ops::Range;

pub use helpers::{HELPERS, Helper};
pub(crate) use helpers::{decode_base64, type_name, with_article};
pub use scope::{Facts, Scope};
pub use text::Template;
pub use tree::Tree;
pub(crate) use tree::key_error;
pub use words::check_name;
pub(crate) use words::listed;

/// The words that the runner puts into every scope; no variable may be called so.
pub const SCOPE_WORDS: &[&str] = &["row", "env", "server", "protocol", "run", "session", "request"];

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

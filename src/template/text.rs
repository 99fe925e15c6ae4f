//! A compiled string: its parts, the names it reads, and its value.

use std::borrow::Cow;
use std::ops::Range;

use serde_json::Value;

use super::compile::{self, Node};
use super::helpers::{Helper, MAX_OUTPUT, scalar_text, with_article};
use super::split::{Part, split};
use super::{RenderError, Scope, TemplateError, Use};
use crate::diagnostic::Code;

/// How long a template may be, in bytes. A text without expressions may have any length.
const MAX_LENGTH: usize = 64 * 1024;

/// A compiled string: text and expressions.
#[derive(Clone, Debug)]
pub struct Template {
    text: String,
    parts: Vec<Piece>,
    uses: Vec<Use>,
}

/// A part with its expression compiled.
#[derive(Clone, Debug)]
enum Piece {
    Text(Range<usize>),
    Expression(Range<usize>, Node),
}

impl Template {
    /// Compiles a string.
    ///
    /// # Errors
    /// Every problem of it.
    pub fn compile(text: &str) -> Result<Self, Vec<TemplateError>> {
        if !text.contains("{{") {
            return Ok(Self { text: text.to_owned(), parts: Vec::new(), uses: Vec::new() });
        }
        if text.len() > MAX_LENGTH {
            return Err(vec![TemplateError {
                code: Code::TooLarge,
                at: 0..text.len(),
                message: format!("a template has at most {} KiB", MAX_LENGTH / 1024),
                help: Some("put the text into a file, and write `{{ file \"PATH\" }}`".to_owned()),
            }]);
        }
        let (found, mut errors) = split(text);
        let (mut parts, mut uses) = (Vec::new(), Vec::new());
        for part in found {
            match part {
                Part::Text(at) => parts.push(Piece::Text(at)),
                Part::Expression { whole, inner } => match compile::compile(text, inner) {
                    Ok(node) => {
                        node.uses(false, &mut uses);
                        parts.push(Piece::Expression(whole, node));
                    }
                    Err(found) => errors.extend(found),
                },
            }
        }
        // A suite has many.
        parts.shrink_to_fit();
        uses.shrink_to_fit();
        errors.sort_by_key(|error| error.at.start);
        if errors.is_empty() { Ok(Self { text: text.to_owned(), parts, uses }) } else { Err(errors) }
    }

    /// Whether it holds no expression: it is its text.
    #[must_use]
    pub fn is_literal(&self) -> bool {
        self.parts.is_empty()
    }

    /// Whether it is one expression and nothing beside it.
    pub(crate) fn is_whole(&self) -> bool {
        matches!(self.parts.as_slice(), [Piece::Expression(..)])
    }

    /// Whether it yields something else each time: it draws, or asks for the time.
    #[must_use]
    pub fn varies(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Piece::Expression(_, node) if node.varies()))
    }

    /// The text that was compiled.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.text
    }

    /// The names it reads.
    #[must_use]
    pub fn uses(&self) -> &[Use] {
        &self.uses
    }

    /// The helpers that it calls.
    #[must_use]
    pub fn helpers(&self) -> Vec<&'static Helper> {
        let mut found = Vec::new();
        for part in &self.parts {
            if let Piece::Expression(_, node) = part {
                node.helpers(&mut found);
            }
        }
        found
    }

    /// Its value: one whole expression keeps its JSON type, all else is text.
    ///
    /// # Errors
    /// A name that is not in scope, a helper that refuses, a list inside text.
    pub fn render(&self, scope: &Scope) -> Result<Value, RenderError> {
        match self.parts.as_slice() {
            [Piece::Expression(_, node)] => {
                node.value(scope).map(Cow::into_owned).map_err(|failure| failure.error)
            }
            _ => self.render_text(scope).map(Value::String),
        }
    }

    /// Its value as text: a scalar in its JSON spelling.
    ///
    /// # Errors
    /// As [`Self::render`], and where the value is null, a list or an object.
    pub fn render_text(&self, scope: &Scope) -> Result<String, RenderError> {
        if self.is_literal() {
            return Ok(self.text.clone());
        }
        let mut out = String::new();
        for part in &self.parts {
            let at = match part {
                Piece::Text(at) => {
                    out.push_str(self.text.get(at.clone()).unwrap_or_default());
                    at
                }
                Piece::Expression(at, node) => {
                    let value = node.value(scope).map_err(|failure| failure.error)?;
                    out.push_str(&scalar_text(&value).ok_or_else(|| no_text(&value, node.at.clone()))?);
                    at
                }
            };
            if out.len() > MAX_OUTPUT {
                let message = format!("the text would be longer than {} MiB", MAX_OUTPUT / 1024 / 1024);
                return Err(RenderError { at: at.clone(), message, help: None, missing: None });
            }
        }
        Ok(out)
    }
}

fn no_text(value: &Value, at: Range<usize>) -> RenderError {
    RenderError {
        at,
        message: format!("{} has no place in a text", with_article(value)),
        help: Some(
            "write `{{ json x }}` for its JSON text, or let the expression be the whole value".to_owned(),
        ),
        missing: None,
    }
}

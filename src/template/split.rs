//! A string into text and expressions. Text is never interpreted: a backslash is a backslash. What Handlebars
//! can do beside expressions is refused here, each with the way in which it is said in a scenario.

use std::ops::Range;

use super::TemplateError;
use crate::diagnostic::Code;

/// A part of a template's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Text as it stands.
    Text(Range<usize>),
    /// An expression with its braces, and what is between them.
    Expression { whole: Range<usize>, inner: Range<usize> },
}

/// What a tag of Handlebars begins with that is no expression, what it is, and the other way.
const FORMS: &[(&str, &str, &str)] = &[
    ("{{{{", "a raw block", "text is never interpreted here, so nothing needs to be protected"),
    (
        "{{{",
        "a triple brace",
        "nothing is escaped here: write `{{ x }}`, or `{{ \"{\" }}` for a brace before it",
    ),
    ("{{&", "an unescaped expression", "nothing is escaped here: write `{{ x }}`"),
    ("{{~", "a trimmed expression", "write the text as it is to be, or use `{{ trim x }}`"),
    ("{{!", "a comment", "write a YAML comment, which begins with `#`"),
    (
        "{{#",
        "a block",
        "to choose, write `when` on the step; to repeat, write `rows`; for a list in text, `{{ json x }}`",
    ),
    ("{{/", "the end of a block", "to choose, write `when` on the step; to repeat, write `rows`"),
    ("{{^", "an inverse block", "to choose, write `when` on the step, or `{{ default x \"other\" }}`"),
    ("{{>", "a partial", "write a fragment, and run it with `use`"),
    ("{{*", "a decorator", "give the name a value under `vars`"),
];

/// Splits a text. A part that is refused is left out, and the rest is still read.
pub(super) fn split(text: &str) -> (Vec<Part>, Vec<TemplateError>) {
    let (mut parts, mut errors) = (Vec::new(), Vec::new());
    let mut at = 0;
    while let Some(rest) = text.get(at..) {
        let Some(found) = rest.find("{{") else { break };
        let open = at + found;
        if open > at {
            parts.push(Part::Text(at..open));
        }
        let tag = text.get(open..).unwrap_or_default();
        let form = FORMS.iter().find(|(start, ..)| tag.starts_with(start));
        let inner = open + 2;
        let Some(close) = end_of_expression(text, inner) else {
            errors.push(TemplateError {
                code: Code::TemplateSyntax,
                at: open..text.len(),
                message: "`{{` without `}}`".to_owned(),
                help: Some("close the expression, or write `{{ \"{{\" }}` for two braces as text".to_owned()),
            });
            return (parts, errors);
        };
        let mut end = close + 2;
        if let Some((start, what, way)) = form {
            if start.starts_with("{{{") {
                end += text
                    .get(end..)
                    .unwrap_or_default()
                    .bytes()
                    .take_while(|b| *b == b'}')
                    .count()
                    .min(start.len() - 2);
            }
            errors.push(form_error(open..end, what, way));
        } else if text.get(inner..close).is_some_and(|inner| inner.trim_end().ends_with('~')) {
            errors.push(form_error(
                open..end,
                "a trimmed expression",
                "write the text as it is to be, or use `{{ trim x }}`",
            ));
        } else {
            parts.push(Part::Expression { whole: open..end, inner: inner..close });
        }
        at = end;
    }
    if at < text.len() {
        parts.push(Part::Text(at..text.len()));
    }
    (parts, errors)
}

/// An error about a part of Handlebars that is not used here.
pub(super) fn form_error(at: Range<usize>, what: &str, way: &str) -> TemplateError {
    TemplateError {
        code: Code::TemplateForm,
        at,
        message: format!("{what} is not used in templates here"),
        help: Some(way.to_owned()),
    }
}

/// Where the `}}` of an expression begins: the first that stands in no quotes and no `[…]` of a path.
fn end_of_expression(text: &str, start: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = start;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' | b'\'' => at = after_quoted(bytes, at)?,
            b'[' if at > start && bytes.get(at - 1) == Some(&b'.') => {
                at += bytes.get(at..)?.iter().position(|b| *b == b']')?;
            }
            b'}' if bytes.get(at + 1) == Some(&b'}') => return Some(at),
            _ => at += 1,
        }
    }
    None
}

/// The offset behind a quoted literal that begins at `start`.
pub(super) fn after_quoted(bytes: &[u8], start: usize) -> Option<usize> {
    let quote = bytes.get(start)?;
    let mut at = start + 1;
    loop {
        match bytes.get(at)? {
            b'\\' => at += 2,
            byte if byte == quote => return Some(at + 1),
            _ => at += 1,
        }
    }
}

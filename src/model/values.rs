//! What single values are: of which type, and whether a text is a token, a day or a rate. Pure questions; what is said
//! of the answers is `shape`'s.

use jiff::civil::Date;
use serde_json::Value;

use super::keys::Kind;
pub(super) use crate::auth::looks_like_token;

/// The largest `backoff`: what it multiplies has to stay a time.
pub(super) const LARGEST_FACTOR: f64 = 100.0;

/// Whether a text can be the name of an environment variable, and is no token.
pub(super) fn is_variable(text: &str) -> bool {
    let first = text.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    first && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !looks_like_token(text)
}

/// Requests a second.
pub(super) fn rate(text: &str) -> Option<f64> {
    let (count, unit) = text.split_once('/')?;
    let seconds = match unit {
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    let count: u32 = count.parse().ok()?;
    (count > 0).then(|| f64::from(count) / seconds)
}

/// A day, as it is written: `2026-09-30`.
pub(super) fn date(text: &str) -> Option<Date> {
    // More than a day would be read, too.
    let plain = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    text.parse().ok().filter(|_| plain)
}

/// Whether a text is one character that can stand between the cells of a table.
pub(super) fn is_separator(text: &str) -> bool {
    let mut characters = text.chars();
    let first = characters.next();
    first.is_some_and(|c| !matches!(c, '"' | '\n' | '\r')) && characters.next().is_none()
}

/// What to write in place of a value of a wrong type.
pub(super) fn way_out(kind: &Kind, value: &Value) -> String {
    let holds_more = matches!(
        kind,
        Kind::Object
            | Kind::Members
            | Kind::Expect
            | Kind::Scope
            | Kind::List(_)
            | Kind::Map(..)
            | Kind::Table(_)
            | Kind::StepHeaders
            | Kind::ServerHeaders
    );
    match (kind, value) {
        (_, Value::Null) if holds_more => {
            "indent what belongs to it further than the key, or leave the key out".to_owned()
        }
        (_, Value::Null) => "write a value, or leave the key out".to_owned(),
        (Kind::Expect, _) => "name fields: `json: {…}`, `text: …`, `is_error: false`".to_owned(),
        (Kind::Scope, _) => "name what it depends on: `row: {…}`, `protocol: …`, `env: {…}`".to_owned(),
        (Kind::List(Kind::Table(_) | Kind::Either(..)), Value::Object(_)) => {
            "begin each element with `- `".to_owned()
        }
        (Kind::Map(..), Value::Array(_)) => "write `name: value`, without `- `".to_owned(),
        (Kind::Map(_, Kind::Either(..)), Value::String(text)) => {
            format!("give it a name: `{{name: {text}}}`")
        }
        (Kind::Table(table), Value::String(text)) => match table.required_text() {
            Some(key) => format!("write `{{{key}: {text}}}`"),
            None => format!("write {}", kind.describe()),
        },
        (Kind::Object | Kind::Members | Kind::Map(..), _) => "write `{name: value}`".to_owned(),
        _ => format!("write {}", kind.describe()),
    }
}

/// Whether a value has a type that a kind takes. Its content is looked at later.
pub(super) fn takes(kind: &Kind, value: &Value) -> bool {
    match kind {
        Kind::Any => true,
        Kind::Knob(_) => value.is_string() || value.is_number(),
        Kind::Flag => value.is_boolean(),
        Kind::Count => value.as_u64().is_some_and(|count| count > 0),
        Kind::Factor => value.as_f64().is_some_and(|factor| (1.0..=LARGEST_FACTOR).contains(&factor)),
        Kind::Object | Kind::Members => value.is_object() || value.is_string(),
        Kind::List(_) => value.is_array(),
        Kind::Expect
        | Kind::Scope
        | Kind::StepHeaders
        | Kind::ServerHeaders
        | Kind::Map(..)
        | Kind::Table(_)
        | Kind::Secret(_) => value.is_object(),
        Kind::Either(one, other) => takes(one, value) || takes(other, value),
        Kind::Text
        | Kind::Verbatim
        | Kind::Name
        | Kind::Choice
        | Kind::Saved
        | Kind::Template
        | Kind::Typed
        | Kind::Character
        | Kind::Date
        | Kind::Duration
        | Kind::Rate
        | Kind::Protocol
        | Kind::Word(_)
        | Kind::Variable
        | Kind::Tool => value.is_string(),
    }
}

/// Whether a text can be the name of a tool, with `*` for parts of it. Other wildcards would be taken as they are, and
/// fit nothing.
pub(super) fn is_tool_pattern(text: &str) -> bool {
    !text.contains(|c: char| c.is_whitespace() || "?[]{}()|,^$\\".contains(c))
}

/// A value's type in words.
pub(super) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}

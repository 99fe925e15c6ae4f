//! Names: which a variable may have, and how several are told.

use super::SCOPE_WORDS;
use super::helpers::HELPERS;

/// Handlebars' own names: some of them do not parse alone, and its users read them as what they are there.
const HANDLEBARS_WORDS: &[&str] = &[
    "if",
    "unless",
    "each",
    "with",
    "raw",
    "log",
    "eq",
    "ne",
    "gt",
    "gte",
    "lt",
    "lte",
    "and",
    "or",
    "not",
    "len",
    "else",
    "as",
    "this",
    "true",
    "false",
    "null",
    "helperMissing",
    "blockHelperMissing",
];

/// Whether a variable may have this name: an identifier, no scope word, no helper's name, none of
/// handlebars' own names.
///
/// # Errors
/// Why not, as a message.
pub fn check_name(name: &str) -> Result<(), String> {
    if SCOPE_WORDS.contains(&name) {
        return Err(format!("`{name}` is a word of the scope"));
    }
    if HELPERS.iter().any(|helper| helper.name == name) {
        return Err(format!("`{name}` is the name of a helper"));
    }
    if HANDLEBARS_WORDS.contains(&name) {
        return Err(format!("`{name}` is a word of Handlebars"));
    }
    if !is_identifier(name) {
        return Err(format!(
            "`{name}` is no name: it begins with a letter or `_`, and has letters, digits, `_` and `-`"
        ));
    }
    Ok(())
}

pub(super) fn is_identifier(name: &str) -> bool {
    name.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-')
}

/// Names in a sentence.
pub(crate) fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

//! Names: which a variable may have, and which known name a misspelt one is nearest to.

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

/// The known name that a misspelt one is nearest to, if it is near enough to be meant.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = word.chars().count();
    if length > 100 {
        return None;
    }
    let lower = word.to_lowercase();
    known
        .into_iter()
        .filter(|name| name.len() <= 400)
        .map(|name| (distance(&lower, &name.to_lowercase()), name))
        .filter(|(distance, name)| *distance <= length.max(name.chars().count()).div_ceil(3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// How many letters have to be changed, added, left out or swapped with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut next = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let get = |row: &[usize], at: usize| row.get(at).copied().unwrap_or(usize::MAX / 2);
            let mut least =
                (get(&row, j) + usize::from(x != y)).min(get(&row, j + 1) + 1).min(get(&next, j) + 1);
            if i > 0 && j > 0 && a.get(i - 1) == Some(y) && b.get(j - 1) == Some(x) {
                least = least.min(get(&before, j - 1) + 1);
            }
            next.push(least);
        }
        before = std::mem::replace(&mut row, next);
    }
    row.last().copied().unwrap_or_default()
}

/// Names in a sentence.
pub(crate) fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

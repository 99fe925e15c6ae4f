//! Source lines without the secrets that somebody wrote into them: a diagnostic shows its line, so a token in
//! a file is masked before anything is said about the file.

use std::sync::Arc;

use serde_json::Value;

use super::cursor::with_file;
use super::shape::{is_variable, looks_like_token};
use crate::source::{Document, Pointer, Span};

/// Keys below which a string is a secret, unless it says where the secret is.
const SECRET_KEYS: &[&str] =
    &["auth", "identities", "pat", "token", "password", "api_key", "authorization", "proxy-authorization"];

/// Keys below `pat` that say where the secret is.
const PLACES: &[&str] = &["env", "file", "command"];

/// The documents of a suite file, each with a file in which credentials are masked.
pub(super) fn in_suite(document: &Arc<Document>) -> Arc<Document> {
    let mut found = Vec::new();
    walk(&document.value, &Pointer::root(), &|key| SECRET_KEYS.contains(&key), false, &mut found);
    hide(std::slice::from_ref(document), &[found]).pop().unwrap_or_else(|| Arc::clone(document))
}

/// The documents of a scenario file, with Authorization headers masked.
pub(super) fn in_scenarios(documents: Vec<Arc<Document>>) -> Vec<Arc<Document>> {
    let found: Vec<Vec<Pointer>> = documents
        .iter()
        .map(|document| {
            let mut found = Vec::new();
            let header = |key: &str| matches!(key, "authorization" | "proxy-authorization");
            walk(&document.value, &Pointer::root(), &header, false, &mut found);
            found
        })
        .collect();
    if found.iter().all(Vec::is_empty) { documents } else { hide(&documents, &found) }
}

fn walk(value: &Value, at: &Pointer, secret: &dyn Fn(&str) -> bool, inside: bool, found: &mut Vec<Pointer>) {
    match value {
        Value::String(text) if inside || looks_like_token(text) || has_password(text) => {
            found.push(at.clone());
        }
        Value::Number(_) if inside => found.push(at.clone()),
        Value::Array(elements) => {
            for (index, element) in elements.iter().enumerate() {
                walk(element, &at.index(index), secret, inside, found);
            }
        }
        Value::Object(object) => {
            for (key, member) in object {
                let key_is = key.to_ascii_lowercase();
                let inside = inside || secret(&key_is);
                // What cannot be the name of a variable may be the token itself.
                let names_a_place = PLACES.contains(&key_is.as_str())
                    && (key_is != "env" || member.as_str().is_some_and(is_variable));
                walk(member, &at.key(key), secret, inside && !names_a_place, found);
            }
        }
        _ => {}
    }
}

/// An address that carries a password or a token.
fn has_password(text: &str) -> bool {
    text.contains("://")
        && url::Url::parse(text.trim()).is_ok_and(|url| super::address::secret_of(&url).is_some())
}

/// The same documents with the values at the places masked, and all their other occurrences: an alias shows
/// the value elsewhere.
fn hide(documents: &[Arc<Document>], found: &[Vec<Pointer>]) -> Vec<Arc<Document>> {
    let Some(file) = documents.first().map(|document| &document.file) else { return Vec::new() };
    let mut spans: Vec<Span> = Vec::new();
    for (document, places) in documents.iter().zip(found) {
        for at in places {
            spans.push(document.site(at).span);
            if let Some(Value::String(text)) = document.get(at)
                && text.len() >= 4
            {
                let occurrences = file.text().match_indices(text.as_str());
                spans.extend(occurrences.map(|(start, found)| Span::new(start, start + found.len())));
            }
        }
    }
    if spans.is_empty() {
        return documents.to_vec();
    }
    let masked = Arc::new(file.masked(|text| masked(text, &spans)));
    documents.iter().map(|document| with_file(document, Arc::clone(&masked))).collect()
}

/// The text with every character of the spans replaced, byte by byte, but for white space.
fn masked(text: &str, spans: &[Span]) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        if !c.is_whitespace() && spans.iter().any(|span| span.start <= at && at < span.end) {
            out.extend(std::iter::repeat_n('*', c.len_utf8()));
        } else {
            out.push(c);
        }
    }
    out
}

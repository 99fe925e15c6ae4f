//! Source lines without the secrets that somebody wrote into them: a diagnostic shows its line, so a token in
//! a file is masked before anything is said about the file.

use std::sync::Arc;

use aho_corasick::AhoCorasick;
use serde_json::Value;

use super::values::{date, is_variable, looks_like_token};
use crate::diagnostic::Diagnostic;
use crate::source::{Document, Pointer, Span};

/// Keys below which a string is a secret, unless it says where the secret is.
const SECRET_KEYS: &[&str] =
    &["auth", "identities", "pat", "token", "password", "api_key", "authorization", "proxy-authorization"];

/// Texts that are shorter than this are masked where they stand only.
const SHORTEST: usize = 4;

/// What stands in a message in place of a secret.
const MASK: &str = "***";

/// Keys below `pat` that say where the secret is.
const PLACES: &[&str] = &["env", "file", "command"];

/// The documents of a suite file, each with a file in which credentials are masked.
pub(super) fn in_suite(document: &Arc<Document>) -> Arc<Document> {
    let mut found = Vec::new();
    walk(document.value(), &Pointer::root(), &|key| SECRET_KEYS.contains(&key), false, &mut found);
    hide(std::slice::from_ref(document), &[found]).pop().unwrap_or_else(|| Arc::clone(document))
}

/// The documents of a scenario file, with Authorization headers masked.
pub(super) fn in_scenarios(documents: Vec<Arc<Document>>) -> Vec<Arc<Document>> {
    let found: Vec<Vec<Pointer>> = documents
        .iter()
        .map(|document| {
            let mut found = Vec::new();
            walk(document.value(), &Pointer::root(), &is_authorization, false, &mut found);
            found
        })
        .collect();
    if found.iter().all(Vec::is_empty) { documents } else { hide(&documents, &found) }
}

/// Takes what is masked in a suite out of what is said of it, too.
pub(super) fn in_problems_of_suite(document: &Document, problems: &mut [Diagnostic]) {
    in_problems(&[document], &|key| SECRET_KEYS.contains(&key), problems);
}

/// Takes what is masked in a scenario file out of what is said of it, too.
pub(super) fn in_problems_of_scenarios(documents: &[Arc<Document>], problems: &mut [Diagnostic]) {
    let documents: Vec<&Document> = documents.iter().map(Arc::as_ref).collect();
    in_problems(&documents, &is_authorization, problems);
}

fn in_problems(documents: &[&Document], secret: &dyn Fn(&str) -> bool, problems: &mut [Diagnostic]) {
    if problems.is_empty() {
        return;
    }
    let mut texts: Vec<&str> = Vec::new();
    for document in documents {
        let mut found = Vec::new();
        walk(document.value(), &Pointer::root(), secret, false, &mut found);
        let found = found.iter().filter_map(|at| document.get(at).and_then(Value::as_str));
        texts.extend(found.filter(|text| text.len() >= SHORTEST));
    }
    for problem in problems {
        let labels = problem.labels.iter_mut().map(|label| &mut label.text);
        let said = problem.notes.iter_mut().chain(&mut problem.help).chain(labels);
        for said in said.chain([&mut problem.message]) {
            for text in &texts {
                if said.contains(text) {
                    *said = said.replace(text, MASK);
                }
            }
        }
    }
}

/// What may be a secret in the text of a file that could not be read, by the letters alone: the diagnostics of the
/// reader show its lines.
pub(crate) fn literals(text: &str, of_suite: bool) -> Vec<&str> {
    let mut found: Vec<&str> = Vec::new();
    // The indentation of a key whose value stands below it.
    let mut open: Option<usize> = None;
    for line in text.lines() {
        let words = line.split(|c: char| c.is_whitespace() || "'\"`,;<>(){}[]".contains(c));
        found.extend(words.filter(|word| looks_like_token(word) || has_password(word)));
        let indent = line.len() - line.trim_start().len();
        let names_a_place =
            || PLACES.iter().any(|place| line.trim_start().strip_prefix(place).is_some_and(is_value));
        if open.is_some_and(|key| indent > key && !line.trim().is_empty()) {
            if !names_a_place() {
                found.push(line.trim());
            }
        } else {
            open = None;
        }
        for (key, value) in values(line) {
            let key = key.to_ascii_lowercase();
            let secret = match of_suite {
                true => SECRET_KEYS.contains(&key.as_str()),
                false => is_authorization(&key),
            };
            let value = value.trim();
            match value.chars().next() {
                None | Some('|' | '>') if secret => open = Some(indent),
                None | Some('{' | '[' | '*') => {}
                Some(_) if secret => found.push(value.trim_matches(['\'', '"'])),
                Some(_) if of_suite && key == "env" && !is_variable(value) => {
                    found.push(value.trim_matches(['\'', '"']));
                }
                Some(_) => {}
            }
        }
    }
    found.retain(|text| text.len() >= SHORTEST);
    found
}

fn is_value(text: &str) -> bool {
    text.trim_start().starts_with(':')
}

/// The keys of a line, each with what follows it up to the end of its flow collection or of the line.
fn values(line: &str) -> impl Iterator<Item = (&str, &str)> {
    line.match_indices(':').filter_map(move |(at, _)| {
        let (before, value) = (line.get(..at)?, line.get(at + 1..)?);
        let before = before.trim_end().trim_end_matches(['\'', '"']);
        let start = before.rfind(|c: char| c.is_whitespace() || "{,'\"".contains(c)).map_or(0, |at| at + 1);
        let flow = line.get(..at)?.contains('{');
        let end = value.find(|c| flow && matches!(c, ',' | '}')).unwrap_or(value.len());
        let whole = value.trim_start().starts_with(['{', '[']);
        Some((before.get(start..)?, if whole { value } else { value.get(..end)? }))
    })
}

fn is_authorization(key: &str) -> bool {
    matches!(key, "authorization" | "proxy-authorization")
}

fn walk(value: &Value, at: &Pointer, secret: &dyn Fn(&str) -> bool, inside: bool, found: &mut Vec<Pointer>) {
    match value {
        Value::String(text) if inside || holds_token(text) || has_password(text) => {
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
                let names_a_place = match key_is.as_str() {
                    "env" => member.as_str().is_some_and(is_variable),
                    "scope" => member.as_str().is_some_and(is_scope),
                    "expires" => member.as_str().is_some_and(|day| date(day).is_some()),
                    other => PLACES.contains(&other),
                };
                walk(member, &at.key(key), secret, inside && !names_a_place, found);
            }
        }
        _ => {}
    }
}

/// A token, or a text such as a command line with one among its words.
pub(super) fn holds_token(text: &str) -> bool {
    let mut words = text.split(|c: char| c.is_whitespace() || "'\"`=".contains(c));
    looks_like_token(text) || words.any(looks_like_token)
}

/// Whether a text is what an application may do, and nothing else: `OR.Execution OR.Jobs.Write`.
fn is_scope(text: &str) -> bool {
    let is_one = |word: &str| {
        let (start, rest) = word.split_once('.').unwrap_or_default();
        let letters =
            |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphabetic() || c == '.');
        letters(rest) && letters(start) && start.chars().all(|c| c.is_ascii_uppercase())
    };
    text.split_whitespace().all(is_one)
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
    let mut texts: Vec<&str> = Vec::new();
    for (document, places) in documents.iter().zip(found) {
        for at in places {
            spans.push(document.site(at).span);
            texts.extend(document.get(at).and_then(Value::as_str).filter(|text| text.len() >= SHORTEST));
        }
    }
    if spans.is_empty() {
        return documents.to_vec();
    }
    // One pass, however many there are. A pattern too large to be built hides the whole file.
    match AhoCorasick::new(&texts) {
        Ok(patterns) => {
            let occurrences = patterns.find_overlapping_iter(file.text());
            spans.extend(occurrences.map(|found| Span::new(found.start(), found.end())));
        }
        Err(_) => spans.push(Span::new(0, file.text().len())),
    }
    spans.sort_unstable();
    let masked = Arc::new(file.masked(|text| masked(text, &spans)));
    documents.iter().map(|document| Arc::new(document.with_file(Arc::clone(&masked)))).collect()
}

/// The text with every character of the spans replaced, byte by byte, but for white space. The spans are sorted.
fn masked(text: &str, spans: &[Span]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut next = spans.iter().peekable();
    let mut until = 0;
    for (at, c) in text.char_indices() {
        while let Some(span) = next.next_if(|span| span.start <= at) {
            until = until.max(span.end);
        }
        if at < until && !c.is_whitespace() {
            out.extend(std::iter::repeat_n('*', c.len_utf8()));
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_occurrence_is_masked() {
        let file = Arc::new(crate::source::SourceFile::new(
            "callsheet.yaml",
            "x: &t hunter2\nservers: {a: {url: 'https://h/', auth: {pat: *t}}}\n# hunter2 hunter22\n",
        ));
        let document = Arc::new(crate::source::yaml::parse(&file).unwrap().remove(0));
        let hidden = in_suite(&document);
        assert!(!hidden.file.text().contains("hunter2"), "{}", hidden.file.text());
        assert!(hidden.file.text().ends_with("# ******* *******2\n"));
        assert_eq!(hidden.file.text().len(), file.text().len());
    }

    #[test]
    fn what_may_be_a_secret_is_found_in_text_that_is_no_yaml() {
        for (text, secret) in [
            ("servers: {a: {auth: {pat: hunter22}, auth: {pat: hunter22}}", "hunter22"),
            ("    pat: 'hunter22'\n    pat: x", "hunter22"),
            ("\t\"pat\" : hunter22 # the token", "hunter22 # the token"),
            ("auth:\n  pat: |\n    hunter22\n", "hunter22"),
            ("pat:\n  hunter22\n", "hunter22"),
            ("pat: {env: hunter-22}", "hunter-22"),
            ("auth: hunter22", "hunter22"),
            ("x: [rt_0123456789abcdef0123", "rt_0123456789abcdef0123"),
            ("url: https://me:hunter22@host/", "https://me:hunter22@host/"),
        ] {
            assert!(literals(text, true).contains(&secret), "{text}: {:?}", literals(text, true));
        }
        let good = "auth: {pat: {env: TOKEN}}\npat:\n  env: TOKEN\npat: {command: [a, b]}\nurl: https://h/\n";
        assert!(literals(good, true).is_empty(), "{:?}", literals(good, true));
        assert!(literals("token: '{{ x }}'\npassword: secret", false).is_empty());
        assert_eq!(literals("headers: {Authorization: Bearer hunter22}", false), ["Bearer hunter22"]);
    }

    #[test]
    fn a_file_without_secrets_stays() {
        let text = "servers: {a: {url: 'https://h/', auth: {pat: {env: TOKEN}}}}\n";
        let file = Arc::new(crate::source::SourceFile::new("callsheet.yaml", text));
        let document = Arc::new(crate::source::yaml::parse(&file).unwrap().remove(0));
        assert!(Arc::ptr_eq(&in_suite(&document).file, &file));
    }

    proptest! {
        #[test]
        fn masking_keeps_every_offset(text in "\\PC{0,40}", spans in prop::collection::vec((0..60_usize, 0..60_usize), 0..6)) {
            let mut spans: Vec<Span> = spans.into_iter().map(|(start, end)| Span::new(start, end)).collect();
            spans.sort_unstable();
            let out = masked(&text, &spans);
            prop_assert_eq!(out.len(), text.len());
            for (at, c) in text.char_indices() {
                let hidden = spans.iter().any(|span| span.start <= at && at < span.end);
                prop_assert_eq!(out.get(at..).unwrap().starts_with(c), !hidden || c == '*' || c.is_whitespace());
            }
        }
    }
}

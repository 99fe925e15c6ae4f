//! The matchers' tests: what a document says, by kind, operator and law.

mod exchange;
mod kinds;
mod laws;
mod numbers;
mod operators;
mod paths;
mod scope;
mod snapshots;
mod templates;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::diagnostic::Code;
use crate::source::{NodeSpan, SourceFile, Span};
use crate::template::Facts;

/// A document whose text is the value's JSON, with the span of every key and value.
fn document(value: &Value) -> Document {
    let (mut text, mut spans) = (String::new(), HashMap::new());
    write(value, &Pointer::root(), None, &mut text, &mut spans);
    Document::new(Arc::new(SourceFile::new("a.yaml", text)), value.clone(), spans.into_iter().collect())
}

fn write(
    value: &Value,
    at: &Pointer,
    key: Option<Span>,
    text: &mut String,
    spans: &mut HashMap<Pointer, NodeSpan>,
) {
    let start = text.len();
    match value {
        Value::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                write(item, &at.index(index), None, text, spans);
                text.push(',');
            }
            text.push(']');
        }
        Value::Object(members) => {
            text.push('{');
            for (name, member) in members {
                let from = text.len();
                text.push_str(name);
                let key = Span::new(from, text.len());
                text.push_str(": ");
                write(member, &at.key(name), Some(key), text, spans);
                text.push(',');
            }
            text.push('}');
        }
        Value::String(string) => text.push_str(string),
        scalar => text.push_str(&scalar.to_string()),
    }
    spans.insert(at.clone(), NodeSpan { key, value: Span::new(start, text.len()) });
}

fn scope(values: Value) -> Scope {
    let folder = Arc::new(PathBuf::new());
    let facts = Facts { seed: 1, now: || jiff::Timestamp::UNIX_EPOCH, root: Arc::clone(&folder), folder };
    let mut scope = Scope::new(facts);
    if let Value::Object(values) = values {
        for (name, value) in values {
            scope.set(&name, value);
        }
    }
    scope
}

const CALL: Root<'_> = Root::Exchange(Verb::Call, None);

fn compile(expected: &Value, root: Root<'_>) -> Matcher {
    let mut problems = Vec::new();
    let matcher = Matcher::compile(&document(expected), &Pointer::root(), root, &mut problems);
    assert!(problems.is_empty(), "{problems:#?}");
    matcher.unwrap()
}

fn compare_in(expected: Value, actual: Value, scope: &Scope) -> Vec<Mismatch> {
    compile(&expected, Root::Value).compare(Actual { value: &actual, inexact: &[] }, scope)
}

fn compare(expected: Value, actual: Value) -> Vec<Mismatch> {
    compare_in(expected, actual, &scope(json!({})))
}

fn holds(expected: Value, actual: Value) -> bool {
    compare(expected, actual).is_empty()
}

/// The only mismatch, as it is told.
fn one(expected: Value, actual: Value) -> Mismatch {
    let mut found = compare(expected, actual);
    assert_eq!(found.len(), 1, "{found:#?}");
    found.remove(0)
}

fn told(mismatch: &Mismatch) -> String {
    format!("{} {} | {}", mismatch.expected_at, mismatch.at_key, mismatch.summary())
}

fn problems(expected: &Value, root: Root<'_>) -> Vec<(Code, String, String)> {
    let document = document(expected);
    let mut problems = Vec::new();
    let matcher = Matcher::compile(&document, &Pointer::root(), root, &mut problems);
    assert_eq!(matcher.is_none(), problems.iter().any(Diagnostic::is_error));
    problems
        .iter()
        .map(|p| {
            let site = p.site().unwrap();
            (p.code, site.file.slice(site.span).to_owned(), format!("{} | {}", p.message, p.help.join(" | ")))
        })
        .collect()
}

fn refused(expected: Value, code: Code, place: &str, text: &str) {
    refused_in(expected, Root::Value, code, place, text);
}

fn refused_in(expected: Value, root: Root<'_>, code: Code, place: &str, text: &str) {
    let found = problems(&expected, root);
    assert_eq!(found.len(), 1, "{expected} {found:#?}");
    assert_eq!((found[0].0, found[0].1.as_str()), (code, place), "{expected} {found:#?}");
    assert!(found[0].2.contains(text), "{expected} {found:#?}");
}

#[test]
fn explain_points_at_the_node_or_its_key() {
    let expected = json!({"json": {"a": 1, "b": 2}});
    let document = document(&expected);
    let found = compile(&expected, CALL)
        .compare(Actual { value: &json!({"json": {"a": 5}}), inexact: &[] }, &scope(json!({})));
    let shown: Vec<_> = found
        .iter()
        .map(|mismatch| {
            let diagnostic = mismatch.explain(&document);
            let label = &diagnostic.labels[0];
            (
                diagnostic.message.clone(),
                label.site.file.slice(label.site.span).to_owned(),
                label.text.clone(),
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            (
                "$.json.a: the value differs".to_owned(),
                "1".to_owned(),
                "expected number 1, found number 5".to_owned()
            ),
            (
                "$.json.b: the key `b` is not there".to_owned(),
                "b".to_owned(),
                "expected number 2, found nothing".to_owned()
            ),
        ]
    );
}

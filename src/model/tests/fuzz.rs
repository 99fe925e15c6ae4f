//! Whatever a file says, reading it ends with a suite or scenarios and diagnostics that point into the file.

use proptest::prelude::*;
use serde_json::{Map, Value};

use super::*;
use crate::model::key_tables;

/// Every key that there is, and some that are none.
fn key() -> impl Strategy<Value = String> {
    let mut keys: Vec<String> =
        key_tables().into_iter().flat_map(|(_, rows)| rows).map(|row| row.key.to_owned()).collect();
    keys.extend(
        ["task", "expct", "outputs", "name", "Authorization", "a", "", "$.x", "~/"].map(str::to_owned),
    );
    prop::sample::select(keys)
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        prop::sample::select(vec![
            "",
            "a",
            "{{ a }}",
            "5s",
            "2026-09-30",
            "roots/list",
            "any",
            "auto",
            "rt_0123456789abcdef01234",
            "https://u:p@h",
            "ä "
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 60, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::vec((key(), inner), 0..6)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// A document of one of the two formats that is right but for one part of it.
fn document() -> impl Strategy<Value = Value> {
    prop_oneof![
        value(),
        (key(), value()).prop_map(|(key, value)| {
            serde_json::json!({"scenario": "A", "steps": [{"call": "a", key: value}]})
        }),
        (key(), value()).prop_map(|(key, value)| {
            serde_json::json!({"fragment": "A", key: value, "steps": [{"defer": [{"list": "tools"}]}]})
        }),
        value().prop_map(|value| {
            serde_json::json!({"scenario": "A", "rows": value, "steps": [{"parallel": [value]}, {"defer": value}]})
        }),
        (key(), value()).prop_map(|(key, value)| {
            serde_json::json!({"servers": {"a": {"url": "https://h/", key: value}}})
        }),
    ]
}

fn parse(value: &Value) -> Option<Vec<Arc<Document>>> {
    // JSON is YAML, but for what our reader of YAML refuses.
    let file = Arc::new(SourceFile::new("a.yaml", format!("{value:#}\n")));
    Some(yaml::parse(&file).ok()?.into_iter().map(Arc::new).collect())
}

proptest! {
    #[test]
    fn reading_ends(value in document()) {
        let Some(documents) = parse(&value) else { return Ok(()) };
        let mut problems = Vec::new();
        for document in &documents {
            let _ = read_suite(document, PathBuf::new(), String::new(), &mut problems);
        }
        let length = documents.first().map_or(0, |document| document.file.text().len());
        read_documents(documents, &Suite::default(), &mut problems);
        for problem in &problems {
            prop_assert!(!problem.message.is_empty() && !problem.help.is_empty(), "{problem:?}");
            for label in &problem.labels {
                prop_assert!(label.site.span.end <= length);
                prop_assert_eq!(label.site.file.text().len(), length);
            }
        }
    }

    #[test]
    fn a_token_under_auth_is_in_no_diagnostic(value in value(), key in key()) {
        let mut value = value;
        let secret = "hunter2-hunter2";
        plant(&mut value, secret);
        let whole = serde_json::json!({"servers": {"a": {"auth": value, key: 1}}});
        let Some(documents) = parse(&whole) else { return Ok(()) };
        let mut problems = Vec::new();
        for document in &documents {
            let _ = read_suite(document, PathBuf::new(), String::new(), &mut problems);
        }
        for problem in &problems {
            let said = format!("{} {:?} {:?}", problem.message, problem.notes, problem.help);
            prop_assert!(!said.contains(secret), "{said}");
            for label in &problem.labels {
                prop_assert!(!label.site.file.text().contains(secret), "{}", label.site.file.text());
            }
        }
    }
}

/// Writes the secret into every string, but where a place of a token may be named.
fn plant(value: &mut Value, secret: &str) {
    match value {
        Value::String(text) => *text = secret.to_owned(),
        Value::Array(elements) => elements.iter_mut().for_each(|element| plant(element, secret)),
        Value::Object(object) => object
            .iter_mut()
            .filter(|(key, _)| !matches!(key.as_str(), "file" | "command"))
            .for_each(|(_, member)| plant(member, secret)),
        _ => {}
    }
}

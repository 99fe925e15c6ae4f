//! Values to YAML, the way back of `yaml`: what is written is read as exactly the same value. A version of
//! callsheet writes a value as every other does, since people review the difference: so no crate decides how.

use std::fmt::Write as _;

use serde_json::Value;

use super::scalar::{self, Plain};

/// From this length on YAML takes a key only behind a `?`.
const LONG_KEY: usize = 1000;

/// A mapping as the text of a file, a blank line between its entries.
#[must_use]
pub fn entries<'a>(entries: impl Iterator<Item = (&'a str, &'a Value)>) -> String {
    let mut out = String::new();
    for (name, value) in entries {
        if !out.is_empty() {
            out.push('\n');
        }
        entry(name, value, 0, &mut out);
        out.push('\n');
    }
    out
}

/// The ways to write a scalar on one line, first that of `like`, the text of the scalar whose place it takes.
/// The reader has to decide whether one of them can stand there. None for lists and objects.
#[must_use]
pub fn one_line(value: &Value, like: &str) -> Vec<String> {
    let text = match value {
        Value::String(text) => text,
        Value::Array(_) | Value::Object(_) => return Vec::new(),
        scalar => return vec![scalar.to_string()],
    };
    let single = is_printable(text).then(|| single(text));
    let plain = is_plain(text, true).then(|| text.clone());
    match like.chars().next() {
        Some('"') => vec![double(text)],
        Some('\'') => single.into_iter().chain([double(text)]).collect(),
        _ => plain.into_iter().chain(single).chain([double(text)]).collect(),
    }
}

/// A value behind a key or dash at `indent`: what stands there up to the end of its last line.
fn node(value: &Value, indent: usize, out: &mut String) {
    match value {
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                line(indent, out);
                out.push('-');
                item_of_list(item, indent + 2, out);
            }
        }
        Value::Object(members) if !members.is_empty() => {
            for (name, member) in members {
                line(indent, out);
                entry(name, member, indent, out);
            }
        }
        scalar => {
            out.push(' ');
            write_scalar(scalar, indent, out);
        }
    }
}

fn line(indent: usize, out: &mut String) {
    out.push('\n');
    out.extend(std::iter::repeat_n(' ', indent));
}

fn entry(name: &str, value: &Value, indent: usize, out: &mut String) {
    let mut key = String::new();
    text(name, &mut key);
    if key.len() >= LONG_KEY {
        let _ = write!(out, "? {key}");
        line(indent, out);
    } else {
        out.push_str(&key);
    }
    out.push(':');
    node(value, indent + 2, out);
}

/// What stands behind a `-`: a container begins on the same line.
fn item_of_list(value: &Value, indent: usize, out: &mut String) {
    let mut inner = String::new();
    node(value, indent, &mut inner);
    let is_container = match value {
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => !members.is_empty(),
        _ => false,
    };
    // The dash and a blank are as wide as the indentation that they stand in for.
    let inner = if is_container { inner.trim_start_matches(['\n', ' ']) } else { inner.trim_start() };
    out.push(' ');
    out.push_str(inner);
}

fn write_scalar(value: &Value, indent: usize, out: &mut String) {
    match value {
        Value::String(string) if is_block(string) => {
            out.push_str(if string.ends_with('\n') { "|" } else { "|-" });
            for part in string.strip_suffix('\n').unwrap_or(string).split('\n') {
                out.push('\n');
                if !part.is_empty() {
                    out.extend(std::iter::repeat_n(' ', indent));
                    out.push_str(part);
                }
            }
        }
        Value::String(string) => text(string, out),
        Value::Array(_) => out.push_str("[]"),
        Value::Object(_) => out.push_str("{}"),
        scalar => out.push_str(&scalar.to_string()),
    }
}

fn text(string: &str, out: &mut String) {
    if is_plain(string, false) {
        out.push_str(string);
    } else if is_printable(string) && string.contains(['"', '\\']) {
        out.push_str(&single(string));
    } else {
        out.push_str(&double(string));
    }
}

/// Whether a text of several lines can stand as a literal block and be seen as it is.
fn is_block(string: &str) -> bool {
    string.contains('\n')
        && !string.ends_with("\n\n")
        && !string.starts_with([' ', '\t', '\n'])
        // Not `lines`, which takes a carriage return for a part of the break.
        && string.split('\n').all(|line| is_printable(line) && !line.ends_with(' ') && !line.starts_with('\t'))
}

/// Whether every character can be seen and stand in a file.
fn is_printable(string: &str) -> bool {
    string.chars().all(|c| !is_special(c))
}

/// Whether a character is written as an escape: YAML does not take it, or nobody sees it.
fn is_special(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{a0}' | '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// Whether a text is read as itself without quotes, by people, too: what begins like a number or a date does not.
fn is_plain(string: &str, in_flow: bool) -> bool {
    let first = |c: char| c.is_alphabetic() || matches!(c, '_' | '/' | '<' | '(' | '$');
    let apart = |c: char| matches!(c, '{' | '}' | '[' | ']') || (in_flow && c == ',');
    let yes_or_no = ["yes", "no", "on", "off", "y", "n"].iter().any(|word| string.eq_ignore_ascii_case(word));
    string.starts_with(first)
        && !yes_or_no
        && string != "<<"
        && !string.ends_with([' ', ':'])
        && !string.contains(apart)
        && !string.contains(": ")
        && !string.contains(" #")
        && is_printable(string)
        && matches!(scalar::resolve(string), Plain::Value(Value::String(_)))
}

fn single(string: &str) -> String {
    format!("'{}'", string.replace('\'', "''"))
}

fn double(string: &str) -> String {
    let mut out = String::with_capacity(string.len() + 2);
    out.push('"');
    for c in string.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if is_special(c) => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;
    use serde_json::{Map, json};

    use super::super::{SourceFile, yaml};
    use super::*;

    fn written(value: &Value) -> String {
        entries(value.as_object().unwrap().iter().map(|(name, value)| (name.as_str(), value)))
    }

    fn read(text: &str) -> Value {
        let file = Arc::new(SourceFile::new("a.yaml", text));
        let parsed = yaml::read(&file).unwrap_or_else(|problems| panic!("{text}\n{problems:#?}"));
        assert!(parsed.warnings.is_empty(), "{text}\n{:#?}", parsed.warnings);
        parsed.documents[0].value().clone()
    }

    #[test]
    fn what_is_written_can_be_reviewed() {
        let value = json!({
            "invoice": {
                "id": "INV-1", "amount": 1250.5, "open": true, "note": null, "tags": [], "more": {},
                "lines": [{"sku": "A", "count": 2}, [1, [2, "x"]], "text, and more"],
                "text": "first\n\n  second\nthird", "page": "line\n", "bare": "\n", "spaces": "a \nb",
            },
            "odd: key": ["yes", "12", "0x1F", "2026-11-23", "~", "", " a", "a #b", "it's", "\"", "C:\\x", "{{ a }}", "<string>"],
            "é ü": "日本 – ok",
        });
        insta::assert_snapshot!(written(&value));
        assert_eq!(read(&written(&value)), value);
    }

    fn texts() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            "a",
            "B",
            "é",
            "1",
            "0",
            ".",
            "-",
            "+",
            "e",
            "x",
            ":",
            ": ",
            " #",
            "#",
            " ",
            "  ",
            "\n",
            "\r",
            "\t",
            "'",
            "\"",
            "\\",
            "{",
            "}",
            "[",
            "]",
            ",",
            "{{",
            "}}",
            "|",
            ">",
            "&",
            "*",
            "!",
            "%",
            "@",
            "`",
            "?",
            "? ",
            "- ",
            "---",
            "...",
            "~",
            "null",
            "true",
            "no",
            "<<",
            "=",
            "<string>",
            "\u{85}",
            "\u{a0}",
            "\u{feff}",
            "\u{2028}",
            "\u{7f}",
            "\u{0}",
            "\u{1b}",
            "\u{fffe}",
            "\u{ffff}",
            "\u{1f600}",
            "\u{e000}",
            "/",
            "$",
        ]);
        prop_oneof![prop::collection::vec(piece, 0..6).prop_map(|parts| parts.concat()), any::<String>(),]
    }

    fn values() -> impl Strategy<Value = Value> {
        let number = prop_oneof![
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            prop::num::f64::NORMAL.prop_map(Value::from),
            (-1000_i64..1000).prop_map(|n| Value::from(n as f64 / 4.0)),
        ];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            number,
            texts().prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::vec((texts(), inner), 0..5)
                    .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 512, ..ProptestConfig::default() })]

        #[test]
        fn any_json_survives(name in texts(), value in values()) {
            let whole = json!({name: value, "last": 1});
            prop_assert_eq!(read(&written(&whole)).to_string(), whole.to_string());
        }

        #[test]
        fn a_scalar_survives_on_one_line(text in texts(), like in "[a'\"]") {
            let value = Value::from(text);
            for way in one_line(&value, &like) {
                prop_assert!(!way.contains('\n'));
                for file in [format!("a: {way}\n"), format!("{{a: {way}, b: [{way}]}}\n"), format!("- a: {way} # why\n")] {
                    let found = read(&file);
                    prop_assert_eq!(found.pointer("/a").or(found.pointer("/0/a")), Some(&value), "{}", file);
                }
            }
        }
    }

    #[test]
    fn a_long_key_is_a_key() {
        let value = json!({"k".repeat(2000): {"l".repeat(2000): [1]}});
        assert_eq!(read(&written(&value)), value);
    }
}

//! Where two scalars look alike, or are too long to be read side by side: how they differ.

use serde_json::Value;
use similar::TextDiff;

use super::render;

/// A text from this length on is shown as a difference.
const LONG: usize = 80;

/// How long a text may be for a difference by lines, in bytes.
const MAX_DIFF: usize = 64 * 1024;

/// How many lines a text may have for a difference by lines.
const MAX_DIFF_LINES: usize = 2_000;

/// How many lines of a difference are shown.
const MAX_LINES: usize = 40;

/// What the eye may miss between what is expected and what is there.
pub(super) fn notes(expected: &Value, spelling: Option<&str>, actual: &Value) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(spelling) = spelling {
        notes.push(format!(
            "`{spelling}` in the file is the {}; in quotes it is a string",
            render::value(expected)
        ));
    }
    match (expected, actual) {
        (Value::String(a), Value::String(b)) => strings(a, b, &mut notes),
        (Value::String(text), scalar) if is_spelt(scalar, text) => {
            notes.push(format!(
                "they differ in type only: without quotes `{text}` would be the {} that is there",
                crate::template::type_name(scalar)
            ));
        }
        (scalar, Value::String(text)) if is_spelt(scalar, text) => {
            notes.push("they differ in type only: in quotes it would be the string that is there".to_owned());
        }
        _ => {}
    }
    notes
}

/// Whether a text is how a null, boolean or number is written.
fn is_spelt(value: &Value, text: &str) -> bool {
    let spelling = match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(_) | Value::Array(_) | Value::Object(_) => return false,
    };
    spelling == text
}

fn strings(expected: &str, actual: &str, notes: &mut Vec<String>) {
    let long = |text: &str| text.contains('\n') || text.chars().nth(LONG).is_some();
    if expected.trim() == actual.trim() {
        let place = if expected.trim_start() == actual.trim_start() {
            "start"
        } else if expected.trim_end() == actual.trim_end() {
            "end"
        } else {
            "start and end"
        };
        notes.push(format!("they differ in the white space at the {place} only"));
    } else if expected.replace("\r\n", "\n") == actual.replace("\r\n", "\n") {
        notes.push("they differ in line endings only: CR LF on one side, LF on the other".to_owned());
    } else if expected.to_lowercase() == actual.to_lowercase() {
        notes.push("they differ in upper and lower case only".to_owned());
    }
    if let Some(note) = first_difference(expected, actual) {
        notes.push(note);
    }
    if long(expected) || long(actual) {
        notes.push(difference(expected, actual));
    }
}

/// The first character that differs, where it cannot be told by its looks.
fn first_difference(expected: &str, actual: &str) -> Option<String> {
    let index = expected.chars().zip(actual.chars()).take_while(|(a, b)| a == b).count();
    let (a, b) = (expected.chars().nth(index), actual.chars().nth(index));
    let hidden = |c: Option<char>| c.is_some_and(|c| !c.is_ascii_graphic() && c != ' ');
    if !hidden(a) && !hidden(b) {
        return None;
    }
    let name = |c: Option<char>| {
        c.map_or_else(
            || "the end".to_owned(),
            |c| {
                let shown = if c.is_alphanumeric() { format!(" `{c}`") } else { String::new() };
                format!("U+{:04X}{shown}", c as u32)
            },
        )
    };
    Some(format!("at character {} {} is expected, and {} is there", index + 1, name(a), name(b)))
}

fn difference(expected: &str, actual: &str) -> String {
    let several = expected.contains('\n') || actual.contains('\n');
    let bounded = |text: &str| text.len() <= MAX_DIFF && text.lines().count() <= MAX_DIFF_LINES;
    if several && bounded(expected) && bounded(actual) {
        let diff = TextDiff::from_lines(expected, actual);
        let text = diff.unified_diff().context_radius(2).missing_newline_hint(false).to_string();
        // Lines of text have a sign before them, so what begins with `@@` is the head of a part.
        let told = text.lines().skip(1).map(|line| if line.starts_with("@@") { "…" } else { line });
        let lines: Vec<_> = told.map(|line| render::short(line).into_owned()).collect();
        let more = lines.len().saturating_sub(MAX_LINES);
        let mut shown: Vec<String> = lines.into_iter().take(MAX_LINES).collect();
        if more > 0 {
            shown.push(format!("… and {more} more lines"));
        }
        return format!("`-` is expected, `+` is there:\n{}", shown.join("\n"));
    }
    // One long line: what stands around the first difference.
    let index = expected.chars().zip(actual.chars()).take_while(|(a, b)| a == b).count();
    let from = index.saturating_sub(20);
    let window = |text: &str| {
        let part: String = text.chars().skip(from).take(60).collect();
        let before = if from > 0 { "…" } else { "" };
        let after = if text.chars().nth(from + 60).is_some() { "…" } else { "" };
        format!("{before}{}{after}", part.escape_debug())
    };
    format!("they differ from character {} on:\n- {}\n+ {}", index + 1, window(expected), window(actual))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(expected: Value, actual: Value) -> String {
        notes(&expected, None, &actual).join("\n")
    }

    #[test]
    fn what_looks_alike_is_told() {
        assert!(of(json!("22"), json!(22)).contains("differ in type only"));
        assert!(of(json!(22), json!("22")).contains("in quotes"));
        assert!(of(json!("a "), json!("a")).contains("white space at the end only"));
        assert!(of(json!(" a"), json!("a")).contains("white space at the start only"));
        assert!(of(json!("a\n"), json!("\ta")).contains("start and end"));
        assert!(of(json!("a\nb"), json!("a\r\nb")).contains("line endings only"));
        assert!(of(json!("Abc"), json!("abc")).contains("case only"));
        assert_eq!(
            of(json!("a b"), json!("a\u{a0}b")),
            "at character 2 U+0020 is expected, and U+00A0 is there"
        );
        assert_eq!(
            of(json!("pay"), json!("p\u{430}y")),
            "at character 2 U+0061 `a` is expected, and U+0430 `а` is there"
        );
        assert_eq!(
            of(json!("ab"), json!("ab\u{200b}")),
            "at character 3 the end is expected, and U+200B is there"
        );
        assert_eq!(of(json!("x"), json!("y")), "");
    }

    #[test]
    fn long_texts_are_shown_as_a_difference() {
        let note = of(json!("one\ntwo\nthree"), json!("one\n2\nthree"));
        assert!(note.contains("\n-two\n+2\n"), "{note}");
        let long = "x".repeat(500);
        let note = of(json!(format!("{long}a{long}")), json!(format!("{long}b{long}")));
        assert!(
            note.starts_with("they differ from character 501 on:\n- …xxxxxxxxxxxxxxxxxxxxaxxx"),
            "{note}"
        );
    }
}

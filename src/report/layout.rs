//! Values as lines for people: JSON that stays on one line where it fits, text without control characters,
//! and both shortened so that a failure can be read.

use serde_json::Value;

/// What a line of JSON may take before it is broken up.
const WIDTH: usize = 96;
/// The longest line that is shown.
const LINE: usize = 240;
/// The most lines that are shown of one value.
const LINES: usize = 40;

/// A value as lines: text as it is, all else as JSON.
pub(super) fn lines(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => text.lines().map(clean).collect(),
        other => json_lines(other),
    }
}

/// JSON as lines: a list or object that fits stands on one.
pub(super) fn json_lines(value: &Value) -> Vec<String> {
    let mut out = vec![String::new()];
    lay_out(value, 0, 0, &mut out);
    out
}

/// The lines that are shown of a value; the last says how many are left out.
pub(super) fn shortened(mut lines: Vec<String>) -> Vec<String> {
    let more = lines.len().saturating_sub(LINES);
    // One line is not worth a line that says it is missing.
    if more > 1 {
        lines.truncate(LINES);
    }
    let mut lines: Vec<String> = lines.iter().map(|line| cut(line)).collect();
    if more > 1 {
        lines.push(format!("… ({more} more lines; --trace shows all)"));
    }
    lines
}

fn cut(line: &str) -> String {
    let length = line.chars().count();
    if length <= LINE {
        return line.to_owned();
    }
    let shown: String = line.chars().take(LINE).collect();
    format!("{shown}… ({} more characters; --trace shows all)", length - LINE)
}

/// What a server sends must not move the cursor or colour the terminal.
pub(super) fn clean(text: &str) -> String {
    if !text.chars().any(|c| c.is_control() && c != '\t') {
        return text.to_owned();
    }
    text.chars()
        .map(|c| if c.is_control() && c != '\t' { c.escape_unicode().to_string() } else { c.to_string() })
        .collect()
}

/// The same of a text of several lines.
pub(super) fn clean_lines(text: &str) -> String {
    text.split('\n').map(clean).collect::<Vec<_>>().join("\n")
}

fn append(out: &mut [String], text: &str) {
    if let Some(last) = out.last_mut() {
        last.push_str(text);
    }
}

/// `behind` is what has to fit behind the value on its last line.
fn lay_out(value: &Value, indent: usize, behind: usize, out: &mut Vec<String>) {
    let taken = out.last().map_or(0, |line| line.chars().count()) + behind;
    let mut flat = String::new();
    if write_flat(value, WIDTH.saturating_sub(taken), &mut flat) {
        append(out, &flat);
        return;
    }
    let inner = indent + 2;
    match value {
        Value::Array(items) => {
            append(out, "[");
            for (index, item) in items.iter().enumerate() {
                out.push(" ".repeat(inner));
                lay_out(item, inner, 1, out);
                append(out, if index + 1 < items.len() { "," } else { "" });
            }
            out.push(format!("{}]", " ".repeat(indent)));
        }
        Value::Object(members) => {
            append(out, "{");
            for (index, (name, member)) in members.iter().enumerate() {
                out.push(format!("{}{}: ", " ".repeat(inner), quoted(name)));
                lay_out(member, inner, 1, out);
                append(out, if index + 1 < members.len() { "," } else { "" });
            }
            out.push(format!("{}}}", " ".repeat(indent)));
        }
        scalar => append(out, &scalar_text(scalar)),
    }
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

fn scalar_text(value: &Value) -> String {
    match value {
        // JSON leaves DEL and the C1 controls as they are, a terminal does not.
        Value::String(text) => clean(&quoted(text)),
        other => other.to_string(),
    }
}

/// Writes a value on one line; false as soon as it is wider than `width`.
fn write_flat(value: &Value, width: usize, out: &mut String) -> bool {
    match value {
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index > 0 { ", " } else { "" });
                if !write_flat(item, width, out) {
                    return false;
                }
            }
            out.push(']');
        }
        Value::Object(members) => {
            out.push('{');
            for (index, (name, member)) in members.iter().enumerate() {
                out.push_str(if index > 0 { ", " } else { "" });
                out.push_str(&quoted(name));
                out.push_str(": ");
                if !write_flat(member, width, out) {
                    return false;
                }
            }
            out.push('}');
        }
        // Not even written: at each level of a deep value it would be once more.
        Value::String(text) if text.len() > width.saturating_mul(4) => return false,
        scalar => out.push_str(&scalar_text(scalar)),
    }
    out.chars().count() <= width
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_fits_stays_on_a_line() {
        assert_eq!(json_lines(&json!({"a": [1, "x"], "b": {}})), [r#"{"a": [1, "x"], "b": {}}"#]);
        let long = "x".repeat(60);
        assert_eq!(
            json_lines(&json!({"a": {"b": [1, 2]}, "c": long, "d": long})),
            [
                "{".to_owned(),
                r#"  "a": {"b": [1, 2]},"#.to_owned(),
                format!(r#"  "c": "{long}","#),
                format!(r#"  "d": "{long}""#),
                "}".to_owned()
            ]
        );
    }

    #[test]
    fn laid_out_json_is_the_same_json() {
        let value = json!({"a": [{"b": "x".repeat(90)}, [], {}, null], "": [[["y".repeat(97)]]]});
        let read: Value = serde_json::from_str(&json_lines(&value).join("\n")).unwrap();
        assert_eq!(read, value);
    }

    #[test]
    fn long_values_are_shortened() {
        let lines = shortened(vec!["a".to_owned(); 45]);
        assert_eq!(lines.len(), 41);
        assert_eq!(lines[40], "… (5 more lines; --trace shows all)");
        assert_eq!(shortened(vec!["a".to_owned(); 41]).len(), 41);
        let line = shortened(vec!["ä".repeat(250)]).remove(0);
        assert!(line.ends_with("ä… (10 more characters; --trace shows all)"), "{line}");
    }

    #[test]
    fn a_terminal_is_not_commanded() {
        assert_eq!(lines(&json!("a\u{1b}[2Jb\r\nc\u{9b}")), ["a\\u{1b}[2Jb", "c\\u{9b}"]);
    }
}

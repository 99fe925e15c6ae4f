//! JSON from outside: bounded in depth, and without a number that changes unseen. Used for every message of
//! a server and for text that is parsed as JSON.

use std::collections::HashSet;

use serde_json::{Number, Value};

/// How deep a document may nest. The parser's own limit is 128.
pub const MAX_DEPTH: usize = 100;

/// A document, and the places of the numbers in it that are kept as text.
#[derive(Clone, Debug, PartialEq)]
pub struct Parsed {
    /// The value.
    pub value: Value,
    /// JSON Pointers of numbers that neither 64 bits nor a double holds. In `value` they are strings.
    pub inexact: Vec<String>,
}

/// Why bytes are not JSON.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not UTF-8.
    #[error("it is not UTF-8")]
    Encoding,
    /// Deeper than [`MAX_DEPTH`].
    #[error("it nests deeper than {MAX_DEPTH} levels")]
    Depth,
    /// Not JSON.
    #[error("{0}")]
    Syntax(String),
}

/// Parses one JSON document.
///
/// # Errors
/// Where the bytes are no JSON, or nest deeper than [`MAX_DEPTH`].
pub fn parse(bytes: &[u8]) -> Result<Parsed, Error> {
    let text = std::str::from_utf8(bytes).map_err(|_| Error::Encoding)?;
    let scan = scan(bytes)?;
    let syntax = |error: serde_json::Error| Error::Syntax(error.to_string());
    if scan.is_empty() {
        return Ok(Parsed { value: serde_json::from_str(text).map_err(syntax)?, inexact: Vec::new() });
    }
    // Rare: the numbers in question become marked strings, which are found again in the value.
    let without = replaced(text, &scan, |_| "0".to_owned());
    let marker = marker(&serde_json::from_str(&without).map_err(syntax)?);
    let marked = replaced(text, &scan, |number| format!("\"{marker}{number}\""));
    let mut value = serde_json::from_str(&marked).map_err(syntax)?;
    let mut inexact = Vec::new();
    unmark(&mut value, &marker, &mut String::new(), &mut inexact);
    Ok(Parsed { value, inexact })
}

/// The number that a literal (JSON grammar) says, if 64 bits or a double hold it exactly: written again, it
/// is the same decimal number.
#[must_use]
pub fn exact_number(literal: &str) -> Option<Number> {
    if let Ok(value) = literal.parse::<u64>() {
        return Some(value.into());
    }
    if let Ok(value) = literal.parse::<i64>() {
        return Some(value.into());
    }
    let value: f64 = literal.parse().ok()?;
    let number = Number::from_f64(value)?;
    (Decimal::read(literal)? == Decimal::read(&number.to_string())?).then_some(number)
}

/// A decimal number as digits without zeros at either end, and the power of ten of the last digit.
#[derive(PartialEq)]
struct Decimal {
    negative: bool,
    digits: String,
    exponent: i64,
}

impl Decimal {
    fn read(literal: &str) -> Option<Self> {
        let (negative, rest) = literal.strip_prefix('-').map_or((false, literal), |rest| (true, rest));
        let (mantissa, exponent) = rest.split_once(['e', 'E']).unwrap_or((rest, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = format!("{whole}{fraction}");
        let exponent = exponent.parse::<i64>().ok()?.checked_sub(i64::try_from(fraction.len()).ok()?)?;
        let trimmed = digits.trim_end_matches('0');
        let zeros = i64::try_from(digits.len() - trimmed.len()).ok()?;
        let trimmed = trimmed.trim_start_matches('0');
        if trimmed.is_empty() {
            return Some(Self { negative: false, digits: String::new(), exponent: 0 });
        }
        Some(Self { negative, digits: trimmed.to_owned(), exponent: exponent.checked_add(zeros)? })
    }
}

/// One pass over the bytes: the depth is checked, and the ranges of numbers that are not exact returned.
fn scan(bytes: &[u8]) -> Result<Vec<(usize, usize)>, Error> {
    let mut inexact = Vec::new();
    let (mut depth, mut at) = (0_usize, 0_usize);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => at = after_string(bytes, at),
            b'[' | b'{' => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Err(Error::Depth);
                }
                at += 1;
            }
            b']' | b'}' => {
                depth = depth.saturating_sub(1);
                at += 1;
            }
            b'-' | b'0'..=b'9' => {
                let start = at;
                while bytes
                    .get(at)
                    .is_some_and(|b| matches!(b, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'))
                {
                    at += 1;
                }
                // Fifteen significant digits always fit; anything longer, or with an exponent, is looked at.
                let token = bytes.get(start..at).unwrap_or_default();
                let plain = token.len() <= 15 && !token.iter().any(|b| matches!(b, b'e' | b'E'));
                if !plain
                    && let Ok(literal) = std::str::from_utf8(token)
                    && exact_number(literal).is_none()
                    && is_number(literal)
                {
                    inexact.push((start, at));
                }
            }
            _ => at += 1,
        }
    }
    Ok(inexact)
}

fn after_string(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// Whether a literal follows JSON's grammar of numbers; what does not is left to the parser's message.
fn is_number(literal: &str) -> bool {
    let rest = literal.strip_prefix('-').unwrap_or(literal);
    let (mantissa, exponent) = rest.split_once(['e', 'E']).map_or((rest, None), |(m, e)| (m, Some(e)));
    let (whole, fraction) = mantissa.split_once('.').map_or((mantissa, None), |(w, f)| (w, Some(f)));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent.is_none_or(|e| digits(e.strip_prefix(['+', '-']).unwrap_or(e)))
}

/// The text with something else in some places, which are in order.
fn replaced(text: &str, places: &[(usize, usize)], by: impl Fn(&str) -> String) -> String {
    let mut out = String::with_capacity(text.len() + places.len() * 8);
    let mut last = 0;
    for (start, end) in places {
        out.push_str(text.get(last..*start).unwrap_or_default());
        out.push_str(&by(text.get(*start..*end).unwrap_or_default()));
        last = *end;
    }
    out.push_str(text.get(last..).unwrap_or_default());
    out
}

/// What marks a string that is a number.
const MARK: char = '\u{E000}';

/// A prefix that no string of the value has, so that a server cannot fake it. One pass, whatever it sends.
fn marker(value: &Value) -> String {
    let mut taken = HashSet::new();
    marks(value, &mut taken);
    let free = (0_usize..).find(|n| !taken.contains(n)).unwrap_or_default();
    format!("{MARK}{free}:")
}

fn marks(value: &Value, taken: &mut HashSet<usize>) {
    match value {
        Value::String(text) => {
            let number = text.strip_prefix(MARK).and_then(|rest| rest.split_once(':'));
            taken.extend(number.and_then(|(number, _)| number.parse::<usize>().ok()));
        }
        Value::Array(items) => items.iter().for_each(|item| marks(item, taken)),
        Value::Object(members) => members.values().for_each(|member| marks(member, taken)),
        _ => {}
    }
}

fn unmark(value: &mut Value, marker: &str, at: &mut String, found: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            if let Some(literal) = text.strip_prefix(marker) {
                *text = literal.to_owned();
                found.push(at.clone());
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                let length = at.len();
                at.push_str(&format!("/{index}"));
                unmark(item, marker, at, found);
                at.truncate(length);
            }
        }
        Value::Object(members) => {
            for (name, member) in members.iter_mut() {
                let length = at.len();
                at.push('/');
                at.push_str(&name.replace('~', "~0").replace('/', "~1"));
                unmark(member, marker, at, found);
                at.truncate(length);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_fit_are_numbers() {
        let text = "[9007199254740993,18446744073709551615,-9223372036854775808,31.245270191439438,961581.4008402061,1.10,1e22,0.0,-0.0]";
        let parsed = parse(text.as_bytes()).unwrap();
        assert_eq!(parsed.inexact, Vec::<String>::new());
        assert_eq!(parsed.value[0], 9_007_199_254_740_993_u64);
        assert_eq!(serde_json::to_string(&parsed.value[3]).unwrap(), "31.245270191439438");
    }

    #[test]
    fn numbers_that_do_not_fit_are_kept_as_text() {
        let text = r#"{"a/b": [18446744073709551616, 0.10000000000000000555], "s": "18446744073709551616"}"#;
        let parsed = parse(text.as_bytes()).unwrap();
        assert_eq!(parsed.inexact, ["/a~1b/0", "/a~1b/1"]);
        assert_eq!(parsed.value["a/b"][0], "18446744073709551616");
        assert!(parse(b"[1e400]").unwrap().inexact == ["/0"]);
    }

    #[test]
    fn a_mark_cannot_be_faked() {
        for fake in ["\u{E000}0:7", r"\uE0000:7", r"\ue000\u0030:7"] {
            let parsed = parse(format!(r#"["{fake}", 18446744073709551616]"#).as_bytes()).unwrap();
            assert_eq!(parsed.inexact, ["/1"], "{fake}");
            assert_eq!(parsed.value[0], "\u{E000}0:7");
        }
    }

    #[test]
    fn marks_of_a_server_cost_one_pass() {
        let many: Vec<String> = (0..100_000).map(|n| format!("\"\u{E000}{n}:\"")).collect();
        let parsed = parse(format!("[18446744073709551616,{}]", many.join(",")).as_bytes()).unwrap();
        assert_eq!(parsed.inexact, ["/0"]);
    }

    #[test]
    fn depth_is_bounded_and_named() {
        let deep = format!("{}{}", "[".repeat(101), "]".repeat(101));
        assert_eq!(parse(deep.as_bytes()), Err(Error::Depth));
        let fits = format!("{}{}", "[".repeat(100), "]".repeat(100));
        assert!(parse(fits.as_bytes()).is_ok());
    }

    #[test]
    fn what_is_not_json_is_an_error() {
        for text in ["", "{", "[1,]", "01234567890123456789", "12345678901234567890-1"] {
            assert!(matches!(parse(text.as_bytes()), Err(Error::Syntax(_))), "{text}");
        }
        assert_eq!(parse(b"\"\xff\""), Err(Error::Encoding));
    }
}

//! What a plain scalar says: YAML 1.2's core schema, made strict. `yes`, `0755`, `1_000`, `12:30` and dates
//! are text, and no number changes unseen.

use serde_json::{Number, Value};

use crate::json::exact_number;

/// What a plain scalar is read as.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Plain {
    /// This value.
    Value(Value),
    /// A number that JSON spells in another way than the file does.
    Respelt(Number),
    /// A number that neither 64 bits nor a double holds.
    Inexact,
    /// An infinity, or not a number: JSON has neither.
    NotFinite,
}

/// Reads a plain scalar.
pub(super) fn resolve(text: &str) -> Plain {
    // Nearly all plain scalars are text, which their first byte tells.
    if !matches!(
        text.bytes().next(),
        None | Some(b'-' | b'+' | b'.' | b'0'..=b'9' | b'~' | b'n' | b'N' | b't' | b'T' | b'f' | b'F')
    ) {
        return Plain::Value(Value::from(text));
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Plain::Value(Value::Null),
        "true" | "True" | "TRUE" => Plain::Value(Value::Bool(true)),
        "false" | "False" | "FALSE" => Plain::Value(Value::Bool(false)),
        _ => number(text).unwrap_or_else(|| Plain::Value(Value::from(text))),
    }
}

fn number(text: &str) -> Option<Plain> {
    if let Some((digits, radix)) =
        text.strip_prefix("0x").map(|d| (d, 16)).or_else(|| text.strip_prefix("0o").map(|d| (d, 8)))
    {
        if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
            return None;
        }
        return Some(u64::from_str_radix(digits, radix).map_or(Plain::Inexact, |n| Plain::Respelt(n.into())));
    }
    let (sign, rest) = match text.strip_prefix(['+', '-']) {
        Some(rest) => (if text.starts_with('-') { "-" } else { "" }, rest),
        None => ("", text),
    };
    if matches!(rest, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Some(Plain::NotFinite);
    }
    let (mantissa, exponent) = rest.split_once(['e', 'E']).map_or((rest, None), |(m, e)| (m, Some(e)));
    let (whole, fraction) = mantissa.split_once('.').map_or((mantissa, None), |(w, f)| (w, Some(f)));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let some = |text: &str| !text.is_empty() && digits(text);
    if !digits(whole) || !digits(fraction.unwrap_or_default()) || (whole.len() > 1 && whole.starts_with('0'))
    {
        return None;
    }
    if whole.is_empty() && fraction.is_none_or(str::is_empty) {
        return None;
    }
    if exponent.is_some_and(|e| !some(e.strip_prefix(['+', '-']).unwrap_or(e))) {
        return None;
    }
    let json_spelling =
        !text.starts_with('+') && !whole.is_empty() && fraction != Some("") && exponent.is_none();
    if json_spelling {
        return Some(exact_number(text).map_or(Plain::Inexact, |n| Plain::Value(Value::Number(n))));
    }
    let whole = if whole.is_empty() { "0" } else { whole };
    let mut literal = format!("{sign}{whole}");
    if let Some(fraction) = fraction.filter(|f| !f.is_empty()) {
        literal = format!("{literal}.{fraction}");
    }
    if let Some(exponent) = exponent {
        literal = format!("{literal}e{exponent}");
    }
    Some(match exact_number(&literal) {
        None => Plain::Inexact,
        Some(number) if same_spelling(&number.to_string(), text) => Plain::Value(Value::Number(number)),
        Some(number) => Plain::Respelt(number),
    })
}

/// Whether they differ by no more than how an exponent is written.
fn same_spelling(number: &str, text: &str) -> bool {
    let plain = |text: &str| text.to_ascii_lowercase().replace("e+", "e");
    plain(number) == plain(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Value {
        match resolve(text) {
            Plain::Value(value) => value,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn what_only_looks_like_a_value_is_text() {
        for text in [
            "yes",
            "no",
            "on",
            "off",
            "y",
            "N",
            "0755",
            "-012",
            "00",
            "007.5",
            "1_000",
            "12:30",
            "1.2.3",
            "2026-11-23",
            "0b101",
            "-0x1F",
            "+-1",
            "1e",
            "e3",
            ".",
            "-",
            "+",
            "-.",
            ".e3",
            "0x",
            "0o9",
            "0xG",
            "1 2",
            "١٢",
            "nul",
            "tRue",
            ".infinity",
            "-.nan",
            "1e+",
            "--1",
            "1.0.",
            "−1",
        ] {
            assert_eq!(value(text), Value::from(text), "{text}");
        }
    }

    #[test]
    fn values_of_the_core_schema() {
        for (text, json) in [
            ("", "null"),
            ("~", "null"),
            ("null", "null"),
            ("true", "true"),
            ("False", "false"),
            ("0", "0"),
            ("-0", "0"),
            ("12", "12"),
            ("-7", "-7"),
            ("1.10", "1.1"),
            ("0.0", "0.0"),
            ("-2.5", "-2.5"),
            ("9007199254740993", "9007199254740993"),
            ("18446744073709551615", "18446744073709551615"),
            ("-9223372036854775808", "-9223372036854775808"),
            ("31.245270191439438", "31.245270191439438"),
            ("961581.4008402061", "961581.4008402061"),
            ("1.5e300", "1.5e+300"),
        ] {
            assert_eq!(value(text).to_string(), json, "{text}");
        }
    }

    #[test]
    fn numbers_of_another_spelling() {
        for (text, json) in [
            ("+491701234567", "491701234567"),
            ("0x1F", "31"),
            ("0o17", "15"),
            ("1e3", "1000.0"),
            (".5", "0.5"),
            ("5.", "5"),
            ("-1E-2", "-0.01"),
            ("+0.5", "0.5"),
            ("0e5", "0.0"),
        ] {
            match resolve(text) {
                Plain::Respelt(number) => assert_eq!(number.to_string(), json, "{text}"),
                other => panic!("{text}: {other:?}"),
            }
        }
    }

    #[test]
    fn numbers_that_do_not_fit() {
        for text in [
            "18446744073709551616",
            "-9223372036854775809",
            "123456789012345678901234567890",
            "1e400",
            "1e-400",
            "0.10000000000000000555",
            "0xFFFFFFFFFFFFFFFFF",
            "+1e99999999999999999999",
            "9007199254740993.5",
        ] {
            assert_eq!(resolve(text), Plain::Inexact, "{text}");
        }
        for text in [".inf", "-.inf", "+.Inf", ".nan", ".NaN"] {
            assert_eq!(resolve(text), Plain::NotFinite, "{text}");
        }
    }
}

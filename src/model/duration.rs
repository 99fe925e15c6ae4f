//! Durations as they are written: `500ms`, `2s`, `1m30s`.

use std::time::Duration;

/// The longest duration: nothing that a test waits for takes longer than a week.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The units, largest first, in milliseconds.
const UNITS: &[(&str, u64)] = &[("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

/// How a duration is written, for help texts.
pub(super) const FORMS: &str =
    "write whole numbers with a unit, such as `500ms`, `30s`, `2m`, `1m30s` or `1h`";

/// A duration as messages show it: `less than 1 ms`, `118 ms`, `1.25 s`.
#[must_use]
pub fn shown_duration(duration: Duration) -> String {
    let millis = duration.as_secs_f64() * 1000.0;
    if millis < 1.0 {
        "less than 1 ms".to_owned()
    } else if millis < 999.5 {
        format!("{millis:.0} ms")
    } else {
        let seconds = format!("{:.2}", millis / 1000.0);
        format!("{} s", seconds.trim_end_matches('0').trim_end_matches('.'))
    }
}

/// Reads a duration: whole numbers, each with a unit (`h`, `m`, `s`, `ms`), larger units first. `0s` is one.
///
/// # Errors
/// Why it is none, as a message.
pub fn duration(text: &str) -> Result<Duration, String> {
    let none = |reason: &str| Err(format!("`{text}` is no duration: {reason}"));
    let mut rest = text;
    let mut total = 0_u64;
    let mut units = UNITS;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (number, after) = rest.split_at_checked(digits).unwrap_or((rest, ""));
        if number.is_empty() {
            return match after.chars().next() {
                Some('-') => none("it is negative"),
                Some('.') => none("it has a fraction; use a smaller unit"),
                _ => none("there is no number before its unit"),
            };
        }
        let letters = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, after) = after.split_at_checked(letters).unwrap_or((after, ""));
        if unit.is_empty() {
            return match after.chars().next() {
                Some('.') => none("it has a fraction; use a smaller unit"),
                _ => none("it has no unit"),
            };
        }
        let Some(index) = units.iter().position(|(name, _)| *name == unit) else {
            return if UNITS.iter().any(|(name, _)| *name == unit) {
                none("its units do not go from the larger to the smaller")
            } else {
                Err(format!("`{text}` is no duration: there is no unit `{unit}`"))
            };
        };
        let (_, milliseconds) = units.get(index).copied().unwrap_or_default();
        units = units.get(index + 1..).unwrap_or_default();
        // A number of more digits than 64 bits hold saturates, and is then too long like any other.
        let part = number.parse::<u64>().unwrap_or(u64::MAX).saturating_mul(milliseconds);
        total = total.saturating_add(part);
        rest = after;
    }
    let total = Duration::from_millis(total);
    if text.is_empty() {
        none("it is empty")
    } else if total > LONGEST {
        none("it is longer than a week")
    } else {
        Ok(total)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_are_read() {
        for (text, milliseconds) in [
            ("500ms", 500),
            ("2s", 2000),
            ("1m", 60_000),
            ("1m30s", 90_000),
            ("1h", 3_600_000),
            ("1h2m3s4ms", 3_723_004),
            ("0s", 0),
            ("168h", 604_800_000),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
    }

    #[test]
    fn all_else_is_refused_with_its_reason() {
        for (text, reason) in [
            ("fast", "there is no number before its unit"),
            ("5", "it has no unit"),
            ("-5s", "it is negative"),
            ("1.5s", "it has a fraction; use a smaller unit"),
            (".5s", "it has a fraction; use a smaller unit"),
            ("", "it is empty"),
            ("5d", "there is no unit `d`"),
            ("30s1m", "its units do not go from the larger to the smaller"),
            ("1s1s", "its units do not go from the larger to the smaller"),
            ("169h", "it is longer than a week"),
            ("99999999999999999999h", "it is longer than a week"),
            ("1 s", "it has no unit"),
            ("1ß", "it has no unit"),
        ] {
            assert_eq!(duration(text), Err(format!("`{text}` is no duration: {reason}")), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in ".{0,30}") {
            let _ = duration(&text);
        }

        #[test]
        fn parts_add_up(h in 0..100_u64, m in 0..1000_u64, s in 0..1000_u64, ms in 0..100_000_u64) {
            let whole = Duration::from_millis(((h * 60 + m) * 60 + s) * 1000 + ms);
            prop_assert_eq!(duration(&format!("{h}h{m}m{s}s{ms}ms")), Ok(whole));
        }
    }
}

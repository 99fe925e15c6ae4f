//! Takes secrets out of text: as they are, URL-encoded, JSON-escaped, and in base64 at each alignment.

use std::sync::{Arc, PoisonError, RwLock};

use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

use super::Secret;

/// What stands where a secret stood.
const MASK: &str = "***";

/// A shorter secret is refused: masking it would shred what is shown.
pub(super) const SHORTEST: usize = 6;

/// Knows the secrets of a run and masks them. Shared by everything that makes events; a secret that is read
/// later joins before its first use.
#[derive(Clone, Debug, Default)]
pub struct Redactor(Arc<RwLock<Known>>);

#[derive(Debug, Default)]
struct Known {
    forms: Vec<String>,
    search: Option<AhoCorasick>,
}

impl Redactor {
    /// One that knows nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a secret. One of fewer than 6 bytes would mask half of every text: it is not added, and `false` returned.
    pub fn add(&self, secret: &Secret) -> bool {
        let text = secret.reveal();
        if text.len() < SHORTEST {
            return false;
        }
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for form in forms(text) {
            if form.len() >= SHORTEST && !known.forms.contains(&form) {
                known.forms.push(form);
            }
        }
        known.search = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&known.forms).ok();
        true
    }

    /// The text with its secrets masked; none where it has none.
    #[must_use]
    pub fn masked(&self, text: &str) -> Option<String> {
        self.replaced(text, |_| MASK.to_owned())
    }

    /// Masks a text in place.
    pub fn mask_in_place(&self, text: &mut String) {
        if let Some(masked) = self.masked(text) {
            *text = masked;
        }
    }

    /// The text with as many `*` as a secret has bytes, so that offsets into it stay good.
    #[must_use]
    pub fn mask_keeping_length(&self, text: &str) -> String {
        self.replaced(text, |length| "*".repeat(length)).unwrap_or_else(|| text.to_owned())
    }

    /// Masks every string, key and number of a value.
    pub fn mask_value(&self, value: &mut Value) {
        match value {
            Value::String(text) => self.mask_in_place(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.mask_value(item)),
            Value::Object(members) => {
                if members.keys().any(|name| self.masked(name).is_some()) {
                    let old = std::mem::replace(members, Map::new());
                    members.extend(
                        old.into_iter().map(|(name, member)| (self.masked(&name).unwrap_or(name), member)),
                    );
                }
                members.values_mut().for_each(|member| self.mask_value(member));
            }
            Value::Number(number) => {
                if let Some(masked) = self.masked(&number.to_string()) {
                    *value = Value::String(masked);
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn replaced(&self, text: &str, mask: impl Fn(usize) -> String) -> Option<String> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let search = known.search.as_ref()?;
        let mut found = search.find_iter(text).peekable();
        found.peek()?;
        let mut out = String::with_capacity(text.len());
        let mut last = 0;
        for hit in found {
            out.push_str(text.get(last..hit.start()).unwrap_or_default());
            out.push_str(&mask(hit.len()));
            last = hit.end();
        }
        out.push_str(text.get(last..).unwrap_or_default());
        Some(out)
    }
}

/// Every way in which a secret may stand in what a server sends or a tool prints.
fn forms(secret: &str) -> Vec<String> {
    let encoded: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let percent = encoded.replace('+', "%20");
    let lower = lower_escapes(&percent);
    let mut forms = vec![secret.to_owned(), encoded, percent, lower];
    // JSON in a text of JSON in a body is usual: a tool's answer. One level more is for what quotes that.
    let mut escaped = secret.to_owned();
    for _ in 0..3 {
        let quoted = Value::from(escaped).to_string();
        escaped = quoted.get(1..quoted.len() - 1).unwrap_or_default().to_owned();
        forms.push(escaped.clone());
        forms.push(escaped.replace('/', "\\/"));
    }
    for shift in 0..3 {
        let mut bytes = vec![0_u8; shift];
        bytes.extend_from_slice(secret.as_bytes());
        for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
            let text = engine.encode(&bytes);
            // The first and the last character also hold bits of what stands before and behind.
            let from = match shift {
                0 => 0,
                1 => 2,
                _ => 3,
            };
            let to = bytes.len() * 8 / 6;
            forms.push(text.get(from..to).unwrap_or_default().to_owned());
        }
    }
    forms
}

/// `%2F` as `%2f`: both are in use.
fn lower_escapes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut escape = 0;
    for c in text.chars() {
        if c == '%' {
            escape = 2;
            out.push(c);
        } else if escape > 0 {
            escape -= 1;
            out.push(c.to_ascii_lowercase());
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;
    use serde_json::json;

    use super::*;

    const TOKEN: &str = "rt_9F/\"C+ä\\7";

    fn redactor() -> Redactor {
        let redactor = Redactor::new();
        assert!(redactor.add(&Secret::new(TOKEN)));
        redactor
    }

    #[test]
    fn every_form_is_masked() {
        let redactor = redactor();
        let url: String = url::form_urlencoded::byte_serialize(TOKEN.as_bytes()).collect();
        let quoted = json!(TOKEN).to_string();
        let twice = json!(quoted).to_string();
        for text in [TOKEN.to_owned(), url.replace('+', "%20"), json!(twice).to_string(), twice, quoted, url]
        {
            let shown = redactor.masked(&format!("before {text} after")).unwrap();
            assert!(
                shown.starts_with("before ") && shown.ends_with(" after") && shown.contains("***"),
                "{shown}"
            );
        }
    }

    #[test]
    fn base64_is_masked_at_each_alignment() {
        let redactor = redactor();
        for before in ["", "a", "ab", "abc"] {
            for after in ["", "x", "xy"] {
                let text = STANDARD.encode(format!("{before}{TOKEN}{after}"));
                let shown = redactor.masked(&text).unwrap();
                assert!(shown.contains("***"), "{text} {shown}");
                assert!(shown.replace("***", "").len() <= 8 + before.len() + after.len(), "{text} {shown}");
            }
        }
    }

    #[test]
    fn keys_and_numbers_are_masked_too() {
        let redactor = Redactor::new();
        redactor.add(&Secret::new("1234567"));
        let mut value = json!({"k1234567": [1_234_567, "x1234567"]});
        redactor.mask_value(&mut value);
        assert_eq!(value, json!({"k***": ["***", "x***"]}));
    }

    #[test]
    fn a_source_line_keeps_its_length() {
        let text = format!("a: {TOKEN} # b");
        let masked = redactor().mask_keeping_length(&text);
        assert_eq!(masked.len(), text.len());
        assert!(!masked.contains("rt_9F"));
    }

    #[test]
    fn a_short_secret_is_refused() {
        assert!(!Redactor::new().add(&Secret::new("12345")));
    }
}

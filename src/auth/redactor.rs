//! Takes secrets out of text: in each of their [`forms`], in what is left once escapes are undone ([`Levels`]), and
//! where a message was cut in the middle of one ([`Cuts`]).

use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use aho_corasick::AhoCorasick;
use serde_json::{Map, Value};

use super::Secret;
use super::cuts::Cuts;
use super::forms::forms;
use super::undone::Levels;

/// What stands where a secret stood.
pub(super) const MASK: &str = "***";

/// A shorter secret is refused: masking it would shred what is shown.
pub(super) const SHORTEST: usize = 6;

/// Knows the secrets of a run and masks them. Shared by everything that makes events; a secret that is read
/// later joins before its first use.
#[derive(Clone, Debug, Default)]
pub struct Redactor(Arc<RwLock<Known>>);

#[derive(Debug, Default)]
struct Known {
    secrets: HashSet<String>,
    forms: BTreeSet<String>,
    /// Made when it is needed; none where it is too large to be made.
    search: OnceLock<Option<AhoCorasick>>,
    cuts: Cuts,
}

impl Redactor {
    /// One that knows nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a secret. One of fewer than 6 bytes would mask half of every text: it is not added, and `false` is
    /// returned.
    pub fn add(&self, secret: &Secret) -> bool {
        let text = secret.reveal();
        if text.len() < SHORTEST {
            return false;
        }
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        // It is learnt before the run and again when it is read.
        if !known.secrets.insert(text.to_owned()) {
            return true;
        }
        let new = forms(text).into_iter().chain(forms(text.trim())).filter(|form| form.len() >= SHORTEST);
        for form in new {
            known.cuts.add(&form);
            known.forms.insert(form);
        }
        known.search = OnceLock::new();
        true
    }

    /// Whether a secret stands in a text.
    #[must_use]
    pub fn is_in(&self, text: &str) -> bool {
        !self.known(|known| known.places(text)).is_empty()
    }

    /// The text with its secrets masked, and with what a cut left of one; none where it has none.
    #[must_use]
    pub fn masked(&self, text: &str) -> Option<String> {
        let masked = self.replaced(text, |_| MASK.to_owned());
        let cut = self.known(|known| known.cuts.masked(masked.as_deref().unwrap_or(text)));
        cut.or(masked)
    }

    /// Masks a text in place.
    pub fn mask_in_place(&self, text: &mut String) {
        if let Some(masked) = self.masked(text) {
            *text = masked;
        }
    }

    /// The text with as many `*` as a secret has bytes, so that offsets into it and its lines stay good.
    #[must_use]
    pub fn mask_keeping_length(&self, text: &str) -> String {
        let stars = |secret: &str| {
            let star = |byte: u8| if matches!(byte, b'\n' | b'\r') { char::from(byte) } else { '*' };
            secret.bytes().map(star).collect()
        };
        self.replaced(text, stars).unwrap_or_else(|| text.to_owned())
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

    fn known<T>(&self, ask: impl FnOnce(&Known) -> T) -> T {
        ask(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn replaced(&self, text: &str, mask: impl Fn(&str) -> String) -> Option<String> {
        let found = self.known(|known| known.places(text));
        if found.is_empty() {
            return None;
        }
        let mut out = String::with_capacity(text.len());
        let mut last = 0;
        for (start, end) in found {
            out.push_str(text.get(last..start).unwrap_or_default());
            out.push_str(&mask(text.get(start..end).unwrap_or_default()));
            last = end;
        }
        out.push_str(text.get(last..).unwrap_or_default());
        Some(out)
    }
}

impl Known {
    /// Where secrets stand in a text: in order, none inside of another.
    fn places(&self, text: &str) -> Vec<(usize, usize)> {
        if self.forms.is_empty() || text.is_empty() {
            return Vec::new();
        }
        // What lower-cases a header's name or writes `%2f` shows a secret all the same.
        let make = || AhoCorasick::builder().ascii_case_insensitive(true).build(&self.forms).ok();
        let Some(search) = self.search.get_or_init(make) else {
            // Too much to look for: nothing is shown rather than too much.
            return vec![(0, text.len())];
        };
        let mut found: Vec<(usize, usize)> = Vec::new();
        let levels = Levels::of(text.as_bytes());
        for (level, left) in levels.each() {
            for hit in search.find_overlapping_iter(left) {
                join(&mut found, levels.place(level, (hit.start(), hit.end())));
            }
        }
        found.sort_unstable();
        let mut places = Vec::new();
        found.into_iter().for_each(|at| join(&mut places, at));
        places
    }
}

/// Adds a place. Those before it that reach into it become one with it: one secret may end as another begins.
fn join(places: &mut Vec<(usize, usize)>, (mut start, mut end): (usize, usize)) {
    while let Some((before, until)) = places.pop_if(|(before, until)| *until > start && *before < end) {
        (start, end) = (start.min(before), end.max(until));
    }
    places.push((start, end));
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
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
    fn what_other_writers_make_of_it_is_masked() {
        let redactor = Redactor::new();
        redactor.add(&Secret::new("ab/cd+ef=gh&ij\"kl'mn~op"));
        for text in [
            // Python's `quote`, JavaScript's `encodeURIComponent`, its `encodeURI`.
            "ab/cd%2Bef%3Dgh%26ij%22kl%27mn~op",
            "ab%2Fcd%2Bef%3Dgh%26ij%22kl'mn~op",
            "ab/cd+ef=gh&ij%22kl'mn~op",
            // .NET, Go and their like in JSON, and once more inside of a text.
            r"ab/cd\u002Bef=gh\u0026ij\u0022kl\u0027mn~op",
            r#"ab/cd+ef=gh\u0026ij\"kl'mn~op"#,
            r"ab/cd\\u002bef=gh\\u0026ij\\u0022kl\\u0027mn~op",
            // HTML and XML.
            "ab/cd+ef=gh&amp;ij&quot;kl'mn~op",
            "ab/cd+ef=gh&amp;ij&quot;kl&#39;mn~op",
            "ab/cd+ef=gh&amp;ij&#34;kl&#x27;mn~op",
            // Rust, a JSON Pointer, upper case.
            r#"ab/cd+ef=gh&ij\"kl\'mn~op"#,
            "ab~1cd+ef=gh&ij\"kl'mn~0op",
            "AB/CD+EF=GH&IJ\"KL'MN~OP",
        ] {
            assert_eq!(redactor.masked(&format!("<{text}>")).as_deref(), Some("<***>"), "{text}");
        }
    }

    #[test]
    fn secrets_that_overlap_are_masked_whole() {
        let redactor = Redactor::new();
        for secret in ["abcdef123456", "123456789", "ef1234"] {
            redactor.add(&Secret::new(secret));
        }
        assert_eq!(redactor.masked("<abcdef123456789>").as_deref(), Some("<***>"));
        assert_eq!(redactor.mask_keeping_length("<abcdef123456789>"), format!("<{}>", "*".repeat(15)));
    }

    #[test]
    fn white_space_around_a_secret_does_not_hide_it() {
        let redactor = Redactor::new();
        redactor.add(&Secret::new("rt_SECRET\n"));
        assert_eq!(redactor.masked("<rt_SECRET>").as_deref(), Some("<***>"));
    }

    #[test]
    fn a_piece_of_a_secret_beside_a_cut_is_masked() {
        let redactor = Redactor::new();
        redactor.add(&Secret::new("rt_0123456789ABCDEF"));
        for (text, shown) in [
            ("string \"token rt_0123456…", "string \"token ***…"),
            ("…9ABCDEF and more", "…*** and more"),
            ("- …34567…\n+ …x rt_012…89ABCDEF\"", "- …***…\n+ …x ***…***\""),
            ("plain… and …text", "plain… and …text"),
            ("ä…ö", "ä…ö"),
        ] {
            assert_eq!(redactor.masked(text).as_deref().unwrap_or(text), shown);
        }
    }

    #[test]
    fn any_mixture_of_escapes_is_masked() {
        let redactor = Redactor::new();
        redactor.add(&Secret::new("ab/cd+ef=gh&ij\"kl'mnäop"));
        for text in [
            // No writer does that, but a server that means harm, or one writer behind another.
            r#"\u0061b%2fcd+ef&#61;gh&amp;ij\"kl'mn\u00e4op"#,
            r#"ab%252Fcd%252Bef%253Dgh%2526ij%2522kl%2527mn%25C3%25A4op"#,
            r#"ab\\\/cd+ef=gh\\u0026ij\\\"kl'mn\\u00E4op"#,
            "ab/cd+ef=gh&ij\"kl'\n    mnäop",
            r#"ab/cd+ef=gh&ij\"kl'\nmnäop"#,
            "ab/cd+\u{1b}[1mef=gh&ij\u{1b}[0m\"kl'mnä\top",
            "ab/cd+ef=gh&ij\"kl'mn\u{fffd}op",
            "61622f63642b65663d676826696a226b6c276d6ec3a46f70",
        ] {
            assert_eq!(redactor.masked(&format!("<{text}>")).as_deref(), Some("<***>"), "{text}");
            assert_eq!(redactor.mask_keeping_length(text).len(), text.len());
        }
    }

    #[test]
    fn base64_that_was_broken_into_lines_is_masked() {
        let token = "rt_0123456789".repeat(10);
        let redactor = Redactor::new();
        redactor.add(&Secret::new(&token));
        let encoded = STANDARD.encode(&token);
        let lines: Vec<&str> =
            encoded.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).unwrap()).collect();
        let masked = redactor.masked(&lines.join("\r\n")).unwrap();
        assert!(masked.starts_with("***") && masked.len() < 8, "{masked}");
    }

    #[test]
    fn a_secret_of_several_lines_is_masked_line_by_line_too() {
        let redactor = Redactor::new();
        redactor.add(&Secret::new("-----BEGIN KEY-----\nABCDEFGHIJKLMNOP\nQRST\n-----END KEY-----\n"));
        assert_eq!(redactor.masked("- ABCDEFGHIJKLMNOP\n+ x").as_deref(), Some("- ***\n+ x"));
        let text = "key: |\n  -----BEGIN KEY-----\n  ABCDEFGHIJKLMNOP\n  QRST\n  -----END KEY-----\nx: 1";
        assert_eq!(redactor.masked(text).as_deref(), Some("key: |\n  ***\nx: 1"));
        let kept = redactor.mask_keeping_length(text);
        assert_eq!((kept.len(), kept.lines().count()), (text.len(), text.lines().count()));
    }

    #[test]
    fn many_cuts_are_looked_up_quickly() {
        let redactor = Redactor::new();
        redactor.add(&Secret::new("rt_<&\"\\/'>ABCDEFGHIJKLMNOPQRSTUVWXYZ".repeat(40)));
        // Each piece is nearly one of a secret.
        let text = "rt_<&\"\\/'>ABCDEFG!…".repeat(2_000);
        assert_eq!(redactor.masked(&text), None);
        let text = format!("{}…{}", "rt_".repeat(50_000), "\\u00".repeat(50_000));
        assert_eq!(redactor.masked(&text), None);
    }

    #[test]
    fn a_short_secret_is_refused() {
        assert!(!Redactor::new().add(&Secret::new("12345")));
    }
}

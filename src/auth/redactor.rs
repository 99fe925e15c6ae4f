//! Takes secrets out of text, in each of their [`forms`], also where a message was cut in the middle of one.

use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, PoisonError, RwLock};

use aho_corasick::AhoCorasick;
use serde_json::{Map, Value};

use super::Secret;
use super::forms::forms;

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
    secrets: HashSet<String>,
    forms: BTreeSet<String>,
    /// None where there is nothing to look for, or where it cannot be looked for.
    search: Option<AhoCorasick>,
}

/// What stands where a message leaves out a part of a text.
const CUT: char = '…';

/// A piece of a secret beside a cut is masked from this length on: shorter ones say little and are everywhere.
const PIECE: usize = 4;

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
        let new = forms(text).into_iter().chain(forms(text.trim()));
        known.forms.extend(new.filter(|form| form.len() >= SHORTEST));
        // What lower-cases a header's name or writes `%2f` shows a secret all the same.
        known.search = AhoCorasick::builder().ascii_case_insensitive(true).build(&known.forms).ok();
        true
    }

    /// The text with its secrets masked; none where it has none.
    #[must_use]
    pub fn masked(&self, text: &str) -> Option<String> {
        self.replaced(text, |_| MASK.to_owned())
    }

    /// Masks a text that a message may have cut: beside a `…` there may be the rest of a secret.
    pub fn mask_cut_in_place(&self, text: &mut String) {
        self.mask_in_place(text);
        if !text.contains(CUT) {
            return;
        }
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut pieces: Vec<String> = text.split(CUT).map(str::to_owned).collect();
        let last = pieces.len() - 1;
        for (index, piece) in pieces.iter_mut().enumerate() {
            known.mask_piece(piece, index > 0, index < last);
        }
        *text = pieces.join(CUT.encode_utf8(&mut [0; 4]));
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
        let Some(search) = &known.search else {
            // Too much to look for: nothing is shown rather than too much.
            return (!known.forms.is_empty() && !text.is_empty()).then(|| mask(text.len()));
        };
        // They may overlap, where one secret ends as another begins.
        let mut found: Vec<(usize, usize)> = Vec::new();
        for hit in search.find_overlapping_iter(text) {
            let (mut start, end) = (hit.start(), hit.end());
            while let Some((before, _)) = found.pop_if(|(_, until)| *until > start) {
                start = start.min(before);
            }
            found.push((start, end));
        }
        if found.is_empty() {
            return None;
        }
        let mut out = String::with_capacity(text.len());
        let mut last = 0;
        for (start, end) in found {
            out.push_str(text.get(last..start).unwrap_or_default());
            out.push_str(&mask(end - start));
            last = end;
        }
        out.push_str(text.get(last..).unwrap_or_default());
        Some(out)
    }
}

impl Known {
    /// Masks what is left of a secret at a cut end of a piece of text, or where the whole piece is inside of one.
    fn mask_piece(&self, piece: &mut String, cut_before: bool, cut_behind: bool) {
        let same = |a: Option<&str>, b: &str| a.is_some_and(|a| a.eq_ignore_ascii_case(b));
        let lower = piece.to_ascii_lowercase();
        if cut_before
            && cut_behind
            && piece.len() >= PIECE
            && self.forms.iter().any(|form| form.to_ascii_lowercase().contains(&lower))
        {
            MASK.clone_into(piece);
            return;
        }
        let longest = |fits: &dyn Fn(&str, usize) -> bool| {
            let lengths =
                self.forms.iter().map(|form| (PIECE..form.len()).rev().find(|length| fits(form, *length)));
            lengths.flatten().max()
        };
        if cut_before {
            // The end of a secret at the beginning of the piece.
            let rest = |form: &str, length: usize| {
                form.get(form.len() - length..).is_some_and(|rest| same(piece.get(..length), rest))
            };
            if let Some(length) = longest(&rest) {
                *piece = format!("{MASK}{}", piece.get(length..).unwrap_or_default());
            }
        }
        if cut_behind {
            let start = |form: &str, length: usize| {
                let at = piece.len().checked_sub(length);
                form.get(..length).is_some_and(|start| same(at.and_then(|at| piece.get(at..)), start))
            };
            if let Some(length) = longest(&start) {
                piece.truncate(piece.len() - length);
                piece.push_str(MASK);
            }
        }
    }
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
            let mut text = text.to_owned();
            redactor.mask_cut_in_place(&mut text);
            assert_eq!(text, shown);
        }
    }

    #[test]
    fn a_short_secret_is_refused() {
        assert!(!Redactor::new().add(&Secret::new("12345")));
    }
}

//! Canaries, and the search for them: by pieces of them, in whichever form, so that half of one is found, too. It
//! knows nothing of how the product masks.

use std::collections::BTreeSet;

use aho_corasick::AhoCorasick;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde_json::Value;

/// How long a piece is that is looked for.
const PIECE: usize = 12;

/// A token that JSON, addresses and HTML each write in their own way. On both sides of what they change it has enough
/// letters that no form of it has none of its pieces.
pub(crate) fn token(of: &str) -> String {
    assert_eq!(of.len(), 3, "{of}");
    format!("rt_CANARY{of}FIRST0/+\"\\<&>'%~=?CANARY{of}SECOND9zZ")
}

/// A secret that no header could carry.
pub(crate) fn secret(of: &str) -> String {
    format!("käse {} 雪", token(of))
}

/// A form in which something may write a canary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Raw,
    /// Behind so many bytes that are no part of it.
    Base64(usize),
    Base64Url,
    Url,
    /// In an address in an address.
    UrlTwice,
    Json,
    /// Every character as `\u…`.
    Unicode,
    Html,
    HtmlNumbers,
    Hex,
    /// Each character in another way.
    Mixed,
    UpperCase,
}

impl Form {
    pub(crate) const ALL: [Self; 14] = [
        Self::Raw,
        Self::Base64(0),
        Self::Base64(1),
        Self::Base64(2),
        Self::Base64Url,
        Self::Url,
        Self::UrlTwice,
        Self::Json,
        Self::Unicode,
        Self::Html,
        Self::HtmlNumbers,
        Self::Hex,
        Self::Mixed,
        Self::UpperCase,
    ];

    /// Its part of a case's name.
    pub(crate) fn name(self) -> String {
        format!("{self:?}").to_lowercase().replace(['(', ')'], "")
    }

    pub(crate) fn named(name: &str) -> Self {
        Self::ALL.into_iter().find(|form| form.name() == name).expect(name)
    }

    pub(crate) fn of(self, canary: &str) -> String {
        match self {
            Self::Raw => canary.to_owned(),
            Self::Base64(shift) => {
                STANDARD.encode(format!("{}{canary}{}", "x".repeat(shift), "y".repeat(shift)))
            }
            Self::Base64Url => URL_SAFE.encode(canary),
            Self::Url => percent(canary),
            Self::UrlTwice => percent(&percent(canary)),
            Self::Json => json(canary),
            Self::Unicode => canary.encode_utf16().map(|unit| format!("\\u{unit:04X}")).collect(),
            Self::Html => html(canary),
            Self::HtmlNumbers => canary.chars().map(|c| format!("&#{};", u32::from(c))).collect(),
            Self::Hex => hex(canary.as_bytes()),
            Self::Mixed => canary.chars().enumerate().map(|(at, c)| mixed(at, c)).collect(),
            Self::UpperCase => canary.to_uppercase(),
        }
    }
}

fn mixed(at: usize, c: char) -> String {
    match at % 5 {
        0 => format!("&#x{:X};", u32::from(c)),
        1 => percent(&c.to_string()),
        2 => format!("\\u{:04x}", u32::from(c)),
        3 => format!("\\u{{{:x}}}", u32::from(c)),
        _ => json(&c.to_string()),
    }
}

fn percent(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

pub(crate) fn json(text: &str) -> String {
    let quoted = Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

pub(crate) fn html(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;").replace('\'', "&#39;")
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Looks for canaries.
pub(crate) struct Search {
    pieces: Vec<String>,
    search: AhoCorasick,
}

impl Search {
    pub(crate) fn of(canaries: &[String]) -> Self {
        let mut pieces = BTreeSet::new();
        let mut windows = |text: &str, length: usize, step: usize| {
            let text: Vec<char> = text.chars().collect();
            pieces.extend(text.windows(length).step_by(step).map(|piece| piece.iter().collect::<String>()));
        };
        for canary in canaries {
            windows(canary, PIECE, 1);
            windows(&hex(canary.as_bytes()), 2 * PIECE, 2);
            for shift in 0..3 {
                let bytes = format!("{}{canary}", "x".repeat(shift));
                for text in [STANDARD.encode(&bytes), URL_SAFE.encode(&bytes)] {
                    // The first characters also hold bits of what stands before, the last those of what follows.
                    windows(&text[4..text.len() - 4], PIECE * 4 / 3, 1);
                }
            }
            // Where every character is escaped, no letter is left to be found.
            for form in [Form::Unicode, Form::HtmlNumbers] {
                windows(&form.of(canary), 6 * PIECE, 1);
            }
            windows(&Form::Mixed.of(canary), 4 * PIECE, 1);
        }
        let pieces: Vec<String> = pieces.into_iter().collect();
        let search = AhoCorasick::builder().ascii_case_insensitive(true).build(&pieces).unwrap();
        Self { pieces, search }
    }

    /// What is found first, with what stands around it.
    pub(crate) fn find(&self, text: &[u8]) -> Option<String> {
        let hit = self.search.find(text)?;
        let around = &text[hit.start().saturating_sub(150)..(hit.end() + 100).min(text.len())];
        let piece = &self.pieces[hit.pattern().as_usize()];
        Some(format!("`{piece}` in …{}…", String::from_utf8_lossy(around)))
    }
}

/// Whether `***` stands where something was planted: behind the mark, but for some letters that base64 adds.
pub(crate) fn is_masked(text: &str) -> bool {
    text.match_indices(super::MARK).any(|(at, _)| {
        let behind: String = text[at + super::MARK.len()..].chars().take(12).collect();
        behind.contains("***")
    })
}

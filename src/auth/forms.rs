//! The ways in which a secret may stand in what a server sends or a tool prints. Escapes are undone before they are
//! looked for; those of here are for texts that were cut in the middle of one, and for what is no escape.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::Value;

use super::undone::Undone;

/// A line of a secret is a secret from this length on: what shows changes line by line shows each on its own.
const LINE: usize = 12;

/// What URL encoders leave as it is beside letters and digits: forms of HTML, RFC 3986, Python's `quote`,
/// JavaScript's `encodeURIComponent` and `encodeURI`.
const UNENCODED: [&str; 5] = ["*-._", "-._~", "-._~/", "-_.!~*'()", "-_.!~*'();/?:@&=+$,#"];

/// How deep JSON is quoted in JSON: a tool's answer is a text of JSON in a body. One level more is for what
/// quotes that.
const LEVELS: usize = 3;

/// Every form of a secret, itself included. Upper and lower case are not told apart.
pub(super) fn forms(secret: &str) -> BTreeSet<String> {
    let mut forms = BTreeSet::from([secret.to_owned()]);
    for kept in UNENCODED {
        let encoded = percent_encoded(secret, kept);
        forms.insert(encoded.replace("%20", "+"));
        forms.insert(encoded);
    }
    let html = secret.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    for (double, single) in [("\"", "'"), ("&quot;", "'"), ("&quot;", "&#39;"), ("&#34;", "&#x27;")] {
        forms.insert(html.replace('"', double).replace('\'', single));
    }
    forms.insert(html.replace('"', "&#34;").replace('\'', "&#39;"));
    forms.insert(html.replace('"', "&quot;").replace('\'', "&#x27;"));
    forms.insert(html.replace('"', "&quot;").replace('\'', "&apos;"));
    // How messages of ours write a text, a key of a JSON Pointer and one of a path.
    forms.insert(secret.escape_debug().to_string());
    forms.insert(secret.replace('~', "~0").replace('/', "~1"));
    forms.insert(secret.replace('\\', "\\\\").replace('\'', "\\'"));
    let more: Vec<String> = forms.iter().flat_map(|form| json_escaped(form)).collect();
    forms.extend(more);
    forms.insert(secret.bytes().map(|byte| format!("{byte:02x}")).collect());
    // Read in another charset than it was written in.
    forms.insert(secret.bytes().map(char::from).collect());
    forms
        .insert(secret.chars().map(|c| if c.is_ascii() { c } else { char::REPLACEMENT_CHARACTER }).collect());
    forms.extend(secret.lines().map(str::trim).filter(|line| line.len() >= LINE).map(str::to_owned));
    // What undoing escapes makes of a secret that looks as if it held some, or that has several lines.
    let mut left = Undone::of(secret.as_bytes());
    while let Some(undone) = left {
        forms.extend(std::str::from_utf8(undone.bytes()).map(str::to_owned));
        left = Undone::of(undone.bytes());
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
            let form = text.get(from..to).unwrap_or_default();
            forms.extend([form.to_owned(), form.replace('/', "\\/"), form.replace('+', "\\u002B")]);
            forms.insert(percent_encoded(form, ""));
        }
    }
    forms
}

fn percent_encoded(text: &str, kept: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        let c = char::from(byte);
        if c.is_ascii_alphanumeric() || (c.is_ascii() && kept.contains(c)) {
            out.push(c);
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// Inside of a JSON string, as different writers write it, and that again inside of a string by the same writer.
fn json_escaped(text: &str) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for writer in WRITERS {
        let mut level = text.to_owned();
        for _ in 0..LEVELS {
            level = writer(&quoted(&level));
            all.insert(level.clone());
        }
    }
    all
}

/// How JSON writers differ, from what serde writes.
const WRITERS: [fn(&str) -> String; 5] = [
    str::to_owned,
    |text| text.replace('/', "\\/"),
    |text| unicode_escaped(text, "", true),
    // Go.
    |text| unicode_escaped(text, "<>&", false),
    // .NET.
    |text| unicode_escaped(&text.replace("\\\"", "\""), "<>&+'`\"", true),
];

fn quoted(text: &str) -> String {
    let quoted = Value::from(text).to_string();
    quoted.get(1..quoted.len() - 1).unwrap_or_default().to_owned()
}

/// With `\u…` for some characters, and for what is not ASCII.
fn unicode_escaped(text: &str, these: &str, ascii_only: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if these.contains(c) || (ascii_only && !c.is_ascii()) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            out.push(c);
        }
    }
    out
}

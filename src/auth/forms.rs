//! The ways in which a secret may stand in what a server sends or a tool prints.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::Value;

/// What URL encoders leave as it is beside letters and digits: forms of HTML, RFC 3986, Python's `quote`,
/// JavaScript's `encodeURIComponent` and `encodeURI`.
const UNENCODED: [&str; 5] = ["*-._", "-._~", "-._~/", "-_.!~*'()", "-_.!~*'();/?:@&=+$,#"];

/// What JSON writers escape as `\u…` though they need not: Go, and .NET beside what is not ASCII.
const ESCAPED: [&str; 2] = ["<>&", "<>&+'`\""];

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
    forms.extend(json_escaped(secret));
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

/// Inside of a JSON string, as different writers write it, and that again inside of a string.
fn json_escaped(secret: &str) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    let mut level = BTreeSet::from([secret.to_owned()]);
    for _ in 0..LEVELS {
        let mut next = BTreeSet::new();
        for text in &level {
            let quoted = Value::from(text.as_str()).to_string();
            let plain = quoted.get(1..quoted.len() - 1).unwrap_or_default().to_owned();
            next.insert(plain.replace('/', "\\/"));
            next.insert(unicode_escaped(&plain, "", true));
            next.insert(unicode_escaped(&plain, ESCAPED[0], false));
            next.insert(unicode_escaped(&plain.replace("\\\"", "\""), ESCAPED[1], true));
            next.insert(plain);
        }
        all.extend(next.iter().cloned());
        level = next;
    }
    all
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

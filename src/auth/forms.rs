//! The ways in which a secret may stand in what a server sends or a tool prints, once escapes are undone: that is done
//! to each text before it is searched, so that they are not here.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::undone::Undone;

/// A line of a secret is a secret from this length on: what shows changes line by line shows each on its own.
const LINE: usize = 12;

/// Every form of a secret, itself included. Upper and lower case are not told apart.
pub(super) fn forms(secret: &str) -> BTreeSet<String> {
    let mut forms = BTreeSet::from([secret.to_owned()]);
    // A form of HTML, and a key of a JSON Pointer.
    forms.insert(secret.replace(' ', "+"));
    forms.insert(secret.replace('~', "~0").replace('/', "~1"));
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
            forms.insert(text.get(from..to).unwrap_or_default().to_owned());
        }
    }
    forms
}

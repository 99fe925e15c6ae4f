//! Titles and row names as parts of a case's name.

/// The text in `[a-z0-9_.-]`: lower case, everything else a `-`, none of them at either end or doubled.
///
/// A text without any such character becomes the code points of its letters, so that titles in another script
/// stay different names. Empty only where the text has neither letter nor digit.
#[must_use]
pub fn slug(text: &str) -> String {
    let mut slug = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            'A'..='Z' | 'a'..='z' | '0'..='9' | '_' | '.' => slug.push(c.to_ascii_lowercase()),
            _ if slug.is_empty() || slug.ends_with('-') => {}
            _ => slug.push('-'),
        }
    }
    slug.truncate(slug.trim_end_matches('-').len());
    if slug.bytes().any(|b| b.is_ascii_alphanumeric()) {
        return slug;
    }
    let letters: Vec<String> =
        text.chars().filter(|c| c.is_alphanumeric()).map(|c| format!("{:x}", u32::from(c))).collect();
    if letters.is_empty() { slug } else { format!("u{}", letters.join("-")) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::slug;

    #[test]
    fn titles_become_names() {
        for (text, name) in [
            ("An invoice can be created and found again", "an-invoice-can-be-created-and-found-again"),
            ("  Ticket #12:  it's  ", "ticket-12-it-s"),
            ("v1.2_x-y", "v1.2_x-y"),
            ("Überweisung", "berweisung"),
            ("日本", "u65e5-672c"),
            ("!?", ""),
            ("--a--b--", "a-b"),
            ("C::D/e", "c-d-e"),
        ] {
            assert_eq!(slug(text), name, "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_slug_is_a_name_and_its_own_slug(text in "\\PC{0,24}") {
            let name = slug(&text);
            prop_assert!(name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b'-')), "{}", name);
            prop_assert!(!name.starts_with('-') && !name.ends_with('-') && !name.contains("--"), "{}", name);
            prop_assert_eq!(slug(&name), name);
        }

        #[test]
        fn letters_never_vanish(text in "[日本語é]{1,8}", other in "[日本語é]{1,8}") {
            prop_assert!(!slug(&text).is_empty());
            prop_assert_eq!(slug(&text) == slug(&other), text == other);
        }
    }
}

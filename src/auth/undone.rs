//! A text with its escapes undone and its line breaks and control characters left out, and where each part of that
//! stands in the text: a secret is found whatever writers made of it, in whichever mixture, and wherever a line was
//! broken. What is shown may be decoded, joined or stripped once more by who shows it.

/// How often escapes are undone: a text in JSON, in a text in JSON, in an address, and once more.
const LEVELS: usize = 4;

/// The longest escape, but for zeros that nobody writes.
const LONGEST: usize = 12;

/// A text, and what is left of it each time that escapes are undone once more.
#[derive(Debug)]
pub(super) struct Levels<'a> {
    text: &'a [u8],
    undone: Vec<Undone>,
}

impl<'a> Levels<'a> {
    /// Undoes escapes until none is left.
    pub(super) fn of(text: &'a [u8]) -> Self {
        Self::new(text, &|text| text)
    }

    /// The same for a text that may have been cut in the middle of an escape, which is left out then.
    pub(super) fn of_cut(text: &'a [u8]) -> Self {
        Self::new(text, &|text| text.get(..whole(text)).unwrap_or_default())
    }

    fn new(text: &'a [u8], part: &dyn Fn(&[u8]) -> &[u8]) -> Self {
        let mut undone: Vec<Undone> = Vec::new();
        while undone.len() < LEVELS {
            let left = undone.last().map_or(text, Undone::bytes);
            match Undone::of(part(left)) {
                Some(next) => undone.push(next),
                None => break,
            }
        }
        Self { text, undone }
    }

    /// The text, then what is left of it, each with its level.
    pub(super) fn each(&self) -> impl Iterator<Item = (usize, &[u8])> {
        std::iter::once(self.text).chain(self.undone.iter().map(Undone::bytes)).enumerate()
    }

    /// Where a part of a level stands in the text. It is not empty.
    pub(super) fn place(&self, level: usize, part: (usize, usize)) -> (usize, usize) {
        self.undone.iter().take(level).rev().fold(part, |part, undone| undone.place(part))
    }
}

/// How much of a text is left without the escape that a cut at its end took apart. How many of the backslashes at its
/// end belong together nobody can tell.
pub(super) fn whole(text: &[u8]) -> usize {
    let from = text.len().saturating_sub(LONGEST);
    let last = text.get(from..).and_then(|end| end.iter().rposition(|byte| b"\\%&".contains(byte)));
    let cut = last.map(|at| from + at).filter(|at| {
        let end = text.get(*at..).unwrap_or_default();
        end.iter().skip(1).all(|byte| is_inner(*byte)) && escape(end).is_none()
    });
    let left = text.get(..cut.unwrap_or(text.len())).unwrap_or_default();
    left.len() - left.iter().rev().take_while(|byte| **byte == b'\\').count()
}

/// Where a text may go on behind the escape that a cut before it took apart: after none or some of its bytes.
pub(super) fn resumptions(text: &[u8]) -> impl Iterator<Item = usize> {
    let is_near = text.iter().take(LONGEST).any(|byte| is_special(*byte) || *byte == b';');
    let most = if is_near { 2 * LONGEST } else { 0 };
    let inner =
        text.iter().take(most).take_while(|byte| is_inner(**byte) || b"\\%&;}".contains(byte)).count();
    0..=inner
}

/// Whether a byte may stand in an escape, but not begin or end one.
fn is_inner(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"{#".contains(&byte)
}

/// What is left of a text once escapes are undone.
#[derive(Debug)]
pub(super) struct Undone {
    bytes: Vec<u8>,
    /// In order; the first is at the beginning.
    parts: Vec<Part>,
}

/// Bytes that stand together: those of one escape, or those between two.
#[derive(Debug)]
struct Part {
    /// Where they begin here.
    at: usize,
    /// Where they begin in the text.
    from: usize,
    /// Where the escape ends in the text; none where they stand as they are.
    until: Option<usize>,
}

/// What an escape stands for.
enum Meaning {
    Nothing,
    Byte(u8),
    Char(char),
}

impl Undone {
    /// None where there is nothing to undo.
    pub(super) fn of(text: &[u8]) -> Option<Self> {
        let mut undone = Self { bytes: Vec::new(), parts: Vec::new() };
        let (mut at, mut plain) = (0, 0);
        while let Some(next) = text.get(at..).and_then(|rest| rest.iter().position(|byte| is_special(*byte)))
        {
            at += next;
            let Some((meaning, length)) = text.get(at..).and_then(escape) else {
                at += 1;
                continue;
            };
            undone.plain(text, plain, at);
            undone.escape(&meaning, at, length);
            at += length;
            plain = at;
        }
        if undone.parts.is_empty() {
            return None;
        }
        undone.plain(text, plain, text.len());
        Some(undone)
    }

    /// The bytes that are left.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Where a part of them stands in the text. It is not empty.
    pub(super) fn place(&self, (start, end): (usize, usize)) -> (usize, usize) {
        let from = self.part(start).map_or(0, |part| part.from + (start - part.at));
        let last = end.saturating_sub(1);
        let until = self.part(last).map_or(0, |part| part.until.unwrap_or(part.from + (last - part.at) + 1));
        (from, until)
    }

    fn part(&self, at: usize) -> Option<&Part> {
        let behind = self.parts.partition_point(|part| part.at <= at);
        self.parts.get(behind.checked_sub(1)?)
    }

    fn plain(&mut self, text: &[u8], from: usize, to: usize) {
        if let Some(bytes) = text.get(from..to).filter(|bytes| !bytes.is_empty()) {
            self.parts.push(Part { at: self.bytes.len(), from, until: None });
            self.bytes.extend_from_slice(bytes);
        } else if self.parts.is_empty() {
            self.parts.push(Part { at: 0, from, until: None });
        }
    }

    fn escape(&mut self, meaning: &Meaning, from: usize, length: usize) {
        let at = self.bytes.len();
        match meaning {
            Meaning::Nothing => return,
            Meaning::Byte(byte) => self.bytes.push(*byte),
            Meaning::Char(c) => self.bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
        self.parts.push(Part { at, from, until: Some(from + length) });
    }
}

/// Whether an escape may begin, or a control character is there. Those of Latin-1 are two bytes of UTF-8.
fn is_special(byte: u8) -> bool {
    matches!(byte, b'\\' | b'%' | b'&' | 0..=0x1f | 0x7f | 0xc2)
}

/// What stands at the beginning, and how long it is; none where that is no escape.
fn escape(text: &[u8]) -> Option<(Meaning, usize)> {
    match text {
        [b'\\', rest @ ..] => backslash(rest).map(|(meaning, length)| (meaning, length + 1)),
        [b'%', rest @ ..] => Some((Meaning::Byte(u8::try_from(hex(rest, 2)?).ok()?), 3)),
        [b'&', rest @ ..] => entity(rest).map(|(meaning, length)| (meaning, length + 1)),
        [b'\n' | b'\r', rest @ ..] => Some((Meaning::Nothing, 1 + indentation(rest))),
        [0x1b, rest @ ..] => Some((Meaning::Nothing, 1 + sequence(rest))),
        [0..=0x1f | 0x7f, ..] => Some((Meaning::Nothing, 1)),
        [0xc2, 0x80..=0x9f, ..] => Some((Meaning::Nothing, 2)),
        _ => None,
    }
}

/// How many blanks a line begins with: a text in a block is indented.
fn indentation(text: &[u8]) -> usize {
    text.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count()
}

/// What stands behind a backslash in JSON, YAML, and Rust's `Debug`.
fn backslash(text: &[u8]) -> Option<(Meaning, usize)> {
    let (first, rest) = text.split_first()?;
    let number = |digits: usize| {
        let c = char::from_u32(hex(rest, digits)?)?;
        Some((Meaning::Char(c), 1 + digits))
    };
    match first {
        b'n' | b'r' => Some((Meaning::Nothing, 1 + indentation(rest))),
        b't' | b'b' | b'f' => Some((Meaning::Nothing, 1)),
        b'x' => number(2),
        b'U' => number(8),
        b'u' if rest.first() == Some(&b'{') => {
            let digits = rest.iter().skip(1).take_while(|byte| byte.is_ascii_hexdigit()).take(8).count();
            let c = char::from_u32(hex(rest.get(1..)?, digits)?)?;
            (rest.get(1 + digits) == Some(&b'}')).then_some((Meaning::Char(c), 3 + digits))
        }
        b'u' => {
            let unit = u16::try_from(hex(rest, 4)?).ok()?;
            let second = || match rest.get(4..6)? {
                br"\u" => u16::try_from(hex(rest.get(6..)?, 4)?).ok(),
                _ => None,
            };
            if let Ok(c) = char::from_u32(u32::from(unit)).ok_or(unit) {
                return Some((Meaning::Char(c), 5));
            }
            let c = char::decode_utf16([unit, second()?]).next()?.ok()?;
            Some((Meaning::Char(c), 11))
        }
        byte if byte.is_ascii_punctuation() => Some((Meaning::Byte(*byte), 1)),
        _ => None,
    }
}

/// What stands behind `&` in HTML and XML.
fn entity(text: &[u8]) -> Option<(Meaning, usize)> {
    for (name, c) in [("amp;", '&'), ("lt;", '<'), ("gt;", '>'), ("quot;", '"'), ("apos;", '\'')] {
        if text.starts_with(name.as_bytes()) {
            return Some((Meaning::Char(c), name.len()));
        }
    }
    let number = text.strip_prefix(b"#")?;
    let (digits, radix, mark) = match number {
        [b'x' | b'X', digits @ ..] => (digits, 16, 2),
        digits => (digits, 10, 1),
    };
    let length = digits.iter().take(8).position(|byte| *byte == b';')?;
    let code = u32::from_str_radix(std::str::from_utf8(digits.get(..length)?).ok()?, radix).ok()?;
    Some((Meaning::Char(char::from_u32(code)?), mark + length + 1))
}

/// How long the rest of a terminal's control sequence is.
fn sequence(text: &[u8]) -> usize {
    let until = |end: &dyn Fn(u8) -> bool, from: usize| {
        text.iter().skip(from).position(|byte| end(*byte)).map_or(text.len(), |at| from + at + 1)
    };
    match text.first() {
        Some(b'[') => until(&|byte| (b'@'..=b'~').contains(&byte), 1),
        Some(b'(' | b')' | b'#' | b' ') => text.len().min(2),
        Some(_) => 1,
        None => 0,
    }
}

fn hex(text: &[u8], digits: usize) -> Option<u32> {
    let digits = text.get(..digits).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))?;
    u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn left(text: &str) -> String {
        Undone::of(text.as_bytes())
            .map_or_else(|| text.to_owned(), |undone| String::from_utf8(undone.bytes).unwrap())
    }

    #[test]
    fn escapes_are_undone() {
        for (text, expected) in [
            ("plain äöü", "plain äöü"),
            (r#"a\"b\\c\/d\'e"#, r#"a"b\c/d'e"#),
            (r"\u0041\u00e4\ud83d\ude00\x42\u{43}\U00000044", "Aä😀BCD"),
            (r"\ud83d\u0041 \u00 \u{110000} \x \q", r"\ud83dA \u00 \u{110000} \x \q"),
            ("a%2Fb%c3%A4 100% %zz", "a/bä 100% %zz"),
            ("&lt;&amp;&gt;&quot;&apos;&#39;&#x27;&#228; &nbsp; &", "<&>\"'''ä &nbsp; &"),
            ("one\r\n    two\\n  three\tfour", "onetwothreefour"),
            ("a\u{1b}[1;31mb\u{1b}(Bc\u{7}d\u{85}e", "abcde"),
            ("\u{1b}", ""),
            ("\u{1b}[", ""),
            ("\\", "\\"),
        ] {
            assert_eq!(left(text), expected, "{text}");
        }
    }

    #[test]
    fn each_part_has_its_place() {
        let text = "x\\u0041\n  B%43D";
        let undone = Undone::of(text.as_bytes()).unwrap();
        assert_eq!(undone.bytes(), b"xABCD");
        let places: Vec<&str> = [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (1, 4), (2, 5)]
            .map(|part| {
                let (from, until) = undone.place(part);
                text.get(from..until).unwrap()
            })
            .to_vec();
        assert_eq!(places, ["x", "\\u0041", "B", "%43", "D", "\\u0041\n  B%43", "B%43D"]);
    }

    proptest! {
        #[test]
        fn every_place_is_inside_of_the_text(text in "([\\\\%&#;a-fu0-9x{}\n\u{1b}\\[äé \u{85}]|\\PC){0,40}") {
            if let Some(undone) = Undone::of(text.as_bytes()) {
                let mut last = 0;
                for at in 0..undone.bytes().len() {
                    let (from, until) = undone.place((at, at + 1));
                    prop_assert!(last <= from && from < until && until <= text.len());
                    last = from;
                }
                prop_assert!(undone.bytes().len() < text.len());
            }
        }
    }
}

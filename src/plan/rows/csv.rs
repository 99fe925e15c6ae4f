//! CSV as RFC 4180 has it, and nothing else: what other readers guess at, such as a quote that is never closed, is
//! an error with its place here.

use std::borrow::Cow;
use std::io::BufRead;
use std::ops::Range;

use super::feed::{Feed, Record};
use crate::diagnostic::{Code, Diagnostic};

/// One field of a record.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Field<'a> {
    /// What it says.
    pub(super) value: Cow<'a, str>,
    /// Where it stands in the record, its quotes included.
    pub(super) at: Range<usize>,
}

/// Why a record cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    at: Range<usize>,
    message: &'static str,
    help: &'static str,
}

/// The next record, without its line's end; none at the end of the file. Lines without anything are no records.
pub(super) fn next<R: BufRead>(feed: &mut Feed<'_, R>) -> Result<Option<Record>, Box<Diagnostic>> {
    loop {
        let mut open = feed.begin();
        let mut is_quoted = false;
        let mut from = 0;
        while feed.take_line(&mut open)? {
            // A record with an odd number of quotes goes on in the next line.
            let line = open.bytes.get(from..).unwrap_or_default();
            is_quoted ^= line.iter().filter(|byte| **byte == b'"').count() % 2 == 1;
            if !is_quoted {
                break;
            }
            from = open.bytes.len();
        }
        if open.bytes.is_empty() {
            return Ok(None);
        }
        for end in [b'\n', b'\r'] {
            open.bytes.pop_if(|byte| *byte == end);
        }
        if !open.bytes.is_empty() {
            return feed.close(open).map(Some);
        }
    }
}

/// The fields of a record.
pub(super) fn fields<'a>(
    record: &'a Record,
    separator: char,
    shown: &str,
) -> Result<Vec<Field<'a>>, Box<Diagnostic>> {
    split(&record.text, separator).map_err(|Fault { at, message, help }| {
        Box::new(record.problem(shown, Code::DataSyntax, at, message).help(help))
    })
}

fn split(text: &str, separator: char) -> Result<Vec<Field<'_>>, Fault> {
    let mut fields = Vec::new();
    let mut start = 0;
    loop {
        let rest = text.get(start..).unwrap_or_default();
        let (value, length) =
            if rest.starts_with('"') { quoted(rest, start)? } else { plain(rest, start, separator)? };
        let end = start + length;
        fields.push(Field { value, at: start..end });
        match text.get(end..).and_then(|rest| rest.chars().next()) {
            None => return Ok(fields),
            Some(next) if next == separator => start = end + separator.len_utf8(),
            Some(next) => {
                return Err(Fault {
                    at: end..end + next.len_utf8(),
                    message: "something stands between the closing quote and the separator",
                    help: "a quote inside a quoted field is written twice, `\"\"`",
                });
            }
        }
    }
}

/// A field in quotes, and how long it is with them.
fn quoted(rest: &str, start: usize) -> Result<(Cow<'_, str>, usize), Fault> {
    let mut from = 1;
    loop {
        let quote = rest.get(from..).and_then(|rest| rest.find('"')).map(|found| from + found);
        let Some(quote) = quote else {
            return Err(Fault {
                at: start..start + 1,
                message: "this quote is not closed",
                help: "close it, or, if it is meant as text, put the field into quotes and write it twice: `\"5\"\" wide\"`",
            });
        };
        if rest.get(quote + 1..).is_some_and(|rest| rest.starts_with('"')) {
            from = quote + 2;
            continue;
        }
        let inner = rest.get(1..quote).unwrap_or_default();
        let value = if inner.contains('"') { inner.replace("\"\"", "\"").into() } else { inner.into() };
        return Ok((value, quote + 1));
    }
}

fn plain(rest: &str, start: usize, separator: char) -> Result<(Cow<'_, str>, usize), Fault> {
    let length = rest.find(separator).unwrap_or(rest.len());
    let value = rest.get(..length).unwrap_or_default();
    match value.find('"') {
        None => Ok((value.into(), length)),
        Some(quote) => Err(Fault {
            at: start + quote..start + quote + 1,
            message: "a quote inside a field that does not begin with one",
            help: "put the whole field into quotes, without blanks before them, and write a quote in it twice: `\"5\"\" wide\"`",
        }),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values(text: &str) -> Vec<String> {
        split(text, ',').unwrap().into_iter().map(|field| field.value.into_owned()).collect()
    }

    #[test]
    fn records_are_split_as_the_rfc_says() {
        assert_eq!(values("a,b"), ["a", "b"]);
        assert_eq!(values(""), [""]);
        assert_eq!(values(",,"), ["", "", ""]);
        assert_eq!(values(" a , b "), [" a ", " b "]);
        assert_eq!(values("\"a,b\",\"\",\"x\"\"y\n\"\"\""), ["a,b", "", "x\"y\n\""]);
        let fields = split("a;\"b\";é", ';').unwrap();
        assert_eq!(fields.iter().map(|field| field.at.clone()).collect::<Vec<_>>(), [0..1, 2..5, 6..8]);
    }

    #[test]
    fn what_is_guessed_elsewhere_is_refused() {
        for (text, at) in
            [("a,\"b", 2..3), ("a,\"b\" ,c", 5..6), ("5\" wide", 1..2), ("a, \"b\"", 3..4), ("\"a\"b", 3..4)]
        {
            assert_eq!(split(text, ',').unwrap_err().at, at, "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_written_is_read_again(
            rows in prop::collection::vec(prop::collection::vec("[a-z,;\"\\r\\n é]{0,6}", 3), 1..6),
            crlf: bool,
            always: bool,
        ) {
            let end = if crlf { "\r\n" } else { "\n" };
            let field = |text: &String| match always || text.contains([',', '"', '\r', '\n']) {
                true => format!("\"{}\"", text.replace('"', "\"\"")),
                false => text.clone(),
            };
            let line = |row: &Vec<String>| row.iter().map(field).collect::<Vec<_>>().join(",") + end;
            let text: String = rows.iter().map(line).collect();
            let mut feed = Feed::new(text.as_bytes(), "a.csv");
            let mut read = Vec::new();
            while let Some(record) = next(&mut feed).unwrap() {
                let fields = fields(&record, ',', "a.csv").unwrap();
                read.push(fields.into_iter().map(|field| field.value.into_owned()).collect::<Vec<_>>());
            }
            prop_assert_eq!(read, rows);
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[a,\"\\n\\r ]{0,24}") {
            let mut feed = Feed::new(text.as_bytes(), "a.csv");
            while let Ok(Some(record)) = next(&mut feed) {
                let _ = fields(&record, ',', "a.csv");
            }
        }
    }
}

//! A JSON file of rows: a list, whose elements are found without reading all of it.

use std::collections::HashSet;
use std::fmt;
use std::io::BufRead;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::feed::{Feed, Record};
use crate::diagnostic::{Code, Diagnostic};
use crate::json;

/// Where in the list the reading stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Stand {
    /// Before its `[`.
    #[default]
    Before,
    /// Behind an element.
    Behind,
    /// Behind its `]`.
    Done,
}

/// The next element; none at the end of the list.
pub(super) fn next<R: BufRead>(
    feed: &mut Feed<'_, R>,
    stand: &mut Stand,
) -> Result<Option<Record>, Box<Diagnostic>> {
    let first = *stand == Stand::Before;
    match (blank(feed)?, *stand) {
        (Some(byte @ b'['), Stand::Before) | (Some(byte @ b','), Stand::Behind) => feed.advance(byte),
        (None, Stand::Done) => return Ok(None),
        (Some(byte @ b']'), Stand::Behind) => return end(feed, byte, stand),
        (found, Stand::Before) => {
            let problem = feed.problem("a JSON file of rows is a list of objects, and begins with `[`");
            return Err(Box::new(match found {
                Some(b'{') => problem
                    .help("put the objects into one list, with `,` between them; JSON Lines are not read"),
                _ => problem.help("write `[{\"name\": …}, …]`"),
            }));
        }
        (Some(_), Stand::Done) => {
            return Err(Box::new(feed.problem("something follows the list").help("take it out")));
        }
        (_, Stand::Behind) => return Err(Box::new(unclosed(feed))),
    }
    match blank(feed)? {
        Some(byte @ b']') if first => return end(feed, byte, stand),
        Some(b']' | b',') => {
            return Err(Box::new(
                feed.problem("an element is missing before this").help("take the `,` before it out"),
            ));
        }
        None => return Err(Box::new(unclosed(feed))),
        Some(_) => {}
    }
    *stand = Stand::Behind;
    element(feed).map(Some)
}

fn end<R: BufRead>(
    feed: &mut Feed<'_, R>,
    byte: u8,
    stand: &mut Stand,
) -> Result<Option<Record>, Box<Diagnostic>> {
    feed.advance(byte);
    *stand = Stand::Done;
    next(feed, stand)
}

fn unclosed<R: BufRead>(feed: &mut Feed<'_, R>) -> Diagnostic {
    feed.problem("the list is not closed: `,` or `]` is missing").help("write `]` behind the last object")
}

/// Passes over white space: the byte behind it.
fn blank<R: BufRead>(feed: &mut Feed<'_, R>) -> Result<Option<u8>, Box<Diagnostic>> {
    loop {
        match feed.peek()? {
            Some(byte @ (b' ' | b'\t' | b'\n' | b'\r')) => feed.advance(byte),
            found => return Ok(found),
        }
    }
}

/// An element up to the comma or bracket that ends it. Whether it is JSON is seen when it is parsed.
pub(super) fn element<R: BufRead>(feed: &mut Feed<'_, R>) -> Result<Record, Box<Diagnostic>> {
    let mut open = feed.begin();
    let (mut depth, mut is_text, mut is_escaped) = (0_usize, false, false);
    while let Some(byte) = feed.peek()? {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_text => is_escaped = true,
            b'"' => is_text = !is_text,
            _ if is_text => {}
            b'{' | b'[' => depth += 1,
            b',' | b']' | b'}' if depth == 0 => break,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        feed.take(byte, &mut open)?;
    }
    open.bytes.truncate(open.bytes.trim_ascii_end().len());
    feed.close(open)
}

/// The object that an element is.
pub(super) fn object(record: &Record, shown: &str) -> Result<Map<String, Value>, Box<Diagnostic>> {
    let problem = |code, part, message: String| Box::new(record.problem(shown, code, part, message));
    let head = record.head();
    let parsed = json::parse(record.text.as_bytes()).map_err(|error| {
        let (message, part) = match error {
            json::Error::Syntax(text) => {
                let (message, part) = place(record, &text);
                (message.to_lowercase(), part)
            }
            other => (other.to_string(), head.clone()),
        };
        let mut problem = problem(Code::DataSyntax, part, format!("this is not JSON: {message}"));
        problem.help.push("a text stands in double quotes, and no `,` before a closing bracket".to_owned());
        problem
    })?;
    if let Err(error) = serde_json::from_str::<Unique>(&record.text) {
        let (message, at) = place(record, &error.to_string());
        // The parser stands at the key's closing quote.
        let start = record.text.get(..at.start).and_then(|before| before.rfind('"')).unwrap_or(at.start);
        let mut problem = problem(Code::DuplicateKey, start..at.end, message);
        problem.help.push("remove one of them".to_owned());
        return Err(problem);
    }
    if let Some(at) = parsed.inexact.first() {
        let number = parsed.value.pointer(at).and_then(Value::as_str).unwrap_or_default().to_owned();
        let start = record.text.find(&number).unwrap_or_default();
        let part = start..start + number.len();
        let mut problem = problem(
            Code::InexactNumber,
            part,
            format!("neither 64 bits nor a double holds `{number}` exactly"),
        );
        problem.help.push("write it as a text, in quotes".to_owned());
        return Err(problem);
    }
    match parsed.value {
        Value::Object(object) => Ok(object),
        _ => {
            let mut problem = problem(Code::WrongType, head, "a row is an object".to_owned());
            problem
                .help
                .push("write `{\"name\": …}`: templates read its members, as in `{{ row.name }}`".to_owned());
            Err(problem)
        }
    }
}

/// JSON in which no key stands twice in one object: a parser would take the last and not say so.
struct Unique;

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Unique {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self, A::Error> {
        let mut seen = HashSet::new();
        while let Some(key) = members.next_key::<String>()? {
            if seen.contains(&key) {
                return Err(A::Error::custom(format!("the key `{key}` stands twice in this object")));
            }
            seen.insert(key);
            members.next_value::<Self>()?;
        }
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self, A::Error> {
        while items.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }
}

/// The parser's message, and the character that it is about.
fn place(record: &Record, text: &str) -> (String, std::ops::Range<usize>) {
    let whole = || (text.to_owned(), record.head());
    let Some((message, place)) = text.rsplit_once(" at line ") else { return whole() };
    let Some((line, column)) = place.split_once(" column ") else { return whole() };
    let (Ok(line), Ok(column)) = (line.parse::<usize>(), column.parse::<usize>()) else { return whole() };
    let before: usize = record.text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let at = (before + column.saturating_sub(1)).min(record.text.len());
    (message.to_owned(), at..at + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> Result<Vec<Value>, Box<Diagnostic>> {
        let (mut feed, mut stand, mut found) =
            (Feed::new(text.as_bytes(), "a.json"), Stand::default(), Vec::new());
        while let Some(record) = next(&mut feed, &mut stand)? {
            found.push(Value::Object(object(&record, "a.json")?));
        }
        Ok(found)
    }

    #[test]
    fn elements_are_found() {
        assert_eq!(read(" [ ] ").unwrap(), Vec::<Value>::new());
        let text = " [ {\"a\": \"]},\\\"\", \"b\": [1, {}]} ,\n{} ] \n";
        assert_eq!(read(text).unwrap(), [json!({"a": "]},\"", "b": [1, {}]}), json!({})]);
    }

    #[test]
    fn what_is_no_list_of_objects_says_where() {
        for (text, place) in [
            ("", (1, 1)),
            ("{}", (1, 1)),
            ("[{},\n  ]", (2, 3)),
            ("[{} {}]", (1, 5)),
            ("[{}", (1, 4)),
            ("[{}] x", (1, 6)),
            ("[,{}]", (1, 2)),
            ("[{\"a\": 1}, {\"b\" 2}]", (1, 17)),
            ("[{}, 7]", (1, 6)),
            ("[{}}]", (1, 4)),
            ("[{\"a\": 0.10000000000000000555}]", (1, 8)),
            ("[{\"a\": 1,\n  \"b\": {\"C\": 1, \"C\": 2}}]", (2, 17)),
        ] {
            let problem = read(text).unwrap_err();
            let position = problem.site().unwrap().position();
            assert_eq!((position.line, position.column), place, "{text}: {problem:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_written_is_read_again(texts in prop::collection::vec("[a\\[\\]{},:\"\\\\\\n é]{0,8}", 0..5), pretty: bool) {
            let rows: Vec<Value> = texts.iter().map(|text| json!({"t": text, "l": [text, {"k": text}]})).collect();
            let rows = Value::Array(rows);
            let text = if pretty { format!("{rows:#}") } else { rows.to_string() };
            prop_assert_eq!(Value::Array(read(&text).unwrap()), rows);
        }

        #[test]
        fn a_list_is_read_where_a_parser_reads_it(text in "[\\[\\]{},:\"a1 ]{0,16}") {
            if let Ok(rows) = read(&text) {
                prop_assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), Value::Array(rows));
            }
        }
    }
}

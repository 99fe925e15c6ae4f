//! Server-sent events, exactly as WHATWG HTML defines the stream, but for one thing: an event without data is
//! given too, since a tester wants to see it.

use std::collections::VecDeque;

use super::Error;
use crate::exchange::SseEvent;

/// Bytes to events. It may be fed in any pieces.
#[derive(Debug)]
pub(crate) struct Parser {
    line: Vec<u8>,
    event: SseEvent,
    /// Whether the event under way has any field.
    seen: bool,
    /// Bytes of the event under way.
    size: usize,
    limit: usize,
    /// Whether the last byte was a CR, so that a LF that follows ends no second line.
    after_cr: bool,
    /// Whether the first line is still to come: a byte order mark may stand before it.
    first: bool,
    /// Whether anything so far was no UTF-8.
    lossy: bool,
    ready: VecDeque<SseEvent>,
}

impl Parser {
    /// A parser that refuses an event of more than `limit` bytes.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            line: Vec::new(),
            event: SseEvent::default(),
            seen: false,
            size: 0,
            limit,
            after_cr: false,
            first: true,
            lossy: false,
            ready: VecDeque::new(),
        }
    }

    /// The next whole event.
    pub(crate) fn next(&mut self) -> Option<SseEvent> {
        self.ready.pop_front()
    }

    /// Whether anything so far was no UTF-8. The standard has it replaced; a tester wants to know.
    pub(crate) fn is_lossy(&self) -> bool {
        self.lossy
    }

    /// Takes the next piece of the stream.
    ///
    /// # Errors
    /// Where an event is over the limit.
    pub(crate) fn feed(&mut self, mut bytes: &[u8]) -> Result<(), Error> {
        if self.after_cr
            && let Some((first, rest)) = bytes.split_first()
        {
            self.after_cr = false;
            if *first == b'\n' {
                bytes = rest;
            }
        }
        while let Some(end) = bytes.iter().position(|b| matches!(b, b'\n' | b'\r')) {
            let (line, rest) = bytes.split_at(end);
            self.grow(line)?;
            self.end_of_line();
            bytes = match rest {
                [b'\r', b'\n', rest @ ..] => rest,
                [b'\r'] => {
                    self.after_cr = true;
                    &[]
                }
                [_, rest @ ..] => rest,
                [] => &[],
            };
        }
        self.grow(bytes)
    }

    fn grow(&mut self, part: &[u8]) -> Result<(), Error> {
        self.size += part.len();
        if self.size > self.limit {
            return Err(Error::Limit { what: "an event of the answer", limit: self.limit });
        }
        self.line.extend_from_slice(part);
        Ok(())
    }

    fn end_of_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        let mut bytes = line.as_slice();
        if std::mem::take(&mut self.first) {
            bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        }
        if bytes.is_empty() {
            self.size = 0;
            let event = std::mem::take(&mut self.event);
            if std::mem::take(&mut self.seen) {
                self.ready.push_back(event);
            }
        } else {
            self.field(bytes);
        }
        self.line = line;
        self.line.clear();
    }

    fn field(&mut self, line: &[u8]) {
        let (name, value) = match line.iter().position(|b| *b == b':') {
            Some(colon) => {
                let (name, value) = line.split_at(colon);
                let value = value.strip_prefix(b":").unwrap_or(value);
                (name, value.strip_prefix(b" ").unwrap_or(value))
            }
            None => (line, &b""[..]),
        };
        self.lossy |= std::str::from_utf8(value).is_err();
        let text = || String::from_utf8_lossy(value);
        match name {
            b"data" => match &mut self.event.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(&text());
                }
                None => self.event.data = Some(text().into_owned()),
            },
            b"event" => self.event.event = Some(text().into_owned()),
            b"id" if !value.contains(&0) => self.event.id = Some(text().into_owned()),
            b"retry" if !value.is_empty() && value.iter().all(u8::is_ascii_digit) => {
                self.event.retry = text().parse().ok();
            }
            _ => return,
        }
        self.seen = true;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(pieces: &[&[u8]]) -> Vec<SseEvent> {
        let mut parser = Parser::new(1 << 20);
        let mut events = Vec::new();
        for piece in pieces {
            parser.feed(piece).unwrap();
            events.extend(std::iter::from_fn(|| parser.next()));
        }
        events
    }

    fn data(text: &str) -> SseEvent {
        SseEvent { data: Some(text.to_owned()), ..SseEvent::default() }
    }

    #[test]
    fn every_kind_of_line_end_and_of_field() {
        let text = "\u{feff}: a comment\r\nid: 7\revent:message\ndata: one\r\ndata:two\ndata:  three\nfoo: x\n\n\
                    retry: 3000\ndata:\n\n\ndata\n\nretry: x\nid: a\0b\n\n: ping\n\ndata: never whole\n";
        let events = parse(&[text.as_bytes()]);
        assert_eq!(
            events,
            [
                SseEvent { id: Some("7".into()), event: Some("message".into()), ..data("one\ntwo\n three") },
                SseEvent { retry: Some(3000), ..data("") },
                data(""),
            ][..]
                .to_vec()
        );
    }

    #[test]
    fn a_byte_order_mark_is_one_only_at_the_start() {
        assert_eq!(parse(&["\u{feff}data: a\n\n\u{feff}data: b\n\n".as_bytes()]), [data("a")]);
    }

    #[test]
    fn bytes_that_are_no_utf8_are_told() {
        let mut parser = Parser::new(100);
        parser.feed("data: ä\n".as_bytes()).unwrap();
        assert!(!parser.is_lossy());
        parser.feed(b"data: \xe4\n\n").unwrap();
        assert!(parser.is_lossy());
        assert_eq!(parser.next(), Some(data("ä\n\u{fffd}")));
    }

    #[test]
    fn the_limit_is_of_one_event() {
        let mut parser = Parser::new(16);
        for _ in 0..100 {
            parser.feed(b"data: 0123456789\n\n").unwrap();
        }
        let error = parser.feed(b": 01234567890123456").unwrap_err();
        assert_eq!(error.to_string(), "an event of the answer is larger than 16 bytes");
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(
            lines in prop::collection::vec("(data|id|event|retry|:|x)?:? ?[a-zä€😀0-9 ]{0,6}(\r|\n|\r\n){1,2}", 0..20),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
        ) {
            let text = lines.concat();
            let bytes = text.as_bytes();
            let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            at.sort_unstable();
            let mut pieces = Vec::new();
            let mut from = 0;
            for to in at.into_iter().chain([bytes.len()]) {
                pieces.push(&bytes[from..to]);
                from = to;
            }
            let each: Vec<&[u8]> = bytes.chunks(1).collect();
            prop_assert_eq!(parse(&pieces), parse(&[bytes]));
            prop_assert_eq!(parse(&each), parse(&[bytes]));
        }
    }
}

//! The bytes of a data file, record by record: no more of it than one record is in the memory.

use std::io::{self, BufRead};
use std::ops::Range;
use std::sync::Arc;

use super::MAX_RECORD;
use crate::diagnostic::{Code, Diagnostic, whole_file};
use crate::source::{Site, SourceFile, Span};
use crate::suite;

/// The longest part of a line before a record that moves its columns.
const MAX_BEFORE: usize = 1 << 16;
/// How much of a line is shown that a problem begins in, in bytes.
const MAX_REST: usize = 120;

/// A file that is read from its start on.
pub(super) struct Feed<'a, R> {
    reader: R,
    /// The file as it is shown.
    shown: &'a str,
    /// Bytes before the next one.
    offset: u64,
    /// The line of the next byte, from 1.
    line: usize,
    /// Characters before it in its line.
    before: usize,
}

/// A record as it stands in its file.
#[derive(Debug)]
pub(super) struct Record {
    /// Its text.
    pub(super) text: String,
    /// Where it begins in the file, in bytes.
    pub(super) start: u64,
    /// The line that it begins in, from 1.
    pub(super) line: usize,
    /// Characters before it in that line.
    pub(super) before: usize,
}

/// A record that is being read.
pub(super) struct Open {
    pub(super) bytes: Vec<u8>,
    start: u64,
    line: usize,
    before: usize,
}

impl<'a, R: BufRead> Feed<'a, R> {
    pub(super) fn new(reader: R, shown: &'a str) -> Self {
        Self { reader, shown, offset: 0, line: 1, before: 0 }
    }

    /// Passes over a byte order mark.
    pub(super) fn skip_mark(&mut self) -> Result<(), Box<Diagnostic>> {
        const MARK: &[u8] = "\u{feff}".as_bytes();
        if self.buffer()?.starts_with(MARK) {
            self.reader.consume(MARK.len());
            self.offset += 3;
        }
        Ok(())
    }

    /// Begins a record at the next byte.
    pub(super) fn begin(&self) -> Open {
        Open { bytes: Vec::new(), start: self.offset, line: self.line, before: self.before }
    }

    /// The next byte, which stays; none at the end of the file.
    pub(super) fn peek(&mut self) -> Result<Option<u8>, Box<Diagnostic>> {
        Ok(self.buffer()?.first().copied())
    }

    /// Passes over the next byte.
    pub(super) fn advance(&mut self, byte: u8) {
        self.reader.consume(1);
        self.offset += 1;
        if byte == b'\n' {
            self.line += 1;
            self.before = 0;
        } else if byte & 0b1100_0000 != 0b1000_0000 {
            self.before += 1;
        }
    }

    /// Passes over the next byte, which becomes part of a record.
    pub(super) fn take(&mut self, byte: u8, open: &mut Open) -> Result<(), Box<Diagnostic>> {
        if open.bytes.len() >= MAX_RECORD {
            return Err(self.too_large(open));
        }
        open.bytes.push(byte);
        self.advance(byte);
        Ok(())
    }

    /// Takes the rest of the line, its end included. `false` at the end of the file.
    pub(super) fn take_line(&mut self, open: &mut Open) -> Result<bool, Box<Diagnostic>> {
        let length = open.bytes.len();
        loop {
            let buffer = self.reader.fill_buf().map_err(|error| unreadable(self.shown, &error))?;
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let taken = end.map_or(buffer.len(), |end| end + 1);
            if open.bytes.len() + taken > MAX_RECORD {
                return Err(self.too_large(open));
            }
            open.bytes.extend(buffer.get(..taken).unwrap_or_default());
            self.reader.consume(taken);
            self.offset += u64::try_from(taken).unwrap_or_default();
            if end.is_some() {
                self.line += 1;
                return Ok(true);
            }
            if taken == 0 {
                return Ok(open.bytes.len() > length);
            }
        }
    }

    /// The record as text.
    pub(super) fn close(&self, open: Open) -> Result<Record, Box<Diagnostic>> {
        let Open { bytes, start, line, before } = open;
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Record { text, start, line, before }),
            Err(error) => {
                let good = error.utf8_error().valid_up_to();
                let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
                let record = Record { text, start, line, before };
                let message = "this is not UTF-8";
                Err(Box::new(
                    record
                        .problem(self.shown, Code::DataSyntax, good..good + 3, message)
                        .help("save the file as UTF-8"),
                ))
            }
        }
    }

    /// A problem at the next byte.
    pub(super) fn problem(&mut self, message: &str) -> Diagnostic {
        // What is at hand of the line, so that it can be seen.
        let rest = self.reader.fill_buf().unwrap_or_default();
        let rest = rest.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let rest = rest.get(..MAX_REST).unwrap_or(rest);
        let text = String::from_utf8_lossy(rest).into_owned();
        let end = text.chars().next().map_or(0, char::len_utf8);
        let record = Record { text, start: self.offset, line: self.line, before: self.before };
        record.problem(self.shown, Code::DataSyntax, 0..end, message)
    }

    fn buffer(&mut self) -> Result<&[u8], Box<Diagnostic>> {
        self.reader.fill_buf().map_err(|error| unreadable(self.shown, &error))
    }

    fn too_large(&self, open: &Open) -> Box<Diagnostic> {
        let mut text = String::from_utf8_lossy(&open.bytes).into_owned();
        text.truncate(text.lines().next().map_or(0, str::len));
        let record = Record { text, start: open.start, line: open.line, before: open.before };
        let message = format!("this record is larger than {} KiB", MAX_RECORD / 1024);
        let help = "put large values into files of their own, and read them with `{{ file row.path }}`";
        let problem = record.problem(self.shown, Code::TooLarge, 0..0, message);
        Box::new(problem.help(help).note("a quote that is not closed takes in all that follows it"))
    }
}

impl Record {
    /// The place of a part of it.
    pub(super) fn site(&self, shown: &str, part: Range<usize>) -> Site {
        // Blanks in place of what stands before it in its line: the columns are those of the file.
        let before = self.before.min(MAX_BEFORE);
        let file = SourceFile::excerpt(shown, format!("{}{}", " ".repeat(before), self.text), self.line);
        Site { file: Arc::new(file), span: Span::new(before + part.start, before + part.end) }
    }

    /// A problem with a part of it.
    pub(super) fn problem(
        &self,
        shown: &str,
        code: Code,
        part: Range<usize>,
        message: impl Into<String>,
    ) -> Diagnostic {
        Diagnostic::error(code, self.site(shown, part), message)
    }

    /// Its first line: what stands for the whole of it.
    pub(super) fn head(&self) -> Range<usize> {
        0..self.text.lines().next().map_or(0, str::len)
    }
}

/// A file that cannot be read on.
pub(super) fn unreadable(shown: &str, error: &io::Error) -> Box<Diagnostic> {
    let site = whole_file(&Arc::new(SourceFile::new(shown, "")));
    let message = format!("cannot read `{shown}`: {}", suite::reason(error));
    Box::new(
        Diagnostic::error(Code::Unreadable, site, message)
            .help("check its permissions, and that it is a file"),
    )
}

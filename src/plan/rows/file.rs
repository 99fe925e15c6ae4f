//! The records of a CSV or JSON file: all of them once, and later one of them again.

use std::fs::File;
use std::io::{self, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::csv;
use super::feed::{Feed, Record, unreadable};
use super::json::{self, Stand};
use super::{MAX_RECORD, MAX_ROWS};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Site;
use crate::suite;

/// What a record says.
type Row = Map<String, Value>;

/// How the records of a file are written.
#[derive(Debug)]
pub(super) enum Format {
    /// CSV: the header's fields, and what separates them.
    Csv { header: Vec<String>, separator: char },
    /// A JSON list.
    Json(Stand),
}

/// A file while it is read for the first time.
pub(super) struct Reading<'a> {
    feed: Feed<'a, BufReader<File>>,
    shown: &'a str,
    path: &'a Path,
    format: Format,
    places: Vec<Place>,
}

/// Where a record is, and what it was.
#[derive(Clone, Copy, Debug)]
struct Place {
    start: u32,
    sum: u32,
}

/// The records of a file that was read.
#[derive(Debug)]
pub(super) struct Records {
    path: PathBuf,
    shown: String,
    format: Format,
    places: Vec<Place>,
    /// Where the scenario names the file.
    named: Site,
}

impl<'a> Reading<'a> {
    /// Opens a CSV file, and reads its header.
    pub(super) fn csv(path: &'a Path, shown: &'a str, separator: char) -> Result<Self, Box<Diagnostic>> {
        let mut feed = feed(path, shown)?;
        let Some(record) = csv::next(&mut feed)? else {
            let problem = feed.problem("the file is empty: its first line names the columns");
            return Err(Box::new(
                Diagnostic { code: Code::Empty, ..problem }.help("write a header: `code,amount`"),
            ));
        };
        let fields = csv::fields(&record, separator, shown)?;
        let problem =
            |code, at: &std::ops::Range<usize>, message| record.problem(shown, code, at.clone(), message);
        for (index, field) in fields.iter().enumerate() {
            if field.value.trim().is_empty() {
                let problem = problem(Code::BadName, &field.at, "a column without a name".to_owned());
                return Err(Box::new(problem.help("name it, or take it out of every line")));
            }
            if let Some(first) = fields.iter().take(index).find(|first| first.value == field.value) {
                let problem = problem(
                    Code::DuplicateKey,
                    &field.at,
                    format!("the column `{}` stands twice in the header", field.value),
                );
                let first = record.site(shown, first.at.clone());
                return Err(Box::new(
                    problem.also(first, "first here").help("give one of them another name"),
                ));
            }
        }
        let header = fields.into_iter().map(|field| field.value.into_owned()).collect();
        Ok(Self { feed, shown, path, format: Format::Csv { header, separator }, places: Vec::new() })
    }

    /// Opens a JSON file.
    pub(super) fn json(path: &'a Path, shown: &'a str) -> Result<Self, Box<Diagnostic>> {
        let feed = feed(path, shown)?;
        Ok(Self { feed, shown, path, format: Format::Json(Stand::default()), places: Vec::new() })
    }

    /// The columns of a CSV file.
    pub(super) fn header(&self) -> Option<&[String]> {
        match &self.format {
            Format::Csv { header, .. } => Some(header),
            Format::Json(_) => None,
        }
    }

    /// The file as it is shown.
    pub(super) fn shown(&self) -> &'a str {
        self.shown
    }

    /// The next record, and the row that it says; none at the end of the file.
    pub(super) fn next(&mut self) -> Result<Option<(Record, Row)>, Box<Diagnostic>> {
        let record = match &mut self.format {
            Format::Csv { .. } => csv::next(&mut self.feed)?,
            Format::Json(stand) => json::next(&mut self.feed, stand)?,
        };
        let Some(record) = record else { return Ok(None) };
        let start = u32::try_from(record.start).ok().filter(|_| self.places.len() < MAX_ROWS);
        let Some(start) = start else {
            let message = format!("this row is beyond the limit of {MAX_ROWS}");
            let problem = record.problem(self.shown, Code::TooLarge, record.head(), message);
            return Err(Box::new(problem.help("split the file, and write a scenario for each part")));
        };
        let row = row(&record, &self.format, self.shown)?;
        self.places.push(Place { start, sum: sum(record.text.as_bytes()) });
        Ok(Some((record, row)))
    }

    /// What is kept of it.
    pub(super) fn finish(mut self, named: Site) -> Records {
        self.places.shrink_to_fit();
        Records {
            path: self.path.to_owned(),
            shown: self.shown.to_owned(),
            format: self.format,
            places: self.places,
            named,
        }
    }
}

fn feed<'a>(path: &Path, shown: &'a str) -> Result<Feed<'a, BufReader<File>>, Box<Diagnostic>> {
    let file = File::open(path).map_err(|error| unreadable(shown, &error))?;
    let mut feed = Feed::new(BufReader::with_capacity(1 << 16, file), shown);
    feed.skip_mark()?;
    Ok(feed)
}

/// The row that a record says.
fn row(record: &Record, format: &Format, shown: &str) -> Result<Row, Box<Diagnostic>> {
    let (header, separator) = match format {
        Format::Csv { header, separator } => (header, *separator),
        Format::Json(_) => return json::object(record, shown),
    };
    let fields = csv::fields(record, separator, shown)?;
    if fields.len() != header.len() {
        let end = record.text.len();
        let problem = |part, message: String| {
            record.problem(shown, Code::DataSyntax, part, message).note(format!(
                "the header has {}: {}",
                count(header.len()),
                header.join(", ")
            ))
        };
        return Err(Box::new(match fields.get(header.len()) {
            Some(extra) => problem(extra.at.start..end, format!("this record has {}", count(fields.len())))
                .help(format!("put a field that holds a `{separator}` into quotes")),
            None => problem(end..end, format!("this record has only {}", count(fields.len())))
                .help(format!("write the others; of one without content stands its `{separator}` alone")),
        }));
    }
    let cell = |field: csv::Field<'_>| Value::String(field.value.into_owned());
    Ok(header.iter().cloned().zip(fields.into_iter().map(cell)).collect())
}

fn count(fields: usize) -> String {
    format!("{fields} field{}", if fields == 1 { "" } else { "s" })
}

/// A checksum (FNV-1a): whether a record is still what it was.
fn sum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |sum, byte| (sum ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

impl Records {
    /// The row at an index.
    pub(super) fn value(&self, index: u32) -> Result<Value, Box<Diagnostic>> {
        let record = self.record(index)?;
        row(&record, &self.format, &self.shown).map(Value::Object)
    }

    /// Where a row stands; none where it cannot be read any more.
    pub(super) fn site(&self, index: u32) -> Option<Site> {
        let record = self.record(index).ok()?;
        let (line, before) = self.position(record.start).ok()?;
        let record = Record { line, before, ..record };
        Some(record.site(&self.shown, record.head()))
    }

    /// The record at an index, which has to be what it was.
    fn record(&self, index: u32) -> Result<Record, Box<Diagnostic>> {
        let changed = || {
            let message = format!("`{}` changed since its rows were named", self.shown);
            let problem = Diagnostic::error(Code::Unreadable, self.named.clone(), message);
            Box::new(problem.help("run again, and leave the file alone while tests run"))
        };
        let read = || -> io::Result<Option<Record>> {
            let Some(place) = self.places.get(index as usize) else { return Ok(None) };
            let mut file = File::open(&self.path)?;
            file.seek(SeekFrom::Start(place.start.into()))?;
            let limit = u64::try_from(MAX_RECORD).unwrap_or(u64::MAX) + 2;
            let mut feed = Feed::new(BufReader::new(file.take(limit)), &self.shown);
            let record = match self.format {
                Format::Csv { .. } => csv::next(&mut feed).ok().flatten(),
                Format::Json(_) => json::element(&mut feed).ok(),
            };
            Ok(record
                .filter(|record| sum(record.text.as_bytes()) == place.sum)
                .map(|record| Record { start: place.start.into(), ..record }))
        };
        match read() {
            Ok(Some(record)) => Ok(record),
            Ok(None) => Err(changed()),
            Err(error) => {
                let message = format!("cannot read `{}` again: {}", self.shown, suite::reason(&error));
                let problem = Diagnostic::error(Code::Unreadable, self.named.clone(), message);
                Err(Box::new(problem.help("run again, and leave the file alone while tests run")))
            }
        }
    }

    /// The line of a byte, and the characters before it there.
    fn position(&self, offset: u64) -> io::Result<(usize, usize)> {
        let (mut line, mut before) = (1, 0);
        for byte in BufReader::with_capacity(1 << 16, File::open(&self.path)?).take(offset).bytes() {
            match byte? {
                b'\n' => (line, before) = (line + 1, 0),
                byte if byte & 0b1100_0000 != 0b1000_0000 => before += 1,
                _ => {}
            }
        }
        Ok((line, before))
    }
}

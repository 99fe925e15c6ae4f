//! What `--update` would write and leaves alone, as a change that a person can make.

use serde_json::Value;

use crate::source::{Site, emit};

/// The longest line that is proposed.
const LONGEST: usize = 500;

/// How many lines are shown of what stands there.
const LINES: usize = 8;

/// One change that is left to a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Patch {
    /// The file as it is shown, and the offset in it: their order.
    pub(super) order: (String, usize),
    /// File, line and column.
    place: String,
    /// Why it was not made.
    reason: String,
    /// The lines that stand there.
    removed: Vec<String>,
    /// Those that would stand there.
    added: Vec<String>,
}

impl Patch {
    /// Writing `value` at a place, which was not done for a reason. None where it would be no line that a person
    /// can read.
    pub(super) fn new(site: &Site, value: &Value, reason: &str) -> Option<Self> {
        let (text, span) = (site.file.text(), site.span);
        let start = text.get(..span.start)?.rfind('\n').map_or(0, |at| at + 1);
        let end = span.end + text.get(span.end..)?.find('\n').unwrap_or(text.len() - span.end);
        let written = match value {
            // JSON is YAML.
            Value::Array(_) | Value::Object(_) => value.to_string(),
            scalar => emit::one_line(scalar, site.file.slice(span)).into_iter().next()?,
        };
        if written.len() > LONGEST {
            return None;
        }
        let after = format!("{}{written}{}", text.get(start..span.start)?, text.get(span.end..end)?);
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        let removed = lines(text.get(start..end)?);
        if removed.len() > LINES {
            return None;
        }
        Some(Self {
            order: (site.file.path().to_owned(), span.start),
            place: site.to_string(),
            reason: reason.to_owned(),
            removed,
            added: lines(&after),
        })
    }

    /// The patch in lines for people.
    pub(super) fn shown(&self) -> String {
        let mut out = format!("{}: {}\n", self.place, self.reason);
        for (sign, lines) in [('-', &self.removed), ('+', &self.added)] {
            for line in lines {
                out.push_str(&format!("{sign} {line}\n"));
            }
        }
        out
    }
}

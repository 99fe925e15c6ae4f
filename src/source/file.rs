//! One file's text, and the way from a byte offset to line and column.

use std::fmt;
use std::sync::Arc;

use super::Span;

/// A file that was read: its path as it is shown to people, and its text.
#[derive(Debug)]
pub struct SourceFile {
    path: String,
    text: String,
    /// In four bytes each: no file is larger than 4 GiB.
    line_starts: Box<[u32]>,
    /// The number of the text's first line in the file.
    first_line: usize,
}

/// A place in a file as people count it: from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

impl SourceFile {
    /// `path` is what messages show: relative to where the user stands, with `/`.
    #[must_use]
    pub fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        Self::excerpt(path, text, 1)
    }

    /// A part of a file that is too large to be kept, which begins with its line `first_line` (from 1): positions
    /// are those of the file, spans those of the part.
    #[must_use]
    pub fn excerpt(path: impl Into<String>, text: impl Into<String>, first_line: usize) -> Self {
        let text = text.into();
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1));
        let line_starts = starts.map(|start| u32::try_from(start).unwrap_or(u32::MAX)).collect();
        Self { path: path.into(), text, line_starts, first_line: first_line.max(1) }
    }

    /// The number of the first line that is held: 1 but for an [`Self::excerpt`].
    #[must_use]
    pub fn first_line(&self) -> usize {
        self.first_line
    }

    /// The path as it is shown.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The whole text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text of a span; empty where the span does not lie on character boundaries.
    #[must_use]
    pub fn slice(&self, span: Span) -> &str {
        self.text.get(span.start..span.end).unwrap_or_default()
    }

    /// Line and column of a byte offset; an offset past the end is the end.
    #[must_use]
    pub fn position(&self, offset: usize) -> Position {
        let mut offset = offset.min(self.text.len());
        // The end of the file is the end of its last line, not the start of one that is not there.
        if offset == self.text.len() && self.text.ends_with('\n') {
            offset -= if self.text.ends_with("\r\n") { 2 } else { 1 };
        }
        let line = self.line_starts.partition_point(|start| *start as usize <= offset);
        let start = self.line_start(line.saturating_sub(1)).unwrap_or_default();
        // A byte order mark is no column: no editor counts it.
        let column = self
            .text
            .get(start..offset)
            .map_or(1, |before| before.strip_prefix('\u{feff}').unwrap_or(before).chars().count() + 1);
        Position { line: line + self.first_line - 1, column }
    }

    /// The span of a line (from 1) without its line break.
    #[must_use]
    pub fn line_span(&self, line: usize) -> Span {
        let line = (line + 1).saturating_sub(self.first_line);
        let start = self.line_start(line.saturating_sub(1)).unwrap_or(self.text.len());
        let end = self.line_start(line).map_or(self.text.len(), |next| next.saturating_sub(1)).max(start);
        let cr = self.text.get(start..end).is_some_and(|text| text.ends_with('\r'));
        Span::new(start, if cr { end - 1 } else { end })
    }

    fn line_start(&self, index: usize) -> Option<usize> {
        self.line_starts.get(index).map(|start| *start as usize)
    }

    /// The same file with its text passed through `mask`, which has to keep every byte offset:
    /// how a secret that stands in a source line is hidden without moving a caret.
    #[must_use]
    pub fn masked(&self, mask: impl FnOnce(&str) -> String) -> Self {
        Self::excerpt(self.path.clone(), mask(&self.text), self.first_line)
    }
}

/// A span in a file.
#[derive(Clone, Debug)]
pub struct Site {
    /// The file.
    pub file: Arc<SourceFile>,
    /// The bytes meant.
    pub span: Span,
}

impl Site {
    /// Line and column of the site's first byte.
    #[must_use]
    pub fn position(&self) -> Position {
        self.file.position(self.span.start)
    }
}

impl fmt::Display for Site {
    /// `path:line:column`, as editors and terminals make it clickable.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Position { line, column } = self.position();
        write!(f, "{}:{line}:{column}", self.file.path())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_what_editors_count() {
        let file = SourceFile::new("a", "\u{feff}\u{e9}b\r\ncd\n");
        let at = |offset| {
            let Position { line, column } = file.position(offset);
            (line, column)
        };
        assert_eq!(at(0), (1, 1));
        assert_eq!(at(3), (1, 1));
        assert_eq!(at(5), (1, 2));
        assert_eq!(at(8), (2, 1));
        assert_eq!(at(10), (2, 3));
        assert_eq!(at(11), (2, 3));
        assert_eq!(at(99), (2, 3));
        assert_eq!(file.slice(file.line_span(1)), "\u{feff}\u{e9}b");
        assert_eq!(file.slice(file.line_span(2)), "cd");
        assert_eq!(SourceFile::new("a", "").position(5), Position { line: 1, column: 1 });
    }

    #[test]
    fn a_part_of_a_file_has_the_lines_of_the_file() {
        let file = SourceFile::excerpt("a", "ab\ncd", 1000).masked(str::to_owned);
        assert_eq!(file.position(4), Position { line: 1001, column: 2 });
        assert_eq!(file.slice(file.line_span(1000)), "ab");
        assert_eq!(file.slice(file.line_span(1001)), "cd");
    }
}

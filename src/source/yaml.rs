//! The only file that names the YAML crate: text to [`Document`]s.
//!
//! The crate's event parser is used, not its deserializer: the events say where containers end, how a scalar
//! is written and where an error stands, and they let one pass report more than the first error. What a plain
//! scalar means is decided by `scalar`, what is put together of it by `tree`.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::Value;
use serde_yaml::granit_parser::{
    self as granit, ErrorKind, Event, Parser, ScalarStyle, ScanError, StructureStyle, Tag,
};

use super::place;
use super::scalar::{self, Plain};
use super::trap::{self, Trap};
use super::tree::{Builder, Full, Key, Kind, MAX_FOUND};
use super::{Document, SourceFile, Span};
use crate::diagnostic::{Code, Diagnostic, whole_file};

/// How many bytes a file may have.
pub const MAX_SIZE: usize = 1 << 20;
/// How many traps of one file are passed over to read on; each costs a pass.
const MAX_PASSES: usize = 32;

/// A file that was read.
#[derive(Clone, Debug, Default)]
pub struct Parsed {
    /// Its documents, in order; at least one.
    pub documents: Vec<Document>,
    /// What is worth knowing and refuses nothing.
    pub warnings: Vec<Diagnostic>,
}

/// Reads every document of a file. All that is wrong with it is reported, not the first only.
///
/// # Errors
/// The diagnostics, at least one of them an error.
pub fn parse(file: &Arc<SourceFile>) -> Result<Vec<Document>, Vec<Diagnostic>> {
    read(file).map(|parsed| parsed.documents)
}

/// As [`parse`], the warnings kept.
///
/// # Errors
/// The diagnostics, at least one of them an error, in the order of the file.
pub fn read(file: &Arc<SourceFile>) -> Result<Parsed, Vec<Diagnostic>> {
    if file.text().len() > MAX_SIZE {
        return Err(vec![too_large(file)]);
    }
    let mut text = Cow::Borrowed(file.text());
    let mut passed_over: Vec<Span> = Vec::new();
    let mut traps: Vec<Diagnostic> = Vec::new();
    let (mut documents, mut found) = loop {
        let mut reader = Reader::new(file, &text, &passed_over);
        let trap = reader.run();
        let Reader { builder, documents, .. } = reader;
        let mut found = builder.into_found();
        match trap {
            Some(Trap { diagnostic, pass_over }) if traps.len() < MAX_PASSES => {
                traps.push(diagnostic);
                text = trap::passed_over(text, pass_over);
                passed_over.push(pass_over);
            }
            trap => {
                found.extend(trap.map(|trap| trap.diagnostic));
                break (documents, found);
            }
        }
    };
    found.append(&mut traps);
    if documents.is_empty() && !found.iter().any(Diagnostic::is_error) {
        found.push(
            Diagnostic::error(Code::Empty, whole_file(file), "the file holds no document")
                .help("remove the file, or write what it is for"),
        );
    }
    found.sort_by_key(|diagnostic| diagnostic.site().map(|site| site.span));
    if found.iter().any(Diagnostic::is_error) {
        found.truncate(MAX_FOUND);
        return Err(found);
    }
    for (index, document) in documents.iter_mut().enumerate() {
        document.index = Some(index);
    }
    Ok(Parsed { documents, warnings: found })
}

/// The message about a file over [`MAX_SIZE`].
pub(crate) fn too_large(file: &Arc<SourceFile>) -> Diagnostic {
    Diagnostic::error(
        Code::TooLarge,
        whole_file(file),
        format!("`{}` is larger than {} KiB", file.path(), MAX_SIZE / 1024),
    )
    .help("split it into several files")
}

/// One pass over the text.
struct Reader<'a> {
    file: &'a Arc<SourceFile>,
    /// The file's text, some of it passed over.
    text: &'a str,
    passed_over: &'a [Span],
    builder: Builder<'a>,
    documents: Vec<Document>,
    /// The document's `---`, empty where it has none.
    start: Span,
    /// The last plain scalar.
    plain: Span,
    /// The last flow collection that was closed.
    closed: Option<Span>,
}

/// Why a pass ends before its end.
enum Stop {
    Full,
    Trap(Box<Trap>),
}

impl From<Full> for Stop {
    fn from(_: Full) -> Self {
        Self::Full
    }
}

impl<'a> Reader<'a> {
    fn new(file: &'a Arc<SourceFile>, text: &'a str, passed_over: &'a [Span]) -> Self {
        Self {
            file,
            text,
            passed_over,
            builder: Builder::new(file),
            documents: Vec::new(),
            start: Span::default(),
            plain: Span::default(),
            closed: None,
        }
    }

    /// Reads to the end, or to a trap that has to be passed over first.
    fn run(&mut self) -> Option<Trap> {
        let options = granit::options! { emit_unresolved_aliases: true, emit_comments: false };
        let mut parser = Parser::new_from_str_with_options(self.text, options);
        while let Some(next) = parser.next_event() {
            let stop = match next {
                Ok((event, span)) => match self.event(event, &span) {
                    Ok(()) if self.builder.is_enough() => return None,
                    Ok(()) => continue,
                    Err(stop) => stop,
                },
                Err(error) => match self.refused(&error) {
                    Some(trap) => Stop::Trap(Box::new(trap)),
                    None => {
                        // The scanner lost its way in this document; the next one begins afresh.
                        self.builder.abandon();
                        if !self.builder.is_enough() && matches!(parser.proceed_next_document(), Ok(true)) {
                            continue;
                        }
                        return None;
                    }
                },
            };
            return match stop {
                Stop::Full => None,
                Stop::Trap(trap) => Some(*trap),
            };
        }
        None
    }

    fn event(&mut self, event: Event<'_>, span: &granit::Span) -> Result<(), Stop> {
        let at = self.span(span);
        match event {
            Event::DocumentStart(..) => self.start = at,
            Event::DocumentEnd => self.documents.extend(self.builder.finish()),
            Event::Scalar(text, style, anchor, tag) => {
                self.scalar(&text, style, anchor, tag.as_deref(), at, span)?;
            }
            Event::SequenceStart(style, anchor, tag) => {
                self.tag_of(Kind::List, tag.as_deref(), span);
                self.open(Kind::List, style, anchor, at)?;
            }
            Event::MappingStart(style, anchor, tag) => {
                self.tag_of(Kind::Map, tag.as_deref(), span);
                if style == StructureStyle::Flow && self.after(at.start).starts_with("{{") {
                    let trap = trap::unquoted_braces(self.file, at.start, self.builder.in_flow());
                    return Err(Stop::Trap(Box::new(trap)));
                }
                self.open(Kind::Map, style, anchor, at)?;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some((whole, true)) = self.builder.close(at.end)? {
                    self.closed = Some(whole);
                }
            }
            Event::Alias(anchor) => {
                if self.builder.wants_key() {
                    self.refuse_key(at, "a key has to be written out, not repeated with `*`");
                } else {
                    self.builder.alias(anchor, at)?;
                }
            }
            Event::UnresolvedAlias(_) => {
                let unknown = trap::unknown_alias(self.file, at, self.builder.in_flow());
                self.builder.report(unknown);
                if self.builder.wants_key() {
                    self.builder.key(Key { name: None, span: at, merge: false });
                } else {
                    self.builder.scalar(Value::Null, at, 0)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn open(&mut self, kind: Kind, style: StructureStyle, anchor: usize, at: Span) -> Result<(), Full> {
        let flow = style == StructureStyle::Flow;
        self.builder.open(kind, flow, anchor, at, place::line_end(self.text, at.start))
    }

    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<&Tag>,
        at: Span,
        span: &granit::Span,
    ) -> Result<(), Stop> {
        // What is left out is read as an empty plain scalar; the parser writes it `~`.
        let absent = style == ScalarStyle::Plain && at.start == at.end;
        if style == ScalarStyle::Plain && !absent {
            self.plain = at;
        }
        if self.builder.wants_key() {
            if absent {
                self.refuse_key(at, "a key is missing here");
                return Ok(());
            }
            if anchor != 0 {
                self.builder.remember_key(anchor, text, at)?;
            }
            let name = (!self.is_passed_over(at)).then(|| text.to_owned());
            self.builder.key(Key { name, span: at, merge: style == ScalarStyle::Plain && text == "<<" });
            return Ok(());
        }
        let at = match style {
            ScalarStyle::Plain if absent => place::absent(self.text, at, self.builder.pending_key()),
            ScalarStyle::Literal | ScalarStyle::Folded => {
                place::block(self.text, at, self.builder.pending_key())
            }
            _ => at,
        };
        if absent && self.builder.depth() == 0 && tag.is_none() && anchor == 0 {
            let site = self.builder.site(if self.start.end > self.start.start { self.start } else { at });
            self.builder.report(
                Diagnostic::error(Code::Empty, site, "a document without content")
                    .help("remove the `---`, or write what follows it"),
            );
        }
        let text = if absent { "" } else { text };
        let value = match tag.map(|tag| tag_name(tag)) {
            None if style == ScalarStyle::Plain => self.plain_value(text, at),
            None | Some(TagName::Text) => Value::from(text),
            Some(TagName::Core(name)) => self.tagged(name, text, at),
            Some(TagName::Unknown(name)) => {
                self.unknown_tag(&name, span);
                Value::from(text)
            }
        };
        if style == ScalarStyle::Plain
            && !self.is_passed_over(at)
            && let Some(cut) = trap::cut_by_comment(self.file, at, self.builder.in_flow())
        {
            self.builder.report(cut);
        }
        Ok(self.builder.scalar(value, at, anchor)?)
    }

    /// The value of a plain scalar, with a message where it is not what it seems.
    fn plain_value(&mut self, text: &str, at: Span) -> Value {
        let resolved = scalar::resolve(text);
        if let Plain::Value(value) = resolved {
            return value;
        }
        let quoted = trap::quoted(text);
        let site = self.builder.site(at);
        let help = trap::way_out("quote it if it is meant as text", &quoted);
        let text = trap::short(text);
        let error =
            |message| Diagnostic::error(Code::InexactNumber, site.clone(), message).help(help.clone());
        let (diagnostic, value) = match resolved {
            Plain::Respelt(number) => {
                let message = format!("`{text}` is read as the number {number}");
                let warning = Diagnostic::warning(Code::RespeltNumber, site.clone(), message)
                    .help(help)
                    .help(format!("write {number} if it is meant as a number"));
                (warning, Value::Number(number))
            }
            Plain::NotFinite => (error(format!("`{text}` is a number that JSON does not have")), Value::Null),
            Plain::Inexact | Plain::Value(_) => {
                (error(format!("neither 64 bits nor a double holds `{text}` exactly")), Value::Null)
            }
        };
        self.builder.report(diagnostic.fix(site, quoted));
        value
    }

    /// The value of a scalar with one of YAML's own tags.
    fn tagged(&mut self, name: &str, text: &str, at: Span) -> Value {
        let value = if name == "str" { Value::from(text) } else { self.plain_value(text, at) };
        let fits = match name {
            "str" => true,
            "null" => value.is_null(),
            "bool" => value.is_boolean(),
            "int" => value.is_i64() || value.is_u64(),
            "float" => value.is_number(),
            _ => false,
        };
        if !fits {
            self.misfit(name, at);
        }
        value
    }

    fn misfit(&mut self, name: &str, at: Span) {
        let site = self.builder.site(at);
        self.builder.report(
            Diagnostic::error(Code::UnknownTag, site, format!("this is not what its tag `!!{name}` says"))
                .help("remove the tag"),
        );
    }

    /// A container's tag says nothing that its brackets or indentation do not say.
    fn tag_of(&mut self, kind: Kind, tag: Option<&Tag>, span: &granit::Span) {
        match tag.map(|tag| tag_name(tag)) {
            None | Some(TagName::Text) => {}
            Some(TagName::Core(name)) => {
                if name != (if kind == Kind::Map { "map" } else { "seq" }) {
                    let at = span.tag_span().map_or_else(|| self.span(span), |tag| self.span(&tag));
                    self.misfit(name, at);
                }
            }
            Some(TagName::Unknown(name)) => self.unknown_tag(&name, span),
        }
    }

    fn unknown_tag(&mut self, name: &str, span: &granit::Span) {
        let at = span.tag_span().map_or_else(|| self.span(span), |tag| self.span(&tag));
        let site = self.builder.site(at);
        let line = trap::extent(self.text, at.start, at.start, self.builder.in_flow());
        let right = trap::quoted(self.file.slice(line));
        self.builder.report(
            Diagnostic::error(
                Code::UnknownTag,
                site,
                format!("the tag `{}` means nothing here", trap::short(name)),
            )
            .help(trap::way_out("remove it, or quote the whole if it is text", &right)),
        );
    }

    fn refuse_key(&mut self, at: Span, message: &str) {
        let site = self.builder.site(at);
        self.builder.report(Diagnostic::error(Code::YamlSyntax, site, message).help("write `key: value`"));
        self.builder.key(Key { name: None, span: at, merge: false });
    }

    /// What the parser refused: a trap to pass over, or a message for [`Builder::report`].
    fn refused(&mut self, error: &ScanError) -> Option<Trap> {
        let at = self.offset(error);
        let in_flow = self.builder.in_flow();
        let next = self.after(at).chars().next();
        let tab = if is_tab(error.kind()) { trap::tab_from(self.file, at) } else { trap::tab(self.file, at) };
        if let Some(tab) = tab {
            self.builder.report(tab);
            return None;
        }
        let trap = match error.kind() {
            ErrorKind::ExpectedFlowMappingSeparator | ErrorKind::ExpectedFlowSequenceSeparator
                if matches!(next, Some('{' | '[')) && self.plain.end == at =>
            {
                Some(trap::split_in_flow(self.file, self.plain, self.builder.empty_flow_list()))
            }
            ErrorKind::ExpectedFlowMappingSeparator
            | ErrorKind::ExpectedFlowSequenceSeparator
            | ErrorKind::ExpectedBlockMappingKey
            | ErrorKind::ExpectedBlockSequenceEntry
            | ErrorKind::ExpectedDocumentStart => self
                .closed
                .filter(|closed| closed.end <= at && self.blank(closed.end, at) && self.one_line(*closed))
                .map(|closed| trap::split_after(self.file, closed, in_flow)),
            ErrorKind::MappingValueNotAllowed if self.plain.end == at && self.one_line(self.plain) => {
                Some(trap::second_colon(self.file, self.plain, in_flow))
            }
            ErrorKind::UnexpectedCharacter { .. }
            | ErrorKind::UnexpectedEofBlockMapping
            | ErrorKind::UnexpectedEofBlockSequence
            | ErrorKind::InvalidBlockScalarHeader
            | ErrorKind::MappingKeyNotAllowed => next
                .filter(|c| matches!(c, '@' | '`' | '%' | ',' | '|' | '>' | '?'))
                .map(|next| trap::reserved(self.file, at, next, in_flow)),
            ErrorKind::UnknownQuotedScalarEscape => trap::bad_escape(self.file, at),
            ErrorKind::MissingAnchorOrAliasName if in_flow => trap::split_at_star(self.file, at),
            _ => None,
        };
        // Where something was passed over already, passing over it again would get no further.
        match trap
            .filter(|trap| trap.pass_over.end > trap.pass_over.start && !self.is_passed_over(trap.pass_over))
        {
            Some(trap) => Some(trap),
            None => {
                let diagnostic = self.explained(error.kind(), at);
                // That a comment cuts a text was said when the text was read.
                let cut = |d: &Diagnostic| d.code == Code::CutByComment;
                if !(cut(&diagnostic) && self.builder.found().iter().any(cut)) {
                    self.builder.report(diagnostic);
                }
                None
            }
        }
    }

    /// The message for an error that no trap explains.
    fn explained(&self, kind: &ErrorKind, at: usize) -> Diagnostic {
        let next = self.after(at).chars().next().filter(|c| !matches!(c, '\n' | '\r'));
        let site = self.builder.site(Span::new(at, at + next.map_or(0, char::len_utf8)));
        if let ErrorKind::ExpectedFlowMappingSeparator | ErrorKind::ExpectedFlowSequenceSeparator = kind
            && let Some(open) = self.builder.open_bracket()
            && !self.one_line(Span::new(open.start, at))
        {
            // What comes on the next line is rarely meant to be in the brackets.
            let bracket = self.builder.site(open);
            let message = format!("this `{}` is not closed", bracket.file.slice(open));
            return Diagnostic::error(Code::YamlSyntax, bracket, message)
                .also(site, "a `,` or the closing bracket is missing before this")
                .help("close it, or quote the text that begins with it");
        }
        match kind {
            ErrorKind::MappingValueNotAllowed if self.plain.end == at => {
                let line = place::line_start(self.text, at);
                let key = line + (self.after(line).len() - self.after(line).trim_start().len());
                let first = Span::new(self.plain.start, place::line_end(self.text, self.plain.start));
                return Diagnostic::error(
                    Code::YamlSyntax,
                    self.builder.site(Span::new(key.min(at), at)),
                    "this line continues the text above, so it cannot be a key",
                )
                .also(self.builder.site(first), "the text begins here")
                .help(
                    "keys of one mapping begin in the same column; a text that holds `: ` has to be quoted",
                );
            }
            ErrorKind::RecursionLimitExceeded => {
                let message = format!("the document nests deeper than {} levels", super::tree::MAX_DEPTH);
                return Diagnostic::error(Code::TooLarge, site, message).help("write it flatter");
            }
            ErrorKind::CommentInterceptedScalar => {
                let message = "` #` starts a comment in the middle of a text";
                return Diagnostic::error(Code::CutByComment, site, message)
                    .help("quote the text, or move the comment to a line before it");
            }
            ErrorKind::UndeclaredTagHandle => {
                let tag = self.after(at).split([' ', '\t', '\r', '\n', ',']).next().unwrap_or_default();
                let site = self.builder.site(Span::new(at, at + tag.len()));
                return Diagnostic::error(
                    Code::UnknownTag,
                    site,
                    format!("the tag `{tag}` means nothing here"),
                )
                .help("remove it, or quote the whole if it is text");
            }
            kind if is_tab(kind) => {
                return Diagnostic::error(Code::YamlTab, site, "a tab where YAML wants spaces")
                    .help("write spaces");
            }
            _ => {}
        }
        let (message, help) = syntax(kind);
        Diagnostic::error(Code::YamlSyntax, site, message).help(help)
    }

    fn after(&self, at: usize) -> &'a str {
        self.text.get(at..).unwrap_or_default()
    }

    fn blank(&self, from: usize, to: usize) -> bool {
        self.text.get(from..to).is_some_and(|text| text.bytes().all(|b| matches!(b, b' ' | b'\t')))
    }

    fn one_line(&self, span: Span) -> bool {
        self.text.get(span.start..span.end).is_some_and(|text| !text.contains('\n'))
    }

    fn is_passed_over(&self, at: Span) -> bool {
        self.passed_over.iter().any(|span| span.start < at.end && at.start < span.end)
    }

    /// A span of the parser's in bytes.
    fn span(&self, span: &granit::Span) -> Span {
        let range = span.byte_range().unwrap_or_default();
        Span::new(self.boundary(range.start), self.boundary(range.end))
    }

    fn offset(&self, error: &ScanError) -> usize {
        let marker = error.marker();
        let offset =
            marker.byte_offset().or_else(|| self.text.char_indices().nth(marker.index()).map(|(at, _)| at));
        self.boundary(offset.unwrap_or(self.text.len()))
    }

    /// The offset itself, unless the parser's arithmetic left the text or cut a character.
    fn boundary(&self, at: usize) -> usize {
        (0..=at.min(self.text.len())).rev().find(|at| self.text.is_char_boundary(*at)).unwrap_or_default()
    }
}

fn is_tab(kind: &ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::TabNotAllowed
            | ErrorKind::TabInBlockIndentation
            | ErrorKind::TabInIndentation
            | ErrorKind::TabAtBlockScalarStart
            | ErrorKind::TabInPlainScalar
    )
}

/// Message and way out for what is plainly wrong.
fn syntax(kind: &ErrorKind) -> (Cow<'static, str>, &'static str) {
    let (message, help) = match kind {
        ErrorKind::UnclosedFlowCollection { open } => {
            return (
                format!("this `{open}` is not closed").into(),
                "close it, or quote the text that begins with it",
            );
        }
        ErrorKind::MismatchedFlowCollectionEnd { open, close } => {
            return (
                format!("`{open}` is closed by `{close}`").into(),
                "close each bracket with its own kind",
            );
        }
        ErrorKind::UnclosedQuotedScalar | ErrorKind::DocumentIndicatorInQuotedScalar => {
            ("this quote is not closed", "close it on the same line")
        }
        ErrorKind::MisplacedFlowCollectionEnd => {
            ("this bracket closes nothing", "remove it, or quote the text that holds it")
        }
        ErrorKind::ExpectedFlowMappingSeparator => {
            ("expected `,` or `}`", "quote a text that holds `{`, `}`, `[`, `]` or `,`")
        }
        ErrorKind::ExpectedFlowSequenceSeparator => {
            ("expected `,` or `]`", "quote a text that holds `{`, `}`, `[`, `]` or `,`")
        }
        ErrorKind::ExpectedBlockMappingKey => {
            ("expected a key of the mapping above", "keys of one mapping begin in the same column")
        }
        ErrorKind::ExpectedBlockSequenceEntry => (
            "expected the next `-` of the list above",
            "the `-` of one list stand in the same column, and what belongs to an element further right",
        ),
        ErrorKind::SimpleKeyExpected => ("expected `: ` after this key", "write `key: value`"),
        ErrorKind::MappingValueNotAllowed => (
            "no mapping can begin here",
            "keys of one mapping begin in the same column; a text that holds `: ` has to be quoted",
        ),
        ErrorKind::BlockSequenceEntryNotAllowed => {
            ("no list can begin here", "put the first `- ` on a line of its own")
        }
        ErrorKind::InvalidTrailingSingleQuotedScalar => (
            "text after the closing quote",
            "quote the whole; in single quotes a single quote is written twice: ''",
        ),
        ErrorKind::InvalidTrailingDoubleQuotedScalar => (
            "text after the closing quote",
            "quote the whole; in double quotes a double quote is written \\\"",
        ),
        ErrorKind::ExpectedDocumentStart => {
            ("text after the end of the document", "`---` on a line of its own begins another document")
        }
        ErrorKind::CommentNotSeparated => {
            ("a comment needs a space before its `#`", "put a space there, or quote the text that holds it")
        }
        ErrorKind::InvalidQuotedScalarHexEscape
        | ErrorKind::InvalidLowSurrogateHexEscape
        | ErrorKind::InvalidLowSurrogate
        | ErrorKind::MissingLowSurrogate
        | ErrorKind::UnpairedLowSurrogate
        | ErrorKind::InvalidUnicodeEscape => {
            ("an escape in this text is no character", "in single quotes a backslash is a backslash")
        }
        other => {
            // The parser says first what it was doing, which helps nobody.
            let text = other.to_string();
            let text = match text.split_once(", ") {
                Some((doing, rest)) if doing.starts_with("while ") => rest.to_owned(),
                _ => text,
            };
            if text.starts_with("unexpected character: `\\u{") {
                return ("a control character".into(), "take it out; a YAML file holds text only");
            }
            return (text.into(), "quote the text if it is meant as text");
        }
    };
    (message.into(), help)
}

enum TagName<'a> {
    /// `!`: text as it is.
    Text,
    /// One of YAML's own.
    Core(&'a str),
    /// Any other, as it is written.
    Unknown(String),
}

fn tag_name(tag: &Tag) -> TagName<'_> {
    match tag.core_suffix() {
        Some(name) => TagName::Core(name),
        None if tag.original() == "!" => TagName::Text,
        None => TagName::Unknown(tag.original()),
    }
}

#[cfg(test)]
mod tests;

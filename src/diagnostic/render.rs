//! Drawing diagnostics: as text in rustc's manner with annotate-snippets, as JSON, and as the command that
//! GitHub turns into an annotation.

use std::sync::Arc;

use annotate_snippets::{
    AnnotationKind, Element, Group, Level, Origin, Patch, Renderer, Snippet,
    normalize_untrusted_str as harmless,
};
use serde_json::{Value, json};

use super::{Diagnostic, Fix, Label, Severity};
use crate::source::{Position, Site, SourceFile, Span};

/// The longest text, in bytes, that is shown as a correction.
const LONGEST: usize = 400;

/// How text is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// No colour.
    #[default]
    Plain,
    /// ANSI colours.
    Colour,
}

/// One diagnostic as text, ending in a line break.
#[must_use]
pub fn render(diagnostic: &Diagnostic, style: Style) -> String {
    let renderer = match style {
        Style::Plain => Renderer::plain(),
        Style::Colour => Renderer::styled(),
    };
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(diagnostic.message.as_str()).id(diagnostic.code.as_str());
    let mut group = Group::with_title(title).elements(snippets(&diagnostic.labels));
    // The first way out stands above the corrected line, if there is one.
    let corrected = diagnostic.fix.as_ref().and_then(corrected);
    let (lead, help) = match (&corrected, diagnostic.help.split_first()) {
        (Some(_), Some((first, rest))) => (Some(first), rest),
        _ => (None, diagnostic.help.as_slice()),
    };
    group = group.elements(diagnostic.notes.iter().map(|note| Level::NOTE.message(lines(note))));
    group = group.elements(help.iter().map(|help| Level::HELP.message(lines(help))));
    let mut groups = vec![group];
    if let Some(corrected) = corrected {
        let lead = lead.map_or_else(|| "write this".to_owned(), |lead| lines(lead));
        groups.push(Level::HELP.secondary_title(lead).element(corrected));
    }
    let mut text = renderer.render(&groups);
    text.push('\n');
    text
}

/// Several diagnostics, a blank line between them.
#[must_use]
pub fn render_all(diagnostics: &[Diagnostic], style: Style) -> String {
    diagnostics.iter().map(|d| render(d, style)).collect::<Vec<_>>().join("\n")
}

/// One diagnostic as data: `code severity message file line column end labels notes help fix`. Lines and
/// columns count from 1, columns in characters; `end` is the place after the last character.
#[must_use]
pub fn render_json(diagnostic: &Diagnostic) -> Value {
    let place = |site: &Site| {
        let Position { line, column } = site.position();
        let end = site.file.position(site.span.end);
        json!({
            "file": site.file.path(), "line": line, "column": column,
            "end": {"line": end.line, "column": end.column},
        })
    };
    let with = |mut place: Value, name: &str, text: &str| {
        if let Some(members) = place.as_object_mut() {
            members.insert(name.to_owned(), Value::from(text));
        }
        place
    };
    let primary = diagnostic.site().map_or_else(|| json!({}), place);
    let of = |name: &str| primary.get(name).cloned().unwrap_or_default();
    json!({
        "code": diagnostic.code.as_str(),
        "severity": severity(diagnostic.severity),
        "message": diagnostic.message,
        "file": of("file"),
        "line": of("line"),
        "column": of("column"),
        "end": of("end"),
        "labels": diagnostic.labels.iter().map(|l| with(place(&l.site), "text", &l.text)).collect::<Vec<_>>(),
        "notes": diagnostic.notes,
        "help": diagnostic.help,
        "fix": diagnostic.fix.as_ref().map(|fix| with(place(&fix.site), "text", &fix.text)),
    })
}

/// One diagnostic as a workflow command of GitHub, without a line break.
#[must_use]
pub fn render_github(diagnostic: &Diagnostic) -> String {
    let mut properties = Vec::new();
    if let Some(site) = diagnostic.site() {
        let Position { line, column } = site.position();
        properties.push(format!("file={}", property(site.file.path())));
        properties.push(format!("line={line}"));
        properties.push(format!("col={column}"));
    }
    properties.push(format!("title={}", property(diagnostic.code.as_str())));
    let mut message = diagnostic.message.clone();
    let label = diagnostic.labels.first().map(|label| label.text.as_str()).filter(|text| !text.is_empty());
    if let Some(label) = label {
        message = format!("{message}: {label}");
    }
    for note in &diagnostic.notes {
        message = format!("{message}\nnote: {note}");
    }
    for help in &diagnostic.help {
        message = format!("{message}\nhelp: {help}");
    }
    format!("::{} {}::{}", severity(diagnostic.severity), properties.join(","), data(&message))
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// One snippet for each file, in the order of the labels; the first label is the primary one.
fn snippets(labels: &[Label]) -> Vec<Element<'_>> {
    let mut files: Vec<&Arc<SourceFile>> = Vec::new();
    for label in labels {
        if !files.iter().any(|file| same(file, &label.site.file)) {
            files.push(&label.site.file);
        }
    }
    files
        .into_iter()
        .map(|file| {
            // A file that could not be read has no line to show.
            if file.text().is_empty() {
                return Origin::path(file.path()).into();
            }
            let here = || labels.iter().enumerate().filter(|(_, label)| same(&label.site.file, file));
            let window = Window::around(file, here().map(|(_, label)| label.site.span));
            let annotations = here().map(|(index, label)| {
                let kind = if index == 0 { AnnotationKind::Primary } else { AnnotationKind::Context };
                let text = (!label.text.is_empty()).then_some(label.text.as_str());
                kind.span(window.range(label.site.span)).label(text)
            });
            Snippet::source(window.text)
                .line_start(window.line)
                .path(file.path())
                .annotations(annotations)
                .into()
        })
        .collect()
}

/// Whether two are one file: each label has a copy of its own once secrets are masked.
fn same(a: &Arc<SourceFile>, b: &Arc<SourceFile>) -> bool {
    Arc::ptr_eq(a, b) || (a.path() == b.path() && a.first_line() == b.first_line() && a.text() == b.text())
}

/// The corrected line; none where it is too long to be read.
fn corrected(fix: &Fix) -> Option<Snippet<'_, Patch<'_>>> {
    let window = Window::around(&fix.site.file, std::iter::once(fix.site.span));
    if window.text.len() + fix.text.len() > LONGEST {
        return None;
    }
    let patch = Patch::new(window.range(fix.site.span), fix.text.as_str());
    Some(Snippet::source(window.text).line_start(window.line).path(fix.site.file.path()).patch(patch))
}

/// The lines that are shown of a file: to draw costs as much as the text handed over is long.
struct Window<'a> {
    text: &'a str,
    /// Where it begins in the file.
    start: usize,
    /// The number of its first line.
    line: usize,
}

impl<'a> Window<'a> {
    fn around(file: &'a SourceFile, spans: impl Iterator<Item = Span>) -> Self {
        let lines = spans.map(|span| (file.position(span.start).line, file.position(span.end).line));
        let (first, last) = lines.fold((usize::MAX, 1), |(first, last), (a, b)| (first.min(a), last.max(b)));
        let (from, to) = (file.line_span(first), file.line_span(last));
        // The mark at a file's start is no character of its first line.
        let mark =
            if from.start == 0 && file.text().starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        let start = from.start + mark;
        Self { text: file.text().get(start..to.end).unwrap_or_default(), start, line: first }
    }

    /// A span as a range that lies in the window and cuts no character.
    fn range(&self, span: Span) -> std::ops::Range<usize> {
        let boundary = |at: usize| {
            let at = at.saturating_sub(self.start).min(self.text.len());
            (0..=at).rev().find(|at| self.text.is_char_boundary(*at)).unwrap_or_default()
        };
        let start = boundary(span.start);
        start..boundary(span.end).max(start)
    }
}

/// A text of several lines without what would move a terminal's cursor.
fn lines(text: &str) -> String {
    text.lines().map(harmless).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Code;

    fn file(path: &str, text: &str) -> Arc<SourceFile> {
        Arc::new(SourceFile::new(path, text))
    }

    fn site(file: &Arc<SourceFile>, part: &str) -> Site {
        let start = file.text().find(part).unwrap();
        Site { file: Arc::clone(file), span: Span::new(start, start + part.len()) }
    }

    fn full() -> Diagnostic {
        let scenario =
            file("scenarios/a.yaml", "scenario: x\nsteps:\n  - call: createInvoice\n    expct: {json: 1}\n");
        let suite = file("callsheet.yaml", "servers:\n  orders: {url: http://x}\n");
        Diagnostic::error(Code::UnknownKey, site(&scenario, "expct"), "a step has no key `expct`")
            .label("not a key of a step")
            .also(site(&scenario, "createInvoice"), "this step")
            .also(site(&suite, "orders"), "and this server")
            .note("a note\nof two lines")
            .help("did you mean `expect`?")
            .help("see `callsheet schema`")
            .fix(site(&scenario, "expct"), "expect")
    }

    #[test]
    fn drawn_as_rustc_does() {
        insta::assert_snapshot!("full", render(&full(), Style::Plain));
    }

    #[test]
    fn masked_copies_are_one_file() {
        let mut masked = full();
        masked.rewrite(&|_| {}, &|file| Arc::new(file.masked(str::to_owned)));
        assert_eq!(render(&masked, Style::Plain), render(&full(), Style::Plain));
    }

    #[test]
    fn colours() {
        let plain = render(&full(), Style::Plain);
        let colour = render(&full(), Style::Colour);
        assert!(colour.contains("\u{1b}["));
        let mut stripped = String::new();
        let mut rest = colour.as_str();
        while let Some((before, after)) = rest.split_once('\u{1b}') {
            stripped.push_str(before);
            rest = after.split_once('m').unwrap().1;
        }
        stripped.push_str(rest);
        assert_eq!(stripped, plain);
    }

    #[test]
    fn odd_places() {
        let at = |text: &str, start: usize, end: usize| Site {
            file: file("a.yaml", text),
            span: Span::new(start, end),
        };
        let long = format!("steps: [{}here{}]\n", "before, ".repeat(60), ", after".repeat(60));
        let block = format!("a: |\n{}b: 1\n", "  line\n".repeat(30));
        let odd = [
            ("an empty span", at("a: \nb: 1\n", 3, 3)),
            ("the end of the file", at("a: 1\n", 5, 5)),
            ("past the end", at("a: 1", 90, 99)),
            ("an empty file", at("", 0, 0)),
            ("a long line", site(&file("a.yaml", &long), "here")),
            ("a block", at(&block, 3, block.len() - 6)),
            ("windows", at("a: 1\r\nb: x\r\n", 9, 10)),
            ("a byte order mark", at("\u{feff}a: 1\n", 6, 7)),
            ("a cut character", at("a: \u{e9}\u{e9}\n", 4, 6)),
            ("a wide character", at("\u{65e5}\u{672c}: x\n", 8, 9)),
            ("a control character \u{1b}[31m", at("a: \u{1b}[31mred\n", 8, 11)),
            ("a tab", at("a:\t1\n", 3, 4)),
        ];
        let odd: Vec<_> = odd
            .into_iter()
            .map(|(message, site)| Diagnostic::warning(Code::YamlSyntax, site, message).label("here"))
            .chain(
                [Diagnostic::new(Code::Credential, Severity::Error, None, "no place at all").help("go on")],
            )
            .collect();
        insta::assert_snapshot!("odd", render_all(&odd, Style::Plain));
    }

    #[test]
    fn fixes_insert_replace_and_remove() {
        let text = "a: 1\nb: !x 2\n";
        let at = |start, end| Site { file: file("a.yaml", text), span: Span::new(start, end) };
        let fixes = [(at(5, 5), "new: 0\n"), (at(3, 4), "\"1\""), (at(8, 11), "")];
        let all: Vec<_> = fixes
            .into_iter()
            .map(|(site, new)| Diagnostic::error(Code::YamlSyntax, site.clone(), "wrong").fix(site, new))
            .collect();
        insta::assert_snapshot!("fixes", render_all(&all, Style::Plain));
    }

    #[test]
    fn as_data() {
        insta::assert_snapshot!("json", serde_json::to_string_pretty(&render_json(&full())).unwrap());
        let nowhere = render_json(&Diagnostic::new(Code::Credential, Severity::Error, None, "x"));
        assert_eq!(nowhere["file"], Value::Null);
        assert_eq!(nowhere["fix"], Value::Null);
        assert_eq!(nowhere["labels"], json!([]));
    }

    #[test]
    fn as_a_workflow_command() {
        let file = file("a:b,c/100%.yaml", "a: 1\n");
        let diagnostic = Diagnostic::warning(Code::RespeltNumber, site(&file, "1"), "100% of\r\nit: a, b")
            .label("here")
            .note("n")
            .help("h");
        assert_eq!(
            render_github(&diagnostic),
            "::warning file=a%3Ab%2Cc/100%25.yaml,line=1,col=4,title=respelt-number::100%25 of%0D%0Ait: a, b: here%0Anote: n%0Ahelp: h"
        );
        let nowhere = Diagnostic::new(Code::Credential, Severity::Error, None, "x");
        assert_eq!(render_github(&nowhere), "::error title=credential::x");
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..Default::default() })]

        #[test]
        fn no_place_is_too_odd(
            text in "[a\u{e9}\u{1F600}\u{feff}\u{65e5}\t\r\n :]{0,30}",
            spans in proptest::collection::vec((0..40_usize, 0..40_usize), 1..4),
            fix in (0..40_usize, 0..40_usize),
            new in "[a\u{e9}\t\r\n\u{1b}]{0,6}",
        ) {
            let file = file("a.yaml", &text);
            let at = |(a, b): (usize, usize)| Site { file: Arc::clone(&file), span: Span::new(a.min(b), a.max(b)) };
            let mut diagnostic = Diagnostic::error(Code::YamlSyntax, at(spans[0]), new.clone()).fix(at(fix), new.clone());
            for span in &spans[1..] {
                diagnostic = diagnostic.also(at(*span), new.clone());
            }
            for style in [Style::Plain, Style::Colour] {
                let text = render(&diagnostic, style);
                proptest::prop_assert!(text.contains("yaml-syntax") && text.ends_with('\n'));
            }
            let _ = (render_json(&diagnostic), render_github(&diagnostic));
        }
    }
}

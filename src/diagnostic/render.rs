//! Drawing diagnostics: as text in rustc's manner with annotate-snippets, as JSON, and as the command that
//! GitHub turns into an annotation.

use std::sync::Arc;

use annotate_snippets::{
    AnnotationKind, Group, Level, Patch, Renderer, Snippet, normalize_untrusted_str as harmless,
};
use serde_json::{Value, json};

use super::{Diagnostic, Fix, Label, Severity};
use crate::source::{Position, Site, SourceFile, Span};

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
    let (lead, help) = match (&diagnostic.fix, diagnostic.help.split_first()) {
        (Some(_), Some((first, rest))) => (Some(first), rest),
        _ => (None, diagnostic.help.as_slice()),
    };
    group = group.elements(diagnostic.notes.iter().map(|note| Level::NOTE.message(lines(note))));
    group = group.elements(help.iter().map(|help| Level::HELP.message(lines(help))));
    let mut groups = vec![group];
    if let Some(fix) = &diagnostic.fix {
        let lead = lead.map_or_else(|| "write this".to_owned(), |lead| lines(lead));
        groups.push(Level::HELP.secondary_title(lead).element(corrected(fix)));
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
fn snippets(labels: &[Label]) -> Vec<Snippet<'_, annotate_snippets::Annotation<'_>>> {
    let mut files: Vec<&Arc<SourceFile>> = Vec::new();
    for label in labels {
        if !files.iter().any(|file| Arc::ptr_eq(file, &label.site.file)) {
            files.push(&label.site.file);
        }
    }
    files
        .into_iter()
        .map(|file| {
            let (source, mark) = text_of(file);
            let annotations =
                labels.iter().enumerate().filter(|(_, label)| Arc::ptr_eq(&label.site.file, file)).map(
                    |(index, label)| {
                        let kind = if index == 0 { AnnotationKind::Primary } else { AnnotationKind::Context };
                        let text = (!label.text.is_empty()).then_some(label.text.as_str());
                        kind.span(within(source, label.site.span, mark)).label(text)
                    },
                );
            Snippet::source(source).path(file.path()).annotations(annotations)
        })
        .collect()
}

fn corrected(fix: &Fix) -> Snippet<'_, Patch<'_>> {
    let (source, mark) = text_of(&fix.site.file);
    let patch = Patch::new(within(source, fix.site.span, mark), fix.text.as_str());
    Snippet::source(source).path(fix.site.file.path()).patch(patch)
}

/// A file's text without its byte order mark, and the mark's length.
fn text_of(file: &SourceFile) -> (&str, usize) {
    let text = file.text();
    text.strip_prefix('\u{feff}').map_or((text, 0), |rest| (rest, text.len() - rest.len()))
}

/// A span as a range that lies in the text and cuts no character.
fn within(text: &str, span: Span, mark: usize) -> std::ops::Range<usize> {
    let boundary = |at: usize| {
        let at = at.saturating_sub(mark).min(text.len());
        (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default()
    };
    let start = boundary(span.start);
    start..boundary(span.end).max(start)
}

/// A text of several lines without what would move a terminal's cursor.
fn lines(text: &str) -> String {
    text.lines().map(harmless).collect::<Vec<_>>().join("\n")
}

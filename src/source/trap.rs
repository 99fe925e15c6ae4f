//! YAML's traps: what people write in good faith and YAML reads as something else. Each becomes a message
//! that shows the right form. Only text is looked at here; the parser says where.

use std::borrow::Cow;
use std::sync::Arc;

use super::place::{line_end, line_start};
use super::{Site, SourceFile, Span};
use crate::diagnostic::{Code, Diagnostic};

/// A message, and the text that is to be passed over so that the rest of the file can be read too.
#[derive(Debug)]
pub(super) struct Trap {
    pub(super) diagnostic: Diagnostic,
    pub(super) pass_over: Span,
}

/// The text in quotes: double ones where nothing in it would need an escape.
pub(super) fn quoted(text: &str) -> String {
    if text.contains(['"', '\\']) || text.chars().any(char::is_control) {
        format!("'{}'", text.replace('\'', "''"))
    } else {
        format!("\"{text}\"")
    }
}

/// A way out, with the right form where that is short enough to be read.
pub(super) fn way_out(lead: &str, right: &str) -> String {
    if right.len() > 200 { lead.to_owned() } else { format!("{lead}: {right}") }
}

/// A text as a message can hold it: its start, if it is long.
pub(super) fn short(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(60) {
        Some((cut, _)) => format!("{}…", text.get(..cut).unwrap_or_default()).into(),
        None => text.into(),
    }
}

/// The end of a line's content: no line break, no blanks at its end.
fn trimmed(text: &str, start: usize, end: usize) -> usize {
    start + text.get(start..end).unwrap_or_default().trim_end().len()
}

/// From `start` to the end of what was meant as one plain scalar; the scan begins at `from`.
pub(super) fn extent(text: &str, start: usize, from: usize, in_flow: bool) -> Span {
    let end = line_end(text, from);
    let line = text.get(from..end).unwrap_or_default();
    let (mut depth, mut closed) = (0_usize, false);
    let mut before = ' ';
    let mut stop = line.len();
    for (at, c) in line.char_indices() {
        match c {
            '{' | '[' => depth += 1,
            '}' | ']' if depth > 0 => (depth, closed) = (depth - 1, true),
            ',' | '}' | ']' if in_flow && depth == 0 => {
                stop = at;
                break;
            }
            '#' if depth == 0 && matches!(before, ' ' | '\t') => {
                stop = at;
                break;
            }
            // `{{ x }}: 1` and `$.items[0].id: 1` are keys.
            ':' if depth == 0
                && closed
                && line.get(at + 1..).is_none_or(|rest| rest.is_empty() || rest.starts_with(' ')) =>
            {
                stop = at;
                break;
            }
            _ => {}
        }
        before = c;
    }
    Span::new(start, trimmed(text, start, from + stop))
}

fn site(file: &Arc<SourceFile>, span: Span) -> Site {
    Site { file: Arc::clone(file), span }
}

/// A template that stands without quotes where YAML wants a value.
pub(super) fn unquoted_braces(file: &Arc<SourceFile>, start: usize, in_flow: bool) -> Trap {
    let text = file.text();
    let span = extent(text, start, start, in_flow);
    let right = quoted(file.slice(span));
    let diagnostic = Diagnostic::error(
        Code::UnquotedBraces,
        site(file, span),
        "a value that begins with `{{` has to be quoted",
    )
    .label("YAML reads `{` as the start of a mapping")
    .help(way_out("quote it", &right))
    .fix(site(file, span), right);
    Trap { diagnostic, pass_over: span }
}

/// A text that YAML ends at a bracket. `whole` is the list around it, if that may be part of the text.
pub(super) fn split_in_flow(file: &Arc<SourceFile>, scalar: Span, whole: Option<usize>) -> Trap {
    let text = file.text();
    let span = extent(text, scalar.start, scalar.end, true);
    let right = quoted(file.slice(span));
    let bracket = text.get(scalar.end..).and_then(|rest| rest.chars().next()).unwrap_or('{');
    let mut diagnostic = Diagnostic::error(
        Code::SplitScalar,
        site(file, span),
        format!("`{bracket}` ends this text: inside of `{{…}}` and `[…]` brackets are YAML's own"),
    )
    .help(way_out("quote it", &right))
    .fix(site(file, span), right);
    if let Some(start) = whole {
        let outer = extent(text, start, start, false);
        let slice = file.slice(outer);
        if slice.ends_with(']') {
            diagnostic = diagnostic
                .help(way_out("if the brackets belong to the text, quote them too", &quoted(slice)));
        }
    }
    Trap { diagnostic, pass_over: span }
}

/// `$.items[*].name` in brackets, where YAML takes the `*` at `at` for an alias without a name. None where no text
/// stands before the bracket.
pub(super) fn split_at_star(file: &Arc<SourceFile>, at: usize) -> Option<Trap> {
    let text = file.text();
    let line = text.get(line_start(text, at)..at)?.strip_suffix('[')?;
    let begins = |c: char| matches!(c, '{' | '[' | ',' | ' ' | '\t');
    let word = line.rsplit(begins).next().filter(|word| !word.is_empty())?;
    let bracket = at.checked_sub(1)?;
    Some(split_in_flow(file, Span::new(bracket.checked_sub(word.len())?, bracket), None))
}

/// A text that begins with brackets: YAML reads a list or mapping, then finds more.
pub(super) fn split_after(file: &Arc<SourceFile>, container: Span, in_flow: bool) -> Trap {
    let text = file.text();
    let span = extent(text, container.start, container.start, in_flow);
    let right = quoted(file.slice(span));
    let what = if file.slice(container).starts_with('[') { "list" } else { "mapping" };
    let diagnostic = Diagnostic::error(
        Code::SplitScalar,
        site(file, span),
        format!("YAML reads the start of this text as a {what}"),
    )
    .label(format!(
        "the {what} ends at `{}`, and text follows",
        file.slice(container).chars().next_back().unwrap_or(']')
    ))
    .help(way_out("quote it", &right))
    .fix(site(file, span), right);
    Trap { diagnostic, pass_over: span }
}

/// `Ticket #12`: the text ends before the `#`; `colour: #ff0000`: there is no text. A comment with a space after its `#` is left in peace.
pub(super) fn cut_by_comment(file: &Arc<SourceFile>, scalar: Span, in_flow: bool) -> Option<Diagnostic> {
    let text = file.text();
    let rest = text.get(scalar.end..line_end(text, scalar.end))?;
    let comment = rest.trim_start_matches([' ', '\t']);
    // A list's missing element stands behind the blank after its `-`.
    if comment.len() == rest.len() && scalar.start < scalar.end {
        return None;
    }
    let first = comment.strip_prefix('#')?.chars().next()?;
    if first.is_whitespace() || matches!(first, '#' | '-' | '=') {
        return None;
    }
    let hash = scalar.end + (rest.len() - comment.len());
    let said = file.slice(scalar);
    let one_line = !said.contains('\n');
    let message = if said.is_empty() {
        "`#` starts a comment, so that this value is empty".to_owned()
    } else if one_line {
        format!("` #` starts a comment, so that this text is only {}", quoted(&short(said)))
    } else {
        "` #` starts a comment, and this text ends before it".to_owned()
    };
    let comment = Span::new(hash, trimmed(text, hash, scalar.end + rest.len()));
    let mut diagnostic =
        Diagnostic::error(Code::CutByComment, site(file, comment), message).label("not part of the text");
    if !in_flow && one_line {
        let whole = Span::new(if said.is_empty() { hash } else { scalar.start }, comment.end);
        let right = quoted(file.slice(whole));
        diagnostic = diagnostic.help(way_out("quote it", &right)).fix(site(file, whole), right);
    } else {
        diagnostic = diagnostic.help("quote the text");
    }
    Some(diagnostic.help("if a comment is meant, put a space after its `#`"))
}

/// `title: Invoice: created`: a second colon.
pub(super) fn second_colon(file: &Arc<SourceFile>, scalar: Span, in_flow: bool) -> Trap {
    let span = extent(file.text(), scalar.start, scalar.end, in_flow);
    let right = quoted(file.slice(span));
    let diagnostic = Diagnostic::error(
        Code::YamlSyntax,
        site(file, Span::new(scalar.end, scalar.end + 1)),
        "`: ` inside of a text makes it a mapping, which cannot stand here",
    )
    .help(way_out("quote the text", &right))
    .fix(site(file, span), right);
    Trap { diagnostic, pass_over: span }
}

/// A text that begins with `@` or a backtick.
pub(super) fn reserved(file: &Arc<SourceFile>, start: usize, character: char, in_flow: bool) -> Trap {
    let span = extent(file.text(), start, start, in_flow);
    let right = quoted(file.slice(span));
    let diagnostic = Diagnostic::error(
        Code::YamlSyntax,
        site(file, span),
        match character {
            '`' => "a text that begins with a backtick has to be quoted".to_owned(),
            _ => format!("a text that begins with `{character}` has to be quoted"),
        },
    )
    .help(way_out("quote it", &right))
    .fix(site(file, span), right);
    Trap { diagnostic, pass_over: span }
}

/// A backslash in double quotes that begins no escape of YAML's: mostly a regular expression or a path.
pub(super) fn bad_escape(file: &Arc<SourceFile>, start: usize) -> Option<Trap> {
    let text = file.text();
    let inside = text.get(start + 1..)?;
    let mut bad: Option<(usize, char)> = None;
    let mut plain = true;
    let mut chars = inside.char_indices();
    let end = loop {
        let (at, c) = chars.next()?;
        if c == '"' {
            break at;
        }
        if c != '\\' {
            continue;
        }
        let (_, escaped) = chars.next()?;
        if bad.is_none() && !"0abt\tnvfre \"/\\N_LPxuU\r\n".contains(escaped) {
            bad = Some((start + 1 + at, escaped));
        }
        plain &= !matches!(escaped, '"' | '\\' | '\n' | '\r');
    };
    let (at, escaped) = bad?;
    let whole = Span::new(start, start + 1 + end + 1);
    let content = inside.get(..end)?;
    let diagnostic = Diagnostic::error(
        Code::YamlSyntax,
        site(file, Span::new(at, at + 1 + escaped.len_utf8())),
        format!("`\\{escaped}` is no escape of double quotes"),
    );
    let diagnostic = if plain && !content.contains('\n') {
        let right = format!("'{}'", content.replace('\'', "''"));
        diagnostic
            .help(way_out("in single quotes a backslash is a backslash", &right))
            .fix(site(file, whole), right)
    } else {
        diagnostic.help(format!("write `\\\\{escaped}` for a backslash"))
    };
    Some(Trap { diagnostic, pass_over: whole })
}

/// A tab among the blanks before the text of the line that holds `at`.
pub(super) fn tab(file: &Arc<SourceFile>, at: usize) -> Option<Diagnostic> {
    let text = file.text();
    let start = line_start(text, at);
    let blanks = indentation(text.get(start..)?);
    let tab = blanks.find('\t')?;
    let more = text
        .get(line_end(text, start)..)?
        .lines()
        .take(1000)
        .filter(|line| indentation(line).contains('\t') && !line.trim().is_empty())
        .count();
    let diagnostic = Diagnostic::error(
        Code::YamlTab,
        site(file, Span::new(start + tab, start + blanks.len())),
        "a tab in the indentation",
    )
    .label("YAML indents with spaces only")
    .help("write spaces, two for each level");
    Some(match more {
        0 => diagnostic,
        1 => diagnostic.note("1 further line below has one too"),
        _ => diagnostic.note(format!("{more} further lines below have one too")),
    })
}

/// As [`tab`], on the first line from `at` on that has one.
pub(super) fn tab_from(file: &Arc<SourceFile>, at: usize) -> Option<Diagnostic> {
    let mut start = line_start(file.text(), at);
    loop {
        if let Some(found) = tab(file, start) {
            return Some(found);
        }
        start += file.text().get(start..)?.find('\n')? + 1;
    }
}

fn indentation(line: &str) -> &str {
    line.get(..line.len() - line.trim_start_matches([' ', '\t']).len()).unwrap_or_default()
}

/// `*.yaml`, `**/*.yaml`: an alias of nothing, mostly meant as text.
pub(super) fn unknown_alias(file: &Arc<SourceFile>, span: Span, in_flow: bool) -> Diagnostic {
    let name = short(file.slice(span));
    let whole = extent(file.text(), span.start, span.start, in_flow);
    let right = quoted(file.slice(whole));
    Diagnostic::error(
        Code::YamlSyntax,
        site(file, span),
        format!("`{name}` refers to an anchor that does not stand before it"),
    )
    .help(way_out("if it is meant as text, quote it", &right))
    .fix(site(file, whole), right)
}

/// The text with a span made a plain word of the same length, so that no offset changes.
pub(super) fn passed_over(text: Cow<'_, str>, span: Span) -> Cow<'_, str> {
    let (Some(before), Some(after)) = (text.get(..span.start), text.get(span.end..)) else { return text };
    let mut masked = String::with_capacity(text.len());
    masked.push_str(before);
    masked.extend(std::iter::repeat_n('x', span.end - span.start));
    masked.push_str(after);
    Cow::Owned(masked)
}

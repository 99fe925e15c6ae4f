//! Where things stand that the parser places elsewhere: values that were left out, block scalars.

use super::Span;

/// The end of the line that holds `at`, its line break left out.
pub(super) fn line_end(text: &str, at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    let end = at + rest.find('\n').unwrap_or(rest.len());
    if end > at && text.as_bytes().get(end - 1) == Some(&b'\r') { end - 1 } else { end }
}

/// The start of the line that holds `at`.
pub(super) fn line_start(text: &str, at: usize) -> usize {
    text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |found| found + 1)
}

/// Where a value that was left out would stand: after its key's colon or its `-`. `key` is the key's place.
pub(super) fn absent(text: &str, at: Span, key: Option<Span>) -> Span {
    let Some(key) = key else {
        let line = line_start(text, at.start);
        let before = text.get(line..at.start).unwrap_or_default();
        let dash =
            before.split_once(" #").map(|(dash, _)| dash.trim_end()).filter(|dash| dash.ends_with('-'));
        return dash.map_or(at, |dash| Span::new(line + dash.len(), line + dash.len()));
    };
    if key.end != at.start {
        return at;
    }
    let rest = text.get(key.end..).unwrap_or_default();
    let blanks = rest.len() - rest.trim_start_matches([' ', '\t']).len();
    let colon = rest.get(blanks..).is_some_and(|rest| rest.starts_with(':'));
    let end = if colon { key.end + blanks + 1 } else { key.end };
    Span::new(end, end)
}

/// A block scalar from its `|` or `>` to the end of its last line with text; `at` is its text alone.
pub(super) fn block(text: &str, at: Span, key: Option<Span>) -> Span {
    let content = line_start(text, at.start);
    let before = text.get(..content).unwrap_or_default().trim_end_matches([' ', '\t', '\r', '\n']);
    let from = line_start(before, before.len());
    let line = before.get(from..).unwrap_or_default();
    // A key in quotes may hold a `|` too, so the search begins behind it.
    let behind = key.map_or(0, |key| key.end.saturating_sub(from));
    let start = line
        .get(behind..)
        .and_then(|rest| rest.find(['|', '>']))
        .map_or(at.start, |found| from + behind + found);
    let mut end = at.end;
    while let Some(said) = text.get(at.start..end) {
        let Some((kept, last)) = said.rsplit_once('\n') else { break };
        if !last.trim().is_empty() {
            break;
        }
        end = at.start + kept.strip_suffix('\r').unwrap_or(kept).len();
    }
    if text.get(at.start..end).is_none_or(|said| said.trim().is_empty()) {
        end = before.len();
    }
    Span::new(start, end)
}

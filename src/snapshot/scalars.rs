//! Expected values that `--update` writes anew, in place: scalars of the scenario's own document that stand on
//! one line as they are. Everything else in the file stays as it is, which is made sure of by reading the new text.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use super::patch::Patch;
use crate::auth::Redactor;
use crate::matcher::same;
use crate::plan::Scenario;
use crate::source::{Document, Pointer, Site, SourceFile, Span, emit, yaml};

/// The longest text that is written in place, in bytes.
const LONGEST: usize = 500;

/// How many edits of one file are tried one by one, where they do not go together.
const MAX_TRIES: usize = 200;

/// How many values of one place are told apart.
const MAX_FOUND: usize = 4;

/// What cases found where expected values stand.
#[derive(Debug, Default)]
pub(super) struct Scalars {
    files: BTreeMap<PathBuf, BTreeMap<Span, Seen>>,
    source: BTreeMap<PathBuf, Arc<SourceFile>>,
}

/// What cases found at one place.
#[derive(Debug)]
struct Seen {
    at: Pointer,
    /// Each new value, and the first by name of the cases that met it, so that no order of them matters.
    found: Vec<(Value, Arc<str>)>,
    /// The first by name of the cases in which the old value held.
    held: Option<Arc<str>>,
}

/// What became of them.
#[derive(Debug, Default)]
pub(super) struct Rewritten {
    /// Files with their new text, and what changes in it, a line each.
    pub(super) files: Vec<(PathBuf, String, Vec<String>)>,
    /// What was left alone.
    pub(super) left: Vec<Patch>,
}

/// A value that is written in the place of another.
#[derive(Clone, Debug)]
struct Edit {
    span: Span,
    at: Pointer,
    value: Value,
}

/// The place of a scalar that may be rewritten as `found`, or why it may not.
pub(super) fn candidate(
    document: &Document,
    own: bool,
    at: &Pointer,
    found: &Value,
    redactor: &Redactor,
) -> Result<Span, String> {
    let refuse = |reason: &str| Err(reason.to_owned());
    if !own {
        return refuse("it stands in a fragment, which others use, too");
    }
    let (Some(node), Some(value)) = (document.spans.get(at), document.get(at)) else {
        return refuse("it stands nowhere in the file");
    };
    let written = document.file.slice(node.value);
    if written.starts_with('*') {
        return refuse("it comes from an alias");
    }
    if value.as_str().is_some_and(|text| text.contains("{{")) {
        return refuse("it comes from a template");
    }
    if value.is_array() || value.is_object() || written.is_empty() {
        return refuse("no single value stands there");
    }
    if written.contains('\n') || written.starts_with(['|', '>']) {
        return refuse("it stands on several lines");
    }
    let new = match found {
        Value::Array(_) | Value::Object(_) => return refuse("what is there is no single value"),
        Value::String(text) => text.clone(),
        scalar => scalar.to_string(),
    };
    if [written, &new].iter().any(|text| redactor.is_in(text)) {
        return refuse("it holds a secret");
    }
    if new.contains("{{") {
        return refuse("what is there would be read as a template");
    }
    if new.len() > LONGEST {
        return refuse("what is there is too long for a line");
    }
    Ok(node.value)
}

impl Scalars {
    /// The old value held in a case.
    pub(super) fn held(&mut self, scenario: &Scenario, at: &Pointer, case: &Arc<str>) {
        let Some(node) = scenario.document.spans.get(at) else { return };
        let held = &mut self.seen(scenario, at, node.value).held;
        if held.as_ref().is_none_or(|known| case < known) {
            *held = Some(Arc::clone(case));
        }
    }

    /// A case found another value.
    pub(super) fn found(
        &mut self,
        scenario: &Scenario,
        at: &Pointer,
        span: Span,
        found: &Value,
        case: &Arc<str>,
    ) {
        let seen = self.seen(scenario, at, span);
        if let Some((_, known)) = seen.found.iter_mut().find(|(value, _)| same(value, found)) {
            *known = Arc::clone(case.min(known));
        } else if seen.found.len() < MAX_FOUND {
            seen.found.push((found.clone(), Arc::clone(case)));
        }
        seen.found.sort_by(|(_, a), (_, b)| a.cmp(b));
    }

    fn seen(&mut self, scenario: &Scenario, at: &Pointer, span: Span) -> &mut Seen {
        let file = self.files.entry(scenario.path.clone()).or_default();
        self.source.entry(scenario.path.clone()).or_insert_with(|| Arc::clone(&scenario.document.file));
        file.entry(span).or_insert_with(|| Seen { at: at.clone(), found: Vec::new(), held: None })
    }

    /// The new texts of the files that are still what they were when they were read.
    pub(super) fn rewritten(&self, read: impl Fn(&Path) -> Option<String>) -> Rewritten {
        let mut rewritten = Rewritten::default();
        for (path, places) in &self.files {
            let Some(source) = self.source.get(path) else { continue };
            let site = |span| Site { file: Arc::clone(source), span };
            let mut edits = Vec::new();
            for (span, seen) in places {
                let Some((value, _)) = seen.found.first() else { continue };
                match seen.disagreement() {
                    Some(reason) => rewritten.left.extend(Patch::new(&site(*span), value, &reason)),
                    None => edits.push(Edit { span: *span, at: seen.at.clone(), value: value.clone() }),
                }
            }
            if edits.is_empty() {
                continue;
            }
            let left = |edits: &[Edit], reason: &str| -> Vec<Patch> {
                edits.iter().filter_map(|edit| Patch::new(&site(edit.span), &edit.value, reason)).collect()
            };
            if read(path).as_deref() != Some(source.text()) {
                rewritten.left.extend(left(&edits, "the file has changed since it was read"));
                continue;
            }
            let (text, done, refused) = edited(source, &edits);
            let line = |(edit, written): &(Edit, String)| {
                format!("{}: {} is now {written}", site(edit.span), source.slice(edit.span))
            };
            if !done.is_empty() {
                rewritten.files.push((path.clone(), text, done.iter().map(line).collect()));
            }
            rewritten.left.extend(left(&refused, "another place of the file would change with it"));
        }
        rewritten
    }
}

impl Seen {
    /// Why cases do not agree on one new value.
    fn disagreement(&self) -> Option<String> {
        let (_, first) = self.found.first()?;
        if let Some(held) = &self.held {
            return Some(format!("the cases disagree: it holds in `{held}`, and not in `{first}`"));
        }
        let others: Vec<String> =
            self.found.iter().map(|(value, case)| format!("{value} in `{case}`")).collect();
        (others.len() > 1).then(|| format!("the cases disagree: {}", others.join(", ")))
    }
}

/// The text with as many of the edits as change nothing but their places; those that were made, each with what was
/// written, and those that were not.
fn edited(source: &Arc<SourceFile>, edits: &[Edit]) -> (String, Vec<(Edit, String)>, Vec<Edit>) {
    let Ok(before) = yaml::parse(source) else { return (String::new(), Vec::new(), edits.to_vec()) };
    let ways = |edit: &Edit| emit::one_line(&edit.value, source.slice(edit.span));
    let first: Option<Vec<(Edit, String)>> =
        edits.iter().map(|edit| Some((edit.clone(), ways(edit).into_iter().next()?))).collect();
    if let Some(all) = first
        && let Some(text) = holds(source, &before, &all)
    {
        return (text, all, Vec::new());
    }
    let (mut text, mut done, mut refused) = (source.text().to_owned(), Vec::new(), Vec::new());
    for (index, edit) in edits.iter().enumerate() {
        let tried = ways(edit).into_iter().filter(|_| index < MAX_TRIES).find_map(|way| {
            done.push((edit.clone(), way));
            let tried = holds(source, &before, &done);
            if tried.is_none() {
                done.pop();
            }
            tried
        });
        match tried {
            Some(new) => text = new,
            None => refused.push(edit.clone()),
        }
    }
    (text, done, refused)
}

/// The text with these edits, if it is read as the same documents but for their places.
fn holds(source: &SourceFile, before: &[Document], edits: &[(Edit, String)]) -> Option<String> {
    let (mut text, mut from) = (String::with_capacity(source.text().len()), 0);
    for (edit, written) in edits {
        text.push_str(source.text().get(from..edit.span.start)?);
        text.push_str(written);
        from = edit.span.end;
    }
    text.push_str(source.text().get(from..)?);
    let mut wanted: Vec<Value> = before.iter().map(|document| document.value().clone()).collect();
    for (edit, _) in edits {
        // The document of the file that the place is in.
        let index = before
            .iter()
            .position(|document| document.spans.get(&edit.at).is_some_and(|node| node.value == edit.span))?;
        *wanted.get_mut(index)?.pointer_mut(edit.at.as_str())? = edit.value.clone();
    }
    let after = yaml::parse(&Arc::new(SourceFile::new(source.path(), text.as_str()))).ok()?;
    let same = after.len() == wanted.len()
        && after.iter().zip(&wanted).all(|(after, wanted)| after.value() == wanted);
    same.then_some(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// What becomes of the scalar at `/a` of the first document.
    fn edit(text: &str, value: Value) -> Option<String> {
        let source = Arc::new(SourceFile::new("a.yaml", text));
        let at = Pointer::root().key("a");
        let span = yaml::parse(&source).unwrap()[0].spans.get(&at).unwrap().value;
        let (text, done, refused) = edited(&source, &[Edit { span, at, value }]);
        assert_eq!(done.len() + refused.len(), 1);
        (done.len() == 1).then_some(text)
    }

    #[test]
    fn the_way_of_writing_is_kept_where_it_can_be() {
        for (text, value, now) in [
            ("a: x # why\n", json!("z"), "a: z # why\n"),
            ("a: x\n", json!("1"), "a: '1'\n"),
            ("a: x\n", json!("b: c"), "a: 'b: c'\n"),
            ("a: x\n", json!("b\nc"), "a: \"b\\nc\"\n"),
            ("a: 'x'\n", json!(1), "a: 1\n"),
            ("a: 'x'\n", json!("it's"), "a: 'it''s'\n"),
            ("a: \"x\"\n", json!("z"), "a: \"z\"\n"),
            ("a: 1\n", json!(1.5), "a: 1.5\n"),
            ("a: 1\n", json!("1"), "a: '1'\n"),
            ("a: 1\n", json!(true), "a: true\n"),
            ("{a: x, b: y}\n", json!("1, 2"), "{a: '1, 2', b: y}\n"),
            ("{a: x}\n", json!(null), "{a: null}\n"),
            ("a: &n x\nb: 1\n", json!("z"), "a: &n z\nb: 1\n"),
            ("a: x\n---\na: x\n", json!("z"), "a: z\n---\na: x\n"),
        ] {
            assert_eq!(edit(text, value).as_deref(), Some(now), "{text}");
        }
    }

    #[test]
    fn what_would_change_another_place_is_refused() {
        assert_eq!(edit("a: &n x\nb: *n\n", json!("z")), None);
        assert_eq!(edit("a: !!str 1\n", json!(2)), None);
    }

    #[test]
    fn one_that_is_refused_stops_no_other() {
        let source = Arc::new(SourceFile::new("a.yaml", "a: 1\nb: &n 1\nc: *n\nd: 1 # d\n"));
        let document = yaml::parse(&source).unwrap().remove(0);
        let edits: Vec<Edit> = ["a", "b", "d"]
            .iter()
            .map(|name| {
                let at = Pointer::root().key(name);
                Edit { span: document.spans.get(&at).unwrap().value, at, value: json!("x") }
            })
            .collect();
        let (text, done, refused) = edited(&source, &edits);
        assert_eq!(text, "a: x\nb: &n 1\nc: *n\nd: x # d\n");
        assert_eq!((done.len(), refused.len()), (2, 1));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_text_can_be_written_in_place(
            new in any::<String>(),
            before in prop::sample::select(vec!["x", "'x'", "\"x\"", "1", "null"]),
            around in prop::sample::select(vec![("a: ", " # c\r\nb: é\r\n"), ("{a: ", ", b: [1]}\n"), ("- 1\n---\na: ", "\n")]),
        ) {
            let text = format!("{}{before}{}", around.0, around.1);
            let source = Arc::new(SourceFile::new("a.yaml", text));
            let at = Pointer::root().key("a");
            let documents = yaml::parse(&source).unwrap();
            let span = documents.iter().find_map(|document| document.spans.get(&at)).unwrap().value;
            let (text, done, _) = edited(&source, &[Edit { span, at, value: json!(new) }]);
            prop_assert_eq!(done.len(), 1, "{}", text);
            prop_assert!(text.starts_with(around.0) && text.ends_with(around.1));
        }
    }
}

//! `$snapshot`: a value beside the one that was stored, exactly. What is masked keeps its type only. Where
//! snapshots are kept, and what becomes of a new one, is the [`Recorder`]'s.

use std::sync::Arc;

use serde_json::Value;

use super::compare::{compare, equal, mismatch};
use super::compile::{Compiler, Known};
use super::node::{Kind, Member, Node};
use super::outcome::{Context, Outcome, below};
use super::place::{Place, push_key};
use super::{Mismatch, Path, Root, render};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::{Document, Pointer};
use crate::template::type_name;

/// What `$snapshot` says.
#[derive(Debug)]
pub(super) struct Snapshot {
    /// The name; a slug.
    pub(super) name: String,
    /// Where the name stands.
    pub(super) at: Pointer,
    /// `mask`: paths from the value, each with its place.
    pub(super) masks: Vec<(Path, Pointer)>,
}

/// Takes part in a comparison: it holds the snapshots of a case, and learns what held.
pub trait Recorder {
    /// What a value that `$snapshot: name` is about, its masks applied, is compared with.
    fn snapshot(&self, name: &str, value: Value) -> Stored;

    /// A value of the document, at `at`, was compared for equality, and held.
    fn held(&self, at: &Pointer);
}

/// What a [`Recorder`] has of a snapshot.
#[derive(Debug)]
pub enum Stored {
    /// It is compared.
    There {
        /// The document that it stands in.
        document: Arc<Document>,
        /// Where it stands there.
        at: Pointer,
        /// The value in the form in which it would be stored.
        value: Value,
    },
    /// There is none.
    Absent {
        /// What is near.
        notes: Vec<String>,
        /// The way out.
        help: String,
    },
    /// They cannot be read.
    Unreadable(Box<Diagnostic>),
    /// Nothing is compared: it is recorded.
    Recorded,
}

/// How long a snapshot's name may be, in bytes.
const MAX_NAME: usize = 100;

/// How many masks a snapshot may have: each goes through the value.
const MAX_MASKS: usize = 100;

/// What stands in a snapshot in the place of a masked value, and its words.
const MARKERS: &[(&str, &str, &str)] = &[
    ("null", "<null>", "masked null"),
    ("boolean", "<boolean>", "a masked boolean"),
    ("number", "<number>", "a masked number"),
    ("string", "<string>", "a masked string"),
    ("list", "<list>", "a masked list"),
    ("object", "<object>", "a masked object"),
];

impl Compiler<'_> {
    /// The operand of `$snapshot`: a name, or a name and masks.
    pub(super) fn snapshot(&mut self, operand: &Value, at: &Pointer, known: Known) -> Option<Snapshot> {
        let placed = self.may_be_snapshot(at, known);
        let name_at = if operand.is_object() { at.key("name") } else { at.clone() };
        let (name, masks) = match operand {
            Value::String(name) => (self.snapshot_name(name, &name_at), Some(Vec::new())),
            Value::Object(members) => {
                let unknown = members.keys().find(|key| !["name", "mask"].contains(&key.as_str()));
                if let Some(key) = unknown {
                    let message = format!("`$snapshot` has no key `{key}`");
                    let problem =
                        Diagnostic::error(Code::BadOperand, self.document.key_site(&at.key(key)), message);
                    return self.refuse(problem.help("its keys are name and mask"));
                }
                let name = match members.get("name") {
                    Some(Value::String(name)) => self.snapshot_name(name, &name_at),
                    _ => self.no_snapshot(if members.contains_key("name") { &name_at } else { at }),
                };
                let masks =
                    members.get("mask").map_or(Some(Vec::new()), |masks| self.masks(masks, &at.key("mask")));
                (name, masks)
            }
            _ => (self.no_snapshot(at), None),
        };
        placed?;
        Some(Snapshot { name: name?, at: name_at, masks: masks? })
    }

    fn no_snapshot<T>(&mut self, at: &Pointer) -> Option<T> {
        let problem = Diagnostic::error(Code::BadOperand, self.document.site(at), "`$snapshot` takes a name");
        self.refuse(
            problem.help("such as `$snapshot: created`, or `$snapshot: {name: created, mask: [$.id]}`"),
        )
    }

    /// Whether a snapshot can stand here: where one value of an exchange is compared once.
    fn may_be_snapshot(&mut self, at: &Pointer, known: Known) -> Option<()> {
        let refused = |message: &str, help: &str| {
            Diagnostic::error(Code::BadOperand, self.document.key_site(at), message).help(help)
        };
        let problem = if !matches!(self.root, Root::Exchange(..)) {
            refused(
                "no snapshot is compared here",
                "`$snapshot` stands under `expect`: write here what is expected",
            )
        } else if !known.once {
            refused(
                "`$snapshot` stands where one value is compared once: not in a list, nor under `$not` or `$any`",
                "write it at the whole list, or at the path of one value: `$.json.items[0]: {$snapshot: first}`",
            )
        } else {
            return Some(());
        };
        self.refuse(problem)
    }

    fn snapshot_name(&mut self, name: &str, at: &Pointer) -> Option<String> {
        if name.contains("{{") {
            let problem =
                Diagnostic::error(Code::TemplateHere, self.document.site(at), "a snapshot's name is fixed");
            return self
                .refuse(problem.help("each row has snapshots of its own, so that one name does for all"));
        }
        let slug = crate::suite::slug(name);
        if name == slug && !name.is_empty() && name.len() <= MAX_NAME {
            return Some(slug);
        }
        let message = format!(
            "`{}` is no name of a snapshot: it has up to {MAX_NAME} characters of a-z, 0-9, `_`, `.` and `-`",
            render::short(name)
        );
        let problem = Diagnostic::error(Code::BadName, self.document.site(at), message);
        let way = if slug.is_empty() || slug.len() > MAX_NAME {
            "such as `created`".to_owned()
        } else {
            format!("write `{slug}`")
        };
        self.refuse(problem.help(way))
    }

    fn masks(&mut self, masks: &Value, at: &Pointer) -> Option<Vec<(Path, Pointer)>> {
        let problem = |this: &Self, at: &Pointer, message: &str| {
            Diagnostic::error(Code::BadOperand, this.document.site(at), message)
                .help("write paths from the value: `mask: [$.id, '$.items[*].created']`")
        };
        let items = masks.as_array().filter(|items| !items.is_empty() && items.len() <= MAX_MASKS);
        let Some(items) = items else {
            let message = format!("`mask` takes a list of 1 to {MAX_MASKS} paths");
            let problem = problem(self, at, &message);
            return self.refuse(problem);
        };
        let paths: Vec<_> = items
            .iter()
            .enumerate()
            .map(|(index, item)| self.mask(item, &at.index(index), problem))
            .collect();
        paths.into_iter().collect()
    }

    fn mask(
        &mut self,
        item: &Value,
        at: &Pointer,
        problem: impl Fn(&Self, &Pointer, &str) -> Diagnostic,
    ) -> Option<(Path, Pointer)> {
        let Some(text) = item.as_str() else {
            let problem = problem(self, at, "a mask is a path");
            return self.refuse(problem);
        };
        if text.contains("{{") {
            let problem =
                Diagnostic::error(Code::TemplateHere, self.document.site(at), "a mask is a fixed path");
            return self.refuse(problem.help("write `*` where the names or indexes vary: `$.items[*].id`"));
        }
        match Path::compile(text) {
            Ok(_) if text.trim() == "$" => {
                let problem = problem(self, at, "a mask of the whole value leaves nothing of the snapshot");
                self.refuse(problem.help("for its type alone write `$type`"))
            }
            Ok(path) => Some((path, at.clone())),
            Err((message, offset)) => {
                let site = self.inside(at, false, text, offset..text.len());
                self.refuse(Diagnostic::error(Code::BadPath, site, message).help(
                    "a mask is a path from the value of the snapshot, such as `$.id` or `$.items[*].created`",
                ))
            }
        }
    }
}

pub(super) fn operate(
    context: Context<'_>,
    snapshot: &Snapshot,
    actual: &Value,
    place: &Place<'_>,
    outcome: &mut Outcome,
) {
    let nothing = || mismatch(&snapshot.at, place, "no snapshot can be compared here");
    let Some(recorder) = context.recorder else { return outcome.unknown(nothing) };
    let base = place.pointer();
    let inexact: Vec<&str> = context.inexact.iter().filter_map(|at| below(at, &base)).collect();
    let masked = masked(context, snapshot, actual, place, outcome);
    let Some(masked) = masked else { return };
    let bare = |at: &&str| !masked.iter().any(|mask| below(at, mask).is_some());
    if inexact.iter().any(bare) {
        let message = "a number in it cannot be stored: neither 64 bits nor a double holds it exactly";
        return outcome.unknown(|| {
            let mut mismatch = mismatch(&snapshot.at, place, message);
            mismatch.help.push("mask it".to_owned());
            mismatch
        });
    }
    let mut value = actual.clone();
    escape(&mut value);
    for at in &masked {
        let Some(node) = value.pointer_mut(at) else { continue };
        let kind = if inexact.contains(&at.as_str()) { "number" } else { type_name(node) };
        let marker =
            MARKERS.iter().find(|(name, ..)| *name == kind).map_or("<object>", |(_, marker, _)| marker);
        *node = Value::from(marker);
    }
    match recorder.snapshot(&snapshot.name, value) {
        Stored::Recorded => {}
        Stored::There { document, at, value } => {
            let Some(stored) = document.get(&at) else { return outcome.unknown(nothing) };
            let node = stored_node(stored, &at);
            let mut told = Outcome::tell();
            compare(context.unrecorded().with(&[]), &node, Some(&value), place, &mut told);
            let (mismatches, more) = told.mismatches();
            for difference in mismatches {
                outcome.differs(|| of_snapshot(difference, &snapshot.at, &document));
            }
            (0..more).for_each(|_| {
                outcome.differs(|| mismatch(&snapshot.at, place, "it differs from its snapshot"))
            });
        }
        Stored::Absent { notes, help } => outcome.differs(|| Mismatch {
            actual: Some(render::value(actual)),
            notes,
            help: vec![help],
            ..mismatch(&snapshot.at, place, format!("there is no snapshot `{}`", snapshot.name))
        }),
        Stored::Unreadable(problem) => outcome.unknown(|| {
            let message = format!("the snapshots cannot be read: {}", problem.message);
            let stored = problem.site().cloned();
            Mismatch { stored, help: problem.help, ..mismatch(&snapshot.at, place, message) }
        }),
    }
}

/// The JSON Pointers of everything that is masked; none where a mask hits nothing, which is told.
fn masked(
    context: Context<'_>,
    snapshot: &Snapshot,
    actual: &Value,
    place: &Place<'_>,
    outcome: &mut Outcome,
) -> Option<Vec<String>> {
    let (mut masked, mut whole) = (Vec::new(), true);
    for (path, at) in &snapshot.masks {
        // It has no template that could fail.
        let hits = path.query(actual, context.scope).unwrap_or_default();
        if hits.is_empty() {
            whole = false;
            outcome.unknown(|| {
                let message = format!("the mask `{}` hits nothing", render::short(path.source()));
                let mut mismatch =
                    Mismatch { actual: Some(render::value(actual)), ..mismatch(at, place, message) };
                mismatch
                    .help
                    .push("take it out, or mend its path: it begins at the value of the snapshot".to_owned());
                mismatch
            });
        }
        masked.extend(hits.into_iter().map(|hit| hit.pointer));
    }
    // What stands inside of something masked goes with it, and each is masked once: a mark is a string.
    masked.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
    masked.dedup();
    whole.then_some(masked)
}

/// Marks every text that looks like a marker, so that a marker is never data.
fn escape(value: &mut Value) {
    match value {
        Value::String(text) => {
            let bare = text.trim_start_matches('<');
            let is_marker = text.len() > bare.len()
                && MARKERS.iter().any(|(name, ..)| bare.strip_suffix('>').is_some_and(|bare| bare == *name));
            if is_marker {
                text.insert(0, '<');
            }
        }
        Value::Array(items) => items.iter_mut().for_each(escape),
        Value::Object(members) => members.values_mut().for_each(escape),
        _ => {}
    }
}

/// The stored value, each node of it at its place in the file of snapshots.
fn stored_node(value: &Value, at: &Pointer) -> Node {
    let kind = match value {
        Value::Array(items) => Kind::List(
            items.iter().enumerate().map(|(index, item)| stored_node(item, &at.index(index))).collect(),
        ),
        Value::Object(members) => Kind::Object {
            members: members
                .iter()
                .map(|(name, member)| Member { name: name.clone(), node: stored_node(member, &at.key(name)) })
                .collect(),
            paths: Vec::new(),
            exact: true,
        },
        scalar => Kind::Scalar(scalar.clone(), None),
    };
    Node { at: at.clone(), kind }
}

/// A difference from a snapshot: its caret is on the snapshot's name, and the line of the snapshot stands beside it.
fn of_snapshot(difference: Mismatch, at: &Pointer, document: &Document) -> Mismatch {
    let stored = if difference.at_key {
        document.key_site(&difference.expected_at)
    } else {
        document.site(&difference.expected_at)
    };
    let in_words = |side: Option<String>| {
        let text = side?;
        let marker = MARKERS.iter().find(|(_, marker, _)| text == format!("string \"{marker}\""));
        Some(marker.map_or(text, |(.., words)| (*words).to_owned()))
    };
    Mismatch {
        expected_at: at.clone(),
        at_key: false,
        expected: in_words(difference.expected),
        actual: in_words(difference.actual),
        stored: Some(stored),
        ..difference
    }
}

/// Whether two values are equal as data: numbers by their value, the order of keys left out.
pub(crate) fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| same(a, b)))
        }
        (a, b) => equal(a, b),
    }
}

/// The path of a member of what is at a path.
pub(crate) fn path_below(path: &str, name: &str) -> String {
    let mut path = path.to_owned();
    push_key(&mut path, name);
    path
}

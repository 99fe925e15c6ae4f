//! The walk over expected and actual, side by side.

use std::cell::Cell;
use std::collections::HashSet;

use serde_json::{Map, Value};

use super::node::{Kind, Member, Node, Op, PathKey};
use super::outcome::{Context, Outcome, Verdict, below, max_steps};
use super::place::Place;
use super::{Actual, Mismatch, Recorder, number, operate, render, text};
use crate::nearest::nearest;
use crate::source::Pointer;
use crate::template::{RenderError, Scope, type_name, with_article};

/// Among how many keys a misspelt one is looked for.
const MAX_NAMES: usize = 500;

/// Every difference of a document.
pub(super) fn differences(
    node: &Node,
    actual: Actual<'_>,
    scope: &Scope,
    recorder: Option<&dyn Recorder>,
) -> Vec<Mismatch> {
    let steps = Cell::new(0);
    let context = Context::new(scope, actual.inexact, recorder, &steps);
    let mut outcome = Outcome::tell();
    compare(context, node, Some(actual.value), &Place::root(), &mut outcome);
    let (mut mismatches, more) = outcome.mismatches();
    if more > 0
        && let Some(last) = mismatches.last_mut()
    {
        last.notes.push(format!("and {} more", render::counted(more, "difference")));
        // Who mends this one has not mended those.
        last.found = None;
    }
    mismatches
}

/// A mismatch at a node, without the two values.
pub(super) fn mismatch(at: &Pointer, place: &Place<'_>, message: impl Into<String>) -> Mismatch {
    Mismatch {
        expected_at: at.clone(),
        at_key: false,
        actual_at: place.shown(),
        message: message.into(),
        expected: None,
        actual: None,
        notes: Vec::new(),
        help: Vec::new(),
        stored: None,
        found: None,
    }
}

/// A mismatch of a value that is there.
pub(super) fn differing(
    node: &Node,
    value: &Value,
    place: &Place<'_>,
    message: impl Into<String>,
) -> Mismatch {
    Mismatch {
        expected: Some(render::expected(node)),
        actual: Some(render::value(value)),
        ..mismatch(&node.at, place, message)
    }
}

/// A template that has no value.
pub(super) fn unrendered(at: &Pointer, place: &Place<'_>, error: RenderError) -> Mismatch {
    let mut mismatch =
        mismatch(at, place, format!("the expected value cannot be rendered: {}", error.message));
    mismatch.notes.extend(error.help);
    mismatch
}

/// Whether a node holds for a value.
pub(super) fn verdict(context: Context<'_>, node: &Node, actual: &Value, place: &Place<'_>) -> Verdict {
    let mut outcome = Outcome::probe();
    compare(context.unrecorded(), node, Some(actual), place, &mut outcome);
    outcome.verdict()
}

pub(super) fn compare(
    context: Context<'_>,
    node: &Node,
    actual: Option<&Value>,
    place: &Place<'_>,
    outcome: &mut Outcome,
) {
    if context.exhausted() {
        return outcome.unknown(|| {
            mismatch(&node.at, place, format!("the comparison takes more than {} steps", max_steps()))
        });
    }
    let Some(actual) = actual else {
        if !node.holds_for_nothing() {
            outcome.differs(|| missing(node, place));
        }
        return;
    };
    match &node.kind {
        Kind::Operators(operators) => {
            for operator in operators {
                operate::operate(context, node, operator, actual, place, outcome);
            }
        }
        Kind::Template(template) => match template.render(context.scope) {
            Ok(value) => data(context, &node.at, &value, actual, place, outcome),
            Err(error) => outcome.unknown(|| unrendered(&node.at, place, error)),
        },
        _ if context.is_inexact(place) => outcome.unknown(|| inexact(node, actual, place)),
        Kind::Scalar(expected, spelling) => {
            if !equal(expected, actual) {
                outcome.differs(|| {
                    let same = type_name(expected) == type_name(actual);
                    let message = if same { "the value differs" } else { "the type differs" };
                    let mut mismatch = differing(node, actual, place, message);
                    mismatch.notes = text::notes(expected, spelling.as_deref(), actual);
                    mismatch.found = context.recorder.map(|_| actual.clone());
                    mismatch
                });
            } else if let Some(recorder) = context.recorder {
                recorder.held(&node.at);
            }
        }
        Kind::List(nodes) => match actual {
            Value::Array(items) => super::list::compare(context, node, nodes, items, place, outcome),
            _ => outcome.differs(|| wrong_type(node, actual, place)),
        },
        Kind::Object { members, paths, exact } => {
            object(context, node, (members, *exact), actual, place, outcome);
            for key in paths {
                path(context, key, actual, place, outcome);
            }
        }
    }
}

/// A value that a template gave, compared as data: whole, and without operators.
pub(super) fn data(
    context: Context<'_>,
    at: &Pointer,
    expected: &Value,
    actual: &Value,
    place: &Place<'_>,
    outcome: &mut Outcome,
) {
    // Of a list or object a part stands nowhere.
    let context = if expected.is_array() || expected.is_object() { context.unrecorded() } else { context };
    compare(context, &Node::data(expected, at), Some(actual), place, outcome);
}

/// Whether two scalars are equal; containers never are.
pub(super) fn equal(expected: &Value, actual: &Value) -> bool {
    match (expected, actual) {
        (Value::Number(a), Value::Number(b)) => number::order(a, b).is_eq(),
        (Value::String(a), Value::String(b)) => a == b,
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Null, Value::Null) => true,
        _ => false,
    }
}

fn wrong_type(node: &Node, actual: &Value, place: &Place<'_>) -> Mismatch {
    let mut mismatch = differing(node, actual, place, "the type differs");
    if let Value::String(text) = actual
        && text.trim_start().starts_with(['{', '['])
        && crate::json::parse(text.as_bytes()).is_ok()
    {
        mismatch.notes.push("the string is JSON text: `$json` matches what it says".to_owned());
    }
    mismatch
}

pub(super) fn inexact(node: &Node, actual: &Value, place: &Place<'_>) -> Mismatch {
    let literal = actual.as_str().unwrap_or_default();
    let mut mismatch = mismatch(
        &node.at,
        place,
        "the number cannot be compared: neither 64 bits nor a double holds it exactly",
    );
    mismatch.expected = Some(render::expected(node));
    mismatch.actual = Some(format!("number {}", render::short(literal)));
    mismatch.notes.push("`$exists: true` and `$type: number` hold for it".to_owned());
    mismatch
}

fn missing(node: &Node, place: &Place<'_>) -> Mismatch {
    let expected = Some(render::expected(node));
    // The caret stands under the key that is missing, or under the `$exists` that speaks of it.
    match node.exists() {
        Some(at) => Mismatch { expected, ..mismatch(at, place, "it is not there") },
        None => Mismatch { at_key: true, expected, ..mismatch(&node.at, place, "it is not there") },
    }
}

fn object(
    context: Context<'_>,
    node: &Node,
    (expected, exact): (&[Member], bool),
    actual: &Value,
    place: &Place<'_>,
    outcome: &mut Outcome,
) {
    let Value::Object(members) = actual else {
        if !expected.is_empty() || exact {
            outcome.differs(|| wrong_type(node, actual, place));
        }
        return;
    };
    for member in expected {
        let there = place.key(&member.name);
        match members.get(&member.name) {
            Some(value) => compare(context, &member.node, Some(value), &there, outcome),
            None if member.node.holds_for_nothing() => {}
            None => outcome.differs(|| missing_member(member, expected, members, &there)),
        }
        if outcome.is_settled() {
            return;
        }
    }
    if exact {
        let known: HashSet<&str> = expected.iter().map(|member| member.name.as_str()).collect();
        for (name, value) in members {
            if !known.contains(name.as_str()) {
                outcome.differs(|| Mismatch {
                    at_key: true,
                    expected: Some("no other keys".to_owned()),
                    actual: Some(render::value(value)),
                    ..mismatch(
                        &node.at,
                        &place.key(name),
                        format!("the key `{}` is not expected", render::short(name)),
                    )
                });
            }
        }
    }
}

fn missing_member(
    member: &Member,
    expected: &[Member],
    members: &Map<String, Value>,
    place: &Place<'_>,
) -> Mismatch {
    let mut mismatch = Mismatch {
        message: format!("the key `{}` is not there", render::short(&member.name)),
        ..missing(&member.node, place)
    };
    let known: HashSet<&str> = expected.iter().map(|member| member.name.as_str()).collect();
    let others = members.keys().map(String::as_str).filter(|name| !known.contains(name)).take(MAX_NAMES);
    if let Some(near) = nearest(&member.name, others) {
        mismatch.notes.push(format!("there is `{near}`"));
    } else if members.is_empty() {
        mismatch.notes.push("the object has no keys".to_owned());
    }
    mismatch.notes.extend(why_absent(&member.name, members));
    mismatch
}

/// Why an exchange lacks a field, as far as its other fields tell.
fn why_absent(name: &str, exchange: &Map<String, Value>) -> Option<String> {
    // Only an exchange has both.
    let (outcome, _) = (exchange.get("outcome")?.as_str()?, exchange.get("phase")?);
    match exchange.get("error") {
        _ if outcome != "answered" => Some(format!("the outcome is `{outcome}`")),
        Some(error) if name != "http" => {
            Some(format!("the server answered with an error: {}", render::value(error)))
        }
        _ if name == "json" => Some(match exchange.get("text") {
            Some(text) => format!("`text` is no JSON: {}", render::value(text)),
            None => "there is no text".to_owned(),
        }),
        _ => None,
    }
}

/// A key that is a JSONPath.
fn path(context: Context<'_>, key: &PathKey, actual: &Value, place: &Place<'_>, outcome: &mut Outcome) {
    let at = &key.node.at;
    let shown = key.path.source();
    let hits = match key.path.query(actual, context.scope) {
        Ok(hits) => hits,
        Err(error) => {
            return outcome
                .unknown(|| Mismatch { at_key: true, ..unrendered(at, &Place::found(shown, ""), error) });
        }
    };
    if key.path.is_singular() {
        match hits.first() {
            Some(hit) => {
                let place = Place::found(&hit.shown, &hit.pointer);
                compare(context, &key.node, Some(hit.value), &place, outcome);
            }
            None if key.node.holds_for_nothing() => {}
            None => outcome.differs(|| {
                let mut mismatch = missing(&key.node, &Place::found(shown, ""));
                mismatch.notes.extend(dead_end(key, actual));
                mismatch
            }),
        }
        return;
    }
    if hits.is_empty() {
        if key.node.holds_for_nothing() {
            return;
        }
        if !key.node.speaks_of_emptiness() {
            return outcome.differs(|| Mismatch {
                message: "the path finds nothing".to_owned(),
                ..missing(&key.node, &Place::found(shown, ""))
            });
        }
    }
    let places: Vec<String> = hits.iter().map(|hit| hit.shown.clone()).collect();
    let list = Value::Array(hits.iter().map(|hit| hit.value.clone()).collect());
    let base = place.pointer();
    // The places of inexact numbers are those in the list now.
    let mut moved = Vec::new();
    for (index, hit) in hits.iter().enumerate() {
        let pointer = format!("{base}{}", hit.pointer);
        moved.extend(
            context.inexact.iter().filter_map(|at| below(at, &pointer)).map(|rest| format!("/{index}{rest}")),
        );
    }
    compare(context.with(&moved), &key.node, Some(&list), &Place::nodes(shown, &places), outcome);
}

/// Where a path that names one node leaves the document.
fn dead_end(key: &PathKey, actual: &Value) -> Option<String> {
    let mut value = actual;
    let mut shown = "$".to_owned();
    for name in key.path.names() {
        let Some(members) = value.as_object() else {
            return Some(format!("`{shown}` is {}", with_article(value)));
        };
        let Some(next) = members.get(name) else {
            return nearest(name, members.keys().map(String::as_str).take(MAX_NAMES))
                .map(|near| format!("at `{shown}` there is `{near}`"));
        };
        super::place::push_key(&mut shown, name);
        value = next;
    }
    None
}

/// Whether an operator can say something of a number that is kept as text.
pub(super) fn takes_inexact(op: &Op) -> bool {
    matches!(op, Op::Exists(_) | Op::Type(_) | Op::All(_) | Op::Any(_) | Op::Not { .. } | Op::Snapshot(_))
}

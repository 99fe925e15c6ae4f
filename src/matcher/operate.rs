//! Each operator on a value that is there.

use std::collections::HashMap;

use regex::{Regex, RegexBuilder};
use serde_json::Value;

use super::cannot_fail;
use super::compare::{compare, differing, mismatch, takes_inexact, unrendered, verdict};
use super::list;
use super::node::{Bound, Kind, Node, Op, Operand, Operator, Pattern, Type};
use super::number::{is_integer, near, order, read_number};
use super::operators::{read_text, read_tolerance};
use super::outcome::{Context, Outcome, Verdict};
use super::place::Place;
use super::{Mismatch, render};
use crate::json;
use crate::source::Pointer;
use crate::template::{Template, decode_base64, with_article};

/// How large a compiled regular expression may be, in bytes.
pub(super) const REGEX_SIZE: usize = 2 * 1024 * 1024;

/// How many violations of a schema are told.
const MAX_VIOLATIONS: usize = 5;

/// Compiles a regular expression within the bounds.
pub(super) fn regex(text: &str) -> Result<Regex, String> {
    RegexBuilder::new(text).size_limit(REGEX_SIZE).nest_limit(100).build().map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => {
            "the regular expression is too large when it is compiled".to_owned()
        }
        other => format!("this is no regular expression: {other}"),
    })
}

/// One operator at one node.
struct At<'a> {
    context: Context<'a>,
    operator: &'a Operator,
    actual: &'a Value,
    place: &'a Place<'a>,
}

pub(super) fn operate(
    context: Context<'_>,
    node: &Node,
    operator: &Operator,
    actual: &Value,
    place: &Place<'_>,
    outcome: &mut Outcome,
) {
    if !takes_inexact(&operator.op) && context.is_inexact(place) {
        return outcome.unknown(|| super::compare::inexact(node, actual, place));
    }
    At { context, operator, actual, place }.run(outcome);
}

impl At<'_> {
    fn differs(&self, message: impl Into<String>) -> Mismatch {
        Mismatch {
            expected: Some(render::operator(self.operator)),
            actual: Some(render::value(self.actual)),
            ..mismatch(&self.operator.at, self.place, message)
        }
    }

    /// Holds or not, with one message for the second.
    fn must(&self, holds: bool, message: &str, outcome: &mut Outcome) {
        if !holds {
            outcome.differs(|| self.differs(message));
        }
    }

    /// The operand, or none where that was told.
    fn operand<T: Clone>(
        &self,
        operand: &Operand<T>,
        read: impl FnOnce(&Value) -> Result<T, String>,
        outcome: &mut Outcome,
    ) -> Option<T> {
        match operand {
            Operand::Fixed(value) => Some(value.clone()),
            Operand::Template(template, at) => {
                let value = self.rendered(template, at, outcome)?;
                read(&value)
                    .map_err(|message| {
                        let message = format!(
                            "`{}` has an operand that it does not take: {message}",
                            self.operator.name
                        );
                        outcome.unknown(|| self.differs(message));
                    })
                    .ok()
            }
        }
    }

    fn rendered(&self, template: &Template, at: &Pointer, outcome: &mut Outcome) -> Option<Value> {
        template
            .render(self.context.scope)
            .map_err(|error| outcome.unknown(|| unrendered(at, self.place, error)))
            .ok()
    }

    /// A template made a matcher that cannot fail of it.
    fn cannot_fail(&self, why: &str, outcome: &mut Outcome) {
        outcome.unknown(|| {
            self.differs(format!("this matcher cannot fail with the value of its template: {why}"))
        });
    }

    fn text(&self, operand: &Operand<String>, outcome: &mut Outcome) -> Option<String> {
        let text = self.operand(operand, read_text, outcome)?;
        if text.is_empty() {
            self.cannot_fail("the text is empty", outcome);
            return None;
        }
        Some(text)
    }

    fn run(&self, outcome: &mut Outcome) {
        let (context, actual, place) = (self.context, self.actual, self.place);
        match &self.operator.op {
            Op::Bound { order, bound: operand, unit } => {
                let Some(bound) = self.operand(operand, |value| Bound::read(value, *unit), outcome) else {
                    return;
                };
                if matches!(operand, Operand::Template(..))
                    && cannot_fail::bound_always(*order, &bound, *unit)
                {
                    return self.cannot_fail("there are no negative ones", outcome);
                }
                let message = match bound.order_of(actual) {
                    Some(ordering) if order.holds(ordering) => return,
                    Some(_) => format!("it is not {} {}", order.words(), bound.shown()),
                    None => format!("it cannot be compared with {}", bound.shown()),
                };
                outcome.differs(|| self.differs(message));
            }
            Op::Near { value, tolerance, unit } => {
                let value = self.operand(value, |value| read_number(value, *unit), outcome);
                let tolerance = self.operand(tolerance, |value| read_tolerance(value, *unit), outcome);
                let (Some(value), Some(tolerance)) = (value, tolerance) else { return };
                let message = match actual {
                    Value::Number(number) if near(number, &value, &tolerance) => return,
                    Value::Number(_) => "it is not near enough",
                    _ => "it is no number",
                };
                outcome.differs(|| self.differs(message));
            }
            Op::Matches(pattern) => self.matches(pattern, outcome),
            Op::Contains(node) => self.contains(node, outcome),
            Op::StartsWith(operand) | Op::EndsWith(operand) => {
                let Some(text) = self.text(operand, outcome) else { return };
                let starts = matches!(self.operator.op, Op::StartsWith(_));
                match actual {
                    Value::String(actual) if starts => {
                        self.must(actual.starts_with(&text), "it starts otherwise", outcome)
                    }
                    Value::String(actual) => self.must(actual.ends_with(&text), "it ends otherwise", outcome),
                    _ => outcome.differs(|| self.differs("it is no string")),
                }
            }
            Op::Length(node) => {
                let length = match actual {
                    Value::String(text) => text.chars().count(),
                    Value::Array(items) => items.len(),
                    Value::Object(members) => members.len(),
                    other => {
                        let message = format!("{} has no length", with_article(other));
                        return outcome.differs(|| self.differs(message));
                    }
                };
                compare(context.with(&[]), node, Some(&length.into()), &place.made("length"), outcome);
            }
            Op::Type(kind) => self.must(self.has_type(*kind), "the type differs", outcome),
            Op::Format(name, validator) => {
                let schema = || serde_json::json!({"type": "string", "format": name});
                let build = || jsonschema::options().should_validate_formats(true).build(&schema()).ok();
                let holds =
                    validator.get_or_init(build).as_ref().is_some_and(|validator| validator.is_valid(actual));
                self.must(holds, "the format differs", outcome);
            }
            Op::Schema(validator) => {
                if context.is_inexact_below(place) {
                    let message =
                        "a number in it cannot be checked: neither 64 bits nor a double holds it exactly";
                    return outcome.unknown(|| self.differs(message));
                }
                if validator.is_valid(actual) {
                    return;
                }
                for error in validator.iter_errors(actual).take(MAX_VIOLATIONS) {
                    outcome.differs(|| {
                        let mut mismatch = self.differs("it does not obey the schema");
                        let (inside, rule) =
                            (error.instance_path().to_string(), error.schema_path().to_string());
                        mismatch.expected_at = below(&self.operator.at, &rule);
                        mismatch.notes.push(render::short(&error.to_string()).into_owned());
                        let whole =
                            if inside.is_empty() { String::new() } else { format!("at {inside} in it, ") };
                        mismatch.notes.push(format!("{whole}by {rule} of the schema"));
                        mismatch
                    });
                }
            }
            Op::Exists(expected) => self.must(*expected, "it is there", outcome),
            Op::All(nodes) => {
                nodes.iter().for_each(|node| compare(context, node, Some(actual), place, outcome))
            }
            Op::Any(nodes) => self.any(nodes, outcome),
            Op::Not { node, may_be_empty } => self.not(node, *may_be_empty, outcome),
            Op::Each { node, may_be_empty } => {
                let Some(items) = self.items(*may_be_empty, outcome) else { return };
                for (index, item) in items.iter().enumerate() {
                    compare(context, node, Some(item), &place.index(index), outcome);
                    if outcome.is_settled() {
                        return;
                    }
                }
            }
            Op::Unordered(node) => {
                let Some(items) = self.items(true, outcome) else { return };
                match &node.kind {
                    Kind::List(nodes) => list::unordered(context, (&node.at, nodes), items, place, outcome),
                    Kind::Template(template) => match self.rendered(template, &node.at, outcome) {
                        Some(Value::Array(expected)) => {
                            let nodes: Vec<Node> =
                                expected.iter().map(|value| Node::data(value, &node.at)).collect();
                            list::unordered(context, (&node.at, &nodes), items, place, outcome);
                        }
                        Some(other) => {
                            let message = format!(
                                "`$unordered` takes a list, and its template gives {}",
                                with_article(&other)
                            );
                            outcome.unknown(|| self.differs(message));
                        }
                        None => {}
                    },
                    _ => {}
                }
            }
            Op::Unique { expected, may_be_empty } => self.unique(*expected, *may_be_empty, outcome),
            Op::Sorted { descending, may_be_empty } => self.sorted(*descending, *may_be_empty, outcome),
            Op::Exact(node) => compare(context, node, Some(actual), place, outcome),
            Op::Json(node) => match actual {
                Value::String(text) => match json::parse(text.as_bytes()) {
                    Ok(parsed) => {
                        let context = context.with(&parsed.inexact);
                        compare(context, node, Some(&parsed.value), &place.made("as JSON"), outcome);
                    }
                    Err(error) => outcome.differs(|| self.differs(format!("it is not JSON text: {error}"))),
                },
                _ => outcome.differs(|| self.differs("it is no string, so it is no JSON text")),
            },
            Op::Base64(node) => match actual {
                Value::String(text) => match decode_base64(text) {
                    Ok(text) => compare(
                        context.with(&[]),
                        node,
                        Some(&text.into()),
                        &place.made("from base64"),
                        outcome,
                    ),
                    Err(reason) => outcome.differs(|| self.differs(reason)),
                },
                _ => outcome.differs(|| self.differs("it is no string, so it is no base64")),
            },
            Op::Snapshot(snapshot) => {
                super::snapshot::operate(context, snapshot, actual, place, outcome);
            }
        }
    }

    fn has_type(&self, kind: Type) -> bool {
        if self.context.is_inexact(self.place) {
            let digits =
                |text: &str| text.strip_prefix('-').unwrap_or(text).bytes().all(|b| b.is_ascii_digit());
            return match kind {
                Type::Number => true,
                Type::Integer => self.actual.as_str().is_some_and(digits),
                _ => false,
            };
        }
        match (kind, self.actual) {
            (Type::String, Value::String(_))
            | (Type::Number, Value::Number(_))
            | (Type::Boolean, Value::Bool(_))
            | (Type::Null, Value::Null)
            | (Type::List, Value::Array(_))
            | (Type::Object, Value::Object(_)) => true,
            (Type::Integer, Value::Number(number)) => is_integer(number),
            _ => false,
        }
    }

    fn matches(&self, pattern: &Pattern, outcome: &mut Outcome) {
        let search = |regex: &Regex, outcome: &mut Outcome| match self.actual {
            Value::String(text) => self.must(regex.is_match(text), "the pattern is not found in it", outcome),
            _ => outcome.differs(|| self.differs("it is no string")),
        };
        match pattern {
            Pattern::Fixed { text, compiled } => match compiled.get_or_init(|| regex(text)) {
                Ok(regex) => search(regex, outcome),
                Err(message) => outcome.unknown(|| self.differs(message.clone())),
            },
            Pattern::Template(template) => {
                let Some(value) = self.rendered(template, &self.operator.at, outcome) else { return };
                let made = read_text(&value).and_then(|text| match cannot_fail::pattern(&text) {
                    Ok(true) => Err("this matcher cannot fail with the value of its template".to_owned()),
                    Ok(false) | Err(_) => regex(&text),
                });
                match made {
                    Ok(regex) => search(&regex, outcome),
                    Err(message) => outcome.unknown(|| self.differs(message)),
                }
            }
        }
    }

    fn contains(&self, node: &Node, outcome: &mut Outcome) {
        // What a template gives stands in the place of its operand, as data.
        let made;
        let node = match &node.kind {
            Kind::Template(template) => {
                let Some(value) = self.rendered(template, &node.at, outcome) else { return };
                let empty = match &value {
                    Value::String(text) => text.is_empty(),
                    Value::Array(items) => items.is_empty(),
                    _ => false,
                };
                if empty {
                    return self.cannot_fail("it is empty", outcome);
                }
                made = Node::data(&value, &node.at);
                &made
            }
            _ => node,
        };
        match (self.actual, &node.kind) {
            (Value::Array(items), Kind::List(nodes)) => {
                list::contains_each(self.context, (&node.at, nodes), items, self.place, outcome);
            }
            (Value::Array(items), _) => list::contains_one(self.context, node, items, self.place, outcome),
            (Value::String(text), Kind::Scalar(Value::String(part), _)) => {
                self.must(text.contains(part.as_str()), "it does not contain the text", outcome);
            }
            (Value::String(text), Kind::List(nodes)) => {
                for node in nodes {
                    match &node.kind {
                        Kind::Scalar(Value::String(part), _) if !part.is_empty() => {
                            if !text.contains(part.as_str()) {
                                outcome.differs(|| {
                                    differing(node, self.actual, self.place, "it does not contain the text")
                                });
                            }
                        }
                        Kind::Template(template) => {
                            let Some(part) = self.rendered(template, &node.at, outcome) else { return };
                            if part.as_str().is_some_and(str::is_empty) {
                                return self.cannot_fail("a text in it is empty", outcome);
                            }
                            self.contains(&Node::data(&part, &node.at), outcome);
                        }
                        _ => outcome.differs(|| {
                            differing(node, self.actual, self.place, "a string contains texts only")
                        }),
                    }
                }
            }
            (Value::String(_), _) => outcome.differs(|| self.differs("a string contains texts only")),
            (Value::Object(_), _) => outcome.differs(|| {
                let mut mismatch = self.differs("`$contains` is for strings and lists");
                mismatch.notes.push("a plain mapping matches an object that has more keys".to_owned());
                mismatch
            }),
            _ => outcome.differs(|| self.differs("`$contains` is for strings and lists")),
        }
    }

    fn any(&self, nodes: &[Node], outcome: &mut Outcome) {
        let mut unknown = false;
        for node in nodes {
            match verdict(self.context, node, self.actual, self.place) {
                Verdict::Holds => return,
                Verdict::Differs => {}
                Verdict::Unknown => unknown = true,
            }
        }
        let make = || {
            let mut mismatch = self.differs("none of the branches holds");
            // Each branch says in a line why not.
            for (index, node) in nodes.iter().enumerate().take(8) {
                let mut told = Outcome::tell();
                compare(self.context.unrecorded(), node, Some(self.actual), self.place, &mut told);
                let (mismatches, more) = told.mismatches();
                if let Some(first) = mismatches.first() {
                    let rest = mismatches.len() + more - 1;
                    let more = if rest > 0 { format!(", and {rest} more") } else { String::new() };
                    mismatch.notes.push(format!("branch {index}: {}{more}", first.summary()));
                }
            }
            mismatch
        };
        if unknown { outcome.unknown(make) } else { outcome.differs(make) }
    }

    fn not(&self, node: &Node, may_be_empty: bool, outcome: &mut Outcome) {
        let is_empty = self.actual.as_array().is_some_and(Vec::is_empty);
        if is_empty && !may_be_empty && node.asks_contains() {
            return outcome.unknown(|| self.nothing_to_look_at());
        }
        match verdict(self.context, node, self.actual, self.place) {
            Verdict::Holds => outcome.differs(|| self.differs("it is what it must not be")),
            Verdict::Differs => {}
            Verdict::Unknown => {
                let mut told = Outcome::unknown_only();
                compare(self.context.unrecorded(), node, Some(self.actual), self.place, &mut told);
                outcome.append_unknown(told);
            }
        }
    }

    fn nothing_to_look_at(&self) -> Mismatch {
        let mut mismatch = self.differs("the list is empty, so nothing was looked at");
        mismatch
            .notes
            .push("where an empty list is good, write `$length` beside it: `$length: {$lte: 10}`".to_owned());
        mismatch
    }

    /// The elements of a list that has some.
    fn items(&self, may_be_empty: bool, outcome: &mut Outcome) -> Option<&[Value]> {
        let Value::Array(items) = self.actual else {
            outcome.differs(|| self.differs("it is no list"));
            return None;
        };
        if items.is_empty() && !may_be_empty {
            outcome.unknown(|| self.nothing_to_look_at());
            return None;
        }
        Some(items)
    }

    fn unique(&self, expected: bool, may_be_empty: bool, outcome: &mut Outcome) {
        let Some(items) = self.items(may_be_empty, outcome) else { return };
        if self.context.is_inexact_below(self.place) {
            let message = "a number in it cannot be compared: neither 64 bits nor a double holds it exactly";
            return outcome.unknown(|| self.differs(message));
        }
        let mut seen: HashMap<String, usize> = HashMap::new();
        for (index, item) in items.iter().enumerate() {
            let mut key = String::new();
            canonical(item, &mut key);
            if let Some(first) = seen.get(&key) {
                if !expected {
                    return;
                }
                outcome.differs(|| Mismatch {
                    expected: Some(render::operator(self.operator)),
                    actual: Some(render::value(item)),
                    ..mismatch(
                        &self.operator.at,
                        &self.place.index(index),
                        format!("element {index} equals element {first}"),
                    )
                });
            } else {
                seen.insert(key, index);
            }
        }
        if !expected {
            outcome.differs(|| self.differs("no two elements are equal"));
        }
    }

    fn sorted(&self, descending: bool, may_be_empty: bool, outcome: &mut Outcome) {
        let Some(items) = self.items(may_be_empty, outcome) else { return };
        if self.context.is_inexact_below(self.place) {
            let message = "a number in it cannot be compared: neither 64 bits nor a double holds it exactly";
            return outcome.unknown(|| self.differs(message));
        }
        for (index, pair) in items.windows(2).enumerate() {
            let [before, after] = pair else { continue };
            let ordering = match (before, after) {
                (Value::Number(a), Value::Number(b)) => order(a, b),
                (Value::String(a), Value::String(b)) => a.cmp(b),
                _ => {
                    return outcome.differs(|| self.differs("only numbers, or only strings, have an order"));
                }
            };
            if if descending { ordering.is_lt() } else { ordering.is_gt() } {
                outcome.differs(|| Mismatch {
                    expected: Some(render::operator(self.operator)),
                    actual: Some(format!("{}, then {}", render::value(before), render::value(after))),
                    ..mismatch(
                        &self.operator.at,
                        &self.place.index(index + 1),
                        format!("elements {index} and {} are not in order", index + 1),
                    )
                });
            }
        }
        // One element alone has an order only if it is of a kind that has one.
        if let [Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_)] = items {
            outcome.differs(|| self.differs("only numbers, or only strings, have an order"));
        }
    }
}

/// The pointer of a place inside the value at another.
pub(super) fn below(at: &Pointer, inside: &str) -> Pointer {
    let names = inside.split('/').skip(1).map(|name| name.replace("~1", "/").replace("~0", "~"));
    // An index has the form of a name in a pointer.
    names.fold(at.clone(), |at, name| at.key(&name))
}

/// A text that is the same for equal values: keys in order, numbers by their value.
fn canonical(value: &Value, out: &mut String) {
    match value {
        Value::Array(items) => {
            out.push('[');
            for item in items {
                canonical(item, out);
                out.push(',');
            }
            out.push(']');
        }
        Value::Object(members) => {
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_by_key(|(name, _)| name.as_str());
            out.push('{');
            for (name, member) in sorted {
                out.push_str(&Value::from(name.as_str()).to_string());
                out.push(':');
                canonical(member, out);
                out.push(',');
            }
            out.push('}');
        }
        Value::Number(number) if number.is_f64() && is_integer(number) => {
            // `{:.0}` writes all digits of a double that has no fraction.
            let text = format!("{:.0}", number.as_f64().unwrap_or_default());
            out.push_str(if text == "-0" { "0" } else { &text });
        }
        scalar => out.push_str(&scalar.to_string()),
    }
}

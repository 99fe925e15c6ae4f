//! Values and expectations in words: with their types, and shortened where they are long.

use std::borrow::Cow;

use serde_json::Value;

use super::node::{Bound, Kind, Node, Op, Operand, Operator, Pattern};
use crate::template::type_name;

/// How many characters of a value are shown.
const SHOWN: usize = 160;

/// How many elements or members of a container are written out before it is cut.
const MEMBERS: usize = 12;

/// A value with its type: `string "22"`, `number 22`, `list [1,2]`.
pub(super) fn value(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        _ => format!("{} {}", type_name(value), short(&json(value))),
    }
}

/// A list with its type.
pub(super) fn list(items: &[Value]) -> String {
    let mut out = String::new();
    write_list(items, &mut out, 0);
    format!("list {}", short(&out))
}

/// A text cut in its middle where it is long.
pub(super) fn short(text: &str) -> Cow<'_, str> {
    let count = text.chars().take(16 * SHOWN).count();
    if count <= SHOWN {
        return Cow::Borrowed(text);
    }
    let start: String = text.chars().take(SHOWN * 3 / 4).collect();
    let mut end: Vec<char> = text.chars().rev().take(SHOWN / 4).collect();
    end.reverse();
    Cow::Owned(format!("{start}…{}", end.into_iter().collect::<String>()))
}

/// Compact JSON, of long containers the beginning only: a value may have megabytes.
fn json(value: &Value) -> String {
    let mut out = String::new();
    write(value, &mut out, 0);
    out
}

fn write(value: &Value, out: &mut String, depth: usize) {
    match value {
        Value::Array(items) if depth < 4 => write_list(items, out, depth),
        Value::Object(members) if depth < 4 => {
            out.push('{');
            for (index, (name, member)) in members.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                if index == MEMBERS || out.len() > 8 * SHOWN {
                    out.push('…');
                    break;
                }
                out.push_str(&Value::from(short(name).as_ref()).to_string());
                out.push(':');
                write(member, out, depth + 1);
            }
            out.push('}');
        }
        Value::Array(items) => out.push_str(if items.is_empty() { "[]" } else { "[…]" }),
        Value::Object(members) => out.push_str(if members.is_empty() { "{}" } else { "{…}" }),
        Value::String(text) => out.push_str(&Value::from(short(text).as_ref()).to_string()),
        scalar => out.push_str(&scalar.to_string()),
    }
}

fn write_list(items: &[Value], out: &mut String, depth: usize) {
    out.push('[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        if index == MEMBERS || out.len() > 8 * SHOWN {
            out.push('…');
            break;
        }
        write(item, out, depth + 1);
    }
    out.push(']');
}

/// What a node expects, in words.
pub(super) fn expected(node: &Node) -> String {
    match &node.kind {
        Kind::Scalar(scalar, _) => value(scalar),
        Kind::Template(template) => format!("the value of {}", template.source()),
        Kind::List(nodes) if nodes.is_empty() => "list []".to_owned(),
        Kind::List(nodes) => format!("a list of {}", counted(nodes.len(), "element")),
        Kind::Object { members, .. } if members.is_empty() => "object {}".to_owned(),
        Kind::Object { members, .. } => {
            let names = members.iter().take(MEMBERS).map(|member| member.name.as_str());
            let more = if members.len() > MEMBERS { " …" } else { "" };
            format!("an object with {}{more}", crate::template::listed(names))
        }
        Kind::Operators(operators) => operators.iter().map(operator).collect::<Vec<_>>().join(", "),
    }
}

/// What an operator expects, in words.
pub(super) fn operator(operator: &Operator) -> String {
    match &operator.op {
        Op::Bound { order, bound, .. } => format!("{} {}", order.words(), operand(bound, Bound::shown)),
        Op::Near { value, tolerance, .. } => {
            format!(
                "number {} ± {}",
                operand(value, ToString::to_string),
                operand(tolerance, ToString::to_string)
            )
        }
        Op::Matches(Pattern::Fixed { text, .. }) => format!("a string that matches `{}`", short(text)),
        Op::Matches(Pattern::Template(template)) => format!("a string that matches {}", template.source()),
        Op::Contains(node) => format!("something that contains {}", expected(node)),
        Op::StartsWith(text) => format!("a string that starts with {}", operand(text, |text| quoted(text))),
        Op::EndsWith(text) => format!("a string that ends with {}", operand(text, |text| quoted(text))),
        Op::Length(node) => format!("the length {}", expected(node)),
        Op::Type(kind) => format!("type {}", kind.as_str()),
        Op::Format(name, _) => format!("a string of the format {name}"),
        Op::Schema(_) => "a value that obeys the schema".to_owned(),
        Op::Exists(true) => "anything".to_owned(),
        Op::Exists(false) => "nothing".to_owned(),
        Op::All(nodes) => joined(nodes, " and "),
        Op::Any(nodes) => joined(nodes, " or "),
        Op::Not { node, .. } => format!("anything but {}", expected(node)),
        Op::Each { node, .. } => format!("a list of nothing but {}", expected(node)),
        Op::Unordered(node) => format!("{} in any order", expected(node)),
        Op::Unique { expected: true, .. } => "a list without equal elements".to_owned(),
        Op::Unique { .. } => "a list with two equal elements".to_owned(),
        Op::Sorted { descending: false, .. } => "a list in ascending order".to_owned(),
        Op::Sorted { descending: true, .. } => "a list in descending order".to_owned(),
        Op::Exact(node) => format!("exactly {}", expected(node)),
        Op::Json(node) => format!("JSON text of {}", expected(node)),
        Op::Base64(node) => format!("base64 of {}", expected(node)),
        Op::Snapshot(snapshot) => format!("the snapshot `{}`", snapshot.name),
    }
}

fn joined(nodes: &[Node], word: &str) -> String {
    let mut words: Vec<String> = nodes.iter().take(MEMBERS).map(expected).collect();
    if nodes.len() > MEMBERS {
        words.push("…".to_owned());
    }
    words.join(word)
}

fn operand<T>(operand: &Operand<T>, shown: impl Fn(&T) -> String) -> String {
    match operand {
        Operand::Fixed(value) => shown(value),
        Operand::Template(template, _) => template.source().to_owned(),
    }
}

fn quoted(text: &str) -> String {
    Value::from(short(text).as_ref()).to_string()
}

/// `1 element`, `2 elements`.
pub(super) fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

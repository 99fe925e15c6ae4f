//! What an expected value compiles to.

use std::sync::OnceLock;

use jiff::Timestamp;
use jiff::civil::Date;
use jsonschema::Validator;
use regex::Regex;
use serde_json::{Number, Value};

use super::Path;
use super::snapshot::Snapshot;
use crate::source::Pointer;
use crate::template::Template;

/// One expected node, and where it stands in its document.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) at: Pointer,
    pub(super) kind: Kind,
}

#[derive(Debug)]
pub(super) enum Kind {
    /// A value without members, compared by value and type. With the spelling in the file, where that differs
    /// from the value's.
    Scalar(Value, Option<String>),
    /// A template: what it yields is data.
    Template(Box<Template>),
    /// A plain mapping: a subset, or with `exact` the whole.
    Object { members: Vec<Member>, paths: Vec<PathKey>, exact: bool },
    /// A plain list: element by element.
    List(Vec<Node>),
    /// Operators, all of which have to hold.
    Operators(Vec<Operator>),
}

#[derive(Debug)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) node: Node,
}

/// A key that is a JSONPath from the root.
#[derive(Debug)]
pub(super) struct PathKey {
    pub(super) path: Path,
    pub(super) node: Node,
}

#[derive(Debug)]
pub(super) struct Operator {
    pub(super) name: &'static str,
    pub(super) at: Pointer,
    pub(super) op: Op,
}

#[derive(Debug)]
pub(super) enum Op {
    Bound { order: Order, bound: Operand<Bound>, unit: Unit },
    Near { value: Operand<Number>, tolerance: Operand<Number>, unit: Unit },
    Matches(Pattern),
    Contains(Box<Node>),
    StartsWith(Operand<String>),
    EndsWith(Operand<String>),
    Length(Box<Node>),
    Type(Type),
    Format(&'static str, OnceLock<Option<Validator>>),
    Schema(Box<Validator>),
    Exists(bool),
    All(Vec<Node>),
    Any(Vec<Node>),
    Not { node: Box<Node>, may_be_empty: bool },
    Each { node: Box<Node>, may_be_empty: bool },
    Unordered(Box<Node>),
    Unique { expected: bool, may_be_empty: bool },
    Sorted { descending: bool, may_be_empty: bool },
    Exact(Box<Node>),
    Json(Box<Node>),
    Base64(Box<Node>),
    Snapshot(Box<Snapshot>),
}

/// What stands in the file, or what a template yields each time.
#[derive(Debug)]
pub(super) enum Operand<T> {
    Fixed(T),
    /// The template, and where it stands.
    Template(Box<Template>, Pointer),
}

/// How numbers are read and which of them there can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// Any number.
    Plain,
    /// Seconds, which are also written `5s`; never negative.
    Duration,
    /// A length; never negative.
    Length,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

impl Order {
    pub(super) fn holds(self, ordering: std::cmp::Ordering) -> bool {
        match self {
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
        }
    }

    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Greater => "more than",
            Self::GreaterOrEqual => "at least",
            Self::Less => "less than",
            Self::LessOrEqual => "at most",
        }
    }
}

/// What `$gt` and its like compare with.
#[derive(Clone, Debug)]
pub(super) enum Bound {
    Number(Number),
    Time(Timestamp),
    Date(Date),
}

/// A regular expression, compiled on first use.
#[derive(Debug)]
pub(super) enum Pattern {
    Fixed { text: String, compiled: OnceLock<Result<Regex, String>> },
    Template(Box<Template>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    String,
    Number,
    Integer,
    Boolean,
    Null,
    List,
    Object,
}

impl Type {
    pub(super) const ALL: &'static [Self] =
        &[Self::String, Self::Number, Self::Integer, Self::Boolean, Self::Null, Self::List, Self::Object];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Number => "number",
            Self::Integer => "integer",
            Self::Boolean => "boolean",
            Self::Null => "null",
            Self::List => "list",
            Self::Object => "object",
        }
    }
}

impl Node {
    /// A value that is compared as data, every part of it at one place of the file.
    pub(super) fn data(value: &Value, at: &Pointer) -> Self {
        let kind = match value {
            Value::Array(items) => Kind::List(items.iter().map(|item| Self::data(item, at)).collect()),
            Value::Object(members) => Kind::Object {
                members: members
                    .iter()
                    .map(|(name, member)| Member { name: name.clone(), node: Self::data(member, at) })
                    .collect(),
                paths: Vec::new(),
                exact: true,
            },
            scalar => Kind::Scalar(scalar.clone(), None),
        };
        Self { at: at.clone(), kind }
    }

    /// Adds every template below it.
    pub(super) fn templates<'a>(&'a self, found: &mut Vec<(&'a Pointer, &'a Template)>) {
        match &self.kind {
            Kind::Scalar(..) => {}
            Kind::Template(template) => found.push((&self.at, template)),
            Kind::List(nodes) => nodes.iter().for_each(|node| node.templates(found)),
            Kind::Object { members, paths, .. } => {
                members.iter().for_each(|member| member.node.templates(found));
                for key in paths {
                    found.extend(key.path.templates().iter().map(|template| (&key.node.at, template)));
                    key.node.templates(found);
                }
            }
            Kind::Operators(operators) => operators.iter().for_each(|operator| operator.templates(found)),
        }
    }

    /// Adds every snapshot below it.
    pub(super) fn snapshots<'a>(&'a self, found: &mut Vec<(&'a str, &'a Pointer)>) {
        match &self.kind {
            Kind::Object { members, paths, .. } => {
                members.iter().for_each(|member| member.node.snapshots(found));
                paths.iter().for_each(|key| key.node.snapshots(found));
            }
            Kind::Operators(operators) => operators.iter().for_each(|operator| operator.snapshots(found)),
            Kind::Scalar(..) | Kind::Template(_) | Kind::List(_) => {}
        }
    }

    /// Whether it names a node below this one by the keys that lead to it, not under `$not`; with `always`, not
    /// in a branch of `$any` either, which need not be the one that holds.
    pub(super) fn names(&self, keys: &[&str], always: bool) -> bool {
        let Some((first, rest)) = keys.split_first() else { return true };
        match &self.kind {
            Kind::Object { members, paths, .. } => {
                members.iter().any(|member| member.name == *first && member.node.names(rest, always))
                    || paths.iter().any(|key| {
                        let way: Vec<&str> = key.path.names().collect();
                        let shared = way.iter().zip(keys).take_while(|(name, key)| name == key).count();
                        let met = shared == way.len() || shared == keys.len();
                        shared > 0 && met && key.node.names(keys.get(shared..).unwrap_or_default(), always)
                    })
            }
            Kind::Operators(operators) => operators.iter().any(|operator| match &operator.op {
                Op::All(nodes) => nodes.iter().any(|node| node.names(keys, always)),
                Op::Any(nodes) => !always && nodes.iter().any(|node| node.names(keys, always)),
                Op::Exact(node) => node.names(keys, always),
                _ => false,
            }),
            Kind::Scalar(..) | Kind::Template(_) | Kind::List(_) => false,
        }
    }

    /// Adds the names that it reads at the root; `false` where it may read any.
    pub(super) fn reads<'a>(&'a self, names: &mut Vec<&'a str>) -> bool {
        match &self.kind {
            Kind::Object { members, paths, exact: false } => {
                names.extend(members.iter().map(|member| member.name.as_str()));
                paths.iter().all(|key| key.path.only_field().map(|name| names.push(name)).is_some())
            }
            Kind::Operators(operators) => operators.iter().all(|operator| match &operator.op {
                Op::All(nodes) | Op::Any(nodes) => nodes.iter().all(|node| node.reads(names)),
                _ => false,
            }),
            _ => false,
        }
    }

    /// Where its `$exists` stands, if it has one.
    pub(super) fn exists(&self) -> Option<&Pointer> {
        let Kind::Operators(operators) = &self.kind else { return None };
        operators.iter().find(|operator| matches!(operator.op, Op::Exists(_))).map(|operator| &operator.at)
    }

    /// Whether it holds for a node that is not there: only `$exists: false` does.
    pub(super) fn holds_for_nothing(&self) -> bool {
        let Kind::Operators(operators) = &self.kind else { return false };
        operators.iter().all(|operator| match &operator.op {
            Op::Exists(expected) => !expected,
            Op::All(nodes) => nodes.iter().all(Self::holds_for_nothing),
            Op::Any(nodes) => nodes.iter().any(Self::holds_for_nothing),
            _ => false,
        })
    }

    /// Whether it may hold for a path that found no node: `[]` and `$length` do, beside `$exists: false`.
    pub(super) fn speaks_of_emptiness(&self) -> bool {
        match &self.kind {
            Kind::List(nodes) => nodes.is_empty(),
            Kind::Template(_) => true,
            Kind::Operators(operators) => operators.iter().any(|operator| match &operator.op {
                Op::Length(_) => true,
                Op::All(nodes) | Op::Any(nodes) => nodes.iter().any(Self::speaks_of_emptiness),
                _ => false,
            }),
            Kind::Scalar(..) | Kind::Object { .. } => false,
        }
    }

    /// Whether `$contains` is among its operators.
    pub(super) fn asks_contains(&self) -> bool {
        let Kind::Operators(operators) = &self.kind else { return false };
        operators.iter().any(|operator| match &operator.op {
            Op::Contains(_) => true,
            Op::All(nodes) | Op::Any(nodes) => nodes.iter().any(Self::asks_contains),
            _ => false,
        })
    }
}

impl Operator {
    fn templates<'a>(&'a self, found: &mut Vec<(&'a Pointer, &'a Template)>) {
        match &self.op {
            Op::Bound { bound, .. } => found.extend(bound.template()),
            Op::Near { value, tolerance, .. } => {
                found.extend(value.template());
                found.extend(tolerance.template());
            }
            Op::Matches(Pattern::Template(template)) => found.push((&self.at, template)),
            Op::StartsWith(text) | Op::EndsWith(text) => found.extend(text.template()),
            Op::All(nodes) | Op::Any(nodes) => nodes.iter().for_each(|node| node.templates(found)),
            Op::Contains(node)
            | Op::Length(node)
            | Op::Unordered(node)
            | Op::Exact(node)
            | Op::Json(node)
            | Op::Base64(node)
            | Op::Not { node, .. }
            | Op::Each { node, .. } => node.templates(found),
            Op::Matches(Pattern::Fixed { .. })
            | Op::Type(_)
            | Op::Format(..)
            | Op::Schema(_)
            | Op::Exists(_)
            | Op::Unique { .. }
            | Op::Sorted { .. }
            | Op::Snapshot(_) => {}
        }
    }

    fn snapshots<'a>(&'a self, found: &mut Vec<(&'a str, &'a Pointer)>) {
        match &self.op {
            Op::Snapshot(snapshot) => found.push((&snapshot.name, &self.at)),
            Op::All(nodes) => nodes.iter().for_each(|node| node.snapshots(found)),
            Op::Exact(node) | Op::Json(node) | Op::Base64(node) => node.snapshots(found),
            // Nowhere else one is taken.
            _ => {}
        }
    }
}

impl<T> Operand<T> {
    fn template(&self) -> Option<(&Pointer, &Template)> {
        match self {
            Self::Fixed(_) => None,
            Self::Template(template, at) => Some((at, template)),
        }
    }
}

//! The operators: their names, and what each takes.
//!
//! `$gt` and its like compare numbers with numbers, RFC 3339 times with times and dates with dates; other
//! texts have no order. A length counts characters, elements or members. `$sorted: asc` and `desc` take
//! numbers, or texts by code point, and allow equal neighbours. Only `$any`, `$all` and `$not` stand at the
//! root of an exchange or of the scope.

use std::sync::OnceLock;

use jsonschema::{PatternOptions, Validator};
use serde_json::{Map, Number, Value};

use super::Root;
use super::cannot_fail;
use super::compile::{Compiler, Known, Shape};
use super::node::{Bound, Kind, Node, Op, Operand, Operator, Order, Pattern, Type, Unit};
use super::number::{order, read_number};
use super::render;
use crate::diagnostic::{Code, Diagnostic};
use crate::nearest::nearest;
use crate::source::Pointer;
use crate::template::{listed, with_article};

/// The operators' names, as they are written.
pub static OPERATOR_NAMES: &[&str] = &[
    "$gt",
    "$gte",
    "$lt",
    "$lte",
    "$near",
    "$matches",
    "$contains",
    "$starts_with",
    "$ends_with",
    "$length",
    "$type",
    "$format",
    "$schema",
    "$exists",
    "$all",
    "$any",
    "$not",
    "$each",
    "$unordered",
    "$unique",
    "$sorted",
    "$exact",
    "$json",
    "$base64",
    "$snapshot",
];

/// The formats of `$format`: those of JSON Schema that say something of a string.
pub const FORMAT_NAMES: &[&str] = &[
    "uuid",
    "date",
    "time",
    "date-time",
    "duration",
    "uri",
    "uri-reference",
    "email",
    "hostname",
    "ipv4",
    "ipv6",
    "json-pointer",
    "regex",
];

/// Operators that people know from elsewhere, and the form that exists here.
const ELSEWHERE: &[(&str, &str)] = &[
    ("$eq", "write the value itself"),
    ("$ne", "write `$not: value`"),
    ("$in", "write `$any: [one, another]`"),
    ("$nin", "write `$not: {$any: [one, another]}`"),
    ("$empty", "write `$length: 0`, or `[]` or `\"\"` for an empty list or text"),
    ("$regex", "write `$matches: pattern`"),
    ("$and", "write `$all: [one, another]`"),
    ("$or", "write `$any: [one, another]`"),
    ("$size", "write `$length: 3`"),
    ("$between", "write `$gte` and `$lte` beside each other"),
];

/// What `$type` is called elsewhere.
const TYPES_ELSEWHERE: &[(&str, &str)] = &[
    ("array", "list"),
    ("int", "integer"),
    ("float", "number"),
    ("double", "number"),
    ("bool", "boolean"),
    ("map", "object"),
    ("mapping", "object"),
    ("dict", "object"),
    ("text", "string"),
    ("str", "string"),
    ("nil", "null"),
];

impl Compiler<'_> {
    pub(super) fn operators(
        &mut self,
        members: &Map<String, Value>,
        at: &Pointer,
        known: Known,
    ) -> Option<Vec<Operator>> {
        let may_be_empty = members.contains_key("$length");
        let (mut operators, mut whole) = (Vec::with_capacity(1), true);
        for (name, operand) in members.iter().filter(|(name, _)| name.starts_with('$')) {
            // What is no operator was told as mixed.
            if name.starts_with("$$") || name.starts_with("$.") || name.starts_with("$[") {
                continue;
            }
            match self.operator(name, operand, at, known, may_be_empty) {
                Some(operator) => operators.push(operator),
                None => whole = false,
            }
        }
        if !whole {
            return None;
        }
        let absent = operators.iter().find(|operator| matches!(operator.op, Op::Exists(false)));
        if let Some(absent) = absent.filter(|_| operators.len() > 1) {
            let message = "`$exists: false` beside another operator never holds";
            let problem = Diagnostic::error(Code::BadOperand, self.document.key_site(&absent.at), message);
            return self.refuse(problem.help("remove one of them"));
        }
        if let Some(why) = cannot_fail::operators(&operators, known) {
            let site = self
                .document
                .key_site(&operators.first().map_or_else(|| at.clone(), |first| first.at.clone()));
            return self.refuse(cannot_fail::problem(site, &why).help("remove it, or say what you expect"));
        }
        Some(operators)
    }

    fn operator(
        &mut self,
        name: &str,
        operand: &Value,
        parent: &Pointer,
        known: Known,
        may_be_empty: bool,
    ) -> Option<Operator> {
        let at = parent.key(name);
        let Some(&name) = OPERATOR_NAMES.iter().find(|known| **known == name) else {
            return self.unknown(name, &at);
        };
        let whole = match self.root {
            Root::Exchange(..) => {
                Some(("a whole exchange", "write it below a field: `json`, `text`, `result`"))
            }
            Root::Scope => Some(("the whole scope", "write it below a name: `protocol`, `row`, a variable")),
            Root::Value => None,
        };
        if let (Shape::Root, Some((what, help)), false) =
            (known.shape, whole, matches!(name, "$all" | "$any" | "$not"))
        {
            let message = format!("`{name}` says nothing useful of {what}");
            let problem = Diagnostic::error(Code::BadOperand, self.document.key_site(&at), message);
            return self.refuse(problem.help(help));
        }
        let free = known.with(Shape::Free);
        let unit = match known.shape {
            Shape::Duration => Unit::Duration,
            Shape::Length => Unit::Length,
            _ => Unit::Plain,
        };
        let op = match name {
            "$gt" => self.bound(Order::Greater, operand, &at, unit)?,
            "$gte" => self.bound(Order::GreaterOrEqual, operand, &at, unit)?,
            "$lt" => self.bound(Order::Less, operand, &at, unit)?,
            "$lte" => self.bound(Order::LessOrEqual, operand, &at, unit)?,
            "$near" => self.near(operand, &at, unit)?,
            "$matches" => self.pattern(operand, &at)?,
            "$starts_with" => Op::StartsWith(self.text(name, operand, &at)?),
            "$ends_with" => Op::EndsWith(self.text(name, operand, &at)?),
            "$contains" => self.contains(operand, &at, known)?,
            "$length" => Op::Length(Box::new(self.length(operand, &at, free)?)),
            "$type" => Op::Type(self.type_of(operand, &at)?),
            "$format" => self.format(operand, &at)?,
            "$schema" => self.schema(operand, &at)?,
            "$exists" => match operand {
                Value::Bool(expected) => Op::Exists(*expected),
                _ => return self.bad(&at, "`$exists` takes true or false", None),
            },
            "$all" | "$any" => self.branches(name, operand, &at, known)?,
            "$not" => self.not(operand, &at, known, may_be_empty)?,
            "$each" => Op::Each { node: Box::new(self.node(operand, &at, known.element())?), may_be_empty },
            "$unordered" => Op::Unordered(Box::new(self.unordered(operand, &at, known)?)),
            "$unique" => match operand {
                Value::Bool(expected) => Op::Unique { expected: *expected, may_be_empty },
                _ => return self.bad(&at, "`$unique` takes true or false", None),
            },
            "$sorted" => match operand.as_str() {
                Some("asc") => Op::Sorted { descending: false, may_be_empty },
                Some("desc") => Op::Sorted { descending: true, may_be_empty },
                _ => return self.bad(&at, "`$sorted` takes `asc` or `desc`", None),
            },
            "$exact" => self.exact(operand, &at, known)?,
            "$json" => Op::Json(Box::new(self.node(operand, &at, free)?)),
            "$base64" => Op::Base64(Box::new(self.node(operand, &at, free)?)),
            "$snapshot" => Op::Snapshot(Box::new(self.snapshot(operand, &at, known)?)),
            // Every name of the table stands above.
            _ => return None,
        };
        Some(Operator { name, at, op })
    }

    fn bad<T>(&mut self, at: &Pointer, message: &str, help: Option<&str>) -> Option<T> {
        let mut problem = Diagnostic::error(Code::BadOperand, self.document.site(at), message);
        problem.help.extend(help.map(str::to_owned));
        self.refuse(problem)
    }

    fn cannot_fail<T>(&mut self, at: &Pointer, why: &str, help: &str) -> Option<T> {
        let problem = cannot_fail::problem(self.document.site(at), why).help(help);
        self.refuse(problem)
    }

    fn unknown<T>(&mut self, name: &str, at: &Pointer) -> Option<T> {
        let site = self.document.key_site(at);
        let problem =
            Diagnostic::error(Code::UnknownOperator, site, format!("there is no operator `{name}`"));
        let elsewhere = ELSEWHERE.iter().find(|(known, _)| *known == name);
        let help = match (elsewhere, nearest(name, OPERATOR_NAMES.iter().copied())) {
            (Some((_, way)), _) => (*way).to_owned(),
            (None, Some(near)) => format!("did you mean `{near}`?"),
            (None, None) => format!("the operators are {}", listed(OPERATOR_NAMES.iter().copied())),
        };
        self.refuse(problem.help(help).help(format!("the literal key `{name}` is written `${name}`")))
    }

    /// A fixed operand, or a template that yields one at each comparison.
    fn operand<T>(
        &mut self,
        operand: &Value,
        at: &Pointer,
        read: impl FnOnce(&Value) -> Result<T, String>,
    ) -> Option<Operand<T>> {
        if let Value::String(text) = operand
            && let Some(template) = self.template(text, at)?
        {
            return Some(Operand::Template(Box::new(template), at.clone()));
        }
        match read(operand) {
            Ok(value) => Some(Operand::Fixed(value)),
            Err(message) => self.bad(at, &message, None),
        }
    }

    fn bound(&mut self, order: Order, operand: &Value, at: &Pointer, unit: Unit) -> Option<Op> {
        let bound = self.operand(operand, at, |value| Bound::read(value, unit))?;
        Some(Op::Bound { order, bound, unit })
    }

    fn near(&mut self, operand: &Value, at: &Pointer, unit: Unit) -> Option<Op> {
        let Some([value, tolerance]) = operand.as_array().map(Vec::as_slice) else {
            return self.bad(at, "`$near` takes `[value, tolerance]`", Some("such as `$near: [10.5, 0.01]`"));
        };
        let value = self.operand(value, &at.index(0), |value| read_number(value, unit));
        let tolerance = self.operand(tolerance, &at.index(1), |value| read_tolerance(value, unit));
        Some(Op::Near { value: value?, tolerance: tolerance?, unit })
    }

    fn text(&mut self, name: &str, operand: &Value, at: &Pointer) -> Option<Operand<String>> {
        let text = self.operand(operand, at, read_text)?;
        if matches!(&text, Operand::Fixed(text) if text.is_empty()) {
            let why = format!("`{name}: \"\"` holds for every text");
            return self.cannot_fail(at, &why, "write `$type: string`, or the text that is expected");
        }
        Some(text)
    }

    fn pattern(&mut self, operand: &Value, at: &Pointer) -> Option<Op> {
        let text = match self.operand(operand, at, read_text)? {
            Operand::Template(template, _) => return Some(Op::Matches(Pattern::Template(template))),
            Operand::Fixed(text) => text,
        };
        match cannot_fail::pattern(&text) {
            Err((message, part)) => {
                let site = self.inside(at, false, &text, part);
                let problem = Diagnostic::error(
                    Code::BadRegex,
                    site,
                    format!("this is no regular expression: {message}"),
                );
                self.refuse(
                    problem.help(
                        "the syntax is that of the Rust crate regex: no look-around, no backreferences",
                    ),
                )
            }
            Ok(true) => {
                let why = format!("`{}` is found in every text", render::short(&text));
                self.cannot_fail(
                    at,
                    &why,
                    "`$matches` searches: write what has to be there, `^…$` for the whole",
                )
            }
            Ok(false) => {
                let compiled = OnceLock::new();
                // A counted repetition may be too large, which only compiling tells.
                if text.contains('{')
                    && let Err(message) = compiled.get_or_init(|| super::operate::regex(&text))
                {
                    let problem = Diagnostic::error(Code::BadRegex, self.document.site(at), message.clone());
                    return self.refuse(problem);
                }
                Some(Op::Matches(Pattern::Fixed { text, compiled }))
            }
        }
    }

    fn contains(&mut self, operand: &Value, at: &Pointer, known: Known) -> Option<Op> {
        let known = match operand {
            Value::Array(_) => known,
            _ => known.element(),
        };
        let why = match operand {
            Value::String(text) if text.is_empty() => "`$contains: \"\"` holds for every text",
            Value::Array(items) if items.is_empty() => "`$contains: []` holds for every list",
            _ => return Some(Op::Contains(Box::new(self.node(operand, at, known)?))),
        };
        self.cannot_fail(at, why, "write what has to be in it; `[]` and `\"\"` themselves are empty values")
    }

    fn length(&mut self, operand: &Value, at: &Pointer, known: Known) -> Option<Node> {
        let whole = match operand {
            Value::Number(number) => number.as_u64().is_some(),
            Value::String(text) => text.contains("{{"),
            Value::Object(_) => true,
            _ => false,
        };
        if !whole {
            let help = "such as `$length: 3` or `$length: {$gte: 1}`";
            return self.bad(at, "`$length` takes a whole number, or a matcher of one", Some(help));
        }
        self.node(operand, at, known.tried().with(Shape::Length))
    }

    fn type_of(&mut self, operand: &Value, at: &Pointer) -> Option<Type> {
        let word = operand.as_str().unwrap_or_default();
        if let Some(found) = Type::ALL.iter().find(|kind| kind.as_str() == word) {
            return Some(*found);
        }
        let names = || Type::ALL.iter().map(|kind| kind.as_str());
        let lower = word.to_lowercase();
        let near = TYPES_ELSEWHERE.iter().find(|(elsewhere, _)| *elsewhere == lower).map(|(_, here)| *here);
        let help = match near.or_else(|| nearest(word, names())) {
            _ if operand.is_null() => "did you mean `$type: \"null\"`?".to_owned(),
            Some(near) => format!("did you mean `{near}`?"),
            None if operand.is_array() => {
                "for one of several write `$any: [{$type: …}, {$type: …}]`".to_owned()
            }
            None => format!("the types are {}", listed(names())),
        };
        self.bad(at, "`$type` takes the name of a type", Some(&help))
    }

    fn format(&mut self, operand: &Value, at: &Pointer) -> Option<Op> {
        let word = operand.as_str().unwrap_or_default();
        if let Some(name) = FORMAT_NAMES.iter().find(|name| **name == word) {
            return Some(Op::Format(name, OnceLock::new()));
        }
        let help = match nearest(word, FORMAT_NAMES.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("the formats are {}", listed(FORMAT_NAMES.iter().copied())),
        };
        self.bad(at, "`$format` takes the name of a format", Some(&help))
    }

    fn schema(&mut self, operand: &Value, at: &Pointer) -> Option<Op> {
        if *operand == Value::Bool(true) || operand.as_object().is_some_and(Map::is_empty) {
            return self.cannot_fail(at, "an empty schema holds for everything", "write the schema");
        }
        if let Some(place) = first_template(operand, at) {
            let message = "a schema is taken as it is, and a template in it is not read";
            return self.refuse(Diagnostic::error(Code::TemplateHere, self.document.site(&place), message));
        }
        match validator(operand) {
            Ok(validator) => Some(Op::Schema(Box::new(validator))),
            Err((message, place)) => {
                let inside = super::operate::below(at, &place);
                let message = format!("this is no JSON Schema: {}", render::short(&message));
                self.refuse(Diagnostic::error(Code::BadSchema, self.document.site(&inside), message))
            }
        }
    }

    fn branches(&mut self, name: &str, operand: &Value, at: &Pointer, known: Known) -> Option<Op> {
        let Some(items) = operand.as_array() else {
            return self.bad(
                at,
                &format!("`{name}` takes a list"),
                Some(&format!("such as `{name}: [one, another]`")),
            );
        };
        match (items.is_empty(), name) {
            (true, "$all") => {
                return self.cannot_fail(at, "`$all: []` holds for everything", "write its branches");
            }
            (true, _) => return self.bad(at, "`$any: []` never holds", Some("write its branches")),
            _ => {}
        }
        let known = if name == "$all" { known } else { known.tried() };
        let nodes: Vec<Option<Node>> =
            items.iter().enumerate().map(|(index, item)| self.node(item, &at.index(index), known)).collect();
        let nodes = nodes.into_iter().collect::<Option<_>>()?;
        Some(if name == "$all" { Op::All(nodes) } else { Op::Any(nodes) })
    }

    fn not(&mut self, operand: &Value, at: &Pointer, known: Known, may_be_empty: bool) -> Option<Op> {
        let node = self.node(operand, at, known.tried())?;
        match &node.kind {
            Kind::Object { .. } => {
                let message = "`$not` takes a scalar, a list or operators";
                self.bad(at, message, Some("write `$not` below the key whose value must not be so"))
            }
            Kind::Operators(operators)
                if operators.iter().any(|operator| matches!(operator.op, Op::Exists(_))) =>
            {
                self.bad(
                    at,
                    "`$not` of `$exists` is `$exists`",
                    Some("write `$exists: false` or `$exists: true`"),
                )
            }
            _ => Some(Op::Not { node: Box::new(node), may_be_empty }),
        }
    }

    fn unordered(&mut self, operand: &Value, at: &Pointer, known: Known) -> Option<Node> {
        let is_template = operand.as_str().is_some_and(|text| text.contains("{{"));
        if !operand.is_array() && !is_template {
            return self.bad(
                at,
                &format!("`$unordered` takes a list, and this is {}", with_article(operand)),
                None,
            );
        }
        self.node(operand, at, known)
    }

    fn exact(&mut self, operand: &Value, at: &Pointer, known: Known) -> Option<Op> {
        let node = match operand {
            Value::Object(_) | Value::Array(_) => self.node(operand, at, Known { exact: true, ..known })?,
            _ => {
                return self.bad(
                    at,
                    "`$exact` takes an object or a list",
                    Some("a scalar is exact by itself"),
                );
            }
        };
        if matches!(node.kind, Kind::Operators(_)) {
            let help = "write the operator outside, and `$exact` below it";
            return self.bad(at, "`$exact` takes an object or a list, and no operators", Some(help));
        }
        Some(Op::Exact(Box::new(node)))
    }
}

/// A tolerance, which is not negative.
pub(super) fn read_tolerance(value: &Value, unit: Unit) -> Result<Number, String> {
    let tolerance = read_number(value, unit)?;
    if order(&tolerance, &Number::from(0)).is_lt() {
        Err("a tolerance is not negative".to_owned())
    } else {
        Ok(tolerance)
    }
}

pub(super) fn read_text(value: &Value) -> Result<String, String> {
    value
        .as_str()
        .map(str::to_owned)
        .ok_or_else(|| format!("a string is wanted here, and this is {}", with_article(value)))
}

/// The first string with an expression.
fn first_template(value: &Value, at: &Pointer) -> Option<Pointer> {
    match value {
        Value::String(text) => text.contains("{{").then(|| at.clone()),
        Value::Array(items) => {
            items.iter().enumerate().find_map(|(index, item)| first_template(item, &at.index(index)))
        }
        Value::Object(members) => {
            members.iter().find_map(|(name, member)| first_template(member, &at.key(name)))
        }
        _ => None,
    }
}

/// A schema as `$schema` obeys it: offline, in linear time.
///
/// # Errors
/// The message, and the place in the schema as a JSON Pointer.
fn validator(schema: &Value) -> Result<Validator, (String, String)> {
    jsonschema::options()
        .should_validate_formats(true)
        .with_pattern_options(PatternOptions::regex().size_limit(super::operate::REGEX_SIZE))
        .build(schema)
        .map_err(|error| (error.to_string(), error.instance_path().to_string()))
}

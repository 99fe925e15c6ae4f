//! Matchers that cannot fail: they would pass whatever the server does, and say that something is tested.

use std::ops::Range;

use regex_syntax::hir::{Hir, Look};
use serde_json::Number;

use super::compile::{Known, Shape};
use super::node::{Bound, Kind, Node, Op, Operand, Operator, Order, Type, Unit};
use super::number::order;
use crate::diagnostic::{Code, Diagnostic};
use crate::exchange::{Outcome, Phase};
use crate::source::Site;

/// The diagnostic of a matcher that cannot fail.
pub(super) fn problem(site: Site, why: &str) -> Diagnostic {
    Diagnostic::error(Code::CannotFail, site, format!("this matcher cannot fail: {why}"))
}

/// Why operators cannot fail together, if so.
pub(super) fn operators(operators: &[Operator], known: Known) -> Option<String> {
    let unit = match known.shape {
        Shape::Length => Unit::Length,
        Shape::Duration => Unit::Duration,
        _ => Unit::Plain,
    };
    if unit != Unit::Plain && operators.iter().all(|operator| always(operator, unit)) {
        let what = if unit == Unit::Length { "a length" } else { "a duration" };
        return Some(format!("it holds for {what} of any size"));
    }
    operators.iter().find_map(|operator| match &operator.op {
        Op::Length(node) if node_always(node, Unit::Length) => {
            Some("it holds for a length of any size".to_owned())
        }
        Op::Each { node, .. } if is_anything(node) => Some("every element is there".to_owned()),
        Op::Any(nodes) if nodes.iter().any(is_anything) && nodes.iter().any(Node::holds_for_nothing) => {
            Some("a value is there or it is not".to_owned())
        }
        Op::Json(node) | Op::Base64(node) if is_anything(node) => {
            Some("what was decoded is there".to_owned())
        }
        Op::Not { node, .. } if node_never(node, unit) => Some("what it denies never holds".to_owned()),
        _ => None,
    })
}

/// The fields that are in every exchange, and their type.
const ALWAYS_THERE: &[(&str, Type)] = &[
    ("outcome", Type::String),
    ("phase", Type::String),
    ("notifications", Type::List),
    ("asked", Type::List),
    ("repairs", Type::List),
    ("wire", Type::List),
];

/// Why what is expected of a whole field cannot fail, if so.
pub(super) fn field(name: &str, node: &Node) -> Option<String> {
    let (_, kind) = ALWAYS_THERE.iter().find(|(field, _)| *field == name)?;
    let Kind::Operators(operators) = &node.kind else { return None };
    let words: &[&str] = match name {
        "outcome" => &OUTCOMES.map(Outcome::as_str),
        "phase" => &[Phase::Step.as_str(), Phase::Open.as_str()],
        _ => &[],
    };
    let is = |node: &Node, word: &str| matches!(&node.kind, Kind::Scalar(value, _) if value == word);
    let says_nothing = |operator: &Operator| match &operator.op {
        Op::Exists(true) => true,
        Op::Type(expected) => expected == kind,
        Op::Any(nodes) => {
            !words.is_empty() && words.iter().all(|word| nodes.iter().any(|node| is(node, word)))
        }
        _ => false,
    };
    operators.iter().all(says_nothing).then(|| match operators.iter().any(|o| matches!(o.op, Op::Any(_))) {
        true => format!("`{name}` is always one of these"),
        false => format!("every exchange has `{name}`"),
    })
}

/// All that `outcome` can be.
const OUTCOMES: [Outcome; 4] = [Outcome::Answered, Outcome::TimedOut, Outcome::Closed, Outcome::Unreachable];

/// Whether a node holds for no number that the unit has.
fn node_never(node: &Node, unit: Unit) -> bool {
    let never = |operator: &Operator| match &operator.op {
        Op::Bound { order: direction, bound: Operand::Fixed(Bound::Number(bound)), .. } => {
            let beside_zero = order(bound, &Number::from(0));
            unit != Unit::Plain
                && match direction {
                    Order::Less => beside_zero.is_le(),
                    Order::LessOrEqual => beside_zero.is_lt(),
                    Order::Greater | Order::GreaterOrEqual => false,
                }
        }
        Op::Length(node) => node_never(node, Unit::Length),
        Op::All(nodes) => nodes.iter().any(|node| node_never(node, unit)),
        Op::Any(nodes) => nodes.iter().all(|node| node_never(node, unit)),
        _ => false,
    };
    matches!(&node.kind, Kind::Operators(operators) if operators.iter().any(never))
}

fn is_anything(node: &Node) -> bool {
    matches!(&node.kind, Kind::Operators(operators) if operators.iter().all(|o| matches!(o.op, Op::Exists(true))))
}

fn node_always(node: &Node, unit: Unit) -> bool {
    matches!(&node.kind, Kind::Operators(operators) if operators.iter().all(|operator| always(operator, unit)))
}

/// Whether an operator holds for every number that the unit has.
fn always(operator: &Operator, unit: Unit) -> bool {
    match &operator.op {
        Op::Bound { order, bound: Operand::Fixed(bound), .. } => bound_always(*order, bound, unit),
        Op::Type(Type::Number) | Op::Exists(true) => true,
        Op::Type(Type::Integer) => unit == Unit::Length,
        Op::All(nodes) => nodes.iter().all(|node| node_always(node, unit)),
        Op::Any(nodes) => nodes.iter().any(|node| node_always(node, unit)),
        _ => false,
    }
}

/// Whether a bound holds for every number that the unit has.
pub(super) fn bound_always(direction: Order, bound: &Bound, unit: Unit) -> bool {
    let Bound::Number(number) = bound else { return false };
    let beside_zero = order(number, &Number::from(0));
    unit != Unit::Plain
        && match direction {
            Order::Greater => beside_zero.is_lt(),
            Order::GreaterOrEqual => beside_zero.is_le(),
            Order::Less | Order::LessOrEqual => false,
        }
}

/// Reads a regular expression; to compile it takes a hundred times longer.
///
/// # Errors
/// Why it is none, and where in it.
pub(crate) fn read_pattern(text: &str) -> Result<Hir, (String, Range<usize>)> {
    let parsed = regex_syntax::ParserBuilder::new().nest_limit(100).build().parse(text);
    parsed.map_err(|error| {
        let (kind, span) = match &error {
            regex_syntax::Error::Parse(error) => (error.kind().to_string(), *error.span()),
            regex_syntax::Error::Translate(error) => (error.kind().to_string(), *error.span()),
            other => return (other.to_string(), 0..text.len()),
        };
        (kind, span.start.offset..span.end.offset)
    })
}

/// Whether a regular expression is found in every text.
///
/// # Errors
/// Why it is none, and where in it.
pub(super) fn pattern(text: &str) -> Result<bool, (String, Range<usize>)> {
    let hir = read_pattern(text)?;
    // A way through it that takes no character holds at the start or end of every text, if it asks for
    // nothing but the start or nothing but the end.
    let looks = hir.properties().look_set();
    let only = |allowed: [Look; 3]| looks.iter().all(|look| allowed.contains(&look));
    let at_edge =
        only([Look::Start, Look::StartLF, Look::StartCRLF]) || only([Look::End, Look::EndLF, Look::EndCRLF]);
    Ok(hir.properties().minimum_len() == Some(0) && at_edge)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_that_are_found_everywhere() {
        for text in ["", ".*", "^", "$", "^.*", "a*", "x?", "(a|)", "\\d*$", "(?s).*", "^(a|b*)", "(?m)^"] {
            assert_eq!(pattern(text), Ok(true), "{text}");
        }
        for text in ["a", ".+", "^$", "^a*$", ".", "\\b", "^.*$", "a|b"] {
            assert_eq!(pattern(text), Ok(false), "{text}");
        }
        assert_eq!(pattern("a(b").unwrap_err(), ("unclosed group".to_owned(), 1..2));
        assert!(pattern("(?=a)").unwrap_err().0.contains("look-around"));
    }
}

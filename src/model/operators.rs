//! The operators of matchers as documented: the JSON Schema and the docs go by this list. What they do is said
//! in `matcher/`.

use crate::matcher::FORMAT_NAMES;

/// An operator as documented.
#[derive(Debug)]
pub struct Operator {
    /// Its key.
    pub name: &'static str,
    /// What it takes.
    pub operand: &'static str,
    /// Where it holds.
    pub doc: &'static str,
    pub(super) shape: Operand,
}

/// The shape of an operand, for the schema.
#[derive(Clone, Copy, Debug)]
pub(super) enum Operand {
    /// A number, or a text that stands for one or for a time.
    Bound,
    /// A number and how far away from it.
    Near,
    /// A text.
    Text,
    /// A length, or operators for it.
    Length,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A JSON Schema.
    Schema,
    /// `true` or `false`.
    Flag,
    /// A matcher.
    Matcher,
    /// A matcher, also `{}`: an object without members.
    Exact,
    /// A list of matchers.
    Matchers,
    /// A list of matchers, or a template that gives a list.
    Members,
    /// Any value but `""`.
    Content,
    /// A snapshot's name, or its name and masks.
    Snapshot,
}

const fn operator(name: &'static str, operand: &'static str, shape: Operand, doc: &'static str) -> Operator {
    Operator { name, operand, doc, shape }
}

/// Every operator.
pub static OPERATORS: &[Operator] = &[
    operator("$gt", "number or time", Operand::Bound, "Is greater."),
    operator("$gte", "number or time", Operand::Bound, "Is greater or equal."),
    operator("$lt", "number or time", Operand::Bound, "Is less. `duration` is also compared with `5s`."),
    operator("$lte", "number or time", Operand::Bound, "Is less or equal."),
    operator("$near", "[value, tolerance]", Operand::Near, "Is a number at most that far away."),
    operator(
        "$matches",
        "regular expression",
        Operand::Text,
        "Is a string in which the regular expression is found; `^` and `$` anchor it.",
    ),
    operator(
        "$contains",
        "text, matcher or list of matchers",
        Operand::Content,
        "Is a string that contains the text, or a list some element of which matches. With a list, each member \
         matches an element of its own.",
    ),
    operator("$starts_with", "text", Operand::Text, "Is a string that starts so."),
    operator("$ends_with", "text", Operand::Text, "Is a string that ends so."),
    operator(
        "$length",
        "number or operators",
        Operand::Length,
        "Is a string (in characters), list or object of that length.",
    ),
    operator(
        "$type",
        "word",
        Operand::Word(&["string", "number", "integer", "boolean", "null", "list", "object"]),
        "Is of that type.",
    ),
    operator("$format", "word", Operand::Word(FORMAT_NAMES), "Is a string of that form."),
    operator("$schema", "JSON Schema", Operand::Schema, "Obeys this JSON Schema."),
    operator("$exists", "true or false", Operand::Flag, "Is there, is not there."),
    operator("$all", "list of matchers", Operand::Matchers, "Matches all of them."),
    operator("$any", "list of matchers", Operand::Matchers, "Matches one of them."),
    operator("$not", "scalar, list or operators", Operand::Matcher, "Is there and does not match."),
    operator("$each", "matcher", Operand::Matcher, "Is a list every element of which matches."),
    operator(
        "$unordered",
        "list of matchers",
        Operand::Members,
        "Is a list that matches them in some order, one to one.",
    ),
    operator(
        "$unique",
        "boolean",
        Operand::Flag,
        "Is a list without two equal elements; with them, where false.",
    ),
    operator("$sorted", "asc or desc", Operand::Word(&["asc", "desc"]), "Is a list in that order."),
    operator("$exact", "matcher", Operand::Exact, "Matches and has no other keys, at any depth."),
    operator("$json", "matcher", Operand::Matcher, "Is a string that is JSON, whose value matches."),
    operator("$base64", "matcher", Operand::Matcher, "Is a string in base64, whose text matches."),
    operator(
        "$snapshot",
        "name, or {name, mask}",
        Operand::Snapshot,
        "Is what `callsheet test --update` stored under that name in `STEM.snap.yaml` beside the scenario file, \
         exactly; of what the paths of `mask` lead to, the type only.",
    ),
];

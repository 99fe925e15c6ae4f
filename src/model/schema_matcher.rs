//! The grammar of matchers as JSON Schema: fields of the exchange at the root, operators, paths.

use serde_json::{Map, Value, json};

use super::operators::{OPERATORS, Operand};
use super::schema::described;
use crate::exchange::{FIELDS, Field, Outcome, Phase};

/// Some key is an operator: then all are.
const HAS_OPERATOR: &str = "^\\$[a-z]";

const MIXED: &str =
    "operators and plain keys do not mix; a plain key that begins with `$` has it doubled: `$$name`";

/// What a condition can name beside variables and saved values.
pub(super) const SCOPE: &[(&str, &str)] = &[
    ("row", "The values of the case's row."),
    ("env", "Environment variables that the suite lists under `env` or `secrets`."),
    ("server", "`{name}` of the server."),
    ("protocol", "The negotiated protocol version."),
    ("run", "`{id}` of this run."),
    ("session", "`{id, capabilities, tools, auth}` of the session of the step's server and identity."),
];

/// `matcher`, `mapping`, `exchange` and `scope`.
pub(super) fn definitions() -> Map<String, Value> {
    let mut definitions = Map::new();
    definitions.insert("exchange".to_owned(), exchange());
    definitions.insert("scope".to_owned(), scope());
    definitions.insert("matcher".to_owned(), matcher());
    definitions.insert("mapping".to_owned(), mapping());
    definitions
}

pub(super) fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/definitions/{name}")})
}

/// Any expected value.
fn matcher() -> Value {
    json!({
        "if": {"type": "object"},
        "then": reference("mapping"),
        "else": {"if": {"type": "array"}, "then": {"items": reference("matcher")}},
    })
}

/// An expected mapping below the root: plain keys, or operators.
fn mapping() -> Value {
    let matcher = reference("matcher");
    json!({
        "type": "object",
        "minProperties": 1,
        "properties": operators(&matcher),
        "patternProperties": {
            // A literal key that begins with `$`.
            "^\\$\\$": matcher,
            "^([^$]|$)": matcher,
        },
        "additionalProperties": false,
        "if": has_operator(),
        "then": {"propertyNames": {"pattern": HAS_OPERATOR, "patternErrorMessage": MIXED}},
    })
}

/// What stands under `expect`.
fn exchange() -> Value {
    let mut properties = Map::new();
    for field in FIELDS {
        properties.insert(field.name.to_owned(), described(member(field), field.doc));
    }
    properties.extend(operators(&reference("exchange")));
    json!({
        "type": "object",
        "minProperties": 1,
        "properties": properties,
        "patternProperties": {"^\\$[.\\[]": reference("matcher")},
        "additionalProperties": false,
        "if": has_operator(),
        "then": {"propertyNames": {"pattern": "^\\$", "patternErrorMessage": MIXED}},
    })
}

/// What stands under `when` and `requires`: names that templates can see.
fn scope() -> Value {
    let matcher = reference("matcher");
    let named = SCOPE.iter().map(|(name, doc)| ((*name).to_owned(), described(matcher.clone(), doc)));
    let mut properties: Map<String, Value> = named.collect();
    properties.extend(operators(&reference("scope")));
    // An error is told once.
    let names: Vec<&str> = SCOPE.iter().map(|(name, _)| *name).collect();
    let others = format!("^(?!({})$)([^$]|$)", names.join("|"));
    json!({
        "type": "object",
        "minProperties": 1,
        "properties": properties,
        "patternProperties": {"^\\$[.\\[]": matcher, others: matcher},
        "additionalProperties": false,
        "if": has_operator(),
        "then": {"propertyNames": {"pattern": "^\\$", "patternErrorMessage": MIXED}},
    })
}

fn has_operator() -> Value {
    json!({"not": {"propertyNames": {"not": {"pattern": HAS_OPERATOR}}}})
}

/// A field of the exchange; where it or its elements have a fixed shape, no other members.
fn member(field: &Field) -> Value {
    let words = match field.name {
        "outcome" => [Outcome::Answered, Outcome::TimedOut, Outcome::Closed, Outcome::Unreachable]
            .map(Outcome::as_str)
            .to_vec(),
        "phase" => [Phase::Step, Phase::Open].map(Phase::as_str).to_vec(),
        _ => Vec::new(),
    };
    if !words.is_empty() {
        // For an editor to offer them.
        return json!({"anyOf": [{}, {"enum": words}], "allOf": [reference("matcher")]});
    }
    if field.members.is_empty() {
        return reference("matcher");
    }
    let names = json!({"propertyNames": {"anyOf": [{"enum": field.members}, {"pattern": "^\\$"}]}});
    // For an editor, which does not offer what `propertyNames` lists.
    let of = format!("A member of `{}`.", field.name);
    let members = field.members.iter().map(|name| ((*name).to_owned(), described(reference("matcher"), &of)));
    let members: Map<String, Value> = members.collect();
    json!({"allOf": [reference("matcher"), names, {"items": names}], "properties": members})
}

/// The operators. The branches of `$any` and `$all` are of the kind of the place that they stand at.
fn operators(branch: &Value) -> Map<String, Value> {
    let one = |operator: &super::operators::Operator| {
        let schema = match operator.name {
            "$any" | "$all" => json!({"type": "array", "minItems": 1, "items": branch}),
            _ => operand(operator.shape),
        };
        (operator.name.to_owned(), described(schema, operator.doc))
    };
    OPERATORS.iter().map(one).collect()
}

fn operand(shape: Operand) -> Value {
    match shape {
        Operand::Bound => json!({"type": ["number", "string"]}),
        Operand::Near => json!({
            "type": "array",
            "minItems": 2,
            "maxItems": 2,
            "items": {"type": ["number", "string"]},
        }),
        Operand::Text => json!({"type": "string", "minLength": 1}),
        Operand::Length => json!({
            "type": ["integer", "string", "object"],
            "minimum": 0,
            "allOf": [reference("matcher")],
        }),
        Operand::Word(words) => json!({"enum": words}),
        Operand::Schema => json!({"type": "object", "minProperties": 1}),
        Operand::Flag => json!({"type": "boolean"}),
        Operand::Matcher => reference("matcher"),
        Operand::Exact => json!({"anyOf": [{"const": {}}, reference("matcher")]}),
        Operand::Matchers => json!({"type": "array", "minItems": 1, "items": reference("matcher")}),
        Operand::Members => json!({
            "type": ["array", "string"],
            "minItems": 1,
            "items": reference("matcher"),
            "pattern": "\\{\\{",
        }),
        Operand::Snapshot => {
            let name = json!({
                "type": "string",
                "pattern": "^[a-z0-9_.-]+$",
                "maxLength": 100,
                "errorMessage": "a name of small letters, digits, `_`, `-` and `.` is wanted here, or `{name, mask}`",
            });
            let mask =
                json!({"type": "array", "minItems": 1, "items": {"type": "string", "pattern": "^\\$"}});
            let both = json!({
                "required": ["name"],
                "properties": {
                    "name": described(name.clone(), "The snapshot's name in the file."),
                    "mask": described(mask, "Paths to values of which only the type is compared."),
                },
                "additionalProperties": false,
            });
            json!({"anyOf": [{}], "if": {"type": "object"}, "then": both, "else": name})
        }
        Operand::Content => json!({"allOf": [reference("matcher"), {"not": {"const": ""}}]}),
    }
}

//! The JSON Schemas of the two file formats, for editors: draft-07, which they understand best. They are made of
//! the tables that the reader goes by. Errors are to be readable in an editor, so alternatives are told apart by
//! `if` and not by `oneOf`, which would name all of them.

use serde_json::{Map, Value, json};

use super::keys::{Kind, Names, Table};
use super::scenario_keys::{FRAGMENT, SCENARIO};
use super::schema_matcher;
use super::step_keys::{OPERAND_KEYS, STEP};
use super::suite_keys::SUITE;
use super::values::LARGEST_FACTOR;
use super::verb_rules::{VERB_RULES, VerbRule};
use crate::exchange::{FIELDS, Verb};
use crate::mcp::Version;

/// The schema of a document of a scenario file: a scenario, or a fragment where it has that key.
#[must_use]
pub fn scenario_schema() -> Value {
    let mut definitions = schema_matcher::definitions();
    let scenario = reference(&SCENARIO, &mut definitions);
    let fragment = reference(&FRAGMENT, &mut definitions);
    // Without either key an editor is to offer both.
    let title = FRAGMENT.built().filter(|key| key.name == "fragment");
    let title: Map<String, Value> =
        title.map(|key| (key.name.to_owned(), described(json!({}), key.doc))).collect();
    let neither = json!({"allOf": [scenario], "properties": title});
    let has = |key: &str| json!({"type": "object", "required": [key]});
    let form = json!({
        "if": has("fragment"),
        "then": fragment,
        "else": {"if": has("scenario"), "then": scenario, "else": neither},
    });
    whole("A scenario of callsheet, or a fragment", form, definitions)
}

/// The schema of a suite file.
#[must_use]
pub fn suite_schema() -> Value {
    let mut definitions = Map::new();
    let suite = Value::Object(object(&SUITE, &mut definitions));
    whole("A suite of callsheet", suite, definitions)
}

/// A schema as it stands in its file.
#[must_use]
pub fn schema_text(schema: &Value) -> String {
    format!("{schema:#}\n")
}

fn whole(title: &str, form: Value, definitions: Map<String, Value>) -> Value {
    let mut schema = Map::new();
    schema.insert("$schema".to_owned(), "http://json-schema.org/draft-07/schema#".into());
    schema.insert("title".to_owned(), title.into());
    if let Value::Object(form) = form {
        schema.extend(form);
    }
    schema.insert("definitions".to_owned(), Value::Object(definitions));
    Value::Object(schema)
}

/// The schema of an object with a table.
fn object(table: &'static Table, definitions: &mut Map<String, Value>) -> Map<String, Value> {
    let mut properties = Map::new();
    let mut required: Vec<&str> = Vec::new();
    for key in table.built() {
        let of = kind(&key.kind, definitions);
        properties.insert(key.name.to_owned(), described(of, key.doc));
        if key.required {
            required.push(key.name);
        }
    }
    let mut schema = Map::new();
    schema.insert("type".to_owned(), "object".into());
    let others = table.others.map_or(Value::Bool(false), |doc| described(json!({}), doc));
    schema.insert("additionalProperties".to_owned(), others);
    if !required.is_empty() {
        schema.insert("required".to_owned(), json!(required));
    }
    schema.insert("properties".to_owned(), Value::Object(properties));
    let built = |name: &&str| table.built().any(|key| key.name == *name);
    let one_of: Vec<&str> = table.one_of.iter().copied().filter(built).collect();
    if !one_of.is_empty() {
        schema.insert("anyOf".to_owned(), any_required(&one_of));
        schema.insert("allOf".to_owned(), exclusive(&one_of));
    }
    if table.name == STEP.name {
        let verbs: Vec<&str> = VERB_RULES.iter().map(|rule| rule.verb.as_str()).collect();
        schema.insert("anyOf".to_owned(), any_required(&verbs));
        schema.insert("allOf".to_owned(), VERB_RULES.iter().map(verb).collect());
        schema.insert("dependencies".to_owned(), json!({"eventually": ["expect"]}));
    }
    // One message for an empty object is enough.
    let says_more = schema.contains_key("required") || schema.contains_key("anyOf");
    if !says_more && !table.may_be_empty {
        schema.insert("minProperties".to_owned(), 1.into());
    }
    schema
}

/// At least one of the keys is there.
fn any_required(keys: &[&str]) -> Value {
    keys.iter().map(|key| json!({"required": [key]})).collect()
}

/// Where one of the keys is there, those after it are not.
fn exclusive(keys: &[&str]) -> Value {
    keys.iter()
        .enumerate()
        .map(|(index, key)| {
            when(json!({"required": [key]}), forbidden(keys.iter().skip(index + 1).copied()), &[])
        })
        .collect()
}

fn forbidden<'a>(keys: impl Iterator<Item = &'a str>) -> Map<String, Value> {
    keys.map(|key| (key.to_owned(), Value::Bool(false))).collect()
}

fn when(condition: Value, properties: Map<String, Value>, required: &[&str]) -> Value {
    let mut then = Map::new();
    if !properties.is_empty() {
        then.insert("properties".to_owned(), Value::Object(properties));
    }
    if !required.is_empty() {
        then.insert("required".to_owned(), json!(required));
    }
    json!({"if": condition, "then": then})
}

/// What holds of a step with this verb. Only the verbs after it are forbidden, so that a second verb is one error.
fn verb(rule: &VerbRule) -> Value {
    let name = rule.verb.as_str();
    // Beside another verb `defer` is none.
    let verbs = || VERB_RULES.iter().map(|rule| rule.verb).filter(|verb| *verb != Verb::Defer);
    let mut condition = json!({"required": [name]});
    let mut properties = Map::new();
    if rule.verb == Verb::Defer {
        let others: Vec<&str> = verbs().map(Verb::as_str).collect();
        condition = json!({"required": [name], "not": {"anyOf": any_required(&others)}});
    } else {
        properties = forbidden(verbs().skip_while(|verb| *verb != rule.verb).skip(1).map(Verb::as_str));
    }
    for key in OPERAND_KEYS.iter().filter(|key| key.later.is_none() && !rule.operands.contains(&key.name)) {
        properties.insert(key.name.to_owned(), false.into());
    }
    properties.extend(forbidden(rule.refused()));
    let unfilled = FIELDS.iter().filter(|field| !field.filled_by(rule.verb, None)).map(|field| field.name);
    let unfilled = forbidden(unfilled);
    if rule.takes("expect") && !unfilled.is_empty() {
        properties.insert("expect".to_owned(), json!({"properties": unfilled}));
    }
    let needs: Vec<&str> = rule.needs.iter().map(|(key, _)| *key).collect();
    when(condition, properties, &needs)
}

/// With a description for hovering. Beside a `$ref` nothing else counts in draft-07.
pub(super) fn described(schema: Value, doc: &str) -> Value {
    let mut out = Map::new();
    out.insert("description".to_owned(), doc.into());
    match schema {
        Value::Object(members) if !members.contains_key("$ref") => out.extend(members),
        Value::Object(members) => {
            out.insert("allOf".to_owned(), json!([members]));
        }
        _ => {}
    }
    Value::Object(out)
}

fn kind(of: &'static Kind, definitions: &mut Map<String, Value>) -> Value {
    match of {
        Kind::Text | Kind::Verbatim | Kind::Template => json!({"type": "string", "minLength": 1}),
        Kind::Typed => json!({"type": "string"}),
        Kind::Character => {
            json!({"type": "string", "pattern": "^[^\"\\r\\n]*$", "minLength": 1, "maxLength": 1})
        }
        Kind::Name => json!({"type": "string", "pattern": NAME}),
        Kind::Choice => json!({"type": "string", "pattern": format!("{NAME}|\\{{\\{{")}),
        Kind::Saved => json!({"type": "string", "pattern": VARIABLE}),
        Kind::Flag => json!({"type": "boolean"}),
        Kind::Count => json!({"type": "integer", "minimum": 1}),
        Kind::Factor => json!({"type": "number", "minimum": 1, "maximum": LARGEST_FACTOR}),
        Kind::Date => json!({
            "type": "string",
            "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
            "examples": ["2026-09-30"],
        }),
        Kind::Duration => json!({
            "type": "string",
            "pattern": "^(?=[0-9])([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$",
            "examples": ["500ms", "30s", "1m30s"],
        }),
        Kind::Rate => json!({"type": "string", "pattern": "^0*[1-9][0-9]*/[smh]$", "examples": ["10/s"]}),
        Kind::Protocol => {
            let versions = Version::SPOKEN.iter().map(|version| version.as_str());
            json!({"enum": std::iter::once("auto").chain(versions).collect::<Vec<_>>()})
        }
        Kind::Word(words) => json!({"enum": words}),
        Kind::Variable => json!({"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$"}),
        Kind::Any => json!({}),
        Kind::Object => json!({"type": ["object", "string"], "pattern": "\\{\\{"}),
        Kind::Expect => json!({"$ref": "#/definitions/exchange"}),
        Kind::Scope => json!({"$ref": "#/definitions/scope"}),
        Kind::Members => json!({
            "type": ["object", "string"],
            "pattern": "\\{\\{",
            "allOf": [{"$ref": "#/definitions/matcher"}],
        }),
        Kind::StepHeaders => headers(json!({"type": ["string", "null"]})),
        Kind::ServerHeaders => headers(json!({"type": "string"})),
        Kind::List(of) => json!({"type": "array", "minItems": 1, "items": kind(of, definitions)}),
        Kind::Map(names, of) => {
            let of = kind(of, definitions);
            let mut map = json!({"type": "object", "minProperties": 1, "additionalProperties": of});
            let pattern = match names {
                Names::Any => None,
                Names::Variables => Some(VARIABLE),
                Names::Servers => Some(NAME),
                Names::Identities => Some("^(?!(default|anonymous)$)[A-Za-z0-9_.-]+$"),
            };
            if let (Some(pattern), Some(map)) = (pattern, map.as_object_mut()) {
                map.insert("propertyNames".to_owned(), json!({"pattern": pattern}));
            }
            map
        }
        Kind::Table(table) | Kind::Secret(table) => reference(table, definitions),
        // A list and a mapping are told apart first, so that what is wrong in one of them is said.
        Kind::Either(list @ Kind::List(_), other @ Kind::Table(_))
        | Kind::Either(other @ Kind::Table(_), list @ Kind::List(_)) => {
            let (list, other) = (kind(list, definitions), kind(other, definitions));
            json!({"if": {"type": "array"}, "then": list, "else": other})
        }
        Kind::Either(one, other) => json!({"anyOf": [kind(one, definitions), kind(other, definitions)]}),
    }
}

const NAME: &str = "^[A-Za-z0-9_.-]+$";
const VARIABLE: &str = "^[A-Za-z_\\u0080-\\uFFFF][A-Za-z0-9_\\-\\u0080-\\uFFFF]*$";

/// A table's schema under the definitions, by its name.
fn reference(table: &'static Table, definitions: &mut Map<String, Value>) -> Value {
    if !definitions.contains_key(table.name) {
        // The place is taken first: tables may name each other.
        definitions.insert(table.name.to_owned(), Value::Null);
        let schema = object(table, definitions);
        definitions.insert(table.name.to_owned(), Value::Object(schema));
    }
    json!({"$ref": format!("#/definitions/{}", table.name)})
}

fn headers(value: Value) -> Value {
    json!({
        "type": "object",
        "minProperties": 1,
        "properties": {"Authorization": false, "authorization": false},
        "additionalProperties": value,
    })
}

//! The JSON Schemas of the two file formats, for editors: draft-07, which they understand best. They are made of
//! the tables that the reader goes by. Errors are to be readable in an editor, so alternatives are told apart by
//! `if` and not by `oneOf`, which would name all of them, and what goes beyond one word has an `errorMessage`, which
//! yaml-language-server shows in place of its own.

use serde_json::{Map, Value, json};

use super::keys::{Kind, Names, Table, listed};
use super::scenario_keys::{FRAGMENT, SCENARIO};
use super::schema_matcher;
use super::step_keys::{OPERAND_KEYS, STEP};
use super::suite_keys::SUITE;
use super::values::LARGEST_FACTOR;
use super::verb_rules::{VERB_RULES, VerbRule};
use crate::exchange::{FIELDS, Verb};
use crate::knobs::Takes;
use crate::mcp::Version;

/// The schema of a document of a scenario file: a scenario, or a fragment where it has that key.
#[must_use]
pub fn scenario_schema() -> Value {
    let mut definitions = schema_matcher::definitions();
    let scenario = reference(&SCENARIO, &mut definitions);
    let fragment = reference(&FRAGMENT, &mut definitions);
    // Without either key an editor is to offer both.
    let title = FRAGMENT.keys().filter(|key| key.name == "fragment");
    let title: Map<String, Value> =
        title.map(|key| (key.name.to_owned(), described(json!({"type": "string"}), key.doc))).collect();
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
    for key in table.keys() {
        let of = kind(&key.kind, definitions);
        properties.insert(key.name.to_owned(), described(of, key.doc));
        if key.required {
            required.push(key.name);
        }
    }
    let mut schema = Map::new();
    schema.insert("title".to_owned(), table.what.replace('`', "").into());
    schema.insert("type".to_owned(), "object".into());
    let others = table.others.map_or(Value::Bool(false), |doc| described(json!({}), doc));
    schema.insert("additionalProperties".to_owned(), others);
    if !required.is_empty() {
        schema.insert("required".to_owned(), json!(required));
    }
    schema.insert("properties".to_owned(), Value::Object(properties));
    let built = |name: &&str| table.keys().any(|key| key.name == *name);
    let one_of: Vec<&str> = table.one_of.iter().copied().filter(built).collect();
    if !one_of.is_empty() {
        schema.insert("anyOf".to_owned(), any_required(table.what, &one_of));
        schema.insert("allOf".to_owned(), exclusive(table.what, &one_of));
    }
    if table.name == STEP.name {
        let verbs: Vec<&str> = VERB_RULES.iter().map(|rule| rule.verb.as_str()).collect();
        schema.insert("anyOf".to_owned(), any_required(table.what, &verbs));
        schema.insert("allOf".to_owned(), VERB_RULES.iter().map(verb).collect());
        let needs = VERB_RULES.iter().filter_map(|rule| Some((rule.verb.as_str(), rule.needs?.0)));
        let needs = needs.chain([("eventually", "expect")]);
        let needs: Map<String, Value> =
            needs.map(|(key, needed)| (key.to_owned(), json!([needed]))).collect();
        schema.insert("dependencies".to_owned(), Value::Object(needs));
    }
    if let Some(key) = table.beside {
        let message = format!("{} needs the key `{key}` beside any other", table.what);
        schema.insert("if".to_owned(), json!({"minProperties": 1}));
        schema.insert("then".to_owned(), json!({"required": [key], "errorMessage": message}));
    }
    // One message for an empty object is enough.
    let says_more = schema.contains_key("required") || schema.contains_key("anyOf");
    if !says_more && !table.may_be_empty {
        schema.insert("minProperties".to_owned(), 1.into());
    }
    schema
}

/// At least one of the keys is there.
fn any_required(what: &str, keys: &[&str]) -> Value {
    let message = format!("{what} has exactly one of {}", listed(keys.iter().copied(), "and"));
    keys.iter().map(|key| json!({"required": [key], "errorMessage": message})).collect()
}

/// Where one of the keys is there, those after it are not.
fn exclusive(what: &str, keys: &[&str]) -> Value {
    let list = listed(keys.iter().copied(), "and");
    let one = |(index, key): (usize, &&str)| {
        let others = keys.iter().skip(index + 1).copied();
        let message = format!("{what} has exactly one of {list}, and `{key}` is there");
        json!({"if": {"required": [key]}, "then": forbidden(others, &message)})
    };
    keys.iter().enumerate().map(one).collect()
}

/// None of the keys is there.
fn forbidden<'a>(keys: impl Iterator<Item = &'a str>, message: &str) -> Value {
    let keys: Map<String, Value> = keys.map(|key| (key.to_owned(), Value::Bool(false))).collect();
    json!({"properties": keys, "errorMessage": message})
}

/// What holds of a step with this verb. Only the verbs after it are forbidden, so that a second verb is one error.
fn verb(rule: &VerbRule) -> Value {
    let name = rule.verb.as_str();
    // Beside another verb `defer` is none.
    let verbs = || VERB_RULES.iter().map(|rule| rule.verb).filter(|verb| *verb != Verb::Defer);
    let mut condition = json!({"required": [name]});
    let mut then = Vec::new();
    if rule.verb == Verb::Defer {
        let others: Vec<Value> = verbs().map(|verb| json!({"required": [verb.as_str()]})).collect();
        condition = json!({"required": [name], "not": {"anyOf": others}});
    } else {
        let after = verbs().skip_while(|verb| *verb != rule.verb).skip(1).map(Verb::as_str);
        then.push(forbidden(after, &format!("a step has exactly one verb, and `{name}` is there")));
    }
    for key in OPERAND_KEYS.iter().filter(|key| !rule.operands.contains(&key.name)) {
        let takers = VERB_RULES.iter().filter(|rule| rule.operands.contains(&key.name));
        let takers = listed(takers.map(|rule| rule.verb.as_str()), "and");
        then.push(forbidden([key.name].into_iter(), &format!("`{}` stands beside {takers} only", key.name)));
    }
    for refusal in rule.refuses {
        let message = format!("`{name}` takes no such key: {}", refusal.reason);
        then.push(forbidden(refusal.keys.iter().copied(), &message));
    }
    let mut unfilled =
        FIELDS.iter().filter(|field| !field.filled_by(rule.verb, None)).map(|field| field.name).peekable();
    if rule.takes("expect") && unfilled.peek().is_some() {
        let unfilled = forbidden(unfilled, &format!("a step with `{name}` does not fill this field"));
        then.push(json!({"properties": {"expect": {"doNotSuggest": true, "allOf": [unfilled]}}}));
    }
    json!({"if": condition, "then": {"allOf": then}})
}

/// With a description for hovering. Beside a `$ref` nothing else counts in draft-07.
///
/// What an editor writes behind the key depends on what stands beside the description: with `properties` it begins
/// a line, with `anyOf` it goes on in the same line, without either it leaves out the colon. So they are there, and
/// take everything.
pub(super) fn described(schema: Value, doc: &str) -> Value {
    let mut out = Map::new();
    out.insert("description".to_owned(), doc.into());
    let Value::Object(members) = schema else { return Value::Object(out) };
    let refers_to = |name: &&str| schema_matcher::reference(name).get("$ref") == members.get("$ref");
    let is_mapping = ["exchange", "scope"].iter().any(refers_to);
    if is_mapping {
        out.insert("properties".to_owned(), json!({}));
    } else if !["type", "enum", "anyOf", "properties"].into_iter().any(|name| members.contains_key(name)) {
        out.insert("anyOf".to_owned(), json!([{}]));
    }
    if members.contains_key("$ref") {
        out.insert("allOf".to_owned(), json!([members]));
    } else {
        out.extend(members);
    }
    Value::Object(out)
}

/// The schema of a kind. A message says what it takes where the type or a pattern alone would say too little.
fn kind(of: &'static Kind, definitions: &mut Map<String, Value>) -> Value {
    let mut schema = bare_kind(of, definitions);
    let says_all = |schema: &Map<String, Value>| {
        let is_mapping =
            schema.get("type").is_some_and(|of| of == "object") && schema.contains_key("properties");
        schema.contains_key("errorMessage") || !schema.contains_key("type") || is_mapping
    };
    if let Value::Object(members) = &mut schema
        && !says_all(members)
    {
        members.insert("errorMessage".to_owned(), wanted(of).into());
    }
    schema
}

fn bare_kind(of: &'static Kind, definitions: &mut Map<String, Value>) -> Value {
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
            let versions = Version::ALL.iter().map(|version| version.as_str());
            json!({"enum": std::iter::once("auto").chain(versions).collect::<Vec<_>>()})
        }
        Kind::Word(words) => json!({"enum": words}),
        Kind::Knob(knob) => match knob.takes {
            Takes::OneOf(words) => {
                // YAML reads `404` as a number.
                let numbers = words.iter().filter_map(|word| word.parse::<i64>().ok()).map(Value::from);
                json!({"enum": words.iter().map(|word| Value::from(*word)).chain(numbers).collect::<Vec<_>>()})
            }
            Takes::Time => bare_kind(&Kind::Duration, definitions),
            Takes::Number => json!({"type": "integer", "minimum": 0}),
            Takes::Fault => json!({"type": "string"}),
        },
        Kind::Variable => json!({"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$"}),
        Kind::Tool => json!({"type": "string", "pattern": TOOL}),
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
        Kind::List(of) => json!({"type": "array", "minItems": 1, "items": element(of, definitions)}),
        Kind::Map(names, of) => {
            let of = kind(of, definitions);
            let mut map = json!({"type": "object", "minProperties": 1, "additionalProperties": of});
            let names = match names {
                Names::Any => None,
                Names::Environment => Some((
                    "^[A-Za-z_][A-Za-z0-9_]*$",
                    "a name has letters, digits and `_`, and begins with no digit",
                )),
                Names::Variables => Some((VARIABLE, "a name has letters, digits, `_` and `-`")),
                Names::Servers | Names::Sets => Some((NAME, "a name has letters, digits, `_`, `-` and `.`")),
                Names::Identities => Some((
                    "^(?!(default|anonymous)$)[A-Za-z0-9_.-]+$",
                    "a name has letters, digits, `_`, `-` and `.`; `default` and `anonymous` are always there",
                )),
            };
            if let (Some((pattern, message)), Some(map)) = (names, map.as_object_mut()) {
                map.insert(
                    "propertyNames".to_owned(),
                    json!({"pattern": pattern, "patternErrorMessage": message}),
                );
            }
            map
        }
        Kind::Table(table) => mapping(reference(table, definitions), &wanted(of)),
        Kind::Secret(table) => {
            let message = "a token cannot be written into a suite: write where it is, `{pat: {env: NAME}}`";
            mapping(reference(table, definitions), message)
        }
        // A list and a mapping are told apart first, so that what is wrong in one of them is said.
        Kind::Either(list @ Kind::List(_), Kind::Table(table))
        | Kind::Either(Kind::Table(table), list @ Kind::List(_)) => {
            let mut schema = mapping(reference(table, definitions), &wanted(of));
            let list = kind(list, definitions);
            if let Some(schema) = schema.as_object_mut() {
                schema.insert("type".to_owned(), json!(["array", "object"]));
                schema.insert("else".to_owned(), json!({"if": {"type": "array"}, "then": list}));
            }
            schema
        }
        Kind::Either(one, other) => json!({"anyOf": [kind(one, definitions), kind(other, definitions)]}),
    }
}

const NAME: &str = "^[A-Za-z0-9_.-]+$";
/// As [`super::values::is_tool_pattern`].
const TOOL: &str = "^[^\\s?\\[\\]{}()|,^$\\\\]+$";
const VARIABLE: &str = "^[A-Za-z_\\u0080-\\uFFFF][A-Za-z0-9_\\-\\u0080-\\uFFFF]*$";

/// An element of a list. An editor offers its keys only where nothing has to be known of it before: there may be
/// no more than a dash.
fn element(of: &'static Kind, definitions: &mut Map<String, Value>) -> Value {
    match of {
        Kind::Table(table) => reference(table, definitions),
        Kind::Either(Kind::Table(table), list @ Kind::List(_)) => {
            let (one, several) = (reference(table, definitions), kind(list, definitions));
            json!({"if": {"type": "array"}, "then": several, "else": one})
        }
        _ => kind(of, definitions),
    }
}

/// A mapping with a schema, and a message for all that is none.
fn mapping(schema: Value, message: &str) -> Value {
    json!({
        "type": "object",
        "properties": {},
        "if": {"type": "object"},
        "then": schema,
        "errorMessage": message,
    })
}

fn wanted(of: &Kind) -> String {
    format!("{} is wanted here", of.describe())
}

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

//! The whole language: every key, verb, field, operator and helper stands in an example of docs/format.md that is
//! run, in the showcase, and in the JSON Schemas; and the schemas take what callsheet takes.
#![cfg(feature = "sandbox")]
#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has to fail")]

mod common;

use std::collections::BTreeSet;

use callsheet::exchange::{FIELDS, Verb};
use callsheet::matcher::{FORMAT_NAMES, OPERATOR_NAMES};
use callsheet::model::{key_tables, scenario_schema, suite_schema};
use callsheet::template::{HELPERS, SCOPE_WORDS};
use common::pages::{Block, RUN, beside, blocks, documents, marked, showcase, text};
use serde_json::Value;

fn set<'a>(names: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    names.into_iter().map(str::to_owned).collect()
}

/// The tables of keys of a suite file; all others are of scenario files.
const OF_SUITES: [&str; 11] =
    ["suite", "server", "sandbox", "knobs", "uipath", "auth", "app", "pat", "limits", "timeouts", "tls"];

/// What documents use of the language.
#[derive(Debug, Default)]
struct Used {
    /// As `table.key`.
    keys: BTreeSet<String>,
    fields: BTreeSet<String>,
    operators: BTreeSet<String>,
    /// Words in expressions: helpers and words of the scope among them.
    words: BTreeSet<String>,
}

impl Used {
    fn of<'a>(files: impl IntoIterator<Item = &'a str>) -> Self {
        let mut used = Self::default();
        for document in files.into_iter().flat_map(documents) {
            if document.get("scenario").is_some() {
                used.object("scenario", &document);
            } else if document.get("fragment").is_some() {
                used.object("fragment", &document);
            } else if document.get("servers").is_some() {
                used.object("suite", &document);
            }
        }
        used
    }

    /// An object with a table of keys. Beside a table of that name there are three for a step.
    fn object(&mut self, table: &str, value: &Value) {
        for (key, value) in value.as_object().into_iter().flatten() {
            let groups = ["verbs", "operands", "step"];
            let tables = if table == "step" { &groups[..] } else { &[table][..] };
            self.keys.extend(tables.iter().map(|table| format!("{table}.{key}")));
            self.value(table, key, value);
        }
    }

    fn value(&mut self, table: &str, key: &str, value: &Value) {
        match (table, key) {
            (_, "expect" | "abort") => self.exchange(value),
            ("scenario", "requires") | ("step" | "known_bug", "when") => self.scope(value),
            ("await" | "respond", "params") => self.matcher(value),
            (_, "steps" | "defer" | "parallel") => self.steps(value),
            ("scenario", "rows") => match value.as_array() {
                Some(rows) => rows.iter().for_each(|row| self.object("row", row)),
                None => self.object("rows", value),
            },
            (_, "respond") => value.as_array().into_iter().flatten().for_each(|rule| self.object(key, rule)),
            ("step", "save") => self.members("save", value),
            ("suite", "servers") => self.members("server", value),
            ("server", "identities") => self.members("auth", value),
            ("server", "sandbox" | "uipath" | "auth" | "limits" | "timeouts" | "tls")
            | ("sandbox", "knobs")
            | ("auth", "pat" | "app")
            | ("scenario", "client")
            | ("step", "http" | "complete" | "listen" | "await" | "eventually" | "known_bug")
            | (_, "checks") => self.object(key, value),
            _ => {}
        }
        self.templates(value);
    }

    fn members(&mut self, table: &str, value: &Value) {
        value.as_object().into_iter().flatten().for_each(|(_, member)| self.object(table, member));
    }

    /// A step, a list of steps, or a list of branches.
    fn steps(&mut self, value: &Value) {
        match value {
            Value::Array(steps) => steps.iter().for_each(|step| self.steps(step)),
            step => self.object("step", step),
        }
    }

    /// Fields of the exchange, also in branches and in the exchanges of branches.
    fn exchange(&mut self, expected: &Value) {
        for (key, value) in expected.as_object().into_iter().flatten() {
            let path = key.strip_prefix("$.").and_then(|path| path.split(['.', '[']).next());
            self.fields.insert(path.unwrap_or(key).to_owned());
            value.as_array().into_iter().flatten().for_each(|branch| self.exchange(branch));
        }
        self.matcher(expected);
    }

    /// Names in scope.
    fn scope(&mut self, expected: &Value) {
        self.words.extend(expected.as_object().into_iter().flatten().map(|(key, _)| key.clone()));
        self.matcher(expected);
    }

    fn matcher(&mut self, expected: &Value) {
        match expected {
            Value::Object(members) => {
                self.operators.extend(members.keys().filter(|key| key.starts_with('$')).cloned());
                members.values().for_each(|value| self.matcher(value));
            }
            Value::Array(elements) => elements.iter().for_each(|element| self.matcher(element)),
            _ => {}
        }
    }

    fn templates(&mut self, value: &Value) {
        match value {
            Value::Object(members) => members.values().for_each(|value| self.templates(value)),
            Value::Array(elements) => elements.iter().for_each(|element| self.templates(element)),
            Value::String(text) => {
                for expression in text.split("{{").skip(1).filter_map(|part| part.split_once("}}")) {
                    let words = expression.0.split([' ', '(', ')', '.']);
                    self.words.extend(words.map(str::to_owned));
                }
            }
            _ => {}
        }
    }

    /// What is not used, but for the keys of these tables.
    fn missing(&self, without: &[&str]) -> Vec<String> {
        let tables = key_tables().into_iter().filter(|(table, _)| !without.contains(table));
        let keys = tables.flat_map(|(table, rows)| {
            rows.into_iter().map(move |row| format!("{table}.{}", row.key)).collect::<Vec<_>>()
        });
        let kinds = [
            ("key", keys.collect(), &self.keys),
            ("field", set(FIELDS.iter().map(|field| field.name)), &self.fields),
            ("operator", set(OPERATOR_NAMES.iter().copied()), &self.operators),
            ("helper", set(HELPERS.iter().map(|helper| helper.name)), &self.words),
            ("word of the scope", set(SCOPE_WORDS.iter().copied()), &self.words),
        ];
        let missing = kinds.into_iter().flat_map(|(kind, known, used): (_, BTreeSet<String>, _)| {
            known.difference(used).map(|name| format!("{kind} {name}")).collect::<Vec<_>>()
        });
        missing.collect()
    }
}

#[test]
fn the_documentation_has_an_example_of_everything() {
    let run = blocks("docs/format.md").into_iter().filter(|block| {
        RUN.contains(&block.mark.as_str()) || block.mark == "yaml suite" || block.beside().is_some()
    });
    let texts: Vec<String> =
        run.filter(|block| block.mark.starts_with("yaml")).map(|block| block.scenario()).collect();
    let used = Used::of(texts.iter().map(String::as_str));
    // The knobs have a table of their own in docs/sandbox.md, made from the code.
    assert_eq!(used.missing(&["knobs"]), Vec::<String>::new(), "in no example of docs/format.md that is run");
}

#[test]
fn the_showcase_uses_everything() {
    let mut texts: Vec<String> = vec![text("callsheet.yaml")];
    texts.extend(showcase().iter().map(|path| std::fs::read_to_string(path).unwrap()));
    let used = Used::of(texts.iter().map(String::as_str));
    assert_eq!(used.missing(&OF_SUITES), Vec::<String>::new(), "not used in scenarios/");
}

/// What `missing` would not find out by itself: that it finds what is missing.
#[test]
fn what_is_missing_is_named() {
    let used = Used::of(["scenario: A\nsteps:\n  - defer: {call: echo, expect: {json: {$any: [1]}}}\n"]);
    let missing = used.missing(&[]);
    for name in ["key await.method", "key verbs.use", "field wire", "operator $near", "helper sha256"] {
        assert!(missing.contains(&name.to_owned()), "{name}");
    }
    for name in ["key verbs.call", "key verbs.defer", "field json", "operator $any"] {
        assert!(!missing.contains(&name.to_owned()), "{name}");
    }
}

#[test]
fn keys_are_in_the_schemas() {
    let (scenario, suite) = (scenario_schema(), suite_schema());
    for (table, rows) in key_tables() {
        let at = match table {
            "suite" => "/properties".to_owned(),
            "verbs" | "operands" => "/definitions/step/properties".to_owned(),
            table => format!("/definitions/{table}/properties"),
        };
        let schema = if OF_SUITES.contains(&table) { &suite } else { &scenario };
        let properties = schema.pointer(&at).and_then(Value::as_object).unwrap();
        for row in rows {
            assert!(properties.contains_key(row.key), "`{}` of `{table}` is not in the schema", row.key);
        }
    }
}

#[test]
fn everything_is_in_the_schema() {
    let schema = scenario_schema();
    let has = |at: &str, name: &str| {
        let there = schema.pointer(&format!("/definitions/{at}/properties/{name}")).is_some();
        assert!(there, "`{name}` is not in `{at}` of the schema");
    };
    for name in OPERATOR_NAMES {
        has("mapping", name);
        has("exchange", name);
    }
    FIELDS.iter().for_each(|field| has("exchange", field.name));
    Verb::ALL.iter().for_each(|verb| has("step", verb.as_str()));
    let formats = schema.pointer("/definitions/mapping/properties/$format/enum").unwrap();
    let formats = formats.as_array().unwrap().iter().map(|name| name.as_str().unwrap());
    assert_eq!(set(formats), set(FORMAT_NAMES.iter().copied()));
}

/// What is wrong with each document of a text.
fn objections(schema: &Value, text: &str) -> Vec<String> {
    let validator = jsonschema::draft7::new(schema).unwrap();
    documents(text)
        .iter()
        .flat_map(|document| {
            validator.iter_errors(document).map(|error| error.to_string()).collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn schemas_take_the_showcase_and_the_examples() {
    let (scenario, suite) = (scenario_schema(), suite_schema());
    let none = Vec::<String>::new();
    for path in showcase() {
        let text = std::fs::read_to_string(&path).unwrap();
        // A file of rows is no scenario file.
        if documents(&text).iter().all(Value::is_object) {
            assert_eq!(objections(&scenario, &text), none, "{}", path.display());
        }
    }
    assert_eq!(objections(&suite, &text("callsheet.yaml")), none);
    let fragments: Vec<Block> =
        beside().into_iter().filter(|block| block.text.starts_with("fragment: ")).collect();
    for block in marked(&RUN).iter().chain(&fragments) {
        assert_eq!(objections(&scenario, &block.scenario()), none, "{}:{}", block.page, block.line);
    }
    for block in marked(&["yaml suite"]) {
        assert_eq!(objections(&suite, &block.text), none, "{}:{}", block.page, block.line);
    }
}

#[test]
fn schemas_refuse_what_an_editor_can_see() {
    let steps = [
        "{}",
        "{cal: echo}",
        "{call: echo, read: 'a://b'}",
        "{call: echo, params: {}}",
        "{list: tool}",
        "{wait: soon}",
        "{wait: 1s, expect: {text: x}}",
        "{http: {method: GET}}",
        "{call: echo, expct: {text: x}}",
        "{call: echo, expect: {}}",
        "{call: echo, expect: {jsn: 1}}",
        "{call: echo, expect: {items: [1]}}",
        "{call: echo, expect: {json: {}}}",
        "{call: echo, expect: {json: {$matchs: x}}}",
        "{call: echo, expect: {json: {$gt: 1, a: 2}}}",
        "{call: echo, expect: {json: {$type: array}}}",
        "{call: echo, expect: {json: {$format: guid}}}",
        "{call: echo, expect: {json: {$contains: ''}}}",
        "{call: echo, timeout: 5}",
        "{call: echo, headers: {Authorization: x}}",
        "{call: echo, save: {a: {paht: $.json}}}",
        "{call: echo, checks: {wire: warning}}",
    ];
    let schema = scenario_schema();
    for step in steps {
        let text = format!("scenario: A\nsteps: [{step}]\n");
        assert!(!objections(&schema, &text).is_empty(), "{step}");
    }
    for rest in
        ["", "steps: []", "steps: [{list: tools}]\ntag: [a]", "steps: [{list: tools}]\nprotocol: 2024"]
    {
        assert!(!objections(&schema, &format!("scenario: A\n{rest}\n")).is_empty(), "{rest}");
    }
    let schema = suite_schema();
    let servers = [
        "{}",
        "{a: {}}",
        "{a: {sandbox: orders}}",
        "{a: {url: 'http://127.0.0.1:1/mcp', sandbox: uipath}}",
        "{a: {url: 'http://127.0.0.1:1/mcp', auth: {pat: rt_0123456789ABCDEF}}}",
        "{a: {url: 'http://127.0.0.1:1/mcp', limits: {rate: fast}}}",
        "{a: {uipath: {folder: acme}}}",
    ];
    for server in servers {
        assert!(!objections(&schema, &format!("servers: {server}\n")).is_empty(), "{server}");
    }
}

use std::path::{Path, PathBuf};

use jsonschema::Validator;
use serde_json::Value;

use super::documents;
use crate::exchange::{FIELDS, Verb};
use crate::model::keys::{Kind, Table};
use crate::model::scenario_keys::{FRAGMENT, SCENARIO};
use crate::model::schema_matcher::SCOPE;
use crate::model::step_keys::STEP;
use crate::model::suite_keys::SUITE;
use crate::model::{OPERATORS, key_tables, scenario_schema, schema_text, suite_schema};

fn files() -> [(PathBuf, Value); 2] {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas");
    [
        (folder.join("scenario.schema.json"), scenario_schema()),
        (folder.join("suite.schema.json"), suite_schema()),
    ]
}

#[test]
fn the_schema_files_are_up_to_date() {
    for (path, schema) in files() {
        let found = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            found == schema_text(&schema),
            "{} is stale: run `cargo test --lib write_the_schema_files -- --ignored`",
            path.display()
        );
    }
}

#[test]
#[ignore = "writes the files that `the_schema_files_are_up_to_date` reads"]
fn write_the_schema_files() {
    for (path, schema) in files() {
        std::fs::write(path, schema_text(&schema)).unwrap();
    }
}

fn validator(schema: &Value) -> Validator {
    assert!(jsonschema::draft7::meta::is_valid(schema));
    jsonschema::draft7::new(schema).unwrap()
}

/// The first line of each error: `place: message`.
fn errors(validator: &Validator, text: &str) -> Vec<String> {
    let document = documents("a.yaml", text).remove(0);
    validator
        .iter_errors(document.value())
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

const GOOD_STEPS: &[&str] = &[
    "{call: add}",
    "{call: '{{ tool }}', arguments: {a: {b: []}}, name: n, server: s, as: a, timeout: 1m30s}",
    "{call: add, arguments: '{{ all }}', headers: {X-A: b, Accept: null}, meta: {progressToken: 1, x: null}}",
    "{list: tools, checks: {wire: warn, output_schema: ignore}}",
    "{read: 'a://b', save: {a: $.json.a, b: {path: '$.json[*]', all: true, secret: true, matches: '(.)'}}}",
    "{prompt: p, arguments: {a: b}}",
    "{request: tools/list, params: [1]}",
    "{session: open, expect: {result: {serverInfo: {name: {$type: string}}}}}",
    "{http: {method: POST, body: {a: 1}}, expect: {http: {status: 400}}}",
    "{wait: 500ms}",
    "{wait: 500ms, name: n}",
    // The grammar of matchers.
    "{call: a, expect: {json: 1, text: {$matches: '^a'}, is_error: true, outcome: answered}}",
    "{call: a, expect: {json: [], structured: null, error: {$exists: false}}}",
    "{call: a, expect: {json: {a: {$gt: 1, $lte: '{{ b }}'}, $$ref: x, b: [{$near: [1, 0.1]}], '': 1}}}",
    "{call: a, expect: {duration: {$lt: 5s}, $.json.a: 1, '$[''json'']': {$length: {$gt: 1}}}}",
    "{call: a, expect: {$any: [{error: {code: -1}}, {$.json.a: 1}], $all: [{is_error: true}]}}",
    "{call: a, expect: {json: {$all: [1], $not: 2, $each: {a: 1}, $unordered: [1, {$gt: 1}], $unique: true}}}",
    "{call: a, expect: {json: {$sorted: desc, $exact: {a: 1}, $json: {a: 1}, $base64: x, $format: uuid}}}",
    "{call: a, expect: {json: {$exact: {}}}}",
    "{call: a, expect: {json: {$schema: {type: object}, $contains: [1, {a: 2}], $starts_with: a, $ends_with: b}}}",
    "{call: a, expect: {http: {status: 200, headers: {x: y}}, notifications: [{method: m, params: {a: 1}}]}}",
    "{call: a, expect: {notifications: {$contains: {method: m}}, http: {status: {$any: [200, 202]}}}}",
    "{list: tools, expect: {items: {$length: 3}, pages: 2}}",
    // The verbs that came later.
    "{complete: {prompt: p, argument: a, value: ''}, expect: {items: [x]}, save: {a: $.items}}",
    "{complete: {resource: 'a:///{b}', argument: b, value: '{{ v }}', context: {c: d}}, headers: {X-A: b}}",
    "{notify: a/b, params: {a: 1}, meta: {a: 1}, timeout: 5s, expect: {http: {status: 202}}}",
    "{listen: {}}",
    "{listen: {tools: true, prompts: true, resources: ['a://b', '{{ uri }}']}, as: a, headers: {X: y}}",
    "{await: {method: a/b, params: {a: {$gt: 1}}}, server: s, timeout: 5s, expect: {outcome: timed_out}}",
    "{await: {method: a/b, params: '{{ p }}'}, when: {row: {a: 1}}, known_bug: {issue: 1}}",
    "{use: 'a.yaml#login', with: {a: 1, b: '{{ c }}'}, server: s, as: a, expect: {outputs: {a: 1}}}",
    "{parallel: [{call: a}, [{call: b}, {wait: 1s}]], expect: {order: [x], steps: {x: {json: 1}}}}",
    "{parallel: [{parallel: [{call: a, defer: {call: b}}]}, {defer: {call: b}}]}",
    "{defer: {call: a}, name: n, when: {$.row.a: 1}}",
    "{defer: [{call: a}, {parallel: [{call: b}]}]}",
    "{call: a, defer: {call: b}}",
    "{call: a, defer: [{call: b}, {wait: 1s}], when: {$any: [{row: {a: 1}}, {b: 1}], $all: [{c: 1}]}}",
    "{read: 'a://b', eventually: {within: 1m, every: 2s, backoff: 1.5, abort: {text: x}}, expect: {text: y}}",
    "{http: {method: GET}, eventually: {within: 1m}, expect: {http: {status: 200}}}",
    "{call: a, respond: [{to: sampling/createMessage, params: {maxTokens: 1}, result: {a: 1}, times: any}]}",
    "{call: a, respond: [{to: roots/list, error: {code: -1, message: x}, times: 2}, {to: roots/list, result: '{{ r }}'}]}",
    "{call: a, known_bug: {issue: 'https://h/1', until: 2026-09-30, when: {protocol: 2025-11-25}}}",
    "{call: a, task: follow, expect: {task: {id: x, status: completed}}}",
    "{call: a, task: start, save: {id: $.task.id}}",
    "{call: a, as: '{{ row.who }}', server: '{{ row.server }}'}",
    "{call: a, checks: {contradiction: warn, order: error, progress: ignore, ids: warn, capabilities: warn, echo: error}}",
];

const BAD_STEPS: &[(&str, &str)] = &[
    ("{}", "/steps/0"),
    ("{name: a}", "/steps/0"),
    ("{call: a, list: tools}", "/steps/0/list"),
    ("{call: 1}", "/steps/0/call"),
    ("{call: a, task: stop}", "/steps/0/task"),
    ("{read: a, task: start}", "/steps/0/task"),
    ("{call: ''}", "/steps/0/call"),
    ("{call: a, expct: {}}", "/steps/0"),
    ("{call: a, params: {}}", "/steps/0/params"),
    ("{call: a, arguments: plain}", "/steps/0/arguments"),
    ("{call: a, timeout: fast}", "/steps/0/timeout"),
    ("{call: a, timeout: 5}", "/steps/0/timeout"),
    ("{call: a, timeout: ''}", "/steps/0/timeout"),
    ("{call: a, headers: {Authorization: x}}", "/steps/0/headers/Authorization"),
    ("{call: a, headers: {X: 1}}", "/steps/0/headers/X"),
    ("{call: a, save: {a b: $.json}}", "/steps/0/save"),
    ("{call: a, save: {a: {matches: x}}}", "/steps/0/save/a"),
    ("{call: a, checks: {echo: loud}}", "/steps/0/checks/echo"),
    ("{list: tool}", "/steps/0/list"),
    ("{session: opened}", "/steps/0/session"),
    ("{session: open, meta: {a: 1}}", "/steps/0/meta"),
    ("{http: {method: POST}}", "/steps/0"),
    ("{wait: 1s, expect: {duration: 1}}", "/steps/0/expect"),
    ("{call: a, expect: {}}", "/steps/0/expect"),
    ("{call: a, expect: {jsn: 1}}", "/steps/0/expect"),
    ("{call: a, expect: {items: []}}", "/steps/0/expect/items"),
    ("{list: tools, expect: {json: 1}}", "/steps/0/expect/json"),
    ("{call: a, expect: {json: {}}}", "/steps/0/expect/json"),
    ("{call: a, expect: {json: {$matchs: x}}}", "/steps/0/expect/json"),
    ("{call: a, expect: {json: {$eq: x}}}", "/steps/0/expect/json"),
    ("{call: a, expect: {json: {$gt: 1, a: 1}}}", "/steps/0/expect/json"),
    ("{call: a, expect: {json: {$.a: 1}}}", "/steps/0/expect/json"),
    ("{call: a, expect: {json: {$contains: ''}}}", "/steps/0/expect/json/$contains"),
    ("{call: a, expect: {json: {$all: []}}}", "/steps/0/expect/json/$all"),
    ("{call: a, expect: {json: {a: [{$near: 1}]}}}", "/steps/0/expect/json/a/0/$near"),
    ("{call: a, expect: {json: {$type: text}}}", "/steps/0/expect/json/$type"),
    ("{call: a, expect: {json: {$unique: 1}}}", "/steps/0/expect/json/$unique"),
    ("{call: a, expect: {json: {$length: -1}}}", "/steps/0/expect/json/$length"),
    ("{call: a, expect: {http: {code: 200}}}", "/steps/0/expect/http"),
    ("{call: a, expect: {notifications: [{name: 1}]}}", "/steps/0/expect/notifications/0"),
    ("{call: a, expect: {$any: [{jsn: 1}]}}", "/steps/0/expect/$any/0"),
    ("{call: a, expect: {$.json: {$matchs: 1}}}", "/steps/0/expect/$.json"),
    ("{complete: {prompt: p, resource: r, argument: a, value: b}}", "/steps/0/complete/resource"),
    ("{complete: {argument: a, value: b}}", "/steps/0/complete"),
    ("{complete: {prompt: p, argument: a}}", "/steps/0/complete"),
    ("{notify: a, eventually: {within: 1s}, expect: {http: {status: 202}}}", "/steps/0/eventually"),
    ("{notify: a, expect: {result: {a: 1}}}", "/steps/0/expect/result"),
    ("{listen: {tool: true}}", "/steps/0/listen"),
    ("{listen: {resources: []}}", "/steps/0/listen/resources"),
    ("{await: {}}", "/steps/0/await"),
    ("{await: {method: a}, headers: {A: b}}", "/steps/0/headers"),
    ("{await: {method: a, params: 1}}", "/steps/0/await/params"),
    ("{use: a.yaml, timeout: 1s}", "/steps/0/timeout"),
    ("{use: a.yaml, with: {a b: 1}}", "/steps/0/with"),
    ("{use: a.yaml, expect: {json: 1}}", "/steps/0/expect/json"),
    ("{call: a, with: {a: 1}}", "/steps/0/with"),
    ("{parallel: []}", "/steps/0/parallel"),
    ("{parallel: {call: a}}", "/steps/0/parallel"),
    ("{parallel: [{call: a}], server: s}", "/steps/0/server"),
    ("{parallel: [{call: a}, [{call: b, nam: c}]]}", "/steps/0/parallel/1/0"),
    ("{defer: {call: a}, expect: {json: 1}}", "/steps/0/expect"),
    ("{call: a, defer: {list: tool}}", "/steps/0/defer/list"),
    ("{call: a, defer: []}", "/steps/0/defer"),
    ("{call: a, eventually: {within: 1s}}", "/steps/0"),
    ("{call: a, eventually: {every: 1s}, expect: {text: x}}", "/steps/0/eventually"),
    ("{call: a, eventually: {within: 1s, backoff: 0.5}, expect: {text: x}}", "/steps/0/eventually/backoff"),
    ("{call: a, eventually: {within: 1s, abort: {jsn: 1}}, expect: {text: x}}", "/steps/0/eventually/abort"),
    ("{call: a, respond: []}", "/steps/0/respond"),
    ("{call: a, respond: [{to: sampling, result: {}}]}", "/steps/0/respond/0/to"),
    ("{call: a, respond: [{to: roots/list}]}", "/steps/0/respond/0"),
    ("{call: a, respond: [{to: roots/list, result: {}, error: {}}]}", "/steps/0/respond/0/error"),
    ("{call: a, respond: [{to: roots/list, result: {}, times: 0}]}", "/steps/0/respond/0/times"),
    ("{call: a, known_bug: {until: 2026-09-30}}", "/steps/0/known_bug"),
    ("{call: a, known_bug: {issue: x, until: tomorrow}}", "/steps/0/known_bug/until"),
    ("{call: a, when: {}}", "/steps/0/when"),
    ("{call: a, when: {row: {$eq: 1}}}", "/steps/0/when/row"),
    ("{call: a, as: 'a b'}", "/steps/0/as"),
];

#[test]
fn the_scenario_schema_takes_what_the_reader_takes() {
    let schema = validator(&scenario_schema());
    for step in GOOD_STEPS {
        let text = format!("scenario: A\nsteps:\n  - {step}\n");
        assert_eq!(errors(&schema, &text), Vec::<String>::new(), "{step}");
        let (_, problems) = super::scenarios_of(
            "default: s\nservers: {s: {url: 'https://h/', identities: {a: {pat: {env: A}}}}}",
            &text,
        );
        assert!(problems.is_empty(), "{step}: {problems:?}");
    }
}

#[test]
fn the_scenario_schema_points_at_what_is_wrong() {
    let schema = validator(&scenario_schema());
    let mut wrong = Vec::new();
    for (step, at) in BAD_STEPS {
        let found = errors(&schema, &format!("scenario: A\nsteps:\n  - {step}\n"));
        if found.len() != 1 || !found[0].starts_with(&format!("{at}: ")) {
            wrong.push((step, found));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn scenario_keys_are_judged() {
    let schema = validator(&scenario_schema());
    let good = "scenario: A\nprotocol: [auto, 2025-11-25]\ntags: [a]\nvars: {a: null}\nclient: {log: info}\nsteps: [{wait: 1s}]";
    assert_eq!(errors(&schema, good), Vec::<String>::new());
    for bad in [
        "steps: [{wait: 1s}]",
        "scenario: A",
        "scenario: A\nsteps: []",
        "scenario: A\nrows: []\nsteps: [{wait: 1s}]",
        "scenario: A\nrows: [{a: 1}]\nsteps: [{wait: 1s}]",
        "scenario: A\nrows: [{name: a}, b]\nsteps: [{wait: 1s}]",
        "scenario: A\nrows: {file: a.csv}\nsteps: [{wait: 1s}]",
        "scenario: A\nrows: {file: a.csv, name: b, separator: ab}\nsteps: [{wait: 1s}]",
        "scenario: A\nrows: a.csv\nsteps: [{wait: 1s}]",
        "scenario: A\nrequires: {}\nsteps: [{wait: 1s}]",
        "scenario: A\nprotocol: 2024-10-07\nsteps: [{wait: 1s}]",
        "scenario: A\ntags: a\nsteps: [{wait: 1s}]",
        "scenario: A\nfragment: A\nsteps: [{wait: 1s}]",
        "scenario: A\ninputs: {a: 1}\nsteps: [{wait: 1s}]",
        "fragment: A",
        "fragment: A\nsteps: []",
        "fragment: A\ntags: [a]\nsteps: [{wait: 1s}]",
        "fragment: A\ninputs: [a]\nsteps: [{wait: 1s}]",
        "fragment: A\ninputs: {a b: 1}\nsteps: [{wait: 1s}]",
        "fragment: A\noutputs: [a b]\nsteps: [{wait: 1s}]",
        "[]",
    ] {
        assert_eq!(errors(&schema, bad).len(), 1, "{bad}: {:?}", errors(&schema, bad));
    }
}

#[test]
fn the_document_schema_takes_what_the_reader_takes() {
    let schema = validator(&scenario_schema());
    for good in [
        "scenario: A\nrows: [{name: a, x: '{{ y', z: {a: [null]}}]\nrequires: {env: {A: b}}\nsteps: [{wait: 1s}]",
        "scenario: A\nrows: {file: a.csv, name: '{{ row.a }}', separator: ;}\nserver: '{{ row.s }}'\nsteps: [{wait: 1s}]",
        "scenario: A\nrespond: [{to: roots/list, result: {roots: []}}]\nsteps: [{list: tools}]",
        "fragment: A\ninputs: {a: null, b: {c: '{{ d }}'}}\noutputs: [e]\nsteps: [{list: tools, save: {e: $.items}}]",
        "fragment: A\nsteps: [{use: b.yaml}]",
    ] {
        assert_eq!(errors(&schema, good), Vec::<String>::new(), "{good}");
        let (units, problems) = super::units_of("servers: {s: {url: 'https://h/'}}", good);
        assert!(problems.is_empty() && units.len() == 1, "{good}: {problems:?}");
    }
}

#[test]
fn an_empty_document_is_offered_both_keys() {
    let schema = scenario_schema();
    assert!(schema.pointer("/else/else/properties/fragment/description").is_some());
    assert_eq!(schema["else"]["else"]["allOf"][0], schema["else"]["then"]);
}

#[test]
fn the_scope_is_that_of_templates() {
    let named: Vec<&str> = SCOPE.iter().map(|(name, _)| *name).collect();
    let known = crate::template::SCOPE_WORDS.iter().copied().filter(|word| *word != "request");
    assert_eq!(named, known.collect::<Vec<_>>());
}

#[test]
fn the_suite_schema_takes_what_the_reader_takes() {
    let schema = validator(&suite_schema());
    let good = "{default: a, servers: {a: {sandbox: uipath}, b: {sandbox: {profile: uipath, slug: x}}, \
        c: {url: 'https://h/', auth: {pat: {env: A}}, identities: {d: {pat: {command: [a]}}}, \
        limits: {concurrency: 1, rate: 10/s}, timeouts: {step: 5s}, headers: {A: b}, insecure: true}, \
        e: {command: [npx, '{{x}}'], env: {A: b, C: {env: D}}, cwd: sub}, \
        f: {uipath: {}, integration_service: [send, 'a.*-b/c']}, g: {uipath: {org: a, slug: b}}}, \
        scenarios: ['*.yaml'], env: [A], secrets: [B], vars: {a: 1}, checks: {wire: warn}}";
    assert_eq!(errors(&schema, good), Vec::<String>::new());
    for (server, at) in [
        ("{}", "/servers/a"),
        ("{insecure: true}", "/servers/a"),
        ("{url: x, sandbox: uipath}", "/servers/a/url"),
        ("{command: []}", "/servers/a/command"),
        ("{command: npx}", "/servers/a/command"),
        ("{command: [a], env: {A-B: c}}", "/servers/a/env"),
        ("{command: [a], env: {A: {env: B, file: c}}}", "/servers/a/env/A"),
        ("{url: x, auth: {pat: rt_abc}}", "/servers/a/auth/pat"),
        ("{url: x, auth: {pat: {env: A, file: b}}}", "/servers/a/auth/pat/file"),
        ("{url: x, identities: {default: {pat: {env: A}}}}", "/servers/a/identities"),
        ("{url: x, headers: {Authorization: b}}", "/servers/a/headers/Authorization"),
        ("{url: x, limits: {rate: 0/s}}", "/servers/a/limits/rate"),
        ("{uipath: 1}", "/servers/a/uipath"),
        ("{uipath: {org: a, tenant: b}}", "/servers/a/uipath"),
        ("{uipath: {slug: a}, integration_service: send}", "/servers/a/integration_service"),
        ("{uipath: {slug: a}, integration_service: [send, 'a?']}", "/servers/a/integration_service/1"),
        (
            "{uipath: {slug: a}, auth: {app: {id: {env: A}, secret: b, scope: c}}}",
            "/servers/a/auth/app/secret",
        ),
    ] {
        let found = errors(&schema, &format!("servers: {{a: {server}}}"));
        assert!(
            !found.is_empty() && found.iter().all(|error| error.starts_with(&format!("{at}: "))),
            "{found:?}"
        );
    }
}

#[test]
fn everything_is_described() {
    fn undocumented(table: &'static Table, seen: &mut Vec<&'static str>, missing: &mut Vec<String>) {
        if seen.contains(&table.name) {
            return;
        }
        seen.push(table.name);
        for key in table.keys() {
            if !key.doc.ends_with(['.', '`']) {
                missing.push(format!("{}.{}", table.name, key.name));
            }
            nested(&key.kind, seen, missing);
        }
    }
    fn nested(kind: &'static Kind, seen: &mut Vec<&'static str>, missing: &mut Vec<String>) {
        match kind {
            Kind::Table(table) | Kind::Secret(table) => undocumented(table, seen, missing),
            Kind::List(of) | Kind::Map(_, of) => nested(of, seen, missing),
            Kind::Either(one, other) => {
                nested(one, seen, missing);
                nested(other, seen, missing);
            }
            _ => {}
        }
    }
    let (mut seen, mut missing) = (Vec::new(), Vec::new());
    undocumented(&SCENARIO, &mut seen, &mut missing);
    undocumented(&FRAGMENT, &mut seen, &mut missing);
    undocumented(&SUITE, &mut seen, &mut missing);
    assert_eq!(missing, Vec::<String>::new());
    // The list for the docs has every object that the reader meets.
    let listed: Vec<&str> = key_tables().iter().map(|(name, _)| *name).collect();
    assert!(seen.iter().all(|name| listed.contains(name)), "{seen:?} {listed:?}");
    let of_a_step: Vec<&str> = key_tables()
        .into_iter()
        .filter(|(name, _)| matches!(*name, "verbs" | "operands" | "step"))
        .flat_map(|(_, rows)| rows.into_iter().map(|row| row.key))
        .collect();
    assert_eq!(of_a_step, STEP.keys().map(|key| key.name).collect::<Vec<_>>());
    assert!(Verb::ALL.iter().all(|verb| of_a_step.contains(&verb.as_str())));
}

#[test]
fn every_field_and_operator_is_in_the_schema() {
    let schema = scenario_schema();
    let root = &schema["definitions"]["exchange"]["properties"];
    let below = &schema["definitions"]["mapping"]["properties"];
    for field in FIELDS {
        assert_eq!(root[field.name]["description"], field.doc);
    }
    for operator in OPERATORS {
        assert_eq!(root[operator.name]["description"], operator.doc);
        assert_eq!(below[operator.name]["description"], operator.doc);
    }
}

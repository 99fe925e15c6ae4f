use std::time::Duration;

use super::*;
use crate::exchange::Verb;
use crate::mcp::{TaskMode, Version};
use crate::model::{Action, Level, Protocols, SessionVerb};

const SUITE: &str = "servers: {orders: {url: 'https://h/mcp', identities: {auditor: {pat: {env: A}}}}}";
const TWO: &str = "servers: {orders: {url: 'https://h/mcp'}, invoices: {url: 'https://h/mcp'}}";

/// The problems of a scenario with these lines after its title.
fn problems(lines: &str) -> Vec<Diagnostic> {
    scenarios_of(SUITE, &format!("scenario: A\n{lines}")).1
}

/// The problems of a step with these lines.
fn step(lines: &str) -> Vec<Diagnostic> {
    problems(&format!("steps:\n  - {}", lines.replace('\n', "\n    ")))
}

#[test]
fn a_whole_scenario_is_read() {
    let (scenarios, problems) = scenarios_of(
        TWO,
        r#"
scenario: Everything
description: At once
server: orders
as: anonymous
protocol: [auto, 2025-11-25]
tags: [smoke, slow]
skip: not now
timeout: 1m30s
vars: {a: 1, b: "{{ a }}"}
client: {capabilities: {roots: {}}, info: {name: x, version: "1"}, log: warning}
keep_going: true
checks: {wire: warn}
steps:
  - call: add
    name: First
    server: invoices
    as: default
    headers: {X-A: "{{ a }}", Accept: null}
    meta: {progressToken: 1}
    timeout: 500ms
    arguments: {x: 1}
    expect: {json: {sum: 2}}
    save: {sum: $.json.sum, all: {path: "$.json[*]", all: true, secret: true, matches: "(.)"}}
    checks: {output_schema: ignore}
  - list: resources
  - read: a://b
  - prompt: p
    arguments: "{{ b }}"
  - request: tools/list
    params: {}
  - session: close
  - http: {method: POST, body: x}
    expect: {http: {status: 400}}
  - wait: 1s
"#,
    );
    assert_told(&problems, &[]);
    let scenario = &scenarios[0];
    assert_eq!(scenario.title.value, "Everything");
    assert_eq!(scenario.description.as_deref(), Some("At once"));
    assert_eq!(scenario.server.as_ref().unwrap().value, "orders");
    assert_eq!(scenario.identity.as_ref().unwrap().value, "anonymous");
    assert_eq!(scenario.protocols, Protocols::Each(vec![None, Some(Version::V2025_11_25)]));
    assert_eq!(scenario.tags, ["smoke", "slow"]);
    assert_eq!(scenario.skip.as_deref(), Some("not now"));
    assert_eq!(scenario.timeout, Some(Duration::from_secs(90)));
    let vars: Vec<_> = scenario.vars.iter().map(|var| (var.value.as_str(), var.at.as_str())).collect();
    assert_eq!(vars, [("a", "/vars/a"), ("b", "/vars/b")]);
    assert_eq!(scenario.client.capabilities.as_ref().unwrap().as_str(), "/client/capabilities");
    assert_eq!(scenario.client.info.as_ref().unwrap().as_str(), "/client/info");
    assert_eq!(scenario.client.log.as_deref(), Some("warning"));
    assert!(scenario.keep_going && !scenario.form.several_documents);
    assert_eq!((scenario.checks.wire, scenario.checks.output_schema), (Some(Level::Warn), None));
    let verbs: Vec<_> = scenario.steps.iter().map(|step| step.verb.value).collect();
    let told: Vec<_> = Verb::ALL.iter().copied().take_while(|verb| *verb != Verb::Complete).collect();
    assert_eq!(verbs, told);

    let first = &scenario.steps[0];
    assert_eq!(first.at.as_str(), "/steps/0");
    assert_eq!(first.verb.at.as_str(), "/steps/0/call");
    assert_eq!(first.name.as_deref(), Some("First"));
    assert_eq!(first.server.as_ref().unwrap().value, "invoices");
    assert_eq!(first.identity.as_ref().unwrap().value, "default");
    assert_eq!(first.headers.as_ref().unwrap().as_str(), "/steps/0/headers");
    assert_eq!(first.meta.as_ref().unwrap().as_str(), "/steps/0/meta");
    assert_eq!(first.timeout, Some(Duration::from_millis(500)));
    assert_eq!(first.expect.as_ref().unwrap().as_str(), "/steps/0/expect");
    assert_eq!(first.checks.output_schema, Some(Level::Ignore));
    let [sum, all] = first.save.as_slice() else { panic!("{:?}", first.save) };
    assert_eq!((sum.name.value.as_str(), sum.path.value.as_str()), ("sum", "$.json.sum"));
    assert_eq!((sum.name.at.as_str(), sum.path.at.as_str()), ("/steps/0/save/sum", "/steps/0/save/sum"));
    assert!(!sum.all && !sum.secret && sum.matches.is_none());
    assert_eq!(all.path.at.as_str(), "/steps/0/save/all/path");
    assert!(all.all && all.secret && all.matches.as_ref().unwrap().value == "(.)");
    assert!(matches!(&first.action, Action::Call { tool, arguments: Some(arguments), task: None }
        if tool.as_str() == "/steps/0/call" && arguments.as_str() == "/steps/0/arguments"));
    assert!(matches!(&scenario.steps[5].action, Action::Session(SessionVerb::Close)));
    assert!(matches!(&scenario.steps[6].action, Action::Http { method, body: Some(_) }
        if method.as_str() == "/steps/6/http/method"));
    assert!(matches!(&scenario.steps[7].action, Action::Wait(time) if *time == Duration::from_secs(1)));
}

#[test]
fn several_documents_are_a_form() {
    let text = "scenario: A\nsteps: [{list: tools}]\n---\nscenario: B\nsteps: [{list: tools}]\n";
    let (scenarios, problems) = scenarios_of(SUITE, text);
    assert_told(&problems, &[]);
    assert_eq!(scenarios.len(), 2);
    assert!(scenarios.iter().all(|scenario| scenario.form.several_documents));
}

#[test]
fn a_misspelt_key_is_one_message_and_read_as_what_was_meant() {
    let (scenarios, problems) = scenarios_of(
        SUITE,
        "scenraio: A\nsteps:\n  - cal: add\n    expct: {json: 1}\n    saev: {n: $.json}\n",
    );
    assert_told(
        &problems,
        &[
            "1:1 unknown-key [scenraio] unknown key `scenraio` in a scenario | help: did you mean `scenario`?",
            "3:5 unknown-key [cal] unknown key `cal` in a step | help: did you mean `call`?",
            "4:5 unknown-key [expct] unknown key `expct` in a step | help: did you mean `expect`?",
            "5:5 unknown-key [saev] unknown key `saev` in a step | help: did you mean `save`?",
        ],
    );
    let fix = problems[2].fix.as_ref().unwrap();
    assert_eq!((fix.site.file.slice(fix.site.span), fix.text.as_str()), ("expct", "expect"));
    let step = &scenarios[0].steps[0];
    assert_eq!(step.verb.value, Verb::Call);
    assert_eq!(step.expect.as_ref().unwrap().as_str(), "/steps/0/expct");
    assert_eq!(step.save[0].name.value, "n");
}

#[test]
fn a_key_like_none_is_told_which_exist() {
    assert_told(
        &problems("steps: [{list: tools, checks: {nonsense: error}}]"),
        &["2:32 unknown-key [nonsense] unknown key `nonsense` in `checks` \
           | help: `checks` takes `wire`, `output_schema`, `contradiction`, `order`, `progress`, `ids`, `capabilities` \
           and `echo`"],
    );
}

#[test]
fn missing_keys_point_at_the_mapping() {
    assert_told(
        &scenarios_of(SUITE, "tags: [a]\n").1,
        &[
            "1:1 missing-key [tags] this document is neither a scenario nor a fragment: it has no title \
             | help: add `scenario: TITLE` | help: or `fragment: TITLE`, where other scenarios `use` its steps",
            "1:1 missing-key [tags] a scenario needs the key `steps` | help: add `steps`: a list, each element a step",
        ],
    );
}

#[test]
fn wrong_types_name_both() {
    assert_told(
        &problems(
            "tags: smoke\nskip: true\nkeep_going: yes\ntimeout:\nsteps: [{call: 12, arguments: 3}, {expect: [], list: tools}]",
        ),
        &[
            "2:7 wrong-type [smoke] `tags` takes a list of strings, but this is a string \
             | help: write `[smoke]`",
            "3:7 wrong-type [true] `skip` takes a string, but this is a boolean | help: write it in quotes: `\"true\"`",
            "4:13 wrong-type [yes] `keep_going` takes `true` or `false`, but this is a string \
             | help: write `true`, without quotes",
            "5:1 wrong-type [timeout] `timeout` takes a duration such as `30s`, but it has no value \
             | help: write a value, or leave the key out",
            "6:16 wrong-type [12] `call` takes a string with templates, but this is a number \
             | help: write it in quotes: `\"12\"`",
            "6:31 wrong-type [3] `arguments` takes a mapping, or a template that yields one, but this is a number \
             | help: write `{name: value}`",
            "6:44 wrong-type [[]] `expect` takes a mapping from fields of the exchange to what is expected of them, \
             but this is a list | help: name fields: `json: {…}`, `text: …`, `is_error: false`",
        ],
    );
    assert_told(
        &scenarios_of(SUITE, "- scenario: A\n").1,
        &["1:1 wrong-type [- scenario: A] a scenario is a mapping, but this is a list \
           | help: a scenario takes `scenario`, `description`, `server`, `as`, `protocol`, `tags`, `skip`, `requires`, \
           `timeout`, `vars`, `rows`, `client`, `respond`, `keep_going`, `checks` and `steps`"],
    );
    assert_told(
        &step("call: add\narguments: nothing"),
        &[
            "4:16 wrong-type [nothing] `arguments` takes a mapping, or a template that yields one, but this is a string \
           | help: write `{name: value}`",
        ],
    );
}

#[test]
fn bad_values_name_those_that_exist() {
    assert_told(
        &problems("client: {log: loud}\nsteps: [{list: tool}, {session: opened}]"),
        &[
            "2:15 bad-value [loud] `log` does not take `loud` | help: it takes `debug`, `info`, `notice`, `warning`, \
             `error`, `critical`, `alert` and `emergency`",
            "3:16 bad-value [tool] `list` does not take `tool` \
             | note: it takes `tools`, `prompts`, `resources` and `templates` | help: did you mean `tools`?",
            "3:33 bad-value [opened] `session` does not take `opened` | note: it takes `open` and `close` \
             | help: did you mean `open`?",
        ],
    );
}

#[test]
fn bad_durations_say_how_they_are_written() {
    let forms = "help: write whole numbers with a unit, such as `500ms`, `30s`, `2m`, `1m30s` or `1h`";
    assert_told(
        &problems("timeout: fast\nsteps: [{wait: 5}, {wait: 0s}]"),
        &[
            &format!(
                "2:10 bad-duration [fast] `fast` is no duration: there is no number before its unit | {forms}"
            ),
            "3:16 bad-duration [5] `5` is no duration: it has no unit | help: write `5ms` or `5s`",
            &format!("3:27 bad-duration [0s] `wait` cannot be zero | {forms}"),
        ],
    );
}

#[test]
fn a_step_has_one_verb() {
    assert_told(
        &step("call: add\nname: x\nlist: tools"),
        &[
            "5:5 verb [list] a step has one verb, this one has `call` and `list` (a second verb) | 3:5 [call] (the first verb) \
           | help: make two steps of it",
        ],
    );
    assert_told(
        &step("name: x\nexpect: {json: 1}"),
        &[
            "3:5 verb [name] this step has no verb | help: say what it does with one of `call`, `list`, `read`, `prompt`, \
           `request`, `session`, `http`, `wait`, `complete`, `notify`, `listen`, `await`, `use`, `parallel` or `defer`",
        ],
    );
}

#[test]
fn empty_things_are_told() {
    let help = "help: write what belongs there, or leave the key out";
    assert_told(
        &problems("tags: []\nclient: {}\nvars: {}\nsteps: []"),
        &[
            &format!("2:7 empty [[]] `tags` is empty | {help}"),
            &format!("3:9 empty [{{}}] `client` is empty | {help}"),
            &format!("4:7 empty [{{}}] `vars` is empty | {help}"),
            &format!("5:8 empty [[]] `steps` is empty | {help}"),
        ],
    );
    assert_told(&step("call: ''"), &[&format!("3:11 empty [''] `call` is empty | {help}")]);
}

#[test]
fn what_a_verb_does_not_take_is_refused() {
    assert_told(
        &step("read: a://b\narguments: {a: 1}\nparams: {}"),
        &[
            "4:5 conflict [arguments] `arguments` does not go with `read` | 3:5 [read] (the verb) \
             | help: it goes with `call` and `prompt`",
            "5:5 conflict [params] `params` does not go with `read` | 3:5 [read] (the verb) \
             | help: it goes with `request` and `notify`",
        ],
    );
    assert_told(
        &step("wait: 1s\nsave: {a: $.json}"),
        &[
            "4:5 conflict [save] `save` does not go with `wait`: nothing is sent while it waits | 3:5 [wait] (the verb) \
           | help: leave it out",
        ],
    );
    assert_told(
        &step("session: open\nheaders: {X-A: b}"),
        &[
            "4:5 conflict [headers] `headers` does not go with `session`: a session is opened and closed with what the protocol \
           says | 3:5 [session] (the verb) | help: leave it out",
        ],
    );
    assert_told(
        &step("http: {method: POST}"),
        &[
            "3:5 missing-key [http] a step with `http` needs the key `expect` | note: nothing is implied by a raw HTTP exchange \
           | help: say what has to hold, such as `expect: {http: {status: 200}}`",
        ],
    );
}

#[test]
fn a_call_may_be_a_task() {
    let (scenarios, problems) = scenarios_of(
        SUITE,
        "scenario: A\nserver: orders\nsteps: [{call: a}, {call: a, task: follow}, {call: a, task: start}]",
    );
    assert_told(&problems, &[]);
    let task = |index: usize| match &scenarios[0].steps[index].action {
        Action::Call { task, .. } => *task,
        other => panic!("{other:?}"),
    };
    assert_eq!([task(0), task(1), task(2)], [None, Some(TaskMode::Follow), Some(TaskMode::Start)]);
    assert_told(
        &step("call: a\ntask: folow"),
        &["4:11 bad-value [folow] `task` does not take `folow` | note: it takes `follow` and `start` \
           | help: did you mean `follow`?"],
    );
    assert_told(
        &step("read: a://b\ntask: follow"),
        &[
            "4:5 conflict [task] `task` does not go with `read` | 3:5 [read] (the verb) | help: it goes with `call`",
        ],
    );
}

#[test]
fn versions_are_those_that_exist() {
    assert_told(
        &problems("protocol: [2025-03-26, 2025-11-52, auto, auto]\nsteps: [{list: tools}]"),
        &[
            "2:24 bad-value [2025-11-52] there is no protocol version `2025-11-52` \
             | note: there are `auto`, `2024-11-05`, `2025-03-26`, `2025-06-18`, `2025-11-25` and `2026-07-28` | help: did you mean `2025-11-25`?",
            "2:42 equal-names [auto] `auto` stands twice under `protocol`: its two cases would have one name \
             | help: leave one of them out",
        ],
    );
}

#[test]
fn an_authorization_header_is_refused_and_not_shown() {
    let (scenarios, problems) = scenarios_of(
        SUITE,
        "scenario: A\nsteps:\n  - call: a\n    headers: {authorization: Bearer abc, X: 'Bearer abc'}\n    expct: {}\n",
    );
    assert_told(
        &problems,
        &[
            "4:15 authorization [authorization] `Authorization` cannot be written in a scenario \
             | help: name another token under `identities` of the server in the suite, and use it with `as` \
             | help: to send none, write `as: anonymous`",
            "5:5 unknown-key [expct] unknown key `expct` in a step | help: did you mean `expect`?",
        ],
    );
    for problem in &problems {
        assert!(!problem.site().unwrap().file.text().contains("abc"));
    }
    assert!(!scenarios[0].document.file.text().contains("abc"));
    assert_eq!(scenarios[0].document.file.text().lines().count(), 5);
}

#[test]
fn headers_are_headers() {
    assert_told(
        &step("call: a\nheaders: {'a b': x, X-A: 1, x-a: \"\\x01\"}"),
        &[
            "4:15 bad-name ['a b'] `a b` is no name of a header | help: write letters, digits and `-`, such as `X-Env`",
            "4:30 wrong-type [1] `X-A` takes a string, but this is a number | help: write it in quotes: `\"1\"`",
            "4:33 conflict [x-a] `x-a` and `X-A` are the same header | 4:25 [X-A] (the other one) \
             | help: leave one of them out",
            "4:38 bad-value [\"\\x01\"] `x-a` has a character that no header can carry \
             | help: write it in one line, without control characters",
        ],
    );
}

#[test]
fn templates_are_read_where_values_are() {
    assert_told(
        &problems(
            "tags: ['{{ a }}']\nserver: '{{ row.server }}'\nsteps: [{list: tools, timeout: '{{ t }}'}]",
        ),
        &[
            "2:8 template-here ['{{ a }}'] element 1 of `tags` is no template: `{{` is not read here \
             | help: write the text itself; templates are read in values that are sent or expected",
            "4:32 template-here ['{{ t }}'] `timeout` is no template: `{{` is not read here \
             | help: write the text itself; templates are read in values that are sent or expected",
        ],
    );
}

#[test]
fn names_of_the_suite_exist() {
    let (_, problems) = scenarios_of(
        SUITE,
        "scenario: A\nas: audtor\nsteps:\n  - call: a\n  - call: b\n    as: nobody\n  - call: c\n    server: order\n",
    );
    assert_told(
        &problems,
        &[
            "8:13 unknown-name [order] the suite has no server `order` | note: it has `orders` | help: did you mean `orders`?",
            "6:9 unknown-name [nobody] server `orders` has no identity `nobody` \
             | help: it has `default`, `anonymous` and `auditor`",
            "2:5 unknown-name [audtor] server `orders` has no identity `audtor` \
             | note: it has `default`, `anonymous` and `auditor` | help: did you mean `auditor`?",
        ],
    );
}

#[test]
fn something_has_to_say_which_server() {
    assert_told(
        &scenarios_of(TWO, "scenario: A\nsteps: [{wait: 1s}, {list: tools}, {list: prompts}]\n").1,
        &["1:1 missing-key [scenario] nothing says which server this scenario runs on \
           | note: the suite has `orders` and `invoices` \
           | help: write `server: orders` in the scenario, or `default: orders` in the suite"],
    );
    assert_told(&scenarios_of(TWO, "scenario: A\nsteps: [{list: tools, server: invoices}]\n").1, &[]);
    let mut problems = Vec::new();
    read_documents(
        documents("a.yaml", "scenario: A\nsteps: [{list: tools}]\n"),
        &Suite::default(),
        &mut problems,
    );
    assert_told(
        &problems,
        &["1:1 missing-key [scenario] there is no server to run this scenario on \
           | help: add one under `servers` of a suite file, `callsheet.yaml`, or name an address with `--url`"],
    );
}

#[test]
fn a_scenario_that_lacks_a_step_is_not_judged_further() {
    let (scenarios, problems) = scenarios_of(SUITE, "scenario: A\nsteps: [{save: {a: $.json}}, {call: b}]\n");
    assert_eq!(problems.len(), 1);
    assert!(scenarios.is_empty());
}

#[test]
fn the_template_room_judges_names() {
    for name in ["row", "uuid", "if", "a b", "good"] {
        let found: Vec<String> = step(&format!("call: a\nsave: {{'{name}': $.json}}"))
            .into_iter()
            .map(|problem| problem.message)
            .collect();
        assert_eq!(found, crate::template::check_name(name).err().into_iter().collect::<Vec<_>>(), "{name}");
    }
}

#[test]
fn a_path_may_hold_a_template() {
    let problems = step("call: a\nsave: {n: \"$.json[?@.id == '{{ id }}']\"}");
    assert_told(&problems, &[]);
}

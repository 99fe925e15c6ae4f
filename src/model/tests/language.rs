//! Rows, fragments, conditions, rules, and the verbs that are made of steps.

use std::time::Duration;

use super::*;
use crate::exchange::Verb;
use crate::model::{Action, Level, Reference, Reply, RowSource, Step};
use crate::source::Pointer;

const SUITE: &str = "default: orders\nservers: {orders: {url: 'https://h/mcp', identities: {auditor: {pat: {env: A}}}}, \
     files: {url: 'https://h/mcp', identities: {reader: {pat: {env: B}}}}}";

fn read(text: &str) -> Scenario {
    let (mut scenarios, problems) = scenarios_of(SUITE, text);
    assert_told(&problems, &[]);
    scenarios.remove(0)
}

/// The problems of a scenario with these lines after its title.
fn problems(lines: &str) -> Vec<Diagnostic> {
    scenarios_of(SUITE, &format!("scenario: A\n{lines}\n")).1
}

/// The problems of one step in a line.
fn step(line: &str) -> Vec<Diagnostic> {
    problems(&format!("steps:\n  - {line}"))
}

fn texts(pointers: &[Pointer]) -> Vec<&str> {
    pointers.iter().map(Pointer::as_str).collect()
}

fn places(steps: &[Step]) -> Vec<&str> {
    steps.iter().map(|step| step.at.as_str()).collect()
}

#[test]
fn the_rest_of_a_scenario_is_read() {
    let scenario = read(
        r#"
scenario: A
server: "{{ row.server }}"
as: "{{ row.who }}"
requires: {env: {STAGE: test}}
rows: [{name: one, amount: "{{ x", tags: [1]}, {name: two}]
respond:
  - {to: roots/list, result: {roots: []}}
  - to: sampling/createMessage
    params: {maxTokens: {$gt: 1}}
    error: {code: -1, message: no}
    times: any
checks: {contradiction: warn, order: ignore, progress: error, ids: warn, capabilities: ignore, echo: error}
steps:
  - list: tools
    server: "{{ row.server }}"
    as: "{{ row.who }}"
"#,
    );
    assert_eq!(scenario.server.as_ref().unwrap().value, "{{ row.server }}");
    assert_eq!(scenario.steps[0].identity.as_ref().unwrap().value, "{{ row.who }}");
    assert_eq!(scenario.requires.as_ref().unwrap().as_str(), "/requires");
    let rows = scenario.rows.as_ref().unwrap();
    let RowSource::Inline(inline) = &rows.source else { panic!("{rows:?}") };
    assert_eq!((rows.at.as_str(), texts(inline)), ("/rows", vec!["/rows/0", "/rows/1"]));
    let [roots, sampling] = scenario.respond.as_slice() else { panic!("{:?}", scenario.respond) };
    assert_eq!(
        (roots.at.as_str(), roots.to.value.as_str(), roots.times),
        ("/respond/0", "roots/list", Some(1))
    );
    assert!(matches!(&roots.reply, Reply::Result(at) if at.as_str() == "/respond/0/result"));
    assert_eq!((sampling.times, sampling.params.as_ref().unwrap().as_str()), (None, "/respond/1/params"));
    assert!(matches!(&sampling.reply, Reply::Error(at) if at.as_str() == "/respond/1/error"));
    let checks = scenario.checks;
    assert_eq!((checks.contradiction, checks.order), (Some(Level::Warn), Some(Level::Ignore)));
    assert_eq!((checks.progress, checks.ids), (Some(Level::Error), Some(Level::Warn)));
    assert_eq!((checks.capabilities, checks.echo), (Some(Level::Ignore), Some(Level::Error)));
}

#[test]
fn rows_of_a_file_are_read() {
    let scenario = read(
        "scenario: A\nrows: {file: data/rows.CSV, name: '{{ row.code }}', separator: \"\\t\"}\nsteps: [{list: tools}]",
    );
    let RowSource::File { file, name, separator } = scenario.rows.unwrap().source else { panic!() };
    assert_eq!((file.value.as_str(), file.at.as_str()), ("data/rows.CSV", "/rows/file"));
    assert_eq!((name.value.as_str(), name.at.as_str()), ("{{ row.code }}", "/rows/name"));
    assert_eq!(separator, Some('\t'));
}

#[test]
fn the_further_verbs_are_read() {
    let scenario = read(
        r#"
scenario: A
steps:
  - complete: {prompt: p, argument: a, value: ""}
  - complete: {resource: "a:///{b}", argument: b, value: x, context: {c: d}}
  - notify: a/b
    params: {c: 1}
  - listen: {tools: true, resources: ["a://b"]}
  - listen: {}
  - await: {method: a/b, params: {c: 1}}
    timeout: 2s
  - use: ../fragments/a.yaml#login
    with: {x: 1, y: "{{ z }}"}
    server: files
    as: reader
  - parallel:
      - call: a
      - [{call: b}, {parallel: [{call: c, defer: {call: d}}]}]
  - defer: {call: e}
  - defer: [{call: f}, {call: g}]
"#,
    );
    let [prompt, resource, notify, listen, ends, awaits, uses, parallel, defer, defers] =
        scenario.steps.as_slice()
    else {
        panic!()
    };
    assert!(
        matches!(&prompt.action, Action::Complete { reference: Reference::Prompt(name), value, context: None, .. }
        if name.as_str() == "/steps/0/complete/prompt" && value.as_str() == "/steps/0/complete/value")
    );
    assert!(
        matches!(&resource.action, Action::Complete { reference: Reference::Resource(uri), argument, context: Some(_), .. }
        if uri.as_str() == "/steps/1/complete/resource" && argument.as_str() == "/steps/1/complete/argument")
    );
    assert!(matches!(&notify.action, Action::Notify { method, params: Some(params) }
        if method.as_str() == "/steps/2/notify" && params.as_str() == "/steps/2/params"));
    assert!(matches!(&listen.action, Action::Listen { tools: true, prompts: false, resources }
        if texts(resources) == ["/steps/3/listen/resources/0"]));
    assert!(matches!(&ends.action, Action::Listen { tools: false, prompts: false, resources }
        if resources.is_empty()));
    assert!(matches!(&awaits.action, Action::Await { method, params: Some(params) }
        if method.as_str() == "/steps/5/await/method" && params.as_str() == "/steps/5/await/params"));
    assert_eq!(awaits.timeout, Some(Duration::from_secs(2)));
    let Action::Use { fragment, with } = &uses.action else { panic!("{uses:?}") };
    assert_eq!(fragment.value, "../fragments/a.yaml#login");
    let with: Vec<_> = with.iter().map(|input| (input.value.as_str(), input.at.as_str())).collect();
    assert_eq!(with, [("x", "/steps/6/with/x"), ("y", "/steps/6/with/y")]);
    let Action::Parallel(branches) = &parallel.action else { panic!("{parallel:?}") };
    let ats: Vec<_> = branches.iter().map(|branch| branch.at.as_str()).collect();
    assert_eq!(ats, ["/steps/7/parallel/0", "/steps/7/parallel/1"]);
    assert_eq!(places(&branches[0].steps), ["/steps/7/parallel/0"]);
    assert_eq!(places(&branches[1].steps), ["/steps/7/parallel/1/0", "/steps/7/parallel/1/1"]);
    let Action::Parallel(inner) = &branches[1].steps[1].action else { panic!() };
    assert_eq!(places(&inner[0].steps[0].defer), ["/steps/7/parallel/1/1/parallel/0/defer"]);
    assert_eq!(parallel.inner().count(), 3);
    assert!(matches!(&defer.action, Action::Defer(steps) if places(steps) == ["/steps/8/defer"]));
    assert!(
        matches!(&defers.action, Action::Defer(steps) if places(steps) == ["/steps/9/defer/0", "/steps/9/defer/1"])
    );
    assert!(defer.defer.is_empty() && defer.verb.value == Verb::Defer);
}

#[test]
fn the_further_keys_of_a_step_are_read() {
    let scenario = read(
        r#"
scenario: A
steps:
  - call: a
    when: {row: {a: 1}}
    eventually: {within: 1m, every: 2s, backoff: 1.5, abort: {text: x}}
    expect: {text: y}
    defer: [{call: b}, {call: c}]
    respond: [{to: elicitation/create, result: {action: decline}, times: 3}]
    known_bug: {issue: 12, until: 2026-09-30, when: {protocol: 2025-11-25}}
  - defer: {call: e}
    call: d
    known_bug: {issue: "https://h/1"}
"#,
    );
    let [call, other] = scenario.steps.as_slice() else { panic!() };
    assert_eq!(call.when.as_ref().unwrap().as_str(), "/steps/0/when");
    let eventually = call.eventually.as_ref().unwrap();
    assert_eq!((eventually.at.as_str(), eventually.within), ("/steps/0/eventually", Duration::from_secs(60)));
    assert_eq!((eventually.every, eventually.backoff), (Some(Duration::from_secs(2)), Some(1.5)));
    assert_eq!(eventually.abort.as_ref().unwrap().as_str(), "/steps/0/eventually/abort");
    assert_eq!(places(&call.defer), ["/steps/0/defer/0", "/steps/0/defer/1"]);
    assert_eq!(call.respond[0].times, Some(3));
    let bug = call.known_bug.as_ref().unwrap();
    assert_eq!((bug.at.as_str(), bug.issue.value.as_str()), ("/steps/0/known_bug", "12"));
    assert_eq!(bug.until.as_ref().unwrap().value, jiff::civil::date(2026, 9, 30));
    assert_eq!(bug.until.as_ref().unwrap().at.as_str(), "/steps/0/known_bug/until");
    assert_eq!(bug.when.as_ref().unwrap().as_str(), "/steps/0/known_bug/when");
    assert_eq!((other.verb.value, places(&other.defer)), (Verb::Call, vec!["/steps/1/defer"]));
    let bug = other.known_bug.as_ref().unwrap();
    assert!(bug.issue.value == "https://h/1" && bug.until.is_none() && bug.when.is_none());
}

#[test]
fn a_fragment_is_read() {
    let (fragments, problems) = fragments_of(
        SUITE,
        "fragment: Log in\ninputs: {user: null, scope: '{{ env.SCOPE }}', empty: ''}\noutputs: [token]\nsteps:\n  - call: login\n    save: {token: $.json.token}\n",
    );
    assert_told(&problems, &[]);
    let fragment = &fragments[0];
    assert_eq!((fragment.title.value.as_str(), fragment.title.at.as_str()), ("Log in", "/fragment"));
    let inputs: Vec<_> = fragment
        .inputs
        .iter()
        .map(|input| (input.name.value.as_str(), input.name.at.as_str(), input.required))
        .collect();
    assert_eq!(
        inputs,
        [
            ("user", "/inputs/user", true),
            ("scope", "/inputs/scope", false),
            ("empty", "/inputs/empty", false)
        ]
    );
    let outputs: Vec<_> =
        fragment.outputs.iter().map(|name| (name.value.as_str(), name.at.as_str())).collect();
    assert_eq!(outputs, [("token", "/outputs/0")]);
    assert_eq!(places(&fragment.steps), ["/steps/0"]);
}

#[test]
fn a_file_holds_documents_of_both_kinds() {
    let text = "scenario: A\nsteps: [{use: '#b'}]\n---\nfragment: B\nsteps: [{list: tools}]\n";
    let (units, problems) = units_of(SUITE, &text.replace("'#b'", "a.yaml#b"));
    assert_told(&problems, &[]);
    assert!(matches!(&units[0], Unit::Scenario(scenario) if scenario.form.several_documents));
    assert!(matches!(&units[1], Unit::Fragment(fragment) if fragment.title.value == "B"));
}

#[test]
fn a_document_is_one_of_two_kinds() {
    assert_told(
        &units_of(SUITE, "fragment: B\nscenario: A\nsteps: 1\n").1,
        &["2:1 conflict [scenario] a document is a scenario or a fragment, this one has both keys \
           | 1:1 [fragment] (the other one) | help: leave one of them out, or put `---` between two documents"],
    );
    let neither = "this document is neither a scenario nor a fragment: it has no title | help: add `scenario: TITLE` \
         | help: or `fragment: TITLE`, where other scenarios `use` its steps";
    assert_told(
        &units_of(SUITE, "outputs: [a b]\nsteps: [{list: tools}]\n").1,
        &[
            &format!("1:1 missing-key [outputs] {neither}"),
            "1:11 bad-name [a b] `a b` is no name: it begins with a letter or `_`, and has letters, digits, `_` and `-` \
             | help: choose another name, of letters, digits and `_`",
        ],
    );
    assert_told(
        &units_of(SUITE, "title: A\nsteps: [{list: tools}]\n").1,
        &["1:1 unknown-key [title] unknown key `title` in a scenario | help: did you mean `scenario`?"],
    );
    assert_told(
        &units_of(SUITE, "version: 1\ntests: [{tool: a}]\n").1,
        &[&format!("1:1 missing-key [version] {neither}")],
    );
    let (fragments, problems) = fragments_of(SUITE, "fragmnet: B\nsteps: [{list: tools}]\n");
    assert_told(
        &problems,
        &["1:1 unknown-key [fragmnet] unknown key `fragmnet` in a fragment | help: did you mean `fragment`?"],
    );
    assert_eq!(fragments[0].title.value, "B");
}

#[test]
fn fragments_take_their_own_keys() {
    assert_told(
        &units_of(
            SUITE,
            "fragment: B\ntags: [a]\ninputs: {row: 1}\noutputs: [a, a]\nsteps: [{list: tools, save: {a: $.items}}]\n",
        )
        .1,
        &[
            "2:1 unknown-key [tags] unknown key `tags` in a fragment \
             | help: a fragment takes `fragment`, `inputs`, `outputs` and `steps`",
            "3:10 bad-name [row] `row` is a word of the scope | help: choose another name, of letters, digits and `_`",
            "4:14 bad-value [a] `a` stands twice under `outputs` | help: leave one of them out",
        ],
    );
    assert_told(
        &units_of(SUITE, "fragment: B\ninputs: [a]\noutputs: a\nsteps: []\n").1,
        &[
            "2:9 wrong-type [[a]] `inputs` takes a mapping from names of variables to values, but this is a list \
             | help: write `name: value`, without `- `",
            "3:10 wrong-type [a] `outputs` takes a list, each element the name of a saved value, but this is a string \
             | help: write `[a]`",
            "4:8 empty [[]] `steps` is empty | help: write what belongs there, or leave the key out",
        ],
    );
}

#[test]
fn rows_have_names() {
    assert_told(
        &problems(
            "rows:\n  - {name: a}\n  - {amount: 1}\n  - {name: a, '': '{{ no template'}\n  - x\n  - {name: 5}\nsteps: [{list: tools}]",
        ),
        &[
            "4:6 missing-key [amount] a row needs the key `name` | help: add `name`: a string",
            "6:5 wrong-type [x] element 4 of `rows` takes a mapping with `name` and any other keys, but this is a string \
             | help: write `{name: x}`",
            "7:12 wrong-type [5] `name` takes a string, but this is a number | help: write it in quotes: `\"5\"`",
        ],
    );
    assert_told(
        &problems("rows: []\nsteps: [{list: tools}]"),
        &["2:7 empty [[]] `rows` is empty | help: write what belongs there, or leave the key out"],
    );
    assert_told(
        &problems("rows: {file: rows.json, name: '', separator: ab}\nsteps: [{list: tools}]"),
        &[
            "2:31 empty [''] `name` is empty | help: write what belongs there, or leave the key out",
            "2:46 bad-value [ab] `separator` takes one character, not `ab` \
             | help: write one, such as `;`, or `\"\\t\"` for a tab",
            "2:35 conflict [separator] `separator` does not go with `rows.json`: only a CSV file has cells \
             | help: leave it out, or name a file that ends in `.csv`",
        ],
    );
}

#[test]
fn rows_are_data_and_tokens_in_them_are_masked() {
    let text = "scenario: A\nrows: [{name: a, x: '{{#if', y: rt_0123456789abcdef0123456789, authorization: hunter22}]\nsteps: [{list: tool}]\n";
    let (scenarios, problems) = scenarios_of(SUITE, text);
    assert_eq!(problems.len(), 1);
    for shown in [problems[0].site().unwrap().file.text(), scenarios[0].document.file.text()] {
        assert!(!shown.contains("rt_0") && !shown.contains("hunter22") && shown.contains("{{#if"), "{shown}");
    }
    // What is sent is what is written.
    let at = Pointer::root().key("rows").index(0).key("authorization");
    assert_eq!(scenarios[0].document.get(&at).unwrap(), "hunter22");
}

#[test]
fn rules_have_one_answer_and_a_known_question() {
    assert_told(
        &problems(
            "respond:\n  - {to: sampling/createmessage, result: {}}\n  - {to: roots/list}\n  - {to: roots/list, result: {}, error: {}}\n  - {to: roots/list, result: x, times: 0}\n  - {result: {}, times: often}\nsteps: [{list: tools}]",
        ),
        &[
            "3:10 bad-value [sampling/createmessage] `to` does not take `sampling/createmessage` \
             | note: it takes `sampling/createMessage`, `elicitation/create` and `roots/list` \
             | help: did you mean `sampling/createMessage`?",
            "4:6 missing-key [to] a rule of `respond` needs one of `result` and `error` | help: add one of them",
            "5:34 conflict [error] a rule of `respond` needs one of `result` and `error`, this one has `result` and `error` \
             | 5:22 [result] (the other one) | help: leave one of them out",
            "6:30 wrong-type [x] `result` takes a mapping, or a template that yields one, but this is a string \
             | help: write `{name: value}`",
            "6:40 bad-value [0] `times` takes a whole number from 1, not `0` | help: write `1` or more, or leave the key out",
            "7:25 bad-value [often] `times` takes a whole number from 1, or `any`, not `often` \
             | help: write a whole number from 1, or `any`",
            "7:6 missing-key [result] a rule of `respond` needs the key `to` \
             | help: add `to`: `sampling/createMessage`, `elicitation/create` or `roots/list`",
        ],
    );
}

#[test]
fn eventually_needs_an_expectation_of_its_own() {
    assert_told(
        &step("{read: 'a://b', eventually: {within: 5s}}"),
        &["3:21 missing-key [eventually] a step with `eventually` needs the key `expect` \
           | note: the request is sent again until that holds \
           | help: say what has to hold, such as `expect: {json: {state: Successful}}`"],
    );
    assert_told(
        &step("{read: 'a://b', eventually: {every: 0s, backoff: 0.5}, expect: {text: a}}"),
        &[
            "3:41 bad-duration [0s] `every` cannot be zero \
             | help: write whole numbers with a unit, such as `500ms`, `30s`, `2m`, `1m30s` or `1h`",
            "3:54 bad-value [0.5] `backoff` takes a number from 1 to 100, not `0.5` \
             | help: write `1` or more, or leave the key out",
            "3:34 missing-key [every] `eventually` needs the key `within` | help: add `within`: a duration such as `30s`",
        ],
    );
}

#[test]
fn a_known_bug_has_a_name_and_perhaps_a_day() {
    assert_told(
        &step("{list: tools, known_bug: {until: 2026-02-30, when: yes}}"),
        &[
            "3:38 bad-value [2026-02-30] `2026-02-30` is no day | help: write year, month and day: `2026-09-30`",
            "3:56 wrong-type [yes] `when` takes a mapping from names that templates can see to what is expected of them, \
             but this is a string | help: name what it depends on: `row: {…}`, `protocol: …`, `env: {…}`",
            "3:31 missing-key [until] `known_bug` needs the key `issue` | help: add `issue`: a string, or a whole number from 1",
        ],
    );
    let text = "{list: tools, known_bug: {issue: x, until: 2026-09-30T10:00:00}}";
    assert_eq!(step(text)[0].message, "`2026-09-30T10:00:00` is no day");
}

#[test]
fn completion_is_of_one_thing() {
    assert_told(
        &step("{complete: {prompt: p, resource: r, value: ''}}"),
        &[
            "3:17 missing-key [prompt] `complete` needs the key `argument` | help: add `argument`: a string with templates",
            "3:28 conflict [resource] `complete` needs one of `prompt` and `resource`, this one has `prompt` and `resource` \
             | 3:17 [prompt] (the other one) | help: leave one of them out",
        ],
    );
}

/// Each verb as a step that is whole.
fn whole(verb: Verb) -> &'static str {
    match verb {
        Verb::Call => "call: a",
        Verb::List => "list: tools",
        Verb::Read => "read: a://b",
        Verb::Prompt => "prompt: a",
        Verb::Request => "request: a/b",
        Verb::Session => "session: open",
        Verb::Http => "http: {method: GET}",
        Verb::Wait => "wait: 1s",
        Verb::Complete => "complete: {prompt: a, argument: b, value: c}",
        Verb::Notify => "notify: a/b",
        Verb::Listen => "listen: {tools: true}",
        Verb::Await => "await: {method: a/b}",
        Verb::Use => "use: a.yaml",
        Verb::Parallel => "parallel: [{call: a}]",
        Verb::Defer => "defer: {call: a}",
    }
}

#[test]
fn every_verb_takes_the_keys_that_mean_something_with_it() {
    let keys = [
        ("server", "orders"),
        ("as", "anonymous"),
        ("headers", "{X-A: b}"),
        ("meta", "{a: 1}"),
        ("timeout", "1s"),
        ("when", "{a: 1}"),
        ("eventually", "{within: 1s}"),
        ("expect", "{duration: {$lt: 1s}}"),
        ("save", "{a: $.duration}"),
        ("defer", "{call: b}"),
        ("respond", "[{to: roots/list, result: {}}]"),
        ("known_bug", "{issue: 1}"),
        ("checks", "{wire: warn}"),
        ("arguments", "{a: 1}"),
        ("params", "{a: 1}"),
        ("with", "{a: 1}"),
    ];
    let common = "server as headers meta timeout when eventually expect save defer respond known_bug checks";
    for verb in Verb::ALL {
        let takes = match verb {
            Verb::Call | Verb::Prompt => format!("{common} arguments"),
            Verb::Request => format!("{common} params"),
            Verb::List | Verb::Read | Verb::Complete => common.to_owned(),
            Verb::Http => {
                "server as headers timeout when eventually expect save defer respond known_bug checks"
                    .to_owned()
            }
            Verb::Session => "server as timeout when expect save defer known_bug checks".to_owned(),
            Verb::Wait => "when".to_owned(),
            Verb::Notify => {
                "server as headers meta timeout when expect save known_bug checks params".to_owned()
            }
            Verb::Listen => "server as headers meta timeout when expect save known_bug checks".to_owned(),
            Verb::Await => "server as timeout when expect save known_bug".to_owned(),
            Verb::Use => "server as when expect save known_bug with".to_owned(),
            Verb::Parallel => "when expect save".to_owned(),
            Verb::Defer => "when defer".to_owned(),
        };
        let taken: Vec<&str> = takes.split(' ').collect();
        for (key, value) in keys {
            // A mapping has a key once.
            if *verb == Verb::Defer && key == "defer" {
                continue;
            }
            let expect = if key == "expect" || !taken.contains(&"expect") {
                ""
            } else {
                ", expect: {duration: {$lt: 1s}}"
            };
            let line = format!("{{{}, name: n, {key}: {value}{expect}}}", whole(*verb));
            let found = step(&line);
            let refused =
                found.iter().any(|problem| problem.message.starts_with(&format!("`{key}` does not go with")));
            assert_eq!(!refused, taken.contains(&key), "{line}: {found:?}");
            assert_eq!(found.len(), usize::from(refused), "{line}: {found:?}");
        }
    }
}

#[test]
fn what_is_refused_says_why_and_what_to_do() {
    assert_told(
        &step("{use: a.yaml, timeout: 1s, defer: {call: b}}"),
        &[
            "3:19 conflict [timeout] `timeout` does not go with `use`: it sends nothing itself, only the fragment's steps do \
             | 3:6 [use] (the verb) | help: write it into the steps of the fragment",
            "3:32 conflict [defer] `defer` does not go with `use`: it has no result that says that there is something to undo \
             | 3:6 [use] (the verb) | help: write the cleanup into the fragment, where it joins that of the case, or as a \
             step of its own",
        ],
    );
    assert_told(
        &step("{await: {method: a}, headers: {A: b}}"),
        &[
            "3:26 conflict [headers] `headers` does not go with `await`: nothing is sent while it waits for a notification \
             | 3:6 [await] (the verb) | help: leave it out",
        ],
    );
    assert_told(
        &step("{call: a, with: {a: 1}}"),
        &[
            "3:15 conflict [with] `with` does not go with `call` | 3:6 [call] (the verb) | help: it goes with `use`",
        ],
    );
}

#[test]
fn what_is_deferred_does_not_defer() {
    let told = "a step that is deferred cannot defer: the end has no end of its own \
         | help: write all of the cleanup into one list of steps";
    assert_told(&step("{defer: {call: a, defer: {call: b}}}"), &[&format!("3:23 conflict [defer] {told}")]);
    assert_told(
        &step("{call: a, defer: [{parallel: [{defer: {call: b}}]}]}"),
        &[&format!("3:36 conflict [defer] {told}")],
    );
}

/// `parallel` in `parallel`, so many times, around a call.
fn nested(levels: usize) -> String {
    let (open, close) = ("{parallel: [".repeat(levels), "]}".repeat(levels));
    format!("{open}{{call: a}}{close}")
}

#[test]
fn steps_nest_so_deep_and_no_deeper() {
    assert_told(&step(&nested(16)), &[]);
    let found = step(&nested(17));
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(
        (found[0].code.as_str(), found[0].message.as_str(), found[0].help.as_slice()),
        (
            "too-large",
            "steps stand in steps more than 16 levels deep",
            ["write them one after the other, or into a fragment".to_owned()].as_slice()
        )
    );
    assert!(scenarios_of(SUITE, &format!("scenario: A\nsteps: [{}]\n", nested(17))).0.is_empty());
}

#[test]
fn a_step_without_a_verb_is_told_wherever_it_stands() {
    let found = step("{call: a, defer: [{name: x}], expect: {text: a}}");
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].message.as_str(), found[0].site().unwrap().position().column),
        ("this step has no verb", 24)
    );
    let (scenarios, _) = scenarios_of(SUITE, "scenario: A\nsteps: [{parallel: [[{name: x}]]}]\n");
    assert!(scenarios.is_empty());
}

#[test]
fn names_of_the_suite_are_looked_up_in_steps_of_steps_and_in_fragments() {
    assert_told(
        &problems(
            "steps:\n  - parallel: [{call: a, server: fils}]\n  - call: b\n    defer: {call: c, as: reader}",
        ),
        &[
            "3:34 unknown-name [fils] the suite has no server `fils` | note: it has `orders` and `files` \
             | help: did you mean `files`?",
            "5:26 unknown-name [reader] server `orders` has no identity `reader` \
             | help: it has `default`, `anonymous` and `auditor`",
        ],
    );
    assert_told(
        &units_of(
            SUITE,
            "fragment: B\nsteps:\n  - {call: a, server: fils}\n  - {call: b, server: files, as: auditor}\n  - {call: c, as: auditr}\n  - {call: d, as: reader}\n",
        )
        .1,
        &[
            "3:23 unknown-name [fils] the suite has no server `fils` | note: it has `orders` and `files` \
             | help: did you mean `files`?",
            "4:34 unknown-name [auditor] server `files` has no identity `auditor` \
             | help: it has `default`, `anonymous` and `reader`",
            "5:19 unknown-name [auditr] no server of the suite has an identity `auditr` \
             | note: there are `default`, `anonymous`, `auditor` and `reader` | help: did you mean `auditor`?",
        ],
    );
}

#[test]
fn a_name_that_a_template_makes_is_not_looked_up() {
    assert_told(
        &problems(
            "as: reader\nserver: '{{ row.server }}'\nrows: [{name: a, server: x}]\nsteps: [{call: a}, {call: b, as: '{{ row.name }}'}]",
        ),
        &[],
    );
    // One that is written is, where its server is.
    assert_eq!(
        problems("as: reader\nserver: files\nsteps: [{call: a, server: orders}, {use: '{{ a }}'}]").len(),
        2
    );
}

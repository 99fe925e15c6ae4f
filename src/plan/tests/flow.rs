use super::*;

/// What is said of one scenario.
fn told(scenario: &str) -> Vec<String> {
    Files::new(&[("scenarios/a.yaml", scenario)]).told()
}

/// What is said of these steps.
fn of(steps: &str) -> Vec<String> {
    told(&format!("scenario: S\nsteps:\n{steps}"))
}

const SAVES: &str = "  - {call: a, save: {x: $.json.x}}\n";
const SAVES_WHEN: &str = "  - {call: a, when: {protocol: 2025-11-25}, save: {x: $.json.x}}\n";

fn reads(how: &str) -> String {
    format!("  - {{call: b, arguments: {{x: '{{{{ x }}}}'}}{how}}}\n")
}

#[test]
fn a_name_that_is_saved_under_a_when_is_known_under_an_equal_one() {
    let unknown = ["undefined-name: `x` is there only where a `when` holds"];
    assert!(of(&format!("{SAVES}{}", reads(""))).is_empty());
    assert_eq!(of(&format!("{SAVES_WHEN}{}", reads(""))), unknown);
    assert_eq!(of(&format!("{SAVES_WHEN}{}", reads(", when: {protocol: 2026-07-28}"))), unknown);
    assert!(of(&format!("{SAVES_WHEN}{}", reads(", when: {protocol: 2025-11-25}"))).is_empty());
    assert!(
        of(&format!("{SAVES_WHEN}  - {{call: b, arguments: {{x: '{{{{ default x 1 }}}}'}}}}\n")).is_empty()
    );
    // A matcher that needs it to be there says as much.
    assert!(of(&format!("{SAVES_WHEN}{}", reads(", when: {x: {$type: string}}"))).is_empty());
    assert!(of(&format!("{SAVES_WHEN}{}", reads(", when: {$all: [{$.x: 5}]}"))).is_empty());
    assert_eq!(of(&format!("{SAVES_WHEN}{}", reads(", when: {x: {$exists: false}}"))), unknown);
    assert_eq!(of(&format!("{SAVES_WHEN}{}", reads(", when: {$any: [{x: 1}, {region: eu}]}"))), unknown);
    // Saved on another path as well, always.
    assert!(of(&format!("{SAVES_WHEN}{SAVES}{}", reads(""))).is_empty());
}

#[test]
fn a_when_holds_for_all_that_stands_in_its_step() {
    let parallel = "  - when: {protocol: 2025-11-25}\n    parallel:\n      - {call: a, save: {x: $.json.x}}\n      - {list: tools}\n";
    let unknown = ["undefined-name: `x` is there only where a `when` holds"];
    assert_eq!(of(&format!("{parallel}{}", reads(""))), unknown);
    assert!(of(&format!("{parallel}{}", reads(", when: {protocol: 2025-11-25}"))).is_empty());
    let inner = "  - when: {protocol: 2025-11-25}\n    parallel:\n      - {call: a, when: {region: eu}, save: {x: $.json.x}}\n      - {list: tools}\n";
    assert_eq!(of(&format!("{inner}{}", reads(", when: {protocol: 2025-11-25}"))), unknown);
    // Cleanup of a step that was run only then.
    let cleanup = format!(
        "{SAVES_WHEN}  - when: {{protocol: 2025-11-25}}\n    call: b\n    defer: {{call: c, arguments: {{x: '{{{{ x }}}}'}}}}\n"
    );
    assert!(of(&cleanup).is_empty());
}

#[test]
fn cleanup_sees_what_is_known_when_it_is_registered() {
    let own = "  - call: a\n    save: {x: $.json.x}\n    defer: [{call: b, arguments: {x: '{{ x }}'}}]\n";
    assert!(of(own).is_empty());
    let early = "  - defer: {call: b, arguments: {x: '{{ x }}'}}\n";
    assert_eq!(of(&format!("{early}{SAVES}")), ["undefined-name: `x` is used before it is saved"]);
    let list =
        "  - defer:\n      - {call: a, save: {x: $.json.x}}\n      - {call: b, arguments: {x: '{{ x }}'}}\n";
    assert!(of(list).is_empty());
    assert_eq!(
        of(&format!("{list}{}", reads(""))),
        ["undefined-name: `x` is saved by cleanup, which comes at the end"]
    );
    assert_eq!(
        of("  - defer: {call: a, save: {x: $.json.x}}\n  - defer: {call: b, arguments: {x: '{{ x }}'}}\n"),
        ["undefined-name: `x` is saved by cleanup, which comes at the end"]
    );
}

#[test]
fn branches_do_not_see_each_other() {
    let branches = |last: &str| {
        format!(
            "  - parallel:\n      - - {{call: a, save: {{x: $.json.x}}}}\n        - {{read: 'u://{{{{ x }}}}'}}\n      - {{call: b, arguments: {{y: '{{{{ {last} }}}}'}}}}\n"
        )
    };
    assert!(of(&format!("{}{}", branches("region"), reads(""))).is_empty());
    assert_eq!(
        of(&branches("x")),
        ["undefined-name: `x` is saved by another branch, which may not be done yet"]
    );
    // What was saved before all of them is known in each.
    assert!(of(&format!("{SAVES}  - parallel:\n    {}    {}", reads(""), reads(""))).is_empty());
    assert_eq!(
        of(
            "  - parallel:\n      - {call: a, save: {x: $.json.x}}\n      - parallel:\n          - {call: a, save: {x: $.json.y}}\n          - {call: b, arguments: {x: '{{ region }}'}}\n  - {call: b, arguments: {x: '{{ x }}'}}\n"
        ),
        ["conflict: two branches save `x`, and either may be the last"]
    );
}

#[test]
fn rules_see_the_question_and_what_is_known_before_the_step() {
    let rule = |text: &str| {
        format!("respond: [{{to: roots/list, result: {{roots: ['{text}']}}, params: {{a: '{text}'}}}}]")
    };
    let scenario =
        |rule: &str| told(&format!("scenario: S\nvars: {{v: 1}}\n{rule}\nsteps:\n{SAVES}{}", reads("")));
    for known in
        ["{{ request.params.a }}", "{{ v }}", "{{ region }}", "{{ session.id }}", "{{ default x 1 }}"]
    {
        assert!(scenario(&rule(known)).is_empty(), "{known}");
    }
    let two = |message: &str| vec![format!("undefined-name: {message}"); 2];
    assert_eq!(
        scenario(&rule("{{ x }}")),
        two("the rules of a scenario do not see what steps save, such as `x`")
    );
    let step = |rule: &str| of(&format!("  - call: a\n    {rule}\n    save: {{x: $.json.x}}\n{}", reads("")));
    assert!(step(&rule("{{ request.method }}")).is_empty());
    assert_eq!(step(&rule("{{ x }}")), two("`x` is used before it is saved"));
}

#[test]
fn everything_that_reads_a_saved_name_counts() {
    let unused = ["unused-save: nothing reads `x`"];
    assert_eq!(of(SAVES), unused);
    for reader in [
        "  - {list: tools, when: {x: 1}}\n",
        "  - {list: tools, when: {$.x.y: 1}}\n",
        "  - {list: tools, when: {'$[?@.a == 1]': [1]}}\n",
        "  - {list: tools, expect: {pages: 1}, known_bug: {issue: 1, when: {x: 1}}}\n",
        "  - {call: a, expect: {text: a}, eventually: {within: 1s, abort: {text: '{{ x }}'}}}\n",
        "  - {call: a, respond: [{to: roots/list, result: {roots: '{{ x }}'}}]}\n",
        "  - {call: a, defer: {call: b, arguments: {x: '{{ x }}'}}}\n",
        "  - {parallel: [{call: b, arguments: {x: '{{ x }}'}}, {list: tools}]}\n",
        "  - {await: {method: a, params: {x: '{{ x }}'}}}\n",
        "  - {use: ../f.yaml, with: {y: '{{ x }}'}}\n",
    ] {
        let scenario = format!("scenario: S\nsteps:\n{SAVES}{reader}");
        let fragment = "fragment: F\ninputs: {y: null}\nsteps: [{call: a, arguments: {x: '{{ y }}'}}]\n";
        let told = Files::new(&[("scenarios/a.yaml", &scenario), ("f.yaml", fragment)]).told();
        assert!(told.is_empty(), "{reader}{told:?}");
    }
}

#[test]
fn what_ends_an_attempt_sees_what_it_saved() {
    let step = "  - call: a\n    save: {x: $.json.x}\n    expect: {attempts: {$lt: 3}}\n    eventually: {within: 1s, abort: {text: '{{ x }}'}}\n";
    assert!(of(step).is_empty());
}

#[test]
fn a_fragment_sees_its_inputs_and_no_more() {
    let fragment = |note: &str| {
        let fragment = format!(
            "fragment: F\ninputs: {{a: null, b: '{{{{ a }}}}'}}\noutputs: [o]\nsteps:\n  - {{call: a, arguments: {{note: '{note}'}}, save: {{o: $.json.o}}}}\n"
        );
        let scenario = "scenario: S\nvars: {v: 1}\nrows: [{name: r}]\nsteps:\n  - {call: a, save: {x: $.json.x}}\n  - {use: ../f.yaml, with: {a: '{{ v }} {{ x }} {{ row.name }}'}}\n";
        Files::new(&[("scenarios/a.yaml", scenario), ("f.yaml", &fragment)]).told()
    };
    for known in [
        "{{ a }}",
        "{{ b }}",
        "{{ env.A }}",
        "{{ server.name }}",
        "{{ protocol }}",
        "{{ run.id }}",
        "{{ session.id }}",
    ] {
        assert!(fragment(known).is_empty(), "{known}: {:?}", fragment(known));
    }
    assert_eq!(fragment("{{ row.name }}"), ["undefined-name: a fragment does not see `row`"]);
    assert_eq!(
        fragment("{{ region }}"),
        ["undefined-name: a fragment does not see the suite's variable `region`"]
    );
    for unknown in ["v", "x"] {
        assert_eq!(
            fragment(&format!("{{{{ {unknown} }}}}")),
            [format!("undefined-name: nothing defines `{unknown}`")]
        );
    }
}

#[test]
fn an_output_is_saved_on_every_path() {
    let fragment = |steps: &str| {
        let fragment = format!("fragment: F\noutputs: [x]\nsteps:\n{steps}");
        Files::new(&[("scenarios/a.yaml", "scenario: S\nsteps: [{use: ../f.yaml}]\n"), ("f.yaml", &fragment)])
            .told()
    };
    assert!(fragment(SAVES).is_empty());
    assert!(
        fragment("  - parallel:\n      - {call: a, save: {x: $.json.x}}\n      - {list: tools}\n").is_empty()
    );
    assert!(fragment(&format!("{SAVES_WHEN}{SAVES}")).is_empty());
    assert_eq!(fragment(SAVES_WHEN), ["unsaved-output: the output `x` is saved only under a `when`"]);
    let none = ["unsaved-output: no step saves the output `x`"];
    assert_eq!(fragment("  - list: tools\n"), none);
    assert_eq!(fragment("  - defer: {call: a, save: {x: $.json.x}}\n"), none);
}

#[test]
fn rows_have_the_keys_that_are_read() {
    let rows = |text: &str| {
        told(&format!("scenario: S\nrows: [{{name: a, k: 1, l: 1}}, {{name: b, k: 2}}]\n{text}"))
    };
    let read = |text: &str| rows(&format!("steps: [{{call: a, arguments: {{x: '{text}'}}}}]\n"));
    assert!(read("{{ row.k }} {{ row.name }} {{ json row }} {{ default row.l 0 }}").is_empty());
    assert_eq!(read("{{ row.l }}"), ["undefined-name: row `b` has no key `l`"]);
    assert_eq!(read("{{ default row.m 0 }}"), ["undefined-name: no row has the key `m`"]);
    // A matcher says itself what holds where it is not there.
    assert!(rows("requires: {row: {l: {$exists: true}}}\nsteps: [{list: tools}]\n").is_empty());
    assert_eq!(
        rows("requires: {row: {m: {$exists: true}}}\nsteps: [{list: tools}]\n"),
        ["undefined-name: no row has the key `m`"]
    );
}

#[test]
fn rows_of_a_file_are_known_too() {
    let scenario = |row: &str, server: &str| {
        format!(
            "scenario: S\nserver: '{server}'\nrows: {{file: rows.csv, name: '{{{{ row.code }}}}'}}\nsteps: [{{call: a, arguments: {{x: '{{{{ {row} }}}}'}}}}]\n"
        )
    };
    let told = |row: &str, server: &str| {
        let files = [
            ("scenarios/a.yaml", scenario(row, server)),
            ("scenarios/rows.csv", "code,on\nA,one\nB,tow\n".to_owned()),
        ];
        Files::new(&files.each_ref().map(|(path, text)| (*path, text.as_str()))).told()
    };
    assert!(told("row.on", "one").is_empty());
    assert_eq!(told("row.no", "one"), ["undefined-name: no row has the key `no`"]);
    assert_eq!(
        told("row.on", "{{ row.on }}"),
        ["unknown-name: the suite has no server `tow`, which this row chooses"]
    );
}

#[test]
fn progress_needs_a_token() {
    let none = ["no-progress-token: no progress is told without a token, and this step sends none"];
    let step = |more: &str| of(&format!("  - {{call: a, {more}}}\n"));
    let expected = "expect: {notifications: {$contains: {method: notifications/progress}}}";
    assert_eq!(step(expected), none);
    assert!(step(&format!("{expected}, meta: {{progressToken: 1}}")).is_empty());
    assert_eq!(step(&format!("{expected}, meta: {{progressToken: null}}")), none);
    assert_eq!(
        step("expect: {$any: [{notifications: [{method: notifications/progress}]}, {text: a}]}"),
        none
    );
    assert!(
        step("expect: {notifications: {$not: {$contains: {method: notifications/progress}}}}").is_empty()
    );
    assert!(step("expect: {json: {method: notifications/progress}}").is_empty());
    let path = "$.notifications[?@.method == 'notifications/progress']";
    assert_eq!(step(&format!("expect: {{\"{path}\": {{$length: 2}}}}")), none);
    assert!(step(&format!("expect: {{\"{path}\": []}}")).is_empty());
    let request = |params: &str| of(&format!("  - {{request: tools/call, params: {params}, {expected}}}\n"));
    assert!(request("{name: a, _meta: {progressToken: 1}}").is_empty());
    assert_eq!(request("{name: a}"), none);
}

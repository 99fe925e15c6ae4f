use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::diagnostic::Code;

const LOGIN: &str = "fragment: A user logs in
inputs: {user: null, role: reader}
outputs: [token]
steps:
  - {call: login, arguments: {user: '{{ user }}', role: '{{ role }}'}, save: {token: $.json.token}}
";

fn used(scenario: &Scenario, index: usize) -> &Arc<Fragment> {
    match &scenario.steps[index].action {
        Action::Use { fragment, .. } => fragment,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_fragment_is_compiled_once_and_shared() {
    let user = |n: usize| {
        format!("scenario: User {n}\nsteps: [{{use: ../fragments/login.yaml, with: {{user: '{n}'}}}}]\n")
    };
    let users: Vec<(String, String)> = (0..40).map(|n| (format!("scenarios/{n:02}.yaml"), user(n))).collect();
    let mut files = vec![("fragments/login.yaml", LOGIN)];
    files.extend(users.iter().map(|(path, text)| (path.as_str(), text.as_str())));
    let plan = Files::new(&files).plan();
    let first = used(&plan.scenarios[0], 0);
    assert_eq!((plan.scenarios.len(), plan.cases.len()), (40, 40));
    assert!(plan.scenarios.iter().all(|scenario| Arc::ptr_eq(used(scenario, 0), first)));
    assert_eq!((first.title.as_str(), first.inputs.len()), ("A user logs in", 2));
    assert!(first.path.ends_with("fragments/login.yaml") && first.path.is_absolute());
    // In the order of the files, though they were read side by side.
    assert!(plan.cases.is_sorted_by_key(|case| case.name.clone()));
}

#[test]
fn what_is_wrong_with_a_fragment_is_told_once() {
    let broken = "fragment: Broken\nsteps: [{call: echo, arguments: {note: '{{ nothing }}'}}]\n";
    let user = "scenario: S\nsteps: [{use: ../b.yaml}, {use: ../b.yaml#broken}]\n";
    let files = Files::new(&[("b.yaml", broken), ("scenarios/1.yaml", user), ("scenarios/2.yaml", user)]);
    assert_eq!(files.told(), ["undefined-name: nothing defines `nothing`"]);
    // One that cannot even be compiled is no news to those who use it.
    let broken = "fragment: Broken\nsteps: [{call: echo, expect: {json: {$eq: 1}}}]\n";
    let files = Files::new(&[("b.yaml", broken), ("scenarios/1.yaml", user), ("scenarios/2.yaml", user)]);
    assert_eq!(files.told(), ["unknown-operator: there is no operator `$eq`"]);
    let broken = "fragment: Broken\nsteps: [{cal: echo}]\n";
    let files = Files::new(&[("b.yaml", broken), ("scenarios/1.yaml", user), ("scenarios/2.yaml", user)]);
    assert_eq!(files.told(), ["unknown-key: unknown key `cal` in a step"]);
    let files =
        Files::new(&[("b.yaml", "fragment: [\n"), ("scenarios/1.yaml", user), ("scenarios/2.yaml", user)]);
    assert_eq!(files.told().len(), 1, "{:?}", files.told());
}

#[test]
fn a_fragment_among_the_scenarios_is_no_case() {
    let both = format!("scenario: First\nsteps: [{{list: tools}}]\n---\n{LOGIN}");
    let user = "scenario: S\nsteps: [{use: both.yaml, with: {user: a}}]\n";
    let files = Files::new(&[
        ("scenarios/both.yaml", &both),
        ("scenarios/user.yaml", user),
        ("scenarios/x/only.yaml", LOGIN),
    ]);
    let loaded = files.load(|_| {}).map_err(|problems| shown(&problems)).unwrap();
    let names: Vec<&str> = loaded.plan.cases.iter().map(|case| &*case.name).collect();
    assert_eq!(names, ["both::first", "user"]);
    let unused: Vec<Code> = loaded.warnings.iter().map(|warning| warning.code).collect();
    assert_eq!(unused, [Code::UnusedFragment]);
    assert_eq!(loaded.warnings[0].site().unwrap().file.path(), "scenarios/x/only.yaml");
    // Where not all files are read, nobody knows.
    let loaded = files.load(|load| load.exact = vec!["user".to_owned()]).unwrap();
    assert_eq!((loaded.plan.cases.len(), loaded.warnings.len()), (1, 0));
}

#[cfg(unix)]
#[test]
fn a_link_to_a_fragment_is_the_fragment() {
    let user = "scenario: S\nsteps:\n  - {use: ../login.yaml, with: {user: a}}\n  - {use: ../link.yaml, with: {user: a}}\n";
    let files = Files::new(&[("login.yaml", LOGIN), ("scenarios/a.yaml", user)]);
    std::os::unix::fs::symlink("login.yaml", files.0.path().join("link.yaml")).unwrap();
    let plan = files.plan();
    assert!(Arc::ptr_eq(used(&plan.scenarios[0], 0), used(&plan.scenarios[0], 1)));
    fs::remove_file(files.0.path().join("link.yaml")).unwrap();
    let outside = tempfile::NamedTempFile::new().unwrap();
    std::os::unix::fs::symlink(outside.path(), files.0.path().join("link.yaml")).unwrap();
    assert_eq!(files.told(), ["unknown-fragment: `../link.yaml` is outside of the suite's folder"]);
}

const NESTED: &str = "scenario: Nested
rows: [{name: a, server: two, user: default}]
server: '{{ row.server }}'
steps:
  - name: first
    call: a
    server: one
    defer: [{name: cleanup, call: b}]
  - parallel:
      - {name: left, call: c}
      - - {name: right, call: d, as: '{{ row.user }}'}
        - {name: inner, use: ../f.yaml, server: one}
  - defer: {name: last, use: ../f.yaml}
";

const OUTER: &str = "fragment: Outer
steps:
  - {name: outer, call: e}
  - {name: deep, use: g.yaml, as: anonymous}
";

const INNER: &str = "fragment: Inner
steps: [{name: bottom, call: f}, {name: fixed, call: g, server: one}]
";

#[test]
fn every_step_is_visited_with_what_it_meets() {
    let files = Files::new(&[("f.yaml", OUTER), ("g.yaml", INNER), ("scenarios/a.yaml", NESTED)]);
    let plan = files.plan();
    let scenario = &plan.scenarios[0];
    let mut visited = Vec::new();
    scenario.each_step(&mut |visit| {
        let said = |given: Option<Given<'_>>| match given.unwrap().choice {
            Choice::Name(name) => name.clone(),
            Choice::Template(template, _) => template.source().to_owned(),
        };
        let file = visit.document.file.path().rsplit('/').next().unwrap();
        visited.push(format!("{} {file} {} {}", visit.step.title, said(visit.server), said(visit.identity)));
    });
    let row = "{{ row.server }}";
    assert_eq!(
        visited,
        [
            "first a.yaml one default".to_owned(),
            "cleanup a.yaml one default".to_owned(),
            format!("parallel a.yaml {row} default"),
            format!("left a.yaml {row} default"),
            format!("right a.yaml {row} {{{{ row.user }}}}"),
            "inner a.yaml one default".to_owned(),
            "outer f.yaml one default".to_owned(),
            "deep f.yaml one anonymous".to_owned(),
            "bottom g.yaml one anonymous".to_owned(),
            "fixed g.yaml one anonymous".to_owned(),
            format!("defer a.yaml {row} default"),
            format!("last a.yaml {row} default"),
            format!("outer f.yaml {row} default"),
            format!("deep f.yaml {row} anonymous"),
            format!("bottom g.yaml {row} anonymous"),
            "fixed g.yaml one anonymous".to_owned(),
        ]
    );
    let servers = |row: &serde_json::Value| Vec::from_iter(scenario.servers(Some(row)));
    assert_eq!(servers(&json!({"name": "a", "server": "two"})), ["one", "two"]);
    assert_eq!(servers(&json!({"name": "a", "server": "one"})), ["one"]);
    assert_eq!(Vec::from_iter(scenario.servers(None)), ["one"]);
}

#[test]
fn an_identity_is_looked_for_on_the_server_that_is_met() {
    let fragment = "fragment: F\nsteps: [{call: a, as: auditor}]\n";
    let on = |server: &str| format!("scenario: S\nsteps: [{{use: ../f.yaml, server: {server}}}]\n");
    assert!(Files::new(&[("f.yaml", fragment), ("scenarios/a.yaml", &on("one"))]).told().is_empty());
    let files = Files::new(&[("f.yaml", fragment), ("scenarios/a.yaml", &on("two"))]);
    let lacks = "unknown-name: server `two` has no identity `auditor`";
    assert_eq!(files.told(), [format!("{lacks}, which the fragment meets it with")]);
    // What undoes a step is done where the step was done.
    let cleanup = "scenario: S\nsteps: [{call: a, server: two, defer: {call: b, as: auditor}}]\n";
    assert_eq!(Files::new(&[("scenarios/a.yaml", cleanup)]).told(), [lacks]);
    // The command line moves what names no server.
    let moved = "scenario: S\nsteps: [{use: ../f.yaml}, {call: a, as: auditor}, {call: a, as: auditor, server: one}]\n";
    let files = Files::new(&[("f.yaml", fragment), ("scenarios/a.yaml", moved)]);
    assert!(files.told().is_empty());
    let problems = files.load(|load| load.server = Some("two".to_owned())).unwrap_err();
    assert_eq!(problems.len(), 2, "{}", shown(&problems));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Fragments in whatever graph: a circle is refused, all else is compiled, and the same is said each time.
    #[test]
    fn circles_are_found_and_nothing_else(
        edges in prop::collection::btree_set((0_usize..6, 0_usize..6), 0..9)
    ) {
        let fragment = |n: usize| {
            let uses: String = edges
                .iter()
                .filter(|(from, _)| *from == n)
                .map(|(_, to)| format!("  - use: f{to}.yaml\n"))
                .collect();
            format!("fragment: F{n}\nsteps:\n  - list: tools\n{uses}")
        };
        let mut texts: Vec<(String, String)> =
            (0..6).map(|n| (format!("scenarios/f{n}.yaml"), fragment(n))).collect();
        texts.extend((0..6).map(|n| {
            (format!("scenarios/s{n}.yaml"), format!("scenario: S{n}\nsteps: [{{use: f{n}.yaml}}]\n"))
        }));
        let pairs: Vec<(&str, &str)> =
            texts.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        let files = Files::new(&pairs);
        let told = files.told();
        prop_assert_eq!(&files.told(), &told);
        prop_assert_eq!(!told.is_empty(), has_circle(&edges), "{:?}", told);
        prop_assert!(told.iter().all(|told| told.starts_with("fragment-cycle: ")), "{:?}", told);
    }
}

/// Whether something can be reached from itself.
fn has_circle(edges: &BTreeSet<(usize, usize)>) -> bool {
    (0..6).any(|start| {
        let mut reached = BTreeSet::new();
        let mut left = vec![start];
        while let Some(node) = left.pop() {
            for (_, to) in edges.iter().filter(|(from, _)| *from == node) {
                if reached.insert(*to) {
                    left.push(*to);
                }
            }
        }
        reached.contains(&start)
    })
}

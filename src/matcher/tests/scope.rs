use super::*;

fn readings(expected: &Value, root: Root<'_>) -> Vec<String> {
    let matcher = compile(expected, root);
    let reading = |reading: Reading<'_>| {
        let members: Vec<&str> = reading.members.iter().map(|(name, _)| *name).collect();
        let needed = if reading.needed { " needed" } else { "" };
        format!("{} {}[{}]{needed}", reading.at, reading.name.unwrap_or("*"), members.join(","))
    };
    matcher.readings().into_iter().map(reading).collect()
}

#[test]
fn a_scope_is_matched_by_its_names_and_by_paths_from_it() {
    let matcher = compile(&json!({"protocol": "2025-11-25", "$.row.kind": "a"}), Root::Scope);
    let holds =
        |value: Value| matcher.compare(Actual { value: &value, inexact: &[] }, &scope(json!({}))).is_empty();
    assert!(holds(json!({"protocol": "2025-11-25", "row": {"kind": "a"}, "other": 1})));
    assert!(!holds(json!({"protocol": "2025-11-25", "row": {"kind": "b"}})));
    assert!(!holds(json!({"row": {"kind": "a"}})));
}

#[test]
fn the_root_of_a_scope_is_a_mapping_of_names() {
    let told = |expected: Value| problems(&expected, Root::Scope);
    assert_eq!(
        told(json!(["a"]))[0].2,
        "the scope is a mapping of names, and this is a list | say what has to hold of its names: `protocol: 2025-11-25`, `row: {kind: …}`"
    );
    assert_eq!(told(json!({"$length": 3}))[0].0, Code::BadOperand);
    assert_eq!(told(json!({"row": {"$.x": 3}}))[0].0, Code::PathHere);
    assert_eq!(told(json!({"$any": ["a"]}))[0].0, Code::WrongType);
    assert!(told(json!({"$any": [{"a": 1}, {"$.b.c": 2}]})).is_empty());
}

#[test]
fn what_is_read_is_known_with_its_place() {
    assert_eq!(
        readings(
            &json!({"a": 1, "row": {"b": 2, "c": {"$exists": false}}, "d": {"$exists": false}, "$.e.f": 1}),
            Root::Scope
        ),
        ["/a a[] needed", "/row row[b,c] needed", "/d d[]", "/$.e.f e[f] needed"]
    );
    assert_eq!(
        readings(&json!({"$any": [{"a": 1}, {"$all": [{"b": {"$all": [{"c": 1}]}}]}]}), Root::Scope),
        ["/$any/0/a a[]", "/$any/1/$all/0/b b[c]"]
    );
    assert_eq!(readings(&json!({"$all": [{"a": 1}]}), Root::Scope), ["/$all/0/a a[] needed"]);
    // A path that begins everywhere, and one that looks elsewhere from within.
    assert_eq!(readings(&json!({"$..x": [1]}), Root::Scope), ["/$..x *[]"]);
    assert_eq!(
        readings(&json!({"$.a[?@.x == $.b]": [1]}), Root::Scope),
        ["/$.a[?@.x == $.b] a[] needed", "/$.a[?@.x == $.b] *[]"]
    );
}

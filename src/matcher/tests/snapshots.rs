use std::cell::RefCell;

use super::*;

/// Snapshots that a test made, and what held.
#[derive(Default)]
struct Kept {
    stored: Option<Value>,
    met: RefCell<Vec<(String, Value)>>,
    held: RefCell<Vec<String>>,
}

impl Recorder for Kept {
    fn snapshot(&self, name: &str, value: Value) -> Stored {
        self.met.borrow_mut().push((name.to_owned(), value.clone()));
        match &self.stored {
            Some(stored) => {
                Stored::There { document: Arc::new(document(stored)), at: Pointer::root(), value }
            }
            None => Stored::Absent { notes: vec!["a note".to_owned()], help: "a way out".to_owned() },
        }
    }

    fn held(&self, at: &Pointer) {
        self.held.borrow_mut().push(at.to_string());
    }
}

fn call(expected: &Value, actual: &Value, inexact: &[String], kept: &Kept) -> Vec<Mismatch> {
    let exchange = json!({"json": actual});
    let inexact: Vec<String> = inexact.iter().map(|at| format!("/json{at}")).collect();
    let matcher = compile(&json!({"json": expected}), CALL);
    matcher.verify(Actual { value: &exchange, inexact: &inexact }, &scope(json!({"t": "x"})), kept)
}

/// What would be stored of a value.
fn form(masks: &[&str], actual: Value) -> Value {
    let kept = Kept::default();
    call(&operand(masks), &actual, &[], &kept);
    kept.met.take().remove(0).1
}

fn operand(masks: &[&str]) -> Value {
    if masks.is_empty() {
        return json!({"$snapshot": "a"});
    }
    json!({"$snapshot": {"name": "a", "mask": masks}})
}

/// The mismatches of a value beside what was stored.
fn beside(masks: &[&str], stored: Value, actual: Value) -> Vec<String> {
    let kept = Kept { stored: Some(stored), ..Kept::default() };
    call(&operand(masks), &actual, &[], &kept).iter().map(told).collect()
}

#[test]
fn a_value_is_compared_with_all_of_what_was_stored() {
    let stored = json!({"a": 1, "b": [1, {"c": "x"}], "d": null});
    assert_eq!(beside(&[], stored.clone(), json!({"d": null, "b": [1.0, {"c": "x"}], "a": 1})), [""; 0]);
    let found = beside(&[], stored, json!({"a": "1", "b": [1, {"c": "x", "e": 2}], "f": 1}));
    assert_eq!(
        found,
        [
            "/json/$snapshot false | $.json.a: the type differs: expected number 1, found string \"1\"",
            "/json/$snapshot false | $.json.b[1].e: the key `e` is not expected: expected no other keys, found number 2",
            "/json/$snapshot false | $.json.d: the key `d` is not there: expected null, found nothing",
            "/json/$snapshot false | $.json.f: the key `f` is not expected: expected no other keys, found number 1",
        ]
    );
}

#[test]
fn what_was_stored_is_shown_beside_it() {
    let kept = Kept { stored: Some(json!({"a": 1})), ..Kept::default() };
    let found = call(&operand(&[]), &json!({"a": 2}), &[], &kept);
    let stored = found[0].stored.as_ref().unwrap();
    assert_eq!(stored.file.slice(stored.span), "1");
    let kept = Kept::default();
    let found = call(&operand(&[]), &json!({"a": 2}), &[], &kept);
    assert_eq!(
        told(&found[0]),
        "/json/$snapshot false | $.json: there is no snapshot `a`: found object {\"a\":2}"
    );
    assert_eq!(
        (found[0].notes.join(""), found[0].help.join("")),
        ("a note".to_owned(), "a way out".to_owned())
    );
    // Without anybody who has snapshots.
    let found = compare(json!({"a": 1}), json!({"a": 1}));
    assert!(found.is_empty());
    let matcher = compile(&json!({"json": operand(&[])}), CALL);
    let found = matcher.compare(Actual { value: &json!({"json": 1}), inexact: &[] }, &scope(json!({})));
    assert_eq!(found.len(), 1);
}

#[test]
fn a_masked_value_keeps_its_type() {
    let actual =
        json!({"id": "INV-1", "n": 1, "none": null, "list": [{"id": 2, "x": "y"}, {"id": 3}], "b": true});
    let masks = ["$.id", "$.list[*].id", "$.none", "$.b"];
    let stored = form(&masks, actual.clone());
    assert_eq!(
        stored,
        json!({"id": "<string>", "n": 1, "none": "<null>", "list": [{"id": "<number>", "x": "y"}, {"id": "<number>"}], "b": "<boolean>"})
    );
    let other =
        json!({"id": "INV-2", "n": 1, "none": null, "list": [{"id": 5, "x": "y"}, {"id": 6}], "b": false});
    assert_eq!(beside(&masks, stored.clone(), other), [""; 0]);
    let other = json!({"id": 7, "n": 1, "none": null, "list": [{"id": 5, "x": "y"}, {"id": 6}], "b": false});
    assert_eq!(
        beside(&masks, stored, other),
        [
            "/json/$snapshot/name false | $.json.id: the value differs: expected a masked string, found a masked number"
        ]
    );
    assert_eq!(form(&["$.n", "$..n"], json!({"n": 1})), json!({"n": "<number>"}));
    assert_eq!(form(&["$.list", "$.list[0].id"], json!({"list": [{"id": 1}]})), json!({"list": "<list>"}));
}

#[test]
fn data_is_never_taken_for_a_marker() {
    for text in ["<string>", "<<string>", "<<<null>"] {
        assert_eq!(form(&[], json!(text)), json!(format!("<{text}")));
        assert_eq!(beside(&[], form(&[], json!(text)), json!(text)), [""; 0]);
    }
    for text in ["<text>", "string>", "<string", "< string>", "<string>>", ""] {
        assert_eq!(form(&[], json!(text)), json!(text));
    }
    // A masked string, and the text `<string>`.
    let masked = form(&["$.a"], json!({"a": "x"}));
    assert_eq!(beside(&[], masked, json!({"a": "<string>"})).len(), 1);
    let data = form(&[], json!({"a": "<string>"}));
    assert_eq!(beside(&["$.a"], data, json!({"a": "x"})).len(), 1);
}

#[test]
fn a_mask_that_hits_nothing_is_told_at_the_mask() {
    let kept = Kept { stored: Some(json!({"a": 1})), ..Kept::default() };
    let found = call(&operand(&["$.a", "$.b", "$.c[*]"]), &json!({"a": 1}), &[], &kept);
    let found: Vec<String> = found.iter().map(told).collect();
    assert_eq!(
        found,
        [
            "/json/$snapshot/mask/1 false | $.json: the mask `$.b` hits nothing: found object {\"a\":1}",
            "/json/$snapshot/mask/2 false | $.json: the mask `$.c[*]` hits nothing: found object {\"a\":1}",
        ]
    );
    assert!(kept.met.borrow().is_empty());
}

#[test]
fn an_absent_value_has_no_snapshot() {
    let kept = Kept { stored: Some(Value::Null), ..Kept::default() };
    let found = call(&json!({"a": {"$snapshot": "a"}}), &json!({"b": 1}), &[], &kept);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].message.contains("`a` is not there"), "{found:#?}");
    assert!(kept.met.borrow().is_empty());
}

#[test]
fn a_number_that_nothing_holds_can_only_be_masked() {
    let actual = json!({"n": "18446744073709551616", "m": 1});
    let kept = Kept::default();
    let found = call(&operand(&[]), &actual, &["/n".to_owned()], &kept);
    assert!(found[0].message.contains("cannot be stored"), "{found:#?}");
    assert!(kept.met.borrow().is_empty());
    call(&operand(&["$.n"]), &actual, &["/n".to_owned()], &kept);
    assert_eq!(kept.met.borrow()[0].1, json!({"n": "<number>", "m": 1}));
}

#[test]
fn the_recorder_learns_what_held_and_what_is_there() {
    let kept = Kept::default();
    let expected = json!({
        "a": 1, "b": "x", "t": "{{ t }}", "list": [1, 2], "longer": [1, 2], "not": {"$not": 3}, "any": {"$any": [1, 2]},
        "length": {"$length": 2}, "has": {"$contains": {"id": 1}},
    });
    let actual = json!({
        "a": 1, "b": "y", "t": "z", "list": [1, 3], "longer": [1, 3, 4], "not": 4, "any": 2, "length": "abc",
        "has": [{"id": 2}],
    });
    let found = call(&expected, &actual, &[], &kept);
    let held: Vec<String> = kept.held.borrow().clone();
    assert_eq!(held, ["/json/a", "/json/list/0"]);
    let there: Vec<String> = found
        .iter()
        .filter_map(|mismatch| Some(format!("{} {}", mismatch.expected_at, mismatch.found.as_ref()?)))
        .collect();
    assert_eq!(there, ["/json/b \"y\"", "/json/t \"z\"", "/json/list/1 3", "/json/length/$length 3"]);
}

#[test]
fn a_snapshot_stands_where_one_value_is_compared_once() {
    let snapshot = json!({"$snapshot": "a"});
    for good in [
        json!({"json": {"$snapshot": "a", "$type": "object"}}),
        json!({"$.json.items[*].id": snapshot}),
        json!({"json": {"$all": [snapshot, {"b": 1}]}}),
        json!({"text": {"$json": {"a": snapshot}}}),
        json!({"json": {"$exact": {"a": snapshot}}}),
    ] {
        assert_eq!(compile(&good, CALL).snapshots().len(), 1, "{good}");
    }
    for bad in [
        json!({"json": [snapshot]}),
        json!({"json": {"$not": snapshot}}),
        json!({"json": {"$any": [snapshot, 1]}}),
        json!({"json": {"$each": snapshot}}),
        json!({"json": {"$contains": snapshot}}),
        json!({"json": {"$unordered": [snapshot]}}),
        json!({"json": {"$length": snapshot}}),
        json!({"json": {"$each": {"a": {"$all": [snapshot]}}}}),
    ] {
        refused_in(bad, CALL, Code::BadOperand, "$snapshot", "compared once");
    }
    refused_in(snapshot, CALL, Code::BadOperand, "$snapshot", "whole exchange");
    refused(json!({"a": {"$snapshot": "a"}}), Code::BadOperand, "$snapshot", "stands under `expect`");
}

#[test]
fn names_and_masks_are_checked() {
    let of = |operand: Value| json!({"json": {"$snapshot": operand}});
    let refused =
        |operand: Value, code, place: &str, text: &str| refused_in(of(operand), CALL, code, place, text);
    refused(json!("A b"), Code::BadName, "A b", "write `a-b`");
    refused(json!("-"), Code::BadName, "-", "such as `created`");
    refused(json!("a".repeat(101)), Code::BadName, &"a".repeat(101), "up to 100");
    refused(json!("{{ a }}"), Code::TemplateHere, "{{ a }}", "is fixed");
    refused(json!(1), Code::BadOperand, "1", "takes a name");
    refused(json!({"mask": ["$.a"]}), Code::BadOperand, "{mask: [$.a,],}", "takes a name");
    refused(json!({"name": "a", "masks": []}), Code::BadOperand, "masks", "name and mask");
    refused(json!({"name": "a", "mask": "$.a"}), Code::BadOperand, "$.a", "takes a list");
    refused(json!({"name": "a", "mask": []}), Code::BadOperand, "[]", "takes a list");
    refused(json!({"name": "a", "mask": [3]}), Code::BadOperand, "3", "a mask is a path");
    refused(json!({"name": "a", "mask": ["$"]}), Code::BadOperand, "$", "leaves nothing");
    refused(json!({"name": "a", "mask": ["a.b"]}), Code::BadPath, "a.b", "from the value of the snapshot");
    refused(json!({"name": "a", "mask": ["$['{{ a }}']"]}), Code::TemplateHere, "$['{{ a }}']", "fixed path");
}

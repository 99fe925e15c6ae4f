use super::*;

#[test]
fn a_value() {
    let mismatch = one(json!({"status": "Created"}), json!({"status": "Faulted", "x": 1}));
    assert_eq!(
        told(&mismatch),
        "/status false | $.status: the value differs: expected string \"Created\", found string \"Faulted\""
    );
}

#[test]
fn a_missing_key() {
    let mismatch = one(json!({"a": {"out_Status": 1}}), json!({"a": {"out_Statsu": 1}}));
    assert_eq!(
        told(&mismatch),
        "/a/out_Status true | $.a.out_Status: the key `out_Status` is not there: expected number 1, found nothing"
    );
    assert_eq!(mismatch.notes, ["there is `out_Statsu`"]);
}

#[test]
fn an_unexpected_key_under_exact() {
    let mismatch = one(json!({"a": {"$exact": {"b": {"c": 1}}}}), json!({"a": {"b": {"c": 1, "d": 2}}}));
    assert_eq!(
        told(&mismatch),
        "/a/$exact/b true | $.a.b.d: the key `d` is not expected: expected no other keys, found number 2"
    );
}

#[test]
fn a_list_element() {
    let mismatch = one(json!([1, "b", 3]), json!([1, "x", 3]));
    assert_eq!(
        told(&mismatch),
        "/1 false | $[1]: the value differs: expected string \"b\", found string \"x\""
    );
}

#[test]
fn a_nested_value() {
    let mismatch = one(json!({"a": [{"b c": [true]}]}), json!({"a": [{"b c": [false]}]}));
    assert_eq!(
        told(&mismatch),
        "/a/0/b c/0 false | $.a[0]['b c'][0]: the value differs: expected boolean true, found boolean false"
    );
}

#[test]
fn a_missing_element() {
    let mismatch = one(json!({"a": [1, 2, 3]}), json!({"a": [1, 3]}));
    assert_eq!(
        told(&mismatch),
        "/a/1 false | $.a: element 1 is missing: the list has 2 elements, and 3 are expected: expected number 2, \
         found nothing"
    );
}

#[test]
fn an_unexpected_element() {
    let mismatch = one(json!({"a": [1, 3]}), json!({"a": [1, {"x": 2}, 3]}));
    assert_eq!(
        told(&mismatch),
        "/a true | $.a[1]: element 1 is not expected: the list has 3 elements, and 2 are expected: expected no other element, found object \
         {\"x\":2}"
    );
}

#[test]
fn a_type() {
    let mismatch = one(json!({"n": "22"}), json!({"n": 22}));
    assert_eq!(told(&mismatch), "/n false | $.n: the type differs: expected string \"22\", found number 22");
    assert_eq!(
        mismatch.notes,
        ["they differ in type only: without quotes `22` would be the number that is there"]
    );
    let mismatch = one(json!({"n": {"a": 1}}), json!({"n": "{\"a\": 1}"}));
    assert_eq!(mismatch.message, "the type differs");
    assert_eq!(mismatch.notes, ["the string is JSON text: `$json` matches what it says"]);
}

#[test]
fn every_mismatch_is_told_and_their_number_is_bounded() {
    assert_eq!(compare(json!({"a": 1, "b": 2, "c": {"d": 3}}), json!({"a": 2, "b": 2, "c": {}})).len(), 2);
    let found = compare(json!([0].repeat(80)), json!([1].repeat(80)));
    assert_eq!(found.len(), 50);
    assert_eq!(found[49].notes, ["and 30 differences more"]);
}

#[test]
fn differing_elements_of_lists_of_other_lengths_are_paired() {
    let found = compare(json!([{"id": 1}, {"id": 2}, {"id": 3}]), json!([{"id": 1}, {"id": 9}]));
    let told: Vec<_> = found.iter().map(|m| (m.expected_at.as_str(), m.actual_at.as_str())).collect();
    assert_eq!(told, [("/1/id", "$[1].id"), ("/2", "$")]);
}

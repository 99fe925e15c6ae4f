use super::*;

#[test]
fn order() {
    for (operator, good, bad) in [("$gt", 6, 5), ("$gte", 5, 4), ("$lt", 4, 5), ("$lte", 5, 6)] {
        assert!(holds(json!({operator: 5}), json!(good)));
        assert!(!holds(json!({operator: 5}), json!(bad)));
    }
    assert!(!holds(json!({"$gt": 5}), json!("6")));
    assert!(holds(json!({"$gt": "2026-01-01T00:00:00Z"}), json!("2026-01-01T01:00:00+00:30")));
    assert!(!holds(json!({"$gt": "2026-01-01T00:00:00Z"}), json!("2026-01-01T01:00:00+02:00")));
    assert!(holds(json!({"$lte": "2026-01-01"}), json!("2026-01-01")));
    assert!(!holds(json!({"$lte": "2026-01-01"}), json!("soon")));
    assert_eq!(
        told(&one(json!({"n": {"$gt": 5}}), json!({"n": 3}))),
        "/n/$gt false | $.n: it is not more than number 5: expected more than number 5, found number 3"
    );
    refused(json!({"$gt": "abc"}), Code::BadOperand, "abc", "RFC 3339");
    refused(json!({"$gt": true}), Code::BadOperand, "true", "a number is wanted");
}

#[test]
fn near() {
    assert!(holds(json!({"$near": [1.1, 0.1]}), json!(1.0)));
    assert!(holds(json!({"$near": [1.1, 0.1]}), json!(1.2)));
    assert!(!holds(json!({"$near": [1.1, 0.1]}), json!(1.2000001)));
    assert!(holds(json!({"$near": [1e300, 1e290]}), json!(1e300)));
    assert!(holds(json!({"$near": [u64::MAX, 1]}), json!(u64::MAX - 1)));
    assert!(!holds(json!({"$near": [u64::MAX, 1]}), json!(u64::MAX - 2)));
    assert!(!holds(json!({"$near": [1, 1]}), json!("1")));
    refused(json!({"$near": 5}), Code::BadOperand, "5", "[value, tolerance]");
    refused(json!({"$near": [5, -1]}), Code::BadOperand, "-1", "not negative");
}

#[test]
fn texts() {
    assert!(holds(json!({"$matches": "^INV-\\d+$"}), json!("INV-12")));
    assert!(!holds(json!({"$matches": "^INV-\\d+$"}), json!("INV-12x")));
    assert!(!holds(json!({"$matches": "5"}), json!(5)));
    assert!(
        holds(json!({"$starts_with": "ab"}), json!("abc"))
            && !holds(json!({"$starts_with": "b"}), json!("abc"))
    );
    assert!(
        holds(json!({"$ends_with": "bc"}), json!("abc")) && !holds(json!({"$ends_with": "b"}), json!("abc"))
    );
    assert!(
        holds(json!({"$contains": "b"}), json!("abc")) && !holds(json!({"$contains": "x"}), json!("abc"))
    );
    assert!(holds(json!({"$contains": ["a", "c"]}), json!("abc")));
    assert!(!holds(json!({"$contains": ["a", "x"]}), json!("abc")));
    assert!(!holds(json!({"$contains": "5"}), json!(5)) && !holds(json!({"$contains": 5}), json!("5")));
    refused(json!({"$matches": "a(b"}), Code::BadRegex, "(", "unclosed group");
    refused(json!({"$matches": "(?=a)b"}), Code::BadRegex, "(?=", "look-around");
    refused(json!({"$matches": "(\\w{500}){500}"}), Code::BadRegex, "(\\w{500}){500}", "too large");
    refused(json!({"$matches": 5}), Code::BadOperand, "5", "a string is wanted");
}

#[test]
fn contains_in_lists() {
    let list = json!([{"id": 1, "n": "a"}, {"id": 2, "n": "b"}]);
    assert!(holds(json!({"$contains": {"id": 2}}), list.clone()));
    assert!(holds(json!({"$contains": [{"n": "b"}, {"n": {"$type": "string"}}]}), list.clone()));
    assert!(
        !holds(json!({"$contains": [{"n": "b"}, {"id": 2}]}), list.clone()),
        "each has an element of its own"
    );
    assert_eq!(
        told(&one(json!({"$contains": {"id": 2, "n": "x"}}), list.clone())),
        "/$contains/n false | $[1].n: no element matches; in the nearest, `$[1]`, the value differs: expected string \
         \"x\", found string \"b\""
    );
    let mismatch = one(json!({"$contains": {"id": 3, "n": "x"}}), list);
    assert_eq!(
        (mismatch.message.as_str(), mismatch.expected_at.as_str()),
        ("no element matches", "/$contains")
    );
    assert_eq!(mismatch.notes.len(), 2);
    assert_eq!(mismatch.notes[0], "nearest: $[0].id: the value differs: expected number 3, found number 1");
    assert!(!holds(json!({"$contains": {"id": 1}}), json!([])));
    assert!(!holds(json!({"$contains": "a"}), json!({"a": 1})));
    assert!(holds(json!({"$contains": [[1]]}), json!([[1], 2])));
}

#[test]
fn length() {
    assert!(holds(json!({"$length": 3}), json!("äöü")));
    assert!(holds(json!({"$length": 2}), json!([1, 2])));
    assert!(holds(json!({"$length": {"$gte": 1, "$lt": 3}}), json!({"a": 1})));
    assert_eq!(
        told(&one(json!({"x": {"$length": {"$gt": 2}}}), json!({"x": [1, 2]}))),
        "/x/$length/$gt false | $.x (length): it is not more than number 2: expected more than number 2, found \
         number 2"
    );
    assert_eq!(one(json!({"$length": 1}), json!(5)).message, "a number has no length");
    for bad in [json!(-1), json!(1.5), json!("3"), json!(null), json!([1])] {
        assert_eq!(problems(&json!({"$length": bad}), Root::Value)[0].0, Code::BadOperand, "{bad}");
    }
}

#[test]
fn types() {
    let cases = [
        ("string", json!("")),
        ("number", json!(1.5)),
        ("integer", json!(1)),
        ("integer", json!(2.0)),
        ("boolean", json!(false)),
        ("null", json!(null)),
        ("list", json!([])),
        ("object", json!({})),
    ];
    for (name, value) in &cases {
        assert!(holds(json!({"$type": name}), value.clone()), "{name}");
    }
    assert!(!holds(json!({"$type": "integer"}), json!(1.5)) && !holds(json!({"$type": "string"}), json!(1)));
    refused(json!({"$type": "array"}), Code::BadOperand, "array", "did you mean `list`?");
    refused(json!({"$type": "strng"}), Code::BadOperand, "strng", "did you mean `string`?");
    refused(json!({"$type": null}), Code::BadOperand, "null", "\"null\"");
}

#[test]
fn formats() {
    let cases = [
        ("uuid", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "f81d4fae"),
        ("date", "2026-11-23", "2026-13-01"),
        ("time", "05:10:00Z", "25:00:00Z"),
        ("date-time", "2026-11-23T05:10:00Z", "2026-11-23"),
        ("duration", "PT5S", "5s"),
        ("uri", "https://a.b/c?d", "a b"),
        ("uri-reference", "/a?b", "a b<"),
        ("email", "a@b.de", "a.b.de"),
        ("hostname", "a.example", "a_b..c"),
        ("ipv4", "10.0.0.1", "10.0.0.256"),
        ("ipv6", "::1", "10.0.0.1"),
        ("json-pointer", "/a/0", "a"),
        ("regex", "a+", "a("),
    ];
    assert_eq!(cases.len(), FORMAT_NAMES.len());
    for (name, good, bad) in cases {
        assert!(holds(json!({"$format": name}), json!(good)), "{name}");
        assert!(!holds(json!({"$format": name}), json!(bad)), "{name}");
        assert!(!holds(json!({"$format": name}), json!(5)), "{name}");
    }
    refused(json!({"$format": "datetime"}), Code::BadOperand, "datetime", "did you mean `date-time`?");
}

#[test]
fn schemas() {
    let schema = json!({"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}, "b": {"pattern": "^x"}}});
    assert!(holds(json!({"$schema": schema}), json!({"a": 1, "b": "xy"})));
    let found = compare(json!({"$schema": schema}), json!({"a": "s", "b": "y"}));
    assert_eq!(found.len(), 2);
    assert_eq!(found[0].expected_at.as_str(), "/$schema/properties/a/type");
    assert_eq!(found[0].notes[1], "at /a in it, by /properties/a/type of the schema");
    let bad = json!({"$schema": {"properties": {"a": {"type": "strange"}}}});
    refused(bad, Code::BadSchema, "strange", "no JSON Schema");
    refused(
        json!({"$schema": {"$ref": "https://example.org/x.json"}}),
        Code::BadSchema,
        "{$ref: https://example.org/x.json,}",
        "",
    );
    assert_eq!(problems(&json!({"$schema": {"pattern": "(?=a)"}}), Root::Value)[0].0, Code::BadSchema);
    refused(json!({"$schema": true}), Code::CannotFail, "true", "holds for everything");
}

#[test]
fn existence() {
    assert!(holds(json!({"a": {"$exists": true}}), json!({"a": null})));
    assert!(holds(json!({"a": {"$exists": false}}), json!({})));
    assert!(!holds(json!({"a": {"$exists": false}}), json!({"a": null})));
    assert!(!holds(json!({"a": {"$exists": true}}), json!({})));
    assert!(!holds(json!({"a": {"b": {"$exists": false}}}), json!({})), "`a` itself is not there");
    refused(json!({"$exists": "yes"}), Code::BadOperand, "yes", "true or false");
    refused(json!({"a": {"$exists": false, "$type": "string"}}), Code::BadOperand, "$exists", "never holds");
}

#[test]
fn combinations() {
    assert!(holds(json!({"$all": [{"$gt": 1}, {"$lt": 3}]}), json!(2)));
    assert_eq!(compare(json!({"$all": [{"$gt": 1}, {"$lt": 3}, 9]}), json!(5)).len(), 2);
    assert!(holds(json!({"$any": ["a", {"$gt": 3}, {"k": 1}]}), json!({"k": 1, "l": 2})));
    let mismatch = one(json!({"$any": ["a", {"$gt": 3}]}), json!(1));
    assert_eq!(mismatch.message, "none of the branches holds");
    assert_eq!(mismatch.notes.len(), 2);
    assert!(mismatch.notes[1].starts_with("branch 1: $: it is not more than number 3"));
    assert!(holds(json!({"$not": "a"}), json!("b")) && !holds(json!({"$not": "a"}), json!("a")));
    assert!(holds(json!({"$not": [1]}), json!([2])) && !holds(json!({"$not": {"$gt": 1}}), json!(2)));
    assert!(holds(json!({"$not": null}), json!(1)) && !holds(json!({"$not": null}), json!(null)));
    refused(json!({"$not": {"a": 1}}), Code::BadOperand, "{a: 1,}", "below the key");
    refused(json!({"$not": {"$exists": true}}), Code::BadOperand, "{$exists: true,}", "`$exists: false`");
    refused(json!({"$any": []}), Code::BadOperand, "[]", "never holds");
    refused(json!({"$any": 5}), Code::BadOperand, "5", "takes a list");
}

#[test]
fn an_absent_node_fails_everything_but_its_absence() {
    for matcher in [
        json!(1),
        json!(null),
        json!({"$not": 1}),
        json!({"$any": [1, {"$not": 2}]}),
        json!({"$not": {"$gt": 1}}),
        json!({"$all": [{"$not": 1}]}),
        json!({"$type": "null"}),
        json!({"$not": {"$contains": "x"}}),
        json!({"$length": 0}),
        json!([]),
        json!({"b": {"$exists": false}}),
        json!({"$exact": {}}),
        json!({"$exists": true}),
        json!({"$unordered": []}),
    ] {
        assert!(!holds(json!({"a": matcher}), json!({})), "{matcher}");
        assert!(!holds(json!({"$.a": matcher}), json!({})), "{matcher}");
        assert!(!holds(json!({"$.a.b[3]": matcher}), json!({"a": {"b": []}})), "{matcher}");
    }
    for matcher in [
        json!({"$exists": false}),
        json!({"$any": [5, {"$exists": false}]}),
        json!({"$all": [{"$exists": false}]}),
    ] {
        assert!(holds(json!({"a": matcher}), json!({})), "{matcher}");
        assert!(holds(json!({"$.a": matcher}), json!({})), "{matcher}");
    }
}

#[test]
fn lists() {
    assert!(holds(json!({"$each": {"a": 1}}), json!([{"a": 1}, {"a": 1, "b": 2}])));
    assert_eq!(
        told(&one(json!({"$each": {"$gt": 1}}), json!([2, 1]))),
        "/$each/$gt false | $[1]: it is not more than \
         number 1: expected more than number 1, found number 1"
    );
    assert!(holds(json!({"$unique": true}), json!([1, "1", [1], {"a": 1}, {"a": 2}])));
    assert!(!holds(json!({"$unique": true}), json!([1, 1.0])));
    assert!(holds(json!({"$unique": false}), json!([1, 1.0])));
    assert!(!holds(json!({"$unique": false}), json!([1, 2])));
    assert!(!holds(json!({"$unique": true}), json!([{"a": 1, "b": 2}, {"b": 2, "a": 1}])));
    assert!(
        holds(json!({"$sorted": "asc"}), json!([1, 1.5, 2]))
            && !holds(json!({"$sorted": "asc"}), json!([2, 1]))
    );
    assert!(
        holds(json!({"$sorted": "desc"}), json!(["b", "a", "a"]))
            && !holds(json!({"$sorted": "desc"}), json!(["a", "b"]))
    );
    assert!(
        !holds(json!({"$sorted": "asc"}), json!([1, "2"]))
            && !holds(json!({"$sorted": "asc"}), json!([null]))
    );
    refused(json!({"$sorted": true}), Code::BadOperand, "true", "`asc` or `desc`");
    refused(json!({"$unique": 1}), Code::BadOperand, "1", "takes true or false");
    for matcher in
        [json!({"$each": 1}), json!({"$unique": true}), json!({"$sorted": "asc"}), json!({"$contains": 1})]
    {
        assert!(!holds(matcher.clone(), json!([])), "{matcher}");
        assert!(!holds(json!({"$not": matcher.clone()}), json!([])), "{matcher}");
    }
    for matcher in [
        json!({"$each": 1, "$length": 0}),
        json!({"$unique": true, "$length": {"$lt": 3}}),
        json!({"$sorted": "asc", "$length": 0}),
        json!({"$not": {"$contains": 1}, "$length": 0}),
    ] {
        assert!(holds(matcher.clone(), json!([])), "{matcher}");
    }
}

#[test]
fn unordered() {
    assert!(holds(json!({"$unordered": [1, 2, 2]}), json!([2, 1, 2])));
    assert!(!holds(json!({"$unordered": [1, 2]}), json!([1, 1])));
    // The first matcher fits both elements, the second only the first of them: greed would fail.
    assert!(holds(json!({"$unordered": [{"$gt": 0}, {"$gt": 5}]}), json!([9, 1])));
    assert!(holds(json!({"$unordered": [{"$gt": 0}, {"$gt": 5}]}), json!([1, 9])));
    let found = compare(
        json!({"$unordered": [{"id": 1, "s": "a"}, {"id": 2}]}),
        json!([{"id": 2}, {"id": 1, "s": "b"}]),
    );
    let told: Vec<_> = found.iter().map(told).collect();
    assert_eq!(
        told[0],
        "/$unordered/0/s false | $[1].s: no element is left for element 0: 2 elements expected, 2 there; in the nearest, \
         `$[1]`, the value differs: expected string \"a\", found string \"b\""
    );
    assert!(told[1].contains("$[1]: element 1 is left over"), "{told:?}");
    assert!(one(json!({"$unordered": [1]}), json!([1, 2])).message.contains("element 1 is left over"));
    assert!(one(json!({"$unordered": [1]}), json!("x")).message.contains("no list"));
    let large = json!([0].repeat(1001));
    assert!(one(json!({"$unordered": large}), large.clone()).message.contains("at most 1000000 pairs"));
    refused(json!({"$unordered": 5}), Code::BadOperand, "5", "takes a list");
}

#[test]
fn exact() {
    assert!(holds(json!({"$exact": {"a": [{"b": 1}]}}), json!({"a": [{"b": 1}]})));
    assert!(!holds(json!({"$exact": {"a": [{"b": 1}]}}), json!({"a": [{"b": 1, "c": 2}]})));
    assert!(holds(json!({"$exact": {}}), json!({})) && !holds(json!({"$exact": {}}), json!({"a": 1})));
    assert!(
        holds(json!({"$exact": {"a": {}}}), json!({"a": {}}))
            && !holds(json!({"$exact": {"a": {}}}), json!({"a": {"b": 1}}))
    );
    assert!(!holds(json!({"$exact": {"a": {"$any": [{"b": 1}]}}}), json!({"a": {"b": 1, "c": 2}})));
    assert!(!holds(json!({"$exact": {}}), json!(5)));
    refused(json!({"$exact": 5}), Code::BadOperand, "5", "an object or a list");
    refused(json!({"$exact": {"$type": "object"}}), Code::BadOperand, "{$type: object,}", "no operators");
}

#[test]
fn decoding() {
    assert!(holds(json!({"$json": {"a": [1]}}), json!("{\"a\": [1], \"b\": 2}")));
    assert_eq!(
        told(&one(json!({"x": {"$json": {"a": 1}}}), json!({"x": "{\"a\": 2}"}))),
        "/x/$json/a false | $.x (as JSON).a: the value differs: expected number 1, found number 2"
    );
    assert!(one(json!({"$json": 1}), json!("{")).message.starts_with("it is not JSON text"));
    assert_eq!(compare(json!({"$json": {"a": 5}}), json!("{\"a\": 18446744073709551616}")).len(), 1);
    assert!(holds(json!({"$json": {"a": {"$type": "number"}}}), json!("{\"a\": 18446744073709551616}")));
    assert!(
        holds(json!({"$base64": "abc"}), json!("YWJj")) && !holds(json!({"$base64": "abd"}), json!("YWJj"))
    );
    assert!(holds(json!({"$base64": {"$json": {"a": 1}}}), json!("eyJhIjoxfQ")));
    assert!(one(json!({"$base64": "x"}), json!("%%")).message.contains("not base64"));
}

#[test]
fn what_does_not_exist_is_answered_with_the_form_that_does() {
    for (name, way) in [
        ("$eq", "the value itself"),
        ("$ne", "`$not: value`"),
        ("$in", "`$any: [one, another]`"),
        ("$empty", "`$length: 0`"),
    ] {
        refused(json!({"a": {name: 1}}), Code::UnknownOperator, name, way);
    }
    refused(json!({"$matchs": "x"}), Code::UnknownOperator, "$matchs", "did you mean `$matches`?");
    refused(json!({"$zzzzzz": "x"}), Code::UnknownOperator, "$zzzzzz", "`$$zzzzzz`");
    refused(json!({"a": {"$gt": 1, "b": 2}}), Code::MixedKeys, "b", "`$$`");
    assert!(holds(json!({"$$gt": 5, "$$$x": 1}), json!({"$gt": 5, "$$x": 1})));
    refused(json!({"a {{x}}": 1}), Code::TemplateHere, "a {{x}}", "");
}

#[test]
fn what_cannot_fail_is_refused() {
    let cases = [
        (json!({}), "{}"),
        (json!({"a": {}}), "{}"),
        (json!([{}]), "{}"),
        (json!({"$all": []}), "[]"),
        (json!({"$contains": ""}), ""),
        (json!({"$contains": []}), "[]"),
        (json!({"$starts_with": ""}), ""),
        (json!({"$ends_with": ""}), ""),
        (json!({"$matches": ""}), ""),
        (json!({"$matches": ".*"}), ".*"),
        (json!({"$matches": "^"}), "^"),
        (json!({"$length": {"$gte": 0}}), "$gte"),
        (json!({"$length": {"$gt": -1}}), "$gt"),
        (json!({"$length": {"$type": "number"}}), "$type"),
        (json!({"$each": {"$exists": true}}), "$each"),
        (json!({"$json": {"$exists": true}}), "$json"),
        (json!({"$not": {"$length": {"$lt": 0}}}), "$not"),
        (json!({"$not": {"$any": [{"$length": {"$lt": 0}}, {"$length": {"$lte": -1}}]}}), "$not"),
        (json!({"$each": {}}), "{}"),
        (json!({"$any": [1, {}]}), "{}"),
    ];
    for (matcher, place) in cases {
        let found = problems(&matcher, Root::Value);
        assert_eq!(found.len(), 1, "{matcher} {found:?}");
        assert_eq!((found[0].0, found[0].1.as_str()), (Code::CannotFail, place), "{matcher}");
    }
    assert!(problems(&json!({}), Root::Value)[0].2.contains("`$exact: {}`"));
    assert!(holds(json!({"a": [], "b": ""}), json!({"a": [], "b": ""})));
    assert!(holds(json!({"$length": {"$gte": 0, "$lt": 2}}), json!([1])));
    assert!(holds(json!({"$not": {"$length": {"$lt": 1}}}), json!([1])));
}

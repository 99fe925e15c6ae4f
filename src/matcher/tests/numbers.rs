use super::*;

#[test]
fn are_compared_exactly() {
    for (a, b) in [
        (json!(1), json!(1.0)),
        (json!(0), json!(-0.0)),
        (json!(9_007_199_254_740_992_u64), json!(9_007_199_254_740_992.0)),
        (json!(-3), json!(-3.0)),
    ] {
        assert!(holds(a.clone(), b.clone()) && holds(b, a));
    }
    for (a, b) in [
        (json!(9_007_199_254_740_993_u64), json!(9_007_199_254_740_992.0)),
        (json!(u64::MAX), json!(18_446_744_073_709_551_616.0)),
        (json!(i64::MIN), json!(u64::MAX)),
        (json!(1), json!(1.0000000000000002)),
        (json!(1), json!(1e300)),
        (json!(-1), json!(-1e300)),
        (json!(1), json!("1")),
    ] {
        assert!(!holds(a.clone(), b.clone()) && !holds(b, a));
    }
    assert!(holds(json!({"$gt": 9_007_199_254_740_992.0}), json!(9_007_199_254_740_993_u64)));
    assert!(!holds(json!({"$gt": 9_007_199_254_740_992.0}), json!(9_007_199_254_740_992_u64)));
    assert!(holds(json!({"$lt": 18_446_744_073_709_551_616.0}), json!(u64::MAX)));
    assert!(holds(json!({"$lt": -0.5}), json!(-1)) && holds(json!({"$gt": -1.5}), json!(-1)));
}

#[test]
fn inexact_ones_fail_every_comparison() {
    let value = json!({"n": "18446744073709551616", "list": ["1e999"]});
    let inexact = ["/n".to_owned(), "/list/0".to_owned()];
    let compare = |expected: Value| {
        compile(&expected, Root::Value).compare(
            Actual { value: &value, inexact: &inexact },
            &scope(json!({"t": "18446744073709551616"})),
        )
    };
    for n in [
        json!("18446744073709551616"),
        json!("{{t}}"),
        json!({"$not": 5}),
        json!({"$not": {"$gt": 5}}),
        json!({"$gt": 5}),
        json!({"$any": [5, "18446744073709551616"]}),
        json!({"$matches": "1"}),
        json!({"$type": "string"}),
        json!({"$length": 20}),
        json!({"$schema": {"type": "string"}}),
        json!({"$not": {"$any": [{"$gt": 5}]}}),
    ] {
        assert_eq!(compare(json!({"n": n})).len(), 1, "{n}");
    }
    for list in [
        json!(["1e999"]),
        json!({"$contains": "1e999"}),
        json!({"$unique": true}),
        json!({"$sorted": "asc"}),
        json!({"$schema": {"type": "array"}}),
        json!({"$unordered": ["1e999"]}),
        json!({"$not": {"$contains": 5}}),
        json!({"$not": {"$schema": {"type": "string"}}}),
    ] {
        assert!(!compare(json!({"list": list})).is_empty(), "{list}");
    }
    let mismatch = &compare(json!({"n": 5}))[0];
    assert!(mismatch.message.contains("neither 64 bits nor a double holds it exactly"));
    assert_eq!(mismatch.actual.as_deref(), Some("number 18446744073709551616"));
    for n in [
        json!({"$exists": true}),
        json!({"$type": "number"}),
        json!({"$type": "integer"}),
        json!({"$not": {"$type": "string"}}),
    ] {
        assert!(compare(json!({"n": n})).is_empty(), "{n}");
    }
    assert!(compare(json!({"$.list[*]": [{"$type": "number"}]})).is_empty());
    assert_eq!(compare(json!({"$.list[*]": ["1e999"]})).len(), 1);
    assert_eq!(compare(json!({"$.n": "18446744073709551616"})).len(), 1);
}

#[test]
fn that_are_spelt_otherwise_are_told() {
    let value = json!({"price": 1.1});
    let file = Arc::new(SourceFile::new("a.yaml", "price: 1.10"));
    let price = (Pointer::root().key("price"), NodeSpan { key: None, value: Span::new(7, 11) });
    let document = Document::new(file, value, [price].into_iter().collect());
    let mut problems = Vec::new();
    let matcher = Matcher::compile(&document, &Pointer::root(), Root::Value, &mut problems).unwrap();
    let actual = json!({"price": "1.10"});
    let found = matcher.compare(Actual { value: &actual, inexact: &[] }, &scope(json!({})));
    assert_eq!(found[0].notes, ["`1.10` in the file is the number 1.1; in quotes it is a string"]);
}

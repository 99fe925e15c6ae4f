use super::*;

#[test]
fn what_a_template_yields_is_data() {
    let scope = scope(json!({
        "ops": {"$exists": true}, "obj": {"a": 1}, "id": "R1", "n": 5, "empty": "", "none": [], "zero": 0, "re": "^R\\d$",
        "list": [2, 1],
    }));
    let compare = |expected, actual| compare_in(expected, actual, &scope);
    let holds = |expected, actual| compare(expected, actual).is_empty();
    assert!(holds(json!("{{ops}}"), json!({"$exists": true})));
    assert!(!holds(json!("{{ops}}"), json!({"x": 1})));
    assert!(holds(json!({"a": "{{obj}}"}), json!({"a": {"a": 1.0}})));
    assert!(!holds(json!("{{obj}}"), json!({"a": 1, "b": 2})), "deep equality");
    assert!(holds(json!("x-{{n}}"), json!("x-5")) && !holds(json!("{{n}}"), json!("5")));
    assert!(holds(json!({"$gt": "{{n}}"}), json!(6)) && !holds(json!({"$gt": "{{n}}"}), json!(5)));
    assert!(holds(json!({"$near": ["{{n}}", "{{zero}}"]}), json!(5)));
    assert!(
        holds(json!({"$matches": "{{re}}"}), json!("R1"))
            && !holds(json!({"$matches": "{{re}}"}), json!("R12"))
    );
    assert!(
        holds(json!({"$contains": "{{id}}"}), json!("xR1"))
            && holds(json!({"$contains": "{{id}}"}), json!(["R1"]))
    );
    assert!(
        holds(json!({"$contains": "{{list}}"}), json!([3, 1, 2]))
            && !holds(json!({"$contains": "{{list}}"}), json!([3, 1]))
    );
    assert!(holds(json!({"$unordered": "{{list}}"}), json!([1, 2])));
    assert!(holds(json!({"$length": "{{n}}"}), json!("abcde")) && holds(json!({"$not": "{{n}}"}), json!(6)));
    for cannot_fail in [
        json!({"$contains": "{{empty}}"}),
        json!({"$starts_with": "{{empty}}"}),
        json!({"$matches": "{{empty}}"}),
        json!({"$not": {"$starts_with": "{{empty}}"}}),
        json!({"$contains": ["{{empty}}"]}),
    ] {
        let found = compare(cannot_fail.clone(), json!("abc"));
        assert_eq!(found.len(), 1, "{cannot_fail}");
        assert!(found[0].message.contains("cannot fail"), "{found:?}");
    }
    assert!(compare(json!({"$contains": "{{none}}"}), json!([1]))[0].message.contains("cannot fail"));
    assert!(compare(json!({"$length": {"$gte": "{{zero}}"}}), json!([1]))[0].message.contains("cannot fail"));
    assert!(
        compare(json!({"$gt": "{{obj}}"}), json!(1))[0].message.contains("an operand that it does not take")
    );
}

#[test]
fn one_without_a_value_fails_under_not_and_any_too() {
    for matcher in [
        json!("{{nope}}"),
        json!({"$not": "{{nope}}"}),
        json!({"$any": ["{{nope}}", 2]}),
        json!({"$gt": "{{nope}}"}),
        json!({"$not": {"$gt": "{{nope}}"}}),
        json!({"$not": {"$matches": "{{nope}}"}}),
        json!({"$not": {"$any": ["{{nope}}"]}}),
    ] {
        assert_eq!(compare(matcher.clone(), json!(1)).len(), 1, "{matcher}");
    }
    assert!(one(json!({"$not": "{{nope}}"}), json!(1)).message.contains("`nope` has no value here"));
    assert!(holds(json!({"$any": ["{{nope}}", 1]}), json!(1)));
}

#[test]
fn their_places_are_known() {
    let expected = json!({"a": ["{{x}}"], "b": {"$near": [1, "{{y}}"]}, "c": {"$matches": "{{z}}"}, "$.d[?@.id == '{{w}}']": []});
    let matcher = compile(&expected, Root::Value);
    let places: Vec<_> = matcher.templates().iter().map(|(at, t)| format!("{at} {}", t.source())).collect();
    assert_eq!(
        places,
        ["/a/0 {{x}}", "/b/$near/1 {{y}}", "/c/$matches {{z}}", "/$.d[?@.id == '{{w}}'] {{w}}"]
    );
    refused(json!({"a": "x {{#if y}}"}), Code::TemplateForm, "{{#if y}}", "`when`");
    refused(json!({"$gt": "{{ nope x }}"}), Code::UnknownHelper, "nope", "");
}

use super::*;

fn items() -> Value {
    json!({"items": [{"id": "a", "n": 1}, {"id": "b'", "n": 2}], "none": []})
}

#[test]
fn a_singular_path_is_its_node_and_any_other_a_list() {
    assert!(holds(json!({"$.items[0].id": "a"}), items()));
    assert!(holds(json!({"$['items'][-1]['n']": 2}), items()));
    assert!(holds(json!({"$.items[*].id": ["a", "b'"]}), items()));
    assert!(holds(json!({"$.items[?@.n > 1].id": ["b'"]}), items()));
    assert!(holds(json!({"$..n": {"$unordered": [2, 1]}}), items()));
    assert_eq!(
        told(&one(json!({"$.items[*].id": ["a", "c"]}), items())),
        "/$.items[*].id/1 false | $.items[1].id: the value differs: expected string \"c\", found string \"b'\""
    );
    let mismatch = one(json!({"$.items[0].idd": 1}), items());
    assert!(mismatch.at_key);
    assert_eq!(mismatch.actual_at, "$.items[0].idd");
    assert_eq!(one(json!({"$.itms": 1}), items()).notes, ["at `$` there is `items`"]);
}

#[test]
fn an_empty_list_of_nodes_fails_all_but_emptiness() {
    for matcher in [
        json!([]),
        json!({"$length": 0}),
        json!({"$exists": false}),
        json!({"$length": {"$lt": 2}}),
        json!({"$any": [[], ["x"]]}),
    ] {
        assert!(holds(json!({"$.none[*]": matcher}), items()), "{matcher}");
    }
    for matcher in [
        json!({"$exists": true}),
        json!({"$each": 1}),
        json!({"$not": "x"}),
        json!({"$type": "list"}),
        json!(["a"]),
        json!({"$not": {"$contains": 1}}),
        json!({"$length": 1}),
    ] {
        assert!(!holds(json!({"$.none[*]": matcher}), items()), "{matcher}");
    }
    assert!(!holds(json!({"$.items[*]": {"$exists": false}}), items()));
}

#[test]
fn are_allowed_at_the_root_only() {
    refused(json!({"a": {"$.b": 1}}), Code::PathHere, "$.b", "`$any`");
    refused(json!([{"$.b": 1}]), Code::PathHere, "$.b", "");
    refused(json!({"$.a": {"$['b']": 1}}), Code::PathHere, "$['b']", "");
    assert!(holds(json!({"$any": [{"$.x": 1}, {"$all": [{"$.none": []}]}]}), items()));
    refused(json!({"$.json[": 1}), Code::BadPath, "[", "`[` is not closed");
    refused_in(json!({"$.jsn.x": 1}), CALL, Code::UnknownField, "$.jsn.x", "`json`");
    refused_in(json!({"$.items[*]": []}), CALL, Code::UnfilledField, "$.items[*]", "");
    refused_in(json!({"$.http.statsu": 1}), CALL, Code::UnknownField, "$.http.statsu", "`status`");
    refused_in(json!({"$.http": {"statsu": 1}}), CALL, Code::UnknownField, "statsu", "`status`");
    refused_in(json!({"json": 1, "$any": [{"text": "x"}]}), CALL, Code::MixedKeys, "json", "");
}

#[test]
fn which_are_singular() {
    for text in ["$", "$.a", "$['a']", "$[\"a b\"].c", "$[0]", "$.a[-1] .b", "$['it\\'s']", "$.a['{{x}}']"] {
        assert!(Path::compile(text).unwrap().is_singular(), "{text}");
    }
    for text in ["$.*", "$..a", "$[*]", "$[0,1]", "$['a','b']", "$[1:2]", "$[?@.a]", "$.a[*].b", "$.a..b"] {
        assert!(!Path::compile(text).unwrap().is_singular(), "{text}");
    }
    assert_eq!(Path::compile("$['js\\u006fn'][*]").unwrap().field(), Some("json"));
    assert_eq!(Path::compile("$..a").unwrap().field(), None);
}

#[test]
fn templates_stand_as_whole_literals_and_are_never_injected() {
    let value = items();
    let query = |text: &str, scope: &Scope| {
        let path = Path::compile(text).unwrap();
        path.query(&value, scope).map(|found| found.into_iter().map(|found| found.shown).collect::<Vec<_>>())
    };
    let scope = scope(json!({"id": "b'", "evil": "' || @.n > 0 || 'x", "n": 2, "list": []}));
    assert_eq!(query("$.items[?@.id == '{{ id }}']", &scope).unwrap(), ["$.items[1]"]);
    assert_eq!(query("$.items[?@.id == \"{{id}}\"].n", &scope).unwrap(), ["$.items[1].n"]);
    assert_eq!(query("$.items[?@.id == '{{ evil }}']", &scope).unwrap(), Vec::<String>::new());
    assert_eq!(query("$.items[?@.n == '{{ n }}']", &scope).unwrap(), ["$.items[1]"]);
    assert_eq!(query("$.items[?@.id == '{{ default nope 'a' }}']", &scope).unwrap(), ["$.items[0]"]);
    assert_eq!(query("$['{{ lower 'ITEMS' }}'][0].id", &scope).unwrap(), ["$.items[0].id"]);
    assert_eq!(
        query("$.items[?@.id == '{{ list }}']", &scope).unwrap_err().message,
        "a list cannot stand in a path"
    );
    let missing = query("$.items[?@.id == '{{ nope }}']", &scope).unwrap_err();
    assert_eq!((missing.missing.as_deref(), missing.at), (Some("nope"), 21..25));
    for text in ["$.{{x}}", "$.items[{{n}}]", "$['a{{x}}']", "$['{{x}}b']", "$['{{a}}{{b}}']"] {
        assert!(Path::compile(text).unwrap_err().0.contains("whole quoted literal"), "{text}");
    }
    assert!(Path::compile("$['{{#if x}}']").unwrap_err().0.contains("a block"));
}

#[test]
fn bad_ones_are_located_and_bounded() {
    assert_eq!(Path::compile("$.a[?@.b ==]").unwrap_err().1, 9);
    assert_eq!(Path::compile("$['{{xyz}}'].a[").unwrap_err().1, 14);
    assert!(Path::compile("a.b").is_err() && Path::compile("").is_err());
    assert!(Path::compile(&format!("${}", "[?(".repeat(200))).unwrap_err().0.contains("more than 16"));
    assert!(Path::compile("$..a..b..c").unwrap_err().0.contains("at most 2 `..`"));
    assert!(Path::compile(&format!("$.{}", "a".repeat(5000))).unwrap_err().0.contains("at most 4096"));
}

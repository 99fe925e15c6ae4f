use super::*;

#[test]
fn plain_keys_are_fields() {
    refused_in(json!({"jsn": 1}), CALL, Code::UnknownField, "jsn", "did you mean `json`?");
    refused_in(json!({"items": []}), CALL, Code::UnfilledField, "items", "the fields here are");
    refused_in(
        json!({"is_error": false}),
        Root::Exchange(Verb::List, None),
        Code::UnfilledField,
        "is_error",
        "",
    );
    refused_in(json!({"json": {"$matchs": "x"}}), CALL, Code::UnknownOperator, "$matchs", "");
    refused_in(
        json!({"http": {"statsu": 200}}),
        CALL,
        Code::UnknownField,
        "statsu",
        "did you mean `status`?",
    );
    refused_in(json!({"error": {"kode": 1}}), CALL, Code::UnknownField, "kode", "did you mean `code`?");
    refused_in(json!({"notifications": [{"metod": 1}]}), CALL, Code::UnknownField, "metod", "");
    refused_in(json!({"notifications": {"$contains": {"metod": 1}}}), CALL, Code::UnknownField, "metod", "");
    refused_in(json!({"wire": {"$each": {"$any": [{"x": 1}]}}}), CALL, Code::UnknownField, "x", "`message`");
    refused_in(json!({"asked": {"method": "x"}}), CALL, Code::BadOperand, "asked", "`$contains: {…}`");
    refused_in(json!(5), CALL, Code::WrongType, "5", "name its fields");
    refused_in(json!({"$type": "object"}), CALL, Code::BadOperand, "$type", "below a field");
    let request = Root::Exchange(Verb::Request, Some("tools/list"));
    refused_in(json!({"is_error": false}), request, Code::UnfilledField, "is_error", "");
    assert!(
        problems(&json!({"is_error": false}), Root::Exchange(Verb::Request, Some("tools/call"))).is_empty()
    );
    assert_eq!(problems(&json!({"jsn": {"$eq": 1}, "x": {}}), CALL).len(), 4, "all is told");
}

#[test]
fn a_path_through_an_element_knows_its_members() {
    for matcher in [
        json!({"$.notifications[0].params": {"progress": 1}}),
        json!({"$.notifications[0].params.progress": 1}),
        json!({"$.notifications[0]": {"params": {"progress": 1}}}),
        json!({"$.notifications[*].params.progress": [1]}),
        json!({"$.notifications[?@.method == 'x'].params": [{"progress": 1}]}),
    ] {
        let exchange = json!({"notifications": [{"method": "x", "params": {"progress": 1}}]});
        let found =
            compile(&matcher, CALL).compare(Actual { value: &exchange, inexact: &[] }, &scope(json!({})));
        assert!(found.is_empty(), "{matcher} {found:?}");
    }
    refused_in(
        json!({"$.notifications[0].parms": 1}),
        CALL,
        Code::UnknownField,
        "$.notifications[0].parms",
        "did you mean `params`?",
    );
    refused_in(
        json!({"$.asked[-1]": {"reslt": 1}}),
        CALL,
        Code::UnknownField,
        "reslt",
        "did you mean `result`?",
    );
    refused_in(json!({"$.asked": {"method": "x"}}), CALL, Code::BadOperand, "$.asked", "is a list");
}

#[test]
fn header_names_match_in_any_case() {
    let matcher = compile(&json!({"http": {"headers": {"Content-Type": {"$contains": "json"}}}}), CALL);
    let exchange = json!({"http": {"headers": {"content-type": "application/json"}}});
    assert!(matcher.compare(Actual { value: &exchange, inexact: &[] }, &scope(json!({}))).is_empty());
    refused_in(
        json!({"$.http.headers['Content-Type']": "x"}),
        CALL,
        Code::BadPath,
        "$.http.headers['Content-Type']",
        "content-type",
    );
}

#[test]
fn durations() {
    let holds = |expected: Value, seconds: f64| {
        let exchange = json!({"duration": seconds});
        compile(&json!({"duration": expected}), CALL)
            .compare(Actual { value: &exchange, inexact: &[] }, &scope(json!({"max": "2s"})))
            .is_empty()
    };
    assert!(holds(json!({"$lt": "5s"}), 4.9) && !holds(json!({"$lt": "5s"}), 5.0));
    assert!(holds(json!({"$gte": "700ms", "$lt": "1m"}), 0.7) && holds(json!({"$lte": 3}), 3.0));
    assert!(holds(json!({"$near": ["1s", "200ms"]}), 1.2) && !holds(json!({"$near": ["1s", "200ms"]}), 1.3));
    assert!(holds(json!({"$lt": "1m30s"}), 89.0) && !holds(json!({"$lt": "1m30s"}), 90.0));
    assert!(holds(json!({"$lt": "{{max}}"}), 1.0) && !holds(json!({"$lt": "{{max}}"}), 3.0));
    for plain in [json!("5s"), json!(5), json!("{{max}}")] {
        assert!(problems(&json!({"duration": plain}), CALL)[0].2.contains("$lt: 5s"), "{plain}");
    }
    refused_in(json!({"duration": {"$lt": "fast"}}), CALL, Code::BadOperand, "fast", "no duration");
    refused_in(json!({"duration": {"$gte": "0s"}}), CALL, Code::CannotFail, "$gte", "");
    let parallel = Root::Exchange(Verb::Parallel, None);
    let steps = json!({"steps": {"slow": {"duration": 0.3, "json": {"duration": "5s"}}}});
    for (expected, held) in [
        (json!({"steps": {"slow": {"duration": {"$gte": "290ms"}, "json": {"duration": "5s"}}}}), true),
        (json!({"steps": {"slow": {"duration": {"$gte": "310ms"}}}}), false),
        (json!({"$.steps.slow.duration": {"$gte": "290ms"}}), true),
        (json!({"$.steps.slow": {"duration": {"$lt": "290ms"}}}), false),
    ] {
        let mismatches =
            compile(&expected, parallel).compare(Actual { value: &steps, inexact: &[] }, &scope(json!({})));
        assert_eq!(mismatches.is_empty(), held, "{expected}");
    }
    refused_in(json!({"$.duration": 5}), CALL, Code::BadOperand, "5", "$lt");
    refused_in(json!({"duration": {"$not": {"$lt": "0s"}}}), CALL, Code::CannotFail, "$not", "");
}

#[test]
fn a_field_that_is_always_one_of_a_few_is_not_expected_to_be_any_of_them() {
    let words = ["answered", "timed_out", "closed", "unreachable"];
    let told = problems(&json!({"outcome": {"$any": words}}), CALL);
    assert!(told[0].2.contains("always one of these"), "{told:?}");
    assert!(!problems(&json!({"phase": {"$any": ["open", "step"]}}), CALL).is_empty());
    assert!(problems(&json!({"outcome": {"$any": words[1..]}}), CALL).is_empty());
}

#[test]
fn the_fields_that_it_names() {
    let matcher = compile(
        &json!({"$any": [{"error": {"code": 1}}, {"$.is_error": true}, {"$all": [{"$.outcome": "closed"}]}]}),
        CALL,
    );
    assert!(matcher.names("error") && matcher.names("is_error") && matcher.names("outcome"));
    assert!(!matcher.names("json"));
    let matcher = compile(&json!({"$not": {"$any": [{"error": {"code": 1}}]}}), CALL);
    assert!(!matcher.names("error"));
    let matcher = compile(&json!({"json": {"error": 1}, "$.result['isError']": true}), CALL);
    assert!(!matcher.names("error") && matcher.names("result"));
    for named in [
        json!({"http": {"status": 401}}),
        json!({"$.http.status": 401}),
        json!({"$.http": {"status": 401}}),
        json!({"$all": [{"http": {"$all": [{"status": 401}]}}]}),
    ] {
        let matcher = compile(&named, CALL);
        assert!(matcher.names_member("http", "status") && !matcher.names_member("http", "body"), "{named}");
    }
    // The branch that holds may be another.
    let branch = json!({"$any": [{"http": {"status": 401}}, {"$.duration": {"$lt": 5}}]});
    for other in [json!({"http": {"body": "x"}}), branch] {
        assert!(!compile(&other, CALL).names_member("http", "status"), "{other}");
    }
}

#[test]
fn why_a_field_is_absent() {
    let matcher = compile(&json!({"json": {"a": 1}}), CALL);
    let notes = |exchange: Value| {
        matcher.compare(Actual { value: &exchange, inexact: &[] }, &scope(json!({})))[0].notes.clone()
    };
    assert_eq!(
        notes(json!({"outcome": "answered", "phase": "step", "text": "hi"})),
        ["`text` is no JSON: string \"hi\""]
    );
    assert_eq!(notes(json!({"outcome": "closed", "phase": "step"})), ["the outcome is `closed`"]);
    assert!(
        notes(json!({"outcome": "answered", "phase": "step", "error": {"code": -32602}}))[0]
            .contains("-32602")
    );
}

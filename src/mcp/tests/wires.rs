//! The wire check. That the shapes are those of the official schemas is the affair of `corpus.rs`.

use super::*;
use crate::mcp::wire::{Question, answer, asked, envelope, notification, replied, result, sent};

#[test]
fn what_a_result_asks_for_is_judged_by_its_method() {
    let asks = json!({"resultType": "input_required", "inputRequests": {
        "a/b": {"method": "elicitation/create", "params": {"message": "m", "mode": "form",
            "requestedSchema": {"type": "object", "properties": {"x": {"type": "text"}}}}},
        "c": {"method": "roots/list"},
        "d": {"method": "tools/call", "params": {}}}});
    let found = result(question("tools/call"), &asks);
    let places: Vec<&str> = found.iter().map(|violation| violation.pointer.as_str()).collect();
    assert_eq!(places, ["/result/inputRequests/d/method", "/result/inputRequests/a~1b/params"], "{found:?}");
}

#[test]
fn a_question_is_judged_by_its_method_and_its_id() {
    let of = |message: Value| -> Vec<String> {
        let found = asked(Version::V2025_11_25, &message);
        found.into_iter().map(|violation| format!("{} {}", violation.pointer, violation.section)).collect()
    };
    assert!(of(json!({"method": "ping", "id": 1})).is_empty());
    assert!(of(json!({"method": "roots/list", "id": "a"})).is_empty());
    assert!(of(json!({"method": "my/question", "params": {"a": 1}, "id": "a"})).is_empty());
    assert_eq!(of(json!({"method": "my/question", "params": [], "id": "a"})), ["/params 2025-11-25 basic"]);
    assert_eq!(of(json!({"method": "ping", "params": null, "id": 1})), ["/params 2025-11-25 basic"]);
    assert_eq!(
        of(json!({"method": "ping", "params": {"_meta": 5}, "id": null})),
        ["/params/_meta 2025-11-25 basic/utilities/ping", "/id 2025-11-25 basic"]
    );
    assert_eq!(
        of(json!({"method": "sampling/createMessage", "params": {"messages": []}, "id": 1})),
        ["/params 2025-11-25 client/sampling"]
    );
    assert_eq!(of(json!({"method": "elicitation/create", "id": 1})), [" 2025-11-25 client/elicitation"]);
}

#[test]
fn what_a_version_does_not_have_is_told() {
    let (old, new) = (Version::V2025_03_26, Version::V2026_07_28);
    let first = |found: Vec<crate::exchange::Violation>| found.first().map(|wrong| wrong.message.clone());
    let elicit = json!({"jsonrpc": "2.0", "id": 1, "method": "elicitation/create",
        "params": {"message": "m", "requestedSchema": {"type": "object", "properties": {}}}});
    let foreign = "the server sent `elicitation/create`, which is none of its requests in 2025-03-26";
    assert_eq!(first(asked(old, &elicit)).as_deref(), Some(foreign));
    assert_eq!(first(asked(Version::V2025_06_18, &elicit)), None);
    let call = json!({"id": 1, "method": "tools/call", "params": {"name": "a"}});
    let foreign = "the server sent `tools/call`, which is none of its requests in 2025-03-26";
    assert_eq!(first(asked(old, &call)).as_deref(), Some(foreign));
    let done = json!({"method": "notifications/elicitation/complete", "params": {"elicitationId": "e"}});
    let foreign = "the server sent `notifications/elicitation/complete`, which is none of its notifications in 2026-07-28";
    assert_eq!(first(notification(new, &done)).as_deref(), Some(foreign));
    assert_eq!(first(notification(Version::V2025_11_25, &done)), None);
    let own = json!({"method": "notifications/of/mine", "params": {"of": "an extension"}});
    assert_eq!(first(notification(new, &own)), None);
    let opening = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    assert_eq!(sent(old, &opening), []);
    let foreign = "`notifications/initialized` is nothing that a client sends in 2026-07-28";
    assert_eq!(first(sent(new, &opening)).as_deref(), Some(foreign));
}

#[test]
fn an_error_is_judged_by_its_code() {
    let of = |version: Version, error: Value| -> Vec<String> {
        let message = json!({"jsonrpc": "2.0", "id": 1, "error": error});
        let question = Question { version, method: "tools/call", tasks: false };
        let found = answer(question, message.as_object().unwrap());
        found.into_iter().map(|wrong| format!("{} {}", wrong.pointer, wrong.message)).collect()
    };
    let new = Version::V2026_07_28;
    let unsupported = |data: Value| json!({"code": -32022, "message": "m", "data": data});
    assert!(of(new, unsupported(json!({"supported": ["2026-07-28"], "requested": "x"}))).is_empty());
    assert_eq!(
        of(new, unsupported(json!({"supported": "2026-07-28"}))),
        [
            "/error/data `-32022`: \"requested\" is a required property",
            "/error/data/supported `-32022`: the value is not of type \"array\""
        ]
    );
    assert_eq!(
        of(new, json!({"code": -32022, "message": "m"})),
        ["/error `-32022`: \"data\" is a required property"]
    );
    assert!(of(Version::V2025_11_25, json!({"code": -32022, "message": "m"})).is_empty(), "a code of nobody");
    let capability = |data: Value| json!({"code": -32021, "message": "m", "data": data});
    assert!(of(new, capability(json!({"requiredCapabilities": {"elicitation": {}}}))).is_empty());
    assert_eq!(of(new, capability(json!({"requiredCapabilities": ["elicitation"]}))).len(), 1);
    assert!(of(new, json!({"code": -32020, "message": "m"})).is_empty());
    let visit =
        json!({"code": -32042, "message": "m", "data": {"elicitations": [{"mode": "url", "url": "a:b"}]}});
    assert_eq!(of(Version::V2025_11_25, visit.clone()).len(), 2, "message, elicitationId");
    assert!(of(Version::V2025_06_18, visit.clone()).is_empty());
    assert!(of(new, visit).is_empty());
}

#[test]
fn what_answers_a_question_is_judged() {
    let of = |version: Version, method: &str, value: Value| replied(version, method, &value).len();
    let (old, new) = (Version::V2025_06_18, Version::V2026_07_28);
    let accepted = json!({"action": "accept", "content": {"n": 95.5, "s": "x", "b": true}});
    assert_eq!(
        (of(old, "elicitation/create", accepted.clone()), of(new, "elicitation/create", accepted)),
        (0, 0)
    );
    assert_eq!(of(old, "elicitation/create", json!({"action": "accepted"})), 1);
    let chosen = json!({"action": "accept", "content": {"many": ["a"]}});
    assert_eq!(
        (of(old, "elicitation/create", chosen.clone()), of(new, "elicitation/create", chosen)),
        (1, 0)
    );
    assert_eq!(of(old, "roots/list", json!([])), 1);
    assert_eq!(of(old, "my/question", json!({"a": 1})), 0);
}

fn question(method: &str) -> Question<'_> {
    Question { version: Version::V2026_07_28, method, tasks: false }
}

#[test]
fn the_result_type_is_judged_by_method() {
    let messages = |method: &str, value: Value| -> Vec<String> {
        result(question(method), &value).into_iter().map(|violation| violation.message).collect()
    };
    let complete = json!({"content": [], "resultType": "complete"});
    assert!(messages("tools/call", complete).is_empty());
    assert_eq!(
        messages("tools/call", json!({"content": []})),
        ["`tools/call`: \"resultType\" is a required property"]
    );
    assert_eq!(
        messages("tools/call", json!({"resultType": "done", "content": []})),
        ["`resultType` is `done`, which `tools/call` cannot answer"]
    );
    assert_eq!(
        messages("tools/list", json!({"resultType": "input_required", "requestState": "x"})),
        ["`resultType` is `input_required`, which `tools/list` cannot answer"]
    );
    assert_eq!(messages("tools/call", json!({"resultType": "input_required"})).len(), 1);
    assert_eq!(messages("my/method", json!({})), ["`resultType` is missing or is not a string"]);
    let task = json!({"resultType": "task", "taskId": "t", "status": "working", "createdAt": "c",
        "lastUpdatedAt": "u", "ttlMs": null});
    assert_eq!(messages("tools/call", task.clone()).len(), 1);
    assert_eq!(result(Question { tasks: true, ..question("tools/call") }, &task), []);
    assert_eq!(result(Question { tasks: true, ..question("tools/list") }, &task).len(), 1);
    assert_eq!(
        messages("tools/list", json!({"resultType": "complete", "tools": []})).len(),
        2,
        "ttlMs, cacheScope"
    );
    for (name, wrong) in
        [("ttlMs", json!(-1)), ("ttlMs", json!(1.5)), ("ttlMs", json!("1")), ("cacheScope", json!("shared"))]
    {
        for (method, member) in [
            ("tools/list", "tools"),
            ("prompts/list", "prompts"),
            ("resources/list", "resources"),
            ("resources/templates/list", "resourceTemplates"),
            ("resources/read", "contents"),
        ] {
            let mut list = json!({"resultType": "complete", "ttlMs": 0, "cacheScope": "private", member: []});
            assert_eq!(messages(method, list.clone()), [""; 0], "{method}");
            list[name] = wrong.clone();
            assert_eq!(messages(method, list).len(), 1, "{method} {name} {wrong}");
        }
    }
}

#[test]
fn the_envelope_is_judged() {
    let of = |value: Value| -> Vec<String> {
        let message = value.as_object().unwrap();
        let question = Question { version: Version::V2025_11_25, method: "x/y", tasks: false };
        let found = envelope(question.version, message).into_iter().chain(answer(question, message));
        found.map(|violation| format!("{} {}", violation.pointer, violation.message)).collect()
    };
    assert!(of(json!({"jsonrpc": "2.0", "id": 1, "result": {}})).is_empty());
    assert_eq!(of(json!({"id": 1, "result": {}})), [" `jsonrpc: \"2.0\"` is missing"]);
    assert_eq!(of(json!({"jsonrpc": 2.0, "result": {}})), ["/jsonrpc `jsonrpc` is `2.0`, not `\"2.0\"`"]);
    assert_eq!(of(json!({"jsonrpc": "2.0"})), [" it has neither `result` nor `error`"]);
    assert_eq!(
        of(json!({"jsonrpc": "2.0", "result": {}, "error": {}})),
        [" it has both `result` and `error`"]
    );
    assert_eq!(of(json!({"jsonrpc": "2.0", "result": []})), ["/result `result` is not an object"]);
    let error = json!({"jsonrpc": "2.0", "error": {"code": 1.5}});
    assert_eq!(
        of(error),
        ["/error/code `error.code` is not an integer", "/error/message `error.message` is not a string"]
    );
}

#[test]
fn a_pointer_leads_to_the_place() {
    let message = json!({"content": [{"type": "text", "text": "x"}, {"type": "text", "text": 5}]});
    let found =
        result(Question { version: Version::V2025_06_18, method: "tools/call", tasks: false }, &message);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].pointer, "/result/content/1/text");
    assert_eq!(found[0].section, "2025-06-18 server/tools");
    assert_eq!(found[0].message, "`tools/call`: the value is not of type \"string\"");
    let progress =
        json!({"method": "notifications/progress", "params": {"progress": "x", "progressToken": 1}});
    assert_eq!(notification(Version::V2025_11_25, &progress)[0].pointer, "/params/progress");
    assert_eq!(notification(Version::V2025_11_25, &json!({"method": "notifications/mine"})), []);
}

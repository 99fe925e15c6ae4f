//! The wire check, against the official schemas where they are at hand.

use std::path::{Path, PathBuf};

use super::*;
use crate::mcp::wire::{Question, answer, asked, check, envelope, notification, result};

/// `shared/mcp-schema` in a folder above, which is no part of the project.
fn official(version: Version) -> Option<Value> {
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let file = PathBuf::from("shared/mcp-schema").join(version.as_str()).join("schema.json");
    let path = above.map(|folder| folder.join(&file)).find(|path| path.is_file())?;
    Some(serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap())
}

fn official_check(schema: &Value, name: &str) -> jsonschema::Validator {
    let key = if schema.get("$defs").is_some() { "$defs" } else { "definitions" };
    let mut root = json!({"$schema": schema["$schema"], key: schema[key]});
    if key == "definitions" {
        // Draft 7 ignores what stands beside `$ref`.
        root["allOf"] = json!([{"$ref": format!("#/{key}/{name}")}]);
    } else {
        root["$ref"] = format!("#/{key}/{name}").into();
    }
    jsonschema::options().should_validate_formats(false).build(&root).unwrap()
}

/// A full, valid message for each shape: the method, its definition in the official schema, the value.
fn samples(version: Version) -> Vec<(&'static str, &'static str, &'static str, Value)> {
    let modern = version.is_modern();
    let icons = || json!([{"src": "https://a/b", "mimeType": "image/png", "sizes": ["1x1"]}]);
    let meta = json!({"a": 1});
    let implementation = json!({"name": "s", "title": "S", "version": "1", "icons": icons()});
    let annotations = json!({"audience": ["user", "assistant"], "priority": 0.5, "lastModified": "x"});
    let contents =
        json!([{"uri": "a:b", "mimeType": "t", "text": "x", "_meta": meta}, {"uri": "a:b", "blob": "eA=="}]);
    let content = json!([
        {"type": "text", "text": "x", "annotations": annotations, "_meta": meta},
        {"type": "image", "data": "eA==", "mimeType": "image/png"},
        {"type": "audio", "data": "eA==", "mimeType": "audio/wav"},
        {"type": "resource_link", "uri": "a:b", "name": "n", "size": 3, "title": "t"},
        {"type": "resource", "resource": {"uri": "a:b", "text": "x"}},
        {"type": "resource", "resource": {"uri": "a:b", "blob": "eA=="}},
    ]);
    let schema = json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]});
    let capabilities = json!({"experimental": {"x": {}}, "logging": {}, "completions": {}, "prompts": {"listChanged": true},
        "resources": {"subscribe": true, "listChanged": false}, "tools": {"listChanged": true}});
    let resource = json!({"uri": "a:b", "name": "n", "title": "t", "description": "d", "mimeType": "m", "size": 1,
        "icons": icons(), "annotations": annotations, "_meta": meta});
    let mut all = vec![
        (
            "results",
            "tools/list",
            "ListToolsResult",
            json!({"nextCursor": "", "tools": [{"name": "n", "title": "t",
            "description": "d", "inputSchema": schema, "outputSchema": schema, "icons": icons(), "_meta": meta,
            "annotations": {"title": "t", "readOnlyHint": true, "destructiveHint": true, "idempotentHint": true, "openWorldHint": true}}]}),
        ),
        (
            "results",
            "tools/call",
            "CallToolResult",
            json!({"content": content, "structuredContent": {"a": 1}, "isError": false, "_meta": meta}),
        ),
        (
            "results",
            "resources/list",
            "ListResourcesResult",
            json!({"resources": [resource], "nextCursor": "x"}),
        ),
        (
            "results",
            "resources/templates/list",
            "ListResourceTemplatesResult",
            json!({"resourceTemplates": [
            {"uriTemplate": "a:{b}", "name": "n", "title": "t", "description": "d", "mimeType": "m", "icons": icons()}]}),
        ),
        ("results", "resources/read", "ReadResourceResult", json!({"contents": contents})),
        (
            "results",
            "prompts/list",
            "ListPromptsResult",
            json!({"prompts": [{"name": "n", "title": "t",
            "description": "d", "arguments": [{"name": "n", "title": "t", "description": "d", "required": true}]}]}),
        ),
        (
            "results",
            "prompts/get",
            "GetPromptResult",
            json!({"description": "d", "messages": [
            {"role": "user", "content": content[0]}, {"role": "assistant", "content": content[4]}]}),
        ),
        (
            "results",
            "completion/complete",
            "CompleteResult",
            json!({"completion": {"values": ["a"], "total": 1, "hasMore": false}}),
        ),
        (
            "notifications",
            "notifications/progress",
            "ProgressNotification",
            json!({"jsonrpc": "2.0",
            "method": "notifications/progress", "params": {"progressToken": "t", "progress": 0.5, "total": 1, "message": "m"}}),
        ),
        (
            "notifications",
            "notifications/message",
            "LoggingMessageNotification",
            json!({"jsonrpc": "2.0",
            "method": "notifications/message", "params": {"level": "info", "logger": "l", "data": {"a": null}}}),
        ),
        (
            "notifications",
            "notifications/cancelled",
            "CancelledNotification",
            json!({"jsonrpc": "2.0",
            "method": "notifications/cancelled", "params": {"requestId": 1, "reason": "r"}}),
        ),
        (
            "notifications",
            "notifications/resources/updated",
            "ResourceUpdatedNotification",
            json!({"jsonrpc": "2.0",
            "method": "notifications/resources/updated", "params": {"uri": "a:b"}}),
        ),
        (
            "notifications",
            "notifications/tools/list_changed",
            "ToolListChangedNotification",
            json!({"jsonrpc": "2.0",
            "method": "notifications/tools/list_changed", "params": {"_meta": {"a": 1}}}),
        ),
        (
            "notifications",
            "notifications/prompts/list_changed",
            "PromptListChangedNotification",
            json!({"jsonrpc": "2.0", "method": "notifications/prompts/list_changed"}),
        ),
        (
            "notifications",
            "notifications/resources/list_changed",
            "ResourceListChangedNotification",
            json!({"jsonrpc": "2.0", "method": "notifications/resources/list_changed"}),
        ),
    ];
    if modern {
        for (group, method, _, value) in &mut all {
            if *group == "results" {
                value["resultType"] = "complete".into();
                value["_meta"] = json!({"io.modelcontextprotocol/serverInfo": implementation});
                if method.ends_with("list") || *method == "resources/read" {
                    value["ttlMs"] = 5.into();
                    value["cacheScope"] = "public".into();
                }
            }
        }
        all.push((
            "results",
            "server/discover",
            "DiscoverResult",
            json!({"supportedVersions": ["2026-07-28"],
            "capabilities": capabilities, "instructions": "i", "resultType": "complete", "ttlMs": 0,
            "cacheScope": "private", "_meta": {"io.modelcontextprotocol/serverInfo": implementation}}),
        ));
        let id = json!({"io.modelcontextprotocol/subscriptionId": 5,
            "io.modelcontextprotocol/serverInfo": implementation});
        all.push((
            "results",
            "subscriptions/listen",
            "SubscriptionsListenResult",
            json!({"resultType": "complete", "_meta": id}),
        ));
        all.push((
            "notifications",
            "notifications/subscriptions/acknowledged",
            "SubscriptionsAcknowledgedNotification",
            json!({"jsonrpc": "2.0", "method": "notifications/subscriptions/acknowledged", "params": {
            "notifications": {"toolsListChanged": true, "promptsListChanged": false, "resourcesListChanged": true,
            "resourceSubscriptions": ["a:b"]}, "_meta": {"io.modelcontextprotocol/subscriptionId": "5"}}}),
        ));
        all.push((
            "results",
            "input_required",
            "InputRequiredResult",
            json!({"resultType": "input_required", "requestState": "x", "_meta": {},
            "inputRequests": {"a": {"method": "roots/list"}}}),
        ));
    } else {
        all.push(("results", "ping", "EmptyResult", json!({"_meta": {}})));
        all.push((
            "results",
            "initialize",
            "InitializeResult",
            json!({"protocolVersion": "x", "instructions": "i",
            "capabilities": capabilities, "serverInfo": implementation, "_meta": meta}),
        ));
    }
    all.extend(questions(version));
    all
}

/// What a server may ask.
fn questions(version: Version) -> Vec<(&'static str, &'static str, &'static str, Value)> {
    let modern = version.is_modern();
    let old = version < Version::V2025_11_25;
    let text = json!({"type": "text", "text": "x", "annotations": {"priority": 1}, "_meta": {"a": 1}});
    let image = json!({"type": "image", "data": "eA==", "mimeType": "image/png"});
    let mut fields = json!({
        "s": {"type": "string", "title": "t", "description": "d", "minLength": 1, "maxLength": 2, "format": "email"},
        "n": {"type": "integer", "title": "t", "description": "d", "minimum": 1, "maximum": 2},
        "b": {"type": "boolean", "title": "t", "description": "d", "default": true},
        "e": {"type": "string", "title": "t", "enum": ["a"], "enumNames": ["A"]},
    });
    let mut sampling = json!({
        "messages": [{"role": "user", "content": text}, {"role": "assistant", "content": image}],
        "maxTokens": 5, "systemPrompt": "s", "temperature": 0.5, "stopSequences": ["x"],
        "includeContext": "none", "modelPreferences": {"costPriority": 0.5, "speedPriority": 1,
        "intelligencePriority": 0, "hints": [{"name": "m"}]}});
    let mut form = json!({"message": "m", "requestedSchema": {"type": "object", "required": ["s"]}});
    if !old {
        let choice = json!([{"const": "a", "title": "A"}]);
        fields["s"]["default"] = "x".into();
        fields["n"]["default"] = 1.5.into();
        fields["one"] = json!({"type": "string", "oneOf": choice, "default": "a"});
        fields["many"] = json!({"type": "array", "items": {"type": "string", "enum": ["a"]}, "default": ["a"],
            "minItems": 1, "maxItems": 2});
        fields["titled"] = json!({"type": "array", "items": {"anyOf": choice}});
        form["mode"] = "form".into();
        form["requestedSchema"]["$schema"] = "x".into();
        let used = json!({"type": "tool_use", "id": "1", "name": "n", "input": {"a": 1}});
        let result = json!({"type": "tool_result", "toolUseId": "1", "content": [text], "isError": false,
            "structuredContent": {"a": 1}});
        sampling["messages"] = json!([
            {"role": "user", "content": [text, used, result], "_meta": {}},
            {"role": "user", "content": image}, {"role": "assistant", "content": used}]);
        sampling["tools"] = json!([{"name": "n", "inputSchema": {"type": "object"}}]);
        sampling["toolChoice"] = json!({"mode": "auto"});
    }
    form["requestedSchema"]["properties"] = fields;
    let mut url = json!({"mode": "url", "message": "m", "url": "https://a/b"});
    let mut roots = json!({"_meta": {"a": 1}});
    if !modern {
        sampling["metadata"] = json!({"a": [null]});
        roots["_meta"]["progressToken"] = 1.into();
        url["elicitationId"] = "e".into();
    }
    if version == Version::V2025_11_25 {
        sampling["task"] = json!({"ttl": 1});
        form["task"] = json!({});
        url["_meta"] = json!({"progressToken": "t"});
    }
    let mut all = vec![
        ("sampling/createMessage", "CreateMessageRequest", sampling),
        ("elicitation/create", "ElicitRequest", form),
        ("roots/list", "ListRootsRequest", roots.clone()),
    ];
    if !old {
        all.push(("elicitation/create", "ElicitRequest", url));
    }
    if !modern {
        all.push(("ping", "PingRequest", roots));
    }
    let question = |(method, name, params): (&'static str, &'static str, Value)| {
        let mut message = json!({"method": method, "params": params});
        if version == Version::V2025_11_25 {
            message["jsonrpc"] = "2.0".into();
            message["id"] = 1.into();
        }
        ("requests", method, name, message)
    };
    all.into_iter().map(question).collect()
}

/// Every value that differs from `value` in one place.
fn mutations(value: &Value) -> Vec<Value> {
    let mut all = vec![
        json!(null),
        json!(-7),
        json!(1.5),
        json!("x"),
        json!([]),
        json!({}),
        json!(true),
        json!(["y"]),
        json!({"z": 1}),
    ];
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let mut without = members.clone();
                without.shift_remove(name);
                all.push(Value::Object(without));
                for other in mutations(member) {
                    let mut changed = members.clone();
                    changed.insert(name.clone(), other);
                    all.push(Value::Object(changed));
                }
            }
            let mut more = members.clone();
            more.insert("unknown".to_owned(), json!({"x": [null]}));
            all.push(Value::Object(more));
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                for other in mutations(item) {
                    let mut changed = items.clone();
                    changed[index] = other;
                    all.push(Value::Array(changed));
                }
            }
        }
        _ => {}
    }
    all
}

/// Where the official schema says less than the specification's text, or more: a capability may hold null and
/// fractions (`JSONValue` lacks them).
fn is_erratum(version: Version, name: &str, value: &Value) -> bool {
    fn odd(value: &Value) -> bool {
        let inside = match value {
            Value::Object(members) => members.values().any(odd),
            Value::Array(items) => items.iter().any(odd),
            _ => false,
        };
        inside || value.is_null() || value.is_f64()
    }
    let capability = |value: &Value| value.as_object().is_some_and(|members| members.values().any(odd));
    version.is_modern()
        && matches!(name, "DiscoverResult")
        && value["capabilities"].as_object().is_some_and(|all| all.values().any(capability))
}

#[test]
fn our_shapes_agree_with_the_official_schemas() {
    let mut compared = 0;
    for version in Version::SPOKEN.iter().copied() {
        let Some(schema) = official(version) else {
            // Said where it can be seen: without the files this test compares nothing.
            std::io::Write::write_all(&mut std::io::stderr(), b"skipped: shared/mcp-schema is not there\n")
                .unwrap();
            return;
        };
        for (group, method, name, sample) in samples(version) {
            let theirs = official_check(&schema, name);
            let ours = |value: &Value| check(version, group, method, value, "", "");
            assert_eq!(ours(&sample), [], "{version} {name}");
            assert!(theirs.is_valid(&sample), "{version} {name}");
            for value in mutations(&sample) {
                // The method and `jsonrpc` of a notification are judged before its shape.
                let same = |name: &str| value.get(name) == sample.get(name);
                let envelope = group != "results" && !(same("method") && same("jsonrpc") && same("id"));
                if envelope || is_erratum(version, name, &value) {
                    continue;
                }
                compared += 1;
                let found = ours(&value);
                assert_eq!(found.is_empty(), theirs.is_valid(&value), "{version} {name} {value} {found:?}");
            }
        }
    }
    assert!(compared > 5000, "{compared}");
}

#[test]
fn every_shape_can_be_compiled() {
    for version in Version::SPOKEN {
        for (group, method, _, _) in samples(*version) {
            assert!(!check(*version, group, method, &json!(7), "", "").is_empty(), "{version} {method}");
        }
    }
    let input = json!({"resultType": "input_required", "requestState": "x"});
    assert_eq!(result(question("tools/call"), &input), []);
}

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
    let of = |method: &str, params: Value, id: Value| -> Vec<String> {
        let found = asked(Version::V2025_11_25, method, &params, &id);
        found.into_iter().map(|violation| format!("{} {}", violation.pointer, violation.section)).collect()
    };
    assert!(of("ping", Value::Null, json!(1)).is_empty());
    assert!(of("roots/list", Value::Null, json!("a")).is_empty());
    assert!(of("my/question", json!([]), json!("a")).is_empty());
    assert_eq!(
        of("ping", json!({"_meta": 5}), json!(null)),
        ["/params/_meta 2025-11-25 basic/utilities/ping", "/id 2025-11-25 basic"]
    );
    assert_eq!(
        of("sampling/createMessage", json!({"messages": []}), json!(1)),
        ["/params 2025-11-25 client/sampling"]
    );
    assert_eq!(of("elicitation/create", Value::Null, json!(1)), [" 2025-11-25 client/elicitation"]);
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
    let task = json!({"resultType": "task", "taskId": "t"});
    assert_eq!(messages("tools/call", task.clone()).len(), 1);
    assert_eq!(result(Question { tasks: true, ..question("tools/call") }, &task), []);
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

//! What the server `orders` offers, in both eras.

use callsheet::sandbox::AUDITOR_TOKEN;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::peer::{LEGACY, MODERN, Peer, Reply, read, sandbox};

#[tokio::test]
async fn invoices_live_as_long_as_the_sandbox() {
    for version in [LEGACY[0], LEGACY[1], MODERN] {
        let sandbox = sandbox().await;
        let peer = match version {
            MODERN => Peer::modern(&sandbox),
            legacy => Peer::legacy(&sandbox, legacy).await,
        };
        let reply = peer.call("createInvoice", json!({"in_Customer": "C-1", "in_Amount": 1250.5})).await;
        let kind = if version == MODERN { "application/json" } else { "text/event-stream" };
        assert_eq!(reply.kind, kind);
        assert_eq!(
            reply.text().0,
            r#"{"out_Status":"Created","out_InvoiceId":"INV-1001","out_Amount":1250.5}"#
        );
        let second = peer.call("createInvoice", json!({"in_Customer": "C-2", "in_Amount": 3, "in_Note": ""}));
        assert_eq!(second.await.outputs()["out_InvoiceId"], "INV-1002");
        let id = json!({"in_InvoiceId": "INV-1001"});
        let found = peer.call("getInvoice", id.clone()).await.outputs();
        assert_eq!(found, json!({"out_Status": "Created", "out_Customer": "C-1", "out_Amount": 1250.5}));

        let uri = "invoice://INV-1001/state";
        let state = peer.request("resources/read", json!({"uri": uri})).await.result();
        let state: Value = serde_json::from_str(state["contents"][0]["text"].as_str().unwrap()).unwrap();
        assert_eq!(state, json!({"id": "INV-1001", "state": "Successful", "amount": 1250.5}));
        assert_eq!(peer.call("deleteInvoice", id.clone()).await.outputs(), json!({"out_Status": "Deleted"}));
        let reply = peer.request("resources/read", json!({"uri": uri})).await;
        let code = if version == MODERN { -32602 } else { -32002 };
        assert_eq!(reply.error()["code"], code);
        assert_eq!(reply.error()["data"], json!({"uri": uri}));
        for tool in ["getInvoice", "deleteInvoice"] {
            let (text, is_error) = peer.call(tool, id.clone()).await.text();
            let error: Value = serde_json::from_str(&text).unwrap();
            assert!(is_error && error["Detail"] == "There is no invoice INV-1001.", "{text}");
        }
    }
}

#[tokio::test]
async fn arguments_are_checked_and_unknown_tools_refused() {
    let sandbox = sandbox().await;
    for peer in Peer::all(&sandbox).await {
        let reply = peer.call("nope", json!({})).await;
        assert_eq!(reply.error(), json!({"code": -32602, "message": "Unknown tool: nope"}));
        for (arguments, named) in [
            (json!({"in_Customer": "C"}), "in_Amount"),
            (json!({"in_Customer": "C", "in_Amount": "1"}), "in_Amount: "),
            (json!({"in_Customer": "C", "in_Amount": 1, "in_amount": 1}), "in_amount"),
        ] {
            let (text, is_error) = peer.call("createInvoice", arguments).await.text();
            assert!(is_error && text.contains(named), "{text}");
        }
        let reply = peer.request("tools/call", json!({"nam": "echo"})).await;
        assert_eq!(reply.error()["code"], -32602, "{reply:?}");
        let reply = peer.request("nope/nope", json!({})).await;
        assert_eq!(reply.error()["code"], -32601);
        assert_eq!(reply.status, if peer.is_modern() { 404 } else { 200 });
    }
    assert_eq!(sandbox.log().count("tools/call"), 15);
}

#[tokio::test]
async fn echo_keeps_every_byte() {
    let sandbox = sandbox().await;
    let numbers = "[9007199254740993,18446744073709551615,31.245270191439438,961581.4008402061,1.10,1e2,\
        123456789012345678901234567890]";
    let arguments = format!(r#"{{"z": {numbers},  "a":"\u00e9\\", "n": null}}"#);
    for peer in Peer::all(&sandbox).await {
        let message = peer.message("tools/call", json!({"name": "echo", "arguments": {"marker": true}}));
        let body = message.to_string().replace(r#"{"marker":true}"#, &arguments);
        let reply = read(peer.builder(&message).body(body).send().await.unwrap()).await;
        assert_eq!(reply.text(), (arguments.clone(), false));
        assert_eq!(peer.request("tools/call", json!({"name": "echo"})).await.text().0, "{}");
    }
}

#[tokio::test]
async fn structured_content_stands_beside_its_text() {
    let sandbox = sandbox().await;
    for peer in Peer::all(&sandbox).await {
        let reply = peer.call("orderTotals", json!({"in_Prices": [1.5, 2], "in_Currency": "EUR"})).await;
        let totals = json!({"total": 3.5, "count": 2, "currency": "EUR"});
        assert_eq!(reply.result()["structuredContent"], totals);
        assert_eq!(reply.outputs(), totals);
    }
}

#[tokio::test]
async fn jobs_fault() {
    let sandbox = sandbox().await;
    for peer in Peer::all(&sandbox).await {
        let (text, is_error) = peer.call("runFailingProcess", json!({})).await.text();
        let error: Value = serde_json::from_str(&text).unwrap();
        assert!(is_error && error["Status"] == "Faulted", "{text}");
        let mut keys: Vec<_> = error.as_object().unwrap().keys().map(String::as_str).collect();
        keys.sort_unstable();
        assert_eq!(keys, ["Category", "Code", "Detail", "Status", "Title"]);
    }
}

#[tokio::test]
async fn lists_have_pages() {
    let sandbox = sandbox().await;
    for peer in Peer::all(&sandbox).await {
        let mut pages = vec![peer.request("tools/list", json!({})).await.result()];
        while let Some(cursor) = pages.last().unwrap().get("nextCursor") {
            let next = peer.request("tools/list", json!({"cursor": cursor})).await.result();
            pages.push(next);
        }
        assert_eq!(pages.len(), 2);
        let mut names = Vec::new();
        for tool in pages.iter().flat_map(|page| page["tools"].as_array().unwrap()) {
            names.push(tool["name"].as_str().unwrap());
            let open = tool["name"] == "echo";
            assert_eq!(tool["inputSchema"]["additionalProperties"], open);
            let structured = ["orderTotals", "askApproval"].contains(&tool["name"].as_str().unwrap());
            assert_eq!(tool.get("outputSchema").is_some(), structured);
        }
        let all = [
            "createInvoice",
            "getInvoice",
            "deleteInvoice",
            "echo",
            "orderTotals",
            "runSlowProcess",
            "runFailingProcess",
            "importOrders",
            "startJob",
            "finishJob",
            "askApproval",
            "askLink",
            "askModel",
            "askRoots",
            "askTwice",
            "notify",
            "closeMonth",
        ];
        assert_eq!(names, all);
        for method in ["tools/list", "prompts/list", "resources/list", "resources/templates/list"] {
            let reply = peer.request(method, json!({"cursor": "nope"})).await;
            assert_eq!(reply.error()["code"], -32602, "{method}");
        }
        if peer.is_modern() {
            let first = &pages[0];
            assert!(first["ttlMs"].is_u64() && first["resultType"] == "complete", "{first}");
        }
    }
}

#[tokio::test]
async fn resources_and_prompts_are_there() {
    let sandbox = sandbox().await;
    for peer in Peer::all(&sandbox).await {
        let uris = peer.request("resources/list", json!({})).await.result();
        assert_eq!(uris["resources"][0]["uri"], "orders://catalog");
        assert_eq!(uris["resources"][1]["uri"], "orders://logo");
        let templates = peer.request("resources/templates/list", json!({})).await.result();
        assert_eq!(templates["resourceTemplates"][0]["uriTemplate"], "invoice://{id}/state");
        let catalog = peer.request("resources/read", json!({"uri": "orders://catalog"})).await.result();
        assert_eq!(catalog["contents"][0]["mimeType"], "application/json");
        let products: Value = serde_json::from_str(catalog["contents"][0]["text"].as_str().unwrap()).unwrap();
        assert_eq!(products[2]["price"], 31.245270191439438);
        let logo = peer.request("resources/read", json!({"uri": "orders://logo"})).await.result();
        assert!(logo["contents"][0]["blob"].as_str().unwrap().starts_with("iVBORw0KGgo"));

        let prompts = peer.request("prompts/list", json!({})).await.result();
        assert_eq!(prompts["prompts"][1]["arguments"][0]["required"], true);
        let greeting = peer.request("prompts/get", json!({"name": "greeting"})).await.result();
        assert_eq!(greeting["messages"].as_array().unwrap().len(), 2);
        let arguments = json!({"name": "summarizeInvoice", "arguments": {"invoice": "INV-1"}});
        let summary = peer.request("prompts/get", arguments).await.result();
        assert_eq!(summary["messages"][0]["content"]["text"], "Summarize invoice INV-1 in one sentence.");
        for name in ["summarizeInvoice", "nope"] {
            let reply = peer.request("prompts/get", json!({"name": name})).await;
            assert_eq!(reply.error()["code"], -32602, "{name}");
        }
    }
}

#[tokio::test]
async fn progress_and_log_messages_come_before_the_result() {
    let sandbox = sandbox().await;
    let methods = |reply: &Reply| -> Vec<String> {
        let name = |m: &Value| m["method"].as_str().unwrap_or("result").to_owned();
        reply.messages().iter().map(name).collect()
    };
    for peer in Peer::all(&sandbox).await {
        let call = |meta: Value| json!({"name": "importOrders", "arguments": {"in_Count": 2}, "_meta": meta});
        let quiet = peer.request("tools/call", call(json!({}))).await;
        assert_eq!(quiet.outputs(), json!({"out_Imported": 2}));
        assert_eq!(methods(&quiet), ["result"]);
        let reply = peer.request("tools/call", call(json!({"progressToken": "p"}))).await;
        assert_eq!(reply.kind, "text/event-stream");
        assert_eq!(methods(&reply), ["notifications/progress", "notifications/progress", "result"]);
        let progress = &reply.messages()[1]["params"];
        assert_eq!((&progress["progressToken"], &progress["progress"]), (&json!("p"), &json!(2.0)));
        assert_eq!(progress["total"], 2.0);

        let set = peer.request("logging/setLevel", json!({"level": "info"})).await;
        let asked = if peer.is_modern() {
            assert_eq!(set.error()["code"], -32601);
            json!({"io.modelcontextprotocol/logLevel": "info", "progressToken": 3})
        } else {
            assert_eq!(set.result(), json!({}));
            json!({"progressToken": 3})
        };
        let reply = peer.request("tools/call", call(asked)).await;
        let (log, progress) = ("notifications/message", "notifications/progress");
        assert_eq!(methods(&reply), [log, progress, progress, log, "result"]);
        let params = &reply.messages()[0]["params"];
        assert_eq!(*params, json!({"level": "info", "logger": "orders", "data": "import started"}));
    }
}

#[tokio::test]
async fn log_messages_belong_to_their_request() {
    let sandbox = sandbox().await;
    let peer = Peer::legacy(&sandbox, "2025-11-25").await;
    peer.request("logging/setLevel", json!({"level": "debug"})).await;
    let calls = (0..8).map(|count| {
        let params = json!({"name": "importOrders", "arguments": {"in_Count": count}});
        let mut message = peer.message("tools/call", params);
        message["id"] = json!(format!("call-{count}"));
        let sent = peer.builder(&message).body(message.to_string()).send();
        async move { (count, read(sent.await.unwrap()).await) }
    });
    for (count, reply) in join_all(calls).await {
        assert_eq!(reply.messages().len(), count + 3);
        assert_eq!(reply.answer()["id"], format!("call-{count}"));
    }
}

#[tokio::test]
async fn the_auditor_lists_and_cannot_call() {
    let sandbox = sandbox().await;
    for mut peer in Peer::all(&sandbox).await {
        peer.token = AUDITOR_TOKEN;
        if !peer.is_modern() {
            let reply = peer.request("tools/list", json!({})).await;
            assert_eq!(
                (reply.status, &reply.error()["code"]),
                (403, &json!(-32000)),
                "it is the owner's session"
            );
            peer.open().await;
        }
        assert_eq!(
            peer.request("tools/list", json!({})).await.result()["tools"].as_array().unwrap().len(),
            10
        );
        for tool in ["echo", "createInvoice", "orderTotals"] {
            let (text, is_error) = peer.call(tool, json!({})).await.text();
            let error: Value = serde_json::from_str(&text).unwrap();
            assert!(is_error && error["message"] == "You are not authorized!", "{text}");
            assert_eq!(error["errorCode"], 0);
        }
    }
    assert_eq!(sandbox.log().entries().pop().unwrap().header("authorization"), Some("auditor"));
}

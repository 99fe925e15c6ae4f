//! Completion of the arguments of prompts and resource templates.

use serde_json::{Value, json};

use crate::peer::{Peer, sandbox};

fn complete(r#ref: Value, name: &str, value: &str, context: Value) -> Value {
    let mut params = json!({"ref": r#ref, "argument": {"name": name, "value": value}});
    if !context.is_null() {
        params["context"] = json!({"arguments": context});
    }
    params
}

#[tokio::test]
async fn arguments_complete_in_both_eras() {
    let sandbox = sandbox().await;
    let peers = Peer::all(&sandbox).await;
    for customer in ["C-1", "C-2", "C-2"] {
        peers[0].call("createInvoice", json!({"in_Customer": customer, "in_Amount": 1})).await.outputs();
    }
    let job = peers[0].call("startJob", json!({})).await.outputs()["out_JobId"].clone();
    let prompt = |name: &str| json!({"type": "ref/prompt", "name": name});
    let resource = |uri: &str| json!({"type": "ref/resource", "uri": uri});
    let product = "orders://catalog/{category}/{sku}";
    for peer in peers {
        for (params, expected) in [
            (
                complete(prompt("replyToCustomer"), "tone", "f", Value::Null),
                json!(["firm", "formal", "friendly"]),
            ),
            (complete(prompt("replyToCustomer"), "tone", "fr", json!({})), json!(["friendly"])),
            (complete(prompt("replyToCustomer"), "customer", "", Value::Null), json!(["C-1", "C-2"])),
            (
                complete(prompt("replyToCustomer"), "invoice", "INV", json!({"customer": "C-2"})),
                json!(["INV-1002", "INV-1003"]),
            ),
            (complete(prompt("summarizeInvoice"), "invoice", "INV-1001", Value::Null), json!(["INV-1001"])),
            (complete(resource(product), "category", "s", Value::Null), json!(["set", "sound"])),
            (complete(resource(product), "sku", "", json!({"category": "sound"})), json!(["P-300"])),
            (complete(resource(product), "sku", "x", Value::Null), json!([])),
            (complete(resource("job://{id}"), "id", "", Value::Null), json!([job])),
            (complete(resource("invoice://{id}/state"), "id", "INV-1003", Value::Null), json!(["INV-1003"])),
            (
                complete(resource("invoices://open/{customer}"), "customer", "C-2", Value::Null),
                json!(["C-2"]),
            ),
        ] {
            let result = peer.request("completion/complete", params).await.result();
            assert_eq!(result["completion"]["values"], expected);
            assert_eq!(result["completion"]["total"], expected.as_array().unwrap().len());
            assert_eq!(result["completion"]["hasMore"], false);
        }
        for (params, message) in [
            (complete(prompt("nope"), "tone", "", Value::Null), "Unknown prompt: nope"),
            (complete(prompt("greeting"), "tone", "", Value::Null), "Unknown argument: tone"),
            (complete(resource("job://{i}"), "id", "", Value::Null), "Unknown resource template: job://{i}"),
            (complete(resource(product), "id", "", Value::Null), "Unknown argument: id"),
            (json!({}), "Invalid params for completion/complete"),
        ] {
            let error = peer.request("completion/complete", params).await.error();
            assert_eq!(error, json!({"code": -32602, "message": message}));
        }
    }
}

#[tokio::test]
async fn a_hundred_values_are_shown() {
    let sandbox = sandbox().await;
    let peer = Peer::modern(&sandbox);
    for _ in 0..120 {
        peer.call("startJob", json!({})).await;
    }
    let job = json!({"type": "ref/resource", "uri": "job://{id}"});
    let result = peer.request("completion/complete", complete(job, "id", "JOB-", Value::Null)).await.result();
    let completion = &result["completion"];
    assert_eq!(completion["values"].as_array().unwrap().len(), 100);
    assert_eq!((&completion["total"], &completion["hasMore"]), (&json!(120), &json!(true)));
}

#[tokio::test]
async fn what_completes_can_be_used() {
    let sandbox = sandbox().await;
    for peer in Peer::all(&sandbox).await {
        let product = peer.resource("orders://catalog/sound/P-300").await;
        assert_eq!(product["name"], "Megaphone");
        let other = peer.request("resources/read", json!({"uri": "orders://catalog/set/P-300"})).await;
        assert_eq!(other.error()["message"], "Resource not found");
        let arguments = json!({"customer": "C-1", "tone": "firm", "invoice": "INV-1"});
        let params = json!({"name": "replyToCustomer", "arguments": arguments});
        let prompt = peer.request("prompts/get", params).await.result();
        let text = &prompt["messages"][0]["content"]["text"];
        assert_eq!(text, "Write a firm letter to customer C-1 about invoice INV-1.");
        let missing = peer.request("prompts/get", json!({"name": "replyToCustomer"})).await.error();
        assert_eq!(missing["message"], "Missing argument: customer");
    }
}

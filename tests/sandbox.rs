//! The sandbox over real sockets: what a client meets, in both eras.
#![cfg(feature = "sandbox")]
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::sync::Once;
use std::time::{Duration, Instant};

use callsheet::sandbox::{AUDITOR_TOKEN, FAULT_HEADER, FOLDER_KEY, Fault, OWNER_TOKEN, Options, Sandbox};
use futures_util::future::join_all;
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

const LEGACY: [&str; 2] = ["2025-06-18", "2025-11-25"];
const MODERN: &str = "2026-07-28";
const DEADLINE: Duration = Duration::from_secs(20);

/// An answer, read whole.
#[derive(Debug)]
struct Reply {
    status: u16,
    kind: String,
    headers: reqwest::header::HeaderMap,
    body: String,
}

impl Reply {
    /// The JSON-RPC messages, in order.
    fn messages(&self) -> Vec<Value> {
        if self.kind.starts_with("application/json") {
            return vec![serde_json::from_str(&self.body).unwrap()];
        }
        let events = self.body.split("\n\n").filter(|event| event.starts_with("event: message\n"));
        events.map(|event| serde_json::from_str(event.split_once("data: ").unwrap().1).unwrap()).collect()
    }

    fn answer(&self) -> Value {
        self.messages().pop().unwrap_or_else(|| panic!("no message in {self:?}"))
    }

    fn result(&self) -> Value {
        let answer = self.answer();
        answer.get("result").unwrap_or_else(|| panic!("no result in {answer}")).clone()
    }

    fn error(&self) -> Value {
        let answer = self.answer();
        answer.get("error").unwrap_or_else(|| panic!("no error in {answer}")).clone()
    }

    /// The text of a tool result, and whether it is an error.
    fn text(&self) -> (String, bool) {
        let result = self.result();
        assert_eq!(result["content"].as_array().unwrap().len(), 1, "{result}");
        (result["content"][0]["text"].as_str().unwrap().to_owned(), result["isError"] == true)
    }

    /// The outputs of a process that went well.
    fn outputs(&self) -> Value {
        let (text, is_error) = self.text();
        assert!(!is_error, "{text}");
        serde_json::from_str(&text).unwrap()
    }
}

/// A client of one era.
struct Peer {
    http: Client,
    url: String,
    token: &'static str,
    version: &'static str,
    session: Option<String>,
    /// Sent with every request.
    extra: Vec<(&'static str, String)>,
}

fn client() -> Client {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
    Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build().unwrap()
}

async fn sandbox() -> Sandbox {
    Sandbox::start(Options::default()).await.unwrap()
}

async fn read(answer: reqwest::Response) -> Reply {
    let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    Reply {
        status: answer.status().as_u16(),
        kind: header("content-type").unwrap_or_default(),
        headers: answer.headers().clone(),
        body: answer.text().await.unwrap(),
    }
}

impl Peer {
    fn modern(sandbox: &Sandbox) -> Self {
        Self {
            http: client(),
            url: sandbox.url("orders"),
            token: OWNER_TOKEN,
            version: MODERN,
            session: None,
            extra: Vec::new(),
        }
    }

    async fn legacy(sandbox: &Sandbox, version: &'static str) -> Self {
        let mut peer = Self { version, ..Self::modern(sandbox) };
        peer.open().await;
        peer
    }

    /// One of each era.
    async fn all(sandbox: &Sandbox) -> Vec<Self> {
        let mut peers = vec![Self::modern(sandbox)];
        for version in LEGACY {
            peers.push(Self::legacy(sandbox, version).await);
        }
        peers
    }

    async fn open(&mut self) {
        self.session = None;
        let params = json!({
            "protocolVersion": self.version, "capabilities": {}, "clientInfo": {"name": "t", "version": "1"},
        });
        let reply = self.request("initialize", params).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        assert_eq!(reply.result()["protocolVersion"], self.version);
        self.session = Some(reply.headers["mcp-session-id"].to_str().unwrap().to_owned());
        assert_eq!(self.notify("notifications/initialized", json!({})).await.status, 202);
    }

    fn is_modern(&self) -> bool {
        self.version == MODERN
    }

    fn builder(&self, message: &Value) -> reqwest::RequestBuilder {
        let mut builder = self
            .http
            .post(&self.url)
            .bearer_auth(self.token)
            .header("accept", "application/json, text/event-stream")
            .header("content-type", "application/json");
        let method = message["method"].as_str().unwrap();
        if method != "initialize" {
            builder = builder.header("mcp-protocol-version", self.version);
        }
        if self.is_modern() {
            builder = builder.header("mcp-method", method);
            let name = message["params"].get("name").or_else(|| message["params"].get("uri"));
            if let Some(name) = name.and_then(Value::as_str) {
                builder = builder.header("mcp-name", name);
            }
        }
        if let Some(session) = &self.session {
            builder = builder.header("mcp-session-id", session);
        }
        for (name, value) in &self.extra {
            builder = builder.header(*name, value);
        }
        builder
    }

    fn message(&self, method: &str, mut params: Value) -> Value {
        if self.is_modern() {
            let meta = params.as_object_mut().unwrap().entry("_meta").or_insert_with(|| json!({}));
            meta["io.modelcontextprotocol/protocolVersion"] = json!(MODERN);
            meta["io.modelcontextprotocol/clientCapabilities"] = json!({});
            meta["io.modelcontextprotocol/clientInfo"] = json!({"name": "t", "version": "1"});
        }
        json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": params})
    }

    async fn request(&self, method: &str, params: Value) -> Reply {
        let message = self.message(method, params);
        read(self.builder(&message).body(message.to_string()).send().await.unwrap()).await
    }

    async fn notify(&self, method: &str, params: Value) -> Reply {
        let message = json!({"jsonrpc": "2.0", "method": method, "params": params});
        read(self.builder(&message).body(message.to_string()).send().await.unwrap()).await
    }

    async fn call(&self, tool: &str, arguments: Value) -> Reply {
        self.request("tools/call", json!({"name": tool, "arguments": arguments})).await
    }

    async fn delete(&self) -> Reply {
        let mut builder = self.http.delete(&self.url).bearer_auth(self.token);
        if let Some(session) = &self.session {
            builder = builder.header("mcp-session-id", session);
        }
        read(builder.header("mcp-protocol-version", self.version).send().await.unwrap()).await
    }
}

#[tokio::test]
async fn the_documented_curl_call_works() {
    let sandbox = sandbox().await;
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "curl", "version": "1"},
    }});
    for accept in [Some("*/*"), None] {
        let mut request = client().post(sandbox.url("orders") + "/").bearer_auth(OWNER_TOKEN);
        request = request.header("content-type", "application/json").body(body.to_string());
        if let Some(accept) = accept {
            request = request.header("accept", accept);
        }
        let reply = read(request.send().await.unwrap()).await;
        assert_eq!((reply.status, reply.kind.as_str()), (200, "text/event-stream"));
        assert!(reply.body.starts_with("event: message\ndata: {"), "{}", reply.body);
        assert_eq!(reply.body.matches("data:").count(), 1);
        let session = reply.headers["mcp-session-id"].to_str().unwrap();
        assert!(session.len() == 32 && session.bytes().all(|b| b.is_ascii_hexdigit()), "{session}");
        let result = reply.result();
        assert_eq!(result["protocolVersion"], "2025-06-18");
        assert_eq!(result["serverInfo"], json!({"name": "orders", "version": "1.0.0"}));
        let capabilities = json!({"logging": {}, "prompts": {}, "resources": {}, "tools": {}});
        assert_eq!(result["capabilities"], capabilities);
    }
    let only_json = client().post(sandbox.url("orders")).bearer_auth(OWNER_TOKEN);
    let only_json = only_json.header("accept", "application/json").header("content-type", "application/json");
    let reply = read(only_json.body(body.to_string()).send().await.unwrap()).await;
    assert_eq!((reply.status, &reply.error()["code"]), (406, &json!(-32600)));
}

#[tokio::test]
async fn the_log_shows_the_lifecycle() {
    let sandbox = sandbox().await;
    let peer = Peer::legacy(&sandbox, "2025-11-25").await;
    peer.call("echo", json!({})).await;
    assert_eq!(peer.delete().await.status, 200);
    let modern = Peer::modern(&sandbox);
    let discovered = modern.request("server/discover", json!({})).await;
    assert_eq!(discovered.kind, "application/json");
    assert!(discovered.result()["supportedVersions"].as_array().unwrap().contains(&json!(MODERN)));
    let log = sandbox.log();
    let lifecycle = ["initialize", "notifications/initialized", "tools/call", "DELETE", "server/discover"];
    assert_eq!(log.methods(), lifecycle);
    assert_eq!(log.count("tools/call"), 1);
    let call = &log.calls_of("echo")[0];
    assert_eq!((call.status, call.http_method.as_str()), (200, "POST"));
    assert_eq!(call.header("authorization"), Some("owner"));
    assert_eq!(call.header("mcp-session-id"), peer.session.as_deref());
    log.clear();
    assert!(log.entries().is_empty());
}

#[tokio::test]
async fn sessions_end_once() {
    let sandbox = sandbox().await;
    for version in LEGACY {
        let peer = Peer::legacy(&sandbox, version).await;
        assert_eq!(peer.delete().await.status, 200);
        for reply in [peer.delete().await, peer.call("echo", json!({})).await] {
            assert_eq!(reply.status, 404);
            assert_eq!(reply.error(), json!({"code": -32600, "message": "Session not found"}));
        }
        let stranger = Peer { session: None, ..peer };
        let reply = stranger.call("echo", json!({})).await;
        assert_eq!((reply.status, &reply.error()["code"]), (400, &json!(-32600)));
        assert_eq!(reply.answer()["id"], 7);
        assert_eq!(stranger.delete().await.status, 400);
    }
    let modern = Peer::modern(&sandbox);
    let reply = modern.delete().await;
    assert_eq!(reply.status, 405, "{reply:?}");
}

#[tokio::test]
async fn a_call_before_initialized_is_answered() {
    let sandbox = sandbox().await;
    let mut peer = Peer { version: LEGACY[0], ..Peer::modern(&sandbox) };
    let params = json!({
        "protocolVersion": LEGACY[0], "capabilities": {}, "clientInfo": {"name": "t", "version": "1"},
    });
    let reply = peer.request("initialize", params).await;
    peer.session = Some(reply.headers["mcp-session-id"].to_str().unwrap().to_owned());
    assert_eq!(peer.request("ping", json!({})).await.result(), json!({}));
    assert_eq!(peer.call("echo", json!({})).await.text().0, "{}");
}

#[tokio::test]
async fn versions_and_headers_are_checked() {
    let sandbox = sandbox().await;
    let mut legacy = Peer::legacy(&sandbox, LEGACY[0]).await;
    legacy.version = "2030-01-01";
    let reply = legacy.request("tools/list", json!({})).await;
    assert_eq!((reply.status, &reply.error()["code"]), (400, &json!(-32600)));
    assert!(reply.error()["message"].as_str().unwrap().contains("2030-01-01"), "{reply:?}");

    let modern = Peer::modern(&sandbox);
    let call = modern.message("tools/call", json!({"name": "echo"}));
    let other = call.to_string().replace("2026-07-28", "2030-01-01");
    let reply = read(modern.builder(&call).body(other).send().await.unwrap()).await;
    assert_eq!((reply.status, &reply.error()["code"]), (400, &json!(-32020)));
    let named = call.to_string().replace("echo", "getInvoice");
    let reply = read(modern.builder(&call).body(named).send().await.unwrap()).await;
    assert_eq!((reply.status, &reply.error()["code"]), (400, &json!(-32020)));
    let bare = json!({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": "echo"}});
    let reply = read(modern.builder(&bare).body(bare.to_string()).send().await.unwrap()).await;
    assert_eq!((reply.status, &reply.error()["code"]), (400, &json!(-32602)));
    for method in ["ping", "subscriptions/listen"] {
        let reply = modern.request(method, json!({"notifications": {}})).await;
        assert_eq!((reply.status, &reply.error()["code"]), (404, &json!(-32601)), "{method}");
    }
}

#[tokio::test]
async fn refusals_do_not_tell_why() {
    let sandbox = sandbox().await;
    let good = sandbox.url("orders");
    let send = |url: String, authorization: Option<String>| async move {
        let mut request = client().post(url).header("content-type", "application/json").body("{}");
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization);
        }
        read(request.send().await.unwrap()).await
    };
    let bearer = Some(format!("Bearer {OWNER_TOKEN}"));
    let mut bodies = Vec::new();
    for (url, authorization, reason) in [
        (good.clone(), None, "no token"),
        (good.clone(), Some("Bearer rt_other".to_owned()), "unknown token"),
        (good.clone(), Some(format!("Basic {OWNER_TOKEN}")), "no bearer token"),
        (
            good.replace("/acme/", "/acne/"),
            bearer.clone(),
            "no organization is named `acne`; there is `acme`",
        ),
        (good.replace("Default", "default"), bearer.clone(), "no tenant is named `default`"),
        (good.replace("6f0c", "6f0d"), bearer.clone(), "no folder is named"),
        (good.replace("orders", "order"), bearer.clone(), "no server is named `order`; there is `orders`"),
        (format!("{good}?access_token={OWNER_TOKEN}"), None, "no token"),
    ] {
        let reply = send(url, authorization).await;
        assert_eq!(reply.status, 401, "{reason}");
        assert_eq!(reply.headers["www-authenticate"], "Bearer");
        let entry = sandbox.log().entries().pop().unwrap();
        assert!(entry.reason.as_deref().unwrap().starts_with(reason), "{entry:?}");
        assert!(!format!("{entry:?}").contains("rt_"), "{entry:?}");
        bodies.push(reply.body);
    }
    bodies.dedup();
    let body: Value = serde_json::from_str(&bodies[0]).unwrap();
    assert_eq!(bodies.len(), 1);
    assert_eq!((&body["message"], &body["errorCode"]), (&json!("You are not authenticated!"), &json!(0)));

    let no_folder = good.replace(&format!("{FOLDER_KEY}/"), "");
    let reply = send(no_folder.clone(), bearer).await;
    let body: Value = serde_json::from_str(&reply.body).unwrap();
    assert_eq!((reply.status, &body["errorCode"]), (400, &json!(10500)));
    assert_eq!(body["message"], "Folder key is required");
    assert_eq!(send(no_folder, None).await.status, 401);
}

#[tokio::test]
async fn what_is_no_message_is_refused_in_json_rpc() {
    let sandbox = sandbox().await;
    let send = |kind: &'static str, body: String| {
        let request = client().post(sandbox.url("orders")).bearer_auth(OWNER_TOKEN);
        async move { read(request.header("content-type", kind).body(body).send().await.unwrap()).await }
    };
    for (body, code) in [
        ("{", -32700),
        ("", -32700),
        (&*format!("{}{}", "[".repeat(200), "]".repeat(200)), -32700),
        ("[]", -32600),
        (r#"{"jsonrpc":"2.0"}"#, -32600),
        (r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, -32600),
    ] {
        let reply = send("application/json", body.to_owned()).await;
        assert_eq!((reply.status, &reply.error()["code"]), (400, &json!(code)), "{body}");
    }
    assert_eq!(send("text/plain", "{}".to_owned()).await.status, 415);
    let reply = send("application/json; charset=utf-8", " ".repeat(5 << 20)).await;
    assert_eq!((reply.status, &reply.error()["code"]), (413, &json!(-32600)));
    for method in [Method::GET, Method::PUT] {
        let request = client().request(method, sandbox.url("orders")).bearer_auth(OWNER_TOKEN);
        let reply = read(request.header("accept", "text/event-stream").send().await.unwrap()).await;
        assert_eq!((reply.status, &reply.headers["allow"]), (405, &"POST".parse().unwrap()));
    }
    let elsewhere = format!("http://{}/elsewhere", sandbox.address());
    assert_eq!(client().get(elsewhere).send().await.unwrap().status(), StatusCode::NOT_FOUND);
}

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
        assert_eq!(peer.request("completion/complete", json!({})).await.error()["code"], -32601);
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
        let first = peer.request("tools/list", json!({})).await.result();
        let next = peer.request("tools/list", json!({"cursor": first["nextCursor"]})).await.result();
        assert_eq!(next.get("nextCursor"), None);
        let mut names = Vec::new();
        for tool in first["tools"].as_array().unwrap().iter().chain(next["tools"].as_array().unwrap()) {
            names.push(tool["name"].as_str().unwrap());
            let open = tool["name"] == "echo";
            assert_eq!(tool["inputSchema"]["additionalProperties"], open);
            assert_eq!(tool.get("outputSchema").is_some(), tool["name"] == "orderTotals");
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
        ];
        assert_eq!(names, all);
        for method in ["tools/list", "prompts/list", "resources/list", "resources/templates/list"] {
            let reply = peer.request(method, json!({"cursor": "nope"})).await;
            assert_eq!(reply.error()["code"], -32602, "{method}");
        }
        if peer.is_modern() {
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
async fn cancellation_is_recorded_in_both_eras() {
    let sandbox = sandbox().await;
    let log = sandbox.log();
    let started = Instant::now();
    for peer in Peer::all(&sandbox).await {
        log.clear();
        let message =
            peer.message("tools/call", json!({"name": "runSlowProcess", "arguments": {"in_Seconds": 600}}));
        let sent = peer.builder(&message).body(message.to_string()).send();
        let running = tokio::spawn(async move { read(sent.await.unwrap()).await.messages().len() });
        assert!(log.wait_until(|entries| !entries.is_empty(), DEADLINE).await);
        if peer.is_modern() {
            running.abort();
        } else {
            assert!(log.wait_until(|entries| entries[0].status == 200, DEADLINE).await);
            peer.notify("notifications/cancelled", json!({"requestId": 7, "reason": "test"})).await;
            assert_eq!(running.await.unwrap(), 0, "the stream ends without an answer");
        }
        assert!(log.wait_until(|entries| entries[0].cancelled, DEADLINE).await, "{:?}", log.entries());
        assert_eq!(peer.call("runSlowProcess", json!({"in_Seconds": 0})).await.outputs()["out_Seconds"], 0);
        assert!(!log.calls_of("runSlowProcess")[1].cancelled);
    }
    assert!(started.elapsed() < Duration::from_secs(60));
}

#[tokio::test]
async fn a_legacy_call_outlives_its_stream() {
    let sandbox = sandbox().await;
    let peer = Peer::legacy(&sandbox, "2025-11-25").await;
    let params = json!({"name": "runSlowProcess", "arguments": {"in_Seconds": 600}});
    let mut message = peer.message("tools/call", params);
    message["id"] = json!("slow");
    drop(peer.builder(&message).body(message.to_string()).send().await.unwrap());
    // Its id is still in use: the call was not cancelled by the end of its connection.
    let again = read(peer.builder(&message).body(message.to_string()).send().await.unwrap()).await;
    assert_eq!((again.status, &again.error()["message"]), (400, &json!("Bad Request: Request ID is in use")));
    assert_eq!(peer.call("runSlowProcess", json!({"in_Seconds": 0.1})).await.outputs()["out_Seconds"], 0.1);
    assert!(!sandbox.log().calls_of("runSlowProcess")[0].cancelled);
    peer.notify("notifications/cancelled", json!({"requestId": "slow"})).await;
    assert!(sandbox.log().wait_until(|entries| entries.iter().any(|e| e.cancelled), DEADLINE).await);
}

#[tokio::test]
async fn the_auditor_lists_and_cannot_call() {
    let sandbox = sandbox().await;
    for mut peer in Peer::all(&sandbox).await {
        peer.token = AUDITOR_TOKEN;
        assert_eq!(
            peer.request("tools/list", json!({})).await.result()["tools"].as_array().unwrap().len(),
            5
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

fn with(fault: Fault, rest: &str) -> (&'static str, String) {
    (FAULT_HEADER, format!("{}{rest}", fault.as_str()))
}

#[tokio::test]
async fn faults_befall_calls_whose_tool_ran_once() {
    let sandbox = sandbox().await;
    let log = sandbox.log();
    for mut peer in Peer::all(&sandbox).await {
        log.clear();
        let create = json!({"in_Customer": "C", "in_Amount": 1});
        peer.extra = vec![with(Fault::ResetMidAnswer, "")];
        let message = peer.message("tools/call", json!({"name": "createInvoice", "arguments": create}));
        let mut answer = peer.builder(&message).body(message.to_string()).send().await.unwrap();
        let mut received = Vec::new();
        let error = loop {
            match answer.chunk().await {
                Ok(Some(chunk)) => received.extend_from_slice(&chunk),
                Ok(None) => panic!("the answer ended well: {received:?}"),
                Err(error) => break error,
            }
        };
        assert!(error.is_body() || error.is_decode(), "{error:?}");
        assert!(received.len() > 20 && !received.ends_with(b"}\n\n"), "{received:?}");
        peer.extra = vec![with(Fault::BadGateway, "")];
        let reply = peer.call("createInvoice", create.clone()).await;
        assert_eq!((reply.status, reply.kind.as_str()), (502, "text/html"));
        assert_eq!(peer.request("tools/list", json!({})).await.status, 200);
        peer.extra.clear();
        let last = peer.call("createInvoice", create).await.outputs()["out_InvoiceId"].clone();
        let number: u32 = last.as_str().unwrap().trim_start_matches("INV-").parse().unwrap();
        assert_eq!(number % 3, 1003 % 3, "each of three calls created one invoice");
        let statuses: Vec<_> = log.calls_of("createInvoice").iter().map(|entry| entry.status).collect();
        assert_eq!(statuses, [200, 502, 200]);
    }
}

#[tokio::test]
async fn a_lost_session_is_gone() {
    let sandbox = sandbox().await;
    for version in LEGACY {
        sandbox.log().clear();
        let mut peer = Peer::legacy(&sandbox, version).await;
        peer.extra =
            vec![with(Fault::LoseSession, &format!("; times=1; method=tools/call;version={version}"))];
        assert_eq!(peer.call("echo", json!({})).await.status, 400, "`version` is no part of a fault");
        let spaces = " ".repeat(LEGACY.iter().position(|v| *v == version).unwrap());
        peer.extra = vec![with(Fault::LoseSession, &format!("; {spaces}times=1"))];
        assert_eq!(peer.request("tools/list", json!({})).await.status, 200);
        let reply = peer.call("echo", json!({})).await;
        assert_eq!((reply.status, &reply.error()["message"]), (404, &json!("Session not found")));
        assert_eq!(peer.request("tools/list", json!({})).await.status, 404);
        peer.open().await;
        assert_eq!(peer.call("echo", json!({})).await.status, 200);
    }
}

#[tokio::test]
async fn answers_in_json_and_redirects_can_be_had() {
    let sandbox = sandbox().await;
    for mut peer in Peer::all(&sandbox).await {
        peer.extra = vec![with(Fault::Json, "")];
        if !peer.is_modern() {
            peer.open().await;
        }
        let reply = peer.request(
            "tools/call",
            json!({
                "name": "importOrders", "arguments": {"in_Count": 1}, "_meta": {"progressToken": 1},
            }),
        );
        let reply = reply.await;
        assert_eq!((reply.kind.as_str(), reply.status), ("application/json", 200));
        assert_eq!(reply.outputs(), json!({"out_Imported": 1}));
        peer.extra = vec![with(Fault::Redirect, "")];
        sandbox.log().clear();
        let reply = peer.call("echo", json!({})).await;
        assert_eq!((reply.status, &reply.headers["location"]), (307, &"/elsewhere".parse().unwrap()));
        assert_eq!(sandbox.log().entries().len(), 1);
        peer.extra = vec![(FAULT_HEADER, "nope".to_owned())];
        let reply = peer.call("echo", json!({})).await;
        assert!(reply.status == 400 && reply.body.contains("no fault is named `nope`"), "{reply:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn six_hundred_calls_at_once_are_answered() {
    let sandbox = sandbox().await;
    for peer in Peer::all(&sandbox).await {
        let calls = (0..600).map(|number| {
            let mut message = peer.message("tools/call", json!({"name": "echo", "arguments": {"n": number}}));
            message["id"] = json!(number);
            let sent = peer.builder(&message).body(message.to_string()).send();
            async move { (number, read(sent.await.unwrap()).await.outputs()) }
        });
        for (number, outputs) in join_all(calls).await {
            assert_eq!(outputs, json!({"n": number}));
        }
    }
    assert_eq!(sandbox.log().count("tools/call"), 1800);
}

#[tokio::test]
async fn dropping_it_ends_what_it_started() {
    let sandbox = sandbox().await;
    let log = sandbox.log();
    let peers = Peer::all(&sandbox).await;
    let calls: Vec<_> = peers
        .iter()
        .map(|peer| {
            let message = peer
                .message("tools/call", json!({"name": "runSlowProcess", "arguments": {"in_Seconds": 600}}));
            tokio::spawn(peer.builder(&message).body(message.to_string()).send())
        })
        .collect();
    assert!(log.wait_until(|_| log.calls_of("runSlowProcess").len() == calls.len(), DEADLINE).await);
    let address = sandbox.address();
    drop(sandbox);
    for call in calls {
        // A head may have come; the rest of the answer does not.
        if let Ok(Ok(answer)) = tokio::time::timeout(DEADLINE, call).await.unwrap().map(Ok::<_, ()>).unwrap()
        {
            let body = tokio::time::timeout(DEADLINE, answer.text()).await.expect("the stream ends");
            assert!(!body.unwrap_or_default().contains("out_Status"));
        }
    }
    let gone = async {
        while tokio::net::TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, gone).await.expect("the port is free");
}

//! A client of either era, as bare as can be.

use std::sync::Once;
use std::time::Duration;

use callsheet::sandbox::{OWNER_TOKEN, Options, Sandbox};
use reqwest::Client;
use serde_json::{Value, json};

pub(crate) const LEGACY: [&str; 2] = ["2025-06-18", "2025-11-25"];
pub(crate) const MODERN: &str = "2026-07-28";
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) kind: String,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: String,
}

impl Reply {
    /// The JSON-RPC messages, in order.
    pub(crate) fn messages(&self) -> Vec<Value> {
        if self.kind.starts_with("application/json") {
            return vec![serde_json::from_str(&self.body).unwrap()];
        }
        let events = self.body.split("\n\n").filter(|event| event.starts_with("event: message\n"));
        events.map(|event| serde_json::from_str(event.split_once("data: ").unwrap().1).unwrap()).collect()
    }

    pub(crate) fn answer(&self) -> Value {
        self.messages().pop().unwrap_or_else(|| panic!("no message in {self:?}"))
    }

    pub(crate) fn result(&self) -> Value {
        let answer = self.answer();
        answer.get("result").unwrap_or_else(|| panic!("no result in {answer}")).clone()
    }

    pub(crate) fn error(&self) -> Value {
        let answer = self.answer();
        answer.get("error").unwrap_or_else(|| panic!("no error in {answer}")).clone()
    }

    /// The text of a tool result, and whether it is an error.
    pub(crate) fn text(&self) -> (String, bool) {
        let result = self.result();
        assert_eq!(result["content"].as_array().unwrap().len(), 1, "{result}");
        (result["content"][0]["text"].as_str().unwrap().to_owned(), result["isError"] == true)
    }

    /// The outputs of a process that went well.
    pub(crate) fn outputs(&self) -> Value {
        let (text, is_error) = self.text();
        assert!(!is_error, "{text}");
        serde_json::from_str(&text).unwrap()
    }
}

/// A client of one era.
pub(crate) struct Peer {
    pub(crate) http: Client,
    pub(crate) url: String,
    pub(crate) token: &'static str,
    pub(crate) version: &'static str,
    pub(crate) session: Option<String>,
    /// The capabilities that it declares.
    pub(crate) declares: Value,
    /// Sent with every request.
    pub(crate) extra: Vec<(&'static str, String)>,
}

pub(crate) fn client() -> Client {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
    Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build().unwrap()
}

pub(crate) async fn sandbox() -> Sandbox {
    Sandbox::start(Options::default()).await.unwrap()
}

pub(crate) async fn read(answer: reqwest::Response) -> Reply {
    let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    Reply {
        status: answer.status().as_u16(),
        kind: header("content-type").unwrap_or_default(),
        headers: answer.headers().clone(),
        body: answer.text().await.unwrap(),
    }
}

impl Peer {
    pub(crate) fn modern(sandbox: &Sandbox) -> Self {
        Self {
            http: client(),
            url: sandbox.url("orders"),
            token: OWNER_TOKEN,
            version: MODERN,
            session: None,
            declares: json!({}),
            extra: Vec::new(),
        }
    }

    /// One of each era that declares these capabilities and speaks to a server of that slug.
    pub(crate) async fn declaring(sandbox: &Sandbox, slug: &str, declares: &Value) -> Vec<Self> {
        let mut peers = Vec::new();
        for version in [MODERN, LEGACY[0], LEGACY[1]] {
            let (url, declares) = (sandbox.url(slug), declares.clone());
            let mut peer = Self { version, url, declares, ..Self::modern(sandbox) };
            if !peer.is_modern() {
                peer.open().await;
            }
            peers.push(peer);
        }
        peers
    }

    pub(crate) async fn legacy(sandbox: &Sandbox, version: &'static str) -> Self {
        let mut peer = Self { version, ..Self::modern(sandbox) };
        peer.open().await;
        peer
    }

    /// One of each era.
    pub(crate) async fn all(sandbox: &Sandbox) -> Vec<Self> {
        let mut peers = vec![Self::modern(sandbox)];
        for version in LEGACY {
            peers.push(Self::legacy(sandbox, version).await);
        }
        peers
    }

    pub(crate) async fn open(&mut self) {
        self.session = None;
        let params = json!({
            "protocolVersion": self.version, "capabilities": self.declares,
            "clientInfo": {"name": "t", "version": "1"},
        });
        let reply = self.request("initialize", params).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        assert_eq!(reply.result()["protocolVersion"], self.version);
        self.session = Some(reply.headers["mcp-session-id"].to_str().unwrap().to_owned());
        assert_eq!(self.notify("notifications/initialized", json!({})).await.status, 202);
    }

    pub(crate) fn is_modern(&self) -> bool {
        self.version == MODERN
    }

    pub(crate) fn builder(&self, message: &Value) -> reqwest::RequestBuilder {
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

    pub(crate) fn message(&self, method: &str, mut params: Value) -> Value {
        if self.is_modern() {
            let meta = params.as_object_mut().unwrap().entry("_meta").or_insert_with(|| json!({}));
            meta["io.modelcontextprotocol/protocolVersion"] = json!(MODERN);
            meta["io.modelcontextprotocol/clientCapabilities"] = self.declares.clone();
            meta["io.modelcontextprotocol/clientInfo"] = json!({"name": "t", "version": "1"});
        }
        json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": params})
    }

    pub(crate) async fn request(&self, method: &str, params: Value) -> Reply {
        self.send(self.message(method, params)).await
    }

    /// Sends a request as it is.
    pub(crate) async fn send(&self, message: Value) -> Reply {
        read(self.builder(&message).body(message.to_string()).send().await.unwrap()).await
    }

    pub(crate) async fn notify(&self, method: &str, params: Value) -> Reply {
        let message = json!({"jsonrpc": "2.0", "method": method, "params": params});
        read(self.builder(&message).body(message.to_string()).send().await.unwrap()).await
    }

    pub(crate) async fn call(&self, tool: &str, arguments: Value) -> Reply {
        self.request("tools/call", json!({"name": tool, "arguments": arguments})).await
    }

    /// What a resource holds, parsed.
    pub(crate) async fn resource(&self, uri: &str) -> Value {
        let result = self.request("resources/read", json!({"uri": uri})).await.result();
        serde_json::from_str(result["contents"][0]["text"].as_str().unwrap()).unwrap()
    }

    /// Sends a request whose answer is read message by message.
    pub(crate) async fn stream(&self, message: &Value) -> Stream {
        Stream::of(self.builder(message).body(message.to_string()).send().await.unwrap())
    }

    /// The stream of a GET.
    pub(crate) async fn get(&self) -> Stream {
        let mut builder =
            self.http.get(&self.url).bearer_auth(self.token).header("accept", "text/event-stream");
        if let Some(session) = &self.session {
            builder = builder.header("mcp-session-id", session);
        }
        Stream::of(builder.header("mcp-protocol-version", self.version).send().await.unwrap())
    }

    /// Answers a request of the server.
    pub(crate) async fn answer(&self, request: &Value, answer: (&str, Value)) -> Reply {
        let mut message = json!({"jsonrpc": "2.0", "id": request["id"]});
        message[answer.0] = answer.1;
        let headers = json!({"method": "none", "params": {}});
        read(self.builder(&headers).body(message.to_string()).send().await.unwrap()).await
    }

    pub(crate) async fn delete(&self) -> Reply {
        let mut builder = self.http.delete(&self.url).bearer_auth(self.token);
        if let Some(session) = &self.session {
            builder = builder.header("mcp-session-id", session);
        }
        read(builder.header("mcp-protocol-version", self.version).send().await.unwrap()).await
    }
}

/// An answer in SSE that is read as it comes.
pub(crate) struct Stream {
    pub(crate) status: u16,
    answer: reqwest::Response,
    rest: String,
}

impl Stream {
    fn of(answer: reqwest::Response) -> Self {
        Self { status: answer.status().as_u16(), answer, rest: String::new() }
    }

    /// The next message; none where the stream ended.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some((event, rest)) = self.rest.split_once("\n\n") {
                let data = event
                    .strip_prefix("event: message\ndata: ")
                    .map(|data| serde_json::from_str(data).unwrap());
                self.rest = rest.to_owned();
                if data.is_some() {
                    return data;
                }
                continue;
            }
            let chunk = tokio::time::timeout(DEADLINE, self.answer.chunk()).await.unwrap();
            self.rest.push_str(std::str::from_utf8(&chunk.ok()??).unwrap());
        }
    }
}

//! The raw side: a bare reqwest loop that sends what callsheet sends, and curl.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use callsheet::sandbox::{Entry, OWNER_TOKEN, Options, Sandbox};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;

use super::processes::{DEADLINE, Suite, TOKEN, wall};

/// A request as callsheet sends it.
pub struct Recorded {
    /// Its JSON-RPC method.
    pub method: String,
    headers: HeaderMap,
    body: String,
}

/// The requests that callsheet makes for these steps, as a sandbox of this process sees them.
pub fn record(steps: &str) -> Vec<Recorded> {
    let runtime = runtime();
    let sandbox = runtime.block_on(Sandbox::start(Options::default())).unwrap();
    let suite = Suite::on(&[("orders", &sandbox.url("orders"), TOKEN)]);
    suite.scenario("recorded", "", steps);
    wall(&mut suite.callsheet(&["test"]));
    sandbox.log().entries().iter().map(recorded).collect()
}

/// The `tools/call` that callsheet makes for a step.
pub fn call_of(step: &str) -> Recorded {
    record(step).into_iter().find(|request| request.method == "tools/call").unwrap()
}

fn recorded(entry: &Entry) -> Recorded {
    let mut headers = HeaderMap::new();
    for (name, value) in &entry.headers {
        let value = if name == "authorization" { &format!("Bearer {OWNER_TOKEN}") } else { value };
        if !matches!(name.as_str(), "host" | "content-length" | "connection") {
            let name: HeaderName = name.parse().unwrap();
            headers.insert(name, HeaderValue::from_str(value).unwrap());
        }
    }
    Recorded { method: entry.method.clone().unwrap_or_default(), headers, body: entry.body.to_string() }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap()
}

fn client() -> reqwest::Client {
    let builder = reqwest::Client::builder().no_proxy().tcp_nodelay(true).tls_certs_only([]);
    builder.timeout(DEADLINE).build().unwrap()
}

/// One request, to be sent many times.
pub struct Raw {
    runtime: Runtime,
    request: reqwest::RequestBuilder,
}

impl Raw {
    pub fn new(url: &str, recorded: &Recorded) -> Self {
        let request = client().post(url).headers(recorded.headers.clone()).body(recorded.body.clone());
        let raw = Self { runtime: runtime(), request };
        // Connected, and the server warm.
        raw.calls(1, 1);
        raw
    }

    /// Runs something on the runtime of this loop.
    pub fn wait_for<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// So many loops side by side, each of so many calls.
    pub fn calls(&self, loops: usize, calls: usize) -> Duration {
        let started = Instant::now();
        self.wait_for(async {
            let loops = (0..loops).map(|_| {
                let request = self.request.try_clone().unwrap();
                tokio::spawn(async move {
                    for _ in 0..calls {
                        send(request.try_clone().unwrap()).await;
                    }
                })
            });
            for one in loops.collect::<Vec<_>>() {
                one.await.unwrap();
            }
        });
        started.elapsed()
    }

    /// So many calls, never more than `limit` at once.
    pub async fn limited(&self, calls: usize, limit: usize) {
        let places = Arc::new(Semaphore::new(limit));
        let calls = (0..calls).map(|_| {
            let request = self.request.try_clone().unwrap();
            let places = Arc::clone(&places);
            tokio::spawn(async move {
                let _place = places.acquire_owned().await.unwrap();
                send(request).await;
            })
        });
        for call in calls.collect::<Vec<_>>() {
            call.await.unwrap();
        }
    }
}

/// Sends and reads the whole answer.
async fn send(request: reqwest::RequestBuilder) -> HeaderMap {
    let answer = request.send().await.unwrap();
    assert!(answer.status().is_success(), "HTTP {}", answer.status());
    let headers = answer.headers().clone();
    answer.bytes().await.unwrap();
    headers
}

/// So many cases of an older version side by side.
pub fn legacy_cases(url: &str, count: usize) -> Duration {
    let (runtime, client) = (runtime(), client());
    let started = Instant::now();
    runtime.block_on(async {
        let cases = (0..count).map(|_| tokio::spawn(legacy_case(client.clone(), url.to_owned())));
        for case in cases.collect::<Vec<_>>() {
            case.await.unwrap();
        }
    });
    started.elapsed()
}

/// A session, a call, the session's end.
async fn legacy_case(client: reqwest::Client, url: String) {
    let post = |session: Option<&HeaderValue>, body: &str| {
        let mut request = client
            .post(&url)
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream")
            .body(body.to_owned());
        if let Some(session) = session {
            request = request.header("mcp-session-id", session).header("mcp-protocol-version", "2025-11-25");
        }
        send(request)
    };
    let opened = post(None, r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"raw","version":"0"}}}"#).await;
    let session = opened.get("mcp-session-id");
    post(session, r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#).await;
    post(session, r#"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"trigger-long-running-operation","arguments":{"duration":0.5,"steps":1}}}"#).await;
    let close = client.delete(&url).header("mcp-protocol-version", "2025-11-25");
    send(session.into_iter().fold(close, |close, session| close.header("mcp-session-id", session))).await;
}

/// One curl for all requests, on one connection.
pub fn curl(url: &str, requests: &[Recorded]) -> Command {
    let mut curl = Command::new("curl");
    for (index, request) in requests.iter().enumerate() {
        if index > 0 {
            curl.arg("--next");
        }
        curl.args(["--silent", "--fail", "--output", "/dev/null", "--data-binary", &request.body]);
        for (name, value) in &request.headers {
            curl.args(["--header", &format!("{name}: {}", value.to_str().unwrap())]);
        }
        curl.arg(url);
    }
    curl.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    curl
}

//! A scripted HTTP server on a loopback socket: what it writes is what the test says, to the byte.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// A request as it was read.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) verb: String,
    pub(super) headers: HashMap<String, String>,
    pub(super) body: String,
}

impl Request {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }

    pub(super) fn method(&self) -> String {
        self.json()["method"].as_str().unwrap_or(&self.verb).to_owned()
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// A JSON answer to this request.
    pub(super) fn result(&self, result: Value) -> Reply {
        Reply::json(200, &json!({"jsonrpc": "2.0", "id": self.json()["id"], "result": result}))
    }

    pub(super) fn error(&self, status: u16, code: i64, message: &str) -> Reply {
        let error = json!({"code": code, "message": message});
        Reply::json(status, &json!({"jsonrpc": "2.0", "id": self.json()["id"], "error": error}))
    }

    /// The same as one event of a stream, which then ends.
    pub(super) fn sse(&self, result: Value) -> Reply {
        let message = json!({"jsonrpc": "2.0", "id": self.json()["id"], "result": result});
        Reply::stream(&[message])
    }
}

/// What is done with a request.
#[derive(Clone, Debug)]
pub(super) enum Do {
    Write(Vec<u8>),
    /// Every byte in a packet of its own.
    Trickle(Vec<u8>),
    /// Waits for the test.
    Wait(Arc<Notify>),
    /// Never goes on; ends with the client's connection.
    Hang,
    /// A RST instead of a FIN.
    Reset,
    Close,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Reply(pub(super) Vec<Do>);

impl Reply {
    pub(super) fn raw(text: impl AsRef<[u8]>) -> Self {
        Self(vec![Do::Write(text.as_ref().to_vec())])
    }

    pub(super) fn then(mut self, next: Do) -> Self {
        self.0.push(next);
        self
    }

    pub(super) fn with(status: u16, headers: &str, body: &str) -> Self {
        Self::raw(format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len()))
    }

    pub(super) fn json(status: u16, body: &Value) -> Self {
        Self::with(status, "content-type: application/json\r\n", &body.to_string())
    }

    pub(super) fn accepted() -> Self {
        Self::with(202, "", "")
    }

    pub(super) fn stream_head() -> &'static str {
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    }

    pub(super) fn chunk(text: &str) -> String {
        format!("{:x}\r\n{text}\r\n", text.len())
    }

    pub(super) fn events(messages: &[Value]) -> String {
        messages.iter().map(|message| Self::chunk(&format!("event: message\ndata: {message}\n\n"))).collect()
    }

    pub(super) fn stream(messages: &[Value]) -> Self {
        Self::raw(format!("{}{}0\r\n\r\n", Self::stream_head(), Self::events(messages)))
    }

    /// A stream that stays open.
    pub(super) fn open_stream(messages: &[Value]) -> Self {
        Self::raw(format!("{}{}", Self::stream_head(), Self::events(messages))).then(Do::Hang)
    }
}

type Handler = dyn Fn(&Request, usize) -> Reply + Send + Sync;

pub(super) struct Server {
    pub(super) url: url::Url,
    seen: Arc<Mutex<Vec<Request>>>,
    pub(super) changed: Arc<Notify>,
    /// Connections that ended on the client's side while the server hung.
    pub(super) dropped: Arc<Mutex<usize>>,
    pub(super) connections: Arc<Mutex<usize>>,
}

impl Server {
    /// A server whose handler is given each request, and how many came before it.
    pub(super) async fn start(handler: impl Fn(&Request, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/mcp", listener.local_addr().unwrap()).parse().unwrap();
        let server = Self {
            url,
            seen: Arc::default(),
            changed: Arc::default(),
            dropped: Arc::default(),
            connections: Arc::default(),
        };
        let handler: Arc<Handler> = Arc::new(handler);
        let (seen, changed, dropped) =
            (Arc::clone(&server.seen), Arc::clone(&server.changed), Arc::clone(&server.dropped));
        let connections = Arc::clone(&server.connections);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                *connections.lock().unwrap() += 1;
                socket.set_nodelay(true).unwrap();
                let (handler, seen) = (Arc::clone(&handler), Arc::clone(&seen));
                let (changed, dropped) = (Arc::clone(&changed), Arc::clone(&dropped));
                tokio::spawn(async move { serve(socket, &*handler, &seen, &changed, &dropped).await });
            }
        });
        server
    }

    pub(super) fn seen(&self) -> Vec<Request> {
        self.seen.lock().unwrap().clone()
    }

    pub(super) fn methods(&self) -> Vec<String> {
        self.seen().iter().map(Request::method).collect()
    }

    pub(super) fn count(&self, method: &str) -> usize {
        self.methods().iter().filter(|m| *m == method).count()
    }

    /// Waits until something holds that a request or a dropped connection can change.
    pub(super) async fn until(&self, holds: impl Fn(&Self) -> bool) {
        tokio::time::timeout(Duration::from_secs(20), async {
            loop {
                let changed = self.changed.notified();
                if holds(self) {
                    return;
                }
                changed.await;
            }
        })
        .await
        .expect("the condition never held");
    }
}

async fn serve(
    mut socket: TcpStream,
    handler: &Handler,
    seen: &Mutex<Vec<Request>>,
    changed: &Notify,
    dropped: &Mutex<usize>,
) {
    let mut buffer = Vec::new();
    while let Some(request) = read(&mut socket, &mut buffer).await {
        let number = {
            let mut seen = seen.lock().unwrap();
            seen.push(request.clone());
            seen.len() - 1
        };
        changed.notify_waiters();
        for action in handler(&request, number).0 {
            match action {
                Do::Write(bytes) => {
                    if socket.write_all(&bytes).await.is_err() {
                        return;
                    }
                }
                Do::Trickle(bytes) => {
                    for byte in bytes {
                        if socket.write_all(&[byte]).await.is_err() {
                            return;
                        }
                        tokio::task::yield_now().await;
                    }
                }
                Do::Wait(notify) => notify.notified().await,
                Do::Hang => {
                    let mut rest = [0_u8; 64];
                    while matches!(socket.read(&mut rest).await, Ok(n) if n > 0) {}
                    *dropped.lock().unwrap() += 1;
                    changed.notify_waiters();
                    return;
                }
                Do::Reset => {
                    socket.set_zero_linger().unwrap();
                    return;
                }
                Do::Close => return,
            }
        }
    }
}

async fn read(socket: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Request> {
    loop {
        if let Some(end) = buffer.windows(4).position(|w| w == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
            let mut lines = head.split("\r\n");
            let verb = lines.next()?.split(' ').next()?.to_owned();
            let headers: HashMap<String, String> = lines
                .filter_map(|line| line.split_once(':'))
                .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
                .collect();
            let length: usize = headers.get("content-length").map_or(0, |n| n.parse().unwrap());
            if buffer.len() >= end + 4 + length {
                let body = String::from_utf8_lossy(&buffer[end + 4..end + 4 + length]).into_owned();
                buffer.drain(..end + 4 + length);
                return Some(Request { verb, headers, body });
            }
        }
        let mut piece = [0_u8; 4096];
        match socket.read(&mut piece).await {
            Ok(n) if n > 0 => buffer.extend_from_slice(&piece[..n]),
            _ => return None,
        }
    }
}

//! A small HTTP server whose answers a test writes, to the byte.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;

/// A request as it was read.
pub(crate) struct Request {
    /// The HTTP method.
    pub(crate) verb: String,
    /// What it asks for: a path, or an address where it is asked of a proxy.
    pub(crate) target: String,
    /// The token that came with it.
    pub(crate) token: String,
    /// The body, as it came.
    pub(crate) body: String,
    /// The JSON-RPC message.
    pub(crate) message: serde_json::Value,
}

impl Request {
    /// The JSON-RPC method, else the HTTP method.
    pub(crate) fn method(&self) -> &str {
        self.message.get("method").and_then(|method| method.as_str()).unwrap_or(&self.verb)
    }

    /// A result as a JSON-RPC message.
    pub(crate) fn result(&self, result: &serde_json::Value) -> String {
        serde_json::json!({"jsonrpc": "2.0", "id": self.message.get("id"), "result": result}).to_string()
    }
}

/// An answer: status line and headers after `HTTP/1.1 `, and the body.
pub(crate) fn answer(head: &str, body: &str) -> String {
    format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

/// The opening of a session and its end, as a good server answers them.
pub(crate) fn lifecycle(request: &Request) -> Option<String> {
    let json = "200 OK\r\ncontent-type: application/json";
    match request.method() {
        "initialize" => {
            let version = request.message.pointer("/params/protocolVersion");
            let info = serde_json::json!({"name": "scripted", "version": "1"});
            let result = serde_json::json!({"protocolVersion": version, "capabilities": {"logging": {}}, "serverInfo": info});
            Some(answer(json, &request.result(&result)))
        }
        method if method.starts_with("notifications/") => Some(answer("202 Accepted", "")),
        _ => None,
    }
}

/// Starts a server that lives as long as the test; its address.
pub(crate) fn start(answer: impl Fn(&Request) -> String + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            let answer = Arc::clone(&answer);
            std::thread::spawn(move || serve(socket, &*answer));
        }
    });
    url
}

/// Answers on a connection until it ends.
pub(crate) fn serve(mut socket: impl Read + Write, answer: &dyn Fn(&Request) -> String) -> Option<()> {
    let mut buffer = Vec::new();
    loop {
        let head = loop {
            if let Some(at) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            more(&mut socket, &mut buffer)?;
        };
        let text = String::from_utf8_lossy(buffer.get(..head)?).into_owned();
        let header = |name: &str| {
            let mut lines = text.lines().filter_map(|line| line.split_once(':'));
            lines
                .find(|(known, _)| known.eq_ignore_ascii_case(name))
                .map(|(_, value)| value.trim().to_owned())
        };
        let length: usize = header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        while buffer.len() < head + length {
            more(&mut socket, &mut buffer)?;
        }
        let request = Request {
            verb: text.split(' ').next()?.to_owned(),
            target: text.split(' ').nth(1)?.to_owned(),
            token: header("authorization").unwrap_or_default().trim_start_matches("Bearer ").to_owned(),
            body: String::from_utf8_lossy(buffer.get(head..head + length)?).into_owned(),
            message: serde_json::from_slice(buffer.get(head..head + length)?).unwrap_or_default(),
        };
        buffer.drain(..head + length);
        socket.write_all(answer(&request).as_bytes()).ok()?;
    }
}

fn more(socket: &mut impl Read, buffer: &mut Vec<u8>) -> Option<()> {
    let mut piece = [0; 4096];
    let length = socket.read(&mut piece).ok().filter(|length| *length > 0)?;
    buffer.extend_from_slice(piece.get(..length)?);
    Some(())
}

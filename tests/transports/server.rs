//! A small server behind three doors: stdin and stdout, Streamable HTTP, HTTP+SSE. What it says is the same.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

/// Where messages go.
type Out = Arc<dyn Fn(&Value) + Send + Sync>;

/// What it knows of its client.
#[derive(Default)]
pub(crate) struct Peer {
    /// Its questions.
    waiting: Mutex<HashMap<String, Sender<Value>>>,
    /// Ids of requests that were cancelled.
    cancelled: Mutex<Vec<Value>>,
    /// Ids of requests that listen, and where to.
    listens: Mutex<Vec<(Value, Out)>>,
    modern: bool,
    /// The stream of a door of HTTP+SSE.
    stream: Mutex<Option<Out>>,
}

impl Peer {
    pub(crate) fn new(modern: bool) -> Arc<Self> {
        Arc::new(Self { modern, ..Self::default() })
    }

    fn handle(&self, message: &Value, out: &Out) {
        let Some(method) = message["method"].as_str() else {
            let waits = self.waiting.lock().unwrap().remove(message["id"].as_str().unwrap());
            waits.unwrap().send(message.clone()).unwrap();
            return;
        };
        let params = &message["params"];
        let id = &message["id"];
        let answer = |result: Value| out(&json!({"jsonrpc": "2.0", "id": id, "result": self.result(result)}));
        match method {
            "server/discover" if self.modern => answer(json!({
                "supportedVersions": ["2026-07-28"], "capabilities": capabilities(),
                "ttlMs": 0, "cacheScope": "private"
            })),
            "initialize" if !self.modern => answer(json!({
                "protocolVersion": params["protocolVersion"], "capabilities": capabilities(),
                "serverInfo": {"name": "three doors", "version": "1"}
            })),
            "tools/list" => {
                let tool = |name: &str| json!({"name": name, "inputSchema": {"type": "object"}});
                let tools = ["echo", "progress", "ask", "slow", "cancelled"].map(tool);
                answer(json!({"tools": tools, "ttlMs": 0, "cacheScope": "private"}));
            }
            "tools/call" => {
                if let Some(text) = self.call(params, id, out) {
                    answer(json!({"content": [{"type": "text", "text": text}]}));
                }
            }
            "subscriptions/listen" => {
                self.listens.lock().unwrap().push((id.clone(), Arc::clone(out)));
                let told = json!({"_meta": {SUBSCRIPTION: id}, "notifications": params["notifications"]});
                out(&notification("notifications/subscriptions/acknowledged", told));
            }
            "notifications/cancelled" => {
                self.cancelled.lock().unwrap().push(params["requestId"].clone());
                self.listens.lock().unwrap().retain(|(id, _)| *id != params["requestId"]);
            }
            _ if id.is_null() => {}
            _ => {
                let error = json!({"code": -32601, "message": format!("there is no {method}")});
                out(&json!({"jsonrpc": "2.0", "id": id, "error": error}));
            }
        }
    }

    fn result(&self, mut result: Value) -> Value {
        if self.modern {
            result["resultType"] = "complete".into();
        }
        result
    }

    fn call(&self, params: &Value, id: &Value, out: &Out) -> Option<String> {
        let arguments = &params["arguments"];
        match params["name"].as_str().unwrap() {
            "echo" => {
                let pause = arguments["pause"].as_u64().unwrap_or_default();
                std::thread::sleep(Duration::from_millis(pause));
                Some(arguments["text"].as_str().unwrap().to_owned())
            }
            "progress" => {
                let token = &params["_meta"]["progressToken"];
                for step in 1..=3 {
                    let told = json!({"progressToken": token, "progress": step});
                    out(&notification("notifications/progress", told));
                }
                Some("done".to_owned())
            }
            "change" => {
                let changed = "notifications/tools/list_changed";
                if self.modern {
                    for (id, out) in &*self.listens.lock().unwrap() {
                        out(&notification(changed, json!({"_meta": {SUBSCRIPTION: id}})));
                    }
                } else {
                    out(&notification(changed, json!({})));
                }
                Some("changed".to_owned())
            }
            "ask" => {
                let (sender, receiver) = channel();
                self.waiting.lock().unwrap().insert("q1".to_owned(), sender);
                let params = json!({"messages": [], "maxTokens": 1});
                out(
                    &json!({"jsonrpc": "2.0", "id": "q1", "method": "sampling/createMessage", "params": params}),
                );
                let answer: Value = receiver.recv_timeout(Duration::from_secs(20)).unwrap();
                Some(answer["result"]["content"]["text"].as_str().unwrap().to_owned())
            }
            "slow" => None,
            "cancelled" => {
                // They are on their way beside the request that asks.
                let expected = arguments["count"].as_u64().unwrap_or(1);
                for _ in 0..2000 {
                    if self.cancelled.lock().unwrap().len() as u64 >= expected {
                        break;
                    }
                    std::thread::sleep(Duration::from_millis(5));
                }
                Some(self.cancelled.lock().unwrap().len().to_string())
            }
            "foreign" => {
                out(&json!({"jsonrpc": "2.0", "id": 4711, "result": {"content": []}}));
                Some("mine".to_owned())
            }
            "twice" => {
                let content = json!([{"type": "text", "text": "one"}]);
                let result = self.result(json!({"content": content}));
                out(&json!({"jsonrpc": "2.0", "id": id, "result": result}));
                Some("two".to_owned())
            }
            "environment" => {
                let name = arguments["name"].as_str().unwrap();
                Some(std::env::var(name).unwrap_or_else(|_| "unset".to_owned()))
            }
            "folder" => Some(std::env::current_dir().unwrap().file_name().unwrap().display().to_string()),
            "die" => {
                eprintln!("\u{1b}[31mthe last words\u{1b}[0m");
                std::process::exit(7);
            }
            "abort" => std::process::abort(),
            "tell" => {
                eprintln!("{}", arguments["text"].as_str().unwrap());
                None
            }
            other => panic!("{other}"),
        }
    }
}

const SUBSCRIPTION: &str = "io.modelcontextprotocol/subscriptionId";

fn capabilities() -> Value {
    json!({"tools": {"listChanged": true}, "logging": {}})
}

fn notification(method: &str, params: Value) -> Value {
    json!({"jsonrpc": "2.0", "method": method, "params": params})
}

/// Serves stdin and stdout to the end of stdin.
pub(crate) fn stdio(mode: &str) {
    let peer = Peer::new(mode.contains("modern"));
    let out: Out = Arc::new(|message| {
        let mut stdout = std::io::stdout().lock();
        // Who has gone reads no more.
        let _ = writeln!(stdout, "{message}").and_then(|()| stdout.flush());
    });
    match mode {
        "exits" => {
            eprintln!("no configuration was found");
            std::process::exit(3);
        }
        "rubbish" => loop {
            println!("Listening on stdin …");
            std::thread::sleep(Duration::from_millis(50));
        },
        "long" => loop {
            print!("{}", "x".repeat(1 << 20));
        },
        "banner" => println!("Welcome to the server"),
        "slow-modern" => std::thread::sleep(Duration::from_secs(4)),
        "hangs" => std::thread::sleep(Duration::from_secs(1000)),
        _ => {}
    }
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        let message: Value = serde_json::from_str(&line).unwrap();
        match (mode, message["method"].as_str()) {
            ("dies-when-probed", Some("server/discover")) => std::process::exit(1),
            ("mute-when-probed", Some("server/discover")) => continue,
            _ => {}
        }
        let (peer, out) = (Arc::clone(&peer), Arc::clone(&out));
        std::thread::spawn(move || peer.handle(&message, &out));
    }
    if mode == "stays" {
        std::thread::sleep(Duration::from_secs(1000));
    }
}

/// Serves a door on a free port, as long as the process lives; its address.
pub(crate) fn serve(door: fn(Arc<Peer>, TcpStream, Asked)) -> String {
    serve_as(Peer::new(false), door)
}

/// A request as it was read.
pub(crate) struct Asked {
    verb: String,
    token: String,
    body: String,
}

fn serve_as(peer: Arc<Peer>, door: fn(Arc<Peer>, TcpStream, Asked)) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            let peer = Arc::clone(&peer);
            std::thread::spawn(move || {
                let asked = read(&socket);
                door(peer, socket, asked);
            });
        }
    });
    url
}

fn read(socket: &TcpStream) -> Asked {
    let mut reader = BufReader::new(socket);
    let (mut verb, mut length, mut token) = (String::new(), 0, String::new());
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let Some((name, value)) = line.split_once(':') else {
            if verb.is_empty() {
                line.split(' ').next().unwrap().clone_into(&mut verb);
                continue;
            }
            break;
        };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().unwrap(),
            "authorization" => value.trim().clone_into(&mut token),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    Asked { verb, token, body: String::from_utf8(body).unwrap() }
}

fn reply(mut socket: &TcpStream, head: &str, body: &str) {
    let text =
        format!("HTTP/1.1 {head}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let _ = socket.write_all(text.as_bytes());
}

fn begin_stream(mut socket: &TcpStream) {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
    socket.write_all(head.as_bytes()).unwrap();
}

fn events(socket: TcpStream) -> Out {
    let socket = Mutex::new(socket);
    Arc::new(move |message| {
        let _ = write!(socket.lock().unwrap(), "event: message\ndata: {message}\n\n");
    })
}

/// Streamable HTTP: each request is answered by a stream of its own.
pub(crate) fn streamable(peer: Arc<Peer>, socket: TcpStream, asked: Asked) {
    match asked.verb.as_str() {
        "POST" => {
            let message: Value = serde_json::from_str(&asked.body).unwrap();
            if message["id"].is_null() || message["method"].is_null() {
                reply(&socket, "202 Accepted", "");
                peer.handle(&message, &(Arc::new(|_: &Value| {}) as Out));
                return;
            }
            if message["method"] == "server/discover" {
                return reply(&socket, "404 Not Found", "");
            }
            begin_stream(&socket);
            let kept = socket.try_clone().unwrap();
            peer.handle(&message, &events(socket));
            if message["params"]["name"] == "slow" {
                std::thread::sleep(Duration::from_secs(60));
            }
            let _ = kept.shutdown(std::net::Shutdown::Both);
        }
        _ => reply(&socket, "405 Method Not Allowed", ""),
    }
}

/// HTTP+SSE: everything is answered on one stream. It wants a token on both.
pub(crate) fn sse(peer: Arc<Peer>, socket: TcpStream, asked: Asked) {
    shared(&peer, socket, &asked, true);
}

/// The same of a server that says that it took a message once it has done what that asks.
pub(crate) fn sse_done_first(peer: Arc<Peer>, socket: TcpStream, asked: Asked) {
    shared(&peer, socket, &asked, false);
}

fn shared(peer: &Peer, socket: TcpStream, asked: &Asked, at_once: bool) {
    if asked.token != "Bearer door-token-1" {
        return reply(&socket, "401 Unauthorized", "");
    }
    if asked.verb == "GET" {
        begin_stream(&socket);
        (&socket).write_all(b"event: endpoint\ndata: /mcp?post=1\n\n").unwrap();
        *peer.stream.lock().unwrap() = Some(events(socket));
        return;
    }
    // Who does not know of the stream yet is refused, as a door with two addresses would do.
    let Some(out) = peer.stream.lock().unwrap().clone() else {
        return reply(&socket, "405 Method Not Allowed", "");
    };
    let message = serde_json::from_str(&asked.body).unwrap();
    if at_once {
        reply(&socket, "202 Accepted", "Accepted");
        peer.handle(&message, &out);
    } else {
        peer.handle(&message, &out);
        reply(&socket, "202 Accepted", "Accepted");
    }
}

/// A door whose stream names another machine for its messages.
pub(crate) fn elsewhere(_: Arc<Peer>, socket: TcpStream, asked: Asked) {
    if asked.verb == "GET" {
        begin_stream(&socket);
        (&socket).write_all(b"event: endpoint\ndata: http://127.0.0.1:9/steal\n\n").unwrap();
        std::thread::sleep(Duration::from_secs(20));
        return;
    }
    reply(&socket, "405 Method Not Allowed", "");
}

//! An editor, as far as callsheet's schemas need one: yaml-language-server driven over stdio, with an unsaved
//! document at a time.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// How long an answer may take: the process compiles the schema with the first.
const ANSWER: Duration = Duration::from_secs(60);

pub(crate) struct Editor {
    process: Child,
    to: ChildStdin,
    from: Receiver<Value>,
    messages: u64,
    documents: u64,
}

/// A document that was opened, and what is wrong with it.
pub(crate) struct Opened {
    uri: String,
    text: String,
    pub(crate) problems: Vec<Problem>,
}

/// What the editor underlines.
#[derive(Debug)]
pub(crate) struct Problem {
    /// Counted from one.
    pub(crate) line: u64,
    pub(crate) message: String,
}

/// What the editor offers to write.
#[derive(Debug)]
pub(crate) struct Offer {
    pub(crate) label: String,
    /// What is written, as a snippet.
    pub(crate) inserted: String,
    pub(crate) documentation: String,
}

impl Editor {
    pub(crate) fn start(folder: &Path) -> Self {
        let script = folder.join("npm/node_modules/yaml-language-server/bin/yaml-language-server");
        let mut process = Command::new("node")
            .arg(script)
            .arg("--stdio")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (send, from) = channel();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        // It ends with the process, whose end of the pipe is closed then.
        std::thread::spawn(move || {
            while let Some(message) = read(&mut output) {
                if send.send(message).is_err() {
                    break;
                }
            }
        });
        let to = process.stdin.take().unwrap();
        let mut editor = Self { process, to, from, messages: 0, documents: 0 };
        let plain = json!({"hover": {"contentFormat": ["markdown"]}, "completion": {"completionItem": {}}});
        editor.ask(
            "initialize",
            json!({"processId": null, "rootUri": null, "capabilities": {"textDocument": plain}}),
        );
        editor.tell("initialized", json!({}));
        // The store of schemas is on the network.
        let yaml = json!({
            "validate": true, "hover": true, "completion": true, "schemaStore": {"enable": false},
        });
        editor.tell("workspace/didChangeConfiguration", json!({"settings": {"yaml": yaml}}));
        editor
    }

    /// Opens a text as a document of a folder.
    pub(crate) fn open(&mut self, folder: &Path, text: &str) -> Opened {
        self.documents += 1;
        let uri = format!("file://{}/opened-{}.yaml", folder.display(), self.documents);
        let item = json!({"uri": uri, "languageId": "yaml", "version": 1, "text": text});
        self.tell("textDocument/didOpen", json!({"textDocument": item}));
        let published = self.until(|message| {
            message["method"] == "textDocument/publishDiagnostics" && message["params"]["uri"] == uri
        });
        let problems = published["params"]["diagnostics"].as_array().unwrap().iter().map(|problem| Problem {
            line: problem["range"]["start"]["line"].as_u64().unwrap() + 1,
            message: problem["message"].as_str().unwrap().to_owned(),
        });
        Opened { problems: problems.collect(), uri, text: text.to_owned() }
    }

    /// What is offered where `‸` stood in a text.
    pub(crate) fn offers(&mut self, folder: &Path, text: &str) -> Vec<Offer> {
        let (before, after) = text.split_once('‸').unwrap();
        let opened = self.open(folder, &format!("{before}{after}"));
        let answer = self.at("textDocument/completion", &opened, before.len());
        let items = answer["items"].as_array().unwrap().iter().map(|item| {
            let text = |name: &str| item[name].as_str().unwrap_or_default().to_owned();
            Offer { label: text("label"), inserted: text("insertText"), documentation: text("documentation") }
        });
        items.collect()
    }

    /// What is shown over the first place of `part`.
    pub(crate) fn hover(&mut self, opened: &Opened, part: &str) -> String {
        let answer = self.at("textDocument/hover", opened, opened.text.find(part).unwrap());
        answer["contents"]["value"].as_str().unwrap_or_default().to_owned()
    }

    fn at(&mut self, method: &str, opened: &Opened, offset: usize) -> Value {
        let before = opened.text.get(..offset).unwrap();
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let position = json!({
            "line": before.matches('\n').count(),
            "character": before.get(line_start..).unwrap().encode_utf16().count(),
        });
        self.ask(method, json!({"textDocument": {"uri": opened.uri}, "position": position}))
    }

    fn ask(&mut self, method: &str, params: Value) -> Value {
        self.messages += 1;
        let id = self.messages;
        self.write(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        let answer = self.until(|message| message["id"] == id && message.get("method").is_none());
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].clone()
    }

    fn tell(&mut self, method: &str, params: Value) {
        self.write(&json!({"jsonrpc": "2.0", "method": method, "params": params}));
    }

    fn write(&mut self, message: &Value) {
        let body = message.to_string();
        write!(self.to, "Content-Length: {}\r\n\r\n{body}", body.len()).unwrap();
        self.to.flush().unwrap();
    }

    /// The next message of a kind. What it asks of the editor on the way is answered with nothing.
    fn until(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + ANSWER;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let message = self.from.recv_timeout(left).unwrap();
            if wanted(&message) {
                return message;
            }
            if let (Some(id), Some(_)) = (message.get("id"), message.get("method")) {
                self.write(&json!({"jsonrpc": "2.0", "id": id, "result": null}));
            }
        }
    }
}

impl Drop for Editor {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A message in LSP's framing; none at the end.
fn read(output: &mut impl BufRead) -> Option<Value> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if output.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("Content-Length: ") {
            length = value.parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    output.read_exact(&mut body).ok()?;
    serde_json::from_slice(&body).ok()
}

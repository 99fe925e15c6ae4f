//! A server that says again, wherever a message has room for it, the token that it was sent.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::canary::{Form, json as quoted, secret, token};
use crate::common::scripted::{self, Request, answer, lifecycle};
use crate::{MARK, UNMARK};

const JSON: &str = "200 OK\r\ncontent-type: application/json";
const STREAM: &str = "200 OK\r\ncontent-type: text/event-stream";

/// Everything that the server received and sent, by what the address asks for.
pub(crate) type Record = Arc<Mutex<BTreeMap<String, String>>>;

/// Starts it. Below its address, `/PLACE/FORM` says where it says the token, and how.
pub(crate) fn start() -> (String, Record) {
    let record = Record::default();
    let kept = Arc::clone(&record);
    let url = scripted::start(move |request| {
        if request.target == "/identity_/connect/token" {
            let body = json!({"access_token": token("APP"), "expires_in": 3600});
            return answer(JSON, &body.to_string());
        }
        let mut path = request.target.trim_start_matches("/mcp/").split('/');
        let (place, form) = (path.next().unwrap_or_default(), path.next().unwrap_or_default());
        let form = Form::named(form);
        let sent = say(request, place, form);
        let mut kept = kept.lock().unwrap();
        let kept = kept.entry(format!("{place}-{}", form.name())).or_default();
        // As it is said, and as that was written into a message.
        kept.push_str(&form.of(canary(request)));
        kept.push_str(&sent);
        sent
    });
    (url, record)
}

/// What the request is about: an argument that is said again, else the token.
fn canary(request: &Request) -> &str {
    let argument = request.message.pointer("/params/arguments/canary").and_then(Value::as_str);
    argument.unwrap_or(&request.token)
}

/// A secret that nobody knew before.
fn fresh(request: &Request) -> Option<String> {
    let is_fresh = request.message.pointer("/params/name").and_then(Value::as_str) == Some("fresh");
    is_fresh.then(|| answer(JSON, &request.result(&text(&secret("SAV")))))
}

fn text(text: &str) -> Value {
    json!({"content": [{"type": "text", "text": text}], "isError": false})
}

fn say(request: &Request, place: &str, form: Form) -> String {
    let canary = canary(request);
    let formed = form.of(canary);
    let all = format!("{MARK}{formed}{UNMARK}");
    let initialize = request.method() == "initialize";
    if place == "unopened" && initialize {
        return answer("401 Unauthorized\r\ncontent-type: text/plain", &all);
    }
    if let Some(mut opened) = lifecycle(request) {
        if initialize {
            let version = request.message.pointer("/params/protocolVersion").cloned().unwrap_or_default();
            let (said, plain) = (all.as_str(), json!("1"));
            let (version, name, instructions, head) = match place {
                "version" => (json!(said), plain, json!(""), JSON.to_owned()),
                "info" => (version, json!(said), json!(""), JSON.to_owned()),
                "instructions" => (version, plain, json!(said), JSON.to_owned()),
                "session" => (version, plain, json!(""), format!("{JSON}\r\nmcp-session-id: {said}")),
                _ => return opened,
            };
            let info = json!({"name": name, "version": "1"});
            opened = answer(
                &head,
                &request.result(&json!({"protocolVersion": version, "capabilities": {"tools": {}, "logging": {}}, "serverInfo": info, "instructions": instructions})),
            );
        }
        return opened;
    }
    if request.verb == "DELETE" {
        return answer("200 OK", "");
    }
    if let Some(fresh) = fresh(request) {
        return fresh;
    }
    let id = request.message.get("id");
    let good = |result: &Value| answer(JSON, &request.result(result));
    let event = |message: &Value| format!("data: {message}\n\n");
    let told = |method: &str, params: Value| json!({"jsonrpc": "2.0", "method": method, "params": params});
    let error = |error: Value| json!({"jsonrpc": "2.0", "id": id, "error": error}).to_string();
    let last = request.result(&text(&all));
    match place {
        "text" | "info" | "instructions" | "session" | "version" => good(&text(&all)),
        "json" => good(&text(&json!({"words": [all]}).to_string())),
        "structured" => {
            good(&json!({"content": [], "structuredContent": {"words": [all]}, "isError": false}))
        }
        "key" => good(&json!({"content": [], "isError": false, "_meta": {all: 1}})),
        "tool-error" => good(&json!({"content": [{"type": "text", "text": all}], "isError": true})),
        "resource" => good(&json!({"contents": [{"uri": "x://y", "text": all}]})),
        "blob" => good(&json!({"contents": [{"uri": "x://y", "blob": all}]})),
        "prompt" => good(&json!({"messages": [{"role": "user", "content": {"type": "text", "text": all}}]})),
        "tools" => {
            let schema = json!({"type": "object", "description": all});
            good(&json!({"tools": [{"name": "t", "description": all, "inputSchema": schema}]}))
        }
        "cursor" => good(&json!({"tools": [], "nextCursor": all})),
        "error" => answer(JSON, &error(json!({"code": -32001, "message": all}))),
        "error-data" => {
            answer(JSON, &error(json!({"code": -32001, "message": "x", "data": {"words": [all]}})))
        }
        "error-400" => answer(
            "400 Bad Request\r\ncontent-type: application/json",
            &error(json!({"code": -32600, "message": all})),
        ),
        "header" => answer(&format!("{JSON}\r\nx-said: {all}"), &request.result(&text("x"))),
        "cookie" => answer(&format!("{JSON}\r\nset-cookie: a={all}"), &request.result(&text("x"))),
        "challenge" => answer(&format!("401 Unauthorized\r\nwww-authenticate: Bearer realm={all}"), ""),
        "forbidden" => answer("403 Forbidden\r\ncontent-type: text/plain", &all),
        "retry" => answer(&format!("429 Too Many Requests\r\nretry-after: {all}"), ""),
        "media" => answer(&format!("200 OK\r\ncontent-type: {all}"), "x"),
        "html" => answer("502 Bad Gateway\r\ncontent-type: text/html", &format!("<h1>{all}</h1>")),
        "redirect-302" => answer(&format!("302 Found\r\nlocation: http://127.0.0.1:1/?t={all}"), ""),
        "redirect-307" => answer(&format!("307 Temporary Redirect\r\nlocation: /mcp?t={all}"), ""),
        "no-json" => answer(JSON, &format!("{{\"jsonrpc\": {all}")),
        "id" => answer(JSON, &json!({"jsonrpc": "2.0", "id": all, "result": text("x")}).to_string()),
        "escaped" => {
            // The answer is good JSON, and in its bytes the token does not stand.
            let unit = |unit: u16| format!("\\u{unit:04x}");
            let escaped: String = formed.encode_utf16().map(unit).collect();
            answer(JSON, &last.replace(&quoted(&formed), &escaped))
        }
        "terminal" => {
            let (one, other) = halves(&formed);
            good(&text(&format!("{MARK}{one}\u{1b}[1m{other}{UNMARK}")))
        }
        "log" => {
            let log = told("notifications/message", json!({"level": "info", "data": [all]}));
            answer(STREAM, &(event(&log) + &format!("data: {last}\n\n")))
        }
        "progress" => {
            let params = json!({"progressToken": "p", "progress": 1, "message": all});
            answer(STREAM, &(event(&told("notifications/progress", params)) + &format!("data: {last}\n\n")))
        }
        "event" => {
            let body = format!(": {all}\n\nid: {all}\nevent: {all}\ndata: x\n\ndata: {last}\n\n");
            answer(STREAM, &body)
        }
        "asked" => {
            let params = json!({"messages": [{"role": "user", "content": {"type": "text", "text": all}}], "maxTokens": 1});
            let ask =
                json!({"jsonrpc": "2.0", "id": "q", "method": "sampling/createMessage", "params": params});
            answer(STREAM, &(event(&ask) + &format!("data: {}\n\n", request.result(&text("x")))))
        }
        "chunks" => {
            // Two pieces of the body, and the token in both of them.
            let written = quoted(&formed);
            let (one, other) = halves(&written);
            let (before, behind) = last.split_once(&written).unwrap();
            let pieces = [format!("data: {before}{one}"), format!("{other}{behind}\n\n")];
            let chunk = |piece: &String| format!("{:x}\r\n{piece}\r\n", piece.len());
            let body: String = pieces.iter().map(chunk).collect();
            format!("HTTP/1.1 {STREAM}\r\ntransfer-encoding: chunked\r\n\r\n{body}0\r\n\r\n")
        }
        "lines" => {
            let (one, other) = halves(&formed);
            let body = format!("data: {MARK}{one}\ndata: {other}{UNMARK}\n\ndata: {last}\n\n");
            answer(STREAM, &body)
        }
        "early-end" => {
            format!("HTTP/1.1 {STREAM}\r\ncontent-length: 100000\r\n\r\ndata: {last}\n\ndata: {all}")
        }
        "silent" => {
            let log = event(&told("notifications/message", json!({"level": "info", "data": all})));
            format!("HTTP/1.1 {STREAM}\r\ncontent-length: 100000\r\n\r\n{log}")
        }
        "unopened" => answer("401 Unauthorized", ""),
        other => panic!("{other}"),
    }
}

/// A text in two parts; no escape is taken apart that a parser would refuse alone.
fn halves(text: &str) -> (&str, &str) {
    let mut at = text.len() / 2;
    while text[..at].contains('\\') && !text[..at].ends_with(|c: char| c.is_ascii_alphanumeric()) && at > 1 {
        at -= 1;
    }
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    text.split_at(at)
}

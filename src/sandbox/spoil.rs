//! Spoils single messages of an answer, in the ways that [`Fault`] names: what a client that tests has to see.

use http::header::AUTHORIZATION;
use http::request::Parts;
use serde_json::{Map, Value, json};

use super::fault::Fault;

/// Spoils the answer to one request.
pub(super) struct Spoiler {
    fault: Fault,
    /// The progress token that the request gave.
    token: Option<Value>,
    authorization: String,
}

impl Spoiler {
    /// One for a request, where its fault is of this kind.
    pub(super) fn new(fault: Option<Fault>, parts: &Parts, message: &Value) -> Option<Self> {
        let fault = fault.filter(|fault| {
            matches!(
                fault,
                Fault::ProgressBackwards
                    | Fault::ProgressForeignToken
                    | Fault::LateMessage
                    | Fault::WrongId
                    | Fault::Contradiction
                    | Fault::Undeclared
                    | Fault::EchoToken
            )
        })?;
        let authorization = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        Some(Self {
            fault,
            token: message.pointer("/params/_meta/progressToken").cloned(),
            authorization: authorization.unwrap_or_default().to_owned(),
        })
    }

    /// What comes in the place of a message.
    pub(super) fn spoil(&self, mut message: Value) -> Vec<Value> {
        let answers = message.get("result").is_some() || message.get("error").is_some();
        if !answers {
            return vec![message];
        }
        match self.fault {
            Fault::ProgressBackwards => match &self.token {
                Some(token) => vec![progress(token, 2), progress(token, 1), message],
                None => vec![message],
            },
            Fault::ProgressForeignToken => vec![progress(&json!("nobody-gave-this"), 1), message],
            Fault::LateMessage => {
                let line = json!({"level": "info", "logger": "orders", "data": "too late"});
                let late = match &self.token {
                    Some(token) => progress(token, 1_000_000),
                    None => notification("notifications/message", Some(line)),
                };
                vec![message, late]
            }
            Fault::WrongId => {
                let id = message.get("id").cloned().unwrap_or_default();
                if let Some(members) = message.as_object_mut() {
                    members.insert("id".to_owned(), another(&id));
                }
                vec![message]
            }
            Fault::Contradiction => {
                if let Some(result) = message.get_mut("result").and_then(Value::as_object_mut) {
                    contradict(result);
                }
                vec![message]
            }
            Fault::Undeclared => vec![notification("notifications/resources/list_changed", None), message],
            Fault::EchoToken => {
                if let Some(text) = message.get_mut("result").and_then(first_text) {
                    *text = with(text, &self.authorization);
                }
                vec![message]
            }
            _ => vec![message],
        }
    }
}

fn notification(method: &str, params: Option<Value>) -> Value {
    match params {
        Some(params) => json!({"jsonrpc": "2.0", "method": method, "params": params}),
        None => json!({"jsonrpc": "2.0", "method": method}),
    }
}

fn progress(token: &Value, progress: u32) -> Value {
    let params = json!({"progressToken": token, "progress": progress});
    notification("notifications/progress", Some(params))
}

fn another(id: &Value) -> Value {
    match id.as_i64() {
        Some(number) => json!(number.wrapping_add(1000)),
        None => json!(format!("{}-other", id.as_str().unwrap_or_default())),
    }
}

/// Where both stand, the text is changed, so that the structured content still obeys its schema.
fn contradict(result: &mut Map<String, Value>) {
    let structured = result.contains_key("structuredContent");
    if !structured {
        result.insert("structuredContent".to_owned(), json!({"contradicts": "the text"}));
    } else if let Some(text) = result.get_mut("content").and_then(first_text) {
        *text = json!({"contradicts": "the structured content"}).to_string();
    }
}

/// The first text in it: of a content block, of a resource, of a prompt's message.
fn first_text(value: &mut Value) -> Option<&mut String> {
    match value {
        Value::Object(members) => members.iter_mut().find_map(|(key, member)| {
            if key != "text" {
                return first_text(member);
            }
            match member {
                Value::String(text) => Some(text),
                _ => None,
            }
        }),
        Value::Array(elements) => elements.iter_mut().find_map(first_text),
        _ => None,
    }
}

fn with(text: &str, authorization: &str) -> String {
    match serde_json::from_str(text) {
        Ok(Value::Object(mut members)) => {
            members.insert("authorization".to_owned(), json!(authorization));
            Value::Object(members).to_string()
        }
        _ => format!("{text}\n{authorization}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spoiled(fault: Fault, token: Option<Value>, message: Value) -> Vec<Value> {
        Spoiler { fault, token, authorization: "Bearer t".to_owned() }.spoil(message)
    }

    #[test]
    fn only_answers_are_spoilt() {
        let request = json!({"jsonrpc": "2.0", "id": 0, "method": "roots/list"});
        for fault in Fault::ALL {
            assert_eq!(spoiled(*fault, Some(json!(1)), request.clone()), std::slice::from_ref(&request));
        }
    }

    #[test]
    fn each_fault_does_what_it_says() {
        let answer = |result: Value| json!({"jsonrpc": "2.0", "id": 7, "result": result});
        let text = |text: &str| json!({"content": [{"type": "text", "text": text}]});
        let plain = answer(text("{\"a\":1}"));
        let methods = |messages: &[Value]| {
            messages.iter().map(|message| message["method"].as_str().unwrap_or("answer").to_owned()).collect()
        };
        let of = |fault: Fault, token: Option<Value>| -> Vec<String> {
            methods(&spoiled(fault, token, plain.clone()))
        };
        let (progress, log) = ("notifications/progress", "notifications/message");
        assert_eq!(of(Fault::ProgressBackwards, Some(json!("p"))), [progress, progress, "answer"]);
        assert_eq!(of(Fault::ProgressBackwards, None), ["answer"]);
        assert_eq!(of(Fault::ProgressForeignToken, None), [progress, "answer"]);
        assert_eq!(of(Fault::LateMessage, None), ["answer", log]);
        assert_eq!(of(Fault::LateMessage, Some(json!(1))), ["answer", progress]);
        assert_eq!(of(Fault::Undeclared, None), ["notifications/resources/list_changed", "answer"]);
        assert_eq!(spoiled(Fault::WrongId, None, plain.clone())[0]["id"], 1007);
        let named = json!({"id": "a", "error": {"code": 1, "message": "m"}});
        assert_eq!(spoiled(Fault::WrongId, None, named)[0]["id"], "a-other");
        let result = &spoiled(Fault::Contradiction, None, plain.clone())[0]["result"];
        assert_eq!(result["structuredContent"], json!({"contradicts": "the text"}));
        let both = json!({"content": [{"type": "text", "text": "{}"}], "structuredContent": {}});
        let result = &spoiled(Fault::Contradiction, None, answer(both))[0]["result"];
        assert_eq!(
            (&result["structuredContent"], &result["content"][0]["text"]),
            (&json!({}), &json!("{\"contradicts\":\"the structured content\"}"))
        );
        let echoed = |message: Value| {
            spoiled(Fault::EchoToken, None, message)[0].pointer("/result/content/0/text").cloned()
        };
        assert_eq!(echoed(plain.clone()), Some(json!("{\"a\":1,\"authorization\":\"Bearer t\"}")));
        assert_eq!(echoed(answer(text("hello"))), Some(json!("hello\nBearer t")));
        assert_eq!(echoed(json!({"id": 7, "error": {"code": 1, "message": "m"}})), None);
    }
}

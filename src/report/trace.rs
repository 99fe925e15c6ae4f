//! `--trace`: every exchange whole, as it was sent and as it came, in the manner of `curl -v`.

use std::fmt::Write as _;
use std::io::{self, Write};

use serde_json::Value;

use crate::event::{Event, Kind, StepEnded};
use crate::model::shown_duration;
use crate::run::Consumer;

/// Writes exchanges as text, each with one write, so that two cases do not mix.
#[derive(Debug)]
pub struct Trace<W: Write> {
    out: W,
}

impl<W: Write> Trace<W> {
    /// Writes to `out`.
    pub fn new(out: W) -> Self {
        Self { out }
    }
}

impl<W: Write + Send> Consumer for Trace<W> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        let text = match &event.happening().kind {
            Kind::StepEnded(step) => step_text(step),
            Kind::ToolsListed(listed) => {
                let mut text =
                    format!("* tools of {} as {}, listed for checks\n", listed.server, listed.identity);
                exchange_text(&listed.exchange, &mut text);
                text.push('\n');
                text
            }
            Kind::RunStarted(_)
            | Kind::CaseStarted { .. }
            | Kind::CaseEnded(_)
            | Kind::Diagnosed(_)
            | Kind::RunEnded(_) => {
                return Ok(());
            }
        };
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }

    fn name(&self) -> String {
        "the trace".to_owned()
    }
}

fn step_text(step: &StepEnded) -> String {
    let mut text = format!(
        "* {}, step {}: {}, {} as {}, {}\n",
        step.case,
        step.number,
        step.title,
        step.server,
        step.identity,
        shown_duration(step.duration)
    );
    if let Some(exchange) = &step.exchange {
        exchange_text(exchange, &mut text);
    }
    if let Some(cause) = &step.cause {
        let _ = writeln!(text, "* {cause}");
    }
    text.push('\n');
    text
}

fn exchange_text(exchange: &Value, text: &mut String) {
    if let Some(sent) = exchange.get("sent") {
        let id = sent.get("id").map(|id| format!(" (id {id})")).unwrap_or_default();
        let _ = writeln!(text, "> {}{id}", plain(sent.get("method")));
        headers(sent.get("headers"), "> ", text);
        block(sent.get("params"), "> ", text);
    }
    match exchange.get("http") {
        Some(http) => http_text(http, text),
        None => {
            // A stream that all share is not kept, so what came is told by what it meant.
            for notification in exchange.get("notifications").and_then(Value::as_array).into_iter().flatten()
            {
                let _ = writeln!(text, "< {}", plain(notification.get("method")));
                block(notification.get("params"), "< ", text);
            }
            for name in ["result", "error", "outputs", "order"] {
                block(exchange.get(name), "< ", text);
            }
        }
    }
    // Answers to the server, and what the client did by itself, are messages of their own.
    for name in ["asked", "repairs"] {
        let some = exchange.get(name).and_then(Value::as_array).filter(|list| !list.is_empty());
        for one in some.into_iter().flatten() {
            let _ = writeln!(text, "* {name}: {}", plain(Some(one)));
        }
    }
}

fn http_text(http: &Value, text: &mut String) {
    let _ = writeln!(text, "< HTTP {}", plain(http.get("status")));
    headers(http.get("headers"), "< ", text);
    if let Some(body) = http.get("body") {
        block(Some(&parsed(body)), "< ", text);
    }
    for event in http.get("events").and_then(Value::as_array).into_iter().flatten() {
        for name in ["id", "event", "retry"] {
            if let Some(value) = event.get(name).filter(|value| !value.is_null()) {
                let _ = writeln!(text, "< {name}: {}", plain(Some(value)));
            }
        }
        if let Some(data) = event.get("data") {
            text.push_str("< data:\n");
            block(Some(&parsed(data)), "< ", text);
        }
    }
}

/// JSON inside of text is shown as JSON: it is laid out, not changed.
fn parsed(text: &Value) -> Value {
    text.as_str()
        .and_then(|text| crate::json::parse(text.as_bytes()).ok())
        .filter(|parsed| parsed.inexact.is_empty() && (parsed.value.is_object() || parsed.value.is_array()))
        .map_or_else(|| text.clone(), |parsed| parsed.value)
}

fn headers(headers: Option<&Value>, mark: &str, text: &mut String) {
    for (name, value) in headers.and_then(Value::as_object).into_iter().flatten() {
        let _ = writeln!(text, "{mark}{name}: {}", plain(Some(value)));
    }
}

fn block(value: Option<&Value>, mark: &str, text: &mut String) {
    let shown = match value {
        None | Some(Value::Null) => return,
        Some(Value::String(body)) => body.clone(),
        Some(other) => format!("{other:#}"),
    };
    for line in shown.lines() {
        let _ = writeln!(text, "{mark}{line}");
    }
}

fn plain(value: Option<&Value>) -> String {
    match value {
        None => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::failure::examples;

    #[test]
    fn what_came_beside_the_answer_is_shown_without_http_too() {
        let exchange = serde_json::json!({
            "sent": {"method": "tools/call", "headers": {}},
            "notifications": [{"method": "notifications/progress", "params": {"progress": 1}}],
            "result": {"content": []},
            "asked": [{"method": "roots/list", "result": {"roots": []}}],
            "repairs": ["reopened"],
        });
        let mut text = String::new();
        exchange_text(&exchange, &mut text);
        let shown = "> tools/call\n< notifications/progress\n< {\n<   \"progress\": 1\n< }\n< {\n<   \"content\": []\n< }\n\
                     * asked: {\"method\":\"roots/list\",\"result\":{\"roots\":[]}}\n* repairs: reopened\n";
        assert_eq!(text, shown);
    }

    #[test]
    fn exchanges_are_shown_whole() {
        let mut out = Vec::new();
        let mut trace = Trace::new(&mut out);
        for event in examples::run() {
            trace.event(&event).unwrap();
        }
        insta::assert_snapshot!(String::from_utf8(out).unwrap());
    }
}

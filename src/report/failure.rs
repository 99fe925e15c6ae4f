//! What stands under a failed case: each failed step with everything that is wrong with it, what was sent and
//! what came back, and the command that runs it again. The most important thing first.

#[cfg(test)]
pub(super) mod examples;

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::Value;

use super::layout::{clean, clean_lines, json_lines, lines, shortened};
use crate::diagnostic::{Code, Style, render};
use crate::event::{CaseEnded, StepEnded};
use crate::mcp::Version;
use crate::model::shown_duration;

/// Headers that every request has, with the values that say nothing.
const USUAL_HEADERS: &[(&str, &str)] =
    &[("content-type", "application/json"), ("accept", "application/json, text/event-stream")];

/// What the client puts into the `_meta` of every request of the modern era: it would bury the arguments.
const USUAL_META: &[&str] = &[
    "io.modelcontextprotocol/protocolVersion",
    "io.modelcontextprotocol/clientInfo",
    "io.modelcontextprotocol/clientCapabilities",
];

/// The text under a failed case, without a line break at its end.
#[must_use]
pub fn failure_text(ended: &CaseEnded, style: Style) -> String {
    let mut page = Page { text: String::new(), style };
    page.told(ended);
    page.block(&format!("{} {}\n", page.label("rerun:"), clean(&ended.rerun)));
    page.text.trim_end().to_owned()
}

/// What a case that passed has to tell all the same: warnings and notes. None where it has nothing.
#[must_use]
pub fn warning_text(ended: &CaseEnded, style: Style) -> Option<String> {
    if ended.findings.is_empty() && ended.problems.is_empty() && ended.notes.is_empty() {
        return None;
    }
    let mut page = Page { text: String::new(), style };
    page.text = format!("---- {} ----\n", ended.case);
    page.told(ended);
    Some(page.text)
}

struct Page {
    text: String,
    style: Style,
}

impl Page {
    fn told(&mut self, ended: &CaseEnded) {
        for step in &ended.findings {
            self.step(step);
        }
        for problem in &ended.problems {
            let drawn = render(problem, self.style);
            self.block(&drawn);
        }
        for note in &ended.notes {
            let line = format!("{} {}\n", self.label("note:"), clean(note));
            self.block(&line);
        }
    }

    /// Adds a paragraph: a blank line stands before it.
    fn block(&mut self, text: &str) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text.push_str(text.trim_end());
        self.text.push('\n');
    }

    fn paint(&self, sgr: &str, text: &str) -> String {
        match self.style {
            Style::Plain => text.to_owned(),
            Style::Colour => format!("\u{1b}[{sgr}m{text}\u{1b}[0m"),
        }
    }

    fn label(&self, text: &str) -> String {
        self.paint("1", text)
    }

    fn faint(&self, text: &str) -> String {
        self.paint("2", text)
    }

    fn step(&mut self, step: &StepEnded) {
        let title = format!("step {}: {}", step.number, clean(&step.title));
        let mut header = format!("{}   {}\n", self.label(&title), self.faint(&step.place.to_string()));
        let drawn: Vec<String> = step.problems.iter().map(|problem| render(problem, self.style)).collect();
        header.push_str(&drawn.join("\n"));
        self.block(&header);
        // A warning needs no transcript, and an interruption none either.
        if is_interrupted(step) || !step.has_failed() {
            return;
        }
        let told = |cause: &&String| {
            let problems = step.problems.iter();
            problems
                .flat_map(|problem| problem.notes.iter().chain([&problem.message]))
                .any(|text| text.contains(cause.lines().next().unwrap_or_default()))
        };
        let cause = step.cause.as_ref().filter(|cause| !told(cause));
        let cause = cause.map(|cause| format!("{} {}\n", self.label("cause:"), clean_lines(cause)));
        match &step.exchange {
            // A step that has steps in it sends nothing by itself.
            Some(exchange) if exchange.get("outcome").is_none() => {
                let inner = self.inner(exchange);
                self.block(&inner);
            }
            Some(exchange) => {
                let sent = self.sent(exchange, step);
                self.block(&sent);
                let received = self.received(exchange, cause.as_deref());
                self.block(&received);
            }
            None => cause.iter().for_each(|cause| self.block(cause)),
        }
    }

    /// What the steps in a step came to: their exchanges are events of their own.
    fn inner(&self, exchange: &Value) -> String {
        let mut out = String::new();
        for name in ["outputs", "order"] {
            let Some(value) = exchange.get(name) else { continue };
            let _ = writeln!(out, "{}", self.label(&format!("{name}:")));
            indent(&shortened(json_lines(value)), &mut out);
        }
        out
    }

    fn sent(&self, exchange: &Value, step: &StepEnded) -> String {
        let Some(sent) = exchange.get("sent") else {
            return format!("{} nothing\n", self.label("sent:"));
        };
        let method = sent.get("method").and_then(Value::as_str).unwrap_or_default();
        let purpose = match exchange.get("phase").and_then(Value::as_str) {
            Some("open") => ", to open the session",
            _ => "",
        };
        let identity = match step.identity.as_str() {
            "default" => String::new(),
            other => format!(" as {other}"),
        };
        let mut out = format!(
            "{} {} to {}{}{purpose}\n",
            self.label("sent:"),
            clean(method),
            clean(&step.server),
            clean(&identity)
        );
        match sent.get("params") {
            None | Some(Value::Null) => {}
            Some(params) => indent(&shortened(lines(&without_usual(params))), &mut out),
        }
        let headers = sent.get("headers").and_then(Value::as_object);
        let version = headers.and_then(|headers| headers.get("mcp-protocol-version")?.as_str());
        let is_modern = version.and_then(Version::parse).is_some_and(Version::is_modern);
        for (name, value) in headers.into_iter().flatten() {
            let value = value.as_str().unwrap_or_default();
            // Without sessions it is a hint for who routes the request, and changes nothing for the server.
            let is_hint = is_modern && name == "mcp-session-id";
            if is_hint || USUAL_HEADERS.contains(&(name.as_str(), value)) {
                continue;
            }
            let line = format!("{name}: {value}");
            let _ = writeln!(out, "  {}", self.faint(&clean(&line)));
        }
        out
    }

    fn received(&self, exchange: &Value, cause: Option<&str>) -> String {
        let mut facts = Vec::new();
        match exchange.get("outcome").and_then(Value::as_str) {
            // `await` sends nothing.
            Some("timed_out") if exchange.get("sent").is_none() => {
                facts.push("nothing that was waited for, in time".to_owned());
            }
            Some("timed_out") => facts.push("no whole answer in time".to_owned()),
            Some("closed") => facts.push("the connection was closed before the answer was whole".to_owned()),
            Some("unreachable") => facts.push("nothing, no connection could be made".to_owned()),
            _ => {}
        }
        if let Some(status) = exchange.pointer("/http/status") {
            facts.push(format!("HTTP {status}"));
        }
        if let Some(task) = exchange.get("task") {
            let text = |name: &str| clean(task.get(name).and_then(Value::as_str).unwrap_or_default());
            facts.push(format!("task `{}` {}", text("id"), text("status")));
        }
        if let Some(version) = exchange.get("protocol").and_then(Value::as_str) {
            facts.push(format!("protocol {}", clean(version)));
        }
        if let Some(seconds) = exchange.get("duration").and_then(Value::as_f64) {
            facts.push(format!(
                "after {}",
                shown_duration(Duration::try_from_secs_f64(seconds).unwrap_or_default())
            ));
        }
        let mut out = format!("{} {}\n", self.label("received:"), facts.join(", "));
        out.push_str(cause.unwrap_or_default());
        for (name, shown) in answer(exchange) {
            let _ = writeln!(out, "  {}", self.faint(&format!("{name}:")));
            for line in shortened(shown) {
                let _ = writeln!(out, "    {line}");
            }
        }
        for name in ["repairs", "asked", "notifications"] {
            if let Some(items) =
                exchange.get(name).and_then(Value::as_array).filter(|items| !items.is_empty())
            {
                let told: Vec<String> = items.iter().map(brief).collect();
                let mut line = shortened(vec![told.join(", ")]);
                let _ = writeln!(out, "  {} {}", self.faint(&format!("{name}:")), line.remove(0));
            }
        }
        out
    }
}

/// What a case was doing when it was interrupted is not why it failed.
fn is_interrupted(step: &StepEnded) -> bool {
    !step.problems.is_empty() && step.problems.iter().all(|problem| problem.code == Code::Interrupted)
}

/// Params without what every request has; `--trace` shows that, too.
fn without_usual(params: &Value) -> Value {
    let mut params = params.clone();
    if let Some(members) = params.as_object_mut()
        && let Some(meta) = members.get_mut("_meta").and_then(Value::as_object_mut)
    {
        meta.retain(|name, _| !USUAL_META.contains(&name.as_str()));
        if meta.is_empty() {
            members.shift_remove("_meta");
        }
    }
    params
}

/// The parts of the answer that are worth a look: what the answer says, in the form that is easiest to read.
fn answer(exchange: &Value) -> Vec<(&'static str, Vec<String>)> {
    let mut parts = Vec::new();
    if let Some(error) = exchange.get("error") {
        parts.push(("error", json_lines(error)));
    }
    if exchange.get("is_error").and_then(Value::as_bool) == Some(true) {
        parts.push(("is_error", vec!["true".to_owned()]));
    }
    if let Some(items) = exchange.get("items") {
        parts.push(("items", json_lines(items)));
        return parts;
    }
    // A tool's text that is JSON is an escaped string in the result, which nobody can read.
    let readable = match (exchange.get("json"), exchange.get("text")) {
        (Some(json), _) => Some(("json", json_lines(json))),
        (None, Some(text)) => Some(("text", lines(text))),
        (None, None) => None,
    };
    if let Some(readable) = readable.filter(|_| says_all(exchange)) {
        parts.push(readable);
        if let Some(structured) = exchange.get("structured") {
            parts.push(("structured", json_lines(structured)));
        }
    } else if let Some(result) = exchange.get("result") {
        parts.push(("result", json_lines(result)));
    }
    if !parts.is_empty() {
        return parts;
    }
    // No message: the bytes have to do.
    if let Some(body) = exchange.pointer("/http/body").filter(|body| body.as_str() != Some("")) {
        parts.push(("body", lines(body)));
    }
    if let Some(events) = exchange.pointer("/http/events").and_then(Value::as_array)
        && !events.is_empty()
    {
        parts.push(("events", events.iter().flat_map(json_lines).collect()));
    }
    parts
}

/// Whether the text blocks are all that the result holds.
fn says_all(exchange: &Value) -> bool {
    let Some(result) = exchange.get("result").and_then(Value::as_object) else { return false };
    let text_only = |content: &Value| match content {
        Value::Array(blocks) => {
            blocks.iter().all(|block| block.get("type").and_then(Value::as_str) == Some("text"))
        }
        _ => false,
    };
    // Of a resource the address was sent, and how long it may be kept is seldom what is wrong.
    let one_text = |contents: &Value| match contents.as_array().map(Vec::as_slice) {
        Some([only]) => only.get("text").is_some(),
        _ => false,
    };
    result.iter().all(|(name, value)| match name.as_str() {
        "content" => text_only(value),
        "contents" => one_text(value),
        "isError" | "structuredContent" | "resultType" | "ttlMs" | "cacheScope" => true,
        _ => false,
    })
}

/// A repair is a word; a notification or question is its method.
fn brief(item: &Value) -> String {
    clean(item.as_str().or_else(|| item.get("method").and_then(Value::as_str)).unwrap_or("?"))
}

fn indent(lines: &[String], out: &mut String) {
    for line in lines {
        let _ = writeln!(out, "  {line}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_broken_values() {
        insta::assert_snapshot!(failure_text(&examples::two_mismatches(), Style::Plain));
    }

    #[test]
    fn two_broken_values_in_colour() {
        let text = failure_text(&examples::two_mismatches(), Style::Colour);
        insta::assert_snapshot!(text.replace('\u{1b}', "ESC"));
    }

    #[test]
    fn a_timeout() {
        insta::assert_snapshot!(failure_text(&examples::timeout(), Style::Plain));
    }

    #[test]
    fn unreachable() {
        insta::assert_snapshot!(failure_text(&examples::unreachable(), Style::Plain));
    }

    #[test]
    fn a_refused_session() {
        insta::assert_snapshot!(failure_text(&examples::refused(), Style::Plain));
    }

    #[test]
    fn a_long_answer_and_a_step_that_was_not_run() {
        insta::assert_snapshot!(failure_text(&examples::long_answer(), Style::Plain));
    }

    #[test]
    fn the_modern_era_without_its_usual_metadata() {
        insta::assert_snapshot!(failure_text(&examples::modern(), Style::Plain));
    }

    #[test]
    fn an_interruption_is_short() {
        insta::assert_snapshot!(failure_text(&examples::interrupted(), Style::Plain));
    }

    #[test]
    fn times_are_as_people_say_them() {
        let shown = |micros| shown_duration(Duration::from_micros(micros));
        assert_eq!(
            [shown(20), shown(1_000), shown(12_300), shown(1_240_000)],
            ["less than 1 ms", "1 ms", "12 ms", "1.24 s"]
        );
    }
}

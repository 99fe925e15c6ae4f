//! Events as JSON: the names that `--report jsonl` promises to keep.

use serde_json::{Map, Value, json};

use crate::diagnostic::render_json;
use crate::doctor;
use crate::event::{CaseEnded, Event, Kind, Place, StepEnded, Verdict};

/// An event as a JSON object: `event`, `at` (seconds since the run began), and what it tells.
pub(super) fn event(event: &Event) -> Value {
    let happening = event.happening();
    let mut object = Map::new();
    object.insert("event".to_owned(), name(&happening.kind).into());
    object.insert("at".to_owned(), happening.at.as_secs_f64().into());
    let body = match &happening.kind {
        Kind::RunStarted(started) => json!({
            "run_id": started.run_id,
            "seed": started.seed,
            "selected": started.selected,
            "filtered_out": started.filtered_out,
        }),
        Kind::CaseStarted { case } => json!({ "case": **case }),
        Kind::StepEnded(ended) => step(ended),
        Kind::ToolsListed(listed) => json!({
            "server": listed.server,
            "identity": listed.identity,
            "exchange": listed.exchange,
        }),
        Kind::CaseEnded(ended) => case(ended),
        Kind::Diagnosed(diagnosis) => doctor::object(diagnosis),
        Kind::RunEnded(ended) => json!({
            "passed": ended.passed,
            "failed": ended.failed,
            "ignored": ended.ignored,
            "not_run": ended.not_run,
            "interrupted": ended.interrupted,
        }),
    };
    if let Value::Object(body) = body {
        object.extend(body);
    }
    Value::Object(object)
}

fn name(kind: &Kind) -> &'static str {
    match kind {
        Kind::RunStarted(_) => "run_started",
        Kind::CaseStarted { .. } => "case_started",
        Kind::StepEnded(_) => "step_ended",
        Kind::ToolsListed(_) => "tools_listed",
        Kind::CaseEnded(_) => "case_ended",
        Kind::Diagnosed(_) => "diagnosed",
        Kind::RunEnded(_) => "run_ended",
    }
}

/// The word for how a case ended, and its reason.
fn verdict(verdict: &Verdict) -> (&'static str, Option<&str>) {
    match verdict {
        Verdict::Passed => ("passed", None),
        Verdict::Failed => ("failed", None),
        Verdict::Ignored(reason) | Verdict::Unmet(reason) | Verdict::KnownBug(reason) => {
            ("ignored", Some(reason))
        }
        Verdict::NotRun(reason) => ("not_run", Some(reason)),
    }
}

/// A case's failed steps were events of their own: they are not repeated here.
fn case(ended: &CaseEnded) -> Value {
    let (word, reason) = verdict(&ended.verdict);
    let mut object = Map::new();
    object.insert("case".to_owned(), (*ended.case).into());
    object.insert("title".to_owned(), ended.title.as_str().into());
    put_place(&mut object, &ended.place);
    object.insert("verdict".to_owned(), word.into());
    if let Some(reason) = reason {
        object.insert("reason".to_owned(), reason.into());
    }
    object.insert("duration".to_owned(), ended.duration.as_secs_f64().into());
    put_list(
        &mut object,
        "failed_steps",
        ended
            .findings
            .iter()
            .filter(|step| step.has_failed())
            .map(|step| step.number.as_str().into())
            .collect(),
    );
    put_list(&mut object, "problems", ended.problems.iter().map(render_json).collect());
    put_list(&mut object, "notes", texts(&ended.notes));
    object.insert("rerun".to_owned(), ended.rerun.as_str().into());
    Value::Object(object)
}

fn step(ended: &StepEnded) -> Value {
    let mut object = Map::new();
    object.insert("case".to_owned(), (*ended.case).into());
    object.insert("step".to_owned(), ended.number.as_str().into());
    object.insert("title".to_owned(), ended.title.as_str().into());
    put_place(&mut object, &ended.place);
    object.insert("server".to_owned(), ended.server.as_str().into());
    object.insert("identity".to_owned(), ended.identity.as_str().into());
    object.insert("duration".to_owned(), ended.duration.as_secs_f64().into());
    if let Some(cause) = &ended.cause {
        object.insert("cause".to_owned(), cause.as_str().into());
    }
    put_list(&mut object, "problems", ended.problems.iter().map(render_json).collect());
    if let Some(exchange) = &ended.exchange {
        object.insert("exchange".to_owned(), exchange.clone());
    }
    Value::Object(object)
}

fn put_place(object: &mut Map<String, Value>, place: &Place) {
    object.insert("file".to_owned(), place.path.as_str().into());
    object.insert("line".to_owned(), place.position.line.into());
    object.insert("column".to_owned(), place.position.column.into());
}

fn put_list(object: &mut Map<String, Value>, name: &str, items: Vec<Value>) {
    if !items.is_empty() {
        object.insert(name.to_owned(), items.into());
    }
}

fn texts(lines: &[String]) -> Vec<Value> {
    lines.iter().map(|line| line.as_str().into()).collect()
}

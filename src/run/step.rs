//! One step: session, render, send; then `save`, the implied checks and `expect` are all evaluated.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use super::case::{NoRules, Running, redactor};
use super::implied::{Levels, Subject, http_holds};
use super::save::save;
use super::scheduler::place;
use super::servers::Entry;
use crate::diagnostic::{Code, Diagnostic};
use crate::event::StepEnded;
use crate::exchange::{Exchange, Outcome, Phase, Verb};
use crate::matcher::{Actual, Mismatch};
use crate::mcp::{Operation, SendOptions, Session, SessionConfig};
use crate::model::SessionVerb;
use crate::plan::{Action, Step};
use crate::template::{Template, Tree};

/// How long a step may take unless the suite or the step says.
const STEP_TIMEOUT: Duration = Duration::from_secs(60);

/// How long opening a session may take unless the suite says: hosted servers start slowly.
const START_TIMEOUT: Duration = Duration::from_secs(120);

/// A problem that ends the step before it has an exchange.
type Failed = Box<Diagnostic>;

/// Runs a step and says how it ended.
pub(super) async fn run(running: &mut Running<'_>, index: usize, step: &Step) -> StepEnded {
    let started = Instant::now();
    let (exchange, problems) = match perform(running, step).await {
        Ok(None) => (None, Vec::new()),
        Ok(Some(exchange)) => {
            let problems = judge(running, step, &exchange).await;
            (Some(exchange), problems)
        }
        Err(problem) => (None, vec![*problem]),
    };
    let failed = problems.iter().any(Diagnostic::is_error);
    let shown = failed || running.shared.events().read();
    StepEnded {
        case: Arc::clone(&running.case.name),
        number: index + 1,
        title: step.title.clone(),
        place: place(&running.scenario.document.site(&step.verb.at)),
        server: step.server.clone(),
        identity: step.identity.clone(),
        duration: exchange.as_ref().map_or_else(|| started.elapsed(), |exchange| exchange.duration),
        cause: exchange.as_ref().and_then(|exchange| exchange.cause.clone()),
        exchange: exchange.filter(|_| shown).map(|exchange| exchange.document().clone()),
        problems,
    }
}

/// Sends what the step says. None where nothing is sent.
async fn perform(running: &mut Running<'_>, step: &Step) -> Result<Option<Exchange>, Failed> {
    if let Action::Wait(time) = &step.action {
        let until =
            running.deadline.map_or(Instant::now() + *time, |deadline| deadline.min(Instant::now() + *time));
        tokio::select! {
            () = tokio::time::sleep_until(until) => {}
            () = running.shared.interrupted.cancelled() => {}
        }
        return Ok(None);
    }
    let shared = running.shared;
    let Some(entry) = shared.servers.get(&step.server) else {
        return Err(problem(
            running,
            step,
            Code::UnknownName,
            format!("there is no server `{}`", step.server),
        ));
    };
    let session = session(running, step, entry).await?;
    let limit = running.deadline;
    match &step.action {
        Action::Session(SessionVerb::Open) => {
            waited(running, step, entry.turn()).await?;
            return bounded(running, step, session.open()).await.map(Some);
        }
        Action::Session(SessionVerb::Close) => {
            let deadline = Instant::now() + timeout_of(step, entry);
            return Ok(Some(session.close(limit.map_or(deadline, |limit| limit.min(deadline))).await));
        }
        Action::Http { .. } => {}
        _ => {
            if let Err(exchange) = bounded(running, step, session.begin()).await? {
                return Ok(Some(*exchange));
            }
        }
    }
    enter(running, step, entry, &session).await;
    let operation = operation(running, step)?;
    let mut options = options(running, step)?;
    waited(running, step, entry.turn()).await?;
    let timeout = timeout_of(step, entry);
    options.timeout =
        limit.map_or(timeout, |limit| timeout.min(limit.saturating_duration_since(Instant::now())));
    Ok(Some(session.perform(operation, options).await))
}

/// Holds what the client waits for by itself to the case's deadline and to the interruption.
async fn waited<T>(
    running: &Running<'_>,
    step: &Step,
    waiting: impl Future<Output = T>,
) -> Result<T, Failed> {
    let passed = async {
        match running.deadline {
            Some(deadline) => tokio::time::sleep_until(deadline).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        done = waiting => Ok(done),
        () = running.shared.interrupted.cancelled() => {
            Err(problem(running, step, Code::Interrupted, running.shared.why().to_owned()))
        }
        () = passed => {
            let message = "the case's timeout passed before the step was through".to_owned();
            Err(problem(running, step, Code::TimedOut, message))
        }
    }
}

/// Holds an opening to the case's deadline.
async fn bounded<T>(
    running: &Running<'_>,
    step: &Step,
    opening: impl Future<Output = T>,
) -> Result<T, Failed> {
    let Some(deadline) = running.deadline else { return Ok(opening.await) };
    timeout_at(deadline, opening).await.map_err(|_| {
        let message = "the case's timeout passed while the session was opened".to_owned();
        problem(running, step, Code::TimedOut, message)
    })
}

fn problem(running: &Running<'_>, step: &Step, code: Code, message: String) -> Failed {
    Box::new(Diagnostic::error(code, running.scenario.document.site(&step.verb.at), message))
}

fn timeout_of(step: &Step, entry: &Entry) -> Duration {
    step.timeout.or(entry.model.timeouts.step).unwrap_or(STEP_TIMEOUT)
}

/// The session of the step's server and identity, made on first use.
async fn session(running: &mut Running<'_>, step: &Step, entry: &Entry) -> Result<Arc<Session>, Failed> {
    let key = (step.server.clone(), step.identity.clone());
    if let Some(session) = running.sessions.get(&key) {
        return Ok(Arc::clone(session));
    }
    let shared = running.shared;
    let token = waited(running, step, shared.servers.token(entry, &step.identity)).await?;
    let token = token.map_err(|message| problem(running, step, Code::Credential, message))?;
    let client = waited(running, step, shared.servers.client(entry)).await?;
    let client = client.map_err(|message| problem(running, step, Code::OpenFailed, message))?;
    let session = client.session(SessionConfig {
        identity: step.identity.clone(),
        token,
        version: running.case.version,
        capabilities: running.client_capabilities.clone(),
        info: running.client_info.clone(),
        log: running.scenario.log.clone(),
        responder: Arc::new(NoRules),
        start: entry.model.timeouts.start.unwrap_or(START_TIMEOUT),
        cancel: shared.interrupted.child_token(),
    });
    let session = Arc::new(session);
    running.sessions.insert(key, Arc::clone(&session));
    Ok(session)
}

/// Puts what the step's templates can see of its server and session into the scope.
async fn enter(running: &mut Running<'_>, step: &Step, entry: &Entry, session: &Session) {
    running.scope.set("server", json!({"name": step.server}));
    let Some(facts) = session.facts() else { return };
    running.scope.set("protocol", facts.version.as_str().into());
    let reads_tools = step
        .templates()
        .iter()
        .chain(&step.expected_templates())
        .flat_map(|(_, template)| template.uses())
        .any(|used| used.name == "session" && used.rest.first().is_some_and(|member| member == "tools"));
    let mut seen = json!({
        "id": facts.id,
        "capabilities": facts.capabilities,
        "auth": if entry.model.credential(&step.identity).is_some() { "pat" } else { "none" },
    });
    if reads_tools && let Ok(Ok(tools)) = waited(running, step, session.tools()).await {
        let names: Vec<Value> = tools.items.iter().filter_map(|tool| tool.get("name").cloned()).collect();
        if let Some(seen) = seen.as_object_mut() {
            seen.insert("tools".to_owned(), Value::Array(names));
        }
    }
    running.scope.set("session", seen);
}

fn operation(running: &Running<'_>, step: &Step) -> Result<Operation, Failed> {
    let at = &step.verb.at;
    let text = |template: &Template| {
        template
            .render_text(&running.scope)
            .map_err(|error| Box::new(running.render_problem(&running.scenario.document, at, error)))
    };
    Ok(match &step.action {
        Action::Call { tool, arguments } => {
            Operation::Call { tool: text(tool)?, arguments: value(running, arguments.as_ref())? }
        }
        Action::List(kind) => Operation::List(*kind),
        Action::Read { uri } => Operation::Read { uri: text(uri)? },
        Action::Prompt { name, arguments } => {
            Operation::Prompt { name: text(name)?, arguments: value(running, arguments.as_ref())? }
        }
        Action::Request { method, params } => {
            Operation::Request { method: text(method)?, params: value(running, params.as_ref())? }
        }
        Action::Http { method, body } => Operation::Http {
            method: text(method)?,
            body: value(running, body.as_ref())?.map(|body| match body {
                Value::String(text) => text,
                other => other.to_string(),
            }),
        },
        Action::Session(_) | Action::Wait(_) => {
            return Err(problem(running, step, Code::Verb, "this verb sends nothing by itself".to_owned()));
        }
    })
}

fn value(running: &Running<'_>, tree: Option<&Tree>) -> Result<Option<Value>, Failed> {
    let rendered = tree.map(|tree| tree.render(&running.scope)).transpose();
    rendered.map_err(|(at, error)| Box::new(running.render_problem(&running.scenario.document, &at, error)))
}

fn options(running: &Running<'_>, step: &Step) -> Result<SendOptions, Failed> {
    let members = |value: Option<Value>| match value {
        Some(Value::Object(members)) => members.into_iter().collect::<Vec<_>>(),
        _ => Vec::new(),
    };
    let headers = members(value(running, step.headers.as_ref())?);
    let meta = members(value(running, step.meta.as_ref())?);
    Ok(SendOptions {
        headers: headers
            .into_iter()
            .map(|(name, value)| match value {
                Value::Null => (name, None),
                Value::String(text) => (name, Some(text)),
                other => (name, Some(other.to_string())),
            })
            .collect(),
        meta: meta
            .into_iter()
            .map(|(name, value)| (name, Some(value).filter(|value| !value.is_null())))
            .collect(),
        timeout: Duration::ZERO,
    })
}

/// Everything that is wrong with an exchange, the most important first.
async fn judge(running: &mut Running<'_>, step: &Step, exchange: &Exchange) -> Vec<Diagnostic> {
    if running.shared.interrupted.is_cancelled() && exchange.outcome == Outcome::Closed {
        let why = running.shared.why().to_owned();
        return vec![*problem(running, step, Code::Interrupted, why)];
    }
    let document = Arc::clone(&running.scenario.document);
    let redactor = redactor(running);
    let unsaved: Vec<Diagnostic> = step
        .save
        .iter()
        .filter_map(|entry| save(entry, &document, exchange, &mut running.scope, redactor).err())
        .map(|problem| *problem)
        .collect();
    let mismatches: Vec<Mismatch> = step.expect.as_ref().map_or_else(Vec::new, |expect| {
        let actual = Actual { value: exchange.document(), inexact: exchange.inexact_in_document() };
        expect.compare(actual, &running.scope)
    });
    let places: Vec<String> = mismatches.iter().map(|mismatch| mismatch.actual_at.clone()).collect();
    let (output, unchecked) = match output(running, step, exchange).await {
        Ok(output) => (output, None),
        Err(problem) => (None, Some(*problem)),
    };
    let subject = Subject {
        step,
        site: document.site(&step.verb.at),
        exchange,
        http_holds: http_holds(step, exchange, &places),
        levels: levels(running, step),
        output,
    };
    // Without an answer, or a session, every expectation and every save would fail for that one reason.
    let mut problems = match subject.answered() {
        Err(problem) => vec![*problem],
        Ok(()) => {
            let mut problems = subject.violated();
            problems.extend(unchecked);
            let unopened = problems.iter().any(|problem| problem.code == Code::OpenFailed);
            if !unopened {
                problems.extend(mismatches.iter().map(|mismatch| mismatch.explain(&document)));
                problems.extend(unsaved);
            }
            problems
        }
    };
    explain_refusal(running, step, exchange, &mut problems);
    problems
}

/// 401 and 403 do not say why; where the token came from is the first thing to know.
fn explain_refusal(running: &Running<'_>, step: &Step, exchange: &Exchange, problems: &mut [Diagnostic]) {
    let status = exchange.http.as_ref().map(|http| http.status);
    let (Some(status @ (401 | 403)), Some(first)) = (status, problems.first_mut()) else { return };
    let Some(entry) = running.shared.servers.get(&step.server) else { return };
    first.notes.push(match entry.model.credential(&step.identity) {
        Some(credential) => format!(
            "HTTP {status}: the token of identity `{}` came from {}",
            step.identity,
            credential.describe()
        ),
        None => format!("HTTP {status}: no token was sent, identity `{}` has none", step.identity),
    });
}

fn levels(running: &Running<'_>, step: &Step) -> Levels {
    let server = running.shared.servers.get(&step.server).map(|entry| entry.model.checks).unwrap_or_default();
    Levels::of(&[step.checks, running.scenario.checks, server, running.shared.plan.suite.checks])
}

/// What is wrong by the output schema of the tool that was called, where the check is on and the tool declares one.
async fn output(
    running: &mut Running<'_>,
    step: &Step,
    exchange: &Exchange,
) -> Result<Option<Vec<String>>, Failed> {
    let called = matches!(step.verb.value, Verb::Call | Verb::Request) && exchange.phase == Phase::Step;
    let ignored = levels(running, step).output_schema == crate::model::Level::Ignore;
    if !called || ignored || exchange.is_error() != Some(false) {
        return Ok(None);
    }
    let name = exchange.sent.as_ref().and_then(|sent| sent.params.get("name")?.as_str());
    let session = running.sessions.get(&(step.server.clone(), step.identity.clone())).cloned();
    let (Some(tool), Some(session)) = (name, session) else { return Ok(None) };
    let version = exchange.protocol.as_deref().unwrap_or_default();
    let key = format!("{}\n{}\n{version}\n{tool}", step.server, step.identity);
    let output = match waited(running, step, session.tools()).await? {
        Ok(tools) => running.shared.outputs.of(key, || {
            let tool =
                tools.items.iter().find(|item| item.get("name").and_then(Value::as_str) == Some(tool))?;
            tool.get("outputSchema").cloned()
        }),
        Err(reason) => {
            let note = format!("output schemas were not checked: the tools could not be listed: {reason}");
            if !running.notes.contains(&note) {
                running.notes.push(note);
            }
            None
        }
    };
    let structured = exchange.answer.result.as_ref().and_then(|result| result.get("structuredContent"));
    Ok(match output {
        Some(output) => Some(waited(running, step, output.wrong(structured)).await?),
        None => None,
    })
}

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
use crate::auth::Credential;
use crate::diagnostic::{Code, Diagnostic};
use crate::event::StepEnded;
use crate::exchange::{Exchange, Outcome, Phase, Verb, View};
use crate::matcher::{Actual, Mismatch};
use crate::mcp::{Operation, SendOptions, Session, SessionConfig};
use crate::model::SessionVerb;
use crate::plan::{Action, Reference, Save, Step};
use crate::template::{Template, Tree, Use, with_article};

/// How long a step may take unless the suite or the step says.
const STEP_TIMEOUT: Duration = Duration::from_secs(60);

/// How long opening a session may take unless the suite says: hosted servers start slowly.
const START_TIMEOUT: Duration = Duration::from_secs(120);

/// A problem that ends the step before it has an exchange.
type Failed = Box<Diagnostic>;

/// A step with the server that it meets.
pub(super) struct Current<'a> {
    pub(super) step: &'a Step,
    pub(super) server: String,
    pub(super) identity: String,
}

impl std::ops::Deref for Current<'_> {
    type Target = Step;

    fn deref(&self) -> &Step {
        self.step
    }
}

/// Runs a step and says how it ended.
pub(super) async fn run(running: &mut Running<'_>, index: usize, step: &Step) -> StepEnded {
    let started = Instant::now();
    let step = &running.current(step);
    let (exchange, problems) = match perform(running, step).await {
        Ok(None) => (None, Vec::new()),
        Ok(Some(exchange)) => {
            let problems = judge(running, step, &exchange).await;
            (Some(exchange), problems)
        }
        Err(problem) => {
            step.save.iter().for_each(|save| running.scope.forget(&save.name.value));
            (None, vec![*problem])
        }
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
async fn perform(running: &mut Running<'_>, step: &Current<'_>) -> Result<Option<Exchange>, Failed> {
    running.has_what_it_expects(step)?;
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
    running.scope.set("server", json!({"name": step.server}));
    match &step.action {
        Action::Session(SessionVerb::Open) => {
            turn(running, step, entry).await?;
            return open(running, step, entry, &session).await.map(Some);
        }
        Action::Session(SessionVerb::Close) => return close(running, step, entry, &session).await.map(Some),
        Action::Http { .. } => {}
        _ => {
            let opening = "the session was opened";
            if let Err(exchange) = bounded(running, step, opening, session.begin()).await? {
                return Ok(Some(*exchange));
            }
        }
    }
    enter(running, step, entry, &session).await?;
    let operation = operation(running, step)?;
    let mut options = options(running, step)?;
    turn(running, step, entry).await?;
    options.timeout = running.left(timeout_of(step, entry));
    Ok(Some(session.perform(operation, options).await))
}

/// Opens a session as a step, which may say how long that may take.
async fn open(
    running: &mut Running<'_>,
    step: &Current<'_>,
    entry: &Entry,
    session: &Session,
) -> Result<Exchange, Failed> {
    let limit = running.left(step.timeout.or(entry.model.timeouts.start).unwrap_or(START_TIMEOUT));
    let exchange = session.open(Some(limit)).await;
    enter(running, step, entry, session).await?;
    Ok(exchange)
}

/// Closes a session as a step.
async fn close(
    running: &Running<'_>,
    step: &Current<'_>,
    entry: &Entry,
    session: &Session,
) -> Result<Exchange, Failed> {
    let deadline = Instant::now() + running.left(timeout_of(step, entry));
    let closing = Box::pin(session.close(deadline));
    let exchange = held(running, step, "the session was closed", closing).await?;
    if exchange.protocol.is_none() {
        let message = "there is no session to close: no step before has opened it".to_owned();
        return Err(problem(running, step, Code::Implied, message));
    }
    Ok(exchange)
}

/// Holds what a step waits for to the case's deadline.
async fn bounded<T>(
    running: &Running<'_>,
    step: &Current<'_>,
    what: &str,
    work: impl Future<Output = T>,
) -> Result<T, Failed> {
    let Some(deadline) = running.deadline else { return Ok(work.await) };
    timeout_at(deadline, work).await.map_err(|_| {
        let message = format!("the case's timeout passed while {what}");
        problem(running, step, Code::TimedOut, message)
    })
}

/// Ends with an interruption what does not see it by itself.
async fn stoppable<T>(
    running: &Running<'_>,
    step: &Current<'_>,
    work: impl Future<Output = T>,
) -> Result<T, Failed> {
    tokio::select! {
        biased;
        done = work => Ok(done),
        () = running.shared.interrupted.cancelled() => {
            Err(problem(running, step, Code::Interrupted, running.shared.why().to_owned()))
        }
    }
}

/// Holds what a step waits for to the case's deadline, and ends it with an interruption.
async fn held<T>(
    running: &Running<'_>,
    step: &Current<'_>,
    what: &str,
    work: impl Future<Output = T>,
) -> Result<T, Failed> {
    bounded(running, step, what, stoppable(running, step, work)).await?
}

/// Waits for the server's pace. The wait is billed to nobody, so that the case's clock stands still.
async fn turn(running: &mut Running<'_>, step: &Current<'_>, entry: &Entry) -> Result<(), Failed> {
    let started = Instant::now();
    stoppable(running, step, entry.turn()).await?;
    let waited = started.elapsed();
    running.waited += waited;
    running.deadline = running.deadline.map(|deadline| deadline + waited);
    Ok(())
}

fn problem(running: &Running<'_>, step: &Current<'_>, code: Code, message: String) -> Failed {
    Box::new(Diagnostic::error(code, running.scenario.document.site(&step.verb.at), message))
}

/// A token that cannot be read, with the place in the suite that says where it is.
fn credential_problem(running: &Running<'_>, step: &Current<'_>, entry: &Entry, message: String) -> Failed {
    let mut problem = problem(running, step, Code::Credential, message).label("this step needs it");
    if let Some(document) = &running.shared.plan.suite.document {
        let at = match step.identity.as_str() {
            "default" => entry.model.at().key("auth"),
            other => entry.model.at().key("identities").key(other),
        };
        problem = problem.also(document.site(&at), "it comes from here");
    }
    if let Some(Credential::Env(_)) = entry.model.credential(&step.identity) {
        problem = problem.help("set it in the environment or in `.env`");
    }
    Box::new(problem)
}

fn timeout_of(step: &Current<'_>, entry: &Entry) -> Duration {
    step.timeout.or(entry.model.timeouts.step).unwrap_or(STEP_TIMEOUT)
}

/// The session of the step's server and identity, made on first use.
async fn session(
    running: &mut Running<'_>,
    step: &Current<'_>,
    entry: &Entry,
) -> Result<Arc<Session>, Failed> {
    let key = (step.server.clone(), step.identity.clone());
    if let Some(session) = running.sessions.get(&key) {
        return Ok(Arc::clone(session));
    }
    let shared = running.shared;
    let token =
        held(running, step, "the token was read", shared.servers.token(entry, &step.identity)).await?;
    let token = token.map_err(|message| credential_problem(running, step, entry, message))?;
    let client = held(running, step, "the client was made", shared.servers.client(entry)).await?;
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
async fn enter(
    running: &mut Running<'_>,
    step: &Current<'_>,
    entry: &Entry,
    session: &Session,
) -> Result<(), Failed> {
    let Some(facts) = session.facts() else { return Ok(()) };
    running.scope.set("protocol", facts.version.as_str().into());
    let templates = step.templates().into_iter().chain(step.expected_templates());
    let saved = step.save.iter().flat_map(|save| save.path.templates());
    let read: Vec<&Use> = templates
        .map(|(_, template)| template)
        .chain(saved)
        .flat_map(Template::uses)
        .filter(|used| used.name == "session")
        .collect();
    if read.is_empty() {
        return Ok(());
    }
    let reads_tools = read.iter().any(|used| used.rest.first().is_some_and(|member| member == "tools"));
    let tools = if reads_tools {
        held(running, step, "the tools were listed", session.tools()).await?.ok()
    } else {
        None
    };
    let mut seen = json!({
        "id": facts.id,
        "capabilities": facts.capabilities,
        "auth": if entry.model.credential(&step.identity).is_some() { "pat" } else { "none" },
    });
    if let Some(tools) = tools {
        let names: Vec<Value> = tools.items.iter().filter_map(|tool| tool.get("name").cloned()).collect();
        if let Some(seen) = seen.as_object_mut() {
            seen.insert("tools".to_owned(), Value::Array(names));
        }
    }
    running.scope.set("session", seen);
    Ok(())
}

fn operation(running: &Running<'_>, step: &Current<'_>) -> Result<Operation, Failed> {
    let at = &step.verb.at;
    let text = |template: &Template| {
        template
            .render_text(&running.scope)
            .map_err(|error| Box::new(running.render_problem(&running.scenario.document, at, error)))
    };
    Ok(match &step.action {
        Action::Call { tool, arguments } => {
            Operation::Call { tool: text(tool)?, arguments: object(running, step, arguments.as_ref())? }
        }
        Action::List(kind) => Operation::List(*kind),
        Action::Read { uri } => Operation::Read { uri: text(uri)? },
        Action::Prompt { name, arguments } => {
            Operation::Prompt { name: text(name)?, arguments: object(running, step, arguments.as_ref())? }
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
        Action::Complete { reference, argument, value: typed, context } => {
            let (Reference::Prompt(name, _) | Reference::Resource(name, _)) = reference;
            let name = text(name)?;
            Operation::Complete {
                reference: match reference {
                    Reference::Prompt(..) => json!({"type": "ref/prompt", "name": name}),
                    Reference::Resource(..) => json!({"type": "ref/resource", "uri": name}),
                },
                argument: text(argument)?,
                value: text(typed)?,
                context: value(running, context.as_ref())?,
            }
        }
        Action::Notify { method, params } => {
            Operation::Notify { method: text(method)?, params: value(running, params.as_ref())? }
        }
        Action::Listen { .. }
        | Action::Await { .. }
        | Action::Use { .. }
        | Action::Parallel(_)
        | Action::Defer(_)
        | Action::Session(_)
        | Action::Wait(_) => {
            return Err(problem(running, step, Code::Verb, "this verb sends nothing by itself".to_owned()));
        }
    })
}

fn value(running: &Running<'_>, tree: Option<&Tree>) -> Result<Option<Value>, Failed> {
    let rendered = tree.map(|tree| tree.render(&running.scope)).transpose();
    rendered.map_err(|(at, error)| Box::new(running.render_problem(&running.scenario.document, &at, error)))
}

/// The arguments: an object, or a template that has to yield one.
fn object(running: &Running<'_>, step: &Current<'_>, tree: Option<&Tree>) -> Result<Option<Value>, Failed> {
    match value(running, tree)? {
        Some(other) if !other.is_object() => {
            let message =
                format!("the arguments are an object, and their template gives {}", with_article(&other));
            Err(problem(running, step, Code::RenderFailed, message))
        }
        found => Ok(found),
    }
}

fn options(running: &Running<'_>, step: &Current<'_>) -> Result<SendOptions, Failed> {
    let members = |value: Option<Value>| match value {
        Some(Value::Object(members)) => members.into_iter().collect::<Vec<_>>(),
        _ => Vec::new(),
    };
    let headers = members(value(running, step.headers.as_ref())?);
    let meta = members(value(running, step.meta.as_ref())?);
    let header = |(name, value)| match value {
        Value::Null => Ok((name, None)),
        Value::String(text) => Ok((name, Some(text))),
        Value::Bool(_) | Value::Number(_) => Ok((name, Some(value.to_string()))),
        Value::Array(_) | Value::Object(_) => {
            let what = with_article(&value);
            let message = format!("the header `{name}` is a text, and its template gives {what}");
            let problem = problem(running, step, Code::RenderFailed, message);
            Err(Box::new(problem.help("write `{{ json x }}` for its JSON text")))
        }
    };
    Ok(SendOptions {
        headers: headers.into_iter().map(header).collect::<Result<_, Failed>>()?,
        meta: meta
            .into_iter()
            .map(|(name, value)| (name, Some(value).filter(|value| !value.is_null())))
            .collect(),
        timeout: Duration::ZERO,
        responder: None,
    })
}

/// What `save` and `expect` find wrong.
struct Compared {
    unsaved: Vec<Diagnostic>,
    mismatches: Vec<Mismatch>,
}

impl Compared {
    fn differs(&self) -> bool {
        !self.unsaved.is_empty() || !self.mismatches.is_empty()
    }
}

/// Saves and compares.
fn compare(running: &mut Running<'_>, step: &Current<'_>, view: &View) -> Compared {
    let document = Arc::clone(&running.scenario.document);
    let redactor = redactor(running);
    let save = |entry: &Save| {
        let problem = save(entry, &document, view, &mut running.scope, redactor).err()?;
        // What the name stood for before is not what later steps mean by it.
        running.scope.forget(&entry.name.value);
        Some(*problem)
    };
    let unsaved = step.save.iter().filter_map(save).collect();
    let mismatches = step.expect.as_ref().map_or_else(Vec::new, |expect| {
        expect.compare(Actual { value: &view.value, inexact: &view.inexact }, &running.scope, None)
    });
    Compared { unsaved, mismatches }
}

/// Everything that is wrong with an exchange, the most important first.
async fn judge(running: &mut Running<'_>, step: &Current<'_>, exchange: &Exchange) -> Vec<Diagnostic> {
    if running.shared.interrupted.is_cancelled() && exchange.outcome == Outcome::Closed {
        let why = running.shared.why().to_owned();
        return vec![*problem(running, step, Code::Interrupted, why)];
    }
    let document = Arc::clone(&running.scenario.document);
    let mut compared = match step.reads().filter(|_| !running.shared.events().read()) {
        Some(fields) => compare(running, step, &exchange.part(&fields)),
        None => compare(running, step, exchange.view()),
    };
    if compared.differs() {
        // What is wrong is told with all that is known.
        let whole = compare(running, step, exchange.view());
        if whole.differs() {
            compared = whole;
        }
    }
    let Compared { unsaved, mismatches } = compared;
    let places: Vec<String> = mismatches.iter().map(|mismatch| mismatch.actual_at.clone()).collect();
    let (output, unchecked) = match output(running, step, exchange).await {
        Ok(output) => (output, None),
        Err(problem) => (None, Some(*problem)),
    };
    let subject = Subject {
        step,
        site: document.site(&step.verb.at),
        exchange,
        http_holds: http_holds(step, &places),
        case_is_over: running.is_over(),
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
            // What speaks of the refusal itself is shown: another status than the one that is expected.
            let told =
                mismatches.iter().filter(|mismatch| !unopened || mismatch.actual_at.starts_with("$.http"));
            problems.extend(told.map(|mismatch| mismatch.explain(&document)));
            if !unopened {
                problems.extend(unsaved);
            }
            problems
        }
    };
    explain_refusal(running, step, exchange, &mut problems);
    problems
}

/// 401 and 403 do not say why; where the token came from is the first thing to know.
fn explain_refusal(
    running: &Running<'_>,
    step: &Current<'_>,
    exchange: &Exchange,
    problems: &mut [Diagnostic],
) {
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

fn levels(running: &Running<'_>, step: &Current<'_>) -> Levels {
    let server = running.shared.servers.get(&step.server).map(|entry| entry.model.checks).unwrap_or_default();
    Levels::of(&[step.checks, running.scenario.checks, server, running.shared.plan.suite.checks])
}

/// What is wrong by the output schema of the tool that was called, where the check is on and the tool declares one.
async fn output(
    running: &mut Running<'_>,
    step: &Current<'_>,
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
    let output = match held(running, step, "the tools were listed", session.tools()).await? {
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
        Some(output) => {
            Some(held(running, step, "the structured content was checked", output.wrong(structured)).await?)
        }
        None => None,
    })
}

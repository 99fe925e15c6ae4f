//! One case: its scope, its steps in order, and then its cleanup with a deadline of its own.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::clock::Clock;
use super::conditions::{reads_session, shown, unmet};
use super::defer;
use super::frame::{Frame, promised, template_at};
use super::rules::{self, Rules};
use super::running::Running;
use super::scheduler::{Shared, place};
use super::step::Current;
use super::steps;
use crate::diagnostic::{Code, Diagnostic};
use crate::event::{CaseEnded, Verdict};
use crate::plan::{Action, Case, Scenario, Step};
use crate::source::{Document, Pointer};
use crate::template::{Facts, Scope, Tree};

/// How long closing sessions may take, billed to nobody.
const CLOSING: Duration = Duration::from_secs(3);

/// How long all cleanup may take after an interruption.
const CLEANUP_INTERRUPTED: Duration = Duration::from_secs(8);

/// Runs a case to its end.
pub(super) async fn run(shared: &Shared, case: &Case, scenario: &Scenario) -> CaseEnded {
    let started = Instant::now();
    let mut running = Running::new(shared, case, scenario);
    let deadline = scenario.timeout.map(|timeout| started + timeout);
    let clock = Arc::new(Clock::new(deadline, shared.interrupted.clone()));
    let mut unmet = None;
    match prepare(&mut running, Arc::clone(&clock)) {
        Ok(mut frame) => match Box::pin(requires(&running, &mut frame)).await {
            Ok(None) => Box::pin(perform(&running, &mut frame)).await,
            Ok(reason) => unmet = reason,
            Err(problem) => running.problem(*problem),
        },
        Err(problem) => running.problem(*problem),
    }
    // The verdict and the time are fixed here; what follows is billed to nobody.
    let duration = started.elapsed().saturating_sub(clock.waited());
    Box::pin(defer::run_all(&running, CLEANUP_INTERRUPTED.saturating_sub(CLOSING))).await;
    if let Some(rules) = running.rules.as_ref().filter(|_| unmet.is_none() && !clock.is_stopped()) {
        // Cleanup, too, can make the server ask.
        let failed = running.has_failed();
        rules.problems(failed).into_iter().for_each(|problem| running.problem(problem));
    }
    close(&running).await;
    let told = running.take_told();
    CaseEnded {
        case: Arc::clone(&case.name),
        title: scenario.title.clone(),
        place: place(&scenario.site),
        verdict: match (told.has_failed(), unmet) {
            (true, _) => Verdict::Failed,
            (false, Some(reason)) => Verdict::Unmet(reason),
            (false, None) if told.known_bugs.is_empty() => Verdict::Passed,
            (false, None) => Verdict::KnownBug(told.known_bugs.join(", ")),
        },
        duration,
        findings: told.findings,
        problems: told.problems,
        notes: told.notes,
        rerun: String::new(),
    }
}

/// Fills the scope: the words, the suite's variables, those of the command line, the scenario's.
fn prepare<'a>(running: &mut Running<'a>, clock: Arc<Clock>) -> Result<Frame<'a>, Box<Diagnostic>> {
    let (shared, case, scenario) = (running.shared, running.case, running.scenario);
    let suite = &shared.plan.suite;
    let folder = scenario.path.parent().map(std::path::Path::to_owned).unwrap_or_default();
    let scope = Scope::new(Facts {
        seed: seed_of(shared.config.seed, &case.name),
        now: shared.config.now,
        root: Arc::new(suite.root.clone()),
        folder: Arc::new(folder),
    });
    let mut frame = Frame {
        document: &scenario.document,
        scope,
        server: String::new(),
        identity: String::new(),
        promised: Arc::new(promised(&scenario.steps)),
        prefix: String::new(),
        clock,
        used_at: Vec::new(),
    };
    let environment = shared.servers.environment();
    let mut env = Map::new();
    for name in suite.env.iter().chain(&suite.secrets) {
        if let Some(value) = environment.get(&name.value) {
            env.insert(name.value.clone(), value.into());
        }
    }
    frame.scope.set("env", Value::Object(env));
    frame.scope.set("run", json!({"id": shared.config.run_id}));
    if let Some((rows, index)) = scenario.rows.as_ref().zip(case.row) {
        frame.scope.set("row", rows.value(index)?);
    }
    let target = (frame.chosen(&scenario.server)?, frame.chosen(&scenario.identity)?);
    let at = |choice, key| template_at(choice).cloned().unwrap_or_else(|| Pointer::root().key(key));
    frame.check_target(running, &target, &at(&scenario.server, "server"), &at(&scenario.identity, "as"))?;
    (frame.server, frame.identity) = target;
    frame.scope.set("server", shared.servers.scope(&frame.server));
    if let Some(version) = case.version {
        frame.scope.set("protocol", version.as_str().into());
    }
    let given = &shared.config.vars;
    for (name, value) in given {
        frame.scope.set(name, value.clone());
    }
    let overridden = |name: &str| given.iter().any(|(given, _)| given == name);
    if let Some(document) = &suite.document {
        for (name, tree) in shared.plan.vars.iter().filter(|(name, _)| !overridden(name)) {
            let value = frame.rendered_in(document, tree)?;
            frame.scope.set(name, value);
        }
    }
    for (name, tree) in scenario.vars.iter().filter(|(name, _)| !overridden(name)) {
        let value = frame.rendered(tree)?;
        frame.scope.set(name, value);
    }
    let named = match &scenario.capabilities {
        Some(tree) => object(&frame, &scenario.document, tree, "capabilities")?,
        None => json!({}),
    };
    scenario.each_step(&mut |visit| running.tasks |= visit.step.task().is_some());
    running.tasks &= !rules::takes_extension_away(&named);
    running.client_capabilities = rules::capabilities(&asked_of(scenario), named);
    if !scenario.respond.is_empty() {
        running.rules = Some(Rules::new(&scenario.respond, &scenario.document, frame.scope.fork()));
    }
    if let Some(tree) = &scenario.info {
        running.client_info = object(&frame, &scenario.document, tree, "info")?;
    }
    Ok(frame)
}

/// The methods that the rules of a scenario answer, wherever they stand.
fn asked_of(scenario: &Scenario) -> Vec<&str> {
    fn add<'a>(steps: &'a [Step], methods: &mut Vec<&'a str>) {
        for step in steps {
            methods.extend(step.respond.iter().map(|rule| rule.to.as_str()));
            add(&step.defer, methods);
            match &step.action {
                Action::Use { fragment, .. } => add(&fragment.steps, methods),
                Action::Parallel(branches) => branches.iter().for_each(|branch| add(&branch.steps, methods)),
                Action::Defer(steps) => add(steps, methods),
                _ => {}
            }
        }
    }
    let mut methods: Vec<&str> = scenario.respond.iter().map(|rule| rule.to.as_str()).collect();
    add(&scenario.steps, &mut methods);
    methods
}

/// A part of `client`, which a template may have made something else of.
fn object(frame: &Frame<'_>, document: &Document, tree: &Tree, name: &str) -> Result<Value, Box<Diagnostic>> {
    let value = frame.rendered(tree)?;
    if value.is_object() {
        return Ok(value);
    }
    let site = document.site(&Pointer::root().key("client").key(name));
    let message = format!("`client.{name}` has to be an object, and its template yields {value}");
    Err(Box::new(Diagnostic::error(Code::RenderFailed, site, message)))
}

/// Why the scenario is not for this server and identity; none where it is.
async fn requires<'a>(
    running: &Running<'a>,
    frame: &mut Frame<'a>,
) -> Result<Option<String>, Box<Diagnostic>> {
    let scenario = running.scenario;
    let (Some(requires), Some(first)) = (&scenario.requires, scenario.steps.first()) else { return Ok(None) };
    if reads_session(requires) {
        let target = (frame.server.clone(), frame.identity.clone());
        if let Some(exchange) =
            Current::new(running, frame, first, String::new(), target).sees_session().await?
        {
            let site = scenario.document.key_site(&Pointer::root().key("requires"));
            let message = "what it requires of the session is not known: the session could not be opened";
            let mut problem = Diagnostic::error(Code::OpenFailed, site, message);
            problem.notes.extend(exchange.cause);
            return Err(Box::new(problem));
        }
    }
    frame.has_what_it_asks(&Pointer::root().key("requires"), requires)?;
    Ok(unmet(requires, &frame.scope).map(|mismatch| format!("requires {}", shown(&mismatch))))
}

async fn perform<'a>(running: &Running<'a>, frame: &mut Frame<'a>) {
    let scenario = running.scenario;
    let sequence = steps::run(running, frame, &scenario.steps, scenario.keep_going).await;
    // A last step that was cut short is not good because nothing comes after it.
    if sequence.holds()
        && frame.clock.is_over()
        && let Some(last) = scenario.steps.last()
    {
        let site = scenario.document.site(&last.verb.at);
        let problem = Diagnostic::error(Code::TimedOut, site, steps::over(running));
        running.problem_once(problem.label("the last step"));
    }
}

/// Closes the sessions.
async fn close(running: &Running<'_>) {
    let deadline = Instant::now() + CLOSING;
    let sessions = running.sessions();
    let closing = sessions.iter().map(|session| async move {
        let open = session.facts().is_some();
        let closed = if open { Some(session.close(deadline).await) } else { None };
        (closed, session.settle(deadline).await)
    });
    for (closed, notes) in futures_util::future::join_all(closing).await {
        notes.into_iter().for_each(|note| running.note(note));
        let Some(cause) = closed.and_then(|exchange| exchange.cause) else { continue };
        running.note(format!("a session could not be closed: {cause}"));
    }
}

/// The seed of a case: of the run's seed and the case's name, so that a case alone draws what it drew among
/// others.
fn seed_of(run: u64, name: &str) -> u64 {
    // FNV-1a: stable over versions and machines, unlike the standard hasher.
    name.bytes().fold(run ^ 0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

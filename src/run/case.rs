//! One case: its scope, its sessions, its steps in order, and then its cleanup with a deadline of its own.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::scheduler::{Shared, place};
use super::step;
use crate::auth::Redactor;
use crate::diagnostic::{Code, Diagnostic};
use crate::event::{CaseEnded, StepEnded, Verdict};
use crate::mcp::Session;
use crate::model::shown_duration;
use crate::plan::{Action, Case, Choice, Scenario, Step, within};
use crate::source::{Document, Pointer};
use crate::template::{Facts, RenderError, Scope, Tree};

/// How long closing sessions may take, billed to nobody.
const CLEANUP: Duration = Duration::from_secs(2);

/// The same after an interruption.
const CLEANUP_INTERRUPTED: Duration = Duration::from_secs(8);

/// A case while it runs.
pub(super) struct Running<'a> {
    pub(super) shared: &'a Shared,
    pub(super) case: &'a Case,
    pub(super) scenario: &'a Scenario,
    pub(super) scope: Scope,
    pub(super) sessions: BTreeMap<(String, String), Arc<Session>>,
    pub(super) client_capabilities: Value,
    pub(super) client_info: Value,
    /// Names that some step saves: where one is missing, its step failed.
    pub(super) promised: HashSet<&'a str>,
    pub(super) deadline: Option<Instant>,
    /// How long it waited for its turn, which is billed to nobody.
    pub(super) waited: Duration,
    pub(super) notes: Vec<String>,
    findings: Vec<StepEnded>,
    problems: Vec<Diagnostic>,
}

/// Runs a case to its end.
pub(super) async fn run(shared: &Shared, case: &Case, scenario: &Scenario) -> CaseEnded {
    let started = Instant::now();
    let mut running = Running::new(shared, case, scenario, started);
    if let Err(problem) = running.prepare() {
        running.problems.push(*problem);
    } else {
        running.steps().await;
    }
    // The verdict and the time are fixed here; what follows is billed to nobody.
    let duration = started.elapsed().saturating_sub(running.waited);
    running.cleanup().await;
    let failed = running.has_failed_step() || running.problems.iter().any(Diagnostic::is_error);
    CaseEnded {
        case: Arc::clone(&case.name),
        title: scenario.title.clone(),
        place: place(&scenario.site),
        verdict: if failed { Verdict::Failed } else { Verdict::Passed },
        duration,
        findings: running.findings,
        problems: running.problems,
        notes: running.notes,
        rerun: String::new(),
    }
}

impl<'a> Running<'a> {
    fn new(shared: &'a Shared, case: &'a Case, scenario: &'a Scenario, started: Instant) -> Self {
        let folder = scenario.path.parent().map(std::path::Path::to_owned).unwrap_or_default();
        let scope = Scope::new(Facts {
            seed: seed_of(shared.config.seed, &case.name),
            now: shared.config.now,
            root: Arc::new(shared.plan.suite.root.clone()),
            folder: Arc::new(folder),
        });
        Self {
            shared,
            case,
            scenario,
            scope,
            sessions: BTreeMap::new(),
            client_capabilities: json!({}),
            client_info: json!({"name": "callsheet", "version": env!("CARGO_PKG_VERSION")}),
            promised: scenario
                .steps
                .iter()
                .flat_map(|step| &step.save)
                .map(|save| save.name.value.as_str())
                .collect(),
            deadline: scenario.timeout.map(|timeout| started + timeout),
            waited: Duration::ZERO,
            notes: Vec::new(),
            findings: Vec::new(),
            problems: Vec::new(),
        }
    }

    /// Fills the scope: the words, the suite's variables, those of the command line, the scenario's.
    fn prepare(&mut self) -> Result<(), Box<Diagnostic>> {
        let suite = &self.shared.plan.suite;
        let environment = self.shared.servers.environment();
        let mut env = Map::new();
        for name in suite.env.iter().chain(&suite.secrets) {
            if let Some(value) = environment.get(&name.value) {
                env.insert(name.value.clone(), value.into());
            }
        }
        self.scope.set("env", Value::Object(env));
        self.scope.set("run", json!({"id": self.shared.config.run_id}));
        self.scope.set("server", json!({"name": self.chosen(&self.scenario.server)}));
        if let Some(version) = self.case.version {
            self.scope.set("protocol", version.as_str().into());
        }
        let given = &self.shared.config.vars;
        for (name, value) in given {
            self.scope.set(name, value.clone());
        }
        let overridden = |name: &str| given.iter().any(|(given, _)| given == name);
        if let Some(document) = &suite.document {
            for (name, tree) in self.shared.plan.vars.iter().filter(|(name, _)| !overridden(name)) {
                let value = self.rendered(document, tree)?;
                self.scope.set(name, value);
            }
        }
        let scenario = self.scenario;
        for (name, tree) in scenario.vars.iter().filter(|(name, _)| !overridden(name)) {
            let value = self.rendered(&scenario.document, tree)?;
            self.scope.set(name, value);
        }
        if let Some(tree) = &scenario.capabilities {
            self.client_capabilities = self.object(&scenario.document, tree, "capabilities")?;
        }
        if let Some(tree) = &scenario.info {
            self.client_info = self.object(&scenario.document, tree, "info")?;
        }
        Ok(())
    }

    /// A part of `client`, which a template may have made something else of.
    fn object(&self, document: &Document, tree: &Tree, name: &str) -> Result<Value, Box<Diagnostic>> {
        let value = self.rendered(document, tree)?;
        if value.is_object() {
            return Ok(value);
        }
        let site = document.site(&Pointer::root().key("client").key(name));
        let message = format!("`client.{name}` has to be an object, and its template yields {value}");
        Err(Box::new(Diagnostic::error(Code::RenderFailed, site, message)))
    }

    fn rendered(&self, document: &Document, tree: &Tree) -> Result<Value, Box<Diagnostic>> {
        tree.render(&self.scope).map_err(|(at, error)| Box::new(self.render_problem(document, &at, error)))
    }

    /// What a template that could not be rendered means.
    pub(super) fn render_problem(&self, document: &Document, at: &Pointer, error: RenderError) -> Diagnostic {
        let missing = error.missing.as_deref().unwrap_or_default();
        if self.promised.contains(missing) {
            return self.not_run(at, error.at, missing);
        }
        let site = within(document, at, error.at.clone());
        if let Some(variable) = missing.strip_prefix("env.") {
            return Diagnostic::error(
                Code::RenderFailed,
                site,
                format!("the environment variable `{variable}` is not set"),
            )
            .help("set it in the environment or in `.env`");
        }
        let mut problem = Diagnostic::error(Code::RenderFailed, site, error.message);
        problem.help.extend(error.help);
        problem
    }

    /// A step with the server and identity that it meets.
    pub(super) fn current<'s>(&self, step: &'s Step) -> step::Current<'s> {
        step::Current {
            step,
            server: self.chosen(step.server.as_ref().unwrap_or(&self.scenario.server)),
            identity: self.chosen(step.identity.as_ref().unwrap_or(&self.scenario.identity)),
        }
    }

    fn chosen(&self, choice: &Choice) -> String {
        match choice {
            Choice::Name(name) => name.clone(),
            Choice::Template(template, _) => template.render_text(&self.scope).unwrap_or_default(),
        }
    }

    async fn steps(&mut self) {
        let scenario = self.scenario;
        for (index, step) in scenario.steps.iter().enumerate() {
            if self.shared.interrupted.is_cancelled() {
                let problem = self.stopped(step, Code::Interrupted, self.shared.why().to_owned());
                self.problems.push(problem.label("this step and those after it were not run"));
                return;
            }
            if self.is_over() {
                let problem = self.stopped(step, Code::TimedOut, self.over());
                self.problems.push(problem.label("this step and those after it were not run"));
                return;
            }
            let ended = Box::pin(step::run(self, index, step)).await;
            let failed = ended.problems.iter().any(Diagnostic::is_error);
            if !ended.problems.is_empty() {
                self.findings.push(ended.clone());
            }
            if self.shared.events().read() {
                self.shared.events().send(crate::event::Kind::StepEnded(ended));
            }
            if failed && !scenario.keep_going && !self.shared.interrupted.is_cancelled() {
                return;
            }
        }
        // A last step that was cut short is not good because nothing comes after it.
        let cut = scenario.steps.last().filter(|_| !self.has_failed_step()).and_then(|step| {
            let interrupted =
                self.shared.interrupted.is_cancelled() && matches!(step.action, Action::Wait(_));
            if interrupted {
                return Some(self.stopped(step, Code::Interrupted, self.shared.why().to_owned()));
            }
            self.is_over().then(|| self.stopped(step, Code::TimedOut, self.over()))
        });
        self.problems.extend(cut.map(|problem| problem.label("the last step")));
    }

    fn has_failed_step(&self) -> bool {
        self.findings.iter().any(StepEnded::has_failed)
    }

    /// Whether the case's own timeout has passed.
    pub(super) fn is_over(&self) -> bool {
        self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }

    fn over(&self) -> String {
        let limit = shown_duration(self.scenario.timeout.unwrap_or_default());
        format!("the case's timeout of {limit} has passed")
    }

    /// A limit, or what is left of the case's if that is less.
    pub(super) fn left(&self, limit: Duration) -> Duration {
        self.deadline.map_or(limit, |deadline| limit.min(deadline.saturating_duration_since(Instant::now())))
    }

    fn stopped(&self, step: &Step, code: Code, why: String) -> Diagnostic {
        Diagnostic::error(code, self.scenario.document.site(&step.verb.at), why)
    }

    /// A step that expects what a failed step did not save is not run: nothing good could come of it.
    pub(super) fn has_what_it_expects(&self, step: &Step) -> Result<(), Box<Diagnostic>> {
        let own: HashSet<&str> = step.save.iter().map(|save| save.name.value.as_str()).collect();
        for (at, template) in step.expected_templates() {
            for used in template.uses().iter().filter(|used| !used.optional) {
                let name = used.name.as_str();
                if self.promised.contains(name) && !own.contains(name) && self.scope.get(name).is_none() {
                    return Err(Box::new(self.not_run(&at, used.at.clone(), name)));
                }
            }
        }
        Ok(())
    }

    fn not_run(&self, at: &Pointer, part: std::ops::Range<usize>, name: &str) -> Diagnostic {
        let site = within(&self.scenario.document, at, part);
        Diagnostic::error(
            Code::NotRun,
            site,
            format!("not run: needs `{name}`, which an earlier step did not save"),
        )
    }

    async fn cleanup(&mut self) {
        let limit = if self.shared.interrupted.is_cancelled() { CLEANUP_INTERRUPTED } else { CLEANUP };
        let deadline = Instant::now() + limit;
        let closing = self.sessions.values().map(|session| async move {
            let open = session.facts().is_some();
            let closed = if open { Some(session.close(deadline).await) } else { None };
            (closed, session.settle(deadline).await)
        });
        for (closed, notes) in futures_util::future::join_all(closing).await {
            self.notes.extend(notes);
            let Some(cause) = closed.and_then(|exchange| exchange.cause) else { continue };
            self.notes.push(format!("a session could not be closed: {cause}"));
        }
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

/// The runner answers pings by itself and nothing else yet.
#[derive(Debug)]
pub(super) struct NoRules;

impl crate::mcp::Responder for NoRules {
    fn respond(&self, method: &str, _: &Value) -> (crate::exchange::Answer, bool) {
        let error = json!({"code": -32601, "message": format!("the client does not answer {method}")});
        (crate::exchange::Answer { result: None, error: Some(error) }, true)
    }
}

/// The redactor of the run, for what a step saves as a secret.
pub(super) fn redactor<'a>(running: &Running<'a>) -> &'a Redactor {
    &running.shared.config.redactor
}

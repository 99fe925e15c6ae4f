//! Cleanup: what `defer` registers, and what runs it at the end, last first. It runs after a failure, a timeout and
//! an interruption alike, by a clock of its own; what it could not do is told as left behind.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::clock::Clock;
use super::frame::{Frame, promised};
use super::running::Running;
use super::step::{Attempt, Current};
use super::steps;
use crate::diagnostic::{Code, Diagnostic};
use crate::exchange::{Exchange, Outcome, Phase, Verb};
use crate::plan::{Action, Step};
use crate::source::Site;

/// How much of the arguments of a step a message shows, in characters.
const SHOWN: usize = 240;

/// Registered cleanup.
pub(super) struct Deferred<'a> {
    steps: &'a [Step],
    /// With the names as they were when it was registered.
    frame: Frame<'a>,
    /// The step that it undoes.
    title: &'a str,
    site: Site,
}

/// Whether there is something to clean up behind a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Made {
    Something,
    Nothing,
    /// It had no answer.
    Perhaps,
}

impl<'a> Current<'_, 'a> {
    /// Registers what undoes the step.
    pub(super) fn register(&mut self, attempt: &Attempt) {
        if !attempt.begun {
            return;
        }
        if let Action::Defer(steps) = &self.step.action {
            self.defer(steps);
        }
        let steps = &self.step.defer;
        let Some(exchange) = attempt.exchange.as_ref().filter(|_| !steps.is_empty()) else { return };
        match made(self.step.verb.value, exchange) {
            Made::Nothing => {}
            Made::Something => self.defer(steps),
            Made::Perhaps => self.running.problem(self.perhaps_left_behind(steps)),
        }
    }

    fn defer(&mut self, steps: &'a [Step]) {
        let prefix = format!("defer {}.", self.number);
        let mut frame = self.inner_frame(self.frame.scope.fork(), prefix);
        frame.promised = Arc::new(self.frame.promised.iter().copied().chain(promised(steps)).collect());
        self.running.defer(Deferred { steps, frame, title: &self.step.title, site: self.site() });
    }

    fn perhaps_left_behind(&self, steps: &[Step]) -> Diagnostic {
        let message = format!("`{}` had no answer: what it made may be left behind", self.step.title);
        let problem = Diagnostic::warning(Code::LeftBehind, self.site(), message);
        steps.iter().fold(problem.label("its cleanup was not run"), |problem, step| {
            problem.note(format!("not run: {}", step.title))
        })
    }
}

/// Whether an exchange made something that can be undone.
fn made(verb: Verb, exchange: &Exchange) -> Made {
    let refused = exchange.http.as_ref().is_some_and(|http| http.status >= 400);
    // Raw HTTP and the end of a session have no result by their nature.
    let bare = matches!(verb, Verb::Http | Verb::Session) && !refused;
    match exchange.outcome {
        // Nothing was on its way yet.
        _ if exchange.phase == Phase::Open || exchange.sent.is_none() => Made::Nothing,
        Outcome::Unreachable => Made::Nothing,
        Outcome::TimedOut | Outcome::Closed => Made::Perhaps,
        Outcome::Answered if exchange.is_error() == Some(true) || exchange.answer.error.is_some() => {
            Made::Nothing
        }
        Outcome::Answered if exchange.answer.result.is_some() || bare => Made::Something,
        Outcome::Answered => Made::Nothing,
    }
}

/// Runs everything that was registered, last first. After an interruption it has until `limit` has passed.
pub(super) async fn run_all(running: &Running<'_>, limit: Duration) {
    if !running.has_deferred() {
        return;
    }
    let late = CancellationToken::new();
    for session in running.sessions() {
        session.cancel_by(late.clone());
    }
    let clock = Arc::new(Clock::new(None, late.clone()));
    let mut work = Box::pin(run_stack(running, &clock));
    let interrupted = &running.shared.interrupted;
    tokio::select! {
        biased;
        () = &mut work => return,
        () = async { interrupted.cancelled().await; tokio::time::sleep(limit).await } => late.cancel(),
    }
    // Everything in it sees the token, and what is left is told.
    work.await;
}

async fn run_stack<'a>(running: &Running<'a>, clock: &Arc<Clock>) {
    while let Some(mut deferred) = running.take_deferred() {
        deferred.frame.clock = Arc::clone(clock);
        if !clock.is_stopped() {
            let sequence = steps::run(running, &mut deferred.frame, deferred.steps, true).await;
            if sequence.holds() || !clock.is_stopped() {
                continue;
            }
        }
        running.problem(deferred.left_behind());
    }
}

impl Deferred<'_> {
    fn left_behind(&self) -> Diagnostic {
        let message =
            format!("there was no time left to clean up after `{}`: it may be left behind", self.title);
        let problem = Diagnostic::error(Code::LeftBehind, self.site.clone(), message);
        self.steps.iter().fold(problem.label("this step"), |problem, step| {
            problem.note(format!("not run: {}", self.shown(step)))
        })
    }

    /// A step of it for people, with what it would have sent.
    fn shown(&self, step: &Step) -> String {
        let tree = match &step.action {
            Action::Call { arguments, .. } | Action::Prompt { arguments, .. } => arguments.as_ref(),
            Action::Request { params, .. } | Action::Notify { params, .. } => params.as_ref(),
            Action::Http { body, .. } => body.as_ref(),
            _ => None,
        };
        let Some(value) = tree.and_then(|tree| self.frame.rendered(tree).ok()) else {
            return step.title.clone();
        };
        let text = match value {
            Value::String(text) => text,
            other => other.to_string(),
        };
        let cut = if text.chars().count() > SHOWN { "…" } else { "" };
        format!("{} with {}{cut}", step.title, text.chars().take(SHOWN).collect::<String>())
    }
}

//! One step where it runs: render, send; then `save`, the implied checks and `expect` are all evaluated. What is
//! sent is in `send`, what is made of the answer in `judge`.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::time::{Instant, timeout_at};

use super::frame::Frame;
use super::rules::Rulebook;
use super::running::Running;
use super::scheduler::place;
use super::steps::Ended;
use crate::diagnostic::{Code, Diagnostic, Label};
use crate::event::StepEnded;
use crate::exchange::Exchange;
use crate::mcp::{Operation, SendOptions};
use crate::plan::{Action, Step};
use crate::servers::Entry;
use crate::source::Site;
use crate::template::Scope;

/// A problem that ends the step before it has an exchange.
pub(super) type Failed = Box<Diagnostic>;

/// A step while it runs.
pub(super) struct Current<'h, 'a> {
    pub(super) running: &'h Running<'a>,
    pub(super) frame: &'h mut Frame<'a>,
    pub(super) step: &'a Step,
    /// `3.2`: its place among the steps.
    pub(super) number: String,
    /// The server that it meets.
    pub(super) server: String,
    /// The identity that it uses.
    pub(super) identity: String,
    /// What answers the server on the way to its answer, where it has rules of its own.
    pub(super) rules: Option<Arc<Rulebook>>,
    /// The number of the attempt, with `eventually`.
    pub(super) attempt_number: Option<u64>,
    /// What it asks for, rendered: every attempt sends the same.
    pub(super) rendered: Option<(Operation, SendOptions)>,
}

/// What a step does came to.
pub(super) enum Done {
    /// Nothing was sent, and nothing can be compared.
    Nothing,
    /// An exchange, to be judged.
    Exchange(Box<Exchange>),
    /// A step in it failed, which is told already.
    FailedInside,
}

/// One attempt of a step.
#[derive(Default)]
pub(super) struct Attempt {
    pub(super) exchange: Option<Exchange>,
    pub(super) problems: Vec<Diagnostic>,
    /// Whether it was done at all: rendered, and handed on to be sent.
    pub(super) begun: bool,
    /// Whether a step in it failed, which is told already.
    pub(super) failed_inside: bool,
}

impl Attempt {
    /// Nothing was done, and nothing is wrong.
    pub(super) fn nothing() -> Self {
        Self::default()
    }

    pub(super) fn has_failed(&self) -> bool {
        self.failed_inside || self.problems.iter().any(Diagnostic::is_error)
    }
}

/// Runs a step and tells how it ended. On the heap, since a step can have steps in it.
pub(super) fn run<'h, 'a>(
    running: &'h Running<'a>,
    frame: &'h mut Frame<'a>,
    number: String,
    step: &'a Step,
) -> BoxFuture<'h, Ended<'a>>
where
    'a: 'h,
{
    Box::pin(async move {
        let started = Instant::now();
        let (target, unknown) = match frame.target(running, step) {
            Ok(target) => (target, None),
            Err(problem) => ((frame.server.clone(), frame.identity.clone()), Some(*problem)),
        };
        let mut current = Current::new(running, frame, step, number, target);
        let attempt = match unknown {
            None => current.whole().await,
            Some(problem) => current.not_begun(problem),
        };
        current.register(&attempt);
        let failed = attempt.has_failed();
        let Attempt { exchange, mut problems, begun, .. } = attempt;
        current.say_where_it_is_used(&mut problems);
        let shown = failed || running.shared.events().read();
        running.tell(StepEnded {
            case: Arc::clone(&running.case.name),
            number: current.number.clone(),
            title: step.title.clone(),
            place: place(&current.site()),
            server: current.server,
            identity: current.identity,
            duration: exchange.as_ref().map_or_else(|| started.elapsed(), |exchange| exchange.duration),
            cause: exchange.as_ref().and_then(|exchange| exchange.cause.clone()),
            exchange: exchange.as_ref().filter(|_| shown).map(|exchange| exchange.document().clone()),
            problems,
        });
        Ended { step, begun, failed, exchange, at: Instant::now() }
    })
}

impl<'h, 'a> Current<'h, 'a> {
    /// A step that meets this server as this identity.
    pub(super) fn new(
        running: &'h Running<'a>,
        frame: &'h mut Frame<'a>,
        step: &'a Step,
        number: String,
        (server, identity): (String, String),
    ) -> Self {
        Self {
            running,
            frame,
            step,
            number,
            server,
            identity,
            rules: None,
            attempt_number: None,
            rendered: None,
        }
    }
}

impl<'a> Current<'_, 'a> {
    /// Does what the step says, once, and judges what came of it.
    pub(super) async fn attempt(&mut self) -> Attempt {
        match self.perform().await {
            Ok(Done::Nothing) => Attempt { begun: true, ..Attempt::default() },
            Ok(Done::Exchange(mut exchange)) => {
                exchange.attempts = self.attempt_number;
                let problems = self.judge(&exchange).await;
                Attempt { exchange: Some(*exchange), problems, begun: true, failed_inside: false }
            }
            Ok(Done::FailedInside) => {
                self.forget_saves();
                Attempt { begun: true, failed_inside: true, ..Attempt::default() }
            }
            Err(problem) => self.not_begun(*problem),
        }
    }

    pub(super) fn not_begun(&mut self, problem: Diagnostic) -> Attempt {
        self.forget_saves();
        Attempt { problems: vec![problem], ..Attempt::default() }
    }

    /// A step without an exchange: what its names stood for before is not what later steps mean by them.
    pub(super) fn forget_saves(&mut self) {
        self.step.save.iter().for_each(|save| self.frame.scope.forget(&save.name.value));
    }

    /// A fragment that fails is used by somebody.
    fn say_where_it_is_used(&self, problems: &mut [Diagnostic]) {
        let Some(first) = problems.first_mut() else { return };
        for site in self.frame.used_at.iter().rev() {
            first.labels.push(Label { site: site.clone(), text: "used here".to_owned() });
        }
    }

    async fn perform(&mut self) -> Result<Done, Failed> {
        self.frame.has_what_it_expects(self.step)?;
        match &self.step.action {
            Action::Wait(time) => self.wait(*time).await,
            Action::Use { fragment, with } => self.use_fragment(fragment, with).await,
            Action::Parallel(branches) => Ok(self.run_branches(branches).await),
            Action::Defer(_) => Ok(Done::Nothing),
            _ => Box::pin(self.send()).await.map(|exchange| Done::Exchange(Box::new(exchange))),
        }
    }

    async fn wait(&self, time: Duration) -> Result<Done, Failed> {
        let until = Instant::now() + self.frame.clock.left(time);
        let pause = async {
            tokio::time::sleep_until(until).await;
        };
        self.stoppable(pause).await.map(|()| Done::Nothing)
    }

    /// A frame for steps in this one, which inherit its server and identity.
    pub(super) fn inner_frame(&self, scope: Scope, prefix: String) -> Frame<'a> {
        Frame {
            document: self.frame.document,
            scope,
            server: self.server.clone(),
            identity: self.identity.clone(),
            promised: Arc::clone(&self.frame.promised),
            prefix,
            clock: Arc::clone(&self.frame.clock),
            used_at: self.frame.used_at.clone(),
        }
    }

    /// Holds what a step waits for to the case's deadline.
    pub(super) async fn bounded<T>(&self, what: &str, work: impl Future<Output = T>) -> Result<T, Failed> {
        let Some(deadline) = self.frame.clock.deadline() else { return Ok(work.await) };
        timeout_at(deadline, work).await.map_err(|_| {
            let message = format!("the case's timeout passed while {what}");
            self.problem(Code::TimedOut, message)
        })
    }

    /// Ends with an interruption what does not see it by itself.
    pub(super) async fn stoppable<T>(&self, work: impl Future<Output = T>) -> Result<T, Failed> {
        tokio::select! {
            biased;
            done = work => Ok(done),
            () = self.frame.clock.stop.cancelled() => Err(self.interrupted()),
        }
    }

    /// Holds what a step waits for to the case's deadline, and ends it with an interruption.
    pub(super) async fn held<T>(&self, what: &str, work: impl Future<Output = T>) -> Result<T, Failed> {
        self.bounded(what, self.stoppable(work)).await?
    }

    /// Waits for the server's pace. The wait is billed to nobody, so that the case's clock stands still.
    pub(super) async fn turn(&self, entry: &Entry) -> Result<(), Failed> {
        let _still = self.frame.clock.stand_still();
        self.stoppable(entry.turn()).await
    }

    /// Waits while the server wants to be left alone, in the same way.
    pub(super) async fn welcome(&self, entry: &Entry) -> Result<(), Failed> {
        let _still = self.frame.clock.stand_still();
        self.stoppable(entry.welcome()).await
    }

    pub(super) fn interrupted(&self) -> Failed {
        self.problem(Code::Interrupted, self.running.shared.why().to_owned())
    }

    /// What is wrong with the step as a whole.
    pub(super) fn problem(&self, code: Code, message: impl Into<String>) -> Failed {
        Box::new(Diagnostic::error(code, self.site(), message))
    }

    /// Where the step stands.
    pub(super) fn site(&self) -> Site {
        self.frame.document.site(&self.step.verb.at)
    }
}

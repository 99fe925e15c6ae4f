//! A step as a whole: whether it is run at all (`when`), its attempts (`eventually`), what answers the server
//! meanwhile (`respond`), and what a known bug makes of the outcome.

use std::sync::Arc;

use super::conditions::{reads_session, unmet};
use super::eventually::{Attempts, Ended};
use super::frame::Frame;
use super::known_bug::{self, Ratchet};
use super::rules::{Rulebook, Rules};
use super::step::{Attempt, Current};
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::exchange::Verb;
use crate::plan::Eventually;

impl Current<'_, '_> {
    /// Does what the step says.
    pub(super) async fn whole(&mut self) -> Attempt {
        match self.is_left_out().await {
            Ok(false) => {}
            Ok(true) => return Attempt::nothing(),
            Err(problem) => return self.not_begun(*problem),
        }
        let rules = self.rules();
        self.rules = rules
            .as_ref()
            .map(|rules| Arc::new(Rulebook::new(Some(Arc::clone(rules)), self.running.rules.clone())));
        let mut attempt = match &self.step.eventually {
            Some(rule) => Box::pin(self.attempts(rule)).await,
            None => Box::pin(self.attempt()).await,
        };
        self.explain_questions(&mut attempt);
        if let Some(rules) = rules.filter(|_| !self.frame.clock.is_stopped()) {
            attempt.problems.extend(rules.problems(attempt.has_failed()));
        }
        self.ratchet(attempt)
    }

    /// Whether `when` does not hold.
    async fn is_left_out(&mut self) -> Result<bool, Box<Diagnostic>> {
        let Some(when) = &self.step.when else { return Ok(false) };
        if reads_session(when)
            && let Some(exchange) = self.sees_session().await?
        {
            let opens_none = matches!(
                self.step.verb.value,
                Verb::Wait | Verb::Defer | Verb::Use | Verb::Parallel | Verb::Http
            );
            if !opens_none {
                // The step itself shows why its session could not be opened.
                return Ok(false);
            }
            let message = "what `when` asks of the session is not known: the session could not be opened";
            let mut problem = self.problem(Code::OpenFailed, message);
            problem.notes.extend(exchange.cause);
            return Err(problem);
        }
        self.frame.has_what_it_asks(&self.step.at.key("when"), when)?;
        let left_out = unmet(when, &self.frame.scope).is_some();
        if left_out {
            self.forget_saves();
        }
        Ok(left_out)
    }

    /// The rules of the step itself.
    fn rules(&self) -> Option<Arc<Rules>> {
        let Frame { document, scope, .. } = &*self.frame;
        (!self.step.respond.is_empty()).then(|| Rules::new(&self.step.respond, document, scope.fork()))
    }

    /// Sends the same again until the step holds.
    async fn attempts(&mut self, rule: &Eventually) -> Attempt {
        let mut attempts = Attempts::new(rule);
        loop {
            let number = attempts.begin();
            self.attempt_number = Some(number);
            let mut attempt = self.attempt().await;
            if !attempt.has_failed() || self.frame.clock.is_stopped() || self.frame.clock.is_over() {
                return attempt;
            }
            // What could not be sent once cannot be sent again.
            let Some(exchange) = &attempt.exchange else { return attempt };
            let ended = match attempts.next(exchange, &self.frame.scope) {
                Ok(at) => {
                    let until = at.min(self.frame.clock.deadline().unwrap_or(at));
                    match self.stoppable(tokio::time::sleep_until(until)).await {
                        Ok(()) if self.frame.clock.is_over() => Ended::Late,
                        Ok(()) => continue,
                        Err(problem) => {
                            attempt.problems.insert(0, *problem);
                            return attempt;
                        }
                    }
                }
                Err(ended) => ended,
            };
            attempt.problems.insert(0, attempts.problem(&ended, self.frame.document));
            return attempt;
        }
    }

    /// Says of each question that nothing answers why the rules of its method do not.
    fn explain_questions(&self, attempt: &mut Attempt) {
        let questions = attempt.exchange.iter().flat_map(|exchange| &exchange.asked);
        let unanswered = attempt.problems.iter_mut().filter(|problem| problem.code == Code::Unanswered);
        for (problem, asked) in unanswered.zip(questions.filter(|asked| asked.unexpected)) {
            problem.notes.extend(self.rulebook().why_not(&asked.method, &asked.params));
        }
    }

    /// What answers on the way to this step's answer.
    fn rulebook(&self) -> Arc<Rulebook> {
        self.rules.clone().unwrap_or_else(|| self.running.rulebook())
    }

    fn ratchet(&self, mut attempt: Attempt) -> Attempt {
        let Some(bug) = &self.step.known_bug else { return attempt };
        if let Some(Err(problem)) = bug.when.as_ref().map(|when| self.frame.renders(when)) {
            attempt.problems.push(*problem);
            return attempt;
        }
        let meant = bug.when.as_ref().is_none_or(|when| unmet(when, &self.frame.scope).is_none());
        if !meant || attempt.failed_inside || self.frame.clock.is_stopped() {
            return attempt;
        }
        let now = (self.running.shared.config.now)();
        let problems = std::mem::take(&mut attempt.problems);
        match known_bug::judge(bug, self.frame.document, problems, now) {
            Ratchet::Failed(problems) => attempt.problems = problems,
            Ratchet::Tolerated(reason, mut problems) => {
                problems.iter_mut().for_each(|problem| problem.severity = Severity::Warning);
                self.running.tolerate(reason);
                attempt.problems = problems;
            }
        }
        attempt
    }
}

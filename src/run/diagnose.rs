//! Why a server could not be used: asked once for each server and identity, when the cases are over. It takes none of
//! their places, is bounded in time, and ends with an interruption.

use std::collections::BTreeSet;
use std::sync::PoisonError;
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, timeout};

use super::scheduler::Shared;
use crate::diagnostic::{Code, Diagnostic};
use crate::doctor::{Diagnosis, Question, examine, is_uipath};
use crate::event::{CaseEnded, Event, Kind, StepEnded, Verdict};
use crate::model::Target;
use crate::servers::Entry;

/// How long all of it may take.
const LIMIT: Duration = Duration::from_secs(30);

/// How much longer it may take to say that the time is over.
const GRACE: Duration = Duration::from_secs(3);

/// How long one question may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How many servers and identities are asked.
const MOST: usize = 3;

/// A server and an identity.
pub(super) type Pair = (String, String);

/// Whether a session was not opened, or the tools were not listed.
fn is_unusable(step: &StepEnded) -> bool {
    let Some(exchange) = &step.exchange else {
        let about = |problem: &Diagnostic| matches!(problem.code, Code::Credential | Code::OpenFailed);
        return step.problems.iter().any(about);
    };
    let text = |at: &str| exchange.pointer(at).and_then(Value::as_str);
    let is_listing = text("/sent/method") == Some("tools/list") && exchange.get("result").is_none();
    text("/phase") == Some("open") || is_listing
}

impl Shared {
    /// Remembers what a case could not use.
    pub(super) fn remember(&self, ended: &CaseEnded) {
        if self.config.diagnose {
            let steps = (ended.verdict == Verdict::Failed).then_some(&ended.findings).into_iter().flatten();
            let met = steps.filter(|step| step.has_failed() && is_unusable(step) && self.can_tell_more(step));
            let pairs = met.map(|step| (step.server.clone(), step.identity.clone()));
            self.unusable.lock().unwrap_or_else(PoisonError::into_inner).extend(pairs);
        }
    }

    /// Whether asking again can tell more than the case did. To start a command once more is no question, and who was
    /// silent is silent.
    fn can_tell_more(&self, step: &StepEnded) -> bool {
        let Some(entry) = self.servers.get(&step.server) else { return false };
        let outcome = step.exchange.as_ref().and_then(|exchange| exchange.get("outcome")?.as_str());
        match &entry.model.target {
            Target::Command(_) => false,
            target => is_uipath(target) || outcome != Some("timed_out"),
        }
    }

    /// Asks what was remembered.
    pub(super) async fn diagnose(&self) -> Vec<Event> {
        let pairs: BTreeSet<Pair> =
            std::mem::take(&mut *self.unusable.lock().unwrap_or_else(PoisonError::into_inner));
        let until = Instant::now() + LIMIT;
        let mut told = Vec::new();
        for (server, identity) in pairs.iter().take(MOST) {
            let limit = until.saturating_duration_since(Instant::now());
            if limit.is_zero() {
                break;
            }
            let held = self.servers.get(server).and_then(Entry::held);
            if held.is_some_and(|until| until > Instant::now() + PATIENCE) {
                // It wants to be left alone for longer; the case has told that.
                continue;
            }
            let question = Question {
                servers: &self.servers,
                server,
                identity,
                faults: Vec::new(),
                lack: None,
                call: None,
                now: (self.config.now)(),
                limit,
                patience: PATIENCE,
                cancel: self.interrupted.child_token(),
            };
            let mut watch = |_, _: &_| {};
            let found = tokio::select! {
                biased;
                () = self.interrupted.cancelled() => break,
                found = Box::pin(timeout(limit + GRACE, examine(&question, &mut watch))) => match found {
                    Ok(found) => found,
                    // A command that gives a token may take its time.
                    Err(_) => break,
                },
            };
            told.push(self.events().send(Kind::Diagnosed(Box::new(Diagnosis::of(found)))));
        }
        told
    }
}

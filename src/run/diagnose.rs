//! Why a server could not be used: asked once for each server and identity, when the cases are over. It takes none of
//! their places, is bounded in time, and ends with an interruption.

use std::collections::BTreeSet;
use std::sync::PoisonError;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::scheduler::Shared;
use crate::diagnostic::{Code, Diagnostic};
use crate::doctor::{Diagnosis, Question, examine};
use crate::event::{CaseEnded, Event, Kind, StepEnded, Verdict};

/// How long all of it may take.
const LIMIT: Duration = Duration::from_secs(30);

/// How many servers and identities are asked.
const MOST: usize = 3;

/// A server and an identity.
pub(super) type Pair = (String, String);

/// What a case could not use: where a session was not opened, or the tools were not listed, and nobody expected it.
pub(super) fn unusable(ended: &CaseEnded) -> impl Iterator<Item = Pair> {
    let steps = (ended.verdict == Verdict::Failed).then_some(&ended.findings);
    let met = |step: &&StepEnded| step.has_failed() && !step.server.is_empty() && is_unusable(step);
    steps.into_iter().flatten().filter(met).map(|step| (step.server.clone(), step.identity.clone()))
}

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
            self.unusable.lock().unwrap_or_else(PoisonError::into_inner).extend(unusable(ended));
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
            let question = Question {
                servers: &self.servers,
                server,
                identity,
                faults: Vec::new(),
                lack: None,
                call: None,
                now: (self.config.now)(),
                limit,
                cancel: self.interrupted.child_token(),
            };
            let mut watch = |_, _: &_| {};
            let found = tokio::select! {
                biased;
                () = self.interrupted.cancelled() => break,
                found = Box::pin(examine(&question, &mut watch)) => found,
            };
            told.push(self.events().send(Kind::Diagnosed(Box::new(Diagnosis::of(found)))));
        }
        told
    }
}

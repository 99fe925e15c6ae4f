//! What a failed step is told beside what is wrong with it: the likely cause, where what is known of the server points
//! to one.

use super::step::Current;
use crate::diagnostic::Diagnostic;
use crate::exchange::{Exchange, Outcome, Phase};
use crate::uipath::FailedCall;

impl Current<'_, '_> {
    /// Why a call likely failed.
    pub(super) async fn explain_call(&self, exchange: &Exchange, problems: &mut [Diagnostic]) {
        let Some(first) = problems.iter_mut().find(|problem| problem.is_error()) else { return };
        let (Some(entry), Some(sent)) = (self.entry(), &exchange.sent) else { return };
        let answer = &exchange.answer;
        let failed = answer.error.is_some()
            || exchange.is_error() == Some(true)
            || exchange.outcome == Outcome::TimedOut;
        let Some(tool) = sent.params.get("name").and_then(|name| name.as_str()) else { return };
        if !failed || sent.method != "tools/call" || exchange.phase != Phase::Step {
            return;
        }
        let marked = entry.model.is_activity(tool).is_some();
        if !marked && !entry.model.is_like_uipath() {
            return;
        }
        let said = answer.result.as_ref().or(answer.error.as_ref()).map(ToString::to_string);
        let call = FailedCall {
            tool,
            auth: self.running.shared.servers.auth(entry, &self.identity).await,
            marked,
            said: said.as_deref().unwrap_or_default(),
            took: exchange.duration,
        };
        for cause in call.causes() {
            first.notes.push(cause.note);
            first.help.push(cause.help.to_owned());
        }
    }
}

//! What a failed step is told beside what is wrong with it: the likely cause, where what is known of the server points
//! to one.

use super::step::Current;
use crate::diagnostic::Diagnostic;
use crate::exchange::{Exchange, Outcome, Phase, Repair, Verb};
use crate::mcp::{LONGEST_WAIT, tells_no_start};
use crate::model::shown_duration;
use crate::servers::Servers;
use crate::uipath::FailedCall;

impl Current<'_, '_> {
    /// What the server said of when to come back, where it refused for now.
    pub(super) fn explain_wait(&self, exchange: &Exchange, problems: &mut [Diagnostic]) {
        let Some(first) = problems.iter_mut().find(|problem| problem.is_error()) else { return };
        let Some(wait) = exchange.asks_to_wait() else { return };
        let is_opening = exchange.phase == Phase::Open;
        let method = exchange.sent.as_ref().map_or("", |sent| sent.method.as_str());
        let how = match &self.step.verb.value {
            _ if exchange.repairs.contains(&Repair::Waited) => {
                ": it was waited for, and asked the same again".to_owned()
            }
            verb if is_opening || verb.follows() && method != "tools/call" => {
                let longest = shown_duration(LONGEST_WAIT);
                let limit = if is_opening { "`timeouts: {start: …}`" } else { "the step's timeout" };
                format!(": at most {longest} is waited, and not past {limit}")
            }
            Verb::Call => ", and a call is not sent again, since it may start something".to_owned(),
            _ => String::new(),
        };
        first.notes.push(format!("the server asked to wait {} (`Retry-After`){how}", shown_duration(wait)));
        if exchange.is_too_often() {
            first.help.push(
                "ask it less: `limits: {concurrency: 1}` or `limits: {rate: 1/s}` of the server".to_owned(),
            );
        }
    }

    /// What to look at where a server behind a gateway did not start.
    pub(super) fn explain_start(exchange: &Exchange, problems: &mut [Diagnostic]) {
        let Some(first) = problems.iter_mut().find(|problem| problem.is_error()) else { return };
        if exchange.phase == Phase::Open && exchange.answer.result.as_ref().is_some_and(tells_no_start) {
            let help = "its own process failed to start: look at its environment variables, its package and its \
                        command, and at the tab Jobs of the server, under Orchestrator > MCP Servers";
            first.help.push(help.to_owned());
        }
    }

    /// Why a call likely failed.
    pub(super) fn explain_call(&self, exchange: &Exchange, problems: &mut [Diagnostic]) {
        let Some(first) = problems.iter_mut().find(|problem| problem.is_error()) else { return };
        let (Some(entry), Some(sent)) = (self.entry(), &exchange.sent) else { return };
        let answer = &exchange.answer;
        let status = exchange.http.as_ref().map(|http| http.status);
        let failed = answer.error.is_some()
            || status == Some(403)
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
            auth: Servers::auth(entry, &self.identity),
            marked,
            said: said.as_deref().unwrap_or_default(),
            status,
            took: exchange.duration,
        };
        for cause in call.causes() {
            first.notes.push(cause.note);
            first.help.push(cause.help.to_owned());
        }
    }
}

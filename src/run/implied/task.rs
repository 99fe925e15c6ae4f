//! What is implied of a call that is a task, and of one that is none.

use super::Subject;
use crate::diagnostic::{Code, Diagnostic};
use crate::exchange::Verb;
use crate::mcp::TaskMode;

impl Subject<'_> {
    /// A call is a task where the step says so, and a task that is followed comes to a result or an error.
    pub(super) fn task(&self) -> Option<Diagnostic> {
        let exchange = self.exchange;
        if self.step.verb.value != Verb::Call {
            return None;
        }
        let told = exchange.asked.iter().any(|asked| asked.unexpected);
        match (self.step.task(), &exchange.followed) {
            (None, _) => {
                exchange.made()?;
                let problem = self.problem(Code::Implied, "the server made a task of this call");
                Some(
                    problem
                        .label("implied: it goes to the end")
                        .help("`task: follow` goes to the task's end, `task: start` takes it as it is"),
                )
            }
            (Some(TaskMode::Start), _) => {
                let plain = exchange.tool_result() && !self.names("task");
                plain.then(|| {
                    self.problem(Code::Implied, "the server answered at once, and made no task of this call")
                        .label("implied: a task")
                        .help("`task: follow` takes a result, whether a task led to it or not")
                })
            }
            (Some(TaskMode::Follow), Some(task)) => {
                let answered = exchange.answer.result.is_some() || exchange.answer.error.is_some();
                let named =
                    self.step.expect.as_ref().is_some_and(|expect| expect.names_member("task", "status"));
                if answered || named || told {
                    return None;
                }
                let status = &task.status;
                let text = match (status.as_str(), &exchange.cause) {
                    ("cancelled", _) => "the task was cancelled".to_owned(),
                    (_, Some(cause)) => format!("the task did not end, it is `{status}`: {cause}"),
                    (_, None) => format!("the task ended as `{status}`, and with neither result nor error"),
                };
                let problem = self.problem(Code::Implied, text).label("implied: the task has a result");
                Some(problem.help(format!(
                    "if that is what you expect, say so: `expect: {{task: {{status: {status}}}}}`"
                )))
            }
            (Some(TaskMode::Follow), None) => None,
        }
    }
}

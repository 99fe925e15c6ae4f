//! Tasks: months that are closed. They get on by being asked for, not by time, so that a test of following one is
//! the same on every machine. 2026-07-28 knows them by its extension, which rmcp has; 2025-11-25 has its own form,
//! which is in `core_tasks`.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rmcp::ErrorData;
use rmcp::model::{
    CallToolResponse, CallToolResult, ClientCapabilities, CreateTaskResult, DetailedTask, ErrorCode,
    JsonObject, TaskPayload, TaskStatus,
};
use rmcp::task_manager::current_timestamp;
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::asks::approval_of;
use super::numbered::Numbered;
use super::processes::{Job, faulted, outputs};

/// The tool that makes them.
pub(super) const TOOL: &str = "closeMonth";
/// How often a client may ask, in milliseconds.
pub(super) const PACE: u64 = 10;
/// How long a task is said to be kept, in milliseconds.
pub(super) const KEPT: u64 = 3_600_000;
/// The name of the question among those of the extension.
const QUESTION: &str = "approval";
/// A month that cannot be closed at all.
const CLOSED_ALREADY: i32 = -32010;

/// The tasks of a sandbox.
#[derive(Debug)]
pub(super) struct Tasks(Mutex<Numbered<Task>>);

/// A month on its way to be closed.
#[derive(Clone, Debug)]
pub(super) struct Task {
    /// So many times more it is at work when it is asked for.
    working: u64,
    /// Whether somebody has to approve.
    asks: bool,
    /// What the client said to that.
    approval: Option<Value>,
    ending: Ending,
    cancelled: bool,
    pub(super) created: String,
    /// Told of an answer, and of the end.
    pub(super) changed: Arc<Notify>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Successful,
    Faulted,
    Refused,
}

/// How far a task is.
#[derive(Debug)]
pub(super) enum State {
    Working,
    InputRequired,
    Completed(CallToolResult),
    Failed(ErrorData),
    Cancelled,
}

impl Default for Tasks {
    fn default() -> Self {
        Self(Mutex::new(Numbered::new("TASK")))
    }
}

impl Tasks {
    /// Begins one by the arguments of the tool, and gives its id.
    pub(super) fn begin(&self, arguments: &JsonObject) -> String {
        self.all().add(Task {
            working: arguments.get("in_Polls").and_then(Value::as_u64).unwrap_or(1),
            asks: asks(arguments),
            approval: None,
            ending: match arguments.get("in_End").and_then(Value::as_str) {
                Some("Faulted") => Ending::Faulted,
                Some("Refused") => Ending::Refused,
                _ => Ending::Successful,
            },
            cancelled: false,
            created: current_timestamp(),
            changed: Arc::default(),
        })
    }

    /// Asks how far one is, by which it gets on.
    pub(super) fn poll(&self, id: &str) -> Option<Task> {
        let mut all = self.all();
        let task = all.get_mut(id)?;
        let seen = task.clone();
        task.working = task.working.saturating_sub(1);
        Some(seen)
    }

    /// One whose client waits for it, so that it works without a pause.
    pub(super) fn hurry(&self, id: &str) -> Option<Task> {
        let mut all = self.all();
        let task = all.get_mut(id)?;
        task.working = 0;
        Some(task.clone())
    }

    /// Whether there is one of an id.
    pub(super) fn has(&self, id: &str) -> bool {
        self.all().get(id).is_some()
    }

    /// Takes what the client says to the question. False where none is open.
    pub(super) fn approve(&self, id: &str, answer: Value) -> bool {
        let mut all = self.all();
        let Some(task) = all.get_mut(id).filter(|task| matches!(task.state(), State::InputRequired)) else {
            return false;
        };
        task.approval = Some(answer);
        task.changed.notify_one();
        true
    }

    /// Cancels one that is not over; false where it is, none where there is none.
    pub(super) fn cancel(&self, id: &str) -> Option<bool> {
        let mut all = self.all();
        let task = all.get_mut(id)?;
        let open = matches!(task.state(), State::Working | State::InputRequired);
        task.cancelled |= open;
        task.changed.notify_one();
        Some(open)
    }

    fn all(&self) -> MutexGuard<'_, Numbered<Task>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a month with these arguments is to be approved.
pub(super) fn asks(arguments: &JsonObject) -> bool {
    arguments.get("in_Approval").and_then(Value::as_bool).unwrap_or(false)
}

impl Task {
    pub(super) fn state(&self) -> State {
        if self.cancelled {
            return State::Cancelled;
        }
        if self.working > 0 {
            return State::Working;
        }
        if self.asks && self.approval.is_none() {
            return State::InputRequired;
        }
        match self.ending {
            Ending::Successful => {
                State::Completed(outputs(&json!({"out_Status": "Closed", "out_Approval": self.approval})))
            }
            Ending::Faulted => {
                State::Completed(faulted("Orders.MonthNotBalanced", "The month is not balanced."))
            }
            Ending::Refused => {
                let message = "The month is closed already";
                State::Failed(ErrorData::new(ErrorCode(CLOSED_ALREADY), message, None))
            }
        }
    }

    /// As the extension describes it.
    pub(super) fn detailed(&self, id: &str) -> Result<DetailedTask, ErrorData> {
        let payload = match self.state() {
            State::Working => TaskPayload::Working,
            State::InputRequired => {
                let question = (QUESTION.to_owned(), approval_of("the month")?);
                TaskPayload::InputRequired { input_requests: [question].into() }
            }
            State::Completed(result) => TaskPayload::Completed { result: members(&result) },
            State::Failed(error) => TaskPayload::Failed { error: members(&error) },
            State::Cancelled => TaskPayload::Cancelled,
        };
        Ok(DetailedTask::new(described(id, &self.created), payload))
    }
}

fn described(id: &str, created: &str) -> rmcp::model::Task {
    rmcp::model::Task::new(id, TaskStatus::Working, created, current_timestamp())
        .with_ttl_ms(KEPT)
        .with_poll_interval_ms(PACE)
}

fn members(value: &impl serde::Serialize) -> JsonObject {
    match serde_json::to_value(value) {
        Ok(Value::Object(members)) => members,
        _ => JsonObject::new(),
    }
}

impl Job<'_> {
    /// Begins a task of the extension; without one a month cannot be closed.
    pub(super) fn close_month(&self) -> Result<CallToolResponse, ErrorData> {
        if !self.modern {
            let message = format!("The tool {TOOL} runs as a task only");
            return Err(ErrorData::new(ErrorCode::METHOD_NOT_FOUND, message, None));
        }
        let client = self.context.client_capabilities().unwrap_or_default();
        if !client.supports_tasks() {
            let needs = ClientCapabilities::builder().enable_tasks().build();
            return Err(ErrorData::missing_required_client_capability(needs));
        }
        if asks(&self.arguments) && client.elicitation.is_none() {
            let needs = serde_json::from_value(json!({"elicitation": {"form": {}}})).unwrap_or_default();
            return Err(ErrorData::missing_required_client_capability(needs));
        }
        let id = self.shop.tasks.begin(&self.arguments);
        Ok(CallToolResponse::Task(CreateTaskResult::new(described(&id, &current_timestamp()))))
    }
}

/// What `tasks/update` brings.
pub(super) fn answer_in(responses: &rmcp::model::InputResponses) -> Option<Value> {
    responses.get(QUESTION).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begun(arguments: Value) -> (Tasks, String) {
        let tasks = Tasks::default();
        let id = tasks.begin(arguments.as_object().unwrap());
        (tasks, id)
    }

    fn status(task: &Task) -> TaskStatus {
        task.detailed("x").unwrap().status()
    }

    #[test]
    fn a_task_gets_on_by_being_asked_for() {
        let (tasks, id) = begun(json!({"in_Polls": 2, "in_Approval": true}));
        let states: Vec<_> = (0..4).map(|_| status(&tasks.poll(&id).unwrap())).collect();
        use TaskStatus::{Completed, InputRequired, Working};
        assert_eq!(states, [Working, Working, InputRequired, InputRequired]);
        assert!(tasks.approve(&id, json!({"action": "decline"})));
        assert!(!tasks.approve(&id, json!({"action": "accept"})), "it is answered");
        assert_eq!(status(&tasks.poll(&id).unwrap()), Completed);
        assert_eq!(tasks.cancel(&id), Some(false), "it is over");
        assert_eq!(tasks.cancel("TASK-1"), None);
        assert!(tasks.poll("TASK-1").is_none());
    }

    #[test]
    fn a_task_ends_as_it_is_told() {
        for (end, expected) in [
            ("Successful", TaskStatus::Completed),
            ("Faulted", TaskStatus::Completed),
            ("Refused", TaskStatus::Failed),
        ] {
            let (tasks, id) = begun(json!({"in_Polls": 9, "in_End": end}));
            assert_eq!(status(&tasks.hurry(&id).unwrap()), expected);
        }
        let (tasks, id) = begun(json!({"in_Polls": 9}));
        assert_eq!(tasks.cancel(&id), Some(true));
        assert_eq!(status(&tasks.poll(&id).unwrap()), TaskStatus::Cancelled);
    }
}

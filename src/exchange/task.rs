//! A task in an exchange: the same in both forms of the protocol.

use serde_json::{Value, json};

use super::{Exchange, Phase};

/// A task that a server made of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// Its id.
    pub id: String,
    /// Its status as it was last told: `working`, `input_required`, `completed`, `failed` or `cancelled`.
    pub status: String,
}

impl Task {
    /// The task that a result is: core tasks of 2025-11-25 stand in its member `task`, those of the extension of
    /// 2026-07-28 are the result itself.
    #[must_use]
    pub fn made_by(result: &Value) -> Option<Self> {
        if result.get("resultType").is_some_and(|kind| kind == "task") {
            return Self::of(result);
        }
        // What has content is a tool's result, whatever else stands in it.
        result.get("task").filter(|_| result.get("content").is_none()).and_then(Self::of)
    }

    /// The task of an object that describes one.
    #[must_use]
    pub fn of(described: &Value) -> Option<Self> {
        let text = |name: &str| described.get(name)?.as_str().map(str::to_owned);
        Some(Self { id: text("taskId")?, status: text("status")? })
    }

    /// Whether it is over.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        matches!(self.status.as_str(), "completed" | "failed" | "cancelled")
    }

    pub(super) fn value(&self) -> Value {
        json!({"id": self.id, "status": self.status})
    }
}

impl Exchange {
    /// The task of a call: the one that was followed, else the one that its answer is.
    #[must_use]
    pub fn task(&self) -> Option<Task> {
        self.followed.clone().or_else(|| self.made())
    }

    /// The task that the answer is.
    #[must_use]
    pub fn made(&self) -> Option<Task> {
        let calls = self.sent.as_ref().is_some_and(|sent| sent.method == "tools/call");
        let result = self.answer.result.as_ref().filter(|_| calls && self.phase == Phase::Step)?;
        Task::made_by(result)
    }
}

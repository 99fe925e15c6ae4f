//! Batches: several messages at once, in a list. 2025-03-26 has them, and whoever speaks it has to take them; in every
//! other version one is a violation.

use serde_json::Value;

use super::Version;
use super::message::MESSAGES;
use super::receive::{Reading, Want};
use crate::json;

impl Reading {
    /// Whether a list is a batch that may be there. The handshake is never in one.
    pub(super) fn takes_batches(&self) -> bool {
        match self.want {
            Want::Answer { version, check, .. } => check && version == Version::V2025_03_26,
            Want::Stream { version } => version == Version::V2025_03_26,
            Want::Receipt | Want::Raw => false,
        }
    }

    /// Takes the messages of a batch one by one, in their order, as if each had come by itself; true where one of them
    /// is the answer. What stands behind the answer is not late: they came together.
    pub(super) fn batch(&mut self, parsed: json::Parsed, weight: usize) -> bool {
        let json::Parsed { value, inexact } = parsed;
        let Value::Array(messages) = value else { return false };
        if messages.is_empty() {
            self.violation("a batch without messages came".to_owned(), MESSAGES);
        }
        let weight = weight / messages.len().max(1);
        let mut answered = false;
        for (index, value) in messages.into_iter().enumerate() {
            if !value.is_object() {
                self.violation(format!("message {} of a batch is no object", index + 1), MESSAGES);
                continue;
            }
            let from = format!("/{index}/");
            let inexact =
                inexact.iter().filter_map(|at| Some(format!("/{}", at.strip_prefix(&from)?))).collect();
            // A second answer is one too many, wherever it stands.
            let answers = value.get("method").is_none();
            let before = std::mem::replace(&mut self.answered, answered && answers);
            answered |= self.message(json::Parsed { value, inexact }, weight, false);
            self.answered = before;
        }
        answered
    }
}

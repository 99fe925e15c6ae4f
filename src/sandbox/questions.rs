//! The questions that a call of 2026-07-28 waits to have answered: what `requestState` stands for. The state is
//! a mere handle, full of bytes that a careless client loses.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use rmcp::model::{JsonObject, RequestId};
use serde_json::Value;

use super::tools::Process;

/// How many are remembered; the oldest go first.
const MAX_OPEN: usize = 1000;

/// The questions that were asked and are not answered yet.
#[derive(Debug, Default)]
pub(super) struct Questions(Mutex<Open>);

#[derive(Debug, Default)]
struct Open {
    by_state: VecDeque<(String, Question)>,
    asked: u64,
}

/// A call that asked.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Question {
    pub(super) process: Process,
    pub(super) arguments: JsonObject,
    /// What was answered in the rounds before this one.
    pub(super) answers: Vec<Value>,
    /// The id of the request that was told to come again.
    pub(super) request: RequestId,
}

impl Questions {
    /// Remembers one and gives its state.
    pub(super) fn remember(&self, question: Question) -> String {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.asked += 1;
        let (number, nonce) = (open.asked, uuid::Uuid::new_v4().simple());
        // Quotes, a template, a line end, a tab, letters of two to four bytes, a separator that JavaScript takes
        // for a line end, and a blank at the end.
        let state = format!("\"{number}\" '{{{{ state }}}}' C:\\n\n\té✓🎬\u{2028}{nonce} ");
        open.by_state.push_back((state.clone(), question));
        if open.by_state.len() > MAX_OPEN {
            open.by_state.pop_front();
        }
        state
    }

    /// What a state stands for. It may come again: an answer can be lost.
    pub(super) fn find(&self, state: &str) -> Option<Question> {
        let open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.by_state.iter().rev().find(|(known, _)| known == state).map(|(_, question)| question.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_found_by_its_very_bytes() {
        let questions = Questions::default();
        let question = Question {
            process: Process::Echo,
            arguments: JsonObject::new(),
            answers: Vec::new(),
            request: RequestId::Number(1),
        };
        let state = questions.remember(question.clone());
        assert_eq!(questions.find(&state), Some(question.clone()));
        for other in [state.trim().to_owned(), state.replace('\n', " "), state.replace('é', "e\u{301}")] {
            assert_eq!(questions.find(&other), None);
        }
        (0..MAX_OPEN).for_each(|_| drop(questions.remember(question.clone())));
        assert_eq!(questions.find(&state), None);
    }
}

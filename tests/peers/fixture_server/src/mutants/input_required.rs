//! How 2026-07-28 asks back: questions in a result, answers and a state in the call that comes again.

use serde_json::{Value, json};

use super::Official::{Fails, Warns};
use super::modern::declare_all;
use super::{How, Mutant, V2026, remove};
use crate::gate::Incoming;
use crate::input_required::{PROMPT, codec};

const ELICITATION: &str = "test_input_required_result_elicitation";
const SAMPLING: &str = "test_input_required_result_sampling";
const ROOTS: &str = "test_input_required_result_list_roots";
const STATE: &str = "test_input_required_result_request_state";
const INPUTS: &str = "test_input_required_result_multiple_inputs";
const ROUNDS: &str = "test_input_required_result_multi_round";
const TAMPERED: &str = "test_input_required_result_tampered_state";
const CAPABILITIES: &str = "test_input_required_result_capabilities";

/// The answers that came with a call of a tool.
fn responses<'a>(incoming: &'a mut Incoming, tool: &str) -> Option<&'a mut Value> {
    let calls = incoming.is("tools/call", tool);
    incoming.message.pointer_mut("/params/inputResponses").filter(|responses| calls && responses.is_object())
}

/// The state that the tool gave out in its first round, in place of whatever came.
fn forge(incoming: &mut Incoming, tool: &str, end: &str) {
    if incoming.is("tools/call", tool)
        && let Some(state) = incoming.message.pointer_mut("/params/requestState")
        && let Ok(forged) = codec().seal_json(&json!({"tool": end, "round": 1}))
    {
        *state = json!(forged);
    }
}

pub(super) static MUTANTS: &[Mutant] = &[
    Mutant {
        name: "question-of-another-key",
        breaks: "a question has another key than the tool takes the answer under",
        scenario: "input-required-result-basic-elicitation",
        requirements: V2026,
        official: Fails,
        how: &[How::Result("tools/call", ELICITATION, |result| {
            let questions = result.get_mut("inputRequests").and_then(Value::as_object_mut);
            if let Some(questions) = questions
                && let Some(question) = questions.remove("user_name")
            {
                questions.insert("name".to_owned(), question);
            }
        })],
    },
    Mutant {
        name: "answer-not-taken",
        breaks: "the tool asks again though it was answered",
        scenario: "input-required-result-basic-elicitation",
        requirements: V2026,
        official: Fails,
        how: &[How::Request(|incoming| {
            if incoming.is("tools/call", ELICITATION) {
                remove(&mut incoming.message, "/params", "inputResponses");
            }
            None
        })],
    },
    Mutant {
        name: "question-of-another-method",
        breaks: "the question to the model has a method that there is not",
        scenario: "input-required-result-basic-sampling",
        requirements: V2026,
        official: Fails,
        how: &[How::Result("tools/call", SAMPLING, |result| {
            if let Some(question) = result.pointer_mut("/inputRequests/capital_question") {
                question["method"] = json!("sampling/create");
            }
        })],
    },
    Mutant {
        name: "roots-not-asked",
        breaks: "the tool answers without asking for the roots",
        scenario: "input-required-result-basic-list-roots",
        requirements: V2026,
        official: Fails,
        how: &[How::Result("tools/call", ROOTS, |result| {
            let content = json!([{"type": "text", "text": "Client roots: none"}]);
            *result = json!({"resultType": "complete", "content": content});
        })],
    },
    Mutant {
        name: "state-missing",
        breaks: "the tool gives no state along",
        scenario: "input-required-result-request-state",
        requirements: V2026,
        official: Fails,
        how: &[How::Result("tools/call", STATE, |result| remove(result, "", "requestState"))],
    },
    Mutant {
        name: "own-state-refused",
        breaks: "the tool does not accept the state that it gave out",
        scenario: "input-required-result-request-state",
        requirements: V2026,
        official: Fails,
        how: &[How::Request(|incoming| {
            let came = incoming.message.pointer("/params/requestState").is_some();
            (came && incoming.is("tools/call", STATE))
                .then(|| incoming.refused(-32602, "The requestState is not valid"))?
        })],
    },
    Mutant {
        name: "question-lost",
        breaks: "only two of three questions are asked",
        scenario: "input-required-result-multiple-input-requests",
        requirements: V2026,
        official: Fails,
        how: &[How::Result("tools/call", INPUTS, |result| remove(result, "/inputRequests", "client_roots"))],
    },
    Mutant {
        name: "state-of-all-rounds",
        breaks: "the state of the second round is that of the first",
        scenario: "input-required-result-multi-round",
        requirements: V2026,
        official: Fails,
        how: &[
            How::Request(|incoming| {
                forge(incoming, ROUNDS, "multi_round");
                None
            }),
            How::Result("tools/call", ROUNDS, |result| {
                if result.get("requestState").is_some() {
                    result["requestState"] = json!("the state");
                }
            }),
        ],
    },
    Mutant {
        name: "wrong-answer-is-an-error",
        breaks: "an answer under a wrong key is an error, and the question is not asked again",
        scenario: "input-required-result-missing-input-response",
        requirements: V2026,
        official: Warns,
        how: &[How::Request(|incoming| {
            let wrong = responses(incoming, ELICITATION)?.get("user_name").is_none();
            wrong.then(|| incoming.refused(-32602, "The answer is missing"))?
        })],
    },
    Mutant {
        name: "prompt-without-messages",
        breaks: "the prompt has no messages once its question is answered",
        scenario: "input-required-result-non-tool-request",
        requirements: V2026,
        official: Fails,
        how: &[How::Result("prompts/get", PROMPT, |result| remove(result, "", "messages"))],
    },
    Mutant {
        name: "question-without-result-type",
        breaks: "a result that asks does not say that input is required",
        scenario: "input-required-result-result-type",
        requirements: V2026,
        official: Fails,
        how: &[How::Result("tools/call", ELICITATION, |result| {
            if result.get("inputRequests").is_some() {
                remove(result, "", "resultType");
            }
        })],
    },
    Mutant {
        name: "list-asks",
        breaks: "`prompts/list` asks back, which only calls, reads and gets may",
        scenario: "input-required-result-unsupported-methods",
        requirements: V2026,
        official: Fails,
        how: &[How::Result("prompts/list", "", |result| {
            *result = json!({
                "resultType": "input_required",
                "inputRequests": {"client_roots": {"method": "roots/list", "params": {}}},
            });
        })],
    },
    Mutant {
        name: "changed-state-accepted",
        breaks: "a state that was changed on its way is accepted",
        scenario: "input-required-result-tampered-state",
        requirements: V2026,
        official: Fails,
        how: &[How::Request(|incoming| {
            forge(incoming, TAMPERED, "tampered_state");
            None
        })],
    },
    Mutant {
        name: "undeclared-capability-asked",
        breaks: "the client is asked what it did not declare",
        scenario: "input-required-result-capability-check",
        requirements: V2026,
        official: Fails,
        how: &[How::Request(|incoming| {
            if incoming.is("tools/call", CAPABILITIES) {
                declare_all(incoming);
            }
            None
        })],
    },
    Mutant {
        name: "more-answers-refused",
        breaks: "answers that nobody asked for are an error",
        scenario: "input-required-result-ignore-extra-params",
        requirements: V2026,
        official: Warns,
        how: &[How::Request(|incoming| {
            let more = responses(incoming, ELICITATION)?.as_object()?.len() > 1;
            more.then(|| incoming.refused(-32602, "There are too many answers"))?
        })],
    },
    Mutant {
        name: "any-answer-accepted",
        breaks: "a number is taken for the answer to a form",
        scenario: "input-required-result-validate-input",
        requirements: V2026,
        official: Warns,
        how: &[How::Request(|incoming| {
            let answer = responses(incoming, ELICITATION)?.get_mut("user_name")?;
            if !answer.is_object() {
                *answer = json!({"action": "accept", "content": {"name": answer.to_string()}});
            }
            None
        })],
    },
];

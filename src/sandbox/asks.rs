//! The tools that ask their client something before they answer. The older eras are sent a request on the
//! answer's stream; 2026-07-28 is told to call again with what was asked for.

use rmcp::ErrorData;
use rmcp::model::{
    CallToolResponse, CallToolResult, ClientCapabilities, CustomNotification, InputRequest, InputRequests,
    InputRequiredResult, InputResponses, ProtocolVersion, ServerNotification, ServerRequest,
};
use rmcp::service::{OriginatingRequestId, ServiceError};
use serde_json::{Value, json};

use super::processes::{Job, outputs, refused};
use super::questions::Question;
use super::tools::{Ask, Process};

/// Bytes of one answer.
const MAX_ANSWER: usize = 64 << 10;

/// What came with a call that was told to come again.
#[derive(Debug, Default)]
pub(super) struct Input {
    pub(super) responses: Option<InputResponses>,
    pub(super) state: Option<String>,
}

/// One question.
#[derive(Debug)]
struct Round {
    /// Its name among the questions and, where there are more rounds than one, in the output.
    key: &'static str,
    request: InputRequest,
    /// What the client has to declare.
    needs: Value,
}

impl Ask {
    /// The questions, one after the other.
    fn rounds(self, subject: &str, modern: bool) -> Result<Vec<Round>, ErrorData> {
        match self {
            Self::Approval => Ok(vec![approval("approval", subject)?]),
            Self::Twice => Ok(vec![approval("approval", subject)?, reason(subject)?]),
            Self::Link => {
                // 2026-07-28 has no such id. rmcp cannot leave it out; the tap takes an empty one away.
                let id = if modern { String::new() } else { uuid::Uuid::new_v4().simple().to_string() };
                let params = json!({
                    "mode": "url",
                    "message": format!("Sign {subject} in the browser."),
                    "url": "https://sign.example.com/orders",
                    "elicitationId": id,
                });
                Ok(vec![round("link", "elicitation/create", params, json!({"elicitation": {"url": {}}}))?])
            }
            Self::Model => {
                let params = json!({
                    "messages": [{
                        "role": "user",
                        "content": {"type": "text", "text": format!("Summarize {subject} in one sentence.")},
                    }],
                    "systemPrompt": "You work for a shop.",
                    "temperature": 0.5,
                    "maxTokens": 100,
                });
                Ok(vec![round("summary", "sampling/createMessage", params, json!({"sampling": {}}))?])
            }
            Self::Roots => Ok(vec![round("roots", "roots/list", Value::Null, json!({"roots": {}}))?]),
        }
    }
}

fn approval(key: &'static str, subject: &str) -> Result<Round, ErrorData> {
    let schema = json!({
        "type": "object",
        "properties": {
            "approved": {"type": "boolean", "title": "Approved", "default": true},
            "limit": {"type": "number", "minimum": 0, "maximum": 10000.5, "default": 2500.5},
            "copies": {"type": "integer", "minimum": 1, "maximum": 9, "default": 2},
            "priority": {"type": "string", "enum": ["low", "normal", "high"], "default": "normal"},
            "comment": {"type": "string", "maxLength": 200, "default": "Fine with me."},
            "approver": {"type": "string", "description": "Who approves; the only one without a default."},
        },
        "required": ["approved"],
    });
    form(key, &format!("Please approve {subject}."), &schema)
}

/// The form of [`Ask::Approval`], for what asks without a call.
pub(super) fn approval_of(subject: &str) -> Result<InputRequest, ErrorData> {
    approval("approval", subject).map(|round| round.request)
}

fn reason(subject: &str) -> Result<Round, ErrorData> {
    let schema = json!({
        "type": "object",
        "properties": {"reason": {"type": "string", "minLength": 1, "default": "It is due."}},
        "required": ["reason"],
    });
    form("reason", &format!("Why is {subject} to be paid?"), &schema)
}

fn form(key: &'static str, message: &str, schema: &Value) -> Result<Round, ErrorData> {
    let params = json!({"mode": "form", "message": message, "requestedSchema": schema});
    round(key, "elicitation/create", params, json!({"elicitation": {"form": {}}}))
}

fn round(key: &'static str, method: &str, params: Value, needs: Value) -> Result<Round, ErrorData> {
    let request = if params.is_null() {
        json!({"method": method})
    } else {
        json!({"method": method, "params": params})
    };
    let request = serde_json::from_value(request).map_err(internal)?;
    Ok(Round { key, request, needs })
}

impl Round {
    /// Whether a client that declares these may be asked.
    fn suits(&self, client: &ClientCapabilities, version: &ProtocolVersion) -> bool {
        let forms = || client.elicitation.as_ref();
        match &self.request {
            InputRequest::CreateMessage(_) => client.sampling.is_some(),
            InputRequest::ListRoots(_) => client.roots.is_some(),
            InputRequest::Elicitation(_) if self.needs.pointer("/elicitation/url").is_some() => {
                *version >= ProtocolVersion::V_2025_11_25 && forms().is_some_and(|given| given.url.is_some())
            }
            // Naming neither form nor url means forms, as it did when there was nothing else.
            InputRequest::Elicitation(_) => {
                forms().is_some_and(|given| given.form.is_some() || given.url.is_none())
            }
            _ => false,
        }
    }
}

impl Job<'_> {
    /// Asks, and gives as its outputs what was answered.
    pub(super) async fn ask(&self, ask: Ask, input: &Input) -> Result<CallToolResponse, ErrorData> {
        let subject = match self.text("in_Subject") {
            "" => "the invoice",
            given => given,
        };
        let rounds = ask.rounds(subject, self.modern)?;
        let client = self.context.client_capabilities().unwrap_or_default();
        let version = self.context.protocol_version().unwrap_or_default();
        if let Some(round) = rounds.iter().find(|round| !round.suits(&client, &version)) {
            if self.modern {
                let needs = serde_json::from_value(round.needs.clone()).map_err(internal)?;
                return Err(ErrorData::missing_required_client_capability(needs));
            }
            let message = "The client did not declare what this tool needs";
            return Ok(refused(&json!({"message": message, "requiredCapabilities": round.needs})).into());
        }
        let answers = if self.modern {
            match self.answers_so_far(ask, input)? {
                answers if answers.len() < rounds.len() => return Ok(self.come_again(ask, &rounds, answers)),
                answers => answers,
            }
        } else {
            match self.answers(&rounds).await {
                Ok(answers) => answers,
                Err(refusal) => return Ok((*refusal).into()),
            }
        };
        let output = match <[Value; 1]>::try_from(answers) {
            Ok([answer]) => answer,
            Err(answers) => rounds.iter().map(|round| round.key.to_owned()).zip(answers).collect(),
        };
        Ok(match ask {
            Ask::Approval => CallToolResult::structured(output),
            _ => outputs(&output),
        }
        .into())
    }

    /// The older eras: one request after the other, on the stream of this call.
    async fn answers(&self, rounds: &[Round]) -> Result<Vec<Value>, Box<CallToolResult>> {
        let mut answers = Vec::new();
        for round in rounds {
            let request = match round.request.clone() {
                InputRequest::CreateMessage(request) => ServerRequest::CreateMessageRequest(request),
                InputRequest::ListRoots(request) => ServerRequest::ListRootsRequest(request),
                InputRequest::Elicitation(request) => ServerRequest::ElicitRequest(request),
                _ => break,
            };
            let answer = self.context.peer.send_request(request).await;
            let answer = answer.map(|answer| serde_json::to_value(answer).unwrap_or_default());
            answers.push(answer.map_err(|error| Box::new(no_answer(error)))?);
            self.tell_that_it_was_opened(round).await;
        }
        Ok(answers)
    }

    /// Where a browser does the rest, the client is told that the rest is done.
    async fn tell_that_it_was_opened(&self, round: &Round) {
        let request = serde_json::to_value(&round.request).unwrap_or_default();
        let Some(id) = request.pointer("/params/elicitationId") else { return };
        let params = Some(json!({"elicitationId": id}));
        let mut done = CustomNotification::new("notifications/elicitation/complete", params);
        done.extensions.insert(OriginatingRequestId(self.context.id.clone()));
        let _ = self.context.peer.send_notification(ServerNotification::CustomNotification(done)).await;
    }

    /// 2026-07-28: what was answered in this call and those before it.
    fn answers_so_far(&self, ask: Ask, input: &Input) -> Result<Vec<Value>, ErrorData> {
        let invalid = |why: &str| ErrorData::invalid_params(why.to_owned(), None);
        let Some(state) = &input.state else {
            return match input.responses {
                None => Ok(Vec::new()),
                Some(_) => Err(invalid("inputResponses came without the requestState")),
            };
        };
        let question = self.shop.questions.find(state);
        let question = question.ok_or_else(|| invalid("requestState is not what was given out"))?;
        if question.process != Process::Ask(ask) || question.arguments != self.arguments {
            return Err(invalid("requestState belongs to another call"));
        }
        if question.request == self.context.id {
            return Err(invalid("the call came again with the id that it had"));
        }
        let mut answers = question.answers;
        let key = ask.rounds("", self.modern)?.get(answers.len()).map(|round| round.key);
        // Without an answer the question is asked again.
        if let Some(answer) = key.and_then(|key| input.responses.as_ref()?.get(key)) {
            if answer.to_string().len() > MAX_ANSWER {
                return Err(invalid("an answer is too long"));
            }
            answers.push(answer.clone());
        }
        Ok(answers)
    }

    fn come_again(&self, ask: Ask, rounds: &[Round], answers: Vec<Value>) -> CallToolResponse {
        let next = rounds.get(answers.len());
        let requests: InputRequests =
            next.map(|round| (round.key.to_owned(), round.request.clone())).into_iter().collect();
        let state = self.shop.questions.remember(Question {
            process: Process::Ask(ask),
            arguments: self.arguments.clone(),
            answers,
            request: self.context.id.clone(),
        });
        InputRequiredResult::new(Some(requests), Some(state)).into()
    }
}

/// A client that answers with an error, or not at all.
fn no_answer(error: ServiceError) -> CallToolResult {
    match error {
        ServiceError::McpError(error) => {
            let message = "The client answered with an error";
            refused(&json!({"message": message, "error": {"code": error.code.0, "message": error.message}}))
        }
        error => refused(&json!({"message": format!("The client did not answer: {error}")})),
    }
}

fn internal(error: serde_json::Error) -> ErrorData {
    ErrorData::internal_error(error.to_string(), None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_question_is_one_that_rmcp_knows() {
        let kinds = |ask: Ask| {
            let rounds = ask.rounds("X", false).unwrap();
            let method = |round: &Round| serde_json::to_value(&round.request).unwrap()["method"].clone();
            rounds.iter().map(method).collect::<Vec<_>>()
        };
        for (ask, expected) in [
            (Ask::Approval, json!(["elicitation/create"])),
            (Ask::Link, json!(["elicitation/create"])),
            (Ask::Model, json!(["sampling/createMessage"])),
            (Ask::Roots, json!(["roots/list"])),
            (Ask::Twice, json!(["elicitation/create", "elicitation/create"])),
        ] {
            assert_eq!(Value::Array(kinds(ask)), expected);
        }
    }

    #[test]
    fn a_client_is_asked_what_it_declared() {
        let suits = |ask: Ask, version: ProtocolVersion, declared: Value| {
            let client = serde_json::from_value(declared).unwrap();
            ask.rounds("X", false).unwrap().iter().all(|round| round.suits(&client, &version))
        };
        let (old, new) = (ProtocolVersion::V_2025_06_18, ProtocolVersion::V_2025_11_25);
        assert!(suits(Ask::Approval, old.clone(), json!({"elicitation": {}})));
        assert!(suits(Ask::Approval, new.clone(), json!({"elicitation": {"form": {}, "url": {}}})));
        assert!(!suits(Ask::Approval, new.clone(), json!({"elicitation": {"url": {}}})));
        assert!(suits(Ask::Link, new.clone(), json!({"elicitation": {"url": {}}})));
        assert!(!suits(Ask::Link, old, json!({"elicitation": {"url": {}}})));
        assert!(!suits(Ask::Link, new.clone(), json!({"elicitation": {}})));
        assert!(suits(Ask::Model, new.clone(), json!({"sampling": {}})));
        assert!(suits(Ask::Roots, new.clone(), json!({"roots": {}})));
        for ask in [Ask::Approval, Ask::Link, Ask::Model, Ask::Roots, Ask::Twice] {
            assert!(!suits(ask, new.clone(), json!({})));
        }
    }
}

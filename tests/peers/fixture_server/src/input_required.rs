//! The tools and the prompt that ask in the way of 2026-07-28: they answer with what they need, and are called
//! again with it.

use rmcp::model::{
    CallToolResponse, CreateMessageRequest, CreateMessageRequestParams, ElicitRequest, ElicitRequestParams,
    GetPromptResponse, GetPromptResult, InputRequest, InputRequests, InputRequiredResult, InputResponses,
    JsonObject, ListRootsRequest, RequestStateCodec, SamplingMessage,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer};
use serde_json::{Value, json};

use crate::content::{internal, invalid};
use crate::fixture::World;
use crate::prompts::user;
use crate::tools::said;

pub const PROMPT: &str = "test_input_required_result_prompt";

/// The tools: the end of the name after `test_input_required_result_`, and what it does.
pub const TOOLS: [(&str, &str); 8] = [
    ("elicitation", "Asks the user for a name"),
    ("sampling", "Asks the client's model for a capital"),
    ("list_roots", "Asks for the client's roots"),
    ("request_state", "Asks for a confirmation, and gives a state along"),
    ("multiple_inputs", "Asks three questions at once"),
    ("multi_round", "Asks two questions, one after the other"),
    ("tampered_state", "Asks for a confirmation, and accepts no other state than its own"),
    ("capabilities", "Asks only what the client can answer"),
];

/// Nobody has to be kept from signing a state of a fixture.
const KEY: &[u8] = b"a key that all who read this know";

/// What came with a call.
pub struct Answers {
    responses: InputResponses,
    state: Option<String>,
}

/// What signs the states.
pub fn codec() -> RequestStateCodec {
    RequestStateCodec::new_unchecked(KEY)
}

impl Answers {
    pub fn new(responses: Option<InputResponses>, state: Option<String>) -> Self {
        Self { responses: responses.unwrap_or_default(), state }
    }

    /// The answer to a question. What is no object answers nothing.
    fn to(&self, key: &str) -> Option<&JsonObject> {
        self.responses.get(key).and_then(Value::as_object)
    }

    /// A field of a form that was accepted.
    pub fn field(&self, key: &str, field: &str) -> Option<&str> {
        self.to(key)?.get("content")?.get(field)?.as_str()
    }
}

/// Calls `test_input_required_result_` and this.
pub fn call(
    which: &str,
    answers: &Answers,
    world: &World,
    context: &RequestContext<RoleServer>,
) -> Result<CallToolResponse, ErrorData> {
    match which {
        "elicitation" => match answers.to("user_name") {
            Some(_) => {
                let name = answers.field("user_name", "name").unwrap_or("stranger");
                Ok(said(format!("Hello, {name}!")).into())
            }
            None => ask([("user_name", name("What is your name?")?)], None),
        },
        "sampling" => match answers.to("capital_question") {
            Some(answer) => {
                let text = answer.get("content").and_then(|content| content.get("text"));
                let text = text.and_then(Value::as_str).unwrap_or_default();
                Ok(said(format!("LLM response: {text}")).into())
            }
            None => ask([("capital_question", sampling("What is the capital of France?", 100))], None),
        },
        "list_roots" => match answers.to("client_roots") {
            Some(answer) => {
                let roots = answer.get("roots").and_then(Value::as_array).into_iter().flatten();
                let uris: Vec<_> = roots.filter_map(|root| root.get("uri")?.as_str()).collect();
                Ok(said(format!("Client roots: {}", uris.join(", "))).into())
            }
            None => ask([("client_roots", roots())], None),
        },
        "request_state" | "tampered_state" => {
            let confirmed = match opened(which, answers, world)? {
                Some(_) => answers.to("confirm").is_some(),
                None => false,
            };
            if confirmed {
                return Ok(said("The state came back: state-ok").into());
            }
            ask([("confirm", confirmation()?)], Some(sealed(which, 1, world)?))
        }
        "multiple_inputs" => {
            let answered = opened(which, answers, world)?.is_some()
                && ["user_name", "greeting", "client_roots"].iter().all(|key| answers.to(key).is_some());
            if answered {
                return Ok(said("All questions are answered").into());
            }
            let questions = [
                ("user_name", name("What is your name?")?),
                ("greeting", sampling("Generate a greeting", 50)),
                ("client_roots", roots()),
            ];
            ask(questions, Some(sealed(which, 1, world)?))
        }
        "multi_round" => {
            let round = match opened(which, answers, world)? {
                Some(1) if answers.to("step1").is_some() => 2,
                Some(2) if answers.to("step2").is_some() => 3,
                Some(round) => round,
                None => 1,
            };
            let question = match round {
                1 => ("step1", name("Step 1: What is your name?")?),
                2 => ("step2", form("Step 2: What is your favorite color?", "color", "string")?),
                _ => return Ok(said("Both rounds are done").into()),
            };
            ask([question], Some(sealed(which, round, world)?))
        }
        "capabilities" => {
            let client = context.client_capabilities().unwrap_or_default();
            let mut questions = Vec::new();
            if client.elicitation.is_some() {
                questions.push(("user_name", name("What is your name?")?));
            }
            if client.sampling.is_some() {
                questions.push(("greeting", sampling("Generate a greeting", 50)));
            }
            if client.roots.is_some() {
                questions.push(("client_roots", roots()));
            }
            if questions.iter().all(|(key, _)| answers.to(key).is_some()) {
                return Ok(said("There is nothing left to ask").into());
            }
            ask(questions, None)
        }
        _ => Err(invalid(format!("there is no tool test_input_required_result_{which}"))),
    }
}

/// Gets the prompt.
pub fn prompt(answers: &Answers) -> Result<GetPromptResponse, ErrorData> {
    match answers.field("user_context", "context") {
        Some(context) => Ok(GetPromptResult::new(vec![user(format!("The context is: {context}"))]).into()),
        None => {
            let question = form("What context should the prompt use?", "context", "string")?;
            Ok(required([("user_context", question)], None).into())
        }
    }
}

fn ask(
    questions: impl IntoIterator<Item = (&'static str, InputRequest)>,
    state: Option<String>,
) -> Result<CallToolResponse, ErrorData> {
    Ok(required(questions, state).into())
}

fn required(
    questions: impl IntoIterator<Item = (&'static str, InputRequest)>,
    state: Option<String>,
) -> InputRequiredResult {
    let questions: InputRequests =
        questions.into_iter().map(|(key, request)| (key.to_owned(), request)).collect();
    InputRequiredResult::new(Some(questions), state)
}

fn name(message: &str) -> Result<InputRequest, ErrorData> {
    form(message, "name", "string")
}

fn confirmation() -> Result<InputRequest, ErrorData> {
    form("Please confirm", "ok", "boolean")
}

/// A form of one field.
pub fn form(message: &str, field: &str, kind: &str) -> Result<InputRequest, ErrorData> {
    let schema = json!({"type": "object", "properties": {field: {"type": kind}}, "required": [field]});
    let params = ElicitRequestParams::FormElicitationParams {
        meta: None,
        message: message.to_owned(),
        requested_schema: serde_json::from_value(schema).map_err(internal)?,
    };
    Ok(InputRequest::Elicitation(ElicitRequest::new(params)))
}

fn sampling(prompt: &str, max_tokens: u32) -> InputRequest {
    let params = CreateMessageRequestParams::new(vec![SamplingMessage::user_text(prompt)], max_tokens);
    InputRequest::CreateMessage(CreateMessageRequest::new(params))
}

fn roots() -> InputRequest {
    InputRequest::ListRoots(ListRootsRequest::default())
}

/// A state that only this tool accepts: how far the call has come.
fn sealed(tool: &str, round: u64, world: &World) -> Result<String, ErrorData> {
    world.states.seal_json(&json!({"tool": tool, "round": round})).map_err(internal)
}

/// How far the call has come, where it came with a state.
fn opened(tool: &str, answers: &Answers, world: &World) -> Result<Option<u64>, ErrorData> {
    let Some(state) = &answers.state else { return Ok(None) };
    let state: Value = world.states.open_json(state).map_err(|error| invalid(error.to_string()))?;
    if state.get("tool").and_then(Value::as_str) != Some(tool) {
        return Err(invalid("the requestState belongs to another tool"));
    }
    Ok(state.get("round").and_then(Value::as_u64))
}

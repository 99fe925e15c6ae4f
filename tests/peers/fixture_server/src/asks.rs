//! The tools that ask their client in the way of the older versions: with a request, while the call waits.

use rmcp::model::{
    CallToolResult, ContentBlock, CreateMessageRequestParams, ElicitRequestParams, ElicitResult,
    ElicitationAction, SamplingMessage,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer};
use serde_json::{Value, json};

use crate::content::internal;
use crate::tools::{refused, said};

type Context = RequestContext<RoleServer>;

/// Has the client's model answer.
pub async fn model(prompt: &str, context: &Context) -> Result<CallToolResult, ErrorData> {
    if context.client_capabilities().unwrap_or_default().sampling.is_none() {
        return Ok(refused("The client did not declare `sampling`"));
    }
    let params = CreateMessageRequestParams::new(vec![SamplingMessage::user_text(prompt)], 100);
    let answer = match context.peer.create_message(params).await {
        Ok(answer) => answer,
        Err(error) => return Ok(refused(format!("The client's model did not answer: {error}"))),
    };
    let content = serde_json::to_value(&answer.message.content).map_err(internal)?;
    let text = content.pointer("/text").or_else(|| content.pointer("/0/text")).and_then(Value::as_str);
    Ok(match text {
        Some(text) => said(format!("LLM response: {text}")),
        None => refused("The client's model answered without text"),
    })
}

/// Asks the user for a name and an address.
pub async fn user(message: &str, context: &Context) -> Result<CallToolResult, ErrorData> {
    let schema = json!({
        "type": "object",
        "properties": {
            "username": {"type": "string", "description": "User's response"},
            "email": {"type": "string", "description": "User's email address"},
        },
        "required": ["username", "email"],
    });
    form("User response: ", message, schema, context).await
}

/// Asks with a default for each kind of field.
pub async fn with_defaults(context: &Context) -> Result<CallToolResult, ErrorData> {
    let schema = json!({
        "type": "object",
        "properties": {
            "name": {"type": "string", "default": "John Doe"},
            "age": {"type": "integer", "default": 30},
            "score": {"type": "number", "default": 95.5},
            "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
            "verified": {"type": "boolean", "default": true},
        },
    });
    form("Elicitation completed: ", "Please look at these values.", schema, context).await
}

/// Asks with each kind of choice.
pub async fn with_choices(context: &Context) -> Result<CallToolResult, ErrorData> {
    let titled = |titles: [&str; 3]| -> Value {
        let values = ["value1", "value2", "value3"];
        values.iter().zip(titles).map(|(value, title)| json!({"const": value, "title": title})).collect()
    };
    let options = json!(["option1", "option2", "option3"]);
    let schema = json!({
        "type": "object",
        "properties": {
            "untitledSingle": {"type": "string", "enum": options},
            "titledSingle": {"type": "string", "oneOf": titled(["First Option", "Second Option", "Third Option"])},
            "legacyEnum": {
                "type": "string",
                "enum": ["opt1", "opt2", "opt3"],
                "enumNames": ["Option One", "Option Two", "Option Three"],
            },
            "untitledMulti": {"type": "array", "items": {"type": "string", "enum": options}},
            "titledMulti": {
                "type": "array",
                "items": {"anyOf": titled(["First Choice", "Second Choice", "Third Choice"])},
            },
        },
    });
    form("Elicitation completed: ", "Please choose.", schema, context).await
}

/// Asks with a form. The tool's text is what was answered, after the beginning.
async fn form(
    begin: &str,
    message: &str,
    schema: Value,
    context: &Context,
) -> Result<CallToolResult, ErrorData> {
    if context.client_capabilities().unwrap_or_default().elicitation.is_none() {
        return Ok(refused("The client did not declare `elicitation`"));
    }
    let params = ElicitRequestParams::FormElicitationParams {
        meta: None,
        message: message.to_owned(),
        requested_schema: serde_json::from_value(schema).map_err(internal)?,
    };
    Ok(match context.peer.create_elicitation(params).await {
        Ok(answer) => CallToolResult::success(vec![ContentBlock::text(format!("{begin}{}", told(&answer)))]),
        Err(error) => refused(format!("The client did not answer: {error}")),
    })
}

fn told(answer: &ElicitResult) -> String {
    let action = match answer.action {
        ElicitationAction::Accept => "accept",
        ElicitationAction::Decline => "decline",
        _ => "cancel",
    };
    let content = serde_json::to_value(&answer.content).unwrap_or_default();
    format!("action={action}, content={content}")
}

//! The list of the tools, and those that answer without asking back.

use std::time::Duration;

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ClientCapabilities, ContentBlock, LoggingLevel,
    LoggingMessageNotificationParam, ProgressNotificationParam, Tool,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer};
use serde_json::{Value, json};

use crate::asks;
use crate::content::{PNG, WAV, internal, invalid, needed, object, text_of};
use crate::fixture::{Change, Fixture};
use crate::gate::session;
use crate::input_required::{self, Answers};
use crate::tasks::{self, Called};

/// How long a tool pauses between its messages.
const PAUSE: Duration = Duration::from_millis(50);

/// How long a call waits for its stream to be taken up again.
const PATIENCE: Duration = Duration::from_secs(10);

type Context = RequestContext<RoleServer>;

/// A text of a tool that worked.
pub fn said(text: impl Into<String>) -> CallToolResult {
    CallToolResult::success(vec![ContentBlock::text(text)])
}

/// A text of a tool that did not.
pub fn refused(text: impl Into<String>) -> CallToolResult {
    CallToolResult::error(vec![ContentBlock::text(text)])
}

pub fn list() -> Vec<Tool> {
    let plain = [
        ("test_simple_text", "Says a text"),
        ("test_image_content", "Shows an image"),
        ("test_audio_content", "Plays a sound"),
        ("test_embedded_resource", "Gives a resource"),
        ("test_multiple_content_types", "Gives a text, an image and a resource"),
        ("test_tool_with_logging", "Logs three messages"),
        ("test_tool_with_progress", "Tells how far it is, where a token was given"),
        ("test_error_handling", "Fails"),
        ("test_elicitation_sep1034_defaults", "Asks the user with a form that has defaults (to 2025-11-25)"),
        ("test_elicitation_sep1330_enums", "Asks the user with a form that has choices (to 2025-11-25)"),
        ("test_reconnection", "Answers after the stream was closed (to 2025-11-25)"),
        ("test_missing_capability", "Needs a client that declares `sampling` (2026-07-28)"),
        ("test_streaming_elicitation", "Asks the user for a value (2026-07-28)"),
        ("test_logging_tool", "Logs a message, where a level was asked for (2026-07-28)"),
        ("test_trigger_tool_change", "Tells who listens that the tools have changed"),
        ("test_trigger_prompt_change", "Tells who listens that the prompts have changed"),
    ];
    let mut tools: Vec<_> = plain.map(|(name, description)| tool(name, description, json!({}))).into();
    let text = |name: &str, description: &str| json!({name: {"type": "string", "description": description}});
    tools.extend([
        tool("test_sampling", "Asks the client's model (to 2025-11-25)", text("prompt", "What it is asked")),
        tool("test_elicitation", "Asks the user (to 2025-11-25)", text("message", "What is asked")),
        tool(
            "test_custom_header",
            "Says its value again, which is in a header, too (2026-07-28)",
            json!({"value": {"type": "string", "x-mcp-header": "Value"}}),
        ),
        Tool::new("json_schema_2020_12_tool", "Has a schema with many keywords", object(rich_schema())),
    ]);
    tools.extend(input_required::TOOLS.map(|(name, description)| {
        let name = format!("test_input_required_result_{name}");
        tool(&name, &format!("{description} (2026-07-28)"), json!({}))
    }));
    tools.extend(tasks::list());
    tools
}

/// A tool that needs all of its arguments.
pub fn tool(name: &str, description: &str, properties: Value) -> Tool {
    let mut schema = json!({"type": "object", "properties": properties});
    let required: Vec<_> = object(properties).into_iter().map(|(name, _)| name).collect();
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    Tool::new(name.to_owned(), description.to_owned(), object(schema))
}

/// What 2025-11-25 and 2026-07-28 allow in a schema, and nobody may drop.
fn rich_schema() -> Value {
    let text = json!({"type": "string"});
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "$defs": {
            "address": {
                "$anchor": "addressDef",
                "type": "object",
                "properties": {"street": text, "city": text},
            },
        },
        "properties": {
            "name": text,
            "address": {"$ref": "#/$defs/address"},
            "contactMethod": {"type": "string", "enum": ["phone", "email"]},
            "phone": text,
            "email": text,
        },
        "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
        "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
        "then": {"required": ["phone"]},
        "else": {"required": ["email"]},
        "additionalProperties": false,
    })
}

pub async fn call(
    fixture: &Fixture,
    request: CallToolRequestParams,
    context: Context,
) -> Result<CallToolResponse, ErrorData> {
    let arguments = request.arguments.unwrap_or_default();
    let answers = Answers::new(request.input_responses, request.request_state);
    if let Some(which) = request.name.strip_prefix("test_input_required_result_") {
        return input_required::call(which, &answers, &fixture.world, &context);
    }
    match tasks::call(&request.name, &arguments, &answers, &fixture.world, &context).transpose()? {
        Some(Called::Now(response)) => return Ok(response),
        Some(Called::Later(job)) => return job.wait().await,
        None => {}
    }
    let result = match &*request.name {
        "test_simple_text" => said("This is a simple text response for testing."),
        "test_image_content" => CallToolResult::success(vec![ContentBlock::image(PNG, "image/png")]),
        "test_audio_content" => CallToolResult::success(vec![ContentBlock::audio(WAV, "audio/wav")]),
        "test_embedded_resource" => {
            let text = "This is an embedded resource content.";
            let resource = text_of("test://embedded-resource", "text/plain", text);
            CallToolResult::success(vec![ContentBlock::resource(resource)])
        }
        "test_multiple_content_types" => {
            let data = json!({"test": "data", "value": 123}).to_string();
            CallToolResult::success(vec![
                ContentBlock::text("Multiple content types test:"),
                ContentBlock::image(PNG, "image/png"),
                ContentBlock::resource(text_of("test://mixed-content-resource", "application/json", data)),
            ])
        }
        "test_tool_with_logging" => log_three(fixture, &context).await?,
        "test_tool_with_progress" => progress(&context).await?,
        "test_error_handling" => refused("This tool intentionally returns an error for testing"),
        "test_sampling" => match needed(&arguments, "prompt") {
            Ok(prompt) => asks::model(prompt, &context).await?,
            Err(why) => refused(why),
        },
        "test_elicitation" => match needed(&arguments, "message") {
            Ok(message) => asks::user(message, &context).await?,
            Err(why) => refused(why),
        },
        "test_elicitation_sep1034_defaults" => asks::with_defaults(&context).await?,
        "test_elicitation_sep1330_enums" => asks::with_choices(&context).await?,
        "test_reconnection" => {
            stream_taken_up(fixture, &context).await;
            said("This answer came after the stream was closed.")
        }
        "test_custom_header" => needed(&arguments, "value").map_or_else(refused, said),
        "json_schema_2020_12_tool" => said(Value::Object(arguments).to_string()),
        "test_missing_capability" => needs_sampling(&context)?,
        "test_streaming_elicitation" => {
            return input_required::call("elicitation", &answers, &fixture.world, &context);
        }
        "test_logging_tool" => {
            fixture.log(LoggingLevel::Info, "A level was asked for", &context).await?;
            said("The tool is done.")
        }
        "test_trigger_tool_change" => told(fixture, Change::Tools),
        "test_trigger_prompt_change" => told(fixture, Change::Prompts),
        name => return Err(invalid(format!("there is no tool {name}"))),
    };
    Ok(result.into())
}

async fn log_three(fixture: &Fixture, context: &Context) -> Result<CallToolResult, ErrorData> {
    for message in ["Tool execution started", "Tool processing data", "Tool execution completed"] {
        fixture.log(LoggingLevel::Info, message, context).await?;
        tokio::time::sleep(PAUSE).await;
    }
    Ok(said("Three messages were logged, where they were asked for."))
}

async fn progress(context: &Context) -> Result<CallToolResult, ErrorData> {
    let token = context.meta.get_progress_token();
    for step in [0.0, 50.0, 100.0] {
        if let Some(token) = &token {
            let progress = ProgressNotificationParam::new(token.clone(), step).with_total(100.0);
            context.peer.notify_progress(progress).await.map_err(internal)?;
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(said("All of it is done."))
}

/// The gate has closed the stream of this call: rmcp keeps an answer for one who comes again only as long as
/// the call runs.
async fn stream_taken_up(fixture: &Fixture, context: &Context) {
    let Some(session) = context.extensions.get().and_then(session) else { return };
    let sessions = &fixture.world.taken_up;
    let mut changes = sessions.subscribe();
    // Who does not come again is not waited for.
    let _ = tokio::time::timeout(PATIENCE, changes.wait_for(|sessions| sessions.contains(&session))).await;
    sessions.send_if_modified(|sessions| sessions.remove(&session));
}

fn needs_sampling(context: &Context) -> Result<CallToolResult, ErrorData> {
    if context.client_capabilities().unwrap_or_default().sampling.is_none() {
        let needed = ClientCapabilities::builder().enable_sampling().build();
        return Err(ErrorData::missing_required_client_capability(needed));
    }
    Ok(said("The client declared what is needed."))
}

fn told(fixture: &Fixture, change: Change) -> CallToolResult {
    // Nobody may be listening.
    let _ = fixture.world.changes.send(change);
    said("Who listens is told.")
}

/// A message to the client's log.
pub fn message(level: LoggingLevel, text: &str) -> LoggingMessageNotificationParam {
    LoggingMessageNotificationParam::new(level, json!(text)).with_logger("fixture")
}

/// The schema of a tool's arguments, which says what is in headers, too.
pub fn find(name: &str) -> Option<Tool> {
    list().into_iter().find(|tool| tool.name == name)
}

//! The tools that may run as a task, of the extension `io.modelcontextprotocol/tasks` of 2026-07-28.

use std::time::Duration;

use rmcp::model::{CallToolResponse, CallToolResult, ClientCapabilities, CreateTaskResult, JsonObject, Tool};
use rmcp::task_manager::{TaskContext, TaskExit, TaskOptions};
use rmcp::{ErrorData, RoleServer};
use serde_json::{Value, json};

use crate::content::internal;
use crate::fixture::World;
use crate::input_required::{self, Answers};
use crate::tools::{refused, said, tool};

type Context = rmcp::service::RequestContext<RoleServer>;
type Ended = Result<CallToolResult, TaskExit>;

/// How long a task without arguments takes.
const WORK: Duration = Duration::from_millis(200);

pub fn list() -> Vec<Tool> {
    let plain = |name: &str, description: &str| tool(name, description, json!({}));
    let mut compute = plain("slow_compute", "Takes its time; a task, where tasks are declared");
    let schema = json!({
        "type": "object",
        "properties": {"seconds": {"type": "number"}, "label": {"type": "string"}},
    });
    compute.input_schema = std::sync::Arc::new(crate::content::object(schema));
    vec![
        tool("greet", "Greets, and is never a task", json!({"name": {"type": "string"}})),
        compute,
        plain("failing_job", "A task that ends with a tool error"),
        plain("protocol_error_job", "Ends with a protocol error; a task, where tasks are declared"),
        tool("confirm_delete", "A task that asks one question", json!({"filename": {"type": "string"}})),
        plain("multi_input", "A task that asks two questions at once"),
        plain("test_tool_with_task", "Asks a question, then becomes a task"),
    ]
}

/// Calls a tool of this module. None where it is none.
pub fn call(
    name: &str,
    arguments: &JsonObject,
    answers: &Answers,
    world: &World,
    context: &Context,
) -> Option<Result<Called, ErrorData>> {
    let declared = context.client_capabilities().is_some_and(|client| client.supports_tasks());
    let only_as_task = ["failing_job", "confirm_delete", "multi_input", "test_tool_with_task"];
    if only_as_task.contains(&name) && !declared {
        let needed = ClientCapabilities::builder().enable_tasks().build();
        return Some(Err(ErrorData::missing_required_client_capability(needed)));
    }
    let text =
        |key: &str, other: &str| arguments.get(key).and_then(Value::as_str).unwrap_or(other).to_owned();
    let job = match name {
        "greet" => {
            return Some(Ok(Called::Now(said(format!("Hello, {}!", text("name", "stranger"))).into())));
        }
        "slow_compute" => {
            let seconds = arguments.get("seconds").and_then(Value::as_f64).unwrap_or(1.0).clamp(0.0, 600.0);
            Job::Compute(Duration::from_secs_f64(seconds), text("label", "no label"))
        }
        "failing_job" => Job::Fail,
        "protocol_error_job" => Job::Break,
        "confirm_delete" => Job::Confirm(text("filename", "a file")),
        "multi_input" => Job::TwoQuestions,
        "test_tool_with_task" => match answers.field("user_name", "name") {
            Some(name) => Job::Greet(name.to_owned()),
            None => {
                return Some(input_required::call("elicitation", answers, world, context).map(Called::Now));
            }
        },
        _ => return None,
    };
    if !declared {
        return Some(Ok(Called::Later(job)));
    }
    let options = TaskOptions::new().with_poll_interval_ms(100);
    let task = world.tasks.spawn(options, move |task| Box::pin(async move { job.run(Some(&task)).await }));
    Some(Ok(Called::Now(CreateTaskResult::new(task).into())))
}

/// What becomes of a call.
pub enum Called {
    Now(CallToolResponse),
    /// It is no task, so the call waits.
    Later(Job),
}

pub enum Job {
    Compute(Duration, String),
    Fail,
    Break,
    Confirm(String),
    TwoQuestions,
    Greet(String),
}

impl Job {
    /// Does it while the call waits.
    pub async fn wait(self) -> Result<CallToolResponse, ErrorData> {
        match self.run(None).await {
            Ok(result) => Ok(result.into()),
            Err(TaskExit::Error(error)) => Err(error),
            Err(_) => Err(internal("it was cancelled")),
        }
    }

    async fn run(self, task: Option<&TaskContext>) -> Ended {
        match self {
            Self::Compute(time, label) => {
                pause(time, task).await?;
                Ok(said(format!("Computed {label} in {} s.", time.as_secs_f64())))
            }
            Self::Fail => {
                pause(WORK, task).await?;
                Ok(refused("This job always fails."))
            }
            Self::Break => {
                pause(WORK, task).await?;
                Err(TaskExit::Error(internal("This job always breaks.")))
            }
            Self::Confirm(file) => {
                let confirmed =
                    ask(task, "confirm", &format!("Delete {file}?"), "confirm", "boolean").await?;
                Ok(said(if confirmed == json!(true) {
                    format!("Deleted {file}.")
                } else {
                    format!("Kept {file}.")
                }))
            }
            Self::TwoQuestions => {
                let (first, second) = futures_util::future::join(
                    ask(task, "first", "What is first?", "value", "string"),
                    ask(task, "second", "What is second?", "value", "string"),
                )
                .await;
                Ok(said(format!("First {}, second {}.", first?, second?)))
            }
            Self::Greet(name) => {
                pause(WORK, task).await?;
                Ok(said(format!("Hello, {name}, from a task!")))
            }
        }
    }
}

async fn pause(time: Duration, task: Option<&TaskContext>) -> Result<(), TaskExit> {
    let Some(task) = task else {
        tokio::time::sleep(time).await;
        return Ok(());
    };
    tokio::select! {
        () = tokio::time::sleep(time) => Ok(()),
        () = task.cancelled() => Err(TaskExit::Cancelled),
    }
}

/// What the user writes into a form of one field.
async fn ask(
    task: Option<&TaskContext>,
    key: &str,
    message: &str,
    field: &str,
    kind: &str,
) -> Result<Value, TaskExit> {
    let task = task.ok_or_else(|| TaskExit::Error(internal("only a task can ask")))?;
    let question = input_required::form(message, field, kind).map_err(TaskExit::Error)?;
    let answer = task.request_input(key, question).await?;
    Ok(answer.pointer(&format!("/content/{field}")).cloned().unwrap_or_default())
}

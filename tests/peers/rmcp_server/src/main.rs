//! An MCP server for callsheet's tests that is built with rmcp's own macros, sessions and streams; it shares no
//! code with callsheet and its sandbox.
//!
//! Usage: `rmcp_server PORT` serves `http://127.0.0.1:PORT/mcp`, both protocol eras. Port 0 takes a free port;
//! `LISTENING http://127.0.0.1:PORT/mcp` is printed once connections are taken.
//!
//! The notes and jobs belong to the process: whoever writes one has to choose a key of their own.
#![expect(
    deprecated,
    reason = "sampling, roots and logging are deprecated in 2026-07-28, and still to be met"
)]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rmcp::handler::server::tool::InputResponses as Answers;
use rmcp::handler::server::wrapper::{Json, Parameters};
use rmcp::model::*;
use rmcp::service::{RequestContext, SubscriptionContext};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{
    ErrorData, RoleServer, ServerHandler, prompt, prompt_handler, prompt_router, tool, tool_handler,
    tool_router,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::broadcast;

/// What all sessions share.
struct World {
    notes: Mutex<BTreeMap<String, String>>,
    jobs: Mutex<Vec<Job>>,
    changes: broadcast::Sender<Change>,
}

struct Job {
    polls_left: u32,
    end: &'static str,
}

/// What subscribers hear of.
#[derive(Clone)]
enum Change {
    /// A resource has another content.
    Note(String),
    /// There is another list of resources.
    List,
}

#[derive(Clone)]
struct Peer {
    world: Arc<World>,
    /// What this session subscribed to, in the older era.
    subscribed: Arc<Mutex<Vec<String>>>,
    level: Arc<Mutex<Option<LoggingLevel>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Deserialize, JsonSchema)]
struct Message {
    message: String,
}

#[derive(Deserialize, JsonSchema)]
struct Terms {
    a: f64,
    b: f64,
}

#[derive(Serialize, JsonSchema)]
struct Sum {
    sum: f64,
    terms: Vec<f64>,
}

#[derive(Deserialize, JsonSchema)]
struct Note {
    key: String,
    text: String,
}

#[derive(Deserialize, JsonSchema)]
struct Key {
    key: String,
}

#[derive(Deserialize, JsonSchema)]
struct Steps {
    steps: u32,
}

#[derive(Deserialize, JsonSchema)]
struct NewJob {
    /// How often the job is read until it has ended.
    polls: u32,
    /// Whether it ends faulted.
    #[serde(default)]
    faulted: bool,
}

#[derive(Serialize, JsonSchema)]
struct Started {
    job: usize,
}

#[tool_router]
impl Peer {
    fn new(world: Arc<World>) -> Self {
        Self { world, subscribed: Arc::default(), level: Arc::default() }
    }

    #[tool(description = "Says the message again")]
    fn echo(&self, Parameters(Message { message }): Parameters<Message>) -> String {
        message
    }

    #[tool(description = "Adds two numbers")]
    fn add(&self, Parameters(Terms { a, b }): Parameters<Terms>) -> Json<Sum> {
        Json(Sum { sum: a + b, terms: vec![a, b] })
    }

    #[tool(description = "Writes a note, once")]
    fn write_note(&self, Parameters(Note { key, text }): Parameters<Note>) -> CallToolResult {
        let mut notes = lock(&self.world.notes);
        if notes.contains_key(&key) {
            return CallToolResult::error(vec![ContentBlock::text(format!("there is a note {key}"))]);
        }
        notes.insert(key, text);
        drop(notes);
        // Nobody may be listening.
        let _ = self.world.changes.send(Change::List);
        CallToolResult::success(vec![ContentBlock::text("written")])
    }

    #[tool(description = "Changes a note")]
    fn change_note(&self, Parameters(Note { key, text }): Parameters<Note>) -> CallToolResult {
        let uri = format!("note://{key}");
        let Some(()) = lock(&self.world.notes).get_mut(&key).map(|note| *note = text) else {
            return no_note(&key);
        };
        let _ = self.world.changes.send(Change::Note(uri));
        CallToolResult::success(vec![ContentBlock::text("changed")])
    }

    #[tool(description = "Deletes a note")]
    fn delete_note(&self, Parameters(Key { key }): Parameters<Key>) -> CallToolResult {
        if lock(&self.world.notes).remove(&key).is_none() {
            return no_note(&key);
        }
        let _ = self.world.changes.send(Change::List);
        CallToolResult::success(vec![ContentBlock::text("deleted")])
    }

    #[tool(description = "Starts a job; job://{number}/state tells how it stands")]
    fn start_job(&self, Parameters(NewJob { polls, faulted }): Parameters<NewJob>) -> Json<Started> {
        let mut jobs = lock(&self.world.jobs);
        jobs.push(Job { polls_left: polls, end: if faulted { "Faulted" } else { "Successful" } });
        Json(Started { job: jobs.len() - 1 })
    }

    #[tool(description = "Tells how far it is, where a token was given")]
    async fn progress(
        &self,
        Parameters(Steps { steps }): Parameters<Steps>,
        context: RequestContext<RoleServer>,
    ) -> Result<String, ErrorData> {
        let token = context.meta.get_progress_token();
        for step in 1..=steps {
            tokio::time::sleep(Duration::from_millis(10)).await;
            if let Some(token) = &token {
                let progress = ProgressNotificationParam::new(token.clone(), f64::from(step));
                let progress = progress.with_total(f64::from(steps));
                context.peer.notify_progress(progress).await.map_err(internal)?;
            }
        }
        Ok(format!("did {steps} steps"))
    }

    #[tool(description = "Logs the message as info and as a warning, as far as it was asked for")]
    async fn log(
        &self,
        Parameters(Message { message }): Parameters<Message>,
        context: RequestContext<RoleServer>,
    ) -> Result<String, ErrorData> {
        let asked = if is_modern(&context) { context.meta.log_level() } else { *lock(&self.level) };
        let levels = [(0, LoggingLevel::Info), (1, LoggingLevel::Warning)];
        let least = asked.map_or(u8::MAX, |level| match level {
            LoggingLevel::Debug | LoggingLevel::Info => 0,
            LoggingLevel::Notice | LoggingLevel::Warning => 1,
            _ => 2,
        });
        for (_, level) in levels.into_iter().filter(|(rank, _)| *rank >= least) {
            let param = LoggingMessageNotificationParam::new(level, json!({"message": message}));
            context.peer.notify_logging_message(param.with_logger("peer")).await.map_err(internal)?;
        }
        Ok("logged".to_owned())
    }

    #[tool(description = "Asks the user for a name and a size")]
    async fn ask_form(
        &self,
        answers: Answers,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let schema = json!({
            "type": "object",
            "properties": {
                "name": {"type": "string", "description": "Who orders"},
                "size": {"type": "integer", "default": 3},
            },
            "required": ["name"],
        });
        let params = ElicitRequestParams::FormElicitationParams {
            meta: None,
            message: "Who orders, and which size?".to_owned(),
            requested_schema: serde_json::from_value(schema).map_err(internal)?,
        };
        self.ask(InputRequest::Elicitation(ElicitRequest::new(params)), answers, &context).await
    }

    #[tool(description = "Asks the user to open a page")]
    async fn ask_url(
        &self,
        answers: Answers,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let params = ElicitRequestParams::UrlElicitationParams {
            meta: None,
            message: "Sign in".to_owned(),
            url: "https://example.com/sign-in".to_owned(),
            elicitation_id: if is_modern(&context) { String::new() } else { "sign-in-1".to_owned() },
        };
        self.ask(InputRequest::Elicitation(ElicitRequest::new(params)), answers, &context).await
    }

    #[tool(description = "Asks the client's model for a summary")]
    async fn ask_model(
        &self,
        Parameters(Message { message }): Parameters<Message>,
        answers: Answers,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let messages = vec![SamplingMessage::user_text(format!("Summarize: {message}"))];
        let params = CreateMessageRequestParams::new(messages, 100);
        self.ask(InputRequest::CreateMessage(CreateMessageRequest::new(params)), answers, &context).await
    }

    #[tool(description = "Asks the client for its roots")]
    async fn ask_roots(
        &self,
        answers: Answers,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        self.ask(InputRequest::ListRoots(ListRootsRequest::default()), answers, &context).await
    }

    /// Asks in the way of the version; the tool's text is the answer as JSON.
    async fn ask(
        &self,
        question: InputRequest,
        Answers(answers): Answers,
        context: &RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let has = context.client_capabilities().unwrap_or_default();
        let missing = match &question {
            InputRequest::Elicitation(_) if has.elicitation.is_none() => {
                Some(ClientCapabilities::builder().enable_elicitation().build())
            }
            InputRequest::CreateMessage(_) if has.sampling.is_none() => {
                Some(ClientCapabilities::builder().enable_sampling().build())
            }
            InputRequest::ListRoots(_) if has.roots.is_none() => {
                Some(ClientCapabilities::builder().enable_roots().build())
            }
            _ => None,
        };
        if let Some(missing) = missing {
            return Err(ErrorData::missing_required_client_capability(missing));
        }
        let answer = if is_modern(context) {
            match answers.and_then(|mut answers| answers.remove("question")) {
                Some(answer) => answer,
                None => {
                    let questions = InputRequests::from([("question".to_owned(), question)]);
                    return Ok(InputRequiredResult::new(Some(questions), Some("asked".to_owned())).into());
                }
            }
        } else {
            let answer = match question {
                InputRequest::Elicitation(request) => {
                    json(context.peer.create_elicitation(request.params).await.map_err(internal)?)
                }
                InputRequest::CreateMessage(request) => {
                    json(context.peer.create_message(request.params).await.map_err(internal)?)
                }
                InputRequest::ListRoots(_) => json(context.peer.list_roots().await.map_err(internal)?),
                _ => Err(internal("a question that nobody asks")),
            };
            answer?
        };
        Ok(CallToolResult::success(vec![ContentBlock::text(answer.to_string())]).into())
    }
}

#[derive(Deserialize, JsonSchema)]
struct Greeting {
    /// Who is greeted.
    name: String,
}

const NAMES: [&str; 4] = ["Ada", "Alan", "Barbara", "Grace"];

#[prompt_router]
impl Peer {
    #[prompt(name = "greeting", description = "A greeting")]
    fn greeting(&self, Parameters(Greeting { name }): Parameters<Greeting>) -> Vec<PromptMessage> {
        vec![PromptMessage::new_text(Role::User, format!("Say hello to {name}."))]
    }
}

#[tool_handler]
#[prompt_handler]
impl ServerHandler for Peer {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_logging()
            .enable_completions()
            .enable_prompts()
            .enable_resources()
            .enable_resources_subscribe()
            .enable_resources_list_changed()
            .enable_tools()
            .build();
        ServerConfig::new(capabilities).with_server_info(Implementation::new("rmcp-peer", "1.0.0"))
    }

    async fn complete(
        &self,
        request: CompleteRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        let all: Vec<String> = match (&request.r#ref, request.argument.name.as_str()) {
            (Reference::Prompt(prompt), "name") if prompt.name == "greeting" => {
                NAMES.map(str::to_owned).to_vec()
            }
            (Reference::Resource(template), "key") if template.uri == "note://{key}" => {
                lock(&self.world.notes).keys().cloned().collect()
            }
            _ => return Err(ErrorData::invalid_params("there is nothing to complete", None)),
        };
        let found = all.into_iter().filter(|value| value.starts_with(&request.argument.value)).collect();
        Ok(CompleteResult::new(CompletionInfo::with_all_values(found).map_err(internal)?))
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let notes = lock(&self.world.notes);
        let resources = notes.keys().map(|key| Resource::new(format!("note://{key}"), key.clone()));
        Ok(ListResourcesResult::with_all_items(resources.collect()))
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        Ok(ListResourceTemplatesResult::with_all_items(vec![
            ResourceTemplate::new("note://{key}", "note"),
            ResourceTemplate::new("job://{number}/state", "job"),
        ]))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let uri = request.uri;
        let text = if let Some(key) = uri.strip_prefix("note://") {
            lock(&self.world.notes).get(key).cloned()
        } else {
            let number = uri.strip_prefix("job://").and_then(|rest| rest.strip_suffix("/state"));
            let mut jobs = lock(&self.world.jobs);
            let job = number.and_then(|number| number.parse::<usize>().ok()).and_then(|at| jobs.get_mut(at));
            job.map(|job| {
                let state = if job.polls_left == 0 { job.end } else { "Running" };
                job.polls_left = job.polls_left.saturating_sub(1);
                json!({"state": state}).to_string()
            })
        };
        let text = text.ok_or_else(|| ErrorData::resource_not_found("there is no such resource", None))?;
        Ok(ReadResourceResult::new(vec![ResourceContents::text(text, uri)]).into())
    }

    async fn subscribe(
        &self,
        request: SubscribeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        let mut changes = self.world.changes.subscribe();
        let first = {
            let mut subscribed = lock(&self.subscribed);
            subscribed.push(request.uri);
            subscribed.len() == 1
        };
        if first {
            let (subscribed, peer) = (Arc::clone(&self.subscribed), context.peer);
            // It ends when the session has: then nothing can be sent any more.
            tokio::spawn(async move {
                while let Ok(change) = changes.recv().await {
                    let sent = match change {
                        Change::Note(uri) if lock(&subscribed).contains(&uri) => {
                            peer.notify_resource_updated(ResourceUpdatedNotificationParam::new(uri)).await
                        }
                        Change::Note(_) => Ok(()),
                        Change::List => peer.notify_resource_list_changed().await,
                    };
                    if sent.is_err() {
                        break;
                    }
                }
            });
        }
        Ok(())
    }

    async fn unsubscribe(
        &self,
        request: UnsubscribeRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        lock(&self.subscribed).retain(|uri| *uri != request.uri);
        Ok(())
    }

    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        Some(requested.supported_by(&self.get_info().capabilities))
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let mut changes = self.world.changes.subscribe();
        loop {
            let change = tokio::select! {
                () = context.cancelled() => return Ok(()),
                change = changes.recv() => change,
            };
            // What the filter leaves out is an error of the sink, and nothing to stop for.
            let _ = match change {
                Ok(Change::Note(uri)) => context.sink().notify_resource_updated(uri).await,
                Ok(Change::List) => context.sink().notify_resource_list_changed().await,
                Err(_) => return Ok(()),
            };
        }
    }

    async fn set_level(
        &self,
        request: SetLevelRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        if is_modern(&context) {
            return Err(ErrorData::method_not_found::<SetLevelRequestMethod>());
        }
        *lock(&self.level) = Some(request.level);
        Ok(())
    }
}

fn is_modern(context: &RequestContext<RoleServer>) -> bool {
    context.protocol_version().is_some_and(|version| version >= ProtocolVersion::V_2026_07_28)
}

fn no_note(key: &str) -> CallToolResult {
    CallToolResult::error(vec![ContentBlock::text(format!("there is no note {key}"))])
}

fn json(value: impl Serialize) -> Result<Value, ErrorData> {
    serde_json::to_value(value).map_err(internal)
}

fn internal(error: impl ToString) -> ErrorData {
    ErrorData::internal_error(error.to_string(), None)
}

#[tokio::main]
async fn main() {
    let port = std::env::args().nth(1).expect("usage: rmcp_server PORT");
    let world = Arc::new(World {
        notes: Mutex::new(BTreeMap::from([("readme".to_owned(), "Read me.".to_owned())])),
        jobs: Mutex::default(),
        changes: broadcast::channel(1024).0,
    });
    let service = StreamableHttpService::new(
        move || Ok(Peer::new(Arc::clone(&world))),
        Arc::new(LocalSessionManager::default()),
        StreamableHttpServerConfig::default(),
    );
    let listener =
        tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await.expect("the port is free");
    println!("LISTENING http://{}/mcp", listener.local_addr().expect("it is bound"));
    axum::serve(listener, axum::Router::new().nest_service("/mcp", service)).await.expect("it serves");
}

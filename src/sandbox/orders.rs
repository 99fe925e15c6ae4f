//! The servers as rmcp asks for them: each method of the protocol, answered from the other modules.
#![expect(deprecated, reason = "log levels and subscriptions of 2025 are deprecated, and still to be met")]

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::request::Parts;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, CancelTaskParams, CompleteRequestParams,
    CompleteResult, ContentBlock, CustomRequest, CustomResult, ErrorCode, Extensions, GetPromptRequestParams,
    GetPromptResponse, GetTaskParams, GetTaskResult, Implementation, InitializeRequestParams,
    InitializeResult, ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult, ListToolsResult,
    LoggingLevel, PaginatedRequestParams, ProtocolVersion, ReadResourceRequestParams, ReadResourceResponse,
    ReadResourceResult, ServerCapabilities, ServerConfig, SetLevelRequestMethod, SetLevelRequestParams,
    SubscribeRequestMethod, SubscribeRequestParams, SubscriptionFilter, UnsubscribeRequestMethod,
    UnsubscribeRequestParams, UpdateTaskParams,
};
use rmcp::service::{Peer, RequestContext, SubscriptionContext};
use rmcp::{ErrorData, RoleServer, ServerHandler};
use serde_json::Value;
use tokio::sync::mpsc;

use super::asks::Input;
use super::gate::Caller;
use super::listeners::{Change, Listener, Wanted};
use super::processes::{self, Job, SILENCE};
use super::rights::{Denied, How};
use super::shop::Shop;
use super::tasks::answer_in;
use super::tools;
use super::world::Catalog;
use super::{completion, content};
use crate::knobs;

/// Tools on one page.
const PAGE: usize = 10;
/// The methods that want params.
const KNOWN: [&str; 10] = [
    "initialize",
    "tools/call",
    "resources/read",
    "prompts/get",
    "logging/setLevel",
    "completion/complete",
    "subscriptions/listen",
    "tasks/get",
    "tasks/update",
    "tasks/cancel",
];

/// One session with a server, or one request of the era without sessions.
pub(super) struct Orders {
    shop: Arc<Shop>,
    /// Whether a session of the older eras has a stream for what belongs to none of its requests.
    streams: bool,
    catalog: Catalog,
    /// What `logging/setLevel` said.
    level: Mutex<Option<LoggingLevel>>,
    listening: Mutex<Option<Listening>>,
}

/// A session, or a `subscriptions/listen`, that is told of changes.
struct Listening {
    listener: Listener,
    /// Until the stream that they go to is there.
    changes: Option<mpsc::Receiver<Change>>,
}

impl Orders {
    pub(super) fn new(shop: Arc<Shop>, streams: bool, catalog: Catalog) -> Self {
        Self { shop, streams, catalog, level: Mutex::default(), listening: Mutex::default() }
    }

    fn listening(&self) -> MutexGuard<'_, Option<Listening>> {
        self.listening.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a session what it is told, as long as it is there.
    fn tell(&self, peer: Peer<RoleServer>) {
        let wanted = Wanted { tools: true, prompts: true, ..Wanted::default() };
        let (listener, mut changes) = self.shop.listeners.add(wanted);
        *self.listening() = Some(Listening { listener, changes: None });
        tokio::spawn(async move {
            while let Some(change) = changes.recv().await {
                if peer.send_notification(change.into()).await.is_err() {
                    return;
                }
            }
        });
    }

    /// Asked for with each request in the modern era, once for a session before.
    fn level(&self, context: &RequestContext<RoleServer>) -> Option<LoggingLevel> {
        if is_modern(context) {
            return context.meta.log_level();
        }
        *self.level.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ServerHandler for Orders {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_logging()
            .enable_completions()
            .enable_prompts()
            .enable_prompts_list_changed()
            .enable_resources()
            .enable_resources_subscribe()
            .enable_tools()
            .enable_tool_list_changed()
            .enable_tasks()
            .build();
        let mut info = ServerConfig::new(capabilities);
        let (name, version) = match self.catalog {
            Catalog::Orders => ("orders", "1.0.0"),
            Catalog::OrdersNext => ("orders", "2.0.0"),
            Catalog::Connectors => ("connectors", "1.0.0"),
            Catalog::Assistant => ("assistant", "1.0.0"),
        };
        info.server_info = Implementation::new(name, version);
        info
    }

    async fn initialize(
        &self,
        request: InitializeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<InitializeResult, ErrorData> {
        context.peer.set_peer_info(request.clone());
        let mut info = self.negotiate_initialize(&request)?;
        let known = ProtocolVersion::KNOWN_VERSIONS.contains(&request.protocol_version);
        let older = known_caller(&context)?.world.knobs.is(&knobs::UNKNOWN_VERSION, "2025-06-18");
        if !known && older {
            info.protocol_version = ProtocolVersion::V_2025_06_18;
        }
        // The older eras have no extensions.
        info.capabilities.extensions = None;
        if self.streams {
            self.tell(context.peer);
        } else {
            // What has no stream to come on is not promised.
            let offered = &mut info.capabilities;
            offered.prompts = Some(Default::default());
            offered.resources = Some(Default::default());
            offered.tools = Some(Default::default());
        }
        Ok(info)
    }

    async fn list_tools(
        &self,
        params: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let caller = known_caller(&context)?;
        match &caller.denied {
            Some(Denied { how: How::Error(text), .. }) => {
                return Err(ErrorData::internal_error(text.clone(), None));
            }
            Some(_) => return Ok(ListToolsResult::with_all_items(Vec::new())),
            None => {}
        }
        let on = |definition: &&tools::Definition| is_on(caller, &definition.tool.name);
        let all: Vec<_> = tools::of(self.catalog).iter().filter(on).collect();
        let start = start_of_page(params, all.len())?;
        let page = all.iter().skip(start).take(PAGE).map(|definition| definition.tool.clone());
        let mut result = ListToolsResult::with_all_items(page.collect());
        let next = start + PAGE;
        result.next_cursor = (next < all.len()).then(|| cursor(next));
        Ok(result)
    }

    async fn call_tool(
        &self,
        params: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let caller = known_caller(&context)?;
        let found = tools::find(self.catalog, &params.name).filter(|_| is_on(caller, &params.name));
        let Some(definition) = found else {
            let message = format!("Unknown tool: {}", params.name);
            if caller.world.knobs.is(&knobs::UNKNOWN_TOOL, "is_error") {
                return Ok(CallToolResult::error(vec![ContentBlock::text(message)]).into());
            }
            return Err(ErrorData::invalid_params(message, None));
        };
        match &caller.denied {
            Some(Denied { how: How::Told(why), .. }) => return Ok(processes::refused(why).into()),
            Some(_) => return Ok(no_host(&context, caller).await.into()),
            None => {}
        }
        let arguments = params.arguments.unwrap_or_default();
        let given = Value::Object(arguments);
        if let Some(problems) = definition.problems(&given) {
            return Ok(CallToolResult::error(vec![ContentBlock::text(problems)]).into());
        }
        let Value::Object(arguments) = given else {
            return Err(ErrorData::invalid_params("arguments", None));
        };
        let modern = is_modern(&context);
        let input = Input { responses: params.input_responses, state: params.request_state };
        if modern && !definition.asks() && (input.responses.is_some() || input.state.is_some()) {
            let message = "inputResponses and requestState belong to another call: this tool asks nothing";
            return Err(ErrorData::invalid_params(message, None));
        }
        let level = self.level(&context);
        let job = Job { shop: &self.shop, modern, caller, context: &context, level, arguments };
        job.run(definition.process, &input).await
    }

    async fn list_resources(
        &self,
        params: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        start_of_page(params, 0)?;
        Ok(ListResourcesResult::with_all_items(content::resources()))
    }

    async fn list_resource_templates(
        &self,
        params: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        start_of_page(params, 0)?;
        Ok(ListResourceTemplatesResult::with_all_items(content::templates()))
    }

    async fn read_resource(
        &self,
        params: ReadResourceRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        Ok(ReadResourceResult::new(vec![content::read(&self.shop, &params.uri)?]).into())
    }

    async fn list_prompts(
        &self,
        params: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        start_of_page(params, 0)?;
        Ok(ListPromptsResult::with_all_items(content::prompts()))
    }

    async fn get_prompt(
        &self,
        params: GetPromptRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        content::prompt(&params.name, params.arguments.as_ref()).map(Into::into)
    }

    async fn set_level(
        &self,
        params: SetLevelRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        if is_modern(&context) {
            return Err(ErrorData::method_not_found::<SetLevelRequestMethod>());
        }
        *self.level.lock().unwrap_or_else(PoisonError::into_inner) = Some(params.level);
        Ok(())
    }

    async fn complete(
        &self,
        params: CompleteRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        completion::complete(&self.shop, &params).map(CompleteResult::new)
    }

    async fn subscribe(
        &self,
        params: SubscribeRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        match &*self.listening() {
            None => Err(ErrorData::method_not_found::<SubscribeRequestMethod>()),
            Some(listening) if listening.listener.subscribe(params.uri) => Ok(()),
            Some(_) => Err(ErrorData::invalid_params("There are too many subscriptions", None)),
        }
    }

    async fn unsubscribe(
        &self,
        params: UnsubscribeRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        match &*self.listening() {
            None => Err(ErrorData::method_not_found::<UnsubscribeRequestMethod>()),
            Some(listening) if listening.listener.unsubscribe(&params.uri) => Ok(()),
            Some(_) => Err(ErrorData::invalid_params(format!("No subscription of {}", params.uri), None)),
        }
    }

    async fn get_task(
        &self,
        params: GetTaskParams,
        _: RequestContext<RoleServer>,
    ) -> Result<GetTaskResult, ErrorData> {
        let id = &params.task_id;
        let task = self.shop.tasks.poll(id).ok_or_else(|| no_task(id))?;
        task.detailed(id).map(GetTaskResult::new)
    }

    async fn update_task(
        &self,
        params: UpdateTaskParams,
        _: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        let id = &params.task_id;
        let answer = answer_in(&params.input_responses)
            .ok_or_else(|| ErrorData::invalid_params("inputResponses answer nothing that was asked", None))?;
        // What was answered before is answered, which is no error.
        let taken = self.shop.tasks.approve(id, answer);
        if taken || self.shop.tasks.has(id) { Ok(()) } else { Err(no_task(id)) }
    }

    async fn cancel_task(
        &self,
        params: CancelTaskParams,
        _: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.shop.tasks.cancel(&params.task_id).map(drop).ok_or_else(|| no_task(&params.task_id))
    }

    // It is asked before the acknowledgement is sent: from here on nothing is missed.
    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        let (listener, changes) = self.shop.listeners.add(requested.into());
        *self.listening() = Some(Listening { listener, changes: Some(changes) });
        Some(requested.clone())
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let changes = self.listening().as_mut().and_then(|listening| listening.changes.take());
        let Some(mut changes) = changes else { return Ok(()) };
        loop {
            let change = tokio::select! {
                change = changes.recv() => change,
                () = context.cancelled() => None,
            };
            let told = match change {
                Some(change) => context.sink().send(change.into()).await.is_ok(),
                None => false,
            };
            if !told {
                if let Some(caller) = caller(&context.request_context().extensions) {
                    caller.cancelled();
                }
                return Ok(());
            }
        }
    }

    // A method that is known comes here where its params are not those that it takes.
    async fn on_custom_request(
        &self,
        request: CustomRequest,
        _: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        if KNOWN.contains(&request.method.as_str()) {
            return Err(ErrorData::invalid_params(format!("Invalid params for {}", request.method), None));
        }
        Err(ErrorData::new(ErrorCode::METHOD_NOT_FOUND, request.method, None))
    }
}

fn no_task(id: &str) -> ErrorData {
    ErrorData::invalid_params(format!("Task not found: {id}"), None)
}

/// What comes of a job that nothing runs: nothing for a long time.
async fn no_host(context: &RequestContext<RoleServer>, caller: &Caller) -> CallToolResult {
    tokio::select! {
        () = tokio::time::sleep(SILENCE) => {}
        () = context.ct.cancelled() => caller.cancelled(),
    }
    processes::faulted("Job.Pending", "No host is available on the machine template.")
}

/// Whether a tool is switched on.
fn is_on(caller: &Caller, name: &str) -> bool {
    !caller.server.disabled.iter().any(|disabled| disabled == name)
}

fn known_caller(context: &RequestContext<RoleServer>) -> Result<&Caller, ErrorData> {
    caller(&context.extensions).ok_or_else(|| ErrorData::internal_error("the caller is not known", None))
}

fn caller(extensions: &Extensions) -> Option<&Caller> {
    extensions.get::<Parts>().and_then(|parts| parts.extensions.get())
}

fn is_modern(context: &RequestContext<RoleServer>) -> bool {
    context.protocol_version().is_some_and(|version| version >= ProtocolVersion::V_2026_07_28)
}

fn cursor(start: usize) -> String {
    URL_SAFE_NO_PAD.encode(format!("page:{start}"))
}

/// Where a page of a list begins. Only a cursor that was given out is one.
fn start_of_page(params: Option<PaginatedRequestParams>, length: usize) -> Result<usize, ErrorData> {
    let Some(given) = params.and_then(|params| params.cursor) else { return Ok(0) };
    let mut starts = (PAGE..length).step_by(PAGE);
    starts
        .find(|start| cursor(*start) == given)
        .ok_or_else(|| ErrorData::invalid_params(format!("Invalid cursor: {given}"), None))
}

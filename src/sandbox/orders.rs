//! The server `orders` as rmcp asks for it: each method of the protocol, answered from the other modules.
#![expect(deprecated, reason = "log levels are deprecated in 2026-07-28, and still to be met")]

use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::request::Parts;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, CompleteRequestMethod, CompleteRequestParams,
    CompleteResult, ContentBlock, CustomRequest, CustomResult, ErrorCode, GetPromptRequestParams,
    GetPromptResponse, Implementation, ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult,
    ListToolsResult, LoggingLevel, PaginatedRequestParams, ProtocolVersion, ReadResourceRequestParams,
    ReadResourceResponse, ReadResourceResult, ServerCapabilities, ServerConfig, SetLevelRequestMethod,
    SetLevelRequestParams,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler};
use serde_json::Value;

use super::content;
use super::gate::{Caller, Identity, unauthorized};
use super::processes::{self, Job};
use super::tools::{self, TOOLS};
use super::world::World;

/// Tools on one page.
const PAGE: usize = 5;

/// One session with the server, or one request of the era without sessions.
pub(super) struct Orders {
    world: Arc<World>,
    /// What `logging/setLevel` said.
    level: Mutex<Option<LoggingLevel>>,
}

impl Orders {
    pub(super) fn new(world: Arc<World>) -> Self {
        Self { world, level: Mutex::new(None) }
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
            .enable_prompts()
            .enable_resources()
            .enable_tools()
            .build();
        let mut info = ServerConfig::new(capabilities);
        info.server_info = Implementation::new("orders", "1.0.0");
        info
    }

    async fn list_tools(
        &self,
        params: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let start = start_of_page(params, TOOLS.len())?;
        let page = TOOLS.iter().skip(start).take(PAGE).map(|definition| definition.tool.clone());
        let mut result = ListToolsResult::with_all_items(page.collect());
        let next = start + PAGE;
        result.next_cursor = (next < TOOLS.len()).then(|| cursor(next));
        Ok(result)
    }

    async fn call_tool(
        &self,
        params: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let definition = tools::find(&params.name)
            .ok_or_else(|| ErrorData::invalid_params(format!("Unknown tool: {}", params.name), None))?;
        let caller = context.extensions.get::<Parts>().and_then(|parts| parts.extensions.get::<Caller>());
        let caller = caller.ok_or_else(|| ErrorData::internal_error("the caller is not known", None))?;
        if caller.identity == Identity::Auditor {
            return Ok(processes::refused(&unauthorized()).into());
        }
        let arguments = params.arguments.unwrap_or_default();
        let given = Value::Object(arguments);
        if let Some(problems) = definition.problems(&given) {
            return Ok(CallToolResult::error(vec![ContentBlock::text(problems)]).into());
        }
        let Value::Object(arguments) = given else {
            return Err(ErrorData::invalid_params("arguments", None));
        };
        let level = self.level(&context);
        let job = Job { world: &self.world, caller, context: &context, level, arguments };
        Ok(job.run(definition.process).await.into())
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
        Ok(ReadResourceResult::new(vec![content::read(&self.world, &params.uri)?]).into())
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

    // rmcp answers with nothing found; this server does not offer it.
    async fn complete(
        &self,
        _: CompleteRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        Err(ErrorData::method_not_found::<CompleteRequestMethod>())
    }

    // A method that is known comes here where its params are not those that it takes.
    async fn on_custom_request(
        &self,
        request: CustomRequest,
        _: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        let known = ["initialize", "tools/call", "resources/read", "prompts/get", "logging/setLevel"];
        if known.contains(&request.method.as_str()) {
            return Err(ErrorData::invalid_params(format!("Invalid params for {}", request.method), None));
        }
        Err(ErrorData::new(ErrorCode::METHOD_NOT_FOUND, request.method, None))
    }
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

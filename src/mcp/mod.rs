//! The protocol as a client that tests: versions, messages, lifecycles of both eras, headers, notifications, questions
//! of the server. It shows what an SDK hides. Nothing here matches, schedules or prints.

mod batch;
mod cancel;
mod client;
mod close;
mod conduct;
mod follow;
mod input;
mod legacy;
mod line;
mod list;
mod listen;
mod message;
mod mirror;
mod modern;
mod opening;
mod patience;
mod receive;
mod request;
mod resume;
mod session;
mod shapes;
mod store;
mod tasks;
#[cfg(test)]
mod tests;
pub mod version;
pub mod wire;

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::auth::Secret;
use crate::exchange::{Answer, Exchange};
pub use crate::transport::Route;
pub use client::Client;
pub use legacy::tells_no_start;
pub use patience::LONGEST_WAIT;
pub use session::Session;
pub use tasks::TASKS_EXTENSION;
pub use version::Version;

pub use crate::transport::Program;

/// How a server is reached, the same for all cases of a run.
pub struct ClientConfig {
    /// The server's name in the suite.
    pub name: String,
    /// Where it is.
    pub endpoint: Endpoint,
    /// Headers that the suite adds to every request.
    pub headers: Vec<(String, String)>,
    /// How connections to it are made.
    pub route: Route,
    /// How long a connection may take.
    pub connect: Duration,
    /// What an answer may be.
    pub bounds: Bounds,
    /// Told of every listing of tools that the client makes for itself: the identity and the exchange.
    pub listed: Arc<Listed>,
}

/// Where a server is.
#[derive(Clone, Debug)]
pub enum Endpoint {
    /// At an address: Streamable HTTP.
    Url(url::Url),
    /// In a process that each session starts for itself: stdio.
    Program(Program),
}

/// Is told of a listing of tools: the identity, and the exchange of its last page.
pub type Listed = dyn Fn(&str, &Exchange) + Send + Sync;

/// Limits of an answer. Over one of them, the answer is refused with the limit's name.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Bytes of a JSON body.
    pub body: usize,
    /// Bytes of one SSE event.
    pub event: usize,
    /// Bytes of one SSE stream.
    pub stream: usize,
    /// Pages of one list.
    pub pages: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { body: 16 << 20, event: 16 << 20, stream: 64 << 20, pages: 1000 }
    }
}

/// One session's part: who asks, in which version, able to do what.
pub struct SessionConfig {
    /// The identity's name.
    pub identity: String,
    /// Its token; none for `anonymous`.
    pub token: Option<Secret>,
    /// The version asked for; none to find out.
    pub version: Option<Version>,
    /// `client.capabilities`.
    pub capabilities: Value,
    /// `client.info`, or ours: `{name, version}`.
    pub info: Value,
    /// `client.log`: the level that log messages are asked for with.
    pub log: Option<String>,
    /// Whether steps make tasks: the extension is declared, where the version has it.
    pub tasks: bool,
    /// Answers the server's requests.
    pub responder: Arc<dyn Responder>,
    /// The routing id: sent as `mcp-session-id` from the first request on, so that a gateway finds its way to a server
    /// that is warm. None for a server that could take it for the id of a session.
    pub route: Option<String>,
    /// How long the opening may take.
    pub start: Duration,
    /// Cancelled when the run is interrupted: what is in flight ends like a timeout, as `closed`. Until
    /// [`Session::cancel_by`] names another.
    pub cancel: CancellationToken,
}

/// What is asked when the server asks.
pub trait Responder: Send + Sync + std::fmt::Debug {
    /// The answer to a request of the server, and whether nothing in the scenario answers it.
    fn respond(&self, method: &str, params: &Value) -> (Answer, bool);
}

/// What is known of an open session; templates see it as `session`.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionFacts {
    /// The session id, in the older eras.
    pub id: Option<String>,
    /// The negotiated version.
    pub version: Version,
    /// The server's capabilities.
    pub capabilities: Value,
    /// `serverInfo`.
    pub server_info: Value,
}

/// What a step asks for, rendered.
#[derive(Clone, Debug)]
pub enum Operation {
    /// `tools/call`.
    Call {
        /// The tool.
        tool: String,
        /// Its arguments; left out where there are none.
        arguments: Option<Value>,
    },
    /// A list method, every page.
    List(ListKind),
    /// `resources/read`.
    Read {
        /// The resource.
        uri: String,
    },
    /// `prompts/get`.
    Prompt {
        /// The prompt.
        name: String,
        /// Its arguments.
        arguments: Option<Value>,
    },
    /// One request, params as given; follows nothing.
    Request {
        /// The method.
        method: String,
        /// The params; `_meta` of the modern era is added.
        params: Option<Value>,
    },
    /// `completion/complete`.
    Complete {
        /// What is completed: `{type: ref/prompt, name}` or `{type: ref/resource, uri}`.
        reference: Value,
        /// The argument's name.
        argument: String,
        /// What is typed of its value.
        value: String,
        /// The arguments that are known already.
        context: Option<Value>,
    },
    /// One notification; any 2xx is good.
    Notify {
        /// The method.
        method: String,
        /// The params; `_meta` of the modern era is added.
        params: Option<Value>,
    },
    /// One raw HTTP exchange with the endpoint.
    Http {
        /// The HTTP method.
        method: String,
        /// The body as it is.
        body: Option<String>,
    },
}

/// What can be listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ListKind {
    /// `tools/list`.
    Tools,
    /// `prompts/list`.
    Prompts,
    /// `resources/list`.
    Resources,
    /// `resources/templates/list`.
    Templates,
}

/// What becomes of a call that the server makes a task of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskMode {
    /// It is followed to its end, and the exchange has its result.
    Follow,
    /// The exchange is that of its beginning.
    Start,
}

/// How a step sends.
#[derive(Clone, Debug, Default)]
pub struct SendOptions {
    /// Headers by name; none removes what the protocol would send.
    pub headers: Vec<(String, Option<String>)>,
    /// `_meta` keys; none removes what the protocol would send.
    pub meta: Vec<(String, Option<Value>)>,
    /// How long one attempt may take.
    pub timeout: Duration,
    /// Answers what the server asks on the way to this answer; that of the session unless said.
    pub responder: Option<Arc<dyn Responder>>,
    /// A `call` is to be a task; none for one without. [`Session::takes_task`] says whether it can be.
    pub task: Option<TaskMode>,
}

/// What a session listens to in the background.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subscription {
    /// Changes of the list of tools.
    pub tools: bool,
    /// Changes of the list of prompts.
    pub prompts: bool,
    /// Changes of these resources.
    pub resources: Vec<String>,
}

/// The tools of a server as one identity sees them in one version.
#[derive(Clone, Debug)]
pub struct Tools {
    /// The tools, raw, but for those that are dropped.
    pub items: Arc<Vec<Value>>,
    /// The tools that are not valid, and that a client has to drop.
    pub dropped: Arc<Vec<Dropped>>,
}

/// A tool that is not valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// Its name, as the server says it.
    pub name: Value,
    /// What is wrong with it, for people.
    pub reason: String,
}

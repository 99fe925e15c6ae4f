//! A scenario as it is written.

use std::sync::Arc;
use std::time::Duration;

use super::suite::Checks;
use crate::exchange::Verb;
use crate::mcp::{ListKind, Version};
use crate::source::{Document, Pointer};

/// A value and where it stands.
#[derive(Clone, Debug)]
pub struct Spot<T> {
    /// The value.
    pub value: T,
    /// Its place in the document.
    pub at: Pointer,
}

/// One document of a scenario file.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The document.
    pub document: Arc<Document>,
    /// Whether the file holds several documents: then the title is part of the case's name.
    pub form: Form,
    /// `scenario`: the title.
    pub title: Spot<String>,
    /// `description`.
    pub description: Option<String>,
    /// `server`.
    pub server: Option<Spot<String>>,
    /// `as`.
    pub identity: Option<Spot<String>>,
    /// `protocol`.
    pub protocols: Protocols,
    /// `tags`.
    pub tags: Vec<String>,
    /// `skip`: the reason.
    pub skip: Option<String>,
    /// `timeout` of the whole case.
    pub timeout: Option<Duration>,
    /// `vars`, in order.
    pub vars: Vec<Spot<String>>,
    /// `client`.
    pub client: ClientPart,
    /// `keep_going`.
    pub keep_going: bool,
    /// `checks`.
    pub checks: Checks,
    /// `steps`.
    pub steps: Vec<Step>,
}

/// What a case's name is made of beside the file: decided by form, not by count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Form {
    /// The file has several documents.
    pub several_documents: bool,
}

/// `protocol`: one case for each version where it is a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Protocols {
    /// Not said, or `auto`.
    Auto,
    /// One version: the case's name stays.
    One(Version),
    /// A list (none for `auto` in it): each version is a case `name@version`.
    Each(Vec<Option<Version>>),
}

/// `client`.
#[derive(Clone, Debug, Default)]
pub struct ClientPart {
    /// `capabilities`: an object with templates.
    pub capabilities: Option<Pointer>,
    /// `info`: an object with templates.
    pub info: Option<Pointer>,
    /// `log`: a level.
    pub log: Option<String>,
}

/// One step.
#[derive(Clone, Debug)]
pub struct Step {
    /// The step's place: its mapping.
    pub at: Pointer,
    /// `name`.
    pub name: Option<String>,
    /// `server`.
    pub server: Option<Spot<String>>,
    /// `as`.
    pub identity: Option<Spot<String>>,
    /// `headers`: an object of strings with templates, or null.
    pub headers: Option<Pointer>,
    /// `meta`: an object of values with templates, or null.
    pub meta: Option<Pointer>,
    /// `timeout` of one attempt.
    pub timeout: Option<Duration>,
    /// `expect`.
    pub expect: Option<Pointer>,
    /// `save`.
    pub save: Vec<Save>,
    /// `checks`.
    pub checks: Checks,
    /// The verb, and the place of its key's value.
    pub verb: Spot<Verb>,
    /// What the verb does.
    pub action: Action,
}

/// A verb's operands. Pointers are to strings or objects with templates.
#[derive(Clone, Debug)]
pub enum Action {
    /// `call` and `arguments`.
    Call {
        /// The tool.
        tool: Pointer,
        /// The arguments.
        arguments: Option<Pointer>,
    },
    /// `list`.
    List(ListKind),
    /// `read`.
    Read {
        /// The resource.
        uri: Pointer,
    },
    /// `prompt` and `arguments`.
    Prompt {
        /// The prompt.
        name: Pointer,
        /// The arguments.
        arguments: Option<Pointer>,
    },
    /// `request` and `params`.
    Request {
        /// The method.
        method: Pointer,
        /// The params.
        params: Option<Pointer>,
    },
    /// `session`.
    Session(SessionVerb),
    /// `http: {method, body}`.
    Http {
        /// The HTTP method.
        method: Pointer,
        /// The body: a string as it is, else JSON.
        body: Option<Pointer>,
    },
    /// `wait`.
    Wait(Duration),
}

/// `session: open` or `close`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionVerb {
    /// Opens it, anew where it is open.
    Open,
    /// Ends it.
    Close,
}

/// One entry of `save`.
#[derive(Clone, Debug)]
pub struct Save {
    /// The name that it gets.
    pub name: Spot<String>,
    /// The JSONPath.
    pub path: Spot<String>,
    /// `matches`: a regular expression whose group 1 is taken.
    pub matches: Option<Spot<String>>,
    /// `secret`: the value joins the redactor.
    pub secret: bool,
    /// `all`: the list of all nodes is saved.
    pub all: bool,
}

//! A scenario as it is written.

use std::sync::Arc;
use std::time::Duration;

use super::suite::Checks;
use crate::exchange::Verb;
use crate::mcp::{ListKind, TaskMode, Version};
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
pub enum Unit {
    /// A scenario.
    Scenario(Box<Scenario>),
    /// Steps that scenarios use.
    Fragment(Fragment),
}

/// A document that is run.
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
    /// `requires`: a matcher over the scope.
    pub requires: Option<Pointer>,
    /// `rows`.
    pub rows: Option<Rows>,
    /// `respond`.
    pub respond: Vec<Rule>,
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

/// `rows`: one case for each.
#[derive(Clone, Debug)]
pub struct Rows {
    /// The place of `rows`.
    pub at: Pointer,
    /// Where they come from.
    pub source: RowSource,
}

/// Where rows come from.
#[derive(Clone, Debug)]
pub enum RowSource {
    /// They stand in the scenario: the place of each, a mapping with a `name`.
    Inline(Vec<Pointer>),
    /// A file of the suite.
    File {
        /// `file`: relative to the scenario file. CSV, JSON or YAML by its ending.
        file: Spot<String>,
        /// `name`: a template over `row`.
        name: Spot<String>,
        /// `separator` of a CSV file, one character; a comma unless said.
        separator: Option<char>,
    },
}

/// Steps that scenarios use.
#[derive(Clone, Debug)]
pub struct Fragment {
    /// The document.
    pub document: Arc<Document>,
    /// `fragment`: the title.
    pub title: Spot<String>,
    /// `inputs`, in order.
    pub inputs: Vec<Input>,
    /// `outputs`.
    pub outputs: Vec<Spot<String>>,
    /// `steps`.
    pub steps: Vec<Step>,
}

/// One of a fragment's inputs.
#[derive(Clone, Debug)]
pub struct Input {
    /// Its name, and the place of its default.
    pub name: Spot<String>,
    /// Whether `use` has to give it: its default is null.
    pub required: bool,
}

/// One rule of `respond`.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The rule's place: its mapping.
    pub at: Pointer,
    /// `to`: the method of the server's request.
    pub to: Spot<String>,
    /// `params`: a matcher.
    pub params: Option<Pointer>,
    /// `result` or `error`: a value with templates, which see `request`.
    pub reply: Reply,
    /// `times`: how often it answers; none for `any`.
    pub times: Option<u64>,
}

/// What a rule answers.
#[derive(Clone, Debug)]
pub enum Reply {
    /// `result`.
    Result(Pointer),
    /// `error`.
    Error(Pointer),
}

/// `eventually`: the same request again until `expect` holds.
#[derive(Clone, Debug)]
pub struct Eventually {
    /// Its place.
    pub at: Pointer,
    /// `within`: how long attempts are begun.
    pub within: Duration,
    /// `every`: the pause before the next attempt; one second unless said.
    pub every: Option<Duration>,
    /// `backoff`: the pause is multiplied by it after each attempt.
    pub backoff: Option<f64>,
    /// `abort`: a matcher over the exchange that ends it.
    pub abort: Option<Pointer>,
}

/// `known_bug`: a ratchet on a step.
#[derive(Clone, Debug)]
pub struct KnownBug {
    /// Its place.
    pub at: Pointer,
    /// `issue`: what to call it, a number or an address.
    pub issue: Spot<String>,
    /// `until`: the last day on which it is tolerated, in UTC.
    pub until: Option<Spot<jiff::civil::Date>>,
    /// `when`: a matcher over the scope that picks rows or versions.
    pub when: Option<Pointer>,
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

impl Step {
    /// The steps that stand in it: those of its branches, and those that it defers.
    pub fn inner(&self) -> impl Iterator<Item = &Self> {
        let (branches, deferred): (&[Branch], &[Self]) = match &self.action {
            Action::Parallel(branches) => (branches, &[]),
            Action::Defer(steps) => (&[], steps),
            _ => (&[], &[]),
        };
        branches.iter().flat_map(|branch| &branch.steps).chain(deferred).chain(&self.defer)
    }
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
    /// `when`: a matcher over the scope.
    pub when: Option<Pointer>,
    /// `eventually`.
    pub eventually: Option<Eventually>,
    /// `defer` beside a verb.
    pub defer: Vec<Self>,
    /// `respond`.
    pub respond: Vec<Rule>,
    /// `known_bug`.
    pub known_bug: Option<KnownBug>,
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
        /// `task`.
        task: Option<TaskMode>,
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
    /// `complete: {prompt or resource, argument, value, context}`.
    Complete {
        /// What is completed.
        reference: Reference,
        /// The argument's name.
        argument: Pointer,
        /// What is typed of its value.
        value: Pointer,
        /// `context`: the arguments that are known already.
        context: Option<Pointer>,
    },
    /// `notify` and `params`.
    Notify {
        /// The method.
        method: Pointer,
        /// The params.
        params: Option<Pointer>,
    },
    /// `listen: {tools, prompts, resources}`; an empty mapping ends listening.
    Listen {
        /// `tools`.
        tools: bool,
        /// `prompts`.
        prompts: bool,
        /// `resources`: URIs, strings with templates.
        resources: Vec<Pointer>,
    },
    /// `await: {method, params}`.
    Await {
        /// The method, a template.
        method: Pointer,
        /// `params`: a matcher over any value.
        params: Option<Pointer>,
    },
    /// `use` and `with`.
    Use {
        /// The fragment's file, relative to this one; `#slug` names one of several fragments in it.
        fragment: Spot<String>,
        /// The inputs, in order: the place of each value.
        with: Vec<Spot<String>>,
    },
    /// `parallel`.
    Parallel(Vec<Branch>),
    /// `defer`.
    Defer(Vec<Step>),
}

/// What `complete` completes an argument of.
#[derive(Clone, Debug)]
pub enum Reference {
    /// A prompt's name.
    Prompt(Pointer),
    /// A resource template's URI.
    Resource(Pointer),
}

/// A branch of `parallel`.
#[derive(Clone, Debug)]
pub struct Branch {
    /// Its place.
    pub at: Pointer,
    /// Its steps, in order.
    pub steps: Vec<Step>,
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

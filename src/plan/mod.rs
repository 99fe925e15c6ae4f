//! From files to cases: scenarios compiled once and shared, cases as scenario and version, and the selection
//! among them. Nothing here sends anything.

mod cases;
mod compile;
mod link;
mod load;
mod rows;
mod select;
mod show;
#[cfg(test)]
mod tests;
mod walk;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use compile::within;
pub use compile::{Context, compile};
pub use link::Links;
pub use load::{Load, Loaded, Word, load, load_suite};
pub use rows::{Around, Lacking, Rows};
pub use select::{IgnoredCases, PathFilter, Selected, Selection, idle_paths, select};
pub use show::{Around as ShowAround, show};
use walk::Wanderer;
pub use walk::{Given, Visit};

use crate::exchange::Verb;
use crate::matcher::{Matcher, Path};
use crate::mcp::{ListKind, TaskMode, Version};
use crate::model::{Checks, Protocols, SessionVerb, Spot, Suite};
use crate::source::{Document, Pointer, Site};
use crate::template::{Template, Tree};

/// Everything that could be run.
#[derive(Debug)]
pub struct Plan {
    /// The suite.
    pub suite: Arc<Suite>,
    /// The suite's variables, compiled.
    pub vars: Vec<(String, Tree)>,
    /// Every scenario, in the order of files and documents.
    pub scenarios: Vec<Arc<Scenario>>,
    /// Every case, in the order of scenarios.
    pub cases: Vec<Case>,
    /// How many more there are of versions that `--protocol` leaves out.
    pub left_out: usize,
}

/// A scenario with one row and one protocol version: one libtest test.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its name: `invoices::create@2025-11-25`.
    pub name: Arc<str>,
    /// The index of its scenario in the plan.
    pub scenario: usize,
    /// The index of its row; none where the scenario has no rows.
    pub row: Option<u32>,
    /// The version it is pinned to; none for `auto`.
    pub version: Option<Version>,
}

/// The name of a server or an identity: written, or made of the case's row.
#[derive(Debug)]
pub enum Choice {
    /// A name.
    Name(String),
    /// A template of `row`, and where it stands.
    Template(Template, Pointer),
}

/// A compiled fragment. One is shared by everything that uses it.
#[derive(Debug)]
pub struct Fragment {
    /// The document that it was compiled from.
    pub document: Arc<Document>,
    /// `fragment`: the title.
    pub title: String,
    /// The path of its file, absolute and normal.
    pub path: PathBuf,
    /// `inputs` with their defaults; none where it is required.
    pub inputs: Vec<(String, Option<Tree>)>,
    /// `outputs`.
    pub outputs: Vec<Spot<String>>,
    /// `steps`.
    pub steps: Vec<Step>,
}

/// One rule of `respond`, compiled.
#[derive(Debug)]
pub struct Rule {
    /// The rule's place: its mapping.
    pub at: Pointer,
    /// `to`: the method of the server's request.
    pub to: String,
    /// `params`.
    pub params: Option<Matcher>,
    /// `result` or `error`; its templates see `request`.
    pub reply: Reply,
    /// `times`: how often it answers; none for `any`.
    pub times: Option<u64>,
}

/// What a rule answers, compiled.
#[derive(Debug)]
pub enum Reply {
    /// `result`.
    Result(Tree),
    /// `error`.
    Error(Tree),
}

/// `eventually`, compiled.
#[derive(Debug)]
pub struct Eventually {
    /// Its place.
    pub at: Pointer,
    /// `within`: how long attempts are begun.
    pub within: Duration,
    /// `every`: the pause before the next attempt.
    pub every: Duration,
    /// `backoff`: the pause is multiplied by it after each attempt; 1 unless said.
    pub backoff: f64,
    /// `abort`: what ends it.
    pub abort: Option<Matcher>,
    /// Where `abort` stands.
    pub abort_at: Option<Pointer>,
}

/// `known_bug`, compiled.
#[derive(Debug)]
pub struct KnownBug {
    /// Its place.
    pub at: Pointer,
    /// `issue`.
    pub issue: String,
    /// `until`: the last day on which it is tolerated, in UTC.
    pub until: Option<Spot<jiff::civil::Date>>,
    /// `when`: a matcher over the scope.
    pub when: Option<Matcher>,
}

/// A branch of `parallel`, compiled.
#[derive(Debug)]
pub struct Branch {
    /// Its place.
    pub at: Pointer,
    /// Its steps, in order.
    pub steps: Vec<Step>,
}

/// What `complete` completes an argument of, compiled.
#[derive(Debug)]
pub enum Reference {
    /// A prompt's name, and where it stands.
    Prompt(Template, Pointer),
    /// A resource template's URI, and where it stands.
    Resource(Template, Pointer),
}

/// A compiled scenario.
#[derive(Debug)]
pub struct Scenario {
    /// The document that it was compiled from.
    pub document: Arc<Document>,
    /// `scenario`: the title.
    pub title: String,
    /// Where its title stands.
    pub site: Site,
    /// Its name without a version.
    pub name: String,
    /// What its title adds to the name of its file: a slug where the file has several documents, else empty.
    pub part: String,
    /// The names of its snapshots, sorted.
    pub snapshots: Vec<String>,
    /// The path of its file, absolute and normal.
    pub path: PathBuf,
    /// The first and the last line of its document.
    pub lines: (usize, usize),
    /// `server`, resolved: a server of the suite.
    pub server: Choice,
    /// `as`; `default` unless said.
    pub identity: Choice,
    /// `rows`.
    pub rows: Option<Rows>,
    /// `requires`: a matcher over the scope.
    pub requires: Option<Matcher>,
    /// `respond`.
    pub respond: Vec<Arc<Rule>>,
    /// `protocol`.
    pub protocols: Protocols,
    /// `tags`.
    pub tags: Vec<String>,
    /// `skip`: the reason.
    pub skip: Option<String>,
    /// `timeout` of the whole case.
    pub timeout: Option<Duration>,
    /// `vars`, in order.
    pub vars: Vec<(String, Tree)>,
    /// `client.capabilities`.
    pub capabilities: Option<Tree>,
    /// `client.info`.
    pub info: Option<Tree>,
    /// `client.log`.
    pub log: Option<String>,
    /// `keep_going`.
    pub keep_going: bool,
    /// `checks`.
    pub checks: Checks,
    /// `steps`.
    pub steps: Vec<Step>,
}

/// A compiled step.
#[derive(Debug)]
pub struct Step {
    /// Its mapping in the document.
    pub at: Pointer,
    /// Its name, or its verb and what the verb is about: `call createInvoice`.
    pub title: String,
    /// Whether the title is a `name` of its own.
    pub named: bool,
    /// The verb, and the place of its key's value.
    pub verb: Spot<Verb>,
    /// The verb's operands.
    pub action: Action,
    /// `server`; none for that of the step that it is part of, or of the scenario.
    pub server: Option<Choice>,
    /// `as`; none for that of the step that it is part of, or of the scenario.
    pub identity: Option<Choice>,
    /// `headers`; null removes.
    pub headers: Option<Tree>,
    /// `meta`; null removes.
    pub meta: Option<Tree>,
    /// `timeout` of one attempt.
    pub timeout: Option<Duration>,
    /// `when`: a matcher over the scope; where it does not hold, the step is left out.
    pub when: Option<Matcher>,
    /// `eventually`.
    pub eventually: Option<Eventually>,
    /// `defer` beside a verb.
    pub defer: Vec<Self>,
    /// `respond`.
    pub respond: Vec<Arc<Rule>>,
    /// `known_bug`.
    pub known_bug: Option<KnownBug>,
    /// `expect`.
    pub expect: Option<Matcher>,
    /// `save`.
    pub save: Vec<Save>,
    /// `checks`.
    pub checks: Checks,
}

/// A verb's operands, compiled.
#[derive(Debug)]
pub enum Action {
    /// `call` and `arguments`.
    Call {
        /// The tool.
        tool: Template,
        /// The arguments.
        arguments: Option<Tree>,
        /// `task`.
        task: Option<TaskMode>,
    },
    /// `list`.
    List(ListKind),
    /// `read`.
    Read {
        /// The resource.
        uri: Template,
    },
    /// `prompt` and `arguments`.
    Prompt {
        /// The prompt.
        name: Template,
        /// The arguments.
        arguments: Option<Tree>,
    },
    /// `request` and `params`.
    Request {
        /// The method.
        method: Template,
        /// The params.
        params: Option<Tree>,
    },
    /// `session`.
    Session(SessionVerb),
    /// `http: {method, body}`.
    Http {
        /// The HTTP method.
        method: Template,
        /// The body: a string as it is, else JSON.
        body: Option<Tree>,
    },
    /// `wait`.
    Wait(Duration),
    /// `complete`.
    Complete {
        /// What is completed.
        reference: Reference,
        /// The argument's name.
        argument: Template,
        /// What is typed of its value.
        value: Template,
        /// `context`: the arguments that are known already.
        context: Option<Tree>,
    },
    /// `notify` and `params`.
    Notify {
        /// The method.
        method: Template,
        /// The params.
        params: Option<Tree>,
    },
    /// `listen`; nothing wanted ends listening.
    Listen {
        /// `tools`.
        tools: bool,
        /// `prompts`.
        prompts: bool,
        /// `resources`: URIs, each with its place.
        resources: Vec<(Template, Pointer)>,
    },
    /// `await`.
    Await {
        /// The method.
        method: Template,
        /// `params`.
        params: Option<Matcher>,
    },
    /// `use` and `with`.
    Use {
        /// The fragment.
        fragment: Arc<Fragment>,
        /// The inputs that are given.
        with: Vec<(String, Tree)>,
    },
    /// `parallel`.
    Parallel(Vec<Branch>),
    /// `defer`.
    Defer(Vec<Step>),
}

/// One entry of `save`, compiled.
#[derive(Debug)]
pub struct Save {
    /// The name that it gets.
    pub name: Spot<String>,
    /// The path.
    pub path: Path,
    /// Where the path stands, and its text.
    pub path_at: Spot<String>,
    /// `matches`, with its place.
    pub matches: Option<Spot<String>>,
    /// `secret`.
    pub secret: bool,
    /// `all`.
    pub all: bool,
}

impl Step {
    /// Every template of the step but those of `save`, each with the place of its string.
    #[must_use]
    pub fn templates(&self) -> Vec<(Pointer, &Template)> {
        let mut found = Vec::new();
        let text = |template| vec![(self.verb.at.clone(), template)];
        match &self.action {
            Action::Call { tool, arguments, task: _ } => {
                found.extend(text(tool));
                found.extend(trees(arguments));
            }
            Action::Read { uri } => found.extend(text(uri)),
            Action::Prompt { name, arguments } => {
                found.extend(text(name));
                found.extend(trees(arguments));
            }
            Action::Request { method, params } => {
                found.extend(text(method));
                found.extend(trees(params));
            }
            Action::Http { method, body } => {
                found.push((self.verb.at.key("method"), method));
                found.extend(trees(body));
            }
            Action::Complete { reference, argument, value, context } => {
                let (Reference::Prompt(name, at) | Reference::Resource(name, at)) = reference;
                found.push((at.clone(), name));
                found.push((self.verb.at.key("argument"), argument));
                found.push((self.verb.at.key("value"), value));
                found.extend(trees(context));
            }
            Action::Notify { method, params } => {
                found.extend(text(method));
                found.extend(trees(params));
            }
            Action::Listen { resources, .. } => {
                found.extend(resources.iter().map(|(uri, at)| (at.clone(), uri)));
            }
            Action::Await { method, params } => {
                found.push((self.verb.at.key("method"), method));
                let templates = params.iter().flat_map(Matcher::templates);
                found.extend(templates.map(|(at, template)| (at.clone(), template)));
            }
            Action::Use { with, .. } => {
                found.extend(
                    with.iter().flat_map(|(_, tree)| tree.templates()).map(|(at, t)| (at.clone(), t)),
                );
            }
            // The steps in them have their own.
            Action::Parallel(_) | Action::Defer(_) => {}
            Action::List(_) | Action::Session(_) | Action::Wait(_) => {}
        }
        found.extend(trees(&self.headers));
        found.extend(trees(&self.meta));
        found
    }

    /// Whether it makes a task, and what becomes of that.
    #[must_use]
    pub fn task(&self) -> Option<TaskMode> {
        match &self.action {
            Action::Call { task, .. } => *task,
            _ => None,
        }
    }

    /// The fields of the exchange that `expect` and `save` read; none where they may read any.
    #[must_use]
    pub fn reads(&self) -> Option<Vec<&str>> {
        let mut fields = Vec::new();
        let expected = self.expected().all(|matcher| matcher.reads(&mut fields));
        let saved =
            self.save.iter().all(|save| save.path.only_field().map(|field| fields.push(field)).is_some());
        (expected && saved).then_some(fields)
    }

    /// The templates of `expect`, and of what `eventually` is aborted by.
    #[must_use]
    pub fn expected_templates(&self) -> Vec<(Pointer, &Template)> {
        let templates = self.expected().flat_map(Matcher::templates);
        templates.map(|(at, template)| (at.clone(), template)).collect()
    }

    /// The matchers over its exchange.
    fn expected(&self) -> impl Iterator<Item = &Matcher> {
        let abort = self.eventually.as_ref().and_then(|eventually| eventually.abort.as_ref());
        self.expect.iter().chain(abort)
    }
}

fn trees(tree: &Option<Tree>) -> Vec<(Pointer, &Template)> {
    tree.iter().flat_map(Tree::templates).map(|(at, template)| (at.clone(), template)).collect()
}

impl Plan {
    /// The scenario of a case.
    #[must_use]
    pub fn scenario(&self, case: &Case) -> Option<&Arc<Scenario>> {
        self.scenarios.get(case.scenario)
    }
}

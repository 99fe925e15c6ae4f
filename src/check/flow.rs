//! The flow of names: what each template and each matcher over the scope reads has to be known by then, and what is
//! saved should be read.
//!
//! `steps` goes through steps in the order in which they run, `scope` judges a single name, `reads` collects what is
//! read anywhere.

mod reads;
mod scope;
mod steps;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde_json::Value;

pub(super) use reads::Reads;
pub use reads::unknown_vars;

use crate::diagnostic::{Code, Diagnostic};
use crate::matcher::Matcher;
use crate::model::{Protocols, Suite};
use crate::nearest::nearest;
use crate::plan::{Fragment, Reply, Rows, Rule, Scenario, Step};
use crate::source::{Document, Pointer};
use crate::template::{Template, Tree};

/// The names that stand before a scenario begins.
#[derive(Debug, Default)]
pub struct Known<'a> {
    /// The suite's variables and those of `--var`.
    vars: HashSet<&'a str>,
    /// What `env.NAME` may be.
    env: HashSet<&'a str>,
    /// Whether there is a suite file that `env` could be listed in.
    suite_file: bool,
}

impl<'a> Known<'a> {
    /// Of a suite and the command line.
    #[must_use]
    pub fn new(suite: &'a Suite, command_line: &'a [String]) -> Self {
        Self {
            vars: suite
                .vars
                .iter()
                .map(|v| v.value.as_str())
                .chain(command_line.iter().map(String::as_str))
                .collect(),
            env: suite.env.iter().chain(&suite.secrets).map(|name| name.value.as_str()).collect(),
            suite_file: suite.document.is_some(),
        }
    }

    /// The problems of the suite's own variables.
    #[must_use]
    pub fn suite_vars(
        suite: &'a Suite,
        vars: &'a [(String, Tree)],
        command_line: &'a [String],
    ) -> Vec<Diagnostic> {
        let Some(document) = &suite.document else { return Vec::new() };
        let mut known = Self::new(suite, command_line);
        known.vars = command_line.iter().map(String::as_str).collect();
        let mut flow = Flow::new(document, &known, Place::Suite);
        flow.vars(vars);
        flow.problems
    }
}

/// Follows the names through a scenario.
#[must_use]
pub fn flow(scenario: &Scenario, known: &Known<'_>) -> Vec<Diagnostic> {
    let mut flow = Flow::new(&scenario.document, known, Place::Scenario);
    flow.rows = scenario.rows.as_ref();
    flow.pinned = matches!(scenario.protocols, Protocols::One(_));
    flow.saved_later(&scenario.steps);
    flow.choice(&scenario.server);
    flow.choice(&scenario.identity);
    flow.vars(&scenario.vars);
    for tree in [&scenario.capabilities, &scenario.info].into_iter().flatten() {
        flow.tree(tree);
    }
    // What `requires` reads of a session opens it.
    flow.moment = Moment::Steps;
    if let Some(requires) = &scenario.requires {
        flow.over_scope(requires);
    }
    flow.moment = Moment::ScenarioRules;
    flow.rules(&scenario.respond);
    flow.moment = Moment::Steps;
    flow.steps(&scenario.steps);
    let mut problems = flow.problems;
    problems.extend(reads::unused_saves(&scenario.document, &scenario.steps, &scenario.respond, &[]));
    problems
}

/// Follows the names through a fragment, which sees its inputs, what its steps save, and the words of the scope that
/// are the same for all who use it.
#[must_use]
pub fn flow_in_fragment(fragment: &Fragment, known: &Known<'_>) -> Vec<Diagnostic> {
    let mut flow = Flow::new(&fragment.document, known, Place::Fragment);
    flow.moment = Moment::Steps;
    flow.saved_later(&fragment.steps);
    for (name, default) in &fragment.inputs {
        if let Some(default) = default {
            flow.tree(default);
        }
        flow.define(name, None);
    }
    flow.steps(&fragment.steps);
    for output in &fragment.outputs {
        flow.output(&output.value, &output.at);
    }
    let outputs: Vec<&str> = fragment.outputs.iter().map(|output| output.value.as_str()).collect();
    let mut problems = flow.problems;
    problems.extend(reads::unused_saves(&fragment.document, &fragment.steps, &[], &outputs));
    problems
}

/// What document names are followed through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Suite,
    Scenario,
    Fragment,
}

/// When something is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    /// Before the first step, so that no session can be open.
    Before,
    /// In a step.
    Steps,
    /// When the server asks, whatever step runs then.
    ScenarioRules,
}

/// A name that something gives a value.
#[derive(Clone, Debug)]
struct Saved<'a> {
    /// Where a step saves it; none for variables and inputs.
    at: Option<&'a Pointer>,
    /// The `when`s that have to hold for it to be there.
    whens: Vec<&'a Value>,
}

/// A name that a step saves.
#[derive(Clone, Debug)]
struct Later<'a> {
    /// The number of the outermost step, from 1.
    step: usize,
    at: &'a Pointer,
    /// Whether it is saved during cleanup.
    deferred: bool,
}

struct Flow<'a> {
    document: &'a Document,
    known: &'a Known<'a>,
    place: Place,
    moment: Moment,
    rows: Option<&'a Rows>,
    /// Whether the protocol version is known before a session is open.
    pinned: bool,
    /// Whether a question of the server is in scope.
    asked: bool,
    /// What is known beside the suite's variables: each way in which it may have got its value.
    names: HashMap<&'a str, Vec<Saved<'a>>>,
    /// The names in the order in which they came, to take them back.
    log: Vec<&'a str>,
    /// The `when`s in force.
    whens: Vec<&'a Value>,
    /// The names that the `when`s in force need to be there.
    proven: Vec<&'a str>,
    /// What the other branches of a `parallel` save.
    siblings: HashMap<&'a str, &'a Pointer>,
    later: HashMap<&'a str, Later<'a>>,
    problems: Vec<Diagnostic>,
}

impl<'a> Flow<'a> {
    fn new(document: &'a Document, known: &'a Known<'a>, place: Place) -> Self {
        Self {
            document,
            known,
            place,
            moment: Moment::Before,
            rows: None,
            pinned: false,
            asked: false,
            names: HashMap::new(),
            log: Vec::new(),
            whens: Vec::new(),
            proven: Vec::new(),
            siblings: HashMap::new(),
            later: HashMap::new(),
            problems: Vec::new(),
        }
    }

    /// Notes where each name is saved, so that one that is read too early is known.
    fn saved_later(&mut self, steps: &'a [Step]) {
        for (index, step) in steps.iter().enumerate() {
            self.saved_in(step, index + 1, false);
        }
    }

    fn saved_in(&mut self, step: &'a Step, number: usize, deferred: bool) {
        for save in &step.save {
            let later = Later { step: number, at: &save.name.at, deferred };
            self.later.entry(&save.name.value).or_insert(later);
        }
        match &step.action {
            crate::plan::Action::Parallel(branches) => {
                let steps = branches.iter().flat_map(|branch| &branch.steps);
                steps.for_each(|inner| self.saved_in(inner, number, deferred));
            }
            crate::plan::Action::Defer(steps) => {
                steps.iter().for_each(|inner| self.saved_in(inner, number, true));
            }
            _ => {}
        }
        step.defer.iter().for_each(|inner| self.saved_in(inner, number, true));
    }

    /// A name gets a value under the `when`s in force.
    fn define(&mut self, name: &'a str, at: Option<&'a Pointer>) {
        let saved = Saved { at, whens: self.whens.clone() };
        self.names.entry(name).or_default().push(saved);
        self.log.push(name);
    }

    /// Takes back all names that came after `mark`, a length of the log.
    fn forget(&mut self, mark: usize) -> Vec<(&'a str, Saved<'a>)> {
        let mut taken = Vec::new();
        while self.log.len() > mark {
            let Some(name) = self.log.pop() else { break };
            taken.extend(self.names.get_mut(name).and_then(Vec::pop).map(|saved| (name, saved)));
        }
        taken.reverse();
        taken
    }

    fn vars(&mut self, vars: &'a [(String, Tree)]) {
        for (name, tree) in vars {
            self.tree(tree);
            self.define(name, None);
        }
    }

    fn tree(&mut self, tree: &Tree) {
        for (at, template) in tree.templates() {
            self.template(at, template);
        }
    }

    fn templates_of(&mut self, matcher: &Matcher) {
        for (at, template) in matcher.templates() {
            self.template(at, template);
        }
    }

    fn template(&mut self, at: &Pointer, template: &Template) {
        for used in template.uses() {
            if let Some(problem) = self.problem(at, used) {
                self.problems.push(problem);
            }
        }
    }

    /// What answers the server sees its question.
    fn rules(&mut self, rules: &[Arc<Rule>]) {
        self.asked = true;
        for rule in rules {
            if let Some(params) = &rule.params {
                self.templates_of(params);
            }
            let (Reply::Result(tree) | Reply::Error(tree)) = &rule.reply;
            self.tree(tree);
        }
        self.asked = false;
    }

    /// An output of a fragment has to be saved on every path.
    fn output(&mut self, name: &str, at: &Pointer) {
        let saved = self.names.get(name).into_iter().flatten().filter(|saved| saved.at.is_some());
        let saved: Vec<&Saved<'a>> = saved.collect();
        if saved.iter().any(|saved| saved.whens.is_empty()) {
            return;
        }
        let error = |message: String| Diagnostic::error(Code::UnsavedOutput, self.document.site(at), message);
        self.problems.push(match saved.first().and_then(|saved| saved.at) {
            Some(saved) => error(format!("the output `{name}` is saved only under a `when`"))
                .also(self.document.key_site(saved), "saved here")
                .help("save it in a step that always runs, or leave it out of `outputs`"),
            None => {
                let problem = error(format!("no step saves the output `{name}`"));
                let names =
                    self.names.iter().filter(|(_, saved)| saved.iter().any(|saved| saved.at.is_some()));
                match nearest(name, names.map(|(name, _)| *name)) {
                    Some(near) => problem.help(format!("did you mean `{near}`?")),
                    None => problem.help(format!("save it in a step: `save: {{{name}: $.json.{name}}}`")),
                }
            }
        });
    }
}

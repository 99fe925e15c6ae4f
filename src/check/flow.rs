//! The flow of names: what each template reads has to be known by then, and what is saved should be read.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::model::{Protocols, Suite};
use crate::nearest::nearest;
use crate::plan::{Plan, Scenario, Step, within};
use crate::source::{Document, Pointer};
use crate::template::{SCOPE_WORDS, Template, Tree, Use, listed};

/// The members of the scope words that have a fixed shape.
const MEMBERS: &[(&str, &[&str])] =
    &[("server", &["name"]), ("run", &["id"]), ("session", &["id", "capabilities", "tools", "auth"])];

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
        let mut flow = Flow {
            document,
            known: &known,
            before: true,
            pinned: false,
            names: known.vars.clone(),
            later: HashMap::new(),
            problems: Vec::new(),
        };
        flow.vars(vars);
        flow.problems
    }
}

/// Follows the names through a scenario.
#[must_use]
pub fn flow(scenario: &Scenario, known: &Known<'_>) -> Vec<Diagnostic> {
    let mut later: HashMap<&str, (usize, Pointer)> = HashMap::new();
    for (index, step) in scenario.steps.iter().enumerate() {
        for save in &step.save {
            later.entry(&save.name.value).or_insert((index + 1, save.name.at.clone()));
        }
    }
    let mut flow = Flow {
        document: &scenario.document,
        known,
        before: true,
        pinned: matches!(scenario.protocols, Protocols::One(_)),
        names: known.vars.clone(),
        later,
        problems: Vec::new(),
    };
    flow.vars(&scenario.vars);
    for tree in [&scenario.capabilities, &scenario.info].into_iter().flatten() {
        flow.tree(tree);
    }
    flow.before = false;
    for step in &scenario.steps {
        flow.step(step);
    }
    let mut problems = flow.problems;
    problems.extend(unused_saves(scenario));
    problems
}

struct Flow<'a> {
    document: &'a Document,
    known: &'a Known<'a>,
    /// Whether this is before the first step, so that no session can be open.
    before: bool,
    /// Whether the protocol version is known before a session is open.
    pinned: bool,
    names: HashSet<&'a str>,
    later: HashMap<&'a str, (usize, Pointer)>,
    problems: Vec<Diagnostic>,
}

impl<'a> Flow<'a> {
    fn vars(&mut self, vars: &'a [(String, Tree)]) {
        for (name, tree) in vars {
            self.tree(tree);
            self.names.insert(name);
        }
    }

    fn tree(&mut self, tree: &Tree) {
        for (at, template) in tree.templates() {
            self.template(at, template);
        }
    }

    fn step(&mut self, step: &'a Step) {
        for (at, template) in step.templates() {
            self.template(&at, template);
        }
        for save in &step.save {
            for template in save.path.templates() {
                self.template(&save.path_at.at, template);
            }
        }
        // What a step saves is saved before its expectation is compared.
        self.names.extend(step.save.iter().map(|save| save.name.value.as_str()));
        for (at, template) in step.expected_templates() {
            self.template(&at, template);
        }
    }

    fn template(&mut self, at: &Pointer, template: &Template) {
        for used in template.uses() {
            if let Some(problem) = self.problem(at, used) {
                self.problems.push(problem);
            }
        }
    }

    fn problem(&self, at: &Pointer, used: &Use) -> Option<Diagnostic> {
        let site = || within(self.document, at, used.at.clone());
        let undefined = |message: String| Diagnostic::error(Code::UndefinedName, site(), message);
        let member = used.rest.first().map(String::as_str);
        match used.name.as_str() {
            "env" => {
                let Some(variable) = member else {
                    return Some(
                        undefined("`env` is not a value by itself".to_owned())
                            .help("name a variable: `env.NAME`"),
                    );
                };
                if self.known.env.contains(variable) {
                    return None;
                }
                let problem =
                    undefined(format!("the suite does not list the environment variable `{variable}`"));
                Some(match nearest(variable, self.known.env.iter().copied()) {
                    Some(near) => problem.help(format!("did you mean `env.{near}`?")),
                    None if self.known.suite_file => problem.help(format!("add it to the suite: `env: [{variable}]`")),
                    None => problem.help("a template reads only variables that a suite file (callsheet.yaml) lists under `env`"),
                })
            }
            "row" => Some(
                undefined("the scenario has no rows".to_owned())
                    .help("define the value under `vars`: this version has no `rows` yet"),
            ),
            "request" => Some(undefined("`request` is known only where the server is answered".to_owned())),
            word @ ("session" | "protocol") if self.before && !(word == "protocol" && self.pinned) => {
                let problem = undefined(format!("`{word}` is not known before a session is open"));
                Some(problem.help("read it in a step"))
            }
            "protocol" => None,
            word => {
                if let Some((_, members)) = MEMBERS.iter().find(|(name, _)| *name == word) {
                    return match member {
                        Some(member) if members.contains(&member) => None,
                        Some(member) => {
                            let problem = undefined(format!("`{word}` has no member `{member}`"));
                            Some(problem.help(format!("it has {}", listed(members.iter().copied()))))
                        }
                        None => Some(
                            undefined(format!("`{word}` is not a value by itself"))
                                .help(format!("it has {}", listed(members.iter().copied()))),
                        ),
                    };
                }
                if used.optional || self.names.contains(word) {
                    return None;
                }
                Some(self.unknown(word, member, undefined(String::new())))
            }
        }
    }

    fn unknown(&self, name: &str, member: Option<&str>, mut problem: Diagnostic) -> Diagnostic {
        if let Some((step, at)) = self.later.get(name) {
            problem.message = format!("`{name}` is used before it is saved");
            return problem
                .also(self.document.key_site(at), format!("saved here, by step {step}"))
                .help("move the step that saves it up, or take the value from an earlier step");
        }
        problem.message = format!("nothing defines `{name}`");
        if let ("vars", Some(variable)) = (name, member) {
            return problem.help(format!("a variable has no prefix: write `{{{{ {variable} }}}}`"));
        }
        let words = SCOPE_WORDS.iter().filter(|word| !["row", "request"].contains(word));
        match nearest(name, self.names.iter().chain(words).copied()) {
            Some(near) => problem.help(format!("did you mean `{near}`?")),
            None => problem.help(format!(
                "define it under `vars`, or save it in an earlier step: `save: {{{name}: $.json.{name}}}`"
            )),
        }
    }
}

/// An error for each `--var` that no variable and no template of the plan has the name of.
#[must_use]
pub fn unknown_vars(plan: &Plan, command_line: &[String]) -> Vec<Diagnostic> {
    if command_line.is_empty() {
        return Vec::new();
    }
    let mut names: BTreeSet<&str> = plan.suite.vars.iter().map(|var| var.value.as_str()).collect();
    let trees = plan.vars.iter().chain(plan.scenarios.iter().flat_map(|scenario| &scenario.vars));
    let trees = trees.map(|(name, tree)| {
        names.insert(name);
        tree
    });
    let trees: Vec<&Tree> =
        trees.chain(plan.scenarios.iter().flat_map(|s| [&s.capabilities, &s.info]).flatten()).collect();
    names.extend(
        trees.iter().flat_map(|tree| tree.templates()).flat_map(|(_, t)| t.uses()).map(|u| u.name.as_str()),
    );
    for step in plan.scenarios.iter().flat_map(|scenario| &scenario.steps) {
        names.extend(read_by(step));
    }
    let unknown = command_line.iter().filter(|name| !names.contains(name.as_str()));
    unknown
        .map(|name| {
            let message = format!("`--var {name}=…`: no scenario reads `{name}`");
            let problem = Diagnostic::new(Code::UnknownName, Severity::Error, None, message);
            match nearest(name, names.iter().copied()) {
                Some(near) => problem.help(format!("did you mean `{near}`?")),
                None => problem.help(format!("leave it out, or read it in a scenario: `{{{{ {name} }}}}`")),
            }
        })
        .collect()
}

/// The names that the templates of a step read.
fn read_by(step: &Step) -> Vec<&str> {
    let paths = step.save.iter().flat_map(|save| save.path.templates());
    let templates =
        step.templates().into_iter().chain(step.expected_templates()).map(|(_, template)| template);
    templates.chain(paths).flat_map(Template::uses).map(|used| used.name.as_str()).collect()
}

/// A warning for each saved name that nothing reads. A secret may be saved to be masked.
fn unused_saves(scenario: &Scenario) -> Vec<Diagnostic> {
    let read: HashSet<&str> = scenario.steps.iter().flat_map(read_by).collect();
    let saves = scenario.steps.iter().flat_map(|step| &step.save);
    saves
        .filter(|save| {
            let name = save.name.value.as_str();
            !save.secret && !name.starts_with('_') && !read.contains(name)
        })
        .map(|save| {
            Diagnostic::warning(
                Code::UnusedSave,
                scenario.document.key_site(&save.name.at),
                format!("nothing reads `{}`", save.name.value),
            )
            .help("take it out, or begin its name with `_` if it only has to be there")
        })
        .collect()
}

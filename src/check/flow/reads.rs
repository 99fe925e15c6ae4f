//! What is read anywhere: saved names and variables of the command line that nothing reads.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::matcher::Matcher;
use crate::nearest::nearest;
use crate::plan::{Choice, Plan, Reply, Rule, Scenario, Step};
use crate::source::Document;
use crate::template::{Template, Tree};

/// The names that are read.
#[derive(Debug, Default)]
pub(in crate::check) struct Reads<'a> {
    names: HashSet<&'a str>,
    /// Whether a path reads names that it does not say.
    any: bool,
}

impl<'a> Reads<'a> {
    /// What a scenario reads.
    pub(in crate::check) fn of(scenario: &'a Scenario) -> Self {
        let mut reads = Self::default();
        reads.scenario(scenario);
        reads
    }

    /// What variables read of each other.
    pub(in crate::check) fn of_vars(vars: &'a [(String, Tree)]) -> Self {
        let mut reads = Self::default();
        vars.iter().for_each(|(_, tree)| reads.tree(tree));
        reads
    }

    /// Whether a name is read, or may be.
    pub(in crate::check) fn has(&self, name: &str) -> bool {
        self.any || self.names.contains(name)
    }

    fn template(&mut self, template: &'a Template) {
        self.names.extend(template.uses().iter().map(|used| used.name.as_str()));
    }

    fn tree(&mut self, tree: &'a Tree) {
        tree.templates().into_iter().for_each(|(_, template)| self.template(template));
    }

    fn matcher(&mut self, matcher: &'a Matcher) {
        matcher.templates().into_iter().for_each(|(_, template)| self.template(template));
    }

    fn over_scope(&mut self, matcher: &'a Matcher) {
        self.matcher(matcher);
        for reading in matcher.readings() {
            match reading.name {
                Some(name) => self.names.extend([name]),
                None => self.any = true,
            }
        }
    }

    fn rules(&mut self, rules: &'a [Arc<Rule>]) {
        for rule in rules {
            rule.params.iter().for_each(|params| self.matcher(params));
            let (Reply::Result(tree) | Reply::Error(tree)) = &rule.reply;
            self.tree(tree);
        }
    }

    fn choice(&mut self, choice: &'a Choice) {
        if let Choice::Template(template, _) = choice {
            self.template(template);
        }
    }

    /// A step and those that stand in it.
    fn step(&mut self, step: &'a Step) {
        step.when.iter().for_each(|when| self.over_scope(when));
        step.known_bug.iter().filter_map(|bug| bug.when.as_ref()).for_each(|when| self.over_scope(when));
        self.rules(&step.respond);
        [&step.server, &step.identity].into_iter().flatten().for_each(|choice| self.choice(choice));
        for (_, template) in step.templates().into_iter().chain(step.expected_templates()) {
            self.template(template);
        }
        step.save.iter().flat_map(|save| save.path.templates()).for_each(|template| self.template(template));
        step.inner().for_each(|inner| self.step(inner));
    }

    pub(in crate::check) fn scenario(&mut self, scenario: &'a Scenario) {
        self.choice(&scenario.server);
        self.choice(&scenario.identity);
        scenario.vars.iter().for_each(|(_, tree)| self.tree(tree));
        [&scenario.capabilities, &scenario.info].into_iter().flatten().for_each(|tree| self.tree(tree));
        scenario.requires.iter().for_each(|requires| self.over_scope(requires));
        self.rules(&scenario.respond);
        scenario.steps.iter().for_each(|step| self.step(step));
    }
}

/// An error for each `--var` that no variable and no template of the plan has the name of. Fragments do not see them.
#[must_use]
pub fn unknown_vars(plan: &Plan, command_line: &[String]) -> Vec<Diagnostic> {
    if command_line.is_empty() {
        return Vec::new();
    }
    let mut reads = Reads::default();
    plan.vars.iter().for_each(|(_, tree)| reads.tree(tree));
    plan.scenarios.iter().for_each(|scenario| reads.scenario(scenario));
    let mut names: BTreeSet<&str> = plan.suite.vars.iter().map(|var| var.value.as_str()).collect();
    let scenarios = plan.scenarios.iter().flat_map(|scenario| &scenario.vars);
    names.extend(plan.vars.iter().chain(scenarios).map(|(name, _)| name.as_str()));
    names.extend(reads.names);
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

/// A warning for each saved name that nothing of the document reads, and that is none of its outputs. A secret may
/// be saved to be masked.
pub(super) fn unused_saves(
    document: &Document,
    steps: &[Step],
    rules: &[Arc<Rule>],
    outputs: &[&str],
) -> Vec<Diagnostic> {
    let mut saves = Vec::new();
    collect(steps, &mut |step| saves.extend(&step.save));
    if saves.is_empty() {
        return Vec::new();
    }
    let mut reads = Reads::default();
    reads.rules(rules);
    steps.iter().for_each(|step| reads.step(step));
    if reads.any {
        return Vec::new();
    }
    saves
        .into_iter()
        .filter(|save| {
            let name = save.name.value.as_str();
            let read = reads.names.contains(name) || outputs.contains(&name);
            !save.secret && !name.starts_with('_') && !read
        })
        .map(|save| {
            Diagnostic::warning(
                Code::UnusedSave,
                document.key_site(&save.name.at),
                format!("nothing reads `{}`", save.name.value),
            )
            .help("take it out, or begin its name with `_` if it only has to be there")
        })
        .collect()
}

fn collect<'a>(steps: impl IntoIterator<Item = &'a Step>, visit: &mut dyn FnMut(&'a Step)) {
    for step in steps {
        visit(step);
        collect(&mut step.inner() as &mut dyn Iterator<Item = &'a Step>, visit);
    }
}

//! One document from the reader's form to the runner's: templates, matchers and paths compiled, every problem
//! with its place.
//!
//! `step` compiles steps, `judged` looks at what `expect` and `save` name, `choice` at servers and identities,
//! `fragment` at fragments and the steps that use them.

mod choice;
mod fragment;
mod judged;
mod snapshots;
mod step;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

pub(super) use choice::chosen_by_rows;
pub(super) use fragment::{compile_fragment, too_many};

use super::link::Links;
use super::{Choice, Reply, Rule, Scenario};
use crate::diagnostic::{Code, Diagnostic};
use crate::matcher::{Matcher, Root};
use crate::model;
use crate::source::{Document, Pointer, Site};
use crate::template::{Template, TemplateError, Tree};

/// What a scenario's form does not say of it.
#[derive(Clone, Debug)]
pub struct Context<'a> {
    /// Its name without a version.
    pub name: String,
    /// What its title adds to the name of its file, if the file has several documents.
    pub part: String,
    /// The path of its file, absolute and normal.
    pub path: PathBuf,
    /// The first and the last line of its document.
    pub lines: (usize, usize),
    /// `--server`, in place of what the scenario and the suite name.
    pub server: Option<&'a str>,
    /// The suite.
    pub suite: &'a model::Suite,
    /// What each `use` leads to.
    pub links: &'a Links,
}

/// Compiles a scenario. Every problem is added; the scenario is there unless one of them is an error, or a
/// fragment that it uses has one.
pub fn compile(
    scenario: &model::Scenario,
    context: Context<'_>,
    problems: &mut Vec<Diagnostic>,
) -> Option<Scenario> {
    let mut compiler = Compiler::new(&scenario.document, &context.path, context.links);
    let named = context.server.or(scenario.server.as_ref().map(|s| s.value.as_str()));
    let server = match &scenario.server {
        Some(spot) if context.server.is_none() && spot.value.contains("{{") => {
            compiler.choice(spot, "server")
        }
        _ => {
            let server = context.suite.server_for(named);
            Some(Choice::Name(server.map(|server| server.name.value.clone()).unwrap_or_default()))
        }
    };
    let identity = match &scenario.identity {
        Some(spot) => compiler.choice(spot, "as"),
        None => Some(Choice::Name("default".to_owned())),
    };
    let vars = compiler.vars(&scenario.vars);
    let capabilities = scenario.client.capabilities.as_ref().map(|at| compiler.tree(at));
    let info = scenario.client.info.as_ref().map(|at| compiler.tree(at));
    if let (Some(_), Some(Choice::Name(server))) = (context.server, &server) {
        compiler.identities(scenario, context.suite.server(server));
    }
    let requires = scenario.requires.as_ref().and_then(|at| compiler.matcher(at, Root::Scope));
    let respond = compiler.rules(&scenario.respond);
    let steps = compiler.steps(&scenario.steps);
    if compiler.problems.is_empty()
        && let (Some(server), Some(identity)) = (&server, &identity)
    {
        compiler.identities_in_fragments(&steps, Some(server), Some(identity), context.suite);
    }
    compiler.problems.extend(too_many(compiler.size, || scenario.document.site(&scenario.title.at)));
    let whole = compiler.is_whole();
    problems.append(&mut compiler.problems);
    let snapshots = compiler.snapshots.into_keys().collect();
    let (server, identity) = (server?, identity?);
    whole.then(|| Scenario {
        title: scenario.title.value.clone(),
        site: scenario.document.site(&scenario.title.at),
        document: scenario.document.clone(),
        name: context.name,
        part: context.part,
        snapshots,
        path: context.path,
        lines: context.lines,
        server,
        identity,
        rows: None,
        requires,
        respond,
        protocols: scenario.protocols.clone(),
        tags: scenario.tags.clone(),
        skip: scenario.skip.clone(),
        timeout: scenario.timeout,
        vars,
        capabilities,
        info,
        log: scenario.client.log.clone(),
        keep_going: scenario.keep_going,
        checks: scenario.checks,
        steps,
    })
}

/// The compiled variables of a suite.
pub(super) fn suite_vars(suite: &model::Suite, problems: &mut Vec<Diagnostic>) -> Vec<(String, Tree)> {
    let Some(document) = &suite.document else { return Vec::new() };
    let links = Links::default();
    let mut compiler = Compiler::new(document, &suite.root, &links);
    let vars = compiler.vars(&suite.vars);
    problems.append(&mut compiler.problems);
    vars
}

struct Compiler<'a> {
    document: &'a Document,
    /// The folder that paths are relative to.
    folder: &'a Path,
    links: &'a Links,
    /// Whether it is a fragment.
    in_fragment: bool,
    problems: Vec<Diagnostic>,
    /// Whether a fragment that is used could not be compiled, which was told where it stands.
    broken: bool,
    /// How many steps there are, those of fragments counted where they are used.
    size: usize,
    /// How deep fragments use each other.
    height: usize,
    /// The snapshots of the document, each with the place of its `$snapshot`.
    snapshots: BTreeMap<String, Pointer>,
}

impl<'a> Compiler<'a> {
    fn new(document: &'a Document, path: &'a Path, links: &'a Links) -> Self {
        Self {
            document,
            folder: path.parent().unwrap_or(path),
            links,
            in_fragment: false,
            problems: Vec::new(),
            broken: false,
            size: 0,
            height: 0,
            snapshots: BTreeMap::new(),
        }
    }

    /// Whether nothing is in the way of running it.
    fn is_whole(&self) -> bool {
        !self.broken && !self.problems.iter().any(Diagnostic::is_error)
    }

    fn vars(&mut self, vars: &[model::Spot<String>]) -> Vec<(String, Tree)> {
        vars.iter().map(|var| (var.value.clone(), self.tree(&var.at))).collect()
    }

    fn tree(&mut self, at: &Pointer) -> Tree {
        let value = self.document.get(at).unwrap_or(&Value::Null);
        let mut errors = Vec::new();
        let tree = Tree::compile(value, at, &mut errors);
        for (at, error) in errors {
            self.template_problem(&at, error);
        }
        tree
    }

    fn template(&mut self, at: &Pointer) -> Option<Template> {
        let text = self.document.get(at).and_then(Value::as_str)?;
        match Template::compile(text) {
            Ok(template) => Some(template),
            Err(errors) => {
                errors.into_iter().for_each(|error| self.template_problem(at, error));
                None
            }
        }
    }

    fn template_problem(&mut self, at: &Pointer, error: TemplateError) {
        let site = match error.code {
            Code::TemplateHere => self.document.key_site(at),
            _ => within(self.document, at, error.at),
        };
        let mut problem = Diagnostic::error(error.code, site, error.message);
        problem.help.extend(error.help);
        self.problems.push(problem);
    }

    /// A matcher that has to be a mapping at its root, which the reader saw to.
    fn matcher(&mut self, at: &Pointer, root: Root<'_>) -> Option<Matcher> {
        self.document.get(at).filter(|value| value.is_object())?;
        Matcher::compile(self.document, at, root, &mut self.problems)
    }

    fn rules(&mut self, rules: &[model::Rule]) -> Vec<Arc<Rule>> {
        rules.iter().map(|rule| Arc::new(self.rule(rule))).collect()
    }

    fn rule(&mut self, rule: &model::Rule) -> Rule {
        let params = rule.params.as_ref();
        Rule {
            at: rule.at.clone(),
            to: rule.to.value.clone(),
            params: params
                .and_then(|at| Matcher::compile(self.document, at, Root::Value, &mut self.problems)),
            reply: match &rule.reply {
                model::Reply::Result(at) => Reply::Result(self.tree(at)),
                model::Reply::Error(at) => Reply::Error(self.tree(at)),
            },
            times: rule.times,
        }
    }
}

/// The place in the file of a part of a string: exact where the scalar stands there as it is, else where
/// its text is found in it, else the whole scalar.
pub(crate) fn within(document: &Document, at: &Pointer, part: Range<usize>) -> Site {
    let site = document.site(at);
    let Some(text) = document.get(at).and_then(Value::as_str) else { return site };
    let source = site.file.slice(site.span);
    let offset = source.find(text).map(|start| start + part.start).or_else(|| {
        let needle = text.get(part.clone()).filter(|needle| !needle.is_empty())?;
        source.find(needle)
    });
    let Some(offset) = offset else { return site };
    let start = site.span.start + offset;
    let end = (start + part.len()).min(site.span.end).max(start);
    let clean = site.file.text().is_char_boundary(start) && site.file.text().is_char_boundary(end);
    if !clean {
        return site;
    }
    Site { file: site.file, span: crate::source::Span::new(start, end) }
}

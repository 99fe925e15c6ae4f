//! One scenario from the reader's form to the runner's: templates, matchers and paths compiled, every problem
//! with its place.

use std::ops::Range;
use std::path::PathBuf;

use serde_json::Value;

use super::{Action, Branch, Choice, Reference, Save, Scenario, Step};
use crate::diagnostic::{Code, Diagnostic};
use crate::exchange::Verb;
use crate::matcher::{Matcher, Path, Root, read_pattern};
use crate::model;
use crate::source::{Document, Pointer, Site};
use crate::template::{Template, TemplateError, Tree, listed};

/// What a scenario's form does not say of it.
#[derive(Clone, Debug)]
pub struct Context<'a> {
    /// Its name without a version.
    pub name: String,
    /// The path of its file, absolute and normal.
    pub path: PathBuf,
    /// The first and the last line of its document.
    pub lines: (usize, usize),
    /// `--server`, in place of what the scenario and the suite name.
    pub server: Option<&'a str>,
    /// The suite.
    pub suite: &'a model::Suite,
}

/// Compiles a scenario. Every problem is added; the scenario is there unless one of them is an error.
pub fn compile(
    scenario: &model::Scenario,
    context: Context<'_>,
    problems: &mut Vec<Diagnostic>,
) -> Option<Scenario> {
    let mut compiler = Compiler { document: &scenario.document, problems: Vec::new() };
    let named = context.server.or(scenario.server.as_ref().map(|s| s.value.as_str()));
    let server = context.suite.server_for(named).map(|server| server.name.value.clone()).unwrap_or_default();
    let identity = scenario.identity.as_ref().map_or("default", |s| s.value.as_str()).to_owned();
    let vars = compiler.vars(&scenario.vars);
    let capabilities = scenario.client.capabilities.as_ref().map(|at| compiler.tree(at));
    let info = scenario.client.info.as_ref().map(|at| compiler.tree(at));
    if context.server.is_some() {
        compiler.identities(scenario, context.suite.server(&server));
    }
    let steps = compiler.steps(&scenario.steps);
    let failed = compiler.problems.iter().any(Diagnostic::is_error);
    problems.append(&mut compiler.problems);
    (!failed).then(|| Scenario {
        title: scenario.title.value.clone(),
        site: scenario.document.site(&scenario.title.at),
        document: scenario.document.clone(),
        name: context.name,
        path: context.path,
        lines: context.lines,
        server: Choice::Name(server),
        identity: Choice::Name(identity),
        rows: None,
        requires: None,
        respond: Vec::new(),
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
    let mut compiler = Compiler { document, problems: Vec::new() };
    let vars = compiler.vars(&suite.vars);
    problems.append(&mut compiler.problems);
    vars
}

struct Compiler<'a> {
    document: &'a Document,
    problems: Vec<Diagnostic>,
}

impl Compiler<'_> {
    fn vars(&mut self, vars: &[model::Spot<String>]) -> Vec<(String, Tree)> {
        vars.iter().map(|var| (var.value.clone(), self.tree(&var.at))).collect()
    }

    /// The identities on a server that the command line names: those on servers that the files name were
    /// checked with them.
    fn identities(&mut self, scenario: &model::Scenario, server: Option<&model::Server>) {
        let Some(server) = server else { return };
        let moved =
            scenario.steps.iter().filter(|step| step.server.is_none() && step.verb.value != Verb::Wait);
        let mut named: Vec<&model::Spot<String>> =
            moved.filter_map(|step| step.identity.as_ref().or(scenario.identity.as_ref())).collect();
        named.dedup_by_key(|name| &name.at);
        for name in named.into_iter().filter(|name| !server.has_identity(&name.value)) {
            let message = format!("server `{}` has no identity `{}`", server.name.value, name.value);
            let problem = Diagnostic::error(Code::UnknownName, self.document.site(&name.at), message);
            let names = listed(server.identity_names());
            self.problems.push(problem.note(format!("it has {names}")).help(
                "the command line names this server: choose one that has the identity, or leave this scenario out",
            ));
        }
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

    fn steps(&mut self, steps: &[model::Step]) -> Vec<Step> {
        steps.iter().filter_map(|step| self.step(step)).collect()
    }

    fn step(&mut self, step: &model::Step) -> Option<Step> {
        let action = self.action(&step.action);
        let headers = step.headers.as_ref().map(|at| self.tree(at));
        let meta = step.meta.as_ref().map(|at| self.tree(at));
        let method = self.method_of(&step.action);
        let root = Root::Exchange(step.verb.value, method.as_deref());
        // What is no mapping was told by the reader.
        let expect = step.expect.as_ref().filter(|at| self.document.get(at).is_some_and(Value::is_object));
        let expect = expect.and_then(|at| Matcher::compile(self.document, at, root, &mut self.problems));
        let save = step.save.iter().filter_map(|save| self.save(save, root)).collect();
        Some(Step {
            at: step.at.clone(),
            title: self.title(step),
            verb: step.verb.clone(),
            action: action?,
            server: step.server.as_ref().map(|s| Choice::Name(s.value.clone())),
            identity: step.identity.as_ref().map(|s| Choice::Name(s.value.clone())),
            when: None,
            eventually: None,
            defer: Vec::new(),
            respond: Vec::new(),
            known_bug: None,
            headers,
            meta,
            timeout: step.timeout,
            expect,
            save,
            checks: step.checks,
        })
    }

    fn action(&mut self, action: &model::Action) -> Option<Action> {
        Some(match action {
            model::Action::Call { tool, arguments } => Action::Call {
                arguments: arguments.as_ref().map(|at| self.tree(at)),
                tool: self.template(tool)?,
            },
            model::Action::List(kind) => Action::List(*kind),
            model::Action::Read { uri } => Action::Read { uri: self.template(uri)? },
            model::Action::Prompt { name, arguments } => Action::Prompt {
                arguments: arguments.as_ref().map(|at| self.tree(at)),
                name: self.template(name)?,
            },
            model::Action::Request { method, params } => Action::Request {
                params: params.as_ref().map(|at| self.tree(at)),
                method: self.template(method)?,
            },
            model::Action::Session(verb) => Action::Session(*verb),
            model::Action::Complete { reference, argument, value, context } => {
                let context = context.as_ref().map(|at| self.tree(at));
                let (argument, value) = (self.template(argument), self.template(value));
                let reference = match reference {
                    model::Reference::Prompt(at) => Reference::Prompt(self.template(at)?, at.clone()),
                    model::Reference::Resource(at) => Reference::Resource(self.template(at)?, at.clone()),
                };
                Action::Complete { reference, argument: argument?, value: value?, context }
            }
            model::Action::Notify { method, params } => Action::Notify {
                params: params.as_ref().map(|at| self.tree(at)),
                method: self.template(method)?,
            },
            model::Action::Listen { tools, prompts, resources } => Action::Listen {
                tools: *tools,
                prompts: *prompts,
                resources: resources.iter().filter_map(|at| Some((self.template(at)?, at.clone()))).collect(),
            },
            model::Action::Await { method, params } => {
                let params = params
                    .as_ref()
                    .and_then(|at| Matcher::compile(self.document, at, Root::Value, &mut self.problems));
                Action::Await { params, method: self.template(method)? }
            }
            model::Action::Parallel(branches) => Action::Parallel(
                branches
                    .iter()
                    .map(|branch| Branch { at: branch.at.clone(), steps: self.steps(&branch.steps) })
                    .collect(),
            ),
            model::Action::Defer(steps) => Action::Defer(self.steps(steps)),
            model::Action::Use { .. } => return None,
            model::Action::Http { method, body } => {
                Action::Http { body: body.as_ref().map(|at| self.tree(at)), method: self.template(method)? }
            }
            model::Action::Wait(time) => Action::Wait(*time),
        })
    }

    /// The method of a `request`, where no template hides it: it decides which fields are filled.
    fn method_of(&self, action: &model::Action) -> Option<String> {
        let model::Action::Request { method, .. } = action else { return None };
        let text = self.document.get(method).and_then(Value::as_str)?;
        (!text.contains("{{")).then(|| text.to_owned())
    }

    fn title(&self, step: &model::Step) -> String {
        if let Some(name) = &step.name {
            return name.clone();
        }
        let text =
            |at: &Pointer| self.document.get(at).and_then(Value::as_str).unwrap_or_default().to_owned();
        let about = match &step.action {
            model::Action::Call { tool: at, .. }
            | model::Action::Read { uri: at }
            | model::Action::Prompt { name: at, .. }
            | model::Action::Request { method: at, .. }
            | model::Action::Http { method: at, .. }
            | model::Action::Notify { method: at, .. }
            | model::Action::Await { method: at, .. }
            | model::Action::Complete {
                reference: model::Reference::Prompt(at) | model::Reference::Resource(at),
                ..
            } => text(at),
            model::Action::List(_)
            | model::Action::Session(_)
            | model::Action::Wait(_)
            | model::Action::Use { .. } => text(&step.verb.at),
            model::Action::Listen { .. } | model::Action::Parallel(_) | model::Action::Defer(_) => {
                return step.verb.value.as_str().to_owned();
            }
        };
        format!("{} {about}", step.verb.value.as_str())
    }

    fn save(&mut self, save: &model::Save, root: Root<'_>) -> Option<Save> {
        let path = match Path::compile(&save.path.value) {
            Ok(path) => path,
            Err((message, offset)) => {
                let site = within(self.document, &save.path.at, offset..offset + 1);
                let rooted = format!("$.{}", save.path.value);
                let help = match Path::compile(&rooted) {
                    Ok(_) => format!("a path begins at the exchange: `{rooted}`"),
                    Err(_) => {
                        "a path is a JSONPath (RFC 9535) from the exchange, such as `$.json.id`".to_owned()
                    }
                };
                self.problems.push(Diagnostic::error(Code::BadPath, site, message).help(help));
                return None;
            }
        };
        self.problems.extend(path.astray_in(self.document, root, self.document.site(&save.path.at)));
        if let Some(matches) = &save.matches {
            self.regex(matches);
            if save.all {
                let site = self.document.key_site(&matches.at);
                let message = "`matches` takes its group from one text, and `all` saves a list";
                self.problems
                    .push(Diagnostic::error(Code::Conflict, site, message).help("leave one of them out"));
            }
        }
        Some(Save {
            name: save.name.clone(),
            path,
            path_at: save.path.clone(),
            matches: save.matches.clone(),
            secret: save.secret,
            all: save.all,
        })
    }

    fn regex(&mut self, pattern: &model::Spot<String>) {
        let text = &pattern.value;
        match read_pattern(text) {
            Err((reason, part)) => {
                let site = within(self.document, &pattern.at, part);
                let message = format!("this is no regular expression: {reason}");
                self.problems.push(
                    Diagnostic::error(Code::BadRegex, site, message).help(
                        "the syntax is that of the Rust crate regex: no look-around, no backreferences",
                    ),
                );
            }
            Ok(parsed) if parsed.properties().explicit_captures_len() == 0 => self.problems.push(
                Diagnostic::error(
                    Code::BadOperand,
                    self.document.site(&pattern.at),
                    "the pattern has no group to take the value from",
                )
                .help("put the part to save into parentheses: `INV-(\\d+)`"),
            ),
            Ok(_) => {}
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

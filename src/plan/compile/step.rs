//! One step: its verb's operands, and what every step may have.

use std::time::Duration;

use serde_json::Value;

use super::{Compiler, within};
use crate::diagnostic::{Code, Diagnostic};
use crate::matcher::{Matcher, Path, Root, read_pattern};
use crate::model;
use crate::plan::{Action, Branch, Eventually, KnownBug, Reference, Save, Step};
use crate::source::Pointer;

/// The pause before the next attempt of `eventually`, unless it says another.
const EVERY: Duration = Duration::from_secs(1);

impl Compiler<'_> {
    pub(super) fn steps(&mut self, steps: &[model::Step]) -> Vec<Step> {
        steps.iter().filter_map(|step| self.step(step)).collect()
    }

    fn step(&mut self, step: &model::Step) -> Option<Step> {
        self.size = self.size.saturating_add(1);
        let action = self.action(&step.action);
        let server = step.server.as_ref().and_then(|server| self.choice(server, "server"));
        let identity = step.identity.as_ref().and_then(|identity| self.choice(identity, "as"));
        let headers = step.headers.as_ref().map(|at| self.tree(at));
        let meta = step.meta.as_ref().map(|at| self.tree(at));
        let method = self.method_of(&step.action);
        let root = Root::Exchange(step.verb.value, method.as_deref());
        let when = step.when.as_ref().and_then(|at| self.matcher(at, Root::Scope));
        let expect = step.expect.as_ref().and_then(|at| self.matcher(at, root));
        let save: Vec<Save> = step.save.iter().filter_map(|save| self.save(save, root)).collect();
        let eventually = step.eventually.as_ref().map(|eventually| self.eventually(eventually, root));
        let respond = self.rules(&step.respond);
        let known_bug = step.known_bug.as_ref().map(|bug| self.known_bug(bug));
        let defer = self.steps(&step.defer);
        self.judged(step, expect.as_ref(), &save, action.as_ref());
        self.snapshots(expect.as_ref());
        self.no_snapshots(eventually.as_ref().and_then(|eventually| eventually.abort.as_ref()));
        Some(Step {
            at: step.at.clone(),
            title: self.title(step),
            named: step.name.is_some(),
            verb: step.verb.clone(),
            action: action?,
            server,
            identity,
            when,
            eventually,
            defer,
            respond,
            known_bug,
            headers,
            meta,
            timeout: step.timeout,
            expect,
            save,
            checks: step.checks,
        })
    }

    fn eventually(&mut self, eventually: &model::Eventually, root: Root<'_>) -> Eventually {
        Eventually {
            at: eventually.at.clone(),
            within: eventually.within,
            every: eventually.every.unwrap_or(EVERY),
            backoff: eventually.backoff.unwrap_or(1.0),
            abort: eventually.abort.as_ref().and_then(|at| self.matcher(at, root)),
            abort_at: eventually.abort.clone(),
        }
    }

    fn known_bug(&mut self, bug: &model::KnownBug) -> KnownBug {
        KnownBug {
            at: bug.at.clone(),
            issue: bug.issue.value.clone(),
            until: bug.until.clone(),
            when: bug.when.as_ref().and_then(|at| self.matcher(at, Root::Scope)),
        }
    }

    fn action(&mut self, action: &model::Action) -> Option<Action> {
        Some(match action {
            model::Action::Call { tool, arguments, task } => Action::Call {
                task: *task,
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
            model::Action::Use { fragment, with } => self.used(fragment, with)?,
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

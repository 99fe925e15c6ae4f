//! `respond`: what the server is answered when it asks. The rules of a step come before those of its case; the
//! first that fits answers, as often as it may.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value, json};

use crate::diagnostic::{Code, Diagnostic};
use crate::exchange::Answer;
use crate::matcher::Actual;
use crate::mcp::{Responder, TASKS_EXTENSION};
use crate::plan::{Reply, Rule, within};
use crate::source::Document;
use crate::template::{RenderError, Scope};

/// JSON-RPC: the method is not known.
const NO_METHOD: i64 = -32601;

/// JSON-RPC: our own failure.
const INTERNAL: i64 = -32603;

/// Rules with what their templates see.
#[derive(Debug)]
pub(super) struct Rules {
    document: Arc<Document>,
    rules: Vec<(Arc<Rule>, AtomicU64)>,
    scope: Scope,
    problems: Mutex<Vec<Diagnostic>>,
}

/// Answers with the rules of a step, then with those of its case.
#[derive(Debug)]
pub(super) struct Rulebook {
    step: Option<Arc<Rules>>,
    case: Option<Arc<Rules>>,
}

impl Rules {
    pub(super) fn new(rules: &[Arc<Rule>], document: &Arc<Document>, scope: Scope) -> Arc<Self> {
        Arc::new(Self {
            document: Arc::clone(document),
            rules: rules.iter().map(|rule| (Arc::clone(rule), AtomicU64::new(0))).collect(),
            scope,
            problems: Mutex::default(),
        })
    }

    fn respond(&self, method: &str, params: &Value) -> Option<Answer> {
        let (rule, _) = self
            .rules
            .iter()
            .find(|(rule, used)| rule.to == method && self.fits(rule, params) && take(used, rule.times))?;
        let mut scope = self.scope.fork();
        scope.set("request", json!({"method": method, "params": params}));
        let (tree, is_result) = match &rule.reply {
            Reply::Result(tree) => (tree, true),
            Reply::Error(tree) => (tree, false),
        };
        Some(match tree.render(&scope) {
            Ok(value) if is_result => Answer { result: Some(with_defaults(value, params)), error: None },
            Ok(value) => Answer { result: None, error: Some(value) },
            Err((at, error)) => {
                let message = "the rule's answer could not be rendered";
                let answer = json!({"code": INTERNAL, "message": message});
                self.add(problem(&self.document, &at, error));
                Answer { result: None, error: Some(answer) }
            }
        })
    }

    fn fits(&self, rule: &Rule, params: &Value) -> bool {
        rule.params.as_ref().is_none_or(|matcher| {
            matcher.compare(Actual { value: params, inexact: &[] }, &self.scope).is_empty()
        })
    }

    fn add(&self, problem: Diagnostic) {
        self.problems.lock().unwrap_or_else(PoisonError::into_inner).push(problem);
    }

    /// What is wrong once nothing more can be asked: answers that could not be made, and rules that were not
    /// used as often as they say; the latter not where something failed already, which may be why.
    pub(super) fn problems(&self, failed: bool) -> Vec<Diagnostic> {
        let mut problems = std::mem::take(&mut *self.problems.lock().unwrap_or_else(PoisonError::into_inner));
        if failed {
            return problems;
        }
        for (rule, used) in &self.rules {
            let used = used.load(Ordering::Relaxed);
            let wanted = rule.times.unwrap_or(1);
            if used >= wanted {
                continue;
            }
            let message = match used {
                0 => format!("the server did not ask `{}`: this rule was not used", rule.to),
                _ => format!(
                    "this rule answers `{}` {wanted} times, and the server asked {used} times",
                    rule.to
                ),
            };
            problems.push(
                Diagnostic::error(Code::UnusedRule, self.document.site(&rule.at), message)
                    .help("take it out, or correct what makes the server ask"),
            );
        }
        problems
    }

    /// For the message where nothing answers a question: what the rules of its method say against it.
    fn near(&self, method: &str, params: &Value, notes: &mut Vec<String>) {
        for (rule, _) in self.rules.iter().filter(|(rule, _)| rule.to == method) {
            let line = self.document.site(&rule.at).position().line;
            let why = rule.params.as_ref().and_then(|matcher| {
                let first = matcher.compare(Actual { value: params, inexact: &[] }, &self.scope);
                first.into_iter().next().map(|first| format!("{}: {}", first.actual_at, first.message))
            });
            notes.push(match why {
                Some(why) => format!("the rule of line {line} does not fit: {why}"),
                None => format!("the rule of line {line} has answered as often as it may"),
            });
        }
    }
}

/// Counts a use, if there is one left.
fn take(used: &AtomicU64, times: Option<u64>) -> bool {
    let next = |used: u64| times.is_none_or(|times| used < times).then_some(used + 1);
    used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).is_ok()
}

impl Rulebook {
    pub(super) fn new(step: Option<Arc<Rules>>, case: Option<Arc<Rules>>) -> Self {
        Self { step, case }
    }

    fn all(&self) -> impl Iterator<Item = &Arc<Rules>> {
        self.step.iter().chain(&self.case)
    }

    /// Why nothing answers a question, for people.
    pub(super) fn why_not(&self, method: &str, params: &Value) -> Vec<String> {
        let mut notes = Vec::new();
        self.all().for_each(|rules| rules.near(method, params, &mut notes));
        notes
    }
}

impl Responder for Rulebook {
    fn respond(&self, method: &str, params: &Value) -> (Answer, bool) {
        if let Some(answer) = self.all().find_map(|rules| rules.respond(method, params)) {
            return (answer, false);
        }
        let error = json!({"code": NO_METHOD, "message": format!("the client does not answer {method}")});
        (Answer { result: None, error: Some(error) }, true)
    }
}

/// `content: defaults` of an accepted elicitation: the defaults of the schema that the server asks with.
fn with_defaults(mut result: Value, params: &Value) -> Value {
    let asks = result.get("action").and_then(Value::as_str) == Some("accept")
        && result.get("content").and_then(Value::as_str) == Some("defaults");
    if let Some(members) = result.as_object_mut().filter(|_| asks) {
        let properties = params.pointer("/requestedSchema/properties").and_then(Value::as_object);
        let defaults: Map<String, Value> = properties
            .into_iter()
            .flatten()
            .filter_map(|(name, schema)| Some((name.clone(), schema.get("default")?.clone())))
            .collect();
        members.insert("content".to_owned(), Value::Object(defaults));
    }
    result
}

fn problem(document: &Document, at: &crate::source::Pointer, error: RenderError) -> Diagnostic {
    let site = within(document, at, error.at.clone());
    let mut problem = Diagnostic::error(Code::RenderFailed, site, error.message);
    problem.help.extend(error.help);
    problem
}

/// The capabilities that answering these methods needs, as the client declares them; those that the scenario
/// names replace them, and null takes one away.
pub(super) fn capabilities(methods: &[&str], named: Value) -> Value {
    let mut all = Map::new();
    for method in methods {
        let (name, value) = match *method {
            "sampling/createMessage" => ("sampling", json!({})),
            "elicitation/create" => ("elicitation", json!({"form": {}, "url": {}})),
            "roots/list" => ("roots", json!({})),
            _ => continue,
        };
        all.insert(name.to_owned(), value);
    }
    if let Value::Object(named) = named {
        all.extend(named);
    }
    all.retain(|_, value| !value.is_null());
    if let Some(Value::Object(extensions)) = all.get_mut("extensions") {
        extensions.retain(|_, value| !value.is_null());
    }
    Value::Object(all)
}

/// Whether a scenario names the extension for tasks, or all extensions, with null: what its steps need is not declared
/// then.
pub(super) fn takes_extension_away(named: &Value) -> bool {
    let extensions = named.get("extensions");
    let tasks = extensions.and_then(|all| all.get(TASKS_EXTENSION));
    extensions.is_some_and(Value::is_null) || tasks.is_some_and(Value::is_null)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_rules_need_is_declared() {
        let declared =
            capabilities(&["roots/list", "elicitation/create"], json!({"roots": null, "tasks": {}}));
        assert_eq!(declared, json!({"elicitation": {"form": {}, "url": {}}, "tasks": {}}));
    }

    #[test]
    fn the_extension_for_tasks_can_be_taken_away() {
        for (named, taken) in [
            (json!({}), false),
            (json!({"extensions": {TASKS_EXTENSION: {}}}), false),
            (json!({"extensions": {TASKS_EXTENSION: null, "a/b": {}}}), true),
            (json!({"extensions": null}), true),
        ] {
            assert_eq!(takes_extension_away(&named), taken, "{named}");
        }
        let declared = capabilities(&[], json!({"extensions": {TASKS_EXTENSION: null, "a/b": {}}}));
        assert_eq!(declared, json!({"extensions": {"a/b": {}}}));
    }

    #[test]
    fn defaults_are_those_of_the_schema() {
        let params =
            json!({"requestedSchema": {"properties": {"a": {"default": 1}, "b": {"type": "string"}}}});
        let filled = with_defaults(json!({"action": "accept", "content": "defaults"}), &params);
        assert_eq!(filled, json!({"action": "accept", "content": {"a": 1}}));
        let own = json!({"action": "accept", "content": {"b": "defaults"}});
        assert_eq!(with_defaults(own.clone(), &params), own);
    }

    #[test]
    fn a_use_is_counted_once() {
        let used = AtomicU64::new(0);
        assert!(take(&used, Some(1)) && !take(&used, Some(1)));
        assert!(take(&used, None) && take(&used, None));
    }
}

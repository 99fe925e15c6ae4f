//! A case as it will run: its row, its variables and its steps with those of fragments, templates resolved where
//! they can be before anything is sent. What is random, what time it is and what steps save is not known then, and
//! stays as it is written.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{Action, Case, Fragment, Plan, Scenario, Step};
use crate::auth::Environment;
use crate::diagnostic::Diagnostic;
use crate::model::{Server, shown_duration};
use crate::source::{Document, Pointer};
use crate::template::{Facts, Scope, Template, Tree};

/// The words of the scope that a fragment sees, too.
const SHARED_WORDS: &[&str] = &["env", "server", "protocol"];

/// What is known beside the plan.
#[derive(Clone, Copy, Debug)]
pub struct Around<'a> {
    /// The variables of the process and of `.env`.
    pub environment: &'a Environment,
    /// `--var`: names and values.
    pub vars: &'a [(String, Value)],
    /// The clock.
    pub now: fn() -> jiff::Timestamp,
}

/// The parts of a case, in order: `case`, and as far as it has them `requires`, `row`, `vars`, `respond`; `steps`.
///
/// # Errors
/// Where its row cannot be read any more.
pub fn show(plan: &Plan, case: &Case, around: Around<'_>) -> Result<Map<String, Value>, Box<Diagnostic>> {
    let mut parts = Map::new();
    let Some(scenario) = plan.scenario(case) else { return Ok(parts) };
    let row = match (&scenario.rows, case.row) {
        (Some(rows), Some(index)) => Some(rows.value(index)?),
        _ => None,
    };
    let name = |choice: &super::Choice| choice.name(row.as_ref()).unwrap_or_default();
    let place = Place { server: name(&scenario.server), identity: name(&scenario.identity) };
    let mut scope = scope(plan, scenario, around);
    scope.set("server", json!({"name": place.server}));
    if let Some(version) = case.version {
        scope.set("protocol", version.as_str().into());
    }
    if let Some(row) = &row {
        scope.set("row", row.clone());
    }
    let shower = Shower { plan, document: &scenario.document };
    parts.insert("case".to_owned(), shower.head(case, scenario, &place));
    if let Some(requires) = scenario.document.get(&Pointer::root().key("requires")) {
        parts.insert("requires".to_owned(), resolved(requires, &scope));
    }
    parts.extend(row.map(|row| ("row".to_owned(), row)));
    let vars = shower.vars(scenario, around, &mut scope);
    if !vars.is_empty() {
        parts.insert("vars".to_owned(), Value::Object(vars));
    }
    if let Some(respond) = scenario.document.get(&Pointer::root().key("respond")) {
        parts.insert("respond".to_owned(), resolved(respond, &scope));
    }
    parts.insert("steps".to_owned(), shower.steps(&scenario.steps, &mut scope, &place, ""));
    Ok(parts)
}

/// The server and the identity that steps inherit.
#[derive(Clone)]
struct Place {
    server: String,
    identity: String,
}

#[derive(Clone, Copy)]
struct Shower<'a> {
    plan: &'a Plan,
    document: &'a Document,
}

fn scope(plan: &Plan, scenario: &Scenario, around: Around<'_>) -> Scope {
    let folder = scenario.path.parent().map(Path::to_owned).unwrap_or_default();
    let mut scope = Scope::new(Facts {
        seed: 0,
        now: around.now,
        root: Arc::new(plan.suite.root.clone()),
        folder: Arc::new(folder),
    });
    let env = plan
        .suite
        .env
        .iter()
        .filter_map(|name| Some((name.value.clone(), Value::from(around.environment.get(&name.value)?))));
    scope.set("env", Value::Object(env.collect()));
    scope
}

impl Shower<'_> {
    fn head(&self, case: &Case, scenario: &Scenario, place: &Place) -> Value {
        let mut head = Map::new();
        let mut put = |key: &str, value: Value| head.insert(key.to_owned(), value);
        put("name", (*case.name).into());
        put("scenario", scenario.title.as_str().into());
        put("at", self.line(&Pointer::root().key("scenario")).into());
        put("server", place.server.as_str().into());
        put("as", place.identity.as_str().into());
        let server = self.plan.suite.server(&place.server);
        if let Some(credential) = server.and_then(|server| server.credential(&place.identity)) {
            put("token", format!("from {}", credential.describe()).into());
        }
        put("protocol", case.version.map_or("auto", |version| version.as_str()).into());
        let timeouts = server.map(|server| server.timeouts).unwrap_or_default();
        let mut times = json!({
            "connect": written(timeouts.connect()),
            "start": written(timeouts.start()),
            "step": written(timeouts.step()),
        });
        if let (Some(timeout), Some(times)) = (scenario.timeout, times.as_object_mut()) {
            times.insert("case".to_owned(), written(timeout).into());
        }
        put("timeouts", times);
        if let Some(reason) = &scenario.skip {
            put("skip", reason.as_str().into());
        }
        Value::Object(head)
    }

    /// The suite's variables, those of the command line and the scenario's, into the scope; those of the scenario
    /// and what takes their place are returned.
    fn vars(&self, scenario: &Scenario, around: Around<'_>, scope: &mut Scope) -> Map<String, Value> {
        let given = |name: &str| around.vars.iter().find(|(known, _)| known == name).map(|(_, value)| value);
        for (name, value) in around.vars {
            scope.set(name, value.clone());
        }
        let mut shown = Map::new();
        let all = self.plan.vars.iter().chain(&scenario.vars);
        for (name, tree) in all {
            match given(name) {
                Some(value) => shown.insert(name.clone(), value.clone()),
                None => {
                    let value = tree_value(tree, scope);
                    match settled(tree, scope) {
                        Some(value) => scope.set(name, value),
                        None => scope.forget(name),
                    }
                    shown.insert(name.clone(), value)
                }
            };
        }
        shown
    }

    fn steps(&self, steps: &[Step], scope: &mut Scope, place: &Place, prefix: &str) -> Value {
        let number = |index: usize| format!("{prefix}{}", index + 1);
        steps.iter().enumerate().map(|(index, step)| self.step(step, scope, place, &number(index))).collect()
    }

    fn step(&self, step: &Step, scope: &mut Scope, place: &Place, number: &str) -> Value {
        let name = |choice: &Option<super::Choice>, inherited: &str| {
            let row = scope.get("row");
            choice.as_ref().map_or_else(|| inherited.to_owned(), |own| own.name(row).unwrap_or_default())
        };
        let place = Place {
            server: name(&step.server, &place.server),
            identity: name(&step.identity, &place.identity),
        };
        let mut shown = Map::new();
        shown.insert("step".to_owned(), number.into());
        shown.insert("at".to_owned(), self.line(&step.at).into());
        let members = self.document.get(&step.at).and_then(Value::as_object);
        for (key, value) in members.into_iter().flatten() {
            let value = match key.as_str() {
                "server" | "as" | "defer" | "parallel" => continue,
                "name" | "save" | "known_bug" => value.clone(),
                _ => resolved(value, scope),
            };
            shown.insert(key.clone(), value);
        }
        let verb = step.verb.value;
        if verb.meets_a_server() {
            shown.insert("server".to_owned(), place.server.as_str().into());
            shown.insert("as".to_owned(), place.identity.as_str().into());
            let timeouts = self.plan.suite.server(&place.server).map(|server: &Server| server.timeouts);
            let usual = timeouts.unwrap_or_default().step();
            shown.insert("timeout".to_owned(), written(step.timeout.unwrap_or(usual)).into());
        }
        let prefix = format!("{number}.");
        match &step.action {
            Action::Use { fragment, with } => {
                self.fragment(fragment, with, scope, &place, &prefix, &mut shown)
            }
            Action::Parallel(branches) => {
                let branch = |(index, branch): (usize, &super::Branch)| {
                    let mut scope = scope.fork();
                    self.steps(&branch.steps, &mut scope, &place, &format!("{prefix}{}.", index + 1))
                };
                shown.insert("parallel".to_owned(), branches.iter().enumerate().map(branch).collect());
            }
            Action::Defer(steps) => {
                shown.insert("defer".to_owned(), self.steps(steps, &mut scope.fork(), &place, &prefix));
            }
            _ => {}
        }
        // What it saves is known only when it runs, whatever the name stood for before.
        step.save.iter().for_each(|save| scope.forget(&save.name.value));
        step.inner().flat_map(|inner| &inner.save).for_each(|save| scope.forget(&save.name.value));
        if !step.defer.is_empty() {
            shown.insert("defer".to_owned(), self.steps(&step.defer, &mut scope.fork(), &place, &prefix));
        }
        Value::Object(shown)
    }

    fn fragment(
        &self,
        fragment: &Fragment,
        with: &[(String, Tree)],
        scope: &Scope,
        place: &Place,
        prefix: &str,
        shown: &mut Map<String, Value>,
    ) {
        let folder = fragment.path.parent().map(Path::to_owned).unwrap_or_default();
        let mut inside = scope.child(Arc::new(folder), SHARED_WORDS);
        inside.set("server", json!({"name": place.server}));
        let mut inputs = Map::new();
        for (name, default) in &fragment.inputs {
            let given = with.iter().find(|(given, _)| given == name).map(|(_, tree)| tree);
            let (tree, seen) = match (given, default) {
                (Some(tree), _) => (tree, scope.fork()),
                (None, Some(tree)) => (tree, inside.fork()),
                (None, None) => continue,
            };
            inputs.insert(name.clone(), tree_value(tree, &seen));
            if let Some(value) = settled(tree, &seen) {
                inside.set(name, value);
            }
        }
        shown.insert("fragment".to_owned(), fragment.title.as_str().into());
        if !inputs.is_empty() {
            shown.insert("with".to_owned(), Value::Object(inputs));
        }
        let inner = Shower { document: &fragment.document, ..*self };
        shown.insert("steps".to_owned(), inner.steps(&fragment.steps, &mut inside, place, prefix));
    }

    /// `FILE:LINE`.
    fn line(&self, at: &Pointer) -> String {
        let site = self.document.site(at);
        format!("{}:{}", site.file.path(), site.position().line)
    }
}

/// A duration as a file says it: `60s`.
fn written(duration: std::time::Duration) -> String {
    shown_duration(duration).replace(' ', "")
}

/// A value as it is written, every template that can be resolved replaced by what it yields.
fn resolved(value: &Value, scope: &Scope) -> Value {
    match value {
        Value::String(text) => text_value(text, scope).unwrap_or_else(|| value.clone()),
        Value::Array(items) => items.iter().map(|item| resolved(item, scope)).collect(),
        Value::Object(members) => {
            Value::Object(members.iter().map(|(key, value)| (key.clone(), resolved(value, scope))).collect())
        }
        scalar => scalar.clone(),
    }
}

fn text_value(text: &str, scope: &Scope) -> Option<Value> {
    let template = Template::compile(text).ok().filter(|template| !template.varies())?;
    template.render(scope).ok()
}

fn tree_value(tree: &Tree, scope: &Scope) -> Value {
    match tree {
        Tree::Literal(value) => value.clone(),
        Tree::Text(template, _) => {
            text_value(template.source(), scope).unwrap_or_else(|| template.source().into())
        }
        Tree::List(items) => items.iter().map(|item| tree_value(item, scope)).collect(),
        Tree::Map(members) => {
            members.iter().map(|(name, member)| (name.clone(), tree_value(member, scope))).collect()
        }
    }
}

/// The value of a tree, if all of it is known.
fn settled(tree: &Tree, scope: &Scope) -> Option<Value> {
    let varies = tree.templates().iter().any(|(_, template)| template.varies());
    if varies { None } else { tree.render(scope).ok() }
}

//! What `expect` and `save` name that only the step as a whole can judge: attempts, the outputs of a fragment, the
//! named steps of branches, progress.

use std::collections::HashMap;

use serde_json::Value;

use super::Compiler;
use crate::diagnostic::{Code, Diagnostic};
use crate::matcher::Matcher;
use crate::model;
use crate::nearest::nearest;
use crate::plan::{Action, Save};
use crate::source::{Pointer, Site};
use crate::template::listed;

/// The method of the notification that tells of progress.
const PROGRESS: &str = "notifications/progress";

impl Compiler<'_> {
    /// Judges what a step's `expect` and `save` name.
    pub(super) fn judged(
        &mut self,
        step: &model::Step,
        expect: Option<&Matcher>,
        save: &[Save],
        action: Option<&Action>,
    ) {
        if step.eventually.is_none() {
            self.attempts(expect, save);
        }
        if let Some(Action::Use { fragment, .. }) = action {
            let outputs: Vec<&str> = fragment.outputs.iter().map(|output| output.value.as_str()).collect();
            let unknown = |name: &str| {
                let message = format!("the fragment `{}` has no output `{name}`", fragment.title);
                (
                    message,
                    if outputs.is_empty() { "it has none".to_owned() } else { listed_or("it has", &outputs) },
                )
            };
            self.members("outputs", &outputs, &unknown, expect, save);
        }
        if let model::Action::Parallel(branches) = &step.action {
            self.branches(branches, expect, save);
        }
        if let Some(at) = step.expect.as_ref().filter(|_| !self.asks_progress(step))
            && let Some((place, in_key)) =
                self.document.get(at).and_then(|value| expects_progress(value, at, false))
        {
            let site = if in_key { self.document.key_site(&place) } else { self.document.site(&place) };
            let message = "no progress is told without a token, and this step sends none";
            let problem = Diagnostic::error(Code::NoProgressToken, site, message);
            self.problems.push(problem.help("ask for it: `meta: {progressToken: any-text}`"));
        }
    }

    /// `attempts` without `eventually`.
    fn attempts(&mut self, expect: Option<&Matcher>, save: &[Save]) {
        let mut sites: Vec<Site> = expect
            .iter()
            .flat_map(|expect| expect.readings())
            .filter(|reading| reading.name == Some("attempts"))
            .map(|reading| self.document.key_site(reading.at))
            .collect();
        let saved = save.iter().filter(|save| save.path.field() == Some("attempts"));
        sites.extend(saved.map(|save| self.document.site(&save.path_at.at)));
        for site in sites {
            let message = "`attempts` is filled with `eventually` only";
            let problem = Diagnostic::error(Code::UnfilledField, site, message);
            self.problems.push(problem.help("leave it out: without `eventually` there is one attempt"));
        }
    }

    /// Members of a field that the step fills with known names.
    fn members(
        &mut self,
        field: &str,
        known: &[&str],
        unknown: &dyn Fn(&str) -> (String, String),
        expect: Option<&Matcher>,
        save: &[Save],
    ) {
        let mut named: Vec<(String, Site)> = Vec::new();
        for reading in expect.iter().flat_map(|expect| expect.readings()) {
            if reading.name == Some(field) {
                let members = reading.members.iter();
                named.extend(members.map(|(name, at)| ((*name).to_owned(), self.document.key_site(at))));
            }
        }
        for save in save.iter().filter(|save| save.path.field() == Some(field)) {
            let name = save.path.names().nth(1).map(str::to_owned);
            named.extend(name.map(|name| (name, self.document.site(&save.path_at.at))));
        }
        for (name, site) in named.into_iter().filter(|(name, _)| !known.contains(&name.as_str())) {
            let (message, otherwise) = unknown(&name);
            let problem = Diagnostic::error(Code::UnknownField, site, message);
            self.problems.push(match nearest(&name, known.iter().copied()) {
                Some(near) => problem.help(format!("did you mean `{near}`?")),
                None => problem.help(otherwise),
            });
        }
    }

    /// The names of the steps of all branches: each once, and those that are read are there.
    fn branches(&mut self, branches: &[model::Branch], expect: Option<&Matcher>, save: &[Save]) {
        let mut names: HashMap<&str, &Pointer> = HashMap::new();
        for step in branches.iter().flat_map(|branch| &branch.steps) {
            let Some(name) = &step.name else { continue };
            let Some(first) = names.insert(name, &step.at) else { continue };
            let site = |at: &Pointer| self.document.site(&at.key("name"));
            let message = format!("two steps of `parallel` are named `{name}`");
            let problem = Diagnostic::error(Code::Conflict, site(&step.at), message);
            let problem = problem.also(site(first), "the other one");
            self.problems.push(problem.help("`steps` of the exchange holds each by its name: rename one"));
        }
        let mut known: Vec<&str> = names.into_keys().collect();
        known.sort_unstable();
        let unknown = |name: &str| {
            let help = if known.is_empty() {
                format!("give it one: `name: {name}`")
            } else {
                listed_or("the named steps are", &known)
            };
            (format!("no step of `parallel` is named `{name}`"), help)
        };
        self.members("steps", &known, &unknown, expect, save);
    }

    /// Whether the step sends a progress token, as far as it is known.
    fn asks_progress(&self, step: &model::Step) -> bool {
        let asks = |value: Option<&Value>| match value {
            Some(Value::Object(members)) => {
                members.get("progressToken").is_some_and(|token| !token.is_null())
            }
            // A template may yield one.
            Some(Value::String(_)) => true,
            _ => false,
        };
        let meta = step.meta.as_ref().and_then(|at| self.document.get(at));
        let within = match &step.action {
            model::Action::Request { params: Some(params), .. } => match self.document.get(params) {
                Some(Value::Object(members)) => members.get("_meta"),
                other => other,
            },
            // What a raw body, a notification or other steps send is not looked into.
            model::Action::Http { .. } | model::Action::Use { .. } | model::Action::Parallel(_) => {
                return true;
            }
            model::Action::Await { .. } => return true,
            _ => None,
        };
        asks(meta) || asks(within)
    }
}

fn listed_or(what: &str, names: &[&str]) -> String {
    format!("{what} {}", listed(names.iter().copied()))
}

/// Where progress is expected among the notifications, and whether a key says so. That there is none is not meant:
/// what stands under `$not`, and a path that is to find nothing.
fn expects_progress(value: &Value, at: &Pointer, among: bool) -> Option<(Pointer, bool)> {
    match value {
        Value::String(text) => (among && text == PROGRESS).then(|| (at.clone(), false)),
        Value::Array(items) => {
            items.iter().enumerate().find_map(|(index, item)| expects_progress(item, &at.index(index), among))
        }
        Value::Object(members) => {
            members.iter().filter(|(key, _)| *key != "$not").find_map(|(key, member)| {
                let at = at.key(key);
                let path = key.starts_with("$.notifications") || key.starts_with("$['notifications']");
                if path && key.contains(PROGRESS) {
                    return (!finds_nothing(member)).then_some((at, true));
                }
                let among = among || path || key == "notifications";
                let plain = among || matches!(key.as_str(), "$all" | "$any");
                plain.then(|| expects_progress(member, &at, among)).flatten()
            })
        }
        _ => None,
    }
}

/// Whether a matcher says that a path finds nothing.
fn finds_nothing(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => {
            members.get("$exists") == Some(&Value::Bool(false))
                || members.get("$length").is_some_and(|length| length.as_u64() == Some(0))
        }
        _ => false,
    }
}

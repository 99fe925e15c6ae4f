//! Steps: the verb, its operands, and what every step may have.

use std::time::Duration;

use super::cursor::Cursor;
use super::elsewhere;
use super::keys::listed;
use super::read_rules::rules;
use super::read_suite::checks;
use super::scenario::{Action, Branch, Eventually, KnownBug, Reference, Save, SessionVerb, Spot, Step};
use super::step_keys::{OPERAND_KEYS, STEP, VERB_KEYS};
use super::values::date;
use super::verb_rules::{VERB_RULES, VerbRule};
use crate::diagnostic::{Code, Diagnostic};
use crate::exchange::Verb;
use crate::mcp::{ListKind, TaskMode};

/// How deep steps may stand in steps.
const DEEPEST: usize = 16;

/// Reads steps, and collects what is wrong with them.
pub(super) struct Reader<'p> {
    problems: &'p mut Vec<Diagnostic>,
    /// Whether every step so far could be read.
    pub(super) whole: bool,
}

/// What stands around a step.
#[derive(Clone, Copy, Default)]
struct Around {
    /// How many steps it stands in.
    depth: usize,
    /// Whether one of them defers it.
    deferred: bool,
}

impl Around {
    fn parallel(self) -> Self {
        Self { depth: self.depth + 1, ..self }
    }

    fn defer(self) -> Self {
        Self { depth: self.depth + 1, deferred: true }
    }
}

impl<'p> Reader<'p> {
    pub(super) fn new(problems: &'p mut Vec<Diagnostic>) -> Self {
        Self { problems, whole: true }
    }

    /// The steps of a document.
    pub(super) fn document(&mut self, document: &Cursor<'_>) -> Vec<Step> {
        let steps = document.get("steps").map(|steps| steps.elements()).unwrap_or_default();
        self.list(&steps, Around::default())
    }

    fn list(&mut self, steps: &[Cursor<'_>], around: Around) -> Vec<Step> {
        steps.iter().filter_map(|step| self.step(step, around)).collect()
    }

    /// A step, or a list of them.
    fn one_or_more(&mut self, steps: &Cursor<'_>, around: Around) -> Vec<Step> {
        match steps.value().is_array() {
            true => self.list(&steps.elements(), around),
            false => self.step(steps, around).into_iter().collect(),
        }
    }

    /// Whether steps may stand below a key of a step that stands in so many.
    fn has_room(&mut self, key: &Cursor<'_>, around: Around) -> bool {
        let room = around.depth < DEEPEST;
        if !room {
            let message = format!("steps stand in steps more than {DEEPEST} levels deep");
            let problem = Diagnostic::error(Code::TooLarge, key.key_site(), message);
            self.problems.push(problem.help("write them one after the other, or into a fragment"));
            self.whole = false;
        }
        room
    }

    /// A step; none where it has no verb.
    fn step(&mut self, cursor: &Cursor<'_>, around: Around) -> Option<Step> {
        let verb = if cursor.value().is_object() { self.verb(cursor) } else { None };
        let Some((rule, operand)) = verb else {
            self.whole = false;
            return None;
        };
        self.beside(cursor, rule, &operand);
        // What was refused is not looked at any further.
        let get = |key: &str| cursor.get(key).filter(|_| rule.takes(key));
        let pointer = |key: &str| get(key).map(|member| member.at().clone());
        let mut action = self.action(cursor, rule.verb, &operand, around);
        let mut defer = Vec::new();
        if let Some(cleanup) = cursor.get("defer") {
            if around.deferred {
                let message = "a step that is deferred cannot defer: the end has no end of its own";
                let problem = Diagnostic::error(Code::Conflict, cleanup.key_site(), message);
                self.problems.push(problem.help("write all of the cleanup into one list of steps"));
            } else if self.has_room(&cleanup, around) {
                let steps = self.one_or_more(&cleanup, around.defer());
                match &mut action {
                    Action::Defer(all) => *all = steps,
                    _ => defer = steps,
                }
            }
        }
        Some(Step {
            at: cursor.at().clone(),
            name: cursor.text("name"),
            server: get("server").and_then(|server| server.spot()),
            identity: get("as").and_then(|identity| identity.spot()),
            headers: pointer("headers"),
            meta: pointer("meta"),
            timeout: get("timeout").and_then(|timeout| timeout.as_duration()),
            when: pointer("when"),
            eventually: get("eventually").and_then(|eventually| self.eventually(cursor, &eventually)),
            defer,
            respond: get("respond").map(|all| rules(&all)).unwrap_or_default(),
            known_bug: get("known_bug").and_then(|bug| known_bug(&bug)),
            expect: pointer("expect"),
            save: get("save").map(|save| saves(&save)).unwrap_or_default(),
            checks: checks(cursor),
            verb: Spot { value: rule.verb, at: operand.at().clone() },
            action,
        })
    }

    /// The verb, and the cursor on its key's value.
    fn verb<'a>(&mut self, cursor: &Cursor<'a>) -> Option<(&'static VerbRule, Cursor<'a>)> {
        let mut given: Vec<(&str, Cursor<'a>)> =
            VERB_KEYS.iter().filter_map(|key| Some((key.name, cursor.get(key.name)?))).collect();
        // `defer` also stands beside a verb.
        if given.len() > 1 {
            given.retain(|(name, _)| *name != "defer");
        }
        // In the order of the file.
        given.sort_by_key(|(_, verb)| verb.key_site().span);
        let Some((first, place)) = given.first() else {
            // A key that does not exist was told, and may be the verb.
            if cursor.entries().iter().any(|(name, _)| STEP.keys().all(|key| key.name != *name)) {
                return None;
            }
            let problem = Diagnostic::error(Code::Verb, cursor.first_key_site(), "this step has no verb");
            let verbs = VERB_KEYS.iter().map(|key| key.name);
            let help = format!("say what it does with one of {}", listed(verbs, "or"));
            self.problems.push(problem.help(help));
            return None;
        };
        for (other, second) in given.iter().skip(1) {
            let message = format!("a step has one verb, this one has `{first}` and `{other}`");
            let problem = Diagnostic::error(Code::Verb, second.key_site(), message);
            let problem = problem.label("a second verb").also(place.key_site(), "the first verb");
            self.problems.push(problem.help("make two steps of it"));
        }
        given.into_iter().find_map(|(name, place)| Some((VerbRule::of(name)?, place)))
    }

    /// What the verb needs beside it, and what means nothing there.
    fn beside(&mut self, cursor: &Cursor<'_>, rule: &VerbRule, verb: &Cursor<'_>) {
        let name = rule.verb.as_str();
        for key in OPERAND_KEYS.iter().filter(|key| !rule.operands.contains(&key.name)) {
            if let Some(operand) = cursor.get(key.name) {
                let takers = VERB_RULES.iter().filter(|rule| rule.operands.contains(&key.name));
                let message = format!("`{}` does not go with `{name}`", key.name);
                let problem = Diagnostic::error(Code::Conflict, operand.key_site(), message);
                let problem = problem.also(verb.key_site(), "the verb");
                let verbs = listed(takers.map(|rule| rule.verb.as_str()), "and");
                self.problems.push(problem.help(format!("it goes with {verbs}")));
            }
        }
        for refusal in rule.refuses {
            for (key, member) in refusal.keys.iter().filter_map(|key| Some((key, cursor.get(key)?))) {
                let message = format!("`{key}` does not go with `{name}`: {}", refusal.reason);
                let problem = Diagnostic::error(Code::Conflict, member.key_site(), message);
                self.problems.push(problem.also(verb.key_site(), "the verb").help(refusal.help));
            }
        }
        if let Some((key, reason)) = rule.needs {
            self.needs(cursor, verb, name, key, reason);
        }
        for key in ["arguments", "params"] {
            if let Some(operand) = cursor.get(key) {
                self.swallowed(key, &operand);
            }
        }
    }

    /// Tells of keys of the step that are indented into its operand, where they would be sent and do nothing.
    fn swallowed(&mut self, key: &str, operand: &Cursor<'_>) {
        for (name, member) in operand.entries() {
            if elsewhere::is_of_step(name, member.value()) {
                let message = format!("`{name}` stands among the {key}, and would be sent");
                let problem = Diagnostic::error(Code::MisplacedKey, member.key_site(), message);
                let problem =
                    problem.also(operand.key_site(), format!("beside this, `{name}` is the step's"));
                self.problems.push(problem.help(format!("indent `{name}` as far as `{key}`")).help(format!(
                    "if the server takes it, give it as a variable, which is always data: `{name}: \"{{{{ … }}}}\"`"
                )));
            }
        }
    }

    /// Tells that a key has to stand beside another.
    fn needs(&mut self, step: &Cursor<'_>, of: &Cursor<'_>, name: &str, key: &str, reason: &'static str) {
        if step.get(key).is_none() {
            let message = format!("a step with `{name}` needs the key `{key}`");
            let problem = Diagnostic::error(Code::MissingKey, of.key_site(), message).note(reason);
            let example = match name {
                "http" => "expect: {http: {status: 200}}",
                _ => "expect: {json: {state: Successful}}",
            };
            self.problems.push(problem.help(format!("say what has to hold, such as `{example}`")));
        }
    }

    fn eventually(&mut self, step: &Cursor<'_>, cursor: &Cursor<'_>) -> Option<Eventually> {
        self.needs(step, cursor, "eventually", "expect", "the request is sent again until that holds");
        Some(Eventually {
            at: cursor.at().clone(),
            within: cursor.duration("within")?,
            every: cursor.duration("every"),
            backoff: cursor.get("backoff").and_then(|factor| factor.value().as_f64()),
            abort: cursor.pointer("abort"),
        })
    }

    /// The action. Where an operand is wrong, which was said, some action stands in for it: nothing will be run.
    fn action(&mut self, step: &Cursor<'_>, verb: Verb, operand: &Cursor<'_>, around: Around) -> Action {
        let at = operand.at().clone();
        let member = |key: &str| operand.pointer(key).unwrap_or_else(|| at.key(key));
        match verb {
            Verb::Call => Action::Call {
                tool: at,
                arguments: step.pointer("arguments"),
                task: step.get("task").map(|mode| match mode.value().as_str() {
                    Some("start") => TaskMode::Start,
                    _ => TaskMode::Follow,
                }),
            },
            Verb::List => Action::List(match operand.value().as_str() {
                Some("prompts") => ListKind::Prompts,
                Some("resources") => ListKind::Resources,
                Some("templates") => ListKind::Templates,
                _ => ListKind::Tools,
            }),
            Verb::Read => Action::Read { uri: at },
            Verb::Prompt => Action::Prompt { name: at, arguments: step.pointer("arguments") },
            Verb::Request => Action::Request { method: at, params: step.pointer("params") },
            Verb::Session => Action::Session(match operand.value().as_str() {
                Some("close") => SessionVerb::Close,
                _ => SessionVerb::Open,
            }),
            Verb::Http => Action::Http { method: member("method"), body: operand.pointer("body") },
            Verb::Wait => Action::Wait(operand.as_duration().unwrap_or(Duration::ZERO)),
            Verb::Complete => Action::Complete {
                reference: match operand.pointer("resource") {
                    Some(uri) => Reference::Resource(uri),
                    None => Reference::Prompt(member("prompt")),
                },
                argument: member("argument"),
                value: member("value"),
                context: operand.pointer("context"),
            },
            Verb::Notify => Action::Notify { method: at, params: step.pointer("params") },
            Verb::Listen => Action::Listen {
                tools: operand.flag("tools"),
                prompts: operand.flag("prompts"),
                resources: operand
                    .get("resources")
                    .map(|all| all.elements())
                    .unwrap_or_default()
                    .iter()
                    .map(|uri| uri.at().clone())
                    .collect(),
            },
            Verb::Await => Action::Await { method: member("method"), params: operand.pointer("params") },
            Verb::Use => Action::Use {
                fragment: operand.spot().unwrap_or(Spot { value: String::new(), at }),
                with: step
                    .get("with")
                    .map(|with| with.entries())
                    .unwrap_or_default()
                    .into_iter()
                    .map(|(name, value)| Spot { value: name.to_owned(), at: value.at().clone() })
                    .collect(),
            },
            Verb::Parallel if !self.has_room(operand, around) => Action::Parallel(Vec::new()),
            Verb::Parallel => Action::Parallel(
                operand
                    .elements()
                    .iter()
                    .map(|branch| Branch {
                        at: branch.at().clone(),
                        steps: self.one_or_more(branch, around.parallel()),
                    })
                    .collect(),
            ),
            // Its steps are read where those are that stand beside another verb.
            Verb::Defer => Action::Defer(Vec::new()),
        }
    }
}

fn saves(save: &Cursor<'_>) -> Vec<Save> {
    save.entries()
        .into_iter()
        .filter_map(|(name, entry)| {
            let path = if entry.value().is_string() { entry.spot() } else { entry.get("path")?.spot() };
            Some(Save {
                name: Spot { value: name.to_owned(), at: entry.at().clone() },
                path: path?,
                matches: entry.get("matches").and_then(|matches| matches.spot()),
                secret: entry.flag("secret"),
                all: entry.flag("all"),
            })
        })
        .collect()
}

fn known_bug(cursor: &Cursor<'_>) -> Option<KnownBug> {
    let issue = cursor.get("issue")?;
    let value = match issue.value().as_str() {
        Some(text) => text.to_owned(),
        None => issue.value().as_u64()?.to_string(),
    };
    let until = cursor
        .get("until")
        .and_then(|until| Some(Spot { value: date(until.value().as_str()?)?, at: until.at().clone() }));
    Some(KnownBug {
        at: cursor.at().clone(),
        issue: Spot { value, at: issue.at().clone() },
        until,
        when: cursor.pointer("when"),
    })
}

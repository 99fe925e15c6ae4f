//! One step of a scenario: its verb, the verb's operands, and what every step may have.

use std::time::Duration;

use super::cursor::Cursor;
use super::keys::listed;
use super::read_suite::checks;
use super::scenario::{Action, Save, SessionVerb, Spot, Step};
use super::scenario_keys::{OPERAND_KEYS, VERB_KEYS, VERB_RULES, VerbRule};
use crate::diagnostic::{Code, Diagnostic};
use crate::exchange::Verb;
use crate::mcp::ListKind;

/// Reads a step; none where it has no verb.
pub(super) fn step(cursor: &Cursor<'_>, problems: &mut Vec<Diagnostic>) -> Option<Step> {
    if !cursor.value().is_object() {
        return None;
    }
    let (rule, operand) = verb(cursor, problems)?;
    beside(cursor, rule, &operand, problems);
    Some(Step {
        at: cursor.at().clone(),
        name: cursor.text("name"),
        server: cursor.get("server").and_then(|server| server.spot()),
        identity: cursor.get("as").and_then(|identity| identity.spot()),
        headers: cursor.pointer("headers"),
        meta: cursor.pointer("meta"),
        timeout: cursor.duration("timeout"),
        when: None,
        eventually: None,
        defer: Vec::new(),
        respond: Vec::new(),
        known_bug: None,
        expect: cursor.pointer("expect"),
        save: saves(cursor),
        checks: checks(cursor),
        verb: Spot { value: rule.verb, at: operand.at().clone() },
        action: action(cursor, rule.verb, &operand),
    })
}

/// The verb, and the cursor on its key's value.
fn verb<'a>(cursor: &Cursor<'a>, problems: &mut Vec<Diagnostic>) -> Option<(&'static VerbRule, Cursor<'a>)> {
    let mut given: Vec<(&str, Cursor<'a>)> =
        VERB_KEYS.iter().filter_map(|key| Some((key.name, cursor.get(key.name)?))).collect();
    // `defer` also stands beside a verb.
    if given.len() > 1 {
        given.retain(|(name, _)| *name != "defer");
    }
    // In the order of the file.
    given.sort_by_key(|(_, verb)| verb.key_site().span);
    let Some((first, place)) = given.first() else {
        let problem = Diagnostic::error(Code::Verb, cursor.first_key_site(), "this step has no verb");
        let verbs = VERB_KEYS.iter().filter(|key| key.later.is_none()).map(|key| key.name);
        problems.push(problem.help(format!("say what it does with one of {}", listed(verbs, "or"))));
        return None;
    };
    for (other, second) in given.iter().skip(1) {
        let message = format!("a step has one verb, this one has `{first}` and `{other}`");
        let problem = Diagnostic::error(Code::Verb, second.key_site(), message);
        let problem = problem.label("a second verb").also(place.key_site(), "the first verb");
        problems.push(problem.help("make two steps of it"));
    }
    // A verb of a later version was refused by the table already.
    given.into_iter().find_map(|(name, place)| {
        VERB_RULES.iter().find(|rule| rule.verb.as_str() == name).map(|rule| (rule, place))
    })
}

/// What the verb needs beside it, and what means nothing there.
fn beside(cursor: &Cursor<'_>, rule: &VerbRule, verb: &Cursor<'_>, problems: &mut Vec<Diagnostic>) {
    let name = rule.verb.as_str();
    for key in OPERAND_KEYS.iter().filter(|key| key.later.is_none() && !rule.operands.contains(&key.name)) {
        if let Some(operand) = cursor.get(key.name) {
            let takers = VERB_RULES.iter().filter(|rule| rule.operands.contains(&key.name));
            let message = format!("`{}` does not go with `{name}`", key.name);
            let problem = Diagnostic::error(Code::Conflict, operand.key_site(), message);
            let problem = problem.also(verb.key_site(), "the verb");
            let verbs = listed(takers.map(|rule| rule.verb.as_str()), "and");
            problems.push(problem.help(format!("it goes with {verbs}")));
        }
    }
    for key in rule.refuses {
        if let Some(member) = cursor.get(key) {
            let message = format!("`{key}` does not go with `{name}`: {}", rule.reason);
            let problem = Diagnostic::error(Code::Conflict, member.key_site(), message);
            problems.push(problem.also(verb.key_site(), "the verb").help("leave it out"));
        }
    }
    if let Some((key, reason)) = rule.needs
        && cursor.get(key).is_none()
    {
        let problem = Diagnostic::error(
            Code::MissingKey,
            verb.key_site(),
            format!("a step with `{name}` needs the key `{key}`"),
        );
        problems
            .push(problem.note(reason).help("say what has to hold, such as `expect: {http: {status: 200}}`"));
    }
}

fn saves(cursor: &Cursor<'_>) -> Vec<Save> {
    let entries = cursor.get("save").map(|save| save.entries()).unwrap_or_default();
    entries
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

/// The action. Where an operand is wrong, which was said, some action stands in for it: nothing will be run.
fn action(step: &Cursor<'_>, verb: Verb, operand: &Cursor<'_>) -> Action {
    let at = operand.at().clone();
    match verb {
        Verb::Call => Action::Call { tool: at, arguments: step.pointer("arguments") },
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
        Verb::Http => {
            Action::Http { method: operand.pointer("method").unwrap_or(at), body: operand.pointer("body") }
        }
        Verb::Wait => Action::Wait(operand.as_duration().unwrap_or(Duration::ZERO)),
        // Refused by the table so far.
        Verb::Complete
        | Verb::Notify
        | Verb::Listen
        | Verb::Await
        | Verb::Use
        | Verb::Parallel
        | Verb::Defer => Action::Wait(Duration::ZERO),
    }
}

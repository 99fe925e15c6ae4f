//! `save`: what a step takes from its exchange into the scope.

use regex::Regex;
use serde_json::Value;

use crate::auth::{Redactor, Secret};
use crate::diagnostic::{Code, Diagnostic};
use crate::exchange::View;
use crate::matcher::Path;
use crate::nearest::nearest;
use crate::plan::{Save, within};
use crate::source::Document;
use crate::template::{Scope, with_article};

/// How much of a value a message shows.
const SHOWN: usize = 80;

/// How many names a message lists.
const NAMED: usize = 30;

/// Saves one value into the scope.
///
/// # Errors
/// Where the path finds no node, or several, or what it finds cannot be kept as it is.
pub(super) fn save(
    save: &Save,
    document: &Document,
    exchange: &View,
    scope: &mut Scope,
    redactor: &Redactor,
) -> Result<(), Box<Diagnostic>> {
    let failed = |message: String| {
        Box::new(Diagnostic::error(Code::SaveFailed, document.site(&save.path_at.at), message))
    };
    let name = &save.name.value;
    let path = &save.path_at.value;
    let found = save.path.query(&exchange.value, scope).map_err(|error| {
        Box::new(Diagnostic::error(
            Code::RenderFailed,
            within(document, &save.path_at.at, error.at.clone()),
            error.message,
        ))
    })?;
    for node in &found {
        let inside = |at: &str| {
            at.strip_prefix(&node.pointer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if exchange.inexact.iter().any(|at| inside(at)) {
            let message = format!(
                "`{name}` cannot be saved: it holds a number that neither 64 bits nor a double holds"
            );
            return Err(Box::new(failed(message).note("it would change when it is sent again")));
        }
    }
    let value = match (found.as_slice(), save.all) {
        (nodes, true) => Value::Array(nodes.iter().map(|node| node.value.clone()).collect()),
        ([node], false) => node.value.clone(),
        ([], false) => {
            let problem = failed(format!("`{name}` cannot be saved: `{path}` finds nothing"));
            return Err(Box::new(present(*problem, &save.path, exchange)));
        }
        (nodes, false) => {
            let places: Vec<&str> = nodes.iter().take(3).map(|node| node.shown.as_str()).collect();
            let more = if nodes.len() > places.len() { ", …" } else { "" };
            return Err(Box::new(
                failed(format!("`{name}` cannot be saved: `{path}` finds {} nodes", nodes.len()))
                    .note(format!("they are {}{more}", places.join(", ")))
                    .help("make the path name one of them, or save the list with `all: true`"),
            ));
        }
    };
    let value = match &save.matches {
        Some(pattern) => extract(&pattern.value, &value).map_err(|reason| {
            let site = document.site(&pattern.at);
            Box::new(Diagnostic::error(Code::SaveFailed, site, format!("`{name}` cannot be saved: {reason}")))
        })?,
        None => value,
    };
    if save.secret {
        hide(&value, redactor)
            .map_err(|reason| failed(format!("`{name}` cannot be kept secret: {reason}")))?;
    }
    scope.set(name, value);
    Ok(())
}

/// Says where the path leaves what is there, and which names are there instead.
fn present(problem: Diagnostic, path: &Path, exchange: &View) -> Diagnostic {
    let Some(astray) = path.astray(&exchange.value) else { return problem };
    let Some(members) = astray.node.as_object() else {
        return problem.note(format!("`{}` is {}", astray.shown, with_article(astray.node)));
    };
    let names: Vec<&str> = members.keys().map(String::as_str).take(NAMED).collect();
    let more = if members.len() > names.len() { ", …" } else { "" };
    let problem = match names.as_slice() {
        [] => problem.note(format!("`{}` is empty", astray.shown)),
        names => problem.note(format!("`{}` has {}{more}", astray.shown, names.join(", "))),
    };
    match nearest(astray.name, members.keys().map(String::as_str)) {
        Some(near) => problem.help(format!("did you mean `{near}`?")),
        None => problem,
    }
}

fn extract(pattern: &str, value: &Value) -> Result<Value, String> {
    let Value::String(text) = value else {
        return Err(format!("`matches` needs a string, and this is {}", shorten(&value.to_string())));
    };
    // `check` has read the pattern; only its size can still be refused here.
    let regex = Regex::new(pattern).map_err(|error| error.to_string())?;
    let group = regex.captures(text).and_then(|captures| captures.get(1));
    group.map(|found| found.as_str().into()).ok_or_else(|| {
        format!("`{pattern}` does not match {}", shorten(&Value::from(text.as_str()).to_string()))
    })
}

fn hide(value: &Value, redactor: &Redactor) -> Result<(), String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Array(items) => return items.iter().try_for_each(|item| hide(item, redactor)),
        Value::Object(members) => return members.values().try_for_each(|member| hide(member, redactor)),
        Value::Null | Value::Bool(_) => {
            return Err("null, true and false would be masked everywhere".to_owned());
        }
    };
    if redactor.add(&Secret::new(text)) { Ok(()) } else { Err("it is shorter than 6 characters".to_owned()) }
}

fn shorten(text: &str) -> String {
    if text.chars().count() <= SHOWN {
        return text.to_owned();
    }
    text.chars().take(SHOWN).chain(['…']).collect()
}

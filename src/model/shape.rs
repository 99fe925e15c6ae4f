//! Whether a document has the shape that the tables say. Every problem becomes a diagnostic, and reading goes on.

use std::collections::HashMap;

use serde_json::Value;

use super::cursor::{Meant, first_key_site};
use super::duration::{FORMS, duration};
use super::elsewhere;
use super::hide::holds_token;
use super::keys::{Key, Kind, Names, Table, listed};
use super::values::{
    date, is_separator, is_tool_pattern, is_variable, looks_like_token, rate, takes, type_name, way_out,
};
use crate::diagnostic::{Code, Diagnostic};
use crate::mcp::Version;
use crate::nearest::nearest;
use crate::source::{Document, Pointer};
use crate::template::check_name;

/// Checks a whole document against a table. That the key `told` is not there was told already.
pub(super) fn check(
    document: &Document,
    table: &'static Table,
    told: Option<&'static str>,
    problems: &mut Vec<Diagnostic>,
) -> Meant {
    let mut shape = Shape { document, problems, meant: Meant::new() };
    if let Some(key) = told {
        // Nothing stands there, so nothing is read there.
        let at = Pointer::root().key(key);
        shape.meant.insert(at.clone(), at);
    }
    shape.table(&Pointer::root(), table);
    shape.meant
}

struct Shape<'a> {
    document: &'a Document,
    problems: &'a mut Vec<Diagnostic>,
    meant: Meant,
}

impl<'a> Shape<'a> {
    fn value(&self, at: &Pointer) -> &'a Value {
        self.document.get(at).unwrap_or(&Value::Null)
    }

    fn error(&self, code: Code, at: &Pointer, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(code, self.document.site(at), message)
    }

    fn error_at_key(&self, code: Code, at: &Pointer, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(code, self.document.key_site(at), message)
    }

    fn kind(&mut self, at: &Pointer, kind: &'static Kind) {
        let value = self.value(at);
        match (kind, value) {
            (Kind::Any, _) => {}
            (Kind::Duration, Value::Number(number)) => {
                let found =
                    self.error(Code::BadDuration, at, format!("`{number}` is no duration: it has no unit"));
                self.problems.push(found.help(format!("write `{number}ms` or `{number}s`")));
            }
            (Kind::Count | Kind::Factor, Value::Number(number)) if !takes(kind, value) => {
                let message = format!("{} takes {}, not `{number}`", subject(at), kind.describe());
                let found = self.error(Code::BadValue, at, message);
                self.problems.push(found.help("write `1` or more, or leave the key out"));
            }
            (Kind::Either(_, Kind::Word(words)), Value::String(text)) if !words.contains(&text.as_str()) => {
                let message = format!("{} takes {}, not `{text}`", subject(at), kind.describe());
                let found = self.error(Code::BadValue, at, message);
                self.problems.push(found.help(way_out(kind, value)));
            }
            (Kind::Either(one, other), _) => {
                let number = |kind: &Kind| matches!(kind, Kind::Count) && value.is_number();
                match [one, other].into_iter().find(|kind| takes(kind, value) || number(kind)) {
                    Some(kind) => self.kind(at, kind),
                    None => self.wrong_type(at, kind),
                }
            }
            (Kind::Knob(knob), Value::String(_) | Value::Number(_)) => {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                if !knob.takes(&text) {
                    let message = format!("{} does not take `{text}`", subject(at));
                    let problem = self.error(Code::BadValue, at, message);
                    self.problems.push(problem.help(format!("it takes {}", knob.values())));
                }
            }
            (Kind::Secret(_), Value::String(_) | Value::Number(_)) => self.literal_secret(at),
            _ if !takes(kind, value) => self.wrong_type(at, kind),
            (_, Value::String(text)) => self.text(at, kind, text),
            (Kind::List(of), Value::Array(elements)) => {
                for index in 0..elements.len() {
                    self.kind(&at.index(index), of);
                }
                self.not_empty(at, elements.is_empty());
            }
            (Kind::Map(names, of), Value::Object(entries)) => {
                for name in entries.keys() {
                    self.name(&at.key(name), *names, name);
                    self.kind(&at.key(name), of);
                }
                self.not_empty(at, entries.is_empty());
            }
            (Kind::StepHeaders | Kind::ServerHeaders, Value::Object(headers)) => {
                self.headers(at, headers, matches!(kind, Kind::StepHeaders));
                self.not_empty(at, headers.is_empty());
            }
            (Kind::Table(table) | Kind::Secret(table), _) => self.table(at, table),
            _ => {}
        }
    }

    fn table(&mut self, at: &Pointer, table: &'static Table) {
        let Value::Object(object) = self.value(at) else {
            let found = format!("{} is a mapping, but this is {}", table.what, type_name(self.value(at)));
            let problem = self.error(Code::WrongType, at, found);
            self.problems.push(problem.help(takes_keys(table)));
            return;
        };
        // What stands in the column of a key without a value was meant to be its value, and the key was told.
        let mut slipped = false;
        for name in object.keys() {
            let here = at.key(name);
            let (before, known) = (self.problems.len(), table.keys().any(|key| key.name == name));
            if slipped && !known {
                continue;
            }
            match table.keys().find(|key| key.name == name) {
                Some(key) => self.kind(&here, &key.kind),
                None if table.others.is_some() => {}
                None => self.unknown_key(at, name, table),
            }
            slipped = known && self.value(&here).is_null() && self.problems.len() > before;
        }
        for key in table.keys().filter(|key| key.required) {
            let meant = at.key(key.name);
            if !object.contains_key(key.name) && !self.meant.contains_key(&meant) {
                let message = format!("{} needs the key `{}`", table.what, key.name);
                let site = first_key_site(self.document, at);
                let help = format!("add `{}`: {}", key.name, key.kind.describe());
                self.problems.push(Diagnostic::error(Code::MissingKey, site, message).help(help));
            }
        }
        if !table.one_of.is_empty() {
            self.one_of(at, table);
        } else if object.is_empty() && !table.may_be_empty && table.keys().all(|key| !key.required) {
            self.not_empty(at, true);
        }
    }

    fn one_of(&mut self, at: &Pointer, table: &'static Table) {
        let built = table.keys().map(|key| key.name).filter(|name| table.one_of.contains(name));
        let needs = format!("{} needs one of {}", table.what, listed(built, "and"));
        let mut given: Vec<(&str, Pointer)> = table
            .one_of
            .iter()
            .filter_map(|name| {
                let here = at.key(name);
                let here = self.meant.get(&here).cloned().unwrap_or(here);
                self.document.get(&here).is_some().then_some((*name, here))
            })
            .collect();
        // In the order of the file.
        given.sort_by_key(|(_, here)| self.document.key_site(here).span);
        let Some((first, place)) = given.first() else {
            let site = first_key_site(self.document, at);
            self.problems.push(Diagnostic::error(Code::MissingKey, site, needs).help("add one of them"));
            return;
        };
        for (other, here) in given.iter().skip(1) {
            let message = format!("{needs}, this one has `{first}` and `{other}`");
            let problem = self.error_at_key(Code::Conflict, here, message);
            let problem = problem.also(self.document.key_site(place), "the other one");
            self.problems.push(problem.help("leave one of them out"));
        }
    }

    fn unknown_key(&mut self, at: &Pointer, name: &str, table: &'static Table) {
        let here = at.key(name);
        let problem =
            self.error_at_key(Code::UnknownKey, &here, format!("unknown key `{name}` in {}", table.what));
        let free = table.keys().filter(|key| {
            let meant = at.key(key.name);
            self.document.get(&meant).is_none() && !self.meant.contains_key(&meant)
        });
        let free: Vec<&Key> = free.collect();
        let key = match elsewhere::meant(name, table) {
            Some(elsewhere::Meant::Other(way_out)) => {
                self.problems.push(problem.help(way_out));
                return;
            }
            Some(elsewhere::Meant::Key(meant)) => {
                let key = free.into_iter().find(|key| key.name == meant);
                // The word is another's, and so its value may be: that is no mistake of its own.
                if let Some(key) = key.filter(|key| !takes(&key.kind, self.value(&here))) {
                    self.problems.push(problem.help(format!(
                        "write `{}`: {}",
                        key.name,
                        key.kind.describe()
                    )));
                    return;
                }
                key
            }
            None => nearest(name, free.iter().map(|key| key.name))
                .and_then(|near| free.into_iter().find(|key| key.name == near)),
        };
        let Some(key) = key else {
            self.problems.push(problem.help(takes_keys(table)));
            return;
        };
        let site = self.document.key_site(&here);
        self.problems.push(problem.help(format!("did you mean `{}`?", key.name)).fix(site, key.name));
        self.meant.insert(at.key(key.name), here.clone());
        self.kind(&here, &key.kind);
    }

    fn not_empty(&mut self, at: &Pointer, empty: bool) {
        if empty {
            let problem = self.error(Code::Empty, at, format!("{} is empty", subject(at)));
            self.problems.push(problem.help("write what belongs there, or leave the key out"));
        }
    }

    fn wrong_type(&mut self, at: &Pointer, kind: &Kind) {
        let value = self.value(at);
        let found = type_name(value);
        let mut problem = if value.is_null() {
            let message = format!("{} takes {}, but it has no value", subject(at), kind.describe());
            self.error_at_key(Code::WrongType, at, message)
        } else {
            let message = format!("{} takes {}, but this is {found}", subject(at), kind.describe());
            self.error(Code::WrongType, at, message)
        };
        let is_text = |kind: &Kind| {
            matches!(
                kind,
                Kind::Text
                    | Kind::Verbatim
                    | Kind::Name
                    | Kind::Choice
                    | Kind::Saved
                    | Kind::Template
                    | Kind::Typed
                    | Kind::Variable
                    | Kind::Tool
            )
        };
        match value {
            Value::Bool(_) | Value::Number(_) if is_text(kind) => {
                problem = problem.help(format!("write it in quotes: `\"{value}\"`"));
            }
            Value::String(text) if matches!(kind, Kind::Flag) => {
                let flag = matches!(text.to_ascii_lowercase().as_str(), "yes" | "on" | "true" | "y");
                problem = problem.help(format!("write `{flag}`, without quotes"));
            }
            // A command is written as for a shell, elsewhere.
            Value::String(text) if matches!(kind, Kind::List(Kind::Verbatim)) => {
                problem = problem.help(match words(text) {
                    Some(words) => format!("write its words: `[{words}]`"),
                    None => "write its words as a list, such as `[sh, -c, \"…\"]`".to_owned(),
                });
            }
            Value::String(text) if matches!(kind, Kind::List(of) if is_text(of)) => {
                problem = problem.help(format!("write `[{text}]`"));
            }
            _ => problem = problem.help(way_out(kind, value)),
        }
        self.problems.push(problem);
    }

    fn literal_secret(&mut self, at: &Pointer) {
        self.problems.push(literal_secret(self.document, at));
    }

    fn text(&mut self, at: &Pointer, kind: &Kind, text: &str) {
        let may_be_blank =
            matches!(kind, Kind::Duration | Kind::Rate | Kind::Date | Kind::Typed | Kind::Character);
        if text.trim().is_empty() && !may_be_blank {
            self.not_empty(at, true);
            return;
        }
        let is_template = matches!(
            kind,
            Kind::Template | Kind::Typed | Kind::Choice | Kind::Verbatim | Kind::Object | Kind::Members
        );
        if text.contains("{{") && !is_template {
            self.template_here(at);
            return;
        }
        match kind {
            Kind::Character if !is_separator(text) => {
                let message = format!("{} takes one character, not `{}`", subject(at), text.escape_debug());
                let problem = self.error(Code::BadValue, at, message);
                self.problems.push(problem.help("write one, such as `;`, or `\"\\t\"` for a tab"));
            }
            Kind::Date if date(text).is_none() => {
                // A token may stand in its place.
                let is_shown = text.bytes().all(|byte| byte.is_ascii_digit() || b"-:./ TZ".contains(&byte));
                let found = if is_shown { format!("`{text}`") } else { "this".to_owned() };
                let problem = self.error(Code::BadValue, at, format!("{found} is no day"));
                self.problems.push(problem.help("write year, month and day: `2026-09-30`"));
            }
            Kind::Saved => self.name(at, Names::Variables, text),
            Kind::Object | Kind::Members if !text.contains("{{") => self.wrong_type(at, kind),
            Kind::Duration => self.duration(at, text),
            Kind::Rate if rate(text).is_none() => {
                let problem = self.error(Code::BadValue, at, format!("`{text}` is no rate"));
                self.problems.push(
                    problem.help("write a whole number from 1 and a unit: `10/s`, `100/m` or `1000/h`"),
                );
            }
            Kind::Protocol => self.protocol(at, text),
            Kind::Word(words) if !words.contains(&text) => {
                let problem =
                    self.error(Code::BadValue, at, format!("{} does not take `{text}`", subject(at)));
                self.problems.push(choices(problem, text, words, "it takes"));
            }
            Kind::Variable if !is_variable(text) => self.literal_secret_or_variable(at, text),
            Kind::Tool if !is_tool_pattern(text) => {
                let problem = self.error(Code::BadValue, at, format!("`{text}` is no name of a tool"));
                self.problems
                    .push(problem.help("write a name, or a part of one with `*` for the rest: `send*`"));
            }
            _ => {}
        }
    }

    fn literal_secret_or_variable(&mut self, at: &Pointer, text: &str) {
        // Under a misspelt `pat`, too.
        let above = std::iter::successors(at.parent(), Pointer::parent);
        let in_credential = above
            .filter_map(|place| place.last())
            .any(|key| matches!(key.as_ref(), "auth" | "identities" | "pat" | "secret"));
        if in_credential || looks_like_token(text) {
            self.literal_secret(at);
        } else {
            let problem =
                self.error(Code::BadName, at, format!("`{text}` is no name of an environment variable"));
            self.problems.push(problem.help("write letters, digits and `_`, such as `CUSTOMER_ID`"));
        }
    }

    fn template_here(&mut self, at: &Pointer) {
        let message = format!("{} is no template: `{{{{` is not read here", subject(at));
        let problem = self.error(Code::TemplateHere, at, message);
        let help = "write the text itself; templates are read in values that are sent or expected";
        self.problems.push(problem.help(help));
    }

    fn duration(&mut self, at: &Pointer, text: &str) {
        let message = match duration(text) {
            Ok(time) if !time.is_zero() => return,
            Ok(_) => format!("{} cannot be zero", subject(at)),
            Err(message) => message,
        };
        let problem = self.error(Code::BadDuration, at, message);
        self.problems.push(problem.help(FORMS));
    }

    fn protocol(&mut self, at: &Pointer, text: &str) {
        if text == "auto" || Version::parse(text).is_some() {
            return;
        }
        let known: Vec<&str> =
            std::iter::once("auto").chain(Version::ALL.iter().map(|version| version.as_str())).collect();
        let problem = self.error(Code::BadValue, at, format!("there is no protocol version `{text}`"));
        self.problems.push(choices(problem, text, &known, "there are"));
    }

    fn name(&mut self, at: &Pointer, names: Names, name: &str) {
        let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        let (message, help) = match names {
            Names::Any => return,
            Names::Variables => match check_name(name) {
                Ok(()) => return,
                Err(message) => (message, "choose another name, of letters, digits and `_`"),
            },
            Names::Identities if matches!(name, "default" | "anonymous") => (
                format!("`{name}` cannot be the name of an identity: every server has one"),
                "choose another name; `default` is the token under `auth`, `anonymous` sends none",
            ),
            Names::Environment if is_variable(name) => return,
            Names::Environment => (
                format!("`{name}` cannot be the name of an environment variable"),
                "write letters, digits and `_`, such as `LOG_LEVEL`",
            ),
            Names::Servers | Names::Identities | Names::Sets => {
                if !name.is_empty() && name.chars().all(word) {
                    return;
                }
                (
                    format!(
                        "`{name}` cannot be the name of {}",
                        match names {
                            Names::Servers => "a server",
                            Names::Sets => "a set",
                            _ => "an identity",
                        }
                    ),
                    "write letters, digits, `_`, `-` and `.`",
                )
            }
        };
        self.problems.push(self.error_at_key(Code::BadName, at, message).help(help));
    }

    fn headers(&mut self, at: &Pointer, headers: &serde_json::Map<String, Value>, step: bool) {
        let mut seen: HashMap<String, &str> = HashMap::new();
        for (name, value) in headers {
            let here = at.key(name);
            if name.eq_ignore_ascii_case("authorization") {
                self.authorization(&here, step);
                continue;
            }
            if http::HeaderName::from_bytes(name.as_bytes()).is_err() {
                let problem =
                    self.error_at_key(Code::BadName, &here, format!("`{name}` is no name of a header"));
                self.problems.push(problem.help("write letters, digits and `-`, such as `X-Env`"));
            }
            if let Some(other) = seen.insert(name.to_ascii_lowercase(), name) {
                let message = format!("`{name}` and `{other}` are the same header");
                let problem = self.error_at_key(Code::Conflict, &here, message);
                let problem = problem.also(self.document.key_site(&at.key(other)), "the other one");
                self.problems.push(problem.help("leave one of them out"));
            }
            self.header_value(&here, value, step);
        }
    }

    fn header_value(&mut self, at: &Pointer, value: &Value, step: bool) {
        match value {
            Value::String(text) if step && text.contains("{{") => {}
            Value::String(text) if text.contains("{{") => self.template_here(at),
            Value::String(text) if http::HeaderValue::from_str(text).is_err() => {
                let message = format!("{} has a character that no header can carry", subject(at));
                let problem = self.error(Code::BadValue, at, message);
                self.problems.push(problem.help("write it in one line, without control characters"));
            }
            Value::Null if step => {}
            Value::String(_) => {}
            _ => self.wrong_type(at, &Kind::Text),
        }
    }

    fn authorization(&mut self, at: &Pointer, step: bool) {
        let problem = if step {
            self.error_at_key(Code::Authorization, at, "`Authorization` cannot be written in a scenario")
                .help(
                    "name another token under `identities` of the server in the suite, and use it with `as`",
                )
                .help("to send none, write `as: anonymous`")
        } else {
            self.error_at_key(Code::LiteralSecret, at, "`Authorization` cannot be written among the headers")
                .help("say where the token is: `auth: {pat: {env: NAME}}`")
        };
        self.problems.push(problem);
    }
}

/// A token in a file. The message does not repeat it.
pub(super) fn literal_secret(document: &Document, at: &Pointer) -> Diagnostic {
    Diagnostic::error(Code::LiteralSecret, document.site(at), "a token cannot be written into a suite")
        .label("whoever reads the file has the token")
        .help("write where it is: `auth: {pat: {env: NAME}}`, `{pat: {file: PATH}}` or `{pat: {command: [..]}}`")
        .note("a token that was committed is known: revoke it and make a new one")
}

/// "Did you mean", and the values that exist.
pub(super) fn choices(problem: Diagnostic, text: &str, words: &[&str], introduction: &str) -> Diagnostic {
    let all = format!("{introduction} {}", listed(words.iter().copied(), "and"));
    match nearest(text, words.iter().copied()) {
        Some(near) => problem.help(format!("did you mean `{near}`?")).note(all),
        None => problem.help(all),
    }
}

/// The words of a command line, as elements of a list; none where its quotes or its signs need a shell, or where a
/// word is a secret.
fn words(text: &str) -> Option<String> {
    let is_plain = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_alphabetic() || "./-".contains(c))
            && word.chars().all(|c| c.is_ascii_alphanumeric() || "./-_=".contains(c))
            && word != "-"
            && !matches!(word, "true" | "false" | "null")
    };
    if text.contains(['"', '\'', '\\', '$', '|', '&', ';', '<', '>', '`', '\n']) {
        return None;
    }
    let words = text.split_whitespace();
    if holds_token(text) {
        return None;
    }
    let words = words.map(|word| if is_plain(word) { word.to_owned() } else { format!("\"{word}\"") });
    Some(words.collect::<Vec<_>>().join(", "))
}

fn takes_keys(table: &Table) -> String {
    format!("{} takes {}", table.what, listed(table.keys().map(|key| key.name), "and"))
}

/// What a message calls the value at a place.
fn subject(at: &Pointer) -> String {
    let Some(last) = at.last() else { return "the document".to_owned() };
    match (last.parse::<usize>(), at.parent().and_then(|parent| parent.last())) {
        (Ok(index), Some(list)) => format!("element {} of `{list}`", index + 1),
        _ => format!("`{last}`"),
    }
}

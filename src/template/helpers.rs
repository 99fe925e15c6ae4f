//! The helpers of templates: their names, parameters and meaning in one table. Parameters are exact in number
//! and type; whatever does not fit is an error, never an empty text.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::Read as _;
use std::path::{Component, Path};

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use jiff::SignedDuration;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::scope::Scope;
use crate::json;
use crate::nearest::nearest;

/// How long a text may be that a template makes, in bytes.
pub(super) const MAX_OUTPUT: usize = 16 * 1024 * 1024;

/// How large a file may be that `file` reads, in bytes.
const MAX_FILE: u64 = 1024 * 1024;

/// How long `random_string` may be, in characters.
const MAX_RANDOM: u64 = 4096;

/// A helper as documented.
#[derive(Debug)]
pub struct Helper {
    /// Its name.
    pub name: &'static str,
    /// Its parameters, such as `TEXT SEPARATOR`; one in brackets may be left out.
    pub parameters: &'static str,
    /// What it yields.
    pub doc: &'static str,
    run: Run,
}

#[derive(Debug)]
enum Run {
    Plain(fn(&Scope, &[Cow<'_, Value>]) -> Result<Value, Refusal>),
    /// Yields its first parameter, or where that is missing the second: its parameters are not all evaluated.
    Default,
}

/// Why a helper yields nothing.
#[derive(Debug)]
pub(super) struct Refusal {
    /// Which parameter is to blame, from 0.
    pub(super) parameter: Option<usize>,
    pub(super) message: String,
    pub(super) help: Option<String>,
    /// Whether there is nothing there, so that `default` may take its place.
    pub(super) absent: bool,
}

impl Refusal {
    fn new(parameter: usize, message: impl Into<String>) -> Self {
        Self { parameter: Some(parameter), message: message.into(), help: None, absent: false }
    }

    fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    fn absent(mut self) -> Self {
        self.absent = true;
        self
    }
}

impl Helper {
    /// How many parameters it takes, at least and at most.
    pub(super) fn count(&self) -> (usize, usize) {
        let least = self.parameters.split_whitespace().filter(|word| !word.starts_with('[')).count();
        (least, self.parameters.split_whitespace().count())
    }

    /// Whether it yields something else each time.
    pub(super) fn varies(&self) -> bool {
        ["uuid", "now", "random_int", "random_string"].contains(&self.name)
    }

    /// Whether its first parameter may be missing.
    pub(super) fn forgives(&self) -> bool {
        matches!(self.run, Run::Default)
    }

    /// Its name and parameters as they are written.
    pub(super) fn usage(&self) -> String {
        format!("{} {}", self.name, self.parameters).trim_end().to_owned()
    }

    pub(super) fn run(&self, scope: &Scope, given: &[Cow<'_, Value>]) -> Result<Value, Refusal> {
        let value = match self.run {
            Run::Plain(run) => run(scope, given)?,
            Run::Default => at(given, 0).clone(),
        };
        match &value {
            Value::String(text) if text.len() > MAX_OUTPUT => Err(too_long()),
            _ => Ok(value),
        }
    }
}

macro_rules! helpers {
    ($($name:literal ($parameters:literal) $run:expr, $doc:literal;)+) => {
        /// The helpers' names, each with its parameters and meaning: the docs and "did you mean" read this.
        pub const HELPERS: &[Helper] =
            &[$(Helper { name: $name, parameters: $parameters, doc: $doc, run: $run },)+];
    };
}

helpers! {
    "json" ("VALUE") Run::Plain(|_, p| Ok(at(p, 0).to_string().into())),
        "Any value as compact JSON text.";
    "parse" ("TEXT") Run::Plain(parse),
        "The value that a JSON text says. A number that neither 64 bits nor a double holds exactly is an error.";
    "string" ("VALUE") Run::Plain(string),
        "A number or boolean as text, in its JSON spelling; a text as it is.";
    "number" ("TEXT") Run::Plain(number),
        "The number that a text says in JSON's grammar, exactly; a number as it is. Anything else is an error.";
    "lookup" ("VALUE KEY") Run::Plain(lookup),
        "The member KEY of an object, or the element KEY (from 0) of a list.";
    "default" ("VALUE OTHER") Run::Default,
        "VALUE, or OTHER where VALUE is missing. Null is a value, and not missing.";
    "first" ("LIST") Run::Plain(|_, p| end_of(list(p, 0)?.first())),
        "The first element of a list; missing where the list is empty.";
    "last" ("LIST") Run::Plain(|_, p| end_of(list(p, 0)?.last())),
        "The last element of a list; missing where the list is empty.";
    "length" ("VALUE") Run::Plain(length),
        "How many characters a text, elements a list, or members an object has.";
    "join" ("LIST SEPARATOR") Run::Plain(join),
        "The texts, numbers and booleans of a list as one text, with SEPARATOR between them.";
    "split" ("TEXT SEPARATOR") Run::Plain(split),
        "The list of the parts of TEXT between the SEPARATORs.";
    "replace" ("TEXT FROM TO") Run::Plain(replace),
        "TEXT with each FROM replaced by TO.";
    "lower" ("TEXT") Run::Plain(|_, p| Ok(text(p, 0)?.to_lowercase().into())),
        "TEXT in lower case.";
    "upper" ("TEXT") Run::Plain(|_, p| Ok(text(p, 0)?.to_uppercase().into())),
        "TEXT in upper case.";
    "trim" ("TEXT") Run::Plain(|_, p| Ok(text(p, 0)?.trim().into())),
        "TEXT without white space at either end.";
    "base64" ("TEXT") Run::Plain(|_, p| Ok(STANDARD.encode(text(p, 0)?).into())),
        "The UTF-8 bytes of TEXT in base64, with padding.";
    "base64_decode" ("TEXT") Run::Plain(base64_decode),
        "The text that TEXT says in base64, with or without padding. Bytes that are not UTF-8 are an error.";
    "sha256" ("TEXT") Run::Plain(sha256),
        "The SHA-256 of the UTF-8 bytes of TEXT, in 64 hexadecimal digits.";
    "uuid" ("") Run::Plain(uuid),
        "A random UUID (version 4). It is drawn from the case's seed, as all random values are.";
    "random_int" ("LEAST MOST") Run::Plain(random_int),
        "A random whole number, LEAST and MOST included.";
    "random_string" ("LENGTH") Run::Plain(random_string),
        "LENGTH random lower-case letters and digits, at most 4096.";
    "now" ("[OFFSET]") Run::Plain(now),
        "The time in UTC as RFC 3339, with milliseconds. OFFSET moves it: `+90s`, `-15m`, `+1h`, `-1d`, `+2w`.";
    "file" ("PATH") Run::Plain(file),
        "The text of a file. PATH is relative to the scenario's folder and stays inside the suite's; at most 1 MiB.";
}

/// The name of a value's type.
pub(crate) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    }
}

/// A scalar but null, in its JSON spelling.
pub(super) fn scalar_text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        Value::Bool(value) => Some(Cow::Borrowed(if *value { "true" } else { "false" })),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn at<'a>(given: &'a [Cow<'_, Value>], index: usize) -> &'a Value {
    given.get(index).map_or(&Value::Null, |value| value.as_ref())
}

fn too_long() -> Refusal {
    let message = format!("the text would be longer than {} MiB", MAX_OUTPUT / 1024 / 1024);
    Refusal { parameter: None, message, help: None, absent: false }
}

fn wanted(given: &[Cow<'_, Value>], index: usize, what: &str) -> Refusal {
    let value = at(given, index);
    let refusal = Refusal::new(index, format!("{what} is wanted here, and this is {}", with_article(value)));
    match value {
        Value::Number(_) | Value::Bool(_) if what == "a string" => {
            refusal.help("write `(string x)` for its JSON spelling")
        }
        Value::Array(_) | Value::Object(_) | Value::Null if what == "a string" => {
            refusal.help("write `(json x)` for its JSON text")
        }
        _ => refusal,
    }
}

pub(crate) fn with_article(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn text<'a>(given: &'a [Cow<'_, Value>], index: usize) -> Result<&'a str, Refusal> {
    at(given, index).as_str().ok_or_else(|| wanted(given, index, "a string"))
}

fn list<'a>(given: &'a [Cow<'_, Value>], index: usize) -> Result<&'a Vec<Value>, Refusal> {
    at(given, index).as_array().ok_or_else(|| wanted(given, index, "a list"))
}

fn integer(given: &[Cow<'_, Value>], index: usize) -> Result<i64, Refusal> {
    at(given, index).as_i64().ok_or_else(|| {
        let refusal = wanted(given, index, "a whole number of 64 bits");
        if at(given, index).is_string() { refusal.help("write `(number x)`") } else { refusal }
    })
}

fn parse(_: &Scope, given: &[Cow<'_, Value>]) -> Result<Value, Refusal> {
    let parsed = json::parse(text(given, 0)?.as_bytes())
        .map_err(|e| Refusal::new(0, format!("this is not JSON: {e}")))?;
    match parsed.inexact.first() {
        None => Ok(parsed.value),
        Some(place) => {
            let number = parsed.value.pointer(place).and_then(Value::as_str).unwrap_or_default();
            Err(Refusal::new(0, format!("neither 64 bits nor a double holds the number {number} exactly")))
        }
    }
}

fn string(_: &Scope, given: &[Cow<'_, Value>]) -> Result<Value, Refusal> {
    scalar_text(at(given, 0)).map(|text| text.into_owned().into()).ok_or_else(|| {
        wanted(given, 0, "a string, number or boolean").help("write `json x` for its JSON text")
    })
}

fn number(_: &Scope, given: &[Cow<'_, Value>]) -> Result<Value, Refusal> {
    if at(given, 0).is_number() {
        return Ok(at(given, 0).clone());
    }
    let text = text(given, 0)?;
    let refused = || Refusal::new(0, format!("`{}` is no number", shortened(text)));
    if text.trim() != text {
        return Err(refused().help("write `(number (trim x))`"));
    }
    // The parser knows the grammar: `+5`, `007`, `1_000` and `inf` are no numbers.
    match json::parse(text.as_bytes()) {
        Ok(parsed) if parsed.value.is_number() => Ok(parsed.value),
        Ok(parsed) if parsed.inexact.iter().any(String::is_empty) => {
            Err(Refusal::new(0, format!("neither 64 bits nor a double holds `{}` exactly", shortened(text))))
        }
        _ => Err(refused()),
    }
}

fn shortened(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(60) {
        Some((end, _)) => Cow::Owned(format!("{}…", text.get(..end).unwrap_or_default())),
        None => Cow::Borrowed(text),
    }
}

fn lookup(_: &Scope, given: &[Cow<'_, Value>]) -> Result<Value, Refusal> {
    let found = match (at(given, 0), at(given, 1)) {
        (Value::Object(members), Value::String(key)) => members.get(key).ok_or_else(|| {
            let refusal = Refusal::new(1, format!("the object has no member `{}`", shortened(key))).absent();
            match nearest(key, members.keys().map(String::as_str)) {
                Some(name) => refusal.help(format!("did you mean `{name}`?")),
                None => refusal,
            }
        }),
        (Value::Array(items), Value::Number(index)) => {
            index.as_u64().and_then(|i| items.get(usize::try_from(i).ok()?)).ok_or_else(|| {
                Refusal::new(1, format!("the list has {} elements, none of them at {index}", items.len()))
                    .absent()
            })
        }
        (Value::Object(_), _) => Err(wanted(given, 1, "a string")),
        (Value::Array(_), _) => Err(wanted(given, 1, "a whole number")),
        _ => Err(wanted(given, 0, "an object or a list")),
    };
    found.cloned()
}

fn end_of(element: Option<&Value>) -> Result<Value, Refusal> {
    element.cloned().ok_or_else(|| Refusal::new(0, "the list is empty").absent())
}

fn length(_: &Scope, given: &[Cow<'_, Value>]) -> Result<Value, Refusal> {
    match at(given, 0) {
        Value::String(text) => Ok(text.chars().count().into()),
        Value::Array(items) => Ok(items.len().into()),
        Value::Object(members) => Ok(members.len().into()),
        _ => Err(wanted(given, 0, "a string, list or object")),
    }
}

fn join(_: &Scope, given: &[Cow<'_, Value>]) -> Result<Value, Refusal> {
    let (items, separator) = (list(given, 0)?, text(given, 1)?);
    let mut joined = String::new();
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            joined.push_str(separator);
        }
        joined.push_str(&scalar_text(item).ok_or_else(|| {
            let what = with_article(item);
            Refusal::new(0, format!("element {index} is {what}, which has no place in a text"))
                .help("write `json x`")
        })?);
        if joined.len() > MAX_OUTPUT {
            return Err(too_long());
        }
    }
    Ok(joined.into())
}

fn not_empty<'a>(given: &'a [Cow<'_, Value>], index: usize) -> Result<&'a str, Refusal> {
    match text(given, index)? {
        "" => Err(Refusal::new(index, "this is empty, and would be found everywhere")),
        text => Ok(text),
    }
}

fn split(_: &Scope, given: &[Cow<'_, Value>]) -> Result<Value, Refusal> {
    let (text, separator) = (text(given, 0)?, not_empty(given, 1)?);
    Ok(text.split(separator).map(Value::from).collect())
}

fn replace(_: &Scope, given: &[Cow<'_, Value>]) -> Result<Value, Refusal> {
    let (text, from, to) = (text(given, 0)?, not_empty(given, 1)?, text(given, 2)?);
    let grown = text.matches(from).count().saturating_mul(to.len().saturating_sub(from.len()));
    if text.len().saturating_add(grown) > MAX_OUTPUT {
        return Err(too_long());
    }
    Ok(text.replace(from, to).into())
}

fn base64_decode(_: &Scope, given: &[Cow<'_, Value>]) -> Result<Value, Refusal> {
    decode_base64(text(given, 0)?).map(Value::from).map_err(|reason| Refusal::new(0, reason))
}

/// The text that a base64 text says, with or without padding.
pub(crate) fn decode_base64(text: &str) -> Result<String, String> {
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let bytes = GeneralPurpose::new(&alphabet::STANDARD, config)
        .decode(text)
        .map_err(|error| format!("this is not base64: {}", error.to_string().to_lowercase()))?;
    String::from_utf8(bytes).map_err(|_| "the decoded bytes are not UTF-8 text".to_owned())
}

fn sha256(_: &Scope, given: &[Cow<'_, Value>]) -> Result<Value, Refusal> {
    let mut digits = String::with_capacity(64);
    for byte in Sha256::digest(text(given, 0)?) {
        let _ = write!(digits, "{byte:02x}");
    }
    Ok(digits.into())
}

fn uuid(scope: &Scope, _: &[Cow<'_, Value>]) -> Result<Value, Refusal> {
    let bytes = scope.draw(|random| random.u128(..)).to_be_bytes();
    Ok(uuid::Builder::from_random_bytes(bytes).into_uuid().to_string().into())
}

fn random_int(scope: &Scope, given: &[Cow<'_, Value>]) -> Result<Value, Refusal> {
    let (least, most) = (integer(given, 0)?, integer(given, 1)?);
    if least > most {
        return Err(Refusal::new(1, format!("{most} is less than {least}")));
    }
    Ok(scope.draw(|random| random.i64(least..=most)).into())
}

fn random_string(scope: &Scope, given: &[Cow<'_, Value>]) -> Result<Value, Refusal> {
    let length = at(given, 0).as_u64().ok_or_else(|| wanted(given, 0, "a whole number"))?;
    if length > MAX_RANDOM {
        return Err(Refusal::new(0, format!("a random text has at most {MAX_RANDOM} characters")));
    }
    const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let text: String = scope.draw(|random| {
        (0..length)
            .filter_map(|_| LETTERS.get(random.usize(..LETTERS.len())).map(|b| char::from(*b)))
            .collect()
    });
    Ok(text.into())
}

fn now(scope: &Scope, given: &[Cow<'_, Value>]) -> Result<Value, Refusal> {
    let mut time = (scope.facts().now)();
    if !given.is_empty() {
        let offset = text(given, 0)?;
        let moved = offset_of(offset).ok_or_else(|| {
            Refusal::new(0, format!("`{}` is no offset", shortened(offset)))
                .help("write a sign, a whole number and `ms`, `s`, `m`, `h`, `d` or `w`: `+90s`, `-1d`")
        })?;
        time = time
            .checked_add(moved)
            .map_err(|_| Refusal::new(0, format!("`{offset}` leads out of the calendar")))?;
    }
    Ok(format!("{time:.3}").into())
}

fn offset_of(text: &str) -> Option<SignedDuration> {
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let end = rest.find(|c: char| !c.is_ascii_digit())?;
    let (digits, unit) = rest.split_at_checked(end)?;
    let milliseconds: i64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        "w" => 604_800_000,
        _ => return None,
    };
    let count = digits.parse::<i64>().ok()?.checked_mul(sign)?;
    Some(SignedDuration::from_millis(count.checked_mul(milliseconds)?))
}

fn file(scope: &Scope, given: &[Cow<'_, Value>]) -> Result<Value, Refusal> {
    let given_path = text(given, 0)?;
    let refused = |why: String| Refusal::new(0, format!("`{}` {why}", shortened(given_path)));
    let relative = Path::new(given_path);
    let plain = |part| matches!(part, Component::Normal(_) | Component::CurDir | Component::ParentDir);
    if given_path.is_empty() || !relative.components().all(plain) {
        return Err(refused("is no path relative to the scenario's folder".to_owned()));
    }
    let io = |error: std::io::Error| refused(format!("cannot be read: {}", error.kind()));
    // Links are followed first, so that none of them leads out unseen.
    let root = or_here(&scope.facts().root).canonicalize().map_err(io)?;
    let path = or_here(&scope.facts().folder).join(relative).canonicalize().map_err(io)?;
    if !path.starts_with(&root) {
        return Err(refused("is outside of the suite's folder".to_owned()));
    }
    let large = || refused(format!("is larger than {} MiB", MAX_FILE / 1024 / 1024));
    let about = path.metadata().map_err(io)?;
    if !about.is_file() {
        return Err(refused("is no file".to_owned()));
    }
    if about.len() > MAX_FILE {
        return Err(large());
    }
    let mut bytes = Vec::new();
    std::fs::File::open(&path)
        .and_then(|file| file.take(MAX_FILE + 1).read_to_end(&mut bytes))
        .map_err(io)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > MAX_FILE) {
        return Err(large());
    }
    String::from_utf8(bytes).map(Value::from).map_err(|_| refused("is not UTF-8 text".to_owned()))
}

fn or_here(path: &Path) -> &Path {
    if path.as_os_str().is_empty() { Path::new(".") } else { path }
}

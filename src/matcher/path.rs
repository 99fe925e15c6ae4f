//! JSONPath (RFC 9535). Inside a path a template stands only as a whole quoted literal, and becomes the JSON
//! literal of its value: what it yields is never read as part of the path.

use std::sync::OnceLock;

use serde_json::Value;
use serde_json_path::{JsonPath, ParseError, PathElement};

use super::compile::Compiler;
use super::{Root, place};
use crate::diagnostic::Diagnostic;
use crate::source::{Document, Site};
use crate::template::{RenderError, Scope, Template, with_article};

/// How long a path may be, in bytes.
const MAX_LENGTH: usize = 4096;

/// How deep brackets may nest.
const MAX_DEPTH: usize = 16;

/// How often a path may go through everything below a node: each time multiplies the nodes.
const MAX_DESCENTS: usize = 2;

/// A compiled JSONPath (RFC 9535), for `save` and for keys of `expect`.
#[derive(Debug)]
pub struct Path {
    text: String,
    parts: Vec<Part>,
    templates: Vec<Template>,
    steps: Vec<Step>,
    singular: bool,
    compiled: OnceLock<JsonPath>,
}

#[derive(Debug)]
enum Part {
    Text(String),
    /// A quoted literal that is a template.
    Template {
        index: usize,
        at: usize,
        length: usize,
    },
}

/// A step that names one node at most.
#[derive(Clone, Debug, PartialEq)]
enum Step {
    Name(String),
    Index,
}

/// A node that a path found.
#[derive(Debug)]
pub struct Found<'a> {
    /// The place as messages show it.
    pub shown: String,
    /// The place as a JSON Pointer.
    pub pointer: String,
    /// The node.
    pub value: &'a Value,
}

/// The last node on a path's way, and the name that it does not have.
#[derive(Debug)]
pub struct Astray<'a> {
    /// The place of the node as messages show it.
    pub shown: String,
    /// The node.
    pub node: &'a Value,
    /// The name that is not there.
    pub name: &'a str,
}

impl Path {
    /// Compiles a path that may hold templates as whole quoted literals.
    ///
    /// # Errors
    /// Where it is no JSONPath: the message, and the byte offset in `text`.
    pub fn compile(text: &str) -> Result<Self, (String, usize)> {
        bounded(text)?;
        let (parts, templates) = parts(text)?;
        let sample: String = parts
            .iter()
            .map(|part| match part {
                Part::Text(text) => text.as_str(),
                Part::Template { .. } => "'x'",
            })
            .collect();
        let parsed = JsonPath::parse(&sample).map_err(|error| {
            let at = offset(&parts, error.position().min(sample.len()), text.len());
            (format!("this is no JSONPath: {}", reason(&error, text.get(at..).unwrap_or_default())), at)
        })?;
        drop(parsed);
        let (steps, singular) = steps(&sample);
        Ok(Self { text: text.to_owned(), parts, templates, steps, singular, compiled: OnceLock::new() })
    }

    /// The first field of the exchange that it goes through, such as `json` in `$.json.id`.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        self.names().next()
    }

    /// The one field of the exchange that it reads; none where it may read others, too, as a filter with a path of
    /// its own from the root does.
    #[must_use]
    pub fn only_field(&self) -> Option<&str> {
        self.field().filter(|_| self.text.matches('$').count() == 1)
    }

    /// The names that it goes through from the root, up to the first step that is no name.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().map_while(|step| match step {
            Step::Name(name) => Some(name.as_str()),
            Step::Index => None,
        })
    }

    /// Where it leaves what is there, going by its leading names.
    #[must_use]
    pub fn astray<'a>(&'a self, value: &'a Value) -> Option<Astray<'a>> {
        let (mut shown, mut node) = ("$".to_owned(), value);
        for name in self.names() {
            let Some(next) = node.get(name) else { return Some(Astray { shown, node, name }) };
            place::push_key(&mut shown, name);
            node = next;
        }
        None
    }

    /// Whether it leads to a whole field, and not into it.
    pub(super) fn is_field(&self) -> bool {
        self.singular && self.steps.len() == 1
    }

    /// Where it goes through one element of a field: the member of the element that comes next, if one does.
    pub(super) fn element(&self) -> Option<Option<&str>> {
        match self.steps.as_slice() {
            [Step::Name(_), Step::Index] => Some(None),
            [Step::Name(_), Step::Index, Step::Name(member), ..] => Some(Some(member)),
            _ => None,
        }
    }

    /// Whether it names at most one node (RFC 9535, 2.3.5.1).
    #[must_use]
    pub fn is_singular(&self) -> bool {
        self.singular
    }

    /// The templates in its literals.
    #[must_use]
    pub fn templates(&self) -> &[Template] {
        &self.templates
    }

    /// The path as it is written.
    pub(super) fn source(&self) -> &str {
        &self.text
    }

    /// What is wrong with it as a path into an exchange: fields that do not exist, or that the verb does not
    /// fill. `site` is where it stands.
    #[must_use]
    pub fn astray_in(&self, document: &Document, root: Root<'_>, site: Site) -> Vec<Diagnostic> {
        let mut problems = Vec::new();
        if let (Root::Exchange(verb, method), Some(name)) = (root, self.field()) {
            let mut compiler = Compiler { document, root, problems: &mut problems };
            compiler.path_shape(self, name, verb, method, site);
        }
        problems
    }

    /// The nodes of a value with their places.
    ///
    /// # Errors
    /// Where a template in it cannot be rendered.
    pub fn query<'a>(&self, value: &'a Value, scope: &Scope) -> Result<Vec<Found<'a>>, RenderError> {
        self.with_compiled(scope, |path| {
            path.query_located(value)
                .iter()
                .map(|node| {
                    let mut shown = "$".to_owned();
                    for element in node.location().iter() {
                        match element {
                            PathElement::Name(name) => place::push_key(&mut shown, name),
                            PathElement::Index(index) => shown.push_str(&format!("[{index}]")),
                        }
                    }
                    Found { shown, pointer: node.location().to_json_pointer(), value: node.node() }
                })
                .collect()
        })
    }

    fn with_compiled<T>(&self, scope: &Scope, query: impl FnOnce(&JsonPath) -> T) -> Result<T, RenderError> {
        if let Some(path) = self.compiled.get() {
            return Ok(query(path));
        }
        let mut text = String::with_capacity(self.text.len() + 32);
        for part in &self.parts {
            match part {
                Part::Text(part) => text.push_str(part),
                Part::Template { index, at, .. } => {
                    let Some(template) = self.templates.get(*index) else { continue };
                    let value = template.render(scope).map_err(|mut error| {
                        error.at = error.at.start + at..error.at.end + at;
                        error
                    })?;
                    text.push_str(&literal(&value).ok_or_else(|| RenderError {
                        at: *at..at + template.source().len(),
                        message: format!("{} cannot stand in a path", with_article(&value)),
                        help: Some("a string, number, boolean or null can".to_owned()),
                        missing: None,
                    })?);
                }
            }
        }
        let parsed = JsonPath::parse(&text).map_err(|error| RenderError {
            at: 0..self.text.len(),
            message: format!("with its values filled in, this is no JSONPath: {}", reason(&error, "")),
            help: None,
            missing: None,
        })?;
        // Without a template it is the same for every case.
        Ok(if self.templates.is_empty() {
            query(self.compiled.get_or_init(|| parsed))
        } else {
            query(&parsed)
        })
    }
}

/// What the parser says, where it says something.
fn reason(error: &ParseError, rest: &str) -> String {
    let message = error.message();
    if rest.is_empty() {
        return "it ends too early".to_owned();
    }
    if rest == "[" {
        return "`[` is not closed".to_owned();
    }
    // Its grammar's own words help nobody.
    if message.contains("long-hand segment") {
        let hint = if rest.starts_with('=') && !rest.starts_with("==") { "; equal is `==`" } else { "" };
        return format!("`]` is expected before `{}`{hint}", super::render::short(rest));
    }
    if message.contains("parser error") || message.contains("lowercase alpha") {
        return format!("`{}` cannot be read", super::render::short(rest));
    }
    message.to_owned()
}

fn literal(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(place::quoted(text)),
        Value::Null | Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Array(_) | Value::Object(_) => None,
    }
}

/// Refuses what would take the parser or a query too long.
fn bounded(text: &str) -> Result<(), (String, usize)> {
    if text.len() > MAX_LENGTH {
        return Err((format!("a path has at most {MAX_LENGTH} bytes"), 0));
    }
    let (mut depth, mut descents, mut before) = (0_usize, 0_usize, ' ');
    for (at, c) in text.char_indices() {
        match c {
            '[' | '(' => depth += 1,
            ']' | ')' => depth = depth.saturating_sub(1),
            '.' if before == '.' => descents += 1,
            _ => {}
        }
        before = c;
        if depth > MAX_DEPTH {
            return Err((format!("more than {MAX_DEPTH} brackets inside each other"), at));
        }
        if descents > MAX_DESCENTS {
            return Err((
                format!("a path has at most {MAX_DESCENTS} `..`: each goes through everything below"),
                at,
            ));
        }
    }
    Ok(())
}

/// Splits a path into text and the templates that stand as whole quoted literals.
fn parts(text: &str) -> Result<(Vec<Part>, Vec<Template>), (String, usize)> {
    let misplaced = |at| {
        let message = "inside a path a template stands only as a whole quoted literal, `'{{ id }}'`";
        (message.to_owned(), at)
    };
    let (mut parts, mut templates) = (Vec::new(), Vec::new());
    let (mut from, mut at) = (0, 0);
    let bytes = text.as_bytes();
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\'' | b'"' => {
                let quote = char::from(*byte);
                let rest = text.get(at + 1..).unwrap_or_default();
                if rest.starts_with("{{") {
                    let end = rest.find(&format!("}}}}{quote}")).ok_or_else(|| misplaced(at))? + 2;
                    let inner = rest.get(..end).unwrap_or_default();
                    let template = Template::compile(inner).map_err(|errors| {
                        errors.into_iter().next().map_or_else(
                            || misplaced(at),
                            |error| {
                                let help = error.help.map(|help| format!("; {help}")).unwrap_or_default();
                                (format!("{}{help}", error.message), at + 1 + error.at.start)
                            },
                        )
                    })?;
                    if !template.is_whole() {
                        return Err(misplaced(at));
                    }
                    parts.push(Part::Text(text.get(from..at).unwrap_or_default().to_owned()));
                    parts.push(Part::Template { index: templates.len(), at: at + 1, length: end + 2 });
                    templates.push(template);
                    at += 1 + end + 1;
                    from = at;
                } else {
                    let start = at;
                    at += 1;
                    while let Some(inner) = bytes.get(at) {
                        at += 1;
                        match inner {
                            b'\\' => at += 1,
                            inner if inner == byte => break,
                            _ => {}
                        }
                    }
                    if text.get(start..at).is_some_and(|literal| literal.contains("{{")) {
                        return Err(misplaced(start));
                    }
                }
            }
            b'{' if bytes.get(at + 1) == Some(&b'{') => return Err(misplaced(at)),
            _ => at += 1,
        }
    }
    parts.push(Part::Text(text.get(from..).unwrap_or_default().to_owned()));
    Ok((parts, templates))
}

/// The offset in the written path of an offset in the path with its templates replaced.
fn offset(parts: &[Part], position: usize, length: usize) -> usize {
    // The parser counts from 0, whatever its documentation says.
    let (mut sample, mut written) = (0, 0);
    for part in parts {
        let (short, long) = match part {
            Part::Text(text) => (text.len(), text.len()),
            Part::Template { length, .. } => (3, *length),
        };
        if position < sample + short {
            return (written + position.saturating_sub(sample)).min(length);
        }
        sample += short;
        written += long;
    }
    length
}

/// The steps from the root up to the first that is no name or index, and whether that is all of the path.
fn steps(path: &str) -> (Vec<Step>, bool) {
    let mut steps = Vec::new();
    let mut rest = path.strip_prefix('$').unwrap_or(path);
    loop {
        rest = rest.trim_start_matches([' ', '\t', '\n', '\r']);
        if rest.is_empty() {
            return (steps, true);
        }
        let Some((step, after)) = step(rest) else { return (steps, false) };
        steps.push(step);
        rest = after;
    }
}

fn step(text: &str) -> Option<(Step, &str)> {
    if let Some(name) = text.strip_prefix('.') {
        let end = name.find(['.', '[', ' ', '\t', '\n', '\r']).unwrap_or(name.len());
        let (name, after) = name.split_at_checked(end)?;
        return (!name.is_empty() && name != "*").then(|| (Step::Name(name.to_owned()), after));
    }
    let space = [' ', '\t', '\n', '\r'];
    let inner = text.strip_prefix('[')?.trim_start_matches(space);
    if inner.starts_with(['\'', '"']) {
        let (name, after) = unquoted(inner)?;
        let after = after.trim_start_matches(space).strip_prefix(']')?;
        return Some((Step::Name(name), after));
    }
    let (index, after) = inner.split_once(']')?;
    index.trim_end_matches(space).parse::<i64>().ok().map(|_| (Step::Index, after))
}

/// A quoted literal at the beginning of a text, and what follows it.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let quote = text.chars().next()?;
    let mut json = "\"".to_owned();
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => match chars.next()?.1 {
                '\'' => json.push('\''),
                escaped => json.extend(['\\', escaped]),
            },
            c if c == quote => {
                json.push('"');
                return Some((serde_json::from_str(&json).ok()?, text.get(at + 1..)?));
            }
            '"' => json.push_str("\\\""),
            c => json.push(c),
        }
    }
    None
}

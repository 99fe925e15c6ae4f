//! An expected value as it stands in a file, into nodes. Only what stands in the file is a matcher.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::node::{Kind, Member, Node, PathKey};
use super::{Path, Root, cannot_fail};
use crate::diagnostic::{Code, Diagnostic};
use crate::exchange::{FIELDS, Field, Verb};
use crate::nearest::nearest;
use crate::source::{Document, Pointer, Site, Span};
use crate::template::{self, Template, TemplateError, listed};

/// Compiles values of one document and collects what is wrong with them.
pub(super) struct Compiler<'a> {
    pub(super) document: &'a Document,
    pub(super) root: Root<'a>,
    pub(super) problems: &'a mut Vec<Diagnostic>,
}

/// What is known of the value that a node will be compared with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    pub(super) shape: Shape,
    /// Whether `$exact` stands above: no other keys at any depth.
    pub(super) exact: bool,
    /// Whether one value is compared with it, once: not under `$not` or `$any`, nor as an element.
    pub(super) once: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    /// The root, or a branch of `$any` or `$all` at the root.
    Root,
    /// Anything.
    Free,
    /// A field whose members are known.
    Object(&'static Field),
    /// A field that is a list of such objects.
    List(&'static Field),
    /// HTTP headers: their names match in any case.
    Headers,
    /// The field `duration`.
    Duration,
    /// A length.
    Length,
    /// The field `steps`: exchanges by name.
    Steps,
    /// The exchange of a step of a branch.
    Step,
}

impl Known {
    pub(super) const ROOT: Self = Self { shape: Shape::Root, exact: false, once: true };

    /// The same place in a wider or narrower shape.
    pub(super) fn with(self, shape: Shape) -> Self {
        Self { shape, ..self }
    }

    /// What is known of an element.
    pub(super) fn element(self) -> Self {
        let tried = self.tried();
        match self.shape {
            Shape::List(field) => tried.with(Shape::Object(field)),
            _ => tried.with(Shape::Free),
        }
    }

    /// The same place where it is tried, or not at all times compared.
    pub(super) fn tried(self) -> Self {
        Self { once: false, ..self }
    }
}

/// The fields that are lists of objects; the others with members are objects.
const LISTS: &[&str] = &["notifications", "asked", "wire"];

impl Compiler<'_> {
    /// A problem; there is no node then.
    pub(super) fn refuse<T>(&mut self, problem: Diagnostic) -> Option<T> {
        self.problems.push(problem);
        None
    }

    pub(super) fn node(&mut self, value: &Value, at: &Pointer, known: Known) -> Option<Node> {
        let kind = match value {
            Value::Object(members) => self.mapping(members, at, known)?,
            Value::Array(_) | Value::String(_) | Value::Number(_) | Value::Bool(_) | Value::Null
                if matches!(known.shape, Shape::Root) && !matches!(self.root, Root::Value) =>
            {
                let is = template::with_article(value);
                let (message, help) = if matches!(self.root, Root::Scope) {
                    (
                        format!("the scope is a mapping of names, and this is {is}"),
                        "say what has to hold of its names: `protocol: 2025-11-25`, `row: {kind: …}`",
                    )
                } else {
                    (
                        format!("an exchange is an object, and this is {is}"),
                        "name its fields: `json: {…}`, `text: …`, `is_error: false`",
                    )
                };
                let problem = Diagnostic::error(Code::WrongType, self.document.site(at), message);
                return self.refuse(problem.help(help));
            }
            Value::Array(items) => {
                let nodes: Vec<Option<Node>> = items
                    .iter()
                    .enumerate()
                    .map(|(index, item)| self.node(item, &at.index(index), known.element()))
                    .collect();
                Kind::List(nodes.into_iter().collect::<Option<_>>()?)
            }
            Value::String(text) => match self.template(text, at)? {
                Some(_) if matches!(known.shape, Shape::Duration) => return self.never_equal(at),
                Some(template) => Kind::Template(Box::new(template)),
                None => self.scalar(value, at, known)?,
            },
            _ => self.scalar(value, at, known)?,
        };
        Some(Node { at: at.clone(), kind })
    }

    fn scalar(&mut self, value: &Value, at: &Pointer, known: Known) -> Option<Kind> {
        if matches!(known.shape, Shape::Duration) {
            return self.never_equal(at);
        }
        Some(Kind::Scalar(value.clone(), self.spelling(value, at)))
    }

    /// How a number is written, where that differs from the number: `1.10`. An alias or tag is no spelling.
    fn spelling(&self, value: &Value, at: &Pointer) -> Option<String> {
        let plain = value.as_number()?.to_string();
        let written = self.document.file.slice(self.document.spans.get(at)?.value).trim();
        let is_number = written.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.'));
        (is_number && written != plain).then(|| written.to_owned())
    }

    fn never_equal<T>(&mut self, at: &Pointer) -> Option<T> {
        let message = "`duration` is measured, and never equal to a value";
        let problem = Diagnostic::error(Code::BadOperand, self.document.site(at), message);
        self.refuse(problem.help("write `{$lt: 5s}`, or another of `$lte`, `$gt`, `$gte`, `$near`"))
    }

    fn mapping(&mut self, members: &Map<String, Value>, at: &Pointer, known: Known) -> Option<Kind> {
        if members.is_empty() {
            if known.exact {
                return Some(Kind::Object { members: Vec::new(), paths: Vec::new(), exact: true });
            }
            let problem = cannot_fail::problem(self.document.site(at), "`{}` holds for every object");
            return self.refuse(
                problem.help("write `$type: object` for any object, or `$exact: {}` for one without members"),
            );
        }
        let is_path = |name: &str| name.starts_with("$.") || name.starts_with("$[");
        let is_operator = |name: &str| name.starts_with('$') && !name.starts_with("$$") && !is_path(name);
        let operator = members.keys().find(|name| is_operator(name));
        let other = members.keys().find(|name| !is_operator(name));
        if let (Some(operator), Some(other)) = (operator, other) {
            let (document, help) = (self.document, "a literal key that begins with `$` is written `$$`");
            let message = format!("the operator `{operator}` and the key `{other}` do not mix");
            let problem = Diagnostic::error(Code::MixedKeys, document.key_site(&at.key(other)), message)
                .also(document.key_site(&at.key(operator)), "an operator")
                .help("write `$all` with a list of both, or the operator below the key it is meant for");
            self.problems.push(problem.help(help));
        }
        if operator.is_some() {
            let operators = self.operators(members, at, known);
            return if other.is_some() { None } else { operators.map(Kind::Operators) };
        }
        if let Shape::List(field) = known.shape {
            let message = format!("`{}` is a list", field.name);
            let problem = Diagnostic::error(Code::BadOperand, self.document.key_site(at), message);
            self.problems.push(problem.help("write `$contains: {…}` for one of its elements"));
            return None;
        }
        let (mut nodes, mut paths, mut whole) = (Vec::with_capacity(members.len()), Vec::new(), true);
        for (key, value) in members {
            if is_path(key) {
                match self.path_key(key, value, at, known) {
                    Some(key) => paths.push(key),
                    None => whole = false,
                }
            } else {
                match self.member(key, value, at, known) {
                    Some(member) => nodes.push(member),
                    None => whole = false,
                }
            }
        }
        whole.then_some(Kind::Object { members: nodes, paths, exact: known.exact })
    }

    fn member(&mut self, key: &str, value: &Value, at: &Pointer, known: Known) -> Option<Member> {
        let at = at.key(key);
        if key.contains("{{") {
            self.template_problem(&at, true, template::key_error(key));
            return None;
        }
        let mut name =
            if key.starts_with("$$") { key.strip_prefix('$').unwrap_or(key) } else { key }.to_owned();
        let shape = match (known.shape, self.root) {
            (Shape::Root, Root::Exchange(verb, method)) => {
                let site = self.document.key_site(&at);
                match self.field(&name, verb, method, site) {
                    Some(field) => shape_of(field),
                    None => {
                        // What stands below it is still read, so that all its problems are told.
                        let _ = self.node(value, &at, known.with(Shape::Free));
                        return None;
                    }
                }
            }
            (Shape::Object(field), _) => {
                let site = self.document.key_site(&at);
                if !self.is_member(field, &name, site) {
                    let _ = self.node(value, &at, known.with(Shape::Free));
                    return None;
                }
                if name == "headers" { Shape::Headers } else { Shape::Free }
            }
            (Shape::Headers, _) => {
                name = name.to_ascii_lowercase();
                Shape::Free
            }
            (Shape::Steps, _) => Shape::Step,
            (Shape::Step, _) if name == "duration" => Shape::Duration,
            _ => Shape::Free,
        };
        let node = self.node(value, &at, known.with(shape))?;
        if matches!((known.shape, self.root), (Shape::Root, Root::Exchange(..))) {
            self.can_fail(&name, &node)?;
        }
        Some(Member { name, node })
    }

    /// Refuses what every exchange would fulfil.
    fn can_fail(&mut self, field: &str, node: &Node) -> Option<()> {
        let Some(why) = cannot_fail::field(field, node) else { return Some(()) };
        let problem = cannot_fail::problem(self.document.site(&node.at), &why);
        self.refuse(problem.help("say what you expect it to be"))
    }

    /// The field of a name, if the verb fills it.
    fn field(&mut self, name: &str, verb: Verb, method: Option<&str>, site: Site) -> Option<&'static Field> {
        let filled = |field: &&Field| field.filled_by(verb, method);
        let Some(field) = Field::named(name) else {
            let message = format!("the exchange has no field `{name}`");
            let problem = Diagnostic::error(Code::UnknownField, site, message);
            let known = || FIELDS.iter().filter(filled);
            let below = name.find(['.', '[']).and_then(|end| name.get(..end)).and_then(Field::named);
            // `status` is that of `http` to nearly all who write it, and not that of a task.
            let holder = known().filter(|field| field.members.contains(&name));
            let holder = holder.min_by_key(|field| field.name != "http");
            let near = nearest(name, FIELDS.iter().map(|field| field.name));
            return self.refuse(problem.help(match (below, near, holder) {
                (Some(field), ..) => format!("write `$.{name}`, or `{}: {{…}}`", field.name),
                (_, Some(near), _) => format!("did you mean `{near}`?"),
                (.., Some(field)) => format!("write `{}: {{{name}: …}}`", field.name),
                _ => {
                    let known = listed(known().map(|field| field.name));
                    format!("the fields of `{}` are {known}", verb.as_str())
                }
            }));
        };
        if !field.filled_by(verb, method) {
            let what = match (verb, method) {
                (Verb::Request, Some(method)) => format!("a request of {method}"),
                _ => format!("`{}`", verb.as_str()),
            };
            let verbs =
                Verb::ALL.iter().filter(|verb| field.filled_by(**verb, None)).map(|verb| verb.as_str());
            let message = format!("`{name}` is not filled by {what}");
            let problem = Diagnostic::error(Code::UnfilledField, site, message)
                .note(format!("it is filled by {}", listed(verbs)))
                .help(format!(
                    "the fields here are {}",
                    listed(FIELDS.iter().filter(filled).map(|field| field.name))
                ));
            return self.refuse(problem);
        }
        Some(field)
    }

    /// Whether a field has such a member.
    fn is_member(&mut self, field: &'static Field, name: &str, site: Site) -> bool {
        if field.members.contains(&name) {
            return true;
        }
        let message = format!("`{}` has no member `{name}`", field.name);
        let help = match nearest(name, field.members.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("its members are {}", listed(field.members.iter().copied())),
        };
        self.problems.push(Diagnostic::error(Code::UnknownField, site, message).help(help));
        false
    }

    /// The key whose value the root is, as people call it.
    fn top(&self) -> &'static str {
        if matches!(self.root, Root::Scope) { "when" } else { "expect" }
    }

    fn path_key(&mut self, key: &str, value: &Value, at: &Pointer, known: Known) -> Option<PathKey> {
        let at = at.key(key);
        let site = self.document.key_site(&at);
        if !matches!(known.shape, Shape::Root) {
            let problem = Diagnostic::error(
                Code::PathHere,
                site,
                format!("the path `{key}` begins at the root, and this is below it"),
            )
            .help(format!(
                "write it directly under `{}`, or in a branch of `$any` or `$all` there",
                self.top()
            ))
            .help("a literal key that begins with `$` is written `$$`");
            return self.refuse(problem);
        }
        let path = match Path::compile(key) {
            Ok(path) => path,
            Err((message, offset)) => {
                let site = self.inside(&at, true, key, offset..key.len());
                let problem = Diagnostic::error(Code::BadPath, site, message);
                let forms = match self.root {
                    Root::Scope => "a path is such as `$.row.items[0].id` or `$.session.capabilities['a-b']`",
                    _ => "a path is such as `$.json.items[0].id`, `$.items[*].name` or `$.json['a-b']`",
                };
                return self.refuse(problem.help(forms));
            }
        };
        let mut shape = Shape::Free;
        if let Root::Exchange(verb, method) = self.root
            && let Some(name) = path.field()
        {
            shape = self.path_shape(&path, name, verb, method, site)?;
        }
        let node = self.node(value, &at, known.with(shape))?;
        if let (Root::Exchange(..), Some(field), true) = (self.root, path.field(), path.is_field()) {
            self.can_fail(field, &node)?;
        }
        Some(PathKey { node, path })
    }

    /// What a path into an exchange leads to, as far as it is known.
    pub(super) fn path_shape(
        &mut self,
        path: &Path,
        name: &str,
        verb: Verb,
        method: Option<&str>,
        site: Site,
    ) -> Option<Shape> {
        let field = self.field(name, verb, method, site.clone())?;
        let names: Vec<&str> = path.names().collect();
        let whole = path.is_singular();
        let shape = shape_of(field);
        if matches!(shape, Shape::Steps) && whole {
            return Some(match names.as_slice() {
                [_] => Shape::Steps,
                [_, _] => Shape::Step,
                [_, _, "duration"] => Shape::Duration,
                _ => Shape::Free,
            });
        }
        if let (Shape::List(_), Some(member)) = (shape, path.element()) {
            return match member {
                Some(member) => self.is_member(field, member, site).then_some(Shape::Free),
                None => Some(if whole { Shape::Object(field) } else { Shape::Free }),
            };
        }
        let (Shape::Object(_), Some(member)) = (shape, names.get(1)) else {
            return Some(if path.is_field() { shape } else { Shape::Free });
        };
        if !self.is_member(field, member, site.clone()) {
            return None;
        }
        match (*member, names.get(2)) {
            ("headers", Some(header)) if header.chars().any(|c| c.is_ascii_uppercase()) => {
                let message =
                    "header names are in lower case in the exchange, and a path matches them as they are";
                let help = format!("write `{}`", header.to_ascii_lowercase());
                self.refuse(Diagnostic::error(Code::BadPath, site, message).help(help))
            }
            ("headers", None) if whole && names.len() == 2 => Some(Shape::Headers),
            _ => Some(Shape::Free),
        }
    }

    /// The template of a string; `Some(None)` where there is no expression in it.
    pub(super) fn template(&mut self, text: &str, at: &Pointer) -> Option<Option<Template>> {
        match Template::compile(text) {
            Ok(template) if template.is_literal() => Some(None),
            Ok(template) => Some(Some(template)),
            Err(errors) => {
                for error in errors {
                    self.template_problem(at, false, error);
                }
                None
            }
        }
    }

    fn template_problem(&mut self, at: &Pointer, in_key: bool, error: TemplateError) {
        let text =
            if in_key { at.last() } else { self.document.get(at).and_then(Value::as_str).map(str::to_owned) };
        let site = self.inside(at, in_key, &text.unwrap_or_default(), error.at);
        let mut problem = Diagnostic::error(error.code, site, error.message);
        problem.help.extend(error.help);
        self.problems.push(problem);
    }

    /// The place of a part of a string. A part is found by its text, since YAML's escapes and folding move it;
    /// where it is not found, the whole string is meant.
    pub(super) fn inside(
        &self,
        at: &Pointer,
        in_key: bool,
        text: &str,
        part: std::ops::Range<usize>,
    ) -> Site {
        let site = if in_key { self.document.key_site(at) } else { self.document.site(at) };
        let source = self.document.file.slice(site.span);
        let Some(start) = source.find(text).filter(|_| !text.is_empty()) else { return site };
        let from = site.span.start + start;
        let last = from + text.len();
        let span = Span::new((from + part.start).min(last), (from + part.end).min(last));
        let on_characters = self.document.file.text().get(span.start..span.end).is_some();
        if on_characters { Site { file: Arc::clone(&site.file), span } } else { site }
    }
}

fn shape_of(field: &'static Field) -> Shape {
    match field.name {
        "duration" => Shape::Duration,
        "steps" => Shape::Steps,
        name if LISTS.contains(&name) => Shape::List(field),
        _ if !field.members.is_empty() => Shape::Object(field),
        _ => Shape::Free,
    }
}

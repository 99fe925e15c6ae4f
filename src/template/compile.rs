//! One expression into a tree that knows its places. Handlebars parses it, as the parameter of a capture
//! helper so that its value keeps its type; its own evaluation is not used, because it renders nonsense for
//! missing names without an error and cannot tell where in an expression something went wrong.

use std::ops::Range;

use handlebars::template::{HelperTemplate, Parameter, TemplateElement};
use serde_json::Value;

use super::helpers::{HELPERS, Helper};
use super::split::{after_quoted, form_error};
use super::{TemplateError, Use};
use crate::diagnostic::Code;
use crate::json;
use crate::nearest::nearest;

/// How deep sub-expressions may nest.
const MAX_DEPTH: usize = 20;

/// A part of an expression and where it stands in the template's text.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) at: Range<usize>,
    pub(super) kind: Kind,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    Literal(Value),
    Path { name: String, rest: Vec<String> },
    Call { helper: &'static Helper, parameters: Vec<Node> },
}

impl Node {
    /// Whether it yields something else each time.
    pub(super) fn varies(&self) -> bool {
        match &self.kind {
            Kind::Literal(_) | Kind::Path { .. } => false,
            Kind::Call { helper, parameters } => helper.varies() || parameters.iter().any(Self::varies),
        }
    }

    /// Adds the names that it reads.
    pub(super) fn uses(&self, optional: bool, found: &mut Vec<Use>) {
        match &self.kind {
            Kind::Literal(_) => {}
            Kind::Path { name, rest } => {
                found.push(Use { name: name.clone(), rest: rest.clone(), at: self.at.clone(), optional });
            }
            Kind::Call { helper, parameters } => {
                for (index, parameter) in parameters.iter().enumerate() {
                    parameter.uses(optional || (helper.forgives() && index == 0), found);
                }
            }
        }
    }

    /// Adds the helpers that it calls.
    pub(super) fn helpers(&self, found: &mut Vec<&'static Helper>) {
        if let Kind::Call { helper, parameters } = &self.kind {
            found.push(helper);
            parameters.iter().for_each(|parameter| parameter.helpers(found));
        }
    }
}

/// Compiles what stands between the braces. `inner` is its range in `text`.
pub(super) fn compile(text: &str, inner: Range<usize>) -> Result<Node, Vec<TemplateError>> {
    let tokens = tokens(text, inner.clone()).map_err(|error| vec![error])?;
    let errors = refused(text, &tokens);
    if !errors.is_empty() {
        return Err(errors);
    }
    if tokens.is_empty() {
        let help = "write a name between the braces, or `{{ \"{{\" }}` for braces as text";
        return Err(vec![syntax(inner, "an expression without content", Some(help.to_owned()))]);
    }
    if let [token] = tokens.as_slice()
        && let Some(node) = plain_path(text, token)
    {
        return Ok(node);
    }
    let expression = text.get(inner.clone()).unwrap_or_default();
    // One word, literal or parenthesis is a parameter as it is; a call becomes one by parentheses.
    let single = tokens.len() == 1 || tokens.first().is_some_and(|t| t.kind == TokenKind::Open);
    let captured =
        if single { format!("{{{{_ {expression}}}}}") } else { format!("{{{{_ ({expression})}}}}") };
    let unreadable = || vec![syntax(inner.clone(), "this expression cannot be read", Some(SHAPE.to_owned()))];
    let template = handlebars::Template::compile(&captured).map_err(|_| unreadable())?;
    let [TemplateElement::Expression(capture)] = template.elements.as_slice() else {
        return Err(unreadable());
    };
    let [parameter] = capture.params.as_slice() else { return Err(unreadable()) };
    let mut leaves = tokens.iter().filter(|t| matches!(t.kind, TokenKind::Word | TokenKind::Quoted));
    let mut errors = Vec::new();
    let node = node(text, parameter, &mut leaves, &mut errors);
    match node {
        Some(node) if errors.is_empty() => Ok(node),
        _ if errors.is_empty() => Err(unreadable()),
        _ => Err(errors),
    }
}

/// A path of plain names, such as `row.id`. Most expressions are one, and handlebars' parser would take longer
/// for them than all else of a scenario does.
fn plain_path(text: &str, token: &Token) -> Option<Node> {
    let word = text.get(token.at.clone()).filter(|_| token.kind == TokenKind::Word)?;
    let plain = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && !matches!(name, "true" | "false" | "null" | "undefined")
    };
    if !word.split('.').all(plain) || HELPERS.iter().any(|helper| helper.name == word) {
        return None;
    }
    let mut names = word.split('.').map(str::to_owned);
    Some(Node { at: token.at.clone(), kind: Kind::Path { name: names.next()?, rest: names.collect() } })
}

const SHAPE: &str = "an expression is a name such as `row.id`, or a helper and its parameters such as \
                     `upper (trim x)`";

fn syntax(at: Range<usize>, message: impl Into<String>, help: Option<String>) -> TemplateError {
    TemplateError { code: Code::TemplateSyntax, at, message: message.into(), help }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TokenKind {
    Open,
    Close,
    Quoted,
    Word,
}

#[derive(Clone, Debug)]
struct Token {
    kind: TokenKind,
    at: Range<usize>,
}

/// The tokens of an expression: Handlebars' tree has no places, and its leaves come in this order.
fn tokens(text: &str, inner: Range<usize>) -> Result<Vec<Token>, TemplateError> {
    let bytes = text.as_bytes().get(..inner.end).unwrap_or_default();
    let mut found = Vec::new();
    let (mut at, mut depth) = (inner.start, 0_usize);
    while let Some(byte) = bytes.get(at) {
        let start = at;
        let kind = match byte {
            b' ' | b'\t' | b'\n' | b'\r' => {
                at += 1;
                continue;
            }
            b'(' => {
                depth += 1;
                if depth > MAX_DEPTH {
                    let message = format!("more than {MAX_DEPTH} parentheses inside each other");
                    return Err(syntax(start..start + 1, message, None));
                }
                at += 1;
                TokenKind::Open
            }
            b')' => {
                depth =
                    depth.checked_sub(1).ok_or_else(|| syntax(start..start + 1, "`)` without `(`", None))?;
                at += 1;
                TokenKind::Close
            }
            b'"' | b'\'' => {
                at = after_quoted(bytes, at)
                    .filter(|end| *end <= inner.end)
                    .ok_or_else(|| syntax(start..inner.end, "a quote that is not closed", None))?;
                TokenKind::Quoted
            }
            _ => {
                at = after_word(bytes, at);
                TokenKind::Word
            }
        };
        found.push(Token { kind, at: start..at });
    }
    if depth > 0 {
        let open = found.iter().rev().find(|t| t.kind == TokenKind::Open);
        return Err(syntax(open.map_or(inner, |t| t.at.clone()), "`(` without `)`", None));
    }
    Ok(found)
}

fn after_word(bytes: &[u8], start: usize) -> usize {
    let mut at = start;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' | b'(' | b')' | b'"' | b'\'' => break,
            b'[' => {
                let rest = bytes.get(at..).unwrap_or_default();
                at += rest.iter().position(|b| *b == b']').unwrap_or(rest.len().saturating_sub(1)) + 1;
            }
            _ => at += 1,
        }
    }
    at
}

/// What Handlebars would take, or refuse without a useful word.
fn refused(text: &str, tokens: &[Token]) -> Vec<TemplateError> {
    let mut errors = Vec::new();
    let mut before = None;
    // What stands before a `|` was not meant as a helper; the `|` itself is told.
    let is_piped = |index: usize| {
        tokens.get(index + 1).and_then(|t| text.get(t.at.clone())).is_some_and(|t| t.starts_with('|'))
    };
    for (index, token) in tokens.iter().enumerate() {
        let word = text.get(token.at.clone()).unwrap_or_default();
        let is_head = before.is_none_or(|kind| kind == TokenKind::Open);
        let next = tokens.get(index + 1).map(|t| t.kind);
        let has_parameters = is_head && next.is_some_and(|kind| kind != TokenKind::Close);
        before = Some(token.kind);
        match token.kind {
            TokenKind::Word => {
                if let Some(error) = refused_word(token, word) {
                    errors.push(error);
                } else if has_parameters && !is_piped(index) && !HELPERS.iter().any(|h| h.name == word) {
                    errors.push(unknown_helper(token, word));
                }
            }
            TokenKind::Quoted if has_parameters => {
                let message = "a text cannot have parameters";
                errors.push(syntax(token.at.clone(), message, Some(SHAPE.to_owned())));
            }
            TokenKind::Open if index == 0 && closes_before_end(tokens) => {
                let message = "a parenthesis cannot have parameters";
                errors.push(syntax(token.at.clone(), message, Some(SHAPE.to_owned())));
            }
            TokenKind::Open if index > 0 && is_head => {
                let message = "a parenthesis directly inside another";
                errors.push(syntax(token.at.clone(), message, Some("write one of them".to_owned())));
            }
            TokenKind::Close if index > 0 && is_head => {
                errors.push(syntax(token.at.clone(), "an empty parenthesis", Some(SHAPE.to_owned())));
            }
            _ => {}
        }
    }
    errors
}

fn closes_before_end(tokens: &[Token]) -> bool {
    let mut depth = 0_usize;
    for (index, token) in tokens.iter().enumerate() {
        match token.kind {
            TokenKind::Open => depth += 1,
            TokenKind::Close => depth = depth.saturating_sub(1),
            TokenKind::Quoted | TokenKind::Word => {}
        }
        if depth == 0 {
            return index + 1 < tokens.len();
        }
    }
    false
}

fn unknown_helper(token: &Token, word: &str) -> TemplateError {
    let names = HELPERS.iter().map(|h| h.name);
    let help = match word {
        "if" | "unless" | "each" | "with" => {
            "to choose, write `when` on the step; to repeat, write `rows`".to_owned()
        }
        "eq" | "ne" | "gt" | "gte" | "lt" | "lte" | "and" | "or" | "not" => {
            "conditions are matchers: write them under `when` or `expect`".to_owned()
        }
        _ => nearest(word, names).map_or_else(
            || format!("the helpers are {}", super::words::listed(HELPERS.iter().map(|h| h.name))),
            |name| format!("did you mean `{name}`?"),
        ),
    };
    TemplateError {
        code: Code::UnknownHelper,
        at: token.at.clone(),
        message: format!("there is no helper `{word}`"),
        help: Some(help),
    }
}

fn refused_word(token: &Token, word: &str) -> Option<TemplateError> {
    let at = token.at.clone();
    let form = |what: &str, way: &str| Some(form_error(at.clone(), what, way));
    if word == "this"
        || word.starts_with("this.")
        || word.starts_with("this/")
        || word.starts_with("./")
        || word == "."
    {
        return form("`this`", "name the variable: `{{ customer }}`, `{{ row.id }}`");
    }
    if word.starts_with("..") {
        return form("`../`", "there is one scope: name the variable from its beginning");
    }
    if word.starts_with('@') {
        return form(
            "a word that begins with `@`",
            "there is one scope: name the variable from its beginning",
        );
    }
    if word == "else" || word == "as" {
        return form(
            &format!("`{word}`"),
            "to choose, write `when` on the step, or `{{ default x \"other\" }}`",
        );
    }
    if word.starts_with(['[', '{']) {
        return form("a list or object in an expression", "give it a name under `vars` and write that");
    }
    let plain = word.split('[').next().unwrap_or_default();
    if plain.contains('=') {
        return form("a named parameter", "give the parameters in their order");
    }
    if plain.contains('/') {
        return form("a path with `/`", "write a dot: `{{ row.id }}`");
    }
    if plain.contains('|') {
        return form("`|`", "write the helper first: `{{ upper x }}`");
    }
    None
}

/// A parameter of Handlebars' tree with its place, which is that of the next leaf.
fn node<'a>(
    text: &str,
    parameter: &Parameter,
    leaves: &mut impl Iterator<Item = &'a Token>,
    errors: &mut Vec<TemplateError>,
) -> Option<Node> {
    match parameter {
        Parameter::Literal(value) => {
            let at = leaves.next()?.at.clone();
            let literal = text.get(at.clone()).unwrap_or_default();
            if value.is_number() && json::exact_number(literal).is_none() {
                let message = format!("neither 64 bits nor a double holds `{literal}` exactly");
                errors.push(TemplateError { code: Code::InexactNumber, at: at.clone(), message, help: None });
            }
            Some(Node { at, kind: Kind::Literal(value.clone()) })
        }
        Parameter::Name(_) | Parameter::Path(_) => word(text, leaves.next()?.at.clone(), errors),
        Parameter::Subexpression(sub) => match sub.as_element() {
            TemplateElement::Expression(call) if call.params.is_empty() && call.hash.is_empty() => {
                node(text, &call.name, leaves, errors)
            }
            TemplateElement::Expression(call) => self::call(text, call, leaves, errors),
            _ => None,
        },
        _ => None,
    }
}

fn call<'a>(
    text: &str,
    template: &HelperTemplate,
    leaves: &mut impl Iterator<Item = &'a Token>,
    errors: &mut Vec<TemplateError>,
) -> Option<Node> {
    let at = leaves.next()?.at.clone();
    let name = text.get(at.clone())?;
    let helper = HELPERS.iter().find(|h| h.name == name)?;
    let mut parameters = Vec::new();
    for parameter in &template.params {
        parameters.push(node(text, parameter, leaves, errors)?);
    }
    check_count(helper, parameters.len(), &at, errors);
    let end = parameters.last().map_or(at.end, |last| last.at.end);
    Some(Node { at: at.start..end, kind: Kind::Call { helper, parameters } })
}

/// A word alone: a helper without parameters, or a name.
fn word(text: &str, at: Range<usize>, errors: &mut Vec<TemplateError>) -> Option<Node> {
    let word = text.get(at.clone())?;
    if let Some(helper) = HELPERS.iter().find(|h| h.name == word) {
        check_count(helper, 0, &at, errors);
        return Some(Node { at, kind: Kind::Call { helper, parameters: Vec::new() } });
    }
    let mut segments = segments(word)?.into_iter();
    let name = segments.next()?;
    if !super::words::is_identifier(&name) {
        let help = "a name begins with a letter or `_`, and has letters, digits, `_` and `-`; a text stands in quotes";
        errors.push(syntax(at.clone(), format!("`{name}` is no name"), Some(help.to_owned())));
    }
    Some(Node { at, kind: Kind::Path { name, rest: segments.collect() } })
}

fn check_count(helper: &Helper, given: usize, at: &Range<usize>, errors: &mut Vec<TemplateError>) {
    let (least, most) = helper.count();
    if given < least || given > most {
        let message = format!("`{}` has {given} of its parameters", helper.name);
        let message =
            if given > most { format!("`{}` has too many parameters", helper.name) } else { message };
        let help = format!("write `{}`: {}", helper.usage(), helper.doc);
        errors.push(syntax(at.clone(), message, Some(help)));
    }
}

/// The segments of a path: `a.b.[c d].0`.
fn segments(path: &str) -> Option<Vec<String>> {
    let mut found = Vec::new();
    let mut rest = path;
    loop {
        let segment;
        if let Some(inner) = rest.strip_prefix('[') {
            let (name, after) = inner.split_once(']')?;
            (segment, rest) = (name, after);
        } else {
            let end = rest.find('.').unwrap_or(rest.len());
            segment = rest.get(..end)?;
            rest = rest.get(end..)?;
        }
        found.push(segment.to_owned());
        if rest.is_empty() {
            return Some(found);
        }
        rest = rest.strip_prefix('.')?;
    }
}

//! A JSON value whose strings are templates.

use serde_json::{Map, Value};

use super::{RenderError, Scope, Template, TemplateError};
use crate::diagnostic::Code;
use crate::source::Pointer;

/// A JSON value whose strings are templates. Keys are never templates.
#[derive(Clone, Debug)]
pub enum Tree {
    /// No template in it.
    Literal(Value),
    /// A string with expressions, and where it stands in its document.
    Text(Box<Template>, Pointer),
    /// A list.
    List(Vec<Tree>),
    /// An object.
    Map(Vec<(String, Tree)>),
}

impl Tree {
    /// Compiles every string of a value that stands at `at`. Problems are added to `problems`, with the place
    /// of their string. A key with an expression is one of them, since it would be sent as it stands.
    #[must_use]
    pub fn compile(value: &Value, at: &Pointer, problems: &mut Vec<(Pointer, TemplateError)>) -> Self {
        match value {
            Value::String(text) => match Template::compile(text) {
                Ok(template) if template.is_literal() => Self::Literal(value.clone()),
                Ok(template) => Self::Text(Box::new(template), at.clone()),
                Err(errors) => {
                    problems.extend(errors.into_iter().map(|error| (at.clone(), error)));
                    Self::Literal(value.clone())
                }
            },
            Value::Array(items) => {
                let items: Vec<Self> = items
                    .iter()
                    .enumerate()
                    .map(|(index, item)| Self::compile(item, &at.index(index), problems))
                    .collect();
                if items.iter().all(Self::is_literal) {
                    Self::Literal(value.clone())
                } else {
                    Self::List(items)
                }
            }
            Value::Object(members) => {
                let members: Vec<(String, Self)> = members
                    .iter()
                    .map(|(name, member)| {
                        let at = at.key(name);
                        if name.contains("{{") {
                            problems.push((at.clone(), key_error(name)));
                        }
                        (name.clone(), Self::compile(member, &at, problems))
                    })
                    .collect();
                if members.iter().all(|(_, member)| member.is_literal()) {
                    Self::Literal(value.clone())
                } else {
                    Self::Map(members)
                }
            }
            _ => Self::Literal(value.clone()),
        }
    }

    /// Every template in it, with the place of its string.
    #[must_use]
    pub fn templates(&self) -> Vec<(&Pointer, &Template)> {
        let mut found = Vec::new();
        self.collect(&mut found);
        found
    }

    fn collect<'a>(&'a self, found: &mut Vec<(&'a Pointer, &'a Template)>) {
        match self {
            Self::Literal(_) => {}
            Self::Text(template, at) => found.push((at, template)),
            Self::List(items) => items.iter().for_each(|item| item.collect(found)),
            Self::Map(members) => members.iter().for_each(|(_, member)| member.collect(found)),
        }
    }

    /// The value, rendered. What a template yields is never rendered again.
    ///
    /// # Errors
    /// The first template that cannot be rendered, with its place.
    pub fn render(&self, scope: &Scope) -> Result<Value, (Pointer, RenderError)> {
        match self {
            Self::Literal(value) => Ok(value.clone()),
            Self::Text(template, at) => template.render(scope).map_err(|error| (at.clone(), error)),
            Self::List(items) => {
                items.iter().map(|item| item.render(scope)).collect::<Result<_, _>>().map(Value::Array)
            }
            Self::Map(members) => members
                .iter()
                .map(|(name, member)| Ok((name.clone(), member.render(scope)?)))
                .collect::<Result<Map<_, _>, _>>()
                .map(Value::Object),
        }
    }

    fn is_literal(&self) -> bool {
        matches!(self, Self::Literal(_))
    }
}

pub(crate) fn key_error(name: &str) -> TemplateError {
    TemplateError {
        code: Code::TemplateHere,
        at: 0..name.len(),
        message: "a key is no template".to_owned(),
        help: Some(
            "write the name of the key, or make the whole object a value that is saved or under `vars`"
                .to_owned(),
        ),
    }
}

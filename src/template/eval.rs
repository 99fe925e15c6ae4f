//! The value of an expression. A name that is missing is an error wherever it stands, but in `default`.

use std::borrow::Cow;
use std::ops::Range;

use serde_json::Value;

use super::compile::{Kind, Node};
use super::helpers::{Refusal, with_article};
use super::{RenderError, Scope};
use crate::nearest::nearest;

/// Why an expression has no value.
pub(super) struct Failure {
    pub(super) error: RenderError,
    /// Whether something is not there, so that `default` may take its place.
    absent: bool,
}

impl Node {
    pub(super) fn value<'a>(&'a self, scope: &'a Scope) -> Result<Cow<'a, Value>, Failure> {
        match &self.kind {
            Kind::Literal(value) => Ok(Cow::Borrowed(value)),
            Kind::Path { name, rest } => walk(scope, name, rest, &self.at).map(Cow::Borrowed),
            Kind::Call { helper, parameters } if helper.forgives() => {
                let [value, other] = parameters.as_slice() else { return Ok(Cow::Owned(Value::Null)) };
                match value.value(scope) {
                    Err(failure) if failure.absent => other.value(scope),
                    found => found,
                }
            }
            Kind::Call { helper, parameters } => {
                let given = parameters.iter().map(|p| p.value(scope)).collect::<Result<Vec<_>, _>>()?;
                helper.run(scope, &given).map(Cow::Owned).map_err(|refusal| {
                    let blamed = refusal.parameter.and_then(|index| parameters.get(index)).unwrap_or(self);
                    refused(helper.name, refusal, blamed.at.clone())
                })
            }
        }
    }
}

fn refused(helper: &str, refusal: Refusal, at: Range<usize>) -> Failure {
    let Refusal { message, help, absent, .. } = refusal;
    Failure {
        error: RenderError { at, message: format!("`{helper}`: {message}"), help, missing: None },
        absent,
    }
}

fn walk<'a>(scope: &'a Scope, name: &str, rest: &[String], at: &Range<usize>) -> Result<&'a Value, Failure> {
    let missing = |path: String, message: String, help: Option<String>| Failure {
        error: RenderError { at: at.clone(), message, help, missing: Some(path) },
        absent: true,
    };
    let did_you_mean = |name: &str| format!("did you mean `{name}`?");
    let Some(mut value) = scope.get(name) else {
        let help = nearest(name, scope.names()).map(did_you_mean);
        return Err(missing(name.to_owned(), format!("`{name}` has no value here"), help));
    };
    let mut path = name.to_owned();
    for segment in rest {
        let found = match value {
            Value::Object(members) => members.get(segment),
            Value::Array(items) => index(segment).and_then(|index| items.get(index)),
            _ => None,
        };
        let whole = format!("{path}.{segment}");
        let Some(found) = found else {
            let (message, help) = match value {
                Value::Object(_) if path == "env" => {
                    let message = format!("the environment variable {segment} is not set");
                    (message, Some("set it, or list it under `env` if it is not listed there".to_owned()))
                }
                Value::Object(members) => {
                    let near = nearest(segment, members.keys().map(String::as_str));
                    (format!("`{path}` has no member `{segment}`"), near.map(did_you_mean))
                }
                Value::Array(items) => {
                    (format!("`{path}` is a list of {}, and has no element `{segment}`", items.len()), None)
                }
                other => (format!("`{path}` is {}, and has no members", with_article(other)), None),
            };
            return Err(missing(whole, message, help));
        };
        value = found;
        path = whole;
    }
    Ok(value)
}

/// An index as it is written: no sign and no zero before it.
fn index(segment: &str) -> Option<usize> {
    let plain = segment == "0" || (!segment.starts_with(['0', '+']));
    if plain { segment.parse().ok() } else { None }
}

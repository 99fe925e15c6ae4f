//! The mutants: each breaks one rule that one scenario of the official suite owns.

mod content;
mod input_required;
mod legacy;
mod modern;

use axum::body::Body;
use http::{Response, response};
use serde_json::{Value, json};

use crate::gate::{Asked, Incoming};
use crate::sse::Event;

const V2025: &str = "2025-11-25";
const V2026: &str = "2026-07-28";

/// A way to be wrong.
pub struct Mutant {
    pub name: &'static str,
    /// What is wrong with it.
    pub breaks: &'static str,
    /// The scenario that owns the rule.
    pub scenario: &'static str,
    /// The set of scenarios to run.
    pub requirements: &'static str,
    /// What the official suite says.
    pub official: Official,
    pub how: &'static [How],
}

/// What the official suite says to a mutant.
pub enum Official {
    Fails,
    /// It warns, and passes: the rule is a SHOULD.
    Warns,
    /// It has no check for what its scenario's description, or the specification, says.
    Silent,
}

/// How a rule is broken.
pub enum How {
    /// The request is another one before it is served, or is answered at once.
    Request(fn(&mut Incoming) -> Option<Response<Body>>),
    /// Where a request of this method is not answered yet, others of it are refused.
    OneAtATime(&'static str),
    /// Status and headers.
    Head(fn(&Asked, &mut response::Parts)),
    /// The result of a method, for one tool or prompt, or for all where the name is empty.
    Result(&'static str, &'static str, fn(&mut Value)),
    /// An error.
    Error(fn(&mut Value)),
    /// The parameters of what the server sends by itself, by its method. False where it is not sent.
    Sent(&'static str, fn(&mut Value) -> bool),
    /// Each message of an answer.
    Messages(fn(&Asked, Value) -> Vec<Value>),
    /// Each event of an answer. False where it is not sent.
    Event(fn(&mut Event) -> bool),
}

/// All of them.
pub fn all() -> impl Iterator<Item = &'static Mutant> {
    legacy::MUTANTS.iter().chain(content::MUTANTS).chain(modern::MUTANTS).chain(input_required::MUTANTS)
}

impl Mutant {
    pub fn line(&self) -> Value {
        json!({
            "name": self.name,
            "breaks": self.breaks,
            "scenario": self.scenario,
            "requirements": self.requirements,
            "official": match self.official {
                Official::Fails => "fails",
                Official::Warns => "warns",
                Official::Silent => "silent",
            },
        })
    }
}

/// Takes a member away from the object at the pointer.
fn remove(value: &mut Value, pointer: &str, member: &str) {
    if let Some(object) = value.pointer_mut(pointer).and_then(Value::as_object_mut) {
        object.remove(member);
    }
}

/// The entry of a list that has this name.
fn named<'a>(list: &'a mut Value, name: &str) -> Option<&'a mut Value> {
    list.as_array_mut()?.iter_mut().find(|entry| entry["name"] == name)
}

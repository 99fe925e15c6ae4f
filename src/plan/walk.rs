//! The way through all steps of a scenario: those inside of `parallel` and `defer`, and those of the fragments that
//! it uses, each with the document that it stands in and the server that it meets.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;

use super::{Action, Branch, Choice, Scenario, Step};
use crate::matcher::{Matcher, Reading};
use crate::source::{Document, Pointer};
use crate::template::{Facts, RenderError, Scope};

/// A step on the way.
#[derive(Clone, Copy, Debug)]
pub struct Visit<'a> {
    /// The step.
    pub step: &'a Step,
    /// The document that it stands in: the scenario's or a fragment's.
    pub document: &'a Document,
    /// The server that it is given: its own, else that of the step that it is part of (by `use`, `parallel` or
    /// `defer`), else the scenario's.
    pub server: Option<Given<'a>>,
    /// The identity that it is given, in the same way.
    pub identity: Option<Given<'a>>,
    /// The step of the outermost document that leads to it by `use`, if it does not stand there itself.
    pub used_at: Option<&'a Pointer>,
    /// Whether the scenario's `requires`, or a `when` on the way to it, asks for `session.auth`.
    pub by_auth: bool,
}

/// What a step is given.
#[derive(Clone, Copy, Debug)]
pub struct Given<'a> {
    /// The name, or its template.
    pub choice: &'a Choice,
    /// Whether the outermost document says it, and not a fragment.
    pub outermost: bool,
}

/// Goes through steps.
#[derive(Clone, Copy)]
pub(super) struct Wanderer<'a> {
    document: &'a Document,
    server: Option<Given<'a>>,
    identity: Option<Given<'a>>,
    used_at: Option<&'a Pointer>,
    by_auth: bool,
}

impl<'a> Wanderer<'a> {
    pub(super) fn new(
        document: &'a Document,
        server: Option<&'a Choice>,
        identity: Option<&'a Choice>,
    ) -> Self {
        let given = |choice| Given { choice, outermost: true };
        Self {
            document,
            server: server.map(given),
            identity: identity.map(given),
            used_at: None,
            by_auth: false,
        }
    }

    pub(super) fn wander(self, steps: impl IntoIterator<Item = &'a Step>, visit: &mut dyn FnMut(Visit<'a>)) {
        for step in steps {
            let outermost = self.used_at.is_none();
            let given = |own: &'a Option<Choice>, above| match own {
                Some(choice) => Some(Given { choice, outermost }),
                None => above,
            };
            let server = given(&step.server, self.server);
            let identity = given(&step.identity, self.identity);
            let by_auth = self.by_auth || step.when.as_ref().is_some_and(asks_auth);
            let Self { document, used_at, .. } = self;
            visit(Visit { step, document, server, identity, used_at, by_auth });
            if let Action::Use { fragment, .. } = &step.action {
                let used_at = Some(self.used_at.unwrap_or(&step.verb.at));
                let inside = Self { document: &fragment.document, server, identity, used_at, by_auth };
                inside.wander(&fragment.steps, visit);
            }
            // What undoes a step is done where the step was done.
            let inside = Self { server, identity, by_auth, ..self };
            inside.wander(&mut step.inner() as &mut dyn Iterator<Item = &'a Step>, visit);
        }
    }
}

/// Whether a condition asks for `session.auth`.
fn asks_auth(condition: &Matcher) -> bool {
    let asks = |reading: &Reading<'_>| {
        reading.name == Some("session") && reading.members.iter().any(|(member, _)| *member == "auth")
    };
    condition.readings().iter().any(asks)
}

impl Scenario {
    /// Visits every step that can run: those inside of `parallel` and `defer`, and those of fragments, as often as
    /// they are used.
    pub fn each_step<'a>(&'a self, visit: &mut dyn FnMut(Visit<'a>)) {
        let wanderer = Wanderer::new(&self.document, Some(&self.server), Some(&self.identity));
        let by_auth = self.requires.as_ref().is_some_and(asks_auth);
        Wanderer { by_auth, ..wanderer }.wander(&self.steps, visit);
    }

    /// The names of all servers that a case with this row can meet.
    #[must_use]
    pub fn servers(&self, row: Option<&Value>) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        // It may ask what the session offers.
        if self.requires.is_some() {
            names.extend(self.server.name(row).ok());
        }
        self.each_step(&mut |visit| {
            if visit.step.verb.value.meets_a_server()
                && let Some(server) = visit.server
                && let Ok(name) = server.choice.name(row)
            {
                names.insert(name);
            }
        });
        names
    }
}

impl Step {
    /// The steps that stand in it: those of its branches, and those that it defers.
    pub fn inner(&self) -> impl Iterator<Item = &Self> {
        let (branches, deferred): (&[Branch], &[Self]) = match &self.action {
            Action::Parallel(branches) => (branches, &[]),
            Action::Defer(steps) => (&[], steps),
            _ => (&[], &[]),
        };
        branches.iter().flat_map(|branch| &branch.steps).chain(deferred).chain(&self.defer)
    }
}

impl Choice {
    /// The name that it comes to for a row.
    ///
    /// # Errors
    /// Where its template cannot be rendered.
    pub fn name(&self, row: Option<&Value>) -> Result<String, RenderError> {
        match self {
            Self::Name(name) => Ok(name.clone()),
            Self::Template(template, _) => {
                // It is chosen before the case begins: nothing but the row is known, and the same row always
                // chooses the same.
                let nowhere = Arc::new(PathBuf::new());
                let mut scope = Scope::new(Facts {
                    seed: 0,
                    now: || jiff::Timestamp::UNIX_EPOCH,
                    root: Arc::clone(&nowhere),
                    folder: nowhere,
                });
                if let Some(row) = row {
                    scope.set("row", row.clone());
                }
                template.render_text(&scope)
            }
        }
    }
}

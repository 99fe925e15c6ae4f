//! The place where a step stands: the document that it is written in, the names that it sees, the server and
//! identity that it inherits. Steps of a fragment and branches of `parallel` have frames of their own.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use super::clock::Clock;
use super::running::Running;
use crate::diagnostic::{Code, Diagnostic};
use crate::matcher::Matcher;
use crate::nearest::nearest;
use crate::plan::{Action, Choice, Step, within};
use crate::source::{Document, Pointer, Site};
use crate::template::{RenderError, Scope, Tree};

/// Where steps run.
#[derive(Debug)]
pub(super) struct Frame<'a> {
    /// What they are written in.
    pub(super) document: &'a Arc<Document>,
    /// The names that they see.
    pub(super) scope: Scope,
    /// The server of steps that name none.
    pub(super) server: String,
    /// The identity of steps that name none.
    pub(super) identity: String,
    /// Names that some step saves: where one is missing, its step failed.
    pub(super) promised: Arc<HashSet<&'a str>>,
    /// What stands before the number of a step: `3.` inside of the third.
    pub(super) prefix: String,
    /// The time that they have.
    pub(super) clock: Arc<Clock>,
    /// The steps that use the fragment they are in, from the outermost.
    pub(super) used_at: Vec<Site>,
}

impl Frame<'_> {
    /// The value of a tree of this frame's document.
    pub(super) fn rendered(&self, tree: &Tree) -> Result<serde_json::Value, Box<Diagnostic>> {
        self.rendered_in(self.document, tree)
    }

    /// The value of a tree of some document, in this frame's scope.
    pub(super) fn rendered_in(
        &self,
        document: &Document,
        tree: &Tree,
    ) -> Result<serde_json::Value, Box<Diagnostic>> {
        let problem = |(at, error)| Box::new(self.render_problem(document, &at, error));
        tree.render(&self.scope).map_err(problem)
    }

    /// What a template that could not be rendered means.
    pub(super) fn render_problem(&self, document: &Document, at: &Pointer, error: RenderError) -> Diagnostic {
        let missing = error.missing.as_deref().unwrap_or_default();
        if self.promised.contains(missing) {
            return self.not_run(at, error.at, missing);
        }
        let site = within(document, at, error.at.clone());
        if let Some(variable) = missing.strip_prefix("env.") {
            let message = format!("the environment variable `{variable}` is not set");
            return Diagnostic::error(Code::RenderFailed, site, message)
                .help("set it in the environment or in `.env`");
        }
        let mut problem = Diagnostic::error(Code::RenderFailed, site, error.message);
        problem.help.extend(error.help);
        problem
    }

    /// A step that expects what a failed step did not save is not run: nothing good could come of it.
    pub(super) fn has_what_it_expects(&self, step: &Step) -> Result<(), Box<Diagnostic>> {
        let own = promised(std::slice::from_ref(step));
        for (at, template) in step.expected_templates() {
            for used in template.uses().iter().filter(|used| !used.optional) {
                let name = used.name.as_str();
                if self.promised.contains(name) && !own.contains(name) && self.scope.get(name).is_none() {
                    return Err(Box::new(self.not_run(&at, used.at.clone(), name)));
                }
            }
        }
        Ok(())
    }

    /// A step whose condition asks for what a failed step did not save is not run.
    pub(super) fn has_what_it_asks(&self, at: &Pointer, condition: &Matcher) -> Result<(), Box<Diagnostic>> {
        let mut names = Vec::new();
        condition.reads(&mut names);
        let missing = |name: &&str| self.promised.contains(name) && self.scope.get(name).is_none();
        match names.into_iter().find(missing) {
            Some(name) => Err(Box::new(self.not_run(&at.key(name), 0..0, name))),
            None => self.renders(condition),
        }
    }

    /// A condition that cannot be rendered is not one that does not hold: what it guards would pass silently.
    pub(super) fn renders(&self, condition: &Matcher) -> Result<(), Box<Diagnostic>> {
        condition.templates().into_iter().try_for_each(|(at, template)| {
            let rendered = template.render(&self.scope);
            let problem = |error| Box::new(self.render_problem(self.document, at, error));
            rendered.map(drop).map_err(problem)
        })
    }

    fn not_run(&self, at: &Pointer, part: Range<usize>, name: &str) -> Diagnostic {
        let site = within(self.document, at, part);
        let message = format!("not run: needs `{name}`, which an earlier step did not save");
        Diagnostic::error(Code::NotRun, site, message)
    }

    /// The server and identity of a step: what it names, or what it inherits.
    pub(super) fn target(
        &self,
        running: &Running<'_>,
        step: &Step,
    ) -> Result<(String, String), Box<Diagnostic>> {
        let own = |choice: &Option<Choice>, inherited: &String| {
            choice.as_ref().map_or_else(|| Ok(inherited.clone()), |choice| self.chosen(choice))
        };
        let target = (own(&step.server, &self.server)?, own(&step.identity, &self.identity)?);
        let at =
            |choice: &Option<Choice>| choice.as_ref().and_then(template_at).unwrap_or(&step.verb.at).clone();
        self.check_target(running, &target, &at(&step.server), &at(&step.identity))?;
        Ok(target)
    }

    /// The name that was written, or that the row makes.
    pub(super) fn chosen(&self, choice: &Choice) -> Result<String, Box<Diagnostic>> {
        match choice {
            Choice::Name(name) => Ok(name.clone()),
            Choice::Template(template, at) => template
                .render_text(&self.scope)
                .map_err(|error| Box::new(self.render_problem(self.document, at, error))),
        }
    }

    /// Whether the suite has that server and identity. What is written was checked; what a row says is known only
    /// now.
    pub(super) fn check_target(
        &self,
        running: &Running<'_>,
        (server, identity): &(String, String),
        server_at: &Pointer,
        identity_at: &Pointer,
    ) -> Result<(), Box<Diagnostic>> {
        let row = running.row_name().map(|row| format!(", which row `{row}` chooses")).unwrap_or_default();
        let unknown = |at: &Pointer, message: String, name: &str, known: Vec<&str>| {
            let problem = Diagnostic::error(Code::UnknownName, self.document.site(at), message);
            Err(Box::new(match nearest(name, known.iter().copied()) {
                Some(near) => problem.help(format!("did you mean `{near}`?")),
                None => problem.help(format!("it has {}", crate::template::listed(known))),
            }))
        };
        let suite = &running.shared.plan.suite;
        let Some(entry) = running.shared.servers.get(server) else {
            let known = suite.servers.iter().map(|server| server.name.value.as_str()).collect();
            return unknown(server_at, format!("the suite has no server `{server}`{row}"), server, known);
        };
        if !entry.model.identity_names().any(|known| known == identity) {
            let message = format!("server `{server}` has no identity `{identity}`{row}");
            return unknown(identity_at, message, identity, entry.model.identity_names().collect());
        }
        Ok(())
    }
}

/// Where a choice stands that a template makes.
pub(super) fn template_at(choice: &Choice) -> Option<&Pointer> {
    match choice {
        Choice::Template(_, at) => Some(at),
        Choice::Name(_) => None,
    }
}

/// The names that steps save where the ones behind them see them.
pub(super) fn promised(steps: &[Step]) -> HashSet<&str> {
    let mut names = HashSet::new();
    for step in steps {
        names.extend(step.save.iter().map(|save| save.name.value.as_str()));
        if let Action::Parallel(branches) = &step.action {
            names.extend(branches.iter().flat_map(|branch| promised(&branch.steps)));
        }
    }
    names
}

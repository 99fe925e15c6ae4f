//! The way through steps in the order in which they run: what each reads, and what it saves.

use std::collections::HashMap;

use super::{Flow, Saved};
use crate::diagnostic::{Code, Diagnostic};
use crate::plan::{Action, Branch, Choice, Step};
use crate::source::Pointer;

impl<'a> Flow<'a> {
    pub(super) fn steps(&mut self, steps: &'a [Step]) {
        steps.iter().for_each(|step| self.step(step));
    }

    fn step(&mut self, step: &'a Step) {
        let (whens, proven) = (self.whens.len(), self.proven.len());
        if let Some(when) = &step.when {
            self.over_scope(when);
            // A matcher that names something which is not there does not hold.
            self.proven.extend(when.readings().into_iter().filter(|r| r.needed).filter_map(|r| r.name));
            self.whens.extend(self.document.get(&step.at.key("when")));
        }
        self.rules(&step.respond);
        [&step.server, &step.identity].into_iter().flatten().for_each(|choice| self.choice(choice));
        for (at, template) in step.templates() {
            self.template(&at, template);
        }
        if let Some(when) = step.known_bug.as_ref().and_then(|bug| bug.when.as_ref()) {
            self.over_scope(when);
        }
        match &step.action {
            Action::Parallel(branches) => self.parallel(branches),
            Action::Defer(steps) => self.deferred(steps),
            _ => {}
        }
        for save in &step.save {
            for template in save.path.templates() {
                self.template(&save.path_at.at, template);
            }
        }
        // What a step saves is saved before its expectation is compared.
        for save in &step.save {
            self.define(&save.name.value, Some(&save.name.at));
        }
        for (at, template) in step.expected_templates() {
            self.template(&at, template);
        }
        self.deferred(&step.defer);
        self.whens.truncate(whens);
        self.proven.truncate(proven);
    }

    /// Cleanup sees what is known when it is registered; what it saves, only what follows in it.
    fn deferred(&mut self, steps: &'a [Step]) {
        let mark = self.log.len();
        self.steps(steps);
        self.forget(mark);
    }

    /// A branch does not see what the others save; after them all is known.
    fn parallel(&mut self, branches: &'a [Branch]) {
        let mut owners: HashMap<&'a str, (usize, &'a Pointer)> = HashMap::new();
        for (index, branch) in branches.iter().enumerate() {
            for (name, at) in saved_by(&branch.steps) {
                let (first, place) = *owners.entry(name).or_insert((index, at));
                if first != index {
                    let message = format!("two branches save `{name}`, and either may be the last");
                    let problem = Diagnostic::error(Code::Conflict, self.document.key_site(at), message);
                    let problem = problem.also(self.document.key_site(place), "the other one");
                    self.problems.push(problem.help("give each a name of its own"));
                }
            }
        }
        let mut saved: Vec<(&'a str, Saved<'a>)> = Vec::new();
        let above = self.siblings.clone();
        for (index, branch) in branches.iter().enumerate() {
            let others = owners.iter().filter(|(_, (owner, _))| *owner != index);
            self.siblings.extend(others.map(|(name, (_, at))| (*name, *at)));
            let mark = self.log.len();
            self.steps(&branch.steps);
            saved.extend(self.forget(mark));
            self.siblings.clone_from(&above);
        }
        for (name, saved) in saved {
            self.names.entry(name).or_default().push(saved);
            self.log.push(name);
        }
    }

    /// A server or an identity that the row chooses.
    pub(super) fn choice(&mut self, choice: &Choice) {
        if let Choice::Template(template, at) = choice {
            self.template(at, template);
        }
    }
}

/// The names that steps save, those of their branches too; cleanup saves for itself.
fn saved_by(steps: &[Step]) -> Vec<(&str, &Pointer)> {
    steps
        .iter()
        .flat_map(|step| {
            let mut saved: Vec<(&str, &Pointer)> =
                step.save.iter().map(|save| (save.name.value.as_str(), &save.name.at)).collect();
            if let Action::Parallel(branches) = &step.action {
                saved.extend(branches.iter().flat_map(|branch| saved_by(&branch.steps)));
            }
            saved
        })
        .collect()
}

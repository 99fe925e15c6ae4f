//! Fragments, and the steps that use them.

use std::collections::HashSet;
use std::path::Path;

use super::Compiler;
use crate::diagnostic::{Code, Diagnostic};
use crate::model;
use crate::nearest::nearest;
use crate::plan::link::{Links, MAX_DEPTH};
use crate::plan::{Action, Fragment};
use crate::source::Site;
use crate::template::listed;

/// How many steps a scenario may come to, those of fragments counted wherever they are used.
const MAX_STEPS: usize = 100_000;

/// A fragment that was compiled, and what is bounded of it.
#[derive(Debug)]
pub(in crate::plan) struct Compiled {
    pub(in crate::plan) fragment: Fragment,
    /// How many steps it comes to.
    pub(in crate::plan) size: usize,
    /// How deep it uses others: 1 for one that uses none.
    pub(in crate::plan) height: usize,
}

/// Compiles a fragment. Every problem is added; it is there unless one of them is an error, or a fragment that it
/// uses has one.
pub(in crate::plan) fn compile_fragment(
    fragment: &model::Fragment,
    path: &Path,
    suite: &model::Suite,
    links: &Links,
    problems: &mut Vec<Diagnostic>,
) -> Option<Compiled> {
    let mut compiler = Compiler { in_fragment: true, ..Compiler::new(&fragment.document, path, links) };
    let inputs = fragment.inputs.iter();
    let inputs = inputs
        .map(|input| {
            let default = (!input.required).then(|| compiler.tree(&input.name.at));
            (input.name.value.clone(), default)
        })
        .collect();
    let steps = compiler.steps(&fragment.steps);
    if compiler.problems.is_empty() {
        compiler.identities_in_fragments(&steps, None, None, suite);
    }
    compiler.problems.extend(too_many(compiler.size, || fragment.document.site(&fragment.title.at)));
    let (whole, size, height) = (compiler.is_whole(), compiler.size, compiler.height + 1);
    problems.append(&mut compiler.problems);
    let fragment = Fragment {
        document: fragment.document.clone(),
        title: fragment.title.value.clone(),
        path: path.to_owned(),
        inputs,
        outputs: fragment.outputs.clone(),
        steps,
    };
    whole.then_some(Compiled { fragment, size, height })
}

/// The problem of a document that comes to more steps than can be gone through.
pub(in crate::plan) fn too_many(size: usize, site: impl FnOnce() -> Site) -> Option<Diagnostic> {
    (size > MAX_STEPS).then(|| {
        let message = format!("with the fragments that are used, these are more than {MAX_STEPS} steps");
        Diagnostic::error(Code::TooLarge, site(), message)
            .help("use fewer fragments inside of fragments: steps count wherever they are used")
    })
}

impl Compiler<'_> {
    /// `use` and `with`.
    pub(super) fn used(
        &mut self,
        reference: &model::Spot<String>,
        with: &[model::Spot<String>],
    ) -> Option<Action> {
        let trees = self.vars(with);
        let site = self.document.site(&reference.at);
        let linked = match self.links.get(self.folder, &reference.value) {
            Ok(linked) => linked,
            Err(refused) => {
                self.broken = true;
                self.problems.extend(refused.and_then(|refused| refused.diagnostic(site)));
                return None;
            }
        };
        self.size = self.size.saturating_add(linked.size);
        self.height = self.height.max(linked.height);
        if linked.height > MAX_DEPTH {
            let message = format!("fragments use each other more than {MAX_DEPTH} deep");
            let problem = Diagnostic::error(Code::TooLarge, site.clone(), message);
            self.problems.push(problem.help("write the steps of some of them out"));
        }
        let fragment = std::sync::Arc::clone(&linked.fragment);
        let given: HashSet<&str> = with.iter().map(|input| input.value.as_str()).collect();
        let inputs = || fragment.inputs.iter().map(|(name, _)| name.as_str());
        let missing: Vec<&str> = fragment
            .inputs
            .iter()
            .filter(|(name, default)| default.is_none() && !given.contains(name.as_str()))
            .map(|(name, _)| name.as_str())
            .collect();
        if !missing.is_empty() {
            let what = if missing.len() == 1 { "the input" } else { "the inputs" };
            let message =
                format!("the fragment `{}` needs {what} {}", fragment.title, listed(missing.iter().copied()));
            let example = missing.iter().map(|name| format!("{name}: …")).collect::<Vec<_>>().join(", ");
            let problem = Diagnostic::error(Code::MissingKey, site, message);
            self.problems.push(problem.help(format!("give it: `with: {{{example}}}`")));
        }
        for input in with {
            let name = input.value.as_str();
            if inputs().any(|known| known == name) {
                continue;
            }
            let message = format!("the fragment `{}` has no input `{name}`", fragment.title);
            let problem = Diagnostic::error(Code::UnknownKey, self.document.key_site(&input.at), message);
            self.problems.push(match nearest(name, inputs()) {
                Some(near) => problem.help(format!("did you mean `{near}`?")),
                None if fragment.inputs.is_empty() => problem.help("it has none"),
                None => problem.help(format!("it has {}", listed(inputs()))),
            });
        }
        Some(Action::Use { fragment, with: trees })
    }
}

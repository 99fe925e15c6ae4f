//! Steps that have steps in them: `use` and `parallel`.

use futures_util::future::join_all;
use serde_json::Map;
use tokio::time::Instant;

use super::frame::{Frame, promised};
use super::step::{Current, Done, Failed};
use super::steps;
use crate::diagnostic::Code;
use crate::exchange::{Exchange, Inner};
use crate::plan::{Branch, Fragment};
use crate::source::Pointer;
use crate::template::Tree;

/// What a fragment sees beside its inputs.
const SEEN: &[&str] = &["env", "server", "protocol", "run", "session"];

impl<'a> Current<'_, 'a> {
    /// Runs a fragment in a frame of its own.
    pub(super) async fn use_fragment(
        &mut self,
        fragment: &'a Fragment,
        with: &'a [(String, Tree)],
    ) -> Result<Done, Failed> {
        let started = Instant::now();
        let mut frame = self.fragment_frame(fragment, with)?;
        let keep_going = self.running.scenario.keep_going;
        let sequence = steps::run(self.running, &mut frame, &fragment.steps, keep_going).await;
        if !sequence.holds() {
            return Ok(Done::FailedInside);
        }
        let output = |name: &String| Some((name.clone(), frame.scope.get(name)?.clone()));
        let outputs = fragment.outputs.iter().filter_map(|name| output(&name.value)).collect();
        Ok(came_to(Inner::Outputs(outputs), started, Vec::new()))
    }

    fn fragment_frame(&self, fragment: &'a Fragment, with: &[(String, Tree)]) -> Result<Frame<'a>, Failed> {
        let folder = fragment.path.parent().map(std::path::Path::to_owned).unwrap_or_default();
        let scope = self.frame.scope.child(folder.into(), SEEN);
        let mut frame = self.inner_frame(scope, format!("{}.", self.number));
        frame.document = &fragment.document;
        frame.scope.set("server", self.running.shared.servers.scope(&self.server));
        frame.promised = promised(&fragment.steps).into();
        frame.used_at.push(self.site());
        for (name, default) in &fragment.inputs {
            let given = with.iter().find(|(given, _)| given == name);
            let value = match (given, default) {
                (Some((_, tree)), _) => self.frame.rendered(tree)?,
                (None, Some(tree)) => frame.rendered(tree)?,
                (None, None) => {
                    let message = format!("the fragment needs `{name}`, and `with` does not give it");
                    let input = fragment.document.site(&Pointer::root().key("inputs").key(name));
                    let problem = self.problem(Code::MissingKey, message).label("this step uses it");
                    return Err(Box::new(problem.also(input, "it has no default")));
                }
            };
            frame.scope.set(name, value);
        }
        Ok(frame)
    }

    /// Runs branches side by side. All end before it does.
    pub(super) async fn run_branches(&mut self, branches: &'a [Branch]) -> Done {
        let started = Instant::now();
        let running = self.running;
        let keep_going = running.scenario.keep_going;
        let mut frames: Vec<Frame<'a>> =
            (1..=branches.len()).map(|number| self.branch_frame(number)).collect();
        let runs = branches
            .iter()
            .zip(&mut frames)
            .map(|(branch, frame)| steps::run(running, frame, &branch.steps, keep_going));
        let sequences = join_all(runs).await;
        for (branch, frame) in branches.iter().zip(&frames) {
            self.frame.scope.merge(&frame.scope, promised(&branch.steps));
        }
        if !sequences.iter().all(steps::Sequence::holds) {
            return Done::FailedInside;
        }
        let mut ended: Vec<_> = sequences.into_iter().flat_map(|sequence| sequence.ended).collect();
        // A title that nobody gave names no step: several may have it.
        ended.retain(|ended| ended.begun && ended.step.named);
        ended.sort_by_key(|ended| ended.at);
        let mut inexact = Vec::new();
        let mut documents = Map::new();
        for ended in &ended {
            let Some(view) = ended.exchange.as_ref().map(Exchange::view) else { continue };
            let name = &ended.step.title;
            let at = Pointer::root().key("steps").key(name);
            inexact.extend(view.inexact.iter().map(|inner| format!("{at}{inner}")));
            documents.insert(name.clone(), view.value.clone());
        }
        let order = ended.iter().map(|ended| ended.step.title.clone()).collect();
        came_to(Inner::Branches { order, steps: documents }, started, inexact)
    }

    fn branch_frame(&self, number: usize) -> Frame<'a> {
        self.inner_frame(self.frame.scope.fork(), format!("{}.{number}.", self.number))
    }
}

fn came_to(inner: Inner, started: Instant, inexact: Vec<String>) -> Done {
    let mut exchange = Exchange::default();
    (exchange.inner, exchange.duration, exchange.inexact) = (Some(inner), started.elapsed(), inexact);
    Done::Exchange(Box::new(exchange))
}

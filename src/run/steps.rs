//! Steps in order: what lets the next one run, and what ends them before.

use tokio::time::Instant;

use super::frame::Frame;
use super::running::Running;
use super::step;
use crate::diagnostic::{Code, Diagnostic};
use crate::exchange::Exchange;
use crate::model::shown_duration;
use crate::plan::Step;

/// A step that is over, as who runs it sees it: what is wrong with it is told already.
pub(super) struct Ended<'a> {
    pub(super) step: &'a Step,
    /// Whether it was done, and not left out.
    pub(super) begun: bool,
    /// Whether it, or a step inside of it, did not hold.
    pub(super) failed: bool,
    /// None where nothing was sent.
    pub(super) exchange: Option<Exchange>,
    pub(super) at: Instant,
}

/// What steps in order came to.
pub(super) struct Sequence<'a> {
    /// Those that were run.
    pub(super) ended: Vec<Ended<'a>>,
    /// Whether one was left out because the time was over or the run is interrupted.
    pub(super) cut: bool,
}

impl Sequence<'_> {
    /// Whether everything was run and held.
    pub(super) fn holds(&self) -> bool {
        !self.cut && !self.ended.iter().any(|ended| ended.failed)
    }
}

/// Runs steps in order. With `keep_going`, those behind a failed one are run, too.
pub(super) async fn run<'a>(
    running: &Running<'a>,
    frame: &mut Frame<'a>,
    steps: &'a [Step],
    keep_going: bool,
) -> Sequence<'a> {
    let mut sequence = Sequence { ended: Vec::new(), cut: false };
    for (index, step) in steps.iter().enumerate() {
        if let Some(problem) = stopped(running, frame, step) {
            running.problem_once(problem.label("this step and those after it were not run"));
            sequence.cut = true;
            return sequence;
        }
        let number = format!("{}{}", frame.prefix, index + 1);
        let ended = step::run(running, frame, number, step).await;
        let failed = ended.failed;
        sequence.ended.push(ended);
        if failed && !keep_going && !frame.clock.is_stopped() {
            break;
        }
    }
    sequence
}

/// Why a step may not begin.
fn stopped(running: &Running<'_>, frame: &Frame<'_>, step: &Step) -> Option<Diagnostic> {
    let stopped = |code, why| Diagnostic::error(code, frame.document.site(&step.verb.at), why);
    if frame.clock.is_stopped() {
        return Some(stopped(Code::Interrupted, running.shared.why().to_owned()));
    }
    frame.clock.is_over().then(|| stopped(Code::TimedOut, over(running)))
}

/// What is said where the case's own timeout has passed.
pub(super) fn over(running: &Running<'_>) -> String {
    let limit = shown_duration(running.scenario.timeout.unwrap_or_default());
    format!("the case's timeout of {limit} has passed")
}

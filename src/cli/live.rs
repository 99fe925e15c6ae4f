//! The live line: how many cases are done, failed and running, and one that runs. Only on a terminal; it is
//! gone with the last case.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::event::{Event, Kind, Verdict};
use crate::run::Consumer;

/// Draws the live line.
#[derive(Debug)]
pub(super) struct Live {
    bar: ProgressBar,
    running: BTreeSet<Arc<str>>,
    failed: usize,
}

impl Live {
    /// One on stderr, and the bar that others write past.
    #[must_use]
    pub(super) fn new(cases: usize) -> (Self, ProgressBar) {
        let length = u64::try_from(cases).unwrap_or(u64::MAX);
        let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template("{pos}/{len} done{msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        (Self { bar: bar.clone(), running: BTreeSet::new(), failed: 0 }, bar)
    }

    fn message(&self) -> String {
        let mut message = String::new();
        if self.failed > 0 {
            message.push_str(&format!(", {} failed", self.failed));
        }
        if let Some(first) = self.running.first() {
            message.push_str(&format!(", {} running: {first}", self.running.len()));
        }
        message
    }
}

impl Consumer for Live {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        match &event.happening().kind {
            Kind::CaseStarted { case } => {
                self.running.insert(Arc::clone(case));
            }
            Kind::CaseEnded(ended) => {
                self.running.remove(&ended.case);
                self.failed += usize::from(ended.verdict == Verdict::Failed);
                self.bar.inc(1);
                if Some(self.bar.position()) == self.bar.length() {
                    self.bar.finish_and_clear();
                    return Ok(());
                }
            }
            Kind::Diagnosed(_)
            | Kind::RunEnded(_)
            | Kind::RunStarted(_)
            | Kind::StepEnded(_)
            | Kind::ToolsListed(_) => {
                return Ok(());
            }
        }
        self.bar.set_message(self.message());
        Ok(())
    }

    fn name(&self) -> String {
        "the live line".to_owned()
    }
}

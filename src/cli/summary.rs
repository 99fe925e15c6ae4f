//! What is said on stderr once a run is over: warnings of cases that did not fail, and what cases were ignored for
//! at run time. libtest's output has no place for either.

use std::collections::BTreeMap;

use super::screen::say;
use super::test::count;
use crate::diagnostic::Style;
use crate::event::{CaseEnded, Verdict};
use crate::report::warning_text;

/// How many warnings are shown.
const SHOWN: usize = 20;

/// What a run has to say at its end, taken case by case.
#[derive(Debug, Default)]
pub(super) struct Summary {
    warnings: Vec<String>,
    /// By the place of the scenario.
    requires: BTreeMap<String, Requires>,
    known_bugs: BTreeMap<String, usize>,
}

/// The cases of one scenario that says `requires`.
#[derive(Debug, Default)]
struct Requires {
    met: usize,
    /// By the reason.
    unmet: BTreeMap<String, usize>,
}

impl Summary {
    /// Takes a case that is over.
    pub(super) fn take(&mut self, ended: &CaseEnded, style: Style) {
        match &ended.verdict {
            Verdict::Passed => self.warnings.extend(warning_text(ended, style)),
            Verdict::KnownBug(bug) => {
                *self.known_bugs.entry(bug.clone()).or_default() += 1;
                // How the bug shows is known; what may be left behind is not.
                let rest = CaseEnded { findings: Vec::new(), ..ended.clone() };
                self.warnings.extend(warning_text(&rest, style));
            }
            _ => {}
        }
        match &ended.verdict {
            Verdict::Unmet(reason) => {
                let scenario = self.requires.entry(ended.place.to_string()).or_default();
                *scenario.unmet.entry(reason.clone()).or_default() += 1;
            }
            Verdict::Passed | Verdict::Failed | Verdict::KnownBug(_) => {
                self.requires.entry(ended.place.to_string()).or_default().met += 1;
            }
            Verdict::Ignored(_) | Verdict::NotRun(_) => {}
        }
    }

    /// Says it.
    pub(super) fn tell(&self) {
        if !self.warnings.is_empty() {
            let shown = self.warnings.iter().take(SHOWN).cloned().collect::<Vec<_>>().join("\n");
            say(&format!("warnings of cases that did not fail:\n\n{shown}\n"));
            if self.warnings.len() > SHOWN {
                say(&format!("and {} more; a report has them all\n", self.warnings.len() - SHOWN));
            }
        }
        let (mut partly, mut never) = (String::new(), String::new());
        for (place, scenario) in &self.requires {
            for (reason, cases) in &scenario.unmet {
                let line = format!("  {place}: {} ignored: {reason}\n", count(*cases, "case"));
                if scenario.met > 0 { partly.push_str(&line) } else { never.push_str(&line) }
            }
        }
        if !partly.is_empty() {
            say(&format!("what cases require and did not find:\n{partly}"));
        }
        if !never.is_empty() {
            say(&format!("warning: no case of these scenarios found what it requires:\n{never}"));
        }
        for (bug, cases) in &self.known_bugs {
            say(&format!("{} ignored: {bug}\n", count(*cases, "case")));
        }
    }
}

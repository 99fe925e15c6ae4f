//! The snapshots that steps name: each once in a scenario, none where no case of its own compares it.

use super::Compiler;
use crate::diagnostic::{Code, Diagnostic};
use crate::matcher::Matcher;
use crate::source::Pointer;

impl Compiler<'_> {
    /// Takes the snapshots of an `expect`.
    pub(super) fn snapshots(&mut self, expect: Option<&Matcher>) {
        for (name, at) in expect.iter().flat_map(|expect| expect.snapshots()) {
            if self.in_fragment {
                let message = "a fragment has no snapshots: it belongs to no case";
                let problem = Diagnostic::error(Code::BadOperand, self.document.key_site(at), message);
                self.problems.push(
                    problem
                        .help("hand the value out: list it under `outputs`, and compare `outputs` where it is used")
                        .help("or write here what is expected"),
                );
                continue;
            }
            let Some(first) = self.snapshots.insert(name.to_owned(), at.clone()).filter(|first| first != at)
            else {
                continue;
            };
            let message = format!("two snapshots are named `{name}`");
            self.problems.push(
                Diagnostic::error(Code::Conflict, self.document.site(at), message)
                    .also(self.document.site(&first), "the other one")
                    .help("name each by what it is about"),
            );
        }
    }

    /// Refuses snapshots in what ends `eventually`.
    pub(super) fn no_snapshots(&mut self, abort: Option<&Matcher>) {
        let places: Vec<Pointer> =
            abort.iter().flat_map(|abort| abort.snapshots()).map(|(_, at)| at.clone()).collect();
        for at in places {
            let message = "no snapshot is compared here: `abort` is a condition";
            let problem = Diagnostic::error(Code::BadOperand, self.document.key_site(&at), message);
            self.problems
                .push(problem.help("`$snapshot` stands under `expect`: write here what ends the waiting"));
        }
    }
}

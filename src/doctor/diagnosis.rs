//! What was found of one server as one identity, and what follows from it.

use super::{Cause, Findings, Weight, causes, mask};
use crate::auth::Redactor;

/// What was found, and the causes.
#[derive(Clone, Debug)]
pub struct Diagnosis {
    /// What was found.
    pub found: Findings,
    /// What it means.
    pub causes: Vec<Cause>,
}

impl Diagnosis {
    /// Concludes.
    #[must_use]
    pub fn of(found: Findings) -> Self {
        let causes = causes(&found);
        Self { found, causes }
    }

    /// Whether the server can be used, as far as it was asked.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.found.is_good() && self.causes.iter().all(|cause| cause.weight != Weight::Problem)
    }

    /// Masks every text.
    pub(crate) fn mask(&mut self, redactor: &Redactor) {
        mask::findings(redactor, &mut self.found);
        mask::causes(redactor, &mut self.causes);
    }
}

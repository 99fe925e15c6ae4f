//! `eventually`: when to ask again, and what is said where it never held.

use std::time::Duration;

use tokio::time::Instant;

use crate::diagnostic::{Code, Diagnostic};
use crate::exchange::{Exchange, Phase};
use crate::matcher::{Actual, Mismatch};
use crate::model::shown_duration;
use crate::plan::Eventually;
use crate::source::Document;
use crate::template::Scope;

/// The longest pause that a backoff can grow to.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// The attempts of one step.
pub(super) struct Attempts<'a> {
    rule: &'a Eventually,
    began: Instant,
    pause: Duration,
    made: u64,
}

/// Why no further attempt is made.
pub(super) enum Ended {
    /// The next one would begin too late.
    Late,
    /// `abort` holds.
    Aborted,
    /// The server refused the identity or the session: it would do so again.
    Refused,
}

impl<'a> Attempts<'a> {
    pub(super) fn new(rule: &'a Eventually) -> Self {
        Self { rule, began: Instant::now(), pause: rule.every, made: 0 }
    }

    /// Counts an attempt.
    pub(super) fn begin(&mut self) -> u64 {
        self.made += 1;
        self.made
    }

    /// When the next attempt begins, after one that did not hold.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) fn next(&mut self, exchange: &Exchange, scope: &Scope) -> Result<Instant, Ended> {
        let status = exchange.http.as_ref().map(|http| http.status);
        if exchange.phase == Phase::Open || matches!(status, Some(401 | 403)) {
            return Err(Ended::Refused);
        }
        if self.is_aborted(exchange, scope) {
            return Err(Ended::Aborted);
        }
        let at = Instant::now() + self.pause;
        if at > self.began + self.rule.within {
            return Err(Ended::Late);
        }
        let grown = self.pause.as_secs_f64() * self.rule.backoff;
        self.pause = Duration::try_from_secs_f64(grown).unwrap_or(LONGEST_PAUSE).min(LONGEST_PAUSE);
        Ok(at)
    }

    fn is_aborted(&self, exchange: &Exchange, scope: &Scope) -> bool {
        let view = exchange.view();
        let actual = Actual { value: &view.value, inexact: &view.inexact };
        let differs = |abort: &crate::matcher::Matcher| -> Vec<Mismatch> { abort.compare(actual, scope) };
        self.rule.abort.as_ref().is_some_and(|abort| differs(abort).is_empty())
    }

    /// What is said before the mismatches of the last attempt.
    pub(super) fn problem(&self, ended: &Ended, document: &Document) -> Diagnostic {
        let made = match self.made {
            1 => "1 attempt".to_owned(),
            made => format!("{made} attempts"),
        };
        let (at, message) = match ended {
            Ended::Late => {
                let within = shown_duration(self.rule.within);
                (&self.rule.at, format!("it did not hold within {within}: {made}"))
            }
            Ended::Aborted => (
                self.rule.abort_at.as_ref().unwrap_or(&self.rule.at),
                format!("`abort` holds: no further attempt after {made}"),
            ),
            Ended::Refused => (&self.rule.at, format!("the server refused: no further attempt after {made}")),
        };
        Diagnostic::error(Code::NotEventually, document.key_site(at), message)
            .note("what is below is of the last attempt")
    }
}

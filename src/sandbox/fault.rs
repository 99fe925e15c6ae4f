//! Failures on request: what a server, a proxy or a network may do to a client, told by a header that only the
//! sandbox knows.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// The header that asks for a fault: `NAME[; method=METHOD][; times=N]`, the names being those of [`Fault`].
///
/// `method` picks the requests that it befalls, `any` all of them; without it, it is `tools/call`, and `any`
/// for `json` and `redirect`. `times` ends it after so many of these requests with the very same header.
pub const FAULT_HEADER: &str = "x-sandbox-fault";

/// How many headers with `times` are counted.
const MAX_COUNTED: usize = 1000;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// `reset-mid-answer`: the tool runs, the connection is cut after half of the answer.
    ResetMidAnswer,
    /// `502`: the tool runs, the answer is a proxy's page.
    BadGateway,
    /// `lose-session`: the session is forgotten before the tool runs: 404, for this request and all after it.
    /// Without a session it does nothing.
    LoseSession,
    /// `json`: an answer in SSE comes as `application/json`, without what was before the result.
    Json,
    /// `redirect`: 307 to another path of the sandbox, before the tool runs.
    Redirect,
    /// `progress-backwards`: progress of 2, then of 1, before the answer. Without a progress token it does
    /// nothing.
    ProgressBackwards,
    /// `progress-foreign-token`: progress with a token that nobody gave, before the answer.
    ProgressForeignToken,
    /// `late-message`: a message after the answer, on its stream: progress where there is a token, else a line of
    /// the log.
    LateMessage,
    /// `wrong-id`: the answer has another id.
    WrongId,
    /// `contradiction`: the result's structured content is not what its text says.
    Contradiction,
    /// `undeclared`: `notifications/resources/list_changed`, which is not declared, before the answer.
    Undeclared,
    /// `echo-token`: the value of Authorization comes back in the result's first text; within it where that is a
    /// JSON object.
    EchoToken,
}

impl Fault {
    /// Every fault.
    pub const ALL: &'static [Self] = &[
        Self::ResetMidAnswer,
        Self::BadGateway,
        Self::LoseSession,
        Self::Json,
        Self::Redirect,
        Self::ProgressBackwards,
        Self::ProgressForeignToken,
        Self::LateMessage,
        Self::WrongId,
        Self::Contradiction,
        Self::Undeclared,
        Self::EchoToken,
    ];

    /// As it stands in the header.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ResetMidAnswer => "reset-mid-answer",
            Self::BadGateway => "502",
            Self::LoseSession => "lose-session",
            Self::Json => "json",
            Self::Redirect => "redirect",
            Self::ProgressBackwards => "progress-backwards",
            Self::ProgressForeignToken => "progress-foreign-token",
            Self::LateMessage => "late-message",
            Self::WrongId => "wrong-id",
            Self::Contradiction => "contradiction",
            Self::Undeclared => "undeclared",
            Self::EchoToken => "echo-token",
        }
    }

    fn default_method(self) -> &'static str {
        match self {
            Self::Json | Self::Redirect => "any",
            _ => "tools/call",
        }
    }
}

/// Which faults were spent.
#[derive(Debug, Default)]
pub(super) struct Faults {
    spent: Mutex<HashMap<String, u64>>,
}

impl Faults {
    /// The fault that a header asks for on a request of this method.
    ///
    /// # Errors
    /// Where the header says no fault: a test that asks for one has to get it.
    pub(super) fn pick(&self, header: &str, method: Option<&str>) -> Result<Option<Fault>, String> {
        let mut parts = header.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let Some(fault) = Fault::ALL.iter().copied().find(|fault| fault.as_str() == name) else {
            let known: Vec<_> = Fault::ALL.iter().map(|fault| format!("`{}`", fault.as_str())).collect();
            return Err(format!("no fault is named `{name}`; there are {}", known.join(", ")));
        };
        let (mut wanted, mut times) = (fault.default_method(), None);
        for part in parts {
            match part.split_once('=') {
                Some(("method", value)) => wanted = value,
                Some(("times", value)) => {
                    let number = value.parse::<u64>();
                    times = Some(number.map_err(|_| format!("`times={value}` is no number"))?);
                }
                _ => return Err(format!("`{part}` is neither `method=METHOD` nor `times=N`")),
            }
        }
        if wanted != "any" && method != Some(wanted) {
            return Ok(None);
        }
        let Some(times) = times else { return Ok(Some(fault)) };
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        if spent.len() >= MAX_COUNTED && !spent.contains_key(header) {
            return Err(format!("more than {MAX_COUNTED} headers with `times` cannot be counted"));
        }
        let count = spent.entry(header.to_owned()).or_default();
        *count = count.saturating_add(1);
        Ok((*count <= times).then_some(fault))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_befalls_its_method_so_many_times() {
        let faults = Faults::default();
        let call = Some("tools/call");
        assert_eq!(faults.pick("502", call), Ok(Some(Fault::BadGateway)));
        assert_eq!(faults.pick("502", Some("initialize")), Ok(None));
        assert_eq!(faults.pick("502; method=initialize", Some("initialize")), Ok(Some(Fault::BadGateway)));
        assert_eq!(faults.pick("json", None), Ok(Some(Fault::Json)));
        let once = "lose-session; times=1";
        assert_eq!(faults.pick(once, Some("tools/list")), Ok(None));
        assert_eq!(faults.pick(once, call), Ok(Some(Fault::LoseSession)));
        assert_eq!(faults.pick(once, call), Ok(None));
    }

    #[test]
    fn what_is_no_fault_is_an_error() {
        let faults = Faults::default();
        for header in ["", "503", "json; tims=1", "json; times=x", "json;"] {
            assert!(faults.pick(header, None).is_err(), "{header}");
        }
    }
}

//! Failures on request: what a server, a proxy or a network may do to a client, told by a header that only the
//! sandbox knows.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// The header that asks for a fault: `NAME[; method=METHOD][; after=N][; times=N]`, the names being those of [`Fault`].
///
/// `method` picks the requests that it befalls, `any` all of them; without it, it is `tools/call`, `initialize` for
/// `initialize-failure`, and `any` for `json`, `redirect` and `login-page`. `after` leaves the first so many of these
/// requests with the very same header alone, `times` ends it after so many.
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
    /// `429`: too many requests, with `Retry-After`; nothing runs.
    TooMany,
    /// `503`: nothing runs.
    Unavailable,
    /// `504`: nothing runs.
    GatewayTimeout,
    /// `initialize-failure`: a result that looks good, of a runtime that could not start; nothing runs.
    InitializeFailure,
    /// `relay-error`: -32000 of the relay; nothing runs.
    RelayError,
    /// `login-page`: 200 with HTML; nothing runs.
    LoginPage,
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
        Self::TooMany,
        Self::Unavailable,
        Self::GatewayTimeout,
        Self::InitializeFailure,
        Self::RelayError,
        Self::LoginPage,
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
            Self::TooMany => "429",
            Self::Unavailable => "503",
            Self::GatewayTimeout => "504",
            Self::InitializeFailure => "initialize-failure",
            Self::RelayError => "relay-error",
            Self::LoginPage => "login-page",
        }
    }

    /// Whether a header, or the knob `fault`, says a fault.
    ///
    /// # Errors
    /// Why it does not.
    pub fn check(header: &str) -> Result<(), String> {
        Self::read(header).map(drop)
    }

    /// A fault, and what it befalls.
    fn read(header: &str) -> Result<(Self, Befalls<'_>), String> {
        let mut parts = header.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let Some(fault) = Self::ALL.iter().copied().find(|fault| fault.as_str() == name) else {
            let known: Vec<_> = Self::ALL.iter().map(|fault| format!("`{}`", fault.as_str())).collect();
            return Err(format!("no fault is named `{name}`; there are {}", known.join(", ")));
        };
        let (mut wanted, mut after, mut times) = (fault.default_method(), None, None);
        for part in parts {
            match part.split_once('=') {
                Some(("method", value)) => wanted = value,
                Some((key @ ("times" | "after"), value)) => {
                    let number = value.parse::<u64>();
                    let number = number.map_err(|_| format!("`{key}={value}` is no number"))?;
                    *(if key == "times" { &mut times } else { &mut after }) = Some(number);
                }
                _ => return Err(format!("`{part}` is neither `method=METHOD` nor `after=N` nor `times=N`")),
            }
        }
        Ok((fault, Befalls { method: wanted, after, times }))
    }

    fn default_method(self) -> &'static str {
        match self {
            Self::Json | Self::Redirect | Self::LoginPage => "any",
            Self::InitializeFailure => "initialize",
            _ => "tools/call",
        }
    }
}

/// Which requests a fault befalls.
#[derive(Clone, Copy, Debug)]
struct Befalls<'a> {
    /// A method, or `any`.
    method: &'a str,
    /// So many of these are left alone.
    after: Option<u64>,
    times: Option<u64>,
}

/// Which faults were spent.
#[derive(Debug, Default)]
pub(super) struct Faults {
    spent: Mutex<HashMap<String, u64>>,
}

impl Faults {
    /// The fault that a header asks for on a request of this method. Those of a server are counted by themselves.
    ///
    /// # Errors
    /// Where the header says no fault: a test that asks for one has to get it.
    pub(super) fn pick(
        &self,
        server: &str,
        header: &str,
        method: Option<&str>,
    ) -> Result<Option<Fault>, String> {
        let (fault, Befalls { method: wanted, after, times }) = Fault::read(header)?;
        if wanted != "any" && method != Some(wanted) {
            return Ok(None);
        }
        if times.is_none() && after.is_none() {
            return Ok(Some(fault));
        }
        let counted = format!("{server} {header}");
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        if spent.len() >= MAX_COUNTED && !spent.contains_key(&counted) {
            return Err(format!("more than {MAX_COUNTED} headers with `times` cannot be counted"));
        }
        let count = spent.entry(counted).or_default();
        *count = count.saturating_add(1);
        let late = count.checked_sub(after.unwrap_or_default()).filter(|late| *late > 0);
        Ok(late.filter(|late| times.is_none_or(|times| *late <= times)).map(|_| fault))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_befalls_its_method_so_many_times() {
        let faults = Faults::default();
        let call = Some("tools/call");
        assert_eq!(faults.pick("s", "502", call), Ok(Some(Fault::BadGateway)));
        assert_eq!(faults.pick("s", "502", Some("initialize")), Ok(None));
        assert_eq!(
            faults.pick("s", "502; method=initialize", Some("initialize")),
            Ok(Some(Fault::BadGateway))
        );
        assert_eq!(faults.pick("s", "json", None), Ok(Some(Fault::Json)));
        let once = "lose-session; times=1";
        assert_eq!(faults.pick("s", once, Some("tools/list")), Ok(None));
        assert_eq!(faults.pick("s", once, call), Ok(Some(Fault::LoseSession)));
        assert_eq!(faults.pick("s", once, call), Ok(None));
        assert_eq!(faults.pick("other", once, call), Ok(Some(Fault::LoseSession)));
        let second = "429; after=1; times=1";
        let picked: Vec<_> = (0..3).map(|_| faults.pick("s", second, call).unwrap()).collect();
        assert_eq!(picked, [None, Some(Fault::TooMany), None]);
    }

    #[test]
    fn what_is_no_fault_is_an_error() {
        let faults = Faults::default();
        for header in ["", "505", "json; tims=1", "json; times=x", "json;"] {
            assert!(faults.pick("s", header, None).is_err(), "{header}");
        }
    }
}

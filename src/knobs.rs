//! What the sandbox leaves open: one table of everything that it may do in more ways than one, with what is assumed of
//! it. The reader of suites, the JSON Schema, the command line, the docs and the sandbox itself go by this table.
//! No behaviour lives here.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::duration;
use crate::nearest::nearest;

use Takes::{Number, OneOf, Time};

/// How sure it is that a real server does as the default says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// UiPath's pages say so.
    Documented,
    /// It was seen with the SDKs and clients that UiPath ships.
    Seen,
    /// Nobody outside knows.
    Assumed,
    /// It is of the sandbox alone: no real server has it.
    Own,
}

impl Basis {
    /// In a word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Documented => "documented",
            Self::Seen => "seen",
            Self::Assumed => "assumed",
            Self::Own => "the sandbox's own",
        }
    }
}

/// What a knob may be set to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// One of these.
    OneOf(&'static [&'static str]),
    /// A duration, or `0s`.
    Time,
    /// A whole number.
    Number,
    /// A fault, in the words of the header `x-sandbox-fault`; empty for none.
    Fault,
}

/// One thing that may be so or otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Knob {
    /// Its name.
    pub name: &'static str,
    /// What it may be set to.
    pub takes: Takes,
    /// What it is unless it is set.
    pub default: &'static str,
    /// How sure the default is.
    pub basis: Basis,
    /// What it decides, in a sentence.
    pub doc: &'static str,
}

impl Knob {
    const fn new(
        name: &'static str,
        takes: Takes,
        default: &'static str,
        basis: Basis,
        doc: &'static str,
    ) -> Self {
        Self { name, takes, default, basis, doc }
    }

    /// What it may be set to, in words.
    #[must_use]
    pub fn values(&self) -> String {
        match self.takes {
            OneOf(words) => words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", "),
            Time => "a duration such as `20s`".to_owned(),
            Number => "a whole number".to_owned(),
            Takes::Fault => "a fault, as in `x-sandbox-fault`".to_owned(),
        }
    }

    /// Whether it may be set to that.
    #[must_use]
    pub fn takes(&self, value: &str) -> bool {
        match self.takes {
            OneOf(words) => words.contains(&value),
            Time => time(value).is_some(),
            Number => value.parse::<u32>().is_ok(),
            // The reader of suites and the command line ask the sandbox, which alone knows faults, what is wrong with it.
            Takes::Fault => true,
        }
    }
}

macro_rules! knobs {
    ($($constant:ident = $name:literal, $takes:expr, $default:literal, $basis:ident, $doc:literal;)*) => {
        $(#[doc = $doc] pub const $constant: Knob = Knob::new($name, $takes, $default, Basis::$basis, $doc);)*
        /// Every knob.
        pub const KNOBS: &[Knob] = &[$($constant),*];
    };
}

knobs! {
    UNKNOWN_TARGET = "unknown_target", OneOf(&["401", "404"]), "401", Documented,
        "The answer to an address with an organization, tenant, folder or server that there is not.";
    OLD_PREFIX = "old_prefix", OneOf(&["404", "401"]), "404", Assumed,
        "The answer to the address of before June 2025, `/mcp_/mcp/`.";
    ERROR_BODY = "error_body", OneOf(&["orchestrator", "problem", "empty"]), "orchestrator", Assumed,
        "The body of a refusal: as Orchestrator writes it, as a problem of RFC 9457, or none.";
    WWW_AUTHENTICATE = "www_authenticate", OneOf(&["bearer", "metadata", "none"]), "bearer", Assumed,
        "The header `WWW-Authenticate` of a 401: plain, with `resource_metadata`, or none.";
    NO_VIEW = "no_view", OneOf(&["403", "401"]), "403", Assumed,
        "The answer to one whose role in the folder lacks `MCPServers.View`.";
    NO_EXECUTION = "no_execution", OneOf(&["jsonrpc", "403", "401"]), "jsonrpc", Assumed,
        "How `tools/list` fails without `OR.Execution`: an error of JSON-RPC, or a status.";
    NO_PROCESSES_VIEW = "no_processes_view", OneOf(&["empty", "error"]), "empty", Assumed,
        "What `tools/list` gives one whose role lacks `Processes.View`: nothing, or what is given without \
         `OR.Execution`.";
    NO_JOBS = "no_jobs", OneOf(&["is_error", "403", "401"]), "is_error", Assumed,
        "How a call fails without `OR.Jobs` or `Jobs.Create`: a tool error, or a status.";
    REST_DENIED = "rest_denied", OneOf(&["403", "401"]), "403", Assumed,
        "The answer of the REST side to a token that lacks a scope or a permission.";
    BAD_FOLDER = "bad_folder", OneOf(&["404", "403", "400"]), "404", Assumed,
        "The status of error 1100, a folder that is not there or not the user's.";
    FOLDERS_FOR_PAT = "folders_for_pat", OneOf(&["200", "403"]), "200", Assumed,
        "What `GetFoldersForCurrentUser` answers to a personal access token.";
    DEPLOYMENT = "deployment", OneOf(&["Cloud", "ServiceFabric"]), "Cloud", Assumed,
        "What `api/status/version` tells of the deployment.";
    ERAS = "eras", OneOf(&["by_type", "both", "handshake", "modern"]), "by_type", Documented,
        "Which versions a server speaks: by its type, both eras, up to 2025-11-25, or 2026-07-28 alone.";
    DISCOVER_REFUSED = "discover_refused", OneOf(&["200", "404", "400"]), "200", Assumed,
        "The status of `server/discover` where only the handshake is known.";
    UNKNOWN_VERSION = "unknown_version", OneOf(&["newest", "2025-06-18"]), "newest", Assumed,
        "What an `initialize` that names an unknown version is answered: the newest that has one, or that one.";
    UNKNOWN_TOOL = "unknown_tool", OneOf(&["jsonrpc", "is_error"]), "jsonrpc", Assumed,
        "How the call of a tool that is not there fails.";
    SESSION_LOST = "session_lost", OneOf(&["-32600", "-32001", "bare"]), "-32600", Seen,
        "The body of the 404 for a session that is gone: an error of that code, or none.";
    FOREIGN_SESSION = "foreign_session", OneOf(&["403", "404", "accept"]), "403", Assumed,
        "What another user's session is answered with.";
    SESSION_IDLE = "session_idle", Time, "60s", Assumed,
        "How long a session lives without a request; `0s` for ever.";
    SECOND_INITIALIZE = "second_initialize", OneOf(&["accept", "refuse"]), "accept", Seen,
        "What an `initialize` within a live session gets.";
    DELETE = "delete", OneOf(&["200", "405"]), "200", Assumed, "What ends a session is answered with.";
    ACCEPT = "accept", OneOf(&["lenient", "strict"]), "lenient", Assumed,
        "Whether a request without `Accept`, or with `*/*`, is let in or gets a 406.";
    MODERN_ANSWER = "modern_answer", OneOf(&["json", "sse"]), "json", Assumed,
        "The form of answers in 2026-07-28.";
    STREAM = "stream", OneOf(&["plain", "comments", "crlf", "split", "nulls"]), "plain", Own,
        "What makes reading a stream hard: comments, lines that end in CRLF, chunks of one byte, explicit nulls.";
    LATENCY = "latency", OneOf(&["none", "process"]), "none", Own,
        "How long a job takes: no time, or 200 to 800 ms, the same in each run.";
    STRUCTURED = "structured", OneOf(&["off", "on"]), "off", Assumed,
        "Whether the outputs of a process come as structured content, too.";
    IS_MODE = "is_mode", OneOf(&["error", "timeout"]), "error", Documented,
        "How an Integration Service activity fails under a PAT: a tool error, or silence.";
    COLD_START = "cold_start", Time, "0s", Assumed,
        "How long a Coded or Command server takes to start; 20 s were seen.";
    COLD_ANSWER = "cold_answer", OneOf(&["wait", "504", "408"]), "wait", Assumed,
        "What a request during a cold start gets.";
    INITIALIZE_FAILURE = "initialize_failure",
        OneOf(&["initialize-failure", "invalid-version", "initiliaze-failure"]), "initialize-failure", Seen,
        "The version in the result of a runtime that could not start.";
    DISCONNECTED = "disconnected", OneOf(&["503", "504", "relay"]), "503", Assumed,
        "The answer of a Self-hosted server whose process is not running.";
    NO_MACHINE = "no_machine", OneOf(&["2818", "pending"]), "2818", Assumed,
        "What a call in a folder without a machine gets: an error, or silence.";
    RUNTIME_LIMIT = "runtime_limit", Time, "900s", Seen, "When a serverless job is stopped.";
    RATE_LIMIT = "rate_limit", Number, "0", Assumed, "How many requests a minute a server takes; 0 for any.";
    RETRY_AFTER = "retry_after", Number, "1", Own, "The seconds in the `Retry-After` of a 429.";
    CLOCK = "clock", OneOf(&["real", "virtual"]), "real", Own,
        "Whether waiting takes time, or moves the sandbox's clock on and takes none.";
    CLOCK_SKEW = "clock_skew", Number, "0", Own, "By how many seconds the server's clock is ahead.";
    FAULT = "fault", Takes::Fault, "", Own, "Something that goes wrong with every server.";
}

/// A set of knobs that goes with a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Its name.
    pub name: &'static str,
    /// What it stands for, in a sentence.
    pub doc: &'static str,
    /// What it sets: knobs and values.
    pub sets: &'static [(Knob, &'static str)],
}

/// Every profile; the first is meant where none is named.
pub const PROFILES: &[Profile] = &[
    Profile { name: "uipath", doc: "What is most likely, and comfortable to test with.", sets: &[] },
    Profile {
        name: "docs-2026-05",
        doc: "As UiPath's pages of May 2026 tell it: the handshake, and activities that time out.",
        sets: &[(ERAS, "handshake"), (IS_MODE, "timeout"), (UNKNOWN_TOOL, "is_error")],
    },
    Profile {
        name: "agenthub-2026-08",
        doc: "As the clients of August 2026 expect it of AgentHub: both eras, problems of RFC 9457, cold starts.",
        sets: &[
            (ERROR_BODY, "problem"),
            (WWW_AUTHENTICATE, "metadata"),
            (SESSION_LOST, "-32001"),
            (UNKNOWN_TOOL, "is_error"),
            (LATENCY, "process"),
            (COLD_START, "20s"),
        ],
    },
];

/// The names of the profiles.
pub const PROFILE_NAMES: &[&str] = &["uipath", "docs-2026-05", "agenthub-2026-08"];

/// Why knobs cannot be set so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KnobError {
    /// It is not `NAME=VALUE`.
    #[error("`{0}` is not NAME=VALUE")]
    Form(String),
    /// There is none of that name.
    #[error("no knob is named `{name}`{}", .meant.map(|meant| format!("; did you mean `{meant}`?")).unwrap_or_default())]
    Name {
        /// As it was given.
        name: String,
        /// The nearest that there is.
        meant: Option<&'static str>,
    },
    /// It does not take that value.
    #[error("`{name}` takes {takes}, not `{value}`")]
    Value {
        /// The knob's.
        name: &'static str,
        /// What it takes.
        takes: String,
        /// As it was given.
        value: String,
    },
    /// There is no profile of that name.
    #[error("no profile is named `{name}`; there are {known}", known = PROFILE_NAMES.join(", "))]
    Profile {
        /// As it was given.
        name: String,
    },
}

/// What the knobs are set to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Knobs(BTreeMap<&'static str, String>);

impl Knobs {
    /// As a profile has them.
    ///
    /// # Errors
    /// Where there is no profile of that name.
    pub fn profile(name: &str) -> Result<Self, KnobError> {
        let profile = PROFILES.iter().find(|profile| profile.name == name);
        let profile = profile.ok_or_else(|| KnobError::Profile { name: name.to_owned() })?;
        Ok(Self(profile.sets.iter().map(|(knob, value)| (knob.name, (*value).to_owned())).collect()))
    }

    /// Sets one by its name.
    ///
    /// # Errors
    /// Where there is none of that name, or it does not take that value.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), KnobError> {
        let Some(knob) = KNOBS.iter().find(|knob| knob.name == name) else {
            let meant = nearest(name, KNOBS.iter().map(|knob| knob.name));
            let meant = meant.and_then(|meant| KNOBS.iter().find(|knob| knob.name == meant));
            return Err(KnobError::Name { name: name.to_owned(), meant: meant.map(|knob| knob.name) });
        };
        if !knob.takes(value) {
            let value = value.to_owned();
            return Err(KnobError::Value { name: knob.name, takes: knob.values(), value });
        }
        self.0.insert(knob.name, value.to_owned());
        Ok(())
    }

    /// Sets one as it stands on the command line: `NAME=VALUE`.
    ///
    /// # Errors
    /// As for [`set`](Self::set).
    pub fn set_written(&mut self, written: &str) -> Result<(), KnobError> {
        let (name, value) = written.split_once('=').ok_or_else(|| KnobError::Form(written.to_owned()))?;
        self.set(name.trim(), value.trim())
    }

    /// The same with one set otherwise.
    ///
    /// # Errors
    /// As for [`set`](Self::set).
    pub fn with(mut self, name: &str, value: &str) -> Result<Self, KnobError> {
        self.set(name, value)?;
        Ok(self)
    }

    /// What one is set to.
    #[must_use]
    pub fn get<'a>(&'a self, knob: &'a Knob) -> &'a str {
        self.0.get(knob.name).map_or(knob.default, String::as_str)
    }

    /// Whether one is set to that.
    #[must_use]
    pub fn is(&self, knob: &Knob, value: &str) -> bool {
        self.get(knob) == value
    }

    /// The time of one that takes a duration.
    #[must_use]
    pub fn time(&self, knob: &Knob) -> Duration {
        time(self.get(knob)).unwrap_or_default()
    }

    /// The number of one that takes a number.
    #[must_use]
    pub fn number(&self, knob: &Knob) -> u32 {
        self.get(knob).parse().unwrap_or_default()
    }

    /// Those whose value is not known of a real server, with it.
    pub fn assumed(&self) -> impl Iterator<Item = (&'static Knob, &str)> {
        let assumed = |knob: &&Knob| match knob.basis {
            Basis::Assumed => true,
            Basis::Documented | Basis::Seen => self.0.get(knob.name).is_some_and(|it| it != knob.default),
            Basis::Own => false,
        };
        KNOBS.iter().filter(assumed).map(|knob| (knob, self.get(knob)))
    }
}

fn time(text: &str) -> Option<Duration> {
    duration(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sound() {
        for knob in KNOBS {
            assert!(knob.takes(knob.default), "{}", knob.name);
            assert_eq!(KNOBS.iter().filter(|other| other.name == knob.name).count(), 1, "{}", knob.name);
        }
        assert_eq!(PROFILES.iter().map(|profile| profile.name).collect::<Vec<_>>(), PROFILE_NAMES);
        for (profile, (knob, value)) in
            PROFILES.iter().flat_map(|it| it.sets.iter().map(move |set| (it, set)))
        {
            assert!(knob.takes(value), "`{}` of {}", knob.name, profile.name);
            assert_ne!(knob.default, *value, "`{}` of {}", knob.name, profile.name);
        }
    }

    #[test]
    fn what_is_wrong_is_told() {
        let mut knobs = Knobs::default();
        assert_eq!(knobs.set_written("unknown_target=404"), Ok(()));
        assert!(knobs.is(&UNKNOWN_TARGET, "404"));
        for (written, message) in [
            ("unknown_target", "`unknown_target` is not NAME=VALUE"),
            ("unknwon_target=404", "no knob is named `unknwon_target`; did you mean `unknown_target`?"),
            ("unknown_target=500", "`unknown_target` takes `401`, `404`, not `500`"),
            ("cold_start=20", "`cold_start` takes a duration such as `20s`, not `20`"),
        ] {
            assert_eq!(knobs.set_written(written).unwrap_err().to_string(), message);
        }
        assert!(
            Knobs::profile("docs-2025").unwrap_err().to_string().ends_with("docs-2026-05, agenthub-2026-08")
        );
    }

    #[test]
    fn a_choice_against_what_is_known_is_an_assumption() {
        let known = |knobs: &Knobs| knobs.assumed().any(|(knob, _)| *knob == UNKNOWN_TARGET);
        assert!(!known(&Knobs::default()));
        assert!(known(&Knobs::default().with("unknown_target", "404").unwrap()));
        assert!(Knobs::default().assumed().any(|(knob, value)| (*knob, value) == (NO_VIEW, "403")));
    }
}

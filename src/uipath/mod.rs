//! UiPath: the address of an Orchestrator MCP Server, from its parts or whole, with what may be wrong about it; what a
//! suite leaves to the environment; the few questions that are put to Orchestrator itself; and the texts by which its
//! failures are known.
//!
//! Nothing but [`Rest`] opens a connection, and nothing reads the environment: it is handed in.

mod address;
mod failed_call;
mod failures;
mod folders;
mod identity;
mod rest;
mod whole;
mod written;

pub use address::{Address, DEFAULT_BASE, Fault, Folder, Mistake, Part, fault};
pub use failed_call::{Cause, FailedCall};
pub use failures::{Failure, connection_code, did_not_start};
pub use folders::folder_key;
pub use identity::{NoToken, application_token};
pub use rest::{Answer, Refusal, Rest, RestError};
pub use whole::{Reading, is_host, looks_like, placeholder, read};
pub use written::{FOLDER_KEY, FOLDER_PATH, SERVER_URL, URL, Written, server_url};

/// The environment variables that hold the token unless a suite says otherwise: the first that is set.
pub const TOKEN_VARIABLES: &[&str] = &["UIPATH_ACCESS_TOKEN", "UIPATH_PAT"];

/// Why there is no address, or no token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Trouble {
    /// What is wrong, and where.
    pub message: String,
    /// The way out.
    pub help: String,
    /// What kind of mistake in the address it is.
    pub mistake: Mistake,
}

impl Trouble {
    fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { message: message.into(), help: help.into(), mistake: Mistake::Other }
    }

    fn being(self, mistake: Mistake) -> Self {
        Self { mistake, ..self }
    }
}

impl From<Fault> for Trouble {
    fn from(Fault { message, help, mistake, .. }: Fault) -> Self {
        Self { message, help, mistake }
    }
}

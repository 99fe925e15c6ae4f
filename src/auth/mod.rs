//! Credentials, identities, secrets, and the one place where secrets are taken out of what is shown.
//! Nothing here reads the environment: it is handed in as [`Environment`].

mod credential;
mod cuts;
mod forms;
mod look;
mod redactor;
mod secret;
mod undone;

pub use credential::{App, Credential, CredentialError, Environment};
pub use look::{Jwt, looks_like_token, remarks};
pub use redactor::Redactor;
pub use secret::Secret;

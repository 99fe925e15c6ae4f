//! Bytes to and from a server, with limits of size and time: Streamable HTTP and its SSE streams, and connections
//! that a session has for itself. Headers come with the message; nothing here knows a method's name.

mod diary;
mod duplex;
mod error;
mod events;
mod http;
mod incoming;
mod lanes;
mod process;
mod sse;

use std::path::PathBuf;

use crate::auth::Secret;
pub(crate) use duplex::Duplex;
pub(crate) use error::Error;
pub(crate) use events::NoEvents;
pub(crate) use http::{Frame, Head, Http, Outgoing};
pub(crate) use incoming::Incoming;
pub(crate) use lanes::{Claims, SUBSCRIPTION_ID};
pub use process::{Program, end_every_process};

/// What an event or a message weighs beside its bytes: it is kept as a document, so that many small ones add up.
const WEIGHT: usize = 512;

/// How connections are made, beside the address.
#[derive(Clone, Debug, Default)]
pub struct Route {
    /// The certificates that are trusted in place of the system's, in PEM.
    pub ca: Option<String>,
    /// The client's own certificate and its private key, in PEM.
    pub identity: Option<Secret>,
    /// The Unix socket that every connection is made to. Proxies are for others.
    pub socket: Option<PathBuf>,
}

/// Limits of one answer, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Of a body that is no stream.
    pub(crate) body: usize,
    /// Of one SSE event, and of one line.
    pub(crate) event: usize,
    /// Of one SSE stream, and of what one request is sent on a shared one.
    pub(crate) stream: usize,
}

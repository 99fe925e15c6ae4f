//! Bytes to and from a server: Streamable HTTP and its SSE streams, with limits of size and time. Headers come
//! with the message; nothing here knows a method's name.

mod error;
mod http;
mod sse;

use std::path::PathBuf;

use crate::auth::Secret;
pub(crate) use error::Error;
pub(crate) use http::{Frame, Head, Http, Incoming, Outgoing};

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
    /// Of one SSE event.
    pub(crate) event: usize,
    /// Of one SSE stream.
    pub(crate) stream: usize,
}

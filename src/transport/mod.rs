//! Bytes to and from a server: Streamable HTTP and its SSE streams, with limits of size and time. Headers come
//! with the message; nothing here knows a method's name.

mod error;
mod http;
mod sse;

pub(crate) use error::Error;
pub(crate) use http::{Frame, Head, Http, Incoming, Outgoing};

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

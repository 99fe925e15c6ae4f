//! What can go wrong between two machines, in words that people know.

use std::error::Error as _;
use std::io::ErrorKind;
use std::time::Duration;

/// Why there is no whole answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    /// No connection was made, so nothing was sent.
    #[error("{0}")]
    Unreachable(String),
    /// The connection ended before the answer was whole.
    #[error("the connection ended after {received} bytes of the answer: {reason}")]
    Closed {
        /// What happened.
        reason: String,
        /// Bytes of the body that had come.
        received: usize,
    },
    /// The stream that answers share has ended.
    #[error("{0}")]
    Ended(String),
    /// The answer is larger than a limit.
    #[error("{what} is larger than {}", size(*.limit))]
    Limit {
        /// What is too large: `the body of the answer`.
        what: &'static str,
        /// The limit in bytes.
        limit: usize,
    },
    /// The request cannot be sent as it is.
    #[error("nothing was sent: {0}")]
    Refused(String),
}

impl Error {
    /// What the HTTP client reports before the head of an answer came.
    pub(super) fn sending(error: &reqwest::Error, host: &str, connect: Duration) -> Self {
        if error.is_builder() {
            return Self::Refused(innermost(error));
        }
        if !error.is_connect() {
            return Self::receiving(error, 0);
        }
        let reason = if error.is_timeout() {
            format!("no connection to `{host}` within {} s", connect.as_secs_f64())
        } else if let Some(reason) = io_reason(error) {
            format!("{reason}: `{host}`")
        } else if chain(error).any(|text| text.contains("dns error")) {
            format!("the host name `{host}` cannot be resolved: {}", innermost(error))
        } else {
            format!("no connection to `{host}`: {}", tls_reason(&innermost(error)))
        };
        Self::Unreachable(reason)
    }

    /// What the HTTP client reports after `received` bytes of a body.
    pub(super) fn receiving(error: &reqwest::Error, received: usize) -> Self {
        let reason =
            if chain(error).any(|text| text.contains("message completed") || text.contains("end of file")) {
                "the server closed it".to_owned()
            } else {
                io_reason(error).map_or_else(|| innermost(error), str::to_owned)
            };
        Self::Closed { reason, received }
    }
}

fn io_reason(error: &reqwest::Error) -> Option<&'static str> {
    let mut source = error.source();
    while let Some(inner) = source {
        let kind = inner.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
        let words = match kind {
            Some(ErrorKind::ConnectionRefused) => Some("connection refused"),
            Some(ErrorKind::ConnectionReset) => Some("connection reset"),
            Some(ErrorKind::ConnectionAborted) => Some("connection aborted"),
            Some(ErrorKind::BrokenPipe) => Some("connection closed"),
            Some(ErrorKind::HostUnreachable) => Some("host unreachable"),
            Some(ErrorKind::NetworkUnreachable) => Some("network unreachable"),
            _ => None,
        };
        if words.is_some() {
            return words;
        }
        source = inner.source();
    }
    None
}

/// What the TLS library says, in words of who does not know it.
fn tls_reason(reason: &str) -> String {
    if reason.contains("InvalidContentType") {
        return "what answers there does not speak TLS, so that its address may begin with `http://`"
            .to_owned();
    }
    if reason.contains("invalid peer certificate") {
        return format!("{reason}; `tls: {{ca: FILE}}` of the server says whom to trust");
    }
    reason.to_owned()
}

fn chain(error: &reqwest::Error) -> impl Iterator<Item = String> {
    let mut next: Option<&dyn std::error::Error> = Some(error);
    std::iter::from_fn(move || {
        let this = next?;
        next = this.source();
        Some(this.to_string())
    })
}

/// The text at the end of the chain of causes: the outer ones repeat the address and say nothing.
fn innermost(error: &reqwest::Error) -> String {
    chain(error).last().unwrap_or_default()
}

/// A number of bytes for people.
fn size(bytes: usize) -> String {
    match bytes {
        0 => "0 bytes".to_owned(),
        _ if bytes.is_multiple_of(1 << 20) => format!("{} MiB", bytes >> 20),
        _ if bytes.is_multiple_of(1 << 10) => format!("{} KiB", bytes >> 10),
        _ => format!("{bytes} bytes"),
    }
}

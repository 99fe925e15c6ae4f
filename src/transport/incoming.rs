//! An answer on its way, whatever brings it.

use super::http::{self, Frame};
use super::{Error, duplex};

/// An answer on its way: an HTTP answer of its own, or its part of a stream that several share.
#[derive(Debug)]
pub(crate) enum Incoming {
    /// An HTTP answer.
    Own(Box<http::Incoming>),
    /// A part of a shared stream.
    Shared(Box<duplex::Incoming>),
    /// Nothing, and why.
    None(Option<Error>),
}

impl Incoming {
    /// The next piece; none at the end. Nothing is lost where the future is dropped and called anew.
    ///
    /// # Errors
    /// Where no connection is made, it ends too early, or a limit is passed. Then the exchange is over.
    pub(crate) async fn next(&mut self) -> Result<Option<Frame>, Error> {
        match self {
            Self::Own(incoming) => incoming.next().await,
            Self::Shared(incoming) => incoming.next().await,
            Self::None(error) => error.take().map_or(Ok(None), Err),
        }
    }

    /// Whether the stream held bytes that are no UTF-8, and were replaced.
    pub(crate) fn is_lossy(&self) -> bool {
        matches!(self, Self::Own(incoming) if incoming.is_lossy())
    }

    /// Whether it shares its stream: then the answer does not end it, and to drop it tells the server nothing.
    pub(crate) fn is_shared(&self) -> bool {
        matches!(self, Self::Shared(_))
    }

    /// Bytes of body or stream that have come.
    pub(crate) fn received(&self) -> usize {
        match self {
            Self::Own(incoming) => incoming.received(),
            Self::Shared(incoming) => incoming.received(),
            Self::None(_) => 0,
        }
    }

    /// From now on it gets what names it, and nothing else of a shared stream.
    pub(crate) fn step_aside(&self) {
        if let Self::Shared(incoming) = self {
            incoming.step_aside();
        }
    }

    /// What the server said beside the protocol, for people.
    pub(crate) fn told(&self) -> Option<String> {
        match self {
            Self::Own(_) | Self::None(_) => None,
            Self::Shared(incoming) => incoming.told(),
        }
    }
}

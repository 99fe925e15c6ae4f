//! The protocol versions.

use std::fmt;

/// A version of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Version {
    /// HTTP+SSE and stdio.
    V2024_11_05,
    /// Streamable HTTP, batches.
    V2025_03_26,
    /// Structured content, elicitation, the version header.
    V2025_06_18,
    /// Tasks, the last with a handshake.
    V2025_11_25,
    /// No sessions: metadata with every request.
    V2026_07_28,
}

impl Version {
    /// Every version, oldest first.
    pub const ALL: &'static [Self] =
        &[Self::V2024_11_05, Self::V2025_03_26, Self::V2025_06_18, Self::V2025_11_25, Self::V2026_07_28];

    /// As it stands on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V2024_11_05 => "2024-11-05",
            Self::V2025_03_26 => "2025-03-26",
            Self::V2025_06_18 => "2025-06-18",
            Self::V2025_11_25 => "2025-11-25",
            Self::V2026_07_28 => "2026-07-28",
        }
    }

    /// The version of a text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|version| version.as_str() == text)
    }

    /// Whether tools declare what their structured content is like.
    #[must_use]
    pub fn has_structured(self) -> bool {
        self >= Self::V2025_06_18
    }

    /// Whether every request after the handshake names it in a header.
    #[must_use]
    pub fn has_header(self) -> bool {
        self >= Self::V2025_06_18
    }

    /// Whether metadata comes with every request instead of a handshake.
    #[must_use]
    pub fn is_modern(self) -> bool {
        self >= Self::V2026_07_28
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

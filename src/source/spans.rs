//! The places of a document's nodes, in as little memory as can be: a suite may have ten thousand documents.

use super::{Pointer, Span};

/// Where one node stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeSpan {
    /// The key that names the node; none for list elements and the root.
    pub key: Option<Span>,
    /// The value. A scalar's whole text, its quotes or `|` included; for a container what stands of it on its
    /// first line. What an alias repeats stands where the alias stands.
    pub value: Span,
}

/// From JSON Pointer to [`NodeSpan`].
///
/// Of a pointer its hash is kept. Of a document's nodes (at most 100,000) two have one hash once in a billion
/// documents, and then a caret stands at the wrong one of them.
#[derive(Clone, Debug, Default)]
pub struct Spans {
    /// In the order of their hashes.
    entries: Box<[Entry]>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    hash: u64,
    value: Small,
    key: Small,
}

/// A span in half the memory: no file is larger than 4 GiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Small {
    start: u32,
    end: u32,
}

impl Small {
    /// No span: it would end before it starts.
    const NONE: Self = Self { start: u32::MAX, end: 0 };

    fn new(span: Span) -> Self {
        let small = |at| u32::try_from(at).unwrap_or(u32::MAX);
        Self { start: small(span.start), end: small(span.end) }
    }

    fn span(self) -> Option<Span> {
        (self != Self::NONE).then(|| Span::new(self.start as usize, self.end as usize))
    }
}

impl Spans {
    /// Where the node at a pointer stands.
    #[must_use]
    pub fn get(&self, at: &Pointer) -> Option<NodeSpan> {
        let hash = hash(at);
        let found = self.entries.binary_search_by_key(&hash, |entry| entry.hash).ok()?;
        self.entries.get(found).and_then(|entry| entry.node())
    }

    /// The places of all nodes, in no order.
    pub fn values(&self) -> impl Iterator<Item = NodeSpan> {
        self.entries.iter().filter_map(|entry| entry.node())
    }
}

impl Entry {
    fn node(&self) -> Option<NodeSpan> {
        Some(NodeSpan { key: self.key.span(), value: self.value.span()? })
    }
}

impl FromIterator<(Pointer, NodeSpan)> for Spans {
    fn from_iter<I: IntoIterator<Item = (Pointer, NodeSpan)>>(nodes: I) -> Self {
        let mut entries: Vec<Entry> = nodes
            .into_iter()
            .map(|(at, node)| Entry {
                hash: hash(&at),
                value: Small::new(node.value),
                key: node.key.map_or(Small::NONE, Small::new),
            })
            .collect();
        entries.sort_unstable_by_key(|entry| entry.hash);
        Self { entries: entries.into_boxed_slice() }
    }
}

/// FNV-1a.
fn hash(at: &Pointer) -> u64 {
    let bytes = at.as_str().bytes();
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_found_again() {
        let node = |start| NodeSpan {
            key: (start % 2 == 0).then(|| Span::new(start, start)),
            value: Span::new(start, start + 3),
        };
        let at = |index| Pointer::root().key("a").index(index);
        let spans: Spans = (0..1000).map(|index| (at(index), node(index))).collect();
        assert!((0..1000).all(|index| spans.get(&at(index)) == Some(node(index))));
        assert_eq!(spans.get(&Pointer::root()), None);
        assert_eq!(spans.values().count(), 1000);
    }
}

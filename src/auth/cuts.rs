//! What a cut leaves of a secret: beside a `…` there may be its beginning, its end, or between two of them a part of
//! it.

use std::collections::{BTreeSet, HashSet};
use std::ops::Bound;

use aho_corasick::AhoCorasick;

use super::redactor::MASK;

/// What stands where a message leaves out a part of a text.
const CUT: char = '…';

/// A piece of a secret beside a cut is masked from this length on: shorter ones say little and are everywhere.
const PIECE: usize = 4;

/// The forms of all secrets, sorted by how they begin and by how they end: what a server sends may have any number of
/// cuts, and to look each of them up has to stay quick.
#[derive(Debug, Default)]
pub(super) struct Cuts {
    /// Without capitals.
    forms: BTreeSet<Vec<u8>>,
    /// The same backwards.
    reversed: BTreeSet<Vec<u8>>,
    /// How long the longest is.
    longest: usize,
}

impl Cuts {
    /// Adds a form of a secret.
    pub(super) fn add(&mut self, form: &str) {
        let form = form.to_ascii_lowercase().into_bytes();
        self.longest = self.longest.max(form.len());
        self.reversed.insert(form.iter().rev().copied().collect());
        self.forms.insert(form);
    }

    /// The text with pieces of secrets masked where it was cut; none where there are none. A whole secret stands in it
    /// nowhere.
    pub(super) fn masked(&self, text: &str) -> Option<String> {
        if self.longest == 0 || !text.contains(CUT) {
            return None;
        }
        let pieces: Vec<&str> = text.split(CUT).collect();
        let inner = pieces.get(1..pieces.len() - 1).unwrap_or_default();
        let inside = self.inside(inner);
        let mut any = false;
        let mut out = Vec::with_capacity(pieces.len());
        for (index, piece) in pieces.iter().enumerate() {
            let lower = piece.to_ascii_lowercase();
            let (first, last) = (index == 0, index + 1 == pieces.len());
            let (from, to) = match () {
                () if !first && !last && inside.contains(lower.as_bytes()) => (piece.len(), piece.len()),
                () => {
                    let rest = if first { 0 } else { self.rest(lower.as_bytes()) };
                    let start = if last { 0 } else { self.start(lower.as_bytes()) };
                    (rest, piece.len().saturating_sub(start).max(rest))
                }
            };
            any |= from > 0 || to < piece.len();
            let mask = |hidden: bool| if hidden { MASK } else { "" };
            let shown = piece.get(from..to).unwrap_or_default();
            out.push(format!("{}{shown}{}", mask(from > 0), mask(to < piece.len())));
        }
        any.then(|| out.join(CUT.encode_utf8(&mut [0; 4])))
    }

    /// How long the beginning of a secret is at the end of a piece.
    fn start(&self, piece: &[u8]) -> usize {
        longest(&self.forms, piece, self.longest)
    }

    /// How long the end of a secret is at the beginning of a piece.
    fn rest(&self, piece: &[u8]) -> usize {
        let backwards: Vec<u8> = piece.iter().take(self.longest).rev().copied().collect();
        longest(&self.reversed, &backwards, self.longest)
    }

    /// Which of the pieces stand inside of a secret.
    fn inside(&self, pieces: &[&str]) -> HashSet<Vec<u8>> {
        let whole = pieces.iter().filter(|piece| (PIECE..=self.longest).contains(&piece.len()));
        let pieces: BTreeSet<Vec<u8>> = whole.map(|piece| piece.to_ascii_lowercase().into_bytes()).collect();
        if pieces.is_empty() {
            return HashSet::new();
        }
        let pieces: Vec<Vec<u8>> = pieces.into_iter().collect();
        // What cannot be looked for is not shown.
        let Ok(search) = AhoCorasick::new(&pieces) else { return pieces.into_iter().collect() };
        let hits = self.forms.iter().flat_map(|form| search.find_overlapping_iter(form));
        let found: BTreeSet<usize> = hits.map(|hit| hit.pattern().as_usize()).collect();
        found.into_iter().filter_map(|index| pieces.get(index).cloned()).collect()
    }
}

/// How long the longest end of a piece is that one of the forms begins with, if that is long enough.
fn longest(forms: &BTreeSet<Vec<u8>>, piece: &[u8], most: usize) -> usize {
    let begins = |end: &[u8]| {
        let mut from = forms.range::<[u8], _>((Bound::Included(end), Bound::Unbounded));
        from.next().is_some_and(|form| form.starts_with(end))
    };
    let lengths = (PIECE..=piece.len().min(most)).rev();
    lengths
        .filter_map(|length| piece.get(piece.len() - length..))
        .find(|end| begins(end))
        .map_or(0, <[u8]>::len)
}

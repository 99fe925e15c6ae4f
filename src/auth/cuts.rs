//! What a cut leaves of a secret: beside a `…` there may be its beginning, its end, or between two of them a part of
//! it.

use std::collections::{BTreeSet, HashSet};
use std::ops::Bound;

use aho_corasick::AhoCorasick;

use super::redactor::MASK;
use super::undone::{Levels, resumptions, whole};

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
            let (first, last) = (index == 0, index + 1 == pieces.len());
            let (from, to) = match () {
                () if !first && !last && inside.contains(*piece) => (piece.len(), piece.len()),
                () => {
                    let rest = if first { 0 } else { self.rest(piece.as_bytes()) };
                    let start = if last { piece.len() } else { self.start(piece.as_bytes()) };
                    (rest, start.max(rest))
                }
            };
            any |= from > 0 || to < piece.len();
            let mask = |hidden: bool| if hidden { MASK } else { "" };
            let shown = piece.get(from..to).unwrap_or_default();
            out.push(format!("{}{shown}{}", mask(from > 0), mask(to < piece.len())));
        }
        any.then(|| out.join(CUT.encode_utf8(&mut [0; 4])))
    }

    /// Where the beginning of a secret stands at the end of a piece; the piece's end where none does.
    fn start(&self, piece: &[u8]) -> usize {
        let levels = Levels::of_cut(piece);
        let starts = levels.each().flat_map(|(level, left)| {
            let found = |end: usize| {
                let length = longest(&self.forms, left.get(..end).unwrap_or_default(), self.longest);
                (length > 0).then(|| levels.place(level, (end - length, end)).0)
            };
            [found(left.len()), found(whole(left))]
        });
        starts.flatten().min().unwrap_or(piece.len())
    }

    /// Where the end of a secret that a piece begins with is over; 0 where it does not.
    fn rest(&self, piece: &[u8]) -> usize {
        let rests = resumptions(piece).filter_map(|from| {
            let levels = Levels::of(piece.get(from..)?);
            let ends = levels.each().filter_map(|(level, left)| {
                let near = left.get(..self.longest).unwrap_or(left);
                let backwards: Vec<u8> = near.iter().rev().copied().collect();
                let length = longest(&self.reversed, &backwards, self.longest);
                (length > 0).then(|| from + levels.place(level, (0, length)).1)
            });
            ends.max()
        });
        rests.max().unwrap_or(0)
    }

    /// Which of the pieces stand inside of a secret.
    fn inside<'a>(&self, pieces: &[&'a str]) -> HashSet<&'a str> {
        let mut ways: BTreeSet<(Vec<u8>, &str)> = BTreeSet::new();
        for piece in pieces {
            let bytes = piece.as_bytes();
            for rest in resumptions(bytes).filter_map(|from| bytes.get(from..)) {
                for (_, left) in Levels::of_cut(rest).each() {
                    let left = left.get(..whole(left)).unwrap_or_default();
                    if (PIECE..=self.longest).contains(&left.len()) {
                        ways.insert((left.to_ascii_lowercase(), piece));
                    }
                }
            }
        }
        if ways.is_empty() {
            return HashSet::new();
        }
        let every = || ways.iter().map(|(_, piece)| *piece).collect();
        // What cannot be looked for is not shown.
        let Ok(search) = AhoCorasick::new(ways.iter().map(|(left, _)| left)) else { return every() };
        let hits = self.forms.iter().flat_map(|form| search.find_overlapping_iter(form));
        let found: HashSet<usize> = hits.map(|hit| hit.pattern().as_usize()).collect();
        let ways = ways.into_iter().enumerate().filter(|(index, _)| found.contains(index));
        ways.map(|(_, (_, piece))| piece).collect()
    }
}

/// How long the longest end of a piece is that one of the forms begins with, if that is long enough.
fn longest(forms: &BTreeSet<Vec<u8>>, piece: &[u8], most: usize) -> usize {
    let piece = piece.get(piece.len().saturating_sub(most)..).unwrap_or_default().to_ascii_lowercase();
    let begins = |end: &[u8]| {
        let mut from = forms.range::<[u8], _>((Bound::Included(end), Bound::Unbounded));
        from.next().is_some_and(|form| form.starts_with(end))
    };
    let lengths = (PIECE..=piece.len()).rev();
    lengths
        .filter_map(|length| piece.get(piece.len() - length..))
        .find(|end| begins(end))
        .map_or(0, <[u8]>::len)
}

//! Lists: element by element, by assignment, and what is missing or too many.

use serde_json::Value;

use super::Mismatch;
use super::assign::{MAX_PAIRS, assign};
use super::compare::{compare as compare_node, mismatch, verdict};
use super::node::Node;
use super::outcome::{Context, Outcome, Verdict};
use super::place::Place;
use super::render;
use crate::source::Pointer;

/// How many pairs of elements are tried to tell which element is missing.
const MAX_ALIGNED: usize = 40_000;

/// How many differences to the nearest element are told.
const NEAREST: usize = 3;

/// How many elements are looked at to find the nearest.
const CANDIDATES: usize = 50;

/// A plain list: same length, element by element.
pub(super) fn compare(
    context: Context<'_>,
    node: &Node,
    nodes: &[Node],
    items: &[Value],
    place: &Place<'_>,
    outcome: &mut Outcome,
) {
    if nodes.len() == items.len() {
        for (index, (node, item)) in nodes.iter().zip(items).enumerate() {
            compare_node(context, node, Some(item), &place.index(index), outcome);
            if outcome.is_settled() {
                return;
            }
        }
        return;
    }
    let lengths = || {
        let (is, expected) = (render::counted(items.len(), "element"), nodes.len());
        format!("the list has {is}, and {expected} {} expected", if expected == 1 { "is" } else { "are" })
    };
    if nodes.len().saturating_mul(items.len()) > MAX_ALIGNED {
        return outcome.differs(|| Mismatch {
            expected: Some(render::expected(node)),
            actual: items.first().map(|_| format!("a list of {}", render::counted(items.len(), "element"))),
            ..mismatch(&node.at, place, lengths())
        });
    }
    for gap in gaps(context, nodes, items, place) {
        let both = gap.nodes.len().min(gap.items.len());
        for (node, item) in gap.nodes.iter().zip(gap.items.iter()) {
            if let (Some(node), Some(value)) = (nodes.get(*node), items.get(*item)) {
                // Which belongs to which is a guess.
                compare_node(context.unrecorded(), node, Some(value), &place.index(*item), outcome);
            }
        }
        for index in gap.nodes.iter().skip(both) {
            if let Some(missing) = nodes.get(*index) {
                outcome.differs(|| Mismatch {
                    expected: Some(render::expected(missing)),
                    ..mismatch(&missing.at, place, format!("element {index} is missing: {}", lengths()))
                });
            }
        }
        for index in gap.items.iter().skip(both) {
            if let Some(value) = items.get(*index) {
                outcome.differs(|| Mismatch {
                    at_key: true,
                    expected: Some("no other element".to_owned()),
                    actual: Some(render::value(value)),
                    ..mismatch(
                        &node.at,
                        &place.index(*index),
                        format!("element {index} is not expected: {}", lengths()),
                    )
                });
            }
        }
    }
}

/// Neighbours that have no partner on the other side.
struct Gap {
    nodes: Vec<usize>,
    items: Vec<usize>,
}

/// What is left over between the longest common run of matching elements.
fn gaps(context: Context<'_>, nodes: &[Node], items: &[Value], place: &Place<'_>) -> Vec<Gap> {
    let holds: Vec<Vec<bool>> = nodes
        .iter()
        .map(|node| {
            let fits = |(index, item)| verdict(context, node, item, &place.index(index)) == Verdict::Holds;
            items.iter().enumerate().map(fits).collect()
        })
        .collect();
    let fits = |i: usize, j: usize| holds.get(i).and_then(|row| row.get(j)).copied().unwrap_or(false);
    // longest[i][j]: how many of nodes[i..] and items[j..] can be paired in their order.
    let mut longest = vec![vec![0_usize; items.len() + 1]; nodes.len() + 1];
    let get = |table: &[Vec<usize>], i: usize, j: usize| {
        table.get(i).and_then(|row| row.get(j)).copied().unwrap_or(0)
    };
    for i in (0..nodes.len()).rev() {
        for j in (0..items.len()).rev() {
            let best = if fits(i, j) {
                get(&longest, i + 1, j + 1) + 1
            } else {
                get(&longest, i + 1, j).max(get(&longest, i, j + 1))
            };
            if let Some(cell) = longest.get_mut(i).and_then(|row| row.get_mut(j)) {
                *cell = best;
            }
        }
    }
    let mut gaps = vec![Gap { nodes: Vec::new(), items: Vec::new() }];
    let (mut i, mut j) = (0, 0);
    while i < nodes.len() || j < items.len() {
        if i < nodes.len() && j < items.len() && fits(i, j) {
            (i, j) = (i + 1, j + 1);
            gaps.push(Gap { nodes: Vec::new(), items: Vec::new() });
            continue;
        }
        let Some(gap) = gaps.last_mut() else { break };
        if j >= items.len() || (i < nodes.len() && get(&longest, i + 1, j) >= get(&longest, i, j + 1)) {
            gap.nodes.push(i);
            i += 1;
        } else {
            gap.items.push(j);
            j += 1;
        }
    }
    gaps
}

/// `$unordered`: each element has a partner of its own.
pub(super) fn unordered(
    context: Context<'_>,
    (at, nodes): (&Pointer, &[Node]),
    items: &[Value],
    place: &Place<'_>,
    outcome: &mut Outcome,
) {
    let Some((got, unknown)) = assigned(context, at, nodes, items, place, outcome) else { return };
    let missing: Vec<usize> = (0..nodes.len()).filter(|i| got.get(*i).copied().flatten().is_none()).collect();
    let left: Vec<usize> = (0..items.len()).filter(|j| !got.contains(&Some(*j))).collect();
    if missing.is_empty() && left.is_empty() {
        return;
    }
    let lengths = || format!("{} expected, {} there", render::counted(nodes.len(), "element"), items.len());
    for index in &missing {
        let Some(node) = nodes.get(*index) else { continue };
        let make = || {
            let mut mismatch = Mismatch {
                expected: Some(render::expected(node)),
                ..mismatch(&node.at, place, format!("no element is left for element {index}: {}", lengths()))
            };
            tell_nearest(&mut mismatch, context, node, items, &left, place);
            mismatch
        };
        if unknown { outcome.unknown(make) } else { outcome.differs(make) }
    }
    for index in left {
        let Some(value) = items.get(index) else { continue };
        outcome.differs(|| Mismatch {
            at_key: true,
            expected: Some("no other element".to_owned()),
            actual: Some(render::value(value)),
            ..mismatch(at, &place.index(index), format!("element {index} is left over: {}", lengths()))
        });
    }
}

/// `$contains` with a list: each member has an element of its own.
pub(super) fn contains_each(
    context: Context<'_>,
    (at, nodes): (&Pointer, &[Node]),
    items: &[Value],
    place: &Place<'_>,
    outcome: &mut Outcome,
) {
    let Some((got, unknown)) = assigned(context, at, nodes, items, place, outcome) else { return };
    let free: Vec<usize> = (0..items.len()).filter(|j| !got.contains(&Some(*j))).collect();
    for (node, mine) in nodes.iter().zip(&got) {
        if mine.is_some() {
            continue;
        }
        let make = || {
            let message = "no element of its own matches";
            let mut mismatch = Mismatch {
                expected: Some(render::expected(node)),
                actual: Some(render::list(items)),
                ..mismatch(&node.at, place, message)
            };
            tell_nearest(&mut mismatch, context, node, items, &free, place);
            mismatch
        };
        if unknown { outcome.unknown(make) } else { outcome.differs(make) }
    }
}

/// `$contains` with anything else: some element matches.
pub(super) fn contains_one(
    context: Context<'_>,
    node: &Node,
    items: &[Value],
    place: &Place<'_>,
    outcome: &mut Outcome,
) {
    let mut unknown = false;
    for (index, item) in items.iter().enumerate() {
        match verdict(context, node, item, &place.index(index)) {
            Verdict::Holds => return,
            Verdict::Differs => {}
            Verdict::Unknown => unknown = true,
        }
    }
    let make = || {
        let what = if items.is_empty() { "the list is empty" } else { "no element matches" };
        let mut mismatch = Mismatch {
            expected: Some(format!("an element that is {}", render::expected(node))),
            actual: Some(render::list(items)),
            ..mismatch(&node.at, place, what)
        };
        let all: Vec<usize> = (0..items.len()).collect();
        tell_nearest(&mut mismatch, context, node, items, &all, place);
        mismatch
    };
    if unknown { outcome.unknown(make) } else { outcome.differs(make) }
}

/// What each node got, and whether some pair could not be compared.
fn assigned(
    context: Context<'_>,
    at: &Pointer,
    nodes: &[Node],
    items: &[Value],
    place: &Place<'_>,
    outcome: &mut Outcome,
) -> Option<(Vec<Option<usize>>, bool)> {
    if nodes.len().saturating_mul(items.len()) > MAX_PAIRS {
        let message = format!(
            "{} expected and {} found are too many to be assigned: at most {MAX_PAIRS} pairs are tried",
            render::counted(nodes.len(), "element"),
            items.len()
        );
        outcome.unknown(|| mismatch(at, place, message));
        return None;
    }
    let mut unknown = false;
    let mut fits = Vec::with_capacity(nodes.len());
    for node in nodes {
        let mut mine = Vec::new();
        for (index, item) in items.iter().enumerate() {
            match verdict(context, node, item, &place.index(index)) {
                Verdict::Holds => mine.push(index),
                Verdict::Differs => {}
                Verdict::Unknown => unknown = true,
            }
        }
        fits.push(mine);
    }
    Some((assign(&fits, items.len()), unknown))
}

/// Tells how the element that differs least differs. Where that is in one place only, the mismatch is about that.
fn tell_nearest(
    mismatch: &mut Mismatch,
    context: Context<'_>,
    node: &Node,
    items: &[Value],
    candidates: &[usize],
    place: &Place<'_>,
) {
    let mut best: Option<(usize, usize, Vec<Mismatch>)> = None;
    for index in candidates.iter().take(CANDIDATES) {
        let Some(item) = items.get(*index) else { continue };
        let mut outcome = Outcome::tell();
        compare_node(context.unrecorded(), node, Some(item), &place.index(*index), &mut outcome);
        let (differences, more) = outcome.mismatches();
        let count = differences.len() + more;
        if count > 0 && best.as_ref().is_none_or(|(least, ..)| count < *least) {
            best = Some((count, *index, differences));
        }
    }
    let Some((count, index, differences)) = best else { return };
    // Where the whole differs, no element is nearer than another.
    let whole = |difference: &Mismatch| difference.expected_at == node.at && !difference.at_key;
    if candidates.len() > 1 && differences.iter().all(whole) {
        return;
    }
    if let [only] = differences.as_slice()
        && !whole(only)
    {
        let nearest = place.index(index).shown();
        *mismatch = Mismatch {
            message: format!("{}; in the nearest, `{nearest}`, {}", mismatch.message, only.message),
            ..only.clone()
        };
        return;
    }
    let told =
        differences.iter().take(NEAREST).map(|difference| format!("nearest: {}", difference.summary()));
    mismatch.notes.extend(told);
    let more = count.saturating_sub(NEAREST);
    if more > 0 {
        mismatch.notes.push(format!("nearest: and {} more", render::counted(more, "difference")));
    }
}

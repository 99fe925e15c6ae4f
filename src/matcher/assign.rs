//! A true assignment: each expected element gets an element of its own, wherever that is possible at all.

use std::collections::VecDeque;

/// How many pairs of an expected and a found element may be tried.
pub(super) const MAX_PAIRS: usize = 1_000_000;

/// For each element on the left, the element on the right that it got. `fits` holds the right elements that
/// each left one can have. As many as possible get one: where an element is taken, its owner is moved on to
/// another if that helps (augmenting paths; a greedy choice would miss some).
pub(super) fn assign(fits: &[Vec<usize>], right: usize) -> Vec<Option<usize>> {
    let mut owner: Vec<Option<usize>> = vec![None; right];
    let mut got: Vec<Option<usize>> = vec![None; fits.len()];
    for start in 0..fits.len() {
        // Breadth first, without recursion: lists may be long.
        let mut came_from: Vec<Option<usize>> = vec![None; right];
        let mut queue = VecDeque::from([start]);
        let mut free = None;
        'search: while let Some(left) = queue.pop_front() {
            for &candidate in fits.get(left).into_iter().flatten() {
                let Some(seen) = came_from.get_mut(candidate) else { continue };
                if seen.is_some() {
                    continue;
                }
                *seen = Some(left);
                match owner.get(candidate).copied().flatten() {
                    None => {
                        free = Some(candidate);
                        break 'search;
                    }
                    Some(next) => queue.push_back(next),
                }
            }
        }
        // Each on the way takes the one that was found for it and leaves the one it had.
        while let Some(candidate) = free {
            let Some(left) = came_from.get(candidate).copied().flatten() else { break };
            free = got.get_mut(left).and_then(|mine| mine.replace(candidate));
            if let Some(slot) = owner.get_mut(candidate) {
                *slot = Some(left);
            }
        }
    }
    got
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn where_greed_fails() {
        // The first could take 0 or 1, the second 0 only.
        assert_eq!(assign(&[vec![0, 1], vec![0]], 2), [Some(1), Some(0)]);
        assert_eq!(assign(&[vec![0, 1], vec![0, 2], vec![0]], 3), [Some(1), Some(2), Some(0)]);
        assert_eq!(assign(&[vec![0], vec![0]], 1).iter().flatten().count(), 1);
        assert_eq!(assign(&[vec![]], 0), [None]);
    }

    fn best(fits: &[Vec<usize>], taken: &mut Vec<usize>) -> usize {
        let Some((first, rest)) = fits.split_first() else { return 0 };
        let mut most = best(rest, taken);
        for &candidate in first {
            if !taken.contains(&candidate) {
                taken.push(candidate);
                most = most.max(1 + best(rest, taken));
                taken.pop();
            }
        }
        most
    }

    proptest! {
        #[test]
        fn as_many_as_possible(fits in prop::collection::vec(prop::collection::vec(0_usize..5, 0..4), 0..6)) {
            let got = assign(&fits, 5);
            let mut used: Vec<usize> = got.iter().flatten().copied().collect();
            prop_assert_eq!(used.len(), best(&fits, &mut Vec::new()));
            for (mine, fits) in got.iter().zip(&fits) {
                prop_assert!(mine.is_none_or(|mine| fits.contains(&mine)));
            }
            used.sort_unstable();
            used.dedup();
            prop_assert_eq!(used.len(), got.iter().flatten().count());
        }
    }
}

//! "Did you mean": the candidate that a misspelt word is nearest to.

/// Longer words are names that somebody chose, not misspelt keys; and the cost grows with the square.
const LONGEST: usize = 64;

/// The candidate that was probably meant, if one is near enough: a third of the word may differ. A transposition
/// counts once, upper and lower case do not count.
#[must_use]
pub(crate) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word: Vec<char> = word.to_lowercase().chars().take(LONGEST + 1).collect();
    if word.is_empty() || word.len() > LONGEST {
        return None;
    }
    candidates
        .into_iter()
        .filter_map(|candidate| {
            let other: Vec<char> = candidate.to_lowercase().chars().take(LONGEST + 1).collect();
            let longer = word.len().max(other.len());
            let allowed = (longer / 3).max(1);
            // Two letters have nothing in common after one change that would tell what was meant.
            if longer > LONGEST || longer < 3 && word != other || word.len().abs_diff(other.len()) > allowed {
                return None;
            }
            let far = distance(&word, &other);
            (far <= allowed).then_some((far, candidate))
        })
        .min_by_key(|(far, _)| *far)
        .map(|(_, candidate)| candidate)
}

/// Insertions, deletions, substitutions and transpositions of neighbours that make one word the other.
fn distance(one: &[char], other: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=other.len()).collect();
    let mut previous = None;
    for (row, a) in one.iter().enumerate() {
        let mut line = Vec::with_capacity(last.len());
        let mut left = row + 1;
        line.push(left);
        let mut neighbour = None;
        for (column, b) in other.iter().enumerate() {
            let at = |line: &[usize], index: usize| line.get(index).copied().unwrap_or(usize::MAX / 2);
            let mut best =
                (left + 1).min(at(&last, column + 1) + 1).min(at(&last, column) + usize::from(a != b));
            if previous == Some(b) && neighbour == Some(a) {
                best = best.min(at(&before, column.wrapping_sub(1)) + 1);
            }
            line.push(best);
            left = best;
            neighbour = Some(b);
        }
        previous = Some(a);
        before = std::mem::replace(&mut last, line);
    }
    last.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn far(one: &str, other: &str) -> usize {
        distance(&one.chars().collect::<Vec<_>>(), &other.chars().collect::<Vec<_>>())
    }

    #[test]
    fn what_was_meant_is_found() {
        let keys = ["expect", "save", "call", "headers", "list"];
        for (word, meant) in [
            ("expct", Some("expect")),
            ("exepct", Some("expect")),
            ("Save", Some("save")),
            ("clal", Some("call")),
            ("header", Some("headers")),
            ("lsit", Some("list")),
            ("nothing", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, keys), meant, "{word}");
        }
    }

    #[test]
    fn two_letters_are_no_misspelling_of_two_others() {
        assert_eq!(nearest("at", ["as"]), None);
        assert_eq!(nearest("AS", ["as"]), Some("as"));
    }

    #[test]
    fn the_nearer_one_wins() {
        assert_eq!(nearest("promt", ["prompts", "prompt"]), Some("prompt"));
    }

    #[test]
    fn a_transposition_counts_once() {
        assert_eq!(far("ab", "ba"), 1);
        assert_eq!(far("tiemout", "timeout"), 1);
        assert_eq!(far("kitten", "sitting"), 3);
    }

    proptest! {
        #[test]
        fn distance_is_symmetric_and_zero_only_for_equals(a in "[a-c]{0,8}", b in "[a-c]{0,8}") {
            prop_assert_eq!(far(&a, &b), far(&b, &a));
            prop_assert_eq!(far(&a, &b) == 0, a == b);
            prop_assert!(far(&a, &b) <= a.len().max(b.len()));
        }

        #[test]
        fn any_text_is_answered(word in ".{0,80}", other in ".{0,80}") {
            let _ = nearest(&word, [other.as_str()]);
        }
    }
}

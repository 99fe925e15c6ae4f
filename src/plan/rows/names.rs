//! The names of many rows, in as much memory as their letters take.

/// Names in order.
#[derive(Debug, Default)]
pub(super) struct Names {
    text: String,
    /// Where each ends in the text.
    ends: Vec<u32>,
}

impl Names {
    pub(super) fn push(&mut self, name: &str) {
        self.text.push_str(name);
        // Rows and their names are bounded to less than that.
        self.ends.push(u32::try_from(self.text.len()).unwrap_or(u32::MAX));
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn get(&self, index: usize) -> &str {
        let end = |index: usize| self.ends.get(index).map_or(0, |end| *end as usize);
        let start = index.checked_sub(1).map_or(0, end);
        self.text.get(start..end(index)).unwrap_or_default()
    }

    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        (0..self.ends.len()).map(|index| self.get(index))
    }

    /// The pairs of equal names, in the order of the later one: its index and that of the first of its name.
    pub(super) fn equal(&self) -> Vec<(usize, usize)> {
        let mut order: Vec<usize> = (0..self.ends.len()).collect();
        // Stable, so the first of a name stays before the others.
        order.sort_by_key(|index| self.get(*index));
        let mut pairs = Vec::new();
        let mut first = None;
        for index in order {
            match first {
                Some(known) if self.get(known) == self.get(index) => pairs.push((index, known)),
                _ => first = Some(index),
            }
        }
        pairs.sort_unstable();
        pairs
    }

    pub(super) fn shrink(&mut self) {
        self.text.shrink_to_fit();
        self.ends.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_names_are_paired_with_the_first() {
        let mut names = Names::default();
        ["b", "a", "b", "", "c", "b", "a"].into_iter().for_each(|name| names.push(name));
        assert_eq!(names.iter().collect::<Vec<_>>(), ["b", "a", "b", "", "c", "b", "a"]);
        assert_eq!(names.equal(), [(2, 0), (5, 0), (6, 1)]);
    }
}

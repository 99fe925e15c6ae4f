//! Things that get an id when they are made: `INV-1001`, `INV-1002` and so on. So many are kept, not more.

use std::collections::BTreeMap;

/// How many are kept; the oldest go first.
const MAX_KEPT: usize = 10_000;
/// The number of the first.
const FIRST: u64 = 1001;

/// Things by their number.
#[derive(Debug)]
pub(super) struct Numbered<T> {
    prefix: &'static str,
    by_number: BTreeMap<u64, T>,
    made: u64,
}

impl<T> Numbered<T> {
    /// None yet; ids begin with the prefix.
    pub(super) fn new(prefix: &'static str) -> Self {
        Self { prefix, by_number: BTreeMap::new(), made: 0 }
    }

    /// Adds one and gives its id.
    pub(super) fn add(&mut self, thing: T) -> String {
        let number = FIRST + self.made;
        self.made += 1;
        self.by_number.insert(number, thing);
        if self.by_number.len() > MAX_KEPT {
            self.by_number.pop_first();
        }
        self.id(number)
    }

    /// The one of an id.
    pub(super) fn get(&self, id: &str) -> Option<&T> {
        self.by_number.get(&self.number(id)?)
    }

    /// The same, to change it.
    pub(super) fn get_mut(&mut self, id: &str) -> Option<&mut T> {
        let number = self.number(id)?;
        self.by_number.get_mut(&number)
    }

    /// Removes the one of an id.
    pub(super) fn remove(&mut self, id: &str) -> Option<T> {
        let number = self.number(id)?;
        self.by_number.remove(&number)
    }

    /// All with their ids, the oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (String, &T)> {
        self.by_number.iter().map(|(number, thing)| (self.id(*number), thing))
    }

    fn id(&self, number: u64) -> String {
        format!("{}-{number}", self.prefix)
    }

    /// The number of an id; only the spelling that was given out is one.
    fn number(&self, id: &str) -> Option<u64> {
        let number = id.strip_prefix(self.prefix)?.strip_prefix('-')?.parse().ok()?;
        (self.id(number) == id).then_some(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ids_that_were_given_out_name_something() {
        let mut things = Numbered::new("T");
        assert_eq!((things.add('a'), things.add('b')), ("T-1001".to_owned(), "T-1002".to_owned()));
        assert_eq!(things.remove("T-1001"), Some('a'));
        for id in ["T-1001", "T-01002", "T-+1002", "1002", "U-1002", "T-", ""] {
            assert_eq!(things.get(id), None, "{id}");
        }
        for _ in 0..MAX_KEPT {
            things.add('c');
        }
        assert_eq!((things.iter().count(), things.get("T-1002")), (MAX_KEPT, None));
    }
}

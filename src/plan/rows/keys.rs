//! Which keys rows have, and which rows lack one: for the flow of names.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::Lacking;

/// How many keys the rows of one scenario may have together.
pub(super) const MAX_KEYS: usize = 1000;

/// The keys of rows.
#[derive(Debug, Default)]
pub(super) struct Keys {
    order: Vec<Key>,
    places: HashMap<String, usize>,
    rows: usize,
}

#[derive(Debug)]
struct Key {
    name: String,
    /// How many rows have it.
    count: usize,
    /// The first row that lacks it.
    lacking: Option<u32>,
}

impl Keys {
    /// Adds a row. `false` where there are too many keys.
    pub(super) fn add(&mut self, row: &Map<String, Value>) -> bool {
        for name in row.keys() {
            let place = *self.places.entry(name.clone()).or_insert(self.order.len());
            if place == self.order.len() {
                let lacking = (self.rows > 0).then_some(0);
                self.order.push(Key { name: name.clone(), count: 0, lacking });
            }
            if let Some(key) = self.order.get_mut(place) {
                key.count += 1;
            }
        }
        let index = u32::try_from(self.rows).unwrap_or(u32::MAX);
        self.rows += 1;
        for key in &mut self.order {
            if key.count < self.rows && key.lacking.is_none() {
                key.lacking = Some(index);
            }
        }
        self.order.len() <= MAX_KEYS
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        self.order.iter().map(|key| key.name.as_str())
    }

    /// The rows without a key.
    pub(super) fn lacking(&self, name: &str) -> Option<Lacking> {
        match self.places.get(name).and_then(|place| self.order.get(*place)) {
            Some(key) => key.lacking.map(|first| Lacking { first, count: self.rows - key.count }),
            None => Some(Lacking { first: 0, count: self.rows }),
        }
    }
}

/// What a segment of a path leads to.
pub(super) fn member<'a>(value: &'a Value, segment: &str) -> Option<&'a Value> {
    match value {
        Value::Object(members) => members.get(segment),
        Value::Array(items) => items.get(segment.parse::<usize>().ok()?),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rows_that_lack_a_key_are_found() {
        let mut keys = Keys::default();
        for row in [json!({"a": 1, "b": 2}), json!({"a": 1, "c": 3}), json!({"a": null, "b": 2})] {
            assert!(keys.add(row.as_object().unwrap()));
        }
        assert_eq!(keys.iter().collect::<Vec<_>>(), ["a", "b", "c"]);
        assert_eq!(keys.lacking("a"), None);
        assert_eq!(keys.lacking("b"), Some(Lacking { first: 1, count: 1 }));
        assert_eq!(keys.lacking("c"), Some(Lacking { first: 0, count: 2 }));
        assert_eq!(keys.lacking("d"), Some(Lacking { first: 0, count: 3 }));
    }
}

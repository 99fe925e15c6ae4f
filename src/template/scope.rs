//! The names that templates can see: one owned context for each case, and for each place in it that sees others.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value};

/// What comes from outside and does not change in a case.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Seeds `uuid`, `random_int`, `random_string`: made of the run's seed and the case's name.
    pub seed: u64,
    /// The time that `now` starts from, in the clock of the run.
    pub now: fn() -> jiff::Timestamp,
    /// The suite's folder: `file` reads nothing outside of it.
    pub root: Arc<PathBuf>,
    /// The folder of the scenario file: `file`'s paths are relative to it.
    pub folder: Arc<PathBuf>,
}

/// The scope of a case. Values are owned; a save adds to it. Templates read it in place.
#[derive(Debug)]
pub struct Scope {
    values: Map<String, Value>,
    facts: Facts,
    random: Arc<Mutex<fastrand::Rng>>,
}

impl Scope {
    /// A scope without names.
    #[must_use]
    pub fn new(facts: Facts) -> Self {
        let random = Arc::new(Mutex::new(fastrand::Rng::with_seed(facts.seed)));
        Self { values: Map::new(), facts, random }
    }

    /// A scope that sees these names of this one and nothing else, for a file in `folder`. Random draws of both
    /// are one sequence.
    #[must_use]
    pub fn child(&self, folder: Arc<PathBuf>, names: &[&str]) -> Self {
        let seen = |name: &&str| Some(((*name).to_owned(), self.get(name)?.clone()));
        Self {
            values: names.iter().filter_map(seen).collect(),
            facts: Facts { folder, ..self.facts.clone() },
            random: Arc::clone(&self.random),
        }
    }

    /// A copy for steps that run beside others. Its random draws are a sequence of their own, made of this one's
    /// next: who comes first among the branches changes nothing.
    #[must_use]
    pub fn fork(&self) -> Self {
        let random = self.draw(fastrand::Rng::fork);
        Self { values: self.values.clone(), facts: self.facts.clone(), random: Arc::new(Mutex::new(random)) }
    }

    /// Takes over what these names are in another scope: its value, or that there is none.
    pub fn merge<'n>(&mut self, other: &Self, names: impl IntoIterator<Item = &'n str>) {
        for name in names {
            match other.get(name) {
                Some(value) => self.set(name, value.clone()),
                None => self.forget(name),
            }
        }
    }

    /// Gives a name a value; an older one is replaced.
    pub fn set(&mut self, name: &str, value: Value) {
        self.values.insert(name.to_owned(), value);
    }

    /// Takes a name out.
    pub fn forget(&mut self, name: &str) {
        self.values.shift_remove(name);
    }

    /// The value of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.values.get(name)
    }

    /// Every name with its value, as one object.
    #[must_use]
    pub fn document(&self) -> Value {
        Value::Object(self.values.clone())
    }

    /// Every name in it.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str)
    }

    pub(super) fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Draws from the case's own random numbers.
    pub(super) fn draw<T>(&self, draw: impl FnOnce(&mut fastrand::Rng) -> T) -> T {
        draw(&mut self.random.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope() -> Scope {
        let nowhere = Arc::new(PathBuf::new());
        let now = || jiff::Timestamp::UNIX_EPOCH;
        let mut scope = Scope::new(Facts { seed: 7, now, root: Arc::clone(&nowhere), folder: nowhere });
        scope.set("env", "e".into());
        scope.set("mine", 1.into());
        scope
    }

    fn draws(scope: &Scope) -> Vec<u64> {
        (0..4).map(|_| scope.draw(|random| random.u64(..))).collect()
    }

    #[test]
    fn a_child_sees_what_it_is_given_and_draws_on() {
        let (one, other) = (scope(), scope());
        let child = one.child(Arc::default(), &["env", "session"]);
        assert_eq!(child.names().collect::<Vec<_>>(), ["env"]);
        assert_eq!([draws(&child), draws(&one)], [draws(&other), draws(&other)]);
    }

    #[test]
    fn branches_draw_the_same_whoever_is_first() {
        let (one, other) = (scope(), scope());
        let (left, right) = (one.fork(), one.fork());
        let (same_left, same_right) = (other.fork(), other.fork());
        let (first, second) = (draws(&left), draws(&right));
        assert_ne!(first, second);
        assert_eq!((draws(&same_right), draws(&same_left)), (second, first));
    }

    #[test]
    fn a_merge_takes_over_the_names_that_it_is_told() {
        let mut scope = scope();
        scope.set("gone", 1.into());
        let mut branch = scope.fork();
        branch.set("saved", 2.into());
        branch.set("protocol", "x".into());
        branch.forget("gone");
        scope.merge(&branch, ["saved", "gone"]);
        assert_eq!(scope.get("saved"), Some(&2.into()));
        assert_eq!((scope.get("gone"), scope.get("protocol")), (None, None));
    }
}

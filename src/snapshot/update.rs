//! What `--update` does when the run is over: snapshots and expected values to their files, and what is left to
//! people.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use super::file;
use super::keys::{Names, cases, names};
use super::patch::Patch;
use super::store::{Met, Store, TakenFile};
use crate::matcher::{path_below, same};
use crate::plan::Plan;
use crate::source::yaml;

/// What `--update` did. Every text is masked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Updated {
    /// What was written, a line each.
    pub done: Vec<String>,
    /// What was not: of lines, the first of which says where and why.
    pub left: Vec<String>,
    /// Whether something that differs was left although no case failed of it.
    pub unresolved: bool,
}

/// A snapshot by its key.
type Entry = (String, Value);

impl Store {
    /// Writes what was taken. `ran` are the cases that were run to their end, as indexes into the plan's;
    /// `found` the files of snapshots that are there.
    #[must_use]
    pub fn write(&self, plan: &Plan, ran: &HashSet<usize>, found: &[(PathBuf, String)]) -> Updated {
        let mut updated = Updated::default();
        if !self.update {
            return updated;
        }
        let mut taken = self.taken();
        let cases = cases(plan);
        for names in names(plan, found) {
            let whole =
                cases.get(&names.path).is_some_and(|cases| cases.iter().all(|case| ran.contains(case)));
            let taken = taken.files.remove(&names.path).unwrap_or_default();
            self.write_file(&names, taken, whole, &mut updated);
        }
        let read = |path: &Path| fs::read_to_string(path).ok();
        let rewritten = taken.scalars.rewritten(read);
        for (path, text, lines) in rewritten.files {
            match file::write(&path, &text) {
                Ok(()) => updated.done.extend(lines),
                Err(error) => {
                    updated.unresolved = true;
                    updated.left.push(format!("{} was not written: {error}\n", path.display()));
                }
            }
        }
        updated.unresolved |= !rewritten.left.is_empty();
        let mut patches: Vec<Patch> = rewritten.left;
        // Several cases leave the same.
        for patch in taken.patches.drain(..) {
            if !patches.contains(&patch) {
                patches.push(patch);
            }
        }
        patches.sort_by(|a, b| a.order.cmp(&b.order));
        updated.left.extend(patches.iter().map(Patch::shown));
        for text in updated.done.iter_mut().chain(&mut updated.left) {
            self.redactor.mask_in_place(text);
        }
        updated
    }

    fn write_file(&self, names: &Names<'_>, taken: TakenFile, whole: bool, updated: &mut Updated) {
        if taken.entries.is_empty() && !whole {
            return;
        }
        let mut refuse = |reason: String| {
            updated.unresolved = true;
            updated.left.push(format!("{}: {reason}\n", names.shown));
        };
        if taken.size > yaml::MAX_SIZE {
            return refuse(format!(
                "not written: it would have more than {} KiB; take snapshots of smaller parts",
                yaml::MAX_SIZE / 1024
            ));
        }
        let before = match file::read(&names.path, &names.shown) {
            Ok(document) => document,
            Err(problems) => {
                let problem = problems.iter().find(|problem| problem.is_error());
                let what = problem.map(|problem| {
                    let site = problem.site().map(ToString::to_string).unwrap_or_default();
                    format!("{site}: {}", problem.message)
                });
                return refuse(format!("not written: it cannot be read: {}", what.unwrap_or_default()));
            }
        };
        let mut entries: Vec<Entry> = before
            .iter()
            .flat_map(|document| document.value().as_object())
            .flatten()
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        let (mut new, mut changed) = (0_usize, 0_usize);
        for (key, met) in taken.entries {
            let [(value, _)] = met.as_slice() else {
                refuse(disagreement(&key, &met));
                continue;
            };
            let mut masked = value.clone();
            self.redactor.mask_value(&mut masked);
            if masked != *value {
                refuse(format!(
                    "`{key}` was not written: it holds a secret that was saved after it was compared; mask it there"
                ));
                continue;
            }
            match entries.iter_mut().find(|(known, _)| *known == key) {
                Some((_, stored)) if same(stored, &masked) => {}
                Some((_, stored)) => {
                    *stored = masked;
                    changed += 1;
                }
                None => {
                    entries.push((key, masked));
                    new += 1;
                }
            }
        }
        let count = entries.len();
        if whole {
            entries.retain(|(key, _)| names.position(key).is_some());
        }
        let removed = count - entries.len();
        let what: Vec<String> = [(new, "new"), (changed, "changed"), (removed, "removed")]
            .iter()
            .filter(|(number, _)| *number > 0)
            .map(|(number, word)| format!("{number} {word}"))
            .collect();
        if what.is_empty() {
            return;
        }
        // In the order of the scenarios; what none names, at the end.
        entries.sort_by_cached_key(|(key, _)| (names.position(key).unwrap_or(usize::MAX), key.clone()));
        let written = if entries.is_empty() {
            fs::remove_file(&names.path).map_err(|error| error.to_string())
        } else {
            file::text(&names.shown, &entries)
                .and_then(|text| file::write(&names.path, &text).map_err(|error| error.to_string()))
        };
        match written {
            Ok(()) => updated.done.push(format!("{}: {}", names.shown, what.join(", "))),
            Err(reason) => refuse(format!("not written: {reason}")),
        }
    }
}

/// Why cases do not agree on one value of a snapshot.
fn disagreement(key: &str, met: &[Met]) -> String {
    // Which came first is chance.
    let mut first: Vec<&Arc<str>> = met.iter().filter_map(|(_, cases)| cases.iter().min()).collect();
    first.sort();
    let cases: Vec<String> = first.iter().take(4).map(|case| format!("`{case}`")).collect();
    let place = match met {
        [(a, _), (b, _), ..] => difference(a, b, "$".to_owned()),
        _ => "$".to_owned(),
    };
    format!(
        "`{key}` was not written: {} differ at `{place}`; mask what depends on the version",
        cases.join(" and ")
    )
}

/// The first place where two values differ, as a path.
fn difference(a: &Value, b: &Value, at: String) -> String {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) if a.len() == b.len() => {
            let differs = a.iter().find_map(|(name, value)| match b.get(name) {
                Some(other) => (!same(value, other)).then_some((name, value, other)),
                None => Some((name, value, &Value::Null)),
            });
            match differs {
                Some((name, a, b)) => difference(a, b, path_below(&at, name)),
                None => at,
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            match a.iter().zip(b).enumerate().find(|(_, (a, b))| !same(a, b)) {
                Some((index, (a, b))) => difference(a, b, format!("{at}[{index}]")),
                None => at,
            }
        }
        _ => at,
    }
}

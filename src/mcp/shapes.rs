//! The shapes of the messages of each version: `schemas/mcp/`, our own writing of what each version says. The first
//! version is written whole, each later one as it differs: its entries stand in place of those of the same name
//! before, and null takes one away. Each shape is compiled when it is first needed.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use jsonschema::{Draft, Validator};
use serde_json::{Map, Value};

use super::Version;

/// Who says what, and by which name its shape is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Group {
    /// Results of a server, by method.
    Results,
    /// Notifications of a server, by method.
    Notifications,
    /// Questions of a server, by method.
    Requests,
    /// Errors of a server, by code.
    Errors,
    /// What we ask, by method.
    SentRequests,
    /// What we tell, by method.
    SentNotifications,
    /// What we answer, by method.
    SentResults,
}

impl Group {
    fn key(self) -> &'static str {
        match self {
            Self::Results => "results",
            Self::Notifications => "notifications",
            Self::Requests => "requests",
            Self::Errors => "errors",
            Self::SentRequests => "sent_requests",
            Self::SentNotifications => "sent_notifications",
            Self::SentResults => "sent_results",
        }
    }
}

/// The shapes of a version by group and name, and `$defs`, which they share.
type Shapes = HashMap<&'static str, Map<String, Value>>;

const DEFS: &str = "$defs";
const GROUPS: [&str; 8] = [
    "results",
    "notifications",
    "requests",
    "errors",
    "sent_requests",
    "sent_notifications",
    "sent_results",
    DEFS,
];

fn text(version: Version) -> &'static str {
    match version {
        Version::V2024_11_05 => include_str!("../../schemas/mcp/2024-11-05.json"),
        Version::V2025_03_26 => include_str!("../../schemas/mcp/2025-03-26.json"),
        Version::V2025_06_18 => include_str!("../../schemas/mcp/2025-06-18.json"),
        Version::V2025_11_25 => include_str!("../../schemas/mcp/2025-11-25.json"),
        Version::V2026_07_28 => include_str!("../../schemas/mcp/2026-07-28.json"),
    }
}

fn shapes(version: Version) -> Option<&'static Shapes> {
    static SHAPES: LazyLock<HashMap<Version, Shapes>> = LazyLock::new(|| {
        let mut before = Shapes::new();
        let mut all = HashMap::new();
        for version in Version::ALL {
            extend(&mut before, text(*version));
            all.insert(*version, before.clone());
        }
        all
    });
    SHAPES.get(&version)
}

/// The shapes of the extension for tasks.
fn tasks() -> &'static Shapes {
    static TASKS: LazyLock<Shapes> = LazyLock::new(|| {
        let mut shapes = Shapes::new();
        extend(&mut shapes, include_str!("../../schemas/mcp/tasks.json"));
        shapes
    });
    &TASKS
}

/// Where the shape of a message is.
fn place(version: Version, group: Group, name: &str) -> Option<&'static Shapes> {
    let has = |shapes: &&Shapes| shapes.get(group.key()).is_some_and(|shapes| shapes.contains_key(name));
    let extended = Some(tasks()).filter(|_| version.is_modern());
    shapes(version).filter(has).or(extended.filter(has))
}

/// Makes the shapes of a version of those of the version before.
fn extend(shapes: &mut Shapes, text: &str) {
    let mut document: Map<String, Value> = serde_json::from_str(text).unwrap_or_default();
    for group in GROUPS {
        let entries = shapes.entry(group).or_default();
        let Some(Value::Object(own)) = document.remove(group) else { continue };
        for (name, shape) in own {
            match shape {
                Value::Null => entries.remove(&name),
                shape => entries.insert(name, shape),
            };
        }
    }
}

/// Whether a version has a message of this name.
pub(super) fn known(version: Version, group: Group, name: &str) -> bool {
    place(version, group, name).is_some()
}

/// The names of a group.
#[cfg(test)]
pub(super) fn names(version: Version, group: Group) -> std::collections::BTreeSet<String> {
    shapes(version).into_iter().flat_map(|shapes| shapes[group.key()].keys().cloned()).collect()
}

type Compiled = HashMap<(Version, Group, String), Option<Arc<Validator>>>;

/// The check of one shape; none where the version does not have it.
pub(super) fn validator(version: Version, group: Group, name: &str) -> Option<Arc<Validator>> {
    static COMPILED: LazyLock<Mutex<Compiled>> = LazyLock::new(Mutex::default);
    // A name that has no shape must not grow the table: a server could send any number of them.
    if !known(version, group, name) {
        return None;
    }
    let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    compiled.entry((version, group, name.to_owned())).or_insert_with(|| compile(version, group, name)).clone()
}

fn compile(version: Version, group: Group, name: &str) -> Option<Arc<Validator>> {
    let shapes = place(version, group, name)?;
    let mut root = shapes.get(group.key())?.get(name)?.as_object()?.clone();
    root.insert(DEFS.to_owned(), shapes.get(DEFS)?.clone().into());
    jsonschema::options().with_draft(Draft::Draft202012).build(&Value::Object(root)).ok().map(Arc::new)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;

    #[test]
    fn every_file_says_what_it_extends_and_every_shape_compiles() {
        let mut before = None;
        for version in Version::ALL {
            let document: Value = serde_json::from_str(text(*version)).unwrap();
            assert_eq!(document.get("extends").and_then(Value::as_str), before.map(Version::as_str));
            let known: BTreeSet<&str> = GROUPS.into_iter().chain(["$schema", "title", "extends"]).collect();
            for (key, entries) in document.as_object().unwrap() {
                assert!(known.contains(key.as_str()), "{version} {key}");
                let past = before.and_then(|before| shapes(before).unwrap().get(key.as_str()));
                for (name, shape) in entries.as_object().into_iter().flatten() {
                    // What changes nothing says nothing.
                    let was = past.and_then(|past| past.get(name));
                    assert!(was != Some(shape), "{version} {key} {name} is as it was");
                    assert!(was.is_some() || !shape.is_null(), "{version} {key} {name} was not there");
                }
            }
            for group in GROUPS.into_iter().filter(|group| *group != DEFS) {
                for name in shapes(*version).unwrap()[group].keys() {
                    let group = [
                        Group::Results,
                        Group::Notifications,
                        Group::Requests,
                        Group::Errors,
                        Group::SentRequests,
                        Group::SentNotifications,
                        Group::SentResults,
                    ]
                    .into_iter()
                    .find(|known| known.key() == group)
                    .unwrap();
                    let validator = validator(*version, group, name).unwrap();
                    // Nothing asks what is no object, and each says more than that.
                    let odd = json!({"params": 7, "_meta": 7, "data": 7, "resultType": 7});
                    assert!(!validator.is_valid(&odd), "{version} {name}");
                }
            }
            before = Some(*version);
        }
    }

    #[test]
    fn every_definition_is_used() {
        for version in Version::ALL {
            let shapes = shapes(*version).unwrap();
            let all: String = shapes.values().map(|entries| json!(entries).to_string()).collect();
            for name in shapes[DEFS].keys() {
                assert!(all.contains(&format!("\"#/$defs/{name}\"")), "{version} {name}");
            }
        }
    }

    #[test]
    fn what_no_version_has_is_not_kept() {
        assert!(validator(Version::V2025_06_18, Group::Requests, "elicitation/create").is_some());
        assert!(validator(Version::V2025_03_26, Group::Requests, "elicitation/create").is_none());
        assert!(!known(Version::V2026_07_28, Group::Results, "initialize"));
        assert!(known(Version::V2026_07_28, Group::Results, "tools/list"));
    }
}

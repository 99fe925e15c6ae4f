//! Which snapshots scenarios name. A key in a file of snapshots is what the case's name has beyond the file, the
//! version left out, and the snapshot's name: `created`, `row::created`, `title::row::created`.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::model::Protocols;
use crate::plan::{Case, Plan, Scenario};

/// What stands between the parts of a key, as between those of a case's name.
const BETWEEN: &str = "::";

/// The snapshots that the scenarios of one file name.
#[derive(Debug)]
pub struct Names<'a> {
    /// The path of the file of snapshots.
    pub path: PathBuf,
    /// The path as it is shown.
    pub shown: String,
    scenarios: Vec<Named<'a>>,
}

/// Those of one scenario.
#[derive(Debug)]
struct Named<'a> {
    scenario: &'a Scenario,
    names: HashSet<&'a str>,
    /// The names of its rows, if it has rows.
    rows: Option<HashSet<&'a str>>,
}

/// What there is to look into: each file of snapshots that was found, and each that a scenario names.
#[must_use]
pub fn names<'a>(plan: &'a Plan, found: &[(PathBuf, String)]) -> Vec<Names<'a>> {
    let mut files: BTreeMap<PathBuf, Names<'a>> = BTreeMap::new();
    let found_ones: HashMap<&Path, &str> =
        found.iter().map(|(path, shown)| (path.as_path(), shown.as_str())).collect();
    for scenario in &plan.scenarios {
        let path = path(scenario);
        let names: HashSet<&str> = scenario.snapshots.iter().map(String::as_str).collect();
        if names.is_empty() && !found_ones.contains_key(path.as_path()) {
            continue;
        }
        let rows = scenario.rows.as_ref().map(|rows| rows.names().collect());
        let file = files.entry(path.clone()).or_insert_with(|| Names {
            path,
            shown: shown(scenario),
            scenarios: Vec::new(),
        });
        file.scenarios.push(Named { scenario: scenario.as_ref(), names, rows });
    }
    for (path, shown) in found {
        files.entry(path.clone()).or_insert_with(|| Names {
            path: path.clone(),
            shown: shown.clone(),
            scenarios: Vec::new(),
        });
    }
    // Of a scenario file that no pattern leads to nobody knows what it names.
    files
        .into_values()
        .filter(|names| !names.scenarios.is_empty() || !has_scenario_file(&names.path))
        .collect()
}

impl Names<'_> {
    /// Whether no scenario file stands beside it.
    pub(super) fn is_alone(&self) -> bool {
        self.scenarios.is_empty()
    }

    /// The path of the scenario file, as it is shown.
    pub(super) fn scenario_file(&self) -> &str {
        self.scenarios.first().map_or(&self.shown, |named| named.scenario.document.file.path())
    }

    /// The place in the file of the scenario that names a key; none where no scenario does.
    pub(super) fn position(&self, key: &str) -> Option<usize> {
        let (before, name) = key.rsplit_once(BETWEEN).unwrap_or(("", key));
        self.scenarios.iter().position(|named| {
            named.names.contains(name)
                && match &named.rows {
                    None => before == named.scenario.part,
                    Some(rows) => before
                        .strip_prefix(named.scenario.part.as_str())
                        .map(|row| {
                            if named.scenario.part.is_empty() { Some(row) } else { row.strip_prefix(BETWEEN) }
                        })
                        .is_some_and(|row| row.is_some_and(|row| rows.contains(row))),
                }
        })
    }
}

/// Whether a scenario file stands beside a file of snapshots, whatever finds it.
fn has_scenario_file(path: &Path) -> bool {
    let stem = path.with_extension("");
    ["yaml", "yml"].iter().any(|ending| stem.with_extension(ending).is_file())
}

/// The file of snapshots of a scenario.
pub(super) fn path(scenario: &Scenario) -> PathBuf {
    scenario.path.with_extension("snap.yaml")
}

/// The same as it is shown.
pub(super) fn shown(scenario: &Scenario) -> String {
    let path = scenario.document.file.path();
    let stem = path.strip_suffix(".yaml").or_else(|| path.strip_suffix(".yml")).unwrap_or(path);
    format!("{stem}.snap.yaml")
}

/// The key of a snapshot of a case.
pub(super) fn key(scenario: &Scenario, case: &Case, name: &str) -> String {
    let mut key = String::new();
    for part in [&scenario.part, row(scenario, case).unwrap_or_default()] {
        if !part.is_empty() {
            key.push_str(part);
            key.push_str(BETWEEN);
        }
    }
    key.push_str(name);
    key
}

/// The name of a case without its version: what is given to rerun it for its snapshots.
pub(super) fn name_of<'a>(scenario: &Scenario, case: &'a Case) -> &'a str {
    match &scenario.protocols {
        Protocols::Each(_) => case.name.rsplit_once('@').map_or(&*case.name, |(name, _)| name),
        Protocols::Auto | Protocols::One(_) => &case.name,
    }
}

/// The name of a case's row.
fn row<'a>(scenario: &Scenario, case: &'a Case) -> Option<&'a str> {
    case.row?;
    name_of(scenario, case).strip_prefix(scenario.name.as_str())?.strip_prefix(BETWEEN)
}

/// The cases of each file of snapshots.
pub(super) fn cases(plan: &Plan) -> HashMap<PathBuf, Vec<usize>> {
    let mut cases: HashMap<PathBuf, Vec<usize>> = HashMap::new();
    let paths: Vec<PathBuf> = plan.scenarios.iter().map(|scenario: &Arc<Scenario>| path(scenario)).collect();
    for (index, case) in plan.cases.iter().enumerate() {
        if let Some(path) = paths.get(case.scenario) {
            cases.entry(path.clone()).or_default().push(index);
        }
    }
    cases
}

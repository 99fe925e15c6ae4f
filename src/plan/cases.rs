//! Scenarios to cases: one for each row and version, named by form and not by count, so that a second row or
//! version renames nothing.

use std::sync::Arc;

use super::{Case, Scenario};
use crate::mcp::Version;
use crate::model::Protocols;

/// The cases, in the order of scenarios, rows and versions; and how many `only` leaves out.
pub(super) fn cases(scenarios: &[Arc<Scenario>], only: Option<Version>) -> (Vec<Case>, usize) {
    let (mut cases, mut left_out) = (Vec::new(), 0);
    for (index, scenario) in scenarios.iter().enumerate() {
        let suffixes = suffixes(&scenario.protocols);
        let kept: Vec<_> = suffixes
            .iter()
            .filter(|(_, version)| only.is_none() || version.is_none() || *version == only)
            .collect();
        let mut add = |row: Option<(u32, &str)>| {
            left_out += suffixes.len() - kept.len();
            for (suffix, version) in &kept {
                let name = match row {
                    Some((_, row)) => format!("{}::{row}{suffix}", scenario.name),
                    None => format!("{}{suffix}", scenario.name),
                };
                let row = row.map(|(index, _)| index);
                cases.push(Case { name: name.into(), scenario: index, row, version: version.or(only) });
            }
        };
        match &scenario.rows {
            Some(rows) => (0..).zip(rows.names()).for_each(|row| add(Some(row))),
            None => add(None),
        }
    }
    cases.shrink_to_fit();
    (cases, left_out)
}

/// What the versions add to a case's name.
fn suffixes(protocols: &Protocols) -> Vec<(String, Option<Version>)> {
    match protocols {
        Protocols::Auto => vec![(String::new(), None)],
        Protocols::One(version) => vec![(String::new(), Some(*version))],
        Protocols::Each(versions) => {
            let suffix = |version: &Option<Version>| match version {
                Some(version) => (format!("@{version}"), Some(*version)),
                None => ("@auto".to_owned(), None),
            };
            versions.iter().map(suffix).collect()
        }
    }
}

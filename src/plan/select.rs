//! The selection among cases: filters, paths, tags, shards. What is ignored is decided here, too.

use std::path::PathBuf;

use super::{Case, Plan};

/// What to do with cases that their scenario skips.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IgnoredCases {
    /// They are listed and reported as ignored.
    #[default]
    Ignore,
    /// `--ignored`: they alone are run.
    Only,
    /// `--include-ignored`: they are run like the others.
    Include,
}

/// A PATH of the command line: a file or folder, and perhaps a line in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathFilter {
    /// The file or folder, absolute and normal.
    pub path: PathBuf,
    /// The scenario whose document holds this line is meant; on a line of a row, that row of it.
    pub line: Option<usize>,
}

/// What the command line says of it.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// FILTERs: any of them has to be part of the name.
    pub filters: Vec<String>,
    /// PATHs: the case's file has to be one of them or below it.
    pub paths: Vec<PathFilter>,
    /// `--skip`: none of them may be part of the name.
    pub skips: Vec<String>,
    /// `--exact`: filters and skips are whole names.
    pub exact: bool,
    /// `--tag`: the scenario has to have one of them.
    pub tags: Vec<String>,
    /// What to do with skipped cases.
    pub ignored: IgnoredCases,
    /// `--shard K/N`: the part, from 1, and how many there are.
    pub shard: Option<(u64, u64)>,
    /// `--shuffle`: the seed of the order.
    pub shuffle: Option<u64>,
}

/// What was selected.
#[derive(Clone, Debug, Default)]
pub struct Selected {
    /// Indexes into [`Plan::cases`], in the order in which they are run.
    pub cases: Vec<usize>,
    /// How many cases were not selected.
    pub filtered_out: usize,
}

impl Selection {
    fn takes(&self, plan: &Plan, case: &Case) -> bool {
        let Some(scenario) = plan.scenario(case) else { return false };
        let named = |pattern: &String| {
            if self.exact { *pattern == *case.name } else { case.name.contains(pattern.as_str()) }
        };
        if !self.filters.is_empty() && !self.filters.iter().any(named) {
            return false;
        }
        if self.skips.iter().any(named) {
            return false;
        }
        if !self.tags.is_empty() && !self.tags.iter().any(|tag| scenario.tags.contains(tag)) {
            return false;
        }
        if !self.paths.is_empty() && !self.paths.iter().any(|path| path.holds(plan, case)) {
            return false;
        }
        self.ignored != IgnoredCases::Only || scenario.skip.is_some()
    }
}

impl PathFilter {
    fn holds(&self, plan: &Plan, case: &Case) -> bool {
        let Some(scenario) = plan.scenario(case) else { return false };
        if !scenario.path.starts_with(&self.path) {
            return false;
        }
        let Some(line) = self.line else { return true };
        // A line of a row means the cases of that row, any other line all of them.
        let row = scenario.rows.as_ref().and_then(|rows| rows.at_line(line));
        (scenario.lines.0..=scenario.lines.1).contains(&line) && (row.is_none() || row == case.row)
    }
}

/// The PATHs that no case of the plan stands in.
#[must_use]
pub fn idle_paths<'a>(plan: &Plan, selection: &'a Selection) -> Vec<&'a PathFilter> {
    let idle = |path: &&PathFilter| !plan.cases.iter().any(|case| path.holds(plan, case));
    selection.paths.iter().filter(idle).collect()
}

/// The cases that a selection takes.
#[must_use]
pub fn select(plan: &Plan, selection: &Selection) -> Selected {
    let mut cases: Vec<usize> = (0..plan.cases.len())
        .filter(|index| plan.cases.get(*index).is_some_and(|case| selection.takes(plan, case)))
        .collect();
    if let Some((part, of)) = selection.shard {
        // By position in the sorted list: each shard is spread over all files.
        let mut position = 0_u64;
        cases.retain(|_| {
            position += 1;
            of > 0 && (position - 1) % of + 1 == part
        });
    }
    if let Some(seed) = selection.shuffle {
        fastrand::Rng::with_seed(seed).shuffle(&mut cases);
    }
    let filtered_out = plan.left_out + plan.cases.len() - cases.len();
    Selected { cases, filtered_out }
}

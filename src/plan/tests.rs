//! Whole suites through `load`: fragments, the way through all steps, and the flow of names.

mod flow;
mod fragments;

use std::fs;

use super::*;
use crate::diagnostic::{Diagnostic, Style, render};

const SUITE: &str = "default: one
servers:
  one: {url: 'http://127.0.0.1:1/mcp', identities: {auditor: {pat: {env: A}}}}
  two: {url: 'http://127.0.0.1:2/mcp'}
env: [A]
vars: {region: eu}
";

/// Files of a suite, by their paths.
struct Files(tempfile::TempDir);

impl Files {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let files = [("callsheet.yaml", SUITE)].iter().chain(files);
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Self(folder)
    }

    fn load(&self, change: impl FnOnce(&mut Load)) -> Result<Loaded, Vec<Diagnostic>> {
        let folder = self.0.path().canonicalize().unwrap();
        let mut what = Load { working_directory: folder.clone(), start: folder, ..Load::default() };
        change(&mut what);
        load(&what)
    }

    /// The plan, which has to be there.
    fn plan(&self) -> Plan {
        self.load(|_| {}).map_err(|problems| shown(&problems)).unwrap().plan
    }

    /// What is said of the files, errors and warnings alike.
    fn told(&self) -> Vec<String> {
        let problems = self.load(|_| {}).map_or_else(|problems| problems, |loaded| loaded.warnings);
        problems.iter().map(|problem| format!("{}: {}", problem.code.as_str(), problem.message)).collect()
    }
}

fn shown(problems: &[Diagnostic]) -> String {
    problems.iter().map(|problem| render(problem, Style::Plain)).collect()
}

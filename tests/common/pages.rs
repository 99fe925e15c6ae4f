//! The pages of the documentation, what is fenced in them, and the showcase.
#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has to fail")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use callsheet::source::{SourceFile, yaml};
use serde_json::Value;

/// The marks of what is run.
pub(crate) const RUN: [&str; 6] = [
    "yaml scenario",
    "yaml scenario fails",
    "yaml scenario ignored",
    "yaml steps",
    "yaml steps fails",
    "yaml steps ignored",
];

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn text(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

/// Every page of the documentation, below the project's folder.
pub(crate) fn pages() -> Vec<String> {
    let mut pages = vec!["README.md".to_owned()];
    for entry in std::fs::read_dir(root().join("docs")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".md") {
            pages.push(format!("docs/{name}"));
        }
    }
    pages.sort();
    pages
}

/// A fenced block.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    pub(crate) page: String,
    /// The line of its first line.
    pub(crate) line: usize,
    /// What stands behind the fence.
    pub(crate) mark: String,
    pub(crate) text: String,
}

impl Block {
    /// A file name that tells where it stands.
    pub(crate) fn file(&self) -> String {
        format!("{}_{}.yaml", self.page.replace(['/', '.'], "_").to_lowercase(), self.line)
    }

    /// The path of a file that stands beside the scenarios.
    pub(crate) fn beside(&self) -> Option<&str> {
        self.mark.split_once(" file=").map(|(_, path)| path)
    }

    /// What `steps` leave out.
    pub(crate) fn scenario(&self) -> String {
        match self.mark.strip_prefix("yaml steps") {
            Some(_) => format!("scenario: example\nsteps:\n{}", self.text),
            None => self.text.clone(),
        }
    }
}

pub(crate) fn blocks(page: &str) -> Vec<Block> {
    let mut found: Vec<Block> = Vec::new();
    let mut open = false;
    for (index, line) in text(page).lines().enumerate() {
        match (line.strip_prefix("```"), open) {
            (Some(mark), false) => {
                let block = Block {
                    page: page.to_owned(),
                    line: index + 2,
                    mark: mark.trim().to_owned(),
                    text: String::new(),
                };
                found.push(block);
                open = true;
            }
            (Some(_), true) => open = false,
            (None, true) => {
                let block = found.last_mut().unwrap();
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, false) => {}
        }
    }
    assert!(!open, "{page}: a fence is not closed");
    found
}

pub(crate) fn all_blocks() -> Vec<Block> {
    pages().into_iter().flat_map(|page| blocks(&page)).collect()
}

pub(crate) fn marked(marks: &[&str]) -> Vec<Block> {
    let all = all_blocks().into_iter();
    let found: Vec<Block> = all.filter(|block| marks.contains(&block.mark.as_str())).collect();
    assert!(!found.is_empty(), "no block is marked {marks:?}");
    found
}

/// Rows, fragments and what else stands beside the scenarios.
pub(crate) fn beside() -> Vec<Block> {
    all_blocks().into_iter().filter(|block| block.beside().is_some()).collect()
}

pub(crate) fn is_snapshots(path: &Path) -> bool {
    path.to_string_lossy().ends_with(".snap.yaml")
}

/// The showcase's scenario files.
pub(crate) fn showcase() -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|ending| ending == "yaml") && !is_snapshots(&path) {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&root().join("scenarios"), &mut found);
    found.sort();
    found
}

pub(crate) fn documents(text: &str) -> Vec<Value> {
    let file = Arc::new(SourceFile::new("example.yaml", text));
    yaml::parse(&file).unwrap().into_iter().map(|document| document.value().clone()).collect()
}

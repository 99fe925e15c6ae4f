//! Everything that a run left behind: what it printed, and every file in its folders, to the byte; and which part of
//! that is about which case.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::common::Project;

/// What a run left.
pub(crate) struct Left {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
    /// By path. Those that the test wrote are left out while nobody changed them.
    pub(crate) files: BTreeMap<PathBuf, Vec<u8>>,
}

impl Left {
    /// Runs the command, with a folder for temporary files that is searched, too.
    pub(crate) fn of(project: &Project, arguments: &[&str]) -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let before = files(&[project.path()]);
        let output = project.command(arguments).env("TMPDIR", temporary.path()).output().unwrap();
        let mut files = files(&[project.path(), temporary.path()]);
        files.retain(|path, text| before.get(path) != Some(text));
        Self { code: output.status.code(), stdout: output.stdout, stderr: output.stderr, files }
    }

    /// All of it, by its name.
    pub(crate) fn all(&self) -> Vec<(String, &[u8])> {
        let streams = [("stdout".to_owned(), &*self.stdout), ("stderr".to_owned(), &*self.stderr)];
        let files = self.files.iter().map(|(path, text)| (path.display().to_string(), &**text));
        streams.into_iter().chain(files).collect()
    }

    /// A file, by the end of its path.
    pub(crate) fn file(&self, name: &str) -> String {
        let file = self.files.iter().find(|(path, _)| path.ends_with(name));
        String::from_utf8(file.unwrap_or_else(|| panic!("no {name}: {}", self.shown())).1.clone()).unwrap()
    }

    pub(crate) fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    pub(crate) fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    pub(crate) fn shown(&self) -> String {
        format!("exit {:?}\nstdout:\n{}\nstderr:\n{}", self.code, self.stdout(), self.stderr())
    }
}

fn files(folders: &[&Path]) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut waiting: Vec<PathBuf> = folders.iter().map(|folder| folder.to_path_buf()).collect();
    while let Some(folder) = waiting.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
            } else {
                found.insert(path.clone(), std::fs::read(path).unwrap());
            }
        }
    }
    found
}

/// Where a run writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Channel {
    Trace,
    Jsonl,
    Text,
    Junit,
}

impl Channel {
    pub(crate) const ALL: [Self; 4] = [Self::Trace, Self::Jsonl, Self::Text, Self::Junit];
}

/// The flags that let a run write to all of them.
pub(crate) const EVERYWHERE: [&str; 6] =
    ["test", "--trace", "--report", "jsonl=run.jsonl", "--report", "junit=junit.xml"];

/// What each channel says of a case.
pub(crate) struct Told {
    trace: BTreeMap<String, String>,
    jsonl: BTreeMap<String, String>,
    text: BTreeMap<String, String>,
    junit: BTreeMap<String, String>,
}

impl Told {
    pub(crate) fn of(left: &Left) -> Self {
        let mut told = Self {
            trace: BTreeMap::new(),
            jsonl: BTreeMap::new(),
            text: BTreeMap::new(),
            junit: BTreeMap::new(),
        };
        let mut case = String::new();
        for line in left.stderr().lines() {
            if let Some((name, _)) = line.strip_prefix("* ").and_then(|line| line.split_once(", step ")) {
                name.clone_into(&mut case);
            }
            put(&mut told.trace, &case, line);
        }
        for line in left.file("run.jsonl").lines() {
            let event: Value = serde_json::from_str(line).unwrap();
            put(&mut told.jsonl, event["case"].as_str().unwrap_or_default(), line);
        }
        let mut case = String::new();
        for line in left.stdout().lines() {
            if let Some(name) = line.strip_prefix("---- ").and_then(|line| line.strip_suffix(" ----")) {
                name.clone_into(&mut case);
            }
            put(&mut told.text, &case, line);
        }
        for part in left.file("junit.xml").split("<testcase name=\"").skip(1) {
            put(&mut told.junit, part.split('"').next().unwrap_or_default(), part);
        }
        told
    }

    pub(crate) fn about(&self, case: &str, channel: Channel) -> &str {
        let part = match channel {
            Channel::Trace => &self.trace,
            Channel::Jsonl => &self.jsonl,
            Channel::Text => &self.text,
            Channel::Junit => &self.junit,
        };
        part.get(case).map_or("", String::as_str)
    }
}

fn put(told: &mut BTreeMap<String, String>, case: &str, text: &str) {
    let part = told.entry(case.to_owned()).or_default();
    part.push_str(text);
    part.push('\n');
}

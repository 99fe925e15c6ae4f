//! One file of snapshots: a mapping of keys to values. It is read with every place, and written whole or not at
//! all.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use super::keys::Names;
use crate::diagnostic::{Code, Diagnostic, whole_file};
use crate::source::{Document, Pointer, Site, SourceFile, Span, emit, yaml};
use crate::suite;

/// What a file of snapshots begins with.
const HEADER: &str = "# Written by `callsheet test --update`: read the difference before you commit it.\n\n";

/// What git leaves in a file that it could not merge.
const CONFLICT: [&str; 3] = ["<<<<<<< ", "||||||| ", ">>>>>>> "];

/// Reads a file of snapshots; none where it is not there.
///
/// # Errors
/// The diagnostics, at least one of them an error.
pub(super) fn read(path: &Path, shown: &str) -> Result<Option<Arc<Document>>, Vec<Diagnostic>> {
    if !path.exists() {
        return Ok(None);
    }
    parse(&suite::read_text(path, shown.to_owned())?).map(|document| Some(Arc::new(document)))
}

fn parse(file: &Arc<SourceFile>) -> Result<Document, Vec<Diagnostic>> {
    if let Some(conflict) = conflict(file) {
        return Err(vec![conflict]);
    }
    let mut documents = yaml::read(file)?.documents.into_iter();
    let (first, second) = (documents.next(), documents.next());
    if let Some(second) = second {
        let message = "a file of snapshots is one document";
        let problem = Diagnostic::error(Code::WrongType, second.site(&Pointer::root()), message);
        return Err(vec![
            problem.help("put them together, or remove the file and write it anew with `--update`"),
        ]);
    }
    let Some(document) = first.filter(|document| document.value().is_object()) else {
        let message = "a file of snapshots is a mapping of names to values";
        let problem = Diagnostic::error(Code::WrongType, whole_file(file), message);
        return Err(vec![problem.help("remove it, and write it anew with `callsheet test --update`")]);
    };
    Ok(document)
}

/// The mark of a merge that git left to its user.
fn conflict(file: &Arc<SourceFile>) -> Option<Diagnostic> {
    let mut at = 0;
    for line in file.text().split_inclusive('\n') {
        if CONFLICT.iter().any(|mark| line.starts_with(mark)) {
            let site = Site { file: Arc::clone(file), span: Span::new(at, at + line.trim_end().len()) };
            let problem = Diagnostic::error(Code::YamlSyntax, site, "a merge was left in conflict here");
            return Some(problem.help("take either side whole, and run `callsheet test --update`"));
        }
        at += line.len();
    }
    None
}

/// What `check` says of a file of snapshots: that it cannot be read, or what no scenario names.
#[must_use]
pub fn problems(names: &Names<'_>) -> Vec<Diagnostic> {
    let document = match read(&names.path, &names.shown) {
        Ok(Some(document)) => document,
        Ok(None) => return Vec::new(),
        Err(problems) => return problems,
    };
    let Some(entries) = document.value().as_object() else { return Vec::new() };
    let orphan = |site, message| Diagnostic::warning(Code::OrphanSnapshot, site, message);
    if names.is_alone() {
        let message = format!("no scenario file stands beside `{}`", names.shown);
        return vec![
            orphan(whole_file(&document.file), message)
                .help("remove it, or rename it as its scenario file was"),
        ];
    }
    let unknown = entries.keys().filter(|key| names.position(key).is_none());
    unknown
        .map(|key| {
            let message = format!("no scenario names the snapshot `{key}`");
            orphan(document.key_site(&Pointer::root().key(key)), message)
                .help(format!("`callsheet test --update {}` removes it", names.scenario_file()))
        })
        .collect()
}

/// The text of a file with these entries, none where that cannot be read again as the same: why.
pub(super) fn text(shown: &str, entries: &[(String, Value)]) -> Result<String, String> {
    let entries = || entries.iter().map(|(key, value)| (key.as_str(), value));
    let text = format!("{HEADER}{}", emit::entries(entries()));
    let file = Arc::new(SourceFile::new(shown, text.as_str()));
    let document = parse(&file).map_err(|problems| {
        problems.into_iter().next().map_or_else(String::new, |problem| problem.message)
    })?;
    let read = document.value().as_object().map(|members| members.len()).unwrap_or_default();
    let same = entries().all(|(key, value)| document.get(&Pointer::root().key(key)) == Some(value));
    if same && read == entries().count() {
        Ok(text)
    } else {
        Err("it is not read as it is written".to_owned())
    }
}

/// Writes a file whole or not at all: beside it, and then in its place.
pub(super) fn write(path: &Path, text: &str) -> io::Result<()> {
    // What a link leads to is written, not the link.
    let path = if path.exists() { fs::canonicalize(path)? } else { path.to_owned() };
    let beside = beside(&path);
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&beside)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        })
        .and_then(|()| match fs::metadata(&path) {
            Ok(old) => fs::set_permissions(&beside, old.permissions()),
            Err(_) => Ok(()),
        })
        .and_then(|()| fs::rename(&beside, &path));
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written
}

fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}.tmp", std::process::id()))
}

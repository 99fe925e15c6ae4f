//! Finding the suite file, and the scenario files that its patterns name.

use std::fs;
use std::path::{Component, Path, PathBuf};

use ignore::WalkBuilder;
use ignore::overrides::{Override, OverrideBuilder};

use super::read::reason;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Site;

/// The name of a suite's file.
pub const SUITE_FILE: &str = "callsheet.yaml";
/// How the files of snapshots end.
const SNAPSHOTS: &str = ".snap.yaml";
/// How deep folders are looked into: links to folders can make a tree endless.
const MAX_DEPTH: usize = 32;
/// How many files and folders one pattern may look at.
const MAX_ENTRIES: usize = 200_000;

/// A scenario file that a pattern found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    /// Its path below the suite's folder, with `/`.
    pub path: String,
    /// The pattern that found it, the first of several.
    pub pattern: usize,
}

/// What a suite's patterns came to.
#[derive(Debug, Default)]
pub struct Discovery {
    /// The files, sorted by path, none of them twice.
    pub files: Vec<Found>,
    /// The files of snapshots that are passed over: paths below the suite's folder, sorted, none of them twice.
    pub snapshots: Vec<String>,
    /// The patterns that are in error, or found nothing, in their order.
    pub refused: Vec<Refused>,
}

/// A pattern that is in error.
#[derive(Debug)]
pub struct Refused {
    /// The pattern's place in the list.
    pub pattern: usize,
    /// What is wrong.
    pub error: PatternError,
}

/// What can be wrong with a pattern.
#[derive(Debug, thiserror::Error)]
pub enum PatternError {
    /// It is no glob.
    #[error("the pattern cannot be read: {0}")]
    Syntax(String),
    /// It leaves the suite's folder.
    #[error("the pattern leaves the suite's folder")]
    Outside,
    /// It finds no file.
    #[error("the pattern finds no file")]
    NothingFound {
        /// The folder that it names, if it is one.
        folder: Option<String>,
    },
    /// A folder or file that it leads to cannot be read.
    #[error("the pattern leads to `{path}`, which cannot be read: {why}")]
    Unreadable {
        /// Below the suite's folder.
        path: String,
        /// What the system says.
        why: String,
    },
    /// It leads through more than can be looked at.
    #[error("the pattern leads through more than {MAX_ENTRIES} files and folders")]
    TooMany,
}

impl PatternError {
    /// The message at the pattern's place.
    #[must_use]
    pub fn diagnostic(&self, site: Site) -> Diagnostic {
        let (code, help) = match self {
            Self::Syntax(_) => {
                (Code::BadValue, "write a path with `*`, `?`, `[a-z]`, `{a,b}` or `**` in it".to_owned())
            }
            Self::Outside => (Code::BadValue, "write a path below the folder of the suite file".to_owned()),
            Self::NothingFound { folder: Some(folder) } => {
                (Code::NothingFound, format!("it names a folder; for the files in it write `{folder}/**/*.yaml`"))
            }
            Self::NothingFound { folder: None } => (
                Code::NothingFound,
                "patterns begin at the suite's folder; `*` stays in a folder, `**` goes into all below; files end in `.yaml` or `.yml`"
                    .to_owned(),
            ),
            Self::Unreadable { .. } => (Code::Unreadable, "check its permissions".to_owned()),
            Self::TooMany => (Code::TooLarge, "begin the pattern with a folder".to_owned()),
        };
        Diagnostic::error(code, site, self.to_string()).help(help)
    }
}

/// The suite file of a file or folder: the nearest `callsheet.yaml` in its folder or one above it.
#[must_use]
pub fn find(start: &Path) -> Option<PathBuf> {
    // `a/..` has `a` above it by its spelling only.
    let start = match start.components().any(|part| part == Component::ParentDir) {
        true => fs::canonicalize(start).ok()?,
        false => std::path::absolute(start).ok()?,
    };
    start.ancestors().map(|folder| folder.join(SUITE_FILE)).find(|file| file.is_file())
}

/// The files that `patterns` name below `root`.
///
/// A pattern is what the user wrote, so nothing that it names is hidden: `.gitignore` is not asked. As in a
/// shell, `*` and `**` do not stand for names that begin with a dot. Passed over are files that end in
/// neither `.yaml` nor `.yml`, snapshots (`*.snap.yaml`) and the suite file itself.
#[must_use]
pub fn discover<S: AsRef<str>>(root: &Path, patterns: &[S]) -> Discovery {
    let mut discovery = Discovery::default();
    for (pattern, text) in patterns.iter().enumerate() {
        match files_of(root, text.as_ref()) {
            Ok((paths, snapshots)) => {
                discovery.files.extend(paths.into_iter().map(|path| Found { path, pattern }));
                discovery.snapshots.extend(snapshots);
            }
            Err(error) => discovery.refused.push(Refused { pattern, error }),
        }
    }
    discovery.files.sort();
    discovery.files.dedup_by(|later, first| later.path == first.path);
    discovery.snapshots.sort();
    discovery.snapshots.dedup();
    discovery
}

/// The folders that a pattern begins with, before its first part with a wildcard; without a `/` at its end.
/// A pattern that is a file's path has the file's folder.
#[must_use]
pub fn fixed_part(pattern: &str) -> &str {
    let pattern = below(pattern);
    let wild = pattern.find(['*', '?', '[', '{', '\\']).unwrap_or(pattern.len());
    let folders = pattern.get(..wild).and_then(|fixed| fixed.rfind('/')).unwrap_or_default();
    pattern.get(..folders).unwrap_or_default()
}

/// The pattern without a leading `./`.
fn below(mut pattern: &str) -> &str {
    while let Some(rest) = pattern.strip_prefix("./") {
        pattern = rest.trim_start_matches('/');
    }
    pattern
}

/// The scenario files of a pattern, and the files of snapshots that it leads to.
fn files_of(root: &Path, pattern: &str) -> Result<(Vec<String>, Vec<String>), PatternError> {
    let pattern = below(pattern);
    let fixed = fixed_part(pattern);
    if Path::new(pattern).has_root() || pattern.split('/').any(|part| part == "..") {
        return Err(PatternError::Outside);
    }
    let nothing = |folder| PatternError::NothingFound { folder };
    if pattern.trim().is_empty() {
        return Err(nothing(None));
    }
    let glob = glob(pattern)?;
    if !pattern.contains(['*', '?', '[', '{', '\\']) {
        let path = root.join(pattern);
        return if path.is_file() && is_scenario(pattern) {
            Ok((vec![pattern.to_owned()], Vec::new()))
        } else {
            Err(nothing(path.is_dir().then(|| pattern.trim_end_matches('/').to_owned())))
        };
    }
    let start = root.join(fixed);
    if !start.is_dir() {
        return Err(nothing(None));
    }
    let rest = pattern.get(fixed.len()..).unwrap_or_default().trim_start_matches('/');
    let depth = if rest.contains("**") { MAX_DEPTH } else { rest.split('/').count().min(MAX_DEPTH) };
    let hidden = rest.split('/').any(|part| part.starts_with('.'));
    let walk = WalkBuilder::new(&start)
        .standard_filters(false)
        .hidden(!hidden)
        .follow_links(true)
        .max_depth(Some(depth))
        .build();
    let (mut files, mut snapshots) = (Vec::new(), Vec::new());
    for (count, entry) in walk.enumerate() {
        if count > MAX_ENTRIES {
            return Err(PatternError::TooMany);
        }
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => match broken(&error) {
                Broken::Back => continue,
                // To read it will tell what is wrong with it, if it is asked for at all.
                Broken::Link(path) => {
                    files.extend(
                        path.strip_prefix(root)
                            .ok()
                            .filter(|path| glob.matched(path, false).is_whitelist())
                            .and_then(slashed)
                            .filter(|path| is_scenario(path)),
                    );
                    continue;
                }
                Broken::Other(path) => {
                    let path = path.unwrap_or(&start);
                    let path = path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned();
                    let why = error.io_error().map_or_else(|| error.to_string(), reason);
                    return Err(PatternError::Unreadable { path, why });
                }
            },
        };
        if !entry.file_type().is_some_and(|kind| kind.is_file()) {
            continue;
        }
        let Ok(path) = entry.path().strip_prefix(root) else { continue };
        if !glob.matched(path, false).is_whitelist() {
            continue;
        }
        let Some(path) = slashed(path) else {
            let path = path.to_string_lossy().into_owned();
            return Err(PatternError::Unreadable { path, why: "its name is not UTF-8".to_owned() });
        };
        if is_scenario(&path) {
            files.push(path);
        } else if path.ends_with(SNAPSHOTS) {
            snapshots.push(path);
        }
    }
    if files.is_empty() { Err(nothing(None)) } else { Ok((files, snapshots)) }
}

/// The pattern as a glob from the suite's folder on.
fn glob(pattern: &str) -> Result<Override, PatternError> {
    let syntax = |error: ignore::Error| {
        let text = match error {
            ignore::Error::Glob { err, .. } => err,
            other => other.to_string(),
        };
        PatternError::Syntax(text)
    };
    // A leading `/` ties it to the folder, and keeps a `!` or `#` at its start plain.
    let mut builder = OverrideBuilder::new("");
    builder.add(&format!("/{pattern}")).map_err(syntax)?;
    builder.build().map_err(syntax)
}

fn is_scenario(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let yaml = name.ends_with(".yaml") || name.ends_with(".yml");
    yaml && !name.ends_with(SNAPSHOTS) && path != SUITE_FILE
}

/// Why the walk could not go on at a place.
enum Broken<'a> {
    /// A link that leads back up: what is there is found by its own path.
    Back,
    /// A link that leads nowhere.
    Link(&'a Path),
    /// Anything else.
    Other(Option<&'a Path>),
}

fn broken(mut error: &ignore::Error) -> Broken<'_> {
    let mut at = None;
    loop {
        match error {
            ignore::Error::Loop { .. } => return Broken::Back,
            ignore::Error::WithPath { path, err } => {
                at = Some(path.as_path());
                error = err;
            }
            ignore::Error::WithDepth { err, .. } => error = err,
            _ => break,
        }
    }
    match at {
        Some(path) if path.is_symlink() => Broken::Link(path),
        at => Broken::Other(at),
    }
}

/// A relative path with `/`; none where it is not UTF-8.
fn slashed(path: &Path) -> Option<String> {
    let parts: Option<Vec<&str>> = path.components().map(|part| part.as_os_str().to_str()).collect();
    Some(parts?.join("/"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::diagnostic::{Style, render_all};
    use crate::source::{SourceFile, Span};

    fn tree(files: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for file in files {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "a: 1\n").unwrap();
        }
        root
    }

    fn paths(root: &Path, patterns: &[&str]) -> Vec<String> {
        let discovery = discover(root, patterns);
        assert!(discovery.refused.is_empty(), "{:?}", discovery.refused);
        discovery.files.into_iter().map(|found| found.path).collect()
    }

    #[test]
    fn the_nearest_suite_file_is_found() {
        let root = tree(&["callsheet.yaml", "a/b/c.yaml", "a/callsheet.yaml", "x/y.yaml"]);
        let at = |path: &str| root.path().join(path);
        assert_eq!(find(&at("a/b/c.yaml")), Some(at("a/callsheet.yaml")));
        assert_eq!(find(&at("a")), Some(at("a/callsheet.yaml")));
        assert_eq!(find(&at("x/absent.yaml")), Some(at("callsheet.yaml")));
        let around = find(&at("a/../x")).unwrap();
        assert_eq!(fs::canonicalize(around).unwrap(), fs::canonicalize(at("callsheet.yaml")).unwrap());
    }

    #[test]
    fn patterns_find_sorted_scenario_files() {
        let root = tree(&[
            "callsheet.yaml",
            "scenarios/b.yaml",
            "scenarios/a/z.yml",
            "scenarios/a/a.yaml",
            "scenarios/a.snap.yaml",
            "scenarios/notes.txt",
            "scenarios/.hidden/h.yaml",
            "ignored/i.yaml",
            ".gitignore",
        ]);
        fs::write(root.path().join(".gitignore"), "ignored\n").unwrap();
        fs::create_dir(root.path().join(".git")).unwrap();
        let root = root.path();
        assert_eq!(paths(root, &["scenarios/**/*.yaml"]), ["scenarios/a/a.yaml", "scenarios/b.yaml"]);
        assert_eq!(
            paths(root, &["./scenarios/**"]),
            ["scenarios/a/a.yaml", "scenarios/a/z.yml", "scenarios/b.yaml"]
        );
        assert_eq!(paths(root, &["scenarios/*.yaml"]), ["scenarios/b.yaml"]);
        assert_eq!(paths(root, &["scenarios/{b,x}.yaml"]), ["scenarios/b.yaml"]);
        assert_eq!(paths(root, &["scenarios/b.yaml"]), ["scenarios/b.yaml"]);
        assert_eq!(paths(root, &["scenarios/.hidden/*.yaml"]), ["scenarios/.hidden/h.yaml"]);
        assert_eq!(paths(root, &["ignored/*.yaml"]), ["ignored/i.yaml"]);
        assert_eq!(paths(root, &["*/b.y[a]ml"]), ["scenarios/b.yaml"]);
        assert_eq!(paths(root, &["**/*.yaml"]), ["ignored/i.yaml", "scenarios/a/a.yaml", "scenarios/b.yaml"],);
    }

    #[test]
    fn the_first_pattern_has_the_file() {
        let root = tree(&["s/b.yaml", "s/a.yaml"]);
        let found = discover(root.path(), &["s/a.yaml", "s/*.yaml"]).files;
        let found: Vec<_> = found.iter().map(|found| (found.path.as_str(), found.pattern)).collect();
        assert_eq!(found, [("s/a.yaml", 0), ("s/b.yaml", 1)]);
    }

    #[test]
    fn patterns_in_error_are_told_and_the_others_read() {
        let root = tree(&["s/a.yaml", "s/t/b.txt"]);
        let discovery = discover(
            root.path(),
            &[
                "s/*.yaml",
                "absent/*.yaml",
                "s/t",
                "../*.yaml",
                "/etc/*.yaml",
                "s/[",
                "s/**/*.txt",
                "s/b.yaml",
                "",
            ],
        );
        assert_eq!(discovery.files.len(), 1);
        let file = Arc::new(SourceFile::new("callsheet.yaml", "scenarios: s/*.yaml\n"));
        let site = Site { file, span: Span::new(11, 19) };
        let drawn: Vec<_> = discovery.refused.iter().map(|r| r.error.diagnostic(site.clone())).collect();
        insta::assert_snapshot!("refused", render_all(&drawn, Style::Plain));
        let patterns: Vec<_> = discovery.refused.iter().map(|r| r.pattern).collect();
        assert_eq!(patterns, [1, 2, 3, 4, 5, 6, 7, 8]);
        assert!(
            matches!(&discovery.refused[1].error, PatternError::NothingFound { folder: Some(folder) } if folder == "s/t")
        );
    }

    #[cfg(unix)]
    #[test]
    fn links_that_lead_back_end() {
        let root = tree(&["s/a/b.yaml"]);
        std::os::unix::fs::symlink(root.path().join("s"), root.path().join("s/a/up")).unwrap();
        std::os::unix::fs::symlink(root.path().join("s/a"), root.path().join("s/c")).unwrap();
        std::os::unix::fs::symlink("self", root.path().join("s/self")).unwrap();
        std::os::unix::fs::symlink("absent", root.path().join("s/d.yaml")).unwrap();
        let discovery = discover(root.path(), &["s/**/*.yaml"]);
        let found: Vec<_> = discovery.files.iter().map(|found| found.path.as_str()).collect();
        assert_eq!(found, ["s/a/b.yaml", "s/c/b.yaml", "s/d.yaml"], "{:?}", discovery.refused);
    }

    #[test]
    fn the_fixed_part_is_folders_only() {
        for (pattern, fixed) in [
            ("scenarios/**/*.yaml", "scenarios"),
            ("./a/b/*.yaml", "a/b"),
            ("*.yaml", ""),
            ("a/b.yaml", "a"),
            ("a/b*/c.yaml", "a"),
            ("a.yaml", ""),
            ("a/{b,c}/d.yaml", "a"),
            ("", ""),
        ] {
            assert_eq!(fixed_part(pattern), fixed, "{pattern}");
        }
    }
}

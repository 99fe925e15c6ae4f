//! The only place that reads the process: its environment, folder, terminal and clock.

use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use super::exit::Stop;
use crate::auth::Environment;

/// What the process was given, read once. No `Debug`: it holds tokens.
#[derive(Clone, Default)]
pub(super) struct Surroundings {
    /// The environment. A variable that is not UTF-8 is none that a suite could use.
    pub(super) variables: Vec<(String, String)>,
    /// The working directory, absolute.
    pub(super) folder: PathBuf,
    /// The path of the executable as it was called.
    pub(super) program: String,
    /// Whether stdout is a terminal.
    pub(super) stdout_is_terminal: bool,
    /// Whether stderr is a terminal.
    pub(super) stderr_is_terminal: bool,
}

impl Surroundings {
    /// Reads the process.
    pub(super) fn read() -> Result<Self, Stop> {
        let folder = std::env::current_dir()
            .map_err(|error| Stop::usage(format!("cannot tell the working directory: {error}")))?;
        Ok(Self {
            variables: std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
                .collect(),
            folder,
            program: arguments().next().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
            stdout_is_terminal: std::io::stdout().is_terminal(),
            stderr_is_terminal: std::io::stderr().is_terminal(),
        })
    }

    /// A variable; none where it is empty, too, as `NO_COLOR` and its like are meant.
    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        let (_, value) = self.variables.iter().find(|(known, _)| known == name)?;
        (!value.is_empty()).then_some(value)
    }

    /// The variables together with those of `.env` in the suite's folder, or of `file` in place of it.
    ///
    /// # Errors
    /// Where `file` cannot be read, or one of them is no `.env` file. The line, which may hold a secret, is
    /// not shown.
    pub(super) fn with_env_file(&self, file: Option<&Path>, root: &Path) -> Result<Environment, Stop> {
        let found = root.join(".env");
        let path = file.unwrap_or(&found);
        let entries = match dotenvy::from_path_iter(path) {
            Ok(entries) => entries.collect::<Result<Vec<_>, _>>(),
            Err(error) if error.not_found() && file.is_none() => Ok(Vec::new()),
            Err(error) => Err(error),
        };
        let entries = entries.map_err(|error| {
            let reason = match &error {
                dotenvy::Error::Io(error) => error.to_string(),
                _ => "a line is no `NAME=VALUE`; a value with spaces or quotes has to be quoted".to_owned(),
            };
            Stop::usage(format!("cannot read `{}`: {reason}", path.display()))
        })?;
        let shown = path.strip_prefix(&self.folder).unwrap_or(path).to_string_lossy();
        Ok(Environment::with_file(self.variables.iter().cloned(), entries, &shown))
    }
}

/// The command line, the program's name first.
pub(super) fn arguments() -> impl Iterator<Item = OsString> {
    std::env::args_os()
}

/// The clock.
#[expect(clippy::disallowed_methods, reason = "this is where the clock comes in")]
pub(super) fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn surroundings() -> Surroundings {
        Surroundings { variables: vec![("A".to_owned(), "process".to_owned())], ..Surroundings::default() }
    }

    #[test]
    fn the_process_wins_over_the_file() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(".env"), "A=file\nB='file # $A'\n").unwrap();
        let environment = surroundings().with_env_file(None, folder.path()).unwrap();
        assert_eq!((environment.get("A"), environment.get("B")), (Some("process"), Some("file # $A")));
        let other = folder.path().join("other");
        std::fs::write(&other, "B=other").unwrap();
        let environment = surroundings().with_env_file(Some(&other), folder.path()).unwrap();
        assert_eq!((environment.get("A"), environment.get("B")), (Some("process"), Some("other")));
    }

    #[test]
    fn only_a_file_that_was_named_has_to_be_there() {
        let folder = tempfile::tempdir().unwrap();
        assert!(surroundings().with_env_file(None, folder.path()).is_ok());
        let stop = surroundings().with_env_file(Some(&folder.path().join("x")), folder.path()).unwrap_err();
        assert!(stop.message.starts_with("cannot read `"), "{stop}");
    }

    #[test]
    fn a_broken_line_is_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        for text in ["PAT='rt_SECRET", "PAT=rt_SECRET and more", "rt_SECRET"] {
            std::fs::write(folder.path().join(".env"), text).unwrap();
            let stop = surroundings().with_env_file(None, folder.path()).unwrap_err();
            assert!(stop.message.contains("a line is no `NAME=VALUE`"), "{stop}");
            assert!(!stop.message.contains("SECRET"), "{stop}");
        }
    }
}

//! `--report KIND=PATH`: which report, and where it is written.

use std::fs::File;
use std::path::PathBuf;
use std::str::FromStr;

use super::{Jsonl, Junit};
use crate::nearest::nearest;
use crate::run::Consumer;

/// A format of report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// JUnit XML, as CI servers read it.
    Junit,
    /// One JSON object for each event, a line each.
    Jsonl,
}

impl Kind {
    /// Every kind.
    pub const ALL: &'static [Self] = &[Self::Junit, Self::Jsonl];

    /// Its name on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Junit => "junit",
            Self::Jsonl => "jsonl",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Junit => "the JUnit report",
            Self::Jsonl => "the JSON lines report",
        }
    }
}

/// `KIND=PATH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    /// The format.
    pub kind: Kind,
    /// The file that is written.
    pub path: PathBuf,
}

impl FromStr for Spec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, path) = text.split_once('=').unwrap_or((text, ""));
        let Some(kind) = Kind::ALL.iter().copied().find(|kind| kind.as_str() == name) else {
            let names = Kind::ALL.iter().map(|kind| format!("`{}`", kind.as_str())).collect::<Vec<_>>();
            let hint = nearest(name, Kind::ALL.iter().map(|kind| kind.as_str()))
                .map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
            return Err(format!("there is no report `{name}`, only {}{hint}", names.join(" and ")));
        };
        if path.is_empty() {
            return Err(format!("a file is missing: write `{name}=PATH`"));
        }
        Ok(Self { kind, path: path.into() })
    }
}

/// Creates the file of a report, so that a missing folder is known before anything is sent.
///
/// # Errors
/// One line that names the report and its file.
pub fn open(spec: &Spec) -> Result<Box<dyn Consumer>, String> {
    let name = format!("{} `{}`", spec.kind.title(), spec.path.display());
    let file = File::create(&spec.path).map_err(|error| format!("cannot write {name}: {error}"))?;
    Ok(match spec.kind {
        Kind::Junit => Box::new(Junit::new(file, name)),
        Kind::Jsonl => Box::new(Jsonl::new(file, name)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spec_is_kind_and_path() {
        let spec = "junit=out/a=b.xml".parse::<Spec>().unwrap();
        assert_eq!(spec, Spec { kind: Kind::Junit, path: "out/a=b.xml".into() });
    }

    #[test]
    fn what_is_no_spec_says_what_is() {
        let error = |text: &str| text.parse::<Spec>().unwrap_err();
        assert_eq!(error("junit"), "a file is missing: write `junit=PATH`");
        assert_eq!(error("jsonl="), "a file is missing: write `jsonl=PATH`");
        assert_eq!(
            error("JUnits=x"),
            "there is no report `JUnits`, only `junit` and `jsonl`; did you mean `junit`?"
        );
        assert_eq!(error("html=x"), "there is no report `html`, only `junit` and `jsonl`");
    }

    #[test]
    fn a_missing_folder_is_one_line_before_the_run() {
        let folder = tempfile::tempdir().unwrap();
        let spec = Spec { kind: Kind::Jsonl, path: folder.path().join("none/x.jsonl") };
        let error = open(&spec).err().unwrap();
        assert!(error.starts_with("cannot write the JSON lines report `"), "{error}");
        assert!(!error.contains('\n'), "{error}");
    }
}

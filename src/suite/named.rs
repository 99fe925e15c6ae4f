//! A file that a file of the suite names: relative to it, inside the suite's folder, whatever links lead where.

use std::path::{Component, Path, PathBuf};

use super::read::reason;
use crate::diagnostic::{Code, Diagnostic};
use crate::nearest::nearest;
use crate::source::Site;

/// Among how many neighbours a misspelt name is looked for.
const MAX_NEIGHBOURS: usize = 1000;

/// A file that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Its path: the folder's and the written one, normalised.
    pub path: PathBuf,
    /// Its path with all links followed: equal for equal files.
    pub canonical: PathBuf,
}

/// Why a name leads to no file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NamedError {
    /// Empty, or absolute.
    #[error("`{0}` is no path relative to this file")]
    NotRelative(String),
    /// It leaves the suite's folder.
    #[error("`{0}` is outside of the suite's folder")]
    Outside(String),
    /// There is no such file.
    #[error("there is no file `{name}`")]
    Absent {
        /// The path as it is written.
        name: String,
        /// The same with the file name that was probably meant.
        near: Option<String>,
    },
    /// It is there and cannot be reached.
    #[error("`{name}` cannot be read: {why}")]
    Unreadable {
        /// The path as it is written.
        name: String,
        /// What the system says.
        why: String,
    },
}

impl NamedError {
    /// The message at the name's place.
    #[must_use]
    pub fn diagnostic(&self, code: Code, site: Site) -> Diagnostic {
        let problem = Diagnostic::error(code, site, self.to_string());
        match self {
            Self::NotRelative(_) => problem.help("write it as it is seen from the folder of this file"),
            Self::Outside(_) => {
                problem.help("move the file into the folder of `callsheet.yaml`, or below it")
            }
            Self::Absent { near: Some(near), .. } => problem.help(format!("did you mean `{near}`?")),
            Self::Absent { near: None, .. } => {
                problem.help("the path is relative to the folder of this file")
            }
            Self::Unreadable { .. } => problem.help("check its permissions"),
        }
    }
}

/// The file that `name` means in a file of the folder `folder`, of the suite in the folder `root`.
///
/// # Errors
/// Where it means none, or none inside of `root`.
pub fn named_file(root: &Path, folder: &Path, name: &str) -> Result<Named, NamedError> {
    let relative = Path::new(name);
    let plain = |part| matches!(part, Component::Normal(_) | Component::CurDir | Component::ParentDir);
    if name.is_empty() || !relative.components().all(plain) {
        return Err(NamedError::NotRelative(name.to_owned()));
    }
    let outside = || NamedError::Outside(name.to_owned());
    let path = normal(&folder.join(relative)).ok_or_else(outside)?;
    if !path.starts_with(root) {
        return Err(outside());
    }
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => {
            NamedError::Absent { name: name.to_owned(), near: neighbour(name, &path) }
        }
        _ => NamedError::Unreadable { name: name.to_owned(), why: reason(&error) },
    };
    let canonical = path.canonicalize().map_err(failed)?;
    let inside = root.canonicalize().is_ok_and(|root| canonical.starts_with(root));
    if inside { Ok(Named { path, canonical }) } else { Err(outside()) }
}

/// The path without `.` and `..`; none where it goes above the root.
fn normal(path: &Path) -> Option<PathBuf> {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                if !normal.pop() {
                    return None;
                }
            }
            part => normal.push(part),
        }
    }
    Some(normal)
}

/// The written path with the name of the file that was probably meant.
fn neighbour(name: &str, path: &Path) -> Option<String> {
    let folder = std::fs::read_dir(path.parent()?).ok()?;
    let mut names: Vec<String> =
        folder.take(MAX_NEIGHBOURS).filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    names.sort();
    let file = path.file_name()?.to_str()?;
    // A link that leads nowhere has the very name.
    names.retain(|name| name != file);
    let near = nearest(file, names.iter().map(String::as_str))?;
    Some(format!("{}{near}", name.strip_suffix(file)?))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_name_leads_to_a_file_inside_the_suite() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap().join("suite");
        fs::create_dir_all(root.join("fragments")).unwrap();
        fs::create_dir_all(root.join("scenarios/deep")).unwrap();
        fs::write(root.join("fragments/login.yaml"), "").unwrap();
        fs::write(root.join("../secret.yaml"), "").unwrap();
        let from = |name: &str| named_file(&root, &root.join("scenarios/deep"), name);
        assert_eq!(from("../../fragments/./login.yaml").unwrap().path, root.join("fragments/login.yaml"));
        assert_eq!(
            from("../../fragments/logn.yaml"),
            Err(NamedError::Absent {
                name: "../../fragments/logn.yaml".into(),
                near: Some("../../fragments/login.yaml".into())
            })
        );
        for name in ["../../../secret.yaml", "../../../../../../../../../../../x.yaml"] {
            assert_eq!(from(name), Err(NamedError::Outside(name.into())), "{name}");
        }
        for name in ["", "/etc/passwd"] {
            assert_eq!(from(name), Err(NamedError::NotRelative(name.into())), "{name}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_does_not_lead_out() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap().join("suite");
        fs::create_dir(&root).unwrap();
        fs::write(root.join("../secret.yaml"), "").unwrap();
        fs::write(root.join("a.yaml"), "").unwrap();
        std::os::unix::fs::symlink("../secret.yaml", root.join("out.yaml")).unwrap();
        std::os::unix::fs::symlink("a.yaml", root.join("in.yaml")).unwrap();
        assert_eq!(named_file(&root, &root, "out.yaml"), Err(NamedError::Outside("out.yaml".into())));
        let (named, direct) = (named_file(&root, &root, "in.yaml"), named_file(&root, &root, "a.yaml"));
        assert_eq!(named.unwrap().canonical, direct.unwrap().canonical);
    }
}

//! A file to its documents.

use std::fs;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::Arc;

use crate::diagnostic::{Code, Diagnostic, whole_file};
use crate::source::{SourceFile, yaml};

/// Reads and parses one file, shown as `shown`.
///
/// # Errors
/// The diagnostics, at least one of them an error.
pub fn read(path: &Path, shown: String) -> Result<yaml::Parsed, Vec<Diagnostic>> {
    yaml::read(&read_text(path, shown)?)
}

/// Reads one file, shown as `shown`, which need not be YAML.
///
/// # Errors
/// One diagnostic: where it is not there, no regular file, larger than [`yaml::MAX_SIZE`] or not UTF-8.
pub fn read_text(path: &Path, shown: String) -> Result<Arc<SourceFile>, Vec<Diagnostic>> {
    let failed = |error: io::Error| {
        let help = match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => "check the path",
            io::ErrorKind::PermissionDenied => "check its permissions",
            _ => "check that it can be read by other programs",
        };
        vec![unreadable(&shown, &reason(&error), help)]
    };
    // Asked before it is opened: to open a pipe waits for its writer.
    let metadata = fs::metadata(path).map_err(failed)?;
    if metadata.is_dir() {
        return Err(vec![unreadable(&shown, "it is a folder", "name a file in it")]);
    }
    if !metadata.is_file() {
        return Err(vec![unreadable(&shown, "it is no regular file", "name a file")]);
    }
    let limit = u64::try_from(yaml::MAX_SIZE).unwrap_or(u64::MAX);
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len().min(limit)).unwrap_or_default() + 1);
    fs::File::open(path).and_then(|file| file.take(limit + 1).read_to_end(&mut bytes)).map_err(failed)?;
    if bytes.len() > yaml::MAX_SIZE {
        return Err(vec![yaml::too_large(&Arc::new(SourceFile::new(shown, "")))]);
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Arc::new(SourceFile::new(shown, text))),
        Err(error) => {
            let good = error.utf8_error().valid_up_to();
            let line = error.as_bytes().iter().take(good).filter(|byte| **byte == b'\n').count() + 1;
            let diagnostic = unreadable(&shown, "it is not UTF-8", "save it as UTF-8");
            Err(vec![match error.as_bytes().get(..2) {
                Some([0xff, 0xfe] | [0xfe, 0xff]) => diagnostic.note("it looks like UTF-16"),
                _ => diagnostic.note(format!("the first byte that is not UTF-8 is in line {line}")),
            }])
        }
    }
}

/// What an error says: as a message begins, without a path or the system's numbers.
pub(crate) fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "it does not exist".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::NotADirectory => "a part of its path is no folder".to_owned(),
        other => other.to_string(),
    }
}

fn unreadable(shown: &str, why: &str, help: &str) -> Diagnostic {
    let file = Arc::new(SourceFile::new(shown, ""));
    Diagnostic::error(Code::Unreadable, whole_file(&file), format!("cannot read `{shown}`: {why}")).help(help)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Style, render_all};

    fn shown(path: &Path) -> String {
        path.file_name().unwrap().to_string_lossy().into_owned()
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("folder")).unwrap();
        fs::write(at("latin1"), b"a: 1\nb: \xfc\n").unwrap();
        fs::write(at("utf16"), b"\xff\xfea\0").unwrap();
        fs::write(at("large"), "x".repeat(yaml::MAX_SIZE + 1)).unwrap();
        fs::write(at("fits"), format!("a: {}", "x".repeat(yaml::MAX_SIZE - 3))).unwrap();
        let names = ["absent", "folder", "latin1", "utf16", "large", "latin1/x"];
        let found: Vec<_> =
            names.iter().flat_map(|name| read(&at(name), shown(&at(name))).unwrap_err()).collect();
        insta::assert_snapshot!("unreadable", render_all(&found, Style::Plain));
        assert!(read(&at("fits"), "fits".to_owned()).is_ok());
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        assert_eq!(read(&pipe, "pipe".to_owned()).unwrap_err()[0].code, Code::Unreadable);
    }
}

//! Files to documents, side by side.

use std::fs;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::diagnostic::{Code, Diagnostic, whole_file};
use crate::source::{SourceFile, yaml};

/// How many files are worth a thread of their own.
const SHARE: usize = 8;

/// Reads and parses files on the available cores. The order is that of `paths`; `shown` makes of a path what
/// messages show.
pub fn read_all<P: AsRef<Path> + Sync>(
    paths: &[P],
    shown: impl Fn(&Path) -> String + Sync,
) -> Vec<Result<yaml::Parsed, Vec<Diagnostic>>> {
    let one = |path: &Path| read(path, shown(path));
    let workers = thread::available_parallelism().map_or(1, usize::from).min(paths.len().div_ceil(SHARE));
    if workers <= 1 {
        return paths.iter().map(|path| one(path.as_ref())).collect();
    }
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(path) = paths.get(index) else { return done };
            done.push((index, one(path.as_ref())));
        }
    };
    let mut all: Vec<_> = thread::scope(|scope| {
        let others: Vec<_> = (1..workers).map(|_| scope.spawn(work)).collect();
        let mut all = work();
        // A file whose reader died is missed below.
        others.into_iter().filter_map(|other| other.join().ok()).for_each(|done| all.extend(done));
        all
    });
    all.sort_by_key(|(index, _)| *index);
    let mut all = all.into_iter().peekable();
    paths
        .iter()
        .enumerate()
        .map(|(index, path)| match all.next_if(|(at, _)| *at == index) {
            Some((_, read)) => read,
            None => Err(vec![unreadable(&shown(path.as_ref()), "its reader failed", "report this as a bug")]),
        })
        .collect()
}

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
pub(super) fn reason(error: &io::Error) -> String {
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
    fn many_files_keep_their_order() {
        let folder = tempfile::tempdir().unwrap();
        let paths: Vec<_> = (0..100).map(|n| folder.path().join(format!("{n}.yaml"))).collect();
        for (n, path) in paths.iter().enumerate() {
            fs::write(path, format!("n: {n}\n---\nm: {n}\n")).unwrap();
        }
        fs::write(&paths[41], "a: {{ x }}").unwrap();
        fs::remove_file(&paths[42]).unwrap();
        let all = read_all(&paths, shown);
        assert_eq!(all.len(), 100);
        for (n, read) in all.iter().enumerate() {
            match n {
                41 => assert_eq!(read.as_ref().unwrap_err()[0].code, Code::UnquotedBraces),
                42 => assert_eq!(read.as_ref().unwrap_err()[0].code, Code::Unreadable),
                _ => {
                    let documents = &read.as_ref().unwrap().documents;
                    assert_eq!(
                        (documents[0].value["n"].as_u64(), documents.len()),
                        (u64::try_from(n).ok(), 2)
                    );
                    assert_eq!(documents[1].file.path(), format!("{n}.yaml"));
                }
            }
        }
        assert!(read_all::<&Path>(&[], shown).is_empty());
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
        let paths: Vec<_> = names.iter().map(|name| at(name)).collect();
        let found: Vec<_> = read_all(&paths, shown).into_iter().flat_map(Result::unwrap_err).collect();
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

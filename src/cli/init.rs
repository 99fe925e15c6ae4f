//! `callsheet init`: a suite that passes on the sandbox as it is.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use super::args::InitArgs;
use super::exit::{Exit, Stop};
use super::screen::print;

const SUITE: &str = include_str!("init/callsheet.yaml");
const SCENARIO: &str = include_str!("init/first.yaml");

/// Writes the files and tells which.
pub(super) fn init(args: &InitArgs) -> Result<Exit, Stop> {
    print(&start(&args.folder)?)?;
    Ok(Exit::Good)
}

/// What is there already is left as it is, and nothing is written beside it.
fn start(folder: &Path) -> Result<String, Stop> {
    let files = [("callsheet.yaml", SUITE), ("scenarios/first.yaml", SCENARIO)]
        .map(|(name, text)| (folder.join(name), text));
    if let Some((path, _)) = files.iter().find(|(path, _)| path.exists()) {
        return Err(Stop::usage(format!("`{}` is there already; nothing was written", path.display())));
    }
    for (path, text) in &files {
        write(path, text)
            .map_err(|error| Stop::usage(format!("cannot write `{}`: {error}", path.display())))?;
    }
    let mut told = String::new();
    for (path, _) in &files {
        told.push_str(&format!("wrote {}\n", path.display()));
    }
    told.push_str("`callsheet test` runs it on the embedded sandbox\n");
    Ok(told)
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    // Not even one that came in the meantime is overwritten.
    OpenOptions::new().write(true).create_new(true).open(path)?.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let new = folder.path().join("new");
        start(&new).unwrap();
        std::fs::write(new.join("callsheet.yaml"), "mine").unwrap();
        let stop = start(&new).unwrap_err();
        assert!(stop.message.ends_with("callsheet.yaml` is there already; nothing was written"), "{stop}");
        assert_eq!(std::fs::read_to_string(new.join("callsheet.yaml")).unwrap(), "mine");
    }

    #[test]
    fn the_files_are_in_order() {
        use crate::plan::{Load, load};
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        start(&root).unwrap();
        let loaded = load(&Load { working_directory: root.clone(), start: root, ..Load::default() }).unwrap();
        assert_eq!((loaded.plan.cases.len(), loaded.warnings.len()), (1, 0), "{:?}", loaded.warnings);
    }
}

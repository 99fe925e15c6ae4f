//! Servers that are commands. They are found in PATH, where `install.sh` put them.

use std::fs;

use super::{Counts as _, Peers, Project, here};

/// Every scenario of `tests/peers/stdio/`.
pub(super) fn scenarios(peers: &Peers) {
    let (passed, ignored) = run(peers, &["test"]);
    assert!(passed >= 8, "{passed} cases passed");
    assert_eq!(ignored, 0);
}

/// Several sessions with one server, each with a process of its own.
pub(super) fn side_by_side(peers: &Peers) {
    let (passed, _) = run(peers, &["test", "memory::", "time", "--test-threads", "4"]);
    assert!(passed >= 5, "{passed} cases passed");
}

fn run(peers: &Peers, arguments: &[&str]) -> (usize, usize) {
    let from = here().join("tests/peers/stdio");
    let read = |name: &str| fs::read_to_string(from.join(name)).unwrap();
    let mut project = Project::new().file("callsheet.yaml", &read("callsheet.yaml"));
    for file in fs::read_dir(from.join("scenarios")).unwrap() {
        let name = format!("scenarios/{}", file.unwrap().file_name().to_str().unwrap());
        project = project.file(&name, &read(&name));
    }
    let folders = ["npm/node_modules/.bin", "python/bin"].map(|folder| peers.folder.join(folder));
    let others = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(folders.into_iter().chain(std::env::split_paths(&others))).unwrap();
    // What the servers write stays in the project.
    let output = project.command(arguments).env("PATH", path).env("TMPDIR", project.path()).output().unwrap();
    let ran = super::Ran {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
        took: std::time::Duration::ZERO,
    };
    ran.exits(0).counts()
}

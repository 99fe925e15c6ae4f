//! A suite in a folder of its own, and the command run in it.

#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has to fail")]

use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// A suite on the sandbox.
#[derive(Debug)]
pub(crate) struct Suite(TempDir);

impl Suite {
    /// An empty one.
    pub(crate) fn new() -> Self {
        let suite = Self(tempfile::tempdir().unwrap());
        suite.write(
            "callsheet.yaml",
            "servers: {sandbox: {sandbox: uipath}}\nscenarios: scenarios/**/*.yaml\n",
        )
    }

    /// With a file.
    pub(crate) fn write(self, name: &str, text: &str) -> Self {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    /// With a scenario of this name, whose steps are `steps`.
    pub(crate) fn scenario(self, name: &str, head: &str, steps: &str) -> Self {
        self.write(&format!("scenarios/{name}.yaml"), &format!("scenario: {name}\n{head}steps:\n{steps}"))
    }

    /// Its folder.
    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// `callsheet test` with arguments, not started yet. The environment of whoever runs the tests is not let
    /// in where it would change what is printed.
    pub(crate) fn test(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_callsheet"));
        command.current_dir(self.path()).arg("test").args(arguments).stdin(Stdio::null());
        for name in ["RUST_TEST_THREADS", "NO_COLOR", "NEXTEST", "TERM"] {
            command.env_remove(name);
        }
        command
    }

    /// Runs `callsheet test`.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        Ran::from(self.test(arguments).output().unwrap())
    }
}

/// What a process printed, and its exit code.
#[derive(Debug)]
pub(crate) struct Ran {
    /// The exit code.
    pub(crate) code: Option<i32>,
    /// What it printed.
    pub(crate) stdout: String,
    /// What it complained of.
    pub(crate) stderr: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

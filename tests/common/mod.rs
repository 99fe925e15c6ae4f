//! The builder of CLI tests: a project in a folder of its own, a sandbox whose log can be read, the command and
//! what it printed.
#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has to fail")]
#![expect(clippy::indexing_slicing, reason = "as above")]
#![expect(dead_code, reason = "each test file uses the part it needs")]
#![expect(clippy::disallowed_methods, reason = "tests read the environment of the machine they run on")]

pub(crate) mod pages;
pub(crate) mod scripted;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use callsheet::sandbox::{Log, Options, Sandbox};

/// A suite in a temporary folder.
pub(crate) struct Project {
    folder: tempfile::TempDir,
    environment: Vec<(String, String)>,
}

impl Project {
    /// An empty folder.
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), environment: Vec::new() }
    }

    /// A suite with the embedded sandbox.
    pub(crate) fn on_own_sandbox() -> Self {
        Self::new().file("callsheet.yaml", "servers: {sandbox: {sandbox: uipath}}\nscenarios: '*.yaml'\n")
    }

    /// A suite with a sandbox whose log the test reads.
    pub(crate) fn on(sandbox: &Server) -> Self {
        Self::with(sandbox, "")
    }

    /// The same, with more keys of its server (lines indented by four).
    pub(crate) fn with(sandbox: &Server, more: &str) -> Self {
        let suite = format!(
            "servers:\n  orders:\n    url: {}\n    auth: {{pat: {{env: OWNER_PAT}}}}\n    identities: {{auditor: {{pat: {{env: AUDITOR_PAT}}}}}}\n{more}\nscenarios: '*.yaml'\n",
            sandbox.url()
        );
        Self::new()
            .file("callsheet.yaml", &suite)
            .env("OWNER_PAT", callsheet::sandbox::OWNER_TOKEN)
            .env("AUDITOR_PAT", callsheet::sandbox::AUDITOR_TOKEN)
    }

    /// Writes a file.
    pub(crate) fn file(self, path: &str, text: &str) -> Self {
        let path = self.folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    /// A scenario file `a.yaml` with these steps (already indented as a list).
    pub(crate) fn steps(self, steps: &str) -> Self {
        self.file("a.yaml", &format!("scenario: A test\nsteps:\n{steps}\n"))
    }

    /// Sets an environment variable.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The text of a file in it.
    pub(crate) fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(path)).unwrap()
    }

    /// The command, ready to be changed and run.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command.args(arguments);
        self.surround(command)
    }

    /// A shell in the same surroundings.
    pub(crate) fn shell(&self, script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        self.surround(command)
    }

    fn surround(&self, mut command: Command) -> Command {
        command
            .current_dir(self.folder.path())
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null());
        // Coverage and sanitizers need their own variables.
        for name in ["PATH", "LLVM_PROFILE_FILE"] {
            if let Ok(value) = std::env::var(name) {
                command.env(name, value);
            }
        }
        command
    }

    /// Runs the command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        let started = Instant::now();
        let output = self.command(arguments).output().unwrap();
        Ran {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
            took: started.elapsed(),
        }
    }
}

/// The path of the command.
pub(crate) fn binary() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_callsheet"))
}

/// What a run of the command left.
#[derive(Debug)]
pub(crate) struct Ran {
    /// Its exit code.
    pub(crate) code: Option<i32>,
    /// What it printed.
    pub(crate) stdout: String,
    /// What it told.
    pub(crate) stderr: String,
    /// How long it took.
    pub(crate) took: Duration,
}

impl Ran {
    /// Checks the exit code; everything is shown where it is another.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Both streams.
    pub(crate) fn all(&self) -> String {
        format!("{}\n{}", self.stdout, self.stderr)
    }

    /// Checks that a text was printed on either stream.
    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(
            self.all().contains(text),
            "no `{text}` in stdout:\n{}\nstderr:\n{}",
            self.stdout,
            self.stderr
        );
        self
    }

    /// Checks that a text was printed on neither stream.
    #[track_caller]
    pub(crate) fn silent_on(self, text: &str) -> Self {
        assert!(!self.all().contains(text), "`{text}` in stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }
}

/// A sandbox in the test's own process, so that its log can be read.
pub(crate) struct Server {
    runtime: Option<tokio::runtime::Runtime>,
    sandbox: Option<Sandbox>,
    log: Log,
}

impl Server {
    /// Starts one.
    pub(crate) fn start() -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let sandbox = runtime.block_on(Sandbox::start(Options::default())).unwrap();
        let log = sandbox.log();
        Self { runtime: Some(runtime), sandbox: Some(sandbox), log }
    }

    /// The address of `orders`.
    pub(crate) fn url(&self) -> String {
        self.sandbox.as_ref().unwrap().url("orders")
    }

    /// Moves its clock on.
    pub(crate) fn advance(&self, time: Duration) {
        self.sandbox.as_ref().unwrap().advance(time);
    }

    /// Changes its state.
    pub(crate) fn change(&self, change: impl FnOnce(&mut callsheet::sandbox::World)) {
        self.sandbox.as_ref().unwrap().change(change);
    }

    /// What it saw.
    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    /// How many requests of a JSON-RPC method it saw.
    pub(crate) fn count(&self, method: &str) -> usize {
        self.log.entries().iter().filter(|entry| entry.method.as_deref() == Some(method)).count()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let sandbox = self.sandbox.take();
        if let Some(runtime) = self.runtime.take() {
            runtime.block_on(async { drop(sandbox) });
            runtime.shutdown_background();
        }
    }
}

/// Waits until a condition holds.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < deadline, "waited 20 s for: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A text that carets of a drawn diagnostic stand under.
#[derive(Debug)]
pub(crate) struct Mark {
    /// The line in the file.
    pub(crate) line: usize,
    /// The first column, from 1, and the one after the last.
    pub(crate) columns: (usize, usize),
    /// The text.
    pub(crate) text: String,
}

/// The texts above the carets of drawn diagnostics.
pub(crate) fn marked(text: &str) -> Vec<Mark> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for pair in lines.windows(2) {
        let (Some((number, source)), Some((_, carets))) =
            (pair[0].split_once(" | "), pair[1].split_once(" | "))
        else {
            continue;
        };
        let Ok(line) = number.trim().parse() else { continue };
        let carets: Vec<char> = carets.chars().collect();
        let Some(from) = carets.iter().position(|c| *c == '^') else { continue };
        let to = carets.iter().skip(from).position(|c| *c != '^').map_or(carets.len(), |n| from + n);
        let text = source.chars().take(to).skip(from).collect();
        found.push(Mark { line, columns: (from + 1, to + 1), text });
    }
    found
}

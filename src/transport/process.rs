//! A server that is a process: lines of JSON through its stdin and stdout. It has a process group of its own, and
//! nothing of it outlives this.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{oneshot, watch};
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::{Instant, timeout, timeout_at};

use super::diary::Diary;
use super::lanes::{Addressee, Item, Lanes};
use super::{Error, Limits, WEIGHT};
use crate::json;

/// How long the rest of what a process said is waited for, once one of its ends is closed.
const REST: Duration = Duration::from_millis(500);

/// How long a server is waited for at each stage of its end.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long what was sent last may take to be read, when the session ends.
const LAST_WORDS: Duration = Duration::from_millis(300);

/// What is started. Its environment is that of this process, but for what is withheld, and with what is added.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Program {
    /// The command and its arguments.
    pub argv: Vec<String>,
    /// Variables that are added.
    pub env: Vec<(String, String)>,
    /// Variables of this process that are none of its business.
    pub withheld: Vec<String>,
    /// The folder it runs in.
    pub cwd: PathBuf,
}

impl fmt::Debug for Program {
    // What a variable is set to may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Program").field("argv", &self.argv).field("cwd", &self.cwd).finish_non_exhaustive()
    }
}

/// A line on its way out.
struct Line {
    text: Bytes,
    /// Told once it is written; dropped where it is not.
    written: oneshot::Sender<()>,
}

impl Line {
    fn weight(&self) -> usize {
        self.text.len() + WEIGHT
    }
}

/// Where lines go.
#[derive(Clone, Debug)]
pub(super) struct Lines {
    sender: UnboundedSender<Line>,
    /// What the server has not read yet.
    waiting: Arc<AtomicUsize>,
    limit: usize,
}

impl Lines {
    /// Hands a line over. What it gives is told once the line is written, and dropped where it is not.
    ///
    /// # Errors
    /// Where too much waits for a server that does not read.
    pub(super) fn send(&self, text: Bytes) -> Result<oneshot::Receiver<()>, Error> {
        let (written, told) = oneshot::channel();
        let line = Line { text, written };
        let weight = line.weight();
        if self.waiting.fetch_add(weight, Ordering::Relaxed) + weight > self.limit {
            self.waiting.fetch_sub(weight, Ordering::Relaxed);
            return Err(Error::Limit {
                what: "what the server has not read of its stdin",
                limit: self.limit,
            });
        }
        // Where it is taken no more, the end of the stream says why.
        let _ = self.sender.send(line);
        Ok(told)
    }
}

/// A process that runs.
#[derive(Debug)]
pub(super) struct Process {
    lines: Mutex<Option<Lines>>,
    writer: AbortHandle,
    exit: watch::Receiver<Option<ExitStatus>>,
    group: Arc<Group>,
}

impl Process {
    /// Starts it.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub(super) fn start(
        program: &Program,
        lanes: &Arc<Lanes>,
        diary: &Arc<Diary>,
        limits: Limits,
    ) -> Result<Self, Error> {
        let mut child = spawn(program)?;
        let group = Arc::new(Group::new(child.id()));
        let (exited, exit) = watch::channel(None);
        let (sender, receiver) = unbounded_channel();
        let (kept, heard) = watch::channel(());
        if let Some(stderr) = child.stderr.take() {
            tokio::spawn(keep(stderr, Arc::clone(diary), kept));
        }
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let last = Last { lanes: Arc::clone(lanes), exit: exit.clone(), stderr: heard };
        let lines = Lines { sender, waiting: Arc::default(), limit: limits.stream };
        let waiting = Arc::clone(&lines.waiting);
        let writer = tokio::spawn(write(stdin, receiver, waiting, last.clone())).abort_handle();
        let reader = Reader { lanes: Arc::clone(lanes), diary: Arc::clone(diary), longest: limits.event };
        let reading = tokio::spawn(async move {
            let end = match stdout {
                Some(stdout) => reader.read(stdout).await,
                None => Ok(()),
            };
            match end {
                Ok(()) => last.tell("the server closed its stdout, and its process goes on").await,
                Err(error) => last.lanes.end(error),
            }
        });
        tokio::spawn(supervise(child, exited, Arc::clone(&group), reading));
        Ok(Self { lines: Mutex::new(Some(lines)), writer, exit, group })
    }

    /// Where lines go; none after its end began.
    pub(super) fn lines(&self) -> Option<Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Closes stdin, waits, ends the group with TERM, then with KILL: all of it until `deadline`.
    pub(super) async fn shut_down(&self, deadline: Instant) -> Option<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).take();
        let all = deadline.saturating_duration_since(Instant::now());
        // Interpreters take their time, most of all beside others.
        let (patience, warning) = (PATIENCE.min(all * 3 / 5), PATIENCE.min(all / 5));
        let mut note = None;
        if !self.ended_within(LAST_WORDS.min(patience)).await {
            // It may read no more: then its stdin is closed with lines unread.
            self.writer.abort();
            if !self.ended_within(patience).await {
                note = Some("SIGTERM");
                self.group.signal(Signal::Term);
                if !self.ended_within(warning).await {
                    note = Some("SIGKILL");
                }
            }
        }
        self.group.end();
        let _ = self.ended_within(deadline.saturating_duration_since(Instant::now()).min(PATIENCE)).await;
        note.map(|signal| {
            let patience = crate::model::shown_duration(patience);
            format!("the server did not end within {patience} of the end of its stdin: {signal} ended it")
        })
    }

    async fn ended_within(&self, limit: Duration) -> bool {
        let mut exit = self.exit.clone();
        timeout(limit, exit.wait_for(Option::is_some)).await.is_ok()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.group.end();
    }
}

fn spawn(program: &Program) -> Result<Child, Error> {
    let Some((name, arguments)) = program.argv.split_first() else {
        return Err(Error::Unreachable("the command is empty".to_owned()));
    };
    if !program.cwd.is_dir() {
        let cwd = program.cwd.display();
        return Err(Error::Unreachable(format!(
            "the command cannot run in `{cwd}`: there is no such folder"
        )));
    }
    let mut command = Command::new(name);
    command.args(arguments).current_dir(&program.cwd).kill_on_drop(true);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    for name in &program.withheld {
        command.env_remove(name);
    }
    command.envs(program.env.iter().map(|(name, value)| (name, value)));
    #[cfg(unix)]
    command.process_group(0);
    command.spawn().map_err(|error| {
        Error::Unreachable(match error.kind() {
            io::ErrorKind::NotFound => format!("the command `{name}` does not exist"),
            io::ErrorKind::PermissionDenied => format!("the command `{name}` may not be executed"),
            _ => format!("the command `{name}` cannot be started: {error}"),
        })
    })
}

/// Tells why the stream has ended.
#[derive(Clone)]
struct Last {
    lanes: Arc<Lanes>,
    exit: watch::Receiver<Option<ExitStatus>>,
    /// Closed once stderr was read to its end.
    stderr: watch::Receiver<()>,
}

impl Last {
    /// Once the process has ended and its stderr was read; else with what is known.
    async fn tell(mut self, else_why: &str) {
        let until = Instant::now() + REST;
        let status = timeout_at(until, self.exit.wait_for(Option::is_some)).await;
        let status = status.ok().and_then(|status| status.ok().and_then(|status| *status));
        let _ = timeout_at(until, async { while self.stderr.changed().await.is_ok() {} }).await;
        self.lanes.end(Error::Ended(status.map_or_else(|| else_why.to_owned(), ended)));
    }
}

fn ended(status: ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("the server's process ended with exit status {code}"),
        None => {
            let text = status.to_string();
            format!("the server's process was ended by signal {}", text.trim_start_matches("signal: "))
        }
    }
}

async fn write(
    stdin: Option<ChildStdin>,
    mut lines: UnboundedReceiver<Line>,
    waiting: Arc<AtomicUsize>,
    last: Last,
) {
    let Some(mut stdin) = stdin else { return };
    while let Some(line) = lines.recv().await {
        let mut text = Vec::with_capacity(line.text.len() + 1);
        text.extend_from_slice(&line.text);
        text.push(b'\n');
        if stdin.write_all(&text).await.is_err() || stdin.flush().await.is_err() {
            last.tell("the server reads its stdin no more").await;
            return;
        }
        waiting.fetch_sub(line.weight(), Ordering::Relaxed);
        let _ = line.written.send(());
    }
}

async fn keep(mut stderr: ChildStderr, diary: Arc<Diary>, _until: watch::Sender<()>) {
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = stderr.read(&mut buffer).await {
        diary.stderr(buffer.get(..count).unwrap_or_default());
    }
}

struct Reader {
    lanes: Arc<Lanes>,
    diary: Arc<Diary>,
    longest: usize,
}

impl Reader {
    async fn read(&self, stdout: ChildStdout) -> Result<(), Error> {
        let mut stdout = BufReader::with_capacity(64 << 10, stdout);
        let mut line = Vec::new();
        loop {
            let Ok(piece) = stdout.fill_buf().await else { return Ok(()) };
            if piece.is_empty() {
                if !line.is_empty() {
                    self.line(&line);
                }
                return Ok(());
            }
            let end = piece.iter().position(|byte| *byte == b'\n');
            let taken = end.map_or(piece.len(), |end| end + 1);
            line.extend_from_slice(piece.get(..end.unwrap_or(taken)).unwrap_or_default());
            stdout.consume(taken);
            if line.len() > self.longest {
                return Err(Error::Limit { what: "a line of the server's stdout", limit: self.longest });
            }
            if end.is_some() {
                self.line(&line);
                line.clear();
            }
        }
    }

    fn line(&self, line: &[u8]) {
        match json::parse(line) {
            Ok(parsed) if matches!(parsed.value, Value::Object(_) | Value::Array(_)) => {
                let addressee = Addressee::of(&parsed.value);
                self.lanes.deliver(addressee, Item::Message(Box::new(parsed), line.len()));
            }
            Ok(_) => self.diary.rubbish(line, "is no message"),
            Err(error) => self.diary.rubbish(line, &format!("is not JSON ({error})")),
        }
    }
}

/// Waits for the end of a process, and sees that nothing of it is left.
async fn supervise(
    mut child: Child,
    exited: watch::Sender<Option<ExitStatus>>,
    group: Arc<Group>,
    reading: JoinHandle<()>,
) {
    let status = child.wait().await.unwrap_or_default();
    let _ = exited.send(Some(status));
    // Others of its group may hold its stdout open for ever: that ends with them.
    let _ = timeout(2 * REST, reading).await;
    group.end();
}

/// The groups of processes that this process has started, and that may still run.
static GROUPS: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

/// Ends every process that was started, at once: this process is about to end.
pub fn end_every_process() {
    for leader in std::mem::take(&mut *GROUPS.lock().unwrap_or_else(PoisonError::into_inner)) {
        signal(leader, Signal::Kill);
    }
}

/// A group of processes.
#[derive(Debug)]
struct Group {
    leader: Option<u32>,
}

#[derive(Clone, Copy)]
enum Signal {
    Term,
    Kill,
}

impl Group {
    fn new(leader: Option<u32>) -> Self {
        GROUPS.lock().unwrap_or_else(PoisonError::into_inner).extend(leader);
        Self { leader }
    }

    fn signal(&self, which: Signal) {
        // A group that has ended is signalled no more: its number may be another's.
        if let Some(leader) = self.leader
            && GROUPS.lock().unwrap_or_else(PoisonError::into_inner).contains(&leader)
        {
            signal(leader, which);
        }
    }

    /// Ends whatever of it still runs.
    fn end(&self) {
        if let Some(leader) = self.leader
            && GROUPS.lock().unwrap_or_else(PoisonError::into_inner).remove(&leader)
        {
            signal(leader, Signal::Kill);
        }
    }
}

#[cfg(unix)]
fn signal(leader: u32, which: Signal) {
    use rustix::process::{Pid, Signal as Unix, kill_process_group};
    let which = match which {
        Signal::Term => Unix::TERM,
        Signal::Kill => Unix::KILL,
    };
    let leader = i32::try_from(leader).ok().and_then(Pid::from_raw);
    // It may have ended meanwhile.
    let _ = leader.map(|leader| kill_process_group(leader, which));
}

#[cfg(not(unix))]
fn signal(_: u32, _: Signal) {
    // `kill_on_drop` ends the process itself.
}

//! Suites in folders, servers in processes, and what a command takes.

use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use callsheet::sandbox::OWNER_TOKEN;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// No command here takes a tenth of it.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// The keys of a server that takes the owner's token.
pub const TOKEN: &str = ", auth: {pat: {env: OWNER_PAT}}";

/// A suite in a folder of its own.
pub struct Suite {
    folder: TempDir,
}

impl Suite {
    fn new(servers: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let suite = format!("{servers}\nscenarios: '*.yaml'\n");
        std::fs::write(folder.path().join("callsheet.yaml"), suite).unwrap();
        Self { folder }
    }

    /// On the embedded sandbox.
    pub fn on_sandbox() -> Self {
        Self::new("servers: {sandbox: {sandbox: uipath}}")
    }

    /// On servers by name and address, each with more keys of its mapping.
    pub fn on(servers: &[(&str, &str, &str)]) -> Self {
        let entries = servers.iter().map(|(name, url, more)| format!("\n  {name}: {{url: \"{url}\"{more}}}"));
        Self::new(&format!("servers:{}", entries.collect::<String>()))
    }

    /// A scenario file with further keys (lines of their own) and steps.
    pub fn scenario(&self, name: &str, keys: &str, steps: &str) {
        let text = format!("scenario: Measured\n{keys}steps:\n{steps}");
        std::fs::write(self.folder.path().join(format!("{name}.yaml")), text).unwrap();
    }

    /// So many files as people write them; how many bytes they are.
    pub fn generate(&self, count: usize) -> usize {
        let mut bytes = 0;
        for number in 0..count {
            let text = format!(
                "# yaml-language-server: $schema=../schemas/scenario.schema.json\n\
                 scenario: Invoice {number} can be created and found again\n\
                 tags: [smoke, invoices]\n\
                 vars: {{customer: \"C-{number}\", amount: {number}.5}}\n\
                 \n\
                 steps:\n\
                 \x20 - name: Create it\n\
                 \x20   call: createInvoice\n\
                 \x20   arguments:\n\
                 \x20     in_Customer: \"{{{{ customer }}}}\"\n\
                 \x20     in_Amount: \"{{{{ amount }}}}\"\n\
                 \x20     in_Note: \"for {{{{ upper customer }}}}\"\n\
                 \x20   expect:\n\
                 \x20     json:\n\
                 \x20       out_Status: Created\n\
                 \x20       out_InvoiceId: {{$matches: '^INV-\\d+$'}}\n\
                 \x20   save: {{invoice: $.json.out_InvoiceId}}\n\
                 \n\
                 \x20 - call: getInvoice\n\
                 \x20   arguments: {{in_InvoiceId: \"{{{{ invoice }}}}\"}}\n\
                 \x20   expect:\n\
                 \x20     json: {{out_Customer: \"{{{{ customer }}}}\", out_Amount: {{$gte: 0}}}}\n\
                 \x20     duration: {{$lt: 5s}}\n\
                 \n\
                 \x20 - read: invoice://{{{{ invoice }}}}/state\n\
                 \x20   expect: {{json: {{state: Successful}}}}\n"
            );
            bytes += text.len();
            std::fs::write(self.folder.path().join(format!("invoice-{number:04}.yaml")), text).unwrap();
        }
        bytes
    }

    /// A scenario with so many rows in a CSV file.
    pub fn rows(&self, count: usize) {
        let row = |number: usize| format!("C-{number},{number}.5,a note on customer {number}\n");
        let text = format!("customer,amount,note\n{}", (0..count).map(row).collect::<String>());
        std::fs::write(self.folder.path().join("customers.csv"), text).unwrap();
        let keys = "rows: {file: customers.csv, name: \"{{ row.customer }}\"}\n";
        let steps = "  - call: echo\n    arguments: {n: \"{{ row.customer }}\"}\n    expect: {json: {n: \"{{ row.customer }}\"}}\n";
        self.scenario("customers", keys, steps);
    }

    pub fn callsheet(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_callsheet"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env("OWNER_PAT", OWNER_TOKEN)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }
}

/// A server in a process of its own, which ends with this value.
pub struct Served {
    child: Child,
    /// Its address.
    pub url: String,
}

impl Served {
    /// The sandbox, which says its address in its second line.
    pub fn sandbox() -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_callsheet"));
        command.args(["sandbox", "--port", "0"]).stdin(Stdio::null()).stderr(Stdio::null());
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let url = lines.find_map(|line| Some(line.trim().to_owned()).filter(|line| line.starts_with("http")));
        Self { child, url: url.unwrap() }
    }

    /// npm's server-everything, where it is installed.
    pub fn everything() -> Option<Self> {
        let peers = std::env::var_os("CALLSHEET_PEERS_DIR")
            .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers"), PathBuf::from);
        let script = "npm/node_modules/@modelcontextprotocol/server-everything/dist/index.js";
        let script = Some(peers.join(script)).filter(|script| script.is_file())?;
        // It cannot be asked for a free port.
        let port = TcpListener::bind("127.0.0.1:0").ok()?.local_addr().ok()?.port();
        let mut command = Command::new("node");
        command.arg(script).arg("streamableHttp").env("PORT", port.to_string());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let server = Self { child: command.spawn().ok()?, url: format!("http://127.0.0.1:{port}/mcp") };
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if started.elapsed() > DEADLINE {
                return None;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Some(server)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a command to its end, which has to be a good one, and says how long it took.
pub fn wall(command: &mut Command) -> Duration {
    let started = Instant::now();
    let mut child = command.spawn().unwrap();
    let process = Pid::from_child(&child);
    let (ended, end) = mpsc::channel::<()>();
    let watchdog = std::thread::spawn(move || {
        if end.recv_timeout(DEADLINE) == Err(RecvTimeoutError::Timeout) {
            let _ = kill_process(process, Signal::KILL);
        }
    });
    let status = child.wait().unwrap();
    let took = started.elapsed();
    drop(ended);
    watchdog.join().unwrap();
    assert!(status.success(), "{command:?} ended with {status}");
    took
}

/// Runs a command to its end and says how many KiB of memory it had at its peak.
pub fn memory(command: &mut Command) -> u64 {
    let mut child = command.spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let started = Instant::now();
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        if started.elapsed() > DEADLINE {
            let _ = child.kill();
        }
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let size = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
        peak = size.unwrap_or(0).max(peak);
        std::thread::sleep(Duration::from_micros(300));
    }
    peak
}

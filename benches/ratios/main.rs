//! What callsheet costs: figures of one run beside what the same work takes without it, with their bounds.
//!
//! `cargo bench` prints one table. Nothing here is a test: both sides of a row run turn by turn and meet the
//! same load, and a row is the median of its turns.
//!
//! "Raw" is a bare reqwest loop of this process: it sends the bytes that callsheet sends (as a sandbox of this
//! process saw them) on a client that is built and connected, and reads each answer to its end. callsheet's
//! side is the whole command, from its start to its exit: reading and checking files, opening sessions, listing
//! the tools for their schemas and comparing answers are in it, and nothing is subtracted. The sandbox that
//! both meet is a third process.
#![expect(clippy::unwrap_used, reason = "a bench ends where something goes wrong")]
#![expect(clippy::print_stdout, reason = "the table")]
#![expect(clippy::disallowed_methods, reason = "arguments and the peers' folder")]
#![expect(unreachable_pub, reason = "rooms of a program")]

mod processes;
mod raw;
mod table;

use std::process::Command;
use std::time::{Duration, Instant};

use processes::{Served, Suite, TOKEN, memory, wall};
use raw::{Raw, call_of, curl, legacy_cases, record};
use table::{Bound, Table};

fn main() {
    // `cargo test --benches` runs this program too.
    if !std::env::args().any(|argument| argument == "--bench") {
        println!("`cargo bench` measures");
        return;
    }
    let _ = rustls::crypto::ring::default_provider().install_default();
    let started = Instant::now();
    let mut table = Table::default();
    list(&mut table);
    one_case(&mut table);
    calls(&mut table);
    side_by_side(&mut table);
    everything(&mut table);
    check(&mut table);
    rows(&mut table);
    table.print(started.elapsed());
}

/// `--list` of 100 files beside the start of a process that does nothing.
fn list(table: &mut Table) {
    let suite = Suite::on_sandbox();
    suite.generate(100);
    let mut list = suite.callsheet(&["test", "--list"]);
    let mut nothing = Command::new("true");
    let [ours, theirs] = rounds(31, [&mut || wall(&mut list), &mut || wall(&mut nothing)]);
    table.row("`test --list` of 100 files", ours, ("the process `true`", theirs), Bound::Time(20));
}

/// One case, its time and memory, beside curl with the same requests.
fn one_case(table: &mut Table) {
    const STEPS: &str = "  - list: tools\n    expect: {items: {$length: {$gte: 1}}}\n  - call: echo\n    arguments: {n: 1}\n    expect: {json: {n: 1}}\n";
    let server = Served::sandbox();
    let suite = Suite::on(&[("orders", &server.url, TOKEN)]);
    suite.scenario("one", "", STEPS);
    let recorded = record(STEPS);
    let mut run = suite.callsheet(&["test"]);
    let mut curl = curl(&server.url, &recorded);
    let what = format!("one case on loopback ({})", methods(&recorded));
    if curl.status().is_ok_and(|status| status.success()) {
        let [ours, theirs] = rounds(31, [&mut || wall(&mut run), &mut || wall(&mut curl)]);
        table.row(&what, ours, ("one curl, the same requests", theirs), Bound::Time(40));
    } else {
        let [ours] = rounds(31, [&mut || wall(&mut run)]);
        table.alone(&what, ours, Bound::Time(40));
        table.note("curl is not there, or failed");
    }
    let peak = median((0..9).map(|_| memory(&mut run)).collect());
    table.memory("one case on loopback: peak memory", peak, 30 * 1024);
    let own = Suite::on_sandbox();
    own.scenario("one", "", STEPS);
    let mut run = own.callsheet(&["test"]);
    let [ours] = rounds(15, [&mut || wall(&mut run)]);
    table.alone("the same, the embedded sandbox started and met", ours, Bound::None);
}

fn methods(recorded: &[raw::Recorded]) -> String {
    recorded.iter().map(|request| request.method.as_str()).collect::<Vec<_>>().join(", ")
}

/// Calls one after the other, and 32 at a time.
fn calls(table: &mut Table) {
    const STEP: &str = "  - call: echo\n    arguments: {n: 1, text: so much}\n    expect: {json: {n: 1}}\n";
    let server = Served::sandbox();
    let raw = Raw::new(&server.url, &call_of(STEP));
    for (cases, steps) in [(1, 1000), (32, 200)] {
        let suite = Suite::on(&[("orders", &server.url, TOKEN)]);
        for case in 0..cases {
            suite.scenario(&format!("c{case:02}"), "", &STEP.repeat(steps));
        }
        let mut run = suite.callsheet(&["test", "--test-threads", "32"]);
        let mut checked = suite.callsheet(&["check"]);
        let [ours, theirs, check] =
            rounds(7, [&mut || wall(&mut run), &mut || raw.calls(cases, steps), &mut || wall(&mut checked)]);
        // The bound is on a call: reading so many steps from files is another promise, measured below.
        let what = format!("{} calls, {cases} at a time, without reading the files", cases * steps);
        table.row(&what, ours.saturating_sub(check), ("raw", theirs), Bound::Ratio(1.3));
        table.note(&format!(
            "{what}: the whole run took {:.0} ms, `check` of the same files {:.0} ms",
            ours.as_secs_f64() * 1e3,
            check.as_secs_f64() * 1e3
        ));
    }
}

/// Slow tools: the run takes as long as its slowest server.
fn side_by_side(table: &mut Table) {
    let [one, other] = [Served::sandbox(), Served::sandbox()];
    let half = slow(0.5);
    let suite = Suite::on(&[("orders", &one.url, TOKEN)]);
    for case in 0..20 {
        suite.scenario(&format!("c{case:02}"), "", &half);
    }
    let mut run = suite.callsheet(&["test", "--test-threads", "32"]);
    let raw = Raw::new(&one.url, &call_of(&half));
    let [ours, theirs] = rounds(3, [&mut || wall(&mut run), &mut || raw.calls(20, 1)]);
    table.row("20 cases, each a call of 0.5 s", ours, ("raw", theirs), Bound::Ratio(1.3));

    let short = slow(0.05);
    let narrow = format!("{TOKEN}, limits: {{concurrency: 2}}");
    let suite = Suite::on(&[("many", &one.url, TOKEN), ("narrow", &other.url, &narrow)]);
    for (server, count) in [("many", 600), ("narrow", 40)] {
        for case in 0..count {
            suite.scenario(&format!("{server}{case:03}"), &format!("server: {server}\n"), &short);
        }
    }
    let mut run = suite.callsheet(&["test", "--test-threads", "64"]);
    let call = call_of(&short);
    let (many, narrow) = (Raw::new(&one.url, &call), Raw::new(&other.url, &call));
    // 64 at once, as the command has: two of them are the narrow server's.
    let both = || {
        let started = Instant::now();
        many.wait_for(async { tokio::join!(many.limited(600, 62), narrow.limited(40, 2)) });
        started.elapsed()
    };
    let [ours, theirs] = rounds(3, [&mut || wall(&mut run), &mut { both }]);
    let what = "600 cases beside 40 with `concurrency: 2`, 50 ms each";
    table.row(what, ours, ("raw, the same limits", theirs), Bound::Ratio(1.3));
}

/// The same on a server that is not ours, where it is installed.
fn everything(table: &mut Table) {
    let Some(server) = Served::everything() else {
        table.note("server-everything is not installed: tests/peers/README.md says how it is");
        return;
    };
    let suite = Suite::on(&[("everything", &server.url, "")]);
    for case in 0..20 {
        suite.scenario(
            &format!("c{case:02}"),
            "protocol: 2025-11-25\n",
            "  - call: trigger-long-running-operation\n    arguments: {duration: 0.5, steps: 1}\n    expect: {text: {$contains: completed}}\n",
        );
    }
    let mut run = suite.callsheet(&["test", "--test-threads", "32"]);
    let [ours, theirs] = rounds(3, [&mut || wall(&mut run), &mut || legacy_cases(&server.url, 20)]);
    let what = "20 cases of 0.5 s on server-everything";
    table.row(what, ours, ("raw: open, call, close", theirs), Bound::Ratio(1.3));
}

/// Checking a thousand files.
fn check(table: &mut Table) {
    const FILES: usize = 1000;
    let (suite, one) = (Suite::on_sandbox(), Suite::on_sandbox());
    let bytes = suite.generate(FILES);
    one.generate(1);
    let (mut all, mut single) = (suite.callsheet(&["check"]), one.callsheet(&["check"]));
    let [ours, theirs] = rounds(9, [&mut || wall(&mut all), &mut || wall(&mut single)]);
    let what = format!("`check` of 1,000 files of {} bytes", bytes / FILES);
    table.row(&what, ours, ("`check` of one file", theirs), Bound::Time(400));
    table.note(&format!("`check`: {:.0} files a second (at least 2,500)", FILES as f64 / ours.as_secs_f64()));
    let [many, few] = [&mut all, &mut single].map(|run| median((0..5).map(|_| memory(run)).collect()));
    table.memory("`check` of one file: peak memory", few, 30 * 1024);
    table.memory("each further file", many.saturating_sub(few) / FILES as u64, 20);
    ten_thousand(table, ours, few);
}

/// Checking and listing ten thousand files: beside a thousand of them, ten times, and the memory of one.
fn ten_thousand(table: &mut Table, thousand: Duration, one: u64) {
    const FILES: usize = 10_000;
    let suite = Suite::on_sandbox();
    suite.generate(FILES);
    for arguments in [&["check"][..], &["test", "--list"]] {
        let mut run = suite.callsheet(arguments);
        let [ours] = rounds(3, [&mut || wall(&mut run)]);
        let what = format!("`{}` of 10,000 files", arguments.join(" "));
        table.row(&what, ours, ("ten times `check` of 1,000", thousand * 10), Bound::Ratio(1.3));
        table.note(&format!("{what}: {:.0} files a second", FILES as f64 / ours.as_secs_f64()));
        let peak = median((0..3).map(|_| memory(&mut run)).collect());
        table.memory(&format!("{what}: each file"), peak.saturating_sub(one) / FILES as u64, 20);
    }
}

/// Listing the rows of a large file.
fn rows(table: &mut Table) {
    const ROWS: usize = 100_000;
    let suite = Suite::on_sandbox();
    suite.scenario("one", "", "  - call: echo\n    arguments: {n: 1}\n    expect: {json: {n: 1}}\n");
    let mut single = suite.callsheet(&["test", "--list"]);
    let one = median((0..5).map(|_| memory(&mut single)).collect());
    suite.rows(ROWS);
    let mut run = suite.callsheet(&["test", "--list"]);
    let [ours] = rounds(3, [&mut || wall(&mut run)]);
    table.alone("`test --list` of 100,000 rows of a CSV file", ours, Bound::Time(2000));
    let peak = median((0..3).map(|_| memory(&mut run)).collect());
    table.memory("the same: memory beside that of one case", peak.saturating_sub(one), 64 * 1024);
}

fn slow(seconds: f64) -> String {
    format!(
        "  - call: runSlowProcess\n    arguments: {{in_Seconds: {seconds}}}\n    expect: {{json: {{out_Status: Successful}}}}\n"
    )
}

/// Runs all sides turn by turn and gives the median of each. The first turn is not counted.
fn rounds<const N: usize>(count: usize, mut sides: [&mut dyn FnMut() -> Duration; N]) -> [Duration; N] {
    let mut times = [const { Vec::new() }; N];
    for round in 0..=count {
        for (side, times) in sides.iter_mut().zip(&mut times) {
            let time = side();
            if round > 0 {
                times.push(time);
            }
        }
    }
    times.map(median)
}

fn median<T: Ord + Copy>(mut values: Vec<T>) -> T {
    values.sort_unstable();
    *values.get(values.len() / 2).unwrap()
}

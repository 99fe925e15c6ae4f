//! The table that is printed.

use std::time::Duration;

/// What a row should stay within.
#[derive(Clone, Copy)]
pub enum Bound {
    /// Milliseconds.
    Time(u64),
    /// Times the other side.
    Ratio(f64),
    /// Told, not bound.
    None,
}

/// Rows, and what is to be said below them.
#[derive(Default)]
pub struct Table {
    rows: Vec<[String; 6]>,
    notes: Vec<String>,
}

impl Table {
    /// What callsheet takes beside what something else does.
    pub fn row(&mut self, what: &str, ours: Duration, (name, theirs): (&str, Duration), bound: Bound) {
        let ratio = ours.as_secs_f64() / theirs.as_secs_f64();
        let (limit, held) = match bound {
            Bound::Time(limit) => (format!("{limit} ms"), ours <= Duration::from_millis(limit)),
            Bound::Ratio(limit) => (format!("ratio {limit}"), ratio <= limit),
            Bound::None => (String::new(), true),
        };
        let beside = format!("{name}: {}", milliseconds(theirs));
        self.add(what, milliseconds(ours), beside, format!("{ratio:.2}"), limit, held);
    }

    /// What callsheet takes.
    pub fn alone(&mut self, what: &str, ours: Duration, bound: Bound) {
        let (limit, held) = match bound {
            Bound::Time(limit) => (format!("{limit} ms"), ours <= Duration::from_millis(limit)),
            Bound::Ratio(_) | Bound::None => (String::new(), true),
        };
        self.add(what, milliseconds(ours), String::new(), String::new(), limit, held);
    }

    /// Memory and its bound in KiB.
    pub fn memory(&mut self, what: &str, peak: u64, limit: u64) {
        self.add(what, size(peak), String::new(), String::new(), size(limit), peak <= limit);
    }

    fn add(&mut self, what: &str, ours: String, beside: String, ratio: String, limit: String, held: bool) {
        let verdict = if held { "" } else { "above" };
        self.rows.push([what.to_owned(), ours, beside, ratio, limit, verdict.to_owned()]);
    }

    /// A line below the table.
    pub fn note(&mut self, text: &str) {
        self.notes.push(text.to_owned());
    }

    /// Prints all of it.
    pub fn print(&self, took: Duration) {
        let head = ["", "callsheet", "beside it", "ratio", "bound", ""].map(str::to_owned);
        let rows = || std::iter::once(&head).chain(&self.rows);
        let mut widths = [0; 6];
        for row in rows() {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.chars().count().max(*width);
            }
        }
        for row in rows() {
            let cells: Vec<String> =
                row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
            println!("| {} |", cells.join(" | "));
        }
        for note in &self.notes {
            println!("{note}");
        }
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        println!("medians, on {cores} cores, in {:.0} s", took.as_secs_f64());
    }
}

fn milliseconds(time: Duration) -> String {
    let milliseconds = time.as_secs_f64() * 1000.0;
    if milliseconds < 100.0 { format!("{milliseconds:.1} ms") } else { format!("{milliseconds:.0} ms") }
}

fn size(kib: u64) -> String {
    if kib < 1024 { format!("{kib} KiB") } else { format!("{:.1} MiB", kib as f64 / 1024.0) }
}

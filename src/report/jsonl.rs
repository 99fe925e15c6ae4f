//! `--report jsonl=PATH`: every event as one line of JSON, written as it comes.

use std::io::{self, BufWriter, Write};

use super::json;
use crate::event::{Event, Kind};
use crate::run::Consumer;

/// Writes events as JSON lines.
#[derive(Debug)]
pub struct Jsonl<W: Write> {
    out: BufWriter<W>,
    name: String,
}

impl<W: Write> Jsonl<W> {
    /// Writes to `out`; `name` is what messages call the report.
    pub fn new(out: W, name: impl Into<String>) -> Self {
        Self { out: BufWriter::new(out), name: name.into() }
    }
}

impl<W: Write + Send> Consumer for Jsonl<W> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        serde_json::to_writer(&mut self.out, &json::event(event))?;
        self.out.write_all(b"\n")?;
        // Whoever follows the file sees whole cases, at the price of one write for each.
        match event.happening().kind {
            Kind::CaseEnded(_) | Kind::RunEnded(_) => self.out.flush(),
            _ => Ok(()),
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn name(&self) -> String {
        self.name.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::failure::examples;

    #[test]
    fn each_event_is_one_object() {
        let mut out = Vec::new();
        let mut report = Jsonl::new(&mut out, "the report");
        for event in examples::run() {
            report.event(&event).unwrap();
        }
        report.finish().unwrap();
        drop(report);
        insta::assert_snapshot!(String::from_utf8(out).unwrap());
    }

    #[test]
    fn a_full_device_is_an_error() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut report = Jsonl::new(Full, "the report");
        let failed = examples::run().iter().filter(|event| report.event(event).is_err()).count();
        assert!(failed > 0);
    }
}

//! libtest-mimic writes into a pipe; one thread carries it on, to stdout or a file, past the live line. It is
//! the only thing that meets a closed pipe or a full device: then the run is interrupted and the rest dropped,
//! where libtest-mimic would run all cases for nobody and panic.

use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::path::PathBuf;
use std::thread::JoinHandle;

use super::screen::Screen;

/// Carries libtest-mimic's output on.
#[derive(Debug)]
pub(super) struct Pump {
    writer: PipeWriter,
    thread: JoinHandle<io::Result<()>>,
}

impl Pump {
    /// Starts to carry to `sink`. `broken` is called once, when that fails.
    ///
    /// # Errors
    /// Where the system has no pipe or thread left.
    pub(super) fn start(
        sink: Box<dyn Write + Send>,
        screen: Screen,
        broken: impl FnOnce() + Send + 'static,
    ) -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        let thread = std::thread::Builder::new()
            .name("output".to_owned())
            .spawn(move || carry(reader, sink, &screen, broken))?;
        Ok(Self { writer, thread })
    }

    /// The path under which the pipe can be opened for writing; none on a system that has no such paths.
    #[must_use]
    pub(super) fn path(&self) -> Option<PathBuf> {
        #[cfg(unix)]
        {
            use std::os::fd::AsRawFd as _;
            let path = PathBuf::from(format!("/dev/fd/{}", self.writer.as_raw_fd()));
            std::fs::OpenOptions::new().write(true).open(&path).is_ok().then_some(path)
        }
        #[cfg(not(unix))]
        None
    }

    /// Adds a text to the output.
    pub(super) fn write(&mut self, text: &str) {
        // The thread reads until the end whatever happens, so this fails only together with it.
        let _ = self.writer.write_all(text.as_bytes());
    }

    /// Waits until everything is carried.
    ///
    /// # Errors
    /// The first one of the sink.
    pub(super) fn finish(self) -> io::Result<()> {
        drop(self.writer);
        self.thread.join().unwrap_or_else(|_| Err(io::Error::other("the output's thread panicked")))
    }
}

fn carry(
    mut from: PipeReader,
    mut sink: Box<dyn Write + Send>,
    screen: &Screen,
    broken: impl FnOnce(),
) -> io::Result<()> {
    let mut put = |bytes: &[u8]| screen.past(|| sink.write_all(bytes).and_then(|()| sink.flush()));
    let mut chunk = vec![0; 64 * 1024];
    let mut held = Vec::new();
    let mut failed = Ok(());
    let mut broken = Some(broken);
    loop {
        let length = match from.read(&mut chunk) {
            Ok(0) => break,
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return failed.and(Err(error)),
        };
        if failed.is_err() {
            continue;
        }
        held.extend_from_slice(chunk.get(..length).unwrap_or_default());
        // The live line would be drawn into an unfinished one.
        let whole = match held.iter().rposition(|byte| *byte == b'\n') {
            _ if !screen.is_live() => held.len(),
            Some(at) => at + 1,
            None => 0,
        };
        if whole == 0 {
            continue;
        }
        let rest = held.split_off(whole);
        failed = put(&held);
        held = rest;
        if failed.is_err()
            && let Some(broken) = broken.take()
        {
            broken();
        }
    }
    if failed.is_ok() && !held.is_empty() {
        failed = put(&held);
    }
    failed
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, Mutex};

    use super::*;

    /// Takes `room` bytes, then fails.
    #[derive(Clone, Default)]
    struct Sink {
        taken: Arc<Mutex<Vec<u8>>>,
        room: Option<usize>,
    }

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut taken = self.taken.lock().unwrap();
            if self.room.is_some_and(|room| taken.len() + bytes.len() > room) {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            taken.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Writes 5,000 lines by the path, as libtest-mimic does.
    fn lines(sink: &Sink, screen: Screen) -> (io::Result<()>, usize) {
        let broken = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&broken);
        let pump = Pump::start(Box::new(sink.clone()), screen, move || {
            count.fetch_add(1, Ordering::SeqCst);
        })
        .unwrap();
        let mut file = std::fs::File::create(pump.path().unwrap()).unwrap();
        for n in 0..5000 {
            write!(file, "test case_{n} ... ").unwrap();
            writeln!(file, "ok").unwrap();
        }
        drop(file);
        (pump.finish(), broken.load(Ordering::SeqCst))
    }

    #[test]
    fn all_of_it_goes_through() {
        for screen in [Screen::default(), Screen::with(indicatif::ProgressBar::hidden())] {
            let sink = Sink::default();
            let (result, broken) = lines(&sink, screen);
            result.unwrap();
            assert_eq!(broken, 0);
            let text = String::from_utf8(sink.taken.lock().unwrap().clone()).unwrap();
            assert_eq!(text.lines().count(), 5000);
            assert_eq!(text.lines().last(), Some("test case_4999 ... ok"));
        }
    }

    #[test]
    fn a_closed_pipe_is_told_once_and_the_rest_is_dropped() {
        let sink = Sink { room: Some(100), ..Sink::default() };
        let (result, broken) = lines(&sink, Screen::default());
        assert_eq!(result.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        assert_eq!(broken, 1);
    }

    #[test]
    fn text_that_is_added_comes_last() {
        let sink = Sink::default();
        let mut pump = Pump::start(Box::new(sink.clone()), Screen::default(), || {}).unwrap();
        std::fs::write(pump.path().unwrap(), "a: test\n").unwrap();
        pump.write("\n1 test, 0 benchmarks\n");
        pump.finish().unwrap();
        assert_eq!(*sink.taken.lock().unwrap(), b"a: test\n\n1 test, 0 benchmarks\n");
    }
}

//! Whether anybody still reads stdout. A write to a closed pipe tells it, too, but only when there is something
//! to write: until then, a whole batch of cases would be run for nobody.

/// Calls `gone` once when the other end of stdout is closed. Where that cannot be seen, the next write does it.
#[cfg(unix)]
pub(super) fn watch(gone: impl FnOnce() + Send + 'static) {
    use rustix::event::{PollFd, PollFlags, poll};

    let wait = move || {
        let stdout = std::io::stdout();
        loop {
            // Nothing is asked for: errors and hang-ups are told all the same.
            let mut fds = [PollFd::new(&stdout, PollFlags::empty())];
            match poll(&mut fds, None) {
                Ok(_) => return gone(),
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => return,
            }
        }
    };
    // It ends with the process; without a thread left, writing still tells.
    let _ = std::thread::Builder::new().name("reader".to_owned()).spawn(wait);
}

/// Other systems tell it when something is written.
#[cfg(not(unix))]
pub(super) fn watch(_: impl FnOnce() + Send + 'static) {}

//! SIGINT and SIGTERM: the first ends a run in good order, the second at once.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::exit::Exit;
use super::screen::say;
use crate::run::{Interrupt, Run};

/// A signal that follows so soon is the same one: `timeout` sends its signal to the process and then to the
/// whole group.
const ECHO: Duration = Duration::from_millis(300);

/// Watches from a thread of its own, until the process ends.
///
/// # Errors
/// Where the handlers cannot be installed.
pub(super) fn watch(run: &Arc<Run>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let run = Arc::clone(run);
    // Installed here and not in the thread: a signal that comes at once is not to be lost.
    let mut signals = {
        let _inside = runtime.enter();
        Signals::new()?
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        runtime.block_on(async {
            signals.next().await;
            let first = Instant::now();
            say("interrupted: cases that run are closed; a second signal ends at once\n");
            run.interrupt(Interrupt::Signal);
            while first.elapsed() < ECHO {
                signals.next().await;
            }
        });
        end_now();
    })?;
    Ok(())
}

#[expect(clippy::exit, reason = "the second signal is to end the process whatever it is doing")]
fn end_now() -> ! {
    crate::transport::end_every_process();
    std::process::exit(i32::from(Exit::Interrupted as u8))
}

/// The signals that end a program. Made inside of a runtime that has I/O.
#[derive(Debug)]
pub(super) struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    /// Installs the handlers.
    ///
    /// # Errors
    /// Where the system refuses.
    #[cfg_attr(not(unix), expect(clippy::unnecessary_wraps, reason = "unix can fail"))]
    pub(super) fn new() -> io::Result<Self> {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            Ok(Self {
                interrupt: signal(SignalKind::interrupt())?,
                terminate: signal(SignalKind::terminate())?,
            })
        }
        #[cfg(not(unix))]
        Ok(Self {})
    }

    /// Waits for the next one.
    pub(super) async fn next(&mut self) {
        #[cfg(unix)]
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
        #[cfg(not(unix))]
        let _ = tokio::signal::ctrl_c().await;
    }
}

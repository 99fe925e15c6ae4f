//! A panic is a bug of ours; even then no secret is shown.

use std::backtrace::Backtrace;

use super::screen::say;
use crate::auth::Redactor;

/// Replaces the panic hook by one that masks what it prints.
pub(super) fn install(redactor: Redactor) {
    std::panic::set_hook(Box::new(move |info| {
        let trace = Backtrace::capture();
        let mut text = format!("callsheet panicked, which is a bug of callsheet: {info}\n");
        if trace.status() == std::backtrace::BacktraceStatus::Captured {
            text.push_str(&format!("{trace}\n"));
        } else {
            text.push_str("RUST_BACKTRACE=1 shows where it came from\n");
        }
        redactor.mask_in_place(&mut text);
        say(&text);
    }));
}

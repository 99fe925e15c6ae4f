//! The command; everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    callsheet::cli::main()
}

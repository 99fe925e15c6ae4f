//! From argv to a subcommand to an exit code.

use std::process::ExitCode;

use clap::CommandFactory as _;

use super::args::{Args, Command, HarnessArgs, TestArgs};
use super::exit::{Exit, Stop};
use super::hidden::{Origin, hide_words};
use super::screen::{print, say};
use super::settings::{Caller, Settings};
use super::surroundings::{Surroundings, arguments};

/// The command `callsheet`.
#[must_use]
pub fn main() -> ExitCode {
    end(parsed::<Args>().and_then(|args| command(args.command)))
}

/// Runs the scenarios of the package as a test executable with `harness = false`, with libtest's flags and
/// output:
///
/// ```no_run
/// fn main() -> std::process::ExitCode {
///     callsheet::harness()
/// }
/// ```
///
/// The suite is looked for from the package's folder upwards. The exit codes are those of [`super::Exit`], but
/// that nothing selected, or everything ignored, is no error: `cargo test FILTER` asks every test executable.
#[must_use]
pub fn harness() -> ExitCode {
    end(parsed::<HarnessArgs>().and_then(|args| test(args.test, Caller::Harness)))
}

fn end(result: Result<Exit, Stop>) -> ExitCode {
    let exit = result.unwrap_or_else(|stop| {
        if !stop.message.is_empty() {
            say(&format!("error: {stop}\n"));
        }
        stop.exit
    });
    exit.into()
}

/// Parses argv. Help and version are a good end, whatever is misspelt is not; clap has printed both.
fn parsed<T: clap::Parser>() -> Result<T, Stop> {
    T::try_parse_from(arguments()).map_err(|error| {
        let exit = if error.use_stderr() { Exit::Usage } else { Exit::Good };
        // A closed pipe is no reason to complain about it.
        let _ = error.print();
        Stop::new(exit, "")
    })
}

fn command(command: Option<Command>) -> Result<Exit, Stop> {
    match command {
        None => {
            print(&Args::command().render_help().to_string())?;
            Ok(Exit::Good)
        }
        Some(Command::Test(args)) => test(*args, Caller::Command),
        Some(Command::Check(args)) => super::check::check(&args, &Surroundings::read()?),
        Some(Command::Doctor(args)) => super::doctor::doctor(&args, &Surroundings::read()?),
        Some(Command::Show(args)) => super::show::show(args, &Surroundings::read()?),
        #[cfg(feature = "sandbox")]
        Some(Command::Sandbox(args)) => super::sandbox::sandbox(&args),
        Some(Command::Init(args)) => super::init::init(&args),
        Some(Command::Schema(args)) => super::schema::schema(&args),
        Some(Command::Completions { shell }) => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Args::command(), "callsheet", &mut script);
            print(&String::from_utf8_lossy(&script))?;
            Ok(Exit::Good)
        }
    }
}

fn test(args: TestArgs, caller: Caller) -> Result<Exit, Stop> {
    let around = Surroundings::read()?;
    // Short enough to be typed again.
    let seed = u64::from(fastrand::u32(..));
    let settings = Settings::resolve(args, &around, caller, seed)
        .map_err(|stop| hide_words(stop, Origin::File(None), &around))?;
    super::test::test(&settings, &around)
}

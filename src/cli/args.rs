//! The command line as it is written. What it means together with the environment is [`super::settings`]' job.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

use crate::harness::Format;
use crate::report::Spec;

/// Declarative scenario tests for MCP servers.
#[derive(Debug, Parser)]
#[command(name = "callsheet", version, about, max_term_width = 100)]
pub(super) struct Args {
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run scenarios.
    Test(Box<TestArgs>),
    /// Check everything that can be known without a server.
    Check(CheckArgs),
    /// Find out why a server cannot be reached, its tools not be listed, or not be called.
    Doctor(DoctorArgs),
    /// Serve the embedded sandbox.
    #[cfg(feature = "sandbox")]
    Sandbox(SandboxArgs),
    /// Print a case as it will run, without sending anything.
    Show(ShowArgs),
    /// Write a suite that passes on the sandbox, to start from.
    Init(InitArgs),
    /// Print the JSON Schemas of the file formats.
    Schema(SchemaArgs),
    /// Print completions for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// The flags of a test executable: `cargo test --test scenarios -- FLAGS`.
#[derive(Debug, Parser)]
#[command(name = "scenarios", about, max_term_width = 100)]
pub(super) struct HarnessArgs {
    #[command(flatten)]
    pub(super) test: TestArgs,
}

/// Where scenarios and servers come from.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct SuiteArgs {
    /// Use this server of the suite in place of the default and of what scenarios name (not of what steps name)
    #[arg(long, value_name = "NAME", conflicts_with = "url", help_heading = "Server")]
    pub(super) server: Option<String>,
    /// Use the server at this address
    #[arg(long, help_heading = "Server")]
    pub(super) url: Option<String>,
    /// The environment variable that holds the token for --url
    #[arg(long, value_name = "NAME", requires = "url", help_heading = "Server")]
    pub(super) pat_env: Option<String>,
    /// Set a variable; VALUE is JSON where it is JSON, else text (repeatable)
    #[arg(long = "var", value_name = "NAME=VALUE", help_heading = "Scenarios")]
    pub(super) vars: Vec<String>,
}

#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct TestArgs {
    /// Parts of names (any of them), and files or folders: FILE.yaml, FILE.yaml:LINE, FOLDER/
    #[arg(value_name = "FILTER|PATH")]
    pub(super) what: Vec<String>,
    /// FILTER and --skip are whole names
    #[arg(long)]
    pub(super) exact: bool,
    /// Leave out cases whose name contains FILTER (repeatable)
    #[arg(long, value_name = "FILTER")]
    pub(super) skip: Vec<String>,
    /// Run only scenarios that have this tag (repeatable: any of them)
    #[arg(long = "tag", value_name = "TAG", help_heading = "Scenarios")]
    pub(super) tags: Vec<String>,
    /// Run only cases of this protocol version; scenarios that say `auto` or nothing are pinned to it
    #[arg(long, value_name = "VERSION", help_heading = "Scenarios")]
    pub(super) protocol: Option<String>,
    /// Run the K-th of N parts
    #[arg(long, value_name = "K/N", help_heading = "Scenarios")]
    pub(super) shard: Option<String>,
    /// Run only what scenarios skip
    #[arg(long, conflicts_with = "include_ignored")]
    pub(super) ignored: bool,
    /// Run what scenarios skip, too
    #[arg(long)]
    pub(super) include_ignored: bool,
    /// List the cases; run nothing
    #[arg(long)]
    pub(super) list: bool,
    #[command(flatten)]
    pub(super) suite: SuiteArgs,
    /// Read variables from this file in place of the suite's .env; the process environment wins
    #[arg(long, value_name = "PATH", help_heading = "Server")]
    pub(super) env_file: Option<PathBuf>,
    /// Cases at once; also RUST_TEST_THREADS
    #[arg(long, value_name = "N", help_heading = "Run")]
    pub(super) test_threads: Option<usize>,
    /// End the run with the first failure
    #[arg(long, help_heading = "Run")]
    pub(super) fail_fast: bool,
    /// Fail the run where a case was ignored, by `skip`, `requires` or a known bug
    #[arg(long, value_name = "WHAT", hide_possible_values = true, help_heading = "Run")]
    pub(super) deny: Option<Deny>,
    /// Run in an order that the seed decides
    #[arg(long, help_heading = "Run")]
    pub(super) shuffle: bool,
    /// Seed everything random
    #[arg(long, value_name = "N", help_heading = "Run")]
    pub(super) seed: Option<u64>,
    /// One character for each case
    #[arg(short, long, conflicts_with = "format", help_heading = "Output")]
    pub(super) quiet: bool,
    /// How results are shown: pretty, terse or json
    #[arg(long, value_name = "FORMAT", hide_possible_values = true, help_heading = "Output")]
    pub(super) format: Option<OutputFormat>,
    /// When to use colour: auto, always or never
    #[arg(long, value_name = "WHEN", hide_possible_values = true, help_heading = "Output")]
    pub(super) color: Option<Colour>,
    /// Write results to PATH in place of stdout
    #[arg(long, value_name = "PATH", help_heading = "Output")]
    pub(super) logfile: Option<PathBuf>,
    /// Write a report: junit=PATH, jsonl=PATH (repeatable)
    #[arg(long = "report", value_name = "KIND=PATH", help_heading = "Output")]
    pub(super) reports: Vec<Spec>,
    /// Write snapshots, and expected values in place, as they are now; read the difference before you commit it
    #[arg(long, conflicts_with = "list", help_heading = "Run")]
    pub(super) update: bool,
    /// Print to stderr what was sent and received
    #[arg(long, help_heading = "Output")]
    pub(super) trace: bool,
    /// Accepted as libtest's; nothing is captured
    #[arg(long, alias = "no-capture", hide = true)]
    pub(super) nocapture: bool,
    /// Accepted as libtest's; a case that passes prints nothing
    #[arg(long, hide = true)]
    pub(super) show_output: bool,
    /// Accepted as libtest's; nothing needs it
    #[arg(short = 'Z', value_name = "FLAG", hide = true)]
    pub(super) unstable: Vec<String>,
}

/// What fails a run beside cases that fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Deny {
    /// A case that was ignored.
    Ignored,
}

/// When there is colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Colour {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// libtest's formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum OutputFormat {
    /// A line for each case.
    Pretty,
    /// A character for each case.
    Terse,
    /// JSON lines.
    Json,
}

impl From<OutputFormat> for Format {
    fn from(format: OutputFormat) -> Self {
        match format {
            OutputFormat::Pretty => Self::Pretty,
            OutputFormat::Terse => Self::Terse,
            OutputFormat::Json => Self::Json,
        }
    }
}

#[derive(Clone, Debug, clap::Args)]
pub(super) struct CheckArgs {
    /// Scenario files or folders
    #[arg(value_name = "PATH")]
    pub(super) paths: Vec<String>,
    #[command(flatten)]
    pub(super) suite: SuiteArgs,
    /// How problems are shown: text, json or github
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = CheckFormat::Text, hide_possible_values = true)]
    pub(super) format: CheckFormat,
    /// When to use colour: auto, always or never
    #[arg(long, value_name = "WHEN", hide_possible_values = true)]
    pub(super) color: Option<Colour>,
}

#[derive(Clone, Debug, clap::Args)]
pub(super) struct DoctorArgs {
    /// Ask this server of the suite in place of the default
    #[arg(long, value_name = "NAME", conflicts_with = "url")]
    pub(super) server: Option<String>,
    /// Ask as this identity of the server
    #[arg(long = "as", value_name = "IDENTITY")]
    pub(super) identity: Option<String>,
    /// Ask the server at this address
    #[arg(long)]
    pub(super) url: Option<String>,
    /// The environment variable that holds the token for --url
    #[arg(long, value_name = "NAME", requires = "url")]
    pub(super) pat_env: Option<String>,
    /// Call this tool, too; it may start a job, so none is called that is not named
    #[arg(long, value_name = "TOOL")]
    pub(super) call: Option<String>,
    /// The arguments of the call: a JSON object
    #[arg(long, value_name = "JSON", requires = "call")]
    pub(super) arguments: Option<String>,
    /// How what was found is shown: text or json
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = DoctorFormat::Text, hide_possible_values = true)]
    pub(super) format: DoctorFormat,
    /// Read variables from this file in place of the suite's .env; the process environment wins
    #[arg(long, value_name = "PATH")]
    pub(super) env_file: Option<PathBuf>,
    /// When to use colour: auto, always or never
    #[arg(long, value_name = "WHEN", hide_possible_values = true)]
    pub(super) color: Option<Colour>,
}

/// How `doctor` shows what it finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum DoctorFormat {
    /// For people, each step when it is over.
    Text,
    /// One JSON object.
    Json,
}

#[derive(Clone, Debug, clap::Args)]
pub(super) struct ShowArgs {
    /// The name of a case, a part of it that no other has, or FILE.yaml:LINE
    #[arg(value_name = "NAME")]
    pub(super) name: String,
    #[command(flatten)]
    pub(super) suite: SuiteArgs,
    /// Show the case of this protocol version
    #[arg(long, value_name = "VERSION")]
    pub(super) protocol: Option<String>,
    /// Read variables from this file in place of the suite's .env; the process environment wins
    #[arg(long, value_name = "PATH")]
    pub(super) env_file: Option<PathBuf>,
}

/// How `check` shows what it finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum CheckFormat {
    /// For people.
    Text,
    /// One JSON object.
    Json,
    /// Annotations of GitHub Actions.
    Github,
}

#[cfg(feature = "sandbox")]
#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = super::sandbox::knobs_help())]
pub(super) struct SandboxArgs {
    /// The address to listen on
    #[arg(long, default_value = "127.0.0.1")]
    pub(super) host: std::net::IpAddr,
    /// The port; 0 for a free one
    #[arg(long, default_value_t = 3900)]
    pub(super) port: u16,
    /// What it behaves like, as was known at a date
    #[arg(long, value_name = "NAME", default_value = "uipath", value_parser = clap::builder::PossibleValuesParser::new(crate::knobs::PROFILE_NAMES))]
    pub(super) profile: String,
    /// What it does where more than one thing is likely; --help lists the knobs
    #[arg(long = "knob", value_name = "NAME=VALUE")]
    pub(super) knobs: Vec<String>,
}

#[derive(Clone, Debug, clap::Args)]
pub(super) struct InitArgs {
    /// The folder; it is made if need be
    #[arg(default_value = ".")]
    pub(super) folder: PathBuf,
}

#[derive(Clone, Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub(super) struct SchemaArgs {
    /// Print this one: scenario or suite
    #[arg(value_name = "KIND", hide_possible_values = true)]
    pub(super) kind: Option<SchemaKind>,
    /// Write all of them into a folder
    #[arg(long, value_name = "FOLDER")]
    pub(super) write: Option<PathBuf>,
    /// Fail where those of a folder are out of date
    #[arg(long, value_name = "FOLDER")]
    pub(super) check: Option<PathBuf>,
}

/// The file formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum SchemaKind {
    /// A scenario file.
    Scenario,
    /// The suite file.
    Suite,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_definitions_hold() {
        Args::command().debug_assert();
        HarnessArgs::command().debug_assert();
    }
}

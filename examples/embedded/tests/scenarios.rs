//! Every scenario that `callsheet.yaml` finds is a test.

fn main() -> std::process::ExitCode {
    callsheet::harness()
}

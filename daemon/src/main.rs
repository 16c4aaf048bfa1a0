//! The `jarchi` binary: it parses, runs and ends with a status. No rule lives here.

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    jarchi::cli::main(jarchi::cli::Cli::parse())
}

//! Completions and man pages, from the one definition of the command line.

use std::path::PathBuf;

use clap_complete::Shell;

use super::output::Failure;

/// Print the completions for a shell
#[derive(Clone, Debug, clap::Args)]
pub struct CompletionsArgs {
    shell: Shell,
}

/// Write the man pages into a folder
#[derive(Clone, Debug, clap::Args)]
pub struct ManArgs {
    #[arg(value_hint = clap::ValueHint::DirPath)]
    directory: PathBuf,
}

pub(super) fn completions(
    args: &CompletionsArgs,
    command: &mut clap::Command,
) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, command, "jarchi", &mut script);
    super::output::print(&(), false, |()| {
        String::from_utf8_lossy(&script).into_owned()
    })
}

pub(super) fn man(args: &ManArgs, command: clap::Command) -> Result<(), Failure> {
    std::fs::create_dir_all(&args.directory)
        .and_then(|()| clap_mangen::generate_to(command, &args.directory))
        .map_err(|error| Failure::wrong(format!("{}: {error}", args.directory.display())))
}

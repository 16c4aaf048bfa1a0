//! `jarchi plugin`: for authors of plugins, and for those who run them.

mod build;

use super::output::Failure;

/// Build and inspect plugins
#[derive(Clone, Debug, clap::Args)]
pub struct PluginArgs {
    #[command(subcommand)]
    command: PluginCommand,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum PluginCommand {
    Build(build::BuildArgs),
}

pub(super) fn run(args: PluginArgs) -> Result<(), Failure> {
    match args.command {
        PluginCommand::Build(args) => build::run(&args),
    }
}

//! `jarchi plugin`: for authors of plugins, and for those who run them.

mod build;
mod inspect;
mod list;
mod new;

use std::path::Path;

use super::client::Context;
use super::output::{Failure, print};
use crate::config::{Limits, PluginConfig};
use crate::plugin::component::Inspection;
use crate::plugin::judge;

/// Start, build, inspect and list plugins
#[derive(Clone, Debug, clap::Args)]
pub struct PluginArgs {
    #[command(subcommand)]
    command: PluginCommand,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum PluginCommand {
    New(new::NewArgs),
    Build(build::BuildArgs),
    Inspect(inspect::InspectArgs),
    List(list::ListArgs),
}

pub(super) fn run(context: &Context, args: PluginArgs) -> Result<(), Failure> {
    match args.command {
        PluginCommand::New(args) => new::run(&args),
        PluginCommand::Build(args) => build::run(&args),
        PluginCommand::Inspect(args) => inspect::run(&args),
        PluginCommand::List(args) => list::run(context, &args),
    }
}

/// Why the daemon would not load this component under that name.
fn refused(inspection: &Inspection, name: &str, path: &Path) -> Option<String> {
    let config = PluginConfig {
        name: name.to_owned(),
        path: path.to_owned(),
        grants: Vec::new(),
        limits: Limits::default(),
        concurrency: PluginConfig::CONCURRENCY,
        app: crate::config::AppKeys::default(),
        redirect: None,
    };
    judge(inspection, &config)
        .err()
        .map(|reason| reason.to_string())
}

//! `jarchi schedule`, `jarchi generate`, `jarchi measure`.

use crate::model::Id;
use crate::service::api::{Request, Schedules};

use super::client::Context;
use super::output::{Failure, moment, or_dash, print, table};

/// What runs when
#[derive(Clone, Debug, clap::Args)]
pub struct ScheduleArgs {
    #[command(subcommand)]
    command: ScheduleCommand,
    /// Print the answer as JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum ScheduleCommand {
    /// Every schedule and its next runs, by its own wall clock
    List {
        /// How many of the next runs
        #[arg(long, default_value_t = 3, value_name = "N")]
        count: usize,
    },
}

/// Ask a generator now what it has
#[derive(Clone, Debug, clap::Args)]
pub struct GenerateArgs {
    /// Its name in the configuration
    generator: String,
    /// Print the answer as JSON
    #[arg(long)]
    json: bool,
}

/// Read the numbers of all accounts and posts now
#[derive(Clone, Debug, clap::Args)]
pub struct MeasureArgs {
    /// Print the answer as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(context: &Context, args: ScheduleArgs) -> Result<(), Failure> {
    let ScheduleCommand::List { count } = args.command;
    let schedules: Schedules = context.call(&Request::Schedules { count })?;
    print(&schedules, args.json, |schedules| {
        if schedules.schedules.is_empty() {
            return "nothing is scheduled".to_owned();
        }
        table(
            &["schedule", "cron", "runs", "next", "last"],
            schedules.schedules.iter().map(|line| {
                vec![
                    line.name.clone(),
                    line.cron.clone(),
                    line.run.clone(),
                    line.next_local.join("\n"),
                    or_dash(line.last.map(moment)),
                ]
            }),
        )
    })
}

pub(super) fn generate(context: &Context, args: GenerateArgs) -> Result<(), Failure> {
    let job: Option<Id> = context.call(&Request::Generate {
        generator: args.generator,
    })?;
    print(&job, args.json, queued)
}

pub(super) fn measure(context: &Context, args: MeasureArgs) -> Result<(), Failure> {
    let job: Option<Id> = context.call(&Request::Measure)?;
    print(&job, args.json, queued)
}

fn queued(job: &Option<Id>) -> String {
    match job {
        Some(job) => format!("queued as job {job}"),
        None => "it is queued already".to_owned(),
    }
}

//! The command line: it parses, calls and prints; no rule of the product lives here.

mod account;
mod alarm;
mod backup;
mod calendar;
mod card;
pub mod check;
mod client;
mod demo;
mod extras;
mod goals;
mod hold;
pub mod init;
mod learn;
mod media;
mod metrics;
mod output;
mod plan;
mod plugin;
mod post;
mod queue;
pub mod report;
mod review;
mod run;
mod schedule;
pub mod schema;
mod status;
mod store;
mod vault;

use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::config::{Diagnostics, ProcessEnvironment};

pub use output::{Failure, Status};

/// A town crier for your brand: plans, writes, publishes and measures its social media
#[derive(Debug, Parser)]
#[command(
    name = "jarchi",
    version,
    propagate_version = true,
    max_term_width = 100
)]
pub struct Cli {
    /// The configuration [default: ./jarchi.toml, ~/.config/jarchi/jarchi.toml,
    /// /etc/jarchi/jarchi.toml]
    #[arg(long, short, global = true, value_name = "FILE", env = "JARCHI_CONFIG",
          value_hint = clap::ValueHint::FilePath)]
    pub config: Option<PathBuf>,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    Run(run::RunArgs),
    Init(init::InitArgs),
    Check(check::CheckArgs),
    Schema(schema::SchemaArgs),
    Plugin(plugin::PluginArgs),
    Account(account::AccountArgs),
    Post(Box<post::PostArgs>),
    Media(media::MediaArgs),
    Queue(queue::QueueArgs),
    Approval(review::ApprovalArgs),
    Approve(review::ApproveArgs),
    Edit(review::EditArgs),
    Reject(review::RejectArgs),
    Metrics(metrics::MetricsArgs),
    Plan(plan::PlanArgs),
    Learn(learn::LearnArgs),
    Goals(goals::GoalsArgs),
    Calendar(calendar::CalendarArgs),
    Schedule(schedule::ScheduleArgs),
    Generate(schedule::GenerateArgs),
    Measure(schedule::MeasureArgs),
    Card(card::CardArgs),
    Hold(hold::HoldArgs),
    Release(hold::ReleaseArgs),
    Status(status::StatusArgs),
    Alarm(alarm::AlarmArgs),
    Reload(status::ReloadArgs),
    Backup(backup::BackupArgs),
    Restore(backup::RestoreArgs),
    Store(store::StoreArgs),
    Vault(vault::VaultArgs),
    Demo(demo::DemoArgs),
    Completions(extras::CompletionsArgs),
    Man(extras::ManArgs),
}

/// Runs a command to its exit status: 0, 2 for the caller's mistakes, 1 for the rest.
pub fn main(cli: Cli) -> ExitCode {
    match dispatch(cli) {
        Ok(code) => code,
        Err(failure) => failure.report(),
    }
}

fn dispatch(cli: Cli) -> Result<ExitCode, Failure> {
    let environment = ProcessEnvironment;
    let mut stdout = io::stdout();
    let terminal = stdout.is_terminal();
    let context = client::Context {
        config: cli.config.clone(),
    };
    if matches!(
        cli.command,
        Command::Run(_) | Command::Account(_) | Command::Vault(_) | Command::Edit(_)
    ) {
        keep_memory_to_itself();
    }
    match cli.command {
        Command::Run(args) => run::run(&context, &args),
        Command::Init(args) => init(&args, &mut stdout),
        Command::Check(args) => {
            Ok(args.run(cli.config.as_deref(), &environment, &mut stdout, terminal)?)
        }
        Command::Schema(args) => Ok(args.run(&mut stdout)?),
        Command::Plugin(args) => done(plugin::run(&context, args)),
        Command::Account(args) => done(account::run(&context, args)),
        Command::Post(args) => done(post::run(&context, *args)),
        Command::Media(args) => media::run(&context, args),
        Command::Queue(args) => done(queue::run(&context, args)),
        Command::Approval(args) => done(review::list(&context, args)),
        Command::Approve(args) => done(review::approve(&context, args)),
        Command::Edit(args) => done(review::edit(&context, args)),
        Command::Reject(args) => done(review::reject(&context, args)),
        Command::Metrics(args) => done(metrics::run(&context, args)),
        Command::Plan(args) => done(plan::run(&context, args)),
        Command::Learn(args) => done(learn::run(&context, args)),
        Command::Goals(args) => done(goals::run(&context, &args)),
        Command::Calendar(args) => done(calendar::run(&context, &args)),
        Command::Schedule(args) => done(schedule::run(&context, args)),
        Command::Generate(args) => done(schedule::generate(&context, args)),
        Command::Measure(args) => done(schedule::measure(&context, args)),
        Command::Card(args) => done(card::run(&context, args)),
        Command::Hold(args) => done(hold::hold(&context, args)),
        Command::Release(args) => done(hold::release(&context, args)),
        Command::Alarm(args) => done(alarm::run(&context, args)),
        Command::Status(args) => done(status::run(&context, args)),
        Command::Reload(args) => done(status::reload(&context, args)),
        Command::Backup(args) => done(backup::backup(&context, &args)),
        Command::Restore(args) => done(backup::restore(&context, &args)),
        Command::Store(args) => done(store::run(&context, args)),
        Command::Vault(args) => done(vault::run(&context, args)),
        Command::Demo(args) => demo::run(&args, cli.config.as_deref()),
        Command::Completions(args) => done(extras::completions(&args, &mut Cli::command())),
        Command::Man(args) => done(extras::man(&args, Cli::command())),
    }
}

/// Of a process that opens the vault, no memory is written into a crash dump, and other
/// processes of its user can't read it.
fn keep_memory_to_itself() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        // It can fail in a sandbox that forbids the call: the process runs all the same.
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    }
}

/// Asks only where somebody can answer.
fn init(args: &init::InitArgs, out: &mut dyn io::Write) -> Result<ExitCode, Failure> {
    let mut input = io::stdin().lock();
    let mut questions = io::stderr();
    let mut ask = init::Ask {
        input: &mut input,
        output: &mut questions,
    };
    let somebody = io::stdin().is_terminal() && io::stderr().is_terminal();
    args.run(somebody.then_some(&mut ask), out)
        .map_err(|error| Failure::wrong(error.to_string()))
}

fn done(result: Result<(), Failure>) -> Result<ExitCode, Failure> {
    result.map(|()| ExitCode::SUCCESS)
}

/// Prints findings of the configuration to stderr.
fn tell(findings: &Diagnostics) {
    let mut stderr = io::stderr();
    let terminal = stderr.is_terminal();
    // Nothing is left to be done where stderr is closed.
    let _ = report::write_findings(&mut stderr, &findings.0, terminal);
    let _ = stderr.flush();
}

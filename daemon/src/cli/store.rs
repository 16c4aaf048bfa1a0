//! `jarchi store`: for one who looks after the disk. The daemon must not run.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::clock::Clock;
use crate::plugin::Bytes;
use crate::store::{self, Options, Store};

use super::client::{Context, remedy};
use super::output::{Failure, print};

/// Check, compact, export or import the store; the daemon must not run
#[derive(Clone, Debug, clap::Args)]
pub struct StoreArgs {
    #[command(subcommand)]
    command: StoreCommand,
    /// Print the answer as JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum StoreCommand {
    /// Read every record, and compare what must agree
    Check,
    /// Write the store anew, without the space of what was deleted
    ///
    /// The old one is kept beside it.
    Compact,
    /// Take what is left of a torn store for the whole
    ///
    /// For want of a backup: what it lacks is lost. Deliveries that may have gone out since
    /// are looked up before anything is sent.
    AcceptLoss,
    /// Write every record as a line of JSON
    Export {
        /// `-` is standard output
        #[arg(default_value = "-", value_hint = clap::ValueHint::FilePath)]
        file: PathBuf,
    },
    /// Read an export into a store that is empty
    Import {
        /// `-` is standard input
        #[arg(value_hint = clap::ValueHint::FilePath)]
        file: PathBuf,
    },
}

pub(super) fn run(context: &Context, args: StoreArgs) -> Result<(), Failure> {
    let config = context.load_plain()?;
    let options = Options {
        cache: config.daemon.cache,
    };
    let dir = &config.daemon.data_dir;
    let told = |error| remedy(&config, error);
    let bar = progress();
    let count = |records: u64| bar.set_position(records);
    match args.command {
        StoreCommand::Check => {
            let report = Store::open(dir, &options).map_err(told)?.check(count)?;
            bar.finish_and_clear();
            print(&report, args.json, |report| {
                let mut text = report.problems.join("\n");
                if text.is_empty() {
                    text = format!(
                        "{} records, {}: nothing is wrong",
                        report.records,
                        Bytes(report.size_on_disk)
                    );
                }
                text
            })?;
            match report.problems.len() {
                0 => Ok(()),
                count => Err(Failure::failed(format!("{count} problems")).help(
                    "keep a copy of the folder; `jarchi store export` saves what can be read",
                )),
            }
        }
        StoreCommand::Compact => {
            let now = Clock::system().now();
            let report = store::compact(dir, &options, now, count)?;
            bar.finish_and_clear();
            print(&report, args.json, |report| {
                format!(
                    "{} records; {} became {}. The old database is in {}; remove it \
                     when you are content, or the next run does",
                    report.records,
                    Bytes(report.before),
                    Bytes(report.after),
                    report.old.display()
                )
            })
        }
        StoreCommand::AcceptLoss => {
            let accepted = store::accept_loss(dir, &options, Clock::system().now())?;
            print(&accepted, args.json, |accepted| {
                format!(
                    "the store is of {}; what may have gone out since is looked up before it is \
                     sent",
                    super::output::moment(accepted.of)
                )
            })
        }
        StoreCommand::Export { file } => {
            let store = Store::open(dir, &options).map_err(told)?;
            let now = Clock::system().now();
            if file.as_os_str() == "-" {
                let mut out = BufWriter::new(io::stdout().lock());
                let report = store::export(&store, now, &mut out, count)?;
                bar.finish_and_clear();
                return left_out(&report.problems);
            }
            let at = |error: io::Error| Failure::wrong(format!("{}: {error}", file.display()));
            let out = File::create_new(&file).map_err(at)?;
            let mut out = BufWriter::new(out);
            let report = store::export(&store, now, &mut out, count)?;
            out.flush().map_err(at)?;
            out.get_ref().sync_all().map_err(at)?;
            bar.finish_and_clear();
            print(&report, args.json, |report| {
                format!("{} records in {}", report.records, file.display())
            })?;
            left_out(&report.problems)
        }
        StoreCommand::Import { file } => {
            let store = Store::open(dir, &options).map_err(told)?;
            let report = if file.as_os_str() == "-" {
                store::import(&store, &mut io::stdin().lock(), count)?
            } else {
                let input = File::open(&file)
                    .map_err(|error| Failure::wrong(format!("{}: {error}", file.display())))?;
                store::import(&store, &mut BufReader::new(input), count)?
            };
            bar.finish_and_clear();
            print(&report, args.json, |report| {
                format!("{} records read", report.records)
            })
        }
    }
}

/// An export that lacks something is no success.
pub(super) fn left_out(problems: &[String]) -> Result<(), Failure> {
    if problems.is_empty() {
        return Ok(());
    }
    Err(Failure::failed(format!(
        "{} records can't be read and were left out:\n  {}",
        problems.len(),
        problems.join("\n  ")
    ))
    .help("what can be read is in the export; keep a copy of the store's folder"))
}

/// A count of records on a terminal, nothing elsewhere.
pub(super) fn progress() -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {human_pos} records, {elapsed}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

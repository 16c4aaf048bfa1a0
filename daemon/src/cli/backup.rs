//! `jarchi backup` and `jarchi restore`.

use std::path::{Path, PathBuf};

use crate::clock::Clock;
use crate::plugin::Bytes;
use crate::service::api::Request;
use crate::store::{self, BackupReport, Options, Target};

use super::client::{Context, backup_folder};
use super::output::{Failure, moment, print};
use super::store::{left_out, progress};

/// Write the whole store into one file, while the daemon runs or not
///
/// Everything is in it but the vault's key, the plugins, the configuration and the media
/// files that posts name. Publishing goes on meanwhile.
#[derive(Clone, Debug, clap::Args)]
pub struct BackupArgs {
    /// A file that is not there yet, or a folder; else `backups` in the data directory
    #[arg(value_hint = clap::ValueHint::AnyPath)]
    to: Option<PathBuf>,
    /// Print the answer as JSON
    #[arg(long)]
    json: bool,
}

/// Make a store from a backup, in a data directory that has none
///
/// No daemon may run. What may have been published after the backup was taken is looked up
/// before anything is sent.
#[derive(Clone, Debug, clap::Args)]
pub struct RestoreArgs {
    /// Of `jarchi backup` or `jarchi store export`
    #[arg(value_hint = clap::ValueHint::FilePath)]
    file: PathBuf,
    /// Print the answer as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn backup(context: &Context, args: &BackupArgs) -> Result<(), Failure> {
    let target = match &args.to {
        Some(path) => target(path)?,
        None => Target::Folder(backup_folder(&context.load_plain()?)),
    };
    let report: BackupReport = context.call(&Request::Backup { target })?;
    print(&report, args.json, |report| {
        format!(
            "{} records in {} ({})",
            report.records,
            report.file.display(),
            Bytes(report.bytes)
        )
    })?;
    left_out(&report.problems)
}

/// Absolute: the daemon's working directory is not the caller's.
fn target(path: &Path) -> Result<Target, Failure> {
    let named_folder = path.as_os_str().to_string_lossy().ends_with('/');
    let path = std::path::absolute(path)
        .map_err(|error| Failure::wrong(format!("{}: {error}", path.display())))?;
    Ok(if named_folder || path.is_dir() {
        Target::Folder(path)
    } else {
        Target::File(path)
    })
}

pub(super) fn restore(context: &Context, args: &RestoreArgs) -> Result<(), Failure> {
    let config = context.load_plain()?;
    let options = Options {
        cache: config.daemon.cache,
    };
    let bar = progress();
    let now = Clock::system().now();
    let dir = &config.daemon.data_dir;
    let report = store::restore(dir, &options, &args.file, now, |records| {
        bar.set_position(records);
    })?;
    bar.finish_and_clear();
    print(&report, args.json, |report| {
        format!(
            "{} records of {}. What was due since then is looked up before it is sent; \
             `jarchi hold` before the daemon starts keeps everything back",
            report.records,
            moment(report.of)
        )
    })
}

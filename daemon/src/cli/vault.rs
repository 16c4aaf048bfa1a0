//! `jarchi vault`: for one who looks after the key. The daemon must not run.

use std::path::PathBuf;

use serde::Serialize;

use crate::config::ProcessEnvironment;
use crate::plugin::vault::{self, RotateError, Rotated};
use crate::store::{Options, Store};

use super::client::{Context, remedy};
use super::output::{Failure, print};

/// Change the key that secrets are sealed with; the daemon must not run
#[derive(Clone, Debug, clap::Args)]
pub struct VaultArgs {
    #[command(subcommand)]
    command: VaultCommand,
    /// Print the answer as JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum VaultCommand {
    /// Seal every secret with a new key
    ///
    /// A key that is a file of the daemon's is replaced by a new one. One that is given to
    /// the daemon in another way is replaced by you: write the new one into a file, name it
    /// here, and put it into the old one's place before the next start.
    Rotate {
        /// The new key: 32 bytes in base64, in a file of mode 0600
        #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
        new_key: Option<PathBuf>,
    },
}

#[derive(Serialize)]
struct Answer {
    secrets: usize,
    from: String,
    to: String,
    key: String,
    replaces: Option<String>,
    left: Vec<String>,
}

impl From<Rotated> for Answer {
    fn from(rotated: Rotated) -> Self {
        Answer {
            secrets: rotated.secrets,
            from: rotated.from.to_string(),
            to: rotated.to.to_string(),
            key: rotated.source.to_string(),
            replaces: rotated.replaces.map(|source| source.to_string()),
            left: rotated.left.iter().map(ToString::to_string).collect(),
        }
    }
}

pub(super) fn run(context: &Context, args: VaultArgs) -> Result<(), Failure> {
    let config = context.load_plain()?;
    let options = Options {
        cache: config.daemon.cache,
    };
    let dir = &config.daemon.data_dir;
    let VaultCommand::Rotate { new_key } = args.command;
    let store = Store::open(dir, &options).map_err(|error| remedy(&config, error))?;
    let rotated = vault::rotate(&store, &ProcessEnvironment, dir, new_key.as_deref())?;
    print(&Answer::from(rotated), args.json, |answer| {
        let mut text = format!(
            "{} secrets are sealed with the key {} now, which is in {}\n",
            answer.secrets, answer.to, answer.key
        );
        if let Some(old) = &answer.replaces {
            text.push_str(&format!(
                "Put it into the place of the old one before the daemon starts: {old}\n"
            ));
        }
        for left in &answer.left {
            text.push_str(&format!("left as it is: {left}\n"));
        }
        text.push_str(
            "Backups from before can be read with the old key alone: keep it apart as long as \
             them\n",
        );
        text
    })
}

impl From<RotateError> for Failure {
    fn from(error: RotateError) -> Self {
        match error {
            RotateError::Store(error) => error.into(),
            RotateError::Vault(error) => Failure::failed(error.to_string()),
            error => Failure::wrong(error.to_string()),
        }
    }
}

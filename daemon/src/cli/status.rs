//! `jarchi status`, `jarchi reload`.

use crate::plugin::Bytes;
use crate::service::api::{Request, Status};

use super::client::Context;
use super::output::{Failure, moment, or_dash, print, table};

/// How the accounts stand, and what each platform lets us promise
#[derive(Clone, Debug, clap::Args)]
pub struct StatusArgs {
    /// Print the answer as JSON
    #[arg(long)]
    json: bool,
}

/// Let the daemon read its configuration again
#[derive(Clone, Debug, clap::Args)]
pub struct ReloadArgs {
    /// Print the answer as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(context: &Context, args: StatusArgs) -> Result<(), Failure> {
    let status: Status = context.call(&Request::Status)?;
    print(&status, args.json, words)
}

fn words(status: &Status) -> String {
    let mut text = format!(
        "jarchi {}, {}; {} deliveries wait, {} need a person; the store takes {}\n",
        status.version,
        if status.daemon {
            "the daemon runs"
        } else {
            "no daemon runs"
        },
        status.waiting,
        status.dead,
        Bytes(status.store_size)
    );
    for held in &status.held {
        text.push_str(&format!(
            "{} is on hold since {}\n",
            held.scope,
            moment(held.since)
        ));
    }
    for alarm in &status.alarms {
        text.push_str(&super::alarm::line(alarm));
    }
    for line in &status.breakers {
        text.push_str(&format!(
            "the breaker of {} is open since {}, tried again at {}: {}\n",
            line.breaker,
            moment(line.since),
            moment(line.probe_at),
            line.reason
        ));
    }
    text.push('\n');
    text.push_str(&table(
        &["account", "plugin", "next", "last", "promise"],
        status.accounts.iter().map(|line| {
            vec![
                line.account.clone(),
                line.plugin.clone(),
                or_dash(line.next.map(moment)),
                or_dash(line.last_published.map(moment)),
                match &line.problem {
                    Some(problem) => format!("not usable: {problem}"),
                    None => line.promise.clone(),
                },
            ]
        }),
    ));
    text
}

pub(super) fn reload(context: &Context, args: ReloadArgs) -> Result<(), Failure> {
    let changes: String = context.call(&Request::Reload)?;
    print(&changes, args.json, |changes| changes.clone())
}

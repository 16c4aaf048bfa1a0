//! `jarchi account`.

mod auth;
mod browser;
mod callback;
mod words;

use crate::service::api::Request;
use crate::service::{AccountReport, TargetList};

use super::client::{Context, runtime};
use super::output::{Failure, print};

/// Connect accounts, and see how they stand
#[derive(Clone, Debug, clap::Args)]
pub struct AccountArgs {
    #[command(subcommand)]
    command: AccountCommand,
    /// Print the answer as JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum AccountCommand {
    /// How accounts stand, by their latest check
    List,
    /// Make a harmless call on accounts; ends with 1 where one is not ready
    Check {
        /// Their names; none means all
        names: Vec<String>,
    },
    Auth(auth::AuthArgs),
    /// The profiles that an account's credentials open; choose one
    Target {
        /// The account
        name: String,
        /// The profile's identifier; none lists them
        id: Option<String>,
    },
    /// Forget the secrets that the vault has of an account, and how it was connected
    Forget {
        /// Its name; it need not be configured any more
        name: String,
    },
}

pub(super) fn run(context: &Context, args: AccountArgs) -> Result<(), Failure> {
    let json = args.json;
    runtime()?.block_on(async {
        match args.command {
            AccountCommand::List => report(context, Vec::new(), false, json).await,
            AccountCommand::Check { names } => report(context, names, true, json).await,
            AccountCommand::Auth(args) => auth::run(context, args, json).await,
            AccountCommand::Target { name, id } => target(context, name, id, json).await,
            AccountCommand::Forget { name } => {
                let client = context.with_accounts(std::slice::from_ref(&name)).await?;
                let request = Request::ForgetAccount {
                    account: name.clone(),
                };
                let count: usize = client.call(&request).await?;
                print(&count, json, |count| {
                    format!(
                        "{count} secrets of `{name}` are forgotten here. What you allowed on the \
                         platform lasts until you take it back there"
                    )
                })
            }
        }
    })
}

async fn report(
    context: &Context,
    names: Vec<String>,
    check: bool,
    json: bool,
) -> Result<(), Failure> {
    let client = context.with_accounts(&names).await?;
    let reports: Vec<AccountReport> = client.call(&Request::Accounts { names, check }).await?;
    print(&reports, json, |reports| words::reports(reports))?;
    let not_ready = reports
        .iter()
        .filter(|report| report.ready == Some(false))
        .count();
    if check && not_ready > 0 {
        return Err(Failure::failed(format!(
            "{not_ready} of {} accounts are not ready",
            reports.len()
        )));
    }
    Ok(())
}

async fn target(
    context: &Context,
    account: String,
    id: Option<String>,
    json: bool,
) -> Result<(), Failure> {
    let client = context
        .with_accounts(std::slice::from_ref(&account))
        .await?;
    match id {
        None => {
            let list: TargetList = client.call(&Request::Targets { account }).await?;
            print(&list, json, words::targets)
        }
        Some(target) => {
            let request = Request::ChooseTarget { account, target };
            let report: AccountReport = client.call(&request).await?;
            auth::ended(&report, json)
        }
    }
}

//! `jarchi hold`, `jarchi release`: the kill switch.

use crate::service::api::{Held, Released, Request};

use super::client::Context;
use super::output::{Failure, print};

/// Publish nothing until it is released: everything, a brand, or an account
#[derive(Clone, Debug, clap::Args)]
pub struct HoldArgs {
    /// `all`, `brand:NAME` or `account:NAME`
    #[arg(default_value = "all")]
    scope: String,
    /// Print the answer as JSON
    #[arg(long)]
    json: bool,
}

/// Lift a hold; what is overdue goes out by the rules for late posts
#[derive(Clone, Debug, clap::Args)]
pub struct ReleaseArgs {
    /// `all`, `brand:NAME` or `account:NAME`
    #[arg(default_value = "all")]
    scope: String,
    /// Print the answer as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn hold(context: &Context, args: HoldArgs) -> Result<(), Failure> {
    let held: Held = context.call(&Request::Hold { scope: args.scope })?;
    print(&held, args.json, |held| {
        format!(
            "{} is on hold; `jarchi release {}` lifts it",
            held.scope, held.scope
        )
    })
}

pub(super) fn release(context: &Context, args: ReleaseArgs) -> Result<(), Failure> {
    let released: Released = context.call(&Request::Release { scope: args.scope })?;
    print(&released, args.json, |released| {
        format!(
            "{} goes on; {} overdue deliveries woken",
            released.scope, released.woken
        )
    })
}

//! `jarchi metrics`.

use crate::model::Id;
use crate::service::api::{Metrics, Request};

use super::client::Context;
use super::output::{Failure, moment, print, table};

mod export;
mod query;

/// The numbers of a post or an account, of many posts, of everything
#[derive(Clone, Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    group(clap::ArgGroup::new("of").required(true).args(["post", "account"]))
)]
pub struct MetricsArgs {
    #[command(subcommand)]
    command: Option<MetricsCommand>,
    /// A post's number
    post: Option<Id>,
    /// The account itself: its followers and posts
    #[arg(long, short, value_name = "NAME")]
    account: Option<String>,
    /// Every reading, not the last alone
    #[arg(long)]
    series: bool,
    /// Print the answer as JSON, with every reading
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum MetricsCommand {
    Query(query::QueryArgs),
    Export(export::ExportArgs),
}

pub(super) fn run(context: &Context, args: MetricsArgs) -> Result<(), Failure> {
    match args.command {
        Some(MetricsCommand::Query(args)) => return query::run(context, args),
        Some(MetricsCommand::Export(args)) => return export::run(context, &args),
        None => {}
    }
    let request = match (args.post, args.account) {
        (Some(post), _) => Request::Metrics { post },
        (None, Some(account)) => Request::AccountMetrics { account },
        (None, None) => return Err(Failure::wrong("of which post or account?")),
    };
    let metrics: Metrics = context.call(&request)?;
    print(&metrics, args.json, |metrics| words(metrics, args.series))
}

fn words(metrics: &Metrics, series: bool) -> String {
    let mut rows = Vec::new();
    for of in &metrics.of {
        if of.samples.is_empty() && of.gone.is_none() {
            rows.push(vec![
                of.account.clone(),
                String::new(),
                "nothing was measured yet".to_owned(),
            ]);
        }
        let first = if series {
            0
        } else {
            of.samples.len().saturating_sub(1)
        };
        for sample in &of.samples[first..] {
            rows.push(vec![
                of.account.clone(),
                moment(sample.at),
                sample
                    .metrics
                    .iter()
                    .map(|metric| format!("{} {}", metric.measure, metric.value))
                    .collect::<Vec<_>>()
                    .join(", "),
            ]);
        }
        if let Some(gone) = of.gone {
            let words = "the platform has it no more".to_owned();
            rows.push(vec![of.account.clone(), moment(gone), words]);
        }
    }
    table(&["account", "measured", "numbers"], rows)
}

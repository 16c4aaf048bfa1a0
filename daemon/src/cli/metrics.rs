//! `jarchi metrics`.

use crate::model::Id;
use crate::service::api::{Metrics, Request};

use super::client::Context;
use super::output::{Failure, moment, print, table};

/// The numbers of a post or an account
#[derive(Clone, Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("of").required(true).args(["post", "account"])))]
pub struct MetricsArgs {
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

pub(super) fn run(context: &Context, args: MetricsArgs) -> Result<(), Failure> {
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
        if of.samples.is_empty() {
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
    }
    table(&["account", "measured", "numbers"], rows)
}

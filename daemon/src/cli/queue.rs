//! `jarchi queue`.

use crate::model::{AttemptOutcome, Delivery, Id, State};
use crate::service::api::{Deliveries, DeliveryLine, QueueList, Request};

use super::client::Context;
use super::output::{Failure, moment, or_dash, print, table};

/// What is to be published: list, show, cancel, retry, move, resolve
#[derive(Clone, Debug, clap::Args)]
pub struct QueueArgs {
    #[command(subcommand)]
    command: QueueCommand,
    /// Print the answer as JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum QueueCommand {
    /// Deliveries that wait, are under way, or need a person
    List {
        #[arg(long, short, value_name = "NAME")]
        account: Option<String>,
        /// Those that are settled as well
        #[arg(long)]
        all: bool,
        /// Dead letters only: failed, parked, given up
        #[arg(long, conflicts_with = "all")]
        dead: bool,
        #[arg(long, default_value_t = 50, value_name = "N")]
        limit: usize,
    },
    /// One delivery with its whole history
    Show { delivery: Id },
    /// Cancel a delivery of which nothing has gone out
    Cancel {
        #[arg(required = true)]
        deliveries: Vec<Id>,
    },
    /// Try deliveries again that have failed, were missed or cancelled; look again for
    /// those that are parked
    Retry {
        #[arg(required = true)]
        deliveries: Vec<Id>,
    },
    /// Try a dead letter again that is no delivery: a generator's run, a measuring
    RetryJob { job: Id },
    /// Move a delivery that waits to another time
    Move {
        delivery: Id,
        /// `2026-11-24 09:00` by the brand's wall clock, or with an offset
        time: String,
    },
    /// Settle a parked delivery by what you saw on the account
    #[command(group(clap::ArgGroup::new("how").required(true).args(["published", "retry"])))]
    Resolve {
        delivery: Id,
        /// It is there, at this address
        #[arg(long, value_name = "URL")]
        published: Option<String>,
        /// It is not there: publish it
        #[arg(long)]
        retry: bool,
    },
}

pub(super) fn run(context: &Context, args: QueueArgs) -> Result<(), Failure> {
    let json = args.json;
    match args.command {
        QueueCommand::List {
            account,
            all,
            dead,
            limit,
        } => {
            let list: QueueList = context.call(&Request::Queue {
                account,
                all,
                dead,
                limit,
            })?;
            print(&list, json, words)
        }
        QueueCommand::Show { delivery } => {
            let found: Deliveries = context.call(&Request::ShowDelivery { delivery })?;
            print(&found, json, |found| {
                found.deliveries.iter().map(detail).collect()
            })
        }
        QueueCommand::Cancel { deliveries } => each(context, json, deliveries, |delivery| {
            Request::Cancel { delivery }
        }),
        QueueCommand::Retry { deliveries } => each(context, json, deliveries, |delivery| {
            Request::Retry { delivery }
        }),
        QueueCommand::RetryJob { job } => {
            let job: Id = context.call(&Request::RetryJob { job })?;
            print(&job, json, |job| format!("job {job} waits again"))
        }
        QueueCommand::Move { delivery, time } => {
            each(context, json, vec![delivery], |delivery| Request::Move {
                delivery,
                due: time.clone(),
            })
        }
        QueueCommand::Resolve {
            delivery,
            published,
            ..
        } => each(context, json, vec![delivery], |delivery| Request::Resolve {
            delivery,
            published: published.clone(),
        }),
    }
}

/// Asks the same for each delivery; stops at the first that is refused.
fn each(
    context: &Context,
    json: bool,
    deliveries: Vec<Id>,
    request: impl Fn(Id) -> Request,
) -> Result<(), Failure> {
    for delivery in deliveries {
        let line: DeliveryLine = context.call(&request(delivery))?;
        print(&line, json, |line| {
            let note = line.note.as_ref().map(|note| format!(" ({note})"));
            format!(
                "delivery {} on {} is {}{}, due {}",
                line.delivery,
                line.account,
                line.state,
                note.unwrap_or_default(),
                line.due_local
            )
        })?;
    }
    Ok(())
}

fn words(list: &QueueList) -> String {
    let mut text = if list.deliveries.is_empty() {
        "nothing waits to be published".to_owned()
    } else {
        table(
            &["delivery", "due", "account", "state", "text", "note"],
            list.deliveries.iter().map(|line| {
                vec![
                    line.delivery.to_string(),
                    line.due_local.clone(),
                    line.account.clone(),
                    line.state.clone(),
                    line.text.clone(),
                    line.note
                        .clone()
                        .or_else(|| line.url.clone())
                        .unwrap_or_default(),
                ]
            }),
        )
    };
    if !list.jobs.is_empty() {
        text.push_str("\n\n");
        text.push_str(&table(
            &["job", "due", "lane", "state", "note"],
            list.jobs.iter().map(|job| {
                vec![
                    job.id.to_string(),
                    moment(job.due),
                    job.lane.clone(),
                    if job.dead.is_some() { "dead" } else { "queued" }.to_owned(),
                    job.dead
                        .clone()
                        .or_else(|| job.faults.last().map(|fault| fault.fault.to_string()))
                        .unwrap_or_default(),
                ]
            }),
        ));
    }
    text
}

/// A delivery with its history.
pub(super) fn detail(delivery: &Delivery) -> String {
    let mut text = format!(
        "delivery {} on {}: {}\n  due {}, made {}, key {}\n",
        delivery.id,
        delivery.account,
        delivery.state.name(),
        moment(delivery.due),
        moment(delivery.created_at),
        delivery.key
    );
    match &delivery.state {
        State::Unknown { reason, .. }
        | State::Parked { reason }
        | State::Failed { reason }
        | State::Cancelled { reason }
        | State::Missed { reason } => text.push_str(&format!("  {reason}\n")),
        _ => {}
    }
    if let Some(progress) = &delivery.progress {
        text.push_str(&format!("  {}\n", progress.note));
    }
    if let Some(receipt) = &delivery.receipt {
        text.push_str(&format!(
            "  {} ({})\n",
            or_dash(receipt.url.as_ref()),
            receipt.id
        ));
    }
    for attempt in &delivery.history {
        let outcome = match &attempt.outcome {
            AttemptOutcome::Published => "published".to_owned(),
            AttemptOutcome::Progressed(note) => note.clone(),
            AttemptOutcome::Found => "found".to_owned(),
            AttemptOutcome::Absent => "not there".to_owned(),
            AttemptOutcome::CannotTell(reason) => format!("can't be told: {reason}"),
            AttemptOutcome::Fault(fault) => fault.to_string(),
            AttemptOutcome::Interrupted => "interrupted".to_owned(),
        };
        text.push_str(&format!(
            "  {} {}: {outcome}\n",
            moment(attempt.ended),
            attempt.call
        ));
    }
    text
}

//! `jarchi learn`.

use crate::measure::learn::Factor;
use crate::measure::learn::decide::named;
use crate::model::{LearnState, Lesson};
use crate::service::api::{Chance, LearnReport, LearnedGroup, Request};

use super::client::Context;
use super::output::{Failure, moment, or_dash, print, table};

/// What is learned from the numbers: best hours, pillars, kinds of media
#[derive(Clone, Debug, clap::Args)]
pub struct LearnArgs {
    #[command(subcommand)]
    command: LearnCommand,
    /// Only this brand
    #[arg(long, global = true)]
    brand: Option<String>,
    /// Print the answer as JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum LearnCommand {
    /// What the numbers say, and how sure that is
    Show {
        /// Hours that are shown of each account, the best first
        #[arg(long, default_value_t = 5, value_name = "N")]
        hours: usize,
    },
    /// What was changed by the numbers, and why, the latest first
    Log {
        #[arg(long, default_value_t = 50, value_name = "N")]
        limit: usize,
    },
    /// Let an account's `best` stand for an hour (`fri 19`), or a pillar's weight stay at a number
    Pin {
        /// An account or a pillar
        name: String,
        value: String,
    },
    /// Let the numbers decide again
    Unpin {
        /// An account or a pillar
        name: String,
        /// Only this hour of the account
        hour: Option<String>,
    },
}

pub(super) fn run(context: &Context, args: LearnArgs) -> Result<(), Failure> {
    let (brand, json) = (args.brand, args.json);
    match args.command {
        LearnCommand::Show { hours } => {
            let reports: Vec<LearnReport> = context.call(&Request::Learned { brand })?;
            print(&reports, json, |reports| {
                let words = reports.iter().map(|report| words(report, hours));
                words.collect::<Vec<_>>().join("\n")
            })
        }
        LearnCommand::Log { limit } => {
            let lessons: Vec<Lesson> = context.call(&Request::Lessons { brand, limit })?;
            print(&lessons, json, |lessons| {
                let rows = lessons.iter().map(|lesson| {
                    vec![
                        moment(lesson.at),
                        lesson.of.clone(),
                        or_dash(lesson.before.clone()),
                        or_dash(lesson.after.clone()),
                        lesson.because.clone(),
                    ]
                });
                table(&["when", "of", "before", "now", "because"], rows)
            })
        }
        LearnCommand::Pin { name, value } => {
            let value = Some(value);
            pinned(
                context,
                &Request::PinLearned {
                    brand,
                    name,
                    value,
                    keep: true,
                },
                json,
            )
        }
        LearnCommand::Unpin { name, hour } => {
            let (value, keep) = (hour, false);
            pinned(
                context,
                &Request::PinLearned {
                    brand,
                    name,
                    value,
                    keep,
                },
                json,
            )
        }
    }
}

fn pinned(context: &Context, request: &Request, json: bool) -> Result<(), Failure> {
    let state: LearnState = context.call(request)?;
    print(&state, json, pins)
}

fn pins(state: &LearnState) -> String {
    let hours = state.pinned_hours.iter();
    let hours = hours.map(|(account, hours)| format!("pinned: {account} {}\n", named(hours)));
    let weights = state.pinned_weights.iter();
    let weights = weights.map(|(pillar, weight)| format!("pinned: {pillar} weight {weight}\n"));
    let all: String = hours.chain(weights).collect();
    match all.is_empty() {
        true => "nothing is pinned\n".to_owned(),
        false => all,
    }
}

/// `1.32 (1.05 to 1.66)`.
fn factor(factor: &Factor) -> String {
    let Factor { factor, low, high } = factor;
    format!("{factor:.2} ({low:.2} to {high:.2})")
}

fn sure(chance: Option<&Chance>) -> String {
    match chance {
        None => "nothing to compare".to_owned(),
        Some(one) if one.significant => format!("significant (p {:.3})", one.corrected),
        Some(one) => format!("may be chance (p {:.2})", one.corrected),
    }
}

fn words(report: &LearnReport, hours: usize) -> String {
    let mut text = format!(
        "{}: in an audience that is indifferent to all, something here would be called significant \
         in at most {:.0} of 100 looks\n",
        report.brand,
        100.0 * report.false_alarms
    );
    for account in &report.accounts {
        if !account.enough {
            text.push_str(&format!(
                "{}: not enough posts yet, {:.0} of {}\n",
                account.account, account.posts, report.least_posts
            ));
            continue;
        }
        text.push_str(&format!(
            "{}: the hour of the week is {}, by {:.0} posts\n",
            account.account,
            sure(account.chance.as_ref()),
            account.posts
        ));
        let best = account.hours.iter().take(hours);
        let rows = best.map(|one| vec![one.hour.clone(), factor(&one.factor)]);
        text.push_str(&table(&["hour", "times the usual numbers"], rows));
        text.push('\n');
    }
    let row = |group: &LearnedGroup| {
        vec![
            group.name.clone(),
            format!("{:.0}", group.posts),
            factor(&group.factor),
            sure(group.chance.as_ref()),
            or_dash(group.weight.map(|weight| format!("{weight:.1}"))),
        ]
    };
    let names = ["pillar", "posts", "times the usual numbers", "", "weight"];
    if !report.pillars.is_empty() {
        text.push_str(&table(&names, report.pillars.iter().map(row)));
        text.push('\n');
    }
    if !report.media.is_empty() {
        let rows = report.media.iter().map(|group| {
            let mut row = row(group);
            row.pop();
            row
        });
        let names = ["media", "posts", "times the usual numbers", ""];
        text.push_str(&table(&names, rows));
        text.push('\n');
    }
    text.push_str(&pins(&report.state));
    text
}

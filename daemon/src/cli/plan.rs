//! `jarchi plan`.

use crate::config::ScheduleConfig;
use crate::model::{Id, PlanState, Planned};
use crate::plan::{Choice, Proposal, Ratio};
use crate::service::api::Request;

use super::client::Context;
use super::output::{Failure, moment, or_dash, print, table};

/// Fill the free slots of the coming days, so that the brand's shares hold
#[derive(Clone, Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct PlanArgs {
    #[command(subcommand)]
    command: Option<PlanCommand>,
    /// How many days, from now on
    #[arg(long, default_value_t = ScheduleConfig::DAYS, value_name = "N")]
    days: u32,
    /// Only this brand
    #[arg(long)]
    brand: Option<String>,
    /// Only show the plan
    #[arg(long)]
    dry_run: bool,
    /// Show what each choice costs, and what the runner-up would
    #[arg(long)]
    explain: bool,
    /// Decides between equals; the same plan for the same number
    #[arg(long, default_value_t = 0, value_name = "N")]
    seed: u64,
    /// Print the answer as JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum PlanCommand {
    /// Move a planned slot, and its post where it has one
    Move {
        planned: Id,
        /// `2026-11-24 09:00` by the brand's wall clock, or RFC 3339
        to: String,
    },
    /// Let two planned slots change their times
    Swap { planned: Id, other: Id },
    /// Want another post for a planned slot, now
    Regenerate {
        planned: Id,
        /// What is wrong with the post; the generator is told
        #[arg(long, value_name = "TEXT")]
        because: Option<String>,
    },
    /// Let nothing change a planned slot
    Lock { planned: Id },
    /// Let it be changed again
    Unlock { planned: Id },
    /// Leave a slot empty, also when the days are planned again
    Cancel { planned: Id },
}

pub(super) fn run(context: &Context, args: PlanArgs) -> Result<(), Failure> {
    let request = match args.command {
        None => {
            let proposals: Vec<Proposal> = context.call(&Request::Plan {
                brand: args.brand,
                days: args.days,
                seed: args.seed,
                dry_run: args.dry_run,
            })?;
            return print(&proposals, args.json, |proposals| {
                let words = proposals.iter().map(|one| words(one, args.explain));
                words.collect::<Vec<_>>().join("\n")
            });
        }
        Some(PlanCommand::Move { planned, to }) => Request::MovePlanned { planned, to },
        Some(PlanCommand::Swap { planned, other }) => Request::SwapPlanned { planned, other },
        Some(PlanCommand::Regenerate { planned, because }) => {
            Request::RegeneratePlanned { planned, because }
        }
        Some(PlanCommand::Lock { planned }) => Request::LockPlanned {
            planned,
            locked: true,
        },
        Some(PlanCommand::Unlock { planned }) => Request::LockPlanned {
            planned,
            locked: false,
        },
        Some(PlanCommand::Cancel { planned }) => Request::CancelPlanned { planned },
    };
    let changed: Vec<Planned> = context.call(&request)?;
    print(&changed, args.json, |changed| {
        changed.iter().map(line).collect()
    })
}

fn line(planned: &Planned) -> String {
    let reason = match &planned.state {
        PlanState::Failed { reason } | PlanState::Cancelled { reason } => format!(" ({reason})"),
        PlanState::Planned | PlanState::Filled => String::new(),
    };
    format!(
        "{}: {} on {}: {}, {}{reason}\n",
        planned.id,
        moment(planned.slot),
        planned.accounts.join(", "),
        planned.pillar,
        planned.state_name()
    )
}

/// `26 value, 6 promo (81 % value, 80 % wanted)`.
pub(super) fn ratio(ratio: &Ratio) -> String {
    let all = ratio.value + ratio.promo;
    let share = 100.0 * ratio.value as f64 / all.max(1) as f64;
    format!(
        "{} value, {} promo ({share:.0} % value, {:.0} % wanted)",
        ratio.value,
        ratio.promo,
        100.0 * ratio.target
    )
}

fn words(proposal: &Proposal, explain: bool) -> String {
    let mut text = format!(
        "{}, {} to {}: {} slots; in its window {}\n",
        proposal.brand,
        moment(proposal.from),
        moment(proposal.to),
        proposal.choices.len(),
        ratio(&proposal.ratio)
    );
    if explain {
        for choice in &proposal.choices {
            text.push_str(&explained(choice));
        }
    } else if !proposal.choices.is_empty() {
        let rows = proposal.choices.iter().map(|choice| {
            vec![
                or_dash(choice.id),
                moment(choice.slot),
                choice.accounts.join(", "),
                choice.pillar.clone(),
                or_dash(choice.campaign.clone()),
                choice.generators.join(", "),
            ]
        });
        let names = [
            "plan",
            "slot",
            "accounts",
            "pillar",
            "campaign",
            "generators",
        ];
        text.push_str(&table(&names, rows));
        text.push('\n');
    }
    for passed in &proposal.passed {
        text.push_str(&format!(
            "empty: {} on {}: {}\n",
            moment(passed.slot),
            passed.account,
            passed.reason
        ));
    }
    text
}

/// What the whole plan costs with this choice, and with the best of the others.
fn explained(choice: &Choice) -> String {
    let named = |pillar: &str, campaign: &Option<String>| match campaign {
        Some(campaign) => format!("{pillar} for {campaign}"),
        None => pillar.to_owned(),
    };
    let mut text = format!(
        "{} on {}\n  {}: {}\n",
        moment(choice.slot),
        choice.accounts.join(", "),
        named(&choice.pillar, &choice.campaign),
        choice.cost
    );
    for (account, why) in &choice.hours {
        text.push_str(&format!("  the hour of {account}: {why}\n"));
    }
    match &choice.runner_up {
        Some(other) => text.push_str(&format!(
            "  instead of {}: {}\n",
            named(&other.pillar, &other.campaign),
            other.cost
        )),
        None => text.push_str("  nothing else fits\n"),
    }
    text
}

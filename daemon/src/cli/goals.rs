//! `jarchi goals`.

use crate::measure::goals::{Goal, GoalState};
use crate::service::api::Request;

use super::client::Context;
use super::output::{Failure, or_dash, print, table};

/// How far campaigns are from their targets, how fast they go, and where that leads
#[derive(Clone, Debug, clap::Args)]
pub struct GoalsArgs {
    /// Only this brand
    #[arg(long)]
    brand: Option<String>,
    /// Print the answer as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(context: &Context, args: &GoalsArgs) -> Result<(), Failure> {
    let brand = args.brand.clone();
    let goals: Vec<Goal> = context.call(&Request::Goals { brand })?;
    print(&goals, args.json, |goals| match goals.is_empty() {
        true => "no campaign has `targets`\n".to_owned(),
        false => words(goals),
    })
}

fn words(goals: &[Goal]) -> String {
    let rows = goals.iter().map(|goal| {
        let forecast = match (goal.forecast, goal.low, goal.high) {
            (Some(forecast), Some(low), Some(high)) => {
                Some(format!("{forecast:.0} ({low:.0} to {high:.0})"))
            }
            _ => None,
        };
        let state = match goal.state {
            GoalState::Ahead => "has not begun",
            GoalState::Reached => "reached",
            GoalState::OnPace => "may be reached",
            GoalState::Behind => "behind",
            GoalState::Missed => "missed",
        };
        vec![
            goal.campaign.clone(),
            format!("{} {}", goal.target, goal.measure),
            format!("{:.0}", goal.so_far),
            format!("{:.0}", goal.even),
            or_dash(goal.pace.map(|pace| format!("{pace:.1}"))),
            or_dash(forecast),
            state.to_owned(),
        ]
    });
    let names = [
        "campaign",
        "target",
        "so far",
        "even pace",
        "a day",
        "at its end",
        "",
    ];
    let mut text = table(&names, rows);
    text.push('\n');
    text
}

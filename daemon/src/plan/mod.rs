//! Triggers to briefs: the free slots of the coming days get a pillar, a campaign and
//! accounts, so that the brand's shares hold. docs/planning.md has the objective.
//!
//! [`slots`] finds what is free, [`history`] what counts already, [`solve`] makes the best of
//! both by [`objective`], [`record`] writes it down with the jobs that fill it, and has what
//! people ask of planned slots, [`fill`] runs those jobs.

mod fill;
mod history;
mod objective;
mod record;
mod slots;
mod solve;
mod view;

use serde::{Deserialize, Serialize};

use crate::config::{Brand, Config};
use crate::model::{Id, TimeSpan, Timestamp};
use crate::store::{Store, StoreError, View};

pub use fill::{buried, fill};
pub use objective::Cost;
pub(crate) use record::reject_in;
pub use record::{PlanError, Swapped, cancel, lock, move_to, regenerate, reject, swap};
pub use view::{Ratio, ratio_at};

use objective::Problem;

/// So much is planned at once; longer plans are made piece by piece.
const PIECE: TimeSpan = TimeSpan::from_days(7);

/// The lane of planning itself.
pub const LANE: &str = "plan";

/// What to plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub from: Timestamp,
    pub days: u32,
    pub seed: u64,
}

impl Span {
    pub fn to(&self) -> Timestamp {
        self.from
            .saturating_add(TimeSpan::from_days(u64::from(self.days)))
    }
}

/// A pillar and perhaps a campaign, with what the whole plan costs with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alternative {
    pub pillar: String,
    pub campaign: Option<String>,
    pub cost: Cost,
}

/// What is planned for a slot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Choice {
    /// None: it was only proposed.
    pub id: Option<Id>,
    pub slot: Timestamp,
    pub accounts: Vec<String>,
    pub pillar: String,
    pub promotional: bool,
    pub campaign: Option<String>,
    /// In the order in which they are asked.
    pub generators: Vec<String>,
    /// Of the whole plan, as it is.
    pub cost: Cost,
    /// The best of the others here, all else being equal.
    pub runner_up: Option<Alternative>,
}

/// A slot that stays empty, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Passed {
    pub slot: Timestamp,
    pub account: String,
    pub reason: String,
}

/// A plan of a brand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Proposal {
    pub brand: String,
    pub from: Timestamp,
    pub to: Timestamp,
    pub seed: u64,
    pub choices: Vec<Choice>,
    pub passed: Vec<Passed>,
    /// In the window that ends with the plan.
    pub ratio: Ratio,
}

/// The plan of a brand: the same for the same store, configuration and seed.
///
/// # Errors
/// The store's; slots that can't be read.
pub fn propose(
    view: View<'_>,
    config: &Config,
    brand: &Brand,
    span: Span,
) -> Result<Proposal, StoreError> {
    let (from, to) = (span.from, span.to());
    let (openings, passed) = slots::openings(view, config, brand, from, to)?;
    let mut counted = history::counted(view, config, brand, from, to)?;
    let mut choices = Vec::new();
    let mut begin = from;
    while begin < to {
        let end = begin.saturating_add(PIECE).min(to);
        let piece: Vec<slots::Opening> = openings
            .iter()
            .filter(|opening| begin <= opening.at && opening.at < end)
            .cloned()
            .collect();
        let problem = Problem::new(brand, &piece, &counted, span.seed);
        let solved = solve::solve(&problem);
        for choice in problem.explain(&solved) {
            counted.push(history::Counted::from(&choice));
            choices.push(choice);
        }
        counted.sort_by_key(|one| one.at);
        begin = end;
    }
    Ok(Proposal {
        brand: brand.name.clone(),
        from,
        to,
        seed: span.seed,
        choices,
        passed,
        ratio: view::ratio(brand, &counted, to),
    })
}

/// Plans a brand, and writes it down: one durable batch. Slots that were taken meanwhile are
/// left out.
///
/// # Errors
/// As [`propose`].
pub async fn run(
    store: &Store,
    config: &Config,
    brand: &Brand,
    span: Span,
    now: Timestamp,
) -> Result<Proposal, StoreError> {
    let (reading, own, whole) = (store.clone(), brand.clone(), config.clone());
    // Solving takes a while: not on a thread that others wait for.
    let proposed =
        tokio::task::spawn_blocking(move || propose(reading.view(), &whole, &own, span)).await;
    let mut proposal = proposed.map_err(|error| StoreError::Invalid(error.to_string()))??;
    let lead = brand.strategy.lead;
    proposal = store
        .write(move |tx| {
            record::write(tx, &mut proposal, lead, now)?;
            Ok::<_, StoreError>(proposal)
        })
        .await?;
    tracing::info!(
        brand = brand.name,
        slots = proposal.choices.len(),
        passed = proposal.passed.len(),
        "planned"
    );
    Ok(proposal)
}

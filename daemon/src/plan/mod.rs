//! Triggers to briefs: the free slots of the coming days get a pillar, a campaign and
//! accounts, so that the brand's shares hold. docs/planning.md has the objective.
//!
//! [`slots`] finds what is free, [`history`] what counts already, [`solve`] makes the best of
//! both by [`objective`], [`record`] writes it down with the jobs that fill it, and has what
//! people ask of planned slots, [`fill`] runs those jobs.

mod best;
mod fill;
mod history;
mod objective;
mod record;
mod slots;
mod solve;
mod view;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::config::{Brand, Config};
use crate::measure::learn::{self, decide::Decision};
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
    /// Of slots `best`: why it is this hour, by account.
    #[serde(default)]
    pub hours: BTreeMap<String, String>,
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
    /// Weights by the numbers, or pinned, instead of those of the configuration.
    #[serde(default)]
    pub weights: BTreeMap<String, f64>,
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
    Ok(decided(view, config, brand, span)?.0)
}

/// As [`propose`], with what is done by the numbers; nothing where nothing follows them.
fn decided(
    view: View<'_>,
    config: &Config,
    brand: &Brand,
    span: Span,
) -> Result<(Proposal, Option<Decision>), StoreError> {
    let (from, to) = (span.from, span.to());
    let best = config.accounts.values().any(|account| {
        account.brand == brand.name && account.plan.best_per_day.iter().any(|count| *count > 0)
    });
    let follows = best || brand.strategy.planned().any(|one| one.learn.is_some());
    let learned = follows
        .then(|| learn::learn(view, config, brand, from))
        .transpose()?;
    let decision = match &learned {
        Some(learned) => Some(learn::decide::decide(view, config, brand, learned)?),
        None => None,
    };
    let known = learned
        .as_ref()
        .zip(decision.as_ref())
        .map(|(learned, decision)| best::Known {
            learned,
            decision,
            seed: span.seed,
        });
    let weights = match &decision {
        Some(decision) => decision.weights_in_force(),
        None => view.learn_state(&brand.name)?.pinned_weights,
    };
    let (openings, passed) = slots::openings(view, config, brand, known.as_ref(), from, to)?;
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
        let problem = Problem::new(brand, &piece, &counted, &weights, span.seed);
        let solved = solve::solve(&problem);
        for choice in problem.explain(&solved) {
            counted.push(history::Counted::from(&choice));
            choices.push(choice);
        }
        counted.sort_by_key(|one| one.at);
        begin = end;
    }
    let proposal = Proposal {
        brand: brand.name.clone(),
        from,
        to,
        seed: span.seed,
        choices,
        passed,
        ratio: view::ratio(brand, &counted, to),
        weights,
    };
    Ok((proposal, decision))
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
        tokio::task::spawn_blocking(move || decided(reading.view(), &whole, &own, span)).await;
    let (mut proposal, decision) =
        proposed.map_err(|error| StoreError::Invalid(error.to_string()))??;
    let lead = brand.strategy.lead;
    proposal = store
        .write(move |tx| {
            record::write(tx, &mut proposal, lead, now)?;
            if let Some(decision) = decision {
                decision.record(tx, &proposal.brand, now)?;
            }
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

//! Planned slots are filled ahead of their time; one for which nobody has something is told
//! of, and tried again as long as it is to come.

use crate::alarm::{self, Cause};
use crate::config::Config;
use crate::content::{self, Filled, Generators};
use crate::model::{Fault, Id, PlanState, Planned, TimeSpan, Timestamp};
use crate::publish::Connectors;
use crate::queue::Disposition;
use crate::store::{Store, StoreError, Tx};

/// Between two tries at a slot, at least and at most.
const SOONEST: TimeSpan = TimeSpan::from_mins(5);
const LATEST: TimeSpan = TimeSpan::from_hours(6);

/// Runs the job that fills a planned slot.
pub async fn fill(
    store: &Store,
    config: &Config,
    generators: &dyn Generators,
    connectors: &dyn Connectors,
    planned: Id,
    job: Id,
    now: Timestamp,
) -> Disposition {
    match try_to(store, config, generators, connectors, planned, job, now).await {
        Ok(disposition) => disposition,
        Err(error) => Disposition::Fault(Fault::Transient(error.to_string())),
    }
}

async fn try_to(
    store: &Store,
    config: &Config,
    generators: &dyn Generators,
    connectors: &dyn Connectors,
    planned: Id,
    job: Id,
    now: Timestamp,
) -> Result<Disposition, StoreError> {
    let Some(planned) = store.view().planned(planned)? else {
        return Ok(Disposition::Done);
    };
    if !content::is_wanted(&planned, job) {
        return Ok(Disposition::Done);
    }
    store.room(config.daemon.keep_free)?;
    let late = planned
        .accounts
        .iter()
        .filter_map(|name| config.accounts.get(name))
        .map(|account| account.rails.missed_after)
        .min();
    if now > planned.slot.saturating_add(late.unwrap_or_default()) {
        let reason = "its time has passed before it had a post".to_owned();
        give_up(store, &planned, job, reason, Vec::new(), true, now).await?;
        return Ok(Disposition::Done);
    }
    let filled = content::fill(store, config, generators, connectors, &planned, job, now).await?;
    let refusals = match filled {
        Filled::With { post, generator } => {
            tracing::info!(planned = %planned.id, %post, generator, "a slot has its post");
            return Ok(Disposition::Done);
        }
        Filled::Gone => return Ok(Disposition::Done),
        Filled::Empty(refusals) => refusals,
    };
    let words: Vec<String> = refusals
        .iter()
        .map(|(name, reason)| format!("{name}: {reason}"))
        .collect();
    let pause = TimeSpan(planned.slot.since(now).0 / 4).clamp(SOONEST, LATEST);
    let next = now.saturating_add(pause);
    let last = next >= planned.slot;
    give_up(store, &planned, job, words.join("; "), refusals, last, now).await?;
    Ok(if last {
        Disposition::Done
    } else {
        Disposition::Later(next)
    })
}

/// Notes why a slot has no post, and tells somebody: one batch.
async fn give_up(
    store: &Store,
    planned: &Planned,
    job: Id,
    reason: String,
    refusals: Vec<(String, String)>,
    last: bool,
    now: Timestamp,
) -> Result<(), StoreError> {
    tracing::warn!(planned = %planned.id, pillar = planned.pillar, reason, "no post for a slot");
    let id = planned.id;
    store
        .write(move |tx| match tx.planned(id)? {
            Some(mut planned) if content::is_wanted(&planned, job) => {
                planned.refusals = refusals;
                if last {
                    planned.job = None;
                }
                failed(tx, planned, reason, now)
            }
            _ => Ok(()),
        })
        .await
}

fn failed(
    tx: &mut Tx<'_>,
    mut planned: Planned,
    reason: String,
    now: Timestamp,
) -> Result<(), StoreError> {
    alarm::raise(tx, &Cause::unfilled(&planned, &reason), now)?;
    planned.state = PlanState::Failed { reason };
    tx.put_planned(&mut planned)?;
    Ok(())
}

/// In the batch that makes its job a dead letter.
///
/// # Errors
/// The store's.
pub fn buried(
    tx: &mut Tx<'_>,
    planned: Id,
    reason: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    match tx.planned(planned)? {
        Some(planned) if matches!(planned.state, PlanState::Planned | PlanState::Failed { .. }) => {
            failed(tx, planned, reason.to_owned(), now)
        }
        _ => Ok(()),
    }
}

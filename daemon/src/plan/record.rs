//! Planned slots as records: written with the jobs that fill them, and changed by people.

use crate::config::Config;
use crate::content;
use crate::model::{Decision, Id, PlanState, Planned, State, TimeSpan, Timestamp};
use crate::publish::{self, ReviewError};
use crate::store::{Store, StoreError, Tx};

use super::Proposal;

#[derive(Clone, Debug, thiserror::Error)]
pub enum PlanError {
    #[error("there is no planned slot {0}; `jarchi calendar` shows them")]
    Missing(Id),
    #[error("planned slot {0} is {1}: {2}")]
    Refused(Id, &'static str, String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Two slots that changed places.
pub type Swapped = [Planned; 2];

/// Writes what is proposed and still free.
pub(super) fn write(
    tx: &mut Tx<'_>,
    proposal: &mut Proposal,
    lead: TimeSpan,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut written = Vec::new();
    for mut choice in std::mem::take(&mut proposal.choices) {
        let there = tx.planned_between(choice.slot, choice.slot)?;
        let mut taken = there
            .iter()
            .any(|one| choice.accounts.iter().any(|name| one.holds_its_slot(name)));
        for account in &choice.accounts {
            for (_, id) in tx.agenda(account, choice.slot, choice.slot)? {
                let state = tx.delivery(id)?.map(|delivery| delivery.state);
                taken |= matches!(state, Some(state) if !matches!(
                    state,
                    State::Cancelled { .. } | State::Missed { .. } | State::Failed { .. }
                ));
            }
        }
        if taken {
            continue;
        }
        let mut planned = Planned {
            id: Id(0),
            brand: proposal.brand.clone(),
            slot: choice.slot,
            accounts: choice.accounts.clone(),
            pillar: choice.pillar.clone(),
            promotional: choice.promotional,
            campaign: choice.campaign.clone(),
            state: PlanState::Planned,
            locked: false,
            created_at: now,
            job: None,
            post: None,
            generator: None,
            refusals: Vec::new(),
            brief: None,
            feedback: None,
        };
        tx.put_planned(&mut planned)?;
        content::want(tx, &mut planned, choice.slot.saturating_sub(lead), now)?;
        choice.id = Some(planned.id);
        written.push(choice);
    }
    proposal.choices = written;
    Ok(())
}

fn find(tx: &Tx<'_>, id: Id) -> Result<Planned, PlanError> {
    tx.planned(id)?.ok_or(PlanError::Missing(id))
}

fn refuse<T>(planned: &Planned, why: impl Into<String>) -> Result<T, PlanError> {
    Err(PlanError::Refused(
        planned.id,
        planned.state_name(),
        why.into(),
    ))
}

fn open(tx: &Tx<'_>, id: Id) -> Result<Planned, PlanError> {
    let planned = find(tx, id)?;
    if planned.locked {
        return refuse(&planned, format!("`jarchi plan unlock {id}` first"));
    }
    if matches!(planned.state, PlanState::Cancelled { .. }) {
        return refuse(&planned, "nothing is left of it");
    }
    Ok(planned)
}

/// The deliveries of a filled slot that still wait; an error where one has gone out.
fn waiting(tx: &Tx<'_>, planned: &Planned) -> Result<Vec<Id>, PlanError> {
    let mut ids = Vec::new();
    let Some(post) = planned.post.map(|id| tx.post(id)).transpose()?.flatten() else {
        return Ok(ids);
    };
    for id in post.deliveries {
        let Some(delivery) = tx.delivery(id)? else {
            continue;
        };
        match delivery.state {
            State::Waiting | State::Pending => ids.push(id),
            State::Cancelled { .. } | State::Missed { .. } | State::Failed { .. } => {}
            _ => {
                return refuse(
                    planned,
                    format!("delivery {id} of it is {}", delivery.state.name()),
                );
            }
        }
    }
    Ok(ids)
}

fn shift(
    tx: &mut Tx<'_>,
    planned: &mut Planned,
    slot: Timestamp,
    lead: TimeSpan,
    now: Timestamp,
) -> Result<(), PlanError> {
    for id in waiting(tx, planned)? {
        if let Err(error) = publish::move_in(tx, id, slot, now) {
            return refuse(planned, error.to_string());
        }
    }
    planned.slot = slot;
    if planned.state != PlanState::Filled {
        content::want(tx, planned, slot.saturating_sub(lead), now)?;
    }
    tx.put_planned(planned)?;
    Ok(())
}

fn lead(config: &Config, planned: &Planned) -> TimeSpan {
    config
        .brands
        .get(&planned.brand)
        .map_or(TimeSpan::ZERO, |brand| brand.strategy.lead)
}

/// Moves a planned slot, and its post where it has one, to another time.
///
/// # Errors
/// It is locked, over, or its post has gone out; another holds that time.
pub async fn move_to(
    store: &Store,
    config: &Config,
    id: Id,
    slot: Timestamp,
    now: Timestamp,
) -> Result<Planned, PlanError> {
    let config = config.clone();
    store
        .write(move |tx| {
            let mut planned = open(tx, id)?;
            if slot <= now {
                return refuse(&planned, "a slot lies in the future");
            }
            let other = tx.planned_between(slot, slot)?.into_iter().find(|one| {
                one.id != id
                    && !matches!(one.state, PlanState::Cancelled { .. })
                    && planned.accounts.iter().any(|name| one.holds_its_slot(name))
            });
            if let Some(other) = other {
                let help = format!(
                    "{} is there: `jarchi plan swap {id} {}`",
                    other.id, other.id
                );
                return refuse(&planned, help);
            }
            let lead = lead(&config, &planned);
            shift(tx, &mut planned, slot, lead, now)?;
            Ok(planned)
        })
        .await
}

/// Lets two planned slots change their times.
///
/// # Errors
/// As [`move_to`].
pub async fn swap(
    store: &Store,
    config: &Config,
    one: Id,
    other: Id,
    now: Timestamp,
) -> Result<Swapped, PlanError> {
    let config = config.clone();
    store
        .write(move |tx| {
            let (mut first, mut second) = (open(tx, one)?, open(tx, other)?);
            if one == other {
                return refuse(&first, "it is where it is");
            }
            if first.slot.min(second.slot) <= now {
                let past = if first.slot <= now { &first } else { &second };
                return refuse(past, "its time has passed");
            }
            let (early, late) = (first.slot, second.slot);
            let lead = lead(&config, &first);
            shift(tx, &mut first, late, lead, now)?;
            shift(tx, &mut second, early, lead, now)?;
            Ok([first, second])
        })
        .await
}

/// Wants another post for a planned slot, now. `because` is told to the generator.
///
/// # Errors
/// As [`move_to`].
pub async fn regenerate(
    store: &Store,
    id: Id,
    because: Option<String>,
    now: Timestamp,
) -> Result<Planned, PlanError> {
    store
        .write(move |tx| {
            let mut planned = open(tx, id)?;
            if planned.slot <= now {
                return refuse(&planned, "its time has passed");
            }
            for delivery in waiting(tx, &planned)? {
                let reason = "another post is wanted for its slot".to_owned();
                if let Err(error) = publish::cancel_in(tx, delivery, reason, now) {
                    return refuse(&planned, error.to_string());
                }
            }
            planned.feedback = because;
            content::want(tx, &mut planned, now, now)?;
            Ok(planned)
        })
        .await
}

/// A person does not want a post: its slot, where the plan has one for it that is to come, gets
/// another, whose generator is told why. The slot, where there is one.
///
/// # Errors
/// The post does not wait for a person; its slot is locked.
pub async fn reject(
    store: &Store,
    post: Id,
    because: Option<String>,
    by: String,
    now: Timestamp,
) -> Result<Option<Planned>, ReviewError> {
    store
        .write(move |tx| reject_in(tx, post, because, &by, now))
        .await
}

/// As [`reject`], in a batch.
///
/// # Errors
/// As [`reject`].
pub(crate) fn reject_in(
    tx: &mut Tx<'_>,
    post: Id,
    because: Option<String>,
    by: &str,
    now: Timestamp,
) -> Result<Option<Planned>, ReviewError> {
    let decision = Decision::Rejected {
        because: because.clone(),
    };
    let rejected = publish::decide(tx, post, decision, by, now)?;
    let slots = tx.planned_between(now, Timestamp::MAX)?;
    let slot = slots.into_iter().find(|one| one.post == Some(post));
    let Some(mut planned) = slot else {
        return Ok(None);
    };
    // Where some of it went out, the slot has what it needs.
    let whole = waiting(tx, &planned).is_ok_and(|left| left.is_empty());
    if planned.slot <= now || planned.locked || !whole || rejected.deliveries.is_empty() {
        return Ok(None);
    }
    planned.feedback = because;
    content::want(tx, &mut planned, now, now)?;
    Ok(Some(planned))
}

/// Locks a planned slot, or unlocks it.
///
/// # Errors
/// There is none of this number.
pub async fn lock(store: &Store, id: Id, locked: bool) -> Result<Planned, PlanError> {
    store
        .write(move |tx| {
            let mut planned = find(tx, id)?;
            planned.locked = locked;
            tx.put_planned(&mut planned)?;
            Ok(planned)
        })
        .await
}

/// Leaves a slot empty, also when the days are planned again.
///
/// # Errors
/// As [`move_to`].
pub async fn cancel(store: &Store, id: Id, now: Timestamp) -> Result<Planned, PlanError> {
    store
        .write(move |tx| {
            let mut planned = open(tx, id)?;
            for delivery in waiting(tx, &planned)? {
                let reason = "its slot was cancelled by command".to_owned();
                if let Err(error) = publish::cancel_in(tx, delivery, reason, now) {
                    return refuse(&planned, error.to_string());
                }
            }
            if let Some(job) = planned.job.take()
                && !tx.is_leased(job)?
            {
                tx.complete(job)?;
            }
            planned.state = PlanState::Cancelled {
                reason: "cancelled by command".to_owned(),
            };
            tx.put_planned(&mut planned)?;
            Ok(planned)
        })
        .await
}

//! Forgetting what is long over, a few rows at a time.

use std::ops::Bound;

use crate::model::{Delivery, Id, Origin, State, Timestamp, Work};

use super::raw::{Raw, Tree, Tx};
use super::series::{Thinning, thin_all};
use super::table::trailing_number;
use super::{Store, StoreError};

/// Rows that are looked at, and at most removed, in one batch.
const BATCH: usize = 200;

/// What is older than this is forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Horizon {
    /// Published, cancelled and missed deliveries, with their posts.
    pub settled: Timestamp,
    /// Samples, and the numbers of posts.
    pub series: Timestamp,
    /// Of samples that are older, two for each day stay.
    pub daily: Timestamp,
    /// And two for each week.
    pub weekly: Timestamp,
    /// Failed and parked deliveries, and other dead letters.
    pub dead_letters: Timestamp,
    /// Lines of the accounts' books; the rails look this far back.
    pub book: Timestamp,
}

/// How much was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Forgotten {
    pub deliveries: u64,
    pub samples: u64,
    /// Records of posts.
    pub numbers: u64,
    pub jobs: u64,
    pub entries: u64,
    pub planned: u64,
}

/// Forgets what is older than `horizon`, in many small batches, so that nobody waits long.
///
/// # Errors
/// The store's.
pub fn tidy(store: &Store, horizon: &Horizon) -> Result<Forgotten, StoreError> {
    let horizon = *horizon;
    let before = |key: &[u8], at: Timestamp| trailing_number(key).is_some_and(|then| then < at.0);
    let deliveries = sweep(
        store,
        Tree::Agenda,
        |key| {
            let latest = horizon.settled.max(horizon.dead_letters);
            key.len() >= 8 && before(&key[..key.len() - 8], latest)
        },
        move |tx, key| {
            let id = Id(trailing_number(key).unwrap_or_default());
            match tx.delivery(id)? {
                Some(delivery) if is_over(tx, &delivery, &horizon)? => {
                    tx.forget_delivery(&delivery)?;
                    Ok(true)
                }
                _ => Ok(false),
            }
        },
    )?;
    let samples = thin_all(
        store,
        Thinning {
            daily: horizon.daily,
            weekly: horizon.weekly,
            oldest: horizon.series,
        },
    )?;
    let numbers = sweep(
        store,
        Tree::Numbers,
        |key| key.len() >= 8 && before(&key[..key.len() - 8], horizon.series),
        |tx, key| tx.forget_numbers(key),
    )?;
    let jobs = sweep(
        store,
        Tree::Dead,
        |_| true,
        move |tx, key| {
            let id = Id(trailing_number(key).unwrap_or_default());
            let Some(job) = tx.job(id)? else {
                return Ok(false);
            };
            let ended = job.faults.last().map_or(job.due, |fault| fault.at);
            // That of a delivery goes with it.
            let own = !matches!(job.work, Work::Publish { .. });
            if own && ended < horizon.dead_letters {
                tx.complete(id)?;
                return Ok(true);
            }
            Ok(false)
        },
    )?;
    let entries = sweep(
        store,
        Tree::Published,
        |key| key.len() >= 8 && before(&key[..key.len() - 8], horizon.book),
        |tx, key| {
            tx.remove(Tree::Published, key);
            Ok(true)
        },
    )?;
    let planned = sweep(
        store,
        Tree::Slots,
        |key| key.len() >= 8 && before(&key[..key.len() - 8], horizon.settled),
        |tx, key| tx.forget_planned(Id(trailing_number(key).unwrap_or_default())),
    )?;
    Ok(Forgotten {
        planned,
        deliveries,
        samples,
        numbers,
        jobs,
        entries,
    })
}

fn is_over(tx: &Tx<'_>, delivery: &Delivery, horizon: &Horizon) -> Result<bool, StoreError> {
    let limit = match delivery.state {
        State::Published | State::Cancelled { .. } | State::Missed { .. } => horizon.settled,
        State::Failed { .. } | State::Parked { .. } => horizon.dead_letters,
        State::Waiting
        | State::Attempting { .. }
        | State::Processing
        | State::Unknown { .. }
        | State::Pending => {
            return Ok(false);
        }
    };
    let ended = delivery
        .history
        .last()
        .map_or(delivery.due, |attempt| attempt.ended.max(delivery.due));
    if ended >= limit {
        return Ok(false);
    }
    let Some(post) = tx.post(delivery.post)? else {
        return Ok(true);
    };
    // What is posted again in its time needs the last time.
    if let Origin::Generator { name, key, .. } = &post.origin
        && post.repeat_after.is_some()
        && let Some(draft) = tx.draft(name, key)?
    {
        return Ok(draft.withdrawn || draft.post != post.id);
    }
    Ok(true)
}

/// Goes over a tree, and asks `forget` about every key that is `wanted`; how often it did.
fn sweep(
    store: &Store,
    tree: Tree,
    wanted: impl Fn(&[u8]) -> bool,
    forget: impl Fn(&mut Tx<'_>, &[u8]) -> Result<bool, StoreError> + Clone + Send + 'static,
) -> Result<u64, StoreError> {
    let mut total = 0;
    let mut from: Option<Vec<u8>> = None;
    loop {
        let after = from.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        let chunk = store
            .view()
            .stored_range(tree, after, Bound::Unbounded, BATCH)?;
        let Some((last, _)) = chunk.last() else {
            return Ok(total);
        };
        from = Some(last.clone());
        let keys: Vec<Vec<u8>> = chunk
            .into_iter()
            .map(|(key, _)| key)
            .filter(|key| wanted(key))
            .collect();
        if keys.is_empty() {
            continue;
        }
        let forget = forget.clone();
        total += store.write_blocking(move |tx| {
            let mut count = 0;
            for key in keys {
                count += u64::from(forget(tx, &key)?);
            }
            Ok::<u64, StoreError>(count)
        })?;
    }
}

//! Which delivery is measured when: its place among those of its account, and the account's
//! one job, which is due when the first of them is.

use std::collections::BTreeSet;

use super::ages;
use crate::config::Config;
use crate::model::{Delivery, Digest, Id, NewJob, Priority, TimeSpan, Timestamp, Work};
use crate::store::{Again, DeliveryFilter, PostNumbers, Store, StoreError, Tx};

/// The lane of an account's measuring, apart from its publishing.
pub fn lane(account: &str) -> String {
    format!("measure:{account}")
}

/// Between two calls for the posts of one account.
const PAUSE: TimeSpan = TimeSpan::from_secs(5);

/// A delivery may be out long after it was due.
const LATE: TimeSpan = TimeSpan::from_days(30);

fn work(account: &str) -> Work {
    Work::MeasureAges {
        account: account.to_owned(),
    }
}

/// The first age of an account's posts, as a note: whoever publishes knows no configuration
/// of measuring.
fn first_age_note(account: &str) -> String {
    format!("first-age:{account}")
}

/// A delivery is out: in the batch that says so, it gets its record and its time.
///
/// # Errors
/// The store's.
pub(crate) fn published(
    tx: &mut Tx<'_>,
    delivery: &Delivery,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Some(mut record) = new_record(tx, delivery)? else {
        return Ok(());
    };
    if let Some(age) = tx.note(&first_age_note(&record.account))? {
        let ages = [TimeSpan(age.0)];
        record.next = ages::due(delivery.id, record.published, &ages, None);
    }
    tx.put_post_numbers(&record)?;
    match record.next {
        Some(next) => wake(tx, &record.account, next, now),
        None => Ok(()),
    }
}

/// The record of a delivery that has none yet and is to have one.
pub(super) fn new_record(
    tx: &Tx<'_>,
    delivery: &Delivery,
) -> Result<Option<PostNumbers>, StoreError> {
    let post = tx.post(delivery.post)?;
    let Some(record) = post.and_then(|post| PostNumbers::of(&post, delivery)) else {
        return Ok(None);
    };
    let known = tx.post_numbers(&record.account, record.published, delivery.id)?;
    Ok(known.is_none().then_some(record))
}

/// Sees to it that the account's job is due by then. One that waits after a fault keeps its
/// time.
fn wake(tx: &mut Tx<'_>, account: &str, due: Timestamp, now: Timestamp) -> Result<(), StoreError> {
    let (lane, work) = (lane(account), work(account));
    match tx.waiting_for(&lane, &work)? {
        Some(job) if job.tries == 0 && job.due > due => tx.put_off(job.id, due, Again::Later, now),
        Some(_) => Ok(()),
        None => {
            let job = NewJob {
                lane,
                priority: Priority::Background,
                due,
                work,
            };
            tx.enqueue(job, now).map(|_| ())
        }
    }
}

/// At the end of a run: the job waits for the first that is due next, or is done.
pub(super) fn settle(
    tx: &mut Tx<'_>,
    job: Id,
    account: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    // This run has seen what woke the others.
    while let Some(other) = tx.waiting_for(&lane(account), &work(account))? {
        tx.complete(other.id)?;
    }
    match tx.to_measure(account, Timestamp::MAX, 1)?.first() {
        Some((due, _)) => {
            let due = (*due).max(now.saturating_add(PAUSE));
            tx.put_off(job, due, Again::Fresh, now)
        }
        None => tx.complete(job),
    }
}

/// Deliveries whose times are looked after in one batch.
const BATCH: usize = 200;

/// The ages by which an account's deliveries have their times, as a note; none: they are to be
/// given them anew.
fn ages_note(account: &str) -> String {
    format!("ages:{account}")
}

fn digest(ages: &[TimeSpan]) -> Timestamp {
    let bytes: Vec<u8> = ages.iter().flat_map(|age| age.0.to_be_bytes()).collect();
    let mut short = [0; 8];
    short.copy_from_slice(&Digest::of(&bytes).0[..8]);
    Timestamp(u64::from_be_bytes(short))
}

/// An account can't be measured: nothing waits for it before the next start looks again.
pub(super) fn none(tx: &mut Tx<'_>, account: &str) -> Result<(), StoreError> {
    tx.set_note(&ages_note(account), None);
    tx.measure_none(account)
}

/// Brings the times of what is to be measured in line with the configuration, for all
/// accounts or for those that are named: at a start, and when it has changed. Of what was
/// published before there were records, they are made.
///
/// For an account whose ages have changed it takes as long as reading what was published
/// within the oldest of them: for a blocking thread.
///
/// # Errors
/// The store's.
pub fn resume(
    store: &Store,
    config: &Config,
    only: Option<&BTreeSet<String>>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut same = Vec::new();
    for account in config.accounts.values() {
        if only.is_some_and(|only| !only.contains(&account.name)) {
            continue;
        }
        let known = store.view().note(&ages_note(&account.name))?;
        if known == Some(digest(&account.measure.ages)) {
            same.push(account.name.clone());
        } else {
            place_all(store, &account.name, &account.measure.ages, now)?;
        }
    }
    // One that was not configured for a while has its times, and no job.
    store.write_blocking(move |tx| same.iter().try_for_each(|name| wake_first(tx, name, now)))
}

fn wake_first(tx: &mut Tx<'_>, account: &str, now: Timestamp) -> Result<(), StoreError> {
    match tx.to_measure(account, Timestamp::MAX, 1)?.first() {
        Some((due, _)) => wake(tx, account, *due, now),
        None => Ok(()),
    }
}

fn place_all(
    store: &Store,
    account: &str,
    ages: &[TimeSpan],
    now: Timestamp,
) -> Result<(), StoreError> {
    let first = ages.first().map(|age| Timestamp(age.0));
    let name = account.to_owned();
    store.write_blocking(move |tx| {
        tx.set_note(&ages_note(&name), None);
        tx.set_note(&first_age_note(&name), first);
        Ok::<_, StoreError>(())
    })?;
    // What has a place already may be older than any age is now.
    let placed = store
        .view()
        .to_measure(account, Timestamp::MAX, usize::MAX)?;
    let mut deliveries: BTreeSet<Id> = placed.into_iter().map(|(_, id)| id).collect();
    if let Some(oldest) = ages.last() {
        let filter = DeliveryFilter {
            account: Some(account.to_owned()),
            from: Some(now.saturating_sub(*oldest).saturating_sub(LATE)),
            // What waits has nothing to measure, and may be much.
            to: Some(now),
            ..DeliveryFilter::default()
        };
        let found = store.view().deliveries(&filter, usize::MAX)?;
        deliveries.extend(found.iter().map(|delivery| delivery.id));
    }
    let all: Vec<Id> = deliveries.into_iter().collect();
    for some in all.chunks(BATCH) {
        let (some, ages, name) = (some.to_vec(), ages.to_vec(), account.to_owned());
        store.write_blocking(move |tx| {
            for id in some {
                place(tx, id, &ages)?;
            }
            wake_first(tx, &name, now)
        })?;
    }
    let (name, digest) = (account.to_owned(), digest(ages));
    store.write_blocking(move |tx| {
        tx.set_note(&ages_note(&name), Some(digest));
        Ok::<_, StoreError>(())
    })
}

/// Gives one delivery its time, and its record where it has none.
fn place(tx: &mut Tx<'_>, id: Id, ages: &[TimeSpan]) -> Result<(), StoreError> {
    let Some(delivery) = tx.delivery(id)? else {
        return Ok(());
    };
    let (mut record, is_new) = match new_record(tx, &delivery)? {
        Some(record) => (record, true),
        None => {
            let published = crate::store::published_at(&delivery);
            match tx.post_numbers(&delivery.account, published, id)? {
                Some(record) => (record, false),
                None => return Ok(()),
            }
        }
    };
    let last = record.latest().map(|sample| sample.at);
    let next = match record.gone {
        Some(_) => None,
        None => ages::due(id, record.published, ages, last),
    };
    if is_new || record.next != next {
        record.next = next;
        tx.put_post_numbers(&record)?;
    }
    Ok(())
}

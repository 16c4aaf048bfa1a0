//! What people ask of deliveries: cancel, move, retry, resolve, hold.

use crate::config::Account;
use crate::model::{
    Delivery, Id, Job, NewJob, OnDeadline, Post, Priority, Receipt, State, Terms, Timestamp, Work,
};
use crate::store::{Again, Store, StoreError, Tx, View};

use super::approval;
use super::record;
use super::transition::{self, Event, Rules};
use super::{Promise, lane};

#[derive(Clone, Debug, thiserror::Error)]
pub enum CommandError {
    #[error("there is no delivery {0}; `jarchi queue list` shows them")]
    Missing(Id),
    #[error("delivery {0} is {1}: {2}")]
    Refused(Id, &'static str, &'static str),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How a person settles what nobody could find out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// It is there, at this address.
    Published(String),
    /// It is not there.
    Retry,
}

fn find(tx: &Tx<'_>, id: Id) -> Result<Delivery, CommandError> {
    tx.delivery(id)?.ok_or(CommandError::Missing(id))
}

fn refuse<T>(delivery: &Delivery, why: &'static str) -> Result<T, CommandError> {
    Err(CommandError::Refused(
        delivery.id,
        delivery.state.name(),
        why,
    ))
}

/// The queue's row of a delivery; made anew where it had been completed.
fn job_of(tx: &mut Tx<'_>, delivery: &mut Delivery, now: Timestamp) -> Result<Job, StoreError> {
    if let Some(id) = delivery.job
        && let Some(job) = tx.job(id)?
    {
        return Ok(job);
    }
    let id = tx.enqueue(
        NewJob {
            lane: lane(&delivery.account),
            priority: Priority::Normal,
            due: now,
            work: Work::Publish {
                delivery: delivery.id,
            },
        },
        now,
    )?;
    delivery.job = Some(id);
    tx.job(id)?
        .ok_or_else(|| StoreError::Invalid("a job that was just enqueued is missing".to_owned()))
}

pub(super) fn change(
    tx: &mut Tx<'_>,
    mut delivery: Delivery,
    event: Event,
    now: Timestamp,
) -> Result<Delivery, CommandError> {
    let job = job_of(tx, &mut delivery, now)?;
    // None of these events asks for the promise or the retries.
    let retry = crate::config::Retry {
        attempts: 1,
        first: crate::model::TimeSpan::from_secs(1),
        longest: crate::model::TimeSpan::from_secs(1),
    };
    let rules = Rules {
        now,
        promise: Promise::default(),
        retry: &retry,
        spares: false,
    };
    let follow = transition::next(&mut delivery, &job, event, &rules);
    record::apply(tx, &mut delivery, job.id, &follow, now)?;
    Ok(delivery)
}

/// Cancels a delivery of which nothing has been sent.
pub async fn cancel(
    store: &Store,
    id: Id,
    reason: String,
    now: Timestamp,
) -> Result<Delivery, CommandError> {
    store.write(move |tx| cancel_in(tx, id, reason, now)).await
}

pub(crate) fn cancel_in(
    tx: &mut Tx<'_>,
    id: Id,
    reason: String,
    now: Timestamp,
) -> Result<Delivery, CommandError> {
    let delivery = find(tx, id)?;
    let running = match delivery.job {
        Some(job) => tx.is_leased(job)?,
        None => false,
    };
    match &delivery.state {
        State::Waiting if !running => change(tx, delivery, Event::Cancelled { reason }, now),
        State::Failed { .. } | State::Parked { .. } | State::Pending => {
            change(tx, delivery, Event::Cancelled { reason }, now)
        }
        State::Published => refuse(&delivery, "it can be deleted on the platform only"),
        State::Cancelled { .. } | State::Missed { .. } => {
            refuse(&delivery, "nothing is left to cancel")
        }
        State::Waiting | State::Attempting { .. } | State::Processing | State::Unknown { .. } => {
            refuse(&delivery, "it is being published right now")
        }
    }
}

/// Moves a delivery that waits to another time.
pub async fn move_to(
    store: &Store,
    id: Id,
    due: Timestamp,
    now: Timestamp,
) -> Result<Delivery, CommandError> {
    store.write(move |tx| move_in(tx, id, due, now)).await
}

pub(crate) fn move_in(
    tx: &mut Tx<'_>,
    id: Id,
    due: Timestamp,
    now: Timestamp,
) -> Result<Delivery, CommandError> {
    let mut delivery = find(tx, id)?;
    if delivery.state == State::Pending {
        delivery.due = due;
        tx.put_delivery(&mut delivery)?;
        // Its deadline goes by its due time.
        if let Some(mut post) = tx.post(delivery.post)? {
            approval::arm(tx, &mut post, now)?;
        }
        return Ok(delivery);
    }
    let job = job_of(tx, &mut delivery, now)?;
    if delivery.state != State::Waiting || tx.is_leased(job.id)? {
        return refuse(&delivery, "only one that waits can be moved");
    }
    delivery.due = due;
    tx.reschedule(job.id, due, Again::Fresh)?;
    tx.put_delivery(&mut delivery)?;
    Ok(delivery)
}

/// Tries a delivery again that has failed, was missed or cancelled, or waits after a fault;
/// looks again for one that is parked. None goes out before its due time; that of a settled
/// one becomes now where it is past.
pub async fn retry(store: &Store, id: Id, now: Timestamp) -> Result<Delivery, CommandError> {
    store
        .write(move |tx| {
            let mut delivery = find(tx, id)?;
            let post = tx.post(delivery.post)?;
            match &delivery.state {
                State::Pending => refuse(&delivery, "`jarchi approve` lets its post out"),
                State::Cancelled { .. }
                    if let Some(mut post) = post.filter(|post| !approval::is_let_out(post)) =>
                {
                    again_pending(tx, delivery, &mut post, now)
                }
                State::Failed { .. } | State::Missed { .. } | State::Cancelled { .. } => {
                    delivery.due = delivery.due.max(now);
                    change(tx, delivery, Event::Retried, now)
                }
                // It is looked for once more: its account can be read again, say.
                State::Parked { reason } => {
                    delivery.state = State::Unknown {
                        since: now,
                        reason: reason.clone(),
                    };
                    change(tx, delivery, Event::Retried, now)
                }
                State::Published => refuse(&delivery, "it would go out twice"),
                // After a fault: not after the pause, but now. Before its time: then.
                State::Waiting => move_in(tx, id, delivery.due, now),
                State::Attempting { .. } | State::Processing | State::Unknown { .. } => {
                    refuse(&delivery, "it is being worked on")
                }
            }
        })
        .await
}

/// What nobody has let out is asked about once more.
fn again_pending(
    tx: &mut Tx<'_>,
    mut delivery: Delivery,
    post: &mut Post,
    now: Timestamp,
) -> Result<Delivery, CommandError> {
    delivery.due = delivery.due.max(now);
    delivery.state = State::Pending;
    tx.put_delivery(&mut delivery)?;
    if let Some(terms) = post.review.as_ref().map(|review| review.terms) {
        // Its deadline has passed: now it waits for a person as long as it takes.
        let terms = Terms {
            on_deadline: OnDeadline::Hold,
            ..terms
        };
        approval::propose(tx, post, terms, now)?;
    }
    Ok(delivery)
}

/// Settles a parked delivery by what a person saw.
pub async fn resolve(
    store: &Store,
    id: Id,
    resolution: Resolution,
    now: Timestamp,
) -> Result<Delivery, CommandError> {
    store
        .write(move |tx| {
            let mut delivery = find(tx, id)?;
            if !matches!(delivery.state, State::Parked { .. } | State::Failed { .. }) {
                return refuse(&delivery, "only one that is parked or failed is resolved");
            }
            let event = match resolution {
                Resolution::Published(url) => Event::Settled {
                    receipt: Receipt {
                        id: url.clone(),
                        url: Some(url),
                        published_at: Some(now),
                        parts: Vec::new(),
                        data: None,
                    },
                },
                Resolution::Retry => {
                    delivery.uncertain = None;
                    delivery.due = delivery.due.max(now);
                    Event::Retried
                }
            };
            change(tx, delivery, event, now)
        })
        .await
}

/// What can be held: everything, a brand, an account.
fn hold_name(kind: &str, name: &str) -> String {
    format!("hold:{kind}:{name}")
}

/// Sets or lifts the hold over `scope`: `all`, `brand:NAME` or `account:NAME`.
pub async fn hold(store: &Store, scope: &str, now: Timestamp) -> Result<(), StoreError> {
    let note = format!("hold:{scope}");
    store
        .write(move |tx| {
            tx.set_note(&note, Some(now));
            crate::alarm::wake(tx, now)
        })
        .await
}

/// Lifts the hold, and wakes what is overdue on these accounts.
pub async fn release(
    store: &Store,
    scope: &str,
    accounts: Vec<String>,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let note = format!("hold:{scope}");
    store
        .write(move |tx| {
            tx.set_note(&note, None);
            let mut woken = 0;
            for account in accounts {
                for (due, id) in tx.agenda(&account, Timestamp(0), now)? {
                    let Some(delivery) = tx.delivery(id)? else {
                        continue;
                    };
                    let Some(job) = delivery.job.filter(|_| delivery.state == State::Waiting)
                    else {
                        continue;
                    };
                    if tx.is_leased(job)? || tx.job(job)?.is_none_or(|job| job.due <= now) {
                        continue;
                    }
                    tx.reschedule(job, due, Again::Later)?;
                    woken += 1;
                }
            }
            // Heartbeats are counted from now on.
            crate::alarm::wake(tx, now)?;
            Ok(woken)
        })
        .await
}

/// What holds this account, in words.
pub(crate) fn hold_over(view: View<'_>, account: &Account) -> Result<Option<String>, StoreError> {
    if account.hold {
        return Ok(Some(format!(
            "account `{}` (in the configuration)",
            account.name
        )));
    }
    for (note, words) in [
        ("hold:all".to_owned(), "everything".to_owned()),
        (
            hold_name("brand", &account.brand),
            format!("brand `{}`", account.brand),
        ),
        (
            hold_name("account", &account.name),
            format!("account `{}`", account.name),
        ),
    ] {
        if view.note(&note)?.is_some() {
            return Ok(Some(words));
        }
    }
    Ok(None)
}

/// Since when `scope` is on hold.
pub fn held(view: View<'_>, scope: &str) -> Result<Option<Timestamp>, StoreError> {
    view.note(&format!("hold:{scope}"))
}

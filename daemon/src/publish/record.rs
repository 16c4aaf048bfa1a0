//! What a change of a delivery writes: the delivery, the queue's row, the account's book,
//! and the alarms that it raises or ends.

use crate::alarm::{self, Cause};
use crate::measure;
use crate::model::{
    AttemptOutcome, Delivery, DeliveryKey, Fault, Id, NewJob, Priority, State, Timestamp, Work,
};
use crate::queue;
use crate::store::{Again, PublishedEntry, StoreError, Tx};

use super::transition::Follow;

/// Writes a changed delivery and what follows for its job: one batch.
pub(super) fn apply(
    tx: &mut Tx<'_>,
    delivery: &mut Delivery,
    job: Id,
    follow: &Follow,
    now: Timestamp,
) -> Result<(), StoreError> {
    let before = tx.delivery(delivery.id)?;
    match follow {
        Follow::GoOn => {}
        Follow::Stay => tx.reschedule(job, delivery.due.min(now), Again::Later)?,
        Follow::At(due, why) => tx.put_off(job, *due, why.clone(), now)?,
        Follow::Rest(until, why) => {
            // Those behind it are no less limited than it is.
            tx.put_off(job, delivery.due.min(*until), why.clone(), now)?;
            queue::note_rest(tx, &lane(&delivery.account), now, *until);
        }
        Follow::Done => {
            tx.complete(job)?;
            delivery.job = None;
            if delivery.state == State::Published {
                let entry = PublishedEntry {
                    delivery: delivery.id,
                    fingerprint: delivery.fingerprint,
                };
                tx.note_published(&delivery.account, now, &entry)?;
            }
        }
        Follow::Bury(reason, fault) => tx.bury(job, reason, fault.clone())?,
    }
    tx.put_delivery(delivery)?;
    tell(tx, before.as_ref(), delivery, now)
}

/// The alarm that a delivery keeps up as long as it stands so. A token that is refused is
/// the account's cause, whatever it stopped.
fn cause(delivery: &Delivery) -> Option<Cause> {
    match &delivery.state {
        State::Failed { reason } => {
            let last = delivery.history.last().map(|attempt| &attempt.outcome);
            let refused = matches!(last, Some(AttemptOutcome::Fault(Fault::Unauthorized(_))));
            (!refused).then(|| Cause::failed(delivery, reason))
        }
        State::Parked { .. } => Some(Cause::parked(delivery)),
        _ => None,
    }
}

/// Raises and ends the alarms of a change, in its batch.
fn tell(
    tx: &mut Tx<'_>,
    before: Option<&Delivery>,
    delivery: &Delivery,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (was, is) = (before.and_then(cause), cause(delivery));
    let key = |cause: &Option<Cause>| cause.as_ref().map(|cause| cause.key.clone());
    if key(&was) != key(&is) {
        if let Some(was) = was {
            alarm::less(tx, &was.key, now)?;
        }
        if let Some(is) = is {
            alarm::more(tx, &is, now)?;
        }
    }
    let arrived = |state: fn(&State) -> bool| {
        state(&delivery.state) && !before.is_some_and(|before| state(&before.state))
    };
    if arrived(|state| matches!(state, State::Missed { .. }))
        && let State::Missed { reason } = &delivery.state
    {
        alarm::raise(tx, &Cause::missed(delivery, reason), now)?;
    }
    let left = before.is_some_and(|before| before.state == State::Pending)
        && delivery.state != State::Pending;
    if left && !super::approval::still_pending(tx, delivery.post)? {
        alarm::clear(tx, &Cause::unapproved_key(delivery.post), now)?;
    }
    if arrived(|state| *state == State::Published) {
        let account = &delivery.account;
        let post = tx.post(delivery.post)?;
        if !post.is_some_and(|post| post.origin.is_message()) {
            tx.set_note(&posted_note(account), Some(now));
            alarm::clear(tx, &Cause::quiet_key(account), now)?;
        }
        alarm::clear(tx, &Cause::missed_key(account), now)?;
        measure::published(tx, delivery, now)?;
    }
    Ok(())
}

/// When the brand posted on an account last.
pub(crate) fn posted_note(account: &str) -> String {
    format!("posted:{account}")
}

/// The lane of an account: its deliveries go out one after the other.
pub fn lane(account: &str) -> String {
    format!("account:{account}")
}

/// A delivery that is to be made.
#[derive(Clone, Copy, Debug)]
pub struct NewDelivery<'a> {
    pub post: Id,
    pub account: &'a str,
    pub due: Timestamp,
    pub round: u32,
    /// A person has to let it out: it gets no job.
    pub pending: bool,
}

/// A new delivery and its job, in the batch that accepts the post.
///
/// # Errors
/// The store's.
pub fn new_delivery(
    tx: &mut Tx<'_>,
    new: NewDelivery<'_>,
    random: [u8; 16],
    now: Timestamp,
) -> Result<Id, StoreError> {
    let mut delivery = Delivery {
        id: Id(0),
        post: new.post,
        account: new.account.to_owned(),
        key: DeliveryKey::from_random(random),
        created_at: now,
        due: new.due,
        state: match new.pending {
            true => State::Pending,
            false => State::Waiting,
        },
        progress: None,
        receipt: None,
        job: None,
        fingerprint: None,
        first_attempt: None,
        faults: 0,
        history: Vec::new(),
        round: new.round,
        uncertain: None,
        variant: None,
    };
    let id = tx.put_delivery(&mut delivery)?;
    if new.pending {
        return Ok(id);
    }
    delivery.job = Some(tx.enqueue(
        NewJob {
            lane: lane(new.account),
            priority: Priority::Normal,
            due: new.due,
            work: Work::Publish { delivery: id },
        },
        now,
    )?);
    tx.put_delivery(&mut delivery)
}

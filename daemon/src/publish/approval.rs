//! Posts that a person lets out: their deliveries are pending, and nothing in the queue works
//! on them, before somebody has answered or the deadline has passed.

use crate::alarm::{self, Cause};
use crate::model::{
    Decision, Delivery, Id, NewJob, OnDeadline, Post, Priority, Review, State, Terms, TimeSpan,
    Timestamp, Work,
};
use crate::queue::Disposition;
use crate::store::{Again, Store, StoreError, Tx, View};

use super::command::{self, CommandError};
use super::transition::Event;

/// The lane of the jobs that look after deadlines.
const LANE: &str = "approval";

#[derive(Clone, Debug, thiserror::Error)]
pub enum ReviewError {
    #[error("there is no post {0}; `jarchi approval list` shows those that wait")]
    Missing(Id),
    #[error("post {0} waits for nobody: {1}")]
    Decided(Id, String),
    #[error("{0}")]
    Refused(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<CommandError> for ReviewError {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::Store(error) => error.into(),
            error => ReviewError::Refused(error.to_string()),
        }
    }
}

/// The deliveries of a post that wait for a person.
fn pending(tx: &Tx<'_>, post: &Post) -> Result<Vec<Delivery>, StoreError> {
    let mut pending = Vec::new();
    for id in &post.deliveries {
        pending.extend(tx.delivery(*id)?.filter(|one| one.state == State::Pending));
    }
    Ok(pending)
}

/// Whether a post waits for a person.
///
/// # Errors
/// The store's.
pub fn is_pending(view: View<'_>, post: &Post) -> Result<bool, StoreError> {
    for id in &post.deliveries {
        let delivery = view.delivery(*id)?;
        if delivery.is_some_and(|one| one.state == State::Pending) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a post of this number waits for a person.
pub(super) fn still_pending(tx: &Tx<'_>, post: Id) -> Result<bool, StoreError> {
    Ok(match tx.post(post)? {
        Some(post) => !pending(tx, &post)?.is_empty(),
        None => false,
    })
}

/// Asks for a post that is being written, or was given other words. Its deliveries are
/// pending already, or become so.
///
/// # Errors
/// The store's; [`CommandError::Refused`] where a delivery is being published.
pub(crate) fn propose(
    tx: &mut Tx<'_>,
    post: &mut Post,
    terms: Terms,
    now: Timestamp,
) -> Result<(), CommandError> {
    for id in &post.deliveries {
        let Some(delivery) = tx.delivery(*id)? else {
            continue;
        };
        if delivery.state == State::Waiting {
            command::change(tx, delivery, Event::Proposed, now)?;
        }
    }
    let before = post.review.take().and_then(|review| review.job);
    post.review = Some(Review {
        job: before,
        ..Review::new(terms, now)
    });
    arm(tx, post, now)?;
    consult(tx, now)?;
    Ok(())
}

/// Has drafts that nobody has got yet brought to somebody, now.
///
/// # Errors
/// The store's.
pub(crate) fn consult(tx: &mut Tx<'_>, now: Timestamp) -> Result<(), StoreError> {
    const LANE: &str = "consult:";
    match tx.waiting_for(LANE, &Work::Consult)? {
        Some(job) if job.due <= now => Ok(()),
        Some(job) => tx.reschedule(job.id, now, Again::Later),
        // One that is under way may have looked already.
        None => tx
            .enqueue(
                NewJob {
                    lane: LANE.to_owned(),
                    priority: Priority::Normal,
                    due: now,
                    work: Work::Consult,
                },
                now,
            )
            .map(|_| ()),
    }
}

/// Has the post looked after when somebody is to be reminded, and at its deadline. Its times
/// may have changed.
///
/// # Errors
/// The store's.
pub(super) fn arm(tx: &mut Tx<'_>, post: &mut Post, now: Timestamp) -> Result<(), StoreError> {
    let first = pending(tx, post)?.iter().map(|one| one.due).min();
    let Some(review) = &mut post.review else {
        return Ok(());
    };
    if let Some(job) = review.job.take() {
        // One that is under way looks again, or finds that it is not wanted.
        if !tx.is_leased(job)? {
            tx.complete(job)?;
        }
    }
    if let Some(due) = first {
        let (remind, _) = moments(review, due);
        review.job = Some(tx.enqueue(
            NewJob {
                lane: LANE.to_owned(),
                priority: Priority::Urgent,
                due: remind.max(now),
                work: Work::Deadline { post: post.id },
            },
            now,
        )?);
    }
    tx.put_post(post.clone())?;
    Ok(())
}

/// When somebody is reminded, and when it is too late to answer.
fn moments(review: &Review, due: Timestamp) -> (Timestamp, Timestamp) {
    let deadline = review.deadline(due);
    let remind = match review.terms.required {
        true => review.terms.remind,
        false => TimeSpan::ZERO,
    };
    (deadline.saturating_sub(remind), deadline)
}

/// Lets a post out, or not. One that is let out after its time goes out now.
///
/// # Errors
/// There is none of this number; it does not wait for a person.
pub fn decide(
    tx: &mut Tx<'_>,
    id: Id,
    decision: Decision,
    by: &str,
    now: Timestamp,
) -> Result<Post, ReviewError> {
    let Some(post) = tx.post(id)? else {
        return Err(ReviewError::Missing(id));
    };
    if pending(tx, &post)?.is_empty() {
        return Err(ReviewError::Decided(id, standing(tx, &post)?));
    }
    settle(tx, post, decision, Some(by), now)
}

/// Why nobody is asked about a post.
fn standing(tx: &Tx<'_>, post: &Post) -> Result<String, StoreError> {
    if let Some(review) = &post.review
        && let Some(decision) = &review.decision
    {
        let at = review.decided_at.unwrap_or(review.proposed_at);
        let by = review.by.as_ref();
        let by = by.map(|by| format!(" by {by}")).unwrap_or_default();
        return Ok(match decision {
            Decision::Rejected { because: Some(why) } => {
                format!("it was rejected at {at}{by}: {why}")
            }
            Decision::Lapsed => format!("nobody had answered by its deadline, {at}"),
            decision => format!("it was {} at {at}{by}", decision.name()),
        });
    }
    for id in &post.deliveries {
        if let Some(delivery) = tx.delivery(*id)? {
            let (id, state) = (delivery.id, delivery.state.name());
            return Ok(format!("its delivery {id} is {state}"));
        }
    }
    Ok("it has no deliveries".to_owned())
}

fn settle(
    tx: &mut Tx<'_>,
    mut post: Post,
    decision: Decision,
    by: Option<&str>,
    now: Timestamp,
) -> Result<Post, ReviewError> {
    let publishes = match &decision {
        Decision::Approved => true,
        Decision::Rejected { .. } => false,
        Decision::Lapsed => post
            .review
            .as_ref()
            .is_some_and(|review| review.terms.on_deadline == OnDeadline::Publish),
    };
    for delivery in pending(tx, &post)? {
        let event = match &decision {
            _ if publishes => Event::Approved,
            Decision::Rejected { because: Some(why) } => Event::Cancelled {
                reason: format!("rejected: {why}"),
            },
            Decision::Rejected { because: None } => Event::Cancelled {
                reason: "rejected".to_owned(),
            },
            Decision::Approved | Decision::Lapsed => Event::Cancelled {
                reason: "nobody approved it before its deadline".to_owned(),
            },
        };
        command::change(tx, delivery, event, now)?;
    }
    if let Some(review) = &mut post.review {
        review.decision = Some(decision);
        review.decided_at = Some(now);
        review.by = by.map(str::to_owned);
        if let Some(job) = review.job.take()
            && !tx.is_leased(job)?
        {
            tx.complete(job)?;
        }
    }
    tx.put_post(post.clone())?;
    Ok(post)
}

/// Whether a delivery may go out, as far as a person has a say.
pub(super) fn is_let_out(post: &Post) -> bool {
    post.review.as_ref().is_none_or(|review| {
        let lapsed = review.terms.on_deadline == OnDeadline::Publish;
        match &review.decision {
            Some(Decision::Approved) => true,
            Some(Decision::Lapsed) => lapsed,
            Some(Decision::Rejected { .. }) | None => false,
        }
    })
}

/// Runs the job that looks after a post's deadline.
///
/// # Errors
/// The store's.
pub async fn see_to_deadline(
    store: &Store,
    id: Id,
    job: Id,
    now: Timestamp,
) -> Result<Disposition, StoreError> {
    store
        .write(move |tx| {
            let Some(post) = tx.post(id)? else {
                return Ok(Disposition::Done);
            };
            let waiting = pending(tx, &post)?;
            let due = waiting.iter().map(|one| one.due).min();
            let (Some(due), Some(review)) = (due, &post.review) else {
                return Ok(Disposition::Done);
            };
            if review.job != Some(job) {
                return Ok(Disposition::Done);
            }
            let (remind, deadline) = moments(review, due);
            if now < remind {
                return Ok(Disposition::Later(remind));
            }
            let over = now >= deadline;
            let waits_on = review.terms.on_deadline == OnDeadline::Hold;
            if review.terms.required || (over && waits_on) {
                let accounts: Vec<&str> = waiting.iter().map(|one| one.account.as_str()).collect();
                let cause = Cause::unapproved(id, &accounts.join(", "), deadline);
                if tx
                    .alarm(&cause.key)?
                    .is_none_or(|alarm| alarm.cleared.is_some())
                {
                    alarm::raise(tx, &cause, now)?;
                }
            }
            if !over {
                return Ok(Disposition::Later(deadline));
            }
            if !waits_on {
                let outcome = settle(tx, post, Decision::Lapsed, None, now);
                return match outcome {
                    Ok(_) => Ok(Disposition::Done),
                    Err(ReviewError::Store(error)) => Err(error),
                    Err(error) => Err(StoreError::Invalid(error.to_string())),
                };
            }
            let mut post = post;
            if let Some(review) = &mut post.review {
                review.job = None;
            }
            tx.put_post(post)?;
            Ok(Disposition::Done)
        })
        .await
}

//! Every change of a delivery's state, and what it means for the queue.
//!
//! ```text
//!              Begin                 Published
//!   waiting ----------> attempting -----------------------> published
//!      ^  ^               |  |  |  Progressed
//!      |  |  transient    |  |  +------------> processing --Begin--> attempting
//!      |  +---------------+  |                   ^
//!      |                     | no answer, crash  | Partial
//!      |      Absent         v                   |
//!      +------------------ unknown --------------+-- Found --> published
//!                            |
//!                            +-- can be neither looked up nor repeated --> parked
//!
//!   waiting, processing --Doubted, after a restore--> unknown
//!   waiting --Miss--> missed    waiting --Cancel--> cancelled
//!   attempting, waiting --invalid, unauthorised, tries used up--> failed
//!   parked, failed, missed, cancelled --Retry--> waiting, processing or unknown
//!
//!   pending --Approved--> waiting    waiting --Proposed--> pending --Cancel--> cancelled
//! ```

use crate::config::Retry;
use crate::model::{
    Attempt, AttemptOutcome, Delivery, Digest, Fault, Job, JobFault, Progress, Receipt, State,
    TimeSpan, Timestamp,
};
use crate::queue::{Next, after_fault, backoff};
use crate::store::Again;

use super::Promise;

/// Attempts that a delivery remembers.
const HISTORY: usize = 20;

/// How long a server may still be at a request that nobody waits for any more.
const STILL_AT_IT: TimeSpan = TimeSpan::from_secs(3);

/// What happened to a delivery.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A step that can publish something begins now.
    Begin {
        fingerprint: Digest,
    },
    Published {
        call: &'static str,
        receipt: Receipt,
    },
    Progressed {
        call: &'static str,
        progress: Progress,
        after: TimeSpan,
    },
    /// A step ended in a fault; `sent`: something had left.
    Faulted {
        call: &'static str,
        fault: Fault,
        sent: bool,
    },
    /// The daemon stopped in the middle of a step.
    Interrupted,
    /// Looked up: it is not there.
    Absent,
    /// Looked up in vain, or not to be looked up.
    CannotTell {
        reason: String,
    },
    /// The look-up itself failed.
    LookFailed {
        fault: Fault,
    },
    /// The store was restored from a backup of `of`: until `at`, another may have
    /// published it.
    Doubted {
        of: Timestamp,
        at: Timestamp,
        fingerprint: Digest,
    },
    /// Neither it nor another of its account before then: a rail.
    Spaced {
        until: Timestamp,
    },
    /// Not before then: a rail, a hold, a plugin that is not there.
    Postponed {
        until: Timestamp,
    },
    /// A breaker is open until then.
    Paused {
        until: Timestamp,
    },
    /// A rail forbids it for good.
    Refused {
        reason: String,
    },
    Missed {
        reason: String,
    },
    Cancelled {
        reason: String,
    },
    /// A person has to let it out first.
    Proposed,
    /// It may go out.
    Approved,
    /// A person wants it tried again.
    Retried,
    /// A person says that it is there.
    Settled {
        receipt: Receipt,
    },
}

/// What follows for the queue's row.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Follow {
    /// The worker goes on at once; the row stays leased.
    GoOn,
    At(Timestamp, Again),
    /// The account's lane rests until then, and the delivery keeps its place in it.
    Rest(Timestamp, Again),
    /// As it is: its lane rests, and it keeps its place in it.
    Stay,
    Done,
    Bury(String, Option<JobFault>),
}

/// What the decisions are made with.
pub(super) struct Rules<'a> {
    pub(super) now: Timestamp,
    pub(super) promise: Promise,
    pub(super) retry: &'a Retry,
    /// A breaker is open: a passing fault is no try.
    pub(super) spares: bool,
}

/// The one function that changes a state. Pure; `record` writes the result.
pub(super) fn next(delivery: &mut Delivery, job: &Job, event: Event, rules: &Rules<'_>) -> Follow {
    let now = rules.now;
    match event {
        Event::Begin { fingerprint } => {
            delivery.fingerprint = Some(fingerprint);
            delivery.first_attempt.get_or_insert(now);
            delivery.state = State::Attempting { since: now };
            Follow::GoOn
        }
        Event::Published { call, receipt } => {
            let outcome = match call {
                "find-published" => AttemptOutcome::Found,
                _ => AttemptOutcome::Published,
            };
            remember(delivery, now, call, outcome);
            publish(delivery, receipt)
        }
        Event::Settled { receipt } => publish(delivery, receipt),
        Event::Progressed {
            call,
            progress,
            after,
        } => {
            remember(
                delivery,
                now,
                call,
                AttemptOutcome::Progressed(progress.note.clone()),
            );
            delivery.faults = 0;
            delivery.uncertain = None;
            delivery.progress = Some(progress);
            delivery.state = State::Processing;
            if after == TimeSpan::ZERO {
                Follow::GoOn
            } else {
                Follow::At(now.saturating_add(after), Again::Fresh)
            }
        }
        Event::Faulted { call, fault, sent } => {
            remember(delivery, now, call, AttemptOutcome::Fault(fault.clone()));
            faulted(delivery, job, fault, sent, rules)
        }
        Event::Interrupted => {
            remember(delivery, now, "publish", AttemptOutcome::Interrupted);
            unknown(delivery, now, "the daemon stopped in the middle of it");
            Follow::GoOn
        }
        Event::Absent => {
            remember(delivery, now, "find-published", AttemptOutcome::Absent);
            let sure = match delivery.state {
                State::Unknown { since, .. } => {
                    since.saturating_add(rules.promise.visible_after.max(STILL_AT_IT))
                }
                _ => now,
            };
            if now < sure {
                // The platform shows new posts late: looked at once more.
                return Follow::At(sure, Again::Later);
            }
            delivery.uncertain = None;
            if delivery.faults >= rules.retry.attempts {
                let reason = format!(
                    "it is not on the platform, which gave no answer {} times",
                    delivery.faults
                );
                delivery.state = State::Failed {
                    reason: reason.clone(),
                };
                return Follow::Bury(reason, None);
            }
            delivery.state = rest_state(delivery);
            Follow::GoOn
        }
        Event::CannotTell { reason } => {
            remember(
                delivery,
                now,
                "find-published",
                AttemptOutcome::CannotTell(reason.clone()),
            );
            let first = delivery.first_attempt.unwrap_or(now);
            let first = *delivery.uncertain.get_or_insert(first);
            // A tenth is left for the way there, and for another idea of time.
            let repeatable = rules
                .promise
                .idempotent_for
                .is_some_and(|span| now < first.saturating_add(TimeSpan(span.0 / 10 * 9)));
            if repeatable {
                delivery.state = rest_state(delivery);
                return Follow::GoOn;
            }
            park(delivery, &format!("that can't be found out ({reason})"))
        }
        Event::LookFailed { fault } => {
            remember(
                delivery,
                now,
                "find-published",
                AttemptOutcome::Fault(fault.clone()),
            );
            look_failed(delivery, job, fault, rules)
        }
        Event::Doubted {
            of,
            at,
            fingerprint,
        } => {
            delivery.fingerprint.get_or_insert(fingerprint);
            delivery.first_attempt.get_or_insert(of);
            delivery.uncertain.get_or_insert(of);
            delivery.state = State::Unknown {
                since: at,
                reason: format!(
                    "the store was restored from a backup of {of}; it may have been published \
                     between then and {at}"
                ),
            };
            Follow::GoOn
        }
        Event::Spaced { until } | Event::Postponed { until } => {
            if delivery.uncertain.is_some() {
                // By then the key may be forgotten: it is judged anew.
                unknown(delivery, now, "its repeat had to wait");
            }
            match event {
                Event::Spaced { .. } => Follow::Rest(until, Again::Later),
                _ => Follow::At(until, Again::Later),
            }
        }
        Event::Paused { .. } => {
            if delivery.uncertain.is_some() {
                unknown(delivery, now, "its repeat had to wait");
            }
            Follow::Stay
        }
        Event::Refused { reason } | Event::Missed { reason } if delivery.uncertain.is_some() => {
            park(delivery, &format!("it can't be repeated: {reason}"))
        }
        Event::Refused { reason } => {
            delivery.state = State::Failed {
                reason: reason.clone(),
            };
            Follow::Bury(reason, None)
        }
        Event::Missed { reason } => {
            delivery.state = State::Missed { reason };
            Follow::Done
        }
        Event::Cancelled { reason } => {
            delivery.state = State::Cancelled { reason };
            Follow::Done
        }
        Event::Proposed => {
            delivery.state = State::Pending;
            Follow::Done
        }
        Event::Approved => {
            // What was due before somebody said yes is due now, and not too late.
            delivery.due = delivery.due.max(now);
            delivery.state = State::Waiting;
            Follow::At(delivery.due, Again::Fresh)
        }
        Event::Retried => {
            delivery.faults = 0;
            delivery.state = match &delivery.state {
                // Nobody has looked whether it is there: that comes first.
                State::Unknown { since, reason } => State::Unknown {
                    since: *since,
                    reason: reason.clone(),
                },
                _ => rest_state(delivery),
            };
            // One that was cancelled before its time still has it.
            Follow::At(now.max(delivery.due), Again::Fresh)
        }
    }
}

fn publish(delivery: &mut Delivery, receipt: Receipt) -> Follow {
    delivery.receipt = Some(receipt);
    delivery.progress = None;
    delivery.faults = 0;
    delivery.uncertain = None;
    delivery.state = State::Published;
    Follow::Done
}

/// For a person, who is told what to do.
fn park(delivery: &mut Delivery, why: &str) -> Follow {
    let id = delivery.id;
    let reason = format!(
        "it may have been published, and {why}: look at the account, then `jarchi queue resolve \
         {id} --published URL` or `jarchi queue resolve {id} --retry`"
    );
    delivery.state = State::Parked {
        reason: reason.clone(),
    };
    Follow::Bury(reason, None)
}

/// Where a delivery stands between two steps.
fn rest_state(delivery: &Delivery) -> State {
    if delivery.progress.is_some() {
        State::Processing
    } else {
        State::Waiting
    }
}

/// Nobody knows any more whether the step is out.
fn unknown(delivery: &mut Delivery, now: Timestamp, reason: &str) {
    if let State::Attempting { since } = delivery.state {
        delivery.uncertain.get_or_insert(since);
    }
    // From now on, and not from its beginning: a server takes its time.
    delivery.state = State::Unknown {
        since: now,
        reason: reason.to_owned(),
    };
}

/// This try did not go through; one before it may have.
fn not_through(delivery: &mut Delivery, now: Timestamp, fault: &Fault) {
    if delivery.uncertain.is_some() {
        unknown(delivery, now, &fault.to_string());
    } else {
        delivery.state = rest_state(delivery);
    }
}

fn faulted(
    delivery: &mut Delivery,
    job: &Job,
    fault: Fault,
    sent: bool,
    rules: &Rules<'_>,
) -> Follow {
    let now = rules.now;
    if !rules.spares {
        delivery.faults += 1;
    }
    let lost = match &fault {
        Fault::UnknownOutcome(_) => true,
        // A call that broke off by itself, by a trap or a limit, after it had sent.
        Fault::Transient(_) => sent,
        _ => false,
    };
    if lost {
        unknown(delivery, now, &fault.to_string());
        let pause = backoff(job.id.0, delivery.faults, rules.retry);
        return Follow::At(now.saturating_add(pause), again(fault, rules));
    }
    if rules.spares && matches!(fault, Fault::Transient(_) | Fault::Unauthorized(_)) {
        // The probe of a breaker: it is not this post.
        not_through(delivery, now, &fault);
        return Follow::Stay;
    }
    let limited = matches!(fault, Fault::RateLimited(_));
    let entry = JobFault {
        at: now,
        fault: fault.clone(),
    };
    match after_fault(job, &fault, now, rules.retry) {
        Next::Again(at) => {
            not_through(delivery, now, &fault);
            if limited {
                Follow::Rest(at, Again::Fault(entry))
            } else {
                Follow::At(at, Again::Fault(entry))
            }
        }
        Next::Bury(reason) if delivery.uncertain.is_some() => {
            park(delivery, &format!("its repeat failed ({reason})"))
        }
        Next::Bury(reason) => {
            let visible = delivery
                .progress
                .as_ref()
                .filter(|progress| progress.visible);
            let mut reason = match visible {
                Some(progress) => format!("{reason} (already visible: {})", progress.note),
                None => reason,
            };
            if let Fault::Unauthorized(_) = fault {
                let Delivery { id, account, .. } = &*delivery;
                reason = format!(
                    "{reason}; set the `secrets` of account `{account}` right, then \
                     `jarchi queue retry {id}`"
                );
            }
            delivery.state = State::Failed {
                reason: reason.clone(),
            };
            Follow::Bury(reason, Some(entry))
        }
    }
}

/// A fault behind an open breaker is no try.
fn again(fault: Fault, rules: &Rules<'_>) -> Again {
    if rules.spares {
        return Again::Later;
    }
    Again::Fault(JobFault {
        at: rules.now,
        fault,
    })
}

/// A look-up is only reading: it is tried for as long as a passing fault lasts, waits where
/// a token is refused, and what can't be read for good is for a person.
fn look_failed(delivery: &mut Delivery, job: &Job, fault: Fault, rules: &Rules<'_>) -> Follow {
    let now = rules.now;
    match &fault {
        // The account's breaker holds it until somebody has seen to the token.
        Fault::Unauthorized(_) => Follow::Stay,
        Fault::RateLimited(_) | Fault::Transient(_) | Fault::UnknownOutcome(_) => {
            let at = match &fault {
                Fault::RateLimited(Some(span)) => now.saturating_add(*span),
                _ => now.saturating_add(backoff(job.id.0, job.tries + 1, rules.retry)),
            };
            Follow::At(at, again(fault, rules))
        }
        Fault::Invalid(_) | Fault::Unsupported(_) => {
            let id = delivery.id;
            let why =
                format!("looking it up fails ({fault}; `jarchi queue retry {id}` looks again)");
            park(delivery, &why)
        }
    }
}

fn remember(delivery: &mut Delivery, now: Timestamp, call: &str, outcome: AttemptOutcome) {
    let began = match delivery.state {
        State::Attempting { since } => since,
        _ => now,
    };
    delivery.history.push(Attempt {
        began,
        ended: now,
        call: call.to_owned(),
        outcome,
    });
    let extra = delivery.history.len().saturating_sub(HISTORY);
    delivery.history.drain(..extra);
}

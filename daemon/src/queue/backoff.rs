//! When a job is tried again.

use crate::config::Retry;
use crate::model::{Digest, Fault, Job, TimeSpan, Timestamp};

/// What follows a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    Again(Timestamp),
    /// A dead letter: trying again would not help, or has not helped often enough.
    Bury(String),
}

/// The rules: a platform's `Retry-After` is obeyed and is no failed try; what will never
/// be taken is not sent again; the rest is tried as often as configured, with pauses that
/// grow.
pub fn after_fault(job: &Job, fault: &Fault, now: Timestamp, retry: &Retry) -> Next {
    let tries = job.tries + 1;
    match fault {
        Fault::RateLimited(Some(span)) => Next::Again(now.saturating_add(*span)),
        Fault::RateLimited(None) => {
            Next::Again(now.saturating_add(backoff(job.id.0, tries.min(8), retry)))
        }
        Fault::Unauthorized(_) | Fault::Invalid(_) | Fault::Unsupported(_) => {
            Next::Bury(fault.to_string())
        }
        Fault::Transient(_) | Fault::UnknownOutcome(_) if tries >= retry.attempts => {
            Next::Bury(format!("{fault} (given up after {tries} tries)"))
        }
        Fault::Transient(_) | Fault::UnknownOutcome(_) => {
            Next::Again(now.saturating_add(backoff(job.id.0, tries, retry)))
        }
    }
}

/// The pause after the `tries`-th try: doubled each time up to the longest, of which a
/// part between a half and all is taken, by a throw that is the same for the same job and
/// try. So jobs that failed together do not come back together.
pub fn backoff(seed: u64, tries: u32, retry: &Retry) -> TimeSpan {
    let doublings = tries.saturating_sub(1).min(32);
    let full = retry
        .first
        .0
        .saturating_mul(1 << doublings)
        .min(retry.longest.0);
    let mut throw = [0; 12];
    throw[..8].copy_from_slice(&seed.to_be_bytes());
    throw[8..].copy_from_slice(&tries.to_be_bytes());
    let throw = u64::from(Digest::of(&throw).0[0]);
    TimeSpan(full / 2 + full / 2 * throw / 255)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Id, Priority, Work};

    const RETRY: Retry = Retry {
        attempts: 4,
        first: TimeSpan::from_secs(30),
        longest: TimeSpan::from_mins(5),
    };

    fn job(tries: u32) -> Job {
        Job {
            id: Id(7),
            lane: "account:shop".to_owned(),
            priority: Priority::Normal,
            due: Timestamp(0),
            created_at: Timestamp(0),
            work: Work::Publish { delivery: Id(1) },
            tries,
            faults: Vec::new(),
            dead: None,
            put_off: None,
        }
    }

    #[test]
    fn pauses_grow_to_the_longest_and_never_fall_below_a_half() {
        for tries in 1..100 {
            let full = (30_000u64 << (tries - 1).min(20)).min(300_000);
            let pause = backoff(7, tries, &RETRY).0;
            assert!((full / 2..=full).contains(&pause), "{tries}: {pause}");
        }
        assert_ne!(backoff(1, 1, &RETRY), backoff(2, 1, &RETRY));
    }

    #[test]
    fn each_fault_has_its_consequence() {
        let now = Timestamp(1_000_000);
        let span = TimeSpan::from_secs(289);
        let cases = [
            (
                Fault::RateLimited(Some(span)),
                3,
                Some(now.saturating_add(span)),
            ),
            (Fault::Unauthorized("revoked".into()), 0, None),
            (Fault::Invalid("too long".into()), 0, None),
            (Fault::Unsupported("polls".into()), 0, None),
            (Fault::Transient("503".into()), 3, None),
        ];
        for (fault, tries, again) in cases {
            match (after_fault(&job(tries), &fault, now, &RETRY), again) {
                (Next::Again(at), Some(expected)) => assert_eq!(at, expected, "{fault}"),
                (Next::Bury(_), None) => {}
                (next, _) => panic!("{fault}: {next:?}"),
            }
        }
        assert!(matches!(
            after_fault(&job(0), &Fault::Transient("503".into()), now, &RETRY),
            Next::Again(at) if at > now
        ));
    }
}

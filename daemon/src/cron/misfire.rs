//! What fires after the daemon could not fire for a while.

use std::collections::VecDeque;

use chrono_tz::Tz;

use super::Cron;
use crate::config::Misfire;
use crate::model::{TimeSpan, Timestamp};

/// A fire this late is still on time: nothing was missed.
pub const GRACE: TimeSpan = TimeSpan::from_secs(60);

/// How many passed fire times are counted one by one.
const COUNTED: u64 = 10_000;

/// What is to be run now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fires {
    /// In order.
    pub run: Vec<Timestamp>,
    /// Fire times that passed and are not run. Counted up to about ten thousand; of more,
    /// a year of every second, say, it is not known how many.
    pub skipped: u64,
}

/// The fire times after `last` and up to `now` that `policy` lets run, at most the latest
/// `cap`.
///
/// `last` is the latest fire time that was dealt with, so that a clock that was put back
/// fires nothing twice. What is older than [`GRACE`] was missed. With
/// [`Misfire::RunOnce`], all that was missed is one run: at the latest missed time, or,
/// when something is on time as well, that.
pub fn due_fires(
    cron: &Cron,
    zone: Tz,
    last: Timestamp,
    now: Timestamp,
    policy: Misfire,
    cap: usize,
) -> Fires {
    let (passed, total) = latest(cron, zone, last, now, cap.max(1));
    let on_time = |fire: &Timestamp| now.since(*fire) <= GRACE;
    let run: Vec<Timestamp> = match policy {
        Misfire::RunAll => passed.into(),
        Misfire::Skip => passed.into_iter().filter(on_time).collect(),
        Misfire::RunOnce => match passed.iter().position(on_time) {
            Some(first) => passed.into_iter().skip(first).collect(),
            None => passed.back().copied().into_iter().collect(),
        },
    };
    let skipped = total.saturating_sub(run.len() as u64);
    Fires { run, skipped }
}

/// The latest `keep` fire times in `(last, now]`, and how many there are in all.
fn latest(
    cron: &Cron,
    zone: Tz,
    last: Timestamp,
    now: Timestamp,
    keep: usize,
) -> (VecDeque<Timestamp>, u64) {
    let (kept, total) = walk(cron, zone, last, now, keep, COUNTED);
    if total < COUNTED {
        return (kept, total);
    }
    // Too many to walk over: look at the end only, at twice as much until it is enough.
    let mut span = GRACE;
    loop {
        let from = now.saturating_sub(span).max(last);
        let (kept, found) = walk(cron, zone, from, now, keep, u64::MAX);
        if kept.len() == keep || from == last {
            return (kept, total.max(found));
        }
        span = TimeSpan(span.0.saturating_mul(2));
    }
}

fn walk(
    cron: &Cron,
    zone: Tz,
    last: Timestamp,
    now: Timestamp,
    keep: usize,
    limit: u64,
) -> (VecDeque<Timestamp>, u64) {
    let mut kept = VecDeque::with_capacity(keep.min(1024));
    let mut total = 0;
    let mut at = last;
    while total < limit
        && let Some(fire) = cron.next_after(at, zone)
        && fire <= now
    {
        if kept.len() == keep {
            kept.pop_front();
        }
        kept.push_back(fire);
        total += 1;
        at = fire;
    }
    (kept, total)
}

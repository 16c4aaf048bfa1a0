//! Moments at which an account may post.

use std::collections::BTreeSet;

use chrono_tz::Tz;

use super::Cron;
use crate::model::{TimeSpan, Timestamp};

/// More slots than this are not listed: nobody posts every second of a year.
const MOST: usize = 10_000;

/// The slots from `from` on and before `to`, in order, each once; the first 10,000.
pub fn slots_between(slots: &[Cron], zone: Tz, from: Timestamp, to: Timestamp) -> Vec<Timestamp> {
    let before = from.saturating_sub(TimeSpan(1));
    Slots::new(slots, zone, before)
        .take_while(|slot| *slot < to)
        .take(MOST)
        .collect()
}

/// The first slot after `after` that is not taken; none when the slots have come to an
/// end.
pub fn next_free_slot(
    slots: &[Cron],
    zone: Tz,
    after: Timestamp,
    taken: &BTreeSet<Timestamp>,
) -> Option<Timestamp> {
    Slots::new(slots, zone, after).find(|slot| !taken.contains(slot))
}

/// The slots of several expressions as one series.
struct Slots<'a> {
    zone: Tz,
    next: Vec<(&'a Cron, Option<Timestamp>)>,
}

impl<'a> Slots<'a> {
    fn new(slots: &'a [Cron], zone: Tz, after: Timestamp) -> Self {
        let next = slots
            .iter()
            .map(|cron| (cron, cron.next_after(after, zone)))
            .collect();
        Slots { zone, next }
    }
}

impl Iterator for Slots<'_> {
    type Item = Timestamp;

    fn next(&mut self) -> Option<Timestamp> {
        let slot = self.next.iter().filter_map(|(_, next)| *next).min()?;
        for (cron, next) in &mut self.next {
            if *next == Some(slot) {
                *next = cron.next_after(slot, self.zone);
            }
        }
        Some(slot)
    }
}

//! Fire times of schedules: each is written once, whoever writes it.

use std::ops::Bound;

use crate::model::{Id, TimeSpan, Timestamp};

use super::StoreError;
use super::raw::{Raw, Tree, Tx, View};
use super::table::{Key, Table, trailing_number};

/// The job that a fire time led to; none where it was skipped.
pub(super) const TRIGGERS: Table<Option<Id>> = Table::new(Tree::Triggers);

/// Fire times older than this are forgotten, but for the last of each schedule.
const KEPT: TimeSpan = TimeSpan::from_days(30);

fn key(schedule: &str, at: Timestamp) -> Vec<u8> {
    Key::new().text(schedule).number(at.0).build()
}

impl View<'_> {
    /// The last fire time of a schedule that was handled.
    pub fn last_trigger(&self, schedule: &str) -> Result<Option<Timestamp>, StoreError> {
        last(self, schedule)
    }

    /// When this schedule was first seen, or fired last: what passed before is no misfire.
    pub fn triggers(&self, schedule: &str) -> Result<Vec<(Timestamp, Option<Id>)>, StoreError> {
        let prefix = Key::new().text(schedule).build();
        self.prefix(Tree::Triggers, &prefix, usize::MAX)?
            .into_iter()
            .map(|(key, bytes)| {
                let at = Timestamp(trailing_number(&key).unwrap_or_default());
                Ok((at, TRIGGERS.decode(&key, &bytes)?))
            })
            .collect()
    }
}

fn last(raw: &impl Raw, schedule: &str) -> Result<Option<Timestamp>, StoreError> {
    let prefix = Key::new().text(schedule).build();
    let last = raw.last(Tree::Triggers, &prefix)?;
    Ok(last
        .and_then(|(key, _)| trailing_number(&key))
        .map(Timestamp))
}

impl Tx<'_> {
    /// Whether the fire time is new; then it is written with the job that `enqueue` makes.
    /// A time that is not later than the last one is not new: a clock that was set back
    /// fires nothing twice.
    pub fn trigger(
        &mut self,
        schedule: &str,
        at: Timestamp,
        enqueue: impl FnOnce(&mut Self) -> Result<Option<Id>, StoreError>,
    ) -> Result<bool, StoreError> {
        if last(self, schedule)?.is_some_and(|last| at <= last) {
            return Ok(false);
        }
        let job = enqueue(self)?;
        TRIGGERS.put(self, &key(schedule, at), &job)?;
        let prefix = Key::new().text(schedule).build();
        let horizon = key(schedule, at.saturating_sub(KEPT));
        let old = self.stored_range(
            Tree::Triggers,
            Bound::Included(&prefix),
            Bound::Excluded(&horizon),
            100,
        )?;
        for (key, _) in old {
            self.remove(Tree::Triggers, &key);
        }
        Ok(true)
    }

    /// Forgets the fire times of a schedule that are later than `now`: a clock that was
    /// wrong made them.
    pub fn forget_later_triggers(
        &mut self,
        schedule: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let from = key(schedule, now);
        let to = key(schedule, Timestamp(u64::MAX));
        let later = self.stored_range(
            Tree::Triggers,
            Bound::Excluded(&from),
            Bound::Included(&to),
            usize::MAX,
        )?;
        for (key, _) in later {
            self.remove(Tree::Triggers, &key);
        }
        Ok(())
    }
}

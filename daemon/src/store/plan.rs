//! Planned slots, by number and by time, and the drafts that wait for one.

use std::ops::Bound;

use crate::model::{Id, Planned, Stocked, Timestamp};

use super::StoreError;
use super::raw::{Raw, Tree, Tx, View};
use super::table::{Key, Table, trailing_number};

pub(super) const PLAN: Table<Planned> = Table::new(Tree::Plan);
pub(super) const STOCK: Table<Stocked> = Table::new(Tree::Stock);

fn slot_key(slot: Timestamp, id: Id) -> Vec<u8> {
    Key::new().number(slot.0).number(id.0).build()
}

fn stock_key(generator: &str, key: &str) -> Vec<u8> {
    Key::new().text(generator).rest(key.as_bytes()).build()
}

fn between(raw: &impl Raw, from: Timestamp, to: Timestamp) -> Result<Vec<Planned>, StoreError> {
    let from = slot_key(from, Id(0));
    let to = slot_key(to, Id(u64::MAX));
    let keys = raw.stored_range(
        Tree::Slots,
        Bound::Included(&from),
        Bound::Included(&to),
        usize::MAX,
    )?;
    keys.iter()
        .filter_map(|(key, _)| trailing_number(key))
        .filter_map(|id| PLAN.get(raw, &Id(id).to_key()).transpose())
        .collect()
}

fn stock(raw: &impl Raw, generator: &str) -> Result<Vec<Stocked>, StoreError> {
    let prefix = Key::new().text(generator).build();
    let mut stock: Vec<Stocked> = raw
        .prefix(Tree::Stock, &prefix, usize::MAX)?
        .iter()
        .map(|(key, bytes)| STOCK.decode(key, bytes))
        .collect::<Result<_, _>>()?;
    stock.sort_by_key(|one| one.order);
    Ok(stock)
}

impl View<'_> {
    pub fn planned(&self, id: Id) -> Result<Option<Planned>, StoreError> {
        PLAN.get(self, &id.to_key())
    }

    /// Planned slots from `from` to `to`, both included, in the order of time.
    pub fn planned_between(
        &self,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Planned>, StoreError> {
        between(self, from, to)
    }

    /// All drafts that wait for a slot, whoever gave them.
    pub(super) fn stocked(&self) -> Result<Vec<Stocked>, StoreError> {
        self.prefix(Tree::Stock, &[], usize::MAX)?
            .iter()
            .map(|(key, bytes)| STOCK.decode(key, bytes))
            .collect()
    }

    /// Drafts of a generator that wait for a slot, the oldest first.
    pub fn stock(&self, generator: &str) -> Result<Vec<Stocked>, StoreError> {
        stock(self, generator)
    }
}

impl Tx<'_> {
    /// Writes a planned slot and its place in time; its number is given out here where it
    /// has none.
    pub fn put_planned(&mut self, planned: &mut Planned) -> Result<Id, StoreError> {
        if planned.id == Id(0) {
            planned.id = self.new_id();
        } else if let Some(old) = PLAN.get(self, &planned.id.to_key())?
            && old.slot != planned.slot
        {
            self.remove(Tree::Slots, &slot_key(old.slot, old.id));
        }
        let place = slot_key(planned.slot, planned.id);
        self.put(Tree::Slots, &place, Vec::new());
        PLAN.put(self, &planned.id.to_key(), planned)?;
        Ok(planned.id)
    }

    pub fn planned(&self, id: Id) -> Result<Option<Planned>, StoreError> {
        PLAN.get(self, &id.to_key())
    }

    /// As [`View::planned_between`].
    pub fn planned_between(
        &self,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Planned>, StoreError> {
        between(self, from, to)
    }

    /// Forgets a planned slot, its place and its job.
    pub(super) fn forget_planned(&mut self, id: Id) -> Result<bool, StoreError> {
        let Some(planned) = self.planned(id)? else {
            return Ok(false);
        };
        if let Some(job) = planned.job {
            self.complete(job)?;
        }
        self.remove(Tree::Slots, &slot_key(planned.slot, id));
        self.remove(Tree::Plan, &id.to_key());
        Ok(true)
    }

    /// As [`View::stock`].
    pub fn stock(&self, generator: &str) -> Result<Vec<Stocked>, StoreError> {
        stock(self, generator)
    }

    pub fn stocked(&self, generator: &str, key: &str) -> Result<Option<Stocked>, StoreError> {
        STOCK.get(self, &stock_key(generator, key))
    }

    /// Keeps a draft until a slot wants it; its place in the order is given out here where
    /// it has none.
    pub fn put_stocked(&mut self, generator: &str, mut one: Stocked) -> Result<(), StoreError> {
        if one.order == Id(0) {
            one.order = self.new_id();
        }
        STOCK.put(self, &stock_key(generator, &one.key), &one)
    }

    pub fn remove_stocked(&mut self, generator: &str, key: &str) {
        self.remove(Tree::Stock, &stock_key(generator, key));
    }
}

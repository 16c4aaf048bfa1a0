//! Alarms that last, by their causes, and the breakers that have seen a fault.

use crate::model::{Alarm, Breaker, Id};

use super::StoreError;
use super::raw::{Raw, Tree, Tx, View};
use super::table::Table;

pub(super) const ALARMS: Table<Alarm> = Table::new(Tree::Alarms);
pub(super) const BREAKERS: Table<Breaker> = Table::new(Tree::Breakers);

fn alarms(raw: &impl Raw) -> Result<Vec<Alarm>, StoreError> {
    raw.prefix(Tree::Alarms, &[], usize::MAX)?
        .iter()
        .map(|(key, bytes)| ALARMS.decode(key, bytes))
        .collect()
}

fn breakers(raw: &impl Raw) -> Result<Vec<(String, Breaker)>, StoreError> {
    raw.prefix(Tree::Breakers, &[], usize::MAX)?
        .iter()
        .map(|(key, bytes)| {
            let name = String::from_utf8_lossy(key).into_owned();
            Ok((name, BREAKERS.decode(key, bytes)?))
        })
        .collect()
}

impl View<'_> {
    /// Every alarm, by cause.
    pub fn alarms(&self) -> Result<Vec<Alarm>, StoreError> {
        alarms(self)
    }

    pub fn alarm(&self, cause: &str) -> Result<Option<Alarm>, StoreError> {
        ALARMS.get(self, cause.as_bytes())
    }

    /// Breakers that have seen a fault, by name: `account:shop`, `plugin:mastodon`.
    pub fn breakers(&self) -> Result<Vec<(String, Breaker)>, StoreError> {
        breakers(self)
    }

    pub fn breaker(&self, name: &str) -> Result<Option<Breaker>, StoreError> {
        BREAKERS.get(self, name.as_bytes())
    }
}

impl Tx<'_> {
    pub fn alarms(&self) -> Result<Vec<Alarm>, StoreError> {
        alarms(self)
    }

    pub fn alarm(&self, cause: &str) -> Result<Option<Alarm>, StoreError> {
        ALARMS.get(self, cause.as_bytes())
    }

    /// Writes an alarm; an outbreak's number is given out here where it has none.
    pub fn put_alarm(&mut self, mut alarm: Alarm) -> Result<(), StoreError> {
        if alarm.outbreak == Id(0) {
            alarm.outbreak = self.new_id();
        }
        ALARMS.put(self, alarm.cause.as_bytes(), &alarm)
    }

    pub fn remove_alarm(&mut self, cause: &str) {
        self.remove(Tree::Alarms, cause.as_bytes());
    }

    pub fn breakers(&self) -> Result<Vec<(String, Breaker)>, StoreError> {
        breakers(self)
    }

    pub fn breaker(&self, name: &str) -> Result<Option<Breaker>, StoreError> {
        BREAKERS.get(self, name.as_bytes())
    }

    /// `None`: closed, and no fault was seen since.
    pub fn set_breaker(&mut self, name: &str, breaker: Option<&Breaker>) -> Result<(), StoreError> {
        match breaker {
            Some(breaker) => BREAKERS.put(self, name.as_bytes(), breaker),
            None => {
                self.remove(Tree::Breakers, name.as_bytes());
                Ok(())
            }
        }
    }
}

//! What is in force by a brand's numbers, and the log of its changes.

use crate::model::{LearnState, Lesson};

use super::StoreError;
use super::raw::{Raw, Tree, Tx, View};
use super::table::{Key, Table};

pub(super) const LEARNED: Table<LearnState> = Table::new(Tree::Learned);
pub(super) const LESSONS: Table<Lesson> = Table::new(Tree::Lessons);

fn place(brand: &str) -> Vec<u8> {
    Key::new().text(brand).build()
}

impl View<'_> {
    /// What is in force for a brand.
    ///
    /// # Errors
    /// The store's.
    pub fn learn_state(&self, brand: &str) -> Result<LearnState, StoreError> {
        Ok(LEARNED.get(self, &place(brand))?.unwrap_or_default())
    }

    /// The changes of a brand, the latest first.
    ///
    /// # Errors
    /// The store's.
    pub fn lessons(&self, brand: &str, limit: usize) -> Result<Vec<Lesson>, StoreError> {
        let all = self.prefix(Tree::Lessons, &place(brand), usize::MAX)?;
        let latest = all.iter().rev().take(limit);
        latest
            .map(|(key, bytes)| LESSONS.decode(key, bytes))
            .collect()
    }
}

impl Tx<'_> {
    /// As [`View::learn_state`].
    ///
    /// # Errors
    /// The store's.
    pub fn learn_state(&self, brand: &str) -> Result<LearnState, StoreError> {
        Ok(LEARNED.get(self, &place(brand))?.unwrap_or_default())
    }

    /// # Errors
    /// The store's.
    pub fn put_learn_state(&mut self, brand: &str, state: &LearnState) -> Result<(), StoreError> {
        LEARNED.put(self, &place(brand), state)
    }

    /// Adds a change to the log; its number is given out here.
    ///
    /// # Errors
    /// The store's.
    pub fn put_lesson(&mut self, mut lesson: Lesson) -> Result<(), StoreError> {
        lesson.id = self.new_id();
        let key = Key::new().text(&lesson.brand).number(lesson.id.0).build();
        LESSONS.put(self, &key, &lesson)
    }
}

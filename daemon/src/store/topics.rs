//! What generators found for others, by their names.

use crate::model::Topics;

use super::StoreError;
use super::raw::{Tree, Tx, View};
use super::table::Table;

pub(super) const TOPICS: Table<Topics> = Table::new(Tree::Topics);

impl View<'_> {
    pub fn topics(&self, generator: &str) -> Result<Option<Topics>, StoreError> {
        TOPICS.get(self, generator.as_bytes())
    }
}

impl Tx<'_> {
    /// In the place of what the generator found before.
    pub fn put_topics(&mut self, generator: &str, topics: &Topics) -> Result<(), StoreError> {
        TOPICS.put(self, generator.as_bytes(), topics)
    }
}

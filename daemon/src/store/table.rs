//! Typed records: MessagePack, fields by position. A type gains fields at its end, with
//! `#[serde(default)]`; whatever else changes is a migration.

use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::StoreError;
use super::raw::{Raw, Tree, Tx};

/// Records of one kind in one tree.
pub(super) struct Table<V> {
    pub(super) tree: Tree,
    record: PhantomData<fn() -> V>,
}

impl<V: Serialize + DeserializeOwned> Table<V> {
    pub(super) const fn new(tree: Tree) -> Self {
        Table {
            tree,
            record: PhantomData,
        }
    }

    pub(super) fn get(&self, raw: &impl Raw, key: &[u8]) -> Result<Option<V>, StoreError> {
        raw.get(self.tree, key)?
            .map(|bytes| self.decode(key, &bytes))
            .transpose()
    }

    pub(super) fn put(&self, tx: &mut Tx<'_>, key: &[u8], value: &V) -> Result<(), StoreError> {
        tx.put(self.tree, key, self.encode(key, value)?);
        Ok(())
    }

    /// As `put`, where nothing has this key: it is not looked at.
    pub(super) fn put_new(&self, tx: &mut Tx<'_>, key: &[u8], value: &V) -> Result<(), StoreError> {
        tx.put_new(self.tree, key, self.encode(key, value)?);
        Ok(())
    }

    /// Removes a record and returns it.
    pub(super) fn take(&self, tx: &mut Tx<'_>, key: &[u8]) -> Result<Option<V>, StoreError> {
        tx.take(self.tree, key)?
            .map(|bytes| self.decode(key, &bytes))
            .transpose()
    }

    pub(super) fn decode(&self, key: &[u8], bytes: &[u8]) -> Result<V, StoreError> {
        rmp_serde::from_slice(bytes).map_err(|error| self.broken(key, error.to_string()))
    }

    pub(super) fn encode(&self, key: &[u8], value: &V) -> Result<Vec<u8>, StoreError> {
        rmp_serde::to_vec(value).map_err(|error| self.broken(key, error.to_string()))
    }

    pub(super) fn broken(&self, key: &[u8], reason: String) -> StoreError {
        StoreError::Record {
            table: self.tree.name(),
            key: readable(key),
            reason,
        }
    }
}

/// A key as people can read it: text as text, numbers as numbers.
pub(super) fn readable(key: &[u8]) -> String {
    if let Ok(number) = <[u8; 8]>::try_from(key) {
        return u64::from_be_bytes(number).to_string();
    }
    key.escape_ascii().to_string()
}

/// Parts of a key, text ended by a zero byte, so that the order of keys is the order of
/// their parts. The names that go in are checked at the door: they hold no zero byte.
#[derive(Default)]
pub(super) struct Key(Vec<u8>);

impl Key {
    pub(super) fn new() -> Self {
        Self::default()
    }
    pub(super) fn text(mut self, text: &str) -> Self {
        self.0.extend(text.bytes().filter(|byte| *byte != 0));
        self.0.push(0);
        self
    }
    pub(super) fn byte(mut self, byte: u8) -> Self {
        self.0.push(byte);
        self
    }
    pub(super) fn number(mut self, number: u64) -> Self {
        self.0.extend(number.to_be_bytes());
        self
    }
    /// The last part, without an end.
    pub(super) fn rest(mut self, bytes: &[u8]) -> Self {
        self.0.extend(bytes);
        self
    }
    pub(super) fn build(self) -> Vec<u8> {
        self.0
    }
}

/// The number in the last eight bytes of a key.
pub(super) fn trailing_number(key: &[u8]) -> Option<u64> {
    let start = key.len().checked_sub(8)?;
    Some(u64::from_be_bytes(key[start..].try_into().ok()?))
}

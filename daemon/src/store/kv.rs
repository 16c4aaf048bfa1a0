//! The plugins' own memory: one namespace for each plugin and account or generator.

use crate::model::Timestamp;

use super::StoreError;
use super::raw::{Raw, Tree, Tx, View};
use super::table::Key;

fn namespace(plugin: &str, subject: &str) -> Vec<u8> {
    Key::new().text(plugin).text(subject).build()
}

fn full(plugin: &str, subject: &str, key: &str) -> Vec<u8> {
    Key::new()
        .text(plugin)
        .text(subject)
        .rest(key.as_bytes())
        .build()
}

impl View<'_> {
    pub fn plugin_value(
        &self,
        plugin: &str,
        subject: &str,
        key: &str,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        self.get(Tree::Kv, &full(plugin, subject, key))
    }

    pub fn plugin_keys(
        &self,
        plugin: &str,
        subject: &str,
        prefix: &str,
    ) -> Result<Vec<String>, StoreError> {
        let skip = namespace(plugin, subject).len();
        let pairs = self.prefix(Tree::Kv, &full(plugin, subject, prefix), usize::MAX)?;
        Ok(pairs
            .iter()
            .map(|(key, _)| String::from_utf8_lossy(&key[skip..]).into_owned())
            .collect())
    }

    /// Bytes of all keys and values of one namespace.
    pub fn plugin_usage(&self, plugin: &str, subject: &str) -> Result<u64, StoreError> {
        let prefix = namespace(plugin, subject);
        let pairs = self.prefix(Tree::Kv, &prefix, usize::MAX)?;
        Ok(pairs
            .iter()
            .map(|(key, value)| (key.len() - prefix.len() + value.len()) as u64)
            .sum())
    }
}

impl Tx<'_> {
    /// `None` removes the key.
    pub fn set_plugin_values(
        &mut self,
        plugin: &str,
        subject: &str,
        changes: Vec<(String, Option<Vec<u8>>)>,
    ) {
        for (key, value) in changes {
            let key = full(plugin, subject, &key);
            match value {
                Some(value) => self.put(Tree::Kv, &key, value),
                None => self.remove(Tree::Kv, &key),
            }
        }
    }
}

/// Small things that the daemon remembers of itself, by name.
impl View<'_> {
    pub fn note(&self, name: &str) -> Result<Option<Timestamp>, StoreError> {
        note(self, name)
    }
}

impl Tx<'_> {
    pub fn note(&self, name: &str) -> Result<Option<Timestamp>, StoreError> {
        note(self, name)
    }

    pub fn set_note(&mut self, name: &str, at: Option<Timestamp>) {
        match at {
            Some(at) => self.put(Tree::Meta, &note_key(name), at.0.to_be_bytes().to_vec()),
            None => self.remove(Tree::Meta, &note_key(name)),
        }
    }
}

fn note(raw: &impl Raw, name: &str) -> Result<Option<Timestamp>, StoreError> {
    let bytes = raw.get(Tree::Meta, &note_key(name))?;
    Ok(bytes
        .and_then(|bytes| bytes.try_into().ok())
        .map(|bytes| Timestamp(u64::from_be_bytes(bytes))))
}

fn note_key(name: &str) -> Vec<u8> {
    Key::new().text("note").rest(name.as_bytes()).build()
}

//! Ciphertexts of captured secrets; the key is elsewhere.

use super::StoreError;
use super::raw::{Raw, Tree, Tx, View};
use super::table::Key;

fn full(plugin: &str, subject: &str, name: &str) -> Vec<u8> {
    Key::new()
        .text(plugin)
        .text(subject)
        .rest(name.as_bytes())
        .build()
}

impl View<'_> {
    pub fn sealed(
        &self,
        plugin: &str,
        subject: &str,
        name: &str,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        self.get(Tree::Vault, &full(plugin, subject, name))
    }

    /// Names and ciphertexts of one plugin's subject.
    pub fn sealed_of(
        &self,
        plugin: &str,
        subject: &str,
    ) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let prefix = full(plugin, subject, "");
        let pairs = self.prefix(Tree::Vault, &prefix, usize::MAX)?;
        Ok(pairs
            .into_iter()
            .map(|(key, bytes)| {
                let name = String::from_utf8_lossy(&key[prefix.len()..]).into_owned();
                (name, bytes)
            })
            .collect())
    }

    /// Plugin, subject and name of everything that is kept.
    pub fn sealed_names(&self) -> Result<Vec<(String, String, String)>, StoreError> {
        let pairs = self.prefix(Tree::Vault, &[], usize::MAX)?;
        Ok(pairs
            .iter()
            .filter_map(|(key, _)| {
                let mut parts = key.splitn(3, |byte| *byte == 0);
                let mut next = || {
                    parts
                        .next()
                        .map(|part| String::from_utf8_lossy(part).into_owned())
                };
                Some((next()?, next()?, next()?))
            })
            .collect())
    }
}

impl Tx<'_> {
    /// `None` removes it.
    pub fn set_sealed(&mut self, plugin: &str, subject: &str, name: &str, bytes: Option<Vec<u8>>) {
        let key = full(plugin, subject, name);
        match bytes {
            Some(bytes) => self.put(Tree::Vault, &key, bytes),
            None => self.remove(Tree::Vault, &key),
        }
    }
}

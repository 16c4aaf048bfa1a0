//! `kv`: a plugin's own memory, one for each account or generator.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use super::super::limits::{Limit, Reached};
use super::{State, blocking, wit};
use wit::kv::Error;

/// Bytes of a key.
const LONGEST_KEY: usize = 256;

/// Times that a call may have its writes kept before it ends: each waits for the disk.
const COMMITS: u32 = 64;

/// Where plugins' memories are kept. The functions may wait for a disk; they are called
/// on threads that may. A store never shows one subject's keys to another.
pub trait KvStore: Send + Sync {
    fn get(&self, plugin: &str, subject: &str, key: &str) -> Result<Option<Vec<u8>>, String>;
    /// Keys with this beginning, in order.
    fn keys(&self, plugin: &str, subject: &str, prefix: &str) -> Result<Vec<String>, String>;
    /// Bytes of all keys and values of one subject.
    fn usage(&self, plugin: &str, subject: &str) -> Result<u64, String>;
    /// Applies all of it or nothing; durable when it returns. `None` deletes.
    fn commit(
        &self,
        plugin: &str,
        subject: &str,
        changes: Vec<(String, Option<Vec<u8>>)>,
    ) -> Result<(), String>;
}

/// The kv of one call: what it wrote is seen by itself at once, and by others when the
/// call has ended well or asked for it.
pub(crate) struct Buffer {
    store: Arc<dyn KvStore>,
    plugin: Arc<str>,
    subject: Arc<str>,
    quota: u64,
    /// What the store holds, read when it is first needed.
    used: Option<u64>,
    changes: BTreeMap<String, Option<Vec<u8>>>,
    /// Bytes of `changes`: part of the call's memory.
    held: u64,
    /// How often the plugin asked for it itself.
    commits: u32,
}

impl Buffer {
    pub(crate) fn new(
        store: Arc<dyn KvStore>,
        plugin: Arc<str>,
        subject: Arc<str>,
        quota: u64,
    ) -> Self {
        Buffer {
            store,
            plugin,
            subject,
            quota,
            used: None,
            changes: BTreeMap::new(),
            held: 0,
            commits: 0,
        }
    }

    /// Keeps what was written. Called when the plugin's call returned `ok`, and whenever
    /// the plugin asks for it.
    pub(crate) async fn commit(&mut self) -> Result<(), String> {
        if self.changes.is_empty() {
            return Ok(());
        }
        let changes = std::mem::take(&mut self.changes).into_iter().collect();
        self.held = 0;
        self.ask(move |store, plugin, subject| store.commit(plugin, subject, changes))
            .await
            .map_err(|error| error.to_string())?
    }

    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&dyn KvStore, &str, &str) -> T + Send + 'static,
    ) -> wasmtime::Result<T> {
        let (store, plugin, subject) = (
            self.store.clone(),
            self.plugin.clone(),
            self.subject.clone(),
        );
        blocking(move || question(&*store, &plugin, &subject)).await
    }

    async fn read(&self, key: String) -> wasmtime::Result<Result<Option<Vec<u8>>, Error>> {
        if let Some(change) = self.changes.get(&key) {
            return Ok(Ok(change.clone()));
        }
        Ok(self
            .ask(move |store, plugin, subject| store.get(plugin, subject, &key))
            .await?
            .map_err(Error::Store))
    }

    /// Bytes that the subject will use once `key` has this value.
    async fn usage_with(
        &mut self,
        key: &str,
        value: Option<&[u8]>,
    ) -> wasmtime::Result<Result<(u64, u64), Error>> {
        let used = match self.used {
            Some(used) => used,
            None => match self
                .ask(|store, plugin, subject| store.usage(plugin, subject))
                .await?
            {
                Ok(used) => used,
                Err(error) => return Ok(Err(Error::Store(error))),
            },
        };
        self.used = Some(used);
        let before = match self.read(key.to_owned()).await? {
            Ok(before) => before,
            Err(error) => return Ok(Err(error)),
        };
        let size = |value: Option<&[u8]>| value.map_or(0, |value| (key.len() + value.len()) as u64);
        let after = used.saturating_sub(size(before.as_deref())) + size(value);
        Ok(Ok((used, after)))
    }
}

fn check(key: &str) -> Result<(), Error> {
    if key.is_empty() || key.len() > LONGEST_KEY {
        return Err(Error::InvalidKey(format!(
            "a key has 1 to {LONGEST_KEY} bytes, this one {}",
            key.len()
        )));
    }
    Ok(())
}

impl State {
    async fn put(
        &mut self,
        key: String,
        value: Option<Vec<u8>>,
    ) -> wasmtime::Result<Result<(), Error>> {
        self.cpu.check()?;
        if let Err(error) = check(&key) {
            return Ok(Err(error));
        }
        let length = (key.len() + value.as_ref().map_or(0, Vec::len)) as u64;
        self.tally.output += length;
        let (used, after) = match self.kv.usage_with(&key, value.as_deref()).await? {
            Ok(usage) => usage,
            Err(error) => return Ok(Err(error)),
        };
        if after > self.kv.quota && after > used {
            let quota = self.kv.quota;
            self.refuse(Reached {
                limit: Limit::Kv,
                allowed: quota,
            });
            return Ok(Err(Error::Quota(quota)));
        }
        let before = self.kv.changes.get(&key).map_or(0, |old| {
            (key.len() + old.as_ref().map_or(0, Vec::len)) as u64
        });
        let held = self.kv.held - before + length;
        self.memory.keep(self.kv.held, held)?;
        self.kv.held = held;
        self.kv.used = Some(after);
        self.kv.changes.insert(key, value);
        Ok(Ok(()))
    }
}

impl wit::kv::Host for State {
    async fn get(&mut self, key: String) -> wasmtime::Result<Result<Option<Vec<u8>>, Error>> {
        self.cpu.check()?;
        if let Err(error) = check(&key) {
            return Ok(Err(error));
        }
        let value = self.kv.read(key).await?;
        if let Ok(Some(value)) = &value {
            self.memory.hold(value.len() as u64)?;
        }
        Ok(value)
    }

    async fn set(&mut self, key: String, value: Vec<u8>) -> wasmtime::Result<Result<(), Error>> {
        self.put(key, Some(value)).await
    }

    async fn delete(&mut self, key: String) -> wasmtime::Result<Result<(), Error>> {
        self.put(key, None).await
    }

    async fn keys(&mut self, prefix: String) -> wasmtime::Result<Result<Vec<String>, Error>> {
        self.cpu.check()?;
        let stored = self
            .kv
            .ask({
                let prefix = prefix.clone();
                move |store, plugin, subject| store.keys(plugin, subject, &prefix)
            })
            .await?;
        let mut keys: BTreeSet<String> = match stored {
            Ok(keys) => keys.into_iter().collect(),
            Err(error) => return Ok(Err(Error::Store(error))),
        };
        for (key, value) in &self.kv.changes {
            if !key.starts_with(&prefix) {
                continue;
            }
            match value {
                Some(_) => keys.insert(key.clone()),
                None => keys.remove(key),
            };
        }
        self.memory
            .hold(keys.iter().map(|key| key.len() as u64 + 24).sum())?;
        Ok(Ok(keys.into_iter().collect()))
    }

    async fn commit(&mut self) -> wasmtime::Result<Result<(), Error>> {
        self.cpu.check()?;
        if self.kv.commits == COMMITS {
            return Ok(Err(Error::Store(format!(
                "a call may commit {COMMITS} times, and this one has"
            ))));
        }
        self.kv.commits += 1;
        let held = self.kv.held;
        let done = self.kv.commit().await;
        self.memory.keep(held, self.kv.held)?;
        Ok(done.map_err(Error::Store))
    }
}

type Values = BTreeMap<String, Vec<u8>>;

/// Kept in memory, and gone with it: for tests and for trying a plugin out.
#[derive(Debug, Default)]
pub struct MemoryKv(Mutex<HashMap<(String, String), Values>>);

impl MemoryKv {
    fn with<T>(&self, plugin: &str, subject: &str, work: impl FnOnce(&mut Values) -> T) -> T {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        work(
            all.entry((plugin.to_owned(), subject.to_owned()))
                .or_default(),
        )
    }
}

impl KvStore for MemoryKv {
    fn get(&self, plugin: &str, subject: &str, key: &str) -> Result<Option<Vec<u8>>, String> {
        Ok(self.with(plugin, subject, |map| map.get(key).cloned()))
    }

    fn keys(&self, plugin: &str, subject: &str, prefix: &str) -> Result<Vec<String>, String> {
        Ok(self.with(plugin, subject, |map| {
            map.keys()
                .filter(|key| key.starts_with(prefix))
                .cloned()
                .collect()
        }))
    }

    fn usage(&self, plugin: &str, subject: &str) -> Result<u64, String> {
        Ok(self.with(plugin, subject, |map| {
            map.iter()
                .map(|(key, value)| (key.len() + value.len()) as u64)
                .sum()
        }))
    }

    fn commit(
        &self,
        plugin: &str,
        subject: &str,
        changes: Vec<(String, Option<Vec<u8>>)>,
    ) -> Result<(), String> {
        self.with(plugin, subject, |map| {
            for (key, value) in changes {
                match value {
                    Some(value) => map.insert(key, value),
                    None => map.remove(&key),
                };
            }
        });
        Ok(())
    }
}

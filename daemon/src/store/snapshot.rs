//! The whole store as it was at one moment, read while it goes on being written.
//!
//! The writer is not stopped: before it changes a key that the reader has not come to yet,
//! it keeps the value that the key had ([`Kept`]). The reader lays what was kept over what
//! it finds. So a snapshot costs memory for what changes while it is read, and nothing
//! else.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::raw::{Changes, Pair, Raw, Tree, Trees};
use super::{Store, StoreError};

/// Pairs that are read at once.
const CHUNK: usize = 256;

type At = (Tree, Vec<u8>);

/// What changes have replaced since the snapshot was taken; `None`: there was nothing.
#[derive(Debug, Default)]
pub(super) struct Kept(Mutex<Values>);

#[derive(Debug, Default)]
struct Values {
    old: BTreeMap<At, Option<Vec<u8>>>,
    /// The reader has everything before this.
    passed: Option<At>,
}

impl Kept {
    fn values(&self) -> MutexGuard<'_, Values> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Called before `changes` are committed.
    pub(super) fn before(&self, trees: &Trees, changes: &Changes) -> Result<(), StoreError> {
        let mut values = self.values();
        for (tree, changes) in changes {
            for key in changes.keys() {
                let at = (*tree, key.clone());
                if values.passed.as_ref().is_some_and(|passed| at < *passed)
                    || values.old.contains_key(&at)
                {
                    continue;
                }
                let old = trees.get(*tree, key)?;
                values.old.insert(at, old);
            }
        }
        Ok(())
    }
}

pub(super) struct Snapshot {
    trees: Arc<Trees>,
    kept: Arc<Kept>,
}

impl Snapshot {
    pub(super) fn of(store: &Store) -> Self {
        let kept = Arc::new(Kept::default());
        store.inner.writer.keep(&kept);
        Snapshot {
            trees: store.inner.trees.clone(),
            kept,
        }
    }

    /// Every pair of a tree, in order, large values whole. Trees are to be asked for in
    /// their own order: what was passed is kept no longer.
    pub(super) fn each(
        &self,
        tree: Tree,
        mut visit: impl FnMut(&[u8], Result<Vec<u8>, StoreError>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut from: Option<Vec<u8>> = None;
        loop {
            let after = from.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
            let (chunk, end) = self.chunk(tree, after, Bound::Unbounded, CHUNK)?;
            for (key, stored) in chunk {
                visit(&key, self.whole(tree, &key, stored))?;
            }
            let Some(end) = end else {
                return Ok(());
            };
            let next = (tree, end.clone());
            let mut values = self.kept.values();
            values.old = values.old.split_off(&next);
            values.passed = Some(next);
            from = Some(end);
        }
    }

    /// The pairs of a range as far as `limit` of those that are there now reach, and the
    /// last key of them where there may be more.
    fn chunk(
        &self,
        tree: Tree,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        limit: usize,
    ) -> Result<(Vec<Pair>, Option<Vec<u8>>), StoreError> {
        // In this order: what is changed after this look was kept before.
        let pairs = self.trees.range(tree, from, to, limit, &[])?;
        let full = pairs.len() == limit;
        let end = pairs.last().filter(|_| full).map(|(key, _)| key.clone());
        let mut found: BTreeMap<Vec<u8>, Vec<u8>> = pairs.into_iter().collect();
        let first = match from {
            Bound::Unbounded => Bound::Included((tree, Vec::new())),
            Bound::Included(key) => Bound::Included((tree, key.to_vec())),
            Bound::Excluded(key) => Bound::Excluded((tree, key.to_vec())),
        };
        let values = self.kept.values();
        for ((of, key), old) in values.old.range((first, Bound::Unbounded)) {
            let beyond = match to {
                Bound::Unbounded => false,
                Bound::Included(to) => key.as_slice() > to,
                Bound::Excluded(to) => key.as_slice() >= to,
            };
            if *of != tree || beyond || end.as_ref().is_some_and(|end| key > end) {
                break;
            }
            match old {
                Some(old) => found.insert(key.clone(), old.clone()),
                None => found.remove(key),
            };
        }
        Ok((found.into_iter().collect(), end))
    }
}

impl Raw for Snapshot {
    fn stored(&self, tree: Tree, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        // In this order: what is changed after this look was kept before.
        let found = self.trees.get(tree, key)?;
        let values = self.kept.values();
        Ok(match values.old.get(&(tree, key.to_vec())) {
            Some(old) => old.clone(),
            None => found,
        })
    }

    fn stored_range(
        &self,
        tree: Tree,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Pair>, StoreError> {
        let (mut pairs, _) = self.chunk(tree, from, to, usize::MAX)?;
        pairs.truncate(limit);
        Ok(pairs)
    }
}

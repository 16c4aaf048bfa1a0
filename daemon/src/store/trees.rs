//! The trees: what sled has, and over it what is on disk in the journal and not in sled yet.
//!
//! A batch that is written is laid over sled in memory, seen from then on, and given to
//! sled by a thread of its own. What a later batch changes once more before that, sled is
//! given once: a job that was leased and done in the meantime costs it nothing.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::ops::Bound;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::StoreError;
use super::mark;

/// Every tree, in the order of `Tree::ALL`. New ones go to the end: the pieces of large values
/// are kept under these numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Tree {
    Meta,
    Jobs,
    Due,
    Leases,
    Dead,
    Posts,
    Deliveries,
    Agenda,
    Open,
    Published,
    Drafts,
    Triggers,
    /// Series as schema 3 wrote them: moved to `Samples` when they are found.
    Series,
    Kv,
    Vault,
    Pieces,
    Alarms,
    Breakers,
    Offers,
    Accounts,
    PutOff,
    Plan,
    /// Planned slots by time.
    Slots,
    Stock,
    Samples,
    /// Published deliveries with their numbers, by account and time.
    Numbers,
    /// When deliveries are measured next.
    Ages,
    Calls,
    Topics,
    /// What is in force by a brand's numbers.
    Learned,
    Lessons,
}

impl Tree {
    pub(super) const ALL: [Tree; 31] = [
        Tree::Meta,
        Tree::Jobs,
        Tree::Due,
        Tree::Leases,
        Tree::Dead,
        Tree::Posts,
        Tree::Deliveries,
        Tree::Agenda,
        Tree::Open,
        Tree::Published,
        Tree::Drafts,
        Tree::Triggers,
        Tree::Series,
        Tree::Kv,
        Tree::Vault,
        Tree::Pieces,
        Tree::Alarms,
        Tree::Breakers,
        Tree::Offers,
        Tree::Accounts,
        Tree::PutOff,
        Tree::Plan,
        Tree::Slots,
        Tree::Stock,
        Tree::Samples,
        Tree::Numbers,
        Tree::Ages,
        Tree::Calls,
        Tree::Topics,
        Tree::Learned,
        Tree::Lessons,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Tree::Meta => "meta",
            Tree::Jobs => "jobs",
            Tree::Due => "due",
            Tree::Leases => "leases",
            Tree::Dead => "dead",
            Tree::PutOff => "put-off",
            Tree::Posts => "posts",
            Tree::Deliveries => "deliveries",
            Tree::Agenda => "agenda",
            Tree::Open => "open",
            Tree::Published => "published",
            Tree::Drafts => "drafts",
            Tree::Triggers => "triggers",
            Tree::Series => "series",
            Tree::Kv => "kv",
            Tree::Vault => "vault",
            Tree::Pieces => "pieces",
            Tree::Alarms => "alarms",
            Tree::Breakers => "breakers",
            Tree::Offers => "offers",
            Tree::Accounts => "accounts",
            Tree::Plan => "plan",
            Tree::Slots => "slots",
            Tree::Stock => "stock",
            Tree::Samples => "samples",
            Tree::Numbers => "numbers",
            Tree::Ages => "ages",
            Tree::Calls => "calls",
            Tree::Topics => "topics",
            Tree::Learned => "learned",
            Tree::Lessons => "lessons",
        }
    }
}

/// Keys and what they were changed to; `None` is a removal.
type Layer = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

pub(super) type Changes = BTreeMap<Tree, Layer>;

pub(super) type Pair = (Vec<u8>, Vec<u8>);

/// What sled was not given yet.
#[derive(Debug, Default)]
struct Fresh {
    changes: Changes,
    /// Bytes of it, roughly.
    weight: usize,
    /// Older: sled is being given this.
    leaving: Arc<Changes>,
}

#[derive(Debug)]
pub(super) struct Trees {
    pub(super) db: sled::Db,
    trees: Vec<sled::Tree>,
    fresh: RwLock<Fresh>,
    /// Held by whoever gives sled something.
    giving: Mutex<()>,
}

impl Trees {
    pub(super) fn new(db: sled::Db) -> sled::Result<Self> {
        let trees = Tree::ALL
            .iter()
            .map(|tree| db.open_tree(tree.name()))
            .collect::<sled::Result<_>>()?;
        Ok(Trees {
            db,
            trees,
            fresh: RwLock::default(),
            giving: Mutex::default(),
        })
    }

    fn look(&self) -> RwLockReadGuard<'_, Fresh> {
        self.fresh.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self) -> RwLockWriteGuard<'_, Fresh> {
        self.fresh.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn sled(&self, tree: Tree) -> &sled::Tree {
        &self.trees[tree as usize]
    }

    pub(super) fn size_on_disk(&self) -> Result<u64, StoreError> {
        self.db.size_on_disk().map_err(failed)
    }

    /// Lays a batch over what is there; the bytes that wait to be given to sled.
    pub(super) fn lay(&self, changes: Changes) -> usize {
        let mut fresh = self.change();
        for (tree, changes) in changes {
            for (key, value) in &changes {
                fresh.weight += key.len() + value.as_ref().map_or(0, Vec::len) + 64;
            }
            fresh.changes.entry(tree).or_default().extend(changes);
        }
        fresh.weight
    }

    /// Gives sled what waits; its number, which stands among the changes, comes last: sled
    /// that has the number has all the rest.
    ///
    /// # Errors
    /// sled's. What was to be given is still seen.
    pub(super) fn give(&self) -> Result<(), StoreError> {
        let _alone = self.giving.lock().unwrap_or_else(PoisonError::into_inner);
        let leaving = {
            let mut fresh = self.change();
            if !fresh.leaving.is_empty() {
                // sled did not take it all: no later number may reach it before this.
                return Err(StoreError::Failed("sled has failed before".to_owned()));
            }
            if fresh.changes.is_empty() {
                return Ok(());
            }
            fresh.weight = 0;
            fresh.leaving = Arc::new(std::mem::take(&mut fresh.changes));
            fresh.leaving.clone()
        };
        let is_number = |tree, key: &[u8]| tree == Tree::Meta && key == mark::KEY;
        for (tree, changes) in leaving.iter() {
            for (key, value) in changes.iter().filter(|(key, _)| !is_number(*tree, key)) {
                self.put(*tree, key, value.as_deref())?;
            }
        }
        let meta = leaving.get(&Tree::Meta);
        if let Some(number) = meta.and_then(|meta| meta.get(mark::KEY)) {
            self.put(Tree::Meta, mark::KEY, number.as_deref())?;
        }
        self.change().leaving = Arc::default();
        Ok(())
    }

    fn put(&self, tree: Tree, key: &[u8], value: Option<&[u8]>) -> Result<(), StoreError> {
        let tree = self.sled(tree);
        match value {
            Some(value) => tree.insert(key, value),
            None => tree.remove(key),
        }
        .map_err(failed)?;
        Ok(())
    }

    pub(super) fn get(&self, tree: Tree, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let fresh = self.look();
        for layer in [&fresh.changes, &*fresh.leaving] {
            if let Some(change) = layer.get(&tree).and_then(|layer| layer.get(key)) {
                return Ok(change.clone());
            }
        }
        let value = self.sled(tree).get(key).map_err(failed)?;
        Ok(value.map(|value| value.to_vec()))
    }

    /// Pairs from `from` to `to`, in order, at most `limit`, with what lies above, the
    /// newest first.
    pub(super) fn range(
        &self,
        tree: Tree,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        limit: usize,
        above: &[&Changes],
    ) -> Result<Vec<Pair>, StoreError> {
        if is_empty(from, to) {
            return Ok(Vec::new());
        }
        let fresh = self.look();
        let layers = layers(tree, above, &fresh).map(|layer| layer.range::<[u8], _>((from, to)));
        let stored = self.sled(tree).range::<&[u8], _>((from, to));
        merge(layers, stored, |one, other| one < other, limit)
    }

    /// As [`Trees::range`], from the end.
    pub(super) fn range_back(
        &self,
        tree: Tree,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        limit: usize,
        above: &[&Changes],
    ) -> Result<Vec<Pair>, StoreError> {
        if is_empty(from, to) {
            return Ok(Vec::new());
        }
        let fresh = self.look();
        let layers = layers(tree, above, &fresh);
        let layers = layers.map(|layer| layer.range::<[u8], _>((from, to)).rev());
        let stored = self.sled(tree).range::<&[u8], _>((from, to)).rev();
        merge(layers, stored, |one, other| one > other, limit)
    }
}

/// The layers of a tree, the newest first.
fn layers<'a>(
    tree: Tree,
    above: &'a [&'a Changes],
    fresh: &'a Fresh,
) -> impl Iterator<Item = &'a Layer> {
    let below = [&fresh.changes, &*fresh.leaving];
    let all = above.iter().copied().chain(below);
    all.filter_map(move |changes| changes.get(&tree))
}

/// What is left where the newest layer that knows a key decides; `before`: the order.
fn merge<'a>(
    layers: impl Iterator<Item = impl Iterator<Item = (&'a Vec<u8>, &'a Option<Vec<u8>>)>>,
    stored: impl Iterator<Item = sled::Result<(sled::IVec, sled::IVec)>>,
    before: impl Fn(&[u8], &[u8]) -> bool,
    limit: usize,
) -> Result<Vec<Pair>, StoreError> {
    let mut layers: Vec<Peekable<_>> = layers.map(Iterator::peekable).collect();
    let mut stored = stored.peekable();
    let mut found = Vec::new();
    while found.len() < limit {
        let mut first: Option<&'a Vec<u8>> = None;
        for layer in &mut layers {
            if let Some((key, _)) = layer.peek()
                && first.is_none_or(|first| before(key, first))
            {
                first = Some(key);
            }
        }
        match stored.peek() {
            Some(Ok((key, _))) if first.is_some_and(|first| key == first) => {
                stored.next();
            }
            Some(Ok((key, _))) if first.is_some_and(|first| before(first, key)) => {}
            Some(_) => {
                if let Some(pair) = stored.next() {
                    let (key, value) = pair.map_err(failed)?;
                    found.push((key.to_vec(), value.to_vec()));
                }
                continue;
            }
            None => {}
        }
        let Some(first) = first else {
            break;
        };
        let mut newest = None;
        for layer in &mut layers {
            if let Some((_, value)) = layer.next_if(|(key, _)| *key == first) {
                newest.get_or_insert(value);
            }
        }
        if let Some(Some(value)) = newest {
            found.push((first.clone(), value.clone()));
        }
    }
    Ok(found)
}

pub(super) fn failed(error: sled::Error) -> StoreError {
    match error {
        sled::Error::Corruption { .. } => StoreError::Damaged(error.to_string()),
        sled::Error::Io(error) => unwritten(&error),
        error => StoreError::Failed(error.to_string()),
    }
}

pub(super) fn unwritten(error: &std::io::Error) -> StoreError {
    if error.kind() == std::io::ErrorKind::StorageFull {
        let words = format!("{error}: the disk is full; free some space and start again");
        return StoreError::Failed(words);
    }
    StoreError::Failed(error.to_string())
}

/// sled panics at a range that ends before it begins.
fn is_empty(from: Bound<&[u8]>, to: Bound<&[u8]>) -> bool {
    match (from, to) {
        (Bound::Included(from), Bound::Included(to)) => from > to,
        (
            Bound::Included(from) | Bound::Excluded(from),
            Bound::Excluded(to) | Bound::Included(to),
        ) => from >= to,
        _ => false,
    }
}

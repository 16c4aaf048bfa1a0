//! Trees, keys and bytes. Private to the store: the stations see [`Tx`] and [`View`] with
//! the operations that the other files give them.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::StoreError;
use super::jobs::DueHint;

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
}

impl Tree {
    pub(super) const ALL: [Tree; 29] = [
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
        }
    }
}

#[derive(Debug)]
pub(super) struct Trees {
    pub(super) db: sled::Db,
    trees: Vec<sled::Tree>,
}

impl Trees {
    pub(super) fn new(db: sled::Db) -> sled::Result<Self> {
        let trees = Tree::ALL
            .iter()
            .map(|tree| db.open_tree(tree.name()))
            .collect::<sled::Result<_>>()?;
        Ok(Trees { db, trees })
    }

    pub(super) fn sled(&self, tree: Tree) -> &sled::Tree {
        &self.trees[tree as usize]
    }

    pub(super) fn size_on_disk(&self) -> Result<u64, StoreError> {
        self.db.size_on_disk().map_err(failed)
    }
}

pub(super) fn failed(error: sled::Error) -> StoreError {
    match error {
        sled::Error::Corruption { .. } => StoreError::Damaged(error.to_string()),
        error => StoreError::Failed(error.to_string()),
    }
}

/// A value of more than this is kept in pieces: sled would put it into a file of its own,
/// which nobody syncs.
const PIECE: usize = 16 << 10;

/// The first byte of a stored value.
pub(super) const WHOLE: u8 = 0;
const IN_PIECES: u8 = 1;

pub(super) type Pair = (Vec<u8>, Vec<u8>);

/// Reading, with or without changes that are not committed yet.
pub(super) trait Raw {
    fn stored(&self, tree: Tree, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// Stored pairs from `from` to `to`, in order, at most `limit`.
    fn stored_range(
        &self,
        tree: Tree,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Pair>, StoreError>;

    /// The last stored pair from `from` to `to`.
    fn stored_last(
        &self,
        tree: Tree,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
    ) -> Result<Option<Pair>, StoreError> {
        Ok(self.stored_range(tree, from, to, usize::MAX)?.pop())
    }

    /// The last pair whose key begins with `prefix`.
    fn last(&self, tree: Tree, prefix: &[u8]) -> Result<Option<Pair>, StoreError> {
        let end = after(prefix);
        let to = end.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        match self.stored_last(tree, Bound::Included(prefix), to)? {
            Some((key, stored)) => {
                let value = self.whole(tree, &key, stored)?;
                Ok(Some((key, value)))
            }
            None => Ok(None),
        }
    }

    fn get(&self, tree: Tree, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        match self.stored(tree, key)? {
            Some(stored) => self.whole(tree, key, stored).map(Some),
            None => Ok(None),
        }
    }

    fn contains(&self, tree: Tree, key: &[u8]) -> Result<bool, StoreError> {
        Ok(self.stored(tree, key)?.is_some())
    }

    fn range(
        &self,
        tree: Tree,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Pair>, StoreError> {
        self.stored_range(tree, from, to, limit)?
            .into_iter()
            .map(|(key, stored)| {
                let value = self.whole(tree, &key, stored)?;
                Ok((key, value))
            })
            .collect()
    }

    fn prefix(&self, tree: Tree, prefix: &[u8], limit: usize) -> Result<Vec<Pair>, StoreError> {
        let end = after(prefix);
        let to = end.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        self.range(tree, Bound::Included(prefix), to, limit)
    }

    fn whole(&self, tree: Tree, key: &[u8], stored: Vec<u8>) -> Result<Vec<u8>, StoreError> {
        let broken = |reason: &str| StoreError::Record {
            table: tree.name(),
            key: super::table::readable(key),
            reason: reason.to_owned(),
        };
        match stored.split_first() {
            Some((&WHOLE, value)) => Ok(value.to_vec()),
            Some((&IN_PIECES, count)) => {
                let count = u32::from_be_bytes(
                    count
                        .try_into()
                        .map_err(|_| broken("the number of pieces is cut off"))?,
                );
                let mut value = Vec::new();
                for number in 0..count {
                    let piece = self
                        .stored(Tree::Pieces, &piece_key(tree, key, number))?
                        .ok_or_else(|| broken("a piece is missing"))?;
                    value.extend(piece);
                }
                Ok(value)
            }
            _ => Err(broken("unknown form")),
        }
    }
}

/// A number as it is stored.
pub(super) fn stored(number: u64) -> Vec<u8> {
    let mut bytes = vec![WHOLE];
    bytes.extend(number.to_be_bytes());
    bytes
}

fn piece_key(tree: Tree, key: &[u8], number: u32) -> Vec<u8> {
    let mut piece = vec![tree as u8];
    piece.extend((key.len() as u32).to_be_bytes());
    piece.extend(key);
    piece.extend(number.to_be_bytes());
    piece
}

/// The record that a piece belongs to, and the piece's number.
pub(super) fn owner_of(piece: &[u8]) -> Option<(Tree, &[u8], u32)> {
    let (tree, rest) = piece.split_first()?;
    let tree = *Tree::ALL.get(usize::from(*tree))?;
    let (length, rest) = rest.split_first_chunk()?;
    let (key, number) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
    Some((tree, key, u32::from_be_bytes(number.try_into().ok()?)))
}

/// How many pieces a stored value is in.
pub(super) fn pieces_of(stored: &[u8]) -> u32 {
    match stored.split_first() {
        Some((&IN_PIECES, count)) => count.try_into().map_or(0, u32::from_be_bytes),
        _ => 0,
    }
}

/// The first key that does not begin with `prefix`.
pub(super) fn after(prefix: &[u8]) -> Option<Vec<u8>> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return Some(end);
        }
    }
    None
}

/// What is committed.
#[derive(Clone, Copy)]
pub struct View<'a> {
    trees: &'a Trees,
}

impl<'a> View<'a> {
    pub(super) fn new(trees: &'a Trees) -> Self {
        View { trees }
    }
}

impl View<'_> {
    pub(super) fn sled(&self, tree: Tree) -> &sled::Tree {
        self.trees.sled(tree)
    }
}

impl Raw for View<'_> {
    fn stored(&self, tree: Tree, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let value = self.trees.sled(tree).get(key).map_err(failed)?;
        Ok(value.map(|value| value.to_vec()))
    }

    fn stored_range(
        &self,
        tree: Tree,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Pair>, StoreError> {
        if is_empty(from, to) {
            return Ok(Vec::new());
        }
        self.trees
            .sled(tree)
            .range::<&[u8], _>((from, to))
            .take(limit)
            .map(|pair| {
                let (key, value) = pair.map_err(failed)?;
                Ok((key.to_vec(), value.to_vec()))
            })
            .collect()
    }

    fn stored_last(
        &self,
        tree: Tree,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
    ) -> Result<Option<Pair>, StoreError> {
        last_pair(self.trees.sled(tree), from, to, |_| true)
    }
}

fn last_pair(
    tree: &sled::Tree,
    from: Bound<&[u8]>,
    to: Bound<&[u8]>,
    is_there: impl Fn(&[u8]) -> bool,
) -> Result<Option<Pair>, StoreError> {
    if is_empty(from, to) {
        return Ok(None);
    }
    for pair in tree.range::<&[u8], _>((from, to)).rev() {
        let (key, value) = pair.map_err(failed)?;
        if is_there(&key) {
            return Ok(Some((key.to_vec(), value.to_vec())));
        }
    }
    Ok(None)
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

/// Changes by tree and key; `None` is a removal.
pub(super) type Changes = BTreeMap<Tree, BTreeMap<Vec<u8>, Option<Vec<u8>>>>;

/// Changes in the making, over the group that they will be committed with, over what is
/// committed.
pub struct Tx<'a> {
    trees: &'a Trees,
    group: &'a mut Group,
    own: Changes,
    hints: Vec<DueHint>,
    next_id: u64,
}

/// What is committed together.
#[derive(Default)]
pub(super) struct Group {
    pub(super) changes: Changes,
    pub(super) hints: Vec<DueHint>,
    /// The next number that is given out; 0: not read yet.
    pub(super) next_id: u64,
}

const NEXT_ID: &[u8] = b"next-id";

impl<'a> Tx<'a> {
    pub(super) fn new(trees: &'a Trees, group: &'a mut Group) -> Result<Self, StoreError> {
        if group.next_id == 0 {
            let stored = Tx::over(trees, &mut *group).get(Tree::Meta, NEXT_ID)?;
            let stored = stored.and_then(|bytes| bytes.try_into().ok());
            group.next_id = stored.map_or(1, u64::from_be_bytes);
        }
        Ok(Tx::over(trees, group))
    }

    fn over(trees: &'a Trees, group: &'a mut Group) -> Self {
        let next_id = group.next_id;
        Tx {
            trees,
            group,
            own: Changes::new(),
            hints: Vec::new(),
            next_id,
        }
    }

    /// Adds the changes to the group's.
    pub(super) fn accept(mut self) {
        let written = self.own.get(&Tree::Meta).and_then(|own| own.get(NEXT_ID));
        if written.is_some() {
            // By an import: to be read anew.
            self.group.next_id = 0;
        } else if self.next_id != self.group.next_id {
            self.put(Tree::Meta, NEXT_ID, self.next_id.to_be_bytes().to_vec());
            self.group.next_id = self.next_id;
        }
        for (tree, changes) in self.own {
            self.group.changes.entry(tree).or_default().extend(changes);
        }
        self.group.hints.extend(self.hints);
    }

    pub(super) fn new_id(&mut self) -> crate::model::Id {
        let id = self.next_id;
        self.next_id += 1;
        crate::model::Id(id)
    }

    pub(super) fn hint(&mut self, hint: DueHint) {
        self.hints.push(hint);
    }

    fn set(&mut self, tree: Tree, key: &[u8], value: Option<Vec<u8>>) {
        self.own
            .entry(tree)
            .or_default()
            .insert(key.to_vec(), value);
    }

    pub(super) fn put(&mut self, tree: Tree, key: &[u8], value: Vec<u8>) {
        self.drop_pieces(tree, key);
        let mut stored;
        if value.len() <= PIECE {
            stored = Vec::with_capacity(value.len() + 1);
            stored.push(WHOLE);
            stored.extend(value);
        } else {
            let mut count = 0u32;
            for piece in value.chunks(PIECE) {
                self.set(
                    Tree::Pieces,
                    &piece_key(tree, key, count),
                    Some(piece.to_vec()),
                );
                count += 1;
            }
            stored = vec![IN_PIECES];
            stored.extend(count.to_be_bytes());
        }
        self.set(tree, key, Some(stored));
    }

    pub(super) fn remove(&mut self, tree: Tree, key: &[u8]) {
        self.drop_pieces(tree, key);
        self.set(tree, key, None);
    }

    fn drop_pieces(&mut self, tree: Tree, key: &[u8]) {
        if !tree.may_be_large() {
            return;
        }
        let Ok(Some(stored)) = self.stored(tree, key) else {
            return;
        };
        for number in 0..pieces_of(&stored) {
            self.set(Tree::Pieces, &piece_key(tree, key, number), None);
        }
    }
}

impl Tree {
    /// Spares the look at the old value where values are always small.
    const fn may_be_large(self) -> bool {
        !matches!(
            self,
            Tree::Due
                | Tree::Leases
                | Tree::Open
                | Tree::Dead
                | Tree::PutOff
                | Tree::Agenda
                | Tree::Published
                | Tree::Ages
                | Tree::Calls
        )
    }
}

impl Raw for Tx<'_> {
    fn stored(&self, tree: Tree, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        for changes in [&self.own, &self.group.changes] {
            if let Some(change) = changes.get(&tree).and_then(|changes| changes.get(key)) {
                return Ok(change.clone());
            }
        }
        View::new(self.trees).stored(tree, key)
    }

    fn stored_range(
        &self,
        tree: Tree,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Pair>, StoreError> {
        if is_empty(from, to) {
            return Ok(Vec::new());
        }
        let mut changes: BTreeMap<&[u8], &Option<Vec<u8>>> = BTreeMap::new();
        for layer in [&self.group.changes, &self.own] {
            if let Some(layer) = layer.get(&tree) {
                let range = layer.range::<[u8], _>((from, to));
                changes.extend(range.map(|(key, change)| (key.as_slice(), change)));
            }
        }
        // At most as many as were changed can be missing from the stored ones.
        let reach = limit.saturating_add(changes.len());
        let mut found: BTreeMap<Vec<u8>, Vec<u8>> = View::new(self.trees)
            .stored_range(tree, from, to, reach)?
            .into_iter()
            .collect();
        for (key, change) in changes {
            match change {
                Some(value) => found.insert(key.to_vec(), value.clone()),
                None => found.remove(key),
            };
        }
        Ok(found.into_iter().take(limit).collect())
    }

    fn stored_last(
        &self,
        tree: Tree,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
    ) -> Result<Option<Pair>, StoreError> {
        if is_empty(from, to) {
            return Ok(None);
        }
        let mut changes: BTreeMap<&[u8], &Option<Vec<u8>>> = BTreeMap::new();
        for layer in [&self.group.changes, &self.own] {
            if let Some(layer) = layer.get(&tree) {
                let range = layer.range::<[u8], _>((from, to));
                changes.extend(range.map(|(key, change)| (key.as_slice(), change)));
            }
        }
        let stored = last_pair(self.trees.sled(tree), from, to, |key| {
            !changes.contains_key(key)
        })?;
        let written = changes
            .iter()
            .rev()
            .find_map(|(key, change)| Some((key.to_vec(), (*change).clone()?)));
        Ok(stored.into_iter().chain(written).max())
    }
}

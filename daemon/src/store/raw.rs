//! Keys and bytes. Private to the store: the stations see [`Tx`] and [`View`] with
//! the operations that the other files give them.

use std::ops::Bound;

use super::StoreError;
use super::jobs::DueHint;
pub(super) use super::trees::{Changes, Pair, Tree, Trees, failed, unwritten};

/// A value of more than this is kept in pieces: sled would put it into a file of its own,
/// which nobody syncs.
const PIECE: usize = 16 << 10;

/// The first byte of a stored value.
const WHOLE: u8 = 0;
const IN_PIECES: u8 = 1;

/// Pairs that are read at once.
const CHUNK: usize = 256;

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

    /// As `stored_range`, the last first.
    fn stored_back(
        &self,
        tree: Tree,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Pair>, StoreError> {
        let mut pairs = self.stored_range(tree, from, to, usize::MAX)?;
        pairs.reverse();
        pairs.truncate(limit);
        Ok(pairs)
    }

    /// The last stored pair from `from` to `to`.
    fn stored_last(
        &self,
        tree: Tree,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
    ) -> Result<Option<Pair>, StoreError> {
        Ok(self.stored_back(tree, from, to, 1)?.pop())
    }

    /// Every stored pair from `from` to `to`, in order, without all of them in memory.
    fn stored_between(
        &self,
        tree: Tree,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        mut visit: impl FnMut(&[u8], Vec<u8>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut last: Option<Vec<u8>> = None;
        loop {
            let from = last.as_deref().map_or(from, Bound::Excluded);
            let pairs = self.stored_range(tree, from, to, CHUNK)?;
            let end = pairs.len() < CHUNK;
            for (key, stored) in pairs {
                visit(&key, stored)?;
                last = Some(key);
            }
            if end {
                return Ok(());
            }
        }
    }

    /// Every stored pair of a tree.
    fn stored_each(
        &self,
        tree: Tree,
        visit: impl FnMut(&[u8], Vec<u8>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.stored_between(tree, Bound::Unbounded, Bound::Unbounded, visit)
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

impl Raw for View<'_> {
    fn stored(&self, tree: Tree, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.trees.get(tree, key)
    }

    fn stored_range(
        &self,
        tree: Tree,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Pair>, StoreError> {
        self.trees.range(tree, from, to, limit, &[])
    }

    fn stored_back(
        &self,
        tree: Tree,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Pair>, StoreError> {
        self.trees.range_back(tree, from, to, limit, &[])
    }
}

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
        self.put_new(tree, key, value);
    }

    /// As `put`, where nothing has this key.
    pub(super) fn put_new(&mut self, tree: Tree, key: &[u8], value: Vec<u8>) {
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
        if let Ok(Some(stored)) = self.stored(tree, key) {
            self.drop_pieces_of(tree, key, &stored);
        }
    }

    fn drop_pieces_of(&mut self, tree: Tree, key: &[u8], stored: &[u8]) {
        for number in 0..pieces_of(stored) {
            self.set(Tree::Pieces, &piece_key(tree, key, number), None);
        }
    }

    /// Removes a value and returns it.
    pub(super) fn take(&mut self, tree: Tree, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(stored) = self.stored(tree, key)? else {
            return Ok(None);
        };
        let value = self.whole(tree, key, stored.clone())?;
        self.drop_pieces_of(tree, key, &stored);
        self.set(tree, key, None);
        Ok(Some(value))
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
        self.trees.get(tree, key)
    }

    fn stored_range(
        &self,
        tree: Tree,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Pair>, StoreError> {
        let above = [&self.own, &self.group.changes];
        self.trees.range(tree, from, to, limit, &above)
    }

    fn stored_back(
        &self,
        tree: Tree,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Pair>, StoreError> {
        let above = [&self.own, &self.group.changes];
        self.trees.range_back(tree, from, to, limit, &above)
    }
}

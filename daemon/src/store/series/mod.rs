//! Series of measured numbers, one for each delivery and each account, in blocks of samples.

mod block;
mod old;
mod thin;

use std::ops::Bound;

use crate::model::{Id, Sample, Timestamp};

use super::raw::{Raw, Tree, Tx, View, after};
use super::table::{Key, Table, trailing_number};
use super::{Store, StoreError};

pub use block::{Block, Broken};
pub(super) use old::{OLD_SERIES, move_old};
pub use thin::{Thinning, thin};

pub(super) const SERIES: Table<Block> = Table::new(Tree::Samples);

/// Samples in one block: appending writes the block anew, reading takes one for each.
const FULL: usize = 64;

/// Bytes in one block: a platform may have many measures of its own.
const LARGE: usize = 4096;

/// What was measured.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    Delivery(Id),
    Account(String),
}

impl Subject {
    fn prefix(&self) -> Vec<u8> {
        match self {
            Subject::Delivery(id) => Key::new().byte(b'd').number(id.0).build(),
            Subject::Account(name) => Key::new().byte(b'a').text(name).build(),
        }
    }

    /// The key of the block that begins then.
    fn key(&self, at: Timestamp) -> Vec<u8> {
        let mut key = self.prefix();
        key.extend(at.0.to_be_bytes());
        key
    }

    fn of_key(key: &[u8]) -> Option<Subject> {
        let prefix = &key[..key.len().checked_sub(8)?];
        match prefix.split_first()? {
            (b'd', id) => Some(Subject::Delivery(Id(u64::from_be_bytes(
                id.try_into().ok()?,
            )))),
            (b'a', name) => {
                let name = name.strip_suffix(&[0])?;
                Some(Subject::Account(String::from_utf8(name.to_vec()).ok()?))
            }
            _ => None,
        }
    }
}

impl Tx<'_> {
    /// Appends a sample; one of the same moment is replaced.
    ///
    /// # Errors
    /// The store's.
    pub fn append_sample(&mut self, subject: &Subject, sample: &Sample) -> Result<(), StoreError> {
        // The block that this moment belongs to: the last that begins no later.
        let (from, to) = (subject.prefix(), subject.key(sample.at));
        let found = self.stored_last(
            Tree::Samples,
            Bound::Included(from.as_slice()),
            Bound::Included(to.as_slice()),
        )?;
        if let Some((key, stored)) = found {
            let bytes = self.whole(Tree::Samples, &key, stored)?;
            let mut block = SERIES.decode(&key, &bytes)?;
            let last = block.samples().last().map(|last| last.at);
            let full = block.samples().len() >= FULL || bytes.len() >= LARGE;
            // In between others there is room always: a clock that was set back is rare.
            if !full || last.is_some_and(|last| sample.at <= last) {
                block.put(sample);
                return SERIES.put(self, &key, &block);
            }
        }
        let block = Block::from_iter([sample.clone()]);
        SERIES.put(self, &to, &block)
    }

    /// Writes a series anew, in as few blocks as it needs.
    fn put_series(&mut self, subject: &Subject, samples: Vec<Sample>) -> Result<(), StoreError> {
        let prefix = subject.prefix();
        let end = after(&prefix);
        let to = end.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        let from = Bound::Included(prefix.as_slice());
        for (key, _) in self.stored_range(Tree::Samples, from, to, usize::MAX)? {
            self.remove(Tree::Samples, &key);
        }
        let mut block = Block::default();
        let mut samples = samples.into_iter().peekable();
        while let Some(sample) = samples.next() {
            block.put(&sample);
            let full = block.samples().len() >= FULL || block.encode().len() >= LARGE;
            if full || samples.peek().is_none() {
                let block = std::mem::take(&mut block);
                if let Some(first) = block.samples().first() {
                    SERIES.put(self, &subject.key(first.at), &block)?;
                }
            }
        }
        Ok(())
    }

    fn series(&self, subject: &Subject) -> Result<Vec<Sample>, StoreError> {
        let blocks = self.prefix(Tree::Samples, &subject.prefix(), usize::MAX)?;
        samples(blocks)
    }

    pub fn latest_sample(&self, subject: &Subject) -> Result<Option<Sample>, StoreError> {
        latest(self, subject)
    }
}

fn samples(blocks: Vec<(Vec<u8>, Vec<u8>)>) -> Result<Vec<Sample>, StoreError> {
    let mut all = Vec::new();
    for (key, bytes) in blocks {
        all.extend(SERIES.decode(&key, &bytes)?.into_samples());
    }
    Ok(all)
}

fn latest(raw: &impl Raw, subject: &Subject) -> Result<Option<Sample>, StoreError> {
    let Some((key, bytes)) = raw.last(Tree::Samples, &subject.prefix())? else {
        return Ok(None);
    };
    Ok(SERIES.decode(&key, &bytes)?.pop())
}

impl View<'_> {
    /// Samples from `from` to `to`, both included, in the order of time.
    ///
    /// # Errors
    /// The store's.
    pub fn samples(
        &self,
        subject: &Subject,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Sample>, StoreError> {
        let prefix = subject.prefix();
        let start = subject.key(from);
        // The block before may reach into the range.
        let before = self.stored_last(
            Tree::Samples,
            Bound::Included(prefix.as_slice()),
            Bound::Excluded(start.as_slice()),
        )?;
        let first = before.map_or(start, |(key, _)| key);
        let last = subject.key(to);
        let blocks = self.range(
            Tree::Samples,
            Bound::Included(first.as_slice()),
            Bound::Included(last.as_slice()),
            usize::MAX,
        )?;
        let mut found = samples(blocks)?;
        found.retain(|sample| (from..=to).contains(&sample.at));
        Ok(found)
    }

    /// The last sample.
    ///
    /// # Errors
    /// The store's.
    pub fn latest_sample(&self, subject: &Subject) -> Result<Option<Sample>, StoreError> {
        latest(self, subject)
    }

    /// Series in the order of their subjects, accounts first: at most `limit` of those that
    /// come after one.
    ///
    /// # Errors
    /// The store's.
    pub fn subjects(
        &self,
        behind: Option<&Subject>,
        limit: usize,
    ) -> Result<Vec<Subject>, StoreError> {
        let mut found: Vec<Subject> = Vec::new();
        let mut from = behind.map(Subject::prefix).as_deref().map(after);
        while found.len() < limit {
            let start = match &from {
                None => Bound::Unbounded,
                Some(Some(start)) => Bound::Included(start.as_slice()),
                Some(None) => break,
            };
            let next = self.stored_range(Tree::Samples, start, Bound::Unbounded, 1)?;
            let Some((key, _)) = next.first() else {
                break;
            };
            let prefix = &key[..key.len().saturating_sub(8)];
            from = Some(after(prefix));
            found.extend(Subject::of_key(key));
        }
        Ok(found)
    }
}

/// Series that are looked at, and at most written anew, in one batch.
const BATCH: usize = 100;

/// Thins every series; how many samples went.
pub(super) fn thin_all(store: &Store, by: Thinning) -> Result<u64, StoreError> {
    let mut gone = 0;
    let mut behind: Option<Subject> = None;
    loop {
        let subjects = store.view().subjects(behind.as_ref(), BATCH)?;
        let Some(last) = subjects.last() else {
            return Ok(gone);
        };
        behind = Some(last.clone());
        // Most are as they should be: looked at before anybody waits for the writer.
        let view = store.view();
        let mut touched = Vec::new();
        for subject in subjects {
            let all = view.samples(&subject, Timestamp(0), Timestamp::MAX)?;
            let count = all.len();
            if thin(all, &by).len() < count {
                touched.push(subject);
            }
        }
        if touched.is_empty() {
            continue;
        }
        gone += store.write_blocking(move |tx| {
            let mut gone = 0;
            for subject in touched {
                let before = tx.series(&subject)?;
                let count = before.len();
                let thinned = thin(before, &by);
                gone += (count - thinned.len()) as u64;
                tx.put_series(&subject, thinned)?;
            }
            Ok::<u64, StoreError>(gone)
        })?;
    }
}

/// What is wrong with a block that can be read, in words.
pub(super) fn misplaced(key: &[u8], block: &Block) -> Option<String> {
    let begins = block.samples().first().map(|first| first.at.0);
    (begins != trailing_number(key)).then(|| {
        format!(
            "the block {} of a series is not where its first sample belongs",
            super::table::readable(key)
        )
    })
}

//! The store: sled on one machine, behind operations in the product's words.
//!
//! Everything that changes the store is a closure over [`Tx`], given to
//! [`Store::write`]. One thread applies them: it takes all closures that wait, writes their
//! changes as one batch to the journal, calls `fdatasync`, gives them to sled, and only
//! then answers each of them (group commit). So an answer means that the bytes survive a
//! power cut, and no two writers ever meet.
//!
//! The stations never see keys or bytes: what they may do is the methods of [`Tx`]
//! (changes) and [`View`] (reading), in the file of each kind of record. A second engine
//! would stand beside this one by offering the same methods.
//!
//! What sled 0.34 does not do by itself, and where it is done here: `flush` stops short of
//! `fdatasync` (`writer`); a batch over several trees costs it two writes with a wait each
//! (`journal`), so batches are made as large as the load (`writer`); values of more than a
//! segment leave the log for files that are not synced (`raw`: large values are cut into
//! pieces); a left-over of an interrupted snapshot keeps it from opening (`open`); deleted
//! space is not given back (`maintenance::compact`).

mod accounts;
mod alarms;
mod backup;
mod export;
mod jobs;
mod journal;
mod kv;
mod learned;
mod lock;
mod maintenance;
mod mark;
mod media;
mod migrate;
mod numbers;
mod open;
mod plan;
mod posts;
mod raw;
mod retention;
mod series;
mod snapshot;
mod table;
mod topics;
mod trees;
mod triggers;
mod vault;
mod writer;

use std::path::Path;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

pub use backup::{
    BackupReport, Restoration, RestoreReport, Target, accept_loss, backup, backups, prune, restore,
};
pub use export::{ExportReport, export, import, read_record, show_record, tables};
pub use jobs::{Again, Claim, DueHint, JobFilter, LaneHead, Seat};
pub use maintenance::{CheckReport, CompactReport, compact};
pub use migrate::SCHEMA;
pub use numbers::{MeasuringCalls, PostNumbers, published_at};
pub use open::Options;
pub use posts::{DeliveryFilter, DraftRecord, PublishedEntry};
pub use raw::{Tx, View};
pub use retention::{Forgotten, Horizon, tidy};
pub use series::{Block, Broken, Subject, Thinning, thin};

use raw::Trees;

/// A change among several that are written together.
pub type Change<T> = Box<dyn FnOnce(&mut Tx<'_>) -> Result<T, StoreError> + Send>;

/// A cheap handle; the store closes when the last one is dropped.
#[derive(Clone, Debug)]
pub struct Store {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    dir: std::path::PathBuf,
    trees: Arc<Trees>,
    writer: writer::Writer,
    /// Held as long as the store is open.
    _lock: lock::Lock,
}

#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    #[error("{0}")]
    Locked(lock::Held),
    #[error(
        "the store in {path} has schema {found}, and this version of jarchi knows up to {known}: \
         it was written by a newer version; use that one, or restore a backup"
    )]
    Newer {
        path: String,
        found: u32,
        known: u32,
    },
    #[error("the store in {path} can't be opened: {reason}")]
    Open { path: String, reason: String },
    #[error(
        "the store in {path} lacks the last {lost} of its {acknowledged} changes: its file was \
         cut or altered, or the disk lost what it had promised to keep. Keep it with \
         `mv {path}/db {path}/db.torn`, and `jarchi restore` the latest backup; without a \
         backup, `jarchi store accept-loss` goes on with what is left"
    )]
    Torn {
        path: String,
        lost: u64,
        acknowledged: u64,
    },
    #[error("a record can't be read ({table}, key {key}): {reason}; run `jarchi store check`")]
    Record {
        table: &'static str,
        key: String,
        reason: String,
    },
    #[error(
        "the disk of {path} has {free} left, and `daemon.keep_free` is {wanted}: nothing new is \
         accepted before there is room again"
    )]
    Full {
        path: String,
        free: crate::config::ByteSize,
        wanted: crate::config::ByteSize,
    },
    /// The disk gave back other bytes than it was given.
    #[error(
        "the store is damaged: {0}. Keep its folder under another name, then `jarchi restore` \
         the latest backup"
    )]
    Damaged(String),
    /// The disk failed or is full: nothing is written any more before a restart.
    #[error("the store can't be written any more: {0}")]
    Failed(String),
    #[error("the store is closed")]
    Closed,
    #[error("{0}")]
    Invalid(String),
}

impl Store {
    /// Opens the store in `dir`, makes it where there is none, and takes its lock.
    ///
    /// # Errors
    /// [`StoreError::Locked`] where another process has it open, [`StoreError::Newer`],
    /// [`StoreError::Open`].
    pub fn open(dir: &Path, options: &Options) -> Result<Self, StoreError> {
        let lock = lock::Lock::take(dir)?;
        let database = dir.join(open::DATABASE);
        let torn = |acknowledged: u64, found: u64| StoreError::Torn {
            path: dir.display().to_string(),
            lost: acknowledged - found,
            acknowledged,
        };
        let acknowledged = mark::acknowledged(&database);
        if acknowledged > 0 && !database.join("db").exists() {
            // sled would begin a new one in its place.
            return Err(torn(acknowledged, 0));
        }
        let trees = Arc::new(open::open(dir, options)?);
        let found = mark::found(View::new(&trees))?;
        let found = match writer::recover(&trees, &database, found)? {
            writer::Recovered::Whole(found) => found,
            writer::Recovered::Torn { last } => return Err(torn(last.max(acknowledged), found)),
        };
        if found < acknowledged {
            return Err(torn(acknowledged, found));
        }
        let writer = writer::Writer::start(trees.clone(), &database, found)?;
        let store = Store {
            inner: Arc::new(Inner {
                dir: dir.to_owned(),
                trees,
                writer,
                _lock: lock,
            }),
        };
        migrate::migrate(&store, dir)?;
        Ok(store)
    }

    /// Applies `change` atomically, and answers when it is on disk. Where `change` ends in
    /// an error, nothing of it is kept.
    ///
    /// # Errors
    /// The error of `change`, or [`StoreError::Failed`].
    pub async fn write<T, E>(
        &self,
        change: impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        self.inner.writer.submit(change, move |answer| {
            // Whoever asked may have gone.
            let _ = sender.send(answer);
        })?;
        receiver
            .await
            .unwrap_or_else(|_| Err(StoreError::Closed.into()))
    }

    /// Applies each of the changes as [`Store::write`] does, all in one batch. They are in
    /// line when this returns; what it returns waits until they are on disk.
    ///
    /// # Errors
    /// [`StoreError::Closed`]; and for each change its own, or [`StoreError::Failed`].
    pub fn write_each<T: Send + 'static>(
        &self,
        changes: Vec<Change<T>>,
    ) -> Result<impl Future<Output = Vec<Result<T, StoreError>>> + use<T>, StoreError> {
        let count = changes.len();
        let (sender, receiver) = oneshot::channel();
        if count > 0 {
            self.inner.writer.submit_each(changes, move |answers| {
                // Whoever asked may have gone.
                let _ = sender.send(answers);
            })?;
        }
        Ok(async move {
            if count == 0 {
                return Vec::new();
            }
            let closed = || (0..count).map(|_| Err(StoreError::Closed)).collect();
            receiver.await.unwrap_or_else(|_| closed())
        })
    }

    /// As [`Store::write`], for threads outside of the runtime.
    pub fn write_blocking<T, E>(
        &self,
        change: impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        self.inner.writer.submit(change, move |answer| {
            let _ = sender.send(answer);
        })?;
        receiver
            .recv()
            .unwrap_or_else(|_| Err(StoreError::Closed.into()))
    }

    /// What has been committed. Single records are read in microseconds; long scans
    /// belong on a blocking thread.
    pub fn view(&self) -> View<'_> {
        View::new(&self.inner.trees)
    }

    /// Told of every row that became due at another time, after it is on disk. One
    /// listener: the queue.
    pub fn due_hints(&self) -> mpsc::UnboundedReceiver<DueHint> {
        self.inner.writer.listen()
    }

    /// Set when the disk failed: the reason.
    pub fn failure(&self) -> Option<String> {
        self.inner.writer.failure()
    }

    /// Returns when the disk has failed: nothing is written any more before a restart.
    pub async fn failed(&self) -> String {
        self.inner.writer.failed().await
    }

    /// Whether the store's disk has as much as `wanted` bytes left. sled can't go on after
    /// a write that found no room; so what is new is turned away before, and what is under
    /// way has room for its end.
    ///
    /// # Errors
    /// [`StoreError::Full`].
    pub fn room(&self, wanted: u64) -> Result<(), StoreError> {
        use crate::config::ByteSize;
        if wanted == 0 {
            return Ok(());
        }
        let disk = rustix::fs::statvfs(&self.inner.dir)
            .map_err(|error| StoreError::Failed(error.to_string()))?;
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        if free >= wanted {
            return Ok(());
        }
        Err(StoreError::Full {
            path: self.inner.dir.display().to_string(),
            free: ByteSize(free),
            wanted: ByteSize(wanted),
        })
    }

    /// Bytes on disk.
    pub fn size_on_disk(&self) -> Result<u64, StoreError> {
        self.inner.trees.size_on_disk()
    }
}

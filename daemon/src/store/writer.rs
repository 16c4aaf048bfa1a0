//! The one thread that writes: group commit.

use std::fs::File;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::thread::JoinHandle;

use sled::Transactional;
use sled::transaction::{ConflictableTransactionError, TransactionError};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::StoreError;
use super::jobs::DueHint;
use super::mark::{self, Mark};
use super::raw::stored;
use super::raw::{Changes, Group, Tree, Trees, Tx, failed};
use super::snapshot::Kept;

/// Closures in one batch at most, so that the first of them does not wait for ever.
const LARGEST_GROUP: usize = 512;

type Apply = Box<dyn FnOnce(Result<&mut Stage<'_>, StoreError>) -> Option<Answer> + Send>;
type Answer = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

struct Stage<'a> {
    trees: &'a Trees,
    group: &'a mut Group,
}

#[derive(Debug)]
pub(super) struct Writer {
    sender: Option<Sender<Apply>>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    failure: OnceLock<String>,
    listener: Mutex<Option<UnboundedSender<DueHint>>>,
    /// Held while a batch is committed, so that a snapshot begins between two.
    snapshots: Mutex<Vec<Weak<Kept>>>,
    failed: tokio::sync::Notify,
}

impl Writer {
    pub(super) fn start(
        trees: Arc<Trees>,
        database: &Path,
        batches: u64,
    ) -> Result<Self, StoreError> {
        let open = |error: std::io::Error| StoreError::Open {
            path: database.display().to_string(),
            reason: error.to_string(),
        };
        // The log file itself: sled's `flush` leaves its bytes in the disk's cache.
        let log = File::open(database.join("db")).map_err(open)?;
        let mark = Mark::open(database).map_err(open)?;
        let (sender, receiver) = channel();
        let shared = Arc::new(Shared::default());
        let thread = std::thread::Builder::new()
            .name("store".to_owned())
            .spawn({
                let shared = shared.clone();
                move || {
                    let disk = Disk { log, mark };
                    run(&trees, &disk, batches, &receiver, &shared);
                    // It may be behind after a power cut, and is no worse than late.
                    let _ = disk.mark.sync();
                }
            })
            .map_err(open)?;
        Ok(Writer {
            sender: Some(sender),
            shared,
            thread: Some(thread),
        })
    }

    /// `answer` is called once, after the change is on disk or has failed.
    pub(super) fn submit<T, E>(
        &self,
        change: impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        answer: impl FnOnce(Result<T, E>) + Send + 'static,
    ) -> Result<(), StoreError>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let apply: Apply = Box::new(move |stage| {
            let result = stage.map_err(E::from).and_then(|stage| {
                let mut tx = Tx::new(stage.trees, stage.group)?;
                let value = change(&mut tx)?;
                tx.accept();
                Ok(value)
            });
            match result {
                Ok(value) => Some(Box::new(move |committed: Result<(), StoreError>| {
                    answer(committed.map(|()| value).map_err(E::from));
                }) as Answer),
                Err(error) => {
                    answer(Err(error));
                    None
                }
            }
        });
        self.sender
            .as_ref()
            .and_then(|sender| sender.send(apply).ok())
            .ok_or(StoreError::Closed)
    }

    pub(super) fn listen(&self) -> UnboundedReceiver<DueHint> {
        let (sender, receiver) = unbounded_channel();
        *self
            .shared
            .listener
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(sender);
        receiver
    }

    pub(super) fn failure(&self) -> Option<String> {
        self.shared.failure.get().cloned()
    }

    /// Returns when the disk has failed.
    pub(super) async fn failed(&self) -> String {
        loop {
            let told = self.shared.failed.notified();
            if let Some(reason) = self.failure() {
                return reason;
            }
            told.await;
        }
    }

    /// From now on, what a change replaces is kept for whoever holds `kept`.
    pub(super) fn keep(&self, kept: &Arc<Kept>) {
        let mut snapshots = lock(&self.shared.snapshots);
        snapshots.push(Arc::downgrade(kept));
    }
}

impl Drop for Writer {
    /// Waits for what was submitted.
    fn drop(&mut self) {
        self.sender = None;
        if let Some(thread) = self.thread.take() {
            // It only fails where the thread panicked, and then it has been reported.
            let _ = thread.join();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is written beside sled's own files.
struct Disk {
    log: File,
    mark: Mark,
}

fn run(trees: &Trees, disk: &Disk, mut batches: u64, receiver: &Receiver<Apply>, shared: &Shared) {
    let mut next_id = 0;
    while let Ok(first) = receiver.recv() {
        let mut group = Group {
            next_id,
            ..Group::default()
        };
        let mut answers = Vec::new();
        let mut taken = 0;
        let mut waiting = Some(first);
        while let Some(apply) = waiting {
            let stage = match shared.failure.get() {
                Some(reason) => Err(StoreError::Failed(reason.clone())),
                None => Ok(&mut Stage {
                    trees,
                    group: &mut group,
                }),
            };
            answers.extend(apply(stage));
            taken += 1;
            waiting = (taken < LARGEST_GROUP)
                .then(|| receiver.try_recv().ok())
                .flatten();
        }
        let committed = if group.changes.is_empty() {
            Ok(())
        } else {
            let meta = group.changes.entry(Tree::Meta).or_default();
            batches += 1;
            meta.insert(mark::KEY.to_vec(), Some(stored(batches)));
            commit(trees, disk, &group.changes, &shared.snapshots)
        };
        match &committed {
            Ok(()) => {
                next_id = group.next_id;
                if let Err(error) = disk.mark.set(batches) {
                    tracing::warn!(%error, "which batch was written last can't be noted");
                }
                let listener = shared
                    .listener
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                if let Some(listener) = listener.as_ref() {
                    for hint in group.hints {
                        // Nobody listens when the queue has stopped.
                        let _ = listener.send(hint);
                    }
                }
            }
            Err(error) => {
                // Whether the batch reached the disk is unknown, and sled does not take
                // writes after an error: stop here, and let a restart find out.
                tracing::error!(%error, "the store failed; nothing is written any more");
                let _ = shared.failure.set(error.to_string());
                shared.failed.notify_waiters();
            }
        }
        for answer in answers {
            answer(committed.clone());
        }
    }
}

fn commit(
    trees: &Trees,
    disk: &Disk,
    changes: &Changes,
    snapshots: &Mutex<Vec<Weak<Kept>>>,
) -> Result<(), StoreError> {
    let mut snapshots = lock(snapshots);
    snapshots.retain(|kept| kept.strong_count() > 0);
    for kept in snapshots.iter().filter_map(Weak::upgrade) {
        kept.before(trees, changes)?;
    }
    let batches: Vec<(Tree, sled::Batch)> = changes
        .iter()
        .map(|(tree, changes)| {
            let mut batch = sled::Batch::default();
            for (key, change) in changes {
                match change {
                    Some(value) => batch.insert(key.as_slice(), value.as_slice()),
                    None => batch.remove(key.as_slice()),
                }
            }
            (*tree, batch)
        })
        .collect();
    if let [(tree, batch)] = &batches[..] {
        let tree = trees.sled(*tree);
        tree.apply_batch(batch.clone()).map_err(failed)?;
    } else {
        let touched: Vec<sled::Tree> = batches
            .iter()
            .map(|(tree, _)| trees.sled(*tree).clone())
            .collect();
        touched
            .as_slice()
            .transaction(|views| {
                for (view, (_, batch)) in views.iter().zip(&batches) {
                    view.apply_batch(batch)?;
                }
                Ok::<(), ConflictableTransactionError<std::convert::Infallible>>(())
            })
            .map_err(|error| match error {
                TransactionError::Abort(never) => match never {},
                TransactionError::Storage(error) => failed(error),
            })?;
    }
    trees.db.flush().map_err(failed)?;
    disk.log
        .sync_data()
        .map_err(|error| StoreError::Failed(error.to_string()))
}

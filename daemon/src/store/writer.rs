//! The one thread that writes: group commit.

use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::jobs::DueHint;
use super::journal::{self, Journal};
use super::mark::{self, Mark};
use super::raw::stored;
use super::raw::{Group, Tree, Trees, Tx, failed, unwritten};
use super::snapshot::Kept;
use super::{Change, StoreError};

/// Closures in one batch at most, so that the first of them does not wait for ever.
const LARGEST_GROUP: usize = 512;

/// So long after the last batch sled's own log is made sure of, and the journal is not needed.
const QUIET: Duration = Duration::from_secs(1);

/// Bytes that wait for sled before it is given them, and in a pause of so long: what comes and
/// goes in between never reaches it.
const FRESH: usize = 2 << 20;
const PAUSE: Duration = Duration::from_millis(20);

/// Bytes that wait for sled before the writer lends a hand.
const MOST_FRESH: usize = 8 << 20;

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

impl Shared {
    fn fail(&self, error: &StoreError) {
        tracing::error!(%error, "the store failed; nothing is written any more");
        let _ = self.failure.set(error.to_string());
        self.failed.notify_waiters();
    }
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
        let mut disk = Disk::open(database).map_err(open)?;
        let (sender, receiver) = channel();
        let shared = Arc::new(Shared::default());
        let log = disk.log.try_clone().map_err(open)?;
        let (giver, given) = give_behind(&trees, log, &shared).map_err(open)?;
        let thread = std::thread::Builder::new()
            .name("store".to_owned())
            .spawn({
                let shared = shared.clone();
                move || {
                    run(&trees, &mut disk, batches, &receiver, &shared, &given);
                    drop(given);
                    // It only fails where the thread panicked, and then it has been reported.
                    let _ = giver.join();
                    disk.close(&trees, &shared);
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

    /// As `submit` for each of them, in one batch.
    pub(super) fn submit_each<T: Send + 'static>(
        &self,
        changes: Vec<Change<T>>,
        answer: impl FnOnce(Vec<Result<T, StoreError>>) + Send + 'static,
    ) -> Result<(), StoreError> {
        let apply: Apply = Box::new(move |stage| {
            let results: Vec<Result<T, StoreError>> = match stage {
                Ok(stage) => changes
                    .into_iter()
                    .map(|change| {
                        let mut tx = Tx::new(stage.trees, stage.group)?;
                        let value = change(&mut tx)?;
                        tx.accept();
                        Ok(value)
                    })
                    .collect(),
                Err(error) => changes.iter().map(|_| Err(error.clone())).collect(),
            };
            Some(Box::new(move |committed: Result<(), StoreError>| {
                let results = results.into_iter();
                answer(
                    results
                        .map(|result| result.and_then(|value| committed.clone().map(|()| value)))
                        .collect(),
                );
            }) as Answer)
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
    /// The log file itself: sled's `flush` leaves its bytes in the disk's cache.
    log: File,
    mark: Mark,
    journal: Journal,
}

impl Disk {
    fn open(database: &Path) -> std::io::Result<Self> {
        Ok(Disk {
            log: File::open(database.join("db"))?,
            mark: Mark::open(database)?,
            journal: Journal::open(database)?,
        })
    }

    /// All that sled was given is on disk in its own log.
    fn settle(&mut self, trees: &Trees) -> Result<(), StoreError> {
        settle(trees, &self.log)?;
        self.journal.restart();
        Ok(())
    }

    /// Where it fails, the next start finds what it needs in the journal.
    fn close(&mut self, trees: &Trees, shared: &Shared) {
        let settled = shared.failure.get().is_none() && self.settle(trees).is_ok();
        // The mark may be behind after a power cut, and is no worse than late.
        if settled && let Err(error) = self.journal.close().and_then(|()| self.mark.sync()) {
            tracing::debug!(%error, "the journal of a closed store is not empty");
        }
    }
}

/// What the thread behind the writer is told.
enum Told {
    /// Something waits for sled.
    Fresh,
    /// A file of the journal is full, and free when sled has what is in it, for good.
    Full(Arc<AtomicBool>),
}

/// The thread that gives sled what was written.
fn give_behind(
    trees: &Arc<Trees>,
    log: File,
    shared: &Arc<Shared>,
) -> std::io::Result<(JoinHandle<()>, SyncSender<Told>)> {
    let (sender, receiver) = sync_channel(2);
    let (trees, shared) = (trees.clone(), shared.clone());
    let thread = std::thread::Builder::new()
        .name("store-sled".to_owned())
        .spawn(move || {
            while let Ok(told) = receiver.recv() {
                let done = match told {
                    Told::Fresh => trees.give(),
                    Told::Full(needed) => {
                        settle(&trees, &log).map(|()| needed.store(false, Ordering::Release))
                    }
                };
                if let Err(error) = done {
                    shared.fail(&error);
                    return;
                }
            }
        })?;
    Ok((thread, sender))
}

fn settle(trees: &Trees, log: &File) -> Result<(), StoreError> {
    trees.give()?;
    trees.db.flush().map_err(failed)?;
    log.sync_data().map_err(|error| unwritten(&error))
}

/// Applies what an earlier process acknowledged and sled does not have; the last batch that
/// there is then. What is missing before the journal's first is seen by that.
pub(super) fn recover(trees: &Trees, database: &Path, found: u64) -> Result<Recovered, StoreError> {
    let failed = |error: std::io::Error| StoreError::Open {
        path: database.display().to_string(),
        reason: error.to_string(),
    };
    let batches = journal::read(database).map_err(failed)?;
    let log = File::open(database.join("db")).map_err(failed)?;
    let last = batches.last().map_or(0, |(number, _)| *number);
    if last <= found {
        // What a killed process left may be in the system's memory alone, and the journal is
        // written over from now on.
        settle(trees, &log)?;
        return Ok(Recovered::Whole(found));
    }
    if batches.first().is_some_and(|(first, _)| *first > found + 1) {
        return Ok(Recovered::Torn { last });
    }
    for (_, changes) in batches.iter().filter(|(number, _)| *number > found) {
        trees.lay(changes.clone());
    }
    settle(trees, &log)?;
    tracing::info!(
        batches = last - found,
        "the store's last changes were taken from its journal"
    );
    Ok(Recovered::Whole(last))
}

pub(super) enum Recovered {
    /// Everything up to this batch is there.
    Whole(u64),
    /// Batches before those of the journal are not.
    Torn { last: u64 },
}

/// The next closure. In a pause sled is given what waits; in a longer one its own log is made
/// sure of, and the journal is not needed.
fn next(
    trees: &Trees,
    disk: &mut Disk,
    receiver: &Receiver<Apply>,
    shared: &Shared,
    given: &SyncSender<Told>,
) -> Option<Apply> {
    for pause in [PAUSE, QUIET] {
        if !disk.journal.is_used() || shared.failure.get().is_some() {
            break;
        }
        match receiver.recv_timeout(pause) {
            Ok(apply) => return Some(apply),
            Err(RecvTimeoutError::Disconnected) => return None,
            Err(RecvTimeoutError::Timeout) if pause == PAUSE => {
                let _ = given.try_send(Told::Fresh);
            }
            Err(RecvTimeoutError::Timeout) => {
                if let Err(error) = disk.settle(trees) {
                    shared.fail(&error);
                }
            }
        }
    }
    receiver.recv().ok()
}

fn run(
    trees: &Trees,
    disk: &mut Disk,
    mut batches: u64,
    receiver: &Receiver<Apply>,
    shared: &Shared,
    given: &SyncSender<Told>,
) {
    let mut next_id = 0;
    while let Some(first) = next(trees, disk, receiver, shared, given) {
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
            commit(trees, disk, batches, &mut group, &shared.snapshots, given)
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
                shared.fail(error);
            }
        }
        for answer in answers {
            answer(committed.clone());
        }
    }
}

/// The batch is on disk when it returns, and then it can be seen.
fn commit(
    trees: &Trees,
    disk: &mut Disk,
    number: u64,
    group: &mut Group,
    snapshots: &Mutex<Vec<Weak<Kept>>>,
    given: &SyncSender<Told>,
) -> Result<(), StoreError> {
    if !disk.journal.stage(number, &group.changes) {
        match disk.journal.turn() {
            // Where that thread has failed, so has the store.
            Some(needed) => drop(given.send(Told::Full(needed))),
            None => disk.settle(trees)?,
        }
    }
    disk.journal.write().map_err(|error| unwritten(&error))?;
    let mut snapshots = lock(snapshots);
    snapshots.retain(|kept| kept.strong_count() > 0);
    for kept in snapshots.iter().filter_map(Weak::upgrade) {
        kept.before(trees, &group.changes)?;
    }
    match trees.lay(std::mem::take(&mut group.changes)) {
        0..FRESH => {}
        FRESH..MOST_FRESH => {
            // Where it was told already, it finds this too.
            let _ = given.try_send(Told::Fresh);
        }
        _ => trees.give()?,
    }
    Ok(())
}

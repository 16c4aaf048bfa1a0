//! The loop that hands due jobs to the worker.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::clock::Clock;
use crate::config::Retry;
use crate::model::{Fault, Job, JobFault, Lease, TimeSpan, Timestamp};
use crate::store::{Again, Change, Claim, DueHint, Seat, Store, StoreError, Tx, View};

use super::lanes::{Lanes, Rest};
use super::{Disposition, Next, Worker, after_fault};

/// How long a lease is held. The store has one daemon, so leases end with it and not by
/// time; the time is for people and for a second engine.
const LEASE: TimeSpan = TimeSpan::from_hours(1);

#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Jobs at once.
    pub concurrency: usize,
    pub retry: Retry,
}

/// Talks to a running dispatcher.
#[derive(Clone, Debug)]
pub struct Handle {
    options: Arc<watch::Sender<Options>>,
    stop: Arc<watch::Sender<bool>>,
    beat: watch::Receiver<Beat>,
}

/// What the loop was at when it went round last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beat {
    pub at: Timestamp,
    /// Jobs under way.
    pub running: usize,
    /// When it goes on by itself: the earliest due time of the lanes that do not rest.
    pub wakes: Option<Timestamp>,
}

impl Handle {
    /// Takes on new options, and asks the worker for its groups anew.
    pub fn reload(&self, options: Options) {
        self.options.send_replace(options);
    }

    /// No further job is begun; `Dispatcher::run` returns when those under way have ended.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// What the loop was at when it went round last.
    pub fn last_beat(&self) -> Beat {
        *self.beat.borrow()
    }

    /// Every round of the loop, each before it waits.
    pub fn beats(&self) -> watch::Receiver<Beat> {
        self.beat.clone()
    }
}

pub struct Dispatcher<W> {
    store: Store,
    clock: Clock,
    worker: Arc<W>,
    owner: String,
    lanes: Lanes,
    hints: mpsc::UnboundedReceiver<DueHint>,
    options: watch::Receiver<Options>,
    stop: watch::Receiver<bool>,
    beat: watch::Sender<Beat>,
    tasks: JoinSet<Ended>,
    /// Worked on, and not yet written; their lanes wait for that.
    ended: Vec<Ended>,
    writes: FuturesUnordered<Write>,
}

/// Batches on their way to the disk: while one is synced, the next is filled.
const WRITES: usize = 2;
/// Ended jobs that are worth a batch beside one that is under way.
const WORTH: usize = 16;

type Write = Pin<Box<dyn Future<Output = Written> + Send>>;

struct Written {
    /// Of the lanes whose jobs have ended.
    rests: Vec<(String, Option<Rest>)>,
    claims: Result<Vec<Claim>, StoreError>,
}

struct Ended {
    job: Job,
    disposition: Disposition,
}

impl<W: Worker> Dispatcher<W> {
    /// Takes back what an earlier run left leased, and learns when each lane is due.
    pub async fn start(
        store: Store,
        clock: Clock,
        worker: Arc<W>,
        options: Options,
    ) -> Result<(Self, Handle), StoreError> {
        let mut random = [0; 8];
        getrandom::fill(&mut random)
            .map_err(|error| StoreError::Invalid(format!("no random numbers: {error}")))?;
        let owner = format!("{}-{:016x}", std::process::id(), u64::from_be_bytes(random));
        let hints = store.due_hints();
        let now = clock.now();
        let released = {
            let owner = owner.clone();
            store
                .write(move |tx| {
                    let released = tx.release_leases(&owner, now)?;
                    told_of(tx.bring_forward(now)?);
                    Ok::<_, StoreError>(released)
                })
                .await?
        };
        if released > 0 {
            tracing::info!(released, "jobs of an interrupted run wait again");
        }
        let mut lanes = Lanes::new(options.concurrency);
        let heads = {
            let store = store.clone();
            tokio::task::spawn_blocking(move || store.view().lane_heads())
                .await
                .map_err(|error| StoreError::Invalid(error.to_string()))??
        };
        for head in heads {
            lanes.hint(&head.lane, head.due, now, || worker.group(&head.lane));
            lanes.rest(&head.lane, noted_rest(store.view(), &head.lane)?, now);
        }
        let (options_sender, options) = watch::channel(options);
        let (stop_sender, stop) = watch::channel(false);
        let (beat, beat_receiver) = watch::channel(Beat {
            at: now,
            running: 0,
            wakes: lanes.wakes(),
        });
        let handle = Handle {
            options: Arc::new(options_sender),
            stop: Arc::new(stop_sender),
            beat: beat_receiver,
        };
        let dispatcher = Dispatcher {
            store,
            clock,
            worker,
            owner,
            lanes,
            hints,
            options,
            stop,
            beat,
            tasks: JoinSet::new(),
            ended: Vec::new(),
            writes: FuturesUnordered::new(),
        };
        Ok((dispatcher, handle))
    }

    /// Runs until it is stopped and the jobs under way have ended.
    ///
    /// # Errors
    /// The store's: nothing can be claimed any more.
    pub async fn run(mut self) -> Result<(), StoreError> {
        let mut before = Timestamp(0);
        loop {
            self.gather_more().await;
            let now = self.clock.now();
            if now < before {
                self.lanes.set_back(now);
                let bring = move |tx: &mut Tx<'_>| tx.bring_forward(now);
                told_of(self.store.write(bring).await?);
            }
            before = now;
            let stopping = *self.stop.borrow();
            if stopping && self.lanes.busy() == 0 {
                return Ok(());
            }
            let worth = self.writes.is_empty() || self.ended.len() >= WORTH;
            let writable = worth && self.writes.len() < WRITES;
            if writable {
                let due = if stopping {
                    Vec::new()
                } else {
                    self.lanes.take_due(now)
                };
                if !due.is_empty() || !self.ended.is_empty() {
                    self.write(due, now)?;
                }
            }
            let wakes = self.lanes.wakes().filter(|_| !stopping && writable);
            self.beat.send_replace(Beat {
                at: now,
                running: self.lanes.busy(),
                wakes,
            });
            let clock = self.clock.clone();
            let timer = async move {
                match wakes {
                    Some(moment) => clock.sleep_until(moment).await,
                    None => std::future::pending().await,
                }
            };
            let clock = self.clock.clone();
            tokio::select! {
                Some(written) = self.writes.next() => self.written(written)?,
                Some(ended) = self.tasks.join_next() => self.ended(ended),
                Some(hint) = self.hints.recv() => self.hinted(&hint),
                () = clock.set_back(now) => {}
                Ok(()) = self.options.changed() => self.regroup(),
                Ok(()) = self.stop.changed() => {}
                () = timer => {}
            }
            self.gather();
        }
    }

    /// Short jobs end together: as long as others do, they are waited for.
    async fn gather_more(&mut self) {
        let mut before = 0;
        while self.ended.len() > before && self.lanes.running() > 0 {
            before = self.ended.len();
            tokio::task::yield_now().await;
            self.gather();
        }
    }

    /// All that has come in by now, before the next look at the clock.
    fn gather(&mut self) {
        while let Some(ended) = self.tasks.try_join_next() {
            self.ended(ended);
        }
        while let Ok(hint) = self.hints.try_recv() {
            self.hinted(&hint);
        }
    }

    fn hinted(&mut self, hint: &DueHint) {
        let now = self.clock.now();
        if hint.due != Timestamp::MAX {
            let worker = &self.worker;
            self.lanes
                .hint(&hint.lane, hint.due, now, || worker.group(&hint.lane));
        }
        if hint.rouse {
            // What the platform itself asked for is kept all the same.
            let asked = noted_rest(self.store.view(), &hint.lane);
            self.lanes.rouse(&hint.lane, asked.unwrap_or_default(), now);
        }
    }

    fn ended(&mut self, ended: Result<Ended, tokio::task::JoinError>) {
        match ended {
            Ok(ended) => {
                // Its place is free for another lane while this is written.
                self.lanes.vacate(&ended.job.lane);
                self.ended.push(ended);
            }
            // The task catches the worker's panics: only a stop of the runtime ends it so.
            Err(error) => tracing::error!(%error, "a job's task was lost"),
        }
    }

    fn regroup(&mut self) {
        let limit = self.options.borrow_and_update().concurrency;
        let worker = self.worker.clone();
        self.lanes.regroup(limit, |lane| worker.group(lane));
    }

    /// Writes what has ended and claims what is due, in one batch.
    fn write(&mut self, due: Vec<String>, now: Timestamp) -> Result<(), StoreError> {
        let retry = self.options.borrow().retry.clone();
        let ended = std::mem::take(&mut self.ended);
        let mut rests = Vec::with_capacity(ended.len());
        let mut changes: Vec<Change<Vec<Claim>>> = Vec::with_capacity(ended.len() + 1);
        for Ended { job, disposition } in ended {
            let lane = job.lane.clone();
            let (rest, change) = settle(&self.worker, &retry, job, disposition, now);
            changes.extend(change);
            rests.push((lane, rest));
        }
        let settling = changes.len();
        if !due.is_empty() {
            let seats = due.into_iter().map(|lane| Seat { lane }).collect();
            let lease = Lease {
                owner: self.owner.clone(),
                since: now,
                until: now.saturating_add(LEASE),
            };
            changes.push(Box::new(move |tx| tx.claim(seats, now, &lease)));
        }
        let results = self.store.write_each(changes)?;
        self.writes.push(Box::pin(async move {
            let mut results = results.await;
            let claims = results.split_off(settling).pop();
            for error in results.into_iter().filter_map(Result::err) {
                // Where the store has failed, the next claim ends the dispatcher.
                tracing::error!(%error, "what became of a job can't be written");
            }
            Written {
                rests,
                claims: claims.unwrap_or_else(|| Ok(Vec::new())),
            }
        }));
        Ok(())
    }

    /// # Errors
    /// The claim's.
    fn written(&mut self, written: Written) -> Result<(), StoreError> {
        let now = self.clock.now();
        for (lane, rest) in written.rests {
            self.lanes.release(&lane, rest, now);
        }
        for Claim { lane, job, next } in written.claims? {
            self.lanes.know(&lane, next);
            match job {
                Some(job) => {
                    self.lanes.begin(&lane);
                    self.begin(job);
                }
                None => {
                    self.lanes.vacate(&lane);
                    self.lanes.release(&lane, None, now);
                }
            }
        }
        Ok(())
    }

    fn begin(&mut self, job: Job) {
        metrics::histogram!("jarchi_queue_lateness_seconds")
            .record(self.clock.now().since(job.due).0 as f64 / 1000.0);
        let worker = self.worker.clone();
        self.tasks.spawn(async move {
            let working = AssertUnwindSafe(worker.run(job.clone())).catch_unwind();
            let disposition = working.await.unwrap_or_else(|_| {
                Disposition::Fault(Fault::Transient(
                    "the daemon's own code panicked; see the log".to_owned(),
                ))
            });
            Ended { job, disposition }
        });
    }
}

fn told_of(brought: u64) {
    if brought > 0 {
        tracing::warn!(
            brought,
            "the clock was set back; jobs that it had put off wait anew"
        );
    }
}

/// A lane's rest outlives the daemon: a platform that asked to be left alone still wants it
/// after a restart.
pub(crate) fn note_rest(tx: &mut Tx<'_>, lane: &str, now: Timestamp, until: Timestamp) {
    tx.set_note(&since_note(lane), Some(now));
    tx.set_note(&until_note(lane), Some(until));
}

fn noted_rest(view: View<'_>, lane: &str) -> Result<Option<Rest>, StoreError> {
    let Some(until) = view.note(&until_note(lane))? else {
        return Ok(None);
    };
    let since = view.note(&since_note(lane))?.unwrap_or_default();
    Ok(Some(Rest { since, until }))
}

fn since_note(lane: &str) -> String {
    format!("rest-since:{lane}")
}

fn until_note(lane: &str) -> String {
    format!("rest:{lane}")
}

/// The rest of a job's lane, and how what became of it is written, where the worker has not.
fn settle<W: Worker>(
    worker: &Arc<W>,
    retry: &Retry,
    job: Job,
    disposition: Disposition,
    now: Timestamp,
) -> (Option<Rest>, Option<Change<Vec<Claim>>>) {
    let rest = |until| Rest { since: now, until };
    let worker = worker.clone();
    match disposition {
        Disposition::Settled => (None, None),
        Disposition::Rest(until) => (Some(rest(until)), None),
        Disposition::Done => {
            let change: Change<_> = Box::new(move |tx| {
                worker.done(tx, &job, now)?;
                tx.complete(job.id)?;
                Ok(Vec::new())
            });
            (None, Some(change))
        }
        Disposition::Later(due) => {
            let change: Change<_> = Box::new(move |tx| {
                tx.put_off(job.id, due, Again::Later, now)?;
                Ok(Vec::new())
            });
            (None, Some(change))
        }
        Disposition::Fault(fault) => {
            let next = after_fault(&job, &fault, now, retry);
            let rest = match (&fault, &next) {
                (Fault::RateLimited(_), Next::Again(at)) => Some(rest(*at)),
                _ => None,
            };
            tracing::warn!(job = %job.id, lane = %job.lane, %fault, ?next, "a job failed");
            let entry = JobFault { at: now, fault };
            let change: Change<_> = Box::new(move |tx| {
                match &next {
                    Next::Again(at) => tx.put_off(job.id, *at, Again::Fault(entry), now)?,
                    Next::Bury(reason) => {
                        worker.buried(tx, &job, reason, now)?;
                        tx.bury(job.id, reason, Some(entry))?;
                    }
                }
                Ok(Vec::new())
            });
            (rest, Some(change))
        }
    }
}

//! Jobs: rows of the queue, their due times, leases and dead letters.
//!
//! `due` holds one key for each job that waits: lane, priority, due time, number. So the
//! next job of a lane is one seek away, however many wait behind it or in other lanes. A
//! claim moves the job from `due` to `leases`; the row itself is not written again before
//! something is to be remembered of it. `put-off` holds a key for each job whose due time
//! was reckoned from the clock: what a clock that ran ahead has put off is found by it.

use std::ops::Bound;

use crate::model::{Id, Job, JobFault, Lease, NewJob, Timestamp, Work};

use super::raw::{Raw, Tree, Tx, View, after};
use super::table::{Key, Table, trailing_number};
use super::{Store, StoreError};

pub(super) const JOBS: Table<Job> = Table::new(Tree::Jobs);
pub(super) const LEASES: Table<Lease> = Table::new(Tree::Leases);

/// Faults that a job remembers.
const HISTORY: usize = 20;

/// A job of this lane became due at this time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueHint {
    pub lane: String,
    /// `Timestamp::MAX`: none waits.
    pub due: Timestamp,
    /// The lane need not rest any longer.
    pub rouse: bool,
}

/// The earliest due time of a lane.
pub type LaneHead = DueHint;

/// Why a job waits again.
#[derive(Clone, Debug, PartialEq)]
pub enum Again {
    /// A try that failed.
    Fault(JobFault),
    /// It was too early: no try.
    Later,
    /// A step went well, or a person asked: tries are counted from nothing.
    Fresh,
}

/// A lane that may run a job now.
#[derive(Clone, Debug)]
pub struct Seat {
    pub lane: String,
}

/// What became of a [`Seat`].
#[derive(Clone, Debug)]
pub struct Claim {
    pub lane: String,
    /// None: nothing was due.
    pub job: Option<Job>,
    /// When the lane's next job is due.
    pub next: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum JobFilter {
    /// Waiting, the earliest first.
    #[default]
    Waiting,
    Running,
    Dead,
}

fn lane_prefix(lane: &str) -> Vec<u8> {
    Key::new().text(lane).build()
}

pub(super) fn due_key(job: &Job) -> Vec<u8> {
    Key::new()
        .text(&job.lane)
        .byte(job.priority as u8)
        .number(job.due.0)
        .number(job.id.0)
        .build()
}

/// When it was put off, and its number.
fn put_off_key(job: &Job) -> Option<Vec<u8>> {
    let at = job.put_off?;
    Some(Key::new().number(at.0).number(job.id.0).build())
}

/// Due time and number in a key of `due`.
fn parse_due(key: &[u8]) -> Option<(Timestamp, Id)> {
    let id = trailing_number(key)?;
    let due = trailing_number(&key[..key.len() - 8])?;
    Some((Timestamp(due), Id(id)))
}

fn lane_of(key: &[u8]) -> Option<&str> {
    let end = key.iter().position(|byte| *byte == 0)?;
    std::str::from_utf8(&key[..end]).ok()
}

/// The first job of a priority in a lane, and when the one behind it is due.
struct Head {
    key: Vec<u8>,
    due: Timestamp,
    id: Id,
    second: Option<Timestamp>,
}

/// The heads of a lane's priorities in which some wait, the most urgent first: a seek each,
/// and one that finds nothing more where the last has several.
fn heads(raw: &impl Raw, lane: &str) -> Result<Vec<Head>, StoreError> {
    let mut heads = Vec::new();
    let mut from = lane_prefix(lane);
    let end = after(&from);
    let to = end.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
    loop {
        let pairs = raw.stored_range(Tree::Due, Bound::Included(&from), to, 2)?;
        let last = pairs.len() < 2;
        let mut pairs = pairs.into_iter();
        let Some((key, _)) = pairs.next() else {
            return Ok(heads);
        };
        let Some((due, id)) = parse_due(&key) else {
            return Ok(heads);
        };
        let priority = key[..key.len() - 16].to_vec();
        let behind = pairs.next().filter(|(key, _)| key.starts_with(&priority));
        let behind = behind.and_then(|(key, _)| parse_due(&key));
        let second = behind.map(|(due, _)| due);
        heads.push(Head {
            key,
            due,
            id,
            second,
        });
        match after(&priority) {
            Some(next) if !last => from = next,
            _ => return Ok(heads),
        }
    }
}

fn next_due(raw: &impl Raw, lane: &str) -> Result<Option<Timestamp>, StoreError> {
    Ok(heads(raw, lane)?.iter().map(|head| head.due).min())
}

impl Tx<'_> {
    pub fn enqueue(&mut self, new: NewJob, now: Timestamp) -> Result<Id, StoreError> {
        let job = Job {
            id: self.new_id(),
            lane: new.lane,
            priority: new.priority,
            due: new.due,
            created_at: now,
            work: new.work,
            tries: 0,
            faults: Vec::new(),
            dead: None,
            put_off: None,
        };
        JOBS.put_new(self, &job.id.to_key(), &job)?;
        self.put_due(&job);
        Ok(job.id)
    }

    fn put_due(&mut self, job: &Job) {
        self.put(Tree::Due, &due_key(job), Vec::new());
        self.hint(DueHint {
            lane: job.lane.clone(),
            due: job.due,
            rouse: false,
        });
    }

    /// Leases the next due job of each seat's lane.
    pub fn claim(
        &mut self,
        seats: Vec<Seat>,
        now: Timestamp,
        lease: &Lease,
    ) -> Result<Vec<Claim>, StoreError> {
        let mut claims = Vec::with_capacity(seats.len());
        for Seat { lane } in seats {
            let mut heads = heads(self, &lane)?;
            let mut job = None;
            if let Some(head) = heads.iter_mut().find(|head| head.due <= now) {
                let found = self.expect_job(head.id)?;
                self.remove(Tree::Due, &head.key);
                self.forget_put_off(&found);
                LEASES.put(self, &head.id.to_key(), lease)?;
                head.due = head.second.unwrap_or(Timestamp::MAX);
                job = Some(found);
            }
            let next = heads.iter().map(|head| head.due).min();
            let next = next.filter(|next| *next != Timestamp::MAX);
            claims.push(Claim { lane, job, next });
        }
        Ok(claims)
    }

    /// The job is done, and forgotten.
    pub fn complete(&mut self, id: Id) -> Result<(), StoreError> {
        if let Some(job) = JOBS.take(self, &id.to_key())? {
            self.unqueue(&job)?;
        }
        Ok(())
    }

    /// The job waits again, until `due`: a time that somebody chose.
    pub fn reschedule(&mut self, id: Id, due: Timestamp, why: Again) -> Result<(), StoreError> {
        self.wait_again(id, due, why, None)
    }

    /// As [`Tx::reschedule`], until a time that was reckoned from `now`.
    pub fn put_off(
        &mut self,
        id: Id,
        due: Timestamp,
        why: Again,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.wait_again(id, due, why, (due > now).then_some(now))
    }

    fn wait_again(
        &mut self,
        id: Id,
        due: Timestamp,
        why: Again,
        put_off: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        let mut job = self.expect_job(id)?;
        self.unqueue(&job)?;
        match why {
            Again::Fault(fault) => {
                job.tries += 1;
                job.remember(fault);
            }
            Again::Later => {}
            Again::Fresh => job.tries = 0,
        }
        job.dead = None;
        self.wait(job, due, put_off)
    }

    fn wait(
        &mut self,
        mut job: Job,
        due: Timestamp,
        put_off: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        job.due = due;
        job.put_off = put_off;
        JOBS.put(self, &job.id.to_key(), &job)?;
        if let Some(key) = put_off_key(&job) {
            self.put(Tree::PutOff, &key, Vec::new());
        }
        self.put_due(&job);
        Ok(())
    }

    /// The clock shows `now`, and what was put off by one that showed more waits as long
    /// from now on: else a post would wait for years where the clock was years ahead. A
    /// delivery goes out no sooner than it is due.
    pub fn bring_forward(&mut self, now: Timestamp) -> Result<u64, StoreError> {
        let later = Key::new().number(now.0.saturating_add(1)).build();
        let from = Bound::Included(later.as_slice());
        let mut brought = 0;
        for (key, _) in self.range(Tree::PutOff, from, Bound::Unbounded, usize::MAX)? {
            let id = Id(trailing_number(&key).unwrap_or_default());
            let Some(job) = self.job(id)? else {
                continue;
            };
            let Some(at) = job.put_off.filter(|at| *at > now) else {
                continue;
            };
            let mut due = now.saturating_add(job.due.since(at));
            if let Work::Publish { delivery } = &job.work
                && let Some(delivery) = self.delivery(*delivery)?
            {
                due = due.max(delivery.due.min(job.due));
            }
            self.unqueue(&job)?;
            self.wait(job, due, Some(now))?;
            brought += 1;
        }
        Ok(brought)
    }

    fn forget_put_off(&mut self, job: &Job) {
        if let Some(key) = put_off_key(job) {
            self.remove(Tree::PutOff, &key);
        }
    }

    /// The job becomes a dead letter, kept with its history.
    pub fn bury(
        &mut self,
        id: Id,
        reason: &str,
        fault: Option<JobFault>,
    ) -> Result<(), StoreError> {
        let mut job = self.expect_job(id)?;
        self.unqueue(&job)?;
        if let Some(fault) = fault {
            job.tries += 1;
            job.remember(fault);
        }
        job.dead = Some(reason.to_owned());
        JOBS.put(self, &id.to_key(), &job)?;
        self.put(Tree::Dead, &id.to_key(), Vec::new());
        Ok(())
    }

    /// Jobs whose leases are not `owner`'s wait again, at once. Called when the store was
    /// opened: whoever held them is gone.
    pub fn release_leases(&mut self, owner: &str, now: Timestamp) -> Result<u64, StoreError> {
        let mut released = 0;
        for (key, bytes) in self.prefix(Tree::Leases, &[], usize::MAX)? {
            if LEASES.decode(&key, &bytes)?.owner == owner {
                continue;
            }
            let id = Id(trailing_number(&key).unwrap_or_default());
            self.remove(Tree::Leases, &key);
            if let Some(mut job) = JOBS.get(self, &id.to_key())? {
                // First in its lane: it was begun before the others.
                job.due = job.due.min(now);
                JOBS.put(self, &id.to_key(), &job)?;
                self.put_due(&job);
                released += 1;
            }
        }
        Ok(released)
    }

    /// Out of `due`, `leases` and `dead`, of which it is in one; the row stays.
    fn unqueue(&mut self, job: &Job) -> Result<(), StoreError> {
        let key = job.id.to_key();
        self.forget_put_off(job);
        if job.dead.is_some() {
            self.remove(Tree::Dead, &key);
        } else if self.contains(Tree::Leases, &key)? {
            self.remove(Tree::Leases, &key);
        } else {
            self.remove(Tree::Due, &due_key(job));
        }
        Ok(())
    }

    fn expect_job(&self, id: Id) -> Result<Job, StoreError> {
        JOBS.get(self, &id.to_key())?
            .ok_or_else(|| JOBS.broken(&id.to_key(), "the job is missing".to_owned()))
    }

    /// Ends a lane's rest; also where none waits in it now, so that the next one finds it
    /// awake.
    pub fn rouse(&mut self, lane: &str) -> Result<(), StoreError> {
        let due = next_due(self, lane)?.unwrap_or(Timestamp::MAX);
        self.hint(DueHint {
            lane: lane.to_owned(),
            due,
            rouse: true,
        });
        Ok(())
    }

    pub fn job(&self, id: Id) -> Result<Option<Job>, StoreError> {
        JOBS.get(self, &id.to_key())
    }

    pub fn is_leased(&self, id: Id) -> Result<bool, StoreError> {
        self.contains(Tree::Leases, &id.to_key())
    }

    /// The job of this lane that waits for the same work, not one that is under way.
    pub fn waiting_for(&self, lane: &str, work: &Work) -> Result<Option<Job>, StoreError> {
        for (key, _) in self.prefix(Tree::Due, &lane_prefix(lane), usize::MAX)? {
            let id = Id(trailing_number(&key).unwrap_or_default());
            if let Some(job) = self.job(id)?
                && job.work == *work
            {
                return Ok(Some(job));
            }
        }
        Ok(None)
    }
}

impl Job {
    fn remember(&mut self, fault: JobFault) {
        self.faults.push(fault);
        let extra = self.faults.len().saturating_sub(HISTORY);
        self.faults.drain(..extra);
    }

    pub fn is_publish_of(&self, delivery: Id) -> bool {
        self.work == Work::Publish { delivery }
    }
}

impl View<'_> {
    pub fn job(&self, id: Id) -> Result<Option<Job>, StoreError> {
        JOBS.get(self, &id.to_key())
    }

    pub fn lease(&self, id: Id) -> Result<Option<Lease>, StoreError> {
        LEASES.get(self, &id.to_key())
    }

    /// The earliest due time of every lane: one seek a lane and priority.
    pub fn lane_heads(&self) -> Result<Vec<LaneHead>, StoreError> {
        let mut heads = Vec::new();
        let mut from = Bound::Unbounded;
        let mut last: Vec<u8>;
        loop {
            let first = self.stored_range(Tree::Due, from, Bound::Unbounded, 1)?;
            let Some(lane) = first.first().and_then(|(key, _)| lane_of(key)) else {
                return Ok(heads);
            };
            if let Some(due) = next_due(self, lane)? {
                heads.push(LaneHead {
                    lane: lane.to_owned(),
                    due,
                    rouse: false,
                });
            }
            // Past every priority of this lane.
            last = Key::new().text(lane).byte(u8::MAX).build();
            from = Bound::Included(&last);
        }
    }

    /// Jobs by their state, at most `limit`; those that wait in the order of their due
    /// times.
    pub fn jobs(&self, filter: JobFilter, limit: usize) -> Result<Vec<Job>, StoreError> {
        let mut ids: Vec<(Timestamp, Id)> = match filter {
            JobFilter::Waiting => {
                let keys =
                    self.stored_range(Tree::Due, Bound::Unbounded, Bound::Unbounded, usize::MAX)?;
                keys.iter().filter_map(|(key, _)| parse_due(key)).collect()
            }
            JobFilter::Running | JobFilter::Dead => {
                let tree = if filter == JobFilter::Running {
                    Tree::Leases
                } else {
                    Tree::Dead
                };
                let keys =
                    self.stored_range(tree, Bound::Unbounded, Bound::Unbounded, usize::MAX)?;
                keys.iter()
                    .filter_map(|(key, _)| trailing_number(key))
                    .map(|id| (Timestamp(0), Id(id)))
                    .collect()
            }
        };
        ids.sort_unstable();
        ids.into_iter()
            .take(limit)
            .filter_map(|(_, id)| self.job(id).transpose())
            .collect()
    }

    /// When the job that is due first is due, over all lanes; for the health page.
    pub fn earliest_due(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.lane_heads()?.iter().map(|head| head.due).min())
    }
}

impl Store {
    /// Enqueues one job; durable when it returns.
    pub async fn enqueue(&self, new: NewJob, now: Timestamp) -> Result<Id, StoreError> {
        self.write(move |tx| tx.enqueue(new, now)).await
    }
}

//! The dispatcher over a real store, against what anybody would expect of a queue: any
//! order of arrivals, ends, faults, cancellations, moves, deaths and clocks that are set.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "what goes wrong fails the test"
)]

mod common;

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::START;
use jarchi::clock::{Clock, Hands};
use jarchi::config::Retry;
use jarchi::model::{Fault, Id, Job, NewJob, Priority, TimeSpan, Timestamp, Work};
use jarchi::queue::{
    Dispatcher, Disposition, Group, Handle, Next, Options, Worker, Working, after_fault,
};
use jarchi::store::{Again, JobFilter, Store, StoreError};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

const LANES: usize = 5;
const AT_ONCE: usize = 3;
const RETRY: Retry = Retry {
    attempts: 3,
    first: TimeSpan::from_secs(30),
    longest: TimeSpan::from_mins(10),
};
/// How long a start that must come is waited for: far longer than it takes.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Clone, Debug)]
enum Op {
    Enqueue {
        lane: usize,
        priority: usize,
        late: i64,
    },
    /// One that runs ends like this.
    End {
        job: usize,
        how: End,
    },
    Cancel(usize),
    Move {
        job: usize,
        late: i64,
    },
    Crash,
    /// The clock is set, or time passes.
    Clock(i64),
}

#[derive(Clone, Debug)]
enum End {
    Done,
    Later(i64),
    Transient,
    Limited(Option<u64>),
    Invalid,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    // Seconds; some are equal, so that ties are met.
    let near = || (-6i64..12).prop_map(|step| step * 10);
    let end = prop_oneof![
        4 => Just(End::Done),
        2 => near().prop_map(End::Later),
        2 => Just(End::Transient),
        1 => prop::option::of(1u64..120).prop_map(End::Limited),
        1 => Just(End::Invalid),
    ];
    let op = prop_oneof![
        6 => (0..LANES, 0..3usize, near())
            .prop_map(|(lane, priority, late)| Op::Enqueue { lane, priority, late }),
        6 => (any::<usize>(), end).prop_map(|(job, how)| Op::End { job, how }),
        1 => any::<usize>().prop_map(Op::Cancel),
        1 => (any::<usize>(), near()).prop_map(|(job, late)| Op::Move { job, late }),
        1 => Just(Op::Crash),
        4 => (0i64..90).prop_map(Op::Clock),
        1 => prop_oneof![Just(-3600i64), Just(-60), Just(3600), Just(86_400)].prop_map(Op::Clock),
    ];
    prop::collection::vec(op, 1..40)
}

/// Jobs that were begun, and how they are ended.
struct Bench {
    begun: mpsc::UnboundedSender<(Job, oneshot::Sender<Disposition>)>,
    case: u64,
}

impl Worker for Bench {
    fn run(&self, job: Job) -> Working<'_> {
        let (end, ended) = oneshot::channel();
        let _ = self.begun.send((job, end));
        Box::pin(async move {
            match ended.await {
                Ok(disposition) => disposition,
                // The case is over.
                Err(_) => std::future::pending().await,
            }
        })
    }

    fn group(&self, lane: &str) -> Group {
        let number = (0..LANES).find(|number| lane == lane_of(self.case, *number));
        group_of(number.unwrap_or_default())
    }
}

fn lane_of(case: u64, number: usize) -> String {
    format!("{case}:{number}")
}

/// Three lanes share two places, the others have enough.
fn group_of(lane: usize) -> Group {
    let (name, limit) = if lane < 3 { ("few", 2) } else { ("many", 8) };
    Group {
        name: name.to_owned(),
        limit,
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    Waiting,
    Running,
    Dead,
}

#[derive(Clone, Debug)]
struct Row {
    lane: usize,
    priority: Priority,
    due: Timestamp,
    tries: u32,
    place: Place,
    /// When its due time was reckoned from the clock.
    put_off: Option<Timestamp>,
}

/// What must be so.
#[derive(Debug, Default)]
struct Model {
    rows: BTreeMap<Id, Row>,
    /// A lane rests from then until then, by whatever clock.
    rests: [Option<(Timestamp, Timestamp)>; LANES],
}

impl Model {
    fn running(&self, of: impl Fn(usize) -> bool) -> usize {
        let rows = self.rows.values();
        rows.filter(|row| row.place == Place::Running && of(row.lane))
            .count()
    }

    /// The job that the lane would begin now.
    fn head(&self, lane: usize, now: Timestamp) -> Option<Id> {
        let waits = |row: &Row| row.lane == lane && row.place == Place::Waiting && row.due <= now;
        let due = self.rows.iter().filter(|(_, row)| waits(row));
        due.min_by_key(|(id, row)| (rank(row.priority), row.due, **id))
            .map(|(id, _)| *id)
    }

    fn has_room(&self, lane: usize) -> bool {
        let group = group_of(lane);
        self.running(|_| true) < AT_ONCE
            && self.running(|other| group_of(other) == group) < group.limit
            && self.running(|other| other == lane) == 0
    }

    fn rests(&self, lane: usize, now: Timestamp) -> bool {
        self.rests[lane].is_some_and(|(since, until)| since <= now && now < until)
    }

    /// Lanes that must go on.
    fn owed(&self, now: Timestamp) -> Vec<usize> {
        let goes = |lane: &usize| {
            self.has_room(*lane) && !self.rests(*lane, now) && self.head(*lane, now).is_some()
        };
        (0..LANES).filter(goes).collect()
    }

    fn begun(&mut self, job: &Job, now: Timestamp) {
        let row = self.rows.get(&job.id);
        let row = row.unwrap_or_else(|| panic!("{job:?} was begun and is not there"));
        let lane = row.lane;
        assert_eq!(row.place, Place::Waiting, "{job:?} was begun");
        assert_eq!((row.due, row.tries), (job.due, job.tries), "{job:?}");
        assert!(self.has_room(lane), "no room for {job:?}");
        assert!(!self.rests(lane, now), "{job:?} disturbs its lane");
        assert_eq!(
            self.head(lane, now),
            Some(job.id),
            "{job:?} is not the first"
        );
        self.rests[lane] = None;
        if let Some(row) = self.rows.get_mut(&job.id) {
            (row.place, row.put_off) = (Place::Running, None);
        }
    }

    /// The clock shows less: what was put off by more waits as long from now on.
    fn set_back(&mut self, now: Timestamp) {
        for row in self.rows.values_mut() {
            if let Some(at) = row.put_off.filter(|at| *at > now) {
                row.due = now.saturating_add(row.due.since(at));
                row.put_off = Some(now);
            }
        }
    }

    fn waiting(&self) -> Vec<Id> {
        let rows = self.rows.iter();
        rows.filter(|(_, row)| row.place == Place::Waiting)
            .map(|(id, _)| *id)
            .collect()
    }
}

fn rank(priority: Priority) -> usize {
    let all = Priority::ALL;
    all.iter()
        .position(|one| *one == priority)
        .unwrap_or(usize::MAX)
}

fn moved(moment: Timestamp, seconds: i64) -> Timestamp {
    let span = TimeSpan::from_secs(seconds.unsigned_abs());
    if seconds < 0 {
        moment.saturating_sub(span)
    } else {
        moment.saturating_add(span)
    }
}

struct World<'a> {
    store: &'a Store,
    case: u64,
    clock: Clock,
    hands: Hands,
    model: Model,
    running: BTreeMap<Id, (Job, oneshot::Sender<Disposition>)>,
    begun: Begun,
    /// Begun before anybody asked.
    early: VecDeque<(Job, oneshot::Sender<Disposition>)>,
    task: JoinHandle<()>,
    handle: Handle,
}

impl<'a> World<'a> {
    async fn new(store: &'a Store, case: u64) -> Self {
        clear(store).await;
        let (clock, hands) = Clock::manual(START);
        let (task, handle, begun) = start(store, &clock, case).await;
        World {
            store,
            case,
            clock,
            hands,
            model: Model::default(),
            running: BTreeMap::new(),
            begun,
            early: VecDeque::new(),
            task,
            handle,
        }
    }

    fn next(&mut self) -> Option<(Job, oneshot::Sender<Disposition>)> {
        self.early
            .pop_front()
            .or_else(|| self.begun.try_recv().ok())
    }

    /// Waits for all that must begin, and holds what begins against the rules.
    async fn settle(&mut self) {
        loop {
            let now = self.clock.now();
            while let Some((job, end)) = self.next() {
                self.model.begun(&job, now);
                self.running.insert(job.id, (job, end));
            }
            let owed = self.model.owed(now);
            if owed.is_empty() {
                return;
            }
            match tokio::time::timeout(PATIENCE, self.begun.recv()).await {
                Ok(Some((job, end))) => {
                    self.model.begun(&job, now);
                    self.running.insert(job.id, (job, end));
                }
                _ => panic!("lanes {owed:?} do not go on: {:#?}", self.model),
            }
        }
    }

    async fn apply(&mut self, op: Op) {
        let now = self.clock.now();
        let pick = |number: usize, ids: &[Id]| (!ids.is_empty()).then(|| ids[number % ids.len()]);
        match op {
            Op::Enqueue {
                lane,
                priority,
                late,
            } => {
                let row = Row {
                    lane,
                    priority: Priority::ALL[priority],
                    due: moved(now, late),
                    tries: 0,
                    place: Place::Waiting,
                    put_off: None,
                };
                let new = NewJob {
                    lane: lane_of(self.case, lane),
                    priority: row.priority,
                    due: row.due,
                    work: Work::Idle {
                        note: String::new(),
                    },
                };
                let id = self.store.enqueue(new, now).await.expect("written");
                self.model.rows.insert(id, row);
            }
            Op::End { job, how } => {
                let ids: Vec<Id> = self.running.keys().copied().collect();
                if let Some(id) = pick(job, &ids) {
                    self.end(id, how, now).await;
                }
            }
            Op::Cancel(job) => {
                if let Some(id) = pick(job, &self.model.waiting()) {
                    let done = self.store.write(move |tx| tx.complete(id)).await;
                    done.expect("written");
                    self.model.rows.remove(&id);
                }
            }
            Op::Move { job, late } => {
                if let Some(id) = pick(job, &self.model.waiting()) {
                    let due = moved(now, late);
                    let done = self
                        .store
                        .write(move |tx| tx.reschedule(id, due, Again::Fresh));
                    done.await.expect("written");
                    if let Some(row) = self.model.rows.get_mut(&id) {
                        (row.due, row.tries, row.put_off) = (due, 0, None);
                    }
                }
            }
            Op::Crash => self.crash(now).await,
            Op::Clock(seconds) => {
                // What it does by the old time is done.
                self.idle().await;
                self.hands.set(moved(now, seconds));
                if seconds < 0 {
                    self.idle().await;
                    self.model.set_back(self.clock.now());
                }
            }
        }
    }

    /// Waits until the dispatcher waits: for the clock, or for somebody.
    async fn idle(&self) {
        // The first round may have begun before it was asked for.
        for _ in 0..3 {
            let mut beats = self.handle.beats();
            beats.mark_unchanged();
            self.handle.reload(options());
            let beat = tokio::time::timeout(PATIENCE, beats.changed()).await;
            beat.expect("it goes round").expect("it lives");
        }
    }

    async fn end(&mut self, id: Id, how: End, now: Timestamp) {
        let (Some((job, end)), Some(row)) =
            (self.running.remove(&id), self.model.rows.get_mut(&id))
        else {
            return;
        };
        let disposition = match how {
            End::Done => {
                self.model.rows.remove(&id);
                Disposition::Done
            }
            End::Later(late) => {
                (row.due, row.place) = (moved(now, late), Place::Waiting);
                row.put_off = (row.due > now).then_some(now);
                Disposition::Later(row.due)
            }
            End::Transient | End::Limited(_) | End::Invalid => {
                let fault = match how {
                    End::Limited(span) => Fault::RateLimited(span.map(TimeSpan::from_secs)),
                    End::Invalid => Fault::Invalid("too long".to_owned()),
                    _ => Fault::Transient("busy".to_owned()),
                };
                row.tries += 1;
                match after_fault(&job, &fault, now, &RETRY) {
                    Next::Again(at) => {
                        (row.due, row.place) = (at, Place::Waiting);
                        row.put_off = Some(now);
                        if let Fault::RateLimited(_) = fault {
                            self.model.rests[row.lane] = Some((now, at));
                        }
                    }
                    Next::Bury(_) => row.place = Place::Dead,
                }
                Disposition::Fault(fault)
            }
        };
        end.send(disposition).expect("it waits for its end");
        // Written: others may take hold of the row from now on. It may have begun anew by then.
        let written = async {
            while self.store.view().lease(id).expect("readable").is_some() {
                while let Ok(begun) = self.begun.try_recv() {
                    self.early.push_back(begun);
                }
                if self.early.iter().any(|(job, _)| job.id == id) {
                    break;
                }
                tokio::task::yield_now().await;
            }
        };
        let written = tokio::time::timeout(PATIENCE, written).await;
        written.expect("its end is written");
    }

    /// The process dies, and another one opens the same store.
    async fn crash(&mut self, now: Timestamp) {
        self.task.abort();
        let _ = (&mut self.task).await;
        self.running.clear();
        for row in self.model.rows.values_mut() {
            if row.place == Place::Running {
                (row.place, row.due) = (Place::Waiting, row.due.min(now));
            }
        }
        self.model.rests = Default::default();
        (self.task, self.handle, self.begun) = start(self.store, &self.clock, self.case).await;
    }

    /// The store says the same of each job; then they are cleared away.
    async fn finish(mut self) {
        self.settle().await;
        for (id, row) in &self.model.rows {
            let job = self.store.view().job(*id).expect("readable");
            let job = job.unwrap_or_else(|| panic!("{id} is lost: {row:?}"));
            assert_eq!((job.due, job.tries), (row.due, row.tries), "{id}");
            assert_eq!(job.dead.is_some(), row.place == Place::Dead, "{id}");
            let leased = self.store.view().lease(*id).expect("readable").is_some();
            assert_eq!(leased, row.place == Place::Running, "{id}");
        }
        let mut known: Vec<Id> = self.model.rows.keys().copied().collect();
        let mut there = rows(self.store);
        known.sort();
        there.sort();
        assert_eq!(there, known);
        self.task.abort();
        let _ = (&mut self.task).await;
    }
}

fn rows(store: &Store) -> Vec<Id> {
    let all = [JobFilter::Waiting, JobFilter::Running, JobFilter::Dead];
    all.iter()
        .flat_map(|filter| store.view().jobs(*filter, usize::MAX).expect("readable"))
        .map(|job| job.id)
        .collect()
}

/// What a case before left, one that failed too.
async fn clear(store: &Store) {
    let ids = rows(store);
    let cleared = store.write(move |tx| {
        for id in ids {
            tx.complete(id)?;
        }
        Ok::<_, StoreError>(())
    });
    cleared.await.expect("written");
}

type Begun = mpsc::UnboundedReceiver<(Job, oneshot::Sender<Disposition>)>;

fn options() -> Options {
    Options {
        concurrency: AT_ONCE,
        retry: RETRY,
    }
}

async fn start(store: &Store, clock: &Clock, case: u64) -> (JoinHandle<()>, Handle, Begun) {
    let (sender, begun) = mpsc::unbounded_channel();
    let bench = Bench {
        begun: sender,
        case,
    };
    let started = Dispatcher::start(store.clone(), clock.clone(), Arc::new(bench), options()).await;
    let (dispatcher, handle) = started.expect("it starts");
    let task = tokio::spawn(async move {
        dispatcher.run().await.expect("the store works");
    });
    (task, handle, begun)
}

#[test]
fn the_dispatcher_does_as_a_queue_does() {
    // In memory where there is such a folder: it is not the disk that is tested here.
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() {
        tempfile::tempdir_in(memory)
    } else {
        tempfile::tempdir()
    };
    let folder = folder.expect("a folder");
    let store = common::open(folder.path());
    let runtime = Runtime::new().expect("a runtime");
    let case = Mutex::new(0_u64);
    let config = Config {
        cases: 2000,
        failure_persistence: None,
        max_shrink_iters: 100,
        ..Config::default()
    };
    let outcome = TestRunner::new(config).run(&ops(), |ops| {
        let number = {
            let mut case = case.lock().expect("no panic while it is held");
            *case += 1;
            *case
        };
        runtime.block_on(async {
            let mut world = World::new(&store, number).await;
            for op in ops {
                world.apply(op).await;
                world.settle().await;
            }
            world.finish().await;
        });
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
    let report = store.check(|_| ()).expect("it can be read");
    assert_eq!(report.problems, Vec::<String>::new());
}

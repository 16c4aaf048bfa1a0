//! The queue's rows against a plain list.

use jarchi::model::{Fault, Id, JobFault, Lease, NewJob, Priority, Timestamp, Work};
use jarchi::store::{Again, Claim, JobFilter, Seat, Store, StoreError, Tx};
use proptest::prelude::*;

use crate::common::{open, scratch};

const LANES: [&str; 3] = ["lane", "lane2", "a"];
const OWNER: &str = "this run";

#[derive(Clone, Debug)]
enum Op {
    Enqueue {
        lane: usize,
        priority: usize,
        due: u64,
    },
    Claim {
        lanes: Vec<usize>,
        now: u64,
    },
    Complete(usize),
    Fail {
        job: usize,
        due: u64,
    },
    Later {
        job: usize,
        due: u64,
    },
    Fresh {
        job: usize,
        due: u64,
    },
    Bury {
        job: usize,
        fault: bool,
    },
    Release {
        own: bool,
        now: u64,
    },
}

/// What goes into one write; one that fails at its end leaves nothing.
#[derive(Clone, Debug)]
struct Write {
    ops: Vec<Op>,
    fails: bool,
    reopen: bool,
}

fn ops() -> impl Strategy<Value = Op> {
    let lane = 0..LANES.len();
    let time = 0..20u64;
    prop_oneof![
        5 => (lane.clone(), 0..3usize, time.clone())
            .prop_map(|(lane, priority, due)| Op::Enqueue { lane, priority, due }),
        5 => (prop::collection::vec(lane, 1..4), time.clone())
            .prop_map(|(lanes, now)| Op::Claim { lanes, now }),
        2 => any::<usize>().prop_map(Op::Complete),
        2 => (any::<usize>(), time.clone()).prop_map(|(job, due)| Op::Fail { job, due }),
        1 => (any::<usize>(), time.clone()).prop_map(|(job, due)| Op::Later { job, due }),
        1 => (any::<usize>(), time.clone()).prop_map(|(job, due)| Op::Fresh { job, due }),
        1 => (any::<usize>(), any::<bool>()).prop_map(|(job, fault)| Op::Bury { job, fault }),
        1 => (any::<bool>(), time).prop_map(|(own, now)| Op::Release { own, now }),
    ]
}

fn writes() -> impl Strategy<Value = Vec<Write>> {
    let write = (
        prop::collection::vec(ops(), 1..8),
        prop::bool::weighted(0.2),
        prop::bool::weighted(0.1),
    );
    let write = write.prop_map(|(ops, fails, reopen)| Write { ops, fails, reopen });
    prop::collection::vec(write, 1..25)
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    Waiting,
    Leased,
    Dead,
}

#[derive(Clone, Debug)]
struct Row {
    id: Id,
    lane: &'static str,
    priority: Priority,
    due: u64,
    tries: u32,
    faults: usize,
    place: Place,
}

#[derive(Clone, Debug, Default)]
struct Model {
    rows: Vec<Row>,
}

fn fault(at: u64) -> JobFault {
    JobFault {
        at: Timestamp(at),
        fault: Fault::Transient("busy".to_owned()),
    }
}

impl Model {
    fn first(&self, lane: &str, priority: Option<Priority>) -> Option<usize> {
        let of_lane = |row: &&Row| {
            row.place == Place::Waiting
                && row.lane == lane
                && priority.is_none_or(|priority| row.priority == priority)
        };
        let first = self.rows.iter().filter(of_lane);
        let first = first.min_by_key(|row| (row.due, row.id))?.id;
        self.rows.iter().position(|row| row.id == first)
    }

    fn claim(&mut self, lane: &'static str, now: u64) -> (Option<Id>, Option<u64>) {
        let mut claimed = None;
        for priority in Priority::ALL {
            if let Some(at) = self.first(lane, Some(priority))
                && self.rows[at].due <= now
            {
                self.rows[at].place = Place::Leased;
                claimed = Some(self.rows[at].id);
                break;
            }
        }
        (claimed, self.first(lane, None).map(|at| self.rows[at].due))
    }

    fn again(&mut self, at: usize, due: u64) -> &mut Row {
        let row = &mut self.rows[at];
        row.place = Place::Waiting;
        row.due = due;
        row
    }
}

/// Both do the same; what the store answers is compared at once.
fn apply(op: &Op, model: &mut Model, tx: &mut Tx<'_>) -> Result<(), StoreError> {
    let pick =
        |job: &usize, model: &Model| (!model.rows.is_empty()).then(|| job % model.rows.len());
    match op {
        Op::Enqueue {
            lane,
            priority,
            due,
        } => {
            let (lane, priority) = (LANES[*lane], Priority::ALL[*priority]);
            let new = NewJob {
                lane: lane.to_owned(),
                priority,
                due: Timestamp(*due),
                work: Work::Idle {
                    note: format!("due {due}"),
                },
            };
            let id = tx.enqueue(new, Timestamp(0))?;
            assert!(model.rows.iter().all(|row| row.id != id), "{id} twice");
            model.rows.push(Row {
                id,
                lane,
                priority,
                due: *due,
                tries: 0,
                faults: 0,
                place: Place::Waiting,
            });
        }
        Op::Claim { lanes, now } => {
            let seats = lanes
                .iter()
                .map(|lane| Seat {
                    lane: LANES[*lane].to_owned(),
                })
                .collect();
            let lease = Lease {
                owner: OWNER.to_owned(),
                since: Timestamp(*now),
                until: Timestamp(*now + 10),
            };
            let claims = tx.claim(seats, Timestamp(*now), &lease)?;
            assert_eq!(claims.len(), lanes.len());
            for (Claim { lane, job, next }, expected) in claims.into_iter().zip(lanes) {
                assert_eq!(lane, LANES[*expected]);
                let found = (job.map(|job| job.id), next.map(|next| next.0));
                assert_eq!(found, model.claim(LANES[*expected], *now));
            }
        }
        Op::Complete(job) => {
            // One that is not there is no error: it was done by another.
            tx.complete(Id(u64::MAX))?;
            if let Some(at) = pick(job, model) {
                tx.complete(model.rows.remove(at).id)?;
            }
        }
        Op::Fail { job, due } => {
            if let Some(at) = pick(job, model) {
                let row = model.again(at, *due);
                row.tries += 1;
                row.faults += 1;
                tx.reschedule(row.id, Timestamp(*due), Again::Fault(fault(*due)))?;
            }
        }
        Op::Later { job, due } => {
            if let Some(at) = pick(job, model) {
                let row = model.again(at, *due);
                tx.reschedule(row.id, Timestamp(*due), Again::Later)?;
            }
        }
        Op::Fresh { job, due } => {
            if let Some(at) = pick(job, model) {
                let row = model.again(at, *due);
                row.tries = 0;
                tx.reschedule(row.id, Timestamp(*due), Again::Fresh)?;
            }
        }
        Op::Bury { job, fault: with } => {
            if let Some(at) = pick(job, model) {
                let row = &mut model.rows[at];
                row.place = Place::Dead;
                let with = with.then(|| fault(row.due));
                if with.is_some() {
                    row.tries += 1;
                    row.faults += 1;
                }
                tx.bury(row.id, "given up", with)?;
            }
        }
        Op::Release { own, now } => {
            let owner = if *own { OWNER } else { "the next run" };
            let mut expected = 0;
            for row in &mut model.rows {
                if row.place == Place::Leased && !own {
                    row.place = Place::Waiting;
                    row.due = row.due.min(*now);
                    expected += 1;
                }
            }
            assert_eq!(tx.release_leases(owner, Timestamp(*now))?, expected);
        }
    }
    Ok(())
}

fn compare(store: &Store, model: &Model) {
    let view = store.view();
    for (filter, place) in [
        (JobFilter::Waiting, Place::Waiting),
        (JobFilter::Running, Place::Leased),
        (JobFilter::Dead, Place::Dead),
    ] {
        let mut expected: Vec<&Row> = model.rows.iter().filter(|row| row.place == place).collect();
        expected.sort_by_key(|row| match place {
            Place::Waiting => (row.due, row.id),
            _ => (0, row.id),
        });
        let found = view.jobs(filter, usize::MAX).unwrap();
        let shape = |job: &jarchi::model::Job| {
            (
                job.id,
                job.lane.clone(),
                job.due.0,
                job.tries,
                job.faults.len(),
                job.dead.is_some(),
            )
        };
        let found: Vec<_> = found.iter().map(shape).collect();
        let expected: Vec<_> = expected
            .iter()
            .map(|row| {
                let dead = place == Place::Dead;
                let faults = row.faults.min(20);
                (
                    row.id,
                    row.lane.to_owned(),
                    row.due,
                    row.tries,
                    faults,
                    dead,
                )
            })
            .collect();
        assert_eq!(found, expected, "{filter:?}");
        let few = view.jobs(filter, 2).unwrap();
        assert_eq!(few.len(), expected.len().min(2));
    }
    let mut heads: Vec<_> = LANES
        .iter()
        .filter_map(|lane| {
            let first = model.first(lane, None)?;
            Some(((*lane).to_owned(), model.rows[first].due))
        })
        .collect();
    heads.sort();
    let mut found: Vec<_> = view
        .lane_heads()
        .unwrap()
        .into_iter()
        .map(|head| (head.lane, head.due.0))
        .collect();
    found.sort();
    assert_eq!(found, heads);
    let earliest = heads.iter().map(|(_, due)| *due).min();
    assert_eq!(view.earliest_due().unwrap().map(|due| due.0), earliest);
    assert_eq!(store.check(|_| {}).unwrap().problems, [""; 0]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn the_queue_is_a_list(writes in writes()) {
        let (_keep, dir) = scratch();
        let mut store = Some(open(&dir));
        let mut model = Model::default();
        for Write { ops, fails, reopen } in writes {
            let before = model.clone();
            let outcome = store.as_ref().unwrap().write_blocking(move |tx| {
                let mut model = before;
                for op in &ops {
                    apply(op, &mut model, tx)?;
                }
                if fails {
                    return Err(StoreError::Invalid("at the very end".to_owned()));
                }
                Ok(model)
            });
            match outcome {
                Ok(after) => model = after,
                Err(error) => assert!(fails, "{error}"),
            }
            compare(store.as_ref().unwrap(), &model);
            if reopen {
                drop(store.take());
                store = Some(open(&dir));
                compare(store.as_ref().unwrap(), &model);
            }
        }
    }
}

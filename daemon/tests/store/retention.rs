//! What is forgotten, and what never is; and the space that is given back.

use jarchi::model::{
    Attempt, AttemptOutcome, Delivery, Id, Measure, Metric, Origin, Sample, State, TimeSpan,
    Timestamp,
};
use jarchi::store::{
    self, DraftRecord, Forgotten, Horizon, Options, PublishedEntry, Store, StoreError, Subject,
};

use crate::common::{START, open, scratch};
use crate::job;
use crate::maintenance::{delivery, post};

const OLD: Timestamp = Timestamp(1000);

fn horizon() -> Horizon {
    Horizon {
        settled: START,
        series: START,
        daily: START,
        weekly: START,
        dead_letters: START,
        book: START,
    }
}

/// A post with one delivery that was due long ago.
fn add(store: &Store, key: &str, state: State, repeats: bool, draft: Option<bool>) -> (Id, Id) {
    let key = key.to_owned();
    store
        .write_blocking(move |tx| {
            let mut post = post();
            post.repeat_after = repeats.then_some(TimeSpan::from_days(90));
            if let Origin::Generator { key: own, .. } = &mut post.origin {
                own.clone_from(&key);
            }
            let id = tx.put_post(post.clone())?;
            let mut one = delivery(id, None, state.clone());
            one.due = OLD;
            if !state.is_settled() || matches!(state, State::Failed { .. }) {
                one.job = Some(tx.enqueue(job("shop", OLD, &key), OLD)?);
            }
            let delivery = tx.put_delivery(&mut one)?;
            if matches!(state, State::Failed { .. }) {
                tx.bury(one.job.unwrap(), "given up", None)?;
            }
            post.id = id;
            post.deliveries = vec![delivery];
            tx.put_post(post)?;
            if let Some(withdrawn) = draft {
                let record = DraftRecord {
                    key,
                    revision: "1".to_owned(),
                    post: id,
                    round: 0,
                    withdrawn,
                    forgotten: false,
                };
                tx.put_draft("library", &record)?;
            }
            let entry = PublishedEntry {
                delivery,
                fingerprint: None,
            };
            tx.note_published("shop", OLD, &entry)?;
            Ok::<_, StoreError>((id, delivery))
        })
        .unwrap()
}

#[test]
fn what_is_over_is_forgotten_and_nothing_else() {
    let (_keep, dir) = scratch();
    let store = open(&dir);
    let failed = || State::Failed {
        reason: "no".to_owned(),
    };
    let gone = [
        add(&store, "published", State::Published, false, Some(false)),
        add(&store, "withdrawn", State::Published, true, Some(true)),
        add(&store, "failed", failed(), false, None),
    ];
    let stays = [
        add(&store, "waiting", State::Waiting, false, Some(false)),
        add(&store, "repeats", State::Published, true, Some(false)),
        add(
            &store,
            "unknown",
            State::Unknown {
                since: OLD,
                reason: String::new(),
            },
            false,
            None,
        ),
    ];
    // Due long ago, settled of late.
    let late = store
        .write_blocking(|tx| {
            let id = tx.put_post(post())?;
            let mut one = Delivery {
                due: OLD,
                history: vec![Attempt {
                    began: START,
                    ended: START,
                    call: "publish".to_owned(),
                    outcome: AttemptOutcome::Published,
                }],
                ..delivery(id, None, State::Published)
            };
            tx.put_delivery(&mut one)
        })
        .unwrap();
    let subject = Subject::Account("shop".to_owned());
    let sample = |at| Sample {
        at,
        metrics: vec![Metric {
            measure: Measure::Likes,
            value: 1,
        }],
    };
    let series = subject.clone();
    let (dead, young) = store
        .write_blocking(move |tx| {
            for hour in 0..500 {
                tx.append_sample(&series, &sample(Timestamp(OLD.0 + hour)))?;
            }
            tx.append_sample(&series, &sample(START))?;
            let dead = tx.enqueue(job("generate", OLD, "dead"), OLD)?;
            tx.bury(dead, "given up", None)?;
            let young = tx.enqueue(job("generate", START, "young"), START)?;
            tx.bury(young, "given up", None)?;
            Ok::<_, StoreError>((dead, young))
        })
        .unwrap();

    let planned = |slot: Timestamp| jarchi::model::Planned {
        id: Id(0),
        brand: "bakery".to_owned(),
        slot,
        accounts: vec!["shop".to_owned()],
        pillar: "tips".to_owned(),
        promotional: false,
        campaign: None,
        state: jarchi::model::PlanState::Planned,
        locked: false,
        created_at: slot,
        job: None,
        post: None,
        generator: None,
        refusals: Vec::new(),
        brief: None,
        feedback: None,
    };
    store
        .write_blocking(move |tx| {
            tx.put_planned(&mut planned(OLD))?;
            tx.put_planned(&mut planned(START))
        })
        .unwrap();

    let forgotten = store::tidy(&store, &horizon()).unwrap();
    let left = store.view().planned_between(Timestamp(0), Timestamp::MAX);
    let left: Vec<Timestamp> = left.unwrap().iter().map(|one| one.slot).collect();
    assert_eq!(left, [START]);
    assert_eq!(
        forgotten,
        Forgotten {
            deliveries: 3,
            samples: 500,
            numbers: 0,
            jobs: 1,
            entries: 6,
            planned: 1,
        }
    );
    let view = store.view();
    for (post, delivery) in gone {
        assert_eq!(view.post(post).unwrap(), None);
        assert_eq!(view.delivery(delivery).unwrap(), None);
    }
    for (post, delivery) in stays {
        assert!(view.post(post).unwrap().is_some());
        assert!(view.delivery(delivery).unwrap().is_some());
    }
    assert!(view.delivery(late).unwrap().is_some());
    assert!(view.job(dead).unwrap().is_none() && view.job(young).unwrap().is_some());
    let all = view
        .samples(&subject, Timestamp(0), Timestamp::MAX)
        .unwrap();
    assert_eq!(all.len(), 1);
    assert_eq!(view.latest_sample(&subject).unwrap().unwrap().at, START);
    // What a generator gives again is known to have been posted.
    let draft = view.draft("library", "published").unwrap().unwrap();
    assert!(draft.forgotten);
    assert!(!view.draft("library", "repeats").unwrap().unwrap().forgotten);
    assert_eq!(store.check(|_| {}).unwrap().problems, [""; 0]);
    assert_eq!(
        store::tidy(&store, &horizon()).unwrap(),
        Forgotten::default()
    );
}

/// The last of a series and of a schedule's fire times, with changes of the same batch.
#[test]
fn the_end_of_a_series_is_where_it_was_written_last() {
    let (_keep, dir) = scratch();
    let store = open(&dir);
    let at = |minute: u64| Timestamp(START.0 + minute * 60_000);
    store
        .write_blocking(move |tx| {
            for minute in 0..100 {
                assert!(tx.trigger("b", at(minute), |_| Ok(None))?);
                assert!(!tx.trigger("b", at(minute), |_| Ok(None))?);
            }
            assert!(tx.trigger("a", at(500), |_| Ok(None))?);
            assert!(tx.trigger("c", at(1), |_| Ok(None))?);
            Ok::<_, StoreError>(())
        })
        .unwrap();
    let last = |name: &str| store.view().last_trigger(name).unwrap();
    assert_eq!(last("b"), Some(at(99)));
    assert_eq!((last("a"), last("c")), (Some(at(500)), Some(at(1))));
    assert_eq!((last(""), last("bb")), (None, None));
    store
        .write_blocking(move |tx| {
            tx.forget_later_triggers("b", at(50))?;
            // Seen before it is committed.
            assert!(!tx.trigger("b", at(50), |_| Ok(None))?);
            assert!(tx.trigger("b", at(51), |_| Ok(None))?);
            Ok::<_, StoreError>(())
        })
        .unwrap();
    assert_eq!(last("b"), Some(at(51)));
    assert_eq!(last("a"), Some(at(500)));
}

/// Much is written and forgotten; sled keeps the space, and compacting gives it back down
/// to a small multiple of what is there.
#[test]
fn compacting_bounds_the_space_after_heavy_deletion() {
    const JOBS: u64 = 30_000;
    let (_keep, dir) = scratch();
    let options = Options { cache: 16 << 20 };
    let small = {
        let (_keep, dir) = scratch();
        fill_jobs(&open(&dir), 300);
        store::compact(&dir, &options, Timestamp(1), |_| {})
            .unwrap()
            .after
    };
    {
        let store = open(&dir);
        let ids = fill_jobs(&store, JOBS);
        for chunk in ids[300..].chunks(1000) {
            let chunk = chunk.to_vec();
            store
                .write_blocking(move |tx| chunk.iter().try_for_each(|id| tx.complete(*id)))
                .unwrap();
        }
    }
    let report = store::compact(&dir, &options, Timestamp(1), |_| {}).unwrap();
    eprintln!("{JOBS} jobs, 300 left: {report:?}; 300 alone: {small}");
    assert!(report.before > 8 << 20, "{report:?}");
    assert!(report.after <= small * 2, "{report:?} against {small}");
    assert_eq!(open(&dir).check(|_| {}).unwrap().problems, [""; 0]);
}

fn fill_jobs(store: &Store, count: u64) -> Vec<Id> {
    let mut ids = Vec::new();
    for chunk in 0..count.div_ceil(1000) {
        ids.extend(
            store
                .write_blocking(move |tx| {
                    (chunk * 1000..count.min((chunk + 1) * 1000))
                        .map(|number| {
                            tx.enqueue(job("lane", START, &format!("{number:0300}")), START)
                        })
                        .collect::<Result<Vec<Id>, StoreError>>()
                })
                .unwrap(),
        );
    }
    ids
}

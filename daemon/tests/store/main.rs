//! The store, by what it promises: atomic, durable when it answers, one process, and
//! nothing lost on the way out and in again.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod backup;
#[path = "../common/mod.rs"]
mod common;
mod damage;
mod killed;
mod maintenance;
mod model;
mod retention;

use std::process::Command;

use common::{START, open, scratch};
use jarchi::model::{Id, NewJob, Priority, TimeSpan, Timestamp, Work};
use jarchi::store::{JobFilter, Options, Store, StoreError};

pub fn job(lane: &str, due: Timestamp, note: &str) -> NewJob {
    NewJob {
        lane: lane.to_owned(),
        priority: Priority::Normal,
        due,
        work: Work::Idle {
            note: note.to_owned(),
        },
    }
}

fn waiting(store: &Store) -> Vec<String> {
    let jobs = store.view().jobs(JobFilter::Waiting, usize::MAX).unwrap();
    jobs.into_iter()
        .map(|job| match job.work {
            Work::Idle { note } => note,
            other => panic!("{other:?}"),
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_change_is_whole_or_not_there() {
    let (_keep, dir) = scratch();
    let store = open(&dir);
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..64u64 {
        let store = store.clone();
        writers.spawn(async move {
            store
                .write(move |tx| {
                    for part in 0..3 {
                        tx.enqueue(job("lane", START, &format!("{writer}.{part}")), START)?;
                    }
                    tx.set_plugin_values("p", "s", vec![(format!("k{writer}"), Some(vec![1]))]);
                    tx.set_note("last", Some(Timestamp(writer)));
                    // In the same group as others that go through.
                    if writer % 2 == 0 {
                        return Err(StoreError::Invalid("thought better of it".to_owned()));
                    }
                    Ok(())
                })
                .await
        });
    }
    let mut refused = 0;
    while let Some(outcome) = writers.join_next().await {
        refused += usize::from(outcome.unwrap().is_err());
    }
    assert_eq!(refused, 32);
    let expected = |store: &Store| {
        let mut notes = waiting(store);
        notes.sort();
        let mut whole: Vec<String> = (0..64)
            .filter(|writer| writer % 2 == 1)
            .flat_map(|writer| (0..3).map(move |part| format!("{writer}.{part}")))
            .collect();
        whole.sort();
        assert_eq!(notes, whole);
        let keys = store.view().plugin_keys("p", "s", "k").unwrap();
        assert_eq!(keys.len(), 32);
        assert_eq!(store.view().note("last").unwrap().unwrap().0 % 2, 1);
        assert_eq!(store.check(|_| {}).unwrap().problems, [""; 0]);
    };
    expected(&store);
    drop(store);
    expected(&open(&dir));
}

#[test]
fn a_change_sees_what_it_wrote() {
    let (_keep, dir) = scratch();
    let store = open(&dir);
    store
        .write_blocking(|tx| {
            let id = tx.enqueue(job("lane", START, "a"), START)?;
            assert!(tx.job(id)?.is_some());
            tx.complete(id)?;
            assert!(tx.job(id)?.is_none());
            Ok::<_, StoreError>(())
        })
        .unwrap();
    assert_eq!(waiting(&store), [""; 0]);
    assert_eq!(store.view().lane_heads().unwrap(), []);
}

#[tokio::test]
async fn whoever_waits_for_due_jobs_is_told_of_those_on_disk_alone() {
    let (_keep, dir) = scratch();
    let store = open(&dir);
    let mut hints = store.due_hints();
    let refused: Result<Id, StoreError> = store
        .write(|tx| {
            tx.enqueue(job("never", START, "a"), START)?;
            Err(StoreError::Invalid("no".to_owned()))
        })
        .await;
    assert!(refused.is_err());
    store
        .enqueue(job("lane", Timestamp(5), "b"), START)
        .await
        .unwrap();
    let hint = hints.recv().await.unwrap();
    assert_eq!((hint.lane.as_str(), hint.due), ("lane", Timestamp(5)));
    assert!(hints.try_recv().is_err());
}

#[test]
fn numbers_are_given_out_once() {
    let (_keep, dir) = scratch();
    let mut last = Id(0);
    for round in 0..3 {
        let store = open(&dir);
        for _ in 0..3 {
            let id = store
                .write_blocking(move |tx| tx.enqueue(job("lane", START, "x"), START))
                .unwrap();
            assert!(id > last, "round {round}: {id} after {last}");
            last = id;
            store.write_blocking(move |tx| tx.complete(id)).unwrap();
        }
    }
}

#[test]
fn a_second_daemon_is_told_who_has_the_store() {
    let (_keep, dir) = scratch();
    let store = open(&dir);
    let error = Store::open(&dir, &Options::default()).unwrap_err();
    assert!(matches!(error, StoreError::Locked(_)), "{error}");
    let words = error.to_string();
    for part in [
        dir.to_str().unwrap(),
        &format!("process {}", std::process::id()),
        "daemon.data_dir",
    ] {
        assert!(words.contains(part), "{part}: {words}");
    }
    // A handle that is still about keeps it.
    let handle = store.clone();
    drop(store);
    assert!(Store::open(&dir, &Options::default()).is_err());
    drop(handle);
    Store::open(&dir, &Options::default()).unwrap();
}

/// Failed once in a while: sled's threads let go of the file a moment later, and a child
/// that was being started still held the lock.
#[test]
fn a_store_can_be_opened_again_at_once() {
    let (_keep, dir) = scratch();
    for round in 0..100 {
        let child = Command::new("true").spawn();
        let store = open(&dir);
        store
            .write_blocking(move |tx| tx.enqueue(job("lane", START, &round.to_string()), START))
            .unwrap();
        drop(store);
        child.unwrap().wait().unwrap();
    }
    assert_eq!(waiting(&open(&dir)).len(), 100);
}

#[test]
fn what_plugins_keep_is_counted_for_each_of_their_accounts() {
    let (_keep, dir) = scratch();
    let store = open(&dir);
    let set = |plugin: &'static str, subject: &'static str, key: &str, value: Option<usize>| {
        let change = (key.to_owned(), value.map(|length| vec![7; length]));
        store
            .write_blocking(move |tx| {
                tx.set_plugin_values(plugin, subject, vec![change]);
                Ok::<_, StoreError>(())
            })
            .unwrap();
    };
    let usage = |plugin: &str, subject: &str| store.view().plugin_usage(plugin, subject).unwrap();
    set("p", "shop", "key", Some(100));
    set("p", "shop", "large", Some(100_000));
    set("p", "shop", "empty", Some(0));
    set("p", "cafe", "key", Some(7));
    // Neighbours in the order of keys.
    set("p", "shop2", "key", Some(1));
    set("p2", "shop", "key", Some(1));
    assert_eq!(usage("p", "shop"), 3 + 100 + 5 + 100_000 + 5);
    assert_eq!(usage("p", "cafe"), 10);
    assert_eq!(usage("p", "nobody"), 0);
    set("p", "shop", "large", Some(50_000));
    assert_eq!(usage("p", "shop"), 3 + 100 + 5 + 50_000 + 5);
    set("p", "shop", "large", Some(5));
    set("p", "shop", "key", None);
    assert_eq!(usage("p", "shop"), 5 + 5 + 5);
    assert_eq!(
        store.view().plugin_keys("p", "shop", "").unwrap(),
        ["empty", "large"]
    );
    assert_eq!(
        store.view().plugin_keys("p", "shop", "la").unwrap(),
        ["large"]
    );
    assert_eq!(
        store.view().plugin_value("p", "cafe", "large").unwrap(),
        None
    );
    // Pieces of what was replaced are gone too.
    assert_eq!(store.check(|_| {}).unwrap().problems, [""; 0]);
}

#[test]
fn a_trigger_fires_once() {
    let (_keep, dir) = scratch();
    let fire = |store: &Store, at: Timestamp| {
        store
            .write_blocking(move |tx| {
                tx.trigger("weekly", at, |tx| {
                    tx.enqueue(job("lane", at, &at.0.to_string()), at).map(Some)
                })
            })
            .unwrap()
    };
    {
        let store = open(&dir);
        assert!(fire(&store, Timestamp(1000)));
        assert!(!fire(&store, Timestamp(1000)));
        assert!(!fire(&store, Timestamp(999)), "a clock that was set back");
    }
    let store = open(&dir);
    assert!(!fire(&store, Timestamp(1000)));
    assert!(fire(&store, Timestamp(2000)));
    assert_eq!(waiting(&store), ["1000", "2000"]);
    assert_eq!(
        store.view().last_trigger("weekly").unwrap(),
        Some(Timestamp(2000))
    );
    // Old ones are forgotten, the last never.
    let late = Timestamp(2000).saturating_add(TimeSpan::from_days(40));
    assert!(fire(&store, late));
    assert_eq!(store.view().triggers("weekly").unwrap().len(), 1);
    assert_eq!(store.view().last_trigger("weekly").unwrap(), Some(late));
}

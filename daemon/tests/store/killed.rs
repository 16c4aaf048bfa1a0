//! An acknowledged write is there after a kill, and no change is half there.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use jarchi::model::{Id, JobFault, Work};
use jarchi::store::{Again, JobFilter, Options, Store, StoreError};

use crate::common::{START, open, scratch};
use crate::job;

const DIRECTORY: &str = "JARCHI_TEST_STORE";
const WRITERS: u64 = 16;

/// This test binary again, running one of the tests that are not tests.
fn start(name: &str, dir: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([name, "--exact", "--ignored", "--nocapture"])
        .env(DIRECTORY, dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn directory() -> std::path::PathBuf {
    std::env::var_os(DIRECTORY)
        .expect("started by another test")
        .into()
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\n{line}").unwrap();
    out.flush().unwrap();
}

#[test]
#[ignore = "a process that another test starts and kills"]
fn writes_until_it_is_killed() {
    let store = open(&directory());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut writers = tokio::task::JoinSet::new();
        for _ in 0..WRITERS {
            writers.spawn(work(store.clone()));
        }
        while let Some(ended) = writers.join_next().await {
            ended.unwrap();
        }
    });
}

/// Every job is enqueued, then one of three is completed, one buried, and one tried again,
/// each with a mark beside it in the same write.
async fn work(store: Store) {
    for round in 0u64.. {
        let id = store
            .write(move |tx| {
                let id = tx.enqueue(job("lane", START, "new"), START)?;
                mark(tx, id, "new");
                Ok::<_, StoreError>(id)
            })
            .await
            .unwrap();
        say(&format!("ack {id} new"));
        let what = ["done", "dead", "tried"][(round % 3) as usize];
        store
            .write(move |tx| {
                match what {
                    "done" => tx.complete(id)?,
                    "dead" => tx.bury(id, "given up", None)?,
                    _ => tx.reschedule(id, START, Again::Fault(fault()))?,
                }
                mark(tx, id, what);
                Ok::<_, StoreError>(())
            })
            .await
            .unwrap();
        say(&format!("ack {id} {what}"));
    }
}

fn mark(tx: &mut jarchi::store::Tx<'_>, id: Id, what: &str) {
    // Of several pieces, so that a value may be half there.
    let value = what.as_bytes().repeat(8000);
    tx.set_plugin_values("test", "marks", vec![(id.to_string(), Some(value))]);
}

fn fault() -> JobFault {
    JobFault {
        at: START,
        fault: jarchi::model::Fault::Transient("busy".to_owned()),
    }
}

/// What the store says of a job.
fn found(store: &Store, id: Id) -> &'static str {
    match store.view().job(id).unwrap() {
        None => "done",
        Some(job) if job.dead.is_some() => "dead",
        Some(job) if job.tries > 0 => "tried",
        Some(job) => {
            assert!(matches!(job.work, Work::Idle { .. }));
            "new"
        }
    }
}

#[test]
fn what_was_acknowledged_survives_a_kill() {
    let (_keep, dir) = scratch();
    let mut acked: BTreeMap<u64, String> = BTreeMap::new();
    let mut rounds = BTreeSet::new();
    for round in 0..8 {
        let mut child = start("killed::writes_until_it_is_killed", &dir);
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut lines = String::new();
        // Somewhere else each time.
        for _ in 0..(40 + 137 * round) {
            assert_ne!(out.read_line(&mut lines).unwrap(), 0, "it ended by itself");
        }
        child.kill().unwrap();
        out.read_to_string(&mut lines).unwrap();
        child.wait().unwrap();
        // The last line may be cut off.
        let whole = lines.rfind('\n').map_or("", |end| &lines[..end]);
        for line in whole.lines() {
            if let Some(rest) = line.strip_prefix("ack ") {
                let (id, what) = rest.split_once(' ').unwrap();
                acked.insert(id.parse().unwrap(), what.to_owned());
            }
        }
        rounds.insert(acked.len());

        let store = open(&dir);
        for (id, what) in &acked {
            let found = found(&store, Id(*id));
            // What was not acknowledged may have happened, or not.
            let right = found == what || what == "new";
            assert!(
                right,
                "round {round}: job {id} is {found}, {what} was acknowledged"
            );
        }
        for key in store.view().plugin_keys("test", "marks", "").unwrap() {
            let mark = store.view().plugin_value("test", "marks", &key).unwrap();
            let id = Id(key.parse().unwrap());
            let found = found(&store, id);
            assert_eq!(
                String::from_utf8(mark.unwrap()).unwrap(),
                found.repeat(8000),
                "round {round}: job {id}"
            );
        }
        for filter in [JobFilter::Waiting, JobFilter::Dead] {
            for job in store.view().jobs(filter, usize::MAX).unwrap() {
                let mark = store
                    .view()
                    .plugin_value("test", "marks", &job.id.to_string());
                assert!(mark.unwrap().is_some(), "round {round}: job {}", job.id);
            }
        }
        assert_eq!(
            store.check(|_| {}).unwrap().problems,
            [""; 0],
            "round {round}"
        );
    }
    assert_eq!(rounds.len(), 8, "every round has acknowledged something");
}

#[test]
#[ignore = "a process that another test starts and kills"]
fn holds_the_store() {
    let _store = open(&directory());
    say("open");
    // Until it is killed.
    let _ = std::io::stdin().read(&mut [0]);
}

#[test]
fn the_lock_of_a_process_ends_with_it() {
    let (_keep, dir) = scratch();
    let mut child = start("killed::holds_the_store", &dir);
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while line.trim() != "open" {
        line.clear();
        assert_ne!(out.read_line(&mut line).unwrap(), 0);
    }
    let error = Store::open(&dir, &Options::default()).unwrap_err();
    assert!(matches!(error, StoreError::Locked(_)), "{error}");
    let words = error.to_string();
    assert!(
        words.contains(&format!("process {}", child.id())),
        "{words}"
    );
    child.kill().unwrap();
    child.wait().unwrap();
    Store::open(&dir, &Options::default()).unwrap();
}

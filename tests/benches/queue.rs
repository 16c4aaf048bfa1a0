//! How fast the queue's rows are: `cargo bench --workspace --bench queue`.
//!
//! Numbers after `--` are the sizes that are claimed from. The store lies in the build's
//! folder, since `/tmp` often is no disk at all; `JARCHI_BENCH_DIR` names another place.
//! What is printed is a Markdown table.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark")]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use jarchi::model::{Id, Lease, NewJob, Priority, TimeSpan, Timestamp, Work};
use jarchi::store::{Again, Options, Seat, Store, StoreError};

const START: Timestamp = Timestamp(1_800_000_000_000);
const LANES: u64 = 100;
const SIZES: [u64; 3] = [1_000, 100_000, 1_000_000];
/// Enqueues one after the other, and by 64 at once.
const ALONE: u64 = 5_000;
const TOGETHER: u64 = 64;
const OF_EACH: u64 = 1_000;
const CLAIMS: u64 = 500;
/// Enqueued in one write while a store is filled.
const FILL: u64 = 1_000;

fn job(number: u64) -> NewJob {
    NewJob {
        lane: format!("account-{}", number % LANES),
        priority: Priority::Normal,
        due: START.saturating_add(TimeSpan(number)),
        work: Work::Publish {
            delivery: Id(number),
        },
    }
}

fn open() -> (tempfile::TempDir, Store) {
    let base = std::env::var_os("JARCHI_BENCH_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")), PathBuf::from);
    let dir = tempfile::tempdir_in(base).unwrap();
    let store = Store::open(dir.path(), &Options::default()).unwrap();
    (dir, store)
}

#[tokio::main]
async fn main() {
    let mut sizes: Vec<u64> = std::env::args()
        .skip(1)
        .filter_map(|argument| argument.replace(['_', ','], "").parse().ok())
        .collect();
    if sizes.is_empty() {
        sizes = SIZES.to_vec();
    }
    println!("| durable enqueues | a second | p50 | p99 |");
    println!("|---|---:|---:|---:|");
    alone().await;
    together().await;
    println!();
    println!(
        "| waiting | filled, jobs a second | on disk | look, p50 | look, p99 | durable claim, p50 | \
         p99 | {LANES} claims in one, p50 | p99 |"
    );
    println!("|---:|---:|---:|---:|---:|---:|---:|---:|---:|");
    for size in sizes {
        claims(size).await;
    }
}

async fn alone() {
    let (_keep, store) = open();
    let mut times = Vec::new();
    let began = Instant::now();
    for number in 0..ALONE {
        let one = Instant::now();
        store.enqueue(job(number), START).await.unwrap();
        times.push(one.elapsed());
    }
    row("one at a time", ALONE, began.elapsed(), times);
}

async fn together() {
    let (_keep, store) = open();
    let began = Instant::now();
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..TOGETHER {
        let store = store.clone();
        callers.spawn(async move {
            let mut times = Vec::new();
            for number in 0..OF_EACH {
                let one = Instant::now();
                let new = job(caller * OF_EACH + number);
                store.enqueue(new, START).await.unwrap();
                times.push(one.elapsed());
            }
            times
        });
    }
    let times = callers.join_all().await.concat();
    row(
        &format!("{TOGETHER} at a time"),
        TOGETHER * OF_EACH,
        began.elapsed(),
        times,
    );
}

fn row(what: &str, count: u64, whole: Duration, times: Vec<Duration>) {
    println!(
        "| {what} | {} | {} | {} |",
        thousands(count as f64 / whole.as_secs_f64()),
        at(times.clone(), 50),
        at(times, 99)
    );
}

async fn claims(size: u64) {
    let (_keep, store) = open();
    let began = Instant::now();
    for first in (0..size).step_by(FILL as usize) {
        store
            .write(move |tx| {
                for number in first..size.min(first + FILL) {
                    tx.enqueue(job(number), START)?;
                }
                Ok::<_, StoreError>(())
            })
            .await
            .unwrap();
    }
    let filled = size as f64 / began.elapsed().as_secs_f64();
    let on_disk = store.size_on_disk().unwrap();

    let mut looks = Vec::new();
    for _ in 0..CLAIMS {
        let one = Instant::now();
        let heads = store.view().lane_heads().unwrap();
        looks.push(one.elapsed());
        assert_eq!(heads.len() as u64, LANES.min(size));
    }
    let mut single = Vec::new();
    for number in 0..CLAIMS {
        let lane = number % LANES.min(size);
        single.push(claim(&store, lane..lane + 1).await);
    }
    let mut all = Vec::new();
    for _ in 0..CLAIMS / 10 {
        all.push(claim(&store, 0..LANES.min(size)).await);
    }
    println!(
        "| {} | {} | {:.1} MB | {} | {} | {} | {} | {} | {} |",
        thousands(size as f64),
        thousands(filled),
        on_disk as f64 / 1e6,
        at(looks.clone(), 50),
        at(looks, 99),
        at(single.clone(), 50),
        at(single, 99),
        at(all.clone(), 50),
        at(all, 99),
    );
}

/// Leases the next job of each lane; the time until that is on disk. Outside of that time
/// the jobs are put back, so that as many wait as before.
async fn claim(store: &Store, lanes: std::ops::Range<u64>) -> Duration {
    let seats: Vec<Seat> = lanes
        .map(|lane| Seat {
            lane: format!("account-{lane}"),
        })
        .collect();
    let expected = seats.len();
    let now = Timestamp::MAX;
    let lease = Lease {
        owner: "bench".to_owned(),
        since: START,
        until: now,
    };
    let one = Instant::now();
    let claims = store
        .write(move |tx| tx.claim(seats, now, &lease))
        .await
        .unwrap();
    let time = one.elapsed();
    let jobs: Vec<_> = claims.into_iter().filter_map(|claim| claim.job).collect();
    assert_eq!(jobs.len(), expected);
    store
        .write(move |tx| {
            for job in jobs {
                tx.reschedule(job.id, job.due, Again::Later)?;
            }
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
    time
}

fn at(mut times: Vec<Duration>, percent: usize) -> String {
    times.sort_unstable();
    let place = (times.len() * percent / 100).min(times.len() - 1);
    let micros = times[place].as_secs_f64() * 1e6;
    if micros < 1000.0 {
        format!("{micros:.0} µs")
    } else {
        format!("{:.2} ms", micros / 1000.0)
    }
}

fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

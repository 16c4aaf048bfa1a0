//! The daemon's queue beside others on the same work: BullMQ on Redis, apalis on SQLite.
//!
//! `cargo bench --workspace --bench peers`
//!
//! What is acknowledged is on disk in all of them. A peer whose server or tools are missing
//! is told and left out: BullMQ wants `node`, `npm` and `redis-server`. Numbers after `--`
//! are how often all take their turn; each value is the median.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jarchi::clock::Clock;
use jarchi::config::Retry;
use jarchi::model::{Job, NewJob, Priority, TimeSpan, Timestamp, Work};
use jarchi::queue::{Dispatcher, Disposition, Group, Options, Worker, Working};
use jarchi::store::{Options as StoreOptions, Store, StoreError};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

const ROUNDS: usize = 3;
/// Jobs of different accounts run side by side.
const LANES: usize = 1000;
/// Enqueued in one write while a queue is filled, as the peers' bulk calls do.
const FILL: usize = 1000;

const WORK: Sizes = Sizes {
    alone: 3_000,
    together: 500,
    process_alone: 5_000,
    process_together: 30_000,
    late: [1_000, 10_000],
    // Filling takes apalis the longest.
    ahead_ms: 8_000,
};

#[derive(Clone, Copy, Serialize, Deserialize)]
struct Sizes {
    /// Enqueued one after the other, and by each of 64 callers.
    alone: usize,
    together: usize,
    process_alone: usize,
    process_together: usize,
    /// Due at one instant, so long after the filling began.
    late: [usize; 2],
    ahead_ms: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Late {
    p50: f64,
    p99: f64,
}

/// A second, or milliseconds.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Answer {
    enqueue_alone: f64,
    enqueue_together: f64,
    process_alone: f64,
    process_together: f64,
    late: Vec<Late>,
    resident_kib: u64,
}

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|one| one != "--bench");
    let first = arguments.next();
    if first.as_deref() == Some("itself") {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let answer = runtime.block_on(itself());
        println!("{}", serde_json::to_string(&answer).unwrap());
        return;
    }
    let rounds = first.and_then(|one| one.parse().ok()).unwrap_or(ROUNDS);
    let bullmq = Bullmq::prepare();
    let apalis = prepare_apalis();
    let mut ours = Vec::new();
    let mut theirs = Vec::new();
    let mut others = Vec::new();
    for _ in 0..rounds {
        ours.push(answer(
            Command::new(std::env::current_exe().unwrap()).arg("itself"),
        ));
        theirs.extend(bullmq.as_ref().map(Bullmq::run));
        others.extend(apalis.as_deref().map(run_apalis));
    }
    print(&[
        ("Jarchi", ours),
        ("BullMQ, Redis", theirs),
        ("apalis, SQLite", others),
    ]);
}

/// A folder on the disk of the build, since `/tmp` often is none.
fn folder() -> tempfile::TempDir {
    let base = std::env::var_os("JARCHI_BENCH_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")), PathBuf::from);
    tempfile::tempdir_in(base).unwrap()
}

fn answer(command: &mut Command) -> Answer {
    let output = command.stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", output.status);
    serde_json::from_slice(&output.stdout).unwrap()
}

fn print(peers: &[(&str, Vec<Answer>)]) {
    let peers: Vec<_> = peers.iter().filter(|(_, all)| !all.is_empty()).collect();
    let row = |name: &str, of: &dyn Fn(&Answer) -> f64, digits: usize| {
        print!("| {name} |");
        for (_, all) in &peers {
            let mut values: Vec<f64> = all.iter().map(of).collect();
            values.sort_by(f64::total_cmp);
            print!(" {:.digits$} |", values[values.len() / 2]);
        }
        println!();
    };
    print!("| |");
    peers.iter().for_each(|(name, _)| print!(" {name} |"));
    print!("\n|---|");
    peers.iter().for_each(|_| print!("---:|"));
    println!();
    row("enqueues a second, 1 caller", &|all| all.enqueue_alone, 0);
    row(
        "enqueues a second, 64 callers",
        &|all| all.enqueue_together,
        0,
    );
    row("jobs a second, 1 at once", &|all| all.process_alone, 0);
    row("jobs a second, 64 at once", &|all| all.process_together, 0);
    for (place, count) in WORK.late.iter().enumerate() {
        let name = |what| format!("{count} due at once: lateness {what}, ms");
        row(&name("p50"), &|all| all.late[place].p50, 0);
        row(&name("p99"), &|all| all.late[place].p99, 0);
    }
    row(
        "resident at most, MiB",
        &|all| all.resident_kib as f64 / 1024.0,
        0,
    );
}

// --- Jarchi ---

struct Idle {
    clock: Clock,
    count: usize,
    /// Milliseconds after its due time at which each job began.
    late: Mutex<Vec<u64>>,
    done: AtomicUsize,
    all: Notify,
}

impl Worker for Idle {
    fn run(&self, job: Job) -> Working<'_> {
        Box::pin(async move {
            let late = self.clock.now().since(job.due).0;
            self.late.lock().unwrap().push(late);
            Disposition::Done
        })
    }

    fn group(&self, _: &str) -> Group {
        Group {
            name: "idle".to_owned(),
            limit: usize::MAX,
        }
    }

    /// Told once the batch is written; the waiting ends by the store's own word.
    fn done(&self, _: &mut jarchi::store::Tx<'_>, _: &Job, _: Timestamp) -> Result<(), StoreError> {
        if self.done.fetch_add(1, Ordering::Relaxed) + 1 == self.count {
            self.all.notify_one();
        }
        Ok(())
    }
}

fn job(number: usize, due: Timestamp) -> NewJob {
    NewJob {
        lane: format!("account:{}", number % LANES),
        priority: Priority::Normal,
        due,
        work: Work::Idle {
            note: "x".repeat(300),
        },
    }
}

async fn itself() -> Answer {
    let clock = Clock::system();
    let enqueue_alone = enqueue(&clock, 1, WORK.alone).await;
    let enqueue_together = enqueue(&clock, 64, WORK.together).await;
    let process_alone = process(&clock, WORK.process_alone, 1).await;
    let process_together = process(&clock, WORK.process_together, 64).await;
    let mut late = Vec::new();
    for count in WORK.late {
        late.push(lateness(&clock, count).await);
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    Answer {
        enqueue_alone,
        enqueue_together,
        process_alone,
        process_together,
        late,
        resident_kib: line.split_whitespace().nth(1).unwrap().parse().unwrap(),
    }
}

fn open() -> (tempfile::TempDir, Store) {
    let dir = folder();
    let store = Store::open(dir.path(), &StoreOptions::default()).unwrap();
    (dir, store)
}

async fn enqueue(clock: &Clock, callers: usize, each: usize) -> f64 {
    let (_keep, store) = open();
    let now = clock.now();
    let began = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for caller in 0..callers {
        let store = store.clone();
        tasks.spawn(async move {
            for number in 0..each {
                let new = job(caller * each + number, now);
                store.enqueue(new, now).await.unwrap();
            }
        });
    }
    tasks.join_all().await;
    (callers * each) as f64 / began.elapsed().as_secs_f64()
}

async fn fill(store: &Store, count: usize, due: Timestamp, now: Timestamp) {
    for first in (0..count).step_by(FILL) {
        store
            .write(move |tx| {
                for number in first..count.min(first + FILL) {
                    tx.enqueue(job(number, due), now)?;
                }
                Ok::<_, StoreError>(())
            })
            .await
            .unwrap();
    }
}

/// Runs the dispatcher until all is done and on disk.
async fn work(store: Store, clock: &Clock, count: usize, at_once: usize) -> (Vec<u64>, Duration) {
    let worker = Arc::new(Idle {
        clock: clock.clone(),
        count,
        late: Mutex::default(),
        done: AtomicUsize::new(0),
        all: Notify::new(),
    });
    let options = Options {
        concurrency: at_once,
        retry: Retry::default(),
    };
    let began = Instant::now();
    let (dispatcher, handle) =
        Dispatcher::start(store.clone(), clock.clone(), worker.clone(), options)
            .await
            .unwrap();
    let running = tokio::spawn(dispatcher.run());
    worker.all.notified().await;
    // Behind the last completion in the one line of writes.
    store.write(|_| Ok::<_, StoreError>(())).await.unwrap();
    let took = began.elapsed();
    handle.stop();
    running.await.unwrap().unwrap();
    assert_eq!(store.view().lane_heads().unwrap().len(), 0);
    let late = std::mem::take(&mut *worker.late.lock().unwrap());
    assert_eq!(late.len(), count);
    (late, took)
}

async fn process(clock: &Clock, count: usize, at_once: usize) -> f64 {
    let (_keep, store) = open();
    let now = clock.now();
    fill(&store, count, now, now).await;
    let (_, took) = work(store, clock, count, at_once).await;
    count as f64 / took.as_secs_f64()
}

async fn lateness(clock: &Clock, count: usize) -> Late {
    let (_keep, store) = open();
    let now = clock.now();
    let due = now.saturating_add(TimeSpan(WORK.ahead_ms));
    fill(&store, count, due, now).await;
    assert!(clock.now() < due, "the queue was not filled in time");
    let (mut late, _) = work(store, clock, count, 64).await;
    late.sort_unstable();
    let at = |percent: usize| late[(late.len() * percent / 100).min(late.len() - 1)] as f64;
    Late {
        p50: at(50),
        p99: at(99),
    }
}

// --- The peers ---

fn peers() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peers")
}

/// Where a peer is built.
fn workshop(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("peers")
        .join(name);
    std::fs::create_dir_all(&path).unwrap();
    path
}

fn quiet(command: &mut Command) -> Result<(), String> {
    let output = command
        .output()
        .map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let told = String::from_utf8_lossy(&output.stderr);
    Err(format!("{command:?}: {told}"))
}

struct Bullmq {
    home: PathBuf,
}

impl Bullmq {
    fn prepare() -> Option<Self> {
        let home = workshop("bullmq");
        for file in ["package.json", "package-lock.json", "bench.mjs"] {
            std::fs::copy(peers().join("bullmq").join(file), home.join(file)).unwrap();
        }
        let ready = quiet(Command::new("redis-server").arg("--version")).and_then(|()| {
            quiet(
                Command::new("npm")
                    .args(["ci", "--no-audit", "--no-fund"])
                    .current_dir(&home),
            )
        });
        match ready {
            Ok(()) => Some(Bullmq { home }),
            Err(why) => {
                eprintln!("BullMQ is left out: {why}");
                None
            }
        }
    }

    fn run(&self) -> Answer {
        let dir = folder();
        let redis = Redis::start(dir.path());
        let mut answer = answer(
            Command::new("node")
                .arg("bench.mjs")
                .arg(redis.socket())
                .arg(serde_json::to_string(&WORK).unwrap())
                .current_dir(&self.home),
        );
        answer.resident_kib += redis.resident_kib();
        answer
    }
}

struct Redis {
    child: Child,
    folder: PathBuf,
}

impl Redis {
    fn start(folder: &Path) -> Self {
        let child = Command::new("redis-server")
            .args(["--port", "0", "--appendonly", "yes"])
            .args(["--appendfsync", "always", "--save", ""])
            .args(["--unixsocket", "redis.sock", "--loglevel", "warning"])
            .current_dir(folder)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let redis = Redis {
            child,
            folder: folder.to_owned(),
        };
        let began = Instant::now();
        while std::os::unix::net::UnixStream::connect(redis.socket()).is_err() {
            assert!(
                began.elapsed() < Duration::from_secs(10),
                "Redis does not answer"
            );
            std::thread::sleep(Duration::from_millis(10));
        }
        redis
    }

    fn socket(&self) -> PathBuf {
        self.folder.join("redis.sock")
    }

    fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmHWM:"))
            .unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn prepare_apalis() -> Option<PathBuf> {
    let target = workshop("apalis");
    let built = quiet(
        Command::new("cargo")
            .args(["build", "--release", "--locked", "--quiet"])
            .env("CARGO_TARGET_DIR", &target)
            .current_dir(peers().join("apalis")),
    );
    match built {
        Ok(()) => Some(target.join("release/jarchi-bench-apalis")),
        Err(why) => {
            eprintln!("apalis is left out: {why}");
            None
        }
    }
}

fn run_apalis(binary: &Path) -> Answer {
    let dir = folder();
    answer(
        Command::new(binary)
            .arg(dir.path())
            .arg(serde_json::to_string(&WORK).unwrap()),
    )
}

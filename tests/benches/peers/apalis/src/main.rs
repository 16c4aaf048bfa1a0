//! The queue's benchmark on apalis with SQLite: `jarchi-bench-apalis FOLDER WORK`, where
//! WORK is the sizes as JSON. Prints one JSON object.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use apalis::prelude::*;
use apalis_sqlite::{Config, SqliteConnectOptions, SqlitePool, SqlitePoolOptions, SqliteStorage};
use serde::{Deserialize, Serialize};

/// How often the database is asked for jobs that are due.
const POLL: Duration = Duration::from_millis(20);

#[derive(Deserialize)]
struct Work {
    alone: usize,
    together: usize,
    process_alone: usize,
    process_together: usize,
    late: Vec<usize>,
    ahead_ms: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Idle {
    note: String,
}

#[derive(Serialize)]
struct Late {
    p50: u64,
    p99: u64,
}

#[derive(Serialize)]
struct Answer {
    enqueue_alone: f64,
    enqueue_together: f64,
    process_alone: f64,
    process_together: f64,
    late: Vec<Late>,
    resident_kib: u64,
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn idle() -> Idle {
    Idle {
        note: "x".repeat(300),
    }
}

fn now_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as u64)
}

/// What is acknowledged is on disk on every connection: apalis' own set-up turns that off.
async fn database(folder: &Path, name: &str) -> Result<SqlitePool, Failure> {
    let options = SqliteConnectOptions::new()
        .filename(folder.join(format!("{name}.db")))
        .create_if_missing(true)
        .busy_timeout(Duration::from_secs(60))
        .pragma("journal_mode", "WAL")
        .pragma("synchronous", "FULL");
    let first = SqlitePool::connect_with(options.clone()).await?;
    SqliteStorage::setup(&first).await?;
    first.close().await;
    let pool = SqlitePoolOptions::new()
        .max_connections(8)
        .acquire_timeout(Duration::from_secs(300))
        .connect_with(options)
        .await?;
    Ok(pool)
}

fn storage(pool: &SqlitePool, name: &str, batch: usize) -> SqliteStorage<Idle> {
    SqliteStorage::new(pool).with_config(Config::default().queue(name).batch_size(batch))
}

async fn enqueue(pool: &SqlitePool, callers: usize, each: usize) -> Result<f64, Failure> {
    let began = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..callers {
        let mut storage = storage(pool, "enqueue", 10);
        tasks.spawn(async move {
            for _ in 0..each {
                storage.push(idle()).await?;
            }
            Ok::<_, Failure>(())
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok((callers * each) as f64 / began.elapsed().as_secs_f64())
}

/// Works until `count` jobs are done, and returns when each began.
async fn work(
    pool: &SqlitePool,
    name: &str,
    count: usize,
    concurrency: usize,
) -> Result<Vec<u64>, Failure> {
    let times = Arc::new(Mutex::new(Vec::with_capacity(count)));
    let done = Arc::new(AtomicUsize::new(0));
    let seen = times.clone();
    let backend = storage(pool, name, concurrency).poll_with_interval(POLL);
    let worker = WorkerBuilder::new(name)
        .backend(backend)
        .concurrency(concurrency)
        .parallelize(tokio::spawn)
        .build(move |_: Idle, worker: WorkerContext| {
            let (seen, done) = (seen.clone(), done.clone());
            async move {
                if let Ok(mut seen) = seen.lock() {
                    seen.push(now_ms());
                }
                if done.fetch_add(1, Ordering::SeqCst) + 1 == count {
                    worker.stop()?;
                }
                Ok::<_, Failure>(())
            }
        });
    worker.run().await?;
    let times = times.lock().map_err(|error| error.to_string())?.clone();
    Ok(times)
}

async fn fill(
    pool: &SqlitePool,
    name: &str,
    count: usize,
    at: Option<SystemTime>,
) -> Result<(), Failure> {
    let mut storage = storage(pool, name, 10);
    let tasks: Vec<_> = (0..count)
        .map(|_| {
            let task = Task::new(idle()).into_builder();
            match at {
                Some(at) => task.run_at_time(at),
                None => task,
            }
            .build()
        })
        .collect();
    storage.push_all(&mut futures::stream::iter(tasks)).await?;
    Ok(())
}

async fn process(folder: &Path, name: &str, count: usize, at_once: usize) -> Result<f64, Failure> {
    let pool = database(folder, name).await?;
    fill(&pool, name, count, None).await?;
    let began = Instant::now();
    work(&pool, name, count, at_once).await?;
    Ok(count as f64 / began.elapsed().as_secs_f64())
}

async fn late(folder: &Path, count: usize, ahead: u64) -> Result<Late, Failure> {
    let name = format!("late-{count}");
    let pool = database(folder, &name).await?;
    // It knows whole seconds only.
    let due = (now_ms() + ahead).div_ceil(1000) * 1000;
    let at = UNIX_EPOCH + Duration::from_millis(due);
    fill(&pool, &name, count, Some(at)).await?;
    if now_ms() >= due {
        return Err("the queue was not filled in time".into());
    }
    let mut times = work(&pool, &name, count, 64).await?;
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)] - due;
    Ok(Late {
        p50: at(50),
        p99: at(99),
    })
}

fn resident() -> Result<u64, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    Ok(number.ok_or("no VmHWM")?.parse()?)
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().ok_or("FOLDER is missing")?);
    let sizes: Work = serde_json::from_str(&arguments.next().ok_or("WORK is missing")?)?;
    let pool = database(&folder, "enqueue").await?;
    let enqueue_alone = enqueue(&pool, 1, sizes.alone).await?;
    let enqueue_together = enqueue(&pool, 64, sizes.together).await?;
    pool.close().await;
    let process_alone = process(&folder, "alone", sizes.process_alone, 1).await?;
    let process_together = process(&folder, "together", sizes.process_together, 64).await?;
    let mut lateness = Vec::new();
    for count in sizes.late {
        lateness.push(late(&folder, count, sizes.ahead_ms).await?);
    }
    let answer = Answer {
        enqueue_alone,
        enqueue_together,
        process_alone,
        process_together,
        late: lateness,
        resident_kib: resident()?,
    };
    println!("{}", serde_json::to_string(&answer)?);
    Ok(())
}

//! The daemon at an agency's size: ten thousand accounts, a day at 100 posts a minute, a
//! million posts that wait.
//!
//! `cargo bench --workspace --bench scale`
//!
//! All stations run as in the daemon, over a real store on disk. The time is a clock that is
//! moved on by a minute when all that was due is out; the platform is in memory.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use jarchi::alarm::Notifier;
use jarchi::clock::{Clock, Hands};
use jarchi::config::{Config, Misfire, Run, ScheduleConfig, load_without_surroundings};
use jarchi::content::{self, Batch, Brief, Due, Generating, Generators, NewPost};
use jarchi::model::{Draft, Id, Measure, Metric, Origin, Problem, Receipt, TimeSpan, Timestamp};
use jarchi::plugin::broker::{Broker, BrokerOptions};
use jarchi::publish::{
    Answer, Answering, Call, Connector, Connectors, Finding, Measured, Outcome, Promise,
    Unavailable,
};
use jarchi::service::{Running, Setup, start};
use jarchi::store::{Options, Store};
use tokio::sync::watch;

const START: Timestamp = Timestamp(1_800_000_000_000);
const ACCOUNTS: usize = 10_000;
const A_MINUTE: usize = 100;
const MINUTES: usize = 24 * 60;
const AT_ONCE: usize = 64;
const SIZES: [usize; 2] = [10_000, 1_000_000];

/// Takes everything at once, and counts.
#[derive(Clone, Default)]
struct Platform {
    taken: Arc<AtomicUsize>,
}

fn answer<T: Send + 'static>(value: T) -> Answering<'static, T> {
    Box::pin(std::future::ready(Answer {
        result: Ok(value),
        sent: true,
        requests: 1,
    }))
}

impl Connector for Platform {
    fn promise(&self) -> Promise {
        Promise {
            can_look_up: true,
            ..Promise::default()
        }
    }
    fn validate(&self, _: Draft) -> Answering<'_, Vec<Problem>> {
        answer(Vec::new())
    }
    fn prepare(&self, draft: Draft) -> jarchi::publish::Preparation<'_> {
        Box::pin(async { Ok(draft) })
    }
    fn publish(&self, call: Call) -> Answering<'_, Outcome> {
        self.taken.fetch_add(1, Ordering::Relaxed);
        answer(Outcome::Published(Receipt {
            id: call.delivery.key.to_string(),
            url: Some(format!("https://platform.example/{}", call.delivery.key)),
            published_at: None,
            parts: Vec::new(),
            data: None,
        }))
    }
    fn resume(&self, call: Call, _: String) -> Answering<'_, Outcome> {
        self.publish(call)
    }
    fn find_published(&self, _: Call, _: Option<String>, _: Timestamp) -> Answering<'_, Finding> {
        answer(Finding::Absent)
    }
    fn delete(&self, _: Receipt) -> Answering<'_, ()> {
        answer(())
    }
    fn measure_posts(&self, receipts: Vec<(Id, Receipt)>) -> Answering<'_, Vec<Measured>> {
        let measured = receipts.into_iter().map(|(delivery, _)| Measured {
            delivery,
            metrics: vec![Metric {
                measure: Measure::Likes,
                value: 7,
            }],
            gone: false,
        });
        answer(measured.collect())
    }
    fn measure_account(&self) -> Answering<'_, Vec<Metric>> {
        answer(Vec::new())
    }
}

impl Connectors for Platform {
    fn connector(&self, _: &str) -> Result<Arc<dyn Connector>, Unavailable> {
        Ok(Arc::new(self.clone()))
    }
}

struct Silent;

impl Generators for Silent {
    fn generate(&self, _: Brief) -> Generating<'_> {
        Box::pin(async { Ok(Batch::default()) })
    }
}

struct World {
    dir: tempfile::TempDir,
    config: Arc<Config>,
    clock: Clock,
    hands: Hands,
    platform: Platform,
    running: Running,
    _config: watch::Sender<Arc<Config>>,
}

impl World {
    async fn new() -> Self {
        let base = std::env::var_os("JARCHI_BENCH_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")), PathBuf::from);
        let dir = tempfile::tempdir_in(base).unwrap();
        let config = configuration(dir.path());
        let (clock, hands) = Clock::manual(START);
        let platform = Platform::default();
        let store = open(&config);
        let (running, sender) = launch(store, &config, &clock, &platform).await;
        World {
            dir,
            config,
            clock,
            hands,
            platform,
            running,
            _config: sender,
        }
    }

    fn store(&self) -> &Store {
        self.running.store()
    }

    /// Accepted by as many callers as a busy interface has.
    async fn accept(&self, numbers: std::ops::Range<usize>, due: Timestamp) {
        let mut callers = tokio::task::JoinSet::new();
        let now = self.clock.now();
        for caller in 0..AT_ONCE {
            let (store, config) = (self.store().clone(), self.config.clone());
            let numbers = numbers.clone();
            callers.spawn(async move {
                for number in numbers.skip(caller).step_by(AT_ONCE) {
                    let new = post(number, due);
                    content::accept(&store, &config, new, now).await.unwrap();
                }
            });
        }
        callers.join_all().await;
    }

    async fn until_taken(&self, count: usize) {
        while self.platform.taken.load(Ordering::Relaxed) < count {
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
    }

    async fn stop(self) -> tempfile::TempDir {
        self.running.stop().await.unwrap();
        self.dir
    }
}

/// With the rails as they are by default.
fn configuration(dir: &Path) -> Arc<Config> {
    let mut text = String::from(
        "[daemon]\nhttp = false\nlog = { filter = \"warn\" }\nconcurrency = 64\ndata_dir = \"data\"\n\
         check_links = false\nkeep = { settled = \"6h\" }\n\n\
         [[brand]]\nname = \"b\"\ntime_zone = \"UTC\"\n\n\
         [[plugin]]\nname = \"platform\"\npath = \"platform.wasm\"\nconcurrency = 64\n\n\
         [[schedule]]\nname = \"numbers\"\ncron = \"0 */6 * * *\"\nmeasure = \"posts\"\n",
    );
    for number in 0..ACCOUNTS {
        writeln!(
            text,
            "\n[[account]]\nname = \"a{number:05}\"\nplugin = \"platform\""
        )
        .unwrap();
    }
    let path = dir.join("jarchi.toml");
    std::fs::write(&path, text).unwrap();
    let began = Instant::now();
    let (mut config, _) =
        load_without_surroundings(&path).unwrap_or_else(|told| panic!("{told:#?}"));
    eprintln!(
        "a configuration of {ACCOUNTS} accounts was read in {:.0} ms",
        began.elapsed().as_secs_f64() * 1e3
    );
    // Once a day by default: a day would end before it shows.
    config.schedules.insert(
        "tidy".to_owned(),
        ScheduleConfig {
            name: "tidy".to_owned(),
            cron: "30 * * * *".to_owned(),
            time_zone: chrono_tz::Tz::UTC,
            misfire: Misfire::RunOnce,
            run: Run::Tidy,
        },
    );
    Arc::new(config)
}

fn open(config: &Config) -> Store {
    let options = Options {
        cache: config.daemon.cache,
    };
    Store::open(&config.daemon.data_dir, &options).unwrap()
}

async fn launch(
    store: Store,
    config: &Arc<Config>,
    clock: &Clock,
    platform: &Platform,
) -> (Running, watch::Sender<Arc<Config>>) {
    let (sender, receiver) = watch::channel(config.clone());
    let broker = Broker::new(BrokerOptions::default(), clock.clone()).unwrap();
    let setup = Setup {
        store,
        clock: clock.clone(),
        config: receiver,
        config_error: watch::channel(None).1,
        connectors: Arc::new(platform.clone()),
        generators: Arc::new(Silent),
        plugin_problems: watch::channel(Vec::new()).1,
        notifier: Notifier::new(broker),
        reload: Arc::new(|| Box::pin(async { Err("not here".to_owned()) })),
        links: None,
        offers: None,
        prometheus: None,
        accounts: None,
        created: None,
    };
    (start(setup).await.unwrap(), sender)
}

fn post(number: usize, due: Timestamp) -> NewPost {
    NewPost {
        draft: Draft {
            text: format!("Post {number} {}", "çay ".repeat(50)),
            ..Draft::default()
        },
        accounts: vec![format!("a{:05}", number % ACCOUNTS)],
        due: Due::At(due),
        origin: Origin::Command,
        pillar: None,
        campaign: None,
        repeat_after: None,
        round: 0,
    }
}

/// MiB, of this process: it is the daemon, the platform and who posts in one.
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1));
    kib.unwrap().parse::<f64>().unwrap() / 1024.0
}

async fn a_day() {
    let world = World::new().await;
    println!(
        "| {ACCOUNTS} accounts, {A_MINUTE} posts a minute: after | published | resident, MiB | \
         on disk, MB | slowest minute, ms |"
    );
    println!("|---|---:|---:|---:|---:|");
    let mut slowest = Duration::ZERO;
    for minute in 0..MINUTES {
        let due = START.saturating_add(TimeSpan::from_mins(minute as u64 + 1));
        let first = minute * A_MINUTE;
        world.accept(first..first + A_MINUTE, due).await;
        let began = Instant::now();
        world.hands.set(due);
        world.until_taken(first + A_MINUTE).await;
        slowest = slowest.max(began.elapsed());
        if (minute + 1) % 120 == 0 {
            println!(
                "| {} h | {} | {:.0} | {:.0} | {:.0} |",
                (minute + 1) / 60,
                first + A_MINUTE,
                resident(),
                world.store().size_on_disk().unwrap() as f64 / 1e6,
                slowest.as_secs_f64() * 1e3,
            );
            slowest = Duration::ZERO;
        }
    }
    assert_eq!(
        world.platform.taken.load(Ordering::Relaxed),
        MINUTES * A_MINUTE
    );
    world.stop().await;
}

async fn waiting(size: usize) {
    let world = World::new().await;
    let far = START.saturating_add(TimeSpan::from_days(30));
    let began = Instant::now();
    world.accept(0..size, far).await;
    let accepted = size as f64 / began.elapsed().as_secs_f64();
    let filled = resident();
    let (config, clock, platform) = (
        world.config.clone(),
        world.clock.clone(),
        world.platform.clone(),
    );
    let _dir = world.stop().await;
    let began = Instant::now();
    let store = open(&config);
    let (running, _keep) = launch(store, &config, &clock, &platform).await;
    let ready = began.elapsed();
    // From the acceptance of one that is due at once to the platform's hands.
    let mut times = Vec::new();
    for number in 0..500 {
        let before = platform.taken.load(Ordering::Relaxed);
        let mut new = post(size + number, clock.now());
        new.due = Due::Now;
        content::accept(running.store(), &config, new, clock.now())
            .await
            .unwrap();
        let began = Instant::now();
        while platform.taken.load(Ordering::Relaxed) == before {
            tokio::task::yield_now().await;
        }
        times.push(began.elapsed());
    }
    times.sort_unstable();
    println!(
        "| {size} | {accepted:.0} | {filled:.0} | {:.0} | {:.0} | {:.0} | {:.2} | {:.2} |",
        running.store().size_on_disk().unwrap() as f64 / 1e6,
        ready.as_secs_f64() * 1e3,
        resident(),
        times[times.len() / 2].as_secs_f64() * 1e3,
        times[times.len() * 99 / 100].as_secs_f64() * 1e3,
    );
    running.stop().await.unwrap();
}

fn main() {
    let what = std::env::args().skip(1).find(|one| one != "--bench");
    let runtime = || tokio::runtime::Runtime::new().unwrap();
    match what.as_deref() {
        // Each in a process of its own, so that its memory is its own.
        None => {
            for part in ["day", "10000", "1000000"] {
                if part == "10000" {
                    println!(
                        "\n| posts wait | accepted a second | resident, MiB | on disk, MB | \
                         restart to ready, ms | resident then, MiB | due to platform, p50, ms | p99 |"
                    );
                    println!("|---:|---:|---:|---:|---:|---:|---:|---:|");
                }
                let this = std::env::current_exe().unwrap();
                let status = std::process::Command::new(this).arg(part).status();
                assert!(status.unwrap().success());
            }
        }
        Some("day") => runtime().block_on(a_day()),
        Some(size) => {
            let size = size.parse().unwrap();
            assert!(SIZES.contains(&size));
            runtime().block_on(waiting(size));
        }
    }
}

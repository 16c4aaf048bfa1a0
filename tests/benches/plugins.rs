//! What a plugin costs: compiled, loaded from the cache, called; and what the same call costs
//! in wasmtime alone.
//!
//! `cargo bench -p jarchi-tests --bench plugins`

#![allow(clippy::unwrap_used, reason = "what goes wrong ends the measuring")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jarchi::clock::Clock;
use jarchi::config::{Limits, PluginConfig};
use jarchi::model::Draft;
use jarchi::plugin::broker::{Broker, BrokerOptions, Secrets};
use jarchi::plugin::{Host, HostOptions, MemoryKv, Plugin, Subject};
use jarchi_tests::plugins::stock;
use secrecy::SecretString;

const CALLS: usize = 5000;
const AT_ONCE: usize = 64;
const STOCK: [&str; 4] = ["mastodon", "bluesky", "library", "rss"];

/// The same component and the same call without the daemon's host: no broker, no key-value
/// store, no accounting of what is used.
mod bare {
    #![allow(missing_docs, clippy::expect_used, reason = "generated")]

    wasmtime::component::bindgen!({
        path: "../plugin-sdk/wit",
        world: "publishing",
        exports: { default: async },
    });
}

struct NoSecrets;

impl Secrets for NoSecrets {
    fn get(&self, _: &str) -> Option<SecretString> {
        None
    }
    fn capture(&self, _: &str, _: SecretString) -> Result<(), String> {
        Ok(())
    }
    fn all(&self) -> Vec<(String, SecretString)> {
        Vec::new()
    }
}

fn host(cache: &Path) -> Host {
    let clock = Clock::system();
    Host::new(HostOptions {
        cache_dir: cache.to_owned(),
        concurrency: AT_ONCE,
        carrier: Arc::new(Broker::new(BrokerOptions::default(), clock.clone()).unwrap()),
        kv: Arc::new(MemoryKv::default()),
        urls: None,
        created: None,
        clock,
    })
    .unwrap()
}

fn config(name: &str) -> PluginConfig {
    PluginConfig {
        name: name.to_owned(),
        path: stock(name),
        grants: Vec::new(),
        limits: Limits::default(),
        concurrency: AT_ONCE,
        app: jarchi::config::AppKeys::default(),
        redirect: None,
    }
}

fn subject() -> Subject {
    let settings = serde_json::json!({ "behave": { "do": "behave" } });
    Subject {
        name: "bench".into(),
        settings: Arc::new(settings.as_object().unwrap().clone()),
        secrets: Arc::new(NoSecrets),
        folders: Arc::new(BTreeMap::new()),
    }
}

fn draft(bytes: usize) -> Draft {
    Draft {
        text: "çay ".repeat(bytes / 5),
        ..Draft::default()
    }
}

async fn one_by_one(plugin: &Plugin, draft: &Draft) -> Vec<Duration> {
    let subject = subject();
    let mut times = Vec::with_capacity(CALLS);
    for _ in 0..CALLS {
        let began = Instant::now();
        plugin.validate(&subject, draft).await.result.unwrap();
        times.push(began.elapsed());
    }
    times.sort_unstable();
    times
}

/// What wasmtime itself takes for it, set up as well as we know: a fresh instance out of a
/// pool, epochs on, asynchronous.
async fn bare_calls(file: &Path, bytes: usize) -> Vec<Duration> {
    use bare::exports::jarchi::plugin::publisher;
    use wasmtime::component::{Component, Linker};
    use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store};

    let mut pool = PoolingAllocationConfig::new();
    pool.linear_memory_keep_resident(64 << 10)
        .table_keep_resident(4 << 10);
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    let engine = Engine::new(&config).unwrap();
    let component = Component::from_file(&engine, file).unwrap();
    let mut linker = Linker::<()>::new(&engine);
    // The call needs none of them.
    linker.define_unknown_imports_as_traps(&component).unwrap();
    let ready = bare::PublishingPre::new(linker.instantiate_pre(&component).unwrap()).unwrap();
    let account = publisher::Account {
        name: "bench".to_owned(),
        settings: r#"{"behave":{"do":"behave"}}"#.to_owned(),
    };
    let post = publisher::Post {
        text: "çay ".repeat(bytes / 5),
        language: None,
        media: Vec::new(),
        link: None,
        hashtags: Vec::new(),
        mentions: Vec::new(),
        poll: None,
        thread: Vec::new(),
        first_comment: None,
        visibility: None,
        content_warning: None,
        sensitive: false,
        options: "{}".to_owned(),
    };
    let mut times = Vec::with_capacity(CALLS);
    for _ in 0..CALLS {
        let began = Instant::now();
        let mut store = Store::new(&engine, ());
        store.set_epoch_deadline(u64::MAX / 2);
        let instance = ready.instantiate_async(&mut store).await.unwrap();
        let problems = instance
            .jarchi_plugin_publisher()
            .call_validate(&mut store, &account, &post)
            .await
            .unwrap();
        assert!(problems.unwrap().is_empty());
        drop(store);
        times.push(began.elapsed());
    }
    times.sort_unstable();
    times
}

/// Calls a second.
async fn at_once(plugin: &Plugin, draft: &Arc<Draft>) -> f64 {
    let began = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..AT_ONCE {
        let (plugin, draft) = (plugin.clone(), draft.clone());
        tasks.spawn(async move {
            let subject = subject();
            for _ in 0..CALLS / AT_ONCE {
                plugin.validate(&subject, &draft).await.result.unwrap();
            }
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
    (CALLS / AT_ONCE * AT_ONCE) as f64 / began.elapsed().as_secs_f64()
}

#[tokio::main]
async fn main() {
    let directory = tempfile::tempdir().unwrap();
    let cache = directory.path().join("compiled");

    println!("| plugin | KiB | compiled, ms | from the cache, ms |");
    println!("|---|---|---|---|");
    for name in STOCK {
        let config = config(name);
        let kib = std::fs::metadata(&config.path).unwrap().len() / 1024;
        let began = Instant::now();
        host(&cache).load(&config).await.unwrap();
        let cold = began.elapsed();
        let again = host(&cache);
        let began = Instant::now();
        again.load(&config).await.unwrap();
        let cached = began.elapsed();
        println!(
            "| {name} | {kib} | {:.0} | {:.1} |",
            millis(cold),
            millis(cached)
        );
    }

    let host = host(&cache);
    let plugin = host.load(&config("hostile")).await.unwrap();
    println!(
        "\n| a call, fresh instance included | p50, µs | p99, µs | calls/s, {AT_ONCE} at once | \
         wasmtime alone, p50, µs |"
    );
    println!("|---|---|---|---|---|");
    for (words, bytes) in [("1 KB post", 1000), ("100 KB post", 100_000)] {
        let draft = Arc::new(draft(bytes));
        one_by_one(&plugin, &draft).await;
        let times = one_by_one(&plugin, &draft).await;
        bare_calls(&stock("hostile"), bytes).await;
        let alone = bare_calls(&stock("hostile"), bytes).await;
        let throughput = at_once(&plugin, &draft).await;
        println!(
            "| {words} | {:.0} | {:.0} | {throughput:.0} | {:.0} |",
            micros(times[times.len() / 2]),
            micros(times[times.len() * 99 / 100]),
            micros(alone[alone.len() / 2]),
        );
    }
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

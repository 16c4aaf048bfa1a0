//! What the tests of the stations share: a configuration, a store, a platform.
#![allow(dead_code)]

pub mod platform;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono_tz::Tz;
use jarchi::config::{
    Account, Brand, BreakerConfig, Config, Daemon, Keep, LatePolicy, LogConfig, LogFormat,
    MediaConfig, Rails, Retry,
};
use jarchi::model::{Draft, TimeSpan, Timestamp};
use jarchi::store::{Options, Store};

/// 2026-11-24T09:00:00Z.
pub const START: Timestamp = Timestamp(1_795_510_800_000);

pub fn rails() -> Rails {
    Rails {
        per_hour: 1000,
        per_day: 10_000,
        least_gap: TimeSpan::ZERO,
        duplicate_window: TimeSpan::from_days(1),
        missed_after: TimeSpan::from_hours(1),
        late: LatePolicy::Miss,
    }
}

pub fn account(name: &str) -> Account {
    Account {
        name: name.to_owned(),
        plugin: "platform".to_owned(),
        brand: "bakery".to_owned(),
        settings: serde_json::Map::new(),
        secrets: BTreeMap::new(),
        slots: Vec::new(),
        hold: false,
        crop: false,
        rails: rails(),
        plan: Default::default(),
        measure: Default::default(),
        quiet_after: None,
        app: jarchi::config::AppKeys::default(),
        numbers_after: None,
        approval: Default::default(),
        words: Default::default(),
    }
}

pub fn config(dir: &Path, accounts: &[Account]) -> Arc<Config> {
    let brand = Brand {
        name: "bakery".to_owned(),
        time_zone: Tz::Asia__Baku,
        languages: vec!["az".to_owned(), "en".to_owned()],
        hashtags: Vec::new(),
        strategy: Default::default(),
    };
    Arc::new(Config {
        path: dir.join("jarchi.toml"),
        daemon: Daemon {
            data_dir: dir.to_owned(),
            plugin_dir: dir.join("plugins"),
            http: None,
            socket: dir.join("jarchi.sock"),
            grace: TimeSpan::from_secs(5),
            concurrency: 16,
            cache: 16 << 20,
            keep_free: 0,
            keep: Keep::default(),
            check_links: true,
            log: LogConfig {
                filter: "info".to_owned(),
                format: LogFormat::Human,
            },
            retry: Retry {
                attempts: 5,
                first: TimeSpan::from_secs(30),
                longest: TimeSpan::from_mins(10),
            },
            breaker: BreakerConfig::default(),
            least_free: 0,
        },
        media: MediaConfig::default(),
        approval: Default::default(),
        measure: Default::default(),
        brands: BTreeMap::from([(brand.name.clone(), brand)]),
        accounts: accounts
            .iter()
            .map(|account| (account.name.clone(), account.clone()))
            .collect(),
        plugins: BTreeMap::new(),
        generators: BTreeMap::new(),
        schedules: BTreeMap::new(),
        alarms: BTreeMap::new(),
        origin: Default::default(),
    })
}

pub fn open(dir: &Path) -> Store {
    Store::open(dir, &Options { cache: 16 << 20 }).expect("the store opens")
}

pub fn text(text: &str) -> Draft {
    Draft {
        text: text.to_owned(),
        ..Draft::default()
    }
}

/// A directory that is removed at the end.
pub fn scratch() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().to_owned();
    (dir, path)
}

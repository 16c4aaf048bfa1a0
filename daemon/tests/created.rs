//! Files that generators made, and the daemon that tidies them.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod common;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use common::platform::Platform;
use common::{START, account, config, open, scratch};
use jarchi::alarm::Notifier;
use jarchi::clock::Clock;
use jarchi::config::{Misfire, Run, ScheduleConfig};
use jarchi::content::{Batch, Brief, Due, Generating, Generators, NewPost, accept};
use jarchi::media::{Created, describe};
use jarchi::model::{Draft, Origin, TimeSpan};
use jarchi::plugin::broker::{Broker, BrokerOptions};
use jarchi::publish::Promise;
use jarchi::service::{Setup, start};
use tokio::sync::watch;

struct Silent;

impl Generators for Silent {
    fn generate(&self, _: Brief) -> Generating<'_> {
        Box::pin(async { Ok(Batch::default()) })
    }
}

fn picture(n: u8) -> Vec<u8> {
    [&b"GIF89a\x01\x00\x01\x00\x00\x00\x00;"[..], &[n]].concat()
}

async fn post(path: &Path, due: Due) -> NewPost {
    NewPost {
        draft: Draft {
            text: "Çay".to_owned(),
            media: vec![describe(path, None, None).await.unwrap()],
            ..Draft::default()
        },
        accounts: vec!["cafe".to_owned()],
        due,
        origin: Origin::Command,
        pillar: None,
        campaign: None,
        repeat_after: None,
        round: 0,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_post_has_goes_in_time_and_what_one_has_stays() {
    let (_dir, dir) = scratch();
    let (clock, hands) = Clock::manual(START);
    let created = Arc::new(Created::new(&dir, clock.clone(), || Ok(())));
    let make = |n: u8| -> PathBuf { created.create("art", "tea", &picture(n)).unwrap().1 };
    let (waiting, unused) = (make(1), make(2));

    let mut config = (*config(&dir, &[account("cafe")])).clone();
    let tidy = ScheduleConfig {
        name: "tidy".to_owned(),
        cron: "0 * * * *".to_owned(),
        time_zone: chrono_tz::Tz::UTC,
        misfire: Misfire::RunOnce,
        run: Run::Tidy,
    };
    config.schedules.insert(tidy.name.clone(), tidy);
    let store = open(&dir);
    let far = START.saturating_add(TimeSpan::from_days(400));
    let new = post(&waiting, Due::At(far)).await;
    accept(&store, &config, new, START).await.unwrap();

    let (_keep, receiver) = watch::channel(Arc::new(config));
    let (_, plugin_problems) = watch::channel(Vec::new());
    let running = start(Setup {
        store: store.clone(),
        clock: clock.clone(),
        config: receiver,
        config_error: watch::channel(None).1,
        connectors: Arc::new(Platform::new(Promise::default(), false)),
        generators: Arc::new(Silent),
        plugin_problems,
        notifier: Notifier::new(Broker::new(BrokerOptions::default(), clock.clone()).unwrap()),
        reload: Arc::new(|| Box::pin(async { Err("not here".to_owned()) })),
        links: None,
        offers: None,
        created: Some(created.clone()),
        prometheus: None,
        accounts: None,
    })
    .await
    .unwrap();
    let seen = || running.store().view().note("schedule:tidy").unwrap();
    while seen().is_none() {
        tokio::task::yield_now().await;
    }
    // The last moment at which it is not yet certain.
    let tidied = async |days: u64| {
        let now = START.saturating_add(TimeSpan::from_days(days));
        let probe = make(9);
        hands.set(now);
        while running.store().view().last_trigger("tidy").unwrap() != Some(now) {
            tokio::task::yield_now().await;
        }
        probe
    };
    let probe = tidied(6).await;
    assert!(waiting.exists() && unused.exists() && probe.exists());
    tidied(300).await;
    while unused.exists() || probe.exists() {
        tokio::task::yield_now().await;
    }
    assert!(waiting.exists(), "a post waits for it");
    assert_eq!(std::fs::read(&waiting).unwrap(), picture(1));
    running.stop().await.unwrap();
}

//! Schedules of a daemon whose clock the test moves: both daylight-saving nights in several
//! zones, jumps in both directions, a machine that slept, dates far ahead.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod common;

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{NaiveDate, TimeZone as _};
use chrono_tz::Tz;
use common::platform::Platform;
use common::{START, config, open, scratch};
use jarchi::alarm::Notifier;
use jarchi::clock::{Clock, Hands};
use jarchi::config::{Config, GeneratorConfig, Misfire, Run, ScheduleConfig};
use jarchi::content::{Batch, Brief, Generating, Generators};
use jarchi::model::{TimeSpan, Timestamp};
use jarchi::plugin::broker::{Broker, BrokerOptions};
use jarchi::publish::Promise;
use jarchi::service::{Running, Setup, start};
use jarchi::store::{Options, Store};
use tokio::sync::watch;

/// Has nothing to give.
struct Silent;

impl Generators for Silent {
    fn generate(&self, _: Brief) -> Generating<'_> {
        Box::pin(async {
            Ok(Batch {
                complete: true,
                ..Batch::default()
            })
        })
    }
}

fn schedule(name: &str, cron: &str, zone: Tz, misfire: Misfire) -> ScheduleConfig {
    ScheduleConfig {
        name: name.to_owned(),
        cron: cron.to_owned(),
        time_zone: zone,
        misfire,
        // Of its own: what waits for one schedule is not in the way of another.
        run: Run::Generate(name.to_owned()),
    }
}

fn generator(name: &str) -> GeneratorConfig {
    GeneratorConfig {
        name: name.to_owned(),
        plugin: "none".to_owned(),
        brand: "bakery".to_owned(),
        accounts: Vec::new(),
        pillar: None,
        folders: BTreeMap::new(),
        settings: serde_json::Map::new(),
        secrets: BTreeMap::new(),
        watch: false,
        approval: Default::default(),
    }
}

/// Fires every minute, and is the last in every round of the schedules: when it has, so
/// have the others.
const TICK: &str = "~tick";

struct World {
    _dir: tempfile::TempDir,
    path: std::path::PathBuf,
    config: Arc<Config>,
    clock: Clock,
    hands: Hands,
    daemon: Option<(Running, watch::Sender<Arc<Config>>)>,
}

impl World {
    fn new(now: Timestamp, schedules: Vec<ScheduleConfig>) -> Self {
        let (dir, path) = scratch();
        let (clock, hands) = Clock::manual(now);
        let mut config = (*config(&path, &[])).clone();
        let tick = schedule(TICK, "* * * * *", Tz::UTC, Misfire::RunOnce);
        config.schedules = schedules
            .into_iter()
            .chain([tick])
            .map(|one| (one.name.clone(), one))
            .collect();
        config.generators = config
            .schedules
            .keys()
            .map(|name| (name.clone(), generator(name)))
            .collect();
        World {
            _dir: dir,
            path,
            config: Arc::new(config),
            clock,
            hands,
            daemon: None,
        }
    }

    async fn start(&mut self) {
        let (keep, config) = watch::channel(self.config.clone());
        let never = |value| watch::channel(value).1;
        let (_, plugin_problems) = watch::channel(Vec::new());
        let broker = Broker::new(BrokerOptions::default(), self.clock.clone()).unwrap();
        let setup = Setup {
            store: open(&self.path),
            clock: self.clock.clone(),
            config,
            config_error: never(None),
            connectors: Arc::new(Platform::new(Promise::default(), false)),
            generators: Arc::new(Silent),
            plugin_problems,
            notifier: Notifier::new(broker),
            reload: Arc::new(|| Box::pin(async { Err("not here".to_owned()) })),
            links: None,
            offers: None,
            created: None,
            prometheus: None,
            accounts: None,
        };
        self.daemon = Some((start(setup).await.unwrap(), keep));
        self.looked().await;
    }

    /// The clock is not to be moved before it was looked at.
    async fn looked(&self) {
        let a_day_ahead = self.clock.now().saturating_add(TimeSpan::from_days(1));
        loop {
            let view = self.store().view();
            let seen = match view.last_trigger(TICK).unwrap() {
                Some(last) => last <= a_day_ahead,
                None => view.note(&format!("schedule:{TICK}")).unwrap().is_some(),
            };
            if seen {
                return;
            }
            std::thread::yield_now();
            tokio::task::yield_now().await;
        }
    }

    /// The daemon is off until the next start.
    async fn stop(&mut self) {
        let (running, _) = self.daemon.take().unwrap();
        running.stop().await.unwrap();
        // Its handles are dropped by its tasks.
        while Store::open(&self.path, &Options::default()).is_err() {
            std::thread::yield_now();
            tokio::task::yield_now().await;
        }
    }

    fn store(&self) -> &Store {
        self.daemon.as_ref().unwrap().0.store()
    }

    /// Moves the clock, and returns when every schedule has dealt with that.
    async fn at(&self, now: Timestamp) {
        self.hands.set(now);
        while self.store().view().last_trigger(TICK).unwrap() != Some(now) {
            std::thread::yield_now();
            tokio::task::yield_now().await;
        }
    }

    /// The fire times of a schedule that led to a job or were found waiting.
    fn fired(&self, name: &str) -> Vec<Timestamp> {
        let fired = self.store().view().triggers(name).unwrap();
        fired.into_iter().map(|(at, _)| at).collect()
    }
}

fn instant(zone: Tz, text: &str) -> Timestamp {
    let local = chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap();
    let at = zone.from_local_datetime(&local).earliest().unwrap();
    Timestamp(at.timestamp_millis() as u64)
}

fn shown(zone: Tz, at: Timestamp) -> String {
    at.to_utc()
        .with_timezone(&zone)
        .format("%Y-%m-%d %H:%M %:z")
        .to_string()
}

/// A night on which the clocks change, and when a schedule fires on that day: once.
#[tokio::test(flavor = "multi_thread")]
async fn once_in_every_night_when_the_clocks_change() {
    let nights = [
        // Forward over 02:30, and back over it.
        (
            Tz::Europe__Berlin,
            "30 2 * * *",
            "2026-03-29",
            "2026-03-29 03:00 +02:00",
        ),
        (
            Tz::Europe__Berlin,
            "30 2 * * *",
            "2026-10-25",
            "2026-10-25 02:30 +02:00",
        ),
        (
            Tz::America__New_York,
            "30 2 * * *",
            "2026-03-08",
            "2026-03-08 03:00 -04:00",
        ),
        (
            Tz::America__New_York,
            "30 1 * * *",
            "2026-11-01",
            "2026-11-01 01:30 -04:00",
        ),
        (
            Tz::America__New_York,
            "30 2 * * *",
            "2026-11-01",
            "2026-11-01 02:30 -05:00",
        ),
        // By half an hour only.
        (
            Tz::Australia__Lord_Howe,
            "15 2 * * *",
            "2026-10-04",
            "2026-10-04 02:30 +11:00",
        ),
        (
            Tz::Australia__Lord_Howe,
            "45 1 * * *",
            "2026-04-05",
            "2026-04-05 01:45 +11:00",
        ),
        // At midnight, which is not there in spring.
        (
            Tz::America__Santiago,
            "30 0 * * *",
            "2026-09-06",
            "2026-09-06 01:00 -03:00",
        ),
        (
            Tz::America__Santiago,
            "30 23 * * *",
            "2026-04-04",
            "2026-04-04 23:30 -03:00",
        ),
        // Where no clock changes.
        (
            Tz::Asia__Baku,
            "30 2 * * *",
            "2026-03-29",
            "2026-03-29 02:30 +04:00",
        ),
    ];
    for (zone, cron, date, expected) in nights {
        let day: NaiveDate = date.parse().unwrap();
        let first = instant(zone, &format!("{} 20:00", day.pred_opt().unwrap()));
        let one = schedule("night", cron, zone, Misfire::RunOnce);
        let mut world = World::new(first, vec![one]);
        world.start().await;
        for step in 1..=40 * 4 {
            let minutes = TimeSpan::from_mins(15 * step);
            world.at(first.saturating_add(minutes)).await;
        }
        let fired = world.fired("night");
        let on_that_day: Vec<String> = fired
            .iter()
            .map(|at| shown(zone, *at))
            .filter(|text| text.starts_with(date))
            .collect();
        assert_eq!(on_that_day, [expected], "{zone} {cron}");
        // And once on the day after.
        assert_eq!(fired.len(), 2, "{zone} {cron}: {fired:?}");
        world.stop().await;
    }
}

/// Every half hour goes by the time that passes, whatever the clocks on the wall show.
#[tokio::test(flavor = "multi_thread")]
async fn intervals_go_on_through_both_nights() {
    for (date, hours) in [("2026-03-29", 23), ("2026-10-25", 25)] {
        let zone = Tz::Europe__Berlin;
        let first = instant(zone, &format!("{date} 00:00"));
        let one = schedule("often", "*/30 * * * *", zone, Misfire::RunOnce);
        let mut world = World::new(first, vec![one]);
        world.start().await;
        for step in 1..=hours * 6 {
            let minutes = TimeSpan::from_mins(10 * step);
            world.at(first.saturating_add(minutes)).await;
        }
        let fired = world.fired("often");
        let half = TimeSpan::from_mins(30);
        let expected: Vec<Timestamp> = (1..=hours * 2)
            .map(|number| first.saturating_add(TimeSpan(half.0 * number)))
            .collect();
        assert_eq!(fired, expected, "{date}");
        world.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_slept_and_one_that_was_off() {
    let hourly = |name: &str, misfire| schedule(name, "0 * * * *", Tz::UTC, misfire);
    let schedules = vec![
        hourly("all", Misfire::RunAll),
        hourly("once", Misfire::RunOnce),
        hourly("skip", Misfire::Skip),
    ];
    let mut world = World::new(START, schedules);
    let hours = |hours: u64| START.saturating_add(TimeSpan::from_mins(60 * hours + 1));
    world.start().await;
    world.at(hours(1)).await;
    // Suspended with the lid down, and open again too late to be on time; then switched off.
    let late = |moment: Timestamp| moment.saturating_add(TimeSpan::from_mins(5));
    world.at(late(hours(9))).await;
    let first = ["all", "once", "skip"].map(|name| world.fired(name).len());
    world.stop().await;
    world.hands.set(late(hours(20)));
    world.start().await;
    world.at(late(hours(20))).await;
    world.at(hours(21)).await;
    let all = world.fired("all");
    assert_eq!(all.len(), 21);
    assert!(
        all.windows(2)
            .all(|pair| pair[1].since(pair[0]) == TimeSpan::from_hours(1))
    );
    assert_eq!(first, [9, 2, 2]);
    // Those that were skipped are written as such, and led to nothing.
    let view = world.store().view();
    let skipped = view.triggers("skip").unwrap();
    for hour in [9, 20] {
        let at = START.saturating_add(TimeSpan::from_hours(hour));
        let found = skipped.iter().find(|(fire, _)| *fire == at);
        assert_eq!(found, Some(&(at, None)), "{skipped:?}");
    }
    let once = world.fired("once");
    assert_eq!(once.len(), 4, "{once:?}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_set_fires_nothing_twice_and_stops_nothing() {
    let one = schedule("hourly", "0 * * * *", Tz::UTC, Misfire::RunAll);
    let mut world = World::new(START, vec![one]);
    let minutes = |minutes: u64| START.saturating_add(TimeSpan::from_mins(minutes));
    world.start().await;
    world.at(minutes(181)).await;
    assert_eq!(world.fired("hourly").len(), 3);
    // Back by two hours: what has fired does not fire again.
    world.hands.set(minutes(61));
    world.stop().await;
    world.start().await;
    for step in 62..=239 {
        world.hands.set(minutes(step));
        tokio::task::yield_now().await;
    }
    assert_eq!(world.fired("hourly").len(), 3);
    world.at(minutes(241)).await;
    assert_eq!(world.fired("hourly").len(), 4);

    // Ten years ahead by mistake, and back: it goes on by the right time.
    world.at(minutes(241 + 10 * 365 * 24 * 60)).await;
    let ahead = world.fired("hourly");
    assert!(ahead.last().unwrap().0 > minutes(10_000).0);
    world.hands.set(minutes(250));
    world.stop().await;
    world.start().await;
    world.at(minutes(301)).await;
    let fired = world.fired("hourly");
    assert_eq!(fired.last(), Some(&minutes(300)), "{fired:?}");
    world.at(minutes(361)).await;
    assert_eq!(world.fired("hourly").last(), Some(&minutes(360)));

    // And the same while it runs.
    world.at(minutes(361 + 10 * 365 * 24 * 60)).await;
    world.hands.set(minutes(370));
    world.looked().await;
    world.at(minutes(421)).await;
    assert_eq!(world.fired("hourly").last(), Some(&minutes(420)));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dates_far_ahead_and_a_leap_day() {
    let zone = Tz::Asia__Baku;
    let leap = schedule("leap", "0 9 29 2 *", zone, Misfire::RunOnce);
    let first = instant(zone, "2091-12-31 23:00");
    let mut world = World::new(first, vec![leap]);
    world.start().await;
    world.at(instant(zone, "2092-02-28 12:00")).await;
    assert_eq!(world.fired("leap"), []);
    world.at(instant(zone, "2092-02-29 09:00")).await;
    assert_eq!(world.fired("leap"), [instant(zone, "2092-02-29 09:00")]);
    world.at(instant(zone, "2096-02-28 12:00")).await;
    assert_eq!(world.fired("leap").len(), 1);
    world.at(instant(zone, "2096-02-29 09:01")).await;
    assert_eq!(
        world.fired("leap").last(),
        Some(&instant(zone, "2096-02-29 09:00"))
    );
    world.stop().await;
}

/// Unix time has no leap seconds: at the end of one, the clock of a machine that does not
/// smear it shows a second twice.
#[tokio::test(flavor = "multi_thread")]
async fn a_leap_second_repeats_nothing() {
    let midnight = instant(Tz::UTC, "2027-01-01 00:00");
    let millis = |millis: u64| midnight.saturating_sub(TimeSpan(millis));
    let last = schedule("last-second", "59 59 23 * * *", Tz::UTC, Misfire::RunAll);
    let first = schedule("midnight", "0 0 * * *", Tz::UTC, Misfire::RunAll);
    let mut world = World::new(millis(30_000), vec![last, first]);
    world.start().await;
    world.hands.set(millis(100));
    while world.fired("last-second").is_empty() {
        tokio::task::yield_now().await;
    }
    // 23:59:59 comes again.
    world.hands.set(millis(1000));
    world.hands.set(millis(100));
    world.at(midnight).await;
    assert_eq!(world.fired("last-second"), [millis(1000)]);
    assert_eq!(world.fired("midnight"), [midnight]);
    // Where the kernel steps back only after midnight was shown.
    world.hands.set(millis(900));
    world.hands.set(millis(50));
    world.hands.set(midnight);
    world
        .at(midnight.saturating_add(TimeSpan::from_mins(1)))
        .await;
    assert_eq!(world.fired("last-second"), [millis(1000)]);
    assert_eq!(world.fired("midnight"), [midnight]);
    world.stop().await;
}

//! A daemon whose clock the test moves, with two accounts that have two slots a day.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use chrono_tz::Tz;
use jarchi::alarm::{Cause, Notifier};
use jarchi::clock::{Clock, Hands};
use jarchi::config::{Config, Misfire, PillarKind, Run, ScheduleConfig};
use jarchi::content::Brief;
use jarchi::model::{Delivery, Fault, Id, Planned, Post, Timestamp};
use jarchi::plugin::broker::{Broker, BrokerOptions};
use jarchi::publish::Promise;
use jarchi::service::api::Request;
use jarchi::service::{Client, Running, Setup, start};
use jarchi::store::{DeliveryFilter, JobFilter, Store, StoreError};
use tokio::sync::watch;

use crate::common::platform::Platform;
use crate::common::{account, config, open, scratch};
use crate::world::{BRAND, Given, Of, Writer, at, campaign, draft, generator, pillar, with_brand};

/// Monday 07:59 in Baku.
pub const EARLY: &str = "2026-11-23T03:59:00Z";

/// Two accounts with two slots a day, tips and offers.
pub fn bakery(dir: &Path, tips: &[&str], offers: &[&str]) -> Config {
    let accounts: Vec<_> = ["cafe", "shop"]
        .map(|name| {
            let mut account = account(name);
            account.slots = vec!["0 9,18 * * *".to_owned()];
            account
        })
        .into();
    let mut config = with_brand(&config(dir, &accounts), |brand| {
        let strategy = &mut brand.strategy;
        strategy.voice.tone = Some("friendly".to_owned());
        strategy.voice.taboos = vec!["politics".to_owned()];
        strategy.audience = Some("tea drinkers".to_owned());
        strategy.call_to_action = Some("Come in".to_owned());
        for (name, kind, generators) in [
            ("tips", PillarKind::Value, tips),
            ("offers", PillarKind::Promo, offers),
        ] {
            strategy
                .pillars
                .insert(name.to_owned(), pillar(name, kind, 1, generators));
        }
        let mut winter = campaign("winter", "2026-11-25", "2026-11-27", 0.5);
        winter.utm = vec![("utm_source".to_owned(), "jarchi".to_owned())];
        strategy.campaigns.insert("winter".to_owned(), winter);
    });
    let names: BTreeSet<&str> = tips.iter().chain(offers).copied().collect();
    for name in names {
        let mut generator = generator(name);
        generator.accounts = vec!["cafe".to_owned(), "shop".to_owned()];
        config.generators.insert(name.to_owned(), generator);
    }
    config.schedules.insert(
        "week".to_owned(),
        ScheduleConfig {
            name: "week".to_owned(),
            cron: "0 8 * * MON".to_owned(),
            time_zone: Tz::Asia__Baku,
            misfire: Misfire::RunOnce,
            run: Run::Plan {
                brand: None,
                days: 7,
            },
        },
    );
    config
}

pub fn setup(
    config: &Arc<Config>,
    path: &Path,
    clock: &Clock,
    writer: Arc<Writer>,
    platform: Platform,
) -> (Setup, watch::Sender<Arc<Config>>) {
    let (keep, receiver) = watch::channel(config.clone());
    let never = |value| watch::channel(value).1;
    let (_, plugin_problems) = watch::channel(Vec::new());
    let broker = Broker::new(BrokerOptions::default(), clock.clone()).unwrap();
    let setup = Setup {
        store: open(path),
        clock: clock.clone(),
        config: receiver,
        config_error: never(None),
        connectors: Arc::new(platform),
        generators: Arc::new(Of(writer)),
        plugin_problems,
        notifier: Notifier::new(broker),
        reload: Arc::new(|| Box::pin(async { Err("not here".to_owned()) })),
        links: None,
        offers: None,
        created: None,
        prometheus: None,
        accounts: None,
    };
    (setup, keep)
}

/// Nothing is due and nothing runs. What is read while a batch is written may be of before and
/// after it; so it is read again behind the writer.
pub async fn is_idle(store: &Store, clock: &Clock) -> bool {
    for _ in 0..3 {
        let view = store.view();
        let due = view.earliest_due().unwrap();
        let waits = due.is_some_and(|due| due <= clock.now());
        if waits || !view.jobs(JobFilter::Running, 1).unwrap().is_empty() {
            return false;
        }
        store.write(|_| Ok::<_, StoreError>(())).await.unwrap();
    }
    true
}

/// A daemon whose clock the test moves.
pub struct World {
    _dir: tempfile::TempDir,
    pub config: Arc<Config>,
    pub clock: Clock,
    pub hands: Hands,
    pub writer: Arc<Writer>,
    pub platform: Platform,
    pub running: Running,
    _keep: watch::Sender<Arc<Config>>,
}

impl World {
    pub async fn start(tips: &[&str], offers: &[&str], writer: Arc<Writer>) -> Self {
        World::with(tips, offers, writer, |_| {}).await
    }

    /// With a configuration that is changed before.
    pub async fn with(
        tips: &[&str],
        offers: &[&str],
        writer: Arc<Writer>,
        change: impl FnOnce(&mut Config),
    ) -> Self {
        let (dir, path) = scratch();
        let (clock, hands) = Clock::manual(at(EARLY));
        let mut config = bakery(&path, tips, offers);
        change(&mut config);
        let config = Arc::new(config);
        let platform = Platform::new(Promise::default(), false);
        let (setup, keep) = setup(&config, &path, &clock, writer.clone(), platform.clone());
        let world = World {
            running: start(setup).await.unwrap(),
            _dir: dir,
            config,
            clock,
            hands,
            writer,
            platform,
            _keep: keep,
        };
        // Else the clock moves before the schedule was seen.
        world
            .until(|world| world.view_note("schedule:week").is_some())
            .await;
        world
    }

    /// The daemon stops, and another goes on.
    pub async fn again(self) -> Self {
        let World {
            _dir,
            config,
            clock,
            hands,
            writer,
            platform,
            running,
            _keep,
        } = self;
        let path = config.daemon.data_dir.clone();
        running.stop().await.unwrap();
        let (setup, keep) = setup(&config, &path, &clock, writer.clone(), platform.clone());
        World {
            running: start(setup).await.unwrap(),
            _dir,
            config,
            clock,
            hands,
            writer,
            platform,
            _keep: keep,
        }
    }

    /// Asks the daemon, as the command line does.
    pub async fn ask<T: serde::de::DeserializeOwned>(&self, request: Request) -> Result<T, String> {
        let client = Client::connect(&self.config.daemon.socket).await.unwrap();
        let answer = client.expect("a daemon").call(&request).await;
        answer.map_err(|error| error.to_string())
    }

    pub fn store(&self) -> &Store {
        self.running.store()
    }

    pub fn view_note(&self, name: &str) -> Option<Timestamp> {
        self.store().view().note(name).unwrap()
    }

    pub async fn until(&self, wanted: impl Fn(&World) -> bool) {
        while !wanted(self) {
            std::thread::yield_now();
            tokio::task::yield_now().await;
        }
    }

    /// Nothing is due any more.
    pub async fn idle(&self) {
        while !is_idle(self.store(), &self.clock).await {
            tokio::task::yield_now().await;
        }
    }

    /// Lets the time pass until then, from one due job to the next.
    pub async fn pass(&self, then: Timestamp) {
        loop {
            self.idle().await;
            match self.store().view().earliest_due().unwrap() {
                Some(due) if due <= then => self.hands.set(due),
                _ => break,
            }
        }
        self.hands.set(then.max(self.clock.now()));
        self.idle().await;
    }

    /// Monday 08:00: the plan is made.
    pub async fn plan(&self) -> Vec<Planned> {
        let eight = at("2026-11-23T04:00:00Z");
        self.hands.set(eight);
        self.until(|world| {
            let fired = world.store().view().last_trigger("week").unwrap();
            fired == Some(eight) && !world.planned().is_empty()
        })
        .await;
        self.idle().await;
        self.planned()
    }

    pub fn planned(&self) -> Vec<Planned> {
        let view = self.store().view();
        view.planned_between(Timestamp(0), Timestamp::MAX).unwrap()
    }

    pub fn one(&self, id: Id) -> Planned {
        self.store().view().planned(id).unwrap().unwrap()
    }

    pub fn deliveries(&self) -> Vec<Delivery> {
        let all = DeliveryFilter::default();
        self.store().view().deliveries(&all, usize::MAX).unwrap()
    }

    pub fn post_of(&self, planned: &Planned) -> Post {
        let id = planned.post.expect("it is filled");
        self.store().view().post(id).unwrap().unwrap()
    }

    pub fn alarm(&self, pillar: &str) -> Option<jarchi::model::Alarm> {
        let key = Cause::unfilled_key(BRAND, pillar);
        self.store().view().alarm(&key).unwrap()
    }
}

/// One new text for each question.
pub fn fluent(brief: &Brief, number: usize) -> Result<Given, Fault> {
    if brief.wanted == 0 {
        return Ok(Given::default());
    }
    let words = format!("Text {number} https://bakery.example/{number}.");
    Ok(vec![draft(&format!("{}-{number}", brief.generator.name), &words)].into())
}

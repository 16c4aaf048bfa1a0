//! What is kept from being tried, call by call.

#![allow(clippy::expect_used, reason = "what goes wrong fails the test")]

mod common;

use std::sync::Arc;

use common::platform::{Platform, Turn};
use common::{START, account, config, open, scratch, text};
use jarchi::clock::{Clock, Hands};
use jarchi::config::Config;
use jarchi::content::{self, Due, NewPost};
use jarchi::model::{AttemptOutcome, Delivery, Fault, Id, Job, Origin, State, TimeSpan};
use jarchi::publish::{self, Promise, Publisher};
use jarchi::queue::Disposition;
use jarchi::store::Store;
use tokio::sync::watch;

struct World {
    _dir: tempfile::TempDir,
    store: Store,
    clock: Clock,
    hands: Hands,
    config: Arc<Config>,
    platform: Platform,
    publisher: Arc<Publisher>,
    _keep: watch::Sender<Arc<Config>>,
}

impl World {
    fn new(accounts: &[&str]) -> Self {
        let (dir, path) = scratch();
        let (clock, hands) = Clock::manual(START);
        let accounts: Vec<_> = accounts.iter().map(|name| account(name)).collect();
        let config = config(&path, &accounts);
        let store = open(&path);
        let promise = Promise {
            idempotent_for: None,
            can_look_up: true,
            may_look_up: false,
            visible_after: TimeSpan::ZERO,
        };
        let platform = Platform::new(promise, false);
        let (keep, receiver) = watch::channel(config.clone());
        let publisher = Publisher::new(
            store.clone(),
            clock.clone(),
            receiver,
            Arc::new(platform.clone()),
        );
        World {
            _dir: dir,
            store,
            clock,
            hands,
            config,
            platform,
            publisher: Arc::new(publisher),
            _keep: keep,
        }
    }

    async fn post(&self, account: &str, words: &str) -> Id {
        let new = NewPost {
            draft: text(words),
            accounts: vec![account.to_owned()],
            due: Due::Now,
            origin: Origin::Command,
            pillar: None,
            campaign: None,
            repeat_after: None,
            round: 0,
        };
        let accepted = content::accept(&self.store, &self.config, new, self.clock.now())
            .await
            .expect("accepted");
        accepted.deliveries[0].1
    }

    fn delivery(&self, id: Id) -> Delivery {
        self.store
            .view()
            .delivery(id)
            .expect("readable")
            .expect("there")
    }

    fn job(&self, id: Id) -> Job {
        let job = self.delivery(id).job.expect("it has one");
        self.store
            .view()
            .job(job)
            .expect("readable")
            .expect("there")
    }

    /// What the queue does with a delivery that is its turn.
    async fn turn(&self, id: Id) -> Disposition {
        self.publisher.run(&self.job(id), id).await
    }

    /// The same, where the call fails.
    async fn fails(&self, id: Id, fault: Fault) -> Disposition {
        self.platform.script([Turn::Fail(fault)]);
        self.turn(id).await
    }

    fn calls(&self) -> usize {
        self.platform.book().calls
    }

    fn is_up(&self, cause: &str) -> bool {
        let alarm = self.store.view().alarm(cause).expect("readable");
        alarm.is_some()
    }

    async fn mend(&self, account: &str) {
        let (config, now) = (self.config.clone(), self.clock.now());
        let accounts = vec![account.to_owned()];
        self.store
            .write(move |tx| publish::mend(tx, &config, &accounts, now))
            .await
            .expect("written");
    }
}

fn down() -> Fault {
    Fault::Transient("503".to_owned())
}

fn refused() -> Fault {
    Fault::Unauthorized("revoked".to_owned())
}

const MINUTE: TimeSpan = TimeSpan::from_mins(1);

/// The default is five faults, a minute, an hour.
#[tokio::test]
async fn five_faults_open_it_and_a_probe_closes_it() {
    let world = World::new(&["shop"]);
    let (one, two) = (
        world.post("shop", "one").await,
        world.post("shop", "two").await,
    );
    for fault in 0..4 {
        assert_eq!(
            world.fails(one, down()).await,
            Disposition::Settled,
            "{fault}"
        );
    }
    let until = START.saturating_add(MINUTE);
    // Another post's fault is the account's as well.
    assert_eq!(world.fails(two, down()).await, Disposition::Rest(until));
    assert!(world.is_up("account:shop:breaker"));

    // Nothing is tried, and nothing is used up by waiting.
    let (calls, before) = (world.calls(), world.delivery(two));
    let tries = world.job(two).tries;
    for _ in 0..3 {
        assert_eq!(world.turn(two).await, Disposition::Rest(until));
    }
    assert_eq!(world.calls(), calls);
    assert_eq!(world.delivery(two), before);
    assert_eq!(world.job(two).due, before.due, "it keeps its place");

    // Probes, after pauses that grow; none of them is a try.
    let mut pause = MINUTE;
    for _ in 0..4 {
        world.hands.advance(pause);
        pause = TimeSpan(pause.0 * 2);
        let until = world.clock.now().saturating_add(pause);
        assert_eq!(world.fails(two, down()).await, Disposition::Rest(until));
        assert_eq!(world.job(two).tries, tries);
    }
    world.hands.advance(pause);
    assert_eq!(world.turn(two).await, Disposition::Settled);
    assert_eq!(world.delivery(two).state, State::Published);
    assert!(!world.is_up("account:shop:breaker"));
    world.turn(one).await;
    assert_eq!(world.delivery(one).state, State::Published);
    assert_eq!(world.platform.book().parts.len(), 2);
    assert!(world.store.view().breakers().expect("readable").is_empty());
}

#[tokio::test]
async fn faults_of_the_post_itself_do_not_count() {
    let world = World::new(&["shop"]);
    for number in 0..8 {
        let id = world.post("shop", &format!("{number}")).await;
        let fault = match number % 2 {
            0 => Fault::Invalid("too long".to_owned()),
            _ => Fault::RateLimited(None),
        };
        world.fails(id, fault).await;
    }
    assert!(world.store.view().breakers().expect("readable").is_empty());
    assert!(!world.is_up("account:shop:breaker"));
    let failed = world.store.view().alarm("account:shop:failed");
    assert_eq!(failed.expect("readable").expect("up").open, 4);
}

#[tokio::test]
async fn a_refused_token_fails_one_post_and_no_other() {
    let world = World::new(&["shop"]);
    let (one, two) = (
        world.post("shop", "one").await,
        world.post("shop", "two").await,
    );
    let hour = TimeSpan::from_hours(1);
    let until = START.saturating_add(hour);
    assert_eq!(world.fails(one, refused()).await, Disposition::Rest(until));
    assert!(matches!(world.delivery(one).state, State::Failed { .. }));
    assert!(world.is_up("account:shop:unauthorized"));
    assert!(!world.is_up("account:shop:failed"), "one cause, one alarm");
    let calls = world.calls();
    assert_eq!(world.turn(two).await, Disposition::Rest(until));
    assert_eq!(world.calls(), calls);

    // Whoever started the daemon may have set it right.
    let (config, now) = (world.config.clone(), world.clock.now());
    world
        .store
        .write(move |tx| publish::after_start(tx, &config, now))
        .await
        .expect("written");
    assert_eq!(world.fails(two, refused()).await, Disposition::Rest(until));
    let waits = world.delivery(two);
    assert_eq!(waits.state, State::Waiting, "a probe is not given up");
    let last = waits.history.last().expect("it was tried").outcome.clone();
    assert_eq!(last, AttemptOutcome::Fault(refused()));

    world.mend("shop").await;
    assert!(world.is_up("account:shop:unauthorized"), "nobody knows yet");
    assert_eq!(world.turn(two).await, Disposition::Settled);
    assert_eq!(world.delivery(two).state, State::Published);
    assert!(!world.is_up("account:shop:unauthorized"));
}

#[tokio::test]
async fn what_comes_too_late_behind_it_is_missed() {
    let world = World::new(&["shop"]);
    let (one, two) = (
        world.post("shop", "one").await,
        world.post("shop", "two").await,
    );
    world.fails(one, refused()).await;
    // `missed_after` is an hour in these tests.
    world.hands.advance(TimeSpan::from_mins(61));
    let calls = world.calls();
    world.turn(two).await;
    assert!(matches!(world.delivery(two).state, State::Missed { .. }));
    assert_eq!(world.calls(), calls);
    assert!(world.is_up("account:shop:missed"));
}

#[tokio::test]
async fn several_accounts_in_trouble_open_the_plugins_breaker() {
    let world = World::new(&["a", "b", "c"]);
    let ids = [
        world.post("a", "one").await,
        world.post("b", "one").await,
        world.post("c", "one").await,
    ];
    let [a, b, c] = ids;
    for id in [a, b, a, b] {
        assert_eq!(world.fails(id, down()).await, Disposition::Settled);
    }
    let until = START.saturating_add(MINUTE);
    assert_eq!(world.fails(a, down()).await, Disposition::Rest(until));
    assert!(world.is_up("plugin:platform:breaker"));
    for account in ["a", "b", "c"] {
        let own = format!("account:{account}:breaker");
        assert!(!world.is_up(&own), "one cause, one alarm");
    }
    assert_eq!(world.turn(b).await, Disposition::Rest(until));

    // Half-open: one is let through, and the others wait for what it meets.
    world.hands.advance(MINUTE);
    world.platform.script([Turn::Die]);
    let (publisher, job) = (world.publisher.clone(), world.job(a));
    let probe = tokio::spawn(async move { publisher.run(&job, a).await });
    while !world.platform.book().dead {
        tokio::task::yield_now().await;
    }
    let calls = world.calls();
    let later = world.clock.now().saturating_add(MINUTE);
    assert_eq!(world.turn(b).await, Disposition::Rest(later));
    assert_eq!(world.calls(), calls);
    // The probe's daemon is gone: after a while another may go.
    probe.abort();
    world.hands.advance(TimeSpan::from_mins(10));
    let doubled = world.clock.now().saturating_add(TimeSpan::from_mins(2));
    assert_eq!(world.fails(b, down()).await, Disposition::Rest(doubled));

    // An account that has not failed is not held, and its success is good news for all.
    assert_eq!(world.turn(c).await, Disposition::Settled);
    assert_eq!(world.delivery(c).state, State::Published);
    assert!(!world.is_up("plugin:platform:breaker"));
    // Looked for first, for as long as a server may still be at it.
    world.turn(a).await;
    world.hands.advance(TimeSpan::from_secs(3));
    for id in [a, b] {
        world.turn(id).await;
        assert_eq!(world.delivery(id).state, State::Published);
    }
    assert_eq!(world.platform.book().parts.len(), 3);
}

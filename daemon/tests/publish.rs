//! Deliveries, from due to settled, through every kind of fault and death.

#![allow(clippy::expect_used, reason = "what goes wrong fails the test")]

mod common;

use std::sync::Arc;

use common::platform::{Platform, Turn};
use common::{START, account, config, open, scratch, text};
use jarchi::clock::{Clock, Hands};
use jarchi::config::{Account, Config, LatePolicy};
use jarchi::content::{self, Due, NewPost};
use jarchi::model::{
    Delivery, Draft, Fault, Id, Job, Origin, State, ThreadPart, TimeSpan, Timestamp, Work,
};
use jarchi::publish::{self, Promise, Publisher, Resolution};
use jarchi::queue::{Dispatcher, Disposition, Group, Options, Worker, Working};
use jarchi::store::Store;
use proptest::prelude::*;
use tokio::sync::watch;

/// The publishing half of a daemon.
struct Station(Publisher);

impl Worker for Station {
    fn run(&self, job: Job) -> Working<'_> {
        Box::pin(async move {
            match job.work {
                Work::Publish { delivery } => self.0.run(&job, delivery).await,
                _ => Disposition::Done,
            }
        })
    }

    fn group(&self, _: &str) -> Group {
        Group {
            name: "platform".to_owned(),
            limit: 4,
        }
    }
}

struct World {
    _dir: tempfile::TempDir,
    path: std::path::PathBuf,
    store: Option<Store>,
    clock: Clock,
    hands: Hands,
    config: Arc<Config>,
    platform: Platform,
}

const LOOK_UP: Promise = Promise {
    idempotent_for: None,
    can_look_up: true,
    visible_after: TimeSpan::ZERO,
};
const KEYS: Promise = Promise {
    idempotent_for: Some(TimeSpan::from_hours(1)),
    can_look_up: false,
    visible_after: TimeSpan::ZERO,
};
const NOTHING: Promise = Promise {
    idempotent_for: None,
    can_look_up: false,
    visible_after: TimeSpan::ZERO,
};

impl World {
    fn new(promise: Promise) -> Self {
        Self::with(promise, account("shop"))
    }

    fn with(promise: Promise, account: Account) -> Self {
        let (dir, path) = scratch();
        let (clock, hands) = Clock::manual(START);
        World {
            config: config(&path, &[account]),
            store: Some(open(&path)),
            _dir: dir,
            path,
            clock,
            hands,
            platform: Platform::new(promise, promise.idempotent_for.is_some()),
        }
    }

    fn store(&self) -> &Store {
        self.store.as_ref().expect("open")
    }

    async fn post(&self, draft: Draft, due: Timestamp) -> Id {
        let new = NewPost {
            draft,
            accounts: vec!["shop".to_owned()],
            due: Due::At(due),
            origin: Origin::Command,
            pillar: None,
            campaign: None,
            repeat_after: None,
            round: 0,
        };
        let accepted = content::accept(self.store(), &self.config, new, self.clock.now())
            .await
            .expect("accepted");
        accepted.deliveries[0].1
    }

    fn delivery(&self, id: Id) -> Delivery {
        let delivery = self.store().view().delivery(id).expect("readable");
        delivery.expect("there")
    }

    /// Runs a daemon until nothing is due any more at this time, or it dies in a call.
    /// Returns whether it died.
    async fn live(&mut self) -> bool {
        let (_keep, config) = watch::channel(self.config.clone());
        let publisher = Publisher::new(
            self.store().clone(),
            self.clock.clone(),
            config,
            Arc::new(self.platform.clone()),
        );
        let options = Options {
            concurrency: 4,
            retry: self.config.daemon.retry.clone(),
        };
        let (dispatcher, handle) = Dispatcher::start(
            self.store().clone(),
            self.clock.clone(),
            Arc::new(Station(publisher)),
            options,
        )
        .await
        .expect("starts");
        let task = tokio::spawn(dispatcher.run());
        // Idle: nothing is due, nothing runs. Dead: a call that never ends is the only
        // thing that goes on, and has been entered.
        let mut quiet = 0;
        while quiet < 50 {
            tokio::task::yield_now().await;
            std::thread::yield_now();
            let view = self.store().view();
            let now = self.clock.now();
            let due = view.earliest_due().expect("readable");
            let running = view
                .jobs(jarchi::store::JobFilter::Running, 1)
                .expect("readable");
            let dead = self.is_dead();
            let rests = handle.last_beat().wakes.is_some_and(|wakes| wakes > now);
            let idle = due.is_none_or(|due| due > now) || rests;
            if (idle && running.is_empty()) || dead {
                quiet += 1;
            } else {
                quiet = 0;
            }
        }
        if self.is_dead() {
            task.abort();
            let _ = task.await;
            // A new process opens the same directory.
            self.store = None;
            while jarchi::store::Store::open(&self.path, &Default::default()).is_err() {
                tokio::task::yield_now().await;
            }
            self.store = Some(open(&self.path));
            self.platform.book().dead = false;
            return true;
        }
        handle.stop();
        task.await.expect("no panic").expect("the store works");
        false
    }

    fn is_dead(&self) -> bool {
        self.platform.book().dead
    }

    /// Lives on, moving the clock to whatever is due next, for at most `days`.
    async fn live_on(&mut self, days: u64) {
        let end = self.clock.now().saturating_add(TimeSpan::from_days(days));
        loop {
            if self.live().await {
                continue;
            }
            let now = self.clock.now();
            let due = self.store().view().earliest_due().expect("readable");
            match due {
                // A lane rests: its job that was turned away is due later.
                Some(due) if due <= now => self.hands.advance(TimeSpan::from_secs(1)),
                Some(due) if due <= end => self.hands.set(due),
                _ => return,
            }
        }
    }

    fn parts_there(&self) -> usize {
        self.platform.book().parts.len()
    }
}

fn thread(parts: usize) -> Draft {
    Draft {
        thread: (1..parts)
            .map(|number| ThreadPart {
                text: format!("part {number}"),
                media: Vec::new(),
            })
            .collect(),
        ..text("a thread")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_goes_out_when_it_is_due_and_not_before() {
    let mut world = World::new(LOOK_UP);
    let id = world
        .post(text("salam"), START.saturating_add(TimeSpan::from_mins(10)))
        .await;
    world.live().await;
    assert_eq!(world.delivery(id).state, State::Waiting);
    world.hands.advance(TimeSpan::from_mins(10));
    world.live().await;
    let delivery = world.delivery(id);
    assert_eq!(delivery.state, State::Published);
    assert!(delivery.receipt.expect("a receipt").url.is_some());
    assert_eq!(delivery.job, None);
    assert_eq!(world.parts_there(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_is_looked_up_and_nothing_is_sent_twice() {
    let mut world = World::new(LOOK_UP);
    let id = world.post(text("salam"), START).await;
    world.platform.script([Turn::TakeAndLose]);
    world.live_on(1).await;
    assert_eq!(world.delivery(id).state, State::Published);
    assert_eq!(world.parts_there(), 1);
    assert_eq!(world.platform.book().calls, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_never_arrived_is_sent_after_it_was_looked_up() {
    let mut world = World::new(LOOK_UP);
    let id = world.post(text("salam"), START).await;
    world.platform.script([Turn::Lose, Turn::Lose]);
    world.live_on(1).await;
    assert_eq!(world.delivery(id).state, State::Published);
    assert_eq!(world.parts_there(), 1);
    assert_eq!(world.platform.book().calls, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_breaks_off_after_it_sent_is_unknown() {
    let mut world = World::new(LOOK_UP);
    let id = world.post(text("salam"), START).await;
    world.platform.script([Turn::BreakOff]);
    world.live_on(1).await;
    assert_eq!(world.delivery(id).state, State::Published);
    assert_eq!(world.parts_there(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_death_between_the_platform_and_the_receipt_doubles_nothing() {
    for promise in [LOOK_UP, KEYS] {
        let mut world = World::new(promise);
        let id = world.post(text("salam"), START).await;
        world.platform.script([Turn::TakeAndDie]);
        world.live_on(1).await;
        assert_eq!(world.delivery(id).state, State::Published, "{promise:?}");
        assert_eq!(world.parts_there(), 1, "{promise:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_key_and_look_up_a_person_decides() {
    let mut world = World::new(NOTHING);
    let id = world.post(text("salam"), START).await;
    world.platform.script([Turn::TakeAndLose]);
    world.live_on(1).await;
    let State::Parked { reason } = world.delivery(id).state else {
        panic!("{:?}", world.delivery(id).state);
    };
    assert!(reason.contains("jarchi queue resolve"), "{reason}");
    assert_eq!(world.platform.book().calls, 1);

    let url = "https://platform.example/seen".to_owned();
    let now = world.clock.now();
    publish::resolve(world.store(), id, Resolution::Published(url), now)
        .await
        .expect("resolved");
    world.live_on(1).await;
    assert_eq!(world.delivery(id).state, State::Published);
    assert_eq!(world.platform.book().calls, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parked_delivery_that_is_not_there_goes_out_again() {
    let mut world = World::new(NOTHING);
    let id = world.post(text("salam"), START).await;
    world.platform.script([Turn::Die]);
    world.live_on(1).await;
    assert!(matches!(world.delivery(id).state, State::Parked { .. }));
    let now = world.clock.now();
    publish::resolve(world.store(), id, Resolution::Retry, now)
        .await
        .expect("resolved");
    world.live_on(1).await;
    assert_eq!(world.delivery(id).state, State::Published);
    assert_eq!(world.parts_there(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thread_goes_on_at_the_part_that_is_not_done() {
    let mut world = World::new(LOOK_UP);
    let id = world.post(thread(4), START).await;
    world.platform.script([
        Turn::Take,
        Turn::TakeAndDie,
        Turn::TakeAndLose,
        Turn::Fail(Fault::Transient("503".to_owned())),
    ]);
    world.live_on(1).await;
    assert_eq!(world.delivery(id).state, State::Published);
    let parts: Vec<usize> = world
        .platform
        .book()
        .parts
        .iter()
        .map(|(_, part)| *part)
        .collect();
    assert_eq!(parts, [0, 1, 2, 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_final_and_a_person_can_try_again() {
    let mut world = World::new(LOOK_UP);
    let id = world.post(text("salam"), START).await;
    world
        .platform
        .script([Turn::Fail(Fault::Unauthorized("revoked".to_owned()))]);
    world.live_on(1).await;
    let delivery = world.delivery(id);
    assert!(matches!(&delivery.state, State::Failed { reason } if reason.contains("revoked")));
    let job = delivery.job.expect("a dead letter");
    let job = world
        .store()
        .view()
        .job(job)
        .expect("readable")
        .expect("kept");
    assert!(job.dead.is_some());
    assert_eq!(job.faults.len(), 1);

    publish::retry(world.store(), id, world.clock.now())
        .await
        .expect("retried");
    world.live_on(1).await;
    assert_eq!(world.delivery(id).state, State::Published);
}

#[tokio::test(flavor = "multi_thread")]
async fn passing_faults_are_tried_again_and_given_up_at_last() {
    let mut world = World::new(LOOK_UP);
    let fail = || Turn::Fail(Fault::Transient("503".to_owned()));
    let id = world.post(text("salam"), START).await;
    world.platform.script(std::iter::repeat_with(fail).take(5));
    world.live_on(1).await;
    assert!(matches!(world.delivery(id).state, State::Failed { .. }));
    assert_eq!(world.platform.book().calls, 5);
    assert_eq!(world.parts_there(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn retry_after_is_obeyed_and_is_no_failed_try() {
    let mut world = World::new(LOOK_UP);
    let span = TimeSpan::from_mins(5);
    let id = world.post(text("salam"), START).await;
    world
        .platform
        .script(std::iter::repeat_with(|| Turn::Fail(Fault::RateLimited(Some(span)))).take(8));
    let second = TimeSpan::from_secs(1);
    for tries in 1..=8 {
        world.live().await;
        assert_eq!(world.delivery(id).history.len(), tries);
        // Not a moment earlier, not even by a daemon that was started in between.
        world.hands.advance(TimeSpan(span.0 - second.0));
        world.live().await;
        assert_eq!(world.delivery(id).history.len(), tries);
        world.hands.advance(second);
    }
    world.live().await;
    assert_eq!(world.delivery(id).state, State::Published);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_turned_away_keeps_its_place() {
    let mut world = World::new(LOOK_UP);
    let mut posts = Vec::new();
    for number in 0..3 {
        let due = START.saturating_add(TimeSpan(number));
        posts.push(world.post(text(&format!("post {number}")), due).await);
    }
    world.hands.advance(TimeSpan::from_secs(1));
    let span = TimeSpan::from_mins(5);
    world
        .platform
        .script([Turn::Fail(Fault::RateLimited(Some(span)))]);
    world.live().await;
    // The others are no less limited.
    for id in &posts {
        assert_eq!(world.delivery(*id).state, State::Waiting);
    }
    world.hands.advance(span);
    world.live().await;
    let keys: Vec<String> = posts
        .iter()
        .map(|id| {
            let delivery = world.delivery(*id);
            assert_eq!(delivery.state, State::Published);
            delivery.key.to_string()
        })
        .collect();
    let book = world.platform.book();
    let sent: Vec<String> = book.parts.iter().map(|(key, _)| key.clone()).collect();
    drop(book);
    assert_eq!(sent, keys);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_late_is_missed_or_published_late_as_configured() {
    for (late, expected) in [
        (LatePolicy::Miss, "missed"),
        (LatePolicy::Publish, "published"),
    ] {
        let mut shop = account("shop");
        shop.rails.late = late;
        let mut world = World::with(LOOK_UP, shop);
        let id = world.post(text("salam"), START).await;
        world.hands.advance(TimeSpan::from_hours(5));
        world.live().await;
        assert_eq!(world.delivery(id).state.name(), expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rails_hold_whatever_is_queued() {
    let mut shop = account("shop");
    shop.rails.per_hour = 2;
    shop.rails.least_gap = TimeSpan::from_mins(10);
    shop.rails.late = LatePolicy::Publish;
    let mut world = World::with(LOOK_UP, shop);
    let mut ids = Vec::new();
    for number in 0..6 {
        ids.push(world.post(text(&format!("number {number}")), START).await);
    }
    let double = world.post(text("number 0"), START).await;
    world.live_on(2).await;
    let mut times = Vec::new();
    for id in ids {
        let delivery = world.delivery(id);
        assert_eq!(delivery.state, State::Published);
        times.push(delivery.history.last().expect("an attempt").ended);
    }
    times.sort();
    for pair in times.windows(2) {
        assert!(
            pair[1].since(pair[0]) >= TimeSpan::from_mins(10),
            "{times:?}"
        );
    }
    for triple in times.windows(3) {
        assert!(
            triple[2].since(triple[0]) >= TimeSpan::from_hours(1),
            "{times:?}"
        );
    }
    assert!(
        matches!(world.delivery(double).state, State::Failed { reason } if reason.contains("same post")),
    );
    assert_eq!(world.parts_there(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_stops_and_its_release_wakes() {
    let mut shop = account("shop");
    shop.rails.late = LatePolicy::Publish;
    let mut world = World::with(LOOK_UP, shop);
    publish::hold(world.store(), "brand:bakery", START)
        .await
        .expect("held");
    let id = world.post(text("salam"), START).await;
    world.live().await;
    assert_eq!(world.delivery(id).state, State::Waiting);
    let accounts = vec!["shop".to_owned()];
    let woken = publish::release(world.store(), "brand:bakery", accounts, START).await;
    assert_eq!(woken.ok(), Some(1));
    world.live().await;
    assert_eq!(world.delivery(id).state, State::Published);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_that_shows_posts_late_is_looked_at_twice() {
    let promise = Promise {
        visible_after: TimeSpan::from_mins(2),
        ..LOOK_UP
    };
    let mut world = World::new(promise);
    let id = world.post(text("salam"), START).await;
    world.platform.script([Turn::Lose]);
    world.live_on(1).await;
    assert_eq!(world.delivery(id).state, State::Published);
    assert!(world.platform.book().lookups >= 2);
    assert_eq!(world.parts_there(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelled_and_moved_deliveries_do_as_they_are_told() {
    let mut world = World::new(LOOK_UP);
    let soon = START.saturating_add(TimeSpan::from_mins(5));
    let later = START.saturating_add(TimeSpan::from_mins(30));
    let cancelled = world.post(text("one"), soon).await;
    let moved = world.post(text("two"), soon).await;
    publish::cancel(world.store(), cancelled, "no".to_owned(), START)
        .await
        .expect("cancelled");
    publish::move_to(world.store(), moved, later, START)
        .await
        .expect("moved");
    world.hands.set(soon);
    world.live().await;
    assert_eq!(world.parts_there(), 0);
    world.hands.set(later);
    world.live().await;
    assert_eq!(world.delivery(moved).state, State::Published);
    assert!(matches!(
        world.delivery(cancelled).state,
        State::Cancelled { .. }
    ));
    assert!(
        publish::cancel(world.store(), moved, "no".to_owned(), later)
            .await
            .is_err()
    );
    let report = world.store().check(|_| ()).expect("checked");
    assert_eq!(report.problems, Vec::<String>::new());
}

fn turns() -> impl Strategy<Value = Vec<Turn>> {
    let turn = prop_oneof![
        3 => Just(Turn::Take),
        2 => Just(Turn::TakeAndLose),
        2 => Just(Turn::Lose),
        2 => Just(Turn::TakeAndDie),
        1 => Just(Turn::Die),
        1 => Just(Turn::BreakOff),
        1 => Just(Turn::Fail(Fault::Transient("503".to_owned()))),
        1 => Just(Turn::Fail(Fault::RateLimited(Some(TimeSpan::from_secs(5))))),
    ];
    prop::collection::vec(turn, 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 48,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Whatever happens on the way, each part is there once, in order, where the platform
    /// can be asked or honours keys; and never twice anywhere.
    #[test]
    fn nothing_is_lost_and_nothing_is_doubled(
        script in turns(),
        lengths in prop::collection::vec(1usize..4, 1..4),
        kind in 0usize..3,
    ) {
        let promise = [LOOK_UP, KEYS, NOTHING][kind];
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let mut shop = account("shop");
            shop.rails.late = LatePolicy::Publish;
            let mut world = World::with(promise, shop);
            let mut ids = Vec::new();
            for (number, length) in lengths.iter().enumerate() {
                let mut draft = thread(*length);
                draft.text = format!("post {number}");
                ids.push((world.post(draft, START).await, *length));
            }
            world.platform.script(script);
            world.live_on(3).await;
            for (id, length) in ids {
                let delivery = world.delivery(id);
                let key = delivery.key.to_string();
                let there: Vec<usize> = world
                    .platform
                    .book()
                    .parts
                    .iter()
                    .filter(|(k, _)| *k == key)
                    .map(|(_, part)| *part)
                    .collect();
                let expected: Vec<usize> = (0..there.len()).collect();
                prop_assert_eq!(&there, &expected, "each part once, in order");
                match delivery.state {
                    State::Published => prop_assert_eq!(there.len(), length),
                    State::Failed { .. } => {}
                    State::Parked { .. } => prop_assert!(!promise.can_look_up),
                    state => prop_assert!(false, "not settled: {:?}", state),
                }
            }
            let report = world.store().check(|_| ()).expect("checked");
            prop_assert_eq!(report.problems, Vec::<String>::new());
            Ok(())
        })?;
    }
}

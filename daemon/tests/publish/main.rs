//! Deliveries, from due to settled, through every kind of fault and death.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "what goes wrong fails the test"
)]

#[path = "../common/mod.rs"]
mod common;

mod chance;
mod late;
mod restored;
mod unknown;
mod world;

use common::platform::Turn;
use common::{START, account, text};
use jarchi::config::LatePolicy;
use jarchi::model::{Fault, State, TimeSpan};
use jarchi::publish::{self, Promise, Resolution};
use world::{KEYS, LOOK_UP, NOTHING, PERHAPS, World, thread};

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
async fn what_a_look_may_find_is_looked_for_and_else_a_person_decides() {
    for (turn, published) in [(Turn::TakeAndLose, true), (Turn::Lose, false)] {
        let mut world = World::new(PERHAPS);
        let id = world.post(text("salam"), START).await;
        world.platform.script([turn]);
        world.live_on(1).await;
        let state = world.delivery(id).state;
        match published {
            true => assert_eq!(state, State::Published),
            false => assert!(matches!(state, State::Parked { .. }), "{state:?}"),
        }
        let book = world.platform.book();
        assert_eq!((book.calls, book.lookups), (1, 1));
    }
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

//! What may be out, and what becomes of it.

use jarchi::config::{LatePolicy, Retry};
use jarchi::model::{Fault, State, TimeSpan};
use jarchi::publish;

use crate::common::platform::Turn;
use crate::common::{START, account, text};
use crate::world::{KEYS, LOOK_UP, World, thread};

/// Where a key is all that there is, a repeat that had to wait may come too late for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_may_be_forgotten_is_not_relied_on() {
    let wait = TimeSpan::from_hours(2);
    let fail = Turn::Fail;
    for turned_away in [
        fail(Fault::RateLimited(Some(wait))),
        fail(Fault::Transient("connection refused".to_owned())),
    ] {
        let mut shop = account("shop");
        shop.rails.late = LatePolicy::Publish;
        let mut world = World::with(KEYS, shop);
        let id = world.post(text("salam"), START).await;
        world.platform.script([Turn::TakeAndLose, turned_away]);
        world.live_until_calls(2).await;
        world.hands.advance(wait);
        world.live_on(1).await;
        let State::Parked { reason } = world.delivery(id).state else {
            panic!("{:#?}", world.delivery(id));
        };
        assert!(reason.contains("may have been published"), "{reason}");
        assert_eq!(world.platform.book().calls, 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nor_when_a_hold_came_in_between() {
    let mut shop = account("shop");
    shop.rails.late = LatePolicy::Publish;
    let mut world = World::with(KEYS, shop);
    let id = world.post(text("salam"), START).await;
    world.platform.script([Turn::TakeAndLose]);
    world.live().await;
    let now = world.clock.now();
    publish::hold(world.store(), "all", now)
        .await
        .expect("held");
    world.live_on(0).await;
    world.hands.advance(TimeSpan::from_mins(10));
    world.live().await;
    assert!(matches!(world.delivery(id).state, State::Unknown { .. }));
    world.hands.advance(TimeSpan::from_hours(1));
    world.live().await;
    assert!(matches!(world.delivery(id).state, State::Parked { .. }));
    assert_eq!(world.parts_there(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_be_out_is_never_called_missed() {
    let mut shop = account("shop");
    shop.rails.missed_after = TimeSpan::from_secs(1);
    let mut world = World::with(KEYS, shop);
    let id = world.post(text("salam"), START).await;
    world.platform.script([Turn::TakeAndLose]);
    world.live_on(1).await;
    let State::Parked { reason } = world.delivery(id).state else {
        panic!("{:?}", world.delivery(id).state);
    };
    assert!(reason.contains("missed_after"), "{reason}");
    assert_eq!(world.parts_there(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hour_of_a_key_begins_with_the_part_that_it_is_for() {
    let mut shop = account("shop");
    shop.rails.late = LatePolicy::Publish;
    let mut world = World::with(KEYS, shop);
    let id = world.post(thread(3), START).await;
    world.platform.script([
        Turn::Take,
        Turn::Fail(Fault::RateLimited(Some(TimeSpan::from_hours(2)))),
        Turn::TakeAndLose,
    ]);
    world.live_on(1).await;
    assert_eq!(world.delivery(id).state, State::Published);
    assert_eq!(world.parts_there(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_could_not_be_looked_up_is_looked_for_again_on_demand() {
    let mut world = World::new(LOOK_UP);
    let id = world.post(text("salam"), START).await;
    world.platform.script([Turn::TakeAndLose]);
    world
        .platform
        .book()
        .looks
        .push_back(Fault::Invalid("no such account".to_owned()));
    world.live_on(1).await;
    let State::Parked { reason } = world.delivery(id).state else {
        panic!("{:?}", world.delivery(id).state);
    };
    assert!(reason.contains("jarchi queue retry"), "{reason}");
    let now = world.clock.now();
    publish::retry(world.store(), id, now)
        .await
        .expect("looked for");
    world.live_on(1).await;
    assert_eq!(world.delivery(id).state, State::Published);
    assert_eq!(world.platform.book().calls, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_that_takes_nothing_and_never_says_so_is_given_up() {
    let mut shop = account("shop");
    shop.rails.late = LatePolicy::Publish;
    let mut world = World::with(LOOK_UP, shop);
    let id = world.post(text("salam"), START).await;
    world
        .platform
        .script(std::iter::repeat_with(|| Turn::Lose).take(20));
    world.live_on(3).await;
    assert!(matches!(world.delivery(id).state, State::Failed { .. }));
    assert_eq!(world.platform.book().calls, 5);
}

/// The platform's own guard against doubles says no: that is no failure, and no proof.
#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_that_is_refused_is_for_a_person() {
    let mut world = World::new(KEYS);
    let id = world.post(text("salam"), START).await;
    let refused = Fault::Invalid("the same was posted before".to_owned());
    world
        .platform
        .script([Turn::TakeAndLose, Turn::Fail(refused)]);
    world.live_on(1).await;
    let State::Parked { reason } = world.delivery(id).state else {
        panic!("{:?}", world.delivery(id).state);
    };
    assert!(reason.contains("the same was posted before"), "{reason}");
    assert!(reason.contains("jarchi queue resolve"), "{reason}");
    assert_eq!(world.parts_there(), 1);
}

/// What is late by then is missed, and told so; or goes out late, once, where that is
/// wanted and the tries last.
#[tokio::test(flavor = "multi_thread")]
async fn a_platform_is_down_for_two_days() {
    let down = || Turn::Fail(Fault::Transient("connection refused".to_owned()));
    let two_days = TimeSpan::from_days(2);

    let mut world = World::new(LOOK_UP);
    let retry = Retry {
        attempts: 200,
        ..Retry::default()
    };
    world.retry(retry.clone());
    let id = world.post(text("salam"), START).await;
    world
        .platform
        .script(std::iter::repeat_with(down).take(1000));
    world.live_on(2).await;
    let State::Missed { reason } = world.delivery(id).state else {
        panic!("{:?}", world.delivery(id).state);
    };
    assert!(reason.contains("missed_after"), "{reason}");
    // It was not hammered: pauses grow from half a minute to an hour.
    let calls = world.platform.book().calls;
    assert!((2..=12).contains(&calls), "{calls}");
    assert_eq!(world.parts_there(), 0);

    let mut shop = account("shop");
    shop.rails.late = LatePolicy::Publish;
    let mut world = World::with(LOOK_UP, shop);
    world.retry(retry);
    let id = world.post(text("salam"), START).await;
    world
        .platform
        .script(std::iter::repeat_with(down).take(1000));
    world.live_until(START.saturating_add(two_days)).await;
    assert_eq!(world.delivery(id).state, State::Waiting);
    let calls = world.platform.book().calls;
    assert!((48..=110).contains(&calls), "{calls}");
    world.platform.book().turns.clear();
    world.live_on(1).await;
    assert_eq!(world.delivery(id).state, State::Published);
    assert_eq!(world.parts_there(), 1);
}

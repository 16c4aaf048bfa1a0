//! Late posts, and clocks that were wrong.

use jarchi::config::LatePolicy;
use jarchi::model::{State, TimeSpan};

use crate::common::{START, account, text};
use crate::world::{LOOK_UP, World};

/// A day of outage with 200 posts due: one after the other, with the gap between them, in
/// their order, or not at all.
#[tokio::test]
async fn after_an_outage_nothing_goes_out_in_a_burst() {
    const POSTS: u64 = 200;
    for late in [LatePolicy::Publish, LatePolicy::Miss] {
        let mut account = account("shop");
        account.rails.least_gap = TimeSpan::from_mins(2);
        account.rails.late = late;
        let mut world = World::with(LOOK_UP, account);
        let mut ids = Vec::new();
        for number in 0..POSTS {
            // Written in another order than they are due in.
            let number = (number * 77) % POSTS;
            let due = START.saturating_add(TimeSpan::from_mins(7 * number));
            ids.push((due, world.post(text(&format!("post {number}")), due).await));
        }
        ids.sort_unstable();
        world.hands.advance(TimeSpan::from_days(1));
        let mut times = Vec::new();
        for _ in 0..400 {
            let before = world.platform.book().parts.len();
            world.live().await;
            let now = world.platform.book().parts.len();
            assert!(now <= before + 1, "{} at once", now - before);
            if now > before {
                times.push(world.clock.now());
            }
            world.hands.advance(TimeSpan::from_mins(1));
        }
        for pair in times.windows(2) {
            assert!(pair[1].since(pair[0]) >= TimeSpan::from_mins(2));
        }
        let order: Vec<String> = {
            let book = world.platform.book();
            book.parts.iter().map(|(key, _)| key.clone()).collect()
        };
        let published: Vec<String> = ids
            .iter()
            .map(|(_, id)| world.delivery(*id))
            .filter(|delivery| delivery.state == State::Published)
            .map(|delivery| delivery.key.to_string())
            .collect();
        assert_eq!(order, published);
        let missed = ids
            .iter()
            .filter(|(_, id)| matches!(world.delivery(*id).state, State::Missed { .. }))
            .count();
        if late == LatePolicy::Publish {
            assert_eq!((order.len(), missed), (POSTS as usize, 0));
        } else {
            // Those of the last hour wait for the gap, and may be too late by then.
            assert!((1..30).contains(&order.len()), "{}", order.len());
            assert_eq!(order.len() + missed, POSTS as usize);
        }
    }
}

/// The clock stood in another year for a while: what was published then keeps nothing back
/// when it is right again.
#[tokio::test]
async fn a_clock_that_was_wrong_keeps_no_account_back() {
    let mut account = account("shop");
    account.rails.least_gap = TimeSpan::from_mins(2);
    account.rails.per_day = 2;
    let mut world = World::with(LOOK_UP, account);
    let ahead = START.saturating_add(TimeSpan::from_days(3650));
    world.hands.set(ahead);
    let wrong = world.post(text("by a wrong clock"), ahead).await;
    world.live().await;
    assert_eq!(world.delivery(wrong).state, State::Published);
    world.hands.set(START);
    let right = world.post(text("by the right clock"), START).await;
    world.live().await;
    assert_eq!(world.delivery(right).state, State::Published);
    // The same words are still the same words.
    let same = world.post(text("by a wrong clock"), START).await;
    world.hands.advance(TimeSpan::from_mins(3));
    world.live().await;
    assert!(matches!(world.delivery(same).state, State::Failed { .. }));
}

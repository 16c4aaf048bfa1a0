//! Stores that were restored from a backup, while the world went on.

use jarchi::model::{Draft, Fault, State, ThreadPart, TimeSpan};
use jarchi::publish;

use crate::common::platform::Turn;
use crate::common::{START, account, text};
use crate::world::{KEYS, LOOK_UP, NOTHING, World};

/// Posts of every kind around a backup; none is doubled and none is lost where the
/// platform can be asked, and where it can't, a person is.
#[tokio::test]
async fn after_a_restore_nothing_is_sent_blindly() {
    for promise in [LOOK_UP, NOTHING] {
        let mut account = account("shop");
        account.rails.missed_after = TimeSpan::from_days(9);
        let mut world = World::with(promise, account);
        let hours = |hours| START.saturating_add(TimeSpan::from_hours(hours));
        let parts = |name: &str| Draft {
            thread: vec![ThreadPart {
                text: format!("{name} goes on"),
                media: Vec::new(),
            }],
            ..text(name)
        };
        let sooner = world.post(text("due between"), hours(2)).await;
        let thread = world.post(parts("a thread"), hours(2)).await;
        let moved = world.post(text("moved forward"), hours(50)).await;
        let later = world.post(text("due after"), hours(60)).await;
        let far = world.post(text("due in weeks"), hours(24 * 20)).await;
        // Its first part is out, and the second waits, when the backup is taken.
        let begun = world.post(parts("half a thread"), START).await;
        let transient = || Fault::RateLimited(Some(TimeSpan::from_hours(1)));
        world.platform.script([Turn::Take, Turn::Fail(transient())]);
        world.live().await;
        assert_eq!(world.delivery(begun).state, State::Processing);
        let file = world.back_up();

        // The old store goes on for hours; then it is lost.
        publish::move_to(world.store(), moved, hours(3), world.clock.now())
            .await
            .expect("moved");
        world.hands.set(hours(4));
        world.live().await;
        for id in [sooner, thread, moved, begun] {
            assert_eq!(world.delivery(id).state, State::Published);
        }
        let before = world.platform.book().parts.clone();
        assert_eq!(before.len(), 6);
        world.hands.set(hours(6));
        world.restore(&file);

        world.hands.set(hours(7));
        world.live().await;
        assert_eq!(world.platform.book().parts, before, "sent blindly");
        for id in [sooner, thread, begun] {
            let state = world.delivery(id).state;
            if promise == LOOK_UP {
                assert_eq!(state, State::Published);
            } else {
                let State::Parked { reason } = state else {
                    panic!("{state:?}");
                };
                assert!(reason.contains("jarchi queue resolve"), "{reason}");
            }
        }
        world.hands.set(hours(61));
        world.live().await;
        let expected = if promise == LOOK_UP {
            // What a person moved forward was found; the other goes out.
            assert_eq!(world.delivery(moved).state, State::Published);
            7
        } else {
            8
        };
        assert_eq!(world.delivery(later).state, State::Published);
        assert_eq!(world.platform.book().parts.len(), expected);
        let looks = world.platform.book().lookups;
        world.hands.set(hours(24 * 20));
        world.live().await;
        assert_eq!(world.delivery(far).state, State::Published);
        assert_eq!(
            world.platform.book().lookups,
            looks,
            "far beyond the backup"
        );
    }
}

/// What was due and did not go out before the machine was lost goes out once.
#[tokio::test]
async fn after_a_restore_what_is_absent_is_published() {
    let mut world = World::new(LOOK_UP);
    let due = START.saturating_add(TimeSpan::from_mins(5));
    let id = world.post(text("Salam"), due).await;
    let file = world.back_up();
    world
        .hands
        .set(START.saturating_add(TimeSpan::from_mins(20)));
    world.restore(&file);
    world.live_on(1).await;
    let delivery = world.delivery(id);
    assert_eq!(delivery.state, State::Published);
    assert!(world.platform.book().lookups > 0);
    assert_eq!(world.platform.book().parts.len(), 1);

    // The key is the same in the restored store: where the platform honours it, it is sent
    // again within its time, and parked after that.
    for (hours, published) in [(0, true), (2, false)] {
        let mut world = World::new(KEYS);
        let id = world.post(text("Salam"), START).await;
        let file = world.back_up();
        world.live().await;
        world.hands.advance(TimeSpan::from_hours(hours));
        world.restore(&file);
        world.live().await;
        assert_eq!(world.platform.book().parts.len(), 1);
        let state = world.delivery(id).state;
        assert_eq!(state == State::Published, published, "{state:?}");
    }
}

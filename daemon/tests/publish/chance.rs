//! Whatever happens, in any order.

use jarchi::config::LatePolicy;
use jarchi::model::{Fault, State, TimeSpan};
use proptest::prelude::*;

use crate::common::platform::Turn;
use crate::common::{START, account};
use crate::world::{KEYS, LOOK_UP, NOTHING, World, thread};

fn turns() -> impl Strategy<Value = Vec<Turn>> {
    let turn = prop_oneof![
        3 => Just(Turn::Take),
        2 => Just(Turn::TakeAndLose),
        2 => Just(Turn::Lose),
        1 => Just(Turn::Fail(Fault::RateLimited(Some(TimeSpan::from_hours(2))))),
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

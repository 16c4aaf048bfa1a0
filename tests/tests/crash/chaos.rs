//! A short run of the harness: `cargo run --release -p jarchi-tests --bin chaos` has long ones.

use std::time::Duration;

use jarchi_tests::chance::Chance;
use jarchi_tests::chaos::{Options, run};

#[tokio::test(flavor = "multi_thread")]
async fn whatever_the_platforms_do_every_post_is_there_once() {
    let report = run(Options {
        seed: Chance::from_environment().below(u64::MAX),
        kills: 40,
        accounts: 2,
        trouble: 15,
        late: Duration::from_secs(4),
        backlog: 30,
        talk: false,
    })
    .await;
    println!("{report}");
    assert!(report.is_clean(), "{report}");
    assert!(report.interrupted >= 10, "the kills hit nothing");
    assert!(report.found > 0, "nothing had to be looked for");
    assert!(report.faults.len() >= 10, "little went wrong");
}

//! Numbers with and without the Analytics API.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may panic")]

use jarchi_platforms::youtube::{CHANNEL, TOKEN, YouTube as Platform};
use jarchi_platforms::{Answer, Stage, Trouble};
use jarchi_plugin_sdk::testing::Level;
use jarchi_plugin_sdk::{
    Account, Analytics, Connection, Measure, Post, PostMetrics, Receipt, testing,
};
use jarchi_plugin_youtube::YouTube;
use serde_json::json;

fn account() -> Account {
    testing::account(&json!({ "channel": CHANNEL }))
}

fn published() -> (Stage<Platform>, Receipt) {
    let stage = Stage::new(Platform::default());
    stage.secret("access_token", TOKEN);
    let file = stage.file("film.mp4", "video/mp4", vec![7; 1000]);
    let post = Post {
        media: vec![file],
        ..Post::text("a")
    };
    let delivery = testing::delivery(&account(), post);
    let receipt = stage.publish::<YouTube>(&delivery).expect("published");
    stage.requests();
    (stage, receipt)
}

fn measured(receipt: &Receipt) -> PostMetrics {
    let told = YouTube::posts(&account(), std::slice::from_ref(receipt)).expect("told");
    told.into_iter().next().expect("the post")
}

fn has(told: &PostMetrics, measure: &Measure) -> bool {
    told.metrics.iter().any(|metric| metric.measure == *measure)
}

/// Since it was asked before.
fn warnings(stage: &Stage<Platform>) -> usize {
    let logs = stage.host.logs();
    logs.iter()
        .filter(|(level, _)| *level == Level::Warn)
        .count()
}

#[test]
fn without_the_scope_or_the_api_one_warning() {
    for disabled in [false, true] {
        let (stage, receipt) = published();
        let allow = |yes: bool| {
            let reports = &mut stage.platform.borrow_mut().reports;
            if disabled {
                reports.enabled = yes;
            } else {
                reports.scope = yes;
            }
        };
        allow(false);
        for _ in 0..3 {
            let told = measured(&receipt);
            assert!(has(&told, &Measure::Views), "{told:?}");
            assert!(!has(&told, &Measure::WatchTime), "{told:?}");
            assert!(!YouTube::account(&account()).expect("told").is_empty());
        }
        assert_eq!(warnings(&stage), 1);
        let checked = YouTube::check(&account()).expect("checked");
        let place = |place: &str| checked.problems.iter().any(|one| one.place == place);
        assert!(place("numbers"), "{:?}", checked.problems);
        // Allowed and forbidden again: told again.
        allow(true);
        assert!(has(&measured(&receipt), &Measure::WatchTime));
        allow(false);
        measured(&receipt);
        assert_eq!(warnings(&stage), 1);
    }
}

#[test]
fn impressions_are_asked_for_daily_where_there_are_none() {
    let (stage, receipt) = published();
    stage.platform.borrow_mut().reports.impressions = false;
    let told = measured(&receipt);
    assert!(has(&told, &Measure::WatchTime), "{told:?}");
    assert!(!has(&told, &Measure::Impressions), "{told:?}");
    let reports = || {
        let called = stage.called();
        called
            .iter()
            .filter(|one| one.ends_with("/reports"))
            .count()
    };
    assert_eq!(reports(), 2);
    measured(&receipt);
    assert_eq!(reports(), 1);
    stage.platform.borrow_mut().reports.impressions = true;
    stage.host.advance(24 * 3_600_000);
    assert!(has(&measured(&receipt), &Measure::Impressions));
    assert_eq!(warnings(&stage), 0);
}

/// Neither late reports nor an API that is down keep the Data API's numbers back.
#[test]
fn late_or_down() {
    let (stage, receipt) = published();
    stage.platform.borrow_mut().reports.counted = false;
    let told = measured(&receipt);
    assert_eq!(told.metrics.len(), 2, "{told:?}");
    stage.trouble(|request| {
        let report = request.path().ends_with("/reports");
        report.then(|| Trouble::Instead(Answer::empty(503)))
    });
    let told = measured(&receipt);
    assert_eq!(told.metrics.len(), 2, "{told:?}");
    assert_eq!(warnings(&stage), 1);
}

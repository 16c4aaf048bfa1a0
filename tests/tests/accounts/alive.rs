//! Tokens that are refreshed.

use jarchi_tests::lodge::Trouble;

use super::{alarm, connect, is_clean, post, stage, standing, state};

#[tokio::test(flavor = "multi_thread")]
async fn ahead_of_their_end_again_and_again() {
    let (lodge, home) = stage(&["cafe"]).await;
    lodge.life(4);
    connect(&lodge, &home, "cafe").await;
    let daemon = home.start().await;
    lodge
        .until("three refreshes", |lodge| lodge.refreshes() >= 3)
        .await;
    lodge.life(3600);
    post(&home, "cafe", "Still here").await;
    lodge
        .until("the note", |lodge| !lodge.notes().is_empty())
        .await;
    // Not one post was turned away on the way, and nothing is asked for that is not due.
    assert_eq!(lodge.refused(), 0);
    is_clean(&lodge, "the log", daemon.log().as_bytes());
    assert!(daemon.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn after_troubles_that_pass() {
    let (lodge, home) = stage(&["cafe"]).await;
    lodge.life(6);
    connect(&lodge, &home, "cafe").await;
    lodge.life(3600);
    lodge.trouble(&[
        Trouble::Status(503),
        Trouble::Status(429),
        Trouble::Status(500),
    ]);
    let daemon = home.start().await;
    lodge
        .until("four tries", |lodge| lodge.refreshes() >= 4)
        .await;
    daemon
        .until("a token that lasts", async || {
            let one = standing(&home, "cafe", &["account", "list"]).await;
            let soon = chrono::Utc::now() + chrono::TimeDelta::minutes(20);
            let lasts = one["tokens"].as_array()?.iter().any(|token| {
                let end = token["expires"].as_str().unwrap_or_default();
                chrono::DateTime::parse_from_rfc3339(end).is_ok_and(|end| end > soon)
            });
            lasts.then_some(())
        })
        .await;
    // Told after three, and over by now.
    let told = alarm(&home, "account:cafe:refresh").await;
    assert!(told.is_none_or(|alarm| !alarm["cleared"].is_null()));
    post(&home, "cafe", "Salam").await;
    lodge
        .until("the note", |lodge| !lodge.notes().is_empty())
        .await;
    assert!(daemon.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn by_a_call_that_is_turned_away() {
    let (lodge, home) = stage(&["cafe"]).await;
    connect(&lodge, &home, "cafe").await;
    let daemon = home.start().await;
    lodge.end_tokens();
    let delivery = post(&home, "cafe", "Salam").await;
    daemon
        .until("the post", async || {
            (state(&home, &delivery).await == "published").then_some(())
        })
        .await;
    assert_eq!(lodge.refused(), 1);
    assert_eq!(lodge.refreshes(), 1);
    assert_eq!(lodge.notes(), ["kitchen: Salam"]);
    assert!(alarm(&home, "account:cafe:unauthorized").await.is_none());
    assert!(daemon.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn where_only_the_user_can_they_are_told() {
    let (lodge, home) = stage(&["cafe"]).await;
    lodge.no_refresh_tokens();
    lodge.life(4);
    let report = connect(&lodge, &home, "cafe").await;
    let tokens = report["tokens"].as_array().unwrap();
    assert!(
        tokens.iter().all(|token| token["refreshes"] == false),
        "{report}"
    );
    let daemon = home.start().await;
    let told = daemon
        .until("the alarm", async || {
            alarm(&home, "account:cafe:expiring").await
        })
        .await;
    let remedy = told["remedy"].as_str().unwrap();
    assert!(remedy.contains("`jarchi account auth cafe`"), "{told}");
    assert_eq!(lodge.refreshes(), 0);
    lodge.life(3_000_000);
    connect(&lodge, &home, "cafe").await;
    daemon
        .until("the all-clear", async || {
            alarm(&home, "account:cafe:expiring")
                .await
                .is_none()
                .then_some(())
        })
        .await;
    assert!(daemon.terminate().await.success());
}

//! Grants that end, and refreshes that a kill breaks off.

use jarchi_tests::lodge::Trouble;

use super::{alarm, connect, post, stage, standing, state};

#[tokio::test(flavor = "multi_thread")]
async fn the_user_takes_it_back() {
    let (lodge, home) = stage(&["cafe"]).await;
    connect(&lodge, &home, "cafe").await;
    let daemon = home.start().await;
    lodge.revoke();
    let first = post(&home, "cafe", "One").await;
    let told = daemon
        .until("the alarm", async || {
            alarm(&home, "account:cafe:unauthorized").await
        })
        .await;
    let remedy = told["remedy"].as_str().unwrap();
    assert!(remedy.contains("jarchi account auth cafe"), "{told}");
    let one = standing(&home, "cafe", &["account", "list"]).await;
    assert_eq!(one["ready"], false);
    assert!(
        one["missing"].to_string().contains("invalid_grant"),
        "{one}"
    );
    let checked = home.jarchi(&["account", "check", "cafe"]).await;
    assert_eq!(checked.status.code(), Some(1));
    // Its lane stands still: what is in it waits, and is tried in vain no more.
    let second = post(&home, "cafe", "Two").await;
    assert_eq!(state(&home, &first).await, "waiting");
    // Asked once: that answer is final. And turned away once.
    assert_eq!(lodge.refreshes(), 1);
    assert_eq!(lodge.refused(), 1);

    // It goes on when the account is let in anew.
    connect(&lodge, &home, "cafe").await;
    for delivery in [&first, &second] {
        daemon
            .until("the post", async || {
                (state(&home, delivery).await == "published").then_some(())
            })
            .await;
    }
    assert_eq!(lodge.notes(), ["kitchen: One", "kitchen: Two"]);
    assert!(daemon.terminate().await.success());
}

/// Killed after the platform has given new tokens and before they are kept.
async fn killed_in_between(
    lenient: bool,
) -> (jarchi_tests::lodge::Lodge, jarchi_tests::daemon::Home) {
    let (lodge, home) = stage(&["cafe"]).await;
    lodge.life(4);
    if lenient {
        lodge.lenient();
    }
    connect(&lodge, &home, "cafe").await;
    lodge.life(3600);
    lodge.trouble(&[Trouble::Silence]);
    let daemon = home.start().await;
    lodge
        .until("the refresh", |lodge| lodge.refreshes() == 1)
        .await;
    daemon.kill().await;
    (lodge, home)
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_the_answer_and_the_vault_it_says_what_was_lost() {
    let (lodge, home) = killed_in_between(false).await;
    let daemon = home.start().await;
    let told = daemon
        .until("the alarm", async || {
            alarm(&home, "account:cafe:unauthorized").await
        })
        .await;
    let what = told["what"].as_str().unwrap();
    assert!(
        what.contains("broken off before its answer was kept"),
        "{what}"
    );
    assert_eq!(lodge.refreshes(), 2);
    connect(&lodge, &home, "cafe").await;
    let one = standing(&home, "cafe", &["account", "check"]).await;
    assert_eq!(one["ready"], true, "{one}");
    assert!(daemon.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_the_answer_and_the_vault_a_patient_platform_forgives_it() {
    let (lodge, home) = killed_in_between(true).await;
    let daemon = home.start().await;
    lodge
        .until("another refresh", |lodge| lodge.refreshes() == 2)
        .await;
    post(&home, "cafe", "Salam").await;
    lodge
        .until("the note", |lodge| !lodge.notes().is_empty())
        .await;
    assert!(alarm(&home, "account:cafe:unauthorized").await.is_none());
    assert!(daemon.terminate().await.success());
}

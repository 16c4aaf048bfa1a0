//! What is missed when it does not come.

use jarchi_tests::daemon::{account, config};
use jarchi_tests::standin::{Standin, token_of};

use super::{alarm, post, stage};

const QUIET: &str = "account:cafe:quiet";

fn with(standin: &Standin, hook: &str, line: &str) -> String {
    let cafe = account(standin, "cafe", &token_of("cafe"));
    format!(
        "{}{}{hook}",
        config(standin, &[]),
        cafe.replace("\nplugin", &format!("\n{line}\nplugin"))
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_account_is_an_alarm_until_it_posts() {
    let (standin, hook, home) = stage("").await;
    let text = with(&standin, &hook.block("ops", ""), "quiet_after = \"2s\"");
    home.configure(&text);
    let daemon = home.start().await;
    let sent = hook.told("alarm", QUIET).await;
    let what = sent.body["what"].as_str().unwrap();
    assert!(what.contains("No post on account `cafe` for 2s"), "{what}");
    post(&home, "Salam").await;
    hook.told("all-clear", QUIET).await;
    // And once more, without anybody asking.
    hook.until("the next silence", |all| {
        let alarms = all.iter().filter(|one| one.event() == "alarm");
        alarms.filter(|one| one.cause() == QUIET).count() == 2
    })
    .await;

    // On hold it is meant to be silent.
    home.ok(&["hold", "account:cafe"]).await;
    hook.until("the second all-clear", |all| {
        all.iter().filter(|one| one.event() == "all-clear").count() == 2
    })
    .await;
    assert!(alarm(&home, QUIET).await.is_none());
    home.ok(&["release", "account:cafe"]).await;
    // Counted from then on, and missed again.
    hook.until("the third silence", |all| {
        let alarms = all.iter().filter(|one| one.event() == "alarm");
        alarms.filter(|one| one.cause() == QUIET).count() == 3
    })
    .await;
    home.configure(&with(
        &standin,
        &hook.block("ops", ""),
        "quiet_after = \"30d\"",
    ));
    home.ok(&["reload"]).await;
    hook.until("the third all-clear", |all| {
        all.iter().filter(|one| one.event() == "all-clear").count() == 3
    })
    .await;
    assert!(daemon.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_numbers_are_an_alarm() {
    let (standin, hook, home) = stage("").await;
    let text = with(&standin, &hook.block("ops", ""), "numbers_after = \"2s\"");
    home.configure(&text);
    let daemon = home.start().await;
    let cause = "account:cafe:numbers";
    hook.told("alarm", cause).await;
    home.ok(&["measure"]).await;
    hook.told("all-clear", cause).await;
    assert!(daemon.terminate().await.success());
}

//! What is not tried while it would fail.

use jarchi_tests::hook::Hook;
use jarchi_tests::standin::{Standin, token_of};

use super::{alarm, cafe, delivery, post, stage};

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_platform_opens_the_breaker_and_nothing_is_lost() {
    let (standin, hook, home) = stage("").await;
    let daemon = home.start().await;
    standin.switch_off();
    let mut numbers = Vec::new();
    for number in 0..4 {
        numbers.push(post(&home, &format!("Xəbər {number}")).await);
    }
    let cause = "account:cafe:breaker";
    hook.told("alarm", cause).await;
    let status = home.json(&["status"]).await;
    assert_eq!(status["breakers"][0]["breaker"], "account:cafe");
    let words = home.ok(&["status"]).await;
    assert!(
        words.contains("the breaker of account:cafe is open"),
        "{words}"
    );
    assert_eq!(
        hook.all().len(),
        1,
        "one cause, one alarm: {:#?}",
        hook.all()
    );
    let (_, metrics) = daemon.get("/metrics").await;
    assert!(metrics.contains("jarchi_breakers_open 1"), "{metrics}");
    // Some probes go by, and survive a kill.
    let mut daemon = daemon;
    daemon.kill().await;
    daemon = home.start().await;
    assert!(alarm(&home, cause).await.is_some());
    standin.switch_on();
    let book = standin.until("all of them", |book| book.len() == 4).await;
    assert_eq!(book.len(), 4);
    hook.told("all-clear", cause).await;
    for number in &numbers {
        daemon
            .until("its receipt", async || {
                (delivery(&home, number).await["state"] == "published").then_some(())
            })
            .await;
    }
    let status = home.json(&["status"]).await;
    assert_eq!(status["breakers"].as_array().unwrap().len(), 0);
    assert_eq!(hook.taken().len(), 2);
    assert!(daemon.terminate().await.success());
}

/// Nothing is tried by itself while a test runs.
fn patient(standin: &Standin, token: &str, hook: &Hook) -> String {
    cafe(standin, token, &hook.block("ops", "")).replace(
        "breaker = { first = \"1s\", longest = \"2s\" }",
        "breaker = { first = \"1h\", longest = \"1h\" }",
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_token_stops_one_post_and_a_new_one_lets_all_go() {
    let standin = Standin::start(&["cafe"]);
    let hook = Hook::start().await;
    let text = |token: &str| patient(&standin, token, &hook);
    let home = jarchi_tests::daemon::Home::new(&text("wrong-token-0123456789")).await;
    let mut daemon = home.start().await;
    let mut numbers = Vec::new();
    for number in 0..4 {
        numbers.push(post(&home, &format!("Xəbər {number}")).await);
    }
    let cause = "account:cafe:unauthorized";
    hook.told("alarm", cause).await;
    let list = home.json(&["queue", "list"]).await;
    let states: Vec<&str> = list["deliveries"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|line| line["state"].as_str())
        .collect();
    let failed = states.iter().filter(|state| **state == "failed").count();
    assert_eq!(failed, 1, "{states:?}");
    for number in &numbers[1..] {
        let waits = delivery(&home, number).await;
        assert_eq!(waits["history"].as_array().unwrap().len(), 0, "{waits}");
    }
    super::in_force(&mut daemon, &home, &text(&token_of("cafe"))).await;
    standin
        .until("those that waited", |book| book.len() == 3)
        .await;
    home.ok(&["queue", "retry", &numbers[0]]).await;
    standin.until("all of them", |book| book.len() == 4).await;
    hook.told("all-clear", cause).await;
    assert_eq!(hook.taken().len(), 2, "{:#?}", hook.taken());
    assert!(daemon.terminate().await.success());
}

/// Nothing waits in the account's lane when its breaker closes; what comes later must not
/// find it asleep.
#[tokio::test(flavor = "multi_thread")]
async fn a_lane_that_is_empty_wakes_too() {
    let standin = Standin::start(&["cafe"]);
    let hook = Hook::start().await;
    let text = |token: &str| patient(&standin, token, &hook);
    let home = jarchi_tests::daemon::Home::new(&text("wrong-token-0123456789")).await;
    let mut daemon = home.start().await;
    let number = post(&home, "Tək xəbər").await;
    hook.told("alarm", "account:cafe:unauthorized").await;
    super::in_force(&mut daemon, &home, &text(&token_of("cafe"))).await;
    home.ok(&["queue", "retry", &number]).await;
    standin.until("the post", |book| book.len() == 1).await;
    assert!(daemon.terminate().await.success());
}

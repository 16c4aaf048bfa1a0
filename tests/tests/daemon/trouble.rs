//! What users meet sooner or later: a dead token, a dead network, a server in distress.

use jarchi::demo::standin::{Rate, Rates};
use jarchi::model::TimeSpan;
use jarchi_tests::daemon::{Home, account, config};
use jarchi_tests::standin::{Fault, Standin, token_of};
use serde_json::Value;

use super::{delivery, numbers, stage, state};

async fn settled(daemon: &jarchi_tests::daemon::Daemon, home: &Home, number: &str) -> Value {
    daemon
        .until("the end", async || {
            let delivery = delivery(home, number).await;
            let settled = ["published", "failed", "parked", "missed"];
            settled.contains(&&*state(&delivery)).then_some(delivery)
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_token_is_told_with_what_to_do() {
    let standin = Standin::start(&["cafe"]);
    let with_token = |token: &str| {
        format!(
            "{}{}",
            config(&standin, &[]),
            account(&standin, "cafe", token)
        )
    };
    let home = Home::new(&with_token("wrong-token-0123456789")).await;
    let mut daemon = home.start().await;
    let posted = home
        .json(&["post", "Salam", "--account", "cafe", "--force"])
        .await;
    let (_, number) = numbers(&posted);
    let failed = settled(&daemon, &home, &number).await;
    assert_eq!(state(&failed), "failed");
    let reason = failed["state"]["failed"]["reason"].as_str().unwrap();
    for word in [
        "not authorised",
        "account `cafe`",
        "secrets",
        "`jarchi queue retry",
    ] {
        assert!(reason.contains(word), "`{word}` is missing: {reason}");
    }
    assert!(!daemon.log().contains("wrong-token-0123456789"));
    let text = home.ok(&["queue", "list"]).await;
    assert!(text.contains("failed"), "{text}");
    // It is told to whoever watches.
    let (status, ready) = daemon.get("/readyz").await;
    assert_eq!(status, 200);
    assert!(
        ready.contains("1 dead letters: `jarchi queue list --dead`"),
        "{ready}"
    );

    // As the message says.
    home.configure(&with_token(&token_of("cafe")));
    daemon.hang_up();
    daemon
        .logged(|line| line["message"] == "the configuration is in force")
        .await;
    home.ok(&["queue", "retry", &number]).await;
    standin.until("the post", |book| book.len() == 1).await;
    let published = settled(&daemon, &home, &number).await;
    assert_eq!(state(&published), "published");
    assert!(daemon.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_network_is_waited_for() {
    let (standin, home) = stage().await;
    let mut daemon = home.start().await;
    standin.switch_off();
    let posted = home.json(&["post", "Salam", "--account", "cafe"]).await;
    let (_, number) = numbers(&posted);
    daemon
        .logged(|line| line["call"] == "publish" && line["fault"].is_string())
        .await;
    let waiting = home.json(&["queue", "list"]).await;
    let line = &waiting["deliveries"][0];
    assert_eq!(line["state"], "waiting");
    assert!(
        line["note"].as_str().unwrap().starts_with("tried again: "),
        "{line}"
    );
    standin.switch_on();
    let book = standin.until("the post", |book| !book.is_empty()).await;
    assert_eq!(book.len(), 1);
    let published = settled(&daemon, &home, &number).await;
    assert_eq!(state(&published), "published");
    assert!(daemon.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_lost_is_looked_for() {
    let (standin, home) = stage().await;
    standin.ignore_idempotency_keys();
    let daemon = home.start().await;
    standin.fail("POST", "/api/v1/statuses", Fault::AnswerLost, 1);
    let posted = home.json(&["post", "Salam", "--account", "cafe"]).await;
    let (_, number) = numbers(&posted);
    let published = settled(&daemon, &home, &number).await;
    assert_eq!(state(&published), "published");
    let history = published["history"].to_string();
    assert!(
        history.contains("unknown-outcome") && history.contains("found"),
        "{history}"
    );
    assert_eq!(standin.book().len(), 1);
    assert!(daemon.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_in_distress_is_tried_again() {
    let (standin, home) = stage().await;
    let daemon = home.start().await;
    standin.fail("POST", "/api/v1/statuses", Fault::Refused(503), 2);
    let posted = home.json(&["post", "Salam", "--account", "cafe"]).await;
    let (_, number) = numbers(&posted);
    let published = settled(&daemon, &home, &number).await;
    assert_eq!(state(&published), "published");
    assert_eq!(standin.book().len(), 1);
    assert!(daemon.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_servers_pace_is_kept() {
    let rates = Rates {
        posts: Some(Rate {
            limit: 3,
            period: TimeSpan::from_secs(4),
        }),
        ..Rates::none()
    };
    let standin = Standin::with_rates(&["cafe"], rates);
    let home = Home::new(&config(&standin, &["cafe"])).await;
    for number in 0..8 {
        home.ok(&["post", &format!("Xəbər {number}"), "--account", "cafe"])
            .await;
    }
    let daemon = home.start().await;
    let book = standin.until("all", |book| book.len() == 8).await;
    for (number, entry) in book.iter().enumerate() {
        assert_eq!(entry.text, format!("Xəbər {number}"), "in their order");
    }
    // The server says how many it takes: none was sent in vain.
    assert_eq!(standin.turned_away(), 0);
    let span = book[7].at.since(book[0].at);
    assert!(span > TimeSpan::from_secs(4), "{span}");
    assert!(daemon.terminate().await.success());
    let dead = home.json(&["queue", "list", "--dead"]).await;
    assert_eq!(dead["deliveries"].as_array().unwrap().len(), 0);
}

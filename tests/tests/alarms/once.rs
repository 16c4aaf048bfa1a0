//! One alarm for one cause, whatever happens to the daemon.

use jarchi::model::Id;
use jarchi::service::Client;
use jarchi::service::api::{PostRequest, Posted, Request};
use jarchi_tests::hook::Hook;
use jarchi_tests::standin::{Fault, Standin, token_of};
use serde_json::{Value, json};

use super::{alarm, cafe, post, stage};

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_failing_posts_are_one_alarm() {
    const POSTS: usize = 200;
    let (standin, hook, home) = stage("").await;
    let daemon = home.start().await;
    standin.fail("POST", "/api/v1/statuses", Fault::Refused(422), POSTS);
    let socket = home.data().join("jarchi.sock");
    let client = Client::connect(&socket).await.unwrap().unwrap();
    let mut numbers: Vec<Id> = Vec::new();
    for number in 0..POSTS {
        let request: PostRequest = serde_json::from_value(json!({
            "text": format!("Xəbər {number}"), "accounts": ["cafe"],
        }))
        .unwrap();
        let posted: Posted = client
            .call(&Request::Post(Box::new(request)))
            .await
            .unwrap();
        numbers.push(posted.deliveries[0].delivery);
    }
    let cause = "account:cafe:failed";
    let sent = hook.told("alarm", cause).await;
    assert_eq!(sent.body["severity"], "error");
    for (key, word) in [
        ("what", "`cafe`"),
        ("remedy", "`jarchi queue retry"),
        ("text", "[error]"),
    ] {
        let text = sent.body[key].as_str().unwrap();
        assert!(text.contains(word), "{key}: {text}");
    }
    daemon
        .until("all of them", async || {
            let alarm = alarm(&home, cause).await?;
            (alarm["count"] == POSTS).then_some(())
        })
        .await;
    let listed = alarm(&home, cause).await.unwrap();
    assert_eq!(listed["told"][0]["channel"], "ops");
    assert!(listed["told"][0]["at"].is_u64() || listed["told"][0]["at"].is_string());
    let words = home.ok(&["alarm", "list"]).await;
    assert!(
        words.contains("200 times") && words.contains("ops was told"),
        "{words}"
    );
    let status = home.ok(&["status"]).await;
    assert!(status.contains("could not publish"), "{status}");
    let (code, ready) = daemon.get("/readyz").await;
    assert_eq!(code, 200, "an alarm is a warning: {ready}");
    assert!(ready.contains(cause), "{ready}");
    let (_, metrics) = daemon.get("/metrics").await;
    for line in [
        "jarchi_alarms{severity=\"error\"} 1",
        "jarchi_alarm_notifications_total{channel=\"ops\",kind=\"alarm\",outcome=\"told\"} 1",
    ] {
        assert!(metrics.contains(line), "`{line}` is missing:\n{metrics}");
    }

    // All but one are cancelled: it lasts. The last one is published: it is over.
    for delivery in &numbers[1..] {
        let _: Value = client
            .call(&Request::Cancel {
                delivery: *delivery,
            })
            .await
            .unwrap();
    }
    assert!(alarm(&home, cause).await.is_some());
    home.ok(&["queue", "retry", &numbers[0].to_string()]).await;
    let over = hook.told("all-clear", cause).await;
    assert_eq!(over.body["count"], POSTS);
    standin.until("the post", |book| book.len() == 1).await;
    assert_eq!(hook.all().len(), 2, "{:#?}", hook.all());
    assert_eq!(home.ok(&["alarm", "list"]).await.trim(), "nothing is wrong");
    assert!(daemon.terminate().await.success());
}

/// Raised, and on disk; then the daemon is killed before anybody could be told.
#[tokio::test(flavor = "multi_thread")]
async fn a_kill_between_an_alarm_and_its_message_loses_and_doubles_nothing() {
    let standin = Standin::start(&["cafe"]);
    let hook = Hook::start().await;
    let text = |token: &str| cafe(&standin, token, &hook.block("ops", ""));
    let home = jarchi_tests::daemon::Home::new(&text("wrong-token-0123456789")).await;
    hook.answer(503);
    let mut daemon = home.start().await;
    let number = post(&home, "Salam").await;
    daemon
        .logged(|line| line["message"] == "an alarm can't be brought")
        .await;
    let cause = "account:cafe:unauthorized";
    let before = alarm(&home, cause).await.unwrap();
    assert!(before["told"][0]["at"].is_null(), "{before}");
    daemon.kill().await;
    assert!(hook.taken().is_empty());

    hook.answer(200);
    let mut daemon = home.start().await;
    let sent = hook.told("alarm", cause).await;
    let text_of = sent.body.to_string();
    assert!(!text_of.contains("wrong-token-0123456789"), "{text_of}");
    // Every try was the same message.
    let ids: Vec<Value> = hook
        .all()
        .iter()
        .map(|one| one.body["id"].clone())
        .collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    let key = sent.headers["idempotency-key"].to_str().unwrap();
    assert_eq!(sent.body["id"], key);
    daemon
        .until("the receipt", async || {
            let alarm = alarm(&home, cause).await?;
            (!alarm["told"][0]["at"].is_null()).then_some(())
        })
        .await;
    daemon.kill().await;

    // A restart repeats nothing, and does not forget either.
    let mut again = home.start().await;
    super::in_force(&mut again, &home, &text(&token_of("cafe"))).await;
    home.ok(&["queue", "retry", &number]).await;
    hook.told("all-clear", cause).await;
    let events: Vec<String> = hook
        .taken()
        .iter()
        .map(|one| one.event().to_owned())
        .collect();
    assert_eq!(events, ["alarm", "all-clear"]);
    assert_eq!(standin.book().len(), 1);
    assert!(again.terminate().await.success());
    daemon = home.start().await;
    assert!(alarm(&home, cause).await.is_none());
    assert!(daemon.terminate().await.success());
    assert_eq!(hook.taken().len(), 2);
}

/// Nobody is bothered with what is over: one message says both.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_over_before_it_was_told_is_told_once() {
    let (standin, hook, home) = stage("").await;
    hook.answer(500);
    let mut daemon = home.start().await;
    standin.fail("POST", "/api/v1/statuses", Fault::Refused(422), 1);
    let number = post(&home, "Salam").await;
    daemon
        .logged(|line| line["message"] == "an alarm can't be brought")
        .await;
    home.ok(&["queue", "retry", &number]).await;
    daemon.logged(|line| line["message"] == "all clear").await;
    hook.answer(200);
    hook.told("all-clear", "account:cafe:failed").await;
    daemon
        .until("an empty queue", async || {
            let list = home.json(&["queue", "list"]).await;
            let left = list["jobs"].as_array()?;
            let told = left.iter().any(|job| job["lane"] == "alarm:ops");
            (!told).then_some(())
        })
        .await;
    let events: Vec<String> = hook
        .taken()
        .iter()
        .filter(|one| one.cause() == "account:cafe:failed")
        .map(|one| one.event().to_owned())
        .collect();
    // Where the alarm's own next try came first, both were told, in their order.
    assert!(
        events == ["all-clear"] || events == ["alarm", "all-clear"],
        "{events:?}"
    );
    assert!(daemon.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_configuration_and_a_full_disk_are_alarms() {
    let (standin, hook, home) = stage("").await;
    let text = std::fs::read_to_string(home.config()).unwrap();
    let daemon = home.start().await;
    let wrong = text.replace("time_zone", "time_zon");
    home.configure(&wrong);
    let refused = home.jarchi(&["reload"]).await;
    assert!(!refused.status.success());
    let sent = hook.told("alarm", "daemon:config").await;
    assert!(sent.body["what"].as_str().unwrap().contains("time_zon"));
    let full = text.replace("[daemon]\n", "[daemon]\nleast_free = \"1000000GiB\"\n");
    home.configure(&full);
    home.ok(&["reload"]).await;
    hook.told("all-clear", "daemon:config").await;
    let sent = hook.told("alarm", "daemon:disk").await;
    assert!(sent.body["what"].as_str().unwrap().contains("MiB left"));
    home.configure(&text);
    home.ok(&["reload"]).await;
    hook.told("all-clear", "daemon:disk").await;
    assert!(standin.book().is_empty());
    assert!(daemon.terminate().await.success());
}

//! An orderly stop in the middle of publishing.

use jarchi_tests::daemon::config;

use super::{delivery, numbers, stage, state};

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_waits_for_what_is_under_way() {
    let (standin, home) = stage().await;
    let mut daemon = home.start().await;
    standin.hold("POST", "/api/v1/statuses");
    let posted = home.json(&["post", "Birinci", "--account", "cafe"]).await;
    let second = home.json(&["post", "İkinci", "--account", "cafe"]).await;
    standin.arrival("POST", "/api/v1/statuses").await;
    daemon.stop();
    daemon.logged(|line| line["message"] == "stopping").await;
    standin.release();
    let status = daemon.ended().await;
    assert!(status.success(), "{status}");

    // The one that was under way has ended; the next was not begun.
    let (_, number) = numbers(&posted);
    assert_eq!(state(&delivery(&home, &number).await), "published");
    let (_, number) = numbers(&second);
    assert_eq!(state(&delivery(&home, &number).await), "waiting");
    assert_eq!(standin.book().len(), 1);
    let daemon = home.start().await;
    standin.until("the second", |book| book.len() == 2).await;
    assert!(daemon.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_end_in_time_is_resumed() {
    let (standin, home) = stage().await;
    let text = config(&standin, &["cafe"]).replace("grace = \"20s\"", "grace = \"300ms\"");
    home.configure(&text);
    let mut daemon = home.start().await;
    standin.hold("POST", "/api/v1/statuses");
    let posted = home.json(&["post", "Salam", "--account", "cafe"]).await;
    standin.arrival("POST", "/api/v1/statuses").await;
    daemon.stop();
    let status = daemon.ended().await;
    assert!(status.success(), "{status}\n{}", daemon.log());
    let (_, number) = numbers(&posted);
    assert_eq!(state(&delivery(&home, &number).await), "attempting");

    standin.release();
    let daemon = home.start().await;
    let published = daemon
        .until("the post", async || {
            let delivery = delivery(&home, &number).await;
            (state(&delivery) == "published").then_some(delivery)
        })
        .await;
    assert!(published["history"].to_string().contains("interrupted"));
    assert_eq!(standin.book().len(), 1);
    assert!(daemon.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thread_stops_between_two_parts_and_goes_on() {
    let (standin, home) = stage().await;
    let mut daemon = home.start().await;
    standin.hold("POST", "/api/v1/statuses");
    let posted = home
        .json(&[
            "post",
            "Bir",
            "--thread",
            "İki",
            "--thread",
            "Üç",
            "--account",
            "cafe",
        ])
        .await;
    standin.arrival("POST", "/api/v1/statuses").await;
    daemon.stop();
    daemon.logged(|line| line["message"] == "stopping").await;
    standin.release();
    assert!(daemon.ended().await.success());
    let (_, number) = numbers(&posted);
    assert_eq!(state(&delivery(&home, &number).await), "processing");
    assert_eq!(standin.book().len(), 1);

    let daemon = home.start().await;
    let book = standin.until("the rest", |book| book.len() == 3).await;
    let texts: Vec<&str> = book.iter().map(|entry| entry.text.as_str()).collect();
    assert_eq!(texts, ["Bir", "İki", "Üç"]);
    assert_eq!(book[1].in_reply_to_id.as_deref(), Some(&*book[0].id));
    assert_eq!(book[2].in_reply_to_id.as_deref(), Some(&*book[1].id));
    assert!(daemon.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_while_it_starts() {
    // Nothing is compiled yet: the start takes its time.
    let (_standin, home) = stage().await;
    std::fs::remove_dir_all(home.data().join("compiled")).unwrap();
    let mut daemon = home.spawn();
    daemon.logged(|line| line["message"] == "starting").await;
    daemon.stop();
    let status = daemon.ended().await;
    assert!(status.success(), "{status}");
    assert!(!daemon.log().contains("\"ready\""), "{}", daemon.log());
    home.ok(&["store", "check"]).await;
}

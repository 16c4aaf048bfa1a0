//! `/healthz`, `/readyz`, `/metrics`.

use serde_json::Value;

use super::stage;

#[tokio::test(flavor = "multi_thread")]
async fn health_readiness_and_metrics() {
    let (standin, home) = stage().await;
    let daemon = home.start().await;
    assert_eq!(daemon.get("/healthz").await, (200, "ok\n".to_owned()));
    let (status, ready) = daemon.get("/readyz").await;
    assert_eq!(status, 200);
    let ready: Value = serde_json::from_str(&ready).unwrap();
    assert_eq!(ready["ready"], true);
    assert_eq!(ready["dead_letters"], 0);
    assert_eq!(daemon.get("/nowhere").await.0, 404);

    home.ok(&["post", "Salam", "--account", "cafe"]).await;
    standin.until("the post", |book| book.len() == 1).await;
    let metrics = daemon
        .until("metrics", async || {
            let (status, text) = daemon.get("/metrics").await;
            assert_eq!(status, 200);
            let published = text.lines().any(|line| {
                line.starts_with("jarchi_delivery_transitions_total{")
                    && line.contains("to=\"published\"")
                    && line.ends_with(" 1")
            });
            published.then_some(text)
        })
        .await;
    for wanted in [
        "jarchi_plugin_calls_total{plugin=\"mastodon\",call=\"publisher.publish\",outcome=\"ok\"} 1",
        "jarchi_queue_lateness_seconds_bucket{",
        "jarchi_plugin_call_seconds_bucket{",
        "jarchi_store_bytes ",
        "jarchi_queue_dead_letters 0",
    ] {
        assert!(metrics.contains(wanted), "{wanted} is missing:\n{metrics}");
    }
    assert!(daemon.terminate().await.success());
}

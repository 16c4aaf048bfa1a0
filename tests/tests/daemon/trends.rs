//! What is talked about becomes a post, once.

use std::net::SocketAddr;

use axum::routing::get;
use axum::{Json, Router};
use jarchi_tests::daemon::{Home, config};
use jarchi_tests::standin::{Standin, token_of};
use serde_json::{Value, json};

/// Mastodon's and Bluesky's trends, which agree on tea.
pub async fn serve() -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let tags = || async {
        let tag = |name: &str| json!({ "id": "1", "name": name, "url": "https://s.example/t", "history": [] });
        Json(json!([
            tag("TeaFestival"),
            tag("election"),
            tag("football")
        ]))
    };
    let none = || async { Json(json!([])) };
    let trends = || async {
        Json::<Value>(json!({ "trends": [{
            "topic": "tea", "displayName": "Tea festival @spam https://spam.example",
            "link": "/profile/trending.bsky.app/feed/1",
            "startedAt": "2026-11-24T08:00:00.000Z", "postCount": 900,
        }] }))
    };
    let router = Router::new()
        .route("/api/v1/trends/tags", get(tags))
        .route("/api/v1/trends/links", get(none))
        .route("/api/v1/trends/statuses", get(none))
        .route("/xrpc/app.bsky.unspecced.getTrends", get(trends));
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_fits_is_posted_once() {
    let address = serve().await;
    let standin = Standin::start(&["cafe"]);
    let text = config(&standin, &[])
        + &format!(
            r#"
[[account]]
name = "cafe"
plugin = "mastodon"
settings = {{ server = "{server}" }}
secrets = {{ token = "{token}" }}
slots = ["* * * * * *"]
rails = {{ per_hour = 1000, per_day = 1000, least_gap = "0s" }}

[[plugin]]
name = "trends"

[[plugin.grant]]
host = "{address}"
plain_http = true
private = true
reason = "the test's own trends"

[[generator]]
name = "topical"
plugin = "trends"
accounts = ["cafe"]

[generator.settings]
mode = "post"
mastodon = "http://{address}"
bluesky = "http://{address}"
pillars = {{ tea = ["tea"], news = ["election"] }}
taboos = ["election"]
threshold = 40
most = 5
max_age = "9999d"
template = "Hamı {{{{ topic }}}} haqqında danışır {{{{ hashtag }}}}"
"#,
            server = standin.url(),
            token = token_of("cafe"),
        );
    let home = Home::new(&text).await;
    let daemon = home.start().await;
    standin.until("the topic", |book| !book.is_empty()).await;
    home.ok(&["generate", "topical"]).await;
    daemon.kill().await;
    let daemon = home.start().await;
    home.ok(&["generate", "topical"]).await;
    assert!(daemon.terminate().await.success());
    let texts: Vec<String> = standin.book().into_iter().map(|entry| entry.text).collect();
    assert_eq!(texts, ["Hamı Tea festival haqqında danışır #TeaFestival"]);
}

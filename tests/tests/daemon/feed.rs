//! A feed's new items become posts, each once.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use jarchi_tests::daemon::{Home, config};
use jarchi_tests::standin::{Standin, token_of};

/// A feed as a web server has it: whole, or nothing where it is the same as before.
#[derive(Default)]
struct Feed {
    items: Vec<&'static str>,
    answers: Vec<u16>,
}

type Shared = Arc<Mutex<Feed>>;

async fn feed(State(feed): State<Shared>, headers: HeaderMap) -> Response {
    let mut feed = feed.lock().unwrap();
    let tag = format!("\"{}\"", feed.items.len());
    if headers
        .get(header::IF_NONE_MATCH)
        .is_some_and(|known| *known == *tag)
    {
        feed.answers.push(304);
        return StatusCode::NOT_MODIFIED.into_response();
    }
    feed.answers.push(200);
    let items: String = feed
        .items
        .iter()
        .rev()
        .map(|title| {
            format!(
                "<item><title>{title}</title><guid>{title}</guid>\
                 <link>https://blog.example/{}</link></item>",
                title.len()
            )
        })
        .collect();
    let body = format!(
        "<?xml version=\"1.0\"?><rss version=\"2.0\"><channel><title>Blog</title>\
         <link>https://blog.example/</link><description>d</description>{items}</channel></rss>"
    );
    let kind = (header::CONTENT_TYPE, "application/rss+xml".to_owned());
    ([kind, (header::ETAG, tag)], body).into_response()
}

async fn serve(feed_of: Shared) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new()
        .route("/feed.xml", get(feed))
        .with_state(feed_of);
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

fn with_feed(standin: &Standin, address: SocketAddr) -> String {
    config(standin, &[])
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
name = "rss"

[[plugin.grant]]
host = "{address}"
plain_http = true
private = true
reason = "the test's own feed"

[[generator]]
name = "blog"
plugin = "rss"
accounts = ["cafe"]
settings = {{ feeds = ["http://{address}/feed.xml"], first_run = "latest 1", template = "Yeni: {{{{ title }}}}" }}
"#,
            server = standin.url(),
            token = token_of("cafe"),
        )
}

#[tokio::test(flavor = "multi_thread")]
async fn new_items_of_a_feed_are_posted_once() {
    let shared = Shared::default();
    shared.lock().unwrap().items = vec!["Old", "Older news", "Latest"];
    let address = serve(shared.clone()).await;
    let standin = Standin::start(&["cafe"]);
    let home = Home::new(&with_feed(&standin, address)).await;
    let mut daemon = home.start().await;

    // Asked at the start, it gives the latest and no flood.
    standin
        .until("the latest item", |book| !book.is_empty())
        .await;
    let texts = || {
        let book = standin.book();
        book.into_iter().map(|entry| entry.text).collect::<Vec<_>>()
    };
    let first = "Yeni: Latest\n\nhttps://blog.example/6";
    assert_eq!(texts(), [first]);

    // Nothing new: a short answer, and no post.
    home.ok(&["generate", "blog"]).await;
    let asked = |count: usize| {
        let shared = shared.clone();
        move |_: &serde_json::Value| shared.lock().unwrap().answers.len() >= count
    };
    daemon.logged(asked(2)).await;

    // And over a kill, too.
    daemon.kill().await;
    shared.lock().unwrap().items.push("Breaking news");
    let daemon = home.start().await;
    standin.until("the new item", |book| book.len() > 1).await;
    let second = "Yeni: Breaking news\n\nhttps://blog.example/13";
    assert_eq!(texts(), [first, second]);
    assert_eq!(shared.lock().unwrap().answers, [200, 304, 200]);
    assert!(daemon.terminate().await.success());
    assert_eq!(texts().len(), 2);
}

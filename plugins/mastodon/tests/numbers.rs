//! What the numbers are, and what is left out.

#![allow(clippy::expect_used, reason = "a test may panic")]

mod common;

use common::{Host, account, authorised, line, status, with};
use jarchi_plugin_mastodon::Mastodon;
use jarchi_plugin_sdk::testing::Answer;
use jarchi_plugin_sdk::{Analytics, Error, Measure, Metric, PostMetrics, Receipt};
use serde_json::{Value, json};

fn counted(id: &str, likes: i64) -> Value {
    with(
        status(id),
        json!({"favourites_count": likes, "reblogs_count": 2, "replies_count": 3, "quotes_count": 4}),
    )
}

fn metrics(likes: i64, comments: i64) -> Vec<Metric> {
    vec![
        Metric::new(Measure::Likes, likes),
        Metric::new(Measure::Shares, 2),
        Metric::new(Measure::Comments, comments),
        Metric::new(Measure::Quotes, 4),
    ]
}

fn receipts(ids: &[&str]) -> Vec<Receipt> {
    ids.iter().map(|id| Receipt::new(*id)).collect()
}

#[test]
fn one_post() {
    let host = Host::new();
    host.expect(
        line("GET", "/api/v1/statuses/5"),
        Answer::json(200, &counted("5", 1)),
    );
    let posts = receipts(&["5"]);
    assert_eq!(
        Mastodon::posts(&account(), &posts),
        Ok(vec![PostMetrics::of(&posts[0], metrics(1, 3))])
    );
    authorised(&host);
}

#[test]
fn our_own_second_part_is_no_comment() {
    let host = Host::new();
    host.expect(
        line("GET", "/api/v1/statuses/5"),
        Answer::json(200, &counted("5", 1)),
    );
    let post = Receipt {
        parts: vec!["6".into(), "7".into()],
        ..Receipt::new("5")
    };
    let numbers = Mastodon::posts(&account(), &[post]).expect("told");
    assert_eq!(numbers[0].metrics, metrics(1, 2));
}

#[test]
fn what_a_server_does_not_count_is_missing() {
    let host = Host::new();
    let bare = json!({"id": "5", "favourites_count": 0});
    host.expect(line("GET", "/api/v1/statuses/5"), Answer::json(200, &bare));
    let numbers = Mastodon::posts(&account(), &receipts(&["5"])).expect("told");
    assert_eq!(numbers[0].metrics, [Metric::new(Measure::Likes, 0)]);
}

#[test]
fn several_posts_are_asked_for_together() {
    let host = Host::new();
    let posts = receipts(&["1", "2", "3"]);
    host.expect(
        line("GET", "/api/v1/statuses?id%5B%5D=1&id%5B%5D=2&id%5B%5D=3"),
        Answer::json(200, &[counted("3", 30), counted("1", 10)]),
    );
    // The one that is not in the answer may be gone, or only not told.
    host.expect(line("GET", "/api/v1/statuses/2"), Answer::empty(404));
    let numbers = Mastodon::posts(&account(), &posts);
    assert_eq!(
        numbers,
        Ok(vec![
            PostMetrics::of(&posts[0], metrics(10, 3)),
            PostMetrics::gone(&posts[1]),
            PostMetrics::of(&posts[2], metrics(30, 3)),
        ])
    );
    authorised(&host);
}

#[test]
fn a_server_that_tells_only_one_by_one() {
    let host = Host::new();
    host.serve(|request| match request.url.rsplit_once('/') {
        Some((_, id)) if !id.starts_with("statuses") => Answer::json(200, &counted(id, 7)),
        _ => Answer::empty(404),
    });
    let ids: Vec<String> = (0..25).map(|id| id.to_string()).collect();
    let posts: Vec<_> = ids.iter().map(|id| Receipt::new(id.as_str())).collect();
    let numbers = Mastodon::posts(&account(), &posts).expect("told");
    assert_eq!(numbers.len(), 25);
    assert_eq!(host.requests().len(), 2 + 25);
}

#[test]
fn what_is_known_is_told_when_the_server_stops() {
    let host = Host::new();
    let posts = receipts(&["1", "2", "3"]);
    host.serve(|request| match request.url.as_str() {
        url if url.ends_with("/1") => Answer::json(200, &counted("1", 1)),
        _ => Answer::empty(429),
    });
    let numbers = Mastodon::posts(&account(), &posts).expect("one was told");
    assert_eq!(numbers, [PostMetrics::of(&posts[0], metrics(1, 3))]);
    assert!(host.logs()[0].1.starts_with("not all numbers were told"));
    let none = Mastodon::posts(&account(), &posts[1..]);
    assert_eq!(none, Err(Error::RateLimited(None)));
    let unanswered = Mastodon::posts(&account(), &[]);
    assert_eq!(unanswered, Ok(vec![]));
}

#[test]
fn the_account() {
    let host = Host::new();
    host.expect(
        line("GET", "/api/v1/accounts/verify_credentials"),
        Answer::json(
            200,
            &json!({"id": "9", "followers_count": 10, "following_count": 20, "statuses_count": 30}),
        ),
    );
    assert_eq!(
        Mastodon::account(&account()),
        Ok(vec![
            Metric::new(Measure::Followers, 10),
            Metric::new(Measure::Following, 20),
            Metric::new(Measure::Posts, 30),
        ])
    );
    authorised(&host);
    host.expect(
        line("GET", "/api/v1/accounts/verify_credentials"),
        Answer::empty(401),
    );
    assert!(matches!(
        Mastodon::account(&account()),
        Err(Error::Unauthorized(_))
    ));
}

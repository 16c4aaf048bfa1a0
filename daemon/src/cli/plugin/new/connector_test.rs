//! The connector as the daemon calls it, against scripted answers.

use {{ library }}::Plugin;
use jarchi_plugin_sdk::testing::{self, Answer, Host};
use jarchi_plugin_sdk::{Account, Analytics, Error, Outcome, Post, Publisher, Receipt};
use serde_json::json;

const NOTES: &str = "https://notes.example/api/notes";

fn account() -> Account {
    testing::account(&json!({ "server": "https://notes.example" }))
}

#[test]
fn a_post_is_published_once() {
    let host = Host::new();
    let delivery = testing::delivery(&account(), Post::text("Salam"));
    let note = json!({ "id": "1", "url": "https://notes.example/1" });
    host.expect(format!("POST {NOTES}"), Answer::json(201, &note));

    let Ok(Outcome::Published(receipt)) = Plugin::publish(&delivery) else {
        panic!("it is published");
    };
    assert_eq!(receipt.id, "1");
    assert_eq!(receipt.url.as_deref(), Some("https://notes.example/1"));
    let request = &host.requests()[0];
    assert_eq!(request.json(), json!({ "text": "Salam" }));
    assert_eq!(request.header("authorization"), Some("Bearer ${secret:token}"));
    assert_eq!(request.header("idempotency-key"), Some(delivery.key.as_str()));
}

#[test]
fn an_answer_that_does_not_come_leaves_the_outcome_open() {
    let host = Host::new();
    host.expect(format!("POST {NOTES}"), Answer::empty(503));
    let outcome = Plugin::publish(&testing::delivery(&account(), Post::text("Salam")));
    assert!(matches!(outcome, Err(Error::UnknownOutcome(_))));
}

#[test]
fn what_is_too_long_is_told_before() {
    let told = |text: String| Plugin::validate(&account(), &Post::text(text)).expect("an answer");
    assert!(told("a".repeat(280)).is_empty());
    assert_eq!(told("a".repeat(281))[0].message, "281 characters of 280");
}

#[test]
fn likes_are_read() {
    let host = Host::new();
    let note = json!({ "id": "1", "url": "https://notes.example/1", "likes": 7 });
    host.expect(format!("GET {NOTES}/1"), Answer::json(200, &note));
    let numbers = Plugin::posts(&account(), &[Receipt::new("1")]).expect("numbers");
    assert_eq!(numbers[0].metrics[0].value, 7);
}

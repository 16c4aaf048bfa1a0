//! What the tests share.
#![allow(dead_code, reason = "each test file takes what it needs")]
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may panic")]

use jarchi_platforms::x::X as Platform;
use jarchi_platforms::{Answer, Stage};
use jarchi_plugin_sdk::{Account, Delivery, MediaItem, Poll, Post, testing};
use jarchi_plugin_x::X;
use serde_json::{Value, json};

pub use jarchi_plugin_sdk::testing::START;

/// X, with an account that is connected.
pub fn stage() -> Stage<Platform> {
    let stage = Stage::new(Platform::new());
    stage.secret("access_token", "access-0");
    stage
}

pub fn account() -> Account {
    account_with(&json!({}))
}

pub fn account_with(settings: &Value) -> Account {
    testing::account(settings)
}

pub fn delivery(post: Post) -> Delivery {
    testing::delivery(&account(), post)
}

/// Publishes to the end, and gives the texts of the account's posts.
pub fn published(stage: &Stage<Platform>, post: Post) -> Vec<String> {
    let receipt = stage.publish::<X>(&delivery(post)).expect("X takes it");
    let platform = stage.platform.borrow();
    let own = platform.own();
    let mut ids = vec![receipt.id];
    ids.extend(receipt.parts);
    let theirs: Vec<&String> = own.iter().map(|post| &post.id).collect();
    assert_eq!(theirs, ids.iter().collect::<Vec<_>>());
    own.iter().map(|post| post.text.clone()).collect()
}

/// A picture that says what it shows.
pub fn picture(stage: &Stage<Platform>, name: &str) -> MediaItem {
    MediaItem {
        alt: Some(format!(" {name} with tea ")),
        ..stage.file(name, "image/png", name.as_bytes())
    }
}

/// A video of so many bytes.
pub fn video(stage: &Stage<Platform>, size: usize) -> MediaItem {
    let bytes: Vec<u8> = (0..size).map(|at| (at / 1000) as u8).collect();
    MediaItem {
        length: Some(20_000),
        ..stage.file("pour.mp4", "video/mp4", bytes)
    }
}

pub fn with_media(text: &str, media: Vec<MediaItem>) -> Post {
    Post {
        media,
        ..Post::text(text)
    }
}

pub fn with_options(text: &str, options: Value) -> Post {
    Post {
        options: options.to_string(),
        ..Post::text(text)
    }
}

pub fn poll(options: &[&str], minutes: u64) -> Poll {
    Poll {
        options: options.iter().map(|option| (*option).to_owned()).collect(),
        open_for: minutes * 60_000,
        multiple: false,
        hide_totals: false,
    }
}

/// A refusal in X's words.
pub fn problem(status: u16, kind: &str, detail: &str) -> Answer {
    let body = json!({ "type": kind, "title": "Refused", "status": status, "detail": detail });
    Answer::new(status, "application/problem+json", body.to_string())
}

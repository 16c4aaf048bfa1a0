//! What the tests share.
#![allow(dead_code, reason = "each test file takes what it needs")]

use std::cell::RefCell;
use std::rc::Rc;

use jarchi_platforms::facebook::{Facebook as Server, PAGE, TOKEN, no};
use jarchi_platforms::{Answer, Stage, Trouble};
use jarchi_plugin_sdk::testing;
use jarchi_plugin_sdk::{Account, Delivery, MediaItem, Post};
use serde_json::{Value, json};

pub fn stage() -> Stage<Server> {
    let stage = Stage::new(Server::default());
    stage.secret("access_token", TOKEN);
    stage.capture("page_token", &format!("/v25.0/{PAGE}"), "/access_token");
    stage
}

pub fn account() -> Account {
    testing::account(&json!({ "page": PAGE }))
}

/// With other settings.
pub fn account_with(settings: Value) -> Account {
    let mut all = json!({ "page": PAGE });
    for (name, value) in settings.as_object().into_iter().flatten() {
        all[name.as_str()] = value.clone();
    }
    testing::account(&all)
}

pub fn delivery(post: Post) -> Delivery {
    testing::delivery(&account(), post)
}

pub fn photo(stage: &Stage<Server>, name: &str) -> MediaItem {
    MediaItem {
        alt: Some(" A glass of tea ".into()),
        ..stage.file(name, "image/jpeg", name.as_bytes())
    }
}

pub fn video(stage: &Stage<Server>, size: usize) -> MediaItem {
    MediaItem {
        length: Some(20_000),
        width: Some(1080),
        height: Some(1920),
        ..stage.file("pour.mp4", "video/mp4", vec![7; size])
    }
}

pub fn with(text: &str, media: Vec<MediaItem>) -> Post {
    Post {
        media,
        ..Post::text(text)
    }
}

pub fn with_options(post: Post, options: &Value) -> Post {
    Post {
        options: options.to_string(),
        ..post
    }
}

/// What a request may meet, by turns.
pub const TROUBLES: [fn() -> Trouble; 4] = [
    || Trouble::LoseAnswer,
    || Trouble::NotSent,
    || Trouble::After(Answer::empty(503)),
    || Trouble::Instead(no(500, 2, 0, "Service temporarily unavailable")),
];

/// Request `number` (from 0) meets this; its method and address are told.
pub fn trouble_at(
    stage: &Stage<Server>,
    number: usize,
    trouble: fn() -> Trouble,
) -> Rc<RefCell<String>> {
    let met = Rc::new(RefCell::new(String::new()));
    let (shared, mut seen) = (met.clone(), 0);
    stage.trouble(move |request| {
        seen += 1;
        (seen == number + 1).then(|| {
            *shared.borrow_mut() = format!("{} {}", request.method, request.url);
            trouble()
        })
    });
    met
}

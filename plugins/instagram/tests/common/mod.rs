//! What the tests share.
#![allow(dead_code, reason = "each test file takes what it needs")]

use jarchi_platforms::Stage;
use jarchi_platforms::instagram::{Instagram as Server, PAGE, TOKEN, USER};
use jarchi_plugin_instagram::Instagram;
use jarchi_plugin_sdk::{Account, Delivery, Error, MediaItem, Post, Receipt, testing};
use serde_json::{Value, json};

pub fn stage(server: Server) -> Stage<Server> {
    let stage = Stage::new(server);
    stage.secret("access_token", TOKEN);
    stage.capture("page_token", "/v25.0/*", "/access_token");
    stage
}

pub fn account(settings: Value) -> Account {
    testing::account(&settings)
}

pub fn facebook() -> Account {
    account(json!({ "login": "facebook", "user": USER, "page": PAGE }))
}

pub fn delivery(post: Post) -> Delivery {
    with(account(json!({})), post)
}

pub fn with(account: Account, post: Post) -> Delivery {
    testing::delivery(&account, post)
}

pub fn publish(stage: &Stage<Server>, delivery: &Delivery) -> Result<Receipt, Error> {
    stage.publish::<Instagram>(delivery)
}

pub fn image(stage: &Stage<Server>, name: &str) -> MediaItem {
    MediaItem {
        alt: Some(" A glass of tea ".into()),
        ..stage.file(name, "image/jpeg", vec![1; 10])
    }
}

pub fn video(stage: &Stage<Server>, name: &str, size: usize) -> MediaItem {
    MediaItem {
        length: Some(10_000),
        ..stage.file(name, "video/mp4", vec![7; size])
    }
}

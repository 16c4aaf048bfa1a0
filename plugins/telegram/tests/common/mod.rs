//! What the tests share.
#![allow(dead_code, reason = "each test file takes what it needs")]
#![allow(clippy::expect_used, reason = "a test may panic")]

use jarchi_platforms::Stage;
use jarchi_platforms::telegram::{TOKEN, Telegram as Server};
use jarchi_plugin_sdk::{Account, Delivery, Error, Poll, Post, Receipt, testing};
use jarchi_plugin_telegram::Telegram;
use serde_json::{Value, json};

pub fn stage() -> Stage<Server> {
    let stage = Stage::new(Server::default());
    stage.secret("token", TOKEN);
    stage
}

/// An account in this chat, with more settings.
pub fn account_of(chat: &str, more: Value) -> Account {
    let mut settings = json!({ "chat": chat });
    if let (Some(fields), Value::Object(more)) = (settings.as_object_mut(), more) {
        fields.extend(more);
    }
    testing::account(&settings)
}

pub fn account() -> Account {
    account_of("@teahouse", json!({}))
}

pub fn delivery(post: Post) -> Delivery {
    testing::delivery(&account(), post)
}

pub fn options(mut post: Post, options: Value) -> Post {
    post.options = options.to_string();
    post
}

pub fn poll(options: &[&str]) -> Poll {
    Poll {
        options: options.iter().map(|option| (*option).to_owned()).collect(),
        open_for: 86_400_000,
        multiple: false,
        hide_totals: false,
    }
}

pub fn publish(stage: &Stage<Server>, delivery: &Delivery) -> Result<Receipt, Error> {
    stage.publish::<Telegram>(delivery)
}

/// The methods that were called.
pub fn methods(stage: &Stage<Server>) -> Vec<String> {
    let called = stage.called();
    let method = |line: &String| line.rsplit('/').next().map(str::to_owned);
    called.iter().filter_map(method).collect()
}

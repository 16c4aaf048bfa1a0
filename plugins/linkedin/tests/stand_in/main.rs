//! The connector against a LinkedIn that stands in for the real one.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may panic")]

mod ads;
mod connection;
mod find;
mod inbox;
mod numbers;
mod publish;
mod validate;

use jarchi_platforms::Stage;
use jarchi_platforms::linkedin::{AD_ACCOUNT, LinkedIn as Platform, MEMBER, PAGE, TOKEN};
use jarchi_plugin_sdk::testing;
use jarchi_plugin_sdk::{Account, Delivery, Link, MediaItem, MediaKind, Poll, Post};
use serde_json::json;

pub const HOUR: u64 = 3_600_000;

pub fn stage() -> Stage<Platform> {
    let stage = Stage::new(Platform::new());
    stage.secret("access_token", TOKEN);
    stage
}

pub fn page() -> Account {
    testing::account(&json!({ "author": PAGE, "ad_account": AD_ACCOUNT, "not_political": true }))
}

pub fn member() -> Account {
    testing::account(&json!({ "author": MEMBER }))
}

pub fn delivery(post: Post) -> Delivery {
    testing::delivery(&page(), post)
}

pub fn commented(text: &str, comment: &str) -> Post {
    Post {
        first_comment: Some(comment.into()),
        ..Post::text(text)
    }
}

pub fn picture(stage: &Stage<Platform>, name: &str) -> MediaItem {
    MediaItem {
        alt: Some(format!("alt of {name}")),
        ..stage.file(name, "image/png", format!("bytes of {name}"))
    }
}

/// A film of two and a half parts of LinkedIn's.
pub fn film(stage: &Stage<Platform>) -> MediaItem {
    let bytes: Vec<u8> = (0..10_000_000_u32)
        .map(|number| (number % 251) as u8)
        .collect();
    stage.file("film.mp4", "video/mp4", bytes)
}

pub fn paper(stage: &Stage<Platform>) -> MediaItem {
    MediaItem {
        kind: MediaKind::Document,
        width: None,
        height: None,
        ..stage.file("menu 2026.pdf", "application/pdf", "%PDF-1.7")
    }
}

pub fn link(title: Option<&str>) -> Link {
    Link {
        url: "https://armudu.az/menu".into(),
        title: title.map(str::to_owned),
        description: None,
        thumbnail: None,
    }
}

pub fn poll(options: &[&str]) -> Poll {
    Poll {
        options: options.iter().map(|text| (*text).to_owned()).collect(),
        open_for: 3 * 24 * HOUR,
        multiple: false,
        hide_totals: false,
    }
}

//! What Instagram would refuse, at each edge and past it.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{account, facebook};
use jarchi_plugin_instagram::Instagram;
use jarchi_plugin_sdk::testing::{Host, media};
use jarchi_plugin_sdk::{
    Account, MediaItem, Poll, Post, Publisher, Severity, ThreadPart, Visibility,
};
use serde_json::{Value, json};

fn jpeg() -> MediaItem {
    MediaItem {
        alt: Some("tea".into()),
        ..media("a.jpg", "image/jpeg", 1000)
    }
}

fn mp4() -> MediaItem {
    MediaItem {
        length: Some(10_000),
        ..media("a.mp4", "video/mp4", 1000)
    }
}

fn errors(account: &Account, post: &Post) -> Vec<String> {
    let _host = Host::new();
    let problems = Instagram::validate(account, post).unwrap();
    let errors = problems
        .into_iter()
        .filter(|problem| problem.severity == Severity::Error);
    errors.map(|problem| problem.place).collect()
}

fn post(text: &str, media: Vec<MediaItem>) -> Post {
    Post {
        media,
        ..Post::text(text)
    }
}

fn with(post: Post, options: Value) -> Post {
    Post {
        options: options.to_string(),
        ..post
    }
}

#[test]
fn posts_of_every_kind() {
    let sized = |width, height| MediaItem {
        width: Some(width),
        height: Some(height),
        ..jpeg()
    };
    let long = |length| MediaItem {
        length: Some(length),
        ..mp4()
    };
    let rows: Vec<(Post, &[&str])> = vec![
        (post("a", vec![jpeg()]), &[]),
        (post("", vec![jpeg()]), &[]),
        (post("a", vec![]), &["media"]),
        (post(&"ç".repeat(2200), vec![jpeg()]), &[]),
        (post(&"ç".repeat(2201), vec![jpeg()]), &["text"]),
        (post(&"#a ".repeat(30), vec![jpeg()]), &[]),
        (post(&"#a ".repeat(31), vec![jpeg()]), &["text"]),
        (post(&"@ab ".repeat(20), vec![jpeg()]), &[]),
        (post(&"@ab ".repeat(21), vec![jpeg()]), &["text"]),
        (post("a", vec![jpeg(); 10]), &[]),
        (post("a", vec![jpeg(); 11]), &["media"]),
        (
            post("a", vec![media("a.png", "image/png", 10)]),
            &["media[0]"],
        ),
        (
            post("a", vec![media("a.gif", "image/gif", 10)]),
            &["media[0]"],
        ),
        (
            post(
                "a",
                vec![MediaItem {
                    size: 8 << 20,
                    ..jpeg()
                }],
            ),
            &[],
        ),
        (
            post(
                "a",
                vec![MediaItem {
                    size: (8 << 20) + 1,
                    ..jpeg()
                }],
            ),
            &["media[0]"],
        ),
        (post("a", vec![sized(800, 1000)]), &[]),
        (post("a", vec![sized(799, 1000)]), &["media[0]"]),
        (post("a", vec![sized(1910, 1000)]), &[]),
        (post("a", vec![sized(1912, 1000)]), &["media[0]"]),
        (post("a", vec![sized(319, 319)]), &["media[0]"]),
        (
            with(
                post("", vec![sized(1080, 1920)]),
                json!({ "kind": "story" }),
            ),
            &[],
        ),
        (
            with(post("", vec![jpeg(); 2]), json!({ "kind": "story" })),
            &["media"],
        ),
        (post("a", vec![long(3000)]), &[]),
        (post("a", vec![long(2999)]), &["media[0]"]),
        (post("a", vec![long(900_000)]), &[]),
        (post("a", vec![long(900_001)]), &["media[0]"]),
        (
            with(post("", vec![long(60_000)]), json!({ "kind": "story" })),
            &[],
        ),
        (
            with(post("", vec![long(60_001)]), json!({ "kind": "story" })),
            &["media[0]"],
        ),
        (
            post(
                "a",
                vec![MediaItem {
                    size: (300 << 20) + 1,
                    ..mp4()
                }],
            ),
            &["media[0]"],
        ),
        (
            post(
                "a",
                vec![MediaItem {
                    alt: Some("a".repeat(1001)),
                    ..jpeg()
                }],
            ),
            &["media[0].alt"],
        ),
        (
            Post {
                first_comment: Some(" ".into()),
                ..post("a", vec![jpeg()])
            },
            &["first-comment"],
        ),
        (
            Post {
                first_comment: Some("a".into()),
                ..with(post("", vec![jpeg()]), json!({ "kind": "story" }))
            },
            &["first-comment"],
        ),
        (
            Post {
                thread: vec![ThreadPart::text("b")],
                ..post("a", vec![jpeg()])
            },
            &["thread"],
        ),
        (
            Post {
                poll: Some(Poll {
                    options: vec![],
                    open_for: 1,
                    multiple: false,
                    hide_totals: false,
                }),
                ..post("a", vec![jpeg()])
            },
            &["poll"],
        ),
        (
            Post {
                visibility: Some(Visibility::Followers),
                ..post("a", vec![jpeg()])
            },
            &["visibility"],
        ),
    ];
    for (post, places) in rows {
        assert_eq!(errors(&account(json!({})), &post), places, "{post:?}");
    }
}

#[test]
fn options() {
    let own = account(json!({}));
    let rows: Vec<(Account, Value, MediaItem, &[&str])> = vec![
        (
            own.clone(),
            json!({ "colaborators": ["a"] }),
            jpeg(),
            &["options.colaborators"],
        ),
        (own.clone(), json!({ "kind": "tale" }), jpeg(), &["options"]),
        (own.clone(), json!({ "kind": "reel" }), jpeg(), &["media"]),
        (
            own.clone(),
            json!({ "kind": "feed" }),
            mp4(),
            &["options.kind"],
        ),
        (
            own.clone(),
            json!({ "share_to_feed": true }),
            jpeg(),
            &["options.share_to_feed"],
        ),
        (own.clone(), json!({ "thumb_offset": 10_000 }), mp4(), &[]),
        (
            own.clone(),
            json!({ "thumb_offset": 10_001 }),
            mp4(),
            &["options.thumb_offset"],
        ),
        (
            own.clone(),
            json!({ "cover": "https://a.az/a.jpg", "thumb_offset": 1 }),
            mp4(),
            &["options.thumb_offset"],
        ),
        (
            own.clone(),
            json!({ "cover": "a.jpg" }),
            mp4(),
            &["options.cover"],
        ),
        (
            own.clone(),
            json!({ "collaborators": ["a", "b", "c"] }),
            jpeg(),
            &[],
        ),
        (
            own.clone(),
            json!({ "collaborators": ["a", "b", "c", "d"] }),
            jpeg(),
            &["options.collaborators"],
        ),
        (
            own.clone(),
            json!({ "collaborators": ["a"], "kind": "story" }),
            jpeg(),
            &["options.collaborators"],
        ),
        (
            own.clone(),
            json!({ "location": "1" }),
            jpeg(),
            &["options.location"],
        ),
        (facebook(), json!({ "location": "1" }), jpeg(), &[]),
        (
            own.clone(),
            json!({ "user_tags": [{ "username": "a", "x": 0.0, "y": 1.0 }] }),
            jpeg(),
            &[],
        ),
        (
            own.clone(),
            json!({ "user_tags": [{ "username": "a" }] }),
            jpeg(),
            &["options.user_tags[0]"],
        ),
        (
            own.clone(),
            json!({ "user_tags": [{ "username": "a" }] }),
            mp4(),
            &[],
        ),
        (
            own.clone(),
            json!({ "user_tags": [{ "username": "a", "x": 1.1, "y": 1.0 }] }),
            jpeg(),
            &["options.user_tags[0]"],
        ),
        (
            own,
            json!({ "user_tags": [{ "username": "a", "media": 1 }] }),
            jpeg(),
            &["options.user_tags[0]"],
        ),
    ];
    for (account, options, file, places) in rows {
        let post = with(post("", vec![file]), options);
        assert_eq!(errors(&account, &post), places, "{post:?}");
    }
}

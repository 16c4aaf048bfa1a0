//! Publishing, step after step, against X as it is documented.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{
    START, account_with, delivery, picture, poll, published, stage, video, with_media, with_options,
};
use jarchi_plugin_sdk::{
    Error, Link, MediaItem, Outcome, Post, Publisher, Receipt, ThreadPart, testing,
};
use jarchi_plugin_x::X;
use jarchi_plugin_x::upload::SEGMENT;
use serde_json::{Value, json};

#[test]
fn a_text() {
    let stage = stage();
    let receipt = stage.publish::<X>(&delivery(Post::text("Salam, dünya! ")));
    let platform = stage.platform.borrow();
    let id = platform.own()[0].id.clone();
    assert_eq!(
        receipt,
        Ok(Receipt {
            url: Some(format!("https://x.com/i/status/{id}")),
            published_at: Some(START),
            ..Receipt::new(id)
        })
    );
    assert_eq!(platform.own()[0].body, json!({ "text": "Salam, dünya!" }));
    drop(platform);
    assert_eq!(stage.called(), ["POST /2/tweets"]);
}

/// What a post's fields become in the request.
#[test]
fn the_body() {
    let rows: Vec<(Post, Value)> = vec![
        (
            Post {
                poll: Some(poll(&["Çay", "Qəhvə"], 1440)),
                ..Post::text("Hansı?")
            },
            json!({"text": "Hansı?", "poll": {"options": ["Çay", "Qəhvə"],
                   "duration_minutes": 1440}}),
        ),
        (
            Post {
                link: Some(Link {
                    url: "https://a.az/x".into(),
                    title: None,
                    description: None,
                    thumbnail: None,
                }),
                hashtags: vec!["çay".into(), "Bakı çayı".into()],
                ..Post::text("a")
            },
            json!({"text": "a\n\nhttps://a.az/x\n\n#çay #BakıÇayı"}),
        ),
        (
            with_options(
                "a",
                json!({"reply_settings": "mentionedUsers", "paid_partnership": true}),
            ),
            json!({"text": "a", "reply_settings": "mentionedUsers", "paid_partnership": true}),
        ),
        (
            with_options("a", json!({"reply_settings": "everyone", "ads_only": true})),
            json!({"text": "a", "nullcast": true}),
        ),
        (
            with_options(
                "a",
                json!({"community": "77", "share_with_followers": true}),
            ),
            json!({"text": "a", "community_id": "77", "share_with_followers": true}),
        ),
        (
            with_options(
                "a",
                json!({"super_followers_only": true, "place": "01a9a39529b27f36"}),
            ),
            json!({"text": "a", "for_super_followers_only": true,
                   "geo": {"place_id": "01a9a39529b27f36"}}),
        ),
        (
            with_options(
                "a",
                json!({"message_link": "https://x.com/messages/compose?recipient_id=1001"}),
            ),
            json!({"text": "a", "direct_message_deep_link":
                   "https://x.com/messages/compose?recipient_id=1001"}),
        ),
        (
            with_options("a", json!({"quote": "1234567890"})),
            json!({"text": "a", "quote_tweet_id": "1234567890"}),
        ),
    ];
    for (post, body) in rows {
        let stage = stage();
        published(&stage, post);
        assert_eq!(stage.platform.borrow().own()[0].body, body);
    }
}

#[test]
fn a_reply_to_somebody_leaves_the_settings_to_their_post() {
    let stage = stage();
    let theirs = stage
        .platform
        .borrow_mut()
        .others_post("2001", "Salam @jarchi_tea", None, START);
    let account = account_with(&json!({"reply_settings": "following"}));
    let post = with_options("Salam!", json!({"reply_to": theirs}));
    stage
        .publish::<X>(&testing::delivery(&account, post))
        .expect("X takes it");
    stage
        .publish::<X>(&testing::delivery(&account, Post::text("Sabahınız xeyir")))
        .expect("X takes it");
    let platform = stage.platform.borrow();
    let bodies: Vec<&Value> = platform.own().iter().map(|post| &post.body).collect();
    assert_eq!(
        bodies,
        [
            &json!({"text": "Salam!", "reply": {"in_reply_to_tweet_id": theirs}}),
            &json!({"text": "Sabahınız xeyir", "reply_settings": "following"}),
        ]
    );
}

#[test]
fn pictures_with_what_they_show() {
    let stage = stage();
    let media: Vec<MediaItem> = ["a.png", "b.png", "c.png"]
        .map(|name| picture(&stage, name))
        .into_iter()
        .chain([stage.file("d.png", "image/png", *b"d.png")])
        .collect();
    let post = Post {
        sensitive: true,
        options: json!({"tagged_users": ["2001"], "made_with_ai": true}).to_string(),
        ..with_media("", media)
    };
    assert_eq!(published(&stage, post), [""]);
    let platform = stage.platform.borrow();
    let body = &platform.own()[0].body;
    assert_eq!(body["media"]["tagged_user_ids"], json!(["2001"]));
    assert_eq!(body["made_with_ai"], true);
    let ids = body["media"]["media_ids"].as_array().unwrap();
    let uploads = ids.iter().map(|id| &platform.uploads[id.as_str().unwrap()]);
    let seen: Vec<(&[u8], Option<&str>, bool)> = uploads
        .map(|upload| {
            (
                upload.bytes.as_slice(),
                upload.alt.as_deref(),
                upload.sensitive,
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            (&b"a.png"[..], Some("a.png with tea"), true),
            (b"b.png", Some("b.png with tea"), true),
            (b"c.png", Some("c.png with tea"), true),
            (b"d.png", None, true),
        ]
    );
    drop(platform);
    let called = stage.called();
    assert_eq!(called.len(), 9);
    assert_eq!(called[8], "POST /2/tweets");
}

#[test]
fn a_video_in_segments() {
    let stage = stage();
    let size = 2 * SEGMENT as usize + 5;
    let file = video(&stage, size);
    published(&stage, with_media("Tökülür", vec![file]));
    assert_eq!(
        stage
            .called()
            .iter()
            .map(|line| line
                .split('/')
                .skip(4)
                .filter(|word| word.parse::<u64>().is_err())
                .collect::<Vec<_>>()
                .join("/"))
            .collect::<Vec<_>>(),
        [
            "initialize",
            "append",
            "append",
            "append",
            "finalize",
            "",
            "",
            ""
        ]
    );
    let platform = stage.platform.borrow();
    let upload = platform.uploads.values().next().unwrap();
    assert_eq!(upload.category, "tweet_video");
    assert_eq!(upload.bytes.len(), size);
    assert!(
        upload
            .bytes
            .iter()
            .enumerate()
            .all(|(at, byte)| *byte == (at / 1000) as u8)
    );
    // Pending, in progress, done: as X said, three seconds between.
    assert_eq!(stage.now(), START + 6000);
}

#[test]
fn a_gif_that_is_ready_at_once() {
    let stage = stage();
    stage.platform.borrow_mut().processing.looks = 0;
    let gif = MediaItem {
        alt: Some("Steam".into()),
        ..stage.file("steam.gif", "image/gif", *b"GIF89a")
    };
    published(&stage, with_media("Buxar", vec![gif]));
    let platform = stage.platform.borrow();
    let upload = platform.uploads.values().next().unwrap();
    assert_eq!(upload.category, "tweet_gif");
    assert_eq!(upload.alt.as_deref(), Some("Steam"));
}

#[test]
fn a_video_that_x_can_not_process() {
    let stage = stage();
    stage.platform.borrow_mut().processing.fails = Some("Unsupported codec".into());
    let file = video(&stage, 10);
    let outcome = stage.publish::<X>(&delivery(with_media("a", vec![file])));
    let Err(Error::Invalid(reason)) = outcome else {
        panic!("{outcome:?}");
    };
    assert!(reason.contains("pour.mp4: Unsupported codec"), "{reason}");
    assert!(stage.platform.borrow().own().is_empty());
}

#[test]
fn a_thread_with_files_and_a_first_comment() {
    let stage = stage();
    let post = Post {
        thread: vec![
            ThreadPart {
                text: "iki".into(),
                media: vec![picture(&stage, "b.png")],
            },
            ThreadPart::text("üç"),
        ],
        first_comment: Some("Ünvan: https://a.az".into()),
        options: json!({"reply_settings": "verified"}).to_string(),
        ..with_media("bir", vec![picture(&stage, "a.png")])
    };
    assert_eq!(
        published(&stage, post),
        ["bir", "iki", "üç", "Ünvan: https://a.az"]
    );
    let platform = stage.platform.borrow();
    let own = platform.own();
    for (post, before) in own[1..].iter().zip(&own) {
        assert_eq!(post.reply_to.as_ref(), Some(&before.id));
        assert_eq!(post.body.get("reply_settings"), None);
    }
    assert_eq!(own[0].media.len(), 1);
    assert_eq!(own[1].media.len(), 1);
    drop(platform);
    // All files are there before the first post is.
    let called = stage.called();
    let first = called.iter().position(|line| line == "POST /2/tweets");
    assert_eq!(first, Some(4));
}

#[test]
fn a_long_post_for_an_account_with_premium() {
    let stage = stage();
    stage.platform.borrow_mut().premium = true;
    let text = "çay ".repeat(200).trim().to_owned();
    let account = account_with(&json!({"text": 25_000}));
    let long = testing::delivery(&account, Post::text(text.as_str()));
    assert!(X::validate(&account, &long.post).unwrap().is_empty());
    stage.publish::<X>(&long).expect("X takes it");
    let found = X::find_published(&long, None, START).unwrap();
    assert!(
        matches!(found, jarchi_plugin_sdk::Finding::Found(_)),
        "{found:?}"
    );
}

#[test]
fn files_that_end_before_the_post_are_sent_again() {
    let stage = stage();
    let delivery = delivery(with_media("a", vec![picture(&stage, "a.png")]));
    let Ok(Outcome::Processing(progress)) = X::publish(&delivery) else {
        panic!("a step");
    };
    // A day in which the daemon did not run.
    stage.host.advance(24 * 60 * 60 * 1000);
    let outcome = X::resume(&delivery, serde_json::from_str(&progress.state).unwrap());
    stage
        .go_on::<X>(&delivery, outcome.unwrap())
        .expect("X takes it");
    let platform = stage.platform.borrow();
    assert_eq!(platform.uploads.len(), 2);
    assert_eq!(platform.own().len(), 1);
}

#[test]
fn files_that_x_lost_are_sent_again() {
    // Lost between two segments, and lost when the post names them.
    for (method, ending) in [("POST", "/append"), ("POST", "/2/tweets")] {
        let stage = stage();
        let file = video(&stage, SEGMENT as usize + 1);
        let platform = stage.platform.clone();
        let mut once = true;
        stage.trouble(move |request| {
            if once && request.method == method && request.path().ends_with(ending) {
                once = false;
                platform.borrow_mut().uploads.clear();
            }
            None
        });
        published(&stage, with_media("a", vec![file]));
        assert_eq!(stage.platform.borrow().uploads.len(), 1);
    }
}

#[test]
fn files_that_x_loses_again_and_again() {
    let stage = stage();
    let file = picture(&stage, "a.png");
    let platform = stage.platform.clone();
    stage.trouble(move |request| {
        if request.path() == "/2/media/metadata" {
            platform.borrow_mut().uploads.clear();
        }
        None
    });
    let outcome = stage.publish::<X>(&delivery(with_media("a", vec![file])));
    assert!(matches!(outcome, Err(Error::Invalid(_))), "{outcome:?}");
}

#[test]
fn deleting_takes_all_parts_and_can_be_repeated() {
    let stage = stage();
    let post = Post {
        thread: vec![ThreadPart::text("iki")],
        ..Post::text("bir")
    };
    let delivery = delivery(post);
    let receipt = stage.publish::<X>(&delivery).expect("X takes it");
    stage.called();
    for _ in 0..2 {
        X::delete(&delivery.account, &receipt).expect("it is gone");
        assert_eq!(
            stage.called(),
            [
                format!("DELETE /2/tweets/{}", receipt.parts[0]),
                format!("DELETE /2/tweets/{}", receipt.id),
            ]
        );
    }
    assert!(stage.platform.borrow().own().is_empty());
}

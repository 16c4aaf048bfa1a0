//! Each limit at its edge and past it.

use jarchi_plugin_linkedin::LinkedIn;
use jarchi_plugin_sdk::testing::media;
use jarchi_plugin_sdk::{
    Account, Error, MediaItem, MediaKind, Post, Problem, Publisher, Severity, ThreadPart,
    Visibility, testing,
};
use serde_json::{Value, json};

use crate::*;

fn problems(account: &Account, post: &Post) -> Vec<Problem> {
    LinkedIn::validate(account, post).expect("told")
}

fn errors(account: &Account, post: &Post) -> Vec<String> {
    problems(account, post)
        .into_iter()
        .filter(|problem| problem.severity == Severity::Error)
        .map(|problem| problem.place)
        .collect()
}

fn with(file: MediaItem) -> Post {
    Post {
        media: vec![file],
        ..Post::text("a")
    }
}

fn video(size: u64, length: Option<u64>) -> Post {
    with(MediaItem {
        length,
        ..media("a.mp4", "video/mp4", size)
    })
}

fn alt(length: usize) -> Post {
    with(MediaItem {
        alt: Some("x".repeat(length)),
        ..media("a.png", "image/png", 10)
    })
}

fn wide(width: u32, height: u32) -> Post {
    with(MediaItem {
        width: Some(width),
        height: Some(height),
        ..media("a.png", "image/png", 10)
    })
}

fn document(mime: &str, size: u64) -> Post {
    with(MediaItem {
        kind: MediaKind::Document,
        ..media("a.pdf", mime, size)
    })
}

fn pictures(count: usize) -> Post {
    Post {
        media: vec![media("a.png", "image/png", 10); count],
        ..Post::text("a")
    }
}

fn asking(text: &str, change: impl FnOnce(&mut jarchi_plugin_sdk::Poll)) -> Post {
    let mut asked = poll(&["a", "b"]);
    change(&mut asked);
    Post {
        poll: Some(asked),
        ..Post::text(text)
    }
}

fn optional(options: &Value) -> Post {
    Post {
        options: options.to_string(),
        ..Post::text("a")
    }
}

#[test]
fn edges() {
    let x = |count: usize| "x".repeat(count);
    let day = 24 * HOUR;
    let rows: Vec<(Post, &[&str])> = vec![
        (Post::text(x(3000)), &[]),
        (Post::text(x(3001)), &["text"]),
        // What is escaped is not longer for it; an emoji is two.
        (Post::text("*".repeat(3000)), &[]),
        (Post::text("👍".repeat(1501)), &["text"]),
        (
            Post {
                hashtags: vec!["çay".into()],
                ..Post::text(x(2994))
            },
            &[],
        ),
        (
            Post {
                hashtags: vec!["çay".into()],
                ..Post::text(x(2995))
            },
            &["text"],
        ),
        (Post::text(" "), &["text"]),
        (commented("a", &x(1250)), &[]),
        (commented("a", &x(1251)), &["first-comment"]),
        (commented("a", " "), &["first-comment"]),
        (pictures(20), &[]),
        (pictures(21), &["media"]),
        (alt(4086), &[]),
        (alt(4087), &["media[0].alt"]),
        (wide(6012, 6013), &[]),
        (wide(6013, 6013), &["media[0]"]),
        (with(media("a.webp", "image/webp", 10)), &["media[0]"]),
        (with(media("a.gif", "image/gif", 10)), &[]),
        (with(media("a.mp3", "audio/mpeg", 10)), &["media[0]"]),
        (video(75_000, Some(3_000)), &[]),
        (video(500_000_000, Some(1_800_000)), &[]),
        (video(74_999, None), &["media[0]"]),
        (video(500_000_001, None), &["media[0]"]),
        (video(80_000, Some(2_999)), &["media[0]"]),
        (video(80_000, Some(1_800_001)), &["media[0]"]),
        (
            with(media("a.mov", "video/quicktime", 80_000)),
            &["media[0]"],
        ),
        (document("application/pdf", 100_000_000), &[]),
        (document("application/pdf", 100_000_001), &["media[0]"]),
        (document("text/plain", 10), &["media[0]"]),
        (
            Post {
                media: vec![
                    media("a.png", "image/png", 10),
                    media("b.mp4", "video/mp4", 80_000),
                ],
                ..Post::text("a")
            },
            &["media"],
        ),
        (asking(&x(140), |_| {}), &[]),
        (asking(&x(141), |_| {}), &["text"]),
        (asking("", |_| {}), &["text"]),
        (
            asking("a", |poll| poll.options.truncate(1)),
            &["poll.options"],
        ),
        (
            asking("a", |poll| poll.options = vec!["a".into(); 5]),
            &["poll.options"],
        ),
        (asking("a", |poll| poll.options[0] = x(30)), &[]),
        (
            asking("a", |poll| poll.options[1] = x(31)),
            &["poll.options[1]"],
        ),
        (asking("a", |poll| poll.multiple = true), &["poll.multiple"]),
        (asking("a", |poll| poll.open_for = 14 * day), &[]),
        (
            asking("a", |poll| poll.open_for = 14 * day + 1),
            &["poll.open-for"],
        ),
        (
            Post {
                thread: vec![ThreadPart::text("b")],
                ..Post::text("a")
            },
            &["thread"],
        ),
        (
            Post {
                visibility: Some(Visibility::Unlisted),
                ..Post::text("a")
            },
            &["visibility"],
        ),
        (
            Post {
                visibility: Some(Visibility::Direct),
                ..Post::text("a")
            },
            &["visibility"],
        ),
        (
            Post {
                visibility: Some(Visibility::Followers),
                ..Post::text("a")
            },
            &["visibility"],
        ),
        (
            Post {
                link: Some(link(Some(&x(400)))),
                ..Post::text("a")
            },
            &[],
        ),
        (
            Post {
                link: Some(link(Some(&x(401)))),
                ..Post::text("a")
            },
            &["link.title"],
        ),
        (optional(&json!({"feed": false})), &[]),
        (optional(&json!({"fed": false})), &["options.fed"]),
        (optional(&json!({"reshare": "no"})), &["options"]),
        (
            optional(&json!({"reshare_of": "7"})),
            &["options.reshare_of"],
        ),
    ];
    for (post, places) in rows {
        assert_eq!(errors(&page(), &post), places, "{post:?}");
    }
}

#[test]
fn members_and_pages_differ() {
    let followers = Post {
        visibility: Some(Visibility::Followers),
        ..Post::text("a")
    };
    assert_eq!(errors(&member(), &followers), Vec::<String>::new());
    assert_eq!(
        errors(&member(), &optional(&json!({"feed": false}))),
        ["options.feed"]
    );
}

#[test]
fn the_nearest_option_is_named() {
    let told = problems(&page(), &optional(&json!({"visiblity": "public"})));
    assert!(told[0].message.contains("`visibility`"), "{told:?}");
}

#[test]
fn what_a_person_should_know() {
    let warned = Post {
        link: Some(link(None)),
        sensitive: true,
        mentions: vec![jarchi_plugin_sdk::Mention {
            handle: "leyla".into(),
            id: None,
        }],
        ..Post::text("@leyla")
    };
    let mut polled = asking("a", |poll| poll.open_for = 2 * 24 * HOUR);
    polled.poll.as_mut().expect("a poll").hide_totals = true;
    for (post, places) in [
        (
            warned,
            &["mentions[0]", "link.title", "content-warning"][..],
        ),
        (polled, &["poll.open-for", "poll.hide-totals"]),
        (with(media("a.png", "image/png", 10)), &["media[0].alt"]),
    ] {
        let told = problems(&page(), &post);
        assert!(
            told.iter().all(|one| one.severity == Severity::Warning),
            "{told:?}"
        );
        let told: Vec<&str> = told.iter().map(|one| one.place.as_str()).collect();
        assert_eq!(told, places);
    }
}

#[test]
fn an_author_is_needed() {
    for (settings, words) in [
        (json!({}), "account auth"),
        (json!({"author": "leyla"}), "urn:li:person:"),
        (json!({"author": "urn:li:person:"}), "urn:li:person:"),
    ] {
        let refused = LinkedIn::validate(&testing::account(&settings), &Post::text("a"));
        let Err(Error::Invalid(reason)) = refused else {
            panic!("{refused:?}")
        };
        assert!(reason.contains(words), "{reason}");
    }
}

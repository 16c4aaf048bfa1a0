//! Every limit at its edge and past it, by the server's own configuration.

#![allow(clippy::expect_used, reason = "a test may panic")]

mod common;

use common::{Host, SERVER, account, instance, line};
use jarchi_plugin_mastodon::Mastodon;
use jarchi_plugin_sdk::http::HttpError;
use jarchi_plugin_sdk::testing::{self, Answer};
use jarchi_plugin_sdk::{
    Error, Link, MediaItem, Poll, Post, Problem, Publisher, Severity, ThreadPart, Visibility,
};
use serde_json::{Value, json};

/// Small limits, each another number.
fn configuration() -> Value {
    json!({
        "statuses": {"max_characters": 30, "max_media_attachments": 2, "characters_reserved_per_url": 10},
        "media_attachments": {
            "supported_mime_types": ["image/png", "image/gif", "video/mp4", "audio/mpeg"],
            "description_limit": 5,
            "image_size_limit": 1000,
            "image_matrix_limit": 640 * 480,
            "video_size_limit": 2000,
            "video_matrix_limit": 100,
        },
        "polls": {"max_options": 3, "max_characters_per_option": 4, "min_expiration": 60, "max_expiration": 120},
    })
}

fn problems(post: &Post) -> Vec<Problem> {
    let host = Host::new();
    host.expect(line("GET", "/api/v2/instance"), instance(&configuration()));
    let problems = Mastodon::validate(&account(), post).expect("the server told");
    let requests = host.requests();
    assert_eq!(
        requests[0].header("authorization"),
        None,
        "the token is not needed here"
    );
    problems
}

/// The places of the errors; warnings aside.
fn errors(post: &Post) -> Vec<String> {
    let errors = problems(post)
        .into_iter()
        .filter(|problem| problem.severity == Severity::Error);
    errors.map(|problem| problem.place).collect()
}

fn image(name: &str) -> MediaItem {
    MediaItem {
        alt: Some("tea".into()),
        ..testing::media(name, "image/png", 1000)
    }
}

fn file(mime: &str, size: u64) -> MediaItem {
    MediaItem {
        width: None,
        height: None,
        mime: mime.into(),
        size,
        ..testing::media("f", mime, size)
    }
    .with_alt("tea")
}

trait WithAlt {
    fn with_alt(self, alt: &str) -> Self;
}

impl WithAlt for MediaItem {
    fn with_alt(self, alt: &str) -> Self {
        MediaItem {
            alt: Some(alt.into()),
            ..self
        }
    }
}

fn media(items: Vec<MediaItem>) -> Post {
    Post {
        media: items,
        ..Post::default()
    }
}

#[test]
fn the_length_of_the_text() {
    let link = |url: &str| {
        Some(Link {
            url: url.into(),
            title: None,
            description: None,
            thumbnail: None,
        })
    };
    let long = format!("https://example.org/{}", "x".repeat(200));
    let rows = [
        ("30 characters", Post::text("ş".repeat(30)), true),
        ("31 characters", Post::text("ş".repeat(31)), false),
        ("30 families", Post::text("👨‍👩‍👧‍👦".repeat(30)), true),
        ("31 families", Post::text("👨‍👩‍👧‍👦".repeat(31)), false),
        (
            "an address counts 10",
            Post::text(format!("{} {long}", "x".repeat(19))),
            true,
        ),
        (
            "and no less",
            Post::text(format!("{} {long}", "x".repeat(20))),
            false,
        ),
        (
            "a short one, too",
            Post::text(format!("{} http://a.az", "x".repeat(20))),
            false,
        ),
        (
            "a mention without its server",
            Post::text(format!("{} @ab@some.example", "x".repeat(26))),
            true,
        ),
        (
            "and no less",
            Post::text(format!("{} @ab@some.example", "x".repeat(27))),
            false,
        ),
        (
            "a warning is counted",
            Post {
                content_warning: Some("ş".repeat(10)),
                ..Post::text("x".repeat(20))
            },
            true,
        ),
        (
            "in full",
            Post {
                content_warning: Some("ş".repeat(10)),
                ..Post::text("x".repeat(21))
            },
            false,
        ),
        (
            "a link that is appended",
            Post {
                link: link(&long),
                ..Post::text("x".repeat(18))
            },
            true,
        ),
        (
            "with its blank line",
            Post {
                link: link(&long),
                ..Post::text("x".repeat(19))
            },
            false,
        ),
        (
            "hashtags that are appended",
            Post {
                hashtags: vec!["ab".into(), "cd".into()],
                ..Post::text("x".repeat(21))
            },
            true,
        ),
        (
            "with their blank line",
            Post {
                hashtags: vec!["ab".into(), "cd".into()],
                ..Post::text("x".repeat(22))
            },
            false,
        ),
        (
            "hashtags that are there are not appended",
            Post {
                hashtags: vec!["AB".into()],
                ..Post::text(format!("{} #ab", "x".repeat(26)))
            },
            true,
        ),
    ];
    for (what, post, fits) in rows {
        let expected: &[&str] = if fits { &[] } else { &["text"] };
        assert_eq!(errors(&post), expected, "{what}");
    }
}

#[test]
fn the_message_says_what_is_counted() {
    let post = Post {
        content_warning: Some("cw".into()),
        hashtags: vec!["ab".into()],
        ..Post::text("x".repeat(30))
    };
    assert_eq!(
        problems(&post),
        [Problem::error(
            "text",
            "37 characters, with its link and hashtags and the content warning; the server takes 30"
        )]
    );
    assert_eq!(
        problems(&Post::text("x".repeat(31))),
        [Problem::error("text", "31 characters; the server takes 30")]
    );
}

#[test]
fn every_part_is_checked() {
    let part = |text: &str, media| ThreadPart {
        text: text.into(),
        media,
    };
    let post = Post {
        thread: vec![
            part(&"x".repeat(30), vec![]),
            part(&"x".repeat(31), vec![]),
            part("", vec![image("a"), image("b"), image("c")]),
            part(" ", vec![]),
        ],
        first_comment: Some("x".repeat(31)),
        ..Post::text("one")
    };
    assert_eq!(
        errors(&post),
        [
            "thread[1].text",
            "thread[2].media",
            "thread[3].text",
            "first-comment"
        ]
    );
    let warned = Post {
        content_warning: Some("cw".into()),
        ..post
    };
    assert_eq!(
        errors(&warned)[0],
        "thread[0].text",
        "a warning stands over every part"
    );
}

#[test]
fn there_is_something_to_publish() {
    assert_eq!(errors(&Post::text(" \n")), ["text"]);
    assert_eq!(errors(&media(vec![image("a")])), Vec::<String>::new());
}

#[test]
fn files() {
    let mixed = |other: &str| media(vec![image("a"), file(other, 1)]);
    let sized = |mime: &str, size| media(vec![file(mime, size)]);
    let pixels = |mime: &str, width, height| {
        media(vec![MediaItem {
            width: Some(width),
            height: Some(height),
            ..file(mime, 1)
        }])
    };
    let rows: Vec<(&str, Post, &[&str])> = vec![
        ("two files", media(vec![image("a"), image("b")]), &[]),
        (
            "three files",
            media(vec![image("a"), image("b"), image("c")]),
            &["media"],
        ),
        ("a GIF beside an image", mixed("image/gif"), &[]),
        ("a video beside an image", mixed("video/mp4"), &["media"]),
        (
            "an audio file beside an image",
            mixed("audio/mpeg"),
            &["media"],
        ),
        ("a video alone", sized("video/mp4", 2000), &[]),
        (
            "a type that is not taken",
            sized("image/webp", 1),
            &["media[0]"],
        ),
        ("a document", sized("application/pdf", 1), &["media[0]"]),
        ("a type in other letters", sized("IMAGE/PNG", 1), &[]),
        ("an image at its limit", sized("image/png", 1000), &[]),
        ("an image past it", sized("image/png", 1001), &["media[0]"]),
        ("a GIF is a video", sized("image/gif", 2000), &[]),
        (
            "a video past its limit",
            sized("video/mp4", 2001),
            &["media[0]"],
        ),
        ("pixels at their limit", pixels("image/png", 640, 480), &[]),
        (
            "pixels past it",
            pixels("image/png", 641, 480),
            &["media[0]"],
        ),
        (
            "no overflow",
            pixels("image/png", u32::MAX, u32::MAX),
            &["media[0]"],
        ),
        ("a video's pixels", pixels("video/mp4", 10, 10), &[]),
        (
            "a video's pixels past it",
            pixels("video/mp4", 10, 11),
            &["media[0]"],
        ),
        (
            "an alt text at its limit",
            media(vec![image("a").with_alt("şşşşş")]),
            &[],
        ),
        (
            "an alt text past it",
            media(vec![image("a").with_alt("şşşşşş")]),
            &["media[0].alt"],
        ),
    ];
    for (what, post, places) in rows {
        assert_eq!(errors(&post), places, "{what}");
    }
}

#[test]
fn a_file_without_alt_text_is_a_warning() {
    for alt in [None, Some(" ".to_owned())] {
        let post = media(vec![MediaItem {
            alt,
            ..image("a.png")
        }]);
        let warning = "a.png has no alternative text for those who can't see it";
        assert_eq!(problems(&post), [Problem::warning("media[0].alt", warning)]);
    }
}

#[test]
fn polls() {
    let poll = |options: &[&str], seconds: u64| Poll {
        options: options.iter().map(|option| (*option).to_owned()).collect(),
        open_for: seconds * 1000,
        multiple: false,
        hide_totals: false,
    };
    let rows: Vec<(&str, Poll, &[&str])> = vec![
        ("two options", poll(&["a", "b"], 60), &[]),
        ("three options", poll(&["a", "b", "c"], 120), &[]),
        ("one option", poll(&["a"], 60), &["poll.options"]),
        (
            "four options",
            poll(&["a", "b", "c", "d"], 60),
            &["poll.options"],
        ),
        ("an option at its limit", poll(&["şşşş", "b"], 60), &[]),
        (
            "an option past it",
            poll(&["şşşşş", "b"], 60),
            &["poll.options[0]"],
        ),
        (
            "an empty option",
            poll(&["a", " "], 60),
            &["poll.options[1]"],
        ),
        (
            "the same twice",
            poll(&["a", "b", "a"], 60),
            &["poll.options[2]"],
        ),
        ("too short", poll(&["a", "b"], 59), &["poll.open-for"]),
        ("too long", poll(&["a", "b"], 121), &["poll.open-for"]),
    ];
    for (what, poll, places) in rows {
        assert_eq!(
            errors(&Post {
                poll: Some(poll),
                ..Post::text("?")
            }),
            places,
            "{what}"
        );
    }
    let with_media = Post {
        poll: Some(poll(&["a", "b"], 60)),
        media: vec![image("a")],
        ..Post::text("?")
    };
    assert_eq!(errors(&with_media), ["poll"]);
    let silent = Post {
        poll: Some(poll(&["a", "b"], 60)),
        ..Post::default()
    };
    assert_eq!(
        problems(&silent),
        [Problem::error("text", "a poll needs a text")]
    );
}

#[test]
fn what_a_person_should_know() {
    let post = Post {
        hashtags: vec!["#çay".into(), "2026".into(), "qara çay".into()],
        visibility: Some(Visibility::Direct),
        ..Post::text("a")
    };
    assert_eq!(
        problems(&post),
        [
            Problem::warning("hashtags[1]", "`2026` has no letter: it is left out"),
            Problem::warning("hashtags[2]", "`qara çay` becomes #qaraÇay"),
            Problem::warning(
                "visibility",
                "a direct post that mentions nobody is seen by nobody"
            ),
        ]
    );
    let strange = Post {
        options: json!({"qoute_policy": "nobody"}).to_string(),
        ..Post::text("a")
    };
    let problems = problems(&strange);
    assert_eq!(problems[0].place, "options");
    assert!(
        problems[0].message.contains("qoute_policy"),
        "{}",
        problems[0].message
    );
}

#[test]
fn the_servers_limits_are_kept_for_an_hour() {
    let host = Host::new();
    let post = Post::text("x".repeat(31));
    let count = || Mastodon::validate(&account(), &post).expect("told").len();
    host.expect(line("GET", "/api/v2/instance"), instance(&configuration()));
    assert_eq!(count(), 1);
    host.advance(3_599_999);
    assert_eq!(count(), 1);
    host.advance(1);
    host.expect(line("GET", "/api/v2/instance"), instance(&json!({})));
    assert_eq!(
        count(),
        0,
        "a server that tells nothing has the usual limits"
    );
    assert_eq!(host.requests().len(), 2);
}

#[test]
fn older_servers_and_kin() {
    let pleroma = json!({
        "max_toot_chars": 40, "upload_limit": 500, "description_limit": 3,
        "poll_limits": {"max_options": 2, "max_option_chars": 5, "min_expiration": 0, "max_expiration": 10},
    });
    let v1 = json!({"configuration": {"statuses": {"max_characters": 40}}});
    for (answer, body) in [
        (Answer::empty(404), &pleroma),
        (Answer::new(200, "text/html", "<html>"), &pleroma),
        (Answer::empty(500), &v1),
        (Answer::empty(401), &v1),
    ] {
        let host = Host::new();
        host.expect(line("GET", "/api/v2/instance"), answer);
        host.expect(line("GET", "/api/v1/instance"), Answer::json(200, body));
        let post = |length| Post::text("x".repeat(length));
        assert_eq!(Mastodon::validate(&account(), &post(40)), Ok(vec![]));
        assert_eq!(
            Mastodon::validate(&account(), &post(41)).map(|problems| problems.len()),
            Ok(1)
        );
    }
    let host = Host::new();
    host.expect(line("GET", "/api/v2/instance"), Answer::empty(404));
    host.expect(line("GET", "/api/v1/instance"), Answer::json(200, &pleroma));
    let poll = Poll {
        options: vec!["123456".into(), "b".into(), "c".into()],
        open_for: 11_000,
        multiple: false,
        hide_totals: false,
    };
    let asked = Mastodon::validate(
        &account(),
        &Post {
            poll: Some(poll),
            ..Post::text("?")
        },
    );
    let places: Vec<_> = asked
        .expect("told")
        .into_iter()
        .map(|problem| problem.place)
        .collect();
    assert_eq!(places, ["poll.options", "poll.options[0]", "poll.open-for"]);
    let big = media(vec![file("image/webp", 501).with_alt("1234")]);
    let places: Vec<_> = Mastodon::validate(&account(), &big)
        .expect("told")
        .into_iter()
        .map(|p| p.place)
        .collect();
    assert_eq!(places, ["media[0]", "media[0].alt"]);
}

#[test]
fn the_usual_limits_where_the_server_does_not_tell() {
    let answers = [
        Answer::empty(503),
        Answer::error(HttpError::NotSent("no route".into())),
        Answer::error(HttpError::NoAnswer("timed out".into())),
        Answer::empty(404),
        Answer::new(200, "application/json", "{"),
    ];
    for answer in answers {
        let host = Host::new();
        let same = answer.clone();
        host.serve(move |_| same.clone());
        let validate =
            |post: &Post| Mastodon::validate(&account(), post).expect("the usual limits");
        assert_eq!(validate(&Post::text("x".repeat(500))), [], "{answer:?}");
        assert_eq!(
            validate(&Post::text("x".repeat(501))).len(),
            1,
            "{answer:?}"
        );
        assert!(
            host.logs()[0].1.contains("does not tell its limits"),
            "{answer:?}"
        );
        // Nothing was kept: the server is asked again.
        host.serve(|_| instance(&configuration()));
        assert_eq!(validate(&Post::text("x".repeat(31))).len(), 1, "{answer:?}");
    }
}

#[test]
fn a_host_that_was_not_granted_is_told() {
    let host = Host::new();
    host.expect(
        line("GET", "/api/v2/instance"),
        Answer::error(HttpError::Denied("social.example is not granted".into())),
    );
    let denied = Mastodon::validate(&account(), &Post::text("a"));
    assert_eq!(denied, Err(Error::invalid("social.example is not granted")));
}

#[test]
fn settings_that_do_not_fit() {
    let _host = Host::new();
    for settings in [json!({}), json!({"server": 5})] {
        let refused = Mastodon::validate(&testing::account(&settings), &Post::text("a"));
        assert!(
            matches!(&refused, Err(Error::Invalid(why)) if why.contains("account `test`")),
            "{refused:?}"
        );
    }
    let settings = json!({"server": SERVER, "visibility": "everybody"});
    let host_answer = instance(&configuration());
    _host.expect(line("GET", "/api/v2/instance"), host_answer);
    let refused = Mastodon::validate(&testing::account(&settings), &Post::text("a"));
    assert!(
        matches!(&refused, Err(Error::Invalid(why)) if why.contains("everybody")),
        "{refused:?}"
    );
}

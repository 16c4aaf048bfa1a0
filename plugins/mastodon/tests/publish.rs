//! Publishing, step after step, and every request that it makes.

#![allow(clippy::expect_used, reason = "a test may panic")]

mod common;

use common::{Host, SERVER, authorised, delivery, image, line, publish, status, with};
use jarchi_plugin_mastodon::Mastodon;
use jarchi_plugin_sdk::http::PartBody;
use jarchi_plugin_sdk::testing::{self, Answer};
use jarchi_plugin_sdk::{
    Error, FocalPoint, Link, MediaItem, Poll, Post, Publisher, Receipt, ThreadPart, Visibility,
};
use serde_json::{Value, json};

#[test]
fn a_text() {
    let host = Host::new();
    host.expect(
        line("POST", "/api/v1/statuses"),
        Answer::json(200, &status("101")),
    );
    let (steps, receipt) = publish(&delivery(Post::text("Salam, dünya! ")));
    assert_eq!(steps, []);
    assert_eq!(
        receipt,
        Ok(Receipt {
            id: "101".into(),
            url: Some(format!("{SERVER}/@brand/101")),
            published_at: Some(testing::START + 1250),
            parts: vec![],
            data: None,
        })
    );
    let requests = authorised(&host);
    assert_eq!(requests[0].json(), json!({ "status": "Salam, dünya!" }));
    assert_eq!(
        requests[0].header("idempotency-key"),
        Some("jarchi-01JDEVKEY0000000000000TEST-0")
    );
}

/// What a post's fields become in the request.
#[test]
fn the_body() {
    let poll = Poll {
        options: vec!["Çay".into(), "Qəhvə".into()],
        open_for: 86_400_999,
        multiple: true,
        hide_totals: false,
    };
    let link = |url: &str| Link {
        url: url.into(),
        title: None,
        description: None,
        thumbnail: None,
    };
    let tags = |tags: &[&str]| tags.iter().map(|tag| (*tag).to_owned()).collect::<Vec<_>>();
    let rows: Vec<(Post, Value)> = vec![
        (
            Post {
                language: Some("az".into()),
                content_warning: Some("şəkər".into()),
                sensitive: true,
                visibility: Some(Visibility::Followers),
                ..Post::text("a")
            },
            json!({"status": "a", "visibility": "private", "language": "az",
                   "spoiler_text": "şəkər", "sensitive": true}),
        ),
        (
            Post {
                poll: Some(poll),
                ..Post::text("Hansı?")
            },
            json!({"status": "Hansı?", "poll": {"options": ["Çay", "Qəhvə"],
                   "expires_in": 86_400, "multiple": true, "hide_totals": false}}),
        ),
        (
            Post {
                link: Some(link("https://a.az/x")),
                hashtags: tags(&["çay", "#Bakı"]),
                ..Post::text("a")
            },
            json!({"status": "a\n\nhttps://a.az/x\n\n#çay #Bakı"}),
        ),
        (
            Post {
                link: Some(link("https://a.az")),
                hashtags: tags(&["ÇAY", "çay", "bakı", "2026", "Bakı çayı"]),
                ..Post::text("Bax: https://a.az/ #çay")
            },
            json!({"status": "Bax: https://a.az/ #çay\n\n#bakı #BakıÇayı"}),
        ),
        (
            Post {
                link: Some(link("https://a.az")),
                ..Post::text("")
            },
            json!({"status": "https://a.az"}),
        ),
        (
            Post {
                options: json!({"reply_to": "77", "quote_policy": "followers"}).to_string(),
                visibility: Some(Visibility::Unlisted),
                ..Post::text("a")
            },
            json!({"status": "a", "in_reply_to_id": "77", "visibility": "unlisted",
                   "quote_approval_policy": "followers"}),
        ),
    ];
    for (post, body) in rows {
        let host = Host::new();
        host.expect(
            line("POST", "/api/v1/statuses"),
            Answer::json(200, &status("1")),
        );
        let (_, receipt) = publish(&delivery(post));
        assert!(receipt.is_ok(), "{receipt:?}");
        assert_eq!(host.requests()[0].json(), body);
    }
}

#[test]
fn the_accounts_visibility_is_for_posts_that_name_none() {
    for (asked, sent) in [(None, "unlisted"), (Some(Visibility::Direct), "direct")] {
        let host = Host::new();
        host.expect(
            "POST https://b.example/api/v1/statuses",
            Answer::json(200, &status("1")),
        );
        let account =
            testing::account(&json!({ "server": "https://b.example", "visibility": "unlisted" }));
        let post = Post {
            visibility: asked,
            ..Post::text("a")
        };
        let (_, receipt) = publish(&testing::delivery(&account, post));
        assert!(receipt.is_ok());
        assert_eq!(host.requests()[0].json()["visibility"], sent);
    }
}

#[test]
fn files_are_uploaded_one_a_call_and_waited_for() {
    let host = Host::new();
    let focus = Some(FocalPoint { x: 0.5, y: -7.0 });
    let video = testing::media("b.mp4", "video/mp4", 5000);
    let post = Post {
        media: vec![
            MediaItem {
                focus,
                ..image("a.png")
            },
            video,
        ],
        ..Post::default()
    };
    host.expect(
        line("POST", "/api/v2/media"),
        Answer::json(200, &json!({"id": "m1"})),
    )
    .expect(
        line("POST", "/api/v2/media"),
        Answer::json(202, &json!({"id": "m/2", "url": null})),
    )
    .expect(
        line("GET", "/api/v1/media/m%2F2"),
        Answer::json(206, &json!({"id": "m/2"})),
    )
    .expect(line("GET", "/api/v1/media/m%2F2"), Answer::empty(206))
    .expect(
        line("GET", "/api/v1/media/m%2F2"),
        Answer::json(200, &json!({"id": "m/2"})),
    )
    .expect(
        line("POST", "/api/v1/statuses"),
        Answer::json(200, &status("1")),
    );
    let (steps, receipt) = publish(&delivery(post));
    assert!(receipt.is_ok(), "{receipt:?}");
    let seen: Vec<_> = steps
        .iter()
        .map(|step| (step.note.as_str(), step.after, step.visible))
        .collect();
    assert_eq!(
        seen,
        [
            ("1 of 2 files uploaded", 0, false),
            ("2 of 2 files uploaded", 0, false),
            ("the server processes b.mp4", 2000, false),
            ("the server processes b.mp4", 4000, false),
        ]
    );
    let requests = authorised(&host);
    assert_eq!(requests[0].part_text("description"), "A glass of tea");
    assert_eq!(requests[0].part_text("focus"), "0.5,-1");
    let file = requests[0].part("file");
    assert_eq!(
        (file.filename.as_deref(), file.content_type.as_deref()),
        (Some("a.png"), Some("image/png"))
    );
    assert!(
        matches!(&file.body, PartBody::Media(slice) if slice.id == "a.png" && slice.offset == 0 && slice.length.is_none())
    );
    assert!(
        matches!(&requests[1].body, jarchi_plugin_sdk::http::Body::Multipart(parts) if parts.len() == 1)
    );
    assert_eq!(
        requests[5].json(),
        json!({"status": "", "media_ids": ["m1", "m/2"]})
    );
}

#[test]
fn a_thread_with_files_and_a_first_comment() {
    let host = Host::new();
    let upload = |id: &str| Answer::json(200, &json!({ "id": id }));
    let post = Post {
        media: vec![image("a.png")],
        thread: vec![
            ThreadPart {
                text: "two".into(),
                media: vec![image("b.png"), image("c.png")],
            },
            ThreadPart::text("three"),
        ],
        first_comment: Some("comment".into()),
        content_warning: Some("cw".into()),
        language: Some("en".into()),
        ..Post::text("one")
    };
    for id in ["ma", "mb", "mc"] {
        host.expect(line("POST", "/api/v2/media"), upload(id));
    }
    for id in ["1", "2", "3", "4"] {
        let answer = with(status(id), json!({"visibility": "unlisted"}));
        host.expect(line("POST", "/api/v1/statuses"), Answer::json(200, &answer));
    }
    let (steps, receipt) = publish(&delivery(post));
    let receipt = receipt.expect("published");
    assert_eq!(receipt.id, "1");
    assert_eq!(receipt.parts, ["2", "3", "4"]);
    assert_eq!(receipt.url, Some(format!("{SERVER}/@brand/1")));
    let seen: Vec<_> = steps
        .iter()
        .skip(3)
        .map(|step| (step.note.as_str(), step.visible))
        .collect();
    assert_eq!(
        seen,
        [
            ("1 of 4 parts published", true),
            ("2 of 4 parts published", true),
            ("3 of 4 parts published", true),
        ]
    );
    let sent: Vec<_> = authorised(&host).split_off(3);
    let bodies: Vec<_> = sent.iter().map(|request| request.json()).collect();
    let further = |text: &str, before: &str| {
        json!({"status": text, "in_reply_to_id": before, "visibility": "unlisted",
               "language": "en", "spoiler_text": "cw"})
    };
    assert_eq!(
        bodies,
        [
            json!({"status": "one", "media_ids": ["ma"], "language": "en", "spoiler_text": "cw"}),
            with(further("two", "1"), json!({"media_ids": ["mb", "mc"]})),
            further("three", "2"),
            further("comment", "3"),
        ]
    );
    let mut keys: Vec<_> = sent
        .iter()
        .filter_map(|request| request.header("idempotency-key"))
        .collect();
    assert_eq!(keys.len(), 4);
    keys.dedup();
    assert_eq!(keys.len(), 4, "each part has its own key");
}

#[test]
fn a_repeat_of_a_step_sends_the_same() {
    let host = Host::new();
    host.serve(|_| Answer::json(200, &status("1")));
    let post = Post {
        thread: vec![ThreadPart::text("two")],
        ..Post::text("one")
    };
    let mut delivery = delivery(post);
    let first = Mastodon::publish(&delivery);
    host.advance(3_000_000);
    delivery.attempt = 2;
    assert_eq!(Mastodon::publish(&delivery), first);
    let requests = host.requests();
    assert_eq!(requests[0].bytes(), requests[1].bytes());
    assert_eq!(requests[0].headers, requests[1].headers);
}

#[test]
fn a_file_that_the_server_lost_is_uploaded_again() {
    let host = Host::new();
    let post = Post {
        media: vec![image("a.png")],
        ..Post::text("one")
    };
    for id in ["m1", "m2"] {
        host.expect(
            line("POST", "/api/v2/media"),
            Answer::json(202, &json!({ "id": id })),
        );
        let answer = if id == "m1" {
            Answer::empty(404)
        } else {
            Answer::json(200, &json!({"id": id}))
        };
        host.expect(line("GET", &format!("/api/v1/media/{id}")), answer);
    }
    host.expect(
        line("POST", "/api/v1/statuses"),
        Answer::json(200, &status("1")),
    );
    let (steps, receipt) = publish(&delivery(post.clone()));
    assert!(receipt.is_ok());
    assert_eq!(steps[1].note, "the server lost a.png: it is uploaded again");
    assert_eq!(host.requests()[4].json()["media_ids"], json!(["m2"]));

    host.serve(|request| match request.method.as_str() {
        "POST" => Answer::json(202, &json!({"id": "m"})),
        _ => Answer::empty(404),
    });
    let (_, lost) = publish(&delivery(post));
    assert_eq!(
        lost,
        Err(Error::invalid("the server loses a.png again and again"))
    );
}

#[test]
fn a_file_that_never_gets_done() {
    let host = Host::new();
    host.serve(|request| match request.method.as_str() {
        "POST" => Answer::json(202, &json!({"id": "m"})),
        _ => Answer::empty(206),
    });
    let post = Post {
        media: vec![image("a.png")],
        ..Post::text("one")
    };
    let (steps, given_up) = publish(&delivery(post));
    assert_eq!(
        given_up,
        Err(Error::invalid("the server does not get done with a.png"))
    );
    let waits: u64 = steps.iter().map(|step| step.after).sum();
    assert!((3_600_000..2 * 3_600_000).contains(&waits), "{waits} ms");
    assert!(steps.iter().all(|step| step.after <= 30_000));
}

/// Some servers take a file, and refuse the status because it is not ready after all.
#[test]
fn a_refusal_because_of_an_unready_file_is_a_wait() {
    let host = Host::new();
    let not_ready = json!({"error": "Cannot attach files that have not finished processing."});
    let post = Post {
        media: vec![image("a.png")],
        ..Post::text("one")
    };
    host.expect(
        line("POST", "/api/v2/media"),
        Answer::json(200, &json!({"id": "m"})),
    )
    .expect(
        line("POST", "/api/v1/statuses"),
        Answer::json(422, &not_ready),
    )
    .expect(line("GET", "/api/v1/media/m"), Answer::empty(206))
    .expect(
        line("GET", "/api/v1/media/m"),
        Answer::json(200, &json!({"id": "m"})),
    )
    .expect(
        line("POST", "/api/v1/statuses"),
        Answer::json(200, &status("1")),
    );
    let (steps, receipt) = publish(&delivery(post.clone()));
    assert!(receipt.is_ok(), "{receipt:?}");
    assert_eq!((steps[1].after, steps[1].visible), (2000, false));
    // The same refusal, when the file is ready, is one.
    host.expect(
        line("POST", "/api/v2/media"),
        Answer::json(200, &json!({"id": "m"})),
    )
    .expect(
        line("POST", "/api/v1/statuses"),
        Answer::json(422, &not_ready),
    )
    .expect(
        line("GET", "/api/v1/media/m"),
        Answer::json(200, &json!({"id": "m"})),
    );
    let (_, refused) = publish(&delivery(post));
    assert_eq!(
        refused,
        Err(Error::invalid(
            "publishing: social.example answered 422: Cannot attach files that have not finished processing."
        ))
    );
}

#[test]
fn deleting_takes_all_parts_and_can_be_repeated() {
    let host = Host::new();
    let receipt = Receipt {
        parts: vec!["2".into(), "3".into()],
        ..Receipt::new("1")
    };
    host.expect(
        line("DELETE", "/api/v1/statuses/3"),
        Answer::json(200, &status("3")),
    )
    .expect(line("DELETE", "/api/v1/statuses/2"), Answer::empty(404))
    .expect(
        line("DELETE", "/api/v1/statuses/1"),
        Answer::json(200, &status("1")),
    );
    assert_eq!(Mastodon::delete(&common::account(), &receipt), Ok(()));
    authorised(&host);
    host.expect(line("DELETE", "/api/v1/statuses/3"), Answer::empty(500));
    assert!(matches!(
        Mastodon::delete(&common::account(), &receipt),
        Err(Error::Transient(_))
    ));
}

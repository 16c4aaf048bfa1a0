//! The connector and a stand-in of Threads.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

use jarchi_platforms::instagram::no;
use jarchi_platforms::threads::{TOKEN, Threads as Server};
use jarchi_platforms::{Answer, Stage, Trouble};
use jarchi_plugin_sdk::inbox::{Answer as Reply, Finding as Found, Kind};
use jarchi_plugin_sdk::{
    Account, Analytics, Connection, Delivery, Error, Inbox, Link, Measure, MediaItem, Metric, Poll,
    Post, Publisher, Receipt, Severity, ThreadPart, Visibility, testing,
};
use jarchi_plugin_threads::Threads;
use serde_json::{Value, json};

fn stage(server: Server) -> Stage<Server> {
    let stage = Stage::new(server);
    stage.secret("access_token", TOKEN);
    stage
}

fn account() -> Account {
    testing::account(&json!({}))
}

fn delivery(post: Post) -> Delivery {
    testing::delivery(&account(), post)
}

fn image(stage: &Stage<Server>, name: &str) -> MediaItem {
    MediaItem {
        alt: Some(" tea ".into()),
        ..stage.file(name, "image/jpeg", *b"x")
    }
}

fn poll(options: &[&str]) -> Poll {
    Poll {
        options: options.iter().map(|option| (*option).to_owned()).collect(),
        open_for: 24 * 3_600_000,
        multiple: false,
        hide_totals: false,
    }
}

fn link() -> Option<Link> {
    Some(Link {
        url: "https://tea.example/".into(),
        title: None,
        description: None,
        thumbnail: None,
    })
}

/// What is sent for each kind of post.
#[test]
fn kinds() {
    let rows: [(Post, Value, Value); 5] = [
        (
            Post {
                hashtags: vec!["yaşıl çay".into()],
                link: link(),
                ..Post::text("Salam & çay?")
            },
            json!({ "topic_tag": "Səhər" }),
            json!({ "media_type": "TEXT", "text": "Salam & çay?", "topic_tag": "Səhər",
                    "link_attachment": "https://tea.example/" }),
        ),
        (
            Post {
                poll: Some(poll(&["a", "b", "c"])),
                link: link(),
                ..Post::text("Which?")
            },
            json!({}),
            json!({ "media_type": "TEXT", "text": "Which?\n\nhttps://tea.example/",
                    "poll_attachment": r#"{"option_a":"a","option_b":"b","option_c":"c"}"# }),
        ),
        (
            Post {
                hashtags: vec!["yaşıl çay".into()],
                ..Post::text("a")
            },
            json!({ "reply_control": "mentioned_only", "reply_to": "7", "quote": "8", "location": "9" }),
            json!({ "media_type": "TEXT", "text": "a", "topic_tag": "yaşılÇay", "location_id": "9",
                    "reply_control": "mentioned_only", "reply_to_id": "7", "quote_post_id": "8" }),
        ),
        (
            Post {
                link: link(),
                media: vec![testing::media("1.jpg", "image/jpeg", 1)],
                ..Post::text("")
            },
            json!({}),
            json!({ "media_type": "IMAGE", "image_url": "https://media.example/1.jpg",
                    "text": "https://tea.example/" }),
        ),
        (
            Post {
                media: vec![testing::media("2.mp4", "video/mp4", 1)],
                ..Post::text("v")
            },
            json!({}),
            json!({ "media_type": "VIDEO", "video_url": "https://media.example/2.mp4", "text": "v" }),
        ),
    ];
    for (post, options, wanted) in rows {
        let stage = stage(Server::default());
        stage.file("1.jpg", "image/jpeg", *b"x");
        stage.file("2.mp4", "video/mp4", *b"x");
        let post = Post {
            options: options.to_string(),
            ..post
        };
        let receipt = stage.publish::<Threads>(&delivery(post)).unwrap();
        let platform = stage.platform.borrow();
        assert_eq!(json!(platform.media[0].query), wanted);
        assert_eq!(receipt.id, platform.media[0].id);
        assert!(receipt.url.unwrap().ends_with(&receipt.id));
    }
}

fn thread(stage: &Stage<Server>) -> Delivery {
    delivery(Post {
        media: vec![image(stage, "1.jpg"), image(stage, "2.jpg")],
        thread: vec![
            ThreadPart::text("Second"),
            ThreadPart {
                text: "Third".into(),
                media: vec![image(stage, "3.jpg")],
            },
        ],
        first_comment: Some("And?".into()),
        ..Post::text("First")
    })
}

#[test]
fn a_thread_with_a_carousel_goes_part_after_part() {
    let stage = stage(Server {
        slow: 1,
        ..Server::default()
    });
    let delivery = thread(&stage);
    let start = stage.now();
    let receipt = stage.publish::<Threads>(&delivery).unwrap();
    // Six containers, each of which is asked for twice, a minute apart.
    assert_eq!(stage.now() - start, 6 * 60_000);
    let platform = stage.platform.borrow();
    let texts: Vec<&str> = platform
        .media
        .iter()
        .map(|media| media.query["text"].as_str())
        .collect();
    assert_eq!(texts, ["First", "Second", "Third", "And?"]);
    let ids: Vec<String> = platform
        .media
        .iter()
        .map(|media| media.id.clone())
        .collect();
    assert_eq!(receipt.id, ids[0]);
    assert_eq!(receipt.parts, ids[1..]);
    for (media, before) in platform.media[1..].iter().zip(&ids) {
        assert_eq!(media.to.as_ref(), Some(before));
    }
    assert_eq!(platform.media[0].query["media_type"], "CAROUSEL");
    assert_eq!(platform.media[2].query["alt_text"], "tea");
    drop(platform);
    Threads::delete(&account(), &receipt).unwrap();
    Threads::delete(&account(), &receipt).unwrap();
    assert!(stage.platform.borrow().media.is_empty());
}

/// Whatever answer is lost, and whether or not the request arrived: each part once.
#[test]
fn any_lost_answer() {
    let untroubled = stage(Server::default());
    untroubled.publish::<Threads>(&thread(&untroubled)).unwrap();
    let requests = untroubled.requests().len();
    drop(untroubled);
    assert!(requests > 15);
    let refusal = no(400, 24, 2_207_006, "The requested resource does not exist");
    for at in 0..requests {
        for trouble in [
            Trouble::LoseAnswer,
            Trouble::NotSent,
            Trouble::After(Answer::empty(502)),
            Trouble::Instead(Answer::empty(500)),
            Trouble::After(refusal.clone()),
        ] {
            let stage = stage(Server::default());
            let delivery = thread(&stage);
            let (mut count, refused) = (
                0,
                matches!(&trouble, Trouble::After(answer) if answer.status == 400),
            );
            stage.trouble(move |request| {
                count += 1;
                let commits = request.path().ends_with("threads_publish");
                (count == at + 1 && (commits || !refused)).then(|| trouble.clone())
            });
            let (receipt, _) = stage.persist::<Threads>(&delivery).unwrap();
            let platform = stage.platform.borrow();
            let ids: Vec<String> = platform
                .media
                .iter()
                .map(|media| media.id.clone())
                .collect();
            assert_eq!(ids.len(), 4, "request {at}");
            assert_eq!(
                (&receipt.id, receipt.parts.as_slice()),
                (&ids[0], &ids[1..]),
                "request {at}"
            );
        }
    }
}

#[test]
fn containers_that_fail() {
    for (fail, goes) in [
        (vec!["FAILED_DOWNLOADING_VIDEO"], true),
        (vec!["UNKNOWN"; 3], true),
        (vec!["UNKNOWN"; 4], false),
        (vec!["INVALID_ASPEC_RATIO"], false),
    ] {
        let fail: Vec<String> = fail.into_iter().map(str::to_owned).collect();
        let stage = stage(Server {
            fail,
            ..Server::default()
        });
        let done = stage.publish::<Threads>(&delivery(Post {
            media: vec![image(&stage, "1.jpg")],
            ..Post::text("a")
        }));
        assert_eq!(done.is_ok(), goes, "{done:?}");
        assert_eq!(stage.platform.borrow().media.len(), usize::from(goes));
        assert!(goes || matches!(done, Err(Error::Invalid(_))));
    }
}

#[test]
fn refusals() {
    type Fits = fn(&Error) -> bool;
    let rows: [(u16, i64, i64, Fits); 5] = [
        (401, 190, 463, |error| {
            matches!(error, Error::Unauthorized(_))
        }),
        (403, 10, 0, |error| matches!(error, Error::Unauthorized(_))),
        (400, 4, 0, |error| matches!(error, Error::RateLimited(_))),
        (400, 100, 0, |error| matches!(error, Error::Invalid(_))),
        (500, 1, 0, |error| matches!(error, Error::Transient(_))),
    ];
    for (status, code, subcode, fits) in rows {
        let stage = stage(Server::default());
        stage.trouble_once(
            "POST",
            "/threads",
            Trouble::Instead(no(status, code, subcode, "No.")),
        );
        let error = stage
            .publish::<Threads>(&delivery(Post::text("a")))
            .unwrap_err();
        assert!(fits(&error), "{code}/{subcode}: {error:?}");
    }
}

#[test]
fn what_threads_would_refuse() {
    let _stage = stage(Server::default());
    let file = |item: MediaItem| Post {
        media: vec![item],
        ..Post::text("a")
    };
    let jpeg = || testing::media("a.jpg", "image/jpeg", 10);
    let mp4 = |length| MediaItem {
        length: Some(length),
        ..testing::media("a.mp4", "video/mp4", 10)
    };
    let with = |options: Value| Post {
        options: options.to_string(),
        ..Post::text("a")
    };
    let urls = |count: usize| {
        (0..count)
            .map(|n| format!("https://a.az/{n} "))
            .collect::<String>()
    };
    let rows: Vec<(Post, &[&str])> = vec![
        (Post::text("ç".repeat(500)), &[]),
        (Post::text("ç".repeat(501)), &["text"]),
        (Post::text("🍵".repeat(125)), &[]),
        (Post::text("🍵".repeat(126)), &["text"]),
        (Post::text(" "), &["text"]),
        (Post::text(urls(5)), &[]),
        (Post::text(urls(6)), &["text"]),
        (
            Post {
                thread: vec![ThreadPart::text("")],
                ..Post::text("a")
            },
            &["thread[0].text"],
        ),
        (
            Post {
                first_comment: Some("b".repeat(501)),
                ..Post::text("a")
            },
            &["first-comment"],
        ),
        (
            Post {
                media: vec![jpeg(); 20],
                ..Post::text("")
            },
            &[],
        ),
        (
            Post {
                media: vec![jpeg(); 21],
                ..Post::text("")
            },
            &["media"],
        ),
        (
            file(testing::media("a.webp", "image/webp", 10)),
            &["media[0]"],
        ),
        (
            file(testing::media("a.gif", "image/gif", 10)),
            &["media[0]"],
        ),
        (
            file(MediaItem {
                size: (8 << 20) + 1,
                ..jpeg()
            }),
            &["media[0]"],
        ),
        (
            file(MediaItem {
                width: Some(1000),
                height: Some(99),
                ..jpeg()
            }),
            &["media[0]"],
        ),
        (
            file(MediaItem {
                alt: Some("a".repeat(1001)),
                ..jpeg()
            }),
            &["media[0].alt"],
        ),
        (file(mp4(300_000)), &[]),
        (file(mp4(300_001)), &["media[0]"]),
        (
            Post {
                poll: Some(poll(&["a", "b"])),
                ..Post::text("a")
            },
            &[],
        ),
        (
            Post {
                poll: Some(poll(&["a"])),
                ..Post::text("a")
            },
            &["poll.options"],
        ),
        (
            Post {
                poll: Some(poll(&["a"; 5])),
                ..Post::text("a")
            },
            &["poll.options"],
        ),
        (
            Post {
                poll: Some(poll(&["a", &"b".repeat(26)])),
                ..Post::text("a")
            },
            &["poll.options[1]"],
        ),
        (
            Post {
                poll: Some(poll(&["a", "b"])),
                ..file(jpeg())
            },
            &["poll"],
        ),
        (
            Post {
                visibility: Some(Visibility::Direct),
                ..Post::text("a")
            },
            &["visibility"],
        ),
        (with(json!({ "topic_tag": "a.b" })), &["options.topic_tag"]),
        (with(json!({ "topic": "a" })), &["options.topic"]),
        (with(json!({ "reply_control": "nobody" })), &["options"]),
    ];
    for (post, places) in rows {
        let problems = Threads::validate(&account(), &post).unwrap();
        let errors = problems
            .iter()
            .filter(|problem| problem.severity == Severity::Error);
        let errors: Vec<&str> = errors.map(|problem| problem.place.as_str()).collect();
        assert_eq!(errors, places, "{post:?}");
    }
}

#[test]
fn numbers_and_standing() {
    let stage = stage(Server::default());
    let id = stage.platform.borrow_mut().write("teahouse", "a", None, 0);
    let posts = [
        Receipt {
            parts: vec!["2".into()],
            ..Receipt::new(id)
        },
        Receipt::new("404"),
    ];
    let told = Threads::posts(&account(), &posts).unwrap();
    let metric = |measure, value| Metric::new(measure, value);
    assert_eq!(
        told[0].metrics,
        [
            metric(Measure::Views, 5),
            metric(Measure::Likes, 6),
            metric(Measure::Comments, 6),
            metric(Measure::Shares, 8),
            metric(Measure::Quotes, 9),
            metric(Measure::Other("shares".into()), 10),
        ]
    );
    assert!(told[1].gone);
    let told = Threads::account(&account()).unwrap();
    let wanted = [
        metric(Measure::Other("views_lately".into()), 7),
        metric(Measure::Followers, 321),
    ];
    assert_eq!(told, wanted);
    let standing = Threads::check(&account()).unwrap();
    assert_eq!(standing.name, "teahouse");
    assert_eq!(
        (standing.quotas[0].used, standing.quotas[0].limit),
        (1, Some(250))
    );
    assert_eq!(standing.quotas.len(), 2);
}

#[test]
fn replies_are_read_answered_and_hidden() {
    let stage = stage(Server::default());
    let now = stage.now();
    let write = |by: &str, text: &str, to: Option<&str>, at| {
        stage.platform.borrow_mut().write(by, text, to, at)
    };
    let post = write("teahouse", "a", None, now);
    let first = write("aysel", "How much?", Some(&post), now + 1000);
    write("teahouse", "ours", Some(&first), now + 2000);
    let deep = write("aysel", "And green?", Some(&first), now + 3000);
    let mention = write("nigar", "@teahouse is fine", None, now + 2000);
    let page = Threads::fetch(&account(), None).unwrap();
    let ids: Vec<&str> = page
        .messages
        .iter()
        .map(|message| message.id.as_str())
        .collect();
    assert_eq!(ids, [first.as_str(), mention.as_str(), deep.as_str()]);
    assert_eq!(page.messages[1].kind, Kind::Mention);
    assert_eq!(page.messages[2].in_reply_to.as_ref(), Some(&first));
    assert_eq!(page.messages[2].conversation.as_ref(), Some(&post));
    let again = Threads::fetch(&account(), page.cursor.as_deref()).unwrap();
    assert_eq!(again.messages, []);

    let answer = Reply {
        to: page.messages[0].clone(),
        text: "5 manat".into(),
        key: "K".into(),
        created_at: now,
    };
    stage.trouble_once("POST", "/threads_publish", Trouble::LoseAnswer);
    let lost = Threads::reply(&account(), &answer);
    assert!(matches!(lost, Err(Error::UnknownOutcome(_))), "{lost:?}");
    let found = Threads::find_reply(&account(), &answer, now).unwrap();
    assert!(matches!(found, Found::Found(_)), "{found:?}");
    let other = Reply {
        text: "6 manat".into(),
        ..answer
    };
    let found = Threads::find_reply(&account(), &other, now).unwrap();
    assert!(matches!(found, Found::Absent), "{found:?}");
    Threads::hide(&account(), &page.messages[0]).unwrap();
    let platform = stage.platform.borrow();
    assert!(
        platform
            .media
            .iter()
            .find(|media| media.id == first)
            .unwrap()
            .hidden
    );
    assert_eq!(platform.media.last().unwrap().to.as_ref(), Some(&first));
}

//! The connector and a stand-in of Discord.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

use jarchi_platforms::discord::{CHANNEL, Discord as Server, THREAD, TOKEN, WEBHOOK};
use jarchi_platforms::{Answer, Stage, Trouble};
use jarchi_plugin_discord::Discord;
use jarchi_plugin_discord::publish::State;
use jarchi_plugin_sdk::{
    Account, Analytics, Connection, Delivery, Error, Finding, Link, Measure, MediaItem, Mention,
    Metric, Outcome, Poll, Post, Publisher, ThreadPart, testing,
};
use serde_json::{Value, json};

fn stage() -> Stage<Server> {
    let stage = Stage::new(Server::default());
    stage.secret("token", TOKEN);
    stage
}

fn account(more: Value) -> Account {
    let mut settings = json!({ "webhook": WEBHOOK });
    if let (Some(fields), Value::Object(more)) = (settings.as_object_mut(), more) {
        fields.extend(more);
    }
    testing::account(&settings)
}

fn delivery(post: Post) -> Delivery {
    testing::delivery(&account(json!({})), post)
}

fn options(mut post: Post, options: Value) -> Post {
    post.options = options.to_string();
    post
}

fn poll(options: &[&str]) -> Poll {
    Poll {
        options: options.iter().map(|option| (*option).to_owned()).collect(),
        open_for: 24 * 3_600_000,
        multiple: true,
        hide_totals: false,
    }
}

fn publish(
    stage: &Stage<Server>,
    delivery: &Delivery,
) -> Result<jarchi_plugin_sdk::Receipt, Error> {
    stage.publish::<Discord>(delivery)
}

#[test]
fn words() {
    let stage = stage();
    let post = Post {
        hashtags: vec!["çay".into()],
        mentions: vec![Mention {
            handle: "aysel".into(),
            id: Some("77".into()),
        }],
        link: Some(Link {
            url: "https://tea.example/".into(),
            title: None,
            description: None,
            thumbnail: None,
        }),
        content_warning: Some("Hot".into()),
        ..Post::text("Salam @aysel @everyone")
    };
    let receipt = publish(&stage, &delivery(post)).unwrap();
    let kept = stage.platform.borrow().kept();
    assert_eq!(
        kept[0].body["content"],
        "Hot\n\nSalam <@77> @everyone\n\nhttps://tea.example/"
    );
    assert_eq!(kept[0].body["allowed_mentions"], json!({ "parse": [] }));
    assert_eq!(
        receipt.url.unwrap(),
        format!(
            "https://discord.com/channels/3000000000000000001/{CHANNEL}/{}",
            receipt.id
        )
    );
    assert_eq!(receipt.published_at, Some(1_795_507_200_250));
    let lines = stage.called();
    assert_eq!(
        lines[0],
        format!("POST /api/v10/webhooks/{WEBHOOK}/{TOKEN}")
    );
}

#[test]
fn files_cards_and_all_options() {
    let stage = stage();
    let mut photo = stage.file("çay evi.jpg", "image/jpeg", *b"one");
    photo.alt = Some(" A glass of tea ".into());
    let post = options(
        Post {
            media: vec![photo, stage.file("b.mp4", "video/mp4", *b"second")],
            link: Some(Link {
                url: "https://tea.example/".into(),
                title: Some("The menu".into()),
                description: Some("All teas".into()),
                thumbnail: Some(stage.file("card.png", "image/png", *b"card!")),
            }),
            sensitive: true,
            ..Post::text("Salam")
        },
        json!({
            "username": "Tea", "avatar_url": "https://tea.example/a.png",
            "embeds": [{ "title": "Hours", "color": "#8b5a2b", "fields": [{ "name": "Mon", "value": "9–18" }],
                "footer": { "text": "x" }, "author": { "name": "y" }, "timestamp": "2026-11-24T08:00:00Z" }],
            "mention": { "everyone": true, "users": ["5"], "roles": true },
            "silent": true, "suppress_embeds": true, "tts": true,
        }),
    );
    publish(&stage, &delivery(post)).unwrap();
    let kept = &stage.platform.borrow().kept()[0];
    assert_eq!(
        kept.files,
        [
            ("SPOILER_çay_evi.jpg".to_owned(), 3),
            ("SPOILER_b.mp4".to_owned(), 6),
            ("card.png".to_owned(), 5),
        ]
    );
    let body = &kept.body;
    assert_eq!(body["content"], "Salam");
    assert_eq!(body["attachments"][0]["description"], "A glass of tea");
    assert_eq!(body["embeds"][0]["url"], "https://tea.example/");
    assert_eq!(body["embeds"][0]["image"]["url"], "attachment://card.png");
    assert_eq!(body["embeds"][1]["color"], 0x8b_5a2b);
    assert_eq!(body["flags"], 4100);
    assert_eq!(
        body["allowed_mentions"],
        json!({ "parse": ["everyone", "roles"], "users": ["5"] })
    );
}

#[test]
fn polls() {
    let stage = stage();
    let post = Post {
        poll: Some(poll(&["Qara", "Yaşıl"])),
        ..Post::text("Hansı çay?")
    };
    publish(&stage, &delivery(post.clone())).unwrap();
    publish(
        &stage,
        &delivery(options(post, json!({ "question": "Which?" }))),
    )
    .unwrap();
    let kept = stage.platform.borrow().kept();
    assert_eq!(kept[0].body["poll"]["question"]["text"], "Hansı çay?");
    assert_eq!(kept[0].body.get("content"), None);
    assert_eq!(kept[0].body["poll"]["duration"], 24);
    assert_eq!(kept[0].body["poll"]["allow_multiselect"], true);
    assert_eq!(kept[1].body["poll"]["question"]["text"], "Which?");
    assert_eq!(kept[1].body["content"], "Hansı çay?");
}

#[test]
fn parts_and_threads() {
    let post = Post {
        thread: vec![ThreadPart::text("second"), ThreadPart::text("third")],
        ..Post::text("first\nline")
    };
    // One after the other in the channel.
    let stage = stage();
    let receipt = publish(&stage, &delivery(post.clone())).unwrap();
    assert_eq!(receipt.parts.len(), 2);
    assert!(
        stage
            .platform
            .borrow()
            .kept()
            .iter()
            .all(|kept| kept.channel == CHANNEL)
    );
    drop(stage);

    // In a forum the first opens a thread.
    let stage = self::stage();
    stage.platform.borrow_mut().forum = true;
    let forum = account(json!({ "forum": true }));
    let with_comment = options(
        Post {
            first_comment: Some("comment".into()),
            ..post.clone()
        },
        json!({ "tags": ["9"] }),
    );
    let delivery = testing::delivery(&forum, with_comment);
    let receipt = publish(&stage, &delivery).unwrap();
    let kept = stage.platform.borrow().kept();
    assert_eq!(kept.len(), 4);
    assert_eq!(kept[0].body["thread_name"], "first");
    assert_eq!(kept[0].body["applied_tags"], json!(["9"]));
    assert!(
        kept.iter()
            .all(|one| one.channel == kept[0].channel && one.channel != CHANNEL)
    );
    assert_eq!(kept[3].body["content"], "comment");
    stage.host.advance(10_000);
    assert!(!Discord::posts(&forum, std::slice::from_ref(&receipt)).unwrap()[0].gone);
    Discord::delete(&forum, &receipt).unwrap();
    assert!(stage.platform.borrow().kept().is_empty());
    stage.host.advance(10_000);
    Discord::delete(&forum, &receipt).unwrap();
    drop(stage);

    // Into a thread that is there.
    let stage = self::stage();
    let inside = account(json!({ "thread": THREAD }));
    publish(&stage, &testing::delivery(&inside, post)).unwrap();
    assert!(
        stage
            .platform
            .borrow()
            .kept()
            .iter()
            .all(|kept| kept.channel == THREAD)
    );
}

#[test]
fn the_pace_is_kept() {
    let stage = stage();
    let post = Post {
        thread: (0..19)
            .map(|number| ThreadPart::text(number.to_string()))
            .collect(),
        ..Post::text("many")
    };
    // Twenty messages at five in two seconds, and nobody is refused.
    publish(&stage, &delivery(post)).unwrap();
    assert_eq!(stage.platform.borrow().kept().len(), 20);
    assert_eq!(stage.called().len(), 21, "and one look at the webhook");
    drop(stage);

    let _stage = self::stage();
    for _ in 0..5 {
        Discord::publish(&delivery(Post::text("x")))
            .map(drop)
            .unwrap_or_default();
    }
    let error = Discord::publish(&delivery(Post::text("x"))).unwrap_err();
    assert_eq!(error, Error::RateLimited(Some(2000)));
}

#[test]
fn refusals() {
    type Change = fn(&mut Server);
    let cases: [(Change, bool, &str); 5] = [
        (|one| one.deleted = true, true, "the webhook was deleted"),
        (
            |one| one.token = "other".into(),
            true,
            "copy the webhook's address anew",
        ),
        (|one| one.forum = true, false, "set `forum = true`"),
        (
            |one| one.upload_limit = 2,
            false,
            "larger than this server takes",
        ),
        (|one| one.threads.clear(), false, "number of the thread"),
    ];
    for (change, stops, words) in cases {
        let stage = stage();
        change(&mut stage.platform.borrow_mut());
        let thread = words.contains("thread right") || words.contains("number of the thread");
        let settings = if thread {
            json!({ "thread": THREAD })
        } else {
            json!({})
        };
        let post = Post {
            media: vec![stage.file("a.jpg", "image/jpeg", *b"one")],
            ..Post::text("x")
        };
        let error = publish(&stage, &testing::delivery(&account(settings), post)).unwrap_err();
        assert!(error.reason().contains(words), "{error:?}");
        assert_eq!(matches!(error, Error::Unauthorized(_)), stops, "{error:?}");
        assert_eq!(stage.called().len(), 1, "not asked again");
    }
    let tree = json!({ "code": 50035, "message": "Invalid Form Body", "errors": {
        "embeds": { "0": { "url": { "_errors": [{ "code": "X", "message": "Not a well formed URL." }] } } } } });
    for (answer, unknown, words) in [
        (
            Answer::json(400, &tree),
            false,
            "Invalid Form Body (50035): embeds.0.url: Not a well",
        ),
        (Answer::empty(502), true, "502"),
        (
            Answer::json(
                503,
                &json!({ "message": "busy", "code": 0, "retry_after": 1.5 }),
            ),
            true,
            "busy",
        ),
        (Answer::empty(204), true, ""),
        (
            Answer::new(403, "text/html", "<title>Access denied</title>"),
            false,
            "Access denied",
        ),
    ] {
        let stage = stage();
        stage.trouble_once("POST", TOKEN, Trouble::Instead(answer));
        let error = publish(&stage, &delivery(Post::text("x"))).unwrap_err();
        assert_eq!(
            matches!(error, Error::UnknownOutcome(_)),
            unknown,
            "{error:?}"
        );
        assert!(error.reason().contains(words), "{error:?}");
    }
    let stage = stage();
    let busy = json!({ "message": "resource busy", "code": 40062 });
    let answer = Answer::json(429, &busy).header("retry-after", 3);
    stage.trouble_once("POST", TOKEN, Trouble::Instead(answer));
    let error = publish(&stage, &delivery(Post::text("x"))).unwrap_err();
    assert_eq!(error, Error::RateLimited(Some(3000)));
}

#[test]
fn a_lost_answer_is_told_as_unknown() {
    let stage = stage();
    let delivery = delivery(Post {
        thread: vec![ThreadPart::text("second")],
        ..Post::text("first")
    });
    let Ok(Outcome::Processing(progress)) = Discord::publish(&delivery) else {
        panic!("two steps");
    };
    assert!(progress.visible);
    let state: State = serde_json::from_str(&progress.state).unwrap();
    stage.trouble_once("POST", TOKEN, Trouble::LoseAnswer);
    let error = Discord::resume(&delivery, state.clone()).unwrap_err();
    assert!(
        matches!(&error, Error::UnknownOutcome(why) if why.contains("thread[0]")),
        "{error:?}"
    );
    let found = Discord::find_published(&delivery, Some(state), testing::START).unwrap();
    assert!(matches!(found, Finding::CannotTell(_)), "{found:?}");
    assert_eq!(stage.platform.borrow().kept().len(), 2);
    stage.trouble_once("POST", TOKEN, Trouble::NotSent);
    let error = Discord::publish(&delivery).unwrap_err();
    assert!(matches!(error, Error::Transient(_)), "{error:?}");
}

fn file(name: &str, size: u64) -> MediaItem {
    testing::media(name, "image/jpeg", size)
}

#[test]
fn what_would_be_refused() {
    let _stage = stage();
    let with = |media: Vec<MediaItem>| Post {
        media,
        ..Post::text("x")
    };
    let opts = |value: Value| options(Post::text("x"), value);
    let alt = |length: usize| {
        let mut item = file("a.jpg", 1);
        item.alt = Some("x".repeat(length));
        with(vec![item])
    };
    let asks = |text: &str, answers: &[&str]| Post {
        poll: Some(poll(answers)),
        ..Post::text(text)
    };
    let open = |hours: u64| {
        let mut post = asks("x", &["a"]);
        post.poll.as_mut().unwrap().open_for = hours * 3_600_000;
        post
    };
    let embed = |value: Value| opts(json!({ "embeds": [value] }));
    let many = |length: usize| vec![json!({ "description": "x".repeat(length) }); 2];
    for (post, place) in [
        (Post::text("😀".repeat(2000)), None),
        (Post::text("x".repeat(2001)), Some("text")),
        (Post::text(" "), Some("text")),
        (with(vec![file("a.jpg", 10 << 20)]), None),
        (with(vec![file("a.jpg", (10 << 20) + 1)]), Some("media[0]")),
        (with(vec![file("a.jpg", 0)]), Some("media[0]")),
        (with(vec![file("a.jpg", 1); 10]), None),
        (with(vec![file("a.jpg", 1); 11]), Some("media")),
        (alt(1024), None),
        (alt(1025), Some("media[0].alt")),
        (asks(&"x".repeat(300), &["a"]), None),
        (asks(&"x".repeat(301), &["a"]), Some("text")),
        (asks("", &["a"]), Some("text")),
        (asks("x", &[]), Some("poll.options")),
        (asks("x", &["a"; 10]), None),
        (asks("x", &["a"; 11]), Some("poll.options")),
        (asks("x", &[&"y".repeat(55)]), None),
        (asks("x", &[&"y".repeat(56)]), Some("poll.options[0]")),
        (open(768), None),
        (open(769), Some("poll.open-for")),
        (open(0), Some("poll.open-for")),
        (embed(json!({ "title": "x".repeat(256) })), None),
        (
            embed(json!({ "title": "x".repeat(257) })),
            Some("options.embeds[0].title"),
        ),
        (
            embed(json!({ "color": "red" })),
            Some("options.embeds[0].color"),
        ),
        (
            embed(json!({ "fields": [{ "name": "", "value": "x" }] })),
            Some("options.embeds[0].fields"),
        ),
        (embed(json!({ "titel": "x" })), Some("options")),
        (opts(json!({ "embeds": many(3000) })), None),
        (
            opts(json!({ "embeds": many(3001) })),
            Some("options.embeds"),
        ),
        (opts(json!({ "sielnt": true })), Some("options.sielnt")),
        (opts(json!({ "tags": ["1"] })), Some("options.tags")),
        (
            opts(json!({ "thread_name": "x" })),
            Some("options.thread_name"),
        ),
        (
            opts(json!({ "username": "My Discord" })),
            Some("options.username"),
        ),
        (
            opts(json!({ "username": "x".repeat(81) })),
            Some("options.username"),
        ),
        (opts(json!({ "thread": "general" })), Some("options.thread")),
        (
            Post {
                first_comment: Some("x".into()),
                ..Post::text("x")
            },
            Some("first-comment"),
        ),
    ] {
        let problems = Discord::validate(&account(json!({})), &post).unwrap();
        let first = problems.first().map(|problem| problem.place.as_str());
        assert_eq!(first, place, "{problems:?}");
    }
    let forum = account(json!({ "forum": true }));
    let unnamed = with(vec![]);
    assert!(Discord::validate(&forum, &unnamed).unwrap().is_empty());
    let named = opts(json!({ "thread_name": "x".repeat(101) }));
    assert_eq!(
        Discord::validate(&forum, &named).unwrap()[0].place,
        "options.thread_name"
    );
}

#[test]
fn numbers_and_standing() {
    let stage = stage();
    let first = publish(&stage, &delivery(Post::text("x"))).unwrap();
    let asks = Post {
        poll: Some(poll(&["a", "b"])),
        ..Post::text("?")
    };
    let second = publish(&stage, &delivery(asks)).unwrap();
    let third = publish(&stage, &delivery(Post::text("y"))).unwrap();
    stage.host.advance(10_000);
    {
        let mut server = stage.platform.borrow_mut();
        let mut kept = server.messages.values_mut();
        kept.next().unwrap().reactions = vec![3, 4];
        kept.next().unwrap().votes = Some(vec![5, 6]);
        drop(kept);
        let last = *server.messages.keys().last().unwrap();
        server.messages.remove(&last);
    }
    let numbers = Discord::posts(&account(json!({})), &[first, second, third]).unwrap();
    assert_eq!(numbers[0].metrics, [Metric::new(Measure::Likes, 7)]);
    assert_eq!(
        numbers[1].metrics[1],
        Metric::new(Measure::Other("votes".into()), 11)
    );
    assert!(numbers[2].gone);

    stage.host.advance(10_000);
    assert!(matches!(
        Discord::account(&account(json!({}))),
        Err(Error::Unsupported(_))
    ));
    let members = Discord::account(&account(json!({ "invite": "tea" }))).unwrap();
    assert_eq!(members, [Metric::new(Measure::Followers, 321)]);
    let gone = Discord::account(&account(json!({ "invite": "coffee" }))).unwrap_err();
    assert!(matches!(gone, Error::Invalid(_)), "{gone:?}");

    let standing = Discord::check(&account(json!({}))).unwrap();
    assert_eq!(standing.name, "Tea House");
    assert_eq!(
        standing.url.unwrap(),
        format!("https://discord.com/channels/3000000000000000001/{CHANNEL}")
    );
    assert!(standing.problems.is_empty());
    stage.platform.borrow_mut().deleted = true;
    let error = Discord::check(&account(json!({}))).unwrap_err();
    assert!(matches!(error, Error::Unauthorized(_)), "{error:?}");
}

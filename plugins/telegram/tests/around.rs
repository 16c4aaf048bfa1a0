//! Validation, the connection, the inbox and the numbers.

mod common;

use common::{account, account_of, delivery, methods, options, poll, publish, stage};
use jarchi_platforms::telegram::{CHANNEL, DISCUSSION, GROUP, PERSON};
use jarchi_plugin_sdk::inbox::{Answer, Kind};
use jarchi_plugin_sdk::{
    Analytics, Connection, Error, Inbox, Measure, MediaItem, Metric, Post, Publisher, ThreadPart,
    testing,
};
use jarchi_plugin_telegram::Telegram;
use jarchi_plugin_telegram::publish::Kept;
use serde_json::{Value, json};

fn file(name: &str, mime: &str, size: u64, sides: (u32, u32)) -> MediaItem {
    let mut item = testing::media(name, mime, size);
    (item.width, item.height) = (Some(sides.0), Some(sides.1));
    item
}

#[test]
fn what_would_be_refused() {
    let _stage = stage();
    const MB: u64 = 1 << 20;
    let photo = |size, sides| file("a.jpg", "image/jpeg", size, sides);
    let many = |count: usize| vec![photo(1, (9, 9)); count];
    let with = |media: Vec<MediaItem>| Post {
        media,
        ..Post::text("x")
    };
    let asks = |text: &str, answers: &[&str]| Post {
        poll: Some(poll(answers)),
        ..Post::text(text)
    };
    let opts = |value: Value| options(Post::text("x"), value);
    let open = |open_for| {
        let mut post = asks("x", &["a"]);
        post.poll.as_mut().unwrap().open_for = open_for;
        post
    };
    for (post, place) in [
        (Post::text("ə".repeat(4096)), None),
        (Post::text("ə".repeat(4097)), Some("text")),
        (Post::text("😀".repeat(2048)), None),
        (Post::text("😀".repeat(2049)), Some("text")),
        (Post::text(""), Some("text")),
        (
            options(Post::text("<b>x"), json!({ "format": "html" })),
            Some("text"),
        ),
        (
            options(
                Post::text(format!("<b>{}</b>", "x".repeat(4096))),
                json!({ "format": "html" }),
            ),
            None,
        ),
        (with(vec![photo(10 * MB, (5000, 5000))]), None),
        (with(vec![photo(10 * MB + 1, (9, 9))]), Some("media[0]")),
        (with(vec![photo(1, (5001, 5000))]), Some("media[0]")),
        (with(vec![photo(1, (200, 10))]), None),
        (with(vec![photo(1, (201, 10))]), Some("media[0]")),
        (with(vec![photo(0, (9, 9))]), Some("media[0]")),
        (
            with(vec![file("a.mp4", "video/mp4", 50 * MB, (9, 9))]),
            None,
        ),
        (
            with(vec![file("a.mp4", "video/mp4", 50 * MB + 1, (9, 9))]),
            Some("media[0]"),
        ),
        (with(many(10)), None),
        (with(many(11)), Some("media")),
        (
            with(vec![
                photo(1, (9, 9)),
                file("a.gif", "image/gif", 1, (9, 9)),
            ]),
            Some("media"),
        ),
        (
            with(vec![
                photo(1, (9, 9)),
                file("a.pdf", "application/pdf", 1, (9, 9)),
            ]),
            Some("media"),
        ),
        (
            options(
                with(vec![
                    photo(1, (9, 9)),
                    file("a.pdf", "application/pdf", 1, (9, 9)),
                ]),
                json!({ "as_document": true }),
            ),
            None,
        ),
        (
            options(
                with(many(2)),
                json!({ "buttons": [[{ "text": "a", "url": "https://a.az" }]] }),
            ),
            Some("options.buttons"),
        ),
        (
            opts(json!({ "buttons": [[{ "text": "a" }]] })),
            Some("options.buttons[0]"),
        ),
        (
            opts(json!({ "buttons": [[{ "text": "a", "url": "a.az" }]] })),
            Some("options.buttons[0]"),
        ),
        (opts(json!({ "slient": true })), Some("options.slient")),
        (opts(json!({ "silent": "yes" })), Some("options")),
        (
            opts(json!({ "quiz": { "correct": [0] } })),
            Some("options.quiz"),
        ),
        (opts(json!({ "topic": 3 })), Some("options.topic")),
        (asks(&"x".repeat(300), &["a"; 1]), None),
        (asks(&"x".repeat(301), &["a"; 1]), Some("text")),
        (
            options(asks(&"x".repeat(1024), &["a"]), json!({ "question": "?" })),
            None,
        ),
        (
            options(asks(&"x".repeat(1025), &["a"]), json!({ "question": "?" })),
            Some("text"),
        ),
        (asks("x", &[]), Some("poll.options")),
        (
            asks(
                "x",
                &[
                    "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12",
                ],
            ),
            None,
        ),
        (
            asks(
                "x",
                &[
                    "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13",
                ],
            ),
            Some("poll.options"),
        ),
        (asks("x", &[&"y".repeat(100)]), None),
        (asks("x", &[&"y".repeat(101)]), Some("poll.options[0]")),
        (asks("x", &["a", "a"]), Some("poll.options[1]")),
        (open(5000), None),
        (open(4999), Some("poll.open-for")),
        (open(2_628_000_999), None),
        (open(2_628_001_000), Some("poll.open-for")),
        (
            options(asks("x", &["a"]), json!({ "anonymous": false })),
            Some("options.anonymous"),
        ),
        (
            options(asks("x", &["a"]), json!({ "quiz": { "correct": [1] } })),
            Some("options.quiz.correct"),
        ),
        (
            Post {
                thread: vec![ThreadPart::text("")],
                ..Post::text("x")
            },
            Some("thread[0].text"),
        ),
    ] {
        let problems = Telegram::validate(&account(), &post).unwrap();
        let places: Vec<&str> = problems
            .iter()
            .map(|problem| problem.place.as_str())
            .collect();
        assert_eq!(places.first().copied(), place, "{problems:?} of {post:?}");
    }
}

#[test]
fn whether_a_first_comment_is_possible() {
    let post = Post {
        first_comment: Some("x".into()),
        ..Post::text("x")
    };
    type Change = fn(&mut jarchi_platforms::telegram::Telegram);
    let cases: [(Value, Change, Option<&str>); 4] = [
        (json!({}), |_| (), None),
        (
            json!({}),
            |one| one.chat(CHANNEL).linked = None,
            Some("no discussion group"),
        ),
        (
            json!({}),
            |one| one.webhook = Some("https://x.az".into()),
            Some("by a webhook"),
        ),
        (
            json!({ "updates": false }),
            |_| (),
            Some("`updates` is false"),
        ),
    ];
    for (settings, change, words) in cases {
        let stage = stage();
        change(&mut stage.platform.borrow_mut());
        let problems = Telegram::validate(&account_of("teahouse", settings), &post).unwrap();
        match words {
            None => assert!(problems.is_empty(), "{problems:?}"),
            Some(words) => assert!(problems[0].message.contains(words), "{problems:?}"),
        }
    }
}

#[test]
fn the_connection() {
    let stage = stage();
    let standing = Telegram::check(&account()).unwrap();
    assert_eq!(standing.name, "Tea House");
    assert_eq!(standing.url.as_deref(), Some("https://t.me/teahouse"));
    assert!(
        standing.scopes.contains(&"can_post_messages".to_owned()),
        "{standing:?}"
    );
    assert!(
        standing.lacking.is_empty() && standing.problems.is_empty(),
        "{standing:?}"
    );

    {
        let mut server = stage.platform.borrow_mut();
        server.chat(CHANNEL).may_post = false;
        server.chat(DISCUSSION).bot = "left";
        server.webhook = Some("https://other.example".into());
    }
    let standing = Telegram::check(&account()).unwrap();
    assert_eq!(standing.lacking, ["can_post_messages"]);
    let words: Vec<&str> = standing
        .problems
        .iter()
        .map(|one| one.message.as_str())
        .collect();
    assert_eq!(words.len(), 3, "{words:?}");
    assert!(
        words[0].contains("lacks the right") && words[1].contains("webhook"),
        "{words:?}"
    );
    assert!(words[2].contains("discussion group"), "{words:?}");

    stage.platform.borrow_mut().revoked = true;
    let error = Telegram::check(&account()).unwrap_err();
    assert!(matches!(error, Error::Unauthorized(_)), "{error:?}");
}

#[test]
fn chats_that_the_bot_was_added_to() {
    let stage = stage();
    let nobody = testing::account(&json!({}));
    let none = Telegram::targets(&nobody).unwrap_err();
    assert!(
        none.reason().contains("@teahousebot was not added"),
        "{none:?}"
    );
    let now = stage.now();
    stage.platform.borrow_mut().added(CHANNEL, now);
    stage.platform.borrow_mut().added(GROUP, now);
    stage.platform.borrow_mut().chat(GROUP).bot = "left";
    for _ in 0..2 {
        let targets = Telegram::targets(&nobody).unwrap();
        assert_eq!(targets.len(), 2, "nothing was taken from the updates");
        assert_eq!(
            (targets[0].kind.as_str(), targets[0].settings.as_str()),
            ("channel", "{\"chat\":\"@teahouse\"}")
        );
        assert_eq!(targets[0].obstacle, None);
        assert_eq!(targets[1].settings, format!("{{\"chat\":\"{GROUP}\"}}"));
        assert!(targets[1].obstacle.is_some());
    }
    assert!(
        matches!(Telegram::check(&nobody), Err(Error::Invalid(why)) if why.contains("no chat is chosen"))
    );
}

#[test]
fn comments_and_messages() {
    let stage = stage();
    let receipt = publish(&stage, &delivery(Post::text("Salam"))).unwrap();
    let now = stage.now();
    let (first, further, mention, direct);
    {
        let mut server = stage.platform.borrow_mut();
        first = server.written(DISCUSSION, "Gözəl!", Some(1), now + 1000);
        further = server.written(DISCUSSION, "Bəli", Some(first), now + 2000);
        server.written(DISCUSSION, "talk of others", None, now + 3000);
        mention = server.written(DISCUSSION, "hey @TeaHouseBot", None, now + 4000);
        direct = server.written(7001, "Are you open?", None, now + 5000);
    }
    let page = Telegram::fetch(&account(), None).unwrap();
    let ids: Vec<&str> = page.messages.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(
        ids,
        [
            format!("{DISCUSSION}:{first}"),
            format!("{DISCUSSION}:{further}"),
            format!("{DISCUSSION}:{mention}"),
            format!("7001:{direct}"),
        ]
    );
    let [comment, answer, mention, message] = &page.messages[..] else {
        panic!("four");
    };
    assert_eq!(comment.kind, Kind::Comment);
    assert_eq!(comment.in_reply_to.as_deref(), Some(receipt.id.as_str()));
    assert_eq!(comment.author.handle, "aysel");
    assert_eq!(comment.author.name.as_deref(), Some("Aysel M."));
    assert_eq!(comment.language.as_deref(), Some("az"));
    assert_eq!(comment.sent_at, (now + 1000) / 1000 * 1000);
    assert_eq!(answer.in_reply_to.as_deref(), Some(comment.id.as_str()));
    assert_eq!(answer.conversation, comment.conversation);
    assert_eq!(
        (mention.kind, message.kind),
        (Kind::Mention, Kind::DirectMessage)
    );
    assert!(!page.more);

    // As long as the host has not kept the cursor, they come again; then no more.
    assert_eq!(Telegram::fetch(&account(), None).unwrap().messages.len(), 4);
    let rest = Telegram::fetch(&account(), page.cursor.as_deref()).unwrap();
    assert!(rest.messages.is_empty());
    assert_eq!(rest.cursor, page.cursor);
    assert!(
        stage.platform.borrow().updates.is_empty(),
        "Telegram may forget them"
    );

    let reply = |to: &jarchi_plugin_sdk::inbox::Message| {
        Telegram::reply(
            &account(),
            &Answer {
                to: to.clone(),
                text: "Sağ ol!".into(),
                key: "key".into(),
                created_at: now,
            },
        )
    };
    let sent = reply(comment).unwrap();
    assert!(sent.id.starts_with(&format!("{DISCUSSION}:")), "{sent:?}");
    assert!(sent.url.unwrap().starts_with("https://t.me/c/2222222222/"));
    let talk = stage.platform.borrow().messages(DISCUSSION);
    assert_eq!(talk.last().unwrap()["reply_to_message"]["text"], "Gözəl!");
    reply(message).unwrap();
    let mut blocked = message.clone();
    blocked.data = Some(json!({ "chat": 7002, "message": 1 }).to_string());
    let error = reply(&blocked).unwrap_err();
    assert!(
        matches!(error, Error::Invalid(_)),
        "one person's blocking does not stop the account: {error:?}"
    );
    Telegram::like(&account(), comment).unwrap();
    assert_eq!(stage.platform.borrow().reactions[0].1, first);
}

/// The account's chat is with one person: what she answers is told from what she writes.
#[test]
fn answers_in_a_chat_with_one_person() {
    let stage = stage();
    stage.platform.borrow_mut().befriend();
    let account = account_of(&PERSON.to_string(), json!({}));
    let mut delivery = delivery(Post::text("Salam"));
    delivery.account = account.clone();
    let receipt = publish(&stage, &delivery).unwrap();
    let (now, post) = (stage.now(), receipt.id.parse().unwrap());
    let own;
    {
        let mut server = stage.platform.borrow_mut();
        server.written(PERSON, "hə", Some(post), now + 1000);
        own = server.written(PERSON, "a word more", None, now + 2000);
        server.written(PERSON, "to myself", Some(own), now + 3000);
    }
    let page = Telegram::fetch(&account, None).unwrap();
    let answered: Vec<Option<&str>> = page
        .messages
        .iter()
        .map(|one| one.in_reply_to.as_deref())
        .collect();
    assert_eq!(answered, [Some(receipt.id.as_str()), None, None]);
    assert!(
        page.messages
            .iter()
            .all(|one| one.kind == Kind::DirectMessage)
    );
    assert!(own > 0);
}

#[test]
fn updates_that_somebody_else_takes() {
    let stage = stage();
    stage.platform.borrow_mut().webhook = Some("https://other.example".into());
    let error = Telegram::fetch(&account(), None).unwrap_err();
    assert!(
        matches!(&error, Error::Invalid(why) if why.contains("bot of its own")),
        "{error:?}"
    );
    let off = account_of("@teahouse", json!({ "updates": false }));
    stage.requests();
    assert!(matches!(
        Telegram::fetch(&off, None),
        Err(Error::Unsupported(_))
    ));
    assert!(methods(&stage).is_empty());
}

/// A crash between the request and the host's disk: the memory is as it was before.
#[test]
fn no_update_is_lost_by_a_crash() {
    let stage = stage();
    let now = stage.now();
    stage.platform.borrow_mut().written(7001, "one", None, now);
    Telegram::fetch(&account(), None).unwrap();
    stage.host.forget();
    let again = Telegram::fetch(&account(), None).unwrap();
    assert_eq!(again.messages.len(), 1);
}

#[test]
fn a_flood_of_messages_stays_with_telegram() {
    let stage = stage();
    let now = stage.now();
    for number in 0..300 {
        let text = format!("{number} {}", "ə".repeat(4000));
        stage.platform.borrow_mut().written(7001, &text, None, now);
    }
    let mut cursor = None;
    let mut seen = 0;
    for _ in 0..50 {
        let page = Telegram::fetch(&account(), cursor.as_deref()).unwrap();
        for message in &page.messages {
            assert!(
                message.text.starts_with(&format!("{seen} ")),
                "in order, each once"
            );
            seen += 1;
        }
        cursor = page.cursor;
    }
    assert_eq!(seen, 300);
    // Nobody reads: the numbers don't suffer, and nothing is lost to make room for them.
    for number in 0..300 {
        let text = format!("{number} {}", "ə".repeat(4000));
        stage.platform.borrow_mut().written(7001, &text, None, now);
        Telegram::posts(&account(), &[]).unwrap();
    }
    assert!(!stage.platform.borrow().updates.is_empty());
    let page = Telegram::fetch(&account(), cursor.as_deref()).unwrap();
    assert!(page.messages[0].text.starts_with("0 "));
}

#[test]
fn numbers_that_updates_tell() {
    let stage = stage();
    let first = publish(&stage, &delivery(Post::text("Salam"))).unwrap();
    let asks = Post {
        poll: Some(poll(&["a", "b"])),
        ..Post::text("Hansı?")
    };
    let second = publish(&stage, &delivery(asks)).unwrap();
    assert!(second.data::<Kept>().unwrap().poll.is_some());
    let posts = [first.clone(), second.clone()];
    // The first call says that it wants reactions.
    assert!(
        Telegram::posts(&account(), &posts).unwrap().is_empty(),
        "missing is not zero"
    );
    let now = stage.now();
    {
        let mut server = stage.platform.borrow_mut();
        server.reacted(CHANNEL, 1, &[2], now);
        server.reacted(CHANNEL, 1, &[5, 3], now);
        server.reacted(DISCUSSION, 1, &[99], now);
        let asked = server.messages(CHANNEL)[1]["poll"].clone();
        server.voted(&asked, 17);
        server.written(7001, "kept for the inbox", None, now);
    }
    let numbers = Telegram::posts(&account(), &posts).unwrap();
    assert_eq!(numbers[0].metrics, [Metric::new(Measure::Likes, 8)]);
    assert_eq!(
        numbers[1].metrics,
        [Metric::new(Measure::Other("votes".into()), 17)]
    );
    assert_eq!(
        Telegram::posts(&account(), &posts).unwrap().len(),
        2,
        "they are remembered"
    );
    assert_eq!(Telegram::fetch(&account(), None).unwrap().messages.len(), 1);
    let account = Telegram::account(&account()).unwrap();
    assert_eq!(account, [Metric::new(Measure::Followers, 1250)]);
}

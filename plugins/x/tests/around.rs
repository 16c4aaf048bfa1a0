//! What stands around publishing: validation, the account, numbers, the inbox.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{
    START, account, account_with, delivery, picture, poll, problem, stage, video, with_media,
    with_options,
};
use jarchi_platforms::Trouble;
use jarchi_plugin_sdk::inbox::{self, Finding, Kind};
use jarchi_plugin_sdk::{
    Account, Analytics, Connection, Error, Inbox, Measure, MediaItem, Metric, Post, Publisher,
    Receipt, Severity, ThreadPart,
};
use jarchi_plugin_x::X;
use serde_json::json;

/// The places of what would be refused.
fn refused(account: &Account, post: &Post) -> Vec<String> {
    let problems = X::validate(account, post).unwrap();
    problems
        .into_iter()
        .filter(|problem| problem.severity == Severity::Error)
        .map(|problem| problem.place)
        .collect()
}

#[test]
fn texts_at_the_edge() {
    let _stage = stage();
    let none: [&str; 0] = [];
    assert_eq!(refused(&account(), &Post::text("a".repeat(280))), none);
    assert_eq!(refused(&account(), &Post::text("a".repeat(281))), ["text"]);
    // What counts twice, and an address, which counts 23 however long it is.
    assert_eq!(refused(&account(), &Post::text("字".repeat(140))), none);
    assert_eq!(refused(&account(), &Post::text("字".repeat(141))), ["text"]);
    let address = format!("https://a.az/{}", "x".repeat(400));
    let text = format!("{} {address}", "a".repeat(256));
    assert_eq!(refused(&account(), &Post::text(text)), none);
    let text = format!("{} {address}", "a".repeat(257));
    assert_eq!(refused(&account(), &Post::text(text)), ["text"]);
    let premium = account_with(&json!({ "text": 25_000 }));
    assert_eq!(refused(&premium, &Post::text("a".repeat(25_000))), none);
    assert_eq!(refused(&account(), &Post::text("")), ["text"]);
    let thread = Post {
        thread: vec![ThreadPart {
            text: "a".repeat(281),
            media: vec![],
        }],
        first_comment: Some("b".repeat(281)),
        ..Post::text("Salam")
    };
    assert_eq!(
        refused(&account(), &thread),
        ["thread[0].text", "first-comment"]
    );
}

#[test]
fn files_at_the_edge() {
    let stage = stage();
    let pictures = |count: usize| {
        let names = (0..count).map(|number| format!("{number}.png"));
        names.map(|name| picture(&stage, &name)).collect::<Vec<_>>()
    };
    let at = |media: Vec<MediaItem>| refused(&account(), &with_media("Salam", media));
    let none: [&str; 0] = [];
    assert_eq!(at(pictures(4)), none);
    assert_eq!(at(pictures(5)), ["media"]);
    let mixed = [pictures(1), vec![video(&stage, 1000)]].concat();
    assert_eq!(at(mixed), ["media"]);
    let large = |size: u64| MediaItem {
        size,
        ..picture(&stage, "large.png")
    };
    assert_eq!(at(vec![large(5 << 20)]), none);
    assert_eq!(at(vec![large((5 << 20) + 1)]), ["media[0]"]);
    let long = |seconds: u64| MediaItem {
        length: Some(seconds * 1000),
        ..video(&stage, 1000)
    };
    assert_eq!(at(vec![long(140)]), none);
    assert_eq!(at(vec![long(141)]), ["media[0]"]);
    let alt = |length: usize| MediaItem {
        alt: Some("a".repeat(length)),
        ..picture(&stage, "a.png")
    };
    assert_eq!(at(vec![alt(1000)]), none);
    assert_eq!(at(vec![alt(1001)]), ["media[0].alt"]);
    let pdf = stage.file("menu.pdf", "application/pdf", "%PDF");
    assert_eq!(at(vec![pdf]), ["media[0]"]);
}

#[test]
fn polls_and_options() {
    let stage = stage();
    let with_poll = |options: &[&str], minutes: u64| Post {
        poll: Some(poll(options, minutes)),
        ..Post::text("Çay?")
    };
    let none: [&str; 0] = [];
    let at = |post: &Post| refused(&account(), post);
    assert_eq!(at(&with_poll(&["a", "b"], 5)), none);
    assert_eq!(at(&with_poll(&["a", "b", "c", "d"], 7 * 24 * 60)), none);
    assert_eq!(at(&with_poll(&["a"], 60)), ["poll.options"]);
    assert_eq!(
        at(&with_poll(&["a", "b", "c", "d", "e"], 60)),
        ["poll.options"]
    );
    assert_eq!(
        at(&with_poll(&["a", &"b".repeat(26)], 60)),
        ["poll.options[1]"]
    );
    assert_eq!(at(&with_poll(&["a", "b"], 4)), ["poll.open-for"]);
    let both = Post {
        media: vec![picture(&stage, "a.png")],
        ..with_poll(&["a", "b"], 60)
    };
    assert_eq!(at(&both), ["poll"]);
    let misspelt = with_options("Salam", json!({ "reply_setings": "following" }));
    let problems = X::validate(&account(), &misspelt).unwrap();
    let told = problems.iter().find(|one| one.severity == Severity::Error);
    let told = &told.expect("it is refused").message;
    assert!(told.contains("`reply_settings`"), "{told}");
    let wrong = with_options("Salam", json!({ "quote": "https://x.com/a/status/1" }));
    assert_eq!(at(&wrong), ["options.quote"]);
}

#[test]
fn how_the_account_stands() {
    let stage = stage();
    let targets = X::targets(&account()).unwrap();
    assert_eq!(targets.len(), 1);
    assert_eq!(targets[0].id, "1001");
    let standing = X::check(&account()).unwrap();
    assert_eq!(standing.name, "Jarchi Tea House (@jarchi_tea)");
    assert_eq!(standing.url.as_deref(), Some("https://x.com/jarchi_tea"));
    stage.platform.borrow_mut().protected = true;
    let warned = X::check(&account()).unwrap().problems;
    let told = warned.iter().any(|one| one.message.contains("protected"));
    assert!(told, "{warned:?}");
    stage.secret("access_token", "another");
    let refused = X::check(&account());
    assert!(
        matches!(refused, Err(Error::Unauthorized(_))),
        "{refused:?}"
    );
}

fn value(metrics: &[Metric], measure: &Measure) -> Option<i64> {
    let found = metrics.iter().find(|metric| metric.measure == *measure);
    found.map(|metric| metric.value)
}

#[test]
fn numbers_of_posts_young_old_and_gone() {
    let stage = stage();
    let receipt = stage
        .publish::<X>(&delivery(Post::text("Salam")))
        .expect("X takes it");
    {
        let mut platform = stage.platform.borrow_mut();
        let post = platform.find_mut(&receipt.id).unwrap();
        for (name, count) in [
            ("like_count", 7),
            ("retweet_count", 2),
            ("impression_count", 90),
        ] {
            post.public.insert(name.into(), count);
        }
        post.private.insert("url_link_clicks".into(), 3);
    }
    let gone = Receipt::new("2125137341445046999");
    let told = X::posts(&account(), &[receipt.clone(), gone]).unwrap();
    assert_eq!(told.len(), 2);
    let metrics = &told[0].metrics;
    assert_eq!(value(metrics, &Measure::Likes), Some(7));
    assert_eq!(value(metrics, &Measure::Shares), Some(2));
    assert_eq!(value(metrics, &Measure::Impressions), Some(90));
    assert_eq!(value(metrics, &Measure::Clicks), Some(3));
    assert_eq!(value(metrics, &Measure::Quotes), None, "missing, not zero");
    assert!(told[1].gone && !told[0].gone);
    // After 30 days, X tells the author no more than others.
    stage.host.advance(31 * 24 * 3_600_000);
    let told = X::posts(&account(), &[receipt]).unwrap();
    assert_eq!(value(&told[0].metrics, &Measure::Likes), Some(7));
    assert_eq!(value(&told[0].metrics, &Measure::Clicks), None);
}

#[test]
fn numbers_of_the_account() {
    let stage = stage();
    {
        let metrics = &mut stage.platform.borrow_mut().metrics;
        metrics.insert("followers_count".into(), 42);
        metrics.insert("tweet_count".into(), 5);
    }
    let told = X::account(&account()).unwrap();
    assert_eq!(value(&told, &Measure::Followers), Some(42));
    assert_eq!(value(&told, &Measure::Posts), Some(5));
    assert_eq!(value(&told, &Measure::Following), None);
}

fn answer(to: &inbox::Message, text: &str) -> inbox::Answer {
    inbox::Answer {
        to: to.clone(),
        text: text.into(),
        key: "01JDEVKEY0000000000000TEST".into(),
        created_at: START,
    }
}

#[test]
fn comments_mentions_and_messages() {
    let stage = stage();
    let receipt = stage
        .publish::<X>(&delivery(Post::text("Salam")))
        .expect("X takes it");
    stage.host.advance(60_000);
    {
        let mut platform = stage.platform.borrow_mut();
        let now = START + 60_000;
        platform.others_post("2001", "@jarchi_tea nə qədər?", Some(&receipt.id), now);
        platform.others_post("2002", "salam @jarchi_tea", None, now + 1000);
        platform.receive("2001", "Açıqsınız?", now + 2000);
    }
    let page = X::fetch(&account(), None).unwrap();
    let seen: Vec<_> = page
        .messages
        .iter()
        .map(|message| (message.kind, message.author.handle.as_str()))
        .collect();
    assert_eq!(
        seen,
        [
            (Kind::Comment, "fatima"),
            (Kind::Mention, "ali"),
            (Kind::DirectMessage, "fatima"),
        ]
    );
    assert_eq!(page.messages[0].in_reply_to, Some(receipt.id));
    assert!(!page.more);
    // What was read does not come again.
    let next = X::fetch(&account(), page.cursor.as_deref()).unwrap();
    assert_eq!(next.messages, []);

    let (comment, mention, direct) = (&page.messages[0], &page.messages[1], &page.messages[2]);
    for message in [comment, direct] {
        let answer = answer(message, "Hə, buyurun");
        // Its answer is lost, and it is found.
        stage.trouble(|request| (request.method == "POST").then_some(Trouble::LoseAnswer));
        let lost = X::reply(&account(), &answer);
        assert!(matches!(lost, Err(Error::UnknownOutcome(_))), "{lost:?}");
        stage.no_trouble();
        let found = X::find_reply(&account(), &answer, START).unwrap();
        assert!(matches!(found, Finding::Found(_)), "{found:?}");
    }
    let never = answer(mention, "Salam!");
    let found = X::find_reply(&account(), &never, START).unwrap();
    assert!(matches!(found, Finding::Absent), "{found:?}");

    X::like(&account(), mention).unwrap();
    X::hide(&account(), comment).unwrap();
    {
        let platform = stage.platform.borrow();
        assert_eq!(platform.likes, std::slice::from_ref(&mention.id));
        assert!(platform.find(&comment.id).unwrap().hidden);
        let answers = platform
            .own()
            .iter()
            .filter(|post| post.reply_to.is_some())
            .count();
        assert_eq!(answers, 1);
    }
    for refused in [X::hide(&account(), mention), X::like(&account(), direct)] {
        assert!(matches!(refused, Err(Error::Unsupported(_))), "{refused:?}");
    }
    let long = answer(comment, &"a".repeat(281));
    let refused = X::reply(&account(), &long);
    assert!(matches!(refused, Err(Error::Invalid(_))), "{refused:?}");
}

#[test]
fn direct_messages_that_the_app_may_not_read() {
    let stage = stage();
    {
        let mut platform = stage.platform.borrow_mut();
        platform.others_post("2002", "salam @jarchi_tea", None, START);
        platform.receive("2001", "Açıqsınız?", START);
    }
    stage.trouble(|request| {
        let refused = problem(403, "about:blank", "You are not permitted to do this.");
        (request.path() == "/2/dm_events").then_some(Trouble::Instead(refused))
    });
    let page = X::fetch(&account(), None).unwrap();
    assert_eq!(page.messages.len(), 1, "the mentions come all the same");
    let without = account_with(&json!({ "direct_messages": false }));
    stage.no_trouble();
    stage.called();
    X::fetch(&without, page.cursor.as_deref()).unwrap();
    let called = stage.called();
    assert!(
        !called.iter().any(|line| line.contains("dm_events")),
        "{called:?}"
    );
}

//! The numbers, the inbox and the connection.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{account, facebook, stage};
use jarchi_platforms::Trouble;
use jarchi_platforms::instagram::{Instagram as Server, PAGE, PAGE_TOKEN, USER};
use jarchi_plugin_instagram::Instagram;
use jarchi_plugin_sdk::inbox::{Answer, Finding, Kind, Message};
use jarchi_plugin_sdk::{Account, Analytics, Connection, Error, Inbox, Measure, Metric, Receipt};
use serde_json::{Value, json};

const HOUR: u64 = 3_600_000;

fn metric(measure: Measure, value: i64) -> Metric {
    Metric::new(measure, value)
}

#[test]
fn numbers_of_posts() {
    let stage = stage(Server::default());
    let now = stage.now();
    let one = stage.platform.borrow_mut().post("a", now);
    stage.platform.borrow_mut().comment(&one, "aysel", "b", now);
    let comment = stage
        .platform
        .borrow_mut()
        .comment(&one, "teahouse", "first", now);
    let posts = [
        Receipt {
            parts: vec![comment],
            ..Receipt::new(&one)
        },
        Receipt::new("gone"),
    ];
    let wanted = [
        metric(Measure::Likes, 12),
        metric(Measure::Comments, 1),
        metric(Measure::Views, 90),
        metric(Measure::Reach, 70),
        metric(Measure::Saves, 5),
        metric(Measure::Shares, 4),
    ];
    let told = Instagram::posts(&account(json!({})), &posts).unwrap();
    assert_eq!(told[0].metrics, wanted);
    assert!(told[1].gone);
    // What the platform does not have is not asked for again.
    stage.requests();
    let told = Instagram::posts(&account(json!({})), &posts[..1]).unwrap();
    assert_eq!(told[0].metrics, wanted);
    assert_eq!(stage.requests().len(), 2);
}

#[test]
fn a_story_that_few_saw_has_no_insights() {
    let stage = stage(Server::default());
    let id = stage.platform.borrow_mut().post("a", 0);
    stage.platform.borrow_mut().media[0].product = "STORY".into();
    let no = jarchi_platforms::instagram::no(403, 10, 0, "Not enough viewers for the media");
    stage.trouble_once("GET", "/insights", Trouble::Instead(no));
    let told = Instagram::posts(&account(json!({})), &[Receipt::new(id)]).unwrap();
    assert_eq!(
        told[0].metrics,
        [metric(Measure::Likes, 12), metric(Measure::Comments, 0)]
    );
}

#[test]
fn numbers_of_the_account() {
    let stage = stage(Server::facebook());
    let told = Instagram::account(&facebook()).unwrap();
    for wanted in [
        metric(Measure::Followers, 321),
        metric(Measure::Following, 7),
        metric(Measure::Posts, 0),
        metric(Measure::Other("views_day".into()), 90),
        metric(Measure::Other("reach_day".into()), 70),
    ] {
        assert!(told.contains(&wanted), "{told:?}");
    }
    drop(stage);
}

#[test]
fn what_the_credentials_open() {
    let server = stage(Server::default());
    let targets = Instagram::targets(&account(json!({}))).unwrap();
    let settings: Value = serde_json::from_str(&targets[0].settings).unwrap();
    assert_eq!(settings, json!({ "login": "instagram", "user": USER }));
    server.platform.borrow_mut().quota = 0;
    let standing = Instagram::check(&account(settings)).unwrap();
    assert_eq!(standing.name, "teahouse");
    assert_eq!(
        (standing.quotas[0].used, standing.quotas[0].limit),
        (0, Some(0))
    );
    assert!(standing.problems[0].message.contains("used up"));
    server.platform.borrow_mut().account_type = "PERSONAL".into();
    let standing = Instagram::check(&account(json!({}))).unwrap();
    assert!(standing.problems[0].message.contains("professional"));
    drop(server);

    let _server = stage(Server::facebook());
    let targets = Instagram::targets(&account(json!({ "login": "facebook" }))).unwrap();
    let settings: Value = serde_json::from_str(&targets[0].settings).unwrap();
    assert_eq!(
        settings,
        json!({ "login": "facebook", "user": USER, "page": PAGE })
    );
    assert!(targets[1].obstacle.is_some());
    let standing = Instagram::check(&account(settings)).unwrap();
    assert_eq!(standing.lacking, ["instagram_manage_comments"]);
    assert_eq!(standing.url.unwrap(), "https://www.instagram.com/teahouse/");
}

fn fetch(account: &Account, cursor: &mut Option<String>) -> Vec<Message> {
    let page = Instagram::fetch(account, cursor.as_deref()).unwrap();
    assert!(!page.more);
    *cursor = page.cursor;
    page.messages
}

fn answer(to: &Message, text: &str) -> Answer {
    Answer {
        to: to.clone(),
        text: text.into(),
        key: "K".into(),
        created_at: to.sent_at,
    }
}

#[test]
fn comments_are_read_answered_and_hidden() {
    let stage = stage(Server::default());
    let now = stage.now();
    let own = account(json!({}));
    let post = stage.platform.borrow_mut().post("a", now);
    let first = stage
        .platform
        .borrow_mut()
        .comment(&post, "aysel", "How much?", now);
    stage
        .platform
        .borrow_mut()
        .comment(&post, "teahouse", "ours", now);
    let mut cursor = None;
    let messages = fetch(&own, &mut cursor);
    assert_eq!(messages.len(), 1);
    assert_eq!(
        (messages[0].id.as_str(), messages[0].text.as_str()),
        (first.as_str(), "How much?")
    );
    assert_eq!(messages[0].kind, Kind::Comment);
    assert_eq!(messages[0].author.handle, "aysel");
    assert_eq!(messages[0].in_reply_to.as_deref(), Some(post.as_str()));
    assert_eq!(fetch(&own, &mut cursor), []);

    // A lost answer, and one that never arrived.
    let answered = answer(&messages[0], "5 manat");
    stage.trouble_once("POST", "/replies", Trouble::LoseAnswer);
    let lost = Instagram::reply(&own, &answered);
    assert!(matches!(lost, Err(Error::UnknownOutcome(_))), "{lost:?}");
    let found = Instagram::find_reply(&own, &answered, now).unwrap();
    assert!(matches!(found, Finding::Found(_)), "{found:?}");
    let other = Instagram::find_reply(&own, &answer(&messages[0], "6 manat"), now).unwrap();
    assert!(matches!(other, Finding::Absent), "{other:?}");

    // An answer to ours goes below the first comment: there is one level.
    {
        let mut platform = stage.platform.borrow_mut();
        let reply = platform.comment(&post, "aysel", "Thanks", now + 1000);
        let comments = &mut platform.media[0].comments;
        comments
            .iter_mut()
            .find(|one| one.id == reply)
            .unwrap()
            .parent = Some(first.clone());
    }
    let messages = fetch(&own, &mut cursor);
    assert_eq!(messages.len(), 1, "{messages:?}");
    assert_eq!(messages[0].in_reply_to.as_deref(), Some(first.as_str()));
    let receipt = Instagram::reply(&own, &answer(&messages[0], "Welcome")).unwrap();
    Instagram::hide(&own, &messages[0]).unwrap();
    let platform = stage.platform.borrow();
    let comments = &platform.media[0].comments;
    let ours = comments.iter().find(|one| one.id == receipt.id).unwrap();
    assert_eq!(ours.parent.as_deref(), Some(first.as_str()));
    assert!(
        comments
            .iter()
            .find(|one| one.text == "Thanks")
            .unwrap()
            .hidden
    );
    assert!(matches!(
        Instagram::like(&own, &messages[0]),
        Err(Error::Unsupported(_))
    ));
}

#[test]
fn a_comment_is_answered_by_a_message() {
    let stage = stage(Server::default());
    let now = stage.now();
    let own = account(json!({ "answer_comments": "private" }));
    let post = stage.platform.borrow_mut().post("a", now);
    stage
        .platform
        .borrow_mut()
        .comment(&post, "aysel", "How much?", now);
    let messages = fetch(&own, &mut None);
    let answered = answer(&messages[0], "5 manat");
    let receipt = Instagram::reply(&own, &answered).unwrap();
    let found = Instagram::find_reply(&own, &answered, now).unwrap();
    assert!(matches!(found, Finding::Found(found) if found.id == receipt.id));
    assert_eq!(stage.platform.borrow().directs[0].with, "id-aysel");
    stage.host.advance(8 * 24 * HOUR);
    assert!(Instagram::reply(&own, &answer(&messages[0], "late")).is_err());
}

#[test]
fn messages_are_read_and_answered_within_a_day() {
    for (server, own) in [
        (Server::default(), account(json!({}))),
        (Server::facebook(), facebook()),
    ] {
        let with_page = server.facebook;
        let stage = stage(server);
        let now = stage.now();
        stage.platform.borrow_mut().direct("77", "Open today?", now);
        let mut cursor = None;
        let messages = fetch(&own, &mut cursor);
        assert_eq!(messages.len(), 1);
        assert_eq!(messages[0].kind, Kind::DirectMessage);
        assert_eq!(messages[0].answer_by, Some(now + 24 * HOUR));
        assert_eq!(fetch(&own, &mut cursor), []);
        if with_page {
            assert_eq!(stage.held("page_token").as_deref(), Some(PAGE_TOKEN));
        }
        Instagram::mark_read(&own, &messages).unwrap();
        Instagram::like(&own, &messages[0]).unwrap();
        let actions = stage.platform.borrow().actions.clone();
        assert_eq!(
            actions[0],
            json!({ "recipient": { "id": "77" }, "sender_action": "mark_seen" })
        );
        assert_eq!(actions[1]["payload"]["reaction"], "love");
        let answered = answer(&messages[0], "Until nine");
        let receipt = Instagram::reply(&own, &answered).unwrap();
        let found = Instagram::find_reply(&own, &answered, now).unwrap();
        assert!(matches!(found, Finding::Found(found) if found.id == receipt.id));
        let long = Instagram::reply(&own, &answer(&messages[0], &"ç".repeat(501)));
        assert!(matches!(long, Err(Error::Invalid(_))), "{long:?}");
        stage.host.advance(25 * HOUR);
        assert!(Instagram::reply(&own, &answer(&messages[0], "late")).is_err());
        assert!(matches!(
            Instagram::hide(&own, &messages[0]),
            Err(Error::Unsupported(_))
        ));
        drop(stage);
    }
}

//! Comments are read, answered and hidden.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may panic")]

use jarchi_platforms::youtube::{CHANNEL, TOKEN, YouTube as Platform};
use jarchi_platforms::{Stage, Trouble};
use jarchi_plugin_sdk::inbox::{Answer, Finding};
use jarchi_plugin_sdk::{Account, Error, Inbox, testing};
use jarchi_plugin_youtube::YouTube;
use serde_json::json;

const MINUTE: u64 = 60_000;

fn account() -> Account {
    testing::account(&json!({ "channel": CHANNEL }))
}

fn stage() -> Stage<Platform> {
    let stage = Stage::new(Platform::default());
    stage.secret("access_token", TOKEN);
    stage
}

/// New words, and the cursor.
fn fetched(cursor: Option<&str>) -> (Vec<String>, String) {
    let page = YouTube::fetch(&account(), cursor).expect("read");
    let words = page.messages.into_iter().map(|one| one.text).collect();
    (words, page.cursor.expect("a cursor"))
}

#[test]
fn each_comment_once_and_oldest_first() {
    let stage = stage();
    let now = stage.now();
    let say = |parent: Option<&str>, text: &str, after: u64| {
        let mut books = stage.platform.borrow_mut();
        books
            .comment("UCguest", "video1", parent, text, now + after * MINUTE)
            .id
    };
    let top = say(None, "one", 1);
    say(None, "two", 3);
    say(Some(&top), "answer", 2);
    let ours = stage
        .platform
        .borrow_mut()
        .comment(CHANNEL, "video1", None, "ours", now);
    let (words, cursor) = fetched(None);
    assert_eq!(words, ["one", "answer", "two"]);
    let (words, cursor) = fetched(Some(&cursor));
    assert!(words.is_empty(), "{words:?}");
    // More answers than a thread tells itself, one of a moment that was read past, and
    // more threads than a page holds.
    for number in 0..3 {
        say(Some(&top), &format!("answer {number}"), 5 + number);
    }
    say(Some(&ours.id), "to ours", 1);
    for number in 0..150 {
        say(None, &format!("thread {number}"), 10 + number);
    }
    let (words, cursor) = fetched(Some(&cursor));
    assert_eq!(words.len(), 154);
    assert_eq!(
        words[..5],
        ["to ours", "answer 0", "answer 1", "answer 2", "thread 0"]
    );
    assert!(fetched(Some(&cursor)).0.is_empty());
    let broken = YouTube::fetch(&account(), Some("no JSON"));
    assert!(matches!(broken, Err(Error::Invalid(_))), "{broken:?}");
}

#[test]
fn answered_once_and_hidden() {
    let stage = stage();
    let now = stage.now();
    let top = {
        let mut books = stage.platform.borrow_mut();
        let top = books.comment("UCguest", "video1", None, "one", now);
        books.comment("UCguest", "video1", Some(&top.id), "two", now + 1000);
        top
    };
    let messages = YouTube::fetch(&account(), None).expect("read").messages;
    let answer = Answer {
        // An answer to an answer hangs on the comment on top.
        to: messages[1].clone(),
        text: "Sağ olun".into(),
        key: "key".into(),
        created_at: now,
    };
    let find = || YouTube::find_reply(&account(), &answer, now).expect("told");
    assert_eq!(find(), Finding::Absent);
    stage.trouble_once("POST", "/comments", Trouble::LoseAnswer);
    let lost = YouTube::reply(&account(), &answer);
    assert!(matches!(lost, Err(Error::UnknownOutcome(_))), "{lost:?}");
    let Finding::Found(found) = find() else {
        panic!("it is there");
    };
    let made = stage.platform.borrow().comments[2].clone();
    assert_eq!(
        (found.id.as_str(), made.text.as_str()),
        (made.id.as_str(), "Sağ olun")
    );
    assert_eq!(made.parent, Some(top.id.clone()));
    let again = YouTube::reply(&account(), &answer).expect("answered");
    assert_eq!(again.id, stage.platform.borrow().comments[3].id);

    YouTube::hide(&account(), &messages[0]).expect("hidden");
    assert_eq!(stage.platform.borrow().comments[0].status, "rejected");
    assert!(fetched(None).0.is_empty());
}

//! Comments: read, answered, liked, taken away.

use jarchi_platforms::linkedin::PAGE;
use jarchi_platforms::{Answer as Back, Trouble};
use jarchi_plugin_linkedin::LinkedIn;
use jarchi_plugin_sdk::inbox::{Answer, Finding, Message};
use jarchi_plugin_sdk::{Error, Inbox, Post};

use crate::*;

const AYAN: &str = "urn:li:person:ayan";

/// A post of the Page.
fn posted(stage: &Stage<Platform>, text: &str) -> String {
    stage
        .publish::<LinkedIn>(&delivery(Post::text(text)))
        .expect("published")
        .id
}

/// Somebody comments, a second later.
fn comment(stage: &Stage<Platform>, under: &str, text: &str) -> String {
    stage.host.advance(1000);
    let now = stage.now();
    stage
        .platform
        .borrow_mut()
        .somebody_comments(AYAN, under, text, now)
        .urn
}

fn texts(messages: &[Message]) -> Vec<&str> {
    messages
        .iter()
        .map(|message| message.text.as_str())
        .collect()
}

fn answer(to: &Message, text: &str) -> Answer {
    Answer {
        to: to.clone(),
        text: text.into(),
        key: "01JDEVKEY0000000000000TEST".into(),
        created_at: to.sent_at,
    }
}

#[test]
fn comments_come_once_and_oldest_first() {
    let stage = stage();
    let (one, two) = (posted(&stage, "a"), posted(&stage, "b"));
    let first = comment(&stage, &two, "bir");
    comment(&stage, &one, "iki");
    comment(&stage, &first, "üç");
    let page = LinkedIn::fetch(&crate::page(), None).expect("told");
    assert_eq!(texts(&page.messages), ["bir", "iki", "üç"]);
    assert!(!page.more);
    let message = &page.messages[2];
    assert_eq!(message.in_reply_to.as_ref(), Some(&first));
    assert_eq!(message.conversation.as_ref(), Some(&two));
    assert_eq!(message.author.id, AYAN);
    let again = LinkedIn::fetch(&crate::page(), page.cursor.as_deref()).expect("told");
    assert_eq!(texts(&again.messages), [""; 0]);
    comment(&stage, &one, "dörd");
    // In the same millisecond, under the same post.
    let now = stage.now();
    stage
        .platform
        .borrow_mut()
        .somebody_comments(AYAN, &one, "beş", now);
    // One's own are no news.
    stage
        .platform
        .borrow_mut()
        .somebody_comments(PAGE, &one, "özüm", now);
    let more = LinkedIn::fetch(&crate::page(), again.cursor.as_deref()).expect("told");
    assert_eq!(texts(&more.messages), ["dörd", "beş"]);
    let now = stage.now();
    stage
        .platform
        .borrow_mut()
        .somebody_comments(AYAN, &one, "altı", now);
    let late = LinkedIn::fetch(&crate::page(), more.cursor.as_deref()).expect("told");
    assert_eq!(texts(&late.messages), ["altı"]);
}

#[test]
fn more_than_one_call_can_read() {
    let stage = stage();
    let posts: Vec<String> = (0..5)
        .map(|number| posted(&stage, &format!("post {number}")))
        .collect();
    for (at, post) in posts.iter().enumerate() {
        // One of them is more than a call's work alone.
        let count = if at == 2 { 60 } else { 10 };
        for number in 0..count {
            let urn = comment(&stage, post, &format!("{number}"));
            comment(&stage, &urn, "cavab");
        }
    }
    let mut cursor = None;
    let mut seen = Vec::new();
    for call in 0.. {
        assert!(call < 10, "it does not end");
        stage.requests();
        let page = LinkedIn::fetch(&page(), cursor.as_deref()).expect("told");
        assert!(stage.requests().len() <= 40);
        seen.extend(page.messages.into_iter().map(|message| message.id));
        cursor = page.cursor;
        if !page.more {
            break;
        }
    }
    let all = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!((all, seen.len()), (200, 200));
}

#[test]
fn answers() {
    let stage = stage();
    let post = posted(&stage, "a");
    let first = comment(&stage, &post, "Qiymət?");
    comment(&stage, &first, "Hə?");
    let messages = LinkedIn::fetch(&page(), None).expect("told").messages;
    for (number, message) in messages.iter().enumerate() {
        let answer = answer(message, &format!("5 manat ({number})"));
        let receipt = LinkedIn::reply(&page(), &answer).expect("answered");
        let books = stage.platform.borrow();
        let made = books.comments.last().expect("a comment");
        assert_eq!((made.actor.as_str(), &made.urn), (PAGE, &receipt.id));
        // An answer to an answer hangs on the comment on top.
        assert_eq!(made.parent.as_ref(), Some(&first));
        drop(books);
        let found = LinkedIn::find_reply(&page(), &answer, answer.created_at).expect("told");
        assert!(matches!(found, Finding::Found(found) if found.id == receipt.id));
    }
    let long = LinkedIn::reply(&page(), &answer(&messages[0], &"x".repeat(1251)));
    assert!(matches!(long, Err(Error::Invalid(_))), "{long:?}");
}

#[test]
fn lost_answers() {
    let stage = stage();
    let post = posted(&stage, "a");
    comment(&stage, &post, "Qiymət?");
    let messages = LinkedIn::fetch(&page(), None).expect("told").messages;
    let answer = answer(&messages[0], "5 manat");
    stage.trouble_once("POST", "/comments", Trouble::Instead(Back::empty(500)));
    assert!(matches!(
        LinkedIn::reply(&page(), &answer),
        Err(Error::UnknownOutcome(_))
    ));
    let found = LinkedIn::find_reply(&page(), &answer, answer.created_at);
    assert_eq!(found, Ok(Finding::Absent));
    stage.trouble_once("POST", "/comments", Trouble::LoseAnswer);
    assert!(matches!(
        LinkedIn::reply(&page(), &answer),
        Err(Error::UnknownOutcome(_))
    ));
    let found = LinkedIn::find_reply(&page(), &answer, answer.created_at).expect("told");
    assert!(matches!(found, Finding::Found(_)), "{found:?}");
    stage
        .platform
        .borrow_mut()
        .scopes
        .remove("r_organization_social");
    let found = LinkedIn::find_reply(&page(), &answer, answer.created_at).expect("told");
    assert!(matches!(found, Finding::CannotTell(_)), "{found:?}");
    let refused = LinkedIn::fetch(&page(), None);
    assert!(matches!(refused, Err(Error::Unsupported(_))), "{refused:?}");
}

#[test]
fn likes_and_what_is_taken_away() {
    let stage = stage();
    let post = posted(&stage, "a");
    comment(&stage, &post, "Gözəl!");
    comment(&stage, &post, "Reklam");
    let messages = LinkedIn::fetch(&page(), None).expect("told").messages;
    for _ in 0..2 {
        assert_eq!(LinkedIn::like(&page(), &messages[0]), Ok(()));
        assert_eq!(LinkedIn::hide(&page(), &messages[1]), Ok(()));
    }
    let books = stage.platform.borrow();
    assert_eq!(books.reactions, [(PAGE.to_owned(), messages[0].id.clone())]);
    let left: Vec<&str> = books.comments.iter().map(|one| one.text.as_str()).collect();
    assert_eq!(left, ["Gözəl!"]);
}

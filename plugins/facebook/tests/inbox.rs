//! Comments and messages: read once each, answered once each.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{TROUBLES, account, account_with, delivery, stage, trouble_at};
use jarchi_platforms::facebook::{Facebook as Server, PAGE, no};
use jarchi_platforms::{Answer as Http, Stage, Trouble};
use jarchi_plugin_facebook::Facebook;
use jarchi_plugin_sdk::inbox::{Answer, Finding, Kind, Message};
use jarchi_plugin_sdk::{Account, Error, Inbox, MediaKind, Post, Receipt};
use serde_json::json;

const HOUR: u64 = 3_600_000;
const DAY: u64 = 24 * HOUR;

/// All that is new, call by call.
fn fetch(account: &Account, cursor: &mut Option<String>) -> Vec<Message> {
    let mut all = Vec::new();
    for _ in 0..100 {
        let page = Facebook::fetch(account, cursor.as_deref()).unwrap();
        *cursor = page.cursor;
        all.extend(page.messages);
        if !page.more {
            return all;
        }
    }
    panic!("it does not end");
}

fn texts(messages: &[Message]) -> Vec<&str> {
    messages.iter().map(|one| one.text.as_str()).collect()
}

fn answer(to: &Message, text: &str) -> Answer {
    Answer {
        to: to.clone(),
        text: text.into(),
        key: "K".into(),
        created_at: to.sent_at,
    }
}

/// A post that is out.
fn post(stage: &Stage<Server>, text: &str) -> Receipt {
    let receipt = stage.publish::<Facebook>(&delivery(Post::text(text)));
    receipt.unwrap()
}

/// As the queue: looks up what is unknown before anything is sent again.
fn persist(stage: &Stage<Server>, account: &Account, answer: &Answer) -> Receipt {
    let since = stage.now();
    for _ in 0..20 {
        match Facebook::reply(account, answer) {
            Ok(receipt) => return receipt,
            Err(Error::Transient(_)) => drop(stage.host.advance(60_000)),
            Err(Error::UnknownOutcome(_)) => {
                stage.host.advance(60_000);
                for _ in 0..3 {
                    match Facebook::find_reply(account, answer, since) {
                        Ok(Finding::Found(receipt)) => return receipt,
                        Ok(Finding::Absent) => break,
                        Ok(Finding::CannotTell(reason)) => panic!("{reason}"),
                        Err(Error::Transient(_)) => {}
                        Err(error) => panic!("{error:?}"),
                    }
                }
            }
            Err(error) => panic!("{error:?}"),
        }
    }
    panic!("it does not end");
}

#[test]
fn comments_are_read_once_and_answered_below() {
    let stage = stage();
    let post = post(&stage, "Salam");
    let now = stage.now();
    let first = {
        let mut server = stage.platform.borrow_mut();
        let first = server.comments_by("aysel", &post.id, "How much?", now);
        server.comments.last_mut().unwrap().photo = Some("https://scontent/a.jpg".into());
        server.comments_by(PAGE, &post.id, "ours", now);
        server.comments_by("orxan", &first, "Yes, how much?", now + 2000);
        first
    };
    let mut cursor = None;
    let messages = fetch(&account(), &mut cursor);
    assert_eq!(texts(&messages), ["How much?", "Yes, how much?"]);
    let [one, two] = messages.as_slice() else {
        panic!("two");
    };
    assert_eq!((one.kind, one.id.as_str()), (Kind::Comment, first.as_str()));
    assert_eq!(one.author.id, "aysel");
    assert_eq!(one.author.name.as_deref(), Some("aysel N."));
    assert_eq!(one.attachments[0].kind, MediaKind::Image);
    assert_eq!(one.attachments[0].url, "https://scontent/a.jpg");
    assert_eq!(one.in_reply_to.as_deref(), Some(post.id.as_str()));
    assert_eq!(two.in_reply_to.as_deref(), Some(first.as_str()));
    assert_eq!(two.conversation.as_deref(), Some(post.id.as_str()));
    assert_eq!(one.answer_by, None);
    assert_eq!(fetch(&account(), &mut cursor), []);

    let receipt = Facebook::reply(&account(), &answer(two, "5 manat")).unwrap();
    Facebook::hide(&account(), one).unwrap();
    Facebook::like(&account(), two).unwrap();
    // Of the same second as the last that was read, and later.
    stage
        .platform
        .borrow_mut()
        .comments_by("leyla", &post.id, "Same second", now + 2000);
    assert_eq!(texts(&fetch(&account(), &mut cursor)), ["Same second"]);
    assert_eq!(fetch(&account(), &mut cursor), []);
    let server = stage.platform.borrow();
    let find = |id: &str| server.comments.iter().find(|one| one.id == id).unwrap();
    // One level: the answer to an answer stands beside it.
    assert_eq!(find(&receipt.id).on, first);
    assert!(find(&one.id).hidden && find(&two.id).liked);
}

/// More than a call's requests bring: nothing is lost, nothing comes twice.
#[test]
fn many_comments_over_several_calls() {
    let stage = stage();
    let now = stage.now();
    let mut wanted = Vec::new();
    for post in [post(&stage, "a"), post(&stage, "b")] {
        for number in 0..1030 {
            let text = format!("{} {number:04}", post.id);
            let at = now + number / 3 * 1000;
            let mut server = stage.platform.borrow_mut();
            server.comments_by("aysel", &post.id, &text, at);
            wanted.push(text);
        }
    }
    stage.called();
    let (mut cursor, mut seen, mut calls) = (None, Vec::new(), 0);
    loop {
        let page = Facebook::fetch(&account(), cursor.as_deref()).unwrap();
        assert!(stage.called().len() <= 40, "the host allows 40 requests");
        assert!(page.cursor.as_ref().unwrap().len() < 64 << 10);
        seen.extend(page.messages.into_iter().map(|one| one.text));
        (cursor, calls) = (page.cursor, calls + 1);
        if !page.more {
            break;
        }
    }
    assert!(calls > 1);
    seen.sort();
    wanted.sort();
    assert_eq!(seen, wanted);
}

#[test]
fn comments_whose_writers_are_not_told() {
    let stage = stage();
    let post = post(&stage, "a");
    let now = stage.now();
    let mut server = stage.platform.borrow_mut();
    server.lacks = vec!["pages_read_user_content"];
    server.comments_by("aysel", &post.id, "How much?", now);
    drop(server);
    // It may be the Page's own: answering it could go on for ever.
    assert_eq!(fetch(&account(), &mut None), []);
}

#[test]
fn messages_within_the_window() {
    let stage = stage();
    let now = stage.now();
    stage.platform.borrow_mut().writes("77", "Open today?", now);
    let mut cursor = None;
    let messages = fetch(&account(), &mut cursor);
    assert_eq!(texts(&messages), ["Open today?"]);
    let one = &messages[0];
    assert_eq!(one.kind, Kind::DirectMessage);
    assert_eq!(one.conversation.as_deref(), Some("t_77"));
    assert_eq!(one.answer_by, Some(now + DAY));
    assert_eq!(fetch(&account(), &mut cursor), []);
    Facebook::mark_read(&account(), &[one.clone(), one.clone()]).unwrap();
    let seen = json!({ "recipient": { "id": "77" }, "sender_action": "mark_seen" });
    assert_eq!(stage.platform.borrow().actions, [seen]);
    for refused in [
        Facebook::hide(&account(), one),
        Facebook::like(&account(), one),
    ] {
        assert!(matches!(refused, Err(Error::Unsupported(_))), "{refused:?}");
    }
    Facebook::reply(&account(), &answer(one, "Until nine")).unwrap();
    // Our own is none that comes in.
    assert_eq!(fetch(&account(), &mut cursor), []);
    stage.host.advance(DAY);
    Facebook::reply(&account(), &answer(one, "And tomorrow")).unwrap();
    stage.host.advance(1);
    let late = Facebook::reply(&account(), &answer(one, "late"));
    assert!(matches!(late, Err(Error::Invalid(_))), "{late:?}");
    // A later message opens it again.
    let again = stage.now();
    stage.platform.borrow_mut().writes("77", "Hello?", again);
    Facebook::reply(&account(), &answer(one, "late, and taken")).unwrap();
    assert_eq!(
        stage.platform.borrow().directs.last().unwrap().sent_as,
        "RESPONSE"
    );
}

#[test]
fn late_answers_of_human_beings() {
    let stage = stage();
    let own = account_with(json!({ "late_answers": "human_agent" }));
    let now = stage.now();
    let mut server = stage.platform.borrow_mut();
    server.writes("77", "Open today?", now);
    server.directs[0].photo = Some("https://scontent/a.jpg".into());
    drop(server);
    let messages = fetch(&own, &mut None);
    let one = &messages[0];
    assert_eq!(one.attachments[0].url, "https://scontent/a.jpg");
    assert_eq!(one.answer_by, Some(now + 7 * DAY));
    let sent_as = || {
        stage
            .platform
            .borrow()
            .directs
            .last()
            .unwrap()
            .sent_as
            .clone()
    };
    Facebook::reply(&own, &answer(one, "soon")).unwrap();
    assert_eq!(sent_as(), "RESPONSE");
    stage.host.advance(7 * DAY);
    stage.platform.borrow_mut().lacks = vec!["human_agent"];
    let unasked = Facebook::reply(&own, &answer(one, "late"));
    assert!(
        matches!(unasked, Err(Error::Unauthorized(_))),
        "{unasked:?}"
    );
    stage.platform.borrow_mut().lacks.clear();
    Facebook::reply(&own, &answer(one, "late")).unwrap();
    assert_eq!(sent_as(), "HUMAN_AGENT");
    stage.host.advance(1000);
    let later = Facebook::reply(&own, &answer(one, "later"));
    assert!(matches!(later, Err(Error::Invalid(_))), "{later:?}");
}

#[test]
fn comments_answered_by_a_message() {
    let stage = stage();
    let own = account_with(json!({ "answer_comments": "private" }));
    let now = stage.now();
    let post = post(&stage, "a");
    stage
        .platform
        .borrow_mut()
        .comments_by("aysel", &post.id, "How much?", now);
    let messages = fetch(&own, &mut None);
    assert_eq!(messages[0].answer_by, Some(now + 7 * DAY));
    let answered = answer(&messages[0], "5 manat");
    let receipt = Facebook::reply(&own, &answered).unwrap();
    let found = Facebook::find_reply(&own, &answered, now).unwrap();
    assert!(matches!(found, Finding::Found(found) if found.id == receipt.id));
    assert_eq!(stage.platform.borrow().directs[0].with, "aysel");
    let twice = Facebook::reply(&own, &answer(&messages[0], "6 manat"));
    assert!(matches!(twice, Err(Error::Invalid(_))), "{twice:?}");
    let other = {
        let mut server = stage.platform.borrow_mut();
        server.comments_by("orxan", &post.id, "And me?", now + 1000);
        drop(server);
        fetch(&own, &mut None)[1].clone()
    };
    stage.host.advance(7 * DAY + 1001);
    let late = Facebook::reply(&own, &answer(&other, "late"));
    assert!(matches!(late, Err(Error::Invalid(_))), "{late:?}");
}

/// Whatever request meets this, the answer stands there once.
#[test]
fn each_request_in_turn() {
    for private in [false, true] {
        for direct in [false, true] {
            let settings = if private { "private" } else { "public" };
            let own = account_with(json!({ "answer_comments": settings }));
            for trouble in TROUBLES {
                // One for the Page's token, one to send, one to look it up.
                for number in 0..3 {
                    let stage = stage();
                    let now = stage.now();
                    match direct {
                        true => drop(stage.platform.borrow_mut().writes("77", "Open?", now)),
                        false => {
                            let post = post(&stage, "a");
                            let mut server = stage.platform.borrow_mut();
                            server.comments_by("aysel", &post.id, "Open?", now);
                        }
                    }
                    let to = fetch(&own, &mut None).remove(0);
                    // The token is asked for anew.
                    stage.host.advance(2 * HOUR);
                    let met = trouble_at(&stage, number, trouble);
                    let receipt = persist(&stage, &own, &answer(&to, "Until  nine\n"));
                    let met = met.borrow();
                    let server = stage.platform.borrow();
                    let below = server.comments.iter().filter(|one| one.by == PAGE);
                    let sent = server.directs.iter().filter(|one| one.ours);
                    let ids: Vec<&str> = below
                        .map(|one| one.id.as_str())
                        .chain(sent.map(|one| one.id.as_str()))
                        .collect();
                    assert_eq!(ids, [receipt.id.as_str()], "{met}");
                    let expected = usize::from(!direct && !private);
                    let below = server.comments.iter().filter(|one| one.by == PAGE);
                    assert_eq!(below.count(), expected, "{met}");
                }
            }
        }
    }
}

#[test]
fn limits_at_the_edge() {
    let stage = stage();
    let now = stage.now();
    let post = post(&stage, "a");
    let mut server = stage.platform.borrow_mut();
    server.comments_by("aysel", &post.id, "a", now);
    server.writes("77", "b", now);
    drop(server);
    let messages = fetch(&account(), &mut None);
    for (message, most) in messages.iter().zip([8000, 2000]) {
        for (length, goes) in [(0, false), (1, true), (most, true), (most + 1, false)] {
            let sent = Facebook::reply(&account(), &answer(message, &"ə".repeat(length)));
            assert_eq!(sent.is_ok(), goes, "{length}: {sent:?}");
            assert!(goes || matches!(sent, Err(Error::Invalid(_))), "{sent:?}");
        }
    }
}

#[test]
fn refusals_in_the_queues_terms() {
    type Is = fn(&Error) -> bool;
    let invalid: Is = |error| matches!(error, Error::Invalid(_));
    let connect: Is = |error| matches!(error, Error::Unauthorized(_));
    let wait: Is = |error| matches!(error, Error::RateLimited(_));
    let unknown: Is = |error| matches!(error, Error::UnknownOutcome(_));
    for (answered, is) in [
        (no(400, 190, 463, "expired"), connect),
        (no(403, 230, 0, "pages_messaging"), connect),
        (no(403, 200, 0, "pages_manage_engagement"), connect),
        (no(400, 100, 33, "the comment is gone"), invalid),
        (no(400, 100, 2_018_001, "no such person"), invalid),
        (no(400, 10, 2_018_278, "outside of the window"), invalid),
        (no(400, 551, 1_545_041, "not available"), invalid),
        (no(400, 10_900, 0, "replied already"), invalid),
        (no(400, 32, 0, "page limit"), wait),
        (no(400, 613, 0, "calls"), wait),
        (no(400, 368, 0, "blocked for a time"), wait),
        (no(500, 1200, 0, "temporary send failure"), unknown),
        (no(500, 2, 0, "service"), unknown),
        (Http::empty(502), unknown),
    ] {
        let stage = stage();
        let now = stage.now();
        let post = post(&stage, "a");
        let mut server = stage.platform.borrow_mut();
        server.comments_by("aysel", &post.id, "a", now);
        server.writes("77", "b", now);
        drop(server);
        let messages = fetch(&account(), &mut None);
        for (message, ending) in messages.iter().zip(["/comments", "/messages"]) {
            let words = String::from_utf8_lossy(&answered.body).into_owned();
            stage.trouble_once("POST", ending, Trouble::Instead(answered.clone()));
            let error = Facebook::reply(&account(), &answer(message, "c")).unwrap_err();
            assert!(is(&error), "{words}: {error:?}");
        }
    }
}

#[test]
fn without_a_permission() {
    let stage = stage();
    let now = stage.now();
    let post = post(&stage, "a");
    let mut server = stage.platform.borrow_mut();
    server.comments_by("aysel", &post.id, "a", now);
    server.writes("77", "b", now);
    server.lacks = vec!["pages_messaging"];
    drop(server);
    // Comments come all the same.
    let mut cursor = None;
    assert_eq!(texts(&fetch(&account(), &mut cursor)), ["a"]);
    // Once it is granted, what came meanwhile is not lost.
    stage.platform.borrow_mut().lacks.clear();
    assert_eq!(texts(&fetch(&account(), &mut cursor)), ["b"]);
    stage.platform.borrow_mut().lacks = vec!["pages_manage_engagement"];
    let comment = &fetch(&account(), &mut None)[0];
    let refused = Facebook::reply(&account(), &answer(comment, "c"));
    assert!(
        matches!(refused, Err(Error::Unauthorized(_))),
        "{refused:?}"
    );
}

#[test]
fn many_conversations() {
    let stage = stage();
    let now = stage.now();
    for number in 0..70 {
        let mut server = stage.platform.borrow_mut();
        server.writes(&format!("p{number}"), "Hello", now + number * HOUR);
    }
    let mut cursor = None;
    assert_eq!(fetch(&account(), &mut cursor).len(), 70);
    stage
        .platform
        .borrow_mut()
        .writes("p0", "Again", now + 70 * HOUR);
    stage.called();
    assert_eq!(texts(&fetch(&account(), &mut cursor)), ["Again"]);
    // What was not moved is not read through.
    let called = stage.called();
    let asked = called.iter().filter(|call| call.ends_with("conversations"));
    assert_eq!(asked.count(), 1, "{called:?}");
    let wrong = Facebook::fetch(&account(), Some("no cursor"));
    assert!(matches!(wrong, Err(Error::Invalid(_))), "{wrong:?}");
}

#[test]
fn an_answer_that_can_not_be_seen_any_more() {
    let stage = stage();
    let now = stage.now();
    stage.platform.borrow_mut().writes("77", "Open?", now);
    let to = fetch(&account(), &mut None).remove(0);
    for _ in 0..20 {
        stage
            .platform
            .borrow_mut()
            .writes("77", "Hello?", now + 1000);
    }
    // Only 20 are told: ours may be behind them.
    let found = Facebook::find_reply(&account(), &answer(&to, "Until nine"), now).unwrap();
    assert!(matches!(found, Finding::CannotTell(_)), "{found:?}");
}

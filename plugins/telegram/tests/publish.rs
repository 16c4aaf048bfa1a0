//! Every kind of post, in the chat's books.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod common;

use common::{account_of, delivery, methods, options, poll, publish, stage};
use jarchi_platforms::telegram::{CHANNEL, DISCUSSION, FORUM, GROUP, Telegram as Server};
use jarchi_platforms::{Answer, Stage, Stuck, Trouble};
use jarchi_plugin_sdk::{
    Error, Finding, Link, Outcome, Post, Publisher, ThreadPart, Visibility, testing,
};
use jarchi_plugin_telegram::Telegram;
use jarchi_plugin_telegram::publish::State;
use serde_json::json;

#[test]
fn words_with_their_link_and_hashtags() {
    let stage = stage();
    let post = Post {
        hashtags: vec!["Bakı çayı".into()],
        link: Some(Link {
            url: "https://tea.example/menu".into(),
            title: None,
            description: None,
            thumbnail: None,
        }),
        ..Post::text("🫖 Salam @aysel #çay ")
    };
    let receipt = publish(&stage, &delivery(post)).unwrap();
    assert_eq!(receipt.id, "1");
    assert_eq!(receipt.url.as_deref(), Some("https://t.me/teahouse/1"));
    assert_eq!(receipt.published_at, Some(testing::START / 1000 * 1000));
    assert_eq!(methods(&stage), ["sendMessage"]);
    let sent = &stage.platform.borrow().messages(CHANNEL)[0];
    assert_eq!(
        sent["text"],
        "🫖 Salam @aysel #çay\n\nhttps://tea.example/menu\n\n#BakıÇayı"
    );
    assert_eq!(
        sent["link_preview_options"]["url"],
        "https://tea.example/menu"
    );
    assert_eq!(sent["entities"].as_array().unwrap().len(), 4);
    assert_eq!(
        sent["entities"][0],
        json!({ "type": "mention", "offset": 9, "length": 6 })
    );
}

#[test]
fn files_of_every_kind() {
    for (name, mime, method, field) in [
        ("a.jpg", "image/jpeg", "sendPhoto", "photo"),
        ("a.gif", "image/gif", "sendAnimation", "animation"),
        ("a.mp4", "video/mp4", "sendVideo", "video"),
        ("a.mp3", "audio/mpeg", "sendAudio", "audio"),
        ("a.ogg", "audio/ogg", "sendDocument", "document"),
        ("a.heic", "image/heic", "sendDocument", "document"),
        ("a.mov", "video/quicktime", "sendDocument", "document"),
        ("a.pdf", "application/pdf", "sendDocument", "document"),
    ] {
        let stage = stage();
        let mut file = stage.file(name, mime, *b"bytes of the file");
        file.length = Some(1500);
        let post = Post {
            media: vec![file],
            sensitive: true,
            ..Post::text("Salam")
        };
        publish(
            &stage,
            &delivery(options(post, json!({ "caption_above": true }))),
        )
        .unwrap();
        assert_eq!(methods(&stage), [method]);
        let sent = &stage.platform.borrow().messages(CHANNEL)[0];
        assert!(sent.get(field).is_some(), "{sent}");
        assert_eq!(sent["caption"], "Salam");
        let seen = matches!(field, "photo" | "animation" | "video");
        assert_eq!(sent["has_media_spoiler"] == true, seen, "{name}");
        assert_eq!(sent["show_caption_above_media"] == true, seen, "{name}");
    }
}

#[test]
fn an_album_is_one_step() {
    let stage = stage();
    let post = Post {
        media: vec![
            stage.file("a.jpg", "image/jpeg", *b"one"),
            stage.file("b.mp4", "video/mp4", *b"second"),
            stage.file("c.png", "image/png", *b"third!!"),
        ],
        ..Post::text("Salam")
    };
    let receipt = publish(&stage, &delivery(post)).unwrap();
    assert_eq!(methods(&stage), ["sendMediaGroup"]);
    let sent = stage.platform.borrow().messages(CHANNEL);
    assert_eq!(sent.len(), 3);
    assert_eq!(sent[0]["caption"], "Salam");
    assert_eq!(sent[1].get("caption"), None);
    assert_eq!(sent[1]["video"]["file_size"], 6);
    assert_eq!(sent[2]["photo"][0]["file_size"], 7);
    assert_eq!(receipt.id, "1");
    Telegram::delete(&common::account(), &receipt).unwrap();
    assert!(stage.platform.borrow().messages(CHANNEL).is_empty());
    // Once more: it is gone, and that is well.
    Telegram::delete(&common::account(), &receipt).unwrap();
}

#[test]
fn a_long_text_follows_its_picture() {
    for (length, sent) in [
        (1024, vec!["sendPhoto"]),
        (1025, vec!["sendPhoto", "sendMessage"]),
        (4096, vec!["sendPhoto", "sendMessage"]),
    ] {
        let stage = stage();
        let post = Post {
            media: vec![stage.file("a.jpg", "image/jpeg", *b"one")],
            ..Post::text("ə".repeat(length))
        };
        let receipt = publish(&stage, &delivery(post)).unwrap();
        assert_eq!(methods(&stage), sent, "{length}");
        assert_eq!(receipt.parts.len(), sent.len() - 1);
    }
}

#[test]
fn threads_and_the_first_comment() {
    let stage = stage();
    let post = Post {
        thread: vec![ThreadPart::text("second"), ThreadPart::text("third")],
        first_comment: Some("And the comment".into()),
        ..Post::text("first")
    };
    let receipt = publish(&stage, &delivery(post)).unwrap();
    let server = stage.platform.borrow();
    let sent = server.messages(CHANNEL);
    assert_eq!(sent.len(), 3);
    assert_eq!(sent[1]["reply_to_message"]["text"], "first");
    assert_eq!(sent[2]["reply_to_message"]["text"], "second");
    let talk = server.messages(DISCUSSION);
    let comment = talk.last().unwrap();
    assert_eq!(comment["text"], "And the comment");
    assert_eq!(
        comment["reply_to_message"]["forward_origin"]["message_id"],
        1
    );
    assert_eq!(
        receipt.parts,
        ["2", "3", comment["message_id"].to_string().as_str()]
    );
    drop(server);
    Telegram::delete(&common::account(), &receipt).unwrap();
    let server = stage.platform.borrow();
    assert!(server.messages(CHANNEL).is_empty());
    assert_eq!(
        server.messages(DISCUSSION).len(),
        3,
        "the copies are not the bot's"
    );
}

#[test]
fn a_comment_waits_for_the_post_s_copy() {
    let stage = stage();
    stage.platform.borrow_mut().forwards = false;
    let post = Post {
        first_comment: Some("comment".into()),
        ..Post::text("post")
    };
    let delivery = delivery(post);
    let mut outcome = Telegram::publish(&delivery).unwrap();
    for _ in 0..3 {
        let Outcome::Processing(progress) = outcome else {
            panic!("it did not wait");
        };
        assert!(progress.visible);
        stage.host.advance(progress.after);
        outcome =
            Telegram::resume(&delivery, serde_json::from_str(&progress.state).unwrap()).unwrap();
    }
    let post = stage.platform.borrow().messages(CHANNEL)[0].clone();
    stage.platform.borrow_mut().forward(&post, stage.now());
    stage.go_on::<Telegram>(&delivery, outcome).unwrap();
    let talk = stage.platform.borrow().messages(DISCUSSION);
    assert_eq!(talk[1]["text"], "comment");
    assert_eq!(stage.platform.borrow().messages(CHANNEL).len(), 1);
}

#[test]
fn a_comment_that_can_t_be_placed_is_told() {
    let stage = stage();
    stage.platform.borrow_mut().chat(DISCUSSION).bot = "left";
    let post = Post {
        first_comment: Some("comment".into()),
        ..Post::text("post")
    };
    let lost = publish(&stage, &delivery(post)).unwrap_err();
    assert!(
        matches!(&lost, Error::Invalid(why) if why.contains("without its first comment")),
        "{lost:?}"
    );
    assert_eq!(stage.platform.borrow().messages(CHANNEL).len(), 1);
}

#[test]
fn polls_and_quizzes() {
    let stage = stage();
    let post = Post {
        poll: Some(poll(&["Qara", "Yaşıl"])),
        ..Post::text("Hansı çay?")
    };
    publish(&stage, &delivery(post.clone())).unwrap();
    let quiz = json!({
        "question": "Which is a tea?",
        "quiz": { "correct": [1], "explanation": "The green one" },
        "shuffle": true,
    });
    let photo = stage.file("a.jpg", "image/jpeg", *b"one");
    let with_photo = Post {
        media: vec![photo],
        ..post
    };
    publish(&stage, &delivery(options(with_photo, quiz))).unwrap();
    let sent = stage.platform.borrow().messages(CHANNEL);
    assert_eq!(sent[0]["poll"]["question"], "Hansı çay?");
    assert_eq!(sent[0]["poll"]["open_period"], 86_400);
    assert_eq!(sent[0]["poll"]["type"], "regular");
    assert_eq!(sent[1]["poll"]["question"], "Which is a tea?");
    assert_eq!(sent[1]["poll"]["description"], "Hansı çay?");
    assert_eq!(sent[1]["poll"]["type"], "quiz");
    assert_eq!(sent[1]["poll"]["media"]["type"], "photo");
}

#[test]
fn buttons_html_pins_and_topics() {
    let stage = stage();
    let account = account_of(
        &FORUM.to_string(),
        json!({ "topic": 5, "silent": true, "protect": true }),
    );
    let post = options(
        Post {
            hashtags: vec!["a&b".into()],
            ..Post::text("<b>Salam</b> &amp; xoş")
        },
        json!({
            "format": "html", "pin": true,
            "link_preview": { "url": "https://a.az", "large": true, "above": true },
            "buttons": [[{ "text": "Menu", "url": "https://a.az" }, { "text": "Code", "copy": "TEA" }]],
        }),
    );
    let receipt = publish(&stage, &testing::delivery(&account, post)).unwrap();
    assert_eq!(receipt.url.as_deref(), Some("https://t.me/c/4444444444/1"));
    let requests = stage.requests();
    let body = requests[0].json().unwrap();
    assert_eq!(body["message_thread_id"], 5);
    assert_eq!(body["disable_notification"], true);
    assert_eq!(body["parse_mode"], "HTML");
    assert_eq!(requests[1].json().unwrap()["disable_notification"], true);
    let server = stage.platform.borrow();
    let sent = &server.messages(FORUM)[0];
    assert_eq!(sent["text"], "Salam & xoş\n\n#aB");
    assert_eq!(sent["has_protected_content"], true);
    assert_eq!(
        sent["reply_markup"]["inline_keyboard"][0][1]["copy_text"]["text"],
        "TEA"
    );
    assert_eq!(sent["link_preview_options"]["prefer_large_media"], true);
    assert_eq!(server.chats[&FORUM].pinned, [1]);
}

#[test]
fn a_group_that_became_a_supergroup() {
    let stage = stage();
    stage.platform.borrow_mut().chat(GROUP).moved_to = Some(FORUM);
    let account = account_of(&GROUP.to_string(), json!({}));
    for _ in 0..2 {
        publish(&stage, &testing::delivery(&account, Post::text("Salam"))).unwrap();
    }
    assert_eq!(methods(&stage).len(), 3, "the second knows the number");
    assert_eq!(stage.platform.borrow().messages(FORUM).len(), 2);
    assert!(
        stage
            .host
            .logs()
            .iter()
            .any(|(_, line)| line.contains("became a supergroup"))
    );
}

#[test]
fn refusals() {
    type Change = fn(&mut Server);
    type Is = fn(&Error) -> bool;
    let cases: [(Change, Is, &str); 6] = [
        (
            |one| one.flood = Some(7),
            |error| *error == Error::RateLimited(Some(7000)),
            "",
        ),
        (
            |one| one.revoked = true,
            |error| matches!(error, Error::Unauthorized(_)),
            "@BotFather",
        ),
        (
            |one| one.token = "other".into(),
            |error| matches!(error, Error::Unauthorized(_)),
            "token is not",
        ),
        (
            |one| one.chat(CHANNEL).bot = "left",
            |error| matches!(error, Error::Unauthorized(_)),
            "not a member",
        ),
        (
            |one| one.chat(CHANNEL).may_post = false,
            |error| matches!(error, Error::Unauthorized(_)),
            "need administrator rights",
        ),
        (
            |one| one.chat(CHANNEL).username = None,
            |error| matches!(error, Error::Invalid(_)),
            "chat not found",
        ),
    ];
    for (change, is, words) in cases {
        let stage = stage();
        change(&mut stage.platform.borrow_mut());
        let error = publish(&stage, &delivery(Post::text("Salam"))).unwrap_err();
        assert!(is(&error) && error.reason().contains(words), "{error:?}");
        assert!(stage.platform.borrow().messages(CHANNEL).is_empty());
    }
    for (answer, is) in [
        (Answer::empty(502), "unknown"),
        (
            Answer::new(500, "text/html", "<title>oops</title>"),
            "unknown",
        ),
        (Answer::new(200, "text/html", "a captive portal"), "unknown"),
        (Answer::empty(413), "invalid"),
    ] {
        let stage = stage();
        stage.trouble_once("POST", "/sendMessage", Trouble::Instead(answer));
        let error = publish(&stage, &delivery(Post::text("Salam"))).unwrap_err();
        match is {
            "unknown" => assert!(matches!(error, Error::UnknownOutcome(_)), "{error:?}"),
            _ => assert!(matches!(error, Error::Invalid(_)), "{error:?}"),
        }
    }
    let stage = stage();
    stage.trouble_once("POST", "/sendMessage", Trouble::NotSent);
    let error = publish(&stage, &delivery(Post::text("Salam"))).unwrap_err();
    assert!(matches!(error, Error::Transient(_)), "{error:?}");
}

#[test]
fn a_token_revoked_between_two_parts() {
    let stage = stage();
    let delivery = delivery(Post {
        thread: vec![ThreadPart::text("second")],
        ..Post::text("first")
    });
    let Ok(Outcome::Processing(progress)) = Telegram::publish(&delivery) else {
        panic!("two steps");
    };
    let state: State = serde_json::from_str(&progress.state).unwrap();
    stage.platform.borrow_mut().revoked = true;
    let error = Telegram::resume(&delivery, state.clone()).unwrap_err();
    assert!(
        matches!(&error, Error::Unauthorized(why) if why.contains("publishing thread[0]")),
        "{error:?}"
    );
    stage.platform.borrow_mut().revoked = false;
    Telegram::resume(&delivery, state).unwrap();
    assert_eq!(stage.platform.borrow().messages(CHANNEL).len(), 2);
}

/// The answer of one call is lost; the copies in the discussion group show what is there.
#[test]
fn lost_answers_are_found_in_the_discussion_group() {
    let picture = |stage: &Stage<_>, name: &str| stage.file(name, "image/jpeg", *b"one");
    type Kind<'a> = &'a dyn Fn(&Stage<Server>) -> Post;
    let kinds: [Kind<'_>; 5] = [
        &|_| Post::text("Salam"),
        &|stage| Post {
            media: vec![picture(stage, "a.jpg"), picture(stage, "b.jpg")],
            ..Post::text("album")
        },
        &|stage| Post {
            media: vec![picture(stage, "a.jpg")],
            ..Post::text("x".repeat(2000))
        },
        &|_| Post {
            poll: Some(poll(&["a", "b"])),
            ..Post::text("Hansı?")
        },
        &|_| Post {
            thread: vec![ThreadPart::text("second"), ThreadPart::text("third")],
            first_comment: Some("comment".into()),
            ..Post::text("first")
        },
    ];
    for kind in kinds {
        for lost in 0..4 {
            let stage = stage();
            let delivery = delivery(kind(&stage));
            let mut count = 0;
            stage.trouble(move |request| {
                if !request.path().contains("/send") {
                    return None;
                }
                count += 1;
                (count == lost + 1).then_some(Trouble::LoseAnswer)
            });
            let outcome = stage.persist::<Telegram>(&delivery);
            let server = stage.platform.borrow();
            let expected = {
                let post = &delivery.post;
                let text = usize::from(post.text.len() > 1024);
                post.media.len().max(1) + text + post.thread.len()
            };
            match outcome {
                Ok((receipt, _)) => {
                    assert!(receipt.url.is_some());
                    assert_eq!(server.messages(CHANNEL).len(), expected);
                }
                // Only of a comment nothing can be told.
                Err(Stuck::CannotTell(_)) => {
                    assert!(delivery.post.first_comment.is_some() && lost == 3);
                }
                Err(other) => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn what_can_t_be_found_is_not_called_absent() {
    let stage = stage();
    let delivery = delivery(Post::text("Salam"));
    // Never sent: nothing proves it.
    let found = Telegram::find_published(&delivery, None, testing::START).unwrap();
    assert!(matches!(found, Finding::CannotTell(_)), "{found:?}");
    // Two posts of the same words: neither is surely the one.
    for _ in 0..2 {
        publish(&stage, &delivery).unwrap();
    }
    let found = Telegram::find_published(&delivery, None, testing::START).unwrap();
    assert!(matches!(found, Finding::CannotTell(_)), "{found:?}");
    // A group shows a bot nothing of its own.
    let group = testing::delivery(&account_of(&GROUP.to_string(), json!({})), Post::text("x"));
    let found = Telegram::find_published(&group, None, testing::START).unwrap();
    assert!(matches!(found, Finding::CannotTell(_)), "{found:?}");
}

#[test]
fn visibility_is_for_everybody() {
    let _stage = stage();
    let post = Post {
        visibility: Some(Visibility::Followers),
        ..Post::text("Salam")
    };
    let problems = Telegram::validate(&common::account(), &post).unwrap();
    assert_eq!(problems[0].place, "visibility");
}

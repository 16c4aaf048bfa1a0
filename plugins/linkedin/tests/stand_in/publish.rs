//! Every kind of post, and every refusal.

use jarchi_platforms::linkedin::{PAGE, shown};
use jarchi_platforms::{Answer, Trouble};
use jarchi_plugin_linkedin::LinkedIn;
use jarchi_plugin_sdk::{Error, Mention, Outcome, Post, Publisher, Receipt, Visibility, testing};
use serde_json::{Value, json};

use crate::*;

#[test]
fn words_of_every_kind() {
    let tags = |tags: &[&str]| tags.iter().map(|tag| (*tag).to_owned()).collect::<Vec<_>>();
    let rows: Vec<(Post, &str)> = vec![
        (Post::text("Salam, dünya! "), "Salam, dünya!"),
        (
            Post::text(r"5 * (3 + 2) < 30, a_b {c} [d] ~e~ | f\g @h C# #1 #çay"),
            r"5 * (3 + 2) < 30, a_b {c} [d] ~e~ | f\g @h C# #1 #çay",
        ),
        (
            Post {
                hashtags: tags(&["Bakı çayı", "#çay"]),
                link: Some(link(None)),
                ..Post::text("Bax")
            },
            "Bax\n\nhttps://armudu.az/menu\n\n#BakıÇayı #çay",
        ),
        (
            Post {
                mentions: vec![Mention {
                    handle: "Armudu".into(),
                    id: Some(PAGE.into()),
                }],
                ..Post::text("Bizdə, @Armudu!")
            },
            "Bizdə, @Armudu!",
        ),
    ];
    for (post, seen) in rows {
        let stage = stage();
        let receipt = stage
            .publish::<LinkedIn>(&delivery(post))
            .expect("published");
        let books = stage.platform.borrow();
        assert_eq!(books.posts.len(), 1);
        assert_eq!(books.posts[0].shown, seen);
        assert_eq!(receipt.id, books.posts[0].urn);
        let address = format!("https://www.linkedin.com/feed/update/{}", receipt.id);
        assert_eq!(receipt.url, Some(address));
        assert_eq!(receipt.published_at, Some(stage.now()));
    }
}

/// The stand-in cuts as LinkedIn does: the test before can fail.
#[test]
fn an_unescaped_character_cuts() {
    assert_eq!(shown("5 * 3"), "5 ");
    assert_eq!(
        shown(r"5 \* 3 #a @[B](urn:li:organization:1)"),
        "5 * 3 #a @B"
    );
}

#[test]
fn audiences_and_options() {
    let options = |options: Value| Post {
        options: options.to_string(),
        ..Post::text("a")
    };
    let followers = Post {
        visibility: Some(Visibility::Followers),
        ..Post::text("a")
    };
    let share = "urn:li:share:7000000000000000001";
    for (account, post, at, value) in [
        (page(), Post::text("a"), "/visibility", json!("PUBLIC")),
        (member(), followers, "/visibility", json!("CONNECTIONS")),
        (
            member(),
            options(json!({"visibility": "logged_in"})),
            "/visibility",
            json!("LOGGED_IN"),
        ),
        (
            page(),
            options(json!({"feed": false})),
            "/distribution/feedDistribution",
            json!("NONE"),
        ),
        (
            page(),
            options(json!({"reshare": false})),
            "/isReshareDisabledByAuthor",
            json!(true),
        ),
        (
            page(),
            Post::text("a"),
            "/isReshareDisabledByAuthor",
            json!(false),
        ),
        (
            member(),
            options(json!({"reshare_of": share})),
            "/reshareContext/parent",
            json!(share),
        ),
    ] {
        let stage = stage();
        let delivery = testing::delivery(&account, post);
        stage.publish::<LinkedIn>(&delivery).expect("published");
        let books = stage.platform.borrow();
        assert_eq!(books.posts[0].body.pointer(at), Some(&value), "{at}");
    }
}

#[test]
fn pictures() {
    let stage = stage();
    let one = Post {
        media: vec![picture(&stage, "a.png")],
        ..Post::text("Bir")
    };
    let receipt = stage
        .publish::<LinkedIn>(&delivery(one))
        .expect("published");
    let two = Post {
        media: vec![picture(&stage, "a.png"), picture(&stage, "b.png")],
        ..Post::text("İki")
    };
    stage
        .publish::<LinkedIn>(&delivery(two))
        .expect("published");
    assert_eq!(receipt.data.as_deref(), Some(r#"{"kind":"image"}"#));
    let books = stage.platform.borrow();
    let content = &books.posts[0].body["content"]["media"];
    assert_eq!(content["altText"], "alt of a.png");
    let file = &books.files[content["id"].as_str().expect("a URN")];
    assert_eq!(
        (file.bytes(), file.owner.as_str()),
        (b"bytes of a.png".to_vec(), PAGE)
    );
    let images = books.posts[1].body["content"]["multiImage"]["images"]
        .as_array()
        .expect("images");
    let alts: Vec<&Value> = images.iter().map(|image| &image["altText"]).collect();
    assert_eq!(alts, ["alt of a.png", "alt of b.png"]);
    let last = &books.files[images[1]["id"].as_str().expect("a URN")];
    assert_eq!(last.bytes(), b"bytes of b.png");
}

#[test]
fn a_document_an_article_and_a_poll() {
    let stage = stage();
    let document = Post {
        media: vec![paper(&stage)],
        ..Post::text("Menyu")
    };
    let article = Post {
        link: Some(jarchi_plugin_sdk::Link {
            description: Some("Çaylar".into()),
            thumbnail: Some(picture(&stage, "t.png")),
            ..link(Some("Menyu"))
        }),
        ..Post::text("Yeni menyu")
    };
    let asked = Post {
        poll: Some(poll(&["Çay", "Qəhvə"])),
        hashtags: vec!["çay".into()],
        ..Post::text("Hansı?\n\nYazın.")
    };
    for post in [document, article, asked] {
        stage
            .publish::<LinkedIn>(&delivery(post))
            .expect("published");
    }
    let books = stage.platform.borrow();
    let content = |number: usize| &books.posts[number].body["content"];
    assert_eq!(content(0)["media"]["title"], "menu 2026");
    let article = &content(1)["article"];
    assert_eq!(
        (
            &article["source"],
            &article["title"],
            &article["description"],
            &article["thumbnailAltText"]
        ),
        (
            &json!("https://armudu.az/menu"),
            &json!("Menyu"),
            &json!("Çaylar"),
            &json!("alt of t.png")
        )
    );
    assert_eq!(books.posts[1].shown, "Yeni menyu");
    assert_eq!(
        content(2)["poll"],
        json!({"question": "Hansı?", "options": [{"text": "Çay"}, {"text": "Qəhvə"}],
               "settings": {"duration": "THREE_DAYS"}})
    );
    assert_eq!(books.posts[2].shown, "Yazın.\n\n#çay");
}

#[test]
fn a_video_in_parts() {
    let stage = stage();
    stage.platform.borrow_mut().processing = 3;
    let film = film(&stage);
    let delivery = delivery(Post {
        media: vec![film],
        options: json!({"title": "Çay necə dəmlənir"}).to_string(),
        ..Post::text("Film")
    });
    let receipt = stage.publish::<LinkedIn>(&delivery).expect("published");
    assert!(receipt.id.starts_with("urn:li:ugcPost:"));
    let books = stage.platform.borrow();
    let content = &books.posts[0].body["content"]["media"];
    assert_eq!(content["title"], "Çay necə dəmlənir");
    let file = &books.files[content["id"].as_str().expect("a URN")];
    assert_eq!(file.parts.len(), 3);
    let bytes = file.bytes();
    assert_eq!(bytes.len(), 10_000_000);
    assert!(
        bytes
            .iter()
            .enumerate()
            .all(|(at, byte)| *byte == (at % 251) as u8)
    );
    drop(books);
    // Nothing of it is kept.
    let kept: Option<Value> = stage.host.kept(&format!("upload/{}/0", delivery.key));
    assert_eq!(kept, None);
}

#[test]
fn uploads_that_were_given_up_do_not_fill_the_memory() {
    let stage = stage();
    let film = film(&stage);
    stage.host.kv_quota(10_000);
    for number in 0..20 {
        let mut delivery = delivery(Post {
            media: vec![film.clone()],
            ..Post::text("Film")
        });
        delivery.key = format!("01JDEVKEY0000000000000{number:04}");
        LinkedIn::publish(&delivery).expect("begun");
        stage.host.advance(2 * HOUR);
    }
}

/// Every call is cut off once: the next attempt goes on, no part is sent that is there.
#[test]
fn a_video_survives_a_kill_at_every_step() {
    let stage = stage();
    let delivery = delivery(Post {
        media: vec![film(&stage)],
        ..Post::text("Film")
    });
    let mut outcome = LinkedIn::publish(&delivery).expect("begun");
    let mut steps = 0;
    while let Outcome::Processing(progress) = outcome {
        steps += 1;
        assert!(steps < 20, "{}", progress.note);
        stage.host.advance(progress.after);
        let state = || serde_json::from_str(&progress.state).expect("its own state");
        // The answer comes to a daemon that is gone, as long as nothing is published.
        if !stage
            .platform
            .borrow()
            .files
            .values()
            .any(|file| file.complete)
        {
            let _ = LinkedIn::resume(&delivery, state());
        }
        outcome = LinkedIn::resume(&delivery, state()).expect("goes on");
    }
    let books = stage.platform.borrow();
    assert_eq!(books.posts.len(), 1);
    assert_eq!(books.files.len(), 1, "one upload, gone on with");
    assert_eq!(
        books.files.values().next().map(|file| file.bytes().len()),
        Some(10_000_000)
    );
}

#[test]
fn uploads_that_end_or_lose_answers() {
    type Hurt = fn(&jarchi_platforms::Stage<Platform>);
    let hurts: [Hurt; 4] = [
        |stage| stage.platform.borrow_mut().expire_uploads = true,
        |stage| stage.trouble_once("PUT", "/1", Trouble::LoseAnswer),
        |stage| stage.trouble_once("PUT", "/2", Trouble::NotSent),
        // It is put together, and the answer is lost.
        |stage| stage.trouble_once("POST", "/rest/videos", Trouble::LoseAnswer),
    ];
    for (number, hurt) in hurts.iter().enumerate() {
        let stage = stage();
        let delivery = delivery(Post {
            media: vec![film(&stage)],
            ..Post::text("Film")
        });
        let mut outcome = LinkedIn::publish(&delivery).expect("begun");
        hurt(&stage);
        for _ in 0..30 {
            let Outcome::Processing(progress) = &outcome else {
                break;
            };
            stage.host.advance(progress.after);
            let state = serde_json::from_str(&progress.state).expect("its own state");
            match LinkedIn::resume(&delivery, state) {
                Ok(next) => outcome = next,
                // Tried again with the same state.
                Err(Error::Transient(_)) => {}
                Err(error) => panic!("{number}: {error:?}"),
            }
        }
        assert!(
            matches!(outcome, Outcome::Published(_)),
            "{number}: {outcome:?}"
        );
        let books = stage.platform.borrow();
        assert_eq!(books.posts.len(), 1, "{number}");
        let urn = books.posts[0].body["content"]["media"]["id"]
            .as_str()
            .expect("a URN");
        assert_eq!(books.files[urn].bytes().len(), 10_000_000, "{number}");
    }
}

#[test]
fn files_that_can_not_be_looked_at() {
    let stage = stage();
    {
        let mut books = stage.platform.borrow_mut();
        books.scopes.remove("r_member_social");
        books.unready_posts = 2;
    }
    let post = Post {
        media: vec![picture(&stage, "a.png")],
        ..Post::text("Bir")
    };
    let delivery = testing::delivery(&member(), post);
    stage.publish::<LinkedIn>(&delivery).expect("published");
    assert_eq!(stage.platform.borrow().posts.len(), 1);
}

#[test]
fn a_file_that_is_never_taken() {
    let stage = stage();
    let post = Post {
        media: vec![picture(&stage, "a.png")],
        ..Post::text("Bir")
    };
    stage.trouble(|request| {
        let back = Answer::json(400, &json!({ "message": "not an image" }));
        (request.method == "PUT").then_some(Trouble::Instead(back))
    });
    let refused = stage.publish::<LinkedIn>(&delivery(post));
    let Err(Error::Invalid(reason)) = refused else {
        panic!("{refused:?}")
    };
    assert!(
        reason.contains("a.png") && reason.contains("not an image"),
        "{reason}"
    );
}

#[test]
fn a_file_that_is_not_known_everywhere_at_once() {
    let stage = stage();
    let delivery = delivery(Post {
        media: vec![picture(&stage, "a.png")],
        ..Post::text("Bir")
    });
    let mut left = 3;
    stage.trouble(move |request| {
        let early = request.method == "GET" && request.path().starts_with("/rest/images/");
        left -= i32::from(early);
        (early && left >= 0).then(|| Trouble::Instead(Answer::empty(404)))
    });
    stage.publish::<LinkedIn>(&delivery).expect("published");
    assert_eq!(stage.platform.borrow().posts.len(), 1);
}

#[test]
fn a_file_that_can_not_be_processed() {
    let stage = stage();
    stage.platform.borrow_mut().breaks = true;
    let post = Post {
        media: vec![picture(&stage, "a.png")],
        ..Post::text("Bir")
    };
    let refused = stage.publish::<LinkedIn>(&delivery(post));
    let Err(Error::Invalid(reason)) = refused else {
        panic!("{refused:?}")
    };
    assert!(
        reason.contains("a.png") && reason.contains("UNSUPPORTED_FORMAT"),
        "{reason}"
    );
}

#[test]
fn the_first_comment_is_a_step_of_its_own() {
    let stage = stage();
    let delivery = delivery(commented("Salam", "Ünvan: [Nizami] 5 #çay"));
    let outcome = LinkedIn::publish(&delivery).expect("published");
    let Outcome::Processing(progress) = outcome else {
        panic!("{outcome:?}")
    };
    assert!(progress.visible);
    assert!(stage.platform.borrow().comments.is_empty());
    let receipt = stage
        .go_on::<LinkedIn>(&delivery, progress.into())
        .expect("published");
    let books = stage.platform.borrow();
    // Comments are no little text.
    assert_eq!(books.comments[0].text, "Ünvan: [Nizami] 5 #çay");
    assert_eq!(books.comments[0].actor, PAGE);
    assert_eq!(receipt.parts, [books.comments[0].urn.clone()]);
}

/// The table of refusals, at the request that publishes.
#[test]
fn refusals() {
    type Sort = fn(&Error) -> bool;
    let body = |status: u16, code: &str, service: i64, message: &str| json!({"status": status, "code": code, "serviceErrorCode": service, "message": message});
    let day = "Resource level throttle APPLICATION_AND_MEMBER DAY limit for calls to this resource is reached.";
    let rows: Vec<(u16, Value, Sort, &str)> = vec![
        (
            401,
            body(401, "INVALID_ACCESS_TOKEN", 65_600, "Invalid"),
            |e| matches!(e, Error::Unauthorized(_)),
            "Connect",
        ),
        (
            401,
            body(401, "REVOKED_ACCESS_TOKEN", 65_601, "Revoked"),
            |e| matches!(e, Error::Unauthorized(_)),
            "took the app's permission back",
        ),
        (
            401,
            body(401, "EXPIRED_ACCESS_TOKEN", 65_602, "Expired"),
            |e| matches!(e, Error::Unauthorized(_)),
            "ended",
        ),
        (
            403,
            body(403, "ACCESS_DENIED", 100, "No"),
            |e| matches!(e, Error::Unauthorized(_)),
            "scope",
        ),
        (
            400,
            body(400, "X", 0, "Bad"),
            |e| matches!(e, Error::Invalid(_)),
            "Bad",
        ),
        (
            422,
            json!({"message": "Wrong", "status": 422, "errorDetails": {"inputErrors": [{"description": "too long", "input": {"inputPath": {"fieldPath": "/commentary"}}, "code": "FIELD_LENGTH_TOO_LONG"}]}}),
            |e| matches!(e, Error::Invalid(_)),
            "/commentary: too long",
        ),
        (
            426,
            body(426, "NONEXISTENT_VERSION", 0, "Gone"),
            |e| matches!(e, Error::Invalid(_)),
            "`version`",
        ),
        (
            429,
            body(429, "TOO_MANY_REQUESTS", 101, "Slow"),
            |e| *e == Error::RateLimited(None),
            "",
        ),
        // The tests' clock begins at 08:00 UTC.
        (
            429,
            body(429, "TOO_MANY_REQUESTS", 101, day),
            |e| *e == Error::RateLimited(Some(16 * HOUR)),
            "",
        ),
        (
            400,
            body(400, "X", 0, "Unable to obtain activity"),
            |e| matches!(e, Error::Transient(_)),
            "",
        ),
        (
            409,
            body(409, "CONFLICT", 0, "Write conflict"),
            |e| matches!(e, Error::Transient(_)),
            "",
        ),
        (
            500,
            body(500, "INTERNAL", 0, "Oops"),
            |e| matches!(e, Error::UnknownOutcome(_)),
            "Oops",
        ),
        (
            504,
            json!("<html>"),
            |e| matches!(e, Error::UnknownOutcome(_)),
            "",
        ),
    ];
    for (status, answer, sort, words) in rows {
        let stage = stage();
        stage.trouble_once(
            "POST",
            "/rest/posts",
            Trouble::Instead(Answer::json(status, &answer)),
        );
        let refused = stage
            .publish::<LinkedIn>(&delivery(Post::text("a")))
            .expect_err("refused");
        assert!(sort(&refused), "{status} {answer}: {refused:?}");
        assert!(refused.reason().contains(words), "{refused:?}");
    }
}

#[test]
fn a_token_that_ends_in_the_middle() {
    let stage = stage();
    let delivery = delivery(Post {
        media: vec![picture(&stage, "a.png")],
        ..Post::text("a")
    });
    let Ok(Outcome::Processing(progress)) = LinkedIn::publish(&delivery) else {
        panic!("no step")
    };
    stage.platform.borrow_mut().dead_token = Some((65_602, "The token has expired"));
    let state = || serde_json::from_str(&progress.state).expect("its own state");
    // The upload's address does not say so: the upload begins anew, and then it shows.
    let mut outcome = LinkedIn::resume(&delivery, state());
    for _ in 0..3 {
        let Ok(Outcome::Processing(progress)) = &outcome else {
            break;
        };
        let state = serde_json::from_str(&progress.state).expect("its own state");
        outcome = LinkedIn::resume(&delivery, state);
    }
    assert!(
        matches!(outcome, Err(Error::Unauthorized(_))),
        "{outcome:?}"
    );
    stage.platform.borrow_mut().dead_token = None;
    let again = LinkedIn::resume(&delivery, state()).expect("goes on");
    stage
        .go_on::<LinkedIn>(&delivery, again)
        .expect("published");
    assert_eq!(stage.platform.borrow().posts.len(), 1);
}

#[test]
fn the_version_is_a_setting() {
    for (version, words) in [("202511", "`version`"), ("2026-01", "a year and a month")] {
        let _stage = stage();
        let account = testing::account(&json!({ "author": PAGE, "version": version }));
        let refused = LinkedIn::publish(&testing::delivery(&account, Post::text("a")));
        let Err(Error::Invalid(reason)) = refused else {
            panic!("{refused:?}")
        };
        assert!(reason.contains(words), "{reason}");
    }
}

#[test]
fn deleting() {
    let stage = stage();
    let receipt = stage
        .publish::<LinkedIn>(&delivery(Post::text("a")))
        .expect("published");
    for _ in 0..2 {
        assert_eq!(LinkedIn::delete(&page(), &receipt), Ok(()));
        assert!(stage.platform.borrow().posts[0].deleted);
    }
    let foreign = Receipt::new("urn:li:share:1");
    assert_eq!(LinkedIn::delete(&page(), &foreign), Ok(()));
}

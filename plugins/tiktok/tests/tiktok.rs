//! Videos and photos, and what happens when answers are lost.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may panic")]

use std::cell::RefCell;
use std::rc::Rc;

use jarchi_platforms::tiktok::{TOKEN, TikTok as Server, no};
use jarchi_platforms::{Answer, Stage, Stuck, Trouble};
use jarchi_plugin_sdk::testing::{self};
use jarchi_plugin_sdk::{
    Account, Analytics, Connection, Delivery, Error, Measure, MediaItem, Outcome, Poll, Post,
    Publisher, Receipt, Severity, ThreadPart,
};
use jarchi_plugin_tiktok::TikTok;
use jarchi_plugin_tiktok::publish::CHUNK;
use serde_json::{Value, json};

fn stage() -> Stage<Server> {
    let stage = Stage::new(Server::default());
    stage.secret("access_token", TOKEN);
    stage
}

fn account(settings: &Value) -> Account {
    testing::account(settings)
}

fn delivery(post: Post) -> Delivery {
    testing::delivery(&account(&json!({})), post)
}

fn video(stage: &Stage<Server>, size: usize) -> MediaItem {
    MediaItem {
        length: Some(20_000),
        ..stage.file("pour.mp4", "video/mp4", vec![7; size])
    }
}

fn photo(stage: &Stage<Server>, name: &str) -> MediaItem {
    stage.file(name, "image/jpeg", name.as_bytes())
}

fn with(text: &str, media: Vec<MediaItem>) -> Post {
    Post {
        media,
        ..Post::text(text)
    }
}

fn with_options(post: Post, options: &Value) -> Post {
    Post {
        options: options.to_string(),
        ..post
    }
}

/// Every size on a side of a rule of chunks.
#[test]
fn a_video_in_chunks() {
    let mb = 1 << 20;
    let chunk = CHUNK as usize;
    for (size, chunks) in [
        (1, 1),
        (5 * mb - 1, 1),
        (5 * mb, 1),
        (chunk, 1),
        (2 * chunk - 1, 1),
        (2 * chunk, 2),
        (2 * chunk + 1, 2),
    ] {
        let stage = stage();
        let post = with("Belə süzülür", vec![video(&stage, size)]);
        let receipt = stage.publish::<TikTok>(&delivery(post)).unwrap();
        let puts = stage
            .called()
            .iter()
            .filter(|line| line.starts_with("PUT"))
            .count();
        assert_eq!(puts, chunks, "{size}");
        let server = stage.platform.borrow();
        let done = server.done();
        assert_eq!(done.len(), 1);
        assert_eq!(done[0].bytes.len(), size);
        let id = done[0].post.unwrap().to_string();
        assert_eq!(receipt.id, id);
        let url = format!("https://www.tiktok.com/@cayevi/video/{id}");
        assert_eq!(receipt.url, Some(url));
        let info = &done[0].info;
        assert_eq!(info["title"], "Belə süzülür");
        assert_eq!(info["privacy_level"], "PUBLIC_TO_EVERYONE");
        // The creator forbids stitches.
        assert_eq!(info["disable_stitch"], true);
        assert_eq!(info["disable_duet"], false);
    }
}

#[test]
fn photos_from_the_public_address() {
    let stage = stage();
    let photos = vec![photo(&stage, "a.jpg"), photo(&stage, "b.jpg")];
    let options = json!({ "title": "Çay", "cover_photo": 1, "music": true, "own_brand": true });
    let post = with_options(with("Salam", photos), &options);
    stage.publish::<TikTok>(&delivery(post)).unwrap();
    let server = stage.platform.borrow();
    let done = server.done();
    let urls = ["https://media.example/a.jpg", "https://media.example/b.jpg"];
    assert_eq!(done[0].photos, urls);
    assert_eq!(done[0].info["title"], "Çay");
    assert_eq!(done[0].info["description"], "Salam");
    assert_eq!(done[0].info["brand_organic_toggle"], true);
}

#[test]
fn drafts_are_done_in_the_inbox() {
    let stage = stage();
    let draft = json!({ "draft": true });
    for media in [vec![video(&stage, 10)], vec![photo(&stage, "a.jpg")]] {
        let post = with_options(with("", media), &draft);
        let receipt = stage.publish::<TikTok>(&delivery(post)).unwrap();
        assert!(receipt.id.starts_with("v_pub~"), "{receipt:?}");
        assert_eq!(receipt.url, None);
    }
    let server = stage.platform.borrow();
    assert!(server.done().iter().all(|one| one.draft));
}

/// Private posts have no public number.
#[test]
fn a_post_for_oneself() {
    let stage = stage();
    stage.platform.borrow_mut().unaudited = true;
    let post = |privacy: &str| {
        let post = with("Salam", vec![video(&stage, 10)]);
        with_options(post, &json!({ "privacy": privacy }))
    };
    let refused = stage.publish::<TikTok>(&delivery(post("PUBLIC_TO_EVERYONE")));
    assert!(matches!(refused, Err(Error::Invalid(_))), "{refused:?}");
    let receipt = stage
        .publish::<TikTok>(&delivery(post("SELF_ONLY")))
        .unwrap();
    assert!(receipt.id.starts_with("v_pub~"));
    // The creator does not offer it.
    let refused = stage.publish::<TikTok>(&delivery(post("FOLLOWER_OF_CREATOR")));
    let Err(Error::Invalid(reason)) = refused else {
        panic!("{refused:?}");
    };
    assert!(reason.contains("MUTUAL_FOLLOW_FRIENDS"), "{reason}");
}

#[test]
fn a_video_that_is_too_long_for_the_creator() {
    let stage = stage();
    stage.platform.borrow_mut().longest = 19;
    let refused = stage.publish::<TikTok>(&delivery(with("", vec![video(&stage, 10)])));
    assert!(matches!(refused, Err(Error::Invalid(_))), "{refused:?}");
    assert_eq!(stage.platform.borrow().publications.len(), 0);
}

/// Whatever request of a post meets this, it is there once; photos whose answer is lost
/// are put before a person.
#[test]
fn each_request_in_turn() {
    type Make = fn(&Stage<Server>) -> Post;
    let posts: [(Make, bool); 2] = [
        (
            |stage| with("Video", vec![video(stage, 2 * CHUNK as usize + 1)]),
            true,
        ),
        (|stage| with("Photos", vec![photo(stage, "a.jpg")]), false),
    ];
    let troubles: [fn() -> Trouble; 4] = [
        || Trouble::LoseAnswer,
        || Trouble::NotSent,
        || Trouble::After(Answer::empty(503)),
        || Trouble::Instead(no(500, "internal_error")),
    ];
    for (make, is_video) in posts {
        let whole = stage();
        whole
            .persist::<TikTok>(&delivery(make(&whole)))
            .expect("TikTok takes it");
        let called = whole.called();
        drop(whole);
        for (which, trouble) in troubles.into_iter().enumerate() {
            for (number, line) in called.iter().enumerate() {
                let stage = stage();
                let delivery = delivery(make(&stage));
                let seen = Rc::new(RefCell::new(0));
                let count = seen.clone();
                stage.trouble(move |_| {
                    *count.borrow_mut() += 1;
                    (*count.borrow() == number + 1).then(trouble)
                });
                let receipt = stage.persist::<TikTok>(&delivery);
                let server = stage.platform.borrow();
                // Not sent, or refused before: it is not unknown.
                if !is_video && line.ends_with("/content/init/") && which != 1 {
                    assert!(matches!(receipt, Err(Stuck::CannotTell(_))), "{receipt:?}");
                    assert!(server.done().len() <= 1);
                    continue;
                }
                receipt.unwrap_or_else(|error| panic!("{line}: {error:?}"));
                assert_eq!(server.done().len(), 1, "{line} {which}");
            }
        }
    }
}

/// After an hour, the address of an upload is good no more.
#[test]
fn an_upload_that_ended_is_begun_again() {
    let stage = stage();
    let wanted = delivery(with("Salam", vec![video(&stage, 10)]));
    let Outcome::Processing(progress) = TikTok::publish(&wanted).unwrap() else {
        panic!("it is announced first");
    };
    stage.host.advance(2 * 3_600_000);
    let state = serde_json::from_str(&progress.state).unwrap();
    let outcome = TikTok::resume(&wanted, state).unwrap();
    stage.go_on::<TikTok>(&wanted, outcome).unwrap();
    assert_eq!(stage.platform.borrow().done().len(), 1);
}

#[test]
fn what_tiktok_can_not_use() {
    for (reason, connect) in [
        ("file_format_check_failed", false),
        ("picture_size_check_failed", false),
        ("spam_risk_text", false),
        ("auth_removed", true),
        ("something_new", false),
    ] {
        let stage = stage();
        stage.platform.borrow_mut().fails = vec![reason.into()];
        let error = stage
            .publish::<TikTok>(&delivery(with("", vec![video(&stage, 10)])))
            .unwrap_err();
        assert_eq!(
            matches!(error, Error::Unauthorized(_)),
            connect,
            "{error:?}"
        );
        assert!(error.reason().contains(reason), "{error:?}");
    }
}

/// What may pass is tried again, three times.
#[test]
fn what_fails_for_now() {
    let stage = stage();
    for (fails, goes) in [
        (vec!["internal"], true),
        (vec!["photo_pull_failed"; 3], true),
        (vec!["internal"; 4], false),
    ] {
        let fails = fails.into_iter().map(str::to_owned).collect();
        stage.platform.borrow_mut().fails = fails;
        let before = stage.platform.borrow().done().len();
        let wanted = delivery(with("", vec![photo(&stage, "a.jpg")]));
        let told = stage.publish::<TikTok>(&wanted);
        assert_eq!(told.is_ok(), goes, "{told:?}");
        let done = stage.platform.borrow().done().len() - before;
        assert_eq!(done, usize::from(goes));
    }
}

/// The number comes when moderation is through, which may be after the post is told of.
#[test]
fn a_number_that_comes_late() {
    let stage = stage();
    stage.platform.borrow_mut().moderation = 61;
    let post = with("Salam", vec![video(&stage, 10)]);
    let receipt = stage.publish::<TikTok>(&delivery(post)).unwrap();
    assert!(receipt.id.starts_with("v_pub~"), "{receipt:?}");
    let none = account(&json!({}));
    let mut told = vec![];
    for _ in 0..5 {
        told = TikTok::posts(&none, std::slice::from_ref(&receipt)).unwrap();
    }
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].id, receipt.id);
}

/// An app that may only leave drafts is told nothing of the creator.
#[test]
fn drafts_ask_for_no_permission_to_post() {
    let stage = stage();
    stage.trouble(|request| {
        let refused = no(401, "scope_not_authorized");
        (request.path().contains("creator_info")).then_some(Trouble::Instead(refused))
    });
    let account = account(&json!({ "draft": true }));
    let wanted = testing::delivery(&account, with("", vec![video(&stage, 10)]));
    stage.publish::<TikTok>(&wanted).unwrap();
    TikTok::check(&account).unwrap();
}

#[test]
fn refusals_in_the_queues_terms() {
    type Is = fn(&Error) -> bool;
    let cases: [(u16, &str, Is); 9] = [
        (401, "access_token_invalid", |error| {
            matches!(error, Error::Unauthorized(_))
        }),
        (401, "scope_not_authorized", |error| {
            matches!(error, Error::Unauthorized(_))
        }),
        (403, "spam_risk_user_banned_from_posting", |error| {
            matches!(error, Error::Unauthorized(_))
        }),
        (429, "rate_limit_exceeded", |error| {
            matches!(error, Error::RateLimited(Some(60_000)))
        }),
        (403, "spam_risk_too_many_posts", |error| {
            matches!(error, Error::RateLimited(Some(86_400_000)))
        }),
        (403, "reached_active_user_cap", |error| {
            matches!(error, Error::RateLimited(_))
        }),
        (403, "url_ownership_unverified", |error| {
            matches!(error, Error::Invalid(_))
        }),
        (400, "invalid_params", |error| {
            matches!(error, Error::Invalid(_))
        }),
        (500, "internal_error", |error| {
            matches!(error, Error::UnknownOutcome(_))
        }),
    ];
    for (status, code, is) in cases {
        let stage = stage();
        stage.trouble_once("POST", "/content/init/", Trouble::Instead(no(status, code)));
        let post = with("", vec![photo(&stage, "a.jpg")]);
        let error = TikTok::publish(&delivery(post)).unwrap_err();
        assert!(is(&error), "{code}: {error:?}");
    }
}

/// The places of what would be refused.
fn refused(post: &Post) -> Vec<String> {
    let problems = TikTok::validate(&account(&json!({})), post).unwrap();
    let errors = problems
        .into_iter()
        .filter(|one| one.severity == Severity::Error);
    errors.map(|problem| problem.place).collect()
}

#[test]
fn limits_at_the_edge() {
    let stage = stage();
    let none: [&str; 0] = [];
    assert_eq!(refused(&Post::text("a")), ["media"]);
    let one = || vec![video(&stage, 10)];
    assert_eq!(refused(&with(&"😀".repeat(1100), one())), none);
    assert_eq!(refused(&with(&"😀".repeat(1101), one())), ["text"]);
    let photos = |count: usize| vec![photo(&stage, "a.jpg"); count];
    assert_eq!(refused(&with(&"a".repeat(4000), photos(35))), none);
    assert_eq!(
        refused(&with(&"a".repeat(4001), photos(36))),
        ["media", "text"]
    );
    assert_eq!(refused(&with("", [photos(1), one()].concat())), ["media"]);
    let png = stage.file("a.png", "image/png", "png");
    assert_eq!(refused(&with("", vec![png])), ["media[0]"]);
    let sized = |size: u64, width: u32| MediaItem {
        size,
        width: Some(width),
        ..video(&stage, 10)
    };
    assert_eq!(refused(&with("", vec![sized(4 << 30, 360)])), none);
    assert_eq!(
        refused(&with("", vec![sized((4 << 30) + 1, 360)])),
        ["media[0]"]
    );
    assert_eq!(refused(&with("", vec![sized(10, 359)])), ["media[0]"]);
    let options = |options: &Value| refused(&with_options(with("", photos(2)), options));
    assert_eq!(
        options(&json!({ "title": "a".repeat(90), "cover_photo": 1 })),
        none
    );
    let places = ["options.title", "options.cover_photo"];
    assert_eq!(
        options(&json!({ "title": "a".repeat(91), "cover_photo": 2 })),
        places
    );
    assert_eq!(
        options(&json!({ "privat": "SELF_ONLY" })),
        ["options.privat"]
    );
    let other = Post {
        poll: Some(Poll {
            options: vec!["a".into(), "b".into()],
            open_for: 1,
            multiple: false,
            hide_totals: false,
        }),
        thread: vec![ThreadPart {
            text: "b".into(),
            media: vec![],
        }],
        first_comment: Some("c".into()),
        ..with("", photos(1))
    };
    assert_eq!(refused(&other), ["poll", "thread", "first-comment"]);
}

#[test]
fn how_the_account_stands() {
    let stage = stage();
    let targets = TikTok::targets(&account(&json!({}))).unwrap();
    assert_eq!(targets[0].name, "Çay evi (@cayevi)");
    let standing = TikTok::check(&account(&json!({}))).unwrap();
    assert_eq!(
        standing.url.as_deref(),
        Some("https://www.tiktok.com/@cayevi")
    );
    let is_error = |standing: &jarchi_plugin_sdk::connection::Standing| {
        standing
            .problems
            .iter()
            .any(|one| one.severity == Severity::Error)
    };
    assert!(!is_error(&standing));
    let followers = account(&json!({ "privacy": "FOLLOWER_OF_CREATOR" }));
    assert!(is_error(&TikTok::check(&followers).unwrap()));
    stage.secret("access_token", "ended");
    let ended = TikTok::check(&followers);
    assert!(matches!(ended, Err(Error::Unauthorized(_))), "{ended:?}");
}

#[test]
fn numbers() {
    let stage = stage();
    let post = with("Salam", vec![video(&stage, 10)]);
    let receipt = stage.publish::<TikTok>(&delivery(post)).unwrap();
    let posts = [receipt, Receipt::new("v_pub~1"), Receipt::new("12")];
    let told = TikTok::posts(&account(&json!({})), &posts).unwrap();
    assert_eq!(told.len(), 1, "what TikTok does not tell of is left out");
    let value = |measure: &Measure| {
        let found = told[0]
            .metrics
            .iter()
            .find(|metric| metric.measure == *measure);
        found.map(|metric| metric.value)
    };
    assert_eq!(value(&Measure::Views), Some(90));
    assert_eq!(value(&Measure::Likes), Some(7));
    assert_eq!(value(&Measure::Comments), None, "missing, not zero");
    let own = TikTok::account(&account(&json!({}))).unwrap();
    assert_eq!(own[0].measure, Measure::Followers);
    assert_eq!(own[0].value, 42);
}

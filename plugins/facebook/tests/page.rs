//! A Page from a text to a reel, and what happens when answers are lost.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{TROUBLES, account, delivery, photo, stage, trouble_at, video, with, with_options};
use jarchi_platforms::facebook::{CHUNK, Facebook as Server, PAGE, PAGE_TOKEN, no};
use jarchi_platforms::{Answer, Stage, Trouble};
use jarchi_plugin_facebook::{Facebook, publish::State};
use jarchi_plugin_sdk::testing::{self, START};
use jarchi_plugin_sdk::{
    Analytics, Connection, Delivery, Error, Finding, Link, Measure, MediaItem, Outcome, Poll, Post,
    Publisher, Receipt, Severity, ThreadPart,
};
use serde_json::json;

fn link(url: &str) -> Link {
    Link {
        url: url.into(),
        title: None,
        description: None,
        thumbnail: None,
    }
}

#[test]
fn a_text_with_a_card_and_hashtags() {
    let stage = stage();
    let post = Post {
        link: Some(link("https://a.az/menyu")),
        hashtags: vec!["çay".into()],
        ..Post::text("Salam")
    };
    let receipt = stage.publish::<Facebook>(&delivery(post)).unwrap();
    assert_eq!(stage.held("page_token").as_deref(), Some(PAGE_TOKEN));
    let server = stage.platform.borrow();
    let posts = server.timeline();
    assert_eq!(posts.len(), 1);
    assert_eq!(posts[0].message, "Salam\n\n#çay");
    assert_eq!(posts[0].link.as_deref(), Some("https://a.az/menyu"));
    assert_eq!(receipt.id, posts[0].id);
    assert_eq!(receipt.published_at, Some(START));
    assert!(
        receipt
            .url
            .unwrap()
            .starts_with("https://www.facebook.com/")
    );
}

#[test]
fn photos_with_what_they_show() {
    let stage = stage();
    let photos = vec![photo(&stage, "a.jpg"), photo(&stage, "b.jpg")];
    let post = Post {
        link: Some(link("https://a.az")),
        ..with("Salam", photos)
    };
    stage.publish::<Facebook>(&delivery(post)).unwrap();
    let server = stage.platform.borrow();
    let posts = server.timeline();
    // Beside photos there is no card.
    assert_eq!(posts[0].message, "Salam\n\nhttps://a.az");
    assert_eq!(posts[0].link, None);
    let shown: Vec<_> = posts[0]
        .photos
        .iter()
        .map(|id| &server.photos[id])
        .collect();
    let bytes: Vec<_> = shown.iter().map(|photo| photo.bytes.as_slice()).collect();
    assert_eq!(bytes, [b"a.jpg", b"b.jpg"]);
    assert_eq!(shown[0].alt.as_deref(), Some("A glass of tea"));
}

#[test]
fn a_video_in_pieces_and_a_reel() {
    for (options, pieces) in [
        (json!({ "title": "Çay" }), true),
        (json!({ "reel": true }), false),
    ] {
        let stage = stage();
        stage.platform.borrow_mut().slow = 2;
        let size = 2 * CHUNK as usize + 1;
        let post = with_options(with("Belə süzülür", vec![video(&stage, size)]), &options);
        let receipt = stage.publish::<Facebook>(&delivery(post)).unwrap();
        let server = stage.platform.borrow();
        let shown = server.shown();
        assert_eq!(shown.len(), 1);
        assert_eq!(shown[0].bytes.len(), size);
        assert_eq!(shown[0].description, "Belə süzülür");
        assert_eq!(shown[0].title.as_deref(), pieces.then_some("Çay"));
        assert!(receipt.url.unwrap().contains("/videos/"));
    }
}

#[test]
fn a_video_that_facebook_can_not_use() {
    let stage = stage();
    stage.platform.borrow_mut().broken = Some("The codec is unknown".into());
    let post = with("Salam", vec![video(&stage, 10)]);
    let refused = stage.publish::<Facebook>(&delivery(post));
    let Err(Error::Invalid(reason)) = refused else {
        panic!("{refused:?}");
    };
    assert!(reason.contains("The codec is unknown"), "{reason}");
}

/// Whatever request of a post meets this, the Page has it and its comment once.
#[test]
fn each_request_in_turn() {
    type Make = fn(&Stage<Server>) -> Post;
    let posts: [Make; 4] = [
        |_| Post::text("Salam"),
        |stage| with("", vec![photo(stage, "a.jpg"), photo(stage, "b.jpg")]),
        |stage| with("Video", vec![video(stage, 2 * CHUNK as usize)]),
        |stage| {
            let reel = with("Reel", vec![video(stage, 100)]);
            with_options(reel, &json!({ "reel": true }))
        },
    ];
    for make in posts {
        let post = |stage: &Stage<Server>| Post {
            first_comment: Some("Buyurun".into()),
            ..make(stage)
        };
        let whole = stage();
        let wanted = delivery(post(&whole));
        whole
            .persist::<Facebook>(&wanted)
            .expect("Facebook takes it");
        let count = whole.called().len();
        drop(whole);
        for trouble in TROUBLES {
            for number in 0..count {
                let stage = stage();
                let delivery = delivery(post(&stage));
                let met = trouble_at(&stage, number, trouble);
                let receipt = stage.persist::<Facebook>(&delivery);
                let met = met.borrow();
                let (receipt, _) = receipt.unwrap_or_else(|error| panic!("{met}: {error:?}"));
                let server = stage.platform.borrow();
                let out = server.timeline().len() + server.shown().len();
                assert_eq!(out, 1, "{met}");
                assert_eq!(server.comments.len(), 1, "{met}");
                assert_eq!(server.comments[0].on, receipt.id, "{met}");
                assert_eq!(receipt.parts, [server.comments[0].id.clone()], "{met}");
            }
        }
    }
}

#[test]
fn a_duplicate_is_no_success() {
    let stage = stage();
    stage.platform.borrow_mut().refuses_doubles = true;
    let first = delivery(Post::text("Salam"));
    stage.publish::<Facebook>(&first).unwrap();
    // The same words, another delivery: refused, and told so.
    let refused = Facebook::publish(&first);
    assert!(matches!(refused, Err(Error::Invalid(_))), "{refused:?}");
    // After an attempt that may have arrived, the list decides.
    let again = Delivery {
        attempt: 2,
        ..first.clone()
    };
    let unknown = Facebook::publish(&again);
    assert!(
        matches!(unknown, Err(Error::UnknownOutcome(_))),
        "{unknown:?}"
    );
    let found = Facebook::find_published(&again, None, START).unwrap();
    assert!(matches!(found, Finding::Found(_)), "{found:?}");
    // Older than the attempt: somebody else's.
    let found = Facebook::find_published(&again, None, START + 3_600_000).unwrap();
    assert!(matches!(found, Finding::Absent), "{found:?}");
}

#[test]
fn refusals_in_the_queues_terms() {
    type Is = fn(&Error) -> bool;
    let cases: [(Answer, Is); 9] = [
        (no(400, 190, 463, "expired"), |error| {
            matches!(error, Error::Unauthorized(_))
        }),
        (no(403, 200, 0, "permission"), |error| {
            matches!(error, Error::Unauthorized(_))
        }),
        (no(400, 1, 1_404_078, "authorize"), |error| {
            matches!(error, Error::Unauthorized(_))
        }),
        (no(400, 100, 0, "parameter"), |error| {
            matches!(error, Error::Invalid(_))
        }),
        (no(400, 100, 1_609_005, "link"), |error| {
            matches!(error, Error::Invalid(_))
        }),
        (no(400, 32, 0, "page limit"), |error| {
            matches!(error, Error::RateLimited(_))
        }),
        (no(400, 1, 1_390_008, "too fast"), |error| {
            matches!(error, Error::RateLimited(Some(_)))
        }),
        (no(500, 1, 0, "unknown"), |error| {
            matches!(error, Error::UnknownOutcome(_))
        }),
        (Answer::empty(502), |error| {
            matches!(error, Error::UnknownOutcome(_))
        }),
    ];
    for (answer, is) in cases {
        let stage = stage();
        let words = String::from_utf8_lossy(&answer.body).into_owned();
        stage.trouble_once("POST", "/feed", Trouble::Instead(answer));
        let error = Facebook::publish(&delivery(Post::text("Salam"))).unwrap_err();
        assert!(is(&error), "{words}: {error:?}");
    }
}

#[test]
fn a_token_that_ends_in_the_middle() {
    let stage = stage();
    let wanted = delivery(with("Salam", vec![photo(&stage, "a.jpg")]));
    let Outcome::Processing(progress) = Facebook::publish(&wanted).unwrap() else {
        panic!("a photo comes first");
    };
    stage.secret("page_token", "ended");
    let state = || serde_json::from_str::<State>(&progress.state).unwrap();
    let ended = Facebook::resume(&wanted, state());
    assert!(matches!(ended, Err(Error::Unauthorized(_))), "{ended:?}");
    // Connected anew, it goes on where it was.
    stage.secret("page_token", PAGE_TOKEN);
    let outcome = Facebook::resume(&wanted, state()).unwrap();
    stage.go_on::<Facebook>(&wanted, outcome).unwrap();
    assert_eq!(stage.platform.borrow().photos.len(), 1);
    assert_eq!(stage.platform.borrow().timeline().len(), 1);
}

/// The places of what would be refused.
fn refused(post: &Post) -> Vec<String> {
    let problems = Facebook::validate(&account(), post).unwrap();
    let errors = problems
        .into_iter()
        .filter(|one| one.severity == Severity::Error);
    errors.map(|problem| problem.place).collect()
}

#[test]
fn limits_at_the_edge() {
    let stage = stage();
    let none: [&str; 0] = [];
    assert_eq!(refused(&Post::text("a".repeat(63_206))), none);
    assert_eq!(refused(&Post::text("a".repeat(63_207))), ["text"]);
    assert_eq!(refused(&Post::text("")), ["text"]);
    let photos = |count: usize| vec![photo(&stage, "a.jpg"); count];
    assert_eq!(refused(&with("", photos(10))), none);
    assert_eq!(refused(&with("", photos(11))), ["media"]);
    let mixed = [photos(1), vec![video(&stage, 10)]].concat();
    assert_eq!(refused(&with("", mixed)), ["media"]);
    let large = |size: u64| MediaItem {
        size,
        ..photo(&stage, "a.jpg")
    };
    assert_eq!(refused(&with("", vec![large(10 << 20)])), none);
    assert_eq!(
        refused(&with("", vec![large((10 << 20) + 1)])),
        ["media[0]"]
    );
    let reel = |length: u64, width: u32| {
        let item = MediaItem {
            length: Some(length),
            width: Some(width),
            ..video(&stage, 10)
        };
        with_options(with("", vec![item]), &json!({ "reel": true }))
    };
    assert_eq!(refused(&reel(3_000, 540)), none);
    assert_eq!(refused(&reel(90_000, 540)), none);
    assert_eq!(refused(&reel(2_999, 540)), ["media[0]"]);
    assert_eq!(refused(&reel(90_001, 540)), ["media[0]"]);
    assert_eq!(refused(&reel(3_000, 539)), ["media[0]"]);
    let pdf = stage.file("menu.pdf", "application/pdf", "%PDF");
    assert_eq!(refused(&with("", vec![pdf])), ["media[0]"]);
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
        first_comment: Some(" ".into()),
        ..with_options(Post::text("a"), &json!({ "reels": true }))
    };
    let places = ["options.reels", "poll", "thread[0]", "first-comment"];
    assert_eq!(refused(&other), places);
}

#[test]
fn pages_to_choose_from_and_how_one_stands() {
    let stage = stage();
    let nobody = testing::account(&json!({}));
    let targets = Facebook::targets(&nobody).unwrap();
    assert_eq!(targets[0].id, PAGE);
    assert_eq!(targets[0].settings, json!({ "page": PAGE }).to_string());
    assert_eq!(targets[0].obstacle, None);
    assert!(targets[1].obstacle.is_some());
    let unchosen = Facebook::check(&nobody);
    assert!(matches!(unchosen, Err(Error::Invalid(_))), "{unchosen:?}");
    let standing = Facebook::check(&account()).unwrap();
    assert_eq!(standing.name, "Çay evi");
    assert_eq!(standing.scopes.len(), 2);
    assert_eq!(
        standing.lacking,
        [
            "pages_read_engagement",
            "pages_manage_engagement",
            "pages_read_user_content",
            "pages_messaging"
        ]
    );
    stage.host.forget();
    stage.platform.borrow_mut().revoked = true;
    let revoked = Facebook::check(&account());
    assert!(
        matches!(revoked, Err(Error::Unauthorized(_))),
        "{revoked:?}"
    );
}

/// The user's token ends after 60 days, the Page's goes on.
#[test]
fn a_pages_token_outlives_the_users() {
    let stage = stage();
    stage
        .publish::<Facebook>(&delivery(Post::text("Salam")))
        .unwrap();
    stage.platform.borrow_mut().revoked = true;
    stage.host.advance(61 * 24 * 3_600_000);
    stage
        .publish::<Facebook>(&delivery(Post::text("Yenə")))
        .unwrap();
    assert_eq!(stage.platform.borrow().timeline().len(), 2);
}

#[test]
fn numbers_as_far_as_facebook_tells_them() {
    let stage = stage();
    let wanted = delivery(Post {
        first_comment: Some("Buyurun".into()),
        ..Post::text("Salam")
    });
    let receipt = stage.publish::<Facebook>(&wanted).unwrap();
    // One of the three names is not known any more.
    stage.platform.borrow_mut().metrics = vec![
        ("post_media_view", json!({ "paid": 1, "organic": 89 })),
        ("post_clicks", json!(4)),
    ];
    let gone = Receipt::new(format!("{PAGE}_1"));
    let told = Facebook::posts(&account(), &[receipt, gone]).unwrap();
    let value = |measure: &Measure| {
        let found = told[0]
            .metrics
            .iter()
            .find(|metric| metric.measure == *measure);
        found.map(|metric| metric.value)
    };
    assert_eq!(value(&Measure::Views), Some(90));
    assert_eq!(value(&Measure::Clicks), Some(4));
    assert_eq!(value(&Measure::Reach), None, "missing, not zero");
    assert_eq!(value(&Measure::Likes), Some(7));
    assert_eq!(value(&Measure::Comments), Some(0), "our own is none");
    assert_eq!(value(&Measure::Shares), Some(0));
    assert!(told[1].gone);
    let page = Facebook::account(&account()).unwrap();
    assert_eq!(page[0].measure, Measure::Followers);
    assert_eq!(page[0].value, 42);
}

/// Requests of one call are limited: what there is no room for comes the next time.
#[test]
fn numbers_of_many_posts() {
    let stage = stage();
    stage.platform.borrow_mut().metrics = vec![("post_clicks", json!(4))];
    let mut posts = Vec::new();
    for number in 0..25 {
        let wanted = delivery(Post::text(format!("Salam {number}")));
        posts.push(stage.publish::<Facebook>(&wanted).unwrap());
    }
    stage.called();
    let told = Facebook::posts(&account(), &posts).unwrap();
    assert!(stage.called().len() <= 40);
    assert!((15..25).contains(&told.len()), "{}", told.len());
    // What Facebook does not know is not asked for again today.
    let told = Facebook::posts(&account(), &posts[..2]).unwrap();
    assert_eq!(told.len(), 2);
    assert_eq!(stage.called().len(), 4);
}

#[test]
fn deleting_can_be_repeated() {
    let stage = stage();
    let receipt = stage
        .publish::<Facebook>(&delivery(Post::text("Salam")))
        .unwrap();
    for _ in 0..2 {
        Facebook::delete(&account(), &receipt).unwrap();
    }
    assert_eq!(stage.platform.borrow().timeline().len(), 0);
}

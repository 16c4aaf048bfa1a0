//! Stories, and posts that Facebook publishes by itself.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{
    TROUBLES, account, account_with, delivery, photo, stage, trouble_at, video, with, with_options,
};
use jarchi_platforms::facebook::{Facebook as Server, PAGE, no};
use jarchi_platforms::{Answer, Stage, Trouble};
use jarchi_plugin_facebook::Facebook;
use jarchi_plugin_sdk::testing::START;
use jarchi_plugin_sdk::{
    Analytics, Error, Finding, MediaItem, Outcome, Post, Promoter, Publisher, Receipt, Severity,
    time,
};
use serde_json::{Value, json};

const MINUTE: u64 = 60_000;
const DAY: u64 = 24 * 60 * MINUTE;

fn story(media: Vec<MediaItem>) -> Post {
    with_options(with("", media), &json!({ "story": true }))
}

/// In the zone of Baku.
fn at(moment: u64) -> String {
    time::format_rfc3339(moment + 4 * 60 * MINUTE).replace('Z', "+04:00")
}

fn planned(post: Post, moment: u64, more: &Value) -> Post {
    let mut options = json!({ "schedule": at(moment) });
    for (name, value) in more.as_object().unwrap() {
        options[name.as_str()] = value.clone();
    }
    with_options(post, &options)
}

fn publish(stage: &Stage<Server>, post: Post) -> Receipt {
    stage.publish::<Facebook>(&delivery(post)).unwrap()
}

#[test]
fn stories_of_photos_and_videos() {
    type Make = fn(&Stage<Server>) -> MediaItem;
    let makes: [(bool, Make); 2] = [
        (false, |stage| photo(stage, "a.jpg")),
        (true, |stage| video(stage, 100)),
    ];
    for (is_video, make) in makes {
        let stage = stage();
        stage.platform.borrow_mut().slow = 2;
        let receipt = publish(&stage, story(vec![make(&stage)]));
        {
            let server = stage.platform.borrow();
            assert_eq!(server.stories.len(), 1);
            assert_eq!(server.stories[0].id, receipt.id);
            assert_eq!(server.stories[0].video, is_video);
            assert_eq!(server.timeline().len() + server.shown().len(), 0);
            let address = format!("https://facebook.com/stories/{}", receipt.id);
            assert_eq!(receipt.url.as_deref(), Some(address.as_str()));
            let told = Some(server.stories[0].at / 1000 * 1000);
            assert_eq!(receipt.published_at, told);
        }
        // What the API does not tell of stories is left out, and not taken for zero.
        let told = Facebook::posts(&account(), std::slice::from_ref(&receipt)).unwrap();
        assert!(told.is_empty());
        let kept = Facebook::delete(&account(), &receipt);
        assert!(matches!(kept, Err(Error::Unsupported(_))), "{kept:?}");
    }
}

#[test]
fn a_story_whose_list_is_not_told() {
    let stage = stage();
    let refused = no(403, 10, 0, "permission");
    stage.trouble_once("GET", "/stories", Trouble::Instead(refused));
    let receipt = publish(&stage, story(vec![photo(&stage, "a.jpg")]));
    assert_eq!(receipt.id, stage.platform.borrow().stories[0].id);
    assert_eq!(receipt.url, None);
}

#[test]
fn a_story_is_not_promoted() {
    use jarchi_plugin_sdk::promoter::{Audience, Money, Objective, Promotion};
    let stage = stage();
    let own = account_with(json!({ "ad_account": "5500", "ad_beneficiary": "Çay evi" }));
    let promotion = Promotion {
        key: "K".into(),
        created_at: START,
        name: "Spring".into(),
        post: publish(&stage, story(vec![photo(&stage, "a.jpg")])),
        objective: Objective::Engagement,
        audience: Audience {
            countries: vec!["AZ".into()],
            min_age: None,
            max_age: None,
            languages: vec![],
            interests: vec![],
            options: "{}".into(),
        },
        budget: Money {
            minor: 1000,
            currency: "EUR".into(),
        },
        starts: START,
        ends: START + 2 * DAY,
        link: None,
        options: "{}".into(),
    };
    let refused = Facebook::start(&own, &promotion);
    assert!(
        matches!(&refused, Err(Error::Invalid(reason)) if reason.contains("story")),
        "{refused:?}"
    );
}

#[test]
fn facebook_keeps_the_time() {
    let moment = START + 2 * DAY;
    type Make = fn(&Stage<Server>) -> (Post, Value);
    let makes: [Make; 4] = [
        |_| (Post::text("Salam"), json!({})),
        |stage| (with("Salam", vec![photo(stage, "a.jpg")]), json!({})),
        |stage| {
            (
                with("Salam", vec![video(stage, 10)]),
                json!({ "title": "Çay" }),
            )
        },
        |stage| {
            (
                with("Salam", vec![video(stage, 10)]),
                json!({ "reel": true }),
            )
        },
    ];
    for make in makes {
        for cancels in [false, true] {
            let stage = stage();
            let (post, options) = make(&stage);
            let wanted = delivery(planned(post, moment, &options));
            let mut outcome = Facebook::publish(&wanted).unwrap();
            let receipt = loop {
                match outcome {
                    Outcome::Published(receipt) => break receipt,
                    Outcome::Processing(progress) => {
                        assert!(!progress.visible, "nobody sees it yet");
                        let state = serde_json::from_str(&progress.state).unwrap();
                        outcome = <Facebook as Publisher>::resume(&wanted, state).unwrap();
                    }
                }
            };
            assert_eq!(receipt.published_at, Some(moment));
            let out = |stage: &Stage<Server>| {
                let server = stage.platform.borrow();
                server.timeline().len() + server.shown().len()
            };
            assert_eq!(out(&stage), 0);
            if cancels {
                Facebook::delete(&account(), &receipt).unwrap();
                Facebook::delete(&account(), &receipt).unwrap();
            }
            stage.host.advance(2 * DAY);
            // Any request: the stand-in looks at its clock.
            let told = Facebook::posts(&account(), std::slice::from_ref(&receipt)).unwrap();
            assert_eq!(told[0].gone, cancels);
            assert_eq!(out(&stage), usize::from(!cancels));
        }
    }
}

#[test]
fn a_planned_post_is_found() {
    let moment = START + DAY;
    let stage = stage();
    let wanted = delivery(planned(Post::text("Salam"), moment, &json!({})));
    stage.trouble_once("POST", "/feed", Trouble::LoseAnswer);
    let lost = Facebook::publish(&wanted);
    assert!(matches!(lost, Err(Error::UnknownOutcome(_))), "{lost:?}");
    // The same words for another time are another post.
    let other = delivery(planned(Post::text("Salam"), moment + 1000, &json!({})));
    let found = Facebook::find_published(&other, None, START).unwrap();
    assert!(matches!(found, Finding::Absent), "{found:?}");
    for wait in [0, 2 * DAY] {
        stage.host.advance(wait);
        // Planned, or out meanwhile.
        let found = Facebook::find_published(&wanted, None, START).unwrap();
        let Finding::Found(receipt) = found else {
            panic!("{found:?}");
        };
        assert_eq!(receipt.published_at, Some(moment));
        assert!(receipt.id.starts_with(PAGE));
    }
    assert_eq!(stage.platform.borrow().timeline().len(), 1);
}

/// Whatever request of a post meets this, the Page has it once.
#[test]
fn each_request_in_turn() {
    type Make = fn(&Stage<Server>) -> Post;
    let posts: [Make; 6] = [
        |stage| story(vec![photo(stage, "a.jpg")]),
        |stage| story(vec![video(stage, 100)]),
        |_| planned(Post::text("Salam"), START + DAY, &json!({})),
        |stage| {
            let photos = vec![photo(stage, "a.jpg"), photo(stage, "b.jpg")];
            planned(with("", photos), START + DAY, &json!({}))
        },
        |stage| planned(with("a", vec![video(stage, 100)]), START + DAY, &json!({})),
        |stage| {
            let reel = with("a", vec![video(stage, 100)]);
            planned(reel, START + DAY, &json!({ "reel": true }))
        },
    ];
    for make in posts {
        let whole = stage();
        let wanted = delivery(make(&whole));
        whole
            .persist::<Facebook>(&wanted)
            .expect("Facebook takes it");
        let count = whole.called().len();
        drop(whole);
        for trouble in TROUBLES {
            for number in 0..count {
                let stage = stage();
                let wanted = delivery(make(&stage));
                let met = trouble_at(&stage, number, trouble);
                let done = stage.persist::<Facebook>(&wanted);
                let met = met.borrow();
                let (receipt, _) = done.unwrap_or_else(|error| panic!("{met}: {error:?}"));
                let server = stage.platform.borrow();
                let videos = server.videos.values();
                let waiting = videos.filter(|video| video.planned.is_some()).count();
                let all = server.stories.len() + server.planned().len() + waiting;
                assert_eq!(all, 1, "{met}");
                assert_eq!(server.timeline().len() + server.shown().len(), 0, "{met}");
                if let Some(story) = server.stories.first() {
                    assert_eq!(story.id, receipt.id, "{met}");
                } else {
                    assert_eq!(receipt.published_at, Some(START + DAY), "{met}");
                }
            }
        }
    }
}

/// The places of what would be refused.
fn refused(post: &Post) -> Vec<String> {
    let problems = <Facebook as Publisher>::validate(&account(), post).unwrap();
    let errors = problems
        .into_iter()
        .filter(|one| one.severity == Severity::Error);
    errors.map(|problem| problem.place).collect()
}

#[test]
fn limits_of_stories() {
    let stage = stage();
    let none: [&str; 0] = [];
    let lasting = |length: u64, width: u32| MediaItem {
        length: Some(length),
        width: Some(width),
        ..video(&stage, 10)
    };
    let large = |size: u64| MediaItem {
        size,
        ..photo(&stage, "a.jpg")
    };
    let webp = stage.file("a.webp", "image/webp", "RIFF");
    for (media, places) in [
        (vec![photo(&stage, "a.jpg")], &none[..]),
        (vec![large(10 << 20)], &none),
        (vec![large((10 << 20) + 1)], &["media[0]"]),
        (vec![webp], &["media[0]"]),
        (vec![lasting(3_000, 540)], &none),
        (vec![lasting(60_000, 540)], &none),
        (vec![lasting(2_999, 540)], &["media[0]"]),
        (vec![lasting(60_001, 540)], &["media[0]"]),
        (vec![lasting(3_000, 539)], &["media[0]"]),
        (
            vec![photo(&stage, "a.jpg"), photo(&stage, "b.jpg")],
            &["media"],
        ),
    ] {
        assert_eq!(refused(&story(media)), places);
    }
    assert_eq!(refused(&story(vec![])), ["text", "media"]);
    let other = Post {
        first_comment: Some("a".into()),
        ..story(vec![video(&stage, 10)])
    };
    assert_eq!(refused(&other), ["first-comment"]);
    let both = json!({ "story": true, "reel": true, "schedule": at(START + DAY) });
    let both = with_options(with("", vec![video(&stage, 10)]), &both);
    assert_eq!(refused(&both), ["options.story", "options.schedule"]);
}

#[test]
fn limits_of_planned_times() {
    for (ahead, goes) in [
        (0, false),
        (10 * MINUTE - 1000, false),
        (10 * MINUTE, true),
        (30 * DAY, true),
        (30 * DAY + 1000, false),
    ] {
        let stage = stage();
        let post = planned(
            with("Salam", vec![photo(&stage, "a.jpg")]),
            START + ahead,
            &json!({}),
        );
        assert_eq!(refused(&post).is_empty(), goes, "{ahead}");
        let published = stage.publish::<Facebook>(&delivery(post));
        assert_eq!(published.is_ok(), goes, "{ahead}: {published:?}");
        assert!(goes || matches!(published, Err(Error::Invalid(_))));
        // Nothing is uploaded for what is refused in the end.
        assert_eq!(stage.platform.borrow().photos.is_empty(), !goes);
    }
    let _stage = stage();
    let wrong = with_options(Post::text("a"), &json!({ "schedule": "tomorrow" }));
    assert_eq!(refused(&wrong), ["options.schedule"]);
    let early = Post {
        first_comment: Some("a".into()),
        ..planned(Post::text("a"), START + DAY, &json!({}))
    };
    assert_eq!(refused(&early), ["first-comment"]);
}

#[test]
fn refusals_in_the_queues_terms() {
    type Is = fn(&Error) -> bool;
    let invalid: Is = |error| matches!(error, Error::Invalid(_));
    let connect: Is = |error| matches!(error, Error::Unauthorized(_));
    let wait: Is = |error| matches!(error, Error::RateLimited(_));
    let unknown: Is = |error| matches!(error, Error::UnknownOutcome(_));
    for (answer, is) in [
        (no(400, 190, 463, "expired"), connect),
        (no(403, 200, 0, "pages_manage_posts"), connect),
        (no(400, 100, 0, "The photo was used before"), invalid),
        (no(400, 32, 0, "page limit"), wait),
        (no(500, 2, 0, "service"), unknown),
        (Answer::empty(502), unknown),
    ] {
        let words = String::from_utf8_lossy(&answer.body).into_owned();
        for (ending, is_video) in [("/photo_stories", false), ("/video_stories", true)] {
            let stage = stage();
            let media = match is_video {
                true => video(&stage, 10),
                false => photo(&stage, "a.jpg"),
            };
            let mut left = Some(Trouble::Instead(answer.clone()));
            stage.trouble(move |request| {
                let body = String::from_utf8_lossy(&request.body).into_owned();
                let is_it = request.path().ends_with(ending) && !body.contains("start");
                if is_it { left.take() } else { None }
            });
            let error = stage
                .publish::<Facebook>(&delivery(story(vec![media])))
                .unwrap_err();
            assert!(is(&error), "{words}: {error:?}");
        }
    }
}

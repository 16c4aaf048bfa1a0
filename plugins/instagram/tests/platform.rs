//! The connector and a stand-in of Instagram: publishing, and what becomes of lost answers.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod common;

use common::{account, delivery, facebook, image, publish, stage, video, with};
use jarchi_platforms::instagram::Instagram as Server;
use jarchi_platforms::{Answer, Trouble};
use jarchi_plugin_instagram::Instagram;
use jarchi_plugin_instagram::publish::State;
use jarchi_plugin_sdk::{Delivery, Error, Outcome, Post, Publisher, Receipt};
use serde_json::json;

#[test]
fn one_image_with_everything() {
    let stage = stage(Server::facebook());
    let post = Post {
        hashtags: vec!["çay".into()],
        media: vec![image(&stage, "one.jpg")],
        first_comment: Some("Which one?".into()),
        options: json!({
            "location": "77", "collaborators": ["@aysel"],
            "user_tags": [{ "username": "nigar", "x": 0.5, "y": 0.25 }],
        })
        .to_string(),
        ..Post::text("Salam & çay?")
    };
    let delivery = with(facebook(), post);
    let receipt = publish(&stage, &delivery).unwrap();
    let platform = stage.platform.borrow();
    let media = &platform.media[0];
    assert_eq!(
        json!(media.body),
        json!({
            "image_url": "https://media.example/one.jpg", "caption": "Salam & çay?\n\n#çay",
            "alt_text": "A glass of tea", "location_id": "77", "collaborators": ["aysel"],
            "user_tags": [{ "username": "nigar", "x": 0.5, "y": 0.25 }],
        })
    );
    assert_eq!(media.comments[0].text, "Which one?");
    assert_eq!(receipt.id, media.id);
    assert_eq!(receipt.parts, [media.comments[0].id.clone()]);
    assert_eq!(
        receipt.url,
        Some(format!("https://www.instagram.com/p/{}/", media.id))
    );
    assert_eq!(receipt.published_at, Some(media.at / 1000 * 1000));
}

/// What is sent for each kind of post.
#[test]
fn kinds() {
    let cases = [
        (
            json!({}),
            1,
            "REELS",
            json!({ "media_type": "REELS", "upload_type": "resumable", "caption": "a" }),
        ),
        (
            json!({ "share_to_feed": false, "thumb_offset": 1500, "audio_name": "Samovar", "trial": "manual" }),
            1,
            "REELS",
            json!({ "media_type": "REELS", "upload_type": "resumable", "caption": "a",
                    "share_to_feed": false, "thumb_offset": "1500", "audio_name": "Samovar",
                    "trial_params": { "graduation_strategy": "MANUAL" } }),
        ),
        (
            json!({ "cover": "https://tea.example/cover.jpg" }),
            1,
            "REELS",
            json!({ "media_type": "REELS", "upload_type": "resumable", "caption": "a",
                    "cover_url": "https://tea.example/cover.jpg" }),
        ),
        (
            json!({ "kind": "story" }),
            1,
            "STORY",
            json!({ "media_type": "STORIES", "upload_type": "resumable" }),
        ),
        (
            json!({ "kind": "story" }),
            0,
            "STORY",
            json!({ "media_type": "STORIES", "image_url": "https://media.example/i.jpg" }),
        ),
    ];
    for (options, videos, product, body) in cases {
        let stage = stage(Server::default());
        let file = match videos {
            0 => image(&stage, "i.jpg"),
            _ => video(&stage, "v.mp4", 5000),
        };
        let post = Post {
            media: vec![file],
            options: options.to_string(),
            ..Post::text("a")
        };
        publish(&stage, &delivery(post)).unwrap();
        let platform = stage.platform.borrow();
        assert_eq!(json!(platform.media[0].body), body);
        assert_eq!(platform.media[0].product, product);
        assert_eq!(platform.media[0].bytes.len(), videos * 5000);
    }
}

#[test]
fn a_carousel_of_images_and_videos() {
    let stage = stage(Server {
        slow: 2,
        ..Server::default()
    });
    let media = vec![
        image(&stage, "1.jpg"),
        video(&stage, "2.mp4", 3000),
        image(&stage, "3.jpg"),
    ];
    let post = Post {
        media,
        ..Post::text("Three")
    };
    let start = stage.now();
    publish(&stage, &delivery(post)).unwrap();
    // Four containers, each of which is asked for once a minute.
    assert_eq!(stage.now() - start, 8 * 60_000);
    let platform = stage.platform.borrow();
    assert_eq!(platform.media.len(), 1);
    assert_eq!(platform.media[0].body["media_type"], "CAROUSEL");
    assert_eq!(platform.media[0].body["caption"], "Three");
    let children: Vec<_> = platform.media[0]
        .children
        .iter()
        .map(|child| json!(child))
        .collect();
    assert_eq!(
        children,
        [
            json!({ "image_url": "https://media.example/1.jpg", "is_carousel_item": true, "alt_text": "A glass of tea" }),
            json!({ "upload_type": "resumable", "is_carousel_item": true, "media_type": "VIDEO" }),
            json!({ "image_url": "https://media.example/3.jpg", "is_carousel_item": true, "alt_text": "A glass of tea" }),
        ]
    );
}

#[test]
fn a_video_by_its_address() {
    let stage = stage(Server::default());
    let post = Post {
        media: vec![video(&stage, "v.mp4", 100)],
        ..Post::text("a")
    };
    publish(&stage, &with(account(json!({ "videos": "url" })), post)).unwrap();
    let body = json!(stage.platform.borrow().media[0].body);
    assert_eq!(body["video_url"], "https://media.example/v.mp4");
    assert_eq!(body.get("upload_type"), None);
}

#[test]
fn an_upload_goes_on_where_it_was_cut_off() {
    let stage = stage(Server {
        cut: Some(1234),
        ..Server::default()
    });
    let post = Post {
        media: vec![video(&stage, "v.mp4", 5000)],
        ..Post::text("a")
    };
    let delivery = delivery(post);
    let state = state_after(&stage, &delivery, 1);
    let refused = Instagram::resume(&delivery, state.clone());
    assert!(matches!(refused, Err(Error::Transient(_))), "{refused:?}");
    let outcome = Instagram::resume(&delivery, state).unwrap();
    stage.go_on::<Instagram>(&delivery, outcome).unwrap();
    let uploads = stage
        .requests()
        .into_iter()
        .filter(|request| request.path().starts_with("/ig-api"));
    let offsets: Vec<_> = uploads
        .map(|request| request.header("offset").unwrap().to_owned())
        .collect();
    assert_eq!(offsets, ["0", "1234"]);
    assert_eq!(stage.platform.borrow().media[0].bytes.len(), 5000);
}

/// The state after so many steps.
fn state_after(
    stage: &jarchi_platforms::Stage<Server>,
    delivery: &Delivery,
    steps: usize,
) -> State {
    let mut outcome = Instagram::publish(delivery).unwrap();
    for step in 1.. {
        let Outcome::Processing(progress) = outcome else {
            panic!("it is done")
        };
        let state = serde_json::from_str(&progress.state).unwrap();
        if step == steps {
            return state;
        }
        stage.host.advance(progress.after);
        outcome = Instagram::resume(delivery, state).unwrap();
    }
    unreachable!()
}

/// Whatever answer is lost, and whether or not the request arrived: one post, one comment.
#[test]
fn any_lost_answer() {
    let troubles = [
        Trouble::LoseAnswer,
        Trouble::NotSent,
        Trouble::After(Answer::empty(502)),
        Trouble::Instead(Answer::empty(500)),
    ];
    let requests = {
        let (stage, delivery) = two_files();
        publish(&stage, &delivery).unwrap();
        stage.requests().len()
    };
    assert!(requests > 10);
    for at in 0..requests {
        for trouble in &troubles {
            let (stage, delivery) = two_files();
            let (mut count, trouble) = (0, trouble.clone());
            stage.trouble(move |_| {
                count += 1;
                (count == at + 1).then(|| trouble.clone())
            });
            let (receipt, _) = stage.persist::<Instagram>(&delivery).unwrap();
            let platform = stage.platform.borrow();
            assert_eq!(platform.media.len(), 1, "request {at}");
            assert_eq!(platform.media[0].id, receipt.id);
            assert_eq!(platform.media[0].comments.len(), 1, "request {at}");
            assert_eq!(receipt.parts, [platform.media[0].comments[0].id.clone()]);
        }
    }
}

fn two_files() -> (jarchi_platforms::Stage<Server>, Delivery) {
    let stage = stage(Server::default());
    let post = Post {
        media: vec![image(&stage, "1.jpg"), video(&stage, "2.mp4", 3000)],
        first_comment: Some("Hm?".into()),
        ..Post::text("Two")
    };
    (stage, delivery(post))
}

/// A refusal of the publishing call, although the post is out.
#[test]
fn a_refusal_is_not_believed_before_the_container_was_asked() {
    let stage = stage(Server::default());
    let post = Post {
        media: vec![image(&stage, "1.jpg")],
        ..Post::text("a")
    };
    let no = jarchi_platforms::instagram::no(400, 100, 2_207_006, "Media not found");
    stage.trouble_once("POST", "/media_publish", Trouble::After(no));
    let (receipt, lookups) = stage.persist::<Instagram>(&delivery(post)).unwrap();
    assert_eq!(lookups, 1);
    assert_eq!(stage.platform.borrow().media.len(), 1);
    assert_eq!(stage.platform.borrow().media[0].id, receipt.id);
}

#[test]
fn an_older_post_of_the_same_words_is_not_ours() {
    let stage = stage(Server::default());
    let old = stage.now() - 3_600_000;
    stage.platform.borrow_mut().post("a", old);
    let post = Post {
        media: vec![image(&stage, "1.jpg")],
        ..Post::text("a")
    };
    stage.trouble_once("POST", "/media_publish", Trouble::NotSent);
    stage.trouble_once(
        "POST",
        "/media_publish",
        Trouble::Instead(Answer::empty(500)),
    );
    let (receipt, lookups) = stage.persist::<Instagram>(&delivery(post)).unwrap();
    assert_eq!(lookups, 1);
    assert_eq!(stage.platform.borrow().media.len(), 2);
    assert_eq!(stage.platform.borrow().media[0].id, receipt.id);
}

/// A container that failed or expired is made again, unless the file is at fault.
#[test]
fn containers_that_fail() {
    let stage_of = |fail: &[&str]| {
        let fail = fail.iter().map(|words| (*words).to_owned()).collect();
        stage(Server {
            fail,
            ..Server::default()
        })
    };
    let fleeting = "Error: Timeout downloading media (2207003)";
    for (fail, goes) in [
        (vec![fleeting], true),
        (vec![fleeting; 3], true),
        (vec![fleeting; 4], false),
        (vec!["Error: Unsupported format (2207026)"], false),
    ] {
        let stage = stage_of(&fail);
        let post = Post {
            media: vec![image(&stage, "1.jpg")],
            ..Post::text("a")
        };
        let done = publish(&stage, &delivery(post));
        assert_eq!(done.is_ok(), goes, "{done:?}");
        assert_eq!(stage.platform.borrow().media.len(), usize::from(goes));
        if let Err(error) = done {
            assert!(
                matches!(&error, Error::Invalid(reason) if reason.contains("22070")),
                "{error:?}"
            );
        }
    }

    let stage = stage(Server::default());
    let post = Post {
        media: vec![image(&stage, "1.jpg"), image(&stage, "2.jpg")],
        ..Post::text("a")
    };
    let delivery = delivery(post);
    let state = state_after(&stage, &delivery, 5);
    stage.host.advance(25 * 3_600_000);
    let outcome = Instagram::resume(&delivery, state).unwrap();
    stage.go_on::<Instagram>(&delivery, outcome).unwrap();
    assert_eq!(stage.platform.borrow().media.len(), 1);
}

/// What the platform refuses, in the queue's terms.
#[test]
fn refusals() {
    let no = jarchi_platforms::instagram::no;
    type Fits = fn(&Error) -> bool;
    let rows: [(u16, i64, i64, Fits); 9] = [
        (400, 190, 463, |error| {
            matches!(error, Error::Unauthorized(_))
        }),
        (403, 10, 0, |error| matches!(error, Error::Unauthorized(_))),
        (403, 25, 2_207_050, |error| {
            matches!(error, Error::Unauthorized(_))
        }),
        (400, 4, 0, |error| matches!(error, Error::RateLimited(_))),
        (403, 9, 2_207_042, |error| {
            matches!(error, Error::RateLimited(Some(_)))
        }),
        (400, 36_003, 2_207_009, |error| {
            matches!(error, Error::Invalid(_))
        }),
        (400, 100, 2_207_010, |error| {
            matches!(error, Error::Invalid(_))
        }),
        (400, -1, 2_207_053, |error| {
            matches!(error, Error::Transient(_))
        }),
        (500, 2, 0, |error| matches!(error, Error::Transient(_))),
    ];
    for (status, code, subcode, fits) in rows {
        let stage = stage(Server::default());
        let post = Post {
            media: vec![image(&stage, "1.jpg")],
            ..Post::text("a")
        };
        stage.trouble_once(
            "POST",
            "/media",
            Trouble::Instead(no(status, code, subcode, "No.")),
        );
        let error = publish(&stage, &delivery(post)).unwrap_err();
        assert!(fits(&error), "{code}/{subcode}: {error:?}");
    }
}

#[test]
fn a_token_that_ends_on_the_way() {
    let (stage, delivery) = two_files();
    let state = state_after(&stage, &delivery, 4);
    stage.platform.borrow_mut().token = "another".into();
    let refused = Instagram::resume(&delivery, state.clone());
    assert!(
        matches!(&refused, Err(Error::Unauthorized(words)) if words.contains("connect")),
        "{refused:?}"
    );
    stage.secret("access_token", "another");
    let outcome = Instagram::resume(&delivery, state).unwrap();
    stage.go_on::<Instagram>(&delivery, outcome).unwrap();
    assert_eq!(stage.platform.borrow().media.len(), 1);
}

#[test]
fn the_daily_quota() {
    let stage = stage(Server {
        quota: 1,
        ..Server::default()
    });
    let now = stage.now();
    stage.platform.borrow_mut().post("b", now);
    let post = Post {
        media: vec![image(&stage, "1.jpg")],
        ..Post::text("a")
    };
    let error = publish(&stage, &delivery(post)).unwrap_err();
    assert!(matches!(error, Error::RateLimited(Some(_))), "{error:?}");
}

#[test]
fn deleting() {
    let server = stage(Server::facebook());
    let id = server.platform.borrow_mut().post("a", 0);
    let receipt = Receipt::new(id);
    Instagram::delete(&facebook(), &receipt).unwrap();
    Instagram::delete(&facebook(), &receipt).unwrap();
    assert!(server.platform.borrow().media[0].deleted);
    let other = Instagram::delete(&account(json!({})), &receipt);
    assert!(matches!(other, Err(Error::Unsupported(_))), "{other:?}");
}

//! The connector against a YouTube that stands in for the real one.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may panic")]

use jarchi_platforms::youtube::{CHANNEL, PLAYLIST, TOKEN, YouTube as Platform, no};
use jarchi_platforms::{Answer, Stage, Trouble};
use jarchi_plugin_sdk::{
    Account, Analytics, Connection, Delivery, Error, Finding, Measure, Outcome, Poll, Post,
    Publisher, Receipt, Severity, Visibility, testing,
};
use jarchi_plugin_youtube::YouTube;
use jarchi_plugin_youtube::publish::State;
use serde_json::{Value, json};

const CHUNK: usize = 256 << 10;
const SRT: &[u8] = b"1\n00:00:01,000 --> 00:00:02,500\nSalam\n";

fn stage() -> Stage<Platform> {
    let stage = Stage::new(Platform::default());
    stage.secret("access_token", TOKEN);
    stage
}

fn account() -> Account {
    testing::account(&json!({ "channel": CHANNEL, "chunk": 256 }))
}

/// The tracks of captions that are there.
fn tracks(books: &Platform) -> Vec<String> {
    let there = books.captions.iter().filter(|one| one.bytes.is_some());
    there
        .map(|one| one.snippet["language"].to_string())
        .collect()
}

/// Two and a half chunks, and all that a post can say.
fn film(stage: &Stage<Platform>) -> Post {
    let bytes: Vec<u8> = (0..CHUNK * 5 / 2).map(|at| (at % 251) as u8).collect();
    Post {
        media: vec![stage.file("film.mp4", "video/mp4", bytes)],
        ..Post::text("Çay mərasimi\n\nBelə dəmləyirik.")
    }
}

fn whole(stage: &Stage<Platform>) -> Delivery {
    let mut post = film(stage);
    let picture = stage.file("cover.jpg", "image/jpeg", *b"jpeg");
    post.media.push(picture);
    post.media
        .push(stage.file("film.az.srt", "application/x-subrip", SRT));
    post.first_comment = Some("Resept aşağıda".into());
    let cues = json!({ "text": "WEBVTT\n\n00:01.000 --> 00:02.000\nTea", "language": "en" });
    post.options = json!({ "playlist": PLAYLIST, "captions": [cues] }).to_string();
    testing::delivery(&account(), post)
}

fn with(post: Post, options: Value) -> Post {
    Post {
        options: options.to_string(),
        ..post
    }
}

/// As the queue after an unknown outcome: it looks, and goes on from what was found.
fn find(delivery: &Delivery, state: &State) -> Finding {
    YouTube::find_published(delivery, Some(state.clone()), delivery.created_at).expect("told")
}

fn state_of(outcome: Outcome) -> State {
    match outcome {
        Outcome::Processing(progress) => serde_json::from_str(&progress.state).expect("a state"),
        Outcome::Published(receipt) => panic!("published: {receipt:?}"),
    }
}

#[test]
fn a_whole_video() {
    let stage = stage();
    let delivery = whole(&stage);
    let receipt = stage.publish::<YouTube>(&delivery).expect("published");
    let books = stage.platform.borrow();
    let [video] = books.videos.as_slice() else {
        panic!("{} videos", books.videos.len());
    };
    assert_eq!(video.bytes.len(), CHUNK * 5 / 2);
    assert!(
        video
            .bytes
            .iter()
            .enumerate()
            .all(|(at, byte)| *byte == (at % 251) as u8)
    );
    assert_eq!(video.body["snippet"]["title"], "Çay mərasimi");
    assert_eq!(video.body["snippet"]["description"], "Belə dəmləyirik.");
    assert_eq!(video.body["status"]["privacyStatus"], "public");
    assert_eq!(video.body["status"]["publishAt"], Value::Null);
    assert_eq!(video.thumbnail.as_deref(), Some(&b"jpeg"[..]));
    assert!(video.notified);
    assert_eq!(books.playlist, [video.id.as_str()]);
    assert_eq!(tracks(&books), ["\"az\"", "\"en\""]);
    assert_eq!(books.comments[0].text, "Resept aşağıda");
    assert_eq!(receipt.id, video.id);
    assert_eq!(receipt.parts, [books.comments[0].id.as_str()]);
    let address = format!("https://www.youtube.com/watch?v={}", video.id);
    assert_eq!(receipt.url, Some(address));
}

#[test]
fn what_is_asked_for() {
    let unlisted = |post: Post| Post {
        visibility: Some(Visibility::Unlisted),
        ..post
    };
    let tagged = |post: Post| Post {
        hashtags: vec!["çay".into(), "Bakı".into()],
        language: Some("az".into()),
        ..post
    };
    for (change, options, at, value) in [
        (
            None,
            json!({"title": "Başqa"}),
            "/snippet/title",
            json!("Başqa"),
        ),
        (
            None,
            json!({"tags": ["a b", "c"]}),
            "/snippet/tags",
            json!(["a b", "c"]),
        ),
        (
            Some(&tagged as &dyn Fn(Post) -> Post),
            json!({}),
            "/snippet/tags",
            json!(["çay", "Bakı"]),
        ),
        (
            Some(&tagged),
            json!({}),
            "/snippet/defaultLanguage",
            json!("az"),
        ),
        (
            None,
            json!({"category": "22"}),
            "/snippet/categoryId",
            json!("22"),
        ),
        (
            Some(&unlisted),
            json!({}),
            "/status/privacyStatus",
            json!("unlisted"),
        ),
        (
            None,
            json!({"visibility": "private"}),
            "/status/privacyStatus",
            json!("private"),
        ),
        (
            None,
            json!({"publish_at": "2100-01-01T00:00:00Z"}),
            "/status/privacyStatus",
            json!("private"),
        ),
        (
            None,
            json!({"publish_at": "2100-01-01T00:00:00Z"}),
            "/status/publishAt",
            json!("2100-01-01T00:00:00Z"),
        ),
        (
            None,
            json!({"made_for_kids": true}),
            "/status/selfDeclaredMadeForKids",
            json!(true),
        ),
        (
            None,
            json!({"synthetic": true}),
            "/status/containsSyntheticMedia",
            json!(true),
        ),
        (
            None,
            json!({"license": "creative_commons"}),
            "/status/license",
            json!("creativeCommon"),
        ),
        (
            None,
            json!({"embeddable": false}),
            "/status/embeddable",
            json!(false),
        ),
    ] {
        let stage = stage();
        let mut post = with(film(&stage), options.clone());
        if let Some(change) = change {
            post = change(post);
        }
        assert_eq!(
            YouTube::validate(&account(), &post).expect("checked"),
            [],
            "{options}"
        );
        let delivery = testing::delivery(&account(), post);
        stage.publish::<YouTube>(&delivery).expect("published");
        let books = stage.platform.borrow();
        assert_eq!(books.videos[0].body.pointer(at), Some(&value), "{options}");
    }
    let stage = stage();
    let post = with(film(&stage), json!({ "notify_subscribers": false }));
    let delivery = testing::delivery(&account(), post);
    stage.publish::<YouTube>(&delivery).expect("published");
    assert!(!stage.platform.borrow().videos[0].notified);
}

#[test]
fn limits() {
    let stage = stage();
    let long = |count: usize| "a".repeat(count);
    let film = || film(&stage);
    let mut upright = film();
    upright.media[0].width = Some(1080);
    upright.media[0].height = Some(1920);
    upright.media[0].length = Some(180_000);
    let mut wide = upright.clone();
    wide.media[0].width = Some(1921);
    let mut slow = upright.clone();
    slow.media[0].length = Some(180_001);
    let short = json!({ "short": true });
    let comment = |post: Post| Post {
        first_comment: Some("a".into()),
        ..post
    };
    let picture = |size: u64, mime: &str| {
        let mut post = film();
        post.media.push(testing::media("a", mime, size));
        post
    };
    let below = |text: String| Post {
        text,
        ..with(film(), json!({ "title": "a" }))
    };
    for (post, place) in [
        (with(film(), json!({ "title": long(100) })), None),
        (
            with(film(), json!({ "title": long(101) })),
            Some("options.title"),
        ),
        (
            with(film(), json!({ "title": "a < b" })),
            Some("options.title"),
        ),
        (with(film(), json!({ "titel": "a" })), Some("options.titel")),
        (below(long(5000)), None),
        (below(long(5001)), Some("text")),
        (below("ə".repeat(2501)), Some("text")),
        (
            Post {
                text: String::new(),
                ..film()
            },
            Some("text"),
        ),
        (with(film(), json!({ "tags": [long(499)] })), None),
        (
            with(film(), json!({ "tags": [long(499), "a"] })),
            Some("options.tags"),
        ),
        (
            with(film(), json!({ "tags": [format!("{} a", long(497))] })),
            Some("options.tags"),
        ),
        (with(upright.clone(), short.clone()), None),
        (with(wide.clone(), short.clone()), Some("media[0]")),
        (with(slow, short), Some("media[0]")),
        (wide, None),
        (Post::text("a"), Some("media")),
        (picture(2 << 20, "image/png"), None),
        (picture((2 << 20) + 1, "image/png"), Some("media[1]")),
        (picture(9, "image/webp"), Some("media[1]")),
        (
            comment(with(film(), json!({ "visibility": "private" }))),
            Some("first_comment"),
        ),
        (
            comment(with(film(), json!({ "made_for_kids": true }))),
            Some("first_comment"),
        ),
        (comment(film()), None),
        (
            with(film(), json!({ "publish_at": "2001-01-01T00:00:00Z" })),
            Some("options.publish_at"),
        ),
        (
            with(film(), json!({ "publish_at": "tomorrow" })),
            Some("options.publish_at"),
        ),
        (
            Post {
                visibility: Some(Visibility::Followers),
                ..film()
            },
            Some("visibility"),
        ),
        (
            Post {
                poll: Some(Poll {
                    options: vec![],
                    open_for: 1,
                    multiple: false,
                    hide_totals: false,
                }),
                ..film()
            },
            Some("poll"),
        ),
    ] {
        let problems = YouTube::validate(&account(), &post).expect("checked");
        let places: Vec<&str> = problems.iter().map(|one| one.place.as_str()).collect();
        assert_eq!(places, Vec::from_iter(place), "{problems:?}");
        assert!(problems.iter().all(|one| one.severity == Severity::Error));
    }
    assert!(stage.called().is_empty());
}

/// Every answer is lost once; the queue looks up what it must, and there is one of all.
#[test]
fn lost_answers() {
    let count = {
        let stage = stage();
        let delivery = whole(&stage);
        stage.publish::<YouTube>(&delivery).expect("published");
        stage.called().len()
    };
    assert!((10..30).contains(&count), "{count} requests");
    for lost in 0..count {
        let stage = stage();
        let delivery = whole(&stage);
        let mut number = 0;
        stage.trouble(move |_| {
            number += 1;
            (number == lost + 1).then_some(Trouble::LoseAnswer)
        });
        let mut state = State::default();
        let mut published = None;
        for _ in 0..60 {
            match YouTube::resume(&delivery, state.clone()) {
                Ok(Outcome::Published(receipt)) => {
                    published = Some(receipt);
                    break;
                }
                Ok(more) => state = state_of(more),
                Err(Error::Transient(_)) => {}
                Err(Error::UnknownOutcome(_)) => match find(&delivery, &state) {
                    Finding::Found(receipt) => {
                        published = Some(receipt);
                        break;
                    }
                    Finding::Partial(progress) => {
                        state = serde_json::from_str(&progress.state).expect("a state");
                    }
                    other => panic!("{lost}: {other:?}"),
                },
                Err(other) => panic!("{lost}: {other:?}"),
            }
        }
        let receipt = published.expect("it ends");
        let books = stage.platform.borrow();
        let counts = (
            books.videos.len(),
            books.comments.len(),
            books.playlist.len(),
            tracks(&books).len(),
        );
        assert_eq!(counts, (1, 1, 1, 2), "answer {lost} lost");
        assert_eq!(receipt.parts.len(), 1);
    }
}

#[test]
fn a_chunk_stored_in_part() {
    let stage = stage();
    let delivery = testing::delivery(&account(), film(&stage));
    stage.platform.borrow_mut().keeps = 100_000;
    stage.publish::<YouTube>(&delivery).expect("published");
    assert_eq!(stage.platform.borrow().videos[0].bytes.len(), CHUNK * 5 / 2);
}

/// Nothing was published, and it begins anew.
#[test]
fn a_session_that_ended_before_its_video() {
    let stage = stage();
    let delivery = testing::delivery(&account(), film(&stage));
    let state = state_of(YouTube::publish(&delivery).expect("begun"));
    let state = state_of(YouTube::resume(&delivery, state).expect("a chunk"));
    stage.platform.borrow_mut().sessions.clear();
    assert_eq!(find(&delivery, &state), Finding::Absent);
    let outcome = YouTube::resume(&delivery, state).expect("anew");
    stage
        .go_on::<YouTube>(&delivery, outcome)
        .expect("published");
    assert_eq!(stage.platform.borrow().videos.len(), 1);
}

/// The channel's uploads tell.
#[test]
fn a_session_that_ended_with_its_video() {
    let stage = stage();
    let delivery = testing::delivery(&account(), film(&stage));
    let state = state_of(YouTube::publish(&delivery).expect("begun"));
    stage.publish::<YouTube>(&delivery).expect("published");
    stage.platform.borrow_mut().sessions.clear();
    assert!(matches!(find(&delivery, &state), Finding::Partial(_)));
    // As from a backup that knows of no step.
    assert!(matches!(
        find(&delivery, &State::default()),
        Finding::Partial(_)
    ));
    let outcome = YouTube::resume(&delivery, state).expect("found");
    stage
        .go_on::<YouTube>(&delivery, outcome)
        .expect("published");
    assert_eq!(stage.platform.borrow().videos.len(), 1);
}

#[test]
fn refusals() {
    type Wanted = fn(&Error) -> bool;
    let rows: [(u16, &str, Wanted); 12] = [
        (401, "authError", |e| matches!(e, Error::Unauthorized(_))),
        (403, "insufficientPermissions", |e| {
            matches!(e, Error::Unauthorized(_))
        }),
        (401, "youtubeSignupRequired", |e| {
            matches!(e, Error::Unauthorized(_))
        }),
        (
            403,
            "quotaExceeded",
            |e| matches!(e, Error::RateLimited(Some(wait)) if *wait <= 25 * 3_600_000),
        ),
        (403, "dailyLimitExceeded", |e| {
            matches!(e, Error::RateLimited(Some(_)))
        }),
        (400, "uploadLimitExceeded", |e| {
            *e == Error::RateLimited(Some(86_400_000))
        }),
        (403, "rateLimitExceeded", |e| *e == Error::RateLimited(None)),
        (403, "forbidden", |e| matches!(e, Error::Invalid(_))),
        (400, "invalidTitle", |e| matches!(e, Error::Invalid(_))),
        (400, "invalidCategoryId", |e| matches!(e, Error::Invalid(_))),
        (503, "backendError", |e| matches!(e, Error::Transient(_))),
        (400, "processingFailure", |e| {
            matches!(e, Error::Transient(_))
        }),
    ];
    for (status, reason, wanted) in rows {
        let stage = stage();
        let delivery = testing::delivery(&account(), film(&stage));
        let answer = no(status, reason, "So it is");
        stage.trouble_once("POST", "/videos", Trouble::Instead(answer));
        let error = YouTube::publish(&delivery).expect_err("refused");
        assert!(wanted(&error), "{reason}: {error:?}");
        assert!(stage.platform.borrow().videos.is_empty());
    }
}

#[test]
fn the_last_chunk_leaves_it_unknown() {
    let stage = stage();
    let post = Post {
        media: vec![stage.file("a.mp4", "video/mp4", vec![7; 1000])],
        ..Post::text("a")
    };
    let delivery = testing::delivery(&account(), post);
    let state = state_of(YouTube::publish(&delivery).expect("begun"));
    stage.trouble(|request| {
        (request.method == "PUT" && !request.body.is_empty())
            .then(|| Trouble::After(Answer::empty(503)))
    });
    let told = YouTube::resume(&delivery, state.clone());
    assert!(matches!(told, Err(Error::UnknownOutcome(_))), "{told:?}");
    stage.no_trouble();
    assert!(matches!(find(&delivery, &state), Finding::Partial(_)));

    // The token ends on the way.
    stage.platform.borrow_mut().token = "another".into();
    let told = YouTube::resume(&delivery, state);
    assert!(matches!(told, Err(Error::Unauthorized(_))), "{told:?}");
}

#[test]
fn processing_that_fails() {
    for (status, why) in [
        ("failed", "codec"),
        ("rejected", "copyright"),
        ("deleted", ""),
    ] {
        let stage = stage();
        stage.platform.borrow_mut().processing = (1, status, why);
        let delivery = testing::delivery(&account(), film(&stage));
        let error = stage.publish::<YouTube>(&delivery).expect_err(status);
        assert!(
            matches!(&error, Error::Invalid(told) if told.contains(why)),
            "{error:?}"
        );
    }
}

#[test]
fn the_channel_and_its_numbers() {
    let stage = stage();
    let targets = YouTube::targets(&testing::account(&json!({}))).expect("told");
    assert_eq!(
        targets[0].settings,
        json!({ "channel": CHANNEL }).to_string()
    );
    let places = |account: &Account| -> Vec<String> {
        let standing = YouTube::check(account).expect("told");
        assert_eq!(standing.name, "Armudu Çay Evi");
        standing.problems.into_iter().map(|one| one.place).collect()
    };
    assert_eq!(places(&account()), ["project"]);
    stage.platform.borrow_mut().verified = false;
    assert_eq!(places(&account()), ["project", "channel"]);
    let other = testing::account(&json!({ "channel": "UCother" }));
    assert_eq!(places(&other), ["project", "settings.channel", "channel"]);

    let delivery = testing::delivery(&account(), film(&stage));
    let receipt = stage.publish::<YouTube>(&delivery).expect("published");
    let posts = [receipt.clone(), Receipt::new("no-such-video")];
    let told = YouTube::posts(&account(), &posts).expect("told");
    let numbers: Vec<(Measure, i64)> = told[0]
        .metrics
        .iter()
        .map(|metric| (metric.measure.clone(), metric.value))
        .collect();
    let other = |name: &str| Measure::Other(name.into());
    // What both APIs count is the Data API's: reports are late.
    let reported = [
        (Measure::WatchTime, 321 * 60_000),
        (other("average-view-duration"), 17_500),
        (Measure::Likes, 40),
        (Measure::Shares, 5),
        (other("subscribers-gained"), 2),
        (Measure::Impressions, 9000),
    ];
    let counted = [(Measure::Views, 1200), (Measure::Comments, 3)];
    assert_eq!(numbers, [&counted[..], &reported[..]].concat());
    assert!(!told[0].gone && told[1].gone);
    let of_account = || -> Vec<i64> {
        let told = YouTube::account(&account()).expect("told");
        told.iter().map(|metric| metric.value).collect()
    };
    let reported = reported.map(|(_, value)| value);
    assert_eq!(of_account(), [&[1230, 98765, 1], &reported[..]].concat());
    stage.platform.borrow_mut().hidden_subscribers = true;
    assert_eq!(of_account(), [&[98765, 1], &reported[..]].concat());

    for _ in 0..2 {
        YouTube::delete(&account(), &receipt).expect("deleted");
        assert!(stage.platform.borrow().videos.is_empty());
    }
    stage.platform.borrow_mut().has_channel = false;
    let none = YouTube::check(&account());
    assert!(matches!(none, Err(Error::Unauthorized(_))), "{none:?}");
}

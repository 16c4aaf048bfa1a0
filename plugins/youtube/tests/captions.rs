//! Tracks of captions: each once, and none that YouTube would not understand.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may panic")]

use jarchi_platforms::youtube::{CHANNEL, TOKEN, YouTube as Platform, no};
use jarchi_platforms::{Answer, Stage, Trouble};
use jarchi_plugin_sdk::{Account, Delivery, Error, Post, Publisher, testing};
use jarchi_plugin_youtube::YouTube;
use serde_json::{Value, json};

const SRT: &[u8] = b"1\n00:00:01,000 --> 00:00:02,500\nSalam\n";
const VTT: &str = "WEBVTT\n\n00:01.000 --> 00:02.500\nHello\n";

fn account() -> Account {
    testing::account(&json!({ "channel": CHANNEL, "chunk": 256 }))
}

fn stage() -> Stage<Platform> {
    let stage = Stage::new(Platform::default());
    stage.secret("access_token", TOKEN);
    stage
}

/// Names and bytes.
type Files<'a> = &'a [(&'a str, &'a [u8])];

/// A video, with these files of captions beside it.
fn film(stage: &Stage<Platform>, files: Files, options: Value) -> Post {
    let mut post = Post::text("Çay mərasimi");
    post.media
        .push(stage.file("film.mp4", "video/mp4", vec![7; 1000]));
    for (name, bytes) in files {
        let mime = if name.ends_with("vtt") {
            "text/vtt"
        } else {
            "application/x-subrip"
        };
        post.media.push(stage.file(name, mime, *bytes));
    }
    post.options = options.to_string();
    post
}

fn delivery(post: Post) -> Delivery {
    testing::delivery(&account(), post)
}

/// Language, name, whether it is a draft, and the bytes.
fn tracks(stage: &Stage<Platform>) -> Vec<(String, String, bool, Vec<u8>)> {
    let books = stage.platform.borrow();
    let there = books.captions.iter();
    let there = there.filter_map(|track| Some((track, track.bytes.clone()?)));
    there
        .map(|(track, bytes)| {
            let text = |name: &str| track.snippet[name].as_str().expect(name).to_owned();
            let draft = track.snippet["isDraft"] == true;
            (text("language"), text("name"), draft, bytes)
        })
        .collect()
}

#[test]
fn files_and_words() {
    let stage = stage();
    let options = json!({ "language": "tr", "captions": [
        { "file": "b.srt", "name": "Türkçe", "draft": true },
        { "text": VTT, "language": "en", "name": "English" },
        { "file": "c.az.srt", "language": "az-Latn" },
    ]});
    let files = [("a.az.srt", SRT), ("b.srt", SRT), ("c.az.srt", SRT)];
    let post = film(&stage, &files, options);
    assert_eq!(YouTube::validate(&account(), &post).expect("checked"), []);
    stage
        .publish::<YouTube>(&delivery(post))
        .expect("published");
    let track = |language: &str, name: &str, draft, bytes: &[u8]| {
        (language.to_owned(), name.to_owned(), draft, bytes.to_vec())
    };
    assert_eq!(
        tracks(&stage),
        [
            track("az", "", false, SRT),
            track("tr", "Türkçe", true, SRT),
            track("az-Latn", "", false, SRT),
            track("en", "English", false, VTT.as_bytes()),
        ]
    );
}

#[test]
fn what_does_not_fit() {
    let stage = stage();
    let long = "a".repeat(151);
    let fine: Files = &[("a.az.srt", SRT)];
    let rows: [(Files, Value, &str); 12] = [
        (fine, json!([]), ""),
        (&[("a.srt", SRT)], json!([]), "media[1]"),
        (&[("a.az.srt", b"Salam")], json!([]), "media[1]"),
        (
            &[("a.az.srt", SRT), ("b.az.vtt", VTT.as_bytes())],
            json!([]),
            "media[2]",
        ),
        (
            &[("a.az.srt", SRT), ("b.az.vtt", VTT.as_bytes())],
            json!([{ "file": "b.az.vtt", "name": "b" }]),
            "",
        ),
        (
            fine,
            json!([{ "file": "a.az.srt", "name": long }]),
            "media[1]",
        ),
        (
            fine,
            json!([{ "file": "a.az.srt", "language": "Azərbaycanca" }]),
            "media[1]",
        ),
        (fine, json!([{ "file": "b.az.srt" }]), "options.captions[0]"),
        (fine, json!([{}]), "options.captions[0]"),
        (
            fine,
            json!([{ "file": "a.az.srt", "text": VTT }]),
            "options.captions[0]",
        ),
        (fine, json!([{ "text": VTT }]), "options.captions[0]"),
        (
            fine,
            json!([{ "text": "Salam", "language": "az", "name": "b" }]),
            "options.captions[0]",
        ),
    ];
    for (files, captions, place) in rows {
        let post = film(&stage, files, json!({ "captions": captions }));
        let problems = YouTube::validate(&account(), &post).expect("checked");
        let places: Vec<&str> = problems.iter().map(|one| one.place.as_str()).collect();
        let wanted = Some(place).filter(|place| !place.is_empty());
        assert_eq!(places, Vec::from_iter(wanted), "{captions}: {problems:?}");
    }
    let typo = json!({ "captions": [{ "file": "a.az.srt", "langauge": "az" }] });
    let problems = YouTube::validate(&account(), &film(&stage, fine, typo)).expect("checked");
    assert_eq!(problems[0].place, "options", "{problems:?}");
    assert!(problems[0].message.contains("langauge"), "{problems:?}");
}

/// The bytes arrived and the answer is lost, or a look comes too early: one track.
#[test]
fn one_track_whatever_is_lost() {
    for lost in ["GET", "POST", "PUT"] {
        let stage = stage();
        let delivery = delivery(film(&stage, &[("a.az.srt", SRT)], json!({})));
        stage.trouble_once(lost, "/captions", Trouble::LoseAnswer);
        let (_, looks) = stage.persist::<YouTube>(&delivery).expect("published");
        assert_eq!((tracks(&stage).len(), looks), (1, 0), "{lost}");
    }
    let stage = stage();
    let delivery = delivery(film(&stage, &[("a.az.srt", SRT)], json!({})));
    let mut puts = 0;
    stage.trouble(move |request| {
        if !request.path().ends_with("/captions") {
            return None;
        }
        puts += usize::from(request.method == "PUT");
        match request.method.as_str() {
            "PUT" if puts == 1 => Some(Trouble::LoseAnswer),
            // Not everywhere known yet.
            "GET" => Some(Trouble::Instead(Answer::json(200, &json!({ "items": [] })))),
            _ => None,
        }
    });
    stage.persist::<YouTube>(&delivery).expect("published");
    assert_eq!(tracks(&stage).len(), 1);
}

#[test]
fn refusals_of_a_track() {
    let told = |answer: Answer| {
        let stage = stage();
        let delivery = delivery(film(&stage, &[("a.az.srt", SRT)], json!({})));
        stage.trouble_once("PUT", "/captions", Trouble::Instead(answer));
        stage.publish::<YouTube>(&delivery)
    };
    let quota = told(no(403, "quotaExceeded", "The quota is used up."));
    assert!(
        matches!(quota, Err(Error::RateLimited(Some(_)))),
        "{quota:?}"
    );
    let broken = told(Answer::empty(308));
    assert!(matches!(broken, Err(Error::Transient(_))), "{broken:?}");
    let failed =
        json!({ "id": "a", "snippet": { "status": "failed", "failureReason": "unknownFormat" } });
    let failed = told(Answer::json(200, &failed));
    let Err(Error::Invalid(why)) = failed else {
        panic!("{failed:?}");
    };
    assert!(why.contains("unknownFormat"), "{why}");
    let Err(Error::Invalid(why)) = told(no(400, "invalidMetadata", "So it is")) else {
        panic!("refused");
    };
    assert!(why.contains("the captions in `az`"), "{why}");
}

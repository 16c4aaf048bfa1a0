//! The Bluesky connector against the real PDS: natively, through the SDK's test host, which
//! sends its requests over the wire and does with secrets as the manifest says.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "what goes wrong fails the test"
)]

mod wire;

use jarchi_plugin_bluesky::Bluesky;
use jarchi_plugin_sdk::{
    Analytics, Delivery, Error, Finding, Link, Measure, Mention, Metric, Outcome, Post, Publisher,
    Receipt, ThreadPart, time,
};
use jarchi_tests::pds::Options;
use serde_json::{Value, json};
use wire::{NOW, Stage, Trouble, state};

fn post(text: &str) -> Post {
    Post {
        text: text.into(),
        language: Some("az".into()),
        media: vec![],
        link: None,
        hashtags: vec![],
        mentions: vec![],
        poll: None,
        thread: vec![],
        first_comment: None,
        visibility: None,
        content_warning: None,
        sensitive: false,
        options: "{}".into(),
    }
}

fn part(text: &str) -> ThreadPart {
    ThreadPart {
        text: text.into(),
        media: vec![],
    }
}

/// A picture of one pixel, made different by what stands behind it.
fn png(tail: &str) -> Vec<u8> {
    use base64::Engine;
    let mut bytes = base64::engine::general_purpose::STANDARD
        .decode(
            "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
        )
        .unwrap();
    bytes.extend_from_slice(tail.as_bytes());
    bytes
}

/// What each facet covers, and its feature.
fn facets(value: &Value) -> Vec<(String, Value)> {
    let text = value["text"].as_str().unwrap();
    let facets = value["facets"].as_array().map_or(&[][..], Vec::as_slice);
    let covered = |facet: &Value| {
        let at = |name: &str| facet["index"][name].as_u64().unwrap() as usize;
        text[at("byteStart")..at("byteEnd")].to_owned()
    };
    facets
        .iter()
        .map(|facet| (covered(facet), facet["features"][0].clone()))
        .collect()
}

fn texts(posts: &[Value]) -> Vec<&str> {
    posts
        .iter()
        .map(|post| post["value"]["text"].as_str().unwrap())
        .collect()
}

fn processing(outcome: Outcome) -> jarchi_plugin_sdk::Progress {
    match outcome {
        Outcome::Processing(progress) => progress,
        Outcome::Published(receipt) => panic!("published: {receipt:?}"),
    }
}

fn logins(called: &[String]) -> usize {
    called
        .iter()
        .filter(|method| *method == "server.createSession")
        .count()
}

macro_rules! stage {
    ($options:expr) => {
        match Stage::new($options) {
            Some(stage) => stage,
            None => return,
        }
    };
}

// They use the macro.
mod numbers;
mod trouble;

#[test]
fn rich_text_arrives_as_it_was_meant() {
    let stage = stage!(Options::default());
    let text = "Səhəriniz xeyir 🌞 @bob.test! Yeni çay: https://jarchi.az/çay?növ=qara. \
                @nobody.test #İçərişəhər #çay☕";
    let mut post = post(text);
    post.hashtags = vec!["çay☕".into(), "Bakı".into()];
    post.mentions = vec![Mention {
        handle: "bob.test".into(),
        id: None,
    }];
    let receipt = stage.publish(&stage.delivery("K1", post)).unwrap();

    let posts = stage.posts();
    assert_eq!(posts.len(), 1);
    assert_eq!(posts[0]["uri"], *receipt.id);
    let value = &posts[0]["value"];
    assert_eq!(value["text"], *format!("{text}\n\n#Bakı"));
    assert_eq!(value["langs"], json!(["az"]));
    assert_eq!(value["createdAt"], *time::format_rfc3339(NOW));
    assert_eq!(value["embed"], Value::Null);
    let bob = &stage.pds.account("bob.test").did;
    let mention = json!({ "$type": "app.bsky.richtext.facet#mention", "did": bob });
    let uri = "https://jarchi.az/%C3%A7ay?n%C3%B6v=qara";
    let link = json!({ "$type": "app.bsky.richtext.facet#link", "uri": uri });
    let tag = |tag: &str| {
        (
            format!("#{tag}"),
            json!({ "$type": "app.bsky.richtext.facet#tag", "tag": tag }),
        )
    };
    assert_eq!(
        facets(value),
        [
            ("@bob.test".into(), mention),
            ("https://jarchi.az/çay?növ=qara".into(), link),
            tag("İçərişəhər"),
            tag("çay☕"),
            tag("Bakı"),
        ]
    );
    let did = &stage.me.did;
    let rkey = receipt.id.rsplit('/').next().unwrap();
    let url = format!("https://bsky.app/profile/{did}/post/{rkey}");
    assert_eq!(receipt.url, Some(url));
    assert_eq!(receipt.published_at, Some(NOW));
    assert_eq!(
        stage.called(),
        [
            "server.createSession",
            "identity.resolveHandle",
            "identity.resolveHandle",
            "repo.putRecord"
        ]
    );
}

#[test]
fn images_cards_and_labels() {
    let stage = stage!(Options::default());
    let link = Link {
        url: "https://jarchi.az/menyu".into(),
        title: None,
        description: None,
        thumbnail: None,
    };
    let mut pictures = post("Dörd şəkil");
    for number in 0..4 {
        let bytes = png(&number.to_string());
        let mut item = stage.file(&format!("{number}.png"), "image/png", bytes);
        item.alt = (number != 3).then(|| format!(" Şəkil {number} "));
        pictures.media.push(item);
    }
    pictures.media[2].width = None;
    pictures.sensitive = true;
    pictures.link = Some(link.clone());
    stage.publish(&stage.delivery("K1", pictures)).unwrap();

    let mut card = post("Bizim menyu");
    card.link = Some(Link {
        title: Some("Menyu".into()),
        description: Some("Çay və şirniyyat".into()),
        thumbnail: Some(stage.file("card.png", "image/png", png("card"))),
        ..link
    });
    stage.publish(&stage.delivery("K2", card)).unwrap();

    let posts = stage.posts();
    assert_eq!(
        texts(&posts),
        ["Dörd şəkil\n\nhttps://jarchi.az/menyu", "Bizim menyu"]
    );
    let labels = &posts[0]["value"]["labels"];
    assert_eq!(labels["$type"], "com.atproto.label.defs#selfLabels");
    assert_eq!(labels["values"], json!([{ "val": "graphic-media" }]));
    assert_eq!(posts[1]["value"]["labels"], Value::Null);

    let embed = &posts[0]["value"]["embed"];
    assert_eq!(embed["$type"], "app.bsky.embed.images");
    let images = embed["images"].as_array().unwrap();
    let alts: Vec<_> = images
        .iter()
        .map(|image| image["alt"].as_str().unwrap())
        .collect();
    assert_eq!(alts, ["Şəkil 0", "Şəkil 1", "Şəkil 2", ""]);
    assert_eq!(
        images[0]["aspectRatio"],
        json!({ "width": 640, "height": 480 })
    );
    assert_eq!(images[2]["aspectRatio"], Value::Null);
    let did = &stage.me.did;
    for (number, image) in images.iter().enumerate() {
        assert_eq!(image["image"]["mimeType"], "image/png");
        // The blob is there, byte for byte.
        let cid = image["image"]["ref"]["$link"].as_str().unwrap();
        let base = &stage.pds.ready.url;
        let url = format!("{base}/xrpc/com.atproto.sync.getBlob?did={did}&cid={cid}");
        let bytes = stage.block_on(async {
            stage
                .wire
                .client
                .get(url)
                .send()
                .await
                .unwrap()
                .bytes()
                .await
                .unwrap()
        });
        assert_eq!(bytes, png(&number.to_string()));
    }

    let embed = &posts[1]["value"]["embed"];
    assert_eq!(embed["$type"], "app.bsky.embed.external");
    let external = &embed["external"];
    assert_eq!(external["uri"], "https://jarchi.az/menyu");
    assert_eq!(external["title"], "Menyu");
    assert_eq!(external["description"], "Çay və şirniyyat");
    assert_eq!(external["thumb"]["mimeType"], "image/png");
}

#[test]
fn a_video() {
    let stage = stage!(Options::default());
    // As much of an MP4 file as tells what it is.
    let mut bytes = b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41".to_vec();
    bytes.resize(4096, 0);
    let mut video = post("Bir video");
    video.media = vec![stage.file("a.mp4", "video/mp4", bytes)];
    video.media[0].alt = Some("Çay süzülür".into());
    stage.publish(&stage.delivery("K1", video)).unwrap();
    let posts = stage.posts();
    let embed = &posts[0]["value"]["embed"];
    assert_eq!(embed["$type"], "app.bsky.embed.video");
    assert_eq!(embed["alt"], "Çay süzülür");
    assert_eq!(embed["video"]["mimeType"], "video/mp4");
    assert_eq!(embed["aspectRatio"], json!({ "width": 640, "height": 480 }));
}

#[test]
fn a_thread_its_comment_and_its_gate() {
    let stage = stage!(Options::default());
    let mut thread = post("Bir 1️⃣ #çay");
    let media = vec![stage.file("2.png", "image/png", png("2"))];
    thread.thread = vec![
        ThreadPart {
            media,
            ..part("İki")
        },
        part("Üç https://jarchi.az"),
    ];
    thread.first_comment = Some("Suallarınız?".into());
    thread.options = json!({ "replies": ["followers", "mentioned"] }).to_string();
    let receipt = stage.publish(&stage.delivery("K1", thread)).unwrap();

    let posts = stage.posts();
    assert_eq!(
        texts(&posts),
        ["Bir 1️⃣ #çay", "İki", "Üç https://jarchi.az", "Suallarınız?"]
    );
    let uris: Vec<_> = posts
        .iter()
        .map(|post| post["uri"].as_str().unwrap())
        .collect();
    assert!(
        uris.is_sorted(),
        "keys are in the order of the parts: {uris:?}"
    );
    assert_eq!(receipt.id, uris[0]);
    assert_eq!(receipt.parts, uris[1..]);
    let reference = |number: usize| json!({ "uri": uris[number], "cid": posts[number]["cid"] });
    let replies: Vec<_> = posts.iter().map(|post| &post["value"]["reply"]).collect();
    assert_eq!(*replies[0], Value::Null);
    assert_eq!(
        *replies[1],
        json!({ "root": reference(0), "parent": reference(0) })
    );
    assert_eq!(
        *replies[2],
        json!({ "root": reference(0), "parent": reference(1) })
    );
    assert_eq!(
        *replies[3],
        json!({ "root": reference(0), "parent": reference(0) })
    );

    let gates = stage.records("app.bsky.feed.threadgate");
    assert_eq!(gates.len(), 1);
    assert_eq!(gates[0]["value"]["post"], uris[0]);
    let key = |uri: &str| uri.rsplit('/').next().unwrap().to_owned();
    assert_eq!(key(gates[0]["uri"].as_str().unwrap()), key(uris[0]));
    assert_eq!(
        gates[0]["value"]["allow"],
        json!([
            { "$type": "app.bsky.feed.threadgate#followerRule" },
            { "$type": "app.bsky.feed.threadgate#mentionRule" },
        ])
    );

    Bluesky::delete(&stage.account, &receipt).unwrap();
    assert!(stage.posts().is_empty());
    assert!(stage.records("app.bsky.feed.threadgate").is_empty());
    // What is gone is gone: once more is no error.
    Bluesky::delete(&stage.account, &receipt).unwrap();
}

#[test]
fn texts_are_too_long_where_the_server_says_so() {
    let stage = stage!(Options::default());
    let token = stage.block_on(stage.pds.log_in(&stage.me));
    let server_takes = |text: &str| {
        let record = json!({
            "$type": "app.bsky.feed.post",
            "text": text,
            "createdAt": time::format_rfc3339(NOW),
        });
        let body =
            json!({ "repo": stage.me.did, "collection": "app.bsky.feed.post", "record": record });
        let call = stage
            .pds
            .call("com.atproto.repo.createRecord", &body, Some(&token));
        stage.block_on(call).0 == 200
    };
    let family = "👨‍👩‍👧‍👦";
    for (text, fits) in [
        ("ə".repeat(300), true),
        ("ə".repeat(301), false),
        // 25 bytes each: 120 of them are 3000.
        (family.repeat(120), true),
        (family.repeat(121), false),
        ("i\u{307}".repeat(300), true),
        (format!("{}🇦🇿", "a".repeat(299)), true),
        (format!("{}🇦🇿", "a".repeat(300)), false),
    ] {
        let problems = Bluesky::validate(&stage.account, &post(&text)).unwrap();
        let ours = problems.iter().all(|problem| problem.place != "text");
        assert_eq!(
            (ours, server_takes(&text)),
            (fits, fits),
            "{text}: {problems:?}"
        );
    }
}

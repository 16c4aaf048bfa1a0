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
fn a_lost_answer_neither_loses_nor_doubles_a_post() {
    let stage = stage!(Options::default());
    let delivery = stage.delivery("K1", post("Bir dəfə"));
    let frozen = processing(Bluesky::publish(&delivery).unwrap());
    assert!(!frozen.visible);
    assert!(
        stage.posts().is_empty(),
        "nothing is seen before the record is frozen"
    );
    let find = || Bluesky::find_published(&delivery, Some(state(&frozen.state)), NOW).unwrap();
    assert_eq!(find(), Finding::Absent);

    // Refused by a server in trouble: nothing is there.
    stage.trouble(|request| {
        let body = json!({ "error": "InternalServerError", "message": "Internal Server Error" });
        request
            .url
            .ends_with("putRecord")
            .then_some(Trouble::Instead(500, body))
    });
    let error = Bluesky::resume(&delivery, state(&frozen.state)).unwrap_err();
    assert!(matches!(error, Error::UnknownOutcome(_)), "{error:?}");
    assert_eq!(find(), Finding::Absent);

    // Done, but nobody knows: it is found, and to put it again changes nothing.
    stage.lose_answers();
    let error = Bluesky::resume(&delivery, state(&frozen.state)).unwrap_err();
    assert!(matches!(error, Error::UnknownOutcome(_)), "{error:?}");
    stage.no_trouble();
    let Finding::Found(found) = find() else {
        panic!("it is there")
    };
    let repeated = Bluesky::resume(&delivery, state(&frozen.state)).unwrap();
    assert_eq!(repeated, Outcome::Published(found.clone()));
    assert_eq!(stage.posts().len(), 1);

    // Even where the state was lost and the record frozen anew, at another time.
    stage.host.advance(60_000);
    let again = stage.publish(&delivery).unwrap();
    assert_eq!((&again.id, &again.data), (&found.id, &found.data));
    let posts = stage.posts();
    assert_eq!(posts.len(), 1);
    assert_eq!(posts[0]["value"]["createdAt"], *time::format_rfc3339(NOW));
    let stateless = Bluesky::find_published(&delivery, None, NOW).unwrap();
    assert!(
        matches!(&stateless, Finding::Found(it) if it.id == found.id),
        "{stateless:?}"
    );

    // The same key with other words never overwrites.
    let other = Delivery {
        post: post("Başqa sözlər"),
        ..delivery.clone()
    };
    let error = stage.publish(&other).unwrap_err();
    assert!(
        matches!(&error, Error::Invalid(why) if why.contains("left alone")),
        "{error:?}"
    );
    assert_eq!(texts(&stage.posts()), ["Bir dəfə"]);
}

#[test]
fn a_thread_that_broke_off_goes_on_where_it_was() {
    let stage = stage!(Options::default());
    let mut thread = post("Bir");
    thread.thread = vec![part("İki"), part("Üç")];
    thread.options = json!({ "replies": "nobody" }).to_string();
    let delivery = stage.delivery("K1", thread);
    let frozen = processing(Bluesky::publish(&delivery).unwrap());
    let one = processing(Bluesky::resume(&delivery, state(&frozen.state)).unwrap());
    assert!(one.visible);
    assert_eq!(texts(&stage.posts()), ["Bir"]);

    let find_one = Bluesky::find_published(&delivery, Some(state(&one.state)), NOW);
    assert_eq!(find_one, Ok(Finding::Absent), "the step after it");

    // The answer to the gate is lost, then that to the second part.
    stage.lose_answers();
    Bluesky::resume(&delivery, state(&one.state)).unwrap_err();
    let find = |known: &str| {
        stage.no_trouble();
        match Bluesky::find_published(&delivery, Some(state(known)), NOW).unwrap() {
            Finding::Partial(progress) => progress,
            other => panic!("{other:?}"),
        }
    };
    let gated = find(&one.state);
    assert_eq!(gated.note, "1 of 3 parts published");
    stage.lose_answers();
    Bluesky::resume(&delivery, state(&gated.state)).unwrap_err();
    let two = find(&gated.state);
    assert_eq!(two.note, "2 of 3 parts published");
    assert!(two.visible);
    assert_eq!(texts(&stage.posts()), ["Bir", "İki"]);

    // All that was frozen is lost: the rest is frozen anew, and comes once as well.
    let Finding::Partial(stateless) = Bluesky::find_published(&delivery, None, NOW).unwrap() else {
        panic!("two of three are there")
    };
    assert_eq!(stateless.note, two.note);
    let next = Bluesky::resume(&delivery, state(&stateless.state)).unwrap();
    let receipt = stage.go_on(&delivery, next).unwrap();
    let from_there = Bluesky::resume(&delivery, state(&two.state)).unwrap();
    assert!(matches!(&from_there, Outcome::Published(it) if it.parts == receipt.parts));

    let posts = stage.posts();
    assert_eq!(texts(&posts), ["Bir", "İki", "Üç"]);
    assert_eq!(posts[2]["value"]["reply"]["parent"]["uri"], posts[1]["uri"]);
    assert_eq!(posts[2]["value"]["reply"]["root"]["cid"], posts[0]["cid"]);
    assert_eq!(
        receipt.parts,
        [&posts[1], &posts[2]].map(|post| post["uri"].as_str().unwrap())
    );
    let gates = stage.records("app.bsky.feed.threadgate");
    assert_eq!(gates[0]["value"]["allow"], json!([]));
}

#[test]
fn one_session_lasts_and_is_mended_when_it_must() {
    let stage = stage!(Options {
        rate_limits: true,
        ..Options::default()
    });
    for number in 0..40 {
        let delivery = stage.delivery(&format!("K{number}"), post(&format!("Yazı {number}")));
        stage.publish(&delivery).unwrap();
    }
    assert_eq!(logins(&stage.called()), 1);

    // Its time is over: one refresh.
    let expired = stage.block_on(stage.pds.expired_token(&stage.me));
    stage.wire.vault.set("access_jwt", &expired);
    stage
        .publish(&stage.delivery("E1", post("Vaxtı keçib")))
        .unwrap();
    assert_eq!(
        stage.called(),
        ["repo.putRecord", "server.refreshSession", "repo.putRecord"]
    );

    // No token that the server knows: one refresh, then one login.
    stage.wire.vault.set("access_jwt", "nonsense");
    stage.wire.vault.set("refresh_jwt", "nonsense");
    stage
        .publish(&stage.delivery("E2", post("Yenidən")))
        .unwrap();
    assert_eq!(
        stage.called(),
        [
            "repo.putRecord",
            "server.refreshSession",
            "server.createSession",
            "repo.putRecord"
        ]
    );

    // The memory is lost and the tokens are not: no login.
    stage.host.forget();
    stage
        .publish(&stage.delivery("E3", post("Yaddaşsız")))
        .unwrap();
    assert_eq!(stage.called(), ["server.refreshSession", "repo.putRecord"]);

    // The tokens are lost and the memory is not.
    stage.wire.vault.keep_only("app_password");
    stage
        .publish(&stage.delivery("E4", post("Açarsız")))
        .unwrap();
    assert_eq!(stage.called(), ["server.createSession", "repo.putRecord"]);

    // Another account takes the place: it gets a session of its own.
    let bob = stage.pds.account("bob.test");
    let by_bob = Delivery {
        account: stage.account("bob.test", bob),
        ..stage.delivery("E5", post("Mən Bob"))
    };
    stage.publish(&by_bob).unwrap();
    assert_eq!(logins(&stage.called()), 1);
    assert_eq!(
        texts(&stage.block_on(stage.pds.records(&bob.did, "app.bsky.feed.post"))),
        ["Mən Bob"]
    );
    assert_eq!(stage.posts().len(), 44);

    // The password is wrong: one try, and it is the account's fault.
    stage.account(&stage.handle, &stage.me);
    stage.wire.vault.keep_only("app_password");
    stage.wire.vault.set("app_password", "wrong");
    let wrong = stage.delivery("E6", post("Yanlış"));
    let error = stage.publish(&wrong).unwrap_err();
    assert!(
        matches!(&error, Error::Unauthorized(why) if why.contains("does not accept `cafe-")),
        "{error:?}"
    );
    assert_eq!(logins(&stage.called()), 1);

    // The server has had enough of logins: it says for how long.
    let error = (0..40)
        .find_map(|_| match stage.publish(&wrong) {
            Err(Error::Unauthorized(_)) => None,
            other => Some(other.unwrap_err()),
        })
        .expect("a limit");
    assert!(
        matches!(error, Error::RateLimited(Some(1..=300_000))),
        "{error:?}"
    );
}

#[test]
fn a_blob_that_the_server_lost_is_put_there_again() {
    let stage = stage!(Options::default());
    let bytes = png("lost");
    // Another account's upload tells what the answer would be; ours never arrives.
    let bob = stage.pds.account("bob.test");
    let token = stage.block_on(stage.pds.log_in(bob));
    let url = format!("{}/xrpc/com.atproto.repo.uploadBlob", stage.pds.ready.url);
    let request = stage.wire.client.post(url).bearer_auth(token);
    let request = request
        .header("content-type", "image/png")
        .body(bytes.clone());
    let answer: Value =
        stage.block_on(async { request.send().await.unwrap().json().await.unwrap() });
    stage.trouble(move |request| {
        request
            .url
            .ends_with("uploadBlob")
            .then(|| Trouble::Instead(200, answer.clone()))
    });
    let mut picture = post("Şəkil");
    picture.media = vec![stage.file("lost.png", "image/png", bytes)];
    let delivery = stage.delivery("K1", picture);
    let frozen = Bluesky::publish(&delivery).unwrap();
    stage.no_trouble();
    stage.called();
    stage.go_on(&delivery, frozen).unwrap();
    assert_eq!(
        stage.called(),
        ["repo.putRecord", "repo.uploadBlob", "repo.putRecord"]
    );
    assert_eq!(stage.posts().len(), 1);
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

#[test]
fn numbers() {
    let stage = stage!(Options {
        app_view: true,
        ..Options::default()
    });
    let receipts: Vec<Receipt> = (0..27)
        .map(|number| {
            let delivery = stage.delivery(&format!("K{number}"), post(&format!("Yazı {number}")));
            stage.publish(&delivery).unwrap()
        })
        .collect();
    let bob = stage.pds.account("bob.test");
    let token = stage.block_on(stage.pds.log_in(bob));
    let liked = &receipts[26];
    let cid = liked.data::<Value>().unwrap()["cids"][0].clone();
    let subject = json!({ "uri": liked.id, "cid": cid });
    let made = time::format_rfc3339(NOW);
    for record in [
        json!({ "$type": "app.bsky.feed.like", "subject": subject, "createdAt": made }),
        json!({ "$type": "app.bsky.feed.repost", "subject": subject, "createdAt": made }),
        json!({ "$type": "app.bsky.feed.post", "text": "Gözəl!", "createdAt": made,
                "reply": { "root": subject, "parent": subject } }),
        json!({ "$type": "app.bsky.feed.post", "text": "Bax", "createdAt": made,
                "embed": { "$type": "app.bsky.embed.record", "record": subject } }),
        json!({ "$type": "app.bsky.graph.follow", "subject": stage.me.did, "createdAt": made }),
    ] {
        stage.block_on(stage.pds.create(bob, &token, &record));
    }
    Bluesky::delete(&stage.account, &receipts[3]).unwrap();
    stage.called();

    let read = Bluesky::posts(&stage.account, &receipts).unwrap();
    assert_eq!(
        stage.called(),
        [
            "app.bsky.feed.getPosts",
            "repo.getRecord",
            "app.bsky.feed.getPosts"
        ]
    );
    assert_eq!(read.len(), 27);
    for (receipt, read) in receipts.iter().zip(&read) {
        assert_eq!(read.id, receipt.id);
        assert_eq!(read.gone, receipt.id == receipts[3].id);
    }
    let counted = |count: i64| {
        [
            Measure::Likes,
            Measure::Shares,
            Measure::Comments,
            Measure::Quotes,
        ]
        .map(|measure| Metric::new(measure, count))
    };
    assert_eq!(read[26].metrics, counted(1));
    assert_eq!(read[0].metrics, counted(0));
    assert_eq!(
        Bluesky::account(&stage.account).unwrap(),
        [
            Metric::new(Measure::Followers, 1),
            Metric::new(Measure::Following, 0),
            Metric::new(Measure::Posts, 26),
        ]
    );

    // The same, read at an app view that the account names.
    let account = stage.account_with(json!({
        "service": stage.pds.ready.url,
        "identifier": stage.handle,
        "app_view": stage.pds.ready.app_view,
    }));
    assert_eq!(
        Bluesky::posts(&account, &receipts[26..]).unwrap()[0].metrics,
        counted(1)
    );
}

#[test]
fn a_server_without_an_app_view_says_so() {
    let stage = stage!(Options {
        did_doc: true,
        ..Options::default()
    });
    let receipt = stage
        .publish(&stage.delivery("K1", post("Say məni")))
        .unwrap();
    for error in [
        Bluesky::posts(&stage.account, &[receipt]).unwrap_err(),
        Bluesky::account(&stage.account).unwrap_err(),
    ] {
        assert!(
            matches!(&error, Error::Unsupported(why) if why.contains("app_view")),
            "{error:?}"
        );
    }
}

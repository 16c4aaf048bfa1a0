//! The connector and a receiver.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

use jarchi_platforms::webhook::{KEY, Receiver, SECRET};
use jarchi_platforms::{Answer, Stage, Trouble};
use jarchi_plugin_sdk::{
    Account, Connection, Delivery, Error, Finding, FocalPoint, Link, Mention, Poll, Post,
    Publisher, Receipt, ThreadPart, Visibility, testing,
};
use jarchi_plugin_webhook::Webhook;
use serde_json::{Value, json};

const URL: &str = "https://tea.example/hook";

fn stage() -> Stage<Receiver> {
    let stage = Stage::new(Receiver::default());
    stage.secret("signing", SECRET).secret("key", KEY);
    stage
}

fn account(more: Value) -> Account {
    let mut settings = json!({ "url": URL });
    if let (Some(fields), Value::Object(more)) = (settings.as_object_mut(), more) {
        fields.extend(more);
    }
    testing::account(&settings)
}

fn delivery(more: Value, post: Post) -> Delivery {
    testing::delivery(&account(more), post)
}

fn publish(stage: &Stage<Receiver>, delivery: &Delivery) -> Result<Receipt, Error> {
    stage.publish::<Webhook>(delivery)
}

/// A post with everything.
fn whole(stage: &Stage<Receiver>) -> Post {
    let mut photo = stage.file("a.jpg", "image/jpeg", *b"photo");
    photo.alt = Some("Tea".into());
    photo.focus = Some(FocalPoint { x: 0.5, y: -0.5 });
    Post {
        language: Some("az".into()),
        media: vec![photo],
        link: Some(Link {
            url: "https://tea.example/".into(),
            title: Some("Menu".into()),
            description: None,
            thumbnail: Some(stage.file("t.png", "image/png", *b"thumb")),
        }),
        hashtags: vec!["çay".into()],
        mentions: vec![Mention {
            handle: "aysel".into(),
            id: None,
        }],
        poll: Some(Poll {
            options: vec!["a".into()],
            open_for: 60_000,
            multiple: true,
            hide_totals: false,
        }),
        thread: vec![ThreadPart {
            text: "second".into(),
            media: vec![stage.file("b.mp4", "video/mp4", *b"video")],
        }],
        first_comment: Some("comment".into()),
        visibility: Some(Visibility::Unlisted),
        content_warning: Some("hot".into()),
        sensitive: true,
        options: json!({ "anything": { "of": ["yours"] } }).to_string(),
        ..Post::text("Salam 🫖")
    }
}

#[test]
fn the_whole_post_in_one_signed_request() {
    let stage = stage();
    let delivery = delivery(
        json!({ "headers": { "x-tenant": "tea" }, "media_urls": true }),
        whole(&stage),
    );
    let receipt = publish(&stage, &delivery).unwrap();
    assert_eq!(receipt.id, format!("post-{}", delivery.key));
    assert_eq!(
        receipt.url.unwrap(),
        format!("https://tea.example/{}", delivery.key)
    );
    assert_eq!(stage.called(), ["POST /hook"], "one request is all");
    let server = stage.platform.borrow();
    let taken = &server.posts[&delivery.key];
    assert!(taken.headers.contains(&("x-tenant".into(), "tea".into())));
    assert_eq!(taken.post["type"], "post.publish");
    assert_eq!(taken.post["timestamp"], "2026-11-24T08:00:00.000Z");
    let file = |name: &str, mime: &str, kind: &str| {
        json!({ "name": name, "mime": mime, "kind": kind, "size": 5, "alt": null, "width": 640,
            "height": 480, "length_ms": null, "focus": null, "url": format!("https://media.example/{name}") })
    };
    let mut photo = file("a.jpg", "image/jpeg", "image");
    photo["alt"] = "Tea".into();
    photo["focus"] = json!({ "x": 0.5, "y": -0.5 });
    assert_eq!(
        taken.post["data"],
        json!({
            "key": delivery.key, "account": "test", "due": "2026-11-24T08:00:00.000Z",
            "text": "Salam 🫖", "language": "az", "media": [photo],
            "link": { "url": "https://tea.example/", "title": "Menu", "description": null,
                "thumbnail": file("t.png", "image/png", "image") },
            "hashtags": ["çay"], "mentions": [{ "handle": "aysel", "id": null }],
            "poll": { "options": ["a"], "open_for_ms": 60_000, "multiple": true, "hide_totals": false },
            "thread": [{ "text": "second", "media": [file("b.mp4", "video/mp4", "video")] }],
            "first_comment": "comment", "visibility": "unlisted", "content_warning": "hot",
            "sensitive": true, "options": { "anything": { "of": ["yours"] } },
        })
    );
}

#[test]
fn with_its_files() {
    let stage = stage();
    let delivery = delivery(
        json!({ "body": "multipart", "method": "PUT" }),
        whole(&stage),
    );
    publish(&stage, &delivery).unwrap();
    let server = stage.platform.borrow();
    let taken = &server.posts[&delivery.key];
    assert_eq!(taken.method, "PUT");
    let data = &taken.post["data"];
    let of = |file: &Value| {
        assert_eq!(file.get("url"), None);
        taken.files[file["part"].as_str().unwrap()].clone()
    };
    assert_eq!(of(&data["media"][0]), b"photo");
    assert_eq!(of(&data["thread"][0]["media"][0]), b"video");
    assert_eq!(of(&data["link"]["thumbnail"]), b"thumb");
    assert_eq!(taken.files.len(), 3);
}

#[test]
fn ways_to_prove_who_sends() {
    for (settings, header) in [
        (json!({}), ("webhook-signature", "v1,")),
        (
            json!({ "signature": "sha256" }),
            ("x-hub-signature-256", "sha256="),
        ),
        (
            json!({ "signature": "none", "key_header": "authorization" }),
            ("authorization", "Bearer the-receiver-s-key"),
        ),
        (
            json!({ "signature": "none", "key_header": "x-api-key" }),
            ("x-api-key", "the-receiver-s-key"),
        ),
    ] {
        let stage = stage();
        let delivery = delivery(settings.clone(), Post::text("x"));
        publish(&stage, &delivery).unwrap();
        let requests = stage.requests();
        let value = requests[0].header(header.0).unwrap();
        assert!(value.starts_with(header.1), "{settings}: {value}");
        assert_eq!(
            requests[0].header("webhook-id"),
            Some(delivery.key.as_str())
        );
    }
    let stage = stage();
    stage.secret("signing", "whsec_AAAA");
    let error = publish(&stage, &delivery(json!({}), Post::text("x"))).unwrap_err();
    assert!(
        matches!(&error, Error::Unauthorized(why) if why.contains("wrong signature")),
        "{error:?}"
    );
}

#[test]
fn what_an_answer_means() {
    let pointers = json!({ "id_pointer": "/data/0/number", "url_pointer": "/data/0/links~1self" });
    for (settings, status, body, id, url) in [
        (json!({}), 200, json!({ "id": 42 }), "42", None),
        (
            json!({}),
            202,
            json!(null),
            "01JDEVKEY0000000000000TEST",
            None,
        ),
        (
            json!({}),
            200,
            json!({ "id": "x", "url": "javascript:x" }),
            "x",
            None,
        ),
        (
            pointers,
            201,
            json!({ "data": [{ "number": 7, "links/self": "https://a.example/7" }] }),
            "7",
            Some("https://a.example/7"),
        ),
        (
            json!({ "success": ["409"] }),
            409,
            json!({ "id": "x" }),
            "x",
            None,
        ),
    ] {
        let stage = stage();
        {
            let mut server = stage.platform.borrow_mut();
            server.status = Some(status);
            server.answers = Some(body);
        }
        let receipt = publish(&stage, &delivery(settings, Post::text("x"))).unwrap();
        assert_eq!((receipt.id.as_str(), receipt.url.as_deref()), (id, url));
    }
    for (settings, answer, is) in [
        (json!({}), Answer::empty(400), "invalid"),
        (json!({}), Answer::empty(401), "unauthorized"),
        (json!({}), Answer::empty(410), "unauthorized"),
        (
            json!({}),
            Answer::empty(429).header("retry-after", 9),
            "rate-limited",
        ),
        (json!({}), Answer::empty(500), "unknown"),
        (json!({}), Answer::empty(504), "unknown"),
        (json!({ "success": ["201"] }), Answer::empty(200), "invalid"),
    ] {
        let stage = stage();
        stage.trouble_once("POST", "/hook", Trouble::Instead(answer.clone()));
        let error = publish(&stage, &delivery(settings, Post::text("x"))).unwrap_err();
        let told = match &error {
            Error::Invalid(_) => "invalid",
            Error::Unauthorized(_) => "unauthorized",
            Error::RateLimited(Some(9000)) => "rate-limited",
            Error::UnknownOutcome(_) => "unknown",
            _ => "other",
        };
        assert_eq!(told, is, "{answer:?}: {error:?}");
    }
}

#[test]
fn lost_answers() {
    let looks = json!({ "lookup_url": "https://tea.example/posts/{key}" });
    for (settings, idempotent, trouble, made) in [
        // It is found.
        (looks.clone(), false, Trouble::LoseAnswer, 1),
        // It is not there, and sent again.
        (looks, false, Trouble::Instead(Answer::empty(502)), 1),
        // The receiver knows the key.
        (json!({ "idempotent": true }), true, Trouble::LoseAnswer, 1),
    ] {
        let stage = stage();
        stage.platform.borrow_mut().idempotent = idempotent;
        let delivery = delivery(settings, Post::text("x"));
        stage.trouble_once("POST", "/hook", trouble);
        let error = Webhook::publish(&delivery).unwrap_err();
        assert!(matches!(error, Error::UnknownOutcome(_)), "{error:?}");
        let receipt = match Webhook::find_published(&delivery, None, testing::START).unwrap() {
            Finding::Found(receipt) => receipt,
            Finding::Absent => publish(&stage, &delivery).unwrap(),
            other => panic!("{other:?}"),
        };
        assert_eq!(receipt.id, format!("post-{}", delivery.key));
        assert_eq!(stage.platform.borrow().made, made);
    }
    let stage = stage();
    let delivery = delivery(json!({}), Post::text("x"));
    let found = Webhook::find_published(&delivery, None, testing::START).unwrap();
    assert!(matches!(found, Finding::CannotTell(_)), "{found:?}");
    assert!(stage.called().is_empty());
    stage.trouble_once("POST", "/hook", Trouble::NotSent);
    let error = publish(&stage, &delivery).unwrap_err();
    assert!(matches!(error, Error::Transient(_)), "{error:?}");
}

#[test]
fn a_look_that_tells_nothing_is_not_absent() {
    let looks = json!({ "lookup_url": "https://tea.example/posts/{key}" });
    for (answer, is) in [
        (Answer::empty(503), "transient"),
        (Answer::empty(401), "unauthorized"),
        (Answer::empty(204), "cannot tell"),
        (Answer::empty(304), "cannot tell"),
        (Answer::empty(400), "invalid"),
    ] {
        let stage = stage();
        stage.trouble(move |_| Some(Trouble::Instead(answer.clone())));
        let delivery = delivery(looks.clone(), Post::text("x"));
        let told = match Webhook::find_published(&delivery, None, testing::START) {
            Ok(Finding::CannotTell(_)) => "cannot tell",
            Err(Error::Transient(_)) => "transient",
            Err(Error::Unauthorized(_)) => "unauthorized",
            Err(Error::Invalid(_)) => "invalid",
            other => panic!("{other:?}"),
        };
        assert_eq!(told, is);
    }
}

#[test]
fn the_same_delivery_is_the_same_bytes() {
    let stage = stage();
    let delivery = delivery(json!({}), whole(&stage));
    publish(&stage, &delivery).unwrap();
    stage.host.advance(3_600_000);
    publish(&stage, &delivery).unwrap();
    let [first, second] = &stage.requests()[..] else {
        panic!("two");
    };
    assert_eq!(first.body, second.body);
    assert_eq!(first.header("webhook-id"), second.header("webhook-id"));
    assert_ne!(
        first.header("webhook-timestamp"),
        second.header("webhook-timestamp")
    );
}

#[test]
fn posts_are_taken_back_where_it_is_offered() {
    let stage = stage();
    let receipt = publish(&stage, &delivery(json!({}), Post::text("x"))).unwrap();
    let refused = Webhook::delete(&account(json!({})), &receipt).unwrap_err();
    assert!(matches!(refused, Error::Unsupported(_)));
    let offers = account(json!({ "delete_url": "https://tea.example/posts/{id}" }));
    for _ in 0..2 {
        Webhook::delete(&offers, &receipt).unwrap();
    }
    assert!(stage.platform.borrow().posts.is_empty());
}

#[test]
fn settings_and_limits() {
    let _stage = stage();
    for (settings, text, place) in [
        (json!({}), "x", None),
        (json!({ "text_limit": 5 }), "salam", None),
        (json!({ "text_limit": 5 }), "salamx", Some("text")),
        (
            json!({ "success": ["200", "2xx"] }),
            "x",
            Some("settings.success"),
        ),
        (
            json!({ "id_pointer": "id" }),
            "x",
            Some("settings.id_pointer"),
        ),
        (
            json!({ "headers": { "Webhook-Id": "x" } }),
            "x",
            Some("settings.headers"),
        ),
        (
            json!({ "lookup_url": "https://a.example/posts" }),
            "x",
            Some("settings.lookup_url"),
        ),
        (
            json!({ "delete_url": "https://a.example/{key}" }),
            "x",
            Some("settings.delete_url"),
        ),
    ] {
        let problems = Webhook::validate(&account(settings), &Post::text(text)).unwrap();
        let first = problems.first().map(|problem| problem.place.as_str());
        assert_eq!(first, place, "{problems:?}");
    }
    let wrong = Webhook::validate(&account(json!({ "method": "GET" })), &Post::text("x"));
    assert!(matches!(wrong, Err(Error::Invalid(_))), "{wrong:?}");
}

#[test]
fn the_connection() {
    let stage = stage();
    let standing = Webhook::check(&account(json!({}))).unwrap();
    assert_eq!(standing.name, "tea.example");
    assert_eq!(standing.problems.len(), 1, "{standing:?}");
    assert_eq!(stage.called(), ["HEAD /hook"]);
    let looks = json!({ "lookup_url": "https://tea.example/posts/{key}" });
    assert!(Webhook::check(&account(looks)).unwrap().problems.is_empty());
    assert_eq!(stage.called(), ["GET /posts/00000000000000000000000000"]);
    assert_eq!(stage.platform.borrow().made, 0);
    stage.secret("key", "another");
    let keyed = account(json!({ "key_header": "x-api-key" }));
    let error = Webhook::check(&keyed).unwrap_err();
    assert!(matches!(error, Error::Unauthorized(_)), "{error:?}");
}

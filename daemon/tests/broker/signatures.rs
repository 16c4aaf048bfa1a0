//! Requests that the broker signs, with a key that the plugin never has.

use std::fs;

use axum::response::IntoResponse as _;
use jarchi::plugin::broker::{Body, Error, Part, PartBody, Slice};

use crate::world::{
    Asker, Site, World, assert_denied, body, get, header, ok, plain, post, redirect, request,
    script,
};

/// The example of the Standard Webhooks reference implementations.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const SIGNED: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

fn asker(site: &Site) -> Asker {
    Asker::of(&[&format!("api.example.org:{}", site.port())])
        .manifest(
            "[secrets.hook]\nplace = [{ header = \"webhook-signature\", sign = \"hmac-sha256\", over = \"standard-webhooks\" }]\n\
             [secrets.plain]\nplace = [{ header = \"x-hub-signature-256\", sign = \"hmac-sha256\" }]\n\
             [secrets.broken]\nplace = [{ header = \"webhook-signature\", sign = \"hmac-sha256\", over = \"standard-webhooks\" }]\n\
             [secrets.absent]\nplace = [{ header = \"x-absent\", sign = \"hmac-sha256\" }]\n\
             [secrets.token]\nplace = [{ header = \"authorization\" }]\n",
        )
        .secret("hook", SECRET)
        .secret("plain", "It's a Secret to Everybody")
        .secret("broken", "whsec_not base64!")
        .secret("token", "t0ken-value")
}

fn url(site: &Site) -> String {
    format!("http://api.example.org:{}/hook", site.port())
}

fn standard(site: &Site, value: &str) -> jarchi::plugin::broker::Request {
    let mut request = post(&url(site), "application/json", "{\"test\": 2432232314}");
    for (name, value) in [
        ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
        ("webhook-timestamp", "1614265330"),
        ("webhook-signature", value),
    ] {
        request = header(request, name, value);
    }
    request
}

#[tokio::test]
async fn the_published_examples_come_out() {
    let world = World::new();
    let site = plain(script(|seen| {
        seen.header("webhook-signature")
            .unwrap_or_default()
            .to_owned()
            .into_response()
    }))
    .await;
    let asker = asker(&site);
    let answer = world
        .send(&asker, standard(&site, "v1,${hmac-sha256:hook}"))
        .await
        .unwrap();
    assert_eq!(site.only().header("webhook-signature"), Some(SIGNED));
    assert_eq!(body(&answer), SIGNED, "a signature is no secret");

    // GitHub's example, "Validating webhook deliveries".
    let hello = header(
        post(&url(&site), "text/plain", "Hello, World!"),
        "X-Hub-Signature-256",
        "sha256=${hmac-sha256:plain}",
    );
    world.send(&asker, hello).await.unwrap();
    assert_eq!(
        site.seen()[1].header("x-hub-signature-256"),
        Some("sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17")
    );
}

/// Of files too, which nobody but the broker reads.
#[tokio::test]
async fn a_signature_is_over_what_is_sent() {
    let world = World::new();
    let site = plain(ok()).await;
    let asker = asker(&site);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("video.mp4");
    let bytes: Vec<u8> = (0_u32..60_000).flat_map(u32::to_le_bytes).collect();
    fs::write(&path, &bytes).unwrap();
    let slice = |offset, length| Slice {
        path: path.clone(),
        offset,
        length,
    };
    let part = |name: &str, body: PartBody| Part {
        name: name.to_owned(),
        filename: None,
        content_type: None,
        body,
    };
    let bodies = [
        Body::None,
        Body::Media(slice(11, 200_000)),
        Body::Multipart(vec![
            part("post", PartBody::Bytes(b"{}".to_vec())),
            part("a", PartBody::Media(slice(0, 240_000))),
            part("b", PartBody::Media(slice(70_000, 1))),
        ]),
    ];
    for outgoing in bodies {
        let mut signed = header(
            request("POST", &url(&site)),
            "x-hub-signature-256",
            "${hmac-sha256:plain}",
        );
        signed.body = outgoing;
        world.send(&asker, signed).await.unwrap();
        let seen = site.seen().pop().unwrap();
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, b"It's a Secret to Everybody");
        let expected = ring::hmac::sign(&key, &seen.body);
        let hex: String = expected
            .as_ref()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(seen.length, Some(seen.body.len() as u64));
        assert_eq!(seen.header("x-hub-signature-256"), Some(hex.as_str()));
    }
    assert_eq!(site.seen()[1].body, bytes[11..200_011]);
}

#[tokio::test]
async fn only_as_the_manifest_says() {
    let world = World::new();
    let site = plain(ok()).await;
    let asker = asker(&site);
    let with = |name: &str, value: &str| header(get(&url(&site)), name, value);
    for (asked, words) in [
        // The key itself goes nowhere.
        (
            with("webhook-signature", "${secret:hook}"),
            "declares no place",
        ),
        (
            with("x-hub-signature-256", "${secret:plain}"),
            "declares no place",
        ),
        (with("x-other", "${hmac-sha256:plain}"), "declares no place"),
        (
            with("authorization", "${hmac-sha256:token}"),
            "declares no place",
        ),
        (with("x-other", "${hmac-sha256:nobody}"), "does not declare"),
    ] {
        assert_denied(world.send(&asker, asked).await, words);
    }
    let mut twice = standard(&site, "v1,${hmac-sha256:hook}");
    twice
        .headers
        .push(("webhook-id".to_owned(), "another".to_owned()));
    for (asked, words) in [
        (
            with("x-hub-signature-256", "${hmac-sha256:plain"),
            "not whole",
        ),
        (with("x-hub-signature-256", "${hmac-sha256:}"), "not whole"),
        (
            with(
                "x-hub-signature-256",
                "${hmac-sha256:plain} ${hmac-sha256:plain}",
            ),
            "one signature",
        ),
        (
            with(
                "x-hub-signature-256",
                "${secret:plain} ${hmac-sha256:plain}",
            ),
            "one signature",
        ),
        (
            with("webhook-signature", "v1,${hmac-sha256:hook}"),
            "header `webhook-id`",
        ),
        (twice, "header `webhook-id`"),
        (
            standard(&site, "v1,${hmac-sha256:broken}"),
            "`whsec_`, then",
        ),
    ] {
        match world.send(&asker, asked).await {
            Err(Error::Invalid(text)) => {
                assert!(text.contains(words), "{words} in {text}");
                assert!(!text.contains("base64!"), "{text}");
            }
            other => panic!("{words}: {other:?}"),
        }
    }
    let missing = world
        .send(&asker, with("x-absent", "${hmac-sha256:absent}"))
        .await;
    assert_eq!(
        missing.unwrap_err(),
        Error::MissingSecret("absent".to_owned())
    );
    assert_eq!(site.connections(), 0, "nothing of it was sent");
}

#[tokio::test]
async fn a_redirect_is_signed_anew() {
    let world = World::new();
    let site = plain(script(|seen| match seen.uri.path() {
        "/hook" => redirect(303, "/done"),
        _ => "fine".into_response(),
    }))
    .await;
    let signed = header(
        post(&url(&site), "text/plain", "Hello, World!"),
        "x-hub-signature-256",
        "${hmac-sha256:plain}",
    );
    world.send(&asker(&site), signed).await.unwrap();
    let seen = site.seen();
    let of = |at: usize| seen[at].header("x-hub-signature-256").unwrap();
    assert!(of(0).starts_with("757107ea"), "{}", of(0));
    assert_ne!(of(0), of(1), "its body is empty");
}

//! What the real server in the other tests can't be made to do: second factors, accounts
//! that were taken down, the entryway, the video service.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "what goes wrong fails the test"
)]

use jarchi_plugin_bluesky::Bluesky;
use jarchi_plugin_bluesky::publish::State;
use jarchi_plugin_sdk::http::HttpError;
use jarchi_plugin_sdk::testing::{self, Answer, Host};
use jarchi_plugin_sdk::{
    Account, Analytics, Delivery, Error, MediaItem, Outcome, Post, Progress, Publisher,
};
use serde_json::{Value, json};

const SERVICE: &str = "https://bsky.social/xrpc/com.atproto";
const VIDEO: &str = "https://video.bsky.app/xrpc/app.bsky.video";

fn account() -> Account {
    testing::account(&json!({ "identifier": "cafe.test", "video": "service" }))
}

fn post(text: &str, media: Vec<MediaItem>) -> Post {
    Post {
        text: text.into(),
        language: None,
        media,
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

fn delivery(media: Vec<MediaItem>) -> Delivery {
    testing::delivery(&account(), post("Salam", media))
}

fn no_token() -> Answer {
    Answer::error(HttpError::MissingSecret("refresh_jwt".into()))
}

/// An answer to a login, as the broker hands it on.
fn session(more: Value) -> Answer {
    let mut body = json!({
        "did": "did:plc:cafe",
        "handle": "cafe.test",
        "accessJwt": "${secret:access_jwt}",
        "refreshJwt": "${secret:refresh_jwt}",
    });
    body.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    Answer::json(200, &body)
}

fn logs_in(host: &Host, answer: Answer) {
    host.expect(format!("POST {SERVICE}.server.refreshSession"), no_token());
    host.expect(format!("POST {SERVICE}.server.createSession"), answer);
}

fn processing(outcome: Outcome) -> Progress {
    match outcome {
        Outcome::Processing(progress) => progress,
        Outcome::Published(receipt) => panic!("published: {receipt:?}"),
    }
}

fn state(progress: &Progress) -> State {
    serde_json::from_str(&progress.state).unwrap()
}

#[test]
fn logins_that_fail() {
    let refusal = |status, name: &str, message: &str| {
        Answer::json(status, &json!({ "error": name, "message": message }))
    };
    for (answer, words) in [
        (
            refusal(401, "AuthFactorTokenRequired", "A code was sent"),
            "make an app password",
        ),
        (
            refusal(
                401,
                "AuthenticationRequired",
                "Invalid identifier or password",
            ),
            "`service`",
        ),
        (
            refusal(401, "AccountTakedown", "Account has been taken down"),
            "taken down",
        ),
        (
            session(json!({ "active": false, "status": "deactivated" })),
            "is deactivated",
        ),
        (
            Answer::error(HttpError::MissingSecret("app_password".into())),
            "no `app_password`",
        ),
    ] {
        let host = Host::new();
        logs_in(&host, answer);
        let error = Bluesky::publish(&delivery(vec![])).unwrap_err();
        assert!(
            matches!(&error, Error::Unauthorized(why) if why.contains(words)),
            "{error:?}"
        );
    }
    // What passes is no reason to connect the account anew.
    for answer in [
        refusal(502, "UpstreamFailure", "Upstream service unreachable"),
        Answer::error(HttpError::NoAnswer("reset".into())),
        Answer::error(HttpError::NotSent("no route".into())),
    ] {
        let host = Host::new();
        logs_in(&host, answer);
        let error = Bluesky::publish(&delivery(vec![])).unwrap_err();
        assert!(matches!(error, Error::Transient(_)), "{error:?}");
    }
    let host = Host::new();
    logs_in(&host, Answer::error(HttpError::Paced(9000)));
    assert_eq!(
        Bluesky::publish(&delivery(vec![])),
        Err(Error::RateLimited(Some(9000)))
    );
}

#[test]
fn the_password_is_in_the_login_and_nowhere_else() {
    let host = Host::new();
    logs_in(&host, session(json!({})));
    let frozen = processing(Bluesky::publish(&delivery(vec![])).unwrap());
    let requests = host.requests();
    assert_eq!(
        requests[0].header("authorization"),
        Some("Bearer ${secret:refresh_jwt}")
    );
    assert_eq!(
        requests[1].json(),
        json!({ "identifier": "cafe.test", "password": "${secret:app_password}" })
    );
    assert!(!frozen.state.contains("secret"), "{}", frozen.state);

    host.expect(
        format!("POST {SERVICE}.repo.putRecord"),
        Answer::json(
            200,
            &json!({ "uri": "at://did:plc:cafe/app.bsky.feed.post/1", "cid": "c" }),
        ),
    );
    Bluesky::resume(&delivery(vec![]), state(&frozen)).unwrap();
    let put = &host.requests()[0];
    assert_eq!(
        put.header("authorization"),
        Some("Bearer ${secret:access_jwt}")
    );
    assert_eq!(put.json()["repo"], "did:plc:cafe");
    assert_eq!(put.json()["swapRecord"], Value::Null);
    assert!(put.json().as_object().unwrap().contains_key("swapRecord"));
}

#[test]
fn a_session_that_nothing_mends_is_given_up() {
    let host = Host::new();
    logs_in(&host, session(json!({})));
    let frozen = processing(Bluesky::publish(&delivery(vec![])).unwrap());
    let invalid = || {
        Answer::json(
            400,
            &json!({ "error": "InvalidToken", "message": "Bad token scope" }),
        )
    };
    let put = format!("POST {SERVICE}.repo.putRecord");
    host.expect(&put, invalid());
    host.expect(
        format!("POST {SERVICE}.server.refreshSession"),
        session(json!({})),
    );
    host.expect(&put, invalid());
    host.expect(
        format!("POST {SERVICE}.server.createSession"),
        session(json!({})),
    );
    host.expect(&put, invalid());
    let error = Bluesky::resume(&delivery(vec![]), state(&frozen)).unwrap_err();
    assert!(
        matches!(&error, Error::Unauthorized(why) if why.contains("Bad token scope")),
        "{error:?}"
    );
}

#[test]
fn a_post_begun_as_another_account_is_not_gone_on_with() {
    let host = Host::new();
    logs_in(&host, session(json!({})));
    let frozen = processing(Bluesky::publish(&delivery(vec![])).unwrap());
    host.forget();
    logs_in(&host, session(json!({ "did": "did:plc:other" })));
    let error = Bluesky::resume(&delivery(vec![]), state(&frozen)).unwrap_err();
    assert!(
        matches!(&error, Error::Invalid(why) if why.contains("did:plc:other")),
        "{error:?}"
    );
}

#[test]
fn a_thread_that_is_too_much_is_refused_before_anything_is_seen() {
    let host = Host::new();
    logs_in(&host, session(json!({})));
    let mut delivery = delivery(vec![]);
    let part = jarchi_plugin_sdk::ThreadPart {
        text: "👨‍👩‍👧‍👦".repeat(120),
        media: vec![],
    };
    delivery.post.thread = vec![part; 20];
    let error = Bluesky::publish(&delivery).unwrap_err();
    assert!(
        matches!(&error, Error::Invalid(why) if why.contains("make it two threads")),
        "{error:?}"
    );
}

fn video(host: &Host) -> Vec<MediaItem> {
    host.file(
        "a.mp4",
        "video/mp4",
        b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2".to_vec(),
    );
    vec![testing::media("a.mp4", "video/mp4", 24)]
}

/// Up to the upload, which gets this answer.
fn uploads(host: &Host, answer: Answer) {
    let own_server = json!({ "didDoc": { "service": [{
        "id": "#atproto_pds",
        "type": "AtprotoPersonalDataServer",
        "serviceEndpoint": "https://morel.us-east.host.bsky.network",
    }] } });
    logs_in(host, session(own_server));
    let now = testing::START / 1000;
    host.expect(
        format!(
            "GET {SERVICE}.server.getServiceAuth?aud=did%3Aweb%3Amorel.us-east.host.bsky.network\
             &lxm=com.atproto.repo.uploadBlob&exp={}",
            now + 1800
        ),
        Answer::json(200, &json!({ "token": "${secret:video_token}" })),
    );
    host.expect(
        format!("POST {VIDEO}.uploadVideo?did=did%3Aplc%3Acafe&name=a.mp4"),
        answer,
    );
}

#[test]
fn a_video_is_transcoded_before_the_post_is_made() {
    let blob = json!({
        "$type": "blob",
        "ref": { "$link": "bafkrei" },
        "mimeType": "video/mp4",
        "size": 24,
    });
    let host = Host::new();
    let delivery = delivery(video(&host));
    uploads(
        &host,
        Answer::json(
            200,
            &json!({ "jobId": "j1", "did": "d", "state": "JOB_STATE_CREATED" }),
        ),
    );
    let begun = processing(Bluesky::publish(&delivery).unwrap());
    assert_eq!(begun.after, 5000);
    assert!(!begun.visible);
    let upload = host.requests().pop().unwrap();
    assert_eq!(
        upload.header("authorization"),
        Some("Bearer ${secret:video_token}")
    );
    assert_eq!(upload.header("content-type"), Some("video/mp4"));

    let job = format!("GET {VIDEO}.getJobStatus?jobId=j1");
    let status = |state: &str, more: Value| {
        let mut status = json!({ "jobId": "j1", "did": "d", "state": state });
        status
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        Answer::json(200, &json!({ "jobStatus": status }))
    };
    host.expect(
        &job,
        status("JOB_STATE_ENCODING", json!({ "progress": 40 })),
    );
    let working = processing(Bluesky::resume(&delivery, state(&begun)).unwrap());
    assert_eq!(working.note, "`a.mp4` is being transcoded: 40 %");
    host.expect(&job, status("JOB_STATE_COMPLETED", json!({ "blob": blob })));
    let frozen = processing(Bluesky::resume(&delivery, state(&working)).unwrap());
    let record = &serde_json::from_str::<Value>(&frozen.state).unwrap()["records"][0];
    assert_eq!(record["embed"]["$type"], "app.bsky.embed.video");
    assert_eq!(record["embed"]["video"], blob);

    // It can't be done, or not in any time.
    host.expect(
        &job,
        status("JOB_STATE_FAILED", json!({ "error": "too long" })),
    );
    let error = Bluesky::resume(&delivery, state(&begun)).unwrap_err();
    assert!(
        matches!(&error, Error::Invalid(why) if why.contains("too long")),
        "{error:?}"
    );
    host.advance(31 * 60_000);
    host.expect(&job, status("JOB_STATE_ENCODING", json!({})));
    let error = Bluesky::resume(&delivery, state(&begun)).unwrap_err();
    assert!(matches!(error, Error::Transient(_)), "{error:?}");
}

#[test]
fn a_video_that_the_service_knows_already_is_ready_at_once() {
    let host = Host::new();
    let known = json!({
        "error": "already_exists",
        "message": "Video already processed",
        "jobId": "j1",
        "state": "JOB_STATE_COMPLETED",
        "blob": { "$type": "blob", "ref": { "$link": "bafkrei" }, "mimeType": "video/mp4", "size": 24 },
    });
    let delivery = delivery(video(&host));
    uploads(&host, Answer::json(409, &known));
    let frozen = processing(Bluesky::publish(&delivery).unwrap());
    assert_eq!(frozen.note, "1 of 1 parts prepared");
}

#[test]
fn numbers_are_told_as_far_as_they_are_counted() {
    let host = Host::new();
    let account = testing::account(&json!({
        "identifier": "cafe.test",
        "app_view": "https://public.api.bsky.app/",
    }));
    logs_in(&host, session(json!({})));
    host.expect(
        "GET https://public.api.bsky.app/xrpc/app.bsky.actor.getProfile?actor=did%3Aplc%3Acafe",
        Answer::json(200, &json!({ "did": "did:plc:cafe", "followersCount": 7 })),
    );
    let metrics = Bluesky::account(&account).unwrap();
    assert_eq!(metrics.len(), 1);
    assert_eq!(metrics[0].value, 7);
    // The public app view asks for no token, and gets none.
    assert_eq!(host.requests().pop().unwrap().header("authorization"), None);
}

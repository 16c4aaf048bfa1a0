//! Requests that must pass, and requests that must not: without the specifications these
//! tests say so and judge nothing.

use serde_json::{Value, json};

use super::{Referee, discord, mastodon, read, x};
use crate::Request;

fn request(line: &str, kind: &str, body: impl Into<Vec<u8>>) -> Request {
    let (method, url) = line.split_once(' ').unwrap();
    Request {
        method: method.into(),
        url: url.parse().unwrap(),
        headers: vec![("content-type".into(), kind.into())],
        body: body.into(),
    }
}

fn json_body(line: &str, body: &Value) -> Request {
    request(line, "application/json", body.to_string())
}

fn multipart(line: &str, parts: &[(&str, Option<&str>, &str)]) -> Request {
    let mut body = String::new();
    for (name, file, text) in parts {
        body += &format!("--B\r\ncontent-disposition: form-data; name=\"{name}\"");
        if let Some(file) = file {
            body += &format!("; filename=\"{file}\"");
        }
        body += &format!("\r\n\r\n{text}\r\n");
    }
    request(line, "multipart/form-data; boundary=B", body + "--B--\r\n")
}

fn passes(referee: &dyn Referee, request: &Request) {
    assert_eq!(referee.check(request), Ok(()));
}

/// The objection has these words.
fn fails(referee: &dyn Referee, request: &Request, words: &str) {
    match referee.check(request) {
        Ok(()) => panic!("{} {} passes", request.method, request.url),
        Err(error) => assert!(error.contains(words), "{error}"),
    }
}

#[test]
fn requests_to_x() {
    if read("x/openapi.json").is_none() {
        return;
    }
    let post = |body: Value| json_body("POST https://api.x.com/2/tweets", &body);
    let get = |rest: &str| request(&format!("GET https://api.x.com{rest}"), "", "");
    for good in [
        post(json!({"text": "salam"})),
        post(json!({"text": "", "media": {"media_ids": ["1", "2"], "tagged_user_ids": ["3"]}})),
        post(json!({"text": "a", "poll": {"options": ["b", "c"], "duration_minutes": 5}})),
        post(json!({"text": "a", "made_with_ai": true, "paid_partnership": false})),
        get("/2/tweets?ids=1,2&tweet.fields=public_metrics,created_at"),
        get("/2/users/me?user.fields=public_metrics"),
        get("/2/users/12/tweets?max_results=5&start_time=2026-11-24T08:00:00Z"),
        get("/2/media/upload?media_id=12&command=STATUS"),
        request("DELETE https://api.x.com/2/tweets/12", "", ""),
        request("POST https://api.x.com/2/media/upload/12/finalize", "", ""),
        multipart(
            "POST https://api.x.com/2/media/upload",
            &[
                ("media", Some("a.png"), "bytes"),
                ("media_category", None, "tweet_image"),
            ],
        ),
        multipart(
            "POST https://api.x.com/2/media/upload/12/append",
            &[
                ("media", Some("a.mp4"), "bytes"),
                ("segment_index", None, "999"),
            ],
        ),
    ] {
        passes(x(), &good);
    }
    for (bad, words) in [
        (post(json!({"text": "a", "txet": "b"})), "txet"),
        (post(json!({"text": 5})), "/text"),
        (
            post(json!({"text": "a", "media": {"media_ids": ["1", "2", "3", "4", "5"]}})),
            "media_ids",
        ),
        (
            post(json!({"text": "a", "poll": {"options": ["b"], "duration_minutes": 5}})),
            "options",
        ),
        (
            post(json!({"text": "a", "poll": {"options": ["b", "c"], "duration_minutes": 4}})),
            "duration",
        ),
        (
            post(json!({"text": "a", "reply_settings": "everyone"})),
            "reply_settings",
        ),
        (
            request("POST https://api.x.com/2/tweets", "application/json", ""),
            "missing",
        ),
        (
            request("POST https://api.x.com/2/tweets", "application/json", "{"),
            "no JSON",
        ),
        (
            request("POST https://api.x.com/2/tweets", "text/plain", "salam"),
            "text/plain",
        ),
        (get("/2/tweet/5"), "no such method and path"),
        (
            request("PUT https://api.x.com/2/tweets", "", ""),
            "no such method and path",
        ),
        (
            get("/2/tweets?tweet.fields=public_metrics"),
            "`ids` is missing",
        ),
        (
            get("/2/tweets?ids=1&post.fields=public_metrics"),
            "post.fields",
        ),
        (
            get("/2/tweets?ids=1&tweet.fields=public_metrics,likes"),
            "likes",
        ),
        (get("/2/users/12/tweets?max_results=4"), "max_results"),
        (get("/2/users/12/tweets?max_results=five"), "max_results"),
        (get("/2/users/brand/tweets"), "`id`"),
        (
            multipart(
                "POST https://api.x.com/2/media/upload",
                &[("media", Some("a.png"), "bytes")],
            ),
            "media_category",
        ),
        (
            multipart(
                "POST https://api.x.com/2/media/upload/12/append",
                &[
                    ("media", Some("a.mp4"), "bytes"),
                    ("segment_index", None, "1000"),
                ],
            ),
            "segment_index",
        ),
        (
            multipart(
                "POST https://api.x.com/2/media/upload/12/append",
                &[
                    ("media", Some("a"), ""),
                    ("segment_index", None, "0"),
                    ("total", None, "1"),
                ],
            ),
            "total",
        ),
    ] {
        fails(x(), &bad, words);
    }
}

#[test]
fn requests_to_mastodon() {
    if read("mastodon/openapi.json").is_none() {
        return;
    }
    let line = "POST https://social.example/api/v1/statuses";
    let form = "application/x-www-form-urlencoded";
    let get = |rest: &str| request(&format!("GET https://social.example{rest}"), "", "");
    for good in [
        json_body(
            line,
            &json!({"status": "a", "media_ids": ["1"], "sensitive": true}),
        ),
        request(
            line,
            form,
            "status=a&poll[options][]=b&poll[options][]=c&poll[expires_in]=300",
        ),
        get("/api/v1/notifications?types[]=mention&types[]=reblog&limit=30"),
        get("/api/v1/accounts/verify_credentials"),
        multipart(
            "POST https://social.example/api/v2/media",
            &[
                ("file", Some("a.png"), "bytes"),
                ("description", None, "tea"),
            ],
        ),
    ] {
        passes(mastodon(), &good);
    }
    for (bad, words) in [
        (
            json_body(line, &json!({"status": "a", "visibility": "friends"})),
            "body",
        ),
        (
            json_body(line, &json!({"status": "a", "text": "b"})),
            "text",
        ),
        (
            request(
                line,
                form,
                "status=a&poll[options][]=b&poll[expires_in]=soon",
            ),
            "body",
        ),
        (request(line, form, "status=a&status[b]=c"), "twice"),
        (get("/api/v1/notifications?limit=many"), "limit"),
        (get("/api/v1/notifications?kinds[]=mention"), "kinds"),
        (get("/api/v1/nothing"), "no such method and path"),
        (
            multipart(
                "POST https://social.example/api/v2/media",
                &[("description", None, "a")],
            ),
            "file",
        ),
    ] {
        fails(mastodon(), &bad, words);
    }
}

#[test]
fn requests_to_discord() {
    if read("discord/openapi.json").is_none() {
        return;
    }
    let line = "POST https://discord.com/api/v10/webhooks/123456789012345678/token?wait=true";
    let hook = |body: Value| json_body(line, &body);
    for good in [
        hook(json!({"content": "salam", "embeds": [{"title": "a"}]})),
        hook(json!({"content": "salam", "allowed_mentions": {"parse": []}})),
        hook(
            json!({"poll": {"question": {"text": "a"}, "answers": [{"poll_media": {"text": "b"}}]}}),
        ),
        multipart(
            line,
            &[
                (
                    "payload_json",
                    None,
                    r#"{"attachments": [{"id": "0", "description": "tea"}]}"#,
                ),
                ("files[0]", Some("a.png"), "bytes"),
            ],
        ),
    ] {
        passes(discord(), &good);
    }
    for (bad, words) in [
        (hook(json!({"content": "a".repeat(2001)})), "/content"),
        (hook(json!({"contents": "a"})), "contents"),
        (
            hook(json!({"content": "a", "embeds": [{"headline": "a"}]})),
            "headline",
        ),
        (hook(json!({"content": "a", "embeds": "b"})), "embeds"),
        (
            json_body(
                "POST https://discord.com/webhooks/1/t",
                &json!({"content": "a"}),
            ),
            "no such",
        ),
        (
            json_body(&line.replace("true", "yes"), &json!({"content": "a"})),
            "wait",
        ),
        (
            multipart(line, &[("payload_json", None, "{")]),
            "payload_json",
        ),
        (
            multipart(
                line,
                &[("payload_json", None, "{}"), ("content", None, "a")],
            ),
            "beside",
        ),
        (
            multipart(
                line,
                &[("payload_json", None, "{}"), ("files[0]", None, "a")],
            ),
            "file name",
        ),
    ] {
        fails(discord(), &bad, words);
    }
}

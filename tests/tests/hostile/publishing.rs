//! A crash in the middle of what can't be taken back: the host says what has left.

use jarchi::plugin::CallError;
use serde_json::json;

use super::stage::{SPAN, on_stage};
use super::web::Web;

#[test]
fn what_has_left_is_known_after_a_crash() {
    on_stage(|stage| async move {
        let web = Web::start().await;
        for (method, url, sent) in [
            ("POST", web.url("/statuses"), true),
            ("PATCH", web.url("/statuses/1"), true),
            ("DELETE", web.url("/statuses/1"), true),
            ("GET", web.url("/statuses"), false),
            ("HEAD", web.url("/statuses"), false),
            // Refused before anything left.
            ("POST", "https://not-granted.example/".to_owned(), false),
            ("POST", "https://inside.example/".to_owned(), false),
        ] {
            let body = if method == "GET" || method == "HEAD" {
                ""
            } else {
                "{}"
            };
            let before = web.asked().len();
            let done = stage
                .call(json!({
                    "do": "request-and-panic",
                    "method": method,
                    "url": url,
                    "body": body,
                }))
                .with(&web)
                .grant("inside.example", false, false)
                .publish()
                .await;
            let Err(error @ CallError::Trap(trap)) = &done.0.result else {
                panic!("no crash: {done:?}")
            };
            assert_eq!(error.requests_sent(), sent, "{method} {url}");
            assert_eq!(done.0.requests_sent, sent, "{method} {url}");
            assert!(done.passed_through("fall_over"), "{trap:#}");
            let asked = web.asked().len() - before;
            assert_eq!(
                asked,
                usize::from(url.starts_with("http:")),
                "{method} {url}"
            );
        }
    });
}

#[test]
fn what_has_left_is_known_when_the_server_falls_silent() {
    on_stage(|stage| async move {
        let web = Web::start().await;
        for (method, sent) in [("POST", true), ("GET", false)] {
            let body = if sent { "{}" } else { "" };
            let done = stage
                .call(json!({
                    "do": "request-and-panic",
                    "method": method,
                    "url": web.url("/never"),
                    "body": body,
                }))
                .with(&web)
                .limits(|limits| limits.wall = SPAN(300))
                .publish()
                .await;
            assert!(done.0.result.is_err());
            assert_eq!(done.0.requests_sent, sent, "{method}");
        }
    });
}

#[test]
fn what_has_left_is_known_when_nobody_listens() {
    on_stage(|stage| async move {
        let web = Web::start().await;
        // A port that was free a moment ago.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let url = format!("http://{address}/statuses");
        let done = stage
            .call(json!({ "do": "request", "method": "POST", "url": url, "body": "{}" }))
            .with(&web)
            .setting("other", url.clone())
            .grant(&address.to_string(), true, true)
            .publish()
            .await;
        assert_eq!(done.refusal().0, "not-sent");
        assert!(!done.0.requests_sent);
    });
}

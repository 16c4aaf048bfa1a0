//! What refusals mean, of a status, of a file, of a part.

#![allow(clippy::expect_used, reason = "a test may panic")]

mod common;

use common::{Host, delivery, image, line, publish, state, status};
use jarchi_plugin_sdk::http::HttpError;
use jarchi_plugin_sdk::testing::Answer;
use jarchi_plugin_sdk::{Error, Post, ThreadPart};
use serde_json::json;

/// The answers to a status, and what they mean.
#[test]
fn refusals_of_a_status() {
    let answered =
        |status: u16, words: &str| format!("publishing: social.example answered {status}{words}");
    let html = "<!DOCTYPE html><html><head><title>We're sorry</title></head></html>";
    let rows = [
        (
            Answer::json(401, &json!({"error": "The access token is invalid"})),
            Error::unauthorized(answered(401, ": The access token is invalid")),
        ),
        (
            Answer::json(
                403,
                &json!({"error": "This action is outside the authorized scopes"}),
            ),
            Error::unauthorized(answered(
                403,
                ": This action is outside the authorized scopes",
            )),
        ),
        (
            Answer::json(
                422,
                &json!({"error": "Validation failed: Text limit of 500 exceeded"}),
            ),
            Error::invalid(answered(
                422,
                ": Validation failed: Text limit of 500 exceeded",
            )),
        ),
        (
            Answer::json(422, &json!({"error": "a", "error_description": "b"})),
            Error::invalid(answered(422, ": a: b")),
        ),
        (Answer::empty(404), Error::invalid(answered(404, ""))),
        (
            Answer::empty(429).header("X-RateLimit-Reset", "2026-11-24T08:05:00.123456Z"),
            Error::RateLimited(Some(300_123)),
        ),
        (
            Answer::new(500, "text/html", html),
            Error::unknown_outcome(answered(500, ": We're sorry")),
        ),
        (
            Answer::empty(503),
            Error::unknown_outcome(answered(503, "")),
        ),
        (
            Answer::error(HttpError::NoAnswer("timed out".into())),
            Error::unknown_outcome("timed out"),
        ),
        (
            Answer::error(HttpError::NotSent("no route".into())),
            Error::transient("no route"),
        ),
        (
            Answer::error(HttpError::Paced(700)),
            Error::RateLimited(Some(700)),
        ),
        (
            Answer::error(HttpError::MissingSecret("token".into())),
            Error::unauthorized("there is no secret `token`"),
        ),
    ];
    for (answer, error) in rows {
        let host = Host::new();
        host.expect(line("POST", "/api/v1/statuses"), answer.clone());
        let (_, refused) = publish(&delivery(Post::text("one")));
        assert_eq!(refused, Err(error), "{answer:?}");
    }
    // It was taken, and nobody knows as what.
    for body in ["<html>", "", "{}", r#"{"id": 5}"#] {
        let host = Host::new();
        host.expect(
            line("POST", "/api/v1/statuses"),
            Answer::new(200, "application/json", body),
        );
        let (_, strange) = publish(&delivery(Post::text("one")));
        assert!(
            matches!(strange, Err(Error::UnknownOutcome(_))),
            "{body}: {strange:?}"
        );
    }
}

/// Nothing is out before the first status: whatever happens to a file can be repeated.
#[test]
fn refusals_of_a_file() {
    let rows = [
        (
            Answer::empty(500),
            Error::transient("uploading a.png: social.example answered 500"),
        ),
        (
            Answer::error(HttpError::NoAnswer("reset".into())),
            Error::transient("uploading a.png: reset"),
        ),
        (
            Answer::json(
                422,
                &json!({"error": "Validation failed: File content type is invalid"}),
            ),
            Error::invalid(
                "uploading a.png: social.example answered 422: Validation failed: File content type is invalid",
            ),
        ),
        (
            Answer::empty(413),
            Error::invalid("uploading a.png: social.example answered 413"),
        ),
    ];
    for (answer, error) in rows {
        let host = Host::new();
        host.expect(line("POST", "/api/v2/media"), answer);
        let post = Post {
            media: vec![image("a.png")],
            ..Post::text("one")
        };
        assert_eq!(publish(&delivery(post)).1, Err(error));
    }
    let host = Host::new();
    host.expect(
        line("POST", "/api/v2/media"),
        Answer::json(202, &json!({"id": "m"})),
    )
    .expect(
        line("GET", "/api/v1/media/m"),
        Answer::json(422, &json!({"error": "Error processing thumbnail"})),
    );
    let post = Post {
        media: vec![image("a.png")],
        ..Post::text("one")
    };
    assert_eq!(
        publish(&delivery(post)).1,
        Err(Error::invalid(
            "processing a.png: social.example answered 422: Error processing thumbnail"
        ))
    );
}

#[test]
fn a_refused_part_keeps_those_before_it_in_the_state() {
    let host = Host::new();
    let post = Post {
        thread: vec![ThreadPart::text("two")],
        ..Post::text("one")
    };
    host.expect(
        line("POST", "/api/v1/statuses"),
        Answer::json(200, &status("1")),
    )
    .expect(line("POST", "/api/v1/statuses"), Answer::empty(502));
    let (steps, refused) = publish(&delivery(post));
    assert_eq!(
        refused,
        Err(Error::unknown_outcome(
            "publishing thread[0]: social.example answered 502"
        ))
    );
    assert_eq!(state(&steps[0]).parts, ["1"]);
}

//! Meta's Graph API: errors, usage headers, times and pages.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use jarchi_plugin_sdk::Error;
use jarchi_plugin_sdk::graph::{self, Graph};
use jarchi_plugin_sdk::http::HttpError;
use jarchi_plugin_sdk::testing::{Answer, Host};
use serde_json::{Value, json};

const URL: &str = "POST https://graph.example/v25.0/1/feed";

fn api() -> Graph {
    Graph::new("https://graph.example/", "v25.0", "token")
}

fn refused(status: u16, error: Value) -> Answer {
    Answer::json(status, &json!({ "error": error }))
}

fn kind(error: &Error) -> &'static str {
    match error {
        Error::RateLimited(_) => "wait",
        Error::Unauthorized(_) => "connect",
        Error::Invalid(_) => "never",
        Error::Transient(_) => "again",
        Error::UnknownOutcome(_) => "unsure",
        Error::Unsupported(_) => "unsupported",
    }
}

/// What each error means, harmless to repeat and not.
#[test]
fn errors() {
    let code = |code: i64| json!({ "code": code, "message": "No." });
    let subcode = |code: i64, subcode: i64| json!({ "code": code, "error_subcode": subcode, "message": "No." });
    for (status, error, read, commit) in [
        (400, code(100), "never", "never"),
        (400, subcode(100, 33), "never", "never"),
        (400, code(190), "connect", "connect"),
        (400, subcode(190, 460), "connect", "connect"),
        (403, code(200), "connect", "connect"),
        (403, code(10), "connect", "connect"),
        (400, code(4), "wait", "wait"),
        (400, code(80_002), "wait", "wait"),
        (400, code(368), "wait", "wait"),
        (400, code(506), "never", "never"),
        (500, code(1), "again", "unsure"),
        (503, code(2), "again", "unsure"),
        (400, subcode(-1, 2_207_053), "again", "again"),
        (400, subcode(9007, 2_207_027), "again", "again"),
        (400, subcode(36_003, 2_207_009), "never", "never"),
        (
            400,
            json!({ "code": 99, "is_transient": true, "message": "No." }),
            "again",
            "unsure",
        ),
        // An error inside of a success.
        (200, code(100), "never", "never"),
    ] {
        let host = Host::new();
        host.expect(URL, refused(status, error.clone()));
        host.expect(URL, refused(status, error.clone()));
        let told = graph::read(api().post("/1/feed")).unwrap_err();
        assert_eq!(kind(&told), read, "{error}: {told:?}");
        let told = graph::commit(api().post("/1/feed")).unwrap_err();
        assert_eq!(kind(&told), commit, "{error}: {told:?}");
    }
}

#[test]
fn no_answer() {
    for (error, read, commit) in [
        (HttpError::NoAnswer("reset".into()), "again", "unsure"),
        (HttpError::NotSent("no connection".into()), "again", "again"),
        (HttpError::Paced(5), "wait", "wait"),
        (
            HttpError::MissingSecret("token".into()),
            "connect",
            "connect",
        ),
    ] {
        let host = Host::new();
        host.expect(URL, Answer::error(error.clone()));
        host.expect(URL, Answer::error(error.clone()));
        assert_eq!(
            kind(&graph::read(api().post("/1/feed")).unwrap_err()),
            read,
            "{error:?}"
        );
        assert_eq!(
            kind(&graph::commit(api().post("/1/feed")).unwrap_err()),
            commit,
            "{error:?}"
        );
    }
}

#[test]
fn the_words_are_the_platforms_own() {
    let host = Host::new();
    let error = json!({ "code": 100, "error_subcode": 2_207_010, "message": "Invalid parameter",
        "error_user_title": "Caption too long", "error_user_msg": "Shorten it.", "fbtrace_id": "Abc" });
    host.expect(URL, refused(400, error));
    let told = graph::read(api().post("/1/feed")).unwrap_err();
    assert_eq!(
        told,
        Error::invalid("Caption too long: Shorten it. (error 100/2207010, trace Abc)")
    );
}

#[test]
fn the_wait_is_that_of_the_usage_headers() {
    let host = Host::new();
    let usage = r#"{"17":[{"type":"instagram","call_count":100,"total_cputime":5,"total_time":9,"estimated_time_to_regain_access":7}]}"#;
    let answer = refused(400, json!({ "code": 80_002, "message": "Too many calls" }));
    host.expect(URL, answer.header("x-business-use-case-usage", usage));
    let told = graph::read(api().post("/1/feed")).unwrap_err();
    assert_eq!(told, Error::RateLimited(Some(7 * 60_000)));
}

#[test]
fn times() {
    for (text, moment) in [
        ("1970-01-01T00:00:01+0000", Some(1000)),
        ("1970-01-01T02:00:01+0200", Some(1000)),
        ("1970-01-01T00:00:01Z", Some(1000)),
        ("1700000000", Some(1_700_000_000_000)),
        ("yesterday", None),
        ("é", None),
        ("", None),
    ] {
        assert_eq!(graph::moment(text), moment, "{text}");
    }
}

/// The next page's address has the token in it: only its cursor is taken over.
#[test]
fn pages_keep_their_own_token() {
    let host = Host::new();
    let next = "https://graph.example/v25.0/1/feed?access_token=EAAG&limit=2&after=xyz";
    host.expect(
        "GET https://graph.example/v25.0/1/feed?limit=2",
        Answer::json(
            200,
            &json!({ "data": [1, 2], "paging": { "next": next, "cursors": { "after": "xyz" } } }),
        ),
    );
    host.expect(
        "GET https://graph.example/v25.0/1/feed?limit=2&after=xyz",
        Answer::json(200, &json!({ "data": [3] })),
    );
    let mut pages = graph::pages::<i64>(api().get("/1/feed").query("limit", 2), 5);
    let all: Vec<i64> = pages.by_ref().flat_map(|page| page.unwrap()).collect();
    assert_eq!(all, [1, 2, 3]);
    assert!(!pages.more());
    for request in host.requests() {
        assert_eq!(
            request.header("authorization"),
            Some("Bearer ${secret:token}")
        );
    }
}

#[test]
fn pages_end_at_their_bound() {
    let host = Host::new();
    let next = "https://graph.example/v25.0/1/feed?after=xyz";
    host.expect(
        "GET https://graph.example/v25.0/1/feed",
        Answer::json(200, &json!({ "data": [1], "paging": { "next": next } })),
    );
    let mut pages = graph::pages::<i64>(api().get("/1/feed"), 1);
    assert_eq!(pages.by_ref().count(), 1);
    assert!(pages.more());
}

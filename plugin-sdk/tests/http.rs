//! What a request looks like when it leaves, and what its answer means.

use jarchi_plugin_sdk::http::{self, HttpError, Multipart, Part, PartBody};
use jarchi_plugin_sdk::testing::{Answer, Host, START};
use jarchi_plugin_sdk::{Error, kv, log};
use serde_json::json;

const URL: &str = "https://example.org/x";

fn read(answer: Answer) -> Result<u16, Error> {
    let host = Host::new();
    host.expect(format!("GET {URL}"), answer);
    http::get(URL).read().map(|response| response.status)
}

fn commit(answer: Answer) -> Result<u16, Error> {
    let host = Host::new();
    host.expect(format!("POST {URL}"), answer);
    http::post(URL).commit().map(|response| response.status)
}

fn says(status: u16) -> String {
    format!("example.org answered {status}")
}

#[test]
fn statuses() {
    type Row = (u16, Result<u16, Error>, Result<u16, Error>);
    let rows: Vec<Row> = vec![
        (200, Ok(200), Ok(200)),
        (202, Ok(202), Ok(202)),
        (304, Ok(304), Err(Error::invalid(says(304)))),
        (
            400,
            Err(Error::invalid(says(400))),
            Err(Error::invalid(says(400))),
        ),
        (
            401,
            Err(Error::unauthorized(says(401))),
            Err(Error::unauthorized(says(401))),
        ),
        (
            403,
            Err(Error::unauthorized(says(403))),
            Err(Error::unauthorized(says(403))),
        ),
        (
            404,
            Err(Error::invalid(says(404))),
            Err(Error::invalid(says(404))),
        ),
        (
            408,
            Err(Error::transient(says(408))),
            Err(Error::unknown_outcome(says(408))),
        ),
        (
            422,
            Err(Error::invalid(says(422))),
            Err(Error::invalid(says(422))),
        ),
        (
            425,
            Err(Error::transient(says(425))),
            Err(Error::transient(says(425))),
        ),
        (
            429,
            Err(Error::RateLimited(None)),
            Err(Error::RateLimited(None)),
        ),
        (
            500,
            Err(Error::transient(says(500))),
            Err(Error::unknown_outcome(says(500))),
        ),
        (
            503,
            Err(Error::transient(says(503))),
            Err(Error::unknown_outcome(says(503))),
        ),
        (
            599,
            Err(Error::transient(says(599))),
            Err(Error::unknown_outcome(says(599))),
        ),
    ];
    for (status, of_read, of_commit) in rows {
        assert_eq!(read(Answer::empty(status)), of_read, "reading, {status}");
        assert_eq!(
            commit(Answer::empty(status)),
            of_commit,
            "committing, {status}"
        );
    }
}

#[test]
fn no_answer() {
    let reason = || String::from("why");
    for (error, of_read, of_commit) in [
        (
            HttpError::Denied(reason()),
            Error::Invalid(reason()),
            Error::Invalid(reason()),
        ),
        (
            HttpError::Invalid(reason()),
            Error::Invalid(reason()),
            Error::Invalid(reason()),
        ),
        (
            HttpError::MissingSecret("token".into()),
            Error::unauthorized("there is no secret `token`"),
            Error::unauthorized("there is no secret `token`"),
        ),
        (
            HttpError::Paced(5),
            Error::RateLimited(Some(5)),
            Error::RateLimited(Some(5)),
        ),
        (
            HttpError::NotSent(reason()),
            Error::Transient(reason()),
            Error::Transient(reason()),
        ),
        (
            HttpError::NoAnswer(reason()),
            Error::Transient(reason()),
            Error::UnknownOutcome(reason()),
        ),
        (
            HttpError::TooLarge(9),
            Error::invalid("the answer is longer than 9 bytes"),
            Error::unknown_outcome("the answer is longer than 9 bytes"),
        ),
    ] {
        assert_eq!(
            read(Answer::error(error.clone())),
            Err(of_read),
            "{error:?}"
        );
        assert_eq!(
            commit(Answer::error(error.clone())),
            Err(of_commit.clone()),
            "{error:?}"
        );
        assert_eq!(Error::from(error.clone()), of_commit, "{error:?}");
    }
}

#[test]
fn waits_in_every_form() {
    let in_90s = (START + 90_000) / 1000;
    for (name, value, wait) in [
        ("Retry-After", "90".to_owned(), Some(90_000)),
        ("retry-after", "0.25".to_owned(), Some(250)),
        (
            "retry-after",
            "Tue, 24 Nov 2026 08:01:30 GMT".to_owned(),
            Some(90_000),
        ),
        ("retry-after", "soon".to_owned(), None),
        ("retry-after", "-1".to_owned(), None),
        (
            "retry-after",
            "1e300".to_owned(),
            Some(366 * 24 * 3_600_000),
        ),
        ("x-ratelimit-reset", in_90s.to_string(), Some(90_000)),
        (
            "x-ratelimit-reset",
            (in_90s * 1000).to_string(),
            Some(90_000),
        ),
        (
            "x-ratelimit-reset",
            "2026-11-24T08:01:30.000000Z".to_owned(),
            Some(90_000),
        ),
        ("ratelimit-reset", "90".to_owned(), Some(90_000)),
        ("x-rate-limit-reset", (in_90s - 200).to_string(), Some(0)),
        ("x-ratelimit-reset-after", "1.5".to_owned(), Some(1500)),
        ("ratelimit", "90".to_owned(), None),
        ("ratelimit", "\"default\";r=0;t=50".to_owned(), Some(50_000)),
        (
            "ratelimit",
            "limit=100, remaining=0, reset=50".to_owned(),
            Some(50_000),
        ),
    ] {
        let limited = read(Answer::empty(429).header(name, &value));
        assert_eq!(limited, Err(Error::RateLimited(wait)), "{name}: {value}");
    }
    let both = Answer::empty(429)
        .header("x-ratelimit-reset", "600")
        .header("retry-after", "3");
    assert_eq!(read(both), Err(Error::RateLimited(Some(3000))));
    // A server that says when it is back is waited for; one that fails is not asked for
    // the end of its window.
    let busy = Answer::empty(503).header("retry-after", "30");
    assert_eq!(read(busy.clone()), Err(Error::RateLimited(Some(30_000))));
    assert_eq!(commit(busy), Err(Error::unknown_outcome(says(503))));
    let failing = Answer::empty(500).header("x-ratelimit-reset", "600");
    assert_eq!(read(failing), Err(Error::transient(says(500))));
}

#[test]
fn the_platforms_own_words() {
    let long = "ş".repeat(400);
    let cut = format!("{}…", "ş".repeat(300));
    for (body, words) in [
        (r#"{"error":"Validation failed"}"#, "Validation failed"),
        (
            r#"{"error":"invalid_grant","error_description":"Expired."}"#,
            "invalid_grant: Expired.",
        ),
        (
            r#"{"error":"InvalidRequest","message":"Too long"}"#,
            "InvalidRequest: Too long",
        ),
        (r#"{"error":{"message":"No","code":190}}"#, "No"),
        (r#"{"errors":[{"detail":"Duplicate"}]}"#, "Duplicate"),
        (
            r#"{"ok":false,"description":"chat not found"}"#,
            "chat not found",
        ),
        (r#"{"error":"same","message":"same"}"#, "same"),
        (r#""just words""#, "just words"),
        ("bad\n gateway", "bad gateway"),
        (
            "<!DOCTYPE html><html><head><title>502\nBad Gateway</title></head>",
            "502 Bad Gateway",
        ),
        (&long, &cut),
    ] {
        let answered = read(Answer::new(400, "text/html", body));
        assert_eq!(
            answered,
            Err(Error::invalid(format!("{}: {words}", says(400)))),
            "{body}"
        );
    }
    for body in [
        "",
        "{}",
        "[]",
        "null",
        "<html><body>no title",
        "<title>",
        r#"{"error":""}"#,
    ] {
        assert_eq!(
            read(Answer::new(400, "x", body)),
            Err(Error::invalid(says(400))),
            "{body}"
        );
    }
}

#[test]
fn a_body_of_another_shape() {
    let host = Host::new();
    host.serve(|_| Answer::new(200, "text/html", "<html>"));
    let read = http::get(URL).read().unwrap().json::<serde_json::Value>();
    assert!(matches!(read, Err(Error::Transient(_))), "{read:?}");
    let commit = http::post(URL)
        .commit()
        .unwrap()
        .json::<serde_json::Value>();
    assert!(
        matches!(commit, Err(Error::UnknownOutcome(_))),
        "{commit:?}"
    );
}

#[test]
fn secrets_in_the_address_and_signatures() {
    let host = Host::new();
    host.serve(|_| Answer::empty(200));
    http::get(format!("{URL}#c"))
        .query("q", "${secret:token}")
        .query_secret("access_token", "token")
        .query("n", 5)
        .header("x-signature", format!("v1,{}", http::signature("key")))
        .read()
        .unwrap();
    let sent = &host.requests()[0];
    assert_eq!(
        sent.url,
        format!("{URL}?q=%24%7Bsecret%3Atoken%7D&access_token=${{secret:token}}&n=5#c")
    );
    assert_eq!(sent.header("x-signature"), Some("v1,${hmac-sha256:key}"));
}

#[test]
fn what_leaves() {
    let host = Host::new();
    host.serve(|_| Answer::empty(200));
    http::get(URL)
        .query("q", "çay & su")
        .query("n", 5)
        .header("accept", "*/*")
        .read()
        .unwrap();
    http::get(format!("{URL}?a=b#c"))
        .query("d", "")
        .read()
        .unwrap();
    http::post(URL)
        .bearer("token")
        .json(&json!({"a": [1]}))
        .commit()
        .unwrap();
    http::put(URL)
        .form([("a b", "c=d&ş"), ("p", "${secret:pass} ${x}")])
        .commit()
        .unwrap();
    http::patch(URL)
        .media("image/png", "file-1")
        .commit()
        .unwrap();
    let parts =
        Multipart::new()
            .text("description", "şəkil")
            .media("file", "a.png", "image/png", "file-1");
    http::delete(URL)
        .multipart(parts)
        .timeout(50)
        .commit()
        .unwrap();
    let [query, more, json, form, media, multipart] = &host.requests()[..] else {
        panic!("six requests")
    };
    assert_eq!(
        query.to_string(),
        format!("GET {URL}?q=%C3%A7ay%20%26%20su&n=5")
    );
    assert_eq!(query.header("Accept"), Some("*/*"));
    assert_eq!(more.url, format!("{URL}?a=b&d=#c"));
    assert_eq!(json.header("authorization"), Some("Bearer ${secret:token}"));
    assert_eq!(json.header("content-type"), Some("application/json"));
    assert_eq!(json.json(), json!({"a": [1]}));
    assert_eq!(
        String::from_utf8_lossy(form.bytes()),
        "a%20b=c%3Dd%26%C5%9F&p=${secret:pass}%20%24%7Bx%7D"
    );
    assert_eq!(media.header("content-type"), Some("image/png"));
    assert!(matches!(&media.body, http::Body::Media(slice) if slice.id == "file-1"));
    assert_eq!(multipart.part_text("description"), "şəkil");
    assert_eq!(multipart.header("content-type"), None);
    assert_eq!(
        multipart.part("file"),
        &Part {
            name: "file".into(),
            filename: Some("a.png".into()),
            content_type: Some("image/png".into()),
            body: PartBody::Media(http::MediaSlice {
                id: "file-1".into(),
                offset: 0,
                length: None
            }),
        }
    );
}

#[test]
fn pages_by_link_header() {
    let host = Host::new();
    let base = "https://example.org/api/list?limit=2";
    host.expect(
        format!("GET {base}"),
        Answer::json(200, &[1, 2]).header(
            "link",
            r#"<https://example.org/api/list?since=2>; rel="prev", </api/list?max=2>; rel="next""#,
        ),
    );
    host.expect(
        "GET https://example.org/api/list?max=2",
        Answer::json(200, &[3])
            .header("link", r#"<?max=3>; title="a, b; rel=x"; rel="first next""#),
    );
    host.expect(
        "GET https://example.org/api/list?max=3",
        Answer::json(200, &[4; 0]),
    );
    let mut pages = http::pages(http::get(base).bearer("token"), 10);
    let numbers: Vec<Vec<u32>> = pages
        .by_ref()
        .map(|page| page.unwrap().json().unwrap())
        .collect();
    assert_eq!(numbers, [vec![1, 2], vec![3], vec![]]);
    assert!(!pages.more());
    assert!(
        host.requests()
            .iter()
            .all(|request| request.header("authorization").is_some())
    );
}

#[test]
fn pages_end_at_their_bound_and_at_a_fault() {
    let host = Host::new();
    host.serve(|request| {
        let next = format!("<{}x>; rel=next", request.url);
        Answer::empty(if request.url.ends_with("xxx") {
            500
        } else {
            200
        })
        .header("link", &next)
    });
    let mut pages = http::pages(http::get(URL), 2);
    assert_eq!(pages.by_ref().filter(Result::is_ok).count(), 2);
    assert!(pages.more());
    let mut pages = http::pages(http::get(URL), 9);
    assert_eq!(
        pages.by_ref().map(|page| page.is_ok()).collect::<Vec<_>>(),
        [true, true, false]
    );
    host.serve(|request| {
        Answer::empty(200).header("link", &format!("<{}>; rel=next", request.url))
    });
    assert_eq!(http::pages(http::get(URL), 9).count(), 1);
}

#[test]
fn pages_by_cursor() {
    let mut asked = Vec::new();
    let mut pages = http::cursors(10, |cursor| {
        asked.push(cursor.map(str::to_owned));
        let next = (asked.len() < 3).then(|| asked.len().to_string());
        Ok((asked.len(), next))
    });
    assert_eq!(
        pages.by_ref().collect::<Result<Vec<_>, _>>(),
        Ok(vec![1, 2, 3])
    );
    assert!(!pages.more());
    assert_eq!(asked, [None, Some("1".into()), Some("2".into())]);

    let mut endless = 0;
    let mut pages = http::cursors(4, |_| {
        endless += 1;
        Ok((endless, Some(endless.to_string())))
    });
    assert_eq!(pages.by_ref().count(), 4);
    assert!(pages.more());

    let mut stuck = http::cursors(9, |_| Ok(((), Some("same".into()))));
    assert_eq!(stuck.by_ref().count(), 2);
    let mut failing = http::cursors(9, |_| Err::<((), _), _>(Error::transient("no")));
    assert_eq!(failing.by_ref().count(), 1);
}

#[test]
fn memory_is_typed_bounded_and_kept_for_a_time() {
    let host = Host::new();
    kv::set("a", &("x", 1)).unwrap();
    assert_eq!(kv::get("a"), Ok(Some(("x".to_owned(), 1))));
    assert_eq!(kv::get::<u8>("a"), Ok(None));
    assert!(host.logs()[0].1.contains("not readable any more"));
    assert_eq!(kv::get::<u8>("b"), Ok(None));
    assert!(matches!(kv::get::<u8>(""), Err(kv::Error::InvalidKey(_))));
    assert!(matches!(
        kv::get::<u8>(&"k".repeat(257)),
        Err(kv::Error::InvalidKey(_))
    ));
    kv::set("ab", &1).unwrap();
    assert_eq!(kv::keys("a"), Ok(vec!["a".into(), "ab".into()]));
    kv::delete("a").unwrap();
    assert_eq!(kv::keys(""), Ok(vec!["ab".into()]));

    let made = |value: u8| kv::cached("c", 1000, || Ok::<_, Error>(value)).unwrap();
    assert_eq!(made(1), 1);
    host.advance(999);
    assert_eq!(made(2), 1);
    host.advance(1);
    assert_eq!(made(3), 3);
    // A clock that was set back does not keep it for longer.
    host.set_now(0);
    assert_eq!(made(4), 4);

    host.kv_quota(10);
    assert_eq!(kv::set("big", &"123456"), Err(kv::Error::Quota(10)));
    assert_eq!(
        kv::cached("d", 1000, || Ok::<_, Error>("123456789".to_owned())).unwrap(),
        "123456789"
    );
}

#[test]
fn the_log_has_levels_and_fields() {
    let host = Host::new();
    let count = 2;
    log::info!("{count} items");
    log::warn!(status = 500, url = URL; "passed {}", "over");
    assert_eq!(
        host.logs(),
        [
            (log::Level::Info, "2 items".to_owned()),
            (
                log::Level::Warn,
                format!("passed over status=500 url={URL}")
            ),
        ]
    );
}

#[test]
#[should_panic(expected = "another request was expected")]
fn an_unexpected_request_fails_the_test() {
    let host = Host::new();
    host.expect("GET https://example.org/y", Answer::empty(200));
    let _ = http::get(URL).read();
}

#[test]
#[should_panic(expected = "expected and not made")]
fn a_request_that_is_not_made_fails_the_test() {
    let host = Host::new();
    host.expect("GET https://example.org/y", Answer::empty(200));
}

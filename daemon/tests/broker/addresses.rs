//! Secrets in the address: filled at the declared places, and told nowhere.

use std::io::Write;
use std::sync::{Arc, Mutex};

use axum::response::{IntoResponse as _, Response};
use jarchi::plugin::broker::Error;
use tracing_subscriber::fmt::MakeWriter;

use crate::world::{
    Asker, Site, World, assert_denied, body, get, ok, plain, post, redirect, script, with_headers,
};

const TOKEN: &str = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw";
/// As it stands in a query.
const KEY: &str = "k&y=/ä+1";
const KEY_ENCODED: &str = "k%26y%3D%2F%C3%A4%2B1";

fn url(site: &Site, path: &str) -> String {
    format!("http://api.example.org:{}{path}", site.port())
}

/// An asker for these sites, whose secrets belong to the first.
fn asker(site: &Site, others: &[&str]) -> Asker {
    let own = format!("api.example.org:{}", site.port());
    let mut hosts = vec![own.as_str()];
    hosts.extend(others);
    Asker::of(&hosts)
        .manifest(&format!(
            "[secrets.token]\nplace = [{{ url = true, path = \"/bot${{secret:token}}/*\", hosts = [\"{own}\"] }}]\n\
             [secrets.key]\nplace = [{{ url = true, method = \"GET\", path = \"/v1/*\", parameter = \"key\", hosts = [\"{own}\"] }}]\n\
             [secrets.header]\nplace = [{{ header = \"authorization\" }}]\n"
        ))
        .secret("token", TOKEN)
        .secret("key", KEY)
        .secret("header", "only-in-a-header")
}

/// Everything that is logged on this thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn listen() -> (Self, tracing::subscriber::DefaultGuard) {
        let log = Log::default();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_writer(log.clone())
            .with_ansi(false)
            .finish();
        (log, tracing::subscriber::set_default(subscriber))
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Log;

    fn make_writer(&'a self) -> Log {
        self.clone()
    }
}

#[track_caller]
fn assert_silent(text: &str) {
    for form in [
        TOKEN,
        "AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw",
        KEY,
        KEY_ENCODED,
        "only-in-a",
    ] {
        assert!(!text.contains(form), "{form} in {text}");
    }
}

#[tokio::test]
async fn a_secret_stands_in_the_path_and_in_the_query() {
    let world = World::new();
    let (log, _guard) = Log::listen();
    let site = plain(script(|seen| seen.uri.to_string().into_response())).await;
    let asker = asker(&site, &[]);
    let sent = post(
        &url(&site, "/bot${secret:token}/sendMessage?a=b"),
        "application/json",
        "{}",
    );
    let answer = world.send(&asker, sent).await.unwrap();
    let read = get(&url(&site, "/v1/me?fields=id&key=${secret:key}"));
    let second = world.send(&asker, read).await.unwrap();

    let seen = site.seen();
    assert_eq!(
        seen[0].uri.to_string(),
        format!("/bot{TOKEN}/sendMessage?a=b")
    );
    assert_eq!(
        seen[1].uri.to_string(),
        format!("/v1/me?fields=id&key={KEY_ENCODED}")
    );
    let query = seen[1].uri.query().unwrap();
    let pairs: Vec<_> = url::form_urlencoded::parse(query.as_bytes()).collect();
    assert_eq!(pairs[1].1, KEY, "a server reads what the operator gave");

    // The server echoed it, and the plugin is told the address.
    assert_eq!(body(&answer), "/bot${secret:token}/sendMessage?a=b");
    assert_eq!(
        answer.url,
        url(&site, "/bot${secret:token}/sendMessage?a=b")
    );
    assert_eq!(second.url, url(&site, "/v1/me?fields=id&key=${secret:key}"));
    assert_silent(body(&second));
    assert!(
        log.text().contains("/bot${secret:token}/sendMessage"),
        "{}",
        log.text()
    );
    assert_silent(&log.text());
}

#[tokio::test]
async fn errors_and_their_log_are_silent() {
    let world = World::new();
    let (log, _guard) = Log::listen();
    // Nobody listens there any more.
    let gone = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let broken = plain(script(|_| {
        Response::new(crate::world::streamed(vec!["half".into()], true))
    }))
    .await;
    let refused = plain(script(|seen| {
        let mut answer = with_headers(404, &[], "");
        *answer.body_mut() = format!("no such thing: {}", seen.uri).into();
        answer
    }))
    .await;
    let path = "/bot${secret:token}/getMe";

    let answer = world
        .get(&asker(&refused, &[]), &url(&refused, path))
        .await
        .unwrap();
    assert_eq!(
        (answer.status, body(&answer)),
        (404, "no such thing: /bot${secret:token}/getMe")
    );
    let error = world
        .get(&asker(&broken, &[]), &url(&broken, path))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::NoAnswer(_)), "{error:?}");
    assert_silent(&error.to_string());

    let mut nobody = refused.clone();
    nobody.address.set_port(gone);
    let error = world
        .get(&asker(&nobody, &[]), &url(&nobody, path))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::NotSent(_)), "{error:?}");
    assert_silent(&error.to_string());
    assert_silent(&log.text());
}

#[tokio::test]
async fn places_are_kept() {
    let world = World::new();
    let site = plain(ok()).await;
    let other = format!("other.example.net:{}", site.port());
    let asker = asker(&site, &[&other]);
    for (address, words) in [
        (url(&site, "/x/bot${secret:token}/y"), "declares no place"),
        (url(&site, "/v1/me?q=${secret:key}"), "declares no place"),
        (url(&site, "/v2/me?key=${secret:key}"), "declares no place"),
        (
            url(&site, "/v1/me?key=${secret:token}"),
            "declares no place",
        ),
        (url(&site, "/v1/${secret:header}"), "declares no place"),
        (
            format!("http://{other}/bot${{secret:token}}/x"),
            "declares no place",
        ),
        (
            "http://${secret:token}.example.org/".to_owned(),
            "put a secret",
        ),
        (
            "http://${secret:token}@api.example.org/".to_owned(),
            "put a secret",
        ),
        (
            "${secret:token}://api.example.org/".to_owned(),
            "put a secret",
        ),
        (url(&site, "/v1/me?${secret:key}=1"), "put a secret"),
        (url(&site, "/v1/me?key=1#${secret:key}"), "put a secret"),
    ] {
        let outcome = world.get(&asker, &address).await;
        if let Err(error) = &outcome {
            assert_silent(&error.to_string());
        }
        assert_denied(outcome, words);
    }
    let posted = post(&url(&site, "/v1/me?key=${secret:key}"), "text/plain", "x");
    assert_denied(world.send(&asker, posted).await, "declares no place");
    assert_eq!(site.connections(), 0, "nothing of it was sent");
}

#[tokio::test]
async fn a_redirect_takes_no_secret_elsewhere() {
    let (log, _guard) = Log::listen();
    for (to, outcome) in [
        // Within the place it is filled again.
        ("/bot{TOKEN}/two".to_owned(), Ok(format!("/bot{TOKEN}/two"))),
        ("two".to_owned(), Ok(format!("/bot{TOKEN}/two"))),
        ("http://{OTHER}/plain".to_owned(), Ok("/plain".to_owned())),
        (
            "http://{OTHER}/bot{TOKEN}/x".to_owned(),
            Err("declares no place"),
        ),
        (
            "http://{OTHER}/?t={TOKEN}".to_owned(),
            Err("declares no place"),
        ),
        (
            format!("http://{{OTHER}}/?t={KEY_ENCODED}"),
            Err("with a secret"),
        ),
        (
            "http://{OTHER}/bot${secret:token}/x".to_owned(),
            Err("put a secret"),
        ),
        ("/v1/me?key=${secret:key}".to_owned(), Err("put a secret")),
    ] {
        let world = World::new();
        let second = plain(ok()).await;
        let other = format!("other.example.net:{}", second.port());
        let to = to.replace("{OTHER}", &other).replace("{TOKEN}", TOKEN);
        let location = to.clone();
        let first = plain(script(move |seen| {
            if seen.uri.path().ends_with("/one") {
                return redirect(307, &location);
            }
            "fine".into_response()
        }))
        .await;
        let answer = world
            .get(
                &asker(&first, &[&other]),
                &url(&first, "/bot${secret:token}/one"),
            )
            .await;
        match (answer, outcome) {
            (Ok(answer), Ok(path)) => {
                assert_silent(&answer.url);
                let last = first
                    .seen()
                    .into_iter()
                    .chain(second.seen())
                    .last()
                    .unwrap();
                assert_eq!(last.uri.to_string(), path, "{to}");
            }
            (Err(error), Err(words)) => {
                assert!(error.to_string().contains(words), "{to}: {error}");
                assert_silent(&error.to_string());
                assert_eq!(second.connections(), 0, "{to}");
            }
            (answer, outcome) => panic!("{to}: {answer:?}, not {outcome:?}"),
        }
    }
    assert_silent(&log.text());
}

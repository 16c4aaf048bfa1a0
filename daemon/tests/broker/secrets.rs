//! Where a secret may be put, and that it does not come back.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::response::IntoResponse as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use jarchi::plugin::broker::{Body, Error, Part, PartBody, Request, Secrets};
use secrecy::SecretString;

use crate::world::{
    Asker, Site, World, assert_denied, body, get, header, ok, plain, post, redirect, request,
    script, with_headers,
};

const TOKEN: &str = "t0ken/with+odd=\"letters\"";
const PASSWORD: &str = "pa\"ss & wörd";

async fn site_and_asker(world: &World) -> (Site, Asker) {
    let site = plain(ok()).await;
    let asker = asker(world, &site);
    (site, asker)
}

fn asker(_: &World, site: &Site) -> Asker {
    let (api, login) = (
        format!("api.example.org:{}", site.port()),
        format!("login.example.org:{}", site.port()),
    );
    Asker::of(&[&api, &login])
        .manifest(&format!(
            "[secrets.token]\nplace = [{{ header = \"authorization\", hosts = [\"{api}\"] }}]\n\
             [secrets.password]\nplace = [{{ body = true, method = \"POST\", path = \"/login\", \
             hosts = [\"{login}\"] }}]\n\
             [secrets.nowhere]\n\
             [secrets.absent]\nplace = [{{ header = \"x-key\" }}]\n\
             [secrets.broken]\nplace = [{{ header = \"x-key\" }}]\n\
             [secrets.paged]\nplace = [{{ header = \"x-key\", method = \"GET\", path = \"/v1/*\" }}]\n"
        ))
        .secret("token", TOKEN)
        .secret("password", PASSWORD)
        .secret("nowhere", "nowhere-at-all")
        .secret("broken", "two\r\nlines: x")
        .secret("paged", "paged-secret")
        .secret("undeclared", "not-in-the-manifest")
}

fn api(site: &Site, path: &str) -> String {
    format!("http://api.example.org:{}{path}", site.port())
}

fn login(site: &Site) -> String {
    format!("http://login.example.org:{}/login", site.port())
}

#[tokio::test]
async fn a_secret_goes_where_the_manifest_puts_it() {
    let world = World::new();
    let (site, asker) = site_and_asker(&world).await;
    let bearer = header(
        get(&api(&site, "/")),
        "Authorization",
        "Bearer ${secret:token}",
    );
    world.send(&asker, bearer).await.unwrap();
    assert_eq!(
        site.only().header("authorization"),
        Some(format!("Bearer {TOKEN}").as_str())
    );
    let paged = header(get(&api(&site, "/v1/me")), "x-key", "${secret:paged}");
    world.send(&asker, paged).await.unwrap();
    assert_eq!(site.seen()[1].header("x-key"), Some("paged-secret"));

    // In a body, as the body writes text.
    let json = post(
        &login(&site),
        "application/json; charset=utf-8",
        r#"{"password":"${secret:password}"}"#,
    );
    world.send(&asker, json).await.unwrap();
    let parsed: serde_json::Value = serde_json::from_slice(&site.seen()[2].body).unwrap();
    assert_eq!(parsed["password"], PASSWORD);
    for placeholder in ["${secret:password}", "%24%7Bsecret%3Apassword%7D"] {
        let form = post(
            &login(&site),
            "application/x-www-form-urlencoded",
            &format!("a=b&password={placeholder}&c=d"),
        );
        world.send(&asker, form).await.unwrap();
        let seen = site.seen().pop().unwrap();
        let fields: Vec<_> = url::form_urlencoded::parse(&seen.body).collect();
        assert_eq!(fields.len(), 3, "{}", seen.text());
        assert_eq!(fields[1].1, PASSWORD);
        // The length is that of what is sent.
        assert_eq!(
            seen.header("content-length").unwrap(),
            seen.body.len().to_string()
        );
    }
    let mut multipart = request("POST", &login(&site));
    multipart.body = Body::Multipart(vec![Part {
        name: "password".to_owned(),
        filename: None,
        content_type: None,
        body: PartBody::Bytes(b"${secret:password}".to_vec()),
    }]);
    world.send(&asker, multipart).await.unwrap();
    assert!(site.seen().pop().unwrap().text().contains(PASSWORD));
}

#[tokio::test]
async fn and_nowhere_else() {
    let world = World::new();
    let (site, asker) = site_and_asker(&world).await;
    let with = |path: &str, name: &str, value: &str| header(get(&api(&site, path)), name, value);
    let body_of = |url: &str, content_type: &str| {
        post(url, content_type, r#"{"password":"${secret:password}"}"#)
    };
    let part = |name: &str, filename: Option<&str>| {
        let mut request = request("POST", &login(&site));
        request.body = Body::Multipart(vec![Part {
            name: name.to_owned(),
            filename: filename.map(str::to_owned),
            content_type: None,
            body: PartBody::Bytes(b"x".to_vec()),
        }]);
        request
    };
    let denied: Vec<(&str, Request)> = vec![
        ("another header", with("/", "x-other", "${secret:token}")),
        (
            "another host",
            header(get(&login(&site)), "authorization", "${secret:token}"),
        ),
        (
            "another secret",
            with("/", "authorization", "${secret:password}"),
        ),
        ("no place", with("/", "authorization", "${secret:nowhere}")),
        (
            "undeclared",
            with("/", "authorization", "${secret:undeclared}"),
        ),
        ("another path", with("/v2", "x-key", "${secret:paged}")),
        (
            "another method",
            header(
                request("POST", &api(&site, "/v1/")),
                "x-key",
                "${secret:paged}",
            ),
        ),
        ("the URL", get(&api(&site, "/?t=${secret:token}"))),
        ("the URL's path", get(&api(&site, "/${secret:token}/x"))),
        (
            "the URL, encoded",
            get(&api(&site, "/?t=%24%7Bsecret%3Atoken%7D")),
        ),
        ("a host", get("http://${secret:token}.example.org/")),
        (
            "a body elsewhere",
            body_of(&api(&site, "/login"), "application/json"),
        ),
        (
            "a body of no login",
            body_of(&format!("{}/x", login(&site)), "application/json"),
        ),
        (
            "a body that is not text",
            body_of(&login(&site), "image/png"),
        ),
        ("a part's name", part("${secret:password}", None)),
        ("a part's filename", part("x", Some("${secret:password}"))),
    ];
    for (place, request) in denied {
        let outcome = world.send(&asker, request).await;
        assert!(
            matches!(outcome, Err(Error::Denied(_))),
            "{place}: {outcome:?}"
        );
        let text = outcome.unwrap_err().to_string();
        assert!(
            !text.contains("t0ken") && !text.contains("pa\"ss"),
            "{text}"
        );
    }
    for (value, right) in [(
        "${secret:absent}",
        Error::MissingSecret("absent".to_owned()),
    )] {
        assert_eq!(
            world
                .send(&asker, with("/", "x-key", value))
                .await
                .unwrap_err(),
            right
        );
    }
    for (name, value) in [
        // Its line break would begin another header.
        ("x-key", "${secret:broken}"),
        ("authorization", "${secret:token"),
        ("authorization", "${secret:}"),
        ("authorization", "${secret:to ken}"),
    ] {
        let outcome = world.send(&asker, with("/", name, value)).await;
        assert!(
            matches!(outcome, Err(Error::Invalid(_))),
            "{value}: {outcome:?}"
        );
    }
    assert_eq!(site.connections(), 0, "nothing of it was sent");
}

#[tokio::test]
async fn what_a_server_echoes_is_blacked_out() {
    let world = World::new();
    let site = plain(script(|seen| {
        let sent = seen.header("authorization").unwrap_or_default().to_owned();
        let token = sent.trim_start_matches("Bearer ").to_owned();
        let json = serde_json::Value::from(token.as_str()).to_string();
        let encoded: String = url::form_urlencoded::byte_serialize(token.as_bytes()).collect();
        let text = format!(
            "plain {token}\njson {json}\nform {encoded}\nbase64 {}\nbasic {}\nhtml {}\n",
            BASE64.encode(&token),
            BASE64.encode(format!("shop:{token}")),
            token.replace('"', "&quot;"),
        );
        let mut response = text.into_response();
        let headers = response.headers_mut();
        headers.insert("x-echo", token.parse().unwrap());
        headers.insert("set-cookie", "session=abc".parse().unwrap());
        response
    }))
    .await;
    let asker = asker(&world, &site);
    let bearer = header(
        get(&api(&site, "/")),
        "authorization",
        "Bearer ${secret:token}",
    );
    let answer = world.send(&asker, bearer).await.unwrap();
    assert!(site.only().header("authorization").unwrap().contains(TOKEN));
    let text = body(&answer);
    for form in [
        TOKEN,
        "t0ken",
        "odd%3D",
        &BASE64.encode(TOKEN),
        &BASE64.encode(format!("shop:{TOKEN}"))[8..20],
    ] {
        assert!(!text.contains(form), "{form} in {text}");
    }
    assert!(text.starts_with("plain ${secret:token}\n"), "{text}");
    let echoed = answer.headers.iter().find(|(name, _)| name == "x-echo");
    assert_eq!(echoed.unwrap().1, "${secret:token}");
    // A browser's session is no plugin's.
    assert!(answer.headers.iter().all(|(name, _)| name != "set-cookie"));
}

/// Another call of the account takes a new token just between the two looks.
#[tokio::test]
async fn what_is_sent_is_what_is_blacked_out() {
    struct Changing(AtomicUsize);
    impl Changing {
        fn next(&self) -> SecretString {
            format!("token-number-{}", self.0.fetch_add(1, Ordering::SeqCst)).into()
        }
    }
    impl Secrets for Changing {
        fn get(&self, _: &str) -> Option<SecretString> {
            Some(self.next())
        }
        fn capture(&self, _: &str, _: SecretString) -> Result<(), String> {
            Ok(())
        }
        fn all(&self) -> Vec<(String, SecretString)> {
            vec![("token".to_owned(), self.next())]
        }
    }
    let world = World::new();
    let site = plain(script(|seen| {
        seen.header("authorization")
            .unwrap()
            .to_owned()
            .into_response()
    }))
    .await;
    let mut asker = asker(&world, &site);
    asker.secrets = Arc::new(Changing(AtomicUsize::new(0)));
    let bearer = header(get(&api(&site, "/")), "authorization", "${secret:token}");
    let answer = world.send(&asker, bearer).await.unwrap();
    let sent = site.only().header("authorization").unwrap().to_owned();
    assert!(sent.starts_with("token-number-"), "{sent}");
    assert_eq!(body(&answer), "${secret:token}");
}

#[tokio::test]
async fn an_echo_in_a_redirect_is_blacked_out_too() {
    let world = World::new();
    let site = plain(script(|seen| match seen.uri.path() {
        "/" => redirect(302, "/landed?t=plain-secret-value"),
        _ => "landed".into_response(),
    }))
    .await;
    let asker = asker(&world, &site).secret("token", "plain-secret-value");
    let bearer = header(get(&api(&site, "/")), "authorization", "${secret:token}");
    let answer = world.send(&asker, bearer).await.unwrap();
    assert_eq!(body(&answer), "landed");
    assert!(!answer.url.contains("plain-secret-value"), "{}", answer.url);

    let refused = plain(script(|_| {
        redirect(302, "http://plain-secret-value.example.com/")
    }))
    .await;
    let asker = self::asker(&world, &refused).secret("token", "plain-secret-value");
    let error = world.get(&asker, &api(&refused, "/")).await.unwrap_err();
    assert!(matches!(error, Error::Denied(_)), "{error:?}");
    assert!(!error.to_string().contains("plain-secret-value"), "{error}");
}

#[tokio::test]
async fn headers_that_are_not_the_plugin_s() {
    let world = World::new();
    let (site, asker) = site_and_asker(&world).await;
    for (name, value) in [
        ("Host", "169.254.169.254"),
        ("cookie", "session=1"),
        ("Content-Length", "5"),
        ("transfer-encoding", "chunked"),
        ("connection", "close"),
        ("Keep-Alive", "timeout=5"),
        ("te", "trailers"),
        ("trailer", "x"),
        ("upgrade", "websocket"),
        ("expect", "100-continue"),
        ("via", "1.1 x"),
        ("X-Forwarded-For", "127.0.0.1"),
        ("Proxy-Authorization", "Basic x"),
        ("proxy-connection", "x"),
        ("accept-encoding", "gzip"),
        ("content-encoding", "gzip"),
        ("http2-settings", "x"),
    ] {
        let request = header(request("POST", &api(&site, "/")), name, value);
        assert_denied(world.send(&asker, request).await, &name.to_lowercase());
    }
    for (name, value) in [
        ("x-own", "one\r\ntwo: three"),
        ("x-own", "one\ntwo"),
        ("x-own", "\u{0}"),
        ("x own", "one"),
        ("", "one"),
        ("x-own:", "one"),
    ] {
        let request = header(get(&api(&site, "/")), name, value);
        let outcome = world.send(&asker, request).await;
        assert!(
            matches!(outcome, Err(Error::Invalid(_))),
            "{name}: {outcome:?}"
        );
    }
    assert_eq!(site.connections(), 0);
    let own = header(get(&api(&site, "/")), "User-Agent", "bakery/1.0");
    world
        .send(&asker, header(own, "accept", "text/plain"))
        .await
        .unwrap();
    let seen = site.only();
    assert_eq!(seen.header("user-agent"), Some("bakery/1.0"));
    assert_eq!(seen.header("accept"), Some("text/plain"));
    assert_eq!(seen.header("referer"), None);
}

/// A status that a server invents is told as it is.
#[tokio::test]
async fn an_error_s_body_is_an_answer() {
    let world = World::new();
    let site = plain(script(|seen| {
        let text = format!("no: {}", seen.header("authorization").unwrap_or_default());
        let mut response = with_headers(401, &[("www-authenticate", "Bearer")], "");
        *response.body_mut() = text.into();
        response
    }))
    .await;
    let asker = asker(&world, &site);
    let bearer = header(get(&api(&site, "/")), "authorization", "${secret:token}");
    let answer = world.send(&asker, bearer).await.unwrap();
    assert_eq!(answer.status, 401);
    assert_eq!(body(&answer), "no: ${secret:token}");
}

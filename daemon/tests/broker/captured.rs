//! Session tokens: taken out of a login's answer, kept in the vault, filled in again.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use axum::response::{IntoResponse as _, Response};
use jarchi::plugin::broker::{Error, Request, Secrets};
use jarchi::plugin::vault::{Key, Vault};
use jarchi::service::{SecretSource as _, VaultSecrets};
use jarchi::store::{Options, Store};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Notify;

use crate::world::{
    Asker, Site, World, body, get, header, plain, post, request, script, until, with_headers,
};

const ACCESS: &str = "access-token-of-the-session";
const REFRESH: &str = "refresh-token-of-the-session";

fn vault(dir: &Path) -> Vault {
    let store = Store::open(dir, &Options::default()).unwrap();
    Vault::open(store, Key::find(&BTreeMap::new(), dir).unwrap())
}

fn secrets(vault: &Vault) -> Arc<dyn Secrets> {
    let configured = BTreeMap::from([("password".to_owned(), SecretString::from("geheim-1234"))]);
    VaultSecrets(vault.clone()).of("sample", "shop", &configured)
}

fn kept(vault: &Vault, name: &str) -> Option<String> {
    let value = vault.get("sample", "shop", name).unwrap();
    value.map(|value| value.expose_secret().to_owned())
}

fn session() -> Response {
    let text = format!(
        r#"{{"did":"did:x:1","session":{{"accessJwt":"{ACCESS}","refreshJwt":"{REFRESH}"}},"again":"{ACCESS}"}}"#
    );
    let mut response = text.into_response();
    let headers = response.headers_mut();
    headers.insert("content-type", "application/json".parse().unwrap());
    headers.insert("x-session", ACCESS.parse().unwrap());
    response
}

fn asker(site: &Site, vault: &Vault) -> Asker {
    let host = format!("api.example.org:{}", site.port());
    let mut asker = Asker::of(&[&host]).manifest(
        r#"
        [secrets.password]
        place = [{ body = true, method = "POST", path = "/login" }]
        [secrets.access]
        place = [{ header = "authorization" }]
        capture = [{ method = "POST", path = "/login", json = "/session/accessJwt" }]
        [secrets.refresh]
        place = [{ header = "authorization", path = "/refresh" }]
        capture = [{ method = "POST", path = "/login", json = "/session/refreshJwt" }]
        "#,
    );
    asker.secrets = secrets(vault);
    asker
}

fn url(site: &Site, path: &str) -> String {
    format!("http://api.example.org:{}{path}", site.port())
}

fn login(site: &Site, path: &str) -> Request {
    post(
        &url(site, path),
        "application/json",
        if path == "/login" {
            r#"{"password":"${secret:password}"}"#
        } else {
            "{}"
        },
    )
}

fn bearer(site: &Site) -> Request {
    header(
        get(&url(site, "/me")),
        "authorization",
        "Bearer ${secret:access}",
    )
}

#[tokio::test]
async fn a_token_is_kept_and_the_plugin_never_sees_it() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::new();
    let site = plain(script(|seen| match seen.uri.path() {
        "/login" => session(),
        _ => seen
            .header("authorization")
            .unwrap_or_default()
            .to_owned()
            .into_response(),
    }))
    .await;
    let vault = vault(dir.path());
    let asker = asker(&site, &vault);
    let before = world.send(&asker, bearer(&site)).await;
    assert_eq!(
        before.unwrap_err(),
        Error::MissingSecret("access".to_owned())
    );

    let answer = world.send(&asker, login(&site, "/login")).await.unwrap();
    assert_eq!(site.only().text(), r#"{"password":"geheim-1234"}"#);
    let json: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(json["did"], "did:x:1");
    assert_eq!(json["session"]["accessJwt"], "${secret:access}");
    assert_eq!(json["session"]["refreshJwt"], "${secret:refresh}");
    let shown = format!("{answer:?}");
    assert!(!body(&answer).contains("of-the-session"), "{shown}");
    assert!(!shown.contains("of-the-session"), "{shown}");
    assert_eq!(kept(&vault, "access").as_deref(), Some(ACCESS));
    assert_eq!(kept(&vault, "refresh").as_deref(), Some(REFRESH));

    let echo = world.send(&asker, bearer(&site)).await.unwrap();
    let sent = format!("Bearer {ACCESS}");
    assert_eq!(site.seen()[1].header("authorization"), Some(sent.as_str()));
    assert_eq!(body(&echo), "Bearer ${secret:access}");
    // Each token to its own place.
    let misplaced = header(
        get(&url(&site, "/me")),
        "authorization",
        "${secret:refresh}",
    );
    assert!(matches!(
        world.send(&asker, misplaced).await,
        Err(Error::Denied(_))
    ));

    // A restart, and another account.
    drop(asker);
    drop(vault);
    let vault = self::vault(dir.path());
    let asker = self::asker(&site, &vault);
    world.send(&asker, bearer(&site)).await.unwrap();
    assert_eq!(site.seen()[2].header("authorization"), Some(sent.as_str()));
    let mut stranger = asker.clone();
    stranger.secrets = VaultSecrets(vault).of("sample", "cafe", &BTreeMap::new());
    let outcome = world.send(&stranger, bearer(&site)).await;
    assert!(matches!(outcome, Err(Error::MissingSecret(_))));
}

#[tokio::test]
async fn nothing_else_is_captured() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::new();
    let site = plain(script(|seen| {
        let status = seen.header("x-status").unwrap_or("200").parse().unwrap();
        let mut answer = session();
        *answer.status_mut() = http::StatusCode::from_u16(status).unwrap();
        match seen.header("x-body") {
            Some(body) => with_headers(200, &[], Box::leak(body.to_owned().into_boxed_str())),
            None => answer,
        }
    }))
    .await;
    let vault = vault(dir.path());
    let asker = asker(&site, &vault);
    for request in [
        login(&site, "/other"),
        login(&site, "/login/x"),
        get(&url(&site, "/login")),
        request("PUT", &url(&site, "/login")),
        header(login(&site, "/login"), "x-status", "401"),
        header(login(&site, "/login"), "x-status", "500"),
        header(login(&site, "/login"), "x-body", "not json"),
        header(
            login(&site, "/login"),
            "x-body",
            r#"{"session":{"accessJwt":5}}"#,
        ),
        header(login(&site, "/login"), "x-body", r#"["session"]"#),
    ] {
        world.send(&asker, request).await.unwrap();
        assert!(vault.names().unwrap().is_empty());
    }
}

/// A platform that renews a token has forgotten the one before: its answer is kept even
/// where the plugin's call has ended.
#[tokio::test]
async fn an_answer_that_nobody_waits_for_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::new();
    let answer = Arc::new(Notify::new());
    let may_answer = answer.clone();
    let site = plain(Arc::new(move |_| {
        let may_answer = may_answer.clone();
        Box::pin(async move {
            may_answer.notified().await;
            session()
        })
    }))
    .await;
    let vault = vault(dir.path());
    let (broker, caller) = (world.broker.clone(), asker(&site, &vault).caller());
    let request = login(&site, "/login");
    let call = tokio::spawn(async move { broker.send(&caller, request).await });
    until("the server is asked", || site.seen().len() == 1).await;
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    assert_eq!(kept(&vault, "access"), None);
    answer.notify_one();
    until("the token is kept", || kept(&vault, "access").is_some()).await;
    assert_eq!(kept(&vault, "refresh").as_deref(), Some(REFRESH));
}

/// Tokens that can't be kept are not handed on as if they were.
#[tokio::test]
async fn what_can_t_be_kept_is_no_answer() {
    struct Full;
    impl Secrets for Full {
        fn get(&self, _: &str) -> Option<SecretString> {
            None
        }
        fn capture(&self, _: &str, _: SecretString) -> Result<(), String> {
            Err("the disk is full".to_owned())
        }
        fn all(&self) -> Vec<(String, SecretString)> {
            vec![("password".to_owned(), "geheim-1234".into())]
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let world = World::new();
    let site = plain(script(|_| session())).await;
    let mut asker = asker(&site, &vault(dir.path()));
    asker.secrets = Arc::new(Full);
    let error = world
        .send(&asker, login(&site, "/login"))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::NoAnswer(_)), "{error:?}");
    assert!(error.to_string().contains("the disk is full"), "{error}");
    assert!(!error.to_string().contains("of-the-session"), "{error}");
}

/// Over TLS, as it is in the world.
#[tokio::test]
async fn a_token_sealed_with_another_key_makes_the_plugin_log_in_anew() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::new();
    let site = world
        .authority
        .site(&["api.example.org"], script(|_| session()))
        .await;
    let secure = |mut request: Request| {
        request.url = request.url.replace("http://", "https://");
        request
    };
    {
        let vault = vault(dir.path());
        let asker = asker(&site, &vault);
        world
            .send(&asker, secure(login(&site, "/login")))
            .await
            .unwrap();
        world.send(&asker, secure(bearer(&site))).await.unwrap();
    }
    std::fs::remove_file(dir.path().join("vault.key")).unwrap();
    let vault = vault(dir.path());
    let asker = asker(&site, &vault);
    assert_eq!(vault.check().unwrap().len(), 2);
    let outcome = world.send(&asker, secure(bearer(&site))).await;
    assert_eq!(
        outcome.unwrap_err(),
        Error::MissingSecret("access".to_owned())
    );
    world
        .send(&asker, secure(login(&site, "/login")))
        .await
        .unwrap();
    world.send(&asker, secure(bearer(&site))).await.unwrap();
    assert!(vault.check().unwrap().is_empty());
}

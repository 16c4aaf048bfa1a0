//! The requests that platforms want, each as its documents say.

mod platforms;

use std::collections::BTreeMap;
use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

use super::ask::Held;
use super::grant::{page, redeeming};
use super::party::Party;
use super::refresh::refreshing;
use crate::config::AppKeys;
use crate::plugin::broker::Asking;
use crate::plugin::manifest::Manifest;

fn party(auth: &str) -> Party {
    let manifest = format!(
        "name = \"a\"\nversion = \"1.0.0\"\nhosts = [\"${{setting:api}}\"]\n\
         [settings.api]\ntype = \"url\"\ndefault = \"https://api.example\"\n\
         [settings.tier]\ntype = \"integer\"\n\
         [secrets.access_token]\nplace = [{{ header = \"authorization\" }}]\n\
         [secrets.refresh_token]\nplace = [{{ header = \"x-refresh\" }}]\n\
         [auth]\nflow = \"oauth2\"\n{auth}"
    );
    Party {
        account: "cafe".to_owned(),
        plugin: "a".to_owned(),
        manifest: Arc::new(Manifest::parse(&manifest).unwrap()),
        settings: json!({ "api": "https://api.example/base/", "tier": 3 })
            .as_object()
            .unwrap()
            .clone(),
        grants: Vec::new(),
        app: AppKeys {
            id: Some(SecretString::from("the id")),
            secret: Some(SecretString::from("s:ecret&")),
        },
        configured: std::collections::BTreeSet::new(),
    }
}

fn secret(text: &str) -> SecretString {
    SecretString::from(text)
}

fn held() -> Held {
    Held {
        access: Some(secret("old=token")),
        refresh: Some(secret("re fresh")),
    }
}

/// Method, address without its query, and parameters.
fn told(asking: &Asking) -> (&'static str, String, BTreeMap<String, String>) {
    let mut bare = asking.url.clone();
    bare.set_query(None);
    let (method, text) = match &asking.form {
        Some(form) => {
            assert_eq!(asking.url.query(), None);
            ("POST", form.expose_secret())
        }
        None => ("GET", asking.url.query().unwrap_or_default()),
    };
    let parameters = url::form_urlencoded::parse(text.as_bytes())
        .into_owned()
        .collect();
    (method, bare.into(), parameters)
}

fn with(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn code(party: &Party, verifier: Option<&str>) -> Asking {
    let oauth = party.oauth().unwrap();
    let verifier = verifier.map(secret);
    redeeming(
        party,
        oauth,
        "http://127.0.0.1:1/cb",
        &secret("c+de"),
        verifier.as_ref(),
    )
    .unwrap()
}

fn refresh(party: &Party) -> Asking {
    refreshing(party, party.oauth().unwrap(), &held()).unwrap()
}

#[test]
fn by_the_standard() {
    // As Google and LinkedIn have it.
    let party = party(
        "authorize = \"https://a.example/auth?hl=az\"\ntoken = \"${setting:api}/token\"\n\
         scopes = [\"a b\", \"c\"]\npkce = \"S256\"\nrefresh_token = \"refresh_token\"\n\
         authorize_parameters = { access_type = \"offline\" }",
    );
    let verifier = secret("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
    let oauth = party.oauth().unwrap();
    let shown = page(
        &party,
        oauth,
        "http://127.0.0.1:1/cb",
        &secret("st+te"),
        Some(&verifier),
    )
    .unwrap();
    assert_eq!(
        shown.as_str(),
        "https://a.example/auth?hl=az&response_type=code&client_id=the%20id\
         &redirect_uri=http%3A%2F%2F127.0.0.1%3A1%2Fcb&scope=a%20b%20c&state=st%2Bte\
         &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256\
         &access_type=offline"
    );
    assert_eq!(
        told(&code(&party, Some("ver"))),
        (
            "POST",
            "https://api.example/base/token".to_owned(),
            with(&[
                ("grant_type", "authorization_code"),
                ("code", "c+de"),
                ("redirect_uri", "http://127.0.0.1:1/cb"),
                ("code_verifier", "ver"),
                ("client_id", "the id"),
                ("client_secret", "s:ecret&"),
            ])
        )
    );
    assert_eq!(
        told(&refresh(&party)).2,
        with(&[
            ("grant_type", "refresh_token"),
            ("refresh_token", "re fresh"),
            ("client_id", "the id"),
            ("client_secret", "s:ecret&"),
        ])
    );
}

#[test]
fn with_the_app_in_the_header() {
    // X, confidential clients; a public one has no secret to show.
    let mut party = party(
        "authorize = \"https://a.example/auth\"\ntoken = \"https://a.example/token\"\n\
         client_auth = \"basic\"\nrefresh_token = \"refresh_token\"",
    );
    for asking in [code(&party, None), refresh(&party)] {
        let (_, _, parameters) = told(&asking);
        assert!(!parameters.contains_key("client_id") && !parameters.contains_key("client_secret"));
        let (name, value) = &asking.headers[0];
        // Each form-encoded: `the+id:s%3Aecret%26`.
        assert_eq!(
            (name.as_str(), value.expose_secret()),
            ("authorization", "Basic dGhlK2lkOnMlM0FlY3JldCUyNg==")
        );
    }
    party.app.secret = None;
    let asking = code(&party, None);
    assert!(asking.headers.is_empty());
    assert_eq!(told(&asking).2["client_id"], "the id");
}

#[test]
fn with_everything_in_the_query() {
    // Meta: the code by GET, exchanged for a long-lived token, which is exchanged again.
    let party = party(
        "authorize = \"https://a.example/dialog\"\ntoken = \"https://a.example/access_token\"\n\
         token_method = \"GET\"\nscopes = [\"a\", \"b\"]\nscope_separator = \",\"\n\
         [[auth.exchange]]\nurl = \"https://a.example/access_token\"\nmethod = \"GET\"\n\
         parameters = { grant_type = \"fb_exchange_token\", client_id = \"${client:id}\", \
         client_secret = \"${client:secret}\", fb_exchange_token = \"${token}\" }\n\
         [auth.refresh]\nurl = \"https://a.example/refresh\"\nmethod = \"GET\"\n\
         parameters = { grant_type = \"again\", access_token = \"${token}\", tier = \"${setting:tier}\" }",
    );
    let oauth = party.oauth().unwrap();
    let shown = page(&party, oauth, "https://b.example/", &secret("s"), None).unwrap();
    let query = shown.query().unwrap();
    assert!(
        query.contains("scope=a%2Cb&") && !query.contains("code_challenge"),
        "{query}"
    );
    let (method, address, parameters) = told(&code(&party, None));
    assert_eq!(method, "GET");
    assert_eq!(address, "https://a.example/access_token");
    assert_eq!(parameters["client_secret"], "s:ecret&");
    let exchanged = party.exchange(&oauth.exchange[0], &held()).unwrap();
    assert_eq!(
        told(&exchanged),
        (
            "GET",
            "https://a.example/access_token".to_owned(),
            with(&[
                ("grant_type", "fb_exchange_token"),
                ("client_id", "the id"),
                ("client_secret", "s:ecret&"),
                ("fb_exchange_token", "old=token"),
            ])
        )
    );
    assert_eq!(
        told(&refresh(&party)),
        (
            "GET",
            "https://a.example/refresh".to_owned(),
            with(&[
                ("grant_type", "again"),
                ("access_token", "old=token"),
                ("tier", "3"),
            ])
        )
    );
}

#[test]
fn by_another_name() {
    // TikTok: the id is a key, and the challenge in hexadecimal.
    let party = party(
        "authorize = \"https://a.example/auth\"\ntoken = \"https://a.example/token/\"\n\
         client_id_parameter = \"client_key\"\npkce = \"S256-hex\"\nrefresh_token = \"refresh_token\"",
    );
    let oauth = party.oauth().unwrap();
    let verifier = secret("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
    let shown = page(
        &party,
        oauth,
        "https://b.example/",
        &secret("s"),
        Some(&verifier),
    )
    .unwrap();
    let query = shown.query().unwrap();
    assert!(
        query.contains("client_key=the%20id") && !query.contains("client_id"),
        "{query}"
    );
    assert!(
        query.contains(
            "code_challenge=13d31e961a1ad8ec2f16b10c4c982e0876a878ad6df144566ee1894acb70f9c3"
        ),
        "{query}"
    );
    for asking in [code(&party, Some("ver")), refresh(&party)] {
        let (method, address, parameters) = told(&asking);
        assert_eq!(
            (method, address.as_str()),
            ("POST", "https://a.example/token/")
        );
        assert_eq!(parameters["client_key"], "the id");
        assert!(!parameters.contains_key("client_id"));
    }
}

#[test]
fn what_is_missing_is_said() {
    let auth = "authorize = \"https://a.example/auth\"\ntoken = \"${setting:api}/token\"\n\
                help = \"a.example, New app\"\nrefresh_token = \"refresh_token\"";
    let mut one = party(auth);
    one.app = AppKeys::default();
    let oauth = one.oauth().unwrap();
    let wrong = page(&one, oauth, "https://b.example/", &secret("s"), None).unwrap_err();
    assert!(
        wrong.contains("`client_id`") && wrong.ends_with("a.example, New app"),
        "{wrong}"
    );
    let mut one = party(auth);
    one.settings.clear();
    let wrong = refreshing(&one, one.oauth().unwrap(), &held())
        .err()
        .unwrap();
    assert!(wrong.contains("no setting `api`"), "{wrong}");
    let one = party(auth);
    let wrong = refreshing(&one, one.oauth().unwrap(), &Held::default())
        .err()
        .unwrap();
    assert!(wrong.contains("gave no refresh token"), "{wrong}");
}

//! The stock plugins' manifests against what the platforms' documents say of OAuth.

use zeroize::Zeroizing;

use super::*;
use crate::account::answer::{self, No};
use crate::plugin::broker::Asked;
use crate::plugin::manifest::{Oauth2, Pkce};

/// A request: method, address without an API version, names of its parameters.
type Wanted = (&'static str, &'static str, &'static [&'static str]);

struct Platform {
    /// The plugin's.
    name: &'static str,
    /// Any of them.
    pages: &'static [&'static str],
    page_has: &'static [(&'static str, &'static str)],
    id: &'static str,
    separator: char,
    code: Wanted,
    exchange: Option<Wanted>,
    /// None: the platform has none.
    refresh: Option<Wanted>,
    /// The answer to the last of them, and what is read from it: seconds of both tokens.
    answer: (&'static str, Option<u64>, Option<u64>),
    /// The answer to a refresh after the user took it back.
    ended: (u16, &'static str),
}

const GRAPH_ENDED: (u16, &str) = (
    400,
    r#"{"error":{"message":"Error validating access token: the session was invalidated","type":"OAuthException","code":190,"error_subcode":460}}"#,
);

const PLATFORMS: [Platform; 7] = [
    // docs.x.com, OAuth 2.0 user access token.
    Platform {
        name: "x",
        pages: &["https://x.com/i/oauth2/authorize"],
        page_has: &[("code_challenge_method", "S256")],
        id: "client_id",
        separator: ' ',
        code: (
            "POST",
            "https://api.x.com/2/oauth2/token",
            &["code", "grant_type", "redirect_uri"],
        ),
        exchange: None,
        refresh: Some((
            "POST",
            "https://api.x.com/2/oauth2/token",
            &["grant_type", "refresh_token"],
        )),
        answer: (
            r#"{"token_type":"bearer","expires_in":7200,"access_token":"a","scope":"tweet.read offline.access","refresh_token":"r"}"#,
            Some(7200),
            None,
        ),
        ended: (
            400,
            r#"{"error":"invalid_request","error_description":"Value passed for the token was invalid."}"#,
        ),
    },
    // learn.microsoft.com/linkedin, Authorization Code Flow; Refresh Tokens.
    Platform {
        name: "linkedin",
        pages: &["https://www.linkedin.com/oauth/v2/authorization"],
        page_has: &[],
        id: "client_id",
        separator: ' ',
        code: (
            "POST",
            "https://www.linkedin.com/oauth/v2/accessToken",
            &[
                "client_id",
                "client_secret",
                "code",
                "grant_type",
                "redirect_uri",
            ],
        ),
        exchange: None,
        refresh: Some((
            "POST",
            "https://www.linkedin.com/oauth/v2/accessToken",
            &["client_id", "client_secret", "grant_type", "refresh_token"],
        )),
        answer: (
            r#"{"access_token":"a","expires_in":5184000,"refresh_token":"r","refresh_token_expires_in":31536059,"scope":"openid,profile"}"#,
            Some(5_184_000),
            Some(31_536_059),
        ),
        ended: (
            400,
            r#"{"error":"invalid_grant","error_description":"The provided authorization grant or refresh token is invalid, expired or revoked."}"#,
        ),
    },
    // developers.facebook.com, Instagram API with Instagram Login, Business Login.
    Platform {
        name: "instagram",
        pages: &["https://www.instagram.com/oauth/authorize"],
        page_has: &[],
        id: "client_id",
        separator: ',',
        code: (
            "POST",
            "https://api.instagram.com/oauth/access_token",
            &[
                "client_id",
                "client_secret",
                "code",
                "grant_type",
                "redirect_uri",
            ],
        ),
        exchange: Some((
            "GET",
            "https://graph.instagram.com/access_token",
            &["access_token", "client_secret", "grant_type"],
        )),
        refresh: Some((
            "GET",
            "https://graph.instagram.com/refresh_access_token",
            &["access_token", "grant_type"],
        )),
        answer: (
            r#"{"access_token":"a","token_type":"bearer","expires_in":5183944}"#,
            Some(5_183_944),
            None,
        ),
        ended: GRAPH_ENDED,
    },
    // developers.facebook.com, Threads API, Get Access Tokens; Long-Lived Tokens.
    Platform {
        name: "threads",
        pages: &[
            "https://threads.net/oauth/authorize",
            "https://www.threads.net/oauth/authorize",
            "https://threads.com/oauth/authorize",
            "https://www.threads.com/oauth/authorize",
        ],
        page_has: &[],
        id: "client_id",
        separator: ',',
        code: (
            "POST",
            "https://graph.threads.net/oauth/access_token",
            &[
                "client_id",
                "client_secret",
                "code",
                "grant_type",
                "redirect_uri",
            ],
        ),
        exchange: Some((
            "GET",
            "https://graph.threads.net/access_token",
            &["access_token", "client_secret", "grant_type"],
        )),
        refresh: Some((
            "GET",
            "https://graph.threads.net/refresh_access_token",
            &["access_token", "grant_type"],
        )),
        answer: (
            r#"{"access_token":"a","token_type":"bearer","expires_in":5184000}"#,
            Some(5_184_000),
            None,
        ),
        ended: GRAPH_ENDED,
    },
    // developers.facebook.com, Facebook Login, Build a Login Flow; Long-Lived Tokens.
    Platform {
        name: "facebook",
        pages: &["https://www.facebook.com/dialog/oauth"],
        page_has: &[],
        id: "client_id",
        separator: ',',
        code: (
            "GET",
            "https://graph.facebook.com/oauth/access_token",
            &[
                "client_id",
                "client_secret",
                "code",
                "grant_type",
                "redirect_uri",
            ],
        ),
        exchange: Some((
            "GET",
            "https://graph.facebook.com/oauth/access_token",
            &[
                "client_id",
                "client_secret",
                "fb_exchange_token",
                "grant_type",
            ],
        )),
        refresh: None,
        answer: (
            r#"{"access_token":"a","token_type":"bearer","expires_in":5183944}"#,
            Some(5_183_944),
            None,
        ),
        ended: GRAPH_ENDED,
    },
    // developers.tiktok.com, Login Kit; User Access Token Management.
    Platform {
        name: "tiktok",
        pages: &["https://www.tiktok.com/v2/auth/authorize/"],
        page_has: &[],
        id: "client_key",
        separator: ',',
        code: (
            "POST",
            "https://open.tiktokapis.com/v2/oauth/token/",
            &[
                "client_key",
                "client_secret",
                "code",
                "grant_type",
                "redirect_uri",
            ],
        ),
        exchange: None,
        refresh: Some((
            "POST",
            "https://open.tiktokapis.com/v2/oauth/token/",
            &["client_key", "client_secret", "grant_type", "refresh_token"],
        )),
        answer: (
            r#"{"access_token":"a","expires_in":86400,"open_id":"o","refresh_expires_in":31536000,"refresh_token":"r","scope":"user.info.basic,video.publish","token_type":"Bearer"}"#,
            Some(86_400),
            Some(31_536_000),
        ),
        ended: (
            200,
            r#"{"error":"invalid_grant","error_description":"Refresh token is invalid or expired.","log_id":"1"}"#,
        ),
    },
    // developers.google.com, Using OAuth 2.0 for Web Server Applications.
    Platform {
        name: "youtube",
        pages: &["https://accounts.google.com/o/oauth2/v2/auth"],
        page_has: &[("access_type", "offline"), ("prompt", "consent")],
        id: "client_id",
        separator: ' ',
        code: (
            "POST",
            "https://oauth2.googleapis.com/token",
            &[
                "client_id",
                "client_secret",
                "code",
                "grant_type",
                "redirect_uri",
            ],
        ),
        exchange: None,
        refresh: Some((
            "POST",
            "https://oauth2.googleapis.com/token",
            &["client_id", "client_secret", "grant_type", "refresh_token"],
        )),
        answer: (
            r#"{"access_token":"a","expires_in":3599,"refresh_token":"r","scope":"https://www.googleapis.com/auth/youtube.upload","token_type":"Bearer"}"#,
            Some(3599),
            None,
        ),
        ended: (
            400,
            r#"{"error":"invalid_grant","error_description":"Token has been expired or revoked."}"#,
        ),
    },
];

/// The plugin of this checkout; None where it is not connected in the browser.
fn stock(name: &str) -> Option<Party> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../plugins")
        .join(name)
        .join("plugin.toml");
    let Ok(text) = std::fs::read_to_string(path) else {
        eprintln!("SKIPPED: there is no plugin `{name}` yet");
        return None;
    };
    let mut party = party("authorize = \"https://a.example/a\"\ntoken = \"https://a.example/t\"");
    let manifest = Manifest::parse(&text).unwrap();
    party.settings = crate::config::with_defaults(&serde_json::Map::new(), &manifest);
    party.manifest = Arc::new(manifest);
    if party.oauth().is_none() {
        eprintln!("SKIPPED: plugin `{name}` has no OAuth 2 yet");
        return None;
    }
    Some(party)
}

/// Without a segment as `v25.0`.
fn unversioned(address: &str) -> String {
    let is_version = |segment: &&str| {
        segment
            .strip_prefix('v')
            .is_some_and(|rest| rest.contains('.') && rest.parse::<f32>().is_ok())
    };
    let segments = address.split('/').filter(|segment| !is_version(segment));
    segments.collect::<Vec<_>>().join("/")
}

fn check(of: &str, asking: &Asking, wanted: Wanted) {
    let (method, address, mut parameters) = told(asking);
    // A proof that all of them take or pass over.
    parameters.remove("code_verifier");
    let names: Vec<&str> = parameters.keys().map(String::as_str).collect();
    let found = (method, unversioned(&address), names.as_slice());
    assert_eq!(found, (wanted.0, wanted.1.to_owned(), wanted.2), "{of}");
}

fn asked(status: u16, body: &str) -> Asked {
    Asked {
        status,
        body: Zeroizing::new(body.as_bytes().to_vec()),
        retry_after: None,
    }
}

fn check_page(platform: &Platform, party: &Party, oauth: &Oauth2) {
    let name = platform.name;
    let verifier = secret("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
    let verifier = (oauth.pkce != Pkce::None).then_some(&verifier);
    let shown = page(party, oauth, "https://b.example/", &secret("s"), verifier).unwrap();
    let mut bare = shown.clone();
    bare.set_query(None);
    let bare = unversioned(bare.as_str());
    assert!(platform.pages.contains(&bare.as_str()), "{name}: {bare}");
    let query: BTreeMap<String, String> = shown.query_pairs().into_owned().collect();
    assert_eq!(
        query.get(platform.id).map(String::as_str),
        Some("the id"),
        "{name}"
    );
    assert_eq!(query["response_type"], "code", "{name}");
    for (key, value) in platform.page_has {
        assert_eq!(
            query.get(*key).map(String::as_str),
            Some(*value),
            "{name}: {key}"
        );
    }
    let scopes: Vec<&str> = query["scope"].split(platform.separator).collect();
    assert_eq!(
        scopes.len(),
        oauth.scopes.len(),
        "{name}: {}",
        query["scope"]
    );
}

#[test]
fn as_their_documents_say() {
    for platform in &PLATFORMS {
        let name = platform.name;
        let Some(party) = stock(name) else { continue };
        let oauth = party.oauth().unwrap();
        check_page(platform, &party, oauth);
        check(&format!("{name}, code"), &code(&party, None), platform.code);
        let exchanges: Vec<Asking> = oauth
            .exchange
            .iter()
            .map(|exchange| party.exchange(exchange, &held()).unwrap())
            .collect();
        assert_eq!(
            exchanges.len(),
            usize::from(platform.exchange.is_some()),
            "{name}"
        );
        if let (Some(wanted), Some(asking)) = (platform.exchange, exchanges.first()) {
            check(&format!("{name}, exchange"), asking, wanted);
        }
        if let Some(wanted) = platform.refresh {
            check(&format!("{name}, refresh"), &refresh(&party), wanted);
        }
        let (body, expires, refresh_expires) = platform.answer;
        let tokens = answer::read(oauth, &asked(200, body), &[]).ok().unwrap();
        assert_eq!(tokens.access.expose_secret(), "a", "{name}");
        assert_eq!(
            (tokens.expires_in, tokens.refresh_expires_in),
            (expires, refresh_expires),
            "{name}"
        );
        assert_eq!(tokens.refresh.is_some(), body.contains("\"r\""), "{name}");
        let (status, body) = platform.ended;
        let no = answer::read(oauth, &asked(status, body), &[])
            .err()
            .unwrap();
        assert!(matches!(no, No::Ended(_)), "{name}: {no:?}");
    }
}

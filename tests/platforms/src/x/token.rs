//! The token endpoint of a confidential client: access tokens of two hours, and refresh
//! tokens that are good once.

use jarchi_plugin_sdk::testing::START;
use serde_json::json;

use crate::{Answer, Request};

const LIFE: u64 = 2 * 60 * 60 * 1000;

/// The tokens that are good.
#[derive(Debug)]
pub struct Tokens {
    pub access: String,
    pub refresh: String,
    /// When the access token ends; none: never.
    pub ends: Option<u64>,
    /// What the authorization page gave, and the challenge that came with it.
    pub code: Option<String>,
    /// `Basic` and the app's id and secret in base64.
    pub client: String,
    pub scope: String,
    given: u32,
}

impl Default for Tokens {
    fn default() -> Self {
        Tokens {
            access: "access-0".into(),
            refresh: "refresh-0".into(),
            ends: Some(START + 365 * 24 * 60 * 60 * 1000),
            code: Some("code-0".into()),
            // `app:secret`
            client: "Basic YXBwOnNlY3JldA==".into(),
            scope: "tweet.read tweet.write users.read media.write offline.access".into(),
            given: 0,
        }
    }
}

impl Tokens {
    pub(super) fn allow(&self, bearer: Option<&str>, now: u64) -> bool {
        bearer == Some(&self.access) && self.ends.is_none_or(|ends| now < ends)
    }

    pub(super) fn answer(&mut self, request: &Request, now: u64) -> Answer {
        let refused = |status, error: &str, words: &str| {
            Answer::json(
                status,
                &json!({ "error": error, "error_description": words }),
            )
        };
        if request.header("authorization") != Some(&self.client) {
            return refused(
                401,
                "unauthorized_client",
                "Missing valid authorization header",
            );
        }
        let form = request.form();
        let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
        let is_good = match field("grant_type") {
            "authorization_code" => {
                let code = self.code.take();
                let verifier = field("code_verifier").len();
                code.as_deref() == Some(field("code"))
                    && (43..=128).contains(&verifier)
                    && !field("redirect_uri").is_empty()
            }
            "refresh_token" => self.refresh == field("refresh_token"),
            _ => return refused(400, "unsupported_grant_type", "Unsupported grant type"),
        };
        if !is_good {
            let words = "Value passed for the token was invalid.";
            return refused(400, "invalid_request", words);
        }
        self.given += 1;
        self.access = format!("access-{}", self.given);
        self.refresh = format!("refresh-{}", self.given);
        self.ends = Some(now + LIFE);
        Answer::json(
            200,
            &json!({
                "token_type": "bearer",
                "expires_in": LIFE / 1000,
                "access_token": self.access,
                "refresh_token": self.refresh,
                "scope": self.scope,
            }),
        )
    }
}

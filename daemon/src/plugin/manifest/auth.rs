//! How an account of the plugin is connected.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "flow", deny_unknown_fields, rename_all = "snake_case")]
pub enum AuthSpec {
    /// The operator pastes what the platform gave.
    Token { help: String },
    /// OAuth 2, with the ways in which platforms deviate from it.
    Oauth2(Box<Oauth2>),
}

/// An authorization code grant (RFC 6749, section 4.1), and how its tokens are kept alive.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub struct Oauth2 {
    /// Where the operator makes an app, and what to copy.
    #[serde(default)]
    pub help: String,
    /// The page that asks the user. It, and the other addresses, may begin with
    /// `${setting:NAME}`.
    pub authorize: String,
    pub token: String,
    /// What is asked for.
    #[serde(default)]
    pub scopes: Vec<String>,
    #[serde(default = "space")]
    pub scope_separator: String,
    #[serde(default)]
    pub pkce: Pkce,
    /// Where the app's id and secret go in requests to `token`.
    #[serde(default)]
    pub client_auth: ClientAuth,
    #[serde(default = "client_id")]
    pub client_id_parameter: String,
    #[serde(default)]
    pub token_method: TokenMethod,
    /// Further parameters of the page, as `access_type = "offline"`.
    #[serde(default)]
    pub authorize_parameters: BTreeMap<String, String>,
    /// The secret that holds the access token.
    #[serde(default = "access_token")]
    pub access_token: String,
    /// The secret that holds the refresh token, where the platform gives one.
    #[serde(default)]
    pub refresh_token: Option<String>,
    /// What a new token is exchanged for, one after the other.
    #[serde(default)]
    pub exchange: Vec<Exchange>,
    #[serde(default)]
    pub refresh: Refresh,
    #[serde(default)]
    pub answer: AuthAnswer,
}

impl Oauth2 {
    /// Whether tokens can be had without the user.
    pub fn refreshes(&self) -> bool {
        self.refresh_token.is_some() || !self.refresh.parameters.is_empty()
    }
}

fn space() -> String {
    " ".to_owned()
}

fn client_id() -> String {
    "client_id".to_owned()
}

fn access_token() -> String {
    "access_token".to_owned()
}

/// Proof of the key that began the flow (RFC 7636).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Pkce {
    #[default]
    #[serde(rename = "none")]
    None,
    S256,
    /// The challenge in hexadecimal, as TikTok's Login Kit for Desktop wants it.
    #[serde(rename = "S256-hex")]
    S256Hex,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuth {
    #[default]
    Body,
    /// The `authorization` header.
    Basic,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum TokenMethod {
    #[default]
    Post,
    /// Parameters go into the query.
    Get,
}

/// A request that gives a token for a token. Values of parameters may be `${token}`,
/// `${refresh_token}`, `${client:id}`, `${client:secret}` and `${setting:NAME}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub struct Exchange {
    pub url: String,
    #[serde(default)]
    pub method: TokenMethod,
    #[serde(default)]
    pub parameters: BTreeMap<String, String>,
}

/// How and when a token is refreshed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub struct Refresh {
    /// Else `token`.
    #[serde(default)]
    pub url: Option<String>,
    #[serde(default)]
    pub method: TokenMethod,
    /// As an exchange's; none: the `refresh_token` grant of RFC 6749.
    #[serde(default)]
    pub parameters: BTreeMap<String, String>,
    /// Seconds that a token must be old.
    #[serde(default)]
    pub min_age: u64,
    /// Seconds before its end; else a tenth of its life, five minutes at least.
    #[serde(default)]
    pub ahead: Option<u64>,
    /// Error codes which say that the grant is gone and only the user can give a new one.
    #[serde(default = "ended")]
    pub ended: Vec<String>,
}

impl Default for Refresh {
    fn default() -> Self {
        Refresh {
            url: None,
            method: TokenMethod::Post,
            parameters: BTreeMap::new(),
            min_age: 0,
            ahead: None,
            ended: ended(),
        }
    }
}

fn ended() -> Vec<String> {
    // RFC 6749, section 5.2; of Meta's Graph API: the access token has ended.
    vec!["invalid_grant".to_owned(), "190".to_owned()]
}

/// JSON pointers into the answers of all these requests.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case", default)]
pub struct AuthAnswer {
    pub access_token: String,
    /// Seconds.
    pub expires_in: String,
    pub refresh_token: String,
    /// Seconds.
    pub refresh_expires_in: String,
    pub scope: String,
    /// A code of [`Refresh::ended`].
    pub error: String,
}

impl Default for AuthAnswer {
    fn default() -> Self {
        AuthAnswer {
            access_token: "/access_token".to_owned(),
            expires_in: "/expires_in".to_owned(),
            refresh_token: "/refresh_token".to_owned(),
            refresh_expires_in: "/refresh_token_expires_in".to_owned(),
            scope: "/scope".to_owned(),
            error: "/error".to_owned(),
        }
    }
}

//! What is kept of an account beside its secrets: how it was connected, until when, and as
//! whom it posts.

use serde::{Deserialize, Serialize};

use super::Timestamp;

/// No secret is in here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    pub plugin: String,
    /// When the user let it in.
    pub since: Option<Timestamp>,
    /// Counts up with every new access token.
    pub generation: u64,
    /// When the access token was given.
    pub obtained: Option<Timestamp>,
    /// None: the platform names no end.
    pub expires: Option<Timestamp>,
    /// The end of the refresh token, where the platform names one.
    pub refresh_expires: Option<Timestamp>,
    /// None: the platform does not tell.
    pub scopes: Option<Vec<String>>,
    /// A refresh that was begun: until its answer is kept, nobody knows whether the tokens
    /// here are still the platform's.
    pub attempt: Option<Timestamp>,
    /// The platform said that the grant is gone: only the user can give a new one.
    pub ended: Option<Ended>,
    pub target: Option<Chosen>,
    pub checked: Option<Checked>,
    /// The daemon can have new tokens without the user. Platforms give refresh tokens to
    /// some apps only.
    #[serde(default)]
    pub refreshes: bool,
    /// Up to where its inbox was read.
    #[serde(default)]
    pub inbox_cursor: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    pub at: Timestamp,
    pub reason: String,
}

/// The profile that the user chose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chosen {
    pub id: String,
    pub name: String,
    pub kind: String,
    pub url: Option<String>,
    /// The account's settings that choose it, a JSON object. What stands in the
    /// configuration counts more.
    pub settings: String,
}

/// What came of the latest harmless call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    pub at: Timestamp,
    pub ok: bool,
    /// What the platform said, a JSON object; where it failed, the reason as a text.
    pub said: String,
}

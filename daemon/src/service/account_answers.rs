//! What is answered about accounts, as the command line prints it and as `--json` shows it.

use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::model::{Problem, Timestamp};
use crate::plugin::{Quota, Target};

/// A secret on its way over the local socket; never printed.
#[derive(Clone)]
pub struct Secret(pub SecretString);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose_secret())
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Secret(SecretString::from(text)))
    }
}

/// How an account is connected.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "flow", rename_all = "kebab-case")]
pub enum AuthStart {
    /// The user pastes these.
    Token {
        help: String,
        secrets: Vec<SecretWanted>,
    },
    /// The user goes to this page.
    Browser {
        help: String,
        url: String,
        /// What the answer brings back.
        state: Secret,
        /// Where the tokens come from.
        host: String,
    },
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SecretWanted {
    pub name: String,
    pub description: String,
    pub required: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TargetList {
    pub targets: Vec<Target>,
    /// The identifier of the one that is chosen.
    pub chosen: Option<String>,
    /// Nothing has to be chosen: the configuration has all the settings that would.
    pub settled: bool,
}

/// A token of an account, without itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TokenReport {
    pub secret: String,
    /// `configuration` or `vault`.
    pub from: String,
    pub expires: Option<Timestamp>,
    /// Whether the daemon can refresh it by itself.
    pub refreshes: bool,
}

/// How an account stands.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AccountReport {
    pub account: String,
    pub brand: String,
    pub plugin: String,
    /// None: no harmless call was made yet, or the plugin knows none.
    pub ready: Option<bool>,
    /// What the user has to do, in words.
    pub missing: Vec<String>,
    pub checked_at: Option<Timestamp>,
    pub profile: Option<String>,
    pub url: Option<String>,
    pub target: Option<String>,
    pub tokens: Vec<TokenReport>,
    /// None: the platform does not tell.
    pub scopes: Option<Vec<String>>,
    pub lacking: Vec<String>,
    pub quotas: Vec<Quota>,
    pub last_post: Option<Timestamp>,
    pub problems: Vec<Problem>,
}

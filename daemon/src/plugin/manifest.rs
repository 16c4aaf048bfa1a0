//! `plugin.toml`: what a plugin says of itself. It travels inside the component, as the
//! custom section `jarchi:manifest`, and is read without running anything.

use std::collections::BTreeMap;

use semver::Version;
use serde::{Deserialize, Serialize};

use crate::media::{ImageLimits, VideoLimits};

mod auth;
mod check;
mod parse;
mod parse_auth;
mod parse_media;
mod read;
#[cfg(test)]
mod tests;

pub use auth::{AuthAnswer, AuthSpec, ClientAuth, Exchange, Oauth2, Pkce, Refresh, TokenMethod};
pub use read::{ManifestError, Problem};

/// The name of the custom section that holds the manifest, as TOML.
pub const SECTION: &str = "jarchi:manifest";

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub struct Manifest {
    /// `a-z`, digits and `-`; the name that accounts use.
    pub name: String,
    pub version: Version,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub authors: Vec<String>,
    #[serde(default)]
    pub license: Option<String>,
    #[serde(default)]
    pub homepage: Option<String>,
    /// Hosts that it wants to reach: `api.example.org`, `*.example.org`, or
    /// `${setting:NAME}`, the host of the URL (or of each URL of a list) in that setting
    /// of the account.
    #[serde(default)]
    pub hosts: Vec<String>,
    #[serde(default)]
    pub secrets: BTreeMap<String, SecretSpec>,
    #[serde(default)]
    pub settings: BTreeMap<String, SettingSpec>,
    /// How an account is connected.
    #[serde(default)]
    pub auth: Option<AuthSpec>,
    #[serde(default)]
    pub limits: PlatformLimits,
    #[serde(default)]
    pub delivery: DeliverySpec,
    /// The generator is told what the brand has published, with its numbers.
    #[serde(default)]
    pub history: bool,
}

/// A secret, and the only places where it may be put.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub struct SecretSpec {
    #[serde(default)]
    pub description: String,
    /// The operator has to give it. A secret that is captured is not given.
    #[serde(default)]
    pub required: bool,
    #[serde(default)]
    pub place: Vec<Place>,
    /// Taken out of an answer by the broker, kept in the vault, and replaced by its
    /// placeholder before the plugin sees the answer.
    #[serde(default)]
    pub capture: Vec<Capture>,
}

/// Exactly one of `header`, `body`, `url` and `proof_of` is given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub struct Place {
    /// A header's name, in lower case.
    #[serde(default)]
    pub header: Option<String>,
    /// The body may hold it.
    #[serde(default)]
    pub body: bool,
    /// Hosts as in `Manifest::hosts`; none means all of the manifest's.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// Only with this method.
    #[serde(default)]
    pub method: Option<String>,
    /// Only with this path; `*` at the end matches any rest, and as a segment any one. With
    /// `url` it may hold the secret's own placeholder, which stands for it in the path.
    #[serde(default)]
    pub path: Option<String>,
    /// The address may hold it: in the path where `path` has its placeholder, else in a
    /// parameter of the query.
    #[serde(default)]
    pub url: bool,
    /// The parameter of the query; none means `access_token` and the secret's own name. It
    /// is never none with `proof_of`.
    #[serde(default)]
    pub parameter: Option<String>,
    /// Not the secret goes into the header, but a signature that is made with it.
    #[serde(default)]
    pub sign: Option<Sign>,
    /// What the signature is over; none means the body.
    #[serde(default)]
    pub over: Option<Over>,
    /// Not the secret goes into the parameter, but a proof that its owner sends the secrets
    /// of these names: HMAC-SHA256 of the one that the request carries, under this secret,
    /// in lower-case hexadecimal. The broker adds it, and nothing where this secret was
    /// not given.
    #[serde(default)]
    pub proof_of: Vec<String>,
}

/// How a request is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sign {
    /// Written `${hmac-sha256:NAME}`.
    #[serde(rename = "hmac-sha256")]
    HmacSha256,
}

/// What a signature is over, and how key and signature are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Over {
    /// The body as it is sent. The key is the secret's bytes, the signature is in
    /// lower-case hexadecimal.
    #[default]
    Body,
    /// `{webhook-id}.{webhook-timestamp}.{body}`, of the headers of these names. The key is
    /// base64 behind `whsec_`, the signature base64 (the Standard Webhooks specification).
    StandardWebhooks,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub struct Capture {
    #[serde(default)]
    pub hosts: Vec<String>,
    #[serde(default)]
    pub method: Option<String>,
    pub path: String,
    /// A JSON pointer (RFC 6901) into the answer's body.
    pub json: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub struct SettingSpec {
    #[serde(default)]
    pub description: String,
    #[serde(rename = "type")]
    pub kind: SettingKind,
    #[serde(default)]
    pub required: bool,
    #[serde(default)]
    pub default: Option<serde_json::Value>,
    /// The only values.
    #[serde(default)]
    pub one_of: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SettingKind {
    String,
    Url,
    Integer,
    Boolean,
    Strings,
    Urls,
    /// A table of its own shape.
    Table,
}

/// How a platform counts the length of a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Count {
    /// What people take for characters.
    #[default]
    Graphemes,
    /// Unicode code points.
    Chars,
    /// UTF-16 code units.
    Utf16,
    /// UTF-8 bytes.
    Bytes,
    /// An address is 23, and of a mention only the name counts.
    Mastodon,
    /// Code points, an emoji as many as it has bytes.
    Threads,
    /// By the weights of `twitter-text`.
    X,
}

impl Count {
    pub const NAMES: [&str; 7] = [
        "graphemes",
        "chars",
        "utf16",
        "bytes",
        "mastodon",
        "threads",
        "x",
    ];

    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "graphemes" => Count::Graphemes,
            "chars" => Count::Chars,
            "utf16" => Count::Utf16,
            "bytes" => Count::Bytes,
            "mastodon" => Count::Mastodon,
            "threads" => Count::Threads,
            "x" => Count::X,
            _ => return None,
        })
    }
}

/// What the platform takes, as far as it is the same for every account.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub struct PlatformLimits {
    /// Characters, by the platform's own count.
    #[serde(default)]
    pub text: Option<u32>,
    /// How it counts them.
    #[serde(default)]
    pub count: Count,
    /// Files in one post.
    #[serde(default)]
    pub media: Option<u32>,
    /// Media types, as `image/png` or `image/*`.
    #[serde(default)]
    pub media_types: Vec<String>,
    /// Pictures; the daemon makes those that don't fit fit.
    #[serde(default)]
    pub image: Option<ImageLimits>,
    /// Films; the daemon tells of those that don't fit.
    #[serde(default)]
    pub video: Option<VideoLimits>,
    #[serde(default)]
    pub polls: bool,
    #[serde(default)]
    pub threads: bool,
}

/// What the platform lets us promise.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub struct DeliverySpec {
    /// The platform takes an idempotency key: sending the same delivery again within
    /// this many seconds can't double it.
    #[serde(default)]
    pub idempotent_for: Option<u64>,
    /// `find-published` can tell whether a delivery is there.
    #[serde(default)]
    pub can_look_up: bool,
    /// `find-published` may find a delivery, and says so where it can't tell: it is asked,
    /// and nothing is promised.
    #[serde(default)]
    pub may_look_up: bool,
    /// Seconds until a new post is surely seen by `find-published`.
    #[serde(default)]
    pub visible_after: u64,
}

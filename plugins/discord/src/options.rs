//! The account's settings, and what a post may say for Discord alone.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Bytes of one file on a server that was not boosted (Discord's reference, "Uploading
/// Files").
const UPLOAD: u64 = 10 << 20;

/// The account's block in the configuration.
#[derive(Clone, Debug, Deserialize)]
pub struct Settings {
    pub webhook: String,
    #[serde(default = "discord")]
    pub api: String,
    #[serde(default = "version")]
    pub version: String,
    #[serde(default)]
    pub forum: bool,
    #[serde(default)]
    pub thread: Option<String>,
    #[serde(default)]
    pub username: Option<String>,
    #[serde(default)]
    pub avatar_url: Option<String>,
    #[serde(default)]
    pub invite: Option<String>,
    #[serde(default = "upload")]
    pub upload_limit: u64,
}

fn discord() -> String {
    "https://discord.com".to_owned()
}

fn version() -> String {
    "v10".to_owned()
}

fn upload() -> u64 {
    UPLOAD
}

/// The keys of [`Options`].
pub const KNOWN: [&str; 13] = [
    "username",
    "avatar_url",
    "thread",
    "thread_name",
    "tags",
    "embeds",
    "card",
    "mention",
    "silent",
    "suppress_embeds",
    "tts",
    "spoiler",
    "question",
];

/// `options.discord` of a post.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    pub username: Option<String>,
    pub avatar_url: Option<String>,
    /// The number of a thread that the post goes into.
    pub thread: Option<String>,
    /// Of the thread that the post opens in a forum; else its first line.
    pub thread_name: Option<String>,
    /// Numbers of the forum's tags.
    pub tags: Vec<String>,
    pub embeds: Vec<Embed>,
    /// Whether the post's link is a card of its own, with its title and picture.
    pub card: Option<bool>,
    /// Whose telephones ring; nobody's, unless asked.
    pub mention: Mention,
    pub silent: bool,
    /// No cards for the links in the text.
    pub suppress_embeds: bool,
    pub tts: bool,
    /// Files are covered until they are tapped.
    pub spoiler: bool,
    /// A poll's question; the text then stands above it.
    pub question: Option<String>,
}

/// Who is told of being named ("Allowed Mentions Object").
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mention {
    pub everyone: bool,
    pub users: Named,
    pub roles: Named,
}

/// All that the text names, or those of these numbers.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "true, false, or a list of numbers as text")]
pub enum Named {
    All(bool),
    These(Vec<String>),
}

impl Default for Named {
    fn default() -> Self {
        Named::All(false)
    }
}

impl Mention {
    pub fn to_json(&self) -> Value {
        let mut parse = Vec::new();
        let mut allowed = json!({});
        if self.everyone {
            parse.push("everyone");
        }
        for (name, named) in [("users", &self.users), ("roles", &self.roles)] {
            match named {
                Named::All(true) => parse.push(name),
                Named::All(false) => {}
                Named::These(these) => allowed[name] = json!(these),
            }
        }
        allowed["parse"] = json!(parse);
        allowed
    }
}

/// A card ("Embed Object"). An image is an address, or `attachment://NAME` of a file.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Embed {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// `#rrggbb`, as a number when it is sent.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "number")]
    pub color: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "address")]
    pub image: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "address")]
    pub thumbnail: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<Author>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub footer: Option<Footer>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Field>,
}

fn address<S: serde::Serializer>(url: &Option<String>, serializer: S) -> Result<S::Ok, S::Error> {
    json!({ "url": url }).serialize(serializer)
}

fn number<S: serde::Serializer>(color: &Option<String>, serializer: S) -> Result<S::Ok, S::Error> {
    rgb(color.as_deref().unwrap_or_default())
        .unwrap_or_default()
        .serialize(serializer)
}

/// The number of `#rrggbb`.
pub fn rgb(color: &str) -> Option<u32> {
    let digits = color.strip_prefix('#').filter(|digits| digits.len() == 6)?;
    u32::from_str_radix(digits, 16).ok()
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Author {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icon_url: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Footer {
    pub text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icon_url: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    pub name: String,
    pub value: String,
    #[serde(default)]
    pub inline: bool,
}

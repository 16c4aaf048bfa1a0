//! The account's settings, and what a post may say for this platform alone.

use jarchi_plugin_sdk::{Account, Error, Post, Result};
use serde::{Deserialize, Serialize};
use serde_json::Map;

/// The account's block in the configuration, as `plugin.toml` declares it.
#[derive(Clone, Debug, Deserialize)]
pub struct Settings {
    /// The account's server, or the entryway in front of it.
    #[serde(default = "bluesky")]
    pub service: String,
    /// Handle, DID or e-mail address.
    pub identifier: String,
    /// Where numbers are read instead of at the server.
    #[serde(default)]
    pub app_view: Option<String>,
    #[serde(default)]
    pub video: VideoPath,
    #[serde(default)]
    pub shorten_links: Shorten,
}

fn bluesky() -> String {
    "https://bsky.social".into()
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VideoPath {
    /// To the account's server, like an image.
    #[default]
    Server,
    /// To Bluesky's video service, which transcodes it before the post is made.
    Service,
}

/// When the text shows links without their scheme, and cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shorten {
    /// Where the text would be too long otherwise.
    #[default]
    WhenNeeded,
    Always,
    Never,
}

impl Settings {
    /// # Errors
    /// `Invalid`: they are not as the manifest declares them.
    pub fn of(account: &Account) -> Result<Self> {
        let mut settings: Settings = serde_json::from_str(&account.settings).map_err(|error| {
            Error::invalid(format!("settings of account `{}`: {error}", account.name))
        })?;
        for url in [Some(&mut settings.service), settings.app_view.as_mut()]
            .into_iter()
            .flatten()
        {
            url.truncate(url.trim_end_matches('/').len());
        }
        // People write their handle as they see it.
        let handle = settings
            .identifier
            .trim()
            .trim_start_matches('@')
            .to_owned();
        settings.identifier = handle;
        Ok(settings)
    }
}

/// `options.bluesky` of a post.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// Languages of the text instead of the post's, at most three.
    pub langs: Option<Vec<String>>,
    /// Labels that the post puts on itself, instead of the one for sensitive media.
    pub labels: Option<Vec<Label>>,
    /// Hashtags that are not shown, at most eight.
    pub tags: Vec<String>,
    /// Who may reply; everybody where it is not given.
    pub replies: Option<Replies>,
    pub shorten_links: Option<Shorten>,
    /// False: a link becomes part of the text, not a card.
    pub card: Option<bool>,
}

/// The label values with which an author may mark a post.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum Label {
    #[serde(rename = "porn")]
    Porn,
    #[serde(rename = "sexual")]
    Sexual,
    #[serde(rename = "nudity")]
    Nudity,
    #[serde(rename = "graphic-media")]
    GraphicMedia,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(
    untagged,
    expecting = "`replies` is \"everybody\", \"nobody\", or a list of \"mentioned\", \"followers\" and \"following\""
)]
pub enum Replies {
    All(Everybody),
    Only(Vec<Rule>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Everybody {
    Everybody,
    Nobody,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    Mentioned,
    Followers,
    Following,
}

impl Options {
    /// # Errors
    /// What is wrong with them, in words.
    pub fn of(post: &Post) -> Result<Self, String> {
        // The host gives an object; a caller without options may leave it empty.
        match post.options.trim() {
            "" | "null" => Ok(Options::default()),
            options => serde_json::from_str::<Map<_, _>>(options)
                .and_then(|options| serde_json::from_value(options.into()))
                .map_err(|error| error.to_string()),
        }
    }
}

impl Replies {
    pub const EVERYBODY: Replies = Replies::All(Everybody::Everybody);
}

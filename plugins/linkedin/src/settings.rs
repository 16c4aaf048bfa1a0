//! The account's settings, and what a post may say for LinkedIn alone.

use jarchi_plugin_sdk::{Account, Error, Result};
use serde::Deserialize;

/// The API's version (`LinkedIn-Version`) where the account names none. A version ends
/// about a year after its month.
pub const VERSION: &str = "202606";

/// The account's block in the configuration.
#[derive(Debug, Deserialize)]
pub struct Settings {
    #[serde(default = "api")]
    pub api: String,
    /// Where people see posts, and where files are uploaded to.
    #[serde(default = "site")]
    pub site: String,
    #[serde(default = "version")]
    pub version: String,
    /// `urn:li:person:…` or `urn:li:organization:…`.
    #[serde(default)]
    pub author: Option<String>,
    #[serde(default)]
    pub visibility: Option<Audience>,
    /// The advertising account's number.
    #[serde(default)]
    pub ad_account: Option<String>,
    #[serde(default)]
    pub not_political: bool,
}

fn api() -> String {
    "https://api.linkedin.com".into()
}

fn site() -> String {
    "https://www.linkedin.com".into()
}

fn version() -> String {
    VERSION.into()
}

impl Settings {
    /// # Errors
    /// `Invalid`: they are not as the manifest declares them.
    pub fn of(account: &Account) -> Result<Self> {
        let mut settings: Settings = account.settings()?;
        for url in [&mut settings.api, &mut settings.site] {
            url.truncate(url.trim_end_matches('/').len());
        }
        if let Some(author) = &settings.author
            && !["urn:li:person:", "urn:li:organization:"]
                .iter()
                .any(|kind| author.len() > kind.len() && author.starts_with(kind))
        {
            return Err(Error::invalid(format!(
                "setting `author` is `{author}`; it is urn:li:person:ID or urn:li:organization:ID"
            )));
        }
        let six = settings.version.len() == 6;
        if !six || !settings.version.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Error::invalid(format!(
                "setting `version` is `{}`; it is a year and a month, as {VERSION}",
                settings.version
            )));
        }
        Ok(settings)
    }
}

/// Who sees a post.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    Public,
    Connections,
    LoggedIn,
}

impl Audience {
    /// The API's word.
    pub const fn name(self) -> &'static str {
        match self {
            Audience::Public => "PUBLIC",
            Audience::Connections => "CONNECTIONS",
            Audience::LoggedIn => "LOGGED_IN",
        }
    }
}

/// The keys of [`Options`].
pub const OPTIONS: [&str; 6] = [
    "visibility",
    "reshare",
    "reshare_of",
    "feed",
    "title",
    "question",
];

/// `options.linkedin` of a post.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Options {
    pub visibility: Option<Audience>,
    /// False: others can't reshare it.
    pub reshare: Option<bool>,
    /// The post that this one reshares (its URN).
    pub reshare_of: Option<String>,
    /// False: it is not put into feeds; a Page's posts only.
    pub feed: Option<bool>,
    /// Of a document or a video; else the file's name.
    pub title: Option<String>,
    /// Of a poll; else the text's first line.
    pub question: Option<String>,
}

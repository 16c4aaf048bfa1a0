//! The account's settings, and what a post may say for YouTube alone.

use jarchi_plugin_sdk::{Account, Error, Result};
use serde::Deserialize;

/// The API's version where the account names none.
pub const VERSION: &str = "v3";
/// Chunks are multiples of this (KiB), but the last ("Resumable Uploads").
pub const STEP: u64 = 256;

/// The account's block in the configuration.
#[derive(Debug, Deserialize)]
pub struct Settings {
    #[serde(default = "api")]
    pub api: String,
    /// Where reports are asked for.
    #[serde(default = "analytics")]
    pub analytics: String,
    /// Where people see videos.
    #[serde(default = "site")]
    pub site: String,
    #[serde(default = "version")]
    pub version: String,
    /// The channel's identifier.
    #[serde(default)]
    pub channel: Option<String>,
    #[serde(default)]
    pub category: Option<String>,
    #[serde(default)]
    pub visibility: Option<Privacy>,
    #[serde(default)]
    pub made_for_kids: bool,
    /// KiB.
    #[serde(default = "chunk")]
    pub chunk: u64,
}

fn api() -> String {
    "https://www.googleapis.com".into()
}

fn analytics() -> String {
    "https://youtubeanalytics.googleapis.com".into()
}

fn site() -> String {
    "https://www.youtube.com".into()
}

fn version() -> String {
    VERSION.into()
}

const fn chunk() -> u64 {
    16 * 1024
}

impl Settings {
    /// # Errors
    /// `Invalid`: they are not as the manifest declares them.
    pub fn of(account: &Account) -> Result<Self> {
        let mut settings: Settings = account.settings()?;
        for url in [
            &mut settings.api,
            &mut settings.analytics,
            &mut settings.site,
        ] {
            url.truncate(url.trim_end_matches('/').len());
        }
        // A gigabyte is far more than what helps.
        if settings.chunk == 0
            || !settings.chunk.is_multiple_of(STEP)
            || settings.chunk > 1024 * 1024
        {
            return Err(Error::invalid(format!(
                "setting `chunk` is {}; it is a multiple of {STEP} (KiB), at most 1048576",
                settings.chunk
            )));
        }
        Ok(settings)
    }
}

/// Who sees a video.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Privacy {
    Public,
    Unlisted,
    Private,
}

impl Privacy {
    /// The API's word.
    pub const fn name(self) -> &'static str {
        match self {
            Privacy::Public => "public",
            Privacy::Unlisted => "unlisted",
            Privacy::Private => "private",
        }
    }
}

/// A video's licence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum License {
    #[serde(rename = "youtube")]
    YouTube,
    #[serde(rename = "creative_commons")]
    CreativeCommons,
}

/// The keys of [`Options`].
pub const OPTIONS: [&str; 14] = [
    "title",
    "tags",
    "category",
    "language",
    "visibility",
    "publish_at",
    "made_for_kids",
    "synthetic",
    "notify_subscribers",
    "playlist",
    "short",
    "embeddable",
    "license",
    "captions",
];

/// `options.youtube` of a post.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Options {
    /// Else the text's first line.
    pub title: Option<String>,
    /// Else the post's hashtags.
    pub tags: Option<Vec<String>>,
    /// The number of a category.
    pub category: Option<String>,
    pub language: Option<String>,
    pub visibility: Option<Privacy>,
    /// When YouTube itself makes the video public (RFC 3339).
    pub publish_at: Option<String>,
    pub made_for_kids: Option<bool>,
    /// Realistic content that was altered or made by machines.
    pub synthetic: Option<bool>,
    pub notify_subscribers: Option<bool>,
    /// A playlist's identifier.
    pub playlist: Option<String>,
    /// Must become a Short: then its size and length are looked at.
    pub short: bool,
    pub embeddable: Option<bool>,
    pub license: Option<License>,
    /// Tracks, or what is to be said of the post's files of captions.
    pub captions: Vec<Caption>,
}

/// A track of captions.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Caption {
    /// The name of a file of the post.
    pub file: Option<String>,
    /// Or the cues themselves.
    pub text: Option<String>,
    /// Else the one in the file's name, else the post's.
    pub language: Option<String>,
    /// What people choose it by.
    pub name: String,
    /// Nobody sees it yet.
    pub draft: bool,
}

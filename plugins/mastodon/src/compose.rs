//! What a post becomes: one status, and a reply to the one before for every further part
//! and for the first comment.

use std::borrow::Cow;

pub use jarchi_plugin_sdk::compose::hashtag;
use jarchi_plugin_sdk::compose::whole_text;
use jarchi_plugin_sdk::{Account, MediaItem, Post, Result, Visibility};
use serde::Deserialize;

/// The account's settings that say how posts are published.
#[derive(Debug, Default, Deserialize)]
pub struct Settings {
    #[serde(default)]
    pub visibility: Option<Audience>,
}

/// A visibility as people write it.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    Public,
    Unlisted,
    #[serde(alias = "private")]
    Followers,
    Direct,
}

impl From<Visibility> for Audience {
    fn from(visibility: Visibility) -> Self {
        match visibility {
            Visibility::Public => Audience::Public,
            Visibility::Unlisted => Audience::Unlisted,
            Visibility::Followers => Audience::Followers,
            Visibility::Direct => Audience::Direct,
        }
    }
}

impl Audience {
    /// The API's word.
    pub fn name(self) -> &'static str {
        match self {
            Audience::Public => "public",
            Audience::Unlisted => "unlisted",
            Audience::Followers => "private",
            Audience::Direct => "direct",
        }
    }
}

/// What only Mastodon knows: `options.mastodon` of a post.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// The status that the post answers.
    #[serde(default)]
    pub reply_to: Option<String>,
    /// Who may quote it.
    #[serde(default)]
    pub quote_policy: Option<QuotePolicy>,
}

/// Who may quote a status.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QuotePolicy {
    Public,
    Followers,
    Nobody,
}

impl QuotePolicy {
    /// The API's word.
    pub fn name(self) -> &'static str {
        match self {
            QuotePolicy::Public => "public",
            QuotePolicy::Followers => "followers",
            QuotePolicy::Nobody => "nobody",
        }
    }
}

/// The settings of an account.
///
/// # Errors
/// `Invalid`, with the setting that does not fit.
pub fn settings(account: &Account) -> Result<Settings> {
    account.settings()
}

/// One status to be.
#[derive(Debug)]
pub struct Part<'a> {
    /// Where it stands in the post: `` for the post itself, else `thread[0].` or
    /// `first-comment`.
    pub place: String,
    pub text: Cow<'a, str>,
    pub media: &'a [MediaItem],
}

/// The statuses of a post, in order.
pub fn parts(post: &Post) -> Vec<Part<'_>> {
    let mut parts = vec![Part {
        place: String::new(),
        text: whole_text(post),
        media: &post.media,
    }];
    parts.extend(post.thread.iter().enumerate().map(|(index, part)| Part {
        place: format!("thread[{index}]."),
        text: Cow::Borrowed(part.text.as_str()),
        media: &part.media,
    }));
    parts.extend(post.first_comment.as_deref().map(|comment| Part {
        place: "first-comment".into(),
        text: Cow::Borrowed(comment),
        media: &[],
    }));
    parts
}

//! What a post becomes: one status, and a reply to the one before for every further part
//! and for the first comment.

use std::borrow::Cow;

use jarchi_plugin_sdk::{Account, MediaItem, Post, Result, Visibility, text};
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
        text: first_text(post),
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

/// The text, with the link and the hashtags that are not in it.
fn first_text(post: &Post) -> Cow<'_, str> {
    let mut whole = Cow::Borrowed(post.text.trim_end());
    let mut add = |piece: &str| {
        let whole = whole.to_mut();
        if !whole.is_empty() {
            whole.push_str("\n\n");
        }
        whole.push_str(piece);
    };
    if let Some(link) = &post.link
        && !text::urls(&post.text)
            .iter()
            .any(|url| same_address(url.text, &link.url))
    {
        add(&link.url);
    }
    let tags = missing_tags(post);
    if !tags.is_empty() {
        add(&tags.join(" "));
    }
    whole
}

fn same_address(one: &str, other: &str) -> bool {
    one.trim_end_matches('/') == other.trim_end_matches('/')
}

/// The hashtags that the text does not have, with their number sign, each once.
fn missing_tags(post: &Post) -> Vec<String> {
    let mut known: Vec<String> = text::hashtags(&post.text)
        .iter()
        .map(|tag| tag.text[1..].to_lowercase())
        .collect();
    let mut missing = Vec::new();
    for tag in &post.hashtags {
        let tag = hashtag(tag);
        if !tag.is_empty() && !known.contains(&tag.to_lowercase()) {
            known.push(tag.to_lowercase());
            missing.push(format!("#{tag}"));
        }
    }
    missing
}

/// A hashtag as Mastodon takes it: what is no letter, digit or underscore goes, and the
/// letter after it becomes a capital. Nothing is left where it has no letter.
pub fn hashtag(tag: &str) -> String {
    let tag = tag.trim().trim_start_matches(['#', '＃']);
    let mut word = String::with_capacity(tag.len());
    let mut gap = false;
    for character in tag.chars() {
        let mark = matches!(character, '\u{300}'..='\u{36f}' | '\u{200c}' | '\u{200d}');
        if character.is_alphanumeric() || character == '_' || mark {
            if gap && !word.is_empty() {
                word.extend(character.to_uppercase());
            } else {
                word.push(character);
            }
            gap = false;
        } else {
            gap = true;
        }
    }
    if word.chars().any(char::is_alphabetic) {
        word
    } else {
        String::new()
    }
}

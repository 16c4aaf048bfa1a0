//! What a post becomes: one post on X, and a reply to the one before for every further
//! part and for the first comment.

use std::borrow::Cow;

use jarchi_plugin_sdk::compose::whole_text;
use jarchi_plugin_sdk::{MediaItem, Poll, Post};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::api::Settings;

/// The names of [`Options`].
pub const OPTIONS: [&str; 12] = [
    "reply_to",
    "quote",
    "reply_settings",
    "community",
    "share_with_followers",
    "super_followers_only",
    "tagged_users",
    "place",
    "message_link",
    "made_with_ai",
    "paid_partnership",
    "ads_only",
];

/// What only X knows: `options.x` of a post. Identifiers are X's numbers, as text.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// The post that it replies to.
    pub reply_to: Option<String>,
    /// The post that it quotes.
    pub quote: Option<String>,
    pub reply_settings: Option<ReplySettings>,
    /// The community that it goes to.
    pub community: Option<String>,
    /// Shows a community's post to the account's followers as well.
    pub share_with_followers: bool,
    pub super_followers_only: bool,
    /// Up to ten accounts in the pictures.
    pub tagged_users: Vec<String>,
    pub place: Option<String>,
    /// An address that opens a direct message: `https://x.com/messages/compose?…`.
    pub message_link: Option<String>,
    pub made_with_ai: bool,
    pub paid_partnership: bool,
    /// Not in the timeline: for advertisements.
    pub ads_only: bool,
}

/// Who may reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum ReplySettings {
    #[serde(rename = "everyone")]
    Everyone,
    #[serde(rename = "following")]
    Following,
    #[serde(rename = "mentionedUsers", alias = "mentioned_users")]
    MentionedUsers,
    #[serde(rename = "subscribers")]
    Subscribers,
    #[serde(rename = "verified")]
    Verified,
}

impl ReplySettings {
    /// The API's word; none is everybody.
    fn name(self) -> Option<&'static str> {
        match self {
            ReplySettings::Everyone => None,
            ReplySettings::Following => Some("following"),
            ReplySettings::MentionedUsers => Some("mentionedUsers"),
            ReplySettings::Subscribers => Some("subscribers"),
            ReplySettings::Verified => Some("verified"),
        }
    }
}

/// One post to be.
#[derive(Debug)]
pub struct Part<'a> {
    /// Where it stands: `` for the post itself, else `thread[0].` or `first-comment`.
    pub place: String,
    pub text: Cow<'a, str>,
    pub media: &'a [MediaItem],
    pub poll: Option<&'a Poll>,
}

/// The posts, in order.
pub fn parts(post: &Post) -> Vec<Part<'_>> {
    let mut parts = vec![Part {
        place: String::new(),
        text: whole_text(post),
        media: &post.media,
        poll: post.poll.as_ref(),
    }];
    parts.extend(post.thread.iter().enumerate().map(|(index, part)| Part {
        place: format!("thread[{index}]."),
        text: Cow::Borrowed(part.text.as_str()),
        media: &part.media,
        poll: None,
    }));
    parts.extend(post.first_comment.as_deref().map(|comment| Part {
        place: "first-comment".into(),
        text: Cow::Borrowed(comment),
        media: &[],
        poll: None,
    }));
    parts
}

/// The body that publishes a part: `answers` is the part before it.
pub fn body(
    settings: &Settings,
    options: &Options,
    part: &Part<'_>,
    media: &[&str],
    answers: Option<&str>,
) -> Value {
    let mut body = Map::new();
    let mut put = |name: &str, value: Value| body.insert(name.to_owned(), value);
    let first = answers.is_none();
    put("text", json!(part.text));
    if !media.is_empty() {
        let mut files = json!({ "media_ids": media });
        if first && !options.tagged_users.is_empty() {
            files["tagged_user_ids"] = json!(options.tagged_users);
        }
        put("media", files);
    }
    if let Some(poll) = part.poll {
        put(
            "poll",
            json!({ "options": poll.options, "duration_minutes": poll.open_for / 60_000 }),
        );
    }
    if let Some(other) = answers.or(options.reply_to.as_deref()) {
        put("reply", json!({ "in_reply_to_tweet_id": other }));
    }
    let whoever = match options.reply_settings {
        Some(named) => named.name(),
        None => settings.reply_settings.as_deref(),
    };
    // Of replies, the conversation's first post decides.
    if let Some(name) = whoever.filter(|_| first && options.reply_to.is_none()) {
        put("reply_settings", json!(name));
    }
    if options.made_with_ai && !media.is_empty() {
        put("made_with_ai", json!(true));
    }
    if options.super_followers_only {
        put("for_super_followers_only", json!(true));
    }
    if options.paid_partnership {
        put("paid_partnership", json!(true));
    }
    if let Some(community) = &options.community {
        put("community_id", json!(community));
    }
    if options.ads_only {
        put("nullcast", json!(true));
    }
    if first {
        if let Some(quote) = &options.quote {
            put("quote_tweet_id", json!(quote));
        }
        if options.share_with_followers {
            put("share_with_followers", json!(true));
        }
        if let Some(place) = &options.place {
            put("geo", json!({ "place_id": place }));
        }
        if let Some(link) = &options.message_link {
            put("direct_message_deep_link", json!(link));
        }
    }
    Value::Object(body)
}

//! What a post becomes: parts, each of which answers the one before.

use std::borrow::Cow;

use jarchi_plugin_sdk::http::Request;
use jarchi_plugin_sdk::{MediaItem, MediaKind, Post, compose, media, text};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// What only Threads knows: `options.threads` of a post.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    pub topic_tag: Option<String>,
    pub reply_control: Option<Control>,
    /// The post that this one answers.
    pub reply_to: Option<String>,
    /// The post that this one quotes.
    pub quote: Option<String>,
    /// The number of a place.
    pub location: Option<String>,
}

/// The keys of [`Options`].
pub const OPTIONS: &[&str] = &[
    "topic_tag",
    "reply_control",
    "reply_to",
    "quote",
    "location",
];

/// Who may reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Control {
    Everyone,
    AccountsYouFollow,
    MentionedOnly,
    ParentPostAuthorOnly,
    FollowersOnly,
}

impl Control {
    const fn name(self) -> &'static str {
        match self {
            Control::Everyone => "everyone",
            Control::AccountsYouFollow => "accounts_you_follow",
            Control::MentionedOnly => "mentioned_only",
            Control::ParentPostAuthorOnly => "parent_post_author_only",
            Control::FollowersOnly => "followers_only",
        }
    }
}

/// One part.
#[derive(Debug)]
pub struct Part<'a> {
    /// `text`, `thread[0].text`, `first-comment`.
    pub place: String,
    pub text: Cow<'a, str>,
    pub media: &'a [MediaItem],
}

/// The parts of a post, in order.
pub fn parts(post: &Post) -> Vec<Part<'_>> {
    let mut parts = vec![Part {
        place: "text".into(),
        text: first_text(post),
        media: &post.media,
    }];
    parts.extend(post.thread.iter().enumerate().map(|(index, part)| Part {
        place: format!("thread[{index}].text"),
        text: Cow::Borrowed(part.text.trim_end()),
        media: &part.media,
    }));
    parts.extend(post.first_comment.as_deref().map(|comment| Part {
        place: "first-comment".into(),
        text: Cow::Borrowed(comment.trim_end()),
        media: &[],
    }));
    parts
}

/// A card is of texts alone; beside files the link stands in the text.
fn first_text(post: &Post) -> Cow<'_, str> {
    let text = post.text.trim_end();
    let Some(link) = &post.link else {
        return Cow::Borrowed(text);
    };
    let card = post.media.is_empty() && post.poll.is_none();
    if card || text::urls(text).iter().any(|url| url.text == link.url) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("{text}\n\n{}", link.url).trim_start().to_owned())
}

/// The one topic that a post has.
pub fn topic(post: &Post, options: &Options) -> Option<String> {
    let named = options.topic_tag.as_deref();
    let tag = named.or_else(|| post.hashtags.first().map(String::as_str))?;
    let tag = tag.trim().trim_start_matches('#').to_owned();
    match named {
        Some(_) => Some(tag),
        None => Some(compose::hashtag(&tag)),
    }
    .filter(|tag| !tag.is_empty())
}

/// A part's request, as Meta's collection writes them: all in the query.
#[derive(Debug, Default)]
pub struct Body(Vec<(&'static str, String)>);

impl Body {
    fn put(&mut self, name: &'static str, value: impl Into<String>) {
        self.0.push((name, value.into()));
    }

    /// Puts it into a request.
    pub fn into(self, request: Request) -> Request {
        self.0
            .into_iter()
            .fold(request, |request, (name, value)| request.query(name, value))
    }
}

/// A file's container: of the whole part, or of one of a carousel's files.
pub fn file(item: &MediaItem, child: bool) -> Body {
    let mut body = Body::default();
    let url = media::public_url(item);
    if item.kind == MediaKind::Video {
        body.put("media_type", "VIDEO");
        body.put("video_url", url);
    } else {
        body.put("media_type", "IMAGE");
        body.put("image_url", url);
    }
    if child {
        body.put("is_carousel_item", "true");
    }
    if let Some(alt) = item
        .alt
        .as_deref()
        .map(str::trim)
        .filter(|alt| !alt.is_empty())
    {
        body.put("alt_text", alt);
    }
    body
}

/// What is said of a whole part, on top of its media.
pub fn describe(
    mut body: Body,
    post: &Post,
    options: &Options,
    part: &Part<'_>,
    control: Option<Control>,
    before: Option<&str>,
) -> Body {
    if !part.text.is_empty() {
        body.put("text", part.text.as_ref());
    }
    if let Some(before) = before {
        body.put("reply_to_id", before);
    }
    if part.place != "text" {
        return body;
    }
    if before.is_none()
        && let Some(reply_to) = &options.reply_to
    {
        body.put("reply_to_id", reply_to.as_str());
    }
    if let Some(control) = options.reply_control.or(control) {
        body.put("reply_control", control.name());
    }
    if let Some(topic) = topic(post, options) {
        body.put("topic_tag", topic);
    }
    if let Some(quote) = &options.quote {
        body.put("quote_post_id", quote.as_str());
    }
    if let Some(location) = &options.location {
        body.put("location_id", location.as_str());
    }
    if let Some(poll) = &post.poll {
        let letters = ["option_a", "option_b", "option_c", "option_d"];
        let options: Map<String, Value> = letters
            .iter()
            .zip(&poll.options)
            .map(|(letter, option)| ((*letter).to_owned(), json!(option)))
            .collect();
        body.put("poll_attachment", Value::Object(options).to_string());
    } else if let Some(link) = post.link.as_ref().filter(|_| part.media.is_empty()) {
        body.put("link_attachment", link.url.as_str());
    }
    body
}

/// A text's container.
pub fn words() -> Body {
    let mut body = Body::default();
    body.put("media_type", "TEXT");
    body
}

/// The container around a carousel's files.
pub fn around(children: &[&str]) -> Body {
    let mut body = Body::default();
    body.put("media_type", "CAROUSEL");
    body.put("children", children.join(","));
    body
}

//! What a post becomes: one container, or one for each file and one around them.

use std::borrow::Cow;

use jarchi_plugin_sdk::{MediaItem, MediaKind, Post, Result, compose, media};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::api::{Settings, Videos};

/// What only Instagram knows: `options.instagram` of a post.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// What it becomes; a reel of one video, else a post of the feed.
    pub kind: Option<Asked>,
    /// Whether a reel is shown in the feed as well; Instagram does so unless told.
    pub share_to_feed: Option<bool>,
    /// The number of a Page that has a place (Facebook Login).
    pub location: Option<String>,
    /// Names of accounts that are invited as authors.
    pub collaborators: Vec<String>,
    pub user_tags: Vec<Tag>,
    /// A reel's cover: the frame at so many milliseconds.
    pub thumb_offset: Option<u64>,
    /// A reel's cover: the address of a JPEG.
    pub cover: Option<String>,
    /// The name of a reel's own sound.
    pub audio_name: Option<String>,
    /// A reel that is shown to those who don't follow first.
    pub trial: Option<Trial>,
}

/// The keys of [`Options`].
pub const OPTIONS: &[&str] = &[
    "kind",
    "share_to_feed",
    "location",
    "collaborators",
    "user_tags",
    "thumb_offset",
    "cover",
    "audio_name",
    "trial",
];

/// What a post is asked to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Asked {
    Feed,
    Reel,
    Story,
}

/// When a trial reel is shown to followers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trial {
    /// When somebody says so in the app.
    Manual,
    /// When it does well.
    SsPerformance,
}

/// An account that is tagged in a picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tag {
    pub username: String,
    /// From the left, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x: Option<f64>,
    /// From the top, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub y: Option<f64>,
    /// Which file of the post, counted from 0.
    #[serde(default, skip_serializing)]
    pub media: usize,
}

/// What a post is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Image,
    Reel,
    Story,
    Carousel,
}

/// A post, seen as Instagram takes it.
#[derive(Debug)]
pub struct Plan<'a> {
    pub kind: Kind,
    pub options: Options,
    pub caption: Cow<'a, str>,
    pub media: &'a [MediaItem],
}

impl<'a> Plan<'a> {
    /// # Errors
    /// `Invalid`: the options don't fit.
    pub fn of(post: &'a Post) -> Result<Self> {
        Ok(Self::with(post, post.options()?))
    }

    /// With options that were read already.
    pub fn with(post: &'a Post, options: Options) -> Self {
        let kind = match (options.kind, post.media.as_slice()) {
            (Some(Asked::Story), _) => Kind::Story,
            (Some(Asked::Reel), _) => Kind::Reel,
            (_, [one]) if one.kind == MediaKind::Video => Kind::Reel,
            (_, [] | [_]) => Kind::Image,
            _ => Kind::Carousel,
        };
        Plan {
            kind,
            options,
            caption: compose::whole_text(post),
            media: &post.media,
        }
    }

    /// The container of a file: of the whole post, unless it is a carousel.
    pub fn item(&self, settings: &Settings, index: usize) -> Value {
        let mut body = Map::new();
        let Some(file) = self.media.get(index) else {
            return Value::Object(body);
        };
        let video = file.kind == MediaKind::Video;
        let mut put = |name: &str, value: Value| body.insert(name.to_owned(), value);
        match (video, settings.videos) {
            (false, _) => put("image_url", json!(media::public_url(file))),
            (true, Videos::Url) => put("video_url", json!(media::public_url(file))),
            (true, Videos::Bytes) => put("upload_type", json!("resumable")),
        };
        match self.kind {
            Kind::Carousel => {
                put("is_carousel_item", json!(true));
                if video {
                    put("media_type", json!("VIDEO"));
                }
            }
            Kind::Story => {
                put("media_type", json!("STORIES"));
            }
            Kind::Reel => {
                put("media_type", json!("REELS"));
            }
            Kind::Image => {}
        }
        // Reels and stories take no alternative text ("IG User Media").
        if let Some(alt) = file.alt.as_deref().map(str::trim)
            && !alt.is_empty()
            && !video
            && self.kind != Kind::Story
        {
            put("alt_text", json!(alt));
        }
        let tags: Vec<&Tag> = self.tags(index).collect();
        if !tags.is_empty() {
            put("user_tags", json!(tags));
        }
        if self.kind != Kind::Carousel {
            self.describe(&mut body);
        }
        Value::Object(body)
    }

    /// The tags of a file.
    pub fn tags(&self, index: usize) -> impl Iterator<Item = &Tag> {
        let tags = self.options.user_tags.iter();
        tags.filter(move |tag| tag.media == index)
    }

    /// The container around a carousel's files.
    pub fn parent(&self, children: &[&str]) -> Value {
        let mut body = Map::new();
        body.insert("media_type".into(), json!("CAROUSEL"));
        body.insert("children".into(), json!(children));
        self.describe(&mut body);
        Value::Object(body)
    }

    /// What is said of the whole post.
    fn describe(&self, body: &mut Map<String, Value>) {
        let options = &self.options;
        let mut put = |name: &str, value: Value| body.insert(name.to_owned(), value);
        if self.kind == Kind::Story {
            return;
        }
        if !self.caption.is_empty() {
            put("caption", json!(self.caption));
        }
        if let Some(location) = &options.location {
            put("location_id", json!(location));
        }
        if !options.collaborators.is_empty() {
            let names = options.collaborators.iter();
            let names: Vec<&str> = names.map(|name| name.trim_start_matches('@')).collect();
            put("collaborators", json!(names));
        }
        if self.kind != Kind::Reel {
            return;
        }
        if let Some(share) = options.share_to_feed {
            put("share_to_feed", json!(share));
        }
        if let Some(cover) = &options.cover {
            put("cover_url", json!(cover));
        } else if let Some(offset) = options.thumb_offset {
            put("thumb_offset", json!(offset.to_string()));
        }
        if let Some(name) = &options.audio_name {
            put("audio_name", json!(name));
        }
        if let Some(trial) = options.trial {
            let strategy = match trial {
                Trial::Manual => "MANUAL",
                Trial::SsPerformance => "SS_PERFORMANCE",
            };
            put("trial_params", json!({ "graduation_strategy": strategy }));
        }
    }
}

//! What a post becomes on TikTok.

use std::borrow::Cow;

use jarchi_plugin_sdk::{MediaKind, Post, Result, Visibility, compose, media};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::Settings;

/// What only TikTok knows: `options.tiktok`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Options {
    /// Of photos.
    pub title: Option<String>,
    pub privacy: Option<Privacy>,
    pub draft: Option<bool>,
    pub comments: Option<bool>,
    pub duets: Option<bool>,
    pub stitches: Option<bool>,
    /// A paid partnership.
    pub brand_content: bool,
    /// For the account's own business.
    pub own_brand: bool,
    pub made_with_ai: bool,
    /// The moment whose picture is the cover (milliseconds).
    pub cover_at: Option<u64>,
    /// The number of the photo that is the cover, from 0.
    pub cover_photo: usize,
    /// TikTok chooses music for photos.
    pub music: bool,
}

/// The keys of [`Options`].
pub const OPTIONS: [&str; 12] = [
    "title",
    "privacy",
    "draft",
    "comments",
    "duets",
    "stitches",
    "brand_content",
    "own_brand",
    "made_with_ai",
    "cover_at",
    "cover_photo",
    "music",
];

/// Who sees a post, in the API's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Privacy {
    PublicToEveryone,
    MutualFollowFriends,
    FollowerOfCreator,
    SelfOnly,
}

impl Privacy {
    pub fn name(self) -> &'static str {
        match self {
            Privacy::PublicToEveryone => "PUBLIC_TO_EVERYONE",
            Privacy::MutualFollowFriends => "MUTUAL_FOLLOW_FRIENDS",
            Privacy::FollowerOfCreator => "FOLLOWER_OF_CREATOR",
            Privacy::SelfOnly => "SELF_ONLY",
        }
    }
}

/// A post as it goes to TikTok.
pub struct Plan<'a> {
    pub post: &'a Post,
    pub is_video: bool,
    pub draft: bool,
    pub text: Cow<'a, str>,
    pub options: Options,
    pub privacy: String,
    interactions: bool,
}

impl<'a> Plan<'a> {
    /// # Errors
    /// `Invalid`: the options do not fit.
    pub fn of(settings: &Settings, post: &'a Post) -> Result<Self> {
        let options: Options = post.options()?;
        let asked = options.privacy.or(match post.visibility {
            Some(Visibility::Public) => Some(Privacy::PublicToEveryone),
            Some(Visibility::Followers) => Some(Privacy::FollowerOfCreator),
            Some(Visibility::Direct) => Some(Privacy::SelfOnly),
            Some(Visibility::Unlisted) | None => None,
        });
        let first = post.media.first();
        Ok(Plan {
            post,
            is_video: first.is_some_and(|file| file.kind == MediaKind::Video),
            draft: options.draft.unwrap_or(settings.draft),
            text: compose::whole_text(post),
            privacy: asked.map_or_else(|| settings.privacy.clone(), |one| one.name().to_owned()),
            interactions: settings.interactions,
            options,
        })
    }

    fn allows(&self, own: Option<bool>) -> bool {
        own.unwrap_or(self.interactions)
    }

    /// `creator` is what the creator forbids: comments, duets, stitches.
    fn info(&self, creator: (bool, bool, bool)) -> Value {
        let options = &self.options;
        json!({
            "privacy_level": self.privacy,
            "disable_comment": creator.0 || !self.allows(options.comments),
            "disable_duet": creator.1 || !self.allows(options.duets),
            "disable_stitch": creator.2 || !self.allows(options.stitches),
            "brand_content_toggle": options.brand_content,
            "brand_organic_toggle": options.own_brand,
        })
    }

    /// The body that announces a video of these chunks.
    pub fn video(&self, creator: (bool, bool, bool), size: u64, chunk: u64) -> Value {
        let source = json!({
            "source": "FILE_UPLOAD", "video_size": size, "chunk_size": chunk,
            "total_chunk_count": (size / chunk).max(1),
        });
        if self.draft {
            return json!({ "source_info": source });
        }
        let mut info = self.info(creator);
        info["title"] = json!(self.text);
        info["is_aigc"] = json!(self.options.made_with_ai);
        if let Some(moment) = self.options.cover_at {
            info["video_cover_timestamp_ms"] = json!(moment);
        }
        json!({ "post_info": info, "source_info": source })
    }

    /// The body that publishes photos.
    pub fn photos(&self, creator: (bool, bool, bool)) -> Value {
        let mut info = json!({ "description": self.text });
        if !self.draft {
            info = self.info(creator);
            info["description"] = json!(self.text);
            info["auto_add_music"] = json!(self.options.music);
            // Of videos alone.
            if let Some(fields) = info.as_object_mut() {
                fields
                    .retain(|name, _| !matches!(name.as_str(), "disable_duet" | "disable_stitch"));
            }
        }
        if let Some(title) = &self.options.title {
            info["title"] = json!(title);
        }
        let images: Vec<String> = self.post.media.iter().map(media::public_url).collect();
        json!({
            "post_info": info,
            "source_info": {
                "source": "PULL_FROM_URL", "photo_cover_index": self.options.cover_photo,
                "photo_images": images,
            },
            "post_mode": if self.draft { "MEDIA_UPLOAD" } else { "DIRECT_POST" },
            "media_type": "PHOTO",
        })
    }
}

//! What a post becomes on a Page.

use std::borrow::Cow;

use jarchi_plugin_sdk::{Error, MediaItem, MediaKind, Post, Result, Timestamp, compose, time};
use serde::Deserialize;

/// What only Facebook knows: `options.facebook`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Options {
    /// The video becomes a reel.
    pub reel: bool,
    /// The photo or the video becomes a story, which ends after a day.
    pub story: bool,
    /// Facebook publishes it by itself at this time (RFC 3339), 10 minutes to 30 days from
    /// when it is handed over.
    pub schedule: Option<String>,
    /// A video's title.
    pub title: Option<String>,
}

/// The keys of [`Options`].
pub const OPTIONS: [&str; 4] = ["reel", "story", "schedule", "title"];

/// What kind of post it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A text, with a link or photos or without.
    Feed,
    Video,
    Reel,
    PhotoStory,
    VideoStory,
}

impl Kind {
    /// A story, which has neither text nor comments.
    pub fn is_story(self) -> bool {
        matches!(self, Kind::PhotoStory | Kind::VideoStory)
    }

    /// Its photos are uploaded, and then the post is made of them.
    pub fn is_of_photos(self) -> bool {
        matches!(self, Kind::Feed | Kind::PhotoStory)
    }
}

impl Options {
    /// When Facebook is to publish it.
    ///
    /// # Errors
    /// `Invalid`: it is no time.
    pub fn planned(&self) -> Result<Option<Timestamp>> {
        let Some(text) = self.schedule.as_deref() else {
            return Ok(None);
        };
        let moment = time::parse_rfc3339(text).ok_or_else(|| {
            Error::invalid(format!(
                "options.schedule: `{text}` is no time, as `2026-12-01T09:00:00+04:00` is"
            ))
        })?;
        // Facebook counts in seconds.
        Ok(Some(moment / 1000 * 1000))
    }
}

/// A post as it goes to the Page.
pub struct Plan<'a> {
    pub kind: Kind,
    pub message: Cow<'a, str>,
    /// The address that Facebook makes a card of.
    pub link: Option<&'a str>,
    pub media: &'a [MediaItem],
    pub options: Options,
    /// When Facebook is to publish it; none where that is at once.
    pub planned: Option<Timestamp>,
}

impl<'a> Plan<'a> {
    /// # Errors
    /// `Invalid`: the options do not fit.
    pub fn of(post: &'a Post) -> Result<Self> {
        let options: Options = post.options()?;
        let planned = options.planned()?;
        let kind = match post.media.first() {
            Some(file) if file.kind == MediaKind::Video && options.story => Kind::VideoStory,
            Some(_) if options.story => Kind::PhotoStory,
            Some(file) if file.kind == MediaKind::Video && options.reel => Kind::Reel,
            Some(file) if file.kind == MediaKind::Video => Kind::Video,
            _ => Kind::Feed,
        };
        // A card takes the place of a link in the text; with files there is none.
        let link = post.link.as_ref().filter(|_| post.media.is_empty());
        let message = match link {
            Some(_) => {
                let bare = Post {
                    link: None,
                    ..post.clone()
                };
                Cow::Owned(compose::whole_text(&bare).into_owned())
            }
            None => compose::whole_text(post),
        };
        Ok(Plan {
            kind,
            message,
            link: link.map(|link| link.url.as_str()),
            media: &post.media,
            options,
            planned,
        })
    }
}
